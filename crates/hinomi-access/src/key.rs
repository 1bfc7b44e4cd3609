//! The key of an installation, for what is handed out and must come back unchanged without being kept here: challenges,
//! cookies of devices, handles.

use std::fmt;

use hinomi_model::{Digest, Entropy};
use ring::hmac;
use zeroize::Zeroizing;

use crate::moment::Moment;
use crate::refusal::Refusal;
use crate::secret::{decode, encode};

/// A key that never leaves this machine.
#[derive(Clone)]
pub struct Key(Zeroizing<[u8; 32]>);

/// Bytes of a challenge: random ones, when it ends, and the code that shows who made it.
const NONCE: usize = 12;
const TIME: usize = 8;
const CODE: usize = 16;

impl Key {
    /// These bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// A message authentication code (HMAC-SHA-256) for a purpose.
    pub(crate) fn code(&self, purpose: &str, message: &[u8]) -> [u8; 32] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &*self.0);
        let mut context = hmac::Context::with_key(&key);
        // Lengths are authenticated, so that no purpose runs into a message.
        context.update(&(purpose.len() as u64).to_be_bytes());
        context.update(purpose.as_bytes());
        context.update(message);
        let mut code = [0; 32];
        code.copy_from_slice(context.sign().as_ref());
        code
    }

    /// A challenge for one purpose, until `expires`. Nothing of it is kept.
    pub(crate) fn challenge(
        &self,
        purpose: &str,
        expires: Moment,
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, Refusal> {
        let mut nonce = [0; NONCE];
        entropy.fill(&mut nonce).map_err(|_| Refusal::NoEntropy)?;
        let mut challenge = nonce.to_vec();
        challenge.extend(expires.as_seconds().to_be_bytes());
        let code = self.code(purpose, &challenge);
        challenge.extend(code.iter().take(CODE));
        Ok(challenge)
    }

    /// When a challenge ends, if it was made here for this purpose and has not ended.
    pub(crate) fn check_challenge(&self, purpose: &str, challenge: &[u8], now: Moment) -> Option<Moment> {
        let (body, code) = challenge.split_at_checked(NONCE + TIME)?;
        let expected = self.code(purpose, body);
        if !same(code, expected.get(..CODE)?) {
            return None;
        }
        let expires = Moment::from_seconds(i64::from_be_bytes(body.get(NONCE..)?.try_into().ok()?));
        (now < expires).then_some(expires)
    }

    /// Text for a cookie that says where it was made for, and since when.
    pub(crate) fn ticket(
        &self,
        purpose: &str,
        since: Moment,
        entropy: &dyn Entropy,
    ) -> Result<String, Refusal> {
        self.challenge(purpose, since, entropy).map(|bytes| encode(&bytes))
    }

    /// Since when a ticket is, and what it is remembered by; `None` when it was not made here for this purpose.
    pub(crate) fn check_ticket(&self, purpose: &str, text: &str) -> Option<(Moment, Digest)> {
        let bytes = decode(text)?;
        let since = self.check_challenge(purpose, &bytes, Moment::from_seconds(i64::MIN))?;
        Some((since, Digest::of(&bytes)))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// Whether two codes are the same, in time that says nothing about where they differ.
pub(crate) fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use hinomi_testkit::seeded::SeededEntropy;

    use super::*;

    #[test]
    fn a_challenge_counts_for_its_purpose_its_time_and_its_maker() {
        let (key, other, entropy) = (Key::new([1; 32]), Key::new([2; 32]), SeededEntropy::new(7));
        let at = Moment::from_seconds;
        let challenge = key.challenge("sign-in", at(100), &entropy).unwrap();
        assert_eq!(key.check_challenge("sign-in", &challenge, at(99)), Some(at(100)));
        assert_eq!(key.check_challenge("sign-in", &challenge, at(100)), None);
        assert_eq!(key.check_challenge("step-up", &challenge, at(99)), None);
        assert_eq!(other.check_challenge("sign-in", &challenge, at(99)), None);
        for place in 0..challenge.len() {
            let mut bent = challenge.clone();
            bent[place] ^= 1;
            assert_eq!(key.check_challenge("sign-in", &bent, at(0)), None, "byte {place}");
        }
        for length in 0..challenge.len() {
            assert_eq!(key.check_challenge("sign-in", &challenge[..length], at(0)), None);
        }
    }
}
