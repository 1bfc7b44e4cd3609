//! Authenticated encryption with a nonce that cannot be used twice for different messages.
//!
//! AES-256-GCM breaks when one nonce encrypts two messages. Counters come back after a crash or when an old disk is
//! restored, and random numbers come back when a virtual machine is. So the nonce is the first 96 bits of an HMAC over
//! everything that is encrypted and authenticated: another message has another nonce (but for a chance of 2^-96 per
//! pair), and the same message encrypted twice reveals nothing but that it is the same. Whoever decrypts needs only
//! AES-256-GCM: the nonce stands before the ciphertext.
//!
//! # Trust
//! Decryption accepts bytes from disks and networks: nothing is returned that was not authenticated.

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _, Nonce};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::LedgerError;

/// Bytes that encryption adds: the nonce in front, the tag behind.
pub(crate) const SEAL_OVERHEAD: usize = 12 + 16;

/// 32 secret bytes, wiped when dropped.
pub(crate) type Secret = Zeroizing<[u8; 32]>;

/// A subkey of `secret`: HKDF-SHA-256 (RFC 5869) without salt, expanded with `info` to 32 bytes.
pub(crate) fn derive(secret: &[u8], info: &[&[u8]]) -> Secret {
    let extracted = Zeroizing::new(mac(&[0; 32], &[secret]));
    let parts: Vec<&[u8]> = info.iter().copied().chain([&[1][..]]).collect();
    Zeroizing::new(mac(&extracted, &parts))
}

/// HMAC-SHA-256.
pub(crate) fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC pads keys with zeros to the block of the hash.
    let mut padded = Zeroizing::new([0u8; 64]);
    for (slot, byte) in padded.iter_mut().zip(key) {
        *slot = *byte;
    }
    let mut mac = <Hmac<Sha256> as hmac::Mac>::new((&*padded).into());
    parts.iter().for_each(|p| mac.update(p));
    mac.finalize().into_bytes().into()
}

/// A key that encrypts and authenticates.
pub(crate) struct SealKey {
    cipher: Aes256Gcm,
    nonces: Secret,
}

impl SealKey {
    /// The key that grows from `secret` for one purpose.
    pub(crate) fn new(secret: &[u8; 32], purpose: &[u8]) -> Self {
        let encryption = derive(secret, &[purpose, b" encryption"]);
        let cipher = Aes256Gcm::new((&*encryption).into());
        Self { cipher, nonces: derive(secret, &[purpose, b" nonce"]) }
    }

    /// Nonce, ciphertext and tag of `plain`, bound to `context`.
    ///
    /// # Errors
    /// [`LedgerError::TooLarge`] beyond the 64 GiB of AES-GCM.
    pub(crate) fn seal(&self, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, LedgerError> {
        let length = (context.len() as u64).to_be_bytes();
        let synthetic = mac(&self.nonces, &[&length, context, plain]);
        let nonce = synthetic.first_chunk::<12>().copied().unwrap_or_default();
        let too_large =
            |_| LedgerError::TooLarge { what: "message", found: plain.len() as u64, bound: 1 << 36 };
        let payload = Payload { msg: plain, aad: context };
        let sealed = self.cipher.encrypt(Nonce::from_slice(&nonce), payload).map_err(too_large)?;
        let mut out = Vec::with_capacity(plain.len() + SEAL_OVERHEAD);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&sealed);
        Ok(out)
    }

    /// What was sealed.
    ///
    /// # Errors
    /// [`LedgerError::NotAuthentic`] about `what`, unless key, context and every bit are right.
    pub(crate) fn open(
        &self,
        what: &'static str,
        context: &[u8],
        sealed: &[u8],
    ) -> Result<Vec<u8>, LedgerError> {
        let (nonce, rest) = sealed.split_first_chunk::<12>().ok_or(LedgerError::NotAuthentic { what })?;
        let payload = Payload { msg: rest, aad: context };
        self.cipher.decrypt(Nonce::from_slice(nonce), payload).map_err(|_| LedgerError::NotAuthentic { what })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect()
    }

    #[test]
    fn derivation_is_hkdf() {
        // RFC 5869, test case 3: neither salt nor info.
        let expected = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d";
        assert_eq!(derive(&[0x0b; 22], &[]).to_vec(), hex(expected));
        assert_eq!(derive(&[7; 32], &[b"a ", b"purpose"]), derive(&[7; 32], &[b"a purpose"]));
        assert_ne!(derive(&[7; 32], &[b"a purpose"]), derive(&[7; 32], &[b"another"]));
    }

    #[test]
    fn mac_is_hmac() {
        // RFC 4231, test case 1, with the key padded by zeros as HMAC itself does.
        let mut key = [0; 32];
        key[..20].fill(0x0b);
        let expected = "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7";
        assert_eq!(mac(&key, &[b"Hi ", b"There"]).to_vec(), hex(expected));
    }

    #[test]
    fn any_change_is_noticed() {
        let key = SealKey::new(&[1; 32], b"test");
        let sealed = key.seal(b"context", b"message").unwrap();
        assert_eq!(key.open("it", b"context", &sealed).unwrap(), b"message");
        for at in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[at] ^= 1;
            assert!(key.open("it", b"context", &bad).is_err(), "byte {at}");
            assert!(key.open("it", b"context", &sealed[..at]).is_err(), "cut at {at}");
        }
        assert!(key.open("it", b"other", &sealed).is_err());
        assert!(SealKey::new(&[1; 32], b"else").open("it", b"context", &sealed).is_err());
    }

    #[test]
    fn different_messages_never_share_a_nonce() {
        let key = SealKey::new(&[1; 32], b"test");
        let nonce = |context: &[u8], plain: &[u8]| key.seal(context, plain).unwrap()[..12].to_vec();
        assert_eq!(nonce(b"a", b"b"), nonce(b"a", b"b"));
        let mut seen = std::collections::BTreeSet::new();
        for (context, plain) in
            [(&b"a"[..], &b"b"[..]), (b"ab", b""), (b"", b"ab"), (b"a", b"c"), (b"b", b"b")]
        {
            assert!(seen.insert(nonce(context, plain)));
        }
    }
}
