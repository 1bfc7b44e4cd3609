//! What may be wrong with what comes from a provider.

use serde::{Deserialize, Serialize};

/// Why a provider's word does not count. It says nothing about accounts, so that it may be told to whoever came.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, thiserror::Error,
)]
#[serde(rename_all = "snake_case")]
pub enum ProviderFault {
    /// It did not answer, or not in time.
    #[error("the identity provider does not answer")]
    NoAnswer,
    /// What it says about itself makes no sense, or is about somebody else.
    #[error("the identity provider describes itself wrongly")]
    Description,
    /// It did not let the person in, or they went back.
    #[error("the identity provider did not let the person in")]
    Denied,
    /// It did not take the code, or this server.
    #[error("the identity provider does not accept this server's request")]
    Refused,
    /// The answer came from another provider than the one that was asked.
    #[error("the answer names another identity provider")]
    Issuer,
    /// No token, or none of this form.
    #[error("the token has no known form")]
    Form,
    /// Signed in a way that does not count.
    #[error("the token is signed in a way that does not count")]
    Algorithm,
    /// Signed with a key that the provider does not show.
    #[error("the token is signed with an unknown key")]
    Key,
    /// The signature does not hold.
    #[error("the signature of the token does not hold")]
    Signature,
    /// Made for somebody else.
    #[error("the token was made for somebody else")]
    Audience,
    /// Made for another sign-in.
    #[error("the token belongs to another sign-in")]
    Nonce,
    /// Too old, not yet valid, or the clocks differ.
    #[error("the token is too old or from the future; do the clocks agree?")]
    Time,
    /// A new proof was asked for, and the provider did not say that it made one.
    #[error("the identity provider did not ask the person anew")]
    NotAnew,
    /// The provider did not say that it verified two factors, and nothing is enrolled here that could stand in.
    #[error("the identity provider did not say that it verified a second factor, and none is enrolled here")]
    SecondFactor,
    /// No account that is active is linked with this identity.
    #[error("no active account is linked with this identity")]
    NotLinked,
}

impl ProviderFault {
    /// As in the contract.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoAnswer => "no_answer",
            Self::Description => "description",
            Self::Denied => "denied",
            Self::Refused => "refused",
            Self::Issuer => "issuer",
            Self::Form => "form",
            Self::Algorithm => "algorithm",
            Self::Key => "key",
            Self::Signature => "signature",
            Self::Audience => "audience",
            Self::Nonce => "nonce",
            Self::Time => "time",
            Self::NotAnew => "not_anew",
            Self::SecondFactor => "second_factor",
            Self::NotLinked => "not_linked",
        }
    }

    /// Whether the provider, or whoever stands between, did something that no good one does.
    pub const fn is_suspicious(self) -> bool {
        !matches!(
            self,
            Self::NoAnswer
                | Self::Denied
                | Self::Refused
                | Self::NotAnew
                | Self::SecondFactor
                | Self::NotLinked
        )
    }
}
