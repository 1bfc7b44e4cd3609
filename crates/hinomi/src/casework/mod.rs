//! What people do about incidents: who has one in hand, how far it is, notes, decisions, deadlines, suppressions of alerts.
//!
//! # Invariants
//! - Every act is a [`Step`]: by whom, when, why. It is on disk before it is answered, and goes to the decision ledger, in
//!   order, without gaps; what the files lost is taken from there at the start.
//! - A deadline is met by records that were looked up, and by nothing else.
//! - Suppressions hide alerts, never detections.
//! - What is kept is bounded: texts of all incidents, notes and decisions of each, suppressions.
//!
//! # Trust
//! The folder belongs to the owner of the data directory. Texts are written by people of the house and shown as texts.
//!
//! # Not here
//! Who may what (`hinomi-access`); which detections are an incident (`pages::incidents`); requests (`pages::work`).

mod act;
mod clocks;
mod desk;
mod quiet;
mod step;
mod store;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hinomi_model::{Entropy, Level, NANOS_PER_SECOND, Timestamp, pseudonym};

use self::store::Store;
use crate::alerting::{AlertsError, pseudonym_secret};
use crate::kept::KeptError;
use crate::live::{LiveDetection, Notes};
use crate::outbox::Outbox;

pub use act::{Assignee, Change, Refusal, Wanted};
pub use clocks::{ClocksError, Kind, Words};
pub use desk::{Clock, Desk, Joint, Note, Reasoned};
pub use quiet::{Condition, Quiet};
pub use step::{Actor, Extent, Fact, State, Step};

/// Time between two records of what suppressions hid.
const COUNT_NS: i64 = 10 * NANOS_PER_SECOND;

/// What people did cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum CaseworkError {
    /// What is kept of it.
    #[error(transparent)]
    Kept(#[from] KeptError),
    /// The decision ledger.
    #[error(transparent)]
    Ledger(#[from] hinomi_ledger::LedgerError),
    /// What pseudonyms are made with.
    #[error(transparent)]
    Pseudonyms(#[from] AlertsError),
}

/// The folder of cases in a data directory.
fn folder(data: &Path) -> PathBuf {
    data.join("cases")
}

/// What people did, for those who show it, add to it, or tell by it.
#[derive(Debug)]
pub struct Casework {
    inner: Mutex<Inner>,
    outbox: Arc<Outbox<Step>>,
    kinds: Vec<Kind>,
    pseudonyms: [u8; 32],
}

#[derive(Debug)]
struct Inner {
    desk: Desk,
    store: Store,
    /// What suppressions hid and is not written yet: detections, and critical ones among them.
    hid: BTreeMap<u64, (u64, u64)>,
    counted: Timestamp,
}

/// What a start has to say.
#[derive(Debug, Default)]
pub struct Remarks {
    /// Something was lost.
    pub loss: Option<String>,
    /// The kinds of deadlines of the house cannot be used.
    pub clocks: Option<String>,
}

/// A deadline of which somebody is to be told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reminder {
    /// Its number.
    pub clock: u64,
    /// The incident, by the id that it had then.
    pub incident: String,
    /// What it is called.
    pub name: Words,
    /// When it is over.
    pub due: Timestamp,
    /// It is over.
    pub over: bool,
}

impl Casework {
    /// Begins where the last run ended.
    ///
    /// # Errors
    /// [`CaseworkError`] when what is kept cannot be read or written.
    pub fn open(data: &Path, entropy: &dyn Entropy) -> Result<(Self, Remarks), CaseworkError> {
        let store::Found { store, desk, loss } = store::open(data)?;
        let (kinds, clocks) = match clocks::own(data) {
            Ok(own) => (own.unwrap_or_else(clocks::bundled), None),
            Err(error) => (clocks::bundled(), Some(error.to_string())),
        };
        let outbox = store.outbox();
        let hid = BTreeMap::new();
        let inner = Mutex::new(Inner { desk, store, hid, counted: Timestamp::from_nanos(0) });
        let pseudonyms = pseudonym_secret(data, entropy)?;
        Ok((Self { inner, outbox, kinds, pseudonyms }, Remarks { loss, clocks }))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Steps on their way into the decision ledger.
    pub fn notes(&self) -> Arc<dyn Notes> {
        self.outbox.clone()
    }

    /// Deadlines that can be begun.
    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// Looks at what was done.
    pub fn with<T>(&self, look: impl FnOnce(&Desk) -> T) -> T {
        look(&self.inner().desk)
    }

    /// Does what follows from what is there, and keeps it. Numbers of the steps.
    ///
    /// # Errors
    /// [`Refusal`]: then nothing was done.
    pub fn act(
        &self,
        by: Option<&Actor>,
        now: Timestamp,
        facts: impl FnOnce(&Desk) -> Result<Vec<Fact>, Refusal>,
    ) -> Result<Vec<u64>, Refusal> {
        let mut inner = self.inner();
        let facts = facts(&inner.desk)?;
        inner.commit(by, now, facts)
    }

    /// Whether nobody is told of a detection; it is counted then.
    pub fn hides(&self, detection: &LiveDetection, now: Timestamp) -> bool {
        let masked = |name: &str| pseudonym(&self.pseudonyms, name);
        let mut inner = self.inner();
        let hiding = inner.desk.quiets().find(|(_, quiet)| quiet.hides(detection, now, &masked));
        let Some((number, _)) = hiding else { return false };
        let (count, critical) = inner.hid.entry(number).or_default();
        *count = count.saturating_add(1);
        *critical = critical.saturating_add(u64::from(detection.level >= Level::Critical));
        true
    }

    /// Writes down what was hidden, now and then, or at once. Names of suppressions that hid something critical, and how much.
    ///
    /// # Errors
    /// [`Refusal::NotKept`]: it is tried again.
    pub fn count(&self, now: Timestamp, at_once: bool) -> Result<Vec<(String, u64)>, Refusal> {
        let mut inner = self.inner();
        let waited = now.as_nanos().saturating_sub(inner.counted.as_nanos());
        if inner.hid.is_empty() || (!at_once && (0..COUNT_NS).contains(&waited)) {
            return Ok(Vec::new());
        }
        let one = |(suppression, (count, critical)): (&u64, &(u64, u64))| Fact::Hid {
            suppression: *suppression,
            count: *count,
            critical: *critical,
        };
        let facts: Vec<Fact> = inner.hid.iter().map(one).collect();
        inner.commit(None, now, facts)?;
        inner.counted = now;
        let hid = std::mem::take(&mut inner.hid);
        let named = |(number, (_, critical)): (u64, (u64, u64))| {
            let quiet = inner.desk.quiet(number).filter(|_| critical > 0)?;
            Some((quiet.name.clone(), critical))
        };
        Ok(hid.into_iter().filter_map(named).collect())
    }

    /// Deadlines of which somebody is to be told now.
    pub fn reminders(&self, now: Timestamp) -> Vec<Reminder> {
        let inner = self.inner();
        let wanted = inner.desk.unmet().filter_map(|(incident, clock)| {
            let over = now >= clock.due;
            let told = if over { clock.reminded.1 } else { clock.reminded.0 || now < clock.soon };
            (!told).then(|| Reminder {
                clock: clock.number,
                incident: incident.to_owned(),
                name: clock.name.clone(),
                due: clock.due,
                over,
            })
        });
        wanted.collect()
    }

    /// Somebody was told of a deadline.
    ///
    /// # Errors
    /// [`Refusal::NotKept`]: it is told again.
    pub fn reminded(&self, reminder: &Reminder, now: Timestamp) -> Result<(), Refusal> {
        let Reminder { clock, over, .. } = *reminder;
        self.act(None, now, |_| Ok(vec![Fact::Reminded { clock, over }])).map(drop)
    }
}

impl Inner {
    fn commit(&mut self, by: Option<&Actor>, at: Timestamp, facts: Vec<Fact>) -> Result<Vec<u64>, Refusal> {
        if facts.is_empty() {
            return Ok(Vec::new());
        }
        let numbers = self.desk.next_step()..;
        let steps: Vec<Step> =
            numbers.zip(facts).map(|(number, fact)| Step { number, at, by: by.cloned(), fact }).collect();
        self.store.keep(&self.desk, &steps).map_err(|error| Refusal::NotKept(error.to_string()))?;
        steps.iter().for_each(|step| self.desk.apply(step));
        Ok(steps.iter().map(|step| step.number).collect())
    }
}

/// Acts of people. What is a version is compared under the lock, so that of two changes to one version one is refused.
impl Casework {
    /// Hands an incident over, contains it, closes it, opens it again.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn change(
        &self,
        (by, now): (&Actor, Timestamp),
        (incident, ids, seen): (&str, &[String], Extent),
        change: &Change,
        version: Option<u64>,
    ) -> Result<Vec<u64>, Refusal> {
        self.act(Some(by), now, |desk| {
            let joint = desk.joint(ids.iter().map(String::as_str));
            Desk::change((incident, &joint, seen), change, version)
        })
    }

    /// Writes a note.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn note(
        &self,
        (by, now): (&Actor, Timestamp),
        (incident, ids): (&str, &[String]),
        text: &str,
    ) -> Result<Vec<u64>, Refusal> {
        self.act(Some(by), now, |desk| desk.note(incident, &desk.joint(ids.iter().map(String::as_str)), text))
    }

    /// Writes a decision down. Its records were looked up.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn decide(
        &self,
        (by, now): (&Actor, Timestamp),
        (incident, ids): (&str, &[String]),
        decision: (&str, &str, &[String]),
    ) -> Result<Vec<u64>, Refusal> {
        self.act(Some(by), now, |desk| {
            desk.decide((incident, &desk.joint(ids.iter().map(String::as_str))), decision)
        })
    }

    /// Begins a deadline. Its records were looked up.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn begin(
        &self,
        (by, now): (&Actor, Timestamp),
        (incident, ids): (&str, &[String]),
        (kind, since): (&str, Timestamp),
        why: (&str, &[String]),
    ) -> Result<Vec<u64>, Refusal> {
        let kind = self.kinds.iter().find(|known| known.id == kind);
        let kind = kind.ok_or(Refusal::Senseless("kind: one of clock_kinds of the incident"))?;
        self.act(Some(by), now, |desk| {
            desk.begin((incident, &desk.joint(ids.iter().map(String::as_str))), (kind, since), why, now)
        })
    }

    /// Meets a deadline by records, which were looked up.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn meet(
        &self,
        (by, now): (&Actor, Timestamp),
        ids: &[String],
        clock: (u64, Option<u64>),
        why: (&str, &[String]),
    ) -> Result<Vec<u64>, Refusal> {
        self.act(Some(by), now, |desk| Desk::meet(&desk.joint(ids.iter().map(String::as_str)), clock, why))
    }

    /// Suppresses alerts.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn suppress(&self, (by, now): (&Actor, Timestamp), wanted: Wanted) -> Result<Vec<u64>, Refusal> {
        self.act(Some(by), now, |desk| desk.suppress(wanted, now))
    }

    /// Ends a suppression before its time.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn lift(&self, (by, now): (&Actor, Timestamp), number: u64, why: &str) -> Result<Vec<u64>, Refusal> {
        self.act(Some(by), now, |desk| desk.lift(number, why, now))
    }

    /// Writes down that an incident leaves as a file, before it does.
    ///
    /// # Errors
    /// [`Refusal::NotKept`]: then it must not leave.
    pub fn exported(
        &self,
        (by, now): (&Actor, Timestamp),
        incident: &str,
        (sha256, bytes): (String, u64),
        names: bool,
    ) -> Result<Vec<u64>, Refusal> {
        let incident = incident.to_owned();
        self.act(Some(by), now, |_| Ok(vec![Fact::Exported { incident, sha256, bytes, names }]))
    }
}
