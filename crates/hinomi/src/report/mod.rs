//! What an investigation found, as data: the JSON document, and the base of every rendering.

mod assemble;
mod cite;
mod incident;
mod model;

pub use assemble::{Correlated, Material, assemble};
pub use cite::{Citations, CiteError};
pub use model::{
    Cleared, ClockJumpEntry, DetectionEntry, DiagnosticEntry, EventEntry, FileEntry, GapEntry, IncidentEntry,
    Program, RejectedRule, Report, RuleTotals, SCHEMA_VERSION, SilenceEntry, SourceEntry, Summary,
    SuppressionEntry, Technique,
};
