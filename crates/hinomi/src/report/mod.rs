//! What an investigation found, as data: the JSON document, and the base of every rendering.

mod assemble;
mod cite;
mod incident;
mod lost;
mod model;

pub use assemble::{Correlated, Material, assemble};
pub(crate) use assemble::{Told, techniques, told};
pub use cite::{Citations, CiteError};
pub(crate) use incident::{Found, stages_of};
pub use model::{
    ApartEntry, Cleared, ClockJumpEntry, DetectionEntry, DiagnosticEntry, EntityEntry, EventEntry, FileEntry,
    GapEntry, IncidentEntry, LedgerEntry, LinkEntry, LostEntry, Program, Reading, ReasonEntry, RejectedRule,
    Report, RuleTotals, SCHEMA_VERSION, SilenceEntry, SourceEntry, StageEntry, StepEntry, Summary,
    SuppressionEntry, Technique, UnseenEntry,
};
