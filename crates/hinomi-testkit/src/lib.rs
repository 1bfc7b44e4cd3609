//! Plain references that fast code is compared with, generators of random rules and events, and a disk, a clock and
//! chance that do what a test tells them.
//!
//! # Invariants
//! Nothing here shares code with what it checks, apart from the rule language's tree.

pub mod disk;
pub mod naive;
pub mod naive_correlation;
pub mod random;
pub mod seeded;
pub mod sigma_text;
