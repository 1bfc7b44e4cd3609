//! The pieces in which input reaches a decoder.

use std::sync::Arc;

use hinomi_columns::Store;
use hinomi_model::{Diagnostics, Timestamp};

/// A log inside a file: the file itself or a member of an archive, unpacked.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Member {
    /// Number of the outermost file in order of discovery.
    pub file: u32,
    /// Path of the outermost file as given or found.
    pub path: String,
    /// Path inside it, `/`-joined through nested archives; empty for a plain file.
    pub inner: String,
    /// Whether it is the outermost file itself, byte for byte.
    pub verbatim: bool,
}

impl Member {
    /// File and member as shown to a user.
    pub fn place(&self) -> String {
        if self.inner.is_empty() { self.path.clone() } else { format!("{}!{}", self.path, self.inner) }
    }
}

/// A run of whole records of one member.
#[derive(Clone, Debug)]
pub struct Unit {
    /// Where the bytes come from.
    pub member: Arc<Member>,
    /// Position among all units; results are merged in this order.
    pub ordinal: u64,
    /// Offset of `bytes` in the unpacked member. Rows store offsets relative to the unit.
    pub offset: u64,
    /// Whole records: EVTX chunks, lines, JSON documents.
    pub bytes: Vec<u8>,
    /// Header lines that later records need (Zeek `#fields`, CSV and W3C headers), empty otherwise.
    pub preamble: Arc<[u8]>,
    /// Assumptions about times that state no zone or year.
    pub clocks: Arc<Clocks>,
}

impl Unit {
    /// A whole log held in memory, as one unit; times without zone are UTC, those without year long ago.
    #[must_use]
    pub fn whole(path: &str, bytes: Vec<u8>) -> Self {
        let member = Member { file: 0, path: path.to_owned(), inner: String::new(), verbatim: false };
        let clocks = Clocks { zone: jiff::tz::TimeZone::UTC, latest: Timestamp::from_nanos(0) };
        Self {
            member: Arc::new(member),
            ordinal: 0,
            offset: 0,
            bytes,
            preamble: Arc::from([]),
            clocks: Arc::new(clocks),
        }
    }

    /// A unit of the same place and context that holds no bytes.
    #[must_use]
    pub fn without_bytes(&self) -> Self {
        Self {
            member: Arc::clone(&self.member),
            ordinal: self.ordinal,
            offset: self.offset,
            bytes: Vec::new(),
            preamble: Arc::clone(&self.preamble),
            clocks: Arc::clone(&self.clocks),
        }
    }
}

/// What to assume about times without zone or year.
#[derive(Clone, Debug)]
pub struct Clocks {
    /// Zone of local times.
    pub zone: jiff::tz::TimeZone,
    /// Latest plausible time of an event (modification time of the file, or now): a time without a year takes
    /// the latest year that does not exceed it by more than a day.
    pub latest: Timestamp,
}

/// A parser of one format.
pub trait Decode {
    /// Appends every event of `unit` to `store` and every loss to `diagnostics` (offsets there are absolute in
    /// the member). Never panics.
    fn decode(&mut self, unit: &Unit, store: &mut Store, diagnostics: &mut Diagnostics);
}
