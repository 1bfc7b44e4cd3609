//! An authenticator in software: makes passkeys and signs with them, as browsers hand it on. Written from the standard, not
//! from the code that it tests; and it can lie in every part.

use std::fmt::Write as _;

use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};

/// User present, user verified.
pub const PRESENT_AND_VERIFIED: u8 = 0x05;

enum Pair {
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// One device with one passkey.
pub struct Authenticator {
    pair: Pair,
    /// Id of the credential.
    pub id: Vec<u8>,
    /// Says how often it was used; 0 for those that do not count.
    pub counter: u32,
    /// What it says of its user.
    pub flags: u8,
    /// For whom it signs.
    pub relying_party: String,
    /// What the browser says it was asked by.
    pub origin: String,
    /// What the browser says of frames.
    pub cross_origin: bool,
    /// What it knows the account by, in base64url, if it says so: devices that find their accounts themselves do.
    pub user: Option<String>,
    /// Further bytes behind what it says.
    pub leftovers: Vec<u8>,
}

/// Bytes as base64url without padding.
pub fn base64url(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let number = three.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte))
            << (8 * (3 - three.len()));
        for place in 0..=three.len() {
            let six = number >> (18 - 6 * place) & 63;
            out.push(char::from(*LETTERS.get(six as usize).unwrap_or(&b'A')));
        }
    }
    out
}

fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend([0x59, (bytes.len() >> 8) as u8, bytes.len() as u8]);
    out.extend(bytes);
}

impl Authenticator {
    /// A device that makes P-256 keys.
    ///
    /// # Panics
    /// When the system gives no random numbers.
    pub fn p256(origin: &str, relying_party: &str) -> Self {
        let random = SystemRandom::new();
        let Ok(document) = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random) else {
            unreachable!("a key")
        };
        let Ok(pair) = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref(), &random)
        else {
            unreachable!("a key")
        };
        Self::with(Pair::P256(pair), origin, relying_party)
    }

    /// A device that makes Ed25519 keys.
    ///
    /// # Panics
    /// When the system gives no random numbers.
    pub fn ed25519(origin: &str, relying_party: &str) -> Self {
        let Ok(document) = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()) else {
            unreachable!("a key")
        };
        let Ok(pair) = Ed25519KeyPair::from_pkcs8(document.as_ref()) else { unreachable!("a key") };
        Self::with(Pair::Ed25519(pair), origin, relying_party)
    }

    fn with(pair: Pair, origin: &str, relying_party: &str) -> Self {
        let public = match &pair {
            Pair::P256(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
        };
        Self {
            pair,
            id: digest(&SHA256, &public).as_ref().to_vec(),
            counter: 1,
            flags: PRESENT_AND_VERIFIED,
            relying_party: relying_party.to_owned(),
            origin: origin.to_owned(),
            cross_origin: false,
            user: None,
            leftovers: Vec::new(),
        }
    }

    /// What it says about itself, with the key or without.
    fn data(&self, with_key: bool) -> Vec<u8> {
        let mut out = digest(&SHA256, self.relying_party.as_bytes()).as_ref().to_vec();
        out.push(self.flags | if with_key { 0x40 } else { 0 });
        out.extend(self.counter.to_be_bytes());
        if with_key {
            out.extend([0; 16]);
            out.extend([(self.id.len() >> 8) as u8, self.id.len() as u8]);
            out.extend(&self.id);
            match &self.pair {
                Pair::P256(pair) => {
                    let point = pair.public_key().as_ref();
                    // {1: 2, 3: -7, -1: 1, -2: x, -3: y}
                    out.extend([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21]);
                    bytes(&mut out, point.get(1..33).unwrap_or_default());
                    out.push(0x22);
                    bytes(&mut out, point.get(33..65).unwrap_or_default());
                }
                Pair::Ed25519(pair) => {
                    // {1: 1, 3: -8, -1: 6, -2: x}
                    out.extend([0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21]);
                    bytes(&mut out, pair.public_key().as_ref());
                }
            }
        }
        out.extend(&self.leftovers);
        out
    }

    fn client_data(&self, kind: &str, challenge: &str) -> String {
        let (origin, cross) = (&self.origin, self.cross_origin);
        let mut text = format!("{{\"type\":\"webauthn.{kind}\",\"challenge\":\"{challenge}\",");
        // Writing to a string does not fail.
        let _ = write!(text, "\"origin\":\"{origin}\",\"crossOrigin\":{cross},\"other\":[1,{{}}]}}");
        text
    }

    /// Makes the passkey: `RegistrationResponseJSON` for a challenge in base64url.
    pub fn make(&self, challenge: &str) -> String {
        let data = self.data(true);
        let mut object = vec![0xa3];
        object.extend(b"\x63fmt\x64none\x67attStmt\xa0\x68authData");
        bytes(&mut object, &data);
        let (id, object) = (base64url(&self.id), base64url(&object));
        let client = base64url(self.client_data("create", challenge).as_bytes());
        format!(
            "{{\"id\":\"{id}\",\"rawId\":\"{id}\",\"type\":\"public-key\",\"response\":\
             {{\"clientDataJSON\":\"{client}\",\"attestationObject\":\"{object}\",\"transports\":[\"internal\"]}}}}"
        )
    }

    /// Signs: `AuthenticationResponseJSON` for a challenge in base64url. It counts.
    ///
    /// # Panics
    /// When the system gives no random numbers.
    pub fn sign(&mut self, challenge: &str) -> String {
        self.sign_as("get", challenge)
    }

    /// … for another purpose than signing in.
    ///
    /// # Panics
    /// When the system gives no random numbers.
    pub fn sign_as(&mut self, kind: &str, challenge: &str) -> String {
        if self.counter != 0 {
            self.counter += 1;
        }
        let data = self.data(false);
        let client = self.client_data(kind, challenge);
        let mut signed = data.clone();
        signed.extend(digest(&SHA256, client.as_bytes()).as_ref());
        let signature = match &self.pair {
            Pair::P256(pair) => {
                let Ok(signature) = pair.sign(&SystemRandom::new(), &signed) else {
                    unreachable!("a signature")
                };
                signature.as_ref().to_vec()
            }
            Pair::Ed25519(pair) => pair.sign(&signed).as_ref().to_vec(),
        };
        let (id, data, signature) = (base64url(&self.id), base64url(&data), base64url(&signature));
        let client = base64url(client.as_bytes());
        let user = self.user.as_ref().map_or("null".to_owned(), |user| format!("\"{user}\""));
        format!(
            "{{\"id\":\"{id}\",\"rawId\":\"{id}\",\"type\":\"public-key\",\"response\":{{\"clientDataJSON\":\"{client}\",\
             \"authenticatorData\":\"{data}\",\"signature\":\"{signature}\",\"userHandle\":{user}}}}}"
        )
    }
}

/// The code of a generator (RFC 6238) for a secret in base32 and a time in seconds.
pub fn totp(base32: &str, seconds: i64) -> String {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (mut secret, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for letter in base32.chars() {
        bits = bits << 5 | LETTERS.find(letter).unwrap_or(0) as u32;
        count += 5;
        if count >= 8 {
            count -= 8;
            secret.push((bits >> count & 255) as u8);
        }
    }
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &secret);
    let tag = ring::hmac::sign(&key, &(seconds / 30).to_be_bytes());
    let at = usize::from(tag.as_ref().get(19).copied().unwrap_or(0) & 15);
    let four = tag.as_ref().get(at..at + 4).unwrap_or_default();
    let number = four.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte)) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}
