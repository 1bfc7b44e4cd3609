//! A witness (C2SP tlog-witness): says, for logs it was told to watch, that each checkpoint it cosigns continues the
//! last one it cosigned.
//!
//! # Invariants
//! - The new state is durable before a cosignature exists in any answer. A cosignature that could be forgotten would
//!   let a log show two histories, each with a cosignature.
//! - The check against the last checkpoint and its replacement are one step: [`Witness`] is used by one caller at a time.
//! - A log's state that is missing or does not carry the witness's own cosignature stops that log, instead of starting
//!   it anew.
//!
//! # Trust
//! Requests come from anybody. Nothing is done before a signature of the log holds, and what is kept of misbehaviour is
//! bounded.
//!
//! # Not here
//! HTTP (`hinomi-server`), holding the log's content (`vault`).

mod request;
mod state;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use hinomi_model::{Clock, Disk, NANOS_PER_SECOND};

use crate::checkpoint::{Origin, VerifiedCheckpoint};
use crate::cosignature::cosign;
use crate::error::LedgerError;
use crate::note::{Algorithm, NoteSignature, SignerKey, VerifierKey};
use crate::tlog::{ConsistencyProof, Hash};

pub use request::{AddCheckpoint, MAX_REQUEST_BYTES};
use state::LogState;
pub use state::WitnessDir;

/// How far the clock may be behind the last cosignature before the witness stops: less than this is adjustment.
const CLOCK_SLACK_SECONDS: u64 = 5;

/// What the witness says to a request.
#[derive(Clone, PartialEq, Eq, Debug)]
#[must_use]
pub enum Answer {
    /// The cosignature line.
    Cosigned(NoteSignature),
    /// The request is no request, or its old size is above the checkpoint's.
    BadRequest(String),
    /// The checkpoint is of a log that this witness does not watch.
    UnknownLog,
    /// No trusted key of the log signed it.
    Untrusted,
    /// The old size is not that of the last checkpoint cosigned, or the same size has another root.
    Conflict {
        /// Size of the last checkpoint cosigned.
        size: u64,
    },
    /// The checkpoint does not continue the last one.
    Inconsistent,
    /// The witness cannot say anything now: its state or its clock needs an administrator.
    Unavailable(String),
}

impl Answer {
    /// The status of the HTTP answer.
    pub fn status(&self) -> u16 {
        match self {
            Self::Cosigned(_) => 200,
            Self::BadRequest(_) => 400,
            Self::Untrusted => 403,
            Self::UnknownLog => 404,
            Self::Conflict { .. } => 409,
            Self::Inconsistent => 422,
            Self::Unavailable(_) => 503,
        }
    }

    /// The type of the HTTP answer.
    pub fn content_type(&self) -> &'static str {
        if matches!(self, Self::Conflict { .. }) { "text/x.tlog.size" } else { "text/plain; charset=utf-8" }
    }

    /// The body of the HTTP answer.
    pub fn body(&self) -> String {
        match self {
            Self::Cosigned(line) => line.to_string(),
            Self::BadRequest(why) | Self::Unavailable(why) => format!("{why}\n"),
            Self::UnknownLog => "this witness does not watch that log\n".to_owned(),
            Self::Untrusted => "no trusted key of that log signed the checkpoint\n".to_owned(),
            Self::Conflict { size } => format!("{size}\n"),
            Self::Inconsistent => "the proof does not connect the checkpoints\n".to_owned(),
        }
    }
}

/// A witness with its key and what it last cosigned.
#[derive(Debug)]
pub struct Witness {
    key: SignerKey,
    clock: Arc<dyn Clock>,
    dir: WitnessDir,
    logs: BTreeMap<Origin, LogState>,
}

impl Witness {
    /// Opens a witness that [`WitnessDir`] set up, and takes its lock.
    ///
    /// # Errors
    /// [`LedgerError`] when the folder is in use, its key cannot be read, or the state of a log is missing or damaged.
    pub fn open(disk: Arc<dyn Disk>, clock: Arc<dyn Clock>, folder: &Path) -> Result<Self, LedgerError> {
        let dir = WitnessDir::open(disk, folder)?;
        let key = dir.key()?;
        let logs = dir.logs(&key.verifier(Algorithm::CosignatureV1))?;
        Ok(Self { key, clock, dir, logs })
    }

    /// The key that its cosignatures verify with.
    pub fn verifier(&self) -> VerifierKey {
        self.key.verifier(Algorithm::CosignatureV1)
    }

    /// The logs it watches, with the size and root of the last checkpoint cosigned.
    pub fn logs(&self) -> impl Iterator<Item = (&Origin, u64, Hash)> {
        self.logs.iter().map(|(origin, log)| (origin, log.size(), log.root()))
    }

    /// Answers the body of an `add-checkpoint` request.
    pub fn add_checkpoint(&mut self, body: &[u8]) -> Answer {
        let request = match AddCheckpoint::parse(body) {
            Ok(request) => request,
            Err(error) => return Answer::BadRequest(error.to_string()),
        };
        let Ok(origin) = request.claimed_origin() else {
            return Answer::BadRequest("that is no checkpoint".to_owned());
        };
        let Some(log) = self.logs.get(&origin) else { return Answer::UnknownLog };
        let checkpoint = match VerifiedCheckpoint::open(&request.checkpoint, &origin, log.keys(), &[]) {
            Ok(checkpoint) => checkpoint,
            Err(LedgerError::NotAuthentic { .. }) => return Answer::Untrusted,
            Err(error) => return Answer::BadRequest(error.to_string()),
        };
        if request.old_size > checkpoint.size() {
            return Answer::BadRequest("the old size is above the checkpoint's".to_owned());
        }
        if request.old_size != log.size() {
            return Answer::Conflict { size: log.size() };
        }
        if log.size() == checkpoint.size() && log.root() != *checkpoint.root() {
            // Two signed roots for one size: the log's own signatures convict it. Kept as evidence.
            return match self.dir.keep_fork(&origin, &checkpoint) {
                Ok(()) => Answer::Conflict { size: checkpoint.size() },
                Err(error) => Answer::Unavailable(error.to_string()),
            };
        }
        let proof =
            ConsistencyProof { old_size: log.size(), new_size: checkpoint.size(), hashes: request.proof };
        if proof.verify(&log.root(), checkpoint.root()).is_err() {
            return Answer::Inconsistent;
        }
        self.cosign(&origin, checkpoint).unwrap_or_else(|error| Answer::Unavailable(error.to_string()))
    }

    fn cosign(&mut self, origin: &Origin, checkpoint: VerifiedCheckpoint) -> Result<Answer, LedgerError> {
        let now = u64::try_from(self.clock.now().as_nanos() / NANOS_PER_SECOND).unwrap_or(0);
        let Some(log) = self.logs.get_mut(origin) else { return Ok(Answer::UnknownLog) };
        let last = log.time();
        if now + CLOCK_SLACK_SECONDS < last {
            let behind = last - now;
            return Ok(Answer::Unavailable(format!(
                "the witness's clock is {behind} s behind its last cosignature"
            )));
        }
        let line = cosign(&self.key, &checkpoint, now.max(last))?;
        let mut next = checkpoint;
        next.keep_only(log.keys())?;
        next.add(line.clone())?;
        // Durable first. When that fails nobody sees the line, and the state in memory stays the old one.
        self.dir.store(origin, &next)?;
        log.replace(next, now.max(last));
        Ok(Answer::Cosigned(line))
    }
}

#[cfg(test)]
mod tests;
