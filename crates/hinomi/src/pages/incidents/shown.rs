//! Incidents in the form of the contract.

use std::collections::{BTreeMap, BTreeSet};

use hinomi_detect::story::StoryTable;
use hinomi_ledger::Leaf;
use hinomi_ledger::completeness::{CLOCK_SOURCE, Day, Finding, What};
use hinomi_model::Level;
use serde::Serialize;

use super::linked::leaf_of;
use super::mask::Mask;
use super::told::Story;
use super::worked::{Brief, Details};
use crate::args::Lang;
use crate::casework::State;
use crate::clock;
use crate::document::{Budget, Claims, Document, LostDoc, Settings, build};
use crate::pages::evidence::Evidence;
use crate::pages::{Asked, Refused, Text, page, time};
use crate::render::calendar::{findings, sentence};
use crate::report::{
    DetectionEntry, EntityEntry, IncidentEntry, LedgerEntry, LinkEntry, LostEntry, Program, Report,
    SCHEMA_VERSION, StageEntry, StepEntry, Summary, Technique,
};

/// Steps and links of an incident that are shown, and detections of a step that its sentence looks at.
const MOST_STEPS: usize = 500;
const MOST_LINKS: usize = 2_000;
const MOST_OF_STEP: usize = 100;
/// Steps that the sentence above an incident is made of.
const HEADLINE_STEPS: usize = 60;
/// Gaps and next steps that are listed, and blocks whose sources are looked up.
const MOST_GAPS: usize = 200;
const MOST_NEXT: usize = 8;
const MOST_CITED: usize = 500;
/// Detections of a page unless asked for, and at most.
const USUAL: usize = 1_000;
const MOST: usize = 5_000;

/// A page of incidents.
#[derive(Debug, Serialize)]
pub(in crate::pages) struct Incidents {
    items: Vec<IncidentRow>,
    next: Option<String>,
}

/// An incident in a list.
#[derive(Debug, Serialize)]
pub(in crate::pages) struct IncidentRow {
    pub(in crate::pages) id: String,
    pub(in crate::pages) headline: Text,
    level: Level,
    pub(in crate::pages) severity: Level,
    severity_reason: &'static str,
    pub(in crate::pages) first: Option<String>,
    last: Option<String>,
    hosts: Vec<String>,
    accounts: Vec<String>,
    detections: u64,
    stages: Vec<StageRow>,
    state: &'static str,
    assignee: Option<String>,
    next_due: Option<String>,
    grown: bool,
    unseen: u64,
}

#[derive(Debug, Serialize)]
struct StageRow {
    stage: String,
    first: Option<String>,
    certainty: &'static str,
}

/// An incident.
#[derive(Debug, Serialize)]
pub(in crate::pages) struct Incident {
    #[serde(flatten)]
    row: IncidentRow,
    techniques: Vec<Technique>,
    rules: u64,
    steps: Vec<StepRow>,
    entities: Vec<EntityEntry>,
    links: Vec<LinkRow>,
    parts: u64,
    weak_signals: u64,
    unseen_stages: Vec<UnseenRow>,
    gaps: Vec<GapRow>,
    next_steps: Vec<Fact>,
    #[serde(flatten)]
    details: Details,
    names: &'static str,
}

#[derive(Debug, Serialize)]
struct StepRow {
    first: Option<String>,
    last: Option<String>,
    text: Text,
    detections: Vec<String>,
    stages: Vec<String>,
    certainty: &'static str,
    why: Vec<Text>,
    weak: bool,
    hosts: Vec<String>,
    accounts: Vec<String>,
}

#[derive(Debug, Serialize)]
struct LinkRow {
    a: String,
    b: String,
    points: u32,
    gap_seconds: Option<i64>,
    seam: bool,
    reasons: Vec<ReasonRow>,
}

#[derive(Debug, Serialize)]
struct ReasonRow {
    reason: &'static str,
    entity_kind: &'static str,
    entity: String,
    points: u32,
    shared_by: Option<u32>,
    one_in: Option<u32>,
}

#[derive(Debug, Serialize)]
struct UnseenRow {
    stage: String,
    state: &'static str,
    hosts: Vec<String>,
    log: Text,
    shows: Text,
}

#[derive(Debug, Serialize)]
struct GapRow {
    host: String,
    channel: String,
    kind: &'static str,
    from: Option<String>,
    to: Option<String>,
    missing: Option<u64>,
    text: Text,
}

/// A sentence and where it comes from.
#[derive(Debug, Serialize)]
pub(in crate::pages) struct Fact {
    pub(in crate::pages) text: Text,
    pub(in crate::pages) link: Option<String>,
    pub(in crate::pages) evidence: Vec<String>,
}

/// A page of detections.
#[derive(Debug, Serialize)]
pub(in crate::pages) struct Detections {
    items: Vec<DetectionRow>,
    total: u64,
    next: Option<String>,
}

#[derive(Debug, Serialize)]
struct DetectionRow {
    id: String,
    time: Option<String>,
    first_time: Option<String>,
    rule_id: String,
    title: Text,
    author: String,
    license: String,
    level: Level,
    host: String,
    account: String,
    channel: String,
    stages: Vec<String>,
    certainty: &'static str,
    weak: bool,
    late: bool,
    techniques: Vec<Technique>,
    other_explanations: Option<Text>,
    fields: BTreeMap<String, String>,
    evidence: Vec<EvidenceRow>,
    more_evidence: u64,
}

#[derive(Debug, Serialize)]
struct EvidenceRow {
    reference: String,
    place: String,
    time: Option<String>,
}

/// Shows one incident of a story to whoever asks.
pub(in crate::pages) struct Scene<'a> {
    story: &'a Story,
    table: &'a StoryTable,
    incident: &'a IncidentEntry,
    mask: Mask<'a>,
    zone: String,
    /// Channels and kinds of logs that the sources have sent, as far as that is known.
    kinds: &'a Kinds,
}

/// What is known of the ledger behind a story: kinds of records that its sources sent, and what it is.
#[derive(Clone, Debug, Default)]
pub(in crate::pages) struct Kinds {
    pub(in crate::pages) names: BTreeSet<String>,
    /// That is all of them.
    pub(in crate::pages) whole: bool,
    /// The ledger that detections cite.
    ledger: Option<LedgerEntry>,
    /// What people did, by the id of the incident.
    pub(in crate::pages) work: BTreeMap<String, Brief>,
}

impl Kinds {
    /// What people did about an incident.
    pub(in crate::pages) fn work(&self, id: &str) -> Brief {
        self.work.get(id).cloned().unwrap_or_default()
    }
}

impl<'a> Scene<'a> {
    pub(in crate::pages) fn new(
        story: &'a Story,
        incident: &'a IncidentEntry,
        asked: &Asked<'a>,
        kinds: &'a Kinds,
    ) -> Result<Self, Refused> {
        let table = story.subjects.story().ok_or(Refused::NotAvailable("there is no table of stages"))?;
        let all = incident.detections.iter().chain(&incident.weak_signals).chain(&incident.context);
        let all = all.filter_map(|id| story.detections.get(id));
        let mask = Mask::new((asked.names, &incident.id), &story.subjects, all);
        Ok(Self { story, table, incident, mask, zone: asked.zone()?, kinds })
    }

    /// Documents of masked detections are made into sentences.
    fn document(&self, steps: Vec<StepEntry>, most: usize) -> Document {
        self.told(steps, most, ("en", HEADLINE_STEPS))
    }

    /// All of it that is shown, for a file.
    pub(in crate::pages) fn exported(&self, lang: &str) -> Document {
        let steps = self.incident.steps.iter().take(MOST_STEPS).cloned().collect();
        self.told(steps, MOST_OF_STEP, (lang, MOST_STEPS))
    }

    pub(in crate::pages) fn table(&self) -> &'a StoryTable {
        self.table
    }

    /// Whether every name is shown.
    pub(in crate::pages) fn shows_all(&self) -> bool {
        self.mask.shows(&self.incident.accounts)
    }

    fn told(&self, steps: Vec<StepEntry>, most: usize, (lang, shown): (&str, usize)) -> Document {
        let mut detections = Vec::new();
        let steps: Vec<StepEntry> = steps
            .into_iter()
            .map(|mut step| {
                let left_out = step.detections.len().saturating_sub(most);
                // The first ones and the last, which states the end.
                if left_out > 0 {
                    step.detections.drain(most - 1..step.detections.len() - 1);
                }
                let of = step.detections.iter().filter_map(|id| self.story.detections.get(id));
                let from = detections.len();
                detections.extend(of.map(|detection| self.mask.detection(detection)));
                if let Some(first) = detections.get_mut(from) {
                    first.more_evidence += left_out as u64;
                }
                step
            })
            .collect();
        let lost_records = self.lost();
        let incident = IncidentEntry { steps, links: Vec::new(), lost_records, ..self.incident.clone() };
        let report = report(incident, detections, self.kinds.ledger.clone());
        let settings = Settings {
            lang: lang.to_owned(),
            zone: self.zone.clone(),
            format: None,
            hosts: Vec::new(),
            since: None,
            until: None,
        };
        let budget = Budget { incidents: 1, steps: shown, citations: 10_000, sources: 1 };
        build(&report, settings, clock::now(), self.story.subjects.details(), self.table, budget)
    }

    /// Records that its detections say are missing.
    fn lost(&self) -> Vec<LostEntry> {
        let masked = |lost: &LostEntry| LostEntry { host: self.mask.text(&lost.host), ..lost.clone() };
        self.incident.lost_records.iter().map(masked).collect()
    }

    /// The same as gaps.
    fn lost_gaps(&self) -> Vec<GapRow> {
        // A document has no incident without a step.
        let document = self.document(self.incident.steps.iter().take(1).cloned().collect(), 2);
        let claims = Claims::new(&document, self.table);
        let row = |lost: &LostDoc| {
            let said = claims.lost(lost);
            GapRow {
                host: lost.host.clone(),
                channel: lost.channel.clone(),
                kind: if lost.lost == "emptied" { "cleared" } else { "stopped" },
                from: lost.from.map(time),
                to: lost.to.map(time),
                missing: None,
                text: Text::new(said.en, said.ja),
            }
        };
        document.incidents.iter().flat_map(|of| &of.lost_records).map(row).collect()
    }

    fn headline(&self) -> Text {
        let core = || self.incident.steps.iter().filter(|step| !step.weak);
        // The document folds neighbouring steps of one rule; the page lists, and counts, each.
        let confirmed_of = (core().filter(|step| step.certainty == "confirmed").count(), core().count());
        let document = self.document(core().take(HEADLINE_STEPS).cloned().collect(), 2);
        let claims = Claims::new(&document, self.table);
        let said = document.incidents.first().map(|of| claims.zoned_headline(of, confirmed_of));
        said.map(|said| Text::new(said.en, said.ja)).unwrap_or_default()
    }

    fn accounts(&self, names: &[String]) -> Vec<String> {
        let shown: BTreeSet<String> = names.iter().map(|name| self.mask.account(name)).collect();
        shown.into_iter().collect()
    }

    fn row(&self) -> IncidentRow {
        let incident = self.incident;
        let work = self.kinds.work(&incident.id);
        IncidentRow {
            id: incident.id.clone(),
            headline: self.headline(),
            level: incident.level,
            severity: incident.severity,
            severity_reason: incident.severity_reason,
            first: incident.first.map(time),
            last: incident.last.map(time),
            hosts: incident.hosts.iter().map(|host| self.mask.text(host)).collect(),
            accounts: self.accounts(&incident.accounts),
            detections: self.all().count() as u64,
            stages: incident.stages.iter().map(stage_row).collect(),
            state: work.state.name(),
            assignee: work.assignee,
            next_due: work.next_due,
            grown: work.grown,
            unseen: self.unseen().len() as u64,
        }
    }

    fn all(&self) -> impl Iterator<Item = &'a String> {
        let incident = self.incident;
        incident.detections.iter().chain(&incident.weak_signals).chain(&incident.context)
    }

    fn step(&self, step: &StepEntry) -> StepRow {
        let document = self.document(vec![step.clone()], MOST_OF_STEP);
        let claims = Claims::new(&document, self.table);
        let told = document.incidents.first().and_then(|of| of.steps.first());
        let said = told.map(|of| claims.step(of));
        let detections = || step.detections.iter().filter_map(|id| self.story.detections.get(id));
        let hosts: BTreeSet<String> =
            detections().filter(|d| !d.host.is_empty()).map(|d| self.mask.text(&d.host)).collect();
        let accounts: Vec<String> =
            detections().filter(|d| !d.account.is_empty()).map(|d| d.account.clone()).collect();
        let why = step.why.iter().filter_map(|name| told.map(|of| claims.why(of, name)));
        StepRow {
            first: step.first.map(time),
            last: step.last.map(time),
            text: said.map(|said| Text::new(said.en, said.ja)).unwrap_or_default(),
            detections: step.detections.clone(),
            stages: step.stages.clone(),
            certainty: step.certainty,
            why: why.map(|said| Text::new(said.en, said.ja)).collect(),
            weak: step.weak,
            hosts: hosts.into_iter().collect(),
            accounts: self.accounts(&accounts),
        }
    }

    fn entity(&self, kind: &str, name: &str) -> String {
        if kind == "account" { self.mask.account(name) } else { self.mask.text(name) }
    }

    fn link(&self, link: &LinkEntry) -> LinkRow {
        let reason = |reason: &crate::report::ReasonEntry| ReasonRow {
            reason: reason.reason,
            entity_kind: reason.entity_kind,
            entity: self.entity(reason.entity_kind, &reason.entity),
            points: reason.points,
            shared_by: reason.shared_by,
            one_in: reason.one_in,
        };
        LinkRow {
            a: link.a.clone(),
            b: link.b.clone(),
            points: link.points,
            gap_seconds: link.gap_seconds.map(|seconds| seconds.max(0)),
            seam: link.seam,
            reasons: link.reasons.iter().map(reason).collect(),
        }
    }

    fn links(&self) -> Vec<LinkRow> {
        let mut links: Vec<&LinkEntry> = self.incident.links.iter().collect();
        links.sort_by_key(|link| (!link.seam, std::cmp::Reverse(link.points)));
        links.into_iter().take(MOST_LINKS).map(|link| self.link(link)).collect()
    }

    /// Stages that no step shows. That a log was there for the whole time is more than is known here, so that nothing is
    /// said to have left no trace.
    fn unseen(&self) -> Vec<UnseenRow> {
        let seen = |id: &str| self.incident.stages.iter().any(|stage| stage.stage == id);
        let stages = self.table.stages().iter().filter(|stage| !seen(&stage.id));
        let logs = stages.flat_map(|stage| stage.settled_by.iter().map(move |log| (stage, log)));
        let sent = |log: &hinomi_detect::story::Settles| {
            self.kinds.names.iter().any(|name| names_of(name).any(|name| log.is_told_by(name)))
        };
        let row = |(stage, log): (&hinomi_detect::story::Stage, &hinomi_detect::story::Settles)| UnseenRow {
            stage: stage.id.clone(),
            state: if sent(log) || !self.kinds.whole { "partly" } else { "no-log" },
            hosts: Vec::new(),
            log: Text::new(&log.log.en, &log.log.ja),
            shows: Text::new(&log.shows.en, &log.shows.ja),
        };
        logs.map(row).collect()
    }

    fn detection(&self, detection: &DetectionEntry) -> DetectionRow {
        let holds = |step: &&StepEntry| step.detections.contains(&detection.id);
        let step = self.incident.steps.iter().find(holds);
        let explanation = |lang: &str| detection.other_explanations.get(lang).cloned();
        let evidence = detection.evidence.iter().map(|cited| EvidenceRow {
            reference: cited.reference.clone(),
            place: cited.place.clone(),
            time: cited.time.map(time),
        });
        DetectionRow {
            id: detection.id.clone(),
            time: detection.time.map(time),
            first_time: detection.first_time.map(time),
            rule_id: detection.rule_id.clone(),
            title: Text::new(
                &detection.title,
                detection.title_translations.get("ja").unwrap_or(&detection.title),
            ),
            author: detection.author.clone(),
            license: detection.license.clone(),
            level: detection.level,
            host: self.mask.text(&detection.host),
            account: self.mask.account(&detection.account),
            channel: detection.channel.clone(),
            stages: step.map(|step| step.stages.clone()).unwrap_or_default(),
            certainty: step.map_or("estimated", |step| step.certainty),
            weak: step.is_none_or(|step| step.weak),
            late: self.story.late.contains(&detection.id),
            techniques: known(&detection.techniques),
            other_explanations: explanation("en").zip(explanation("ja")).map(|(en, ja)| Text { en, ja }),
            fields: self.mask.fields(detection.fields.pairs()),
            evidence: evidence.collect(),
            more_evidence: detection.more_evidence,
        }
    }
}

/// Kind of log and channel of `kind channel number`, whichever of them a name has.
fn names_of(name: &str) -> impl Iterator<Item = &str> {
    let kind = name.split(' ').next();
    let rest = name.split_once(' ').map(|(_, rest)| rest);
    let channel = rest.and_then(|rest| rest.rsplit_once(' ')).map(|(channel, _)| channel);
    kind.into_iter().chain(rest).chain(channel)
}

/// Those with an id of the form that the contract knows.
pub(in crate::pages) fn known(techniques: &[Technique]) -> Vec<Technique> {
    let shaped = |id: &str| {
        let digits =
            |text: &str, count: usize| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
        let Some(rest) = id.strip_prefix('T') else { return false };
        rest.split_once('.').map_or(digits(rest, 4), |(main, sub)| digits(main, 4) && digits(sub, 3))
    };
    techniques.iter().filter(|technique| shaped(&technique.id)).cloned().collect()
}

fn stage_row(stage: &StageEntry) -> StageRow {
    StageRow { stage: stage.stage.clone(), first: stage.first.map(time), certainty: stage.certainty }
}

fn report(incident: IncidentEntry, detections: Vec<DetectionEntry>, ledger: Option<LedgerEntry>) -> Report {
    Report {
        schema_version: SCHEMA_VERSION,
        program: Program { name: "hinomi", version: env!("CARGO_PKG_VERSION") },
        reading: None,
        summary: Summary::default(),
        incidents: vec![incident],
        detections,
        sources: Vec::new(),
        files: Vec::new(),
        ledgers: ledger.into_iter().collect(),
        diagnostics: Vec::new(),
        rejected_rules: Vec::new(),
        suppressions: Vec::new(),
    }
}

/// Kinds of records that sources have sent, as the server saved them last.
pub(in crate::pages) fn kinds(evidence: &Evidence) -> Result<Kinds, Refused> {
    evidence.with(|opened| {
        let saved = opened.saved(evidence.data(), clock::now());
        let reader = &opened.reader;
        let ledger = Some(LedgerEntry {
            path: String::new(),
            origin: reader.identity().origin.to_string(),
            verifier_key: reader.checkpoint_signer()?.to_string(),
            size: reader.size(),
            root: reader.root().to_string(),
            records: 0,
            erased_blocks: 0,
            unreadable_blocks: 0,
        });
        let Some((health, _)) = &saved.health else { return Ok(Kinds { ledger, ..Kinds::default() }) };
        let (names, whole) = health.kinds();
        let names = names.into_iter().map(str::to_owned).collect();
        Ok(Kinds { names, whole, ledger, work: BTreeMap::new() })
    })
}

/// Rows of some incidents of a story.
pub(in crate::pages) fn rows<'s>(
    story: &'s Story,
    incidents: impl Iterator<Item = &'s IncidentEntry>,
    kinds: &'s Kinds,
    asked: &Asked<'s>,
) -> Result<Vec<IncidentRow>, Refused> {
    incidents.map(|incident| Ok(Scene::new(story, incident, asked, kinds)?.row())).collect()
}

impl Incidents {
    /// The gravest first; those that somebody contained or closed behind those that are open.
    pub(in crate::pages) fn of(story: &Story, kinds: &Kinds, asked: &Asked<'_>) -> Result<Self, Refused> {
        let wanted = match asked.value("state")?.as_deref() {
            None | Some("all") => None,
            Some("open") => Some(State::Open),
            Some("contained") => Some(State::Contained),
            Some("closed") => Some(State::Closed),
            Some(_) => return Err(Refused::Senseless("state makes no sense".to_owned())),
        };
        let state = |incident: &&IncidentEntry| kinds.work(&incident.id).state;
        let of = |incident: &&IncidentEntry| wanted.is_none_or(|wanted| wanted == state(incident));
        let mut all: Vec<&IncidentEntry> = story.incidents.iter().filter(of).collect();
        all.sort_by_key(state);
        let (part, next) = page(all, asked)?;
        Ok(Self { items: rows(story, part.into_iter(), kinds, asked)?, next })
    }
}

/// The incident that a detection belongs to, by which it is or was called, and its place.
pub(in crate::pages) fn found<'s>(
    story: &'s Story,
    asked: &Asked<'_>,
) -> Result<(usize, &'s IncidentEntry), Refused> {
    let id = asked.part("id")?;
    let place = story.places.get(&id).ok_or(Refused::NotFound)?;
    story.incidents.get(*place).map(|incident| (*place, incident)).ok_or(Refused::NotFound)
}

impl Incident {
    /// The incident that a detection belongs to.
    pub(in crate::pages) fn of(
        story: &Story,
        (kinds, evidence): (&Kinds, &Evidence),
        details: Details,
        asked: &Asked<'_>,
    ) -> Result<Self, Refused> {
        let (_, incident) = found(story, asked)?;
        let scene = Scene::new(story, incident, asked, kinds)?;
        let entity = |entity: &EntityEntry| EntityEntry {
            name: scene.entity(entity.kind, &entity.name),
            ..entity.clone()
        };
        let unseen = scene.unseen();
        Ok(Self {
            row: scene.row(),
            techniques: known(&incident.techniques),
            rules: incident.rules,
            steps: incident.steps.iter().take(MOST_STEPS).map(|step| scene.step(step)).collect(),
            entities: incident.entities.iter().map(entity).collect(),
            links: scene.links(),
            parts: incident.parts,
            weak_signals: incident.weak_signals.len() as u64,
            next_steps: next_steps(&unseen),
            unseen_stages: unseen,
            gaps: gaps(evidence, &scene)?,
            details,
            names: if scene.shows_all() { "shown" } else { "masked" },
        })
    }
}

/// Logs that would show what no step shows; those that never came first.
fn next_steps(unseen: &[UnseenRow]) -> Vec<Fact> {
    let mut logs: Vec<&UnseenRow> = unseen.iter().collect();
    logs.sort_by_key(|row| row.state != "no-log");
    let fact = |row: &UnseenRow| Fact {
        text: Text::new(
            format!("Look for the {}: it shows {}.", row.log.en, row.shows.en),
            format!("{}を確認してください：{}が分かります。", row.log.ja, row.shows.ja),
        ),
        link: Some("/sources".to_owned()),
        evidence: Vec::new(),
    };
    logs.into_iter().take(MOST_NEXT).map(fact).collect()
}

/// What its detections say is missing, then what the ledger found out about the sources of an incident, in its time and the
/// day around it.
fn gaps(evidence: &Evidence, scene: &Scene<'_>) -> Result<Vec<GapRow>, Refused> {
    let mut all = scene.lost_gaps();
    let Some((first, last)) = scene.incident.first.zip(scene.incident.last) else { return Ok(all) };
    let cited = scene.all().filter_map(|id| scene.story.detections.get(id)).flat_map(|d| &d.evidence);
    let leaves: BTreeSet<u64> =
        cited.filter_map(|cited| leaf_of(&cited.reference)).take(MOST_CITED).collect();
    evidence.with(|opened| {
        let mut sources: BTreeSet<String> = BTreeSet::from([CLOCK_SOURCE.to_owned()]);
        for leaf in leaves.into_iter().filter(|leaf| *leaf < opened.reader.size()) {
            if let Leaf::Block(block) = opened.reader.leaf(leaf)? {
                sources.insert(block.scope.source);
            }
        }
        let watch = opened.watch(clock::now())?;
        let days = (Day(Day::of(first).0.saturating_sub(1)), Day(Day::of(last).0.saturating_add(1)));
        let found = findings(&opened.reader, &watch, days)?;
        let of = found.iter().filter(|cited| sources.contains(&cited.finding.source));
        all.extend(of.filter_map(|cited| gap(&cited.finding)).take(MOST_GAPS));
        Ok(all)
    })
}

/// A finding that says that something may be missing.
fn gap(finding: &Finding) -> Option<GapRow> {
    let (kind, missing) = match &finding.what {
        What::Gap { missing, .. } => ("missing-numbers", Some(*missing)),
        What::Silent { .. } | What::Quiet { .. } | What::Fell { .. } | What::KindsGone { .. } => {
            ("silent", None)
        }
        What::Restarted { .. } => ("cleared", None),
        What::ClockStep { .. } | What::TimesJumped { .. } => ("clock", None),
        What::NotRunning { .. } => ("not-running", None),
        _ => return None,
    };
    let (from, to) = finding.what.span(finding.found);
    Some(GapRow {
        host: String::new(),
        channel: finding.source.clone(),
        kind,
        from: Some(time(from)),
        to: Some(time(to)),
        missing,
        text: Text::new(sentence(&finding.what, Lang::En), sentence(&finding.what, Lang::Ja)),
    })
}

impl Detections {
    /// Those of an incident by time.
    pub(in crate::pages) fn of(story: &Story, kinds: &Kinds, asked: &Asked<'_>) -> Result<Self, Refused> {
        let (_, incident) = found(story, asked)?;
        let scene = Scene::new(story, incident, asked, kinds)?;
        let mut all: Vec<&DetectionEntry> = scene.all().filter_map(|id| story.detections.get(id)).collect();
        all.sort_by_key(|detection| (detection.time.is_none(), detection.time, &detection.id));
        let (from, limit) = (asked.place()?, asked.limit_of(USUAL, MOST)?);
        let items: Vec<DetectionRow> =
            all.iter().skip(from).take(limit).map(|detection| scene.detection(detection)).collect();
        let end = from.saturating_add(items.len());
        let next = (end < all.len()).then(|| end.to_string());
        Ok(Self { items, total: all.len() as u64, next })
    }
}
