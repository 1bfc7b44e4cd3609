//! Appending, committing, closing, opening again.

use hinomi_ledger::{Ledger, LedgerError, Located, Options};

use crate::support::{Home, inline, record, rewrite};

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
