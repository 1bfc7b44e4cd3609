//! Signing in through an identity provider: the requests that browsers send here, and those that this server sends there
//! (`OpenID` Connect Core 1.0, authorization code flow with PKCE, RFC 7636).
//!
//! # Invariants
//! - The way back is a page of this origin that sends what it was given as every other change is sent: nothing that another
//!   site makes a browser open signs anybody in.
//! - What is asked of the provider is bounded: seconds, bytes, no redirects, two conversations at a time, so that a provider
//!   that is slow or gone costs nobody else anything. Whoever has a factor here signs in without it.
//!
//! # Trust
//! The provider may be wrong or taken over. It can say that somebody is whoever is linked with it; it cannot link, invite,
//! give roles, or bring back who is disabled. Its certificate ends in the configured authorities.
//!
//! # Not here
//! What its tokens have to say and whose account it is (`hinomi-access`).

mod answers;
mod credential;
mod description;
mod setting;
mod talk;

pub(super) use answers::{begin, finish, second, second_options};
pub use setting::{ClientCredential, ProviderSetup};
pub use talk::{Provider, Seen};
