//! The ledger as its users see it, on real folders.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod golden;
mod independent;
mod model;
mod policies;
mod proving;
mod repair;
mod restart;
mod snapshot;
mod succession;
mod support;
mod tampering;
mod vault;
mod watching;
mod writing;
