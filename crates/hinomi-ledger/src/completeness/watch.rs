//! The completeness of a ledger's sources as a function of its leaves, and what of it is not written down yet.
//!
//! Whatever is committed is fed in the order of the log: blocks with the arrivals of their records, ticks of the clock,
//! statements about sources, erasures. Findings get numbers in the order in which they are found; a finding is
//! outstanding until a record with its number is in the log.
//!
//! # Invariants
//! - The same leaves give the same state and the same findings under the same numbers, however often the process died in
//!   between. So a finding that was found and not written is found again, and one that was written is not written twice.
//! - Sources cannot make more than [`FINDINGS_PER_DAY`] findings a day each.

use std::collections::{BTreeMap, VecDeque};

use hinomi_model::{NANOS_PER_SECOND, Timestamp};
use serde::{Deserialize, Serialize};

use super::arrivals::Arrivals;
use super::{
    CLOCK_SOURCE, COMPLETENESS_SOURCE, Completeness, Day, FINDING_VERSION, Finding, STATE_SOURCE, What,
};
use crate::health::HEALTH_SOURCE;
use crate::leaf::{Leaf, Scope};
use crate::policy::{Declared, PolicyChange, Recorded};
use crate::records::Record;

/// Time between two ticks of the clock that are written down.
pub const CLOCK_EVERY_NS: i64 = 60 * NANOS_PER_SECOND;
/// Findings about one source on one day; the last of them says that there were more.
pub const FINDINGS_PER_DAY: u32 = 1000;

/// How many findings a source has had on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Quota {
    day: Day,
    found: u32,
}

/// Completeness as of a leaf.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    tracker: Completeness,
    declared: BTreeMap<String, Declared>,
    quotas: BTreeMap<String, Quota>,
    /// Findings that no record in the log holds yet, in order.
    outstanding: VecDeque<Finding>,
    /// Number of the next finding.
    next: u64,
    /// Leaf of the last block of findings.
    written: Option<u64>,
    /// Leaf of the last block about the health of sources.
    #[serde(default)]
    health: Option<u64>,
    /// Leaves before the newest state that is whole in the log.
    #[serde(skip)]
    kept: u64,
}

impl Watch {
    /// What the sources kept and owe.
    pub fn tracker(&self) -> &Completeness {
        &self.tracker
    }

    /// What is stated about sources.
    pub fn declared(&self) -> &BTreeMap<String, Declared> {
        &self.declared
    }

    /// Findings that are not in the log yet, with their numbers.
    pub fn outstanding(&self) -> impl Iterator<Item = (u64, &Finding)> {
        let first = self.next.saturating_sub(self.outstanding.len() as u64);
        (first..).zip(&self.outstanding)
    }

    /// Leaf of the last block of findings in the log.
    pub fn written(&self) -> Option<u64> {
        self.written
    }

    /// Leaf of the last block of [`HEALTH_SOURCE`] in the log, if this program saw it.
    pub fn health(&self) -> Option<u64> {
        self.health
    }

    /// Leaves before the newest state that is whole in the log.
    pub(crate) fn kept(&self) -> u64 {
        self.kept
    }

    /// It was read from a state of that many leaves.
    pub(crate) fn restored(&mut self, leaves: u64) {
        self.kept = leaves;
    }

    /// The next leaf of the log and its index, with the records of a block unless they cannot be read any more.
    pub fn feed(&mut self, index: u64, leaf: &Leaf, records: Option<&[Record]>) {
        match (leaf, records) {
            (Leaf::Block(block), Some(records)) => self.block(index, &block.scope, &Arrivals::of(records)),
            (Leaf::Block(block), None) => {
                self.unreadable(&block.scope, block.first_ns, block.last_ns, u64::from(block.count));
            }
            (leaf, _) => self.leaf(leaf),
        }
    }

    /// A block was committed, with this leaf.
    pub(crate) fn block(&mut self, index: u64, scope: &Scope, arrivals: &Arrivals) {
        let mut found = Vec::new();
        match scope.source.as_str() {
            CLOCK_SOURCE => {
                for run in arrivals.runs() {
                    match run.numbers {
                        Some((0, _)) => self.tracker.opened(run.at, CLOCK_EVERY_NS, &mut found),
                        _ => self.tracker.tick(run.at, CLOCK_EVERY_NS, &mut found),
                    }
                }
            }
            COMPLETENESS_SOURCE => {
                self.written = Some(index);
                let last = arrivals.runs().iter().filter_map(|run| run.numbers).map(|(_, last)| last).max();
                while self.outstanding().next().is_some_and(|(number, _)| Some(number) <= last) {
                    self.outstanding.pop_front();
                }
                // Another version of this program may have found more: no number is given twice.
                if self.outstanding.is_empty() {
                    self.next = self.next.max(last.map_or(0, |last| last.saturating_add(1)));
                }
            }
            STATE_SOURCE => {
                let whole = arrivals.runs().iter().filter_map(|run| run.numbers).map(|(_, size)| size).max();
                self.kept = self.kept.max(whole.unwrap_or(0));
            }
            HEALTH_SOURCE => self.health = Some(index),
            source if super::is_built_in(source) => {}
            source => self.tracker.observe_runs(source, arrivals.runs(), &mut found),
        }
        found.into_iter().for_each(|finding| self.found(finding));
    }

    /// A block is in the log whose records cannot be read any more.
    fn unreadable(&mut self, scope: &Scope, first_ns: u64, last_ns: u64, records: u64) {
        let time = |ns| Timestamp::from_nanos(i64::try_from(ns).unwrap_or(i64::MAX));
        let mut found = Vec::new();
        if !super::is_built_in(&scope.source) {
            self.tracker.unreadable(&scope.source, (time(first_ns), time(last_ns)), records, &mut found);
        }
        found.into_iter().for_each(|finding| self.found(finding));
    }

    /// A leaf that is no block was committed.
    pub(crate) fn leaf(&mut self, leaf: &Leaf) {
        match leaf {
            Leaf::Tombstone(tombstone) => {
                let day = Day(i32::try_from(tombstone.scope.day).unwrap_or(i32::MAX));
                self.tracker.erased(&tombstone.scope.source, day);
            }
            Leaf::Policy(policy) => {
                // What is no policy is found by verification; here it changes nothing.
                if let Ok(Recorded { at, change: PolicyChange::Source { source, declared } }) =
                    Recorded::read(policy)
                {
                    self.tracker.expect(
                        &source,
                        declared.as_ref().map(|d| d.promise).unwrap_or_default(),
                        at,
                    );
                    match declared {
                        Some(declared) => self.declared.insert(source, declared),
                        None => self.declared.remove(&source),
                    };
                }
            }
            _ => {}
        }
    }

    fn found(&mut self, mut finding: Finding) {
        let day = Day::of(finding.found);
        let quota = self.quotas.entry(finding.source.clone()).or_insert(Quota { day, found: 0 });
        if quota.day != day {
            *quota = Quota { day, found: 0 };
        }
        quota.found = quota.found.saturating_add(1);
        if quota.found > FINDINGS_PER_DAY {
            return;
        }
        if quota.found == FINDINGS_PER_DAY {
            finding = Finding { schema_version: FINDING_VERSION, what: What::Abridged, ..finding };
        }
        self.outstanding.push_back(finding);
        self.next += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(source: &str) -> Scope {
        Scope { source: source.to_owned(), class: "c".to_owned(), day: 0 }
    }

    fn block(watch: &mut Watch, source: &str, records: &[(i64, Option<u64>)]) {
        let records: Vec<Record> = records
            .iter()
            .map(|(seconds, sequence)| Record {
                received_ns: (seconds * NANOS_PER_SECOND) as u64,
                sequence: *sequence,
                bytes: Vec::new(),
            })
            .collect();
        watch.block(0, &scope(source), &Arrivals::of(&records));
    }

    fn outstanding(watch: &Watch) -> Vec<(u64, &str, &What)> {
        watch.outstanding().map(|(number, f)| (number, f.source.as_str(), &f.what)).collect()
    }

    #[test]
    fn findings_are_outstanding_until_they_are_in_the_log() {
        let mut watch = Watch::default();
        block(&mut watch, CLOCK_SOURCE, &[(0, Some(0))]);
        block(&mut watch, "fw", &[(1, Some(7)), (2, Some(9))]);
        block(&mut watch, "vpn", &[(3, None)]);
        assert_eq!(outstanding(&watch), [(0, "fw", &What::Appeared), (1, "vpn", &What::Appeared)]);
        block(&mut watch, COMPLETENESS_SOURCE, &[(4, Some(0))]);
        assert_eq!(outstanding(&watch), [(1, "vpn", &What::Appeared)]);
        block(&mut watch, CLOCK_SOURCE, &[(70, Some(1))]);
        let time = |s| Timestamp::from_nanos(s * NANOS_PER_SECOND);
        let gap = What::Gap { first: 8, last: 8, missing: 1, after: time(1), before: time(2) };
        assert_eq!(outstanding(&watch)[1..], [(2, "fw", &gap)]);
        block(&mut watch, COMPLETENESS_SOURCE, &[(71, Some(1)), (71, Some(2))]);
        assert_eq!(outstanding(&watch), []);
        assert_eq!(watch.next, 3);
    }

    #[test]
    fn a_pause_of_the_ledger_is_no_step_of_the_clock() {
        let mut watch = Watch::default();
        for (seconds, number) in [(0, 0), (60, 1), (100, 0), (9_000, 0), (9_060, 1), (20_000, 2), (15_000, 3)]
        {
            block(&mut watch, CLOCK_SOURCE, &[(seconds, Some(number))]);
        }
        let time = |s| Timestamp::from_nanos(s * NANOS_PER_SECOND);
        let paused = What::NotRunning { from: time(100), to: time(9_000) };
        let ahead = What::ClockStep { from: time(9_060), to: time(20_000) };
        let back = What::ClockStep { from: time(20_000), to: time(15_000) };
        let expected = [(0, CLOCK_SOURCE, &paused), (1, CLOCK_SOURCE, &ahead), (2, CLOCK_SOURCE, &back)];
        assert_eq!(outstanding(&watch), expected);
    }

    #[test]
    fn a_hostile_source_cannot_fill_the_log_with_findings() {
        let mut watch = Watch::default();
        // Every record has a number that nobody gave out.
        let wild = |day: i64, n: u64| (day * 86_400 + 5, Some(n.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        block(&mut watch, "fw", &(0..20_000).map(|n| wild(0, n)).collect::<Vec<_>>());
        assert_eq!(watch.next, u64::from(FINDINGS_PER_DAY));
        assert_eq!(outstanding(&watch).last().unwrap().2, &What::Abridged);
        block(&mut watch, "vpn", &[(6, None)]);
        assert_eq!(watch.next, u64::from(FINDINGS_PER_DAY) + 1, "other sources are heard");
        block(&mut watch, "fw", &(0..20_000).map(|n| wild(1, n)).collect::<Vec<_>>());
        assert_eq!(watch.next, 2 * u64::from(FINDINGS_PER_DAY) + 1);
    }

    #[test]
    fn a_state_that_is_written_and_read_goes_on_the_same() {
        let mut watch = Watch::default();
        for n in 0..400_u64 {
            let number = (n % 7 != 3).then_some(n * 5_000_000_000_000 * (n % 5) + n);
            block(&mut watch, ["fw", "vpn", "\u{202e}\"\\\n"][n as usize % 3], &[(n as i64 * 400, number)]);
            if n % 3 == 0 {
                block(&mut watch, CLOCK_SOURCE, &[(n as i64 * 400, Some(n))]);
            }
            let mut read: Watch = serde_json::from_slice(&serde_json::to_vec(&watch).unwrap()).unwrap();
            assert_eq!(read, watch);
            block(&mut read, "fw", &[(n as i64 * 400 + 1, Some(u64::MAX))]);
            if n % 50 == 0 {
                block(&mut watch, "fw", &[(n as i64 * 400 + 1, Some(u64::MAX))]);
                assert_eq!(read, watch);
            }
        }
    }
}
