//! How fast a source may send: events and bytes in a second, with a burst of two seconds' worth.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Bounds of a rate; 0 is no bound.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Rate {
    pub(crate) events: u64,
    pub(crate) bytes: u64,
}

/// What a source has left. What was sent is always taken off, so that it can be in debt.
#[derive(Debug)]
pub(crate) struct Pace {
    rate: Rate,
    left: Mutex<Left>,
}

#[derive(Debug)]
struct Left {
    events: f64,
    bytes: f64,
    at: Instant,
}

const BURST_SECONDS: f64 = 2.0;

impl Pace {
    pub(crate) fn new(rate: Rate, now: Instant) -> Self {
        let full = |bound: u64| bound as f64 * BURST_SECONDS;
        Self { rate, left: Mutex::new(Left { events: full(rate.events), bytes: full(rate.bytes), at: now }) }
    }

    /// Takes off what was sent, and says how long its source has to wait before it may send more.
    pub(crate) fn spend(&self, events: u64, bytes: u64, now: Instant) -> Duration {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let seconds = now.saturating_duration_since(left.at).as_secs_f64();
        left.at = now;
        let one = |left: &mut f64, bound: u64, spent: u64| {
            if bound == 0 {
                return 0.0;
            }
            let bound = bound as f64;
            *left = (*left + seconds * bound).min(bound * BURST_SECONDS) - spent as f64;
            (-*left / bound).max(0.0)
        };
        let waits = one(&mut left.events, self.rate.events, events);
        let waits = one(&mut left.bytes, self.rate.bytes, bytes).max(waits);
        Duration::from_secs_f64(waits.min(3600.0))
    }

    /// How long its source has to wait now.
    pub(crate) fn debt(&self, now: Instant) -> Duration {
        self.spend(0, 0, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_what_goes_on_is_held_to_the_rate() {
        let start = Instant::now();
        let pace = Pace::new(Rate { events: 100, bytes: 0 }, start);
        assert_eq!(pace.spend(200, 1 << 40, start), Duration::ZERO, "two seconds' worth at once");
        assert_eq!(pace.spend(50, 0, start), Duration::from_millis(500));
        let later = start + Duration::from_millis(500);
        assert_eq!(pace.debt(later), Duration::ZERO);
        // An hour of silence buys no more than the burst.
        let much_later = later + Duration::from_hours(1);
        assert_eq!(pace.spend(300, 0, much_later), Duration::from_secs(1));
    }

    #[test]
    fn the_tighter_of_two_bounds_holds() {
        let start = Instant::now();
        let pace = Pace::new(Rate { events: 10, bytes: 1000 }, start);
        assert_eq!(pace.spend(1, 4000, start), Duration::from_secs(2));
    }
}
