//! Repair from a copy: damaged files are replaced by those of a vault, and the log says so.
//!
//! First a plan is made without changing anything: the log is proven from both sides ([`log`]), segments are compared
//! with the digests in its leaves, and a write-ahead file of the copy is taken if the ledger verifies better with it in
//! that place ([`overlay`]). Then the plan is carried out, file by file ([`journal`]).
//!
//! # Invariants
//! - Nothing takes a place that the log, signed by the ledger's own key, does not prove to belong there.
//! - What was there is evidence too: its bytes are kept beside the ledger before they are replaced.
//! - Each replaced file gets a leaf with the digests before and after. A crash at any point leaves a ledger that the same
//!   command mends, and a leaf that is owed is added by the next opening.
//!
//! # Trust
//! The copy is not trusted, see [`log`].
//!
//! # Not here
//! The signing key. Data keys are not in a copy: the vault hands them back, sealed ([`crate::vault::hand_back`]). Records without a
//! leaf that no copy has; a write-ahead file that is damaged behind the end of the copy's.

mod files;
mod journal;
mod log;
mod overlay;

use std::collections::BTreeMap;
use std::io::IoSlice;
use std::path::{Path, PathBuf};

use hinomi_model::{Access, Disk, Hashing};

use crate::LedgerError;
use crate::engine::{Identity, Ledger, load_identity, lock_folder};
use crate::files::{create_folders, folder_of, io_error, remove, sync_dir, temporary};
use crate::keys::KeyRing;
use crate::leaf::Repair;
use crate::options::{Options, Places, Surroundings};
use crate::scan::digest_of;
use crate::vault::handed;
use files::Left;
use journal::{Step, note};
pub(crate) use journal::{owe, owed, recorded};
use log::Sides;
use overlay::{Content, Overlay};

const STEP: u64 = 1 << 18;
/// What a leaf says of a file that is not there.
const NOTHING: [u8; 32] = [0; 32];

/// What a repair did, or would do.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Repaired {
    /// Files that were replaced, or put aside because they are in the way.
    pub files: Vec<Repair>,
    /// Files below the ledger's folder for which the copy had nothing better, and what is wrong with them.
    pub left: BTreeMap<PathBuf, String>,
    /// Data keys that the ring lacked and a vault handed back.
    pub keys: u64,
    /// Where the damaged files are kept.
    pub kept_in: PathBuf,
    /// Whether the log has a leaf for each replaced file. If not, the ledger does not open for another reason, and its
    /// next opening adds them.
    pub recorded: bool,
}

/// Replaces damaged files of a ledger by those of `copy`, the folder of the same ledger elsewhere, which `from` names in
/// the log. `keys` are those that a vault handed back ([`crate::vault::hand_back`]). With `dry_run` it only says what it would
/// do, with the keys that are there.
///
/// # Errors
/// [`LedgerError::Locked`] while a writer has the ledger open; [`LedgerError::Refused`] when the copy is of another ledger
/// or history, or damaged itself; what reading the keys meets, because no copy can replace those.
pub fn repair(
    around: &Surroundings,
    places: &Places,
    options: &Options,
    copy: &Path,
    from: &str,
    keys: Option<&[u8]>,
    dry_run: bool,
) -> Result<Repaired, LedgerError> {
    let disk = &*around.disk;
    let copy = Places { evidence: copy.to_owned(), keys: places.keys.clone() };
    let mut out = Repaired { kept_in: journal::folder(places), recorded: true, ..Repaired::default() };
    if !dry_run {
        prepare(disk, places)?;
    }
    let lock = if dry_run { None } else { Some(lock_folder(disk, places)?) };
    if let Some(keys) = keys.filter(|_| !dry_run) {
        out.keys = adopt(around, places, &copy, keys)?;
    }
    let (plan, left) = plan(around, places, &copy)?;
    out.left = left;
    for (path, content) in in_order(plan, places) {
        let file = below(places, &path).display().to_string();
        let entry = Repair { file, before: NOTHING, after: NOTHING, from: from.to_owned() };
        let entry = if dry_run {
            digests(disk, &path, &content, entry)?
        } else {
            replace(disk, places, &path, &content, entry)?
        };
        out.files.push(entry);
    }
    drop(lock);
    if !dry_run {
        let alone = Options { threads: 0, ..options.clone() };
        let opened =
            Ledger::open(around.clone(), places.clone(), alone).and_then(|(ledger, _)| ledger.close());
        match opened {
            Ok(()) => out.left = still_wrong(around, places, out.left)?,
            Err(_) if !out.left.is_empty() => out.recorded = out.files.is_empty(),
            Err(error) => return Err(error),
        }
    }
    out.left = out.left.into_iter().map(|(path, what)| (below(places, &path), what)).collect();
    Ok(out)
}

/// What verification finds in the opened ledger, and what is known of segments.
fn still_wrong(around: &Surroundings, places: &Places, mut left: Left) -> Result<Left, LedgerError> {
    left.retain(|path, _| path.starts_with(places.segments()));
    let as_it_is = Overlay { disk: around.disk.clone(), planned: BTreeMap::new() };
    left.extend(wrong_files(&as_it_is, places)?);
    Ok(left)
}

/// Findings by file; those that name none stand for the folder.
fn wrong_files(overlay: &Overlay, places: &Places) -> Result<Left, LedgerError> {
    let findings = files::findings(overlay, places)?.into_iter();
    Ok(findings.map(|f| (f.path.unwrap_or_else(|| places.evidence.clone()), f.what)).collect())
}

fn below(places: &Places, path: &Path) -> PathBuf {
    path.strip_prefix(&places.evidence).unwrap_or(path).to_owned()
}

/// Takes over the keys of this ledger that a vault handed back.
fn adopt(around: &Surroundings, places: &Places, copy: &Places, keys: &[u8]) -> Result<u64, LedgerError> {
    let disk = &*around.disk;
    let (identity, _) = identity(disk, places, copy)?;
    let mut ring = KeyRing::load(disk, &places.keys, identity.ledger, true)?;
    ring.adopt(&handed(keys, &identity.ledger)?, &*around.entropy)
}

/// What even an empty folder needs to be locked.
fn prepare(disk: &dyn Disk, places: &Places) -> Result<(), LedgerError> {
    for folder in [&places.evidence, &places.wal(), &places.segments(), &places.log()] {
        create_folders(disk, folder, 0o755)?;
    }
    if !disk.exists(&places.lock()).map_err(io_error("look for", &places.lock()))? {
        crate::files::create(disk, &places.lock(), 0o600, b"")?;
    }
    create_folders(disk, &journal::folder(places), 0o700)
}

/// What has to change, and what cannot be mended.
fn plan(around: &Surroundings, places: &Places, copy: &Places) -> Result<(Overlay, Left), LedgerError> {
    let mut overlay = Overlay { disk: around.disk.clone(), planned: BTreeMap::new() };
    let (identity, is_new) = identity(&*around.disk, places, copy)?;
    let sides = Sides { disk: &around.disk, own: places, copy, identity: &identity };
    if is_new {
        log::check_genesis(&sides)?;
        let text = identity.encode().into_bytes();
        overlay.planned.insert(places.format(), Content::Bytes(text.into()));
    }
    let mut left = Left::new();
    let mut proven = log::prove(&sides)?;
    overlay.planned.extend(std::mem::take(&mut proven.planned));
    files::plan_segments(&mut overlay, places, copy, &proven, &mut left);
    files::plan_wal(&mut overlay, places, copy, &proven)?;
    let mut wrong = wrong_files(&overlay, places)?;
    let planned = overlay.planned.len();
    for path in wrong.keys().cloned() {
        let in_evidence = path.starts_with(&places.evidence) && !path.starts_with(places.wal());
        let needed = path == places.lock() || path == places.checkpoint() || left.contains_key(&path);
        if in_evidence && !needed && !overlay.planned.contains_key(&path) && is_file(&*around.disk, &path) {
            overlay.planned.insert(path, Content::Nothing);
        }
    }
    if overlay.planned.len() > planned {
        wrong = wrong_files(&overlay, places)?;
    }
    left.extend(wrong);
    // Opening shows the checkpoint that the write-ahead log has.
    left.remove(&places.checkpoint());
    Ok((overlay, left))
}

fn is_file(disk: &dyn Disk, path: &Path) -> bool {
    disk.metadata(path).is_ok_and(|found| found.kind == hinomi_model::EntryKind::File)
}

/// What the ledger is, and whether its format file has to say so again.
fn identity(disk: &dyn Disk, own: &Places, copy: &Places) -> Result<(Identity, bool), LedgerError> {
    let opens = |identity: &Identity| KeyRing::load(disk, &own.keys, identity.ledger, false).map(drop);
    match (load_identity(disk, own), load_identity(disk, copy)) {
        (Err(newer @ LedgerError::Newer { .. }), _) => Err(newer),
        (Ok(ours), Ok(theirs)) if ours == theirs => opens(&ours).map(|()| (ours, false)),
        // Copies in object stores may lack the file.
        (Ok(ours), Err(_)) => opens(&ours).map(|()| (ours, false)),
        (Err(ours), Err(_)) => Err(ours),
        (ours, Ok(theirs)) => match opens(&theirs) {
            Ok(()) => Ok((theirs, true)),
            Err(_) if ours.is_ok_and(|ours| opens(&ours).is_ok()) => {
                Err(LedgerError::Refused { why: "the copy is of another ledger" })
            }
            Err(error) => Err(error),
        },
    }
}

/// The published checkpoint last: it speaks of everything else.
fn in_order(plan: Overlay, places: &Places) -> Vec<(PathBuf, Content)> {
    let last = places.checkpoint();
    let (mut files, checkpoint): (Vec<_>, Vec<_>) = plan.planned.into_iter().partition(|(p, _)| *p != last);
    files.extend(checkpoint);
    files
}

/// Digests before and after, nothing changed.
fn digests(disk: &dyn Disk, path: &Path, content: &Content, entry: Repair) -> Result<Repair, LedgerError> {
    let before = digest_of(disk, path).map_or(NOTHING, |(_, digest)| digest);
    let after = match content {
        Content::Nothing => NOTHING,
        content => copied(&*content.open(disk).map_err(io_error("open", path))?, path, &mut |_, _| Ok(()))?,
    };
    Ok(Repair { before, after, ..entry })
}

/// Puts `content` in the place of a file, whose bytes are kept.
fn replace(
    disk: &dyn Disk,
    places: &Places,
    path: &Path,
    content: &Content,
    entry: Repair,
) -> Result<Repair, LedgerError> {
    let there = disk.exists(path).map_err(io_error("look for", path))?;
    let before = if there {
        let old = disk.open(path, Access::Read).map_err(io_error("open", path))?;
        write_durably(disk, &*old, &free_name(disk, places, &entry.file)?, 0o600)?
    } else {
        NOTHING
    };
    let next = temporary(path);
    let after = if matches!(content, Content::Nothing) {
        NOTHING
    } else {
        create_folders(disk, folder_of(path), 0o755)?;
        remove(disk, &next)?;
        let new = content.open(disk).map_err(io_error("open", path))?;
        write_durably(disk, &*new, &next, mode_of(places, path))?
    };
    let entry = Repair { before, after, ..entry };
    note(disk, places, Step::Begun, std::slice::from_ref(&entry))?;
    if matches!(content, Content::Nothing) {
        remove(disk, path)?;
    } else {
        disk.rename(&next, path).map_err(io_error("rename", path))?;
    }
    sync_dir(disk, folder_of(path))?;
    note(disk, places, Step::Replaced, std::slice::from_ref(&entry))?;
    Ok(entry)
}

fn mode_of(places: &Places, path: &Path) -> u32 {
    if path.starts_with(places.log()) || path == places.format() { 0o644 } else { 0o600 }
}

/// Where the bytes of a damaged file go.
fn free_name(disk: &dyn Disk, places: &Places, file: &str) -> Result<PathBuf, LedgerError> {
    let folder = journal::folder(places);
    let flat = file.replace('/', "_");
    for number in 0.. {
        let path = folder.join(format!("{flat}.{number}"));
        if !disk.exists(&path).map_err(io_error("look for", &path))? {
            return Ok(path);
        }
    }
    Err(LedgerError::Missing { what: "free name for", name: flat })
}

/// Writes what a file holds into a new one, durably, and gives its digest.
fn write_durably(
    disk: &dyn Disk,
    from: &dyn hinomi_model::DiskFile,
    to: &Path,
    mode: u32,
) -> Result<[u8; 32], LedgerError> {
    let file = disk.open(to, Access::CreateNew { mode }).map_err(io_error("create", to))?;
    let digest = copied(from, to, &mut |bytes, at| {
        file.write_all_at(&[IoSlice::new(bytes)], at).map_err(io_error("write", to))
    })?;
    file.sync_data().map_err(io_error("sync", to))?;
    sync_dir(disk, folder_of(to))?;
    Ok(digest)
}

/// What takes bytes and where they stand.
type Take<'a> = dyn FnMut(&[u8], u64) -> Result<(), LedgerError> + 'a;

/// Hands every part of a file on and gives the digest of all.
fn copied(
    from: &dyn hinomi_model::DiskFile,
    path: &Path,
    take: &mut Take<'_>,
) -> Result<[u8; 32], LedgerError> {
    let len = from.len().map_err(io_error("measure the new content of", path))?;
    let mut hash = Hashing::default();
    let mut buffer = vec![0; STEP as usize];
    let mut at = 0;
    while at < len {
        let n = (len - at).min(STEP) as usize;
        let part = buffer.get_mut(..n).unwrap_or_default();
        from.read_exact_at(part, at).map_err(io_error("read the new content of", path))?;
        hash.update(part);
        take(part, at)?;
        at += n as u64;
    }
    Ok(*hash.finish().as_bytes())
}
