//! Ids, hashes, time and evidence references shared by every Hinomi crate.
//!
//! # Not here
//! Parsing of logs (`hinomi-ingest`), columns of events (`hinomi-columns`) and rules (`hinomi-detect`).

mod clock;
mod diagnostic;
mod digest;
mod disk;
mod evidence;
mod kind;
mod level;
mod pseudonym;
mod time;

pub use clock::{Clock, Entropy};
pub use diagnostic::{Diagnostic, DiagnosticKind, Diagnostics};
pub use digest::{Digest, DigestError, Hashing};
pub use disk::{Access, DirEntry, Disk, DiskFile, DiskLock, DiskMetadata, EntryKind};
pub use evidence::{EvidenceError, EvidencePlace, EvidenceRef, Piece};
pub use kind::{KindId, KindTable, LogKind};
pub use level::{Level, LevelError};
pub use pseudonym::pseudonym;
pub use time::{NANOS_PER_SECOND, TimeError, Timestamp};
