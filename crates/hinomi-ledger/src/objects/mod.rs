//! Copies of sealed evidence in object stores with Object Lock: made by a vault, checked again and again, and put back from
//! a second copy when one is gone.
//!
//! # Invariants
//! - A store is called immutable only after it was seen to refuse: its lock is configured, each version's retention reads
//!   back as COMPLIANCE until the day asked for, and an attempt to delete a fresh, locked version and to shorten its
//!   retention failed and left its bytes in place.
//! - The probe works on objects of its own. Evidence is never asked to be deleted.
//! - What was copied is written down with version and SHA-256 before it counts; a check reads it all back.
//!
//! # Trust
//! The store's administrator can delete below the API, whatever the lock says: that is why presence and content are
//! checked and a second store is kept under another administrator. Copies are ciphertext; no key goes there.
//!
//! # Not here
//! HTTP and signatures of S3 (`hinomi-server`), bytes that are not sealed into a segment yet (`vault`).

mod copies;
mod probe;
mod store;

pub use copies::{Copied, Copies, CopyFault, Depth};
pub use probe::{Immutability, probe};
pub use store::{LockMode, ObjectStore, Refusal, StoredObject};
