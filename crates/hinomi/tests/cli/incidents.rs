//! Incidents on recorded attacks and ordinary data that nobody here made.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{corpora, list, report, text, unpacked};

fn capture(name: &str) -> Option<PathBuf> {
    let folder = corpora()?.join("a_windows_attack/security_datasets_atomic_2019_2021/atomic/windows");
    Some(folder.join(name)).filter(|p| p.exists())
}

/// Detections of each incident.
fn groups(report: &Value) -> BTreeSet<Vec<String>> {
    let ids = |i: &Value| {
        let mut ids: Vec<String> =
            list(i, "detections").iter().map(|d| d.as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids
    };
    list(report, "incidents").iter().map(ids).collect()
}

fn read(paths: &[&Path]) -> Value {
    let paths: Vec<&str> = paths.iter().map(|p| p.to_str().unwrap()).collect();
    report(&paths)
}

/// Several steps by several rules; the host and the day are those of the recording.
const MULTI_STEP: [&str; 7] = [
    "execution/host/empire_launcher_vbs.zip",
    "defense_evasion/host/empire_launcher_sct_regsvr32.zip",
    "privilege_escalation/host/empire_invoke_runas.tar.gz",
    "lateral_movement/host/empire_psremoting_stager.zip",
    "lateral_movement/host/empire_psexec_dcerpc_tcp_svcctl.zip",
    "lateral_movement/host/purplesharp_ad_playbook_I.zip",
    "lateral_movement/host/empire_dcom_shellwindows_stager.zip",
];

#[test]
fn a_recorded_attack_of_several_steps_is_one_grave_incident() {
    for name in MULTI_STEP {
        let Some(path) = capture(name) else { continue };
        let report = read(&[&path]);
        let incidents = list(&report, "incidents");
        assert_eq!(incidents.len(), 1, "{name}");
        assert_eq!(text(&incidents[0], "severity"), "high", "{name}");
        let steps = list(&incidents[0], "steps");
        assert!(steps.iter().any(|s| text(s, "certainty") == "confirmed"), "{name}");
    }
}

/// Different labs, years and domains; the account has the same name in all of them.
#[test]
fn attacks_on_unrelated_hosts_stay_apart_when_read_together() {
    let apart =
        ["execution/host/empire_launcher_vbs.zip", "privilege_escalation/host/empire_invoke_runas.tar.gz"];
    let (Some(a), Some(b)) = (capture(apart[0]), capture(apart[1])) else { return };
    let mut wanted = groups(&read(&[&a]));
    wanted.append(&mut groups(&read(&[&b])));
    assert_eq!(wanted.len(), 2);
    assert_eq!(groups(&read(&[&a, &b])), wanted);
}

#[test]
fn an_attack_among_ordinary_data_stays_one_and_joins_nothing_else() {
    let (Some(attack), Some(benign)) = (
        capture("lateral_movement/host/empire_psremoting_stager.zip"),
        unpacked("b_benign/windows_evtx_parser_samples_a"),
    ) else {
        return;
    };
    let mut wanted = groups(&read(&[&attack]));
    wanted.append(&mut groups(&read(&[&benign])));
    let together = read(&[&attack, &benign]);
    assert_eq!(groups(&together), wanted);
    let grave = list(&together, "incidents").iter().filter(|i| text(i, "severity") == "high").count();
    assert_eq!(grave, 1, "only the attack is grave");
}

#[test]
fn ordinary_data_and_the_noise_of_the_internet_make_no_grave_incident() {
    for name in [
        "windows_evtx_parser_samples_a",
        "windows_dc_system_5y",
        "web_access_elastic",
        "ait_testbed_day",
        "msticpy_hosts",
        "zeek_internet_noise_day1",
    ] {
        let Some(folder) = unpacked(&format!("b_benign/{name}")) else { continue };
        let report = read(&[&folder]);
        assert!(report["summary"]["events"].as_u64().unwrap() > 1000, "{name}");
        let grave: Vec<&str> = list(&report, "incidents")
            .iter()
            .filter(|i| ["high", "critical"].contains(&text(i, "severity")))
            .map(|i| text(i, "severity_reason"))
            .collect();
        assert!(grave.is_empty(), "{name}: {grave:?}");
    }
}

/// Every link names detections of its incident, and the forest spans it.
#[test]
fn every_detection_of_an_incident_is_there_for_a_stated_reason() {
    for incident in list(crate::support::case_report(), "incidents") {
        let core: BTreeSet<&str> = list(incident, "detections").iter().map(|d| d.as_str().unwrap()).collect();
        let mut reached: BTreeSet<&str> = core.iter().take(1).copied().collect();
        let links = list(incident, "links");
        for _ in 0..core.len() {
            for link in links {
                assert!(!list(link, "reasons").is_empty());
                let (a, b) = (text(link, "a"), text(link, "b"));
                if reached.contains(a) || reached.contains(b) {
                    reached.extend([a, b]);
                }
            }
        }
        assert!(core.is_subset(&reached), "{:?}", core.difference(&reached));
    }
    let grave = list(crate::support::case_report(), "incidents")
        .iter()
        .filter(|i| ["high", "critical"].contains(&text(i, "severity")))
        .count();
    assert_eq!(grave, 1, "one case, one grave incident");
    // The directory's record of a new administrator names who did it by security id alone, so it stands beside.
    assert_eq!(list(crate::support::case_report(), "incidents").len(), 2);
}
