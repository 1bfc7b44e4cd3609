//! The write-ahead log: numbered files of frames. Whatever is acknowledged, signed or shown was synced here before.
//!
//! The first frame of a file says which ledger, which file, and the state of the Merkle log at its beginning, so that
//! every file can be replayed without the ones before. The last frame of a file that was closed is a seal.
//!
//! # Invariants
//! - Frames are numbered without gaps over all files; a file begins only when the one before is sealed and durable.
//! - Space is allocated before bytes are accepted, so that a full disk is met before anything is promised.
//! - The first error ends the writer; what is on the disk is found out by reopening.

use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hinomi_model::{Access, Disk, DiskFile};

use crate::LedgerError;
use crate::cursor::Cursor;
use crate::files::{self, io_error, numbered_path};
use crate::frame::{FrameKind, PRELUDE, Unplaced};
use crate::log_state::LogState;

/// Format of everything below the ledger's folder.
pub(crate) const FORMAT: u32 = 1;
/// Steps in which space is allocated.
const ALLOCATION: u64 = 16 * 1024 * 1024;

/// The name of a write-ahead file.
pub(crate) fn wal_path(folder: &Path, number: u64) -> PathBuf {
    numbered_path(folder, number, ".wal")
}

/// Where a frame stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Place {
    pub file: u64,
    pub offset: u64,
    pub len: u64,
}

/// The content of the first frame of a file.
#[derive(Clone, Debug)]
pub(crate) struct Opening {
    pub ledger: [u8; 16],
    pub created_ns: u64,
    pub state: LogState,
}

impl Opening {
    pub(crate) fn frame(&self) -> Result<Unplaced, LedgerError> {
        let header = [&FORMAT.to_be_bytes()[..], &self.ledger, &self.created_ns.to_be_bytes()].concat();
        Unplaced::new(FrameKind::Open, &header, &self.state.encode()?)
    }

    /// # Errors
    /// [`LedgerError::Malformed`], also for another format or another ledger.
    pub(crate) fn decode(header: &[u8], body: &[u8], ledger: &[u8; 16]) -> Result<Self, LedgerError> {
        let mut at = Cursor::new(header, "first frame of a file");
        let (format, found, created_ns) = (at.u32()?, at.array()?, at.u64()?);
        if format != FORMAT || found != *ledger {
            return Err(at.malformed("it belongs to another format or ledger"));
        }
        at.end()?;
        Ok(Self { ledger: found, created_ns, state: LogState::decode(body)? })
    }
}

/// Appends frames to the newest file.
pub(crate) struct WalWriter {
    folder: PathBuf,
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    number: u64,
    len: u64,
    allocated: u64,
    next_frame: u64,
    durable: u64,
    created_ns: u64,
}

impl WalWriter {
    /// Starts file `number`; durable when it returns.
    pub(crate) fn create(
        disk: &dyn Disk,
        folder: &Path,
        number: u64,
        next_frame: u64,
        opening: &Opening,
        room: u64,
    ) -> Result<Self, LedgerError> {
        Self::reserve(disk, folder, number, opening, room)?.begin(disk, next_frame)
    }

    /// Takes the name and the space of file `number`. Until it begins, recovery takes it for a file that was never used.
    ///
    /// # Errors
    /// [`LedgerError::Io`]; after a full disk nothing is left of it.
    pub(crate) fn reserve(
        disk: &dyn Disk,
        folder: &Path,
        number: u64,
        opening: &Opening,
        room: u64,
    ) -> Result<Reserved, LedgerError> {
        let path = wal_path(folder, number);
        let file = disk.open(&path, Access::CreateNew { mode: 0o600 }).map_err(io_error("create", &path))?;
        let frame = opening.frame()?;
        let mut writer = Self {
            folder: folder.to_owned(),
            file,
            path,
            number,
            len: 0,
            allocated: 0,
            next_frame: 0,
            durable: 0,
            created_ns: opening.created_ns,
        };
        if let Err(error) = writer.ensure_room(frame.len() + room) {
            // Nothing refers to the file yet.
            files::remove(disk, &writer.path)?;
            return Err(error);
        }
        Ok(Reserved { writer, frame })
    }

    /// Continues a file whose valid part ends at `len`; what lies behind is cut off, and the part that was not known
    /// to be durable is written again: a sync that failed may have left it in memory only.
    pub(crate) fn resume(
        disk: &dyn Disk,
        folder: &Path,
        number: u64,
        tail: &ResumeAt,
    ) -> Result<Self, LedgerError> {
        let path = wal_path(folder, number);
        let file = disk.open(&path, Access::ReadWrite).map_err(io_error("open", &path))?;
        let mut again = vec![0; (tail.len - tail.durable_len) as usize];
        file.read_exact_at(&mut again, tail.durable_len).map_err(io_error("read", &path))?;
        file.set_len(tail.len).map_err(io_error("cut", &path))?;
        file.write_all_at(&[IoSlice::new(&again)], tail.durable_len).map_err(io_error("write", &path))?;
        file.sync_data().map_err(io_error("sync", &path))?;
        files::sync_dir(disk, folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            file,
            path,
            number,
            len: tail.len,
            allocated: tail.len,
            next_frame: tail.next_frame,
            durable: tail.next_frame,
            created_ns: tail.created_ns,
        })
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    pub(crate) fn created_ns(&self) -> u64 {
        self.created_ns
    }

    pub(crate) fn next_frame(&self) -> u64 {
        self.next_frame
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Bytes that can be written without taking more space.
    pub(crate) fn room(&self) -> u64 {
        self.allocated.saturating_sub(self.len)
    }

    /// Takes space until `bytes` more fit.
    ///
    /// # Errors
    /// [`LedgerError::Io`]; a full disk is harmless here, nothing was written.
    pub(crate) fn ensure_room(&mut self, bytes: u64) -> Result<(), LedgerError> {
        let wanted = self.len + bytes;
        if wanted > self.allocated {
            let rounded = wanted.next_multiple_of(ALLOCATION.min(bytes.max(4096)));
            self.file.allocate(rounded).map_err(io_error("take space for", &self.path))?;
            self.allocated = rounded;
        }
        Ok(())
    }

    /// Writes a frame behind the last. Not durable before [`WalWriter::sync`].
    pub(crate) fn write(&mut self, frame: &Unplaced) -> Result<Place, LedgerError> {
        let prelude: [u8; PRELUDE] = frame.place(self.number, self.next_frame, self.durable);
        let parts = [IoSlice::new(&prelude), IoSlice::new(frame.content())];
        self.file.write_all_at(&parts, self.len).map_err(io_error("write", &self.path))?;
        let place = Place { file: self.number, offset: self.len, len: frame.len() };
        self.len += frame.len();
        self.allocated = self.allocated.max(self.len);
        self.next_frame += 1;
        Ok(place)
    }

    /// Makes everything written durable.
    pub(crate) fn sync(&mut self) -> Result<(), LedgerError> {
        if self.durable < self.next_frame {
            self.file.sync_data().map_err(io_error("sync", &self.path))?;
            self.durable = self.next_frame;
        }
        Ok(())
    }

    /// Gives unused space back.
    pub(crate) fn trim(&mut self) -> Result<(), LedgerError> {
        self.file.set_len(self.len).map_err(io_error("cut", &self.path))?;
        self.file.sync_data().map_err(io_error("sync", &self.path))?;
        self.allocated = self.len;
        Ok(())
    }
}

/// A file that has its space and nothing in it.
pub(crate) struct Reserved {
    writer: WalWriter,
    frame: Unplaced,
}

impl Reserved {
    /// Writes the first frame; durable when it returns.
    pub(crate) fn begin(self, disk: &dyn Disk, next_frame: u64) -> Result<WalWriter, LedgerError> {
        let Self { mut writer, frame } = self;
        (writer.next_frame, writer.durable) = (next_frame, next_frame);
        writer.write(&frame)?;
        writer.sync()?;
        files::sync_dir(disk, &writer.folder)?;
        Ok(writer)
    }
}

/// Where recovery found the end of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ResumeAt {
    /// End of the last valid frame.
    pub len: u64,
    /// End of the last frame that a later one says was durable.
    pub durable_len: u64,
    pub next_frame: u64,
    pub created_ns: u64,
}

/// Whether an error only means that the disk is full.
pub(crate) fn is_full(error: &LedgerError) -> bool {
    matches!(error, LedgerError::Io { source, .. }
        if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
}
