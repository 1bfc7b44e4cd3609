//! The callers' side of the write path: records wait here, in order, until the committer has made them durable.
//!
//! # Invariants
//! - The place of a record (block, number) is fixed when it is accepted.
//! - What is accepted is bounded in bytes, and never exceeds the space that the write-ahead file has ahead.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::LedgerError;
use crate::data_key::DataKey;
use crate::leaf::{BlockId, DataKeyId, Leaf, Scope};
use crate::records::{MAX_COUNT, Record};
use crate::seal::{Job, Part, Sealed};

use super::ticket::Cell;

/// What a record costs besides its bytes until it is durable: its part of a frame, in the worst case a whole one.
const RECORD_COST: u64 = 256;

/// Bytes that records take from the bounds.
pub(crate) fn cost_of(records: &[Record]) -> u64 {
    records.iter().map(|r| r.bytes.len() as u64 + RECORD_COST).sum()
}

/// A block that takes records.
pub(crate) struct OpenBlock {
    pub key: DataKeyId,
    pub secret: Arc<DataKey>,
    pub block: BlockId,
    pub scope: Arc<Scope>,
    /// Records that went into frames.
    pub cut: u32,
    pub cut_bytes: u64,
    pub pending: Vec<Record>,
    pub pending_bytes: u64,
    /// Settled when the pending records are durable.
    pub durable: Arc<Cell>,
    /// Settled with the leaf of the block.
    pub committed: Arc<Cell>,
}

/// What the committer does next.
pub(crate) enum Item {
    /// Writes records.
    Frame(FrameItem),
    /// Closes a block whose records are all written.
    Close(BlockId, Arc<Cell>),
    /// Adds a leaf that is not a block.
    Leaf(Leaf, Arc<Cell>),
    /// Commits everything before.
    Tick(Arc<Cell>),
}

/// Where the work on a frame is.
pub(crate) enum Work {
    Waiting(Job),
    Running,
    Done(Result<Sealed, LedgerError>),
}

/// Records on their way.
pub(crate) struct FrameItem {
    pub work: Work,
    pub key: DataKeyId,
    pub block: BlockId,
    pub scope: Arc<Scope>,
    pub closes: bool,
    pub cost: u64,
    pub durable: Arc<Cell>,
    pub committed: Arc<Cell>,
}

/// Everything that was accepted and is not durable.
#[derive(Default)]
pub(crate) struct Intake {
    pub open: BTreeMap<Arc<Scope>, OpenBlock>,
    pub queue: VecDeque<Item>,
    /// Position of the queue's front, counted since the beginning.
    pub front: u64,
    /// Positions of items whose work waits.
    pub waiting: VecDeque<u64>,
    /// Cost of everything accepted.
    pub accepted: u64,
    /// Cost that may be accepted, given the space ahead.
    pub credit: u64,
    /// The space ahead.
    pub room: u64,
    /// The largest cost that somebody waits for.
    pub wanted: u64,
    /// Whether the disk gives no more space.
    pub full: bool,
    pub poison: Option<String>,
    pub stopping: bool,
    /// Whether something waits for a tick.
    pub uncommitted: bool,
    /// Last tick of the clock that was handed in, if the ledger watches.
    pub clock_ns: Option<u64>,
}

impl Intake {
    /// Appends to the block of a scope; the caller made sure that it is open. Returns the place of the records.
    pub(crate) fn accept(
        &mut self,
        scope: &Arc<Scope>,
        records: Vec<Record>,
        block_bytes: u64,
        level: i32,
    ) -> Option<(Part, Arc<Cell>, Arc<Cell>)> {
        let open = self.open.get_mut(scope)?;
        let part = Part {
            block: open.block,
            first: open.cut + open.pending.len() as u32,
            count: records.len() as u32,
        };
        let cells = (open.durable.clone(), open.committed.clone());
        open.pending_bytes += records.iter().map(|r| r.bytes.len() as u64).sum::<u64>();
        self.accepted += cost_of(&records);
        if open.pending.is_empty() {
            open.pending = records;
        } else {
            open.pending.extend(records);
        }
        self.uncommitted = true;
        let full = open.cut_bytes + open.pending_bytes >= block_bytes;
        if full || open.cut + open.pending.len() as u32 > MAX_COUNT / 2 {
            self.cut(&scope.clone(), true, level);
        }
        Some((part, cells.0, cells.1))
    }

    /// Sends the pending records of a block on their way; closes the block if told so.
    pub(crate) fn cut(&mut self, scope: &Arc<Scope>, closes: bool, level: i32) {
        let Some(open) = self.open.get_mut(scope) else { return };
        let records = std::mem::take(&mut open.pending);
        if records.is_empty() {
            if closes {
                self.queue.push_back(Item::Close(open.block, open.committed.clone()));
                self.open.remove(scope);
            }
            return;
        }
        let cost = cost_of(&records);
        let count = records.len() as u32;
        let job = Job {
            key: open.key,
            secret: open.secret.clone(),
            block: open.block,
            first: open.cut,
            records,
            level,
        };
        let durable = std::mem::take(&mut open.durable);
        let item = FrameItem {
            work: Work::Waiting(job),
            key: open.key,
            block: open.block,
            scope: open.scope.clone(),
            closes,
            cost,
            durable,
            committed: open.committed.clone(),
        };
        open.cut += count;
        open.cut_bytes += std::mem::take(&mut open.pending_bytes);
        self.waiting.push_back(self.front + self.queue.len() as u64);
        self.queue.push_back(Item::Frame(item));
        if closes {
            self.open.remove(scope);
        }
    }

    /// Sends all pending records on their way.
    pub(crate) fn cut_all(&mut self, closes: bool, level: i32) {
        let scopes: Vec<Arc<Scope>> = self.open.keys().cloned().collect();
        scopes.iter().for_each(|scope| self.cut(scope, closes, level));
    }

    /// Puts a leaf that is no block behind everything accepted so far.
    pub(crate) fn push_leaf(&mut self, leaf: Leaf) -> Arc<Cell> {
        let cell = Arc::<Cell>::default();
        self.queue.push_back(Item::Leaf(leaf, cell.clone()));
        cell
    }

    pub(crate) fn has_pending(&self) -> bool {
        self.open.values().any(|open| !open.pending.is_empty())
    }

    /// The item at a position.
    pub(crate) fn item(&mut self, position: u64) -> Option<&mut Item> {
        self.queue.get_mut(usize::try_from(position.checked_sub(self.front)?).ok()?)
    }

    /// Takes work for a thread of the pool.
    pub(crate) fn take_job(&mut self) -> Option<(u64, Job)> {
        let position = self.waiting.pop_front()?;
        let Some(Item::Frame(frame)) = self.item(position) else { return None };
        match std::mem::replace(&mut frame.work, Work::Running) {
            Work::Waiting(job) => Some((position, job)),
            other => {
                frame.work = other;
                None
            }
        }
    }

    /// Hands in finished work.
    pub(crate) fn finish(&mut self, position: u64, result: Result<Sealed, LedgerError>) {
        if let Some(Item::Frame(frame)) = self.item(position) {
            frame.work = Work::Done(result);
        }
    }

    /// Takes the items at the front that can be committed now, up to and with the first tick.
    pub(crate) fn take_ready(&mut self) -> Vec<Item> {
        let mut out = Vec::new();
        while let Some(item) = self.queue.front() {
            if matches!(item, Item::Frame(FrameItem { work: Work::Waiting(_) | Work::Running, .. })) {
                break;
            }
            let is_tick = matches!(item, Item::Tick(_));
            out.extend(self.queue.pop_front());
            self.front += 1;
            if is_tick {
                break;
            }
        }
        out
    }

    /// Ends everything: whoever waits is told why.
    pub(crate) fn fail(&mut self, reason: &str) {
        self.poison.get_or_insert_with(|| reason.to_owned());
        for open in self.open.values() {
            open.durable.fail(reason);
            open.committed.fail(reason);
        }
        for item in self.queue.drain(..) {
            item.fail(reason);
            self.front += 1;
        }
        self.waiting.clear();
    }
}

impl Item {
    pub(crate) fn fail(&self, reason: &str) {
        match self {
            Self::Frame(frame) => {
                frame.durable.fail(reason);
                frame.committed.fail(reason);
            }
            Self::Close(_, cell) | Self::Leaf(_, cell) | Self::Tick(cell) => cell.fail(reason),
        }
    }
}
