//! Reading and writing of big-endian integers, varints and short strings, for every binary format of the ledger.
//!
//! # Invariants
//! - Reading never goes past the end and never allocates by a length that the input claims.
//! - A value has one encoding: a varint with a superfluous byte, or bytes left over, is malformed.

use crate::LedgerError;

/// A position in bytes that are being read.
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
    kind: &'static str,
}

impl<'a> Cursor<'a> {
    /// Reads `bytes`, which claim to be a `kind` (for the error).
    pub(crate) fn new(bytes: &'a [u8], kind: &'static str) -> Self {
        Self { rest: bytes, kind }
    }

    pub(crate) fn malformed(&self, what: &'static str) -> LedgerError {
        LedgerError::Malformed { kind: self.kind, what }
    }

    pub(crate) fn take(&mut self, n: usize) -> Result<&'a [u8], LedgerError> {
        let (head, rest) = self.rest.split_at_checked(n).ok_or_else(|| self.malformed("it is cut short"))?;
        self.rest = rest;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], LedgerError> {
        let bytes = self.take(N)?;
        bytes.try_into().map_err(|_| self.malformed("it is cut short"))
    }

    pub(crate) fn u8(&mut self) -> Result<u8, LedgerError> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    pub(crate) fn u16(&mut self) -> Result<u16, LedgerError> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, LedgerError> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, LedgerError> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    /// A string of at most 255 bytes behind its length.
    pub(crate) fn short_str(&mut self) -> Result<&'a str, LedgerError> {
        let len = self.u8()?;
        let bytes = self.take(usize::from(len))?;
        std::str::from_utf8(bytes).map_err(|_| self.malformed("text is not UTF-8"))
    }

    /// Bytes behind their length in two bytes.
    pub(crate) fn bytes16(&mut self) -> Result<&'a [u8], LedgerError> {
        let len = self.u16()?;
        self.take(usize::from(len))
    }

    /// An unsigned LEB128 integer in its shortest form.
    pub(crate) fn varint(&mut self) -> Result<u64, LedgerError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                if byte == 0 && shift > 0 {
                    return Err(self.malformed("an integer is not in its shortest form"));
                }
                return Ok(value);
            }
        }
        Err(self.malformed("an integer is above 64 bits"))
    }

    /// A zigzag-coded signed difference.
    pub(crate) fn delta(&mut self) -> Result<i64, LedgerError> {
        let coded = self.varint()?;
        Ok((coded >> 1) as i64 ^ -((coded & 1) as i64))
    }

    pub(crate) fn rest(self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn end(self) -> Result<(), LedgerError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.malformed("bytes are left over")) }
    }
}

/// Appends an unsigned LEB128 integer.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a zigzag-coded signed difference.
pub(crate) fn put_delta(out: &mut Vec<u8>, value: i64) {
    put_varint(out, ((value << 1) ^ (value >> 63)) as u64);
}

/// Appends a string behind its length.
///
/// # Errors
/// [`LedgerError::TooLarge`] above 255 bytes.
pub(crate) fn put_short_str(out: &mut Vec<u8>, what: &'static str, text: &str) -> Result<(), LedgerError> {
    let len = u8::try_from(text.len()).map_err(|_| LedgerError::TooLarge {
        what,
        found: text.len() as u64,
        bound: 255,
    })?;
    out.push(len);
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

/// Appends bytes behind their length in two bytes.
///
/// # Errors
/// [`LedgerError::TooLarge`] above 65,535 bytes.
pub(crate) fn put_bytes16(out: &mut Vec<u8>, what: &'static str, bytes: &[u8]) -> Result<(), LedgerError> {
    let too_large = |_| LedgerError::TooLarge { what, found: bytes.len() as u64, bound: 65_535 };
    let len = u16::try_from(bytes.len()).map_err(too_large)?;
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_survive_and_have_one_form() {
        for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            let mut cursor = Cursor::new(&out, "test");
            assert_eq!(cursor.varint().unwrap(), value);
            cursor.end().unwrap();
        }
        for value in [0, 1, -1, 63, -64, i64::MAX, i64::MIN] {
            let mut out = Vec::new();
            put_delta(&mut out, value);
            assert_eq!(Cursor::new(&out, "test").delta().unwrap(), value);
        }
        // Two bytes where one suffices; eleven bytes; a tenth byte above one.
        for bad in
            [&[0x80, 0][..], &[0xff; 11], &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2], &[0x80]]
        {
            assert!(Cursor::new(bad, "test").varint().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn reading_past_the_end_is_an_error() {
        let mut cursor = Cursor::new(&[3, b'a', b'b'], "test");
        assert!(cursor.short_str().is_err());
        assert!(Cursor::new(&[0, 0, 0], "test").u32().is_err());
        assert!(Cursor::new(&[0], "test").end().is_err());
    }
}
