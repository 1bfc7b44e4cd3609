//! Which kinds of records a source sends, and whether one stays away.
//!
//! # Invariants
//! A kind is missed only when it stayed away for longer than ever in the last five weeks, both in time and in records
//! of the same source; so what belongs to the night is not missed by day.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::longest::Longest;
use super::{MAX_KINDS, Settings};

/// How often a kind has to have come before it can be missed.
const ENOUGH: u64 = 20;
/// Longest name of a kind that is kept.
const LONGEST_NAME: usize = 120;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Kind {
    first_ns: i64,
    last_ns: i64,
    /// Number of the record of the source at which it last came.
    last_record: u64,
    times: u64,
    pauses_ns: Longest,
    pauses: Longest,
    /// It was named as missing.
    missed: bool,
}

/// The kinds of one source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Kinds {
    kinds: BTreeMap<String, Kind>,
    records: u64,
}

/// Kinds that stay away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Missing {
    pub(super) kinds: Vec<String>,
    /// When the first of them was last seen.
    pub(super) since_ns: i64,
    /// Records of the source since.
    pub(super) records: u64,
    /// Kinds that came for the first time since.
    pub(super) new: Vec<String>,
}

impl Kinds {
    pub(super) fn note(&mut self, at_ns: i64, records: u64, came: &[(String, u64)]) {
        let before = self.records;
        self.records = before.saturating_add(records);
        for (name, _) in came {
            let name = name.get(..name.floor_char_boundary(LONGEST_NAME)).unwrap_or_default();
            let full = self.kinds.len() >= MAX_KINDS;
            match self.kinds.get_mut(name) {
                Some(kind) => kind.came(at_ns, before, self.records),
                None if !full => {
                    let kind = Kind {
                        first_ns: at_ns,
                        last_ns: at_ns,
                        last_record: self.records,
                        times: 1,
                        ..Kind::default()
                    };
                    self.kinds.insert(name.to_owned(), kind);
                }
                None => {}
            }
        }
    }

    /// Kinds that stay away and were not named yet.
    pub(super) fn missing(&self, now_ns: i64, settings: &Settings) -> Option<Missing> {
        let away = |kind: &&Kind| !kind.missed && kind.is_away(now_ns, self.records, settings);
        let since_ns = self.kinds.values().filter(away).map(|kind| kind.last_ns).min()?;
        let names = |(name, kind): (&String, &Kind)| away(&kind).then(|| name.clone());
        let first = self.kinds.values().filter(away).map(|kind| kind.last_record).min().unwrap_or(0);
        let new = self.kinds.iter().filter(|(_, kind)| kind.first_ns > since_ns);
        Some(Missing {
            kinds: self.kinds.iter().filter_map(names).collect(),
            since_ns,
            records: self.records.saturating_sub(first),
            new: new.map(|(name, _)| name.clone()).collect(),
        })
    }

    /// They were named.
    pub(super) fn named(&mut self, names: &[String]) {
        for name in names {
            if let Some(kind) = self.kinds.get_mut(name) {
                kind.missed = true;
            }
        }
    }

    /// Kinds that were named and have not come since.
    pub(super) fn still_missing(&self) -> impl Iterator<Item = &str> {
        self.kinds.iter().filter(|(_, kind)| kind.missed).map(|(name, _)| name.as_str())
    }

    /// All that are known.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.kinds.keys().map(String::as_str)
    }

    pub(super) fn len(&self) -> usize {
        self.kinds.len()
    }
}

impl Kind {
    fn came(&mut self, at_ns: i64, before: u64, records: u64) {
        // What was named is not learnt.
        if !std::mem::take(&mut self.missed) {
            self.pauses_ns.note(at_ns, at_ns.saturating_sub(self.last_ns).max(0) as f64);
            self.pauses.note(at_ns, before.saturating_sub(self.last_record) as f64);
        }
        (self.last_ns, self.last_record) = (at_ns, records);
        self.times = self.times.saturating_add(1);
    }

    fn is_away(&self, now_ns: i64, records: u64, settings: &Settings) -> bool {
        let passed = now_ns.saturating_sub(self.last_ns).max(0);
        self.times >= ENOUGH
            && self.last_ns.saturating_sub(self.first_ns) >= settings.learn_ns
            && passed >= settings.least_ns
            && passed as f64 > 1.5 * self.pauses_ns.max()
            && records.saturating_sub(self.last_record) as f64 > 2.0 * self.pauses.max() + 10.0
    }
}
