//! The Merkle log while it grows: the tree, the leaves of the unfinished bundle, and the last block of each source.
//!
//! # Invariants
//! The same leaves give the same state, whether they were just made or read back after a crash; a state that was stored
//! in a write-ahead file is accepted only if its hashes give the root stored beside it.

use std::collections::BTreeMap;

use crate::LedgerError;
use crate::cursor::{Cursor, put_bytes16, put_short_str};
use crate::leaf::Leaf;
use crate::tlog::{Hash, Tile, TileKind, TileReader, TiledTree, WIDTH, encode_entries, leaf_hash};

/// Tiles and bundles that became full.
pub(crate) type Finished = Vec<(Tile, Vec<u8>)>;

/// The state of a log of some size.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogState {
    tree: TiledTree,
    /// Leaves of the bundle that is not full.
    tail: Vec<Vec<u8>>,
    /// Last block of each source.
    last_block: BTreeMap<String, u64>,
    /// All keys of the ring with a smaller ordinal have their leaf.
    pub keys_logged: u64,
}

impl LogState {
    pub(crate) fn size(&self) -> u64 {
        self.tree.size()
    }

    pub(crate) fn root(&self) -> Hash {
        self.tree.root()
    }

    pub(crate) fn last_block(&self, source: &str) -> Option<u64> {
        self.last_block.get(source).copied()
    }

    /// Whether these are the last blocks of all sources.
    pub(crate) fn has_sources(&self, sources: &BTreeMap<String, u64>) -> bool {
        self.last_block == *sources
    }

    /// Appends a leaf given with its encoding.
    pub(crate) fn push(
        &mut self,
        leaf: &Leaf,
        bytes: Vec<u8>,
        finished: &mut Finished,
    ) -> Result<(), LedgerError> {
        if let Leaf::Block(block) = leaf {
            self.last_block.insert(block.scope.source.clone(), self.size());
        }
        let bundle = self.size() / WIDTH;
        self.tree.push(leaf_hash(&[&bytes]), |tile, bytes| finished.push((tile, bytes)));
        self.tail.push(bytes);
        if self.size().is_multiple_of(WIDTH) {
            let bytes = encode_entries(self.tail.iter().map(Vec::as_slice))?;
            finished.push((Tile { kind: TileKind::Entries, index: bundle, width: WIDTH as u16 }, bytes));
            self.tail.clear();
        }
        Ok(())
    }

    /// The tiles and the bundle that are not full.
    pub(crate) fn partial(&self) -> Result<Finished, LedgerError> {
        let mut out: Finished = self.tree.partial_tiles().collect();
        if !self.tail.is_empty() {
            let tile =
                Tile { kind: TileKind::Entries, index: self.size() / WIDTH, width: self.tail.len() as u16 };
            out.push((tile, encode_entries(self.tail.iter().map(Vec::as_slice))?));
        }
        Ok(out)
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>, LedgerError> {
        let mut out = self.size().to_be_bytes().to_vec();
        out.extend_from_slice(self.root().as_bytes());
        out.extend_from_slice(&self.keys_logged.to_be_bytes());
        let rows: Finished = self.tree.partial_tiles().collect();
        out.push(rows.len() as u8);
        for (tile, hashes) in rows {
            let TileKind::Hashes(level) = tile.kind else { continue };
            out.push(level);
            put_bytes16(&mut out, "row of a tile", &hashes)?;
        }
        out.push(self.tail.len() as u8);
        for leaf in &self.tail {
            put_bytes16(&mut out, "leaf", leaf)?;
        }
        out.extend_from_slice(&(self.last_block.len() as u32).to_be_bytes());
        for (source, leaf) in &self.last_block {
            put_short_str(&mut out, "name of a source", source)?;
            out.extend_from_slice(&leaf.to_be_bytes());
        }
        Ok(out)
    }

    /// # Errors
    /// [`LedgerError::Malformed`] when the hashes do not give the root.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, LedgerError> {
        let mut at = Cursor::new(bytes, "state of the log");
        let (size, root, keys_logged) = (at.u64()?, Hash::from_bytes(at.array()?), at.u64()?);
        let mut rows = BTreeMap::new();
        for _ in 0..at.u8()? {
            rows.insert(at.u8()?, at.bytes16()?.to_vec());
        }
        let missing = at.malformed("a row of hashes is missing");
        let fetch = |tile: Tile| {
            match tile.kind {
                TileKind::Hashes(level) => rows.get(&level).cloned(),
                TileKind::Entries => None,
            }
            .ok_or(LedgerError::Malformed { kind: "state of the log", what: "a row of hashes is missing" })
        };
        let tree = TiledTree::restore(size, &mut TileReader::new(size, fetch)).map_err(|_| missing)?;
        if tree.root() != root {
            return Err(at.malformed("its hashes do not give its root"));
        }
        let count = at.u8()?;
        let tail = (0..count).map(|_| at.bytes16().map(<[u8]>::to_vec)).collect::<Result<Vec<_>, _>>()?;
        let hashes = rows.get(&0).map(Vec::as_slice).unwrap_or_default();
        if !tail.iter().flat_map(|leaf| *leaf_hash(&[leaf]).as_bytes()).eq(hashes.iter().copied()) {
            return Err(at.malformed("its leaves do not give its hashes"));
        }
        let mut last_block = BTreeMap::new();
        for _ in 0..at.u32()? {
            last_block.insert(at.short_str()?.to_owned(), at.u64()?);
        }
        at.end()?;
        Ok(Self { tree, tail, last_block, keys_logged })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leaf::{Policy, Rotation};

    #[test]
    fn a_state_survives_at_every_size() {
        let mut state = LogState::default();
        for size in 0..600u64 {
            let stored = state.encode().unwrap();
            let mut read = LogState::decode(&stored).unwrap();
            assert_eq!(read.encode().unwrap(), stored);
            let leaf =
                Leaf::Policy(Policy { change: "hold".to_owned(), document: size.to_string().into_bytes() });
            let (mut a, mut b) = (Vec::new(), Vec::new());
            state.push(&leaf, leaf.encode().unwrap(), &mut a).unwrap();
            read.push(&leaf, leaf.encode().unwrap(), &mut b).unwrap();
            assert_eq!((a, state.root()), (b, read.root()));
        }
    }

    #[test]
    fn a_changed_state_is_refused() {
        let mut state = LogState::default();
        for n in 0..5u8 {
            let leaf = Leaf::Rotation(Rotation {
                signer: n.to_string(),
                reason: String::new(),
                endorsement: Vec::new(),
            });
            state.push(&leaf, leaf.encode().unwrap(), &mut Vec::new()).unwrap();
        }
        let stored = state.encode().unwrap();
        let keys_logged = 40..48;
        for at in (0..stored.len()).filter(|at| !keys_logged.contains(at)) {
            let mut bad = stored.clone();
            bad[at] ^= 1;
            assert!(LogState::decode(&bad).is_err(), "byte {at}");
        }
    }
}
