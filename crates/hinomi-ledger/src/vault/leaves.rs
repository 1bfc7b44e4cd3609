//! The leaves of the copy: fetched as entry bundles, believed once the tree over all of them has the signed root.
//!
//! # Invariants
//! Leaves that were accepted are never fetched again: the tree that must reach the new root begins with the vault's own,
//! so a root that is reached proves that the log was only appended to.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use hinomi_model::Disk;

use crate::error::LedgerError;
use crate::files::{self, folder_of, io_error};
use crate::leaf::Leaf;
use crate::tlog::{Hash, Tile, TileKind, TileReader, TiledTree, WIDTH, encode_entries, leaf_hash};

use super::source::Source;

/// Longest bundle: 256 of the longest leaves.
const MAX_BUNDLE: u64 = WIDTH * (65_535 + 2);

/// The published log of a copy.
#[derive(Debug)]
pub(super) struct LeafStore {
    disk: Arc<dyn Disk>,
    log: PathBuf,
    cached: Option<(u64, Vec<Vec<u8>>)>,
}

/// Leaves that were fetched and whose tree reached the signed root, written but not synced.
#[derive(Debug)]
pub(super) struct Fetched {
    pub tree: TiledTree,
    pub written: Vec<PathBuf>,
}

impl LeafStore {
    pub(super) fn new(disk: Arc<dyn Disk>, log: PathBuf) -> Self {
        Self { disk, log, cached: None }
    }

    /// A tile or bundle of the copy as a tree of `size` leaves has it.
    pub(super) fn read(&self, tile: Tile) -> Result<Vec<u8>, LedgerError> {
        let path = self.log.join(tile.path());
        match self.disk.read(&path, MAX_BUNDLE) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && !tile.is_full() => {
                let path = self.log.join(tile.full().path());
                self.disk.read(&path, MAX_BUNDLE).map_err(io_error("read", &path))
            }
            other => other.map_err(io_error("read", &path)),
        }
    }

    /// The tree of the first `size` leaves of the copy, whose whole size is `held`.
    pub(super) fn tree(&self, size: u64, held: u64) -> Result<TiledTree, LedgerError> {
        let fetch = |tile: Tile| match tile.kind {
            TileKind::Hashes(_) => {
                let stored = Tile::in_tree(tile.kind, tile.index, held).unwrap_or(tile);
                self.read(stored)
            }
            TileKind::Entries => self.read(tile),
        };
        TiledTree::restore(size, &mut TileReader::new(size, fetch))
    }

    /// The bundle number `index` of the copy, of which a tree of `size` leaves knows the first ones.
    fn bundle(&mut self, index: u64, size: u64) -> Result<&[Vec<u8>], LedgerError> {
        let width = Tile::in_tree(TileKind::Entries, index, size).map_or(0, |t| t.width);
        let known = self.cached.as_ref().is_some_and(|(i, b)| *i == index && b.len() >= usize::from(width));
        if !known && let Some(tile) = Tile::in_tree(TileKind::Entries, index, size) {
            let bytes = self.read(tile)?;
            let entries = decode_some(&bytes, width)?;
            self.cached = Some((index, entries));
        }
        Ok(self.cached.as_ref().filter(|(i, _)| *i == index).map(|(_, b)| b.as_slice()).unwrap_or_default())
    }

    /// Leaf `index` of the copy, which has `size` leaves.
    pub(super) fn bytes(&mut self, index: u64, size: u64) -> Result<Vec<u8>, LedgerError> {
        let missing = || LedgerError::Missing { what: "leaf", name: index.to_string() };
        if index >= size {
            return Err(missing());
        }
        let bundle = self.bundle(index / WIDTH, size)?;
        bundle.get((index % WIDTH) as usize).cloned().ok_or_else(missing)
    }

    /// As [`LeafStore::bytes`], understood.
    pub(super) fn leaf(&mut self, index: u64, size: u64) -> Result<Leaf, LedgerError> {
        Leaf::decode(&self.bytes(index, size)?)
    }

    /// Fetches leaves `held..size` and appends them to the copy's files. `None` when they do not lead to `root`; then
    /// nothing is written.
    pub(super) fn fetch(
        &mut self,
        source: &mut dyn Source,
        held: u64,
        size: u64,
        root: &Hash,
    ) -> Result<Option<Fetched>, LedgerError> {
        let mut fetched = Fetched { tree: self.tree(held, held)?, written: Vec::new() };
        // The last bundle first: it is replaced within seconds on a busy log, full ones never are.
        let last = Tile::in_tree(TileKind::Entries, size.saturating_sub(1) / WIDTH, size);
        let last = last.map(|tile| source.tile(tile).map(|bytes| (tile, bytes))).transpose()?;
        for index in held / WIDTH..size.div_ceil(WIDTH) {
            let Some(tile) = Tile::in_tree(TileKind::Entries, index, size) else { continue };
            let bytes = match &last {
                Some((known, bytes)) if *known == tile => bytes.clone(),
                _ => source.tile(tile)?,
            };
            let theirs = decode_some(&bytes, tile.width)?;
            let own = held.saturating_sub(index * WIDTH).min(WIDTH) as usize;
            let mut entries = if own > 0 { self.bundle(index, held)?.to_vec() } else { Vec::new() };
            entries.truncate(own);
            entries.extend(theirs.into_iter().skip(own));
            let mut finished = Vec::new();
            for entry in entries.iter().skip(own) {
                fetched.tree.push(leaf_hash(&[entry]), |tile, bytes| finished.push((tile, bytes)));
            }
            let bundle = encode_entries(entries.iter().map(Vec::as_slice))?;
            finished.push((tile, bundle));
            for (tile, bytes) in finished {
                fetched.written.push(self.write(tile, &bytes)?);
            }
        }
        for (tile, bytes) in fetched.tree.partial_tiles().collect::<Vec<_>>() {
            fetched.written.push(self.write(tile, &bytes)?);
        }
        self.cached = None;
        if fetched.tree.size() == size && fetched.tree.root() == *root {
            return Ok(Some(fetched));
        }
        self.discard(&fetched.written, held)?;
        Ok(None)
    }

    fn write(&self, tile: Tile, bytes: &[u8]) -> Result<PathBuf, LedgerError> {
        let path = self.log.join(tile.path());
        let folder = folder_of(&path).to_owned();
        files::create_folders(&*self.disk, &folder, 0o700)?;
        // What was accepted under this name has this content and stays. Anything else is left from a pull that failed.
        match self.disk.read(&path, MAX_BUNDLE) {
            Ok(same) if same == bytes => return Ok(path),
            _ => files::remove(&*self.disk, &path)?,
        }
        files::write_new(&*self.disk, &path, 0o600, bytes)?;
        Ok(path)
    }

    /// Makes what was fetched durable.
    pub(super) fn sync(&self, fetched: &Fetched) -> Result<(), LedgerError> {
        let mut folders = std::collections::BTreeSet::new();
        for path in &fetched.written {
            let file =
                self.disk.open(path, hinomi_model::Access::ReadWrite).map_err(io_error("open", path))?;
            file.sync_data().map_err(io_error("sync", path))?;
            folders.insert(folder_of(path).to_owned());
        }
        folders.iter().try_for_each(|folder| files::sync_dir(&*self.disk, folder))
    }

    /// Removes what was fetched and not believed. Files that a tree of `held` leaves needs are never among them.
    fn discard(&mut self, written: &[PathBuf], held: u64) -> Result<(), LedgerError> {
        self.cached = None;
        let kinds = std::iter::once(TileKind::Entries).chain((0..8).map(TileKind::Hashes));
        let needed: Vec<PathBuf> = kinds
            .filter_map(|kind| {
                let count = match kind {
                    TileKind::Entries => held,
                    TileKind::Hashes(level) => held >> (8 * u32::from(level)),
                };
                Tile::in_tree(kind, count.checked_sub(1)? / WIDTH, held).map(|t| self.log.join(t.path()))
            })
            .collect();
        for path in written.iter().filter(|p| !needed.contains(p)) {
            files::remove(&*self.disk, path)?;
        }
        Ok(())
    }

    /// Removes the unfinished tiles of the tree of `old` leaves that the tree of `new` leaves does not have.
    pub(super) fn forget_partials(&self, old: u64, new: u64) -> Result<(), LedgerError> {
        let kinds = std::iter::once(TileKind::Entries).chain((0..8).map(TileKind::Hashes));
        for kind in kinds {
            let level = if let TileKind::Hashes(level) = kind { u32::from(level) } else { 0 };
            let Some(index) = (old >> (8 * level)).checked_sub(1).map(|last| last / WIDTH) else { continue };
            let (Some(before), Some(after)) =
                (Tile::in_tree(kind, index, old), Tile::in_tree(kind, index, new))
            else {
                continue;
            };
            if before != after {
                files::remove(&*self.disk, &self.log.join(before.path()))?;
            }
        }
        Ok(())
    }
}

/// The first `width` entries of a bundle that may hold more.
pub(super) fn decode_some(bytes: &[u8], width: u16) -> Result<Vec<Vec<u8>>, LedgerError> {
    let short = LedgerError::Malformed { kind: "entry bundle", what: "its number of entries" };
    let mut entries = Vec::new();
    let mut rest = bytes;
    while entries.len() < usize::from(width) {
        let Some((length, after)) = rest.split_first_chunk::<2>() else { return Err(short) };
        let length = usize::from(u16::from_be_bytes(*length));
        let Some((entry, after)) = after.split_at_checked(length) else { return Err(short) };
        entries.push(entry.to_vec());
        rest = after;
    }
    Ok(entries)
}

/// Reads hash tiles of a source, for comparing histories.
pub(super) struct Remote<'a>(pub &'a mut dyn Source);

impl Remote<'_> {
    /// Entries of the source's bundle `index` in its tree of `size` leaves.
    pub(super) fn bundle(&mut self, index: u64, size: u64) -> Result<Vec<Vec<u8>>, LedgerError> {
        let Some(tile) = Tile::in_tree(TileKind::Entries, index, size) else { return Ok(Vec::new()) };
        let bytes = self.0.tile(tile)?;
        decode_some(&bytes, tile.width)
    }
}
