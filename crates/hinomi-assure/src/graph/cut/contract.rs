//! The part of a graph on which a cut depends, with everything joined that cannot be parted.

use super::super::passage::Walked;
use super::super::reach::Reach;
use super::super::store::{EdgeId, Graph, NodeId};
use super::super::total::{at, number, set};
use super::CutSize;
use super::components::Components;
use super::flow::{UNBOUNDED, join_parallel};

/// All sources together, with what follows from them by edges that cannot be cut.
pub(super) const SOURCE: u32 = 0;
/// All targets together, with what leads to them by edges that cannot be cut.
pub(super) const SINK: u32 = 1;
/// Not on any way.
const OUTSIDE: u32 = u32::MAX;

/// A small network that has the same cuts as the graph.
pub(super) struct Contracted {
    /// Node of the network for every node of the graph.
    of: Vec<u32>,
    pub(super) nodes: usize,
    pub(super) arcs: Vec<(u32, u32, u64)>,
    between: usize,
}

impl Contracted {
    /// `fixed` is what leads to a target by edges that cannot be cut; no source may be in it. A cost of 0 means that an
    /// edge cannot be cut.
    pub(super) fn new(
        graph: &Graph,
        walked: &Walked<'_>,
        cost: impl Fn(u32) -> u64,
        sources: &[NodeId],
        fixed: &Reach,
    ) -> Self {
        let passes = |edge: u32| walked.passes(edge);
        // Beyond what belongs to the targets nothing matters.
        let is_target = |node: u32| fixed.contains(NodeId(node));
        let there = graph.search(sources, |e| passes(e) && !is_target(at(&graph.edges.from, e)));
        let reached: Vec<NodeId> = there.nodes().iter().copied().filter(|n| is_target(n.0)).collect();
        let from_there = |e: u32| there.contains(NodeId(at(&graph.edges.from, e)));
        let back = graph
            .search_back(&reached, |e| passes(e) && from_there(e) && !is_target(at(&graph.edges.from, e)));
        let owned = graph
            .search(sources, |e| passes(e) && cost(e) == 0 && back.contains(NodeId(at(&graph.edges.to, e))));
        let mut of = vec![OUTSIDE; graph.node_count()];
        let mut between = 0;
        let mut loose = Vec::new();
        for node in back.nodes() {
            between += 1;
            if is_target(node.0) {
                set(&mut of, node.0, SINK);
            } else if owned.contains(*node) {
                set(&mut of, node.0, SOURCE);
            } else {
                loose.push(node.0);
            }
        }
        loose.sort_unstable();
        let joined = join_loose(graph, walked, &cost, &loose, &mut of);
        let mut contracted = Self { of, nodes: joined + 2, arcs: Vec::new(), between };
        contracted.arcs = contracted.arcs_of(graph, walked, &cost, back.nodes());
        contracted
    }

    pub(super) fn size(&self) -> CutSize {
        CutSize {
            nodes_between: self.between,
            nodes_joined: self.nodes,
            arcs: self.arcs.len(),
            ..CutSize::default()
        }
    }

    /// Arcs between different nodes; what comes back to the source or leaves the sink carries nothing.
    fn arcs_of(
        &self,
        graph: &Graph,
        walked: &Walked<'_>,
        cost: &impl Fn(u32) -> u64,
        between: &[NodeId],
    ) -> Vec<(u32, u32, u64)> {
        let mut arcs = Vec::new();
        for node in between {
            let from = at(&self.of, node.0);
            if from == SINK {
                continue;
            }
            for edge in graph.edges.out(node.0).filter(|e| walked.passes(*e)) {
                let to = at(&self.of, at(&graph.edges.to, edge));
                if to != OUTSIDE && to != SOURCE && to != from {
                    let cost = cost(edge);
                    arcs.push((from, to, if cost == 0 { UNBOUNDED } else { cost }));
                }
            }
        }
        join_parallel(&mut arcs);
        arcs
    }

    /// Edges that lead into the sink's side.
    pub(super) fn cut(&self, graph: &Graph, walked: &Walked<'_>, sink_side: &[bool]) -> Vec<EdgeId> {
        let is_sink_side = |node: u32| {
            let joined = at(&self.of, node);
            (joined != OUTSIDE).then(|| at(sink_side, joined))
        };
        let crosses = |edge: &EdgeId| {
            let (from, to) = (at(&graph.edges.from, edge.0), at(&graph.edges.to, edge.0));
            is_sink_side(to) == Some(true) && is_sink_side(from) == Some(false) && walked.passes(edge.0)
        };
        graph.edges().filter(crosses).collect()
    }
}

/// Joins nodes that reach each other by edges that cannot be cut; how many are left.
fn join_loose(
    graph: &Graph,
    walked: &Walked<'_>,
    cost: &impl Fn(u32) -> u64,
    loose: &[u32],
    of: &mut [u32],
) -> usize {
    // Numbers of loose nodes while their parts are looked for; everything else keeps its own.
    let first = SINK + 1;
    for (index, node) in (first..).zip(loose) {
        set(of, *node, index);
    }
    let mut edges = Vec::new();
    for (index, node) in (0u32..).zip(loose) {
        for edge in graph.edges.out(*node).filter(|e| walked.passes(*e) && cost(*e) == 0) {
            let to = at(of, at(&graph.edges.to, edge));
            if to >= first && to != OUTSIDE {
                edges.push((index, to - first));
            }
        }
    }
    let components = Components::of(loose.len(), &edges);
    for (index, node) in (0..number(loose.len())).zip(loose) {
        set(of, *node, components.of_node(index) + first);
    }
    components.count()
}
