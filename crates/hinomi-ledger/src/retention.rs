//! How long records are kept, for what, and what keeps them longer: policies per class, legal holds, incidents.
//!
//! # Invariants
//! - Nothing here erases. A day that is due is a proposal; erasing needs the order of somebody whose key is not on this
//!   computer.
//! - What no policy covers is kept. A class without a purpose is refused, not given a default.
//! - A hold or an open incident only ever keeps longer.
//!
//! # Not here
//! The order to erase and its signature, and the leaves that record changes of what is written here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::LedgerError;
use crate::completeness::Day;

/// Days that evidence of security is kept unless stated otherwise: a year, and time to look back over it.
pub const SECURITY_EVIDENCE_DAYS: u32 = 400;
/// The class of evidence of security.
pub const SECURITY_EVIDENCE: &str = "security-evidence";
/// The time that intruders are known to have stayed unnoticed in cases that were published; a class that is kept for less
/// cannot explain such a case.
pub const KNOWN_DWELL_DAYS: u32 = 136;

/// How long one class of records is kept, and what for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassPolicy {
    /// Why these records are kept, in words that can be shown to the people in them.
    pub purpose: String,
    /// Who answers for it.
    pub owner: String,
    /// For how many days after the day of receipt.
    pub keep_days: u32,
}

/// Which scopes a hold or an incident concerns; what is left out concerns all.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extent {
    /// Names of sources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sources: Option<Vec<String>>,
    /// First day of receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<Day>,
    /// Last day of receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Day>,
}

/// An order to keep, until it is lifted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// What it concerns.
    pub extent: Extent,
    /// Why.
    pub reason: String,
    /// Who ordered it.
    pub owner: String,
    /// When.
    pub placed: Day,
    /// When it was lifted, if it was; it holds through that day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifted: Option<Day>,
}

/// An incident keeps the sources that it touches.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Incident {
    /// Sources it touches, so far.
    pub sources: Vec<String>,
    /// First day of receipt that it touches.
    pub first: Day,
    /// Last one.
    pub last: Day,
    /// The day it was closed, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Day>,
}

/// The part of it that is written down at once.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Rules {
    /// Policies by name of the class.
    pub classes: BTreeMap<String, ClassPolicy>,
    /// How many days before its first trace an incident keeps its sources: what led to it is found last.
    pub incident_days_before: u32,
    /// How many days after its closing.
    pub incident_days_after: u32,
}

/// Everything that decides how long records are kept.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// Policies by name of the class.
    pub classes: BTreeMap<String, ClassPolicy>,
    /// Holds by their number or name.
    #[serde(default)]
    pub holds: BTreeMap<String, Hold>,
    /// Incidents by their number or name.
    #[serde(default)]
    pub incidents: BTreeMap<String, Incident>,
    /// How many days before its first trace an incident keeps its sources: what led to it is found last.
    pub incident_days_before: u32,
    /// How many days after its closing.
    pub incident_days_after: u32,
}

/// Why records are kept.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Reason {
    /// The policy of their class, up to this day.
    Policy(Day),
    /// No policy covers their class.
    NoPolicy,
    /// A hold.
    Hold(String),
    /// An incident that is open.
    OpenIncident(String),
    /// An incident that was closed, up to this day.
    ClosedIncident(String, Day),
}

/// What is to be done with the records of one source, class and day.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// They are kept, for all of these reasons.
    Keep(Vec<Reason>),
    /// Nothing keeps them any more, since this day.
    Due(Day),
}

/// Something in the policies that people should know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Weakness {
    /// The class is kept for less time than intruders are known to stay.
    ShorterThanDwell {
        /// The class.
        class: String,
        /// How long it is kept.
        keep_days: u32,
    },
}

impl Default for Retention {
    /// One class, security evidence.
    fn default() -> Self {
        let policy = ClassPolicy {
            purpose: "detecting, investigating and explaining security incidents".to_owned(),
            owner: "the operator of this ledger".to_owned(),
            keep_days: SECURITY_EVIDENCE_DAYS,
        };
        Self {
            classes: BTreeMap::from([(SECURITY_EVIDENCE.to_owned(), policy)]),
            holds: BTreeMap::new(),
            incidents: BTreeMap::new(),
            incident_days_before: SECURITY_EVIDENCE_DAYS,
            incident_days_after: SECURITY_EVIDENCE_DAYS,
        }
    }
}

impl Extent {
    /// Whether it concerns the records of this source and day.
    pub fn covers(&self, source: &str, day: Day) -> bool {
        self.sources.as_ref().is_none_or(|sources| sources.iter().any(|s| s == source))
            && self.first.is_none_or(|first| first <= day)
            && self.last.is_none_or(|last| day <= last)
    }
}

impl Default for Rules {
    /// One class, security evidence.
    fn default() -> Self {
        let Retention { classes, incident_days_before, incident_days_after, .. } = Retention::default();
        Self { classes, incident_days_before, incident_days_after }
    }
}

impl Retention {
    /// The rules change; holds and incidents stay.
    pub fn set_rules(&mut self, rules: Rules) {
        self.classes = rules.classes;
        self.incident_days_before = rules.incident_days_before;
        self.incident_days_after = rules.incident_days_after;
    }

    /// Whether everything that has to be written down is.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`] with the first thing that is not.
    pub fn check(&self) -> Result<(), LedgerError> {
        let malformed = |what| Err(LedgerError::Malformed { kind: "retention", what });
        let blank = |text: &str| text.trim().is_empty();
        for policy in self.classes.values() {
            if blank(&policy.purpose) {
                return malformed("a class has no purpose");
            }
            if blank(&policy.owner) {
                return malformed("a class has no owner");
            }
            if policy.keep_days == 0 {
                return malformed("a class is kept for no time");
            }
        }
        for hold in self.holds.values() {
            if blank(&hold.reason) || blank(&hold.owner) {
                return malformed("a hold has no reason or no owner");
            }
            if hold.extent.sources.as_ref().is_some_and(Vec::is_empty) {
                return malformed("a hold names no source");
            }
            if hold.extent.first.zip(hold.extent.last).is_some_and(|(first, last)| last < first) {
                return malformed("a hold ends before it begins");
            }
        }
        if self.incidents.values().any(|incident| incident.last < incident.first) {
            return malformed("an incident ends before it begins");
        }
        Ok(())
    }

    /// What people should know about the policies.
    pub fn weaknesses(&self) -> Vec<Weakness> {
        let short = self.classes.iter().filter(|(_, policy)| policy.keep_days <= KNOWN_DWELL_DAYS);
        short
            .map(|(class, policy)| Weakness::ShorterThanDwell {
                class: class.clone(),
                keep_days: policy.keep_days,
            })
            .collect()
    }

    /// What is to be done today with the records of one source, class and day.
    pub fn verdict(&self, source: &str, class: &str, day: Day, today: Day) -> Verdict {
        let mut reasons = Vec::new();
        let mut due = Day(i32::MIN);
        match self.classes.get(class) {
            None => reasons.push(Reason::NoPolicy),
            Some(policy) => {
                let end = plus(day, policy.keep_days);
                due = due.max(plus(end, 1));
                if today <= end {
                    reasons.push(Reason::Policy(end));
                }
            }
        }
        reasons.extend(self.holds_on(source, day, today).map(|name| Reason::Hold(name.to_owned())));
        let lifted = self.holds.values().filter(|hold| hold.extent.covers(source, day));
        due = lifted.filter_map(|hold| hold.lifted).map(|day| plus(day, 1)).fold(due, Day::max);
        for (name, incident) in &self.incidents {
            if !self.incident_covers(incident, source, day) {
                continue;
            }
            match incident.closed.map(|closed| plus(closed, self.incident_days_after)) {
                None => reasons.push(Reason::OpenIncident(name.clone())),
                Some(end) => {
                    due = due.max(plus(end, 1));
                    if today <= end {
                        reasons.push(Reason::ClosedIncident(name.clone(), end));
                    }
                }
            }
        }
        if reasons.is_empty() { Verdict::Due(due) } else { Verdict::Keep(reasons) }
    }

    /// Holds that forbid even an ordered erasure today.
    pub fn holds_on(&self, source: &str, day: Day, today: Day) -> impl Iterator<Item = &str> {
        let stands = move |hold: &Hold| hold.lifted.is_none_or(|lifted| today <= lifted);
        self.holds
            .iter()
            .filter(move |(_, hold)| stands(hold) && hold.extent.covers(source, day))
            .map(|(name, _)| name.as_str())
    }

    /// An incident touches a source on these days: the incident is made, widened or open again, so that what it needs is
    /// kept.
    pub fn touch(&mut self, incident: &str, source: &str, first: Day, last: Day) {
        let new = || Incident { sources: Vec::new(), first, last, closed: None };
        let known = self.incidents.entry(incident.to_owned()).or_insert_with(new);
        known.first = known.first.min(first);
        known.last = known.last.max(last);
        known.closed = None;
        if !known.sources.iter().any(|name| name == source) {
            known.sources.push(source.to_owned());
        }
    }

    fn incident_covers(&self, incident: &Incident, source: &str, day: Day) -> bool {
        let from = Day(incident.first.0.saturating_sub_unsigned(self.incident_days_before));
        incident.sources.iter().any(|name| name == source)
            && from <= day
            && incident.closed.is_none_or(|closed| day <= closed.max(incident.last))
    }
}

fn plus(day: Day, days: u32) -> Day {
    Day(day.0.saturating_add_unsigned(days))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MAIL: &str = "mail";

    fn with_class(keep_days: u32) -> Retention {
        let policy =
            ClassPolicy { purpose: "tracing deliveries".into(), owner: "mail team".into(), keep_days };
        Retention {
            classes: BTreeMap::from([(MAIL.to_owned(), policy)]),
            incident_days_before: 30,
            incident_days_after: 20,
            ..Retention::default()
        }
    }

    fn hold(extent: Extent, placed: i32, lifted: Option<i32>) -> Hold {
        Hold {
            extent,
            reason: "suit 7".into(),
            owner: "legal".into(),
            placed: Day(placed),
            lifted: lifted.map(Day),
        }
    }

    #[test]
    fn security_evidence_is_kept_for_400_days_with_a_purpose() {
        let retention = Retention::default();
        retention.check().unwrap();
        let day = |today| retention.verdict("fw", SECURITY_EVIDENCE, Day(1000), Day(today));
        assert_eq!(day(1400), Verdict::Keep(vec![Reason::Policy(Day(1400))]));
        assert_eq!(day(1401), Verdict::Due(Day(1401)));
        assert_eq!(day(2000), Verdict::Due(Day(1401)));
        assert!(retention.weaknesses().is_empty());
        assert_eq!(with_class(136).weaknesses().len(), 1);
        assert!(with_class(137).weaknesses().is_empty());
    }

    #[test]
    fn what_nobody_wrote_down_is_kept_and_what_is_half_written_is_refused() {
        let retention = Retention::default();
        assert_eq!(
            retention.verdict("fw", "other", Day(0), Day(90_000)),
            Verdict::Keep(vec![Reason::NoPolicy])
        );
        let broken: [fn(&mut Retention); 6] = [
            |r| r.classes.get_mut(MAIL).unwrap().purpose = "  ".into(),
            |r| r.classes.get_mut(MAIL).unwrap().owner.clear(),
            |r| r.classes.get_mut(MAIL).unwrap().keep_days = 0,
            |r| {
                let _ = r
                    .holds
                    .insert("h".into(), Hold { reason: String::new(), ..hold(Extent::default(), 1, None) });
            },
            |r| {
                let none = Extent { sources: Some(vec![]), ..Extent::default() };
                let _ = r.holds.insert("h".into(), hold(none, 1, None));
            },
            |r| r.touch("i", "fw", Day(5), Day(4)),
        ];
        for (number, breaking) in broken.into_iter().enumerate() {
            let mut retention = with_class(10);
            retention.check().unwrap();
            breaking(&mut retention);
            assert!(retention.check().is_err(), "{number}");
        }
        assert!(
            serde_json::from_str::<Retention>(r#"{"classes":{"a":{"keep_days":3,"owner":"o"}}}"#).is_err()
        );
    }

    #[test]
    fn an_incident_keeps_its_sources_from_before_it_until_after_its_end() {
        let mut retention = with_class(10);
        retention.touch("INC-1", "fw", Day(100), Day(105));
        let verdict = |r: &Retention, source, day, today| r.verdict(source, MAIL, Day(day), Day(today));
        let open = Verdict::Keep(vec![Reason::OpenIncident("INC-1".into())]);
        assert_eq!(verdict(&retention, "fw", 70, 500), open);
        assert_eq!(verdict(&retention, "fw", 69, 500), Verdict::Due(Day(80)));
        assert_eq!(verdict(&retention, "fw", 400, 500), open, "an open incident may still grow");
        assert_eq!(verdict(&retention, "vpn", 100, 500), Verdict::Due(Day(111)));
        retention.touch("INC-1", "vpn", Day(90), Day(91));
        assert_eq!(verdict(&retention, "vpn", 60, 500), open);
        retention.incidents.get_mut("INC-1").unwrap().closed = Some(Day(200));
        let after = Verdict::Keep(vec![Reason::ClosedIncident("INC-1".into(), Day(220))]);
        assert_eq!(verdict(&retention, "fw", 100, 220), after);
        assert_eq!(verdict(&retention, "fw", 100, 221), Verdict::Due(Day(221)));
        assert_eq!(verdict(&retention, "fw", 201, 219), Verdict::Due(Day(212)));
    }

    #[test]
    fn a_hold_forbids_also_what_is_ordered() {
        let mut retention = with_class(10);
        let extent = Extent { sources: Some(vec!["fw".into()]), first: Some(Day(5)), last: Some(Day(6)) };
        retention.holds.insert("H1".into(), hold(extent, 7, Some(300)));
        let held = |source, day, today| retention.holds_on(source, Day(day), Day(today)).count();
        assert_eq!([held("fw", 5, 300), held("fw", 6, 8)], [1, 1]);
        assert_eq!([held("fw", 4, 8), held("fw", 7, 8), held("vpn", 5, 8), held("fw", 5, 301)], [0; 4]);
        assert_eq!(retention.verdict("fw", MAIL, Day(5), Day(400)), Verdict::Due(Day(301)));
    }

    fn any_retention() -> impl Strategy<Value = Retention> {
        let extent =
            (proptest::option::of(0..3_u8), proptest::option::of(0..60), proptest::option::of(0..60))
                .prop_map(|(source, first, last): (_, Option<i32>, Option<i32>)| Extent {
                    sources: source.map(|s| vec![s.to_string()]),
                    first: first.map(Day),
                    last: last.map(Day),
                });
        let holds = proptest::collection::vec((extent, proptest::option::of(0..90)), 0..3);
        let incidents = proptest::collection::vec((0..3_u8, 0..60, 0..9, proptest::option::of(0..90)), 0..3);
        (1..40_u32, holds, incidents).prop_map(|(keep, holds, incidents)| {
            let mut retention = with_class(keep);
            for (number, (extent, lifted)) in holds.into_iter().enumerate() {
                retention.holds.insert(number.to_string(), hold(extent, 0, lifted));
            }
            for (number, (source, first, days, closed)) in incidents.into_iter().enumerate() {
                let name = number.to_string();
                retention.touch(&name, &source.to_string(), Day(first), Day(first + days));
                retention.incidents.get_mut(&name).unwrap().closed = closed.map(Day);
            }
            retention
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        /// The day something becomes due is the first one on which nothing keeps it, and it stays due.
        #[test]
        fn due_once_means_due_since_that_day(
            retention in any_retention(), source in 0..3_u8, day in 0..60, today in 0..200,
        ) {
            let verdict = |today| retention.verdict(&source.to_string(), MAIL, Day(day), Day(today));
            if let Verdict::Due(since) = verdict(today) {
                prop_assert!(since <= Day(today));
                prop_assert_eq!(verdict(today + 1), Verdict::Due(since));
                prop_assert_eq!(verdict(since.0), Verdict::Due(since));
                prop_assert!(matches!(verdict(since.0 - 1), Verdict::Keep(_)), "kept the day before");
            }
        }

        /// Holds and incidents never make anything due.
        #[test]
        fn more_reasons_never_shorten(
            mut retention in any_retention(), source in 0..3_u8, day in 0..60, today in 0..200, touched in 0..60,
        ) {
            let verdict = |r: &Retention| r.verdict(&source.to_string(), MAIL, Day(day), Day(today));
            let before = verdict(&retention);
            retention.touch("more", &source.to_string(), Day(touched), Day(touched));
            let after = verdict(&retention);
            prop_assert!(matches!(before, Verdict::Due(_)) || matches!(after, Verdict::Keep(_)));
            retention.holds.insert("more".into(), hold(Extent::default(), 0, None));
            let held = matches!(verdict(&retention), Verdict::Keep(r) if r.contains(&Reason::Hold("more".into())));
            prop_assert!(held);
        }

        /// What is written is read back the same.
        #[test]
        fn the_written_form_is_whole(retention in any_retention()) {
            let text = serde_json::to_vec(&retention).unwrap();
            prop_assert_eq!(serde_json::from_slice::<Retention>(&text).unwrap(), retention);
        }
    }
}
