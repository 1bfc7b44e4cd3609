//! Bytes with or without random access.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hinomi_model::{Digest, Hashing};

use super::budget::Held;

pub(crate) type Stream = Box<dyn Read + Send>;

/// Length of the first block, from which formats are recognised.
pub(crate) const HEAD: usize = 64 * 1024;

/// Something that can be read at any offset.
pub(crate) struct Backing {
    bytes: Mutex<Bytes>,
    read: Arc<AtomicU64>,
    _held: Option<Held>,
}

enum Bytes {
    File { file: File, position: u64, along: Option<Along> },
    Memory(Cursor<Vec<u8>>),
}

/// The digest of a file whose bytes pass by in order anyway.
struct Along {
    hashing: Hashing,
    /// How many bytes from the start are hashed.
    upto: u64,
}

impl Along {
    /// Hashes what of a block at `offset` continues what was hashed before.
    fn pass(&mut self, offset: u64, block: &[u8]) {
        let known = self.upto.checked_sub(offset).and_then(|known| usize::try_from(known).ok());
        if let Some(new) = known.and_then(|known| block.get(known..)) {
            self.hashing.update(new);
            self.upto += new.len() as u64;
        }
    }

    /// Reads and hashes from where it stands up to `end` or the end of the file.
    fn advance(&mut self, file: &mut File, end: u64) -> io::Result<()> {
        let mut block = vec![0; HEAD];
        file.seek(SeekFrom::Start(self.upto))?;
        while self.upto < end {
            let read = file.read(&mut block)?;
            if read == 0 {
                break;
            }
            self.pass(self.upto, block.get(..read).unwrap_or_default());
        }
        Ok(())
    }
}

impl Backing {
    /// A file at its start; `read` counts the bytes taken from it.
    pub(crate) fn file(file: File, read: Arc<AtomicU64>) -> Arc<Self> {
        let bytes = Mutex::new(Bytes::File { file, position: 0, along: None });
        Arc::new(Self { bytes, read, _held: None })
    }

    pub(crate) fn memory(bytes: Vec<u8>, held: Held) -> Arc<Self> {
        let bytes = Mutex::new(Bytes::Memory(Cursor::new(bytes)));
        Arc::new(Self { bytes, read: Arc::default(), _held: Some(held) })
    }

    /// Hashes a file from here on while it is read, and at once what was read of it already.
    pub(crate) fn hash_along(&self) -> io::Result<()> {
        let Bytes::File { file, position, along } = &mut *self.lock() else { return Ok(()) };
        if along.is_none() {
            let mut new = Along { hashing: Hashing::default(), upto: 0 };
            let done = new.advance(file, *position);
            // Whatever happened, the next read has to seek.
            *position = u64::MAX;
            done?;
            *along = Some(new);
        }
        Ok(())
    }

    /// The digest of a file that was hashed along, once everything of interest was read.
    pub(crate) fn finish_hashing(&self) -> Option<io::Result<Digest>> {
        let Bytes::File { file, position, along } = &mut *self.lock() else { return None };
        let mut along = along.take()?;
        *position = u64::MAX;
        Some(along.advance(file, u64::MAX).map(|()| along.hashing.finish()))
    }

    fn lock(&self) -> MutexGuard<'_, Bytes> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut *self.lock() {
            Bytes::File { file, position, along } => {
                if *position != offset {
                    file.seek(SeekFrom::Start(offset))?;
                }
                let read = file.read(buffer)?;
                *position = offset + read as u64;
                if let Some(along) = along {
                    along.pass(offset, buffer.get(..read).unwrap_or_default());
                }
                self.read.fetch_add(read as u64, Relaxed);
                Ok(read)
            }
            Bytes::Memory(cursor) => {
                cursor.set_position(offset);
                cursor.read(buffer)
            }
        }
    }
}

/// A range of a [`Backing`].
#[derive(Clone)]
pub(crate) struct Span {
    backing: Arc<Backing>,
    start: u64,
    length: u64,
}

impl Span {
    pub(crate) fn whole(backing: Arc<Backing>, length: u64) -> Self {
        Self { backing, start: 0, length }
    }

    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// The part of `[offset, offset + length)` that exists.
    pub(crate) fn part(&self, offset: u64, length: u64) -> Self {
        let offset = offset.min(self.length);
        let length = length.min(self.length - offset);
        Self { backing: Arc::clone(&self.backing), start: self.start + offset, length }
    }

    /// The bytes of `[offset, offset + length)` that exist.
    pub(crate) fn bytes(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let part = self.part(offset, length as u64);
        let mut bytes = Vec::with_capacity(part.length as usize);
        part.reader().read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    pub(crate) fn reader(&self) -> SpanReader {
        SpanReader { span: self.clone(), at: 0 }
    }
}

/// Reads a [`Span`] from its start.
pub(crate) struct SpanReader {
    span: Span,
    at: u64,
}

impl Read for SpanReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.span.length.saturating_sub(self.at);
        let wanted = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let Some(buffer) = buffer.get_mut(..wanted).filter(|b| !b.is_empty()) else { return Ok(0) };
        let read = self.span.backing.read_at(self.span.start + self.at, buffer)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// A stream, its first block, and random access where there is any.
pub(crate) struct Source {
    head: Vec<u8>,
    error: Option<io::Error>,
    rest: Stream,
    span: Option<Span>,
}

impl Source {
    /// Reads the first block of `stream`.
    pub(crate) fn of_stream(mut stream: Stream) -> Self {
        let mut head = Vec::new();
        let error = stream.by_ref().take(HEAD as u64).read_to_end(&mut head).err();
        Self { head, error, rest: stream, span: None }
    }

    /// Reads the first block of `span`.
    pub(crate) fn of_span(span: Span) -> Self {
        Self::of_stream(Box::new(span.reader())).with_span(Some(span))
    }

    /// States where the same bytes can be read at any offset.
    pub(crate) fn with_span(mut self, span: Option<Span>) -> Self {
        self.span = span;
        self
    }

    pub(crate) fn head(&self) -> &[u8] {
        &self.head
    }

    pub(crate) fn span(&self) -> Option<&Span> {
        self.span.as_ref()
    }

    /// True when the first block is all there is.
    pub(crate) fn ends_in_head(&self) -> bool {
        self.head.len() < HEAD
    }

    /// The error met in the first block, when nothing at all could be read.
    pub(crate) fn failed(&mut self) -> Option<io::Error> {
        if self.head.is_empty() { self.error.take() } else { None }
    }

    /// All bytes from the first, in order.
    pub(crate) fn into_stream(self) -> Stream {
        Box::new(Replayed { head: Cursor::new(self.head), error: self.error, rest: self.rest })
    }
}

/// The first block again, then the rest.
struct Replayed {
    head: Cursor<Vec<u8>>,
    error: Option<io::Error>,
    rest: Stream,
}

impl Read for Replayed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.head.read(buffer)?;
        if read > 0 || buffer.is_empty() {
            return Ok(read);
        }
        match self.error.take() {
            Some(error) => Err(error),
            None => self.rest.read(buffer),
        }
    }
}
