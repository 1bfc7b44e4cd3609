//! Damaged files are replaced from a vault's copy, the log says so, and nothing that does not belong is ever put in.

use std::collections::BTreeMap;
use std::fs;
use std::io::IoSlice;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hinomi_ledger::{
    FileDisk, Leaf, LedgerError, Options, Reader, Repaired, Surroundings, Verdict, Verification,
    VerifyOptions, repair, verify,
};
use hinomi_model::{Access, Disk as _};
use hinomi_testkit::disk::{Fault, MemoryDisk, When};

use crate::support::{Home, NOON, inline, record, rewrite};
use crate::vault::{Pair, SECOND, write};

/// A primary with three segments and a write-ahead log of some files, all pulled by its vault.
fn pulled() -> Pair {
    pulled_by(Pair::new(small()))
}

fn small() -> Options {
    Options { wal_bytes: 30_000, ..inline() }
}

fn pulled_by(pair: Pair) -> Pair {
    pulled_with(pair, 300, 150)
}

/// So many records are packed, so many are in write-ahead files.
fn pulled_with(mut pair: Pair, packed: u64, replayed: u64) -> Pair {
    let ledger = pair.ledger();
    write(&ledger, 0, packed);
    ledger.pack().unwrap();
    ledger.close().unwrap();
    // Files that are sealed and not packed: two beside the newest.
    pair.home.options.wal_bytes *= 2;
    let ledger = pair.ledger();
    write(&ledger, packed, replayed);
    ledger.close().unwrap();
    pair.set_time(NOON + (packed + replayed) * SECOND);
    assert_eq!(pair.vault().pull(&mut pair.source()).unwrap().troubles, []);
    pair
}

fn check(pair: &Pair) -> Verification {
    let options = VerifyOptions { threads: 1, ..VerifyOptions::default() };
    verify(pair.home.around.disk.clone(), &pair.home.places, &options, &mut |_| {}).unwrap()
}

fn run(pair: &Pair, copy: &Path, dry_run: bool) -> Result<Repaired, LedgerError> {
    for _ in 0..200 {
        match repair(
            &pair.home.around,
            &pair.home.places,
            &pair.home.options,
            copy,
            "vault one",
            None,
            dry_run,
        ) {
            // Another test may just be starting a process, which holds a copy of every lock until it runs.
            Err(LedgerError::Locked { .. }) => std::thread::sleep(std::time::Duration::from_millis(10)),
            other => return other,
        }
    }
    unreachable!("somebody else has the ledger");
}

fn mend(pair: &Pair) -> Repaired {
    run(pair, &pair.folder.join("evidence"), false).unwrap()
}

/// Files below a folder, with what is in them.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut out = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            out.extend(files(&path));
        } else {
            let bytes = fs::read(&path).unwrap();
            out.insert(path, bytes);
        }
    }
    out
}

/// The repair leaves of the log.
fn repairs(pair: &Pair) -> Vec<hinomi_ledger::Repair> {
    let reader = Reader::open(std::sync::Arc::new(FileDisk), pair.home.places.clone(), true).unwrap();
    let leaves = (0..reader.size()).map(|n| reader.leaf(n).unwrap());
    leaves.filter_map(|leaf| if let Leaf::Repair(repair) = leaf { Some(repair) } else { None }).collect()
}

fn records(pair: &Pair) -> u64 {
    check(pair).records
}

#[test]
fn a_sound_ledger_is_left_alone() {
    let pair = pulled();
    let before = files(&pair.home.places.evidence);
    let found = run(&pair, &pair.folder.join("evidence"), true).unwrap();
    assert_eq!((found.files.len(), found.left.len()), (0, 0), "{found:?}");
    assert_eq!(files(&pair.home.places.evidence), before, "a dry run changes nothing");
    let found = mend(&pair);
    assert_eq!((found.files.len(), found.left.len()), (0, 0), "{found:?}");
    assert_eq!(repairs(&pair), []);
}

#[test]
fn each_kind_of_file_is_repaired_after_each_kind_of_damage() {
    let pair = pulled();
    let data = pair.data();
    let kept = data.with_file_name("kept");
    Pair::copy(&data, &kept);
    let evidence = pair.home.places.evidence.clone();
    let all = files(&evidence);
    let segments = all.keys().filter(|p| p.extension().is_some_and(|e| e == "seg")).count();
    let wals = all.keys().filter(|p| p.extension().is_some_and(|e| e == "wal")).count();
    assert!(segments >= 3 && wals >= 2, "{segments} segments, {wals} write-ahead files");
    let size = check(&pair).size.to_string();
    assert_eq!(records(&pair), 450);
    let mut mended = 0;
    for (path, good) in &all {
        let name = path.strip_prefix(&evidence).unwrap();
        // The lock is empty. Partial tiles of earlier checkpoints may go at any time.
        let partial = path.parent().unwrap().extension().is_some_and(|e| e == "p");
        if path.ends_with("lock")
            || (partial && !path.ends_with(&size) && name.starts_with("log/tile/entries"))
        {
            continue;
        }
        let middle = good.len() / 2;
        let mut flipped = good.clone();
        flipped[middle] ^= 4;
        for (how, bad) in [("flipped", Some(flipped)), ("cut", Some(good[..middle].to_vec())), ("gone", None)]
        {
            Pair::copy(&kept, &data);
            match &bad {
                Some(bytes) => rewrite(path, bytes),
                None => fs::remove_file(path).unwrap(),
            }
            let here = format!("{} {how}", name.display());
            let damaged = matches!(
                verify(pair.home.around.disk.clone(), &pair.home.places, &VerifyOptions::default(), &mut |_| {}),
                Ok(v) if v.verdict() != Verdict::Damaged
            );
            // A partial tile of another checkpoint that is gone is no damage.
            if damaged {
                assert!(partial && bad.is_none(), "{here} is not noticed");
                continue;
            }
            let found = mend(&pair);
            assert!(found.left.is_empty() && found.recorded, "{here}: {found:?}");
            let named: Vec<&str> = found.files.iter().map(|r| r.file.as_str()).collect();
            assert_eq!(named, [name.to_str().unwrap()], "{here}");
            let after = check(&pair);
            assert_eq!((after.findings.as_slice(), after.records), (&[][..], 450), "{here}");
            assert_eq!(repairs(&pair), found.files, "{here}");
            assert_eq!(found.files[0].from, "vault one");
            assert_eq!(found.files[0].before == [0; 32], bad.is_none(), "{here}");
            // What was there is kept.
            if let Some(bytes) = bad {
                let kept: Vec<Vec<u8>> = files(&found.kept_in).into_values().collect();
                assert!(kept.contains(&bytes), "{here}");
            }
            // The vault goes on with the repaired primary.
            mended += 1;
        }
    }
    assert!(mended >= 30, "only {mended}");
    assert_eq!(pair.vault().pull(&mut pair.source()).unwrap().troubles, []);
}

#[test]
fn everything_below_evidence_can_be_lost() {
    let pair = pulled();
    fs::remove_dir_all(&pair.home.places.evidence).unwrap();
    let found = mend(&pair);
    assert!(found.left.is_empty() && found.recorded && found.files.len() > 8, "{found:?}");
    let after = check(&pair);
    assert_eq!((after.findings.as_slice(), after.records), (&[][..], 450));
    assert_eq!(repairs(&pair).len(), found.files.len());
    assert_eq!(pair.vault().pull(&mut pair.source()).unwrap().troubles, []);
}

#[test]
fn records_newer_than_the_copy_survive_a_repair_of_the_file_they_are_in() {
    let pair = pulled();
    let ledger = pair.ledger();
    write(&ledger, 450, 3);
    ledger.close().unwrap();
    let wal = pair.home.places.evidence.join("wal");
    let newest = files(&wal).into_keys().max().unwrap();
    let mut bytes = fs::read(&newest).unwrap();
    let copy = fs::read(pair.folder.join("evidence/wal").join(newest.file_name().unwrap())).unwrap();
    assert!(copy.len() < bytes.len());
    bytes[copy.len() / 2] ^= 1;
    rewrite(&newest, &bytes);
    let found = mend(&pair);
    assert_eq!((found.files.len(), found.left.len()), (1, 0), "{found:?}");
    assert_eq!((check(&pair).findings, records(&pair)), (vec![], 453));
    // Behind what the copy holds nothing can be mended, and that is said.
    let ledger = pair.ledger();
    write(&ledger, 453, 3);
    ledger.close().unwrap();
    let mut bytes = fs::read(&newest).unwrap();
    let at = copy.len() + (bytes.len() - copy.len()) / 3;
    bytes[at] ^= 1;
    rewrite(&newest, &bytes);
    let found = mend(&pair);
    assert_eq!((found.files.len(), found.left.len()), (0, 1), "{found:?}");
    assert_eq!(fs::read(&newest).unwrap(), bytes, "it is as it was");
}

#[test]
fn a_ledger_that_was_put_back_is_brought_forward() {
    let pair = pulled();
    let earlier = pair.data().with_file_name("earlier");
    Pair::copy(&pair.data(), &earlier);
    let ledger = pair.ledger();
    write(&ledger, 450, 200);
    ledger.pack().unwrap();
    write(&ledger, 650, 10);
    ledger.close().unwrap();
    pair.set_time(NOON + 660 * SECOND);
    assert_eq!(pair.vault().pull(&mut pair.source()).unwrap().troubles, []);
    // Keys that were born since are not in the copy; here none were.
    Pair::copy(&earlier, &pair.data());
    let found = mend(&pair);
    assert!(found.left.is_empty() && found.recorded, "{:?}", found.left);
    assert_eq!((check(&pair).findings, records(&pair)), (vec![], 660));
    assert_eq!(pair.vault().pull(&mut pair.source()).unwrap().troubles, []);
}

#[test]
fn a_copy_of_another_ledger_or_a_damaged_one_is_refused() {
    let pair = pulled();
    let copy = pair.folder.join("evidence");
    let segment = PathBuf::from("segments/0000000000000001.seg");
    let own = pair.home.places.evidence.join(&segment);
    let good = fs::read(&own).unwrap();
    let bad = [&good[..500], b"?", &good[501..]].concat();
    rewrite(&own, &bad);
    let damaged = files(&pair.home.places.evidence);
    let refused = |copy: &Path, with: &str| {
        match run(&pair, copy, false) {
            Err(LedgerError::Refused { why }) => assert!(why.contains(with), "{why}"),
            other => panic!("{with}: {other:?}"),
        }
        assert_eq!(files(&pair.home.places.evidence), damaged, "{with}");
    };
    // Another ledger of the same name, and the same with the format file of this one.
    let other = pulled_by(Pair::of(std::sync::Arc::new(FileDisk), Home::seeded(small(), None, 9)));
    let stranger = other.folder.join("evidence");
    refused(&stranger, "another ledger");
    fs::copy(copy.join("format"), stranger.join("format")).unwrap();
    refused(&stranger, "not of this ledger");
    let aside = pair.folder.with_file_name("aside");
    let altered = |name: &str, at: usize| {
        Pair::copy(&copy, &aside);
        let mut bytes = fs::read(aside.join(name)).unwrap();
        bytes[at] ^= 1;
        rewrite(&aside.join(name), &bytes);
    };
    // Every byte of the copy's checkpoint up to the log's signature is signed.
    let text = fs::read_to_string(copy.join("log/checkpoint")).unwrap();
    for at in (0..text.find("\n\n").unwrap()).step_by(7) {
        altered("log/checkpoint", at);
        match run(&pair, &aside, true) {
            Err(LedgerError::Refused { .. }) => {}
            other => panic!("byte {at}: {other:?}"),
        }
    }
    // A leaf that only the copy has is changed there; one that this ledger has as well does no harm.
    let bundle = "log/tile/entries/000";
    altered(bundle, 100);
    assert_eq!(run(&pair, &aside, true).unwrap().files.len(), 1);
    let leaves = fs::read(pair.home.places.evidence.join(bundle)).unwrap();
    fs::remove_file(pair.home.places.evidence.join(bundle)).unwrap();
    assert!(matches!(run(&pair, &aside, true), Err(LedgerError::Refused { why }) if why.contains("damaged")));
    rewrite(&pair.home.places.evidence.join(bundle), &leaves);
    // The segment that is needed is bad in the copy too: it is not put in.
    Pair::copy(&copy, &aside);
    rewrite(&aside.join(&segment), &[&good[..600], b"?", &good[601..]].concat());
    let found = run(&pair, &aside, false).unwrap();
    assert_eq!((found.files.len(), found.left.keys().collect::<Vec<_>>()), (0, vec![&segment]), "{found:?}");
    assert_eq!(fs::read(&own).unwrap(), bad);
}

#[test]
fn a_copy_of_another_history_of_this_ledger_is_refused() {
    // The ledger went on from an earlier state with other records.
    let pair = pulled();
    let copy = pair.folder.join("evidence");
    let segment = pair.home.places.evidence.join("segments/0000000000000001.seg");
    let now = pair.data().with_file_name("now");
    Pair::copy(&pair.data(), &now);
    let ledger = pair.ledger();
    write(&ledger, 450, 20);
    ledger.close().unwrap();
    pair.set_time(NOON + 470 * SECOND);
    assert_eq!(pair.vault().pull(&mut pair.source()).unwrap().troubles, []);
    Pair::copy(&now, &pair.data());
    let ledger = pair.ledger();
    write(&ledger, 1000, 30);
    ledger.close().unwrap();
    rewrite(&segment, b"lost");
    let damaged = files(&pair.home.places.evidence);
    match run(&pair, &copy, false) {
        Err(LedgerError::Refused { why }) => assert!(why.contains("different histories"), "{why}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(files(&pair.home.places.evidence), damaged);
}

#[test]
fn records_without_a_leaf_that_the_copy_contradicts_are_not_replaced() {
    let pair = pulled();
    let earlier = pair.data().with_file_name("earlier");
    Pair::copy(&pair.data(), &earlier);
    let ledger = pair.ledger();
    write(&ledger, 450, 20);
    ledger.close().unwrap();
    pair.set_time(NOON + 470 * SECOND);
    assert_eq!(pair.vault().pull(&mut pair.source()).unwrap().troubles, []);
    Pair::copy(&earlier, &pair.data());
    let ledger = pair.ledger();
    ledger.append("fw", "security", vec![record(2000 * SECOND, "acknowledged here, unknown there")]).unwrap();
    ledger.commit().unwrap();
    // As after a crash: nothing is signed.
    std::mem::forget(ledger);
    let before = files(&pair.home.places.evidence);
    match repair_unlocked(&pair) {
        Err(LedgerError::Refused { why }) => assert!(why.contains("different records"), "{why}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(files(&pair.home.places.evidence), before);
}

/// Repairs while the lock of a forgotten ledger is still held by this process.
fn repair_unlocked(pair: &Pair) -> Result<Repaired, LedgerError> {
    let there = pair.data().with_file_name("there");
    Pair::copy(&pair.data(), &there);
    let places = hinomi_ledger::Places::in_data_dir(&there, "evidence");
    let copy = pair.folder.join("evidence");
    repair(&pair.home.around, &places, &pair.home.options, &copy, "vault one", None, false)
}

/// A folder as a disk in memory that forgets what was not synced.
fn upload(disk: &MemoryDisk, from: &Path, to: &Path) {
    let mode = fs::metadata(from).unwrap().permissions().mode() & 0o777;
    disk.create_dir(to, mode).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (source, target) = {
            let e = entry.unwrap();
            (e.path(), to.join(e.file_name()))
        };
        if source.is_dir() {
            upload(disk, &source, &target);
            continue;
        }
        let mode = fs::metadata(&source).unwrap().permissions().mode() & 0o777;
        let file = disk.open(&target, Access::CreateNew { mode }).unwrap();
        file.write_all_at(&[IoSlice::new(&fs::read(&source).unwrap())], 0).unwrap();
        file.sync_data().unwrap();
    }
    disk.sync_dir(to).unwrap();
    disk.sync_dir(to.parent().unwrap()).unwrap();
}

#[test]
fn a_repair_that_is_interrupted_anywhere_is_finished_by_the_next() {
    let pair = pulled_with(Pair::new(Options { wal_bytes: 6_000, ..inline() }), 40, 20);
    let mut harmed = Vec::new();
    for path in files(&pair.home.places.evidence).into_keys() {
        let name = path.strip_prefix(&pair.home.places.evidence).unwrap().to_str().unwrap().to_owned();
        if ["segments/0000000000000002.seg", "log/checkpoint", "format"].contains(&name.as_str()) {
            fs::remove_file(&path).unwrap();
        } else if name.starts_with("wal/") && harmed.iter().all(|h: &String| !h.starts_with("wal/")) {
            let mut bytes = fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            rewrite(&path, &bytes);
        } else {
            continue;
        }
        harmed.push(name);
    }
    harmed.sort();
    assert_eq!(harmed.len(), 4);
    let places = hinomi_ledger::Places::in_data_dir(Path::new("data"), "evidence");
    let (mut interrupted, mut begun_again) = (0, 0);
    for step in 0.. {
        let memory = MemoryDisk::new(step);
        upload(&memory, &pair.data(), Path::new("data"));
        upload(&memory, &pair.folder.join("evidence"), Path::new("copy"));
        let planned = memory.steps() + step;
        let fault = if step % 3 == 2 { Fault::Error(std::io::ErrorKind::Other) } else { Fault::Crash };
        memory.plan(When::Step(planned), fault);
        let around =
            |disk: &MemoryDisk| Surroundings { disk: Arc::new(disk.clone()), ..pair.home.around.clone() };
        let mend = |disk: &MemoryDisk| {
            repair(&around(disk), &places, &pair.home.options, Path::new("copy"), "vault one", None, false)
        };
        let failed = mend(&memory).is_err();
        if memory.steps() <= planned {
            // The repair was done before the fault came.
            break;
        }
        interrupted += u64::from(failed);
        memory.heal();
        let memory = memory.restart();
        let second = mend(&memory).unwrap_or_else(|e| panic!("after step {step}: {e}"));
        assert!(second.left.is_empty() && second.recorded, "step {step}: {second:?}");
        begun_again += u64::from(!second.files.is_empty());
        let found = verify(around(&memory).disk, &places, &VerifyOptions::default(), &mut |_| {}).unwrap();
        assert_eq!((found.findings.as_slice(), found.records), (&[][..], 60), "step {step}");
        let reader = Reader::open(around(&memory).disk, places.clone(), true).unwrap();
        let mut named: Vec<String> = (0..reader.size())
            .filter_map(|n| if let Leaf::Repair(r) = reader.leaf(n).unwrap() { Some(r.file) } else { None })
            .collect();
        // What the first attempt had not given its name yet was in the way of the second; the published log is not
        // synced when it is written.
        named.retain(|file| !file.contains(".new") && !file.starts_with("log/tile"));
        named.sort();
        named.dedup();
        assert_eq!(named, harmed, "step {step}: each repair has a leaf");
    }
    assert!(interrupted > 40 && begun_again > 10 && begun_again < interrupted, "{interrupted} {begun_again}");
}
