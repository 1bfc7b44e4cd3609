//! Transports: how ledgers, witnesses, vaults and object stores reach each other, and how directories are read.
//!
//! # Not here
//! What the bytes mean and whether they are believed: `hinomi-ledger`, which has no network.

mod client;
pub mod directory;
mod error;
pub mod http;
pub mod publication;
pub mod s3;
pub mod witness;

pub use client::{Answered, Client, Trust};
pub use error::ServerError;
