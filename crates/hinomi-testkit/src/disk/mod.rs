//! A disk in memory that does to its user what real ones do: it keeps writes in a cache, writes them back in any order,
//! tears them, forgets names that were not flushed, runs full, fails, and loses power at any step.
//!
//! The same seed and the same sequence of calls give the same run. What survives a loss of power is drawn anew for each
//! one: nothing that was not flushed; everything; everything up to one step, which is torn (how a journal behaves); or
//! for each sector and each name separately.
//!
//! # Invariants
//! - What a successful flush covered survives, unless a test plants [`Fault::Skip`] or [`Fault::Late`].
//! - Bytes outside the range of a write are never changed by it, not even when its sector is torn.
//! - A rename happens wholly or not at all, also across folders.
//! - Handles, locks and disks from before a restart are dead and only return errors.
//!
//! # Not here
//! Schedules and what must hold after them: the tests of `hinomi-ledger`.

mod content;
mod fault;
mod handle;
mod names;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hinomi_model::EntryKind;

use crate::seeded::Seeded;
use content::{Content, Medium, Survival};
use fault::{Extent, Outcome, Plan};
use names::{Names, NodeId, ROOT};

pub use fault::{Fault, Operation, When};

/// The disk. Clones are the same disk.
#[derive(Clone, Debug)]
pub struct MemoryDisk {
    state: Arc<Mutex<State>>,
    /// How often power had been lost when this handle was made.
    restarts: u64,
}

#[derive(Debug)]
struct Node {
    kind: EntryKind,
    mode: u32,
    content: Content,
}

#[derive(Debug)]
struct State {
    random: Seeded,
    medium: Medium,
    restarts: u64,
    powered: bool,
    steps: u64,
    plan: Plan,
    late: Vec<(u64, Flush)>,
    nodes: BTreeMap<NodeId, Node>,
    names: Names,
    locks: Vec<NodeId>,
    capacity: Option<u64>,
    read_error_percent: u64,
    trace: Option<Vec<String>>,
    watched: Option<String>,
    shown: Vec<Vec<u8>>,
}

#[derive(Clone, Copy, Debug)]
enum Flush {
    File(NodeId),
    Folder(NodeId),
}

impl MemoryDisk {
    /// An empty disk without faults.
    pub fn new(seed: u64) -> Self {
        let mut random = Seeded::new(seed);
        let sector = if random.chance(50) { 512 } else { 4096 };
        let medium = Medium { sector, garbage: random.chance(50) };
        let root = Node { kind: EntryKind::Folder, mode: 0o700, content: Content::default() };
        let state = State {
            random,
            medium,
            restarts: 0,
            powered: true,
            steps: 0,
            plan: Plan::default(),
            late: Vec::new(),
            nodes: BTreeMap::from([(ROOT, root)]),
            names: Names::default(),
            locks: Vec::new(),
            capacity: None,
            read_error_percent: 0,
            trace: None,
            watched: None,
            shown: Vec::new(),
        };
        Self { state: Arc::new(Mutex::new(state)), restarts: 0 }
    }

    /// Plans a fault. The first planned one that fits a step strikes.
    pub fn plan(&self, when: When, fault: Fault) {
        self.state().plan.add(when, fault);
    }

    /// Forgets the faults that did not strike yet, and makes reading reliable.
    pub fn heal(&self) {
        let mut state = self.state();
        state.plan.clear();
        state.read_error_percent = 0;
    }

    /// Bytes that fit on the disk; names are free. `None` for no limit.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state().capacity = bytes;
    }

    /// Lets so many of a hundred reads fail, or return one wrong bit.
    pub fn set_read_errors(&self, percent: u64) {
        self.state().read_error_percent = percent;
    }

    /// Steps so far: operations that change something.
    pub fn steps(&self) -> u64 {
        self.state().steps
    }

    /// Whether power is lost, by a planned fault or by [`cut_power`](Self::cut_power).
    pub fn is_down(&self) -> bool {
        !self.state().powered
    }

    /// Loses power between two steps.
    pub fn cut_power(&self) {
        self.state().powered = false;
    }

    /// Loses power if it is there, draws what survived, and returns the disk as it is after the restart.
    #[must_use]
    pub fn restart(&self) -> Self {
        let mut state = self.state();
        state.crash();
        Self { state: Arc::clone(&self.state), restarts: state.restarts }
    }

    /// The same disk seen by another process after this one died without loss of power: nothing is lost, but its
    /// handles and locks are gone.
    #[must_use]
    pub fn kill_process(&self) -> Self {
        let mut state = self.state();
        state.restarts += 1;
        state.powered = true;
        state.locks.clear();
        Self { state: Arc::clone(&self.state), restarts: state.restarts }
    }

    /// Changes a file behind the back of its users, in the cache and on the disk.
    pub fn alter(&self, path: &Path, alter: impl Fn(&mut Vec<u8>)) -> io::Result<()> {
        let mut state = self.state();
        let node = state.names.resolve(path)?;
        state.node(node)?.content.alter(alter);
        Ok(())
    }

    /// Notes from now on what every file holds that gets a name with this ending by a rename: what somebody who reads
    /// the file at any time can have seen.
    pub fn watch(&self, ending: &str) {
        self.state().watched = Some(ending.to_owned());
    }

    /// Takes what was noted since the last time, also after a loss of power.
    pub fn take_shown(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.state().shown)
    }

    /// Starts to note every step, for the report of a failing seed.
    pub fn start_trace(&self) {
        self.state().trace.get_or_insert_default();
    }

    /// The steps noted so far.
    pub fn trace(&self) -> Vec<String> {
        self.state().trace.clone().unwrap_or_default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, if this handle is not from before a restart and power is there.
    fn alive(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.state();
        if state.powered && state.restarts == self.restarts { Ok(state) } else { Err(down()) }
    }

    /// Does one step, as far as the plan lets it.
    fn step<T>(
        &self,
        operation: Operation,
        name: &str,
        act: impl FnOnce(&mut State, Extent) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut state = self.alive()?;
        let state = &mut *state;
        match state.decide(operation, name).1 {
            Outcome::Done | Outcome::Skipped | Outcome::Late(_) => act(state, Extent::Wholly),
            Outcome::Failed { kind, extent } => {
                // An operation that was wrong in itself fails for its own reason.
                act(state, extent)?;
                Err(kind.into())
            }
            Outcome::Crashed { extent } => {
                let _ = act(state, extent);
                state.powered = false;
                Err(down())
            }
        }
    }

    /// As [`step`](Self::step), for flushes, which can also be left out or come late.
    fn flush(&self, operation: Operation, name: &str, flush: Flush) -> io::Result<()> {
        let mut state = self.alive()?;
        let state = &mut *state;
        let (step, outcome) = state.decide(operation, name);
        match outcome {
            Outcome::Done => state.flush(flush, Extent::Wholly),
            Outcome::Skipped => {}
            Outcome::Late(steps) => state.late.push((step + steps, flush)),
            Outcome::Failed { kind, extent } => {
                state.flush(flush, extent);
                return Err(kind.into());
            }
            Outcome::Crashed { extent } => {
                if extent != Extent::Nothing {
                    state.flush(flush, extent);
                }
                state.powered = false;
                return Err(down());
            }
        }
        Ok(())
    }
}

impl State {
    fn node(&mut self, id: NodeId) -> io::Result<&mut Node> {
        self.nodes.get_mut(&id).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn add_node(&mut self, kind: EntryKind, mode: u32) -> NodeId {
        let id = NodeId(self.nodes.last_key_value().map_or(0, |(last, _)| last.0) + 1);
        self.nodes.insert(id, Node { kind, mode, content: Content::default() });
        id
    }

    fn free(&self) -> u64 {
        let Some(capacity) = self.capacity else { return u64::MAX };
        let named = self.names.nodes();
        let used = self.nodes.iter().filter(|(id, _)| named.contains(id));
        capacity.saturating_sub(used.map(|(_, node)| node.content.used()).sum())
    }

    /// The number of the next step, and what the plan has in store for it.
    fn decide(&mut self, operation: Operation, name: &str) -> (u64, Outcome) {
        let step = self.steps;
        self.steps += 1;
        self.flush_late(step);
        let outcome = self.plan.decide(step, operation, name, &mut self.random);
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{step} {operation:?} {name}: {outcome:?}"));
        }
        (step, outcome)
    }

    fn flush_late(&mut self, step: u64) {
        let (due, waiting) = self.late.drain(..).partition(|(at, _)| *at <= step);
        self.late = waiting;
        let due: Vec<(u64, Flush)> = due;
        due.into_iter().for_each(|(_, flush)| self.flush(flush, Extent::Wholly));
    }

    fn flush(&mut self, flush: Flush, extent: Extent) {
        let medium = self.medium;
        match (flush, extent) {
            (Flush::Folder(id), Extent::Wholly) => self.names.sync(id),
            (Flush::Folder(id), _) => self.names.sync_badly(id, &mut self.random),
            (Flush::File(id), extent) => {
                let Some(node) = self.nodes.get_mut(&id) else { return };
                let lost = extent == Extent::Nothing && self.random.chance(50);
                match extent {
                    Extent::Wholly => node.content.sync(),
                    _ if lost => node.content.sync_badly(Survival::None, medium, &mut self.random),
                    _ => node.content.sync_badly(Survival::Sectors, medium, &mut self.random),
                }
            }
        }
    }

    fn crash(&mut self) {
        let survival = match self.random.below(8) {
            0 => Survival::None,
            1 => Survival::All,
            2 | 3 => Survival::Before(self.steps.saturating_sub(self.random.below(24))),
            _ => Survival::Sectors,
        };
        self.names.crash(survival, &mut self.random);
        for node in self.nodes.values_mut() {
            node.content.crash(survival, self.medium, &mut self.random);
        }
        self.late.clear();
        self.locks.clear();
        self.restarts += 1;
        self.powered = true;
        if let Some(trace) = &mut self.trace {
            trace.push(format!("restart: {survival:?}"));
        }
    }
}

fn down() -> io::Error {
    io::Error::other("the power is off")
}
