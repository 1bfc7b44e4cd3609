//! The numbers of one source: which came, which are missing, and whether the source began to count anew.
//!
//! # Invariants
//! - A number that was given out and never came lies within an interval of [`Sequence::losses`], or behind the last
//!   number received, or before the first one.
//! - One record with a number from elsewhere changes nothing until a second one agrees with it or time passes, so that a
//!   single forged datagram cannot make a source look restarted.
//! - A number that came before is a record sent again or a source that counts anew. Which of the two cannot be told
//!   from numbers, so it leaves doubt, unless the source is known to send again.
//! - Memory is bounded by [`MAX_OPEN`] and [`MAX_LOSSES`]; what exceeds them is joined into wider intervals.

use hinomi_model::{NANOS_PER_SECOND, Timestamp};
use serde::{Deserialize, Serialize};

use super::Numbering;
use super::finding::{What, nanos};

/// Ranges of missing numbers that can still be filled.
pub(super) const MAX_OPEN: usize = 1024;
/// Intervals of loss that are kept apart.
pub(super) const MAX_LOSSES: usize = 4096;
/// How long a missing number may still come without being called a gap.
pub(super) const GRACE_NS: i64 = 60 * NANOS_PER_SECOND;
/// A number that is further away than this from the one expected has to be confirmed by the next record.
pub(super) const NEAR: i128 = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    position: i128,
    #[serde(with = "nanos")]
    at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Missing {
    first: i128,
    last: i128,
    #[serde(with = "nanos")]
    after: Timestamp,
    #[serde(with = "nanos")]
    before: Timestamp,
    reported: bool,
}

/// A range of numbers far from where the source was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Far {
    first: i128,
    last: i128,
    #[serde(with = "nanos")]
    at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Marks {
    #[serde(with = "nanos")]
    older: Timestamp,
    #[serde(with = "nanos")]
    newer: Timestamp,
}

/// A time in which records were lost, or may have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// The loss is not before this time of receipt.
    #[serde(with = "nanos")]
    pub after: Timestamp,
    /// Nor after this one.
    #[serde(with = "nanos")]
    pub before: Timestamp,
    /// How many numbers are missing; `None` if the source counted anew and nobody can say.
    pub missing: Option<u64>,
}

/// The numbers of one source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sequence {
    numbering: Numbering,
    redelivers: bool,
    /// First number that was received, if any was.
    first: Option<Seen>,
    high: Option<Seen>,
    /// Two times at which the count had been going on, the older one longer ago than reordering takes: what came
    /// since may already belong to a new count.
    marks: Option<Marks>,
    open: Vec<Missing>,
    far: Option<Far>,
    closed: Vec<Loss>,
    repeated: u64,
}

impl Sequence {
    pub(super) fn new(numbering: Numbering, redelivers: bool) -> Self {
        Self {
            numbering,
            redelivers,
            first: None,
            high: None,
            marks: None,
            open: Vec::new(),
            far: None,
            closed: Vec::new(),
            repeated: 0,
        }
    }

    /// Times of receipt of the first and the latest number: between them the numbers say what is missing and what is
    /// not. That the first one is the first that the source can give out proves nothing: it may have counted before.
    pub(super) fn span(&self) -> Option<(Timestamp, Timestamp)> {
        Some((self.first?.at, self.high?.at))
    }

    /// When records were lost, in no order.
    pub(super) fn losses(&self) -> impl Iterator<Item = Loss> {
        let open = self.open.iter().map(|m| Loss {
            after: m.after,
            before: m.before,
            missing: Some(count(m.first, m.last)),
        });
        self.closed.iter().copied().chain(open)
    }

    pub(super) fn numbering(&self) -> Numbering {
        self.numbering
    }

    pub(super) fn set_redelivers(&mut self, redelivers: bool) {
        self.redelivers = redelivers;
    }

    /// The source will number in another way; what was lost so far stays lost.
    pub(super) fn renumber(&mut self, numbering: Numbering, at: Timestamp) {
        let mut next = Self::new(numbering, self.redelivers);
        next.marks = self.marks;
        next.closed = self.losses().collect();
        next.repeated = self.repeated;
        if let Some(high) = self.high {
            next.doubt(high, at);
        }
        *self = next;
    }

    /// The clock had run ahead: no time noted so far was later than `now`.
    pub(super) fn clamp(&mut self, now: Timestamp) {
        let clamp = |at: &mut Timestamp| *at = (*at).min(now);
        self.first.iter_mut().chain(&mut self.high).for_each(|seen| clamp(&mut seen.at));
        self.far.iter_mut().for_each(|far| clamp(&mut far.at));
        self.marks.iter_mut().for_each(|marks| {
            clamp(&mut marks.older);
            clamp(&mut marks.newer);
        });
        for missing in &mut self.open {
            clamp(&mut missing.after);
            clamp(&mut missing.before);
        }
        for loss in &mut self.closed {
            clamp(&mut loss.after);
            clamp(&mut loss.before);
        }
    }

    /// Records that came again.
    pub(super) fn repeated(&self) -> u64 {
        self.repeated
    }

    /// Takes the numbers of one record: from the first to the last event in it.
    pub(super) fn observe(&mut self, numbers: (u64, u64), at: Timestamp, found: &mut Vec<What>) {
        let (first, last) = numbers;
        if let Some(number) = [first, last].into_iter().find(|n| !self.numbering.holds(*n)) {
            found.push(What::Impossible { number });
            return;
        }
        let known = self.high.map(|high| (self.numbering.number(high.position), high.position));
        let first = self.numbering.position(first, known);
        let last = self.numbering.position(last, Some((numbers.0, first))).max(first);
        let Some(high) = self.high else {
            self.first = Some(Seen { position: first, at });
            self.reach(last, at);
            return;
        };
        let ahead = first - high.position - 1;
        if last > high.position && ahead <= NEAR {
            self.dismiss_far(at, found);
            self.advance(first, last, at, found);
        } else if self.far.is_some_and(|far| far.last < first && first - far.last <= NEAR) {
            self.accept_far(found);
            self.advance(first, last, at, found);
        } else if let Some(far) = self.overtaken(last) {
            // Two numbers far ahead in the wrong order.
            self.far = Some(Far { first, last, at });
            self.accept_far(found);
            self.advance(far.first, far.last, far.at, found);
        } else if last > high.position {
            if self.far.is_some_and(|far| high.position < far.first && far.last < first) {
                self.accept_far(found);
            }
            self.suspect(Far { first, last, at }, found);
        } else if self.fill(first, last, at, found) || self.begins_before(first, last, at, found) {
        } else if self.sent_again(first, last, at) {
            self.repeated = self.repeated.saturating_add(1);
        } else {
            self.suspect(Far { first, last, at }, found);
        }
    }

    /// The suspect number, if it lies ahead and a little behind `last`, which is ahead as well.
    fn overtaken(&self, last: i128) -> Option<Far> {
        let high = self.high?.position;
        self.far.filter(|far| high < last && last < far.first && far.first - last <= NEAR)
    }

    fn sent_again(&self, first: i128, last: i128, at: Timestamp) -> bool {
        let Some(high) = self.high else { return false };
        let twice = last == high.position && recent(high.at, at);
        let pending = self.far.is_some_and(|far| far.first <= first && last <= far.last);
        twice || pending || (self.redelivers && high.position - last <= NEAR)
    }

    /// Right after the first record one comes that was made before it.
    fn begins_before(&mut self, first: i128, last: i128, at: Timestamp, found: &mut Vec<What>) -> bool {
        let near = |seen: &Seen| last < seen.position && seen.position - last <= NEAR && recent(seen.at, at);
        let Some(seen) = self.first.filter(near) else { return false };
        if last + 1 < seen.position {
            let (first, last) = (last + 1, seen.position - 1);
            self.open.push(Missing { first, last, after: seen.at, before: at, reported: false });
            self.bound_open(found);
        }
        self.first = Some(Seen { position: first, at: seen.at });
        true
    }

    fn suspect(&mut self, far: Far, found: &mut Vec<What>) {
        self.dismiss_far(far.at, found);
        self.far = Some(far);
    }

    /// The highest number grows; what was passed over is missing, what came twice or late is accounted for.
    fn advance(&mut self, first: i128, last: i128, at: Timestamp, found: &mut Vec<What>) {
        let Some(high) = self.high else { return };
        if first > high.position + 1 {
            self.open.push(Missing {
                first: high.position + 1,
                last: first - 1,
                after: high.at,
                before: at,
                reported: false,
            });
            self.bound_open(found);
        } else if first <= high.position {
            self.fill(first, high.position, at, found);
            if !self.redelivers {
                self.doubt(high, at);
            }
        }
        self.reach(last, at);
    }

    fn reach(&mut self, position: i128, at: Timestamp) {
        self.high = Some(Seen { position, at });
        let marks = self.marks.get_or_insert(Marks { older: at, newer: at });
        if !recent(marks.newer, at) {
            *marks = Marks { older: marks.newer, newer: at };
        }
    }

    /// From about `high` to `at` the source may have counted anew.
    fn doubt(&mut self, high: Seen, at: Timestamp) {
        let after = self.marks.map_or(high.at, |marks| marks.older.min(high.at));
        self.push_loss(Loss { after, before: at, missing: None });
    }

    /// Takes numbers out of what is missing. Whether any was. What comes late comes only from a source that sends again;
    /// from any other it may be the same number of a new count.
    fn fill(&mut self, first: i128, last: i128, at: Timestamp, found: &mut Vec<What>) -> bool {
        let mut hit = false;
        let mut rest = Vec::with_capacity(self.open.len() + 1);
        for missing in self.open.drain(..) {
            let (from, to) = (missing.first.max(first), missing.last.min(last));
            if from > to || !(self.redelivers || recent(missing.before, at)) {
                rest.push(missing);
                continue;
            }
            hit = true;
            if missing.reported {
                found.push(What::GapFilled {
                    first: self.numbering.number(from),
                    last: self.numbering.number(to),
                });
            }
            if missing.first < from {
                rest.push(Missing { last: from - 1, ..missing.clone() });
            }
            if to < missing.last {
                rest.push(Missing { first: to + 1, ..missing });
            }
        }
        self.open = rest;
        self.bound_open(found);
        hit
    }

    /// The source goes on where it was. If the suspect number was near, it may have been a new count that now happens to
    /// meet the old one.
    fn dismiss_far(&mut self, at: Timestamp, found: &mut Vec<What>) {
        let (Some(far), Some(high)) = (self.far.take(), self.high) else { return };
        found.push(What::Stray { number: self.numbering.number(far.first) });
        if (high.position - far.last).abs() <= NEAR {
            self.doubt(high, at);
        }
    }

    /// The far numbers are where the source is now.
    fn accept_far(&mut self, found: &mut Vec<What>) {
        let (Some(far), Some(high)) = (self.far.take(), self.high) else { return };
        if far.first > high.position {
            let missing = Missing {
                first: high.position + 1,
                last: far.first - 1,
                after: high.at,
                before: far.at,
                reported: true,
            };
            found.push(self.gap(&missing));
            self.open.push(missing);
            self.bound_open(found);
        } else {
            for missing in std::mem::take(&mut self.open) {
                if !missing.reported {
                    found.push(self.gap(&missing));
                }
                self.close(&missing);
            }
            found.push(What::Restarted {
                from: self.numbering.number(high.position),
                to: self.numbering.number(far.first),
                after: high.at,
                before: far.at,
            });
            self.doubt(high, far.at);
        }
        self.reach(far.last, far.at);
    }

    /// Time has passed: what is missing for too long is reported, and suspect numbers that nothing contradicted are
    /// believed.
    pub(super) fn tick(&mut self, now: Timestamp, found: &mut Vec<What>) {
        if self.far.is_some_and(|far| !recent(far.at, now)) {
            self.accept_far(found);
        }
        for at in 0..self.open.len() {
            let Some(missing) = self.open.get_mut(at) else { continue };
            if !missing.reported && !recent(missing.before, now) {
                missing.reported = true;
                let missing = missing.clone();
                found.push(self.gap(&missing));
            }
        }
    }

    fn gap(&self, missing: &Missing) -> What {
        What::Gap {
            first: self.numbering.number(missing.first),
            last: self.numbering.number(missing.last),
            missing: count(missing.first, missing.last),
            after: missing.after,
            before: missing.before,
        }
    }

    fn bound_open(&mut self, found: &mut Vec<What>) {
        while self.open.len() > MAX_OPEN {
            let oldest = self.open.remove(0);
            if !oldest.reported {
                found.push(self.gap(&oldest));
            }
            self.close(&oldest);
        }
    }

    fn close(&mut self, missing: &Missing) {
        let number = Some(count(missing.first, missing.last));
        self.push_loss(Loss { after: missing.after, before: missing.before, missing: number });
    }

    fn push_loss(&mut self, loss: Loss) {
        self.closed.push(loss);
        if self.closed.len() > MAX_LOSSES {
            let (a, b) = (self.closed.remove(0), self.closed.remove(0));
            let missing = a.missing.zip(b.missing).map(|(a, b)| a.saturating_add(b));
            let joined = Loss { after: a.after.min(b.after), before: a.before.max(b.before), missing };
            self.closed.insert(0, joined);
        }
    }
}

/// Whether reordering on the way can still explain what came at `at` after `since`.
fn recent(since: Timestamp, at: Timestamp) -> bool {
    at.as_nanos().saturating_sub(since.as_nanos()) < GRACE_NS
}

fn count(first: i128, last: i128) -> u64 {
    u64::try_from(last - first + 1).unwrap_or(u64::MAX)
}
