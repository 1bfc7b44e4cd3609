//! Proving that a store keeps what it is told to keep, by trying to take it away.

use hinomi_model::Digest;

use super::store::{LockMode, ObjectStore, Refusal};
use crate::error::LedgerError;

const SECOND: u64 = 1_000_000_000;
/// How long a probe object stays locked.
const PROBE_LOCK_NS: u64 = 3600 * SECOND;

/// What a probe found. Immutable only if everything is as it should be.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own, and all are shown")]
pub struct Immutability {
    /// The bucket is configured for locks.
    pub configured: bool,
    /// A fresh object read back as COMPLIANCE until the time asked for.
    pub retained: bool,
    /// Deleting the locked version was refused.
    pub delete_refused: bool,
    /// Shortening its retention was refused.
    pub shortening_refused: bool,
    /// Weakening the lock to GOVERNANCE was refused.
    pub weakening_refused: bool,
    /// After all that, the bytes were still there.
    pub still_there: bool,
}

impl Immutability {
    /// Whether the store may be called immutable.
    pub fn holds(&self) -> bool {
        self.configured
            && self.retained
            && self.delete_refused
            && self.shortening_refused
            && self.weakening_refused
            && self.still_there
    }
}

/// Puts a small locked object into the store and attacks it. `prefix` keeps probes apart from evidence.
///
/// # Errors
/// [`LedgerError::Unreachable`].
pub fn probe(store: &mut dyn ObjectStore, prefix: &str, now_ns: u64) -> Result<Immutability, LedgerError> {
    let configured = store.lock_configured()?;
    let key = format!("{prefix}/probe/{now_ns}");
    let body = format!("hinomi probe {now_ns}\n");
    // Stores keep seconds.
    let until_ns = (now_ns + PROBE_LOCK_NS) / SECOND * SECOND;
    let digest = Digest::of(body.as_bytes());
    let version = store.put(&key, &mut body.as_bytes(), body.len() as u64, &digest, until_ns)?;
    let held = |found: Option<super::StoredObject>| {
        found.is_some_and(|o| o.mode == LockMode::Compliance && o.until_ns >= until_ns)
    };
    let retained = !version.is_empty() && held(store.head(&key, &version)?);
    let soon = (now_ns + 60 * SECOND) / SECOND * SECOND;
    let shortening = store.try_retain(&key, &version, LockMode::Compliance, soon)?;
    let weakening = store.try_retain(&key, &version, LockMode::Governance, until_ns)?;
    let delete = store.try_delete(&key, &version)?;
    let mut read = Vec::new();
    let there = store.get(&key, &version, &mut |piece| {
        // A store that answers with something else is not read to its end.
        if read.len() + piece.len() > body.len() {
            return Err(LedgerError::Malformed { kind: "object", what: "it is longer than what was stored" });
        }
        read.extend_from_slice(piece);
        Ok(())
    });
    let still_there =
        matches!(there, Ok(true)) && read == body.as_bytes() && held(store.head(&key, &version)?);
    Ok(Immutability {
        configured,
        retained,
        delete_refused: delete == Refusal::Refused,
        shortening_refused: shortening == Refusal::Refused,
        weakening_refused: weakening == Refusal::Refused,
        still_there,
    })
}
