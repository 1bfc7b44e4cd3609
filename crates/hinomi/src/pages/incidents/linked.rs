//! What the events of detections say beyond what the decision ledger keeps: process numbers, logon sessions, addresses.
//!
//! # Invariants
//! Only blocks that detections cite are read, each once, the newest first, and few around those that say that records were lost. An event that is not found again (erased, or it
//! leaned on blocks that were not read) is known by its detection alone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use hinomi_detect::completeness::{SourceReport, SourceTracker, Window};
use hinomi_detect::story::{Prevalence, StoryTable};
use hinomi_detect::{Engine, LogSources};
use hinomi_ingest::intake::Options;
use hinomi_ledger::Reader;
use hinomi_model::{EvidencePlace, EvidenceRef};

use super::followed::Followed;
use super::known::Detected;
use crate::clock;
use crate::pages::Refused;
use crate::pages::rulebook::Rules;
use crate::recorded::{Recorded, open_reader};
use crate::report::Citations;
use crate::scan::{Digests, Event, Findings, Limits, Request, ScanProgress, Subjects, scan};

/// Blocks read in one pass.
pub(super) const MOST_LEAVES: usize = 500;

/// What was read again.
#[derive(Debug, Default)]
pub(super) struct Links {
    reader: Option<Reader>,
    done: BTreeSet<u64>,
    behind: bool,
    events: BTreeMap<String, Arc<Event>>,
    prevalence: Prevalence,
    /// What the sources wrote in the blocks that were read.
    sources: SourceTracker,
    followed: Followed,
}

/// The leaf of a reference into a ledger.
pub(super) fn leaf_of(reference: &str) -> Option<u64> {
    match reference.parse::<EvidenceRef>().ok()?.place {
        EvidencePlace::Log { leaf, .. } => Some(leaf),
        _ => None,
    }
}

impl Links {
    /// An event that was found again.
    pub(super) fn event(&self, reference: &str) -> Option<&Arc<Event>> {
        self.events.get(reference)
    }

    /// Who meets whom in the blocks that were read: less than in all of them.
    pub(super) fn prevalence(&self) -> &Prevalence {
        &self.prevalence
    }

    /// What the sources wrote in these blocks.
    pub(super) fn sources(&self) -> Vec<SourceReport> {
        self.sources.clone().finish()
    }

    /// Whether blocks are left for the next pass.
    pub(super) fn is_behind(&self) -> bool {
        self.behind
    }

    /// Reads blocks that were not read before. True when any was.
    pub(super) fn read_on(
        &mut self,
        data: &Path,
        detected: &Detected,
        rules: &Rules,
    ) -> Result<bool, Refused> {
        let cited = |evidence: &crate::live::CitedEvent| leaf_of(&evidence.reference);
        let mut leaves: BTreeSet<u64> = BTreeSet::new();
        self.behind = false;
        for detection in detected.all().rev() {
            for leaf in detection.evidence.iter().filter_map(cited).filter(|leaf| !self.done.contains(leaf)) {
                if leaves.len() >= MOST_LEAVES && !leaves.contains(&leaf) {
                    self.behind = true;
                } else {
                    leaves.insert(leaf);
                }
            }
            if self.behind {
                break;
            }
        }
        let followed = self.follow(data, detected, rules)?;
        leaves.extend(followed.into_iter().filter(|leaf| !self.done.contains(leaf)));
        if leaves.is_empty() {
            return Ok(false);
        }
        let ids = detected.all().map(|detection| detection.rule_id.as_str()).collect();
        let findings = self.scan(data, &leaves, rules.documents(&ids))?;
        self.keep(findings, detected);
        self.done.append(&mut leaves);
        Ok(true)
    }

    /// Blocks around those that say that records were lost.
    fn follow(&mut self, data: &Path, detected: &Detected, rules: &Rules) -> Result<BTreeSet<u64>, Refused> {
        if detected.all().len() == 0 {
            return Ok(BTreeSet::new());
        }
        let table = StoryTable::bundled().map_err(|error| Refused::Failed(error.to_string()))?;
        let reader = self.reader(data)?;
        let found = self.followed.look(&reader, (detected, rules, &table));
        self.reader = Some(reader);
        Ok(found?)
    }

    /// The view of the ledger, as it is now.
    fn reader(&mut self, data: &Path) -> Result<Reader, Refused> {
        let Some(mut reader) = self.reader.take() else { return Ok(open_reader(data)?) };
        reader.refresh()?;
        Ok(reader)
    }

    fn scan(
        &mut self,
        data: &Path,
        leaves: &BTreeSet<u64>,
        documents: Vec<hinomi_detect::sigma::Document>,
    ) -> Result<Findings, Refused> {
        let failed = |error: &dyn std::fmt::Display| Refused::Failed(error.to_string());
        let subjects = Subjects::bundled().map_err(|error| failed(&error))?;
        let sources = LogSources::bundled().map_err(|error| failed(&error))?;
        let (engine, _) = Engine::compile(documents, &sources, &subjects.fields());
        let reader = self.reader(data)?;
        let request = Request {
            roots: Vec::new(),
            ledgers: vec![Recorded::of_leaves(data, reader, leaves)?],
            reading: Options::at(clock::now()),
            engine: &engine,
            subjects: &subjects,
            window: Window { since: None, until: None },
            hosts: Vec::new(),
            threads: 1,
            sampled: BTreeMap::new(),
            limits: Limits::default(),
            digests: Digests::Pieces,
        };
        Ok(scan(request, &ScanProgress::default()))
    }

    /// Keeps the events that detections cite.
    fn keep(&mut self, mut findings: Findings, detected: &Detected) {
        let cited: BTreeSet<&str> =
            detected.all().flat_map(|d| &d.evidence).map(|cited| cited.reference.as_str()).collect();
        let mut citations = Citations::new(&findings);
        let hits = std::mem::take(&mut findings.hits);
        for same in hits.chunk_by(|a, b| Arc::ptr_eq(&a.event, &b.event)) {
            let Some(event) = same.first().map(|hit| &hit.event) else { continue };
            let Some(reference) = citations.cite(event).map(|reference| reference.to_string()) else {
                continue;
            };
            if cited.contains(reference.as_str()) {
                self.events.insert(reference, Arc::clone(event));
            }
        }
        self.events.retain(|reference, _| cited.contains(reference.as_str()));
        self.prevalence.merge(std::mem::take(&mut findings.prevalence));
        self.sources.merge(std::mem::take(&mut findings.sources));
        drop(citations);
        self.reader = findings.ledgers.pop().and_then(Recorded::into_reader);
    }
}
