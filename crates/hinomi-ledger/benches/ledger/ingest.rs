//! Everything as fast as it goes.

use std::io::Write;
use std::time::{Duration, Instant};

use hinomi_ledger::completeness::is_built_in;
use hinomi_ledger::tlog::{leaf_hash, root_of};
use hinomi_ledger::{Ledger, Options, Reader, Record, VerifyOptions, verify};
use sha2::{Digest as _, Sha256};

use crate::lines::lines;
use crate::measure::{Home, disk_use, folder, mb_per_second, now_ns, timed};

/// Records handed in with one call.
const BATCH: usize = 512;
const SOURCES: usize = 4;

/// How much is taken in.
pub fn megabytes() -> u64 {
    std::env::var("HINOMI_BENCH_MB").map_or(256, |m| m.parse().unwrap())
}

/// How often the three that are compared take turns.
fn rounds() -> usize {
    std::env::var("HINOMI_BENCH_ROUNDS").map_or(3, |r| r.parse().unwrap())
}

pub fn run() {
    let lines = lines(megabytes() << 20);
    let bytes: u64 = lines.iter().map(|l| l.len() as u64).sum();
    println!("ingest: {} events, {bytes} bytes, {} a line", lines.len(), bytes / lines.len() as u64);
    let text = lines.join(&b'\n');
    let alone = Alone::measure(&lines, &text);
    let mut batches: Vec<(String, Vec<Record>)> = Vec::new();
    for (number, chunk) in lines.chunks(BATCH).enumerate() {
        let record = |(at, l): (usize, &Vec<u8>)| Record {
            received_ns: 0,
            sequence: Some((number * BATCH + at) as u64),
            bytes: l.clone(),
        };
        let records = chunk.iter().enumerate().map(record).collect();
        batches.push((format!("source {}", number * SOURCES / (lines.len() / BATCH + 1)), records));
    }
    let (count, length) = (lines.len(), bytes);
    drop(lines);
    let home = in_turns(&alone, &text, &batches, length);
    drop(text);
    watching_costs(&batches, length);
    pack_and_read(&home, count, length);
}

/// What compressing and hashing cost by themselves, in processor time of one thread.
struct Alone {
    zstd: Duration,
    sha256: Duration,
    tree: Duration,
}

impl Alone {
    fn measure(lines: &[Vec<u8>], text: &[u8]) -> Self {
        let bytes = text.len() as u64;
        let (packed, wall, zstd) = timed(|| zstd_bytes(text));
        println!(
            "  zstd -3, one thread                  {:>8.0} MB/s  {:.2} B/event (whole file)",
            mb_per_second(bytes, wall),
            packed as f64 / lines.len() as f64
        );
        let ((), wall, sha256) = timed(|| {
            std::hint::black_box(Sha256::digest(text));
        });
        println!("  SHA-256, one thread                  {:>8.0} MB/s", mb_per_second(bytes, wall));
        let ((), _, tree) = timed(|| tree(lines));
        println!(
            "  SHA-256 as a tree of salted records, one thread: {:.2} s of processor, a plain pass {:.2} s",
            tree.as_secs_f64(),
            sha256.as_secs_f64()
        );
        Self { zstd, sha256, tree }
    }
}

/// Plain writing, compressing with hashing, and the ledger, one after the other, several times.
fn in_turns(alone: &Alone, text: &[u8], batches: &[(String, Vec<Record>)], length: u64) -> Home {
    let options = Options { threads: 2, ..Options::default() };
    let (mut walls, mut last) = (Vec::new(), None);
    for _ in 0..rounds() {
        let (plain, both) = (plain_loop(text), two_threads(text));
        let home = Home::new(&options);
        let ledger = home.open(&options);
        let given = batches.to_vec();
        let ((), wall, cpu) = timed(|| take_in(&ledger, given));
        ledger.close().unwrap();
        println!(
            "  plain write + fdatasync {:.0} MB/s, zstd -3 + SHA-256 on two threads {:.0} MB/s, ledger {:.0} MB/s: {:.2} \
             and {:.2} of their speed; {:.0} MB per second of processor",
            mb_per_second(length, plain),
            mb_per_second(length, both),
            mb_per_second(length, wall),
            plain.as_secs_f64() / wall.as_secs_f64(),
            both.as_secs_f64() / wall.as_secs_f64(),
            mb_per_second(length, cpu)
        );
        let beside = cpu.as_secs_f64() - alone.zstd.as_secs_f64() - alone.sha256.as_secs_f64();
        println!(
            "    processor {:.2} s, beside zstd and one pass of SHA-256 {:.1} %; the tree beyond that pass {:.1} %",
            cpu.as_secs_f64(),
            100.0 * beside / cpu.as_secs_f64(),
            100.0 * alone.tree.saturating_sub(alone.sha256).as_secs_f64() / cpu.as_secs_f64()
        );
        walls.push((wall, plain, both));
        last = Some(home);
    }
    walls.sort_unstable();
    let (wall, plain, both) = walls[walls.len() / 2];
    println!(
        "  median: ledger {:.0} MB/s, {:.2} of plain writing, {:.2} of zstd + SHA-256; best {:.0} MB/s",
        mb_per_second(length, wall),
        plain.as_secs_f64() / wall.as_secs_f64(),
        both.as_secs_f64() / wall.as_secs_f64(),
        mb_per_second(length, walls[0].0)
    );
    last.unwrap()
}

fn take_in(ledger: &Ledger, batches: Vec<(String, Vec<Record>)>) {
    let mut tickets = Vec::new();
    for (source, mut records) in batches {
        let now = now_ns();
        records.iter_mut().for_each(|r| r.received_ns = now);
        tickets.push(ledger.append(&source, "security-evidence", records).unwrap());
    }
    tickets.iter().for_each(|t| t.wait().unwrap());
}

/// The same records, numbered, into ledgers that watch their sources and ledgers that do not, in turn.
fn watching_costs(batches: &[(String, Vec<Record>)], length: u64) {
    let mut best = [(Duration::MAX, Duration::MAX); 2];
    for round in 0..6 {
        let watch = round % 2 == 1;
        let options = Options { threads: 2, watch, ..Options::default() };
        let home = Home::new(&options);
        let ledger = home.open(&options);
        let given = batches.to_vec();
        let ((), wall, cpu) = timed(|| take_in(&ledger, given));
        ledger.close().unwrap();
        let slot = &mut best[usize::from(watch)];
        *slot = (slot.0.min(wall), slot.1.min(cpu));
    }
    let [off, on] = best;
    println!(
        "  watching sources, best of three       {:>8.0} MB/s, not watching {:.0} MB/s: {:.3} of the speed, {:.3} of the \
         processor time",
        mb_per_second(length, on.0),
        mb_per_second(length, off.0),
        off.0.as_secs_f64() / on.0.as_secs_f64(),
        on.1.as_secs_f64() / off.1.as_secs_f64()
    );
}

fn pack_and_read(home: &Home, count: usize, length: u64) {
    let shown = |label: &str| {
        let evidence = &home.places.evidence;
        let (bytes, files) = disk_use(evidence);
        let parts = ["wal", "segments", "log"].map(|part| disk_use(&evidence.join(part)).0);
        println!(
            "    {label}: {:.2} B/event in {files} files (wal {:.2}, segments {:.2}, log {:.2})",
            bytes as f64 / count as f64,
            parts[0] as f64 / count as f64,
            parts[1] as f64 / count as f64,
            parts[2] as f64 / count as f64
        );
    };
    shown("stored before packing");
    // A small bound makes the next tick seal the file.
    let options = Options { threads: 0, wal_bytes: 1, wal_age_ns: 1, ..Options::default() };
    let ledger = home.open(&options);
    let last = Record { received_ns: now_ns(), sequence: None, bytes: b"last".to_vec() };
    ledger.append("source 0", "security-evidence", vec![last]).unwrap();
    ledger.tick().unwrap();
    let ((), wall, _) = timed(|| ledger.pack().unwrap());
    println!("    packing {:.0} MB/s", mb_per_second(length, wall));
    ledger.close().unwrap();
    shown("stored once packed");
    let reader = Reader::open(home.around.disk.clone(), home.places.clone(), true).unwrap();
    let (read, wall, _) = timed(|| {
        let blocks = reader.blocks(0, reader.size()).map(Result::unwrap);
        let blocks = blocks.filter(|b| !is_built_in(&b.block.scope.source));
        blocks.flat_map(|b| b.records).map(|r| r.bytes.len() as u64).sum::<u64>()
    });
    assert_eq!(read, length + 4);
    println!("    reading back, every record against its leaf {:>5.0} MB/s", mb_per_second(read, wall));
    let options = VerifyOptions::default();
    let look = || verify(home.around.disk.clone(), &home.places, &options, &mut |_| {}).unwrap();
    let (found, wall, cpu) = timed(look);
    assert!(found.findings.is_empty());
    println!(
        "    verifying all of it {:.0} MB/s of lines, {:.1} MB/s as stored, {:.0} MB per second of processor",
        mb_per_second(found.bytes, wall),
        mb_per_second(found.stored_bytes, wall),
        mb_per_second(found.bytes, cpu)
    );
}

/// What the records' trees hash: salt, time and number before each record, and the nodes above.
fn tree(lines: &[Vec<u8>]) {
    for block in lines.chunks(2_000) {
        let leaves = block.iter().map(|line| leaf_hash(&[&[7; 32], &[0; 16], line]));
        std::hint::black_box(root_of(leaves));
    }
}

fn plain_loop(text: &[u8]) -> Duration {
    let mut file = tempfile::tempfile_in(folder()).unwrap();
    let start = Instant::now();
    for piece in text.chunks(4 << 20) {
        file.write_all(piece).unwrap();
        file.sync_data().unwrap();
    }
    start.elapsed()
}

fn zstd_bytes(text: &[u8]) -> usize {
    let mut encoder = zstd::Encoder::new(Counted(0), 3).unwrap();
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap().0
}

fn two_threads(text: &[u8]) -> Duration {
    let start = Instant::now();
    std::thread::scope(|scope| {
        for half in text.chunks(text.len() / 2 + 1) {
            scope.spawn(move || {
                for piece in half.chunks(4 << 20) {
                    std::hint::black_box(Sha256::digest(piece));
                    std::hint::black_box(zstd::bulk::compress(piece, 3).unwrap());
                }
            });
        }
    });
    start.elapsed()
}

struct Counted(usize);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
