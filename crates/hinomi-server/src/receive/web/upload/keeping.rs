//! From a file that is there to records that are durable.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError};

use hinomi_ledger::{MAX_RECORD, Record};
use hinomi_model::Digest;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::earlier::{Earlier, Upload};
use super::name::of_source;
use super::spool::Spool;
use super::{NotRead, Piece, Uploads, refused};
use crate::http::Response;
use crate::receive::{Pending, Port, RECORD_COST, Refusal, Source, count};

/// Sources that an answer names.
const NAMED: usize = 1_000;

/// A file that is taken apart.
pub(super) struct Job {
    uploads: Arc<Uploads>,
    port: Arc<Port>,
    /// Who sent it.
    sender: Arc<Source>,
    address: IpAddr,
    name: String,
    spool: Spool,
}

/// What was handed in and is not known to be durable.
struct Due {
    pending: Pending,
    /// Records, bytes and the time of receipt of what is not counted with the sender otherwise.
    of_logs: Option<(u64, u64, u64)>,
}

/// What was kept.
#[derive(Default)]
struct Kept {
    records: u64,
    bytes: u64,
    sources: BTreeMap<String, u64>,
    due: VecDeque<Due>,
    /// Why nothing more is kept.
    stopped: Option<&'static str>,
    current: Option<(String, Arc<Source>)>,
}

impl Job {
    pub(super) fn new(
        uploads: Arc<Uploads>,
        port: Arc<Port>,
        sender: Arc<Source>,
        address: IpAddr,
        name: String,
        spool: Spool,
    ) -> Self {
        Self { uploads, port, sender, address, name, spool }
    }

    /// Keeps all of it and says so. Called on a thread that may block.
    pub(super) fn keep(self) -> Response {
        let digest = self.spool.digest();
        let before = match self.uploads.before(&digest) {
            Ok(before) => before,
            Err(why) => return self.failed(&why),
        };
        let mut kept = Kept::default();
        let unpacked = self.uploads.bounds.unpacked;
        let apart = self.uploads.uploading.apart.take_apart(
            self.spool.path(),
            &self.name,
            unpacked,
            &mut |log, pieces| self.hand_in(&mut kept, log, pieces),
        );
        let not_read = match apart {
            Ok(not_read) => not_read,
            Err(error) => return self.failed(kept.stopped.unwrap_or(&error.to_string())),
        };
        if let Err(why) = self.settle(&mut kept, 0) {
            return self.failed(why);
        }
        let answer = self.answer(&digest, &kept, &not_read, before.as_ref());
        match self.record(&answer, &mut kept) {
            Ok(()) => Response::json(200, format!("{answer:#}\n")),
            Err(why) => self.failed(why),
        }
    }

    fn failed(&self, why: &str) -> Response {
        self.uploads.receiving.complain("an upload was not kept whole", &self.port, self.address, why);
        count(&self.sender.refused);
        refused(503, "it was not kept whole; send it again").with("retry-after", "30")
    }

    /// Hands in records of a log as soon as there is room.
    fn hand_in(&self, kept: &mut Kept, log: &str, pieces: Vec<Piece>) -> io::Result<()> {
        let stop = |kept: &mut Kept, why| {
            kept.stopped = Some(why);
            io::Error::other(why)
        };
        if pieces.iter().any(|piece| piece.bytes.len() > MAX_RECORD) {
            return Err(stop(kept, "a record is longer than 16 MiB"));
        }
        self.settle(kept, 64).map_err(|why| stop(kept, why))?;
        let source = match &kept.current {
            Some((name, source)) if name == log => source.clone(),
            _ => Arc::new(self.sender.part(of_source(&self.sender.name, log))),
        };
        *kept.sources.entry(source.name.clone()).or_default() += pieces.len() as u64;
        kept.current = Some((log.to_owned(), source.clone()));
        self.submit(kept, &source, pieces).map_err(|why| stop(kept, why))
    }

    fn submit(&self, kept: &mut Kept, source: &Arc<Source>, pieces: Vec<Piece>) -> Result<(), &'static str> {
        let (receiving, patience) = (&self.uploads.receiving, self.uploads.acknowledge);
        let bytes = pieces.iter().map(|piece| piece.bytes.len() as u64).sum::<u64>();
        let events = pieces.len() as u64;
        let room = bytes + events * RECORD_COST;
        let held = Handle::current().block_on(timeout(patience, receiving.budget.wait(&self.sender, room)));
        let held = held.map_err(|_| "the ledger takes too long")?;
        let received_ns = receiving.now_ns();
        let record = |Piece { sequence, bytes }| Record { received_ns, sequence, bytes };
        let records = pieces.into_iter().map(record).collect();
        let pending = receiving.intake.submit(&self.port, source, records, held);
        let is_log = !Arc::ptr_eq(source, &self.sender);
        kept.due.push_back(Due { pending, of_logs: is_log.then_some((events, bytes, received_ns)) });
        kept.records += events;
        kept.bytes += bytes;
        Ok(())
    }

    /// Waits until no more than so many batches are not known to be durable.
    fn settle(&self, kept: &mut Kept, most: usize) -> Result<(), &'static str> {
        while kept.due.len() > most {
            let Some(Due { pending, of_logs }) = kept.due.pop_front() else { break };
            match Handle::current().block_on(timeout(self.uploads.acknowledge, pending.durable())) {
                Ok(Ok(())) => {
                    of_logs
                        .into_iter()
                        .for_each(|(events, bytes, at_ns)| self.sender.count(events, bytes, at_ns));
                }
                Ok(Err(Refusal::Stopping)) => return Err("the server stops"),
                Ok(Err(Refusal::Failed)) => return Err("the ledger has failed"),
                Err(_) => return Err("the ledger takes too long"),
            }
        }
        Ok(())
    }

    fn answer(&self, digest: &Digest, kept: &Kept, not_read: &NotRead, before: Option<&Upload>) -> Value {
        let sources: Vec<Value> = kept
            .sources
            .iter()
            .take(NAMED)
            .map(|(name, records)| json!({"name": name, "records": records}))
            .collect();
        let before = before.map(|b| json!({"at": b.time, "source": b.source, "name": b.name}));
        json!({
            "@timestamp": self.uploads.receiving.clock.now().to_string(),
            "upload": {
                "name": self.name,
                "sha256": digest.to_string(),
                "bytes": self.spool.length(),
                "kept_records": kept.records,
                "kept_bytes": kept.bytes,
                "sources": kept.sources.len(),
                "not_read": not_read.count,
                "kept_before": before,
            },
            "sources": sources,
            "not_read": not_read.remarks,
        })
    }

    /// Keeps a record of the upload, under the name of its sender.
    fn record(&self, answer: &Value, kept: &mut Kept) -> Result<(), &'static str> {
        let line = json!({"@timestamp": answer["@timestamp"], "upload": answer["upload"]}).to_string();
        let piece = Piece { sequence: None, bytes: line.clone().into_bytes() };
        self.submit(kept, &self.sender, vec![piece])?;
        self.settle(kept, 0)?;
        let mut earlier = self.uploads.earlier.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(earlier) = earlier.as_mut() {
            earlier.take(&self.sender.name, line.as_bytes());
        }
        Ok(())
    }
}

impl Uploads {
    /// The upload of the same file before, if there was one.
    fn before(&self, digest: &Digest) -> Result<Option<Upload>, String> {
        let mut earlier = self.earlier.lock().unwrap_or_else(PoisonError::into_inner);
        if earlier.is_none() {
            *earlier = Some(Earlier::read(&self.ledger).map_err(|e| e.to_string())?);
        }
        Ok(earlier.as_ref().and_then(|earlier| earlier.of(digest)).cloned())
    }
}
