//! Plain references that fast code is compared with, generators of random rules and events, a disk, a clock and
//! chance that do what a test tells them, and a real object store.
//!
//! # Invariants
//! Nothing here shares code with what it checks, apart from the rule language's tree.

pub mod authenticator;
pub mod disk;
pub mod naive;
pub mod naive_correlation;
pub mod object_store;
pub mod random;
pub mod seeded;
pub mod sigma_text;
pub mod soak;
pub mod token_signer;
