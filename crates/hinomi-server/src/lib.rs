//! Transports: what senders deliver becomes records of a ledger; how ledgers, witnesses, vaults and object stores reach
//! each other; how directories are read; and how alerts leave.
//!
//! # Not here
//! What the bytes mean and whether they are believed: `hinomi-ledger`, which has no network.

pub mod alert;
mod ber;
mod client;
pub mod directory;
mod error;
pub mod http;
pub mod listen;
mod local;
pub mod pages;
pub mod publication;
pub mod receive;
pub mod s3;
pub mod serve;
pub mod witness;

pub use client::{Answered, Client, Trust};
pub use error::ServerError;
pub use local::{Answering, LocalServer};
