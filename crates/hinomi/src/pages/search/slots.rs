//! A few at a time.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::super::Refused;
use super::AGAIN_SECONDS;

/// Time that somebody waits before it is too much.
const PATIENCE: Duration = Duration::from_secs(2);

/// Places for those that are at work.
#[derive(Debug)]
pub(super) struct Slots {
    free: Mutex<usize>,
    freed: Condvar,
}

/// A place, until it is dropped.
#[derive(Debug)]
pub(super) struct Slot<'s>(&'s Slots);

impl Slots {
    pub(super) fn new(places: usize) -> Self {
        Self { free: Mutex::new(places), freed: Condvar::new() }
    }

    /// A place as soon as there is one.
    pub(super) fn take(&self) -> Result<Slot<'_>, Refused> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.freed.wait_timeout_while(free, PATIENCE, |free| *free == 0);
        let (mut free, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if *free == 0 {
            return Err(Refused::Busy { seconds: AGAIN_SECONDS });
        }
        *free -= 1;
        Ok(Slot(self))
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_finds_no_place_is_told_to_come_again() {
        let slots = Slots::new(1);
        let slot = slots.take().unwrap();
        assert!(matches!(slots.take(), Err(Refused::Busy { seconds: 1.. })));
        drop(slot);
        assert!(slots.take().is_ok() && slots.take().is_ok());
    }
}
