//! A new copy beside the old one, after somebody looked at a rollback or a fork and decided to go on.
//!
//! The old copy, with its keys, state and cosigning key, moves to `past/<n>/` and is never touched again. The new one
//! begins empty under another name and cosigning key, because a cosigner must never sign two histories of a log. Token and
//! recipient stay, so the primary needs no change. `history` has a line of JSON per beginning, with the reason.
//!
//! # Invariants
//! The decision is durable in `restarting` before anything moves, and each step can be done again: opening a vault
//! finishes what was interrupted.

use std::io;
use std::path::Path;
use std::sync::Arc;

use hinomi_model::{Disk, Entropy};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::checkpoint::VerifiedCheckpoint;
use crate::error::LedgerError;
use crate::files::{self, io_error};
use crate::note::KeyName;

use super::Vault;
use super::dir::{State, VaultDir};

const MAX_HISTORY: u64 = 16 << 20;
const MAX_REASON: usize = 4096;
/// What belongs to one copy. The key goes first and comes last.
const PARTS: [&str; 7] = ["name", "key", "state", "evidence", "keys", "erasures", "copies"];

/// A copy that was ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Restart {
    /// Number of the old copy, whose folder is `past/<n>`.
    pub past: u64,
    /// When, nanoseconds since 1970.
    pub at_ns: u64,
    /// Why, in the words of who decided.
    pub reason: String,
    /// Name that the new copy is cosigned under.
    pub name: String,
    /// Leaves that the old copy holds.
    pub size: u64,
    /// Root of their tree, as its checkpoint writes it.
    pub root: Option<String>,
}

impl Vault {
    /// Ends this copy and begins another, which cosigns as `name`. Open the vault again afterwards.
    ///
    /// # Errors
    /// [`LedgerError::Refused`] without a reason or with a name that was used before; [`LedgerError::Locked`] while copies
    /// to an object store are made; [`LedgerError::Io`].
    pub fn restart(
        self,
        entropy: &dyn Entropy,
        name: &KeyName,
        reason: &str,
    ) -> Result<Restart, LedgerError> {
        if reason.trim().is_empty() || reason.len() > MAX_REASON {
            return Err(LedgerError::Refused {
                why: "a new beginning needs a reason, of at most 4096 bytes",
            });
        }
        let known = history(&self.dir)?;
        let now = self.signer.name().as_str();
        if name.as_str() == now || known.iter().any(|r| r.name == name.as_str()) {
            return Err(LedgerError::Refused { why: "one name never cosigns two copies: choose another" });
        }
        let copies = self.dir.folder.join("copies");
        let held = self.state.held.as_ref();
        let restart = Restart {
            past: known.len() as u64 + 1,
            at_ns: self.now_ns(),
            reason: reason.to_owned(),
            name: name.as_str().to_owned(),
            size: self.state.size(),
            root: held.map(|held: &VerifiedCheckpoint| held.root().to_string()),
        };
        let disk = self.dir.disk.clone();
        let _copying = match disk.lock(&copies) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(LedgerError::Locked { path: copies });
            }
            other => other.ok(),
        };
        let mut seed = Zeroizing::new([0u8; 32]);
        entropy.fill(&mut *seed).map_err(io_error("draw random bytes for", &self.dir.folder.join("key")))?;
        files::replace(&*disk, &self.dir.folder.join("key.next"), 0o600, &*seed, true)?;
        files::replace(&*disk, &self.dir.folder.join("restarting"), 0o600, line(&restart)?.as_bytes(), true)?;
        finish(&disk, &self.dir.folder)?;
        Ok(restart)
    }

    /// The copies that were ended before this one, oldest first.
    ///
    /// # Errors
    /// [`LedgerError::Io`], [`LedgerError::Damaged`].
    pub fn history(&self) -> Result<Vec<Restart>, LedgerError> {
        history(&self.dir)
    }
}

fn line(restart: &Restart) -> Result<String, LedgerError> {
    let bad = |_| LedgerError::Malformed { kind: "history of the vault", what: "it cannot be written" };
    Ok(format!("{}\n", serde_json::to_string(restart).map_err(bad)?))
}

fn parse(path: &Path, text: &str) -> Result<Vec<Restart>, LedgerError> {
    let what = "a line of the vault's history";
    let damaged = |_| LedgerError::Damaged { path: path.to_owned(), offset: 0, what };
    text.lines().map(|line| serde_json::from_str(line).map_err(damaged)).collect()
}

fn history(dir: &VaultDir) -> Result<Vec<Restart>, LedgerError> {
    let path = dir.folder.join("history");
    if !dir.disk.exists(&path).map_err(io_error("look for", &path))? {
        return Ok(Vec::new());
    }
    parse(&path, &dir.text("history", MAX_HISTORY)?)
}

/// Carries out a decision that is written down; nothing without one.
pub(super) fn finish(disk: &Arc<dyn Disk>, folder: &Path) -> Result<(), LedgerError> {
    let marker = folder.join("restarting");
    if !disk.exists(&marker).map_err(io_error("look for", &marker))? {
        return Ok(());
    }
    let text = disk.read(&marker, MAX_HISTORY).map_err(io_error("read", &marker))?;
    let Some(restart) = parse(&marker, &String::from_utf8_lossy(&text))?.pop() else {
        return Err(LedgerError::Damaged { path: marker, offset: 0, what: "it is empty" });
    };
    let past = folder.join("past").join(restart.past.to_string());
    files::create_folders(&**disk, &past, 0o700)?;
    let next = folder.join("key.next");
    // While the new key has not its place, what stands under the names is the old copy.
    if disk.exists(&next).map_err(io_error("look for", &next))? {
        for part in PARTS {
            let (from, to) = (folder.join(part), past.join(part));
            let moved = disk.exists(&to).map_err(io_error("look for", &to))?;
            if !moved && disk.exists(&from).map_err(io_error("look for", &from))? {
                disk.rename(&from, &to).map_err(io_error("rename", &from))?;
            }
        }
        files::sync_dir(&**disk, &past)?;
        files::sync_dir(&**disk, folder)?;
        VaultDir::make_copy(&**disk, folder)?;
        files::replace(&**disk, &folder.join("name"), 0o644, format!("{}\n", restart.name).as_bytes(), true)?;
        files::replace(&**disk, &folder.join("state"), 0o600, State::default().encode().as_bytes(), true)?;
        let key = folder.join("key");
        disk.rename(&next, &key).map_err(io_error("rename", &key))?;
        files::sync_dir(&**disk, folder)?;
    }
    note_in_history(&**disk, folder, &restart)?;
    files::remove(&**disk, &marker)?;
    files::sync_dir(&**disk, folder)
}

fn note_in_history(disk: &dyn Disk, folder: &Path, restart: &Restart) -> Result<(), LedgerError> {
    let path = folder.join("history");
    let there = disk.exists(&path).map_err(io_error("look for", &path))?;
    let mut text = if there {
        let bytes = disk.read(&path, MAX_HISTORY).map_err(io_error("read", &path))?;
        String::from_utf8_lossy(&bytes).into_owned()
    } else {
        String::new()
    };
    let line = line(restart)?;
    if !text.ends_with(&line) {
        text.push_str(&line);
        files::replace(disk, &path, 0o600, text.as_bytes(), true)?;
    }
    Ok(())
}
