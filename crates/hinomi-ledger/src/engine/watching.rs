//! The ledger watches its own sources: what is committed is fed to [`Watch`], and what that finds, the ticks of the clock
//! and now and then the whole state are handed in like anybody's records.
//!
//! # Invariants
//! - Only committed leaves are fed, in their order, by the committer alone; callers and the pool take no lock for it.
//! - The newest state in the log is one of leaves that are still in the write-ahead log, so that opening needs nothing
//!   else; and a key is destroyed only when the state no longer needs its records.
//! - The ledger's own records wait for nobody: what does not fit now is handed in later, and found again if the process
//!   ends before.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use hinomi_model::Disk;

use super::core::Core;
use super::intake::{Intake, cost_of};
use super::ledger::{Ledger, Shared, lock};
use super::recovery::{Replayed, damaged_at};
use crate::LedgerError;
use crate::completeness::{
    Arrivals, CLOCK_EVERY_NS, CLOCK_SOURCE, COMPLETENESS_SOURCE, STATE_SOURCE, View, Watch, parts, rebuild,
};
use crate::keys::KeyRing;
use crate::leaf::{Block, Leaf, Scope};
use crate::options::Places;
use crate::reader::Reader;
use crate::records::Record;
use crate::scan::read_frame;
use crate::seal::{RecordsHeader, unpack};
use crate::wal::{Place, is_full, wal_path};

/// Retention class of the ledger's own records.
pub const OWN_CLASS: &str = "hinomi";
/// Leaves, and bytes of records, after which the state is written again: what opening may have to read.
const STATE_LEAVES: u64 = 8192;
const STATE_BYTES: u64 = 64 << 20;
/// Bytes of records per byte of a large state.
const STATE_SHARE: u64 = 64;
const PART_BYTES: usize = 1 << 20;
/// Findings handed in at once.
const FINDINGS: usize = 512;

/// What the ledger has handed in of its own.
#[derive(Debug, Default)]
pub(super) struct Own {
    /// Findings below this number are on their way.
    findings: u64,
    /// Time and number of the last tick of the clock since the opening.
    clock: Option<(u64, u64)>,
    /// Leaves that the last state handed in is of.
    state_of: u64,
    state_bytes: u64,
    /// Bytes of records that were committed since.
    bytes: u64,
}

impl Core {
    pub(super) fn feed_leaf(&mut self, leaf: &Leaf) {
        if let Some(watch) = &mut self.watch {
            watch.leaf(leaf);
        }
    }

    pub(super) fn feed_block(&mut self, index: u64, scope: &Scope, arrivals: &Arrivals, bytes: u64) {
        if let Some(watch) = &mut self.watch {
            watch.block(index, scope, arrivals);
            self.own.bytes += bytes;
        }
    }

    /// Goes on from the state that recovery found.
    pub(super) fn watch_from(&mut self, watch: Watch, watched: &Watched) {
        let since = watched.range(watch.kept()..).map(|(_, (leaf, _))| match leaf {
            Leaf::Block(block) => block.bytes,
            _ => 0,
        });
        self.own = Own { state_of: watch.kept(), bytes: since.sum(), ..Own::default() };
        self.watch = Some(watch);
    }

    /// The write-ahead log does not reach back to a state, because the ledger was not watched: everything is read.
    pub(super) fn watch_from_the_beginning(&mut self, places: &Places) -> Result<(), LedgerError> {
        let reader = Reader::open(self.around.disk.clone(), places.clone(), true)?;
        if reader.size() != self.state.size() {
            // Only a full disk keeps the published log behind.
            let source = std::io::ErrorKind::StorageFull.into();
            return Err(LedgerError::Io { action: "publish", path: places.checkpoint(), source });
        }
        let watch = reader.watch()?;
        self.own = Own { bytes: u64::MAX, ..Own::default() };
        self.watch = Some(watch);
        Ok(())
    }

    fn wants_state(&self) -> bool {
        let leaves = self.state.size().saturating_sub(self.own.state_of);
        let bytes = STATE_BYTES.max(self.own.state_bytes.saturating_mul(STATE_SHARE));
        leaves >= STATE_LEAVES || self.own.bytes >= bytes
    }
}

impl Shared {
    /// Hands in what the ledger has to say itself, as far as there is room.
    pub(super) fn hand_in(&self, core: &mut Core) -> Result<(), LedgerError> {
        if core.watch.is_none() {
            return Ok(());
        }
        let now = self.around.now_ns();
        let due = match core.own.clock {
            Some((last, _)) => now < last || now - last >= CLOCK_EVERY_NS as u64,
            None => true,
        };
        if due {
            self.hand_in_clock(core, now)?;
        }
        self.hand_in_findings(core, now)?;
        if core.wants_state() {
            // What has no room now is written at the latest when a file is packed.
            self.hand_in_state(core)?;
        }
        Ok(())
    }

    /// Whether the committer should come by although nobody sent anything.
    pub(super) fn clock_is_due(&self, last: Option<u64>) -> bool {
        let now = self.around.now_ns();
        last.is_some_and(|last| now < last || now - last >= CLOCK_EVERY_NS as u64)
    }

    fn hand_in_clock(&self, core: &mut Core, now: u64) -> Result<bool, LedgerError> {
        let number = core.own.clock.map_or(0, |(_, number)| number + 1);
        let bytes = if number == 0 {
            &b"{\"schema_version\":1,\"clock\":\"opened\"}"[..]
        } else {
            b"{\"schema_version\":1,\"clock\":\"tick\"}"
        };
        let record = Record { received_ns: now, sequence: Some(number), bytes: bytes.to_vec() };
        let taken = self.take_own(CLOCK_SOURCE, &[record], now)?;
        if taken {
            core.own.clock = Some((now, number));
            lock(&self.intake).clock_ns = Some(now);
        }
        Ok(taken)
    }

    fn hand_in_findings(&self, core: &mut Core, now: u64) -> Result<(), LedgerError> {
        let Some(watch) = &core.watch else { return Ok(()) };
        let waiting = watch.outstanding().filter(|(number, _)| *number >= core.own.findings).take(FINDINGS);
        let record = |(number, finding): (u64, &crate::completeness::Finding)| {
            Ok(Record { received_ns: now, sequence: Some(number), bytes: finding.to_record()? })
        };
        let records = waiting.map(record).collect::<Result<Vec<_>, LedgerError>>()?;
        let Some(last) = records.last().and_then(|r| r.sequence) else { return Ok(()) };
        if self.take_own(COMPLETENESS_SOURCE, &records, now)? {
            core.own.findings = last + 1;
        }
        Ok(())
    }

    /// Hands in the state of everything committed; gives back what there is no room for.
    fn hand_in_state(&self, core: &mut Core) -> Result<Vec<Record>, LedgerError> {
        let Some(watch) = &core.watch else { return Ok(Vec::new()) };
        let (leaves, now) = (core.state.size(), self.around.now_ns());
        let piece = PART_BYTES.min(usize::try_from(self.options.block_bytes).unwrap_or(PART_BYTES));
        let records = parts(watch, leaves, now, piece)?;
        let own = std::mem::take(&mut core.own);
        let state_bytes = records.iter().map(|r| r.bytes.len() as u64).sum();
        core.own = Own { state_of: leaves, state_bytes, bytes: 0, ..own };
        let fits = self.take_own(STATE_SOURCE, &records, now)?;
        Ok(if fits { Vec::new() } else { records })
    }

    /// Accepts own records, all or none; they may use a part of what is kept for leaves.
    fn take_own(&self, source: &str, records: &[Record], now: u64) -> Result<bool, LedgerError> {
        let scope = own_scope(source, now);
        let mut intake = lock(&self.intake);
        let reserve = self.options.tick_bytes / 4 * 3;
        if intake.poison.is_some()
            || intake.stopping
            || intake.accepted + cost_of(records) + reserve > intake.room
        {
            return Ok(false);
        }
        for record in records {
            if !self.has_block(&mut intake, &scope)? {
                return Ok(false);
            }
            let _ = intake.accept(&scope, vec![record.clone()], self.options.block_bytes, self.options.level);
        }
        if !intake.waiting.is_empty() {
            self.jobs.notify_all();
        }
        self.ready.notify_one();
        Ok(true)
    }

    /// Opens a block for the scope if there is none. Not when the disk is full.
    fn has_block(
        &self,
        intake: &mut MutexGuard<'_, Intake>,
        scope: &Arc<Scope>,
    ) -> Result<bool, LedgerError> {
        if intake.open.contains_key(scope) {
            return Ok(true);
        }
        match self.open_block(scope) {
            Ok(open) => {
                intake.open.insert(scope.clone(), open);
                Ok(true)
            }
            Err(error) if is_full(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Commits the state as of now, and waits for room if it has to.
    pub(super) fn keep_state(&self) -> Result<(), LedgerError> {
        let rest = {
            let mut core = lock(&self.core);
            if core.watch.is_none() {
                return Ok(());
            }
            self.hand_in_state(&mut core)?
        };
        for record in rest {
            if self.healthy()?.full {
                let source = std::io::ErrorKind::StorageFull.into();
                let (action, path) = ("write the state of completeness in", self.places.wal());
                return Err(LedgerError::Io { action, path, source });
            }
            self.accept(&own_scope(STATE_SOURCE, record.received_ns), vec![record], &|| true)?;
        }
        let cell = self.request_tick()?;
        if self.options.threads == 0 {
            self.commit_inline()?;
        }
        cell.wait().map(drop)
    }
}

fn own_scope(source: &str, now: u64) -> Arc<Scope> {
    let day = (now / super::ledger::DAY_NS) as u32;
    Arc::new(Scope { source: source.to_owned(), class: OWN_CLASS.to_owned(), day })
}

impl Ledger {
    /// What is known of the sources, as of the last commit; `None` if this ledger does not watch.
    pub fn watch(&self) -> Option<Watch> {
        lock(&self.shared.core).watch.clone()
    }

    /// Commits everything, and what that lets the ledger find, and the time.
    pub(super) fn settle(&self) -> Result<(), LedgerError> {
        let shared = &self.shared;
        {
            let mut core = lock(&shared.core);
            if core.watch.is_some() {
                let now = shared.around.now_ns();
                if core.own.clock.is_some_and(|(last, _)| last != now) {
                    shared.hand_in_clock(&mut core, now)?;
                }
            }
        }
        // A tick may find something, which the next one commits, which nothing is found in.
        for _ in 0..3 {
            self.tick()?;
            if !lock(&shared.intake).uncommitted {
                break;
            }
        }
        Ok(())
    }
}

/// What was read of a block leaf or another leaf when the write-ahead log was replayed, and where the records are.
pub(super) type Watched = BTreeMap<u64, (Leaf, Vec<Place>)>;

/// The leaves of the write-ahead log.
struct WalView<'a> {
    disk: &'a dyn Disk,
    folder: PathBuf,
    leaves: Range<u64>,
    watched: &'a Watched,
    ring: Mutex<&'a mut KeyRing>,
}

impl View for WalView<'_> {
    fn range(&self) -> Range<u64> {
        self.leaves.clone()
    }

    fn leaf(&self, index: u64) -> Result<Option<Leaf>, LedgerError> {
        Ok(self.watched.get(&index).map(|(leaf, _)| leaf.clone()))
    }

    fn records(&self, index: u64, block: &Block) -> Result<Option<Vec<Record>>, LedgerError> {
        let Some(secret) = lock(&self.ring).data_key(block.key)? else { return Ok(None) };
        let mut records = Vec::new();
        for place in self.watched.get(&index).into_iter().flat_map(|(_, places)| places) {
            let path = wal_path(&self.folder, place.file);
            let frame = read_frame(self.disk, &path, *place)?;
            let header = RecordsHeader::decode(frame.header()).map_err(damaged_at(&path, place.offset))?;
            records.extend(unpack(&secret, &header, &frame).map_err(damaged_at(&path, place.offset))?);
        }
        Ok(Some(records))
    }
}

/// The state as of the leaves that were replayed; `None` if the write-ahead log does not reach back to one.
pub(super) fn recover(
    disk: &dyn Disk,
    folder: PathBuf,
    replayed: &Replayed,
    ring: &mut KeyRing,
) -> Result<Option<Watch>, LedgerError> {
    let leaves = replayed.first_size..replayed.state.size();
    let ring = Mutex::new(ring);
    rebuild(&WalView { disk, folder, leaves, watched: &replayed.watched, ring })
}

impl View for Reader {
    fn range(&self) -> Range<u64> {
        0..self.size()
    }

    fn leaf(&self, index: u64) -> Result<Option<Leaf>, LedgerError> {
        self.leaf(index).map(Some)
    }

    fn records(&self, index: u64, _: &Block) -> Result<Option<Vec<Record>>, LedgerError> {
        match self.block(index) {
            Ok(block) => Ok(block.map(|block| block.records)),
            Err(LedgerError::Erased { .. } | LedgerError::Missing { what: "data key", .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Reader {
    /// What is known of the sources, as of this view.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`] and [`LedgerError::NotAuthentic`] with the place of what cannot be believed.
    pub fn watch(&self) -> Result<Watch, LedgerError> {
        Ok(rebuild(self)?.unwrap_or_default())
    }
}
