//! The files that hold records: every frame against the leaves, every segment against its digest.
//!
//! # Invariants
//! - No leaf is looked at more than once per file that may hold it, whatever a file or leaf claims: ranges end where the
//!   log ends, and two segments never cover the same leaf.

use std::collections::BTreeSet;
use std::path::Path;

use super::Context;
use super::blocks::{Batch, Expectations, Expected, take_frame};
use super::files::Files;
use super::log::{Log, block_at};
use crate::LedgerError;
use crate::frame::FrameKind;
use crate::scan::{Buffered, Found, Scan, digest_of};
use crate::seal::RecordsHeader;
use crate::segment::{SegmentFile, segment_path};
use crate::wal::wal_path;

/// Compares segments and write-ahead files with the leaves.
pub(crate) fn check(context: &mut Context<'_>, log: &Log, files: &Files) {
    let size = log.leaves;
    let mut covered: Vec<(u64, u64)> = Vec::new();
    let mut behind = 0;
    for (number, (leaf, sealed)) in &log.segments {
        let path = segment_path(&context.places.segments(), *number);
        if sealed.first_leaf < behind {
            context.find_in(path.clone(), None, "it claims leaves of the segment before it");
        }
        let range = (sealed.first_leaf.max(behind).min(size), sealed.end_leaf.min(size));
        behind = behind.max(range.1);
        covered.push(range);
        if !context.segments {
            continue;
        }
        match digest_of(&*context.disk, &path) {
            Ok((len, sha256)) => {
                context.advance(len);
                if (len, sha256) != (sealed.len, sealed.sha256) {
                    let what = format!("the segment is not the one that leaf {leaf} names");
                    context.find_in(path.clone(), None, what);
                }
            }
            Err(error) => {
                let what = format!(
                    "a segment with {} records (leaves {}..{}) cannot be read: {error}",
                    sealed.records, sealed.first_leaf, sealed.end_leaf
                );
                context.find_in(path, None, what);
                continue;
            }
        }
        if let Err(error) = check_segment(context, log, files, &path, *number, range) {
            context.find_error(path, &error);
        }
    }
    let mut packed = covered.clone();
    packed.extend(check_unnamed(context, log, files));
    for number in &files.numbers {
        let Some((first, end)) = leaves_of(files, *number, size) else { continue };
        covered.push((first, end));
        let path = wal_path(&context.places.wal(), *number);
        if let Err(error) = check_wal(context, log, files, &path, *number, (first, end.min(size)), &packed) {
            context.find_error(path, &error);
        }
    }
    check_coverage(context, files, covered, size);
}

/// The leaves whose records are in a write-ahead file.
fn leaves_of(files: &Files, number: u64, size: u64) -> Option<(u64, u64)> {
    let first = files.openings.get(&number)?.state.size();
    Some((first, files.openings.get(&(number + 1)).map_or(size, |next| next.state.size())))
}

/// Segments that no leaf names: the writer packed a file, and ended or is just before it says so. The write-ahead file holds
/// the same, but whoever reads takes the segment. Returns the leaves that sound ones hold.
fn check_unnamed(context: &mut Context<'_>, log: &Log, files: &Files) -> Vec<(u64, u64)> {
    let mut sound = Vec::new();
    for number in &files.numbers {
        let path = segment_path(&context.places.segments(), *number);
        if log.segments.contains_key(number) || !context.disk.exists(&path).unwrap_or(false) {
            continue;
        }
        let Some((first, end)) = leaves_of(files, *number, log.leaves) else { continue };
        let range = (first, end.min(log.leaves));
        match check_segment(context, log, files, &path, *number, range) {
            Ok(()) => sound.push(range),
            Err(error) => context.find_error(path, &error),
        }
    }
    sound
}

/// Every leaf belongs to a file.
fn check_coverage(context: &mut Context<'_>, files: &Files, mut covered: Vec<(u64, u64)>, size: u64) {
    covered.sort_unstable();
    let mut at = 0;
    for (first, end) in covered.into_iter().chain([(size, u64::MAX)]) {
        for leaf in at..first.min(size) {
            if let Ok(Some(block)) = block_at(context, files, leaf) {
                let lost = Expected::new(block);
                context.find(lost.finding(leaf, None, "no file holds the records of this block"));
            }
        }
        at = at.max(end);
    }
}

fn check_segment(
    context: &mut Context<'_>,
    log: &Log,
    files: &Files,
    path: &Path,
    number: u64,
    range: (u64, u64),
) -> Result<(), LedgerError> {
    let segment = SegmentFile::open(&*context.disk, path, number, &context.identity.ledger)?;
    if (segment.opening.first_leaf, segment.opening.end_leaf) != range {
        context.find_in(path.to_owned(), Some(0), "it claims other leaves than the log says");
    }
    let mut expectations = Expectations::new(context, files, path, range);
    let mut batch = Batch::default();
    for indexed in &segment.frames {
        let frame = match segment.read(&*context.disk, indexed) {
            Ok(frame) => frame,
            Err(error) => {
                context.find_error(path.to_owned(), &error);
                continue;
            }
        };
        context.advance(indexed.place.len);
        let header = RecordsHeader::decode(frame.header());
        let same = header.is_ok_and(|header| {
            let parts =
                header.parts.iter().map(|p| (expectations.leaf_of.get(&p.block).copied(), p.first, p.count));
            parts.eq(indexed.parts.iter().map(|p| (Some(p.leaf), p.first, p.count)))
        });
        if !same {
            context.find_in(path.to_owned(), Some(indexed.place.offset), "the index points at other records");
        }
        take_frame(context, &mut expectations, &mut batch, indexed.place.offset, frame);
    }
    batch.run(context, &mut expectations);
    expectations.finish(context, log, &mut BTreeSet::new());
    Ok(())
}

fn check_wal(
    context: &mut Context<'_>,
    log: &Log,
    files: &Files,
    path: &Path,
    number: u64,
    range: (u64, u64),
    packed: &[(u64, u64)],
) -> Result<(), LedgerError> {
    let mut expectations = Expectations::new(context, files, path, range);
    let mut scan = Scan::new(Buffered::open(&*context.disk, path)?, number);
    let mut batch = Batch::default();
    let mut uncommitted = 0;
    // What is not sound has been reported by the first walk.
    while let Found::Frame(place, frame) = scan.next(None)? {
        if frame.prelude.kind != FrameKind::Records {
            continue;
        }
        context.advance(place.len);
        let header = RecordsHeader::decode(frame.header());
        let of_log = header
            .as_ref()
            .is_ok_and(|h| h.parts.iter().any(|p| expectations.leaf_of.contains_key(&p.block)));
        if let (Ok(header), false) = (&header, of_log)
            && files.numbers.last() == Some(&number)
        {
            uncommitted += header.count();
            continue;
        }
        take_frame(context, &mut expectations, &mut batch, place.offset, frame);
    }
    batch.run(context, &mut expectations);
    if uncommitted > 0 {
        context.out.remarks.push(format!("{uncommitted} records wait for their checkpoint"));
    }
    let mut seen: BTreeSet<u64> = BTreeSet::new();
    // Blocks that a segment holds as well were counted with it.
    for &(first, end) in packed {
        seen.extend(expectations.blocks.range(first..end.max(first)).map(|(l, _)| *l));
    }
    expectations.finish(context, log, &mut seen);
    Ok(())
}
