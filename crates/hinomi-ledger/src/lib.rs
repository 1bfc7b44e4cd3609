//! The evidence ledger: every received byte is durable before it is acknowledged, committed to a signed Merkle log
//! within a second, and provable afterwards without trusting the machine that kept it.
//!
//! # Not here
//! Transports (`hinomi-server`), parsing of logs (`hinomi-ingest`) and the command line (`hinomi`).

pub mod checkpoint;
pub mod cosignature;
mod disk;
pub mod durable;
mod error;
pub mod note;
pub mod tlog;
pub mod witness;

pub use disk::FileDisk;
pub use error::LedgerError;
