//! Correlations of what came late, among itself.

use hinomi_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::arena::Arena;
use super::{LONGEST_WAIT_NS, QUIET_NS};
use crate::correlate::{Correlator, MatchedEvent as _, Matches as _, Occurrence};
use crate::saved;

#[derive(Debug)]
pub(super) struct Backlog {
    pub(super) correlator: Correlator,
    pub(super) waiting: Option<Waiting>,
}

/// What waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Waiting {
    matches: usize,
    /// Receipt of the first and the last of them.
    #[serde(with = "saved::time")]
    since: Timestamp,
    #[serde(with = "saved::time")]
    last: Timestamp,
    /// Latest time of their events.
    #[serde(with = "saved::time")]
    latest: Timestamp,
}

impl Backlog {
    pub(super) fn new(correlator: Correlator) -> Self {
        Self { correlator, waiting: None }
    }

    /// Takes a match in; false when no correlation has a use for it.
    pub(super) fn add(&mut self, handle: usize, received: Timestamp, arena: &Arena) -> bool {
        let Some(time) = arena.at(handle).and_then(|seen| seen.event.time()) else { return false };
        if !self.correlator.add(handle, arena) {
            return false;
        }
        let fresh = Waiting { matches: 0, since: received, last: received, latest: time };
        let waiting = self.waiting.get_or_insert(fresh);
        waiting.matches += 1;
        waiting.last = waiting.last.max(received);
        waiting.latest = waiting.latest.max(time);
        true
    }

    /// Whether it is to be settled now, and whether before it fell quiet.
    pub(super) fn is_due(&self, now: Timestamp, most: usize) -> Option<bool> {
        let waiting = self.waiting?;
        let over = |from: Timestamp, span: i64| now.as_nanos().saturating_sub(from.as_nanos()) >= span;
        if over(waiting.last, QUIET_NS) {
            return Some(false);
        }
        (waiting.matches >= most || over(waiting.since, LONGEST_WAIT_NS)).then_some(true)
    }

    /// Correlates what waited and begins anew.
    pub(super) fn settle(&mut self, fresh: Correlator, arena: &Arena) -> Vec<Occurrence> {
        let until = self.waiting.take().map(|waiting| waiting.latest);
        std::mem::replace(&mut self.correlator, fresh).finish(arena, until, Vec::new())
    }
}
