//! What the caller decides: roots, zone, format, limits.

use std::collections::{BTreeMap, VecDeque};
use std::io::Read;
use std::path::PathBuf;

use hinomi_model::Timestamp;

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// Where to read.
pub enum Root {
    /// A folder, a file, or a named pipe given explicitly.
    Path(PathBuf),
    /// Bytes that arrive once, such as standard input. They are hashed while they pass.
    Stream {
        /// Name shown to the user, usually `-`.
        name: String,
        /// The bytes.
        reader: Box<dyn Read + Send>,
    },
    /// Records of one source that something else keeps, joined. Offsets must stay those of the records, so nothing is
    /// unpacked, transcoded or hashed, and what is not recognised is read as lines.
    Records {
        /// Name shown to the user.
        name: String,
        /// The bytes.
        reader: Box<dyn Read + Send>,
        /// When the last of them was received: stands for the modification time of a file.
        latest: Timestamp,
    },
}

/// The families of decoders.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Format {
    /// Windows event logs.
    Evtx,
    /// Datagrams of flows.
    Flow,
    /// The export format of the systemd journal.
    Journal,
    /// JSON documents in any arrangement.
    Json,
    /// Lines.
    Text,
}

/// Modification times by name and bytes of a file, in order of discovery.
pub type Modified = BTreeMap<(String, u64), VecDeque<Option<Timestamp>>>;

/// Everything that is not in the input itself.
#[derive(Clone, Debug)]
pub struct Options {
    /// Zone of local times (logs, ZIP entries).
    pub zone: jiff::tz::TimeZone,
    /// The present, for input that carries no modification time.
    pub now: Timestamp,
    /// Overrides recognition, for every log.
    pub forced: Option<Format>,
    /// Bounds.
    pub limits: Limits,
    /// When files had been modified, by name and bytes, in order of discovery; for files that were copied since. Others say so
    /// themselves.
    pub modified: Modified,
}

impl Options {
    /// UTC, recognition by content, default limits.
    pub fn at(now: Timestamp) -> Self {
        Self {
            zone: jiff::tz::TimeZone::UTC,
            now,
            forced: None,
            limits: Limits::default(),
            modified: Modified::new(),
        }
    }
}

/// Bounds on hostile input. Exceeding one is a diagnostic and ends the reading of the part concerned.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Archives inside archives.
    pub depth: u32,
    /// Members of one outer file, counted through all its archives.
    pub members: u64,
    /// Unpacked bytes of one member.
    pub member_bytes: u64,
    /// Unpacked bytes of one outer file, summed over all layers.
    pub file_bytes: u64,
    /// Unpacked bytes per packed byte, of one decompressor and of one outer file as a whole …
    pub ratio: u64,
    /// … which are looked at only once this many bytes came out.
    pub ratio_after: u64,
    /// ZIP archives inside archives are held in memory up to this size, all together; larger ones are read in
    /// order from their local headers.
    pub nested_zip_bytes: u64,
    /// Size of a unit.
    pub unit_bytes: usize,
    /// Largest record.
    pub record_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 4,
            members: 1_000_000,
            member_bytes: 256 * GIB,
            file_bytes: 1024 * GIB,
            ratio: 500,
            ratio_after: 256 * MIB,
            nested_zip_bytes: 64 * MIB,
            unit_bytes: 1 << 20,
            record_bytes: 16 << 20,
        }
    }
}
