//! What can be searched now: derived data as the ledger names it, and the newest leaves that are not in it yet.
//!
//! What came last is derived here, a few megabytes at a look and the newest first, into a folder of its own beside the derived data. It
//! goes when derived data has the same leaves. What is in neither is said: how many records, and of which time.
//!
//! # Invariants
//! - Derived data that the ledger does not name is not searched.
//! - No leaf is searched twice.
//! - One look derives [`MOST_AT_ONCE`] bytes of records, and all that is held is [`MOST_HELD`] at most.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use hinomi_ingest::intake::Options;
use hinomi_ledger::completeness::is_built_in;
use hinomi_ledger::{Block, Leaf, Reader};
use hinomi_model::{Digest, NANOS_PER_SECOND, Timestamp};
use hinomi_query::derive::{LaneLimits, register};
use hinomi_query::{Archive, DerivedFile, Input, MANIFEST, Manifest, Mapping, QueryError, Run};
use jiff::tz::TimeZone;
use serde::Serialize;

use super::super::{Refused, received};
use crate::clock;
use crate::derived::{DERIVED, DERIVED_SOURCE, Job, derive};
use crate::recorded::{Recorded, open_reader};
use crate::scan::ScanProgress;

/// Folder of what is derived here, in that of derived data.
const FRESH: &str = "fresh";
/// Time between two looks.
const LOOK_NS: i64 = NANOS_PER_SECOND;
/// Bytes of records that one look derives.
const MOST_AT_ONCE: u64 = 4 << 20;
/// Bytes of records that are held beside derived data.
const MOST_HELD: u64 = 64 << 20;
/// Leaves that are looked at for what is not derived; what is before them is not counted.
const MOST_LEAVES: u64 = 65_536;

/// Records that were received and are not searched.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub(in crate::pages) struct Unsearched {
    /// How many; `None` when nobody counted.
    pub(super) records: Option<u64>,
    /// Receipt of the first and of the last.
    pub(super) first: Option<String>,
    pub(super) last: Option<String>,
}

impl Unsearched {
    pub(super) fn is_nothing(&self) -> bool {
        self.records == Some(0)
    }
}

/// What can be searched at a moment.
#[derive(Debug)]
pub(super) struct View {
    pub(super) archive: Arc<Archive>,
    pub(super) origin: String,
    pub(super) unsearched: Unsearched,
    /// What stands beside derived data.
    pub(super) beside: Vec<(Run, Vec<DerivedFile>)>,
    /// Grows when something was erased: what was found before is not shown any more.
    pub(super) erasures: u64,
}

/// Looks, now and then.
#[derive(Debug)]
pub(super) struct Standing {
    data: PathBuf,
    state: Mutex<State>,
}

/// What is known.
#[derive(Debug, Default)]
struct State {
    /// Of times that state none, as long as nothing is derived.
    zone: Option<TimeZone>,
    reader: Option<Reader>,
    derived: Option<Derived>,
    /// Leaves before this were looked at.
    position: u64,
    /// Whether leaves before the first that was looked at are missing in derived data.
    uncounted: bool,
    /// The manifest that the ledger names last, as far as it was looked at.
    named: Option<Digest>,
    erasures: u64,
    /// Blocks that derived data does not have.
    waiting: BTreeMap<u64, Waiting>,
    fresh: Vec<Fresh>,
    number: u64,
    looked: Option<Timestamp>,
    view: Option<Arc<View>>,
}

/// Derived data in force.
#[derive(Debug)]
struct Derived {
    archive: Archive,
    /// Of the manifest's file, to see when it was replaced.
    modified: Option<SystemTime>,
    leaves: u64,
    /// The ledger has its digest.
    is_named: bool,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    bytes: u64,
    records: u64,
    first_ns: u64,
    last_ns: u64,
    is_held: bool,
}

/// Leaves that were derived here.
#[derive(Debug)]
struct Fresh {
    folder: PathBuf,
    leaves: BTreeSet<u64>,
    bytes: u64,
    run: Run,
    files: Vec<DerivedFile>,
}

fn failed(error: &QueryError) -> Refused {
    Refused::Failed(error.to_string())
}

impl Standing {
    /// Nothing is opened yet; what another process left in the folder of fresh data goes.
    pub(super) fn new(data: PathBuf, zone: Option<TimeZone>) -> Self {
        // What cannot be removed is not used either: numbers go on from what is there.
        let _ = std::fs::remove_dir_all(data.join(DERIVED).join(FRESH));
        Self { data, state: Mutex::new(State { zone, ..State::default() }) }
    }

    /// What can be searched, a second old at most.
    pub(super) fn now(&self) -> Result<Arc<View>, Refused> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = clock::now();
        let age = state.looked.map(|at| (now.as_nanos() - at.as_nanos()).unsigned_abs());
        if let (Some(age), Some(view)) = (age, &state.view)
            && age < LOOK_NS.unsigned_abs()
        {
            return Ok(view.clone());
        }
        let before = state.stand();
        state.look(&self.data)?;
        state.looked = Some(clock::now());
        if let Some(view) = state.view.as_ref().filter(|_| before == state.stand()) {
            return Ok(view.clone());
        }
        let view = Arc::new(state.made(&self.data)?);
        state.view = Some(view.clone());
        Ok(view)
    }
}

impl State {
    /// What a view depends on.
    fn stand(&self) -> (u64, u64, u64, Option<(Option<SystemTime>, bool)>) {
        let derived = self.derived.as_ref().map(|d| (d.modified, d.is_named));
        (self.position, self.number, self.erasures, derived)
    }

    /// Goes on with the ledger and with derived data.
    fn look(&mut self, data: &Path) -> Result<(), Refused> {
        if let Some(reader) = &mut self.reader {
            reader.refresh()?;
        } else {
            let reader = open_reader(data)?;
            reader.checkpoint_signer()?;
            self.reader = Some(reader);
        }
        self.renew(data)?;
        self.walk()?;
        if let Some(derived) = &mut self.derived {
            // The next one is named a moment before it is in its place: what was named once goes on.
            derived.is_named |= self.named == Some(derived.archive.digest());
        }
        self.derive(data)
    }

    /// Takes the manifest that is in its place, if it is another.
    fn renew(&mut self, data: &Path) -> Result<(), Refused> {
        let folder = data.join(DERIVED);
        let modified = std::fs::metadata(folder.join(MANIFEST)).and_then(|m| m.modified()).ok();
        if modified.is_none() || self.derived.as_ref().is_some_and(|d| d.modified == modified) {
            return Ok(());
        }
        let (manifest, digest) = match Manifest::read(&folder) {
            Ok(read) => read,
            // What cannot be used is made again by whoever derives; until then nothing of it is searched.
            Err(QueryError::Nothing { .. } | QueryError::Older { .. }) => return Ok(()),
            Err(error) => return Err(failed(&error)),
        };
        let Input::Ledger { leaves, .. } = manifest.input else {
            return Err(Refused::Failed("the derived data here is not of this ledger".to_owned()));
        };
        if self.derived.as_ref().is_some_and(|d| d.leaves > leaves) {
            // It was made again and is not as far: what is behind it is looked at again.
            self.forget(|_| true);
            self.waiting.clear();
            self.position = leaves;
        }
        self.position = self.position.max(leaves);
        let known = self.derived.take().map(|d| d.archive);
        let archive = Archive::of(&folder, manifest, digest, known.as_ref()).map_err(|e| failed(&e))?;
        self.uncounted = false;
        self.waiting.retain(|leaf, _| *leaf >= leaves);
        self.derived = Some(Derived { archive, modified, leaves, is_named: false });
        self.forget(|fresh| fresh.leaves.first().is_none_or(|first| *first < leaves));
        Ok(())
    }

    /// Drops what was derived here, where that is wanted. Its files stay until the next time, for questions that are being answered.
    fn forget(&mut self, unwanted: impl Fn(&Fresh) -> bool) {
        let (gone, kept) = std::mem::take(&mut self.fresh).into_iter().partition::<Vec<_>, _>(&unwanted);
        self.fresh = kept;
        for fresh in gone {
            for leaf in &fresh.leaves {
                self.waiting.entry(*leaf).and_modify(|waiting| waiting.is_held = false);
            }
            // Searches that go on have it open; SQL that began just now says that a file is gone.
            let _ = std::fs::remove_dir_all(&fresh.folder);
        }
    }

    /// Looks at leaves that came.
    fn walk(&mut self) -> Result<(), Refused> {
        let Some(reader) = &self.reader else { return Ok(()) };
        let size = reader.size();
        if self.derived.is_none() && size.saturating_sub(self.position) > MOST_LEAVES {
            self.position = size - MOST_LEAVES;
            self.uncounted = true;
        }
        let (mut erased, mut named) = (0, None);
        for leaf in self.position..size {
            match reader.leaf(leaf)? {
                Leaf::Block(block) if block.scope.source == DERIVED_SOURCE => named = Some(leaf),
                Leaf::Block(block) if is_built_in(&block.scope.source) => {}
                Leaf::Block(block) => drop(self.waiting.insert(leaf, Waiting::of(&block))),
                Leaf::Tombstone(_) => erased += 1,
                _ => {}
            }
        }
        if let Some(leaf) = named {
            self.named = reader.block(leaf)?.and_then(|block| named_in(&block.records.last()?.bytes));
        }
        self.position = size;
        if erased > 0 {
            self.erasures += erased;
            self.forget(|_| true);
        }
        Ok(())
    }

    /// Derives of what is waiting the newest, as far as one look goes.
    fn derive(&mut self, data: &Path) -> Result<(), Refused> {
        let (mut leaves, mut bytes) = (BTreeSet::new(), 0);
        for (leaf, waiting) in self.waiting.iter().rev().filter(|(_, waiting)| !waiting.is_held) {
            if bytes + waiting.bytes > MOST_AT_ONCE && !leaves.is_empty() {
                break;
            }
            bytes += waiting.bytes;
            leaves.insert(*leaf);
        }
        if leaves.is_empty() || bytes > 2 * MOST_AT_ONCE {
            return Ok(());
        }
        let held: u64 = self.fresh.iter().map(|fresh| fresh.bytes).sum();
        let newest = self.fresh.iter().filter_map(|fresh| fresh.leaves.last()).max().copied();
        if held + bytes > MOST_HELD {
            if newest > leaves.last().copied() {
                return Ok(());
            }
            let oldest = self.fresh.iter().filter_map(|fresh| fresh.leaves.first()).min().copied();
            self.forget(|fresh| fresh.leaves.first().copied() == oldest);
        }
        let Some(reader) = self.reader.take() else { return Ok(()) };
        self.number += 1;
        let path = format!("{FRESH}/{}", self.number);
        let recorded = Recorded::of_leaves(data, reader, &leaves)?;
        let made = fresh(data, &path, (&recorded, self.zone()), leaves);
        self.reader = Recorded::into_reader(recorded);
        // What cannot be derived here is said to be missing.
        let Ok(made) = made.map(|made| Fresh { bytes, ..made }) else { return Ok(()) };
        for leaf in &made.leaves {
            self.waiting.entry(*leaf).and_modify(|waiting| waiting.is_held = true);
        }
        self.fresh.push(made);
        Ok(())
    }

    /// The zone of times that state none, as in derived data.
    fn zone(&self) -> TimeZone {
        let named = self.derived.as_ref().and_then(|d| match &d.archive.manifest().input {
            Input::Ledger { zone, .. } => TimeZone::get(zone).ok(),
            Input::Paths { .. } => None,
        });
        named.or_else(|| self.zone.clone()).unwrap_or(TimeZone::UTC)
    }

    /// Both together.
    fn made(&self, data: &Path) -> Result<View, Refused> {
        let folder = data.join(DERIVED);
        let origin = self.reader.as_ref().map(|r| r.identity().origin.to_string()).unwrap_or_default();
        let known = self.derived.as_ref().filter(|d| d.is_named).map(|d| &d.archive);
        let counted = !self.uncounted && (known.is_some() || self.derived.is_none());
        let mut manifest = known.map_or_else(
            || Manifest::new(1, Input::Paths { paths: Vec::new(), zone: "UTC".to_owned() }),
            |archive| archive.manifest().clone(),
        );
        for fresh in &self.fresh {
            manifest.add(fresh.run.clone(), fresh.files.clone());
        }
        let digest = known.map_or_else(|| Digest::of(b""), Archive::digest);
        let before = self.view.as_ref().map(|view| &*view.archive);
        let archive = Archive::of(&folder, manifest, digest, before.or(known)).map_err(|e| failed(&e))?;
        let open = || self.waiting.values().filter(|waiting| !waiting.is_held);
        let unsearched = Unsearched {
            records: counted.then(|| open().map(|w| w.records).sum()),
            first: open().map(|w| w.first_ns).min().filter(|_| counted).map(received),
            last: open().map(|w| w.last_ns).max().map(received),
        };
        let beside = self.fresh.iter().map(|fresh| (fresh.run.clone(), fresh.files.clone())).collect();
        Ok(View { archive: Arc::new(archive), origin, unsearched, beside, erasures: self.erasures })
    }
}

impl Waiting {
    fn of(block: &Block) -> Self {
        Self {
            bytes: block.bytes,
            records: u64::from(block.count),
            first_ns: block.first_ns,
            last_ns: block.last_ns,
            is_held: false,
        }
    }
}

/// The digest of the manifest in a record about derived data.
fn named_in(bytes: &[u8]) -> Option<Digest> {
    let document: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    document.get("manifest")?.as_str()?.parse().ok()
}

/// Derives leaves into a folder of their own.
fn fresh(
    data: &Path,
    path: &str,
    (recorded, zone): (&Arc<Recorded>, TimeZone),
    leaves: BTreeSet<u64>,
) -> Result<Fresh, Refused> {
    let folder = data.join(DERIVED).join(path);
    std::fs::create_dir_all(&folder).map_err(|e| failed(&QueryError::io(&folder)(e)))?;
    let mapping = Arc::new(Mapping::bundled().map_err(|e| failed(&e))?);
    let mut reading = Options::at(clock::now());
    reading.zone = zone.clone();
    let job = Job {
        roots: Vec::new(),
        ledger: Some(Arc::clone(recorded)),
        reading,
        lanes: 1,
        folder: folder.clone(),
        prefix: "a".to_owned(),
        mapping: Arc::clone(&mapping),
        limits: LaneLimits::default(),
        stop: Arc::<AtomicBool>::default(),
    };
    let derived = derive(job, &ScanProgress::default()).map_err(|e| failed(&e))?;
    let losses = derived.diagnostics.entries().iter().map(|d| 1 + d.repeated).sum();
    let to = leaves.last().map_or(0, |last| last + 1);
    let run = Run::new(to, &mapping, derived.coverage, losses);
    let input = Input::Paths { paths: Vec::new(), zone: zone.iana_name().unwrap_or("UTC").to_owned() };
    let mut manifest = Manifest::new(1, input);
    manifest.add(run.clone(), derived.files);
    register(&folder, &manifest, None).map_err(|e| failed(&e))?;
    let below = |file: DerivedFile| DerivedFile { path: format!("{path}/{}", file.path), ..file };
    let files = manifest.files.into_iter().map(below).collect();
    Ok(Fresh { folder, leaves, bytes: 0, run, files })
}
