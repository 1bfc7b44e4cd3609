//! Who can reach what, in words: what `hinomi reach` prints, and the parts that other pages take from it.

mod drawing;
mod listing;
mod model;
mod names;
mod page;
mod part;
mod terminal;

pub(crate) use listing::Lines;
pub use model::{Comparison, ReachPart, ReachReport, Surroundings, build};
pub(crate) use names::Names;
pub use page::page;
pub(crate) use part::Part;
pub use terminal::terminal;
pub(crate) use terminal::unknown_targets;
