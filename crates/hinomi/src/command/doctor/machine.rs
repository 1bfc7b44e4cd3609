//! The machine: its clock's state, random numbers, open files.

use std::path::Path;
use std::process::{Command, Stdio};

use super::outcome::{Both, Check, both};

/// Open files that a server with few senders needs.
const FEW_FILES: u64 = 1_024;
/// Files that say that a time service has set the clock.
const SYNCHRONIZED: [&str; 1] = ["/run/systemd/timesync/synchronized"];

pub(super) fn look() -> Vec<Check> {
    vec![clock(), entropy(), files()]
}

fn clock() -> Check {
    let name = "clock";
    let good = || Check::ok(name, both("a time service keeps it", "時刻同期サービスにより同期済み"));
    if SYNCHRONIZED.iter().any(|path| Path::new(path).exists()) {
        return good();
    }
    match asked("timedatectl", &["show", "--property=NTPSynchronized", "--value"]).as_deref().map(str::trim) {
        Some("yes") => good(),
        Some("no") => Check::warn(
            name,
            both("no time service keeps it", "時刻が同期されていない"),
            both(
                "run chrony or systemd-timesyncd: times of receipt are this clock's",
                "chrony か systemd-timesyncd を動かす（受信時刻はこの時計で記録される）",
            ),
        ),
        _ => match asked("chronyc", &["-c", "tracking"]) {
            Some(text) if !text.contains("Not synchronised") && text.contains(',') => good(),
            _ => Check::unknown(name, both("nobody here says whether it is kept", "同期状態を確認できない")),
        },
    }
}

/// What a program of the system answers, if it is there and answers well.
fn asked(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn entropy() -> Check {
    let name = "entropy";
    let path = "/proc/sys/kernel/random/entropy_avail";
    match number(path) {
        Some(bits @ 128..) => Check::ok(name, each(|_| format!("{bits} bits"))),
        Some(bits) => Check::warn(
            name,
            each(|_| format!("{bits} bits")),
            both("new keys may wait; give the machine a random number device", "乱数デバイスを追加する"),
        ),
        None => Check::unknown(name, both("the kernel does not say", "カーネルから取得できない")),
    }
}

fn files() -> Check {
    let name = "open-files";
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let shown = limit.map_or_else(|| "∞".to_owned(), |limit| limit.to_string());
    let found = each(|ja| {
        if ja {
            format!("このシェルの上限 {shown}")
        } else {
            format!("at most {shown} in this shell")
        }
    });
    if limit.is_none_or(|limit| limit >= FEW_FILES) {
        return Check::ok(name, found);
    }
    let hint = both("LimitNOFILE= in the unit, or ulimit -n", "ユニットの LimitNOFILE= または ulimit -n");
    Check::warn(name, found, hint)
}

/// A text made once for each language.
pub(super) fn each(text: impl Fn(bool) -> String) -> Both {
    Both { en: text(false), ja: text(true) }
}

/// A number that a file of the kernel holds.
pub(super) fn number(path: &str) -> Option<u64> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}
