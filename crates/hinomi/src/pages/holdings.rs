//! What the leaves of a ledger hold by day, and by hour of the last week, counted as they come.
//!
//! # Invariants
//! A leaf is counted once. One look lasts half a second at most; until all leaves were counted, sums are unknown.

use std::collections::BTreeMap;

use hinomi_ledger::completeness::{Day, is_built_in};
use hinomi_ledger::policy::InForce;
use hinomi_ledger::{Block, Leaf, Reader};
use hinomi_model::Timestamp;

use super::Refused;
use crate::clock;

/// Time that one look may take.
const LOOK_NS: i64 = 500_000_000;
/// Leaves between two looks at the clock.
const STRIDE: u64 = 256;
const HOUR_NS: u64 = 3_600_000_000_000;
/// Hours that are kept of each source, and how many more are kept before the old ones go.
pub(super) const HOURS: u64 = 168;
const SPARE: usize = 24;
/// Sources of which hours are kept.
const MOST_SOURCES: usize = 16_384;

/// One day of receipt.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct DaySum {
    pub(super) records: u64,
    pub(super) bytes: u64,
    pub(super) erased_blocks: u64,
}

/// What was counted.
#[derive(Debug, Default)]
pub(super) struct Holdings {
    position: u64,
    whole: bool,
    days: BTreeMap<u32, DaySum>,
    /// Blocks of each erasure unit, so that a tombstone says how many it erased.
    blocks: BTreeMap<[u8; 16], (u32, u64)>,
    hours: BTreeMap<String, BTreeMap<u64, u64>>,
    /// When the last record came.
    last_ns: Option<u64>,
    in_force: Option<InForce>,
}

impl Holdings {
    /// Counts on.
    pub(super) fn advance(&mut self, reader: &Reader) -> Result<(), Refused> {
        let begun = clock::now().as_nanos();
        let size = reader.size();
        let mut policies = self.in_force.is_none();
        while self.position < size {
            let leaf = reader.leaf(self.position)?;
            policies |= matches!(leaf, Leaf::Policy(_));
            self.count(&leaf);
            self.position += 1;
            if self.position.is_multiple_of(STRIDE) && clock::now().as_nanos() - begun > LOOK_NS {
                break;
            }
        }
        self.whole = self.position >= size;
        if policies {
            self.in_force = Some(reader.in_force()?);
        }
        Ok(())
    }

    fn count(&mut self, leaf: &Leaf) {
        match leaf {
            Leaf::Block(block) => self.block(block),
            Leaf::Tombstone(tombstone) => {
                if let Some((day, blocks)) = self.blocks.remove(&tombstone.key.0) {
                    self.days.entry(day).or_default().erased_blocks += blocks;
                }
            }
            _ => {}
        }
    }

    fn block(&mut self, block: &Block) {
        let day = self.days.entry(block.scope.day).or_default();
        day.records += u64::from(block.count);
        day.bytes += block.bytes;
        let unit = self.blocks.entry(block.key.0).or_insert((block.scope.day, 0));
        unit.1 += 1;
        if is_built_in(&block.scope.source) {
            return;
        }
        self.last_ns = self.last_ns.max(Some(block.last_ns));
        let (known, source) = (self.hours.len(), &block.scope.source);
        if known >= MOST_SOURCES && !self.hours.contains_key(source) {
            return;
        }
        let hours = self.hours.entry(source.clone()).or_default();
        *hours.entry(block.last_ns / HOUR_NS).or_default() += u64::from(block.count);
        while hours.len() > HOURS as usize + SPARE {
            hours.pop_first();
        }
    }

    /// Sums by day, oldest first.
    pub(super) fn days(&self) -> impl Iterator<Item = (Day, DaySum)> {
        self.days.iter().map(|(day, sum)| (Day(i32::try_from(*day).unwrap_or(i32::MAX)), *sum))
    }

    /// Records and bytes, once all leaves were counted.
    pub(super) fn sums(&self) -> Option<(u64, u64)> {
        let sum = |of: fn(&DaySum) -> u64| self.days.values().map(of).fold(0, u64::saturating_add);
        self.whole.then(|| (sum(|day| day.records), sum(|day| day.bytes)))
    }

    /// When the last record came that is not the ledger's own, once all leaves were counted.
    pub(super) fn last_received(&self) -> Option<Timestamp> {
        let last = self.last_ns.filter(|_| self.whole)?;
        Some(Timestamp::from_nanos(i64::try_from(last).unwrap_or(i64::MAX)))
    }

    /// Whether all leaves were counted.
    pub(super) fn is_whole(&self) -> bool {
        self.whole
    }

    /// What is in force, once it was looked at.
    pub(super) fn in_force(&self) -> Option<&InForce> {
        self.in_force.as_ref()
    }

    /// Records of a source in each of the last hours, by when the hour began, in nanoseconds; `None` until all were counted.
    pub(super) fn hours(&self, source: &str, now: Timestamp) -> Option<Vec<(u64, u64)>> {
        if !self.whole {
            return None;
        }
        let now = u64::try_from(now.as_nanos()).unwrap_or(0) / HOUR_NS;
        let known = self.hours.get(source);
        let records = |hour| known.and_then(|hours| hours.get(&hour)).copied().unwrap_or(0);
        let hours = now.saturating_sub(HOURS - 1)..=now;
        Some(hours.map(|hour| (hour * HOUR_NS, records(hour))).collect())
    }
}
