//! Files that `logrotate` rotates under a writer at thousands of lines in a second, while the server is killed.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::{PATIENCE, Served, program, write_configuration};

const LOGROTATE: [&str; 1] = ["/usr/sbin/logrotate"];
const KILLS: u64 = 4;

/// A folder of logs that a server follows.
fn followed(logs: &Path, more: &str) -> Served {
    let folder = TempDir::new().unwrap();
    let pattern = logs.join("*.log").display().to_string();
    write_configuration(folder.path(), &format!("[[watch]]\nname = \"w\"\npaths = [{pattern:?}]\n{more}"));
    Served::start_in(folder)
}

/// Writes numbered lines, some thousands in a second. After a rotation that renames, it goes on with the old file for a
/// while, as programs do until they are told.
fn write_on(path: &Path, stop: &AtomicBool, written: &AtomicU64, reopens: bool) {
    let open = || OpenOptions::new().create(true).append(true).open(path).unwrap();
    let (mut file, mut opened) = (open(), Instant::now());
    while !stop.load(Ordering::Relaxed) {
        let from = written.load(Ordering::Relaxed);
        let lines: String =
            (from..from + 50).map(|n| format!("line number {n} of {}\n", path.display())).collect();
        // Now and then a line comes in two pieces.
        let middle = if from.is_multiple_of(7) { lines.len() - 9 } else { lines.len() };
        file.write_all(&lines.as_bytes()[..middle]).unwrap();
        file.write_all(&lines.as_bytes()[middle..]).unwrap();
        written.store(from + 50, Ordering::Relaxed);
        if reopens && opened.elapsed() > Duration::from_millis(600) {
            (file, opened) = (open(), Instant::now());
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// Runs logrotate, forced, as often as it can until told to stop.
fn rotate_on(folder: &Path, how: &str, stop: &AtomicBool) -> u64 {
    let (rules, state) = (folder.join("rules"), folder.join("state"));
    let text = format!("{}/logs/*.log {{\n rotate 200\n missingok\n{how}\n}}\n", folder.display());
    std::fs::write(&rules, text).unwrap();
    let mut rotations = 0;
    while !stop.load(Ordering::Relaxed) {
        let mut command = Command::new(LOGROTATE[0]);
        let done = command.arg("-f").arg("-s").arg(&state).arg(&rules).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        rotations += 1;
        thread::sleep(Duration::from_millis(700));
    }
    rotations
}

fn number(line: &str) -> Option<u64> {
    line.strip_prefix("line number ")?.split(' ').next()?.parse().ok()
}

/// Lines in all files of a folder, unpacked.
fn on_disk(folder: &Path) -> BTreeMap<u64, u64> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let bytes = std::fs::read(entry.path()).unwrap();
        let mut text = String::new();
        if bytes.starts_with(b"\x1f\x8b") {
            flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
        } else {
            text = String::from_utf8(bytes).unwrap();
        }
        text.lines().filter_map(number).for_each(|number| *all.entry(number).or_default() += 1);
    }
    all
}

fn rotated_under_kills(how: &str, reopens: bool) {
    let Some(_) = program(&LOGROTATE) else { return };
    let folder = TempDir::new().unwrap();
    // Logrotate wants nobody else to be able to write there.
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let logs = folder.path().join("logs");
    std::fs::create_dir(&logs).unwrap();
    let log = logs.join("app.log");
    let mut served = followed(&logs, "");
    let (stop, written) = (AtomicBool::new(false), AtomicU64::new(0));
    let rotations = thread::scope(|scope| {
        scope.spawn(|| write_on(&log, &stop, &written, reopens));
        let rotating = scope.spawn(|| rotate_on(folder.path(), how, &stop));
        for kill in 0..KILLS {
            thread::sleep(Duration::from_millis(700 + 211 * (kill % 3)));
            served.kill();
            // Rotated also while nobody looks.
            thread::sleep(Duration::from_millis(300 * (kill % 2)));
            served.restart();
        }
        thread::sleep(Duration::from_millis(700));
        stop.store(true, Ordering::Relaxed);
        rotating.join().unwrap()
    });
    settle(&served);
    let kept = served.records();
    let name = format!("w/file{}", log.display());
    let text = String::from_utf8(kept[&name].concat()).unwrap();
    let mut counts: BTreeMap<u64, u64> = BTreeMap::new();
    text.lines().filter_map(number).for_each(|number| *counts.entry(number).or_default() += 1);
    let disk = on_disk(&logs);
    let written = written.load(Ordering::Relaxed);
    let missing = disk.keys().filter(|number| !counts.contains_key(number)).count();
    let twice = counts.values().filter(|count| **count > 1).count();
    println!(
        "{how:?}: {written} lines written, {} of them left by {rotations} rotations, {} kept, {missing} missing, {twice} twice",
        disk.len(),
        counts.len()
    );
    assert_eq!((missing, twice, kept.len()), (0, 0, 1), "{:?}", kept.keys());
    assert!(rotations >= 4 && written > 5_000);
}

/// Waits until everything that is written is kept: nothing is behind, and nothing has come for longer than it takes to
/// look at rotated files.
fn settle(served: &Served) {
    let since = Instant::now();
    let (mut last, mut quiet) = (0, Instant::now());
    while quiet.elapsed() < Duration::from_secs(7) || served.figure("hinomi_watch_bytes_behind", "\"w\"") > 0
    {
        assert!(since.elapsed() < PATIENCE);
        thread::sleep(Duration::from_millis(200));
        let now = served.figure("hinomi_source_events_total", "w/file");
        if now != last {
            (last, quiet) = (now, Instant::now());
        }
    }
}

#[test]
fn logrotate_that_renames_and_creates_under_kills() {
    rotated_under_kills("create", true);
}

#[test]
fn logrotate_that_renames_and_packs_later_under_kills() {
    rotated_under_kills("create\n compress\n delaycompress", true);
}

#[test]
fn logrotate_that_copies_and_cuts_under_kills() {
    rotated_under_kills("copytruncate", false);
}

#[test]
fn logrotate_that_copies_cuts_and_packs_under_kills() {
    rotated_under_kills("copytruncate\n compress", false);
}

#[test]
fn an_orderly_end_and_a_new_start_keep_each_line_once_and_figures_are_shown() {
    let logs = TempDir::new().unwrap();
    let log = logs.path().join("app.log");
    let write = |text: &str| {
        OpenOptions::new().create(true).append(true).open(&log).unwrap().write_all(text.as_bytes()).unwrap();
    };
    write("a\nb\n");
    let mut served = followed(logs.path(), "class = \"operations\"\n");
    let name = format!("w/file{}", log.display());
    served.await_figure("hinomi_source_events_total", &name, 2);
    assert_eq!(served.figure("hinomi_watch_files", "\"w\""), 1);
    assert!(served.figure("hinomi_watch_last_read_seconds", "\"w\"") > 1_700_000_000);
    assert_eq!(served.figure("hinomi_source_acknowledged", &name), 1);
    assert_eq!(served.terminate(), Some(0));
    write("c\npart");
    served.restart();
    served.await_figure("hinomi_source_events_total", &name, 1);
    write("ial\n");
    served.await_figure("hinomi_source_events_total", &name, 2);
    let records = served.records();
    assert_eq!(String::from_utf8(records[&name].concat()).unwrap(), "a\nb\nc\npartial\n");
    // Positions are for their owner alone, and hold nothing of what was read.
    let saved = served.data().join("watch/w.json");
    assert_eq!(saved.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!std::fs::read_to_string(saved).unwrap().contains("partial"));
}

/// What an unprivileged server may not read: root may read everything, so that it gives that right away here.
#[test]
fn files_that_may_not_be_read_are_said_once_and_counted() {
    let Some(setpriv) = program(&["/usr/bin/setpriv"]) else { return };
    if !Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout == b"0\n") {
        println!("SKIPPED: needs root, to give rights away");
        return;
    }
    let folder = TempDir::new().unwrap();
    let logs = folder.path().join("logs");
    std::fs::create_dir(&logs).unwrap();
    let denied = logs.join("denied.log");
    for path in [&denied, &logs.join("open.log")] {
        std::fs::write(path, "line\n").unwrap();
    }
    std::fs::set_permissions(&denied, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert!(Command::new("chown").arg("65534").arg(&denied).status().unwrap().success());
    let pattern = logs.join("*.log").display().to_string();
    write_configuration(folder.path(), &format!("[[watch]]\nname = \"w\"\npaths = [{pattern:?}]\n"));
    let before = [setpriv.to_str().unwrap(), "--bounding-set=-dac_override,-dac_read_search"];
    let mut served = Served::start_as(folder, &before);
    served.await_figure("hinomi_watch_denied", "\"w\"", 1);
    served.await_figure("hinomi_source_events_total", "open.log", 1);
    thread::sleep(Duration::from_secs(1));
    let said = served.said_so_far();
    let about: Vec<_> = said.iter().filter(|line| line["path"] == denied.to_str().unwrap()).collect();
    assert_eq!(about.len(), 1, "{said:?}");
    assert!(about[0]["why"].as_str().unwrap().contains("permission denied"));
}
