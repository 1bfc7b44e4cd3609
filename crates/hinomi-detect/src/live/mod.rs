//! Detection while records arrive, equal to detection afterwards.
//!
//! Detection is a function of a range of leaves of a ledger, in their order. A step takes one leaf: what the rules
//! matched in it, in order of (record, offset), and when it was received. The result of a range does not depend on how
//! it is cut into batches, nor on where state was saved and loaded between.
//!
//! # Definitions
//! - **Watermark.** The latest time of receipt of the leaves so far, less the allowed lateness. It never goes back.
//! - **On time.** An event whose own time lies behind the watermark before its leaf (of the first leaf: behind its own receipt less the
//!   allowed lateness), and at most [`AHEAD_NS`] behind its
//!   receipt. Its matches take part in correlations once the watermark has passed its time: order is
//!   (event time, event hash), whatever the order of arrival.
//! - **Late.** Every other event with a time. It meets rules of single events like any other and the detection says
//!   `late`. Its matches wait in the *backlog*.
//! - **Backlog.** Correlations of late matches among themselves, settled when no late match came for [`QUIET_NS`] (of
//!   times of receipt), or the first has waited for [`LONGEST_WAIT_NS`], or [`Bounds::backlog`] matches wait. So
//!   whatever is imported at once is correlated as a whole, but not with what was on time.
//! - **Repeated.** A detection whose id came within [`REPEAT_NS`] before (in time of the watermark) is counted, not made
//!   again: the same line twice is the same detection.
//!
//! # Invariants
//! - Times of receipt and content of leaves are all that counts; no clock is read.
//! - Memory is bounded by [`Bounds`]; what is beyond is counted in [`Tally`].
//!
//! # Not here
//! Reading leaves, decoding and evaluating them, and writing detections down (`hinomi`).

mod arena;
mod backlog;
mod fingerprint;
mod packed;
mod recent;
mod state;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use hinomi_model::{Digest, NANOS_PER_SECOND, Timestamp};
use serde::{Deserialize, Serialize};

use crate::correlate::{Correlator, Limits, Occurrence};
use crate::sigma::Meta;
use crate::{Engine, RuleIndex, detection_id, saved};
use arena::Arena;
use backlog::Backlog;
use recent::Recent;

pub use fingerprint::fingerprints;
pub use state::{LoadError, STATE_VERSION, SavedState};

/// How far an event's time may lie behind its receipt's and still be believed.
pub const AHEAD_NS: i64 = 86_400 * NANOS_PER_SECOND;
/// Silence after which late matches are correlated.
pub const QUIET_NS: i64 = 600 * NANOS_PER_SECOND;
/// Longest time that late matches wait.
pub const LONGEST_WAIT_NS: i64 = 3600 * NANOS_PER_SECOND;
/// How long an id is remembered, in time of the watermark.
pub const REPEAT_NS: i64 = 86_400 * NANOS_PER_SECOND;

/// Bounds of memory. They decide what is found, so they are constants of a version and never settings.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Groups per correlation.
    pub groups: usize,
    /// Items per correlation.
    pub items: usize,
    /// Late matches that wait.
    pub backlog: usize,
    /// Ids of detections that are remembered.
    pub ids: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { groups: 100_000, items: 250_000, backlog: 250_000, ids: 250_000 }
    }
}

/// An event that rules matched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When it says that it happened.
    #[serde(with = "saved::maybe_time")]
    pub time: Option<Timestamp>,
    /// Digest of its bytes.
    #[serde(with = "saved::digest")]
    pub digest: Digest,
    /// Evidence reference.
    pub reference: String,
    /// Host it names.
    pub host: String,
    /// Account it names.
    pub account: String,
    /// Channel, or kind of log.
    pub channel: String,
    /// Fields that correlations or readers need, in order of name.
    pub fields: Vec<(Box<str>, Box<str>)>,
}

/// An event and the rules that matched it, ascending.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The event.
    pub event: Event,
    /// The rules.
    pub rules: Vec<RuleIndex>,
}

/// What made a detection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// A rule over single events.
    Rule(RuleIndex),
    /// A correlation, by its position in the engine.
    Correlation(usize),
}

/// A detection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Detection {
    /// Hash of (rule id, group key, sorted event hashes, occurrence).
    pub id: String,
    /// What made it.
    pub cause: Cause,
    /// Whether it rests on events that came behind the watermark.
    pub late: bool,
    /// Values of the group, for correlations.
    pub group: Vec<(String, String)>,
    /// Events it fired with, by (time, digest), at most [`Limits::kept`].
    pub events: Vec<Event>,
    /// Events beyond those.
    pub more: u64,
    /// Number of the occurrence in its group.
    pub occurrence: u64,
}

/// What was not taken into account, counted since the beginning of the range.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Events that rules matched.
    pub events: u64,
    /// Of these, late ones.
    pub late: u64,
    /// Detections that only repeated one.
    pub repeated: u64,
    /// Ids forgotten before their time for want of room.
    pub forgotten: u64,
    /// Backlogs settled because they were full or had waited for long.
    pub hurried: u64,
}

/// State of detection between two leaves.
#[derive(Debug)]
pub struct Live {
    lateness_ns: i64,
    bounds: Bounds,
    /// Latest time of receipt.
    received: Option<Timestamp>,
    correlator: Correlator,
    backlog: Backlog,
    arena: Arena,
    recent: Recent,
    tally: Tally,
    /// Names of the correlations, by which their state survives a change of rules.
    names: Vec<String>,
    /// Fields that correlations read.
    wanted: BTreeSet<String>,
}

fn limits(bounds: &Bounds) -> Limits {
    Limits { groups: bounds.groups, items: bounds.items, ..Limits::default() }
}

/// Names of the fields that correlations read.
fn wanted(engine: &Engine) -> BTreeSet<String> {
    engine.correlations().iter().flat_map(crate::sigma::Correlation::fields).collect()
}

impl Live {
    /// Before the first leaf.
    pub fn new(engine: &Engine, lateness_ns: i64, bounds: Bounds) -> Self {
        let correlator = || Correlator::new(engine.correlations(), limits(&bounds));
        Self {
            lateness_ns,
            bounds,
            received: None,
            correlator: correlator(),
            backlog: Backlog::new(correlator()),
            arena: Arena::default(),
            recent: Recent::default(),
            tally: Tally::default(),
            names: fingerprints(engine),
            wanted: wanted(engine),
        }
    }

    /// Other rules, or another lateness, from the next leaf on. Correlations that are the same, with all they refer to, keep
    /// their state; others begin without any.
    pub fn activate(&mut self, engine: &Engine, lateness_ns: i64) {
        let names = fingerprints(engine);
        for correlator in [&mut self.correlator, &mut self.backlog.correlator] {
            let fresh = Correlator::new(engine.correlations(), limits(&self.bounds));
            let saved = std::mem::replace(correlator, fresh).into_saved(&self.names);
            correlator.restore(saved, &names);
        }
        self.names = names;
        self.wanted = wanted(engine);
        self.lateness_ns = lateness_ns;
    }

    /// Everything before this time is settled.
    pub fn watermark(&self) -> Option<Timestamp> {
        let received = self.received?.as_nanos();
        Some(Timestamp::from_nanos(received.saturating_sub(self.lateness_ns)))
    }

    /// What was not taken into account.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Matches that are kept for correlations.
    pub fn kept(&self) -> usize {
        self.arena.len()
    }

    /// What correlations could not take into account: id of the correlation, items without a group, beyond a bound.
    pub fn diagnoses<'e>(&self, engine: &'e Engine) -> Vec<(&'e str, crate::correlate::Diagnosis)> {
        let ids = engine.correlations().iter().map(|c| c.meta.id.as_str());
        ids.zip(self.correlator.diagnoses()).collect()
    }

    /// One leaf: when its last record was received, and what matched in it, in order.
    pub fn step(&mut self, engine: &Engine, received: Timestamp, arrived: Vec<Arrival>) -> Vec<Detection> {
        let before = self.watermark();
        // The first leaf has no other before it: what is old when it comes is late there, too.
        let first = received.as_nanos().saturating_sub(self.lateness_ns).saturating_sub(1);
        let behind = before.unwrap_or(Timestamp::from_nanos(first));
        let mut made = Vec::new();
        for arrival in arrived {
            self.arrive(engine, (behind, received), arrival, &mut made);
        }
        self.received = self.received.max(Some(received));
        let now = self.received.unwrap_or(received);
        if let Some(until) = self.watermark().filter(|until| before != Some(*until)) {
            for occurrence in self.correlator.advance(until, &self.arena) {
                made.extend(self.detection(engine, &occurrence, false));
            }
            self.recent.expire(until);
        }
        if let Some(hurried) = self.backlog.is_due(now, self.bounds.backlog) {
            self.tally.hurried += u64::from(hurried);
            let fresh = Correlator::new(engine.correlations(), limits(&self.bounds));
            for occurrence in self.backlog.settle(fresh, &self.arena) {
                made.extend(self.detection(engine, &occurrence, true));
            }
        }
        if self.arena.wants_sweep() {
            let needed = self.correlator.handles().chain(self.backlog.correlator.handles());
            self.arena.sweep(needed);
        }
        self.keep_new(made)
    }

    fn arrive(
        &mut self,
        engine: &Engine,
        (behind, received): (Timestamp, Timestamp),
        Arrival { event, rules }: Arrival,
        made: &mut Vec<Detection>,
    ) {
        let ahead = received.as_nanos().saturating_add(AHEAD_NS);
        let on_time = |time: Timestamp| time > behind && time.as_nanos() <= ahead;
        let late = event.time.is_some_and(|time| !on_time(time));
        self.tally.events += 1;
        self.tally.late += u64::from(late);
        for rule in rules.iter().filter_map(|r| Some((*r, engine.rule(*r)?))) {
            let (index, rule) = rule;
            if rule.alerts {
                made.push(Detection {
                    id: detection_id(&rule.meta.id, &[], &mut [event.digest], 0),
                    cause: Cause::Rule(index),
                    late,
                    group: Vec::new(),
                    events: vec![event.clone()],
                    more: 0,
                    occurrence: 0,
                });
            }
        }
        let metas = rules.iter().filter_map(|r| engine.rule(*r)).map(|r| &r.meta);
        self.remember(event, metas, late.then_some(received));
    }

    /// Hands an event to the correlations, and keeps of it what they need.
    fn remember<'m>(
        &mut self,
        mut event: Event,
        metas: impl Iterator<Item = &'m Meta>,
        late: Option<Timestamp>,
    ) {
        event.fields.retain(|(name, _)| self.wanted.contains(name.as_ref()));
        let number = self.tally.events;
        let handles = self.arena.add(&event, number, metas);
        let mut unused = Vec::new();
        for &handle in &handles {
            let used = match late {
                Some(received) => self.backlog.add(handle, received, &self.arena),
                None => self.correlator.add(handle, &self.arena),
            };
            if !used {
                unused.push(handle);
            }
        }
        self.arena.discard(number, &unused, unused.len() == handles.len());
    }

    fn detection(&self, engine: &Engine, occurrence: &Occurrence, late: bool) -> Option<Detection> {
        let meta = &engine.correlations().get(occurrence.correlation).filter(|_| occurrence.alerts)?.meta;
        let fired = occurrence.matches.iter().take(occurrence.fired_with);
        let events: Vec<Event> = fired.filter_map(|at| self.arena.event(*at)).collect();
        let mut digests: Vec<Digest> = events.iter().map(|event| event.digest).collect();
        Some(Detection {
            id: detection_id(&meta.id, &occurrence.group, &mut digests, occurrence.number),
            cause: Cause::Correlation(occurrence.correlation),
            late,
            group: occurrence.group.clone(),
            more: occurrence.more,
            events,
            occurrence: occurrence.number,
        })
    }

    /// What did not come before.
    fn keep_new(&mut self, mut made: Vec<Detection>) -> Vec<Detection> {
        let now = self.watermark().unwrap_or(Timestamp::from_nanos(0));
        made.retain(|detection| {
            let is_new = self.recent.insert(&detection.id, now);
            self.tally.repeated += u64::from(!is_new);
            is_new
        });
        self.tally.forgotten += self.recent.shrink(self.bounds.ids);
        made
    }
}
