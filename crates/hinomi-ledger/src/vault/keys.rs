//! The data keys of a vault's copy, as they were sealed to it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hinomi_model::Disk;

use super::dir::vault_key;
use super::sealed::{MAX_ENTRY, SealedEntry};
use crate::data_key::DataKey;
use crate::error::LedgerError;
use crate::files::{self, io_error};
use crate::keys::VaultKey;
use crate::leaf::{DataKeyId, KeyBorn};

/// Data keys opened at once.
const MAX_OPEN_KEYS: usize = 1024;

/// Whether a folder is that of a vault.
pub fn is_vault(disk: &dyn Disk, folder: &Path) -> bool {
    disk.exists(&folder.join("recipient")).unwrap_or(false)
}

/// The data keys of a copy, one file each.
pub(crate) struct KeyStore {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    vault: VaultKey,
    open: BTreeMap<DataKeyId, Option<Arc<DataKey>>>,
}

impl KeyStore {
    pub(crate) fn new(disk: Arc<dyn Disk>, folder: PathBuf, vault: VaultKey) -> Self {
        Self { disk, folder, vault, open: BTreeMap::new() }
    }

    /// The keys in the folder of a vault, whose lock is not needed to read them.
    pub(crate) fn of_vault(disk: Arc<dyn Disk>, folder: &Path) -> Result<Self, LedgerError> {
        let vault = vault_key(&*disk, folder)?;
        Ok(Self::new(disk, folder.join("keys"), vault))
    }

    pub(crate) fn vault(&self) -> &VaultKey {
        &self.vault
    }

    fn path(&self, key: DataKeyId) -> PathBuf {
        let name: String = key.0.iter().map(|b| format!("{b:02x}")).collect();
        self.folder.join(name)
    }

    /// Keeps a key whose leaf agrees with it, durably.
    pub(crate) fn keep(&mut self, entry: &SealedEntry) -> Result<(), LedgerError> {
        let path = self.path(entry.key);
        self.open.remove(&entry.key);
        files::replace(&*self.disk, &path, 0o600, &entry.encode()?, true)
    }

    /// What is kept of a key.
    pub(crate) fn entry(&self, key: DataKeyId) -> Result<Option<SealedEntry>, LedgerError> {
        let path = self.path(key);
        match self.disk.read(&path, MAX_ENTRY as u64) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io_error("read", &path)(error)),
            Ok(bytes) => Ok(SealedEntry::decode_all(&bytes, 1)?.pop().filter(|e| e.key == key)),
        }
    }

    /// A key, opened; `None` when this vault has it not (or no longer).
    pub(crate) fn data_key(
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
    pub(crate) fn destroy(&mut self, key: DataKeyId) -> Result<bool, LedgerError> {
        self.open.remove(&key);
        let path = self.path(key);
        let there = self.disk.exists(&path).map_err(io_error("look for", &path))?;
        files::shred(&*self.disk, &path)?;
        Ok(there)
    }

    /// Whether the leaf of a key agrees with the sealed key.
    pub(crate) fn agrees(entry: &SealedEntry, leaf: &KeyBorn) -> bool {
        entry.key == leaf.key && entry.scope == leaf.scope && entry.commitment == leaf.commitment
    }
}

impl std::fmt::Debug for KeyStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyStore").field("folder", &self.folder).finish_non_exhaustive()
    }
}
