//! Every claim put to everything that was observed.

mod entity;
mod entry;
mod exception;
mod flow;
mod host;
mod rows;
mod source;
#[cfg(test)]
mod tests;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};

use hinomi_model::Timestamp;

use crate::claim::{Claim, Subject};
use crate::inventory::{CONTRADICTION, EntityKind, Inventory, Resolver, Sighted};
use crate::{Observation, ObservationKind, ObservationSpec, Session, Truth, sessions};

pub(crate) use exception::lacks;
pub use exception::{ExceptionProblem, ExceptionUse};
pub use source::SourceLog;
pub use verdict::{DayVerdict, Ground, Reason, Verdict};

use exception::Exceptions;
use rows::{AccountRow, Scene, SessionRow};
use verdict::Bench;

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
    /// What they observed.
    pub observations: &'m [Observation],
    /// What the organisation's lists say.
    pub inventory: &'m Inventory,
    /// Logs that were read.
    pub logs: &'m [SourceLog],
    /// The present.
    pub now: Timestamp,
    /// The zone in which days begin.
    pub local: &'m dyn Fn(Timestamp) -> Local,
}

/// What follows.
#[derive(Debug, Default)]
pub struct Assessment {
    /// Per claim and entity, in order of claims, then of what needs attention most.
    pub verdicts: Vec<Verdict>,
    /// Sign-ins as rebuilt.
    pub sessions: Vec<Session>,
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

/// Judges every claim.
pub fn assess(material: &Material<'_>) -> Assessment {
    let resolver = Resolver::new(material.inventory, sighted(material.observations, material.logs));
    let sessions = sessions(material.specs, material.observations, &resolver);
    let days = span(material);
    let scene = Scene { material, resolver: &resolver, days };
    let mut exceptions = Exceptions::of(material.inventory, material.claims, &resolver);
    let mut assessment = Assessment { days, ..Assessment::default() };
    let signed_in: Vec<SessionRow<'_>> = sessions.iter().map(|s| SessionRow::new(&scene, s)).collect();
    let accounts = AccountRow::all(&scene, &sessions);
    let hosts = host::days(&scene, &sessions);
    let sources = source::days(&scene);
    let flows = flow::all(&scene);
    let (weaknesses, grants) = (entry::weaknesses(&scene), entry::grants(&scene));
    let administrators = entry::administrators(&scene);
    let judge_all = |bench: &mut Bench<'_>, kind| {
        entity::all(&scene, kind, &hosts, &sessions).iter().for_each(|row| bench.judge(row, None, None));
    };
    for claim in material.claims {
        let mut bench = Bench::new(claim, &mut exceptions, material.now);
        match claim.of {
            Subject::Session => {
                for row in &signed_in {
                    let time = row.session().time;
                    bench.judge(row, Some(time), Some((material.local)(time).day));
                }
            }
            Subject::Account => accounts.iter().for_each(|row| bench.judge(row, row.last_seen(), None)),
            Subject::HostDay => hosts.iter().for_each(|row| bench.judge(row, row.time(), Some(row.day()))),
            Subject::Weakness => weaknesses.iter().for_each(|row| bench.judge(row, row.time(), None)),
            Subject::Administrator => {
                administrators.iter().for_each(|row| bench.judge(row, row.time(), None));
            }
            Subject::Grant => grants.iter().for_each(|row| bench.judge(row, row.time(), None)),
            Subject::Flow => flows.iter().for_each(|row| bench.judge(row, Some(row.time()), Some(row.day()))),
            Subject::Host => judge_all(&mut bench, EntityKind::Host),
            Subject::Exposure => judge_all(&mut bench, EntityKind::Exposure),
            Subject::Supplier => judge_all(&mut bench, EntityKind::Supplier),
            Subject::Copy => judge_all(&mut bench, EntityKind::Copy),
            Subject::SourceDay => {
                sources.iter().for_each(|row| bench.judge(row, None, Some(row.day())));
            }
        }
        assessment.unlisted.insert(claim.id.clone(), unlisted(claim, material.inventory));
        let unseen = unseen(&scene, claim, &sessions);
        assessment.verdicts.append(&mut bench.finish(&unseen));
        assessment.unseen.extend(unseen);
    }
    drop(signed_in);
    assessment.exceptions = exceptions.uses();
    assessment.exception_problems = exceptions.problems();
    assessment.sessions = sessions;
    assessment
}

/// Names that events state.
pub(crate) fn sighted(observations: &[Observation], logs: &[SourceLog]) -> Sighted {
    let mut sighted = Sighted::default();
    for seen in observations {
        if let Some(account) = &seen.account {
            sighted.account(account, seen.account_id.as_deref());
        }
        for host in [&seen.device, &seen.origin].into_iter().flatten() {
            sighted.host(host);
        }
        // The computer that a sign-in names as its origin had the address then.
        if let (Some(origin), Some(address)) = (&seen.origin, &seen.address) {
            sighted.address(origin, address, seen.time);
        }
    }
    logs.iter().filter(|l| !l.host.is_empty()).for_each(|l| sighted.host(&l.host));
    sighted
}

fn span(material: &Material<'_>) -> Option<(Day, Day)> {
    let seen = material.observations.iter().map(|o| (material.local)(o.time).day);
    let logged = material.logs.iter().flat_map(|l| l.days(material.local).into_keys());
    seen.chain(logged).fold(None, |span: Option<(Day, Day)>, day| match span {
        Some((first, last)) => Some((first.min(day), last.max(day))),
        None => Some((day, day)),
    })
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
fn unseen(scene: &Scene<'_>, claim: &Claim, sessions: &[Session]) -> Vec<Unseen> {
    let mut found = Vec::new();
    for need in &claim.needs {
        let material = scene.material;
        let kind = |kind| {
            material.observations.iter().any(|o| material.specs.get(o.rule).is_some_and(|s| s.kind == kind))
        };
        let shown = match need.as_str() {
            "sensor" => kind(ObservationKind::Sensor),
            "sighting" => kind(ObservationKind::Sighting) || !sessions.is_empty(),
            "flow" => kind(ObservationKind::Flow),
            "use" => kind(ObservationKind::Use),
            "administrator" => kind(ObservationKind::Administrator),
            "sign-in" => !sessions.is_empty(),
            access => sessions.iter().any(|s| s.access.name() == access),
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
