//! What the two ledgers gain, as signals.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hinomi_alert::{Cursors, Signal};
use hinomi_ledger::completeness::{COMPLETENESS_SOURCE, Finding};
use hinomi_ledger::health::HEALTH_SOURCE;
use hinomi_ledger::{Leaf, LedgerError, Reader};
use hinomi_server::serve::FindingsSection;

use super::sources;
use crate::casework::Casework;
use crate::clock;
use crate::live::{DecisionReader, LiveDetection};
use crate::recorded::open_reader;

/// Leaves that are read at a time.
const AT_ONCE: u64 = 512;
/// How often a leaf that cannot be read is tried before it is left out and said.
const TRIES: u32 = 20;

/// Reads both ledgers.
pub(super) struct Feed {
    data: PathBuf,
    levels: FindingsSection,
    decisions: Option<DecisionReader>,
    evidence: Option<Reader>,
    casework: Option<Arc<Casework>>,
    failures: u32,
    /// Nothing was read before: what is there already is not told.
    first: bool,
}

/// What was read.
#[derive(Default)]
pub(super) struct Read {
    pub(super) signals: Vec<Signal>,
    /// What could not be read and is left out.
    pub(super) losses: Vec<String>,
}

impl Feed {
    pub(super) fn new(data: &Path, levels: FindingsSection, first: bool) -> Self {
        let (data, casework) = (data.to_owned(), None);
        Self { data, levels, decisions: None, evidence: None, casework, failures: 0, first }
    }

    /// What people suppress is left out.
    pub(super) fn with_casework(self, casework: Option<Arc<Casework>>) -> Self {
        Self { casework, ..self }
    }

    /// Findings are this severe from now on.
    pub(super) fn judge_by(&mut self, levels: FindingsSection) {
        self.levels = levels;
    }

    /// Finds out where a first start begins, before anybody writes; what fails is tried again when something is read.
    pub(super) fn place(&mut self, cursors: &mut Cursors) {
        let _ = self.open().and_then(|()| self.begin(cursors));
    }

    /// A first start begins at the ends of both.
    fn begin(&mut self, cursors: &mut Cursors) -> Result<(), LedgerError> {
        if self.first {
            let decisions = self.decisions.as_mut().map_or(Ok(0), DecisionReader::size)?;
            *cursors = Cursors { decisions, evidence: self.evidence.as_ref().map_or(0, Reader::size) };
            self.first = false;
        }
        Ok(())
    }

    fn open(&mut self) -> Result<(), LedgerError> {
        if self.decisions.is_none() {
            self.decisions = DecisionReader::open(&self.data)?;
        }
        if self.evidence.is_none() {
            let reader = open_reader(&self.data)?;
            reader.checkpoint_signer()?;
            self.evidence = Some(reader);
        }
        Ok(())
    }

    /// What came since, and moves the cursors over it.
    pub(super) fn read(&mut self, cursors: &mut Cursors) -> Read {
        let mut read = Read::default();
        let tried = self.open().and_then(|()| {
            self.begin(cursors)?;
            self.read_decisions(cursors, &mut read)?;
            self.read_evidence(cursors, &mut read)
        });
        match tried {
            Ok(()) => self.failures = 0,
            Err(error) => {
                self.failures += 1;
                if self.failures == TRIES {
                    read.losses.push(format!("the ledgers cannot be read: {error}"));
                }
                // Files may just be packed: look at all of them anew.
                (self.decisions, self.evidence) = (None, None);
            }
        }
        read
    }

    fn read_decisions(&mut self, cursors: &mut Cursors, read: &mut Read) -> Result<(), LedgerError> {
        let Some(reader) = &mut self.decisions else { return Ok(()) };
        let end = reader.size()?.min(cursors.decisions + AT_ONCE);
        while cursors.decisions < end {
            let leaf = cursors.decisions;
            match reader.detections(leaf) {
                Ok((detections, unknown)) => {
                    let hidden = |detection: &&LiveDetection| {
                        self.casework.as_ref().is_some_and(|work| work.hides(detection, clock::now()))
                    };
                    let told = detections.iter().filter(|detection| !hidden(detection));
                    read.signals.extend(told.map(sources::detection));
                    if unknown > 0 {
                        read.losses
                            .push(format!("decision leaf {leaf}: {unknown} records of an unknown form"));
                    }
                }
                Err(LedgerError::Erased { .. }) => {}
                Err(error) if self.failures < TRIES => return Err(error),
                Err(error) => read.losses.push(format!("decision leaf {leaf} is left out: {error}")),
            }
            cursors.decisions += 1;
        }
        Ok(())
    }

    fn read_evidence(&mut self, cursors: &mut Cursors, read: &mut Read) -> Result<(), LedgerError> {
        let Some(reader) = &mut self.evidence else { return Ok(()) };
        reader.refresh()?;
        let end = reader.size().min(cursors.evidence + AT_ONCE);
        while cursors.evidence < end {
            let leaf = cursors.evidence;
            match findings(reader, leaf) {
                Ok(found) => {
                    read.signals.extend(found.iter().filter_map(|f| sources::finding(f, &self.levels)));
                }
                Err(LedgerError::Erased { .. }) => {}
                Err(error) if self.failures < TRIES => return Err(error),
                Err(error) => read.losses.push(format!("leaf {leaf} is left out: {error}")),
            }
            cursors.evidence += 1;
        }
        Ok(())
    }
}

/// What the ledger itself and what watches the habits of sources found; other records of theirs are no findings.
fn findings(reader: &Reader, leaf: u64) -> Result<Vec<Finding>, LedgerError> {
    match reader.leaf(leaf)? {
        Leaf::Block(block) if [COMPLETENESS_SOURCE, HEALTH_SOURCE].contains(&block.scope.source.as_str()) => {
        }
        _ => return Ok(Vec::new()),
    }
    let records = reader.block(leaf)?.map(|block| block.records).unwrap_or_default();
    Ok(records.iter().filter_map(|record| Finding::from_record(&record.bytes).ok()).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hinomi_ledger::completeness::What;
    use hinomi_ledger::{
        Creation, FileDisk, Ledger, OWN_CLASS, Options, Places, Record, Surroundings, SystemClock,
        SystemEntropy,
    };
    use hinomi_model::Timestamp;

    use super::*;

    #[test]
    fn what_is_found_about_the_habits_of_sources_is_a_signal_and_their_plans_are_none() {
        let folder = tempfile::TempDir::new().unwrap();
        let around = Surroundings {
            disk: Arc::new(FileDisk),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
        };
        let options = Options { threads: 0, watch: false, ..Options::default() };
        let places = Places::in_data_dir(folder.path(), "evidence");
        let creation = Creation { origin: "test/feed".to_owned(), eraser: None };
        Ledger::create(&around, &places, &creation, &options).unwrap();
        let (ledger, _) = Ledger::open(around, places, options).unwrap();
        let since = Timestamp::from_nanos(1_795_000_000_000_000_000);
        let what = What::Fell { since, expected: 900, received: 7 };
        let finding = Finding { schema_version: 1, source: "n/tcp@fw".to_owned(), found: since, what };
        let record = |bytes| Record { received_ns: since.as_nanos() as u64, sequence: None, bytes };
        let records = vec![record(b"{\"plans\":[]}".to_vec()), record(finding.to_record().unwrap())];
        ledger.append(HEALTH_SOURCE, OWN_CLASS, records).unwrap();
        ledger.close().unwrap();
        let mut feed = Feed::new(folder.path(), FindingsSection::default(), false);
        let read = feed.read(&mut Cursors { decisions: 0, evidence: 0 });
        assert!(read.losses.is_empty(), "{:?}", read.losses);
        let told: Vec<(&str, &str)> =
            read.signals.iter().map(|s| (s.rule.as_str(), s.host.as_str())).collect();
        assert_eq!(told, [("source-fell", "n/tcp@fw")]);
    }
}
