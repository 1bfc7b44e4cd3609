//! The saved state, from which following goes on after a restart.
//!
//! It is derived: without it everything is read again from leaf 0, with the same result. The first line holds the version
//! and the digest of the rest, which is JSON packed with zstd.

use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use hinomi_detect::live::{Live, SavedState};
use hinomi_ledger::health::Health;
use hinomi_model::{Digest, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::assembly::{Assembly, SavedStream};

const HEADER: &str = "hinomi live state 2 ";
/// Level of zstd: the detection thread packs.
const LEVEL: i32 = 1;

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
    #[serde(default)]
    pub(super) health: Option<Health>,
}

/// Of what is saved: the health of sources.
#[derive(Debug, Deserialize)]
struct SavedHealth {
    origin: String,
    position: u64,
    #[serde(default)]
    health: Option<Health>,
}

#[derive(Serialize)]
struct View<'a, L: Serialize> {
    origin: &'a str,
    position: u64,
    pack: &'a str,
    assembly: (u64, u64, Vec<SavedStream>),
    live: L,
    health: Option<&'a Health>,
}

/// The file in a data directory.
pub(super) fn path_in(data: &Path) -> PathBuf {
    data.join("derived").join("live").join("state")
}

/// The content of the file. It is packed while it is written: hundreds of thousands of matches are hundreds of megabytes
/// otherwise.
pub(super) fn content(
    (origin, position, pack): (&str, u64, &str),
    (assembly, live, health): (&Assembly, &Live, Option<&Health>),
) -> io::Result<Vec<u8>> {
    let view = View { origin, position, pack, assembly: assembly.saved(), live: live.saved(), health };
    let packed = zstd::stream::write::Encoder::new(Vec::new(), LEVEL)?;
    let mut buffer = io::BufWriter::with_capacity(1 << 16, packed);
    serde_json::to_writer(&mut buffer, &view)?;
    buffer.into_inner().map_err(io::IntoInnerError::into_error)?.finish()
}

/// Replaces the file. A crash leaves the old one or the new one.
pub(super) fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let header = format!("{HEADER}{}\n", Digest::of(content));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let next = path.with_extension("new");
    let mut options = std::fs::OpenOptions::new();
    // It holds what logs say of people.
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&next)?;
    file.write_all(header.as_bytes())?;
    file.write_all(content)?;
    file.sync_data()?;
    std::fs::rename(&next, path)
}

/// Reads the file; `None` when there is none or it is not sound, or of another ledger.
pub(super) fn load(path: &Path, origin: &str) -> Option<Saved> {
    let saved: Saved = read(path)?;
    (saved.origin == origin).then_some(saved)
}

/// The health of sources as it was saved last in a data directory, and the first leaf that it does not speak of.
pub fn saved_health(data: &Path, origin: &str) -> Option<(Health, u64)> {
    let saved: SavedHealth = read(&path_in(data))?;
    let health = saved.health.filter(|_| saved.origin == origin)?;
    Some((health, saved.position))
}

/// Of what is saved: how far it was.
#[derive(Debug, Deserialize)]
struct SavedPosition {
    origin: String,
    position: u64,
    live: SavedReceipt,
}

#[derive(Debug, Deserialize)]
struct SavedReceipt {
    #[serde(default)]
    received: Option<i64>,
}

/// The first leaf that was not looked at when detection was saved last, and the receipt of what was looked at before.
pub(crate) fn saved_position(data: &Path, origin: &str) -> Option<(u64, Option<Timestamp>)> {
    let saved: SavedPosition = read(&path_in(data))?;
    let received = saved.live.received.map(Timestamp::from_nanos);
    (saved.origin == origin).then_some((saved.position, received))
}

fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let bytes = std::fs::read(path).ok()?;
    let rest = bytes.strip_prefix(HEADER.as_bytes())?;
    let end = rest.iter().position(|b| *b == b'\n')?;
    let (digest, body) = (rest.get(..end)?, rest.get(end + 1..)?);
    if digest != Digest::of(body).to_string().as_bytes() {
        return None;
    }
    serde_json::from_slice(&zstd::stream::decode_all(body).ok()?).ok()
}
