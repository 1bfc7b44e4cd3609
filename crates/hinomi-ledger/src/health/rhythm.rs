//! How long a source is silent at times, and whether it is silent for longer now.
//!
//! A pause is measured twice: in time, and in records that were to be expected meanwhile ([`Profile`]). A night without
//! records is long in time and short in expected records; bursts are the other way round. A silence is named when it is
//! two and a half times as long, in expected records, as the longest pause of the last five weeks; or, for what comes so seldom that nothing
//! is ever expected, in time: twice where all pauses are alike, as those of a nightly job, three times elsewhere.
//!
//! If pauses are exchangeable, one of n is longer than all before it with a chance of 1/n; more than twice as long is far rarer for
//! every distribution without heavy tails. What that comes to is measured by `tests::false_alarms_are_rare`.

use serde::{Deserialize, Serialize};

use super::Settings;
use super::longest::Longest;
use super::profile::Profile;

/// Pauses that have to be known before one is judged by expected records, and by time alone.
const ENOUGH: u64 = 8;
/// How much longer than the longest pause a silence is that is named.
const BY_EXPECTED: f64 = 2.5;
const BY_TIME_ALIKE: f64 = 2.0;
const BY_TIME: f64 = 3.0;
/// Pauses are alike when the longest is no more than this many times the mean.
const ALIKE: f64 = 1.5;

/// The rhythm of one source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Rhythm {
    profile: Profile,
    pauses: Longest,
    pauses_ns: Longest,
    paused_ns: f64,
    first_ns: Option<i64>,
    last_ns: i64,
    /// Since when the pause that is going on counts: the ledger did not run before, or a plan said so.
    counts_from_ns: i64,
}

impl Rhythm {
    /// Records came. `whole` is false when the pause before them is not to be learnt.
    pub(super) fn note(&mut self, at_ns: i64, records: u64, whole: bool) {
        if self.first_ns.is_none() {
            self.first_ns = Some(at_ns);
            self.last_ns = at_ns;
            self.profile.note(at_ns, records, true);
            return;
        }
        let from = self.since();
        let whole = whole && from == self.last_ns && at_ns >= from;
        if whole && at_ns > from {
            self.pauses.note(at_ns, self.profile.expected(from, at_ns));
            self.pauses_ns.note(at_ns, (at_ns - from) as f64);
            self.paused_ns += (at_ns - from) as f64;
        }
        self.profile.note(at_ns, records, whole);
        self.last_ns = self.last_ns.max(at_ns);
        // A clock that was ahead must not hide what comes.
        if at_ns < self.last_ns.saturating_sub(super::profile::HOUR_NS) {
            self.last_ns = at_ns;
        }
    }

    /// Nothing could be received, or needed to be, until now.
    pub(super) fn excused(&mut self, until_ns: i64) {
        self.counts_from_ns = self.counts_from_ns.max(until_ns);
    }

    /// Whether everything since it was last heard was watched and no plan excused it.
    pub(super) fn is_watched(&self) -> bool {
        self.counts_from_ns <= self.last_ns
    }

    /// Since when it is silent.
    pub(super) fn since(&self) -> i64 {
        self.last_ns.max(self.counts_from_ns)
    }

    /// Since when it is watched, and what came in each hour of the week.
    pub(super) fn week(&self) -> Option<(i64, Vec<Option<f64>>)> {
        Some((self.first_ns?, self.profile.week()))
    }

    pub(super) fn last_ns(&self) -> i64 {
        self.last_ns
    }

    pub(super) fn learnt(&self, settings: &Settings) -> bool {
        self.first_ns.is_some_and(|first| self.last_ns.saturating_sub(first) >= settings.learn_ns)
            && self.pauses.count() >= ENOUGH
    }

    /// How much of what it takes to be named a silence has reached, 1 and more when it is; `None` while it is learnt.
    pub(super) fn silence(&self, now_ns: i64, settings: &Settings) -> Option<f64> {
        if !self.learnt(settings) {
            return None;
        }
        let since = self.since();
        let passed = now_ns.saturating_sub(since).max(0) as f64;
        let expected = self.profile.expected(since, now_ns) / (BY_EXPECTED * self.pauses.max() + 1.0);
        let longest = self.pauses_ns.max();
        let alike = longest <= ALIKE * self.paused_ns / (self.pauses_ns.count().max(1) as f64);
        let by_time = passed / (if alike { BY_TIME_ALIKE } else { BY_TIME } * longest).max(1.0);
        Some(expected.max(by_time).min(passed / settings.least_ns.max(1) as f64))
    }

    /// Records that were to be expected since it was last heard.
    pub(super) fn expected_since(&self, now_ns: i64) -> f64 {
        self.profile.expected(self.since(), now_ns)
    }

    pub(super) fn expected(&self, from_ns: i64, to_ns: i64) -> f64 {
        self.profile.expected(from_ns, to_ns)
    }

    /// Longest pause of the last weeks, in nanoseconds.
    pub(super) fn longest_ns(&self) -> i64 {
        self.pauses_ns.max() as i64
    }

    /// Longest pause of the last weeks, in records that were to be expected.
    pub(super) fn longest(&self) -> f64 {
        self.pauses.max()
    }

    /// Records an hour to be expected around a time.
    pub(super) fn per_hour(&self, now_ns: i64) -> f64 {
        let half = super::profile::HOUR_NS / 2;
        self.profile.expected(now_ns.saturating_sub(half), now_ns.saturating_add(half))
    }
}
