//! The EVTX decoder against an independent reader and against damage.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test says why it was skipped, and a panic is how it fails"
)]

mod builder;
mod built;
mod corpus;
mod damage;
mod differential;
mod reference;
