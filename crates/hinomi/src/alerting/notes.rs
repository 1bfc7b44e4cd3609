//! Steps on their way into the decision ledger, which another thread writes.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use hinomi_alert::Step;

use crate::live::{ALERTS, Notes};

/// Steps that are handed over at a time, and their bytes, unless one alone has more: the ledger takes little at once.
const AT_ONCE: usize = 256;
const BYTES_AT_ONCE: usize = 256 << 10;
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
    fn source(&self) -> &'static str {
        ALERTS
    }

    fn from(&self, number: u64) -> Vec<(u64, Vec<u8>)> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // What the ledger had before the program was started.
        while waiting.steps.front().is_some_and(|step| step.number < number) {
            waiting.steps.pop_front();
        }
        let record = |step: &Step| (step.number, serde_json::to_vec(step).unwrap_or_default());
        let mut bytes = 0;
        let fits = |(_, body): &(u64, Vec<u8>)| {
            let first = bytes == 0;
            bytes += body.len();
            first || bytes <= BYTES_AT_ONCE
        };
        waiting.steps.iter().take(AT_ONCE).map(record).take_while(fits).collect()
    }

    fn durable(&self, number: u64) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while waiting.steps.front().is_some_and(|step| step.number < number) {
            waiting.steps.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use hinomi_alert::{Fact, Moment};

    use super::*;

    #[test]
    fn steps_are_handed_over_in_order_and_in_small_parts() {
        let outbox = Outbox::default();
        let step = |number, length| {
            let fact = Fact::OnShift { rota: "r".to_owned(), people: vec!["x".repeat(length)] };
            Step { number, at: Moment::default(), fact }
        };
        outbox.add((0..10).map(|number| step(number, if number == 4 { 1 << 20 } else { 100_000 })));
        let mut next = 2;
        let mut parts = Vec::new();
        while outbox.counts().0 > 0 {
            let part = outbox.from(next);
            let numbers: Vec<u64> = part.iter().map(|(number, _)| *number).collect();
            next = numbers.last().unwrap() + 1;
            outbox.durable(next);
            parts.push(numbers);
        }
        assert_eq!(parts, [vec![2, 3], vec![4], vec![5, 6], vec![7, 8], vec![9]]);
    }
}
