//! Opening a ledger whose write-ahead log holds a gigabyte.

use hinomi_ledger::{Ledger, Options, Record};

use crate::measure::{Home, disk_use, mb_per_second, now_ns, timed};

const BYTES: u64 = 1 << 30;
const RECORD: usize = 2_048;

pub fn run() {
    let options = Options { threads: 2, wal_bytes: 1 << 40, ..Options::default() };
    let home = Home::new(&options);
    let ledger = home.open(&options);
    let (mut sent, mut state) = (0, 1_u64);
    while sent < BYTES {
        let mut records = Vec::new();
        for _ in 0..512 {
            // Bytes that do not compress, so that what is stored is what was sent.
            let mut bytes = Vec::with_capacity(RECORD);
            while bytes.len() < RECORD {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                bytes.extend_from_slice(&state.to_le_bytes());
            }
            sent += bytes.len() as u64;
            records.push(Record { received_ns: now_ns(), sequence: None, bytes });
        }
        ledger.append("source", "security-evidence", records).unwrap();
    }
    ledger.close().unwrap();
    let stored = disk_use(&home.places.evidence.join("wal")).0;
    let opened = |watch| {
        let options = Options { watch, ..options.clone() };
        Ledger::open(home.around.clone(), home.places.clone(), options).unwrap()
    };
    let runs = [
        ("watching", true, false),
        ("not watching", false, false),
        ("watching, nothing in the page cache", true, true),
    ];
    for (what, watch, cold) in runs {
        if cold && !drop_caches() {
            println!("recovery, {what}: SKIPPED, the page cache can be dropped by root only");
            continue;
        }
        let ((ledger, recovery), wall, cpu) = timed(|| opened(watch));
        println!(
            "recovery, {what}: a write-ahead log of {stored} bytes, {} leaves, opened in {:.2} s ({:.0} MB/s, {:.2} s of \
             processor)",
            recovery.leaves,
            wall.as_secs_f64(),
            mb_per_second(stored, wall),
            cpu.as_secs_f64()
        );
        drop(ledger);
    }
}

fn drop_caches() -> bool {
    let synced = std::process::Command::new("sync").status();
    synced.is_ok_and(|s| s.success()) && std::fs::write("/proc/sys/vm/drop_caches", "3").is_ok()
}
