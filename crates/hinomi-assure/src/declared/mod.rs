//! What is declared (configuration, lists) beside what evidence shows: judgements with the register of exceptions and
//! owners, and the places where the two disagree.
//!
//! # Invariants
//! - Nothing here changes a verdict of evidence: it only reads them.
//! - A disagreement names both sides: the place that declares, and the events that show otherwise.
//!
//! # Not here
//! How configuration is judged ([`crate::posture`]); how evidence is ([`crate::assess`]).

mod disagreement;
mod register;

pub use disagreement::{Disagreement, LinkError, Links, Says, disagreements};
pub use register::{Declaration, Declared, declare};
