//! The graph itself: nodes and edges by number, in tables that are only read.
//!
//! # Invariants
//! - Nodes are numbered by their identifiers, edges by (from, to, kind); so numbers are the same whatever the input's order.
//! - No two edges have the same ends and kind.
//! - Per edge 23 bytes, per node about 15 and its texts: half a million nodes and five million edges need about 170 MB.

use std::ops::Range;
use std::sync::Arc;

use super::build::{Dropped, IMPLIED, INHERITED, OBSERVED, Row};
use super::catalogue::{Catalogue, EdgeKind, NodeKind, Selection};
use super::texts::Texts;
use super::total::{at, number, slice, starts};

/// Number of a node of one graph.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct NodeId(pub(super) u32);

/// Number of an edge of one graph.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct EdgeId(pub(super) u32);

/// A place in a document.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(super) struct Origin {
    pub(super) document: u32,
    pub(super) offset: u64,
}

/// Nodes and edges with where they come from.
#[derive(Debug)]
pub struct Graph {
    pub(super) catalogue: Arc<Catalogue>,
    /// Kinds of the catalogue, then unknown ones by name.
    pub(super) kinds: Vec<EdgeKind>,
    pub(super) nodes: Nodes,
    pub(super) edges: Edges,
    pub(super) documents: Vec<String>,
    pub(super) origins: Vec<Origin>,
    pub(super) dropped: Dropped,
}

/// A node as shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Node<'g> {
    /// Identifier: unique, as the import gives it.
    pub id: &'g str,
    /// Name, or the identifier where no document states one.
    pub name: &'g str,
    /// Name of its kind in the catalogue.
    pub kind: &'g str,
    /// False where documents only point at it.
    pub is_described: bool,
}

/// An edge as shown.
#[derive(Clone, Copy, Debug)]
pub struct Edge<'g> {
    /// Whoever holds this node …
    pub from: NodeId,
    /// … gains this one.
    pub to: NodeId,
    /// Its kind.
    pub kind: &'g EdgeKind,
    /// Seen in use.
    pub is_observed: bool,
    /// From an access list higher up; it has to be cut there.
    pub is_inherited: bool,
    /// Document and byte offset of the object or line that states it; `None` where the directory implies it.
    pub origin: Option<(&'g str, u64)>,
}

impl Graph {
    /// How many nodes there are.
    pub fn node_count(&self) -> usize {
        self.nodes.kind.len()
    }

    /// How many edges there are.
    pub fn edge_count(&self) -> usize {
        self.edges.to.len()
    }

    /// What did not fit while it was built; anything but zeros makes every answer a lower bound.
    pub fn dropped(&self) -> Dropped {
        self.dropped
    }

    /// Every node.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..number(self.node_count())).map(NodeId)
    }

    /// Every edge.
    pub fn edges(&self) -> impl Iterator<Item = EdgeId> + use<> {
        (0..number(self.edge_count())).map(EdgeId)
    }

    /// Edges that leave a node.
    pub fn edges_from(&self, node: NodeId) -> impl Iterator<Item = EdgeId> + use<> {
        self.edges.out(node.0).map(EdgeId)
    }

    /// Edges that end at a node.
    pub fn edges_to(&self, node: NodeId) -> impl Iterator<Item = EdgeId> + use<'_> {
        self.edges.incoming(node.0).iter().copied().map(EdgeId)
    }

    /// A node as shown.
    pub fn node(&self, node: NodeId) -> Node<'_> {
        let id = self.nodes.ids.text(node.0);
        let name = self.nodes.names.text(node.0);
        let kind = self.catalogue.nodes.get(at(&self.nodes.kind, node.0) as usize);
        Node {
            id,
            name: if name.is_empty() { id } else { name },
            kind: kind.map_or("unknown", |(name, _)| name),
            is_described: at(&self.nodes.is_described, node.0),
        }
    }

    /// An edge as shown; `None` for a number of another graph.
    pub fn edge(&self, edge: EdgeId) -> Option<Edge<'_>> {
        let flags = at(&self.edges.flags, edge.0);
        let origin = at(&self.origins, at(&self.edges.origin, edge.0));
        let document = self.documents.get(origin.document as usize).filter(|_| flags & IMPLIED == 0);
        Some(Edge {
            from: NodeId(at(&self.edges.from, edge.0)),
            to: NodeId(*self.edges.to.get(edge.0 as usize)?),
            kind: self.kinds.get(at(&self.edges.kind, edge.0) as usize)?,
            is_observed: flags & OBSERVED != 0,
            is_inherited: flags & INHERITED != 0,
            origin: document.map(|name| (name.as_str(), origin.offset)),
        })
    }

    /// The node with an identifier.
    pub fn find(&self, id: &str) -> Option<NodeId> {
        let (mut low, mut high) = (0, number(self.node_count()));
        while low < high {
            let middle = low + (high - low) / 2;
            match self.nodes.ids.text(middle).cmp(id) {
                std::cmp::Ordering::Equal => return Some(NodeId(middle)),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }

    /// Nodes with a name, whatever the case of its ASCII letters.
    pub fn named(&self, name: &str) -> Vec<NodeId> {
        self.nodes().filter(|n| self.node(*n).name.eq_ignore_ascii_case(name)).collect()
    }

    /// Nodes of a kind of the catalogue.
    pub fn of_kind(&self, kind: &str) -> Vec<NodeId> {
        let kind = self.catalogue.node(kind);
        self.nodes().filter(|n| self.nodes.kind.get(n.0 as usize).copied() == kind).collect()
    }

    /// Edges of a kind of the catalogue, or of an unknown one by its exact name.
    pub fn edges_of_kind(&self, name: &str) -> impl Iterator<Item = EdgeId> + use<'_> {
        let known = self.catalogue.edge(name).map(|(kind, _)| kind);
        let named = || self.kinds.iter().position(|k| k.name == name).and_then(|n| u16::try_from(n).ok());
        let kind = known.or_else(named);
        self.edges().filter(move |e| self.edges.kind.get(e.0 as usize).copied() == kind)
    }

    /// What nobody outside may reach: the directory's own controls, by the catalogue and by marks of the export.
    pub fn tier0(&self) -> Vec<NodeId> {
        let tier0 = &self.catalogue.tier0;
        self.nodes().filter(|n| at(&self.nodes.is_marked, n.0) || self.selects(tier0, *n)).collect()
    }

    /// Tier 0 and the backups: the usual targets of a question.
    pub fn crown_jewels(&self) -> Vec<NodeId> {
        let mut nodes = self.tier0();
        nodes.extend(self.nodes().filter(|n| self.selects(&self.catalogue.protected, *n)));
        nodes.sort_unstable();
        nodes.dedup();
        nodes
    }

    fn selects(&self, selection: &Selection, node: NodeId) -> bool {
        let id = self.nodes.ids.text(node.0);
        selection.kinds.contains(&at(&self.nodes.kind, node.0)) || ends_with_any(id, &selection.endings)
    }

    /// Names of kinds that the catalogue does not have, with the number of their edges.
    pub fn unknown_kinds(&self) -> Vec<(&str, u64)> {
        let mut counts = vec![0u64; self.kinds.len()];
        for kind in &self.edges.kind {
            if let Some(count) = counts.get_mut(usize::from(*kind)) {
                *count += 1;
            }
        }
        let unknown = self.kinds.iter().zip(counts).filter(|(kind, _)| !kind.is_known);
        unknown.map(|(kind, count)| (kind.name.as_str(), count)).collect()
    }
}

/// True where an identifier ends so, at its beginning or behind a hyphen.
pub(super) fn ends_with_any(id: &str, endings: &[String]) -> bool {
    endings.iter().any(|ending| {
        let before = id.strip_suffix(ending.as_str());
        before.is_some_and(|b| b.is_empty() || b.ends_with('-') || ending.starts_with('-'))
    })
}

/// Nodes by number.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    pub(super) ids: Texts,
    pub(super) names: Texts,
    pub(super) kind: Vec<NodeKind>,
    pub(super) is_described: Vec<bool>,
    pub(super) is_marked: Vec<bool>,
}

/// Edges by number, and the edges of a node by its number.
#[derive(Debug, Default)]
pub(super) struct Edges {
    pub(super) from: Vec<u32>,
    pub(super) to: Vec<u32>,
    pub(super) kind: Vec<u16>,
    pub(super) flags: Vec<u8>,
    pub(super) origin: Vec<u32>,
    out_start: Vec<u32>,
    in_start: Vec<u32>,
    in_edges: Vec<u32>,
}

impl Edges {
    /// Edges of rows in any order; equal ones become one.
    pub(super) fn from_rows(nodes: usize, mut rows: Vec<Row>) -> Self {
        rows.sort_unstable_by_key(|r| (r.from, r.to, r.kind, r.flags & IMPLIED, r.origin));
        rows.dedup_by(|next, kept| {
            let is_same = (next.from, next.to, next.kind) == (kept.from, kept.to, kept.kind);
            if is_same {
                // Observed if it ever was; inherited only if nowhere stated on the object itself.
                kept.flags |= next.flags & OBSERVED;
                kept.flags &= !INHERITED | next.flags;
            }
            is_same
        });
        let mut edges = Self {
            from: rows.iter().map(|r| r.from).collect(),
            to: rows.iter().map(|r| r.to).collect(),
            kind: rows.iter().map(|r| r.kind).collect(),
            flags: rows.iter().map(|r| r.flags).collect(),
            origin: rows.iter().map(|r| r.origin).collect(),
            ..Self::default()
        };
        drop(rows);
        edges.out_start = starts(nodes, edges.from.iter().copied());
        edges.in_start = starts(nodes, edges.to.iter().copied());
        edges.in_edges = vec![0; edges.to.len()];
        let mut next = edges.in_start.clone();
        for (edge, to) in (0u32..).zip(&edges.to) {
            if let Some(place) = next.get_mut(*to as usize) {
                super::total::set(&mut edges.in_edges, *place, edge);
                *place += 1;
            }
        }
        edges
    }

    /// The rows again, to add to them.
    pub(super) fn to_rows(&self) -> Vec<Row> {
        let row = |edge: u32| Row {
            from: at(&self.from, edge),
            to: at(&self.to, edge),
            kind: at(&self.kind, edge),
            flags: at(&self.flags, edge),
            origin: at(&self.origin, edge),
        };
        (0..number(self.to.len())).map(row).collect()
    }

    /// Numbers of the edges that leave a node.
    #[inline]
    pub(super) fn out(&self, node: u32) -> Range<u32> {
        at(&self.out_start, node)..at(&self.out_start, node + 1)
    }

    /// Numbers of the edges that end at a node.
    #[inline]
    pub(super) fn incoming(&self, node: u32) -> &[u32] {
        slice(&self.in_edges, at(&self.in_start, node)..at(&self.in_start, node + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_are_whole_parts_of_an_identifier() {
        let endings = ["-512".to_owned(), "S-1-5-9".to_owned()];
        for (id, expected) in [
            ("S-1-5-21-1-2-3-512", true),
            ("S-1-5-21-1-2-3-1512", false),
            ("EZ.LAB-S-1-5-9", true),
            ("S-1-5-9", true),
            ("XS-1-5-9", false),
            ("S-1-5-90", false),
        ] {
            assert_eq!(ends_with_any(id, &endings), expected, "{id}");
        }
    }
}
