//! The write path: callers hand in records, a pool seals them, one committer writes, syncs, signs and shows.
//!
//! ```text
//! append ─▶ intake (bounded) ─▶ pool: hash, compress, encrypt ─▶ committer: write, sync ─▶ ticket settled
//!                                                                     └ tick: leaves, checkpoint, sync ─▶ published
//! ```
//!
//! # Invariants
//! - The first failed write ends the ledger: every ticket fails, nothing more is accepted, reopening finds out what the
//!   disk holds.
//! - With `threads: 0` nothing happens but in the caller's calls, in a fixed order.

mod core;
mod create;
mod erase;
mod intake;
mod ledger;
mod packer;
mod policies;
mod recovery;
mod rotate;
mod step;
mod ticket;
mod watching;

pub use create::Identity;
pub(crate) use create::{check_modes, load_identity, lock_folder};
pub use erase::Erasure;
pub use ledger::Ledger;
pub use recovery::Recovery;
pub(crate) use recovery::damaged_at;
pub use rotate::rotation_text;
pub(crate) use rotate::successor;
pub use ticket::{Located, Ticket};
pub use watching::OWN_CLASS;
