//! A data key sealed to one vault, as it travels and as the vault keeps it.

use crate::aead::{SEAL_OVERHEAD, Secret};
use crate::cursor::Cursor;
use crate::data_key::{DataKey, commitment};
use crate::error::LedgerError;
use crate::keys::{SealedKey, VaultKey, VaultRecipient, context};
use crate::leaf::{DataKeyId, Scope};

const SEALED: usize = 32 + SEAL_OVERHEAD;
/// Longest encoding of an entry.
pub(super) const MAX_ENTRY: usize = 1024;

/// A data key that only one vault can open, with what the log says of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SealedEntry {
    /// Number in the order of birth.
    pub ordinal: u64,
    /// The key's number.
    pub key: DataKeyId,
    /// What it encrypts.
    pub scope: Scope,
    /// The commitment of the key's leaf.
    pub commitment: [u8; 32],
    pub(crate) sealed: SealedKey,
}

impl SealedEntry {
    /// The bytes that travel.
    ///
    /// # Errors
    /// [`LedgerError::TooLarge`] for a scope that no leaf could name.
    pub fn encode(&self) -> Result<Vec<u8>, LedgerError> {
        let mut out = self.ordinal.to_be_bytes().to_vec();
        out.extend_from_slice(&self.key.0);
        out.extend_from_slice(&self.scope.encode()?);
        out.extend_from_slice(&self.commitment);
        out.extend_from_slice(&self.sealed.recipient.0);
        out.extend_from_slice(&self.sealed.ephemeral);
        out.extend_from_slice(&self.sealed.sealed);
        Ok(out)
    }

    fn take(at: &mut Cursor<'_>) -> Result<Self, LedgerError> {
        let (ordinal, key, scope) = (at.u64()?, DataKeyId(at.array()?), Scope::decode(at)?);
        let (commitment, recipient) = (at.array()?, VaultRecipient(at.array()?));
        let sealed = SealedKey { recipient, ephemeral: at.array()?, sealed: at.take(SEALED)?.to_vec() };
        Ok(Self { ordinal, key, scope, commitment, sealed })
    }

    /// Reads entries that stand one after the other.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`], also for more than `most`.
    pub fn decode_all(bytes: &[u8], most: usize) -> Result<Vec<Self>, LedgerError> {
        let mut at = Cursor::new(bytes, "sealed keys");
        let mut out = Vec::new();
        while at.remaining() > 0 {
            if out.len() == most {
                return Err(at.malformed("there are more than asked for"));
            }
            out.push(Self::take(&mut at)?);
        }
        Ok(out)
    }

    /// The key, opened with the vault's own.
    ///
    /// # Errors
    /// [`LedgerError::NotAuthentic`] when it is sealed to somebody else, or is not the key that was committed to.
    pub(crate) fn open(&self, ledger: &[u8; 16], vault: &VaultKey) -> Result<DataKey, LedgerError> {
        self.secret(ledger, vault).map(|secret| DataKey::new(&secret))
    }

    /// As [`SealedEntry::open`], but the bytes themselves.
    pub(crate) fn secret(&self, ledger: &[u8; 16], vault: &VaultKey) -> Result<Secret, LedgerError> {
        let bound = context(ledger, self.key, &self.scope, &self.commitment)?;
        let secret = vault.open(&bound, &self.sealed)?;
        if commitment(&secret) != self.commitment {
            return Err(LedgerError::NotAuthentic { what: "a sealed data key" });
        }
        Ok(secret)
    }
}
