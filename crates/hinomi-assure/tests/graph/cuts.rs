//! Minimum cuts: against all subsets on small graphs, and their proof on larger ones.

use std::collections::BTreeSet;

use hinomi_assure::graph::{CutQuestion, Graph, NodeId, Price, Separation};
use proptest::prelude::*;

use crate::naive::{self, Line, cheapest_cuts, cost, name, walked};
use crate::{graph, nodes, shown};

/// A graph that has all nodes, whether lines name them or not.
fn whole(nodes: u8, lines: &[Line]) -> Graph {
    let all = (0..nodes).map(|n| format!("{},get-changes,nowhere", name(n)));
    let text: Vec<String> = lines
        .iter()
        .map(|(from, kind, to)| format!("{},{kind},{}", name(*from), name(*to)))
        .chain(all)
        .collect();
    graph(&text.iter().map(String::as_str).collect::<Vec<_>>())
}

fn ids(graph: &Graph, numbers: &BTreeSet<u8>) -> Vec<NodeId> {
    numbers.iter().map(|n| graph.find(&name(*n)).unwrap()).collect()
}

fn cut_lines(graph: &Graph, answer: &Separation) -> BTreeSet<Line> {
    let number = |id: NodeId| graph.node(id).id[1..].parse::<u8>().unwrap();
    let line = |e: &hinomi_assure::graph::EdgeId| {
        let edge = graph.edge(*e).unwrap();
        let kind = naive::KINDS.iter().find(|(name, _)| *name == edge.kind.name).unwrap().0;
        (number(edge.from), kind, number(edge.to))
    };
    answer.edges.iter().map(line).collect()
}

fn sets(nodes: u8) -> impl Strategy<Value = (BTreeSet<u8>, BTreeSet<u8>)> {
    let set = || proptest::collection::btree_set(0..nodes, 1..3);
    (set(), set())
}

fn few_cuttable(lines: &[Line]) -> bool {
    let cuttable: BTreeSet<_> = lines.iter().filter(|l| walked(l) && cost(l.1) > 0).collect();
    cuttable.len() <= 9
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_subset_of_edges_is_cheaper(
        lines in naive::lines(7, 18).prop_filter("too many subsets", |l| few_cuttable(l)),
        (sources, targets) in sets(7),
    ) {
        let graph = whole(7, &lines);
        let (from, to) = (ids(&graph, &sources), ids(&graph, &targets));
        let question = CutQuestion::new(&from, &to);
        let answer = graph.minimum_cut(&question).unwrap();

        // Sources that cannot be separated are exactly those with a way of edges that cannot be cut.
        let bound: BTreeSet<u8> = sources.iter().copied().filter(|s| {
            let reached = naive::reach(&lines, &BTreeSet::from([*s]), |l| cost(l.1) == 0);
            !reached.is_disjoint(&targets)
        }).collect();
        let set_aside: Vec<NodeId> = answer.inseparable.iter().map(|i| i.source).collect();
        prop_assert_eq!(&set_aside, &ids(&graph, &bound));
        let free: BTreeSet<u8> = sources.difference(&bound).copied().collect();

        let (price, cuts) = cheapest_cuts(&lines, &free, &targets);
        let cut = cut_lines(&graph, &answer);
        prop_assert_eq!((answer.cost, answer.flow), (price, price));
        prop_assert!(cuts.contains(&cut), "{:?} is not among {:?}", cut, cuts);

        // Of the cheapest cuts the nearest to the targets: what still reaches them is part of what does so after any other.
        let left = |cut: &BTreeSet<Line>| -> BTreeSet<u8> {
            let back: Vec<Line> = lines.iter().map(|l| (l.2, l.1, l.0)).collect();
            naive::reach(&back, &targets, |l| walked(l) && !cut.contains(&(l.2, l.1, l.0)))
        };
        let ours = left(&cut);
        prop_assert!(cuts.iter().all(|other| ours.is_subset(&left(other))));
    }

    #[test]
    fn each_edge_of_a_cut_is_needed_and_shows_why(
        lines in naive::lines(12, 60),
        (sources, targets) in sets(12),
    ) {
        let graph = whole(12, &lines);
        let (from, to) = (ids(&graph, &sources), ids(&graph, &targets));
        let answer = graph.minimum_cut(&CutQuestion::new(&from, &to)).unwrap();
        let bound: Vec<NodeId> = answer.inseparable.iter().map(|i| i.source).collect();
        let free: Vec<NodeId> = from.iter().copied().filter(|n| !bound.contains(n)).collect();
        let question = CutQuestion::new(&free, &to);
        prop_assert!(graph.separates(&answer.edges, &free, &to, question.passage));
        for (index, way) in graph.ways_through(&answer.edges, &question).iter().enumerate() {
            let mut rest = answer.edges.clone();
            let edge = rest.remove(index);
            prop_assert!(!graph.separates(&rest, &free, &to, question.passage), "a part of the cut is enough");
            prop_assert!(way.contains(&edge) && way.iter().all(|e| *e == edge || !answer.edges.contains(e)));
            let ends: Vec<_> = way.iter().map(|e| graph.edge(*e).unwrap()).collect();
            prop_assert!(ends.windows(2).all(|pair| pair[0].to == pair[1].from), "a way hangs together");
            prop_assert!(free.contains(&ends[0].from) && to.contains(&ends[ends.len() - 1].to));
        }
        let fewest = graph.minimum_cut(&CutQuestion { price: Price::Edges, ..question }).unwrap();
        prop_assert_eq!(fewest.cost, fewest.edges.len() as u64);
        prop_assert!(fewest.edges.len() <= answer.edges.len() && fewest.cost <= answer.cost);
    }

    #[test]
    fn the_order_of_the_input_changes_nothing(
        lines in naive::lines(10, 40),
        (sources, targets) in sets(10),
        turn in 0..40usize,
    ) {
        let mut other = lines.clone();
        other.reverse();
        let middle = turn.min(other.len());
        other.rotate_left(middle);
        let (one, two) = (whole(10, &lines), whole(10, &other));
        let answer = |graph: &Graph| {
            let (from, to) = (ids(graph, &sources), ids(graph, &targets));
            let answer = graph.minimum_cut(&CutQuestion::new(&from, &to)).unwrap();
            let ways: Vec<_> = answer.inseparable.iter().map(|i| shown(graph, &i.way)).collect();
            (shown(graph, &answer.edges), answer.cost, ways, answer.size)
        };
        prop_assert_eq!(answer(&one), answer(&two));
    }
}

#[test]
fn a_member_of_what_is_protected_is_not_separated_but_named() {
    let graph = graph(&[
        "eve,member-of,helpdesk",
        "helpdesk,member-of,admins",
        "bob,can-reset-password,eve",
        "admins,admin-of,dc",
    ]);
    let (sources, targets) = (nodes(&graph, &["eve", "bob"]), nodes(&graph, &["admins"]));
    let answer = graph.minimum_cut(&CutQuestion::new(&sources, &targets)).unwrap();
    assert_eq!(answer.inseparable.len(), 1);
    assert_eq!(
        shown(&graph, &answer.inseparable[0].way),
        ["eve member-of helpdesk", "helpdesk member-of admins"]
    );
    assert_eq!(shown(&graph, &answer.edges), ["bob can-reset-password eve"]);
}

/// The reference case: a supplier's account reaches a server, the server stores the secret of a cloud account, and that
/// can delete the backups. The cheapest single act is to cut the last step (2) instead of two ways to the server (1 + 2).
#[test]
fn effort_and_number_of_edges_are_different_questions() {
    let lines = [
        "supplier,uses-account,maintenance",
        "maintenance,admin-of,server",
        "maintenance,signed-in-at,server,yes",
        "server,stores-secret,cloud",
        "cloud,can-delete,backup",
        "server,can-rdp,jump",
        "jump,can-rdp,jump2",
        "jump2,can-rdp,backup",
    ];
    let graph = graph(&lines);
    let (sources, targets) = (nodes(&graph, &["supplier"]), nodes(&graph, &["backup"]));
    let question = CutQuestion::new(&sources, &targets);
    let effort = graph.minimum_cut(&question).unwrap();
    assert_eq!(effort.cost, 3);
    assert_eq!(shown(&graph, &effort.edges), ["cloud can-delete backup", "jump2 can-rdp backup"]);
    let fewest = graph.minimum_cut(&CutQuestion { price: Price::Edges, ..question }).unwrap();
    assert_eq!(fewest.cost, 2);
}

#[test]
fn what_is_separate_needs_no_cut() {
    let graph = graph(&["a,admin-of,b", "c,admin-of,d"]);
    let (sources, targets) = (nodes(&graph, &["a"]), nodes(&graph, &["d"]));
    let answer = graph.minimum_cut(&CutQuestion::new(&sources, &targets)).unwrap();
    assert!(answer.edges.is_empty() && answer.inseparable.is_empty() && answer.flow == 0);
    let nothing = graph.minimum_cut(&CutQuestion::new(&[], &targets)).unwrap();
    assert!(nothing.edges.is_empty());
    let itself = graph.minimum_cut(&CutQuestion::new(&targets, &targets)).unwrap();
    assert!(itself.inseparable.len() == 1 && itself.inseparable[0].way.is_empty());
}

#[test]
fn work_is_bounded() {
    let graph = graph(&["a,admin-of,b", "b,can-rdp,c"]);
    let (sources, targets) = (nodes(&graph, &["a"]), nodes(&graph, &["c"]));
    let question = CutQuestion { most_steps: 1, ..CutQuestion::new(&sources, &targets) };
    let error = graph.minimum_cut(&question).unwrap_err();
    assert_eq!(error.to_string(), "no cut within 1 steps");
}
