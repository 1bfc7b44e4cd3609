//! Checks a report against its sources.
//!
//! # Definitions
//! A citation holds when a file with the cited digest is there, the event stands at the cited place with the cited
//! digest (or the ledger grew from the one that was cited, and the event begins in the cited record), the rule matches it now, and time, host, account and fields are what the report says. The text holds when
//! rendering the data again gives the same bytes. Sentences are made from citations alone, so together this checks
//! every sentence about an event.
//!
//! # Not here
//! Counts, the grouping into incidents and the list of sources are results over the whole input; they are rendered again
//! but not counted again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hinomi_detect::Engine;
use hinomi_detect::completeness::Window;
use hinomi_detect::sigma::Meta;
use hinomi_detect::story::StoryTable;
use hinomi_ingest::intake::{Format, Options, Root};
use hinomi_model::{Digest, EvidencePlace, EvidenceRef, Timestamp};
use jiff::tz::TimeZone;

use super::build::shown_fields;
use super::html::{DATA_CLOSES, DATA_OPENS, html};
use super::model::{Citation, Content, Document, FORMAT, FileDoc, RuleDoc, StepDoc};
use crate::recorded::Recorded;
use crate::report::{Citations, techniques};
use crate::scan::{Digests, Event, Limits, Request, ScanProgress, Subjects, scan};

/// Matches kept while re-reading cited files.
const MOST_HITS: u64 = 1_000_000;

/// What a report is checked with.
pub struct Sources<'a> {
    /// Files and folders that hold the sources.
    pub paths: &'a [PathBuf],
    /// Rules.
    pub engine: &'a Engine,
    /// Fields that name host and account.
    pub subjects: &'a Subjects,
    /// Worker threads.
    pub threads: usize,
}

/// The report cannot be checked.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// No data inside.
    #[error("this is no report of hinomi: it holds no data")]
    NotAReport,
    /// Another version renders other bytes.
    #[error("the report was made by version {found}, this is {own}")]
    OtherVersion {
        /// Its version.
        found: String,
        /// The running one.
        own: &'static str,
    },
    /// A ledger could not be opened.
    #[error("{path}: {source}")]
    Ledger {
        /// Which.
        path: String,
        /// Why.
        source: hinomi_ledger::LedgerError,
    },
    /// No table of the story.
    #[error("the program lacks its story table")]
    NoTable,
    /// A source could not be read.
    #[error("{path}: {source}")]
    Unreadable {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A part of the sources made the program fail.
    #[error("a part of the sources made the program fail")]
    Lost,
}

/// Something that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The embedded data was damaged.
    #[error("the data inside the report was damaged: {0}")]
    Data(String),
    /// The text is not what the data says.
    #[error("line {line} of the report is not what its data says: {found:?}")]
    Text {
        /// Line, from 1.
        line: usize,
        /// Its start.
        found: String,
    },
    /// A cited file is not there.
    #[error("{path}: no file with the cited content is among the given paths{}", if *same_name { " (a file of that name has other content)" } else { "" })]
    File {
        /// Its path when it was cited.
        path: String,
        /// Whether a file of the same name is there.
        same_name: bool,
    },
    /// A cited ledger is not there, or not what it was.
    #[error("{path}: ledger {origin}: {what}")]
    Ledger {
        /// Its data directory when it was cited.
        path: String,
        /// Origin of its checkpoints.
        origin: String,
        /// What is wrong.
        what: String,
    },
    /// A number points nowhere.
    #[error("citation [{number}] points to nothing")]
    Dangling {
        /// Number as printed.
        number: usize,
    },
    /// No rule finds an event there.
    #[error("citation [{number}]: no rule finds an event at the cited place of {path}")]
    Event {
        /// Number as printed.
        number: usize,
        /// File.
        path: String,
    },
    /// Another event stands there.
    #[error("citation [{number}]: another event stands at the cited place")]
    OtherEvent {
        /// Number as printed.
        number: usize,
    },
    /// The rule does not match the event.
    #[error("citation [{number}]: the rule {rule} does not match the event")]
    Rule {
        /// Number as printed.
        number: usize,
        /// The rule.
        rule: String,
    },
    /// Something else is said of the event than it states.
    #[error("citation [{number}]: {what} is said to be {said:?}, the event states {found:?}")]
    Value {
        /// Number as printed.
        number: usize,
        /// Which part.
        what: String,
        /// What the report says.
        said: String,
        /// What the source says.
        found: String,
    },
    /// A rule is described otherwise than it describes itself, or is not there.
    #[error("rule {id}: {what}")]
    RuleText {
        /// The rule.
        id: String,
        /// What differs.
        what: &'static str,
    },
    /// A detection is not what the sources give.
    #[error("detection {id}: {what}")]
    Detection {
        /// Its id.
        id: String,
        /// What differs.
        what: String,
    },
    /// The detections make other incidents.
    #[error("incident {id}: the same detections make other incidents")]
    Incident {
        /// Its id.
        id: String,
    },
    /// Something is said of the whole input that the sources do not give.
    #[error("{what}")]
    Whole {
        /// What differs.
        what: String,
    },
    /// A step contradicts its rule.
    #[error("a step of rule {id} contradicts it: {what}")]
    Step {
        /// The rule.
        id: String,
        /// How.
        what: &'static str,
    },
}

/// What was checked.
#[derive(Debug, Default)]
pub struct Verification {
    /// Citations checked.
    pub citations: usize,
    /// Cited files.
    pub files: usize,
    /// Sentences, or detections, made again.
    pub steps: usize,
    /// Detections that rules make now and that the document does not list, for a reason that it states.
    pub left_out: usize,
    /// Matches beyond the bound that the document states: nobody looked at what they make.
    pub unlisted: u64,
    /// Whether all of the document was compared that can be; of reports only sentences are.
    pub is_whole: bool,
    /// Detections that are said to be suppressed, where nobody gave the list of suppressions.
    pub unsettled: u64,
    /// What does not hold.
    pub faults: Vec<Fault>,
}

/// Checks the report `text` against `sources`.
///
/// # Errors
/// When it cannot be checked at all; what does not hold is a [`Fault`].
pub fn verify(text: &str, sources: &Sources<'_>) -> Result<Verification, VerifyError> {
    let table = sources.subjects.story().ok_or(VerifyError::NoTable)?;
    let data = text.find(DATA_OPENS).map(|at| at + DATA_OPENS.len()).and_then(|from| text.get(from..));
    let data = data.and_then(|rest| rest.split_once(DATA_CLOSES)).ok_or(VerifyError::NotAReport)?.0;
    let mut found = Verification::default();
    let document: Document = match serde_json::from_str(data) {
        Ok(document) => document,
        Err(error) => {
            found.faults.push(Fault::Data(error.to_string()));
            return Ok(found);
        }
    };
    let own = env!("CARGO_PKG_VERSION");
    if document.program != own || document.format != FORMAT {
        return Err(VerifyError::OtherVersion {
            found: format!("{} ({})", document.program, document.format),
            own,
        });
    }
    match html(&document, table) {
        Ok(again) => found.faults.extend(first_difference(text, &again)),
        Err(error) => found.faults.push(Fault::Data(error.to_string())),
    }
    found.files = document.files.len();
    found.citations = document.citations.len();
    found.steps = document.incidents.iter().map(|i| i.steps.len()).sum();
    found.faults.extend(rules(&document, sources.engine));
    found.faults.extend(steps(&document, sources.engine, table));
    let present = locate(&document.files, sources.paths)?;
    found.faults.extend(document.files.iter().filter_map(|file| missing(file, &present)));
    let events = reread(&document, sources, &present)?;
    for (at, citation) in document.citations.iter().enumerate() {
        found.faults.extend(check(&document, at, citation, &events, sources, table));
    }
    Ok(found)
}

fn first_difference(text: &str, again: &str) -> Option<Fault> {
    if text == again {
        return None;
    }
    let same = text.bytes().zip(again.bytes()).take_while(|(a, b)| a == b).count();
    let before = text.get(..text.floor_char_boundary(same)).unwrap_or_default();
    let from = text.floor_char_boundary(same.saturating_sub(20));
    let found: String = text.get(from..).unwrap_or_default().chars().take(60).collect();
    Some(Fault::Text { line: before.lines().count().max(1), found })
}

fn metas(engine: &Engine) -> impl Iterator<Item = (&Meta, bool)> {
    let rules = engine.rules().iter().map(|r| (&r.meta, false));
    rules.chain(engine.correlations().iter().map(|c| (&c.meta, true)))
}

/// Rules must describe themselves as the report does.
fn rules(document: &Document, engine: &Engine) -> Vec<Fault> {
    let known: BTreeMap<&str, &Meta> = metas(engine).map(|(m, _)| (m.id.as_str(), m)).collect();
    let fault = |rule: &RuleDoc, what| Some(Fault::RuleText { id: rule.id.clone(), what });
    let check = |rule: &RuleDoc| {
        let Some(meta) = known.get(rule.id.as_str()) else {
            return fault(rule, "it is not among the rules (give the rules of the report with --rules)");
        };
        let text = |key: &str| meta.extension.get(key).map_or("", String::as_str);
        let ids: Vec<String> = techniques(&meta.tags).into_iter().map(|t| t.id).collect();
        let same = rule.title == meta.title
            && rule.title_ja == text("title_ja")
            && rule.level == meta.level
            && rule.author == meta.author
            && rule.license == meta.license
            && rule.explain_en == text("explain_en")
            && rule.explain_ja == text("explain_ja")
            && rule.techniques == ids;
        if same { None } else { fault(rule, "the report describes it otherwise than it describes itself") }
    };
    document.rules.iter().filter_map(check).collect()
}

/// Stages and certainty must fit the rule; citations must exist and be of the step's rule.
fn steps(document: &Document, engine: &Engine, table: &StoryTable) -> Vec<Fault> {
    let known: BTreeMap<&str, (&Meta, bool)> = metas(engine).map(|(m, p)| (m.id.as_str(), (m, p))).collect();
    let check = |step: &StepDoc| {
        let rule = document.rules.get(step.rule)?;
        let fault = |what| Some(Fault::Step { id: rule.id.clone(), what });
        let (meta, pattern) = known.get(rule.id.as_str())?;
        let expected: Vec<&str> = crate::report::stages_of(&meta.tags, table)
            .into_iter()
            .filter_map(|s| table.stage(s).map(|s| s.id.as_str()))
            .collect();
        if !step.stages.iter().map(String::as_str).eq(expected) {
            return fault("its stages are not those of the rule");
        }
        let confirmed = step.certainty == "confirmed";
        if confirmed != step.why.is_empty() || (*pattern && confirmed) {
            return fault("its certainty does not follow from what is said for it");
        }
        let other = step.cites.iter().any(|&c| document.citations.get(c).is_none_or(|c| c.rule != step.rule));
        if other || step.cites.is_empty() {
            fault("a citation is missing or belongs to another rule")
        } else {
            None
        }
    };
    document.incidents.iter().flat_map(|i| &i.steps).filter_map(check).collect()
}

/// Files and ledgers among the given paths.
struct Present {
    /// Of the files that may be cited.
    digests: BTreeMap<Digest, PathBuf>,
    names: BTreeSet<std::ffi::OsString>,
    /// By origin.
    ledgers: BTreeMap<String, Arc<Recorded>>,
}

/// What is wrong with a cited file or ledger as a whole.
fn missing(file: &FileDoc, present: &Present) -> Option<Fault> {
    match &file.content {
        Content::File { sha256, .. } => {
            let name = Path::new(&file.path).file_name().map(std::ffi::OsStr::to_os_string);
            let same_name = name.is_some_and(|n| present.names.contains(&n));
            (!present.digests.contains_key(sha256))
                .then(|| Fault::File { path: file.path.clone(), same_name })
        }
        Content::Ledger { origin, size, root, .. } => {
            let what = discontinued(present.ledgers.get(origin), *size, root)?;
            Some(Fault::Ledger { path: file.path.clone(), origin: origin.clone(), what })
        }
    }
}

/// Why a ledger is not the one that had so many leaves and this root.
pub(super) fn discontinued(ledger: Option<&Arc<Recorded>>, size: u64, root: &str) -> Option<String> {
    Some(match (ledger, root.parse()) {
        (None, _) => "it is not among the given paths".to_owned(),
        (Some(_), Err(_)) => "the cited root is no root".to_owned(),
        (Some(ledger), Ok(root)) => ledger.continues(size, &root).err()?.to_string(),
    })
}

/// Finds the cited files by size and digest, wherever they are now.
fn locate(cited: &[FileDoc], paths: &[PathBuf]) -> Result<Present, VerifyError> {
    let size = |f: &FileDoc| match f.content {
        Content::File { bytes, .. } => Some(bytes),
        Content::Ledger { .. } => None,
    };
    let sizes: BTreeSet<u64> = cited.iter().filter_map(size).collect();
    let mut present = Present { digests: BTreeMap::new(), names: BTreeSet::new(), ledgers: BTreeMap::new() };
    let (ledgers, mut waiting): (Vec<_>, Vec<_>) = paths.iter().cloned().partition(|p| Recorded::is_at(p));
    for path in ledgers {
        let ledger = Recorded::open(&path)
            .map_err(|source| VerifyError::Ledger { path: path.display().to_string(), source })?;
        present.ledgers.insert(ledger.origin().to_owned(), ledger);
    }
    let unreadable = |path: &Path| {
        let path = path.display().to_string();
        move |source| VerifyError::Unreadable { path, source }
    };
    while let Some(path) = waiting.pop() {
        let is_root = paths.contains(&path);
        let meta = if is_root { std::fs::metadata(&path) } else { std::fs::symlink_metadata(&path) };
        let meta = meta.map_err(unreadable(&path))?;
        if meta.is_dir() {
            for entry in std::fs::read_dir(&path).map_err(unreadable(&path))? {
                waiting.push(entry.map_err(unreadable(&path))?.path());
            }
        } else if meta.is_file() {
            present.names.extend(path.file_name().map(std::ffi::OsStr::to_os_string));
            if sizes.contains(&meta.len()) {
                let mut file = std::fs::File::open(&path).map_err(unreadable(&path))?;
                let digest = Digest::of_reader(&mut file).map_err(unreadable(&path))?;
                present.digests.entry(digest).or_insert(path);
            }
        }
    }
    Ok(present)
}

/// Place of an event: file or record, offset, number.
type Place = (EvidencePlace, u64, u32);
/// What rules found there.
type Found = BTreeMap<Place, Vec<(String, Arc<Event>)>>;

/// Reads the cited files again and puts every event to the rules again.
fn reread(document: &Document, sources: &Sources<'_>, present: &Present) -> Result<Found, VerifyError> {
    let is_cited = |digest: &Digest| {
        let is = |f: &FileDoc| matches!(&f.content, Content::File { sha256, .. } if sha256 == digest);
        document.files.iter().any(is)
    };
    let roots = present.digests.iter().filter(|(d, _)| is_cited(d)).map(|(_, p)| Root::Path(p.clone()));
    let settings = &document.settings;
    let mut reading = Options::at(document.made.unwrap_or(Timestamp::from_nanos(0)));
    reading.zone = TimeZone::get(&settings.zone).unwrap_or(TimeZone::UTC);
    reading.forced = settings.format.as_deref().and_then(format_named);
    for file in &document.files {
        let Content::File { bytes, sha256, modified } = &file.content else { continue };
        let name = present.digests.get(sha256).and_then(|path| path.file_name());
        if let Some(name) = name.map(|name| name.to_string_lossy().into_owned()) {
            reading.modified.entry((name, *bytes)).or_default().push_back(*modified);
        }
    }
    let request = Request {
        roots: roots.collect(),
        reading,
        ledgers: present.ledgers.values().cloned().collect(),
        engine: sources.engine,
        subjects: sources.subjects,
        window: Window::default(),
        hosts: Vec::new(),
        threads: sources.threads,
        sampled: BTreeMap::new(),
        limits: Limits::of(MOST_HITS),
        digests: Digests::Files,
    };
    let findings = scan(request, &ScanProgress::default());
    if findings.lost_workers > 0 {
        return Err(VerifyError::Lost);
    }
    let mut citations = Citations::new(&findings);
    let mut found = Found::new();
    let wanted = Wanted::new(document);
    for hit in &findings.hits {
        let event = &hit.event;
        if !wanted.contains(event) {
            continue;
        }
        let Some((place, offset)) = citations.place(event) else { continue };
        let rule = sources.engine.rule(hit.rule).map(|r| r.meta.id.clone()).unwrap_or_default();
        found.entry((place, offset, event.sub)).or_default().push((rule, Arc::clone(event)));
    }
    Ok(found)
}

/// What may be cited: to find the exact place of every event would be slow.
struct Wanted<'a> {
    /// In files, by member, offset and number; another event there is a fault of its own.
    places: BTreeSet<(&'a str, u64, u32)>,
    /// In ledgers, whose records cannot change.
    events: BTreeSet<&'a Digest>,
}

impl<'a> Wanted<'a> {
    fn new(document: &'a Document) -> Self {
        let mut wanted = Self { places: BTreeSet::new(), events: BTreeSet::new() };
        for EvidenceRef { place, offset, sub, event } in document.citations.iter().map(|c| &c.reference) {
            match place {
                EvidencePlace::File { member, .. } => {
                    wanted.places.insert((member.as_str(), *offset, *sub));
                }
                // A report names whole files: such a citation points to nothing in it.
                EvidencePlace::Piece(_) => {}
                EvidencePlace::Log { .. } => {
                    wanted.events.insert(event);
                }
            }
        }
        wanted
    }

    fn contains(&self, event: &Event) -> bool {
        self.places.contains(&(event.member.inner.as_str(), event.offset, event.sub))
            || self.events.contains(&event.digest)
    }
}

/// The format by its name in settings.
pub(crate) fn format_named(name: &str) -> Option<Format> {
    match name {
        "evtx" => Some(Format::Evtx),
        "flow" => Some(Format::Flow),
        "journal" => Some(Format::Journal),
        "json" => Some(Format::Json),
        "text" => Some(Format::Text),
        _ => None,
    }
}

fn check(
    document: &Document,
    at: usize,
    citation: &Citation,
    events: &Found,
    sources: &Sources<'_>,
    table: &StoryTable,
) -> Vec<Fault> {
    let number = at + 1;
    let (Some(file), Some(rule)) = (document.files.get(citation.file), document.rules.get(citation.rule))
    else {
        return vec![Fault::Dangling { number }];
    };
    let cited = &citation.reference;
    if !file.content.keeps(&cited.place) {
        return vec![Fault::Dangling { number }];
    }
    let Some(hits) = events.get(&(cited.place.clone(), cited.offset, cited.sub)) else {
        return vec![Fault::Event { number, path: file.path.clone() }];
    };
    let pattern = sources.engine.correlations().iter().any(|c| c.meta.id == rule.id);
    let Some((_, event)) = hits.iter().find(|(id, _)| pattern || *id == rule.id) else {
        return vec![Fault::Rule { number, rule: rule.id.clone() }];
    };
    if event.digest != cited.event {
        return vec![Fault::OtherEvent { number }];
    }
    let shown = |t: Option<Timestamp>| t.map(|t| t.to_string()).unwrap_or_default();
    let mut values = vec![("time".to_owned(), shown(citation.time), shown(event.time))];
    if let Some(said) = &citation.said {
        values.push(("host".to_owned(), said.host.clone(), event.host.clone()));
        values.push(("account".to_owned(), said.account.clone(), event.account.clone()));
        values.push(("channel".to_owned(), said.channel.clone(), event.channel.clone()));
        // Each rule that matched kept the fields it reads: the event as the cited rule kept it decides.
        let stated = shown_fields(|n| event.field(n), sources.subjects.details(), table);
        let names: BTreeSet<&String> = said.fields.keys().chain(stated.keys()).collect();
        let value =
            |from: &BTreeMap<String, String>, name: &String| from.get(name).cloned().unwrap_or_default();
        values.extend(names.into_iter().map(|n| (n.clone(), value(&said.fields, n), value(&stated, n))));
    }
    let differs = values.into_iter().filter(|(_, said, found)| said != found);
    differs.map(|(what, said, found)| Fault::Value { number, what, said, found }).collect()
}
