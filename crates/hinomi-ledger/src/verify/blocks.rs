//! Blocks whose frames are met in a file: all of them, in order, with the records that their leaves promise.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::files::Files;
use super::log::{Log, block_at};
use super::{Context, Finding, date, in_parallel};
use crate::LedgerError;
use crate::data_key::DataKey;
use crate::frame::Frame;
use crate::leaf::{Block, BlockId, DataKeyId};
use crate::seal::{Part, RecordsHeader, unpack};
use crate::tlog::{Frontier, Hash};

/// Frames opened at once.
const BATCH: usize = 8;
const BATCH_BYTES: u64 = 16 << 20;

/// A block whose frames are being met.
pub(crate) struct Expected {
    block: Block,
    met: u32,
    tree: Frontier,
    times: (u64, u64),
    bytes: u64,
    opened: bool,
    wrong: bool,
}

impl Expected {
    pub(crate) fn new(block: Block) -> Self {
        Self {
            block,
            met: 0,
            tree: Frontier::default(),
            times: (u64::MAX, 0),
            bytes: 0,
            opened: true,
            wrong: false,
        }
    }

    pub(crate) fn finding(&self, leaf: u64, path: Option<PathBuf>, what: &str) -> Finding {
        let Block { scope, first_ns, last_ns, count, .. } = &self.block;
        let what = format!(
            "{what}: {count} records of {} received from {} to {}",
            scope.source,
            date(*first_ns),
            date(*last_ns)
        );
        Finding {
            path,
            offset: None,
            leaf: Some(leaf),
            concerns: Some((scope.source.clone(), *first_ns, *last_ns)),
            what,
        }
    }
}

/// The blocks of one file.
pub(crate) struct Expectations {
    pub(crate) blocks: BTreeMap<u64, Expected>,
    pub(crate) leaf_of: BTreeMap<BlockId, u64>,
    path: PathBuf,
}

impl Expectations {
    pub(crate) fn new(
        context: &mut Context<'_>,
        files: &Files,
        path: &Path,
        (first, end): (u64, u64),
    ) -> Self {
        let mut out = Self { blocks: BTreeMap::new(), leaf_of: BTreeMap::new(), path: path.to_owned() };
        for leaf in first..end {
            // Leaves that cannot be read have been reported.
            let Ok(Some(block)) = block_at(context, files, leaf) else { continue };
            if out.leaf_of.insert(block.block, leaf).is_some() {
                context.find_leaf(leaf, "two blocks have the same number");
            }
            out.blocks.insert(leaf, Expected::new(block));
        }
        out
    }

    /// Whether a frame fits; opens nothing.
    pub(crate) fn meet(&mut self, context: &mut Context<'_>, offset: u64, header: &RecordsHeader) -> bool {
        let mut wanted = false;
        for part in &header.parts {
            let Some((leaf, expected)) =
                self.leaf_of.get(&part.block).and_then(|l| Some((*l, self.blocks.get_mut(l)?)))
            else {
                context.find_in(self.path.clone(), Some(offset), "a frame holds records of no leaf");
                continue;
            };
            if expected.block.key != header.key || expected.met != part.first {
                expected.wrong = true;
                context.find_in(self.path.clone(), Some(offset), "a frame does not continue its block");
            }
            expected.met = expected.met.saturating_add(part.count);
            let in_range = context.options.leaves.as_ref().is_none_or(|range| range.contains(&leaf));
            wanted |= in_range;
        }
        wanted
    }

    fn add(&mut self, part: &Part, opened: &OpenedPart) {
        let Some(expected) = self.leaf_of.get(&part.block).and_then(|leaf| self.blocks.get_mut(leaf)) else {
            return;
        };
        opened.hashes.iter().for_each(|hash| expected.tree.push(*hash));
        expected.times = (expected.times.0.min(opened.times.0), expected.times.1.max(opened.times.1));
        expected.bytes += opened.bytes;
    }

    fn unopened(&mut self, header: &RecordsHeader) {
        for part in &header.parts {
            if let Some(expected) = self.leaf_of.get(&part.block).and_then(|leaf| self.blocks.get_mut(leaf)) {
                expected.opened = false;
            }
        }
    }

    pub(crate) fn finish(self, context: &mut Context<'_>, log: &Log, seen: &mut BTreeSet<u64>) {
        for (leaf, expected) in &self.blocks {
            let erased = log.keys.get(&expected.block.key).is_some_and(|k| k.tombstone.is_some());
            let path = Some(self.path.clone());
            if expected.met != expected.block.count {
                let what = format!(
                    "{} of its records are missing",
                    expected.block.count.saturating_sub(expected.met)
                );
                context.find(expected.finding(*leaf, path, &what));
            } else if expected.wrong {
                context.find(expected.finding(*leaf, path, "its frames are out of order"));
            } else if expected.opened {
                let same = expected.tree.root().as_bytes() == &expected.block.root
                    && expected.times == (expected.block.first_ns, expected.block.last_ns)
                    && expected.bytes == expected.block.bytes;
                if !same {
                    context.find(expected.finding(*leaf, path, "its records were changed"));
                } else if seen.insert(*leaf) {
                    context.out.blocks += 1;
                    context.out.records += u64::from(expected.block.count);
                    context.out.bytes += expected.block.bytes;
                }
            } else if erased {
                context.out.erased_blocks += u64::from(seen.insert(*leaf));
            } else {
                context.out.unopened_blocks += u64::from(seen.insert(*leaf));
            }
        }
    }
}

struct OpenedPart {
    hashes: Vec<Hash>,
    times: (u64, u64),
    bytes: u64,
}

/// Frames that wait to be opened together.
#[derive(Default)]
pub(crate) struct Batch {
    frames: Vec<(u64, RecordsHeader, Frame, Arc<DataKey>)>,
    bytes: u64,
}

impl Batch {
    pub(crate) fn run(&mut self, context: &mut Context<'_>, expectations: &mut Expectations) {
        let frames = std::mem::take(&mut self.frames);
        self.bytes = 0;
        let opened = in_parallel(context.options.threads, &frames, |(_, header, frame, secret)| {
            open_parts(header, frame, secret)
        });
        for ((offset, header, _, _), parts) in frames.iter().zip(opened) {
            match parts {
                Ok(parts) => {
                    header.parts.iter().zip(&parts).for_each(|(part, opened)| expectations.add(part, opened));
                }
                Err(error) => context.find_in(expectations.path.clone(), Some(*offset), error.to_string()),
            }
        }
    }
}

fn open_parts(
    header: &RecordsHeader,
    frame: &Frame,
    secret: &DataKey,
) -> Result<Vec<OpenedPart>, LedgerError> {
    let records = unpack(secret, header, frame)?;
    let mut rest = records.as_slice();
    let mut out = Vec::new();
    for part in &header.parts {
        let (of_part, after) = rest.split_at_checked(part.count as usize).unwrap_or((rest, &[]));
        rest = after;
        out.push(OpenedPart {
            hashes: secret.record_hashes(part.block, part.first, of_part),
            times: (
                of_part.iter().map(|r| r.received_ns).min().unwrap_or(u64::MAX),
                of_part.iter().map(|r| r.received_ns).max().unwrap_or(0),
            ),
            bytes: of_part.iter().map(|r| r.bytes.len() as u64).sum(),
        });
    }
    Ok(out)
}

/// Takes in one frame of records.
pub(crate) fn take_frame(
    context: &mut Context<'_>,
    expectations: &mut Expectations,
    batch: &mut Batch,
    offset: u64,
    frame: Frame,
) {
    let header = match RecordsHeader::decode(frame.header()) {
        Ok(header) => header,
        Err(error) => return context.find_in(expectations.path.clone(), Some(offset), error.to_string()),
    };
    let wanted = expectations.meet(context, offset, &header);
    match key_of(context, header.key).filter(|_| wanted) {
        Some(secret) => {
            batch.bytes += u64::from(header.plain_len);
            batch.frames.push((offset, header, frame, secret));
            if batch.frames.len() >= BATCH && batch.bytes >= BATCH_BYTES || batch.frames.len() >= 64 * BATCH {
                batch.run(context, expectations);
            }
        }
        None => expectations.unopened(&header),
    }
}

/// A key, if the ring has it and it opens; why not has been reported.
fn key_of(context: &mut Context<'_>, key: DataKeyId) -> Option<Arc<DataKey>> {
    context.ring.as_mut().and_then(|ring| ring.data_key(key).ok().flatten())
}
