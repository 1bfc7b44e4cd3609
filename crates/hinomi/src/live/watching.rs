//! A follower on a thread of its own, beside a server.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use super::{Follower, LiveError, Notes, Options, Signals, Told};

/// Pause before a follower that failed is started again.
const AGAIN: Duration = Duration::from_secs(10);

/// A running follower. It is started again when it fails: receiving must not depend on it, nor it on one bad read.
pub struct Watching {
    signals: Arc<Signals>,
    thread: JoinHandle<()>,
}

impl Watching {
    /// Begins at once; `tell` hears everything, and `notes` are written down with the detections.
    ///
    /// # Errors
    /// When no thread can be had.
    pub fn start(
        options: Options,
        notes: Vec<Arc<dyn Notes>>,
        mut tell: impl FnMut(Told<'_>) + Send + 'static,
    ) -> io::Result<Self> {
        let signals = Arc::new(Signals { notes, ..Signals::default() });
        let theirs = Arc::clone(&signals);
        let options = Options { ending: Arc::clone(&signals.stop), ..options };
        let follow = move || {
            while !theirs.stop.load(Ordering::Relaxed) {
                match follow_once(options.clone(), &theirs, &mut tell) {
                    Ok(()) => return,
                    Err(error) => tell(Told::Failed(&error)),
                }
                std::thread::park_timeout(AGAIN);
            }
        };
        let thread = std::thread::Builder::new().name("detect".to_owned()).spawn(follow)?;
        Ok(Self { signals, thread })
    }

    /// Lets it finish what it is at, save its state and stop.
    pub fn stop(self) {
        self.signals.stop.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        // A thread that failed has said so.
        let _ = self.thread.join();
    }
}

fn follow_once(options: Options, signals: &Signals, tell: &mut dyn FnMut(Told<'_>)) -> Result<(), LiveError> {
    let mut follower = Follower::open(options, tell)?;
    let ended = follower.run(signals, tell);
    let closed = follower.close();
    ended.map(drop).and(closed)
}
