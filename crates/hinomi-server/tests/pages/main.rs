//! Pages as browsers, programs and strangers meet them.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "a test over real connections waits on the real clock")]

mod contract;
mod events;
mod files;
mod hostile;
mod matrix;
mod sessions;
mod threats;
mod world;
