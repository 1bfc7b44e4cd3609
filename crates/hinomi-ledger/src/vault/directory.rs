//! A ledger in a folder as a source: on this machine, on a mounted share, or behind an HTTP server.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use hinomi_model::{Access, Disk};

use crate::error::LedgerError;
use crate::files::numbered;
use crate::keys::{VaultRecipient, sealed_to};
use crate::note::MAX_NOTE_BYTES;
use crate::options::Places;
use crate::tlog::{Tile, WIDTH};

use super::sealed::SealedEntry;
use super::source::{CHUNK, FileName, KEYS_AT_ONCE, Listed, Source};

/// Reads a ledger's folders without changing anything, while it works.
#[derive(Clone, Debug)]
pub struct DirectorySource {
    disk: Arc<dyn Disk>,
    places: Places,
}

impl DirectorySource {
    /// The ledger in `places`.
    pub fn new(disk: Arc<dyn Disk>, places: Places) -> Self {
        Self { disk, places }
    }

    fn failed<'a>(&'a self, path: &'a std::path::Path) -> impl FnOnce(io::Error) -> LedgerError + 'a {
        move |error| match error.kind() {
            io::ErrorKind::NotFound => {
                LedgerError::Missing { what: "file", name: path.display().to_string() }
            }
            _ => LedgerError::Unreachable { peer: self.peer(), what: format!("{}: {error}", path.display()) },
        }
    }

    fn small(&self, path: PathBuf, limit: u64) -> Result<Vec<u8>, LedgerError> {
        self.disk.read(&path, limit).map_err(self.failed(&path))
    }
}

impl Source for DirectorySource {
    fn peer(&self) -> String {
        self.places.evidence.display().to_string()
    }

    fn checkpoint(&mut self) -> Result<Vec<u8>, LedgerError> {
        let read = self.small(self.places.evidence.join("log/checkpoint"), MAX_NOTE_BYTES as u64);
        // Without a checkpoint there is no ledger to be seen: that is silence, not a file that moved.
        read.map_err(|error| match error {
            LedgerError::Missing { name, .. } => {
                LedgerError::Unreachable { peer: self.peer(), what: format!("{name} is not there") }
            }
            other => other,
        })
    }

    fn files(&mut self) -> Result<Vec<Listed>, LedgerError> {
        let gone = |e: LedgerError| LedgerError::Unreachable { peer: self.peer(), what: e.to_string() };
        let mut names = vec![FileName::Format];
        let wal = numbered(&*self.disk, &self.places.evidence.join("wal"), ".wal").map_err(gone)?;
        let segments = numbered(&*self.disk, &self.places.evidence.join("segments"), ".seg").map_err(gone)?;
        names.extend(wal.into_iter().map(FileName::Wal));
        names.extend(segments.into_iter().map(FileName::Segment));
        let mut out = Vec::with_capacity(names.len());
        for name in names {
            let path = self.places.evidence.join(name.path());
            match self.disk.metadata(&path) {
                Ok(found) => out.push(Listed { name, len: found.len }),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(self.failed(&path)(error)),
            }
        }
        Ok(out)
    }

    fn read(&mut self, name: FileName, offset: u64, len: u32) -> Result<Vec<u8>, LedgerError> {
        let path = self.places.evidence.join(name.path());
        let file = self.disk.open(&path, Access::Read).map_err(self.failed(&path))?;
        let mut buffer = vec![0; len.min(CHUNK) as usize];
        let mut have = 0;
        while let Some(rest) = buffer.get_mut(have..).filter(|r| !r.is_empty()) {
            match file.read_at(rest, offset.saturating_add(have as u64)) {
                Ok(0) => break,
                Ok(n) => have += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(&path)(error)),
            }
        }
        buffer.truncate(have);
        Ok(buffer)
    }

    fn tile(&mut self, tile: Tile) -> Result<Vec<u8>, LedgerError> {
        let log = self.places.evidence.join("log");
        let most = WIDTH * (65_535 + 2);
        match self.small(log.join(tile.path()), most) {
            Err(LedgerError::Missing { .. }) if !tile.is_full() => {
                self.small(log.join(tile.full().path()), most)
            }
            other => other,
        }
    }

    fn keys(&mut self, recipient: VaultRecipient, from: u64) -> Result<Vec<SealedEntry>, LedgerError> {
        let unreadable = |e: LedgerError| LedgerError::Unreachable { peer: self.peer(), what: e.to_string() };
        sealed_to(&*self.disk, &self.places.keys, recipient, from, KEYS_AT_ONCE).map_err(unreadable)
    }
}
