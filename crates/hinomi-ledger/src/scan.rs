//! Reading the frames of a file one after the other, as far as they are sound.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hinomi_model::{Access, Disk, DiskFile};

use crate::LedgerError;
use crate::files::io_error;
use crate::frame::{Frame, MAGIC, PRELUDE, Prelude};
use crate::wal::Place;

const BUFFER: usize = 1 << 20;

/// A file read in large steps.
pub(crate) struct Buffered {
    path: PathBuf,
    file: Arc<dyn DiskFile>,
    len: u64,
    start: u64,
    buffer: Vec<u8>,
}

impl Buffered {
    pub(crate) fn open(disk: &dyn Disk, path: &Path) -> Result<Self, LedgerError> {
        let file = disk.open(path, Access::Read).map_err(io_error("open", path))?;
        let len = file.len().map_err(io_error("measure", path))?;
        Ok(Self { path: path.to_owned(), file, len, start: 0, buffer: Vec::new() })
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Exactly `len` bytes from `offset`, or `None` where the file ends before.
    pub(crate) fn read(&mut self, offset: u64, len: usize) -> Result<Option<Vec<u8>>, LedgerError> {
        if offset.checked_add(len as u64).is_none_or(|end| end > self.len) {
            return Ok(None);
        }
        if len > BUFFER / 2 {
            let mut out = vec![0; len];
            self.file.read_exact_at(&mut out, offset).map_err(io_error("read", &self.path))?;
            return Ok(Some(out));
        }
        let end = self.start + self.buffer.len() as u64;
        if offset < self.start || offset + len as u64 > end {
            let step = BUFFER.min((self.len - offset) as usize);
            self.buffer.resize(step, 0);
            self.file.read_exact_at(&mut self.buffer, offset).map_err(io_error("read", &self.path))?;
            self.start = offset;
        }
        let from = (offset - self.start) as usize;
        Ok(self.buffer.get(from..from + len).map(<[u8]>::to_vec))
    }
}

/// What stands at a position.
pub(crate) enum Found {
    /// A sound frame.
    Frame(Place, Frame),
    /// The end of the file.
    End,
    /// Only zeros up to the end: space that was taken and never written.
    Unused,
    /// Something else.
    Bad(&'static str),
}

/// Reads frames of one file in order.
pub(crate) struct Scan {
    pub(crate) source: Buffered,
    number: u64,
    at: u64,
}

impl Scan {
    /// Reads the file with this number from its beginning.
    pub(crate) fn new(source: Buffered, number: u64) -> Self {
        Self { source, number, at: 0 }
    }

    /// As [`Scan::new`], from a position where a frame begins.
    pub(crate) fn from(source: Buffered, number: u64, at: u64) -> Self {
        Self { source, number, at }
    }

    /// Position of the next frame.
    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    /// The next frame, whose number must be `expected` if given.
    pub(crate) fn next(&mut self, expected: Option<u64>) -> Result<Found, LedgerError> {
        match self.look(expected)? {
            Found::Bad(_) if self.only_zeros_from(self.at)? => Ok(Found::Unused),
            found => Ok(found),
        }
    }

    /// The next frame, if a sound one stands there. Whatever else stands there is not looked at: a file that is being written
    /// ends in megabytes of space that was taken in advance.
    pub(crate) fn next_sound(&mut self) -> Result<Option<(Place, Frame)>, LedgerError> {
        match self.look(None)? {
            Found::Frame(place, frame) => Ok(Some((place, frame))),
            _ => Ok(None),
        }
    }

    fn look(&mut self, expected: Option<u64>) -> Result<Found, LedgerError> {
        let offset = self.at;
        if offset == self.source.len() {
            return Ok(Found::End);
        }
        let prelude = match self.source.read(offset, PRELUDE)? {
            Some(bytes) => Prelude::decode(&bytes),
            None => Err(LedgerError::Malformed { kind: "frame", what: "it is cut short" }),
        };
        let prelude = match prelude {
            Ok(prelude) => prelude,
            Err(LedgerError::Malformed { what, .. }) => return Ok(Found::Bad(what)),
            Err(other) => return Err(other),
        };
        if prelude.file != self.number || expected.is_some_and(|n| n != prelude.number) {
            return Ok(Found::Bad("a frame stands in the wrong place"));
        }
        let len = prelude.frame_len();
        let content = self.source.read(offset + PRELUDE as u64, len as usize - PRELUDE)?;
        match content.map(|content| Frame::new(prelude, content)) {
            Some(Ok(frame)) => {
                self.at += len;
                Ok(Found::Frame(Place { file: self.number, offset, len }, frame))
            }
            Some(Err(LedgerError::Malformed { what, .. })) => Ok(Found::Bad(what)),
            Some(Err(other)) => Err(other),
            None => Ok(Found::Bad("it is cut short")),
        }
    }

    fn only_zeros_from(&mut self, mut at: u64) -> Result<bool, LedgerError> {
        while at < self.source.len() {
            let step = (self.source.len() - at).min(BUFFER as u64 / 2);
            let zero = self.source.read(at, step as usize)?.is_none_or(|b| b.iter().all(|b| *b == 0));
            if !zero {
                return Ok(false);
            }
            at += step;
        }
        Ok(true)
    }

    /// Looks behind a bad place for a sound beginning of a frame that says that frame `number` was durable: then the
    /// bytes at the bad place were acknowledged and somebody or something changed them.
    pub(crate) fn was_durable(&mut self, number: u64) -> Result<bool, LedgerError> {
        let mut at = self.at + 1;
        while at < self.source.len() {
            let step = (self.source.len() - at).min(BUFFER as u64 / 2) as usize;
            let Some(bytes) = self.source.read(at, step)? else { return Ok(false) };
            for hit in memchr::memmem::find_iter(&bytes, &MAGIC) {
                let Some(prelude) = self.source.read(at + hit as u64, PRELUDE)? else { continue };
                if let Ok(later) = Prelude::decode(&prelude)
                    && later.file == self.number
                    && later.number > number
                    && later.durable > number
                {
                    return Ok(true);
                }
            }
            // The magic number may lie across two steps.
            at += (step as u64).saturating_sub(MAGIC.len() as u64 - 1).max(1);
        }
        Ok(false)
    }
}

/// Reads one frame whose place is known.
pub(crate) fn read_frame(disk: &dyn Disk, path: &Path, place: Place) -> Result<Frame, LedgerError> {
    let file = disk.open(path, Access::Read).map_err(io_error("open", path))?;
    let bad = |what| LedgerError::Damaged { path: path.to_owned(), offset: place.offset, what };
    let mut bytes = vec![0; place.len as usize];
    file.read_exact_at(&mut bytes, place.offset).map_err(io_error("read", path))?;
    let prelude = Prelude::decode(&bytes).map_err(|_| bad("there is no frame"))?;
    if prelude.file != place.file || prelude.frame_len() != place.len {
        return Err(bad("there is another frame"));
    }
    let content = bytes.split_off(PRELUDE);
    Frame::new(prelude, content).map_err(|_| bad("the checksum of a frame does not hold"))
}

/// Length and SHA-256 of a file.
pub(crate) fn digest_of(disk: &dyn Disk, path: &Path) -> Result<(u64, [u8; 32]), LedgerError> {
    let mut file = Buffered::open(disk, path)?;
    let mut hash = hinomi_model::Hashing::default();
    let mut at = 0;
    while at < file.len() {
        let step = (file.len() - at).min(BUFFER as u64 / 2);
        hash.update(&file.read(at, step as usize)?.unwrap_or_default());
        at += step;
    }
    Ok((at, *hash.finish().as_bytes()))
}
