//! Public rules on public events that must match them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{list, report, text, unpacked};

fn files_below(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() { files_below(&path, out) } else { out.push(path) }
    }
}

/// The ids that an info file names: `id:` lines below `rule_metadata`.
fn rule_ids(info: &str) -> Vec<String> {
    let ids = info.lines().filter_map(|l| l.trim().trim_start_matches("- ").strip_prefix("id:"));
    ids.map(|id| id.trim().to_owned()).collect()
}

#[test]
fn every_public_regression_event_makes_its_rule_fire() {
    let Some(cases) = unpacked("a_windows_attack/sigma_regression_half_a") else { return };
    let Some(rules) = unpacked("sigma_rules") else { return };
    let folder = |name: &str| rules.join(name).display().to_string();
    let cases_text = cases.display().to_string();
    let report = report(&[
        &cases_text,
        "-r",
        &folder("rules"),
        "-r",
        &folder("rules-emerging-threats"),
        "-r",
        &folder("rules-threat-hunting"),
        "--min-level",
        "informational",
        "--cite",
        "files",
    ]);
    // The same event may stand in two files; then one detection cites a digest that both share.
    let mut fired: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for detection in list(&report, "detections") {
        for evidence in list(detection, "evidence") {
            let digest =
                text(evidence, "reference").trim_start_matches("file:").get(..64).unwrap().to_owned();
            fired.entry(digest).or_default().insert(text(detection, "rule_id").to_owned());
        }
    }
    let mut files = Vec::new();
    files_below(&cases, &mut files);
    let (mut hit, mut missed) = (0, Vec::new());
    for file in
        files.iter().filter(|f| f.parent().unwrap().join("info.yml").exists() && !f.ends_with("info.yml"))
    {
        let wanted = rule_ids(&std::fs::read_to_string(file.parent().unwrap().join("info.yml")).unwrap());
        let digest = hinomi_model::Digest::of(&std::fs::read(file).unwrap()).to_string();
        if fired.get(&digest).is_some_and(|ids| wanted.iter().any(|w| ids.contains(w))) {
            hit += 1;
        } else {
            missed.push(file.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    missed.sort();
    assert!(missed.is_empty(), "{missed:?}");
    assert_eq!(hit, 196, "97 event logs, 97 JSON files and two others");
}

/// Results do not depend on the packing: a tar.zst read as it is equals its unpacked files.
#[test]
fn a_packed_corpus_gives_the_same_detections() {
    let Some(folder) = unpacked("a_windows_attack/evtx_to_mitre_attack") else { return };
    let Some(corpora) = crate::support::corpora() else { return };
    let packed = corpora.join("a_windows_attack/evtx_to_mitre_attack.tar.zst");
    let ids = |path: &Path| {
        let report: Value = report(&[path.to_str().unwrap()]);
        list(&report, "detections").iter().map(|d| text(d, "id").to_owned()).collect::<BTreeSet<_>>()
    };
    let (packed, plain) = (ids(&packed), ids(&folder));
    assert!(packed.len() > 100, "{}", packed.len());
    assert_eq!(packed, plain);
}
