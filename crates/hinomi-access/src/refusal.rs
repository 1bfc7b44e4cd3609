//! Why something is not done.

use crate::password::PasswordFault;

/// Why not. What is told to a stranger does not say which part of a proof was wrong.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No proof, or one that does not hold.
    #[error("signing in failed")]
    SignInFailed,
    /// No such link, or it was used, replaced or is too old.
    #[error("the link is unknown, used up or too old")]
    LinkUnknown,
    /// What an authenticator said does not hold.
    #[error("the answer of the authenticator does not hold: {0}")]
    Challenge(#[from] crate::webauthn::WebAuthnFault),
    /// A password that everybody tries first, or a short one.
    #[error("{0}")]
    Password(#[from] PasswordFault),
    /// A code that is not the right one now.
    #[error("the code is not the right one")]
    Code,
    /// What a provider said does not count.
    #[error("{0}")]
    Provider(#[from] crate::provider::ProviderFault),
    /// Not with these rights.
    #[error("this needs a right that the account does not have")]
    Forbidden,
    /// Not without a fresh proof.
    #[error("this needs a fresh proof of who is there")]
    StepUpNeeded,
    /// There is no such thing.
    #[error("there is no such thing")]
    NotFound,
    /// It contradicts what is there.
    #[error("{0}")]
    Conflict(&'static str),
    /// Nobody could look after accounts any more.
    #[error("the last administrator stays")]
    LastAdministrator,
    /// Nobody could sign in any more.
    #[error("the last factor stays")]
    LastFactor,
    /// Whoever asks cannot approve.
    #[error("a second person has to decide")]
    SecondPerson,
    /// It was changed since it was read.
    #[error("it was changed meanwhile")]
    Changed,
    /// Something is too long, too short or of no known kind.
    #[error("{0}")]
    Senseless(&'static str),
    /// Too many attempts.
    #[error("too many attempts; again in {0} s")]
    TooMany(i64),
    /// There is no room for more of these.
    #[error("there are too many: {0}")]
    Full(&'static str),
    /// It could not be kept, so it was not done.
    #[error("it cannot be kept, so it was not done")]
    NotKept,
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    NoEntropy,
}
