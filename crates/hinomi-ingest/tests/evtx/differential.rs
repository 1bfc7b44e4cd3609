//! Field by field against the independent reader.

use std::collections::{BTreeMap, BTreeSet};

use hinomi_columns::{Projection, Store};

use crate::corpus::{decode, samples};
use crate::reference::{self, Fields, without_nulls};

/// Every row of the store, by offset.
pub fn rows(store: &Store) -> Vec<(u64, Fields)> {
    let mut rows = Vec::new();
    for batch in store.batches() {
        for (at, row) in batch.rows().iter().enumerate() {
            let mut fields = Fields::new();
            for &field in batch.fields() {
                let dictionary = store.dictionary(field).unwrap();
                let elements = dictionary.elements(batch.cell(at, field));
                let values = elements.map(|v| dictionary.str(v).to_owned()).collect();
                fields.insert(store.fields().name(field).to_owned(), values);
            }
            rows.push((row.offset, without_nulls(fields)));
        }
    }
    rows.sort();
    rows
}

/// What tells records of one file apart; exported logs number records of several channels.
fn identity(fields: &Fields) -> [Option<&Vec<String>>; 4] {
    ["EventRecordID", "TimeCreated", "Channel", "EventID"].map(|name| fields.get(name))
}

#[test]
fn every_field_of_every_record_agrees() {
    let Some(samples) = samples() else { return };
    let mut compared = 0_usize;
    let mut differences: BTreeMap<String, (usize, String)> = BTreeMap::new();
    for sample in &samples {
        let (expected, failed) = reference::read(&sample.bytes);
        let mut store = Store::new(&Projection::of([""; 0]).and_all_others());
        let diagnostics = decode(&sample.bytes, 1 << 22, &mut store);
        let ours = rows(&store);
        if ours.len() != expected.len() || failed > 0 {
            println!(
                "{}: {} records here, {} there, {failed} failed there; {:?}",
                sample.name,
                ours.len(),
                expected.len(),
                diagnostics.entries()
            );
        }
        let mut by_identity: BTreeMap<_, Vec<&Fields>> = BTreeMap::new();
        for (_, fields) in ours.iter().rev() {
            by_identity.entry(identity(fields)).or_default().push(fields);
        }
        for event in &expected {
            compared += 1;
            match by_identity.get_mut(&identity(event)).and_then(Vec::pop) {
                Some(found) => compare(found, event, &sample.name, &mut differences),
                None => note(&mut differences, "missing record", || format!("{} {event:?}", sample.name)),
            }
        }
    }
    println!("{} files, {compared} records compared", samples.len());
    for (name, (count, example)) in &differences {
        println!("{name}: {count}: {example:.600}");
    }
    assert!(differences.is_empty());
}

fn compare(ours: &Fields, theirs: &Fields, place: &str, differences: &mut BTreeMap<String, (usize, String)>) {
    let names: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    for name in names {
        if ours.get(name) != theirs.get(name) {
            note(differences, name, || format!("{place}: {:?} / {:?}", ours.get(name), theirs.get(name)));
        }
    }
}

fn note(differences: &mut BTreeMap<String, (usize, String)>, name: &str, example: impl FnOnce() -> String) {
    differences.entry(name.to_owned()).or_insert_with(|| (0, example())).0 += 1;
}
