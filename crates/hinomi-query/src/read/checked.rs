//! Derived files whose every byte is compared with what was registered before it is used.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use hinomi_model::Digest;
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::reader::{ChunkReader, Length};

use super::times::{self, BlockTimes};
use crate::QueryError;
use crate::index::sidecar::{Head, PIECE};
use crate::index::token::TokenHash;
use crate::manifest::DerivedFile;

/// A Parquet file with its sidecar. Cheap to clone.
#[derive(Clone, Debug)]
pub struct CheckedFile(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    index_path: PathBuf,
    entry: DerivedFile,
    file: OnceLock<File>,
    index: OnceLock<File>,
    head: OnceLock<Head>,
    metadata: OnceLock<Arc<ParquetMetaData>>,
    times: OnceLock<Vec<BlockTimes>>,
    fault: OnceLock<String>,
    /// Pieces that were compared already.
    seen: Mutex<BTreeSet<usize>>,
}

impl CheckedFile {
    /// The file of an entry; nothing is opened yet.
    pub fn new(folder: &Path, entry: DerivedFile) -> Self {
        Self(Arc::new(Inner {
            path: folder.join(&entry.path),
            index_path: folder.join(entry.index_path()),
            entry,
            file: OnceLock::new(),
            index: OnceLock::new(),
            head: OnceLock::new(),
            metadata: OnceLock::new(),
            times: OnceLock::new(),
            fault: OnceLock::new(),
            seen: Mutex::default(),
        }))
    }

    /// What is registered.
    pub fn entry(&self) -> &DerivedFile {
        &self.0.entry
    }

    /// Where it stands.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    fn file(&self) -> Result<&File, QueryError> {
        if let Some(file) = self.0.file.get() {
            return Ok(file);
        }
        let file = File::open(&self.0.path).map_err(|error| self.gone(error))?;
        let length = file.metadata().map_err(QueryError::io(&self.0.path))?.len();
        if length != self.0.entry.bytes {
            return Err(self.altered(format!("{length} bytes long, registered with {}", self.0.entry.bytes)));
        }
        Ok(self.0.file.get_or_init(|| file))
    }

    fn altered(&self, what: impl Into<String>) -> QueryError {
        let what = format!("not what was registered: {}", what.into());
        QueryError::damaged(&self.0.path, self.0.fault.get_or_init(|| what))
    }

    fn gone(&self, error: std::io::Error) -> QueryError {
        match error.kind() {
            std::io::ErrorKind::NotFound => self.altered("it, or its index, is gone"),
            _ => QueryError::io(&self.0.path)(error),
        }
    }

    fn altered_index(&self) -> QueryError {
        let what = || "its index is not what was registered".to_owned();
        QueryError::damaged(&self.0.path, self.0.fault.get_or_init(what))
    }

    /// What is wrong with the file, once it was found: readers of Parquet hand errors on as text only.
    pub fn fault(&self) -> Option<QueryError> {
        self.0.fault.get().map(|what| QueryError::damaged(&self.0.path, what))
    }

    fn sidecar(&self, from: u64, length: usize) -> Result<Vec<u8>, QueryError> {
        let mut bytes = vec![0; length];
        let file = if let Some(file) = self.0.index.get() {
            file
        } else {
            let file = File::open(&self.0.index_path).map_err(|error| self.gone(error))?;
            self.0.index.get_or_init(|| file)
        };
        file.read_exact_at(&mut bytes, from).map_err(QueryError::io(&self.0.index_path))?;
        Ok(bytes)
    }

    /// The head of the sidecar, compared with the manifest.
    pub fn head(&self) -> Result<&Head, QueryError> {
        if let Some(head) = self.0.head.get() {
            return Ok(head);
        }
        let entry = &self.0.entry;
        if u64::from(entry.head_bytes) > entry.index_bytes {
            return Err(self.altered_index());
        }
        let bytes = self.sidecar(0, entry.head_bytes as usize)?;
        if Digest::of(&bytes).to_string() != entry.head_sha256 {
            return Err(self.altered_index());
        }
        let head = Head::parse(&bytes).ok_or_else(|| self.altered_index())?;
        Ok(self.0.head.get_or_init(|| head))
    }

    /// The blocks of rows that may hold all of the words; `None` when there is no word to look up.
    pub fn blocks(&self, words: &[TokenHash]) -> Result<Option<BTreeSet<u32>>, QueryError> {
        let head = self.head()?;
        let mut all: Option<BTreeSet<u32>> = None;
        for &word in words {
            let (bucket, from, to) = head.bucket_of(word);
            let start = u64::from(self.0.entry.head_bytes) + u64::from(from);
            if start + u64::from(to - from) > self.0.entry.index_bytes {
                return Err(self.altered_index());
            }
            let bytes = self.sidecar(start, (to - from) as usize)?;
            if !head.is_bucket(bucket, &bytes) {
                return Err(self.altered_index());
            }
            let found = head.blocks_with(word, bucket, &bytes);
            let both = match all {
                Some(before) => before.intersection(&found).copied().collect(),
                None => found,
            };
            if both.is_empty() {
                return Ok(Some(both));
            }
            all = Some(both);
        }
        Ok(all)
    }

    /// Bytes of the Parquet file, compared piece by piece.
    pub fn range(&self, from: u64, to: u64) -> Result<Bytes, QueryError> {
        let length = self.0.entry.bytes;
        if from > to || to > length {
            return Err(self.altered("a range behind its end is asked for"));
        }
        let first = from / PIECE * PIECE;
        let last = to.div_ceil(PIECE).saturating_mul(PIECE).min(length);
        let mut bytes = vec![0; (last - first) as usize];
        self.file()?.read_exact_at(&mut bytes, first).map_err(QueryError::io(&self.0.path))?;
        let head = self.head()?;
        for (number, piece) in ((first / PIECE) as usize..).zip(bytes.chunks(PIECE as usize)) {
            let mut seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if seen.contains(&number) {
                continue;
            }
            if head.piece(number) != Some(Digest::of(piece).as_bytes()) {
                return Err(self.altered(format!("its bytes from {} on", number as u64 * PIECE)));
            }
            seen.insert(number);
        }
        Ok(Bytes::from(bytes).slice((from - first) as usize..(to - first) as usize))
    }

    /// The footer, with the places of pages, read once.
    pub fn metadata(&self) -> Result<Arc<ParquetMetaData>, QueryError> {
        if let Some(metadata) = self.0.metadata.get() {
            return Ok(Arc::clone(metadata));
        }
        let reader = ParquetMetaDataReader::new()
            .with_offset_index_policy(PageIndexPolicy::Optional)
            .with_column_index_policy(PageIndexPolicy::Optional);
        let metadata = reader.parse_and_finish(self).map_err(QueryError::parquet(&self.0.path))?;
        Ok(Arc::clone(self.0.metadata.get_or_init(|| Arc::new(metadata))))
    }

    /// The times of its blocks of rows, read once.
    ///
    /// # Errors
    /// What reading meets.
    pub fn times(&self) -> Result<&[BlockTimes], QueryError> {
        if let Some(times) = self.0.times.get() {
            return Ok(times);
        }
        let times = times::of(self)?;
        Ok(self.0.times.get_or_init(|| times))
    }

    /// Opens both files: what is open can be read even after it was replaced.
    ///
    /// # Errors
    /// What opening meets.
    pub fn hold(&self) -> Result<(), QueryError> {
        self.file()?;
        self.head().map(drop)
    }

    /// Compares both files as a whole with the manifest.
    pub fn check(&self) -> Result<(), QueryError> {
        let whole = |path: &Path| {
            let mut file = File::open(path).map_err(QueryError::io(path))?;
            Digest::of_reader(&mut file).map_err(QueryError::io(path))
        };
        if whole(&self.0.path)?.to_string() != self.0.entry.sha256 {
            return Err(self.altered("its SHA-256"));
        }
        if whole(&self.0.index_path)?.to_string() != self.0.entry.index_sha256 {
            return Err(self.altered_index());
        }
        self.head().map(|_| ())
    }
}

impl Length for CheckedFile {
    fn len(&self) -> u64 {
        self.0.entry.bytes
    }
}

/// Keeps the kind of error readable where only Parquet errors fit.
pub fn as_parquet(error: QueryError) -> ParquetError {
    ParquetError::External(Box::new(error))
}

/// Reads on from an offset, a piece at a time.
#[derive(Debug)]
pub struct FromOffset {
    file: CheckedFile,
    at: u64,
    held: Bytes,
}

impl Read for FromOffset {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.held.is_empty() {
            let to = ((self.at / PIECE + 1) * PIECE).min(self.file.len());
            self.held = self.file.range(self.at.min(to), to).map_err(std::io::Error::other)?;
        }
        let count = buffer.len().min(self.held.len());
        if let Some(to) = buffer.get_mut(..count) {
            to.copy_from_slice(&self.held.split_to(count));
        }
        self.at += count as u64;
        Ok(count)
    }
}

impl ChunkReader for CheckedFile {
    type T = FromOffset;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        Ok(FromOffset { file: self.clone(), at: start, held: Bytes::new() })
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        self.range(start, start.saturating_add(length as u64)).map_err(as_parquet)
    }
}
