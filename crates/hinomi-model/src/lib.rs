//! Ids, hashes, time and evidence references shared by every Hinomi crate.
//!
//! # Not here
//! Parsing of logs (`hinomi-ingest`), columns of events (`hinomi-columns`) and rules (`hinomi-detect`).

mod diagnostic;
mod digest;
mod evidence;
mod kind;
mod level;
mod time;

pub use diagnostic::{Diagnostic, DiagnosticKind, Diagnostics};
pub use digest::{Digest, DigestError, Hashing};
pub use evidence::{EvidenceError, EvidenceRef};
pub use kind::{KindId, KindTable, LogKind};
pub use level::{Level, LevelError};
pub use time::{NANOS_PER_SECOND, TimeError, Timestamp};
