//! The body of `add-checkpoint`: `old N`, proof hashes, an empty line, a signed checkpoint.

use std::fmt::Write as _;

use crate::checkpoint::{Checkpoint, Origin, decimal};
use crate::error::LedgerError;
use crate::note::{MAX_NOTE_BYTES, Note};
use crate::tlog::{ConsistencyProof, Hash};

/// Largest request: the largest note, 63 proof lines and the first line.
pub const MAX_REQUEST_BYTES: usize = MAX_NOTE_BYTES + 64 * 45 + 64;
const MAX_PROOF_LINES: usize = 63;

fn bad(what: &'static str) -> LedgerError {
    LedgerError::Malformed { kind: "add-checkpoint request", what }
}

/// A request, nothing of it verified.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AddCheckpoint {
    /// Size of the checkpoint that the proof starts from.
    pub old_size: u64,
    /// Consistency proof.
    pub proof: Vec<Hash>,
    /// The signed checkpoint.
    pub checkpoint: Vec<u8>,
}

impl AddCheckpoint {
    /// A request that continues the tree of `proof.old_size` with `checkpoint`.
    pub fn new(proof: ConsistencyProof, checkpoint: &Note) -> Self {
        let checkpoint = checkpoint.to_string().into_bytes();
        Self { old_size: proof.old_size, proof: proof.hashes, checkpoint }
    }

    /// Reads a request.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`] or [`LedgerError::TooLarge`].
    pub fn parse(body: &[u8]) -> Result<Self, LedgerError> {
        if body.len() > MAX_REQUEST_BYTES {
            let (found, bound) = (body.len() as u64, MAX_REQUEST_BYTES as u64);
            return Err(LedgerError::TooLarge { what: "a request in bytes", found, bound });
        }
        let text = std::str::from_utf8(body).map_err(|_| bad("it is UTF-8"))?;
        let (head, checkpoint) =
            text.split_once("\n\n").ok_or_else(|| bad("an empty line before the checkpoint"))?;
        let mut lines = head.split('\n');
        let old_size = lines.next().and_then(|l| l.strip_prefix("old ")).and_then(decimal);
        let proof = lines.take(MAX_PROOF_LINES + 1).map(str::parse).collect::<Result<Vec<Hash>, _>>()?;
        if proof.len() > MAX_PROOF_LINES {
            return Err(bad("at most 63 proof lines"));
        }
        let old_size = old_size.ok_or_else(|| bad("the first line is `old` and a size"))?;
        Ok(Self { old_size, proof, checkpoint: checkpoint.as_bytes().to_vec() })
    }

    /// The log that the checkpoint says it is of.
    pub(super) fn claimed_origin(&self) -> Result<Origin, LedgerError> {
        let note = Note::parse(&self.checkpoint)?;
        Ok(note.unverified_text().parse::<Checkpoint>()?.origin)
    }

    /// The bytes to send.
    pub fn to_body(&self) -> Vec<u8> {
        let mut head = format!("old {}\n", self.old_size);
        for hash in &self.proof {
            let _ = writeln!(head, "{hash}");
        }
        head.push('\n');
        [head.as_bytes(), &self.checkpoint].concat()
    }
}
