//! When claims are judged next.
//!
//! # Invariants
//! After a run of length L nothing begins for L × (100 / share − 1), whatever changes; a new order alone is not made to wait.

use hinomi_model::{NANOS_PER_SECOND, Timestamp};
use hinomi_server::serve::AssureSection;

const MINUTE_NS: i64 = 60 * NANOS_PER_SECOND;

/// What happened so far.
#[derive(Debug, Default)]
pub(super) struct Course {
    begun: Option<Timestamp>,
    ended: Option<Timestamp>,
    /// Digest of the lists of the last run, whatever it gave.
    lists: Option<String>,
    is_new: bool,
}

impl Course {
    /// Another order has come.
    pub(super) fn renewed(&mut self) {
        self.is_new = true;
    }

    pub(super) fn begins(&mut self, now: Timestamp) {
        self.begun = Some(now);
        self.is_new = false;
    }

    pub(super) fn ends(&mut self, now: Timestamp, lists: Option<&str>) {
        self.ended = Some(now);
        self.lists = lists.map(str::to_owned);
    }

    /// Until when the share of a processor forbids another run.
    fn rest_ns(&self, share: u32) -> Option<i64> {
        let (begun, ended) = (self.begun?.as_nanos(), self.ended?.as_nanos());
        let length = ended.saturating_sub(begun).max(0);
        let rest = length.saturating_mul(i64::from(100_u32.saturating_sub(share)));
        Some(ended.saturating_add(rest / i64::from(share.max(1))))
    }

    /// Whether a run begins now: `lists` is the digest of lists that nobody is changing, `kept` the end and the lists of the
    /// last good result, which may be of an earlier start.
    pub(super) fn is_due(
        &self,
        section: &AssureSection,
        lists: Option<&str>,
        kept: Option<&(Timestamp, String)>,
        now: Timestamp,
    ) -> bool {
        let Some(lists) = lists.filter(|_| section.every_minutes > 0) else { return false };
        if self.is_new {
            return true;
        }
        if self.rest_ns(section.share_percent).is_some_and(|rest| now.as_nanos() < rest) {
            return false;
        }
        let last = self.ended.or(kept.map(|(ended, _)| *ended));
        let known = self.lists.as_deref().or(kept.map(|(_, lists)| lists.as_str()));
        let since = last.map(|last| now.as_nanos().saturating_sub(last.as_nanos()));
        let every = i64::from(section.every_minutes).saturating_mul(MINUTE_NS);
        // A clock that went back says nothing of age.
        known != Some(lists) || since.is_none_or(|since| since < 0 || since >= every)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_nanos(second * NANOS_PER_SECOND)
    }

    fn section(every_minutes: u32, share_percent: u32) -> AssureSection {
        AssureSection { every_minutes, share_percent, ..AssureSection::default() }
    }

    /// A run from second 0 to second 100 over lists `a`.
    fn ran() -> Course {
        let mut course = Course::default();
        course.begins(at(0));
        course.ends(at(100), Some("a"));
        course
    }

    #[test]
    fn the_first_is_due_at_once_and_a_kept_one_holds_for_its_time() {
        let (new, often) = (Course::default(), section(60, 25));
        assert!(new.is_due(&often, Some("a"), None, at(0)));
        let kept = (at(0), "a".to_owned());
        assert!(!new.is_due(&often, Some("a"), Some(&kept), at(3_599)));
        assert!(new.is_due(&often, Some("a"), Some(&kept), at(3_600)));
        assert!(new.is_due(&often, Some("b"), Some(&kept), at(10)));
        assert!(new.is_due(&often, Some("a"), Some(&kept), at(-10)), "the clock went back");
        assert!(!new.is_due(&often, None, None, at(0)), "somebody is writing lists");
        assert!(!new.is_due(&section(0, 25), Some("a"), None, at(0)), "nobody wants it");
    }

    #[test]
    fn it_takes_no_more_than_its_share() {
        // A hundred seconds of work at a quarter of a processor: three hundred of rest.
        let course = ran();
        assert!(!course.is_due(&section(1, 25), Some("b"), None, at(399)));
        assert!(course.is_due(&section(1, 25), Some("b"), None, at(400)));
        assert!(course.is_due(&section(1, 25), Some("a"), None, at(400)), "a minute is over");
        assert!(!course.is_due(&section(60, 25), Some("a"), None, at(400)));
        assert!(course.is_due(&section(60, 100), Some("b"), None, at(100)));
    }

    #[test]
    fn a_new_order_does_not_wait() {
        let mut course = ran();
        course.renewed();
        assert!(course.is_due(&section(60, 1), Some("a"), None, at(101)));
        course.begins(at(101));
        assert!(!course.is_due(&section(60, 1), Some("a"), None, at(102)));
    }
}
