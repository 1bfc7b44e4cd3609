//! The log as signatures prove it, put together from the ledger's files and the copy's, and compared with the former.
//!
//! # Trust
//! Neither side is believed. Leaves count once their tree has the root of a checkpoint that the ledger's own signing key
//! signed; the checkpoint of the copy counts only if the same leaves lead to its root and the key in force then signed
//! it. Two signed roots that no common list of leaves has are two histories, and nothing is repaired.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use hinomi_model::Disk;

use super::overlay::Content;
use crate::LedgerError;
use crate::checkpoint::{Checkpoint, VerifiedCheckpoint};
use crate::engine::{Identity, successor};
use crate::files::{io_error, numbered};
use crate::frame::FrameKind;
use crate::keys::load_signer;
use crate::leaf::{Leaf, SegmentSealed};
use crate::leaves::{cut_bundle, exact_bundle};
use crate::note::{Algorithm, Note, VerifierKey};
use crate::options::Places;
use crate::reader::leaves_of;
use crate::scan::{Buffered, Found, Scan};
use crate::tlog::{Hash, Tile, TileKind, TiledTree, WIDTH, encode_entries, leaf_hash};
use crate::wal::wal_path;

const MAX_TILE: u64 = WIDTH * (2 + 65_535);

/// The two ledgers that should be one.
pub(super) struct Sides<'a> {
    pub disk: &'a Arc<dyn Disk>,
    pub own: &'a Places,
    pub copy: &'a Places,
    pub identity: &'a Identity,
}

/// What the proven log says.
pub(super) struct Proven {
    /// Number of leaves.
    pub size: u64,
    /// How many of them this ledger's own checkpoint covers.
    pub own_size: u64,
    /// The last leaf of each segment.
    pub segments: BTreeMap<u64, (u64, SegmentSealed)>,
    /// Files of the published log that have to change.
    pub planned: Vec<(std::path::PathBuf, Content)>,
}

/// Leaves and checkpoints that are still in write-ahead files.
#[derive(Default)]
struct Replayable {
    leaves: BTreeMap<u64, Vec<u8>>,
    notes: Vec<Vec<u8>>,
}

/// Whose leaves are looked at first.
#[derive(Clone, Copy)]
struct Order {
    copy_first: bool,
    wal_first: bool,
}

/// Why an order of looking did not work.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Mismatch {
    /// Nobody has all leaves.
    NoLeaves,
    /// They do not lead to this ledger's checkpoint.
    OwnRoot,
    /// This ledger's lead to its checkpoint, and not to the copy's.
    Histories,
    /// The copy's do not lead to the copy's checkpoint.
    CopyRoot,
}

struct Search<'a> {
    sides: &'a Sides<'a>,
    replayable: Replayable,
    /// The ledger's last checkpoint that its key signed.
    own: Option<VerifiedCheckpoint>,
    /// Whether that is what the file says.
    own_is_shown: bool,
    copy: Option<(Checkpoint, Note)>,
}

/// Finds the log that both sides belong to, and what of this ledger's published log differs from it.
pub(super) fn prove(sides: &Sides<'_>) -> Result<Proven, LedgerError> {
    let key = load_signer(&**sides.disk, &sides.own.signer())?.verifier(Algorithm::Ed25519);
    let replayable = replayable(&**sides.disk, sides.own);
    let signed = |bytes: &[u8]| {
        VerifiedCheckpoint::open(bytes, &sides.identity.origin, std::slice::from_ref(&key), &[]).ok()
    };
    let shown = sides.disk.read(&sides.own.checkpoint(), 1 << 20).ok().and_then(|bytes| signed(&bytes));
    let own_is_shown = shown.is_some();
    let newest = || replayable.notes.iter().rev().find_map(|bytes| signed(bytes));
    let own = shown.or_else(newest);
    let copy = sides.disk.read(&sides.copy.checkpoint(), 1 << 20).ok();
    let copy = copy.map(|bytes| -> Result<_, LedgerError> {
        let note = Note::parse(&bytes)?;
        Ok((note.unverified_text().parse::<Checkpoint>()?, note))
    });
    let copy = copy.transpose().map_err(|_| refused(COPY_DAMAGED))?;
    if own.is_none() && copy.is_none() {
        return Err(refused("neither this ledger nor the copy has a checkpoint that can be read"));
    }
    if copy.as_ref().is_some_and(|(c, _)| c.origin != sides.identity.origin) {
        return Err(refused("the copy is of another ledger"));
    }
    Search { sides, replayable, own, own_is_shown, copy }.run()
}

const COPY_DAMAGED: &str = "the log of the copy is damaged, or not of this ledger";

fn refused(why: &'static str) -> LedgerError {
    LedgerError::Refused { why }
}

impl Search<'_> {
    fn run(&self) -> Result<Proven, LedgerError> {
        let orders = [(true, false), (true, true), (false, false), (false, true)];
        let mut worst = Mismatch::NoLeaves;
        for (copy_first, wal_first) in orders {
            match self.walk(Order { copy_first, wal_first })? {
                Ok(proven) => return Ok(proven),
                Err(mismatch) => worst = worst.max(mismatch),
            }
        }
        let covered = self.copy.as_ref().is_some_and(|(copy, _)| self.own_size() <= copy.size);
        Err(refused(match worst {
            Mismatch::CopyRoot => COPY_DAMAGED,
            Mismatch::NoLeaves => "leaves are missing that the copy does not have either",
            Mismatch::OwnRoot if !covered => "leaves are damaged that the copy does not have",
            Mismatch::Histories | Mismatch::OwnRoot => {
                "this ledger and the copy have signed different histories: repair would hide one of them"
            }
        }))
    }

    fn own_size(&self) -> u64 {
        self.own.as_ref().map_or(0, VerifiedCheckpoint::size)
    }

    fn walk(&self, order: Order) -> Result<Result<Proven, Mismatch>, LedgerError> {
        let (own_size, copy_size) = (self.own_size(), self.copy.as_ref().map_or(0, |(c, _)| c.size));
        let size = own_size.max(copy_size);
        let mut walk = Walk {
            search: self,
            tree: TiledTree::default(),
            signer: self.sides.identity.signer.clone(),
            at_copy: None,
            at_own: None,
            proven: Proven { size, own_size, segments: BTreeMap::new(), planned: Vec::new() },
        };
        for index in 0..size.div_ceil(WIDTH) {
            let Some(tile) = Tile::in_tree(TileKind::Entries, index, size) else { continue };
            let Some(leaves) = self.leaves(tile, order) else { return Ok(Err(Mismatch::NoLeaves)) };
            walk.bundle(tile, &leaves)?;
        }
        let partial: Vec<_> = walk.tree.partial_tiles().collect();
        partial.into_iter().for_each(|(tile, bytes)| walk.compare(tile, bytes));
        Ok(walk.finish(order))
    }

    /// The leaves of a bundle as the proven log has it, from whoever has them.
    fn leaves(&self, tile: Tile, order: Order) -> Option<Vec<Vec<u8>>> {
        let first = tile.index * WIDTH;
        let replayed = |have: usize| {
            let from = first + have as u64;
            let entries = self.replayable.leaves.range(from..first + u64::from(tile.width));
            entries.zip(from..).take_while(|((leaf, _), at)| *leaf == at).map(|((_, bytes), _)| bytes.clone())
        };
        let mut out: Vec<Vec<u8>> = Vec::new();
        let own = |out: &mut Vec<Vec<u8>>| {
            let known = self.stored(self.sides.own, tile.index, self.own_size());
            let have = out.len();
            out.extend(known.into_iter().skip(have));
        };
        let wal = |out: &mut Vec<Vec<u8>>| out.extend(replayed(out.len()).collect::<Vec<_>>());
        let copy = |out: &mut Vec<Vec<u8>>| {
            let size = self.copy.as_ref().map_or(u64::MAX, |(c, _)| c.size);
            let known = self.stored(self.sides.copy, tile.index, size);
            let have = out.len();
            out.extend(known.into_iter().skip(have));
        };
        if order.copy_first {
            copy(&mut out);
        }
        if order.wal_first {
            wal(&mut out);
            own(&mut out);
        } else {
            own(&mut out);
            wal(&mut out);
        }
        copy(&mut out);
        out.truncate(usize::from(tile.width));
        (out.len() == usize::from(tile.width)).then_some(out)
    }

    /// The leaves of a stored bundle of a log of `size` leaves; none if it cannot be read.
    fn stored(&self, places: &Places, index: u64, size: u64) -> Vec<Vec<u8>> {
        let Some(tile) = Tile::in_tree(TileKind::Entries, index, size) else { return Vec::new() };
        let read = |tile: Tile| self.sides.disk.read(&places.log().join(tile.path()), MAX_TILE).ok();
        let exact = read(tile).and_then(|bytes| exact_bundle(&bytes, tile.width).ok());
        let cut = || read(tile.full()).and_then(|bytes| cut_bundle(&bytes, tile.width).ok());
        exact.or_else(cut).unwrap_or_default()
    }
}

/// The log as it grows.
struct Walk<'a> {
    search: &'a Search<'a>,
    tree: TiledTree,
    /// The signing key in force.
    signer: VerifierKey,
    /// Root and signer at the size of the copy's checkpoint.
    at_copy: Option<(Hash, VerifierKey)>,
    at_own: Option<Hash>,
    proven: Proven,
}

impl Walk<'_> {
    fn bundle(&mut self, tile: Tile, leaves: &[Vec<u8>]) -> Result<(), LedgerError> {
        let bytes = encode_entries(leaves.iter().map(Vec::as_slice))?;
        self.compare(tile, bytes);
        for leaf in leaves {
            self.leaf(leaf);
            let mut finished = Vec::new();
            self.tree.push(leaf_hash(&[leaf]), |tile, bytes| finished.push((tile, bytes)));
            finished.into_iter().for_each(|(tile, bytes)| self.compare(tile, bytes));
            if self.tree.size() == self.search.own_size() {
                self.at_own = Some(self.tree.root());
            }
            if self.search.copy.as_ref().is_some_and(|(c, _)| c.size == self.tree.size()) {
                self.at_copy = Some((self.tree.root(), self.signer.clone()));
            }
        }
        Ok(())
    }

    /// What does not fit shows in the roots.
    fn leaf(&mut self, bytes: &[u8]) {
        let at = self.tree.size();
        match Leaf::decode(bytes) {
            Ok(Leaf::Rotation(rotation)) => {
                let ledger = &self.search.sides.identity.ledger;
                if let Ok(signer) = successor(&rotation, ledger, at, &self.signer) {
                    self.signer = signer;
                }
            }
            Ok(Leaf::SegmentSealed(segment)) => {
                self.proven.segments.insert(segment.number, (at, segment));
            }
            _ => {}
        }
    }

    /// Plans to replace a file of the published log unless it is what it should be.
    fn compare(&mut self, tile: Tile, expected: Vec<u8>) {
        let Sides { disk, own, copy, .. } = self.search.sides;
        let is = |path: &Path| disk.read(path, MAX_TILE).is_ok_and(|bytes| bytes == expected);
        let (ours, theirs) = (own.log().join(tile.path()), copy.log().join(tile.path()));
        if is(&ours) || (!tile.is_full() && stands_for(&***disk, own, tile, &expected)) {
            return;
        }
        let content = if is(&theirs) { Content::File(theirs) } else { Content::Bytes(expected.into()) };
        self.proven.planned.push((ours, content));
    }

    fn finish(mut self, order: Order) -> Result<Proven, Mismatch> {
        let search = self.search;
        let copy_holds = search.copy.as_ref().is_none_or(|(copy, note)| {
            self.at_copy.as_ref().is_some_and(|(root, signer)| {
                *root == copy.root && note.verify(std::slice::from_ref(signer)).is_ok()
            })
        });
        let own_holds = search.own.as_ref().is_none_or(|own| self.at_own == Some(*own.root()));
        match (own_holds, copy_holds, order.copy_first) {
            (true, true, _) => {}
            (_, false, true) => return Err(Mismatch::CopyRoot),
            (false, _, _) => return Err(Mismatch::OwnRoot),
            (true, false, false) => return Err(Mismatch::Histories),
        }
        let newest = match (&search.own, &search.copy) {
            (Some(own), Some((copy, note))) if copy.size > own.size() => Some(note),
            (Some(_), _) if search.own_is_shown => None,
            (Some(own), _) => Some(own.note()),
            (None, copy) => copy.as_ref().map(|(_, note)| note),
        };
        if let Some(note) = newest {
            let text = note.to_string().into_bytes();
            self.proven.planned.push((search.sides.own.checkpoint(), Content::Bytes(text.into())));
        }
        Ok(self.proven)
    }
}

/// Whether the full tile is there, and begins with what the partial one should hold.
fn stands_for(disk: &dyn Disk, own: &Places, tile: Tile, expected: &[u8]) -> bool {
    let exists = |tile: Tile| disk.exists(&own.log().join(tile.path())).unwrap_or(false);
    let full = disk.read(&own.log().join(tile.full().path()), MAX_TILE);
    !exists(tile) && full.is_ok_and(|full| full.starts_with(expected))
}

/// Walks the write-ahead files as far as they are sound.
fn replayable(disk: &dyn Disk, places: &Places) -> Replayable {
    let mut out = Replayable::default();
    for number in numbered(disk, &places.wal(), ".wal").unwrap_or_default() {
        let Ok(source) = Buffered::open(disk, &wal_path(&places.wal(), number)) else { continue };
        let mut scan = Scan::new(source, number);
        while let Ok(Found::Frame(_, frame)) = scan.next(None) {
            match frame.prelude.kind {
                FrameKind::Leaves => {
                    if let Ok((first, leaves)) = leaves_of(&frame) {
                        out.leaves.extend((first..).zip(leaves));
                    }
                }
                FrameKind::Checkpoint => out.notes.push(frame.body().to_vec()),
                _ => {}
            }
        }
    }
    out
}

/// Whether the copy's first leaf says what its format file says.
pub(super) fn check_genesis(sides: &Sides<'_>) -> Result<(), LedgerError> {
    let path = sides.copy.checkpoint();
    let note = sides.disk.read(&path, 1 << 20).map_err(io_error("read", &path))?;
    let checkpoint: Checkpoint = Note::parse(&note)?.unverified_text().parse()?;
    let tile = Tile::in_tree(TileKind::Entries, 0, checkpoint.size).ok_or_else(|| refused(COPY_DAMAGED))?;
    let path = sides.copy.log().join(tile.path());
    let bytes = sides.disk.read(&path, MAX_TILE).map_err(io_error("read", &path))?;
    let first = cut_bundle(&bytes, 1)?;
    match first.first().map(|leaf| Leaf::decode(leaf)).transpose()? {
        Some(Leaf::Genesis(genesis))
            if genesis.ledger == sides.identity.ledger
                && genesis.origin == sides.identity.origin.as_str()
                && genesis.signer == sides.identity.signer.to_string() =>
        {
            Ok(())
        }
        _ => Err(refused(COPY_DAMAGED)),
    }
}
