//! Plain references that fast code is compared with, and generators of random rules and events.
//!
//! # Invariants
//! Nothing here shares code with what it checks, apart from the rule language's tree.

pub mod naive;
pub mod naive_correlation;
pub mod random;
pub mod sigma_text;
