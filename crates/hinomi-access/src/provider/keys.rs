//! Keys that a provider shows (RFC 7517).

use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;
use serde_json::Value;

use super::ProviderFault;
use super::jws::Algorithm;
use crate::secret::decode;

/// Most keys of a provider.
const MOST: usize = 64;
/// Bytes of a modulus (2048 to 8192 bits), an exponent, and a coordinate of P-256.
const MODULUS: std::ops::RangeInclusive<usize> = 256..=1_024;
const EXPONENT: std::ops::RangeInclusive<usize> = 1..=8;
const COORDINATE: std::ops::RangeInclusive<usize> = 32..=32;

/// Keys that sign tokens.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ProviderKeys(Vec<Key>);

#[derive(Clone, PartialEq, Eq, Debug)]
struct Key {
    id: Option<String>,
    material: Material,
}

/// The kind of key decides the kind of signature.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Material {
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    P256(Vec<u8>),
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct JsonKey {
    kty: String,
    kid: Option<String>,
    r#use: Option<String>,
    alg: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl ProviderKeys {
    /// Reads a set. Keys of other kinds or for other ends are left out.
    ///
    /// # Errors
    /// [`ProviderFault::Description`] for anything that is no set, or an endless one.
    pub fn parse(bytes: &[u8]) -> Result<Self, ProviderFault> {
        let set: Set = serde_json::from_slice(bytes).map_err(|_| ProviderFault::Description)?;
        if set.keys.len() > MOST {
            return Err(ProviderFault::Description);
        }
        let keys = set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok());
        Ok(Self(keys.filter_map(Key::read).collect()))
    }

    /// Whether a signature holds. The key is the one that the token names; a token that names none is checked only when there
    /// is one key of its kind.
    pub(super) fn verify(
        &self,
        (algorithm, id): (Algorithm, Option<&str>),
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), ProviderFault> {
        let fits = |key: &&Key| key.material.algorithm() == algorithm;
        let named = |key: &&Key| id.is_none_or(|id| key.id.as_deref() == Some(id));
        let found: Vec<&Key> = self.0.iter().filter(fits).filter(named).collect();
        let unclear = id.is_none() && found.len() > 1;
        if found.is_empty() || unclear {
            return Err(ProviderFault::Key);
        }
        let holds = found.iter().any(|key| key.material.verify(message, signature));
        if holds { Ok(()) } else { Err(ProviderFault::Signature) }
    }
}

impl Key {
    fn read(key: JsonKey) -> Option<Self> {
        let signs = key.r#use.as_deref().is_none_or(|end| end == "sig");
        let checks = key.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"));
        let bytes = |text: &Option<String>, lengths: std::ops::RangeInclusive<usize>| {
            text.as_deref().and_then(decode).filter(|bytes| lengths.contains(&bytes.len()))
        };
        let material = match (key.kty.as_str(), key.crv.as_deref()) {
            ("RSA", None) => {
                Material::Rsa { modulus: bytes(&key.n, MODULUS)?, exponent: bytes(&key.e, EXPONENT)? }
            }
            ("EC", Some("P-256")) => {
                Material::P256([vec![4], bytes(&key.x, COORDINATE)?, bytes(&key.y, COORDINATE)?].concat())
            }
            _ => return None,
        };
        let same = key.alg.is_none_or(|alg| Algorithm::named(&alg) == Some(material.algorithm()));
        (signs && checks && same).then_some(Self { id: key.kid, material })
    }
}

impl Material {
    fn algorithm(&self) -> Algorithm {
        match self {
            Self::Rsa { .. } => Algorithm::Rs256,
            Self::P256(_) => Algorithm::Es256,
        }
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        let outcome = match self {
            Self::Rsa { modulus: n, exponent: e } => {
                let key = RsaPublicKeyComponents { n, e };
                key.verify(&signature::RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            Self::P256(point) => {
                UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
        };
        outcome.is_ok()
    }
}
