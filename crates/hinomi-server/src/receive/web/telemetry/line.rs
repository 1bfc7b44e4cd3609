//! A log record as a line of JSON.

use std::fmt::Write as _;

use hinomi_model::Timestamp;

/// What one log record says. Values are JSON already.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct LogRecord {
    pub(super) time_ns: u64,
    pub(super) observed_ns: u64,
    pub(super) severity_number: u64,
    pub(super) severity_text: String,
    pub(super) body: Option<String>,
    pub(super) attributes: Attributes,
    pub(super) dropped_attributes: u64,
    pub(super) flags: u64,
    pub(super) trace_id: String,
    pub(super) span_id: String,
    pub(super) event_name: String,
    /// Fields that this program does not know, in Base64.
    pub(super) unknown: String,
}

/// Why lines were not built.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unbuilt {
    TooLarge,
    NoRoom,
}

/// Lines that are built, within bounds.
pub(super) struct Lines<'t> {
    out: Vec<Vec<u8>>,
    /// Bytes that may still be built.
    left: u64,
    take: &'t mut dyn FnMut(u64) -> bool,
    failed: Option<Unbuilt>,
}

/// What a line costs besides its bytes.
const LINE_COST: u64 = 64;

impl<'t> Lines<'t> {
    /// Lines of at most so many bytes; `take` is asked for room before it is used.
    pub(super) fn new(most: usize, take: &'t mut dyn FnMut(u64) -> bool) -> Self {
        Self { out: Vec::new(), left: most as u64, take, failed: None }
    }

    /// Takes room; `None` when there is none.
    pub(super) fn reserve(&mut self, bytes: u64) -> Option<()> {
        if !(self.take)(bytes) {
            self.failed = Some(Unbuilt::NoRoom);
        }
        self.failed.is_none().then_some(())
    }

    /// Adds the line of a record.
    pub(super) fn push(&mut self, record: &LogRecord, resource: &Resource, scope: &Scope) -> Option<()> {
        let line = record.line(resource, scope);
        let cost = line.len() as u64 + LINE_COST;
        let Some(left) = self.left.checked_sub(cost) else {
            self.failed = Some(Unbuilt::TooLarge);
            return None;
        };
        self.left = left;
        self.reserve(cost)?;
        self.out.push(line);
        Some(())
    }

    /// What was built.
    pub(super) fn end(self) -> Result<Vec<Vec<u8>>, Unbuilt> {
        self.failed.map_or(Ok(self.out), Err)
    }
}

/// Names and values: `"a":1,"b":"x"`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Attributes(pub(super) String);

/// What records share: where they come from.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Resource {
    pub(super) attributes: Attributes,
    /// The value of `host.name`, as JSON.
    pub(super) host: Option<String>,
}

/// What records share: which part of a program wrote them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Scope {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) attributes: Attributes,
}

/// A string of JSON.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl Attributes {
    pub(super) fn push(&mut self, key: &str, value: &str) {
        let comma = if self.0.is_empty() { "" } else { "," };
        let _ = write!(self.0, "{comma}{}:{value}", quoted(key));
    }

    /// As an object.
    pub(super) fn object(&self) -> String {
        format!("{{{}}}", self.0)
    }
}

impl Resource {
    pub(super) fn push(&mut self, key: &str, value: &str) {
        if key == "host.name" && value.starts_with('"') {
            self.host = Some(value.to_owned());
        }
        self.attributes.push(key, value);
    }
}

/// Nanoseconds since 1970 as text; what is beyond the calendar as a number.
fn time(nanos: u64) -> String {
    let time = i64::try_from(nanos).map(Timestamp::from_nanos);
    time.map_or_else(|_| nanos.to_string(), |time| format!("\"{time}\""))
}

impl LogRecord {
    /// The line, without line feed.
    fn line(&self, resource: &Resource, scope: &Scope) -> Vec<u8> {
        let mut all = Attributes::default();
        let when = if self.time_ns == 0 { self.observed_ns } else { self.time_ns };
        if when != 0 {
            all.push("@timestamp", &time(when));
        }
        if self.observed_ns != 0 && self.time_ns != 0 {
            all.push("observed", &time(self.observed_ns));
        }
        if let Some(host) = &resource.host {
            all.push("host", &format!("{{\"name\":{host}}}"));
        }
        if let Some(body) = &self.body {
            all.push(if body.starts_with('"') { "message" } else { "body" }, body);
        }
        let texts = [
            ("severity", &self.severity_text),
            ("event_name", &self.event_name),
            ("trace_id", &self.trace_id),
            ("span_id", &self.span_id),
            ("unknown_fields", &self.unknown),
        ];
        for (name, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
            all.push(name, &quoted(text));
        }
        let numbers = [
            ("severity_number", self.severity_number),
            ("dropped_attributes", self.dropped_attributes),
            ("flags", self.flags),
        ];
        for (name, number) in numbers.into_iter().filter(|(_, number)| *number != 0) {
            all.push(name, &number.to_string());
        }
        let groups = [("attributes", self.attributes.object()), ("resource", resource.attributes.object())];
        for (name, group) in groups.into_iter().chain([("scope", scope.object())]) {
            if group != "{}" {
                all.push(name, &group);
            }
        }
        all.object().into_bytes()
    }
}

impl Scope {
    fn object(&self) -> String {
        let mut all = Attributes::default();
        for (name, text) in [("name", &self.name), ("version", &self.version)] {
            if !text.is_empty() {
                all.push(name, &quoted(text));
            }
        }
        if !self.attributes.0.is_empty() {
            all.push("attributes", &self.attributes.object());
        }
        all.object()
    }
}
