//! How each source usually is, learnt from what it sent, and how it differs from that now: silent, fewer records, kinds
//! of records that stay away, times that jumped, another host under its name.
//!
//! A promise ([`crate::completeness`]) is what people stated; this is what was seen. Both end in findings of one form.
//!
//! # Invariants
//! - The state is a function of the leaves in their order, this module's own findings among them; only *when* a finding
//!   is made depends on the clock. So a restart goes on, and what is in the log is not found again.
//! - Nothing is named that was not watched for [`Settings::learn_ns`], nor a silence shorter than
//!   [`Settings::least_ns`].
//! - What is named, and what falls into a planned stop, is not learnt: the same silence is named again next time.
//! - Memory is bounded: [`MAX_SOURCES`], [`MAX_KINDS`] and [`MAX_HOSTS`] of each; findings: [`FINDINGS_PER_DAY`].
//!
//! # Not here
//! Taking records apart, writing findings down, and when (`hinomi`'s live detection).

mod hosts;
mod kinds;
mod longest;
mod plan;
mod profile;
mod rhythm;
mod source;
#[cfg(test)]
mod tests;
mod times;
mod volume;
mod watcher;

use hinomi_model::{NANOS_PER_SECOND, Timestamp};
use serde::{Deserialize, Serialize};

pub use plan::{Plan, PlanError, Plans, Repeats};
pub use watcher::{Health, State, Status, Week};

/// The built-in source whose records are findings about the health of sources.
pub const HEALTH_SOURCE: &str = "hinomi:health";
/// Sources that are watched; of further ones nothing is known.
pub const MAX_SOURCES: usize = 16_384;
/// Kinds of records of one source that are watched; the first that came.
pub const MAX_KINDS: usize = 64;
/// Hosts of one source that are remembered.
pub const MAX_HOSTS: usize = 8;
/// Findings about one source on one day.
pub const FINDINGS_PER_DAY: u32 = 24;

/// What is not learnt.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Settings {
    /// How long a source is watched before it is judged, in nanoseconds.
    pub learn_ns: i64,
    /// The shortest silence that is named, in nanoseconds.
    pub least_ns: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { learn_ns: 7 * 86_400 * NANOS_PER_SECOND, least_ns: 60 * NANOS_PER_SECOND }
    }
}

/// What the events in some records of a source say, as far as health is concerned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// Records; 0 where they were counted before.
    pub records: u64,
    /// Kinds and how many events of each.
    pub kinds: Vec<(String, u64)>,
    /// Latest time that an event states.
    pub latest: Option<Timestamp>,
    /// Hosts that events name.
    pub hosts: Vec<String>,
}
