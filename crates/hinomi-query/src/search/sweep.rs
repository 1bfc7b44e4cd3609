//! A search that goes on: block after block, the latest events first (or the earliest), as far as there is time.
//!
//! # Invariants
//! - What is *settled* does not change any more: no block that is left to be read can hold an event before it in the order.
//! - A match is counted once. Places of the first [`MOST_PLACES`] in the order are kept; the others are counted only.
//! - Events that state no time stand behind all others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::parse::Term;
use super::run::{
    Candidates, Found, Search, candidates, columns_at, columns_of, decides, may_be_in, resolve, verdicts,
};
use crate::index::sidecar::BLOCK_ROWS;
use crate::read::{Archive, CheckedFile, batches, rows_of_blocks};
use crate::{BlockTimes, QueryError};

/// Places of matches that are kept: 16 bytes each.
pub const MOST_PLACES: usize = 2_000_000;
/// Stretches of time into which a range is divided for counting.
const STRETCHES: i64 = 4_000;
const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
/// Blocks that are read one behind the other at most, before it is looked whether that is enough.
const MOST_AT_ONCE: usize = 32;

/// Place in the order: times grow from it on, or shrink; without time it is the last.
type Key = i64;
const TIMELESS: Key = i64::MAX;

/// A block that can hold a match.
#[derive(Clone, Copy, Debug)]
struct Piece {
    /// No event in it comes before this.
    key: Key,
    file: u32,
    block: u32,
}

/// Where a match stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Place {
    key: Key,
    file: u32,
    row: u32,
}

/// How many events match, by time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Counts {
    /// Beginning of the first stretch, in microseconds since 1970.
    pub from: i64,
    /// Length of each, in microseconds.
    pub width: i64,
    /// Matches in each; `None` while blocks are left that may hold more.
    pub counts: Vec<Option<u64>>,
}

/// A search and how far it is.
#[derive(Debug)]
pub struct Sweep {
    archive: Arc<Archive>,
    search: Search,
    columns: Vec<Option<String>>,
    /// Blocks that are left, the next one last.
    left: Vec<Piece>,
    /// In order up to `settled`.
    places: Vec<Place>,
    settled: usize,
    matches: u64,
    rows_read: u64,
    at_once: usize,
    from: i64,
    width: i64,
    stretches: Vec<u64>,
}

impl Sweep {
    /// Finds out which blocks can hold a match; none is read yet. The limit of the search is not looked at.
    ///
    /// # Errors
    /// [`QueryError::Refused`] for a field that no event has; what reading meets.
    pub fn new(archive: Arc<Archive>, search: Search) -> Result<Self, QueryError> {
        let columns = columns_of(&archive, &search).map_err(|error| archive.blame(error))?;
        let made = Self::prepare(Arc::clone(&archive), search, columns);
        made.map_err(|error| archive.blame(error))
    }

    /// As [`Sweep::new`], where events may still come that have fields which no event here has.
    ///
    /// # Errors
    /// What reading meets.
    pub fn of_a_part(archive: Arc<Archive>, search: Search) -> Result<Self, QueryError> {
        let named = |term: &Term| {
            let typed = term.field.as_deref()?;
            Some(resolve(&archive, typed).unwrap_or_else(|_| typed.to_owned()))
        };
        let columns = search.terms.iter().map(named).collect();
        let made = Self::prepare(Arc::clone(&archive), search, columns);
        made.map_err(|error| archive.blame(error))
    }

    fn prepare(
        archive: Arc<Archive>,
        search: Search,
        columns: Vec<Option<String>>,
    ) -> Result<Self, QueryError> {
        let mut left = Vec::new();
        for (number, file) in (0u32..).zip(archive.files()) {
            if !may_be_in(file, &search) {
                continue;
            }
            let blocks = match candidates(&archive, file, &search, &columns)? {
                Candidates::Nothing => continue,
                Candidates::Everything => None,
                Candidates::Blocks(blocks) => Some(blocks),
            };
            file.hold()?;
            let all = (0u32..).zip(file.times()?);
            let among = all.filter(|(block, _)| blocks.as_ref().is_none_or(|known| known.contains(block)));
            left.extend(among.filter_map(|(block, times)| {
                Some(Piece { key: first_key(*times, &search)?, file: number, block })
            }));
        }
        left.sort_by_key(|piece| std::cmp::Reverse((piece.key, piece.file, piece.block)));
        let (from, until) = range(&archive, &search);
        let seconds = (until.saturating_sub(from) / SECOND).saturating_add(1);
        let width = (seconds / STRETCHES + 1).saturating_mul(SECOND);
        let stretches = (until.saturating_sub(from) / width + 1).clamp(0, STRETCHES + 1);
        Ok(Self {
            archive,
            search,
            columns,
            left,
            places: Vec::new(),
            settled: 0,
            matches: 0,
            rows_read: 0,
            at_once: 1,
            from,
            width,
            stretches: vec![0; usize::try_from(stretches).unwrap_or_default()],
        })
    }

    /// Reads on until `enough` says so, or nothing is left. It is asked after every block.
    ///
    /// # Errors
    /// What reading meets.
    pub fn advance(&mut self, enough: &dyn Fn(&Self) -> bool) -> Result<(), QueryError> {
        while !self.is_counted() && !enough(self) {
            let at_once = self.at_once.min(self.left.len());
            let mut taken: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
            for piece in self.left.iter().rev().take(at_once) {
                taken.entry(piece.file).or_default().insert(piece.block);
            }
            let mut read = BTreeSet::new();
            for (number, blocks) in taken {
                let done = self.read(number, &blocks, enough).map_err(|error| self.archive.blame(error))?;
                read.extend(done.into_iter().map(|block| (number, block)));
            }
            self.left.retain(|piece| !read.contains(&(piece.file, piece.block)));
            self.settle();
            self.at_once = (self.at_once * 2).min(MOST_AT_ONCE);
        }
        Ok(())
    }

    /// Reads blocks of a file, and says which: all, or those before there was enough.
    fn read(
        &mut self,
        number: u32,
        blocks: &BTreeSet<u32>,
        enough: &dyn Fn(&Self) -> bool,
    ) -> Result<Vec<u32>, QueryError> {
        let archive = Arc::clone(&self.archive);
        let Some(file) = archive.files().get(number as usize) else { return Ok(Vec::new()) };
        let rows = rows_of_blocks(blocks, file.entry().rows);
        let wanted = |name: &str| decides(&archive, &self.search, &self.columns, name);
        // Each batch is a block: all but the last of a file have the same number of rows, which is that of a batch.
        let mut batches = batches(file, &wanted, Some(rows))?;
        let mut done = Vec::new();
        for &block in blocks {
            if !done.is_empty() && enough(self) {
                break;
            }
            let Some(batch) = batches.next() else { break };
            let batch = batch?;
            self.rows_read += batch.num_rows() as u64;
            let first = block.saturating_mul(BLOCK_ROWS);
            let verdicts = (first..).zip(verdicts(&batch, &self.search, &self.columns));
            let hits = verdicts.filter(|(_, (_, hit))| *hit).map(|(row, (time, _))| (row, time));
            for (row, time) in hits.collect::<Vec<_>>() {
                self.count(time, Place { key: key(time, &self.search), file: number, row });
            }
            done.push(block);
        }
        Ok(done)
    }

    fn count(&mut self, time: Option<i64>, place: Place) {
        self.matches += 1;
        self.places.push(place);
        let stretch =
            time.and_then(|t| usize::try_from(t.saturating_sub(self.from).div_euclid(self.width)).ok());
        if let Some(count) = stretch.and_then(|at| self.stretches.get_mut(at)) {
            *count += 1;
        }
    }

    fn settle(&mut self) {
        let (_, open) = self.places.split_at_mut(self.settled);
        open.sort_unstable();
        self.places.truncate(MOST_PLACES);
        self.settled = match self.left.last() {
            Some(next) => self.places.partition_point(|place| place.key < next.key),
            None => self.places.len(),
        };
    }

    /// Matches that were found so far.
    pub fn matches(&self) -> u64 {
        self.matches
    }

    /// Whether these are all.
    pub fn is_counted(&self) -> bool {
        self.left.is_empty()
    }

    /// Matches whose positions do not change any more.
    pub fn settled(&self) -> usize {
        self.settled
    }

    /// Rows whose deciding columns were read.
    pub fn rows_read(&self) -> u64 {
        self.rows_read
    }

    /// What is searched.
    pub fn archive(&self) -> &Arc<Archive> {
        &self.archive
    }

    /// Up to which time everything was read, in the order of the search; `None` when that is all that states a time, or
    /// nothing.
    pub fn reached(&self) -> Option<i64> {
        let next = self.left.last().filter(|next| next.key != TIMELESS)?;
        Some(if self.search.earliest { next.key } else { next.key.saturating_neg() })
    }

    /// Bytes that places take.
    pub fn bytes(&self) -> usize {
        self.places.capacity() * size_of::<Place>() + self.left.capacity() * size_of::<Piece>()
    }

    /// Settled events from a position on, with the columns wanted.
    ///
    /// # Errors
    /// What reading meets.
    pub fn events(
        &self,
        from: usize,
        limit: usize,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<Found>, QueryError> {
        let settled = self.places.get(..self.settled).unwrap_or_default();
        let shown: Vec<Place> = settled.iter().skip(from).take(limit).copied().collect();
        let at = |place: &Place| (place.file as usize, u64::from(place.row));
        let files: Vec<&CheckedFile> = self.archive.files().iter().collect();
        let mut found = columns_at(&files, &shown.iter().map(at).collect(), wanted)
            .map_err(|error| self.archive.blame(error))?;
        Ok(shown.iter().filter_map(|place| found.remove(&at(place))).collect())
    }

    /// How many events match, by time, in so many stretches at most.
    pub fn counts(&self, most: usize) -> Counts {
        let joined = self.stretches.len().div_ceil(most.max(1)).max(1);
        let width = self.width.saturating_mul(i64::try_from(joined).unwrap_or(i64::MAX));
        let (reached, left) = (self.reached(), !self.is_counted());
        let counts = self.stretches.chunks(joined).enumerate().map(|(at, parts)| {
            let from = self.from.saturating_add(i64::try_from(at).unwrap_or(0).saturating_mul(width));
            let whole = match reached {
                Some(reached) if self.search.earliest => from.saturating_add(width) <= reached,
                Some(reached) => from > reached,
                // Only blocks without any time are left, or none.
                None => true,
            };
            (whole || !left).then(|| parts.iter().sum())
        });
        Counts { from: self.from, width, counts: counts.collect() }
    }
}

fn key(time: Option<i64>, search: &Search) -> Key {
    time.map_or(TIMELESS, |time| if search.earliest { time } else { time.saturating_neg() })
}

/// Before which no event of a block comes; `None` when none of them is asked for.
fn first_key(times: BlockTimes, search: &Search) -> Option<Key> {
    let asked = times.range.filter(|(first, last)| {
        search.since.is_none_or(|since| *last >= since) && search.until.is_none_or(|until| *first < until)
    });
    let Some((first, last)) = asked else { return times.timeless.then_some(TIMELESS) };
    // What is before the range is not asked for.
    let (first, last) =
        (first.max(search.since.unwrap_or(i64::MIN)), last.min(search.until.unwrap_or(i64::MAX)));
    Some(key(Some(if search.earliest { first } else { last }), search))
}

/// The times that are counted in stretches: as asked, else the days on which all but a thousandth of the events at either end
/// happened. One wrong clock does not press all others together.
fn range(archive: &Archive, search: &Search) -> (i64, i64) {
    let (first, last) = archive.presence().days_without(1000).unwrap_or_default();
    let from = search.since.unwrap_or(first.saturating_mul(DAY));
    let from = from.div_euclid(SECOND).saturating_mul(SECOND);
    let until = search.until.unwrap_or(last.saturating_add(1).saturating_mul(DAY)).saturating_sub(1);
    (from, until.max(from))
}
