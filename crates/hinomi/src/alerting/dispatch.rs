//! A thread for each sink: a sink that answers slowly delays nobody but itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;

use hinomi_alert::{Letter, Moment, Outcome};
use hinomi_server::alert::{Channel, Setup};

use super::AlertsError;

/// A message and its number.
type Job = Box<(u64, Letter, Moment)>;

/// The threads. They end when this is dropped, each after the message that it is sending.
pub(super) struct Dispatch {
    sinks: BTreeMap<String, SyncSender<Job>>,
    busy: BTreeSet<String>,
}

/// What became of a message.
#[derive(Debug)]
pub(super) struct Tried {
    pub(super) sink: String,
    pub(super) delivery: u64,
    pub(super) outcome: Outcome,
}

impl Dispatch {
    /// Opens every sink.
    pub(super) fn start(
        setups: &BTreeMap<String, Setup>,
        tell: &(impl Fn(Tried) + Clone + Send + 'static),
    ) -> Result<Self, AlertsError> {
        let mut sinks = BTreeMap::new();
        for (name, setup) in setups {
            let opened = setup.open();
            let channel = opened.map_err(|source| AlertsError::Sink { name: name.clone(), source })?;
            let (sender, jobs) = sync_channel(1);
            let (tell, sink) = (tell.clone(), name.clone());
            let work = move || work(&sink, &channel, &jobs, tell);
            thread::Builder::new().name("sink".to_owned()).spawn(work).map_err(AlertsError::Thread)?;
            sinks.insert(name.clone(), sender);
        }
        Ok(Self { sinks, busy: BTreeSet::new() })
    }

    /// Takes the place of another one, whose messages may still be on their way to sinks of the same names.
    pub(super) fn succeed(&mut self, before: Self) {
        self.busy = before.busy.into_iter().filter(|sink| self.sinks.contains_key(sink)).collect();
    }

    pub(super) fn is_free(&self, sink: &str) -> bool {
        self.sinks.contains_key(sink) && !self.busy.contains(sink)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.busy.is_empty()
    }

    pub(super) fn send(&mut self, sink: &str, job: (u64, Letter, Moment)) {
        let sent = self.sinks.get(sink).map(|sender| sender.try_send(Box::new(job)));
        match sent {
            Some(Ok(()) | Err(TrySendError::Full(_))) => drop(self.busy.insert(sink.to_owned())),
            // The thread has failed, and said so on standard error; the message stays on its way.
            Some(Err(TrySendError::Disconnected(_))) => drop(self.sinks.remove(sink)),
            None => {}
        }
    }

    pub(super) fn done(&mut self, sink: &str) {
        self.busy.remove(sink);
    }
}

fn work(sink: &str, channel: &Channel, jobs: &Receiver<Job>, tell: impl Fn(Tried)) {
    while let Ok(job) = jobs.recv() {
        let (delivery, letter, now) = *job;
        let outcome = channel.send(&letter, now);
        tell(Tried { sink: sink.to_owned(), delivery, outcome });
    }
}
