//! Public keys of passkeys (RFC 9053): ES256, `EdDSA` with Ed25519, RS256.

use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use super::WebAuthnFault;
use super::cbor::Value;
use crate::secret::{decode, encode};

/// The kinds that are asked for, the preferred one first.
pub(crate) const ALGORITHMS: [i64; 3] = [-8, -7, -257];
/// Longest modulus and exponent of RSA, in bytes.
const LONGEST_MODULUS: usize = 512;
const LONGEST_EXPONENT: usize = 8;

/// A key that signatures of an authenticator are checked with.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub enum PublicKey {
    /// P-256 with SHA-256; the point, uncompressed.
    Es256(Vec<u8>),
    /// Ed25519.
    Ed25519(Vec<u8>),
    /// RSA with PKCS #1 v1.5 and SHA-256: modulus and exponent.
    Rs256(Vec<u8>, Vec<u8>),
}

/// As it is kept.
#[derive(Clone, Serialize, Deserialize)]
struct Stored {
    alg: i64,
    parts: Vec<String>,
}

impl From<PublicKey> for Stored {
    fn from(key: PublicKey) -> Self {
        let (alg, parts) = match key {
            PublicKey::Es256(point) => (-7, vec![point]),
            PublicKey::Ed25519(point) => (-8, vec![point]),
            PublicKey::Rs256(n, e) => (-257, vec![n, e]),
        };
        Self { alg, parts: parts.iter().map(|part| encode(part)).collect() }
    }
}

impl TryFrom<Stored> for PublicKey {
    type Error = WebAuthnFault;

    fn try_from(stored: Stored) -> Result<Self, WebAuthnFault> {
        let parts: Option<Vec<Vec<u8>>> = stored.parts.iter().map(|part| decode(part)).collect();
        let parts = parts.ok_or(WebAuthnFault::Form("key"))?;
        match (stored.alg, parts.as_slice()) {
            (-7, [point]) => Ok(Self::Es256(point.clone())),
            (-8, [point]) => Ok(Self::Ed25519(point.clone())),
            (-257, [n, e]) => Ok(Self::Rs256(n.clone(), e.clone())),
            _ => Err(WebAuthnFault::Algorithm),
        }
    }
}

impl PublicKey {
    /// Reads a `COSE_Key`.
    pub(super) fn read(key: &Value<'_>) -> Result<Self, WebAuthnFault> {
        let int = |at: i64| match key.int_key(at) {
            Some(Value::Int(number)) => Some(*number),
            _ => None,
        };
        let bytes = |at: i64, lengths: std::ops::RangeInclusive<usize>| match key.int_key(at) {
            Some(Value::Bytes(bytes)) if lengths.contains(&bytes.len()) => Ok(bytes.to_vec()),
            _ => Err(WebAuthnFault::Form("key")),
        };
        // Kind of key, algorithm, curve.
        match (int(1), int(3), int(-1)) {
            (Some(2), Some(-7), Some(1)) => {
                let point = [vec![4], bytes(-2, 32..=32)?, bytes(-3, 32..=32)?].concat();
                Ok(Self::Es256(point))
            }
            (Some(1), Some(-8), Some(6)) => bytes(-2, 32..=32).map(Self::Ed25519),
            (Some(3), Some(-257), None) => {
                Ok(Self::Rs256(bytes(-1, 256..=LONGEST_MODULUS)?, bytes(-2, 1..=LONGEST_EXPONENT)?))
            }
            _ => Err(WebAuthnFault::Algorithm),
        }
    }

    /// Whether a signature over a message holds.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        let outcome = match self {
            Self::Es256(point) => {
                UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_ASN1, point).verify(message, signature)
            }
            Self::Ed25519(point) => {
                UnparsedPublicKey::new(&signature::ED25519, point).verify(message, signature)
            }
            Self::Rs256(n, e) => {
                let key = RsaPublicKeyComponents { n, e };
                key.verify(&signature::RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
        };
        outcome.is_ok()
    }
}
