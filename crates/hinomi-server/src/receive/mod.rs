//! Receivers: what senders deliver becomes records of the ledger, and is acknowledged once it is durable.
//!
//! ```text
//! connection ─ bounded ─▶ frames ─ budget, pace ─▶ intake (sources in turn) ─▶ ledger ─ durable ─▶ acknowledgement
//! ```
//!
//! # Invariants
//! - Nothing is parsed that need not be: a record is the frame as it came.
//! - A sender whose protocol has acknowledgements gets one only after the ledger said that its records are durable.
//! - Memory is bounded whatever is sent: connections, bytes of a frame, of a body and of what it unpacks to, and the sum of
//!   everything on its way, in total and for each source.
//!
//! # Trust
//! Everything here comes from strangers until a token or a certificate says otherwise, and from intruders after that.
//!
//! # Not here
//! What records mean (`hinomi-ingest`), and which listeners there are (`serve`).

mod again;
mod budget;
mod datagram;
mod intake;
mod metrics;
mod pace;
mod port;
mod source;
pub(crate) mod syslog;
mod tokens;
pub(crate) mod watch;
pub(crate) mod web;

use std::net::IpAddr;
use std::sync::Arc;

use hinomi_ledger::Record;
use hinomi_model::Clock;

pub(crate) use budget::{Budget, Held};
pub(crate) use datagram::receive as receive_datagrams;
pub(crate) use intake::{Intake, Pending, Refusal, State, Workers};
pub(crate) use metrics::exposition;
pub(crate) use pace::Rate;
pub(crate) use port::{Counted, Port, count};
pub(crate) use source::{Sender, Source, Sources};
pub use tokens::{Token, TokenError, Tokens};
pub(crate) use tokens::{TokensInForce, is_name};
pub use web::upload::{Keep, NotRead, Piece, TakeApart, Uploading};

use crate::serve::Journal;

/// What a record takes besides its bytes while it is on its way.
const RECORD_COST: u64 = 64;

/// What all receivers share.
pub(crate) struct Receiving {
    pub(crate) intake: Intake,
    pub(crate) sources: Sources,
    pub(crate) budget: Arc<Budget>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) journal: Journal,
}

impl Receiving {
    /// The time of receipt of what is at hand now.
    pub(crate) fn now_ns(&self) -> u64 {
        u64::try_from(self.clock.now().as_nanos()).unwrap_or(0)
    }

    /// Frames as records that were received now, and the room that they take.
    pub(crate) fn records(&self, frames: Vec<Vec<u8>>) -> (Vec<Record>, u64) {
        let received_ns = self.now_ns();
        let room = frames.iter().map(|frame| frame.len() as u64 + RECORD_COST).sum();
        let record = |bytes| Record { received_ns, sequence: None, bytes };
        (frames.into_iter().map(record).collect(), room)
    }

    /// Counts a connection that was not let in, and writes a line about it.
    pub(crate) fn turn_away(&self, port: &Port, address: IpAddr, why: &str) {
        count(&port.counted.turned_away);
        self.complain("a connection was refused", port, address, why);
    }

    /// Writes a line about a sender; many of one kind become one line in ten seconds.
    pub(crate) fn complain(&self, what: &'static str, port: &Port, address: IpAddr, why: &str) {
        let address = address.to_string();
        self.journal.repeated(what, &[("listener", &port.name), ("address", &address), ("why", why)]);
    }
}
