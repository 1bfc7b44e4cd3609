//! Blast radius, exposure and differences, against naive references and on cases small enough to see.

use std::collections::BTreeSet;

use hinomi_assure::graph::{Graph, NodeId, Passage};
use proptest::prelude::*;

use crate::naive::{self, name, walked};
use crate::{graph, node, nodes, shown};

const CASE: [&str; 9] = [
    "supplier,uses-account,maintenance",
    "maintenance,member-of,operators",
    "operators,admin-of,server",
    "operators,admin-of,archive",
    "maintenance,signed-in-at,server,yes",
    "server,stores-secret,cloud-role,yes",
    "cloud-role,can-delete,backup",
    "server,has-session,admin,yes",
    "admin,can-reach-network,plant",
];

fn names(graph: &Graph, nodes: &[NodeId]) -> Vec<String> {
    nodes.iter().map(|n| graph.node(*n).id.to_owned()).collect()
}

#[test]
fn what_was_reached_in_fact_is_less_than_what_can_be() {
    let graph = graph(&CASE);
    let radius = graph.blast_radius(&nodes(&graph, &["supplier"]), Passage::default());
    let fact = names(&graph, radius.in_fact.nodes());
    assert_eq!(fact, ["supplier", "maintenance", "operators", "server", "admin", "cloud-role"]);
    let possible = names(&graph, radius.possible.nodes());
    let more = ["supplier", "maintenance", "operators", "server", "admin", "archive", "cloud-role", "backup"];
    assert_eq!(possible, more);
    assert!(!radius.in_fact.contains(node(&graph, "archive")));
    let path = radius.in_fact.path_to(&graph, node(&graph, "cloud-role"));
    assert_eq!(
        shown(&graph, &path),
        [
            "supplier uses-account maintenance",
            "maintenance signed-in-at server",
            "server stores-secret cloud-role"
        ]
    );
    assert_eq!(radius.in_fact.distance(node(&graph, "cloud-role")), Some(3));
    let edge = graph.edge(path[2]).unwrap();
    let line = "from,kind,to,observed\n".len() + CASE[..5].iter().map(|l| l.len() + 1).sum::<usize>();
    assert_eq!(edge.origin, Some(("edges.csv", line as u64)));
    let step = &graph.steps(&path)[2];
    assert_eq!(
        (step.from.as_str(), step.cost, step.is_observed, step.offset),
        ("server", Some(2), true, Some(line as u64))
    );
    assert_eq!(graph.sentence(path[2]).unwrap().ja, "server に cloud-role の秘密情報が保存されている");
    assert_eq!(graph.act(path[2]).unwrap().en, "Remove the secret of cloud-role from server and renew it");
    assert!(graph.act(path[0]).is_none(), "a use of an account cannot be cut");
}

#[test]
fn a_lost_host_names_the_accounts_to_replace() {
    let graph = graph(&CASE);
    let lost = nodes(&graph, &["server"]);
    let secrets = graph.reach(&lost, Passage { credentials_only: true, ..Passage::default() });
    assert_eq!(names(&graph, secrets.nodes()), ["server", "admin", "cloud-role"]);
}

#[test]
fn the_network_is_walked_only_where_asked_for() {
    let graph = graph(&CASE);
    let admin = nodes(&graph, &["admin"]);
    assert_eq!(graph.reach(&admin, Passage::default()).nodes().len(), 1);
    let network = Passage { network: true, ..Passage::default() };
    assert_eq!(names(&graph, graph.reach(&admin, network).nodes()), ["admin", "plant"]);
}

#[test]
fn unknown_kinds_are_kept_counted_and_walked_only_where_asked_for() {
    let graph = graph(&["a,haunts,b", "b,haunts,c", "c,charms,d", "a,admin-of,e"]);
    assert_eq!(graph.unknown_kinds(), [("charms", 1), ("haunts", 2)]);
    let start = nodes(&graph, &["a"]);
    assert_eq!(graph.reach(&start, Passage::default()).nodes().len(), 2);
    let unknown = Passage { unknown: true, ..Passage::default() };
    assert_eq!(graph.reach(&start, unknown).nodes().len(), 5);
    let haunts: Vec<_> = graph.edges_of_kind("haunts").collect();
    assert_eq!(shown(&graph, &haunts), ["a haunts b", "b haunts c"]);
    assert!(graph.act(haunts[0]).is_none());
}

#[test]
fn systems_that_should_be_independent_share_an_administrator() {
    let graph = graph(&[
        "ann,admin-of,site-a",
        "ann,admin-of,site-b",
        "bob,admin-of,site-a",
        "eve,can-reset-password,ann",
    ]);
    let shared =
        graph.reaching_both(&nodes(&graph, &["site-a"]), &nodes(&graph, &["site-b"]), Passage::default());
    assert_eq!(shared, [(node(&graph, "ann"), 1, 1), (node(&graph, "eve"), 2, 2)]);
}

#[test]
fn edges_into_a_tier_are_those_from_outside() {
    let graph = graph(&["w1,has-session,da,yes", "da,admin-of,dc", "dc,has-session,da", "w1,can-rdp,w2"]);
    let into = graph.edges_into(&nodes(&graph, &["da", "dc"]), Passage::default());
    assert_eq!(shown(&graph, &into), ["w1 has-session da"]);
}

#[test]
fn two_imports_differ_in_what_changed() {
    let before = graph(&["a,admin-of,b", "b,has-session,c", "c,admin-of,t", "x,can-rdp,t", "old,can-rdp,a"]);
    let after = graph(&[
        "a,admin-of,b",
        "b,has-session,c",
        "c,admin-of,t",
        "a,can-rdp,t",
        "x,owns,y",
        "new,can-rdp,a",
    ]);
    let difference = before.difference(&after);
    assert_eq!(names(&after, &difference.nodes_added), ["new", "y"]);
    assert_eq!(names(&before, &difference.nodes_gone), ["old"]);
    assert_eq!(shown(&after, &difference.edges_added), ["a can-rdp t", "new can-rdp a", "x owns y"]);
    assert_eq!(shown(&before, &difference.edges_gone), ["old can-rdp a", "x can-rdp t"]);
    let ask = |graph: &Graph| {
        let sources: Vec<NodeId> = graph.nodes().collect();
        graph.exposure(&sources, &nodes(graph, &["t"]), Passage::default())
    };
    let change = before.exposure_change(&ask(&before), &after, &ask(&after));
    assert_eq!(
        (change.before.reaching, change.before.shortest, change.before.shortest_ways),
        (5, Some(1), 2)
    );
    assert_eq!((change.after.reaching, change.after.shortest, change.after.shortest_ways), (4, Some(1), 2));
    assert_eq!(names(&after, &change.newly_reaching), ["new"]);
    assert_eq!(names(&before, &change.no_longer_reaching), ["old", "x"]);
    assert_eq!(before.difference(&before), hinomi_assure::graph::Difference::default());
}

#[test]
fn counts_of_ways_stop_at_the_end_of_the_scale() {
    let mut lines = Vec::new();
    for stage in 0..70 {
        for side in ["x", "y"] {
            lines.push(format!("j{stage:02},can-rdp,{side}{stage:02}"));
            lines.push(format!("{side}{stage:02},can-rdp,j{:02}", stage + 1));
        }
    }
    let graph = graph(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    let exposure =
        graph.exposure(&nodes(&graph, &["j00", "j30"]), &nodes(&graph, &["j70"]), Passage::default());
    assert_eq!(exposure.ways_of(node(&graph, "j30")), 1 << 40);
    assert_eq!(exposure.ways_of(node(&graph, "j00")), u64::MAX);
    assert_eq!(exposure.figures().ways, u64::MAX);
    assert_eq!((exposure.figures().shortest, exposure.figures().shortest_ways), (Some(80), 1 << 40));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn reach_and_ways_are_as_in_the_naive_reference(lines in naive::lines(7, 20), targets in proptest::collection::btree_set(0..7u8, 1..3)) {
        let text: Vec<String> = lines.iter().map(|(f, k, t)| format!("{},{k},{}", name(*f), name(*t)))
            .chain((0..7).map(|n| format!("{},get-changes,nowhere", name(n)))).collect();
        let graph = graph(&text.iter().map(String::as_str).collect::<Vec<_>>());
        let goal: Vec<NodeId> = targets.iter().map(|n| node(&graph, &name(*n))).collect();
        let all: Vec<NodeId> = (0..7).map(|n| node(&graph, &name(n))).collect();
        let exposure = graph.exposure(&all, &goal, Passage::default());
        let expected = naive::shortest_ways(&lines, 7, &targets);
        for start in 0..7u8 {
            let id = node(&graph, &name(start));
            let found = exposure.distance(id).map(|d| (d, exposure.ways_of(id)));
            prop_assert_eq!(found, expected.get(&start).copied(), "from {}", start);
            prop_assert_eq!(exposure.way_of(&graph, id).len() as u32, found.map_or(0, |(d, _)| d));

            let reach = graph.reach(&[id], Passage::default());
            let naive = naive::reach(&lines, &BTreeSet::from([start]), walked);
            let reached: BTreeSet<String> = names(&graph, reach.nodes()).into_iter().collect();
            prop_assert_eq!(reached, naive.iter().map(|n| name(*n)).collect::<BTreeSet<_>>());
            for other in reach.nodes() {
                let path = reach.path_to(&graph, *other);
                prop_assert_eq!(Some(path.len() as u32), reach.distance(*other));
                let ends: Vec<_> = path.iter().map(|e| graph.edge(*e).unwrap()).collect();
                prop_assert!(ends.windows(2).all(|pair| pair[0].to == pair[1].from));
                prop_assert!(ends.first().is_none_or(|e| e.from == id) && ends.last().is_none_or(|e| e.to == *other));
            }
        }
        let reaching = expected.values().filter(|(d, _)| *d > 0).count();
        prop_assert_eq!(exposure.figures().reaching, reaching);
    }
}
