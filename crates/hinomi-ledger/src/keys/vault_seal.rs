//! Data keys sealed to vaults: an X25519 key of one use, HKDF and AES-256-GCM.
//!
//! # Trust
//! Only the vault's private key opens what was sealed; the primary keeps no way to open it again except through its own
//! wrapped copy.

use hinomi_model::Entropy;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use crate::LedgerError;
use crate::aead::{SealKey, Secret, derive};

/// The public key of a vault.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct VaultRecipient(pub [u8; 32]);

/// The private key of a vault.
pub struct VaultKey(StaticSecret);

/// A data key that only one vault can open.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct SealedKey {
    pub recipient: VaultRecipient,
    pub ephemeral: [u8; 32],
    /// Nonce, ciphertext and tag: 60 bytes.
    pub sealed: Vec<u8>,
}

fn shared_key(shared: &[u8; 32], ephemeral: &[u8; 32], recipient: &[u8; 32]) -> SealKey {
    let secret = derive(shared, &[b"hinomi vault seal v1", ephemeral, recipient]);
    SealKey::new(&secret, b"hinomi vault seal v1")
}

/// Seals a data key, bound to `context`.
pub(crate) fn seal_to(
    recipient: VaultRecipient,
    context: &[u8],
    secret: &[u8; 32],
    entropy: &dyn Entropy,
) -> Result<SealedKey, LedgerError> {
    let mut seed = Zeroizing::new([0; 32]);
    entropy.fill(seed.as_mut()).map_err(crate::keys::ring::no_entropy)?;
    let once = StaticSecret::from(*seed);
    let ephemeral = PublicKey::from(&once).to_bytes();
    let shared = once.diffie_hellman(&PublicKey::from(recipient.0));
    if !shared.was_contributory() {
        return Err(LedgerError::Malformed { kind: "vault key", what: "a point of small order" });
    }
    let sealed = shared_key(shared.as_bytes(), &ephemeral, &recipient.0).seal(context, secret)?;
    Ok(SealedKey { recipient, ephemeral, sealed })
}

impl VaultKey {
    /// The key that grows from 32 random bytes.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(StaticSecret::from(seed))
    }

    /// Its public half.
    pub fn recipient(&self) -> VaultRecipient {
        VaultRecipient(PublicKey::from(&self.0).to_bytes())
    }

    /// Opens a data key that was sealed to this vault in `context`.
    pub(crate) fn open(&self, context: &[u8], sealed: &SealedKey) -> Result<Secret, LedgerError> {
        let what = "a sealed data key";
        let shared = self.0.diffie_hellman(&PublicKey::from(sealed.ephemeral));
        let key = shared_key(shared.as_bytes(), &sealed.ephemeral, &self.recipient().0);
        let secret = Zeroizing::new(key.open(what, context, &sealed.sealed)?);
        let secret: [u8; 32] =
            secret.as_slice().try_into().map_err(|_| LedgerError::NotAuthentic { what })?;
        Ok(Zeroizing::new(secret))
    }
}

impl std::fmt::Debug for VaultKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VaultKey({:?})", self.recipient())
    }
}
