//! What an investigation found, as data: the JSON document, and the base of every rendering.

mod assemble;
mod cite;
mod incident;
mod model;

pub(crate) use assemble::techniques;
pub use assemble::{Correlated, Material, assemble};
pub use cite::{Citations, CiteError};
pub(crate) use incident::stages_of;
pub use model::{
    ApartEntry, Cleared, ClockJumpEntry, DetectionEntry, DiagnosticEntry, EntityEntry, EventEntry, FileEntry,
    GapEntry, IncidentEntry, LedgerEntry, LinkEntry, Program, ReasonEntry, RejectedRule, Report, RuleTotals,
    SCHEMA_VERSION, SilenceEntry, SourceEntry, StageEntry, StepEntry, Summary, SuppressionEntry, Technique,
    UnseenEntry,
};
