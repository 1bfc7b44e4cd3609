//! Whole-decoder tests: the examples of every mapping, framings, hostile bytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use hinomi_columns::{Projection, Store, ValueKind};
use hinomi_model::{DiagnosticKind, Diagnostics};

use super::catalogue::{Catalogue, FILES};
use super::envelope::{self, Framing};
use super::mapping::{Constant, MappingFile};
use super::{TextDecoder, audit};
use crate::{Clocks, Decode, JsonDecoder, Member, Unit};

pub(super) struct Decoded {
    pub(super) kind: String,
    pub(super) categories: Vec<String>,
    pub(super) time: Option<String>,
    pub(super) span: (u64, u32),
    pub(super) fields: BTreeMap<String, Vec<String>>,
}

impl Decoded {
    pub(super) fn get(&self, name: &str) -> &str {
        self.fields.get(name).and_then(|v| v.first()).map_or("", String::as_str)
    }
}

pub(super) fn unit(bytes: &[u8], preamble: &[u8], offset: u64) -> Unit {
    let zone = jiff::tz::TimeZone::get("Asia/Tokyo").unwrap();
    Unit {
        member: Arc::new(Member { file: 0, path: "a.log".to_owned(), inner: String::new(), verbatim: false }),
        ordinal: 0,
        offset,
        bytes: bytes.to_vec(),
        preamble: preamble.into(),
        clocks: Arc::new(Clocks { zone, latest: "2026-06-01T00:00:00Z".parse().unwrap() }),
    }
}

pub(super) fn decode_unit(unit: &Unit) -> (Vec<Decoded>, Diagnostics) {
    decode_with(&mut TextDecoder::default(), unit)
}

fn decode_with(decoder: &mut dyn Decode, unit: &Unit) -> (Vec<Decoded>, Diagnostics) {
    let mut store = Store::new(&Projection::of([""; 0]).and_all_others());
    let mut diagnostics = Diagnostics::default();
    decoder.decode(unit, &mut store, &mut diagnostics);
    let mut rows = Vec::new();
    for batch in store.batches() {
        let kind = store.kinds().kind(batch.shape().kind).cloned().unwrap_or_default();
        for (at, row) in batch.rows().iter().enumerate() {
            let mut fields = BTreeMap::new();
            for &field in batch.fields() {
                let dictionary = store.dictionary(field).unwrap();
                let value = batch.cell(at, field);
                let texts: Vec<String> = match dictionary.kind(value) {
                    ValueKind::Null => continue,
                    _ => dictionary.elements(value).map(|e| dictionary.str(e).to_owned()).collect(),
                };
                fields.insert(store.fields().name(field).to_owned(), texts);
            }
            rows.push(Decoded {
                kind: kind.name(),
                categories: kind.categories.clone(),
                time: row.time.map(|t| t.to_string()),
                span: (row.offset, row.length),
                fields,
            });
        }
    }
    rows.sort_by_key(|r| r.span.0);
    (rows, diagnostics)
}

pub(super) fn decode(text: &str) -> Vec<Decoded> {
    decode_unit(&unit(text.as_bytes(), b"", 0)).0
}

/// The examples of every mapping as the journal of systemd would hold them: kind and fields are those of the line.
#[test]
fn messages_of_the_journal_mean_what_they_mean_in_a_line() {
    // Of the line itself, and of its header.
    let own = ["_raw", "message", "Computer", "device.hostname", "facility", "severity", "msgid"];
    let mut compared = 0;
    for (file, text) in FILES {
        let parsed: MappingFile = serde_yaml_ng::from_str(text).unwrap();
        for example in parsed.mappings.into_iter().flat_map(|mapping| mapping.examples) {
            let envelope = envelope::parse(&example.log);
            let is_framed = matches!(envelope.framing, Framing::Syslog | Framing::Syslog5424);
            let lies_in_fields = envelope.structured.is_empty() && !envelope.program.is_empty();
            if !is_framed
                || !lies_in_fields
                || audit::is_record(envelope.message)
                || example.log.trim().contains('\n')
            {
                continue;
            }
            let entry = serde_json::json!({
                "__REALTIME_TIMESTAMP": "1769828400000000", "_HOSTNAME": "gw", "SYSLOG_IDENTIFIER": envelope.program,
                "SYSLOG_PID": envelope.pid, "MESSAGE": envelope.message,
            });
            let entry = unit(entry.to_string().as_bytes(), b"", 0);
            let (journal, _) = decode_with(&mut JsonDecoder::new(), &entry);
            let lines = decode(&example.log);
            let (Some(journal), Some(line)) = (journal.first(), lines.first()) else {
                panic!("{file}: no row of {}", example.log);
            };
            if line.kind != "linux/syslog" {
                assert_eq!(
                    (&journal.kind, &journal.categories),
                    (&line.kind, &line.categories),
                    "{}",
                    example.log
                );
            }
            for (name, values) in line.fields.iter().filter(|(name, _)| !own.contains(&name.as_str())) {
                assert_eq!(journal.fields.get(name), Some(values), "{file}: {name} of {}", example.log);
            }
            compared += 1;
        }
    }
    assert!(compared >= 30, "{compared}");
}

#[test]
fn every_mapping_says_what_its_examples_expect() {
    Catalogue::compile(FILES).unwrap_or_else(|error| panic!("{error}"));
    let mut failures = Vec::new();
    let mut examples = 0;
    for (file, text) in FILES {
        let parsed: MappingFile = serde_yaml_ng::from_str(text).unwrap();
        for mapping in parsed.mappings {
            for example in mapping.examples {
                examples += 1;
                let rows = decode(&example.log);
                let Some(row) = rows.first() else {
                    failures.push(format!("{file} {}: no row", mapping.name));
                    continue;
                };
                for (name, expected) in example.expect {
                    let expected: Vec<String> = match expected {
                        Constant::Bool(b) => vec![b.to_string()],
                        Constant::Number(n) => vec![n.to_string()],
                        Constant::Text(t) => vec![t],
                        Constant::List(list) => list,
                    };
                    let found = match name.as_str() {
                        "@time" => row.time.iter().map(|t| t.replace(".000000000Z", "Z")).collect(),
                        "@kind" => vec![row.kind.clone()],
                        _ => row.fields.get(&name).cloned().unwrap_or_default(),
                    };
                    if found != expected {
                        failures.push(format!(
                            "{file} {}: {name} is {found:?}, expected {expected:?} in {}",
                            mapping.name, example.log
                        ));
                    }
                }
            }
        }
    }
    assert!(failures.is_empty(), "{} of {examples} examples:\n{}", failures.len(), failures.join("\n"));
    assert!(examples >= 15, "{examples}");
}

#[test]
fn lines_nobody_knows_are_kept_with_what_their_frame_says() {
    let rows = decode("Jan 31 12:00:00 gw frobd[4]: the frob is quiet\nno frame at all\n\n");
    assert_eq!(rows.len(), 2);
    assert_eq!(
        (rows[0].kind.as_str(), rows[0].get("Computer"), rows[0].get("program")),
        ("linux/syslog", "gw", "frobd")
    );
    assert_eq!(rows[0].time.as_deref(), Some("2026-01-31T03:00:00.000000000Z"));
    assert_eq!((rows[1].kind.as_str(), rows[1].get("_raw")), ("text", "no frame at all"));
    assert_eq!((rows[1].span, rows[1].time.clone()), ((47, 15), None));
}

#[test]
fn tables_take_their_columns_from_the_preamble() {
    let header = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tdns\n\
                  #fields\tts\tid.orig_h\tquery\tanswers\tAA\n#types\ttime\taddr\tstring\tvector[string]\tbool\n";
    let body = "1769860800.250000\t192.0.2.1\tx\\x20y\ta,b\tT\n1769860801.0\t192.0.2.1\t-\t(empty)\tF\n";
    let (rows, _) = decode_unit(&unit(body.as_bytes(), header.as_bytes(), 900));
    assert_eq!(rows[0].kind, "zeek/dns");
    assert_eq!((rows[0].get("query"), rows[0].get("AA")), ("x y", "true"));
    assert_eq!(rows[0].fields["answers"], ["a", "b"]);
    assert_eq!(rows[0].time.as_deref(), Some("2026-01-31T12:00:00.250000000Z"));
    assert!(!rows[1].fields.contains_key("query"));
    // Header and rows in one unit read the same.
    let (whole, _) = decode_unit(&unit(format!("{header}{body}").as_bytes(), header.as_bytes(), 0));
    assert_eq!(whole.len(), 2);
    assert_eq!(whole[0].fields, rows[0].fields);

    let header = "#Software: X\r\n#Fields: date time c-ip cs-uri-stem sc-status\r\n";
    let (rows, _) = decode_unit(&unit(b"2026-01-31 12:00:00 192.0.2.1 /a 404\r\n", header.as_bytes(), 64));
    assert_eq!((rows[0].get("c-ip"), rows[0].get("status")), ("192.0.2.1", "Failure"));
    assert_eq!(rows[0].time.as_deref(), Some("2026-01-31T12:00:00.000000000Z"));
}

#[test]
fn csv_in_two_encodings() {
    let check = |bytes: &[u8]| {
        let (rows, diagnostics) =
            decode_unit(&unit(bytes, &bytes[..=bytes.iter().position(|b| *b == b'\n').unwrap()], 0));
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].get("利用者"), "山田,太郎");
        assert_eq!(rows[0].time.as_deref(), Some("2026-01-31T03:00:00.000000000Z"));
        assert!(diagnostics.entries().iter().all(|d| d.kind == DiagnosticKind::AssumedTime));
    };
    let text = "日時,利用者,接続元\r\n2026/01/31 12:00:00,\"山田,太郎\",192.0.2.1\r\n";
    check(text.as_bytes());
    check(&encoding_rs::SHIFT_JIS.encode(text).0);
    let (rows, _) = decode_unit(&unit(b"a,b,c\n1,\"two\nlines\",3\n", b"a,b,c\n", 0));
    assert_eq!(rows[0].get("b"), "two\nlines");
    // The first unit finds its header by itself.
    let (rows, _) = decode_unit(&unit(b"a,b,c\n1,2,3\n", b"", 0));
    assert_eq!((rows.len(), rows[0].get("c")), (1, "3"));
}

#[test]
fn assumed_times_are_reported_once_by_the_first_unit() {
    let line = b"Jan 31 12:00:00 gw a[1]: x\n".repeat(3);
    let count = |offset| {
        let (_, diagnostics) = decode_unit(&unit(&line, b"", offset));
        diagnostics.entries().iter().filter(|d| d.kind == DiagnosticKind::AssumedTime).count()
    };
    assert_eq!((count(0), count(81)), (1, 0));
}

#[test]
fn hostile_bytes_are_read_around() {
    let mut bytes = b"\0\0\0Jan 31 12:00:00 gw a[1]: x\n".to_vec();
    bytes.extend(vec![b'z'; super::lines::MAX_LINE + 10]);
    bytes.extend(b"\n\xff\xfe\x80 junk\nJan 31 12:00:00 gw a[1]: end");
    let (rows, diagnostics) = decode_unit(&unit(&bytes, b"", 0));
    assert_eq!(rows.len(), 4);
    assert_eq!((rows[0].get("program"), rows[3].get("message")), ("a", "end"));
    let kinds: Vec<_> = diagnostics.entries().iter().map(|d| d.kind).collect();
    assert!(
        kinds.contains(&DiagnosticKind::Truncated) && kinds.contains(&DiagnosticKind::Encoding),
        "{kinds:?}"
    );
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(400))]
    #[test]
    fn any_bytes_are_decoded_without_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400)) {
        let _ = super::recognise(&bytes);
        let cut = super::text_cut(&bytes, false);
        assert!(cut <= bytes.len());
        decode_unit(&unit(&bytes, b"", 0));
    }

    #[test]
    fn lines_made_of_log_pieces_are_decoded_without_panic(
        pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..24),
        header in proptest::sample::select(&["", "#fields\ta\tb\n", "#Fields: date time\n", "a,b,c\n"][..]),
    ) {
        let text = pieces.concat();
        let (rows, _) = decode_unit(&unit(text.as_bytes(), header.as_bytes(), 0));
        let lines = text.lines().count();
        assert!(rows.iter().filter(|r| r.categories.is_empty()).count() <= lines.max(1));
    }
}

const PIECES: &[&str] = &[
    "<34>",
    "1 ",
    "Jan 31 12:00:00 ",
    "2026-01-31T12:00:00Z ",
    "[",
    "]",
    "\"",
    "'",
    "=",
    "a=b ",
    "sshd[1]: ",
    "gw ",
    "Failed password for ",
    "from 192.0.2.1 ",
    "port 22 ssh2",
    "type=SYSCALL msg=audit(1.2:3): ",
    "CEF:0|a|b|",
    "|",
    "\\",
    "\n",
    "\t",
    "\r\n",
    "é",
    "火",
    "%A-6-1: ",
    "LEEF:2.0|a|b|c|d|^|",
    "#fields\tx\ty\n",
    ":",
    "::1",
    "msg='",
    ",",
    "EXECVE a0=414",
    "{",
    "(",
    ")",
    "\u{1d}",
    "saddr=0A00",
    " 1769860800.250 ",
    "@400000004a",
    "Sat, ",
];
