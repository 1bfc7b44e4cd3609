//! What was replaced, and whether the log says so yet.
//!
//! Beside the folder of evidence stands `<its name>.damaged`: the damaged files, under their paths with `_` for `/` and a
//! number, and `journal`, a line of JSON per step.
//!
//! # Invariants
//! A file is replaced after its old bytes and the line that announces it are durable. Opening the ledger for writing
//! adds the leaves that are owed, so that no record follows a repair that the log does not know of.

use std::collections::BTreeMap;
use std::io::IoSlice;
use std::path::{Path, PathBuf};

use hinomi_model::{Access, Disk};
use serde::{Deserialize, Serialize};

use crate::LedgerError;
use crate::files::{self, io_error};
use crate::leaf::Repair;
use crate::options::Places;
use crate::scan::digest_of;

const MAX_JOURNAL: u64 = 256 << 20;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Step {
    /// The file is about to be replaced.
    Begun,
    /// It was, durably.
    Replaced,
    /// There is a leaf that says so.
    Recorded,
}

#[derive(Serialize, Deserialize)]
struct Line {
    step: Step,
    file: String,
    before: String,
    after: String,
    from: String,
}

/// The folder of damaged files.
pub(super) fn folder(places: &Places) -> PathBuf {
    let mut name = places.evidence.file_name().unwrap_or_default().to_owned();
    name.push(".damaged");
    places.evidence.with_file_name(name)
}

fn path(places: &Places) -> PathBuf {
    folder(places).join("journal")
}

/// Notes a step, durably.
pub(super) fn note(
    disk: &dyn Disk,
    places: &Places,
    step: Step,
    repairs: &[Repair],
) -> Result<(), LedgerError> {
    let path = path(places);
    let there = disk.exists(&path).map_err(io_error("look for", &path))?;
    if !there {
        files::create(disk, &path, 0o600, b"")?;
    }
    let file = disk.open(&path, Access::ReadWrite).map_err(io_error("open", &path))?;
    let mut text = String::new();
    for repair in repairs {
        let (before, after) = (crate::reader::hex(&repair.before), crate::reader::hex(&repair.after));
        let line = Line { step, file: repair.file.clone(), before, after, from: repair.from.clone() };
        let bad = |_| LedgerError::Malformed { kind: "journal of repairs", what: "it cannot be written" };
        text.push_str(&serde_json::to_string(&line).map_err(bad)?);
        text.push('\n');
    }
    let end = whole_lines(disk, &path)?.len() as u64;
    file.set_len(end).map_err(io_error("cut", &path))?;
    file.write_all_at(&[IoSlice::new(text.as_bytes())], end).map_err(io_error("write", &path))?;
    file.sync_data().map_err(io_error("sync", &path))
}

/// The lines of the journal, without a last one that was never finished: it counts as not written.
fn whole_lines(disk: &dyn Disk, path: &Path) -> Result<Vec<u8>, LedgerError> {
    let mut bytes = disk.read(path, MAX_JOURNAL).map_err(io_error("read", path))?;
    let last = bytes.split_inclusive(|b| *b == b'\n').next_back().unwrap_or_default();
    let finished = last.ends_with(b"\n") && serde_json::from_slice::<Line>(last).is_ok();
    if !finished {
        bytes.truncate(bytes.len() - last.len());
    }
    Ok(bytes)
}

/// Repairs that were made and have no leaf.
///
/// # Errors
/// [`LedgerError::Damaged`] for a journal that is none.
pub(crate) fn owed(disk: &dyn Disk, places: &Places) -> Result<Vec<Repair>, LedgerError> {
    let path = path(places);
    if !disk.exists(&path).map_err(io_error("look for", &path))? {
        return Ok(Vec::new());
    }
    let mut last: BTreeMap<(String, [u8; 32]), (Step, Repair)> = BTreeMap::new();
    let mut offset = 0;
    for line in whole_lines(disk, &path)?.split_inclusive(|b| *b == b'\n') {
        let what = "a line of the journal of repairs";
        let damaged = || LedgerError::Damaged { path: path.clone(), offset, what };
        let read: Line = serde_json::from_slice(line).map_err(|_| damaged())?;
        let digest = |text: &str| digest(text).ok_or_else(damaged);
        let (before, after) = (digest(&read.before)?, digest(&read.after)?);
        let repair = Repair { file: read.file.clone(), before, after, from: read.from };
        last.insert((read.file, after), (read.step, repair));
        offset += line.len() as u64;
    }
    let mut owed = Vec::new();
    for (step, repair) in last.into_values() {
        let made = match step {
            Step::Recorded => false,
            Step::Replaced => true,
            // It ended in between: the file tells.
            Step::Begun => now(disk, places, &repair.file) == Some(repair.after),
        };
        if made {
            owed.push(repair);
        }
    }
    Ok(owed)
}

/// Has the next opening for writing commit a leaf about something that was put in place without a plan.
pub(crate) fn owe(disk: &dyn Disk, places: &Places, repair: Repair) -> Result<(), LedgerError> {
    files::create_folders(disk, &folder(places), 0o700)?;
    note(disk, places, Step::Replaced, &[repair])
}

/// Notes that the log knows of these.
pub(crate) fn recorded(disk: &dyn Disk, places: &Places, repairs: &[Repair]) -> Result<(), LedgerError> {
    if repairs.is_empty() { Ok(()) } else { note(disk, places, Step::Recorded, repairs) }
}

/// The digest of a file below the ledger's folder; zeros when it is not there.
fn now(disk: &dyn Disk, places: &Places, file: &str) -> Option<[u8; 32]> {
    let path = places.evidence.join(file);
    match disk.exists(&path) {
        Ok(true) => digest_of(disk, &path).ok().map(|(_, digest)| digest),
        Ok(false) => Some([0; 32]),
        Err(_) => None,
    }
}

fn digest(text: &str) -> Option<[u8; 32]> {
    text.parse::<hinomi_model::Digest>().ok().map(|d| *d.as_bytes())
}
