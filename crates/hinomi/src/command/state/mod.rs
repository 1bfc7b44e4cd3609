//! `hinomi state`: what a server needs beside its evidence to go on elsewhere, in one sealed file, and back.
//!
//! # Invariants
//! - A backup is never written in clear, and has its name only when all of it is on the disk.
//! - Nothing is put in place that was not checked as a whole, unless somebody asks for it in words.
//! - A restored ledger that somebody outside may have seen more of is not written to before it was compared with what they
//!   hold ([`marker`]); the log itself says that it was restored.
//!
//! # Trust
//! The server holds no key that opens its own backups. Whoever holds a recovery key and a backup can read everything
//! whose key is in it, also what was erased since: backups from before an erasure have to go with it.
//!
//! # Not here
//! Copies of the evidence that prove something (`hinomi vault`), and mending a ledger from one (`hinomi ledger repair`).

mod archive;
mod backup;
mod check;
mod gather;
mod marker;
pub(super) mod recovery_key;
mod restore;
mod resume;

use super::investigate::language;
use super::print;
use crate::args::StateVerb;
use crate::exit::{Exit, Failure};

pub(super) use marker::{last_backup, refuse_unsettled};

pub(super) fn run(verb: StateVerb) -> Result<Exit, Failure> {
    match verb {
        StateVerb::Key { out } => {
            let recipient = recovery_key::make(&out)?;
            print(format!("{}\n", recovery_key::text_of(&recipient)).as_bytes())
        }
        StateVerb::Backup(args) => backup::run(&args),
        StateVerb::Restore(args) => restore::run(&args),
        StateVerb::Resume(args) => resume::run(&args),
    }
}
