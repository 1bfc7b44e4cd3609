//! What the browser says it was asked (section 5.8.1).

use serde::Deserialize;

use super::WebAuthnFault;
use crate::secret::decode;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    r#type: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
}

fn read(bytes: &[u8]) -> Option<ClientData> {
    serde_json::from_slice(bytes).ok()
}

/// The challenge in it.
pub(super) fn challenge(bytes: &[u8]) -> Option<Vec<u8>> {
    decode(&read(bytes)?.challenge)
}

/// Checks purpose, challenge and origin. Frames of other sites are refused.
pub(super) fn check(
    bytes: &[u8],
    purpose: &str,
    origin: &str,
    known: impl Fn(&[u8]) -> bool,
) -> Result<(), WebAuthnFault> {
    let form = || WebAuthnFault::Form("clientDataJSON");
    let data = read(bytes).ok_or_else(form)?;
    if data.r#type != purpose {
        return Err(WebAuthnFault::Type);
    }
    if !known(&decode(&data.challenge).ok_or_else(form)?) {
        return Err(WebAuthnFault::Challenge);
    }
    if data.origin != origin || data.cross_origin {
        return Err(WebAuthnFault::Origin);
    }
    Ok(())
}
