//! How often an unrelated detection would meet another at an entity by accident.
//!
//! Over months, the time between two detections says little. What tells is how rare such detections are in the very
//! input: where hundreds of hosts raise nothing for weeks, two different rare rules on one host are no coincidence,
//! while a rule that fires there every other week is a habit of the house.
//!
//! # Definitions
//! - **Episode.** Firings of one rule at one entity, less than [`NEAR_NS`] apart, [`LONGEST_NS`] at most.
//! - **Expected meetings** of a pair at an entity: for each of the two rules, its episodes there beyond the pair's own,
//!   but at least its episodes anywhere divided by the entities of that kind, times the time between the two in
//!   spans of observation. The greater of both counts: neither may be a habit.
//! - **Span of observation.** How long a host was watched, on average, and not how far apart the ends of the input are:
//!   old captures beside new ones make nothing rare.
//!
//! # Invariants
//! - Without [`LEAST_SPAN_NS`] of observation nothing is rare: rates need time to be seen.
//! - Time near the pair is never less than [`LEAST_GAP_NS`], so that a burst does not look rarer than it is.

use std::collections::BTreeMap;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use hinomi_model::{NANOS_PER_SECOND, Timestamp};

use super::entity::{Entity, EntityId, EntityKind, Role};
use super::prevalence::Prevalence;
use super::signal::Signal;

const HOUR_NS: i64 = 3600 * NANOS_PER_SECOND;
const DAY_NS: i64 = 24 * HOUR_NS;
const NEAR_NS: i64 = 3 * DAY_NS;
const LONGEST_NS: i64 = 7 * DAY_NS;
const LEAST_SPAN_NS: i64 = 7 * DAY_NS;
const LEAST_GAP_NS: i64 = HOUR_NS;

/// How long hosts were watched.
#[derive(Clone, Copy, Debug, Default)]
pub struct Watched {
    /// The host that was watched longest.
    pub longest_ns: i64,
    /// All hosts together, in that time.
    pub hosts: f64,
}

/// Episodes of rules at entities.
#[derive(Debug, Default)]
pub(super) struct Chance {
    watched: Watched,
    at: HashMap<(u32, EntityId), u32, RandomState>,
    anywhere: HashMap<(u32, EntityKind), u32, RandomState>,
    population: BTreeMap<EntityKind, u32>,
}

impl Chance {
    /// Counts the episodes of `signals`, whose order by time is `order`, where hosts were `watched`.
    pub(super) fn of(
        signals: &[Signal],
        entities: &[Entity],
        order: &[usize],
        prevalence: &Prevalence,
        watched: Watched,
    ) -> Self {
        let mut this = Self { watched, ..Self::default() };
        if watched.longest_ns < LEAST_SPAN_NS {
            return this;
        }
        for kind in [EntityKind::Host, EntityKind::Account, EntityKind::Address] {
            this.population.insert(kind, prevalence.population(kind).try_into().unwrap_or(u32::MAX));
        }
        // Begin and last firing of the episode that is open at each place.
        let mut open: HashMap<(u32, EntityId), (i64, i64), RandomState> = HashMap::default();
        for signal in order.iter().filter_map(|&at| signals.get(at)) {
            let Some(time) = signal.first.map(Timestamp::as_nanos) else { continue };
            let mut counted: Option<EntityId> = None;
            for &(entity, role) in &signal.named {
                let Some(kind) = entities.get(entity as usize).map(|e| e.kind) else { continue };
                if role == Role::Observer || counted == Some(entity) || !this.population.contains_key(&kind) {
                    continue;
                }
                counted = Some(entity);
                let place = (signal.rule, entity);
                let known = open.get(&place).copied();
                let same = known.filter(|(begin, last)| time - last < NEAR_NS && time - begin < LONGEST_NS);
                let begin = same.map_or(time, |(begin, _)| begin);
                open.insert(place, (begin, signal.last.map_or(time, Timestamp::as_nanos).max(time)));
                if same.is_none() {
                    *this.at.entry(place).or_default() += 1;
                    *this.anywhere.entry((signal.rule, kind)).or_default() += 1;
                }
            }
        }
        this
    }

    /// One in how many such pairs would meet at `entity` by accident; `None` when that cannot be told.
    pub(super) fn one_in(
        &self,
        (entity, kind): (EntityId, EntityKind),
        (one, other): (&Signal, &Signal),
        gap_ns: Option<i64>,
    ) -> Option<u32> {
        let population = self.population.get(&kind).copied().filter(|n| *n > 0)?;
        let population = match kind {
            EntityKind::Host => self.watched.hosts.clamp(1.0, f64::from(population)),
            _ => f64::from(population),
        };
        let own = if one.rule == other.rule { 2 } else { 1 };
        let rate = |rule: u32| {
            let here = self.at.get(&(rule, entity)).copied().unwrap_or_default().saturating_sub(own);
            let anywhere = self.anywhere.get(&(rule, kind)).copied().unwrap_or(1);
            f64::from(here).max(f64::from(anywhere) / population)
        };
        let near = gap_ns?.max(LEAST_GAP_NS) as f64 / self.watched.longest_ns as f64;
        let expected = rate(one.rule).max(rate(other.rule)) * near;
        Some((1.0 / expected) as u32)
    }
}
