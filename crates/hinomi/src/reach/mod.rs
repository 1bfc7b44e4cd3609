//! Who can reach what, in words: what `hinomi reach` prints, and the parts that other pages take from it.

mod drawing;
mod model;
mod names;
mod page;
mod part;
mod terminal;

pub use model::{Comparison, ReachReport, SecretMap, Surroundings, build};
pub(crate) use names::Names;
pub use page::page;
pub use terminal::terminal;
