//! A copy that is taken while its ledger is written is one that a loss of power could have left, and nothing less.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use hinomi_ledger::{
    FileDisk, Leaf, Ledger, LedgerError, Options, Places, Reader, Snapshot, SystemEntropy, Verdict,
    VerifyOptions, check_keys, note_restored, snapshot, verify,
};
use hinomi_model::{Access, Disk as _};

use crate::support::{Home, inline, record};

fn threaded() -> Options {
    Options {
        tick_ns: 3_000_000,
        wal_bytes: 60_000,
        block_bytes: 8 << 10,
        queue_bytes: 1 << 20,
        tick_bytes: 64 << 10,
        threads: 2,
        watch: false,
        ..Options::default()
    }
}

/// Copies what a snapshot names.
fn copy(of: &Snapshot, from: &Path, to: &Path) -> Places {
    for file in &of.files {
        let path = to.join(file.path.strip_prefix(from).unwrap());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let copy = FileDisk.open(&path, Access::CreateNew { mode: file.mode }).unwrap();
        let mut at = 0;
        file.copy(&FileDisk, &mut |part| {
            copy.write_all_at(&[std::io::IoSlice::new(part)], at)?;
            at += part.len() as u64;
            Ok(())
        })
        .unwrap();
        assert_eq!(at, file.len, "{}", path.display());
    }
    let places = Places::in_data_dir(to, "evidence");
    for folder in [places.evidence.join("segments"), places.evidence.join("wal")] {
        fs::create_dir_all(folder).unwrap();
    }
    let mode = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o700);
    fs::set_permissions(&places.keys, mode).unwrap();
    places
}

fn texts(places: &Places) -> Vec<u64> {
    let reader = Reader::open(Arc::new(FileDisk), places.clone(), true).unwrap();
    let mut all: Vec<u64> = Vec::new();
    for block in reader.blocks(0, reader.size()) {
        let records = block.unwrap().records.into_iter();
        all.extend(records.map(|r| std::str::from_utf8(&r.bytes).unwrap().trim().parse::<u64>().unwrap()));
    }
    all.sort_unstable();
    all
}

fn findings(places: &Places) -> Vec<String> {
    let found = verify(Arc::new(FileDisk), places, &VerifyOptions::default(), &mut |_| {}).unwrap();
    assert_eq!(found.verdict() == Verdict::Consistent, found.findings.is_empty());
    found.findings.into_iter().map(|f| format!("{:?} {:?} {}", f.path, f.offset, f.what)).collect()
}

/// Ends the writer also when the test fails.
struct StopWhenDropped<'a>(&'a AtomicBool);

impl Drop for StopWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Appends numbered records until it is told to stop; says how many are durable.
fn writer(ledger: &Ledger, stop: &AtomicBool, durable: &AtomicU64) {
    let mut n = 0;
    while !stop.load(Ordering::SeqCst) {
        // Every thirtieth record of a day of its own, so that keys are born all the time.
        let day = (n / 30) * 86_400_000_000_000;
        let records: Vec<_> = (0..30).map(|i| record(day + i, &format!("{:>200}", n + i))).collect();
        ledger.append("s", "security-evidence", records).unwrap().wait().unwrap();
        n += 30;
        durable.store(n, Ordering::SeqCst);
    }
}

#[test]
fn copies_of_a_ledger_at_work_are_sound_and_hold_what_was_acknowledged() {
    let home = Home::new(threaded());
    let data = home.folder.path().join("data");
    let (ledger, _) = home.open();
    let (stop, durable) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| writer(&ledger, &stop, &durable));
        let _stop = StopWhenDropped(&stop);
        let mut sizes = Vec::new();
        for n in 0..12 {
            let before = durable.load(Ordering::SeqCst);
            // The signing key changes in the middle of every third.
            let changing = (n % 3 == 1).then(|| scope.spawn(|| ledger.rotate_signer("test").unwrap()));
            let found = snapshot(&FileDisk, &home.places, true).unwrap();
            drop(changing.map(|thread| thread.join().unwrap()));
            let to = home.folder.path().join(format!("copy{n}"));
            let places = copy(&found, &data, &to);
            assert_eq!(findings(&places), Vec::<String>::new(), "copy {n}");
            let around =
                hinomi_ledger::Surroundings { entropy: Arc::new(SystemEntropy), ..home.around.clone() };
            let (copied, _) = Ledger::open(around, places.clone(), inline()).unwrap();
            copied.close().unwrap();
            let kept = texts(&places);
            assert!(kept.len() as u64 >= before, "copy {n} holds {} of {before}", kept.len());
            assert_eq!(kept, (0..kept.len() as u64).collect::<Vec<_>>(), "copy {n}");
            assert_eq!(findings(&places), Vec::<String>::new(), "copy {n}, opened");
            sizes.push(found.size);
            fs::remove_dir_all(to).unwrap();
            // The ledger has to go on before the next one says anything new.
            while durable.load(Ordering::SeqCst) < before + 300 {
                std::thread::yield_now();
            }
        }
        assert!(sizes.is_sorted() && sizes.first() < sizes.last(), "{sizes:?}");
    });
    ledger.close().unwrap();
    let packed = fs::read_dir(home.places.evidence.join("segments")).unwrap().count();
    assert!(packed > 0, "files were packed meanwhile");
}

/// As long as the signing key is being changed the keys may contradict the log: a snapshot waits for the end of that.
#[test]
fn a_change_of_the_signing_key_that_takes_long_is_waited_for() {
    let home = Home::new(inline());
    let (ledger, _) = home.open();
    drop(ledger.append("s", "c", vec![record(7, "1")]).unwrap());
    ledger.close().unwrap();
    let next = home.places.keys.join("signer.next");
    fs::copy(home.places.keys.join("signer"), &next).unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| snapshot(&FileDisk, &home.places, true));
        std::thread::sleep(std::time::Duration::from_millis(500));
        assert!(!waiting.is_finished(), "the keys are those of a change that is not over");
        fs::remove_file(&next).unwrap();
        assert!(waiting.join().unwrap().is_ok());
    });
}

#[test]
fn keys_alone_say_whether_they_open() {
    let home = Home::new(inline());
    let (ledger, _) = home.open();
    for day in 0..3 {
        drop(ledger.append("s", "c", vec![record(day * 86_400_000_000_000, "1")]).unwrap());
    }
    ledger.close().unwrap();
    let found = snapshot(&FileDisk, &home.places, false).unwrap();
    assert!(found.files.iter().all(|file| file.path.starts_with(&home.places.keys)), "{found:?}");
    let to = home.folder.path().join("copy");
    let places = copy(&found, &home.folder.path().join("data"), &to);
    let keys = check_keys(&FileDisk, &places, found.identity.ledger).unwrap();
    assert_eq!((keys.keys, keys.signer), (3, found.identity.signer.clone()));
    assert!(check_keys(&FileDisk, &places, [7; 16]).is_err());
    let ring = places.keys.join("0000000000000001.ring");
    let mut bytes = fs::read(&ring).unwrap();
    bytes[100] ^= 1;
    crate::support::rewrite(&ring, &bytes);
    assert!(check_keys(&FileDisk, &places, found.identity.ledger).is_err());
    // Where the evidence is missing no new ledger takes the place of the old one, however often somebody tries.
    for _ in 0..3 {
        let creation = hinomi_ledger::Creation { origin: "x/y".to_owned(), eraser: None };
        fs::remove_dir_all(&places.evidence).unwrap();
        let made = Ledger::create(&home.around, &places, &creation, &inline());
        assert!(matches!(made, Err(LedgerError::Refused { .. })), "{made:?}");
        assert!(places.keys.join("signer").exists());
    }
}

#[test]
fn the_log_says_that_it_was_restored() {
    let home = Home::new(inline());
    let checkpoint: PathBuf = home.places.evidence.join("log/checkpoint");
    note_restored(&FileDisk, &home.places, &checkpoint, "backup of 2026-11-22").unwrap();
    let (ledger, _) = home.open();
    drop(ledger.append("s", "c", vec![record(7, "1")]).unwrap());
    ledger.close().unwrap();
    let reader = Reader::open(Arc::new(FileDisk), home.places.clone(), true).unwrap();
    let leaves: Vec<Leaf> = (0..reader.size()).map(|n| reader.leaf(n).unwrap()).collect();
    let said =
        leaves.iter().filter(|leaf| matches!(leaf, Leaf::Repair(r) if r.from == "backup of 2026-11-22"));
    assert_eq!(said.count(), 1, "{leaves:?}");
    assert_eq!(findings(&home.places), Vec::<String>::new());
}
