//! Evidence in, derived files out: reads what `investigate` reads, with all its fields, and hands it to writers.
//!
//! # Invariants
//! Runs of units go to the writers in turn, so that what each writes is a function of the input and their number alone.

mod hunt;
mod outline;
mod record;
mod words;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use hinomi_columns::{Projection, Row, Store};
use hinomi_ingest::intake::{Format, Intake, Item, Options, Root};
use hinomi_ingest::{AnyDecoder, Unit};
use hinomi_model::Diagnostics;
use hinomi_query::derive::{Lane, LaneLimits, Place, UnitPlace};
use hinomi_query::{CoverageRow, DerivedFile, Mapping, QueryError};

use crate::recorded::Recorded;
use crate::scan::ScanProgress;
pub use hunt::{Hunt, Hunted, Match, hunt};
pub(crate) use outline::{Outline, Outliner};
use record::Records;
pub use words::needed;

/// Folder of derived data in the data directory of a ledger.
pub(crate) const DERIVED: &str = "derived";
/// The source of records about derived data.
pub(crate) const DERIVED_SOURCE: &str = "hinomi:derived";
/// Units that one writer gets before the next has its turn.
const RUN: u64 = 16;

/// What to derive from, and where to.
pub struct Job {
    /// Where to read.
    pub roots: Vec<Root>,
    /// The ledger that is read after them.
    pub ledger: Option<Arc<Recorded>>,
    /// Zone, clock, bounds of the reader.
    pub reading: Options,
    /// Writers.
    pub lanes: u32,
    /// Folder of derived data.
    pub folder: PathBuf,
    /// First part of the names of new files.
    pub prefix: String,
    /// How events become columns.
    pub mapping: Arc<Mapping>,
    /// Bounds of the writers.
    pub limits: LaneLimits,
    /// Set by whoever wants it to end early.
    pub stop: Arc<AtomicBool>,
}

/// What was written; not registered yet.
#[derive(Debug, Default)]
pub struct Derived {
    /// Files.
    pub files: Vec<DerivedFile>,
    /// What they hold.
    pub coverage: Vec<CoverageRow>,
    /// What could not be read.
    pub diagnostics: Diagnostics,
    /// Events.
    pub events: u64,
    /// Bytes of events' text.
    pub bytes: u64,
}

type Piece = (Format, Unit);

/// Reads everything and writes it.
///
/// # Errors
/// The first error of writing; [`QueryError::Stopped`].
pub fn derive(job: Job, progress: &ScanProgress) -> Result<Derived, QueryError> {
    let lanes = job.lanes.max(1);
    let mut roots = job.roots;
    roots.extend(job.ledger.iter().flat_map(Recorded::roots));
    let mut intake = Intake::new(roots, job.reading);
    let mut derived = Derived::default();
    let mut queues = Vec::new();
    let (buffers, returned) = sync_channel::<Vec<u8>>(lanes as usize * 4);
    let parts = std::thread::scope(|scope| {
        let mut writers = Vec::new();
        for number in 0..lanes {
            let (units, queue) = sync_channel::<Piece>(RUN as usize);
            queues.push(units);
            let prefix = format!("{}-{number}", job.prefix);
            let lane = Lane::new(job.folder.clone(), prefix, Arc::clone(&job.mapping), job.limits);
            let (ledger, buffers) = (job.ledger.clone(), buffers.clone());
            writers.push(scope.spawn(move || Writer::new(lane, ledger).run(&queue, &buffers, progress)));
        }
        feed(&mut intake, &queues, &returned, (progress, &job.stop), &mut derived);
        queues.clear();
        writers.into_iter().map(std::thread::ScopedJoinHandle::join).collect::<Vec<_>>()
    });
    for part in parts {
        let part =
            part.unwrap_or_else(|_| Err(QueryError::Engine("a writer failed; please report it".to_owned())));
        let mut part = part?;
        derived.files.append(&mut part.files);
        derived.coverage.append(&mut part.coverage);
        derived.diagnostics.append(&mut part.diagnostics);
        derived.events += part.events;
        derived.bytes += part.bytes;
    }
    if job.stop.load(Ordering::Relaxed) {
        return Err(QueryError::Stopped);
    }
    if let Some(ledger) = &job.ledger {
        derived.diagnostics.append(&mut ledger.take_losses());
    }
    derived.files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(derived)
}

fn feed(
    intake: &mut Intake,
    queues: &[SyncSender<Piece>],
    returned: &Receiver<Vec<u8>>,
    (progress, stop): (&ScanProgress, &AtomicBool),
    derived: &mut Derived,
) {
    while let Some(item) = intake.next().filter(|_| !stop.load(Ordering::Relaxed)) {
        while let Ok(buffer) = returned.try_recv() {
            intake.recycle(buffer);
        }
        progress.set_reading(intake.progress());
        if let Item::Unit(format, unit) = item {
            let lane = (unit.ordinal / RUN) as usize % queues.len().max(1);
            // A writer that failed has gone; what it says ends the whole.
            if queues.get(lane).is_none_or(|queue| queue.send((format, unit)).is_err()) {
                break;
            }
        }
        derived.diagnostics.append(&mut intake.take_diagnostics());
    }
    derived.diagnostics.append(&mut intake.take_diagnostics());
    progress.set_reading(intake.progress());
}

/// One thread: decoder, columns, files.
struct Writer {
    decoder: AnyDecoder,
    store: Store,
    lane: Lane,
    records: Option<Records>,
    derived: Derived,
}

impl Writer {
    fn new(lane: Lane, ledger: Option<Arc<Recorded>>) -> Self {
        let projection = Projection::of([""; 0]).and_all_others();
        Self {
            decoder: AnyDecoder::default(),
            store: Store::new(&projection),
            lane,
            records: ledger.map(Records::new),
            derived: Derived::default(),
        }
    }

    fn run(
        mut self,
        queue: &Receiver<Piece>,
        buffers: &SyncSender<Vec<u8>>,
        progress: &ScanProgress,
    ) -> Result<Derived, QueryError> {
        while let Ok((format, unit)) = queue.recv() {
            self.decoder.decode(format, &unit, &mut self.store, &mut self.derived.diagnostics);
            let added = self.absorb(&unit)?;
            self.derived.events += added;
            self.derived.bytes += unit.bytes.len() as u64;
            progress.count(added);
            // A full return channel only means that the buffer is dropped.
            let _ = buffers.try_send(unit.bytes);
        }
        let (files, coverage) = self.lane.finish(&mut self.store)?;
        self.derived.files = files;
        self.derived.coverage = coverage;
        Ok(self.derived)
    }

    fn absorb(&mut self, unit: &Unit) -> Result<u64, QueryError> {
        let member = unit.member.place();
        let base = unit.offset;
        let stream = self.records.as_ref().and_then(|r| r.stream(&unit.member.path));
        if let Some(stream) = stream {
            let place = |row: &Row| stream.place(base + row.offset);
            self.lane.absorb(&mut self.store, &UnitPlace { source: stream.source(), place: &place })
        } else {
            let place = |row: &Row| Place { record: None, offset: base + row.offset };
            self.lane.absorb(&mut self.store, &UnitPlace { source: &member, place: &place })
        }
    }
}
