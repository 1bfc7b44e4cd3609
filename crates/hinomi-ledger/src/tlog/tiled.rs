//! The growing log tree together with its unfinished tiles.

use super::{Frontier, Hash, NodeSource, Tile, TileKind, WIDTH, node_hash};
use crate::LedgerError;

/// A tree that hands out each tile as it fills. Memory is bounded by one tile per level.
#[derive(Clone, Debug, Default)]
pub struct TiledTree {
    frontier: Frontier,
    /// The hashes of the last, unfinished tile of each level.
    open: Vec<Vec<Hash>>,
}

impl TiledTree {
    /// The tree of `size` leaves, its right edge read from `nodes`. The caller compares [`TiledTree::root`] with a
    /// root it trusts.
    ///
    /// # Errors
    /// Whatever `nodes` meets.
    pub fn restore(size: u64, nodes: &mut dyn NodeSource) -> Result<Self, LedgerError> {
        let mut peaks = Vec::new();
        let mut at = 0;
        while at < size {
            let level = (size - at).ilog2();
            peaks.push(nodes.node(level as u8, at >> level)?);
            at += 1 << level;
        }
        let mut open = Vec::new();
        for level in (0..8).take_while(|l| size >> (8 * l) > 0) {
            let has = size >> (8 * level);
            let first = has / WIDTH * WIDTH;
            open.push((first..has).map(|i| nodes.node(8 * level, i)).collect::<Result<_, _>>()?);
        }
        let frontier = Frontier::from_parts(size, peaks)
            .ok_or(LedgerError::Malformed { kind: "tree", what: "its right edge" })?;
        Ok(Self { frontier, open })
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The root of the tree so far.
    pub fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// The right edge.
    pub fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// Appends a leaf; `finished` receives each hash tile that it fills.
    pub fn push(&mut self, leaf: Hash, mut finished: impl FnMut(Tile, Vec<u8>)) {
        let mut index = self.frontier.size();
        self.frontier.push(leaf);
        let mut hash = leaf;
        for level in 0..8u8 {
            if self.open.len() <= usize::from(level) {
                self.open.push(Vec::new());
            }
            let Some(row) = self.open.get_mut(usize::from(level)) else { return };
            row.push(hash);
            if (row.len() as u64) < WIDTH {
                return;
            }
            index /= WIDTH;
            finished(Tile { kind: TileKind::Hashes(level), index, width: 256 }, bytes_of(row));
            let mut fold = std::mem::take(row);
            while fold.len() > 1 {
                fold = fold.chunks_exact(2).filter_map(|p| Some(node_hash(p.first()?, p.last()?))).collect();
            }
            let Some(parent) = fold.first() else { return };
            hash = *parent;
        }
    }

    /// The partial hash tiles of the tree as it is, lowest level first.
    pub fn partial_tiles(&self) -> impl Iterator<Item = (Tile, Vec<u8>)> {
        let size = self.frontier.size();
        self.open.iter().zip(0u8..).filter(|(row, _)| !row.is_empty()).map(move |(row, level)| {
            let index = (size >> (8 * u32::from(level))) / WIDTH;
            (Tile { kind: TileKind::Hashes(level), index, width: row.len() as u16 }, bytes_of(row))
        })
    }

    /// The bytes of a hash tile that is not full yet, cut to its width; `None` for any other tile.
    pub fn open_tile(&self, tile: Tile) -> Option<Vec<u8>> {
        let TileKind::Hashes(level) = tile.kind else { return None };
        let row = self.open.get(usize::from(level))?;
        let index = (self.frontier.size() >> (8 * u32::from(level))) / WIDTH;
        (index == tile.index).then_some(())?;
        row.get(..usize::from(tile.width)).map(bytes_of)
    }
}

fn bytes_of(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|h| *h.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::tlog::{TileReader, leaf_hash, prove_consistency, prove_inclusion, root_of, tiles_of_growth};

    #[test]
    fn tiles_prove_every_size_and_restore_the_tree() {
        const LEAVES: u64 = 66_100;
        let leaves: Vec<Hash> = (0..LEAVES).map(|i| leaf_hash(&[&i.to_be_bytes()])).collect();
        let mut tree = TiledTree::default();
        let mut stored: BTreeMap<Tile, Vec<u8>> = BTreeMap::new();
        let mut roots = BTreeMap::new();
        let sizes = [1, 2, 255, 256, 257, 511, 512, 4_000, 65_535, 65_536, 65_537, LEAVES];
        for (leaf, size) in leaves.iter().zip(1u64..) {
            tree.push(*leaf, |tile, bytes| {
                assert!(stored.insert(tile, bytes).is_none(), "{tile} came twice");
            });
            if sizes.contains(&size) {
                stored.extend(tree.partial_tiles());
                roots.insert(size, tree.root());
                for tile in tiles_of_growth(0, size).filter(|t| t.kind != TileKind::Entries) {
                    assert!(stored.contains_key(&tile), "{tile} of {size}");
                }
            }
        }
        for (size, root) in &roots {
            assert_eq!(*root, root_of(leaves[..*size as usize].iter().copied()));
            let fetch = |tile: Tile| Ok(stored[&tile].clone());
            let mut reader = TileReader::new(*size, fetch);
            let restored = TiledTree::restore(*size, &mut reader).unwrap();
            assert_eq!(restored.root(), *root);
            for index in [0, size / 3, size - 1] {
                let proof = prove_inclusion(&mut reader, index, *size).unwrap();
                proof.verify(&leaves[index as usize], root).unwrap();
            }
            for (old, old_root) in roots.range(..=size) {
                let proof = prove_consistency(&mut reader, *old, *size).unwrap();
                proof.verify(old_root, root).unwrap();
            }
            // A restored tree grows like the one that was never closed.
            if *size >= 4_000 && *size != LEAVES {
                let mut grown = restored;
                for leaf in &leaves[*size as usize..] {
                    grown.push(*leaf, |tile, bytes| assert_eq!(stored[&tile], bytes));
                }
                assert_eq!(grown.root(), tree.root());
            }
        }
    }

    #[test]
    fn a_flipped_tile_byte_never_proves() {
        let leaves: Vec<Hash> = (0..300u64).map(|i| leaf_hash(&[&i.to_be_bytes()])).collect();
        let mut tree = TiledTree::default();
        let mut stored: BTreeMap<Tile, Vec<u8>> = BTreeMap::new();
        leaves.iter().for_each(|l| tree.push(*l, |tile, bytes| drop(stored.insert(tile, bytes))));
        stored.extend(tree.partial_tiles());
        for (tile, bytes) in &stored {
            for at in (0..bytes.len()).step_by(31) {
                let mut fetch = |wanted: Tile| {
                    let mut copy = stored[&wanted].clone();
                    if wanted == *tile {
                        copy[at] ^= 1;
                    }
                    Ok(copy)
                };
                let restored = TiledTree::restore(300, &mut TileReader::new(300, &mut fetch)).unwrap();
                let proof = prove_inclusion(&mut TileReader::new(300, &mut fetch), 7, 300).unwrap();
                // A byte outside what either reads does no harm; inside, the root differs.
                let used = restored.root() != tree.root();
                let full_level_0 = *tile == Tile { kind: TileKind::Hashes(0), index: 0, width: 256 };
                assert!(used || full_level_0, "{tile} byte {at}");
                if full_level_0 && at / 32 != 7 {
                    assert!(proof.verify(&leaves[7], &tree.root()).is_err(), "byte {at}");
                }
            }
        }
    }
}
