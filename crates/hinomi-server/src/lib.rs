//! Transports: how ledgers, witnesses, vaults and object stores reach each other.
//!
//! # Not here
//! What the bytes mean and whether they are believed: `hinomi-ledger`, which has no network.

mod client;
mod error;
pub mod http;
pub mod publication;
pub mod s3;
pub mod witness;

pub use client::{Answered, Client, Trust};
pub use error::ServerError;
