//! Signed text in its compact form (RFC 7515, section 3.1).

use serde::Deserialize;
use serde_json::Value;

use super::{ProviderFault, ProviderKeys};
use crate::secret::decode;

/// Longest token, in bytes.
const LONGEST: usize = 16 << 10;

/// The kinds of signatures that count (RFC 7518): every provider knows the first. `none` and kinds with a shared secret are
/// no members, so that no text can choose them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Algorithm {
    Rs256,
    Es256,
}

impl Algorithm {
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "ES256" => Some(Self::Es256),
            _ => None,
        }
    }
}

/// Where a key is (`jku`, `x5u`) or what it is (`jwk`, `x5c`) is not read: whoever writes a token does not say whom to believe.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
}

/// What a token says, once its signature holds.
pub(super) fn open(token: &str, keys: &ProviderKeys) -> Result<Vec<u8>, ProviderFault> {
    if token.len() > LONGEST {
        return Err(ProviderFault::Form);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(ProviderFault::Form)?;
    let (header, payload) = signed.split_once('.').ok_or(ProviderFault::Form)?;
    let header = decode(header).ok_or(ProviderFault::Form)?;
    let header: Header = serde_json::from_slice(&header).map_err(|_| ProviderFault::Form)?;
    let (payload, signature) = (decode(payload), decode(signature));
    let (Some(payload), Some(signature)) = (payload, signature) else { return Err(ProviderFault::Form) };
    // Extensions that have to be understood are not; a token for another end is none of ours.
    if header.crit.is_some() || header.typ.is_some_and(|typ| !typ.eq_ignore_ascii_case("jwt")) {
        return Err(ProviderFault::Form);
    }
    let algorithm = Algorithm::named(&header.alg).ok_or(ProviderFault::Algorithm)?;
    keys.verify((algorithm, header.kid.as_deref()), signed.as_bytes(), &signature)?;
    Ok(payload)
}
