//! The recorded case against the ground truth that its recording script wrote.

use std::collections::BTreeSet;

use hinomi_ingest::intake::{Limits, read_member_range};
use hinomi_model::{Digest, EvidencePlace, EvidenceRef, Timestamp};
use serde_json::Value;

use crate::support::{case_report, list, report, root, text};

fn truth(name: &str) -> Value {
    let path = root().join("examples").join(name).join("truth.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn nanos(value: &Value, key: &str) -> i64 {
    text(value, key).parse::<Timestamp>().unwrap().as_nanos()
}

/// Steps of the intruder during which a detection of at least medium level happened on the step's host (or on a
/// host that the log does not name) or account.
fn noticed(truth: &Value, report: &Value) -> BTreeSet<String> {
    const SLACK: i64 = 2 * hinomi_model::NANOS_PER_SECOND;
    let steps = list(truth, "steps").iter().filter(|s| text(s, "id").starts_with('S'));
    let loud = |d: &&Value| ["medium", "high", "critical"].contains(&text(d, "level"));
    let during = |step: &Value, d: &Value| {
        let Ok(time) = text(d, "time").parse::<Timestamp>() else { return false };
        let inside = time.as_nanos() >= nanos(step, "time_start") - SLACK
            && time.as_nanos() <= nanos(step, "time_end") + SLACK;
        let host = ["", text(step, "host")].contains(&text(d, "host"));
        inside && (host || text(d, "account") == text(step, "account"))
    };
    let seen = |step: &&Value| list(report, "detections").iter().filter(loud).any(|d| during(step, d));
    steps.filter(seen).map(|s| text(s, "id").to_owned()).collect()
}

#[test]
fn the_intruder_is_noticed_from_the_first_sign_in() {
    let noticed = noticed(&truth("case"), case_report());
    println!("steps with a detection: {noticed:?}");
    // Entry without a second factor, the move to the file server, auditing switched off, logs truncated.
    for step in ["S02", "S06", "S15", "S23"] {
        assert!(noticed.contains(step), "{step} is not noticed: {noticed:?}");
    }
    let incidents = list(case_report(), "incidents");
    assert!(incidents.iter().any(|i| ["high", "critical"].contains(&text(i, "level"))));
}

#[test]
fn an_administrators_ordinary_day_is_no_incident() {
    let report = report(&["examples/benign", "--tz", "Asia/Tokyo"]);
    let loud: Vec<_> = list(&report, "detections")
        .iter()
        .filter(|d| ["high", "critical"].contains(&text(d, "level")))
        .map(|d| text(d, "title"))
        .collect();
    assert!(loud.is_empty(), "{loud:?}");
}

/// Spans of missing records of all incidents.
fn lost(report: &Value) -> Vec<Value> {
    list(report, "incidents").iter().flat_map(|i| list(i, "lost_records")).cloned().collect()
}

/// Whether a time lies in a step of the truth, give or take two seconds.
fn is_during(truth: &Value, step: &str, time: &Value) -> bool {
    const SLACK: i64 = 2 * hinomi_model::NANOS_PER_SECOND;
    let step = list(truth, "steps").iter().find(|s| text(s, "id") == step).unwrap();
    let Some(time) = time.as_str().and_then(|time| time.parse::<Timestamp>().ok()) else { return false };
    let time = time.as_nanos();
    time >= nanos(step, "time_start") - SLACK && time <= nanos(step, "time_end") + SLACK
}

/// S15 stops the audit daemon for good, S21 empties the logs of a host that forwards none; S23 truncates a log of which the
/// collector has a copy, so that nothing is missing.
#[test]
fn where_records_were_taken_away_the_incident_has_a_gap() {
    let truth = truth("case");
    let found = lost(case_report());
    let of = |lost: &'static str| found.iter().filter(move |l| text(l, "lost") == lost);
    let audit: Vec<&Value> = of("stopped").filter(|l| text(l, "channel") == "linux/auditd").collect();
    assert!(!audit.is_empty(), "{found:?}");
    for span in audit {
        assert!(is_during(&truth, "S15", &span["from"]) && span["to"].is_null(), "{span}");
        assert!(!list(span, "detections").is_empty());
    }
    // Its journal, and what sudo wrote into its files.
    let emptied: Vec<(&str, &str)> = of("emptied").map(|l| (text(l, "host"), text(l, "channel"))).collect();
    assert_eq!(emptied, [("bk01", "linux/journald"), ("bk01", "linux/sudo")], "{found:?}");
    for span in of("emptied") {
        assert!(span["from"].is_null() && is_during(&truth, "S21", &span["to"]), "{span}");
    }
}

/// The audit daemon is stopped and begun again, journals are vacuumed by timer, and a log is rotated.
#[test]
fn an_ordinary_day_with_rotated_logs_and_a_restarted_sensor_has_no_gap() {
    let report = report(&["examples/benign", "--tz", "Asia/Tokyo"]);
    assert_eq!(lost(&report), Vec::<Value>::new());
}

/// Of a collector that began to listen in the middle, what the truncated log held before is gone.
#[test]
fn without_a_copy_of_the_time_before_a_truncated_log_is_a_gap() {
    let folder = std::env::temp_dir().join(format!("hinomi-late-collector-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let copy = std::fs::read_to_string(root().join("examples/case/log01/var/log/remote/fs01.log")).unwrap();
    // From the minute on in which the log was truncated.
    let late: Vec<&str> = copy.lines().filter(|l| l.contains("T07:44:") || l.contains("T07:45:")).collect();
    assert!(late.len() > 10);
    std::fs::write(folder.join("fs01.log"), late.join("\n")).unwrap();
    let audit = root().join("examples/case/fs01/var/log/audit");
    let paths = [folder.to_str().unwrap(), audit.to_str().unwrap(), "examples/case/gw01"];
    let report = report(&[&paths[..], &["--tz", "Asia/Tokyo"]].concat());
    std::fs::remove_dir_all(&folder).unwrap();
    let found = lost(&report);
    let emptied = found.iter().filter(|l| text(l, "lost") == "emptied" && text(l, "host") == "fs01");
    assert!(emptied.count() > 0, "{found:?}");
}

/// Without the rules that saw a step, the step is not noticed: the test above can fail.
#[test]
fn without_its_rules_a_step_is_not_noticed() {
    let mut blind = case_report().clone();
    let sign_in = |d: &Value| list(d, "techniques").iter().any(|t| text(t, "id") == "T1133");
    blind["detections"].as_array_mut().unwrap().retain(|d| !sign_in(d));
    assert!(!noticed(&truth("case"), &blind).contains("S02"));
}

#[test]
fn every_citation_leads_back_to_its_event() {
    let mut checked = 0;
    for detection in list(case_report(), "detections") {
        for evidence in list(detection, "evidence") {
            let reference: EvidenceRef = text(evidence, "reference").parse().unwrap();
            let place = text(evidence, "place").split('!').next().unwrap();
            let path = root().join(place);
            let whole = std::fs::read(&path).unwrap();
            let member = match &reference.place {
                EvidencePlace::File { file, member } => {
                    assert_eq!(Digest::of(&whole), *file);
                    member.as_str()
                }
                EvidencePlace::Piece(piece) => {
                    let piece_bytes = &whole[piece.from as usize..][..piece.length as usize];
                    assert_eq!(Digest::of(piece_bytes), piece.sha256);
                    ""
                }
                EvidencePlace::Log { .. } => panic!("{reference}"),
            };
            let limits = Limits::default();
            let length = evidence["length"].as_u64().unwrap() as u32;
            let bytes = read_member_range(&path, member, reference.offset, length, &limits).unwrap();
            assert_eq!(Digest::of(&bytes), reference.event, "{place}");
            checked += 1;
        }
    }
    assert!(checked > 10, "{checked}");
}
