//! What people did, as a value: steps make it, and nothing else does.
//!
//! # Invariants
//! - [`Desk::apply`] is a function of the steps: whoever has them all has the same desk.
//! - Everything stands under the id that an incident had then. Ids stay, so that it is found wherever the incident goes; where
//!   two become one, what was done about either is done about both ([`Joint`]).
//! - What somebody contained or closed is open again as soon as it is more than was judged.
//!
//! # Not here
//! What may be done (`act`); files (`store`).

use std::collections::BTreeMap;

use hinomi_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::clocks::Words;
use super::quiet::Quiet;
use super::step::{Actor, Extent, Fact, State, Step, stamp};

/// Who has an incident in hand.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Assigned {
    number: u64,
    to: Option<String>,
}

/// How far somebody said that an incident is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Judged {
    number: u64,
    state: State,
    seen: Extent,
}

/// A note.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Note {
    /// Number of its step.
    pub number: u64,
    /// When.
    #[serde(with = "stamp")]
    pub at: Timestamp,
    /// Whose.
    pub by: Option<Actor>,
    /// It.
    pub text: String,
}

/// Something that was done, why, and what it rests on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Reasoned {
    /// Number of its step.
    pub number: u64,
    /// When.
    #[serde(with = "stamp")]
    pub at: Timestamp,
    /// Whose.
    pub by: Option<Actor>,
    /// What was done, in one line.
    pub what: String,
    /// Why.
    pub reason: String,
    /// Records.
    pub evidence: Vec<String>,
}

/// A deadline.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Clock {
    /// Number of the step with which it began: what it is called.
    pub number: u64,
    /// Which kind.
    pub kind: String,
    /// What it was called then.
    pub name: Words,
    /// Who began it, and why it counts from then.
    pub began: Reasoned,
    /// From when it counts.
    #[serde(with = "stamp")]
    pub since: Timestamp,
    /// When somebody is reminded.
    #[serde(with = "stamp")]
    pub soon: Timestamp,
    /// When it is over.
    #[serde(with = "stamp")]
    pub due: Timestamp,
    /// With what it was met.
    pub met: Option<Reasoned>,
    /// Somebody was reminded; and that it is over was told.
    pub reminded: (bool, bool),
}

/// What was done under one id.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Case {
    /// Number of the last step.
    last: u64,
    assigned: Option<Assigned>,
    judged: Option<Judged>,
    notes: Vec<Note>,
    decisions: Vec<Reasoned>,
    clocks: Vec<Clock>,
}

/// Everything.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Desk {
    next_step: u64,
    /// Bytes of texts.
    bytes: u64,
    cases: BTreeMap<String, Case>,
    /// Where a clock is.
    clocks: BTreeMap<u64, String>,
    quiets: BTreeMap<u64, Quiet>,
}

/// What was done about one incident, under whichever of its ids.
#[derive(Clone, Debug, Default)]
pub struct Joint<'d> {
    parts: Vec<&'d Case>,
}

impl Desk {
    /// Number of the next step.
    pub fn next_step(&self) -> u64 {
        self.next_step
    }

    /// Bytes of texts that are kept.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Ids under which something was done.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.cases.keys().map(String::as_str)
    }

    /// What was done under some ids.
    pub fn joint<'d>(&'d self, ids: impl IntoIterator<Item = &'d str>) -> Joint<'d> {
        Joint { parts: ids.into_iter().filter_map(|id| self.cases.get(id)).collect() }
    }

    /// Suppressions, by the numbers of their steps.
    pub fn quiets(&self) -> impl DoubleEndedIterator<Item = (u64, &Quiet)> {
        self.quiets.iter().map(|(number, quiet)| (*number, quiet))
    }

    /// A suppression.
    pub fn quiet(&self, number: u64) -> Option<&Quiet> {
        self.quiets.get(&number)
    }

    /// A deadline, and the id that it stands under.
    pub fn clock(&self, number: u64) -> Option<(&str, &Clock)> {
        let id = self.clocks.get(&number)?;
        let clock = self.cases.get(id)?.clocks.iter().find(|clock| clock.number == number)?;
        Some((id, clock))
    }

    /// Deadlines that were not met, with the ids that they stand under.
    pub fn unmet(&self) -> impl Iterator<Item = (&str, &Clock)> {
        let of = |(id, case)| case_clocks(case).map(move |clock| (id, clock));
        self.cases.iter().map(|(id, case)| (id.as_str(), case)).flat_map(of)
    }

    /// Takes a step in.
    pub fn apply(&mut self, step: &Step) {
        self.next_step = step.number.saturating_add(1);
        match &step.fact {
            Fact::Met { clock, reason, evidence } => {
                self.bytes = self.bytes.saturating_add(weight(&[reason]) + listed(evidence));
                let done = reasoned(step, "", reason, evidence);
                self.on_clock(*clock, step.number, |clock| clock.met = Some(done));
            }
            Fact::Reminded { clock, over } => {
                let over = *over;
                self.on_clock(*clock, step.number, |clock| {
                    if over { clock.reminded.1 = true } else { clock.reminded.0 = true }
                });
            }
            Fact::Suppressed { .. } | Fact::Lifted { .. } | Fact::Hid { .. } => self.apply_quiet(step),
            Fact::Exported { .. } => {}
            _ => self.apply_case(step),
        }
    }

    fn apply_case(&mut self, step: &Step) {
        let (id, bytes) = match &step.fact {
            Fact::Assigned { incident, .. } | Fact::Settled { incident, .. } => (incident, 0),
            Fact::Noted { incident, text } => (incident, weight(&[text])),
            Fact::Decided { incident, decision, reason, evidence } => {
                (incident, weight(&[decision, reason]) + listed(evidence))
            }
            Fact::Began { incident, reason, evidence, .. } => {
                (incident, weight(&[reason]) + listed(evidence))
            }
            _ => return,
        };
        self.bytes = self.bytes.saturating_add(bytes);
        let case = self.cases.entry(id.clone()).or_default();
        case.last = step.number;
        match &step.fact {
            Fact::Assigned { assignee, .. } => {
                case.assigned = Some(Assigned { number: step.number, to: assignee.clone() });
            }
            Fact::Settled { state, seen, .. } => {
                case.judged = Some(Judged { number: step.number, state: *state, seen: *seen });
            }
            Fact::Noted { text, .. } => {
                let (by, text) = (step.by.clone(), text.clone());
                case.notes.push(Note { number: step.number, at: step.at, by, text });
            }
            Fact::Decided { decision, reason, evidence, .. } => {
                case.decisions.push(reasoned(step, decision, reason, evidence));
            }
            Fact::Began { incident, kind, name, since, soon, due, reason, evidence } => {
                self.clocks.insert(step.number, incident.clone());
                case.clocks.push(Clock {
                    number: step.number,
                    kind: kind.clone(),
                    name: name.clone(),
                    began: reasoned(step, "", reason, evidence),
                    since: *since,
                    soon: *soon,
                    due: *due,
                    met: None,
                    reminded: (false, false),
                });
            }
            _ => {}
        }
    }

    fn on_clock(&mut self, number: u64, step: u64, change: impl FnOnce(&mut Clock)) {
        let Some(case) = self.clocks.get(&number).and_then(|id| self.cases.get_mut(id)) else { return };
        case.last = step;
        if let Some(clock) = case.clocks.iter_mut().find(|clock| clock.number == number) {
            change(clock);
        }
    }

    fn apply_quiet(&mut self, step: &Step) {
        match &step.fact {
            Fact::Suppressed { name, condition, reason, expires } => {
                self.bytes = self.bytes.saturating_add(weight(&[name, reason]));
                let quiet = Quiet {
                    name: name.clone(),
                    condition: condition.clone(),
                    owner: step.by.clone(),
                    reason: reason.clone(),
                    expires: *expires,
                    lifted: false,
                    hidden: 0,
                    critical: 0,
                    last_hidden_ns: None,
                };
                self.quiets.insert(step.number, quiet);
            }
            Fact::Lifted { suppression, .. } => {
                if let Some(quiet) = self.quiets.get_mut(suppression) {
                    quiet.lifted = true;
                }
            }
            Fact::Hid { suppression, count, critical } => {
                if let Some(quiet) = self.quiets.get_mut(suppression) {
                    quiet.hidden = quiet.hidden.saturating_add(*count);
                    quiet.critical = quiet.critical.saturating_add(*critical);
                    quiet.last_hidden_ns = Some(step.at.as_nanos());
                }
            }
            _ => {}
        }
    }
}

fn case_clocks(case: &Case) -> impl Iterator<Item = &Clock> {
    case.clocks.iter().filter(|clock| clock.met.is_none())
}

fn weight(texts: &[&String]) -> u64 {
    texts.iter().map(|text| text.len() as u64 + 128).sum()
}

fn listed(references: &[String]) -> u64 {
    references.iter().map(|reference| reference.len() as u64).sum()
}

fn reasoned(step: &Step, what: &str, reason: &str, evidence: &[String]) -> Reasoned {
    Reasoned {
        number: step.number,
        at: step.at,
        by: step.by.clone(),
        what: what.to_owned(),
        reason: reason.to_owned(),
        evidence: evidence.to_vec(),
    }
}

impl<'d> Joint<'d> {
    /// The version of what people changed: 0 before anybody did.
    pub fn version(&self) -> u64 {
        self.parts.iter().map(|case| case.last.saturating_add(1)).max().unwrap_or(0)
    }

    /// Who has it in hand: as somebody said last.
    pub fn assignee(&self) -> Option<&'d str> {
        let last = self.parts.iter().filter_map(|case| case.assigned.as_ref()).max_by_key(|said| said.number);
        last.and_then(|said| said.to.as_deref())
    }

    /// How far it is, and whether it was farther before it grew.
    pub fn state(&self, now: Extent) -> (State, bool) {
        let mut said: Vec<&Judged> = self.parts.iter().filter_map(|case| case.judged.as_ref()).collect();
        said.sort_by_key(|said| std::cmp::Reverse(said.number));
        let Some(last) = said.first() else { return (State::Open, false) };
        let holds =
            |detections: u64, newest: (u64, u64)| now.detections <= detections && now.newest <= newest;
        if holds(last.seen.detections, last.seen.newest) {
            return (last.state, false);
        }
        // Two that were judged each by itself, and became one.
        let all: u64 = said.iter().map(|said| said.seen.detections).fold(0, u64::saturating_add);
        let newest = said.iter().map(|said| said.seen.newest).max().unwrap_or_default();
        let lowest = said.iter().map(|said| said.state).min().unwrap_or(State::Open);
        if said.len() > 1 && holds(all, newest) {
            return (lowest, false);
        }
        (State::Open, lowest != State::Open)
    }

    /// Notes, oldest first.
    pub fn notes(&self) -> Vec<&'d Note> {
        let mut notes: Vec<&Note> = self.parts.iter().flat_map(|case| &case.notes).collect();
        notes.sort_by_key(|note| note.number);
        notes
    }

    /// Decisions, oldest first.
    pub fn decisions(&self) -> Vec<&'d Reasoned> {
        let mut decisions: Vec<&Reasoned> = self.parts.iter().flat_map(|case| &case.decisions).collect();
        decisions.sort_by_key(|decision| decision.number);
        decisions
    }

    /// Deadlines, oldest first.
    pub fn clocks(&self) -> Vec<&'d Clock> {
        let mut clocks: Vec<&Clock> = self.parts.iter().flat_map(|case| &case.clocks).collect();
        clocks.sort_by_key(|clock| clock.number);
        clocks
    }

    /// The next deadline that was not met.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.parts.iter().flat_map(|case| case_clocks(case)).map(|clock| clock.due).min()
    }
}
