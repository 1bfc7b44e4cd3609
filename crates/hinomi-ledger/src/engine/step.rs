//! What the threads do: the pool seals, the committer writes in order.
//!
//! # Invariants
//! Locks are taken in the order core, intake, ring; the pool holds none while it works.

use std::sync::{Arc, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::core::{Committed, Core};
use super::intake::{FrameItem, Intake, Item, Work};
use super::ledger::{Shared, lock};
use super::ticket::Cell;
use crate::LedgerError;
use crate::wal::is_full;

/// How long the committer sleeps at most.
const IDLE: Duration = Duration::from_millis(200);

/// Space for callers that is taken where there is little left.
const LEAST: u64 = 1 << 20;

/// Who waits for what the running commit does.
#[derive(Default)]
struct Waiting {
    durable: Vec<Arc<Cell>>,
    tick: Option<Arc<Cell>>,
    cost: u64,
}

impl Shared {
    /// Starts the pool and the committer.
    pub(super) fn start(shared: &Arc<Self>) -> Result<Vec<JoinHandle<()>>, LedgerError> {
        if shared.options.threads == 0 {
            return Ok(Vec::new());
        }
        let pool = (0..shared.options.threads).map(|_| ("seal", Self::seal_frames as fn(&Self)));
        let tasks = pool.chain([("commit", Self::commit_frames as fn(&Self)), ("packer", Self::pack_files)]);
        let mut threads = Vec::new();
        for (name, task) in tasks {
            let own = shared.clone();
            match thread::Builder::new().name(name.to_owned()).spawn(move || task(&own)) {
                Ok(thread) => threads.push(thread),
                Err(source) => {
                    let path = shared.places.evidence.clone();
                    let error = LedgerError::Io { action: "start a thread for", path, source };
                    shared.poison(&error);
                    return Err(error);
                }
            }
        }
        Ok(threads)
    }

    fn seal_frames(&self) {
        let mut intake = lock(&self.intake);
        loop {
            if intake.poison.is_some() || (intake.stopping && intake.waiting.is_empty()) {
                return;
            }
            match intake.take_job() {
                Some((position, job)) => {
                    drop(intake);
                    let sealed = job.run();
                    drop(job);
                    intake = lock(&self.intake);
                    intake.finish(position, sealed);
                    self.ready.notify_one();
                }
                None => intake = self.jobs.wait(intake).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    fn commit_frames(&self) {
        let guard = Alarm { shared: self };
        let (mut oldest, mut asked) = (None, None);
        loop {
            let Some(items) = self.next_items(&mut oldest, &mut asked) else { break };
            let mut core = lock(&self.core);
            if let Err(error) = self.commit_items(&mut core, items) {
                drop(core);
                self.poison(&error);
                break;
            }
        }
        std::mem::forget(guard);
    }

    /// Waits until there is something to write; `None` when the ledger stops.
    /// `oldest`: since when records wait for a tick; `asked`: when the disk was last asked for space.
    fn next_items(&self, oldest: &mut Option<Instant>, asked: &mut Option<Instant>) -> Option<Vec<Item>> {
        let tick = Duration::from_nanos(self.options.tick_ns);
        let gather = Duration::from_nanos(self.options.gather_ns);
        let mut gathered = false;
        let mut intake = lock(&self.intake);
        loop {
            if intake.poison.is_some() || (intake.stopping && intake.queue.is_empty()) {
                return None;
            }
            if intake.uncommitted && oldest.is_none() {
                *oldest = Some(now());
            }
            if oldest.is_some_and(|since| since.elapsed() >= tick) {
                self.queue_tick(&mut intake, Arc::default());
            }
            if !intake.uncommitted {
                *oldest = None;
            }
            let items = intake.take_ready();
            let patient = intake.full && asked.is_some_and(|at| at.elapsed() < IDLE);
            let asks = intake.wanted > 0 && !patient;
            if !items.is_empty() || asks || self.clock_is_due(intake.clock_ns) {
                *asked = Some(now());
                return Some(items);
            }
            if intake.queue.is_empty() && intake.has_pending() {
                if gathered || gather.is_zero() {
                    intake.cut_all(false, self.options.level);
                    self.jobs.notify_all();
                } else {
                    gathered = true;
                    intake = self.sleep(intake, gather);
                }
                continue;
            }
            let due = oldest.map_or(IDLE, |since| tick.saturating_sub(since.elapsed()));
            intake = self.sleep(intake, due.min(IDLE));
        }
    }

    fn sleep<'a>(&'a self, intake: MutexGuard<'a, Intake>, time: Duration) -> MutexGuard<'a, Intake> {
        match self.ready.wait_timeout(intake, time) {
            Ok((intake, _)) => intake,
            Err(poisoned) => poisoned.into_inner().0,
        }
    }

    /// Puts a tick behind everything accepted so far.
    pub(super) fn queue_tick(&self, intake: &mut Intake, cell: Arc<Cell>) {
        intake.cut_all(true, self.options.level);
        intake.queue.push_back(Item::Tick(cell));
        intake.uncommitted = false;
        self.jobs.notify_all();
        self.ready.notify_one();
    }

    pub(super) fn request_tick(&self) -> Result<Arc<Cell>, LedgerError> {
        let cell = Arc::<Cell>::default();
        let mut intake = self.healthy()?;
        self.queue_tick(&mut intake, cell.clone());
        Ok(cell)
    }

    /// Everything the threads would do now, in this one.
    pub(super) fn commit_inline(&self) -> Result<(), LedgerError> {
        let mut core = lock(&self.core);
        self.healthy()?.cut_all(false, self.options.level);
        loop {
            let items = {
                let mut intake = lock(&self.intake);
                while let Some((position, job)) = intake.take_job() {
                    let sealed = job.run();
                    intake.finish(position, sealed);
                }
                intake.take_ready()
            };
            if items.is_empty() {
                return Ok(());
            }
            if let Err(error) = self.commit_items(&mut core, items) {
                self.poison(&error);
                return Err(error);
            }
        }
    }

    pub(super) fn poison(&self, error: &LedgerError) {
        let mut intake = lock(&self.intake);
        intake.fail(&describe(error));
        self.room.notify_all();
        self.jobs.notify_all();
        self.ready.notify_all();
    }

    fn commit_items(&self, core: &mut Core, items: Vec<Item>) -> Result<(), LedgerError> {
        let mut waiting = Waiting::default();
        let mut outcome = items.into_iter().try_for_each(|item| commit_item(core, item, &mut waiting));
        if outcome.is_ok() && waiting.tick.is_none() {
            outcome = core.sync();
        }
        if let (Ok(()), Some(tick)) = (&outcome, &waiting.tick) {
            outcome = self.commit_tick(core, tick);
        }
        if let Err(error) = &outcome {
            // First nothing more is accepted, then whoever waits is told: nobody is told and then let in again.
            self.poison(error);
            let reason = describe(error);
            let cells = waiting.durable.iter().chain(&waiting.tick).chain(core.block_cells.values());
            cells.chain(&core.leaf_cells).for_each(|cell| cell.fail(&reason));
        }
        outcome?;
        waiting.durable.iter().for_each(|cell| cell.succeed(0));
        self.refill(core, waiting.cost)?;
        self.hand_in(core)
    }

    fn commit_tick(&self, core: &mut Core, tick: &Cell) -> Result<(), LedgerError> {
        let committed = self.try_tick(core)?;
        for (block, leaf) in &committed.blocks {
            if let Some(cell) = core.block_cells.remove(block) {
                cell.succeed(*leaf);
            }
        }
        let cells = std::mem::take(&mut core.leaf_cells);
        cells.iter().zip(&committed.others).for_each(|(cell, leaf)| cell.succeed(*leaf));
        tick.succeed(core.signed.0);
        Ok(())
    }

    fn try_tick(&self, core: &mut Core) -> Result<Committed, LedgerError> {
        let mut committed = Committed::default();
        if core.is_dirty() {
            let born = lock(&self.ring).born_since(core.state.keys_logged);
            committed = core.tick(born)?;
        }
        core.sync()?;
        if core.rotation_is_due()
            && let Some(number) = core.rotate()?
        {
            lock(&self.sealed).files.push_back(number);
            self.packing.notify_one();
        }
        Ok(committed)
    }

    /// Takes space for what callers may send next, and lets them.
    pub(super) fn refill(&self, core: &mut Core, done: u64) -> Result<(), LedgerError> {
        let wanted = lock(&self.intake).wanted;
        let room = self.options.queue_bytes.max(wanted) + self.options.tick_bytes;
        let least = wanted.max(LEAST.min(self.options.queue_bytes)) + self.options.tick_bytes;
        let taken = match core.wal.ensure_room(room) {
            // What is left is used in small steps.
            Err(error) if is_full(&error) => core.wal.ensure_room(least),
            other => other,
        };
        let full = match taken {
            Err(error) if is_full(&error) => true,
            other => other.map(|()| false)?,
        };
        let mut intake = lock(&self.intake);
        intake.full = full;
        intake.wanted = 0;
        intake.accepted = intake.accepted.saturating_sub(done);
        intake.room = core.wal.room();
        intake.credit = intake.room.saturating_sub(self.options.tick_bytes);
        self.room.notify_all();
        Ok(())
    }
}

fn commit_item(core: &mut Core, item: Item, waiting: &mut Waiting) -> Result<(), LedgerError> {
    match item {
        Item::Frame(FrameItem { work, key, block, scope, closes, cost, durable, committed }) => {
            waiting.durable.push(durable);
            core.block_cells.entry(block).or_insert(committed);
            waiting.cost += cost;
            let Work::Done(sealed) = work else { return Ok(()) };
            core.write_records(&sealed?, key, block, &scope)?;
            if closes {
                core.close(block);
            }
        }
        Item::Close(block, committed) => {
            core.block_cells.entry(block).or_insert(committed);
            core.close(block);
        }
        Item::Leaf(leaf, cell) => {
            core.leaves.push(leaf);
            core.leaf_cells.push(cell);
        }
        Item::Tick(cell) => waiting.tick = Some(cell),
    }
    Ok(())
}

/// Poisons the ledger if the committer ends in a panic, so that nobody waits for ever.
struct Alarm<'a> {
    shared: &'a Shared,
}

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        self.shared.poison(&LedgerError::Refused { why: "the committer ended" });
    }
}

pub(super) fn describe(error: &LedgerError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[expect(clippy::disallowed_methods, reason = "paces the thread; nothing that is stored depends on it")]
fn now() -> Instant {
    Instant::now()
}
