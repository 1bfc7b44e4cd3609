//! Work on incidents at a server at work: suppressions hold from then on, deadlines are told, and a stranger's requests end
//! in no fault.

use std::process::Command;

use hinomi_testkit::authenticator::Authenticator;
use serde_json::{Value, json};

use crate::access::{World, begin, run};
use crate::alerts::{Webhook, events, policy, prepared, until};
use crate::support::{Answer, Served};

/// A responder at the pages of a server.
struct Responder {
    world: World,
    cookie: String,
}

/// The session of a new account.
fn enrolled(world: &World, name: &str, role: &str) -> String {
    let (_, link) = run(&world.served.data(), &["invite", name, "--role", role]);
    let link =
        link.lines().find_map(|line| line.trim().rsplit_once("/enrol/").map(|(_, secret)| secret.to_owned()));
    world.enrol(&link.unwrap(), &Authenticator::p256(&world.origin, "localhost"))
}

impl Responder {
    fn at(served: Served) -> Self {
        let world = begin(served);
        let cookie = enrolled(&world, "resp", "responder");
        Self { world, cookie }
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.world.send(method, path, &self.cookie, body)
    }

    fn get(&self, path: &str) -> Value {
        let answer = self.send("GET", path, &Value::Null);
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }

    fn made(&self, path: &str, body: &Value) -> Value {
        let answer = self.send("POST", path, body);
        assert_eq!(answer.status, 201, "{path}: {}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }

    fn alerts(&self, host: &str) -> usize {
        let alerts = self.get("/api/v1/alerts?limit=500");
        alerts["items"].as_array().unwrap().iter().filter(|alert| alert["host"] == host).count()
    }
}

#[test]
fn suppressions_hold_at_once_and_deadlines_are_told() {
    let Some(webhook) = Webhook::start("ok") else { return };
    let pages = "[pages]\nat = \"127.0.0.1:0\"\n";
    let folder = prepared(|folder| [pages, &policy("hook"), &webhook.sink(folder)].concat());
    let who = Responder::at(Served::start_in(folder));
    events(&who.world.served, "HOST1", "marker-high", 1);
    until("an alert", || (who.alerts("HOST1") == 1).then_some(()));
    let tomorrow = (jiff::Timestamp::now() + jiff::Span::new().hours(24)).to_string();
    let wanted = json!({ "name": "scanner", "rule": null, "host": "scan01", "account": null, "reason": "agreed", "expires": tomorrow });
    who.made("/api/v1/suppressions", &wanted);
    assert_eq!(who.send("POST", "/api/v1/suppressions", &wanted).status, 409);
    // What is critical is told although the host is suppressed: the suppression names no rule.
    events(&who.world.served, "SCAN01", "marker-high", 3);
    events(&who.world.served, "SCAN01", "marker-critical", 1);
    events(&who.world.served, "HOST2", "marker-high", 1);
    until("alerts behind those that are hidden", || (who.alerts("HOST2") == 1).then_some(()));
    assert_eq!(who.alerts("SCAN01"), 1);
    let counted = || {
        let listed = who.get("/api/v1/suppressions");
        (listed["items"][0]["hidden"] == 3).then_some(listed["items"][0].clone())
    };
    let row = until("what was hidden is counted", counted);
    assert_eq!((&row["owner"], &row["expired"]), (&json!("resp"), &json!(false)));
    // The detections are there all the same.
    let incident = until("incidents are told", || {
        let answer = who.send("GET", "/api/v1/incidents?limit=500", &Value::Null);
        let all = (answer.status == 200).then(|| answer.json())?;
        let hosts = |row: &Value| row["hosts"].as_array().unwrap().iter().any(|host| host == "SCAN01");
        all["items"].as_array().unwrap().iter().find(|row| hosts(row)).cloned()
    });
    let path = format!("/api/v1/incidents/{}", incident["id"].as_str().unwrap());
    let since = (jiff::Timestamp::now() - jiff::Span::new().hours(80)).to_string();
    let known =
        json!({ "kind": "first-72-hours", "since": since, "reason": "told by a supplier", "evidence": [] });
    let clock = who.made(&format!("{path}/clocks"), &known);
    let messages = || {
        let seen = webhook.seen("ok");
        seen.iter().any(|one| one.to_string().contains("incident-deadline-over")).then_some(())
    };
    until("somebody is told that a deadline is over", messages);
    let close = json!({ "state": "closed", "reason": "done" });
    assert_eq!(who.send("PATCH", &path, &close).status, 428);
    assert_eq!(who.get(&path)["next_due"], clock["due"]);
    let id = row["id"].as_str().unwrap();
    let ended = who.send(
        "POST",
        &format!("/api/v1/suppressions/{id}/end"),
        &json!({ "reason": "the audit is over" }),
    );
    assert_eq!((ended.status, &ended.json()["lifted"]), (200, &json!(true)));
    audited(&who, incident["id"].as_str().unwrap());
}

/// An auditor sees who did what, one list by time, whole however it is cut.
fn audited(who: &Responder, incident: &str) {
    let auditor = enrolled(&who.world, "aud", "auditor");
    let ask = |query: &str| who.world.send("GET", &format!("/api/v1/audit?{query}"), &auditor, &Value::Null);
    let list = |query: &str| {
        let answer = ask(query);
        assert_eq!(answer.status, 200, "{query}: {}", String::from_utf8_lossy(&answer.body));
        answer.json()
    };
    let actions = |page: &Value| -> Vec<String> {
        let of = page["items"].as_array().unwrap().iter().map(|one| one["action"].as_str().unwrap());
        of.map(str::to_owned).collect()
    };
    let quiet = until("the end of the suppression is in the decision ledger", || {
        let page = list("kind=suppression&limit=500");
        actions(&page).contains(&"lifted".to_owned()).then_some(page)
    });
    let said = actions(&quiet);
    assert!(said.contains(&"suppressed".to_owned()) && said.contains(&"hid".to_owned()), "{said:?}");
    let made = quiet["items"].as_array().unwrap().iter().find(|one| one["action"] == "suppressed").unwrap();
    assert_eq!((&made["actor_name"], &made["name"]), (&json!("resp"), &json!("scanner")));
    assert_eq!((&made["details"]["reason"], &made["details"]["host"]), (&json!("agreed"), &json!("scan01")));
    let deadline = list("kind=incident&limit=500");
    let deadline = deadline["items"].as_array().unwrap().iter().find(|one| one["action"] == "began").unwrap();
    assert_eq!((&deadline["incident"], &deadline["actor_name"]), (&json!(incident), &json!("resp")));
    let accounts = list("kind=account&limit=500");
    assert!(actions(&accounts).contains(&"enrolled".to_owned()), "{accounts}");
    assert_eq!(list("kind=hunt&limit=500")["items"], json!([]));
    // In parts it is the same list. Nothing is added meanwhile that is newer than its first line.
    let whole = list("limit=500");
    let kinds = whole["items"].as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap());
    assert_eq!(kinds.collect::<std::collections::BTreeSet<_>>().len(), 3);
    let (mut parts, mut after) = (Vec::new(), String::new());
    loop {
        let part = list(&format!("limit=3{after}"));
        parts.extend(part["items"].as_array().unwrap().iter().cloned());
        let Some(next) = part["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    let begun = parts.iter().position(|one| Some(one) == whole["items"].get(0)).unwrap();
    assert_eq!(parts[begun..], whole["items"].as_array().unwrap()[..]);
    for senseless in ["after=x", "after=1", "kind=planet", "limit=0", "account=a1"] {
        assert_eq!(ask(senseless).status, 400, "{senseless}");
    }
    assert_eq!(who.send("GET", "/api/v1/audit", &Value::Null).status, 403);
}

/// What a tool of other makers sends of these operations is answered as the contract says.
#[test]
fn what_a_fuzzer_makes_of_work_on_incidents_never_ends_in_a_fault() {
    let tool = std::env::var("HINOMI_SCHEMATHESIS").unwrap_or_else(|_| "schemathesis".to_owned());
    let there = Command::new(&tool).arg("--version").output().is_ok_and(|done| done.status.success());
    if !there {
        println!("SKIPPED: schemathesis is not installed");
        return;
    }
    let folder = tempfile::TempDir::new().unwrap();
    let listen = "[[listen]]\nname = \"h\"\nat = \"127.0.0.1:0\"\nreceive = [\"http\"]\n[pages]\nat = \"127.0.0.1:0\"\n";
    crate::support::write_configuration(folder.path(), listen);
    let who = Responder::at(Served::start_in(folder));
    until("incidents are told", || {
        (who.send("GET", "/api/v1/incidents", &Value::Null).status == 200).then_some(())
    });
    let contract = who.world.served.folder.path().join("contract.json");
    std::fs::write(&contract, who.send("GET", "/api/v1/openapi.json", &Value::Null).body).unwrap();
    let cookie = format!("Cookie: {}", who.cookie);
    let checks =
        "not_a_server_error,content_type_conformance,status_code_conformance,response_schema_conformance";
    let mut fuzz = Command::new("timeout");
    fuzz.args(["100", &tool, "run"]).arg(&contract).args(["--url", &who.world.origin, "--checks", checks]);
    fuzz.args(["-H", &cookie, "-H", "X-Hinomi: 1", "--phases", "coverage,fuzzing", "--max-examples", "2"]);
    for operation in [
        "changeIncident",
        "addNote",
        "addDecision",
        "startClock",
        "closeClock",
        "exportIncident",
        "listSuppressions",
        "addSuppression",
        "endSuppression",
    ] {
        fuzz.args(["--include-operation-id", operation]);
    }
    fuzz.args(["--seed", "1", "--workers", "1", "--no-shrink"]);
    let done = fuzz.current_dir(who.world.served.folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{said}\n{}", String::from_utf8_lossy(&done.stderr));
    let cases =
        said.lines().find_map(|line| line.trim().strip_suffix(" passed")?.split(' ').next()?.parse().ok());
    assert!(cases.is_some_and(|cases: u32| cases > 50), "{said}");
}
