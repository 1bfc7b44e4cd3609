//! A recorded export of a small directory, from corpora that may be absent. Counts were made by hand; how stands beside.

use std::path::PathBuf;

use hinomi_assure::graph::{CutQuestion, Graph, Import, Passage};

use crate::{FORMAT, builder, node, nodes, shown};

const DOMAIN: &str = "S-1-5-21-3539700351-1165401899-3544196954";

/// Regular files of the archive: path and bytes.
fn files() -> Option<Vec<(String, Vec<u8>)>> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora");
    let root = std::env::var_os("HINOMI_CORPORA").map_or_else(beside, PathBuf::from);
    let path = root.join("f_ad_graph/bofhound_bloodhound_json_and_ldap.tar.zst");
    let Ok(packed) = std::fs::read(&path) else {
        println!("SKIPPED: {} is not there; set HINOMI_CORPORA", path.display());
        return None;
    };
    let tar = zstd::decode_all(packed.as_slice()).unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end_matches('\0').trim().to_owned();
    let (mut out, mut at) = (Vec::new(), 0);
    while at + 512 <= tar.len() && tar[at] != 0 {
        let size = usize::from_str_radix(&text(&tar[at + 124..at + 136]), 8).unwrap();
        if matches!(tar[at + 156], b'0' | 0) {
            out.push((text(&tar[at..at + 100]), tar[at + 512..at + 512 + size].to_vec()));
        }
        at += 512 + size.div_ceil(512) * 512;
    }
    Some(out)
}

fn directory() -> Option<(Graph, Vec<(String, Import)>)> {
    let mut builder = builder();
    let mut imports = Vec::new();
    let mut documents = files()?;
    documents.retain(|(path, _)| path.contains("json_output/"));
    documents.reverse();
    for (path, bytes) in &documents {
        let name = path.rsplit('/').next().unwrap().to_owned();
        let import = builder.read_directory(&FORMAT, &name, bytes.as_slice());
        imports.push((name, import));
    }
    imports.sort_by(|a, b| a.0.cmp(&b.0));
    let (graph, diagnostics) = builder.finish();
    assert!(diagnostics.is_empty(), "{:?}", diagnostics.entries());
    Some((graph, imports))
}

/// Objects: `meta.count` of the files says 4, 1, 54, 4. Statements, counted with grep: `RightName` stands 27, 17, 387 and 42
/// times in them, a primary group 4, 0, 0 and 4 times; lists of members have 0, 0, 30 and 0 entries.
#[test]
fn everything_that_the_export_states_is_read() {
    let Some((graph, imports)) = directory() else { return };
    let counted: Vec<(&str, u64, u64, u64)> =
        imports.iter().map(|(n, i)| (&n[..7], i.objects, i.skipped, i.statements)).collect();
    assert_eq!(
        counted,
        [("compute", 4, 0, 31), ("domains", 1, 0, 17), ("groups_", 54, 0, 417), ("users_2", 4, 0, 46)]
    );
    assert!(imports.iter().all(|(_, i)| i.version == Some(4) && i.unread.is_empty()));
    // 63 objects, and the one account (relative id 1111) that has rights on the domain and is not in the export.
    assert_eq!(graph.node_count(), 64);
    assert_eq!(graph.node(node(&graph, &format!("{DOMAIN}-1111"))).kind, "unknown");
    assert!(graph.unknown_kinds().is_empty());
    assert_eq!((graph.of_kind("account").len(), graph.of_kind("group").len()), (4, 54));
    assert_eq!((graph.of_kind("host").len(), graph.of_kind("domain").len()), (4, 1));
}

/// Nobody with administrator's rights collected this: every list of local groups and sessions says so.
#[test]
fn what_was_not_collected_is_unknown() {
    let Some((_, imports)) = directory() else { return };
    let computers = &imports[0].1;
    let names: Vec<&str> = computers.collected.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(names.len(), 7, "{names:?}");
    assert!(computers.collected.iter().all(|(_, yes, no)| (*yes, *no) == (0, 4)));
}

/// Distinct (principal, right, object) triples, counted outside of this program with a dozen lines of Python over the four
/// files: 503 of the 511 statements; per right as below, memberships 30.
#[test]
fn edges_are_those_of_the_export() {
    let Some((graph, _)) = directory() else { return };
    let count = |kind: &str| {
        let edges = graph.edges_of_kind(kind).filter_map(|e| graph.edge(e));
        let (stated, implied): (Vec<_>, Vec<_>) = edges.partition(|e| e.origin.is_some());
        (stated.len(), implied.len())
    };
    assert_eq!(count("generic-all").0, 129);
    assert_eq!(count("generic-write").0, 90);
    assert_eq!(count("write-owner").0, 90);
    assert_eq!(count("write-dacl").0, 90);
    assert_eq!(count("owns").0, 57);
    assert_eq!(count("all-extended-rights").0, 10);
    assert_eq!((count("get-changes"), count("get-changes-all")), ((4, 0), (3, 0)));
    assert_eq!(count("member-of").0, 30);
}

/// Read in the domain's access list: 1111, 498, 32-544 and 5-9 replicate changes, 516, 1111 and 32-544 replicate all. Domain
/// controllers (516) are in 5-9 by definition; members of 32-544 and 516 reach the domain through those groups.
#[test]
fn rights_that_count_together_are_one_edge_per_topmost_holder() {
    let Some((graph, _)) = directory() else { return };
    let edges: Vec<_> = graph.edges_of_kind("dcsync").collect();
    let expected = [format!("{DOMAIN}-1111"), format!("{DOMAIN}-516"), "EZ.LAB-S-1-5-32-544".to_owned()];
    let mut found: Vec<&str> = edges.iter().map(|e| graph.node(graph.edge(*e).unwrap().from).id).collect();
    found.sort_unstable();
    let mut expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    expected.sort_unstable();
    assert_eq!(found, expected);
    assert!(edges.iter().all(|e| graph.edge(*e).unwrap().origin.is_none()), "no document states it");
}

/// The object begins at the byte that the edge names, and the cited bytes state the right.
#[test]
fn an_edge_leads_back_to_the_bytes_that_state_it() {
    let Some((graph, _)) = directory() else { return };
    let documents = files().unwrap();
    let mut checked = 0;
    for id in graph.edges() {
        let edge = graph.edge(id).unwrap();
        let Some((document, offset)) = edge.origin else { continue };
        let (_, bytes) = documents.iter().find(|(path, _)| path.ends_with(document)).unwrap();
        let object: serde_json::Value = serde_json::Deserializer::from_slice(&bytes[offset as usize..])
            .into_iter()
            .next()
            .unwrap()
            .unwrap();
        let text = object.to_string();
        let (from, to) = (graph.node(edge.from).id, graph.node(edge.to).id);
        assert!(text.contains(from) && text.contains(to), "{from} {} {to}", edge.kind.name);
        checked += 1;
    }
    assert_eq!(checked, 503);
}

/// ADMINISTRATOR (500) is in Domain Admins: no cut separates it from tier 0. The user 1110 is in 513 and 1114, which is in
/// 1113; 513 is in Users (545), and, as everybody, in Authenticated Users and Everyone. A search for these seven as
/// `PrincipalSID` in the four files finds nothing.
#[test]
fn who_reaches_the_domain() {
    let Some((graph, _)) = directory() else { return };
    let domain = nodes(&graph, &[DOMAIN]);
    let [administrator, user] = [format!("{DOMAIN}-500"), format!("{DOMAIN}-1110")];
    let sources = nodes(&graph, &[&administrator, &user]);
    let exposure = graph.exposure(&sources, &domain, Passage::default());
    assert_eq!(exposure.reaching(), [sources[0]]);
    let way = exposure.way_of(&graph, sources[0]);
    assert_eq!(way.len(), 2, "{:?}", shown(&graph, &way));
    let answer = graph.minimum_cut(&CutQuestion::new(&sources, &graph.crown_jewels())).unwrap();
    assert_eq!((answer.cost, answer.inseparable.len()), (0, 1));
    assert_eq!(answer.inseparable[0].source, sources[0]);
    let reach = graph.reach(&sources[1..], Passage::default());
    let mut reached: Vec<&str> = reach.nodes().iter().map(|n| graph.node(*n).id).collect();
    reached.sort_unstable();
    let groups = [1110, 1113, 1114, 513].map(|n| format!("{DOMAIN}-{n}"));
    let mut expected = vec!["EZ.LAB-S-1-1-0", "EZ.LAB-S-1-5-32-545", "S-1-5-11"];
    expected.extend(groups.iter().map(String::as_str));
    assert_eq!(reached, expected);
}
