//! The write-ahead files: sound frames in order, and what they hold besides records, which must be what the log says.

use std::collections::BTreeMap;
use std::path::Path;

use hinomi_model::Disk;

use super::Context;
use super::log::Log;
use crate::LedgerError;
use crate::checkpoint::Checkpoint;
use crate::files::numbered;
use crate::frame::{Frame, FrameKind};
use crate::note::Note;
use crate::reader::leaves_of;
use crate::scan::{Buffered, Found, Scan};
use crate::wal::{Opening, Place, wal_path};

/// What the write-ahead files hold besides records.
#[derive(Default)]
pub(crate) struct Files {
    /// Per file, the state of the log that it begins with.
    pub openings: BTreeMap<u64, Opening>,
    /// Leaves that are still in write-ahead files.
    pub leaves: BTreeMap<u64, Vec<u8>>,
    /// Where each of those leaves stands.
    pub leaf_places: BTreeMap<u64, Place>,
    /// Signed checkpoints.
    pub checkpoints: Vec<(Place, Checkpoint)>,
    /// All write-ahead files that were there.
    pub numbers: Vec<u64>,
}

impl Files {
    /// Sizes of the log at which its root is needed.
    pub(crate) fn sizes(&self) -> impl Iterator<Item = u64> {
        let openings = self.openings.values().map(|o| o.state.size());
        openings.chain(self.checkpoints.iter().map(|(_, c)| c.size))
    }

    pub(crate) fn begins_at(&self, size: u64) -> bool {
        self.openings.values().any(|o| o.state.size() == size)
    }
}

/// Bytes of all files that will be read.
pub(crate) fn stored_bytes(disk: &dyn Disk, places: &crate::Places) -> u64 {
    let mut total = 0;
    for (folder, ending, times) in [(places.wal(), ".wal", 2), (places.segments(), ".seg", 2)] {
        for number in numbered(disk, &folder, ending).unwrap_or_default() {
            let path = crate::files::numbered_path(&folder, number, ending);
            total += times * disk.metadata(&path).map_or(0, |m| m.len);
        }
    }
    total
}

/// Walks the write-ahead files: their frames must be sound and in order.
pub(crate) fn prescan(context: &mut Context<'_>) -> Files {
    let folder = context.places.wal();
    let numbers = match numbered(&*context.disk, &folder, ".wal") {
        Ok(numbers) => numbers,
        Err(error) => {
            context.find_error(folder.clone(), &error);
            Vec::new()
        }
    };
    let mut files = Files { numbers, ..Files::default() };
    if files.numbers.is_empty() {
        context.find_in(folder.clone(), None, "there is no write-ahead file");
    }
    let mut next_frame = None;
    for number in files.numbers.clone() {
        let before = number.checked_sub(1).filter(|b| !files.numbers.contains(b) && next_frame.is_some());
        if let Some(missing) = before {
            context.find_in(wal_path(&folder, missing), None, "a write-ahead file is missing");
            next_frame = None;
        }
        let newest = files.numbers.last() == Some(&number);
        let path = wal_path(&folder, number);
        if let Err(error) = prescan_file(context, &mut files, &path, number, newest, &mut next_frame) {
            match error {
                // Packed meanwhile, or removed: the leaves tell which.
                LedgerError::Io { ref source, .. } if source.kind() == std::io::ErrorKind::NotFound => {}
                error => context.find_error(path, &error),
            }
        }
    }
    files
}

fn prescan_file(
    context: &mut Context<'_>,
    files: &mut Files,
    path: &Path,
    number: u64,
    newest: bool,
    next_frame: &mut Option<u64>,
) -> Result<(), LedgerError> {
    let mut scan = Scan::new(Buffered::open(&*context.disk, path)?, number);
    let mut sealed = false;
    loop {
        let at = scan.at();
        match scan.next(*next_frame)? {
            Found::Frame(place, frame) => {
                if sealed {
                    context.find_in(path.to_owned(), Some(at), "frames stand behind the seal");
                }
                *next_frame = Some(frame.prelude.number + 1);
                sealed = frame.prelude.kind == FrameKind::Seal;
                note_frame(context, files, path, place, &frame);
            }
            Found::End | Found::Unused => {
                if !sealed && !newest {
                    context.find_in(
                        path.to_owned(),
                        Some(at),
                        "the file ends without a seal: its end is missing",
                    );
                }
                break;
            }
            Found::Bad(what) => {
                let expected = next_frame.unwrap_or(0);
                if !newest || sealed || at == 0 || scan.was_durable(expected)? {
                    context.find_in(path.to_owned(), Some(at), what);
                } else {
                    let rest = scan.source.len() - at;
                    let remark = format!(
                        "{}: {rest} bytes at the end were never acknowledged (a crash, or a write going on)",
                        path.display()
                    );
                    context.out.remarks.push(remark);
                }
                *next_frame = None;
                break;
            }
        }
    }
    context.advance(scan.at());
    Ok(())
}

fn note_frame(context: &mut Context<'_>, files: &mut Files, path: &Path, place: Place, frame: &Frame) {
    let outcome = match frame.prelude.kind {
        FrameKind::Open => {
            Opening::decode(frame.header(), frame.body(), &context.identity.ledger).map(|opening| {
                if place.offset == 0 {
                    files.openings.insert(place.file, opening);
                } else {
                    context.find_in(
                        path.to_owned(),
                        Some(place.offset),
                        "a first frame stands behind others",
                    );
                }
            })
        }
        FrameKind::Leaves => leaves_of(frame).map(|(first, leaves)| {
            for (leaf, bytes) in (first..).zip(leaves) {
                files.leaf_places.insert(leaf, place);
                files.leaves.insert(leaf, bytes);
            }
        }),
        FrameKind::Checkpoint => Note::parse(frame.body())
            .and_then(|note| note.unverified_text().parse())
            .map(|checkpoint| files.checkpoints.push((place, checkpoint))),
        FrameKind::Index => {
            Err(LedgerError::Malformed { kind: "frame", what: "a frame of a segment stands here" })
        }
        FrameKind::Records | FrameKind::Seal => Ok(()),
    };
    if let Err(error) = outcome {
        context.find_in(path.to_owned(), Some(place.offset), error.to_string());
    }
}

/// The leaves, states and checkpoints in write-ahead files are those of the log.
pub(crate) fn check_replayed(context: &mut Context<'_>, log: &Log, files: &Files) {
    let folder = context.places.wal();
    for (number, opening) in &files.openings {
        let size = opening.state.size();
        if size > context.published.size() {
            continue;
        }
        let same_root = log.roots.get(&size).copied().flatten() == Some(opening.state.root());
        let same_sources =
            log.sources_at.get(&size).is_some_and(|sources| opening.state.has_sources(sources));
        if !same_root || !same_sources {
            let what = "the state of the log that it begins with is not that of the leaves";
            context.find_in(wal_path(&folder, *number), Some(0), what);
        }
    }
    for (place, checkpoint) in &files.checkpoints {
        let known = log.roots.get(&checkpoint.size).copied().flatten();
        if checkpoint.size <= context.published.size() && known != Some(checkpoint.root) {
            let what = "a checkpoint was signed for other leaves: the history was rewritten";
            context.find_in(wal_path(&folder, place.file), Some(place.offset), what);
        }
    }
    for (leaf, bytes) in files.leaves.range(..context.published.size()) {
        if context.published.leaf_bytes(*leaf).is_ok_and(|published| published != *bytes) {
            let place = files.leaf_places.get(leaf);
            let what = format!("leaf {leaf} differs between the write-ahead log and the published log");
            context.find_in(wal_path(&folder, place.map_or(0, |p| p.file)), place.map(|p| p.offset), what);
        }
    }
}

/// A checkpoint that is older than one in the write-ahead log was put back.
pub(crate) fn check_checkpoint_is_newest(context: &mut Context<'_>, files: &Files) {
    let newest = files.checkpoints.iter().map(|(_, c)| c.size).max().unwrap_or(0);
    let begins = files.openings.values().map(|o| o.state.size()).max().unwrap_or(0);
    if newest < context.published.size() && begins < context.published.size() {
        let path = wal_path(&context.places.wal(), files.numbers.last().copied().unwrap_or(0));
        let what = "the file ends before the checkpoint that was published from it: its end is missing";
        return context.find_in(path, None, what);
    }
    if newest <= context.published.size() {
        return;
    }
    // A writer may have published since.
    let path = context.places.checkpoint();
    let now = context.disk.read(&path, 1 << 20).ok();
    let now =
        now.and_then(|b| Note::parse(&b).ok()).and_then(|n| n.unverified_text().parse::<Checkpoint>().ok());
    if now.is_none_or(|now| now.size < newest) {
        let what =
            format!("an older checkpoint was put back: the write-ahead log has one of {newest} leaves");
        context.find_in(path, None, what);
    }
}
