//! The decision ledger: rules, activations and detections, in a ledger of their own, so that they never shift what they
//! are a function of.
//!
//! | source | a record is |
//! |---|---|
//! | `rules` | the text of a file of a pack, byte for byte, once |
//! | `activations` | an [`Activation`], as JSON |
//! | `detections` | a [`LiveDetection`], as JSON, numbered |
//! | `alerts` | a step of an alert, as JSON, numbered: see [`Notes`] |
//! | `access` | what was done with accounts, as JSON, numbered: see [`Notes`] |
//! | `cases` | what people did about incidents, as JSON, numbered: see [`Notes`] |
//! | `hunts` | hunts that were saved and removed, as JSON, numbered: see [`Notes`] |

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hinomi_ledger::retention::SECURITY_EVIDENCE;
use hinomi_ledger::{
    Creation, FileDisk, Leaf, Ledger, LedgerError, Options, Places, Reader, Record, Surroundings,
    SystemClock, SystemEntropy, Ticket,
};
use hinomi_model::Digest;
use serde::Deserialize;

use super::LiveError;
use super::activation::Activation;
use super::entry::{Decided, LiveDetection};
use super::follower::Options as Following;
use super::pack::Pack;
use crate::clock;

/// Name of the decision ledger in a data directory.
pub const DECISIONS: &str = "decisions";
const RULES: &str = "rules";
const ACTIVATIONS: &str = "activations";
const DETECTIONS: &str = "detections";
/// Sources of notes.
pub(crate) const ALERTS: &str = "alerts";
pub(crate) const ACCESS: &str = "access";
pub(crate) const CASES: &str = "cases";
pub(crate) const HUNTS: &str = "hunts";

/// Records of another part of the program, which belong into the decision ledger.
pub trait Notes: Send + Sync + std::fmt::Debug {
    /// The source that they stand under.
    fn source(&self) -> &'static str;
    /// Records from a number on, in order, some at a time.
    fn from(&self, number: u64) -> Vec<(u64, Vec<u8>)>;
    /// Everything before a number is durable.
    fn durable(&self, number: u64);
}

/// What the decision ledger holds.
#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) activations: Vec<Activation>,
    texts: BTreeMap<String, String>,
    /// Places and ids of detections, in order.
    pub(super) written: VecDeque<Written>,
    /// The last detection.
    pub(super) last: Option<Decided>,
    /// Number of the next detection.
    next: u64,
    /// Number of the next note, by source.
    next_notes: BTreeMap<&'static str, u64>,
}

/// A detection that is written.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub(super) struct Written {
    pub(super) id: String,
    pub(super) decided: Decided,
}

fn places(data: &Path) -> Places {
    Places::in_data_dir(data, DECISIONS)
}

impl History {
    /// Reads the decision ledger; of detections those made at `from_leaf` of the evidence or later. Empty when there is
    /// none.
    pub(super) fn read(data: &Path, from_leaf: u64) -> Result<Self, LiveError> {
        let mut history = Self::default();
        if !data.join(DECISIONS).join("format").is_file() {
            return Ok(history);
        }
        let reader = Reader::open(Arc::new(FileDisk), places(data), true)?;
        reader.checkpoint_signer()?;
        let mut detections = Vec::new();
        let mut last_notes = BTreeMap::new();
        for block in reader.block_leaves() {
            let (leaf, block) = block?;
            match block.scope.source.as_str() {
                DETECTIONS => detections.push(leaf),
                ALERTS => drop(last_notes.insert(ALERTS, leaf)),
                ACCESS => drop(last_notes.insert(ACCESS, leaf)),
                CASES => drop(last_notes.insert(CASES, leaf)),
                HUNTS => drop(last_notes.insert(HUNTS, leaf)),
                ACTIVATIONS => history.activations.append(&mut decoded(leaf, &records(&reader, leaf)?)?),
                RULES => {
                    for record in records(&reader, leaf)? {
                        let sha256 = Digest::of(&record.bytes).to_string();
                        history.texts.insert(sha256, String::from_utf8_lossy(&record.bytes).into_owned());
                    }
                }
                _ => {}
            }
        }
        for (source, leaf) in last_notes {
            let last = records(&reader, leaf)?.last().and_then(|record| record.sequence);
            history.next_notes.insert(source, last.map_or(0, |number| number + 1));
        }
        for leaf in detections.into_iter().rev() {
            let records = records(&reader, leaf)?;
            let found: Vec<Written> = decoded(leaf, &records)?;
            if history.last.is_none() {
                history.last = found.last().map(|w| w.decided);
                history.next = records.last().and_then(|r| r.sequence).map_or(0, |n| n + 1);
            }
            let before = found.iter().any(|w| w.decided.leaf < from_leaf);
            found.into_iter().rev().filter(|w| w.decided.leaf >= from_leaf).for_each(|w| {
                history.written.push_front(w);
            });
            if before {
                break;
            }
        }
        Ok(history)
    }

    /// The activation in force at a leaf.
    pub(super) fn active(&self, leaf: u64) -> Option<&Activation> {
        self.activations.iter().rev().find(|a| a.from_leaf <= leaf)
    }

    /// Where the next activation behind a leaf begins.
    pub(super) fn next_change(&self, leaf: u64) -> u64 {
        self.activations.iter().map(|a| a.from_leaf).filter(|from| *from > leaf).min().unwrap_or(u64::MAX)
    }

    /// The rules of an activation.
    pub(super) fn pack(&self, activation: &Activation) -> Result<Pack, LiveError> {
        let pack = Pack::of(&activation.files, |sha256| self.texts.get(sha256).map(String::as_str));
        pack.map_err(|sha256| LiveError::Forgotten { from_leaf: activation.from_leaf, sha256 })
    }
}

fn records(reader: &Reader, leaf: u64) -> Result<Vec<Record>, LedgerError> {
    Ok(reader.block(leaf)?.map(|block| block.records).unwrap_or_default())
}

/// Notes of a source from a number on, in order.
pub(crate) fn noted(data: &Path, source: &str, from: u64) -> Result<Vec<Vec<u8>>, LedgerError> {
    if !data.join(DECISIONS).join("format").is_file() {
        return Ok(Vec::new());
    }
    let reader = Reader::open(Arc::new(FileDisk), places(data), true)?;
    reader.checkpoint_signer()?;
    let mut leaves = Vec::new();
    for block in reader.block_leaves() {
        let (leaf, block) = block?;
        if block.scope.source == source {
            leaves.push(leaf);
        }
    }
    let mut parts = Vec::new();
    for leaf in leaves.into_iter().rev() {
        let mut part = records(&reader, leaf)?;
        let before = part.len();
        part.retain(|record| record.sequence.is_some_and(|number| number >= from));
        let last = part.len() < before;
        parts.push(part);
        if last {
            break;
        }
    }
    Ok(parts.into_iter().rev().flatten().map(|record| record.bytes).collect())
}

/// Reads what a decision ledger gains.
#[derive(Debug)]
pub struct DecisionReader(Reader);

/// What a leaf of a decision ledger holds.
#[derive(Debug)]
pub(crate) enum Leaves {
    /// Detections, and how many records of a form that is not known.
    Detections(Vec<LiveDetection>, usize),
    /// Rules come into force.
    Activation,
    /// Something else.
    Other,
}

impl DecisionReader {
    /// Opens the decision ledger in a data directory; `None` while there is none.
    ///
    /// # Errors
    /// What opening meets.
    pub fn open(data: &Path) -> Result<Option<Self>, LedgerError> {
        if !data.join(DECISIONS).join("format").is_file() {
            return Ok(None);
        }
        let reader = Reader::open(Arc::new(FileDisk), places(data), true)?;
        reader.checkpoint_signer()?;
        Ok(Some(Self(reader)))
    }

    /// Leaves that are published.
    ///
    /// # Errors
    /// What reading meets.
    pub fn size(&mut self) -> Result<u64, LedgerError> {
        self.0.refresh()?;
        Ok(self.0.size())
    }

    /// What a leaf holds.
    ///
    /// # Errors
    /// What reading meets.
    pub(crate) fn leaf(&self, leaf: u64) -> Result<Leaves, LedgerError> {
        match self.0.leaf(leaf)? {
            Leaf::Block(block) if block.scope.source == DETECTIONS => {}
            Leaf::Block(block) if block.scope.source == ACTIVATIONS => return Ok(Leaves::Activation),
            _ => return Ok(Leaves::Other),
        }
        let records = records(&self.0, leaf)?;
        let read: Vec<LiveDetection> =
            records.iter().filter_map(|record| serde_json::from_slice(&record.bytes).ok()).collect();
        let unknown = records.len() - read.len();
        Ok(Leaves::Detections(read, unknown))
    }

    /// Which of these sources a leaf has notes of, if of any.
    pub(crate) fn notes_of(
        &self,
        leaf: u64,
        sources: &[&'static str],
    ) -> Result<Option<&'static str>, LedgerError> {
        let Leaf::Block(block) = self.0.leaf(leaf)? else { return Ok(None) };
        Ok(sources.iter().find(|source| **source == block.scope.source).copied())
    }

    /// The notes of a leaf.
    pub(crate) fn notes_at(&self, leaf: u64) -> Result<Vec<Vec<u8>>, LedgerError> {
        Ok(records(&self.0, leaf)?.into_iter().map(|record| record.bytes).collect())
    }

    /// The detections of a leaf; a record of a form that is not known is left out and counted.
    ///
    /// # Errors
    /// What reading meets.
    pub fn detections(&self, leaf: u64) -> Result<(Vec<LiveDetection>, usize), LedgerError> {
        Ok(match self.leaf(leaf)? {
            Leaves::Detections(read, unknown) => (read, unknown),
            Leaves::Activation | Leaves::Other => (Vec::new(), 0),
        })
    }
}

/// The rules that came into force last, if any ever did.
pub(crate) fn in_force(data: &Path) -> Result<Option<Pack>, LiveError> {
    let history = History::read(data, u64::MAX)?;
    let Some(activation) = history.activations.last() else { return Ok(None) };
    history.pack(activation).map(Some)
}

/// The zone that times without one are read in now; `None` before anything was looked for.
pub(crate) fn zone_in_force(data: &Path) -> Option<String> {
    History::read(data, u64::MAX).ok()?.activations.pop().map(|activation| activation.zone)
}

fn decoded<T: for<'de> Deserialize<'de>>(leaf: u64, records: &[Record]) -> Result<Vec<T>, LiveError> {
    let one = |(record, r): (usize, &Record)| {
        serde_json::from_slice(&r.bytes).map_err(|source| LiveError::Record { leaf, record, source })
    };
    records.iter().enumerate().map(one).collect()
}

/// The decision ledger, open for writing.
#[derive(Debug)]
pub(super) struct Decisions {
    ledger: Ledger,
    pub(super) history: History,
    /// For what was written last.
    pub(super) last: Option<Ticket>,
    ending: Arc<AtomicBool>,
}

impl Decisions {
    /// Opens the ledger, or makes it beside the evidence: whoever may approve erasures there may here.
    pub(super) fn open(following: &Following, evidence: &Reader) -> Result<Self, LiveError> {
        let data = following.data.as_path();
        let around = Surroundings {
            disk: Arc::new(FileDisk),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
        };
        let vaults = following.vaults.clone();
        let options = Options { vaults, watch: false, ..small() };
        if !data.join(DECISIONS).join("format").is_file() {
            let eraser = match evidence.leaf(0)? {
                Leaf::Genesis(genesis) if genesis.eraser != [0; 32] => Some(genesis.eraser),
                _ => None,
            };
            let origin = format!("{}/{DECISIONS}", evidence.identity().origin);
            Ledger::create(&around, &places(data), &Creation { origin, eraser }, &options)?;
        }
        let (ledger, _) = Ledger::open(around, places(data), options)?;
        Ok(Self { ledger, history: History::default(), last: None, ending: following.ending.clone() })
    }

    /// Reads what it holds.
    pub(super) fn read(&mut self, data: &Path, from_leaf: u64) -> Result<(), LiveError> {
        self.ledger.tick()?;
        self.history = History::read(data, from_leaf)?;
        Ok(())
    }

    fn append(&mut self, source: &str, records: Vec<Record>) -> Result<(), LedgerError> {
        let patient = || !self.ending.load(Ordering::Relaxed);
        self.last = Some(self.ledger.append_while(source, SECURITY_EVIDENCE, records, &patient)?);
        Ok(())
    }

    /// Records that rules hold from a leaf on, and waits until that is durable.
    pub(super) fn activate(&mut self, activation: Activation, pack: &Pack) -> Result<(), LiveError> {
        let mut new: BTreeMap<&str, &str> = pack.texts().collect();
        new.retain(|sha256, _| !self.history.texts.contains_key(*sha256));
        let texts: Vec<Record> = new.values().map(|text| record(None, text.as_bytes().to_vec())).collect();
        if !texts.is_empty() {
            self.append(RULES, texts)?;
        }
        // The texts first: an activation never names what is not there.
        self.settle()?;
        let bytes = serde_json::to_vec(&activation).unwrap_or_default();
        self.append(ACTIVATIONS, vec![record(None, bytes)])?;
        self.settle()?;
        self.history.texts.extend(new.into_iter().map(|(sha256, text)| (sha256.to_owned(), text.to_owned())));
        self.history.activations.push(activation);
        Ok(())
    }

    /// Writes detections down, in order.
    pub(super) fn write(&mut self, detections: &[LiveDetection]) -> Result<(), LiveError> {
        let Some(last) = detections.last() else { return Ok(()) };
        let numbers = self.history.next..;
        let body = |detection| serde_json::to_vec(detection).unwrap_or_default();
        let records = numbers.zip(detections).map(|(number, d)| record(Some(number), body(d))).collect();
        self.history.last = Some(last.decided);
        self.history.next += detections.len() as u64;
        Ok(self.append(DETECTIONS, records)?)
    }

    /// Writes down what others noted.
    pub(super) fn note(&mut self, notes: &dyn Notes) -> Result<(), LedgerError> {
        let source = notes.source();
        let from = self.history.next_notes.get(source).copied().unwrap_or(0);
        let new = notes.from(from);
        let Some((last, _)) = new.last() else { return Ok(()) };
        let next = last + 1;
        self.append(source, new.into_iter().map(|(number, bytes)| record(Some(number), bytes)).collect())?;
        self.settle()?;
        self.history.next_notes.insert(source, next);
        notes.durable(next);
        Ok(())
    }

    /// Waits until everything is durable.
    pub(super) fn settle(&mut self) -> Result<(), LedgerError> {
        self.last.take().map_or(Ok(()), |ticket| ticket.wait())
    }

    /// Commits everything and stops.
    pub(super) fn close(self) -> Result<(), LedgerError> {
        self.ledger.close()
    }
}

/// A ledger of few records: it takes megabytes of the disk in advance, not tens of them, so that it finds its space where the
/// evidence has left little.
fn small() -> Options {
    Options {
        threads: 1,
        queue_bytes: 2 << 20,
        tick_bytes: 1 << 20,
        block_bytes: 1 << 20,
        wal_bytes: 32 << 20,
        ..Options::default()
    }
}

fn record(sequence: Option<u64>, bytes: Vec<u8>) -> Record {
    Record { received_ns: u64::try_from(clock::now().as_nanos()).unwrap_or(0), sequence, bytes }
}
