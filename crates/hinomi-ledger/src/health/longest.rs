//! The largest of something in the last weeks.

use serde::{Deserialize, Serialize};

use super::profile::WEEK_NS;

/// Weeks that are remembered, the current one among them.
const WEEKS: usize = 5;

/// Largest value of each of the last weeks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Longest {
    week: i64,
    of_week: Vec<f64>,
    count: u64,
}

impl Longest {
    pub(super) fn note(&mut self, at_ns: i64, value: f64) {
        let week = at_ns.div_euclid(WEEK_NS);
        if self.of_week.is_empty() {
            self.week = week;
        }
        // A clock that was set back writes into the current week.
        let passed = usize::try_from(week.saturating_sub(self.week)).unwrap_or(0).min(WEEKS);
        for _ in 0..passed {
            self.of_week.insert(0, 0.0);
        }
        self.week = self.week.max(week);
        self.of_week.truncate(WEEKS);
        match self.of_week.first_mut() {
            Some(first) => *first = first.max(value),
            None => self.of_week.push(value),
        }
        self.count = self.count.saturating_add(1);
    }

    /// How many values were seen, ever.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn max(&self) -> f64 {
        self.of_week.iter().copied().fold(0.0, f64::max)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::float_cmp, reason = "sums of whole numbers are exact")]

    use super::*;

    #[test]
    fn what_is_older_than_five_weeks_is_forgotten() {
        let mut longest = Longest::default();
        assert_eq!(longest.max(), 0.0);
        longest.note(0, 9.0);
        for week in 1..5 {
            longest.note(week * WEEK_NS, 2.0);
            assert_eq!(longest.max(), 9.0, "week {week}");
        }
        longest.note(5 * WEEK_NS, 1.0);
        assert_eq!((longest.max(), longest.count()), (2.0, 6));
        longest.note(0, 4.0);
        assert_eq!(longest.max(), 4.0, "a clock set back");
        longest.note(i64::MAX, 1.0);
        assert_eq!(longest.max(), 1.0);
    }
}
