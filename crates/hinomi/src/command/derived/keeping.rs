//! Derived data, kept up to date beside a server that has the ledger open.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use hinomi_ledger::Ledger;
use hinomi_query::MANIFEST;
use hinomi_server::serve::Journal;

use super::opening::DERIVED;
use super::refresh::{Extent, Refreshed, Wish, refresh};
use crate::command::investigate::language;
use crate::exit::Failure;

/// A thread at low priority that derives what is due, now and then.
pub(crate) struct Keeper {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

struct Work {
    data: PathBuf,
    /// Of times that state none, as detection takes them.
    zone: Option<String>,
    ledger: Arc<Ledger>,
    journal: Journal,
    stop: Arc<AtomicBool>,
}

impl Keeper {
    /// Begins at once and looks again so many seconds after each time.
    pub(crate) fn start(
        (data, zone): (&Path, Option<String>),
        ledger: Arc<Ledger>,
        every: NonZeroU32,
        journal: Journal,
    ) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let work = Work { data: data.to_owned(), zone, ledger, journal, stop: Arc::clone(&stop) };
        let thread = std::thread::spawn(move || work.run(Duration::from_secs(every.get().into())));
        Self { stop, thread }
    }

    /// Ends what is being derived, and waits for that.
    pub(crate) fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        // A thread that failed has said so.
        let _ = self.thread.join();
    }
}

impl Work {
    fn run(self, every: Duration) {
        // On Linux this is the priority of this thread and of those it starts, not of the server.
        let _ = rustix::process::nice(10);
        while !self.stop.load(Ordering::Relaxed) {
            match self.refresh() {
                Ok(Refreshed { added, manifest }) if added > 0 => {
                    let (added, rows) = (added.to_string(), manifest.rows().to_string());
                    self.journal.info("events derived", &[("events", &added), ("all", &rows)]);
                }
                Err(error) if !self.stop.load(Ordering::Relaxed) => {
                    self.journal.warn("derived data is not up to date", &[("why", &error.message)]);
                }
                _ => {}
            }
            std::thread::park_timeout(every);
        }
    }

    fn refresh(&self) -> Result<Refreshed, Failure> {
        // What is derived already keeps the zone that it was derived with.
        let is_first = !self.data.join(DERIVED).join(MANIFEST).exists();
        refresh(
            &self.data,
            &Wish {
                extent: Extent::Due,
                tz: self.zone.as_deref().filter(|_| is_first),
                jobs: None,
                quiet: true,
                lang: language(),
                ledger: Some(&self.ledger),
                stop: Arc::clone(&self.stop),
            },
        )
    }
}
