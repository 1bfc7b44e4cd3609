//! What the sources kept and what they miss: per host and channel the first and last event, gaps in the source's
//! own numbering, clock jumps and silent stretches.
//!
//! # Invariants
//! - Trackers of different threads merge to the same result in any order.
//! - Memory is bounded: at most [`MAX_SOURCES`] sources, [`MAX_RUNS`] runs of numbers and [`MAX_HOURS`] active
//!   hours each; what exceeds the bounds is counted, never silently dropped.
//!
//! # Not here
//! Whether a missing source *should* exist: that needs an inventory (`hinomi-assure`).

mod active;
mod report;
mod runs;
mod tracker;

pub use active::{Active, WentOn};
pub use report::{ClockJump, Gap, Silence, SourceReport};
pub use tracker::{SourceTracker, Window};

/// Sources tracked; events of further ones are counted together under an empty host and channel.
pub const MAX_SOURCES: usize = 20_000;
/// Runs of consecutive numbers kept per source before the oldest neighbours are joined.
pub const MAX_RUNS: usize = 50_000;
/// Hours with events kept per source (about twenty years).
pub const MAX_HOURS: usize = 175_200;
