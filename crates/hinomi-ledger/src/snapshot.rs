//! A ledger as it is at one moment, for a copy that is taken while its writer goes on.
//!
//! What is named is what a loss of power at that moment could have left: every write-ahead file up to a place before
//! which all frames are whole, every segment, and the published log as of a checkpoint that those cover. Opening such a
//! copy for writing is the recovery that opening always is; reading and verifying it need none.
//!
//! # Invariants
//! - The keys are read last and include every key that the files use; an erasure or a change of the signing key in
//!   between begins the snapshot again, so that log and keys never contradict each other.
//! - Nothing is locked and nothing is written.
//!
//! # Not here
//! Where the copy goes and who can read it ([`crate::SealedWriter`]). A vault's copy is better evidence: it was checked by
//! another machine ([`crate::vault`]).

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hinomi_model::{Access, Disk, DiskFile};
use zeroize::Zeroizing;

use crate::LedgerError;
use crate::checkpoint::{Checkpoint, VerifiedCheckpoint};
use crate::cursor::Cursor;
use crate::engine::{Identity, load_identity};
use crate::files::{io_error, numbered, numbered_path};
use crate::frame::{Frame, FrameKind};
use crate::keys::{KeyRing, load_signer};
use crate::leaf::{Leaf, Repair};
use crate::note::{Algorithm, Note, VerifierKey};
use crate::options::Places;
use crate::scan::{Buffered, Scan};
use crate::segment::segment_path;
use crate::tlog::{Tile, TileKind};
use crate::wal::wal_path;

/// How often a ledger that changed under the snapshot is looked at again, and how much longer each time until then: 12 s in all. A
/// change of the signing key waits for the disk.
const TRIES: u32 = 50;
const TRY_PAUSE: Duration = Duration::from_millis(10);
const STEP: u64 = 1 << 20;
/// How often, and how long apart, a checkpoint is looked for that is about to be shown.
const SHOWN_WITHIN: u32 = 500;
const SHOWN_PAUSE: Duration = Duration::from_millis(20);
const MAX_KEYS: u64 = 1 << 31;
const PRIVATE: u32 = 0o600;
const PUBLIC: u32 = 0o644;

/// A ledger at one moment.
#[derive(Debug)]
pub struct Snapshot {
    /// What it is.
    pub identity: Identity,
    /// The published checkpoint, signed by the ledger's key.
    pub checkpoint: String,
    /// Leaves that it covers.
    pub size: u64,
    /// Files to copy. Their order does not matter.
    pub files: Vec<SnapshotFile>,
}

/// A file of a snapshot.
#[derive(Debug)]
pub struct SnapshotFile {
    /// Where it is.
    pub path: PathBuf,
    /// The permission bits that its copy needs.
    pub mode: u32,
    /// Bytes that belong to the snapshot; the file may have more.
    pub len: u64,
    content: Content,
}

enum Content {
    Bytes(Zeroizing<Vec<u8>>),
    /// Held open: its name may go.
    Open(Arc<dyn DiskFile>),
    /// Complete, and never changed or removed.
    Named,
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Bytes(_) => "Bytes",
            Self::Open(_) => "Open",
            Self::Named => "Named",
        })
    }
}

impl SnapshotFile {
    fn of_bytes(path: PathBuf, mode: u32, bytes: Vec<u8>) -> Self {
        let len = bytes.len() as u64;
        Self { path, mode, len, content: Content::Bytes(Zeroizing::new(bytes)) }
    }

    /// Hands over its bytes, part by part.
    ///
    /// # Errors
    /// What reading meets, and what `take` gives back.
    pub fn copy(&self, disk: &dyn Disk, take: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let file = match &self.content {
            Content::Bytes(bytes) => return take(bytes),
            Content::Open(file) => file.clone(),
            Content::Named => disk.open(&self.path, Access::Read)?,
        };
        let mut buffer = vec![0; self.len.min(STEP) as usize];
        let mut at = 0;
        while at < self.len {
            let n = (self.len - at).min(STEP) as usize;
            let part = buffer.get_mut(..n).unwrap_or_default();
            file.read_exact_at(part, at)?;
            take(part)?;
            at += n as u64;
        }
        Ok(())
    }
}

/// Looks at a ledger, which may be open for writing elsewhere. Without `evidence` only its keys and its checkpoint are
/// taken.
///
/// # Errors
/// [`LedgerError::Missing`] where there is none; [`LedgerError::NotAuthentic`] when the checkpoint is not signed by the key
/// that is there; what reading meets.
pub fn snapshot(disk: &dyn Disk, places: &Places, evidence: bool) -> Result<Snapshot, LedgerError> {
    for number in 1..=TRIES {
        if let Some(found) = attempt(disk, places, evidence)? {
            return Ok(found);
        }
        std::thread::sleep(TRY_PAUSE * number);
    }
    Err(LedgerError::Refused { why: "the ledger changed all the time while it was looked at" })
}

/// The files of keys that say what a copy can be opened with.
#[derive(PartialEq, Eq)]
struct KeyFiles {
    epochs: Vec<u64>,
    signer: Zeroizing<Vec<u8>>,
    /// Whether the signing key is being changed.
    changing: bool,
}

fn key_files(disk: &dyn Disk, places: &Places) -> Result<KeyFiles, LedgerError> {
    let signer = disk.read(&places.signer(), 4096).map_err(io_error("read", &places.signer()))?;
    let next = places.keys.join("signer.next");
    let changing = disk.exists(&next).map_err(io_error("look for", &next))?;
    Ok(KeyFiles { epochs: numbered(disk, &places.keys, ".ring")?, signer: Zeroizing::new(signer), changing })
}

/// One look; `None` when the ledger changed meanwhile in a way that matters.
fn attempt(disk: &dyn Disk, places: &Places, evidence: bool) -> Result<Option<Snapshot>, LedgerError> {
    let identity = load_identity(disk, places)?;
    let Some(before) = present(key_files(disk, places))? else { return Ok(None) };
    let mut files = Vec::new();
    // Open before the checkpoint is read: what it covers and is not in tiles that were synced is in these.
    let wal = if evidence { open_wal(disk, places)? } else { Some(Vec::new()) };
    let Some(wal) = wal else { return Ok(None) };
    let checkpoint =
        disk.read(&places.checkpoint(), 1 << 20).map_err(io_error("read", &places.checkpoint()))?;
    let note = Note::parse(&checkpoint)?;
    let size = note.unverified_text().parse::<Checkpoint>()?.size;
    if evidence {
        let Some(tiles) = tiles(disk, places, size)? else { return Ok(None) };
        files.extend(tiles);
        let first = wal.first().map_or(0, |(number, _)| *number);
        let Some((wal, named, beyond)) = ends(disk, places, wal, size)? else { return Ok(None) };
        await_published(disk, places, beyond)?;
        files.extend(segments(disk, places, first, &named)?);
        files.extend(wal);
        files.push(SnapshotFile::of_bytes(places.checkpoint(), PUBLIC, checkpoint));
        files.push(SnapshotFile::of_bytes(places.format(), PUBLIC, identity.encode().into_bytes()));
        files.push(SnapshotFile::of_bytes(places.lock(), PRIVATE, Vec::new()));
    }
    let Some(keys) = present(keys(disk, places))? else { return Ok(None) };
    let Some(after) = present(key_files(disk, places))? else { return Ok(None) };
    if before != after || after.epochs.len() != 1 || after.changing {
        return Ok(None);
    }
    files.extend(keys);
    // A checkpoint of before a change of the key is nothing that these keys could have signed.
    let signer = load_signer(disk, &places.signer())?.verifier(Algorithm::Ed25519);
    let opened = VerifiedCheckpoint::open(note.to_string().as_bytes(), &identity.origin, &[signer], &[])?;
    Ok(Some(Snapshot { identity, checkpoint: opened.note().to_string(), size, files }))
}

/// `None` for a file that went between two looks.
fn present<T>(found: Result<T, LedgerError>) -> Result<Option<T>, LedgerError> {
    match found {
        Err(LedgerError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

/// Files, segments that are named in them, and the size of the first checkpoint that was not shown yet, or 0.
type Ends = (Vec<SnapshotFile>, BTreeSet<u64>, u64);
type OpenWal = Vec<(u64, Arc<dyn DiskFile>)>;

fn open_wal(disk: &dyn Disk, places: &Places) -> Result<Option<OpenWal>, LedgerError> {
    let mut open = Vec::new();
    for number in numbered(disk, &places.wal(), ".wal")? {
        let path = wal_path(&places.wal(), number);
        match present(disk.open(&path, Access::Read).map_err(io_error("open", &path)))? {
            Some(file) => open.push((number, file)),
            None => return Ok(None),
        }
    }
    Ok(if open.is_empty() { None } else { Some(open) })
}

/// How far each write-ahead file is whole and says nothing beyond a checkpoint of `size` leaves, and the segments that are
/// named in them. `None` when a newer file has begun: then what was read before may be in it.
fn ends(disk: &dyn Disk, places: &Places, open: OpenWal, size: u64) -> Result<Option<Ends>, LedgerError> {
    let newest = open.last().map_or(0, |(number, _)| *number);
    let (mut files, mut named, mut beyond) = (Vec::new(), BTreeSet::new(), 0);
    for (number, file) in open {
        let path = wal_path(&places.wal(), number);
        let Some(source) = present(Buffered::open(disk, &path))? else { return Ok(None) };
        let mut scan = Scan::new(source, number);
        let mut len = 0;
        while let Some((place, frame)) = scan.next_sound()? {
            beyond = signed_size(&frame)?.filter(|signed| *signed > size).unwrap_or(0);
            if beyond > 0 {
                break;
            }
            named.extend(segments_named(&frame)?);
            len = place.offset + place.len;
        }
        // A file whose first frame is not whole was never used.
        if len > 0 {
            files.push(SnapshotFile { path, mode: PRIVATE, len, content: Content::Open(file) });
        }
        if beyond > 0 {
            break;
        }
    }
    let now = numbered(disk, &places.wal(), ".wal")?;
    Ok((now.last() == Some(&newest)).then_some((files, named, beyond)))
}

/// The size of the log that a frame signs, if it does.
fn signed_size(frame: &Frame) -> Result<Option<u64>, LedgerError> {
    if frame.prelude.kind != FrameKind::Checkpoint {
        return Ok(None);
    }
    let note = Note::parse(frame.body())?;
    Ok(Some(note.unverified_text().parse::<Checkpoint>()?.size))
}

/// Records that follow a checkpoint in the write-ahead log are written after it was shown. So what is left out behind one
/// that was not shown yet was acknowledged after the snapshot began, unless showing fails, which has to be said.
fn await_published(disk: &dyn Disk, places: &Places, size: u64) -> Result<(), LedgerError> {
    for _ in 0..SHOWN_WITHIN {
        let bytes =
            disk.read(&places.checkpoint(), 1 << 20).map_err(io_error("read", &places.checkpoint()))?;
        if Note::parse(&bytes)?.unverified_text().parse::<Checkpoint>()?.size >= size {
            return Ok(());
        }
        std::thread::sleep(SHOWN_PAUSE);
    }
    Err(LedgerError::Refused { why: "the published checkpoint lags behind what is kept; is the disk full?" })
}

fn segments_named(frame: &Frame) -> Result<Vec<u64>, LedgerError> {
    let mut named = Vec::new();
    if frame.prelude.kind == FrameKind::Leaves {
        let mut body = Cursor::new(frame.body(), "frame of leaves");
        while !body.is_at_end() {
            if let Leaf::SegmentSealed(segment) = Leaf::decode(body.bytes16()?)? {
                named.push(segment.number);
            }
        }
    }
    Ok(named)
}

/// The tiles of a tree of `size` leaves. Partial ones are read at once, because they go after a few more checkpoints.
fn tiles(disk: &dyn Disk, places: &Places, size: u64) -> Result<Option<Vec<SnapshotFile>>, LedgerError> {
    let mut files = Vec::new();
    for kind in (0..=7).map(TileKind::Hashes).chain([TileKind::Entries]) {
        let mut index = 0;
        while let Some(tile) = Tile::in_tree(kind, index, size) {
            let path = places.log().join(tile.path());
            if tile.is_full() {
                let found = disk.metadata(&path).map_err(io_error("look at", &path))?;
                files.push(SnapshotFile { path, mode: PUBLIC, len: found.len, content: Content::Named });
            } else {
                match present(disk.read(&path, STEP * 32).map_err(io_error("read", &path)))? {
                    Some(bytes) => files.push(SnapshotFile::of_bytes(path, PUBLIC, bytes)),
                    None => return Ok(None),
                }
            }
            index += 1;
        }
    }
    Ok(Some(files))
}

/// Segments that replace a file before the first write-ahead file, or are named behind it. Another one is made again.
fn segments(
    disk: &dyn Disk,
    places: &Places,
    first: u64,
    named: &BTreeSet<u64>,
) -> Result<Vec<SnapshotFile>, LedgerError> {
    let mut files = Vec::new();
    let all = numbered(disk, &places.segments(), ".seg")?.into_iter();
    for number in all.filter(|number| *number < first || named.contains(number)) {
        let path = segment_path(&places.segments(), number);
        let found = disk.metadata(&path).map_err(io_error("look at", &path))?;
        files.push(SnapshotFile { path, mode: PRIVATE, len: found.len, content: Content::Named });
    }
    Ok(files)
}

fn keys(disk: &dyn Disk, places: &Places) -> Result<Vec<SnapshotFile>, LedgerError> {
    let mut files = Vec::new();
    let mut paths = vec![places.signer()];
    for ending in [".kek", ".ring"] {
        let numbers = numbered(disk, &places.keys, ending)?;
        paths.extend(numbers.into_iter().map(|number| numbered_path(&places.keys, number, ending)));
    }
    for path in paths {
        let bytes = disk.read(&path, MAX_KEYS).map_err(io_error("read", &path))?;
        files.push(SnapshotFile::of_bytes(path, PRIVATE, bytes));
    }
    Ok(files)
}

/// What keys that stand alone can do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeysFound {
    /// Data keys, each opened and compared with its commitment.
    pub keys: u64,
    /// The public half of the signing key.
    pub signer: VerifierKey,
}

/// Opens every key of a ledger whose evidence need not be there.
///
/// # Errors
/// [`LedgerError::Missing`], [`LedgerError::Damaged`], [`LedgerError::NotAuthentic`] for keys that do not open or are another
/// ledger's.
pub fn check_keys(disk: &dyn Disk, places: &Places, ledger: [u8; 16]) -> Result<KeysFound, LedgerError> {
    let mut ring = KeyRing::load(disk, &places.keys, ledger, false)?;
    let all: Vec<_> = ring.entries().map(|entry| entry.key).collect();
    for key in &all {
        ring.data_key(*key)?;
    }
    let signer = load_signer(disk, &places.signer())?.verifier(Algorithm::Ed25519);
    Ok(KeysFound { keys: all.len() as u64, signer })
}

/// Has the next opening for writing record in the log that the ledger was restored `from` a copy, up to `checkpoint`. The
/// leaf is that of a repair of the published checkpoint.
///
/// # Errors
/// What writing meets.
pub fn note_restored(
    disk: &dyn Disk,
    places: &Places,
    checkpoint: &Path,
    from: &str,
) -> Result<(), LedgerError> {
    let (_, after) = crate::scan::digest_of(disk, checkpoint)?;
    let repair = Repair { file: "log/checkpoint".to_owned(), before: [0; 32], after, from: from.to_owned() };
    crate::repair::owe(disk, places, repair)
}
