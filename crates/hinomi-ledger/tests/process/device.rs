//! A small file system of its own: it runs full, and its device stops taking writes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::worker::{lines_in, open, record};

/// An ext4 of some megabytes on a loop device, mounted; gone when dropped.
struct SmallDisk {
    _folder: tempfile::TempDir,
    mount: PathBuf,
    device: String,
}

fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(arguments).output().map_err(|e| format!("{program}: {e}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        Err(format!("{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr).trim()))
    }
}

impl SmallDisk {
    fn new(megabytes: u64) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let (image, mount) = (folder.path().join("image"), folder.path().join("mount"));
        let (image, shown) = (image.to_str().unwrap(), mount.to_str().unwrap());
        run("truncate", &["-s", &format!("{megabytes}M"), image])?;
        run("mkfs.ext4", &["-q", image])?;
        std::fs::create_dir(&mount).map_err(|e| e.to_string())?;
        let device = run("losetup", &["--find", "--show", image])?;
        let mounted = run("mount", &[&device, shown]);
        if mounted.is_err() {
            let _ = run("losetup", &["--detach", &device]);
        }
        mounted?;
        Ok(Self { mount, device, _folder: folder })
    }

    fn or_skipped(megabytes: u64) -> Option<Self> {
        match Self::new(megabytes) {
            Ok(disk) => Some(disk),
            Err(why) => {
                println!("SKIPPED: no small file system can be mounted here: {why}");
                None
            }
        }
    }

    fn remount(&self) {
        run("umount", &[self.mount.to_str().unwrap()]).unwrap();
        run("mount", &[&self.device, self.mount.to_str().unwrap()]).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = run("umount", &[self.mount.to_str().unwrap_or_default()]);
        let _ = run("losetup", &["--detach", &self.device]);
    }
}

fn check(folder: &Path, acknowledged: u64) {
    let found = lines_in(folder);
    for number in 0..acknowledged {
        assert!(found.contains_key(&number), "line {number} of {acknowledged} was acknowledged and is gone");
    }
}

#[test]
fn a_full_disk_holds_callers_back_and_loses_nothing() {
    let Some(disk) = SmallDisk::or_skipped(40) else { return };
    let ballast = disk.mount.join("ballast");
    run("fallocate", &["-l", "16M", ballast.to_str().unwrap()]).unwrap();
    let ledger = open(&disk.mount, 2).unwrap();
    let (sent, done) = (AtomicU64::new(0), AtomicU64::new(0));
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::SeqCst) {
                let number = sent.load(Ordering::SeqCst);
                let ticket = ledger.append("fw", "security", (0..40).map(|n| record(number + n)).collect());
                let Ok(ticket) = ticket else { return };
                sent.fetch_add(40, Ordering::SeqCst);
                if ticket.wait().is_err() {
                    return;
                }
                done.fetch_add(40, Ordering::SeqCst);
            }
        });
        // Something else fills the disk.
        let filler = disk.mount.join("filler");
        let _ = run("dd", &["if=/dev/zero", &format!("of={}", filler.display()), "bs=64k"]);
        let stalled_at = stalled(&done);
        ledger.tick().unwrap();
        assert!(stalled_at > 0);
        std::fs::remove_file(&ballast).unwrap();
        let start = Instant::now();
        while done.load(Ordering::SeqCst) < stalled_at + 4_000 {
            assert!(start.elapsed() < Duration::from_secs(30), "space came back, records did not");
            std::thread::sleep(Duration::from_millis(20));
        }
        stop.store(true, Ordering::SeqCst);
    });
    // Full again, the ledger can still be closed in order.
    let more = disk.mount.join("more");
    let _ = run("dd", &["if=/dev/zero", &format!("of={}", more.display()), "bs=4k"]);
    ledger.close().unwrap();
    disk.remount();
    let ledger = open(&disk.mount, 0).unwrap();
    drop(ledger);
    check(&disk.mount, done.load(Ordering::SeqCst));
    println!("{} lines on a disk that was full twice", done.load(Ordering::SeqCst));
}

#[test]
fn on_a_full_disk_sources_of_low_priority_wait_first() {
    let Some(disk) = SmallDisk::or_skipped(40) else { return };
    let mut options = crate::worker::options(2);
    options.low_priority = vec!["debug".to_owned()];
    crate::worker::create(&disk.mount).unwrap();
    let places = crate::worker::places(&disk.mount);
    let (ledger, _) = hinomi_ledger::Ledger::open(crate::worker::around(), places, options).unwrap();
    let (stop, all) = (AtomicBool::new(false), AtomicU64::new(0));
    // Per class: what was acknowledged, and how much had been acknowledged of both at its last acknowledgement.
    let done = [(AtomicU64::new(0), AtomicU64::new(0)), (AtomicU64::new(0), AtomicU64::new(0))];
    std::thread::scope(|scope| {
        for (class, name) in ["security", "debug"].into_iter().enumerate() {
            let (ledger, stop, all, done) = (&ledger, &stop, &all, &done);
            scope.spawn(move || {
                let mut number = (class as u64) << 32;
                while !stop.load(Ordering::SeqCst) {
                    let records = (0..20).map(|n| record(number + n)).collect();
                    let Ok(ticket) = ledger.append(name, name, records) else { return };
                    if ticket.wait().is_err() {
                        return;
                    }
                    number += 20;
                    done[class].0.fetch_add(20, Ordering::SeqCst);
                    done[class].1.store(all.fetch_add(20, Ordering::SeqCst), Ordering::SeqCst);
                }
            });
        }
        let filler = disk.mount.join("filler");
        let _ = run("dd", &["if=/dev/zero", &format!("of={}", filler.display()), "bs=64k"]);
        stalled(&all);
        let (last_of_security, last_of_debug) =
            (done[0].1.load(Ordering::SeqCst), done[1].1.load(Ordering::SeqCst));
        println!(
            "records acknowledged in all at the last of security {last_of_security}, of debug {last_of_debug}"
        );
        assert!(last_of_security >= last_of_debug + 60, "{last_of_security} {last_of_debug}");
        // Space comes back: both go on.
        let before = done.each_ref().map(|(count, _)| count.load(Ordering::SeqCst));
        std::fs::remove_file(&filler).unwrap();
        let start = Instant::now();
        while done.iter().zip(&before).any(|((count, _), before)| count.load(Ordering::SeqCst) < before + 100)
        {
            assert!(start.elapsed() < Duration::from_secs(30), "space came back, records did not");
            std::thread::sleep(Duration::from_millis(20));
        }
        stop.store(true, Ordering::SeqCst);
    });
    ledger.close().unwrap();
    let found = lines_in(&disk.mount);
    for (class, (count, _)) in done.iter().enumerate() {
        for number in 0..count.load(Ordering::SeqCst) {
            assert!(found.contains_key(&(((class as u64) << 32) + number)), "class {class}, line {number}");
        }
    }
}

/// Waits until nothing is acknowledged for two seconds.
fn stalled(done: &AtomicU64) -> u64 {
    let start = Instant::now();
    let mut last = (done.load(Ordering::SeqCst), Instant::now());
    while last.1.elapsed() < Duration::from_secs(2) {
        assert!(start.elapsed() < Duration::from_mins(2), "the disk does not run full");
        std::thread::sleep(Duration::from_millis(20));
        let now = done.load(Ordering::SeqCst);
        if now != last.0 {
            last = (now, Instant::now());
        }
    }
    last.0
}

/// Hands in lines until the file system stops taking them, and looks for them after the next mount.
fn loses_its_disk(stop: impl Fn(&SmallDisk) -> Result<String, String>) {
    let Some(disk) = SmallDisk::or_skipped(40) else { return };
    let ledger = open(&disk.mount, 2).unwrap();
    let mut acknowledged = 0;
    let hand_in = |number: u64| {
        let ticket = ledger.append("fw", "security", (0..10).map(|n| record(number + n)).collect())?;
        ticket.wait()
    };
    for _ in 0..100 {
        hand_in(acknowledged).unwrap();
        acknowledged += 10;
    }
    if let Err(why) = stop(&disk) {
        println!("SKIPPED: the file system cannot be stopped here: {why}");
        return;
    }
    let start = Instant::now();
    while hand_in(acknowledged).is_ok() {
        acknowledged += 10;
        assert!(start.elapsed() < Duration::from_secs(20), "writes to a dead file system succeed");
    }
    assert!(
        ledger.append("fw", "security", vec![record(1 << 40)]).is_err(),
        "it goes on after a failed write"
    );
    assert!(ledger.close().is_err());
    disk.remount();
    drop(open(&disk.mount, 0).unwrap());
    check(&disk.mount, acknowledged);
    println!("{acknowledged} lines before the file system stopped");
}

#[test]
fn a_file_system_that_turns_read_only_stops_the_ledger_and_loses_nothing() {
    // What the kernel does after an error of the device.
    loses_its_disk(|disk| run("mount", &["-o", "remount,abort", disk.mount.to_str().unwrap()]));
}

#[test]
fn what_ext4_had_not_written_when_power_was_lost_was_never_acknowledged() {
    // The ioctl EXT4_IOC_SHUTDOWN without a flush of the journal: the disk keeps what was flushed before.
    let program = "import fcntl, os, struct, sys\n\
        fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack('I', 2))";
    loses_its_disk(|disk| run("python3", &["-c", program, disk.mount.to_str().unwrap()]));
}
