//! Which words stand where.

mod needed;
pub mod sidecar;
pub mod token;

pub use needed::Needed;
