//! Where to go on: what was saved, and what the ledger has beyond it.
//!
//! # Invariants
//! - Records of a source are numbered without gaps, and the ledger has them in that order. Those behind the saved position
//!   are the bytes that follow it in the current file, so that nothing is read twice, however the server ended.
//! - Without saved positions numbers go on behind the highest that the ledger has; lines may come again then.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use hinomi_ledger::{Block, FileDisk, Leaf, Ledger, LedgerError, Reader, Record};

use super::positions::{Position, Positions};

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Recovered {
    pub(super) sources: BTreeMap<String, Position>,
    /// What a person should know.
    pub(super) remarks: Vec<String>,
    /// Records that the ledger had beyond what was saved.
    pub(super) ahead: u64,
}

/// Goes on from `file` and the ledger, for sources whose names begin with `prefix`.
pub(super) fn recover(ledger: &Ledger, file: &Path, prefix: &str) -> Result<Recovered, LedgerError> {
    let mut found = Recovered::default();
    let saved = Positions::load(file).unwrap_or_else(|error| {
        found.remarks.push(format!("{}: {error}", file.display()));
        None
    });
    let is_new = saved.is_none();
    let Positions { leaf, sources, .. } = saved.unwrap_or_default();
    found.sources = sources;
    let size = ledger.checkpoint().0;
    if leaf > size {
        found.remarks.push("the ledger is older than the saved positions".to_owned());
    }
    let reader = Reader::open(Arc::new(FileDisk), ledger.places().clone(), true)?;
    let mut lost = BTreeMap::new();
    for leaf in blocks(&reader, leaf, prefix)? {
        match reader.block(leaf) {
            Ok(Some(block)) => found.take(&block.block.scope.source, &block.records, &mut lost),
            Ok(None) => {}
            // Erased, or damaged: what it held is not known, and what comes again is kept again.
            Err(error) => found.remarks.push(format!("leaf {leaf}: {error}")),
        }
    }
    for (source, next) in lost {
        if !is_new {
            found.remarks.push(format!("{source}: its lines are not numbered as they were saved"));
        }
        found.sources.entry(source).or_default().next = next;
    }
    if is_new && !found.sources.is_empty() {
        found.remarks.push("the positions are gone; lines may be kept twice".to_owned());
    }
    Ok(found)
}

/// The leaves from `from` on that hold records of sources with this prefix.
fn blocks(reader: &Reader, from: u64, prefix: &str) -> Result<Vec<u64>, LedgerError> {
    let mut leaves = Vec::new();
    if from == 0 {
        // All of them: those that count are proven when they are read.
        for block in reader.block_leaves() {
            let (leaf, block) = block?;
            leaves.extend(block.scope.source.starts_with(prefix).then_some(leaf));
        }
        return Ok(leaves);
    }
    for leaf in from..reader.size() {
        let is_ours = |block: &Block| block.scope.source.starts_with(prefix);
        leaves.extend(matches!(&reader.leaf(leaf)?, Leaf::Block(block) if is_ours(block)).then_some(leaf));
    }
    Ok(leaves)
}

impl Recovered {
    /// Takes records that were not saved into the position of their source. `lost`: sources whose numbers do not
    /// continue, with the number behind their highest.
    fn take(&mut self, source: &str, records: &[Record], lost: &mut BTreeMap<String, u64>) {
        for record in records {
            let Some(number) = record.sequence else { continue };
            let known = self.sources.get_mut(source).filter(|known| number <= known.next);
            let Some(known) = known.filter(|_| !lost.contains_key(source)) else {
                let next = lost.entry(source.to_owned()).or_default();
                *next = (*next).max(number.saturating_add(1));
                continue;
            };
            if number == known.next {
                known.next += 1;
                self.ahead += 1;
                let current = known.current.and_then(|at| known.files.get_mut(at));
                if let Some(trail) = current {
                    trail.catch_up(&record.bytes);
                }
            }
        }
    }
}
