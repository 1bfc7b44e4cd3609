//! Bytes with or without random access.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

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
    File { file: File, position: u64 },
    Memory(Cursor<Vec<u8>>),
}

impl Backing {
    /// A file at its start; `read` counts the bytes taken from it.
    pub(crate) fn file(file: File, read: Arc<AtomicU64>) -> Arc<Self> {
        let bytes = Mutex::new(Bytes::File { file, position: 0 });
        Arc::new(Self { bytes, read, _held: None })
    }

    pub(crate) fn memory(bytes: Vec<u8>, held: Held) -> Arc<Self> {
        let bytes = Mutex::new(Bytes::Memory(Cursor::new(bytes)));
        Arc::new(Self { bytes, read: Arc::default(), _held: Some(held) })
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut *self.bytes.lock().unwrap_or_else(PoisonError::into_inner) {
            Bytes::File { file, position } => {
                if *position != offset {
                    file.seek(SeekFrom::Start(offset))?;
                }
                let read = file.read(buffer)?;
                *position = offset + read as u64;
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
