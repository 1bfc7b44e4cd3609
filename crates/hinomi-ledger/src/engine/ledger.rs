//! The handle of an open ledger.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use hinomi_model::DiskLock;

use super::core::Core;
use super::create::{self, Identity, check_modes, load_identity, lock_folder};
use super::intake::{Intake, OpenBlock, cost_of};
use super::packer::Sealed;
use super::recovery::{Recovery, Replayed, replay};
use super::ticket::{Piece, Ticket};
use super::watching::{Own, recover};
use crate::LedgerError;
use crate::checkpoint::VerifiedCheckpoint;
use crate::completeness::is_reserved;
use crate::keys::{KeyRing, load_signer};
use crate::leaf::{BlockId, DataKeyId, Leaf, MAX_NAME, Scope};
use crate::note::{Algorithm, SignerKey};
use crate::options::{Creation, Options, Places, Surroundings};
use crate::publish::Publisher;
use crate::records::{MAX_RECORD, Record};
use crate::wal::{Opening, WalWriter};

/// How long a caller that waits for space goes without asking whether it still should.
const PATIENCE: Duration = Duration::from_millis(200);

pub(super) const DAY_NS: u64 = 86_400_000_000_000;

/// What all threads of a ledger share.
pub(super) struct Shared {
    pub around: Surroundings,
    pub places: Places,
    pub options: Options,
    pub identity: Identity,
    pub intake: Mutex<Intake>,
    pub core: Mutex<Core>,
    pub ring: Mutex<KeyRing>,
    pub sealed: Mutex<Sealed>,
    /// Held while a policy is compared with what is in force and recorded.
    pub policies: Mutex<()>,
    /// There is room for callers.
    pub room: Condvar,
    /// There is work for the pool.
    pub jobs: Condvar,
    /// There is something to commit.
    pub ready: Condvar,
    /// There is a file to pack.
    pub packing: Condvar,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An open ledger. Dropping it commits what was accepted and stops its threads.
pub struct Ledger {
    pub(super) shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    _lock: Box<dyn DiskLock>,
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ledger({})", self.shared.places.evidence.display())
    }
}

impl Ledger {
    /// Makes a new ledger; [`Ledger::open`] opens it.
    ///
    /// # Errors
    /// [`LedgerError::Refused`] where a ledger is already; [`LedgerError::Io`].
    pub fn create(
        around: &Surroundings,
        places: &Places,
        creation: &Creation,
        options: &Options,
    ) -> Result<(), LedgerError> {
        create::create(around, places, creation, options)
    }

    /// Opens a ledger for writing: replays its write-ahead log, finishes what a crash interrupted, and commits what had
    /// no leaf.
    ///
    /// # Errors
    /// [`LedgerError::Locked`], [`LedgerError::Newer`], [`LedgerError::Damaged`] with the place, [`LedgerError::Io`].
    pub fn open(
        around: Surroundings,
        places: Places,
        options: Options,
    ) -> Result<(Self, Recovery), LedgerError> {
        let disk = around.disk.clone();
        let identity = load_identity(&*disk, &places)?;
        let guard = lock_folder(&*disk, &places)?;
        check_modes(&*disk, &places)?;
        create::finish_creation(&*disk, &places, &identity)?;
        let owed = crate::repair::owed(&*disk, &places)?;
        let mut ring = KeyRing::load(&*disk, &places.keys, identity.ledger, true)?;
        let mut replayed = replay(&*disk, &places, &identity.ledger, &mut ring)?;
        let mut report = replayed.report.clone();
        let watch = if options.watch { recover(&*disk, places.wal(), &replayed, &mut ring)? } else { None };
        ring.settle(replayed.state.keys_logged)?;
        report.keys_destroyed = destroy_buried(&around, &mut ring, &replayed.buried)?;
        ring.retire_sealed_otherwise(&options.vaults);
        let sealed = Sealed {
            files: replayed.sealed_files.iter().copied().collect(),
            named: replayed.named.clone(),
            ..Sealed::default()
        };
        let first_size = replayed.first_size;
        let watched = std::mem::take(&mut replayed.watched);
        let mut core = resume(&around, &places, &options, &identity, replayed)?;
        core.leaves = owed.iter().cloned().map(Leaf::Repair).collect();
        if let Some(watch) = watch {
            core.watch_from(watch, &watched);
        }
        drop(watched);
        core.recommit(ring.born_since(core.state.keys_logged))?;
        crate::repair::recorded(&*disk, &places, &owed)?;
        core.publisher.remove_leftovers(first_size, core.state.size())?;
        if options.watch && core.watch.is_none() {
            core.watch_from_the_beginning(&places)?;
        }
        let shared = Arc::new(Shared {
            around,
            places,
            options,
            identity,
            intake: Mutex::default(),
            core: Mutex::new(core),
            ring: Mutex::new(ring),
            sealed: Mutex::new(sealed),
            policies: Mutex::default(),
            room: Condvar::new(),
            jobs: Condvar::new(),
            ready: Condvar::new(),
            packing: Condvar::new(),
        });
        {
            let mut core = lock(&shared.core);
            shared.refill(&mut core, 0)?;
            shared.hand_in(&mut core)?;
        }
        let threads = Shared::start(&shared)?;
        Ok((Self { shared, threads, _lock: guard }, report))
    }

    /// What this ledger is.
    pub fn identity(&self) -> &Identity {
        &self.shared.identity
    }

    /// Where it lives.
    pub fn places(&self) -> &Places {
        &self.shared.places
    }

    /// Accepts records of one source and retention class, in order; waits while too much is on its way or the disk is
    /// full. What is returned settles when they are durable.
    ///
    /// # Errors
    /// [`LedgerError::TooLarge`] for a record above 16 MiB or a name above 255 bytes, before anything is accepted;
    /// [`LedgerError::Poisoned`] after a failed write; [`LedgerError::Io`] with `StorageFull` on a ledger without
    /// threads.
    pub fn append(&self, source: &str, class: &str, records: Vec<Record>) -> Result<Ticket, LedgerError> {
        self.append_while(source, class, records, &|| true)
    }

    /// As [`Ledger::append`], but waits for space on the disk only as long as `patient` says so.
    ///
    /// # Errors
    /// Those of [`Ledger::append`], and [`LedgerError::Io`] with `StorageFull` once `patient` has said no: of the records, as
    /// many may be accepted as had their space by then.
    pub fn append_while(
        &self,
        source: &str,
        class: &str,
        records: Vec<Record>,
        patient: &dyn Fn() -> bool,
    ) -> Result<Ticket, LedgerError> {
        if is_reserved(source) {
            return Err(LedgerError::Refused { why: "only the ledger itself writes under this name" });
        }
        for name in [source, class] {
            if name.len() > MAX_NAME {
                let (found, bound) = (name.len() as u64, MAX_NAME as u64);
                return Err(LedgerError::TooLarge { what: "name of a source or class", found, bound });
            }
        }
        for record in &records {
            if record.bytes.len() > MAX_RECORD {
                let (found, bound) = (record.bytes.len() as u64, MAX_RECORD as u64);
                return Err(LedgerError::TooLarge { what: "record", found, bound });
            }
        }
        let mut pieces = Vec::new();
        for (day, records) in by_day(records) {
            let scope = Scope { source: source.to_owned(), class: class.to_owned(), day };
            for chunk in in_chunks(records, self.shared.options.block_bytes) {
                pieces.push(self.shared.accept(&Arc::new(scope.clone()), chunk, patient)?);
            }
        }
        Ok(Ticket { pieces, inline: self.shared.options.threads == 0 })
    }

    /// Commits everything accepted so far: leaves, a signed checkpoint, published.
    ///
    /// # Errors
    /// [`LedgerError::Poisoned`] or, without threads, the error itself.
    pub fn tick(&self) -> Result<(), LedgerError> {
        let cell = self.shared.request_tick()?;
        if self.shared.options.threads == 0 {
            self.commit()?;
        }
        cell.wait().map(drop)
    }

    /// Makes everything accepted so far durable, without a checkpoint. Only useful without threads.
    ///
    /// # Errors
    /// The first error of the disk; the ledger is poisoned then.
    pub fn commit(&self) -> Result<(), LedgerError> {
        self.shared.commit_inline()
    }

    /// Size of the tree and text of the newest checkpoint that is durable.
    pub fn checkpoint(&self) -> (u64, String) {
        lock(&self.shared.core).signed.clone()
    }

    /// Commits everything and stops.
    ///
    /// # Errors
    /// As [`Ledger::tick`].
    pub fn close(mut self) -> Result<(), LedgerError> {
        self.shut_down()
    }

    fn shut_down(&mut self) -> Result<(), LedgerError> {
        let stopped = self.threads.is_empty() && lock(&self.shared.intake).stopping;
        let ticked = if stopped { Ok(()) } else { self.settle() };
        lock(&self.shared.intake).stopping = true;
        lock(&self.shared.sealed).stopping = true;
        self.shared.packing.notify_all();
        self.shared.ready.notify_all();
        self.shared.jobs.notify_all();
        self.shared.room.notify_all();
        for thread in self.threads.drain(..) {
            // A thread that panicked has poisoned the ledger already.
            let _ = thread.join();
        }
        ticked?;
        lock(&self.shared.core).wal.trim()
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        // Whoever wants to know calls `close`.
        let _ = self.shut_down();
    }
}

/// The key has to be the one that signed last, or nobody who knows this ledger would believe what comes next.
fn check_signer(signer: &SignerKey, identity: &Identity, note: &str) -> Result<(), LedgerError> {
    let verifier = signer.verifier(Algorithm::Ed25519);
    match VerifiedCheckpoint::open(note.as_bytes(), &identity.origin, &[verifier], &[]) {
        Err(LedgerError::NotAuthentic { .. }) => Err(LedgerError::Refused {
            why: "the signing key is not the one that signed the last checkpoint",
        }),
        // A crash may have come before the first checkpoint of the files that are left.
        _ => Ok(()),
    }
}

/// The committer as recovery left it.
fn resume(
    around: &Surroundings,
    places: &Places,
    options: &Options,
    identity: &Identity,
    replayed: Replayed,
) -> Result<Core, LedgerError> {
    let (disk, folder) = (&*around.disk, places.wal());
    super::rotate::settle(disk, places, replayed.rotated.as_deref())?;
    let signer = load_signer(disk, &places.signer())?;
    check_signer(&signer, identity, &replayed.signed.1)?;
    let room = options.queue_bytes + options.tick_bytes;
    let mut wal = WalWriter::resume(disk, &folder, replayed.newest, &replayed.resume)?;
    if replayed.sealed {
        let (number, frame) = (replayed.newest + 1, replayed.resume.next_frame);
        let state = replayed.state.clone();
        let opening = Opening { ledger: identity.ledger, created_ns: around.now_ns(), state };
        wal = WalWriter::create(disk, &folder, number, frame, &opening, room)?;
    }
    Ok(Core {
        around: around.clone(),
        options: options.clone(),
        ledger: identity.ledger,
        origin: identity.origin.clone(),
        signer,
        next_signer: None,
        wal,
        state: replayed.state,
        finished: replayed.finished,
        publisher: Publisher::new(around.disk.clone(), places.log()),
        open: BTreeMap::new(),
        closed: replayed.open,
        leaves: Vec::new(),
        leaf_cells: Vec::new(),
        block_cells: BTreeMap::new(),
        has_records: replayed.has_records && !replayed.sealed,
        signed: replayed.signed,
        watch: None,
        own: Own::default(),
    })
}

/// Finishes the destruction of keys whose tombstone is in the log. How many there were.
fn destroy_buried(
    around: &Surroundings,
    ring: &mut KeyRing,
    buried: &[DataKeyId],
) -> Result<u64, LedgerError> {
    let zombies: Vec<_> = buried.iter().copied().filter(|key| ring.entry(*key).is_some()).collect();
    if !zombies.is_empty() {
        ring.destroy(&*around.disk, &zombies, &*around.entropy)?;
    }
    Ok(zombies.len() as u64)
}

fn by_day(records: Vec<Record>) -> Vec<(u32, Vec<Record>)> {
    let mut out: Vec<(u32, Vec<Record>)> = Vec::new();
    for record in records {
        let day = (record.received_ns / DAY_NS) as u32;
        match out.last_mut() {
            Some((last, group)) if *last == day => group.push(record),
            _ => out.push((day, vec![record])),
        }
    }
    out
}

/// Splits records so that a block does not grow far beyond its bound.
fn in_chunks(records: Vec<Record>, bytes: u64) -> Vec<Vec<Record>> {
    let total: u64 = records.iter().map(|r| r.bytes.len() as u64).sum();
    if total <= bytes && records.len() < 1 << 18 {
        return vec![records];
    }
    let mut out = vec![Vec::new()];
    let mut size = 0;
    for record in records {
        if size >= bytes || out.last().is_some_and(|chunk: &Vec<Record>| chunk.len() >= 1 << 18) {
            out.push(Vec::new());
            size = 0;
        }
        size += record.bytes.len() as u64;
        if let Some(chunk) = out.last_mut() {
            chunk.push(record);
        }
    }
    out
}

impl Shared {
    /// The intake, unless a write failed.
    pub(super) fn healthy(&self) -> Result<MutexGuard<'_, Intake>, LedgerError> {
        let intake = lock(&self.intake);
        match &intake.poison {
            Some(reason) => Err(LedgerError::Poisoned { reason: reason.clone() }),
            None if intake.stopping => Err(LedgerError::Refused { why: "the ledger is closing" }),
            None => Ok(intake),
        }
    }

    pub(super) fn accept(
        &self,
        scope: &Arc<Scope>,
        records: Vec<Record>,
        patient: &dyn Fn() -> bool,
    ) -> Result<Piece, LedgerError> {
        let mut intake = self.healthy()?;
        let cost = cost_of(&records);
        let bound = self.options.queue_bytes;
        loop {
            let opens = !intake.open.contains_key(scope);
            let low = intake.full && self.options.low_priority.contains(&scope.class);
            let fits = intake.accepted == 0 || intake.accepted + cost <= bound;
            if fits && !low && intake.accepted + cost <= intake.credit {
                if opens {
                    let open = self.open_block(scope)?;
                    intake.open.insert(scope.clone(), open);
                }
                break;
            }
            intake = self.make_room(intake, cost, patient)?;
        }
        let accepted = intake.accept(scope, records, self.options.block_bytes, self.options.level);
        let (part, durable, committed) =
            accepted.ok_or(LedgerError::Refused { why: "the block was closed meanwhile" })?;
        if !intake.waiting.is_empty() {
            self.jobs.notify_one();
        }
        self.ready.notify_one();
        Ok(Piece { part, durable, committed })
    }

    fn make_room<'a>(
        &'a self,
        mut intake: MutexGuard<'a, Intake>,
        cost: u64,
        patient: &dyn Fn() -> bool,
    ) -> Result<MutexGuard<'a, Intake>, LedgerError> {
        // Space is asked for only where it is what lacks: a full queue empties by itself.
        let fits = intake.accepted == 0 || intake.accepted + cost <= self.options.queue_bytes;
        if intake.full || (fits && intake.accepted + cost > intake.credit) {
            intake.wanted = intake.wanted.max(cost);
        }
        if self.options.threads > 0 {
            self.ready.notify_one();
            let waited = self.room.wait_timeout(intake, PATIENCE);
            let full = waited.unwrap_or_else(PoisonError::into_inner).0.full;
            return if full && !patient() { Err(self.no_space()) } else { self.healthy() };
        }
        drop(intake);
        self.commit_inline()?;
        self.refill(&mut lock(&self.core), cost)?;
        let intake = self.healthy()?;
        if intake.full { Err(self.no_space()) } else { Ok(intake) }
    }

    fn no_space(&self) -> LedgerError {
        let source = std::io::ErrorKind::StorageFull.into();
        LedgerError::Io { action: "take space in", path: self.places.wal(), source }
    }

    pub(super) fn open_block(&self, scope: &Arc<Scope>) -> Result<OpenBlock, LedgerError> {
        let mut ring = lock(&self.ring);
        let key = if let Some(key) = ring.for_scope(scope) {
            key
        } else {
            let scopes = [Scope::clone(scope)];
            let born =
                ring.add(&scopes, &self.options.vaults, self.around.now_ns(), &*self.around.entropy)?;
            born.first().copied().ok_or(LedgerError::Missing { what: "data key", name: String::new() })?
        };
        let missing = || LedgerError::Missing { what: "data key", name: scope.source.clone() };
        let secret = ring.data_key(key)?.ok_or_else(missing)?;
        let mut block = [0; 16];
        let no_block = crate::files::io_error("get random bytes for", &self.places.evidence);
        self.around.entropy.fill(&mut block).map_err(no_block)?;
        Ok(OpenBlock {
            key,
            secret,
            block: BlockId(block),
            scope: scope.clone(),
            cut: 0,
            cut_bytes: 0,
            pending: Vec::new(),
            pending_bytes: 0,
            durable: Arc::default(),
            committed: Arc::default(),
        })
    }
}
