//! Records, and the plain form that a frame compresses and encrypts.
//!
//! ```text
//! flags       1 byte: bit 0 = bytes are joined by 0x0A instead of having lengths; bit 1 = sequence numbers follow
//! count       varint
//! times       count × zigzag difference to the record before (the first: to 0), nanoseconds
//! sequences   count × zigzag difference of (sequence + 1, or 0 for none) to the one before + 1 (the first: to 0)
//! lengths     count × varint, unless joined
//! bytes       the records, one after the other
//! ```
//!
//! Columns come before bytes so that constant ones vanish in the compression: times of one delivery are equal,
//! sequences count up, and lines without a line feed inside need no lengths.
//!
//! # Trust
//! Decoding bounds everything by the length of the input, which the caller bounds by [`MAX_PLAIN`].

use crate::LedgerError;
use crate::cursor::{Cursor, put_delta, put_varint};

/// The longest record.
pub const MAX_RECORD: usize = 16 * 1024 * 1024;
/// The longest plain form of a frame.
pub(crate) const MAX_PLAIN: usize = 40 * 1024 * 1024;
/// The most records of one block, and of one frame.
pub(crate) const MAX_COUNT: u32 = 1 << 20;
/// How a missing sequence number is written in a commitment.
pub(crate) const NO_SEQUENCE: u64 = u64::MAX;

/// One received frame, byte for byte.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// When it was received, in nanoseconds since 1970.
    pub received_ns: u64,
    /// The number its source gave it, if the source numbers its records.
    pub sequence: Option<u64>,
    /// The bytes.
    pub bytes: Vec<u8>,
}

const JOINED: u8 = 1;
const SEQUENCES: u8 = 2;

/// The plain form of `records`.
pub(crate) fn encode(records: &[Record]) -> Vec<u8> {
    let total: usize = records.iter().map(|r| r.bytes.len() + 4).sum();
    let mut out = Vec::with_capacity(total + 64);
    let joined = !records.iter().any(|r| memchr::memchr(b'\n', &r.bytes).is_some());
    let sequences = records.iter().any(|r| r.sequence.is_some());
    out.push(u8::from(joined) * JOINED + u8::from(sequences) * SEQUENCES);
    put_varint(&mut out, records.len() as u64);
    let mut before = 0u64;
    for record in records {
        put_delta(&mut out, record.received_ns.wrapping_sub(before) as i64);
        before = record.received_ns;
    }
    if sequences {
        let mut expected = 0u64;
        for record in records {
            let coded = record.sequence.map_or(0, |s| s.wrapping_add(1));
            put_delta(&mut out, coded.wrapping_sub(expected) as i64);
            expected = coded.wrapping_add(1);
        }
    }
    if !joined {
        records.iter().for_each(|r| put_varint(&mut out, r.bytes.len() as u64));
    }
    for (at, record) in records.iter().enumerate() {
        if joined && at > 0 {
            out.push(b'\n');
        }
        out.extend_from_slice(&record.bytes);
    }
    out
}

/// Reads what [`encode`] wrote.
///
/// # Errors
/// [`LedgerError::Malformed`].
pub(crate) fn decode(plain: &[u8]) -> Result<Vec<Record>, LedgerError> {
    let mut at = Cursor::new(plain, "records");
    let flags = at.u8()?;
    if flags & !(JOINED | SEQUENCES) != 0 {
        return Err(at.malformed("its flags are unknown"));
    }
    let count = at.varint()?;
    if count > u64::from(MAX_COUNT) || count > at.remaining() as u64 {
        return Err(at.malformed("it claims more records than it can hold"));
    }
    let count = count as usize;
    let mut times = Vec::with_capacity(count);
    let mut before = 0u64;
    for _ in 0..count {
        before = before.wrapping_add(at.delta()? as u64);
        times.push(before);
    }
    let mut sequences = vec![None; count];
    if flags & SEQUENCES != 0 {
        let mut expected = 0u64;
        for slot in &mut sequences {
            let coded = expected.wrapping_add(at.delta()? as u64);
            *slot = coded.checked_sub(1);
            expected = coded.wrapping_add(1);
        }
    }
    let bytes = if flags & JOINED != 0 { split(at, count)? } else { cut(at, count)? };
    let columns = times.into_iter().zip(sequences).zip(bytes);
    Ok(columns.map(|((received_ns, sequence), bytes)| Record { received_ns, sequence, bytes }).collect())
}

fn split(at: Cursor<'_>, count: usize) -> Result<Vec<Vec<u8>>, LedgerError> {
    let wrong = at.malformed("the number of joined records differs");
    if count == 0 {
        return at.end().map(|()| Vec::new());
    }
    let bytes: Vec<Vec<u8>> = at.rest().split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
    if bytes.len() == count { Ok(bytes) } else { Err(wrong) }
}

fn cut(mut at: Cursor<'_>, count: usize) -> Result<Vec<Vec<u8>>, LedgerError> {
    let lengths = (0..count).map(|_| at.varint()).collect::<Result<Vec<_>, _>>()?;
    let mut bytes = Vec::with_capacity(count);
    for len in lengths {
        let len = usize::try_from(len).map_err(|_| at.malformed("a record is too long"))?;
        bytes.push(at.take(len)?.to_vec());
    }
    at.end()?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hand_made_forms() {
        let record =
            |received_ns, sequence, bytes: &[u8]| Record { received_ns, sequence, bytes: bytes.to_vec() };
        // Joined, no sequences: 2 records, times 5 and 7.
        assert_eq!(encode(&[record(5, None, b"ab"), record(7, None, b"c")]), b"\x01\x02\x0a\x04ab\nc");
        // A line feed inside: lengths; sequences 9, none, 11 as 10, 0, 12 against 0, 11, 1.
        let three = [record(0, Some(9), b"a\n"), record(0, None, b""), record(0, Some(11), b"b")];
        assert_eq!(encode(&three), b"\x02\x03\0\0\0\x14\x15\x16\x02\0\x01a\nb");
        assert_eq!(encode(&[]), b"\x01\0");
    }

    #[test]
    fn malformed_forms_are_refused() {
        for bad in [
            &b""[..],
            b"\x04\0",
            b"\x01\x05\0",
            b"\x01\x02\0\0abc",
            b"\0\x01\0\x05ab",
            b"\0\x01\0\x01ab",
            b"\x01\0x",
        ] {
            assert!(decode(bad).is_err(), "{bad:?}");
        }
    }

    fn any_record() -> impl Strategy<Value = Record> {
        let sequence = prop_oneof![Just(None), (0..u64::MAX).prop_map(Some), (0..20u64).prop_map(Some)];
        let bytes =
            prop_oneof!["[a-z]{0,9}".prop_map(String::into_bytes), prop::collection::vec(any::<u8>(), 0..40)];
        (any::<u64>(), sequence, bytes).prop_map(|(received_ns, sequence, bytes)| Record {
            received_ns,
            sequence,
            bytes,
        })
    }

    proptest! {
        #[test]
        fn any_records_survive(records in prop::collection::vec(any_record(), 0..30)) {
            prop_assert_eq!(decode(&encode(&records)).unwrap(), records);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = decode(&bytes);
        }
    }
}
