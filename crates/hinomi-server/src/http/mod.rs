//! A small HTTP/1.1 server for machines that hold evidence: whole requests in, whole answers out.
//!
//! # Invariants
//! Everything a stranger can make it hold is bounded: connections in total and per address, the time for a handshake,
//! for the head of a request, for its body, for an answer and for a connection, and the bytes of a head and a body.
//!
//! # Trust
//! Whoever reaches the port is a stranger; a [`Handler`] decides what a request may do.
//!
//! # Not here
//! Which requests there are (`publication`, `witness`), pages for people.

mod bounds;
mod server;
mod tls;

pub use bounds::Bounds;
pub use server::{Running, Server};
pub use tls::{server_tls, trusted_roots};

/// A request, read whole.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET`, `HEAD`, `POST` …
    pub method: String,
    /// Path without query, as it came: nothing is decoded, so `%2e` is three characters.
    pub path: String,
    /// What follows the question mark.
    pub query: String,
    /// The value of `Authorization`.
    pub authorization: Option<String>,
    /// The value of `Range`.
    pub range: Option<String>,
    /// The body, within the bounds.
    pub body: Vec<u8>,
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
}

/// Answers requests. Called on a thread that may block.
pub trait Handler: Send + Sync + 'static {
    /// The answer to `request`.
    fn handle(&self, request: Request) -> Response;
}
