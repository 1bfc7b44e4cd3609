//! From what a crash, or a shutdown, left on the disk to the state in which the write path goes on.
//!
//! # Invariants
//! - Only bytes that were never acknowledged are dropped, and only at the end of the newest file: behind them no frame
//!   says that they were durable, and no published checkpoint covers them. Everything else that does not fit is an error
//!   with its place; nothing is skipped.
//! - What was written but perhaps not synced is written again before anything is built on it: after a failed sync the
//!   system may show bytes that never reached the disk.
//!
//! # Trust
//! The files may have been changed by somebody who read this program. Recovery refuses what contradicts itself; what a
//! consistent forgery would look like only an anchor outside this machine can tell ([`crate::verify`]).

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use hinomi_model::Disk;

use super::core::BlockState;
use super::watching::Watched;
use crate::LedgerError;
use crate::checkpoint::Checkpoint;
use crate::cursor::Cursor;
use crate::files::{self, numbered};
use crate::frame::{Frame, FrameKind};
use crate::keys::KeyRing;
use crate::leaf::{BlockId, DataKeyId, Leaf, SegmentSealed};
use crate::log_state::{Finished, LogState};
use crate::note::Note;
use crate::options::Places;
use crate::scan::{Buffered, Found, Scan, read_frame};
use crate::seal::{RecordsHeader, unpack};
use crate::wal::{Opening, Place, ResumeAt, wal_path};

/// What opening a ledger found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Recovery {
    /// Write-ahead files replayed.
    pub files: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Leaves replayed.
    pub leaves: u64,
    /// Blocks that had no leaf yet.
    pub open_blocks: u64,
    /// Records in them.
    pub open_records: u64,
    /// Bytes at the end that were never acknowledged and are gone.
    pub dropped_bytes: u64,
    /// Keys whose interrupted destruction was finished.
    pub keys_destroyed: u64,
}

/// The outcome of replaying the write-ahead log.
pub(crate) struct Replayed {
    pub state: LogState,
    pub finished: Finished,
    pub open: Vec<BlockState>,
    /// Size and text of the last checkpoint.
    pub signed: (u64, String),
    pub newest: u64,
    /// Leaves before the first write-ahead file.
    pub first_size: u64,
    pub sealed: bool,
    /// Whether the newest file has records.
    pub has_records: bool,
    pub resume: ResumeAt,
    /// Files that are sealed and may be packed, the newest excluded unless sealed.
    pub sealed_files: Vec<u64>,
    /// Segments that have a leaf.
    pub named: BTreeMap<u64, SegmentSealed>,
    /// The signer that the last rotation leaf names.
    pub rotated: Option<String>,
    /// Keys that have a tombstone.
    pub buried: Vec<DataKeyId>,
    /// Leaves that say something about sources.
    pub watched: Watched,
    pub report: Recovery,
}

/// A block whose leaf was not met yet.
struct Pending {
    order: u64,
    key: DataKeyId,
    count: u32,
    frames: Vec<Place>,
}

struct Replay<'a> {
    ledger: &'a [u8; 16],
    ring: &'a mut KeyRing,
    state: Option<LogState>,
    first_size: Option<u64>,
    finished: Finished,
    open: BTreeMap<BlockId, Pending>,
    signed: (u64, String),
    next_frame: Option<u64>,
    durable: u64,
    durable_len: u64,
    ends: Vec<(u64, u64)>,
    created_ns: u64,
    sealed: bool,
    has_records: bool,
    named: BTreeMap<u64, SegmentSealed>,
    buried: Vec<DataKeyId>,
    /// Keys with a leaf that the ring does not have.
    unknown: Vec<DataKeyId>,
    rotated: Option<String>,
    watched: Watched,
    report: Recovery,
}

/// Replays all write-ahead files.
pub(crate) fn replay(
    disk: &dyn Disk,
    places: &Places,
    ledger: &[u8; 16],
    ring: &mut KeyRing,
) -> Result<Replayed, LedgerError> {
    let folder = places.wal();
    let numbers = present(disk, &folder)?;
    let mut replay = Replay::new(ledger, ring);
    let newest = numbers.last().copied().unwrap_or(0);
    let mut end = 0;
    let mut sealed_files = Vec::new();
    for number in numbers {
        end = replay.file(disk, &folder, number, number == newest)?;
        if replay.sealed {
            sealed_files.push(number);
        }
    }
    replay.check_keys(&places.keys)?;
    let path = wal_path(&folder, newest);
    let open = replay.open_blocks(disk, &folder)?;
    let state = replay.state.unwrap_or_default();
    check_published(disk, places, &state, &path, end)?;
    let first_size = replay.first_size.unwrap_or(0);
    let resume = ResumeAt {
        len: end,
        durable_len: replay.durable_len,
        next_frame: replay.next_frame.unwrap_or(0),
        created_ns: replay.created_ns,
    };
    let mut report = replay.report;
    report.open_blocks = open.len() as u64;
    report.open_records = open.iter().map(|b| b.tree.size()).sum();
    Ok(Replayed {
        state,
        finished: replay.finished,
        open,
        signed: replay.signed,
        newest,
        first_size,
        sealed: replay.sealed,
        has_records: replay.has_records,
        resume,
        sealed_files,
        named: replay.named,
        rotated: replay.rotated,
        buried: replay.buried,
        watched: replay.watched,
        report,
    })
}

/// The numbers of the files, which have no gap. A newest file that has not even its first frame was never used.
fn present(disk: &dyn Disk, folder: &Path) -> Result<Vec<u64>, LedgerError> {
    let mut numbers = numbered(disk, folder, ".wal")?;
    if let [.., before, newest] = numbers.as_slice()
        && *newest == before + 1
    {
        let path = wal_path(folder, *newest);
        let mut scan = Scan::new(Buffered::open(disk, &path)?, *newest);
        if !matches!(scan.next(None)?, Found::Frame(..)) && !scan.was_durable(0)? {
            files::remove(disk, &path)?;
            files::sync_dir(disk, folder)?;
            numbers.pop();
        }
    }
    let missing = |n: u64| LedgerError::Missing {
        what: "write-ahead file",
        name: wal_path(folder, n).display().to_string(),
    };
    for pair in numbers.windows(2) {
        if let [a, b] = pair
            && *b != a + 1
        {
            return Err(missing(a + 1));
        }
    }
    if numbers.is_empty() { Err(missing(1)) } else { Ok(numbers) }
}

/// A checkpoint that was shown covers only what was durable before: if the replayed log is shorter, something is gone.
fn check_published(
    disk: &dyn Disk,
    places: &Places,
    state: &LogState,
    wal: &Path,
    end: u64,
) -> Result<(), LedgerError> {
    let Ok(bytes) = disk.read(&places.checkpoint(), 1 << 20) else { return Ok(()) };
    // It is not synced when it is replaced, so a crash may leave it torn.
    let Ok(note) = Note::parse(&bytes) else { return Ok(()) };
    let Ok(shown) = note.unverified_text().parse::<Checkpoint>() else { return Ok(()) };
    if shown.size > state.size() {
        let what = "the log ends before its published checkpoint: acknowledged records are missing";
        return Err(LedgerError::Damaged { path: wal.to_owned(), offset: end, what });
    }
    if shown.size == state.size() && shown.root != state.root() {
        let what = "its root is not the one of this log";
        return Err(LedgerError::Damaged { path: places.checkpoint(), offset: 0, what });
    }
    Ok(())
}

impl<'a> Replay<'a> {
    fn new(ledger: &'a [u8; 16], ring: &'a mut KeyRing) -> Self {
        Self {
            ledger,
            ring,
            state: None,
            first_size: None,
            finished: Vec::new(),
            open: BTreeMap::new(),
            signed: (0, String::new()),
            next_frame: None,
            durable: 0,
            durable_len: 0,
            ends: Vec::new(),
            created_ns: 0,
            sealed: false,
            has_records: false,
            named: BTreeMap::new(),
            rotated: None,
            buried: Vec::new(),
            unknown: Vec::new(),
            watched: Watched::new(),
            report: Recovery::default(),
        }
    }

    fn check_keys(&self, folder: &Path) -> Result<(), LedgerError> {
        if self.unknown.iter().any(|key| !self.buried.contains(key)) {
            let what = "it lacks a key that the log names and that no order erased";
            return Err(LedgerError::Damaged { path: folder.to_owned(), offset: 0, what });
        }
        Ok(())
    }

    /// Replays one file and returns where its sound part ends.
    fn file(
        &mut self,
        disk: &dyn Disk,
        folder: &Path,
        number: u64,
        newest: bool,
    ) -> Result<u64, LedgerError> {
        let path = wal_path(folder, number);
        let mut scan = Scan::new(Buffered::open(disk, &path)?, number);
        self.sealed = false;
        self.has_records = false;
        self.durable_len = 0;
        self.ends.clear();
        let damaged = |offset, what| LedgerError::Damaged { path: path.clone(), offset, what };
        loop {
            let at = scan.at();
            match scan.next(self.next_frame)? {
                Found::Frame(place, frame) => {
                    if self.sealed {
                        return Err(damaged(at, "frames stand behind the seal"));
                    }
                    self.frame(&path, place, &frame)?;
                }
                Found::End | Found::Unused if self.sealed || newest => break,
                Found::End | Found::Unused => return Err(damaged(at, "the file ends without a seal")),
                Found::Bad(what) => {
                    let expected = self.next_frame.unwrap_or(0);
                    if !newest || self.sealed || at == 0 || scan.was_durable(expected)? {
                        return Err(damaged(at, what));
                    }
                    self.report.dropped_bytes += scan.source.len() - at;
                    break;
                }
            }
        }
        self.report.files += 1;
        self.report.bytes += scan.at();
        Ok(scan.at())
    }

    fn frame(&mut self, path: &Path, place: Place, frame: &Frame) -> Result<(), LedgerError> {
        let (at, end) = (place.offset, place.offset + place.len);
        let number = frame.prelude.number;
        self.next_frame = Some(number + 1);
        self.durable = self.durable.max(frame.prelude.durable);
        self.ends.push((number, end));
        let durable = self.durable;
        let known = self.ends.partition_point(|(n, _)| *n < durable);
        if let Some((_, end)) = known.checked_sub(1).and_then(|at| self.ends.get(at)) {
            self.durable_len = *end;
        }
        // Only the last known one is needed later.
        self.ends.drain(..known.saturating_sub(1));
        match frame.prelude.kind {
            FrameKind::Open => self.opening(at, frame),
            FrameKind::Records => self.records(place, frame),
            FrameKind::Leaves => self.leaves(frame),
            FrameKind::Checkpoint => self.checkpoint(frame),
            FrameKind::Seal => {
                self.sealed = true;
                Ok(())
            }
            FrameKind::Index => Err(malformed("a frame of a segment stands in the write-ahead log")),
        }
        .map_err(damaged_at(path, at))
    }

    fn opening(&mut self, at: u64, frame: &Frame) -> Result<(), LedgerError> {
        let opening = Opening::decode(frame.header(), frame.body(), self.ledger)?;
        if at != 0 {
            return Err(malformed("a first frame stands behind others"));
        }
        match &self.state {
            None => self.state = Some(opening.state),
            Some(state) if state.size() == opening.state.size() && state.root() == opening.state.root() => {}
            Some(_) => return Err(malformed("it does not continue the file before")),
        }
        self.first_size.get_or_insert(self.state.as_ref().map_or(0, LogState::size));
        self.created_ns = opening.created_ns;
        Ok(())
    }

    fn records(&mut self, place: Place, frame: &Frame) -> Result<(), LedgerError> {
        let header = RecordsHeader::decode(frame.header())?;
        let [part] = header.parts.as_slice() else {
            return Err(malformed("a frame of the write-ahead log has one block"));
        };
        self.has_records = true;
        let order = frame.prelude.number;
        let empty = || Pending { order, key: header.key, count: 0, frames: Vec::new() };
        let block = self.open.entry(part.block).or_insert_with(empty);
        if block.count != part.first || block.key != header.key {
            return Err(malformed("its records do not follow those before"));
        }
        block.count += part.count;
        block.frames.push(place);
        Ok(())
    }

    /// The blocks without a leaf, read again and hashed, in the order in which they began.
    fn open_blocks(&mut self, disk: &dyn Disk, folder: &Path) -> Result<Vec<BlockState>, LedgerError> {
        let mut pending: Vec<(BlockId, Pending)> = std::mem::take(&mut self.open).into_iter().collect();
        pending.sort_by_key(|(_, p)| p.order);
        let mut out = Vec::new();
        for (id, pending) in pending {
            let key = pending.key;
            let (Some(entry), Some(secret)) = (self.ring.entry(key).cloned(), self.ring.data_key(key)?)
            else {
                let (path, offset) = pending
                    .frames
                    .first()
                    .map_or((folder.to_owned(), 0), |p| (wal_path(folder, p.file), p.offset));
                let what = "the key of records that were never committed is missing";
                return Err(LedgerError::Damaged { path, offset, what });
            };
            let mut block = BlockState::new(key, id, Arc::new(entry.scope));
            for place in pending.frames {
                let frame = read_frame(disk, &wal_path(folder, place.file), place)?;
                let header = RecordsHeader::decode(frame.header())?;
                let records = unpack(&secret, &header, &frame)
                    .map_err(damaged_at(&wal_path(folder, place.file), place.offset))?;
                block.add_records(&secret, &records);
            }
            out.push(block);
        }
        Ok(out)
    }

    fn leaves(&mut self, frame: &Frame) -> Result<(), LedgerError> {
        let mut header = Cursor::new(frame.header(), "frame of leaves");
        let first = header.u64()?;
        header.end()?;
        let mut body = Cursor::new(frame.body(), "frame of leaves");
        let mut state = self.state.take().unwrap_or_default();
        if first != state.size() {
            return Err(malformed("its leaves do not follow those before"));
        }
        while !body.is_at_end() {
            let bytes = body.bytes16()?;
            let leaf = Leaf::decode(bytes)?;
            self.leaf(&leaf, &mut state)?;
            state.push(&leaf, bytes.to_vec(), &mut self.finished)?;
            self.report.leaves += 1;
        }
        self.state = Some(state);
        Ok(())
    }

    fn leaf(&mut self, leaf: &Leaf, state: &mut LogState) -> Result<(), LedgerError> {
        match leaf {
            Leaf::KeyBorn(born) => match self.ring.entry(born.key) {
                Some(entry) => state.keys_logged = state.keys_logged.max(entry.ordinal + 1),
                None => self.unknown.push(born.key),
            },
            Leaf::Tombstone(tombstone) => {
                self.buried.push(tombstone.key);
                self.watched.insert(state.size(), (leaf.clone(), Vec::new()));
            }
            Leaf::Policy(_) => {
                self.watched.insert(state.size(), (leaf.clone(), Vec::new()));
            }
            Leaf::Rotation(rotation) => self.rotated = Some(rotation.signer.clone()),
            Leaf::SegmentSealed(sealed) => {
                self.named.insert(sealed.number, sealed.clone());
            }
            Leaf::Block(block) => {
                let found = self.open.remove(&block.block);
                let found = found.filter(|p| p.count == block.count && p.key == block.key);
                let unknown = || malformed("the leaf of a block does not belong to the records before it");
                let places = found.ok_or_else(unknown)?.frames;
                self.watched.insert(state.size(), (leaf.clone(), places));
            }
            _ => {}
        }
        Ok(())
    }

    fn checkpoint(&mut self, frame: &Frame) -> Result<(), LedgerError> {
        let note = Note::parse(frame.body())?;
        let text: Checkpoint = note.unverified_text().parse()?;
        let state = self.state.as_ref();
        if state.is_none_or(|s| s.size() != text.size || s.root() != text.root) {
            return Err(malformed("a checkpoint is not that of the leaves before it"));
        }
        self.signed = (text.size, note.to_string());
        Ok(())
    }
}

/// Says where something malformed stands.
pub(crate) fn damaged_at(path: &Path, offset: u64) -> impl FnOnce(LedgerError) -> LedgerError + '_ {
    move |error| match error {
        LedgerError::Malformed { what, .. } | LedgerError::NotAuthentic { what } => {
            LedgerError::Damaged { path: path.to_owned(), offset, what }
        }
        other => other,
    }
}

fn malformed(what: &'static str) -> LedgerError {
    LedgerError::Malformed { kind: "write-ahead log", what }
}
