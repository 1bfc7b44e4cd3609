//! The faulty disk itself: mistakes of writers must show on it, and correct writers must never be harmed.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::Arc;

use hinomi_model::{Access, Disk, DiskFile};
use hinomi_testkit::disk::{Fault, MemoryDisk, Operation, When};

const SEEDS: u64 = 400;
const NEW: Access = Access::CreateNew { mode: 0o600 };

fn path(name: &str) -> &Path {
    Path::new(name)
}

fn write(file: &Arc<dyn DiskFile>, bytes: &[u8], offset: u64) -> io::Result<()> {
    file.write_all_at(&[IoSlice::new(bytes)], offset)
}

fn read(disk: &MemoryDisk, name: &str) -> Option<Vec<u8>> {
    disk.read(path(name), 1 << 20).ok()
}

/// Which of the seeds end badly.
fn count(bad: impl Fn(u64) -> bool) -> u64 {
    (0..SEEDS).filter(|seed| bad(*seed)).count() as u64
}

/// A writer that creates a file with bytes, flushing what it is told to, and then loses power.
fn survives(seed: u64, sync_data: bool, sync_dir: bool) -> bool {
    let disk = MemoryDisk::new(seed);
    let file = disk.open(path("f"), NEW).unwrap();
    write(&file, &[7; 10_000], 0).unwrap();
    if sync_data {
        file.sync_data().unwrap();
    }
    if sync_dir {
        disk.sync_dir(path("")).unwrap();
    }
    read(&disk.restart(), "f") == Some(vec![7; 10_000])
}

#[test]
fn a_file_survives_only_when_it_and_its_folder_were_flushed() {
    assert_eq!(count(|seed| !survives(seed, true, true)), 0);
    for (sync_data, sync_dir) in [(true, false), (false, true), (false, false)] {
        let lost = count(|seed| !survives(seed, sync_data, sync_dir));
        assert!(lost > SEEDS / 4 && lost < SEEDS, "{sync_data} {sync_dir}: {lost}");
    }
}

#[test]
fn a_folder_that_its_parent_does_not_know_takes_its_files_with_it() {
    let run = |seed, sync_parent: bool| {
        let disk = MemoryDisk::new(seed);
        disk.create_dir(path("a"), 0o700).unwrap();
        let file = disk.open(path("a/f"), NEW).unwrap();
        write(&file, b"x", 0).unwrap();
        file.sync_data().unwrap();
        disk.sync_dir(path("a")).unwrap();
        if sync_parent {
            disk.sync_dir(path("")).unwrap();
        }
        read(&disk.restart(), "a/f").is_none()
    };
    assert_eq!(count(|seed| run(seed, true)), 0);
    assert!(count(|seed| run(seed, false)) > SEEDS / 4);
}

/// Replaces `f` by way of a temporary file and loses power at every step of it in turn.
fn replace_and_crash(seed: u64, sync_data: bool) -> Vec<Option<Vec<u8>>> {
    let mut found = Vec::new();
    for crash_at in 0.. {
        let disk = MemoryDisk::new(seed);
        let old = disk.open(path("f"), NEW).unwrap();
        write(&old, b"old", 0).unwrap();
        old.sync_data().unwrap();
        disk.sync_dir(path("")).unwrap();
        let before = disk.steps();
        disk.plan(When::Step(before + crash_at), Fault::Crash);
        let replace = || -> io::Result<()> {
            let file = disk.open(path("f.new"), NEW)?;
            write(&file, &[9; 5000], 0)?;
            if sync_data {
                file.sync_data()?;
            }
            disk.rename(path("f.new"), path("f"))?;
            disk.sync_dir(path(""))
        };
        let done = replace().is_ok();
        found.push(read(&disk.restart(), "f"));
        if done {
            assert_eq!(crash_at, 4 + u64::from(sync_data));
            return found;
        }
    }
    found
}

#[test]
fn a_rename_shows_the_old_or_the_new_file_if_the_new_one_was_flushed() {
    let whole = |f: &Option<Vec<u8>>| *f == Some(b"old".to_vec()) || *f == Some(vec![9; 5000]);
    let mut both = [false; 2];
    for seed in 0..SEEDS {
        let found = replace_and_crash(seed, true);
        assert!(found.iter().all(whole), "seed {seed}: {found:?}");
        assert_eq!(*found.last().unwrap(), Some(vec![9; 5000]), "seed {seed}");
        // Power lost in the last step: either may be there.
        both[usize::from(found[4] == Some(b"old".to_vec()))] = true;
    }
    assert_eq!(both, [true; 2]);
    assert!(count(|seed| !replace_and_crash(seed, false).iter().all(whole)) > SEEDS / 4);
}

#[test]
fn after_a_failed_flush_a_second_one_promises_nothing() {
    let run = |seed, fault| {
        let disk = MemoryDisk::new(seed);
        let file = disk.open(path("f"), NEW).unwrap();
        disk.sync_dir(path("")).unwrap();
        write(&file, &[7; 9000], 0).unwrap();
        disk.plan(When::Next(Operation::SyncData, "f".to_owned(), 0), fault);
        assert_eq!(file.sync_data().unwrap_err().kind(), io::ErrorKind::Other);
        assert_eq!(read(&disk, "f"), Some(vec![7; 9000]), "the cache still shows it");
        file.sync_data().unwrap();
        read(&disk.restart(), "f") == Some(vec![7; 9000])
    };
    let kept = count(|seed| run(seed, Fault::Error(io::ErrorKind::Other)));
    assert!(kept < SEEDS / 2, "{kept}");
    let kept = count(|seed| run(seed, Fault::ErrorButDone(io::ErrorKind::Other)));
    assert!(kept > SEEDS / 4, "failed but persisted: {kept}");
}

#[test]
fn unflushed_sectors_survive_without_earlier_ones_and_torn() {
    let (mut reordered, mut torn, mut garbage, mut short) = (0, 0, 0, 0);
    for seed in 0..SEEDS {
        let disk = MemoryDisk::new(seed);
        let file = disk.open(path("f"), NEW).unwrap();
        disk.sync_dir(path("")).unwrap();
        for sector in 0..4_u8 {
            write(&file, &[sector + 1; 4096], u64::from(sector) * 4096).unwrap();
        }
        let bytes = read(&disk.restart(), "f").unwrap();
        let whole = |n: usize| bytes.get(n * 4096..(n + 1) * 4096) == Some(&[n as u8 + 1; 4096][..]);
        reordered += u32::from((1..4).any(|n| whole(n) && !whole(n - 1)));
        torn += u32::from((0..4).any(|n| {
            let Some(sector) = bytes.get(n * 4096..(n + 1) * 4096) else { return false };
            let new = sector.iter().take_while(|b| **b == n as u8 + 1).count();
            new > 0 && new < 4096 && new % 512 != 0
        }));
        garbage += u32::from(bytes.iter().any(|b| *b > 4));
        short += u32::from(bytes.len() < 4 * 4096 && !bytes.is_empty());
    }
    assert!(
        reordered > 20 && torn > 20 && garbage > 20 && short > 20,
        "{reordered} {torn} {garbage} {short}"
    );
}

#[test]
fn flushed_bytes_survive_everything_that_happens_beside_them() {
    for seed in 0..SEEDS {
        let disk = MemoryDisk::new(seed);
        let file = disk.open(path("f"), NEW).unwrap();
        write(&file, &[7; 700], 0).unwrap();
        file.sync_data().unwrap();
        disk.sync_dir(path("")).unwrap();
        write(&file, &[8; 3000], 700).unwrap();
        disk.plan(When::Step(disk.steps()), Fault::Error(io::ErrorKind::Other));
        assert!(file.sync_data().is_err());
        let disk = disk.restart();
        let bytes = read(&disk, "f").unwrap();
        assert_eq!(bytes[..700], [7; 700], "seed {seed}");
    }
}

#[test]
fn a_full_disk_takes_what_fits_and_gives_space_back() {
    let disk = MemoryDisk::new(1);
    disk.set_capacity(Some(1000));
    let reserve = disk.open(path("reserve"), NEW).unwrap();
    reserve.allocate(300).unwrap();
    assert_eq!(reserve.allocate(1001).unwrap_err().kind(), io::ErrorKind::StorageFull);
    let file = disk.open(path("f"), NEW).unwrap();
    assert_eq!(write(&file, &[1; 800], 0).unwrap_err().kind(), io::ErrorKind::StorageFull);
    assert_eq!(read(&disk, "f"), Some(vec![1; 700]));
    assert_eq!(disk.free_bytes(path("")).unwrap(), 0);
    write(&reserve, &[2; 300], 0).unwrap();
    disk.remove_file(path("reserve")).unwrap();
    write(&file, &[1; 100], 700).unwrap();
    assert_eq!(disk.free_bytes(path("")).unwrap(), 200);
}

#[test]
fn planted_mistakes_lose_data_that_was_promised() {
    let run = |seed, fault| {
        let disk = MemoryDisk::new(seed);
        disk.plan(When::Every(Operation::SyncData, "f".to_owned()), fault);
        let file = disk.open(path("f"), NEW).unwrap();
        disk.sync_dir(path("")).unwrap();
        write(&file, &[7; 100], 0).unwrap();
        file.sync_data().unwrap();
        let after_two_more_steps = || -> io::Result<()> {
            disk.create_dir(path("a"), 0o700)?;
            disk.create_dir(path("b"), 0o700)
        };
        let now = read(&disk.restart(), "f") == Some(vec![7; 100]);
        assert!(after_two_more_steps().is_err(), "disks from before a restart are dead");
        now
    };
    assert!(count(|seed| !run(seed, Fault::Skip)) > SEEDS / 4);
    assert!(count(|seed| !run(seed, Fault::Late(2))) > SEEDS / 4);
}

#[test]
fn a_late_flush_happens() {
    let lost = count(|seed| {
        let disk = MemoryDisk::new(seed);
        disk.plan(When::Every(Operation::SyncData, String::new()), Fault::Late(2));
        let file = disk.open(path("f"), NEW).unwrap();
        disk.sync_dir(path("")).unwrap();
        write(&file, &[7; 100], 0).unwrap();
        file.sync_data().unwrap();
        disk.create_dir(path("a"), 0o700).unwrap();
        disk.create_dir(path("b"), 0o700).unwrap();
        read(&disk.restart(), "f") != Some(vec![7; 100])
    });
    assert_eq!(lost, 0);
}

#[test]
fn reads_go_wrong_as_told() {
    let disk = MemoryDisk::new(5);
    let file = disk.open(path("f"), NEW).unwrap();
    write(&file, &[0; 64], 0).unwrap();
    file.sync_data().unwrap();
    disk.sync_dir(path("")).unwrap();
    disk.set_read_errors(50);
    let (mut failed, mut wrong) = (0, 0);
    for _ in 0..400 {
        let mut bytes = [0; 64];
        match file.read_at(&mut bytes, 0) {
            Err(_) => failed += 1,
            Ok(_) => wrong += bytes.iter().map(|b| b.count_ones()).sum::<u32>(),
        }
    }
    assert!(failed > 50 && wrong > 50, "{failed} {wrong}");
    disk.heal();
    disk.alter(path("f"), |bytes| bytes[3] ^= 4).unwrap();
    assert_eq!(read(&disk, "f").unwrap()[..5], [0, 0, 0, 4, 0]);
    assert_eq!(read(&disk.restart(), "f").unwrap()[..5], [0, 0, 0, 4, 0]);
}

#[test]
fn a_killed_process_loses_handles_and_locks_but_no_bytes() {
    let disk = MemoryDisk::new(9);
    let file = disk.open(path("f"), NEW).unwrap();
    write(&file, b"abc", 0).unwrap();
    let lock = disk.lock(path("f")).unwrap();
    assert_eq!(disk.lock(path("f")).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    let next = disk.kill_process();
    assert!(write(&file, b"zombie", 0).is_err());
    assert_eq!(read(&next, "f"), Some(b"abc".to_vec()));
    let held = next.lock(path("f")).unwrap();
    drop(lock);
    assert!(next.lock(path("f")).is_err(), "a dead lock releases nothing");
    drop(held);
    next.lock(path("f")).unwrap();
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = |seed| {
        let mut disk = MemoryDisk::new(seed);
        disk.start_trace();
        for round in 0..20 {
            let name = format!("f{round}");
            let file = disk.open(path(&name), NEW).unwrap();
            write(&file, &[round; 3000], 5).unwrap();
            if round % 3 == 0 {
                file.sync_data().unwrap();
            }
            disk = disk.restart();
        }
        let files: Vec<_> = (0..20).map(|n| read(&disk, &format!("f{n}"))).collect();
        (files, disk.trace())
    };
    assert_eq!(run(3), run(3));
    assert_ne!(run(3).0, run(4).0);
}

#[test]
fn what_readers_can_have_seen_is_known_after_the_loss_of_power() {
    let disk = MemoryDisk::new(2);
    disk.watch("/shown");
    disk.create_dir(path("a"), 0o700).unwrap();
    for round in 0..3_u8 {
        let file = disk.open(path("a/next"), NEW).unwrap();
        write(&file, &[round; 2], 0).unwrap();
        disk.rename(path("a/next"), path("a/shown")).unwrap();
    }
    let _ = disk.restart();
    assert_eq!(disk.take_shown(), [[0, 0], [1, 1], [2, 2]]);
    assert!(disk.take_shown().is_empty());
}
