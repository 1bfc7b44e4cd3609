//! Data keys on their way back from a vault to a primary that lost its key ring, or restored an older one.
//!
//! `HnK1`, the ledger's number (16), and per key: its leaf (length 2), its number in the order of birth (8), the key (32).
//! The whole travels in a [`crate::SealedWriter`] to a recovery key of the primary's owner.
//!
//! # Trust
//! A key is believed for its commitment, which the log has signed; a leaf that the log does not have is found by
//! verification. Keys with a tombstone are not handed back, also where the vault still holds them.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use hinomi_model::Disk;
use zeroize::Zeroizing;

use super::keys::KeyStore;
use crate::LedgerError;
use crate::aead::Secret;
use crate::cursor::{Cursor, put_bytes16};
use crate::data_key::commitment;
use crate::leaf::{KeyBorn, Leaf};
use crate::reader::Reader;

const MAGIC: [u8; 4] = *b"HnK1";

/// A data key, open.
pub(crate) struct HandedKey {
    pub(crate) ordinal: u64,
    pub(crate) leaf: KeyBorn,
    pub(crate) secret: Secret,
}

/// Every key that a vault holds and that no order erased, as bytes to be sealed at once, and how many.
///
/// # Errors
/// What reading the copy and opening its keys meets.
pub fn hand_back(disk: Arc<dyn Disk>, folder: &Path) -> Result<(Zeroizing<Vec<u8>>, u64), LedgerError> {
    let reader = Reader::open_vault(disk.clone(), folder)?;
    let store = KeyStore::of_vault(disk, folder)?;
    let ledger = reader.identity().ledger;
    let (mut born, mut erased) = (Vec::new(), BTreeSet::new());
    for leaf in 0..reader.size() {
        match reader.leaf(leaf)? {
            Leaf::KeyBorn(key) => born.push(key),
            Leaf::Tombstone(tombstone) => drop(erased.insert(tombstone.key)),
            _ => {}
        }
    }
    let mut out = Zeroizing::new([&MAGIC[..], &ledger].concat());
    let mut count = 0;
    for key in born.into_iter().filter(|key| !erased.contains(&key.key)) {
        let Some(entry) = store.entry(key.key)?.filter(|entry| KeyStore::agrees(entry, &key)) else {
            continue;
        };
        let secret = entry.secret(&ledger, store.vault())?;
        put_bytes16(&mut out, "leaf", &Leaf::KeyBorn(key).encode()?)?;
        out.extend_from_slice(&entry.ordinal.to_be_bytes());
        out.extend_from_slice(secret.as_ref());
        count += 1;
    }
    Ok((out, count))
}

/// Reads what [`hand_back`] made for this ledger.
pub(crate) fn handed(bytes: &[u8], ledger: &[u8; 16]) -> Result<Vec<HandedKey>, LedgerError> {
    let mut at = Cursor::new(bytes, "keys from a vault");
    if at.array()? != MAGIC {
        return Err(at.malformed("they do not begin as such"));
    }
    if at.array::<16>()? != *ledger {
        return Err(LedgerError::Refused { why: "the keys are those of another ledger" });
    }
    let mut keys = Vec::new();
    while !at.is_at_end() {
        let Leaf::KeyBorn(leaf) = Leaf::decode(at.bytes16()?)? else {
            return Err(at.malformed("a leaf that is of no key"));
        };
        let (ordinal, secret) = (at.u64()?, Zeroizing::new(at.array()?));
        if commitment(&secret) != leaf.commitment {
            return Err(LedgerError::NotAuthentic { what: "a data key from a vault" });
        }
        keys.push(HandedKey { ordinal, leaf, secret });
    }
    Ok(keys)
}
