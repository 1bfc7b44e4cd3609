//! Trials: attacks that really ran, put through the whole program, and what came of it.
//!
//! # Invariants
//! - A procedure that was not detected stays in every denominator; so does one that could not be read.
//! - A technique counts as covered only if a trial of it fired. What no trial executed is listed as untested.
//! - Seeds of variants follow from the digest of the rules: they cannot be drawn before the rules are frozen.
//!
//! # Not here
//! Rendering (`hinomi-scenario`), the examples inside rule files ([`crate::trial`]).

mod baseline;
mod capture;
mod committed;
mod figures;
mod labels;
mod layer;
mod outcome;
mod pack;
mod rendered;
mod table;

pub use baseline::{Baseline, Worse, compare};
pub use capture::{benign_outcome, capture_outcome};
pub use committed::{Committed, committed, measured_with};
pub use figures::{Delays, Figures, Share, figures};
pub use labels::{Label, LabelError, read_labels};
pub use layer::navigator_layer;
pub use outcome::{Background, Campaign, Outcome, Trials, Verdict};
pub use pack::{Pack, PackError};
pub use rendered::judge_rendering;
pub use table::markdown;
