//! Pages for people and an interface for programs: who is signed in, what they may, and what they are shown.
//!
//! # Invariants
//! - One table of routes ([`routes`]) says what each needs; what is not in it does not exist. `api/openapi.json` says the
//!   same, which a test compares.
//! - A change needs a proof that a page of this origin sent it (`guard`). A cookie alone changes nothing.
//! - Every answer carries the headers of `headers`; errors are problems (RFC 9457) with a code that keeps its meaning.
//! - Names in logs leave through [`hinomi_access::Names`] only, and that names were shown is written down before.
//!
//! # Trust
//! Requests are written by strangers, signed in or not. Bodies are bounded, unknown fields are refused.
//!
//! # Not here
//! Who may what (`hinomi-access`); keeping it (`hinomi`); what is read ([`ReadModel`], made by `hinomi`).

mod accounts;
mod answer;
mod asked;
mod audit;
mod bound;
mod cookie;
mod embedded;
mod enrolment;
mod events;
mod factors;
mod guard;
mod headers;
mod passwords;
mod problem;
mod provider;
mod read;
mod route;
mod service;
mod session;
mod setting;
mod show;
mod tokens;
mod unmask;

pub use bound::{Bound, PagesSetup, Serving};
pub use embedded::verifier;
pub use problem::{Code, Problem};
pub use provider::{ClientCredential, Provider, ProviderSetup, Seen};
pub use read::{
    Deed, DeedKind, Deeds, DeedsAsked, File, Marks, Question, ReadModel, ReadNothing, Told, Topic,
};
pub use route::{Listed, routes};
pub use service::{Around, Pages};
pub use setting::{PagesAt, Place};

/// The contract, as it is answered.
pub const CONTRACT: &str = include_str!("../../../../api/openapi.json");
