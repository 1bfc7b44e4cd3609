//! Documents that wrap events: `{"Records":[…]}`, `{"hits":{"hits":[{"_source":{…}}]}}`.
//!
//! Which wrappings exist is data (`mappings/json/envelopes.yaml`).
//!
//! # Invariants
//! Whether an object is an envelope is decided by the keys before its first event alone, so that the answer does
//! not depend on how much of a large document is at hand.

use std::sync::LazyLock;

use serde::Deserialize;

use super::scan::{byte, part, skip_space, skip_value, string_end};

/// Keys deeper than this are not searched for events.
const MAX_LEVELS: usize = 4;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[expect(dead_code, reason = "read by whoever compares two versions of the table")]
    version: u32,
    envelopes: Vec<Envelope>,
}

/// One way of wrapping events.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    /// Keys that lead to the events.
    path: Vec<String>,
    /// Keys that may stand before the ones of the path; any other means an ordinary event. A trailing `*`
    /// matches any ending.
    #[serde(default)]
    beside: Vec<String>,
    /// The path leads to one event rather than to an array of them.
    #[serde(default)]
    single: bool,
}

static TABLE: LazyLock<Vec<Envelope>> = LazyLock::new(|| {
    let text = include_str!("../../mappings/json/envelopes.yaml");
    serde_yaml_ng::from_str::<Table>(text).map(|t| t.envelopes).unwrap_or_default()
});

/// What stands at an opening brace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Opening {
    /// An ordinary object.
    Event,
    /// An envelope: the events start here, that many containers deeper.
    Events {
        /// Offset of the first event or of the end of an empty array.
        at: usize,
        /// How many closing brackets will follow the events.
        levels: usize,
    },
    /// The bytes end before this can be told.
    Unknown,
}

/// Looks at the object that starts at `at`.
pub(super) fn opening(text: &[u8], at: usize) -> Opening {
    let key_at = skip_space(text, at + 1);
    if byte(text, key_at) != b'"' {
        return if text.get(key_at).is_some() { Opening::Event } else { Opening::Unknown };
    }
    let Some((end, _)) = string_end(text, key_at + 1) else { return Opening::Unknown };
    let first = part(text, key_at + 1, end);
    let mut unknown = false;
    for envelope in TABLE.iter().filter(|e| e.starts_with(first)) {
        match envelope.enter(text, at) {
            Opening::Event => {}
            Opening::Unknown => unknown = true,
            found @ Opening::Events { .. } => return found,
        }
    }
    if unknown { Opening::Unknown } else { Opening::Event }
}

/// True when `key` leads to events in some envelope.
pub(super) fn is_path_key(key: &[u8]) -> bool {
    TABLE.iter().any(|e| !e.single && e.path.iter().any(|p| p.as_bytes() == key))
}

impl Envelope {
    fn starts_with(&self, key: &[u8]) -> bool {
        self.path.first().is_some_and(|p| p.as_bytes() == key) || self.allows(key)
    }

    fn allows(&self, key: &[u8]) -> bool {
        self.beside.iter().any(|beside| match beside.strip_suffix('*') {
            Some(prefix) => key.starts_with(prefix.as_bytes()),
            None => beside.as_bytes() == key,
        })
    }

    fn enter(&self, text: &[u8], at: usize) -> Opening {
        let mut at = at;
        for (level, wanted) in self.path.iter().enumerate().take(MAX_LEVELS) {
            at = match self.find(text, at, wanted.as_bytes()) {
                Ok(at) => at,
                Err(answer) => return answer,
            };
            let last = level + 1 == self.path.len();
            match (byte(text, at), last && !self.single) {
                (b'{', false) => {}
                (b'[', true) => return first_element(text, at + 1, self.path.len() + 1),
                (0, _) if text.get(at).is_none() => return Opening::Unknown,
                _ => return Opening::Event,
            }
        }
        Opening::Events { at, levels: self.path.len() }
    }

    /// Offset of the value of `wanted` in the object at `at`, if only allowed keys stand before it.
    fn find(&self, text: &[u8], at: usize, wanted: &[u8]) -> Result<usize, Opening> {
        let mut at = at + 1;
        loop {
            at = skip_space(text, at);
            match text.get(at) {
                Some(b'"') => {}
                Some(_) => return Err(Opening::Event),
                None => return Err(Opening::Unknown),
            }
            let (end, _) = string_end(text, at + 1).ok_or(Opening::Unknown)?;
            let key = part(text, at + 1, end);
            let colon = skip_space(text, end + 1);
            match text.get(colon) {
                Some(b':') => {}
                Some(_) => return Err(Opening::Event),
                None => return Err(Opening::Unknown),
            }
            let value = skip_space(text, colon + 1);
            if key == wanted {
                return Ok(value);
            }
            if !self.allows(key) {
                return Err(Opening::Event);
            }
            at = skip_space(text, skip_value(text, value).ok_or(Opening::Unknown)?);
            match text.get(at) {
                Some(b',') => at += 1,
                Some(_) => return Err(Opening::Event),
                None => return Err(Opening::Unknown),
            }
        }
    }
}

/// An array is one of events when it is empty or starts with an object.
fn first_element(text: &[u8], at: usize, levels: usize) -> Opening {
    let at = skip_space(text, at);
    match text.get(at) {
        Some(b'{' | b']') => Opening::Events { at, levels },
        Some(_) => Opening::Event,
        None => Opening::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rest(text: &str) -> Option<&str> {
        match opening(text.as_bytes(), 0) {
            Opening::Events { at, .. } => Some(&text[at..]),
            Opening::Event | Opening::Unknown => None,
        }
    }

    #[test]
    fn the_table_is_readable() {
        assert!(TABLE.len() >= 8);
    }

    #[test]
    fn known_wrappings_are_entered() {
        assert_eq!(rest(r#"{"Records": [ {"a":1}]}"#), Some(r#"{"a":1}]}"#));
        assert_eq!(rest(r#"{"@odata.context":"x","value":[{"a":1}]}"#), Some(r#"{"a":1}]}"#));
        let hits = r#"{"took":1,"hits":{"total":{"value":1},"hits":[{"_index":"i","_source":{"a":1}}]}}"#;
        let hit = rest(hits).unwrap();
        assert_eq!(rest(hit), Some(r#"{"a":1}}]}}"#));
        assert_eq!(rest(r#"{"Records":[]}"#), Some("]}"));
    }

    #[test]
    fn events_are_left_alone() {
        for text in [r#"{"user":"x","value":[{"a":1}]}"#, r#"{"Records":5}"#, r#"{"value":[1,2]}"#, "{}"] {
            assert_eq!(opening(text.as_bytes(), 0), Opening::Event, "{text}");
        }
        assert_eq!(opening(br#"{"Records":"#, 0), Opening::Unknown);
    }
}
