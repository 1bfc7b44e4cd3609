//! ATT&CK ids and names are those of the pinned version.

use std::collections::BTreeMap;

use hinomi::{attack, rulebook::BUNDLED};

use crate::support::unpacked;

#[test]
fn the_table_is_the_pinned_version() {
    let Some(folder) = unpacked("i_knowledge/attack_enterprise_18_1") else { return };
    let file = folder.join("enterprise-attack-18.1.objects.jsonl");
    let Ok(content) = std::fs::read_to_string(&file) else { panic!("{} is not there", file.display()) };
    let mut official: BTreeMap<String, String> = BTreeMap::new();
    for line in content.lines() {
        let object: serde_json::Value = serde_json::from_str(line).unwrap();
        let gone = object["revoked"] == true || object["x_mitre_deprecated"] == true;
        if object["type"] != "attack-pattern" || gone {
            continue;
        }
        let references = object["external_references"].as_array().unwrap();
        let id = references.iter().find(|r| r["source_name"] == "mitre-attack").unwrap();
        official.insert(id["external_id"].as_str().unwrap().into(), object["name"].as_str().unwrap().into());
    }
    let ours: BTreeMap<String, String> = attack::techniques().map(|(i, n)| (i.into(), n.into())).collect();
    assert_eq!(ours, official);
}

#[test]
fn bundled_rules_name_only_techniques_of_that_version() {
    let mut unknown = Vec::new();
    for (file, text) in BUNDLED {
        for word in text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.')) {
            let Some(id) = word.strip_prefix("attack.t").map(|rest| format!("T{rest}")) else { continue };
            let number = id.get(1..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
            if number && attack::technique_name(&id).is_none() {
                unknown.push(format!("{file}: {id}"));
            }
        }
    }
    assert!(unknown.is_empty(), "{unknown:?}");
}
