//! Random objects, written in every framing and cut anywhere, are read as the naive way reads them.

use hinomi_ingest::{JsonCut, JsonCutState, json_cut};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Map, Value};

use crate::naive::{Fields, decode, flatten, same};

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e9..1e9f64).prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::String),
        "[\\\\\"{}\\[\\],:\n\r\t\u{0}é😀]{0,12}".prop_map(Value::String),
        "[a-c]{150,200}\n\"".prop_map(Value::String),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::Array),
            btree_map("[k-p.\"é]{1,3}", inner, 0..4).prop_map(object),
        ]
    })
}

fn object(members: std::collections::BTreeMap<String, Value>) -> Value {
    Value::Object(members.into_iter().collect::<Map<_, _>>())
}

fn objects() -> impl Strategy<Value = Vec<Value>> {
    vec(btree_map("[k-p]{1,4}", value(), 1..6).prop_map(object), 1..8)
}

fn framings(objects: &[Value]) -> Vec<String> {
    let lines: Vec<String> = objects.iter().map(Value::to_string).collect();
    let pretty: Vec<String> = objects.iter().map(|o| serde_json::to_string_pretty(o).unwrap()).collect();
    let array = Value::Array(objects.to_vec());
    vec![
        lines.join("\n"),
        lines.join("\r\n") + "\r\n",
        lines.concat(),
        pretty.join("\n"),
        array.to_string(),
        serde_json::to_string_pretty(&array).unwrap(),
        format!("{{\"Records\":{array}}}"),
        format!("{{\"@odata.context\":\"c\",\"value\":{array},\"@odata.nextLink\":\"n\"}}"),
    ]
}

fn in_pieces(text: &[u8], step: usize) -> Vec<Fields> {
    let (mut state, mut buffer, mut rest, mut events) =
        (JsonCutState::default(), Vec::new(), text, Vec::new());
    loop {
        let at_end = rest.is_empty();
        match json_cut(&buffer, at_end, &mut state) {
            JsonCut::Records(n) => {
                events.extend(decode(&buffer[..n]).0.into_iter().map(|e| e.fields));
                buffer.drain(..n);
            }
            JsonCut::Skip(_) => unreachable!("nothing here is large"),
            JsonCut::NeedMore if at_end => return events,
            JsonCut::NeedMore => {
                let (now, later) = rest.split_at(step.min(rest.len()));
                buffer.extend_from_slice(now);
                rest = later;
            }
        }
    }
}

fn check(found: &[Fields], expected: &[Fields], text: &str) {
    assert_eq!(found.len(), expected.len(), "{text}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.keys().eq(expected.keys()), "{found:?}\n{expected:?}\n{text}");
        for (name, values) in expected {
            assert!(same(&found[name], values), "{name}: {found:?}\n{expected:?}\n{text}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_framing_gives_the_values_of_the_naive_way(objects in objects(), step in 1usize..400) {
        let expected: Vec<Fields> = objects.iter().map(flatten).collect();
        for text in framings(&objects) {
            let (events, diagnostics) = decode(text.as_bytes());
            prop_assert!(diagnostics.is_empty(), "{diagnostics:?}\n{text}");
            for (event, object) in events.iter().zip(&objects) {
                let cited = &text[event.offset..event.offset + event.length];
                check(&[flatten(&serde_json::from_str(cited).unwrap())], &[flatten(object)], cited);
            }
            let found: Vec<Fields> = events.into_iter().map(|e| e.fields).collect();
            check(&found, &expected, &text);
            check(&in_pieces(text.as_bytes(), step), &expected, &text);
        }
    }
}
