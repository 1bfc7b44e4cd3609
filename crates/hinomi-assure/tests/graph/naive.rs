//! Slow and obvious answers to the same questions, over edges as a list of names.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;

/// From, kind, to.
pub type Line = (u8, &'static str, u8);

/// Kinds with what it costs to cut them (0: cannot be cut); the last one is never walked.
pub const KINDS: [(&str, u64); 6] = [
    ("member-of", 0),
    ("contains", 0),
    ("can-rdp", 1),
    ("stores-secret", 2),
    ("has-session", 3),
    ("get-changes", u64::MAX),
];

pub fn name(node: u8) -> String {
    format!("n{node}")
}

pub fn cost(kind: &str) -> u64 {
    KINDS.iter().find(|(name, _)| *name == kind).unwrap().1
}

pub fn lines(nodes: u8, most: usize) -> impl Strategy<Value = Vec<Line>> {
    let line = (0..nodes, 0..KINDS.len(), 0..nodes).prop_map(|(from, kind, to)| (from, KINDS[kind].0, to));
    vec(line, 0..most)
}

/// What is reached from `start` over edges that `passes`.
pub fn reach(lines: &[Line], start: &BTreeSet<u8>, passes: impl Fn(&Line) -> bool) -> BTreeSet<u8> {
    let mut reached = start.clone();
    loop {
        let new: Vec<u8> = lines
            .iter()
            .filter(|l| passes(l) && reached.contains(&l.0) && !reached.contains(&l.2))
            .map(|l| l.2)
            .collect();
        if new.is_empty() {
            return reached;
        }
        reached.extend(new);
    }
}

pub fn walked(line: &Line) -> bool {
    cost(line.1) != u64::MAX
}

/// Every set of edges that separates at least cost, by trying all of them.
pub fn cheapest_cuts(
    lines: &[Line],
    sources: &BTreeSet<u8>,
    targets: &BTreeSet<u8>,
) -> (u64, Vec<BTreeSet<Line>>) {
    let distinct: BTreeSet<Line> = lines.iter().copied().filter(walked).collect();
    let cuttable: Vec<Line> = distinct.iter().copied().filter(|l| cost(l.1) > 0).collect();
    let mut best = (u64::MAX, Vec::new());
    for choice in 0..1u32 << cuttable.len() {
        let cut: BTreeSet<Line> =
            cuttable.iter().enumerate().filter(|(n, _)| choice >> n & 1 == 1).map(|(_, l)| *l).collect();
        let price: u64 = cut.iter().map(|l| cost(l.1)).sum();
        if price > best.0 || !reach(lines, sources, |l| walked(l) && !cut.contains(l)).is_disjoint(targets) {
            continue;
        }
        if price < best.0 {
            best = (price, Vec::new());
        }
        best.1.push(cut);
    }
    best
}

/// Length of the shortest walk from every node to a target, and how many of that length there are, by taking all walks of
/// one length after the other.
pub fn shortest_ways(lines: &[Line], nodes: u8, targets: &BTreeSet<u8>) -> BTreeMap<u8, (u32, u64)> {
    let edges: BTreeSet<Line> = lines.iter().copied().filter(walked).collect();
    let mut found = BTreeMap::new();
    for start in 0..nodes {
        let mut ends: Vec<u8> = vec![start];
        for length in 0..u32::from(nodes) {
            let arrived = ends.iter().filter(|end| targets.contains(end)).count() as u64;
            if arrived > 0 {
                found.insert(start, (length, arrived));
                break;
            }
            ends = ends.iter().flat_map(|end| edges.iter().filter(|l| l.0 == *end).map(|l| l.2)).collect();
            assert!(ends.len() < 1_000_000, "small graphs only");
        }
    }
    found
}
