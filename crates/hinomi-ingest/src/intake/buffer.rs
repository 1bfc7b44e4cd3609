//! A buffer that is filled from a stream and handed out as it is.
//!
//! Whatever a buffer held before stays in it until it is overwritten, so that filling it again costs no zeroing.

use std::io::{self, Read};

use super::options::Limits;

/// Buffers that come back from the caller.
#[derive(Default)]
pub(crate) struct Pool(Vec<Vec<u8>>);

impl Pool {
    const KEPT: usize = 8;

    /// A buffer that begins with `front`.
    pub(crate) fn take(&mut self, front: &[u8]) -> Buffer {
        let mut buffer = Buffer { bytes: self.0.pop().unwrap_or_default(), filled: 0 };
        buffer.reserve(front.len());
        if let Some(to) = buffer.bytes.get_mut(..front.len()) {
            to.copy_from_slice(front);
            buffer.filled = front.len();
        }
        buffer
    }

    pub(crate) fn give(&mut self, buffer: Vec<u8>, limits: &Limits) {
        if self.0.len() < Self::KEPT && buffer.capacity() <= 2 * limits.unit_bytes {
            self.0.push(buffer);
        }
    }

    /// Takes back what was not filled after all.
    pub(crate) fn put_back(&mut self, buffer: Buffer, limits: &Limits) {
        self.give(buffer.bytes, limits);
    }
}

/// Bytes read and not yet handed out; behind them, what the buffer held in an earlier life.
#[derive(Default)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    filled: usize,
}

/// Least that is asked of a stream at once.
const STEP: usize = 64 * 1024;

impl Buffer {
    pub(crate) fn filled(&self) -> &[u8] {
        self.bytes.get(..self.filled).unwrap_or_default()
    }

    pub(crate) fn len(&self) -> usize {
        self.filled
    }

    /// Reads until it holds `target` bytes or the stream ends; true at the end. `expected` is how many bytes the
    /// stream is thought to hold, so that small members take small buffers.
    pub(crate) fn fill(
        &mut self,
        stream: &mut dyn Read,
        target: usize,
        expected: Option<usize>,
    ) -> io::Result<bool> {
        while self.filled < target {
            let step = expected.map_or(self.filled, |size| size + 1).max(STEP);
            self.reserve((self.filled + step).min(target));
            let end = self.bytes.len().min(target);
            let Some(free) = self.bytes.get_mut(self.filled..end) else { return Ok(true) };
            match stream.read(free) {
                Ok(0) => return Ok(true),
                Ok(read) => self.filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// Makes it at least `room` bytes long.
    fn reserve(&mut self, room: usize) {
        if room <= self.bytes.capacity() {
            // What was cut off when it was handed out.
            return self.bytes.resize(self.bytes.len().max(room), 0);
        }
        // Fresh memory is zero already, which only whoever asks for zeros makes use of.
        let mut larger = vec![0; room];
        if let (Some(to), Some(held)) = (larger.get_mut(..self.filled), self.bytes.get(..self.filled)) {
            to.copy_from_slice(held);
        }
        self.bytes = larger;
    }

    /// Drops the first `count` bytes.
    pub(crate) fn drop_front(&mut self, count: usize) {
        let count = count.min(self.filled);
        self.bytes.copy_within(count..self.filled, 0);
        self.filled -= count;
    }

    /// The first `end` bytes.
    pub(crate) fn into_bytes(mut self, end: usize) -> Vec<u8> {
        self.bytes.truncate(end.min(self.filled));
        self.bytes
    }
}
