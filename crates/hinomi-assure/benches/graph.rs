//! A directory of half a million nodes and five million edges: building it, reach, exposure and minimum cuts, with
//! memory, and each as a ratio to a plain breadth-first walk over the same edges in the same run.
//!
//! `cargo bench -p hinomi-assure --bench graph [-- NODES EDGES SEED]`; with `--edges` behind these the edges are printed
//! as a list instead, for `hinomi reach --exports`.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark fails by panicking"
)]

#[path = "../tests/graph/generator.rs"]
mod generator;

use std::collections::{HashMap, VecDeque};
use std::fmt::Write;
use std::sync::Arc;

use generator::{Draw, Shape, directory, users_and_jewels};
use hinomi_assure::graph::{
    Bounds, Builder, Catalogue, CutQuestion, DirectoryFormat, Graph, NodeId, Passage,
};

/// Processor time of this thread; a busy machine does not count.
fn processor_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1e9
}

/// Most memory that the process has held, and what it holds now, in MB.
fn megabytes() -> (u64, u64) {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let field = |name: &str| {
        let line = text.lines().find(|l| l.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    };
    (field("VmHWM:"), field("VmRSS:"))
}

fn timed<T>(what: &str, baseline: Option<f64>, work: impl FnOnce() -> T) -> (T, f64) {
    let before = processor_seconds();
    let result = work();
    let seconds = processor_seconds() - before;
    let (peak, now) = megabytes();
    let ratio = baseline.map_or(String::new(), |b| format!("{:8.1} × walk", seconds / b));
    println!("{what:<44} {seconds:8.3} s CPU {ratio:>15}  peak {peak:5} MB, now {now:5} MB");
    (result, seconds)
}

/// The baseline: every edge once, over lists of neighbours as anybody would write them.
fn walk(neighbours: &[Vec<u32>], start: &[u32]) -> usize {
    let mut seen = vec![false; neighbours.len()];
    let mut queue: VecDeque<u32> = start.iter().copied().collect();
    start.iter().for_each(|n| seen[*n as usize] = true);
    let mut count = 0;
    while let Some(node) = queue.pop_front() {
        count += 1;
        for next in &neighbours[node as usize] {
            if !seen[*next as usize] {
                seen[*next as usize] = true;
                queue.push_back(*next);
            }
        }
    }
    count
}

fn cut(graph: &Graph, what: &str, sources: &[NodeId], targets: &[NodeId], walk: f64) {
    let question = CutQuestion::new(sources, targets);
    let what = format!("minimum cut: {what}");
    let (answer, _) = timed(&what, Some(walk), || graph.minimum_cut(&question).unwrap());
    let size = answer.size;
    println!(
        "    {} edges cost {}, flow {}; {} sources inseparable; {} of {} nodes between, joined to {} with {} arcs; {} phases, {} steps",
        answer.edges.len(),
        answer.cost,
        answer.flow,
        answer.inseparable.len(),
        size.nodes_between,
        graph.node_count(),
        size.nodes_joined,
        size.arcs,
        size.phases,
        size.steps,
    );
    assert!(
        graph.separates(&answer.edges, sources, targets, question.passage) || !answer.inseparable.is_empty()
    );
}

fn main() {
    let given: Vec<u64> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    let number = |n: usize, otherwise: u64| given.get(n).copied().unwrap_or(otherwise);
    let shape =
        Shape { nodes: number(0, 500_000) as u32, edges: number(1, 5_200_000) as u32, seed: number(2, 1) };
    if std::env::args().any(|a| a == "--edges") {
        return print_edges(&directory(shape).finish().0);
    }
    let (builder, _) = timed("generate, with text identifiers", None, || directory(shape));
    let ((graph, _), _) = timed("build: number, sort, join equal edges", None, || builder.finish());
    println!("{} nodes, {} distinct edges", graph.node_count(), graph.edge_count());
    let (users, jewels) = users_and_jewels(&graph);
    let index: HashMap<NodeId, u32> = graph.nodes().zip(0..).collect();
    let heads = |n: NodeId| graph.edges_from(n).map(|e| index[&graph.edge(e).unwrap().to]).collect();
    let neighbours: Vec<Vec<u32>> = graph.nodes().map(heads).collect();
    let first: Vec<u32> = (0..graph.node_count() as u32).step_by(1000).collect();
    let (reached, base) =
        timed("baseline: breadth-first walk, all edges", None, || walk(&neighbours, &first));
    println!("    {reached} nodes");
    drop((neighbours, index));
    let (radius, _) =
        timed("blast radius of one user", Some(base), || graph.blast_radius(&users[..1], Passage::default()));
    println!("    {} in fact, {} possible", radius.in_fact.nodes().len(), radius.possible.nodes().len());
    let (exposure, _) =
        timed("exposure of all users", Some(base), || graph.exposure(&users, &jewels, Passage::default()));
    println!("    {:?}", exposure.figures());
    let mut draw = Draw(7);
    let few: Vec<NodeId> = (0..1000).map(|_| users[draw.below(users.len() as u32) as usize]).collect();
    cut(&graph, "all users", &users, &jewels, base);
    cut(&graph, "1,000 users", &few, &jewels, base);
    cut(&graph, "one user", &few[..1], &jewels, base);
    let hosts = graph.of_kind("host");
    let outside: Vec<NodeId> = hosts.into_iter().filter(|h| graph.node(*h).id.starts_with("ws")).collect();
    cut(&graph, "all workstations", &outside, &jewels, base);
    let servers: Vec<NodeId> =
        graph.of_kind("host").into_iter().filter(|h| graph.node(*h).id.starts_with("srv")).collect();
    cut(&graph, "all users from all servers", &users, &servers, base);
    cut(&graph, "all workstations from all servers", &outside, &servers, base);
    let (again, _) = timed("difference to itself", Some(base), || graph.difference(&graph));
    assert_eq!(again, hinomi_assure::graph::Difference::default());
    import(&graph);
}

/// The edges as a list for the command line.
fn print_edges(graph: &Graph) {
    println!("from,kind,to,observed,from_kind,to_kind");
    for edge in graph.edges().filter_map(|e| graph.edge(e)).filter(|e| e.origin.is_some()) {
        let (from, to) = (graph.node(edge.from), graph.node(edge.to));
        let observed = if edge.is_observed { "yes" } else { "" };
        println!("{},{},{},{observed},{},{}", from.id, edge.kind.name, to.id, from.kind, to.kind);
    }
}

/// An export that states the first million edges as rights, and how fast it is read.
fn import(graph: &Graph) {
    let mut text = String::from("{\"data\":[");
    let mut edges = 0;
    for node in graph.nodes() {
        if text.len() > 150 << 20 {
            break;
        }
        let shown = graph.node(node);
        let comma = if text.ends_with('[') { "" } else { "," };
        write!(
            text,
            "{comma}{{\"ObjectIdentifier\":\"{}\",\"Properties\":{{\"name\":\"{}\"}},\"Aces\":[",
            shown.id, shown.name
        )
        .unwrap();
        for (n, edge) in graph.edges_to(node).map(|e| graph.edge(e).unwrap()).enumerate() {
            let (comma, from) = (if n == 0 { "" } else { "," }, graph.node(edge.from).id);
            write!(
                text,
                "{comma}{{\"PrincipalSID\":\"{from}\",\"PrincipalType\":\"Group\",\"RightName\":\"{}\",\"IsInherited\":false}}",
                edge.kind.name
            )
            .unwrap();
            edges += 1;
        }
        text.push_str("]}");
    }
    text.push_str("],\"meta\":{\"type\":\"users\",\"version\":5}}");
    let catalogue = Arc::new(Catalogue::bundled().unwrap());
    let format = DirectoryFormat::bundled(&catalogue).unwrap();
    let mut builder = Builder::new(catalogue, Bounds::default());
    let megabytes = text.len() as f64 / 1e6;
    let ((), plain) = timed("baseline: parse into a tree that keeps nothing", None, || {
        serde_json::from_str::<serde::de::IgnoredAny>(&text).unwrap();
    });
    let (import, seconds) = timed("import of a directory export", None, || {
        builder.read_directory(&format, "export", text.as_bytes())
    });
    assert_eq!(import.statements, edges);
    println!(
        "    {megabytes:.0} MB, {edges} edges: {:.0} MB per CPU second, {:.1} × passing over the same JSON",
        megabytes / seconds,
        seconds / plain
    );
}
