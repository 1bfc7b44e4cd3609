//! Stops that people planned, as `sources.yaml` states them.

use hinomi_ledger::health::{Plan, Plans, Repeats};
use hinomi_model::Timestamp;
use serde::Deserialize;

use crate::exit::{Exit, Failure};

/// One entry of `planned`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    sources: Vec<String>,
    from: String,
    to: String,
    #[serde(default)]
    repeats: Option<Repeats>,
    #[serde(default)]
    until: Option<String>,
    owner: String,
    reason: String,
}

/// The plans that a file states.
pub(super) fn plans(entries: Vec<Entry>) -> Result<Plans, Failure> {
    let usage =
        |number: usize, what: String| Failure::new(Exit::Usage, format!("planned, number {number}: {what}"));
    let mut plans = Vec::with_capacity(entries.len());
    for (number, entry) in (1..).zip(entries) {
        plans.push(plan(entry).map_err(|what| usage(number, what))?);
    }
    Plans::new(plans).map_err(|(number, error)| usage(number, error.to_string()))
}

fn plan(entry: Entry) -> Result<Plan, String> {
    let Entry { sources, from, to, repeats, until, owner, reason } = entry;
    let repeats = match (repeats, until) {
        (None, None) => None,
        (Some(repeats), Some(until)) => Some((repeats, time(&until)?.as_nanos())),
        (Some(_), None) => return Err("repeats needs until: a plan without an end is none".to_owned()),
        (None, Some(_)) => return Err("until needs repeats: daily or weekly".to_owned()),
    };
    Ok(Plan { sources, from: time(&from)?, to: time(&to)?, repeats, owner, reason })
}

/// A time with its distance from UTC.
fn time(text: &str) -> Result<Timestamp, String> {
    let read: Result<jiff::Timestamp, _> = text.parse();
    let nanos = read.ok().and_then(|time| i64::try_from(time.as_nanosecond()).ok());
    nanos
        .map(Timestamp::from_nanos)
        .ok_or_else(|| format!("{text}: a time such as 2026-11-22T02:00:00+09:00"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Plans, String> {
        let entries: Vec<Entry> = serde_yaml_ng::from_str(text).map_err(|e| e.to_string())?;
        plans(entries).map_err(|failure| failure.message)
    }

    #[test]
    fn plans_are_read_and_mistakes_refused() {
        let good = "- {sources: [net/a], from: '2026-11-22T02:00:00+09:00', to: '2026-11-22T04:00:00+09:00', \
                    owner: o, reason: r}\n";
        let plans = read(good).unwrap();
        let at = |text: &str| plans.at("net/a", time(text).unwrap()).is_some();
        assert!(at("2026-11-21T17:00:00Z") && !at("2026-11-21T19:00:00Z"));
        for (from, to) in [
            ("owner: o", "owner: ''"),
            (", reason: r", ""),
            ("[net/a]", "['*']"),
            ("T04:00", "T01:00"),
            ("+09:00', to", "', to"),
            ("owner: o", "owner: o, repeats: weekly"),
            ("owner: o", "owner: o, until: '2026-11-22T04:00:00Z'"),
            ("owner: o", "owner: o, repeats: hourly, until: '2026-11-22T04:00:00Z'"),
            ("owner: o", "owner: o, colour: red"),
        ] {
            let bad = good.replacen(from, to, 1);
            assert_ne!(bad, good);
            assert!(read(&bad).is_err(), "{bad}");
        }
    }
}
