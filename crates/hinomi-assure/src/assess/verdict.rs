//! Verdicts: what the rows of a claim come to, per entity and day.

use std::collections::BTreeMap;

use hinomi_model::Timestamp;

use super::exception::Exceptions;
use super::{Day, Unseen};
use crate::claim::{Claim, Row};
use crate::inventory::Place;
use crate::{FactorReason, Outcome, Truth};

/// Grounds kept per entity and outcome, and one more of each further service; the counts say how many there were.
const MOST_GROUNDS: usize = 5;

/// What one claim comes to for one entity.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The claim.
    pub claim: String,
    /// The entity; empty when the rows name none.
    pub entity: String,
    /// What needs attention most, of all days.
    pub outcome: Outcome,
    /// Exceptions that cover it or did so once.
    pub exceptions: Vec<String>,
    /// Days, in order; one without day for claims about the whole span.
    pub days: Vec<DayVerdict>,
    /// Why, those that need attention first.
    pub grounds: Vec<Ground>,
}

/// One day of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DayVerdict {
    /// The day; `None` for the whole span.
    pub day: Option<Day>,
    /// What needs attention most.
    pub outcome: Outcome,
    /// Rows by outcome.
    pub counts: BTreeMap<Outcome, u64>,
}

/// Why a row came to what it came to.
#[derive(Clone, Debug)]
pub struct Ground {
    /// To what.
    pub outcome: Outcome,
    /// When.
    pub time: Option<Timestamp>,
    /// What decided.
    pub reasons: Vec<Reason>,
    /// Events that show it.
    pub events: Vec<usize>,
    /// The list's entry that is spoken of.
    pub place: Option<Place>,
    /// The service of the sign-in; one ground is kept of each.
    pub service: Option<String>,
}

/// What decided.
#[derive(Clone, PartialEq, Debug)]
pub enum Reason {
    /// An attribute and its value; `None` when it is not known, empty when there is none.
    Attribute(String, Option<String>),
    /// What is known of a second factor.
    Factor(FactorReason),
}

/// Gathers the rows of one claim.
pub(super) struct Bench<'b> {
    claim: &'b Claim,
    exceptions: &'b mut Exceptions,
    now: Timestamp,
    entities: BTreeMap<String, Gathered>,
}

#[derive(Default)]
struct Gathered {
    days: BTreeMap<Option<Day>, BTreeMap<Outcome, u64>>,
    grounds: BTreeMap<Outcome, Vec<Ground>>,
    exceptions: Vec<String>,
}

impl<'b> Bench<'b> {
    pub(super) fn new(claim: &'b Claim, exceptions: &'b mut Exceptions, now: Timestamp) -> Self {
        Self { claim, exceptions, now, entities: BTreeMap::new() }
    }

    /// Judges one row.
    pub(super) fn judge(&mut self, row: &dyn Row, time: Option<Timestamp>, day: Option<Day>) {
        // Where it is not known whether the claim applies, it is not applied: that the entity is on no list is another
        // claim's to say.
        if self.claim.scope.as_ref().is_some_and(|scope| scope.holds(row) != Truth::True) {
            return;
        }
        let entities = row.attribute(&self.claim.about).texts().unwrap_or_default();
        let entities: Vec<String> = if entities.is_empty() {
            vec![String::new()]
        } else {
            entities.into_iter().map(Into::into).collect()
        };
        let truth = self.claim.holds.holds(row);
        for entity in entities {
            let (outcome, exception) = match truth {
                Truth::True => (Outcome::Supported, None),
                Truth::Unknown => (Outcome::Unknown, None),
                Truth::False => {
                    self.exceptions.cover(&self.claim.id, &entity, time.unwrap_or(self.now), self.now)
                }
            };
            let gathered = self.entities.entry(entity).or_default();
            *gathered.days.entry(day).or_default().entry(outcome).or_default() += 1;
            if let Some(exception) = exception.filter(|e| !gathered.exceptions.contains(e)) {
                gathered.exceptions.push(exception);
            }
            let grounds = gathered.grounds.entry(outcome).or_default();
            let service = row.session().map(|s| s.service.as_str());
            let most = if outcome == Outcome::Supported { 1 } else { MOST_GROUNDS };
            if grounds.len() < most || grounds.iter().all(|g| g.service.as_deref() != service) {
                grounds.push(ground(self.claim, row, outcome, time));
            }
        }
    }

    /// The verdicts. Where a log that the claim needs did not come, nothing is supported.
    pub(super) fn finish(self, unseen: &[Unseen]) -> Vec<Verdict> {
        let nothing = unseen.iter().any(|u| u.missing.is_empty());
        let missing = |day: Option<Day>| {
            let mut days = unseen.iter().flat_map(|u| &u.missing).flat_map(|(_, days)| days);
            nothing || days.any(|d| day.is_none_or(|day| day == *d))
        };
        let claim = &self.claim.id;
        let verdict = |(entity, gathered): (String, Gathered)| {
            let day = |(day, counts): (Option<Day>, BTreeMap<Outcome, u64>)| {
                let outcome = counts.keys().copied().fold(Outcome::Supported, Outcome::and);
                let outcome = if missing(day) { outcome.and(Outcome::Unknown) } else { outcome };
                DayVerdict { day, outcome, counts }
            };
            let days: Vec<DayVerdict> = gathered.days.into_iter().map(day).collect();
            Verdict {
                claim: claim.clone(),
                entity,
                outcome: days.iter().map(|d| d.outcome).fold(Outcome::Supported, Outcome::and),
                exceptions: gathered.exceptions,
                days,
                grounds: gathered.grounds.into_values().flatten().collect(),
            }
        };
        let mut verdicts: Vec<Verdict> = self.entities.into_iter().map(verdict).collect();
        verdicts.sort_by(|a, b| (a.outcome, &a.entity).cmp(&(b.outcome, &b.entity)));
        verdicts
    }
}

fn ground(claim: &Claim, row: &dyn Row, outcome: Outcome, time: Option<Timestamp>) -> Ground {
    let mut names = claim.holds.decided_by(row);
    names.dedup();
    let reason = |name: &str| {
        if let ("second_factor", Some(session)) = (name, row.session()) {
            return Reason::Factor(session.because.clone());
        }
        let texts = row.attribute(name).texts();
        Reason::Attribute(name.to_owned(), texts.map(|t| t.join(", ")))
    };
    let reasons: Vec<Reason> = names.into_iter().map(reason).collect();
    let mut events = row.session().map_or_else(|| row.events(), |s| s.events.clone());
    events.extend(reasons.iter().filter_map(|r| match r {
        Reason::Factor(FactorReason::Checked(event) | FactorReason::NotInLog(event)) => Some(*event),
        _ => None,
    }));
    let service = row.session().map(|s| s.service.clone());
    Ground { outcome, time, reasons, events, place: row.place().cloned(), service }
}
