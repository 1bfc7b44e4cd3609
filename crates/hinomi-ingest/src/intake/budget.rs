//! Bounds on what one outer file may unpack to.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::options::Limits;
use super::source::Stream;

/// A bound that was reached. Travels inside [`io::Error`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Bound {
    #[error("it unpacks to more than {0} times its size")]
    Ratio(u64),
    #[error("the member unpacks to more than {0} bytes")]
    Member(u64),
    #[error("the file unpacks to more than {0} bytes in all")]
    File(u64),
}

/// Shared by every layer of one outer file.
#[derive(Debug)]
pub(crate) struct Budget {
    limits: Limits,
    /// Bytes of the outer file: its size, or what has arrived of a stream.
    packed: Arc<AtomicU64>,
    unpacked: AtomicU64,
    members: AtomicU64,
    held: AtomicU64,
}

impl Budget {
    pub(crate) fn new(limits: &Limits, packed: Arc<AtomicU64>) -> Arc<Self> {
        Arc::new(Self {
            limits: limits.clone(),
            packed,
            unpacked: AtomicU64::new(0),
            members: AtomicU64::new(0),
            held: AtomicU64::new(0),
        })
    }

    /// Counts one more member; false when there are too many.
    pub(crate) fn admit(&self) -> bool {
        self.members.fetch_add(1, Relaxed) < self.limits.members
    }

    /// Memory still free for nested ZIP archives.
    pub(crate) fn free(&self) -> u64 {
        self.limits.nested_zip_bytes.saturating_sub(self.held.load(Relaxed))
    }

    pub(crate) fn hold(self: &Arc<Self>, bytes: u64) -> Held {
        self.held.fetch_add(bytes, Relaxed);
        Held { budget: Arc::clone(self), bytes }
    }

    fn spend(&self, bytes: u64) -> Result<(), Bound> {
        let total = self.unpacked.fetch_add(bytes, Relaxed) + bytes;
        if total > self.limits.file_bytes {
            return Err(Bound::File(self.limits.file_bytes));
        }
        self.check_ratio(total, self.packed.load(Relaxed))
    }

    fn check_ratio(&self, unpacked: u64, packed: u64) -> Result<(), Bound> {
        let allowed = packed.saturating_mul(self.limits.ratio).max(self.limits.ratio_after);
        if unpacked > allowed { Err(Bound::Ratio(self.limits.ratio)) } else { Ok(()) }
    }
}

/// Memory taken from a budget until dropped.
#[derive(Debug)]
pub(crate) struct Held {
    budget: Arc<Budget>,
    bytes: u64,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.held.fetch_sub(self.bytes, Relaxed);
    }
}

/// Counts the bytes that pass.
pub(crate) struct Counted {
    pub(crate) stream: Stream,
    pub(crate) count: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(buffer)?;
        self.count.fetch_add(read as u64, Relaxed);
        Ok(read)
    }
}

/// A decompressor's output under the budget.
pub(crate) struct Guarded {
    stream: Stream,
    consumed: Arc<AtomicU64>,
    produced: u64,
    budget: Arc<Budget>,
}

impl Guarded {
    /// `consumed` counts the bytes that went into the decompressor.
    pub(crate) fn new(stream: Stream, consumed: Arc<AtomicU64>, budget: Arc<Budget>) -> Self {
        Self { stream, consumed, produced: 0, budget }
    }

    fn check(&mut self, read: u64) -> Result<(), Bound> {
        self.produced += read;
        let limit = self.budget.limits.member_bytes;
        if self.produced > limit {
            return Err(Bound::Member(limit));
        }
        self.budget.check_ratio(self.produced, self.consumed.load(Relaxed))?;
        self.budget.spend(read)
    }
}

impl Read for Guarded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(buffer)?;
        self.check(read as u64).map_err(io::Error::other)?;
        Ok(read)
    }
}
