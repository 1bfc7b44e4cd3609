//! What each source kept and what it owes: gaps in its numbering, silences against its promise, and for every day of
//! receipt whether everything, something, nothing or nobody knows what was received.
//!
//! Findings are records of the built-in source [`COMPLETENESS_SOURCE`], so they are evidence like any other. The state
//! is a function of the records of the ledger in their order and can always be computed from them again.
//!
//! # Invariants
//! - Nothing here reads a clock: time is that of the records and of the ticks, which are records too.
//! - A day is never [`Present`](DayState::Present) because nothing bad was seen. It is present when the numbers of the
//!   source, or its heartbeat, reach over the whole of it.
//! - Memory is bounded: [`MAX_SOURCES`] sources, [`MAX_DAYS`] days of each.
//!
//! # Not here
//! Events inside records and their own times (`hinomi-detect`'s completeness). Writing the findings down, and when:
//! `crate::engine`.

mod arrivals;
mod calendar;
mod finding;
mod numbering;
mod sequence;
mod state;
#[cfg(test)]
mod tests;
mod tracker;
mod watch;

pub(crate) use arrivals::Arrivals;
pub use arrivals::chunk_numbers;
pub use calendar::{Basis, Day, DayCell, DayState, Doubt};
pub(crate) use finding::is_reserved;
pub(crate) use finding::nanos;
pub use finding::{
    CLOCK_SOURCE, COMPLETENESS_SOURCE, FINDING_VERSION, Finding, STATE_SOURCE, What, Witness, is_built_in,
};
pub use numbering::Numbering;
pub use sequence::Loss;
pub(crate) use state::{View, parts, rebuild};
pub use tracker::{Arrival, Completeness, Promise, SourceSummary};
pub use watch::{CLOCK_EVERY_NS, FINDINGS_PER_DAY, Watch};

/// Sources that are tracked; further ones are counted, and all their days are unknown.
pub const MAX_SOURCES: usize = 65_536;
/// Days of one source of which the number of records is kept; older ones are forgotten first, and are unknown then.
pub const MAX_DAYS: usize = 4_096;
