//! An answer with what it rests on, as plain data.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hinomi_assure::estate::{Answer, AnswerEntry, Estate, NodeEntry, SecretEntry, secrets};
use hinomi_assure::graph::{ExposureFigures, Import, Naming, NodeId, Step};
use serde::Serialize;

use super::names::Names;
use crate::report::Citations;
use crate::scan::Event;

/// Version of the JSON document; it only ever gains fields.
pub const SCHEMA_VERSION: u32 = 1;

/// Entries of long lists before they are counted only.
const MOST_SECRETS: usize = 10_000;
const MOST_CHANGED: usize = 50;

/// The whole.
#[derive(Debug, Serialize)]
pub struct ReachReport {
    /// Version of the document.
    pub schema_version: u32,
    /// Who was asked about, in the words of the question.
    pub from: Vec<String>,
    /// What is protected, likewise.
    pub to: Vec<String>,
    /// What is protected, by word of the question: 0 means that nothing of it was read, which is unknown and not safe.
    pub targets: BTreeMap<String, u64>,
    /// Events read.
    pub events: u64,
    /// Facts observed in them.
    pub observations: u64,
    /// Documents that were read into the graph.
    pub imports: Vec<ImportEntry>,
    /// The graph.
    pub graph: GraphEntry,
    /// The answer.
    pub answer: AnswerEntry,
    /// Which hosts hold credentials of what.
    pub secrets: SecretMap,
    /// What changed since the exports of `--before`.
    pub change: Option<ChangeEntry>,
    /// Citations of events behind steps, as `document#offset` → evidence reference.
    pub evidence: BTreeMap<String, String>,
    /// What could not be read.
    pub diagnostics: Vec<String>,
}

/// An answer within another report.
#[derive(Debug, Serialize)]
pub struct ReachPart {
    /// What is protected, by word: 0 means that nothing of it was read, which is unknown and not safe.
    pub targets: BTreeMap<String, u64>,
    /// Documents that were read into the graph.
    pub imports: Vec<ImportEntry>,
    /// The graph.
    pub graph: GraphEntry,
    /// The answer.
    pub answer: AnswerEntry,
    /// Which hosts hold credentials of what.
    pub secrets: SecretMap,
    /// Citations of events behind steps, as `document#offset` → evidence reference.
    pub evidence: BTreeMap<String, String>,
}

impl ReachPart {
    /// An answer, nodes called as `name` says.
    pub fn of(
        (estate, answer): (&Estate, &Answer),
        imports: &[(String, Import)],
        events: &[Arc<Event>],
        name: Naming<'_>,
        citations: &mut Citations,
    ) -> Self {
        let entry = AnswerEntry::of(&estate.graph, answer, name);
        let (tier0, backups) = (estate.graph.tier0(), estate.graph.of_kind("backup-copy"));
        let counts = [("tier0", tier0.len()), ("backups", backups.len())];
        Self {
            targets: counts.into_iter().map(|(word, count)| (word.to_owned(), count as u64)).collect(),
            imports: imports.iter().cloned().map(ImportEntry::of).collect(),
            graph: GraphEntry::of(estate),
            secrets: SecretMap::of(estate, answer, name, events, citations),
            evidence: evidence(estate, &entry, events, citations),
            answer: entry,
        }
    }
}

/// A document of the graph.
#[derive(Debug, Serialize)]
pub struct ImportEntry {
    /// The file.
    pub document: String,
    /// Kind of objects, as it says itself.
    pub kind: Option<String>,
    /// Version of its format.
    pub version: Option<u64>,
    /// Objects or lines read.
    pub objects: u64,
    /// Objects or lines that could not be read.
    pub skipped: u64,
    /// Edges stated.
    pub statements: u64,
    /// Lists that the document says were not collected: unknown, not empty.
    pub not_collected: BTreeMap<String, u64>,
}

impl ImportEntry {
    fn of((document, import): (String, Import)) -> Self {
        let lacking = import.collected.into_iter().filter(|(_, _, no)| *no > 0);
        Self {
            document,
            kind: import.kind,
            version: import.version,
            objects: import.objects,
            skipped: import.skipped,
            statements: import.statements,
            not_collected: lacking.map(|(name, _, no)| (name, no)).collect(),
        }
    }
}

/// The graph in numbers.
#[derive(Debug, Serialize)]
pub struct GraphEntry {
    /// Nodes.
    pub nodes: u64,
    /// Edges.
    pub edges: u64,
    /// Kinds of edges that are not known, which are not walked.
    pub unknown_kinds: BTreeMap<String, u64>,
    /// Nodes and edges beyond the bounds; with any of them every number is a lower bound.
    pub dropped: u64,
}

impl GraphEntry {
    fn of(estate: &Estate) -> Self {
        let graph = &estate.graph;
        let unknown = graph.unknown_kinds().into_iter().map(|(kind, count)| (kind.to_owned(), count));
        let dropped = graph.dropped();
        Self {
            nodes: graph.node_count() as u64,
            edges: graph.edge_count() as u64,
            unknown_kinds: unknown.collect(),
            dropped: dropped.nodes + dropped.edges,
        }
    }
}

/// Which hosts hold credentials of what.
#[derive(Debug, Default, Serialize)]
pub struct SecretMap {
    /// Those that lead to what is protected first.
    pub entries: Vec<SecretEntry>,
    /// How many more there are.
    pub beyond: u64,
    /// Decoys that were used: secret, account, evidence reference.
    pub decoys_used: Vec<(String, String, Option<String>)>,
}

impl SecretMap {
    /// The map of an estate, nodes called as `name` says.
    pub fn of(
        estate: &Estate,
        answer: &Answer,
        name: Naming<'_>,
        events: &[Arc<Event>],
        citations: &mut Citations,
    ) -> Self {
        let (entries, beyond) = secrets(&estate.graph, answer.exposure(), name, MOST_SECRETS);
        let used = estate.decoys_used.iter().map(|(decoy, event)| {
            let reference = events.get(*event).and_then(|e| citations.cite(e)).map(|r| r.to_string());
            (decoy.secret.clone(), decoy.account.clone(), reference)
        });
        Self { entries, beyond, decoys_used: used.collect() }
    }
}

/// What changed between two imports.
#[derive(Debug, Serialize)]
pub struct ChangeEntry {
    /// Numbers of the earlier exports.
    pub before: ExposureFigures,
    /// Numbers of the later ones.
    pub after: ExposureFigures,
    /// Sources that reach what is protected and did not before; the first ones.
    pub newly_reaching: Vec<NodeEntry>,
    /// How many.
    pub newly_reaching_count: u64,
    /// Sources that no longer do; the first ones.
    pub no_longer_reaching: Vec<NodeEntry>,
    /// How many.
    pub no_longer_reaching_count: u64,
    /// Nodes of the later exports only.
    pub nodes_added: u64,
    /// Nodes of the earlier ones only.
    pub nodes_gone: u64,
    /// Edges of the later exports only.
    pub edges_added: u64,
    /// Edges of the earlier ones only.
    pub edges_gone: u64,
}

/// The same question, put to earlier exports.
pub struct Comparison {
    /// What was known then.
    pub estate: Estate,
    /// The answer then.
    pub answer: Answer,
}

impl ChangeEntry {
    fn of(before: &Comparison, estate: &Estate, answer: &Answer) -> Self {
        let graph = &before.estate.graph;
        let change = graph.exposure_change(before.answer.exposure(), &estate.graph, answer.exposure());
        let difference = graph.difference(&estate.graph);
        let entries = |of: &Estate, nodes: &[NodeId]| -> Vec<NodeEntry> {
            let name = |n: NodeId| of.graph.node(n).name.to_owned();
            nodes.iter().take(MOST_CHANGED).map(|n| NodeEntry::of(&of.graph, *n, &name)).collect()
        };
        Self {
            before: change.before,
            after: change.after,
            newly_reaching: entries(estate, &change.newly_reaching),
            newly_reaching_count: change.newly_reaching.len() as u64,
            no_longer_reaching: entries(&before.estate, &change.no_longer_reaching),
            no_longer_reaching_count: change.no_longer_reaching.len() as u64,
            nodes_added: difference.nodes_added.len() as u64,
            nodes_gone: difference.nodes_gone.len() as u64,
            edges_added: difference.edges_added.len() as u64,
            edges_gone: difference.edges_gone.len() as u64,
        }
    }
}

/// What surrounds an answer.
pub struct Surroundings<'s> {
    /// Words of the question: from whom, to what.
    pub asked: (Vec<String>, Vec<String>),
    /// What is protected, by word.
    pub targets: BTreeMap<String, u64>,
    /// Documents that were read.
    pub imports: Vec<(String, Import)>,
    /// Events read, and facts observed in them.
    pub counts: (u64, u64),
    /// The events behind facts.
    pub events: &'s [Arc<Event>],
    /// The same question put to earlier exports.
    pub before: Option<Comparison>,
    /// What could not be read.
    pub diagnostics: Vec<String>,
}

/// Puts an answer into the form of the report, nodes called as `name` says.
pub fn build(
    estate: &Estate,
    answer: &Answer,
    around: Surroundings<'_>,
    name: Naming<'_>,
    citations: &mut Citations,
) -> ReachReport {
    let entry = AnswerEntry::of(&estate.graph, answer, name);
    let evidence = evidence(estate, &entry, around.events, citations);
    ReachReport {
        schema_version: SCHEMA_VERSION,
        from: around.asked.0,
        to: around.asked.1,
        targets: around.targets,
        events: around.counts.0,
        observations: around.counts.1,
        imports: around.imports.into_iter().map(ImportEntry::of).collect(),
        graph: GraphEntry::of(estate),
        secrets: SecretMap::of(estate, answer, name, around.events, citations),
        change: around.before.map(|before| ChangeEntry::of(&before, estate, answer)),
        answer: entry,
        evidence,
        diagnostics: around.diagnostics,
    }
}

impl ReachReport {
    /// Calls accounts by numbers, for pages.
    pub(crate) fn hide(&mut self, names: &Names<'_>, estate: &Estate, answer: &Answer) {
        let name = |n: NodeId| names.of(n);
        self.answer = AnswerEntry::of(&estate.graph, answer, &name);
        self.secrets.entries = secrets(&estate.graph, answer.exposure(), &name, MOST_SECRETS).0;
    }
}

/// Citations of the events behind all steps of an answer.
fn evidence(
    estate: &Estate,
    answer: &AnswerEntry,
    events: &[Arc<Event>],
    citations: &mut Citations,
) -> BTreeMap<String, String> {
    let cut = answer.cut.iter().flat_map(|c| c.edges.iter().flat_map(|e| &e.way));
    let steps: Vec<&Step> = answer.ways.iter().flat_map(|w| &w.steps).chain(cut).collect();
    let places: BTreeSet<(String, u64)> =
        steps.into_iter().filter_map(|s| Some((s.document.clone()?, s.offset?))).collect();
    let cited = places.into_iter().filter_map(|place| {
        let event = events.get(estate.events.get(&place)?.first)?;
        Some((format!("{}#{}", place.0, place.1), citations.cite(event)?.to_string()))
    });
    cited.collect()
}
