//! From what a scan found to the report.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use hinomi_detect::completeness::SourceReport;
use hinomi_detect::sigma::Meta;
use hinomi_detect::story::Prevalence;
use hinomi_detect::{Engine, Fields, RuleIndex, detection_id};
use hinomi_ingest::intake::Class;
use hinomi_model::{DiagnosticKind, Digest, Level, Timestamp};

use super::cite::Citations;
use super::incident::{self, Found};
use super::model::{
    Cleared, ClockJumpEntry, DetectionEntry, DiagnosticEntry, EventEntry, FileEntry, GapEntry, IncidentEntry,
    LedgerEntry, Program, RejectedRule, Report, RuleTotals, SCHEMA_VERSION, SilenceEntry, SourceEntry,
    Summary, Technique,
};
use crate::attack;
use crate::scan::{Event, Findings, Hit, Subjects};
use crate::suppress::Suppressions;

/// Everything a report is made of.
pub struct Material<'a> {
    /// What the scan found.
    pub findings: Findings,
    /// The rules.
    pub engine: &'a Engine,
    /// Correlation results.
    pub correlated: Vec<Correlated>,
    /// Account and detail fields.
    pub subjects: &'a Subjects,
    /// What may be hidden.
    pub suppressions: &'a mut Suppressions,
    /// Rules that could not be used.
    pub rejected: Vec<RejectedRule>,
}

/// A correlation that fired.
pub struct Correlated {
    /// Description of the correlation.
    pub meta: Meta,
    /// Group fields and values.
    pub group: Vec<(String, String)>,
    /// Contributing events, by time.
    pub events: Vec<Arc<Event>>,
    /// How many of them it fired with: the first ones.
    pub fired_with: usize,
    /// Contributing events beyond those kept.
    pub more: u64,
    /// Number of the occurrence within the group.
    pub occurrence: u64,
}

/// Events listed per correlation.
const MOST_EVIDENCE: usize = 100;

/// Builds the report.
pub fn assemble(material: Material<'_>) -> Report {
    let Material { findings, engine, correlated, subjects, suppressions, rejected } = material;
    let mut citations = Citations::new(&findings);
    let mut found = singles(&findings.hits, engine, &mut citations);
    found.extend(correlated.into_iter().map(|c| correlation_entry(&c, &mut citations)));
    found.retain(|f| !suppressions.hides(&f.entry));
    // Entries are large: short keys are put in order, and each entry is moved once.
    let id = |f: &Found| f.entry.id.as_bytes().first_chunk::<ID>().copied();
    found.sort_by_cached_key(|f| (f.entry.time.is_none(), f.entry.time, id(f)));
    let mut sources: Vec<SourceEntry> = findings.sources.finish().into_iter().map(source_entry).collect();
    note_cleared(&mut sources, &found, subjects);
    let incidents = incident::incidents(&found, subjects, &findings.prevalence, (&sources, true));
    let detections: Vec<DetectionEntry> = found.into_iter().map(|f| f.entry).collect();
    let mut diagnostics: Vec<DiagnosticEntry> = Vec::new();
    for error in &citations.errors {
        diagnostics.push(DiagnosticEntry {
            kind: DiagnosticKind::Unreadable.name(),
            place: error.path.clone(),
            offset: 0,
            message: error.to_string(),
            repeated: 0,
        });
    }
    let ledgers = findings.ledgers.iter().map(|l| ledger_entry(l)).collect();
    let files = files(&findings.files, &findings.members, &citations);
    diagnostics.extend(findings.diagnostics.into_sorted().into_iter().map(|d| DiagnosticEntry {
        kind: d.kind.name(),
        place: d.place,
        offset: d.offset,
        message: d.message,
        repeated: d.repeated,
    }));
    let mut levels: BTreeMap<&'static str, u64> = Level::ALL.iter().map(|l| (l.name(), 0)).collect();
    for detection in &detections {
        *levels.entry(detection.level.name()).or_default() += 1;
    }
    let logs = findings.members.iter().filter(|m| matches!(m.class, Class::Log(_)));
    let summary = Summary {
        events: findings.events,
        files: files.len() as u64,
        logs: logs.clone().count() as u64,
        bytes: logs.map(|m| m.bytes).sum(),
        first: sources.iter().filter_map(|s| s.first).min(),
        last: sources.iter().filter_map(|s| s.last).max(),
        detections: levels,
        unlisted: findings.uncounted.values().sum(),
        incidents: incidents.len() as u64,
        rules: RuleTotals {
            rules: engine.rules().len() as u64,
            correlations: engine.correlations().len() as u64,
            rejected: rejected.len() as u64,
        },
    };
    Report {
        schema_version: SCHEMA_VERSION,
        program: Program { name: "hinomi", version: env!("CARGO_PKG_VERSION") },
        reading: None,
        summary,
        incidents,
        detections,
        sources,
        files,
        ledgers,
        diagnostics,
        rejected_rules: rejected,
        suppressions: suppressions.report(),
    }
}

/// The story of detections that were found elsewhere.
pub(crate) struct Told {
    /// By first event.
    pub(crate) incidents: Vec<IncidentEntry>,
    /// By time; unknown times last.
    pub(crate) detections: Vec<DetectionEntry>,
}

/// Tells the story of detections in any order; of the logs, what stands near the records that they cite is known. Nothing is
/// said of stages that no step shows.
pub(crate) fn told(
    mut found: Vec<Found>,
    subjects: &Subjects,
    prevalence: &Prevalence,
    near: Vec<SourceReport>,
) -> Told {
    found.sort_by(|a, b| {
        let key = |f: &Found| (f.entry.time.is_none(), f.entry.time);
        key(a).cmp(&key(b)).then_with(|| a.entry.id.cmp(&b.entry.id))
    });
    let near: Vec<SourceEntry> = near.into_iter().map(source_entry).collect();
    let mut incidents = incident::incidents(&found, subjects, prevalence, (&near, false));
    incidents.iter_mut().for_each(|incident| incident.unseen.clear());
    Told { incidents, detections: found.into_iter().map(|f| f.entry).collect() }
}

/// One detection per rule and event; the same event found twice is one detection with two citations.
fn singles(hits: &[Hit], engine: &Engine, citations: &mut Citations) -> Vec<Found> {
    // Entries are large: they are not moved while the list grows.
    let alerts = |hit: &&Hit| engine.rule(hit.rule).is_some_and(|rule| rule.alerts);
    let mut entries: Vec<Found> = Vec::with_capacity(hits.iter().filter(alerts).count());
    let mut index: HashMap<(RuleIndex, Digest), usize> = HashMap::with_capacity(hits.len());
    let mut rules: HashMap<RuleIndex, Labels> = HashMap::new();
    let mut cited: HashSet<(usize, String)> = HashSet::new();
    // Rules that fired on one event stand one after the other, and cite it alike.
    for same in hits.chunk_by(|a, b| Arc::ptr_eq(&a.event, &b.event)) {
        let mut evidence: Option<EventEntry> = None;
        for hit in same {
            let Some(rule) = engine.rule(hit.rule).filter(|r| r.alerts) else { continue };
            let evidence = evidence.get_or_insert_with(|| event_entry(&hit.event, citations)).clone();
            let key = (hit.rule, hit.event.digest);
            if let Some(&at) = index.get(&key) {
                let known = entries.get_mut(at).map(|found| &mut found.entry.evidence);
                known.into_iter().for_each(|known| add_evidence(known, at, &evidence, &mut cited));
                continue;
            }
            let id = detection_id(&rule.meta.id, &[], &mut [hit.event.digest], 0);
            let labels = rules.entry(hit.rule).or_insert_with(|| Labels::of(&rule.meta));
            index.insert(key, entries.len());
            entries.push(Found {
                entry: entry(id, (&rule.meta, labels.techniques.clone()), &hit.event, vec![evidence]),
                events: vec![Arc::clone(&hit.event)],
                tags: Arc::clone(&labels.tags),
                direct: true,
            });
        }
    }
    entries
}

/// What the tags of a rule say, found out once for all its detections.
struct Labels {
    tags: Arc<[String]>,
    techniques: Vec<Technique>,
}

impl Labels {
    fn of(meta: &Meta) -> Self {
        Self { tags: meta.tags.as_slice().into(), techniques: techniques(&meta.tags) }
    }
}

/// Citations of one detection that are compared one by one; a line that a log holds a hundred thousand times has more.
const FEW: usize = 32;

/// Adds an event to the detection at a place unless it is cited there; `cited` remembers what stands at places with more
/// than [`FEW`].
fn add_evidence(
    known: &mut Vec<EventEntry>,
    at: usize,
    evidence: &EventEntry,
    cited: &mut HashSet<(usize, String)>,
) {
    if known.len() == FEW {
        cited.extend(known.iter().map(|e| (at, e.reference.clone())));
    }
    let is_new = if known.len() < FEW {
        known.iter().all(|e| e.reference != evidence.reference)
    } else {
        cited.insert((at, evidence.reference.clone()))
    };
    if is_new {
        known.push(evidence.clone());
    }
}

fn correlation_entry(correlated: &Correlated, citations: &mut Citations) -> Found {
    let fired = correlated.events.iter().take(correlated.fired_with);
    let mut digests: Vec<Digest> = fired.map(|e| e.digest).collect();
    let id = detection_id(&correlated.meta.id, &correlated.group, &mut digests, correlated.occurrence);
    // The first ones and the last, which is the one that the entry describes.
    let listed = correlated.events.iter().enumerate();
    let listed = listed
        .filter(|(at, _)| *at + 1 < MOST_EVIDENCE || *at + 1 == correlated.events.len())
        .map(|(_, e)| e);
    let evidence: Vec<EventEntry> = listed.map(|e| event_entry(e, citations)).collect();
    let more = correlated.more + (correlated.events.len() - evidence.len()) as u64;
    let Labels { tags, techniques } = Labels::of(&correlated.meta);
    let said = (&correlated.meta, techniques);
    let Some(last) = correlated.events.last() else {
        let entry = entry(id, said, &Event::unknown(), evidence);
        return Found { entry, events: Vec::new(), tags, direct: false };
    };
    let mut entry = entry(id, said, last, evidence);
    entry.first_time = correlated.events.iter().filter_map(|e| e.time).min();
    entry.more_evidence = more;
    entry.group = correlated.group.iter().cloned().collect();
    // The last events come first: they are what the entry describes.
    let events = correlated.events.iter().rev().map(Arc::clone).collect();
    Found { entry, events, tags, direct: false }
}

fn entry(
    id: String,
    (meta, techniques): (&Meta, Vec<Technique>),
    event: &Event,
    evidence: Vec<EventEntry>,
) -> DetectionEntry {
    let translation = |key: &str| meta.extension.get(key).cloned();
    let title_ja = translation("title_ja").map(|t| ("ja", t));
    let explanations = [("en", "explain_en"), ("ja", "explain_ja")];
    DetectionEntry {
        id,
        rule_id: meta.id.clone(),
        title: meta.title.clone(),
        title_translations: title_ja.into_iter().collect(),
        author: meta.author.clone(),
        license: meta.license.clone(),
        level: meta.level,
        time: event.time,
        first_time: None,
        host: event.host.clone(),
        account: event.account.clone(),
        channel: event.channel.clone(),
        techniques,
        other_explanations: explanations.iter().filter_map(|(l, k)| Some((*l, translation(k)?))).collect(),
        fields: event.fields.clone(),
        evidence,
        more_evidence: 0,
        group: BTreeMap::new(),
    }
}

/// The techniques among `attack.` tags, with their official names.
pub(crate) fn techniques(tags: &[String]) -> Vec<Technique> {
    let ids = tags.iter().filter_map(|t| t.strip_prefix("attack.")).map(str::to_uppercase);
    let ids = ids
        .filter(|id| id.strip_prefix('T').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())));
    let mut found: Vec<Technique> = ids
        .map(|id| Technique { name: attack::technique_name(&id).unwrap_or_default().to_owned(), id })
        .collect();
    found.sort();
    found.dedup();
    found
}

fn event_entry(event: &Event, citations: &mut Citations) -> EventEntry {
    EventEntry {
        reference: citations.cite(event).map(|r| r.to_string()).unwrap_or_default(),
        place: event.member.place(),
        offset: event.offset,
        length: event.length,
        sequence: event.sequence,
        time: event.time,
    }
}

/// Length of an id of a detection.
const ID: usize = 32;

fn source_entry(source: SourceReport) -> SourceEntry {
    let gap = |g: &hinomi_detect::completeness::Gap| GapEntry {
        first_missing: g.first_missing,
        last_missing: g.last_missing,
        after: g.after,
        before: g.before,
    };
    let jumps = source.clock_jumps.iter().map(|j| ClockJumpEntry {
        at_sequence: j.at_sequence,
        from: Some(j.from),
        to: Some(j.to),
    });
    let silent =
        source.silences.iter().map(|s| SilenceEntry { from: Some(s.from), to: Some(s.to), hours: s.hours });
    SourceEntry {
        gaps: source.gaps.as_ref().map(|gaps| gaps.iter().map(gap).collect()),
        clock_jumps: jumps.collect(),
        silent: silent.collect(),
        host: source.host,
        channel: source.channel,
        kind: source.kind,
        first: source.first,
        last: source.last,
        seen: source.seen,
        without_time: source.without_time,
        gap_count: source.gap_count,
        missing: source.missing,
        gaps_complete: source.gaps_complete,
        clock_jump_count: source.clock_jump_count,
        cleared: Vec::new(),
        audit_changed: Vec::new(),
        active: source.active,
        expected: source.gaps.is_some().then(|| source.seen.saturating_add(source.missing)),
    }
}

/// Marks sources whose own events say that they were cleared, or that other things are recorded from then on.
fn note_cleared(sources: &mut [SourceEntry], found: &[Found], subjects: &Subjects) {
    let mut seen: std::collections::BTreeSet<&str> = std::collections::BTreeSet::new();
    for detection in found.iter().map(|f| &f.entry) {
        let field = |name: &str| detection.fields.value(name).unwrap_or_default();
        let (provider, event_id) = (field("Provider_Name"), field("EventID"));
        let cleared = subjects.says_cleared(&detection.channel, provider, event_id);
        let changed = subjects.says_audit_changed(&detection.channel, provider, event_id);
        let Some(evidence) = detection.evidence.first().filter(|_| cleared || changed) else { continue };
        if !seen.insert(&evidence.reference) {
            continue;
        }
        let same = |s: &&mut SourceEntry| {
            s.host.eq_ignore_ascii_case(&detection.host) && s.channel.eq_ignore_ascii_case(&detection.channel)
        };
        if let Some(source) = sources.iter_mut().find(same) {
            let list = if cleared { &mut source.cleared } else { &mut source.audit_changed };
            list.push(Cleared {
                time: detection.time,
                account: detection.account.clone(),
                reference: evidence.reference.clone(),
            });
        }
    }
}

fn ledger_entry(ledger: &crate::recorded::Recorded) -> LedgerEntry {
    let (size, root) = ledger.checkpoint();
    let tally = ledger.tally();
    LedgerEntry {
        path: ledger.path().display().to_string(),
        origin: ledger.origin().to_owned(),
        verifier_key: ledger.signer().to_string(),
        size,
        root: root.to_string(),
        records: tally.records,
        erased_blocks: tally.erased_blocks,
        unreadable_blocks: tally.unreadable_blocks,
    }
}

fn files(
    files: &[hinomi_ingest::intake::FileDone],
    members: &[hinomi_ingest::intake::MemberDone],
    citations: &Citations,
) -> Vec<FileEntry> {
    let mut logs: BTreeMap<u32, u64> = BTreeMap::new();
    for member in members.iter().filter(|m| matches!(m.class, Class::Log(_))) {
        *logs.entry(member.member.file).or_default() += 1;
    }
    let entry = |f: &hinomi_ingest::intake::FileDone| FileEntry {
        path: f.path.clone(),
        bytes: f.bytes,
        sha256: citations.known(f.file).map(|d| d.to_string()),
        logs: logs.get(&f.file).copied().unwrap_or(0),
        modified: f.modified,
    };
    files.iter().map(entry).collect()
}

impl Event {
    /// Stands for an event that was not kept.
    pub(crate) fn unknown() -> Self {
        Self {
            time: None::<Timestamp>,
            member: Arc::default(),
            offset: 0,
            length: 0,
            sub: 0,
            sequence: None,
            digest: Digest::of(b""),
            piece: None,
            host: String::new(),
            channel: String::new(),
            account: String::new(),
            fields: Fields::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_cited_once_however_many_there_are() {
        let evidence = |number: usize| EventEntry {
            reference: number.to_string(),
            place: String::new(),
            offset: 0,
            length: 0,
            sequence: None,
            time: None,
        };
        let mut known = vec![evidence(0)];
        let mut cited = HashSet::new();
        // Each place twice in a row, then all again.
        for number in (0..3 * FEW).flat_map(|n| [n, n]).chain(0..3 * FEW) {
            add_evidence(&mut known, 7, &evidence(number), &mut cited);
        }
        let cited: Vec<String> = known.into_iter().map(|e| e.reference).collect();
        assert_eq!(cited, (0..3 * FEW).map(|n| n.to_string()).collect::<Vec<_>>());
    }
}
