//! What pages and programs read of a data directory at work, in the form of `api/openapi.json`.
//!
//! # Invariants
//! - Nothing is scanned for an answer: what needs all leaves is counted once, beside the answers, and goes on from there.
//! - Every list has a bound, every answer an end. What is left out is said.
//! - What is not known is null or says why; it is never shown as fine. What cannot be answered is [`Refused::NotAvailable`].
//! - Names of accounts go into an answer through [`Shown`] only; raw records are the exception, and need the right to search.
//!
//! # Trust
//! Whoever asks may ask it, but parts and queries are written by strangers.
//!
//! # Not here
//! Sessions, rights and HTTP (`hinomi_server`); how incidents are told (`hinomi_detect::story`).

mod alerts;
mod asked;
mod decoded;
mod deeds;
mod evidence;
mod export;
mod health;
mod holdings;
mod hunts;
mod incidents;
mod judged;
mod ledger;
mod model;
mod read;
mod record;
mod rulebook;
mod rules;
#[cfg(feature = "query")]
mod search;
mod sources;
#[cfg(test)]
mod tests;
mod today;
mod work;

use hinomi_ledger::LedgerError;
use hinomi_model::Timestamp;
use serde::Serialize;

pub use asked::{Asked, Shown};
pub use hunts::Hunts;
pub use read::Reading;
pub use work::Person;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// There is no such thing.
    #[error("there is no such thing here")]
    NotFound,
    /// This server cannot answer that.
    #[error("{0}")]
    NotAvailable(&'static str),
    /// The question makes no sense.
    #[error("{0}")]
    Senseless(String),
    /// It contradicts what is there.
    #[error("{0}")]
    Conflict(String),
    /// It is still being worked out.
    #[error("{0}")]
    NotYet(&'static str),
    /// A change needs the version that it is made to.
    #[error("If-Match is needed")]
    VersionNeeded,
    /// Another change came first.
    #[error("it was changed meanwhile")]
    Changed,
    /// Too much is asked at the same time.
    #[error("too much is asked at the same time")]
    Busy {
        /// When it is worth asking again.
        seconds: i64,
    },
    /// It cannot be read or kept now.
    #[error("{0}")]
    Failed(String),
}

impl From<LedgerError> for Refused {
    fn from(error: LedgerError) -> Self {
        match &error {
            LedgerError::Missing { what: "record" | "leaf", .. } | LedgerError::Erased { .. } => {
                Self::NotFound
            }
            _ => Self::Failed(error.to_string()),
        }
    }
}

/// A sentence in both languages.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub(crate) struct Text {
    pub(crate) en: String,
    pub(crate) ja: String,
}

impl Text {
    pub(crate) fn new(en: impl Into<String>, ja: impl Into<String>) -> Self {
        Self { en: en.into(), ja: ja.into() }
    }
}

/// A time as answers hold it.
fn time(at: Timestamp) -> String {
    at.to_string()
}

/// A time of receipt.
fn received(ns: u64) -> String {
    time(Timestamp::from_nanos(i64::try_from(ns).unwrap_or(i64::MAX)))
}

/// A part of a list, and where it goes on: places count the items before.
fn page<T>(items: Vec<T>, asked: &Asked<'_>) -> Result<(Vec<T>, Option<String>), Refused> {
    let from = asked.place()?;
    let limit = asked.limit()?;
    let all = items.len();
    let items: Vec<T> = items.into_iter().skip(from).take(limit).collect();
    let end = from.saturating_add(items.len());
    Ok((items, (end < all).then(|| end.to_string())))
}
