//! A ledger as input: the records of each source and month, joined, and the way back from an offset to the record.
//!
//! Months keep apart what was received a year apart: times without a year are completed from the time of receipt.
//!
//! # Invariants
//! - Every byte that is read was compared with its leaf, and the leaf with the checkpoint, whose signature holds.
//! - A block that cannot be read is a diagnostic; the blocks before and after it are read.
//! - Memory grows with the number of blocks, not of records: where records begin is found again when one is cited.
//!
//! # Not here
//! Whether anybody outside vouches for the checkpoint: `hinomi verify ledger --anchor`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hinomi_ingest::intake::{Root, is_packed};
use hinomi_ledger::completeness::{Day, is_built_in};
use hinomi_ledger::note::VerifierKey;
use hinomi_ledger::tlog::Hash;
use hinomi_ledger::vault::is_vault;
use hinomi_ledger::{Block, FileDisk, Leaf, LedgerError, Places, Reader};
use hinomi_model::{DiagnosticKind, Diagnostics, EvidencePlace, NANOS_PER_SECOND, Timestamp};

use crate::framing::Joining;

/// The ledger of evidence in a data directory.
pub const EVIDENCE: &str = "evidence";
/// Blocks whose records' lengths are remembered.
const REMEMBERED: usize = 512;

/// A ledger that is read.
#[derive(Debug)]
pub struct Recorded {
    path: PathBuf,
    reader: Reader,
    signer: VerifierKey,
    streams: Vec<Stream>,
    /// Streams by the name under which they are read.
    names: BTreeMap<String, usize>,
    lengths: Mutex<BTreeMap<u64, Arc<Vec<u32>>>>,
    losses: Mutex<Diagnostics>,
    tally: Mutex<Tally>,
}

/// What was met while reading.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Records read.
    pub records: u64,
    /// Blocks that were erased by order.
    pub erased_blocks: u64,
    /// Blocks that could not be read.
    pub unreadable_blocks: u64,
}

/// The blocks of one source in one month.
#[derive(Debug)]
struct Stream {
    name: String,
    /// Name of the source in the ledger.
    #[cfg(feature = "query")]
    source: String,
    leaves: Vec<u64>,
    latest: Timestamp,
    /// Where each block that was read begins.
    starts: Mutex<Vec<Start>>,
}

#[derive(Clone, Copy, Debug)]
struct Start {
    offset: u64,
    leaf: u64,
    joining: Joining,
}

/// A block and the records in it.
#[cfg(feature = "query")]
#[derive(Debug)]
pub struct BlockAround {
    /// Its leaf.
    pub leaf: u64,
    /// Where it begins in what was read.
    pub start: u64,
    /// Lengths of its records, with the line feeds that were put behind them.
    pub lengths: Arc<Vec<u32>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The month of a day of receipt, by which records are joined: `2026-11`.
pub(crate) fn month_of(day: u32) -> String {
    let day = Timestamp::from_nanos(i64::from(day) * 86_400 * NANOS_PER_SECOND).to_string();
    day.get(..7).unwrap_or_default().to_owned()
}

/// Opens the ledger in a data directory, or the copy in a vault's folder, for reading.
pub(crate) fn open_reader(data: &Path) -> Result<Reader, LedgerError> {
    let disk = Arc::new(FileDisk);
    if is_vault(&*disk, data) {
        return Reader::open_vault(disk, data);
    }
    Reader::open(disk, Places::in_data_dir(data, EVIDENCE), true)
}

impl Recorded {
    /// Whether a folder is the data directory of a ledger.
    pub fn is_at(path: &Path) -> bool {
        path.join(EVIDENCE).join("format").is_file()
    }

    /// Opens the ledger in a data directory, or the copy in a vault's folder, and lists its blocks.
    ///
    /// # Errors
    /// What opening meets, and [`LedgerError::NotAuthentic`] when the checkpoint is not signed by the ledger's key.
    pub fn open(data: &Path) -> Result<Arc<Self>, LedgerError> {
        Self::open_range(data, 0..u64::MAX)
    }

    /// As [`Recorded::open`], of the blocks among some leaves.
    ///
    /// # Errors
    /// As [`Recorded::open`].
    pub fn open_range(data: &Path, among: Range<u64>) -> Result<Arc<Self>, LedgerError> {
        let reader = open_reader(data)?;
        let mut blocks = Vec::new();
        for block in reader.block_leaves() {
            let (leaf, block) = block?;
            if among.contains(&leaf) {
                blocks.push((leaf, block));
            }
        }
        Self::of_blocks(data, reader, blocks)
    }

    /// Chosen leaves of a view, in their order; what is no block is passed over. Decoders begin anew at each source and month,
    /// so that what leans on leaves that were not chosen may read otherwise.
    ///
    /// # Errors
    /// As [`Recorded::open`].
    pub(crate) fn of_leaves(
        data: &Path,
        reader: Reader,
        leaves: &BTreeSet<u64>,
    ) -> Result<Arc<Self>, LedgerError> {
        let mut blocks = Vec::with_capacity(leaves.len());
        for &leaf in leaves.range(..reader.size()) {
            if let Leaf::Block(block) = reader.leaf(leaf)? {
                blocks.push((leaf, block));
            }
        }
        Self::of_blocks(data, reader, blocks)
    }

    /// The view, when nobody else uses it.
    pub(crate) fn into_reader(self: Arc<Self>) -> Option<Reader> {
        Arc::into_inner(self).map(|recorded| recorded.reader)
    }

    fn of_blocks(data: &Path, reader: Reader, blocks: Vec<(u64, Block)>) -> Result<Arc<Self>, LedgerError> {
        let signer = reader.checkpoint_signer()?;
        let mut months: BTreeMap<(String, String), (Vec<u64>, u64)> = BTreeMap::new();
        for (leaf, block) in blocks {
            if is_built_in(&block.scope.source) {
                continue;
            }
            let month = month_of(block.scope.day);
            let (leaves, latest) = months.entry((block.scope.source, month)).or_default();
            leaves.push(leaf);
            *latest = block.last_ns.max(*latest);
        }
        let shown = data.display();
        let streams: Vec<Stream> = months
            .into_iter()
            .map(|((source, month), (leaves, latest))| Stream {
                name: format!("{shown}:{source} {month}"),
                #[cfg(feature = "query")]
                source,
                leaves,
                latest: Timestamp::from_nanos(i64::try_from(latest).unwrap_or(i64::MAX)),
                starts: Mutex::default(),
            })
            .collect();
        let names = streams.iter().enumerate().map(|(at, s)| (s.name.clone(), at)).collect();
        Ok(Arc::new(Self {
            path: data.to_owned(),
            reader,
            signer,
            streams,
            names,
            lengths: Mutex::default(),
            losses: Mutex::default(),
            tally: Mutex::default(),
        }))
    }

    /// The data directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Origin of its checkpoints.
    pub fn origin(&self) -> &str {
        self.reader.identity().origin.as_str()
    }

    /// Who signed its checkpoint.
    pub fn signer(&self) -> &VerifierKey {
        &self.signer
    }

    /// Size and root of what was read.
    pub fn checkpoint(&self) -> (u64, Hash) {
        (self.reader.size(), self.reader.root())
    }

    /// Whether it only grew since it had `size` leaves and this root.
    ///
    /// # Errors
    /// [`LedgerError::NotAuthentic`] when it did not.
    pub fn continues(&self, size: u64, root: &Hash) -> Result<(), LedgerError> {
        self.reader.continues(size, root)
    }

    /// Source and day of receipt of the records of a leaf; `None` when the leaf holds none.
    ///
    /// # Errors
    /// What reading the leaf meets.
    pub fn received(&self, leaf: u64) -> Result<Option<(String, Day)>, LedgerError> {
        Ok(match self.reader.leaf(leaf)? {
            Leaf::Block(block) => {
                Some((block.scope.source, Day(i32::try_from(block.scope.day).unwrap_or(i32::MAX))))
            }
            _ => None,
        })
    }

    /// What to read, in order of source and month.
    pub fn roots(self: &Arc<Self>) -> Vec<Root> {
        let root = |(at, stream): (usize, &Stream)| Root::Records {
            name: stream.name.clone(),
            reader: Box::new(Joined { of: Arc::clone(self), stream: at, ..Joined::empty(self) }),
            latest: stream.latest,
        };
        self.streams.iter().enumerate().map(root).collect()
    }

    /// What could not be read, once all was.
    pub fn take_losses(&self) -> Diagnostics {
        std::mem::take(&mut *lock(&self.losses))
    }

    /// What was met, once all was read.
    pub fn tally(&self) -> Tally {
        *lock(&self.tally)
    }

    /// Whether something was read from here under a name.
    pub fn holds(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }

    /// Name of the source whose records are read under a name.
    #[cfg(feature = "query")]
    pub fn source_of(&self, name: &str) -> Option<&str> {
        let at = *self.names.get(name)?;
        self.streams.get(at).map(|s| s.source.as_str())
    }

    /// The block that holds an offset of what was read under a name.
    #[cfg(feature = "query")]
    pub fn block_around(&self, name: &str, offset: u64) -> Option<BlockAround> {
        let stream = self.names.get(name).and_then(|&at| self.streams.get(at))?;
        let starts = lock(&stream.starts);
        let start = *starts.get(starts.partition_point(|s| s.offset <= offset).checked_sub(1)?)?;
        drop(starts);
        Some(BlockAround { leaf: start.leaf, start: start.offset, lengths: self.lengths(start)? })
    }

    /// The record at an offset of what was read under a name, and the offset in it.
    pub fn locate(&self, name: &str, offset: u64) -> Option<(EvidencePlace, u64)> {
        let stream = self.names.get(name).and_then(|&at| self.streams.get(at))?;
        let starts = lock(&stream.starts);
        let before = starts.partition_point(|s| s.offset <= offset).checked_sub(1)?;
        let start = *starts.get(before)?;
        drop(starts);
        let mut rest = offset - start.offset;
        for (record, length) in (0..).zip(self.lengths(start)?.iter()) {
            if rest < u64::from(*length) {
                let place = EvidencePlace::Log { origin: self.origin().to_owned(), leaf: start.leaf, record };
                return Some((place, rest));
            }
            rest -= u64::from(*length);
        }
        None
    }

    /// Lengths of the records of a block, with the line feeds that were put behind them.
    fn lengths(&self, start: Start) -> Option<Arc<Vec<u32>>> {
        if let Some(known) = lock(&self.lengths).get(&start.leaf) {
            return Some(Arc::clone(known));
        }
        let block = self.reader.block(start.leaf).ok().flatten()?;
        let mut joining = start.joining;
        let length = |bytes: &[u8], joining: &mut Joining| {
            u32::try_from(bytes.len()).unwrap_or(u32::MAX - 1) + u32::from(joining.lacks_line_feed(bytes))
        };
        let lengths =
            Arc::new(block.records.iter().map(|r| length(&r.bytes, &mut joining)).collect::<Vec<_>>());
        self.remember(start.leaf, Arc::clone(&lengths));
        Some(lengths)
    }

    fn remember(&self, leaf: u64, lengths: Arc<Vec<u32>>) {
        let mut known = lock(&self.lengths);
        if known.len() >= REMEMBERED {
            known.pop_first();
        }
        known.insert(leaf, lengths);
    }
}

/// The records of one stream, one after the other.
struct Joined {
    of: Arc<Recorded>,
    stream: usize,
    /// Position among the leaves of the stream.
    next: usize,
    joining: Joining,
    /// A block and how far it was handed out.
    block: Vec<u8>,
    given: usize,
    /// Bytes before the block.
    offset: u64,
}

impl Joined {
    fn empty(of: &Arc<Recorded>) -> Self {
        Self {
            of: Arc::clone(of),
            stream: 0,
            next: 0,
            joining: Joining::default(),
            block: Vec::new(),
            given: 0,
            offset: 0,
        }
    }

    /// Reads on to the next block that can be read; false at the end.
    fn advance(&mut self) -> bool {
        let of = Arc::clone(&self.of);
        let Some(stream) = of.streams.get(self.stream) else { return false };
        self.offset += self.block.len() as u64;
        self.block.clear();
        self.given = 0;
        while let Some(&leaf) = stream.leaves.get(self.next) {
            self.next += 1;
            let block = match of.reader.block(leaf) {
                Ok(Some(block)) => block,
                Ok(None) => continue,
                Err(error) => {
                    let mut tally = lock(&of.tally);
                    let message = if let LedgerError::Erased { tombstone } = &error {
                        tally.erased_blocks += 1;
                        format!("leaf {leaf}: erased by order, see leaf {tombstone}")
                    } else {
                        tally.unreadable_blocks += 1;
                        let cause = std::error::Error::source(&error);
                        format!(
                            "leaf {leaf}: {error}{}",
                            cause.map_or_else(String::new, |c| format!(": {c}"))
                        )
                    };
                    drop(tally);
                    lock(&of.losses).push(&stream.name, self.offset, DiagnosticKind::Unreadable, message);
                    continue;
                }
            };
            lock(&of.tally).records += block.records.len() as u64;
            lock(&stream.starts).push(Start { offset: self.offset, leaf, joining: self.joining });
            let mut lengths = Vec::with_capacity(block.records.len());
            for (number, record) in block.records.iter().enumerate() {
                if !self.joining.is_inside_a_file() && is_packed(&record.bytes) {
                    let at = self.offset + self.block.len() as u64;
                    let message = format!(
                        "leaf {leaf}, record {number}: a compressed file or an archive was kept as it is; what is in it is not searched"
                    );
                    lock(&of.losses).push(&stream.name, at, DiagnosticKind::RefusedMember, message);
                }
                self.block.extend_from_slice(&record.bytes);
                let lacks = self.joining.lacks_line_feed(&record.bytes);
                if lacks {
                    self.block.push(b'\n');
                }
                lengths.push(u32::try_from(record.bytes.len()).unwrap_or(u32::MAX - 1) + u32::from(lacks));
            }
            of.remember(leaf, Arc::new(lengths));
            return true;
        }
        false
    }
}

impl Read for Joined {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let rest = self.block.get(self.given..).unwrap_or_default();
            if !rest.is_empty() || buffer.is_empty() {
                let count = rest.len().min(buffer.len());
                if let (Some(to), Some(from)) = (buffer.get_mut(..count), rest.get(..count)) {
                    to.copy_from_slice(from);
                }
                self.given += count;
                return Ok(count);
            }
            if !self.advance() {
                return Ok(0);
            }
        }
    }
}
