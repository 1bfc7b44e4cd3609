//! What people do about incidents, on the ledgers of the example case.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hinomi::casework::{Actor, Casework};
use hinomi::live::Watching;
use hinomi::pages::{Asked, Person, Reading, Refused, Shown};
use hinomi::scan::Subjects;
use hinomi_ledger::{Bundle, SystemEntropy};
use hinomi_server::pages::Told;
use serde_json::{Value, json};

use crate::live::{case, follow, options};
use crate::pages::{Masked, Pages, Plain, reader};
use crate::support::{list, text};

const PATIENCE: Duration = Duration::from_mins(1);

fn person(raw: bool) -> Person {
    Person { actor: Actor { account: "a1".to_owned(), name: "aoki".to_owned() }, raw }
}

/// Somebody acts on an incident.
struct Acting<'a> {
    pages: &'a Pages,
    incident: &'a str,
}

impl Acting<'_> {
    fn act(&self, operation: &str, body: &Value, version: Option<u64>) -> Result<Told, Refused> {
        self.on(operation, ("", body, version), (&Plain, true))
    }

    fn on(
        &self,
        operation: &str,
        (clock, body, version): (&str, &Value, Option<u64>),
        (names, raw): (&dyn Shown, bool),
    ) -> Result<Told, Refused> {
        let parts = [("id", self.incident), ("clock", clock)];
        let body = body.to_string();
        let (by, query, body) = ("aoki", "zone=Asia/Tokyo&lang=ja", body.as_bytes());
        let asked = Asked { operation, by, names, parts: &parts, query, body, version, japanese: false };
        self.pages.reading.act(&asked, &person(raw)).unwrap()
    }

    /// An act that is done; its answer has the form that the contract names.
    fn done(&self, operation: &str, body: &Value, version: Option<u64>) -> Value {
        let told = self.act(operation, body, version).unwrap_or_else(|e| panic!("{operation}: {e}"));
        self.checked(operation, &told)
    }

    fn checked(&self, operation: &str, told: &Told) -> Value {
        let answer = told.body.clone().unwrap();
        self.pages.check(operation, &answer);
        answer
    }

    fn incident(&self) -> Value {
        self.pages.answer("readIncident", "zone=Asia/Tokyo", self.incident)
    }
}

#[test]
fn an_incident_is_worked_on_exported_and_rebuilt_from_the_decision_ledger() {
    let data = case("casework", 5);
    follow(options(&data));
    let casework = Arc::new(Casework::open(&data, &SystemEntropy).unwrap().0);
    let mut pages = Pages::of(&data);
    pages.reading = Reading::start(data.clone(), None, None).unwrap().with_casework(casework.clone());
    let told = pages.told();
    let incidents = list(&told, "items");
    let gravest = text(&incidents[0], "id").to_owned();
    let acting = Acting { pages: &pages, incident: &gravest };
    assert!(text(&acting.incident()["headline"], "en").contains(" Asia/Tokyo"));

    let note = acting.done("addNote", &json!({ "text": "火の見：<b>見た</b>" }), None);
    assert_eq!((text(&note, "by"), text(&note, "text")), ("aoki", "火の見：<b>見た</b>"));
    deadline_and_decision(&acting);
    states(&acting);
    suppressions(&acting);
    export(&acting);

    let before = acting.incident();
    assert_eq!((list(&before, "notes").len(), list(&before, "decisions").len()), (1, 1));
    // The folder is lost behind the back of the program; the decision ledger has every step.
    let watching = Watching::start(options(&data), vec![casework.notes()], |_| {}).unwrap();
    let begun = Instant::now();
    while !casework.notes().from(0).is_empty() {
        assert!(begun.elapsed() < PATIENCE, "steps do not reach the decision ledger");
        std::thread::sleep(Duration::from_millis(50));
    }
    watching.stop();
    drop((pages, casework));
    std::fs::remove_dir_all(data.join("cases")).unwrap();
    let casework = Arc::new(Casework::open(&data, &SystemEntropy).unwrap().0);
    let mut pages = Pages::of(&data);
    pages.reading = Reading::start(data, None, None).unwrap().with_casework(casework);
    pages.told();
    let after = Acting { pages: &pages, incident: &gravest }.incident();
    for part in ["notes", "decisions", "clocks", "state", "assignee"] {
        assert_eq!(before[part], after[part], "{part}");
    }
}

/// A reference of a detection of the incident.
fn cited(acting: &Acting<'_>) -> String {
    let detections = acting.pages.answer("listIncidentDetections", "limit=5", acting.incident);
    text(&list(&list(&detections, "items")[0], "evidence")[0], "reference").to_owned()
}

fn deadline_and_decision(acting: &Acting<'_>) {
    let reference = cited(acting);
    let known = json!({ "kind": "appi-preliminary", "since": "2026-11-20T00:00:00Z", "reason": "報告を受けた", "evidence": [reference] });
    let clock = acting.done("startClock", &known, None);
    assert_eq!(text(&clock, "due").get(..19), Some("2026-11-24T15:00:00"));
    assert!(matches!(acting.act("startClock", &known, None), Err(Refused::Conflict(_))));
    let id = text(&clock, "id");
    let version = acting.act("changeIncident", &json!({ "state": "contained", "reason": "cut off" }), None);
    assert!(matches!(version, Err(Refused::VersionNeeded)));
    // The digest of something else, a record that is not there, a reference of elsewhere.
    let (place, _) = reference.rsplit_once('@').unwrap();
    let other = format!("{place}@{}", "0".repeat(64));
    let far = format!("log:elsewhere/1/1#0.0@{}", "0".repeat(64));
    let shown = acting.incident();
    let current = list(&shown, "clocks")[0].clone();
    assert!(current["closed"].is_null());
    for bad in [&other, &far, "x", ""] {
        let closing = json!({ "reason": "sent", "evidence": [bad] });
        let answer = acting.on("closeClock", (id, &closing, Some(3)), (&Plain, true));
        assert!(matches!(answer, Err(Refused::Senseless(_))), "{bad}");
    }
    let closing = json!({ "reason": "sent", "evidence": [reference] });
    let stale = acting.on("closeClock", (id, &closing, Some(0)), (&Plain, true));
    assert!(matches!(stale, Err(Refused::Changed)));
    assert!(matches!(
        acting.on("closeClock", ("c999", &closing, Some(2)), (&Plain, true)),
        Err(Refused::NotFound)
    ));
    let met = acting.on("closeClock", (id, &closing, Some(2)), (&Plain, true)).unwrap();
    let met = acting.checked("closeClock", &met);
    assert_eq!(text(&met["closed"], "by"), "aoki");
    let decision = json!({ "decision": "No payment", "reason": "policy", "evidence": [reference] });
    acting.done("addDecision", &decision, None);
    let unknown = json!({ "decision": "x", "reason": "y", "evidence": [other] });
    assert!(matches!(acting.act("addDecision", &unknown, None), Err(Refused::Senseless(_))));
}

fn states(acting: &Acting<'_>) {
    let close = json!({ "state": "closed", "reason": "nothing is left" });
    let stranger = json!({ "assignee": "nobody-here", "reason": "taken" });
    assert!(matches!(acting.act("changeIncident", &stranger, Some(4)), Err(Refused::Senseless(_))));
    assert!(matches!(acting.act("changeIncident", &close, Some(3)), Err(Refused::Changed)));
    let closed = acting.act("changeIncident", &close, Some(4)).unwrap();
    assert!(closed.version > Some(4));
    assert_eq!(text(&acting.checked("changeIncident", &closed), "state"), "closed");
    let open = acting.pages.answer("listIncidents", "state=open&limit=500", "");
    assert!(list(&open, "items").iter().all(|row| text(row, "id") != acting.incident));
    let today = acting.pages.answer("readToday", "", "");
    assert!(list(&today, "incidents").iter().all(|row| text(row, "id") != acting.incident));
}

fn suppressions(acting: &Acting<'_>) {
    let wanted = json!({ "name": "scanner", "rule": null, "host": "SCAN01", "account": "sato", "reason": "agreed", "expires": "2099-01-01T00:00:00Z" });
    assert!(
        matches!(acting.act("addSuppression", &wanted, None), Err(Refused::Senseless(_))),
        "too far ahead"
    );
    let far = json!({ "name": "scanner", "rule": null, "host": null, "account": null, "reason": "agreed", "expires": "x" });
    assert!(matches!(acting.act("addSuppression", &far, None), Err(Refused::Senseless(_))));
    let listed = acting.pages.answer("listSuppressions", "", "");
    assert!(list(&listed, "items").is_empty());
}

fn export(acting: &Acting<'_>) {
    let nothing = json!({});
    let page = |names: &dyn Shown, raw| {
        let told = acting.on("exportIncident", ("", &nothing, None), (names, raw)).unwrap();
        String::from_utf8(told.file.unwrap().html).unwrap()
    };
    let shown = page(&Plain, true);
    assert!(
        shown.contains("&lt;b&gt;見た&lt;/b&gt;") && !shown.contains("<b>見た"),
        "what people write is text"
    );
    let (_, rest) = shown.split_once("id=\"proof\">").unwrap();
    let proofs: Value = serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap();
    let proofs = list(&proofs, "proofs");
    assert!(!proofs.is_empty());
    let signer = reader(acting.pages.data()).identity().signer.clone();
    for proof in proofs {
        let bundle = list(proof, "bundles")[0].as_str().unwrap();
        let proven =
            Bundle::from_json(bundle.as_bytes()).unwrap().verify(std::slice::from_ref(&signer), &[]).unwrap();
        assert!(!proven.record.bytes.is_empty(), "{}", text(proof, "reference"));
    }
    // Without the right to raw records, or without the names, there are neither in it.
    for other in [page(&Plain, false), page(&Masked, true)] {
        assert!(!other.contains("id=\"proof\">"));
    }
    let masked = page(&Masked, true);
    let incident = acting.pages.answer("readIncident", "", acting.incident);
    // Accounts of systems, such as root, are nobody's name.
    let subjects = Subjects::bundled().unwrap();
    let names = list(&incident, "accounts").iter().filter_map(Value::as_str);
    let names: Vec<&str> = names.filter(|name| !subjects.is_shared_account(name)).collect();
    assert!(!names.is_empty());
    for name in names {
        assert!(!masked.to_lowercase().contains(&name.to_lowercase()), "{name}");
    }
}
