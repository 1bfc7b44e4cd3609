//! The slow way: trees from an independent parser, flattened by recursion, and what the decoder gave, by name.

use std::collections::BTreeMap;

use hinomi_columns::{Projection, Store, ValueId, ValueKind};
use hinomi_ingest::{Decode, JsonDecoder, Unit};
use hinomi_model::{Diagnostic, Diagnostics};
use serde_json::Value;

/// Values by dotted path, in order of appearance.
pub type Fields = BTreeMap<String, Vec<String>>;

/// One decoded event.
#[derive(Debug)]
pub struct Event {
    pub offset: usize,
    pub length: usize,
    pub kind: String,
    pub fields: Fields,
}

/// Leaves of a tree. Elements of an array share its path; empty objects and arrays have no leaf.
pub fn flatten(value: &Value) -> Fields {
    let mut fields = Fields::new();
    walk(value, "", &mut fields);
    fields
}

fn walk(value: &Value, path: &str, fields: &mut Fields) {
    let mut leaf = |text: String| fields.entry(path.to_owned()).or_default().push(text);
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                walk(member, &path, fields);
            }
        }
        Value::Array(elements) => elements.iter().for_each(|element| walk(element, path, fields)),
        Value::Null => leaf("null".to_owned()),
        Value::Bool(truth) => leaf(truth.to_string()),
        Value::Number(number) => leaf(number.to_string()),
        Value::String(text) => leaf(text.clone()),
    }
}

pub fn unit(bytes: &[u8]) -> Unit {
    Unit::whole("t.json", bytes.to_vec())
}

pub fn decode(bytes: &[u8]) -> (Vec<Event>, Vec<Diagnostic>) {
    decode_unit(&unit(bytes))
}

/// Every event of a unit with every field, in order of offset.
pub fn decode_unit(unit: &Unit) -> (Vec<Event>, Vec<Diagnostic>) {
    let mut store = Store::new(&Projection::of([""; 0]).and_all_others());
    let mut diagnostics = Diagnostics::default();
    JsonDecoder::new().decode(unit, &mut store, &mut diagnostics);
    let mut events = Vec::new();
    for batch in store.batches() {
        for (at, row) in batch.rows().iter().enumerate() {
            let mut fields = Fields::new();
            for &field in batch.fields() {
                let name = store.fields().name(field).to_owned();
                fields.insert(name, texts(&store, field, batch.cell(at, field)));
            }
            let kind = store.kinds().kind(batch.shape().kind).unwrap().name();
            let (offset, length) = (usize::try_from(row.offset).unwrap(), row.length as usize);
            events.push(((offset, row.sub), Event { offset, length, kind, fields }));
        }
    }
    events.sort_by_key(|(key, _)| *key);
    (events.into_iter().map(|(_, event)| event).collect(), diagnostics.into_sorted())
}

fn texts(store: &Store, field: hinomi_columns::FieldId, value: ValueId) -> Vec<String> {
    let dictionary = store.dictionary(field).unwrap();
    let text = |id| match dictionary.kind(id) {
        ValueKind::Null => "null".to_owned(),
        _ => dictionary.str(id).to_owned(),
    };
    match dictionary.kind(value) {
        ValueKind::List => dictionary.elements(value).map(text).collect(),
        _ => vec![text(value)],
    }
}

/// Equal, or the same number written differently (the independent parser rounds floating point in the last place).
pub fn same(left: &[String], right: &[String]) -> bool {
    let number = |text: &str| text.parse::<f64>().ok();
    let near = |a: f64, b: f64| (a - b).abs() <= a.abs() * 1e-14;
    let equal =
        |(a, b): (&String, &String)| a == b || number(a).zip(number(b)).is_some_and(|(a, b)| near(a, b));
    left.len() == right.len() && left.iter().zip(right).all(equal)
}
