//! From records to the frame that stores them and the hashes that commit to them, and back. All of a ledger's heavy
//! work is here, without state, so that a pool can do it.
//!
//! The header of a frame of records, which the encryption authenticates:
//!
//! ```text
//! key id         16    plain length   4 (before compression)    parts   2
//! per part: block id 16, number of its first record in the block 4, number of records 4
//! ```
//!
//! The body is nonce, ciphertext and tag of the zstd-compressed plain form ([`crate::records`]).

use std::cell::RefCell;
use std::sync::Arc;

use zstd::bulk::Compressor;

use crate::LedgerError;
use crate::completeness::Arrivals;
use crate::cursor::Cursor;
use crate::data_key::DataKey;
use crate::frame::{Frame, FrameKind, Unplaced};
use crate::leaf::{BlockId, DataKeyId};
use crate::records::{self, MAX_COUNT, MAX_PLAIN, Record};
use crate::tlog::{Frontier, Hash};

/// Consecutive records of one block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Part {
    pub block: BlockId,
    pub first: u32,
    pub count: u32,
}

/// The header of a frame of records.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct RecordsHeader {
    pub key: DataKeyId,
    pub plain_len: u32,
    pub parts: Vec<Part>,
}

impl RecordsHeader {
    pub(crate) fn encode(&self) -> Result<Vec<u8>, LedgerError> {
        let mut out = Vec::with_capacity(22 + self.parts.len() * 24);
        out.extend_from_slice(&self.key.0);
        out.extend_from_slice(&self.plain_len.to_be_bytes());
        let too_many = |_| LedgerError::TooLarge {
            what: "number of blocks in a frame",
            found: self.parts.len() as u64,
            bound: u64::from(u16::MAX),
        };
        out.extend_from_slice(&u16::try_from(self.parts.len()).map_err(too_many)?.to_be_bytes());
        for part in &self.parts {
            out.extend_from_slice(&part.block.0);
            out.extend_from_slice(&part.first.to_be_bytes());
            out.extend_from_slice(&part.count.to_be_bytes());
        }
        Ok(out)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, LedgerError> {
        let mut at = Cursor::new(bytes, "header of a frame of records");
        let (key, plain_len, count) = (DataKeyId(at.array()?), at.u32()?, at.u16()?);
        let mut parts = Vec::new();
        for _ in 0..count {
            let part = Part { block: BlockId(at.array()?), first: at.u32()?, count: at.u32()? };
            if part.count == 0 || part.first.checked_add(part.count).is_none_or(|end| end > MAX_COUNT) {
                return Err(at.malformed("the numbers of its records"));
            }
            parts.push(part);
        }
        if parts.is_empty() || plain_len as usize > MAX_PLAIN {
            return Err(at.malformed("it is empty or too long"));
        }
        at.end()?;
        Ok(Self { key, plain_len, parts })
    }

    pub(crate) fn count(&self) -> u64 {
        self.parts.iter().map(|p| u64::from(p.count)).sum()
    }
}

/// Records on their way into a frame.
pub(crate) struct Job {
    pub key: DataKeyId,
    pub secret: Arc<DataKey>,
    pub block: BlockId,
    pub first: u32,
    pub records: Vec<Record>,
    pub level: i32,
}

/// A frame on its way to the disk.
pub(crate) struct Sealed {
    pub frame: Unplaced,
    pub hashes: Vec<Hash>,
    /// The tree of the hashes, if the frame begins its block.
    pub tree: Option<Frontier>,
    pub first_ns: u64,
    pub last_ns: u64,
    pub bytes: u64,
    pub arrivals: Arrivals,
}

impl Job {
    /// Hashes, compresses and encrypts.
    pub(crate) fn run(&self) -> Result<Sealed, LedgerError> {
        let hashes = self.secret.record_hashes(self.block, self.first, &self.records);
        let part = Part { block: self.block, first: self.first, count: self.records.len() as u32 };
        let frame = pack(self.key, &self.secret, vec![part], &self.records, self.level)?;
        Ok(Sealed {
            frame,
            tree: (self.first == 0).then(|| {
                let mut tree = Frontier::default();
                hashes.iter().for_each(|hash| tree.push(*hash));
                tree
            }),
            hashes,
            first_ns: self.records.iter().map(|r| r.received_ns).min().unwrap_or(0),
            last_ns: self.records.iter().map(|r| r.received_ns).max().unwrap_or(0),
            bytes: self.records.iter().map(|r| r.bytes.len() as u64).sum(),
            arrivals: Arrivals::of(&self.records),
        })
    }
}

/// A frame of `records`, which belong to `parts` in their order.
pub(crate) fn pack(
    key: DataKeyId,
    secret: &DataKey,
    parts: Vec<Part>,
    records: &[Record],
    level: i32,
) -> Result<Unplaced, LedgerError> {
    let plain = records::encode(records);
    if plain.len() > MAX_PLAIN {
        return Err(LedgerError::TooLarge {
            what: "frame",
            found: plain.len() as u64,
            bound: MAX_PLAIN as u64,
        });
    }
    let header = RecordsHeader { key, plain_len: plain.len() as u32, parts }.encode()?;
    let packed = compress(&plain, level)?;
    let body = secret.seal_frame(&header, &packed)?;
    Unplaced::new(FrameKind::Records, &header, &body)
}

thread_local! {
    /// The tables of the compressor, megabytes that would otherwise be taken and cleared for every frame.
    static COMPRESSOR: RefCell<Option<(i32, Compressor<'static>)>> = const { RefCell::new(None) };
}

/// Fails only for want of memory.
fn compress(plain: &[u8], level: i32) -> Result<Vec<u8>, LedgerError> {
    let failed = |_| LedgerError::TooLarge { what: "compressed frame", found: plain.len() as u64, bound: 0 };
    COMPRESSOR.with_borrow_mut(|kept| {
        let (_, mut compressor) = match kept.take().filter(|(made_for, _)| *made_for == level) {
            Some(kept) => kept,
            None => (level, Compressor::new(level).map_err(failed)?),
        };
        let packed = compressor.compress(plain).map_err(failed);
        *kept = Some((level, compressor));
        packed
    })
}

/// The records of a frame.
///
/// # Errors
/// [`LedgerError::NotAuthentic`] when the key is another one or a bit is wrong, [`LedgerError::Malformed`] when what was
/// encrypted is not what its header says.
pub(crate) fn unpack(
    secret: &DataKey,
    header: &RecordsHeader,
    frame: &Frame,
) -> Result<Vec<Record>, LedgerError> {
    let bad = |what| LedgerError::Malformed { kind: "frame of records", what };
    let packed = secret.open_frame(frame.header(), frame.body())?;
    let plain =
        zstd::bulk::decompress(&packed, header.plain_len as usize).map_err(|_| bad("its compression"))?;
    if plain.len() != header.plain_len as usize {
        return Err(bad("its length differs from its header"));
    }
    let records = records::decode(&plain)?;
    if records.len() as u64 != header.count() {
        return Err(bad("its number of records differs from its header"));
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{PRELUDE, Prelude};

    fn records() -> Vec<Record> {
        (0..50u64)
            .map(|i| Record {
                received_ns: 1000 + i,
                sequence: Some(i),
                bytes: format!("line {i}").into_bytes(),
            })
            .collect()
    }

    fn read(frame: &Unplaced) -> Frame {
        let prelude = Prelude::decode(&frame.place(1, 1, 0)).unwrap();
        assert_eq!(frame.len(), (PRELUDE + frame.content().len()) as u64);
        Frame::new(prelude, frame.content().to_vec()).unwrap()
    }

    #[test]
    fn a_frame_gives_back_its_records() {
        let secret = Arc::new(DataKey::new(&[1; 32]));
        let key = DataKeyId([2; 16]);
        let job = Job {
            key,
            secret: secret.clone(),
            block: BlockId([3; 16]),
            first: 7,
            records: records(),
            level: 3,
        };
        let sealed = job.run().unwrap();
        assert_eq!((sealed.first_ns, sealed.last_ns, sealed.bytes), (1000, 1049, 10 * 6 + 40 * 7));
        let frame = read(&sealed.frame);
        let header = RecordsHeader::decode(frame.header()).unwrap();
        assert_eq!(header.parts, [Part { block: BlockId([3; 16]), first: 7, count: 50 }]);
        assert_eq!(unpack(&secret, &header, &frame).unwrap(), records());
        assert_eq!(sealed.hashes, secret.record_hashes(BlockId([3; 16]), 7, &records()));
        let other = DataKey::new(&[9; 32]);
        assert!(matches!(unpack(&other, &header, &frame), Err(LedgerError::NotAuthentic { .. })));
    }

    #[test]
    fn a_header_cannot_be_exchanged() {
        let secret = DataKey::new(&[1; 32]);
        let part = |first| vec![Part { block: BlockId([3; 16]), first, count: 50 }];
        let frame = read(&pack(DataKeyId([2; 16]), &secret, part(0), &records(), 3).unwrap());
        let other = RecordsHeader { key: DataKeyId([2; 16]), plain_len: 1, parts: part(50) };
        let forged = Unplaced::new(FrameKind::Records, &other.encode().unwrap(), frame.body()).unwrap();
        assert!(unpack(&secret, &other, &read(&forged)).is_err());
    }
}
