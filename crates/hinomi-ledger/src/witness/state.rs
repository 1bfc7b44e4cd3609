//! A witness's folder: its key, the logs it was told to watch, and the last checkpoint cosigned of each.
//!
//! ```text
//! lock            held while a witness runs
//! name            the name it cosigns under
//! key             32 random bytes, mode 0600
//! logs/<id>/keys  the origin, then a verifier key per line
//! logs/<id>/last  `nothing yet`, or the last checkpoint with the log's signature and the witness's own
//! logs/<id>/fork-<n>  signed checkpoints that contradict a cosigned one: evidence against the log
//! ```
//! `<id>` is the SHA-256 of the origin, so that no name from outside becomes a path.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hinomi_model::{Digest, Disk, DiskLock, Entropy};
use zeroize::Zeroizing;

use crate::checkpoint::{Origin, VerifiedCheckpoint};
use crate::error::LedgerError;
use crate::files::{self, create_folders, io_error};
use crate::note::{Algorithm, KeyName, MAX_NOTE_BYTES, Note, SignerKey, VerifierKey};
use crate::tlog::Hash;

/// Most contradicting checkpoints kept per log.
const MAX_FORKS: usize = 16;
/// Most logs watched.
const MAX_LOGS: usize = 10_000;
const NOTHING_YET: &str = "nothing yet\n";

/// What a witness knows of one log.
#[derive(Debug)]
pub(super) struct LogState {
    keys: Vec<VerifierKey>,
    last: Option<(VerifiedCheckpoint, u64)>,
}

impl LogState {
    pub(super) fn keys(&self) -> &[VerifierKey] {
        &self.keys
    }

    pub(super) fn size(&self) -> u64 {
        self.last.as_ref().map_or(0, |(c, _)| c.size())
    }

    pub(super) fn root(&self) -> Hash {
        self.last.as_ref().map_or_else(Hash::empty_root, |(c, _)| *c.root())
    }

    /// When it last cosigned, in seconds since the epoch.
    pub(super) fn time(&self) -> u64 {
        self.last.as_ref().map_or(0, |(_, time)| *time)
    }

    pub(super) fn replace(&mut self, checkpoint: VerifiedCheckpoint, time: u64) {
        self.last = Some((checkpoint, time));
    }
}

/// The folder of a witness, locked.
#[derive(Debug)]
pub struct WitnessDir {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    _lock: Box<dyn DiskLock>,
}

impl WitnessDir {
    /// Sets up a witness that cosigns as `name`, with a new key.
    ///
    /// # Errors
    /// [`LedgerError::Refused`] when the folder already holds one; [`LedgerError::Io`].
    pub fn create(
        disk: Arc<dyn Disk>,
        entropy: &dyn Entropy,
        folder: &Path,
        name: &KeyName,
    ) -> Result<Self, LedgerError> {
        create_folders(&*disk, &folder.join("logs"), 0o700)?;
        let key = folder.join("key");
        if disk.exists(&key).map_err(io_error("look up", &key))? {
            return Err(LedgerError::Refused { why: "this folder already holds a witness" });
        }
        let mut seed = Zeroizing::new([0u8; 32]);
        entropy.fill(&mut *seed).map_err(io_error("draw random bytes for", &key))?;
        files::replace(&*disk, &folder.join("lock"), 0o600, b"", true)?;
        files::replace(&*disk, &folder.join("name"), 0o644, format!("{name}\n").as_bytes(), true)?;
        files::replace(&*disk, &key, 0o600, &*seed, true)?;
        Self::open(disk, folder)
    }

    /// Opens the folder of a witness and takes its lock.
    ///
    /// # Errors
    /// [`LedgerError::Locked`] when a witness runs on it; [`LedgerError::Io`].
    pub fn open(disk: Arc<dyn Disk>, folder: &Path) -> Result<Self, LedgerError> {
        let path = folder.join("lock");
        let lock = disk.lock(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::WouldBlock => LedgerError::Locked { path: path.clone() },
            _ => io_error("lock", &path)(error),
        })?;
        Ok(Self { disk, folder: folder.to_owned(), _lock: lock })
    }

    /// The witness's key.
    ///
    /// # Errors
    /// [`LedgerError::Refused`] when others than the owner may read it.
    pub fn key(&self) -> Result<SignerKey, LedgerError> {
        let path = self.folder.join("key");
        let mode = self.disk.metadata(&path).map_err(io_error("read", &path))?.mode;
        if mode & 0o077 != 0 {
            return Err(LedgerError::Refused {
                why: "the key file may be read by others: mode 0600 is needed",
            });
        }
        let seed = Zeroizing::new(self.disk.read(&path, 32).map_err(io_error("read", &path))?);
        let seed = seed
            .as_slice()
            .try_into()
            .map_err(|_| LedgerError::Malformed { kind: "key", what: "32 bytes" })?;
        let name = self.read_text(&self.folder.join("name"), 1024)?;
        Ok(SignerKey::from_seed(KeyName::new(name.trim_end_matches('\n'))?, seed))
    }

    /// Watches the log `origin`, whose checkpoints `keys` sign, from its first checkpoint on. For a log that is
    /// already watched the keys are replaced and what was cosigned stays.
    ///
    /// # Errors
    /// [`LedgerError::Refused`] without keys or beyond the bound; [`LedgerError::Io`].
    pub fn watch(&self, origin: &Origin, keys: &[VerifierKey]) -> Result<(), LedgerError> {
        if keys.is_empty() || keys.iter().any(|k| k.algorithm() != Algorithm::Ed25519) {
            return Err(LedgerError::Refused {
                why: "a log is watched by at least one key that signs notes",
            });
        }
        let logs = self.folder.join("logs");
        if self.disk.list(&logs).map_err(io_error("list", &logs))?.len() >= MAX_LOGS {
            return Err(LedgerError::Refused { why: "this witness watches as many logs as it can" });
        }
        let folder = self.log_folder(origin);
        create_folders(&*self.disk, &folder, 0o700)?;
        let last = folder.join("last");
        if !self.disk.exists(&last).map_err(io_error("look up", &last))? {
            let known = folder.join("keys");
            if self.disk.exists(&known).map_err(io_error("look up", &known))? {
                return Err(LedgerError::Refused { why: "what was cosigned of this log is missing" });
            }
            files::replace(&*self.disk, &last, 0o600, NOTHING_YET.as_bytes(), true)?;
        }
        let mut text = format!("{origin}\n");
        for key in keys {
            let _ = writeln!(text, "{key}");
        }
        files::replace(&*self.disk, &folder.join("keys"), 0o644, text.as_bytes(), true)
    }

    fn log_folder(&self, origin: &Origin) -> PathBuf {
        self.folder.join("logs").join(Digest::of(origin.as_str().as_bytes()).to_string())
    }

    fn read_text(&self, path: &Path, limit: u64) -> Result<String, LedgerError> {
        let bytes = self.disk.read(path, limit).map_err(io_error("read", path))?;
        String::from_utf8(bytes).map_err(|_| LedgerError::Damaged {
            path: path.to_owned(),
            offset: 0,
            what: "it is not UTF-8",
        })
    }

    /// Every log with what was last cosigned of it by `own`.
    pub(super) fn logs(&self, own: &VerifierKey) -> Result<BTreeMap<Origin, LogState>, LedgerError> {
        let folder = self.folder.join("logs");
        let mut logs = BTreeMap::new();
        for entry in self.disk.list(&folder).map_err(io_error("list", &folder))? {
            let folder = folder.join(&entry.name);
            let path = folder.join("keys");
            let damaged = |what| LedgerError::Damaged { path: folder.join("last"), offset: 0, what };
            let last = self.read_text(&folder.join("last"), MAX_NOTE_BYTES as u64);
            if !self.disk.exists(&path).map_err(io_error("look up", &path))? {
                // A crash while the log was added, before anything could be cosigned, is forgiven.
                match last {
                    Ok(last) if last != NOTHING_YET => return Err(damaged("the log's keys are missing")),
                    _ => continue,
                }
            }
            let text = self.read_text(&path, MAX_NOTE_BYTES as u64)?;
            let mut lines = text.lines();
            let origin = Origin::new(lines.next().unwrap_or_default())?;
            let keys = lines.map(str::parse).collect::<Result<Vec<VerifierKey>, _>>()?;
            if self.log_folder(&origin) != folder {
                return Err(LedgerError::Damaged { path, offset: 0, what: "the origin is another log's" });
            }
            let last = last?;
            let last = if last == NOTHING_YET {
                None
            } else {
                let note = Note::parse(last.as_bytes())?;
                let (_, own) = note
                    .verify(std::slice::from_ref(own))
                    .map_err(|_| damaged("this witness did not cosign what it is said to have cosigned"))?;
                let time = own.first().and_then(|s| s.time).unwrap_or(0);
                // The log's key may have been replaced since; the witness's own signature is what counts here.
                let checkpoint = VerifiedCheckpoint::cosigned_by_us(note)?;
                if checkpoint.checkpoint().origin != origin {
                    return Err(damaged("it is the checkpoint of another log"));
                }
                Some((checkpoint, time))
            };
            logs.insert(origin, LogState { keys, last });
        }
        Ok(logs)
    }

    /// Makes `checkpoint` the last one of its log, durably.
    pub(super) fn store(&self, origin: &Origin, checkpoint: &VerifiedCheckpoint) -> Result<(), LedgerError> {
        let path = self.log_folder(origin).join("last");
        files::replace(&*self.disk, &path, 0o600, checkpoint.note().to_string().as_bytes(), true)
    }

    /// Keeps a signed checkpoint that contradicts a cosigned one.
    pub(super) fn keep_fork(
        &self,
        origin: &Origin,
        checkpoint: &VerifiedCheckpoint,
    ) -> Result<(), LedgerError> {
        let folder = self.log_folder(origin);
        let bytes = checkpoint.note().unverified_text().as_bytes();
        let name = format!("fork-{}", Digest::of(bytes));
        let entries = self.disk.list(&folder).map_err(io_error("list", &folder))?;
        let forks = entries.iter().filter(|e| e.name.to_string_lossy().starts_with("fork-"));
        let path = folder.join(&name);
        if forks.count() >= MAX_FORKS || entries.iter().any(|e| e.name.to_string_lossy() == name) {
            return Ok(());
        }
        files::replace(&*self.disk, &path, 0o600, checkpoint.note().to_string().as_bytes(), true)
    }

    /// Names of the files that hold checkpoints contradicting a cosigned one of `origin`.
    ///
    /// # Errors
    /// [`LedgerError::Io`].
    pub fn forks(&self, origin: &Origin) -> Result<Vec<PathBuf>, LedgerError> {
        let folder = self.log_folder(origin);
        let entries = self.disk.list(&folder).map_err(io_error("list", &folder))?;
        let forks = entries.iter().filter(|e| e.name.to_string_lossy().starts_with("fork-"));
        Ok(forks.map(|e| folder.join(&e.name)).collect())
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}
