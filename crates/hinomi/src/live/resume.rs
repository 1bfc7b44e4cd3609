//! The saved state, from which following goes on after a restart.
//!
//! It is derived: without it everything is read again from leaf 0, with the same result. The first line holds the version
//! and the digest of the rest.

use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use hinomi_detect::live::{Live, SavedState};
use hinomi_model::Digest;
use serde::{Deserialize, Serialize};

use super::assembly::{Assembly, SavedStream};

const HEADER: &str = "hinomi live state 1 ";

/// What is saved.
#[derive(Debug, Deserialize)]
pub(super) struct Saved {
    /// Origin of the ledger.
    pub(super) origin: String,
    /// First leaf that was not looked at.
    pub(super) position: u64,
    /// Rules that `live` is the state of.
    pub(super) pack: String,
    pub(super) assembly: (u64, u64, Vec<SavedStream>),
    pub(super) live: SavedState,
}

#[derive(Serialize)]
struct View<'a, L: Serialize> {
    origin: &'a str,
    position: u64,
    pack: &'a str,
    assembly: (u64, u64, Vec<SavedStream>),
    live: L,
}

/// The file in a data directory.
pub(super) fn path_in(data: &Path) -> PathBuf {
    data.join("derived").join("live").join("state")
}

/// Replaces the file. A crash leaves the old one or the new one.
pub(super) fn save(
    path: &Path,
    (origin, position, pack): (&str, u64, &str),
    assembly: &Assembly,
    live: &Live,
) -> io::Result<()> {
    let view = View { origin, position, pack, assembly: assembly.saved(), live: live.saved() };
    let body = serde_json::to_vec(&view)?;
    let header = format!("{HEADER}{}\n", Digest::of(&body));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let next = path.with_extension("new");
    let mut options = std::fs::OpenOptions::new();
    // It holds what logs say of people.
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&next)?;
    file.write_all(header.as_bytes())?;
    file.write_all(&body)?;
    file.sync_data()?;
    std::fs::rename(&next, path)
}

/// Reads the file; `None` when there is none or it is not sound, or of another ledger.
pub(super) fn load(path: &Path, origin: &str) -> Option<Saved> {
    let bytes = std::fs::read(path).ok()?;
    let rest = bytes.strip_prefix(HEADER.as_bytes())?;
    let end = rest.iter().position(|b| *b == b'\n')?;
    let (digest, body) = (rest.get(..end)?, rest.get(end + 1..)?);
    if digest != Digest::of(body).to_string().as_bytes() {
        return None;
    }
    let saved: Saved = serde_json::from_slice(body).ok()?;
    (saved.origin == origin).then_some(saved)
}
