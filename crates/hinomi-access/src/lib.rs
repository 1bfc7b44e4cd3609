//! Who may do what: accounts and their factors, sessions, tokens, and who may see names.
//!
//! # Invariants
//! - An account with rights has a second factor: [`Standing::Active`] holds [`Factors`], which are never empty, and a
//!   [`Factor`] is made only by verifying one. Somebody who was invited holds no rights.
//! - A session is opened by a [`Proof`] only, and a proof is made only by verifying two factors.
//! - The [`Registry`] is the sum of its steps. A step is kept before what follows from it is told ([`Keep`]).
//! - Passwords, secrets of generators, links, tokens and codes are in no step: a step may be shown to an auditor.
//! - Everything a stranger can make grow is bounded.
//!
//! # Trust
//! Whatever comes with a request was written by a stranger, structures of Web Authentication included.
//!
//! # Not here
//! Requests, cookies and pages (`hinomi-server`); files, the clock and the decision ledger (`hinomi`).

mod account;
mod factor;
mod gate;
mod id;
mod key;
mod limits;
mod link;
mod moment;
mod names;
mod password;
mod provider;
mod refusal;
mod registry;
mod role;
mod secret;
mod session;
mod step;
mod token;
mod totp;
mod unmask;
mod webauthn;

pub use account::{Account, Name, Standing};
pub use factor::{Factor, FactorKind, Factors, Passkey, PasswordFactor, ProviderFactor};
pub use gate::{
    Attempt, Gate, Invitation, Keep, MadeLink, MadeToken, NotKept, Offer, Opened, PasswordCheck,
    PasswordTask, Principal, ProviderCame, ProviderReturn, ProviderSecond, ProviderTrip, ProviderWish, Site,
    Via,
};
pub use id::{AccountId, FactorId, IdError, TokenId, UnmaskId};
pub use key::Key;
pub use limits::Origin;
pub use link::{Link, Purpose};
pub use moment::Moment;
pub use names::Names;
pub use password::{PasswordFault, SHORTEST};
pub use provider::{Evidence, Expected, Identity, ProviderFault, ProviderKeys, SecondFactor, Verified};
pub use refusal::Refusal;
pub use registry::{AccountChange, Registry};
pub use role::{Permission, Role, Roles};
pub use secret::Secret;
pub use session::{ABSOLUTE, FRESH, IDLE, Method, Proof, Session};
pub use step::{Actor, Fact, Kept, Material, Step};
pub use token::{SCOPES, Token};
pub use totp::Totp;
pub use unmask::{Decision, Scope, Unmask, UnmaskState};
pub use webauthn::{Assertion, Attestation, Ceremony, PublicKey, WebAuthnFault};
