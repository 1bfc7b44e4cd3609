//! Logs that others recorded: as many events as an independent parser finds, and every value of every field.

use std::path::{Path, PathBuf};

use hinomi_ingest::intake::{Format, Intake, Item, Options, Root};
use hinomi_ingest::{JsonCut, JsonCutState, Unit, json_cut};
use hinomi_model::Timestamp;
use serde_json::Value;

use crate::naive::{Event, Fields, decode_unit, flatten, same};

/// Folders and archives below the corpora, and the kinds that must turn up.
const SOURCES: [(&str, &[&str]); 7] = [
    ("a_windows_attack/security_datasets_atomic_2019_2021", &["windows"]),
    ("a_windows_attack/sigma_regression_half_a.tar.zst", &["windows"]),
    (
        "c_identity/google_workspace_audit_attack",
        &["gcp/google_workspace.login", "gcp/google_workspace.admin"],
    ),
    ("e_cloud/stratus_detonation_cloudtrail", &["aws/cloudtrail"]),
    ("b_benign/ait_testbed_day.tar.zst", &["suricata/dns", "linux/journald", "wazuh/alerts"]),
    ("d_network/wrccdc_2018_zeek_json", &["zeek/dns", "zeek/ssh"]),
    ("d_network/apt29_day2_zeek.tar.zst", &["zeek/conn"]),
];

/// Of each member, about so many bytes are read.
const COMPARED_BYTES: usize = 384 << 10;

fn corpora() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora");
    let path = std::env::var_os("HINOMI_CORPORA").map_or(beside, PathBuf::from);
    if path.is_dir() {
        return Some(path);
    }
    println!("SKIPPED: no corpora at {}", path.display());
    None
}

#[test]
fn real_logs_are_read_like_the_naive_way_reads_them() {
    let Some(corpora) = corpora() else { return };
    for (source, kinds) in SOURCES {
        let path = corpora.join(source);
        if !path.exists() {
            println!("SKIPPED: {} is not there", path.display());
            continue;
        }
        let mut seen = Seen::default();
        let mut intake = Intake::new(vec![Root::Path(path)], Options::at(Timestamp::from_nanos(0)));
        while let Some(item) = intake.next() {
            if let Item::Unit(Format::Json, unit) = item
                && unit.offset == 0
            {
                seen.unit(&head(unit));
            }
        }
        println!("{source}: {} events, {} compared, {} values", seen.events, seen.compared, seen.values);
        println!("  {:?}", seen.kinds);
        assert!(seen.compared > 0, "{source}");
        for kind in kinds {
            assert!(seen.kinds.contains_key(*kind), "{source}: no {kind} among {:?}", seen.kinds);
        }
    }
}

/// The first whole records of a unit.
fn head(mut unit: Unit) -> Unit {
    let end = COMPARED_BYTES.min(unit.bytes.len());
    let at_end = end == unit.bytes.len();
    if let JsonCut::Records(end) = json_cut(&unit.bytes[..end], at_end, &mut JsonCutState::default()) {
        unit.bytes.truncate(end);
    }
    unit
}

#[derive(Default)]
struct Seen {
    events: usize,
    compared: usize,
    values: usize,
    kinds: std::collections::BTreeMap<String, usize>,
}

impl Seen {
    fn unit(&mut self, unit: &Unit) {
        let (events, diagnostics) = decode_unit(unit);
        let lost: Vec<_> = diagnostics.iter().filter(|d| d.kind.name() != "assumed-time").collect();
        assert!(lost.is_empty(), "{} {lost:?}", unit.member.place());
        let expected = expected(&unit.bytes);
        let distinct: std::collections::BTreeSet<usize> = events.iter().map(|e| e.offset).collect();
        assert_eq!(distinct.len(), expected.len(), "{}", unit.member.place());
        self.events += events.len();
        let mut expected = expected.iter();
        let mut current = None;
        for event in &events {
            *self.kinds.entry(event.kind.clone()).or_default() += 1;
            if current.as_ref().is_none_or(|(offset, _)| *offset != event.offset) {
                // The event's own bytes, as an independent parser reads them.
                let cited = &unit.bytes[event.offset..event.offset + event.length];
                let value: Value = serde_json::from_slice(cited).unwrap();
                assert_eq!(Some(&value), expected.next(), "{}", unit.member.place());
                current = Some((event.offset, flatten(&value)));
            }
            if let Some((_, fields)) = &current {
                self.compare(event, fields);
            }
        }
    }

    fn compare(&mut self, event: &Event, expected: &Fields) {
        self.compared += 1;
        for (path, values) in expected {
            if !is_kept_under_a_known_name(&event.kind, path) {
                continue;
            }
            let name = renamed(&event.kind, path);
            let found = event.fields.get(name);
            assert!(
                found.is_some_and(|found| same(found, values)),
                "{}: {path} as {name}: {found:?}, not {values:?}",
                event.kind
            );
            self.values += values.len();
        }
    }
}

/// Objects that are events, by a tree: elements of arrays and of the envelopes these sources use.
fn expected(bytes: &[u8]) -> Vec<Value> {
    let mut events = Vec::new();
    let mut documents = serde_json::Deserializer::from_slice(bytes).into_iter::<Value>();
    // An array that was cut off ends with a document that is not whole: those sources are small and not cut.
    while let Some(Ok(document)) = documents.next() {
        collect(document, &mut events);
    }
    events
}

fn collect(value: Value, events: &mut Vec<Value>) {
    match value {
        Value::Array(elements) => elements.into_iter().for_each(|e| collect(e, events)),
        Value::Object(mut members) => {
            if let Some(activities) = members.remove("activities") {
                collect(activities, events);
            } else if members.contains_key("took") {
                collect(members["hits"]["hits"].take(), events);
            } else if let (true, Some(source)) = (members.contains_key("_index"), members.remove("_source")) {
                events.push(source);
            } else {
                events.push(Value::Object(members));
            }
        }
        _ => {}
    }
}

/// Values whose place or form the mapping changes on purpose; the examples of the mapping files cover them.
fn is_kept_under_a_known_name(kind: &str, path: &str) -> bool {
    let split_or_paired = kind.starts_with("gcp/google_workspace") && path.starts_with("events");
    let rewritten = kind == "windows" && path.ends_with("Keywords");
    // Two sources of one name in some captures.
    let doubled = kind == "windows" && matches!(path, "Source" | "SourceName" | "UserID" | "ThreadID");
    let attributes = path.contains("#attributes") || path.contains("#text");
    !(split_or_paired || rewritten || doubled || attributes)
}

fn renamed<'a>(kind: &str, path: &'a str) -> &'a str {
    if kind != "windows" {
        return match path {
            "id_orig_h" => "id.orig_h",
            "id_orig_p" => "id.orig_p",
            "id_resp_h" => "id.resp_h",
            "id_resp_p" => "id.resp_p",
            _ => path,
        };
    }
    match path {
        "log_name" => "Channel",
        "source_name" => "Provider_Name",
        "event_id" => "EventID",
        "version" => "Version",
        "thread_id" => "Execution_ThreadID",
        "user.identifier" => "Security_UserID",
        "message" => "Message",
        "Hostname" | "computer_name" => "Computer",
        "ProviderGuid" | "provider_guid" => "Provider_Guid",
        "RecordNumber" | "record_number" => "EventRecordID",
        "ExecutionProcessID" | "process_id" => "Execution_ProcessID",
        "ActivityID" | "activity_id" => "Correlation_ActivityID",
        "RelatedActivityID" | "related_activity_id" => "Correlation_RelatedActivityID",
        "OpcodeValue" => "Opcode",
        "Opcode" => "OpcodeName",
        _ if path.starts_with("Event.UserData.") => path.rsplit('.').next().unwrap_or(path),
        _ if path.starts_with("user_data.") => path.rsplit('.').next().unwrap_or(path),
        _ => ["Event.System.", "Event.EventData.", "event_data."]
            .iter()
            .find_map(|prefix| path.strip_prefix(prefix))
            .unwrap_or(path),
    }
}
