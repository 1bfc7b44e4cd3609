//! What is said of an incident: its steps, how certain they are, its stages and its severity.

use std::collections::{BTreeMap, BTreeSet};

use hinomi_model::{Digest, Level, Timestamp};

use super::entity::{Entity, EntityId, EntityKind, Role};
use super::score::Link;
use super::signal::Signal;
use super::table::{StageId, StoryTable};

/// Signals that belong together.
#[derive(Debug, Clone)]
pub struct Incident {
    /// Signals of at least medium level, by time.
    pub core: Vec<usize>,
    /// Lower signals before the first one of high level (or before all, when there is none), by time.
    pub weak_before: Vec<usize>,
    /// Other lower signals, by time.
    pub context: Vec<usize>,
    /// Why the core belongs together: a spanning forest.
    pub links: Vec<Link>,
    /// Why each lower signal belongs to it.
    pub attached: Vec<Link>,
    /// How grave it is, and why.
    pub judgement: Judgement,
    /// Steps by first time.
    pub steps: Vec<Step>,
    /// Stages in their order.
    pub stages: Vec<StageSeen>,
    /// First event of the core.
    pub first: Option<Timestamp>,
    /// Last event of the core.
    pub last: Option<Timestamp>,
    /// Entities with the number of signals that name them, most first; without events.
    pub entities: Vec<(EntityId, u64)>,
    /// Hosts that are named only as where something came from: clients, of which nothing says that they were touched.
    pub clients: BTreeSet<EntityId>,
    /// Parts that decisive reasons hold together.
    pub firm_parts: usize,
}

/// How certain a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// Cited events state it, and nothing about it is inferred.
    Confirmed,
    /// Inferred from what cited events state.
    Estimated,
    /// No source that would show it was there.
    Unknown,
}

impl Certainty {
    /// Name in data.
    pub fn name(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Estimated => "estimated",
            Self::Unknown => "unknown",
        }
    }
}

/// Why a step is no more certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WhyCertain {
    /// It counts a pattern over several events.
    Pattern,
    /// A single kind of signal below high level says it.
    Alone,
    /// No time is stated.
    NoTime,
    /// Neither host nor account is stated.
    Nowhere,
    /// Only circumstances (host, time) tie it to the incident.
    Circumstance,
}

impl WhyCertain {
    /// Name in data.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pattern => "pattern",
            Self::Alone => "alone",
            Self::NoTime => "no-time",
            Self::Nowhere => "nowhere",
            Self::Circumstance => "circumstance",
        }
    }
}

/// Signals of one rule on one host under one account.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its signals by time.
    pub signals: Vec<usize>,
    /// Stages of its rule.
    pub stages: Vec<StageId>,
    /// How certain.
    pub certainty: Certainty,
    /// Why not more certain.
    pub why: Vec<WhyCertain>,
    /// True for lower signals.
    pub weak: bool,
}

/// A stage that some step shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StageSeen {
    /// The stage.
    pub stage: StageId,
    /// First time.
    pub first: Option<Timestamp>,
    /// The best certainty of its steps.
    pub certainty: Certainty,
}

/// How grave an incident is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// Severity.
    pub severity: Level,
    /// Which rule of [`Judgement::of`] decided.
    pub reason: &'static str,
    /// Different rules of the core.
    pub rules: usize,
    /// Different stages of the core.
    pub stages: usize,
}

/// What an incident is made from.
#[derive(Debug, Default)]
pub(super) struct Material {
    pub(super) core: Vec<usize>,
    pub(super) links: Vec<Link>,
    pub(super) attached: Vec<Link>,
}

impl Incident {
    pub(super) fn of(
        material: Material,
        table: &StoryTable,
        signals: &[Signal],
        entities: &[Entity],
        firm: &[usize],
    ) -> Self {
        let Material { core, links, attached } = material;
        let of = |at: &usize| signals.get(*at);
        let judgement = Judgement::of(&core, signals, firm);
        let first = core.iter().filter_map(of).filter_map(|s| s.first).min();
        let last = core.iter().filter_map(of).filter_map(|s| s.last).max();
        let strong =
            core.iter().filter_map(of).filter(|s| s.level >= Level::High).filter_map(|s| s.first).min();
        let mut lower: Vec<usize> = attached.iter().map(|l| l.b).collect();
        lower.sort_by_key(|at| of(at).map(|s| (s.first.is_none(), s.first, *at)));
        let before = |at: &usize| {
            let time = of(at).and_then(|s| s.first);
            matches!((time, strong.or(first)), (Some(t), Some(s)) if t < s)
        };
        let (weak_before, context): (Vec<usize>, Vec<usize>) = lower.into_iter().partition(before);
        let steps = steps(&core, &weak_before, &context, signals, entities, firm);
        Self {
            stages: stages(table, &steps, signals),
            entities: counted(core.iter().chain(&weak_before).chain(&context), signals, entities),
            clients: clients(core.iter().chain(&weak_before).chain(&context), signals, entities),
            firm_parts: core.iter().filter_map(|at| firm.get(*at)).collect::<BTreeSet<_>>().len(),
            core,
            weak_before,
            context,
            links,
            attached,
            judgement,
            steps,
            first,
            last,
        }
    }
}

impl Judgement {
    /// A single rule, however loud, is one opinion; two rules on the same event are, too. High needs a story: stages that
    /// different events show and that something decisive ties together, or three high rules of three stages on
    /// circumstance alone.
    fn of(core: &[usize], signals: &[Signal], firm: &[usize]) -> Self {
        let all: Vec<&Signal> = core.iter().filter_map(|at| signals.get(*at)).collect();
        let rules = |s: &[&Signal]| s.iter().map(|s| s.rule).collect::<BTreeSet<_>>().len();
        let stages = |s: &[&Signal]| s.iter().flat_map(|s| &s.stages).collect::<BTreeSet<_>>().len();
        let events = |s: &[&Signal]| s.iter().map(|s| s.key).collect::<BTreeSet<_>>().len();
        let highest = all.iter().map(|s| s.level).max().unwrap_or(Level::Medium);
        let mut parts: BTreeMap<usize, Vec<&Signal>> = BTreeMap::new();
        for at in core {
            if let (Some(part), Some(signal)) = (firm.get(*at), signals.get(*at)) {
                parts.entry(*part).or_default().push(signal);
            }
        }
        let story = |s: &Vec<&Signal>| {
            let loud = s.iter().any(|s| s.level >= Level::High);
            loud && rules(s) >= 2 && stages(s) >= 2 && events(s) >= 2
        };
        let loud: Vec<&Signal> = all.iter().copied().filter(|s| s.level >= Level::High).collect();
        let (severity, reason) = if parts.values().any(story) {
            (highest.max(Level::High), "story")
        } else if highest == Level::Critical {
            (Level::High, "critical-rule")
        } else if rules(&loud) >= 3 && stages(&loud) >= 3 {
            (Level::High, "many-loud")
        } else if rules(&all) >= 2 {
            (Level::Medium, "circumstance")
        } else {
            (Level::Medium, "one-rule")
        };
        Self { severity, reason, rules: rules(&all), stages: stages(&all) }
    }
}

type StepKey = (u32, Option<EntityId>, Option<EntityId>, bool);

fn steps(
    core: &[usize],
    weak_before: &[usize],
    context: &[usize],
    signals: &[Signal],
    entities: &[Entity],
    firm: &[usize],
) -> Vec<Step> {
    let kind = |id: EntityId| entities.get(id as usize).map(|e| e.kind);
    let own = |s: &Signal, wanted: EntityKind| {
        let is =
            |n: &&(EntityId, Role)| matches!(n.1, Role::Own | Role::Observer) && kind(n.0) == Some(wanted);
        s.named.iter().find(is).map(|n| n.0)
    };
    let mut groups: BTreeMap<StepKey, Vec<usize>> = BTreeMap::new();
    let lower = weak_before.iter().chain(context).map(|at| (at, true));
    for (at, weak) in core.iter().map(|at| (at, false)).chain(lower) {
        let Some(signal) = signals.get(*at) else { continue };
        let key = (signal.rule, own(signal, EntityKind::Host), own(signal, EntityKind::Account), weak);
        groups.entry(key).or_default().push(*at);
    }
    let parts = core.iter().filter_map(|at| firm.get(*at)).collect::<BTreeSet<_>>().len();
    let scene = Scene { opinions: opinions(core, signals, firm), signals, firm, parts };
    let mut found: Vec<Step> = groups
        .into_iter()
        .map(|((_, host, account, weak), at)| scene.step(at, host.is_none() && account.is_none(), weak))
        .collect();
    let time = |s: &Step| s.signals.first().and_then(|at| signals.get(*at)).and_then(|s| s.first);
    found.sort_by_key(|s| (time(s).is_none(), time(s), s.weak, s.signals.first().copied()));
    found
}

/// What a step is judged by.
struct Scene<'a> {
    /// Of each firm part, a few different (rule, event).
    opinions: BTreeMap<usize, Vec<(u32, Digest)>>,
    signals: &'a [Signal],
    firm: &'a [usize],
    parts: usize,
}

impl Scene<'_> {
    fn step(&self, mut at: Vec<usize>, nowhere: bool, weak: bool) -> Step {
        at.sort_by_key(|at| self.signals.get(*at).map(|s| (s.first.is_none(), s.first, *at)));
        let all: Vec<&Signal> = at.iter().filter_map(|at| self.signals.get(*at)).collect();
        let mut why = Vec::new();
        if !all.iter().any(|s| s.direct) {
            why.push(WhyCertain::Pattern);
        }
        let loud = all.iter().any(|s| s.level >= Level::High);
        if weak || (!loud && !at.iter().any(|at| self.corroborated(*at))) {
            why.push(WhyCertain::Alone);
        }
        if all.iter().all(|s| s.first.is_none()) {
            why.push(WhyCertain::NoTime);
        }
        if nowhere {
            why.push(WhyCertain::Nowhere);
        }
        if !weak && self.parts > 1 && !at.iter().any(|at| self.corroborated(*at)) {
            why.push(WhyCertain::Circumstance);
        }
        let stages: BTreeSet<StageId> = all.iter().flat_map(|s| s.stages.iter().copied()).collect();
        let certainty = if why.is_empty() { Certainty::Confirmed } else { Certainty::Estimated };
        Step { signals: at, stages: stages.into_iter().collect(), certainty, why, weak }
    }

    /// Whether another rule on another event of the same firm part agrees.
    fn corroborated(&self, at: usize) -> bool {
        let (Some(own), Some(part)) = (self.signals.get(at), self.firm.get(at)) else { return false };
        let opinions = self.opinions.get(part).into_iter().flatten();
        opinions.into_iter().any(|(rule, event)| *rule != own.rule && *event != own.key)
    }
}

/// Rules kept per firm part, and events kept per rule: enough to find one that differs in both.
const MOST_OPINIONS: usize = 32;

fn opinions(core: &[usize], signals: &[Signal], firm: &[usize]) -> BTreeMap<usize, Vec<(u32, Digest)>> {
    let mut found: BTreeMap<usize, Vec<(u32, Digest)>> = BTreeMap::new();
    for at in core {
        let (Some(signal), Some(part)) = (signals.get(*at), firm.get(*at)) else { continue };
        let known = found.entry(*part).or_default();
        let of_rule = known.iter().filter(|o| o.0 == signal.rule);
        let is_new = of_rule.clone().all(|o| o.1 != signal.key);
        if known.len() < MOST_OPINIONS && of_rule.count() < 2 && is_new {
            known.push((signal.rule, signal.key));
        }
    }
    found
}

fn stages(table: &StoryTable, steps: &[Step], signals: &[Signal]) -> Vec<StageSeen> {
    let count = StageId::try_from(table.stages().len()).unwrap_or(StageId::MAX);
    let seen = |stage: StageId| {
        let showing: Vec<&Step> = steps.iter().filter(|s| s.stages.contains(&stage)).collect();
        let first = |s: &&Step| s.signals.first().and_then(|at| signals.get(*at)).and_then(|s| s.first);
        Some(StageSeen {
            stage,
            first: showing.iter().filter_map(first).min(),
            certainty: showing.iter().map(|s| s.certainty).min()?,
        })
    };
    (0..count).filter_map(seen).collect()
}

fn clients<'a>(
    at: impl Iterator<Item = &'a usize>,
    signals: &[Signal],
    entities: &[Entity],
) -> BTreeSet<EntityId> {
    let mut named: BTreeMap<EntityId, bool> = BTreeMap::new();
    for (id, role) in at.filter_map(|at| signals.get(*at)).flat_map(|signal| &signal.named) {
        *named.entry(*id).or_insert(true) &= *role == Role::Source;
    }
    let is_host = |id: EntityId| entities.get(id as usize).is_some_and(|e| e.kind == EntityKind::Host);
    named.into_iter().filter(|(id, only)| *only && is_host(*id)).map(|(id, _)| id).collect()
}

fn counted<'a>(
    at: impl Iterator<Item = &'a usize>,
    signals: &[Signal],
    entities: &[Entity],
) -> Vec<(EntityId, u64)> {
    let mut counts: BTreeMap<EntityId, u64> = BTreeMap::new();
    for signal in at.filter_map(|at| signals.get(*at)) {
        let mut ids: Vec<EntityId> = signal.named.iter().map(|n| n.0).collect();
        ids.dedup();
        ids.into_iter().for_each(|id| *counts.entry(id).or_default() += 1);
    }
    let event = |id: EntityId| entities.get(id as usize).is_none_or(|e| e.kind == EntityKind::Event);
    let mut found: Vec<(EntityId, u64)> = counts.into_iter().filter(|(id, _)| !event(*id)).collect();
    found.sort_by_key(|(id, n)| (std::cmp::Reverse(*n), *id));
    found
}
