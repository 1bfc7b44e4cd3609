//! Searches that were begun, so that pages of an answer belong together and counting goes on where it was.
//!
//! # Invariants
//! [`MOST`] are kept, of [`MOST_BYTES`] together, for [`MINUTES`] after somebody asked last. What was begun before an erasure is not
//! gone on with.

use std::sync::{Arc, Mutex, PoisonError};

use hinomi_model::{NANOS_PER_SECOND, Timestamp};
use hinomi_query::Coverage;
use hinomi_query::search::{Sweep, Wanted};

use super::progress::Progress;
use super::standing::View;
use crate::clock;

const MOST: usize = 16;
const MOST_BYTES: usize = 96 << 20;
const MINUTES: i64 = 10;
/// Time in which a question that was asked before goes on with the same search, when no snapshot is named.
const SAME_NS: i64 = 3 * NANOS_PER_SECOND;

/// What makes two questions the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Key {
    pub(super) text: String,
    pub(super) since: Option<Timestamp>,
    pub(super) until: Option<Timestamp>,
    pub(super) earliest: bool,
}

/// A search, how far it is, and what it could not see.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) key: Key,
    pub(super) origin: String,
    pub(super) wanted: Wanted,
    pub(super) sweep: Mutex<Sweep>,
    /// What the snapshot does not have.
    pub(super) beyond: Mutex<Beyond>,
    erasures: u64,
    /// Number of the view.
    view: u64,
    made: Timestamp,
}

/// How far it is looked at, and what could not be seen in all.
#[derive(Debug)]
pub(super) struct Beyond {
    pub(super) progress: Progress,
    pub(super) coverage: Coverage,
}

#[derive(Debug)]
struct Kept {
    id: String,
    used: Timestamp,
    begun: Arc<Begun>,
}

/// Those that are kept, the last used last.
#[derive(Debug)]
pub(super) struct Sweeps {
    kept: Mutex<(u64, Vec<Kept>)>,
    /// Ids of another run of the program are none of this one.
    started: i64,
}

fn age(now: Timestamp, then: Timestamp) -> u64 {
    (now.as_nanos() - then.as_nanos()).unsigned_abs()
}

impl Sweeps {
    pub(super) fn new() -> Self {
        Self { kept: Mutex::default(), started: clock::now().as_nanos() / 1_000_000 }
    }

    /// A search by the id that an answer named, if it is still kept.
    pub(super) fn named(&self, id: &str, view: &View) -> Option<Arc<Begun>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.1.iter().position(|k| k.id == id && k.begun.erasures == view.erasures)?;
        let mut found = kept.1.remove(at);
        found.used = clock::now();
        let begun = Arc::clone(&found.begun);
        kept.1.push(found);
        Some(begun)
    }

    /// The same question, asked a moment ago.
    pub(super) fn same(&self, key: &Key, view: &View) -> Option<(String, Arc<Begun>)> {
        let now = clock::now();
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |k: &&Kept| {
            k.begun.key == *key
                && k.begun.view == view.number
                && k.begun.erasures == view.erasures
                && age(now, k.begun.made) < SAME_NS.unsigned_abs()
        };
        kept.1.iter().rev().find(fresh).map(|k| (k.id.clone(), Arc::clone(&k.begun)))
    }

    /// The same question, asked last: what it knows of leaves still holds.
    pub(super) fn before(&self, key: &Key, view: &View) -> Option<Arc<Begun>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |k: &&Kept| k.begun.key == *key && k.begun.erasures == view.erasures;
        kept.1.iter().rev().find(same).map(|k| Arc::clone(&k.begun))
    }

    /// Keeps a new one, and forgets what there is no room for.
    pub(super) fn keep(
        &self,
        key: Key,
        view: &View,
        (wanted, beyond): (Wanted, Beyond),
        sweep: Sweep,
    ) -> (String, Arc<Begun>) {
        let now = clock::now();
        let begun = Arc::new(Begun {
            key,
            origin: view.origin.clone(),
            wanted,
            sweep: Mutex::new(sweep),
            beyond: Mutex::new(beyond),
            erasures: view.erasures,
            view: view.number,
            made: now,
        });
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (number, all) = &mut *kept;
        *number += 1;
        let id = format!("{:x}-{number:x}", self.started);
        let old = u64::try_from(MINUTES * 60 * NANOS_PER_SECOND).unwrap_or(u64::MAX);
        all.retain(|k| age(now, k.used) < old && k.begun.erasures == view.erasures);
        all.push(Kept { id: id.clone(), used: now, begun: Arc::clone(&begun) });
        // What is being read just now counts when it is looked at the next time.
        let bytes = |k: &Kept| k.begun.sweep.try_lock().map_or(0, |sweep| sweep.bytes());
        let mut sum: usize = all.iter().map(bytes).sum();
        while all.len() > MOST || (all.len() > 1 && sum > MOST_BYTES) {
            let gone = all.remove(0);
            sum = sum.saturating_sub(bytes(&gone));
        }
        (id, begun)
    }
}
