//! Transports under attack, and against a real object store.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "tests fail by panicking, and look at the clock of the machine"
)]

mod http;
mod objects;
