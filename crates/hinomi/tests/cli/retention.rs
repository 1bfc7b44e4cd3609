//! Rules of retention, holds and incidents as a user records them, and what they forbid.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{hinomi, stdout};

struct Case {
    at: PathBuf,
    data: String,
}

fn say(args: &[&str], code: i32) -> String {
    let output = hinomi(args);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {error}");
    stdout(&output) + &error
}

impl Case {
    /// A ledger with one record of `mail01` in class `mail`, and an approved order to erase it.
    fn new(name: &str) -> (Self, String) {
        let at = Path::new(env!("CARGO_TARGET_TMPDIR")).join("retention").join(name);
        let _ = std::fs::remove_dir_all(&at);
        std::fs::create_dir_all(&at).unwrap();
        let data = at.join("data").display().to_string();
        let case = Self { at, data };
        let eraser = case.at.join("eraser").display().to_string();
        let public = say(&["ledger", "erasure-key", "--out", &eraser], 0);
        let line = case.file("line", "a line\n");
        let append = [
            "ledger",
            "append",
            "--source",
            "mail01",
            "--class",
            "mail",
            "--erasure-key",
            public.trim(),
            &line,
        ];
        case.run(&append, 0);
        let order =
            ["ledger", "erase", "--source", "mail01", "--class", "mail", "--reason", "request 9", "--day"];
        let order = case.run(&[&order[..], &[&case.day()]].concat(), 0);
        let order = case.file("order", &order);
        let approved = say(&["ledger", "approve", "--key", &eraser, &order], 0);
        let approved = case.file("approved", &approved);
        (case, approved)
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.at.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    fn run(&self, args: &[&str], code: i32) -> String {
        say(&[args, &["--data", &self.data]].concat(), code)
    }

    fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.run(&[args, &["--json"]].concat(), 0)).unwrap()
    }

    /// The day on which everything was received.
    fn day(&self) -> String {
        let rows = self.json(&["ledger", "stats"]);
        let mail = rows["rows"].as_array().unwrap().iter().find(|row| row["source"] == "mail01").unwrap();
        mail["day"].as_str().unwrap().to_owned()
    }

    fn kept(&self) -> (u64, Vec<String>) {
        let due = self.json(&["ledger", "retention", "due"]);
        let [row] = &due["rows"].as_array().unwrap()[..] else { return (99, Vec::new()) };
        let reasons = row["kept_because"].as_array().unwrap().iter();
        (due["due"].as_u64().unwrap(), reasons.map(|r| r.as_str().unwrap().to_owned()).collect())
    }
}

#[test]
fn what_is_held_or_part_of_an_incident_is_not_erased() {
    let (case, approved) = Case::new("enforced");
    let erase = ["ledger", "erase", "--approval", &approved];
    assert_eq!(case.kept(), (0, vec!["no rule covers its class".to_owned()]));
    case.run(
        &["ledger", "hold", "add", "suit 7", "--reason", "court", "--owner", "counsel", "--source", "mail01"],
        0,
    );
    assert!(case.run(&erase, 2).contains("legal hold"));
    assert_eq!(case.kept().1, ["no rule covers its class", "hold suit 7"]);
    // A name is used once, a hold is lifted once, and what never was is not lifted.
    case.run(&["ledger", "hold", "add", "suit 7", "--reason", "again", "--owner", "counsel"], 2);
    case.run(&["ledger", "hold", "lift", "suit 8", "--reason", "settled", "--owner", "counsel"], 2);
    case.run(&["ledger", "hold", "lift", "suit 7", "--reason", "settled", "--owner", "counsel"], 0);
    case.run(&["ledger", "hold", "lift", "suit 7", "--reason", "settled", "--owner", "counsel"], 2);
    let holds = case.json(&["ledger", "hold", "list"]);
    assert_eq!(holds["holds"][0]["name"], "suit 7");
    assert_eq!(
        holds["holds"][0]["lifted"].as_str().unwrap(),
        case.json(&["ledger", "retention", "due"])["today"]
    );
    case.run(
        &["ledger", "retention", "touch", "--incident", "INC-4", "--source", "mail01", "--from", &case.day()],
        0,
    );
    assert!(case.kept().1.contains(&"open incident INC-4".to_owned()), "{:?}", case.kept());
    case.run(&erase, 2);
    case.run(&["ledger", "retention", "close", "--incident", "INC-4"], 0);
    assert!(case.kept().1.iter().any(|reason| reason.starts_with("closed incident INC-4 until")));
    case.run(&erase, 2);
    // Nobody who looks at the log later has to take anybody's word for it.
    let verified = hinomi(&["verify", "ledger", "--data", &case.data, "--json"]);
    assert_eq!(verified.status.code(), Some(3), "consistent, and nobody vouches");
}

#[test]
fn another_source_is_not_held_and_is_erased() {
    let (case, approved) = Case::new("free");
    case.run(
        &["ledger", "hold", "add", "suit 7", "--reason", "court", "--owner", "counsel", "--source", "mail02"],
        0,
    );
    case.run(
        &["ledger", "retention", "touch", "--incident", "I", "--source", "mail02", "--from", &case.day()],
        0,
    );
    case.run(&["ledger", "erase", "--approval", &approved], 0);
    let due = case.json(&["ledger", "retention", "due"]);
    assert_eq!(due["rows"].as_array().unwrap().len(), 0, "what is erased is not due");
}

#[test]
fn rules_have_a_purpose_an_owner_and_a_time() {
    let (case, _) = Case::new("rules");
    let set = |text: &str, code| {
        let file = case.file("rules.yaml", text);
        case.run(&["ledger", "retention", "set", &file], code)
    };
    let default = case.json(&["ledger", "retention", "show"]);
    assert_eq!(
        (default["recorded"].as_bool(), default["classes"]["security-evidence"]["keep_days"].as_u64()),
        (Some(false), Some(400))
    );
    set("classes:\n  mail:\n    purpose: tracing deliveries\n    owner: mail team\n", 2);
    set("classes:\n  mail:\n    purpose: ' '\n    owner: mail team\n    keep_days: 30\n", 2);
    set("classes:\n  mail:\n    purpose: tracing\n    owner: mail team\n    keep_days: 0\n", 2);
    set("classes: {}\nkeep: 3\n", 2);
    assert_eq!(case.json(&["ledger", "retention", "show"])["recorded"], false, "nothing of it was recorded");
    set("classes:\n  mail:\n    purpose: tracing deliveries\n    owner: mail team\n    keep_days: 30\n", 0);
    let shown = case.json(&["ledger", "retention", "show"]);
    assert_eq!(
        (shown["recorded"].as_bool(), shown["shorter_than_known_dwell"][0].as_str()),
        (Some(true), Some("mail"))
    );
    let (due, reasons) = case.kept();
    assert!(due == 0 && reasons[0].starts_with("by its class until "), "{reasons:?}");
    for lang in ["ja", "en"] {
        let page = case.run(&["ledger", "retention", "show", "--lang", lang], 0);
        assert!(
            page.contains("tracing deliveries") && page.contains("mail team") && page.contains("136"),
            "{page}"
        );
    }
}
