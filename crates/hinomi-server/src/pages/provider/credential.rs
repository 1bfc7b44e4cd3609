//! How this server proves itself to the provider: a secret, or a key and signed text (`private_key_jwt`, RFC 7523).

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hinomi_access::Moment;
use hinomi_model::Entropy;
use rustls::SignatureScheme;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::sign::Signer;
use serde_json::json;
use zeroize::Zeroizing;

use super::setting::{ClientCredential, ProviderSetup};
use super::talk::encoded;
use crate::ber::{self, INTEGER, SEQUENCE};
use crate::error::ServerError;

/// Longest file of a secret.
const LONGEST: u64 = 4_096;
/// Seconds that signed text counts.
const LASTS: i64 = 60;
/// Bytes of each half of a signature of P-256.
const HALF: usize = 32;
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What goes along with a request for a token.
pub(super) struct Proven {
    /// The header Authorization, if the secret stands there.
    pub(super) header: Option<Zeroizing<String>>,
    /// Fields of the form.
    pub(super) fields: Vec<(&'static str, Zeroizing<String>)>,
}

/// How a secret is sent; the provider says which it takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SecretIn {
    Header,
    Form,
}

fn unusable(path: &Path, what: impl ToString) -> ServerError {
    ServerError::Credential { path: path.to_owned(), what: what.to_string() }
}

pub(super) fn check(credential: &ClientCredential) -> Result<(), ServerError> {
    match credential {
        ClientCredential::Secret(path) => secret(path).map(drop),
        ClientCredential::Key(path, _) => signer(path).map(drop),
    }
}

fn secret(path: &Path) -> Result<Zeroizing<String>, ServerError> {
    let mut text = Zeroizing::new(String::new());
    let file = File::open(path).map_err(|e| unusable(path, e))?;
    file.take(LONGEST + 1).read_to_string(&mut text).map_err(|e| unusable(path, e))?;
    let secret = text.trim_end_matches(['\r', '\n']);
    let good = !secret.is_empty()
        && text.len() as u64 <= LONGEST
        && secret.bytes().all(|b| (b' '..=b'~').contains(&b));
    if good {
        Ok(Zeroizing::new(secret.to_owned()))
    } else {
        Err(unusable(path, "a secret is one line of visible ASCII"))
    }
}

fn signer(path: &Path) -> Result<Box<dyn Signer>, ServerError> {
    let key = PrivateKeyDer::from_pem_file(path).map_err(|e| unusable(path, e))?;
    let key = rustls::crypto::ring::sign::any_supported_type(&key).map_err(|e| unusable(path, e))?;
    let schemes = [SignatureScheme::ECDSA_NISTP256_SHA256, SignatureScheme::RSA_PKCS1_SHA256];
    key.choose_scheme(&schemes).ok_or_else(|| unusable(path, "a key of P-256 or RSA signs here, no other"))
}

/// Proves this server, for a request to `audience`.
pub(super) fn prove(
    setup: &ProviderSetup,
    (secret_in, audience): (SecretIn, &str),
    now: Moment,
    entropy: &dyn Entropy,
) -> Result<Proven, ServerError> {
    let client = Zeroizing::new(setup.client.clone());
    match &setup.credential {
        ClientCredential::Secret(path) => {
            let secret = secret(path)?;
            Ok(match secret_in {
                SecretIn::Header => {
                    // RFC 6749, section 2.3.1: each is encoded as in a form before both are joined.
                    let both = Zeroizing::new(format!("{}:{}", encoded(&setup.client), encoded(&secret)));
                    let header = Zeroizing::new(format!("Basic {}", STANDARD.encode(both.as_bytes())));
                    Proven { header: Some(header), fields: Vec::new() }
                }
                SecretIn::Form => {
                    Proven { header: None, fields: vec![("client_id", client), ("client_secret", secret)] }
                }
            })
        }
        ClientCredential::Key(path, id) => {
            let text = assertion(setup, (path, id.as_deref(), audience), now, entropy)?;
            let kind = Zeroizing::new(ASSERTION.to_owned());
            let text = Zeroizing::new(text);
            let fields =
                vec![("client_id", client), ("client_assertion_type", kind), ("client_assertion", text)];
            Ok(Proven { header: None, fields })
        }
    }
}

fn assertion(
    setup: &ProviderSetup,
    (path, id, audience): (&Path, Option<&str>, &str),
    now: Moment,
    entropy: &dyn Entropy,
) -> Result<String, ServerError> {
    let key = signer(path)?;
    let elliptic = key.scheme() == SignatureScheme::ECDSA_NISTP256_SHA256;
    let mut number = [0; 16];
    entropy.fill(&mut number).map_err(|e| unusable(path, e))?;
    let mut header = json!({ "alg": if elliptic { "ES256" } else { "RS256" }, "typ": "JWT" });
    if let (Some(id), Some(header)) = (id, header.as_object_mut()) {
        header.insert("kid".to_owned(), json!(id));
    }
    let payload = json!({
        "iss": setup.client, "sub": setup.client, "aud": audience, "jti": URL_SAFE_NO_PAD.encode(number),
        "iat": now.as_seconds(), "exp": now.plus(LASTS).as_seconds(),
    });
    let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&header), part(&payload));
    let made = key.sign(signed.as_bytes()).map_err(|e| unusable(path, e))?;
    let made = if elliptic {
        halves(&made).ok_or_else(|| unusable(path, "its signature has no known form"))?
    } else {
        made
    };
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(made)))
}

/// The two numbers of a signature, each 32 bytes, from DER (RFC 7518, section 3.4).
fn halves(der: &[u8]) -> Option<Vec<u8>> {
    let first = ber::read_as(ber::read_as(der, SEQUENCE)?.content, INTEGER)?;
    let second = ber::read_as(first.rest, INTEGER)?;
    let mut out = Vec::with_capacity(2 * HALF);
    for number in [first.content, second.content] {
        let bare = number.strip_prefix(&[0]).unwrap_or(number);
        out.resize(out.len() + HALF.checked_sub(bare.len())?, 0);
        out.extend_from_slice(bare);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_a_signature_fill_their_halves() {
        let der = |first: &[u8], second: &[u8]| {
            let number = |bytes: &[u8]| [&[INTEGER, bytes.len() as u8][..], bytes].concat();
            let inner = [number(first), number(second)].concat();
            [&[SEQUENCE, inner.len() as u8][..], &inner].concat()
        };
        let long = [[0].as_slice(), &[0xff; 32]].concat();
        let made = halves(&der(&[7], &long)).unwrap();
        assert_eq!(made, [[0; 31].as_slice(), &[7], &[0xff; 32]].concat());
        assert_eq!(halves(&der(&[1; 33], &[1])), None);
        assert_eq!(halves(&[]), None);
        assert_eq!(halves(&[SEQUENCE, 0]), None);
    }
}
