//! Steps on their way into the decision ledger, which another thread writes.
//!
//! # Invariants
//! Steps are handed over in order, few at once, and forgotten when the ledger has them. Beyond the bound the oldest go, and
//! are counted.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use crate::live::Notes;

/// Steps that are handed over at a time, and their bytes, unless one alone has more: the ledger takes little at once.
const AT_ONCE: usize = 256;
const BYTES_AT_ONCE: usize = 256 << 10;

/// A step that has a number; numbers grow.
pub(crate) trait Numbered: Serialize + Clone + Send + std::fmt::Debug {
    /// Its number.
    fn number(&self) -> u64;
}

/// Steps that are not in the ledger yet, as far as is known.
#[derive(Debug)]
pub(crate) struct Outbox<S> {
    source: &'static str,
    most: usize,
    waiting: Mutex<Waiting<S>>,
}

#[derive(Debug)]
struct Waiting<S> {
    steps: VecDeque<S>,
    dropped: u64,
}

/// The first of these steps as records, as many as are handed over at once.
pub(crate) fn handed<'s, S: Numbered + 's>(steps: impl Iterator<Item = &'s S>) -> Vec<(u64, Vec<u8>)> {
    let record = |step: &S| (step.number(), serde_json::to_vec(step).unwrap_or_default());
    let mut bytes = 0;
    let fits = |(_, body): &(u64, Vec<u8>)| {
        let first = bytes == 0;
        bytes += body.len();
        first || bytes <= BYTES_AT_ONCE
    };
    steps.take(AT_ONCE).map(record).take_while(fits).collect()
}

impl<S: Numbered> Outbox<S> {
    /// For a source of the decision ledger, with the steps that wait already; beyond `most` the oldest are dropped.
    pub(crate) fn new(source: &'static str, most: usize, steps: impl IntoIterator<Item = S>) -> Self {
        let waiting = Waiting { steps: VecDeque::new(), dropped: 0 };
        let outbox = Self { source, most, waiting: Mutex::new(waiting) };
        outbox.add(steps);
        outbox
    }

    pub(crate) fn add(&self, steps: impl IntoIterator<Item = S>) {
        self.with(|waiting| {
            waiting.steps.extend(steps);
            let over = waiting.steps.len().saturating_sub(self.most);
            waiting.steps.drain(..over);
            waiting.dropped += over as u64;
        });
    }

    pub(crate) fn waiting(&self) -> VecDeque<S> {
        self.with(|waiting| waiting.steps.clone())
    }

    /// How many wait, and how many were dropped.
    pub(crate) fn counts(&self) -> (usize, u64) {
        self.with(|waiting| (waiting.steps.len(), waiting.dropped))
    }

    fn with<T>(&self, work: impl FnOnce(&mut Waiting<S>) -> T) -> T {
        work(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<S: Numbered> Waiting<S> {
    fn forget(&mut self, before: u64) {
        while self.steps.front().is_some_and(|step| step.number() < before) {
            self.steps.pop_front();
        }
    }
}

impl<S: Numbered> Notes for Outbox<S> {
    fn source(&self) -> &'static str {
        self.source
    }

    fn from(&self, number: u64) -> Vec<(u64, Vec<u8>)> {
        self.with(|waiting| {
            // What the ledger had before the program was started.
            waiting.forget(number);
            handed(waiting.steps.iter())
        })
    }

    fn durable(&self, number: u64) {
        self.with(|waiting| waiting.forget(number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, PartialEq, Eq, Debug, Serialize)]
    struct Step {
        number: u64,
        text: String,
    }

    impl Numbered for Step {
        fn number(&self) -> u64 {
            self.number
        }
    }

    fn step(number: u64, length: usize) -> Step {
        Step { number, text: "x".repeat(length) }
    }

    #[test]
    fn steps_are_handed_over_in_order_and_in_small_parts() {
        let steps = (0..10).map(|number| step(number, if number == 4 { 1 << 20 } else { 100_000 }));
        let outbox = Outbox::new("test", 100, steps);
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
        outbox.add((0..1_000).map(|number| step(number, 1)));
        assert_eq!(outbox.from(0).len(), 100, "no more wait than may");
        assert_eq!(outbox.counts(), (100, 900));
    }

    #[test]
    fn no_more_are_handed_over_at_once_than_the_ledger_takes() {
        let outbox = Outbox::new("test", usize::MAX, (0..1_000).map(|number| step(number, 1)));
        assert_eq!(outbox.from(500).len(), AT_ONCE);
        assert_eq!(outbox.counts(), (500, 0));
    }
}
