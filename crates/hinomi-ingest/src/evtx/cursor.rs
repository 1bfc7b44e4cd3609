//! A reading position in a chunk.

use super::fault::Fault;

/// Reads little-endian numbers from a chunk; every offset of the format is relative to the chunk, so the cursor
/// keeps the whole chunk and a position instead of a shrinking slice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// A cursor at `at` that never reads beyond `end`.
    pub(super) fn new(chunk: &'a [u8], at: usize, end: usize) -> Self {
        Self { data: chunk.get(..end).unwrap_or(chunk), at }
    }

    /// The chunk up to where the cursor ends.
    pub(super) fn data(&self) -> &'a [u8] {
        self.data
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn remaining(&self) -> usize {
        self.data.len().saturating_sub(self.at)
    }

    pub(super) fn done(&self) -> bool {
        self.at >= self.data.len()
    }

    #[inline]
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let found = self.data.get(self.at..).and_then(<[u8]>::first_chunk).ok_or(Fault::SHORT)?;
        self.at += N;
        Ok(*found)
    }

    #[inline]
    pub(super) fn u8(&mut self) -> Result<u8, Fault> {
        self.array().map(|[byte]| byte)
    }

    #[inline]
    pub(super) fn u16(&mut self) -> Result<u16, Fault> {
        self.array().map(u16::from_le_bytes)
    }

    #[inline]
    pub(super) fn u32(&mut self) -> Result<u32, Fault> {
        self.array().map(u32::from_le_bytes)
    }

    /// The next `length` bytes.
    #[inline]
    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], Fault> {
        let end = self.at.checked_add(length).ok_or(Fault::SHORT)?;
        let found = self.data.get(self.at..end).ok_or(Fault::SHORT)?;
        self.at = end;
        Ok(found)
    }

    /// The next byte, not consumed.
    pub(super) fn peek(&self) -> Option<u8> {
        self.data.get(self.at).copied()
    }
}

/// The 32-bit little-endian number at `at`.
#[inline]
pub(super) fn u32_at(data: &[u8], at: usize) -> Option<u32> {
    data.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}

/// The 64-bit little-endian number at `at`.
#[inline]
pub(super) fn u64_at(data: &[u8], at: usize) -> Option<u64> {
    data.get(at..)?.first_chunk().copied().map(u64::from_le_bytes)
}
