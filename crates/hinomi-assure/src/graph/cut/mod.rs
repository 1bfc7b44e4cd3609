//! The least costly set of edges that separates sources from targets, proven.
//!
//! The graph is made small before any flow is sent: what does not lie on a way from a source to a target is left out;
//! whatever follows from a source by edges that cannot be cut is the source, whatever leads to a target so is the target;
//! and nodes that reach each other by such edges are one.
//!
//! # Invariants
//! - The cut costs exactly what the greatest flow carries (max-flow min-cut, Ford and Fulkerson 1956), which proves that
//!   nothing cheaper separates; and since every act costs something, no part of the cut suffices. A result for which this
//!   does not hold, or that does not separate, is withheld.
//! - Of all cheapest cuts the one nearest to the targets is given: it is unique, keeps out the most nodes, and does not
//!   depend on the order of anything.
//!
//! # Not here
//! Cuts by taking away nodes (disabling an account), and acts that cut several edges at once.

pub(in crate::graph) mod components;
mod contract;
mod flow;

use super::error::GraphError;
use super::passage::{Passage, Walked};
use super::reach::Reach;
use super::store::{EdgeId, Graph, NodeId};
use super::total::{at, set};
use contract::Contracted;
use flow::Network;

/// What is to be separated.
#[derive(Clone, Debug)]
pub struct CutQuestion<'q> {
    /// Whoever must not get through.
    pub sources: &'q [NodeId],
    /// What must not be reached.
    pub targets: &'q [NodeId],
    /// Which edges are walked.
    pub passage: Passage,
    /// What is minimal.
    pub price: Price,
    /// Bound on the work, in arcs looked at.
    pub most_steps: u64,
}

impl<'q> CutQuestion<'q> {
    /// The cut of least effort over every edge that passes control.
    pub fn new(sources: &'q [NodeId], targets: &'q [NodeId]) -> Self {
        let (passage, price) = (Passage::default(), Price::Effort);
        Self { sources, targets, passage, price, most_steps: 20_000_000_000 }
    }
}

/// What a minimum cut minimises.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Price {
    /// The sum of the costs of the acts.
    #[default]
    Effort,
    /// The number of edges.
    Edges,
}

/// How sources and targets can be separated.
#[derive(Clone, Debug)]
pub struct Separation {
    /// Edges to cut, by number; empty where nothing gets through anyway.
    pub edges: Vec<EdgeId>,
    /// What they cost.
    pub cost: u64,
    /// Value of the greatest flow: equal to the cost, and the proof that nothing cheaper separates.
    pub flow: u64,
    /// Sources that no cut can separate, because they reach a target over edges that cannot be cut: by the directory they
    /// are part of what is to be protected. They are not separated; the way shows why.
    pub inseparable: Vec<Inseparable>,
    /// How large the problem was.
    pub size: CutSize,
}

/// A source with a way that cannot be cut.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Inseparable {
    /// The source.
    pub source: NodeId,
    /// Edges of its shortest way that cannot be cut; empty where it is a target itself.
    pub way: Vec<EdgeId>,
}

/// How large the problem was, and how much of it was left for the flow.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct CutSize {
    /// Nodes on some way from a source to a target.
    pub nodes_between: usize,
    /// Nodes that were left after joining.
    pub nodes_joined: usize,
    /// Arcs that were left.
    pub arcs: usize,
    /// Phases of the flow.
    pub phases: u32,
    /// Arcs looked at.
    pub steps: u64,
}

impl Graph {
    /// The cheapest cut between sources and targets. Sources that no cut can separate are set aside and listed.
    pub fn minimum_cut(&self, question: &CutQuestion<'_>) -> Result<Separation, GraphError> {
        let walked = Walked::new(self, question.passage);
        let costs = self.costs(question.price);
        let kept = |edge: u32| walked.passes(edge) && self.cost(&costs, edge) == 0;
        let fixed = self.search_back(question.targets, kept);
        let (sources, inseparable) = self.set_aside(question.sources, &fixed);
        let contracted = Contracted::new(self, &walked, |e| self.cost(&costs, e), &sources, &fixed);
        let mut size = contracted.size();
        let mut network = Network::new(contracted.nodes, &contracted.arcs, contract::SOURCE, contract::SINK);
        let work = |_| GraphError::TooMuchWork { steps: question.most_steps };
        let flow = network.fill(question.most_steps).map_err(work)?;
        (size.phases, size.steps) = (network.phases, network.steps);
        let edges = contracted.cut(self, &walked, &network.sink_side());
        let cost = edges.iter().map(|e| self.cost(&costs, e.0)).sum();
        let separation = Separation { edges, cost, flow, inseparable, size };
        let separates = self.separates(&separation.edges, &sources, question.targets, question.passage);
        if cost != flow || !separates {
            return Err(GraphError::NotProven { cost, flow });
        }
        Ok(separation)
    }

    /// True where no target can be reached from a source once the edges are cut.
    pub fn separates(
        &self,
        cut: &[EdgeId],
        sources: &[NodeId],
        targets: &[NodeId],
        passage: Passage,
    ) -> bool {
        let walked = Walked::new(self, passage);
        let is_cut = self.marked(cut);
        let reach = self.search(sources, |edge| walked.passes(edge) && !at(&is_cut, edge));
        !targets.iter().any(|target| reach.contains(*target))
    }

    /// For every edge of a minimum cut a way from a source to a target that uses no other edge of it: what stays open
    /// if this one alone is left. Empty for an edge that no such way needs, so for none of a minimum cut.
    pub fn ways_through(&self, cut: &[EdgeId], question: &CutQuestion<'_>) -> Vec<Vec<EdgeId>> {
        let walked = Walked::new(self, question.passage);
        let is_cut = self.marked(cut);
        let open = |edge: u32| walked.passes(edge) && !at(&is_cut, edge);
        let there = self.search(question.sources, open);
        let on = self.search_back(question.targets, open);
        let way = |edge: &EdgeId| {
            let (from, to) = (NodeId(at(&self.edges.from, edge.0)), NodeId(at(&self.edges.to, edge.0)));
            if !there.contains(from) || !on.contains(to) {
                return Vec::new();
            }
            let mut way = there.path_to(self, from);
            way.push(*edge);
            way.extend(on.path_on(self, to));
            way
        };
        cut.iter().map(way).collect()
    }

    /// Cost per kind; 0 for what cannot be cut.
    fn costs(&self, price: Price) -> Vec<u64> {
        let cost = |cost: u32| if price == Price::Edges { 1 } else { u64::from(cost) };
        self.kinds.iter().map(|k| k.act.as_ref().map_or(0, |act| cost(act.cost))).collect()
    }

    #[inline]
    fn cost(&self, costs: &[u64], edge: u32) -> u64 {
        at(costs, u32::from(at(&self.edges.kind, edge)))
    }

    fn marked(&self, edges: &[EdgeId]) -> Vec<bool> {
        let mut marked = vec![false; self.edge_count()];
        for edge in edges {
            set(&mut marked, edge.0, true);
        }
        marked
    }

    /// Sources that can be separated, and those that reach a target over edges that cannot be cut.
    fn set_aside(&self, sources: &[NodeId], fixed: &Reach) -> (Vec<NodeId>, Vec<Inseparable>) {
        let mut sources: Vec<NodeId> =
            sources.iter().copied().filter(|n| (n.0 as usize) < self.node_count()).collect();
        sources.sort_unstable();
        sources.dedup();
        let (bound, free): (Vec<NodeId>, Vec<NodeId>) = sources.into_iter().partition(|n| fixed.contains(*n));
        let inseparable = |source: NodeId| Inseparable { source, way: fixed.path_on(self, source) };
        (free, bound.into_iter().map(inseparable).collect())
    }
}
