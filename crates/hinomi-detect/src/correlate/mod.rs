//! Correlations: many matches of rules within a window of time become one detection.
//!
//! Pure and deterministic: the result depends on the set of matches alone, not on the order they are given in, nor on
//! the steps in which time advances.
//!
//! # Definitions
//! - **Item.** An event that at least one referred rule matched; an event that several referred rules matched is
//!   one item. An occurrence of a referred correlation is an item too (see *Chains*).
//! - **Group.** Items whose `group-by` values (aliases resolved) are equal, as text. An item that lacks one of the
//!   fields takes no part; it is counted in [`Diagnosis::without_group`]. Without `group-by` there is one group.
//! - **Order.** By time; all items of one instant arrive together, so ties need no rule. An event without a
//!   readable time takes no part and is counted in [`Diagnosis::without_time`].
//! - **Window.** Closed at both ends: events lie within the time span when last − first ≤ `timespan`.
//!
//! ## Rising conditions
//! Conditions that further events cannot make false (only `gt` and `gte`) of `event_count`, `value_count`,
//! `value_sum` and `temporal`, and expressions without `not`, are evaluated on a **sliding window**: after each
//! instant *t*, over the items in [*t* − timespan, *t*].
//! - When the condition holds and no occurrence is open, one opens with all items of the window; *t* is the time
//!   at which it fired.
//! - While an occurrence is open and the condition holds, new items extend it: no further alert.
//! - It ends, and the correlation is armed again, at the first instant where the condition does not hold, or
//!   that lies more than `timespan` after the occurrence's last item. The window of a later occurrence may
//!   still hold items of an earlier one.
//!
//! ## Other conditions
//! `lt`, `lte`, `eq`, `neq`, `value_avg`, `value_percentile` and expressions with `not` can be decided only once a
//! window is over. They use **consecutive windows**: a window opens at the first item that no earlier window
//! holds, and ends `timespan` later. Each complete window whose items meet the condition is an occurrence. A
//! window that ends after what was observed is undecided and counted in [`Diagnosis::open_windows`]. Groups
//! without any item are never reported: what never appeared has no group.
//!
//! ## Numbers
//! Occurrences of a group are counted from 0. The count begins anew when the group was empty: when no item and no open
//! occurrence was left within `timespan`. So nothing has to be remembered of a group that fell silent.
//!
//! ## Types
//! - `value_count`: distinct values (tuples of several fields). `value_sum`, `value_avg`: numbers, kept exactly
//!   to six decimals. `value_percentile`: the nearest-rank percentile. Items without the field, or without a
//!   number in it, take no part and are counted in [`Diagnosis::without_value`].
//! - `temporal`: each referred rule occurs (or as many, or such, as the condition says).
//! - `temporal_ordered`: the same, and there is a chain of **different** items, one for each rule in the order of
//!   `rules`, whose times do not decrease; equal times are in order.
//!
//! ## Chains
//! An occurrence of a correlation that another refers to is an item at the time it fired, of the matches with which it
//! fired (what extends it later does not change it). It belongs to every group that one of these matches belongs to.
//! Cycles are refused.
//!
//! # Not here
//! Who shows occurrences and how (`hinomi`); the language (`sigma`); what is late (`live`).

mod aggregate;
mod chain;
mod correlator;
mod item;
mod lane;
mod plan;
mod route;

#[cfg(test)]
mod tests;

use hinomi_model::{Digest, Timestamp};
use serde::{Deserialize, Serialize};

use crate::saved;
use crate::sigma::{Correlation, Meta};

pub use correlator::{Correlator, SavedLanes};
pub use plan::CorrelateError;

/// What a correlation needs to know of an event.
pub trait MatchedEvent {
    /// When it happened.
    fn time(&self) -> Option<Timestamp>;
    /// Digest of its bytes.
    fn digest(&self) -> Digest;
    /// Text of a field; `None` when absent or null.
    fn field(&self, name: &str) -> Option<&str>;
}

/// A rule matched an event.
#[derive(Debug)]
pub struct BaseMatch<'a, E> {
    /// The rule.
    pub rule: &'a Meta,
    /// The event.
    pub event: &'a E,
    /// Number of the event, the same in all its matches: events may be equal byte for byte and yet be two.
    pub number: u64,
}

/// One match, as a correlation sees it.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a, E> {
    /// Id of the rule.
    pub rule: &'a str,
    /// `name` of the rule.
    pub name: Option<&'a str>,
    /// The event.
    pub event: &'a E,
    /// Number of the event.
    pub number: u64,
}

/// Matches by handle.
pub trait Matches {
    /// Their events.
    type Event: MatchedEvent;
    /// The match of a handle.
    fn at(&self, handle: usize) -> Option<Seen<'_, Self::Event>>;
}

impl<E: MatchedEvent> Matches for [BaseMatch<'_, E>] {
    type Event = E;

    fn at(&self, handle: usize) -> Option<Seen<'_, E>> {
        let found = self.get(handle)?;
        let (rule, name) = (found.rule.id.as_str(), found.rule.name.as_deref());
        Some(Seen { rule, name, event: found.event, number: found.number })
    }
}

/// Bounds of memory, and of what was observed.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Groups per correlation; items of further groups are counted and dropped.
    pub groups: usize,
    /// Items of all groups of a correlation, and of what waits for its time; further ones are counted and dropped.
    pub items: usize,
    /// Matches listed per occurrence; further ones are counted.
    pub kept: usize,
    /// Groups an occurrence takes part in when another correlation refers to it.
    pub fan_out: usize,
    /// End of what the sources cover, if known: absence cannot be asserted beyond it.
    pub observed_until: Option<Timestamp>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { groups: 100_000, items: usize::MAX, kept: 1000, fan_out: 100, observed_until: None }
    }
}

/// A correlation's condition held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurrence {
    /// Position of the correlation among those given.
    pub correlation: usize,
    /// `group-by` fields and their values, in the order of the rule.
    pub group: Vec<(String, String)>,
    /// Handles of contributing matches, by (time, digest), at most [`Limits::kept`].
    pub matches: Vec<usize>,
    /// Contributing matches beyond those.
    pub more: u64,
    /// How many of `matches` it fired with. Time increases, so these are the first.
    pub fired_with: usize,
    /// Number of the occurrence in its group, from 0.
    pub number: u64,
    /// Time of the first item.
    #[serde(with = "saved::time")]
    pub first: Timestamp,
    /// When the condition first held.
    #[serde(with = "saved::time")]
    pub fired: Timestamp,
    /// Time of the last item.
    #[serde(with = "saved::time")]
    pub last: Timestamp,
    /// Whether it is a detection by itself; false when only other correlations use it.
    pub alerts: bool,
}

/// What a correlation could not take into account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// Matches of events without a readable time.
    pub without_time: u64,
    /// Items without one of the `group-by` fields.
    pub without_group: u64,
    /// Items without a value to count or add.
    pub without_value: u64,
    /// Items of groups beyond [`Limits::groups`], or beyond [`Limits::items`] or [`Limits::fan_out`].
    pub over_limit: u64,
    /// Windows that end after [`Limits::observed_until`].
    pub open_windows: u64,
}

/// Everything correlations found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// By (fired, correlation, group).
    pub occurrences: Vec<Occurrence>,
    /// One for each correlation given.
    pub diagnoses: Vec<Diagnosis>,
    /// Correlations that could not be evaluated.
    pub errors: Vec<CorrelateError>,
}

/// Evaluates `correlations` over the `count` first handles of `matches`, whatever their order. Besides the matches, only what
/// windows hold is held.
pub fn correlate<M: Matches + ?Sized>(
    correlations: &[Correlation],
    matches: &M,
    count: usize,
    limits: &Limits,
) -> Outcome {
    in_steps(correlations, (matches, count), limits, STEP)
}

/// Matches taken in before time advances.
const STEP: usize = 4096;

fn in_steps<M: Matches + ?Sized>(
    correlations: &[Correlation],
    (matches, count): (&M, usize),
    limits: &Limits,
    step: usize,
) -> Outcome {
    let mut correlator = Correlator::new(correlations, *limits);
    let time_of = |handle: &usize| matches.at(*handle).and_then(|seen| seen.event.time());
    let mut handles: Vec<usize> = (0..count).collect();
    handles.sort_by_key(time_of);
    let mut occurrences = Vec::new();
    let mut added = 0;
    for instant in handles.chunk_by(|a, b| time_of(a) == time_of(b)) {
        if added >= step {
            let next = instant.first().and_then(time_of).map_or(i64::MIN, Timestamp::as_nanos);
            correlator.advance_whole(
                Timestamp::from_nanos(next.saturating_sub(1)),
                matches,
                &mut occurrences,
            );
            added = 0;
        }
        instant.iter().for_each(|handle| _ = correlator.add(*handle, matches));
        added += instant.len();
    }
    let occurrences = correlator.finish(matches, limits.observed_until, occurrences);
    Outcome { occurrences, diagnoses: correlator.diagnoses(), errors: correlator.errors().to_vec() }
}
