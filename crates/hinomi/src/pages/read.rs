//! From an operation of the contract to its answer.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use hinomi_server::pages::{Marks, Topic};
use serde::Serialize;
use serde_json::Value;

use super::decoded::Decoding;
use super::deeds::Work;
use super::evidence::Evidence;
use super::health::Health;
use super::holdings::Holdings;
use super::incidents::{
    Details, Detections, Incident, Incidents, Kinds, Story, Teller, briefs, details, found, ids_of, kinds,
};
use super::judged::{self, Whole};
#[cfg(feature = "query")]
use super::search::Searching;
use super::{Asked, Hunts, Refused, alerts, ledger, record, rules, sources, today, work};
use crate::casework::{Casework, Desk};
use crate::judge::Judge;

/// Time between two looks at new detections; it is cut short while blocks are left to be read.
const LOOK: Duration = Duration::from_secs(10);
const LOOK_BEHIND: Duration = Duration::from_secs(1);

/// Reads a data directory.
#[derive(Debug)]
pub struct Reading {
    shared: Arc<Shared>,
    health: Health,
    judge: Option<Arc<Judge>>,
    casework: Option<Arc<Casework>>,
    hunts: Arc<Hunts>,
    pub(super) deeds: Work,
    thread: Option<JoinHandle<()>>,
}

/// What answers and the telling share.
#[derive(Debug)]
struct Shared {
    evidence: Evidence,
    decoding: Decoding,
    teller: Teller,
    #[cfg(feature = "query")]
    searching: Searching,
    ending: AtomicBool,
    /// Why the last telling failed.
    fault: Mutex<Option<String>>,
}

fn json(answer: Result<impl Serialize, Refused>) -> Result<Value, Refused> {
    serde_json::to_value(answer?).map_err(|error| Refused::Failed(error.to_string()))
}

impl Shared {
    /// Counts and tells on, until the end.
    fn follow(&self) {
        #[cfg(feature = "query")]
        let mut warm = false;
        while !self.ending.load(Ordering::Relaxed) {
            let counted = self.evidence.with(|opened| opened.counted().map(Holdings::is_whole));
            let told = self.teller.tell();
            let behind = matches!(counted, Ok(false)) || matches!(told, Ok(true));
            let fault = counted.err().or(told.err()).map(|error| error.to_string());
            *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
            #[cfg(feature = "query")]
            if !std::mem::replace(&mut warm, true) {
                // What it met stands before whoever searches.
                let _ = self.searching.warm();
            }
            std::thread::park_timeout(if behind { LOOK_BEHIND } else { LOOK });
        }
    }
}

impl Reading {
    /// Reads the data directory of a server with this configuration, and tells its incidents on a thread of its own. What is
    /// said of claims, this judge knows.
    ///
    /// # Errors
    /// When there is no thread.
    pub fn start(data: PathBuf, config: Option<PathBuf>, judge: Option<Arc<Judge>>) -> std::io::Result<Self> {
        Self::start_in(None, data, config, judge)
    }

    /// As [`Self::start`], where times that state no zone are of this one.
    ///
    /// # Errors
    /// When there is no thread.
    #[cfg_attr(
        not(feature = "query"),
        expect(unused_variables, reason = "only searches read again what was received")
    )]
    pub fn start_in(
        zone: Option<&str>,
        data: PathBuf,
        config: Option<PathBuf>,
        judge: Option<Arc<Judge>>,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            evidence: Evidence::new(data.clone()),
            decoding: Decoding::default(),
            teller: Teller::new(data.clone()),
            #[cfg(feature = "query")]
            searching: Searching::new(data.clone(), zone.and_then(|zone| jiff::tz::TimeZone::get(zone).ok())),
            ending: AtomicBool::new(false),
            fault: Mutex::default(),
        });
        let own = shared.clone();
        let thread = std::thread::Builder::new().name("pages".to_owned()).spawn(move || own.follow())?;
        let hunts = Hunts::new(&data);
        let health = Health::new(data, config);
        let deeds = Work::default();
        Ok(Self { shared, health, judge, casework: None, hunts, deeds, thread: Some(thread) })
    }

    /// With the hunts that others write down, too.
    #[must_use]
    pub fn with_hunts(mut self, hunts: Arc<Hunts>) -> Self {
        self.hunts = hunts;
        self
    }

    /// With what people do about incidents.
    #[must_use]
    pub fn with_casework(mut self, casework: Arc<Casework>) -> Self {
        self.casework = Some(casework);
        self
    }

    /// Why incidents could not be told on the last time, if they could not.
    pub fn fault(&self) -> Option<String> {
        self.shared.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The answer in the form of the contract.
    ///
    /// # Errors
    /// [`Refused`] says why there is none.
    pub fn answer(&self, asked: &Asked<'_>) -> Result<Value, Refused> {
        // Also where no sentence holds a time: a zone that nobody knows is a mistake.
        asked.zone()?;
        let evidence = &self.shared.evidence;
        match asked.operation {
            "readToday" => {
                let story = self.story().ok();
                let known = judged::known(self.judge.as_deref());
                json(today::today(
                    evidence,
                    (story.as_deref(), &self.kinds(story.as_deref())?),
                    &known,
                    asked,
                ))
            }
            "readAnswers" | "readBoard" | "readCoverage" | "listClaims" | "readClaim" | "listExceptions"
            | "listSuppliers" => self.judged(asked),
            "readLedger" => json(ledger::ledger(evidence)),
            "listCheckpoints" => json(ledger::checkpoints(evidence, asked)),
            "listSources" => json(sources::sources(evidence, asked)),
            "readRhythm" => json(sources::rhythm(evidence, asked)),
            "listAlerts" => json(alerts::alerts(evidence, asked)),
            "acknowledgeAlert" => json(alerts::acknowledge(evidence, asked)),
            "readHealth" => json(Ok(self.health.page())),
            "readRecord" => json(record::record((evidence, &self.shared.decoding), asked)),
            "readProof" => json(record::proof(evidence, asked)),
            "listSuppressions" => json(work::suppressions(self.casework()?, asked)),
            "listHunts" => json(self.hunts.list()),
            "saveHunt" => json(self.hunts.save(asked)),
            "removeHunt" => json(self.hunts.remove(asked)),
            "search" | "readHistogram" | "query" => self.searched(asked),
            _ => self.told(asked),
        }
    }

    /// Answers from the last judgement of claims.
    fn judged(&self, asked: &Asked<'_>) -> Result<Value, Refused> {
        let known = judged::known(self.judge.as_deref());
        let story = || self.shared.teller.story();
        match asked.operation {
            "listClaims" => json(judged::claims(&known, asked)),
            "readClaim" => json(judged::claim(&known, asked)),
            "listExceptions" => json(judged::exceptions(&known, asked)),
            "listSuppliers" => json(judged::suppliers(&known)),
            "readCoverage" => {
                // Whoever asks before detections were read for the first time asks again.
                let early = |refused| match self.fault() {
                    None => Refused::NotYet("the rules in force are still being read"),
                    Some(_) => refused,
                };
                json(Ok(judged::coverage(&known, &*story().map_err(early)?)))
            }
            _ => {
                let (evidence, story) = (&self.shared.evidence, story().ok());
                let whole = Whole {
                    known: &known,
                    story: story.as_deref(),
                    sources: &sources::counts(evidence)?,
                    following: &ledger::following(evidence)?,
                    exposure: &ledger::exposed(evidence)?,
                };
                match asked.operation {
                    "readBoard" => json(judged::board(&whole, asked)),
                    _ => json(judged::answers(&whole, asked)),
                }
            }
        }
    }

    /// Answers about events.
    #[cfg(feature = "query")]
    fn searched(&self, asked: &Asked<'_>) -> Result<Value, Refused> {
        let searching = &self.shared.searching;
        match asked.operation {
            "search" => json(searching.search(asked)),
            "readHistogram" => json(searching.histogram(asked)),
            _ => json(searching.query(asked)),
        }
    }

    #[cfg(not(feature = "query"))]
    #[expect(clippy::unused_self, reason = "as with searches")]
    fn searched(&self, _: &Asked<'_>) -> Result<Value, Refused> {
        Err(Refused::NotAvailable("this program was built without searches: build it with the feature query"))
    }

    /// Answers from the story.
    fn told(&self, asked: &Asked<'_>) -> Result<Value, Refused> {
        let evidence = &self.shared.evidence;
        match asked.operation {
            "listIncidents" => {
                let story = self.story()?;
                json(Incidents::of(&story, &self.kinds(Some(&story))?, asked))
            }
            "readIncident" => json(self.incident(asked)),
            "listIncidentDetections" => json(Detections::of(&*self.story()?, &kinds(evidence)?, asked)),
            "listRules" => json(rules::rules(&*self.story()?, asked)),
            "readRule" => json(rules::rule(&*self.story()?, evidence.data(), asked)),
            _ => Err(Refused::NotAvailable("this server does not answer that yet")),
        }
    }
}

/// Changes when a file does.
fn stamp(path: &Path) -> u64 {
    let Ok(found) = std::fs::metadata(path) else { return 0 };
    found.len().wrapping_mul(31).wrapping_add(found.mtime_nsec().unsigned_abs()).wrapping_add(found.ino())
}

/// What acts on incidents need.
impl Reading {
    /// The story as it was told last.
    pub(super) fn story(&self) -> Result<Arc<Story>, Refused> {
        self.shared.teller.story()
    }

    pub(super) fn evidence(&self) -> &Evidence {
        &self.shared.evidence
    }

    pub(super) fn casework(&self) -> Result<&Casework, Refused> {
        let none = Refused::NotAvailable("what people do about incidents is not kept here");
        self.casework.as_deref().ok_or(none)
    }

    /// What is known beside a story.
    pub(super) fn kinds(&self, story: Option<&Story>) -> Result<Kinds, Refused> {
        let mut kinds = kinds(self.evidence())?;
        if let Some((story, casework)) = story.zip(self.casework.as_deref()) {
            kinds.work = briefs(story, casework);
        }
        Ok(kinds)
    }

    /// A number for each part of the pages: another number, other content. Nothing is read for it but sizes and times of files.
    pub(super) fn changes(&self) -> Marks {
        let mut marks = Marks::default();
        let acts = self.casework.as_deref().map_or(0, |casework| casework.with(Desk::next_step));
        marks.set(Topic::Incidents, self.shared.teller.told().wrapping_add(acts));
        let data = self.evidence().data();
        marks.set(Topic::Alerts, stamp(&data.join("alerts/steps")) ^ stamp(&data.join("alerts/state")));
        let size = self.evidence().with(|opened| Ok(opened.reader.size())).unwrap_or(0);
        marks.set(Topic::Ledger, size);
        marks.set(Topic::Sources, size);
        marks
    }

    /// One incident, with what people did.
    pub(super) fn incident(&self, asked: &Asked<'_>) -> Result<Incident, Refused> {
        let story = self.story()?;
        let (place, _) = found(&story, asked)?;
        let details = match self.casework.as_deref() {
            Some(casework) => details(&story, casework, place),
            None => Details::default(),
        };
        Incident::of(&story, (&self.kinds(Some(&story))?, self.evidence()), details, asked)
    }

    /// The version of what people did about an incident.
    pub(super) fn version(&self, asked: &Asked<'_>) -> Result<u64, Refused> {
        let story = self.story()?;
        let (place, _) = found(&story, asked)?;
        let Some(casework) = self.casework.as_deref() else { return Ok(0) };
        let ids = ids_of(&story, casework, place);
        Ok(casework.with(|desk| desk.joint(ids.iter().map(String::as_str)).version()))
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.shared.ending.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}
