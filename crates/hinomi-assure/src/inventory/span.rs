//! Spans of time in which something holds.

use hinomi_model::Timestamp;

/// From when (inclusive) until when (exclusive) something holds; open ends hold for ever.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Validity {
    /// First moment.
    pub from: Option<Timestamp>,
    /// First moment that no longer counts.
    pub until: Option<Timestamp>,
}

impl Validity {
    /// Whether it holds then.
    pub fn holds_at(&self, time: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= time) && self.until.is_none_or(|until| time < until)
    }

    /// Whether it held once and no longer does.
    pub fn is_over_at(&self, time: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= time)
    }
}
