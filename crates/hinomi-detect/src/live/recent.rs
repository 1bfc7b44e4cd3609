//! Ids of detections that were made lately.

use std::collections::{BTreeMap, BTreeSet};

use hinomi_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::REPEAT_NS;
use crate::saved;

/// Each id until it is forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Saved", into = "Saved")]
pub(super) struct Recent {
    until: BTreeMap<u128, i64>,
    order: BTreeSet<(i64, u128)>,
}

#[derive(Serialize, Deserialize)]
struct Saved(#[serde(with = "saved::pairs")] BTreeMap<String, i64>);

impl From<Saved> for Recent {
    fn from(saved: Saved) -> Self {
        let until: BTreeMap<u128, i64> =
            saved.0.into_iter().map(|(id, until)| (number(&id), until)).collect();
        let order = until.iter().map(|(id, until)| (*until, *id)).collect();
        Self { until, order }
    }
}

impl From<Recent> for Saved {
    fn from(recent: Recent) -> Self {
        Self(recent.until.into_iter().map(|(id, until)| (format!("{id:032x}"), until)).collect())
    }
}

/// An id is 32 hexadecimal digits.
fn number(id: &str) -> u128 {
    u128::from_str_radix(id, 16).unwrap_or_default()
}

impl Recent {
    /// Remembers an id from `now` on; false when it was known, which does not prolong it.
    pub(super) fn insert(&mut self, id: &str, now: Timestamp) -> bool {
        let (id, until) = (number(id), now.as_nanos().saturating_add(REPEAT_NS));
        if self.until.contains_key(&id) {
            return false;
        }
        self.until.insert(id, until);
        self.order.insert((until, id));
        true
    }

    /// Forgets what is over.
    pub(super) fn expire(&mut self, now: Timestamp) {
        while let Some((until, id)) = self.order.pop_first() {
            if until >= now.as_nanos() {
                self.order.insert((until, id));
                return;
            }
            self.until.remove(&id);
        }
    }

    /// Forgets the oldest beyond `most`; returns how many.
    pub(super) fn shrink(&mut self, most: usize) -> u64 {
        let mut forgotten = 0;
        while self.until.len() > most {
            let Some((_, id)) = self.order.pop_first() else { break };
            self.until.remove(&id);
            forgotten += 1;
        }
        forgotten
    }
}
