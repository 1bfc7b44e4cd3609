//! Checks a document of `investigate --json` against its sources.
//!
//! # Definitions
//! It holds when reading the sources again with the settings that it states gives each of its detections, whole but for
//! the paths that files had, and no detection that it leaves out; and then the same incidents of them, the same totals and the same of
//! each source. Beyond the bound on matches that it states nothing is looked for: how many there are is compared.
//!
//! As many as it says were suppressed have to be missing, neither more nor less; which ones only the list of suppressions tells, and
//! without it the document is not **settled**. What a ledger received after the leaves that the document names, which have to be the
//! first of that ledger, may be missing; incidents, totals and sources are not compared then.
//!
//! # Trust
//! The document may have been altered: nothing in it is believed before it was compared.

use std::collections::BTreeMap;
use std::sync::Arc;

use hinomi_detect::completeness::MAX_SOURCES;
use hinomi_ingest::intake::Modified;
use hinomi_model::{EvidencePlace, EvidenceRef};
use serde::Deserialize;
use serde_json::Value;

use super::verify::{Fault, Verification, VerifyError, discontinued, format_named};
use crate::recorded::Recorded;
use crate::report::{Reading, Report, SourceEntry};

/// What is read of the document before anything in it is compared.
#[derive(Debug, Deserialize)]
pub struct Results {
    schema_version: String,
    program: Program,
    /// How the sources were read.
    #[serde(default)]
    pub reading: Option<Reading>,
    summary: Summary,
    incidents: Vec<Value>,
    detections: Vec<Value>,
    sources: Vec<Value>,
    files: Vec<File>,
    #[serde(default)]
    ledgers: Vec<Ledger>,
    suppressions: Vec<Value>,
    diagnostics: Vec<Value>,
    #[serde(flatten)]
    rest: serde_json::Map<String, Value>,
}

/// A file as it was then.
#[derive(Debug, Deserialize)]
struct File {
    path: String,
    bytes: u64,
    modified: Option<String>,
}

/// A ledger as it was then.
#[derive(Debug, Deserialize)]
struct Ledger {
    path: String,
    origin: String,
    /// Leaves that it had.
    size: u64,
    /// Root of their tree, base64.
    root: String,
}

#[derive(Debug, Deserialize)]
struct Program {
    version: String,
}

#[derive(Debug, Deserialize)]
struct Summary {
    #[serde(flatten)]
    totals: serde_json::Map<String, Value>,
}

/// How to compare.
#[derive(Clone, Copy, Debug)]
pub struct Comparing<'a> {
    /// Ledgers among the given paths.
    pub ledgers: &'a [Arc<Recorded>],
    /// Whether the sources were read again with the list of suppressions.
    pub suppressed: bool,
}

impl Results {
    /// Reads a document.
    ///
    /// # Errors
    /// When it is none, was damaged, or comes from a version that may find something else.
    pub fn parse(text: &str) -> Result<Self, VerifyError> {
        let results: Self = serde_json::from_str(text).map_err(|_| VerifyError::NotAReport)?;
        let own = env!("CARGO_PKG_VERSION");
        let known = results.schema_version == crate::report::SCHEMA_VERSION;
        if results.program.version != own || !known {
            let found = format!("{} ({})", results.program.version, results.schema_version);
            return Err(VerifyError::OtherVersion { found, own });
        }
        let format = results.reading.as_ref().ok_or(VerifyError::NotAReport)?.format.as_deref();
        if format.is_some_and(|name| format_named(name).is_none()) {
            return Err(VerifyError::NotAReport);
        }
        Ok(results)
    }

    /// When files had been modified, by name and bytes.
    ///
    /// # Errors
    /// When it says no time.
    pub fn modified(&self) -> Result<Modified, VerifyError> {
        let mut all = Modified::new();
        for file in &self.files {
            let name = file.path.rsplit('/').next().unwrap_or_default().to_owned();
            let time =
                file.modified.as_deref().map(str::parse).transpose().map_err(|_| VerifyError::NotAReport)?;
            all.entry((name, file.bytes)).or_default().push_back(time);
        }
        Ok(all)
    }

    /// Whether events are cited by the piece of the file around them.
    pub fn cites_pieces(&self) -> bool {
        let references = self.detections.iter().filter_map(|of| of.get("evidence")?.as_array());
        references
            .flatten()
            .filter_map(|of| of.get("reference")?.as_str())
            .any(|cited| cited.starts_with("piece:"))
    }

    /// Compares with what reading the sources again gave.
    pub fn compare(&self, again: &Report, how: Comparing<'_>) -> Verification {
        let found: BTreeMap<String, Value> = again
            .detections
            .iter()
            .filter_map(|of| Some((of.id.clone(), without_paths(serde_json::to_value(of).ok()?))))
            .collect();
        let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
        let mut faults = self.other_ledgers(how.ledgers);
        for said in &self.detections {
            let id = said.get("id").and_then(Value::as_str).unwrap_or_default();
            *seen.entry(id).or_default() += 1;
            faults.extend(differences(id, said, found.get(id)));
        }
        let twice = seen.iter().filter(|(_, times)| **times > 1);
        faults.extend(
            twice.map(|(id, _)| Fault::Detection {
                id: (*id).to_owned(),
                what: "it is listed twice".to_owned(),
            }),
        );
        let left_out: Vec<&String> = found.keys().filter(|id| !seen.contains_key(id.as_str())).collect();
        let left_out_count = left_out.len();
        let unsettled = if how.suppressed { 0 } else { self.hidden() };
        faults.extend(self.owed(&left_out, &found, unsettled));
        if how.suppressed && !self.suppresses_as(again) {
            let what = "the list of suppressions hides something else than the document says".to_owned();
            faults.push(Fault::Whole { what });
        }
        faults.extend(
            self.rest
                .keys()
                .filter(|name| *name != "rejected_rules")
                .map(|name| Fault::Whole { what: format!("{name} is no part of such a document") }),
        );
        let grown = self.has_grown(again);
        if !grown {
            faults.extend(self.totals_differ(again, unsettled > 0));
            faults.extend(self.sources_differ(again, unsettled > 0));
            faults.extend(self.losses_differ(again));
        }
        // What was left out changes the grouping as well.
        let is_whole = !grown && left_out_count == 0;
        if faults.is_empty() && left_out_count == 0 {
            faults.extend(self.incidents_differ(again));
        }
        let citations =
            self.detections.iter().filter_map(|of| of.get("evidence")?.as_array()).map(Vec::len).sum();
        let files = self.files.len();
        let (steps, unlisted) = (self.detections.len(), again.summary.unlisted);
        let left_out = left_out_count;
        Verification { citations, files, steps, left_out, unlisted, is_whole, unsettled, faults }
    }

    /// Ledgers that are not there, or not what they were: what the document says of their size is believed from then on.
    fn other_ledgers(&self, present: &[Arc<Recorded>]) -> Vec<Fault> {
        let wrong = |said: &Ledger| {
            let present = present.iter().find(|ledger| ledger.origin() == said.origin);
            let what = discontinued(present, said.size, &said.root)?;
            Some(Fault::Ledger { path: said.path.clone(), origin: said.origin.clone(), what })
        };
        let unnamed =
            present.iter().filter(|ledger| self.ledgers.iter().all(|said| said.origin != ledger.origin()));
        let unnamed = unnamed.map(|ledger| Fault::Whole {
            what: format!(
                "ledger {}: it is among the given paths, and the document does not name it",
                ledger.origin()
            ),
        });
        self.ledgers.iter().filter_map(wrong).chain(unnamed).collect()
    }

    /// Detections that the document says were suppressed.
    fn hidden(&self) -> u64 {
        let hidden =
            self.suppressions.iter().map(|of| of.get("hidden").and_then(Value::as_u64).unwrap_or(u64::MAX));
        hidden.fold(0, u64::saturating_add)
    }

    fn suppresses_as(&self, again: &Report) -> bool {
        let again = again.suppressions.iter().map(|of| serde_json::to_value(of).unwrap_or_default());
        again.eq(self.suppressions.iter().cloned())
    }

    /// Detections that it leaves out without saying so, or says that it does and does not.
    fn owed(&self, left_out: &[&String], found: &BTreeMap<String, Value>, stated: u64) -> Vec<Fault> {
        let is_later = |id: &&String| found.get(id.as_str()).is_some_and(|of| self.came_later(of));
        let owed: Vec<&&String> = left_out.iter().filter(|id| !is_later(id)).collect();
        let missing = owed.len() as u64;
        if missing < stated {
            let what = format!("{stated} detections are said to be suppressed, {missing} are missing");
            return vec![Fault::Whole { what }];
        }
        if missing == stated {
            return Vec::new();
        }
        let what = match stated {
            0 => "the rules find it, and the document leaves it out".to_owned(),
            _ => {
                format!("it is one of {missing} that the document leaves out, and it says that {stated} are")
            }
        };
        owed.iter().map(|id| Fault::Detection { id: (**id).clone(), what: what.clone() }).collect()
    }

    /// Whether a detection cites a record that its ledger had not received then.
    fn came_later(&self, detection: &Value) -> bool {
        let cited = detection.get("evidence").and_then(Value::as_array).into_iter().flatten();
        let places = cited.filter_map(|of| of.get("reference")?.as_str()?.parse::<EvidenceRef>().ok());
        places.into_iter().any(|cited| match cited.place {
            EvidencePlace::Log { origin, leaf, .. } => {
                self.ledgers.iter().any(|known| known.origin == origin && leaf >= known.size)
            }
            _ => false,
        })
    }

    /// Whether a ledger received records since.
    fn has_grown(&self, again: &Report) -> bool {
        let is_longer =
            |known: &Ledger| again.ledgers.iter().any(|l| l.origin == known.origin && l.size > known.size);
        self.ledgers.iter().any(is_longer)
    }

    fn totals_differ(&self, again: &Report, unsettled: bool) -> Vec<Fault> {
        let Ok(found) = serde_json::to_value(&again.summary) else { return Vec::new() };
        let all = &self.summary.totals;
        let pair = |name: &str| {
            (name.to_owned(), all.get(name).unwrap_or(&Value::Null), found.get(name).unwrap_or(&Value::Null))
        };
        let names = found.as_object().into_iter().flat_map(serde_json::Map::keys);
        let added = all.keys().filter(|name| found.get(name.as_str()).is_none());
        let told = |name: &&String| {
            *name != "files" && !(unsettled && ["detections", "incidents"].contains(&name.as_str()))
        };
        let differs =
            names.chain(added).filter(told).map(|name| pair(name)).filter(|(_, said, found)| said != found);
        let fault = |(name, said, found): (String, &Value, &Value)| Fault::Whole {
            what: format!("summary.{name} is said to be {said}, the sources give {found}"),
        };
        differs.map(fault).collect()
    }

    /// What could not be read, but for places, and for what depends on the machine that reads.
    fn losses_differ(&self, again: &Report) -> Option<Fault> {
        const OF_THE_MACHINE: [&str; 3] = ["unreadable", "refused-member", "unrecognised"];
        let told = |all: Vec<Value>| {
            let mut told: Vec<String> = all
                .into_iter()
                .filter(|of| {
                    of.get("kind").and_then(Value::as_str).is_none_or(|kind| !OF_THE_MACHINE.contains(&kind))
                })
                .map(|mut of| {
                    of.as_object_mut().map(|of| of.remove("place"));
                    of.to_string()
                })
                .collect();
            told.sort();
            told
        };
        let again = again.diagnostics.iter().filter_map(|of| serde_json::to_value(of).ok()).collect();
        let what =
            "diagnostics: what could not be read, or was assumed, is not what the sources give".to_owned();
        (told(self.diagnostics.clone()) != told(again)).then_some(Fault::Whole { what })
    }

    /// Beyond the sources that are followed, which ones are depends on threads.
    fn sources_differ(&self, again: &Report, unsettled: bool) -> Vec<Fault> {
        if again.sources.len() >= MAX_SOURCES {
            return Vec::new();
        }
        let mut faults = Vec::new();
        if self.sources.len() != again.sources.len() {
            let (said, found) = (self.sources.len(), again.sources.len());
            faults.push(Fault::Whole { what: format!("{said} sources are listed, the logs give {found}") });
        }
        for (at, found) in again.sources.iter().enumerate() {
            if let Some(name) = source_differs(self.sources.get(at), found, unsettled) {
                let (host, channel) = (&found.host, &found.channel);
                let what = format!("sources: {name} of {channel} on {host:?} is not what the logs give");
                faults.push(Fault::Whole { what });
                break;
            }
        }
        faults
    }

    fn incidents_differ(&self, again: &Report) -> Option<Fault> {
        let found = serde_json::to_value(&again.incidents).ok()?;
        let found = found.as_array()?;
        let same = found.len() == self.incidents.len();
        let other = found.iter().zip(&self.incidents).find(|(found, said)| found != said);
        let id = other.map(|(_, said)| said).and_then(|said| said.get("id")).and_then(Value::as_str);
        (!same || other.is_some()).then(|| Fault::Incident { id: id.unwrap_or_default().to_owned() })
    }
}

/// What a document says of a source otherwise than what was found; nothing that was only counted in part is compared, and, unless
/// it is settled which detections were suppressed, nothing that they say.
fn source_differs(said: Option<&Value>, found: &SourceEntry, unsettled: bool) -> Option<String> {
    let again = serde_json::to_value(found).ok()?;
    let again = again.as_object()?;
    let said = said.and_then(Value::as_object);
    let uncertain = ["gaps", "gap_count", "missing", "expected", "clock_jumps", "clock_jump_count"];
    let of_detections = ["cleared", "audit_changed"];
    let compared = |name: &&String| {
        (found.gaps_complete || !uncertain.contains(&name.as_str()))
            && !(unsettled && of_detections.contains(&name.as_str()))
    };
    let other = |name: &&String| said.and_then(|said| said.get(*name)) != again.get(*name);
    let names = again.keys().chain(said.into_iter().flat_map(serde_json::Map::keys));
    names.filter(compared).find(other).cloned()
}

/// Where files were is no part of what is said, nor in which order they were read.
fn without_paths(mut detection: Value) -> Value {
    for cited in detection.get_mut("evidence").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(cited) = cited.as_object_mut() {
            cited.remove("place");
        }
    }
    if let Some(cited) = detection.get_mut("evidence").and_then(Value::as_array_mut) {
        cited.sort_by_key(|of| of.get("reference").and_then(Value::as_str).unwrap_or_default().to_owned());
    }
    detection
}

/// What a detection says otherwise than the one that was found.
fn differences(id: &str, said: &Value, found: Option<&Value>) -> Vec<Fault> {
    let fault = |what: String| Fault::Detection { id: id.to_owned(), what };
    let Some(found) = found.and_then(Value::as_object) else {
        return vec![fault("no rule finds it in the given paths".to_owned())];
    };
    let said = without_paths(said.clone());
    let Some(said) = said.as_object() else { return vec![fault("it is no object".to_owned())] };
    let names = said.keys().chain(found.keys().filter(|name| !said.contains_key(*name)));
    let differs = names.filter(|name| said.get(*name) != found.get(*name));
    let text = |from: &serde_json::Map<String, Value>, name: &str| {
        let whole = from.get(name).map_or_else(|| "nothing".to_owned(), Value::to_string);
        whole.chars().take(200).collect::<String>()
    };
    differs
        .map(|name| {
            fault(format!(
                "{name} is said to be {}, the sources give {}",
                text(said, name),
                text(found, name)
            ))
        })
        .collect()
}
