//! Claims put to logs and lists: what `hinomi assure` does.

mod content;
mod gather;
mod model;
mod sentence;
mod terminal;

pub use content::{Content, ContentError, lists};
pub use gather::{Gathered, gather};
pub use model::{AssureReport, Surroundings, build};
pub use terminal::{View, terminal};
