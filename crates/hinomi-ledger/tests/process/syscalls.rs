//! Every system call of the write path failed in turn, by `strace`.

use std::process::Command;

use crate::soak;
use crate::worker::{acknowledged, command, lines_in, open};

/// The calls by which the ledger changes files, with an error that each can have.
const CALLS: [(&str, &str); 9] = [
    ("pwritev", "EIO"),
    ("pwritev", "ENOSPC"),
    ("fdatasync", "EIO"),
    ("fsync", "EIO"),
    ("ftruncate", "EIO"),
    ("fallocate", "ENOSPC"),
    ("rename", "EIO"),
    ("unlink", "EIO"),
    ("mkdirat", "EACCES"),
];

#[test]
fn a_failed_call_loses_nothing_that_was_acknowledged() {
    let traced = Command::new("strace").args(["-o", "/dev/null", "true"]).status();
    if !traced.is_ok_and(|status| status.success()) {
        println!("SKIPPED: strace is not here or may not trace");
        return;
    }
    let (mut runs, mut hits, mut stopped) = (0, 0, 0);
    for (call, error) in CALLS {
        let mut hits_of_call = 0;
        let mut when = 1;
        loop {
            let folder = tempfile::tempdir().unwrap();
            let trace = folder.path().join("trace");
            let wrapper = [
                "strace".to_owned(),
                "-f".to_owned(),
                "-o".to_owned(),
                trace.to_str().unwrap().to_owned(),
                format!("-etrace={call}"),
                format!("-einject={call}:error={error}:when={when}"),
            ];
            let output = command(&wrapper, folder.path(), 0, 150, 0).output().unwrap();
            runs += 1;
            if !std::fs::read_to_string(&trace).unwrap().contains("INJECTED") {
                assert!(
                    !String::from_utf8_lossy(&output.stdout).contains("stopped"),
                    "an error without cause"
                );
                break;
            }
            hits_of_call += 1;
            stopped += u32::from(String::from_utf8_lossy(&output.stdout).contains("stopped"));
            let promised = acknowledged(&output.stdout);
            let ledger = open(folder.path(), 0).unwrap_or_else(|e| panic!("{call} {error} {when}: {e}"));
            ledger.close().unwrap();
            let found = lines_in(folder.path());
            for number in promised {
                assert!(found.contains_key(&number), "{call} {error} {when}: line {number} is gone");
            }
            // The first calls one by one, then with growing steps; all of them in a soak.
            when += if soak() || when < 4 { 1 } else { 1 + when / 2 };
        }
        assert!(hits_of_call > 0, "{call} is not used by the write path");
        hits += hits_of_call;
    }
    println!("{runs} runs, {hits} with a failed call, {stopped} ledgers stopped");
    assert!(stopped > 0);
}
