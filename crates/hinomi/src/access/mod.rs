//! Accounts at work: what is kept of them, who is told, and the doors to them.
//!
//! # Invariants
//! - A step is on disk before anybody is told of what follows from it, and goes to the decision ledger, in order.
//! - What the decision ledger has and the files have not is taken over at the start: a folder that was put back from before,
//!   or lost, brings back nobody who was disabled, and makes nobody a first administrator who is not.
//! - Files that are damaged open no door: pages do not start then, and receiving goes on.
//! - One process at a time changes accounts: a server, or the command line while none is at work.
//!
//! # Trust
//! The folder and the socket belong to the owner of the data directory; whoever can write there can make links.
//!
//! # Not here
//! Who may what (`hinomi-access`); requests (`hinomi_server::pages`).

mod answering;
mod running;
mod store;
mod words;

use std::path::{Path, PathBuf};

use hinomi_access::Refusal;
use hinomi_server::ServerError;

use crate::kept::KeptError;

pub use answering::{Answer, Listed, Question, ask};
pub use running::{Access, Surroundings, offline};
pub use store::{is_active, known_accounts};

/// Accounts cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// What is kept of them.
    #[error(transparent)]
    Kept(#[from] KeptError),
    /// Another process has the accounts.
    #[error("{}: another process looks after these accounts", path.display())]
    Busy {
        /// The lock.
        path: PathBuf,
    },
    /// The decision ledger.
    #[error(transparent)]
    Ledger(#[from] hinomi_ledger::LedgerError),
    /// What pseudonyms are made with.
    #[error(transparent)]
    Pseudonyms(#[from] crate::alerting::AlertsError),
    /// The listener.
    #[error(transparent)]
    Listener(#[from] ServerError),
    /// The first link cannot be made.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The name of the place.
    #[error("pages.origin: {0}")]
    Place(&'static str),
}

/// The folder of accounts in a data directory.
fn folder(data: &Path) -> PathBuf {
    data.join("access")
}

/// The socket of a server at work.
fn socket(data: &Path) -> PathBuf {
    folder(data).join("socket")
}
