//! A signer of tokens as identity providers make them (RFC 7515, 7517, 7519). Written from the standards, not from the code
//! that it tests; header and payload are whatever a test says.

use ring::hmac;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};

use crate::authenticator::base64url;

/// A key for tests and nothing else (PKCS #1).
const RSA: &[u8] = include_bytes!("token_signer.rsa.der");

enum Pair {
    P256(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

/// One key and its name.
pub struct TokenSigner {
    pair: Pair,
    /// `kid`.
    pub id: String,
}

impl TokenSigner {
    /// A new P-256 key: ES256.
    ///
    /// # Panics
    /// When the system gives no random numbers.
    pub fn p256(id: &str) -> Self {
        let random = SystemRandom::new();
        let kind = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let Ok(document) = EcdsaKeyPair::generate_pkcs8(kind, &random) else { unreachable!("a key") };
        let Ok(pair) = EcdsaKeyPair::from_pkcs8(kind, document.as_ref(), &random) else {
            unreachable!("a key")
        };
        Self { pair: Pair::P256(pair), id: id.to_owned() }
    }

    /// The one RSA key of tests: RS256.
    ///
    /// # Panics
    /// Never.
    pub fn rsa(id: &str) -> Self {
        let Ok(pair) = RsaKeyPair::from_der(RSA) else { unreachable!("a key") };
        Self { pair: Pair::Rsa(pair), id: id.to_owned() }
    }

    /// `RS256` or `ES256`.
    pub fn algorithm(&self) -> &'static str {
        match &self.pair {
            Pair::P256(_) => "ES256",
            Pair::Rsa(_) => "RS256",
        }
    }

    /// The public key as JSON, with its name, `use` and `alg`.
    pub fn public(&self) -> String {
        let (id, algorithm) = (&self.id, self.algorithm());
        let common = format!("\"kid\":\"{id}\",\"use\":\"sig\",\"alg\":\"{algorithm}\"");
        match &self.pair {
            Pair::P256(pair) => {
                let point = pair.public_key().as_ref();
                let part = |from: usize| base64url(point.get(from..from + 32).unwrap_or_default());
                let (x, y) = (part(1), part(33));
                format!("{{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"{x}\",\"y\":\"{y}\",{common}}}")
            }
            Pair::Rsa(pair) => {
                let key = PublicKeyComponents::<Vec<u8>>::from(pair.public());
                let (n, e) = (base64url(&key.n), base64url(&key.e));
                format!("{{\"kty\":\"RSA\",\"n\":\"{n}\",\"e\":\"{e}\",{common}}}")
            }
        }
    }

    /// A signed token.
    pub fn token(&self, payload: &str) -> String {
        let header = format!("{{\"alg\":\"{}\",\"kid\":\"{}\",\"typ\":\"JWT\"}}", self.algorithm(), self.id);
        self.token_with(&header, payload)
    }

    /// A signed token with a header that may say anything.
    ///
    /// # Panics
    /// When the system gives no random numbers.
    pub fn token_with(&self, header: &str, payload: &str) -> String {
        let signed = format!("{}.{}", base64url(header.as_bytes()), base64url(payload.as_bytes()));
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::P256(pair) => pair.sign(&random, signed.as_bytes()).map(|made| made.as_ref().to_vec()),
            Pair::Rsa(pair) => {
                let mut made = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut made).map(|()| made)
            }
        };
        let Ok(signature) = signature else { unreachable!("a signature") };
        format!("{signed}.{}", base64url(&signature))
    }
}

/// A token whose «signature» is a code with a secret that everybody can have: the text of a public key.
pub fn token_with_secret(header: &str, payload: &str, secret: &[u8]) -> String {
    let signed = format!("{}.{}", base64url(header.as_bytes()), base64url(payload.as_bytes()));
    let code = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
    format!("{signed}.{}", base64url(code.as_ref()))
}
