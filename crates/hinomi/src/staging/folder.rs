//! Writes a rendering into a folder.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use hinomi_scenario::Sink;

use crate::exit::{Exit, Failure};

/// Appends to files below a folder. No file stays open: renderings have hundreds.
pub struct FolderSink {
    root: PathBuf,
    made: BTreeSet<PathBuf>,
}

impl FolderSink {
    /// Makes the folder, which must be empty or absent: appending to an earlier rendering would spoil both.
    ///
    /// # Errors
    /// It is not empty, or cannot be made.
    pub fn new(root: &Path) -> Result<Self, Failure> {
        let failed = |e: io::Error| Failure::new(Exit::Usage, format!("{}: {e}", root.display()));
        fs::create_dir_all(root).map_err(failed)?;
        if fs::read_dir(root).map_err(failed)?.next().is_some() {
            return Err(Failure::new(Exit::Usage, format!("{}: not empty", root.display()))
                .hint("give a new folder; renderings are not mixed"));
        }
        Ok(Self { root: root.to_owned(), made: BTreeSet::new() })
    }
}

impl Sink for FolderSink {
    fn append(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let full = self.root.join(path);
        if let Some(folder) = full.parent()
            && !self.made.contains(folder)
        {
            fs::create_dir_all(folder)?;
            self.made.insert(folder.to_owned());
        }
        OpenOptions::new().append(true).create(true).open(full)?.write_all(bytes)
    }
}
