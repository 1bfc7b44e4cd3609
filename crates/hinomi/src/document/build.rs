//! From the report to the document: what is shown, and what is only counted.

use std::collections::{BTreeMap, BTreeSet};

use hinomi_detect::story::StoryTable;
use hinomi_model::{EvidencePlace, EvidenceRef};

use super::model::{
    AbsentChannel, ApartDoc, Citation, Content, Document, FORMAT, FileDoc, Hole, IncidentDoc, LinkDoc,
    LostDoc, ReasonDoc, RuleDoc, Said, Settings, SourceDoc, StepDoc, SuppressionDoc, Totals, UnreadDoc,
    UnseenDoc,
};
use super::rows::rows;
use crate::report::{
    DetectionEntry, EventEntry, GapEntry, IncidentEntry, LinkEntry, LostEntry, ReasonEntry, Report,
    SourceEntry, StepEntry,
};

/// What a document may hold.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Incidents told in full.
    pub incidents: usize,
    /// Steps per incident.
    pub steps: usize,
    /// Citations in all.
    pub citations: usize,
    /// Sources listed.
    pub sources: usize,
}

impl Budget {
    /// What fits well below 5 MB.
    pub const FULL: Self = Self { incidents: 60, steps: 60, citations: 1600, sources: 400 };

    /// Half of it.
    #[must_use]
    pub fn half(self) -> Self {
        Self {
            incidents: (self.incidents / 2).max(1),
            steps: (self.steps / 2).max(1),
            citations: (self.citations / 2).max(1),
            sources: (self.sources / 2).max(1),
        }
    }
}

/// Characters of a field's value that are shown and compared.
const LONGEST_SHOWN: usize = 300;
/// Fields shown per citation.
const MOST_FIELDS: usize = 4;
/// Events cited per step; each further step of a row adds one, so that every host and account of it is cited.
const MOST_CITES: usize = 4;
/// Holes, links, losses and neighbours listed each.
const MOST_HOLES: usize = 20;
const MOST_LINKS: usize = 60;
const MOST_LOST: usize = 60;
const MOST_UNREAD: usize = 100;

/// A value as it is shown: its first part.
pub(super) fn clip(value: &str) -> String {
    match value.char_indices().nth(LONGEST_SHOWN) {
        Some((end, _)) => format!("{}…", value.get(..end).unwrap_or_default()),
        None => value.to_owned(),
    }
}

/// The fields of an event that are shown.
pub(super) fn shown_fields<'f>(
    field: impl Fn(&str) -> Option<&'f str>,
    details: &[String],
    table: &StoryTable,
) -> BTreeMap<String, String> {
    let value = |name: &str| field(name).filter(|v| !v.is_empty()).map(|v| (name.to_owned(), clip(v)));
    let from = table.source_address_fields().find_map(value);
    let told = details.iter().filter_map(|name| value(name)).take(MOST_FIELDS);
    told.chain(from).collect()
}

/// Builds the document.
pub fn build(
    report: &Report,
    settings: Settings,
    made: hinomi_model::Timestamp,
    details: &[String],
    table: &StoryTable,
    budget: Budget,
) -> Document {
    let detections = report.detections.iter().map(|d| (d.id.as_str(), d)).collect();
    let mut maker = Maker {
        detections,
        details,
        table,
        budget,
        index: BTreeMap::new(),
        rules: Vec::new(),
        files: Vec::new(),
        citations: Vec::new(),
        report,
    };
    let mut ordered: Vec<&IncidentEntry> = report.incidents.iter().collect();
    ordered.sort_by_key(|i| {
        (std::cmp::Reverse(i.severity), std::cmp::Reverse(i.stages.len()), i.first.is_none(), i.first)
    });
    let incidents: Vec<IncidentDoc> = ordered
        .iter()
        .take(budget.incidents)
        .map(|i| maker.incident(i))
        .filter(|i| !i.steps.is_empty())
        .collect();
    let (sources, more_sources) = maker.sources();
    let mut by_severity: BTreeMap<String, u64> = BTreeMap::new();
    for incident in &report.incidents {
        *by_severity.entry(incident.severity.to_string()).or_default() += 1;
    }
    let s = &report.summary;
    Document {
        format: FORMAT.to_owned(),
        program: report.program.version.to_owned(),
        made: Some(made),
        settings,
        totals: Totals {
            events: s.events,
            files: s.files,
            logs: s.logs,
            bytes: s.bytes,
            first: s.first,
            last: s.last,
            detections: s.detections.iter().map(|(l, n)| ((*l).to_owned(), *n)).collect(),
            incidents: by_severity,
            rules: s.rules.rules + s.rules.correlations,
            rejected_rules: s.rules.rejected,
            unlisted: s.unlisted,
        },
        more_incidents: (report.incidents.len() - incidents.len()) as u64,
        incidents,
        rules: maker.rules,
        files: maker.files,
        citations: maker.citations,
        sources,
        more_sources,
        absent: absent(report, table),
        more_unread: report.diagnostics.len().saturating_sub(MOST_UNREAD) as u64,
        unread: unread(report),
        suppressions: suppressions(report),
    }
}

fn unread(report: &Report) -> Vec<UnreadDoc> {
    let doc = |d: &crate::report::DiagnosticEntry| UnreadDoc {
        kind: d.kind.to_owned(),
        place: if d.place.starts_with("--") { d.place.clone() } else { format!("{}@{}", d.place, d.offset) },
        message: clip(&d.message),
    };
    report.diagnostics.iter().take(MOST_UNREAD).map(doc).collect()
}

fn suppressions(report: &Report) -> Vec<SuppressionDoc> {
    let doc = |s: &crate::report::SuppressionEntry| SuppressionDoc {
        name: s.name.clone(),
        owner: s.owner.clone(),
        reason: s.reason.clone(),
        hidden: s.hidden,
    };
    report.suppressions.iter().map(doc).collect()
}

/// Channels that hosts of their kind have and that are absent.
fn absent(report: &Report, table: &StoryTable) -> Vec<AbsentChannel> {
    let mut channels: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in report.sources.iter().filter(|s| !s.host.is_empty()) {
        channels.entry(source.host.to_lowercase()).or_default().insert(source.channel.to_lowercase());
    }
    let mut found = Vec::new();
    for (host, has) in &channels {
        for expected in &table.expected {
            if !expected.when.iter().any(|c| has.contains(&c.to_lowercase())) {
                continue;
            }
            let lacking = expected.channels.iter().filter(|c| !has.contains(&c.to_lowercase()));
            found.extend(lacking.map(|c| AbsentChannel { host: host.clone(), channel: c.clone() }));
        }
    }
    found.truncate(400);
    found
}

struct Maker<'a> {
    report: &'a Report,
    detections: BTreeMap<&'a str, &'a DetectionEntry>,
    details: &'a [String],
    table: &'a StoryTable,
    budget: Budget,
    /// Citations by reference and rule.
    index: BTreeMap<(String, usize), usize>,
    rules: Vec<RuleDoc>,
    files: Vec<FileDoc>,
    citations: Vec<Citation>,
}

impl Maker<'_> {
    fn incident(&mut self, incident: &IncidentEntry) -> IncidentDoc {
        let mut step_of: BTreeMap<&str, usize> = BTreeMap::new();
        let mut steps = Vec::new();
        let (rows, left_out) = rows(&incident.steps, self.budget.steps, |step| self.rule_of(step));
        for row in &rows {
            let ids = || row.iter().flat_map(|step| &step.detections);
            let all: Vec<&DetectionEntry> =
                ids().filter_map(|id| self.detections.get(id.as_str()).copied()).collect();
            let Some(doc) = row.first().and_then(|step| self.step(step, row.len(), &all)) else { continue };
            ids().for_each(|id| {
                step_of.insert(id, steps.len());
            });
            steps.push(doc);
        }
        let mut links: Vec<LinkDoc> = Vec::new();
        for link in &incident.links {
            let (Some(&a), Some(&b)) = (step_of.get(link.a.as_str()), step_of.get(link.b.as_str())) else {
                continue;
            };
            let known = links.iter().any(|l| (l.a, l.b) == (a, b) || (l.a, l.b) == (b, a));
            if a != b && (!known || link.seam) && links.len() < MOST_LINKS {
                links.push(link_doc(link, a, b));
            }
        }
        links.sort_by_key(|l| (l.a, l.b));
        IncidentDoc {
            id: incident.id.clone(),
            severity: incident.severity,
            severity_reason: incident.severity_reason.to_owned(),
            more_steps: left_out as u64,
            steps,
            links,
            parts: incident.parts,
            apart: incident
                .apart
                .iter()
                .map(|a| ApartDoc { incident: a.incident.clone(), reasons: reasons(&a.link.reasons) })
                .collect(),
            unseen: incident.unseen.iter().map(unseen_doc).collect(),
            lost_records: incident.lost_records.iter().take(MOST_LOST).map(lost_doc).collect(),
        }
    }

    fn rule_of(&self, step: &StepEntry) -> &str {
        let first = step.detections.first().and_then(|id| self.detections.get(id.as_str()));
        first.map_or("", |d| d.rule_id.as_str())
    }

    /// A row of `folded` steps of one rule; `all` are their detections.
    fn step(&mut self, step: &StepEntry, folded: usize, all: &[&DetectionEntry]) -> Option<StepDoc> {
        let (first, last) = (all.first()?, all.last()?);
        let rule = self.rule(first);
        let mut cites = Vec::new();
        // The first event and the last, which state the span, then some between.
        let ends = [(*first, first.evidence.first()), (*last, last.evidence.last())];
        let most = MOST_CITES + folded - 1;
        let middle = all.iter().skip(1).take(most - 2).map(|d| (*d, d.evidence.first()));
        // What a pattern describes is its last event.
        let described = first.evidence.iter().find(|e| e.time == first.time && first.evidence.len() > 1);
        let described = described.or(first.evidence.last()).map(|e| (*first, Some(e)));
        for (detection, event) in ends.into_iter().chain(described).chain(middle) {
            if let Some(cite) = event.and_then(|e| self.cite(detection, e, rule))
                && !cites.contains(&cite)
            {
                cites.push(cite);
            }
        }
        cites.sort_by_key(|&c| self.citations.get(c).map(|c| (c.time.is_none(), c.time)));
        cites.dedup();
        let events = all.iter().map(|d| d.evidence.len() as u64 + d.more_evidence).sum();
        (!cites.is_empty()).then(|| StepDoc {
            rule,
            cites,
            events,
            certainty: step.certainty.to_owned(),
            why: step.why.iter().map(|w| (*w).to_owned()).collect(),
            weak: step.weak,
            stages: step.stages.clone(),
        })
    }

    fn rule(&mut self, detection: &DetectionEntry) -> usize {
        if let Some(known) = self.rules.iter().position(|r| r.id == detection.rule_id) {
            return known;
        }
        let other = |lang: &str| detection.other_explanations.get(lang).cloned().unwrap_or_default();
        self.rules.push(RuleDoc {
            id: detection.rule_id.clone(),
            level: detection.level,
            title: detection.title.clone(),
            title_ja: detection.title_translations.get("ja").cloned().unwrap_or_default(),
            author: detection.author.clone(),
            license: detection.license.clone(),
            explain_en: other("en"),
            explain_ja: other("ja"),
            techniques: detection.techniques.iter().map(|t| t.id.clone()).collect(),
            pattern: detection.first_time.is_some(),
        });
        self.rules.len() - 1
    }

    /// The number of the citation; `None` when there is no room or the event's file could not be hashed.
    fn cite(&mut self, detection: &DetectionEntry, event: &EventEntry, rule: usize) -> Option<usize> {
        let key = (event.reference.clone(), rule);
        if let Some(&known) = self.index.get(&key) {
            return Some(known);
        }
        if self.citations.len() >= self.budget.citations {
            return None;
        }
        let reference: EvidenceRef = event.reference.parse().ok()?;
        let file = self.file(&reference.place)?;
        // Only one event of a detection is described: the only one, or the last of a pattern.
        let is_last = detection.evidence.last().is_some_and(|e| e.reference == event.reference);
        let is_only = detection.first_time.is_none()
            && detection.evidence.first().is_some_and(|e| e.reference == event.reference);
        let said = (is_only || (detection.first_time.is_some() && is_last)).then(|| Said {
            host: detection.host.clone(),
            account: detection.account.clone(),
            channel: detection.channel.clone(),
            fields: shown_fields(|n| detection.fields.value(n), self.details, self.table),
        });
        self.citations.push(Citation { file, reference, rule, time: event.time, said });
        let number = self.citations.len() - 1;
        self.index.insert(key, number);
        Some(number)
    }

    fn file(&mut self, place: &EvidencePlace) -> Option<usize> {
        if let Some(known) = self.files.iter().position(|f| f.content.keeps(place)) {
            return Some(known);
        }
        let new = match place {
            EvidencePlace::File { file, .. } => {
                let digest = file.to_string();
                let mut files = self.report.files.iter();
                let entry = files.find(|f| f.sha256.as_deref() == Some(digest.as_str()))?;
                FileDoc {
                    path: entry.path.clone(),
                    content: Content::File { bytes: entry.bytes, sha256: *file, modified: entry.modified },
                }
            }
            // A report names whole files.
            EvidencePlace::Piece(_) => return None,
            EvidencePlace::Log { origin, .. } => {
                let entry = self.report.ledgers.iter().find(|l| l.origin == *origin)?;
                FileDoc {
                    path: entry.path.clone(),
                    content: Content::Ledger {
                        origin: entry.origin.clone(),
                        verifier_key: entry.verifier_key.clone(),
                        size: entry.size,
                        root: entry.root.clone(),
                    },
                }
            }
        };
        self.files.push(new);
        Some(self.files.len() - 1)
    }

    fn sources(&mut self) -> (Vec<SourceDoc>, u64) {
        let mut ordered: Vec<&SourceEntry> = self.report.sources.iter().collect();
        let faults = |s: &SourceEntry| {
            s.gap_count
                + s.clock_jump_count
                + (s.silent.len() + s.cleared.len() + s.audit_changed.len()) as u64
        };
        ordered.sort_by_key(|s| (faults(s) == 0, s.host.clone(), s.channel.clone()));
        let docs: Vec<SourceDoc> = ordered.iter().take(self.budget.sources).map(|s| self.source(s)).collect();
        let more = (ordered.len() - docs.len()) as u64;
        (docs, more)
    }

    fn source(&mut self, source: &SourceEntry) -> SourceDoc {
        let hole = |kind: &str, from, to, count| Hole { kind: kind.to_owned(), from, to, count, cite: None };
        let mut gaps: Vec<&GapEntry> = source.gaps.iter().flatten().collect();
        gaps.sort_by_key(|g| std::cmp::Reverse(g.last_missing.saturating_sub(g.first_missing)));
        gaps.truncate(MOST_HOLES);
        gaps.sort_by_key(|g| g.first_missing);
        let gaps = gaps
            .into_iter()
            .map(|g| hole("numbers", g.after, g.before, g.last_missing.saturating_sub(g.first_missing) + 1));
        let silent = source.silent.iter().map(|s| hole("silent", s.from, s.to, s.hours));
        let clock = source.clock_jumps.iter().map(|j| hole("clock", j.to, j.from, 1));
        let mut holes: Vec<Hole> =
            gaps.chain(silent.take(MOST_HOLES)).chain(clock.take(MOST_HOLES)).collect();
        let stated = source.cleared.iter().map(|c| ("cleared", c));
        for (kind, event) in stated.chain(source.audit_changed.iter().map(|c| ("audit", c))).take(MOST_HOLES)
        {
            let detection = self
                .report
                .detections
                .iter()
                .find(|d| d.evidence.first().is_some_and(|e| e.reference == event.reference));
            let cite = detection.and_then(|d| {
                let rule = self.rule(d);
                self.cite(d, d.evidence.first()?, rule)
            });
            holes.push(Hole { kind: kind.to_owned(), from: event.time, to: event.time, count: 1, cite });
        }
        holes.sort_by_key(|h| (h.from.is_none(), h.from));
        SourceDoc {
            host: source.host.clone(),
            channel: source.channel.clone(),
            first: source.first,
            last: source.last,
            seen: source.seen,
            expected: source.expected,
            missing: source.missing,
            gap_count: source.gap_count,
            holes,
        }
    }
}

fn link_doc(link: &LinkEntry, a: usize, b: usize) -> LinkDoc {
    LinkDoc { a, b, gap_seconds: link.gap_seconds, seam: link.seam, reasons: reasons(&link.reasons) }
}

fn reasons(entries: &[ReasonEntry]) -> Vec<ReasonDoc> {
    let doc = |r: &ReasonEntry| ReasonDoc {
        reason: r.reason.to_owned(),
        entity: clip(&r.entity),
        points: r.points,
        shared_by: r.shared_by,
        one_in: r.one_in,
    };
    entries.iter().take(5).map(doc).collect()
}

fn lost_doc(lost: &LostEntry) -> LostDoc {
    LostDoc {
        host: lost.host.clone(),
        channel: lost.channel.clone(),
        lost: lost.lost.to_owned(),
        from: lost.from,
        to: lost.to,
    }
}

fn unseen_doc(u: &crate::report::UnseenEntry) -> UnseenDoc {
    let of =
        |texts: &BTreeMap<&'static str, String>, lang: &str| texts.get(lang).cloned().unwrap_or_default();
    UnseenDoc {
        stage: u.stage.clone(),
        state: u.state.to_owned(),
        hosts: u.hosts.clone(),
        log_en: of(&u.log, "en"),
        log_ja: of(&u.log, "ja"),
        shows_en: of(&u.shows, "en"),
        shows_ja: of(&u.shows, "ja"),
    }
}
