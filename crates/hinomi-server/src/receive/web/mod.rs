//! Receivers over HTTP: lines (NDJSON), `_bulk`, the event collector, telemetry logs (OTLP), entries of the systemd journal, and
//! files.
//!
//! # Invariants
//! - Nobody's body is read before a token or a certificate said who sends it.
//! - Success is answered after the ledger said that every record of the request is durable; an item that was not kept is
//!   named in the answer.
//! - What does not fit is answered with 429 or 503 and a time after which to come again; nothing of it was kept.
//!
//! # Trust
//! Bodies are hostile also when their sender is known. What they unpack to is bounded as they are.

mod asked;
mod bulk;
mod collector;
mod credentials;
mod expand;
mod journal;
mod telemetry;
pub(crate) mod upload;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hinomi_ledger::MAX_RECORD;
use hyper::body::Bytes;
use memchr::memchr_iter;
use tokio::time::{Instant, timeout};

use super::{Held, Port, RECORD_COST, Receiving, Refusal, Sender, Source, TokensInForce, count};
use crate::http::{Admission, Reply, Request, Response, Room, Service};
use expand::Unexpanded;
use upload::Uploads;

/// A way of sending.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    Lines,
    Bulk,
    Events,
    Raw,
    /// Telemetry in JSON.
    Telemetry,
    /// Telemetry in protobuf.
    Protobuf,
    /// Entries of the systemd journal.
    Journal,
    /// A file.
    File,
    /// The collector's questions: which deliveries are durable.
    Acknowledged,
    /// Whether the collector is well; anybody may ask.
    Health,
    /// What clients of `_bulk` ask before they send.
    Asked,
}

impl Way {
    fn of(request: &Request) -> Self {
        let path = request.path.trim_end_matches('/');
        let collector = path.strip_prefix("/services/collector");
        match (request.method.as_str(), collector.map(|rest| rest.trim_end_matches("/1.0")), path) {
            ("GET", Some("/health"), _) => Self::Health,
            (_, Some("/ack"), _) => Self::Acknowledged,
            ("POST", Some("" | "/event"), _) => Self::Events,
            ("POST", Some("/raw"), _) => Self::Raw,
            ("POST", _, "/ndjson") => Self::Lines,
            ("POST", _, "/v1/logs") => telemetry::way(request),
            ("POST", _, "/upload") => Self::Journal,
            ("POST" | "PUT", _, path) if path.starts_with("/upload/") => Self::File,
            ("POST" | "PUT", _, path) if path.ends_with("/_bulk") => Self::Bulk,
            _ => Self::Asked,
        }
    }

    /// Its part of the name of a source; `None` when it delivers nothing.
    fn name(self) -> Option<&'static str> {
        match self {
            Self::Lines => Some("ndjson"),
            Self::Bulk => Some("bulk"),
            Self::Events => Some("hec"),
            Self::Raw => Some("hec-raw"),
            // Both end in the same records.
            Self::Telemetry | Self::Protobuf => Some("otlp"),
            Self::Journal => Some("journal"),
            Self::File => Some("upload"),
            Self::Acknowledged | Self::Health | Self::Asked => None,
        }
    }

    /// How many records a body can hold at most, where that is not counted otherwise.
    fn pieces(self, body: &Bytes) -> u64 {
        let mark = if self == Self::Events { b'{' } else { b'\n' };
        memchr_iter(mark, body).count() as u64
    }

    /// An error in the form that its clients read.
    fn error(self, status: u16, why: &str) -> Response {
        match self {
            Self::Lines | Self::Journal | Self::File => {
                Response::json(status, format!("{{\"error\":\"{why}\"}}\n"))
            }
            Self::Events | Self::Raw | Self::Acknowledged | Self::Health => {
                collector::error(status, why, None)
            }
            Self::Telemetry | Self::Protobuf => telemetry::error(self, status, why),
            Self::Bulk | Self::Asked => asked::error(status, why),
        }
    }
}

/// Bounds of what is received over HTTP.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WebBounds {
    /// Bytes that a body may unpack to.
    pub(crate) unpacked: usize,
    /// How long durability is waited for.
    pub(crate) acknowledge: Duration,
    /// The longest entry of a journal that is one record.
    pub(crate) longest: usize,
}

/// A listener for all of them.
pub(crate) struct Web {
    pub(crate) receiving: Arc<Receiving>,
    pub(crate) port: Arc<Port>,
    pub(crate) tokens: TokensInForce,
    pub(crate) bounds: WebBounds,
    /// Who takes files, if anybody does.
    pub(crate) uploads: Option<Arc<Uploads>>,
    /// The version that `_bulk` clients are told.
    pub(crate) version: String,
}

/// A request that was let in.
pub(crate) struct Admitted {
    way: Way,
    /// Of requests that deliver something.
    delivery: Option<(Arc<Source>, Held)>,
}

impl Room for Admitted {
    fn take(&mut self, bytes: usize) -> bool {
        match &mut self.delivery {
            Some((_, held)) => held.grow(bytes as u64),
            // Questions are short.
            None => bytes <= 64 * 1024,
        }
    }
}

/// Seconds for `Retry-After`.
fn seconds(wait: Duration) -> String {
    wait.as_secs_f64().ceil().max(1.0).to_string()
}

impl Service for Web {
    type Room = Admitted;

    fn admit(&self, head: &Request) -> Result<Admission<Admitted>, Response> {
        let way = Way::of(head);
        if way == Way::Health {
            return Ok(Admission::Whole(Admitted { way, delivery: None }));
        }
        let token = head.header("authorization").and_then(credentials::token);
        let holder = token.as_deref().and_then(|token| self.tokens.holder(token));
        let Some(name) = holder.as_deref().or(head.certificate.as_deref()) else {
            count(&self.port.counted.unauthorised);
            self.receiving.complain("a request was refused", &self.port, head.address, "no valid token");
            let refused = way.error(401, "a valid token or certificate is needed");
            return Err(refused.with("www-authenticate", "Basic realm=\"hinomi\", charset=\"UTF-8\""));
        };
        let Some(label) = way.name() else {
            return Ok(Admission::Whole(Admitted { way, delivery: None }));
        };
        let sender = Sender { way: label, name: Some(name), address: head.address };
        let source = self.receiving.sources.of(&self.port, sender);
        match way {
            Way::Journal => return self.admit_journal(head, source),
            Way::File => return self.admit_file(head, source),
            _ => {}
        }
        let debt = source.pace.debt(Instant::now());
        if !debt.is_zero() {
            return Err(self.defer(way, &source, debt));
        }
        match self.receiving.budget.hold(&source, 0) {
            Some(nothing) => Ok(Admission::Whole(Admitted { way, delivery: Some((source, nothing)) })),
            None => Err(self.defer(way, &source, Duration::from_secs(1))),
        }
    }

    fn no_room(&self, admitted: &Admitted) -> Response {
        match &admitted.delivery {
            Some((source, _)) => self.defer(admitted.way, source, Duration::from_secs(1)),
            None => admitted.way.error(413, "the body is too large"),
        }
    }

    fn answer(&self, request: Request, admitted: Admitted) -> Reply {
        let Admitted { way, delivery } = admitted;
        let Some((source, mut held)) = delivery else {
            return Reply::Now(match way {
                Way::Health => collector::health(&self.receiving.intake.state()),
                Way::Acknowledged => collector::acknowledged(&request),
                _ => asked::answer(&request, &self.version),
            });
        };
        let encoding = request.header("content-encoding").unwrap_or("identity");
        let unpacked =
            expand::expand(&request.body, encoding, self.bounds.unpacked, |bytes| held.grow(bytes));
        let body = match unpacked {
            Ok(body) => body,
            Err(Unexpanded::NoRoom) => {
                return Reply::Now(self.defer(way, &source, Duration::from_secs(1)));
            }
            Err(why) => return Reply::Now(self.malformed(way, &request, why.status(), why.text())),
        };
        // Before anything is built of it: what it is cut into takes more than its bytes.
        if !held.grow(way.pieces(&body) * RECORD_COST) {
            return Reply::Now(self.defer(way, &source, Duration::from_secs(1)));
        }
        let delivery = Delivery { web: self, way, source, held };
        match way {
            Way::Bulk => bulk::receive(delivery, &request, &body),
            Way::Events => collector::events(delivery, &request, &body),
            Way::Raw => collector::raw(delivery, &request, &body),
            Way::Telemetry | Way::Protobuf => telemetry::receive(delivery, &request, &body),
            _ => {
                let lines = lines(&body);
                let kept = lines.len();
                delivery.keep(&request, lines, move || Response::json(200, format!("{{\"kept\":{kept}}}\n")))
            }
        }
    }

    fn let_in(&self) {
        count(&self.port.counted.connections);
    }

    fn turned_away(&self, address: IpAddr, why: &str) {
        self.receiving.turn_away(&self.port, address, why);
    }
}

impl Web {
    /// A body without a known end is let in; it waits while its source has to.
    fn admit_journal(&self, head: &Request, source: Arc<Source>) -> Result<Admission<Admitted>, Response> {
        let packed = head.header("content-encoding").is_some_and(|e| !e.eq_ignore_ascii_case("identity"));
        if packed || !journal::is_journal(head) {
            let why = "an export of a journal is expected here, as application/vnd.fdo.journal and not packed; a file goes to /upload/NAME";
            return Err(self.malformed(Way::Journal, head, 415, why));
        }
        let WebBounds { acknowledge, longest, .. } = self.bounds;
        let patience = journal::Patience { longest, acknowledge };
        let body = journal::Body::new(&self.receiving, &self.port, source, head.address, patience);
        Ok(Admission::InParts(Box::new(body)))
    }

    /// A file is let in when there is space for it.
    fn admit_file(&self, head: &Request, source: Arc<Source>) -> Result<Admission<Admitted>, Response> {
        let Some(uploads) = &self.uploads else {
            return Err(Way::File.error(404, "no files are taken here"));
        };
        let Some(name) = upload::of_path(&head.path) else {
            return Err(self.malformed(
                Way::File,
                head,
                400,
                "/upload/NAME: a name of 1 to 255 bytes is needed; rename the file",
            ));
        };
        let stated = head.header("content-length").and_then(|length| length.parse().ok());
        let body = uploads.begin(&self.port, source, head.address, (name, stated))?;
        Ok(Admission::InParts(Box::new(body)))
    }

    fn defer(&self, way: Way, source: &Source, wait: Duration) -> Response {
        count(&self.port.counted.deferred);
        count(&source.refused);
        way.error(429, "too much is on its way, or comes too fast; come again later")
            .with("retry-after", seconds(wait))
    }

    fn malformed(&self, way: Way, request: &Request, status: u16, why: &str) -> Response {
        let counted = &self.port.counted;
        count(if status == 413 { &counted.oversized } else { &counted.malformed });
        self.receiving.complain("a request was refused", &self.port, request.address, why);
        way.error(status, why)
    }
}

/// Lines, without the empty ones.
fn lines(body: &Bytes) -> Vec<Vec<u8>> {
    let lines = body.split(|b| *b == b'\n');
    lines.filter(|line| !matches!(line, [] | [b'\r'])).map(<[u8]>::to_vec).collect()
}

/// A body that was let in.
struct Delivery<'w> {
    web: &'w Web,
    way: Way,
    source: Arc<Source>,
    held: Held,
}

impl Delivery<'_> {
    /// Refuses the whole body.
    fn refuse(&self, request: &Request, why: &str) -> Reply {
        self.refuse_as(request, 400, why)
    }

    fn refuse_as(&self, request: &Request, status: u16, why: &str) -> Reply {
        Reply::Now(self.web.malformed(self.way, request, status, why))
    }

    /// Asks the sender to come again.
    fn defer(&self) -> Reply {
        Reply::Now(self.web.defer(self.way, &self.source, Duration::from_secs(1)))
    }

    /// Keeps frames, and answers when they are durable.
    fn keep(
        mut self,
        request: &Request,
        frames: Vec<Vec<u8>>,
        kept: impl FnOnce() -> Response + Send + 'static,
    ) -> Reply {
        let Web { receiving, port, bounds, .. } = self.web;
        if frames.is_empty() {
            return Reply::Now(kept());
        }
        if frames.iter().any(|frame| frame.len() > MAX_RECORD) {
            return self.refuse_as(request, 413, "a record is longer than 16 MiB");
        }
        let count = frames.len() as u64;
        let (records, room) = receiving.records(frames);
        // The body is gone when this returns; its room passes to the records.
        if !self.held.resize(room) {
            return self.defer();
        }
        let now = Instant::now();
        self.source.pace.spend(count, room, now);
        let again = self.source.again.came(&request.body, now).then(|| self.source.clone());
        let pending = receiving.intake.submit(port, &self.source, records, self.held);
        let (way, patience) = (self.way, bounds.acknowledge);
        Reply::Later(Box::pin(async move {
            let why = match timeout(patience, pending.durable()).await {
                Ok(Ok(())) => {
                    if let Some(source) = again {
                        source.repeated.fetch_add(count, Ordering::Relaxed);
                    }
                    return kept();
                }
                Ok(Err(Refusal::Stopping)) => "the server stops",
                Ok(Err(Refusal::Failed)) => "the ledger has failed",
                Err(_) => "the ledger takes too long",
            };
            way.error(503, why).with("retry-after", "5")
        }))
    }
}
