//! Web Authentication (level 2): what an authenticator made and signed, checked.
//!
//! # Invariants
//! - A [`Registered`] and an [`Asserted`] are made by checking only: challenge, origin, relying party, and that the user was
//!   there and was verified by the device. So one passkey is two factors: having the device and opening it.
//! - Statements of attestation are neither asked for nor looked at.
//!
//! # Trust
//! Everything that comes in was written by a stranger: nesting, lengths and kinds are bounded, and what is left over is a
//! fault.

mod authenticator_data;
mod cbor;
mod client_data;
mod cose;

use ring::digest;
use serde::Deserialize;

use self::authenticator_data::AuthenticatorData;
use self::cbor::Value;
use crate::key::same;
use crate::secret::decode;

pub(crate) use cose::ALGORITHMS;
pub use cose::PublicKey;

/// Longest part of an answer, in bytes.
const LONGEST: usize = 12_288;

/// Why an answer of an authenticator does not count.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum WebAuthnFault {
    /// A part is not of its form.
    #[error("{0} is not of its form")]
    Form(&'static str),
    /// It was made for something else.
    #[error("it was made for another purpose")]
    Type,
    /// The challenge was not made here, not for this, or too long ago.
    #[error("the challenge is not one that was asked now")]
    Challenge,
    /// Another origin.
    #[error("it was made for another origin")]
    Origin,
    /// Another relying party.
    #[error("it was made for another relying party")]
    RelyingParty,
    /// Nobody touched the device.
    #[error("nobody was there")]
    NotPresent,
    /// The device did not verify who was there.
    #[error("the device did not verify its user")]
    NotVerified,
    /// A kind of key that is not accepted.
    #[error("its key is of no kind that is accepted")]
    Algorithm,
    /// The signature does not hold.
    #[error("the signature does not hold")]
    Signature,
    /// Two ids contradict each other.
    #[error("it names another credential or user")]
    Id,
    /// The device counts backwards: there may be a copy of it.
    #[error("the device counts backwards: there may be a copy of it")]
    Counter,
}

/// Where it has to be made.
#[derive(Clone, Copy, Debug)]
pub struct Ceremony<'s> {
    /// `https://host[:port]`.
    pub origin: &'s str,
    /// Host.
    pub relying_party: &'s str,
}

/// `RegistrationResponseJSON`, as far as it is looked at.
#[derive(Clone, Debug, Deserialize)]
pub struct Attestation {
    id: String,
    response: AttestationResponse,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AttestationResponse {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    attestation_object: String,
}

/// `AuthenticationResponseJSON`, as far as it is looked at.
#[derive(Clone, Debug, Deserialize)]
pub struct Assertion {
    id: String,
    response: AssertionResponse,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AssertionResponse {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    authenticator_data: String,
    signature: String,
    user_handle: Option<String>,
}

/// A passkey that was verified while it was made.
#[derive(Clone, Debug)]
pub(crate) struct Registered {
    pub(crate) credential: Vec<u8>,
    pub(crate) key: PublicKey,
    pub(crate) counter: u32,
    pub(crate) backup_eligible: bool,
    pub(crate) backed_up: bool,
}

/// A passkey that was used, verified.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asserted {
    pub(crate) counter: u32,
    pub(crate) backed_up: bool,
}

fn part(name: &'static str, text: &str) -> Result<Vec<u8>, WebAuthnFault> {
    // Four characters are three bytes.
    let fits = text.len() / 4 * 3 <= LONGEST;
    fits.then(|| decode(text)).flatten().ok_or(WebAuthnFault::Form(name))
}

impl Attestation {
    /// Checks it (section 7.1), `known` says whether a challenge was asked for this now.
    pub(crate) fn check(
        &self,
        ceremony: Ceremony<'_>,
        known: impl Fn(&[u8]) -> bool,
    ) -> Result<Registered, WebAuthnFault> {
        let client_data = part("clientDataJSON", &self.response.client_data)?;
        client_data::check(&client_data, "webauthn.create", ceremony.origin, known)?;
        let object = part("attestationObject", &self.response.attestation_object)?;
        let object = cbor::read_whole(&object).ok_or(WebAuthnFault::Form("attestationObject"))?;
        let Some(Value::Bytes(data)) = object.text_key("authData") else {
            return Err(WebAuthnFault::Form("attestationObject"));
        };
        let data = AuthenticatorData::read(data).ok_or(WebAuthnFault::Form("authData"))?;
        data.check(ceremony.relying_party)?;
        let (credential, key) = data.attested.as_ref().ok_or(WebAuthnFault::Form("authData"))?;
        let key = PublicKey::read(key)?;
        if decode(&self.id).as_deref() != Some(*credential) {
            return Err(WebAuthnFault::Id);
        }
        Ok(Registered {
            credential: credential.to_vec(),
            key,
            counter: data.counter,
            backup_eligible: data.backup_eligible(),
            backed_up: data.backed_up(),
        })
    }
}

impl Assertion {
    /// The credential that it names.
    pub(crate) fn credential(&self) -> Option<Vec<u8>> {
        (self.id.len() <= 2_000).then(|| decode(&self.id)).flatten()
    }

    /// The challenge that it names, unchecked.
    pub(crate) fn challenge(&self) -> Option<Vec<u8>> {
        client_data::challenge(&part("clientDataJSON", &self.response.client_data).ok()?)
    }

    /// Checks it against a key (section 7.2). `handle` is what the user was called when the key was made.
    pub(crate) fn check(
        &self,
        ceremony: Ceremony<'_>,
        (key, counter): (&PublicKey, u32),
        handle: &[u8],
        known: impl Fn(&[u8]) -> bool,
    ) -> Result<Asserted, WebAuthnFault> {
        let client_data = part("clientDataJSON", &self.response.client_data)?;
        client_data::check(&client_data, "webauthn.get", ceremony.origin, known)?;
        let bytes = part("authenticatorData", &self.response.authenticator_data)?;
        let data = AuthenticatorData::read(&bytes).ok_or(WebAuthnFault::Form("authenticatorData"))?;
        data.check(ceremony.relying_party)?;
        if let Some(named) = self.response.user_handle.as_deref().filter(|named| !named.is_empty()) {
            let named = decode(named).ok_or(WebAuthnFault::Form("userHandle"))?;
            if !same(&named, handle) {
                return Err(WebAuthnFault::Id);
            }
        }
        let signature = part("signature", &self.response.signature)?;
        let mut signed = bytes.clone();
        signed.extend(digest::digest(&digest::SHA256, &client_data).as_ref());
        if !key.verify(&signed, &signature) {
            return Err(WebAuthnFault::Signature);
        }
        // Devices without a counter say 0, always.
        if (data.counter != 0 || counter != 0) && data.counter <= counter {
            return Err(WebAuthnFault::Counter);
        }
        Ok(Asserted { counter: data.counter, backed_up: data.backed_up() })
    }
}

#[cfg(test)]
mod tests;
