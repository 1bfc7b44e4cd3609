//! The protobuf encoding, read field by field (the wire format of Protocol Buffers; `opentelemetry/proto/logs/v1`).
//!
//! # Trust
//! Lengths are those of a stranger: nothing is reserved for them, and depth is bounded.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::MAX_DEPTH;
use super::line::{Attributes, Lines, LogRecord, Resource, Scope, quoted};

/// The value of a field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Value<'b> {
    Number(u64),
    Bytes(&'b [u8]),
}

impl<'b> Value<'b> {
    fn bytes(self) -> Option<&'b [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Number(_) => None,
        }
    }

    fn number(self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(number),
            Self::Bytes(_) => None,
        }
    }

    fn text(self) -> Option<String> {
        std::str::from_utf8(self.bytes()?).ok().map(str::to_owned)
    }
}

/// A number of seven bits a byte, and what follows.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0;
    for (at, byte) in bytes.iter().enumerate().take(10) {
        let bits = u64::from(byte & 0x7f);
        // The tenth byte has room for one bit.
        if at == 9 && bits > 1 {
            return None;
        }
        number |= bits << (7 * at);
        if byte & 0x80 == 0 {
            return Some((number, bytes.get(at + 1..)?));
        }
    }
    None
}

/// The first field: its number, its value, all its bytes, and what follows.
fn field(bytes: &[u8]) -> Option<(u64, Value<'_>, &[u8], &[u8])> {
    let (key, rest) = varint(bytes)?;
    let (value, rest) = match key & 7 {
        0 => varint(rest).map(|(number, rest)| (Value::Number(number), rest))?,
        1 => {
            let (eight, rest) = rest.split_first_chunk()?;
            (Value::Number(u64::from_le_bytes(*eight)), rest)
        }
        2 => {
            let (length, rest) = varint(rest)?;
            let (content, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            (Value::Bytes(content), rest)
        }
        5 => {
            let (four, rest) = rest.split_first_chunk()?;
            (Value::Number(u64::from(u32::from_le_bytes(*four))), rest)
        }
        _ => return None,
    };
    let all = bytes.get(..bytes.len() - rest.len())?;
    (key >> 3 != 0).then_some((key >> 3, value, all, rest))
}

/// Hands out the fields of a message; `None` when it is none, or when `take` says so.
fn each<'b>(mut bytes: &'b [u8], mut take: impl FnMut(u64, Value<'b>, &'b [u8]) -> Option<()>) -> Option<()> {
    while !bytes.is_empty() {
        let (number, value, all, rest) = field(bytes)?;
        take(number, value, all)?;
        bytes = rest;
    }
    Some(())
}

/// Reads an `ExportLogsServiceRequest`; `None` when it is none.
pub(super) fn read(body: &[u8], out: &mut Lines<'_>) -> Option<()> {
    each(body, |number, value, _| if number == 1 { group(value.bytes()?, out) } else { Some(()) })
}

/// A `ResourceLogs`. What is shared may stand behind those that share it.
fn group(bytes: &[u8], out: &mut Lines<'_>) -> Option<()> {
    let mut resource = Resource::default();
    each(bytes, |number, value, _| match number {
        1 => each(value.bytes()?, |number, value, _| match number {
            1 => attribute(value.bytes()?, MAX_DEPTH, |key, value| resource.push(key, value)),
            _ => Some(()),
        }),
        _ => Some(()),
    })?;
    each(bytes, |number, value, _| match number {
        2 => scoped(value.bytes()?, &resource, out),
        _ => Some(()),
    })
}

/// A `ScopeLogs`.
fn scoped(bytes: &[u8], resource: &Resource, out: &mut Lines<'_>) -> Option<()> {
    let mut scope = Scope::default();
    each(bytes, |number, value, _| match number {
        1 => each(value.bytes()?, |number, value, _| {
            match number {
                1 => scope.name = value.text()?,
                2 => scope.version = value.text()?,
                3 => attribute(value.bytes()?, MAX_DEPTH, |key, value| scope.attributes.push(key, value))?,
                _ => {}
            }
            Some(())
        }),
        _ => Some(()),
    })?;
    each(bytes, |number, value, _| match number {
        2 => out.push(&record(value.bytes()?)?, resource, &scope),
        _ => Some(()),
    })
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A `LogRecord`.
fn record(bytes: &[u8]) -> Option<LogRecord> {
    let mut record = LogRecord::default();
    let mut unknown = Vec::new();
    each(bytes, |number, value, all| {
        match number {
            1 => record.time_ns = value.number()?,
            2 => record.severity_number = value.number()?,
            3 => record.severity_text = value.text()?,
            5 => record.body = Some(any(value.bytes()?, MAX_DEPTH)?).filter(|body| body != NOTHING),
            6 => attribute(value.bytes()?, MAX_DEPTH, |key, value| record.attributes.push(key, value))?,
            7 => record.dropped_attributes = value.number()?,
            8 => record.flags = value.number()?,
            9 => record.trace_id = hexadecimal(value.bytes()?),
            10 => record.span_id = hexadecimal(value.bytes()?),
            11 => record.observed_ns = value.number()?,
            12 => record.event_name = value.text()?,
            _ => unknown.extend_from_slice(all),
        }
        Some(())
    })?;
    record.unknown = STANDARD.encode(unknown);
    Some(record)
}

/// A `KeyValue`.
fn attribute(bytes: &[u8], depth: usize, push: impl FnOnce(&str, &str)) -> Option<()> {
    let (mut key, mut value) = (String::new(), NOTHING.to_owned());
    each(bytes, |number, content, _| {
        match number {
            1 => key = content.text()?,
            2 => value = any(content.bytes()?, depth)?,
            _ => {}
        }
        Some(())
    })?;
    push(&key, &value);
    Some(())
}

/// A value that holds nothing.
const NOTHING: &str = "null";

/// An `AnyValue` as JSON.
fn any(bytes: &[u8], depth: usize) -> Option<String> {
    let depth = depth.checked_sub(1)?;
    let mut out = NOTHING.to_owned();
    each(bytes, |number, value, _| {
        out = match number {
            1 => quoted(&value.text()?),
            2 => (value.number()? != 0).to_string(),
            3 => (value.number()? as i64).to_string(),
            4 => serde_json::Value::from(f64::from_bits(value.number()?)).to_string(),
            5 => array(value.bytes()?, depth)?,
            6 => {
                let mut inner = Attributes::default();
                each(value.bytes()?, |number, value, _| match number {
                    1 => attribute(value.bytes()?, depth, |key, value| inner.push(key, value)),
                    _ => Some(()),
                })?;
                inner.object()
            }
            7 => quoted(&STANDARD.encode(value.bytes()?)),
            _ => return Some(()),
        };
        Some(())
    })?;
    Some(out)
}

/// An `ArrayValue`.
fn array(bytes: &[u8], depth: usize) -> Option<String> {
    let mut out = String::from("[");
    each(bytes, |number, value, _| {
        if number == 1 {
            let comma = if out.len() == 1 { "" } else { "," };
            let value = any(value.bytes()?, depth)?;
            let _ = write!(out, "{comma}{value}");
        }
        Some(())
    })?;
    out.push(']');
    Some(out)
}
