//! Detections that belong together, as entries of the report.
//!
//! The joining itself is `hinomi_detect::story`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use hinomi_detect::story::{
    Because, Entity, EntityKind, EventFacts, Facts, Incident, Link, Prevalence, SourceSeen, StageId, Story,
    StoryBuilder, StoryTable, UnseenState, Watched, unseen,
};
use hinomi_model::{Level, NANOS_PER_SECOND, Timestamp};

use super::lost::{Held, lost};
use super::model::{
    ApartEntry, DetectionEntry, EntityEntry, IncidentEntry, LinkEntry, LostEntry, ReasonEntry, SourceEntry,
    StageEntry, StepEntry, UnseenEntry,
};
use crate::attack;
use crate::scan::{Event, Subjects};

/// A detection with what the story needs of it.
pub(crate) struct Found {
    pub(crate) entry: DetectionEntry,
    /// Its events, or the first of them.
    pub(crate) events: Vec<Arc<Event>>,
    /// Tags of its rule.
    pub(crate) tags: Arc<[String]>,
    /// True when one event shows it.
    pub(crate) direct: bool,
}

/// Events per detection that the story looks at.
const MOST_EVENTS: usize = 32;

/// Tells the story of the detections, which are in order of time.
pub(super) fn incidents(
    found: &[Found],
    subjects: &Subjects,
    prevalence: &Prevalence,
    (sources, whole): (&[SourceEntry], bool),
) -> Vec<IncidentEntry> {
    let Some(table) = subjects.story() else { return Vec::new() };
    let mut builder = StoryBuilder::new(table, found.len());
    let mut told: HashMap<&[String], Told> = HashMap::new();
    for detection in found {
        let told = told.entry(&detection.tags).or_insert_with(|| Told::by(&detection.tags, table));
        builder.add(&facts(detection, told, subjects));
    }
    // Logs that are known in parts only say nothing of how long hosts were watched.
    let known = if whole { sources } else { &[] };
    let story = builder.tell(prevalence, watched(known));
    let holes: Vec<Holes> = sources.iter().map(holes).collect();
    let scene = Scene { found, table, story: &story, sources, whole, holes: &holes };
    (0..story.incidents.len()).filter_map(|n| scene.incident(n)).collect()
}

/// The stages that tags name, or else those that ATT&CK gives their techniques.
pub(crate) fn stages_of(tags: &[String], table: &StoryTable) -> Vec<StageId> {
    let stages = table.stages_of(tags.iter().filter_map(|t| t.strip_prefix("attack.")));
    if !stages.is_empty() {
        return stages;
    }
    let techniques = super::assemble::techniques(tags);
    table.stages_of(techniques.iter().flat_map(|t| attack::tactics(&t.id)))
}

/// What the tags of a rule tell.
struct Told {
    stages: Vec<StageId>,
    /// That the record of what happened was removed.
    erases: bool,
}

impl Told {
    fn by(tags: &[String], table: &StoryTable) -> Self {
        let erases = table.erases(tags.iter().filter_map(|t| t.strip_prefix("attack.")));
        Self { stages: stages_of(tags, table), erases }
    }
}

fn facts<'a>(found: &'a Found, told: &Told, subjects: &Subjects) -> Facts<'a> {
    let entry = &found.entry;
    let event = |e: &'a Arc<Event>| EventFacts {
        digest: e.digest,
        host: &e.host,
        log: &e.member.path,
        account: Some(e.account.as_str()).filter(|a| !subjects.is_shared_account(a)),
        channel: &e.channel,
        fields: &e.fields,
    };
    Facts {
        level: entry.level,
        rule: &entry.rule_id,
        stages: told.stages.clone(),
        direct: found.direct,
        // A test program's log is emptied now and then; the rules on records that matter are of level high.
        erases: entry.level >= Level::High && told.erases,
        first: entry.first_time.or(entry.time),
        last: entry.time,
        events: found.events.iter().take(MOST_EVENTS).map(event).collect(),
    }
}

/// How long hosts were watched, each by the longest of its sources.
fn watched(sources: &[SourceEntry]) -> Watched {
    let mut hosts: BTreeMap<&str, i64> = BTreeMap::new();
    for source in sources {
        let Some((first, last)) = source.first.zip(source.last) else { continue };
        let longest = hosts.entry(source.host.as_str()).or_default();
        *longest = (*longest).max(last.as_nanos().saturating_sub(first.as_nanos()));
    }
    let longest_ns = hosts.values().copied().max().unwrap_or_default();
    let all = hosts.values().fold(0_i64, |all, ns| all.saturating_add(*ns));
    Watched { longest_ns, hosts: all as f64 / longest_ns.max(1) as f64 }
}

type Holes = Vec<(Option<Timestamp>, Option<Timestamp>)>;

/// Spans in which a source is known to lack something.
fn holes(source: &SourceEntry) -> Holes {
    let gaps = source.gaps.iter().flatten().map(|g| (g.after, g.before));
    let silent = source.silent.iter().map(|s| (s.from, s.to));
    // What was before the clearing is gone.
    let cleared = source.cleared.iter().map(|c| (None, c.time));
    let jumps = source.clock_jumps.iter().map(|j| (j.to, j.from));
    gaps.chain(silent).chain(cleared).chain(jumps).collect()
}

struct Scene<'a> {
    found: &'a [Found],
    table: &'a StoryTable,
    story: &'a Story,
    sources: &'a [SourceEntry],
    /// All that the sources sent is known.
    whole: bool,
    holes: &'a [Holes],
}

impl Scene<'_> {
    fn id(&self, signal: usize) -> String {
        self.found.get(signal).map(|f| f.entry.id.clone()).unwrap_or_default()
    }

    fn ids(&self, signals: &[usize]) -> Vec<String> {
        signals.iter().map(|&s| self.id(s)).collect()
    }

    fn incident(&self, number: usize) -> Option<IncidentEntry> {
        let incident = self.story.incidents.get(number)?;
        let core: Vec<&DetectionEntry> =
            incident.core.iter().filter_map(|&s| self.found.get(s)).map(|f| &f.entry).collect();
        let names = |pick: fn(&DetectionEntry) -> &String| -> Vec<String> {
            let set: BTreeSet<&String> = core.iter().map(|d| pick(d)).filter(|n| !n.is_empty()).collect();
            set.into_iter().cloned().collect()
        };
        let techniques: BTreeSet<_> = core.iter().flat_map(|d| d.techniques.iter().cloned()).collect();
        let hosts = names(|d| &d.host);
        Some(IncidentEntry {
            id: core.first()?.id.clone(),
            level: core.iter().map(|d| d.level).max()?,
            first: incident.first,
            last: incident.last,
            accounts: names(|d| &d.account),
            techniques: techniques.into_iter().collect(),
            detections: self.ids(&incident.core),
            rules: core.iter().map(|d| &d.rule_id).collect::<BTreeSet<_>>().len() as u64,
            severity: incident.judgement.severity,
            severity_reason: incident.judgement.reason,
            stages: self.stages(incident),
            steps: self.steps(incident),
            weak_signals: self.ids(&incident.weak_before),
            context: self.ids(&incident.context),
            entities: self.entities(incident),
            links: incident.links.iter().chain(&incident.attached).map(|l| self.link(l)).collect(),
            parts: incident.firm_parts as u64,
            apart: self.apart(number),
            unseen: self.unseen(incident, &hosts),
            lost_records: self.lost(incident),
            hosts,
        })
    }

    fn lost(&self, incident: &Incident) -> Vec<LostEntry> {
        let all = incident.core.iter().chain(&incident.weak_before).chain(&incident.context);
        let held = Held { sources: self.sources, whole: self.whole, since: incident.first };
        lost(all.filter_map(|&signal| self.found.get(signal)), self.table, held)
    }

    fn stage_id(&self, stage: u8) -> String {
        self.table.stage(stage).map(|s| s.id.clone()).unwrap_or_default()
    }

    fn stages(&self, incident: &Incident) -> Vec<StageEntry> {
        let entry = |s: &hinomi_detect::story::StageSeen| StageEntry {
            stage: self.stage_id(s.stage),
            first: s.first,
            certainty: s.certainty.name(),
        };
        incident.stages.iter().map(entry).collect()
    }

    fn steps(&self, incident: &Incident) -> Vec<StepEntry> {
        let time = |s: &usize, first: bool| {
            let entry = &self.found.get(*s)?.entry;
            if first { entry.first_time.or(entry.time) } else { entry.time }
        };
        let entry = |s: &hinomi_detect::story::Step| StepEntry {
            first: s.signals.iter().filter_map(|s| time(s, true)).min(),
            last: s.signals.iter().filter_map(|s| time(s, false)).max(),
            detections: self.ids(&s.signals),
            stages: s.stages.iter().map(|&s| self.stage_id(s)).collect(),
            certainty: s.certainty.name(),
            why: s.why.iter().map(|w| w.name()).collect(),
            weak: s.weak,
        };
        incident.steps.iter().map(entry).collect()
    }

    fn entity(&self, id: hinomi_detect::story::EntityId) -> Option<&Entity> {
        self.story.entities.get(id as usize)
    }

    fn entities(&self, incident: &Incident) -> Vec<EntityEntry> {
        let telling = [EntityKind::Host, EntityKind::Account, EntityKind::Address, EntityKind::File];
        let named = |id| {
            if incident.clients.contains(&id) { CLIENT } else { self.entity(id).map_or("", |e| kind(e.kind)) }
        };
        let shown = incident.entities.iter().filter_map(|(id, n)| Some((self.entity(*id)?, named(*id), *n)));
        let shown = shown.filter(|(e, ..)| telling.contains(&e.kind)).take(MOST_ENTITIES);
        shown.map(|(e, kind, n)| EntityEntry { kind, name: e.name.clone(), detections: n }).collect()
    }

    fn link(&self, link: &Link) -> LinkEntry {
        LinkEntry {
            a: self.id(link.a),
            b: self.id(link.b),
            points: link.points,
            gap_seconds: link.gap_ns.map(|ns| ns / NANOS_PER_SECOND),
            seam: link.seam,
            reasons: self.reasons(&link.because),
        }
    }

    fn reasons(&self, because: &[Because]) -> Vec<ReasonEntry> {
        let entry = |b: &Because| {
            let entity = b.entity.and_then(|e| self.entity(e));
            let named = entity.filter(|e| e.kind != EntityKind::Event);
            ReasonEntry {
                reason: b.reason.name(),
                entity_kind: entity.map_or("", |e| kind(e.kind)),
                entity: named.map(|e| e.name.clone()).unwrap_or_default(),
                points: b.points,
                shared_by: b.shared_by,
                one_in: b.one_in,
            }
        };
        because.iter().map(entry).collect()
    }

    fn apart(&self, number: usize) -> Vec<ApartEntry> {
        let touching = self.story.apart.iter().filter(|a| a.one == number || a.other == number);
        let entry = |a: &hinomi_detect::story::Apart| {
            let other = if a.one == number { a.other } else { a.one };
            let first = self.story.incidents.get(other)?.core.first()?;
            Some(ApartEntry { incident: self.id(*first), link: self.link(&a.link) })
        };
        touching.filter_map(entry).take(MOST_APART).collect()
    }

    fn unseen(&self, incident: &Incident, hosts: &[String]) -> Vec<UnseenEntry> {
        let seen: Vec<u8> = incident.stages.iter().map(|s| s.stage).collect();
        let sources: Vec<SourceSeen<'_>> = self
            .sources
            .iter()
            .zip(self.holes)
            .map(|(s, holes)| SourceSeen {
                host: &s.host,
                channel: &s.channel,
                kind: &s.kind,
                first: s.first,
                last: s.last,
                holes,
            })
            .collect();
        let found = unseen(self.table, &seen, hosts, (incident.first, incident.last), &sources);
        let mut folded: BTreeMap<(u8, usize, UnseenState), Vec<String>> = BTreeMap::new();
        for u in found {
            let hosts = folded.entry((u.stage, u.settled_by, u.state)).or_default();
            if !u.host.is_empty() {
                hosts.push(u.host);
            }
        }
        let entry = |((stage, settled_by, state), hosts): ((u8, usize, UnseenState), Vec<String>)| {
            let log = self.table.stage(stage)?.settled_by.get(settled_by)?;
            let texts =
                |t: &hinomi_detect::story::Text| BTreeMap::from([("en", t.en.clone()), ("ja", t.ja.clone())]);
            Some(UnseenEntry {
                stage: self.stage_id(stage),
                state: state.name(),
                hosts,
                log: texts(&log.log),
                shows: texts(&log.shows),
            })
        };
        folded.into_iter().filter_map(entry).collect()
    }
}

/// Entities and neighbouring incidents listed per incident.
const MOST_ENTITIES: usize = 60;
const MOST_APART: usize = 20;
/// A host that is named only as where something came from.
const CLIENT: &str = "client";

fn kind(kind: EntityKind) -> &'static str {
    match kind {
        EntityKind::Host => "host",
        EntityKind::Account => "account",
        EntityKind::Address => "address",
        EntityKind::Process => "process",
        EntityKind::ProcessNumber => "process-number",
        EntityKind::Logon => "logon",
        EntityKind::LogonTicket => "logon-ticket",
        EntityKind::File => "file",
        EntityKind::Event => "event",
    }
}
