//! The committer's side of the write path: frames to the write-ahead log, blocks to leaves, leaves to checkpoints.
//!
//! # Invariants
//! - Nothing is signed that is not written, and nothing signed is shown before it is durable.
//! - A leaf is made only at a tick, when the blocks before it are closed; so each write-ahead file holds whole blocks.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::rotate::endorse;
use super::ticket::Cell;
use super::watching::Own;
use crate::LedgerError;
use crate::checkpoint::{Checkpoint, Origin};
use crate::completeness::{Arrivals, STATE_SOURCE, Watch};
use crate::cursor::put_bytes16;
use crate::data_key::DataKey;
use crate::frame::{FrameKind, Unplaced};
use crate::leaf::{Block, BlockId, DataKeyId, KeyBorn, Leaf, Scope};
use crate::log_state::{Finished, LogState};
use crate::note::SignerKey;
use crate::options::{Options, Surroundings};
use crate::publish::Publisher;
use crate::records::Record;
use crate::seal::Sealed;
use crate::tlog::Frontier;
use crate::wal::{Opening, WalWriter, is_full};

/// Bytes of leaves in one frame.
const LEAVES_PER_FRAME: usize = 1 << 20;

/// A block whose leaf is not made yet.
#[derive(Clone, Debug)]
pub(crate) struct BlockState {
    pub key: DataKeyId,
    pub block: BlockId,
    pub scope: Arc<Scope>,
    pub tree: Frontier,
    pub first_ns: u64,
    pub last_ns: u64,
    pub bytes: u64,
    pub arrivals: Arrivals,
}

impl BlockState {
    pub(crate) fn new(key: DataKeyId, block: BlockId, scope: Arc<Scope>) -> Self {
        Self {
            key,
            block,
            scope,
            tree: Frontier::default(),
            first_ns: u64::MAX,
            last_ns: 0,
            bytes: 0,
            arrivals: Arrivals::default(),
        }
    }

    /// Takes in the next frame.
    pub(crate) fn add(&mut self, sealed: &Sealed) {
        match &sealed.tree {
            Some(tree) if self.tree.size() == 0 => self.tree = tree.clone(),
            _ => sealed.hashes.iter().for_each(|hash| self.tree.push(*hash)),
        }
        self.first_ns = self.first_ns.min(sealed.first_ns);
        self.last_ns = self.last_ns.max(sealed.last_ns);
        self.bytes += sealed.bytes;
        self.arrivals.extend(&sealed.arrivals);
    }

    /// Takes in the next records, read back.
    pub(crate) fn add_records(&mut self, secret: &DataKey, records: &[Record]) {
        let hashes = secret.record_hashes(self.block, self.tree.size() as u32, records);
        hashes.into_iter().for_each(|hash| self.tree.push(hash));
        self.arrivals.extend(&Arrivals::of(records));
        for record in records {
            self.first_ns = self.first_ns.min(record.received_ns);
            self.last_ns = self.last_ns.max(record.received_ns);
            self.bytes += record.bytes.len() as u64;
        }
    }

    fn leaf(&self, previous: Option<u64>) -> Leaf {
        Leaf::Block(Block {
            key: self.key,
            block: self.block,
            scope: Scope::clone(&self.scope),
            first_ns: self.first_ns,
            last_ns: self.last_ns,
            count: self.tree.size() as u32,
            bytes: self.bytes,
            root: *self.tree.root().as_bytes(),
            previous,
        })
    }
}

/// What a tick committed.
#[derive(Debug, Default)]
pub(crate) struct Committed {
    /// The leaf of each block.
    pub blocks: Vec<(BlockId, u64)>,
    /// The leaves that were not blocks, in the order in which they were given.
    pub others: Vec<u64>,
}

/// Everything that the committer alone touches.
pub(crate) struct Core {
    pub around: Surroundings,
    pub options: Options,
    pub ledger: [u8; 16],
    pub origin: Origin,
    pub signer: SignerKey,
    /// The key that takes over with the next rotation leaf.
    pub next_signer: Option<SignerKey>,
    pub wal: WalWriter,
    pub state: LogState,
    pub finished: Finished,
    pub publisher: Publisher,
    pub open: BTreeMap<BlockId, BlockState>,
    pub closed: Vec<BlockState>,
    pub leaves: Vec<Leaf>,
    /// Whoever waits for a leaf of `leaves`, in the same order.
    pub leaf_cells: Vec<Arc<Cell>>,
    /// Whoever waits for the leaf of a block.
    pub block_cells: BTreeMap<BlockId, Arc<Cell>>,
    /// Whether the newest file has records.
    pub has_records: bool,
    /// Size of the tree that was last signed, and the note.
    pub signed: (u64, String),
    /// The completeness of the sources as of the last commit.
    pub watch: Option<Watch>,
    pub own: Own,
}

impl Core {
    /// Writes a frame of records. Durable after [`Core::sync`].
    pub(crate) fn write_records(
        &mut self,
        sealed: &Sealed,
        key: DataKeyId,
        block: BlockId,
        scope: &Arc<Scope>,
    ) -> Result<(), LedgerError> {
        self.wal.write(&sealed.frame)?;
        // A state alone is no reason for another file, which would begin with a state.
        self.has_records |= scope.source != STATE_SOURCE;
        let open = self.open.entry(block).or_insert_with(|| BlockState::new(key, block, scope.clone()));
        open.add(sealed);
        Ok(())
    }

    /// No more frames of this block will come.
    pub(crate) fn close(&mut self, block: BlockId) {
        self.closed.extend(self.open.remove(&block));
    }

    pub(crate) fn sync(&mut self) -> Result<(), LedgerError> {
        self.wal.sync()
    }

    /// Whether a tick would commit anything.
    pub(crate) fn is_dirty(&self) -> bool {
        !self.closed.is_empty() || !self.leaves.is_empty() || self.state.size() != self.signed.0
    }

    /// Makes leaves of everything that waits, signs, syncs, and shows the checkpoint. `born` are the keys without a leaf,
    /// with their ordinals.
    pub(crate) fn tick(&mut self, born: Vec<(u64, KeyBorn)>) -> Result<Committed, LedgerError> {
        let mut committed = Committed::default();
        let mut batch = Vec::new();
        let mut first = self.state.size();
        for (ordinal, key) in born {
            self.push(&Leaf::KeyBorn(key), &mut batch)?;
            self.state.keys_logged = ordinal + 1;
        }
        let mut rotates = false;
        let others = std::mem::take(&mut self.leaves);
        let mut fed = Vec::new();
        for mut leaf in others {
            let at = self.state.size();
            if let Leaf::Rotation(rotation) = &mut leaf {
                rotation.endorsement = endorse(&self.signer, &self.ledger, at, &rotation.signer)?;
                rotates = true;
            }
            committed.others.push(at);
            self.push(&leaf, &mut batch)?;
            fed.push(leaf);
        }
        let blocks = std::mem::take(&mut self.closed);
        for block in &blocks {
            let previous = self.state.last_block(&block.scope.source);
            committed.blocks.push((block.block, self.state.size()));
            self.push(&block.leaf(previous), &mut batch)?;
            if batch.len() > LEAVES_PER_FRAME {
                self.write_leaves(&mut first, &mut batch)?;
            }
        }
        self.write_leaves(&mut first, &mut batch)?;
        let successor = self.next_signer.take_if(|_| rotates);
        self.sign(successor.as_ref())?;
        self.sync()?;
        if let Some(successor) = successor {
            self.signer = successor;
        }
        fed.iter().for_each(|leaf| self.feed_leaf(leaf));
        for (block, (_, leaf)) in blocks.iter().zip(&committed.blocks) {
            self.feed_block(*leaf, &block.scope, &block.arrivals, block.bytes);
        }
        self.publish()?;
        Ok(committed)
    }

    /// What opening does: commits what had no leaf, and shows the checkpoint in any case.
    pub(crate) fn recommit(&mut self, born: Vec<(u64, KeyBorn)>) -> Result<(), LedgerError> {
        if self.is_dirty() || !born.is_empty() { self.tick(born).map(drop) } else { self.publish() }
    }

    fn push(&mut self, leaf: &Leaf, batch: &mut Vec<u8>) -> Result<(), LedgerError> {
        let bytes = leaf.encode()?;
        put_bytes16(batch, "leaf", &bytes)?;
        self.state.push(leaf, bytes, &mut self.finished)
    }

    fn write_leaves(&mut self, first: &mut u64, batch: &mut Vec<u8>) -> Result<(), LedgerError> {
        if !batch.is_empty() {
            let header = first.to_be_bytes();
            self.wal.write(&Unplaced::new(FrameKind::Leaves, &header, batch)?)?;
            batch.clear();
            *first = self.state.size();
        }
        Ok(())
    }

    /// Signs the log as it is; with the successor as well when the key changes.
    fn sign(&mut self, successor: Option<&SignerKey>) -> Result<(), LedgerError> {
        if self.state.size() == self.signed.0 && !self.signed.1.is_empty() {
            return Ok(());
        }
        let checkpoint = self.checkpoint();
        let mut note = checkpoint.sign(&self.signer)?;
        if let Some(successor) = successor {
            note.add(successor.sign(&checkpoint.to_string())?)?;
        }
        let note = note.to_string();
        self.wal.write(&Unplaced::new(FrameKind::Checkpoint, &[], note.as_bytes())?)?;
        self.signed = (self.state.size(), note);
        Ok(())
    }

    fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            origin: self.origin.clone(),
            size: self.state.size(),
            root: self.state.root(),
            extensions: Vec::new(),
        }
    }

    /// Shows the last signed checkpoint. A full disk is no reason to stop: what is shown lags behind what is kept.
    pub(crate) fn publish(&mut self) -> Result<(), LedgerError> {
        match self.publisher.publish(&self.state, &mut self.finished, &self.signed.1) {
            Err(error) if is_full(&error) => Ok(()),
            other => other,
        }
    }

    /// Whether the write-ahead file is due to be sealed.
    pub(crate) fn rotation_is_due(&self) -> bool {
        let age = self.around.now_ns().saturating_sub(self.wal.created_ns());
        self.has_records && (self.wal.len() >= self.options.wal_bytes || age >= self.options.wal_age_ns)
    }

    /// Seals the file and begins the next. Nothing may be open. Returns the number of the sealed file, or `None` when
    /// there is no space for another: then the old one goes on.
    pub(crate) fn rotate(&mut self) -> Result<Option<u64>, LedgerError> {
        let opening = self.opening();
        let (folder, number) = (self.wal.folder().to_owned(), self.wal.number());
        let seal = Unplaced::new(FrameKind::Seal, &self.state.size().to_be_bytes(), &[])?;
        // Before the seal is written: a sealed file takes no more.
        let disk = Arc::clone(&self.around.disk);
        let reserved = match WalWriter::reserve(&*disk, &folder, number + 1, &opening, self.room()) {
            Err(error) if is_full(&error) => return Ok(None),
            other => other?,
        };
        self.wal.write(&seal)?;
        self.wal.sync()?;
        self.wal.trim()?;
        self.wal = reserved.begin(&*disk, self.wal.next_frame())?;
        self.has_records = false;
        Ok(Some(number))
    }

    pub(crate) fn opening(&self) -> Opening {
        Opening { ledger: self.ledger, created_ns: self.around.now_ns(), state: self.state.clone() }
    }

    /// The space that a file must have ahead of what is accepted.
    pub(crate) fn room(&self) -> u64 {
        self.options.queue_bytes + self.options.tick_bytes
    }
}
