//! The data directory: who may read and write it, and how long its disk lasts.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::machine::each;
use super::outcome::{Check, both};

/// Files that are looked at; of more the rest is not.
const MOST: usize = 20_000;
/// Days that free space should last.
const DAYS: u64 = 14;
/// Free bytes below which the ledger will soon stop.
const LEAST_FREE: u64 = 1 << 30;
/// Age below which growth says nothing.
const YOUNG_SECONDS: i64 = 3_600;

pub(super) fn look(data: &Path, checks: &mut Vec<Check>) {
    match walk(data) {
        Ok(all) => {
            checks.push(permissions(data, &all));
            checks.push(owners(data, &all));
            checks.push(space(data, &all));
        }
        Err(error) => {
            let text = format!("{}: {error}", data.display());
            let hint = both(
                "run it as the user that the server runs as",
                "サーバーと同じ実行ユーザーで hinomi doctor を実行する",
            );
            checks.push(Check::fail("data", both(&text, &text), hint));
        }
    }
}

/// One file or folder.
struct Entry {
    path: PathBuf,
    mode: u32,
    owner: u32,
    bytes: u64,
    /// When its contents were last changed, in seconds since 1970.
    changed: i64,
}

/// The directory and everything in it. Links are not followed.
fn walk(data: &Path) -> std::io::Result<Vec<Entry>> {
    let mut waiting = vec![data.to_owned()];
    let mut all = Vec::new();
    while let Some(path) = waiting.pop().filter(|_| all.len() < MOST) {
        let meta = match std::fs::symlink_metadata(&path) {
            // What goes away while it is looked at is the work of a server.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && path != data => continue,
            other => other?,
        };
        if meta.is_dir() {
            for entry in std::fs::read_dir(&path)? {
                waiting.push(entry?.path());
            }
        }
        let (mode, owner) = (meta.mode() & 0o7777, meta.uid());
        let link = meta.is_symlink();
        let bytes = meta.blocks() * 512;
        all.push(Entry { path, mode: if link { 0 } else { mode }, owner, bytes, changed: meta.mtime() });
    }
    Ok(all)
}

fn permissions(data: &Path, all: &[Entry]) -> Check {
    let name = "permissions";
    let secret = |entry: &Entry| entry.path.starts_with(data.join("keys")) || entry.path == data;
    let written = all.iter().find(|entry| entry.mode & 0o022 != 0);
    let read = all.iter().find(|entry| secret(entry) && entry.mode & 0o077 != 0);
    let shown = |entry: &Entry| format!("{} ({:04o})", entry.path.display(), entry.mode);
    if let Some(entry) = written {
        let found = each(|ja| {
            let place = shown(entry);
            if ja {
                format!("ほかのユーザーが書き込める：{place}")
            } else {
                format!("others can write to {place}")
            }
        });
        return Check::fail(name, found, both("chmod -R go-rwx DIR", "chmod -R go-rwx DIR"));
    }
    if let Some(entry) = read {
        let key = entry.path != data;
        let found = each(|ja| {
            let place = shown(entry);
            if ja {
                format!("ほかのユーザーが読める：{place}")
            } else {
                format!("others can read {place}")
            }
        });
        let hint = both("chmod -R go-rwx DIR", "chmod -R go-rwx DIR");
        return if key { Check::fail(name, found, hint) } else { Check::warn(name, found, hint) };
    }
    Check::ok(name, both("only the owner can read keys and write", "鍵を読み書きできるのは所有者だけ"))
}

fn owners(data: &Path, all: &[Entry]) -> Check {
    let name = "owners";
    let Some(owner) = all.iter().find(|entry| entry.path == data).map(|entry| entry.owner) else {
        return Check::unknown(name, both("nobody knows", "不明"));
    };
    let Some(other) = all.iter().find(|entry| entry.owner != owner) else {
        return Check::ok(name, both("one user owns everything", "所有者はすべて同じ"));
    };
    let (path, uid) = (other.path.display(), other.owner);
    let found = each(|ja| {
        if ja {
            format!("{path} の所有者は uid {uid}、ほかは uid {owner}")
        } else {
            format!("{path} is owned by uid {uid}, the directory by uid {owner}")
        }
    });
    let hint = both(
        "chown -R to the server's user; a server cannot write files of another",
        "chown -R でサーバーの実行ユーザーにそろえる",
    );
    Check::fail(name, found, hint)
}

fn space(data: &Path, all: &[Entry]) -> Check {
    let name = "disk-space";
    let Ok(disk) = rustix::fs::statvfs(data) else {
        return Check::unknown(name, both("the file system does not say", "取得できない"));
    };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let evidence: Vec<&Entry> =
        all.iter().filter(|entry| entry.path.starts_with(data.join("evidence"))).collect();
    let bytes: u64 = evidence.iter().map(|entry| entry.bytes).sum();
    let times = || evidence.iter().map(|entry| entry.changed);
    let (first, last) = (times().min().unwrap_or(0), times().max().unwrap_or(0));
    let seconds = last.saturating_sub(first);
    // Of a young ledger the rate says nothing.
    let per_day = (seconds >= YOUNG_SECONDS).then(|| bytes.saturating_mul(86_400) / seconds.max(1) as u64);
    let days = per_day.filter(|rate| *rate > 0).map(|rate| free / rate);
    let gib = |bytes: u64| format!("{:.1} GiB", bytes as f64 / (1_u64 << 30) as f64);
    let found = each(|ja| match (days, ja) {
        (Some(days), false) => {
            format!("{} free, {} kept: about {days} days at the rate so far", gib(free), gib(bytes))
        }
        (Some(days), true) => {
            format!("空き {}、使用 {}。これまでの増え方なら約 {days} 日で満杯", gib(free), gib(bytes))
        }
        (None, false) => {
            format!("{} free, {} kept; too young to say how long that lasts", gib(free), gib(bytes))
        }
        (None, true) => {
            format!("空き {}、使用 {}（運用期間が短く、増加率はまだ分からない）", gib(free), gib(bytes))
        }
    });
    let hint = both(
        "a larger disk, or shorter retention (hinomi ledger retention due); a full disk makes senders wait",
        "ディスクの増設、または保存期間の見直し（hinomi ledger retention due）。満杯になると送信側が待たされる",
    );
    if free < LEAST_FREE || days.is_some_and(|days| days < 2) {
        Check::fail(name, found, hint)
    } else if days.is_some_and(|days| days < DAYS) {
        Check::warn(name, found, hint)
    } else {
        Check::ok(name, found)
    }
}
