//! Where the hashes for a proof come from: leaf hashes in memory, or tiles.

use std::collections::BTreeMap;

use super::{Hash, Tile, TileKind, WIDTH, node_hash};
use crate::LedgerError;

/// Roots of complete subtrees of one tree.
pub trait NodeSource {
    /// The root of leaves `index << level .. (index + 1) << level`, all of which exist.
    ///
    /// # Errors
    /// Whatever reading it meets; [`LedgerError::Missing`] when the tree has no such node.
    fn node(&mut self, level: u8, index: u64) -> Result<Hash, LedgerError>;
}

fn no_node(level: u8, index: u64) -> LedgerError {
    LedgerError::Missing { what: "tree node", name: format!("level {level}, index {index}") }
}

/// Root of a complete subtree given its leaves; `None` unless their number is a power of two.
fn fold(hashes: &[Hash]) -> Option<Hash> {
    if !hashes.len().is_power_of_two() {
        return None;
    }
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        row = above(&row);
    }
    row.first().copied()
}

/// The nodes above a row; one that is left over at its end has none.
fn above(row: &[Hash]) -> Vec<Hash> {
    row.chunks_exact(2).filter_map(|p| Some(node_hash(p.first()?, p.last()?))).collect()
}

impl NodeSource for &[Hash] {
    fn node(&mut self, level: u8, index: u64) -> Result<Hash, LedgerError> {
        let missing = || no_node(level, index);
        let width = 1usize.checked_shl(u32::from(level)).ok_or_else(missing)?;
        let from = usize::try_from(index).ok().and_then(|i| i.checked_mul(width)).ok_or_else(missing)?;
        self.get(from..from.saturating_add(width)).and_then(fold).ok_or_else(missing)
    }
}

/// Reads tiles, from wherever they are.
pub trait TileFetch {
    /// The bytes of `tile`; more than the tile's width may come back (the full tile in place of a partial one).
    ///
    /// # Errors
    /// Whatever reading it meets.
    fn fetch(&mut self, tile: Tile) -> Result<Vec<u8>, LedgerError>;
}

impl<F: FnMut(Tile) -> Result<Vec<u8>, LedgerError>> TileFetch for F {
    fn fetch(&mut self, tile: Tile) -> Result<Vec<u8>, LedgerError> {
        self(tile)
    }
}

/// Most tiles kept by a [`TileReader`]: a proof needs fewer than 64.
const CACHED_TILES: usize = 256;

/// The hashes of a tile and, once they were asked for, the nodes above them.
#[derive(Debug)]
struct Rows(Vec<Vec<Hash>>);

impl Rows {
    /// The nodes so many levels above the hashes of the tile.
    fn above(&mut self, levels: u8) -> &[Hash] {
        let rows = &mut self.0;
        while rows.len() <= usize::from(levels) {
            let next = rows.last().map(|row| above(row)).unwrap_or_default();
            rows.push(next);
        }
        rows.get(usize::from(levels)).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Nodes of a tree of a given size, computed from its tiles. Nothing read is trusted: whoever builds a proof from it
/// verifies that proof against a root.
#[derive(Debug)]
pub struct TileReader<F> {
    tree_size: u64,
    fetch: F,
    cache: BTreeMap<(u8, u64), Rows>,
}

impl<F: TileFetch> TileReader<F> {
    /// Reads the tree of `tree_size` leaves through `fetch`.
    pub fn new(tree_size: u64, fetch: F) -> Self {
        Self { tree_size, fetch, cache: BTreeMap::new() }
    }

    fn rows(&mut self, level: u8, index: u64) -> Result<&mut Rows, LedgerError> {
        if !self.cache.contains_key(&(level, index)) {
            let tile = Tile::in_tree(TileKind::Hashes(level), index, self.tree_size)
                .ok_or_else(|| no_node(level * 8, index))?;
            let bytes = self.fetch.fetch(tile)?;
            let hashes: Vec<Hash> = bytes
                .chunks_exact(Hash::BYTES)
                .take(usize::from(tile.width))
                .filter_map(Hash::from_slice)
                .collect();
            if hashes.len() != usize::from(tile.width) || bytes.len() > WIDTH as usize * Hash::BYTES {
                return Err(LedgerError::Malformed { kind: "tile", what: "its length" });
            }
            if self.cache.len() >= CACHED_TILES {
                self.cache.clear();
            }
            self.cache.insert((level, index), Rows(vec![hashes]));
        }
        self.cache.get_mut(&(level, index)).ok_or_else(|| no_node(level * 8, index))
    }
}

impl<F: TileFetch> NodeSource for TileReader<F> {
    fn node(&mut self, level: u8, index: u64) -> Result<Hash, LedgerError> {
        let (tile_level, within) = (level / 8, level % 8);
        let first = index.checked_shl(u32::from(within)).ok_or_else(|| no_node(level, index))?;
        let at = (first % WIDTH) >> within;
        let row = self.rows(tile_level, first / WIDTH)?.above(within);
        row.get(at as usize).copied().ok_or_else(|| no_node(level, index))
    }
}
