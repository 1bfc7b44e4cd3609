//! Which words stand in which block of rows of a file that is being written.

use arrow::array::{Array as _, ArrayRef, AsArray, StringArray};
use arrow::datatypes::Int32Type;
use foldhash::fast::RandomState;
use hashbrown::HashSet;
use hinomi_model::Digest;

use crate::index::sidecar::{BLOCK_ROWS, IndexBuilder};
use crate::index::token::{self, TokenHash};
use crate::search::apart;
use crate::value;

/// The words of the blocks of a file; row groups need not end where blocks do.
#[derive(Debug, Default)]
pub(super) struct Words {
    index: IndexBuilder,
    /// Words of the blocks that the group touches; the first may have rows of the group before.
    blocks: Vec<HashSet<TokenHash, RandomState>>,
    /// Rows that the first of them has already.
    rows: usize,
}

impl Words {
    /// Bytes held, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.index.bytes() + self.blocks.iter().map(|b| b.capacity() * 9).sum::<usize>()
    }

    /// Adds the words of a column of the group.
    pub(super) fn add(&mut self, column: &ArrayRef) {
        let block = BLOCK_ROWS as usize;
        let mut from = 0;
        let mut stamps: Vec<u32> = Vec::new();
        let mut pass = 0;
        while from < column.len() {
            let number = (self.rows + from) / block;
            let to = column.len().min((number + 1) * block - self.rows);
            if self.blocks.len() <= number {
                self.blocks.resize_with(number + 1, HashSet::default);
            }
            pass += 1;
            if let Some(words) = self.blocks.get_mut(number) {
                if let Some(texts) = column.as_string_opt::<i32>() {
                    of_fields(texts, (from, to), words);
                } else {
                    of_values(column, (from, to), &mut stamps, pass, words);
                }
            }
            from = to;
        }
    }

    /// Says how many rows the group had. Blocks that are full are closed.
    pub(super) fn end_group(&mut self, rows: usize) {
        let block = BLOCK_ROWS as usize;
        let full = (self.rows + rows) / block;
        if self.blocks.len() < full {
            self.blocks.resize_with(full, HashSet::default);
        }
        for words in self.blocks.drain(..full) {
            self.index.block(words.into_iter());
        }
        self.rows = (self.rows + rows) % block;
    }

    /// The sidecar, and how long its head is.
    pub(super) fn finish(mut self, pieces: &[Digest]) -> (Vec<u8>, u32) {
        if self.rows > 0 {
            let words = self.blocks.drain(..).next().unwrap_or_default();
            self.index.block(words.into_iter());
        }
        self.index.finish(pieces)
    }
}

/// Each distinct value once per block.
fn of_values(
    column: &ArrayRef,
    (from, to): (usize, usize),
    stamps: &mut Vec<u32>,
    pass: u32,
    words: &mut HashSet<TokenHash, RandomState>,
) {
    let Some(dictionary) = column.as_dictionary_opt::<Int32Type>() else { return };
    let Some(values) = dictionary.values().as_string_opt::<i32>() else { return };
    stamps.resize(values.len(), 0);
    for key in dictionary.keys().slice(from, to - from).iter().flatten() {
        let Some(stamp) = usize::try_from(key).ok().and_then(|k| stamps.get_mut(k)) else { continue };
        if std::mem::replace(stamp, pass) != pass {
            for element in value::elements(values.value(key as usize)) {
                token::each(&token::fold(element), |hash| {
                    words.insert(hash);
                });
            }
        }
    }
}

/// What is kept together: the values of the fields, not their names.
fn of_fields(texts: &StringArray, (from, to): (usize, usize), words: &mut HashSet<TokenHash, RandomState>) {
    for text in texts.slice(from, to - from).iter().flatten() {
        for (_, value) in apart(text) {
            token::each(&token::fold(&value), |hash| {
                words.insert(hash);
            });
        }
    }
}
