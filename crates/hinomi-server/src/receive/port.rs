//! A listener: what it is called, what is allowed through it, and what was counted there.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::pace::Rate;

/// Upper bounds of the histogram of acknowledgements, in microseconds.
pub(crate) const BUCKETS_US: [u64; 12] = [
    1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000, 5_000_000, 20_000_000,
];

/// A listener.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) name: String,
    /// What it speaks: `syslog-udp`, `http`, `file` …
    pub(crate) kind: &'static str,
    pub(crate) class: String,
    /// Whether addresses are part of the names of named senders.
    pub(crate) by_address: bool,
    /// Whether the protocol tells the sender what is durable.
    pub(crate) acknowledges: bool,
    pub(crate) rate: Rate,
    pub(crate) counted: Counted,
}

/// What was counted at a listener.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    pub(crate) events: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) connections: AtomicU64,
    pub(crate) turned_away: AtomicU64,
    pub(crate) unauthorised: AtomicU64,
    pub(crate) malformed: AtomicU64,
    pub(crate) oversized: AtomicU64,
    /// Events that were received and given up, because their sender cannot be told to wait.
    pub(crate) dropped: AtomicU64,
    /// Requests that were asked to come again later.
    pub(crate) deferred: AtomicU64,
    acknowledged: [AtomicU64; BUCKETS_US.len() + 1],
    acknowledged_us: AtomicU64,
}

pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Counted {
    /// Counts an acknowledgement and the time from the last byte to it.
    pub(crate) fn acknowledged(&self, after: Duration) {
        let us = u64::try_from(after.as_micros()).unwrap_or(u64::MAX);
        let at = BUCKETS_US.iter().position(|bound| us <= *bound).unwrap_or(BUCKETS_US.len());
        self.acknowledged.get(at).map(count);
        self.acknowledged_us.fetch_add(us, Ordering::Relaxed);
    }

    /// The histogram: how many within each bound and beyond all of them, not added up; and the sum in microseconds.
    pub(crate) fn histogram(&self) -> (Vec<u64>, u64) {
        let all = self.acknowledged.iter().map(|n| n.load(Ordering::Relaxed)).collect();
        (all, self.acknowledged_us.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
impl Port {
    pub(crate) fn test(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind: "syslog",
            class: "c".to_owned(),
            by_address: true,
            acknowledges: true,
            rate: Rate::default(),
            counted: Counted::default(),
        }
    }
}
