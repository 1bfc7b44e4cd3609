//! The keys of a ledger: what signs, what encrypts, and how a key is destroyed.
//!
//! # Invariants
//! - A data key is durable in the ring before anything is encrypted with it.
//! - Files of keys are readable by their owner alone; a ledger with looser ones is refused.
//!
//! # Trust
//! Whoever reads this folder can decrypt, sign and pretend to be this ledger: keys in files protect copies (object
//! stores, disks thrown away), not against root on this machine.

mod ring;
mod signer;
mod vault_seal;

pub(crate) use ring::{KeyRing, context, sealed_to};
pub(crate) use signer::{create_signer, load_signer};
pub(crate) use vault_seal::{SealedKey, seal_to};
pub use vault_seal::{VaultKey, VaultRecipient};
