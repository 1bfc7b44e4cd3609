//! All sources: what comes is learnt, what is due is named, and who else sees a source that says nothing.

use std::collections::{BTreeMap, BTreeSet};

use hinomi_model::{NANOS_PER_SECOND, Timestamp};
use memchr::memmem;
use serde::{Deserialize, Serialize};

use super::source::Source;
use super::{MAX_KINDS, MAX_SOURCES, Outline, Plan, Plans, Settings};
use crate::completeness::{CLOCK_EVERY_NS, FINDING_VERSION, Finding, What, Witness};
use crate::records::Record;

/// Sources about which others are asked at once.
const MAX_SUSPECTS: usize = 32;
/// Names of each that are looked for.
const MAX_NAMES: usize = 4;
/// From which part of a silence that is named on others are asked.
const ASK_FROM: f64 = 0.4;
/// How long a finding that was handed out may take to come back from the log before it is handed out again.
const PATIENCE_NS: i64 = 60 * NANOS_PER_SECOND;

/// The health of all sources.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Health {
    settings: Settings,
    sources: BTreeMap<String, Source>,
    plans: Plans,
    /// When the ledger was last opened, or went on after its clock had jumped.
    opened_ns: i64,
    /// Last tick of the ledger's clock.
    #[serde(default)]
    ticked_ns: Option<i64>,
    /// Of sources that say nothing: names to look for in what others send.
    #[serde(skip)]
    suspects: Vec<Suspect>,
    /// Who saw which of them last.
    #[serde(skip)]
    seen: BTreeMap<String, Witness>,
    /// Findings that were handed out and are not in the log yet, and when.
    #[serde(skip)]
    handed: BTreeMap<(String, &'static str), i64>,
}

#[derive(Clone, Debug)]
struct Suspect {
    source: String,
    names: Vec<memmem::Finder<'static>>,
}

/// How a source is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It was not watched for long enough to be judged.
    Learning,
    /// It is as usual.
    Usual,
    /// People planned that it may be away.
    Planned,
    /// It says nothing, and that was named.
    Silent,
    /// Its times are off.
    TimesOff,
    /// Kinds of its records stay away.
    KindsGone,
    /// It sends far less than usual.
    Fell,
}

impl State {
    /// Its name in figures and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Learning => "learning",
            Self::Usual => "usual",
            Self::Planned => "planned",
            Self::Silent => "silent",
            Self::TimesOff => "times_off",
            Self::KindsGone => "kinds_gone",
            Self::Fell => "fell",
        }
    }
}

/// What is known of one source.
#[derive(Clone, PartialEq, Debug)]
pub struct Status<'a> {
    /// Its name.
    pub source: &'a str,
    /// How it is.
    pub state: State,
    /// When it was last heard.
    pub last: Timestamp,
    /// Longest pause of the last five weeks, in nanoseconds.
    pub longest_ns: i64,
    /// Records an hour to be expected now.
    pub per_hour: f64,
    /// Usual time between event and receipt at most, in nanoseconds.
    pub delay_ns: i64,
    /// Kinds of records that are known.
    pub kinds: usize,
    /// Kinds that stay away.
    pub gone: Vec<&'a str>,
    /// By how much its times are off, in nanoseconds.
    pub off_ns: Option<i64>,
    /// The plan that holds, and when it ends.
    pub plan: Option<(&'a Plan, Timestamp)>,
}

/// What was learnt of a source, hour by hour.
#[derive(Clone, PartialEq, Debug)]
pub struct Week {
    /// Since when it is watched.
    pub since: Timestamp,
    /// Records an hour, in 168 hours from Monday 00:00 UTC on; `None` for hours that were never watched whole.
    pub per_hour: Vec<Option<f64>>,
}

impl Health {
    /// What is usual for a source in each hour of the week; `None` of a source that is not watched.
    pub fn week(&self, source: &str) -> Option<Week> {
        let (since, per_hour) = self.sources.get(source)?.rhythm.week()?;
        Some(Week { since: Timestamp::from_nanos(since), per_hour })
    }

    /// Kinds of records that any source ever sent, and whether that is all of them: of each source [`MAX_KINDS`] are known.
    pub fn kinds(&self) -> (BTreeSet<&str>, bool) {
        let whole = self.sources.values().all(|source| source.kinds.len() < MAX_KINDS);
        (self.sources.values().flat_map(|source| source.kinds.names()).collect(), whole)
    }

    /// From now on judged by these.
    pub fn set(&mut self, settings: Settings) {
        self.settings = settings;
    }

    /// Records of a source were received.
    pub fn arrived(&mut self, source: &str, records: &[Record]) {
        self.look_for_suspects(source, records);
        if self.sources.len() >= MAX_SOURCES && !self.sources.contains_key(source) {
            return;
        }
        let opened_ns = self.opened_ns;
        let known = self.sources.entry(source.to_owned()).or_default();
        for same in records.chunk_by(|a, b| a.received_ns == b.received_ns) {
            let Some(first) = same.first() else { continue };
            let at_ns = i64::try_from(first.received_ns).unwrap_or(i64::MAX);
            known.rhythm.excused(opened_ns);
            let planned =
                self.plans.latest_end(source, at_ns).is_some_and(|end| end > known.rhythm.last_ns());
            known.arrived(at_ns, same.len() as u64, !planned);
        }
    }

    /// What events in records of a source say; `at` is when the last of them was received.
    pub fn held(&mut self, source: &str, at: Timestamp, outline: &Outline) {
        let planned = self.plans.at(source, at).is_some();
        if let Some(known) = self.sources.get_mut(source).filter(|_| !planned) {
            known.held(at.as_nanos(), outline, &self.settings);
        }
    }

    /// The ledger was opened: before, nothing could be received.
    pub fn opened(&mut self, at: Timestamp) {
        self.opened_ns = self.opened_ns.max(at.as_nanos());
        self.ticked_ns = Some(at.as_nanos());
    }

    /// The ledger's clock has ticked. When it jumped, the machine slept or its clock was set: that is nobody's silence.
    pub fn ticked(&mut self, at: Timestamp) {
        let before = self.ticked_ns.replace(at.as_nanos());
        if before.is_some_and(|before| at.as_nanos().saturating_sub(before) > 3 * CLOCK_EVERY_NS) {
            self.opened(at);
        }
    }

    /// A record of [`HEALTH_SOURCE`](super::HEALTH_SOURCE) is in the log. What it is is given back if it is a finding.
    pub fn written(&mut self, record: &[u8]) -> Option<Finding> {
        let Ok(finding) = Finding::from_record(record) else {
            self.plans = Plans::from_record(record).unwrap_or_else(|| self.plans.clone());
            return None;
        };
        self.handed.remove(&(finding.source.clone(), tag(&finding.what)));
        if let Some(known) = self.sources.get_mut(&finding.source) {
            known.found(finding.found, &finding.what);
        }
        Some(finding)
    }

    /// Plans in force.
    pub fn plans(&self) -> &Plans {
        &self.plans
    }

    /// What is to be named now, given that everything received before now was looked at. It is handed out once; a finding
    /// that does not come back from the log within a minute is handed out again.
    pub fn due(&mut self, now: Timestamp) -> Vec<Finding> {
        let settings = &{ self.settings };
        let now_ns = now.as_nanos();
        self.handed.retain(|_, at| now_ns.saturating_sub(*at).saturating_abs() < PATIENCE_NS);
        let mut found = Vec::new();
        let opened_ns = self.opened_ns;
        for (name, source) in &mut self.sources {
            source.rhythm.excused(opened_ns);
            if let Some(end) = self.plans.latest_end(name, now_ns) {
                source.rhythm.excused(end.min(now_ns));
                if end > now_ns {
                    continue;
                }
            }
            if !source.may_be_named(now_ns) {
                continue;
            }
            let since = source.rhythm.since();
            let witness = self.seen.get(name).filter(|witness| witness.at.as_nanos() > since);
            found.extend(source.due(now_ns, witness, settings).into_iter().map(|what| (name.clone(), what)));
        }
        found.extend(self.moved(now_ns, settings));
        found.retain(|(name, what)| !self.handed.contains_key(&(name.clone(), tag(what))));
        self.ask_others(now_ns, settings);
        let finding = |(source, what)| Finding { schema_version: FINDING_VERSION, source, found: now, what };
        found.into_iter().map(finding).collect()
    }

    /// Findings are on their way to the log.
    pub fn handed_in(&mut self, findings: &[Finding]) {
        for finding in findings {
            let key = (finding.source.clone(), tag(&finding.what));
            self.handed.insert(key, finding.found.as_nanos());
        }
    }

    /// Hosts that spoke under one name for long and now speak under another.
    fn moved(&self, now_ns: i64, settings: &Settings) -> Vec<(String, What)> {
        let recent = |first: i64| now_ns.saturating_sub(first) < settings.learn_ns;
        let mut long: BTreeMap<&str, &str> = BTreeMap::new();
        for (name, source) in &self.sources {
            if let Some((host, _)) = source.hosts.only().filter(|(_, first)| !recent(*first)) {
                long.entry(host).or_insert(name);
            }
        }
        let new = self.sources.iter().filter(|(_, source)| !source.moved).filter_map(|(name, source)| {
            let (host, first) = source.hosts.only().filter(|(_, first)| recent(*first))?;
            let before = *long.get(host)?;
            let (host, before) = (host.to_owned(), before.to_owned());
            Some((name.clone(), What::HostMoved { since: Timestamp::from_nanos(first), host, before }))
        });
        new.collect()
    }

    /// Whom to look for in what others send.
    fn ask_others(&mut self, now_ns: i64, settings: &Settings) {
        let overdue = |source: &Source| {
            source.silence.is_some()
                || source.rhythm.silence(now_ns, settings).is_some_and(|reached| reached >= ASK_FROM)
        };
        let suspects: Vec<(&String, &Source)> =
            self.sources.iter().filter(|(_, source)| overdue(source)).take(MAX_SUSPECTS).collect();
        let names: BTreeSet<&str> = suspects.iter().map(|(name, _)| name.as_str()).collect();
        self.seen.retain(|name, _| names.contains(name.as_str()));
        let suspect = |(name, source): (&String, &Source)| {
            let names = names_of(name, source).into_iter();
            let names = names.map(|name| memmem::Finder::new(name.as_bytes()).into_owned()).collect();
            Suspect { source: name.clone(), names }
        };
        self.suspects = suspects.into_iter().map(suspect).collect();
    }

    fn look_for_suspects(&mut self, source: &str, records: &[Record]) {
        for suspect in self.suspects.iter().filter(|suspect| suspect.source != source) {
            let speaks = |record: &&Record| suspect.names.iter().any(|name| mentions(&record.bytes, name));
            let Some(record) = records.iter().rev().find(speaks) else { continue };
            let at = Timestamp::from_nanos(i64::try_from(record.received_ns).unwrap_or(i64::MAX));
            self.seen.insert(suspect.source.clone(), Witness { source: source.to_owned(), at });
        }
    }

    /// How every source is.
    pub fn status(&self, now: Timestamp) -> impl Iterator<Item = Status<'_>> {
        self.sources.iter().map(move |(name, source)| {
            let plan = self.plans.at(name, now);
            Status {
                source: name,
                state: state(source, plan.is_some(), &self.settings),
                last: Timestamp::from_nanos(source.rhythm.last_ns()),
                longest_ns: source.rhythm.longest_ns(),
                per_hour: source.rhythm.per_hour(now.as_nanos()),
                delay_ns: source.times.usual_ns(),
                kinds: source.kinds.len(),
                gone: source.kinds.still_missing().collect(),
                off_ns: source.times.is_off(),
                plan,
            }
        })
    }
}

fn state(source: &Source, planned: bool, settings: &Settings) -> State {
    if planned {
        State::Planned
    } else if source.silence.is_some() {
        State::Silent
    } else if source.times.is_off().is_some() {
        State::TimesOff
    } else if source.kinds.still_missing().next().is_some() {
        State::KindsGone
    } else if source.fell.is_some() {
        State::Fell
    } else if source.rhythm.learnt(settings) {
        State::Usual
    } else {
        State::Learning
    }
}

/// What may stand for a source in what others send: its address, and the hosts that it named.
fn names_of(name: &str, source: &Source) -> Vec<String> {
    let address = name.rsplit_once('@').map(|(_, address)| address);
    let names = address.into_iter().chain(source.hosts.names());
    // What is on every machine, or may be part of any word, says nothing.
    let telling = |name: &&str| name.len() >= 4 && !["localhost", "127.0.0.1"].contains(name);
    names.filter(telling).take(MAX_NAMES).map(str::to_owned).collect()
}

/// Whether a name stands in a record as a whole word.
fn mentions(bytes: &[u8], name: &memmem::Finder<'_>) -> bool {
    let part = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'-' || *b == b'_');
    name.find_iter(bytes).any(|at| {
        let end = at + name.needle().len();
        // A dot goes on with a number in addresses, and ends a sentence elsewhere.
        let dotted = bytes.get(end) == Some(&b'.') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
        let before = at.checked_sub(1).and_then(|at| bytes.get(at));
        !part(before) && before != Some(&b'.') && !part(bytes.get(end)) && !dotted
    })
}

fn tag(what: &What) -> &'static str {
    match what {
        What::Quiet { .. } => "quiet",
        What::SeenElsewhere { .. } => "seen",
        What::Resumed { .. } => "resumed",
        What::Fell { .. } => "fell",
        What::KindsGone { .. } => "kinds",
        What::TimesJumped { .. } => "times",
        What::OtherHost { .. } => "host",
        What::HostMoved { .. } => "moved",
        _ => "other",
    }
}
