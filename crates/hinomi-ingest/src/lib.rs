//! Parsers of hostile input: bytes in, columns and diagnostics out.
//!
//! # Invariants
//! - No parser panics, allocates without bound, or stops at the first error: what cannot be read becomes a
//!   [`hinomi_model::Diagnostic`] and the rest is read.
//! - An event's row carries the offset and length of its own bytes, so that it can be cited.
//!
//! # Trust
//! Every byte handed to this crate may have been written by an intruder. The crate holds no keys and opens no
//! network connection.
//!
//! # Not here
//! What an event means (`hinomi-detect`); threads and files to visit (`hinomi`).

mod any_decoder;
mod evtx;
mod flow;
pub mod intake;
mod journal;
mod json;
mod text;
mod unit;

pub use any_decoder::AnyDecoder;
pub use evtx::{EvtxDecoder, evtx_cut};
pub use flow::{FlowDecoder, flow_cut};
pub use journal::{JournalDecoder, is_journal, is_plain_entry, journal_cut, journal_entry};
pub use json::{JsonCut, JsonCutState, JsonDecoder, MAX_OBJECT, json_cut};
pub use text::{MappingError, Recognition, TemplateError, TextDecoder, TextFormat, recognise, text_cut};
pub use unit::{Clocks, Decode, Member, Unit};
