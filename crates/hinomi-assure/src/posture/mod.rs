//! Claims about configuration, judged from exported configuration documents (JSON). Kinds of documents and claims are data:
//! YAML files, described in `docs/claims-configuration.md`.
//!
//! # Invariants
//! - Nothing is supported by absence: a document, part or field that is not there, that could not be collected, or that is
//!   of the wrong sort makes a claim unknown, and the judgement names it.
//! - Every judgement names the places of the documents that decided it.
//! - Work per claim and document is bounded; a claim that would take more is unknown as a whole.
//! - The same documents, claims, exceptions and day give the same judgements in the same order.
//!
//! # Trust
//! Documents are hostile input; claim files are trusted content, yet a wrong one is refused with file, place and reason.
//!
//! # Not here
//! Whether the configuration is what really happens: claims over logs and sessions say that. Who owns an exception: callers
//! hand in only values and days ([`Exemption`]).

mod check;
mod condition;
mod coverage;
mod document;
mod eval;
mod example;
mod judge;
mod judgement;
#[cfg(test)]
mod language;
mod pack;
mod parse;
mod path;
mod reader;
#[cfg(test)]
mod shipped;

pub use coverage::{Category, CategoryCoverage, Framework, coverage, is_of};
pub use document::{Document, DocumentError};
pub use example::ExampleFailure;
pub use judge::Recognised;
pub use judgement::{Because, Exemption, Judgement, Place, Subject};
pub use pack::{Claim, Pack};
pub use reader::{ClaimFileError, Mistake};
