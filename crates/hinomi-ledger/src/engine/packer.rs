//! Packing sealed write-ahead files into segments, in the background.
//!
//! # Invariants
//! A write-ahead file is removed only after its segment, the leaf that names it and the tiles of its leaves are durable.
//! Files go in order, so what is left has no gap.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::thread;

use super::ledger::{Ledger, Shared, lock};
use crate::LedgerError;
use crate::files;
use crate::leaf::{Leaf, SegmentSealed};
use crate::segment::{Density, build, segment_path};
use crate::wal::wal_path;

/// Sealed files beyond which frames are copied as they are.
const MOST_WAITING: usize = 2;

/// What is left to it when others want to work (`nice`).
const LEAST_PRIORITY: i32 = 19;

/// Sealed files that wait.
#[derive(Default)]
pub(super) struct Sealed {
    pub files: std::collections::VecDeque<u64>,
    /// Segments whose leaf is in the log although their write-ahead file is still there.
    pub named: BTreeMap<u64, SegmentSealed>,
    /// Why the last attempt failed.
    pub trouble: Option<String>,
    pub stopping: bool,
}

impl Shared {
    pub(super) fn pack_files(&self) {
        loop {
            let mut sealed = lock(&self.sealed);
            while !sealed.stopping && (sealed.files.is_empty() || sealed.trouble.is_some()) {
                let idle = std::time::Duration::from_secs(10);
                let (woken, timeout) =
                    self.packing.wait_timeout(sealed, idle).unwrap_or_else(PoisonError::into_inner);
                sealed = woken;
                if timeout.timed_out() {
                    // A full disk or a bad sector may be gone by now.
                    sealed.trouble = None;
                }
            }
            if sealed.stopping {
                return;
            }
            drop(sealed);
            // Trouble is kept in the status; records come in all the same.
            let _ = self.pack_next();
        }
    }

    /// Packs the oldest sealed file; says whether there was one.
    pub(super) fn pack_next(&self) -> Result<bool, LedgerError> {
        let Some(number) = lock(&self.sealed).files.front().copied() else { return Ok(false) };
        let outcome = self.pack(number);
        let mut sealed = lock(&self.sealed);
        match &outcome {
            Ok(()) => {
                sealed.files.pop_front();
                sealed.named.remove(&number);
                sealed.trouble = None;
            }
            Err(error) => sealed.trouble = Some(super::step::describe(error)),
        }
        outcome.map(|()| true)
    }

    fn pack(&self, number: u64) -> Result<(), LedgerError> {
        let disk = &*self.around.disk;
        // Opening will begin behind this file, with a state of what comes before.
        self.keep_state()?;
        let named = lock(&self.sealed).named.get(&number).cloned();
        if !named.is_some_and(|leaf| self.is_sound(&leaf)) {
            self.commit_leaf(Leaf::SegmentSealed(self.build(number)?))?;
        }
        {
            let mut core = lock(&self.core);
            if !core.finished.is_empty() {
                core.publish()?;
            }
            if !core.finished.is_empty() {
                let source = std::io::ErrorKind::StorageFull.into();
                return Err(LedgerError::Io { action: "write tiles of", path: self.places.log(), source });
            }
            core.publisher.sync()?;
        }
        let wal = self.places.wal();
        files::remove(disk, &wal_path(&wal, number))?;
        files::sync_dir(disk, &wal)
    }

    /// Builds the segment. What packs tightly takes a second processor's time for minutes and is in no hurry: it does so on a
    /// thread that steps back behind all others, without a lock that they need.
    fn build(&self, number: u64) -> Result<SegmentSealed, LedgerError> {
        let density = self.density();
        let work = || {
            let folders = (&*self.places.wal(), &*self.places.segments());
            let keys = &mut |key| lock(&self.ring).data_key(key);
            build(&*self.around.disk, folders, number, &self.identity.ledger, density, keys)
        };
        if self.options.threads == 0 || !density.repacks {
            return work();
        }
        let quietly = || {
            // On Linux the priority is the thread's own. Whether it can be had changes the speed of others only.
            let _ = rustix::process::setpriority_process(None, LEAST_PRIORITY);
            work()
        };
        thread::scope(|scope| {
            match thread::Builder::new().name("pack".to_owned()).spawn_scoped(scope, quietly) {
                Ok(thread) => thread.join().unwrap_or(Err(LedgerError::Refused { why: "packing ended" })),
                Err(_) => work(),
            }
        })
    }

    /// Files that wait mean that records come in faster than they can be packed tightly.
    fn density(&self) -> Density {
        if lock(&self.sealed).files.len() > MOST_WAITING {
            Density { level: self.options.level, repacks: false }
        } else {
            Density { level: self.options.packed_level, repacks: true }
        }
    }

    fn is_sound(&self, leaf: &SegmentSealed) -> bool {
        let path = segment_path(&self.places.segments(), leaf.number);
        let digest = crate::scan::digest_of(&*self.around.disk, &path);
        digest.is_ok_and(|(len, sha256)| len == leaf.len && sha256 == leaf.sha256)
    }
}

impl Ledger {
    /// Packs every sealed write-ahead file into a segment. Only needed without threads; with them it happens in the
    /// background.
    ///
    /// # Errors
    /// Whatever building meets; the write-ahead file stays then.
    pub fn pack(&self) -> Result<(), LedgerError> {
        while self.shared.pack_next()? {}
        Ok(())
    }
}
