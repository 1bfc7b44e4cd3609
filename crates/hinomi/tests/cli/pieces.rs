//! Citations by the pieces of files that events stand in, and by whole files.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use hinomi_model::{Digest, EvidencePlace, EvidenceRef};
use serde_json::Value;

use crate::support::{case_report, follows_schema, list, report, text, unpacked};

/// Two rules for the same events: one reads a field, the other searches everything.
const RULES: &str = r"title: field
id: 00000000-0000-4000-8000-000000000001
logsource: {product: windows}
detection: {sel: {EventID: 4720}, condition: sel}
level: high
---
title: keyword
id: 00000000-0000-4000-8000-000000000002
logsource: {product: windows}
detection: {keywords: ['needle-in-the-hay'], condition: keywords}
level: high
";

/// A log of several units; every 50th event is found by both rules, and one event is longer than a piece.
fn log() -> Vec<u8> {
    let mut log = String::new();
    for number in 0..4000 {
        let (id, word) = if number % 50 == 7 { (4720, "needle-in-the-hay") } else { (4624, "nothing") };
        let filler = "x".repeat(if number == 2007 { 200_000 } else { 400 + number % 90 });
        writeln!(
            log,
            r#"{{"@timestamp":"2026-01-01T00:00:{:02}.{:03}Z","Channel":"Security","EventID":{id},"Hostname":"h","EventRecordID":{number},"Note":"{word}","Filler":"{filler}"}}"#,
            number / 1000,
            number % 1000,
        )
        .unwrap();
    }
    log.into_bytes()
}

fn scratch(name: &str) -> (PathBuf, String) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pieces").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let rules = folder.join("rules.yml");
    std::fs::write(&rules, RULES).unwrap();
    (folder, rules.display().to_string())
}

fn investigate(path: &Path, rules: &str, more: &[&str]) -> Value {
    report(&[&[path.to_str().unwrap(), "--rules", rules], more].concat())
}

/// Every citation of a report with the place for people and the length of the event.
fn citations(report: &Value) -> Vec<(EvidenceRef, String, usize)> {
    let all = list(report, "detections").iter().flat_map(|d| list(d, "evidence"));
    all.map(|e| {
        let length = usize::try_from(e["length"].as_u64().unwrap()).unwrap();
        (text(e, "reference").parse().unwrap(), text(e, "place").to_owned(), length)
    })
    .collect()
}

/// The piece of a citation as it stands in the file, after comparing it and the event in it.
fn checked(reference: &EvidenceRef, bytes: &[u8], length: usize) -> (usize, usize) {
    let EvidencePlace::Piece(piece) = reference.place else { panic!("{reference} is no piece") };
    let (from, offset) = (piece.from as usize, reference.offset as usize);
    let to = from + piece.length as usize;
    assert!(from <= offset && offset + length <= to, "{reference}: the event is in its piece");
    assert_eq!(Digest::of(&bytes[from..to]), piece.sha256, "{reference}");
    assert_eq!(Digest::of(&bytes[offset..offset + length]), reference.event, "{reference}");
    (from, to)
}

#[test]
fn a_piece_is_what_stands_on_disk_around_the_event() {
    let (folder, rules) = scratch("around");
    let (path, log) = (folder.join("security.json"), log());
    std::fs::write(&path, &log).unwrap();
    let found = investigate(&path, &rules, &[]);
    follows_schema(&found).unwrap();
    assert_eq!(found["files"][0]["sha256"], Value::Null, "nobody asked for the whole file");
    let cited = citations(&found);
    assert_eq!(cited.len(), 160, "80 events, each found by two rules");
    let places: BTreeSet<String> = cited.iter().map(|(r, ..)| r.to_string()).collect();
    assert_eq!(places.len(), 80, "both rules cite an event alike");
    let mut lengths = BTreeSet::new();
    for (reference, _, length) in &cited {
        let (from, to) = checked(reference, &log, *length);
        lengths.insert(to - from);
        assert!(from % 65_536 == 0 || to % 65_536 == 0 || to - from < 65_536, "{from} to {to}");
    }
    assert!(lengths.contains(&65_536), "{lengths:?}");
    assert!(lengths.iter().any(|l| *l >= 196_608), "the long event has a long piece: {lengths:?}");
    for jobs in ["1", "3"] {
        assert_eq!(investigate(&path, &rules, &["--jobs", jobs]), found, "--jobs {jobs}");
    }
    let event = cited[0].0.offset as usize;
    let mut altered = log.clone();
    altered[event + 30] ^= 1;
    let EvidencePlace::Piece(piece) = cited[0].0.place else { panic!() };
    let (from, to) = (piece.from as usize, piece.from as usize + piece.length as usize);
    assert_ne!(Digest::of(&altered[from..to]), piece.sha256);
}

#[test]
fn whole_files_are_cited_when_asked_for_and_in_reports() {
    let (folder, rules) = scratch("whole");
    let (path, log) = (folder.join("security.json"), log());
    std::fs::write(&path, &log).unwrap();
    let pieces = investigate(&path, &rules, &[]);
    let page = folder.join("report.html");
    for asked in [&["--cite", "files"][..], &["--report", page.to_str().unwrap()]] {
        let whole = investigate(&path, &rules, asked);
        assert_eq!(text(&whole["files"][0], "sha256"), Digest::of(&log).to_string());
        let (whole, pieces) = (citations(&whole), citations(&pieces));
        assert_eq!(whole.len(), pieces.len());
        for ((whole, ..), (piece, ..)) in whole.iter().zip(&pieces) {
            let place = EvidencePlace::File { file: Digest::of(&log), member: String::new() };
            assert_eq!(*whole, EvidenceRef { place, ..piece.clone() }, "the same event, cited otherwise");
        }
    }
}

/// What was unpacked does not stand on disk, and lines of text may lean on headers anywhere in their file.
#[test]
fn unpacked_logs_and_text_are_cited_by_whole_files() {
    let (folder, rules) = scratch("unpacked");
    let path = folder.join("security.json");
    std::fs::write(&path, log()).unwrap();
    let done = Command::new("gzip").arg(&path).status().unwrap();
    assert!(done.success());
    let packed = folder.join("security.json.gz");
    let cited = citations(&investigate(&packed, &rules, &[]));
    let digest = Digest::of(&std::fs::read(&packed).unwrap());
    assert_eq!(cited.len(), 160);
    for (reference, ..) in cited {
        assert_eq!(reference.place, EvidencePlace::File { file: digest, member: String::new() });
    }
    let text = citations(case_report());
    let of_text: Vec<_> = text.iter().filter(|(_, place, _)| place.ends_with("auth.log")).collect();
    assert!(!of_text.is_empty());
    assert!(of_text.iter().all(|(r, ..)| matches!(r.place, EvidencePlace::File { .. })));
}

#[test]
fn records_of_event_logs_are_cited_by_their_chunks() {
    let Some(cases) = unpacked("a_windows_attack/sigma_regression_half_a") else { return };
    let found = report(&[cases.to_str().unwrap(), "--min-level", "informational"]);
    let mut chunks = 0;
    let is_event_log = |place: &str| Path::new(place).extension().is_some_and(|e| e == "evtx");
    for (reference, place, length) in citations(&found).iter().filter(|(_, p, _)| is_event_log(p)) {
        let bytes = std::fs::read(place).unwrap();
        let (from, to) = checked(reference, &bytes, *length);
        assert!(bytes[from..].starts_with(b"ElfChnk\0"), "{place}: {reference}");
        assert_eq!(to - from, 65_536, "{place}");
        chunks += 1;
    }
    assert!(chunks > 20, "{chunks}");
}
