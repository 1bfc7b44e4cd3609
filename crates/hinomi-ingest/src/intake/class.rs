//! What a member turned out to be.

use super::options::Format;

/// Result of looking at a member.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Class {
    /// A log: its units were delivered.
    Log(Format),
    /// No bytes.
    Empty,
    /// A file of a kind that holds no log lines (image, executable, registry hive …), named in two or three words.
    NotALog(&'static str),
    /// Neither a log nor a known kind of other file.
    Unrecognised,
    /// An archive or a compressed file of a kind that is not read.
    Unsupported(&'static str),
    /// Could not be opened or read at all.
    Unreadable,
}
