//! Secrets that are handed out once, as text. Only their digest is kept.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hinomi_model::{Digest, Entropy};
use zeroize::Zeroizing;

use crate::refusal::Refusal;

/// Text that is shown once and never written into a log.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// A new one of 256 random bits, behind a word that says what it is for.
    pub(crate) fn draw(prefix: &str, entropy: &dyn Entropy) -> Result<Self, Refusal> {
        let mut bytes = Zeroizing::new([0; 32]);
        entropy.fill(&mut *bytes).map_err(|_| Refusal::NoEntropy)?;
        Ok(Self(Zeroizing::new(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(*bytes)))))
    }

    /// One that somebody brought.
    pub fn brought(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// What is kept of it.
    pub fn digest(&self) -> Digest {
        Digest::of(self.0.as_bytes())
    }

    /// The text, for whoever it is made for.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Bytes as they stand in JSON of Web Authentication.
pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// … and back; `None` for anything else than base64url without padding.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}
