//! What a stretch of events holds, in few bytes: which words, of which times, on which days of whom.
//!
//! Making it takes a part of what deriving takes: events are decoded, and nothing is sorted, packed or written. The words are those that the
//! index of the derived stretch would have, as bits: of a word six in one line of 64 bytes, twelve bits for each distinct word.
//!
//! # Invariants
//! A word that the index would have is found. One that it would not have is taken for one of about a hundred others.

use std::collections::BTreeMap;

use foldhash::fast::RandomState;
use hashbrown::HashSet;
use hinomi_columns::{Batch, Dictionary, FieldId, Store, ValueId, ValueKind};

use super::lane::{day_name, kind_name};
use crate::columns::Mapping;
use crate::index::token::{self, TokenHash};
use crate::manifest::CoverageRow;
use crate::value;

/// Bits for each distinct word, and how many of them a word sets.
const BITS: usize = 12;
const SET: u32 = 6;
/// Numbers of 64 bits in a line.
const LINE: usize = 8;

/// What a stretch holds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Gist {
    lines: Box<[[u64; LINE]]>,
    /// Earliest and latest event time in microseconds since 1970.
    times: Option<(i64, i64)>,
    /// Whether an event states no time.
    timeless: bool,
    /// Events by kind, host and day.
    pub coverage: Vec<CoverageRow>,
    /// Events.
    pub events: u64,
}

impl Gist {
    /// Bytes held, without the coverage.
    pub fn bytes(&self) -> usize {
        self.lines.len() * LINE * 8 + size_of::<Self>()
    }

    /// Whether all words may stand in it.
    pub(crate) fn may_hold(&self, words: &[TokenHash]) -> bool {
        words.iter().all(|word| {
            let line = at(*word, self.lines.len()).and_then(|at| self.lines.get(at));
            line.is_some_and(|line| bits(*word).all(|(at, bit)| line.get(at).is_some_and(|n| n & bit != 0)))
        })
    }

    /// Whether an event of it may be of a time, in microseconds since 1970.
    pub(crate) fn may_be_of(&self, since: Option<i64>, until: Option<i64>) -> bool {
        let within = |(first, last): (i64, i64)| {
            since.is_none_or(|since| last >= since) && until.is_none_or(|until| first < until)
        };
        self.timeless || self.times.is_some_and(within)
    }
}

/// The line of a word.
fn at(word: TokenHash, lines: usize) -> Option<usize> {
    let spread = word.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (lines > 0).then(|| ((u128::from(spread) * lines as u128) >> 64) as usize)
}

/// The bits of a word in its line: which number, and the bit in it.
fn bits(word: TokenHash) -> impl Iterator<Item = (usize, u64)> {
    let mixed = (word ^ word >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93);
    (0..SET).map(move |turn| {
        let nine = (mixed >> (9 * turn + 10)) & 0x1ff;
        ((nine >> 6) as usize, 1 << (nine & 63))
    })
}

/// Gathers a gist from decoded events.
#[derive(Debug, Default)]
pub struct GistBuilder {
    words: HashSet<TokenHash, RandomState>,
    /// For each field, by the number of a value, the turn in which its words were taken.
    taken: Vec<Vec<u32>>,
    turn: u32,
    epoch: u32,
    gist: Gist,
    coverage: BTreeMap<(String, String, String), u64>,
}

impl GistBuilder {
    /// Takes the events that a store holds. Their rows may be dropped afterwards.
    pub fn absorb(&mut self, store: &Store, mapping: &Mapping) {
        if self.epoch != store.epoch() || self.turn == 0 {
            self.epoch = store.epoch();
            self.taken.clear();
            self.turn = 1;
        }
        for batch in store.batches() {
            self.count(store, batch, mapping);
            for (position, field) in batch.fields().iter().enumerate() {
                let Some(dictionary) = store.dictionary(*field) else { continue };
                let name = mapping.column_of(store.fields().name(*field));
                self.words.insert(token::of_field(&name.to_lowercase()));
                self.take(*field, dictionary, batch.column(position));
            }
        }
    }

    /// The words of the values of a field, each value once.
    fn take(&mut self, field: FieldId, dictionary: &Dictionary, cells: &[ValueId]) {
        if self.taken.len() <= field.index() {
            self.taken.resize_with(field.index() + 1, Vec::new);
        }
        let Some(taken) = self.taken.get_mut(field.index()) else { return };
        taken.resize(dictionary.len(), 0);
        for cell in cells {
            // A cell without value has no place.
            let Some(before) = taken.get_mut(cell.index()) else { continue };
            let known = std::mem::replace(before, self.turn) == self.turn;
            if known || dictionary.kind(*cell) == ValueKind::Null {
                continue;
            }
            let text = value::encode(dictionary, *cell);
            for element in value::elements(&text) {
                token::each(&token::fold(element), |hash| {
                    self.words.insert(hash);
                });
            }
        }
    }

    /// Times, and events by kind, host and day.
    fn count(&mut self, store: &Store, batch: &Batch, mapping: &Mapping) {
        let kind = kind_name(store, batch);
        let hosts = mapping.host(store, batch);
        let mut counts: BTreeMap<(&str, i64), u64> = BTreeMap::new();
        for (at, row) in batch.rows().iter().enumerate() {
            let host = hosts.of(at).map_or("", |chosen| chosen.text);
            let day = row.time.map_or(i64::MAX, |t| t.as_nanos().div_euclid(86_400_000_000_000));
            *counts.entry((host, day)).or_default() += 1;
            match row.time.map(|t| t.as_nanos().div_euclid(1000)) {
                Some(time) => {
                    let (first, last) = self.gist.times.unwrap_or((time, time));
                    self.gist.times = Some((first.min(time), last.max(time)));
                }
                None => self.gist.timeless = true,
            }
        }
        self.gist.events += batch.rows().len() as u64;
        for ((host, day), events) in counts {
            *self.coverage.entry((kind.clone(), host.to_owned(), day_name(day))).or_default() += events;
        }
    }

    /// The gist of what was taken since the beginning or the last one.
    pub fn finish(&mut self) -> Gist {
        self.turn = self.turn.wrapping_add(1);
        let mut gist = std::mem::take(&mut self.gist);
        let row = |((kind, host, day), events)| CoverageRow { kind, host, day, events };
        gist.coverage = std::mem::take(&mut self.coverage).into_iter().map(row).collect();
        let lines = (self.words.len() * BITS).div_ceil(LINE * 64);
        gist.lines = vec![[0; LINE]; lines].into();
        for word in self.words.drain() {
            let Some(line) = at(word, lines).and_then(|at| gist.lines.get_mut(at)) else { continue };
            for (at, bit) in bits(word) {
                if let Some(number) = line.get_mut(at) {
                    *number |= bit;
                }
            }
        }
        gist
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::token::scattered as word;

    fn of(words: std::ops::Range<u64>) -> Gist {
        let mut builder = GistBuilder::default();
        builder.words.extend(words.map(word));
        builder.finish()
    }

    #[test]
    fn every_word_is_found_and_few_others() {
        for count in [1, 2, 50, 5_000, 60_000] {
            let gist = of(0..count);
            assert!((0..count).all(|n| gist.may_hold(&[word(n)])), "{count}");
            assert!(gist.may_hold(&[word(0), word(count - 1)]) && gist.may_hold(&[]));
            let wrong = (0..20_000).filter(|n| gist.may_hold(&[word(n + 1_000_000)])).count();
            assert!(wrong < 400, "{wrong} of 20,000 absent words seem to be among {count}");
            assert!(gist.bytes() < count as usize * BITS / 8 + 64 + size_of::<Gist>());
        }
        assert!(!of(0..0).may_hold(&[word(1)]) && of(0..0).may_hold(&[]));
    }

    #[test]
    fn times_leave_out_what_is_surely_of_others() {
        let timed = Gist { times: Some((10, 20)), ..Gist::default() };
        assert!(
            timed.may_be_of(Some(20), None) && timed.may_be_of(None, Some(11)) && timed.may_be_of(None, None)
        );
        assert!(!timed.may_be_of(Some(21), None) && !timed.may_be_of(None, Some(10)));
        assert!(Gist { timeless: true, ..timed }.may_be_of(Some(21), None));
        assert!(!Gist::default().may_be_of(None, None));
    }
}
