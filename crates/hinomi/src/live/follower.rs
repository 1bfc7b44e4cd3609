//! Follows a ledger until it is told to stop.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hinomi_detect::Engine;
use hinomi_detect::live::{Live, Tally};
use hinomi_ledger::completeness::Finding;
use hinomi_ledger::{Ticket, VaultRecipient};
use hinomi_model::Timestamp;

use super::LiveError;
use super::activation::Activation;
use super::course::{Course, Step};
use super::crew::Crew;
use super::decisions::{Decisions, History, Notes};
use super::entry::LiveDetection;
use super::health::{HealthWatch, Vitals};
use super::pack::{Pack, PackError, PackSources, Stamps};
use super::resume;
use super::saving::Saving;
use crate::clock;
use crate::report::RejectedRule;
use crate::scan::{StageGround, Subjects};

/// Leaves between two looks at signals and files.
const BATCH: u64 = 32;
/// Batches that may be on their way to the disk while the next is looked at.
const MOST_UNTOLD: usize = 64;

/// How to follow.
#[derive(Clone, Debug)]
pub struct Options {
    /// Data directory of the ledger.
    pub data: PathBuf,
    /// Where rules come from.
    pub sources: PackSources,
    /// How much later than its own time an event may be received and still be correlated with others of that time.
    pub lateness: Duration,
    /// Zone of times that state none, by its IANA name.
    pub zone: String,
    /// End when everything published is looked at.
    pub once: bool,
    /// End before this leaf.
    pub until: Option<u64>,
    /// Time between two looks at the ledger.
    pub poll: Duration,
    /// Time between two looks at the rule files, if they are watched.
    pub watch: Option<Duration>,
    /// Time between two saved states.
    pub save_every: Duration,
    /// Vaults that the keys of new decisions are sealed to.
    pub vaults: Vec<VaultRecipient>,
    /// Set once it has to end: it waits for space on the disk no longer then.
    pub ending: Arc<AtomicBool>,
    /// How the health of sources is watched, if it is.
    pub health: Option<HealthWatch>,
}

impl Options {
    /// The bundled rules over the ledger in `data`.
    pub fn new(data: PathBuf) -> Self {
        Self {
            data,
            sources: PackSources::default(),
            lateness: Duration::from_mins(1),
            zone: "UTC".to_owned(),
            once: false,
            until: None,
            poll: Duration::from_millis(100),
            watch: Some(Duration::from_secs(2)),
            save_every: Duration::from_secs(30),
            vaults: Vec::new(),
            ending: Arc::default(),
            health: None,
        }
    }
}

/// What others say to a follower.
#[derive(Debug, Default)]
pub struct Signals {
    /// It should stop.
    pub stop: Arc<AtomicBool>,
    /// It should read the rules again.
    pub reload: Arc<AtomicBool>,
    /// What has to be written down besides.
    pub notes: Vec<Arc<dyn Notes>>,
}

/// What a follower says.
#[derive(Debug)]
pub enum Told<'a> {
    /// A detection was made and is durable.
    Detection(&'a LiveDetection),
    /// Rules hold from a leaf on.
    Activated {
        /// The leaf.
        from_leaf: u64,
        /// Rules and correlations that are used.
        rules: usize,
        /// Documents that cannot be used.
        rejected: &'a [RejectedRule],
    },
    /// New rules cannot be used; the old ones stay in force.
    Refused(&'a PackError),
    /// Evidence could not be read.
    Loss(&'a str),
    /// What the ledger found out about a source: a gap, a silence, a step of its clock. It is evidence and not written again;
    /// after a crash it may be told twice.
    Finding(&'a Finding),
    /// Following failed; it is tried again.
    Failed(&'a LiveError),
    /// What is written for a leaf is not what is found now; what is written stays.
    Differs(&'a LiveError),
    /// Everything published was looked at.
    CaughtUp(&'a Summary),
}

/// What was done.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Summary {
    /// First leaf that was not looked at.
    pub position: u64,
    /// Records read by this run.
    pub records: u64,
    /// Events in them.
    pub events: u64,
    /// Detections written by this run.
    pub detections: u64,
    /// Detections found again and not written twice.
    pub known: u64,
    /// Blocks that were erased.
    pub erased_blocks: u64,
    /// Blocks that cannot be read.
    pub unreadable_blocks: u64,
    /// Everything before this time is correlated.
    pub watermark: Option<Timestamp>,
    /// Matches that are kept for correlations.
    pub kept: usize,
    /// What was not taken into account since leaf 0.
    pub tally: Tally,
}

/// Why following one set of rules ended.
#[derive(PartialEq, Eq)]
enum Turn {
    Rules,
    Done,
}

/// Follows one ledger.
pub struct Follower {
    options: Options,
    subjects: Arc<Subjects>,
    course: Course,
    decisions: Decisions,
    stamps: Stamps,
    looked: Timestamp,
    saving: Saving,
    /// Detections that may not be durable yet, batch by batch.
    untold: VecDeque<(Ticket, Vec<LiveDetection>)>,
    written: u64,
    known: u64,
}

impl Follower {
    /// Opens both ledgers and goes on where the last run ended.
    ///
    /// # Errors
    /// When one cannot be opened, another process follows, or there are no rules at all.
    pub fn open(options: Options, tell: &mut dyn FnMut(Told<'_>)) -> Result<Self, LiveError> {
        let subjects = Arc::new(live_subjects()?);
        let mut course = Course::open(&options.data)?;
        course.vitals = options.health.clone().map(Vitals::new);
        let decisions = Decisions::open(&options, &course.reader)?;
        let now = clock::now();
        let stamps = options.sources.stamps();
        let saving = Saving::new(resume::path_in(&options.data), options.save_every);
        let mut follower = Self {
            options,
            subjects,
            course,
            decisions,
            stamps,
            looked: now,
            saving,
            untold: VecDeque::new(),
            written: 0,
            known: 0,
        };
        follower.resume()?;
        follower.renew(tell)?;
        Ok(follower)
    }

    /// Takes the saved state over, and what was written since.
    fn resume(&mut self) -> Result<(), LiveError> {
        let data = self.options.data.clone();
        let saved = self.course.saved(&data);
        self.decisions.read(&data, saved.as_ref().map_or(0, |saved| saved.position))?;
        let Some(saved) = saved else { return Ok(()) };
        let history = &self.decisions.history;
        let known = history.activations.iter().find(|a| a.pack == saved.pack);
        let engine = known.map(|a| history.pack(a)?.compile(&self.subjects).map_err(LiveError::from));
        let restored = match engine.transpose()? {
            Some((engine, _)) => self.course.restore(saved, &engine),
            None => false,
        };
        // Without its state everything is read again, and compared with all that is written.
        if restored { Ok(()) } else { self.decisions.read(&data, 0) }
    }

    /// Reads the rules; others than those in force hold from the next leaf on that nothing was written for.
    fn renew(&mut self, tell: &mut dyn FnMut(Told<'_>)) -> Result<bool, LiveError> {
        let written = self.decisions.history.last.map_or(0, |last| last.leaf + 1);
        let from_leaf = self.course.position.max(written);
        let in_force = self.decisions.history.active(from_leaf).cloned();
        match self.read_rules(from_leaf, in_force.as_ref()) {
            Ok(None) => Ok(false),
            Ok(Some((activation, pack))) => {
                self.decisions.activate(activation, &pack)?;
                Ok(true)
            }
            Err(LiveError::Pack(error)) if in_force.is_some() => {
                tell(Told::Refused(&error));
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// The rules on disk and their activation, unless they are in force already.
    fn read_rules(
        &self,
        from_leaf: u64,
        in_force: Option<&Activation>,
    ) -> Result<Option<(Activation, Pack)>, LiveError> {
        let pack = self.options.sources.read()?;
        let lateness = i64::try_from(self.options.lateness.as_nanos()).unwrap_or(i64::MAX);
        let activation = Activation::new(from_leaf, lateness, &self.options.zone, &pack);
        activation.time_zone()?;
        if in_force.is_some_and(|a| a.pack == activation.pack) {
            return Ok(None);
        }
        let (_, mut rejected) = pack.compile(&self.subjects)?;
        if let Some(in_force) = in_force {
            let (_, before) = self.decisions.history.pack(in_force)?.compile(&self.subjects)?;
            // What could not be used before is no news.
            rejected.retain(|r| !before.iter().any(|b| b.origin == r.origin && b.reason == r.reason));
            if !rejected.is_empty() {
                return Err(PackError::Rejected(rejected).into());
            }
        }
        Ok(Some((activation, pack)))
    }

    /// Follows until a signal, or the end if there is one.
    ///
    /// # Errors
    /// What the ledgers meet. After an error it may be opened again.
    pub fn run(&mut self, signals: &Signals, tell: &mut dyn FnMut(Told<'_>)) -> Result<Summary, LiveError> {
        loop {
            let Some(activation) = self.decisions.history.active(self.course.position).cloned() else {
                return Err(PackError::Empty(Vec::new()).into());
            };
            let (engine, rejected) = self.decisions.history.pack(&activation)?.compile(&self.subjects)?;
            self.course.begin(&activation, &engine)?;
            let rules = engine.rules().len() + engine.correlations().len();
            tell(Told::Activated { from_leaf: activation.from_leaf, rules, rejected: &rejected });
            let until = self.decisions.history.next_change(self.course.position);
            if self.follow(&engine, until, signals, tell)? == Turn::Done {
                break;
            }
        }
        self.note(signals)?;
        self.save(tell)?;
        self.saving.end()?;
        Ok(self.summary())
    }

    /// Commits what is written and stops.
    ///
    /// # Errors
    /// What the decision ledger meets.
    pub fn close(self) -> Result<(), LiveError> {
        Ok(self.decisions.close()?)
    }

    /// Follows with one set of rules, which ends before leaf `until`.
    fn follow(
        &mut self,
        engine: &Engine,
        until: u64,
        signals: &Signals,
        tell: &mut dyn FnMut(Told<'_>),
    ) -> Result<Turn, LiveError> {
        let subjects = Arc::clone(&self.subjects);
        let ground = StageGround::default();
        let mut crew = Crew::new(engine, &subjects, &ground);
        let mut told_end = false;
        loop {
            if signals.stop.load(Ordering::Relaxed) {
                return Ok(Turn::Done);
            }
            if self.rules_changed(signals) && self.renew(tell)? {
                return Ok(Turn::Rules);
            }
            self.course.reader.refresh()?;
            let end = self.course.reader.size().min(self.options.until.unwrap_or(u64::MAX));
            let stop = end.min(until).min(self.course.position + BATCH);
            let idle = self.course.position >= stop;
            self.batch(stop, &mut crew, engine, signals, tell)?;
            self.note(signals)?;
            if self.course.position >= until {
                return Ok(Turn::Rules);
            }
            if self.course.position >= end {
                if idle || !told_end {
                    self.tell_durable(0, tell)?;
                }
                if !std::mem::replace(&mut told_end, true) {
                    tell(Told::CaughtUp(&self.summary()));
                }
                if self.options.once || self.options.until.is_some_and(|until| end >= until) {
                    return Ok(Turn::Done);
                }
            }
            let now = clock::now();
            if let Some(vitals) = self.course.vitals.as_mut().filter(|_| idle) {
                vitals.look(now)?;
            }
            if self.saving.is_due(now) {
                self.save(tell)?;
            }
            if idle {
                std::thread::sleep(self.options.poll);
            }
        }
    }

    fn note(&mut self, signals: &Signals) -> Result<(), LiveError> {
        signals.notes.iter().try_for_each(|notes| Ok(self.decisions.note(&**notes)?))
    }

    /// The leaves before `stop`, or fewer if it is to end: a leaf may take seconds.
    fn batch(
        &mut self,
        stop: u64,
        crew: &mut Crew<'_>,
        engine: &Engine,
        signals: &Signals,
        tell: &mut dyn FnMut(Told<'_>),
    ) -> Result<(), LiveError> {
        let mut new = Vec::new();
        let Self { course, decisions, known, .. } = self;
        let ended = || signals.stop.load(Ordering::Relaxed);
        course.advance(stop, crew, engine, ended, |leaf, step| {
            let Step { detections, losses, findings } = step;
            losses.iter().for_each(|loss| tell(Told::Loss(loss)));
            findings.iter().for_each(|finding| tell(Told::Finding(finding)));
            let found = detections.len();
            let detections = unwritten(&mut decisions.history, leaf, detections, tell);
            *known += (found - detections.len()) as u64;
            decisions.write(&detections)?;
            new.extend(detections);
            Ok(())
        })?;
        self.written += new.len() as u64;
        if let Some(ticket) = self.decisions.last.take() {
            self.untold.push_back((ticket, new));
        }
        self.tell_durable(MOST_UNTOLD, tell)
    }

    /// Tells what is durable, and waits until no more than so many batches are not.
    fn tell_durable(&mut self, most: usize, tell: &mut dyn FnMut(Told<'_>)) -> Result<(), LiveError> {
        while let Some((ticket, _)) = self.untold.front() {
            if self.untold.len() > most {
                ticket.wait()?;
            } else if !ticket.is_durable()? {
                break;
            }
            let (_, detections) = self.untold.pop_front().unzip();
            detections.iter().flatten().for_each(|detection| tell(Told::Detection(detection)));
        }
        Ok(())
    }

    fn rules_changed(&mut self, signals: &Signals) -> bool {
        let asked = signals.reload.swap(false, Ordering::Relaxed);
        let Some(every) = self.options.watch else { return asked };
        let now = clock::now();
        if !asked && since(self.looked, now) < every {
            return false;
        }
        self.looked = now;
        let stamps = self.options.sources.stamps();
        let changed = stamps != self.stamps;
        self.stamps = stamps;
        asked || changed
    }

    /// Saves the state, once all that follows from it is durable.
    fn save(&mut self, tell: &mut dyn FnMut(Told<'_>)) -> Result<(), LiveError> {
        self.tell_durable(0, tell)?;
        self.decisions.settle()?;
        self.saving.begin(&self.course)
    }

    /// What was done so far.
    pub fn summary(&self) -> Summary {
        let counts = self.course.counts;
        let live = self.course.live();
        Summary {
            position: self.course.position,
            records: counts.records,
            events: counts.events,
            detections: self.written,
            known: self.known,
            erased_blocks: counts.erased_blocks,
            unreadable_blocks: counts.unreadable_blocks,
            watermark: live.and_then(Live::watermark),
            kept: live.map_or(0, Live::kept),
            tally: live.map(Live::tally).unwrap_or_default(),
        }
    }
}

/// Which fields are kept: those worth showing. Stories are told of all detections together, by who reads them.
pub(super) fn live_subjects() -> Result<Subjects, PackError> {
    let details = |bundled: Subjects| Subjects::keeping(bundled.details().to_vec());
    Subjects::bundled().and_then(details).map_err(PackError::Subjects)
}

/// Detections of a leaf that are not written yet. What is written is compared with what is found.
fn unwritten(
    history: &mut History,
    leaf: u64,
    mut detections: Vec<LiveDetection>,
    tell: &mut dyn FnMut(Told<'_>),
) -> Vec<LiveDetection> {
    if history.written.is_empty() {
        return detections;
    }
    let last = history.last;
    if let Err(error) = super::replay::compare(leaf, &detections, &mut history.written, last) {
        tell(Told::Differs(&error));
    }
    detections.retain(|d| last.is_none_or(|last| d.decided > last));
    detections
}

pub(super) fn since(then: Timestamp, now: Timestamp) -> Duration {
    Duration::from_nanos(u64::try_from(now.as_nanos().saturating_sub(then.as_nanos())).unwrap_or(0))
}
