//! The ledger watches its sources: what it finds is in the log, once, however it was stopped.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use hinomi_ledger::completeness::{COMPLETENESS_SOURCE, Finding, STATE_SOURCE, Watch, What};
use hinomi_ledger::{Ledger, LedgerError, Options, Reader, Record, Scope};

use crate::support::{Home, NOON, TestClock, inline};

const SECOND: u64 = 1_000_000_000;

/// A ledger that watches, with a clock that can be set.
fn watching(options: Options) -> (Home, Arc<TestClock>) {
    let mut home = Home::new(Options { watch: true, ..options });
    let clock = Arc::new(TestClock(AtomicI64::new(NOON as i64)));
    home.around.clock = clock.clone();
    (home, clock)
}

fn send(ledger: &Ledger, source: &str, at: u64, numbers: impl IntoIterator<Item = u64>) {
    let record = |number| Record {
        received_ns: NOON + at * SECOND,
        sequence: Some(number),
        bytes: format!("line {number}").into_bytes(),
    };
    ledger.append(source, "security", numbers.into_iter().map(record).collect()).unwrap();
}

fn reader(home: &Home) -> Reader {
    Reader::open(home.around.disk.clone(), home.places.clone(), true).unwrap()
}

/// The findings in the log, in the order of their numbers, which have no gap.
fn findings(home: &Home) -> Vec<Finding> {
    let reader = reader(home);
    let blocks = reader.blocks(0, reader.size()).map(Result::unwrap);
    let records = blocks.filter(|b| b.block.scope.source == COMPLETENESS_SOURCE).flat_map(|b| b.records);
    let found: Vec<(u64, Finding)> =
        records.map(|r| (r.sequence.unwrap(), Finding::from_record(&r.bytes).unwrap())).collect();
    assert!(found.iter().map(|(number, _)| *number).eq(0..found.len() as u64), "{found:?}");
    found.into_iter().map(|(_, finding)| finding).collect()
}

fn gaps(found: &[Finding]) -> Vec<(u64, u64)> {
    let gap = |finding: &Finding| match finding.what {
        What::Gap { first, last, .. } => Some((first, last)),
        _ => None,
    };
    found.iter().filter_map(gap).collect()
}

fn same(a: &Watch, b: &Watch) {
    assert_eq!(a, b);
}

#[test]
fn a_gap_is_a_record_a_minute_after_it_was_seen() {
    let (home, clock) = watching(inline());
    let (ledger, _) = home.open();
    send(&ledger, "fw", 0, [1, 2, 3, 7]);
    ledger.tick().unwrap();
    assert_eq!(gaps(&findings(&home)), []);
    clock.0.store(NOON as i64 + 61 * SECOND as i64, Ordering::SeqCst);
    // The tick hands in the clock's record, the next commits it, and the one behind that commits what was found.
    (0..3).for_each(|_| ledger.tick().unwrap());
    assert_eq!(gaps(&findings(&home)), [(4, 6)]);
    same(&ledger.watch().unwrap(), &reader(&home).watch().unwrap());
    ledger.close().unwrap();
    for _ in 0..3 {
        home.open().0.close().unwrap();
    }
    assert_eq!(gaps(&findings(&home)), [(4, 6)], "found once");
}

#[test]
fn what_was_found_and_not_written_is_written_when_the_ledger_is_opened_again() {
    let (home, _) = watching(inline());
    let (ledger, _) = home.open();
    send(&ledger, "fw", 0, [1, 2]);
    // Committed, so that «heard for the first time» is found; it is handed in and not durable.
    ledger.tick().unwrap();
    assert_eq!(ledger.watch().unwrap().outstanding().count(), 1);
    let copy = home.folder.path().join("copy");
    let copied =
        std::process::Command::new("cp").arg("-a").arg(home.folder.path().join("data")).arg(&copy).status();
    assert!(copied.unwrap().success());
    drop(ledger);
    let places = hinomi_ledger::Places::in_data_dir(&copy, "evidence");
    let home = Home { places, ..home };
    assert_eq!(findings(&home), []);
    home.open().0.close().unwrap();
    let found = findings(&home);
    assert_eq!(
        found.iter().map(|f| (f.source.as_str(), &f.what)).collect::<Vec<_>>(),
        [("fw", &What::Appeared)]
    );
}

#[test]
fn opening_needs_only_the_write_ahead_log() {
    let (home, _) = watching(Options { wal_bytes: 3_000, ..inline() });
    let (ledger, _) = home.open();
    for round in 0..30 {
        // One number in ten is missing.
        send(&ledger, "fw", round, (round * 10..round * 10 + 9).map(|n| n + 1));
        ledger.tick().unwrap();
        ledger.pack().unwrap();
    }
    let before = ledger.watch().unwrap();
    same(&before, &reader(&home).watch().unwrap());
    ledger.close().unwrap();
    let segments = home.places.evidence.join("segments");
    assert!(std::fs::read_dir(&segments).unwrap().count() > 5);
    std::fs::remove_dir_all(&segments).unwrap();
    std::fs::create_dir(&segments).unwrap();
    let (ledger, _) = home.open();
    let after = ledger.watch().unwrap();
    assert_eq!(after.tracker().summary("fw"), before.tracker().summary("fw"));
    assert_eq!(after.tracker().summary("fw").unwrap().losses.len(), 29);
}

#[test]
fn a_ledger_that_was_not_watched_is_read_from_its_beginning() {
    let (mut home, _) = watching(Options { wal_bytes: 3_000, ..inline() });
    home.options.watch = false;
    let (ledger, _) = home.open();
    for round in 0..20 {
        send(&ledger, "fw", round, [round * 2]);
        ledger.tick().unwrap();
        ledger.pack().unwrap();
    }
    assert_eq!(ledger.watch(), None);
    ledger.close().unwrap();
    home.options.watch = true;
    let (ledger, _) = home.open();
    let summary = ledger.watch().unwrap().tracker().summary("fw").unwrap();
    assert_eq!((summary.records, summary.losses.len()), (20, 19));
    ledger.close().unwrap();
    let states = reader(&home);
    let states =
        states.blocks(0, states.size()).filter(|b| b.as_ref().unwrap().block.scope.source == STATE_SOURCE);
    assert!(states.count() > 0, "so that it need not be read again");
}

#[test]
fn threads_find_the_same_and_write_it_by_themselves() {
    let home = Home::new(Options { tick_ns: 20_000_000, ..Options::default() });
    let (ledger, _) = home.open();
    send(&ledger, "fw", 0, [1, 2, 3]);
    // Far ahead, and confirmed: no need to wait for what may be late.
    send(&ledger, "fw", 1, [50_000]);
    send(&ledger, "fw", 2, [50_001]);
    let found = (0..1000).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        gaps(&findings(&home)) == [(4, 49_999)]
    });
    assert!(found, "{:?}", findings(&home));
    ledger.close().unwrap();
    assert_eq!(gaps(&findings(&home)), [(4, 49_999)]);
}

#[test]
fn nobody_writes_or_erases_what_the_ledger_found() {
    let (home, _) = watching(inline());
    let (ledger, _) = home.open();
    for own in ["hinomi:completeness", "hinomi:clock", "hinomi:state"] {
        let forged = Record { received_ns: NOON, sequence: Some(0), bytes: b"{}".to_vec() };
        let refused = ledger.append(own, "security", vec![forged]);
        assert!(matches!(refused, Err(LedgerError::Refused { .. })), "{own}");
        let day = (NOON / 86_400 / SECOND) as u32;
        let scope = Scope { source: own.to_owned(), class: hinomi_ledger::OWN_CLASS.to_owned(), day };
        assert!(matches!(ledger.erasure_order(&scope, "hide it"), Err(LedgerError::Refused { .. })), "{own}");
    }
}
