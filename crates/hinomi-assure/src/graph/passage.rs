//! Which edges a question walks.

use super::build::OBSERVED;
use super::catalogue::Flow;
use super::store::{EdgeId, Graph};
use super::total::at;

/// Which edges a question walks. The default: every edge that passes control, used or not.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is asked for on its own")]
pub struct Passage {
    /// Only edges that were seen in use, or are in force by themselves.
    pub used_only: bool,
    /// Only edges that hand over a secret, or are in force by themselves: what to replace when a host is lost.
    pub credentials_only: bool,
    /// Ways through the network as well.
    pub network: bool,
    /// Edges of kinds that the catalogue does not have as well.
    pub unknown: bool,
}

/// A passage worked out for the kinds of one graph.
pub(super) struct Walked<'g> {
    graph: &'g Graph,
    /// Per kind: is it walked, and does it need an observation.
    kinds: Vec<(bool, bool)>,
}

impl<'g> Walked<'g> {
    pub(super) fn new(graph: &'g Graph, passage: Passage) -> Self {
        let kinds = graph.kinds.iter().map(|kind| {
            let flows = match kind.flow {
                Flow::Control => true,
                Flow::Network => passage.network,
                Flow::None => passage.unknown && !kind.is_known,
            };
            let hands_over = !passage.credentials_only || kind.is_credential || kind.is_fact;
            (flows && hands_over, passage.used_only && !kind.is_fact)
        });
        Self { graph, kinds: kinds.collect() }
    }

    /// True where the question walks this edge.
    #[inline]
    pub(super) fn passes(&self, edge: u32) -> bool {
        let kind = at(&self.graph.edges.kind, edge);
        let (flows, needs_use) = at(&self.kinds, u32::from(kind));
        flows && (!needs_use || at(&self.graph.edges.flags, edge) & OBSERVED != 0)
    }
}

impl Graph {
    /// Whether a question with this passage walks an edge.
    pub fn passes(&self, passage: Passage, edge: EdgeId) -> bool {
        Walked::new(self, passage).passes(edge.0)
    }
}
