//! Alerts at work: what is found becomes alerts, and somebody is told.
//!
//! # Invariants
//! - A step is on disk before anything is sent that follows from it. After a crash a message is sent again with the id it
//!   had, and none is lost.
//! - Detection and receiving never wait for alerts: what is found is read from the ledgers, behind them.
//! - Every step goes to the decision ledger, in order, without gaps.
//! - A full disk stops no alert: what cannot be saved is sent all the same, saved later, and said.
//!
//! # Trust
//! The folder and the socket belong to the owner of the data directory; whoever can write there can acknowledge.
//!
//! # Not here
//! Who is told when (`hinomi-alert`); how (`hinomi_server::alert`).

mod answering;
mod dispatch;
mod feed;
mod figures;
mod heart;
mod running;
mod sources;
mod store;

use std::path::{Path, PathBuf};

use hinomi_ledger::LedgerError;
use hinomi_server::ServerError;

use crate::kept::KeptError;

pub use answering::{Answer, Question, ask};
pub use running::{Alerts, Fault, Faults, Prepared, Surroundings};
pub(crate) use store::pseudonym_secret;
pub use store::{View, view, zone};

/// Alerts could not begin.
#[derive(Debug, thiserror::Error)]
pub enum AlertsError {
    /// What is kept of them.
    #[error(transparent)]
    Kept(#[from] KeptError),
    /// One of the two ledgers.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A sink.
    #[error("sink {name}: {source}")]
    Sink {
        /// Which.
        name: String,
        /// Why it cannot be used.
        source: ServerError,
    },
    /// No thread can be had.
    #[error("no thread for alerts: {0}")]
    Thread(std::io::Error),
    /// No server answers.
    #[error("{}: {source}", path.display())]
    Door {
        /// The socket.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

/// The folder of alerts in a data directory.
fn folder(data: &Path) -> PathBuf {
    data.join("alerts")
}

/// Whether a server sends alerts now: it answers at its socket.
pub(crate) fn is_at_work(data: &Path) -> bool {
    std::os::unix::net::UnixStream::connect(socket(data)).is_ok()
}

/// The socket of a server at work.
fn socket(data: &Path) -> PathBuf {
    folder(data).join("socket")
}
