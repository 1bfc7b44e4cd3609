//! The frame of a chunk: header, checksums and the records in it.

use super::cursor::{u32_at, u64_at};
use super::locate::CHUNK;

/// Length of the chunk header with its two tables.
pub(super) const HEADER: usize = 512;
/// Record header: magic, length, number, time written.
pub(super) const RECORD_HEADER: usize = 24;
/// First bytes of a record.
pub(super) const RECORD_MAGIC: [u8; 4] = *b"**\0\0";
/// Record header, an empty BinXML stream and the copy of the length.
const MIN_RECORD: usize = RECORD_HEADER + 1 + 4;

/// The parts of a chunk header that matter for reading.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    /// Numbers of the first and last record.
    pub(super) records: (u64, u64),
    /// Where the unused space begins.
    pub(super) free: usize,
    records_crc: u32,
    own_crc: u32,
}

impl Header {
    /// Reads the header of a chunk; `None` when the chunk is shorter than its header.
    pub(super) fn read(chunk: &[u8]) -> Option<Self> {
        chunk.get(..HEADER)?;
        Some(Self {
            records: (u64_at(chunk, 24)?, u64_at(chunk, 32)?),
            free: u32_at(chunk, 48)? as usize,
            records_crc: u32_at(chunk, 52)?,
            own_crc: u32_at(chunk, 124)?,
        })
    }

    /// True when the free space offset can be one.
    pub(super) fn plausible(&self) -> bool {
        (HEADER..=CHUNK).contains(&self.free)
    }

    /// Some writers leave both checksums empty.
    pub(super) fn unchecked(&self) -> bool {
        self.records_crc == 0 && self.own_crc == 0
    }

    pub(super) fn header_intact(&self, chunk: &[u8]) -> bool {
        let mut crc = crc32fast::Hasher::new();
        crc.update(chunk.get(..120).unwrap_or_default());
        crc.update(chunk.get(128..HEADER).unwrap_or_default());
        crc.finalize() == self.own_crc
    }

    pub(super) fn records_intact(&self, chunk: &[u8]) -> bool {
        let records = chunk.get(HEADER..self.free);
        records.is_some_and(|r| crc32fast::hash(r) == self.records_crc)
    }
}

/// A record's frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Frame {
    pub(super) at: usize,
    pub(super) length: usize,
    /// Number in the record header.
    pub(super) number: u64,
    /// FILETIME in the record header.
    pub(super) written: u64,
    /// The copy of the length at the end agrees.
    pub(super) closed: bool,
}

impl Frame {
    /// The record at `at`, if its header is sound and it ends within the chunk.
    #[inline]
    pub(super) fn read(chunk: &[u8], at: usize) -> Option<Self> {
        let head = chunk.get(at..at.checked_add(RECORD_HEADER)?)?;
        if !head.starts_with(&RECORD_MAGIC) {
            return None;
        }
        let length = u32_at(head, 4)? as usize;
        let end = at.checked_add(length)?;
        if length < MIN_RECORD || end > chunk.len() {
            return None;
        }
        let closed = u32_at(chunk, end - 4)? as usize == length;
        Some(Self { at, length, number: u64_at(head, 8)?, written: u64_at(head, 16)?, closed })
    }

    pub(super) fn end(&self) -> usize {
        self.at + self.length
    }

    /// Where the BinXML is.
    pub(super) fn body(&self) -> (usize, usize) {
        (self.at + RECORD_HEADER, self.end() - 4)
    }
}

/// The next sound and closed record that starts in `from..to` and is `expected`.
pub(super) fn next_frame(
    chunk: &[u8],
    from: usize,
    to: usize,
    expected: impl Fn(&Frame) -> bool,
) -> Option<Frame> {
    let span = chunk.get(from..to.min(chunk.len()))?;
    let hits = memchr::memmem::find_iter(span, &RECORD_MAGIC);
    hits.filter_map(|hit| Frame::read(chunk, from + hit)).find(|f| f.closed && expected(f))
}
