//! What an export says of itself.

use hinomi_ledger::ExportedBlock;
use hinomi_model::{Digest, Timestamp};
use serde::{Deserialize, Serialize};

/// The only version.
pub(super) const KIND: &str = "hinomi-export/1";

/// Names of the files.
pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const BLOCKS: &str = "blocks.jsonl";
pub(super) const PROOFS: &str = "proofs.jsonl";
pub(super) const RECORD: &str = "export.bundle.json";
pub(super) const CUSTODY: &str = "custody";

/// `manifest.json`: what was exported, by whom and why. Its digest is a record of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    /// [`KIND`].
    pub kind: String,
    /// Origin of the ledger.
    pub origin: String,
    /// Verifier key of its signer.
    pub verifier_key: String,
    /// When it was written.
    pub exported: String,
    /// Who did.
    pub by: String,
    /// The case it belongs to.
    pub case: String,
    /// Why.
    pub reason: String,
    /// What was asked for.
    pub asked: Asked,
    /// Records, one file per source, in the order of the blocks.
    pub files: Vec<RecordsFile>,
    /// SHA-256 of the file of blocks.
    pub blocks_sha256: String,
    /// Blocks that were asked for and cannot be read.
    pub left_out: Vec<LeftOut>,
}

/// What was asked for; what is left out means all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// Sources.
    pub sources: Vec<String>,
    /// First day of receipt (UTC).
    pub from: Option<String>,
    /// Last day of receipt.
    pub to: Option<String>,
}

/// The records of one source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RecordsFile {
    /// Source.
    pub source: String,
    /// Name below the export.
    pub path: String,
    /// Size.
    pub bytes: u64,
    /// Digest.
    pub sha256: String,
    /// Records.
    pub records: u64,
    /// Blocks: that many lines of the file of blocks.
    pub blocks: u64,
}

/// A block that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LeftOut {
    /// Its leaf, which says how many records of which time are missing.
    pub block: ExportedBlock,
    /// Why.
    pub why: String,
}

/// The record that the ledger keeps of an export.
pub(super) fn ledger_record(manifest: &Manifest, digest: &Digest) -> String {
    let Manifest { by, case, reason, .. } = manifest;
    format!("{KIND} manifest {digest} case {case:?} by {by:?} reason {reason:?}\n")
}

/// Time in nanoseconds since 1970, as text.
pub(super) fn time(ns: u64) -> String {
    Timestamp::from_nanos(i64::try_from(ns).unwrap_or(i64::MAX)).to_string()
}
