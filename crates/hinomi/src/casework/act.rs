//! What may be done about incidents: from what somebody wants to the facts that follow, or why there are none.
//!
//! # Invariants
//! Nothing here reads a file or a clock. Whether somebody has the right was checked before; that records exist is checked by
//! whoever calls, who has the ledger.

use hinomi_model::{NANOS_PER_SECOND, Timestamp};

use super::clocks::Kind;
use super::desk::{Desk, Joint};
use super::quiet::Condition;
use super::step::{Extent, Fact, State};

/// Notes, decisions and deadlines of an incident; suppressions that are in force at a time.
const MOST_NOTES: usize = 2_000;
const MOST_DECISIONS: usize = 1_000;
const MOST_CLOCKS: usize = 50;
const MOST_QUIETS: usize = 500;
/// Texts of all that is kept.
const MOST_BYTES: u64 = 64 << 20;
/// Longest texts, in characters, as in the contract.
const LONGEST_NOTE: usize = 8_192;
const LONGEST_DECISION: usize = 1_024;
const LONGEST_REASON: usize = 4_096;
const LONGEST_NAME: usize = 256;
const MOST_EVIDENCE: usize = 100;
/// How far ahead a suppression may end, and how far back a deadline may begin.
const DAY_NS: i64 = 86_400 * NANOS_PER_SECOND;
const LONGEST_QUIET_NS: i64 = 366 * DAY_NS;
const EARLIEST_NS: i64 = 3 * 366 * DAY_NS;
/// What clocks of machines may differ by.
const SKEW_NS: i64 = 300 * NANOS_PER_SECOND;

/// Why something is not done.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// It makes no sense.
    #[error("{0}")]
    Senseless(&'static str),
    /// There is no such thing.
    #[error("there is no such thing")]
    NotFound,
    /// It contradicts what is there.
    #[error("{0}")]
    Conflict(&'static str),
    /// The version is missing.
    #[error("If-Match is needed")]
    VersionNeeded,
    /// Another change came first.
    #[error("it was changed meanwhile")]
    Changed,
    /// There is no room for more.
    #[error("{0}")]
    Full(&'static str),
    /// It cannot be kept.
    #[error("it cannot be kept: {0}")]
    NotKept(String),
}

/// Who shall have an incident in hand.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Assignee {
    /// Whoever has it.
    #[default]
    Same,
    /// Nobody.
    Nobody,
    /// The account of a name.
    Somebody(String),
}

/// What somebody wants changed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Change {
    /// Who shall have it in hand.
    pub assignee: Assignee,
    /// How far it is, if that changes.
    pub state: Option<State>,
    /// Why.
    pub reason: String,
}

/// A suppression that somebody wants.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wanted {
    /// What it is called.
    pub name: String,
    /// Of which detections.
    pub condition: Condition,
    /// Why.
    pub reason: String,
    /// Until when.
    pub expires: Timestamp,
}

/// A text for people: not blank, not too long, nothing in it that draws.
fn text(text: &str, most: usize, what: &'static str) -> Result<String, Refusal> {
    let strange = |c: char| c.is_control() && c != '\n' && c != '\t';
    if text.trim().is_empty() || text.chars().count() > most || text.contains(strange) {
        return Err(Refusal::Senseless(what));
    }
    Ok(text.to_owned())
}

fn reason(given: &str) -> Result<String, Refusal> {
    text(given, LONGEST_REASON, "reason: 1 to 4,096 characters, none of them a control character")
}

fn evidence(given: &[String]) -> Result<Vec<String>, Refusal> {
    if given.len() > MOST_EVIDENCE {
        return Err(Refusal::Senseless("evidence: at most 100 references"));
    }
    Ok(given.to_vec())
}

/// Compares the version that somebody read.
fn same_version(joint: &Joint<'_>, version: Option<u64>) -> Result<(), Refusal> {
    match version {
        None => Err(Refusal::VersionNeeded),
        Some(version) if version == joint.version() => Ok(()),
        Some(_) => Err(Refusal::Changed),
    }
}

impl Desk {
    fn room(&self) -> Result<(), Refusal> {
        if self.bytes() < MOST_BYTES {
            Ok(())
        } else {
            Err(Refusal::Full("64 MiB of notes are kept; there is no room for more"))
        }
    }

    /// To hand an incident over, contain it, close it, open it again.
    pub(super) fn change(
        (incident, joint, seen): (&str, &Joint<'_>, Extent),
        change: &Change,
        version: Option<u64>,
    ) -> Result<Vec<Fact>, Refusal> {
        same_version(joint, version)?;
        let reason = reason(&change.reason)?;
        if change.assignee == Assignee::Same && change.state.is_none() {
            return Err(Refusal::Senseless("assignee or state: one of them changes"));
        }
        let mut facts = Vec::new();
        let assignee = match &change.assignee {
            Assignee::Same => joint.assignee().map(str::to_owned),
            Assignee::Nobody => None,
            Assignee::Somebody(name) => Some(name.clone()),
        };
        if assignee.as_deref() != joint.assignee() {
            facts.push(Fact::Assigned { incident: incident.to_owned(), assignee, reason: reason.clone() });
        }
        if let Some(state) = change.state {
            if state == State::Closed && joint.next_due().is_some() {
                return Err(Refusal::Conflict("a deadline of the incident is not met"));
            }
            if joint.state(seen) != (state, false) {
                facts.push(Fact::Settled { incident: incident.to_owned(), state, reason, seen });
            }
        }
        Ok(facts)
    }

    /// To write a note.
    pub(super) fn note(&self, incident: &str, joint: &Joint<'_>, given: &str) -> Result<Vec<Fact>, Refusal> {
        self.room()?;
        let text =
            text(given, LONGEST_NOTE, "text: 1 to 8,192 characters, none of them a control character")?;
        if joint.notes().len() >= MOST_NOTES {
            return Err(Refusal::Full("an incident has 2,000 notes at most"));
        }
        Ok(vec![Fact::Noted { incident: incident.to_owned(), text }])
    }

    /// To write a decision down.
    pub(super) fn decide(
        &self,
        (incident, joint): (&str, &Joint<'_>),
        (decision, why, cited): (&str, &str, &[String]),
    ) -> Result<Vec<Fact>, Refusal> {
        self.room()?;
        let decision = text(
            decision,
            LONGEST_DECISION,
            "decision: 1 to 1,024 characters, none of them a control character",
        )?;
        if joint.decisions().len() >= MOST_DECISIONS {
            return Err(Refusal::Full("an incident has 1,000 decisions at most"));
        }
        let (reason, evidence) = (reason(why)?, evidence(cited)?);
        Ok(vec![Fact::Decided { incident: incident.to_owned(), decision, reason, evidence }])
    }

    /// To begin a deadline.
    pub(super) fn begin(
        &self,
        (incident, joint): (&str, &Joint<'_>),
        (kind, since): (&Kind, Timestamp),
        (why, cited): (&str, &[String]),
        now: Timestamp,
    ) -> Result<Vec<Fact>, Refusal> {
        self.room()?;
        let (reason, evidence) = (reason(why)?, evidence(cited)?);
        let age = now.as_nanos().saturating_sub(since.as_nanos());
        if !(-SKEW_NS..EARLIEST_NS).contains(&age) {
            return Err(Refusal::Senseless("since: not in the future, and not more than three years ago"));
        }
        let clocks = joint.clocks();
        if clocks.iter().any(|clock| clock.kind == kind.id && clock.met.is_none()) {
            return Err(Refusal::Conflict("this deadline runs already"));
        }
        if clocks.len() >= MOST_CLOCKS {
            return Err(Refusal::Full("an incident has 50 deadlines at most"));
        }
        let (soon, due) =
            kind.ends(since).ok_or(Refusal::Senseless("since: beyond what a calendar holds"))?;
        let (incident, kind, name) = (incident.to_owned(), kind.id.clone(), kind.name.clone());
        Ok(vec![Fact::Began { incident, kind, name, since, soon, due, reason, evidence }])
    }

    /// To say that a deadline is met, by evidence.
    pub(super) fn meet(
        joint: &Joint<'_>,
        (clock, version): (u64, Option<u64>),
        (why, cited): (&str, &[String]),
    ) -> Result<Vec<Fact>, Refusal> {
        let found =
            joint.clocks().into_iter().find(|known| known.number == clock).ok_or(Refusal::NotFound)?;
        same_version(joint, version)?;
        if found.met.is_some() {
            return Err(Refusal::Changed);
        }
        let (reason, evidence) = (reason(why)?, evidence(cited)?);
        if evidence.is_empty() {
            return Err(Refusal::Senseless("evidence: a deadline is met by at least one record"));
        }
        Ok(vec![Fact::Met { clock, reason, evidence }])
    }

    /// To suppress alerts.
    pub(super) fn suppress(&self, wanted: Wanted, now: Timestamp) -> Result<Vec<Fact>, Refusal> {
        self.room()?;
        let Wanted { name, condition, reason: why, expires } = wanted;
        let one_line = |given: &str, what| {
            text(given, LONGEST_NAME, what).and_then(|text| {
                if text.contains(['\n', '\t']) { Err(Refusal::Senseless(what)) } else { Ok(text) }
            })
        };
        let name = one_line(&name, "name: one line of 1 to 256 characters")?;
        let reason = reason(&why)?;
        for given in [&condition.rule, &condition.host, &condition.account].into_iter().flatten() {
            one_line(given, "rule, host and account: one line of 1 to 256 characters each")?;
        }
        if condition == Condition::default() {
            return Err(Refusal::Senseless(
                "rule, host or account: without any of them every alert would be hidden",
            ));
        }
        let ahead = expires.as_nanos().saturating_sub(now.as_nanos());
        if !(1..=LONGEST_QUIET_NS).contains(&ahead) {
            return Err(Refusal::Senseless("expires: in the future, at most 366 days ahead"));
        }
        let in_force = || self.quiets().filter(|(_, quiet)| quiet.is_in_force(now));
        if in_force().any(|(_, quiet)| quiet.name == name) {
            return Err(Refusal::Conflict("a suppression of this name is in force"));
        }
        if in_force().count() >= MOST_QUIETS {
            return Err(Refusal::Full("500 suppressions are in force at most"));
        }
        Ok(vec![Fact::Suppressed { name, condition, reason, expires }])
    }

    /// To end a suppression before its time.
    pub(super) fn lift(&self, number: u64, why: &str, now: Timestamp) -> Result<Vec<Fact>, Refusal> {
        let quiet = self.quiet(number).ok_or(Refusal::NotFound)?;
        let reason = reason(why)?;
        if !quiet.is_in_force(now) {
            return Err(Refusal::Conflict("it has ended already"));
        }
        Ok(vec![Fact::Lifted { suppression: number, reason }])
    }
}
