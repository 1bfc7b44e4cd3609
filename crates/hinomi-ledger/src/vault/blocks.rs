//! Putting blocks together again from frames, to compare them with the leaves that were signed.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use hinomi_model::Disk;

use crate::data_key::DataKey;
use crate::error::LedgerError;
use crate::files::{self, io_error};
use crate::frame::Frame;
use crate::keys::VaultKey;
use crate::leaf::{Block, BlockId, DataKeyId, KeyBorn};
use crate::seal::{RecordsHeader, unpack};
use crate::tlog::Frontier;

use super::sealed::{MAX_ENTRY, SealedEntry};

/// Data keys opened at once.
const MAX_OPEN_KEYS: usize = 1024;
/// Blocks that may be unfinished at once: more than any ledger opens between two ticks.
const MAX_OPEN_BLOCKS: usize = 1 << 20;

/// The data keys of a copy, one file each.
pub(super) struct KeyStore {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    vault: VaultKey,
    open: BTreeMap<DataKeyId, Option<Arc<DataKey>>>,
}

impl KeyStore {
    pub(super) fn new(disk: Arc<dyn Disk>, folder: PathBuf, vault: VaultKey) -> Self {
        Self { disk, folder, vault, open: BTreeMap::new() }
    }

    pub(super) fn vault(&self) -> &VaultKey {
        &self.vault
    }

    fn path(&self, key: DataKeyId) -> PathBuf {
        let name: String = key.0.iter().map(|b| format!("{b:02x}")).collect();
        self.folder.join(name)
    }

    /// Keeps a key whose leaf agrees with it, durably.
    pub(super) fn keep(&mut self, entry: &SealedEntry) -> Result<(), LedgerError> {
        let path = self.path(entry.key);
        self.open.remove(&entry.key);
        files::replace(&*self.disk, &path, 0o600, &entry.encode()?, true)
    }

    /// What is kept of a key.
    pub(super) fn entry(&self, key: DataKeyId) -> Result<Option<SealedEntry>, LedgerError> {
        let path = self.path(key);
        match self.disk.read(&path, MAX_ENTRY as u64) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io_error("read", &path)(error)),
            Ok(bytes) => Ok(SealedEntry::decode_all(&bytes, 1)?.pop().filter(|e| e.key == key)),
        }
    }

    /// A key, opened; `None` when this vault has it not (or no longer).
    pub(super) fn data_key(
        &mut self,
        ledger: &[u8; 16],
        key: DataKeyId,
    ) -> Result<Option<Arc<DataKey>>, LedgerError> {
        if let Some(known) = self.open.get(&key) {
            return Ok(known.clone());
        }
        let opened = self.entry(key)?.map(|entry| entry.open(ledger, &self.vault)).transpose()?.map(Arc::new);
        if self.open.len() >= MAX_OPEN_KEYS {
            self.open.clear();
        }
        self.open.insert(key, opened.clone());
        Ok(opened)
    }

    /// Destroys the vault's copy of a key. `false` when there was none.
    pub(super) fn destroy(&mut self, key: DataKeyId) -> Result<bool, LedgerError> {
        self.open.remove(&key);
        let path = self.path(key);
        let there = self.disk.exists(&path).map_err(io_error("look for", &path))?;
        files::shred(&*self.disk, &path)?;
        Ok(there)
    }

    /// Whether the leaf of a key agrees with the sealed key.
    pub(super) fn agrees(entry: &SealedEntry, leaf: &KeyBorn) -> bool {
        entry.key == leaf.key && entry.scope == leaf.scope && entry.commitment == leaf.commitment
    }
}

impl std::fmt::Debug for KeyStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyStore").field("folder", &self.folder).finish_non_exhaustive()
    }
}

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
