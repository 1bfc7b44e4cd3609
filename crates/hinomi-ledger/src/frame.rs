//! The frame: the one container of the write-ahead log and of segments.
//!
//! ```text
//!  0  4  magic "HnF1"            28  4  length of the header
//!  4  1  kind                    32  4  length of the body
//!  5  1  version, 1              36  4  CRC-32 of bytes 0..36
//!  6  6  number of the file      40  …  header, body
//! 12  8  number of the frame      …  4  CRC-32 of header and body
//! 20  8  frames known durable
//! ```
//!
//! Integers are big-endian. *Frames known durable* is the number below which every frame was durable when this one was
//! made; it tells bytes that a crash tore off from bytes that somebody cut out.
//!
//! # Trust
//! The checks find accidents. An intruder can compute a CRC: authenticity comes from the authenticated encryption of
//! the body and from the signed tree. The numbers of file and frame make a frame useless in another place.
//!
//! # Not here
//! What the kinds mean: [`crate::records`], [`crate::wal`], [`crate::segment`].

use crate::LedgerError;
use crate::cursor::Cursor;

/// The first bytes of every frame.
pub(crate) const MAGIC: [u8; 4] = *b"HnF1";
/// Bytes before the header.
pub(crate) const PRELUDE: usize = 40;
/// Bytes of a frame that are neither header nor body.
pub(crate) const OVERHEAD: usize = PRELUDE + 4;
/// The largest header or body: a record of 16 MiB with its block, compressed badly, and room to spare.
pub(crate) const MAX_PART: u32 = 48 * 1024 * 1024;

/// What a frame holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum FrameKind {
    /// First of every file: which ledger, which place.
    Open = 1,
    /// Encrypted records.
    Records = 2,
    /// Leaves, as appended to the Merkle log.
    Leaves = 3,
    /// A signed checkpoint.
    Checkpoint = 4,
    /// Last of a file that was closed in order.
    Seal = 5,
    /// The directory of a segment.
    Index = 6,
}

impl FrameKind {
    fn of(byte: u8) -> Option<Self> {
        let kinds = [Self::Open, Self::Records, Self::Leaves, Self::Checkpoint, Self::Seal, Self::Index];
        kinds.into_iter().find(|k| *k as u8 == byte)
    }
}

/// The fixed part of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Prelude {
    pub kind: FrameKind,
    pub file: u64,
    pub number: u64,
    pub durable: u64,
    pub header_len: u32,
    pub body_len: u32,
}

impl Prelude {
    /// Bytes of the whole frame.
    pub(crate) fn frame_len(&self) -> u64 {
        OVERHEAD as u64 + u64::from(self.header_len) + u64::from(self.body_len)
    }

    pub(crate) fn encode(&self) -> [u8; PRELUDE] {
        let mut out = Vec::with_capacity(PRELUDE);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&[self.kind as u8, 1]);
        out.extend_from_slice(self.file.to_be_bytes().get(2..).unwrap_or_default());
        out.extend_from_slice(&self.number.to_be_bytes());
        out.extend_from_slice(&self.durable.to_be_bytes());
        out.extend_from_slice(&self.header_len.to_be_bytes());
        out.extend_from_slice(&self.body_len.to_be_bytes());
        let crc = crc32fast::hash(&out);
        out.extend_from_slice(&crc.to_be_bytes());
        out.try_into().unwrap_or([0; PRELUDE])
    }

    /// Reads the first [`PRELUDE`] bytes of a frame.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`] with the rule that is broken; never allocates.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, LedgerError> {
        let mut at = Cursor::new(bytes, "frame");
        if at.take(4)? != MAGIC {
            return Err(at.malformed("it does not start with the magic number"));
        }
        let (kind, version) = (at.u8()?, at.u8()?);
        let [f0, f1, f2, f3, f4, f5] = at.array()?;
        let file = u64::from_be_bytes([0, 0, f0, f1, f2, f3, f4, f5]);
        let (number, durable) = (at.u64()?, at.u64()?);
        let (header_len, body_len) = (at.u32()?, at.u32()?);
        let crc = at.u32()?;
        if bytes.get(..PRELUDE - 4).map(crc32fast::hash) != Some(crc) {
            return Err(at.malformed("the checksum of its first bytes does not hold"));
        }
        if version != 1 {
            return Err(at.malformed("its version is unknown"));
        }
        let kind = FrameKind::of(kind).ok_or_else(|| at.malformed("its kind is unknown"))?;
        if header_len > MAX_PART || body_len > MAX_PART {
            return Err(at.malformed("it is longer than a frame may be"));
        }
        Ok(Self { kind, file, number, durable, header_len, body_len })
    }
}

/// A frame that was read and whose checks hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Frame {
    pub prelude: Prelude,
    content: Vec<u8>,
}

impl Frame {
    /// Takes apart what follows a prelude: header, body, checksum.
    pub(crate) fn new(prelude: Prelude, mut content: Vec<u8>) -> Result<Self, LedgerError> {
        let bad = |what| LedgerError::Malformed { kind: "frame", what };
        let (parts, crc) = content.split_last_chunk::<4>().ok_or(bad("it is cut short"))?;
        if content.len() as u64 + PRELUDE as u64 != prelude.frame_len() {
            return Err(bad("it is cut short"));
        }
        if crc32fast::hash(parts) != u32::from_be_bytes(*crc) {
            return Err(bad("its checksum does not hold"));
        }
        content.truncate(content.len() - 4);
        Ok(Self { prelude, content })
    }

    pub(crate) fn header(&self) -> &[u8] {
        self.content.get(..self.prelude.header_len as usize).unwrap_or_default()
    }

    pub(crate) fn body(&self) -> &[u8] {
        self.content.get(self.prelude.header_len as usize..).unwrap_or_default()
    }
}

/// A frame without its place: what the pool makes before the committer gives it file and number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Unplaced {
    kind: FrameKind,
    header_len: u32,
    /// Header, body, checksum.
    content: Vec<u8>,
}

impl Unplaced {
    /// # Errors
    /// [`LedgerError::TooLarge`] when header or body exceed [`MAX_PART`].
    pub(crate) fn new(kind: FrameKind, header: &[u8], body: &[u8]) -> Result<Self, LedgerError> {
        for part in [header, body] {
            if part.len() > MAX_PART as usize {
                let (found, bound) = (part.len() as u64, u64::from(MAX_PART));
                return Err(LedgerError::TooLarge { what: "part of a frame", found, bound });
            }
        }
        let mut content = Vec::with_capacity(header.len() + body.len() + 4);
        content.extend_from_slice(header);
        content.extend_from_slice(body);
        let crc = crc32fast::hash(&content);
        content.extend_from_slice(&crc.to_be_bytes());
        Ok(Self { kind, header_len: header.len() as u32, content })
    }

    /// The same content as a frame that was read.
    pub(crate) fn of(frame: &Frame) -> Self {
        let mut content = frame.content.clone();
        let crc = crc32fast::hash(&content);
        content.extend_from_slice(&crc.to_be_bytes());
        Self { kind: frame.prelude.kind, header_len: frame.prelude.header_len, content }
    }

    pub(crate) fn len(&self) -> u64 {
        (PRELUDE + self.content.len()) as u64
    }

    /// Header, body and checksum.
    pub(crate) fn content(&self) -> &[u8] {
        &self.content
    }

    /// The first bytes of the frame in its place.
    pub(crate) fn place(&self, file: u64, number: u64, durable: u64) -> [u8; PRELUDE] {
        let body_len = (self.content.len() - 4) as u32 - self.header_len;
        Prelude { kind: self.kind, file, number, durable, header_len: self.header_len, body_len }.encode()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hand_made_frame() {
        let frame = Unplaced::new(FrameKind::Seal, b"hd", b"body").unwrap();
        let prelude = frame.place(7, 300, 299);
        let mut expected = b"HnF1\x05\x01".to_vec();
        expected.extend_from_slice(&[0, 0, 0, 0, 0, 7]);
        expected.extend_from_slice(&[0, 0, 0, 0, 0, 0, 1, 44]);
        expected.extend_from_slice(&[0, 0, 0, 0, 0, 0, 1, 43]);
        expected.extend_from_slice(&[0, 0, 0, 2, 0, 0, 0, 4]);
        assert_eq!(prelude[..36], expected[..]);
        assert_eq!(frame.content()[..6], *b"hdbody");
        let read = Prelude::decode(&prelude).unwrap();
        let read = Frame::new(read, frame.content().to_vec()).unwrap();
        assert_eq!((read.header(), read.body()), (&b"hd"[..], &b"body"[..]));
        assert_eq!(Unplaced::of(&read), frame);
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let frame = Unplaced::new(FrameKind::Records, &[1, 2, 3], &[9; 20]).unwrap();
        let mut bytes = frame.place(1, 2, 0).to_vec();
        bytes.extend_from_slice(frame.content());
        for at in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[at / 8] ^= 1 << (at % 8);
            let read = Prelude::decode(&flipped).and_then(|p| Frame::new(p, flipped[PRELUDE..].to_vec()));
            assert!(read.is_err(), "bit {at}");
        }
    }
}
