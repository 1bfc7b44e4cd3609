//! Putting blocks together again from frames, to compare them with the leaves that were signed.

use std::collections::BTreeMap;

use crate::error::LedgerError;
use crate::frame::Frame;
use crate::leaf::{Block, BlockId, DataKeyId};
use crate::seal::{RecordsHeader, unpack};
use crate::tlog::Frontier;

use super::keys::KeyStore;

/// Blocks that may be unfinished at once: more than any ledger opens between two ticks.
const MAX_OPEN_BLOCKS: usize = 1 << 20;

/// A block in the making.
#[derive(Debug)]
struct Open {
    key: DataKeyId,
    tree: Frontier,
    /// Records counted, also where they could not be read.
    count: u64,
    bytes: u64,
    first_ns: u64,
    last_ns: u64,
    readable: bool,
}

/// What a block turned out to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// Its records are those that were signed.
    Good,
    /// Its frames are there; this vault has no key to look into them.
    Opaque,
    /// Its records are not those that were signed.
    Bad(&'static str),
    /// No frame of it was seen.
    Absent,
}

/// The blocks whose frames were seen and whose leaves were not.
#[derive(Debug, Default)]
pub(super) struct Blocks(BTreeMap<BlockId, Open>);

impl Blocks {
    /// Takes in a frame of records.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`] or [`LedgerError::NotAuthentic`] when it is not what it says.
    pub(super) fn add(
        &mut self,
        frame: &Frame,
        ledger: &[u8; 16],
        keys: &mut KeyStore,
    ) -> Result<(), LedgerError> {
        let header = RecordsHeader::decode(frame.header())?;
        let bad = |what| LedgerError::Malformed { kind: "frame of records", what };
        if self.0.len() + header.parts.len() > MAX_OPEN_BLOCKS {
            return Err(bad("too many blocks are unfinished"));
        }
        let key = keys.data_key(ledger, header.key)?;
        let mut records = match &key {
            Some(key) => unpack(key, &header, frame)?.into_iter(),
            None => Vec::new().into_iter(),
        };
        for part in &header.parts {
            let open = self.0.entry(part.block).or_insert_with(|| Open {
                key: header.key,
                tree: Frontier::default(),
                count: 0,
                bytes: 0,
                first_ns: u64::MAX,
                last_ns: 0,
                readable: key.is_some(),
            });
            if open.count != u64::from(part.first) || open.key != header.key {
                return Err(bad("records of a block are missing, doubled or under another key"));
            }
            open.count += u64::from(part.count);
            let Some(key) = &key else { continue };
            let part_records: Vec<_> = records.by_ref().take(part.count as usize).collect();
            for hash in key.record_hashes(part.block, part.first, &part_records) {
                open.tree.push(hash);
            }
            for record in &part_records {
                open.bytes += record.bytes.len() as u64;
                open.first_ns = open.first_ns.min(record.received_ns);
                open.last_ns = open.last_ns.max(record.received_ns);
            }
        }
        Ok(())
    }

    /// Compares a finished block with its leaf, and forgets it.
    pub(super) fn settle(&mut self, leaf: &Block) -> Verdict {
        let Some(open) = self.0.remove(&leaf.block) else { return Verdict::Absent };
        if open.key != leaf.key || open.count != u64::from(leaf.count) {
            return Verdict::Bad("its number of records or its key differs");
        }
        if !open.readable {
            return Verdict::Opaque;
        }
        if open.tree.root().as_bytes() != &leaf.root {
            return Verdict::Bad("its records differ");
        }
        if (open.bytes, open.first_ns, open.last_ns) != (leaf.bytes, leaf.first_ns, leaf.last_ns) {
            return Verdict::Bad("its length or its times of receipt differ");
        }
        Verdict::Good
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
