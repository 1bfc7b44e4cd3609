//! A vault's folder and its memory.
//!
//! ```text
//! lock          held while a vault pulls
//! name          the name it cosigns under
//! key           32 random bytes of its signing key, mode 0600
//! token         32 random bytes that the primary's publication knows by their SHA-256, mode 0600
//! recipient     32 random bytes of the key that data keys are sealed to, mode 0600
//! log           the origin it keeps, then a trusted verifier key per line
//! state         how far it is, and the last checkpoint it holds with its own cosignature
//! alarms        journal, one JSON object per line, only ever appended
//! erasures      approved erasures: leaf, key, when due, what became of it
//! forks/        signed checkpoints that contradict what is held
//! evidence/     the copy, laid out like the primary's folder
//! keys/         data keys as they were sealed to this vault, one file per key
//! history       a line for each copy that was ended, with the reason
//! past/         those copies, each with its own name, key, state, evidence and data keys
//! ```
//!
//! # Invariants
//! - `state` is replaced last: what it says is held was synced before.
//! - Keys are never unsealed on disk.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hinomi_model::{Disk, DiskLock, Entropy};
use zeroize::Zeroizing;

use crate::checkpoint::{Origin, VerifiedCheckpoint, decimal};
use crate::error::LedgerError;
use crate::files::{self, io_error};
use crate::keys::VaultKey;
use crate::note::{Algorithm, KeyName, MAX_NOTE_BYTES, Note, SignerKey, VerifierKey};

const FIRST_LINE: &str = "hinomi vault state 1";

/// Which log a vault keeps, and whose signature on its checkpoints it believes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pinned {
    /// Origin line of the checkpoints.
    pub origin: Origin,
    /// Keys that the administrator, or a rotation signed by an earlier key, says are the log's.
    pub keys: Vec<VerifierKey>,
}

/// How far the records were read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Cursor {
    /// The write-ahead file that comes next.
    pub wal: u64,
    /// Bytes of it that are held.
    pub held: u64,
    /// Its frames up to here belong to accepted leaves.
    pub scanned: u64,
}

/// What a vault remembers between pulls.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct State {
    pub held: Option<VerifiedCheckpoint>,
    pub cursor: Cursor,
    /// Ordinal of the first key that is not settled.
    pub next_key: u64,
    /// Last time the primary answered, by the vault's clock.
    pub pulled_ns: u64,
    /// Last time the log had grown.
    pub grown_ns: u64,
    /// Blocks held as ciphertext that this vault could not open.
    pub opaque: u64,
    /// Segments below this number were compared with the log.
    pub segments: u64,
}

impl State {
    pub(super) fn size(&self) -> u64 {
        self.held.as_ref().map_or(0, VerifiedCheckpoint::size)
    }

    pub(super) fn encode(&self) -> String {
        let mut out = format!("{FIRST_LINE}\n");
        let c = self.cursor;
        let numbers = [
            ("wal", c.wal),
            ("held", c.held),
            ("scanned", c.scanned),
            ("next-key", self.next_key),
            ("pulled", self.pulled_ns),
            ("grown", self.grown_ns),
            ("opaque", self.opaque),
            ("segments", self.segments),
        ];
        for (name, number) in numbers {
            let _ = writeln!(out, "{name} {number}");
        }
        out.push('\n');
        if let Some(held) = &self.held {
            let _ = write!(out, "{}", held.note());
        }
        out
    }

    fn decode(text: &str, own: &VerifierKey) -> Result<Self, LedgerError> {
        let bad = |what| LedgerError::Malformed { kind: "state of the vault", what };
        let (head, note) = text.split_once("\n\n").ok_or_else(|| bad("its parts"))?;
        let mut lines = head.lines();
        if lines.next() != Some(FIRST_LINE) {
            return Err(bad("its first line"));
        }
        let mut number = |name: &str| {
            let line = lines.next().and_then(|l| l.strip_prefix(name)).and_then(|l| l.strip_prefix(' '));
            line.and_then(decimal).ok_or_else(|| bad("a number"))
        };
        let cursor = Cursor { wal: number("wal")?, held: number("held")?, scanned: number("scanned")? };
        let mut state = Self {
            held: None,
            cursor,
            next_key: number("next-key")?,
            pulled_ns: number("pulled")?,
            grown_ns: number("grown")?,
            opaque: number("opaque")?,
            segments: number("segments")?,
        };
        if !note.is_empty() {
            let note = Note::parse(note.as_bytes())?;
            note.verify(std::slice::from_ref(own))?;
            state.held = Some(VerifiedCheckpoint::cosigned_by_us(note)?);
        }
        Ok(state)
    }
}

/// The folder of a vault, locked.
#[derive(Debug)]
pub(super) struct VaultDir {
    pub disk: Arc<dyn Disk>,
    pub folder: PathBuf,
    _lock: Box<dyn DiskLock>,
}

fn read_secret(disk: &dyn Disk, path: &Path) -> Result<Zeroizing<[u8; 32]>, LedgerError> {
    if disk.metadata(path).map_err(io_error("read", path))?.mode & 0o077 != 0 {
        return Err(LedgerError::Refused { why: "a key file may be read by others: mode 0600 is needed" });
    }
    let bytes = Zeroizing::new(disk.read(path, 32).map_err(io_error("read", path))?);
    let secret: Result<[u8; 32], _> = bytes.as_slice().try_into();
    secret.map(Zeroizing::new).map_err(|_| LedgerError::Malformed { kind: "key", what: "32 bytes" })
}

/// The key that data keys are sealed to.
pub(super) fn vault_key(disk: &dyn Disk, folder: &Path) -> Result<VaultKey, LedgerError> {
    Ok(VaultKey::from_seed(*read_secret(disk, &folder.join("recipient"))?))
}

fn read_text(disk: &dyn Disk, path: &Path, limit: u64) -> Result<String, LedgerError> {
    let bytes = disk.read(path, limit).map_err(io_error("read", path))?;
    String::from_utf8(bytes).map_err(|_| LedgerError::Damaged {
        path: path.to_owned(),
        offset: 0,
        what: "it is not UTF-8",
    })
}

impl VaultDir {
    /// Sets up a vault with new keys.
    pub(super) fn create(
        disk: Arc<dyn Disk>,
        entropy: &dyn Entropy,
        folder: &Path,
        name: &KeyName,
        pinned: &Pinned,
    ) -> Result<Self, LedgerError> {
        let key = folder.join("key");
        files::create_folders(&*disk, folder, 0o700)?;
        if disk.exists(&key).map_err(io_error("look for", &key))? {
            return Err(LedgerError::Refused { why: "this folder already holds a vault" });
        }
        Self::make_copy(&*disk, folder)?;
        files::ensure_dir(&*disk, &folder.join("forks"), 0o700)?;
        for empty in ["lock", "alarms"] {
            files::replace(&*disk, &folder.join(empty), 0o600, b"", true)?;
        }
        files::replace(&*disk, &folder.join("name"), 0o644, format!("{name}\n").as_bytes(), true)?;
        for secret in ["token", "recipient", "key"] {
            let path = folder.join(secret);
            let mut seed = Zeroizing::new([0u8; 32]);
            entropy.fill(&mut *seed).map_err(io_error("draw random bytes for", &path))?;
            if secret == "key" {
                // Last of all: a folder with this file is a vault.
                let dir = Self::open_unchecked(disk.clone(), folder)?;
                dir.pin(pinned)?;
                dir.disk_replace("state", State::default().encode().as_bytes())?;
            }
            files::replace(&*disk, &path, 0o600, &*seed, true)?;
        }
        Self::open_unchecked(disk, folder)
    }

    /// The folders and files of an empty copy.
    pub(super) fn make_copy(disk: &dyn Disk, folder: &Path) -> Result<(), LedgerError> {
        for below in ["evidence", "evidence/wal", "evidence/segments", "evidence/log", "keys"] {
            files::ensure_dir(disk, &folder.join(below), 0o700)?;
        }
        files::replace(disk, &folder.join("erasures"), 0o600, b"", true)
    }

    /// Takes the lock of a vault.
    pub(super) fn open_unchecked(disk: Arc<dyn Disk>, folder: &Path) -> Result<Self, LedgerError> {
        let path = folder.join("lock");
        let lock = disk.lock(&path).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => LedgerError::Locked { path: path.clone() },
            _ => io_error("lock", &path)(error),
        })?;
        Ok(Self { disk, folder: folder.to_owned(), _lock: lock })
    }

    fn disk_replace(&self, name: &str, bytes: &[u8]) -> Result<(), LedgerError> {
        files::replace(&*self.disk, &self.folder.join(name), 0o600, bytes, true)
    }

    pub(super) fn signer(&self) -> Result<SignerKey, LedgerError> {
        let seed = read_secret(&*self.disk, &self.folder.join("key"))?;
        let name = read_text(&*self.disk, &self.folder.join("name"), 1024)?;
        Ok(SignerKey::from_seed(KeyName::new(name.trim_end_matches('\n'))?, &seed))
    }

    pub(super) fn vault_key(&self) -> Result<VaultKey, LedgerError> {
        vault_key(&*self.disk, &self.folder)
    }

    pub(super) fn token(&self) -> Result<Zeroizing<[u8; 32]>, LedgerError> {
        read_secret(&*self.disk, &self.folder.join("token"))
    }

    pub(super) fn pinned(&self) -> Result<Pinned, LedgerError> {
        let text = read_text(&*self.disk, &self.folder.join("log"), MAX_NOTE_BYTES as u64)?;
        let mut lines = text.lines();
        let origin = Origin::new(lines.next().unwrap_or_default())?;
        Ok(Pinned { origin, keys: lines.map(str::parse).collect::<Result<_, _>>()? })
    }

    pub(super) fn pin(&self, pinned: &Pinned) -> Result<(), LedgerError> {
        if pinned.keys.is_empty() || pinned.keys.iter().any(|k| k.algorithm() != Algorithm::Ed25519) {
            return Err(LedgerError::Refused { why: "a log is pinned by at least one key that signs notes" });
        }
        let mut text = format!("{}\n", pinned.origin);
        for key in &pinned.keys {
            let _ = writeln!(text, "{key}");
        }
        self.disk_replace("log", text.as_bytes())
    }

    pub(super) fn state(&self, own: &VerifierKey) -> Result<State, LedgerError> {
        let path = self.folder.join("state");
        let text = read_text(&*self.disk, &path, 2 * MAX_NOTE_BYTES as u64)?;
        State::decode(&text, own).map_err(|error| match error {
            LedgerError::Malformed { what, .. } | LedgerError::NotAuthentic { what } => {
                LedgerError::Damaged { path, offset: 0, what }
            }
            other => other,
        })
    }

    pub(super) fn store(&self, state: &State) -> Result<(), LedgerError> {
        self.disk_replace("state", state.encode().as_bytes())
    }

    pub(super) fn text(&self, name: &str, limit: u64) -> Result<String, LedgerError> {
        read_text(&*self.disk, &self.folder.join(name), limit)
    }

    /// Appends lines to a journal, durably.
    pub(super) fn append(&self, name: &str, text: &str) -> Result<(), LedgerError> {
        let path = self.folder.join(name);
        let file = self.disk.open(&path, hinomi_model::Access::ReadWrite).map_err(io_error("open", &path))?;
        let end = file.len().map_err(io_error("measure", &path))?;
        file.write_all_at(&[io::IoSlice::new(text.as_bytes())], end).map_err(io_error("write", &path))?;
        file.sync_data().map_err(io_error("sync", &path))
    }

    pub(super) fn evidence(&self) -> PathBuf {
        self.folder.join("evidence")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.folder.join("evidence/log")
    }
}
