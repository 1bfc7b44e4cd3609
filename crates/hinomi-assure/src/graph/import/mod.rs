//! Reading of exports into a [`super::Builder`].
//!
//! # Trust
//! Every byte may come from an intruder. Readers hold one object or line at a time, bounded by [`super::Bounds`]; what cannot
//! be read becomes a diagnostic with its offset, and the rest is read.
//!
//! # Not here
//! Opening of files; archives (`hinomi-ingest`).

mod csv;
mod directory;
mod format;
mod walk;

pub use format::DirectoryFormat;

/// What one document held.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Import {
    /// Kind of objects, as the document states it.
    pub kind: Option<String>,
    /// Version of the format, as the document states it.
    pub version: Option<u64>,
    /// Objects or lines read.
    pub objects: u64,
    /// Objects or lines that could not be read.
    pub skipped: u64,
    /// Edges stated, before equal ones are joined.
    pub statements: u64,
    /// Per list that says whether it was collected: its name, how often it was, how often it was not. What was not
    /// collected is unknown, not empty.
    pub collected: Vec<(String, u64, u64)>,
    /// Fields of objects that hold something and are not read, with the number of objects.
    pub unread: Vec<(String, u64)>,
}
