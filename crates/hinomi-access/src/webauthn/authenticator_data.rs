//! What the authenticator says (section 6.1).

use ring::digest;

use super::WebAuthnFault;
use super::cbor::{self, Value};

const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const BACKUP_ELIGIBLE: u8 = 0x08;
const BACKED_UP: u8 = 0x10;
const ATTESTED: u8 = 0x40;
const EXTENSIONS: u8 = 0x80;
/// Longest id of a credential.
const LONGEST_ID: usize = 1_023;

/// The parts.
pub(super) struct AuthenticatorData<'b> {
    relying_party: [u8; 32],
    flags: u8,
    pub(super) counter: u32,
    /// Id and key of a credential that was made.
    pub(super) attested: Option<(&'b [u8], Value<'b>)>,
}

impl<'b> AuthenticatorData<'b> {
    /// Reads all of it; what is left over makes it unreadable.
    pub(super) fn read(bytes: &'b [u8]) -> Option<Self> {
        let (relying_party, rest) = bytes.split_first_chunk::<32>()?;
        let (&flags, rest) = rest.split_first()?;
        let (counter, mut rest) = rest.split_first_chunk::<4>()?;
        let set = |flag| flags & flag != 0;
        let mut attested = None;
        if set(ATTESTED) {
            let (_aaguid, behind) = rest.split_first_chunk::<16>()?;
            let (length, behind) = behind.split_first_chunk::<2>()?;
            let length = usize::from(u16::from_be_bytes(*length));
            if length == 0 || length > LONGEST_ID {
                return None;
            }
            let (id, behind) = behind.split_at_checked(length)?;
            let (key, behind) = cbor::read(behind)?;
            attested = Some((id, key));
            rest = behind;
        }
        if set(EXTENSIONS) {
            let (Value::Map(_), behind) = cbor::read(rest)? else { return None };
            rest = behind;
        }
        if !rest.is_empty() || (set(BACKED_UP) && !set(BACKUP_ELIGIBLE)) {
            return None;
        }
        Some(Self { relying_party: *relying_party, flags, counter: u32::from_be_bytes(*counter), attested })
    }

    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Whether its maker may copy the passkey to other devices.
    pub(super) fn backup_eligible(&self) -> bool {
        self.has(BACKUP_ELIGIBLE)
    }

    /// Whether it was copied.
    pub(super) fn backed_up(&self) -> bool {
        self.has(BACKED_UP)
    }

    /// Checks for whom it was made, and that somebody was there and was verified.
    pub(super) fn check(&self, relying_party: &str) -> Result<(), WebAuthnFault> {
        let expected = digest::digest(&digest::SHA256, relying_party.as_bytes());
        if self.relying_party != expected.as_ref() {
            return Err(WebAuthnFault::RelyingParty);
        }
        match (self.has(PRESENT), self.has(VERIFIED)) {
            (false, _) => Err(WebAuthnFault::NotPresent),
            (_, false) => Err(WebAuthnFault::NotVerified),
            _ => Ok(()),
        }
    }
}
