//! The report as a document that people hand on and that can be checked against its sources.
//!
//! [`build()`] picks what is told; [`html()`], [`markdown`], [`navigator`] and [`csv`] render it; [`verify()`] reads the
//! sources again and makes every sentence again.
//!
//! # Trust
//! A report given to [`verify()`] may have been altered: nothing in it is believed before it was compared.
//!
//! # Not here
//! How detections become incidents (`hinomi_detect::story`).

mod build;
mod claim;
mod html;
mod machine;
mod markup;
mod model;
mod results;
mod rows;
mod unread;
mod verify;

pub use build::{Budget, build};
pub(crate) use claim::said_lost;
pub use claim::{Claims, Said2};
pub use html::{Done, Exported, Proof, Proofs, exported, html};
pub use machine::{csv, markdown, navigator};
pub(crate) use markup::escape;
pub use model::{Document, LostDoc, Settings};
pub use results::{Comparing, Results};
pub(crate) use unread::{kind_ja, sentence_ja};
pub(crate) use verify::format_named;
pub use verify::{Fault, Sources, Verification, VerifyError, verify};

/// Bytes that an HTML report stays below.
pub const MOST_BYTES: usize = 5_000_000;
