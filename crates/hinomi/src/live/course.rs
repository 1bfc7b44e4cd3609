//! The way through the leaves of the evidence: one leaf in, its detections out.

use std::io;
use std::path::Path;
use std::sync::Arc;

use hinomi_detect::Engine;
use hinomi_detect::live::{Arrival, Bounds, Event, Live};
use hinomi_ledger::completeness::{CLOCK_SOURCE, COMPLETENESS_SOURCE, Finding, is_built_in};
use hinomi_ledger::health::HEALTH_SOURCE;
use hinomi_ledger::{Block, Leaf, LedgerError, Reader, Record};
use hinomi_model::Timestamp;

use super::LiveError;
use super::activation::Activation;
use super::assembly::{Assembled, Assembly};
use super::crew::Crew;
use super::entry::{Decided, LiveDetection};
use super::health::Vitals;
use super::resume::{self, Saved};
use crate::correlated::{ACCOUNT, bare_account};
use crate::recorded::open_reader;
use crate::scan::{Hit, Processed};

/// How often a block that cannot be read is tried again: its file may just be packed.
const TRIES: u32 = 3;
/// Bytes of units that are evaluated together.
const AHEAD: usize = 8 << 20;

/// State between two leaves.
pub(super) struct Course {
    pub(super) reader: Reader,
    origin: String,
    assembly: Assembly,
    live: Option<Live>,
    /// Rules that `live` is the state of.
    pack: String,
    /// First leaf that was not looked at.
    pub(super) position: u64,
    pub(super) counts: Counts,
    /// The health of sources, if it is watched.
    pub(super) vitals: Option<Vitals>,
}

/// What was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Counts {
    pub(super) records: u64,
    pub(super) events: u64,
    pub(super) erased_blocks: u64,
    pub(super) unreadable_blocks: u64,
}

/// A leaf that was read and not evaluated.
struct Reading {
    /// Latest receipt, unless the leaf tells nothing of time.
    received_ns: Option<u64>,
    units: Vec<Assembled>,
    /// What is known without evaluation.
    step: Step,
    /// The block and its records, for the health of sources.
    block: Option<(Block, Vec<Record>)>,
}

/// One leaf's share.
#[derive(Default)]
pub(super) struct Step {
    pub(super) detections: Vec<LiveDetection>,
    /// What could not be read.
    pub(super) losses: Vec<String>,
    /// What the ledger found out about its sources.
    pub(super) findings: Vec<Finding>,
}

impl Course {
    /// Before the first leaf.
    pub(super) fn open(data: &Path) -> Result<Self, LedgerError> {
        let reader = open_reader(data)?;
        reader.checkpoint_signer()?;
        let origin = reader.identity().origin.as_str().to_owned();
        let assembly = Assembly::new(&origin);
        let counts = Counts::default();
        let (live, pack, vitals) = (None, String::new(), None);
        Ok(Self { reader, origin, assembly, live, pack, position: 0, counts, vitals })
    }

    /// Goes on where a state was saved; `engine` holds the rules that it names. False when the state is not theirs.
    pub(super) fn restore(&mut self, saved: Saved, engine: &Engine) -> bool {
        let Ok(live) = Live::load(saved.live, engine, Bounds::default()) else { return false };
        self.live = Some(live);
        self.pack = saved.pack;
        self.position = saved.position;
        self.assembly = Assembly::load(&self.origin, saved.assembly);
        if let (Some(vitals), Some(health)) = (&mut self.vitals, saved.health) {
            vitals.resume(health);
        }
        true
    }

    /// The state that is saved in a folder, if it is of this ledger and not ahead of it.
    pub(super) fn saved(&self, data: &Path) -> Option<Saved> {
        let saved = resume::load(&resume::path_in(data), &self.origin)?;
        (saved.position <= self.reader.size()).then_some(saved)
    }

    /// The state as it is saved; `None` before rules hold.
    pub(super) fn state(&self) -> io::Result<Option<Vec<u8>>> {
        let Some(live) = &self.live else { return Ok(None) };
        let at = (self.origin.as_str(), self.position, self.pack.as_str());
        let health = self.vitals.as_ref().map(Vitals::health);
        resume::content(at, (&self.assembly, live, health)).map(Some)
    }

    /// From the next leaf on these rules hold.
    pub(super) fn begin(&mut self, activation: &Activation, engine: &Engine) -> Result<(), LiveError> {
        self.assembly.set_zone(activation.time_zone()?);
        match &mut self.live {
            Some(_) if self.pack == activation.pack => {}
            Some(live) => live.activate(engine, activation.lateness_ns),
            none => *none = Some(Live::new(engine, activation.lateness_ns, Bounds::default())),
        }
        self.pack.clone_from(&activation.pack);
        Ok(())
    }

    /// State of detection, once rules hold.
    pub(super) fn live(&self) -> Option<&Live> {
        self.live.as_ref()
    }

    /// Reads leaves before `stop` as units, until there are enough of them or `enough` says so. What is read has to be
    /// decided on before the state is saved.
    fn read(&mut self, stop: u64, enough: impl Fn() -> bool) -> Result<Vec<Reading>, LiveError> {
        let (mut readings, mut bytes) = (Vec::new(), 0);
        for leaf in self.position..stop {
            if bytes >= AHEAD || enough() {
                break;
            }
            let reading = self.read_leaf(leaf)?;
            bytes += reading.units.iter().map(|unit| unit.unit.bytes.len()).sum::<usize>();
            readings.push(reading);
        }
        Ok(readings)
    }

    fn read_leaf(&mut self, leaf: u64) -> Result<Reading, LiveError> {
        let mut step = Step::default();
        let (received_ns, units, block) = match self.reader.leaf(leaf)? {
            Leaf::Block(block) if is_built_in(&block.scope.source) => {
                let records = self.own(leaf, &block, &mut step);
                let (at, units) = (block.last_ns, self.assembly.pass(block.last_ns));
                (Some(at), units, Some((block, records)))
            }
            Leaf::Block(block) => {
                let records = self.records(leaf, &mut step.losses);
                self.counts.records += records.len() as u64;
                let units = self.assembly.push(leaf, &block, &records);
                (Some(block.last_ns), units, Some((block, records)))
            }
            _ => (None, Vec::new(), None),
        };
        let block = block.filter(|_| self.vitals.is_some());
        Ok(Reading { received_ns, units, step, block })
    }

    /// What follows from the next leaf, once its units are evaluated.
    fn decide(&mut self, reading: Reading, processed: Vec<Processed>, engine: &Engine) -> Step {
        let leaf = self.position;
        let Reading { received_ns, units, mut step, block } = reading;
        self.position += 1;
        let Some(received_ns) = received_ns else { return step };
        if let (Some(vitals), Some((block, records))) = (&mut self.vitals, &block) {
            vitals.block(block, records);
        }
        let mut arrived = Vec::new();
        for (unit, Processed { hits, events, outline, diagnostics }) in units.iter().zip(processed) {
            if let (Some(vitals), Some(outline)) = (&mut self.vitals, outline) {
                vitals.events(&unit.unit.member.path, unit.unit.clocks.latest, outline);
            }
            self.counts.events += events;
            step.losses.extend(diagnostics.entries().iter().map(ToString::to_string));
            self.arrivals(unit, &hits, &mut arrived);
        }
        let received = Timestamp::from_nanos(i64::try_from(received_ns).unwrap_or(i64::MAX));
        let made = self.live.as_mut().map(|live| live.step(engine, received, arrived)).unwrap_or_default();
        let described = (0..)
            .zip(&made)
            .filter_map(|(index, detection)| LiveDetection::new(detection, engine, Decided { leaf, index }));
        step.detections = described.collect();
        step
    }

    /// Leaves before `stop` from reading to decision; `decided` hears of each.
    ///
    /// # Errors
    /// What reading meets, and what `decided` says.
    pub(super) fn advance(
        &mut self,
        stop: u64,
        crew: &mut Crew<'_>,
        engine: &Engine,
        enough: impl Fn() -> bool,
        mut decided: impl FnMut(u64, Step) -> Result<(), LiveError>,
    ) -> Result<(), LiveError> {
        let readings = self.read(stop, enough)?;
        let units: Vec<&Assembled> = readings.iter().flat_map(|reading| &reading.units).collect();
        let mut processed = crew.process(&units, self.vitals.is_some()).into_iter();
        for reading in readings {
            let own = processed.by_ref().take(reading.units.len()).collect();
            let leaf = self.position;
            decided(leaf, self.decide(reading, own, engine))?;
        }
        Ok(())
    }

    /// A block of the ledger's own.
    fn own(&mut self, leaf: u64, block: &Block, step: &mut Step) -> Vec<Record> {
        let source = block.scope.source.as_str();
        if ![COMPLETENESS_SOURCE, HEALTH_SOURCE, CLOCK_SOURCE].contains(&source) {
            return Vec::new();
        }
        let records = self.records(leaf, &mut step.losses);
        if source != CLOCK_SOURCE {
            let finding = |record: &Record| Finding::from_record(&record.bytes).ok();
            step.findings.extend(records.iter().filter_map(finding));
        }
        records
    }

    /// The records of a block; none when it was erased or cannot be read.
    fn records(&mut self, leaf: u64, losses: &mut Vec<String>) -> Vec<Record> {
        let mut tries = 0;
        loop {
            tries += 1;
            let error = match self.reader.block(leaf) {
                Ok(block) => return block.map(|b| b.records).unwrap_or_default(),
                Err(LedgerError::Erased { tombstone }) => {
                    self.counts.erased_blocks += 1;
                    losses.push(format!("leaf {leaf}: erased by order, see leaf {tombstone}"));
                    return Vec::new();
                }
                Err(error) => error,
            };
            if tries == TRIES || self.reader.look_again().is_err() {
                self.counts.unreadable_blocks += 1;
                losses.push(format!("leaf {leaf}: {error}"));
                return Vec::new();
            }
        }
    }

    /// Matches as detection takes them: rules of one event together.
    fn arrivals(&self, unit: &Assembled, hits: &[Hit], arrived: &mut Vec<Arrival>) {
        for same in hits.chunk_by(|a, b| Arc::ptr_eq(&a.event, &b.event)) {
            let Some(first) = same.first() else { continue };
            let event = &first.event;
            let fields = event.fields.pairs().map(|(name, value)| (name.into(), value.into()));
            let mut fields: Vec<(Box<str>, Box<str>)> = fields.collect();
            if let Some(account) = bare_account(&event.account) {
                fields.push((ACCOUNT.into(), account.into()));
                fields.sort_unstable();
            }
            let event = Event {
                time: event.time,
                digest: event.digest,
                reference: self.assembly.cite(unit, event.offset, event.sub, event.digest),
                host: event.host.clone(),
                account: event.account.clone(),
                channel: event.channel.clone(),
                fields,
            };
            arrived.push(Arrival { event, rules: same.iter().map(|hit| hit.rule).collect() });
        }
    }
}
