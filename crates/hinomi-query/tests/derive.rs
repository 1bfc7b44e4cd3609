//! Events in, files out, and found again: against a search that looks at every event by itself.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests fail by panicking and write their own scratch files"
)]

use std::path::Path;
use std::sync::Arc;

use hinomi_columns::{Projection, Row, Store};
use hinomi_model::{LogKind, Timestamp};
use hinomi_query::derive::{Lane, LaneLimits, Place, UnitPlace, register};
use hinomi_query::search::{Answer, Search, Sweep, parse, run};
use hinomi_query::{Archive, Input, Manifest, Mapping, QueryError, Run};

type Fields = Vec<(String, String)>;

const SECOND: i64 = 1_000_000_000;
const START: i64 = 1_700_000_000 * SECOND;

fn field(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// Events with repeated and unique values, several scripts, and names that differ in case only.
fn sample(count: u64) -> Vec<Fields> {
    let words = [
        "倉庫管理",
        "Ｒｕｎ",
        "rundll32.exe",
        "-enc",
        "ﬁle",
        "ｶﾞｲﾄﾞ",
        "a\u{1e}b",
        "\u{1f}c",
        "x_y",
        "東京tower",
    ];
    (0..count)
        .map(|n| {
            let at = n as usize;
            let mut event = vec![
                field("Computer", &format!("ws{}.example", n % 7)),
                field("CommandLine", &format!(r"C:\{}\{} {n}", words[at % 10], words[at / 10 % 10])),
                field("Token", &format!("{:016x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))),
            ];
            if n % 3 == 0 {
                event.push(field("user", &format!("u{}", n % 11)));
            } else {
                event.push(field("User", &format!("u{}", n % 11)));
            }
            if n % 1000 == 1 {
                event.push(field(&format!("Rare{n}"), "only here"));
            }
            event
        })
        .collect()
}

fn write(folder: &Path, events: &[Fields], limits: LaneLimits) -> Manifest {
    let mapping = Arc::new(Mapping::bundled().unwrap());
    let mut store = Store::new(&Projection::of([""; 0]).and_all_others());
    let kind =
        store.kind(&LogKind { product: "linux".into(), service: "auth".into(), categories: Vec::new() });
    let mut lane = Lane::new(folder.to_owned(), "a-0".to_owned(), Arc::clone(&mapping), limits);
    for (number, piece) in events.chunks(500).enumerate() {
        for (at, event) in piece.iter().enumerate() {
            let n = (number * 500 + at) as u64;
            let mut cells = Vec::new();
            for (name, value) in event {
                let id = store.field(name).unwrap();
                cells.push((id, store.dictionary_mut(id).text(value)));
            }
            // Every fortieth event states no time.
            let time = (n % 40 != 39).then(|| Timestamp::from_nanos(START + n as i64 * SECOND));
            store.push(
                kind,
                Row { time, sequence: Some(n), offset: at as u64 * 10, length: 10, sub: 0 },
                &mut cells,
            );
        }
        let base = number as u64 * 5000;
        let place = |row: &Row| Place { record: None, offset: base + row.offset };
        lane.absorb(&mut store, &UnitPlace { source: "test.log", place: &place }).unwrap();
    }
    let (files, coverage) = lane.finish(&mut store).unwrap();
    let mut manifest = Manifest::new(1, Input::Paths { paths: Vec::new(), zone: "UTC".to_owned() });
    manifest.add(Run::new(0, &mapping, coverage, 0), files);
    register(folder, &manifest, None).unwrap();
    manifest
}

fn small() -> LaneLimits {
    LaneLimits { rows: 3000, file_rows: 12_000, ..LaneLimits::default() }
}

fn search(archive: &Archive, text: &str, limit: usize) -> Answer {
    let search = Search { terms: parse(text).unwrap(), since: None, until: None, limit, earliest: true };
    run(archive, &search, &|_| false).unwrap()
}

/// The same question to each event by itself.
fn naive(events: &[Fields], text: &str) -> usize {
    let terms = parse(text).unwrap();
    let fold = |text: &str| {
        use unicode_normalization::UnicodeNormalization as _;
        text.nfkc().flat_map(char::to_lowercase).collect::<String>()
    };
    let holds = |event: &&Fields| {
        terms.iter().all(|term| {
            let wanted = |name: &str| term.field.as_ref().is_none_or(|f| f.eq_ignore_ascii_case(name));
            event.iter().any(|(name, value)| wanted(name) && term.accepts(&fold(value))) != term.negated
        })
    };
    events.iter().filter(holds).count()
}

#[test]
fn the_index_hides_nothing() {
    let events = sample(20_000);
    let folder = tempfile::tempdir().unwrap();
    let manifest = write(folder.path(), &events, small());
    assert_eq!(manifest.rows(), 20_000);
    assert!(manifest.files.len() > 1);
    let archive = Archive::open(folder.path()).unwrap();
    for text in [
        "9e3779b97f4a7c15",
        "CommandLine:rundll32.exe",
        "倉庫管理 file",
        "ガイド",
        "run -rundll32.exe",
        "tower",
        "CommandLine:*ndll*",
        "USER=u3",
        "only here",
        "Rare1001:only",
        "b",
        "nothingofthekind",
        "commandline:-enc -user=u1",
        "Computer:ws3 17",
    ] {
        let answer = search(&archive, text, 7);
        let expected = naive(&events, text);
        assert_eq!(answer.matches.min(7) as usize, expected.min(7), "{text:?}");
        let whole = search(&archive, text, 100_000);
        assert_eq!((whole.matches as usize, whole.events.len()), (expected, expected), "{text:?}");
        assert!(whole.is_complete);
    }
    let needle = search(&archive, "9e3779b97f4a7c15", 7);
    assert!(needle.rows_read <= 3 * 8192, "{} rows were read for one word", needle.rows_read);
    assert_eq!(needle.events[0].field("sequence"), Some("1"));
    assert_eq!(needle.events[0].time, Some((START + SECOND) / 1000));
}

/// What matches, in the order of an answer: events with a time first.
fn expected(archive: &Archive, search: &Search) -> Vec<(Option<i64>, String)> {
    let whole = Search { limit: usize::MAX >> 1, ..search.clone() };
    let mut all: Vec<_> = run(archive, &whole, &|_| false)
        .unwrap()
        .events
        .iter()
        .map(|event| (event.time, event.field("sequence").unwrap().to_owned()))
        .collect();
    all.sort_by_key(|(time, _)| match time {
        Some(time) => (false, if search.earliest { *time } else { -*time }),
        None => (true, 0),
    });
    all
}

#[test]
fn what_is_settled_stays_and_in_the_end_everything_is() {
    let events = sample(60_000);
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &events, LaneLimits { rows: 9000, file_rows: 40_000, ..LaneLimits::default() });
    let archive = Arc::new(Archive::open(folder.path()).unwrap());
    let after = |seconds: i64| Some((START + seconds * SECOND) / 1000);
    let windows = [(None, None), (after(12_345), after(31_000)), (after(59_990), None), (None, after(1))];
    for text in ["rundll32.exe", "", "CommandLine:-enc", "*dll32*", "9e3779b97f4a7c15", "nothingofthekind"] {
        for (earliest, (since, until)) in [true, false].into_iter().flat_map(|e| windows.map(|w| (e, w))) {
            let search = Search { terms: parse(text).unwrap(), since, until, limit: 0, earliest };
            let expected = expected(&archive, &search);
            let mut sweep = Sweep::new(Arc::clone(&archive), search).unwrap();
            let (mut before, mut steps) = (0, 0);
            while !sweep.is_counted() {
                let read = sweep.rows_read();
                sweep.advance(&|sweep| sweep.rows_read() > read).unwrap();
                assert!(sweep.settled() >= before, "{text:?}");
                let shown = sweep.events(before, 5, &|name| name == "sequence" || name == "time").unwrap();
                for (event, known) in shown.iter().zip(&expected[before..]) {
                    // Events without time have no order among each other.
                    assert_eq!(event.time, known.0, "{text:?} {earliest} {since:?}");
                    if event.time.is_some() {
                        assert_eq!(event.field("sequence"), Some(known.1.as_str()), "{text:?}");
                    }
                }
                let stretches = sweep.counts(50);
                for (at, count) in stretches.counts.iter().enumerate() {
                    let Some(count) = count else { continue };
                    let from = stretches.from + at as i64 * stretches.width;
                    let within = |time: i64| (from..from + stretches.width).contains(&time);
                    let there = expected.iter().filter(|(time, _)| time.is_some_and(within)).count();
                    assert_eq!(
                        *count as usize, there,
                        "{text:?} {earliest} stretch {at} {since:?} {until:?}"
                    );
                }
                (before, steps) = (sweep.settled(), steps + 1);
            }
            assert_eq!(
                (sweep.matches() as usize, sweep.settled()),
                (expected.len(), expected.len()),
                "{text:?}"
            );
            assert!(steps > 1 || sweep.rows_read() < 9000, "{text:?}: {steps} steps");
        }
    }
}

#[test]
fn the_latest_are_found_without_reading_everything() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        &sample(60_000),
        LaneLimits { rows: 9000, file_rows: 40_000, ..LaneLimits::default() },
    );
    let archive = Arc::new(Archive::open(folder.path()).unwrap());
    let search =
        Search { terms: parse("rundll32.exe").unwrap(), since: None, until: None, limit: 0, earliest: false };
    let mut sweep = Sweep::new(archive, search).unwrap();
    sweep.advance(&|sweep| sweep.settled() >= 50).unwrap();
    assert!(!sweep.is_counted() && sweep.rows_read() <= 30_000, "{} rows", sweep.rows_read());
    let counts = sweep.counts(100).counts;
    assert!(counts.iter().any(Option::is_none) && counts.last().unwrap().is_some());
}

#[test]
fn the_same_events_make_the_same_bytes() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let events = sample(5000);
    assert_eq!(write(one.path(), &events, small()), write(two.path(), &events, small()));
}

#[test]
fn altered_files_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = write(folder.path(), &sample(3000), small());
    let entry = &manifest.files[0];
    for name in [entry.path.clone(), entry.index_path()] {
        let path = folder.path().join(&name);
        let bytes = std::fs::read(&path).unwrap();
        let mut refused = 0;
        for at in (0..bytes.len()).step_by((bytes.len() / 40).max(1)) {
            let mut altered = bytes.clone();
            altered[at] ^= 1;
            std::fs::write(&path, &altered).unwrap();
            let archive = Archive::open(folder.path()).unwrap();
            assert!(matches!(archive.files()[0].check(), Err(QueryError::Damaged { .. })), "{name} at {at}");
            let search = Search {
                terms: parse("rundll32.exe").unwrap(),
                since: None,
                until: None,
                limit: 9,
                earliest: true,
            };
            let answer = run(&archive, &search, &|_| false);
            refused += usize::from(answer.is_err());
            // What is not read for a question may be altered without changing the answer.
            if let Ok(answer) = answer {
                assert_eq!(answer.events.len(), 9, "{name} at {at}");
            }
        }
        assert!(refused > 0, "{name}");
        std::fs::write(&path, &bytes).unwrap();
    }
    let path = folder.path().join(&entry.path);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    let archive = Archive::open(folder.path()).unwrap();
    assert!(archive.files()[0].check().is_err());
}

#[test]
fn fields_beyond_the_columns_are_kept_together_and_found() {
    let folder = tempfile::tempdir().unwrap();
    let events: Vec<Fields> = (0..400)
        .map(|n| vec![field(&format!("F{n}"), &format!("value {n}")), field("Always", "x")])
        .collect();
    let manifest = write(folder.path(), &events, LaneLimits { columns: 10, ..small() });
    assert_eq!(manifest.files[0].fields.len(), 10);
    let archive = Archive::open(folder.path()).unwrap();
    for n in [0, 7, 399] {
        let found = search(&archive, &format!("F{n}:\"value {n}\""), 5);
        assert_eq!(found.matches, 1);
        assert_eq!(found.events[0].field(&format!("F{n}")), Some(format!("value {n}").as_str()));
        assert_eq!(search(&archive, &format!("f{n}=\"value {n}\""), 5).matches, 1);
    }
    assert_eq!(search(&archive, "value", 5).matches.min(5), 5);
    let unknown =
        Search { terms: parse("Nope:x").unwrap(), since: None, until: None, limit: 1, earliest: true };
    assert!(matches!(run(&archive, &unknown, &|_| false), Err(QueryError::Refused { .. })));
}

#[test]
fn a_manifest_cannot_lead_out_of_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = write(folder.path(), &sample(100), small());
    for path in ["../x.parquet", "/etc/passwd", "events/../../x"] {
        let mut evil = manifest.clone();
        evil.files[0].path = path.to_owned();
        let (bytes, _) = evil.encode().unwrap();
        std::fs::write(folder.path().join(hinomi_query::MANIFEST), bytes).unwrap();
        assert!(matches!(Archive::open(folder.path()), Err(QueryError::Damaged { .. })), "{path}");
    }
}
