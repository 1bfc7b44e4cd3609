//! `hinomi ledger`, `hinomi prove`: evidence in, evidence out.

mod append;
mod create;
mod declared;
mod erase;
mod export;
mod keyfile;
mod numbers;
mod opening;
mod planned;
mod repair;
mod repeats;
mod retention;
mod show;
mod sources;
mod uploaded;
mod verify;

use std::path::Path;
use std::sync::Arc;

use hinomi_ledger::completeness::Day;
use hinomi_ledger::{
    FileDisk, LedgerError, Places, Reader, Surroundings, SystemClock, SystemEntropy, VaultRecipient,
};

use hinomi_model::{NANOS_PER_SECOND, Timestamp};

use super::investigate::language;
use super::print;
use crate::args::{Lang, Ledger as Verb, LedgerData, NewLedger, Prove};
use crate::exit::{Exit, Failure};
use crate::recorded::{EVIDENCE, open_reader};

pub(super) use declared::{FILE as SOURCES, Sources, plans};
pub(super) use export::verify_export;
pub(super) use opening::{VAULTS, read as read_vaults};
pub(super) use uploaded::uploading;
pub(super) use verify::{verify_bundle, verify_ledger};

pub(super) fn run(verb: Verb) -> Result<Exit, Failure> {
    match verb {
        Verb::Create { at, new } => create::run(&at, &new),
        Verb::Append(args) => append::run(&args),
        Verb::Tail(args) => show::tail(&args),
        Verb::Stats(args) => show::stats(&args),
        Verb::Sources(args) => sources::run(&args),
        Verb::Repeats(args) => repeats::run(&args),
        Verb::Retention(verb) => retention::run(verb),
        Verb::Hold(verb) => retention::run_hold(verb),
        Verb::RotateKey { at, reason } => create::rotate(&at, &reason),
        Verb::ErasureKey { out } => erase::make_key(&out),
        Verb::Erase(args) => erase::run(&args),
        Verb::Export(args) => export::run(&args),
        Verb::CustodyKey(args) => export::make_custody_key(&args),
        Verb::Custody(args) => export::add_custody(&args),
        #[cfg(feature = "query")]
        Verb::Reindex(args) => super::derived::reindex(&args),
        Verb::Repair(args) => repair::run(&args),
        Verb::Approve { key, order } => erase::approve(&key, &order),
    }
}

fn places(data: &Path) -> Places {
    Places::in_data_dir(data, EVIDENCE)
}

fn surroundings() -> Surroundings {
    Surroundings { disk: Arc::new(FileDisk), clock: Arc::new(SystemClock), entropy: Arc::new(SystemEntropy) }
}

pub(super) fn failure(error: LedgerError) -> Failure {
    let exit = match &error {
        LedgerError::Refused { .. } | LedgerError::Locked { .. } | LedgerError::TooLarge { .. } => {
            Exit::Usage
        }
        LedgerError::Damaged { .. } | LedgerError::NotAuthentic { .. } => Exit::Failed,
        _ => Exit::Unreadable,
    };
    let cause = std::error::Error::source(&error).map(|s| format!(": {s}")).unwrap_or_default();
    let failure = Failure::new(exit, format!("{error}{cause}"));
    match error {
        LedgerError::Missing { what: "ledger", .. } => {
            failure.hint("hinomi ledger create --data DIR makes one, as does hinomi ledger append")
        }
        LedgerError::Damaged { .. } => {
            failure.hint("hinomi verify ledger --data DIR says what else is wrong")
        }
        LedgerError::Newer { .. } => failure.hint("use the newer program"),
        _ => failure,
    }
}

/// Opens the ledger in a data directory for writing, or makes one, and records what its sources promise if that changed.
pub(super) fn open_or_make(data: &Path, new: &NewLedger) -> Result<hinomi_ledger::Ledger, Failure> {
    let sources = declared::load(None, data)?;
    create::make_if_missing(data, new)?;
    let ledger = open(data)?;
    if let Some(sources) = sources {
        ledger.declare(&sources.declared).map_err(failure)?;
    }
    Ok(ledger)
}

/// What the sources of the ledger in a data directory promise, as its file says.
pub(super) fn declared(data: &Path) -> Result<Option<Sources>, Failure> {
    declared::load(None, data)
}

/// Opens a ledger for writing.
pub(super) fn open(data: &Path) -> Result<hinomi_ledger::Ledger, Failure> {
    opening::open(data).map(|(ledger, _)| ledger)
}

/// The vaults that new keys of the ledgers in a data directory are sealed to.
pub(super) fn vault_recipients(data: &Path) -> Result<Vec<VaultRecipient>, Failure> {
    Ok(opening::options(&opening::vaults(data)?).vaults)
}

fn reader(data: &Path) -> Result<Reader, Failure> {
    open_reader(data).map_err(failure)
}

/// The number of a UTC day since 1970.
fn day(text: &str) -> Result<u32, Failure> {
    let day = format!("{text}T00:00:00Z").parse::<Timestamp>().ok();
    let day = day.and_then(|t| u32::try_from(t.as_nanos().div_euclid(86_400 * NANOS_PER_SECOND)).ok());
    day.ok_or_else(|| Failure::new(Exit::Usage, format!("{text}: not a day")).hint("for example 2026-11-02"))
}

/// A UTC day.
fn date(text: &str) -> Result<Day, Failure> {
    let number = day(text)?;
    Ok(Day(i32::try_from(number).unwrap_or(i32::MAX)))
}

fn lang(at: &LedgerData) -> Lang {
    at.lang.unwrap_or_else(language)
}

/// Writes the bundle for one record.
pub(super) fn prove(args: &Prove) -> Result<Exit, Failure> {
    let reader = reader(&args.at.data)?;
    let (leaf, record) = show::parse_reference(&args.reference, reader.identity().origin.as_str())?;
    let bundle = reader.prove(leaf, record).map_err(failure)?;
    let json = bundle.to_json().map_err(failure)?;
    print(format!("{json}\n").as_bytes())
}
