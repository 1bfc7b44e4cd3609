//! Who can reach what must not be reached: how many, how near, by how many shortest ways.
//!
//! # Invariants
//! - A way is a sequence of edges: two rights of the same holder on the same target are two ways. Counts stop at
//!   `u64::MAX`.

use serde::Serialize;

use super::passage::{Passage, Walked};
use super::reach::Reach;
use super::store::{EdgeId, Graph, NodeId};
use super::total::{at, set};

/// Ways from some sources to some targets.
#[derive(Debug, Clone)]
pub struct Exposure {
    back: Reach,
    ways: Vec<u64>,
    sources: usize,
    reaching: Vec<NodeId>,
    targets: usize,
}

/// An exposure in numbers, to be compared over time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct ExposureFigures {
    /// Sources that were asked about, without those that are targets.
    pub sources: usize,
    /// Sources that reach a target.
    pub reaching: usize,
    /// Nodes of any kind that reach a target, without the targets.
    pub nodes_reaching: usize,
    /// Edges on the shortest way from any source.
    pub shortest: Option<u32>,
    /// Ways of that length from all sources together; `u64::MAX` where there are more.
    pub shortest_ways: u64,
    /// Sum over the sources of the number of their own shortest ways; `u64::MAX` where there are more.
    pub ways: u64,
}

impl Graph {
    /// How `sources` reach `targets`. Sources that are targets themselves are left out.
    pub fn exposure(&self, sources: &[NodeId], targets: &[NodeId], passage: Passage) -> Exposure {
        let walked = Walked::new(self, passage);
        let back = self.search_back(targets, |edge| walked.passes(edge));
        let mut ways = vec![0u64; self.node_count()];
        for node in back.nodes() {
            let Some(distance) = back.distance(*node).filter(|d| *d > 0) else {
                set(&mut ways, node.0, 1);
                continue;
            };
            let edges = self.edges.out(node.0).filter(|e| walked.passes(*e));
            let heads = edges.map(|e| at(&self.edges.to, e));
            let nearer = heads.filter(|head| back.distance(NodeId(*head)) == Some(distance - 1));
            let sum = nearer.fold(0u64, |sum, head| sum.saturating_add(at(&ways, head)));
            set(&mut ways, node.0, sum);
        }
        let mut asked: Vec<NodeId> =
            sources.iter().copied().filter(|n| back.distance(*n) != Some(0)).collect();
        asked.sort_unstable();
        asked.dedup();
        let mut reaching = asked.clone();
        reaching.retain(|n| back.contains(*n));
        reaching.sort_by_key(|n| (back.distance(*n), *n));
        let targets = back.nodes().iter().take_while(|n| back.distance(**n) == Some(0)).count();
        Exposure { back, ways, sources: asked.len(), reaching, targets }
    }

    /// Nodes that reach something in both sets: what two systems that should be independent have in common, with the
    /// distances to each, nearest first.
    pub fn reaching_both(&self, a: &[NodeId], b: &[NodeId], passage: Passage) -> Vec<(NodeId, u32, u32)> {
        let walked = Walked::new(self, passage);
        let to_a = self.search_back(a, |edge| walked.passes(edge));
        let to_b = self.search_back(b, |edge| walked.passes(edge));
        let both = |n: &NodeId| Some((*n, to_a.distance(*n)?, to_b.distance(*n)?));
        let mut shared: Vec<_> = to_a.nodes().iter().filter_map(both).collect();
        shared.sort_by_key(|(node, a, b)| (a.saturating_add(*b), *node));
        shared
    }

    /// Walked edges that lead from outside into a set: where somebody of a lower tier holds something of it.
    pub fn edges_into(&self, inside: &[NodeId], passage: Passage) -> Vec<EdgeId> {
        let walked = Walked::new(self, passage);
        let mut is_inside = vec![false; self.node_count()];
        for node in inside {
            set(&mut is_inside, node.0, true);
        }
        let enters = |edge: &EdgeId| {
            let (from, to) = (at(&self.edges.from, edge.0), at(&self.edges.to, edge.0));
            at(&is_inside, to) && !at(&is_inside, from) && walked.passes(edge.0)
        };
        self.edges().filter(enters).collect()
    }
}

impl Exposure {
    /// Sources that reach a target, nearest first.
    pub fn reaching(&self) -> &[NodeId] {
        &self.reaching
    }

    /// Every node that reaches a target, nearest first.
    pub fn nodes_reaching(&self) -> &[NodeId] {
        self.back.nodes().get(self.targets..).unwrap_or_default()
    }

    /// Edges of a shortest way from a node to a target.
    pub fn way_of(&self, graph: &Graph, node: NodeId) -> Vec<EdgeId> {
        self.back.path_on(graph, node)
    }

    /// Number of edges on it; `None` where the node reaches no target.
    pub fn distance(&self, node: NodeId) -> Option<u32> {
        self.back.distance(node)
    }

    /// How many shortest ways a node has; 0 where it reaches no target.
    pub fn ways_of(&self, node: NodeId) -> u64 {
        at(&self.ways, node.0)
    }

    /// The figures.
    pub fn figures(&self) -> ExposureFigures {
        let shortest = self.reaching.first().and_then(|n| self.distance(*n));
        let nearest = self.reaching.iter().take_while(|n| self.distance(**n) == shortest);
        let sum = |sum: u64, node: &NodeId| sum.saturating_add(self.ways_of(*node));
        ExposureFigures {
            sources: self.sources,
            reaching: self.reaching.len(),
            nodes_reaching: self.nodes_reaching().len(),
            shortest,
            shortest_ways: nearest.fold(0, sum),
            ways: self.reaching.iter().fold(0, sum),
        }
    }
}
