//! What is asked of an object store.

use std::io::Read;

use hinomi_model::Digest;

use crate::error::LedgerError;

/// How a version is locked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LockMode {
    /// Nobody can shorten it.
    Compliance,
    /// Privileged users can lift it.
    Governance,
    /// Not at all.
    None,
}

/// What a store says of a version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StoredObject {
    /// Length in bytes.
    pub len: u64,
    /// Lock.
    pub mode: LockMode,
    /// Until when it is locked, nanoseconds since 1970; 0 if it is not.
    pub until_ns: u64,
}

/// Whether a store did what it must not do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// It refused.
    Refused,
    /// It did it, or says so.
    Done,
}

/// An object store with versions and locks.
pub trait ObjectStore {
    /// Its name in journals and messages: an address without secrets.
    fn name(&self) -> String;

    /// Whether the bucket is configured for locks.
    ///
    /// # Errors
    /// [`LedgerError::Unreachable`], here and below.
    fn lock_configured(&mut self) -> Result<bool, LedgerError>;

    /// Stores bytes under COMPLIANCE until the given time, and returns the version.
    ///
    /// # Errors
    /// As above.
    fn put(
        &mut self,
        key: &str,
        body: &mut dyn Read,
        len: u64,
        sha256: &Digest,
        until_ns: u64,
    ) -> Result<String, LedgerError>;

    /// What the store says of a version; `None` when it is not there.
    ///
    /// # Errors
    /// As above.
    fn head(&mut self, key: &str, version: &str) -> Result<Option<StoredObject>, LedgerError>;

    /// The bytes of a version, piece by piece; `false` when it is not there.
    ///
    /// # Errors
    /// As above, and whatever `sink` returns.
    fn get(
        &mut self,
        key: &str,
        version: &str,
        sink: &mut dyn FnMut(&[u8]) -> Result<(), LedgerError>,
    ) -> Result<bool, LedgerError>;

    /// Tries to delete a version for good.
    ///
    /// # Errors
    /// As above.
    fn try_delete(&mut self, key: &str, version: &str) -> Result<Refusal, LedgerError>;

    /// Tries to set a version's retention.
    ///
    /// # Errors
    /// As above.
    fn try_retain(
        &mut self,
        key: &str,
        version: &str,
        mode: LockMode,
        until_ns: u64,
    ) -> Result<Refusal, LedgerError>;
}
