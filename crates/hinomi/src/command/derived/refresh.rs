//! Derived data of a ledger, brought up to date: what is new is added, what is small is joined, what is old is made again.
//!
//! Every run covers a range of leaves and was made with one mapping; taking the place of runs means deriving their range again
//! from the evidence, so `verify derived --rebuild` can always repeat what was done.
//!
//! # Invariants
//! One process at a time writes derived data. What is registered is whole: files of a round that did not end are leftovers.

use std::fs::{File, TryLockError};
use std::num::NonZeroU32;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use hinomi_ledger::{Ledger, Reader, Record};
use hinomi_query::derive::{LaneLimits, discard_leftovers, finish, prepare, register};
use hinomi_query::{Input, Manifest, Mapping, QueryError, Run};
use serde_json::json;

use super::failure;
use super::opening::{BUSY, DERIVED, SOURCE, check_registered, registered};
use crate::args::Lang;
use crate::clock;
use crate::command::investigate::{with_progress, zone};
use crate::command::ledger;
use crate::derived::{Job, derive as run};
use crate::exit::{Exit, Failure};
use crate::recorded::{Recorded, open_reader};

const CLASS: &str = "hinomi";
/// Events of earlier runs that a question derives again so that there are fewer files.
const JOINED_BY_QUESTIONS: u64 = 100_000;

/// How much a refresh may do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// Somebody waits: what is new, joined with what is small.
    Question,
    /// All that there is to do: also what was derived with another mapping, and large runs that are to be joined.
    Due,
    /// Everything again.
    Everything,
}

/// What a refresh is to do.
pub(super) struct Wish<'w> {
    pub(super) extent: Extent,
    pub(super) tz: Option<&'w str>,
    pub(super) jobs: Option<NonZeroU32>,
    pub(super) quiet: bool,
    pub(super) lang: Lang,
    /// The ledger, if this process has it open for writing.
    pub(super) ledger: Option<&'w Ledger>,
    /// Set by whoever wants it to end early.
    pub(super) stop: Arc<AtomicBool>,
}

/// Derived data after a refresh.
pub(super) struct Refreshed {
    pub(super) manifest: Manifest,
    /// Events that were derived, for the first time or again.
    pub(super) added: u64,
}

/// A range of leaves to derive, and the runs whose place it takes.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Round {
    range: Range<u64>,
    replaces: Vec<u64>,
}

/// What there is.
struct State {
    before: Option<Manifest>,
    reader: Reader,
    tombstones: u64,
    mapping: Arc<Mapping>,
}

/// Derives what the ledger got since the last time, or more, and registers it.
pub(super) fn refresh(data: &Path, wish: &Wish<'_>) -> Result<Refreshed, Failure> {
    let folder = data.join(DERIVED);
    std::fs::create_dir_all(&folder).map_err(|e| failure(QueryError::io(&folder)(e)))?;
    let _alone = alone(&folder)?;
    let state = state(data, wish)?;
    let mut manifest = state.before.clone();
    let mut added = 0;
    let rounds = rounds(&state, data, wish)?;
    if !rounds.is_empty() {
        if wish.ledger.is_none() {
            // Whoever holds the ledger holds it later too: better to know before the work.
            ledger::open(data)?.close().map_err(ledger::failure)?;
        }
        discard_leftovers(&folder, manifest.as_ref()).map_err(failure)?;
    }
    for round in rounds {
        let (after, events) = derive(data, &state, manifest.as_ref(), &round, wish)?;
        added += events;
        manifest = Some(after);
    }
    match manifest {
        Some(manifest) => Ok(Refreshed { manifest, added }),
        None => Err(failure(QueryError::Nothing { path: folder })),
    }
}

/// Holds the folder for this process until the file is closed.
fn alone(folder: &Path) -> Result<File, Failure> {
    let path = folder.join("lock");
    let opened = File::options().create(true).truncate(false).write(true).open(&path);
    let lock = opened.map_err(|e| failure(QueryError::io(&path)(e)))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            Err(Failure::new(Exit::Usage, format!("{}: {BUSY}", folder.display()))
                .hint("it is brought up to date there; ask again, or with --as-is now"))
        }
        Err(TryLockError::Error(error)) => Err(failure(QueryError::io(&path)(error))),
    }
}

fn state(data: &Path, wish: &Wish<'_>) -> Result<State, Failure> {
    let reader = open_reader(data).map_err(ledger::failure)?;
    let mut tombstones = 0;
    for leaf in reader.tombstone_leaves() {
        leaf.map_err(ledger::failure)?;
        tombstones += 1;
    }
    let anew = wish.extent == Extent::Everything;
    if !anew && let Some(digest) = registered(&reader).map_err(ledger::failure)? {
        finish(&data.join(DERIVED), digest).map_err(failure)?;
    }
    let before = manifest(data, wish.extent)?;
    if before.is_some() && !anew {
        check_registered(data)?;
    }
    let mapping = Arc::new(Mapping::bundled().map_err(failure)?);
    Ok(State { before, reader, tombstones, mapping })
}

/// The manifest in force, if its format is today's.
fn manifest(data: &Path, extent: Extent) -> Result<Option<Manifest>, Failure> {
    match Manifest::read(&data.join(DERIVED)) {
        Ok((manifest, _)) => Ok(Some(manifest)),
        Err(QueryError::Nothing { .. }) => Ok(None),
        Err(QueryError::Damaged { .. }) if extent == Extent::Everything => Ok(None),
        Err(QueryError::Older { .. }) if extent != Extent::Question => Ok(None),
        Err(error) => Err(failure(error)),
    }
}

fn tombstones(manifest: &Manifest) -> Option<u64> {
    match &manifest.input {
        Input::Ledger { tombstones, .. } => Some(*tombstones),
        Input::Paths { .. } => None,
    }
}

/// What is to be derived, in this order.
fn rounds(state: &State, data: &Path, wish: &Wish<'_>) -> Result<Vec<Round>, Failure> {
    let leaves = state.reader.size();
    let replaces = state.before.iter().flat_map(|m| &m.runs).map(|r| r.to).collect();
    let everything = Round { range: 0..leaves, replaces };
    let known = state.before.as_ref().map(|manifest| (manifest, &manifest.input));
    let Some((manifest, Input::Ledger { leaves: known, root, tombstones, .. })) = known else {
        return Ok(vec![everything]);
    };
    // What was erased must not live on in columns: everything is made again without it.
    if wish.extent == Extent::Everything || *tombstones != state.tombstones {
        return Ok(vec![everything]);
    }
    let root = root.parse().map_err(ledger::failure)?;
    state.reader.continues(*known, &root).map_err(ledger::failure)?;
    let outdated = manifest.ranges().filter(|(_, run)| run.mapping != state.mapping.version);
    let due = |run: &Run| wish.extent == Extent::Due || clashes(manifest, run, &state.mapping);
    let mut rounds: Vec<Round> = outdated
        .filter(|(_, run)| due(run))
        .map(|(range, run)| Round { range, replaces: vec![run.to] })
        .collect();
    let recorded = Recorded::open_range(data, *known..leaves).map_err(ledger::failure)?;
    if !recorded.roots().is_empty() {
        let bound = if wish.extent == Extent::Question { JOINED_BY_QUESTIONS } else { u64::MAX };
        let last = joined(manifest, *known..leaves, bound);
        rounds.retain(|round| round.range.end <= last.range.start);
        rounds.push(last);
    }
    Ok(rounds)
}

/// Whether events of a run have a field whose name a column of this program's mapping took meanwhile.
fn clashes(manifest: &Manifest, run: &Run, mapping: &Mapping) -> bool {
    let files = manifest.files.iter().filter(|f| f.run == run.to);
    files.flat_map(|f| f.fields.keys()).any(|name| mapping.is_taken(&name.to_lowercase()))
}

/// The new leaves, with the runs before them that are hardly longer: so the runs of a ledger stay few, whatever the number of
/// questions, and an event is derived again as often as its run doubles.
fn joined(manifest: &Manifest, new: Range<u64>, bound: u64) -> Round {
    let mut round = Round { range: new, replaces: Vec::new() };
    let mut rows = 0;
    let ranges: Vec<(Range<u64>, &Run)> = manifest.ranges().collect();
    for (range, run) in ranges.into_iter().rev() {
        let own = manifest.files.iter().filter(|f| f.run == run.to).map(|f| f.rows).sum::<u64>();
        rows += own;
        let hardly_longer = range.end - range.start <= 2 * (round.range.end - round.range.start);
        if rows > bound || !hardly_longer {
            break;
        }
        round.range.start = range.start;
        round.replaces.push(run.to);
    }
    round
}

/// Derives a range and registers it in the place of the runs it replaces.
fn derive(
    data: &Path,
    state: &State,
    before: Option<&Manifest>,
    round: &Round,
    wish: &Wish<'_>,
) -> Result<(Manifest, u64), Failure> {
    let folder = data.join(DERIVED);
    let stored = before.and_then(|m| match &m.input {
        Input::Ledger { zone, .. } => Some((zone.as_str(), m.lanes)),
        Input::Paths { .. } => None,
    });
    let anew = before.is_none_or(|m| m.runs.len() == round.replaces.len());
    // Without derived data, as detection takes them.
    let in_force = if stored.is_none() { crate::live::zone_in_force(data) } else { None };
    let named = wish.tz.or(stored.map(|(zone, _)| zone)).or(in_force.as_deref());
    let (zone_name, time_zone) = zone(named, wish.lang)?;
    let lanes = match (wish.jobs.filter(|_| anew), stored) {
        (None, Some((_, lanes))) => lanes,
        (given, _) => super::lanes(given),
    };
    let mut reading = hinomi_ingest::intake::Options::at(clock::now());
    reading.zone = time_zone;
    let recorded = Recorded::open_range(data, round.range.clone()).map_err(ledger::failure)?;
    let job = Job {
        roots: Vec::new(),
        ledger: Some(recorded),
        reading,
        lanes,
        folder: folder.clone(),
        prefix: prefix(&round.range, before),
        mapping: Arc::clone(&state.mapping),
        limits: LaneLimits::default(),
        stop: Arc::clone(&wish.stop),
    };
    let derived = with_progress(wish.quiet, wish.lang, |progress| run(job, progress)).map_err(failure)?;
    let mut manifest = before
        .cloned()
        .unwrap_or_else(|| Manifest::new(lanes, Input::Paths { paths: Vec::new(), zone: zone_name.clone() }));
    manifest.lanes = lanes;
    round.replaces.iter().for_each(|to| manifest.take_out(*to));
    let losses = super::losses(&derived.diagnostics);
    manifest.add(Run::new(round.range.end, &state.mapping, derived.coverage, losses), derived.files);
    if round.range.end == state.reader.size() {
        manifest.input = Input::Ledger {
            origin: state.reader.identity().origin.as_str().to_owned(),
            leaves: state.reader.size(),
            root: state.reader.root().to_string(),
            tombstones: state.tombstones,
            zone: zone_name,
        };
    }
    // In this order: whatever ends this process, the manifest that the ledger names is there.
    prepare(&folder, &manifest).map_err(failure)?;
    record(data, &manifest, wish.ledger)?;
    // Files that are replaced stay for questions that began before, until the next refresh; erased events do not.
    let erased = before.is_some_and(|m| tombstones(m) != Some(state.tombstones));
    register(&folder, &manifest, before.filter(|_| erased)).map_err(failure)?;
    Ok((manifest, derived.events))
}

/// First part of the names of the files of a run: another than that of a run of the same range, whose files stay whole until
/// the new ones are registered.
fn prefix(range: &Range<u64>, before: Option<&Manifest>) -> String {
    let name = format!("{:010}-{:010}", range.start, range.end);
    match before.and_then(|m| m.prefix(range.end)) {
        Some(taken) if taken == name => name + "b",
        _ => name,
    }
}

/// Names the manifest in the ledger.
fn record(data: &Path, manifest: &Manifest, open: Option<&Ledger>) -> Result<(), Failure> {
    let (_, digest) = manifest.encode().map_err(failure)?;
    let mapping = manifest.runs.last().map(|r| r.mapping.as_str());
    let text = json!({"schema_version": 1, "manifest": digest.to_string(), "mapping": mapping,
        "rows": manifest.rows(), "files": manifest.files.len(), "input": manifest.input});
    let received_ns = u64::try_from(clock::now().as_nanos()).unwrap_or(0);
    let record = Record { received_ns, sequence: None, bytes: text.to_string().into_bytes() };
    let append = |ledger: &Ledger| {
        // Where space is short it is not waited for: it is tried again, and evidence goes first.
        ledger.append_while(SOURCE, CLASS, vec![record], &|| false)?.wait()?;
        ledger.tick()
    };
    if let Some(ledger) = open {
        return append(ledger).map_err(ledger::failure);
    }
    let ledger = ledger::open(data)?;
    append(&ledger).map_err(ledger::failure)?;
    ledger.close().map_err(ledger::failure)
}
