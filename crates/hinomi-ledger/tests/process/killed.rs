//! `kill -9` at random points under load.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::time::Duration;

use hinomi_ledger::checkpoint::Checkpoint;
use hinomi_ledger::note::Note;
use hinomi_testkit::seeded::Seeded;

use crate::worker::{acknowledged, command, lines_in, open, places};

#[test]
fn what_was_acknowledged_survives_being_killed() {
    let rounds = hinomi_testkit::soak::rounds(12, 200);
    let folder = tempfile::tempdir().unwrap();
    let mut random = Seeded::new(7);
    let (mut promised, mut next) = (Vec::new(), 0_u64);
    let mut seen: BTreeMap<u64, String> = BTreeMap::new();
    let mut while_working = 0;
    for round in 0..rounds {
        let mut child = command(&[], folder.path(), next, 1 << 40, 2).spawn().unwrap();
        let mut out = child.stdout.take().unwrap();
        let (says, said) = std::sync::mpsc::channel();
        let reader = std::thread::spawn(move || {
            let (mut bytes, mut piece, mut told) = (Vec::new(), [0; 4096], false);
            loop {
                let count = out.read(&mut piece).unwrap();
                if count == 0 {
                    return bytes;
                }
                bytes.extend_from_slice(&piece[..count]);
                if !told && !acknowledged(&bytes).is_empty() {
                    told = says.send(()).is_ok();
                }
            }
        });
        // Some die while they open the ledger. The others are at work, however busy the machine is.
        if random.below(4) > 0 {
            let _ = said.recv_timeout(Duration::from_mins(1));
        }
        std::thread::sleep(Duration::from_millis(random.below(400)));
        // Somebody reads the published checkpoint just before.
        if let Ok(bytes) = std::fs::read(places(folder.path()).evidence.join("log/checkpoint")) {
            let note = Note::parse(&bytes).unwrap();
            let shown: Checkpoint = note.unverified_text().parse().unwrap();
            let root = shown.root.to_string();
            assert_eq!(*seen.entry(shown.size).or_insert(root.clone()), root, "two logs of one size");
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let new = acknowledged(&reader.join().unwrap());
        while_working += u64::from(!new.is_empty());
        promised.extend(new);
        // The next process must not use the numbers of lines that were handed in and perhaps kept.
        next += 1 << 24;
        let ledger = open(folder.path(), 0).unwrap_or_else(|e| panic!("round {round}: {e}"));
        let (size, _) = ledger.checkpoint();
        let largest = seen.last_key_value().map_or(0, |(size, _)| *size);
        assert!(size >= largest, "round {round}: a log of {largest} leaves was shown, now it has {size}");
        ledger.close().unwrap();
    }
    let found = lines_in(folder.path());
    for number in &promised {
        assert!(found.contains_key(number), "line {number} was acknowledged and is gone");
    }
    println!("{rounds} kills, {while_working} while working, {} lines acknowledged", promised.len());
    assert!(while_working > rounds / 2 && promised.len() > 100);
}
