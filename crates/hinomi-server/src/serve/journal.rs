//! What the server writes about itself: one line an event, as text or JSON.
//!
//! # Invariants
//! What strangers send cannot break a line or make many of them: values are escaped, and lines of one kind about senders
//! come at most once in ten seconds.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hinomi_model::Clock;
use tokio::time::Instant;

/// Time between two lines of one kind about senders.
const QUIET: Duration = Duration::from_secs(10);
/// A line's text and what it is about.
type Kind = (&'static str, String);
/// Longest value that is written.
const LONGEST: usize = 300;

/// Shape of the lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JournalFormat {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// Where lines go.
#[derive(Clone)]
pub struct Journal(Arc<Inner>);

struct Inner {
    format: JournalFormat,
    clock: Arc<dyn Clock>,
    out: Mutex<Box<dyn Write + Send>>,
    repeated: Mutex<BTreeMap<Kind, (Instant, u64)>>,
}

impl Journal {
    /// Writes to `out`.
    pub fn new(format: JournalFormat, clock: Arc<dyn Clock>, out: Box<dyn Write + Send>) -> Self {
        Self(Arc::new(Inner { format, clock, out: Mutex::new(out), repeated: Mutex::default() }))
    }

    /// Writes what happened.
    pub fn info(&self, what: &str, fields: &[(&str, &str)]) {
        self.write("info", what, fields);
    }

    /// Writes what somebody should look at.
    pub fn warn(&self, what: &str, fields: &[(&str, &str)]) {
        self.write("warning", what, fields);
    }

    /// Writes what a sender did, unless something of the kind was written a moment ago.
    pub fn repeated(&self, what: &'static str, fields: &[(&str, &str)]) {
        self.repeated_of("", what, fields);
    }

    /// As [`Journal::repeated`], for each of a few things that have names of the configuration.
    pub fn repeated_of(&self, of: &str, what: &'static str, fields: &[(&str, &str)]) {
        let now = Instant::now();
        let mut repeated = self.0.repeated.lock().unwrap_or_else(PoisonError::into_inner);
        let left_out = match repeated.get_mut(&(what, of.to_owned())) {
            Some((last, left_out)) if now.saturating_duration_since(*last) < QUIET => {
                *left_out += 1;
                return;
            }
            Some((_, left_out)) => *left_out,
            None => 0,
        };
        repeated.insert((what, of.to_owned()), (now, 0));
        drop(repeated);
        let left_out = left_out.to_string();
        let more = [("left_out", left_out.as_str())];
        let more = if left_out == "0" { &[] } else { &more[..] };
        self.write("warning", what, &[fields, more].concat());
    }

    fn write(&self, level: &str, what: &str, fields: &[(&str, &str)]) {
        let time = self.0.clock.now();
        let quoted = |text: &str| {
            let cut: String = text.chars().take(LONGEST).collect();
            serde_json::Value::from(cut).to_string()
        };
        let line = match self.0.format {
            JournalFormat::Json => {
                let fields: String =
                    fields.iter().map(|(name, text)| format!(",\"{name}\":{}", quoted(text))).collect();
                format!(
                    "{{\"time\":\"{time}\",\"level\":\"{level}\",\"message\":{}{fields}}}\n",
                    quoted(what)
                )
            }
            JournalFormat::Text => {
                let fields: String =
                    fields.iter().map(|(name, text)| format!(" {name}={}", quoted(text))).collect();
                format!("{time} {level} {what}{fields}\n")
            }
        };
        // A reader of the lines that has gone away is no reason to stop receiving.
        let _ = self.0.out.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes());
    }
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal").field("format", &self.0.format).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use hinomi_ledger::SystemClock;

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn lines(format: JournalFormat, write: impl Fn(&Journal)) -> Vec<String> {
        let kept = Kept::default();
        write(&Journal::new(format, Arc::new(SystemClock), Box::new(kept.clone())));
        let bytes = kept.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn strangers_cannot_forge_lines_or_flood() {
        for format in [JournalFormat::Text, JournalFormat::Json] {
            let lines = lines(format, |journal| {
                for n in 0..1000 {
                    journal.repeated("refused", &[("why", &format!("a\n\u{1b}[2J\" level=\"x{n}"))]);
                }
                journal.repeated("another", &[("why", &"x".repeat(10_000))]);
                for sink in ["a", "b", "a"] {
                    journal.repeated_of(sink, "a sink takes nothing", &[("sink", sink)]);
                }
            });
            assert_eq!(lines.len(), 4, "{} lines", lines.len());
            assert!(!lines[0].contains('\u{1b}') && lines[0].contains("\\n"));
            assert!(lines[1].len() < 1_000);
        }
    }

    #[test]
    fn json_lines_are_json() {
        let lines = lines(JournalFormat::Json, |journal| journal.warn("a \"b\"", &[("c", "d")]));
        let value: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!(
            (&value["level"], &value["message"], &value["c"]),
            (&"warning".into(), &"a \"b\"".into(), &"d".into())
        );
    }
}
