//! Transports: what senders deliver becomes records of a ledger; how ledgers, witnesses, vaults and object stores reach
//! each other; and how directories are read.
//!
//! # Not here
//! What the bytes mean and whether they are believed: `hinomi-ledger`, which has no network.

mod ber;
mod client;
pub mod directory;
mod error;
pub mod http;
pub mod listen;
pub mod publication;
pub mod receive;
pub mod s3;
pub mod serve;
pub mod witness;

pub use client::{Answered, Client, Trust};
pub use error::ServerError;
