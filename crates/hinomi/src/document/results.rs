//! Checks a document of `investigate --json` against its sources.
//!
//! # Definitions
//! It holds when reading the sources again with the settings that it states gives each of its detections, whole but for
//! the paths that files had, and no detection that it leaves out; and then the same incidents of them. As many as it says were suppressed or
//! not listed, and what a ledger received later, may be missing: they are counted, and incidents are not compared then.
//!
//! # Trust
//! The document may have been altered: nothing in it is believed before it was compared.

use std::collections::BTreeMap;

use hinomi_model::{EvidencePlace, EvidenceRef};
use serde::Deserialize;
use serde_json::Value;

use super::verify::{Fault, Verification, VerifyError};
use crate::report::{Reading, Report};

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
    files: Vec<Value>,
    #[serde(default)]
    ledgers: Vec<Ledger>,
    suppressions: Vec<Suppression>,
}

/// A ledger as it was then.
#[derive(Debug, Deserialize)]
struct Ledger {
    origin: String,
    /// Leaves that it had.
    size: u64,
}

#[derive(Debug, Deserialize)]
struct Suppression {
    hidden: u64,
}

#[derive(Debug, Deserialize)]
struct Program {
    version: String,
}

#[derive(Debug, Deserialize)]
struct Summary {
    /// The last time of any event.
    last: Option<String>,
    unlisted: u64,
}

impl Results {
    /// Reads a document.
    ///
    /// # Errors
    /// When it is none, was damaged, or comes from a version that may find something else.
    pub fn parse(text: &str) -> Result<Self, VerifyError> {
        let results: Self = serde_json::from_str(text).map_err(|_| VerifyError::NotAReport)?;
        let own = env!("CARGO_PKG_VERSION");
        let known = results.schema_version == crate::report::SCHEMA_VERSION && results.reading.is_some();
        if results.program.version != own || !known {
            let found = format!("{} ({})", results.program.version, results.schema_version);
            return Err(VerifyError::OtherVersion { found, own });
        }
        Ok(results)
    }

    /// The last time of any event: years that logs leave out are guessed from it.
    pub fn last(&self) -> Option<&str> {
        self.summary.last.as_deref()
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
    pub fn compare(&self, again: &Report) -> Verification {
        let found: BTreeMap<String, Value> = again
            .detections
            .iter()
            .filter_map(|of| Some((of.id.clone(), without_paths(serde_json::to_value(of).ok()?))))
            .collect();
        let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
        let mut faults = Vec::new();
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
        faults.extend(self.hidden(&left_out, &found));
        // What was left out changes the grouping as well.
        if faults.is_empty() && left_out_count == 0 {
            faults.extend(self.incidents_differ(again));
        }
        let citations =
            self.detections.iter().filter_map(|of| of.get("evidence")?.as_array()).map(Vec::len).sum();
        let files = self.files.len();
        Verification { citations, files, steps: self.detections.len(), left_out: left_out_count, faults }
    }

    /// Detections that it leaves out without saying so.
    fn hidden(&self, left_out: &[&String], found: &BTreeMap<String, Value>) -> Vec<Fault> {
        let is_later = |id: &&String| found.get(id.as_str()).is_some_and(|of| self.came_later(of));
        let owed: Vec<&&String> = left_out.iter().filter(|id| !is_later(id)).collect();
        let stated =
            self.suppressions.iter().map(|of| of.hidden).fold(self.summary.unlisted, u64::saturating_add);
        if owed.len() as u64 <= stated {
            return Vec::new();
        }
        let what = match stated {
            0 => "the rules find it, and the document leaves it out".to_owned(),
            _ => format!(
                "it is one of {} that the document leaves out, and it says that {stated} are",
                owed.len()
            ),
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

    fn incidents_differ(&self, again: &Report) -> Option<Fault> {
        let found = serde_json::to_value(&again.incidents).ok()?;
        let found = found.as_array()?;
        let same = found.len() == self.incidents.len();
        let other = found.iter().zip(&self.incidents).find(|(found, said)| found != said);
        let id = other.map(|(_, said)| said).and_then(|said| said.get("id")).and_then(Value::as_str);
        (!same || other.is_some()).then(|| Fault::Incident { id: id.unwrap_or_default().to_owned() })
    }
}

/// Where files were is no part of what is said.
fn without_paths(mut detection: Value) -> Value {
    for cited in detection.get_mut("evidence").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(cited) = cited.as_object_mut() {
            cited.remove("place");
        }
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
