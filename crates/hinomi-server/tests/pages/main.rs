//! Pages as browsers, programs and strangers meet them.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests fail by panicking, write their own scratch files and say what they skip"
)]

mod contract;
mod events;
mod files;
mod hostile;
mod matrix;
mod provider;
mod sessions;
mod threats;
mod world;
