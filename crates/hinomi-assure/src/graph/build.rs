//! Puts nodes and edges from any number of documents together into one graph.
//!
//! # Invariants
//! - The graph does not depend on the order in which documents, nodes and edges came: numbers follow the identifiers, an
//!   edge that is stated twice is one edge that names its first place by document and offset.
//! - Nothing is dropped unsaid: what exceeds a bound is counted in [`Dropped`] and makes the graph incomplete.
//!
//! # Trust
//! Identifiers, names and counts come from exports that an intruder may have written; [`Bounds`] holds for all of them.
//!
//! # Not here
//! Formats ([`super::import`]); what a directory implies ([`super::complete`]).

use std::collections::BTreeMap;
use std::sync::Arc;

use hinomi_model::{DiagnosticKind, Diagnostics};

use super::catalogue::{Catalogue, NodeKind};
use super::store::{Edges, Graph, Node, Nodes, Origin};
use super::texts::{Interner, Texts};
use super::total::{at, number, set};

/// How large a graph may become.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Nodes.
    pub nodes: usize,
    /// Statements of edges, before equal ones are joined.
    pub edges: usize,
    /// Bytes of all identifiers, and of all names.
    pub text_bytes: usize,
    /// Bytes of one identifier or name.
    pub name_bytes: usize,
    /// Bytes of one object of a JSON document.
    pub object_bytes: usize,
    /// Kinds of edges that the catalogue does not have.
    pub unknown_kinds: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            nodes: 10_000_000,
            edges: 60_000_000,
            text_bytes: 1 << 30,
            name_bytes: 1024,
            object_bytes: 256 << 20,
            unknown_kinds: 1024,
        }
    }
}

/// Number of a document of one builder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DocumentId(u32);

/// Number of a place in a document of one builder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PlaceId(pub(super) u32);

/// What did not fit into [`Bounds`].
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Dropped {
    /// Nodes, with every edge that touches them.
    pub nodes: u64,
    /// Edges.
    pub edges: u64,
}

/// One edge as an import states it; `from` gains `to`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) kind: u16,
    pub(super) flags: u8,
    pub(super) origin: u32,
}

/// The edge was seen in use.
pub(super) const OBSERVED: u8 = 1;
/// The edge comes from an access list higher up.
pub(super) const INHERITED: u8 = 2;
/// No document states the edge; the directory implies it.
pub(super) const IMPLIED: u8 = 4;

/// First unknown kind; what is below stands in the catalogue.
const UNKNOWN_BASE: u16 = 1 << 15;
const NO_LABEL: u32 = u32::MAX;

#[derive(Clone, Copy, Default)]
struct Draft {
    kind: NodeKind,
    /// A document describes the node itself, it is not only pointed at.
    is_described: bool,
    is_marked: bool,
    label: u32,
}

/// Collects nodes and edges.
pub struct Builder {
    pub(super) catalogue: Arc<Catalogue>,
    pub(super) bounds: Bounds,
    pub(super) diagnostics: Diagnostics,
    ids: Interner,
    labels: Interner,
    drafts: Vec<Draft>,
    rows: Vec<Row>,
    documents: Vec<String>,
    origins: Vec<Origin>,
    /// Unknown kinds of edges in order of arrival.
    unknown: BTreeMap<String, u16>,
    /// Nodes that are another one.
    same: Vec<(u32, u32)>,
    dropped: Dropped,
}

impl Builder {
    /// An empty graph.
    pub fn new(catalogue: Arc<Catalogue>, bounds: Bounds) -> Self {
        Self {
            catalogue,
            bounds,
            diagnostics: Diagnostics::default(),
            ids: Interner::default(),
            labels: Interner::default(),
            drafts: Vec::new(),
            rows: Vec::new(),
            documents: Vec::new(),
            origins: Vec::new(),
            unknown: BTreeMap::new(),
            same: Vec::new(),
            dropped: Dropped::default(),
        }
    }

    /// Every node so far, as it will be shown if nothing more is said of it.
    pub fn nodes(&self) -> impl Iterator<Item = Node<'_>> {
        self.drafts.iter().zip(0u32..).map(|(draft, node)| {
            let id = self.ids.texts().text(node);
            let kind = self.catalogue.nodes.get(usize::from(draft.kind));
            Node {
                id,
                name: if draft.label == NO_LABEL { id } else { self.labels.texts().text(draft.label) },
                kind: kind.map_or("unknown", |(name, _)| name),
                is_described: draft.is_described,
            }
        })
    }

    /// Says that two identifiers mean one node, which goes by the second. False where one of them is not known.
    pub fn same(&mut self, id: &str, is: &str) -> bool {
        let (Some(id), Some(is)) = (self.ids.find(self.bounded(id)), self.ids.find(self.bounded(is))) else {
            return false;
        };
        self.same.push((id, is));
        true
    }

    /// Begins a document, whose name is shown wherever an edge is cited.
    pub fn document(&mut self, name: &str) -> DocumentId {
        self.documents.push(name.to_owned());
        DocumentId(number(self.documents.len() - 1))
    }

    /// A place of a document, by the byte offset of what states an edge.
    pub fn place(&mut self, document: DocumentId, offset: u64) -> PlaceId {
        self.origins.push(Origin { document: document.0, offset });
        PlaceId(number(self.origins.len() - 1))
    }

    /// Notes what a document says of a node itself; `kind` is a name of the catalogue. False where a bound is reached.
    pub fn describe(&mut self, id: &str, kind: &str, name: &str, is_marked: bool) -> bool {
        let kind = self.node_kind(kind);
        let node = self.node(id, kind);
        if let Some(node) = node {
            self.describe_node(node, kind, name, is_marked);
        }
        node.is_some()
    }

    /// An edge between identifiers; `from` gains `to`, unless the name states it the other way round. False where a bound
    /// is reached.
    pub fn edge(&mut self, from: &str, kind: &str, to: &str, is_observed: bool, place: PlaceId) -> bool {
        let unknown = self.catalogue.unknown_node();
        let ends = (self.node(from, unknown), self.node(to, unknown));
        let (Some(from), Some(to)) = ends else {
            self.drop_edge();
            return false;
        };
        let flags = if is_observed { OBSERVED } else { 0 };
        self.link(from, to, kind, flags, place)
    }

    pub(super) fn node_kind(&self, name: &str) -> NodeKind {
        self.catalogue.node(name).unwrap_or(self.catalogue.unknown_node())
    }

    pub(super) fn node(&mut self, id: &str, kind: NodeKind) -> Option<u32> {
        let id = self.bounded(id);
        if let Some(known) = self.ids.find(id) {
            let unknown = self.catalogue.unknown_node();
            if let Some(draft) = self.drafts.get_mut(known as usize) {
                // The unknown kind is the last one: the least is the best known.
                if !draft.is_described && (draft.kind == unknown || kind < draft.kind) {
                    draft.kind = kind;
                }
            }
            return Some(known);
        }
        let is_full = self.drafts.len() >= self.bounds.nodes
            || self.ids.texts().bytes() + id.len() > self.bounds.text_bytes;
        if is_full || id.is_empty() {
            self.dropped.nodes += 1;
            return None;
        }
        self.drafts.push(Draft { kind, label: NO_LABEL, ..Draft::default() });
        Some(self.ids.intern(id))
    }

    /// Of several descriptions the least kind and the least name count, so that order does not.
    pub(super) fn describe_node(&mut self, node: u32, kind: NodeKind, name: &str, is_marked: bool) {
        let name = self.bounded(name);
        let fits = self.labels.texts().bytes() + name.len() <= self.bounds.text_bytes;
        let label = if name.is_empty() || !fits { NO_LABEL } else { self.labels.intern(name) };
        let Some(draft) = self.drafts.get_mut(node as usize) else { return };
        draft.kind = if draft.is_described { draft.kind.min(kind) } else { kind };
        draft.is_described = true;
        draft.is_marked |= is_marked;
        let known = (draft.label != NO_LABEL).then(|| self.labels.texts().text(draft.label));
        if label != NO_LABEL && known.is_none_or(|known| name < known) {
            draft.label = label;
        }
    }

    pub(super) fn link(&mut self, from: u32, to: u32, kind: &str, flags: u8, place: PlaceId) -> bool {
        let (kind, is_reversed) = self.kind(kind);
        let (from, to) = if is_reversed { (to, from) } else { (from, to) };
        self.push(Row { from, to, kind, flags, origin: place.0 })
    }

    /// Number of the kind that a name states, and whether it states it the other way round.
    pub(super) fn kind(&mut self, name: &str) -> (u16, bool) {
        self.catalogue.edge(name).unwrap_or_else(|| (self.unknown_kind(name), false))
    }

    /// Counts an edge whose ends did not fit.
    pub(super) fn drop_edge(&mut self) {
        self.dropped.edges += 1;
    }

    pub(super) fn push(&mut self, row: Row) -> bool {
        if self.rows.len() >= self.bounds.edges {
            self.drop_edge();
            return false;
        }
        self.rows.push(row);
        true
    }

    fn unknown_kind(&mut self, name: &str) -> u16 {
        let name = self.bounded(name);
        if let Some(kind) = self.unknown.get(name) {
            return *kind;
        }
        let is_full = self.unknown.len() >= self.bounds.unknown_kinds;
        let name = if is_full { "unknown" } else { name };
        let next = UNKNOWN_BASE.saturating_add(u16::try_from(self.unknown.len()).unwrap_or(u16::MAX));
        *self.unknown.entry(name.to_owned()).or_insert(next)
    }

    /// The text, cut to what one name may have.
    fn bounded<'t>(&self, text: &'t str) -> &'t str {
        text.get(..text.floor_char_boundary(self.bounds.name_bytes)).unwrap_or_default()
    }

    /// The graph, and what could not be read or did not fit.
    pub fn finish(mut self) -> (Graph, Diagnostics) {
        let joined = self.join_names();
        let mut order: Vec<u32> = (0..number(self.drafts.len())).filter(|n| at(&joined, *n) == *n).collect();
        order.sort_unstable_by(|a, b| self.ids.texts().text(*a).cmp(self.ids.texts().text(*b)));
        let mut rank = vec![0; self.drafts.len()];
        for (new, old) in order.iter().enumerate() {
            set(&mut rank, *old, number(new));
        }
        let (documents, origins, origin_rank) = self.ordered_origins();
        let kinds: Vec<u16> = self.ordered_kinds();
        for row in &mut self.rows {
            row.from = at(&rank, at(&joined, row.from));
            row.to = at(&rank, at(&joined, row.to));
            row.origin = at(&origin_rank, row.origin);
            if row.kind >= UNKNOWN_BASE {
                row.kind = at(&kinds, u32::from(row.kind - UNKNOWN_BASE));
            }
        }
        let mut edge_kinds = self.catalogue.edges.clone();
        edge_kinds.extend(self.unknown.keys().map(|name| self.catalogue.unknown_edge(name)));
        let nodes = self.ordered_nodes(&order);
        let rows = std::mem::take(&mut self.rows);
        let edges = Edges::from_rows(nodes.kind.len(), rows);
        let graph = Graph {
            catalogue: self.catalogue,
            kinds: edge_kinds,
            nodes,
            edges,
            documents,
            origins,
            dropped: self.dropped,
        };
        let graph = graph.complete();
        let Dropped { nodes, edges } = graph.dropped;
        if nodes + edges > 0 {
            let message = format!("{nodes} nodes and {edges} edges did not fit");
            self.diagnostics.push("graph", 0, DiagnosticKind::LimitExceeded, message);
        }
        (graph, self.diagnostics)
    }

    /// For every node the one that it is: a node that nothing describes, whose identifier is the name of exactly one
    /// described node, is that node. So lists that people write can use names.
    fn join_names(&mut self) -> Vec<u32> {
        let mut by_name: BTreeMap<String, Option<u32>> = BTreeMap::new();
        let pointed = |d: &Draft| !d.is_described;
        let wanted = self.drafts.iter().zip(0u32..).filter(|(d, _)| pointed(d));
        for (_, node) in wanted {
            by_name.insert(self.ids.texts().text(node).to_lowercase(), None);
        }
        let mut ambiguous: Vec<String> = Vec::new();
        for (draft, node) in self.drafts.iter().zip(0u32..).filter(|(d, _)| d.label != NO_LABEL) {
            let name = self.labels.texts().text(draft.label).to_lowercase();
            if let Some(known) = by_name.get_mut(&name) {
                match known {
                    None => *known = Some(node),
                    Some(_) => ambiguous.push(name),
                }
            }
        }
        ambiguous.sort_unstable();
        ambiguous.dedup();
        for name in ambiguous {
            by_name.remove(&name);
            let message = format!("«{name}» is the name of several nodes: kept as one of its own");
            self.diagnostics.push("graph", 0, DiagnosticKind::Unrecognised, message);
        }
        let target = |(draft, node): (&Draft, u32)| {
            let name = self.ids.texts().text(node).to_lowercase();
            pointed(draft).then(|| by_name.get(&name).copied().flatten()).flatten().unwrap_or(node)
        };
        let mut joined: Vec<u32> = self.drafts.iter().zip(0u32..).map(target).collect();
        for (node, is) in &self.same {
            // What the other one is itself counts; two that are each other stay apart.
            let meant = at(&joined, *is);
            if meant != *node {
                set(&mut joined, *node, meant);
            }
        }
        joined
    }

    /// Documents by name, places by document and offset, and the new number of every place.
    fn ordered_origins(&mut self) -> (Vec<String>, Vec<Origin>, Vec<u32>) {
        let mut by_name: Vec<u32> = (0..number(self.documents.len())).collect();
        by_name.sort_by_key(|d| self.documents.get(*d as usize));
        let mut rank = vec![0; by_name.len()];
        for (new, old) in by_name.iter().enumerate() {
            set(&mut rank, *old, number(new));
        }
        let mut documents = std::mem::take(&mut self.documents);
        documents.sort();
        let mut origins = std::mem::take(&mut self.origins);
        for origin in &mut origins {
            origin.document = at(&rank, origin.document);
        }
        let mut order: Vec<u32> = (0..number(origins.len())).collect();
        order.sort_by_key(|o| at(&origins, *o));
        let mut origin_rank = vec![0; order.len()];
        for (new, old) in order.iter().enumerate() {
            set(&mut origin_rank, *old, number(new));
        }
        origins.sort_unstable();
        (documents, origins, origin_rank)
    }

    /// The number of every unknown kind, by order of arrival: behind the known ones, by name.
    fn ordered_kinds(&self) -> Vec<u16> {
        let mut kinds = vec![0; self.unknown.len()];
        for (new, arrived) in (self.catalogue.edges.len()..).zip(self.unknown.values()) {
            set(&mut kinds, u32::from(arrived - UNKNOWN_BASE), u16::try_from(new).unwrap_or(u16::MAX));
        }
        kinds
    }

    fn ordered_nodes(&self, order: &[u32]) -> Nodes {
        let (mut ids, mut names) = (Texts::default(), Texts::default());
        let mut nodes = Nodes::default();
        for old in order {
            let draft = at(&self.drafts, *old);
            ids.push(self.ids.texts().text(*old));
            names.push(if draft.label == NO_LABEL { "" } else { self.labels.texts().text(draft.label) });
            nodes.kind.push(draft.kind);
            nodes.is_described.push(draft.is_described);
            nodes.is_marked.push(draft.is_marked);
        }
        ids.shrink();
        names.shrink();
        nodes.ids = ids;
        nodes.names = names;
        nodes
    }
}
