//! Names that mean one node, and what follows from sign-ins.

use std::sync::Arc;

use hinomi_model::Timestamp;

use super::{Estate, Material, SelectionError, StoredSecret, select};
use crate::graph::{Bounds, Builder, Catalogue, Passage};
use crate::inventory::{Formats, Importer, Inventory, Place};
use crate::{Attributes, Observation, ObservationSpec};

const SPECS: [&str; 3] = [
    "{kind: sign-in, access: interactive, leaves_secret: {}}",
    "{kind: sign-in, access: network}",
    "{kind: administrator}",
];
const SCREEN: usize = 0;
const NETWORK: usize = 1;
const ADMINISTRATOR: usize = 2;

fn directory(computers: &[&str]) -> Builder {
    let mut builder = Builder::new(Arc::new(Catalogue::bundled().unwrap()), Bounds::default());
    for (number, name) in computers.iter().enumerate() {
        assert!(builder.describe(&format!("S-1-5-21-1-2-3-{number}"), "host", name, false));
    }
    builder.describe("S-1-5-21-1-2-3-1104", "account", "MIKA@CORP.EXAMPLE.JP", false);
    builder
}

fn seen(rule: usize, account: &str, device: &str, origin: Option<&str>) -> Observation {
    Observation {
        rule,
        event: 0,
        log: 0,
        time: Timestamp::from_nanos(1),
        account: Some(account.to_owned()),
        account_id: None,
        address: None,
        origin: origin.map(str::to_owned),
        device: Some(device.to_owned()),
        session: None,
        factors: Vec::new(),
        second_factor: None,
        attributes: Attributes::default(),
    }
}

fn estate(builder: Builder, observations: &[Observation], lists: &str, secrets: &[StoredSecret]) -> Estate {
    let specs: Vec<ObservationSpec> = SPECS.iter().map(|s| serde_yaml_ng::from_str(s).unwrap()).collect();
    let formats = Formats::bundled().unwrap();
    let mut importer = Importer::new(&formats, Timestamp::from_nanos(2));
    if !lists.is_empty() {
        importer.read("list.csv", lists.as_bytes()).unwrap();
    }
    let inventory: Inventory = importer.finish();
    let material = Material {
        specs: &specs,
        observations,
        logs: &[],
        inventory: &inventory,
        secrets,
        now: Timestamp::from_nanos(2),
        place: &|event| Some(("log".to_owned(), event as u64)),
    };
    Estate::build(builder, &material)
}

/// Edges as `from kind to`, by name.
fn edges(estate: &Estate) -> Vec<String> {
    let graph = &estate.graph;
    let line = |e| {
        let edge = graph.edge(e).unwrap();
        format!("{} {} {}", graph.node(edge.from).name, edge.kind.name, graph.node(edge.to).name)
    };
    let mut lines: Vec<String> = graph.edges().map(line).collect();
    lines.sort();
    lines
}

#[test]
fn names_of_logs_are_the_directorys_nodes_where_only_one_fits() {
    let observations = [seen(SCREEN, "CORP\\mika", "fs01", None)];
    let one = estate(directory(&["FS01.CORP.EXAMPLE.JP"]), &observations, "", &[]);
    assert_eq!(
        edges(&one),
        [
            "FS01.CORP.EXAMPLE.JP left-secret MIKA@CORP.EXAMPLE.JP",
            "MIKA@CORP.EXAMPLE.JP signed-in-at FS01.CORP.EXAMPLE.JP"
        ]
    );
    assert_eq!(one.graph.node_count(), 2);
    let two = estate(directory(&["FS01.CORP.EXAMPLE.JP", "FS01.LAB.EXAMPLE.JP"]), &observations, "", &[]);
    assert!(edges(&two).contains(&"MIKA@CORP.EXAMPLE.JP signed-in-at fs01".to_owned()), "{:?}", edges(&two));
    let ambiguous = select(&two, &["fs01.corp.example.jp".to_owned()]).unwrap();
    assert_eq!(ambiguous.len(), 1);
}

/// A list that calls the account otherwise, and a list of edges that uses that name.
#[test]
fn a_list_joins_what_it_says_is_one() {
    let mut builder = directory(&["FS01.CORP.EXAMPLE.JP"]);
    builder.read_edges(
        "e.csv",
        "from,kind,to,from_kind,to_kind\nm.sato,can-delete,tape,account,backup-copy\n".as_bytes(),
    );
    let lists = "account,owner,aliases\nm.sato,Sales,S-1-5-21-1-2-3-1104;mika@corp.example.jp\n";
    let joined = estate(builder, &[seen(NETWORK, "mika", "fs01", None)], lists, &[]);
    assert_eq!(
        edges(&joined),
        ["MIKA@CORP.EXAMPLE.JP can-delete tape", "MIKA@CORP.EXAMPLE.JP used-service FS01.CORP.EXAMPLE.JP"]
    );
    for word in ["m.sato", "mika", "MIKA@corp.example.jp", "S-1-5-21-1-2-3-1104"] {
        let found = select(&joined, &[word.to_owned()]).unwrap();
        assert_eq!(joined.graph.node(found[0]).id, "S-1-5-21-1-2-3-1104", "{word}");
    }
    assert!(matches!(select(&joined, &["sato".to_owned()]), Err(SelectionError::Unknown { .. })));
}

/// That a secret lies on a host is no use of it; that the account was used from there is. A way through the network counts only
/// where it is asked for; an administrator seen at work is a fact.
#[test]
fn what_is_fact_and_what_is_possible() {
    let reach = |observations: &[Observation]| {
        let estate = estate(directory(&["FS01.CORP.EXAMPLE.JP"]), observations, "", &[]);
        let graph = &estate.graph;
        let from = select(&estate, &["ctr".to_owned()]).unwrap();
        let to = select(&estate, &["mika".to_owned()]).unwrap();
        let radius = graph.blast_radius(&from, Passage::default());
        let network = graph.reach(&from, Passage { network: true, ..Passage::default() });
        (radius.in_fact.contains(to[0]), radius.possible.contains(to[0]), network.contains(to[0]))
    };
    let left = seen(SCREEN, "mika", "fs01", None);
    let used = seen(NETWORK, "mika", "db01", Some("fs01"));
    assert_eq!(reach(&[seen(SCREEN, "ctr", "fs01", None), left.clone()]), (false, true, true));
    assert_eq!(reach(&[seen(SCREEN, "ctr", "fs01", None), used]), (true, true, true));
    assert_eq!(reach(&[seen(NETWORK, "ctr", "fs01", None), left.clone()]), (false, false, true));
    assert_eq!(reach(&[seen(ADMINISTRATOR, "ctr", "fs01", None), left]), (false, true, true));
}

#[test]
fn the_order_of_what_is_known_does_not_matter() {
    let secret = |host: &str, decoy| StoredSecret {
        host: host.to_owned(),
        secret: "key".to_owned(),
        account: "ops".to_owned(),
        account_kind: "cloud-account".to_owned(),
        source: String::new(),
        date: String::new(),
        is_decoy: decoy,
        place: Place { document: "s.csv".to_owned(), line: 2 },
    };
    let mut observations = vec![
        seen(SCREEN, "mika", "fs01", None),
        seen(SCREEN, "ctr", "fs01", None),
        seen(NETWORK, "mika", "db01", Some("fs01")),
    ];
    let mut secrets = vec![secret("fs01", false), secret("db01", false), secret("fs02", true)];
    let first = estate(directory(&["FS01.CORP.EXAMPLE.JP"]), &observations, "", &secrets);
    observations.reverse();
    secrets.reverse();
    let second = estate(directory(&["FS01.CORP.EXAMPLE.JP"]), &observations, "", &secrets);
    assert_eq!(edges(&first), edges(&second));
    assert_eq!(first.graph.difference(&second.graph), crate::graph::Difference::default());
    let stored: Vec<String> = edges(&first).into_iter().filter(|e| e.contains("secret-of")).collect();
    assert_eq!(
        stored,
        ["key secret-of ops", "key secret-of ops"],
        "the same words on two hosts are two secrets"
    );
}
