//! The evidence ledger: every received byte is durable before it is acknowledged, committed to a signed Merkle log
//! within a second, and provable afterwards without trusting the machine that kept it.
//!
//! # Not here
//! Transports (`hinomi-server`), parsing of logs (`hinomi-ingest`) and the command line (`hinomi`).

mod aead;
mod bundle;
pub mod checkpoint;
pub mod completeness;
pub mod cosignature;
mod cursor;
mod data_key;
mod disk;
mod engine;
mod erasure;
mod error;
mod export;
mod files;
mod frame;
pub mod health;
mod keys;
mod leaf;
mod leaves;
mod log_state;
pub mod note;
pub mod objects;
mod options;
pub mod policy;
mod publish;
mod reader;
mod records;
mod repair;
pub mod retention;
mod scan;
mod seal;
mod sealed_file;
mod segment;
mod snapshot;
mod sources;
pub mod tlog;
pub mod vault;
mod verify;
mod wal;
pub mod witness;

pub use bundle::{Bundle, BundleLeaf, BundleRecord, MAX_BUNDLE, Proven};
pub use disk::FileDisk;
pub use engine::{Erasure, Identity, Ledger, Located, OWN_CLASS, Recovery, Ticket, rotation_text};
pub use erasure::{ERASER_NAME, ErasureOrder};
pub use error::LedgerError;
pub use export::{ExportedBlock, ExportedRecord, LeafProof};
pub use keys::{VaultKey, VaultRecipient};
pub use leaf::*;
pub use options::{Creation, Options, Places, Surroundings};
pub use reader::{BlockRecords, OpenedBlock, Reader};
pub use records::{MAX_RECORD, Record};
pub use repair::{Repaired, repair};
pub use sealed_file::{SealedReader, SealedWriter};
pub use snapshot::{KeysFound, Snapshot, SnapshotFile, check_keys, note_restored, snapshot};
pub use sources::{SystemClock, SystemEntropy};
pub use verify::{Anchor, AnchorResult, Finding, Progress, Verdict, Verification, VerifyOptions, verify};
