//! Telemetry logs: `POST /v1/logs` with an `ExportLogsServiceRequest` of the OpenTelemetry protocol (OTLP 1.x), as protobuf
//! or JSON.
//!
//! A request interleaves what many records share, in a form that no reader of logs knows. So this is the one receiver
//! that does not keep what came byte for byte: a record is one log record as a line of JSON, the same for both
//! encodings, with everything that the protocol has a field for. Unknown fields of protobuf are kept in Base64.
//!
//! # Invariants
//! - Equal log records give equal lines, whichever encoding they came in.
//! - What is built of a body is bounded, and room is taken for it before: every line repeats what its record shares with
//!   others, and an object of JSON takes more than the two bytes that it can be.

mod json;
mod line;
mod protobuf;

use hyper::body::Bytes;

use super::{Delivery, Way};
use crate::http::{Reply, Request, Response};
use line::{Lines, Unbuilt};

/// Levels of values inside of each other.
const MAX_DEPTH: usize = 64;
/// `Content-Type` of protobuf.
const PROTOBUF: &str = "application/x-protobuf";

/// Which encoding a request has.
pub(super) fn way(request: &Request) -> Way {
    let content_type = request.header("content-type").unwrap_or(PROTOBUF);
    if content_type.trim_start().starts_with(PROTOBUF) { Way::Protobuf } else { Way::Telemetry }
}

pub(super) fn receive(mut delivery: Delivery<'_>, request: &Request, body: &Bytes) -> Reply {
    let (way, most) = (delivery.way, delivery.web.bounds.unpacked);
    let mut take = |bytes| delivery.held.grow(bytes);
    let mut lines = Lines::new(most, &mut take);
    let read =
        if way == Way::Protobuf { protobuf::read(body, &mut lines) } else { json::read(body, &mut lines) };
    match (read, lines.end()) {
        (Some(()), Ok(lines)) => delivery.keep(request, lines, move || accepted(way)),
        (_, Err(Unbuilt::NoRoom)) => delivery.defer(),
        (_, Err(Unbuilt::TooLarge)) => delivery.refuse_as(request, 413, "its records are too large together"),
        (None, Ok(_)) => delivery.refuse(request, "it is not a request of the protocol"),
    }
}

/// An empty `ExportLogsServiceResponse`: all was accepted.
fn accepted(way: Way) -> Response {
    if way == Way::Protobuf { protobuf(200, Vec::new()) } else { Response::json(200, "{}") }
}

/// A `Status` with a message.
pub(super) fn error(way: Way, status: u16, why: &str) -> Response {
    if way == Way::Protobuf {
        let length = u8::try_from(why.len()).unwrap_or(0).min(127);
        let message =
            [&[0x12, length], why.as_bytes().get(..usize::from(length)).unwrap_or_default()].concat();
        return protobuf(status, message);
    }
    Response::json(status, format!("{{\"message\":\"{why}\"}}"))
}

fn protobuf(status: u16, body: Vec<u8>) -> Response {
    Response { content_type: PROTOBUF, ..Response::bytes(status, body) }
}

#[cfg(test)]
mod tests {
    use hinomi_testkit::seeded::Seeded;

    use super::*;

    /// Serialised by the Python package `opentelemetry-proto`.
    const EXPORTED: &str = "0aae020a2e0a140a09686f73742e6e616d6512070a0577656230310a160a0c736572766963652e6e616d6512060a0473686f\
        7012fb010a0a0a036170701203312e3212d4010915cdefff8283ea1810091a04494e464f2a190a177369676e656420696e20\
        226b2220e781abe381aee8a68b32160a07757365722e6964120b18f9ffffffffffffffff0132080a026f6b1202100132120a\
        05726174696f120921000000000000e03f32130a046c697374120b2a090a030a01610a02180232130a036d6170120c320a0a\
        080a016b12030a0176320b0a0372617712043a0200ff32060a046e6f6e65380245010000004a10000102030405060708090a\
        0b0c0d0e0f520800010203040506075900ca2e348383ea1862056c6f67696e12162a0b32090a070a016112021801590094c9\
        6f8383ea18";

    /// The same in the other encoding, after the specification.
    const IN_JSON: &str = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[
        {"timeUnixNano":"1795392000123456789","observedTimeUnixNano":1795392001000000000,"severityNumber":9,
         "severityText":"INFO","body":{"stringValue":"signed in \"k\" 火の見"},"attributes":[
            {"key":"user.id","value":{"intValue":"-7"}},{"key":"ok","value":{"boolValue":true}},
            {"key":"ratio","value":{"doubleValue":0.5}},
            {"key":"list","value":{"arrayValue":{"values":[{"stringValue":"a"},{"intValue":2}]}}},
            {"key":"map","value":{"kvlistValue":{"values":[{"key":"k","value":{"stringValue":"v"}}]}}},
            {"key":"raw","value":{"bytesValue":"AP8="}},{"key":"none"}],
         "flags":1,"traceId":"000102030405060708090a0b0c0d0e0f","spanId":"0001020304050607",
         "droppedAttributesCount":2,"eventName":"login","fieldOfTheFuture":[{}]},
        {"observedTimeUnixNano":"1795392002000000000","body":{"kvlistValue":{"values":[{"key":"a","value":{"intValue":"1"}}]}}}
        ],"scope":{"name":"app","version":"1.2"}}],
        "resource":{"attributes":[{"key":"host.name","value":{"stringValue":"web01"}},
            {"key":"service.name","value":{"stringValue":"shop"}}]}}]}"#;

    const LINES: [&str; 2] = [
        r#"{"@timestamp":"2026-11-23T00:00:00.123456789Z","observed":"2026-11-23T00:00:01.000000000Z","host":{"name":"web01"},"message":"signed in \"k\" 火の見","severity":"INFO","event_name":"login","trace_id":"000102030405060708090a0b0c0d0e0f","span_id":"0001020304050607","severity_number":9,"dropped_attributes":2,"flags":1,"attributes":{"user.id":-7,"ok":true,"ratio":0.5,"list":["a",2],"map":{"k":"v"},"raw":"AP8=","none":null},"resource":{"host.name":"web01","service.name":"shop"},"scope":{"name":"app","version":"1.2"}}"#,
        r#"{"@timestamp":"2026-11-23T00:00:02.000000000Z","host":{"name":"web01"},"body":{"a":1},"resource":{"host.name":"web01","service.name":"shop"},"scope":{"name":"app","version":"1.2"}}"#,
    ];

    fn exported() -> Vec<u8> {
        let digits: Vec<u8> = EXPORTED.chars().filter_map(|c| c.to_digit(16)).map(|d| d as u8).collect();
        digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }

    type Read = for<'l> fn(&[u8], &mut Lines<'l>) -> Option<()>;

    fn lines(read: Read, body: &[u8], most: usize) -> Result<Vec<String>, Option<Unbuilt>> {
        let mut take = |_| true;
        let mut lines = Lines::new(most, &mut take);
        let read = read(body, &mut lines);
        let lines = lines.end().map_err(Some)?;
        read.map(|()| lines.into_iter().map(|l| String::from_utf8(l).unwrap()).collect()).ok_or(None)
    }

    #[test]
    fn both_encodings_give_the_same_lines() {
        assert_eq!(lines(protobuf::read, &exported(), 10_000).unwrap(), LINES);
        assert_eq!(lines(json::read, IN_JSON.as_bytes(), 10_000).unwrap(), LINES);
        assert_eq!(lines(protobuf::read, b"", 0).unwrap().len(), 0);
        assert_eq!(lines(json::read, b"{}", 0).unwrap().len(), 0);
    }

    #[test]
    fn unknown_fields_of_protobuf_are_kept() {
        // A record whose field 15 is the number 1.
        let body = [0x0a, 6, 0x12, 4, 0x12, 2, 0x78, 1];
        assert_eq!(lines(protobuf::read, &body, 1_000).unwrap(), [r#"{"unknown_fields":"eAE="}"#]);
    }

    #[test]
    fn what_many_records_share_cannot_be_multiplied_without_end() {
        let value = "x".repeat(10_000);
        let records = vec!["{}"; 1_000].join(",");
        let body = format!(
            "{{\"resourceLogs\":[{{\"resource\":{{\"attributes\":[{{\"key\":\"k\",\"value\":{{\"stringValue\":\"{value}\"}}}}]}},\"scopeLogs\":[{{\"logRecords\":[{records}]}}]}}]}}"
        );
        assert_eq!(lines(json::read, body.as_bytes(), 1 << 20), Err(Some(Unbuilt::TooLarge)));
        let mut take = |bytes| bytes < 100_000;
        let mut none = Lines::new(1 << 30, &mut take);
        assert_eq!(json::read(body.as_bytes(), &mut none), None, "no room for a thousand objects");
        assert_eq!(none.end(), Err(Unbuilt::NoRoom));
    }

    #[test]
    fn depth_is_bounded() {
        let mut value = vec![];
        for _ in 0..200 {
            let length = value.len() as u64;
            // The only element of a list, in a value.
            let list = [varint(0x0a), varint(length), value].concat();
            value = [varint(0x2a), varint(list.len() as u64), list].concat();
        }
        let nest = |number: u8, inner: Vec<u8>| [vec![number], varint(inner.len() as u64), inner].concat();
        let body = nest(0x0a, nest(0x12, nest(0x12, nest(0x2a, value))));
        assert_eq!(lines(protobuf::read, &body, 1_000), Err(None));
        let deep = format!("{{\"resourceLogs\":{}", "[".repeat(100_000));
        assert_eq!(lines(json::read, deep.as_bytes(), 1_000), Err(None));
    }

    fn varint(mut number: u64) -> Vec<u8> {
        let mut out = vec![];
        while number >= 0x80 {
            out.push(number as u8 | 0x80);
            number >>= 7;
        }
        out.push(number as u8);
        out
    }

    #[test]
    fn damaged_requests_are_refused_or_read_and_every_line_is_json() {
        let mut random = Seeded::new(3);
        let sound: [(Vec<u8>, Read); 2] =
            [(exported(), protobuf::read), (IN_JSON.as_bytes().to_vec(), json::read)];
        for round in 0..20_000 {
            let (body, read) = &sound[round % 2];
            let mut body = body.clone();
            for _ in 0..=random.below(3) {
                let at = random.index(body.len());
                match random.below(4) {
                    0 => body.truncate(at.max(1)),
                    1 => drop(body.remove(at)),
                    _ => body[at] = random.next_u64() as u8,
                }
                if body.is_empty() {
                    body.push(0);
                }
            }
            if let Ok(lines) = lines(*read, &body, 100_000) {
                for line in lines {
                    assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok(), "{line}");
                }
            }
        }
    }
}
