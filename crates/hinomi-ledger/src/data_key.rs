//! Data keys: what encrypts the records of one source, day and class, and what their salts come from.
//!
//! # Invariants
//! - Without the data key neither the bytes of a record nor its salt can be found, and without the salt a guessed record
//!   cannot be compared with its commitment. So destroying 32 bytes erases a day of a source.
//! - Frames, salts and the commitment use independent subkeys.

use aes::Aes256;
use aes::cipher::{KeyIvInit as _, StreamCipher as _};
use ctr::Ctr128BE;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::LedgerError;
use crate::aead::{SealKey, Secret, derive, mac};
use crate::leaf::BlockId;
use crate::records::{NO_SEQUENCE, Record};
use crate::tlog::{Hash, leaf_hash};

/// Bytes of a salt.
pub(crate) const SALT: usize = 32;

/// A data key with its subkeys.
pub(crate) struct DataKey {
    frames: SealKey,
    salts: Secret,
    commitment: [u8; 32],
}

impl DataKey {
    pub(crate) fn new(secret: &[u8; 32]) -> Self {
        Self {
            frames: SealKey::new(secret, b"hinomi records v1"),
            salts: derive(secret, &[b"hinomi salts v1"]),
            commitment: commitment(secret),
        }
    }

    /// What the key's leaf says of it.
    pub(crate) fn commitment(&self) -> &[u8; 32] {
        &self.commitment
    }

    pub(crate) fn seal_frame(&self, header: &[u8], packed: &[u8]) -> Result<Vec<u8>, LedgerError> {
        self.frames.seal(header, packed)
    }

    pub(crate) fn open_frame(&self, header: &[u8], body: &[u8]) -> Result<Vec<u8>, LedgerError> {
        self.frames.open("a frame of records", header, body)
    }

    /// The salts of records `first..first + count` of a block: AES-256-CTR from zero under a key of the block's own, so
    /// that they need no storage and one can be given away without the others.
    pub(crate) fn salts(&self, block: BlockId, first: u32, count: usize) -> Zeroizing<Vec<u8>> {
        let key = Zeroizing::new(mac(&self.salts, &[&block.0]));
        let counter = u128::from(first) * (SALT as u128 / 16);
        let mut out = Zeroizing::new(vec![0; count * SALT]);
        Ctr128BE::<Aes256>::new((&*key).into(), (&counter.to_be_bytes()).into()).apply_keystream(&mut out);
        out
    }

    /// The leaf hashes of `records`, the first of which has the number `first` in its block.
    pub(crate) fn record_hashes(&self, block: BlockId, first: u32, records: &[Record]) -> Vec<Hash> {
        let salts = self.salts(block, first, records.len());
        records.iter().zip(salts.chunks_exact(SALT)).map(|(record, salt)| record_hash(salt, record)).collect()
    }
}

/// The hash of a record in the tree of its block: RFC 6962's leaf hash of salt, receive time, sequence and bytes.
pub(crate) fn record_hash(salt: &[u8], record: &Record) -> Hash {
    let sequence = record.sequence.unwrap_or(NO_SEQUENCE);
    leaf_hash(&[salt, &record.received_ns.to_be_bytes(), &sequence.to_be_bytes(), &record.bytes])
}

/// The commitment to a data key: SHA-256 of a label and the key.
pub(crate) fn commitment(secret: &[u8; 32]) -> [u8; 32] {
    Sha256::new_with_prefix(b"hinomi data key v1").chain_update(secret).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn salts_do_not_depend_on_how_they_are_asked_for() {
        let key = DataKey::new(&[3; 32]);
        let block = BlockId([4; 16]);
        let all = key.salts(block, 0, 100);
        for first in [0, 1, 17, 99] {
            let one = key.salts(block, first, 1);
            assert_eq!(one[..], all[first as usize * SALT..][..SALT]);
        }
        assert_ne!(all[..SALT], key.salts(BlockId([5; 16]), 0, 1)[..]);
        assert_ne!(all[..SALT], all[SALT..2 * SALT]);
        assert_ne!(all[..SALT], DataKey::new(&[2; 32]).salts(block, 0, 1)[..]);
    }

    #[test]
    fn a_commitment_needs_the_salt() {
        let record = Record { received_ns: 1, sequence: None, bytes: b"guess me".to_vec() };
        let expected = Sha256::new_with_prefix([0])
            .chain_update([9; 32])
            .chain_update(1u64.to_be_bytes())
            .chain_update([0xff; 8])
            .chain_update(b"guess me")
            .finalize();
        assert_eq!(record_hash(&[9; 32], &record).as_bytes()[..], expected[..]);
        assert_ne!(record_hash(&[9; 32], &record), record_hash(&[0; 32], &record));
    }
}
