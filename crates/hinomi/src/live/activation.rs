//! Which rules hold from which leaf on.

use hinomi_model::Digest;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::LiveError;
use super::pack::{Pack, PackFile};

/// A record of the decision ledger: from a leaf of the evidence on, these rules hold.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Activation {
    schema_version: u32,
    /// First leaf.
    pub from_leaf: u64,
    /// What evaluates them.
    pub program: String,
    /// Allowed lateness.
    pub lateness_ns: i64,
    /// Zone of times that state none.
    pub zone: String,
    /// Digest of everything else here but the leaf: equal for equal rules.
    pub pack: String,
    /// Their files.
    pub files: Vec<PackFile>,
}

impl Activation {
    pub(super) fn new(from_leaf: u64, lateness_ns: i64, zone: &str, pack: &Pack) -> Self {
        let program = format!("hinomi {}", env!("CARGO_PKG_VERSION"));
        let files: Vec<PackFile> = pack.files().cloned().collect();
        let mut text = format!("{program}\n{lateness_ns}\n{zone}\n");
        for file in &files {
            text.push_str(&format!("{:?} {} {}\n", file.kind, file.sha256, file.origin));
        }
        let pack = Digest::of(text.as_bytes()).to_string();
        let zone = zone.to_owned();
        Self { schema_version: 1, from_leaf, program, lateness_ns, zone, pack, files }
    }

    pub(super) fn time_zone(&self) -> Result<TimeZone, LiveError> {
        if self.zone == "UTC" {
            return Ok(TimeZone::UTC);
        }
        TimeZone::get(&self.zone).map_err(|_| LiveError::Zone(self.zone.clone()))
    }
}
