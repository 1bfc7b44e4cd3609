//! Blast radius: what can be reached from somewhere, by which shortest path, in fact and at all.
//!
//! # Invariants
//! - A path is a shortest one; which of several depends on the numbers of nodes and edges only, never on the input's order.

use super::passage::{Passage, Walked};
use super::store::{EdgeId, Graph, NodeId};
use super::total::{at, set};

/// Distance of what is not reached.
const FAR: u32 = u32::MAX;
const NO_EDGE: u32 = u32::MAX;

/// What can be reached from some nodes.
#[derive(Debug, Clone)]
pub struct Reach {
    distance: Vec<u32>,
    /// Edge by which a node was reached.
    by: Vec<u32>,
    /// In order of distance, then of number.
    reached: Vec<NodeId>,
}

/// What holding some nodes means.
#[derive(Debug, Clone)]
pub struct BlastRadius {
    /// Over edges that were seen in use, and such as are in force by themselves.
    pub in_fact: Reach,
    /// Over every edge.
    pub possible: Reach,
}

impl Graph {
    /// What whoever holds `sources` has reached in fact, and what they can reach.
    pub fn blast_radius(&self, sources: &[NodeId], passage: Passage) -> BlastRadius {
        BlastRadius {
            in_fact: self.reach(sources, Passage { used_only: true, ..passage }),
            possible: self.reach(sources, passage),
        }
    }

    /// What can be reached from `sources`.
    pub fn reach(&self, sources: &[NodeId], passage: Passage) -> Reach {
        let walked = Walked::new(self, passage);
        self.search(sources, |edge| walked.passes(edge))
    }

    /// What can be reached over the edges that `passes` lets through.
    pub(super) fn search(&self, sources: &[NodeId], passes: impl Fn(u32) -> bool) -> Reach {
        let mut reach = self.nothing(sources);
        let mut next = 0;
        while let Some(node) = reach.reached.get(next).copied() {
            next += 1;
            for edge in self.edges.out(node.0).filter(|e| passes(*e)) {
                reach.note(at(&self.edges.to, edge), node.0, edge);
            }
        }
        reach.order();
        reach
    }

    /// What reaches `targets` over the edges that `passes` lets through; edges are those that lead on.
    pub(super) fn search_back(&self, targets: &[NodeId], passes: impl Fn(u32) -> bool) -> Reach {
        let mut reach = self.nothing(targets);
        let mut next = 0;
        while let Some(node) = reach.reached.get(next).copied() {
            next += 1;
            for edge in self.edges.incoming(node.0).iter().copied().filter(|e| passes(*e)) {
                reach.note(at(&self.edges.from, edge), node.0, edge);
            }
        }
        reach.order();
        reach
    }

    fn nothing(&self, start: &[NodeId]) -> Reach {
        let nodes = self.node_count();
        let mut reach = Reach { distance: vec![FAR; nodes], by: vec![NO_EDGE; nodes], reached: Vec::new() };
        let mut start: Vec<NodeId> = start.iter().copied().filter(|n| (n.0 as usize) < nodes).collect();
        start.sort_unstable();
        start.dedup();
        for node in &start {
            set(&mut reach.distance, node.0, 0);
        }
        reach.reached = start;
        reach
    }
}

impl Reach {
    #[inline]
    fn note(&mut self, node: u32, from: u32, edge: u32) {
        if at(&self.distance, node) == FAR {
            let distance = at(&self.distance, from) + 1;
            set(&mut self.distance, node, distance);
            set(&mut self.by, node, edge);
            self.reached.push(NodeId(node));
        }
    }

    fn order(&mut self) {
        let distance = &self.distance;
        self.reached.sort_unstable_by_key(|n| (at(distance, n.0), n.0));
    }

    /// Everything reached, nearest first; the start itself stands in front with distance 0.
    pub fn nodes(&self) -> &[NodeId] {
        &self.reached
    }

    /// Number of edges on the shortest path; `None` where it is not reached.
    pub fn distance(&self, node: NodeId) -> Option<u32> {
        self.distance.get(node.0 as usize).copied().filter(|d| *d != FAR)
    }

    /// True where the node is reached.
    pub fn contains(&self, node: NodeId) -> bool {
        self.distance(node).is_some()
    }

    /// The edge by which the shortest path comes to a node, or leads on from it in a search backwards.
    pub(super) fn step(&self, node: NodeId) -> Option<EdgeId> {
        self.by.get(node.0 as usize).copied().filter(|e| *e != NO_EDGE).map(EdgeId)
    }

    /// Edges of the shortest path to a node, from the start on; empty for the start and for what is not reached.
    pub fn path_to(&self, graph: &Graph, node: NodeId) -> Vec<EdgeId> {
        let mut path = Vec::new();
        let mut node = node;
        while let Some(edge) = self.step(node) {
            path.push(edge);
            node = NodeId(at(&graph.edges.from, edge.0));
        }
        path.reverse();
        path
    }

    /// Edges of the shortest path from a node on to the targets of a search backwards.
    pub(super) fn path_on(&self, graph: &Graph, node: NodeId) -> Vec<EdgeId> {
        let mut path = Vec::new();
        let mut node = node;
        while let Some(edge) = self.step(node) {
            path.push(edge);
            node = NodeId(at(&graph.edges.to, edge.0));
        }
        path
    }
}
