//! One source, one day: what can be said.

use hinomi_model::{NANOS_PER_SECOND, Timestamp};
use serde::{Deserialize, Serialize};

const NANOS_PER_DAY: i64 = 86_400 * NANOS_PER_SECOND;

/// A UTC day of receipt: days since 1970-01-01.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Day(pub i32);

impl Day {
    /// The day that a time lies in.
    pub const fn of(time: Timestamp) -> Self {
        Self(time.as_nanos().div_euclid(NANOS_PER_DAY) as i32)
    }

    /// Its first instant.
    pub const fn start(self) -> Timestamp {
        Timestamp::from_nanos((self.0 as i64).saturating_mul(NANOS_PER_DAY))
    }

    /// The first instant of the next day.
    pub const fn end(self) -> Timestamp {
        Self(self.0.saturating_add(1)).start()
    }

    /// Whether an interval, ends included, has an instant in this day.
    pub(super) fn meets(self, from: Timestamp, to: Timestamp) -> bool {
        from < self.end() && to >= self.start()
    }
}

/// What can be said of one source on one day.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DayState {
    /// Everything the source sent was received; it may have been nothing.
    Present,
    /// Records were received, and others are known to be missing.
    Partial,
    /// No record was received, although the source numbered or promised some.
    Missing,
    /// Nobody can say, whether or not records were received.
    Unknown,
}

/// Why a day is not unknown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The source numbers its records.
    Numbers,
    /// The source promised to be heard at an interval. That it was alive does not prove that each record came.
    Heartbeat,
    /// Nothing.
    None,
}

/// Why a day is unknown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// The source was never heard of.
    NeverSeen,
    /// The source numbers nothing and promises nothing.
    NothingToGoBy,
    /// The day is not over, or was not when the ledger was last there to see.
    NotOver,
    /// Numbers, or the promise, do not reach over the whole day.
    NotCovered,
    /// The source counted anew, sent records without their numbers, or its records cannot be read any more.
    Unsettled,
}

/// One cell of the calendar.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DayCell {
    /// The day.
    pub day: Day,
    /// What can be said of it.
    pub state: DayState,
    /// Why.
    pub basis: Basis,
    /// Why it is unknown, if it is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub doubt: Option<Doubt>,
    /// Records received.
    pub records: u64,
    /// Numbers missing in the gaps that touch this day; a gap over several days counts in each of them.
    pub missing: u64,
    /// Whether its records were erased by order since: then nothing can be searched, whatever was received.
    pub erased: bool,
}

/// What is known of a source on a day, before it is judged.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, judged in one place")]
pub(super) struct DayFacts {
    pub(super) day: Day,
    pub(super) as_of: Timestamp,
    pub(super) records: u64,
    pub(super) missing: u64,
    /// Numbers are known to be missing around this day.
    pub(super) gap: bool,
    /// The source may have lost records around this day, nobody knows how many.
    pub(super) doubt: bool,
    /// Numbers reach from before the day to behind it.
    pub(super) numbered_through: bool,
    /// A promise to be heard covers the whole day; `Some(true)` if it was broken.
    pub(super) silent: Option<bool>,
    /// A promise that covers part of the day was broken in it.
    pub(super) silent_in_part: bool,
    pub(super) erased: bool,
    /// The source was heard of.
    pub(super) known: bool,
    /// It numbers its records, or promises to be heard.
    pub(super) accountable: bool,
}

impl DayFacts {
    pub(super) fn judge(self) -> DayCell {
        let over = self.as_of >= self.day.end();
        let received = |basis| match self.records {
            0 => (DayState::Missing, basis),
            _ => (DayState::Partial, basis),
        };
        let (state, basis) = if self.gap {
            received(Basis::Numbers)
        } else if !self.doubt && over && self.numbered_through {
            (DayState::Present, Basis::Numbers)
        } else if self.silent == Some(true) || self.silent_in_part {
            received(Basis::Heartbeat)
        } else if !self.doubt && over && self.silent == Some(false) {
            (DayState::Present, Basis::Heartbeat)
        } else {
            (DayState::Unknown, Basis::None)
        };
        let doubt = (state == DayState::Unknown).then(|| self.why_unknown(over));
        let Self { day, records, missing, erased, .. } = self;
        DayCell { day, state, basis, doubt, records, missing, erased }
    }

    fn why_unknown(&self, over: bool) -> Doubt {
        if !self.known {
            Doubt::NeverSeen
        } else if !self.accountable {
            Doubt::NothingToGoBy
        } else if self.doubt {
            Doubt::Unsettled
        } else if over {
            Doubt::NotCovered
        } else {
            Doubt::NotOver
        }
    }
}
