//! Input that was made to break the reader, or to make it grow.

use std::sync::Arc;

use hinomi_assure::graph::{Bounds, Builder, Import};
use hinomi_model::{DiagnosticKind, Diagnostics};
use proptest::prelude::*;

use crate::{CATALOGUE, FORMAT, builder, node};

fn read(mut builder: Builder, bytes: &[u8]) -> (Import, hinomi_assure::graph::Graph, Diagnostics) {
    let import = builder.read_directory(&FORMAT, "d", bytes);
    let (graph, diagnostics) = builder.finish();
    (import, graph, diagnostics)
}

fn bounded(bounds: Bounds) -> Builder {
    Builder::new(Arc::clone(&CATALOGUE), bounds)
}

const SOUND: &str = r#"{"data":[
    {"ObjectIdentifier":"A","Aces":[{"PrincipalSID":"B","RightName":"Owns","PrincipalType":"User"}]},
    {"ObjectIdentifier":"C","LocalGroups":[{"ObjectIdentifier":"C-544","Results":[{"ObjectIdentifier":"A"}]}],
     "Sessions":{"Collected":true,"Results":[{"UserSID":"B","ComputerSID":"C"}]}}],
    "meta":{"type":"computers","version":5}}"#;

#[test]
fn a_damaged_object_costs_that_object() {
    let wrong = SOUND.replace(r#""PrincipalSID":"B""#, r#""PrincipalSID":bad"#);
    let (import, graph, diagnostics) = read(builder(), wrong.as_bytes());
    assert_eq!((import.objects, import.skipped), (1, 1));
    assert_eq!(graph.edge_count(), 2, "the other object is read");
    assert_eq!(
        (diagnostics.entries()[0].kind, diagnostics.entries()[0].offset),
        (DiagnosticKind::Malformed, 14)
    );
}

#[test]
fn fields_of_other_types_are_passed_over() {
    let odd = r#"{"data":[{"ObjectIdentifier":"A","Aces":{"PrincipalSID":["B"],"RightName":"Owns"},"Members":7,
        "Properties":[{"name":"N"}],"PrimaryGroupSID":{"x":1},"Sessions":[[{"Results":[[{"UserSID":"U"}]]}]],"IsDeleted":"no"}],
        "meta":{"type":"users","version":5}}"#;
    let (import, graph, diagnostics) = read(builder(), odd.as_bytes());
    assert_eq!((import.objects, import.skipped), (1, 0));
    assert!(diagnostics.is_empty());
    assert_eq!(graph.edge_count(), 2, "lists may be nested or left out: one right, one session");
    assert_eq!(graph.node(node(&graph, "A")).name, "N");
}

#[test]
fn a_document_that_ends_early_keeps_what_came_before() {
    let whole = read(builder(), SOUND.as_bytes());
    assert_eq!((whole.0.statements, whole.2.is_empty()), (3, true));
    let middle = SOUND.find("\"LocalGroups\"").unwrap();
    let (import, graph, diagnostics) = read(builder(), &SOUND.as_bytes()[..middle]);
    assert_eq!((import.objects, graph.edge_count()), (1, 1));
    assert_eq!(diagnostics.entries()[0].kind, DiagnosticKind::Truncated);
}

#[test]
fn bounds_hold_and_say_what_they_cost() {
    let bounds = Bounds { nodes: 3, edges: 2, ..Bounds::default() };
    let mut small = bounded(bounds);
    let lines: String = (0..9).map(|n| format!("a,owns,b{n}\n")).collect();
    small.read_edges("l", format!("from,kind,to\n{lines}").as_bytes());
    let (graph, diagnostics) = small.finish();
    assert_eq!((graph.node_count(), graph.edge_count()), (3, 2));
    assert_eq!((graph.dropped().nodes, graph.dropped().edges), (7, 7));
    assert_eq!(diagnostics.entries()[0].kind, DiagnosticKind::LimitExceeded);
}

#[test]
fn an_object_that_is_too_large_is_refused_and_the_next_is_read() {
    let bounds = Bounds { object_bytes: 200, ..Bounds::default() };
    let big = SOUND.replace(
        r#""ObjectIdentifier":"A","#,
        &format!(r#""ObjectIdentifier":"A","Pad":"{}","#, "x".repeat(300)),
    );
    let (import, graph, diagnostics) = read(bounded(bounds), big.as_bytes());
    assert_eq!((import.objects, import.skipped, graph.edge_count()), (1, 1, 2));
    assert_eq!(diagnostics.entries()[0].offset, 14);
}

#[test]
fn depth_does_not_reach_the_stack() {
    for (open, close, objects) in [("[", "]", 0), (r#"{"Aces":"#, "}", 1)] {
        let depth = 200_000;
        let deep = format!(r#"{{"data":[{{"Aces":{}1{}}}]}}"#, open.repeat(depth), close.repeat(depth));
        let (import, ..) = read(builder(), deep.as_bytes());
        assert_eq!((import.objects, import.skipped), (objects, 1), "too deep, or without identifier");
    }
}

#[test]
fn many_unknown_names_become_one() {
    let bounds = Bounds { unknown_kinds: 10, ..Bounds::default() };
    let lines: String = (0..50).map(|n| format!("a,odd{n:02},b\n")).collect();
    let mut builder = bounded(bounds);
    builder.read_edges("l", format!("from,kind,to\n{lines}").as_bytes());
    let (graph, _) = builder.finish();
    assert_eq!(graph.unknown_kinds().len(), 11);
    let (name, count) = graph.unknown_kinds()[10];
    assert_eq!((name, count), ("unknown", 1), "forty statements that cannot be told apart are one edge");
}

#[test]
fn a_name_of_a_node_is_bounded_too() {
    let long = SOUND.replace(
        r#""ObjectIdentifier":"A","#,
        &format!(r#""ObjectIdentifier":"A","Properties":{{"name":"{}"}},"#, "n".repeat(5000)),
    );
    let (_, graph, _) = read(builder(), long.as_bytes());
    assert_eq!(graph.node(node(&graph, "A")).name.len(), Bounds::default().name_bytes);
}

#[test]
fn names_are_cut_at_whole_letters() {
    let bounds = Bounds { name_bytes: 4, ..Bounds::default() };
    let mut builder = bounded(bounds);
    builder.read_edges("l", "from,kind,to\nああ,owns,いいい\n".as_bytes());
    let (graph, _) = builder.finish();
    assert!(graph.find("あ").is_some() && graph.find("い").is_some());
}

/// Everybody's group and every domain's users, as often as somebody likes: the product must not be built.
#[test]
fn implied_memberships_are_bounded() {
    let lines: String = (0..3000).map(|n| format!("X{n}-513,owns,Y{n}-S-1-5-11\n")).collect();
    let mut builder = builder();
    builder.read_edges("l", format!("from,kind,to\n{lines}").as_bytes());
    let (graph, diagnostics) = builder.finish();
    assert!(graph.edge_count() < 2_000_000, "{}", graph.edge_count());
    assert!(graph.dropped().edges > 0 && !diagnostics.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn changed_bytes_never_panic(changes in proptest::collection::vec((0..SOUND.len(), any::<u8>()), 0..6), end in 0..=SOUND.len()) {
        let mut bytes = SOUND.as_bytes().to_vec();
        for (place, byte) in changes {
            bytes[place] = byte;
        }
        bytes.truncate(end);
        let (import, graph, _) = read(builder(), &bytes);
        prop_assert!(import.objects + import.skipped <= 64 && graph.edge_count() <= 8);
    }

    #[test]
    fn any_list_is_read_without_panic(text in "[a-c,\"\n\r\u{feff}é]{0,200}") {
        let mut builder = builder();
        builder.read_edges("l", format!("from,kind,to\n{text}").as_bytes());
        builder.read_edges("m", text.as_bytes());
        let (graph, _) = builder.finish();
        prop_assert!(graph.edge_count() <= 200);
    }
}
