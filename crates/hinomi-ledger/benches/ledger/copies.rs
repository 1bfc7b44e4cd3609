//! What copies cost: a vault's pull, proofs at several sizes of the log, repair from the vault's copy.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use hinomi_ledger::note::KeyName;
use hinomi_ledger::vault::{DirectorySource, Pinned, Policy, Vault};
use hinomi_ledger::{FileDisk, Ledger, Options, Reader, Record, SystemClock, SystemEntropy, repair};

use crate::ingest::megabytes;
use crate::lines::lines;
use crate::measure::{Home, mb_per_second, now_ns, timed};

/// Lines of one call.
const BATCH: usize = 2_000;
/// Blocks of one record each, so that the log has as many leaves.
const SIZES: [u64; 4] = [1_000, 10_000, 100_000, 1_000_000];

pub fn run() {
    pull_and_repair("in segments", 1 << 20);
    pull_and_repair("in one write-ahead file", 1 << 40);
    SIZES.into_iter().for_each(proofs);
}

/// A vault that keeps the ledger, and the options that seal keys to it.
fn vault_of(home: &Home, folder: &Path, options: &Options) -> (Vault, Options) {
    let identity = home.open(options).identity().clone();
    let pinned = Pinned { origin: identity.origin, keys: vec![identity.signer] };
    let (disk, clock) = (Arc::new(FileDisk), Arc::new(SystemClock));
    let name = KeyName::new("bench.example/vault").unwrap();
    let vault = Vault::create(disk.clone(), clock.clone(), &SystemEntropy, folder, &name, &pinned).unwrap();
    let options = Options { vaults: vec![vault.status().recipient], ..options.clone() };
    drop(vault);
    let policy = Policy { reserve_bytes: 0, ..Policy::default() };
    (Vault::open(disk, clock, folder, policy).unwrap(), options)
}

fn pull_and_repair(place: &str, wal_bytes: u64) {
    let folder = tempfile::tempdir_in(crate::measure::folder()).unwrap();
    let options = Options { wal_bytes, ..Options::default() };
    let home = Home::new(&options);
    let (mut vault, options) = vault_of(&home, &folder.path().join("vault"), &options);
    let ledger = home.open(&options);
    let bytes = fill(&ledger);
    ledger.tick().unwrap();
    let mut source = DirectorySource::new(Arc::new(FileDisk), home.places.clone());
    let (pulled, wall, cpu) = timed(|| vault.pull(&mut source).unwrap());
    assert_eq!(pulled.troubles, []);
    println!(
        "pull, {place}: {} records, {bytes} bytes of lines, {} fetched, checked and held in {:.2} s: {:.0} MB/s of lines, {:.0} MB/s \
         stored, {:.2} s of processor",
        pulled.records,
        pulled.bytes,
        wall.as_secs_f64(),
        mb_per_second(bytes, wall),
        mb_per_second(pulled.bytes, wall),
        cpu.as_secs_f64()
    );
    while vault.pull(&mut source).unwrap().bytes > 0 {}
    ledger.close().unwrap();
    drop(vault);
    let copy = folder.path().join("vault/evidence");
    let segments = fs::read_dir(home.places.evidence.join("segments")).unwrap();
    let segment =
        segments.map(|entry| entry.unwrap().path()).find(|path| path.extension().is_some_and(|e| e == "seg"));
    let checkpoint = home.places.evidence.join("log/checkpoint");
    let mut damages = vec![("nothing", None), ("the checkpoint", Some(checkpoint))];
    damages.extend(segment.map(|segment| ("a segment", Some(segment))));
    for (what, path) in damages {
        if let Some(path) = &path {
            fs::remove_file(path).unwrap();
        }
        let mend = || repair(&home.around, &home.places, &options, &copy, "bench", None, false).unwrap();
        let (done, wall, cpu) = timed(mend);
        assert!(done.left.is_empty() && done.files.len() == usize::from(path.is_some()), "{done:?}");
        println!(
            "repair of {what}, {place}: {:.2} s, {:.2} s of processor, in a ledger of {bytes} bytes of lines",
            wall.as_secs_f64(),
            cpu.as_secs_f64()
        );
    }
    fs::remove_dir_all(&home.places.evidence).unwrap();
    let (done, wall, _) =
        timed(|| repair(&home.around, &home.places, &options, &copy, "bench", None, false).unwrap());
    assert!(done.left.is_empty() && done.recorded);
    println!(
        "repair of everything below evidence, {place} ({} files): {:.2} s",
        done.files.len(),
        wall.as_secs_f64()
    );
}

fn fill(ledger: &Ledger) -> u64 {
    let mut bytes = 0;
    for batch in lines(megabytes() << 20).chunks(BATCH) {
        bytes += batch.iter().map(|line| line.len() as u64).sum::<u64>();
        let record = |line: &Vec<u8>| Record { received_ns: now_ns(), sequence: None, bytes: line.clone() };
        let records = batch.iter().map(record);
        ledger.append("source", "security-evidence", records.collect()).unwrap();
    }
    bytes
}

/// Proves a record in a log of so many leaves.
fn proofs(leaves: u64) {
    let options = Options { threads: 0, ..Options::default() };
    let home = Home::new(&options);
    let ledger = home.open(&options);
    let record = |n: u64| Record { received_ns: now_ns(), sequence: Some(n), bytes: vec![b'x'; 300] };
    for n in 0..leaves {
        // A source of its own per place in a round, so that each becomes a block of its own.
        ledger.append(&format!("source {}", n % 250), "security", vec![record(n)]).unwrap();
        if n % 250 == 249 {
            ledger.tick().unwrap();
        }
    }
    ledger.close().unwrap();
    let open = || Reader::open(home.around.disk.clone(), home.places.clone(), true).unwrap();
    let (reader, opened, _) = timed(open);
    let (bundle, first, _) = timed(|| reader.prove(leaves / 2, 0));
    let bundle = bundle.or_else(|_| reader.prove(leaves / 2 + 1, 0)).unwrap();
    let prove_some = || (0..100).filter(|n| reader.prove(leaves / 2 + n * leaves / 300, 0).is_ok()).count();
    let (proven, wall, _) = timed(prove_some);
    let json = bundle.to_json().unwrap();
    let ((), verified, _) = timed(|| (0..100).for_each(|_| drop(bundle.verify(&[], &[]).unwrap())));
    println!(
        "proof in a log of {} leaves: {} bytes of JSON (record 300), {} hashes; view opened in {:.0} ms, first proof {:.1} ms, \
         each of {proven} others {:.2} ms, verified in {:.2} ms",
        reader.size(),
        json.len(),
        bundle.leaf.proof.len() + bundle.record.proof.len(),
        opened.as_secs_f64() * 1e3,
        first.as_secs_f64() * 1e3,
        wall.as_secs_f64() * 1e3 / proven.max(1) as f64,
        verified.as_secs_f64() * 10.0
    );
}
