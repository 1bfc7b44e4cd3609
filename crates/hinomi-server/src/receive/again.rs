//! Requests that come again: their sender did not hear that they were kept.
//!
//! # Invariants
//! - What is remembered of a source is bounded; it is a figure, and decides nothing. What the ledger holds twice is found in
//!   the ledger itself (`hinomi ledger repeats`), also what came before this server started.

use std::collections::VecDeque;
use std::hash::BuildHasher as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use foldhash::fast::RandomState;
use tokio::time::Instant;

/// Requests of a source that are remembered.
const REMEMBERED: usize = 128;
/// For how long.
const FOR: Duration = Duration::from_mins(15);

/// The latest requests of one source.
#[derive(Debug, Default)]
pub(crate) struct Again {
    hasher: RandomState,
    recent: Mutex<VecDeque<(u64, Instant)>>,
}

impl Again {
    /// Remembers a request that is handed in; whether one with the same bytes came not long ago.
    pub(crate) fn came(&self, body: &[u8], now: Instant) -> bool {
        let hash = self.hasher.hash_one(body);
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        while recent.len() >= REMEMBERED
            || recent.front().is_some_and(|(_, at)| now.saturating_duration_since(*at) > FOR)
        {
            recent.pop_front();
        }
        let again = recent.iter().any(|(known, _)| *known == hash);
        recent.push_back((hash, now));
        again
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_came_not_long_ago_came_again() {
        let (again, start) = (Again::default(), Instant::now());
        assert!(!again.came(b"a", start));
        assert!(!again.came(b"b", start));
        assert!(again.came(b"a", start + Duration::from_mins(1)));
        let late = start + Duration::from_mins(1) + FOR + Duration::from_secs(1);
        assert!(!again.came(b"a", late));
        for n in 0..1_000_u32 {
            assert!(!again.came(&n.to_le_bytes(), late));
        }
        assert!(!again.came(b"a", late), "forgotten");
        assert_eq!(again.recent.lock().unwrap().len(), REMEMBERED);
    }
}
