//! How far a search has looked at what its snapshot does not have.
//!
//! # Invariants
//! A leaf counts as unsearched until its gist says that nothing in it matches, or until a new search has it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::received;
use super::standing::Unsearched;

/// A leaf that is not derived.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    pub(super) leaf: u64,
    pub(super) records: u64,
    pub(super) first_ns: u64,
    pub(super) last_ns: u64,
}

/// What there is to look at, and how much of it is done.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// The newest first.
    open: Arc<[Open]>,
    next: usize,
    /// Those in which something may match and that could not be derived.
    passed: Vec<Open>,
    /// Whether what is open was counted.
    is_counted: bool,
    /// First and last of groups in which nothing matches, where no gist says so.
    cleared: BTreeMap<u64, u64>,
    /// Numbers of what was derived for this search, which does not go to make room for it.
    pub(super) own: BTreeSet<u64>,
    /// A new search sees more.
    is_outdated: bool,
    /// More may match than is held at a time.
    is_full: bool,
}

impl Progress {
    /// The beginning of a search; what the same search knows from before counts on.
    pub(super) fn new((open, is_counted): (Arc<[Open]>, bool), before: Option<&Self>) -> Self {
        let cleared = before.map(|before| before.cleared.clone()).unwrap_or_default();
        let own = before.map(|before| before.own.clone()).unwrap_or_default();
        Self { open, is_counted, cleared, own, ..Self::default() }
    }

    /// The leaf to look at now.
    pub(super) fn leaf(&self) -> Option<u64> {
        self.open.get(self.next).filter(|_| !self.is_full).map(|open| open.leaf)
    }

    /// Nothing can be looked at any more.
    pub(super) fn is_through(&self) -> bool {
        self.leaf().is_none()
    }

    /// Nothing is unsearched any more.
    pub(super) fn is_whole(&self) -> bool {
        self.next >= self.open.len() && self.passed.is_empty() && self.is_counted
    }

    /// A new search sees more.
    pub(super) fn is_outdated(&self) -> bool {
        self.is_outdated
    }

    /// Goes on behind all leaves from `first` on.
    pub(super) fn clear(&mut self, first: u64) {
        self.next += self.open.iter().skip(self.next).take_while(|open| open.leaf >= first).count();
    }

    /// As [`Self::clear`], and remembers it: no gist will say so.
    pub(super) fn clear_for_good(&mut self, (first, last): (u64, u64)) {
        self.clear(first);
        // Groups come from the newest to the oldest: one that begins behind this one goes on with it.
        let behind = self.cleared.remove(&(last + 1)).unwrap_or(last);
        self.cleared.insert(first, behind);
    }

    /// Whether it is known that nothing matches in the leaf to look at; goes on behind those of which it is.
    pub(super) fn is_cleared(&mut self, leaf: u64) -> bool {
        let range = self.cleared.range(..=leaf).next_back().filter(|(_, last)| leaf <= **last);
        let first = range.map(|(first, _)| *first);
        first.inspect(|first| self.clear(*first)).is_some()
    }

    /// What stands from `first` on can be searched by a new search.
    pub(super) fn leave_to_a_new_search(&mut self, first: u64) {
        self.is_outdated = true;
        self.clear(first);
    }

    /// What stands from `first` on cannot be derived, and stays unsearched.
    pub(super) fn pass(&mut self, first: u64) {
        let from = self.next;
        self.clear(first);
        self.passed.extend_from_slice(self.open.get(from..self.next).unwrap_or_default());
    }

    /// As much as may be held matches already.
    pub(super) fn fill(&mut self) {
        self.is_full = true;
    }

    /// What is not searched.
    pub(super) fn unsearched(&self) -> Unsearched {
        let left = || self.open.get(self.next..).unwrap_or_default().iter().chain(&self.passed);
        Unsearched {
            records: self.is_counted.then(|| left().map(|open| open.records).sum()),
            first: left().map(|open| open.first_ns).min().filter(|_| self.is_counted).map(received),
            last: left().map(|open| open.last_ns).max().map(received),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun() -> Progress {
        let open = |leaf| Open { leaf, records: 10, first_ns: leaf, last_ns: leaf + 1 };
        Progress::new(((0..8).rev().map(open).collect(), true), None)
    }

    #[test]
    fn what_is_unsearched_falls_until_nothing_is_left() {
        let mut progress = begun();
        assert_eq!((progress.leaf(), progress.unsearched().records), (Some(7), Some(80)));
        progress.clear(6);
        progress.leave_to_a_new_search(5);
        assert!(progress.is_outdated() && !progress.is_through());
        assert_eq!((progress.leaf(), progress.unsearched().records), (Some(4), Some(50)));
        progress.pass(3);
        assert_eq!((progress.leaf(), progress.unsearched().records), (Some(2), Some(50)));
        progress.clear_for_good((0, 2));
        assert_eq!((progress.leaf(), progress.unsearched().records), (None, Some(20)));
        assert!(progress.is_through() && !progress.is_whole());
    }

    #[test]
    fn what_was_cleared_for_good_is_so_for_the_same_search_later() {
        let mut before = begun();
        before.clear_for_good((6, 7));
        before.clear_for_good((3, 5));
        assert_eq!(before.cleared, BTreeMap::from([(3, 7)]));
        let mut progress = Progress::new((Arc::clone(&before.open), true), Some(&before));
        assert!(progress.is_cleared(7));
        assert_eq!(progress.leaf(), Some(2));
        assert!(!progress.is_cleared(2));
        progress.fill();
        assert!(progress.is_through() && !progress.is_whole());
        assert_eq!(progress.unsearched().records, Some(30));
    }
}
