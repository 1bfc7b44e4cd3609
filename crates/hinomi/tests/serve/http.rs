//! Receivers over HTTP: what is kept, what is answered.

use std::io::Write as _;

use crate::support::{Served, ask, command, send};

const LISTEN: &str = "[[listen]]\nname = \"h\"\nat = \"127.0.0.1:0\"\nreceive = [\"http\"]\n";

fn text(records: &[Vec<u8>]) -> Vec<&str> {
    records.iter().map(|r| std::str::from_utf8(r).unwrap()).collect()
}

#[test]
fn every_way_of_sending_is_kept_as_it_came() {
    let mut served = Served::start(LISTEN);
    let at = served.at("h", "http");
    let kept = send(at, "/ndjson", &[], b"{\"n\": 1}\n\n{\"n\": 2 }");
    assert_eq!((kept.status, kept.json()["kept"].as_u64()), (200, Some(2)));
    let packed = zstd::encode_all(&b"{\"n\":3}\n"[..], 3).unwrap();
    assert_eq!(send(at, "/ndjson", &[("content-encoding", "zstd")], &packed).status, 200);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(b"{\"index\":{}}\n{\"d\": 1}\n{\"delete\":{\"_id\":\"1\"}}\n").unwrap();
    let answer = send(at, "/logs/_bulk", &[("content-encoding", "gzip")], &gzip.finish().unwrap()).json();
    assert_eq!((&answer["errors"], &answer["items"][0]["index"]["status"]), (&true.into(), &201.into()));
    assert_eq!(answer["items"][1]["delete"]["status"], 400);
    let events = b"{\"event\":\"a b\",\"host\":\"w\"}{\"event\":{\"x\":1}}";
    let answer = send(at, "/services/collector/event?channel=1", &[], events).json();
    assert_eq!(answer["code"], 0);
    let body = format!("{{\"acks\":[{}]}}", answer["ackId"]);
    let acks = send(at, "/services/collector/ack?channel=1", &[], body.as_bytes()).json();
    assert_eq!(acks["acks"][answer["ackId"].to_string()], true);
    assert_eq!(send(at, "/services/collector/raw", &[], b"one\ntwo\n").status, 200);
    let telemetry = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"t"}}]}]}]}"#;
    let answer = send(at, "/v1/logs", &[("content-type", "application/json")], telemetry.as_bytes());
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"{}"[..]));
    let record = [0x0a, 9, 0x12, 7, 0x12, 5, 0x2a, 3, 0x0a, 1, b'p'];
    let answer = send(at, "/v1/logs", &[("content-type", "application/x-protobuf")], &record);
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b""[..]));
    assert_eq!(ask(at, "GET", "/services/collector/health/1.0", &[], b"").status, 200);
    assert_eq!(served.figure("hinomi_events_total", "h"), 10);
    assert_eq!(served.figure("hinomi_durable_seconds_count", "h"), 7);
    let records = served.records();
    let of = |way: &str| text(&records[&format!("h/{way}/tests@127.0.0.1")]);
    assert_eq!(of("ndjson"), ["{\"n\": 1}", "{\"n\": 2 }", "{\"n\":3}"]);
    assert_eq!(of("bulk"), ["{\"d\": 1}"]);
    assert_eq!(of("hec"), ["{\"event\":\"a b\",\"host\":\"w\"}", "{\"event\":{\"x\":1}}"]);
    assert_eq!(of("hec-raw"), ["one", "two"]);
    assert_eq!(of("otlp"), ["{\"message\":\"t\"}", "{\"message\":\"p\"}"]);
}

#[test]
fn a_request_that_comes_again_is_kept_again_and_known() {
    let mut served = Served::start(LISTEN);
    let at = served.at("h", "http");
    for body in [&b"{\"n\":1}\n{\"n\":2}\n"[..], b"{\"n\":3}\n", b"{\"n\":1}\n{\"n\":2}\n"] {
        assert_eq!(send(at, "/ndjson", &[], body).status, 200);
    }
    // Of another source the same bytes are something else.
    assert_eq!(send(at, "/services/collector/raw", &[], b"{\"n\":3}\n").status, 200);
    assert_eq!(served.figure("hinomi_source_repeated_total", "h/ndjson"), 2);
    assert_eq!(served.figure("hinomi_source_repeated_total", "h/hec-raw"), 0);
    assert_eq!(served.records()["h/ndjson/tests@127.0.0.1"].len(), 5);
    let data = served.data();
    let done =
        command(&["ledger", "repeats", "--data", data.to_str().unwrap(), "--lang", "en"]).output().unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(said.contains("h/ndjson/tests@127.0.0.1: of 5 records 2 came again in 1 runs"), "{said}");
    assert!(said.contains("h/hec-raw/tests@127.0.0.1: of 1 records 0 came again"), "{said}");
}

#[test]
fn what_clients_of_bulk_ask_first_is_answered() {
    let served = Served::start(LISTEN);
    let at = served.at("h", "http");
    let bearer = format!("Bearer {}", crate::support::TOKEN);
    let asked = |method: &str, path: &str| ask(at, method, path, &[("authorization", &bearer)], b"");
    let first = asked("GET", "/");
    assert!(first.head.to_lowercase().contains("x-elastic-product: elasticsearch"));
    assert_eq!(first.json()["version"]["number"], "8.17.0");
    assert_eq!(asked("GET", "/_license").json()["license"]["status"], "active");
    assert_eq!(asked("GET", "/_xpack").json()["features"]["ilm"]["enabled"], true);
    assert_eq!(asked("GET", "/_cluster/health").json()["status"], "green");
    for (method, path, status) in [
        ("HEAD", "/", 200),
        ("HEAD", "/_cat/health?h=status", 200),
        ("GET", "/_ilm/policy/beats", 200),
        ("PUT", "/_ilm/policy/beats", 200),
        ("HEAD", "/_index_template/beats-8", 200),
        ("GET", "/_nodes/http", 200),
        ("GET", "/logs/_search", 404),
        ("DELETE", "/logs", 404),
    ] {
        assert_eq!(asked(method, path).status, status, "{method} {path}");
    }
    assert_eq!(ask(at, "GET", "/", &[], b"").status, 401);
}

#[test]
fn what_is_malformed_is_refused_whole_and_counted() {
    let mut served = Served::start(LISTEN);
    let at = served.at("h", "http");
    for (path, encoding, body, status) in [
        ("/_bulk", "identity", &b"{\"index\":{}}\n{}\nnonsense\n"[..], 400),
        ("/services/collector", "identity", b"{\"event\":1}{\"time\":1}", 400),
        ("/services/collector/raw", "identity", b"\n\n", 400),
        ("/ndjson", "gzip", b"not gzip", 400),
        ("/ndjson", "br", b"x", 415),
        ("/v1/logs", "gzip", b"", 400),
    ] {
        let answer = send(at, path, &[("content-encoding", encoding)], body);
        assert_eq!(answer.status, status, "{path}");
    }
    let answer = send(at, "/services/collector", &[], b"{\"event\":1}{\"time\":1}");
    assert_eq!(answer.json()["invalid-event-number"], 1);
    assert_eq!(served.figure("hinomi_malformed_total", "h"), 7);
    assert!(served.records().is_empty());
}

#[test]
fn a_source_above_its_rate_is_asked_to_come_again_and_others_are_not() {
    let mut served = Served::start(&format!("{LISTEN}events_per_second = 10\n"));
    let at = served.at("h", "http");
    let lines = b"{}\n".repeat(60);
    assert_eq!(send(at, "/ndjson", &[], &lines).status, 200, "a burst passes, and leaves a debt");
    let deferred = send(at, "/ndjson", &[], b"{}\n");
    assert_eq!(deferred.status, 429);
    let after = deferred.head.lines().find_map(|l| l.strip_prefix("retry-after: ")).unwrap();
    assert!((1..=4).contains(&after.parse::<u64>().unwrap()), "{after}");
    // Another source of the same sender.
    assert_eq!(send(at, "/services/collector/raw", &[], b"x").status, 200);
    assert_eq!(served.figure("hinomi_deferred_total", "h"), 1);
    assert_eq!(served.records().values().map(Vec::len).sum::<usize>(), 61);
}
