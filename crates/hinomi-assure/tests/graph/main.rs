//! The graph of reach: imports, questions and cuts, against naive references and counts made by hand.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

mod corpus;
mod cuts;
mod directory;
mod generator;
mod hostile;
mod lists;
mod naive;
mod questions;

use std::sync::{Arc, LazyLock};

use hinomi_assure::graph::{Bounds, Builder, Catalogue, DirectoryFormat, EdgeId, Graph, NodeId};
use hinomi_model::Diagnostics;

static CATALOGUE: LazyLock<Arc<Catalogue>> = LazyLock::new(|| Arc::new(Catalogue::bundled().unwrap()));
static FORMAT: LazyLock<DirectoryFormat> = LazyLock::new(|| DirectoryFormat::bundled(&CATALOGUE).unwrap());

fn builder() -> Builder {
    Builder::new(Arc::clone(&CATALOGUE), Bounds::default())
}

/// A graph of lines `from,kind,to` or `from,kind,to,observed`.
fn graph(lines: &[&str]) -> Graph {
    let (graph, diagnostics) = imported(&format!("from,kind,to,observed\n{}", lines.join("\n")));
    assert!(diagnostics.is_empty(), "{:?}", diagnostics.entries());
    graph
}

fn imported(text: &str) -> (Graph, Diagnostics) {
    let mut builder = builder();
    builder.read_edges("edges.csv", text.as_bytes());
    builder.finish()
}

fn node(graph: &Graph, id: &str) -> NodeId {
    graph.find(id).unwrap()
}

fn nodes(graph: &Graph, ids: &[&str]) -> Vec<NodeId> {
    ids.iter().map(|id| node(graph, id)).collect()
}

/// Edges as `from kind to`.
fn shown(graph: &Graph, edges: &[EdgeId]) -> Vec<String> {
    let line = |id: &EdgeId| {
        let edge = graph.edge(*id).unwrap();
        format!("{} {} {}", graph.node(edge.from).id, edge.kind.name, graph.node(edge.to).id)
    };
    edges.iter().map(line).collect()
}
