//! What the ledger has promised, and whether it still holds.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use hinomi_ledger::checkpoint::Checkpoint;
use hinomi_ledger::completeness::is_built_in;
use hinomi_ledger::note::Note;
use hinomi_ledger::{BlockId, DataKeyId, Leaf, LedgerError, Located, Reader, Record};
use hinomi_model::Disk;
use sha2::{Digest as _, Sha256};

/// Records that were handed in.
#[derive(Clone, Debug)]
pub struct Given {
    pub source: String,
    pub records: Vec<Record>,
    pub parts: Vec<(BlockId, u32, u32)>,
    /// The ledger said that they are durable.
    pub durable: bool,
    /// Where the ledger said that they are.
    pub located: Option<Vec<Located>>,
}

/// Everything that was promised so far.
#[derive(Default, Debug)]
pub struct Promises {
    pub given: Vec<Given>,
    /// Records that were handed in and refused.
    pub refused: Vec<Record>,
    /// Keys that the ledger said are destroyed.
    pub erased: BTreeSet<DataKeyId>,
    /// Keys whose destruction began; nobody said that it ended.
    pub dying: BTreeSet<DataKeyId>,
    /// Root of every checkpoint that was shown, by size.
    pub shown: BTreeMap<u64, [u8; 32]>,
}

impl Promises {
    /// Somebody saw a checkpoint.
    pub fn saw(&mut self, note: &[u8]) -> Result<(), String> {
        let note = Note::parse(note).map_err(|e| format!("a shown checkpoint is no note: {e}"))?;
        let shown: Checkpoint =
            note.unverified_text().parse().map_err(|e| format!("a shown note is no checkpoint: {e}"))?;
        let root = *shown.root.as_bytes();
        match self.shown.insert(shown.size, root) {
            Some(before) if before != root => Err(format!("two checkpoints of size {} differ", shown.size)),
            _ => Ok(()),
        }
    }

    /// Whether the published log keeps every promise about leaves.
    pub fn check_log(&self, leaves: &[Vec<u8>]) -> Result<(), String> {
        let hashes = leaf_hashes(leaves);
        for (size, root) in &self.shown {
            let Some(prefix) = hashes.get(..*size as usize) else {
                return Err(format!(
                    "a checkpoint of {size} leaves was shown, now there are {}",
                    leaves.len()
                ));
            };
            if naive_root(prefix) != *root {
                return Err(format!(
                    "the checkpoint of {size} leaves that was shown is not a prefix of the log"
                ));
            }
        }
        let mut blocks = BTreeMap::new();
        for (index, bytes) in leaves.iter().enumerate() {
            let leaf = Leaf::decode(bytes).map_err(|e| format!("leaf {index}: {e}"))?;
            if let Leaf::Block(block) = leaf
                && blocks.insert(block.block, (index as u64, block)).is_some()
            {
                return Err(format!("leaf {index} commits to a block a second time"));
            }
        }
        for given in self.given.iter().filter(|given| given.durable) {
            for (at, (id, first, count)) in given.parts.iter().enumerate() {
                let Some((leaf, block)) = blocks.get(id) else {
                    return Err(format!("acknowledged records of {} have no leaf", given.source));
                };
                if block.count < first + count || block.scope.source != given.source {
                    return Err(format!(
                        "leaf {leaf} lacks acknowledged records: {block:?}, {first} + {count}"
                    ));
                }
                let located = given.located.as_ref().map(|places| &places[at]);
                if located
                    .is_some_and(|place| *place != Located { leaf: *leaf, first: *first, count: *count })
                {
                    return Err(format!("records said to be at {located:?} are in leaf {leaf}"));
                }
            }
        }
        Ok(())
    }
}

/// What reading a block gave.
enum Read {
    Records(Vec<Record>),
    Erased,
    /// Not readable, which only a damaged ledger may say.
    Failed(String),
}

impl Promises {
    /// Whether every record that can be read is, byte for byte, the one that was handed in; every acknowledged one can be
    /// read unless it was erased, and what was erased cannot. In a damaged ledger anything may be unreadable, but nothing
    /// may be changed.
    pub fn check_records(&self, reader: &Reader, damaged: bool) -> Result<(), String> {
        let mut blocks = BTreeMap::new();
        for leaf in 0..reader.size() {
            let Ok(Leaf::Block(block)) = reader.leaf(leaf) else { continue };
            if is_built_in(&block.scope.source) && !damaged {
                reader.block(leaf).map_err(|e| format!("reading leaf {leaf}: {e}"))?;
            }
            if is_built_in(&block.scope.source) {
                continue;
            }
            let read = match reader.block(leaf) {
                Ok(Some(read)) => Read::Records(read.records),
                Ok(None) => return Err(format!("leaf {leaf} is a block and is not")),
                Err(LedgerError::Erased { .. }) => Read::Erased,
                Err(error) => Read::Failed(error.to_string()),
            };
            match &read {
                Read::Failed(error) if !damaged => return Err(format!("reading leaf {leaf}: {error}")),
                Read::Records(_) if self.erased.contains(&block.key) => {
                    return Err(format!("leaf {leaf} can be read although its key was destroyed"));
                }
                Read::Erased if !self.erased.contains(&block.key) && !self.dying.contains(&block.key) => {
                    return Err(format!("leaf {leaf} is erased, which nobody ordered"));
                }
                _ => {}
            }
            blocks.insert(block.block, read);
        }
        self.compare(&blocks, damaged)
    }

    fn compare(&self, blocks: &BTreeMap<BlockId, Read>, damaged: bool) -> Result<(), String> {
        let readable = || {
            blocks.values().filter_map(|read| match read {
                Read::Records(records) => Some(records),
                _ => None,
            })
        };
        let all: usize = readable().map(Vec::len).sum();
        let mut known = readable().flatten().filter(|record| self.refused.contains(record)).count();
        for given in &self.given {
            let mut expected = given.records.iter();
            for (id, first, count) in &given.parts {
                let expected: Vec<&Record> = expected.by_ref().take(*count as usize).collect();
                let records = match blocks.get(id) {
                    Some(Read::Records(records)) => records,
                    Some(Read::Erased) => continue,
                    None if !given.durable => continue,
                    Some(Read::Failed(_)) | None if damaged => continue,
                    Some(Read::Failed(_)) | None => {
                        return Err(format!("acknowledged records of {} cannot be read", given.source));
                    }
                };
                match records.get(*first as usize..(first + count) as usize) {
                    Some(found) if found.iter().eq(expected.iter().copied()) => known += found.len(),
                    None if !given.durable => {}
                    _ => return Err(format!("records of {} were changed", given.source)),
                }
            }
        }
        if known == all {
            Ok(())
        } else {
            Err(format!("{all} records, of which {known} were ever handed in"))
        }
    }
}

/// The leaves of a published log, read from its entry bundles (C2SP tlog-tiles) as an outsider would.
pub fn published_leaves(disk: &dyn Disk, log: &Path) -> Result<Vec<Vec<u8>>, String> {
    let read = |path: &Path| disk.read(path, 1 << 26);
    let note = read(&log.join("checkpoint")).map_err(|e| format!("no checkpoint is shown: {e}"))?;
    let note = Note::parse(&note).map_err(|e| format!("the shown checkpoint is no note: {e}"))?;
    let shown: Checkpoint = note.unverified_text().parse().map_err(|e| format!("no checkpoint: {e}"))?;
    let mut leaves = Vec::new();
    while (leaves.len() as u64) < shown.size {
        let bundle = leaves.len() / 256;
        let width = (shown.size - leaves.len() as u64).min(256);
        // The schedules stay below 256,000 leaves, so a name has one part.
        let name = if width == 256 {
            format!("tile/entries/{bundle:03}")
        } else {
            format!("tile/entries/{bundle:03}.p/{width}")
        };
        let bytes = read(&log.join(&name)).map_err(|e| format!("{name} of the shown log: {e}"))?;
        let mut rest = &bytes[..];
        for _ in 0..width {
            let (len, after) = rest.split_first_chunk::<2>().ok_or(format!("{name} is cut short"))?;
            let len = usize::from(u16::from_be_bytes(*len));
            let leaf = after.get(..len).ok_or(format!("{name} is cut short"))?;
            leaves.push(leaf.to_vec());
            rest = &after[len..];
        }
        if !rest.is_empty() {
            return Err(format!("{name} is too long"));
        }
    }
    if naive_root(&leaf_hashes(&leaves)) != *shown.root.as_bytes() {
        return Err("the shown checkpoint is not that of the shown leaves".to_owned());
    }
    Ok(leaves)
}

/// RFC 6962, section 2.1: leaves.
fn leaf_hashes(leaves: &[Vec<u8>]) -> Vec<[u8; 32]> {
    leaves.iter().map(|leaf| Sha256::new().chain_update([0]).chain_update(leaf).finalize().into()).collect()
}

/// RFC 6962, section 2.1, word for word, of leaves that are hashed already.
fn naive_root(leaves: &[[u8; 32]]) -> [u8; 32] {
    match leaves {
        [] => Sha256::digest([]).into(),
        [leaf] => *leaf,
        _ => {
            let mut split = 1;
            while split * 2 < leaves.len() {
                split *= 2;
            }
            let (left, right) = (naive_root(&leaves[..split]), naive_root(&leaves[split..]));
            Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
        }
    }
}
