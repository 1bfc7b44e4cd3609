//! Paths with `*` and `?` within a name, and `**` for folders below.
//!
//! # Invariants
//! - Links to folders are not walked, and a walk looks at a bounded number of entries.
//! - Matching takes time in proportion to the product of both lengths at most.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

/// Entries that one walk looks at.
const MOST_ENTRIES: usize = 200_000;
/// Folders below each other that `**` stands for.
const DEPTH: usize = 32;

/// A path with wildcards.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Pattern {
    base: PathBuf,
    names: Vec<Vec<u8>>,
}

/// What a walk found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) paths: BTreeSet<PathBuf>,
    /// Folders that could not be read.
    pub(super) unreadable: Vec<(PathBuf, String)>,
    /// Whether there was more than is looked at.
    pub(super) cut: bool,
}

fn is_wild(name: &[u8]) -> bool {
    name.iter().any(|byte| matches!(byte, b'*' | b'?'))
}

impl Pattern {
    /// Reads an absolute path.
    pub(crate) fn parse(path: &Path) -> Result<Self, &'static str> {
        let mut names = Vec::new();
        for component in path.components() {
            match component {
                Component::Normal(name) => names.push(name.as_bytes().to_vec()),
                Component::RootDir => {}
                _ => return Err("an absolute path without .. is needed"),
            }
        }
        if !path.is_absolute() || names.is_empty() {
            return Err("an absolute path without .. is needed");
        }
        let mixed = |name: &Vec<u8>| name.windows(2).any(|pair| pair == b"**") && name != b"**";
        if names.iter().any(mixed) || names.last().is_some_and(|last| last == b"**") {
            return Err("** stands for folders: between two slashes, and not at the end");
        }
        let fixed = names.iter().take(names.len() - 1).take_while(|name| !is_wild(name)).count();
        let rest = names.split_off(fixed);
        let base = names.iter().fold(PathBuf::from("/"), |base, name| base.join(OsStr::from_bytes(name)));
        Ok(Self { base, names: rest })
    }

    /// The folder that all of it is below.
    pub(crate) fn base(&self) -> &Path {
        &self.base
    }

    /// All that is there now, folders left out.
    pub(super) fn walk(&self, found: &mut Found) {
        let mut left = MOST_ENTRIES;
        let mut folders = vec![(self.base.clone(), 0, 0)];
        while let Some((folder, at, depth)) = folders.pop() {
            let Some(name) = self.names.get(at) else { continue };
            let any_depth = name == b"**";
            if any_depth {
                folders.push((folder.clone(), at + 1, depth));
            }
            let entries = match std::fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => {
                    found.unreadable.push((folder, error.to_string()));
                    continue;
                }
            };
            for entry in entries.flatten() {
                left = left.saturating_sub(1);
                if left == 0 {
                    found.cut = true;
                    return;
                }
                let Ok(kind) = entry.file_type() else { continue };
                let last = at + 1 == self.names.len();
                if kind.is_dir() && any_depth && depth < DEPTH {
                    folders.push((entry.path(), at, depth + 1));
                } else if !any_depth && kind.is_dir() != last && matches(name, entry.file_name().as_bytes()) {
                    if last {
                        found.paths.insert(entry.path());
                    } else {
                        folders.push((entry.path(), at + 1, depth));
                    }
                }
            }
        }
    }
}

/// Whether a name is what a pattern of one says.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star = None;
    while let Some(byte) = name.get(n) {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(b'?') => (p, n) = (p + 1, n + 1),
            Some(other) if other == byte => (p, n) = (p + 1, n + 1),
            _ => {
                // The last star takes one byte more.
                let Some((at, taken)) = star else { return false };
                star = Some((at, taken + 1));
                (p, n) = (at + 1, taken + 1);
            }
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_as_in_a_shell() {
        for (pattern, name, is) in [
            ("*.log", "a.log", true),
            ("*.log", "a.log.1", false),
            ("*", "", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("a*b*c", "aXbXbXc", true),
            ("a*b*c", "aXcXb", false),
            ("**x", "x", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), is, "{pattern} {name}");
        }
        let (many, name) = ("*a".repeat(60), "a".repeat(5_000));
        assert!(!matches(format!("{many}b").as_bytes(), name.as_bytes()));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for bad in ["a.log", "/var/../etc/x", "/", "/var/log/**", "/var/a**/x"] {
            assert!(Pattern::parse(Path::new(bad)).is_err(), "{bad}");
        }
        let pattern = Pattern::parse(Path::new("/var/log/*/app?.log")).unwrap();
        assert_eq!((pattern.base(), pattern.names.len()), (Path::new("/var/log"), 2));
        assert_eq!(Pattern::parse(Path::new("/var/log/a.log")).unwrap().base(), Path::new("/var/log"));
    }

    #[test]
    fn a_walk_finds_files_and_walks_no_links() {
        let folder = tempfile::TempDir::new().unwrap();
        let at = folder.path();
        for below in ["a", "a/b", "a/b/c", "d"] {
            std::fs::create_dir(at.join(below)).unwrap();
        }
        for file in ["x.log", "a/x.log", "a/b/c/x.log", "a/b/c/x.txt", "d/x.log"] {
            std::fs::OpenOptions::new().create(true).append(true).open(at.join(file)).unwrap();
        }
        std::os::unix::fs::symlink(at, at.join("d/loop")).unwrap();
        let found = |pattern: &str| {
            let mut found = Found::default();
            Pattern::parse(&at.join(pattern)).unwrap().walk(&mut found);
            let name = |p: &PathBuf| p.strip_prefix(at).unwrap().to_str().unwrap().to_owned();
            found.paths.iter().map(name).collect::<Vec<_>>()
        };
        assert_eq!(found("*.log"), ["x.log"]);
        assert_eq!(found("*/x.*"), ["a/x.log", "d/x.log"]);
        assert_eq!(found("**/x.log"), ["a/b/c/x.log", "a/x.log", "d/x.log", "x.log"]);
        assert_eq!(found("a/**/*.txt"), ["a/b/c/x.txt"]);
        assert!(found("none/*.log").is_empty());
    }
}
