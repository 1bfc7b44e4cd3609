//! The YAML of organisations, cases and formats, as read; names are resolved later.
//!
//! # Trust
//! Sizes are bounded here so that a slip of the pen does not fill a disk or the memory.

mod activity;
mod files;
mod format;
mod notation;

pub(crate) use activity::{Activity, Emission, Splice, Step, Words};
pub use files::Library;
pub use files::Scenario;
pub(crate) use files::{Role, Shape};
pub(crate) use format::{EventSpec, Format};
pub(crate) use notation::{DrawKind, Span, counts, draw_kind, span};
