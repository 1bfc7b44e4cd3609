//! The shipped claims against their own examples, and what no document may do to them.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::Outcome;

use super::coverage::{Framework, coverage};
use super::document::Document;
use super::judgement::{Because, Judgement};
use super::pack::Pack;

fn pack() -> Pack {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../claims/cloud");
    let mut files: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(path).unwrap())
        })
        .collect();
    files.sort();
    let borrowed: Vec<(&str, &str)> =
        files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    Pack::parse(&borrowed).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"))
}

#[test]
fn every_claim_has_examples_of_all_three_answers_and_they_hold() {
    let pack = pack();
    let failures = pack.run_examples();
    assert!(failures.is_empty(), "{failures:#?}");
    let unshown = pack.unshown(&[Outcome::Supported, Outcome::Contradicted, Outcome::Unknown]);
    assert!(unshown.is_empty(), "{unshown:?}");
    assert!(pack.claims().len() > 70, "{}", pack.claims().len());
}

#[test]
fn an_example_that_does_not_hold_is_found_out() {
    let mut pack = pack();
    let expected = pack.examples.iter_mut().flat_map(|example| example.expected.values_mut());
    let changed = expected.map(|outcome| {
        *outcome = if *outcome == Outcome::Supported { Outcome::Contradicted } else { Outcome::Supported };
    });
    let changed = changed.count();
    assert_eq!(pack.run_examples().len(), changed);
}

#[test]
fn without_documents_everything_is_unknown() {
    let pack = pack();
    let now = hinomi_model::Timestamp::from_nanos(0);
    let strangers = [Document::new("d", serde_json::json!({"hello": [1, 2, {"State": "enabled"}]}))];
    for documents in [&[][..], &strangers] {
        let judged = pack.judge(documents, &[], now);
        assert_eq!(judged.len(), pack.claims().len());
        for judgement in &judged {
            assert_eq!(judgement.outcome, Outcome::Unknown);
            assert!(matches!(judgement.because.as_slice(), [Because::NoDocument { .. }]), "{judgement:?}");
        }
    }
}

/// The pointers that decided a judgement, by document.
fn deciding(judgement: &Judgement) -> Vec<(String, String)> {
    let place = |because: &Because| match because {
        Because::Found { place, .. } => Some((place.document.clone(), place.pointer.clone())),
        _ => None,
    };
    judgement.because.iter().filter_map(place).collect()
}

/// Removes a member of a map; elements of lists stay, because others would take their place.
fn removed(documents: &[Document], place: &(String, String)) -> Option<Vec<Document>> {
    let (parent, key) = place.1.rsplit_once('/')?;
    let mut documents = documents.to_vec();
    let document = documents.iter_mut().find(|document| document.name == place.0)?;
    let Value::Object(members) = document.value.pointer_mut(parent)? else { return None };
    members.remove(&key.replace("~1", "/").replace("~0", "~"))?;
    Some(documents)
}

#[test]
fn no_field_that_supported_a_claim_can_be_removed_and_still_support_it() {
    let pack = pack();
    let mut tried = 0;
    for example in &pack.examples {
        for judgement in pack.judge(&example.documents, &example.exemptions, example.now) {
            if judgement.outcome != Outcome::Supported {
                continue;
            }
            let mut alone = pack.clone();
            alone.claims.retain(|claim| claim.id() == judgement.claim);
            for place in deciding(&judgement) {
                let Some(documents) = removed(&example.documents, &place) else { continue };
                tried += 1;
                for again in alone.judge(&documents, &example.exemptions, example.now) {
                    let stands_on_it =
                        again.outcome == Outcome::Supported && deciding(&again).contains(&place);
                    assert!(!stands_on_it, "{}: {place:?} in {}", judgement.claim, example.name);
                }
            }
        }
    }
    assert!(tried > 200, "{tried}");
}

#[test]
fn every_control_that_a_claim_answers_is_of_a_category_and_untouched_categories_are_shown() {
    let pack = pack();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../claims/frameworks/csf-2.0.yaml");
    let framework = Framework::parse("csf-2.0.yaml", &std::fs::read_to_string(file).unwrap()).unwrap();
    let covered = coverage(&pack, &[], &framework);
    assert_eq!(covered.len(), 22);
    let known: BTreeSet<&str> = framework.categories.iter().map(|category| category.id.as_str()).collect();
    for claim in pack.claims() {
        let controls = claim.answers(&framework.id);
        assert!(!controls.is_empty(), "{} answers nothing", claim.id());
        for control in controls {
            assert!(
                control.split_once('-').is_some_and(|(category, _)| known.contains(category)),
                "{control}"
            );
        }
    }
    let untouched = covered.iter().filter(|category| category.supported_of_all().is_none()).count();
    assert!(
        untouched > 5,
        "configuration says nothing about many categories, and that is shown: {untouched}"
    );
}

#[test]
fn what_is_judged_does_not_depend_on_the_run() {
    let (pack, again) = (pack(), pack());
    for example in &pack.examples {
        let first = pack.judge(&example.documents, &example.exemptions, example.now);
        assert_eq!(first, again.judge(&example.documents, &example.exemptions, example.now));
    }
}
