//! Who reaches what, by which ways, and what to cut: one question answered, and the answer as plain data.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::graph::{
    CutQuestion, EdgeId, Exposure, ExposureFigures, Graph, GraphError, Naming, NodeId, Passage, Separation,
    Step,
};

/// Sources whose blast radius is told one by one.
const MOST_SOURCES: usize = 20;
/// Ways told in words.
const MOST_WAYS: usize = 10;

/// What is asked.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// Whoever must not get through.
    pub sources: Vec<NodeId>,
    /// What must not be reached.
    pub targets: Vec<NodeId>,
    /// Which edges are walked.
    pub passage: Passage,
}

/// Numbers of nodes by kind.
pub type Counted = BTreeMap<String, u64>;

/// What one source has reached and can reach.
#[derive(Clone, Debug)]
struct Radius {
    source: NodeId,
    in_fact: Counted,
    possible: Counted,
    targets_in_fact: u64,
    targets_possible: u64,
}

/// The answer, in numbers of nodes and edges.
#[derive(Debug)]
pub struct Answer {
    question: Question,
    radius: Vec<Radius>,
    exposure: Exposure,
    ways: Vec<(NodeId, Vec<EdgeId>)>,
    cut: Result<(Separation, Vec<Vec<EdgeId>>), GraphError>,
}

impl Answer {
    /// Answers a question.
    pub fn of(graph: &Graph, question: Question) -> Self {
        let exposure = graph.exposure(&question.sources, &question.targets, question.passage);
        let reaching = exposure.reaching();
        // Those that reach a target first, nearest first; then the others.
        let told: BTreeSet<NodeId> = reaching.iter().copied().collect();
        let others = question.sources.iter().filter(|n| !told.contains(n));
        let first = reaching.iter().chain(others).take(MOST_SOURCES);
        let targets: BTreeSet<NodeId> = question.targets.iter().copied().collect();
        let radius = first.map(|n| radius(graph, *n, &targets, question.passage)).collect();
        let ways = reaching.iter().take(MOST_WAYS).map(|n| (*n, exposure.way_of(graph, *n))).collect();
        let asked = CutQuestion {
            passage: question.passage,
            ..CutQuestion::new(&question.sources, &question.targets)
        };
        let cut = graph.minimum_cut(&asked).map(|separation| {
            // Sources that cannot be separated are part of what is protected; ways begin at the others.
            let bound: BTreeSet<NodeId> = separation.inseparable.iter().map(|i| i.source).collect();
            let free: Vec<NodeId> = question.sources.iter().copied().filter(|n| !bound.contains(n)).collect();
            let ways = graph.ways_through(&separation.edges, &CutQuestion { sources: &free, ..asked });
            (separation, ways)
        });
        Self { question, radius, exposure, ways, cut }
    }

    /// Who reaches a target at all.
    pub fn exposure(&self) -> &Exposure {
        &self.exposure
    }
}

fn radius(graph: &Graph, source: NodeId, targets: &BTreeSet<NodeId>, passage: Passage) -> Radius {
    let reached = graph.blast_radius(&[source], passage);
    let count = |nodes: &[NodeId]| {
        let mut counted = Counted::new();
        for node in nodes.iter().filter(|n| **n != source) {
            *counted.entry(graph.node(*node).kind.to_owned()).or_default() += 1;
        }
        let hit = nodes.iter().filter(|n| targets.contains(n)).count();
        (counted, hit as u64)
    };
    let (in_fact, targets_in_fact) = count(reached.in_fact.nodes());
    let (possible, targets_possible) = count(reached.possible.nodes());
    Radius { source, in_fact, possible, targets_in_fact, targets_possible }
}

/// A node as plain data.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct NodeEntry {
    /// Name.
    pub name: String,
    /// Kind, as the catalogue names it.
    pub kind: String,
}

impl NodeEntry {
    /// A node, called as `name` says.
    pub fn of(graph: &Graph, node: NodeId, name: Naming<'_>) -> Self {
        Self { name: name(node), kind: graph.node(node).kind.to_owned() }
    }
}

/// What one source has reached and can reach.
#[derive(Clone, Debug, Serialize)]
pub struct RadiusEntry {
    /// The source.
    pub source: NodeEntry,
    /// Nodes by kind, over ways that were seen in use or are in force by themselves.
    pub in_fact: Counted,
    /// Nodes by kind, over every way.
    pub possible: Counted,
    /// Of what is protected.
    pub targets_in_fact: u64,
    /// Of what is protected.
    pub targets_possible: u64,
}

/// A shortest way of one source.
#[derive(Clone, Debug, Serialize)]
pub struct WayEntry {
    /// The source.
    pub source: NodeEntry,
    /// Where it leads.
    pub target: NodeEntry,
    /// How many ways of this length the source has.
    pub ways: u64,
    /// Step by step.
    pub steps: Vec<Step>,
}

/// An edge to cut.
#[derive(Clone, Debug, Serialize)]
pub struct CutEdgeEntry {
    /// The edge, with what is done.
    pub edge: Step,
    /// A way that stays open if this edge alone is left: from a source, over the edge, to a target.
    pub way: Vec<Step>,
    /// Steps of the way before the edge.
    pub before: usize,
}

/// What to cut.
#[derive(Clone, Debug, Serialize)]
pub struct CutEntry {
    /// Sum of the costs.
    pub cost: u64,
    /// The greatest flow: equal, which proves that nothing cheaper separates.
    pub flow: u64,
    /// Sources that it separates.
    pub separated: u64,
    /// The edges.
    pub edges: Vec<CutEdgeEntry>,
    /// Sources that no cut separates, with the way that cannot be cut; empty for what is protected itself.
    pub inseparable: Vec<WayEntry>,
}

/// The answer as plain data.
#[derive(Clone, Debug, Serialize)]
pub struct AnswerEntry {
    /// How many sources and targets were asked about.
    pub sources: u64,
    /// Likewise.
    pub targets: u64,
    /// Who reaches a target, in numbers.
    pub exposure: ExposureFigures,
    /// Blast radius of the sources, those first that reach a target; of the first ones.
    pub radius: Vec<RadiusEntry>,
    /// Shortest ways of the nearest sources.
    pub ways: Vec<WayEntry>,
    /// What to cut; `null` where `cut_withheld` says why.
    pub cut: Option<CutEntry>,
    /// Why there is no cut.
    pub cut_withheld: Option<String>,
}

impl AnswerEntry {
    /// An answer with nodes called as `name` says.
    pub fn of(graph: &Graph, answer: &Answer, name: Naming<'_>) -> Self {
        let node = |n: NodeId| NodeEntry::of(graph, n, name);
        let radius = answer.radius.iter().map(|r| RadiusEntry {
            source: node(r.source),
            in_fact: r.in_fact.clone(),
            possible: r.possible.clone(),
            targets_in_fact: r.targets_in_fact,
            targets_possible: r.targets_possible,
        });
        let way = |source: NodeId, edges: &[EdgeId]| {
            let last = edges.last().and_then(|e| graph.edge(*e)).map_or(source, |e| e.to);
            WayEntry {
                source: node(source),
                target: node(last),
                ways: answer.exposure.ways_of(source),
                steps: graph.steps_named(edges, name),
            }
        };
        let (cut, cut_withheld) = match &answer.cut {
            Ok((separation, ways)) => {
                let edges = separation.edges.iter().zip(ways).filter_map(|(edge, way)| {
                    Some(CutEdgeEntry {
                        edge: graph.steps_named(&[*edge], name).pop()?,
                        way: graph.steps_named(way, name),
                        before: way.iter().position(|e| e == edge).unwrap_or_default(),
                    })
                });
                let inseparable = separation.inseparable.iter();
                let cut = CutEntry {
                    cost: separation.cost,
                    flow: separation.flow,
                    separated: answer.reaching_beside(separation),
                    edges: edges.collect(),
                    inseparable: inseparable.map(|i| way(i.source, &i.way)).collect(),
                };
                (Some(cut), None)
            }
            Err(error) => (None, Some(error.to_string())),
        };
        Self {
            sources: answer.question.sources.len() as u64,
            targets: answer.question.targets.len() as u64,
            exposure: answer.exposure.figures(),
            radius: radius.collect(),
            ways: answer.ways.iter().map(|(source, edges)| way(*source, edges)).collect(),
            cut,
            cut_withheld,
        }
    }
}

impl Answer {
    /// Sources that reach a target now and not once the cut is made.
    fn reaching_beside(&self, separation: &Separation) -> u64 {
        let bound: BTreeSet<NodeId> = separation.inseparable.iter().map(|i| i.source).collect();
        self.exposure.reaching().iter().filter(|n| !bound.contains(n)).count() as u64
    }
}

/// A secret within reach of whoever holds a host.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct SecretEntry {
    /// Steps from the account that it opens to what is protected; `null` where there is no way.
    pub leads_to: Option<u32>,
    /// The host.
    pub host: NodeEntry,
    /// Kind of edge: how the secret comes to lie there.
    pub kind: String,
    /// The stored secret, where it has a name of its own.
    pub secret: Option<String>,
    /// The account that it opens; `null` for a decoy.
    pub account: Option<NodeEntry>,
    /// Document that states it.
    pub document: Option<String>,
    /// Byte offset in it.
    pub offset: Option<u64>,
}

/// Secrets per host: those that lead to what is protected first, then by host; and how many there are beyond `most`.
pub fn secrets(graph: &Graph, exposure: &Exposure, name: Naming<'_>, most: usize) -> (Vec<SecretEntry>, u64) {
    let mut found = Vec::new();
    for host in graph.of_kind("host") {
        let edges = || graph.edges_from(host).filter_map(|e| graph.edge(e));
        // Where an account was used from is where its secret lies; that it also signed in there says nothing more.
        let used: BTreeSet<NodeId> = edges().filter(|e| e.kind.name == "used-from").map(|e| e.to).collect();
        for edge in edges() {
            if edge.kind.name == "left-secret" && used.contains(&edge.to) {
                continue;
            }
            let is_decoy = edge.kind.name == "holds-decoy";
            if !edge.kind.is_credential && !is_decoy {
                continue;
            }
            let is_stored = graph.node(edge.to).kind == "secret";
            let account = if is_stored { opened(graph, edge.to) } else { Some(edge.to) };
            let leads_to = account.and_then(|a| exposure.distance(a));
            let entry = SecretEntry {
                leads_to,
                host: NodeEntry::of(graph, host, name),
                kind: edge.kind.name.clone(),
                secret: is_stored.then(|| graph.node(edge.to).name.to_owned()),
                account: account.map(|a| NodeEntry::of(graph, a, name)),
                document: edge.origin.map(|(document, _)| document.to_owned()),
                offset: edge.origin.map(|(_, offset)| offset),
            };
            found.push((leads_to.is_none(), entry));
        }
    }
    found.sort();
    let beyond = found.len().saturating_sub(most) as u64;
    (found.into_iter().take(most).map(|(_, entry)| entry).collect(), beyond)
}

/// The account that a stored secret opens.
fn opened(graph: &Graph, secret: NodeId) -> Option<NodeId> {
    graph.edges_from(secret).filter_map(|e| graph.edge(e)).find(|e| e.kind.name == "secret-of").map(|e| e.to)
}
