//! How much later than its own time a source's latest record is received, and whether that jumped.
//!
//! Of what is received together only the latest time counts: what was held back and is delivered late comes with fresh
//! records behind it, or with a distance that shrinks while it is delivered. A clock that was set is constantly off.

use hinomi_model::NANOS_PER_SECOND;
use serde::{Deserialize, Serialize};

use super::Settings;
use super::longest::Longest;

/// Distances beyond the usual that are taken for nothing.
const TOLERANCE_NS: f64 = 30.0 * NANOS_PER_SECOND as f64;
/// How many deliveries have to be off by the same.
const IN_A_ROW: usize = 5;
/// How much those may differ among themselves.
const SPREAD_NS: i64 = 5 * NANOS_PER_SECOND;
/// Deliveries that have to be known.
const ENOUGH: u64 = 8;

/// Distances of one source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Times {
    first_ns: Option<i64>,
    /// Largest and smallest (negated) distance that is usual.
    late: Longest,
    early: Longest,
    /// Deliveries that were off: when, and by how much.
    off: Vec<(i64, i64)>,
    /// It was named: by so much.
    named: Option<i64>,
}

/// A jump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Jump {
    pub(super) since_ns: i64,
    /// Received minus stated, usually and now.
    pub(super) usual_ns: i64,
    pub(super) now_ns: i64,
}

impl Times {
    pub(super) fn note(&mut self, received_ns: i64, stated_ns: i64, settings: &Settings) {
        let distance = received_ns.saturating_sub(stated_ns);
        let first = *self.first_ns.get_or_insert(received_ns);
        let learnt = received_ns.saturating_sub(first) >= settings.learn_ns && self.late.count() >= ENOUGH;
        let within = distance as f64 <= self.late.max() + TOLERANCE_NS
            && distance as f64 >= -self.early.max() - TOLERANCE_NS;
        if within || !learnt {
            self.late.note(received_ns, (distance as f64).max(0.0));
            self.early.note(received_ns, (-(distance as f64)).max(0.0));
            self.off.clear();
            self.named = None;
            return;
        }
        let near = |(_, other): &(i64, i64)| other.saturating_sub(distance).saturating_abs() <= SPREAD_NS;
        if !self.off.first().is_none_or(near) {
            self.off.clear();
        }
        if self.off.len() <= IN_A_ROW {
            self.off.push((received_ns, distance));
        } else if let Some(last) = self.off.last_mut() {
            *last = (received_ns, distance);
        }
    }

    /// A jump that was not named yet.
    pub(super) fn jump(&self, settings: &Settings) -> Option<Jump> {
        let ((since_ns, now_ns), (last_ns, _)) = (*self.off.first()?, *self.off.last()?);
        let long = last_ns.saturating_sub(since_ns) >= settings.least_ns;
        let known = self.named.is_some_and(|n| n.saturating_sub(now_ns).saturating_abs() <= SPREAD_NS);
        let usual_ns = if now_ns > 0 { self.late.max() } else { -self.early.max() } as i64;
        (self.off.len() >= IN_A_ROW && long && !known).then_some(Jump { since_ns, usual_ns, now_ns })
    }

    pub(super) fn named(&mut self, now_ns: i64) {
        self.named = Some(now_ns);
    }

    /// By how much it is off, if that was named and still holds.
    pub(super) fn is_off(&self) -> Option<i64> {
        self.named
    }

    /// The usual distance at most.
    pub(super) fn usual_ns(&self) -> i64 {
        self.late.max() as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = NANOS_PER_SECOND;
    const SETTINGS: Settings = Settings { learn_ns: 3_600 * SECOND, least_ns: 60 * SECOND };

    /// A record every 10 s for two hours, received a second after its time.
    fn known() -> Times {
        let mut times = Times::default();
        (0..720).for_each(|n| times.note((n * 10 + 1) * SECOND, n * 10 * SECOND, &SETTINGS));
        times
    }

    #[test]
    fn a_clock_that_was_set_is_named_and_one_that_drifts_is_not() {
        for by in [-3_600, -40, 40, 3_600, 86_400 * 365] {
            let mut times = known();
            let mut found = None;
            for n in 720..740 {
                times.note((n * 10 + 1) * SECOND, (n * 10 - by) * SECOND, &SETTINGS);
                found = found.or(times.jump(&SETTINGS));
            }
            let jump = found.unwrap_or_else(|| panic!("{by} s"));
            assert_eq!((jump.since_ns, jump.now_ns), (7_201 * SECOND, (by + 1) * SECOND));
            times.named(jump.now_ns);
            assert_eq!(times.jump(&SETTINGS), None, "named once");
            times.note(7_500 * SECOND, 7_499 * SECOND, &SETTINGS);
            assert_eq!(times.is_off(), None, "set right again");
        }
        let mut times = known();
        for n in 720..10_000 {
            times.note((n * 10 + 1) * SECOND, (n * 10 - n / 100) * SECOND, &SETTINGS);
            assert_eq!(times.jump(&SETTINGS), None, "a second in a quarter of an hour");
        }
    }

    #[test]
    fn what_was_held_back_is_late_and_no_jump() {
        let mut times = known();
        // After half an hour without a way, what was held back comes at ten times the pace, and then all is as before.
        for n in 0..180 {
            times.note((9_000 + n) * SECOND, (7_200 + n * 10) * SECOND, &SETTINGS);
            assert_eq!(times.jump(&SETTINGS), None, "{n}");
        }
        times.note(9_200 * SECOND, 9_199 * SECOND, &SETTINGS);
        assert!(times.off.is_empty());
        for (received, stated) in [(i64::MAX, i64::MIN), (i64::MIN, i64::MAX), (0, i64::MAX)] {
            times.note(received, stated, &SETTINGS);
        }
    }
}
