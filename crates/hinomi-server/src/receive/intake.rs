//! The way of everything received into the ledger: a queue for each source, served in turn, and word back when it is
//! durable.
//!
//! # Invariants
//! - A delivery is answered with success only after the ledger said that all its records are durable.
//! - Sources are served in turn, a bounded number of bytes each, and rest while the ledger has much of theirs that is not
//!   durable: one that sends much delays others by that much only.
//! - What waits here is bounded by the budget that every delivery holds a part of.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hinomi_ledger::{Ledger, LedgerError, Record, Ticket};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::budget::Held;
use super::port::Port;
use super::source::Source;

/// Bytes of one source that are handed in before others have their turn.
const TURN: u64 = 512 * 1024;

/// Bytes of one source that the ledger may have and not yet have made durable.
const IN_LEDGER: u64 = 8 << 20;

/// How long a server that stops waits for space on the disk.
const FAREWELL: Duration = Duration::from_secs(10);

/// Why something was not kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refusal {
    /// The server stops.
    Stopping,
    /// The ledger has failed.
    Failed,
}

/// Records of one sender, handed in together.
struct Delivery {
    port: Arc<Port>,
    records: Vec<Record>,
    bytes: u64,
    since: Instant,
    done: oneshot::Sender<Result<(), Refusal>>,
    held: Held,
}

/// What is answered once records are durable.
#[derive(Debug)]
pub(crate) struct Pending(oneshot::Receiver<Result<(), Refusal>>);

impl Pending {
    /// Whether it is known already that the records will not be kept.
    pub(crate) fn was_refused(&mut self) -> bool {
        matches!(self.0.try_recv(), Ok(Err(_)) | Err(oneshot::error::TryRecvError::Closed))
    }

    /// What is known by now; `None` as long as nothing is.
    pub(crate) fn look(&mut self) -> Option<Result<(), Refusal>> {
        match self.0.try_recv() {
            Ok(known) => Some(known),
            Err(oneshot::error::TryRecvError::Empty) => None,
            Err(oneshot::error::TryRecvError::Closed) => Some(Err(Refusal::Failed)),
        }
    }

    /// Waits until the records are durable.
    pub(crate) async fn durable(self) -> Result<(), Refusal> {
        self.0.await.unwrap_or(Err(Refusal::Failed))
    }
}

#[derive(Default)]
struct Queues {
    of: BTreeMap<String, (Arc<Source>, VecDeque<Delivery>)>,
    /// Names of sources that have something waiting, in the order of their turns.
    turn: VecDeque<String>,
    /// Names of sources whose turn comes when the ledger has made something of theirs durable.
    resting: Vec<String>,
    /// Since when nothing more is taken.
    stopping: Option<Instant>,
    failed: Option<String>,
    /// Since when the ledger has not taken what it was given.
    stuck: Option<Instant>,
}

#[derive(Default)]
struct Shared {
    queues: Mutex<Queues>,
    work: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether space on the disk is still waited for.
    fn is_patient(&self) -> bool {
        self.lock().stopping.is_none_or(|since| since.elapsed() < FAREWELL)
    }

    /// Something of a source became durable.
    fn settled(&self, source: &Source, bytes: u64) {
        source.in_ledger.fetch_sub(bytes, Ordering::AcqRel);
        let mut queues = self.lock();
        let rested = std::mem::take(&mut queues.resting);
        let any = !rested.is_empty();
        queues.turn.extend(rested);
        drop(queues);
        if any {
            self.work.notify_all();
        }
    }

    fn fail(&self, error: &LedgerError) {
        let mut queues = self.lock();
        queues.failed.get_or_insert_with(|| error.to_string());
        // Whoever waits is told by the drop of what it waits for.
        queues.of.clear();
        queues.turn.clear();
        queues.resting.clear();
        drop(queues);
        self.work.notify_all();
    }

    /// The next turn; `None` when everything is served and nothing more may come.
    fn next(&self) -> Option<(Arc<Source>, Vec<Delivery>)> {
        let mut queues = self.lock();
        queues.stuck = None;
        loop {
            if let Some(name) = queues.turn.pop_front() {
                let Some((source, waiting)) = queues.of.get_mut(&name) else { continue };
                if source.in_ledger.load(Ordering::Acquire) >= IN_LEDGER {
                    queues.resting.push(name);
                    continue;
                }
                let (source, taken) = (source.clone(), take_turn(waiting));
                if waiting.is_empty() {
                    queues.of.remove(&name);
                } else {
                    queues.turn.push_back(name);
                }
                queues.stuck = Some(Instant::now());
                return Some((source, taken));
            }
            if queues.resting.is_empty() && (queues.stopping.is_some() || queues.failed.is_some()) {
                return None;
            }
            queues = self.work.wait(queues).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// What a source may hand in at once.
fn take_turn(waiting: &mut VecDeque<Delivery>) -> Vec<Delivery> {
    let (mut bytes, mut taken) = (0, Vec::new());
    while bytes < TURN
        && let Some(delivery) = waiting.pop_front()
    {
        bytes += delivery.bytes;
        taken.push(delivery);
    }
    taken
}

/// Where receivers hand in.
#[derive(Clone)]
pub(crate) struct Intake(Arc<Shared>);

/// The threads behind an intake.
pub(crate) struct Workers {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// How an intake is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum State {
    Ready,
    /// The ledger takes nothing since so long; its disk may be full.
    Stuck(Duration),
    Failed(String),
    Stopping,
}

impl Intake {
    /// Starts the threads that hand in and that wait.
    pub(crate) fn start(ledger: Arc<Ledger>) -> std::io::Result<(Self, Workers)> {
        let shared = Arc::<Shared>::default();
        let (tickets, due) = mpsc::channel();
        let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
            thread::Builder::new().name(name.to_owned()).spawn(run)
        };
        let (writing, settling) = (shared.clone(), shared.clone());
        let threads = vec![
            spawn("intake", Box::new(move || hand_in(&writing, &ledger, &tickets)))?,
            spawn("settle", Box::new(move || settle(&settling, &due)))?,
        ];
        Ok((Self(shared.clone()), Workers { shared, threads }))
    }

    /// Hands in records of a source; what is returned is answered once they are durable.
    pub(crate) fn submit(
        &self,
        port: &Arc<Port>,
        source: &Arc<Source>,
        records: Vec<Record>,
        held: Held,
    ) -> Pending {
        let (done, pending) = oneshot::channel();
        let bytes = records.iter().map(|r| r.bytes.len() as u64).sum();
        let delivery = Delivery { port: port.clone(), records, bytes, since: Instant::now(), done, held };
        let mut queues = self.0.lock();
        if queues.failed.is_some() || queues.stopping.is_some() {
            let refusal = if queues.stopping.is_some() { Refusal::Stopping } else { Refusal::Failed };
            let _ = delivery.done.send(Err(refusal));
            return Pending(pending);
        }
        let entry = queues.of.entry(source.name.clone());
        let (_, waiting) = entry.or_insert_with(|| (source.clone(), VecDeque::new()));
        waiting.push_back(delivery);
        if waiting.len() == 1 {
            queues.turn.push_back(source.name.clone());
        }
        drop(queues);
        self.0.work.notify_one();
        Pending(pending)
    }

    /// How it is.
    pub(crate) fn state(&self) -> State {
        let queues = self.0.lock();
        match (&queues.failed, queues.stopping, queues.stuck) {
            (Some(reason), ..) => State::Failed(reason.clone()),
            (_, Some(_), _) => State::Stopping,
            (_, _, Some(since)) if since.elapsed() > Duration::from_secs(5) => State::Stuck(since.elapsed()),
            _ => State::Ready,
        }
    }
}

impl Workers {
    /// Refuses what comes from now on, and waits until all that came before is durable, but not for longer than
    /// [`FAREWELL`] for space on the disk. Why something was not kept, if that is so.
    pub(crate) fn stop(self) -> Option<String> {
        self.shared.lock().stopping = Some(Instant::now());
        self.shared.work.notify_all();
        for thread in self.threads {
            let _ = thread.join();
        }
        self.shared.lock().failed.clone()
    }
}

/// Accepted by the ledger and not known to be durable.
type Due = (Ticket, Arc<Source>, Vec<Handed>);

/// What is left of a delivery once the ledger has its records.
struct Handed {
    port: Arc<Port>,
    events: u64,
    bytes: u64,
    received_ns: u64,
    since: Instant,
    done: oneshot::Sender<Result<(), Refusal>>,
    held: Held,
}

fn hand_in(shared: &Shared, ledger: &Ledger, tickets: &mpsc::Sender<Due>) {
    while let Some((source, deliveries)) = shared.next() {
        let mut records = Vec::with_capacity(deliveries.iter().map(|d| d.records.len()).sum());
        let mut handed = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            let Delivery { port, records: own, bytes, since, done, held } = delivery;
            let received_ns = own.last().map_or(0, |record| record.received_ns);
            source.in_ledger.fetch_add(bytes, Ordering::AcqRel);
            handed.push(Handed { port, events: own.len() as u64, bytes, received_ns, since, done, held });
            records.extend(own);
        }
        match ledger.append_while(&source.name, &source.class, records, &|| shared.is_patient()) {
            Ok(ticket) => {
                if tickets.send((ticket, source, handed)).is_err() {
                    return;
                }
            }
            Err(error) => {
                shared.fail(&error);
                return;
            }
        }
    }
}

fn settle(shared: &Shared, due: &mpsc::Receiver<Due>) {
    for (ticket, source, handed) in due {
        if let Err(error) = ticket.wait() {
            shared.fail(&error);
            return;
        }
        shared.settled(&source, handed.iter().map(|handed| handed.bytes).sum());
        for Handed { port, events, bytes, received_ns, since, done, held } in handed {
            source.count(events, bytes, received_ns);
            port.counted.events.fetch_add(events, Ordering::Relaxed);
            port.counted.bytes.fetch_add(bytes, Ordering::Relaxed);
            port.counted.acknowledged(since.elapsed());
            drop(held);
            // Whoever has gone away meanwhile sends it again; what is kept stays kept.
            let _ = done.send(Ok(()));
        }
    }
}
