//! Who somebody is at a provider.

use serde::{Deserialize, Serialize};

/// Longest issuer and subject, in bytes (`OpenID` Connect Core, section 2, bounds the subject so).
const LONGEST: usize = 255;

/// Issuer and subject together. A subject alone means nothing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "Form", into = "Form")]
pub struct Identity {
    issuer: String,
    subject: String,
}

/// As it is kept.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    issuer: String,
    subject: String,
}

/// Text that is no identity.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("an issuer and a subject have 1 to 255 visible ASCII characters")]
pub struct IdentityError;

impl Identity {
    /// An identity.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub fn new(issuer: &str, subject: &str) -> Result<Self, IdentityError> {
        let inner = |b: u8| (b' '..=b'~').contains(&b);
        let good = |text: &str| {
            (1..=LONGEST).contains(&text.len()) && text.bytes().all(inner) && text.trim().len() == text.len()
        };
        let both = good(issuer) && good(subject);
        if both {
            Ok(Self { issuer: issuer.to_owned(), subject: subject.to_owned() })
        } else {
            Err(IdentityError)
        }
    }

    /// Who says so.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// What it calls them.
    pub fn subject(&self) -> &str {
        &self.subject
    }
}

impl TryFrom<Form> for Identity {
    type Error = IdentityError;

    fn try_from(form: Form) -> Result<Self, IdentityError> {
        Self::new(&form.issuer, &form.subject)
    }
}

impl From<Identity> for Form {
    fn from(identity: Identity) -> Self {
        Self { issuer: identity.issuer, subject: identity.subject }
    }
}
