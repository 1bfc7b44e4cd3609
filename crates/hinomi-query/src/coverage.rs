//! What an answer could not have seen: the days of a range on which a source has no event.

use std::collections::{BTreeMap, BTreeSet};

use hinomi_model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::manifest::Manifest;

/// Days without events.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Gap {
    /// Kind of log.
    pub kind: String,
    /// Host; empty where events name none.
    pub host: String,
    /// First day without events.
    pub first: String,
    /// Last day without events.
    pub last: String,
    /// How many days.
    pub days: u64,
}

/// What there is in a range of time.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Coverage {
    /// First day of the range: as asked, else the first that has events.
    pub first: Option<String>,
    /// Last day.
    pub last: Option<String>,
    /// Sources (kind of log and host) with events on any day at all.
    pub sources: u64,
    /// Sources with events on every day of the range.
    pub whole: u64,
    /// Days without events of the others.
    pub missing: Vec<Gap>,
    /// Events that state no time; they are searched, and belong to no day.
    pub timeless: u64,
    /// What could not be read when the data was derived.
    pub losses: u64,
}

const DAY: i64 = 86_400_000_000_000;

fn number(day: &str) -> Option<i64> {
    let midnight = Timestamp::parse_iso(format!("{day}T00:00:00Z").as_bytes(), true)?;
    Some(midnight.as_nanos().div_euclid(DAY))
}

fn name(day: i64) -> String {
    let ((year, month, day), _, _) = Timestamp::from_nanos(day.saturating_mul(DAY)).to_civil();
    format!("{year:04}-{month:02}-{day:02}")
}

/// On which days there are events of which source.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Presence {
    /// Days since 1970 by kind of log and host, in order.
    sources: BTreeMap<(String, String), Vec<i64>>,
    /// Events of each day.
    days: BTreeMap<i64, u64>,
    timeless: u64,
    losses: u64,
}

impl Presence {
    /// As a manifest has it.
    pub fn new(manifest: &Manifest) -> Self {
        let mut out = Self { losses: manifest.losses(), ..Self::default() };
        let mut known: BTreeMap<&str, Option<i64>> = BTreeMap::new();
        let mut sources: BTreeMap<(&str, &str), BTreeSet<i64>> = BTreeMap::new();
        for row in manifest.runs.iter().flat_map(|run| &run.coverage) {
            let day = *known.entry(&row.day).or_insert_with(|| number(&row.day));
            let Some(day) = day else {
                out.timeless += row.events;
                continue;
            };
            sources.entry((&row.kind, &row.host)).or_default().insert(day);
            *out.days.entry(day).or_default() += row.events;
        }
        let owned = |((kind, host), days): ((&str, &str), BTreeSet<i64>)| {
            ((kind.to_owned(), host.to_owned()), days.into_iter().collect())
        };
        out.sources = sources.into_iter().map(owned).collect();
        out
    }

    /// The first and the last day, without the days at either end on which together no more than this part of all events happened.
    pub fn days_without(&self, part: u64) -> Option<(i64, i64)> {
        let spare = self.days.values().sum::<u64>() / part.max(1);
        let behind = |before: &mut u64, events: u64| {
            *before += events;
            *before > spare
        };
        let (mut before, mut after) = (0, 0);
        let first = self.days.iter().find(|(_, events)| behind(&mut before, **events))?;
        let last = self.days.iter().rev().find(|(_, events)| behind(&mut after, **events))?;
        Some((*first.0, *last.0))
    }

    /// What is there between two times; without them, between the first and the last day that have events. A day is missing for
    /// a source that has events on other days: on that day it was silent, or its log is not here.
    pub fn between(&self, since: Option<Timestamp>, until: Option<Timestamp>) -> Coverage {
        let mut out = Coverage {
            sources: self.sources.len() as u64,
            timeless: self.timeless,
            losses: self.losses,
            ..Coverage::default()
        };
        let first = since.map(|t| t.as_nanos().div_euclid(DAY)).or(self.days.keys().next().copied());
        let last =
            until.map(|t| (t.as_nanos() - 1).div_euclid(DAY)).or(self.days.keys().next_back().copied());
        let (Some(first), Some(last)) = (first, last) else { return out };
        (out.first, out.last) = (Some(name(first)), Some(name(last)));
        for ((kind, host), days) in &self.sources {
            let mut from = first;
            let mut whole = true;
            let start = days.partition_point(|day| *day < first);
            let end = days.partition_point(|day| *day <= last.max(first));
            for &day in days.get(start..end).unwrap_or_default().iter().chain([&(last + 1)]) {
                if day > from {
                    whole = false;
                    out.missing.push(Gap {
                        kind: kind.clone(),
                        host: host.clone(),
                        first: name(from),
                        last: name(day - 1),
                        days: (day - from) as u64,
                    });
                }
                from = day + 1;
            }
            out.whole += u64::from(whole);
        }
        out
    }
}

/// As [`Presence::between`], of a manifest.
pub fn coverage(manifest: &Manifest, since: Option<Timestamp>, until: Option<Timestamp>) -> Coverage {
    Presence::new(manifest).between(since, until)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{CoverageRow, Input, Run};

    #[test]
    fn days_without_events_are_named() {
        let mapping = crate::Mapping::bundled().unwrap();
        let input = Input::Paths { paths: Vec::new(), zone: "UTC".to_owned() };
        let mut manifest = Manifest::new(1, input);
        let row = |host: &str, day: &str| CoverageRow {
            kind: "linux/auth".to_owned(),
            host: host.to_owned(),
            day: day.to_owned(),
            events: 2,
        };
        let first = vec![row("a", "2024-02-28"), row("a", "2024-03-02")];
        let second = vec![row("b", "2024-02-29"), row("b", "unknown")];
        manifest.add(Run::new(4, &mapping, second, 0), Vec::new());
        manifest.add(Run::new(2, &mapping, first, 0), Vec::new());
        let all = coverage(&manifest, None, None);
        let shown: Vec<_> = all
            .missing
            .iter()
            .map(|g| (g.host.as_str(), g.first.as_str(), g.last.as_str(), g.days))
            .collect();
        assert_eq!(
            shown,
            [
                ("a", "2024-02-29", "2024-03-01", 2),
                ("b", "2024-02-28", "2024-02-28", 1),
                ("b", "2024-03-01", "2024-03-02", 2)
            ]
        );
        assert_eq!((all.sources, all.whole, all.timeless), (2, 0, 2));
        let at = |text: &str| Timestamp::parse_iso(text.as_bytes(), true);
        let part = coverage(&manifest, at("2024-02-29T00:00:00Z"), at("2024-03-01T00:00:00Z"));
        assert_eq!((part.whole, part.missing.len()), (1, 1));
        assert_eq!((part.missing[0].host.as_str(), part.last.as_deref()), ("a", Some("2024-02-29")));
    }
}
