//! Texts kept in one allocation, numbered in order of arrival; each distinct text once.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::total::{at, number};

/// Texts by number.
#[derive(Debug, Default, Clone)]
pub(super) struct Texts {
    text: String,
    ends: Vec<u32>,
}

impl Texts {
    /// Bytes of all texts.
    pub(super) fn bytes(&self) -> usize {
        self.text.len()
    }

    /// The text with a number; empty where there is none.
    pub(super) fn text(&self, index: u32) -> &str {
        let start = index.checked_sub(1).map_or(0, |before| at(&self.ends, before));
        self.text.get(start as usize..at(&self.ends, index) as usize).unwrap_or_default()
    }

    pub(super) fn push(&mut self, text: &str) -> u32 {
        let index = number(self.ends.len());
        self.text.push_str(text);
        self.ends.push(number(self.text.len()));
        index
    }

    pub(super) fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
    }
}

/// Texts that are found again by what they say.
#[derive(Debug, Default)]
pub(super) struct Interner {
    texts: Texts,
    table: HashTable<u32>,
    state: RandomState,
}

impl Interner {
    pub(super) fn texts(&self) -> &Texts {
        &self.texts
    }

    pub(super) fn find(&self, text: &str) -> Option<u32> {
        self.table.find(self.state.hash_one(text), |&index| self.texts.text(index) == text).copied()
    }

    /// The number of a text, new or known.
    pub(super) fn intern(&mut self, text: &str) -> u32 {
        if let Some(index) = self.find(text) {
            return index;
        }
        let hash = self.state.hash_one(text);
        let index = self.texts.push(text);
        let Self { texts, table, state } = self;
        table.insert_unique(hash, index, |&other| state.hash_one(texts.text(other)));
        index
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_one_number_and_is_found_again() {
        let mut interner = Interner::default();
        let numbers: Vec<u32> = (0..1000).map(|n| interner.intern(&format!("t{}", n % 500))).collect();
        assert_eq!(numbers[..500], numbers[500..]);
        assert_eq!(numbers.iter().max(), Some(&499));
        assert_eq!(interner.texts().text(numbers[123]), "t123");
        assert_eq!(interner.find("t500"), None);
        assert_eq!(interner.texts().text(500), "", "no text stands there");
    }

    #[test]
    fn the_empty_text_is_a_text() {
        let mut interner = Interner::default();
        assert_eq!((interner.intern(""), interner.intern("a"), interner.intern("")), (0, 1, 0));
    }
}
