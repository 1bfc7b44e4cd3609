//! Records that came again: what a sender whose answer was lost sends a second time is kept twice, and is found here.
//!
//! A record came again when the same source has sent the same bytes within the [`WINDOW_NS`] before. Records that follow each
//! other as they did then are a run: that is how a request comes again. One alone, or many that are all the same, may just as well be a
//! thing that happened twice, and are counted apart.
//!
//! # Invariants
//! - The result is a function of the records and the order they stand in.
//! - Memory is bounded: [`PER_SOURCE`] records of a source and [`IN_TOTAL`] of all; what could not be compared with
//!   everything in the window is counted.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};

/// How long ago a record may have come for the first time.
pub(crate) const WINDOW_NS: u64 = 15 * 60 * 1_000_000_000;
/// Records of a source that are compared with.
const PER_SOURCE: usize = 200_000;
/// Records of all sources that are compared with.
const IN_TOTAL: usize = 4_000_000;
/// Runs that are cited.
const CITED: usize = 3;

/// Where a record is: leaf and record in it.
pub(crate) type Place = (u64, u32);

/// What was found of one source.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Found {
    pub(crate) records: u64,
    /// Records that came again in runs of at least two different ones.
    pub(crate) in_runs: u64,
    pub(crate) runs: u64,
    /// Other records that came again.
    pub(crate) alone: u64,
    /// Where the first runs begin, where they stood before, and how long they are.
    pub(crate) first: Vec<(Place, Place, u64)>,
    /// Records that were not compared with all that came in the window before them.
    pub(crate) not_compared: u64,
}

/// A record that is compared with.
#[derive(Clone, Copy, Debug)]
struct Recent {
    hash: u64,
    received_ns: u64,
    place: Place,
}

/// A run that goes on.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// Number of the record that the last one repeats.
    of: u64,
    begins: (Place, Place),
    length: u64,
    hash: u64,
    /// Not all of its records are the same.
    varied: bool,
}

/// What is remembered of one source.
#[derive(Debug, Default)]
struct Window {
    recent: VecDeque<Recent>,
    /// Number of the first of them.
    first: u64,
    /// The latest record with a hash.
    latest: HashMap<u64, u64>,
    run: Option<Run>,
    /// Something was forgotten before its time; until when that matters.
    short_until_ns: u64,
    found: Found,
}

/// Finds records that came again.
#[derive(Debug, Default)]
pub(crate) struct Repeats {
    hasher: RandomState,
    windows: BTreeMap<String, Window>,
    held: usize,
}

impl Repeats {
    /// Takes the next record of a source.
    pub(crate) fn take(&mut self, source: &str, place: Place, received_ns: u64, bytes: &[u8]) {
        let hash = self.hasher.hash_one(bytes);
        if !self.windows.contains_key(source) {
            self.windows.insert(source.to_owned(), Window::default());
        }
        let Some(window) = self.windows.get_mut(source) else { return };
        let before = window.recent.len();
        window.forget_until(received_ns.saturating_sub(WINDOW_NS));
        window.compare(Recent { hash, received_ns, place });
        let others = self.held - before;
        window.remember(Recent { hash, received_ns, place }, PER_SOURCE.min(IN_TOTAL - others.min(IN_TOTAL)));
        self.held = others + window.recent.len();
    }

    /// What was found of each source.
    pub(crate) fn finish(self) -> BTreeMap<String, Found> {
        let finished = |(name, mut window): (String, Window)| {
            window.end_run();
            (name, window.found)
        };
        self.windows.into_iter().map(finished).collect()
    }
}

impl Window {
    fn number(&self, at: u64) -> Option<&Recent> {
        self.recent.get(usize::try_from(at.checked_sub(self.first)?).ok()?)
    }

    fn forget_first(&mut self) {
        let Some(gone) = self.recent.pop_front() else { return };
        if self.latest.get(&gone.hash) == Some(&self.first) {
            self.latest.remove(&gone.hash);
        }
        self.first += 1;
    }

    fn forget_until(&mut self, oldest_ns: u64) {
        while self.recent.front().is_some_and(|recent| recent.received_ns < oldest_ns) {
            self.forget_first();
        }
    }

    fn compare(&mut self, record: Recent) {
        self.found.records += 1;
        self.found.not_compared += u64::from(record.received_ns < self.short_until_ns);
        let next = self.run.and_then(|run| {
            let follows = self.number(run.of + 1).is_some_and(|before| before.hash == record.hash);
            follows.then_some(run)
        });
        if let Some(run) = next {
            let varied = run.varied || run.hash != record.hash;
            self.run = Some(Run { of: run.of + 1, length: run.length + 1, varied, ..run });
            return;
        }
        self.end_run();
        let of = self.latest.get(&record.hash).copied();
        self.run = of.and_then(|of| {
            let begins = (record.place, self.number(of)?.place);
            Some(Run { of, begins, length: 1, hash: record.hash, varied: false })
        });
    }

    fn end_run(&mut self) {
        let Some(Run { begins: (place, of), length, varied, .. }) = self.run.take() else { return };
        if !varied {
            self.found.alone += length;
            return;
        }
        self.found.in_runs += length;
        self.found.runs += 1;
        if self.found.first.len() < CITED {
            self.found.first.push((place, of, length));
        }
    }

    fn remember(&mut self, record: Recent, most: usize) {
        let number = self.first + self.recent.len() as u64;
        self.recent.push_back(record);
        self.latest.insert(record.hash, number);
        while self.recent.len() > most {
            let gone_ns = self.recent.front().map_or(0, |gone| gone.received_ns);
            self.short_until_ns = self.short_until_ns.max(gone_ns.saturating_add(WINDOW_NS));
            self.forget_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn found(records: &[(&str, u64)]) -> Found {
        let mut repeats = Repeats::default();
        for (at, (text, second)) in (0..).zip(records) {
            repeats.take("s", (at, 0), second * SECOND, text.as_bytes());
            repeats.take("other", (at, 1), second * SECOND, at.to_string().as_bytes());
        }
        let mut all = repeats.finish();
        assert_eq!(all["other"].in_runs + all["other"].alone, 0, "sources are compared with themselves only");
        all.remove("s").unwrap()
    }

    fn counts(records: &[(&str, u64)]) -> (u64, u64, u64) {
        let found = found(records);
        (found.in_runs, found.runs, found.alone)
    }

    #[test]
    fn a_request_that_comes_again_is_a_run() {
        let again = found(&[("x", 0), ("a", 1), ("b", 1), ("c", 1), ("a", 9), ("b", 9), ("c", 9), ("y", 9)]);
        assert_eq!((again.records, again.in_runs, again.runs, again.alone), (8, 3, 1, 0));
        assert_eq!(again.first, [((4, 0), (1, 0), 3)]);
        // Of the first one only a part was kept.
        assert_eq!(counts(&[("a", 1), ("b", 1), ("a", 2), ("b", 2), ("c", 2)]), (2, 1, 0));
        // Twice again, and in between something else.
        let thrice = [("a", 1), ("b", 1), ("a", 2), ("b", 2), ("z", 3), ("a", 4), ("b", 4)];
        assert_eq!(counts(&thrice), (4, 2, 0));
    }

    #[test]
    fn what_is_said_twice_is_counted_apart() {
        assert_eq!(counts(&[("a", 0), ("b", 1), ("a", 2), ("c", 3), ("b", 4)]), (0, 0, 2));
        assert_eq!(counts(&[("ping", 0), ("ping", 1), ("ping", 2), ("ping", 3)]), (0, 0, 3));
        assert_eq!(counts(&[("a", 0), ("b", 0), ("c", 0)]), (0, 0, 0));
    }

    #[test]
    fn what_came_long_ago_is_not_compared_with() {
        let minutes = |n: u64| n * 60;
        let late = minutes(16);
        assert_eq!(counts(&[("a", 0), ("b", 0), ("a", late), ("b", late)]), (0, 0, 0));
        assert_eq!(counts(&[("a", 0), ("b", 0), ("a", minutes(14)), ("b", minutes(14))]), (2, 1, 0));
        // A clock that was set back.
        assert_eq!(counts(&[("a", late), ("b", late), ("a", 0), ("b", 0)]), (2, 1, 0));
    }

    #[test]
    fn what_is_held_is_bounded_and_what_was_not_compared_is_said() {
        let mut repeats = Repeats::default();
        let number = PER_SOURCE as u64 + 10;
        for at in 0..number {
            repeats.take("s", (at, 0), SECOND, &at.to_le_bytes());
        }
        assert_eq!((repeats.held, repeats.windows["s"].latest.len()), (PER_SOURCE, PER_SOURCE));
        let found = repeats.finish().remove("s").unwrap();
        assert_eq!((found.records, found.not_compared), (number, 9));
    }
}
