//! Looking at passwords takes memory and time: few at once, and one place is kept for devices that are known.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Passwords that are looked at at a time, of strangers and of all.
const STRANGERS: usize = 2;
const ALL: usize = 3;

/// Places to look at passwords.
#[derive(Debug, Default)]
pub(super) struct Places(AtomicUsize);

/// A place that is taken.
#[derive(Debug)]
pub(super) struct Place<'p>(&'p AtomicUsize);

impl Places {
    /// Takes one; `None` when too many others do.
    pub(super) fn take(&self, known: bool) -> Option<Place<'_>> {
        let most = if known { ALL } else { STRANGERS };
        let more = |taken: usize| (taken < most).then_some(taken + 1);
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).ok()?;
        Some(Place(&self.0))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_leave_a_place_for_those_who_are_known() {
        let places = Places::default();
        let (one, two) = (places.take(false), places.take(false));
        assert!(one.is_some() && two.is_some() && places.take(false).is_none());
        let known = places.take(true);
        assert!(known.is_some() && places.take(true).is_none());
        drop((one, known));
        assert!(places.take(false).is_some());
    }
}
