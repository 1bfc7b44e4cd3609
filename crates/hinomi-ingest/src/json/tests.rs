//! Behaviour of the decoder as a whole: examples of the mapping files, framings, damage.

use hinomi_columns::{Batch, FieldId, Projection, Row, Store, ValueId, ValueKind, well_known};
use hinomi_model::{Diagnostic, DiagnosticKind, Diagnostics};

use super::catalogue::CATALOGUE;
use super::{JsonCut, JsonCutState, JsonDecoder, json_cut};
use crate::{Decode, Unit};

/// One decoded event: where, of what kind, and every field as (name, texts).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seen {
    pub(super) row: Row,
    pub(super) kind: String,
    pub(super) categories: Vec<String>,
    pub(super) fields: Vec<(String, Vec<String>)>,
}

impl Seen {
    fn values(&self, name: &str) -> Option<&[String]> {
        self.fields.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_slice())
    }
}

pub(super) fn unit(bytes: &[u8]) -> Unit {
    Unit::whole("t.json", bytes.to_vec())
}

pub(super) fn everything() -> Projection {
    Projection::of([""; 0]).and_all_others()
}

pub(super) fn decode_with(projection: &Projection, bytes: &[u8]) -> (Vec<Seen>, Vec<Diagnostic>) {
    let mut store = Store::new(projection);
    let mut diagnostics = Diagnostics::default();
    JsonDecoder::new().decode(&unit(bytes), &mut store, &mut diagnostics);
    (seen(&store), diagnostics.into_sorted())
}

pub(super) fn decode(bytes: &[u8]) -> (Vec<Seen>, Vec<Diagnostic>) {
    decode_with(&everything(), bytes)
}

pub(super) fn seen(store: &Store) -> Vec<Seen> {
    let mut events: Vec<Seen> = store.batches().flat_map(|batch| of_batch(store, batch)).collect();
    events.sort_by_key(|e| (e.row.offset, e.row.sub));
    events
}

fn of_batch(store: &Store, batch: &Batch) -> Vec<Seen> {
    let kind = store.kinds().kind(batch.shape().kind).unwrap().clone();
    let rows = batch.rows().iter().enumerate();
    rows.map(|(at, row)| Seen {
        row: *row,
        kind: kind.name(),
        categories: kind.categories.clone(),
        fields: batch.fields().iter().map(|&f| named(store, f, batch.cell(at, f))).collect(),
    })
    .collect()
}

fn named(store: &Store, field: FieldId, value: ValueId) -> (String, Vec<String>) {
    let dictionary = store.dictionary(field).unwrap();
    let values = match dictionary.kind(value) {
        ValueKind::Null => vec!["null".to_owned()],
        ValueKind::List => dictionary
            .elements(value)
            .map(|e| {
                if dictionary.kind(e) == ValueKind::Null { "null" } else { dictionary.str(e) }.to_owned()
            })
            .collect(),
        _ => vec![dictionary.str(value).to_owned()],
    };
    (store.fields().name(field).to_owned(), values)
}

/// What an example of a mapping file promises.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    json: String,
    kind: String,
    #[serde(default)]
    categories: Vec<String>,
    #[serde(default)]
    time: Option<String>,
    #[serde(default)]
    sequence: Option<u64>,
    #[serde(default)]
    host: Option<String>,
    #[serde(default)]
    fields: std::collections::BTreeMap<String, super::mapping::OneOrMany>,
    #[serde(default)]
    absent: Vec<String>,
    /// Which of several events of a split object is meant.
    #[serde(default)]
    sub: usize,
}

#[test]
fn examples_of_the_mapping_files() {
    for kind in &CATALOGUE.kinds {
        let id = &kind.mapping.id;
        assert!(!kind.mapping.examples.is_empty(), "{id} has no example");
        for (number, example) in kind.mapping.examples.iter().enumerate() {
            let example: Example =
                serde_yaml_ng::from_value(example.clone()).unwrap_or_else(|e| panic!("{id}: {e}"));
            check_example(&format!("{id} example {number}"), &example);
        }
    }
}

fn check_example(place: &str, example: &Example) {
    let json = example.json.trim_end();
    serde_json::from_str::<serde_json::Value>(json).unwrap_or_else(|e| panic!("{place}: {e}"));
    let (events, diagnostics) = decode(json.as_bytes());
    assert!(diagnostics.iter().all(|d| d.kind == DiagnosticKind::AssumedTime), "{place}: {diagnostics:?}");
    let event = events.get(example.sub).unwrap_or_else(|| panic!("{place}: no such event"));
    assert_eq!(event.kind, example.kind, "{place}");
    assert_eq!(event.categories, example.categories, "{place}");
    let time = event.row.time.map(|t| t.to_string());
    assert_eq!(time, example.time, "{place}");
    assert_eq!(event.row.sequence, example.sequence, "{place}");
    if let Some(host) = &example.host {
        assert_eq!(event.values("Computer"), Some(&[host.clone()][..]), "{place}");
    }
    for (name, expected) in &example.fields {
        let expected: Vec<String> = expected.iter().map(str::to_owned).collect();
        assert_eq!(event.values(name), Some(&expected[..]), "{place}: {name} of {:#?}", event.fields);
    }
    for name in &example.absent {
        assert_eq!(event.values(name), None, "{place}: {name}");
    }
}

#[test]
fn framings_give_the_same_events() {
    let framings = [
        "{\"a\":1}\n{\"a\":2}\n",
        "{\"a\":1}\r\n\r\n{\"a\":2}",
        "[{\"a\":1},{\"a\":2}]",
        "[\n  {\n    \"a\": 1\n  },\n  {\n    \"a\": 2\n  }\n]\n",
        "{\"a\":1}{\"a\":2}",
        "\u{feff}{\"a\":1} {\"a\":2}",
        "\u{1e}{\"a\":1}\n\u{1e}{\"a\":2}\n",
        "{\"Records\":[{\"a\":1},{\"a\":2}]}",
        "{\"Records\":[{\"a\":1}]}\n{\"Records\":[{\"a\":2}]}\n",
        "{\"@odata.context\":\"x\",\"value\":[{\"a\":1},{\"a\":2}],\"@odata.nextLink\":{\"a\":3}}",
        "{\"took\":1,\"hits\":{\"total\":2,\"hits\":[{\"_id\":\"1\",\"_source\":{\"a\":1},\"sort\":[1]},{\"_source\":{\"a\":2}}]}}",
    ];
    for text in framings {
        let (events, diagnostics) = decode(text.as_bytes());
        let values: Vec<_> = events.iter().map(|e| e.fields.clone()).collect();
        let expected = ["1", "2"].map(|v| vec![("a".to_owned(), vec![v.to_owned()])]);
        assert_eq!(values, expected, "{text}");
        assert_eq!(diagnostics, [], "{text}");
        for (event, number) in events.iter().zip(["1", "2"]) {
            let cited = &text[event.row.offset as usize..][..event.row.length as usize];
            let value: serde_json::Value = serde_json::from_str(cited).unwrap();
            assert_eq!(value["a"].to_string(), number);
        }
    }
}

#[test]
fn wide_text_is_read_and_cited() {
    let text = "{\"a\":\"ロ😀\"}\r\n{\"a\":\"b\"}\r\n";
    let wide: Vec<u8> =
        std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let (events, diagnostics) = decode(&wide);
    assert_eq!(diagnostics, []);
    assert_eq!(events[0].values("a").unwrap(), ["ロ😀"]);
    let cited = &wide[events[1].row.offset as usize..][..events[1].row.length as usize];
    let units: Vec<u16> = cited.chunks(2).map(|c| u16::from_le_bytes([c[0], c[1]])).collect();
    assert_eq!(String::from_utf16(&units).unwrap(), "{\"a\":\"b\"}");
}

#[test]
fn damage_costs_the_damaged_object_only() {
    use DiagnosticKind::{Encoding, LimitExceeded, Malformed, Truncated};
    let check = |text: &[u8], expected: &[&str], kinds: &[DiagnosticKind]| {
        let (events, diagnostics) = decode(text);
        let found: Vec<_> =
            events.iter().flat_map(|e| e.fields.iter().flat_map(|(_, v)| v.clone())).collect();
        let shown = String::from_utf8_lossy(text);
        assert_eq!(found, expected, "{shown}");
        assert_eq!(diagnostics.iter().map(|d| d.kind).collect::<Vec<_>>(), kinds, "{shown} {diagnostics:?}");
    };
    check(b"{\"a\":1,\n{\"a\":2}\n", &["2"], &[Malformed]);
    check(b"{\"a\":\"x\n{\"a\":2}\n", &["2"], &[Malformed]);
    // Cut off inside a string, and followed by a line that would complete the object.
    check(b"{\"a\":\"x\n{\",\":\":5,\",\":6}\":1}\n", &[":5,", "1"], &[Malformed]);
    check(b"text\n{\"a\":2}\nmore", &["2"], &[Malformed, Malformed]);
    check(b"{\"a\":1}\n{\"a\":", &["1"], &[Truncated]);
    check(b"[{\"a\":1},{\"a\":},{\"a\":3}]", &["1", "3"], &[Malformed]);
    check(
        b"[\n  {\n    \"a\": {\n      \"b\": x\n    }\n  },\n  {\n    \"a\": 2\n  }\n]",
        &["2"],
        &[Malformed],
    );
    check(b"[1, \"x\", {\"a\":2}]", &["2"], &[Malformed, Malformed]);
    check(b"{\"a\":1}\n\0\0\0\0\n{\"a\":2}", &["1", "2"], &[Malformed]);
    check(b"{\"a\":\"\xff\"}\n{\"a\":\"\\ud800\"}", &["\u{fffd}", "\u{fffd}"], &[Encoding, Encoding]);
    check(b"{\"a\":\"x\\u0000y\"}", &["x\0y"], &[]);
    let deep = [&b"{\"a\":"[..], &b"[".repeat(100), b"1", &b"]".repeat(100), b"}\n{\"a\":2}"].concat();
    check(&deep, &["2"], &[LimitExceeded]);
    check(b"{\"a\":1,\"a\":2}", &["1", "2"], &[]);
    check(b"{\"a\":123456789012345678901234567890.5e300}", &["123456789012345678901234567890.5e300"], &[]);
    check(b"", &[], &[]);
}

#[test]
fn only_what_is_asked_for_is_kept_and_objects_are_text_for_those_who_name_them() {
    let projection = Projection::of(["b.c", "d", "e"]);
    let text = br#"{"a":"x","b":{"c":"y","z":[1]},"d":{"k":"v\n"},"e":[{"k":1},{"k":2}],"f":{"d":1}}"#;
    let (events, _) = decode_with(&projection, text);
    let names: Vec<_> = events[0].fields.iter().map(|(n, v)| (n.as_str(), v[0].as_str())).collect();
    assert_eq!(names, [("b.c", "y"), ("d", r#"{"k":"v\n"}"#), ("e", r#"[{"k":1},{"k":2}]"#)]);
}

#[test]
fn a_thousand_new_keys_per_event_stay_bounded() {
    let mut text = String::new();
    for event in 0..200 {
        let members: Vec<String> = (0..1000).map(|n| format!("\"k{event}_{n}\":{n}")).collect();
        text.extend(["{\"hot\":", &event.to_string(), ",", &members.join(","), "}\n"]);
    }
    let (events, diagnostics) = decode_with(&Projection::of(["hot"]), text.as_bytes());
    assert_eq!(events.len(), 200);
    assert!(events.iter().all(|e| e.values("hot").is_some()));
    assert_eq!(diagnostics, []);
}

#[test]
fn well_known_host_is_filled_from_the_vendor_s_name() {
    let (events, _) = decode_with(&Projection::of([""; 0]), br#"{"hostname":"a","time":1}"#);
    assert_eq!(events[0].fields, [("Computer".to_owned(), vec!["a".to_owned()])]);
    assert_eq!(well_known::NAMES[3], "Computer");
}

/// Feeds `bytes` in reads of `step` bytes through the cut and decodes every piece.
pub(super) fn in_pieces(bytes: &[u8], step: usize) -> Vec<Vec<(String, Vec<String>)>> {
    let mut state = JsonCutState::default();
    let mut buffer = Vec::new();
    let mut rest = bytes;
    let mut out = Vec::new();
    loop {
        let at_end = rest.is_empty();
        match json_cut(&buffer, at_end, &mut state) {
            JsonCut::Records(n) => {
                out.extend(decode(&buffer[..n]).0.into_iter().map(|e| e.fields));
                buffer.drain(..n);
            }
            JsonCut::Skip(n) => _ = buffer.drain(..n),
            JsonCut::NeedMore if at_end => return out,
            JsonCut::NeedMore => {
                let (now, later) = rest.split_at(step.min(rest.len()));
                buffer.extend_from_slice(now);
                rest = later;
            }
        }
    }
}

#[test]
fn cuts_do_not_change_what_is_read() {
    let events: Vec<String> = (0..50)
        .map(|n| format!("{{\"n\":{n},\"s\":\"}}\\\"{{\\n[\",\"o\":{{\"p\":[{{\"q\":{n}}}]}}}}"))
        .collect();
    let pretty: Vec<String> = events
        .iter()
        .map(|e| {
            serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(e).unwrap()).unwrap()
        })
        .collect();
    let framings = [
        events.join("\n"),
        events.join("\r\n"),
        pretty.join("\n"),
        format!("[{}]", events.join(",")),
        format!("[\n{}\n]", pretty.join(",\n")),
        format!("{{\"@odata.context\":\"x\",\"value\":[{}],\"@odata.count\":50}}", events.join(" , ")),
        format!(
            "{{\"took\":1,\"hits\":{{\"total\":3,\"hits\":[{}]}},\"aggregations\":{{\"x\":{{\"y\":1}}}}}}",
            events.iter().map(|e| format!("{{\"_id\":\"x\",\"_source\":{e}}}")).collect::<Vec<_>>().join(",")
        ),
    ];
    for text in &framings {
        let whole: Vec<_> = decode(text.as_bytes()).0.into_iter().map(|e| e.fields).collect();
        assert_eq!(whole.len(), 50, "{text}");
        for step in [1, 7, 100, 1000, 100_000] {
            assert_eq!(in_pieces(text.as_bytes(), step), whole, "{step} {text}");
        }
    }
}

#[test]
fn an_object_above_the_limit_is_skipped_and_the_next_one_read() {
    let huge = format!("{{\"a\":\"{}\"}}", "x".repeat(super::MAX_OBJECT + (3 << 20)));
    for text in
        [format!("{huge}\n{{\"a\":1}}\n"), format!("[{huge},{{\"a\":1}}]"), format!("{{\"a\":1}},{huge}")]
    {
        let events = in_pieces(text.as_bytes(), 1 << 20);
        assert!(events == [vec![("a".to_owned(), vec!["1".to_owned()])]], "{} events", events.len());
    }
}
