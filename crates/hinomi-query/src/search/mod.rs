//! Events by words, without SQL.

mod parse;
mod run;
mod sweep;
mod wanted;

pub use parse::{Term, parse};
pub(crate) use run::apart;
pub use run::{Answer, Found, Search, Stop, events_at, run};
pub use sweep::{Counts, Sweep};
pub use wanted::Wanted;
