//! Signs of life: sent while receiving is ready and alerts are looked after, and not otherwise.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hinomi_server::alert::Heartbeat;
use hinomi_server::serve::Journal;

use super::AlertsError;

/// Pause before a sign of life that failed is tried again.
const AGAIN: Duration = Duration::from_secs(20);

/// What a sign of life says.
#[derive(Clone)]
pub(super) struct Vital {
    /// Counts rounds of the thread that looks after alerts.
    pub(super) rounds: Arc<AtomicU64>,
    /// Whether what is sent to the receivers is taken.
    pub(super) ready: Arc<dyn Fn() -> bool + Send + Sync>,
    pub(super) stop: Arc<AtomicBool>,
}

/// A sign of life that can be sent.
pub(super) struct Ready {
    name: String,
    every: Duration,
    beat: Box<dyn Fn() -> Result<(), String> + Send>,
}

/// Reads what they need.
pub(super) fn open(beats: &[Heartbeat]) -> Result<Vec<Ready>, AlertsError> {
    let one = |beat: &Heartbeat| {
        let (name, every) = (beat.name.clone(), beat.every);
        let opened = beat.open().map_err(|source| AlertsError::Sink { name: name.clone(), source })?;
        Ok(Ready { name, every, beat: Box::new(opened) })
    };
    beats.iter().map(one).collect()
}

/// Begins; the first sign of life comes at once.
pub(super) fn start(
    beats: Vec<Ready>,
    vital: &Vital,
    journal: &Journal,
) -> Result<Vec<JoinHandle<()>>, AlertsError> {
    let mut threads = Vec::new();
    for Ready { name, every, beat } in beats {
        let (vital, journal) = (vital.clone(), journal.clone());
        let run = move || run(&name, every, beat, &vital, &journal);
        threads
            .push(thread::Builder::new().name("heart".to_owned()).spawn(run).map_err(AlertsError::Thread)?);
    }
    Ok(threads)
}

fn run(name: &str, every: Duration, beat: impl Fn() -> Result<(), String>, vital: &Vital, journal: &Journal) {
    let mut seen = None;
    while !vital.stop.load(Ordering::Relaxed) {
        let rounds = vital.rounds.load(Ordering::Relaxed);
        let alive = seen.replace(rounds) != Some(rounds);
        let missing = match (alive, (vital.ready)()) {
            (false, _) => Some("alerts are not looked after"),
            (true, false) => Some("receivers take nothing"),
            (true, true) => None,
        };
        let done = match missing {
            Some(why) => Err(("no sign of life is sent", why.to_owned())),
            None => beat().map_err(|why| ("no sign of life was taken", why)),
        };
        if let Err((what, why)) = &done {
            journal.repeated_of(name, what, &[("name", name), ("why", why)]);
        }
        // Woken when the server stops.
        thread::park_timeout(if done.is_ok() { every } else { AGAIN.min(every) });
    }
}
