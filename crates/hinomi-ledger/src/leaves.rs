//! Reading the published log: checkpoint, leaves, tiles.
//!
//! # Trust
//! The files may have been changed. [`Published::leaf`] believes a leaf only with its proof; whoever reads many leaves in
//! order compares the root at the end.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hinomi_model::Disk;

use crate::LedgerError;
use crate::checkpoint::{Checkpoint, Origin};
use crate::files::io_error;
use crate::leaf::Leaf;
use crate::note::Note;
use crate::tlog::{
    ConsistencyProof, Hash, InclusionProof, Tile, TileFetch, TileKind, TileReader, WIDTH, decode_entries,
    leaf_hash, prove_consistency, prove_inclusion,
};

/// Bytes of the largest bundle: 256 leaves with their lengths.
const MAX_BUNDLE: u64 = WIDTH * (2 + 65_535);
const CACHED_BUNDLES: usize = 8;

/// The log below a folder, at the size of its checkpoint.
#[derive(Debug)]
pub(crate) struct Published {
    disk: Arc<dyn Disk>,
    log: PathBuf,
    pub(crate) note: Note,
    pub(crate) checkpoint: Checkpoint,
    bundles: Mutex<BTreeMap<u64, Arc<Vec<Vec<u8>>>>>,
    /// Kept from proof to proof: most leaves that are read lie beside each other.
    tiles: Mutex<TileReader<TileFiles>>,
}

/// The tiles of a log as files.
#[derive(Debug)]
struct TileFiles {
    disk: Arc<dyn Disk>,
    log: PathBuf,
}

impl TileFetch for TileFiles {
    fn fetch(&mut self, tile: Tile) -> Result<Vec<u8>, LedgerError> {
        read_tile(&*self.disk, &self.log, tile)
    }
}

impl Published {
    /// Reads the checkpoint. Its signature is not checked here.
    pub(crate) fn open(disk: Arc<dyn Disk>, log: &Path, origin: &Origin) -> Result<Self, LedgerError> {
        let path = log.join("checkpoint");
        let bytes = disk.read(&path, 1 << 20).map_err(io_error("read", &path))?;
        let damaged = |what| LedgerError::Damaged { path: path.clone(), offset: 0, what };
        let note = Note::parse(&bytes).map_err(|_| damaged("it is no signed note"))?;
        let checkpoint: Checkpoint =
            note.unverified_text().parse().map_err(|_| damaged("it is no checkpoint"))?;
        if checkpoint.origin != *origin {
            return Err(damaged("it is the checkpoint of another log"));
        }
        let files = TileFiles { disk: disk.clone(), log: log.to_owned() };
        let tiles = Mutex::new(TileReader::new(checkpoint.size, files));
        Ok(Self { disk, log: log.to_owned(), note, checkpoint, bundles: Mutex::default(), tiles })
    }

    pub(crate) fn size(&self) -> u64 {
        self.checkpoint.size
    }

    /// The bytes of a tile as the tree of this checkpoint has it; the full tile also stands for a partial one.
    pub(crate) fn tile(&self, tile: Tile) -> Result<Vec<u8>, LedgerError> {
        read_tile(&*self.disk, &self.log, tile)
    }

    /// The leaves of a bundle, unproven.
    pub(crate) fn bundle(&self, index: u64) -> Result<Arc<Vec<Vec<u8>>>, LedgerError> {
        let mut cache = self.bundles.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = cache.get(&index) {
            return Ok(known.clone());
        }
        let tile = Tile::in_tree(TileKind::Entries, index, self.size())
            .ok_or_else(|| LedgerError::Missing { what: "bundle of leaves", name: index.to_string() })?;
        let bytes = self.tile(tile)?;
        let path = self.log.join(tile.path());
        let damaged =
            |_| LedgerError::Damaged { path: path.clone(), offset: 0, what: "it is no bundle of leaves" };
        let leaves = cut_bundle(&bytes, tile.width).map_err(damaged)?;
        if cache.len() >= CACHED_BUNDLES {
            cache.pop_first();
        }
        let leaves = Arc::new(leaves);
        cache.insert(index, leaves.clone());
        Ok(leaves)
    }

    /// A leaf, unproven.
    pub(crate) fn leaf_bytes(&self, leaf: u64) -> Result<Vec<u8>, LedgerError> {
        let missing = || LedgerError::Missing { what: "leaf", name: leaf.to_string() };
        if leaf >= self.size() {
            return Err(missing());
        }
        self.bundle(leaf / WIDTH)?.get((leaf % WIDTH) as usize).cloned().ok_or_else(missing)
    }

    fn tiles(&self) -> MutexGuard<'_, TileReader<TileFiles>> {
        self.tiles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A leaf with the proof that it is in the tree of the checkpoint.
    ///
    /// # Errors
    /// [`LedgerError::NotAuthentic`] when leaf, tiles and checkpoint do not agree.
    pub(crate) fn leaf(&self, leaf: u64) -> Result<(Leaf, Vec<u8>, InclusionProof), LedgerError> {
        let bytes = self.leaf_bytes(leaf)?;
        let proof = prove_inclusion(&mut *self.tiles(), leaf, self.size())?;
        proof.verify(&leaf_hash(&[&bytes]), &self.checkpoint.root)?;
        Ok((Leaf::decode(&bytes)?, bytes, proof))
    }

    /// The proof that the log only grew since it had `size` leaves and this root.
    pub(crate) fn consistency(&self, size: u64, root: &Hash) -> Result<ConsistencyProof, LedgerError> {
        let proof = prove_consistency(&mut *self.tiles(), size, self.size())?;
        proof.verify(root, &self.checkpoint.root)?;
        Ok(proof)
    }
}

/// The first `width` leaves of a bundle, which may hold more.
pub(crate) fn cut_bundle(bytes: &[u8], width: u16) -> Result<Vec<Vec<u8>>, LedgerError> {
    let mut at = crate::cursor::Cursor::new(bytes, "bundle of leaves");
    let leaves = (0..width).map(|_| at.bytes16().map(<[u8]>::to_vec)).collect::<Result<_, _>>()?;
    Ok(leaves)
}

/// Reads a tile; where its partial form is gone the full one.
pub(crate) fn read_tile(disk: &dyn Disk, log: &Path, tile: Tile) -> Result<Vec<u8>, LedgerError> {
    let read = |tile: Tile| {
        let path = log.join(tile.path());
        disk.read(&path, MAX_BUNDLE).map_err(io_error("read", &path))
    };
    match read(tile) {
        Err(LedgerError::Io { source, .. })
            if source.kind() == io::ErrorKind::NotFound && !tile.is_full() =>
        {
            read(tile.full())
        }
        other => other,
    }
}

/// The first `width` leaves of a bundle, and nothing behind them.
pub(crate) fn exact_bundle(bytes: &[u8], width: u16) -> Result<Vec<Vec<u8>>, LedgerError> {
    Ok(decode_entries(bytes, width)?.into_iter().map(<[u8]>::to_vec).collect())
}
