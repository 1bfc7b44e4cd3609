//! Statements of directory exports that the recorded one does not hold, written after the published data model.

use hinomi_assure::graph::{Graph, Import, Passage};
use hinomi_model::{DiagnosticKind, Diagnostics};

use crate::{FORMAT, builder, node, nodes, shown};

fn read(documents: &[&str]) -> (Graph, Vec<Import>, Diagnostics) {
    let mut builder = builder();
    let read = |(n, text): (usize, &&str)| builder.read_directory(&FORMAT, &format!("d{n}"), text.as_bytes());
    let imports = documents.iter().enumerate().map(read).collect();
    let (graph, diagnostics) = builder.finish();
    (graph, imports, diagnostics)
}

fn check(document: &str, expected: &[&str]) -> Graph {
    let (graph, _, diagnostics) = read(&[document]);
    assert!(diagnostics.is_empty(), "{:?}", diagnostics.entries());
    let edges: Vec<_> = graph.edges().collect();
    assert_eq!(shown(&graph, &edges), expected, "{document}");
    graph
}

#[test]
fn local_groups_of_newer_versions_say_by_their_number_what_they_give() {
    let graph = check(
        r#"{"data":[{"ObjectIdentifier":"C1","LocalGroups":[
            {"Collected":true,"Results":[{"ObjectIdentifier":"g1","ObjectType":"Group"}],"Name":"A","ObjectIdentifier":"C1-544"},
            {"ObjectIdentifier":"C1-555","Collected":true,"Results":[{"ObjectIdentifier":"U1","ObjectType":"User"}]},
            {"ObjectIdentifier":"C1-545","Collected":true,"Results":[{"ObjectIdentifier":"U2","ObjectType":"User"}]},
            {"Collected":false,"FailureReason":"no","Results":[]}],
          "UserRights":[{"Collected":true,"Privilege":"SeRemoteInteractiveLogonRight","Results":[{"ObjectIdentifier":"U2"}]}],
          "Properties":{"name":"C1.TEST"}}],
          "meta":{"type":"computers","version":6}}"#,
        &["G1 admin-of C1", "U1 can-rdp C1", "U2 can-rdp C1", "U2 local-group-member C1"],
    );
    assert_eq!(graph.node(node(&graph, "G1")).kind, "group");
    assert_eq!(
        (graph.node(node(&graph, "C1")).kind, graph.node(node(&graph, "C1")).name),
        ("host", "C1.TEST")
    );
    assert_eq!(graph.named("c1.test"), nodes(&graph, &["C1"]));
}

#[test]
fn a_session_belongs_to_the_host_that_it_names() {
    let graph = check(
        r#"{"meta":{"type":"computers","version":5},"data":[{"ObjectIdentifier":"SRV",
          "Sessions":{"Results":[{"UserSID":"U1","ComputerSID":"WS"}],"Collected":true},
          "PrivilegedSessions":{"Collected":true,"Results":[{"UserSID":"U2","ComputerSID":"SRV"}]},
          "RegistrySessions":{"Collected":true,"Results":[{"ComputerSID":"SRV","UserSID":"U2"}]}}]}"#,
        &["SRV has-session U2", "WS has-session U1"],
    );
    assert!(graph.edges().all(|e| graph.edge(e).unwrap().is_observed));
}

#[test]
fn delegation_history_and_managed_passwords() {
    check(
        r#"{"meta":{"type":"computers","version":4},"data":[{"ObjectIdentifier":"A",
          "AllowedToDelegate":["B",{"ObjectIdentifier":"C","ObjectType":"Computer"}],
          "AllowedToAct":[{"ObjectIdentifier":"D","ObjectType":"User"}],
          "HasSIDHistory":[{"ObjectIdentifier":"E","ObjectType":"User"}],
          "DumpSMSAPassword":[{"ObjectIdentifier":"F","ObjectType":"User"}],
          "SPNTargets":[{"ComputerSID":"G","Port":1433,"Service":"SQLAdmin"}],
          "ContainedBy":{"ObjectIdentifier":"H","ObjectType":"OU"},
          "PrimaryGroupSID":"I","Aces":null,"Members":null}]}"#,
        &[
            "A allowed-to-delegate B",
            "A allowed-to-delegate C",
            "A has-sid-history E",
            "A dump-smsa-password F",
            "A sql-admin G",
            "A member-of I",
            "D allowed-to-act A",
            "H contains A",
        ],
    );
}

#[test]
fn delegation_without_bounds_and_domain_controllers_hold_the_domain() {
    check(
        r#"{"meta":{"type":"computers","version":6},"data":[
          {"ObjectIdentifier":"DC","IsDC":true,"DomainSID":"DOM","UnconstrainedDelegation":false},
          {"ObjectIdentifier":"WEB","IsDC":false,"DomainSID":"DOM","UnconstrainedDelegation":true},
          {"ObjectIdentifier":"OLD","Properties":{"domainsid":"DOM","unconstraineddelegation":true}},
          {"ObjectIdentifier":"WS","IsDC":false,"DomainSID":"DOM","Properties":{"domainsid":"DOM","unconstraineddelegation":false}}]}"#,
        &["DC dc-for DOM", "OLD coerce-to-tgt DOM", "WEB coerce-to-tgt DOM"],
    );
}

#[test]
fn a_policy_grants_through_one_node_instead_of_a_product() {
    let graph = check(
        r#"{"meta":{"type":"ous","version":5},"data":[{"ObjectIdentifier":"OU","Properties":{"name":"DESKS"},
          "Links":[{"GUID":"GP1","IsEnforced":false},{"Guid":"gp2"}],
          "ChildObjects":[{"ObjectIdentifier":"W1","ObjectType":"Computer"}],
          "GPOChanges":{"LocalAdmins":[{"ObjectIdentifier":"G1","ObjectType":"Group"},{"ObjectIdentifier":"G2"}],
            "RemoteDesktopUsers":[],"DcomUsers":[],"PSRemoteUsers":[],
            "AffectedComputers":[{"ObjectIdentifier":"W1","ObjectType":"Computer"},{"ObjectIdentifier":"W2"}]}}]}"#,
        &[
            "G1 granted-by-policy OU|admin-of",
            "G2 granted-by-policy OU|admin-of",
            "GP1 gp-link OU",
            "GP2 gp-link OU",
            "OU contains W1",
            "OU|admin-of admin-of W1",
            "OU|admin-of admin-of W2",
        ],
    );
    let g1 = graph.reach(&nodes(&graph, &["G1"]), Passage::default());
    assert!(g1.contains(node(&graph, "W1")) && g1.contains(node(&graph, "W2")));
    assert_eq!(graph.node(node(&graph, "OU|admin-of")).name, "DESKS: admin-of");
}

#[test]
fn trusts_are_kept_and_give_nothing() {
    let graph = check(
        r#"{"meta":{"type":"domains","version":5},"data":[{"ObjectIdentifier":"D1","Trusts":[
          {"TargetDomainSid":"D2","TrustDirection":"Inbound"},{"TrustDirection":2,"TargetDomainSid":"D3"},
          {"TargetDomainSid":"D4","TrustDirection":"Bidirectional"}]}]}"#,
        &["D1 trusted-by D2", "D1 trusts D3", "D1 trust-both D4"],
    );
    assert_eq!(graph.reach(&nodes(&graph, &["D1"]), Passage::default()).nodes().len(), 1);
}

#[test]
fn rights_that_are_new_are_kept_under_their_name() {
    let text = r#"{"meta":{"type":"users","version":6},"data":[{"ObjectIdentifier":"U1","Aces":[
        {"PrincipalSID":"g1","PrincipalType":"Group","RightName":"BendSpoons","IsInherited":true},
        {"RightName":"ForceChangePassword","IsInherited":true,"PrincipalType":"Group","PrincipalSID":"G1"},
        {"PrincipalSID":"G2","PrincipalType":"Martian","RightName":"AddKeyCredentialLink"}],
        "NewList":[{"a":1}],"NewObject":{"b":2},"NewEmpty":[],"NewFlag":true}]}"#;
    let (graph, imports, _) = read(&[text]);
    assert_eq!(graph.unknown_kinds(), [("BendSpoons", 1)]);
    let edges: Vec<_> = graph.edges().collect();
    assert_eq!(
        shown(&graph, &edges),
        ["G1 can-reset-password U1", "G1 BendSpoons U1", "G2 add-key-credential-link U1"]
    );
    let inherited: Vec<bool> = edges.iter().map(|e| graph.edge(*e).unwrap().is_inherited).collect();
    assert_eq!(inherited, [true, true, false]);
    assert_eq!(imports[0].unread, [("NewList".to_owned(), 1), ("NewObject".to_owned(), 1)]);
    assert_eq!(graph.node(node(&graph, "G2")).kind, "unknown");
}

#[test]
fn everybody_is_what_the_directory_says_without_saying_it() {
    let (graph, ..) = read(&[r#"{"meta":{"type":"groups","version":5},"data":[
        {"ObjectIdentifier":"S-1-5-21-7-513","Members":[]},{"ObjectIdentifier":"S-1-5-21-7-515"},
        {"ObjectIdentifier":"TEST-S-1-5-11"},
        {"ObjectIdentifier":"G","Members":[{"ObjectIdentifier":"TEST-S-1-5-11","ObjectType":"Group"}]}]}"#]);
    let reach = graph.reach(&nodes(&graph, &["S-1-5-21-7-513"]), Passage::default());
    assert!(reach.contains(node(&graph, "G")));
    let path = reach.path_to(&graph, node(&graph, "G"));
    assert!(graph.edge(path[0]).unwrap().origin.is_none(), "implied");
    assert_eq!(graph.edge(path[1]).unwrap().origin.unwrap().0, "d0");
}

#[test]
fn groups_within_each_other_hold_their_rights_once() {
    let (graph, ..) = read(&[
        r#"{"meta":{"type":"domains","version":5},"data":[{"ObjectIdentifier":"DOM","Aces":[
            {"PrincipalSID":"A","RightName":"GetChanges"},{"PrincipalSID":"B","RightName":"GetChangesAll"},
            {"PrincipalSID":"X","RightName":"GetChanges"}]}]}"#,
        r#"{"meta":{"type":"groups","version":5},"data":[
            {"ObjectIdentifier":"A","Members":[{"ObjectIdentifier":"G1"}]},{"ObjectIdentifier":"B","Members":[{"ObjectIdentifier":"G2"}]},
            {"ObjectIdentifier":"G1","Members":[{"ObjectIdentifier":"G2"}]},
            {"ObjectIdentifier":"G2","Members":[{"ObjectIdentifier":"G1"},{"ObjectIdentifier":"U"}]}]}"#,
    ]);
    // G1 and G2 are members of each other, so both are members of A and B; A alone and B alone are not enough.
    let both: Vec<_> = graph.edges_of_kind("dcsync").collect();
    assert_eq!(shown(&graph, &both), ["G1 dcsync DOM"]);
    assert!(graph.reach(&nodes(&graph, &["U"]), Passage::default()).contains(node(&graph, "DOM")));
    assert!(!graph.reach(&nodes(&graph, &["X"]), Passage::default()).contains(node(&graph, "DOM")));
}

#[test]
fn versions_and_types_that_were_not_tried_are_named() {
    let (graph, imports, diagnostics) = read(&[
        r#"{"data":[{"ObjectIdentifier":"A"}],"meta":{"type":"gadgets","version":9}}"#,
        r#"{"data":[]}"#,
    ]);
    assert_eq!((imports[0].version, imports[0].kind.as_deref()), (Some(9), Some("gadgets")));
    assert_eq!(graph.node(node(&graph, "A")).kind, "unknown");
    let kinds: Vec<_> = diagnostics.entries().iter().map(|d| (d.place.as_str(), d.kind)).collect();
    let unrecognised = DiagnosticKind::Unrecognised;
    assert_eq!(kinds, [("d0", unrecognised), ("d0", unrecognised), ("d1", unrecognised)]);
}

#[test]
fn deleted_objects_state_nothing() {
    let (graph, ..) = read(&[r#"{"meta":{"type":"users","version":5},"data":[
        {"ObjectIdentifier":"A","IsDeleted":true,"PrimaryGroupSID":"G"},{"ObjectIdentifier":"B","IsDeleted":false,"PrimaryGroupSID":"G"}]}"#]);
    let edges: Vec<_> = graph.edges().collect();
    assert_eq!(shown(&graph, &edges), ["B member-of G"]);
}
