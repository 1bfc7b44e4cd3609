//! Entries of the systemd journal, as its uploader sends them: a body of any length, kept while it comes.
//!
//! The uploader saves how far it has got when a request is answered, and not before; when it is not answered, or not with
//! success, it begins again where it was.
//!
//! # Invariants
//! - Success is answered after the ledger said that every entry of the body is durable.
//! - The body is read no faster than the ledger takes it. What waits is bounded as for any other source.
//! - An entry is kept whole: of a body that breaks off, whole entries are kept and the rest is not.

mod entries;

use std::collections::VecDeque;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::body::Bytes;
use tokio::time::{Instant, sleep, timeout};

use super::Way;
use crate::http::{InParts, Request, Response};
use crate::receive::{Pending, Port, Receiving, Refusal, Source, count};
use entries::Entries;

/// What the uploader says that it sends.
pub(super) const CONTENT_TYPE: &str = "application/vnd.fdo.journal";

/// Whether a request says that it brings entries.
pub(super) fn is_journal(request: &Request) -> bool {
    let kind = request.header("content-type").unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(CONTENT_TYPE))
}

/// Bounds of one body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// The longest entry that is one record.
    pub(super) longest: usize,
    /// How long the ledger may take.
    pub(super) acknowledge: Duration,
}

/// A body that is being received.
pub(super) struct Body {
    receiving: Arc<Receiving>,
    port: Arc<Port>,
    source: Arc<Source>,
    address: IpAddr,
    patience: Patience,
    entries: Entries,
    /// What is handed in and not known to be durable.
    due: VecDeque<Pending>,
    kept: u64,
    answered: bool,
}

fn refused(status: u16, why: &str) -> Response {
    let response = Way::Journal.error(status, why);
    if status == 503 { response.with("retry-after", "5") } else { response }
}

fn why(refusal: Refusal) -> Response {
    match refusal {
        Refusal::Stopping => refused(503, "the server stops"),
        Refusal::Failed => refused(503, "the ledger has failed"),
    }
}

fn too_slow() -> Response {
    refused(503, "the ledger takes too long")
}

impl Body {
    pub(super) fn new(
        receiving: &Arc<Receiving>,
        port: &Arc<Port>,
        source: Arc<Source>,
        address: IpAddr,
        patience: Patience,
    ) -> Self {
        let (receiving, port) = (receiving.clone(), port.clone());
        let entries = Entries::new(patience.longest);
        let due = VecDeque::new();
        Self { receiving, port, source, address, patience, entries, due, kept: 0, answered: false }
    }

    async fn receive(&mut self, part: Bytes) -> Result<(), Response> {
        let mut records = Vec::new();
        let whole = self.entries.take(&part, &mut records);
        self.port.counted.oversized.fetch_add(self.entries.take_cut(), Ordering::Relaxed);
        self.hand_in(records).await?;
        whole.map_err(|_| self.malformed("the body is no export of a journal"))
    }

    fn malformed(&mut self, what: &str) -> Response {
        self.answered = true;
        count(&self.port.counted.malformed);
        self.receiving.complain("a request was refused", &self.port, self.address, what);
        refused(400, what)
    }

    /// Hands in entries as soon as their source may.
    async fn hand_in(&mut self, records: Vec<Vec<u8>>) -> Result<(), Response> {
        self.settle()?;
        if records.is_empty() {
            return Ok(());
        }
        let events = records.len() as u64;
        let (records, room) = self.receiving.records(records);
        let held = timeout(self.patience.acknowledge, self.receiving.budget.wait(&self.source, room));
        let held = held.await.map_err(|_| too_slow())?;
        let wait = self.source.pace.spend(events, room, Instant::now());
        self.due.push_back(self.receiving.intake.submit(&self.port, &self.source, records, held));
        self.kept += events;
        sleep(wait).await;
        Ok(())
    }

    /// Forgets what is known to be durable.
    fn settle(&mut self) -> Result<(), Response> {
        while let Some(known) = self.due.front_mut().and_then(Pending::look) {
            known.map_err(why)?;
            self.due.pop_front();
        }
        Ok(())
    }

    async fn end(&mut self) -> Response {
        let mut records = Vec::new();
        if self.entries.rest(&mut records).is_err() {
            return self.malformed("the body ends inside an entry");
        }
        if let Err(response) = self.hand_in(records).await {
            return response;
        }
        for pending in std::mem::take(&mut self.due) {
            match timeout(self.patience.acknowledge, pending.durable()).await {
                Ok(Ok(())) => {}
                Ok(Err(refusal)) => return why(refusal),
                Err(_) => return too_slow(),
            }
        }
        self.answered = true;
        Response::json(200, format!("{{\"kept\":{}}}\n", self.kept))
    }
}

impl InParts for Body {
    fn take(&mut self, part: Bytes) -> Pin<Box<dyn Future<Output = Result<(), Response>> + Send + '_>> {
        Box::pin(self.receive(part))
    }

    fn end(mut self: Box<Self>) -> Pin<Box<dyn Future<Output = Response> + Send>> {
        Box::pin(async move { Body::end(&mut self).await })
    }

    fn broken_off(&self, status: u16, why: &str) -> Response {
        refused(status, why)
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if !self.answered {
            let why = "not answered with success: its sender will begin again where it was";
            self.receiving.complain("entries of a journal broke off", &self.port, self.address, why);
        }
    }
}
