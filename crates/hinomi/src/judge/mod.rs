//! Claims judged while a server works: what `hinomi assure` says of the ledger and the lists, again and again, beside the server.
//!
//! A process of its own does it, at a low priority and with a bound on memory: `hinomi assure --json` over the data
//! directory. What it prints is kept as it is (`report.json`) with a line about the run (`run.json`), and read back for answers.
//!
//! # Invariants
//! - There is one logic: answers are made of what the verb prints, and of nothing else.
//! - No request waits for a judgement, and receiving never does: whatever happens to the process, the server only says so.
//! - The last good result stays until a better one is whole on disk; it always comes with its age.
//! - Judging takes no more than its share of one processor, over the time from one judgement to the next.
//!
//! # Trust
//! Lists and records are written by others. The report is what this program printed, kept under the mode 0600 and known again by
//! its digest.
//!
//! # Not here
//! How claims are judged (`hinomi_assure`, [`crate::assure`]); what pages make of it ([`crate::pages`]).

mod child;
mod keep;
mod lists;
mod report;
mod when;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use hinomi_model::Timestamp;
use hinomi_server::serve::AssureSection;

pub use keep::{FOLDER, Run, last, last_run};
pub use report::{
    Claim, Configuration, Copy, Coverage, Day, Disagreement, Evidence, Exception, Ground, Ledger, List, Log,
    Node, Reach, ReachAnswer, ReachOf, Reason, Report, Sessions, Shows, Supplier, Verdict,
};

use crate::clock;
use lists::Lists;
use when::Course;

/// Time between two looks at lists and at the clock.
const LOOK: Duration = Duration::from_secs(5);

/// What is judged, and with what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Order {
    /// The program that has the verb `assure`.
    pub program: PathBuf,
    /// The data directory.
    pub data: PathBuf,
    /// Lists, claims and bounds.
    pub section: AssureSection,
    /// Zone in which days begin, by its IANA name.
    pub zone: String,
}

/// A result.
#[derive(Debug)]
pub struct Judgement {
    /// What was found.
    pub report: Report,
    /// The run that found it.
    pub run: Run,
}

/// Why the last run gave nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// When it ended.
    pub at: Timestamp,
    /// What it said.
    pub why: String,
}

/// What is known now.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The last good result.
    pub last: Option<Arc<Judgement>>,
    /// Why there is no newer one, if the last run failed.
    pub fault: Option<Fault>,
    /// Since when a run is at work.
    pub working: Option<Timestamp>,
    /// Whether nobody wants judgements.
    pub never: bool,
}

/// A thread that has claims judged.
#[derive(Debug)]
pub struct Judge {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    order: Mutex<Order>,
    known: Mutex<Known>,
    ending: AtomicBool,
    /// A new order waits.
    renewed: AtomicBool,
}

/// What a run gave is told as it happens.
type Tell = Box<dyn Fn(Result<&Run, &Fault>) + Send>;

fn held<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Judge {
    /// Begins with what was kept, and judges at once if it is due.
    ///
    /// # Errors
    /// When there is no thread.
    pub fn start(order: Order, tell: Tell) -> std::io::Result<Self> {
        let known = Known { never: order.section.every_minutes == 0, ..Known::default() };
        let shared = Arc::new(Shared {
            order: Mutex::new(order),
            known: Mutex::new(known),
            ending: AtomicBool::new(false),
            renewed: AtomicBool::new(false),
        });
        let own = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("judge".to_owned()).spawn(move || own.work(&tell))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// What is known now.
    pub fn known(&self) -> Known {
        held(&self.shared.known).clone()
    }

    /// Takes another order; what is being judged under the old one is left.
    pub fn renew(&self, order: Order) {
        let mut now = held(&self.shared.order);
        if *now != order {
            held(&self.shared.known).never = order.section.every_minutes == 0;
            *now = order;
            self.shared.renewed.store(true, Ordering::Relaxed);
            self.wake();
        }
    }

    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Drop for Judge {
    fn drop(&mut self) {
        self.shared.ending.store(true, Ordering::Relaxed);
        self.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Relaxed)
    }

    fn work(&self, tell: &Tell) {
        let order = || held(&self.order).clone();
        match keep::last(&order().data) {
            Ok(last) => held(&self.known).last = last.map(Arc::new),
            Err(why) => self.failed(why, tell),
        }
        let mut course = Course::default();
        let mut lists = Lists::default();
        while !self.is_ending() {
            let order = order();
            if self.renewed.swap(false, Ordering::Relaxed) {
                course.renewed();
            }
            let settled = lists.look(&order.section);
            let kept = held(&self.known).last.as_ref().map(|last| (last.run.ended(), last.run.lists.clone()));
            if course.is_due(&order.section, settled, kept.as_ref(), clock::now()) {
                course.begins(clock::now());
                self.run(&order, settled.unwrap_or_default(), tell);
                course.ends(clock::now(), settled);
            }
            std::thread::park_timeout(LOOK);
        }
    }

    fn run(&self, order: &Order, lists: &str, tell: &Tell) {
        held(&self.known).working = Some(clock::now());
        let stop = || self.is_ending() || self.renewed.load(Ordering::Relaxed);
        let made = child::judge(order, lists, &stop);
        held(&self.known).working = None;
        match made {
            Ok(Some(judgement)) => {
                tell(Ok(&judgement.run));
                let mut known = held(&self.known);
                known.last = Some(Arc::new(judgement));
                known.fault = None;
            }
            // It was stopped.
            Ok(None) => {}
            Err(why) => self.failed(why, tell),
        }
    }

    fn failed(&self, why: String, tell: &Tell) {
        let fault = Fault { at: clock::now(), why };
        tell(Err(&fault));
        held(&self.known).fault = Some(fault);
    }
}

/// The folder of a data directory in which results are kept.
fn folder(data: &Path) -> PathBuf {
    data.join(FOLDER)
}
