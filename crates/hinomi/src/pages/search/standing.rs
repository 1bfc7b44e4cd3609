//! What can be searched now: derived data as the ledger names it, and leaves that are not in it yet.
//!
//! What came last is derived here, a few megabytes at a look and the newest first, into a folder of its own beside the derived data. It
//! goes when derived data has the same leaves. Of the leaves before, a search has gists made, the newest first: where a gist says that
//! something may match, the group of leaves is derived here, too. What is in neither is said: how many records, and of which time.
//!
//! # Invariants
//! - Derived data that the ledger does not name is not searched.
//! - No leaf is searched twice.
//! - A gist is of the events that deriving its leaves together writes, and they are derived together or not at all.
//! - One look derives [`MOST_AT_ONCE`] bytes of records, and all that is held is [`MOST_HELD`] at most, and as much again of what searches
//!   asked for.
//!
//! # Not here
//! How far one search is (`super::progress`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::SystemTime;

use hinomi_ingest::intake::Options;
use hinomi_ledger::completeness::is_built_in;
use hinomi_ledger::{Block, Leaf, Reader};
use hinomi_model::{Digest, NANOS_PER_SECOND, Timestamp};
use hinomi_query::search::Wanted;
use hinomi_query::{Archive, DerivedFile, Input, MANIFEST, Manifest, QueryError, Run};
use jiff::tz::TimeZone;
use serde::Serialize;

use super::super::{Refused, received};
use super::fresh::{FRESH, Fresh, fresh};
use super::gists::Gists;
use super::progress::{Open, Progress};
use crate::clock;
use crate::derived::{DERIVED, DERIVED_SOURCE, Outline, Outliner};
use crate::recorded::{Recorded, open_reader};

/// Time between two looks.
const LOOK_NS: i64 = NANOS_PER_SECOND;
/// Bytes of records that one look derives.
const MOST_AT_ONCE: u64 = 4 << 20;
/// Bytes of records of which one gist is made.
const MOST_IN_A_GROUP: u64 = 4 << 20;
/// Bytes of records that are held beside derived data.
const MOST_HELD: u64 = 64 << 20;
/// Time for which files stay that new searches do not use.
const UNUSED_NS: i64 = 10 * NANOS_PER_SECOND;
/// Leaves of a group.
const MOST_TOGETHER: usize = 1024;
/// Leaves that are looked at for what is not derived; what is before them is not counted.
const MOST_LEAVES: u64 = 262_144;

/// Records that were received and are not searched.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub(in crate::pages) struct Unsearched {
    /// How many; `None` when nobody counted.
    pub(super) records: Option<u64>,
    /// Receipt of the first and of the last.
    pub(super) first: Option<String>,
    pub(super) last: Option<String>,
}

/// What can be searched at a moment.
#[derive(Debug)]
pub(super) struct View {
    pub(super) archive: Arc<Archive>,
    pub(super) origin: String,
    pub(super) unsearched: Unsearched,
    /// Leaves that are not derived, the newest first, and whether these are all.
    pub(super) open: (Arc<[Open]>, bool),
    /// Of this view.
    pub(super) number: u64,
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
    /// Held by the one that makes gists.
    outlining: Mutex<Option<Outlining>>,
}

/// What makes gists.
#[derive(Debug)]
struct Outlining {
    reader: Reader,
    outliner: Outliner,
}

/// Bytes of records.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) at_once: u64,
    pub(super) in_a_group: u64,
    pub(super) held: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { at_once: MOST_AT_ONCE, in_a_group: MOST_IN_A_GROUP, held: MOST_HELD }
    }
}

/// What is known.
#[derive(Debug, Default)]
struct State {
    bounds: Bounds,
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
    gists: Gists,
    fresh: Vec<Fresh>,
    /// Folders that are not used for new searches any more, and since when.
    unused: Vec<(Timestamp, PathBuf)>,
    /// Grows with what is derived here and with what goes.
    number: u64,
    looked: Option<Timestamp>,
    /// The last one, and what it depended on.
    view: Option<(Stand, Arc<View>)>,
    views: u64,
}

/// What a view depends on.
#[derive(PartialEq, Eq, Debug)]
struct Stand {
    position: u64,
    number: u64,
    erasures: u64,
    gists: u64,
    derived: Option<(Option<SystemTime>, bool)>,
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
    lies: Lies,
}

/// What is known of a leaf.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Lies {
    /// Nothing.
    Open,
    /// A gist says what it holds.
    Outlined,
    /// It is derived here.
    Held,
}

/// What is to be done for a search.
enum Step {
    /// To look at the next leaf.
    Next,
    /// To make the gist of these leaves.
    Outline(BTreeSet<u64>),
}

pub(super) fn failed(error: &QueryError) -> Refused {
    Refused::Failed(error.to_string())
}

impl Standing {
    /// Nothing is opened yet; what another process left in the folder of fresh data goes.
    pub(super) fn new(data: PathBuf, zone: Option<TimeZone>, bounds: Bounds) -> Self {
        // What cannot be removed is not used either: numbers go on from what is there.
        let _ = std::fs::remove_dir_all(data.join(DERIVED).join(FRESH));
        let state = Mutex::new(State { bounds, zone, ..State::default() });
        Self { data, state, outlining: Mutex::default() }
    }

    /// What can be searched, a second old at most.
    pub(super) fn now(&self) -> Result<Arc<View>, Refused> {
        let mut state = self.state();
        let now = clock::now();
        let age = state.looked.map(|at| (now.as_nanos() - at.as_nanos()).unsigned_abs());
        if let (Some(age), Some((stand, view))) = (age, &state.view)
            && age < LOOK_NS.unsigned_abs()
            && stand.number == state.number
        {
            return Ok(view.clone());
        }
        state.look(&self.data)?;
        state.looked = Some(clock::now());
        state.viewed(&self.data)
    }

    /// What can be searched, with all that searches found meanwhile.
    pub(super) fn renewed(&self) -> Result<Arc<View>, Refused> {
        self.state().viewed(&self.data)
    }

    /// Drops what was derived for searches.
    #[cfg(test)]
    pub(super) fn forget_found(&self) -> usize {
        let mut state = self.state();
        let found = state.fresh.iter().filter(|fresh| fresh.group.is_some()).count();
        state.forget(|fresh| fresh.group.is_some());
        found
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks for a search at what its snapshot does not have, as long as there is time: what may match is derived.
    pub(super) fn scan(
        &self,
        wanted: &Wanted,
        progress: &mut Progress,
        is_enough: &dyn Fn() -> bool,
    ) -> Result<(), Refused> {
        while !progress.is_through() && !is_enough() {
            let step = self.state().step(&self.data, wanted, progress)?;
            let Step::Outline(leaves) = step else { continue };
            if !self.outline(leaves, wanted, progress)? {
                // Somebody else makes gists, which are for this search as well.
                break;
            }
        }
        Ok(())
    }

    /// Makes the gist of leaves; false when another answer makes gists just now.
    fn outline(
        &self,
        leaves: BTreeSet<u64>,
        wanted: &Wanted,
        progress: &mut Progress,
    ) -> Result<bool, Refused> {
        let mut held = match self.outlining.try_lock() {
            Ok(held) => held,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Ok(false),
        };
        let (zone, erasures) = {
            let state = self.state();
            (state.zone(), state.erasures)
        };
        let made = match held.take() {
            Some(made) => made,
            None => Outlining {
                reader: open_reader(&self.data)?,
                outliner: Outliner::new().map_err(|e| failed(&e))?,
            },
        };
        let Outlining { mut reader, mut outliner } = made;
        if leaves.last().is_some_and(|last| *last >= reader.size()) {
            reader.refresh()?;
        }
        let recorded = Recorded::of_leaves(&self.data, reader, &leaves)?;
        let mut reading = Options::at(clock::now());
        reading.zone = zone;
        let outline = outliner.outline(&recorded, reading).map_err(|e| failed(&e));
        *held = Recorded::into_reader(recorded).map(|reader| Outlining { reader, outliner });
        let mut state = self.state();
        if state.erasures == erasures {
            state.keep(&self.data, leaves, outline, (wanted, progress))?;
        }
        Ok(true)
    }
}

impl State {
    fn stand(&self) -> Stand {
        let derived = self.derived.as_ref().map(|d| (d.modified, d.is_named));
        Stand {
            position: self.position,
            number: self.number,
            erasures: self.erasures,
            gists: self.gists.version,
            derived,
        }
    }

    /// The view of what is known now.
    fn viewed(&mut self, data: &Path) -> Result<Arc<View>, Refused> {
        let stand = self.stand();
        if let Some((_, view)) = self.view.as_ref().filter(|(before, _)| *before == stand) {
            return Ok(view.clone());
        }
        self.views += 1;
        let view = Arc::new(self.made(data)?);
        self.view = Some((stand, view.clone()));
        Ok(view)
    }

    /// Goes on with the ledger and with derived data.
    fn look(&mut self, data: &Path) -> Result<(), Refused> {
        self.tidy(UNUSED_NS);
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
            self.gists.clear();
            self.position = leaves;
        }
        self.position = self.position.max(leaves);
        let known = self.derived.take().map(|d| d.archive);
        let archive = Archive::of(&folder, manifest, digest, known.as_ref()).map_err(|e| failed(&e))?;
        self.uncounted = false;
        self.waiting.retain(|leaf, _| *leaf >= leaves);
        self.derived = Some(Derived { archive, modified, leaves, is_named: false });
        self.forget(|fresh| fresh.leaves.first().is_none_or(|first| *first < leaves));
        let gone = self.gists.drop_before(leaves);
        self.reopen(&gone);
        Ok(())
    }

    /// Drops what was derived here, where that is wanted. Its files stay for a moment, for questions that begin just now.
    fn forget(&mut self, unwanted: impl Fn(&Fresh) -> bool) {
        let (gone, kept) = std::mem::take(&mut self.fresh).into_iter().partition::<Vec<_>, _>(&unwanted);
        self.fresh = kept;
        self.number += u64::from(!gone.is_empty());
        for fresh in gone {
            let lies = if fresh.group.is_some() { Lies::Outlined } else { Lies::Open };
            for leaf in &fresh.leaves {
                self.waiting.entry(*leaf).and_modify(|waiting| waiting.lies = lies);
            }
            if let Some(group) = fresh.group {
                self.gists.hold(group, false);
            }
            self.unused.push((clock::now(), fresh.folder));
        }
    }

    /// Removes what has not been used for a while. Searches that go on have it open.
    fn tidy(&mut self, kept_ns: i64) {
        let now = clock::now().as_nanos();
        self.unused.retain(|(since, folder)| {
            let stays = (now - since.as_nanos()).unsigned_abs() < kept_ns.unsigned_abs();
            // What cannot be removed goes when the server starts the next time.
            stays || std::fs::remove_dir_all(folder).is_err() && folder.exists()
        });
    }

    /// Of groups whose gist went nothing is known again.
    fn reopen(&mut self, groups: &[(u64, u64)]) {
        for (first, last) in groups {
            for (_, waiting) in self.waiting.range_mut(first..=last).filter(|(_, w)| w.lies == Lies::Outlined)
            {
                waiting.lies = Lies::Open;
            }
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
            self.tidy(0);
            self.gists.clear();
            self.waiting.values_mut().for_each(|waiting| waiting.lies = Lies::Open);
        }
        Ok(())
    }

    /// Derives of what is waiting the newest, as far as one look goes.
    fn derive(&mut self, data: &Path) -> Result<(), Refused> {
        let (mut leaves, mut bytes) = (BTreeSet::new(), 0);
        for (leaf, waiting) in self.waiting.iter().rev().filter(|(_, waiting)| waiting.lies == Lies::Open) {
            if bytes + waiting.bytes > self.bounds.at_once {
                break;
            }
            bytes += waiting.bytes;
            leaves.insert(*leaf);
        }
        if leaves.is_empty() {
            return Ok(());
        }
        let newest = || self.fresh.iter().filter(|fresh| fresh.group.is_none());
        if newest().map(|fresh| fresh.bytes).sum::<u64>() + bytes > self.bounds.held {
            if newest().filter_map(|fresh| fresh.leaves.last()).max() > leaves.last() {
                return Ok(());
            }
            let oldest = newest().filter_map(|fresh| fresh.leaves.first()).min().copied();
            self.forget(|fresh| fresh.group.is_none() && fresh.leaves.first().copied() == oldest);
        }
        // What cannot be derived here is said to be missing.
        self.hold(data, (leaves, bytes), None).map(drop)
    }

    /// Derives leaves; `None` when that fails.
    fn hold(
        &mut self,
        data: &Path,
        (leaves, bytes): (BTreeSet<u64>, u64),
        group: Option<u64>,
    ) -> Result<Option<u64>, Refused> {
        let Some(reader) = self.reader.take() else { return Ok(None) };
        self.number += 1;
        let recorded = Recorded::of_leaves(data, reader, &leaves)?;
        let made = fresh(data, self.number, (&recorded, self.zone()), leaves);
        self.reader = Recorded::into_reader(recorded);
        let Ok(made) = made else { return Ok(None) };
        for leaf in &made.leaves {
            self.waiting.entry(*leaf).and_modify(|waiting| waiting.lies = Lies::Held);
        }
        if let Some(group) = group {
            self.gists.hold(group, true);
        }
        self.fresh.push(Fresh { bytes, group, ..made });
        Ok(Some(self.number))
    }

    /// Takes one look at the next leaf for a search.
    fn step(&mut self, data: &Path, wanted: &Wanted, progress: &mut Progress) -> Result<Step, Refused> {
        let Some(leaf) = progress.leaf() else { return Ok(Step::Next) };
        match self.waiting.get(&leaf).map(|waiting| waiting.lies) {
            // Derived meanwhile.
            None | Some(Lies::Held) => progress.leave_to_a_new_search(leaf),
            Some(Lies::Outlined) => match self.gists.of(leaf) {
                Some((first, group)) if !wanted.may_be_in(&group.gist) => progress.clear(first),
                Some((first, group)) => {
                    let leaves = self.waiting.range(first..=group.last).map(|(leaf, _)| *leaf).collect();
                    self.find(data, leaves, progress)?;
                }
                None => drop(self.waiting.entry(leaf).and_modify(|waiting| waiting.lies = Lies::Open)),
            },
            Some(Lies::Open) if progress.is_cleared(leaf) => {}
            Some(Lies::Open) => return Ok(Step::Outline(self.group(leaf))),
        }
        Ok(Step::Next)
    }

    /// The leaves from one back that are looked at together: nothing is known of any of them.
    fn group(&self, last: u64) -> BTreeSet<u64> {
        let (mut leaves, mut bytes) = (BTreeSet::new(), 0);
        for (leaf, waiting) in self.waiting.range(..=last).rev().take(MOST_TOGETHER) {
            bytes += waiting.bytes;
            if waiting.lies != Lies::Open || (bytes > self.bounds.in_a_group && !leaves.is_empty()) {
                break;
            }
            leaves.insert(*leaf);
        }
        leaves
    }

    /// Takes the gist of a group, and what it means for the search that had it made.
    fn keep(
        &mut self,
        data: &Path,
        leaves: BTreeSet<u64>,
        outline: Result<Outline, Refused>,
        (wanted, progress): (&Wanted, &mut Progress),
    ) -> Result<(), Refused> {
        let (Some(&first), Some(&last)) = (leaves.first(), leaves.last()) else { return Ok(()) };
        // What was derived meanwhile is seen at the next step.
        if self.group(last) != leaves {
            return Ok(());
        }
        let Ok(outline) = outline else {
            progress.pass(first);
            return Ok(());
        };
        let may_match = wanted.may_be_in(&outline.gist);
        match self.gists.keep((first, last), outline) {
            Ok(gone) => {
                self.reopen(&gone);
                for leaf in &leaves {
                    self.waiting.entry(*leaf).and_modify(|waiting| waiting.lies = Lies::Outlined);
                }
            }
            Err(_) if may_match => self.find(data, leaves, progress)?,
            Err(_) => progress.clear_for_good((first, last)),
        }
        Ok(())
    }

    /// Derives a group in which something may match, so that a new search has it.
    fn find(&mut self, data: &Path, leaves: BTreeSet<u64>, progress: &mut Progress) -> Result<(), Refused> {
        let Some(&first) = leaves.first() else { return Ok(()) };
        let bytes =
            leaves.iter().filter_map(|leaf| self.waiting.get(leaf)).map(|waiting| waiting.bytes).sum();
        loop {
            let found = || self.fresh.iter().filter(|fresh| fresh.group.is_some());
            if found().map(|fresh| fresh.bytes).sum::<u64>() + bytes <= self.bounds.held.max(bytes) {
                break;
            }
            let oldest = found().map(|fresh| fresh.number).find(|number| !progress.own.contains(number));
            let Some(oldest) = oldest else {
                progress.fill();
                return Ok(());
            };
            self.forget(|fresh| fresh.number == oldest);
        }
        match self.hold(data, (leaves, bytes), Some(first))? {
            Some(number) => {
                progress.own.insert(number);
                progress.leave_to_a_new_search(first);
            }
            None => progress.pass(first),
        }
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
        let (rows, losses) = self.gists.coverage();
        if !rows.is_empty() || losses > 0 {
            let run = Run { to: self.position, coverage: rows, losses, ..Run::default() };
            manifest.add(run, Vec::new());
        }
        let digest = known.map_or_else(|| Digest::of(b""), Archive::digest);
        let before = self.view.as_ref().map(|(_, view)| &*view.archive);
        let archive = Archive::of(&folder, manifest, digest, before.or(known)).map_err(|e| failed(&e))?;
        let shown = |(leaf, waiting): (&u64, &Waiting)| Open {
            leaf: *leaf,
            records: waiting.records,
            first_ns: waiting.first_ns,
            last_ns: waiting.last_ns,
        };
        let open = self.waiting.iter().rev().filter(|(_, waiting)| waiting.lies != Lies::Held);
        let open: Arc<[Open]> = open.map(shown).collect();
        let unsearched = Unsearched {
            records: counted.then(|| open.iter().map(|open| open.records).sum()),
            first: open.iter().map(|open| open.first_ns).min().filter(|_| counted).map(received),
            last: open.iter().map(|open| open.last_ns).max().map(received),
        };
        let beside = self.fresh.iter().map(|fresh| (fresh.run.clone(), fresh.files.clone())).collect();
        Ok(View {
            archive: Arc::new(archive),
            origin,
            unsearched,
            open: (open, counted),
            number: self.views,
            beside,
            erasures: self.erasures,
        })
    }
}

impl Waiting {
    fn of(block: &Block) -> Self {
        Self {
            bytes: block.bytes,
            records: u64::from(block.count),
            first_ns: block.first_ns,
            last_ns: block.last_ns,
            lies: Lies::Open,
        }
    }
}

/// The digest of the manifest in a record about derived data.
fn named_in(bytes: &[u8]) -> Option<Digest> {
    let document: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    document.get("manifest")?.as_str()?.parse().ok()
}
