//! The files that hold records: every frame against the leaves, every segment against its digest, and no file too many.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hinomi_model::{Disk, EntryKind};

use super::log::{Log, block_at};
use super::{Context, Finding, date, in_parallel};
use crate::LedgerError;
use crate::checkpoint::Checkpoint;
use crate::data_key::DataKey;
use crate::files::numbered;
use crate::frame::{Frame, FrameKind};
use crate::leaf::{Block, BlockId, DataKeyId};
use crate::note::Note;
use crate::reader::leaves_of;
use crate::scan::{Buffered, Found, Scan, digest_of};
use crate::seal::{Part, RecordsHeader, unpack};
use crate::segment::{SegmentFile, segment_path};
use crate::tlog::{Frontier, Hash, Tile, TileKind};
use crate::wal::{Opening, Place, wal_path};

/// Frames opened at once.
const BATCH: usize = 8;
const BATCH_BYTES: u64 = 16 << 20;

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

/// Compares segments and write-ahead files with the leaves.
pub(crate) fn check(context: &mut Context<'_>, log: &Log, files: &Files) {
    check_replayed(context, log, files);
    let mut covered: Vec<(u64, u64)> = Vec::new();
    for (number, (leaf, sealed)) in &log.segments {
        let path = segment_path(&context.places.segments(), *number);
        covered.push((sealed.first_leaf, sealed.end_leaf));
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
        if let Err(error) =
            check_segment(context, log, files, &path, *number, (sealed.first_leaf, sealed.end_leaf))
        {
            context.find_error(path, &error);
        }
    }
    let size = context.published.size();
    for number in &files.numbers {
        let Some(opening) = files.openings.get(number) else { continue };
        let first = opening.state.size();
        let end = files.openings.get(&(number + 1)).map_or(size, |next| next.state.size());
        covered.push((first, end));
        let path = wal_path(&context.places.wal(), *number);
        if let Err(error) = check_wal(context, log, files, &path, *number, (first, end.min(size))) {
            context.find_error(path, &error);
        }
    }
    check_coverage(context, files, covered);
}

/// The leaves, states and checkpoints in write-ahead files are those of the log.
fn check_replayed(context: &mut Context<'_>, log: &Log, files: &Files) {
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

/// Every leaf belongs to a file.
fn check_coverage(context: &mut Context<'_>, files: &Files, mut covered: Vec<(u64, u64)>) {
    covered.sort_unstable();
    let mut at = 0;
    for (first, end) in covered.into_iter().chain([(context.published.size(), u64::MAX)]) {
        for leaf in at..first.min(context.published.size()) {
            if let Ok(Some(block)) = block_at(context, files, leaf) {
                let lost = Expected::new(block);
                context.find(lost.finding(leaf, None, "no file holds the records of this block"));
            }
        }
        at = at.max(end);
    }
}

/// A block whose frames are being met.
struct Expected {
    block: Block,
    met: u32,
    tree: Frontier,
    times: (u64, u64),
    bytes: u64,
    opened: bool,
    wrong: bool,
}

impl Expected {
    fn new(block: Block) -> Self {
        Self {
            block,
            met: 0,
            tree: Frontier::default(),
            times: (u64::MAX, 0),
            bytes: 0,
            opened: true,
            wrong: false,
        }
    }

    fn finding(&self, leaf: u64, path: Option<PathBuf>, what: &str) -> Finding {
        let Block { scope, first_ns, last_ns, count, .. } = &self.block;
        let what = format!(
            "{what}: {count} records of {} received from {} to {}",
            scope.source,
            date(*first_ns),
            date(*last_ns)
        );
        Finding {
            path,
            offset: None,
            leaf: Some(leaf),
            concerns: Some((scope.source.clone(), *first_ns, *last_ns)),
            what,
        }
    }
}

/// The blocks of one file.
struct Expectations {
    blocks: BTreeMap<u64, Expected>,
    leaf_of: BTreeMap<BlockId, u64>,
    path: PathBuf,
}

impl Expectations {
    fn new(context: &mut Context<'_>, files: &Files, path: &Path, (first, end): (u64, u64)) -> Self {
        let mut out = Self { blocks: BTreeMap::new(), leaf_of: BTreeMap::new(), path: path.to_owned() };
        for leaf in first..end {
            // Leaves that cannot be read have been reported.
            let Ok(Some(block)) = block_at(context, files, leaf) else { continue };
            if out.leaf_of.insert(block.block, leaf).is_some() {
                context.find_leaf(leaf, "two blocks have the same number");
            }
            out.blocks.insert(leaf, Expected::new(block));
        }
        out
    }

    /// Whether a frame fits; opens nothing.
    fn meet(&mut self, context: &mut Context<'_>, offset: u64, header: &RecordsHeader) -> bool {
        let mut wanted = false;
        for part in &header.parts {
            let Some((leaf, expected)) =
                self.leaf_of.get(&part.block).and_then(|l| Some((*l, self.blocks.get_mut(l)?)))
            else {
                context.find_in(self.path.clone(), Some(offset), "a frame holds records of no leaf");
                continue;
            };
            if expected.block.key != header.key || expected.met != part.first {
                expected.wrong = true;
                context.find_in(self.path.clone(), Some(offset), "a frame does not continue its block");
            }
            expected.met = expected.met.saturating_add(part.count);
            let in_range = context.options.leaves.as_ref().is_none_or(|range| range.contains(&leaf));
            wanted |= in_range;
        }
        wanted
    }

    fn add(&mut self, part: &Part, opened: &OpenedPart) {
        let Some(expected) = self.leaf_of.get(&part.block).and_then(|leaf| self.blocks.get_mut(leaf)) else {
            return;
        };
        opened.hashes.iter().for_each(|hash| expected.tree.push(*hash));
        expected.times = (expected.times.0.min(opened.times.0), expected.times.1.max(opened.times.1));
        expected.bytes += opened.bytes;
    }

    fn unopened(&mut self, header: &RecordsHeader) {
        for part in &header.parts {
            if let Some(expected) = self.leaf_of.get(&part.block).and_then(|leaf| self.blocks.get_mut(leaf)) {
                expected.opened = false;
            }
        }
    }

    fn finish(self, context: &mut Context<'_>, log: &Log, seen: &mut BTreeSet<u64>) {
        for (leaf, expected) in &self.blocks {
            let erased = log.keys.get(&expected.block.key).is_some_and(|k| k.tombstone.is_some());
            let path = Some(self.path.clone());
            if expected.met != expected.block.count {
                let what = format!(
                    "{} of its records are missing",
                    expected.block.count.saturating_sub(expected.met)
                );
                context.find(expected.finding(*leaf, path, &what));
            } else if expected.wrong {
                context.find(expected.finding(*leaf, path, "its frames are out of order"));
            } else if expected.opened {
                let same = expected.tree.root().as_bytes() == &expected.block.root
                    && expected.times == (expected.block.first_ns, expected.block.last_ns)
                    && expected.bytes == expected.block.bytes;
                if !same {
                    context.find(expected.finding(*leaf, path, "its records were changed"));
                } else if seen.insert(*leaf) {
                    context.out.blocks += 1;
                    context.out.records += u64::from(expected.block.count);
                    context.out.bytes += expected.block.bytes;
                }
            } else if erased {
                context.out.erased_blocks += u64::from(seen.insert(*leaf));
            } else {
                context.out.unopened_blocks += u64::from(seen.insert(*leaf));
            }
        }
    }
}

struct OpenedPart {
    hashes: Vec<Hash>,
    times: (u64, u64),
    bytes: u64,
}

/// Frames that wait to be opened together.
#[derive(Default)]
struct Batch {
    frames: Vec<(u64, RecordsHeader, Frame, Arc<DataKey>)>,
    bytes: u64,
}

impl Batch {
    fn run(&mut self, context: &mut Context<'_>, expectations: &mut Expectations) {
        let frames = std::mem::take(&mut self.frames);
        self.bytes = 0;
        let opened = in_parallel(context.options.threads, &frames, |(_, header, frame, secret)| {
            open_parts(header, frame, secret)
        });
        for ((offset, header, _, _), parts) in frames.iter().zip(opened) {
            match parts {
                Ok(parts) => {
                    header.parts.iter().zip(&parts).for_each(|(part, opened)| expectations.add(part, opened));
                }
                Err(error) => context.find_in(expectations.path.clone(), Some(*offset), error.to_string()),
            }
        }
    }
}

fn open_parts(
    header: &RecordsHeader,
    frame: &Frame,
    secret: &DataKey,
) -> Result<Vec<OpenedPart>, LedgerError> {
    let records = unpack(secret, header, frame)?;
    let mut rest = records.as_slice();
    let mut out = Vec::new();
    for part in &header.parts {
        let (of_part, after) = rest.split_at_checked(part.count as usize).unwrap_or((rest, &[]));
        rest = after;
        out.push(OpenedPart {
            hashes: secret.record_hashes(part.block, part.first, of_part),
            times: (
                of_part.iter().map(|r| r.received_ns).min().unwrap_or(u64::MAX),
                of_part.iter().map(|r| r.received_ns).max().unwrap_or(0),
            ),
            bytes: of_part.iter().map(|r| r.bytes.len() as u64).sum(),
        });
    }
    Ok(out)
}

/// Takes in one frame of records.
fn take_frame(
    context: &mut Context<'_>,
    expectations: &mut Expectations,
    batch: &mut Batch,
    offset: u64,
    frame: Frame,
) {
    let header = match RecordsHeader::decode(frame.header()) {
        Ok(header) => header,
        Err(error) => return context.find_in(expectations.path.clone(), Some(offset), error.to_string()),
    };
    let wanted = expectations.meet(context, offset, &header);
    match key_of(context, header.key).filter(|_| wanted) {
        Some(secret) => {
            batch.bytes += u64::from(header.plain_len);
            batch.frames.push((offset, header, frame, secret));
            if batch.frames.len() >= BATCH && batch.bytes >= BATCH_BYTES || batch.frames.len() >= 64 * BATCH {
                batch.run(context, expectations);
            }
        }
        None => expectations.unopened(&header),
    }
}

/// A key, if the ring has it and it opens; why not has been reported.
fn key_of(context: &mut Context<'_>, key: DataKeyId) -> Option<Arc<DataKey>> {
    context.ring.as_mut().and_then(|ring| ring.data_key(key).ok().flatten())
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
    for (_, sealed) in log.segments.values() {
        seen.extend(
            expectations
                .blocks
                .range(sealed.first_leaf..sealed.end_leaf.max(sealed.first_leaf))
                .map(|(l, _)| *l),
        );
    }
    expectations.finish(context, log, &mut seen);
    Ok(())
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

/// Files that do not belong here, and partial tiles of earlier checkpoints.
pub(crate) fn check_stray_files(context: &mut Context<'_>, log: &Log) {
    let places = context.places;
    let evidence = places.evidence.clone();
    walk(context, &evidence, &mut |context, path| {
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
        let parent = path.parent().unwrap_or(Path::new(""));
        let number = |ending: &str| {
            name.strip_suffix(ending).filter(|n| n.len() == 16).and_then(|n| n.parse::<u64>().ok())
        };
        let known = if parent == places.evidence {
            matches!(name.as_str(), "format" | "lock")
        } else if parent == places.wal() {
            number(".wal").is_some()
        } else if parent == places.segments() {
            // A segment whose leaf is about to come has its write-ahead file still.
            number(".seg").or_else(|| number(".seg.new")).is_some_and(|n| {
                log.segments.contains_key(&n)
                    || context.disk.exists(&wal_path(&places.wal(), n)).unwrap_or(false)
            })
        } else if path.starts_with(places.log()) {
            *path == places.checkpoint()
                || *path == crate::files::temporary(&places.checkpoint())
                || is_sound_tile(context, path)
        } else {
            false
        };
        if !known {
            context.find_in(path.clone(), None, "it does not belong here");
        } else if name == "lock" && context.disk.metadata(path).is_ok_and(|m| m.len > 0) {
            context.find_in(path.clone(), None, "the lock file is not empty");
        }
    });
    if context.options.with_keys {
        let keys = places.keys.clone();
        walk(context, &keys, &mut |context, path| {
            let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
            let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
            if name != "signer" && ending != "kek" && ending != "ring" {
                context.find_in(path.clone(), None, "it does not belong here");
            }
        });
    }
}

/// Whether a file is a tile of the log; a partial one must be the beginning of what the log has in its place now.
fn is_sound_tile(context: &mut Context<'_>, path: &Path) -> bool {
    let log = context.places.log();
    let Some(tile) = path.strip_prefix(&log).ok().and_then(Path::to_str).and_then(Tile::parse) else {
        return false;
    };
    let Some(now) = Tile::in_tree(tile.kind, tile.index, context.published.size()) else {
        // Ahead of the checkpoint: a writer is about to publish, or did since.
        return true;
    };
    if tile.width >= now.width {
        return true;
    }
    let (Ok(bytes), Ok(whole)) =
        (context.disk.read(path, 1 << 25), context.disk.read(&log.join(now.path()), 1 << 25))
    else {
        return true;
    };
    let expected = match tile.kind {
        TileKind::Hashes(_) => whole.get(..usize::from(tile.width) * 32).map(<[u8]>::to_vec),
        TileKind::Entries => crate::leaves::cut_bundle(&whole, tile.width)
            .and_then(|leaves| crate::tlog::encode_entries(leaves.iter().map(Vec::as_slice)))
            .ok(),
    };
    if expected.is_some_and(|expected| expected != bytes) {
        context.find_in(path.to_owned(), None, "a partial tile is not the beginning of the present one");
    }
    true
}

fn walk(context: &mut Context<'_>, folder: &Path, visit: &mut dyn FnMut(&mut Context<'_>, &PathBuf)) {
    let Ok(entries) = context.disk.list(folder) else { return };
    for entry in entries {
        let path = folder.join(&entry.name);
        match entry.kind {
            EntryKind::Folder => walk(context, &path, visit),
            EntryKind::File => visit(context, &path),
            EntryKind::Other => context.find_in(path, None, "it is neither a file nor a folder"),
        }
    }
}
