//! Derived data: evidence as Parquet files with an index of words, and questions to it.
//!
//! # Invariants
//! - Derived data decides nothing: it can be deleted and made again from the evidence, byte for byte.
//! - Bytes of derived files are compared with registered digests before they are used.
//! - A search can neither write nor read anything but derived data.
//!
//! # Trust
//! Events, and with them the contents of all columns, may have been written by an intruder.
//!
//! # Not here
//! Reading logs (`hinomi-ingest`), evidence (`hinomi-ledger`), threads and the command line (`hinomi`).

mod columns;
mod coverage;
pub mod derive;
mod error;
pub mod iceberg;
mod index;
mod manifest;
pub mod read;
pub mod search;
pub mod sql;
mod value;

pub use columns::{ColumnType, Mapping, Normalised};
pub use coverage::{Coverage, Gap, Presence, coverage};
pub use error::QueryError;
pub use index::Needed;
pub use manifest::{CoverageRow, DerivedFile, Input, MANIFEST, Manifest, Run};
pub use read::{Archive, BlockTimes, CheckedFile};
pub use value::{elements, shown};
