//! Files and archives of logs that somebody uploads: `PUT` or `POST /upload/NAME`, the body being the file.
//!
//! The body goes into a file below the data directory, is then taken apart by whoever knows formats, and its records go
//! the way of all others. Behind them comes a record of the upload itself, from which later servers know what was uploaded before.
//!
//! # Invariants
//! - Success is answered after every record of the file is durable, and the record of the upload, too.
//! - A file is taken apart once all of it is there; it is removed when it was, or when the upload breaks off, or at the next
//!   start of the server.
//! - Sources begin with the name of the sender: nobody writes under a name of others.
//!
//! # Trust
//! Files are an intruder's. What they unpack to is bounded by whoever takes them apart; bytes, time and number of uploads, and
//! the space that is left on the disk, are bounded here.

mod earlier;
mod keeping;
mod name;
mod spool;

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hinomi_ledger::Places;
use hinomi_model::Disk;
use hyper::body::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::Way;
use crate::http::{InParts, Response};
use crate::receive::{Port, Receiving, Source, count};
use earlier::Earlier;
use keeping::Job;
pub(super) use name::of_path;
use spool::Spool;

/// Uploads at once.
const AT_ONCE: usize = 4;
/// Bytes of a body that are gathered before they are written.
const GATHERED: usize = 1 << 20;

/// A record as it stands in a file, with the number that its source gave it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Piece {
    /// The number, where the record states one.
    pub sequence: Option<u64>,
    /// The record.
    pub bytes: Vec<u8>,
}

/// What taking a file apart left out.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NotRead {
    /// What was not read, or not whole: place and reason, the first of them.
    pub remarks: Vec<String>,
    /// How many there are.
    pub count: u64,
}

/// Takes the records of one log that is in a file, in order, under the name of the log.
pub type Keep<'k> = &'k mut dyn FnMut(&str, Vec<Piece>) -> std::io::Result<()>;

/// Takes files apart. Formats and archives are no matter of this crate.
pub trait TakeApart: Send + Sync + 'static {
    /// Hands the records of every log in `file`, which is called `name`, to `keep`. What is packed is unpacked within bounds:
    /// at most `unpacked` bytes.
    ///
    /// # Errors
    /// What `keep` returned, or reading the file.
    fn take_apart(&self, file: &Path, name: &str, unpacked: u64, keep: Keep<'_>) -> std::io::Result<NotRead>;
}

/// Who takes uploads apart, and where they are put meanwhile.
pub struct Uploading {
    /// A folder of its own, which is emptied.
    pub folder: PathBuf,
    /// Who takes them apart.
    pub apart: Box<dyn TakeApart>,
}

impl fmt::Debug for Uploading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Uploading").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// Bounds of uploads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UploadBounds {
    /// Bytes of a body.
    pub(crate) bytes: u64,
    /// Bytes that it may unpack to.
    pub(crate) unpacked: u64,
    /// Time for sending it.
    pub(crate) time: Duration,
}

/// What all uploads share.
pub(crate) struct Uploads {
    receiving: Arc<Receiving>,
    ledger: Places,
    disk: Arc<dyn Disk>,
    uploading: Uploading,
    bounds: UploadBounds,
    acknowledge: Duration,
    at_once: Arc<Semaphore>,
    /// Read when it is first needed.
    earlier: Mutex<Option<Earlier>>,
    next: AtomicU64,
}

impl Uploads {
    /// Empties the folder of what a server before left there.
    pub(crate) fn new(
        receiving: Arc<Receiving>,
        ledger: Places,
        uploading: Uploading,
        (bounds, acknowledge): (UploadBounds, Duration),
    ) -> std::io::Result<Arc<Self>> {
        let disk: Arc<dyn Disk> = Arc::new(hinomi_ledger::FileDisk);
        spool::clear(&*disk, &uploading.folder)?;
        Ok(Arc::new(Self {
            receiving,
            ledger,
            disk,
            uploading,
            bounds,
            acknowledge,
            at_once: Arc::new(Semaphore::new(AT_ONCE)),
            earlier: Mutex::default(),
            next: AtomicU64::default(),
        }))
    }

    /// Begins to receive a file that states so many bytes.
    pub(super) fn begin(
        self: &Arc<Self>,
        port: &Arc<Port>,
        source: Arc<Source>,
        address: IpAddr,
        (name, stated): (String, Option<u64>),
    ) -> Result<Body, Response> {
        if stated.is_some_and(|stated| stated > self.bounds.bytes) {
            count(&port.counted.oversized);
            return Err(refused(413, "the file is larger than upload_mib"));
        }
        let Ok(turn) = self.at_once.clone().try_acquire_owned() else {
            count(&port.counted.deferred);
            count(&source.refused);
            return Err(
                refused(429, "other files are being uploaded; come again later").with("retry-after", "30")
            );
        };
        let spool =
            Spool::new(&self.disk, &self.uploading.folder, &self.next, stated).map_err(|e| no_space(&e))?;
        Ok(Body {
            uploads: self.clone(),
            port: port.clone(),
            source,
            address,
            name,
            gathered: Vec::new(),
            length: 0,
            spool: Some(spool),
            turn: Some(turn),
            since: Instant::now(),
        })
    }
}

pub(super) fn refused(status: u16, why: &str) -> Response {
    Way::File.error(status, why)
}

/// Whether so little came that whoever sends may only want to keep others from it.
fn is_too_slow(bytes: u64, elapsed: Duration) -> bool {
    bytes < elapsed.saturating_sub(Duration::from_mins(1)).as_secs() * 1024
}

fn no_space(error: &std::io::Error) -> Response {
    if error.kind() == std::io::ErrorKind::StorageFull {
        return refused(507, "there is no space for it on the disk").with("retry-after", "600");
    }
    refused(503, "the file cannot be written here").with("retry-after", "60")
}

/// A file that is being received.
pub(super) struct Body {
    uploads: Arc<Uploads>,
    port: Arc<Port>,
    source: Arc<Source>,
    address: IpAddr,
    name: String,
    gathered: Vec<u8>,
    length: u64,
    /// Missing while it is written to, and once it is taken apart.
    spool: Option<Spool>,
    turn: Option<OwnedSemaphorePermit>,
    since: Instant,
}

impl Body {
    async fn receive(&mut self, part: Bytes) -> Result<(), Response> {
        let UploadBounds { bytes, time, .. } = self.uploads.bounds;
        self.length += part.len() as u64;
        let elapsed = self.since.elapsed();
        if elapsed > time || is_too_slow(self.length, elapsed) {
            return Err(refused(
                408,
                "the file took longer than upload_minutes, or came at less than 1 KiB a second",
            ));
        }
        if self.length > bytes {
            count(&self.port.counted.oversized);
            return Err(refused(413, "the file is larger than upload_mib"));
        }
        self.gathered.extend_from_slice(&part);
        if self.gathered.len() >= GATHERED { self.write().await } else { Ok(()) }
    }

    /// Writes what was gathered, on a thread that may block.
    async fn write(&mut self) -> Result<(), Response> {
        let (Some(mut spool), bytes) = (self.spool.take(), std::mem::take(&mut self.gathered)) else {
            return Err(refused(503, "the file cannot be written here"));
        };
        let written = spawn_blocking(move || {
            let written = spool.write(&bytes);
            (spool, written)
        });
        let (spool, written) = written.await.map_err(|_| refused(500, "internal error"))?;
        self.spool = Some(spool);
        written.map_err(|e| no_space(&e))
    }

    async fn end(mut self) -> Response {
        if let Err(response) = self.write().await {
            return response;
        }
        let (Some(spool), Some(turn)) = (self.spool.take(), self.turn.take()) else {
            return refused(500, "internal error");
        };
        let (port, source, name) = (self.port.clone(), self.source.clone(), self.name.clone());
        let job = Job::new(self.uploads.clone(), port, source, self.address, name, spool);
        // Goes on to its end also when the sender has gone away.
        let kept = spawn_blocking(move || {
            let response = job.keep();
            drop(turn);
            response
        });
        kept.await.unwrap_or_else(|_| refused(500, "internal error"))
    }
}

impl InParts for Body {
    fn take(&mut self, part: Bytes) -> Pin<Box<dyn Future<Output = Result<(), Response>> + Send + '_>> {
        Box::pin(self.receive(part))
    }

    fn end(self: Box<Self>) -> Pin<Box<dyn Future<Output = Response> + Send>> {
        Box::pin(Body::end(*self))
    }

    fn broken_off(&self, status: u16, why: &str) -> Response {
        refused(status, why)
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if self.turn.is_some() {
            let why = "nothing of it was kept";
            self.uploads.receiving.complain("an upload broke off", &self.port, self.address, why);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_line_is_told_from_one_that_only_holds_its_place() {
        assert!(!is_too_slow(0, Duration::from_mins(1)));
        assert!(is_too_slow(60, Duration::from_mins(2)));
        assert!(!is_too_slow(60 << 10, Duration::from_mins(2)));
    }
}
