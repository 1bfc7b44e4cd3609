//! Renders organisations and cases, described in YAML, into logs in vendors' formats, together with the truth about
//! them.
//!
//! # Invariants
//! - The same scenario, seed and request give the same bytes: there is no clock, no ambient randomness, no hash order
//!   and no floating-point function whose last digit may differ between machines.
//! - Memory grows with hosts and with one slice of time, never with the span.
//! - Formats, tools and stories are data. Nothing here knows a vendor or a tool.
//!
//! # Trust
//! Scenario files are trusted not to be hostile, but bounded all the same. Recorded events that are spliced in are
//! hostile input: they are only rewritten as text.
//!
//! # Not here
//! Files and folders (the caller brings a [`Sink`]); reading recordings (`hinomi-ingest`); judging detections (`hinomi`).

mod calendar;
mod compile;
mod draw;
mod entity;
mod error;
mod plan;
mod render;
mod seed;
mod spec;
mod splice;
mod template;
mod text;
mod truth;

pub use error::ScenarioError;
pub use render::{Request, Sink, Summary, render};
pub use spec::{Library, Scenario};
pub use splice::{Recorded, SpliceSource};
pub use truth::{Evidence, FileTotal, HostTruth, StepKind, StepTruth, Truth};
