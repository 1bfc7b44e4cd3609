//! Bytes on their way to the ledger: bounded in total and for each source.
//!
//! # Invariants
//! - A quarter of it is left to those that hold little, so that a few that hold all they may do not shut out the others.
//! - What is held is given back when the holder is dropped, whatever happened to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

use super::source::Source;

/// What a source may hold and still be one that holds little.
const LITTLE: u64 = 4 << 20;

/// The bound that all sources share.
#[derive(Debug)]
pub(crate) struct Budget {
    total: u64,
    per_source: u64,
    used: AtomicU64,
    freed: Notify,
}

/// A part of the budget, of one source.
#[derive(Debug)]
pub(crate) struct Held {
    budget: Arc<Budget>,
    source: Arc<Source>,
    bytes: u64,
}

/// Adds to a counter unless that would exceed a bound.
fn take(counter: &AtomicU64, bytes: u64, bound: u64) -> bool {
    let add = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= bound);
    counter.fetch_update(Ordering::AcqRel, Ordering::Acquire, add).is_ok()
}

impl Budget {
    pub(crate) fn new(total: u64, per_source: u64) -> Arc<Self> {
        Arc::new(Self {
            total,
            per_source: per_source.min(total),
            used: AtomicU64::new(0),
            freed: Notify::new(),
        })
    }

    /// Bytes that all sources hold.
    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Acquire)
    }

    fn add(&self, source: &Source, bytes: u64) -> bool {
        if !take(&source.held, bytes, self.per_source) {
            return false;
        }
        let little = source.held.load(Ordering::Acquire) <= LITTLE;
        let bound = if little { self.total } else { self.total - self.total / 4 };
        let fits = take(&self.used, bytes, bound);
        if !fits {
            source.held.fetch_sub(bytes, Ordering::AcqRel);
        }
        fits
    }

    /// Takes bytes for a source if there is room now.
    pub(crate) fn hold(self: &Arc<Self>, source: &Arc<Source>, bytes: u64) -> Option<Held> {
        self.add(source, bytes).then(|| Held { budget: self.clone(), source: source.clone(), bytes })
    }

    /// Takes bytes for a source as soon as there is room. More than a source may ever hold is cut to that.
    pub(crate) async fn wait(self: &Arc<Self>, source: &Arc<Source>, bytes: u64) -> Held {
        let bytes = bytes.min(self.per_source);
        loop {
            // Made before looking, so that what comes back in between is not missed.
            let freed = self.freed.notified();
            if let Some(held) = self.hold(source, bytes) {
                return held;
            }
            freed.await;
        }
    }
}

impl Held {
    /// Takes more; false when there is no room.
    pub(crate) fn grow(&mut self, bytes: u64) -> bool {
        let fits = self.budget.add(&self.source, bytes);
        if fits {
            self.bytes += bytes;
        }
        fits
    }

    /// Takes or gives back so that it is `bytes`; false when there is no room.
    pub(crate) fn resize(&mut self, bytes: u64) -> bool {
        let fits = self.grow(bytes.saturating_sub(self.bytes));
        if fits {
            self.shrink_to(bytes);
        }
        fits
    }

    /// Gives back what is above `bytes`.
    fn shrink_to(&mut self, bytes: u64) {
        let free = self.bytes.saturating_sub(bytes);
        self.bytes -= free;
        self.source.held.fetch_sub(free, Ordering::AcqRel);
        self.budget.used.fetch_sub(free, Ordering::AcqRel);
        self.budget.freed.notify_waiters();
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_source_leaves_room_for_others_and_all_of_it_comes_back() {
        let budget = Budget::new(100, 60);
        let (a, b) = (Arc::new(Source::named("a")), Arc::new(Source::named("b")));
        let mut first = budget.hold(&a, 50).unwrap();
        assert!(!first.grow(11), "above what one source may hold");
        assert!(first.grow(10));
        let second = budget.hold(&b, 40).unwrap();
        assert!(budget.hold(&b, 1).is_none(), "above what all may hold");
        assert_eq!(b.held.load(Ordering::Acquire), 40, "a refusal takes nothing");
        drop((first, second));
        assert_eq!((budget.used(), a.held.load(Ordering::Acquire)), (0, 0));
    }

    #[test]
    fn those_that_hold_much_leave_room_for_those_that_hold_little() {
        let budget = Budget::new(16 * LITTLE, 16 * LITTLE);
        let (much, little) = (Arc::new(Source::named("much")), Arc::new(Source::named("little")));
        let mut first = budget.hold(&much, 12 * LITTLE).unwrap();
        assert!(!first.grow(1), "the last quarter is not for it");
        let _small = budget.hold(&little, LITTLE).unwrap();
        assert!(budget.hold(&little, LITTLE).is_none(), "not little any more");
        let others: Vec<_> =
            (0..3).map(|n| budget.hold(&Arc::new(Source::named(&n.to_string())), LITTLE).unwrap()).collect();
        assert_eq!((budget.used(), others.len()), (16 * LITTLE, 3));
    }

    #[test]
    fn who_waits_is_let_in_when_room_comes_back() {
        let budget = Budget::new(10, 10);
        let source = Arc::new(Source::named("a"));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        let held = budget.hold(&source, 10).unwrap();
        let waiting = {
            let (budget, source) = (budget.clone(), source.clone());
            runtime.spawn(async move { budget.wait(&source, 1_000).await })
        };
        std::thread::sleep(std::time::Duration::from_millis(20));
        assert!(!waiting.is_finished());
        drop(held);
        let held = runtime.block_on(waiting).unwrap();
        assert_eq!(budget.used(), 10, "more than there can ever be is cut to what there can be");
        drop(held);
        assert_eq!(budget.used(), 0);
    }
}
