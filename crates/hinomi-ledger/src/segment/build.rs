//! Packing a sealed write-ahead file.

use std::collections::BTreeMap;
use std::io::IoSlice;
use std::path::Path;
use std::sync::Arc;

use hinomi_model::{Access, Disk, DiskFile, Hashing};

use super::index::{IndexedFrame, IndexedPart, encode};
use super::{SegmentOpening, segment_path, trailer};
use crate::LedgerError;
use crate::cursor::Cursor;
use crate::data_key::DataKey;
use crate::engine::damaged_at;
use crate::files::{self, folder_of, io_error, temporary};
use crate::frame::{FrameKind, Unplaced};
use crate::leaf::{BlockId, DataKeyId, Leaf, SegmentSealed};
use crate::records::{MAX_COUNT, Record};
use crate::scan::{Buffered, Found, Scan, read_frame};
use crate::seal::{Part, RecordsHeader, pack, unpack};
use crate::wal::{Opening, Place, wal_path};

/// Plain bytes that a packed frame should have.
const TARGET: usize = 4 << 20;
/// Plain bytes from which a frame is copied as it is.
const LARGE: u32 = 3 << 20;
/// Blocks in one frame at most.
const MAX_PARTS: usize = 8192;

/// Gives the data key with a number, if it still exists.
pub(crate) type FindKey<'a> = dyn FnMut(DataKeyId) -> Result<Option<Arc<DataKey>>, LedgerError> + 'a;

/// A frame of the write-ahead file.
struct Source {
    place: Place,
    plain_len: u32,
    part: Part,
}

/// What a write-ahead file holds.
struct Contents {
    first_leaf: u64,
    end_leaf: u64,
    /// Per key the frames of its blocks, in order of their leaves.
    keys: BTreeMap<DataKeyId, BTreeMap<u64, Vec<Source>>>,
    records: u64,
    bytes: u64,
}

fn contents(disk: &dyn Disk, path: &Path, number: u64, ledger: &[u8; 16]) -> Result<Contents, LedgerError> {
    let mut scan = Scan::new(Buffered::open(disk, path)?, number);
    let mut frames: BTreeMap<BlockId, (DataKeyId, Vec<Source>)> = BTreeMap::new();
    let mut out = Contents { first_leaf: 0, end_leaf: 0, keys: BTreeMap::new(), records: 0, bytes: 0 };
    loop {
        let at = scan.at();
        let frame = match scan.next(None)? {
            Found::Frame(_, frame) => frame,
            Found::End => break,
            Found::Unused => {
                return Err(LedgerError::Damaged { path: path.to_owned(), offset: at, what: "no seal" });
            }
            Found::Bad(what) => return Err(LedgerError::Damaged { path: path.to_owned(), offset: at, what }),
        };
        let place = Place { file: number, offset: at, len: frame.prelude.frame_len() };
        match frame.prelude.kind {
            FrameKind::Open => {
                let opening =
                    Opening::decode(frame.header(), frame.body(), ledger).map_err(damaged_at(path, at))?;
                out.first_leaf = opening.state.size();
                out.end_leaf = out.first_leaf;
            }
            FrameKind::Records => {
                let header = RecordsHeader::decode(frame.header()).map_err(damaged_at(path, at))?;
                for part in header.parts {
                    let source = Source { place, plain_len: header.plain_len, part };
                    let block = frames.entry(part.block).or_insert_with(|| (header.key, Vec::new()));
                    block.1.push(source);
                }
            }
            FrameKind::Leaves => {
                let mut body = Cursor::new(frame.body(), "frame of leaves");
                while !body.is_at_end() {
                    let leaf = Leaf::decode(body.bytes16()?)?;
                    if let Leaf::Block(block) = leaf
                        && let Some((key, sources)) = frames.remove(&block.block)
                    {
                        out.records += u64::from(block.count);
                        out.bytes += block.bytes;
                        out.keys.entry(key).or_default().insert(out.end_leaf, sources);
                    }
                    out.end_leaf += 1;
                }
            }
            FrameKind::Checkpoint | FrameKind::Seal | FrameKind::Index => {}
        }
    }
    if frames.is_empty() {
        return Ok(out);
    }
    let what = "a sealed file holds records without a leaf";
    Err(LedgerError::Damaged { path: path.to_owned(), offset: scan.at(), what })
}

/// How tightly a segment is packed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Density {
    /// Level of zstd.
    pub(crate) level: i32,
    /// Whether frames that are large already are packed again, or copied as they are.
    pub(crate) repacks: bool,
}

/// Packs write-ahead file `number` into a segment, which is durable when this returns, and gives the leaf that has to
/// name it.
pub(crate) fn build(
    disk: &dyn Disk,
    folders: (&Path, &Path),
    number: u64,
    ledger: &[u8; 16],
    density: Density,
    keys: &mut FindKey<'_>,
) -> Result<SegmentSealed, LedgerError> {
    let (wal, segments) = folders;
    let source = wal_path(wal, number);
    let contents = contents(disk, &source, number, ledger)?;
    let path = segment_path(segments, number);
    let next = temporary(&path);
    files::remove(disk, &next)?;
    let file = disk.open(&next, Access::CreateNew { mode: 0o600 }).map_err(io_error("create", &next))?;
    let mut output = Output::new(&next, file, number);
    let opening =
        SegmentOpening { ledger: *ledger, first_leaf: contents.first_leaf, end_leaf: contents.end_leaf };
    output.write(&opening.frame()?)?;
    for (key, blocks) in &contents.keys {
        let secret = keys(*key)?;
        let mut packer = Packer { disk, path: &source, key: *key, secret, density, batch: Batch::default() };
        for (leaf, sources) in blocks {
            for source in sources {
                packer.add(*leaf, source, &mut output)?;
            }
        }
        packer.flush(&mut output)?;
    }
    let (len, sha256) = output.finish(disk)?;
    disk.rename(&next, &path).map_err(io_error("rename", &path))?;
    files::sync_dir(disk, folder_of(&path))?;
    let Contents { first_leaf, end_leaf, records, bytes, .. } = contents;
    Ok(SegmentSealed { number, len, sha256, first_leaf, end_leaf, records, bytes })
}

#[derive(Default)]
struct Batch {
    records: Vec<Record>,
    bytes: usize,
    parts: Vec<Part>,
    indexed: Vec<IndexedPart>,
}

struct Packer<'a> {
    disk: &'a dyn Disk,
    path: &'a Path,
    key: DataKeyId,
    secret: Option<Arc<DataKey>>,
    density: Density,
    batch: Batch,
}

impl Packer<'_> {
    fn add(&mut self, leaf: u64, source: &Source, output: &mut Output<'_>) -> Result<(), LedgerError> {
        let Part { first, count, .. } = source.part;
        let indexed = IndexedPart { leaf, first, count };
        let frame = read_frame(self.disk, self.path, source.place)?;
        let is_large = source.plain_len >= LARGE;
        let Some(secret) = self.secret.clone().filter(|_| !is_large || self.density.repacks) else {
            // Large, or erased.
            self.flush(output)?;
            return output.write_records(&Unplaced::of(&frame), vec![indexed]);
        };
        let header = RecordsHeader::decode(frame.header())?;
        let records = unpack(&secret, &header, &frame).map_err(damaged_at(self.path, source.place.offset))?;
        let batch = &mut self.batch;
        let grown = batch.bytes + source.plain_len as usize;
        let too_many =
            batch.records.len() + records.len() > MAX_COUNT as usize || batch.parts.len() >= MAX_PARTS;
        if (grown > TARGET + TARGET / 4 && batch.bytes > TARGET / 2) || too_many || is_large {
            self.flush(output)?;
        }
        let batch = &mut self.batch;
        batch.bytes += source.plain_len as usize;
        batch.records.extend(records);
        match (batch.parts.last_mut(), batch.indexed.last_mut()) {
            (Some(part), Some(index)) if part.block == source.part.block => {
                part.count += count;
                index.count += count;
            }
            _ => {
                batch.parts.push(source.part);
                batch.indexed.push(indexed);
            }
        }
        if batch.bytes >= TARGET || is_large { self.flush(output) } else { Ok(()) }
    }

    fn flush(&mut self, output: &mut Output<'_>) -> Result<(), LedgerError> {
        let batch = std::mem::take(&mut self.batch);
        let Some(secret) = self.secret.as_ref().filter(|_| !batch.records.is_empty()) else { return Ok(()) };
        let frame = pack(self.key, secret, batch.parts, &batch.records, self.density.level)?;
        output.write_records(&frame, batch.indexed)
    }
}

struct Output<'a> {
    path: &'a Path,
    file: Arc<dyn DiskFile>,
    number: u64,
    len: u64,
    frame: u64,
    hash: Hashing,
    frames: Vec<IndexedFrame>,
}

impl<'a> Output<'a> {
    fn new(path: &'a Path, file: Arc<dyn DiskFile>, number: u64) -> Self {
        Self { path, file, number, len: 0, frame: 0, hash: Hashing::default(), frames: Vec::new() }
    }

    fn write(&mut self, frame: &Unplaced) -> Result<Place, LedgerError> {
        let prelude = frame.place(self.number, self.frame, 0);
        let place = Place { file: self.number, offset: self.len, len: frame.len() };
        self.put(&[&prelude, frame.content()])?;
        self.frame += 1;
        Ok(place)
    }

    fn put(&mut self, parts: &[&[u8]]) -> Result<(), LedgerError> {
        let slices: Vec<IoSlice<'_>> = parts.iter().map(|p| IoSlice::new(p)).collect();
        self.file.write_all_at(&slices, self.len).map_err(io_error("write", self.path))?;
        for part in parts {
            self.hash.update(part);
            self.len += part.len() as u64;
        }
        Ok(())
    }

    fn write_records(&mut self, frame: &Unplaced, parts: Vec<IndexedPart>) -> Result<(), LedgerError> {
        let place = self.write(frame)?;
        self.frames.push(IndexedFrame { place, parts });
        Ok(())
    }

    /// Writes the index and syncs the file.
    fn finish(mut self, disk: &dyn Disk) -> Result<(u64, [u8; 32]), LedgerError> {
        let index = Unplaced::new(FrameKind::Index, &[], &encode(&self.frames))?;
        let at = self.write(&index)?.offset;
        self.put(&[&trailer(at)])?;
        self.file.sync_data().map_err(io_error("sync", self.path))?;
        files::sync_dir(disk, folder_of(self.path))?;
        Ok((self.len, *self.hash.finish().as_bytes()))
    }
}
