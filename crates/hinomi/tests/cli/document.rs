//! The report as a document: it holds, it cannot be altered unseen, and nothing in it runs.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{hinomi, root, stdout};

const OPENS: &str = "<script type=\"application/json\" id=\"hinomi-data\">";

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A copy of the recorded case and a report on it.
struct Scene {
    sources: PathBuf,
    report: PathBuf,
}

impl Scene {
    fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("document").join(name);
        let _ = std::fs::remove_dir_all(&folder);
        let sources = folder.join("sources");
        copy(&root().join("examples/case"), &sources);
        let report = folder.join("report.html");
        let output = hinomi(&[
            "investigate",
            sources.to_str().unwrap(),
            "-q",
            "--tz",
            "Asia/Tokyo",
            "-o",
            "json",
            "--output-file",
            folder.join("full.json").to_str().unwrap(),
            "--report",
            report.to_str().unwrap(),
        ]);
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
        Self { sources, report }
    }

    fn text(&self) -> String {
        std::fs::read_to_string(&self.report).unwrap()
    }

    fn data(&self) -> Value {
        let text = self.text();
        let data = text.split_once(OPENS).unwrap().1.split_once("</script>").unwrap().0;
        serde_json::from_str(data).unwrap()
    }

    fn set_data(&self, data: &Value) {
        let text = self.text();
        let (before, rest) = text.split_once(OPENS).unwrap();
        let after = rest.split_once("</script>").unwrap().1;
        std::fs::write(&self.report, format!("{before}{OPENS}{data}</script>{after}")).unwrap();
    }

    /// Exit code and what does not hold.
    fn verify(&self) -> (i32, Vec<String>) {
        let output = hinomi(&[
            "verify",
            "report",
            self.report.to_str().unwrap(),
            self.sources.to_str().unwrap(),
            "--json",
        ]);
        let code = output.status.code().unwrap();
        let body: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|e| panic!("{code}: {e}: {}", String::from_utf8_lossy(&output.stderr)));
        let faults = body["faults"].as_array().unwrap().iter().map(|f| f.as_str().unwrap().to_owned());
        (code, faults.collect())
    }

    /// A cited source.
    fn cited(&self) -> PathBuf {
        PathBuf::from(self.data()["files"][0]["path"].as_str().unwrap())
    }

    fn rejects(&self, wanted: &str) {
        let (code, faults) = self.verify();
        assert_eq!(code, 4, "{faults:?}");
        assert!(faults.iter().any(|f| f.contains(wanted)), "no fault says {wanted:?}: {faults:?}");
    }
}

/// A copy of the recorded case and what `--json` says of it.
struct Kept {
    sources: PathBuf,
    document: PathBuf,
}

impl Kept {
    fn new(name: &str, more: &[&str]) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("document").join(name);
        let _ = std::fs::remove_dir_all(&folder);
        let sources = folder.join("sources");
        copy(&root().join("examples/case"), &sources);
        let document = folder.join("case.json");
        let asked = ["investigate", sources.to_str().unwrap(), "-q", "--tz", "Asia/Tokyo", "--json"];
        let output = hinomi(&[&asked, more, &["--output-file", document.to_str().unwrap()]].concat());
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
        Self { sources, document }
    }

    fn said(&self) -> Value {
        serde_json::from_str(&std::fs::read_to_string(&self.document).unwrap()).unwrap()
    }

    /// Exit code, faults and how many detections were left out, of the document with something changed.
    fn verify(&self, change: impl FnOnce(&mut Value)) -> (i32, Vec<String>, u64) {
        let mut said = self.said();
        change(&mut said);
        let altered = self.document.with_file_name("altered.json");
        std::fs::write(&altered, format!("{said:#}\n")).unwrap();
        let asked = ["verify", "report", altered.to_str().unwrap(), self.sources.to_str().unwrap(), "--json"];
        let output = hinomi(&asked);
        let body: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)));
        let faults =
            body["faults"].as_array().unwrap().iter().map(|f| f.as_str().unwrap().to_owned()).collect();
        (output.status.code().unwrap(), faults, body["left_out"].as_u64().unwrap())
    }

    /// Something that was changed is found.
    fn rejects(&self, wanted: &str, change: &dyn Fn(&mut Value)) {
        let (code, faults, _) = self.verify(change);
        assert_eq!(code, 4, "{wanted}");
        assert!(faults.iter().any(|fault| fault.contains(wanted)), "no fault says {wanted:?}: {faults:?}");
    }
}

#[test]
fn what_json_says_holds_wherever_its_sources_are() {
    let mut kept = Kept::new("json-holds", &[]);
    assert!(kept.said()["detections"].as_array().unwrap().len() > 20);
    assert_eq!(kept.verify(|_| {}), (0, vec![], 0));
    let elsewhere = kept.sources.with_file_name("moved");
    std::fs::rename(&kept.sources, &elsewhere).unwrap();
    kept.sources = elsewhere;
    assert_eq!(kept.verify(|_| {}), (0, vec![], 0));
    let whole = Kept::new("json-files", &["--cite", "files", "--since", "2026-11-22T07:40"]);
    assert_eq!(whole.verify(|_| {}), (0, vec![], 0));
    // Beyond a bound nothing is looked for, and correlations made of what was kept hold.
    let few = Kept::new("json-few", &["--max-detections", "4"]);
    let unlisted = few.said()["summary"]["unlisted"].as_u64().unwrap();
    assert!(unlisted > 0 && few.said()["detections"].as_array().unwrap().len() >= 4);
    assert_eq!(few.verify(|_| {}), (0, vec![], 0));
}

#[test]
fn what_json_never_said_does_not_hold() {
    let kept = Kept::new("json-altered", &[]);
    let rejects = |wanted: &str, change: &dyn Fn(&mut Value)| kept.rejects(wanted, change);
    rejects("account is said to be", &|said| said["detections"][3]["account"] = "somebody".into());
    rejects("time is said to be", &|said| {
        said["detections"][3]["time"] = "2026-11-22T00:00:00.000000000Z".into();
    });
    rejects("evidence is said to be", &|said| said["detections"][3]["evidence"][0]["offset"] = 1.into());
    rejects("no rule finds it", &|said| said["detections"][3]["id"] = "0".repeat(32).into());
    rejects("it is listed twice", &|said| {
        let again = said["detections"][3].clone();
        said["detections"].as_array_mut().unwrap().push(again);
    });
    rejects("leaves it out", &|said| drop(said["detections"].as_array_mut().unwrap().remove(3)));
    rejects("make other incidents", &|said| said["incidents"][0]["level"] = "low".into());
    rejects("make other incidents", &|said| drop(said["incidents"].as_array_mut().unwrap().pop()));
    // Whatever it may lack, it lacks no more than it says; saying so is seen.
    let less = |said: &mut Value, by: usize| said["detections"].as_array_mut().unwrap().truncate(20 - by);
    let many = kept.said()["detections"].as_array().unwrap().len() as u64;
    let hides = |count: u64| {
        serde_json::json!([{"name": "n", "owner": "o", "reason": "r", "expires": null,
                                                 "expired": false, "hidden": count}])
    };
    rejects("and it says that 1 are", &|said| {
        less(said, 0);
        said["suppressions"] = hides(1);
    });
    rejects("leaves it out", &|said| {
        less(said, 0);
        said["suppressions"] = hides(0);
        said["ledgers"] = serde_json::json!([{"path": "x", "origin": "a ledger", "size": 0, "root": ""}]);
    });
    // What was suppressed cannot be told without the list: it is counted, and not settled.
    let (code, faults, left_out) = kept.verify(|said| {
        less(said, 3);
        said["suppressions"] = hides(many - 17);
    });
    assert_eq!((code, faults, left_out), (3, vec![], many - 17));
    for more in [1, 1_000_000] {
        rejects("are said to be suppressed", &|said| {
            less(said, 3);
            said["suppressions"] = hides(many - 17 + more);
        });
    }
    rejects("and it says that 3 are", &|said| {
        less(said, 3);
        said["suppressions"] = hides(3);
        said["summary"]["unlisted"] = (many - 20).into();
    });
    rejects("are said to be suppressed", &|said| said["suppressions"] = hides(1));
    // Another window would let events disappear.
    rejects("no rule finds it", &|said| said["reading"]["since"] = "2026-11-23T00:00:00Z".into());
}

#[test]
fn what_json_never_said_of_the_whole_does_not_hold() {
    let kept = Kept::new("json-whole", &[]);
    let rejects = |wanted: &str, change: &dyn Fn(&mut Value)| kept.rejects(wanted, change);
    rejects("not among the given paths", &|said| {
        said["ledgers"] = serde_json::json!([{"path": "x", "origin": "a ledger", "size": 0, "root": ""}]);
    });
    rejects("is no part of such a document", &|said| said["verdict"] = "all clear".into());
    rejects("is not what the logs give", &|said| said["sources"][0]["note"] = "complete".into());
    rejects("summary.note is said to be", &|said| said["summary"]["note"] = 1.into());
    rejects("diagnostics", &|said| said["diagnostics"] = serde_json::json!([]));
    // What is said of the whole input.
    for name in ["events", "logs", "bytes", "unlisted"] {
        rejects(&format!("summary.{name} is said to be"), &|said| {
            let count = said["summary"][name].as_u64().unwrap();
            said["summary"][name] = (count + 1).into();
        });
    }
    rejects("summary.first is said to be", &|said| said["summary"]["first"] = Value::Null);
    rejects("summary.detections is said to be", &|said| said["summary"]["detections"]["high"] = 0.into());
    rejects("is not what the logs give", &|said| said["sources"][1]["seen"] = 1.into());
    rejects("is not what the logs give", &|said| said["sources"][0]["gaps"] = serde_json::json!([]));
    rejects("sources are listed", &|said| drop(said["sources"].as_array_mut().unwrap().pop()));
    // A smaller bound than the one that held would let detections disappear.
    rejects("no rule finds it", &|said| said["reading"]["max_detections"] = 2.into());
}

#[test]
fn sources_that_were_altered_contradict_what_json_says() {
    let kept = Kept::new("json-source", &[]);
    let log = kept.sources.join("gw01/var/log/auth.log");
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(text.contains("Accepted password for ctr-adm01"));
    std::fs::write(&log, text.replace("Accepted password for ctr-adm01", "Accepted password for ctr-adm02"))
        .unwrap();
    let (code, faults, _) = kept.verify(|_| {});
    assert_eq!(code, 4);
    assert!(faults.iter().any(|fault| fault.contains("no rule finds it")), "{faults:?}");
    assert!(faults.iter().any(|fault| fault.contains("leaves it out")), "{faults:?}");
}

#[test]
fn an_untouched_report_holds_wherever_its_sources_are() {
    let scene = Scene::new("holds");
    let data = scene.data();
    assert!(data["citations"].as_array().unwrap().len() > 10);
    assert_eq!(scene.verify(), (0, vec![]));
    let elsewhere = scene.sources.with_file_name("moved");
    std::fs::rename(&scene.sources, &elsewhere).unwrap();
    let moved = Scene { sources: elsewhere, report: scene.report };
    assert_eq!(moved.verify(), (0, vec![]));
}

#[test]
fn an_altered_source_byte_is_rejected() {
    let scene = Scene::new("byte");
    let path = scene.cited();
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 2;
    bytes[last] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    scene.rejects("no file with the cited content");
}

#[test]
fn an_altered_sentence_is_rejected() {
    let scene = Scene::new("sentence");
    let text = scene.text();
    let altered = text.replacen("ctr-adm01", "ctr-adm02", 1);
    assert_ne!(text, altered);
    std::fs::write(&scene.report, &altered).unwrap();
    scene.rejects("is not what its data says");
    // The same in every place, data included: then the source contradicts it.
    std::fs::write(&scene.report, text.replace("ctr-adm01", "ctr-adm02")).unwrap();
    scene.rejects("account is said to be \"ctr-adm02\", the event states \"ctr-adm01\"");
}

#[test]
fn a_swapped_citation_is_rejected() {
    let scene = Scene::new("swapped");
    let mut data = scene.data();
    let citations = data["citations"].as_array_mut().unwrap();
    // Two citations of different rules exchange the events they point to.
    let differs =
        |c: &Value| c["rule"] != citations[0]["rule"] && c["reference"] != citations[0]["reference"];
    let other = citations.iter().position(differs).unwrap();
    for part in ["file", "reference"] {
        let kept = citations[0][part].clone();
        citations[0][part] = citations[other][part].clone();
        citations[other][part] = kept;
    }
    scene.set_data(&data);
    scene.rejects("citation [1]");
}

#[test]
fn a_removed_source_and_another_file_of_its_name_are_rejected() {
    let scene = Scene::new("removed");
    let path = scene.cited();
    let bytes = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    scene.rejects("no file with the cited content is among the given paths");
    // The same name and the same size, another content.
    std::fs::write(&path, vec![b'x'; bytes.len()]).unwrap();
    scene.rejects("a file of that name has other content");
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(scene.verify(), (0, vec![]));
}

#[test]
fn an_altered_certainty_stage_or_rule_is_rejected() {
    let scene = Scene::new("typed");
    let original = scene.data();
    let alter = |pointer: &str, value: Value, wanted: &str| {
        let mut data = original.clone();
        *data.pointer_mut(pointer).unwrap() = value;
        scene.set_data(&data);
        scene.rejects(wanted);
    };
    let steps = original["incidents"][0]["steps"].as_array().unwrap();
    let estimated = steps.iter().position(|s| s["certainty"] == "estimated").unwrap();
    alter(
        &format!("/incidents/0/steps/{estimated}/certainty"),
        "confirmed".into(),
        "certainty does not follow",
    );
    alter(
        "/incidents/0/steps/0/stages",
        serde_json::json!(["impact"]),
        "its stages are not those of the rule",
    );
    alter("/rules/0/title", "Nothing happened".into(), "otherwise than it describes itself");
    alter("/citations/0/time", "2001-01-01T00:00:00.000000000Z".into(), "time is said to be");
}

#[test]
fn the_page_needs_nothing_from_outside() {
    let text = Scene::new("alone").text();
    for outside in ["src=", "href=\"http", "url(", "@import", "<link", "<iframe", "style="] {
        assert!(!text.contains(outside), "{outside}");
    }
    assert!(text.contains("default-src 'none'"));
    assert!(text.len() < 5_000_000);
    let spans = |lang: &str| text.matches(&format!("<span lang=\"{lang}\">")).count();
    assert!(spans("en") > 50 && spans("en") == spans("ja"));
}

/// A log line whose user name and command are markup and script.
fn hostile(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("document").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(folder.join("logs")).unwrap();
    let evil = "</script><script>document.title='taken'</script><img src=x onerror=document.title='taken'>\\u202egpj.exe";
    let event = |n: u32| {
        format!(
            "{{\"@timestamp\":\"2026-01-10T01:02:0{n}Z\",\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\
             \"Provider_Name\":\"Microsoft-Windows-Sysmon\",\"EventID\":1,\"Computer\":\"<b>srv\\u202e1</b>\",\
             \"User\":\"{evil}\",\"Image\":\"C:\\\\x\\\\{n}.exe\",\"CommandLine\":\"wevtutil cl Security {evil}\"}}\n"
        )
    };
    std::fs::write(folder.join("logs/events.json"), event(1) + &event(2)).unwrap();
    let rule = "title: \"<i>t</i>\\\"'\"\nid: 3f0c2a54-5d2f-4f7e-9b1c-1d2e3f4a5b6c\nlogsource: {product: windows}\n\
                detection:\n  k: {CommandLine|contains: wevtutil}\n  condition: k\nlevel: high\n";
    std::fs::write(folder.join("rule.yml"), rule).unwrap();
    let report = folder.join("report.html");
    let path = |p: &Path| p.to_str().unwrap().to_owned();
    let output = hinomi(&[
        "investigate",
        &path(&folder.join("logs")),
        "-q",
        "-r",
        &path(&folder.join("rule.yml")),
        "-o",
        "json",
        "--output-file",
        &path(&folder.join("full.json")),
        "--report",
        &path(&report),
        "--report",
        &path(&folder.join("report.md")),
    ]);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    report
}

#[test]
fn nothing_from_a_log_becomes_markup() {
    let report = hostile("hostile");
    let text = std::fs::read_to_string(&report).unwrap();
    assert!(text.contains("taken"), "the hostile text is shown");
    assert_eq!(text.matches("<script").count(), 2, "the data and our own");
    for raw in ["<img", "<b>srv", "<i>t", "\u{202e}"] {
        assert!(!text.contains(raw), "{raw}");
    }
    let markdown = std::fs::read_to_string(report.with_extension("md")).unwrap();
    assert!(!markdown.contains(['<', '\u{202e}']), "{markdown}");
    let folder = report.parent().unwrap();
    let path = |p: &Path| p.to_str().unwrap().to_owned();
    let output =
        hinomi(&["verify", "report", &path(&report), &path(folder), "-r", &path(&folder.join("rule.yml"))]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
}

#[test]
fn a_real_browser_runs_our_script_and_no_other() {
    let report = hostile("browser");
    let profile = report.with_file_name("profile");
    let dom = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", "--virtual-time-budget=2000"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("file://{}", report.display()))
        .output();
    let Ok(dom) = dom else {
        println!("SKIPPED: chromium is not installed");
        return;
    };
    let dom = String::from_utf8_lossy(&dom.stdout);
    assert!(
        dom.contains("<title>Hinomi"),
        "a script of the log changed the title, or the page is empty: {}",
        dom.len()
    );
    let after = dom.split_once("step-now screen").expect("there is a graph").1;
    let shown = after.split_once('>').unwrap().1;
    assert!(
        shown.starts_with("<time>"),
        "our own script did not run: {}",
        shown.get(..80).unwrap_or_default()
    );
}

#[test]
fn the_layer_names_the_techniques_of_the_steps() {
    let scene = Scene::new("layer");
    let layer = scene.report.with_file_name("layer.json");
    hinomi(&[
        "investigate",
        scene.sources.to_str().unwrap(),
        "-q",
        "--tz",
        "Asia/Tokyo",
        "-o",
        "json",
        "--output-file",
        scene.report.with_extension("full").to_str().unwrap(),
        "--report",
        layer.to_str().unwrap(),
    ]);
    let layer: Value = serde_json::from_str(&std::fs::read_to_string(layer).unwrap()).unwrap();
    let ids: Vec<&str> =
        layer["techniques"].as_array().unwrap().iter().map(|t| t["techniqueID"].as_str().unwrap()).collect();
    assert!(ids.contains(&"T1133") && ids.contains(&"T1562.012"), "{ids:?}");
    assert_eq!(layer["domain"], "enterprise-attack");
}

/// Logs that leave out the year are guessed as they were then, whatever became of the files' times, and whatever was asked for.
#[test]
fn years_are_guessed_as_they_were() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("document/years");
    let _ = std::fs::remove_dir_all(&folder);
    let logs = folder.join("logs");
    std::fs::create_dir_all(&logs).unwrap();
    let line = |month: &str, n: u32, what: &str| {
        format!(
            "{month} {:02} 10:00:{n:02} web1 sshd[7]: {what} password for root from 203.0.113.9 port 22 ssh2\n",
            n % 9 + 10
        )
    };
    let guessed = |month: &str| -> String {
        let tries = (0..40).map(|n| format!("{month} 10 10:00:{n:02} web1 sshd[7]: Failed password for root from 203.0.113.9 port 22 ssh2\n"));
        tries
            .chain([format!(
                "{month} 10 10:01:00 web1 sshd[7]: Accepted password for root from 203.0.113.9 port 22 ssh2\n"
            )])
            .collect()
    };
    let old = guessed("Mar") + &line("Apr", 1, "Failed");
    let new = guessed("Feb") + &guessed("May") + &line("Jun", 2, "Failed");
    let write = |name: &str, text: &str, year: i64| {
        std::fs::write(logs.join(name), text).unwrap();
        let seconds = (year - 1970) * 31_556_952 + 20_000_000;
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds as u64);
        std::fs::File::options().write(true).open(logs.join(name)).unwrap().set_modified(time).unwrap();
    };
    write("old.log", &old, 2024);
    write("new.log", &new, 2026);
    let path = |at: &Path| at.to_str().unwrap().to_owned();
    let json = path(&folder.join("d.json"));
    let html = path(&folder.join("d.html"));
    let copy_of = |name: &str| {
        let to = folder.join(name);
        copy(&logs, &to);
        to
    };
    let bare = copy_of("bare");
    for more in [
        &["--tz", "UTC"][..],
        &["--tz", "UTC", "--until", "2026-04-01"],
        &["--tz", "UTC", "--since", "2024-01-01"],
    ] {
        let made = hinomi(
            &[
                &["investigate", "-q", &path(&logs), "--json", "--output-file", &json, "--report", &html],
                more,
            ]
            .concat(),
        );
        assert!(matches!(made.status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&made.stderr));
        let said: Value = serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
        assert!(said["summary"]["first"].as_str().unwrap().starts_with("2024-"), "{:#}", said["summary"]);
        assert!(!said["detections"].as_array().unwrap().is_empty());
        for (document, from) in [(&json, &logs), (&json, &bare), (&html, &logs), (&html, &bare)] {
            let checked = hinomi(&["verify", "report", document, &path(from)]);
            let told = String::from_utf8_lossy(&checked.stdout).into_owned();
            assert_eq!(checked.status.code(), Some(0), "{more:?} {document} {}: {told}", from.display());
        }
    }
}

/// What was suppressed is settled by the list; another list is seen.
#[test]
fn suppressions_are_settled_by_their_list() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("document/suppressed");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let list = |name: &str, host: &str| {
        let text = format!(
            "suppressions:\n- name: n\n  owner: o\n  reason: r\n  expires: 2199-01-01\n  host: {host}\n"
        );
        std::fs::write(folder.join(name), text).unwrap();
        folder.join(name).to_str().unwrap().to_owned()
    };
    let (own, other) = (list("own.yaml", "gw01"), list("other.yaml", "fs01"));
    let document = folder.join("d.json").to_str().unwrap().to_owned();
    let case = root().join("examples/case").to_str().unwrap().to_owned();
    let made =
        hinomi(&["investigate", "-q", &case, "--suppress", &own, "--json", "--output-file", &document]);
    assert_eq!(made.status.code(), Some(1));
    let code =
        |more: &[&str]| hinomi(&[&["verify", "report", &document, &case], more].concat()).status.code();
    assert_eq!(code(&[]), Some(3), "the list was not given");
    assert_eq!(code(&["--suppress", &own]), Some(0));
    assert_eq!(code(&["--suppress", &other]), Some(4));
}

/// Logs that overlap give the same in any order of the paths.
#[test]
fn the_order_of_paths_changes_nothing() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("document/order");
    let _ = std::fs::remove_dir_all(&folder);
    let line = |n: u32, what: &str| {
        format!(
            "2026-03-10T10:00:{n:02}Z web1 sshd[7]: {what} password for root from 203.0.113.9 port 22 ssh2\n"
        )
    };
    let log: String = (0..40).map(|n| line(n, "Failed")).chain([line(50, "Accepted")]).collect();
    let folders = ["a", "b"].map(|name| folder.join(name));
    for (folder, text) in folders.iter().zip([log.clone(), log + &line(55, "Failed")]) {
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(folder.join("auth.log"), text).unwrap();
    }
    let [a, b] = folders.map(|folder| folder.to_str().unwrap().to_owned());
    let document = folder.join("d.json").to_str().unwrap().to_owned();
    let made = hinomi(&["investigate", "-q", &a, &b, "--json", "--output-file", &document]);
    assert_eq!(made.status.code(), Some(1), "{}", String::from_utf8_lossy(&made.stderr));
    for paths in [[&a, &b], [&b, &a]] {
        let checked = hinomi(&["verify", "report", &document, paths[0], paths[1]]);
        assert_eq!(checked.status.code(), Some(0), "{}", String::from_utf8_lossy(&checked.stdout));
    }
}
