//! How a source numbers its records.

use serde::{Deserialize, Serialize};

/// A way of counting: from the first to the last number, one by one, and then perhaps from the first again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Numbering {
    /// The number of the first record that the source ever made.
    pub first: u64,
    /// The largest number.
    pub last: u64,
    /// Whether the first number follows the largest one.
    pub wraps: bool,
}

impl Numbering {
    /// Counters of agents and of Hinomi's own sources: 0, 1, 2 and so on.
    pub const COUNTER: Self = Self { first: 0, last: u64::MAX, wraps: false };
    /// `EventRecordID` of a Windows channel: from 1; it starts anew only when somebody clears the log.
    pub const EVENT_RECORD_ID: Self = Self { first: 1, last: u64::MAX, wraps: false };
    /// `sequenceId` of syslog: from 1 to 2,147,483,647 and then from 1 again (RFC 5424, section 7.3.1).
    pub const SYSLOG: Self = Self { first: 1, last: 2_147_483_647, wraps: true };

    /// Whether the source can have given out this number.
    pub const fn holds(self, number: u64) -> bool {
        self.first <= number && number <= self.last
    }

    /// The position of `number` on a line without wrapping, given a known position of another number: the one nearest to
    /// it if the numbering wraps.
    pub(super) fn position(self, number: u64, known: Option<(u64, i128)>) -> i128 {
        let Some((other, position)) = known.filter(|_| self.wraps) else { return i128::from(number) };
        let size = i128::from(self.last) - i128::from(self.first) + 1;
        let ahead = (i128::from(number) - i128::from(other)).rem_euclid(size);
        if ahead <= size / 2 { position + ahead } else { position + ahead - size }
    }

    /// The number at a position.
    pub(super) fn number(self, position: i128) -> u64 {
        let size = i128::from(self.last) - i128::from(self.first) + 1;
        let wrapped = if self.wraps {
            i128::from(self.first) + (position - i128::from(self.first)).rem_euclid(size)
        } else {
            position
        };
        u64::try_from(wrapped).unwrap_or(self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrapping_numbers_go_on_along_a_line() {
        let syslog = Numbering::SYSLOG;
        let mut known = (2_147_483_640, i128::from(2_147_483_640_u64));
        for step in 1..20_u64 {
            let number = (2_147_483_640 + step - 1) % 2_147_483_647 + 1;
            let position = syslog.position(number, Some(known));
            assert_eq!(position, known.1 + 1, "{number}");
            assert_eq!(syslog.number(position), number);
            known = (number, position);
        }
        assert_eq!(syslog.position(2_147_483_647, Some(known)), known.1 - i128::from(known.0));
    }

    #[test]
    fn plain_counters_use_all_of_their_range() {
        let end = Numbering::COUNTER.position(u64::MAX, Some((0, 0)));
        assert_eq!(end, i128::from(u64::MAX));
        assert_eq!(Numbering::COUNTER.number(end), u64::MAX);
        assert!(!Numbering::EVENT_RECORD_ID.holds(0) && Numbering::EVENT_RECORD_ID.holds(1));
    }
}
