//! A small HTTP/1.1 server for machines that hold evidence: whole requests in, whole answers out, and a few that go on.
//!
//! # Invariants
//! Everything a stranger can make it hold is bounded: connections in total and per address, the time for a handshake,
//! for the head of a request, for its body, for an answer and for a connection, and the bytes of a head and a body. Of a body
//! that is taken in parts ([`InParts`]) the time between two of them is bounded here, and the rest by whoever takes it.
//!
//! # Trust
//! Whoever reaches the port is a stranger; a [`Handler`] decides what a request may do.
//!
//! # Not here
//! Which requests there are (`publication`, `witness`, `receive::web`), pages for people.

mod body;
mod server;

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use hyper::HeaderMap;
use hyper::body::Bytes;

pub(crate) use body::{Endless, Next};
pub(crate) use server::Conversation;
pub use server::{Running, Server};

/// A request, read whole.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET`, `HEAD`, `POST` …
    pub method: String,
    /// Path without query, as it came: nothing is decoded, so `%2e` is three characters.
    pub path: String,
    /// What follows the question mark.
    pub query: String,
    /// The body, within the bounds.
    pub body: Bytes,
    /// Who asks.
    pub address: IpAddr,
    /// The name in the certificate that whoever asks has shown, if one was asked for.
    pub certificate: Option<Arc<str>>,
    headers: HeaderMap,
}

impl Request {
    /// A request that no network brought, for whoever asks within this program.
    pub fn new(method: &str, target: &str, address: IpAddr) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            body: Bytes::new(),
            address,
            certificate: None,
            headers: HeaderMap::new(),
        }
    }

    /// With a header, unless it is none; its name in small letters.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = hyper::header::HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// With a body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// The value of a header; its name in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// An answer, given whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: &'static str,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// Plain text.
    pub fn text(status: u16, body: impl Into<String>) -> Self {
        let content_type = "text/plain; charset=utf-8";
        Self { status, content_type, headers: Vec::new(), body: body.into().into_bytes() }
    }

    /// Bytes.
    pub fn bytes(status: u16, body: Vec<u8>) -> Self {
        Self { status, content_type: "application/octet-stream", headers: Vec::new(), body }
    }

    /// JSON.
    pub(crate) fn json(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, content_type: "application/json", headers: Vec::new(), body: body.into() }
    }

    /// With a further header.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// Answers requests. Called on a thread that may block.
pub trait Handler: Send + Sync + 'static {
    /// The answer to `request`.
    fn handle(&self, request: Request) -> Response;
}

/// An answer, or where it will come from.
pub(crate) enum Reply {
    Now(Response),
    /// The head first, and this behind it until it ends.
    Going(Response, Box<dyn Endless>),
    Later(Pin<Box<dyn Future<Output = Response> + Send>>),
}

/// Room for a body that is being read.
pub(crate) trait Room: Send + 'static {
    /// Takes more of it; false when there is none.
    fn take(&mut self, bytes: usize) -> bool;
}

/// A body that is taken as it comes, however long it is. Dropped when it breaks off.
pub(crate) trait InParts: Send + 'static {
    /// Takes the next part; an answer ends the request. Nothing more is read meanwhile.
    fn take(&mut self, part: Bytes) -> Pin<Box<dyn Future<Output = Result<(), Response>> + Send + '_>>;

    /// The answer once all of it came.
    fn end(self: Box<Self>) -> Pin<Box<dyn Future<Output = Response> + Send>>;

    /// The answer when no more of it is waited for, or can be read.
    fn broken_off(&self, status: u16, why: &str) -> Response;
}

/// How a request that was let in is read.
pub(crate) enum Admission<R> {
    /// Whole, before it is answered.
    Whole(R),
    /// In parts.
    InParts(Box<dyn InParts>),
}

/// Lets requests in by their heads, and answers them now or later.
pub(crate) trait Service: Send + Sync + 'static {
    /// What a request that was let in brings along.
    type Room: Room;

    /// Looks at a request whose body was not read; the answer when it is not let in.
    fn admit(&self, head: &Request) -> Result<Admission<Self::Room>, Response>;

    /// The answer when there is no room for the body.
    fn no_room(&self, admitted: &Self::Room) -> Response;

    /// The answer when the body is beyond the bounds.
    fn too_large(&self) -> Response {
        Response::text(413, "the body is too large\n")
    }

    /// The answer to a whole request. Called on a thread that may block.
    fn answer(&self, request: Request, room: Self::Room) -> Reply;

    /// A connection was let in.
    fn let_in(&self) {}

    /// A connection was not let in.
    fn turned_away(&self, address: IpAddr, why: &str) {
        let _ = (address, why);
    }
}

impl Room for () {
    fn take(&mut self, _: usize) -> bool {
        true
    }
}

impl<H: Handler> Service for H {
    type Room = ();

    fn admit(&self, _: &Request) -> Result<Admission<()>, Response> {
        Ok(Admission::Whole(()))
    }

    fn no_room(&self, (): &()) -> Response {
        Response::text(413, "the body is too large\n")
    }

    fn answer(&self, request: Request, (): ()) -> Reply {
        Reply::Now(self.handle(request))
    }
}
