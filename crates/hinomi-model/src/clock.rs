//! Where time and chance come from, so that a run can be repeated.
//!
//! # Not here
//! The clock of the computer and its random numbers: `crates/hinomi/src/clock.rs` and the ledger's own sources. Tests use
//! `hinomi_testkit`.

use std::fmt;
use std::io;

use crate::Timestamp;

/// A source of the time of day.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Now, as far as this computer knows. It may jump in both directions.
    fn now(&self) -> Timestamp;
}

/// A source of bytes that nobody can guess.
pub trait Entropy: fmt::Debug + Send + Sync {
    /// Fills the whole buffer, or fails and leaves it unusable.
    fn fill(&self, buffer: &mut [u8]) -> io::Result<()>;
}
