//! Lists of edges that people write.

use hinomi_model::DiagnosticKind;

use crate::{builder, imported, node, shown};

#[test]
fn columns_stand_in_any_order_and_kinds_of_nodes_are_stated() {
    let text = "to_kind,to,observed,kind,from,note,from_kind\r\nbackup-copy,vault,YES,can delete,\"svc, backup\",x,account\r\n";
    let (graph, diagnostics) = imported(text);
    assert!(diagnostics.is_empty());
    let edge = graph.edges().next().unwrap();
    assert_eq!(shown(&graph, &[edge]), ["svc, backup can-delete vault"]);
    assert!(graph.edge(edge).unwrap().is_observed);
    assert_eq!(graph.node(node(&graph, "vault")).kind, "backup-copy");
    assert_eq!(graph.crown_jewels(), [node(&graph, "vault")]);
}

#[test]
fn a_kind_may_be_stated_the_other_way_round() {
    let (graph, _) = imported("from,kind,to\nann,session-on,w1\nw2,HasSession,ann\n");
    let edges: Vec<_> = graph.edges().collect();
    assert_eq!(shown(&graph, &edges), ["w1 has-session ann", "w2 has-session ann"]);
}

#[test]
fn what_is_stated_twice_is_one_edge_from_its_first_place() {
    let mut builder = builder();
    builder.read_edges("b.csv", "from,kind,to,observed\nx,owns,y,1\n".as_bytes());
    builder.read_edges("a.csv", "from,kind,to\nq,owns,y\nx,owns,y\nx,Owns,y\n".as_bytes());
    let (graph, _) = builder.finish();
    assert_eq!(graph.edge_count(), 2);
    let edge = graph.edges_from(node(&graph, "x")).next().unwrap();
    let edge = graph.edge(edge).unwrap();
    assert!(edge.is_observed, "seen in use according to one of them");
    assert_eq!(edge.origin, Some(("a.csv", 22)), "13 bytes of heading and 9 of a line stand before it");
}

#[test]
fn lines_that_cannot_be_read_are_named_and_the_rest_is_read() {
    let text =
        b"from,kind,to,to_kind\na,owns,b,group\n,owns,b\n\"a,owns,b\na,owns,\xff\n\nc,owns,d,kingdom\n";
    let mut builder = builder();
    let import = builder.read_edges("x", text.as_slice());
    assert_eq!((import.objects, import.skipped, import.statements), (2, 3, 2));
    let (graph, diagnostics) = builder.finish();
    assert_eq!(graph.edge_count(), 2);
    let found: Vec<_> = diagnostics.entries().iter().map(|d| (d.kind, d.offset)).collect();
    let malformed = DiagnosticKind::Malformed;
    assert_eq!(
        found,
        [(malformed, 36), (malformed, 44), (malformed, 54), (DiagnosticKind::Unrecognised, 64)]
    );
}

#[test]
fn a_list_without_heading_is_not_guessed() {
    let (graph, diagnostics) = imported("a,owns,b\nc,owns,d\n");
    assert_eq!((graph.node_count(), graph.edge_count()), (0, 0));
    assert_eq!(diagnostics.entries()[0].kind, DiagnosticKind::Unrecognised);
}

#[test]
fn names_in_lists_join_what_a_directory_describes() {
    let mut builder = builder();
    assert!(builder.describe("S-1-5-21-9-1104", "host", "BACKUP01.EXAMPLE.TEST", false));
    for id in ["S-1-5-21-9-1200", "S-1-5-21-9-1201"] {
        assert!(builder.describe(id, "account", "TWIN", false));
    }
    builder.read_edges(
        "l",
        "from,kind,to\nbackup01.example.test,stores-secret,vault\ntwin,owns,vault\n".as_bytes(),
    );
    let (graph, diagnostics) = builder.finish();
    let edges: Vec<_> = graph.edges().collect();
    assert_eq!(shown(&graph, &edges), ["S-1-5-21-9-1104 stores-secret vault", "twin owns vault"]);
    assert_eq!(diagnostics.entries().len(), 1, "two nodes have the name of the second");
}
