//! Who came from where to which host, step by step.

use std::collections::BTreeMap;

use super::super::claim::Claims;
use super::super::markup::{escape, word};
use super::super::model::IncidentDoc;

/// Nodes per column.
const MOST_NODES: usize = 10;
const COLUMNS: [(&str, i64); 3] = [("address", 10), ("account", 370), ("host", 730)];
const WIDTH: i64 = 250;

/// Column and row.
type Node = (usize, usize);

/// Nodes of the three columns with the step that first shows them, and edges with theirs.
#[derive(Default)]
struct Graph {
    columns: [Vec<(String, usize)>; 3],
    edges: BTreeMap<(Node, Node), usize>,
}

impl Graph {
    fn node(&mut self, column: usize, name: &str, step: usize) -> Option<(usize, usize)> {
        let nodes = self.columns.get_mut(column)?;
        let known = nodes.iter().position(|n| n.0.eq_ignore_ascii_case(name));
        if let Some(at) = known {
            return Some((column, at));
        }
        if nodes.len() >= MOST_NODES {
            return None;
        }
        nodes.push((name.to_owned(), step));
        Some((column, nodes.len() - 1))
    }

    fn edge(&mut self, a: Option<(usize, usize)>, b: Option<(usize, usize)>, step: usize) {
        if let (Some(a), Some(b)) = (a, b) {
            self.edges.entry((a, b)).or_insert(step);
        }
    }
}

pub(super) fn graph(claims: &Claims<'_>, number: usize, incident: &IncidentDoc, out: &mut String) {
    let mut graph = Graph::default();
    let core: Vec<_> = incident.steps.iter().filter(|s| !s.weak).collect();
    for (at, step) in core.iter().enumerate() {
        let at = at + 1;
        let from: Vec<_> = claims.origins(step).iter().map(|n| graph.node(0, n, at)).collect();
        let who: Vec<_> = claims.accounts(step).iter().map(|n| graph.node(1, n, at)).collect();
        let place: Vec<_> = claims.hosts(step).iter().map(|n| graph.node(2, n, at)).collect();
        let middle = if who.is_empty() { &place } else { &who };
        from.iter().for_each(|f| middle.iter().for_each(|m| graph.edge(*f, *m, at)));
        who.iter().for_each(|w| place.iter().for_each(|p| graph.edge(*w, *p, at)));
    }
    if graph.edges.is_empty() {
        return;
    }
    let steps = core.len();
    out.push_str(&format!(
        "<div class=\"graph card\"><h3>{}</h3>\n<input class=\"screen\" type=\"range\" min=\"1\" max=\"{steps}\" value=\"{steps}\" data-graph=\"{number}\" aria-label=\"step\"><p class=\"step-now screen\"></p>\n",
        word("From where, with whose credentials, to which host", "どこから、誰の資格情報で、どのホストへ"),
    ));
    picture(&graph, out);
    out.push_str("</div>\n");
}

fn picture(graph: &Graph, out: &mut String) {
    let rows = graph.columns.iter().map(Vec::len).max().unwrap_or(1) as i64;
    let height = 30 + rows * 40;
    let y = |at: usize| 34 + at as i64 * 40;
    out.push_str(&format!("<svg viewBox=\"0 0 1000 {height}\" role=\"img\" aria-label=\"graph\">"));
    for (((a, i), (b, j)), step) in &graph.edges {
        let left = |column: usize| COLUMNS.get(column).map_or(0, |c| c.1);
        let (x1, y1, x2, y2) = (left(*a) + WIDTH, y(*i) + 13, left(*b), y(*j) + 13);
        let middle = i64::midpoint(x1, x2);
        out.push_str(&format!("<path class=\"edge\" data-step=\"{step}\" d=\"M{x1} {y1}C{middle} {y1} {middle} {y2} {x2} {y2}\"/>"));
        out.push_str(&format!(
            "<text class=\"d\" data-step=\"{step}\" x=\"{}\" y=\"{}\">{step}</text>",
            x2 - 18,
            y2 - 4
        ));
    }
    let names = [("Source address", "接続元"), ("Credentials", "資格情報"), ("Host", "ホスト")];
    for ((column, nodes), (en, ja)) in graph.columns.iter().enumerate().zip(names) {
        let x = COLUMNS.get(column).map_or(0, |c| c.1);
        out.push_str(&format!("<text class=\"d\" x=\"{x}\" y=\"20\">{en} · {ja}</text>"));
        for (at, (name, step)) in nodes.iter().enumerate() {
            let shown: String = name.chars().take(34).collect();
            out.push_str(&format!(
                "<g class=\"node\" data-step=\"{step}\"><title>{}</title><rect x=\"{x}\" y=\"{}\" width=\"{WIDTH}\" height=\"26\" rx=\"5\"/><text x=\"{}\" y=\"{}\">{}</text></g>",
                escape(name), y(at), x + 8, y(at) + 17, escape(&shown)
            ));
        }
    }
    out.push_str("</svg>\n");
}
