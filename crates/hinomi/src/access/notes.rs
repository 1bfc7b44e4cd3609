//! Steps on their way into the decision ledger, which another thread writes.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use hinomi_access::Step;

use crate::live::{ACCESS, Notes};

/// Steps that are handed over at a time.
const AT_ONCE: usize = 256;
/// Steps that wait; beyond that the oldest are dropped. Failures are written once a minute, so that this is years.
const MOST: usize = 100_000;

/// Steps that are not in the ledger yet, as far as is known.
#[derive(Debug, Default)]
pub(super) struct Outbox(Mutex<VecDeque<Step>>);

impl Outbox {
    pub(super) fn add(&self, steps: impl IntoIterator<Item = Step>) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.extend(steps);
        while waiting.len() > MOST {
            waiting.pop_front();
        }
    }

    pub(super) fn waiting(&self) -> VecDeque<Step> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn forget(&self, before: u64) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while waiting.front().is_some_and(|step| step.number < before) {
            waiting.pop_front();
        }
    }
}

impl Notes for Outbox {
    fn source(&self) -> &'static str {
        ACCESS
    }

    fn from(&self, number: u64) -> Vec<(u64, Vec<u8>)> {
        // What the ledger had before the program was started.
        self.forget(number);
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let record = |step: &Step| (step.number, serde_json::to_vec(step).unwrap_or_default());
        waiting.iter().take(AT_ONCE).map(record).collect()
    }

    fn durable(&self, number: u64) {
        self.forget(number);
    }
}
