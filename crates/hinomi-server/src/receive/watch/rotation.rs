//! Names that rotated files get, and what is beside a file.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// Entries of one folder that are looked at.
const MOST: usize = 100_000;

/// Endings of packed files that are unpacked.
const PACKED: &[u8] = b".gz";
/// Endings of packed files that are not.
const FOREIGN: [&[u8]; 4] = [b".xz", b".bz2", b".zst", b".lz4"];

/// How a file beside another is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    Plain,
    Packed,
    /// Packed in a way that is not read here.
    Foreign,
}

pub(super) fn form(name: &[u8]) -> Form {
    if name.ends_with(PACKED) {
        Form::Packed
    } else if FOREIGN.iter().any(|ending| name.ends_with(ending)) {
        Form::Foreign
    } else {
        Form::Plain
    }
}

/// Whether a name is one that a rotated `base` gets: `app.log.1`, `app.log-20261122.gz`, `app-20261122.log`, `app.log.old`.
pub(super) fn is_of(base: &[u8], name: &[u8]) -> bool {
    let packed = [PACKED].into_iter().chain(FOREIGN).find_map(|ending| name.strip_suffix(ending));
    let unpacked = packed.unwrap_or(name);
    if let Some(rest) = unpacked.strip_prefix(base) {
        return packed.is_some() && rest.is_empty() || is_stamp(rest);
    }
    // The number or date before the ending.
    let Some(dot) = base.iter().rposition(|byte| *byte == b'.').filter(|at| *at > 0) else { return false };
    let (stem, ending) = base.split_at(dot);
    let between = unpacked.strip_prefix(stem).and_then(|rest| rest.strip_suffix(ending));
    between.is_some_and(is_stamp)
}

fn is_stamp(text: &[u8]) -> bool {
    let Some((mark, rest)) = text.split_first() else { return false };
    let stamp = |byte: &u8| byte.is_ascii_digit() || b"-_.:TZ".contains(byte);
    b".-_".contains(mark)
        && (rest == b"old" || rest.first().is_some_and(u8::is_ascii_digit) && rest.iter().all(stamp))
}

/// The names in folders, each read once.
#[derive(Debug, Default)]
pub(super) struct Folders(BTreeMap<PathBuf, Vec<OsString>>);

impl Folders {
    /// What rotated from `path`, by name.
    pub(super) fn beside(&mut self, path: &Path) -> Vec<PathBuf> {
        let (Some(folder), Some(base)) = (path.parent(), path.file_name()) else { return Vec::new() };
        let names = self.0.entry(folder.to_owned()).or_insert_with(|| {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            entries.take(MOST).map(|entry| entry.file_name()).collect()
        });
        let of = |name: &&OsString| is_of(base.as_bytes(), name.as_bytes());
        names.iter().filter(of).map(|name| folder.join(name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_rotated_files() {
        for (base, name, is) in [
            ("app.log", "app.log.1", true),
            ("app.log", "app.log.12.gz", true),
            ("app.log", "app.log-20261122", true),
            ("app.log", "app.log-2026-11-22T10:00:00.gz", true),
            ("app.log", "app-20261122.log", true),
            ("app.log", "app.1.log.xz", true),
            ("app.log", "app.log.old", true),
            ("app.log", "app.log.gz", true),
            ("app.log", "app.log", false),
            ("app.log", "app.log.bak", false),
            ("app.log", "app-web.log", false),
            ("app.log", "app.log.1.swp", false),
            ("syslog", "syslog.1", true),
            ("syslog", "syslog2", false),
            (".log", "x.log", false),
        ] {
            assert_eq!(is_of(base.as_bytes(), name.as_bytes()), is, "{base} {name}");
        }
        assert_eq!(form(b"a.gz"), Form::Packed);
        assert_eq!(form(b"a.xz"), Form::Foreign);
    }
}
