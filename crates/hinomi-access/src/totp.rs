//! Codes that change with time (RFC 6238): SHA-1, 30 seconds, six digits, as every generator makes them.

use ring::hmac;
use zeroize::Zeroizing;

use crate::moment::Moment;

/// Seconds a code lasts.
const STEP: i64 = 30;
/// Bytes of a secret, as the standard recommends.
const LENGTH: usize = 20;

/// The secret that a generator has, too.
#[derive(Clone)]
pub struct Totp(Zeroizing<Vec<u8>>);

impl Totp {
    /// The secret that begins with these bytes; they are many enough.
    pub(crate) fn new(bytes: &[u8; 32]) -> Self {
        Self(Zeroizing::new(bytes.iter().copied().take(LENGTH).collect()))
    }

    /// One that was kept.
    pub(crate) fn kept(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// In base32 (RFC 4648), for people who type it.
    pub fn base32(&self) -> String {
        const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let bits: Vec<u8> =
            self.0.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
        bits.chunks(5)
            .map(|five| {
                let value = five.iter().fold(0, |value, bit| value << 1 | bit) << (5 - five.len());
                char::from(LETTERS.get(usize::from(value)).copied().unwrap_or(b'A'))
            })
            .collect()
    }

    /// The address that generators read from a picture.
    pub fn uri(&self, site: &str, name: &str) -> String {
        let plain = |text: &str| -> String {
            text.bytes()
                .map(|byte| match byte {
                    b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                        char::from(byte).to_string()
                    }
                    other => format!("%{other:02X}"),
                })
                .collect()
        };
        let (site, name) = (plain(site), plain(name));
        format!("otpauth://totp/{site}:{name}?secret={}&issuer={site}", self.base32())
    }

    /// The code of a step.
    fn code(&self, step: i64) -> u32 {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let tag = tag.as_ref();
        let at = usize::from(tag.last().copied().unwrap_or(0) & 0xf);
        let four = tag.get(at..at + 4).and_then(|four| <[u8; 4]>::try_from(four).ok()).unwrap_or_default();
        (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000
    }

    /// The step of a code that counts now, one step early or late, and is younger than `last`: each counts once.
    pub(crate) fn check(&self, code: &str, now: Moment, last: i64) -> Option<i64> {
        let plain = code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit());
        let code: u32 = code.parse().ok().filter(|_| plain)?;
        let step = now.as_seconds().div_euclid(STEP);
        // All three are computed, whichever is right.
        let right = [step - 1, step, step + 1].map(|step| (step, self.code(step) == code));
        right.into_iter().find(|(step, right)| *right && *step > last).map(|(step, _)| step)
    }
}

impl std::fmt::Debug for Totp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Totp(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rfc() -> Totp {
        Totp::kept(b"12345678901234567890".to_vec())
    }

    /// Appendix B of the RFC, the last six of its eight digits.
    #[test]
    fn codes_are_those_of_the_standard() {
        let table =
            [(59, "287082"), (1_111_111_109, "081804"), (1_111_111_111, "050471"), (1_234_567_890, "005924")];
        for (time, code) in table {
            assert!(rfc().check(code, Moment::from_seconds(time), 0).is_some(), "{time}");
        }
        assert_eq!(rfc().check("353130", Moment::from_seconds(20_000_000_000), 0), Some(20_000_000_000 / 30));
    }

    #[test]
    fn a_code_counts_once_and_for_a_minute_around() {
        let now = Moment::from_seconds(1_111_111_109);
        let step = rfc().check("081804", now, 0).unwrap();
        assert_eq!(rfc().check("081804", now, step), None);
        assert_eq!(rfc().check("081804", now.plus(30), 0), Some(step));
        assert_eq!(rfc().check("081804", now.plus(90), 0), None);
        for bad in ["81804", "+81804", "0818040", "", "０８１８０４"] {
            assert_eq!(rfc().check(bad, now, 0), None);
        }
    }

    /// Section 10 of RFC 4648.
    #[test]
    fn base32_is_that_of_the_standard() {
        assert_eq!(Totp::kept(b"foobar".to_vec()).base32(), "MZXW6YTBOI");
        assert_eq!(rfc().base32(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    }
}
