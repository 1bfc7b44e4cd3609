//! Appending, committing, closing, opening again.

use std::sync::Arc;

use hinomi_ledger::{
    Ledger, LedgerError, Located, Options, Reader, Surroundings, Verdict, VerifyOptions, verify,
};

use crate::support::{Home, NOON, TestClock, inline, record, rewrite};

#[test]
fn records_are_committed_and_survive_closing() {
    let home = Home::new(inline());
    let (ledger, recovery) = home.open();
    assert_eq!((recovery.leaves, recovery.open_blocks, recovery.dropped_bytes), (1, 0, 0));
    let first = ledger.append("fw", "security", vec![record(1, "a"), record(2, "b")]).unwrap();
    assert!(!first.is_durable().unwrap());
    assert!(first.wait().is_err(), "nobody commits without threads");
    ledger.commit().unwrap();
    first.wait().unwrap();
    let second = ledger.append("fw", "security", vec![record(3, "c")]).unwrap();
    ledger.tick().unwrap();
    // Leaf 0 is the genesis, 1 the key, 2 the block.
    assert_eq!(first.wait_committed().unwrap(), [Located { leaf: 2, first: 0, count: 2 }]);
    assert_eq!(second.wait_committed().unwrap(), [Located { leaf: 2, first: 2, count: 1 }]);
    let (size, note) = ledger.checkpoint();
    assert_eq!(size, 3);
    assert_eq!(std::fs::read_to_string(home.places.evidence.join("log/checkpoint")).unwrap(), note);
    ledger.close().unwrap();
    let (ledger, recovery) = home.open();
    assert_eq!((recovery.leaves, recovery.open_blocks, recovery.dropped_bytes), (3, 0, 0));
    assert_eq!(ledger.checkpoint(), (size, note));
}

#[test]
fn records_without_a_leaf_get_one_when_opened() {
    let home = Home::new(inline());
    let (ledger, _) = home.open();
    ledger.append("fw", "security", vec![record(1, "a"), record(2, "b")]).unwrap();
    ledger.append("proxy", "security", vec![record(2, "p")]).unwrap();
    ledger.commit().unwrap();
    // As if the process had been killed: no destructor runs, the lock goes with the copy of the folder.
    let copy = home.folder.path().join("copy");
    let status =
        std::process::Command::new("cp").arg("-a").arg(home.folder.path().join("data")).arg(&copy).status();
    assert!(status.unwrap().success());
    let places = hinomi_ledger::Places::in_data_dir(&copy, "evidence");
    let (after, recovery) = Ledger::open(home.around.clone(), places.clone(), inline()).unwrap();
    assert_eq!((recovery.open_blocks, recovery.open_records, recovery.dropped_bytes), (2, 3, 0));
    // Genesis, two keys, two blocks.
    assert_eq!(after.checkpoint().0, 5);
    drop(after);
    let (after, recovery) = Ledger::open(home.around.clone(), places, inline()).unwrap();
    assert_eq!((recovery.open_blocks, recovery.leaves), (0, 5));
    drop(after);
    drop(ledger);
}

#[test]
fn threads_do_the_same() {
    let home = Home::new(Options { tick_ns: 50_000_000, ..Options::default() });
    let (ledger, _) = home.open();
    let tickets: Vec<_> = (0..200)
        .map(|i| {
            ledger.append(&format!("s{}", i % 3), "security", vec![record(i, &format!("line {i}"))]).unwrap()
        })
        .collect();
    for ticket in &tickets {
        ticket.wait().unwrap();
    }
    let mut seen = std::collections::BTreeSet::new();
    for ticket in &tickets {
        for place in ticket.wait_committed().unwrap() {
            assert!(seen.insert((place.leaf, place.first)), "{place:?} twice");
        }
    }
    assert_eq!(seen.len(), 200);
    ledger.close().unwrap();
    let (_, recovery) = home.open();
    assert_eq!(recovery.dropped_bytes, 0);
}

#[test]
fn only_one_process_writes() {
    let home = Home::new(inline());
    let (_ledger, _) = home.open();
    let again = Ledger::open(home.around.clone(), home.places.clone(), inline());
    assert!(matches!(again, Err(LedgerError::Locked { .. })), "{again:?}");
}

#[test]
fn a_newer_format_is_refused() {
    let home = Home::new(inline());
    let path = home.places.evidence.join("format");
    let text = std::fs::read_to_string(&path).unwrap().replace("ledger 1", "ledger 2");
    rewrite(&path, text.as_bytes());
    let opened = Ledger::open(home.around.clone(), home.places.clone(), inline());
    assert!(matches!(opened, Err(LedgerError::Newer { found: 2, supported: 1, .. })), "{opened:?}");
}

#[test]
fn keys_that_others_can_read_are_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new(inline());
    let path = home.places.keys.join("signer");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let opened = Ledger::open(home.around.clone(), home.places.clone(), inline());
    assert!(matches!(opened, Err(LedgerError::Refused { .. })), "{opened:?}");
}

#[test]
fn too_long_is_refused_before_anything_is_accepted() {
    let home = Home::new(inline());
    let (ledger, _) = home.open();
    let long = "x".repeat(256);
    assert!(matches!(ledger.append(&long, "c", vec![record(1, "a")]), Err(LedgerError::TooLarge { .. })));
    let mut big = record(1, "");
    big.bytes = vec![0; hinomi_ledger::MAX_RECORD + 1];
    assert!(matches!(ledger.append("s", "c", vec![record(1, "a"), big]), Err(LedgerError::TooLarge { .. })));
    ledger.tick().unwrap();
    assert_eq!(ledger.checkpoint().0, 1, "only the genesis");
}

#[test]
fn the_largest_record_fits() {
    let home = Home::new(inline());
    let (ledger, _) = home.open();
    let mut big = record(1, "");
    big.bytes =
        (0..hinomi_ledger::MAX_RECORD as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let ticket = ledger.append("s", "c", vec![big]).unwrap();
    ledger.tick().unwrap();
    assert_eq!(ticket.wait_committed().unwrap(), [Located { leaf: 2, first: 0, count: 1 }]);
}

#[test]
fn clocks_that_jump_either_way_lose_and_reorder_nothing() {
    const DAY: i64 = 86_400_000_000_000;
    let home = Home::new(Options { wal_bytes: 3_000, ..inline() });
    let clock = Arc::new(TestClock((NOON as i64).into()));
    let around = Surroundings { clock: clock.clone(), ..home.around.clone() };
    let mut sent = Vec::new();
    // Days: back over midnight, far back, far ahead, before 1970, and home again; the ledger is opened anew in between.
    for (life, days) in [0, -1, -400, 4_000, -30_000, 0, 1].into_iter().enumerate() {
        let now = NOON as i64 + days * DAY;
        clock.0.store(now, std::sync::atomic::Ordering::SeqCst);
        let (ledger, _) = Ledger::open(around.clone(), home.places.clone(), home.options.clone()).unwrap();
        for n in 0..6 {
            // The time of receipt jumps within one call, too.
            let received = [now, now - DAY, now + n];
            let records = received.map(|ns| {
                let text = format!("{life} {n} {ns}").into_bytes();
                hinomi_ledger::Record { received_ns: ns.max(0) as u64, sequence: None, bytes: text }
            });
            sent.extend(records.iter().map(|r| (r.received_ns, r.bytes.clone())));
            ledger.append("fw", "security", records.to_vec()).unwrap();
            ledger.tick().unwrap();
        }
        ledger.pack().unwrap();
        ledger.close().unwrap();
    }
    let options = VerifyOptions { threads: 1, ..VerifyOptions::default() };
    let found = verify(home.around.disk.clone(), &home.places, &options, &mut |_| {}).unwrap();
    assert_eq!((found.verdict(), found.findings), (Verdict::Consistent, vec![]));
    let reader = Reader::open(home.around.disk.clone(), home.places.clone(), true).unwrap();
    let mut read: Vec<(u64, Vec<u8>)> = Vec::new();
    for block in reader.blocks(0, reader.size()) {
        let block = block.unwrap();
        let day = |ns: u64| ns / DAY as u64;
        assert!(block.records.iter().all(|r| day(r.received_ns) == u64::from(block.block.scope.day)));
        read.extend(block.records.into_iter().map(|r| (r.received_ns, r.bytes)));
    }
    sent.sort();
    read.sort();
    assert_eq!(read, sent);
}
