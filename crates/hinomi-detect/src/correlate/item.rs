//! What takes part in a window.

use hinomi_model::{Digest, Timestamp};
use serde::{Deserialize, Serialize};

use crate::saved;

/// An event, or an occurrence of another correlation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Item {
    #[serde(with = "saved::time")]
    pub time: Timestamp,
    #[serde(with = "saved::digest")]
    pub digest: Digest,
    pub number: u64,
    /// Positions of the referred rules that it stands for, ascending.
    pub rules: Vec<usize>,
    /// Values of the counted fields; empty when the correlation counts none.
    pub values: Vec<String>,
    /// Handles of the matches behind it.
    pub matches: Vec<usize>,
    pub more: u64,
}

impl Item {
    /// Takes in the same event, matched by another rule.
    fn absorb(&mut self, other: Self) {
        self.rules.extend(other.rules);
        self.rules.sort_unstable();
        self.rules.dedup();
        self.matches.extend(other.matches);
        self.more += other.more;
    }
}

/// Items of one instant in order, each event once.
pub(super) fn settle(mut items: Vec<Item>) -> Vec<Item> {
    items.sort_by_key(|item| (item.digest, item.number));
    let mut settled: Vec<Item> = Vec::with_capacity(items.len());
    for item in items {
        match settled.last_mut() {
            Some(last) if last.number == item.number => last.absorb(item),
            _ => settled.push(item),
        }
    }
    settled
}
