//! The Merkle log: every leaf, every tile, and what leaves say about each other.

use std::collections::BTreeMap;

use super::Context;
use super::files::Files;
use crate::LedgerError;
use crate::leaf::{Block, DataKeyId, Leaf, Scope, SegmentSealed};
use crate::leaves::{exact_bundle, read_tile};
use crate::note::VerifierKey;
use crate::policy::{InForce, Recorded};
use crate::records::MAX_COUNT;
use crate::tlog::{Hash, Tile, TileKind, TiledTree, WIDTH, leaf_hash};
use crate::wal::FORMAT;

const DAY_NS: u64 = 86_400_000_000_000;

/// What the log says of a data key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct LoggedKey {
    pub scope: Scope,
    pub commitment: [u8; 32],
    pub recipients: Vec<[u8; 32]>,
    pub leaf: u64,
    pub tombstone: Option<u64>,
    pub records: u64,
}

/// What the leaves said.
pub(crate) struct Log {
    /// Roots at the sizes that somebody asks for.
    pub roots: BTreeMap<u64, Option<Hash>>,
    pub keys: BTreeMap<DataKeyId, LoggedKey>,
    /// The last leaf that names each segment.
    pub segments: BTreeMap<u64, (u64, SegmentSealed)>,
    /// Last block of each source, at the sizes at which write-ahead files begin.
    pub sources_at: BTreeMap<u64, BTreeMap<String, u64>>,
    /// The signer in force at the end.
    pub signer: VerifierKey,
    pub eraser: [u8; 32],
    /// Latest receive time of any record.
    pub newest_ns: u64,
    pub blocks: u64,
    /// How many leaves could be read; a damaged checkpoint may claim more than anybody could look for.
    pub leaves: u64,
    last_block: BTreeMap<String, u64>,
    policies: InForce,
}

/// Reads every leaf.
pub(crate) fn check(context: &mut Context<'_>, files: &Files) -> Log {
    let mut log = Log {
        roots: files
            .sizes()
            .chain(context.options.anchors.iter().map(|a| a.checkpoint.size))
            .map(|s| (s, None))
            .collect(),
        keys: BTreeMap::new(),
        segments: BTreeMap::new(),
        sources_at: BTreeMap::new(),
        signer: context.identity.signer.clone(),
        eraser: [0; 32],
        newest_ns: 0,
        blocks: 0,
        leaves: 0,
        last_block: BTreeMap::new(),
        policies: InForce::default(),
    };
    let mut tree = TiledTree::default();
    let size = context.published.size();
    for index in 0..size.div_ceil(WIDTH) {
        // Without these leaves the numbers of all that follow are not known, and a damaged checkpoint may claim any size.
        if tree.size() != index * WIDTH {
            break;
        }
        for bytes in bundle(context, files, index) {
            let at = tree.size();
            log.note_size(at, &tree, files);
            if let Some(bytes) = &bytes.leaf {
                match Leaf::decode(bytes) {
                    Ok(leaf) => log.leaf(context, at, leaf),
                    Err(error) => context.find_leaf(at, error.to_string()),
                }
            }
            let mut finished = Vec::new();
            tree.push(bytes.hash, |tile, bytes| finished.push((tile, bytes)));
            finished.iter().for_each(|(tile, bytes)| compare_tile(context, *tile, bytes));
        }
    }
    log.note_size(tree.size(), &tree, files);
    log.leaves = tree.size();
    let partial: Vec<_> = tree.partial_tiles().collect();
    partial.iter().for_each(|(tile, bytes)| compare_tile(context, *tile, bytes));
    if tree.size() < size {
        let what = format!("it claims {size} leaves, of which only the first {} can be read", tree.size());
        context.find_in(context.places.checkpoint(), None, what);
    }
    if tree.size() != size || tree.root() != context.published.checkpoint.root {
        let what = "the leaves do not give the root that its checkpoint signs";
        context.find_in(context.places.checkpoint(), None, what);
    }
    log
}

/// A leaf as far as it can be read.
struct Read {
    hash: Hash,
    leaf: Option<Vec<u8>>,
}

/// The leaves of a bundle: from its file, else from the write-ahead log, else only their hashes from the tile.
fn bundle(context: &mut Context<'_>, files: &Files, index: u64) -> Vec<Read> {
    let Some(tile) = Tile::in_tree(TileKind::Entries, index, context.published.size()) else {
        return Vec::new();
    };
    let path = context.places.log().join(tile.path());
    let read = context.disk.read(&path, 1 << 25).map_err(|e| e.to_string());
    let leaves = read.and_then(|bytes| {
        context.advance(bytes.len() as u64);
        exact_bundle(&bytes, tile.width).map_err(|e| e.to_string())
    });
    match leaves {
        Ok(leaves) => {
            return leaves.into_iter().map(|l| Read { hash: leaf_hash(&[&l]), leaf: Some(l) }).collect();
        }
        Err(what) => context.find_in(path, None, format!("a bundle of leaves cannot be read: {what}")),
    }
    let hashes = Tile { kind: TileKind::Hashes(0), ..tile };
    let hashes = read_tile(&*context.disk, &context.places.log(), hashes).unwrap_or_default();
    let mut out = Vec::new();
    for (at, number) in (0..tile.width).zip(index * WIDTH..) {
        let hash = hashes.get(usize::from(at) * 32..).and_then(|b| Hash::from_slice(b.get(..32)?));
        match (files.leaves.get(&number), hash) {
            (Some(leaf), _) => out.push(Read { hash: leaf_hash(&[leaf]), leaf: Some(leaf.clone()) }),
            (None, Some(hash)) => out.push(Read { hash, leaf: None }),
            (None, None) => break,
        }
    }
    out
}

fn compare_tile(context: &mut Context<'_>, tile: Tile, expected: &[u8]) {
    let path = context.places.log().join(tile.path());
    match context.disk.read(&path, 1 << 16) {
        Ok(bytes) if bytes == expected => {}
        Ok(bytes) => {
            let differs = bytes
                .iter()
                .zip(expected)
                .position(|(a, b)| a != b)
                .unwrap_or(bytes.len().min(expected.len()));
            context.find_in(path, Some(differs as u64), "a tile does not hold the hashes of the leaves");
        }
        Err(error) => context.find_in(path, None, format!("a tile cannot be read: {error}")),
    }
}

impl Log {
    /// Keeps what is asked for of the tree at its present size.
    fn note_size(&mut self, size: u64, tree: &TiledTree, files: &Files) {
        if let Some(slot) = self.roots.get_mut(&size) {
            *slot = Some(tree.root());
        }
        if files.begins_at(size) {
            self.sources_at.insert(size, self.last_block.clone());
        }
    }

    fn leaf(&mut self, context: &mut Context<'_>, at: u64, leaf: Leaf) {
        let outcome = match leaf {
            Leaf::Genesis(genesis) => {
                let identity = &context.identity;
                self.eraser = genesis.eraser;
                let same = genesis.ledger == identity.ledger
                    && genesis.format == FORMAT
                    && genesis.origin == identity.origin.as_str()
                    && genesis.signer == identity.signer.to_string();
                if at == 0 && same { Ok(()) } else { Err("the ledger is not what its format file says") }
            }
            _ if at == 0 => Err("the first leaf does not say what the ledger is"),
            Leaf::KeyBorn(born) => {
                let (scope, commitment, recipients) = (born.scope, born.commitment, born.recipients);
                let key = LoggedKey { scope, commitment, recipients, leaf: at, tombstone: None, records: 0 };
                if self.keys.insert(born.key, key).is_none() { Ok(()) } else { Err("a key was born twice") }
            }
            Leaf::Block(block) => self.block(at, &block),
            Leaf::SegmentSealed(segment) => {
                let sound = segment.first_leaf <= segment.end_leaf && segment.end_leaf <= at;
                self.segments.insert(segment.number, (at, segment));
                if sound { Ok(()) } else { Err("a segment claims leaves that came after it") }
            }
            Leaf::Tombstone(tombstone) => match self.keys.get_mut(&tombstone.key) {
                Some(key) if key.scope == tombstone.scope && key.tombstone.is_none() => {
                    key.tombstone = Some(at);
                    match crate::erasure::check_tombstone(&tombstone, &self.eraser, &context.identity.ledger)
                    {
                        Ok(()) => Ok(()),
                        Err(_) => Err("an erasure was not approved by the holder of the erasure key"),
                    }
                }
                _ => Err("an erasure of a key that is not there"),
            },
            Leaf::Rotation(rotation) => {
                match crate::engine::successor(&rotation, &context.identity.ledger, at, &self.signer) {
                    Ok(signer) => {
                        self.signer = signer;
                        Ok(())
                    }
                    Err(_) => Err("a new signing key was not endorsed by the one before"),
                }
            }
            Leaf::Repair(repair) => {
                context
                    .out
                    .remarks
                    .push(format!("leaf {at}: {} was repaired from {}", repair.file, repair.from));
                Ok(())
            }
            Leaf::Policy(policy) => {
                match Recorded::read(&policy).and_then(|policy| self.policies.apply(&policy)) {
                    Err(LedgerError::Malformed { what, .. }) => Err(what),
                    _ => Ok(()),
                }
            }
        };
        if let Err(what) = outcome {
            context.find_leaf(at, what);
        }
    }

    fn block(&mut self, at: u64, block: &Block) -> Result<(), &'static str> {
        self.blocks += 1;
        self.newest_ns = self.newest_ns.max(block.last_ns);
        let before = self.last_block.insert(block.scope.source.clone(), at);
        if before != block.previous {
            return Err("a block does not name the block before it of its source");
        }
        let day = u64::from(block.scope.day);
        let in_day = block.first_ns / DAY_NS == day && block.last_ns / DAY_NS == day;
        if block.count == 0 || block.count > MAX_COUNT || block.first_ns > block.last_ns || !in_day {
            return Err("the numbers of a block contradict each other");
        }
        let Some(key) = self.keys.get_mut(&block.key) else {
            return Err("a block under a key that was never born");
        };
        key.records += u64::from(block.count);
        if key.scope != block.scope {
            return Err("a block under the key of another scope");
        }
        match key.tombstone {
            Some(_) => Err("a block under a key that was destroyed before"),
            None => Ok(()),
        }
    }
}

/// A leaf that must be a block.
pub(crate) fn block_at(
    context: &Context<'_>,
    files: &Files,
    leaf: u64,
) -> Result<Option<Block>, LedgerError> {
    let bytes = match context.published.leaf_bytes(leaf) {
        Ok(bytes) => bytes,
        Err(error) => files.leaves.get(&leaf).cloned().ok_or(error)?,
    };
    match Leaf::decode(&bytes)? {
        Leaf::Block(block) => Ok(Some(block)),
        _ => Ok(None),
    }
}
