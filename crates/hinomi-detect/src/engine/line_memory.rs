//! Which literals stand in which lines: long values of one source repeat most of their lines.
//!
//! A script engine writes the same twenty lines of context with every command it logs, some of them kilobytes long,
//! and only one or two differ. A line is searched once and remembered; afterwards it costs a hash and a comparison.
//!
//! # Invariants
//! Finds what [`LiteralIndex::find`] finds in the whole value, given literals without line breaks. Bounded by
//! [`MOST_BYTES`] and [`MOST_LINES`].

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::fold::fold_into;
use super::literals::{Edges, LiteralId, LiteralIndex};

/// Most bytes of lines kept before starting afresh.
const MOST_BYTES: usize = 2 << 20;
/// Most lines kept before starting afresh.
const MOST_LINES: usize = 1 << 14;
/// Shorter lines are searched sooner than they are looked up.
const SHORT: usize = 16;

/// Lines of the values of one field, and the literals found anywhere in them.
#[derive(Debug, Default)]
pub(super) struct LineMemory {
    bytes: Vec<u8>,
    literals: Vec<LiteralId>,
    /// End of each line's bytes and literals; they begin where those of the line before end.
    ends: Vec<(u32, u32)>,
    index: HashTable<u32>,
    hasher: RandomState,
}

impl LineMemory {
    /// Appends the literals of `index` that stand in `value`, perhaps repeated; `room` serves to fold into.
    pub(super) fn find(
        &mut self,
        index: &LiteralIndex,
        value: &str,
        room: &mut Vec<u8>,
        found: &mut Vec<LiteralId>,
    ) {
        let mut from = 0;
        while let Some(rest) = value.get(from..) {
            let to = memchr::memchr(b'\n', rest.as_bytes()).map_or(value.len(), |at| from + at);
            let line = value.get(from..to).unwrap_or_default();
            let edges = Edges { start: from == 0, end: to == value.len() };
            if edges.start || edges.end || line.len() < SHORT {
                room.clear();
                fold_into(line, room);
                index.find_in_part(room, edges, |id| found.push(id));
            } else {
                self.find_in_line(index, line, room, found);
            }
            from = to + 1;
        }
    }

    /// A line with other lines on both sides.
    fn find_in_line(
        &mut self,
        index: &LiteralIndex,
        line: &str,
        room: &mut Vec<u8>,
        found: &mut Vec<LiteralId>,
    ) {
        let hash = self.hasher.hash_one(line.as_bytes());
        let known = self.index.find(hash, |&n| self.line(n) == line.as_bytes()).copied();
        if let Some(number) = known {
            found.extend_from_slice(self.literals_of(number));
            return;
        }
        let before = found.len();
        room.clear();
        fold_into(line, room);
        index.find_in_part(room, Edges { start: false, end: false }, |id| found.push(id));
        self.keep(hash, line, found.get(before..).unwrap_or_default());
    }

    fn keep(&mut self, hash: u64, line: &str, literals: &[LiteralId]) {
        if self.bytes.len() + line.len() > MOST_BYTES || self.ends.len() >= MOST_LINES {
            self.bytes.clear();
            self.literals.clear();
            self.ends.clear();
            self.index.clear();
            if line.len() > MOST_BYTES {
                return;
            }
        }
        let number = self.ends.len() as u32;
        if self.bytes.capacity() - self.bytes.len() < line.len() {
            self.bytes.reserve(line.len().max(3 * self.bytes.len()).min(MOST_BYTES));
        }
        self.bytes.extend_from_slice(line.as_bytes());
        self.literals.extend_from_slice(literals);
        self.ends.push((self.bytes.len() as u32, self.literals.len() as u32));
        let (bytes, ends, hasher) = (&self.bytes, &self.ends, &self.hasher);
        self.index.insert_unique(hash, number, |&n| {
            let (from, to) = (start(ends, n).0, end(ends, n).0);
            hasher.hash_one(bytes.get(from..to).unwrap_or_default())
        });
    }

    fn line(&self, number: u32) -> &[u8] {
        self.bytes.get(start(&self.ends, number).0..end(&self.ends, number).0).unwrap_or_default()
    }

    fn literals_of(&self, number: u32) -> &[LiteralId] {
        self.literals.get(start(&self.ends, number).1..end(&self.ends, number).1).unwrap_or_default()
    }
}

fn start(ends: &[(u32, u32)], number: u32) -> (usize, usize) {
    number.checked_sub(1).map_or((0, 0), |before| end(ends, before))
}

fn end(ends: &[(u32, u32)], number: u32) -> (usize, usize) {
    ends.get(number as usize).map_or((0, 0), |&(bytes, literals)| (bytes as usize, literals as usize))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sigma::Place;
    use proptest::prelude::*;

    proptest! {
        /// Whatever was remembered of earlier values, the literals found are those found in the whole value.
        #[test]
        fn equals_searching_the_whole_value(
            literals in prop::collection::vec(("[abA ]{1,5}", 0..3usize), 1..20),
            values in prop::collection::vec(prop::collection::vec("[abAÄſ ]{0,40}", 0..6), 1..8),
        ) {
            let places = [Place::Start, Place::End, Place::Anywhere];
            let entries = literals.iter().zip(0..);
            let entries = entries.map(|((l, p), id)| (l.to_lowercase().into_bytes().into(), places[*p], id));
            let index = LiteralIndex::new(entries);
            let mut memory = LineMemory::default();
            let mut room = Vec::new();
            for value in values.iter().map(|lines| lines.join("\n")) {
                let (mut whole, mut parts) = (Vec::new(), Vec::new());
                room.clear();
                fold_into(&value, &mut room);
                index.find(&room, |id| whole.push(id));
                memory.find(&index, &value, &mut room, &mut parts);
                for list in [&mut whole, &mut parts] {
                    list.sort_unstable();
                    list.dedup();
                }
                prop_assert_eq!(whole, parts);
            }
        }
    }

    #[test]
    fn memory_is_bounded() {
        let index = LiteralIndex::new([(b"needle".as_slice().into(), Place::Anywhere, 7)]);
        let (mut memory, mut room) = (LineMemory::default(), Vec::new());
        for round in 0..40 {
            let long = "x".repeat(100_000 + round);
            let mut found = Vec::new();
            memory.find(&index, &format!("a\n{long}\n{long} needle\nb"), &mut room, &mut found);
            assert_eq!(found, [7]);
            assert!(memory.bytes.len() <= MOST_BYTES);
        }
        let huge = "y".repeat(MOST_BYTES + 1);
        let mut found = Vec::new();
        memory.find(&index, &format!("a\n{huge}needle\nb"), &mut room, &mut found);
        assert_eq!(found, [7]);
    }
}
