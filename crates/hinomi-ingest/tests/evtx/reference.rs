//! What the independent reader says about a file, in the terms of ours.
//!
//! Every known difference in form is levelled here and nowhere else:
//! - It prints JSON by element; the fields are named here by the table in `hinomi_ingest`'s documentation.
//! - It leaves out elements and attributes whose optional value is null, where we keep a null cell; therefore
//!   null and absent count as the same on both sides.
//! - Where it does not leave a null value out it prints an empty string; therefore an empty string counts as null
//!   on both sides, alone and among the values of a repeated element.
//! - Elements of one name under one parent are numbered (`Header`, `Header_1`); the numbers are taken off.
//! - `xmlns` attributes are declarations, not data.

use std::collections::BTreeMap;

use serde_json::Value;

/// Field names to their values; a field without value is left out.
pub type Fields = BTreeMap<String, Vec<String>>;

/// Takes out what counts as null.
pub fn without_nulls(mut fields: Fields) -> Fields {
    fields.values_mut().for_each(|values| values.retain(|v| !v.is_empty()));
    fields.retain(|_, values| !values.is_empty());
    fields
}

/// The records of a file and how many could not be read.
pub fn read(bytes: &[u8]) -> (Vec<Fields>, usize) {
    let Ok(mut parser) = evtx::EvtxParser::from_buffer(bytes.to_vec()) else { return (Vec::new(), 1) };
    let (mut events, mut failed) = (Vec::new(), 0);
    for record in parser.records_json_value() {
        match record {
            Ok(record) => events.push(fields(&record.data["Event"])),
            Err(_) => failed += 1,
        }
    }
    (events, failed)
}

fn fields(event: &Value) -> Fields {
    let mut out = Fields::new();
    for (section, content) in event.as_object().into_iter().flatten() {
        match section.as_str() {
            "#attributes" => {}
            "System" => system(content, &mut out),
            section => payload(section, section, content, &mut out),
        }
    }
    without_nulls(out)
}

fn system(content: &Value, out: &mut Fields) {
    for (name, value) in content.as_object().into_iter().flatten() {
        for (attribute, value) in value["#attributes"].as_object().into_iter().flatten() {
            let field = match (name.as_str(), attribute.as_str()) {
                ("TimeCreated", "SystemTime") => "TimeCreated".to_owned(),
                ("Provider", "EventSourceName") => "EventSourceName".to_owned(),
                (name, attribute) => format!("{name}_{attribute}"),
            };
            put(field, value, out);
        }
        put(name.clone(), if value.is_object() { &value["#text"] } else { value }, out);
    }
}

const SYSTEM: [&str; 10] = [
    "EventID",
    "Version",
    "Level",
    "Task",
    "Opcode",
    "Keywords",
    "EventRecordID",
    "Channel",
    "Computer",
    "TimeCreated",
];

fn payload(section: &str, name: &str, content: &Value, out: &mut Fields) {
    let field = |name: &str| {
        if SYSTEM.contains(&name) { format!("{section}_{name}") } else { name.to_owned() }
    };
    match content {
        Value::Object(members) => {
            for (member, value) in members {
                match member.as_str() {
                    "#attributes" => {
                        for (attribute, value) in value.as_object().into_iter().flatten() {
                            if attribute != "xmlns" && !attribute.starts_with("xmlns:") {
                                put(format!("{name}_{attribute}"), value, out);
                            }
                        }
                    }
                    "#text" => put(field(name), value, out),
                    member => payload(section, unnumbered(members, member), value, out),
                }
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for item in items {
                payload(section, name, item, out);
            }
        }
        value => put(field(name), value, out),
    }
}

/// `X` for `X_2` when the same object has an `X`.
fn unnumbered<'a>(members: &serde_json::Map<String, Value>, member: &'a str) -> &'a str {
    match member.rsplit_once('_') {
        Some((base, number)) if number.parse::<u32>().is_ok() && members.contains_key(base) => base,
        _ => member,
    }
}

fn put(name: String, value: &Value, out: &mut Fields) {
    let values = out.entry(name).or_default();
    match value {
        Value::Null => {}
        Value::String(text) => values.push(text.clone()),
        Value::Array(items) => values.extend(items.iter().map(|item| match item {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })),
        other => values.push(other.to_string()),
    }
}
