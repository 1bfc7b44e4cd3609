//! What changed between two imports: nodes, edges, and who reaches the targets.
//!
//! # Invariants
//! - Nodes are the same if their identifiers are; edges if ends and the name of their kind are.

use std::cmp::Ordering;

use super::exposure::{Exposure, ExposureFigures};
use super::store::{EdgeId, Graph, NodeId};

/// What one graph has and the other has not.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Difference {
    /// Nodes of the newer graph only.
    pub nodes_added: Vec<NodeId>,
    /// Nodes of the older graph only.
    pub nodes_gone: Vec<NodeId>,
    /// Edges of the newer graph only.
    pub edges_added: Vec<EdgeId>,
    /// Edges of the older graph only.
    pub edges_gone: Vec<EdgeId>,
}

/// How an exposure changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExposureChange {
    /// Figures of the older graph.
    pub before: ExposureFigures,
    /// Figures of the newer graph.
    pub after: ExposureFigures,
    /// Sources of the newer graph that reach a target and did not before.
    pub newly_reaching: Vec<NodeId>,
    /// Sources of the older graph that reached a target and no longer do.
    pub no_longer_reaching: Vec<NodeId>,
}

impl Graph {
    /// What `newer` has that this graph has not, and the other way round.
    pub fn difference(&self, newer: &Self) -> Difference {
        let mut difference = Difference::default();
        let mut both = |old: Option<NodeId>, new: Option<NodeId>| match (old, new) {
            (Some(old), Some(new)) => difference.edges_of(self, old, newer, new),
            (Some(old), None) => {
                difference.nodes_gone.push(old);
                difference.edges_gone.extend(self.edges_from(old));
            }
            (None, Some(new)) => {
                difference.nodes_added.push(new);
                difference.edges_added.extend(newer.edges_from(new));
            }
            (None, None) => {}
        };
        let by_id = |a: &NodeId, b: &NodeId| self.node(*a).id.cmp(newer.node(*b).id);
        merge(self.nodes(), newer.nodes(), by_id, &mut both);
        difference
    }

    /// How the exposure of this graph became that of `newer`.
    pub fn exposure_change(&self, before: &Exposure, newer: &Self, after: &Exposure) -> ExposureChange {
        let ordered = |exposure: &Exposure| {
            let mut nodes = exposure.reaching().to_vec();
            nodes.sort_unstable();
            nodes.into_iter()
        };
        let (mut newly, mut no_longer) = (Vec::new(), Vec::new());
        let by_id = |a: &NodeId, b: &NodeId| self.node(*a).id.cmp(newer.node(*b).id);
        merge(ordered(before), ordered(after), by_id, &mut |old, new| match (old, new) {
            (Some(old), None) => no_longer.push(old),
            (None, Some(new)) => newly.push(new),
            _ => {}
        });
        ExposureChange {
            before: before.figures(),
            after: after.figures(),
            newly_reaching: newly,
            no_longer_reaching: no_longer,
        }
    }
}

impl Difference {
    fn edges_of(&mut self, older: &Graph, old: NodeId, newer: &Graph, new: NodeId) {
        let (before, after) = (keyed(older, old), keyed(newer, new));
        let by_key = |a: &Keyed<'_>, b: &Keyed<'_>| (a.0, a.1).cmp(&(b.0, b.1));
        merge(before.into_iter(), after.into_iter(), by_key, &mut |old, new| match (old, new) {
            (Some(old), None) => self.edges_gone.push(old.2),
            (None, Some(new)) => self.edges_added.push(new.2),
            _ => {}
        });
    }
}

/// Identifier of the end, name of the kind, and the edge.
type Keyed<'g> = (&'g str, &'g str, EdgeId);

fn keyed(graph: &Graph, node: NodeId) -> Vec<Keyed<'_>> {
    let key = |id: EdgeId| graph.edge(id).map(|edge| (graph.node(edge.to).id, edge.kind.name.as_str(), id));
    let mut edges: Vec<_> = graph.edges_from(node).filter_map(key).collect();
    edges.sort_unstable();
    edges
}

/// Walks two ordered lists together and hands out what stands in both, or in one.
fn merge<T>(
    old: impl Iterator<Item = T>,
    new: impl Iterator<Item = T>,
    order: impl Fn(&T, &T) -> Ordering,
    hand: &mut impl FnMut(Option<T>, Option<T>),
) {
    let (mut old, mut new) = (old.peekable(), new.peekable());
    loop {
        let next = match (old.peek(), new.peek()) {
            (Some(a), Some(b)) => order(a, b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return,
        };
        match next {
            Ordering::Less => hand(old.next(), None),
            Ordering::Greater => hand(None, new.next()),
            Ordering::Equal => hand(old.next(), new.next()),
        }
    }
}
