//! The JSON encoding (OTLP/JSON: lower camel case, 64-bit numbers as strings, ids in hexadecimal), written out as it is read.

use std::fmt;
use std::marker::PhantomData;

use memchr::memchr_iter;
use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::line::{Attributes, Lines, LogRecord, Resource, Scope, quoted};

/// The most that an object takes once it is read, beside its texts: a log record without any.
const OBJECT_COST: u64 = 256;

/// Reads an `ExportLogsServiceRequest`; `None` when it is none.
pub(super) fn read(body: &[u8], out: &mut Lines<'_>) -> Option<()> {
    let objects = memchr_iter(b'{', body).count() as u64;
    out.reserve(objects.saturating_mul(OBJECT_COST))?;
    let request: Export = serde_json::from_slice(body).ok()?;
    for group in request.resource_logs {
        let mut resource = Resource::default();
        for KeyValue { key, value } in group.resource.unwrap_or_default().attributes {
            resource.push(&key, value.text());
        }
        for scoped in group.scope_logs {
            let ScopeText { name, version, attributes } = scoped.scope.unwrap_or_default();
            let scope = Scope { name, version, attributes: attributes.0 };
            for record in scoped.log_records {
                out.push(&LogRecord::from(record), &resource, &scope)?;
            }
        }
    }
    Some(())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Export {
    #[serde(default)]
    resource_logs: Vec<ResourceLogs>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceLogs {
    #[serde(default)]
    resource: Option<ResourceText>,
    #[serde(default)]
    scope_logs: Vec<ScopeLogs>,
}

#[derive(Default, Deserialize)]
struct ResourceText {
    #[serde(default)]
    attributes: Vec<KeyValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ScopeLogs {
    #[serde(default)]
    scope: Option<ScopeText>,
    #[serde(default)]
    log_records: Vec<RecordText>,
}

#[derive(Default, Deserialize)]
struct ScopeText {
    #[serde(default)]
    name: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    attributes: KeyValues,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RecordText {
    #[serde(default)]
    time_unix_nano: Number,
    #[serde(default)]
    observed_time_unix_nano: Number,
    #[serde(default)]
    severity_number: Number,
    #[serde(default)]
    severity_text: String,
    #[serde(default)]
    body: Option<AnyValue>,
    #[serde(default)]
    attributes: KeyValues,
    #[serde(default)]
    dropped_attributes_count: Number,
    #[serde(default)]
    flags: Number,
    #[serde(default)]
    trace_id: String,
    #[serde(default)]
    span_id: String,
    #[serde(default)]
    event_name: String,
}

impl From<RecordText> for LogRecord {
    fn from(text: RecordText) -> Self {
        Self {
            time_ns: text.time_unix_nano.0,
            observed_ns: text.observed_time_unix_nano.0,
            severity_number: text.severity_number.0,
            severity_text: text.severity_text,
            body: text.body.and_then(|body| body.0),
            attributes: text.attributes.0,
            dropped_attributes: text.dropped_attributes_count.0,
            flags: text.flags.0,
            trace_id: text.trace_id,
            span_id: text.span_id,
            event_name: text.event_name,
            unknown: String::new(),
        }
    }
}

#[derive(Deserialize)]
struct KeyValue {
    #[serde(default)]
    key: String,
    #[serde(default)]
    value: AnyValue,
}

/// Names and values of a list of `KeyValue`.
#[derive(Default)]
struct KeyValues(Attributes);

impl<'de> Deserialize<'de> for KeyValues {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut all = Attributes::default();
        let push = |KeyValue { key, value }| all.push(&key, value.text());
        deserializer.deserialize_seq(Each { push, of: PhantomData })?;
        Ok(Self(all))
    }
}

/// Values of a list, as JSON with commas between them.
#[derive(Default)]
struct Elements(String);

impl<'de> Deserialize<'de> for Elements {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut all = String::new();
        let push = |value: AnyValue| {
            all.push_str(if all.is_empty() { "" } else { "," });
            all.push_str(value.text());
        };
        deserializer.deserialize_seq(Each { push, of: PhantomData })?;
        Ok(Self(all))
    }
}

/// Hands out the items of a list as they are read.
struct Each<T, P> {
    push: P,
    of: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>, P: FnMut(T)> Visitor<'de> for Each<T, P> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        while let Some(item) = seq.next_element()? {
            (self.push)(item);
        }
        Ok(())
    }
}

/// A number, or a string that is one.
#[derive(Clone, Copy, Default)]
struct Number(u64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberOrText).map(|number| Self(number.cast_unsigned()))
    }
}

struct NumberOrText;

impl Visitor<'_> for NumberOrText {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or a string that is one")
    }

    fn visit_u64<E>(self, number: u64) -> Result<i64, E> {
        Ok(number.cast_signed())
    }

    fn visit_i64<E>(self, number: i64) -> Result<i64, E> {
        Ok(number)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<i64, E> {
        let number = text.parse().or_else(|_| text.parse().map(u64::cast_signed));
        number.map_err(|_| E::custom("not a number"))
    }
}

/// An `AnyValue`, as JSON; `None` when it holds nothing.
#[derive(Default)]
struct AnyValue(Option<String>);

impl AnyValue {
    fn text(&self) -> &str {
        self.0.as_deref().unwrap_or("null")
    }
}

#[derive(Deserialize)]
#[serde(bound = "T: Default + Deserialize<'de>")]
struct Values<T> {
    #[serde(default)]
    values: T,
}

impl<'de> Deserialize<'de> for AnyValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OneOf).map(Self)
    }
}

struct OneOf;

impl<'de> Visitor<'de> for OneOf {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an AnyValue")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<String>, A::Error> {
        let mut out = None;
        while let Some(kind) = map.next_key::<String>()? {
            out = match kind.as_str() {
                "stringValue" | "bytesValue" => Some(quoted(&map.next_value::<String>()?)),
                "boolValue" => Some(map.next_value::<bool>()?.to_string()),
                "intValue" => Some((map.next_value::<Number>()?.0.cast_signed()).to_string()),
                "doubleValue" => Some(serde_json::Value::from(map.next_value::<f64>()?).to_string()),
                "arrayValue" => Some(format!("[{}]", map.next_value::<Values<Elements>>()?.values.0)),
                "kvlistValue" => Some(map.next_value::<Values<KeyValues>>()?.values.0.object()),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
        }
        Ok(out)
    }
}
