//! Pages as browsers, programs and strangers meet them.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod contract;
mod files;
mod hostile;
mod matrix;
mod sessions;
mod threats;
mod world;
