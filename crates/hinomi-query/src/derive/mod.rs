//! From columns in memory to registered files.

mod digesting;
mod file;
mod gist;
mod lane;
mod pending;
mod register;
mod table;
mod words;

pub use file::total_sizes;
pub use gist::{Gist, GistBuilder};
pub use lane::{Lane, LaneLimits, UnitPlace};
pub use register::{discard_leftovers, finish, has_only_leftovers, prepare, register};
pub use table::Place;
