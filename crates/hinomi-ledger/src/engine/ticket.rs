//! What a caller holds until its records are durable, and until they are committed to.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::LedgerError;
use crate::leaf::BlockId;
use crate::seal::Part;

#[derive(Clone, Debug, Default)]
enum Outcome {
    #[default]
    Pending,
    Done(u64),
    Failed(String),
}

/// Something that is settled once.
#[derive(Debug, Default)]
pub(crate) struct Cell {
    outcome: Mutex<Outcome>,
    settled: Condvar,
}

impl Cell {
    fn lock(&self) -> MutexGuard<'_, Outcome> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settle(&self, outcome: Outcome) {
        let mut slot = self.lock();
        if matches!(*slot, Outcome::Pending) {
            *slot = outcome;
            self.settled.notify_all();
        }
    }

    pub(crate) fn succeed(&self, value: u64) {
        self.settle(Outcome::Done(value));
    }

    pub(crate) fn fail(&self, reason: &str) {
        self.settle(Outcome::Failed(reason.to_owned()));
    }

    /// The value, if it is settled.
    pub(crate) fn value(&self) -> Option<Result<u64, LedgerError>> {
        match &*self.lock() {
            Outcome::Pending => None,
            Outcome::Done(value) => Some(Ok(*value)),
            Outcome::Failed(reason) => Some(Err(LedgerError::Poisoned { reason: reason.clone() })),
        }
    }

    pub(crate) fn wait(&self) -> Result<u64, LedgerError> {
        let mut slot = self.lock();
        while matches!(*slot, Outcome::Pending) {
            slot = self.settled.wait(slot).unwrap_or_else(PoisonError::into_inner);
        }
        drop(slot);
        self.value().unwrap_or(Ok(0))
    }
}

/// Where records are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Located {
    /// The leaf that commits to them.
    pub leaf: u64,
    /// Number of the first in its block.
    pub first: u32,
    /// How many.
    pub count: u32,
}

/// A claim on accepted records.
#[derive(Debug)]
pub struct Ticket {
    pub(crate) pieces: Vec<Piece>,
    /// Without threads nobody settles anything while the caller waits.
    pub(crate) inline: bool,
}

#[derive(Debug)]
pub(crate) struct Piece {
    pub part: Part,
    pub durable: Arc<Cell>,
    pub committed: Arc<Cell>,
}

impl Ticket {
    /// Waits until the records are durable. Only then may their source be told that they arrived.
    ///
    /// # Errors
    /// [`LedgerError::Poisoned`] when a write failed: nobody knows what is durable until the ledger is opened again.
    /// [`LedgerError::Refused`] on a ledger without threads that has not committed.
    pub fn wait(&self) -> Result<(), LedgerError> {
        self.pieces.iter().try_for_each(|p| self.settled(&p.durable).map(drop))
    }

    /// Waits until a signed checkpoint covers the records, and says where they are.
    ///
    /// # Errors
    /// As [`Ticket::wait`].
    pub fn wait_committed(&self) -> Result<Vec<Located>, LedgerError> {
        let located = |p: &Piece| {
            let leaf = self.settled(&p.committed)?;
            Ok(Located { leaf, first: p.part.first, count: p.part.count })
        };
        self.pieces.iter().map(located).collect()
    }

    /// Whether the records are durable, without waiting.
    ///
    /// # Errors
    /// As [`Ticket::wait`].
    pub fn is_durable(&self) -> Result<bool, LedgerError> {
        for piece in &self.pieces {
            match piece.durable.value() {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error),
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    /// The block and numbers of the records, known at once.
    pub fn parts(&self) -> impl Iterator<Item = (BlockId, u32, u32)> {
        self.pieces.iter().map(|p| (p.part.block, p.part.first, p.part.count))
    }

    fn settled(&self, cell: &Cell) -> Result<u64, LedgerError> {
        match cell.value() {
            Some(value) => value,
            None if self.inline => {
                Err(LedgerError::Refused { why: "commit first: this ledger has no threads" })
            }
            None => cell.wait(),
        }
    }
}
