//! Which object holds which file, in which store, and whether it still does.
//!
//! The journal `copies` beside a vault's state has a line per copy: store, key, version, SHA-256, length, end of the lock
//! in nanoseconds since 1970, parted by tabs. A later line about the same store and key replaces an earlier one.

use std::collections::BTreeMap;
use std::io::{self, IoSlice, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hinomi_model::{Access, Digest, Disk, DiskFile, DiskLock, EntryKind, Hashing};

use super::store::{LockMode, ObjectStore};
use crate::error::LedgerError;
use crate::files::{self, io_error};

const MAX_JOURNAL: u64 = 256 << 20;
const STEP: usize = 1 << 20;

/// One copy.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Entry {
    version: String,
    sha256: Digest,
    len: u64,
    until_ns: u64,
}

/// What is wrong with a copy.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum CopyFault {
    /// It is not there.
    Missing {
        /// Object.
        key: String,
    },
    /// Its bytes are others.
    Altered {
        /// Object.
        key: String,
    },
    /// Its lock is weaker or ends earlier than what was asked for.
    Unlocked {
        /// Object.
        key: String,
    },
}

impl CopyFault {
    /// The object.
    pub fn key(&self) -> &str {
        match self {
            Self::Missing { key } | Self::Altered { key } | Self::Unlocked { key } => key,
        }
    }
}

/// How much of a copy is checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Depth {
    /// That the store says it has it, locked.
    Presence,
    /// Every byte.
    Content,
}

/// What was copied.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Copied {
    /// Objects.
    pub objects: u64,
    /// Bytes.
    pub bytes: u64,
}

/// The copies of one vault.
#[derive(Debug)]
pub struct Copies {
    disk: Arc<dyn Disk>,
    evidence: PathBuf,
    journal: PathBuf,
    prefix: String,
    known: BTreeMap<(String, String), Entry>,
    _lock: Box<dyn DiskLock>,
}

impl Copies {
    /// The copies of the vault in `folder`, under `prefix` in every store.
    ///
    /// # Errors
    /// [`LedgerError::Locked`] while somebody else copies; [`LedgerError::Io`], [`LedgerError::Damaged`] for a journal
    /// that is none.
    pub fn open(disk: Arc<dyn Disk>, folder: &Path, prefix: &str) -> Result<Self, LedgerError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        if prefix.is_empty() || !prefix.chars().all(plain) || prefix.contains("..") {
            return Err(LedgerError::Malformed { kind: "prefix", what: "letters, digits, - _ . /" });
        }
        let journal = folder.join("copies");
        if !disk.exists(&journal).map_err(io_error("look for", &journal))? {
            files::create(&*disk, &journal, 0o600, b"")?;
        }
        let lock = disk.lock(&journal).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => LedgerError::Locked { path: journal.clone() },
            _ => io_error("lock", &journal)(error),
        })?;
        let bytes = disk.read(&journal, MAX_JOURNAL).map_err(io_error("read", &journal))?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let mut known = BTreeMap::new();
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            let damaged =
                LedgerError::Damaged { path: journal.clone(), offset: at, what: "a line of the journal" };
            at += line.len() as u64;
            // A torn last line: that copy does not count and is made again.
            let Some(line) = line.strip_suffix('\n') else { break };
            let (name, entry) = parse(line).ok_or(damaged)?;
            known.insert(name, entry);
        }
        let evidence = folder.join("evidence");
        Ok(Self { disk, evidence, journal, prefix: prefix.to_owned(), known, _lock: lock })
    }

    /// Copies every sealed file that `store` has not yet, locked until `until_ns`.
    ///
    /// # Errors
    /// [`LedgerError::Unreachable`] of the store, [`LedgerError::Io`] of this disk.
    pub fn copy(&mut self, store: &mut dyn ObjectStore, until_ns: u64) -> Result<Copied, LedgerError> {
        let mut done = Copied::default();
        for path in self.sealed_files()? {
            let key = self.key_of(&path);
            if self.known.contains_key(&(store.name(), key.clone())) {
                continue;
            }
            let full = self.evidence.join(&path);
            let (len, sha256) = self.measure(&full)?;
            let mut body = self.reader(&full)?;
            self.put(store, &key, &mut body, (len, sha256), until_ns)?;
            done.objects += 1;
            done.bytes += len;
        }
        Ok(done)
    }

    fn put(
        &mut self,
        store: &mut dyn ObjectStore,
        key: &str,
        body: &mut dyn Read,
        (len, sha256): (u64, Digest),
        until_ns: u64,
    ) -> Result<(), LedgerError> {
        let version = store.put(key, body, len, &sha256, until_ns)?;
        if version.is_empty() || version.contains(['\t', '\n']) {
            return Err(LedgerError::Refused { why: "the store keeps no versions" });
        }
        let entry = Entry { version, sha256, len, until_ns };
        let line = format!("{}\t{key}\t{}\t{sha256}\t{len}\t{until_ns}\n", store.name(), entry.version);
        let file =
            self.disk.open(&self.journal, Access::ReadWrite).map_err(io_error("open", &self.journal))?;
        let end = file.len().map_err(io_error("measure", &self.journal))?;
        file.write_all_at(&[IoSlice::new(line.as_bytes())], end).map_err(io_error("write", &self.journal))?;
        file.sync_data().map_err(io_error("sync", &self.journal))?;
        self.known.insert((store.name(), key.to_owned()), entry);
        Ok(())
    }

    /// Looks whether every copy is still in `store`, as it was put there.
    ///
    /// # Errors
    /// [`LedgerError::Unreachable`]: an answer that does not come is no finding.
    pub fn check(&self, store: &mut dyn ObjectStore, depth: Depth) -> Result<Vec<CopyFault>, LedgerError> {
        let mut faults = Vec::new();
        let name = store.name();
        for ((_, key), entry) in self.known.iter().filter(|((s, _), _)| *s == name) {
            let key = key.clone();
            let Some(found) = store.head(&key, &entry.version)? else {
                faults.push(CopyFault::Missing { key });
                continue;
            };
            if found.mode != LockMode::Compliance
                || found.until_ns / 1_000_000_000 < entry.until_ns / 1_000_000_000
            {
                faults.push(CopyFault::Unlocked { key: key.clone() });
            }
            if found.len != entry.len {
                faults.push(CopyFault::Altered { key });
            } else if depth == Depth::Content {
                match digest_of(store, &key, entry)? {
                    None => faults.push(CopyFault::Missing { key }),
                    Some(digest) if digest != entry.sha256 => faults.push(CopyFault::Altered { key }),
                    Some(_) => {}
                }
            }
        }
        Ok(faults)
    }

    /// Puts back what `faults` says is gone from `store`: from the vault's own files, or else from `second`. What neither
    /// has any more is returned.
    ///
    /// # Errors
    /// [`LedgerError::Unreachable`] of a store, [`LedgerError::Io`] of this disk.
    pub fn restore(
        &mut self,
        store: &mut dyn ObjectStore,
        second: Option<&mut dyn ObjectStore>,
        faults: &[CopyFault],
        until_ns: u64,
    ) -> Result<Vec<String>, LedgerError> {
        let mut lost = Vec::new();
        let mut second = second;
        for key in faults.iter().map(CopyFault::key) {
            let Some(entry) = self.known.get(&(store.name(), key.to_owned())).cloned() else { continue };
            let until_ns = until_ns.max(entry.until_ns);
            let spare = match &mut second {
                Some(second) => self.fetch_spare(*second, key, &entry)?,
                None => None,
            };
            let own = self.own_file(key, &entry)?;
            match spare.or(own) {
                Some(path) => {
                    let mut body = self.reader(&path)?;
                    self.put(store, key, &mut body, (entry.len, entry.sha256), until_ns)?;
                }
                None => lost.push(key.to_owned()),
            }
            files::remove(&*self.disk, &self.spare())?;
        }
        Ok(lost)
    }

    fn spare(&self) -> PathBuf {
        self.journal.with_file_name("copies.spare")
    }

    /// The vault's own file of a key, if it still has the right bytes.
    fn own_file(&self, key: &str, entry: &Entry) -> Result<Option<PathBuf>, LedgerError> {
        let Some(below) = key.strip_prefix(&self.prefix).and_then(|k| k.strip_prefix('/')) else {
            return Ok(None);
        };
        let path = self.evidence.join(below);
        if !self.disk.exists(&path).map_err(io_error("look for", &path))? {
            return Ok(None);
        }
        Ok((self.measure(&path)? == (entry.len, entry.sha256)).then_some(path))
    }

    /// The copy in another store, if it has the right bytes.
    fn fetch_spare(
        &self,
        second: &mut dyn ObjectStore,
        key: &str,
        wanted: &Entry,
    ) -> Result<Option<PathBuf>, LedgerError> {
        let Some(entry) = self.known.get(&(second.name(), key.to_owned())) else { return Ok(None) };
        let path = self.spare();
        files::remove(&*self.disk, &path)?;
        let create = Access::CreateNew { mode: 0o600 };
        let file = self.disk.open(&path, create).map_err(io_error("create", &path))?;
        let mut at = 0;
        let found = second.get(key, &entry.version, &mut |piece| {
            if at + piece.len() as u64 > wanted.len {
                return Err(LedgerError::Malformed {
                    kind: "object",
                    what: "it is longer than what was stored",
                });
            }
            file.write_all_at(&[IoSlice::new(piece)], at).map_err(io_error("write", &path))?;
            at += piece.len() as u64;
            Ok(())
        });
        match found {
            Ok(true) if self.measure(&path)? == (wanted.len, wanted.sha256) => Ok(Some(path)),
            Ok(_) | Err(LedgerError::Malformed { .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }

    fn key_of(&self, path: &Path) -> String {
        format!("{}/{}", self.prefix, path.display())
    }

    /// Files of evidence that never change again: segments, full tiles and bundles, what the ledger is.
    fn sealed_files(&self) -> Result<Vec<PathBuf>, LedgerError> {
        let mut out = vec![PathBuf::from("format")];
        out.retain(|f| self.disk.exists(&self.evidence.join(f)).unwrap_or(false));
        let segments = PathBuf::from("segments");
        for number in files::numbered(&*self.disk, &self.evidence.join(&segments), ".seg")? {
            out.push(files::numbered_path(&segments, number, ".seg"));
        }
        self.full_tiles(Path::new("log/tile"), 0, &mut out)?;
        Ok(out)
    }

    fn full_tiles(&self, folder: &Path, depth: usize, out: &mut Vec<PathBuf>) -> Result<(), LedgerError> {
        let full = self.evidence.join(folder);
        let entries = match self.disk.list(&full) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other.map_err(io_error("list", &full))?,
        };
        for entry in entries {
            let path = folder.join(&entry.name);
            let partial = entry.name.to_string_lossy().ends_with(".p");
            match entry.kind {
                EntryKind::Folder if !partial && depth < 10 => self.full_tiles(&path, depth + 1, out)?,
                EntryKind::File => out.push(path),
                _ => {}
            }
        }
        Ok(())
    }

    fn measure(&self, path: &Path) -> Result<(u64, Digest), LedgerError> {
        let mut reader = self.reader(path)?;
        let mut sha = Hashing::default();
        let mut buffer = vec![0; STEP];
        let mut len = 0;
        loop {
            let read = reader.read(&mut buffer).map_err(io_error("read", path))?;
            if read == 0 {
                return Ok((len, sha.finish()));
            }
            sha.update(buffer.get(..read).unwrap_or_default());
            len += read as u64;
        }
    }

    fn reader(&self, path: &Path) -> Result<FileReader, LedgerError> {
        let file = self.disk.open(path, Access::Read).map_err(io_error("open", path))?;
        Ok(FileReader { file, at: 0 })
    }
}

struct FileReader {
    file: Arc<dyn DiskFile>,
    at: u64,
}

impl Read for FileReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

fn digest_of(store: &mut dyn ObjectStore, key: &str, entry: &Entry) -> Result<Option<Digest>, LedgerError> {
    let mut sha = Hashing::default();
    let mut len = 0;
    let found = store.get(key, &entry.version, &mut |piece| {
        len += piece.len() as u64;
        if len > entry.len {
            return Err(LedgerError::Malformed { kind: "object", what: "it is longer than what was stored" });
        }
        sha.update(piece);
        Ok(())
    });
    match found {
        Ok(true) => Ok(Some(sha.finish())),
        Ok(false) => Ok(None),
        // Longer than it may be: another digest for sure.
        Err(LedgerError::Malformed { .. }) => Ok(Some(Digest::of(entry.sha256.as_bytes()))),
        Err(other) => Err(other),
    }
}

fn parse(line: &str) -> Option<((String, String), Entry)> {
    let mut parts = line.split('\t');
    let name = (parts.next()?.to_owned(), parts.next()?.to_owned());
    let version = parts.next()?.to_owned();
    let (sha256, len) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let until_ns = parts.next()?.parse().ok()?;
    Some((name, Entry { version, sha256, len, until_ns }))
}
