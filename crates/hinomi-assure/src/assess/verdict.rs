//! Verdicts: what the rows of a claim come to, per entity and day.

use std::cell::RefCell;
use std::collections::BTreeMap;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use hinomi_model::Timestamp;

use super::exception::Exceptions;
use super::kept::Tally;
use super::{Day, Unseen};
use crate::claim::{Claim, Plan, Row, Value};
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
    /// Only the end of the session was read.
    Unbegun,
}

/// Gathers the rows of one claim.
pub(super) struct Bench<'b, 'm> {
    claim: &'m Claim,
    scope: Option<Plan<'m>>,
    holds: Plan<'m>,
    exceptions: &'b RefCell<&'b mut Exceptions>,
    now: Timestamp,
    entities: Entities,
}

/// What rows say, by entity.
pub(super) type Entities = HashMap<Box<str>, Gathered, RandomState>;

/// Rows by outcome, in the order of [`Outcome`].
type Counts = [u64; Outcome::ALL.len()];

/// What rows of one claim say of one entity.
#[derive(Default)]
pub(super) struct Gathered {
    /// In order.
    days: Vec<(Option<Day>, Counts)>,
    grounds: BTreeMap<Outcome, Vec<Ground>>,
    exceptions: Vec<String>,
}

impl<'b, 'm> Bench<'b, 'm> {
    pub(super) fn new(claim: &'m Claim, exceptions: &'b RefCell<&'b mut Exceptions>, now: Timestamp) -> Self {
        let scope = claim.scope.as_ref().map(Plan::of);
        let holds = Plan::of(&claim.holds);
        Self { claim, scope, holds, exceptions, now, entities: Entities::default() }
    }

    pub(super) fn claim(&self) -> &'m Claim {
        self.claim
    }

    /// Judges one row.
    pub(super) fn judge(&mut self, row: &dyn Row, time: Option<Timestamp>, day: Option<Day>) {
        // Where it is not known whether the claim applies, it is not applied: that the entity is on no list is another
        // claim's to say.
        let applies = self.scope.as_mut().map_or(Truth::True, |scope| scope.holds(row));
        // A session whose beginning was not read may be one that it applies to, and must not be passed over.
        let unbegun = row.session().is_some_and(|session| !session.begins);
        let truth = match applies {
            Truth::True => self.holds.holds(row),
            Truth::Unknown if unbegun => Truth::Unknown,
            Truth::Unknown | Truth::False => return,
        };
        match row.attribute(&self.claim.about) {
            Value::Words(entities) => {
                entities.iter().for_each(|entity| self.count((entity, truth), row, time, day));
            }
            other => {
                let entities = other.texts().filter(|all| !all.is_empty()).unwrap_or_else(|| vec!["".into()]);
                entities.iter().for_each(|entity| self.count((entity, truth), row, time, day));
            }
        }
    }

    /// Counts a row for an entity.
    fn count(
        &mut self,
        (entity, truth): (&str, Truth),
        row: &dyn Row,
        time: Option<Timestamp>,
        day: Option<Day>,
    ) {
        let (outcome, exception) = match truth {
            Truth::True => (Outcome::Supported, None),
            Truth::Unknown => (Outcome::Unknown, None),
            Truth::False => {
                let at = time.unwrap_or(self.now);
                self.exceptions.borrow_mut().cover(&self.claim.id, entity, at, self.now)
            }
        };
        let gathered = self.entities.entry_ref(entity).or_default();
        gathered.count(day, outcome, 1);
        if let Some(exception) = exception.filter(|e| !gathered.exceptions.contains(e)) {
            gathered.exceptions.push(exception);
        }
        let grounds = gathered.grounds.entry(outcome).or_default();
        let service = row.session().map(|s| &*s.service);
        if Gathered::has_room(grounds, outcome, service) {
            grounds.push(ground(self.claim, row, outcome, time));
        }
    }

    /// What the rows say of each entity.
    pub(super) fn gathered(self) -> Entities {
        self.entities
    }
}

impl Gathered {
    fn count(&mut self, day: Option<Day>, outcome: Outcome, count: u64) {
        // Rows come in order of time, as a rule.
        let is_last = self.days.last().is_some_and(|(last, _)| *last == day);
        let at =
            if is_last { self.days.len() - 1 } else { self.days.partition_point(|(known, _)| *known < day) };
        if self.days.get(at).is_none_or(|(known, _)| *known != day) {
            self.days.insert(at, (day, Counts::default()));
        }
        let counts = self.days.get_mut(at).map(|(_, counts)| counts);
        counts.and_then(|counts| counts.get_mut(outcome as usize)).into_iter().for_each(|n| *n += count);
    }

    /// Whether a ground of a service is worth keeping beside those that are kept.
    fn has_room(grounds: &[Ground], outcome: Outcome, service: Option<&str>) -> bool {
        let most = if outcome == Outcome::Supported { 1 } else { MOST_GROUNDS };
        grounds.len() < most || grounds.iter().all(|g| g.service.as_deref() != service)
    }

    /// What other rows say of the same entity.
    pub(super) fn merge(&mut self, other: Self) {
        for (day, counts) in other.days {
            by_outcome(counts).for_each(|(outcome, count)| self.count(day, outcome, count));
        }
        for (outcome, grounds) in other.grounds {
            let known = self.grounds.entry(outcome).or_default();
            let mut all = std::mem::take(known);
            all.extend(grounds);
            all.sort_by(|a, b| (a.time, &a.events).cmp(&(b.time, &b.events)));
            for ground in all {
                if Self::has_room(known, outcome, ground.service.as_deref()) {
                    known.push(ground);
                }
            }
        }
        self.exceptions.extend(other.exceptions);
        self.exceptions.sort_unstable();
        self.exceptions.dedup();
    }
}

/// Outcomes that occur, and how often.
fn by_outcome(counts: Counts) -> impl Iterator<Item = (Outcome, u64)> {
    Outcome::ALL.into_iter().zip(counts).filter(|(_, count)| *count > 0)
}

/// What a claim comes to for each entity. Where a log that the claim needs did not come, nothing is supported.
pub(super) struct Finish<'f> {
    pub(super) claim: &'f str,
    pub(super) unseen: &'f [Unseen],
    /// Verdicts that are made, those that need attention most; all are counted.
    pub(super) most: usize,
}

impl Finish<'_> {
    pub(super) fn of(&self, entities: Entities) -> (Vec<Verdict>, Tally) {
        let mut tally = Tally::default();
        let mut found: Vec<(Outcome, Box<str>, Gathered)> = Vec::with_capacity(entities.len());
        for (entity, gathered) in entities {
            let mut worst = Outcome::Supported;
            for (day, counts) in &gathered.days {
                worst = worst.and(self.outcome(*day, counts));
                for (outcome, count) in by_outcome(*counts) {
                    *tally.rows.entry(outcome).or_default() += count;
                }
            }
            *tally.entities.entry(worst).or_default() += 1;
            found.push((worst, entity, gathered));
        }
        found.sort_unstable_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        found.truncate(self.most);
        let made =
            found.into_iter().map(|(outcome, entity, gathered)| self.verdict(outcome, entity, gathered));
        (made.collect(), tally)
    }

    /// What a day comes to.
    fn outcome(&self, day: Option<Day>, counts: &Counts) -> Outcome {
        let outcome = by_outcome(*counts).map(|(outcome, _)| outcome).fold(Outcome::Supported, Outcome::and);
        let nothing = self.unseen.iter().any(|u| u.missing.is_empty());
        let mut days = self.unseen.iter().flat_map(|u| &u.missing).flat_map(|(_, days)| days);
        let is_missing = nothing || days.any(|d| day.is_none_or(|day| day == *d));
        if is_missing { outcome.and(Outcome::Unknown) } else { outcome }
    }

    fn verdict(&self, outcome: Outcome, entity: Box<str>, gathered: Gathered) -> Verdict {
        let day = |(day, counts): (Option<Day>, Counts)| DayVerdict {
            day,
            outcome: self.outcome(day, &counts),
            counts: by_outcome(counts).collect(),
        };
        Verdict {
            claim: self.claim.to_owned(),
            entity: entity.into(),
            outcome,
            exceptions: gathered.exceptions,
            days: gathered.days.into_iter().map(day).collect(),
            grounds: gathered.grounds.into_values().flatten().collect(),
        }
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
    let unbegun = row.session().is_some_and(|session| !session.begins) && outcome == Outcome::Unknown;
    let reasons: Vec<Reason> =
        if unbegun { vec![Reason::Unbegun] } else { names.into_iter().map(reason).collect() };
    let mut events = row.session().map_or_else(|| row.events(), |s| s.events.clone());
    events.extend(reasons.iter().filter_map(|r| match r {
        Reason::Factor(FactorReason::Checked(event) | FactorReason::NotInLog(event)) => Some(*event),
        _ => None,
    }));
    let service = row.session().map(|s| s.service.to_string());
    Ground { outcome, time, reasons, events, place: row.place().cloned(), service }
}
