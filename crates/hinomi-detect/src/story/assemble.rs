//! From facts of detections to the story.

use std::collections::BTreeMap;

use hashbrown::{HashMap, HashSet};
use hinomi_model::Level;

use super::chance::{Chance, Watched};
use super::cluster::{Clusters, cluster, contradicts};
use super::entity::{Entity, EntityId, EntityKind, Role};
use super::incident::{Incident, Material};
use super::pairs::candidates;
use super::prevalence::Prevalence;
use super::score::{Crowd, Link, Named, Scorer};
use super::signal::{Facts, Interner, Signal};
use super::table::StoryTable;

/// Lower levels tell of an incident but do not make one.
const LEAST: Level = Level::Medium;

/// Takes detections, then tells their story.
#[derive(Debug)]
pub struct StoryBuilder<'t> {
    table: &'t StoryTable,
    interner: Interner<'t>,
    signals: Vec<Signal>,
}

/// Incidents and what they are made of.
#[derive(Debug, Default)]
pub struct Story {
    /// Incidents by first event; unknown times last.
    pub incidents: Vec<Incident>,
    /// Entities by number.
    pub entities: Vec<Entity>,
    /// Pairs of incidents that touch and were kept apart.
    pub apart: Vec<Apart>,
}

/// Two incidents that touch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Apart {
    /// Number of the earlier incident.
    pub one: usize,
    /// Number of the later one.
    pub other: usize,
    /// The strongest link that was not followed.
    pub link: Link,
}

impl<'t> StoryBuilder<'t> {
    /// An empty story with room for so many detections.
    pub fn new(table: &'t StoryTable, detections: usize) -> Self {
        Self { table, interner: Interner::default(), signals: Vec::with_capacity(detections) }
    }

    /// Adds a detection; detections are numbered from 0 in the order of their addition.
    pub fn add(&mut self, facts: &Facts<'t>) {
        let signal = self.interner.signal(facts, self.table);
        self.signals.push(signal);
    }

    /// Joins what belongs together.
    ///
    /// Rates are told from `watched`.
    pub fn tell(mut self, prevalence: &Prevalence, watched: Watched) -> Story {
        self.resolve(prevalence);
        let Self { table, interner, signals } = self;
        let entities = interner.entities;
        let crowds = crowds(&entities, &signals, prevalence);
        let mut order: Vec<usize> = (0..signals.len()).collect();
        order.sort_by_cached_key(|&at| {
            signals.get(at).map(|s| (s.first.is_none(), s.first, s.last, s.key, at))
        });
        let chance = Chance::of(&signals, &entities, &order, prevalence, watched);
        let scorer = Scorer { points: table.points, entities: &entities, crowds: &crowds, chance };
        let is_core = |at: usize| signals.get(at).is_some_and(|s| s.level >= LEAST);
        let links = scored(&scorer, &signals, &order, is_core);
        let clusters = cluster(&signals, links, &scorer);
        let weak = attach(&scorer, &signals, &order);
        let incidents = incidents(table, &signals, &entities, &clusters, &order, weak);
        let apart = apart(&incidents, clusters.refused);
        Story { incidents, entities, apart }
    }

    /// Gives each host one name, and an address that is one host's own the host's name.
    fn resolve(&mut self, prevalence: &Prevalence) {
        let full = full_names(&self.interner.entities, prevalence);
        let mut replaced: HashMap<EntityId, EntityId, foldhash::fast::RandomState> = HashMap::default();
        for id in 0..self.interner.entities.len() as EntityId {
            let Some(entity) = self.interner.entities.get(id as usize) else { continue };
            let host = match entity.kind {
                EntityKind::Host => full.get(entity.name.as_str()).cloned(),
                EntityKind::Address => {
                    let name = prevalence.host_of(entity);
                    name.map(|n| full.get(n).cloned().unwrap_or_else(|| n.to_owned()))
                }
                _ => None,
            };
            let scope = full.get(entity.scope.as_str()).cloned();
            let other = match (host, scope) {
                (Some(name), _) => Entity { kind: EntityKind::Host, scope: String::new(), name },
                (None, Some(scope)) => Entity { scope, ..entity.clone() },
                (None, None) => continue,
            };
            // Something new keeps its old number when nobody had the new name yet.
            let new = self.interner.known(&other).unwrap_or_else(|| self.interner.entity(other));
            replaced.insert(id, new);
        }
        for signal in &mut self.signals {
            for named in &mut signal.named {
                named.0 = replaced.get(&named.0).copied().unwrap_or(named.0);
            }
            let own: Vec<EntityId> = signal
                .named
                .iter()
                .filter(|n| matches!(n.1, Role::Own | Role::Observer))
                .map(|n| n.0)
                .collect();
            signal
                .named
                .retain(|n| matches!(n.1, Role::Own | Role::Observer | Role::Parent) || !own.contains(&n.0));
            signal.named.sort_unstable();
            signal.named.dedup();
        }
    }
}

/// Short names that stand for exactly one full name.
fn full_names(entities: &[Entity], prevalence: &Prevalence) -> BTreeMap<String, String> {
    let mut by_label: BTreeMap<String, Option<String>> = BTreeMap::new();
    let named = entities.iter().filter(|e| e.kind == EntityKind::Host).map(|e| e.name.as_str());
    for name in named.chain(prevalence.hosts()) {
        let Some((label, _)) = name.split_once('.') else { continue };
        if name.parse::<std::net::IpAddr>().is_ok() {
            continue;
        }
        let known = by_label.entry(label.to_owned()).or_insert_with(|| Some(name.to_owned()));
        if known.as_deref() != Some(name) {
            *known = None;
        }
    }
    by_label.into_iter().filter_map(|(label, name)| Some((label, name?))).collect()
}

fn crowds(entities: &[Entity], signals: &[Signal], prevalence: &Prevalence) -> Vec<Crowd> {
    let mut naming = vec![Named::default(); entities.len()];
    let mut places: HashSet<(EntityId, EntityId), foldhash::fast::RandomState> = HashSet::default();
    let is_host = |id: EntityId| entities.get(id as usize).is_some_and(|e| e.kind == EntityKind::Host);
    for signal in signals {
        let host = signal.named.iter().find(|n| n.1 == Role::Own && is_host(n.0));
        for &(entity, _) in &signal.named {
            if let Some(known) = naming.get_mut(entity as usize) {
                known.signals += 1;
                known.hosts += usize::from(host.is_some_and(|h| places.insert((entity, h.0))));
            }
        }
    }
    entities.iter().zip(naming).map(|(e, n)| Crowd::of(e, n, prevalence)).collect()
}

/// Links of at least the points that join.
fn scored(
    scorer: &Scorer<'_>,
    signals: &[Signal],
    order: &[usize],
    is_core: impl Fn(usize) -> bool,
) -> Vec<Link> {
    let mut links = Vec::new();
    candidates(signals, scorer.entities, order, (&is_core, &is_core), |a, b| {
        let (Some(one), Some(other)) = (signals.get(a), signals.get(b)) else { return };
        let link = scorer.link((a, one), (b, other));
        if link.points >= scorer.points.join {
            links.push(link);
        }
    });
    links
}

/// The best link of each lower signal to one that makes incidents, by the number of the lower one.
fn attach(scorer: &Scorer<'_>, signals: &[Signal], order: &[usize]) -> BTreeMap<usize, Link> {
    let is_core = |at: usize| signals.get(at).is_some_and(|s| s.level >= LEAST);
    let backwards: Vec<usize> = order.iter().rev().copied().collect();
    let mut best: BTreeMap<usize, Link> = BTreeMap::new();
    for order in [order, &backwards] {
        candidates(signals, scorer.entities, order, (is_core, |at| !is_core(at)), |core, low| {
            let (Some(strong), Some(weak)) = (signals.get(core), signals.get(low)) else { return };
            let link = scorer.link((core, strong), (low, weak));
            if link.points < scorer.points.join || contradicts(&link, strong, weak, scorer) {
                return;
            }
            let rank = |l: &Link| (l.points, std::cmp::Reverse(l.gap_ns), std::cmp::Reverse(l.a));
            if best.get(&low).is_none_or(|known| rank(known) < rank(&link)) {
                best.insert(low, link);
            }
        });
    }
    best
}

fn incidents(
    table: &StoryTable,
    signals: &[Signal],
    entities: &[Entity],
    clusters: &Clusters,
    order: &[usize],
    weak: BTreeMap<usize, Link>,
) -> Vec<Incident> {
    let mut groups: BTreeMap<usize, Material> = BTreeMap::new();
    let part = |at: usize| clusters.part.get(at).copied().unwrap_or(at);
    for &at in order {
        if signals.get(at).is_some_and(|s| s.level >= LEAST) {
            groups.entry(part(at)).or_default().core.push(at);
        }
    }
    for link in &clusters.forest {
        groups.entry(part(link.a)).or_default().links.push(link.clone());
    }
    for (_, link) in weak {
        groups.entry(part(link.a)).or_default().attached.push(link);
    }
    let mut found: Vec<Incident> =
        groups.into_values().map(|m| Incident::of(m, table, signals, entities, &clusters.firm)).collect();
    found.sort_by_key(|i| (i.first.is_none(), i.first, i.core.first().copied()));
    found
}

fn apart(incidents: &[Incident], refused: Vec<Link>) -> Vec<Apart> {
    let owner: BTreeMap<usize, usize> =
        incidents.iter().enumerate().flat_map(|(n, i)| i.core.iter().map(move |&s| (s, n))).collect();
    let mut best: BTreeMap<(usize, usize), Link> = BTreeMap::new();
    for link in refused {
        let (Some(&a), Some(&b)) = (owner.get(&link.a), owner.get(&link.b)) else { continue };
        let key = (a.min(b), a.max(b));
        // Refused links come in order of strength.
        if a != b {
            best.entry(key).or_insert(link);
        }
    }
    best.into_iter().map(|((one, other), link)| Apart { one, other, link }).collect()
}
