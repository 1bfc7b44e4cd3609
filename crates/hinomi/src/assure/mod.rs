//! Claims put to logs and lists: what `hinomi assure` does.

mod configuration;
mod content;
mod gather;
mod model;
mod page;
mod reach;
mod sentence;
mod table;
mod terminal;

pub use configuration::Standards;
pub use content::{Content, ContentError, lists};
pub use gather::{Gathered, gather};
pub use model::{AssureReport, LedgerEntry, Surroundings, build};
pub use page::page;
pub use reach::{numbers, question};
pub(crate) use sentence::lack;
pub use table::{table, workbook};
pub use terminal::{View, terminal};
