//! Every event of the input against every rule, on all cores.
//!
//! One thread reads and cuts the input into units; workers decode and evaluate them, each with columns and caches
//! of its own. Results are put in one order at the end, so that the number of threads never shows. The first megabytes
//! one thread reads and evaluates in turn: a second one would learn the same values again before it saves anything.
//!
//! # Invariants
//! Memory is bounded: units in flight, a budget per worker's columns, and [`Limits::hits`] and [`Limits::feeding`] for what is found.

mod hit;
mod outline;
mod piece;
mod stage;
mod subject;
mod worker;

use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use hinomi_detect::completeness::{SourceTracker, Window};
use hinomi_detect::story::Prevalence;
use hinomi_detect::{Engine, RuleIndex};
use hinomi_ingest::Unit;
use hinomi_ingest::intake::{FileDone, Format, Intake, MemberDone, Options, Progress, Root};
use hinomi_model::Diagnostics;

use crate::recorded::Recorded;
pub use hit::{Event, Hit};
pub(crate) use outline::EventOutline;
pub(crate) use stage::{Processed, Stage, StageGround};
pub(crate) use subject::whole_text_of;
pub use subject::{SubjectError, Subjects};
use worker::Worker;
pub(crate) use worker::is_host;

/// What to scan and how.
pub struct Request<'a> {
    /// Where to read.
    pub roots: Vec<Root>,
    /// Ledgers whose records are read after them.
    pub ledgers: Vec<Arc<Recorded>>,
    /// Zone, clock, forced format, bounds of the reader.
    pub reading: Options,
    /// Compiled rules.
    pub engine: &'a Engine,
    /// Which fields name the account and tell the story of an event.
    pub subjects: &'a Subjects,
    /// Span of time looked at.
    pub window: Window,
    /// Hosts looked at; empty means all.
    pub hosts: Vec<String>,
    /// Worker threads, at least one.
    pub threads: usize,
    /// Rules of which some matches are enough.
    pub sampled: BTreeMap<RuleIndex, Sampled>,
    /// Bounds.
    pub limits: Limits,
    /// What of a file is hashed when something in it is cited.
    pub digests: Digests,
}

/// What of a file is hashed when something in it is cited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digests {
    /// All of it.
    Files,
    /// The pieces around what is cited, where that settles how an event reads: of event logs and JSON that stand on disk
    /// as they are. Other files are hashed whole.
    Pieces,
}

/// One match in a span is enough for the same values of these fields.
#[derive(Clone, Debug)]
pub struct Sampled {
    /// Length of the spans, which begin at whole multiples of it.
    pub span_ns: i64,
    /// The fields.
    pub fields: Vec<String>,
}

/// Bounds of a scan.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Matches kept with their evidence, of rules that raise something; further ones are only counted.
    pub hits: u64,
    /// Matches kept of rules that only feed correlations. They take some 200 bytes, others six thousand.
    pub feeding: u64,
    /// Bytes of columns and dictionaries per worker before they are dropped and started afresh.
    pub store_bytes: usize,
    /// Bytes of units that are evaluated before threads are started.
    pub alone_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self::of(250_000)
    }
}

/// Matches that feed correlations and are kept for each that raises something: whoever guesses passwords leaves millions.
pub(crate) const FEEDING: u64 = 20;

impl Limits {
    /// As usual, with so many matches of rules that raise something.
    pub fn of(hits: u64) -> Self {
        let feeding = hits.saturating_mul(FEEDING);
        Self { hits, feeding, store_bytes: 32 << 20, alone_bytes: 16 << 20 }
    }

    /// Most matches of rules that raise something, or do not.
    fn most(&self, alerts: bool) -> u64 {
        if alerts { self.hits } else { self.feeding }
    }
}

/// What a scan found, in an order that does not depend on threads.
#[derive(Debug, Default)]
pub struct Findings {
    /// Rules that matched, by (time, event, rule).
    pub hits: Vec<Hit>,
    /// Matches per rule beyond [`Limits::hits`] and [`Limits::feeding`].
    pub uncounted: BTreeMap<RuleIndex, u64>,
    /// What the sources hold.
    pub sources: SourceTracker,
    /// How many different things meet at a host, account or address.
    pub prevalence: Prevalence,
    /// What could not be read.
    pub diagnostics: Diagnostics,
    /// Events decoded.
    pub events: u64,
    /// What the events say about their source, if somebody wants to know.
    pub(crate) outline: Option<EventOutline>,
    /// Workers that failed: whatever they had read and found is missing from everything here.
    pub lost_workers: u64,
    /// Ledgers that were read.
    pub ledgers: Vec<Arc<Recorded>>,
    /// Outer files, and what ledgers hold by source and month.
    pub files: Vec<FileDone>,
    /// Logs and other members inside them.
    pub members: Vec<MemberDone>,
}

/// Polled by whoever draws a progress bar.
#[derive(Debug, Default)]
pub struct ScanProgress {
    reading: Mutex<Progress>,
    events: AtomicU64,
    hits: AtomicU64,
    /// One more than the number of the last outer file of which the digest will be wanted; files are read in order.
    cited: AtomicU32,
}

impl ScanProgress {
    /// How far reading has come.
    pub fn reading(&self) -> Progress {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says how far reading has come.
    #[cfg(feature = "query")]
    pub(crate) fn set_reading(&self, progress: Progress) {
        *self.reading.lock().unwrap_or_else(PoisonError::into_inner) = progress;
    }

    /// Counts events that were decoded elsewhere.
    #[cfg(feature = "query")]
    pub(crate) fn count(&self, events: u64) {
        self.events.fetch_add(events, Ordering::Relaxed);
    }

    /// Events decoded so far.
    pub fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    /// Matches so far.
    pub fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }
}

/// Reads and evaluates everything in `request`.
pub fn scan(request: Request<'_>, progress: &ScanProgress) -> Findings {
    let threads = request.threads.max(1);
    let mut roots = request.roots;
    roots.extend(request.ledgers.iter().flat_map(Recorded::roots));
    let intake = Intake::new(roots, request.reading);
    let new_worker = || {
        let filter = worker::Filter { window: request.window, hosts: request.hosts.clone() };
        let sampling = worker::Sampling::new(&request.sampled);
        let bounds = (request.limits, request.digests);
        let worker = Worker::new(request.engine, request.subjects, filter, sampling, bounds, progress);
        Steady { worker, failed: false }
    };
    let mut reader = Reader { intake, progress, findings: Findings::default() };
    let mut first = new_worker();
    if alone(&mut reader, &mut first, request.limits.alone_bytes) {
        reader.findings.absorb(first.finish());
    } else {
        beside(&mut reader, first, &new_worker, threads);
    }
    let mut findings = reader.findings;
    for ledger in &request.ledgers {
        findings.diagnostics.append(&mut ledger.take_losses());
    }
    findings.ledgers = request.ledgers;
    findings.settle(request.limits, request.engine);
    findings
}

/// Reads the input and keeps what is told of it besides its units.
struct Reader<'p> {
    intake: Intake,
    progress: &'p ScanProgress,
    findings: Findings,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<(Format, Unit)> {
        use hinomi_ingest::intake::Item;
        loop {
            if let Some(file) = self.progress.cited.load(Ordering::Relaxed).checked_sub(1) {
                self.intake.hash_along(file);
            }
            let item = self.intake.next();
            self.findings.diagnostics.append(&mut self.intake.take_diagnostics());
            *self.progress.reading.lock().unwrap_or_else(PoisonError::into_inner) = self.intake.progress();
            match item? {
                Item::Unit(format, unit) => return Some((format, unit)),
                Item::Member(done) => self.findings.members.push(done),
                Item::File(done) => self.findings.files.push(done),
            }
        }
    }
}

/// A worker that failed once passes over the rest without reading it, so that nobody waits for it.
struct Steady<'e> {
    worker: Worker<'e>,
    failed: bool,
}

impl Steady<'_> {
    fn process(&mut self, format: Format, unit: &Unit) {
        let worker = &mut self.worker;
        self.failed = self.failed || catch_unwind(AssertUnwindSafe(|| worker.process(format, unit))).is_err();
    }

    fn finish(self) -> Findings {
        let findings = self.worker.finish();
        Findings { lost_workers: u64::from(self.failed), ..findings }
    }
}

/// Reads and evaluates in turn until about `bytes` are done with; true when that was all.
fn alone(reader: &mut Reader<'_>, worker: &mut Steady<'_>, bytes: u64) -> bool {
    let mut done = 0;
    while done < bytes {
        let Some((format, unit)) = reader.next() else { return true };
        worker.process(format, &unit);
        done += unit.bytes.len() as u64;
        reader.intake.recycle(unit.bytes);
    }
    false
}

/// Reads on while `threads` workers evaluate, of which the first is there already.
fn beside<'e>(
    reader: &mut Reader<'_>,
    first: Steady<'e>,
    new_worker: &(impl Fn() -> Steady<'e> + Sync),
    threads: usize,
) {
    let (units, queue) = sync_channel::<(Format, Unit)>(threads);
    let (buffers, returned) = sync_channel::<Vec<u8>>(threads * 2);
    let queue = Mutex::new(queue);
    let parts = std::thread::scope(|scope| {
        let mut first = Some(first);
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                let (queue, buffers, first) = (&queue, buffers.clone(), first.take());
                scope.spawn(move || work(first.unwrap_or_else(new_worker), queue, &buffers))
            })
            .collect();
        drop(buffers);
        while let Some(unit) = reader.next() {
            returned.try_iter().for_each(|buffer| reader.intake.recycle(buffer));
            if units.send(unit).is_err() {
                break;
            }
        }
        drop(units);
        workers.into_iter().map(std::thread::ScopedJoinHandle::join).collect::<Vec<_>>()
    });
    for part in parts {
        match part {
            Ok(part) => reader.findings.absorb(part),
            Err(_) => reader.findings.lost_workers += 1,
        }
    }
}

fn work(
    mut worker: Steady<'_>,
    queue: &Mutex<Receiver<(Format, Unit)>>,
    buffers: &SyncSender<Vec<u8>>,
) -> Findings {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((format, unit)) = next else { return worker.finish() };
        worker.process(format, &unit);
        // A full return channel only means that the buffer is dropped.
        let _ = buffers.try_send(unit.bytes);
    }
}

impl Findings {
    fn absorb(&mut self, mut other: Self) {
        self.hits.append(&mut other.hits);
        for (rule, count) in other.uncounted {
            *self.uncounted.entry(rule).or_default() += count;
        }
        self.sources.merge(other.sources);
        self.prevalence.merge(other.prevalence);
        self.diagnostics.append(&mut other.diagnostics);
        self.events += other.events;
        self.lost_workers += other.lost_workers;
    }

    /// Keeps the first hits of the input up to the limit, whichever worker found them (every worker kept at
    /// least those of each sort), then puts them in order of time (unknown last), event, size of the log, place and rule.
    fn settle(&mut self, limits: Limits, engine: &Engine) {
        self.hits.sort_by_key(|hit| (hit.ordinal, hit.event.offset, hit.event.sub, hit.rule));
        let mut room = worker::Room::default();
        let uncounted = &mut self.uncounted;
        self.hits.retain(|hit| {
            let fits = room.take(engine.rule(hit.rule).is_some_and(|r| r.alerts), &limits);
            if !fits {
                *uncounted.entry(hit.rule).or_default() += 1;
            }
            fits
        });
        // Logs that hold the same bytes, in an order that does not depend on that of the paths.
        let sizes: HashMap<(u32, &str), u64> = self
            .members
            .iter()
            .map(|done| ((done.member.file, done.member.inner.as_str()), done.bytes))
            .collect();
        self.hits.sort_by(|a, b| {
            // Rules that fired on one event.
            if Arc::ptr_eq(&a.event, &b.event) {
                return a.rule.cmp(&b.rule);
            }
            let ((a, rule), (b, other)) = ((&*a.event, a.rule), (&*b.event, b.rule));
            let time = (a.time.is_none(), a.time).cmp(&(b.time.is_none(), b.time));
            time.then_with(|| a.digest.cmp(&b.digest))
                .then_with(|| sizes.get(&a.log()).cmp(&sizes.get(&b.log())))
                .then_with(|| a.log().cmp(&b.log()))
                .then_with(|| (a.offset, a.sub).cmp(&(b.offset, b.sub)))
                .then_with(|| rule.cmp(&other))
        });
    }
}
