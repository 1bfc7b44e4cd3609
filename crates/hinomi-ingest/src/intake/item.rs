//! What the reader hands out.

use std::path::PathBuf;
use std::sync::Arc;

use hinomi_model::{Digest, Timestamp};

use super::class::Class;
use super::options::Format;
use crate::{Member, Unit};

/// The next thing read.
#[derive(Debug)]
pub enum Item {
    /// Whole records for a decoder of the format.
    Unit(Format, Unit),
    /// No more units of this member will come. Members that are no logs appear only here.
    Member(MemberDone),
    /// No more members of this outer file will come.
    File(FileDone),
}

/// A member that was read to its end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberDone {
    /// Which.
    pub member: Arc<Member>,
    /// What it is.
    pub class: Class,
    /// Unpacked bytes read; for what is not a log, the size as far as it is known without reading all of it.
    pub bytes: u64,
    /// Modification time of the file or archive member.
    pub modified: Option<Timestamp>,
}

/// An outer file that was read to its end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileDone {
    /// Number in order of discovery, as in [`Member::file`].
    pub file: u32,
    /// The path to open, which may differ from the shown path when the name is not printable; `None` for a stream.
    pub open: Option<PathBuf>,
    /// The path as shown.
    pub path: String,
    /// Bytes on disk, or bytes that arrived.
    pub bytes: u64,
    /// When it was modified, if it says so: years that its logs leave out are guessed from it.
    pub modified: Option<Timestamp>,
    /// Digest of a stream, which cannot be read again, or of a file hashed along ([`super::Intake::hash_along`]).
    /// Other files are hashed when cited, by [`Digest::of_reader`].
    pub digest: Option<Digest>,
}

/// How far reading has come. Totals grow when a stream has no known end.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    /// Bytes of outer files read or skipped.
    pub bytes_read: u64,
    /// Bytes of all outer files, as far as known.
    pub bytes_total: u64,
    /// Outer files finished.
    pub files_done: u64,
    /// Outer files found.
    pub files_total: u64,
    /// Members finished.
    pub members_done: u64,
    /// What is being read.
    pub place: String,
}
