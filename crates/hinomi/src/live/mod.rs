//! Detection while a ledger is being written: follows its leaves, evaluates the rules, and writes every detection into
//! the decision ledger once.
//!
//! # Invariants
//! - What is found is a function of the leaves of the evidence ledger, in their order, and of the activations in the
//!   decision ledger, which say which rules, lateness and zone hold from which leaf on. Batches, restarts and
//!   the time at which it runs change nothing.
//! - A detection names the leaf at which it was made and its number there. After a crash the leaves behind the saved state
//!   are read again, what was written is compared and not written twice.
//! - Rules that cannot be read never stop it: those in force stay in force.
//!
//! # Not here
//! What a watermark is and when correlations fire (`hinomi_detect::live`); receiving (`hinomi serve`).

mod activation;
mod assembly;
mod course;
mod crew;
mod decisions;
mod entry;
mod follower;
mod health;
mod pack;
mod replay;
mod resume;
mod saving;
mod watching;

use hinomi_ledger::LedgerError;

pub use activation::Activation;
pub(crate) use decisions::{ACCESS, ALERTS, CASES, HUNTS, Leaves, in_force, noted, zone_in_force};
pub use decisions::{DECISIONS, DecisionReader, Notes};
pub use entry::LiveDetection;
pub(crate) use entry::{Cited as CitedEvent, Decided};
pub use follower::{Follower, Options, Signals, Summary, Told};
pub use health::HealthWatch;
pub use pack::{Pack, PackError, PackSources, usable};
pub use replay::{Difference, Replayed, replay};
pub use resume::saved_health;
pub(crate) use resume::saved_position;
pub use watching::Watching;

/// Following could not begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// One of the two ledgers.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The rules, at the start: later the old ones stay in force.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// The rules of an activation are not in the decision ledger.
    #[error(
        "the decision ledger lacks a file of the rules in force from leaf {from_leaf} on: sha256 {sha256}"
    )]
    Forgotten {
        /// Beginning of the activation.
        from_leaf: u64,
        /// Digest of what is missing.
        sha256: String,
    },
    /// A record of the decision ledger is no decision.
    #[error("record {record} of leaf {leaf} of the decision ledger: {source}")]
    Record {
        /// Its leaf.
        leaf: u64,
        /// Its number there.
        record: usize,
        /// Why.
        source: serde_json::Error,
    },
    /// What is written does not follow from leaves and activations.
    #[error(
        "at leaf {leaf} this program finds {found}, where {written} is written: it is no longer the same function"
    )]
    Differs {
        /// Leaf of the evidence.
        leaf: u64,
        /// What is found now.
        found: String,
        /// What is written.
        written: String,
    },
    /// The state cannot be saved.
    #[error("{}: {source}", path.display())]
    State {
        /// Where.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A zone of time that nobody knows.
    #[error("{0}: not a name of the IANA database")]
    Zone(String),
}
