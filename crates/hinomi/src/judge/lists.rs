//! Whether lists have changed, by their names, lengths and times.
//!
//! # Invariants
//! Lists count as changed when two looks in a row see the same: half a list is not judged.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use hinomi_model::Digest;
use hinomi_server::serve::AssureSection;

/// Files that are looked at; what lies beyond is read, but its changes wait for the next time.
const MOST: usize = 20_000;
/// Folders within folders.
const DEEPEST: usize = 16;

/// What two looks saw.
#[derive(Debug, Default)]
pub(super) struct Lists {
    seen: Option<String>,
    settled: Option<String>,
}

impl Lists {
    /// A digest of what is there, once it has not changed since the look before; the very first look counts.
    pub(super) fn look(&mut self, section: &AssureSection) -> Option<&str> {
        let now = digest(section);
        let same = self.seen.as_ref().is_none_or(|before| *before == now);
        self.settled = same.then(|| now.clone());
        self.seen = Some(now);
        self.settled.as_deref()
    }
}

/// A digest of names, lengths and times of everything that is named.
fn digest(section: &AssureSection) -> String {
    let mut files = BTreeMap::new();
    for path in section.paths() {
        walk(path, DEEPEST, &mut files);
    }
    let mut whole = Vec::new();
    for (path, state) in files {
        whole.extend_from_slice(path.as_os_str().as_encoded_bytes());
        whole.extend_from_slice(format!("\0{state:?}\n").as_bytes());
    }
    Digest::of(&whole).to_string()
}

/// Length, seconds and nanoseconds of the last change; `None` for what cannot be looked at.
type State = Option<(u64, i64, i64)>;

fn walk(path: &Path, depth: usize, files: &mut BTreeMap<PathBuf, State>) {
    if files.len() >= MOST {
        return;
    }
    let Ok(meta) = std::fs::metadata(path) else {
        files.insert(path.to_owned(), None);
        return;
    };
    if !meta.is_dir() {
        files.insert(path.to_owned(), Some((meta.len(), meta.mtime(), meta.mtime_nsec())));
        return;
    }
    if depth == 0 {
        return;
    }
    for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
        walk(&entry.path(), depth - 1, files);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("hinomi-judge-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    fn put(path: &Path, text: &str) {
        #[expect(clippy::disallowed_methods, reason = "a test makes its own files")]
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn what_is_being_written_waits() {
        let folder = scratch("lists");
        let section = AssureSection { inventory: vec![folder.clone()], ..AssureSection::default() };
        let mut lists = Lists::default();
        let first = lists.look(&section).unwrap().to_owned();
        put(&folder.join("accounts.csv"), "account\n");
        assert_eq!(lists.look(&section), None, "it has just changed");
        put(&folder.join("accounts.csv"), "account\nk.mori\n");
        assert_eq!(lists.look(&section), None, "it goes on changing");
        let second = lists.look(&section).unwrap().to_owned();
        assert_ne!(first, second);
        std::fs::remove_file(folder.join("accounts.csv")).unwrap();
        assert_eq!(lists.look(&section), None);
        assert_eq!(lists.look(&section), Some(first.as_str()), "as at first");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn links_in_a_circle_end() {
        let folder = scratch("circle");
        std::os::unix::fs::symlink(&folder, folder.join("again")).unwrap();
        let section = AssureSection { inventory: vec![folder.clone()], ..AssureSection::default() };
        assert!(Lists::default().look(&section).is_some());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
