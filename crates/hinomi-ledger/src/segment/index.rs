//! The directory at the end of a segment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hinomi_model::Disk;

use super::{SegmentOpening, TRAILER, read_trailer};
use crate::LedgerError;
use crate::cursor::{Cursor, put_delta, put_varint};
use crate::frame::{Frame, FrameKind, PRELUDE, Prelude};
use crate::scan::{Buffered, read_frame};
use crate::wal::Place;

/// Records of one block in a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct IndexedPart {
    pub leaf: u64,
    pub first: u32,
    pub count: u32,
}

/// A frame of records.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct IndexedFrame {
    pub place: Place,
    pub parts: Vec<IndexedPart>,
}

/// The body of an index frame.
pub(crate) fn encode(frames: &[IndexedFrame]) -> Vec<u8> {
    let mut out = Vec::new();
    put_varint(&mut out, frames.len() as u64);
    let mut before = 0u64;
    for frame in frames {
        put_varint(&mut out, frame.place.len);
        put_varint(&mut out, frame.parts.len() as u64);
        for part in &frame.parts {
            put_delta(&mut out, part.leaf.wrapping_sub(before) as i64);
            before = part.leaf;
            put_varint(&mut out, u64::from(part.first));
            put_varint(&mut out, u64::from(part.count));
        }
    }
    out
}

/// Reads an index whose first frame stands at `offset` of file `number`.
pub(crate) fn decode(body: &[u8], number: u64, mut offset: u64) -> Result<Vec<IndexedFrame>, LedgerError> {
    let mut at = Cursor::new(body, "index of a segment");
    let count = at.varint()?;
    if count > body.len() as u64 {
        return Err(at.malformed("it claims more frames than it can hold"));
    }
    let (mut out, mut before) = (Vec::new(), 0u64);
    for _ in 0..count {
        let (len, parts) = (at.varint()?, at.varint()?);
        if parts > at.remaining() as u64 {
            return Err(at.malformed("it claims more parts than it can hold"));
        }
        let mut frame = IndexedFrame {
            place: Place { file: number, offset, len },
            parts: Vec::with_capacity(parts as usize),
        };
        for _ in 0..parts {
            before = before.wrapping_add(at.delta()? as u64);
            let number = |at: &mut Cursor<'_>| {
                let value = at.varint()?;
                u32::try_from(value).map_err(|_| at.malformed("the number of a record"))
            };
            frame.parts.push(IndexedPart { leaf: before, first: number(&mut at)?, count: number(&mut at)? });
        }
        offset = offset.checked_add(len).ok_or_else(|| at.malformed("the length of a frame"))?;
        out.push(frame);
    }
    at.end()?;
    Ok(out)
}

/// A segment whose opening and index were read.
#[derive(Clone, Debug)]
pub(crate) struct SegmentFile {
    pub path: PathBuf,
    pub opening: SegmentOpening,
    pub frames: Vec<IndexedFrame>,
    /// Frames, and parts in them, of each leaf.
    pub leaves: BTreeMap<u64, Vec<(usize, usize)>>,
}

impl SegmentFile {
    /// Reads only the range of leaves that a segment claims.
    pub(crate) fn opening(
        disk: &dyn Disk,
        path: &Path,
        number: u64,
        ledger: &[u8; 16],
    ) -> Result<(SegmentOpening, u64), LedgerError> {
        let mut file = Buffered::open(disk, path)?;
        let frame = frame_at(&mut file, number, 0)?;
        let bad = |_| LedgerError::Damaged { path: path.to_owned(), offset: 0, what: "its first frame" };
        let opening = SegmentOpening::decode(frame.header(), frame.body(), ledger).map_err(bad)?;
        Ok((opening, frame.prelude.frame_len()))
    }

    /// Reads opening and index.
    pub(crate) fn open(
        disk: &dyn Disk,
        path: &Path,
        number: u64,
        ledger: &[u8; 16],
    ) -> Result<Self, LedgerError> {
        let (opening, first) = Self::opening(disk, path, number, ledger)?;
        let mut file = Buffered::open(disk, path)?;
        let damaged = |offset, what| LedgerError::Damaged { path: path.to_owned(), offset, what };
        let end = file.len().saturating_sub(TRAILER as u64);
        let at = file.read(end, TRAILER)?.and_then(|bytes| read_trailer(&bytes));
        let at = at.ok_or_else(|| damaged(end, "its last bytes do not point at an index"))?;
        let index = frame_at(&mut file, number, at)?;
        if index.prelude.kind != FrameKind::Index || at + index.prelude.frame_len() != end {
            return Err(damaged(at, "there is no index"));
        }
        let frames =
            decode(index.body(), number, first).map_err(|_| damaged(at, "the index is malformed"))?;
        if frames.iter().try_fold(first, |sum, f| sum.checked_add(f.place.len)) != Some(at) {
            return Err(damaged(at, "the index does not describe the frames before it"));
        }
        let mut leaves: BTreeMap<u64, Vec<(usize, usize)>> = BTreeMap::new();
        for (frame, indexed) in frames.iter().enumerate() {
            for (part, of) in indexed.parts.iter().enumerate() {
                leaves.entry(of.leaf).or_default().push((frame, part));
            }
        }
        Ok(Self { path: path.to_owned(), opening, frames, leaves })
    }

    pub(crate) fn read(&self, disk: &dyn Disk, frame: &IndexedFrame) -> Result<Frame, LedgerError> {
        read_frame(disk, &self.path, frame.place)
    }
}

fn frame_at(file: &mut Buffered, number: u64, offset: u64) -> Result<Frame, LedgerError> {
    let path = file.path().to_owned();
    let damaged = |what| LedgerError::Damaged { path: path.clone(), offset, what };
    let prelude = file.read(offset, PRELUDE)?.ok_or_else(|| damaged("it is cut short"))?;
    let prelude = Prelude::decode(&prelude).map_err(|_| damaged("there is no frame"))?;
    if prelude.file != number {
        return Err(damaged("a frame stands in the wrong place"));
    }
    let len = prelude.frame_len() as usize - PRELUDE;
    let content = file.read(offset + PRELUDE as u64, len)?.ok_or_else(|| damaged("it is cut short"))?;
    Frame::new(prelude, content).map_err(|_| damaged("the checksum of a frame does not hold"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_survives() {
        let part = |leaf, first, count| IndexedPart { leaf, first, count };
        let frame = |offset, len, parts| IndexedFrame { place: Place { file: 7, offset, len }, parts };
        let frames = vec![
            frame(100, 50, vec![part(9, 0, 3)]),
            frame(150, 1 << 20, vec![part(4, 2, 300), part(1 << 40, 0, 1)]),
        ];
        let body = encode(&frames);
        assert_eq!(decode(&body, 7, 100).unwrap(), frames);
        for cut in 0..body.len() {
            assert!(decode(&body[..cut], 7, 100).is_err(), "cut at {cut}");
        }
    }
}
