//! Stops that people planned: while one lasts, nothing that its sources do or leave is named.
//!
//! # Invariants
//! - Every plan has an owner, a reason and an end. One that repeats says until when.
//! - Plans are records of the log before they hold, so that what was kept quiet, by whom and why, is evidence.

use hinomi_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::profile::{HOUR_NS, WEEK_NS};
use crate::LedgerError;
use crate::completeness::nanos;

/// Version of the form of a record of plans.
const PLANS_VERSION: u32 = 1;
/// Plans at once.
const MAX_PLANS: usize = 1_024;
/// Longest single stop: a month. What is away for longer is better taken out of the list of sources.
const LONGEST_NS: i64 = 31 * 24 * HOUR_NS;

/// How often a plan comes again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Repeats {
    /// Every 24 hours.
    Daily,
    /// Every seven days.
    Weekly,
}

impl Repeats {
    fn period_ns(self) -> i64 {
        match self {
            Self::Daily => 24 * HOUR_NS,
            Self::Weekly => WEEK_NS,
        }
    }
}

/// A stop that was planned.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Names of sources; a `*` at the end stands for any rest.
    pub sources: Vec<String>,
    /// Beginning.
    #[serde(with = "nanos")]
    pub from: Timestamp,
    /// End.
    #[serde(with = "nanos")]
    pub to: Timestamp,
    /// How often it comes again, and the last time at which it may begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeats: Option<(Repeats, i64)>,
    /// Who answers for it.
    pub owner: String,
    /// What it is for.
    pub reason: String,
}

/// What is wrong with a plan.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PlanError {
    /// It ends before it begins, or lasts longer than 31 days.
    #[error("it has to end after it begins, and within 31 days")]
    Length,
    /// It lasts longer than the time after which it comes again.
    #[error("it lasts longer than the time after which it comes again")]
    Overlap,
    /// Nobody answers for it, or it says nothing of what it is for.
    #[error("it needs an owner and a reason")]
    Nobody,
    /// It is for no source, or for all of them.
    #[error("it has to name its sources; \"*\" alone would silence everything")]
    Sources,
    /// There are too many.
    #[error("there are more than 1024 plans")]
    TooMany,
}

/// All plans in force.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Plans(Vec<Plan>);

#[derive(Serialize, Deserialize)]
struct Document {
    schema_version: u32,
    planned: Vec<Plan>,
}

impl Plan {
    fn check(&self) -> Result<(), PlanError> {
        let length = self.to.as_nanos().saturating_sub(self.from.as_nanos());
        if length <= 0 || length > LONGEST_NS {
            return Err(PlanError::Length);
        }
        if self.repeats.is_some_and(|(repeats, _)| length >= repeats.period_ns()) {
            return Err(PlanError::Overlap);
        }
        if self.owner.trim().is_empty() || self.reason.trim().is_empty() {
            return Err(PlanError::Nobody);
        }
        let named = |source: &String| source.trim_end_matches('*').len() > 1;
        if self.sources.is_empty() || !self.sources.iter().all(named) {
            return Err(PlanError::Sources);
        }
        Ok(())
    }

    fn is_of(&self, source: &str) -> bool {
        self.sources.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(start) => source.starts_with(start),
            None => source == pattern,
        })
    }

    /// The latest stop that began at or before a time.
    fn latest(&self, now_ns: i64) -> Option<(i64, i64)> {
        let (from, to) = (self.from.as_nanos(), self.to.as_nanos());
        let rounds = match self.repeats {
            Some((repeats, until)) => {
                let period = repeats.period_ns();
                let last = now_ns.min(until).saturating_sub(from).div_euclid(period);
                last.max(0).saturating_mul(period)
            }
            None => 0,
        };
        let stop = (from.saturating_add(rounds), to.saturating_add(rounds));
        (stop.0 <= now_ns).then_some(stop)
    }
}

impl Plans {
    /// Plans that make sense.
    ///
    /// # Errors
    /// [`PlanError`] and the number of the plan that does not, counted from 1.
    pub fn new(plans: Vec<Plan>) -> Result<Self, (usize, PlanError)> {
        if plans.len() > MAX_PLANS {
            return Err((MAX_PLANS + 1, PlanError::TooMany));
        }
        for (number, plan) in (1..).zip(&plans) {
            plan.check().map_err(|error| (number, error))?;
        }
        Ok(Self(plans))
    }

    /// The bytes of the record that says so.
    ///
    /// # Errors
    /// None in practice; the encoder's type says so.
    pub fn to_record(&self) -> Result<Vec<u8>, LedgerError> {
        let document = Document { schema_version: PLANS_VERSION, planned: self.0.clone() };
        let malformed = |_| LedgerError::Malformed { kind: "plan", what: "cannot be written as JSON" };
        serde_json::to_vec(&document).map_err(malformed)
    }

    /// Reads a record; `None` if it is none of plans.
    pub fn from_record(bytes: &[u8]) -> Option<Self> {
        let document: Document = serde_json::from_slice(bytes).ok()?;
        Self::new(document.planned).ok().filter(|_| document.schema_version == PLANS_VERSION)
    }

    /// The plan under which a source may be away at a time, and when the stop ends.
    pub fn at(&self, source: &str, now: Timestamp) -> Option<(&Plan, Timestamp)> {
        let now = now.as_nanos();
        let stops = self.0.iter().filter(|plan| plan.is_of(source)).filter_map(|plan| {
            let (_, to) = plan.latest(now)?;
            (now < to).then_some((plan, to))
        });
        stops.max_by_key(|(_, to)| *to).map(|(plan, to)| (plan, Timestamp::from_nanos(to)))
    }

    /// When the latest stop of a source that began before a time ended or ends.
    pub(super) fn latest_end(&self, source: &str, now_ns: i64) -> Option<i64> {
        let of = self.0.iter().filter(|plan| plan.is_of(source));
        of.filter_map(|plan| plan.latest(now_ns)).map(|(_, to)| to).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(sources: &[&str], from: i64, to: i64) -> Plan {
        let time = |hours| Timestamp::from_nanos(hours * HOUR_NS);
        let sources = sources.iter().map(|s| (*s).to_owned()).collect();
        let (owner, reason) = ("network team".to_owned(), "new firmware".to_owned());
        Plan { sources, from: time(from), to: time(to), repeats: None, owner, reason }
    }

    #[test]
    fn stops_hold_for_their_sources_and_hours() {
        let weekly = Plan { repeats: Some((Repeats::Weekly, 400 * HOUR_NS)), ..plan(&["lab/*"], 2, 4) };
        let plans = Plans::new(vec![plan(&["net/udp@10.0.0.1"], 10, 12), weekly]).unwrap();
        let at = |source: &str, hour: i64| plans.at(source, Timestamp::from_nanos(hour * HOUR_NS)).is_some();
        for (source, hour, expected) in [
            ("net/udp@10.0.0.1", 9, false),
            ("net/udp@10.0.0.1", 10, true),
            ("net/udp@10.0.0.1", 12, false),
            ("net/udp@10.0.0.12", 10, false),
            ("lab/tcp@10.0.0.9", 3, true),
            ("lab/tcp@10.0.0.9", 168 + 3, true),
            ("lab/tcp@10.0.0.9", 168 + 5, false),
            ("lab/tcp@10.0.0.9", 2 * 168 + 3, true),
            ("lab/tcp@10.0.0.9", 3 * 168 + 3, false),
            ("lab/tcp@10.0.0.9", 1, false),
        ] {
            assert_eq!(at(source, hour), expected, "{source} at {hour}");
        }
        assert_eq!(plans.latest_end("lab/x", 170 * HOUR_NS), Some(172 * HOUR_NS));
        assert_eq!(Plans::from_record(&plans.to_record().unwrap()), Some(plans));
    }

    #[test]
    fn plans_that_would_hide_too_much_are_refused() {
        let nobody = Plan { owner: " ".to_owned(), ..plan(&["net/a"], 1, 2) };
        let daily = Plan { repeats: Some((Repeats::Daily, i64::MAX)), ..plan(&["net/a"], 1, 25) };
        for (bad, error) in [
            (plan(&["*"], 1, 2), PlanError::Sources),
            (plan(&[], 1, 2), PlanError::Sources),
            (plan(&["net/a", ""], 1, 2), PlanError::Sources),
            (plan(&["net/a"], 2, 2), PlanError::Length),
            (plan(&["net/a"], 0, 32 * 24), PlanError::Length),
            (nobody, PlanError::Nobody),
            (daily, PlanError::Overlap),
        ] {
            assert_eq!(Plans::new(vec![plan(&["net/a"], 1, 2), bad]), Err((2, error)));
        }
        for record in ["", "{}", "{\"schema_version\":2,\"planned\":[]}", "{\"schema_version\":1}"] {
            assert_eq!(Plans::from_record(record.as_bytes()), None, "{record}");
        }
    }
}
