//! What is stored of a trickle of 50 events a second, before and after packing.

use hinomi_ledger::{Options, Record};

use crate::lines::lines;
use crate::measure::{Home, disk_use, now_ns};

/// Events of one tick of half a second.
const PER_TICK: usize = 25;
const EVENTS: usize = 40_000;

pub fn run() {
    let lines = lines(EVENTS as u64 * 2_600);
    let lines = &lines[..EVENTS.min(lines.len())];
    let options = Options { threads: 0, wal_bytes: 1 << 40, ..Options::default() };
    let home = Home::new(&options);
    let ledger = home.open(&options);
    let mut clock = now_ns();
    for events in lines.chunks(PER_TICK) {
        // The committer writes what came in since it wrote last: one event at a time at this rate.
        for line in events {
            clock += 20_000_000;
            let record = Record { received_ns: clock, sequence: None, bytes: line.clone() };
            ledger.append("source", "security-evidence", vec![record]).unwrap();
            ledger.commit().unwrap();
        }
        ledger.tick().unwrap();
    }
    ledger.close().unwrap();
    let per_event = |part: &str| disk_use(&home.places.evidence.join(part)).0 as f64 / lines.len() as f64;
    println!("size: a trickle of 50 events a second, {} events", lines.len());
    println!(
        "  before packing: write-ahead log {:.1} B/event, log {:.1}",
        per_event("wal"),
        per_event("log")
    );
    let options = Options { wal_bytes: 1, wal_age_ns: 1, ..options };
    let ledger = home.open(&options);
    let last = Record { received_ns: clock, sequence: None, bytes: b"last".to_vec() };
    ledger.append("source", "security-evidence", vec![last]).unwrap();
    ledger.tick().unwrap();
    ledger.pack().unwrap();
    ledger.close().unwrap();
    println!(
        "  once packed:    segments {:.1} B/event, log {:.1}, rest of the write-ahead log {:.1}",
        per_event("segments"),
        per_event("log"),
        per_event("wal")
    );
}
