//! Every claim put to everything that was observed.

mod entity;
mod entry;
mod exception;
mod fact;
mod few;
mod flow;
mod host;
mod kept;
mod overview;
mod record;
mod rows;
mod run;
mod source;
mod stock;
#[cfg(test)]
mod tests;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};

use hinomi_model::Timestamp;

use crate::claim::{Claim, Subject};
use crate::inventory::{CONTRADICTION, EntityKind, Inventory, Resolver};
use crate::{Observation, ObservationKind, ObservationSpec, Session, Truth};

pub(crate) use exception::lacks;
pub use exception::{ExceptionProblem, ExceptionUse};
pub use kept::{FactorTally, Tally};
pub(crate) use overview::sighted;
pub use run::Bounds;
pub use source::SourceLog;
pub use stock::{Collected, ShelfError, Shelves};
pub use verdict::{DayVerdict, Ground, Reason, Verdict};

use overview::{First, Overview};
use rows::Scene;
use stock::Whole;

/// A day in the zone of the assessment: days since 1970-01-01.
pub type Day = i32;

/// A moment in the zone of the assessment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Local {
    /// The day.
    pub day: Day,
    /// Minute of the day.
    pub minute: u32,
}

impl Local {
    /// Day of the week from 0 for Monday, and time of day, as conditions compare it.
    fn written(self) -> String {
        // 1970-01-01 was a Thursday.
        format!("{} {:02}:{:02}", (self.day + 3).rem_euclid(7), self.minute / 60, self.minute % 60)
    }
}

/// What is judged, and by what.
pub struct Material<'m> {
    /// Claims.
    pub claims: &'m [Claim],
    /// Observation rules.
    pub specs: &'m [ObservationSpec],
    /// What the organisation's lists say.
    pub inventory: &'m Inventory,
    /// Logs that were read.
    pub logs: &'m [SourceLog],
    /// The present.
    pub now: Timestamp,
    /// The zone in which days begin, at whole quarters of an hour of UTC.
    pub local: &'m (dyn Fn(Timestamp) -> Local + Sync),
}

/// What follows.
#[derive(Debug, Default)]
pub struct Assessment {
    /// Per claim and entity, in order of claims, then of what needs attention most; no more than was asked for.
    pub verdicts: Vec<Verdict>,
    /// All verdicts of each claim, counted.
    pub tallies: BTreeMap<String, Tally>,
    /// Observations judged.
    pub observations: u64,
    /// All sign-ins, by what they opened.
    pub sign_ins: BTreeMap<&'static str, FactorTally>,
    /// The latest of them in order of time; no more than was asked for.
    pub sessions: Vec<Session>,
    /// Those of each supplier's account.
    pub sign_ins_of_suppliers: BTreeMap<String, FactorTally>,
    /// What exceptions cover, and what they hide.
    pub exceptions: Vec<ExceptionUse>,
    /// Exceptions that cover nothing because something is missing in them.
    pub exception_problems: Vec<ExceptionProblem>,
    /// Per claim: what it needs and what no log that was read shows.
    pub unseen: Vec<Unseen>,
    /// Per claim: kinds of lists that it reads and that were not given.
    pub unlisted: BTreeMap<String, Vec<EntityKind>>,
    /// First and last day of what was observed.
    pub days: Option<(Day, Day)>,
}

/// Evidence that a claim needs and that is not there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unseen {
    /// The claim.
    pub claim: String,
    /// The access or the role of logs.
    pub need: String,
    /// Logs that should show it, and did not arrive on these days; empty when nothing shows it at all.
    pub missing: Vec<(String, Vec<Day>)>,
}

/// Judges every claim by observations that fit into memory.
pub fn assess(material: &Material<'_>, observations: &[Observation]) -> Assessment {
    assess_listing(material, observations, 0)
}

/// As [`assess`], and keeps the latest sign-ins up to a number.
pub fn assess_listing(material: &Material<'_>, observations: &[Observation], sessions: usize) -> Assessment {
    let mut first = First::default();
    observations.iter().for_each(|seen| first.add(material.specs, seen));
    let resolver = Resolver::new(material.inventory, first.sighted(material.logs));
    let stock = Whole::new(material.specs, observations);
    let bounds = Bounds { threads: 1, verdicts: usize::MAX, sessions };
    let Ok(assessment) = run::run(material, (first, &resolver), &stock, bounds);
    assessment
}

/// Judges every claim by observations that do not fit into memory, with the same result: of each claim's verdicts as many are
/// kept as `bounds` says.
///
/// # Errors
/// Shelves that cannot be read or written.
pub fn assess_collected(
    material: &Material<'_>,
    collected: Collected<'_>,
    bounds: Bounds,
) -> Result<Assessment, ShelfError> {
    let (mut first, stock) = collected.finish()?;
    let by_id = first.names_by_id();
    let resolver = Resolver::new(material.inventory, first.sighted(material.logs));
    stock.settle(&resolver, &by_id)?;
    run::run(material, (first, &resolver), &stock, bounds)
}

/// Kinds of lists that a claim reads and that were not given: lists that people keep, where it asks what is registered.
fn unlisted(claim: &Claim, inventory: &Inventory) -> Vec<EntityKind> {
    let read = claim.scope.iter().chain([&claim.holds]).flat_map(|c| c.attributes());
    let of = |name: &str| {
        let (prefix, attribute) = name.split_once('.')?;
        let kind = match prefix {
            "account" => EntityKind::Account,
            "supplier" => EntityKind::Supplier,
            "host" | "device" | "origin" | "destination_host" => EntityKind::Host,
            "segment" | "destination_segment" => EntityKind::Segment,
            "source" => EntityKind::Source,
            "exposure" => EntityKind::Exposure,
            "copy" => EntityKind::Copy,
            _ => return None,
        };
        let is_given =
            if attribute == "registered" { inventory.has_register(kind) } else { inventory.has_list(kind) };
        (!is_given).then_some(kind)
    };
    let own = match claim.of {
        Subject::SourceDay => Some(EntityKind::Source),
        Subject::Weakness => Some(EntityKind::Weakness),
        Subject::Grant => Some(EntityKind::Grant),
        _ => None,
    };
    let mut kinds: Vec<EntityKind> = read.into_iter().filter_map(of).collect();
    kinds.extend(own.filter(|kind| !inventory.has_list(*kind)));
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

/// What a claim needs and no log shows, at all or on some days.
fn unseen(scene: &Scene<'_>, claim: &Claim, overview: &Overview) -> Vec<Unseen> {
    let mut found = Vec::new();
    let has_signed_in = overview.signed_in().ends().is_some();
    for need in &claim.needs {
        let shown = match need.as_str() {
            "sensor" => overview.has(ObservationKind::Sensor),
            "sighting" => overview.has(ObservationKind::Sighting) || has_signed_in,
            "flow" => overview.has(ObservationKind::Flow),
            "use" => overview.has(ObservationKind::Use),
            "administrator" => overview.has(ObservationKind::Administrator),
            "sign-in" => has_signed_in,
            access => overview.opens(access),
        };
        let missing = source::missing(scene, need);
        if !shown || !missing.is_empty() {
            let missing = if shown { missing } else { Vec::new() };
            found.push(Unseen { claim: claim.id.clone(), need: need.clone(), missing });
        }
    }
    found
}

/// Attributes of an entity under a prefix such as `account.`: not known without any list, absent where a list that people keep
/// has none. What an export leaves out is not known: it says what it was asked.
fn listed<'e>(
    inventory: &Inventory,
    kind: EntityKind,
    entity: Option<&'e crate::inventory::Entity>,
    attribute: &str,
) -> crate::claim::Value<'e> {
    use crate::claim::Value;
    let exports = || inventory.exports(kind);
    let seen_in = |class: Option<&str>| {
        let has = |seen: &BTreeSet<String>| class.map_or(!seen.is_empty(), |class| seen.contains(class));
        let is_given = class.map_or_else(|| !exports().is_empty(), |class| exports().contains(class));
        let is_there = Truth::from(entity.is_some_and(|e| has(&e.seen_in)));
        Value::Truth(if is_given { is_there } else { Truth::Unknown })
    };
    match (attribute, entity) {
        ("registered", _) if !inventory.has_register(kind) => Value::Unknown,
        ("registered", entity) => Value::Truth(Truth::from(entity.is_some_and(|e| e.is_registered))),
        ("exported", _) => seen_in(None),
        // Whether a list says so; one that says nothing of it takes nothing out of a claim.
        ("disabled", entity) => {
            Value::Truth(Truth::from(entity.and_then(|e| e.value("enabled")) == Some("no")))
        }
        (CONTRADICTION, Some(entity)) => Value::words(entity.values(CONTRADICTION)),
        ("id", Some(entity)) => Value::word(Some(&entity.id)),
        (name, _) if name.starts_with("in_") => seen_in(name.strip_prefix("in_")),
        (name, Some(entity)) if !entity.values(name).is_empty() => Value::words(entity.values(name)),
        _ if inventory.has_register(kind) => Value::Absent,
        _ => Value::Unknown,
    }
}

/// Counts by key, in order.
fn counted<K: Ord>(keys: impl Iterator<Item = K>) -> BTreeMap<K, u64> {
    let mut counts = BTreeMap::new();
    keys.for_each(|key| *counts.entry(key).or_default() += 1);
    counts
}
