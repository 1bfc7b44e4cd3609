//! Whether a source sends far less than usual while it is not silent.
//!
//! What came is compared with what was to be expected, over stretches in which much was. A stretch is named when its
//! share is less than half of the lowest of the last five weeks, and less than half altogether.

use serde::{Deserialize, Serialize};

use super::longest::Longest;

/// Records that a stretch expects at least.
const STRETCH: f64 = 60.0;
/// … and how many times the longest pause.
const PAUSES: f64 = 8.0;
/// Stretches that have to be known.
const ENOUGH: u64 = 8;

/// The stretch that is going on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Volume {
    from_ns: Option<i64>,
    records: u64,
    /// Largest of expected by received.
    shortfalls: Longest,
    /// What the last whole stretch lacked, if it was too little.
    fallen: Option<Fallen>,
}

/// A stretch with too little.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Fallen {
    pub(super) from_ns: i64,
    pub(super) expected: u64,
    pub(super) received: u64,
}

impl Volume {
    /// Records came; `expected` says how many were to be expected between two times.
    pub(super) fn note(
        &mut self,
        at_ns: i64,
        records: u64,
        longest_pause: f64,
        expected: impl Fn(i64, i64) -> f64,
    ) {
        let from = *self.from_ns.get_or_insert(at_ns);
        self.records = self.records.saturating_add(records);
        let due = expected(from, at_ns);
        if due < STRETCH.max(PAUSES * longest_pause) {
            return;
        }
        let shortfall = due / (self.records.max(1) as f64);
        let worst = self.shortfalls.max();
        if self.shortfalls.count() >= ENOUGH && shortfall > 2.0 && shortfall > 2.0 * worst {
            self.fallen = Some(Fallen { from_ns: from, expected: due as u64, received: self.records });
        } else {
            self.fallen = None;
            self.shortfalls.note(at_ns, shortfall);
        }
        self.begin(at_ns);
    }

    /// What came before does not count.
    pub(super) fn begin(&mut self, at_ns: i64) {
        (self.from_ns, self.records) = (Some(at_ns), 0);
    }

    pub(super) fn fallen(&self) -> Option<Fallen> {
        self.fallen
    }
}
