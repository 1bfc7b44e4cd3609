//! Which blocks say when a log that was emptied or stopped was written before and again.
//!
//! # Invariants
//! Of each detection that says so, the block before and some after in the same source of the ledger are read: the next
//! [`NEAR`], then one for each minute of receipt, [`MOST_AFTER`] at most. One look walks [`STRIDE`] leaves for each at most.

use std::collections::{BTreeMap, BTreeSet};

use hinomi_detect::story::{Shown, StoryTable};
use hinomi_ledger::{Leaf, LedgerError, Reader};

use super::known::Detected;
use super::linked::leaf_of;
use super::told::tags;
use crate::live::LiveDetection;
use crate::pages::rulebook::Rules;

/// Leaves walked for one detection in one look, and looked back at.
const STRIDE: u64 = 4_096;
/// Blocks after the cited one that are read whenever they came, and in all.
const NEAR: usize = 4;
const MOST_AFTER: usize = 32;
/// Detections that are followed, the newest.
const MOST: usize = 32;
const MINUTE_NS: u64 = 60_000_000_000;

/// Where each detection is followed to.
#[derive(Debug, Default)]
pub(super) struct Followed {
    by_id: BTreeMap<String, Follow>,
}

/// How far one was followed.
#[derive(Debug)]
struct Follow {
    source: String,
    /// First leaf that was not looked at.
    position: u64,
    read: usize,
    /// When the block was received that was taken last.
    last_ns: u64,
}

impl Followed {
    /// Blocks to read that were not named before.
    pub(super) fn look(
        &mut self,
        reader: &Reader,
        (detected, rules, table): (&Detected, &Rules, &StoryTable),
    ) -> Result<BTreeSet<u64>, LedgerError> {
        let mut wanted = BTreeSet::new();
        for detection in detected.all().rev().filter(|one| says_lost(one, rules, table)).take(MOST) {
            let cited = detection.evidence.last().and_then(|cited| leaf_of(&cited.reference));
            let Some(leaf) = cited.filter(|leaf| *leaf < reader.size()) else { continue };
            if !self.by_id.contains_key(&detection.id) {
                let Leaf::Block(block) = reader.leaf(leaf)? else { continue };
                let follow = Follow {
                    source: block.scope.source,
                    position: leaf.saturating_add(1),
                    read: 0,
                    last_ns: block.last_ns,
                };
                wanted.extend(follow.before(reader, leaf)?);
                self.by_id.insert(detection.id.clone(), follow);
            }
            if let Some(follow) = self.by_id.get_mut(&detection.id) {
                follow.after(reader, &mut wanted)?;
            }
        }
        Ok(wanted)
    }
}

impl Follow {
    /// The block of the source before a leaf.
    fn before(&self, reader: &Reader, leaf: u64) -> Result<Option<u64>, LedgerError> {
        for leaf in (leaf.saturating_sub(STRIDE)..leaf).rev() {
            if let Leaf::Block(block) = reader.leaf(leaf)?
                && block.scope.source == self.source
            {
                return Ok(Some(leaf));
            }
        }
        Ok(None)
    }

    fn after(&mut self, reader: &Reader, wanted: &mut BTreeSet<u64>) -> Result<(), LedgerError> {
        let end = reader.size().min(self.position.saturating_add(STRIDE));
        while self.position < end && self.read < MOST_AFTER {
            if let Leaf::Block(block) = reader.leaf(self.position)?
                && block.scope.source == self.source
                && (self.read < NEAR || block.last_ns.saturating_sub(self.last_ns) >= MINUTE_NS)
            {
                wanted.insert(self.position);
                self.read += 1;
                self.last_ns = block.last_ns;
            }
            self.position += 1;
        }
        Ok(())
    }
}

fn says_lost(detection: &LiveDetection, rules: &Rules, table: &StoryTable) -> bool {
    let tags = tags(detection, rules.all.get(&detection.rule_id));
    let shown = Shown { rule: &detection.rule_id, level: detection.level, tags: &tags };
    table.lost(shown, |field| detection.fields.get(field).map(String::as_str)).is_some()
}
