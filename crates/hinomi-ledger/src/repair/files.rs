//! Segments and write-ahead files: which of them are damaged, and what of the copy would mend them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use hinomi_model::Disk;

use super::log::Proven;
use super::overlay::{Content, Overlay};
use crate::LedgerError;
use crate::files::numbered;
use crate::frame::FrameKind;
use crate::options::Places;
use crate::scan::{Buffered, Found, Scan, digest_of};
use crate::segment::segment_path;
use crate::verify::{Finding, VerifyOptions, verify_without_segments};
use crate::wal::wal_path;

const STEP: usize = 1 << 18;

/// Files for which nothing better was found, and why.
pub(super) type Left = BTreeMap<PathBuf, String>;

/// Plans every segment whose bytes are not the signed ones, from a copy whose bytes are.
pub(super) fn plan_segments(
    overlay: &mut Overlay,
    own: &Places,
    copy: &Places,
    proven: &Proven,
    left: &mut Left,
) {
    let disk = overlay.disk.clone();
    for (number, (leaf, sealed)) in &proven.segments {
        let is =
            |path: &Path| digest_of(&*disk, path).is_ok_and(|found| found == (sealed.len, sealed.sha256));
        let ours = segment_path(&own.segments(), *number);
        let theirs = segment_path(&copy.segments(), *number);
        if is(&ours) {
            continue;
        }
        if is(&theirs) {
            overlay.planned.insert(ours, Content::File(theirs));
        } else {
            let what = format!("neither it nor the copy's is the segment that leaf {leaf} names");
            left.insert(ours, what);
        }
    }
}

/// Plans write-ahead files of the copy for those that do not fit, as far as the ledger fits better with them.
pub(super) fn plan_wal(
    overlay: &mut Overlay,
    own: &Places,
    copy: &Places,
    proven: &Proven,
) -> Result<(), LedgerError> {
    let before = Wrong::find(overlay, own)?;
    let packed = |number: &u64| {
        let path = segment_path(&own.segments(), *number);
        proven.segments.contains_key(number) && overlay.exists(&path).unwrap_or(false)
    };
    let disk = overlay.disk.clone();
    let ours: BTreeSet<u64> = numbered(&*disk, &own.wal(), ".wal").unwrap_or_default().into_iter().collect();
    let theirs: BTreeSet<u64> =
        numbered(&*disk, &copy.wal(), ".wal").unwrap_or_default().into_iter().collect();
    let needed: Vec<u64> = ours.union(&theirs).copied().filter(|n| !packed(n)).collect();
    let mut offered = Vec::new();
    for number in needed.iter().filter(|n| theirs.contains(n)) {
        let (mine, other) = (wal_path(&own.wal(), *number), wal_path(&copy.wal(), *number));
        let wrong = before.files.contains(&mine) || !ours.contains(number);
        if wrong && let Some(content) = better(&*disk, *number, (&mine, &other), proven)? {
            offered.push((mine, content));
        }
    }
    // What sound segments hold is in the way where it is damaged, or where it leaves a gap in the numbers.
    let first = needed.first().copied().unwrap_or(u64::MAX);
    let spare: Vec<u64> = ours.iter().copied().filter(|n| packed(n) && *n < first).collect();
    let gap = spare.last().is_some_and(|last| last + 1 != first);
    let worst = spare.iter().rfind(|n| gap || before.files.contains(&wal_path(&own.wal(), **n)));
    let in_the_way = spare.iter().filter(|n| worst.is_some_and(|worst| *n <= worst));
    offered.extend(in_the_way.map(|n| (wal_path(&own.wal(), *n), Content::Nothing)));
    take_what_helps(overlay, own, offered, &before)
}

/// All that is offered, if nothing is wrong then; else what helps by itself, in order.
fn take_what_helps(
    overlay: &mut Overlay,
    own: &Places,
    offered: Vec<(PathBuf, Content)>,
    before: &Wrong,
) -> Result<(), LedgerError> {
    if offered.is_empty() {
        return Ok(());
    }
    let mut all = overlay.clone();
    all.planned.extend(offered.iter().cloned());
    if Wrong::find(&all, own)?.count == 0 {
        *overlay = all;
        return Ok(());
    }
    let mut count = before.count;
    for (path, content) in offered {
        let mut with = overlay.clone();
        with.planned.insert(path.clone(), content);
        let now = Wrong::find(&with, own)?;
        if now.count < count && !now.files.contains(&path) {
            count = now.count;
            *overlay = with;
        }
    }
    Ok(())
}

/// What is wrong with the write-ahead log.
struct Wrong {
    files: BTreeSet<PathBuf>,
    count: usize,
}

impl Wrong {
    fn find(overlay: &Overlay, own: &Places) -> Result<Self, LedgerError> {
        let findings = findings(overlay, own)?;
        let folder = own.wal();
        let of_wal = |f: &&Finding| match &f.path {
            Some(path) => path.starts_with(&folder),
            // Records that no file holds.
            None => f.concerns.is_some(),
        };
        let found: Vec<&Finding> = findings.iter().filter(of_wal).collect();
        Ok(Self { files: found.iter().filter_map(|f| f.path.clone()).collect(), count: found.len() })
    }
}

/// What verification would say of the planned ledger, segments taken as they are.
pub(super) fn findings(overlay: &Overlay, own: &Places) -> Result<Vec<Finding>, LedgerError> {
    let disk = std::sync::Arc::new(overlay.clone());
    Ok(verify_without_segments(disk, own, &VerifyOptions::default())?.findings)
}

/// What of the copy could stand in the place of a write-ahead file; nothing when the copy has no more than it.
fn better(
    disk: &dyn Disk,
    number: u64,
    (mine, other): (&Path, &Path),
    proven: &Proven,
) -> Result<Option<Content>, LedgerError> {
    let whole = Content::File(other.to_owned());
    let (Ok(mut ours), Ok(mut theirs)) = (Buffered::open(disk, mine), Buffered::open(disk, other)) else {
        return Ok(Some(whole));
    };
    let parting = first_difference(&mut ours, &mut theirs)?;
    let (own_len, copy_len) = (ours.len(), theirs.len());
    if proven.size > proven.own_size && parting < copy_len && sound_until(number, ours)? > parting {
        let why = "this ledger and the copy hold different records after the last checkpoint that both know";
        return Err(LedgerError::Refused { why });
    }
    let sealed = is_sealed(number, theirs)?;
    if parting == copy_len && (own_len == copy_len || !sealed) {
        return Ok(None);
    }
    let joined = Content::Joined { head: other.to_owned(), tail: mine.to_owned() };
    Ok(Some(if sealed || own_len <= copy_len { whole } else { joined }))
}

/// Where two files begin to differ, or the shorter one ends.
fn first_difference(a: &mut Buffered, b: &mut Buffered) -> Result<u64, LedgerError> {
    let end = a.len().min(b.len());
    let mut at = 0;
    while at < end {
        let step = STEP.min(usize::try_from(end - at).unwrap_or(STEP));
        let (one, two) = (a.read(at, step)?.unwrap_or_default(), b.read(at, step)?.unwrap_or_default());
        if let Some(n) = one.iter().zip(&two).position(|(x, y)| x != y) {
            return Ok(at + n as u64);
        }
        at += step as u64;
    }
    Ok(end)
}

fn sound_until(number: u64, file: Buffered) -> Result<u64, LedgerError> {
    let mut scan = Scan::new(file, number);
    while let Found::Frame(..) = scan.next(None)? {}
    Ok(scan.at())
}

fn is_sealed(number: u64, file: Buffered) -> Result<bool, LedgerError> {
    let mut scan = Scan::new(file, number);
    let mut sealed = false;
    while let Found::Frame(_, frame) = scan.next(None)? {
        sealed = frame.prelude.kind == FrameKind::Seal;
    }
    Ok(sealed)
}
