//! The cut as a drawing: sources on the left, what is protected on the right, the edges to cut between.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use hinomi_assure::estate::{CutEdgeEntry, CutEntry};

use crate::args::Lang;
use crate::document::escape;

/// Edges drawn; the list below the drawing has them all.
const MOST_ROWS: usize = 14;
const ROW: usize = 58;
const WIDTH: usize = 1000;
const SIDE: usize = 210;
const MIDDLE: (usize, usize) = (330, 340);
const TOP: usize = 30;

/// The drawing as SVG; empty without edges.
pub(super) fn drawing(cut: &CutEntry, lang: Lang) -> String {
    let rows: Vec<&CutEdgeEntry> = cut.edges.iter().filter(|e| !e.way.is_empty()).take(MOST_ROWS).collect();
    if rows.is_empty() {
        return String::new();
    }
    let height = TOP + rows.len() * ROW + 8;
    let words =
        if lang == Lang::Ja { ["起点", "断つ", "守る対象"] } else { ["from", "cut", "protected"] };
    let mut svg = format!(
        "<div class=\"scroll\"><svg class=\"cut\" viewBox=\"0 0 {WIDTH} {height}\" width=\"100%\" role=\"img\"><title>{}</title>",
        words.join(" – ")
    );
    let columns = [(SIDE / 2, words[0]), (MIDDLE.0 + MIDDLE.1 / 2, words[1]), (WIDTH - SIDE / 2, words[2])];
    for (x, word) in columns {
        let _ = write!(svg, "<text class=\"c\" x=\"{x}\" y=\"14\" text-anchor=\"middle\">{word}</text>");
    }
    let sources = places(rows.iter().map(|e| e.way.first().map_or("", |s| s.from.as_str())));
    let targets = places(rows.iter().map(|e| e.way.last().map_or("", |s| s.to.as_str())));
    for (number, edge) in rows.iter().enumerate() {
        let y = middle_of(number);
        let from = edge.way.first().and_then(|s| sources.get(s.from.as_str())).copied().unwrap_or(y);
        let to = edge.way.last().and_then(|s| targets.get(s.to.as_str())).copied().unwrap_or(y);
        let after = edge.way.len().saturating_sub(edge.before + 1);
        link(&mut svg, (SIDE, from), (MIDDLE.0, y), edge.before);
        link(&mut svg, (MIDDLE.0 + MIDDLE.1, y), (WIDTH - SIDE, to), after);
        chip(&mut svg, edge, y, lang);
    }
    for (side, x) in [(&sources, 0), (&targets, WIDTH - SIDE)] {
        for (name, y) in side {
            let _ = write!(
                svg,
                "<rect class=\"end\" x=\"{x}\" y=\"{}\" width=\"{SIDE}\" height=\"30\" rx=\"6\"/><text x=\"{}\" y=\"{}\" text-anchor=\"middle\"><title>{}</title>{}</text>",
                y - 15,
                x + SIDE / 2,
                y + 4,
                escape(name),
                escape(&short(name, 26))
            );
        }
    }
    svg.push_str("</svg></div>");
    svg
}

fn middle_of(row: usize) -> usize {
    TOP + row * ROW + ROW / 2
}

/// Where each name stands: in the middle of its rows, not nearer than one row to the one above.
fn places<'n>(names: impl Iterator<Item = &'n str>) -> BTreeMap<&'n str, usize> {
    let mut rows: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (row, name) in names.enumerate() {
        rows.entry(name).or_default().push(row);
    }
    let mut wanted: Vec<(usize, &str)> = rows
        .into_iter()
        .map(|(name, rows)| (rows.iter().map(|r| middle_of(*r)).sum::<usize>() / rows.len().max(1), name))
        .collect();
    wanted.sort_unstable();
    let mut least = 0;
    let placed = wanted.into_iter().map(|(y, name)| {
        let y = y.max(least);
        least = y + 36;
        (name, y)
    });
    placed.collect()
}

/// A line from one box to the next, with the number of steps that it stands for.
fn link(svg: &mut String, from: (usize, usize), to: (usize, usize), steps: usize) {
    let middle = usize::midpoint(from.0, to.0);
    let _ = write!(
        svg,
        "<path class=\"way\" d=\"M{} {} C{middle} {} {middle} {} {} {}\"/>",
        from.0, from.1, from.1, to.1, to.0, to.1
    );
    if steps > 1 {
        let y = usize::midpoint(from.1, to.1);
        let _ = write!(
            svg,
            "<circle class=\"hops\" cx=\"{middle}\" cy=\"{y}\" r=\"10\"/><text class=\"c\" x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{steps}</text>",
            y + 4
        );
    }
}

fn chip(svg: &mut String, edge: &CutEdgeEntry, y: usize, lang: Lang) {
    let (x, width) = MIDDLE;
    let _ = write!(
        svg,
        "<rect class=\"chip\" x=\"{x}\" y=\"{}\" width=\"{width}\" height=\"46\" rx=\"6\"/><text x=\"{}\" y=\"{}\"><title>{}</title>{}</text><text class=\"snip\" x=\"{}\" y=\"{}\">✂ {}</text>",
        y - 23,
        x + 12,
        y - 5,
        escape(if lang == Lang::Ja { &edge.edge.sentence.ja } else { &edge.edge.sentence.en }),
        escape(&short(&edge.edge.from, 42)),
        x + 12,
        y + 14,
        escape(&short(&format!("→ {}", edge.edge.to), 42))
    );
}

/// The beginning of a name that fits into so many columns.
fn short(name: &str, columns: usize) -> String {
    crate::render::style::fit(name, columns)
}
