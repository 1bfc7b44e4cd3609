//! Syslog over UDP, TCP and TLS (RFC 5426, 6587, 5425). A record is one message as it came (RFC 3164, RFC 5424 or none
//! of them), without count or delimiter.
//!
//! # Invariants
//! - A TCP or TLS connection is not read while its source holds all it may: the sender's own queue has to wait.
//! - None of the three tells the sender what is durable. What was read and not yet durable when the machine fails, at most
//!   what a source may hold, is lost unless the sender sends it again. Datagrams are lost whenever nobody reads them.
//!
//! # Trust
//! Over TLS with client certificates the sender is who its certificate says. Otherwise it has an address, which anybody
//! on the way can forge over UDP.

mod framing;
mod stream;

pub(crate) use stream::Streams;
