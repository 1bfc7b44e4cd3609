//! What is said about one source.

use hinomi_model::Timestamp;

use super::Active;

/// Numbers that the source must have given out and that are not in the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// First missing number.
    pub first_missing: u64,
    /// Last missing number.
    pub last_missing: u64,
    /// Time of the last event before the gap.
    pub after: Option<Timestamp>,
    /// Time of the first event after the gap.
    pub before: Option<Timestamp>,
}

impl Gap {
    /// How many numbers are missing.
    pub fn missing(&self) -> u64 {
        self.last_missing.saturating_sub(self.first_missing).saturating_add(1)
    }
}

/// A later event that states an earlier time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClockJump {
    /// Sequence number of the later event.
    pub at_sequence: u64,
    /// Time of the event before it.
    pub from: Timestamp,
    /// Its own time.
    pub to: Timestamp,
}

/// A stretch without events that is long for this source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silence {
    /// Start of the first hour without events.
    pub from: Timestamp,
    /// End of the last one.
    pub to: Timestamp,
    /// Whole hours.
    pub hours: u64,
}

/// One host and channel.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceReport {
    /// Host as the events state it; empty when they state none.
    pub host: String,
    /// Windows channel, or the kind of log.
    pub channel: String,
    /// Kind of log, `product/service`.
    pub kind: String,
    /// Earliest and latest stated times.
    pub first: Option<Timestamp>,
    /// Latest stated time.
    pub last: Option<Timestamp>,
    /// Events read.
    pub seen: u64,
    /// Of these, events without readable time.
    pub without_time: u64,
    /// Largest gaps in the source's numbering, in its order; `None` when the source does not number events, so
    /// that nothing can be said about missing ones.
    pub gaps: Option<Vec<Gap>>,
    /// All gaps, also those not listed.
    pub gap_count: u64,
    /// All missing numbers.
    pub missing: u64,
    /// False when a bound was exceeded and the counts are lower bounds.
    pub gaps_complete: bool,
    /// Clock set back.
    pub clock_jumps: Vec<ClockJump>,
    /// All clock jumps, also those not listed.
    pub clock_jump_count: u64,
    /// Unusually long silent stretches.
    pub silences: Vec<Silence>,
    /// Hours since 1970 in which it has an event, in order.
    pub hours: Vec<i64>,
    /// Minutes in which it has an event.
    pub active: Active,
}
