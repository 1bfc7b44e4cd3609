//! The JSON decoder against an independent parser: random values in every framing, real logs, damage.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test says why it was skipped, and a panic is how it fails"
)]

mod corpus;
mod damage;
mod framings;
mod naive;
