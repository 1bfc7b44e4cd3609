//! Recorded events on the scenario's hosts, accounts and time.
//!
//! # Trust
//! Recordings are hostile input. Their values are replaced as text and written as JSON; nothing in them is followed.
//!
//! # Not here
//! Reading recordings; the caller's [`SpliceSource`] does.

use std::collections::BTreeMap;

use aho_corasick::{AhoCorasick, MatchKind};
use hinomi_model::{NANOS_PER_SECOND, Timestamp};
use serde_json::{Map, Value};

use crate::calendar::DAY;
use crate::entity::{EntityId, IP, NAME, Population};
use crate::error::ScenarioError;
use crate::spec::Splice;

/// Most events taken from one recording.
const MOST: usize = 200_000;
/// Values this far outside a recording's own span are not its times.
const SLACK: i64 = 2 * DAY;

/// An event of a recording.
#[derive(Clone, Debug, Default)]
pub struct Recorded {
    /// Stated time.
    pub time: Option<Timestamp>,
    /// Host that it names, or empty.
    pub host: String,
    /// Account that it names, or empty; accounts that many services share are left out by the caller.
    pub account: String,
    /// All of it.
    pub fields: Map<String, Value>,
}

/// Gives recordings by name.
pub trait SpliceSource {
    /// Events of a recording, in its own order.
    ///
    /// # Errors
    /// Why it cannot be had, for people.
    fn events(&mut self, recording: &str) -> Result<Vec<Recorded>, String>;
}

/// A rewritten event.
pub(crate) struct Spliced {
    pub(crate) host: EntityId,
    pub(crate) time: i64,
    pub(crate) bytes: Vec<u8>,
}

/// Rewrites a recording so that its first event happens at `start`.
pub(crate) fn splice(
    place: &str,
    spec: &Splice,
    (hosts, accounts): (&[EntityId], &[EntityId]),
    population: &Population,
    start: i64,
    source: &mut dyn SpliceSource,
) -> Result<Vec<Spliced>, ScenarioError> {
    let failed = |message: String| ScenarioError::Recording {
        place: place.to_owned(),
        recording: spec.recording.clone(),
        message,
    };
    let mut events = source.events(&spec.recording).map_err(failed)?;
    events.truncate(MOST);
    let times = || events.iter().filter_map(|e| e.time.map(Timestamp::as_nanos));
    let (Some(first), Some(last)) = (times().min(), times().max()) else {
        return Err(failed("none of its events states a time".to_owned()));
    };
    let default =
        *hosts.first().ok_or_else(|| failed("no host stands for those of the recording".to_owned()))?;
    let names = Names::new(&events, hosts, accounts, population);
    let replacer = names.replacer().map_err(failed)?;
    let clock = Shift { by: start - first, from: first - SLACK, until: last + SLACK };
    let mut out = Vec::with_capacity(events.len());
    for event in events {
        let time = event.time.map_or(start, |t| t.as_nanos() + clock.by);
        let host = names.hosts.get(&event.host.to_lowercase()).copied().unwrap_or(default);
        let rewritten = rewrite(Value::Object(event.fields), &replacer, &clock);
        let bytes = serde_json::to_vec(&rewritten).map_err(|e| failed(e.to_string()))?;
        out.push(Spliced { host, time, bytes });
    }
    Ok(out)
}

/// What stands for what.
struct Names {
    hosts: BTreeMap<String, EntityId>,
    pairs: Vec<(String, String)>,
}

impl Names {
    fn new(events: &[Recorded], hosts: &[EntityId], accounts: &[EntityId], population: &Population) -> Self {
        let mut names = Self { hosts: BTreeMap::new(), pairs: Vec::new() };
        let fqdn = population.attribute("fqdn").unwrap_or(NAME);
        for event in events.iter().filter(|e| !e.host.is_empty()) {
            let key = event.host.to_lowercase();
            if names.hosts.contains_key(&key) {
                continue;
            }
            let at = names.hosts.len() % hosts.len().max(1);
            let Some(&id) = hosts.get(at) else { break };
            let (short, domain) = event.host.split_once('.').unwrap_or((&event.host, ""));
            names.add(&event.host, population.value(id, fqdn));
            names.add(short, population.value(id, NAME));
            let own = population.value(id, fqdn).split_once('.').map_or("", |(_, d)| d);
            names.add(domain, own);
            let label = |d: &str| d.split('.').next().unwrap_or_default().to_uppercase();
            names.add(&label(domain), &label(own));
            names.hosts.insert(key, id);
        }
        let mut seen: Vec<String> = Vec::new();
        for event in events.iter().filter(|e| !e.account.is_empty()) {
            let bare = event.account.rsplit('\\').next().unwrap_or_default().to_lowercase();
            if seen.contains(&bare) {
                continue;
            }
            if let Some(&id) = accounts.get(seen.len() % accounts.len().max(1)) {
                names.add(&bare, population.value(id, NAME));
            }
            seen.push(bare);
        }
        names.addresses(events, hosts, population);
        names
    }

    fn add(&mut self, from: &str, to: &str) {
        if from.len() > 1 && !to.is_empty() && !self.pairs.iter().any(|(f, _)| f.eq_ignore_ascii_case(from)) {
            self.pairs.push((from.to_owned(), to.to_owned()));
        }
    }

    /// Private addresses stand for those of the hosts, in order of first appearance.
    fn addresses(&mut self, events: &[Recorded], hosts: &[EntityId], population: &Population) {
        let mut found: Vec<String> = Vec::new();
        for value in events.iter().flat_map(|e| e.fields.values()).filter_map(Value::as_str) {
            let bare = value.trim_start_matches("::ffff:");
            let private = bare.parse::<std::net::Ipv4Addr>().is_ok_and(|a| a.is_private());
            if private && !found.iter().any(|f| f == bare) {
                found.push(bare.to_owned());
            }
        }
        for (at, address) in found.iter().enumerate() {
            if let Some(&id) = hosts.get(at % hosts.len().max(1)) {
                self.add(address, population.value(id, IP));
            }
        }
    }

    fn replacer(&self) -> Result<Replacer, String> {
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::LeftmostLongest)
            .build(self.pairs.iter().map(|(from, _)| from));
        let automaton = automaton.map_err(|e| e.to_string())?;
        Ok(Replacer { automaton, to: self.pairs.iter().map(|(_, to)| to.clone()).collect() })
    }
}

/// Puts names in the place of names.
struct Replacer {
    automaton: AhoCorasick,
    to: Vec<String>,
}

impl Replacer {
    /// Replaces whole words only.
    fn replace(&self, text: &str) -> String {
        let word = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = text.as_bytes();
        let mut out = String::with_capacity(text.len());
        let mut copied = 0;
        for found in self.automaton.find_iter(text) {
            let before = found.start().checked_sub(1).and_then(|at| bytes.get(at));
            if word(before) || word(bytes.get(found.end())) {
                continue;
            }
            out.push_str(text.get(copied..found.start()).unwrap_or_default());
            out.push_str(self.to.get(found.pattern().as_usize()).map_or("", String::as_str));
            copied = found.end();
        }
        out.push_str(text.get(copied..).unwrap_or_default());
        out
    }
}

/// Moves times that lie in the recording's span.
struct Shift {
    by: i64,
    from: i64,
    until: i64,
}

impl Shift {
    /// The same notation, another time; `None` if `text` is no time of the recording.
    fn text(&self, text: &str) -> Option<String> {
        let head = text.get(..19)?;
        let separator = text.get(10..11)?;
        let rest = text.get(19..)?;
        let fraction = rest.strip_prefix(['.', ',']).map_or("", |r| {
            let end = r.find(|c: char| !c.is_ascii_digit()).unwrap_or(r.len());
            r.get(..end).unwrap_or_default()
        });
        let tail = rest.get(if fraction.is_empty() { 0 } else { fraction.len() + 1 }..)?;
        if tail.len() > 6 {
            return None;
        }
        let digits = format!("{head}.{fraction:0<9}");
        let time = Timestamp::parse_iso(digits.get(..29)?.as_bytes(), true)?.as_nanos();
        if !(self.from..=self.until).contains(&time) {
            return None;
        }
        let (date, clock, nanos) = Timestamp::from_nanos(time + self.by).to_civil();
        let mut out = format!(
            "{:04}-{:02}-{:02}{separator}{:02}:{:02}:{:02}",
            date.0, date.1, date.2, clock.0, clock.1, clock.2
        );
        if !fraction.is_empty() {
            out.push('.');
            out.push_str(format!("{nanos:09}").get(..fraction.len().min(9))?);
        }
        out.push_str(tail);
        Some(out)
    }

    /// Seconds since the epoch, as some sensors write them.
    fn number(&self, number: &serde_json::Number) -> Option<serde_json::Number> {
        let seconds = number.as_f64()?;
        let nanos = (seconds * NANOS_PER_SECOND as f64) as i64;
        if !(self.from..=self.until).contains(&nanos) {
            return None;
        }
        if let Some(whole) = number.as_i64() {
            return Some((whole + self.by / NANOS_PER_SECOND).into());
        }
        let moved = (nanos + self.by) / 1000;
        serde_json::Number::from_f64(moved as f64 / 1_000_000.0)
    }
}

fn rewrite(value: Value, names: &Replacer, clock: &Shift) -> Value {
    match value {
        Value::String(text) => Value::String(clock.text(&text).unwrap_or_else(|| names.replace(&text))),
        Value::Number(number) => Value::Number(clock.number(&number).unwrap_or(number)),
        Value::Array(items) => Value::Array(items.into_iter().map(|v| rewrite(v, names, clock)).collect()),
        Value::Object(map) => {
            Value::Object(map.into_iter().map(|(k, v)| (k, rewrite(v, names, clock))).collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_keep_their_notation() {
        let at = |text: &str| Timestamp::parse_iso(text.as_bytes(), true).unwrap().as_nanos();
        let shift = Shift {
            by: DAY + 3600 * NANOS_PER_SECOND,
            from: at("2020-05-01T00:00:00Z"),
            until: at("2020-05-03T00:00:00Z"),
        };
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(shift.text(text).as_deref(), expected, "{text}");
        };
        check("2020-05-02T10:00:00.123Z", Some("2020-05-03T11:00:00.123Z"));
        check("2020-05-02 23:30:00", Some("2020-05-04 00:30:00"));
        check("2020-05-02T10:00:00+09:00", Some("2020-05-03T11:00:00+09:00"));
        check("2019-05-02T10:00:00Z", None);
        check("2020-05-02T10:00:00Z and more", None);
        check("C:\\Windows\\System32", None);
        let number = shift.number(&serde_json::Number::from_f64(1_588_413_600.25).unwrap()).unwrap();
        assert!((number.as_f64().unwrap() - (1_588_413_600.25 + 90_000.0)).abs() < 1e-5);
        assert!(shift.number(&4624.into()).is_none());
    }

    #[test]
    fn whole_words_only() {
        let names = Names {
            hosts: BTreeMap::new(),
            pairs: vec![("ws1.lab.local".into(), "pc7.example.jp".into()), ("bob".into(), "mika".into())],
        };
        let replacer = names.replacer().unwrap();
        assert_eq!(
            replacer.replace(r"LAB\Bob on WS1.lab.local, bobcat"),
            r"LAB\mika on pc7.example.jp, bobcat"
        );
    }
}
