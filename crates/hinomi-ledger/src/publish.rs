//! The published log: tiles, entry bundles and the checkpoint, as files that anybody may read (C2SP tlog-tiles).
//!
//! # Invariants
//! - The checkpoint is replaced last and at once; the tiles of the last few checkpoints are there whenever it is read.
//! - Nothing here is synced while records come in: it is derived from the write-ahead log, from which opening rebuilds
//!   it. A write-ahead file goes only after [`Publisher::sync`].

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hinomi_model::{Access, Disk};

use crate::LedgerError;
use crate::files::{self, folder_of, io_error};
use crate::log_state::{Finished, LogState};
use crate::tlog::{Tile, TileKind};

/// For how many later checkpoints a partial tile is kept.
const PARTIALS_KEPT: usize = 4;
const FILE_MODE: u32 = 0o644;
const FOLDER_MODE: u32 = 0o755;

/// Writes the published log.
pub(crate) struct Publisher {
    disk: Arc<dyn Disk>,
    log: PathBuf,
    unsynced: Vec<PathBuf>,
    partials: VecDeque<Vec<PathBuf>>,
}

impl Publisher {
    pub(crate) fn new(disk: Arc<dyn Disk>, log: PathBuf) -> Self {
        Self { disk, log, unsynced: Vec::new(), partials: VecDeque::new() }
    }

    /// Shows the log as of `state`, with the tiles that became full since the last time.
    pub(crate) fn publish(
        &mut self,
        state: &LogState,
        finished: &mut Finished,
        checkpoint: &str,
    ) -> Result<(), LedgerError> {
        for (tile, bytes) in finished.iter() {
            let path = self.write(*tile, bytes)?;
            self.unsynced.push(path);
        }
        finished.clear();
        let mut written = Vec::new();
        for (tile, bytes) in state.partial()? {
            written.push(self.write(tile, &bytes)?);
        }
        let path = self.log.join("checkpoint");
        files::replace(&*self.disk, &path, FILE_MODE, checkpoint.as_bytes(), false)?;
        self.partials.push_back(written);
        while self.partials.len() > PARTIALS_KEPT {
            let outdated = self.partials.pop_front().unwrap_or_default();
            for path in outdated.iter().filter(|p| !self.partials.iter().flatten().any(|kept| kept == *p)) {
                files::remove(&*self.disk, path)?;
                // The folder of a tile's partial forms goes with the last of them.
                let _ = self.disk.remove_dir(folder_of(path));
            }
        }
        Ok(())
    }

    /// Removes the partial tiles that runs before this one left while the log grew from `from` to `to` leaves: they may be
    /// torn, and nobody else removes them.
    pub(crate) fn remove_leftovers(&self, from: u64, to: u64) -> Result<(), LedgerError> {
        let levels = (0..=7).map(TileKind::Hashes).chain([TileKind::Entries]);
        for kind in levels {
            let mut index = Tile::index_of(kind, from);
            while index <= Tile::index_of(kind, to) {
                let partial = self.log.join(Tile { kind, index, width: 1 }.path());
                self.clear(folder_of(&partial))?;
                index += 1;
            }
        }
        Ok(())
    }

    fn clear(&self, folder: &Path) -> Result<(), LedgerError> {
        let names = match self.disk.list(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other.map_err(io_error("list", folder))?,
        };
        for path in names.iter().map(|entry| folder.join(&entry.name)) {
            if !self.partials.iter().flatten().any(|kept| *kept == path) {
                files::remove(&*self.disk, &path)?;
            }
        }
        let _ = self.disk.remove_dir(folder);
        Ok(())
    }

    fn write(&self, tile: Tile, bytes: &[u8]) -> Result<PathBuf, LedgerError> {
        let path = self.log.join(tile.path());
        let written = match files::write_new(&*self.disk, &path, FILE_MODE, bytes) {
            Err(LedgerError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                self.create_folders(folder_of(&path))?;
                files::write_new(&*self.disk, &path, FILE_MODE, bytes)
            }
            Err(LedgerError::Io { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists => {
                // Left by a run that ended here; it may be torn.
                files::remove(&*self.disk, &path)?;
                files::write_new(&*self.disk, &path, FILE_MODE, bytes)
            }
            other => other,
        };
        written.map(|()| path)
    }

    fn create_folders(&self, folder: &Path) -> Result<(), LedgerError> {
        let missing = |f: &&Path| !matches!(self.disk.exists(f), Ok(true));
        let chain: Vec<&Path> = folder.ancestors().take_while(missing).collect();
        for folder in chain.iter().rev() {
            match self.disk.create_dir(folder, FOLDER_MODE) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(io_error("create", folder)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Makes every full tile durable, and that its partial forms are gone: after this nobody looks for them again.
    pub(crate) fn sync(&mut self) -> Result<(), LedgerError> {
        let mut folders = BTreeSet::new();
        for path in self.unsynced.clone() {
            let partial = path.with_added_extension("p");
            self.partials.iter_mut().for_each(|kept| kept.retain(|path| !path.starts_with(&partial)));
            self.clear(&partial)?;
            let file = self.disk.open(&path, Access::ReadWrite).map_err(io_error("open", &path))?;
            file.sync_data().map_err(io_error("sync", &path))?;
            folders.extend(
                path.ancestors().skip(1).take_while(|f| f.starts_with(&self.log)).map(Path::to_owned),
            );
        }
        for folder in folders {
            files::sync_dir(&*self.disk, &folder)?;
        }
        self.unsynced.clear();
        Ok(())
    }
}
