//! What people do about incidents, kept and refused.

use std::collections::BTreeSet;

use hinomi_testkit::seeded::SeededEntropy;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    at("2026-11-23T00:00:00Z")
}

fn who(name: &str) -> Actor {
    Actor { account: "a1".to_owned(), name: name.to_owned() }
}

fn open(data: &Path) -> Casework {
    let (casework, remarks) = Casework::open(data, &SeededEntropy::new(1)).unwrap();
    assert!(remarks.loss.is_none() && remarks.clocks.is_none(), "{remarks:?}");
    casework
}

fn ids(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

fn extent(detections: u64) -> Extent {
    Extent { detections, newest: (detections, 0) }
}

fn settled(state: State) -> Change {
    Change { assignee: Assignee::Same, state: Some(state), reason: "looked at".to_owned() }
}

fn state(casework: &Casework, of: &[&str], detections: u64) -> (State, bool) {
    casework.with(|desk| desk.joint(of.iter().copied()).state(extent(detections)))
}

#[test]
fn of_two_changes_to_one_version_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let casework = open(folder.path());
    let (by, one) = (who("aoki"), ids(&["i"]));
    let take = |name: &str, version| {
        let change =
            Change { assignee: Assignee::Somebody(name.to_owned()), state: None, reason: "taken".to_owned() };
        casework.change((&by, now()), ("i", &one, extent(1)), &change, version)
    };
    assert_eq!(take("aoki", None), Err(Refusal::VersionNeeded));
    assert_eq!(take("aoki", Some(0)), Ok(vec![0]));
    assert_eq!(take("mori", Some(0)), Err(Refusal::Changed));
    let version = casework.with(|desk| desk.joint(["i"]).version());
    assert!(take("mori", Some(version)).is_ok());
    assert_eq!(
        casework.with(|desk| desk.joint(["i"]).assignee().map(str::to_owned)),
        Some("mori".to_owned())
    );
}

#[test]
fn what_is_closed_is_open_again_when_it_grows_and_when_another_joins_it() {
    let folder = tempfile::tempdir().unwrap();
    let casework = open(folder.path());
    let by = who("aoki");
    let close = |id: &str, of: u64| {
        casework
            .change((&by, now()), (id, &ids(&[id]), extent(of)), &settled(State::Closed), Some(0))
            .unwrap()
    };
    close("a", 5);
    assert_eq!(state(&casework, &["a"], 5), (State::Closed, false));
    assert_eq!(state(&casework, &["a"], 6), (State::Open, true), "one came");
    // As many as before, but another newest one.
    let other = Extent { detections: 5, newest: (6, 0) };
    assert_eq!(casework.with(|desk| desk.joint(["a"]).state(other)), (State::Open, true));
    // One that nobody looked at joins.
    assert_eq!(state(&casework, &["a", "b"], 9), (State::Open, true));
    // Both were judged: nothing is new.
    casework
        .change((&by, now()), ("b", &ids(&["b"]), extent(4)), &settled(State::Contained), Some(0))
        .unwrap();
    let joined = Extent { detections: 9, newest: (5, 0) };
    assert_eq!(casework.with(|desk| desk.joint(["a", "b"]).state(joined)), (State::Contained, false));
    let grown = Extent { detections: 10, newest: (5, 0) };
    assert_eq!(casework.with(|desk| desk.joint(["a", "b"]).state(grown)), (State::Open, true));
}

#[test]
fn what_was_done_about_either_is_done_about_both() {
    let folder = tempfile::tempdir().unwrap();
    let casework = open(folder.path());
    let by = who("aoki");
    for (id, text) in [("a", "one"), ("b", "two"), ("a", "three")] {
        casework.note((&by, now()), (id, &ids(&[id])), text).unwrap();
    }
    let texts = |of: &[&str]| {
        casework.with(|desk| {
            desk.joint(of.iter().copied()).notes().iter().map(|n| n.text.clone()).collect::<Vec<_>>()
        })
    };
    assert_eq!(texts(&["a", "b"]), ["one", "two", "three"]);
    assert_eq!(texts(&["b"]), ["two"]);
    let versions: BTreeSet<u64> = [&["a"][..], &["b"], &["c"]]
        .iter()
        .map(|of| casework.with(|desk| desk.joint(of.iter().copied()).version()))
        .collect();
    assert_eq!(versions, BTreeSet::from([0, 2, 3]));
}

#[test]
fn a_deadline_is_met_by_records_and_an_incident_with_an_open_one_is_not_closed() {
    let folder = tempfile::tempdir().unwrap();
    let casework = open(folder.path());
    let (by, one) = (who("aoki"), ids(&["i"]));
    let begin = |kind: &str, since: &str| {
        casework.begin((&by, now()), ("i", &one), (kind, at(since)), ("known since then", &[]))
    };
    let clock = begin("appi-preliminary", "2026-11-22T03:00:00Z").unwrap()[0];
    assert!(matches!(begin("appi-preliminary", "2026-11-22T03:00:00Z"), Err(Refusal::Conflict(_))));
    for (kind, since) in [
        ("none", "2026-11-22T03:00:00Z"),
        ("appi-final", "2026-11-24T00:00:00Z"),
        ("appi-final", "1990-01-01T00:00:00Z"),
    ] {
        assert!(matches!(begin(kind, since), Err(Refusal::Senseless(_))), "{kind} {since}");
    }
    let version = Some(casework.with(|desk| desk.joint(["i"]).version()));
    let close = || casework.change((&by, now()), ("i", &one, extent(1)), &settled(State::Closed), version);
    assert!(matches!(close(), Err(Refusal::Conflict(_))));
    let meet = |clock, version, cited: &[String]| {
        casework.meet((&by, now()), &one, (clock, version), ("sent", cited))
    };
    let cited = ids(&["log:x"]);
    assert!(matches!(meet(clock, version, &[]), Err(Refusal::Senseless(_))));
    assert_eq!(meet(clock, None, &cited), Err(Refusal::VersionNeeded));
    assert_eq!(meet(clock + 9, version, &cited), Err(Refusal::NotFound));
    assert!(meet(clock, version, &cited).is_ok());
    assert_eq!(meet(clock, version, &cited), Err(Refusal::Changed));
    let version = Some(casework.with(|desk| desk.joint(["i"]).version()));
    assert_eq!(meet(clock, version, &cited), Err(Refusal::Changed), "it stays as it was met first");
    assert!(casework.change((&by, now()), ("i", &one, extent(1)), &settled(State::Closed), version).is_ok());
}

#[test]
fn somebody_is_reminded_of_a_deadline_once_before_and_once_behind_it() {
    let folder = tempfile::tempdir().unwrap();
    let casework = open(folder.path());
    let by = who("aoki");
    let since = at("2026-11-22T00:00:00Z");
    casework.begin((&by, now()), ("i", &ids(&["i"])), ("first-72-hours", since), ("known", &[])).unwrap();
    let told = |casework: &Casework, time: &str| {
        let due = casework.reminders(at(time));
        due.iter().for_each(|reminder| casework.reminded(reminder, at(time)).unwrap());
        due.iter().map(|reminder| reminder.over).collect::<Vec<_>>()
    };
    assert_eq!(told(&casework, "2026-11-23T23:59:59Z"), [] as [bool; 0]);
    assert_eq!(told(&casework, "2026-11-24T00:00:00Z"), [false]);
    drop(casework);
    let casework = open(folder.path());
    assert_eq!(told(&casework, "2026-11-24T23:00:00Z"), [] as [bool; 0]);
    assert_eq!(told(&casework, "2026-11-25T00:00:00Z"), [true]);
    assert_eq!(told(&casework, "2026-12-25T00:00:00Z"), [] as [bool; 0]);
}

#[test]
fn texts_that_make_no_sense_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let casework = open(folder.path());
    let (by, one) = (who("aoki"), ids(&["i"]));
    let long = "火".repeat(8_193);
    for bad in ["", " \n ", "a\0b", "a\u{1b}[31m", &long] {
        assert!(
            matches!(casework.note((&by, now()), ("i", &one), bad), Err(Refusal::Senseless(_))),
            "{bad:.9}"
        );
    }
    assert!(casework.note((&by, now()), ("i", &one), &"火".repeat(8_192)).is_ok());
    assert!(matches!(
        casework.decide((&by, now()), ("i", &one), ("do it", "", &[])),
        Err(Refusal::Senseless(_))
    ));
    let many = vec!["x".to_owned(); 101];
    assert!(matches!(
        casework.decide((&by, now()), ("i", &one), ("do", "it", &many)),
        Err(Refusal::Senseless(_))
    ));
    assert_eq!(casework.with(Desk::next_step), 1);
}

fn wanted(name: &str, expires: &str) -> Wanted {
    let condition = Condition { rule: Some("r".to_owned()), ..Condition::default() };
    Wanted { name: name.to_owned(), condition, reason: "a scanner".to_owned(), expires: at(expires) }
}

fn detection(level: &str, rule: &str, host: &str, account: &str) -> LiveDetection {
    serde_json::from_value(serde_json::json!({
        "schema_version": 1, "id": "d", "decided": {"leaf": 1, "index": 0}, "rule_id": rule, "title": "t",
        "author": "a", "level": level, "time": null, "late": false, "host": host, "account": account,
        "channel": "c", "evidence": [],
    }))
    .unwrap()
}

#[test]
fn a_suppression_has_an_end_and_a_bound_and_stops_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let casework = open(folder.path());
    let by = who("aoki");
    for bad in [
        wanted("a", "2026-11-22T23:59:59Z"),
        wanted("a", "2027-11-25T00:00:00Z"),
        wanted("a\nb", "2026-12-01T00:00:00Z"),
        Wanted { condition: Condition::default(), ..wanted("a", "2026-12-01T00:00:00Z") },
        Wanted { reason: String::new(), ..wanted("a", "2026-12-01T00:00:00Z") },
    ] {
        assert!(
            matches!(casework.suppress((&by, now()), bad.clone()), Err(Refusal::Senseless(_))),
            "{bad:?}"
        );
    }
    casework.suppress((&by, now()), wanted("a", "2026-12-01T00:00:00Z")).unwrap();
    assert!(matches!(
        casework.suppress((&by, now()), wanted("a", "2026-12-01T00:00:00Z")),
        Err(Refusal::Conflict(_))
    ));
    let found = detection("high", "R", "h", "u");
    assert!(casework.hides(&found, now()));
    assert!(!casework.hides(&detection("high", "other", "h", "u"), now()));
    assert!(!casework.hides(&found, at("2026-12-01T00:00:00Z")), "it has ended");
    assert!(
        casework.suppress((&by, at("2026-12-02T00:00:00Z")), wanted("a", "2026-12-03T00:00:00Z")).is_ok()
    );
}

#[test]
fn what_is_critical_is_hidden_by_a_narrow_suppression_only_and_said() {
    let folder = tempfile::tempdir().unwrap();
    let casework = open(folder.path());
    let by = who("aoki");
    let number = casework.suppress((&by, now()), wanted("wide", "2026-12-01T00:00:00Z")).unwrap()[0];
    let critical = detection("critical", "r", "h", "u");
    assert!(!casework.hides(&critical, now()));
    assert!(casework.hides(&detection("high", "r", "h", "u"), now()));
    let mut narrow = wanted("narrow", "2026-12-01T00:00:00Z");
    narrow.condition.account = Some(pseudonym(&casework.pseudonyms, "U"));
    let second = casework.suppress((&by, now()), narrow).unwrap()[0];
    assert!(casework.hides(&critical, now()), "by the pseudonym of the account");
    assert!(!casework.hides(&detection("critical", "r", "h", "other"), now()));
    assert_eq!(casework.count(now(), true).unwrap(), [("narrow".to_owned(), 1)]);
    assert!(casework.count(now(), true).unwrap().is_empty());
    drop(casework);
    let casework = open(folder.path());
    let hidden = |number| casework.with(|desk| desk.quiet(number).map(|q| (q.hidden, q.critical)));
    assert_eq!((hidden(number), hidden(second)), (Some((1, 0)), Some((1, 1))));
    casework.lift((&by, now()), number, "no longer").unwrap();
    assert!(!casework.hides(&detection("high", "r", "h", "u2"), now()));
    assert!(matches!(casework.lift((&by, now()), number, "again"), Err(Refusal::Conflict(_))));
    assert_eq!(casework.lift((&by, now()), 999, "x"), Err(Refusal::NotFound));
}

#[test]
fn what_was_done_is_there_wherever_a_crash_cuts() {
    let folder = tempfile::tempdir().unwrap();
    let casework = open(folder.path());
    for number in 0..12 {
        casework.note((&who("aoki"), now()), ("i", &ids(&["i"])), &number.to_string()).unwrap();
    }
    drop(casework);
    let path = folder.path().join("cases/steps");
    let whole = std::fs::read(&path).unwrap();
    let lines = |bytes: &[u8]| bytes.split(|byte| *byte == b'\n').count() as u64 - 1;
    for cut in (0..=whole.len()).rev().step_by(11) {
        let copy = tempfile::tempdir().unwrap();
        std::fs::create_dir(copy.path().join("cases")).unwrap();
        std::fs::copy(folder.path().join("cases/state"), copy.path().join("cases/state")).unwrap();
        crate::kept::replace(&copy.path().join("cases"), "steps", &whole[..cut]).unwrap();
        assert_eq!(open(copy.path()).with(Desk::next_step), lines(&whole[..cut]), "cut at {cut}");
    }
}

#[test]
fn a_damaged_state_is_put_aside_and_said() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).note((&who("aoki"), now()), ("i", &ids(&["i"])), "x").unwrap();
    let state = folder.path().join("cases/state");
    let mut bytes = std::fs::read(&state).unwrap();
    let last = bytes.len() - 2;
    bytes[last] ^= 1;
    crate::kept::replace(&folder.path().join("cases"), "state", &bytes).unwrap();
    let (_, remarks) = Casework::open(folder.path(), &SeededEntropy::new(1)).unwrap();
    assert!(remarks.loss.unwrap().contains("damaged"));
    assert!(folder.path().join("cases/state.damaged").is_file());
}

#[test]
fn clocks_of_the_house_replace_those_of_the_program_unless_they_make_no_sense() {
    let folder = tempfile::tempdir().unwrap();
    let write = |text: &str| crate::kept::replace(folder.path(), "clocks.yaml", text.as_bytes()).unwrap();
    write(
        "clocks:\n  - {id: own, name: {en: a, ja: b}, about: {en: a, ja: b}, source: s, within: {hours: 5}, remind: {hours: 1}}\n",
    );
    let names = |casework: &Casework| casework.kinds().iter().map(|kind| kind.id.clone()).collect::<Vec<_>>();
    assert_eq!(names(&open(folder.path())), ["own"]);
    write("clocks: 5\n");
    let (casework, remarks) = Casework::open(folder.path(), &SeededEntropy::new(1)).unwrap();
    assert!(remarks.clocks.is_some() && names(&casework).len() == 4);
}
