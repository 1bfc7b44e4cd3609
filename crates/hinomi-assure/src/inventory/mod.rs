//! What an organisation believes to have: accounts, hosts, suppliers, segments, copies, sources and exceptions.
//!
//! An inventory is never evidence for a claim. It says what should be, who answers for it and what is allowed; what is, is
//! observed, and the difference is a finding.

mod csv;
mod entity;
mod form;
mod groups;
mod import;
mod join;
mod memo;
mod resolve;
mod shape;
mod span;
mod table;

pub use csv::decode_text;
pub(crate) use csv::{Row as TableRow, rows as table_rows};
pub(crate) use entity::as_known;
pub use entity::{Entity, EntityKind, Inventory, ListKind, Place};
pub use import::{Formats, Imported, Importer};
pub(crate) use join::CONTRADICTION;
pub use join::MergeRules;
pub(crate) use memo::{Answers, Memo};
pub use resolve::{AccountName, Resolved, Resolver, Sighted};
pub use shape::Form;
pub use span::Validity;
pub use table::ImportError;
pub(crate) use table::day;
