//! Segments: write-ahead files packed for keeping. Frames of one key that were small become one large frame, frames that
//! were large are copied as they are, and a directory at the end says where the records of each leaf lie.
//!
//! A segment is an opening frame (format 4, ledger 16; first leaf 8, end leaf 8), frames of records, and an index frame,
//! all as in the write-ahead log with the segment's number and frames numbered from 0; the last 16 bytes are the offset
//! of the index frame (8), `HnS1` and a CRC-32 of those twelve bytes. Frames follow each other without gaps, so the index
//! holds lengths only: per frame of records its length, its number of parts, and per part the difference of its leaf to
//! the one before (zigzag), its first record and its number of records, all varints.
//!
//! # Invariants
//! - A segment is complete, synced and named by a leaf before the write-ahead file that it replaces is removed.
//! - Packing never decrypts what it need not: frames whose key was destroyed are copied.
//!
//! # Trust
//! The index is derived: what it points at is checked against the leaves before it is believed.

mod build;
mod index;

pub(crate) use build::{Density, build};
pub(crate) use index::SegmentFile;

use std::path::{Path, PathBuf};

use crate::LedgerError;
use crate::cursor::Cursor;
use crate::files::numbered_path;
use crate::frame::{FrameKind, Unplaced};
use crate::wal::FORMAT;

/// Bytes behind the index frame.
pub(crate) const TRAILER: usize = 16;
const TRAILER_MAGIC: [u8; 4] = *b"HnS1";

/// The name of a segment.
pub(crate) fn segment_path(folder: &Path, number: u64) -> PathBuf {
    numbered_path(folder, number, ".seg")
}

/// The first frame of a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SegmentOpening {
    pub ledger: [u8; 16],
    pub first_leaf: u64,
    pub end_leaf: u64,
}

impl SegmentOpening {
    pub(crate) fn frame(&self) -> Result<Unplaced, LedgerError> {
        let header = [&FORMAT.to_be_bytes()[..], &self.ledger].concat();
        let body = [self.first_leaf.to_be_bytes(), self.end_leaf.to_be_bytes()].concat();
        Unplaced::new(FrameKind::Open, &header, &body)
    }

    pub(crate) fn decode(header: &[u8], body: &[u8], ledger: &[u8; 16]) -> Result<Self, LedgerError> {
        let mut at = Cursor::new(header, "first frame of a segment");
        let (format, found): (u32, [u8; 16]) = (at.u32()?, at.array()?);
        if format != FORMAT || found != *ledger {
            return Err(at.malformed("it belongs to another format or ledger"));
        }
        at.end()?;
        let mut at = Cursor::new(body, "first frame of a segment");
        let opening = Self { ledger: found, first_leaf: at.u64()?, end_leaf: at.u64()? };
        at.end()?;
        Ok(opening)
    }
}

fn trailer(index: u64) -> Vec<u8> {
    let mut out = [&index.to_be_bytes()[..], &TRAILER_MAGIC].concat();
    let crc = crc32fast::hash(&out);
    out.extend_from_slice(&crc.to_be_bytes());
    out
}

fn read_trailer(bytes: &[u8]) -> Option<u64> {
    let index = u64::from_be_bytes(*bytes.first_chunk()?);
    (trailer(index) == bytes).then_some(index)
}
