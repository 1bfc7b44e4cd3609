//! Every system call on the ledger's files failed in turn, by `strace`. Which calls there are is read from a trace of a
//! whole run, so that a new one cannot be forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Output};

use hinomi_testkit::seeded::Seeded;

use crate::worker::{acknowledged, command, lines_in, open};

/// Without these a trace is not one of the write path.
const EXPECTED: [&str; 9] =
    ["openat", "pwritev", "fdatasync", "fsync", "ftruncate", "fallocate", "rename", "unlink", "mkdirat"];
/// Calls that take space.
const TAKES_SPACE: [&str; 5] = ["openat", "pwritev", "fallocate", "rename", "mkdirat"];

/// Runs a worker of 150 lines under `strace`.
fn traced(folder: &Path, arguments: &[String]) -> (Output, String) {
    let trace = folder.join("trace");
    let mut wrapper = ["strace", "-f", "-y", "-s", "0", "-o"].map(str::to_owned).to_vec();
    wrapper.push(trace.to_str().unwrap().to_owned());
    wrapper.extend_from_slice(arguments);
    let output = command(&wrapper, folder, 0, 150, 0).output().unwrap();
    (output, std::fs::read_to_string(&trace).unwrap())
}

/// The calls on files of the ledger: name, and as which calls of that name in their thread they came.
fn calls(trace: &str, folder: &Path) -> BTreeMap<String, BTreeSet<u32>> {
    let below = format!("{}/data", folder.display());
    let mut counts: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    let mut found: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
    for line in trace.lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        let Some((name, arguments)) = call.trim_start().split_once('(') else { continue };
        if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            continue;
        }
        let count = counts.entry((thread, name)).or_default();
        *count += 1;
        if arguments.contains(&below) {
            found.entry(name.to_owned()).or_default().insert(*count);
        }
    }
    found
}

#[test]
fn a_failed_call_loses_nothing_that_was_acknowledged() {
    let may = Command::new("strace").args(["-o", "/dev/null", "true"]).status();
    if !may.is_ok_and(|status| status.success()) {
        println!("SKIPPED: strace is not here or may not trace");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (output, trace) = traced(folder.path(), &[]);
    assert!(acknowledged(&output.stdout).len() >= 150);
    let calls = calls(&trace, folder.path());
    for name in EXPECTED {
        assert!(calls.contains_key(name), "{name} is not in the trace: {:?}", calls.keys());
    }
    let mut plan: Vec<(&str, &str, u32)> = Vec::new();
    for (name, places) in &calls {
        let errors: &[&str] =
            if TAKES_SPACE.contains(&name.as_str()) { &["EIO", "ENOSPC"] } else { &["EIO"] };
        plan.extend(errors.iter().flat_map(|error| places.iter().map(|at| (name.as_str(), *error, *at))));
    }
    let total = plan.len();
    if !hinomi_testkit::soak::soaking() {
        plan = sample(plan, 20);
    }
    let (mut hits, mut stopped) = (BTreeMap::<&str, u32>::new(), 0);
    for (call, error, when) in &plan {
        let (injected, ended) = fail_once(call, error, *when);
        *hits.entry(call).or_default() += u32::from(injected);
        stopped += u32::from(ended);
    }
    let injected: u32 = hits.values().sum();
    println!(
        "{total} places, {} runs, {injected} failed calls, {stopped} ledgers stopped: {hits:?}",
        plan.len()
    );
    assert!(hits.len() == calls.len() && hits.values().all(|n| *n > 0), "a call was never failed: {hits:?}");
    assert!(stopped > 0 && injected as usize > plan.len() * 9 / 10);
}

/// One of so many, drawn, and of each call and error the first.
fn sample<'a>(plan: Vec<(&'a str, &'a str, u32)>, one_of: u64) -> Vec<(&'a str, &'a str, u32)> {
    let mut random = Seeded::new(11);
    let mut seen = BTreeSet::new();
    plan.into_iter()
        .filter(|(call, error, _)| seen.insert((*call, *error)) || random.below(one_of) == 0)
        .collect()
}

/// Fails one call of a run and looks for what was acknowledged. Whether it was failed, and whether the ledger stopped.
fn fail_once(call: &str, error: &str, when: u32) -> (bool, bool) {
    let folder = tempfile::tempdir().unwrap();
    let inject = format!("-einject={call}:error={error}:when={when}");
    let (output, trace) = traced(folder.path(), &[format!("-etrace={call}"), inject]);
    let said = String::from_utf8_lossy(&output.stdout);
    let (injected, stopped) = (trace.contains("INJECTED"), said.contains("stopped"));
    assert!(injected || !stopped, "an error without cause: {said}");
    let here = format!("{call} {error} {when}");
    let ledger = open(folder.path(), 0).map_err(|e| format!("{here}: {e}")).unwrap();
    ledger.close().unwrap();
    let found = lines_in(folder.path());
    for number in acknowledged(&output.stdout) {
        assert!(found.contains_key(&number), "{here}: line {number} is gone");
    }
    (injected, stopped)
}
