//! When a source wrote, to the minute.

use hinomi_model::{NANOS_PER_SECOND, Timestamp};

const MINUTE_NS: i64 = 60 * NANOS_PER_SECOND;

/// Minutes with events: bits, by hours since 1970 in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Active(pub(super) Vec<(i64, u64)>);

impl Active {
    /// Start of the first minute with events after a minute.
    fn after(&self, minute: i64) -> Option<i64> {
        let wanted = minute.saturating_add(1);
        let from = self.0.partition_point(|(hour, _)| *hour < wanted.div_euclid(60));
        self.0.get(from..)?.iter().find_map(|(hour, minutes)| {
            let begun = if *hour == wanted.div_euclid(60) { wanted.rem_euclid(60) } else { 0 };
            let left = minutes & (u64::MAX << begun);
            (left != 0).then(|| hour * 60 + i64::from(left.trailing_zeros()))
        })
    }

    /// Start of the last minute with events before a minute.
    fn before(&self, minute: i64) -> Option<i64> {
        let wanted = minute.saturating_sub(1);
        let to = self.0.partition_point(|(hour, _)| *hour <= wanted.div_euclid(60));
        self.0.get(..to)?.iter().rev().find_map(|(hour, minutes)| {
            let most = if *hour == wanted.div_euclid(60) { wanted.rem_euclid(60) } else { 63 };
            let left = minutes & (u64::MAX >> (63 - most));
            (left != 0).then(|| hour * 60 + 63 - i64::from(left.leading_zeros()))
        })
    }

    /// When it wrote again after it was stopped at `time`. `Err` when it went on: what a sensor still writes while it ends,
    /// up to two minutes after, is no going on.
    pub fn again(&self, time: Timestamp) -> Result<Option<Timestamp>, WentOn> {
        let stopped = time.as_nanos().div_euclid(MINUTE_NS);
        let next = match self.after(stopped) {
            Some(next) if next == stopped + 1 => match self.after(next) {
                Some(second) if second == next + 1 => return Err(WentOn),
                later => later,
            },
            next => next,
        };
        Ok(next.map(started))
    }

    /// End of the last minute with events before that of `time`.
    pub fn until(&self, time: Timestamp) -> Option<Timestamp> {
        self.before(time.as_nanos().div_euclid(MINUTE_NS)).map(|minute| started(minute + 1))
    }
}

/// A log went on although it was said to be stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WentOn;

fn started(minute: i64) -> Timestamp {
    Timestamp::from_nanos(minute.saturating_mul(MINUTE_NS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64, second: i64) -> Timestamp {
        Timestamp::from_nanos((minute * 60 + second) * NANOS_PER_SECOND)
    }

    fn active(minutes: &[i64]) -> Active {
        let mut hours = std::collections::BTreeMap::<i64, u64>::new();
        for minute in minutes {
            *hours.entry(minute.div_euclid(60)).or_default() |= 1 << minute.rem_euclid(60);
        }
        Active(hours.into_iter().collect())
    }

    #[test]
    fn neighbours_are_those_that_a_plain_search_finds() {
        let sets: [&[i64]; 5] =
            [&[], &[59], &[0, 59, 60, 61, 119, 120, 300], &[-61, -1, 0], &[60, 3000, 3001]];
        for minutes in sets {
            let active = active(minutes);
            for minute in -70..3010 {
                let after = minutes.iter().copied().filter(|m| *m > minute).min();
                let before = minutes.iter().copied().filter(|m| *m < minute).max();
                assert_eq!(
                    (active.after(minute), active.before(minute)),
                    (after, before),
                    "{minutes:?} {minute}"
                );
            }
        }
    }

    #[test]
    fn a_stopped_log_ends_with_what_it_writes_while_it_ends() {
        assert_eq!(active(&[3, 4, 5]).again(at(5, 30)), Ok(None));
        assert_eq!(active(&[3, 5, 6]).again(at(5, 59)), Ok(None));
        assert_eq!(active(&[3, 5, 6, 90]).again(at(5, 59)), Ok(Some(at(90, 0))));
        assert_eq!(active(&[5, 7]).again(at(5, 1)), Ok(Some(at(7, 0))));
        assert_eq!(active(&[5, 6, 7, 8]).again(at(5, 1)), Err(WentOn));
        assert_eq!(active(&[3, 8]).until(at(8, 1)), Some(at(4, 0)));
        assert_eq!(active(&[8]).until(at(8, 59)), None);
    }
}
