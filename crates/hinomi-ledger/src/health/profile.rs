//! How many records are to be expected when: the mean of each hour of the week, in UTC.
//!
//! An hour counts as much as the quietest of itself and its two neighbours. So a habit may begin and end an hour earlier
//! or later, as it does when clocks change in spring and autumn, and nothing is missed meanwhile; the price is an hour's
//! delay at the edges of a working day.

use serde::{Deserialize, Serialize};

pub(super) const HOUR_NS: i64 = 3_600_000_000_000;
pub(super) const WEEK_NS: i64 = 168 * HOUR_NS;
/// Weeks over which an hour's mean is taken.
const MEMORY: f64 = 4.0;
/// Hours that one pause is taken apart into; what is longer expects no more.
const LONGEST_PAUSE: i64 = 35 * 24;

/// Expected records by hour of the week.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Profile {
    /// Mean of each hour and over how many weeks; empty until the first whole hour.
    hours: Vec<(f32, u8)>,
    /// The hour that is going on, counted from 1970, and what came in it; not learnt when it was not watched whole.
    current: Option<(i64, u64, bool)>,
    /// Records, and nanoseconds watched: what is expected in hours that were never watched.
    records: u64,
    watched_ns: i64,
    seen_ns: Option<i64>,
}

impl Profile {
    /// Records came. `whole` is false when the time since the last ones does not count: nobody watched, or it was
    /// a silence that is not to be learnt.
    pub(super) fn note(&mut self, at_ns: i64, records: u64, whole: bool) {
        let hour = at_ns.div_euclid(HOUR_NS);
        match self.current {
            Some((current, count, sound)) if whole && current <= hour => {
                if current == hour {
                    self.current = Some((hour, count.saturating_add(records), sound));
                } else {
                    self.close(current, count, sound, hour);
                    self.current = Some((hour, records, true));
                }
            }
            Some((current, count, _)) if current == hour => {
                self.current = Some((hour, count.saturating_add(records), false));
            }
            _ => self.current = Some((hour, records, false)),
        }
        if let Some(seen) = self.seen_ns.filter(|_| whole) {
            self.watched_ns = self.watched_ns.saturating_add(at_ns.saturating_sub(seen).max(0));
            self.records = self.records.saturating_add(records);
        }
        self.seen_ns = Some(at_ns);
    }

    fn close(&mut self, current: i64, count: u64, sound: bool, hour: i64) {
        if sound {
            self.learn(current, count);
        }
        for empty in (current + 1..hour).take(LONGEST_PAUSE as usize) {
            self.learn(empty, 0);
        }
    }

    fn learn(&mut self, hour: i64, count: u64) {
        if self.hours.is_empty() {
            self.hours = vec![(0.0, 0); 168];
        }
        if let Some((mean, weeks)) = self.hours.get_mut(slot(hour)) {
            *weeks = weeks.saturating_add(1);
            let share = 1.0 / f64::from(*weeks).min(MEMORY);
            *mean += ((count as f64 - f64::from(*mean)) * share) as f32;
        }
    }

    /// Records to be expected in an hour.
    fn in_hour(&self, hour: i64) -> f64 {
        let overall = || match self.watched_ns {
            0 => 0.0,
            watched => self.records as f64 * HOUR_NS as f64 / watched as f64,
        };
        let of = |hour| match self.hours.get(slot(hour)) {
            Some((mean, 1..)) => f64::from(*mean),
            _ => overall(),
        };
        of(hour).min(of(hour - 1)).min(of(hour + 1))
    }

    /// Records that came in each hour of the week, from Monday on (UTC); `None` for hours that were never watched whole.
    pub(super) fn week(&self) -> Vec<Option<f64>> {
        // The first hour of 1970-01-05, a Monday.
        (96..96 + 168)
            .map(|hour| match self.hours.get(slot(hour)) {
                Some((mean, 1..)) => Some(f64::from(*mean)),
                _ => None,
            })
            .collect()
    }

    /// Records to be expected between two times.
    pub(super) fn expected(&self, from_ns: i64, to_ns: i64) -> f64 {
        let (first, last) = (from_ns.div_euclid(HOUR_NS), to_ns.div_euclid(HOUR_NS));
        let last = last.min(first.saturating_add(LONGEST_PAUSE));
        let mut sum = 0.0;
        for hour in first..=last {
            let begins = hour.saturating_mul(HOUR_NS).max(from_ns);
            let ends = hour.saturating_add(1).saturating_mul(HOUR_NS).min(to_ns);
            sum += self.in_hour(hour) * (ends.saturating_sub(begins).max(0) as f64 / HOUR_NS as f64);
        }
        sum
    }
}

fn slot(hour: i64) -> usize {
    usize::try_from(hour.rem_euclid(168)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::float_cmp, reason = "sums of whole numbers are exact")]

    use super::*;

    /// Ten records an hour from 9 to 18 h, every day, for so many days.
    fn office(days: i64) -> Profile {
        let mut profile = Profile::default();
        for day in 0..days {
            for tenth in 0..90 {
                profile.note(day * 24 * HOUR_NS + 9 * HOUR_NS + tenth * HOUR_NS / 10, 1, true);
            }
        }
        profile
    }

    #[test]
    fn nights_expect_nothing_and_edges_an_hour_less() {
        let profile = office(15);
        let between = |from: i64, to: i64| profile.expected((336 + from) * HOUR_NS, (336 + to) * HOUR_NS);
        assert_eq!(between(18, 24), 0.0);
        assert_eq!(between(9, 10), 0.0, "it may begin an hour later");
        assert!((between(12, 13) - 10.0).abs() < 0.5, "{}", between(12, 13));
        assert!((between(0, 24) - 70.0).abs() < 3.0, "{}", between(0, 24));
        assert!((between(12, 12) - 0.0).abs() < 1e-9);
    }

    #[test]
    fn before_anything_is_known_the_mean_counts() {
        let mut profile = Profile::default();
        assert_eq!(profile.expected(0, HOUR_NS), 0.0);
        (0..30).for_each(|second| profile.note(second * 1_000_000_000, 1, true));
        let minute = profile.expected(30_000_000_000, 90_000_000_000);
        assert!((minute - 60.0).abs() < 1.0, "{minute}");
    }

    #[test]
    fn hours_that_nobody_watched_are_not_learnt() {
        let mut profile = office(8);
        let before = profile.clone();
        // Three days of noon without anybody watching.
        profile.note((8 * 24 + 72) * HOUR_NS, 1, false);
        assert_eq!(profile.hours, before.hours);
        profile.note(i64::MAX, 1, true);
        profile.note(i64::MIN, 1, true);
        assert!(profile.expected(i64::MIN, i64::MAX).is_finite());
    }
}
