//! Claims about an organisation, judged by evidence.
//!
//! «Every remote session uses a second factor» is a claim. Observations support or contradict it, entity by entity and day
//! by day; where nothing could be observed it is unknown. No control is believed because a document says that it is on.
//!
//! # Invariants
//! - Nothing here reads files, clocks or the environment, and nothing prints.
//! - A verdict is [`Outcome::Supported`] only where its evidence was present: absence of logs is [`Outcome::Unknown`].
//! - The same input gives the same verdicts in the same order.
//!
//! # Not here
//! Reading of logs (`hinomi-ingest`), attacks (`hinomi-detect`), rendering (`hinomi`).

pub mod assess;
mod attributes;
pub mod claim;
pub mod declared;
mod elements;
pub mod estate;
pub mod graph;
pub mod inventory;
mod observation;
mod outcome;
pub mod posture;
mod session;
mod text;
mod truth;

pub use attributes::Attributes;
pub use observation::{
    Access, LeavesSecret, Observation, ObservationKind, ObservationSpec, Sample, StatedFactor,
};
pub use outcome::Outcome;
pub use session::{FactorReason, Session};
pub use text::Bilingual;
pub use truth::Truth;
