//! How far files were read, on disk: `DIR/watch/NAME.json`.
//!
//! # Invariants
//! - For each path one file is the current one. Records that the ledger has and that are not in here came from it, one
//!   directly behind the other: before lines are taken from another file, everything is durable and saved here.
//! - Leaves before [`Positions::leaf`] hold nothing that is not in here.
//! - It is replaced as a whole, and nothing of what was read stands in it.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::generation::Trail;

/// Longest file of positions that is read.
const LONGEST: u64 = 256 << 20;

/// All paths of one watch.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Positions {
    version: u32,
    /// What the ledger has beyond may be in none of the leaves before.
    pub(super) leaf: u64,
    /// By name of the source.
    pub(super) sources: BTreeMap<String, Position>,
}

/// One path.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Position {
    pub(super) path: String,
    /// Number of the next line.
    pub(super) next: u64,
    /// Place of the current one among the files.
    pub(super) current: Option<usize>,
    /// Files that are not read to their end, the oldest first.
    pub(super) files: Vec<Trail>,
    /// Files that are.
    pub(super) done: Vec<Trail>,
}

fn invalid(what: impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_string())
}

impl Positions {
    pub(super) fn new(leaf: u64, sources: BTreeMap<String, Position>) -> Self {
        Self { version: 1, leaf, sources }
    }

    /// What was saved; `None` if nothing was.
    pub(super) fn load(file: &Path) -> io::Result<Option<Self>> {
        let opened = match File::open(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let mut text = String::new();
        opened.take(LONGEST).read_to_string(&mut text)?;
        let positions: Self = serde_json::from_str(&text).map_err(invalid)?;
        if positions.version != 1 {
            return Err(invalid("it was written by another version"));
        }
        Ok(Some(positions))
    }

    /// Replaces what was saved; durable when it returns.
    pub(super) fn save(&self, file: &Path) -> io::Result<()> {
        let folder = file.parent().ok_or_else(|| invalid("a path without a folder"))?;
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let text = serde_json::to_vec(self).map_err(invalid)?;
        let new = PathBuf::from(format!("{}.new", file.display()));
        let mut written =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        written.write_all(&text)?;
        written.sync_all()?;
        std::fs::rename(&new, file)?;
        File::open(folder)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::super::place::Identity;
    use super::*;

    #[test]
    fn what_was_saved_is_loaded_and_damage_is_an_error() {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("watch/a.json");
        assert_eq!(Positions::load(&file).unwrap(), None);
        let trail = Trail::new(Identity { device: 1, number: 2 });
        let position =
            Position { path: "/a".to_owned(), next: 7, current: Some(0), files: vec![trail], done: vec![] };
        let positions = Positions::new(9, BTreeMap::from([("n/file/a".to_owned(), position)]));
        for _ in 0..2 {
            positions.save(&file).unwrap();
            assert_eq!(Positions::load(&file).unwrap().as_ref(), Some(&positions));
        }
        let cut = |length| OpenOptions::new().write(true).open(&file).unwrap().set_len(length).unwrap();
        for length in [20, 0] {
            cut(length);
            assert!(Positions::load(&file).is_err());
        }
    }
}
