//! Cosignatures, version 1 (C2SP tlog-cosignature): a statement that, as of a time, a checkpoint is the largest
//! consistent one that the cosigner has seen.
//!
//! # Invariants
//! Making one takes a [`VerifiedCheckpoint`]; a cosigner cannot sign text that nobody checked.
//!
//! # Not here
//! When it may be made: `witness` (consistency only) and `vault` (also durably held).

use crate::checkpoint::VerifiedCheckpoint;
use crate::error::LedgerError;
use crate::note::{NoteSignature, SignerKey};

/// The first line of the message that is signed: keeps cosignatures apart from note signatures.
pub(crate) const HEADER: &str = "cosignature/v1\n";

/// The message signed for the note text `text`; `None` for a time that the format cannot carry.
pub(crate) fn message(text: &str, time: u64) -> Option<String> {
    i64::try_from(time).is_ok().then(|| format!("{HEADER}time {time}\n{text}"))
}

/// Cosigns a verified checkpoint as of `time` (seconds since the epoch).
///
/// # Errors
/// [`LedgerError::Malformed`] for a time the format cannot carry.
pub fn cosign(
    key: &SignerKey,
    checkpoint: &VerifiedCheckpoint,
    time: u64,
) -> Result<NoteSignature, LedgerError> {
    key.cosign(&checkpoint.checkpoint().to_string(), time)
}
