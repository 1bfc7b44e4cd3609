//! The one error type of the transports.

use std::path::PathBuf;

use hinomi_ledger::LedgerError;

/// Why a transport failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The network refused.
    #[error("cannot {action} {peer}")]
    Network {
        /// What was attempted, as a verb.
        action: &'static str,
        /// With whom.
        peer: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file of certificates or keys cannot be used.
    #[error("cannot use {}: {what}", path.display())]
    Credential {
        /// Which file.
        path: PathBuf,
        /// Why not.
        what: String,
    },
    /// A part of the configuration cannot be used.
    #[error("{kind} {name}")]
    Part {
        /// What it is: a sink, a heartbeat.
        kind: &'static str,
        /// Its name.
        name: String,
        /// Why not.
        source: Box<ServerError>,
    },
    /// TLS cannot be set up.
    #[error("TLS: {what}")]
    Tls {
        /// Why not.
        what: String,
    },
    /// An address that cannot be used.
    #[error("{url} is not usable: {what}")]
    Address {
        /// The address.
        url: String,
        /// Why not.
        what: &'static str,
    },
    /// The other side answered with an error.
    #[error("{url} answered {status}: {said}")]
    Status {
        /// What was asked.
        url: String,
        /// HTTP status.
        status: u16,
        /// Beginning of the answer's body, made harmless.
        said: String,
    },
    /// The other side could not be asked, or did not finish answering.
    #[error("no answer from {url}: {what}")]
    NoAnswer {
        /// What was asked.
        url: String,
        /// Why not.
        what: String,
    },
    /// The answer is not what the protocol says.
    #[error("{url} answered something else than asked: {what}")]
    Protocol {
        /// What was asked.
        url: String,
        /// Which rule it breaks.
        what: &'static str,
    },
    /// The other side understood and does not want to.
    #[error("{url}: {what}")]
    Refused {
        /// Who.
        url: String,
        /// Why.
        what: String,
    },
    /// The evidence itself.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}
