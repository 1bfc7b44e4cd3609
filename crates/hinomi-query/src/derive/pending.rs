//! Rows that wait on disk until there are enough for a row group, column by column.
//!
//! Events come in any order of families and months, and a row group is small and quick to read only if its rows lie side by
//! side: so what belongs into one file is set aside as it comes, lightly compressed, and read back one column at a time. In
//! memory there is only where each piece stands.
//!
//! # Trust
//! The file is this process's own and is gone with it; what is read back is compared with nothing.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use foldhash::fast::FixedState;
use hashbrown::HashTable;
use std::hash::BuildHasher as _;

use crate::QueryError;

/// Level of compression of what is read again soon.
const LEVEL: i32 = 1;

/// Where one column of some rows stands in the file; nothing stands there if no row has a value.
#[derive(Clone, Copy, Debug, Default)]
struct Section {
    at: u64,
    packed: u32,
    length: u32,
}

/// Rows that came together.
#[derive(Debug)]
struct Chunk {
    rows: usize,
    sections: Vec<Section>,
}

/// Takes the rows of a chunk and the bytes of a column of them, if any has a value; `None` if the bytes make no sense.
type Receiver<'r> = dyn FnMut(usize, Option<&[u8]>) -> Option<()> + 'r;

/// Rows of one file that wait.
#[derive(Debug)]
pub(super) struct Pending {
    path: PathBuf,
    file: File,
    end: u64,
    chunks: Vec<Chunk>,
    rows: usize,
    /// Bytes of each column before compression.
    raw: Vec<u64>,
}

impl Pending {
    /// Nothing waits yet.
    pub(super) fn create(path: PathBuf, columns: usize) -> Result<Self, QueryError> {
        let file = File::options().create(true).truncate(true).read(true).write(true).open(&path);
        let file = file.map_err(QueryError::io(&path))?;
        Ok(Self { path, file, end: 0, chunks: Vec::new(), rows: 0, raw: vec![0; columns] })
    }

    /// Rows that wait.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes of the largest column.
    pub(super) fn largest(&self) -> u64 {
        self.raw.iter().copied().max().unwrap_or(0)
    }

    /// Sets rows aside.
    pub(super) fn put(&mut self, columns: &[ArrayRef], rows: usize) -> Result<(), QueryError> {
        let (mut packed, mut plain, mut sections) =
            (Vec::new(), Vec::new(), Vec::with_capacity(columns.len()));
        for (column, raw) in columns.iter().zip(&mut self.raw) {
            plain.clear();
            if column.null_count() < column.len() {
                encode(column, &mut plain);
            }
            *raw += plain.len() as u64;
            let bytes = if plain.is_empty() {
                Vec::new()
            } else {
                zstd::bulk::compress(&plain, LEVEL).map_err(QueryError::io(&self.path))?
            };
            let at = self.end + packed.len() as u64;
            sections.push(Section { at, packed: bytes.len() as u32, length: plain.len() as u32 });
            packed.extend_from_slice(&bytes);
        }
        self.file.write_all(&packed).map_err(QueryError::io(&self.path))?;
        self.end += packed.len() as u64;
        self.chunks.push(Chunk { rows, sections });
        self.rows += rows;
        Ok(())
    }

    fn section(&self, section: Section) -> io::Result<Vec<u8>> {
        let mut packed = vec![0; section.packed as usize];
        self.file.read_exact_at(&mut packed, section.at)?;
        zstd::bulk::decompress(&packed, section.length as usize)
    }

    /// Hands over a column, in the order in which the rows came.
    fn each(&self, column: usize, found: &mut Receiver<'_>) -> Result<(), QueryError> {
        for chunk in &self.chunks {
            let section = chunk.sections.get(column).copied().unwrap_or_default();
            let bytes = (section.length > 0).then(|| self.section(section)).transpose();
            let bytes = bytes.map_err(QueryError::io(&self.path))?;
            let lost = || QueryError::damaged(&self.path, "not what was set aside".to_owned());
            found(chunk.rows, bytes.as_deref()).ok_or_else(lost)?;
        }
        Ok(())
    }

    /// A column of numbers.
    pub(super) fn numbers(&self, column: usize) -> Result<Vec<Option<i64>>, QueryError> {
        let mut all = Vec::with_capacity(self.rows);
        self.each(column, &mut |rows, bytes| {
            let Some(bytes) = bytes else {
                all.resize(all.len() + rows, None);
                return Some(());
            };
            let (valid, values) = bytes.split_at_checked(rows)?;
            let values = values.chunks_exact(8).map(|v| v.try_into().map(i64::from_le_bytes).ok());
            all.extend(valid.iter().zip(values).map(|(valid, value)| value.filter(|_| *valid == 1)));
            Some(())
        })?;
        Ok(all)
    }

    /// A column of texts: each text once, and its number per row, -1 without one.
    pub(super) fn texts(&self, column: usize) -> Result<(Texts, Vec<i32>), QueryError> {
        let (mut texts, mut keys) = (Texts::default(), Vec::with_capacity(self.rows));
        self.each(column, &mut |rows, bytes| {
            let Some(bytes) = bytes else {
                keys.resize(keys.len() + rows, -1);
                return Some(());
            };
            let (count, rest) = bytes.split_first_chunk::<4>()?;
            let (lengths, rest) = rest.split_at_checked(u32::from_le_bytes(*count) as usize * 4)?;
            let number = |bytes: &[u8]| bytes.try_into().map(u32::from_le_bytes).ok();
            let (mut numbers, mut rest) = (Vec::with_capacity(lengths.len() / 4), rest);
            for length in lengths.chunks_exact(4) {
                let (text, after) = rest.split_at_checked(number(length)? as usize)?;
                numbers.push(texts.number(text));
                rest = after;
            }
            for key in rest.chunks_exact(4) {
                let key = number(key)?;
                keys.push(if key == u32::MAX { -1 } else { *numbers.get(key as usize)? });
            }
            Some(())
        })?;
        Ok((texts, keys))
    }

    /// Forgets all rows and gives their space back.
    pub(super) fn clear(&mut self) -> Result<(), QueryError> {
        use std::io::Seek as _;
        self.chunks.clear();
        (self.end, self.rows) = (0, 0);
        self.raw.fill(0);
        self.file.set_len(0).and_then(|()| self.file.rewind()).map_err(QueryError::io(&self.path))
    }

    /// Nothing waits any more.
    pub(super) fn remove(self) -> Result<(), QueryError> {
        let path: &Path = &self.path;
        std::fs::remove_file(path).map_err(QueryError::io(path))
    }
}

/// Texts, each once.
#[derive(Debug, Default)]
pub(super) struct Texts {
    bytes: Vec<u8>,
    ends: Vec<i32>,
    known: HashTable<i32>,
}

impl Texts {
    fn number(&mut self, text: &[u8]) -> i32 {
        let state = FixedState::with_seed(0);
        let (bytes, ends) = (&self.bytes, &self.ends);
        let at = |number: &i32| {
            let number = *number as usize;
            let from = number.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or(0);
            bytes.get(from as usize..ends.get(number).map_or(0, |end| *end as usize)).unwrap_or_default()
        };
        let hash = state.hash_one(text);
        if let Some(known) = self.known.find(hash, |number| at(number) == text) {
            return *known;
        }
        let number = ends.len() as i32;
        self.known.insert_unique(hash, number, |number| state.hash_one(at(number)));
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len() as i32);
        number
    }

    /// As a column.
    pub(super) fn into_array(self) -> Result<arrow::array::StringArray, QueryError> {
        let offsets: Vec<i32> = std::iter::once(0).chain(self.ends).collect();
        let offsets = OffsetBuffer::new(offsets.into());
        Ok(arrow::array::StringArray::try_new(offsets, self.bytes.into(), None)?)
    }
}

/// Numbers: a byte per row that says whether there is one, then eight bytes each. Texts: how many, their lengths, their bytes,
/// and the number of its text per row.
fn encode(column: &ArrayRef, out: &mut Vec<u8>) {
    if let Some(dictionary) = column.as_dictionary_opt::<Int32Type>() {
        let values = dictionary.values().as_string::<i32>();
        out.extend_from_slice(&(values.len() as u32).to_le_bytes());
        values
            .iter()
            .for_each(|v| out.extend_from_slice(&(v.unwrap_or_default().len() as u32).to_le_bytes()));
        values.iter().for_each(|v| out.extend_from_slice(v.unwrap_or_default().as_bytes()));
        for key in dictionary.keys() {
            out.extend_from_slice(&key.unwrap_or(-1).to_le_bytes());
        }
    } else if let Some(texts) = column.as_string_opt::<i32>() {
        let present = || texts.iter().flatten();
        out.extend_from_slice(&(present().count() as u32).to_le_bytes());
        present().for_each(|v| out.extend_from_slice(&(v.len() as u32).to_le_bytes()));
        present().for_each(|v| out.extend_from_slice(v.as_bytes()));
        let mut next = 0i32;
        for text in texts {
            let key = if text.is_some() { next } else { -1 };
            next += i32::from(text.is_some());
            out.extend_from_slice(&key.to_le_bytes());
        }
    } else {
        out.extend((0..column.len()).map(|row| u8::from(column.is_valid(row))));
        if let Some(numbers) = column.as_primitive_opt::<Int64Type>() {
            numbers.values().iter().for_each(|v| out.extend_from_slice(&v.to_le_bytes()));
        } else if let Some(times) = column.as_primitive_opt::<TimestampMicrosecondType>() {
            times.values().iter().for_each(|v| out.extend_from_slice(&v.to_le_bytes()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{DictionaryArray, Int64Array, StringArray};

    use super::*;

    #[test]
    fn what_is_set_aside_comes_back_and_equal_texts_are_one() {
        let folder = tempfile::tempdir().unwrap();
        let mut pending = Pending::create(folder.path().join("p"), 4).unwrap();
        let text = |values: &[Option<&str>]| -> ArrayRef {
            Arc::new(values.iter().copied().collect::<DictionaryArray<Int32Type>>())
        };
        let first: Vec<ArrayRef> = vec![
            text(&[Some("a"), None, Some("倉庫"), Some("a")]),
            Arc::new(Int64Array::from(vec![Some(1), None, Some(i64::MIN), Some(4)])),
            Arc::new(StringArray::from(vec![None, Some("{}"), None, Some("")])),
            text(&[None, None, None, None]),
        ];
        let second: Vec<ArrayRef> = vec![
            text(&[Some("倉庫"), Some("b")]),
            Arc::new(Int64Array::from(vec![None, None])),
            Arc::new(StringArray::from(vec![None::<&str>, None])),
            text(&[Some(""), Some("x")]),
        ];
        for _ in 0..2 {
            pending.put(&first, 4).unwrap();
            pending.put(&second, 2).unwrap();
            assert_eq!(pending.rows(), 6);
            let all = |column| {
                let (texts, keys) = pending.texts(column).unwrap();
                let texts = texts.into_array().unwrap();
                let text = |key: i32| (key >= 0).then(|| texts.value(key as usize).to_owned());
                (texts.len(), keys.into_iter().map(text).collect::<Vec<_>>())
            };
            let owned =
                |values: &[Option<&str>]| values.iter().map(|v| v.map(str::to_owned)).collect::<Vec<_>>();
            let whole = owned(&[Some("a"), None, Some("倉庫"), Some("a"), Some("倉庫"), Some("b")]);
            assert_eq!(all(0), (3, whole));
            assert_eq!(all(2), (2, owned(&[None, Some("{}"), None, Some(""), None, None])));
            assert_eq!(all(3), (2, owned(&[None, None, None, None, Some(""), Some("x")])));
            assert_eq!(pending.numbers(1).unwrap(), [Some(1), None, Some(i64::MIN), Some(4), None, None]);
            pending.clear().unwrap();
            assert_eq!(pending.rows(), 0);
        }
        pending.remove().unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
