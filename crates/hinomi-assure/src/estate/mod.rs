//! One graph of everything that is known: exports, lists, sign-ins and stored secrets, with names that mean one account or host
//! joined.
//!
//! # Invariants
//! - An edge from a sign-in counts as used; a secret that a sign-in left behind does not, until it was used from there.
//! - Names are joined on a reason only ([`crate::inventory::Resolver`]); what is ambiguous stays apart.
//!
//! # Not here
//! Questions to the graph as such ([`crate::graph`]); opening of files.

mod answer;
mod build;
mod cloud;
mod names;
mod secrets;
mod selection;
#[cfg(test)]
mod tests;

pub use answer::{
    Answer, AnswerEntry, Counted, CutEdgeEntry, CutEntry, NodeEntry, Question, RadiusEntry, SecretEntry,
    WayEntry, secrets,
};
pub use build::{Estate, Event, Material};
pub use cloud::{CloudTable, CloudTableError};
pub use secrets::{SecretTable, SecretTableError, StoredSecret};
pub use selection::{SelectionError, select};
