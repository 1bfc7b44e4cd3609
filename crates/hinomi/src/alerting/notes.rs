//! Steps on their way into the decision ledger, which another thread writes.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use hinomi_alert::Step;

use crate::live::Notes;

/// Steps that are handed over at a time.
const AT_ONCE: usize = 256;
/// Steps that wait; beyond that the oldest are dropped and counted.
const MOST: usize = 100_000;

/// Steps that are not in the ledger yet.
#[derive(Debug, Default)]
pub(super) struct Outbox(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    steps: VecDeque<Step>,
    dropped: u64,
}

impl Outbox {
    pub(super) fn add(&self, steps: impl IntoIterator<Item = Step>) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.steps.extend(steps);
        while waiting.steps.len() > MOST {
            waiting.steps.pop_front();
            waiting.dropped += 1;
        }
    }

    pub(super) fn waiting(&self) -> VecDeque<Step> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).steps.clone()
    }

    /// How many wait, and how many were dropped.
    pub(super) fn counts(&self) -> (usize, u64) {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (waiting.steps.len(), waiting.dropped)
    }
}

impl Notes for Outbox {
    fn from(&self, number: u64) -> Vec<(u64, Vec<u8>)> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // What the ledger had before the program was started.
        while waiting.steps.front().is_some_and(|step| step.number < number) {
            waiting.steps.pop_front();
        }
        let record = |step: &Step| (step.number, serde_json::to_vec(step).unwrap_or_default());
        waiting.steps.iter().take(AT_ONCE).map(record).collect()
    }

    fn durable(&self, number: u64) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while waiting.steps.front().is_some_and(|step| step.number < number) {
            waiting.steps.pop_front();
        }
    }
}
