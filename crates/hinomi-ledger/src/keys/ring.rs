//! The ring: every data key, wrapped under a key-encryption key (KEK), and sealed to each vault.
//!
//! `<epoch>.kek` holds the KEK of an epoch, `<epoch>.ring` the keys wrapped under it. The ring begins with `HnR1`, the
//! number of the ledger (16), the epoch (8), the ordinal of the next key when the file was made (8) and a CRC-32; each entry is length (4), CRC-32 of length and payload (4) and
//! payload: ordinal (8), key id, scope, time of birth (8), commitment (32), wrapped key (60), number of vaults (1) and per vault its
//! key (32), the key of one use (32) and the sealed key (60).
//!
//! # Invariants
//! - Destroying keys makes a new epoch: the others are wrapped under a new KEK, the new ring becomes durable, and only
//!   then are the old ring and the old KEK overwritten and removed. A crash in between is finished by the next opening.
//! - An old ring without its KEK opens nothing.
//!
//! # Trust
//! A ring that was put back from before an erasure is noticed by verification: it holds a key whose tombstone is in the
//! log. A ring that lacks a key is noticed, because every key has a leaf.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hinomi_model::{Access, Disk, DiskFile, Entropy};
use zeroize::Zeroizing;

use super::{SealedKey, VaultRecipient, seal_to};
use crate::LedgerError;
use crate::aead::{SealKey, Secret};
use crate::cursor::Cursor;
use crate::data_key::{DataKey, commitment};
use crate::files::{self, io_error, numbered, numbered_path};
use crate::leaf::{DataKeyId, KeyBorn, Scope};
use crate::vault::{HandedKey, SealedEntry};

const MAGIC: [u8; 4] = *b"HnR1";
const HEADER_LEN: usize = 4 + 16 + 8 + 8 + 4;
const MAX_RING: u64 = 1 << 31;
const MAX_ENTRY: usize = 64 * 1024;
/// No addition is longer.
const LAST_ADDITION: u64 = 2 * MAX_ENTRY as u64;
/// Unwrapped keys kept at once.
const MAX_UNWRAPPED: usize = 4096;
const KEK_HEADER: &str = "hinomi key encryption key 1";
const WRAPPED: usize = 32 + crate::aead::SEAL_OVERHEAD;

pub(crate) fn no_entropy(source: io::Error) -> LedgerError {
    LedgerError::Io { action: "get random bytes for", path: PathBuf::from("a key"), source }
}

/// One data key, wrapped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct RingEntry {
    /// Number in the order of birth, over all epochs.
    pub ordinal: u64,
    pub key: DataKeyId,
    pub scope: Scope,
    pub born_ns: u64,
    pub commitment: [u8; 32],
    wrapped: Vec<u8>,
    pub sealed: Vec<SealedKey>,
}

impl RingEntry {
    /// What the log says of the key.
    pub(crate) fn leaf(&self) -> KeyBorn {
        let recipients = self.sealed.iter().map(|s| s.recipient.0).collect();
        KeyBorn { key: self.key, scope: self.scope.clone(), commitment: self.commitment, recipients }
    }

    fn encode(&self) -> Result<Vec<u8>, LedgerError> {
        let mut out = self.ordinal.to_be_bytes().to_vec();
        out.extend_from_slice(&self.key.0);
        out.extend_from_slice(&self.scope.encode()?);
        out.extend_from_slice(&self.born_ns.to_be_bytes());
        out.extend_from_slice(&self.commitment);
        out.extend_from_slice(&self.wrapped);
        out.push(self.sealed.len() as u8);
        for copy in &self.sealed {
            out.extend_from_slice(&copy.recipient.0);
            out.extend_from_slice(&copy.ephemeral);
            out.extend_from_slice(&copy.sealed);
        }
        Ok(out)
    }

    fn decode(bytes: &[u8]) -> Result<Self, LedgerError> {
        let mut at = Cursor::new(bytes, "entry of the key ring");
        let (ordinal, key, scope) = (at.u64()?, DataKeyId(at.array()?), Scope::decode(&mut at)?);
        let (born_ns, commitment, wrapped) = (at.u64()?, at.array()?, at.take(WRAPPED)?.to_vec());
        let mut sealed = Vec::new();
        for _ in 0..at.u8()? {
            let (recipient, ephemeral) = (VaultRecipient(at.array()?), at.array()?);
            sealed.push(SealedKey { recipient, ephemeral, sealed: at.take(WRAPPED)?.to_vec() });
        }
        at.end()?;
        Ok(Self { ordinal, key, scope, born_ns, commitment, wrapped, sealed })
    }
}

/// What a wrapped or sealed key is bound to.
pub(crate) fn context(
    ledger: &[u8; 16],
    key: DataKeyId,
    scope: &Scope,
    commitment: &[u8; 32],
) -> Result<Vec<u8>, LedgerError> {
    Ok([&ledger[..], &key.0, &scope.encode()?, commitment].concat())
}

/// The data keys of a ledger.
pub(crate) struct KeyRing {
    folder: PathBuf,
    ledger: [u8; 16],
    epoch: u64,
    /// Ordinal of the next key.
    next_ordinal: u64,
    kek: Secret,
    file: Arc<dyn DiskFile>,
    len: u64,
    entries: BTreeMap<DataKeyId, RingEntry>,
    scopes: BTreeMap<Scope, DataKeyId>,
    births: BTreeMap<u64, DataKeyId>,
    unwrapped: BTreeMap<DataKeyId, Arc<DataKey>>,
}

impl KeyRing {
    /// Makes the first, empty ring of a ledger.
    pub(crate) fn create(
        disk: &dyn Disk,
        folder: &Path,
        ledger: [u8; 16],
        entropy: &dyn Entropy,
    ) -> Result<Self, LedgerError> {
        let kek = create_kek(disk, folder, 1, entropy)?;
        let path = ring_path(folder, 1);
        files::create(disk, &path, 0o600, &header(&ledger, 1, 0))?;
        Self::read(disk, folder, ledger, 1, kek, Access::ReadWrite)
    }

    /// Reads the ring; finishes a destruction that was interrupted if `finish` (which needs the ledger's lock).
    pub(crate) fn load(
        disk: &dyn Disk,
        folder: &Path,
        ledger: [u8; 16],
        finish: bool,
    ) -> Result<Self, LedgerError> {
        let rings = numbered(disk, folder, ".ring")?;
        let missing = || LedgerError::Missing { what: "key ring", name: folder.display().to_string() };
        let epoch = *rings.last().ok_or_else(missing)?;
        let kek = load_kek(disk, &kek_path(folder, epoch))?;
        if finish {
            // Before the old epoch goes, the name of the new one must be durable: the process that gave it may have ended
            // before it was.
            files::sync_dir(disk, folder)?;
            for old in rings.iter().filter(|e| **e != epoch) {
                files::shred(disk, &ring_path(folder, *old))?;
            }
            for old in numbered(disk, folder, ".kek")?.iter().filter(|e| **e != epoch) {
                files::shred(disk, &kek_path(folder, *old))?;
            }
            files::shred(disk, &files::temporary(&ring_path(folder, epoch + 1)))?;
        }
        let access = if finish { Access::ReadWrite } else { Access::Read };
        Self::read(disk, folder, ledger, epoch, kek, access)
    }

    fn read(
        disk: &dyn Disk,
        folder: &Path,
        ledger: [u8; 16],
        epoch: u64,
        kek: Secret,
        access: Access,
    ) -> Result<Self, LedgerError> {
        let path = ring_path(folder, epoch);
        let bytes = disk.read(&path, MAX_RING).map_err(io_error("read", &path))?;
        let damaged =
            |offset: usize, what| LedgerError::Damaged { path: path.clone(), offset: offset as u64, what };
        let ordinal = bytes.get(28..36).and_then(|b| b.try_into().ok()).map_or(0, u64::from_be_bytes);
        if bytes.get(..HEADER_LEN) != Some(&header(&ledger, epoch, ordinal)[..]) {
            return Err(damaged(0, "the header is not that of this ledger and epoch"));
        }
        let next_ordinal = ordinal;
        let file = disk.open(&path, access).map_err(io_error("open", &path))?;
        let mut ring = Self {
            folder: folder.to_owned(),
            ledger,
            epoch,
            next_ordinal,
            kek,
            file,
            len: HEADER_LEN as u64,
            entries: BTreeMap::new(),
            scopes: BTreeMap::new(),
            births: BTreeMap::new(),
            unwrapped: BTreeMap::new(),
        };
        let mut rest = bytes.get(HEADER_LEN..).unwrap_or_default();
        while !rest.is_empty() {
            let at = bytes.len() - rest.len();
            match next_entry(rest) {
                Next::Entry(payload, after) => {
                    let entry =
                        RingEntry::decode(payload).map_err(|_| damaged(at, "an entry is malformed"))?;
                    ring.insert(entry);
                    rest = after;
                    ring.len = (bytes.len() - rest.len()) as u64;
                }
                // An addition that was never finished, hence never used.
                Next::Bad if !any_entry_behind(rest) => break,
                Next::Bad => return Err(damaged(at, "the checksum of an entry does not hold")),
            }
        }
        Ok(ring)
    }

    /// Whether bytes stand behind the last entry.
    pub(crate) fn has_torn_tail(&self) -> bool {
        self.file.len().is_ok_and(|len| len > self.len)
    }

    /// Cuts off an addition that was never finished and writes the last one again: after a failed sync the system may
    /// show bytes that never reached the disk. `logged` keys have a leaf; if they are not all here or erased, what looks
    /// unfinished was finished once, and is left as it is.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`], [`LedgerError::Io`].
    pub(crate) fn settle(&mut self, logged: u64) -> Result<(), LedgerError> {
        let path = ring_path(&self.folder, self.epoch);
        if logged > self.next_ordinal {
            let what = "keys are missing at the end that the log names";
            return Err(LedgerError::Damaged { path, offset: self.len, what });
        }
        let start = self.len.saturating_sub(LAST_ADDITION);
        let mut again = vec![0; (self.len - start) as usize];
        self.file.read_exact_at(&mut again, start).map_err(io_error("read", &path))?;
        self.file.set_len(self.len).map_err(io_error("cut", &path))?;
        self.file.write_all_at(&[IoSlice::new(&again)], start).map_err(io_error("write", &path))?;
        self.file.sync_data().map_err(io_error("sync", &path))
    }

    fn insert(&mut self, entry: RingEntry) {
        self.next_ordinal = self.next_ordinal.max(entry.ordinal + 1);
        self.scopes.insert(entry.scope.clone(), entry.key);
        self.births.insert(entry.ordinal, entry.key);
        self.entries.insert(entry.key, entry);
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = &RingEntry> {
        self.entries.values()
    }

    pub(crate) fn entry(&self, key: DataKeyId) -> Option<&RingEntry> {
        self.entries.get(&key)
    }

    /// What the log has to say of the keys from an ordinal on, in the order of their birth.
    pub(crate) fn born_since(&self, ordinal: u64) -> Vec<(u64, KeyBorn)> {
        let entries = self.births.range(ordinal..).filter_map(|(_, key)| self.entries.get(key));
        entries.map(|e| (e.ordinal, e.leaf())).collect()
    }

    /// The living key of a scope.
    pub(crate) fn for_scope(&self, scope: &Scope) -> Option<DataKeyId> {
        self.scopes.get(scope).copied()
    }

    /// The scope of a key gets a new one for what comes next.
    pub(crate) fn retire(&mut self, key: DataKeyId) {
        self.scopes.retain(|_, living| *living != key);
    }

    /// Scopes whose key is not sealed to exactly these vaults get a new one for what comes next.
    pub(crate) fn retire_sealed_otherwise(&mut self, vaults: &[VaultRecipient]) {
        let wanted: BTreeSet<VaultRecipient> = vaults.iter().copied().collect();
        let entries = &self.entries;
        self.scopes.retain(|_, key| {
            let sealed = entries.get(key).map(|entry| entry.sealed.iter().map(|s| s.recipient).collect());
            sealed.is_none_or(|sealed: BTreeSet<VaultRecipient>| sealed == wanted)
        });
    }

    /// A key, unwrapped and compared with its commitment; `None` when it is not (or no longer) in the ring.
    pub(crate) fn data_key(&mut self, key: DataKeyId) -> Result<Option<Arc<DataKey>>, LedgerError> {
        if let Some(known) = self.unwrapped.get(&key) {
            return Ok(Some(known.clone()));
        }
        let Some(entry) = self.entries.get(&key) else { return Ok(None) };
        let secret = self.unwrap(entry)?;
        let data_key = Arc::new(DataKey::new(&secret));
        if self.unwrapped.len() >= MAX_UNWRAPPED {
            self.unwrapped.clear();
        }
        self.unwrapped.insert(key, data_key.clone());
        Ok(Some(data_key))
    }

    fn unwrap(&self, entry: &RingEntry) -> Result<Secret, LedgerError> {
        let what = "a wrapped data key";
        let bound = context(&self.ledger, entry.key, &entry.scope, &entry.commitment)?;
        let plain = Zeroizing::new(wrap_key(&self.kek).open(what, &bound, &entry.wrapped)?);
        let secret: [u8; 32] = plain.as_slice().try_into().map_err(|_| LedgerError::NotAuthentic { what })?;
        let secret = Zeroizing::new(secret);
        if commitment(&secret) != entry.commitment {
            return Err(LedgerError::NotAuthentic { what });
        }
        Ok(secret)
    }

    /// Makes a key for each scope and returns when they are durable.
    pub(crate) fn add(
        &mut self,
        scopes: &[Scope],
        vaults: &[VaultRecipient],
        born_ns: u64,
        entropy: &dyn Entropy,
    ) -> Result<Vec<DataKeyId>, LedgerError> {
        let mut entries = Vec::new();
        let mut bytes = Vec::new();
        for (scope, ordinal) in scopes.iter().zip(self.next_ordinal..) {
            let entry = RingEntry { ordinal, ..self.make(scope, vaults, born_ns, entropy)? };
            put_entry(&mut bytes, &entry)?;
            entries.push(entry);
        }
        self.append(&bytes)?;
        let keys = entries.iter().map(|e| e.key).collect();
        entries.into_iter().for_each(|e| self.insert(e));
        Ok(keys)
    }

    /// Takes keys in that it lacks; how many. They are durable when it returns.
    pub(crate) fn adopt(&mut self, handed: &[HandedKey], entropy: &dyn Entropy) -> Result<u64, LedgerError> {
        let mut missing: Vec<&HandedKey> =
            handed.iter().filter(|key| !self.entries.contains_key(&key.leaf.key)).collect();
        missing.sort_unstable_by_key(|key| key.ordinal);
        let (mut entries, mut bytes) = (Vec::new(), Vec::new());
        for HandedKey { ordinal, leaf, secret } in missing {
            let KeyBorn { key, scope, commitment, recipients } = leaf.clone();
            let bound = context(&self.ledger, key, &scope, &commitment)?;
            let wrapped = wrap_key(&self.kek).seal(&bound, secret.as_ref())?;
            let again = |to: &[u8; 32]| seal_to(VaultRecipient(*to), &bound, secret, entropy);
            let sealed = recipients.iter().map(again).collect::<Result<_, _>>()?;
            // When it was born is not known to a vault; nothing depends on it.
            let entry = RingEntry { ordinal: *ordinal, key, scope, born_ns: 0, commitment, wrapped, sealed };
            put_entry(&mut bytes, &entry)?;
            entries.push(entry);
        }
        self.append(&bytes)?;
        let count = entries.len() as u64;
        entries.into_iter().for_each(|e| self.insert(e));
        Ok(count)
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), LedgerError> {
        let path = ring_path(&self.folder, self.epoch);
        self.file.write_all_at(&[IoSlice::new(bytes)], self.len).map_err(io_error("write", &path))?;
        self.file.sync_data().map_err(io_error("sync", &path))?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    fn make(
        &self,
        scope: &Scope,
        vaults: &[VaultRecipient],
        born_ns: u64,
        entropy: &dyn Entropy,
    ) -> Result<RingEntry, LedgerError> {
        let (mut id, mut secret) = ([0; 16], Zeroizing::new([0; 32]));
        entropy.fill(&mut id).and_then(|()| entropy.fill(secret.as_mut())).map_err(no_entropy)?;
        let (key, commitment) = (DataKeyId(id), commitment(&secret));
        let bound = context(&self.ledger, key, scope, &commitment)?;
        let wrapped = wrap_key(&self.kek).seal(&bound, &*secret)?;
        let sealed =
            vaults.iter().map(|v| seal_to(*v, &bound, &secret, entropy)).collect::<Result<_, _>>()?;
        Ok(RingEntry { ordinal: 0, key, scope: scope.clone(), born_ns, commitment, wrapped, sealed })
    }

    /// Destroys keys: afterwards neither this object nor its files can give them back.
    pub(crate) fn destroy(
        &mut self,
        disk: &dyn Disk,
        keys: &[DataKeyId],
        entropy: &dyn Entropy,
    ) -> Result<(), LedgerError> {
        let next = self.epoch + 1;
        // What an attempt that failed left behind wraps nothing yet.
        files::shred(disk, &kek_path(&self.folder, next))?;
        let kek = create_kek(disk, &self.folder, next, entropy)?;
        let mut bytes = header(&self.ledger, next, self.next_ordinal);
        let living = self.births.values().filter(|key| !keys.contains(key));
        for entry in living.filter_map(|key| self.entries.get(key)) {
            let bound = context(&self.ledger, entry.key, &entry.scope, &entry.commitment)?;
            let wrapped = wrap_key(&kek).seal(&bound, &*self.unwrap(entry)?)?;
            put_entry(&mut bytes, &RingEntry { wrapped, ..entry.clone() })?;
        }
        files::replace(disk, &ring_path(&self.folder, next), 0o600, &bytes, true)?;
        files::shred(disk, &ring_path(&self.folder, self.epoch))?;
        files::shred(disk, &kek_path(&self.folder, self.epoch))?;
        *self = Self::read(disk, &self.folder, self.ledger, next, kek, Access::ReadWrite)?;
        Ok(())
    }
}

/// The keys sealed to one vault, from an ordinal on, at most `most`; reads the newest ring without its KEK.
pub(crate) fn sealed_to(
    disk: &dyn Disk,
    folder: &Path,
    recipient: VaultRecipient,
    from: u64,
    most: usize,
) -> Result<Vec<SealedEntry>, LedgerError> {
    let Some(epoch) = numbered(disk, folder, ".ring")?.pop() else { return Ok(Vec::new()) };
    let path = ring_path(folder, epoch);
    let bytes = disk.read(&path, MAX_RING).map_err(io_error("read", &path))?;
    let mut rest = bytes.get(HEADER_LEN..).unwrap_or_default();
    let mut out = Vec::new();
    while let Next::Entry(payload, after) = next_entry(rest) {
        rest = after;
        let RingEntry { ordinal, key, scope, commitment, sealed, .. } = RingEntry::decode(payload)?;
        let mine = sealed.into_iter().find(|s| s.recipient == recipient);
        if let Some(sealed) = mine.filter(|_| ordinal >= from) {
            out.push(SealedEntry { ordinal, key, scope, commitment, sealed });
        }
    }
    out.sort_unstable_by_key(|e| e.ordinal);
    out.truncate(most);
    Ok(out)
}

enum Next<'a> {
    Entry(&'a [u8], &'a [u8]),
    Bad,
}

/// The first entry of `bytes`.
fn next_entry(bytes: &[u8]) -> Next<'_> {
    let mut at = Cursor::new(bytes, "entry");
    let (Ok(len), Ok(crc)) = (at.u32(), at.u32()) else { return Next::Bad };
    match at.take(len as usize) {
        Ok(payload) if !payload.is_empty() && payload.len() <= MAX_ENTRY && checksum(payload) == crc => {
            Next::Entry(payload, at.rest())
        }
        _ => Next::Bad,
    }
}

/// Whether an entry stands behind the bad one that `bytes` begins with: then that one was finished once.
fn any_entry_behind(bytes: &[u8]) -> bool {
    (1..bytes.len()).any(|at| matches!(bytes.get(at..).map(next_entry), Some(Next::Entry(..))))
}

fn checksum(payload: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&(payload.len() as u32).to_be_bytes());
    crc.update(payload);
    crc.finalize()
}

fn put_entry(out: &mut Vec<u8>, entry: &RingEntry) -> Result<(), LedgerError> {
    let payload = entry.encode()?;
    out.extend_from_slice(&(payload.len() as u32).to_be_bytes());
    out.extend_from_slice(&checksum(&payload).to_be_bytes());
    out.extend_from_slice(&payload);
    Ok(())
}

fn header(ledger: &[u8; 16], epoch: u64, next_ordinal: u64) -> Vec<u8> {
    let mut out = [&MAGIC[..], ledger, &epoch.to_be_bytes(), &next_ordinal.to_be_bytes()].concat();
    let crc = crc32fast::hash(&out);
    out.extend_from_slice(&crc.to_be_bytes());
    out
}

fn wrap_key(kek: &[u8; 32]) -> SealKey {
    SealKey::new(kek, b"hinomi wrap v1")
}

fn ring_path(folder: &Path, epoch: u64) -> PathBuf {
    numbered_path(folder, epoch, ".ring")
}

fn kek_path(folder: &Path, epoch: u64) -> PathBuf {
    numbered_path(folder, epoch, ".kek")
}

fn create_kek(
    disk: &dyn Disk,
    folder: &Path,
    epoch: u64,
    entropy: &dyn Entropy,
) -> Result<Secret, LedgerError> {
    let mut kek = Zeroizing::new([0; 32]);
    entropy.fill(kek.as_mut()).map_err(no_entropy)?;
    let text = Zeroizing::new(format!("{KEK_HEADER}\n{}\n", STANDARD.encode(*kek)));
    files::create(disk, &kek_path(folder, epoch), 0o600, text.as_bytes())?;
    Ok(kek)
}

fn load_kek(disk: &dyn Disk, path: &Path) -> Result<Secret, LedgerError> {
    let bad = |what| LedgerError::Malformed { kind: "key encryption key", what };
    let bytes = Zeroizing::new(disk.read(path, 4096).map_err(io_error("read", path))?);
    let text = std::str::from_utf8(&bytes).map_err(|_| bad("it is not text"))?;
    let line = text.strip_prefix(KEK_HEADER).and_then(|t| t.strip_prefix('\n'));
    let line = line.and_then(|t| t.strip_suffix('\n')).ok_or_else(|| bad("its first line"))?;
    let kek = STANDARD.decode(line).map(Zeroizing::new).map_err(|_| bad("it is not base64"))?;
    let kek: [u8; 32] = kek.as_slice().try_into().map_err(|_| bad("it has another length"))?;
    Ok(Zeroizing::new(kek))
}
