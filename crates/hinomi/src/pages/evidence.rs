//! The evidence ledger as answers read it: one view for all, that goes on with the ledger.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use hinomi_ledger::Reader;
use hinomi_ledger::completeness::Watch;
use hinomi_ledger::health::Health;
use hinomi_model::{NANOS_PER_SECOND, Timestamp};

use super::Refused;
use super::holdings::Holdings;
use crate::clock;
use crate::live::{saved_health, saved_position};
use crate::recorded::open_reader;

/// Time between two looks at what is new.
const LOOK_NS: i64 = NANOS_PER_SECOND;
/// Time after which what is known of sources is made again, if there are new leaves.
const WATCH_NS: i64 = 10 * NANOS_PER_SECOND;

/// A view, opened when it is first needed.
#[derive(Debug)]
pub(super) struct Evidence {
    data: PathBuf,
    opened: Mutex<Option<Opened>>,
}

/// What is open.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) reader: Reader,
    pub(super) holdings: Holdings,
    looked: Timestamp,
    watch: Option<(u64, Timestamp, Arc<Watch>)>,
    saved: Option<(Timestamp, Arc<Saved>)>,
}

/// What live detection saved last.
#[derive(Debug, Default)]
pub(super) struct Saved {
    /// The health of sources, and the first leaf that it does not speak of.
    pub(super) health: Option<(Health, u64)>,
    /// The first leaf that detection did not look at, and the receipt of what it looked at before.
    pub(super) position: Option<(u64, Option<Timestamp>)>,
}

impl Evidence {
    pub(super) fn new(data: PathBuf) -> Self {
        Self { data, opened: Mutex::default() }
    }

    pub(super) fn data(&self) -> &Path {
        &self.data
    }

    /// Does something with the view as of now, or of a second ago.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Opened) -> Result<T, Refused>) -> Result<T, Refused> {
        self.with_leaf(0, work)
    }

    /// As [`Evidence::with`], and the view has a leaf that somebody saw in another one.
    pub(super) fn with_leaf<T>(
        &self,
        leaf: u64,
        work: impl FnOnce(&mut Opened) -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        let mut slot = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let now = clock::now();
        let opened = match slot.as_mut() {
            Some(opened) => opened,
            None => slot.insert(Opened::new(&self.data, now)?),
        };
        let old = (now.as_nanos() - opened.looked.as_nanos()).unsigned_abs() >= LOOK_NS.unsigned_abs();
        if old || leaf >= opened.reader.size() {
            opened.reader.refresh()?;
            opened.looked = now;
        }
        work(opened)
    }
}

impl Opened {
    fn new(data: &Path, looked: Timestamp) -> Result<Self, Refused> {
        let reader = open_reader(data)?;
        reader.checkpoint_signer()?;
        Ok(Self { reader, holdings: Holdings::default(), looked, watch: None, saved: None })
    }

    /// What is known of sources, ten seconds old at most.
    pub(super) fn watch(&mut self, now: Timestamp) -> Result<Arc<Watch>, Refused> {
        if let Some((size, made, watch)) = &self.watch {
            let fresh = (now.as_nanos() - made.as_nanos()).unsigned_abs() < WATCH_NS.unsigned_abs();
            if fresh || *size == self.reader.size() {
                return Ok(watch.clone());
            }
        }
        let watch = Arc::new(self.reader.watch()?);
        self.watch = Some((self.reader.size(), now, watch.clone()));
        Ok(watch)
    }

    /// What live detection saved, ten seconds old at most: the file is megabytes.
    pub(super) fn saved(&mut self, data: &Path, now: Timestamp) -> Arc<Saved> {
        if let Some((made, saved)) = &self.saved
            && (now.as_nanos() - made.as_nanos()).unsigned_abs() < WATCH_NS.unsigned_abs()
        {
            return saved.clone();
        }
        let origin = self.reader.identity().origin.as_str();
        let (health, position) = (saved_health(data, origin), saved_position(data, origin));
        let saved = Arc::new(Saved { health, position });
        self.saved = Some((now, saved.clone()));
        saved
    }

    /// Counts what is new, for a moment.
    pub(super) fn counted(&mut self) -> Result<&Holdings, Refused> {
        self.holdings.advance(&self.reader)?;
        Ok(&self.holdings)
    }
}
