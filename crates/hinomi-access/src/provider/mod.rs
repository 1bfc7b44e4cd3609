//! Signing in through an identity provider (`OpenID` Connect Core 1.0): what its tokens have to say before they count.
//!
//! # Invariants
//! - A [`Verified`] is made by checking a signed token only, against keys of the one provider that is configured.
//! - The kind of signature follows from the key, never from the token alone: RS256 and ES256, no others, and never a secret
//!   that both sides know.
//! - Who somebody is, is issuer and subject together. Addresses of mail, names and groups are not read.
//!
//! # Trust
//! Tokens and keys come over the network: bounded, unknown kinds of keys are left out, what is not understood is refused.
//!
//! # Not here
//! Requests to the provider (`hinomi-server`); whose account it is (`gate`).

mod evidence;
mod fault;
mod identity;
mod jws;
mod keys;
mod token;

pub use evidence::{Evidence, SecondFactor};
pub use fault::ProviderFault;
pub use identity::Identity;
pub use keys::ProviderKeys;
pub use token::{Expected, Verified};

#[cfg(test)]
mod tests;
