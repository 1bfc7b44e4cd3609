//! Two recorded intrusions in one organisation on the same night, minutes apart.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{corpora, hinomi, list, report, root, text};

/// A case whose two steps are recordings: both use the same domain controller; `server` is the second one's target.
fn case(server: &str) -> String {
    format!(
        "version: 1\n\
         name: two-intrusions\n\
         title: {{en: Two intrusions at once, ja: 同時の二つの侵入}}\n\
         organisation: organisations/broker.yaml\n\
         start: '2026-10-01'\n\
         days: 3\n\
         roles: []\n\
         cast: {{pc: workstation#1, other: workstation#2, first: app-server#1, second: {server}, dc: dc#1, \
         one: administrator#1, two: administrator#2}}\n\
         steps:\n\
         - {{id: R01, stage: lateral-movement, techniques: [T1021.006], day: 1, at: '02:00', host: first, \
         what: {{en: a recording, ja: 録画}}, bind: {{ws: pc, srv: first, dc: dc, user: one}}, splice: \
         [{{recording: empire_psremoting_stager.zip, hosts: [ws, srv, dc], accounts: [user], format: windows}}]}}\n\
         - {{id: R02, stage: lateral-movement, techniques: [T1569.002], day: 1, at: '02:01', host: second, \
         what: {{en: a recording, ja: 録画}}, bind: {{ws: other, srv: second, dc: dc, user: two}}, splice: \
         [{{recording: empire_psexec_dcerpc_tcp_svcctl.zip, hosts: [ws, dc, srv], accounts: [user], format: windows}}]}}\n"
    )
}

/// Rendered with its recordings; `None` without corpora.
fn rendered(name: &str, server: &str) -> Option<PathBuf> {
    let recordings = corpora()?
        .join("a_windows_attack/security_datasets_atomic_2019_2021/atomic/windows/lateral_movement/host");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::remove_dir_all(&folder).ok();
    for kind in ["organisations", "formats"] {
        std::fs::create_dir_all(folder.join(kind)).unwrap();
        for entry in std::fs::read_dir(root().join("scenarios").join(kind)).unwrap().map(Result::unwrap) {
            std::fs::copy(entry.path(), folder.join(kind).join(entry.file_name())).unwrap();
        }
    }
    let (file, out) = (folder.join("case.yaml"), folder.join("out"));
    std::fs::write(&file, case(server)).unwrap();
    let shown = |p: &Path| p.to_str().unwrap().to_owned();
    let output = hinomi(&[
        "scenario",
        "render",
        &shown(&file),
        "--out",
        &shown(&out),
        "--without-background",
        "--recordings",
        &shown(&recordings),
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    Some(out)
}

/// Hosts of the detections of each grave incident.
fn hosts_of_grave_incidents(report: &Value) -> Vec<BTreeSet<&str>> {
    let host = |id: &Value| {
        let found = list(report, "detections").iter().find(|d| d["id"] == *id).unwrap();
        text(found, "host")
    };
    list(report, "incidents")
        .iter()
        .filter(|i| text(i, "severity") == "high")
        .map(|i| list(i, "detections").iter().map(host).collect())
        .collect()
}

#[test]
fn two_intrusions_over_one_domain_controller_stay_two() {
    let Some(out) = rendered("two-intrusions-apart", "app-server#2") else { return };
    let report = report(&[out.to_str().unwrap()]);
    let mut hosts = hosts_of_grave_incidents(&report);
    hosts.sort();
    assert_eq!(
        hosts,
        [BTreeSet::from(["decl01.minato.example.jp"]), BTreeSet::from(["decl02.minato.example.jp"])]
    );
}

/// On one server within a minute, with the same program text, nothing in the logs tells them apart; the link says what joined
/// them, so that a reader can part them.
#[test]
fn two_intrusions_on_one_server_are_joined_and_the_report_says_by_what() {
    let Some(out) = rendered("two-intrusions-joined", "app-server#1") else { return };
    let report = report(&[out.to_str().unwrap()]);
    assert_eq!(hosts_of_grave_incidents(&report), [BTreeSet::from(["decl01.minato.example.jp"])]);
    let grave = list(&report, "incidents").iter().find(|i| text(i, "severity") == "high").unwrap();
    let of_first = |id: &Value| {
        let found = list(&report, "detections").iter().find(|d| d["id"] == *id).unwrap();
        found["account"].as_str().is_some_and(|a| a.contains("adm-suzuki"))
    };
    let crossing: Vec<&Value> =
        list(grave, "links").iter().filter(|l| of_first(&l["a"]) != of_first(&l["b"])).collect();
    assert!(!crossing.is_empty(), "something joins the two");
    for link in crossing {
        let reasons: Vec<&str> = list(link, "reasons").iter().map(|r| text(r, "reason")).collect();
        assert!(reasons.contains(&"same-act") || reasons.contains(&"logon"), "{reasons:?}");
    }
}
