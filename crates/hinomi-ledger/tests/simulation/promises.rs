//! What the ledger has promised, and whether it still holds.

use std::collections::BTreeMap;
use std::path::Path;

use hinomi_ledger::checkpoint::Checkpoint;
use hinomi_ledger::note::Note;
use hinomi_ledger::{BlockId, Leaf, Located, Reader, Record};
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
        for (size, root) in &self.shown {
            let Some(prefix) = leaves.get(..*size as usize) else {
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

impl Promises {
    /// Whether every record that is in the ledger is, byte for byte, the one that was handed in, and every acknowledged
    /// one is there.
    pub fn check_records(&self, reader: &Reader) -> Result<(), String> {
        let mut blocks = BTreeMap::new();
        for block in reader.blocks(0, reader.size()) {
            let block = block.map_err(|e| format!("reading a block: {e}"))?;
            blocks.insert(block.block.block, block.records);
        }
        let all: usize = blocks.values().map(Vec::len).sum();
        let mut read = blocks.values().flatten().filter(|record| self.refused.contains(record)).count();
        for given in &self.given {
            let mut expected = given.records.iter();
            for (id, first, count) in &given.parts {
                let expected: Vec<&Record> = expected.by_ref().take(*count as usize).collect();
                let range = *first as usize..(first + count) as usize;
                match blocks.get(id).and_then(|records| records.get(range)) {
                    Some(found) if found.iter().eq(expected.iter().copied()) => read += found.len(),
                    None if !given.durable => {}
                    None => return Err(format!("acknowledged records of {} cannot be read", given.source)),
                    Some(_) => return Err(format!("records of {} were changed", given.source)),
                }
            }
        }
        if read == all { Ok(()) } else { Err(format!("{all} records, of which {read} were ever handed in")) }
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
    if naive_root(&leaves) != *shown.root.as_bytes() {
        return Err("the shown checkpoint is not that of the shown leaves".to_owned());
    }
    Ok(leaves)
}

/// RFC 6962, section 2.1, word for word.
fn naive_root(leaves: &[Vec<u8>]) -> [u8; 32] {
    match leaves {
        [] => Sha256::digest([]).into(),
        [leaf] => Sha256::new().chain_update([0]).chain_update(leaf).finalize().into(),
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
