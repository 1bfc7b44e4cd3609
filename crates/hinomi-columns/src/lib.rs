//! Events in columns: a batch per event shape, a dictionary per field.
//!
//! A decoder writes rows into a [`Store`]; every value of a field is interned once, so that whoever scans the
//! batches tests a distinct value once however many events carry it.
//!
//! # Invariants
//! - A [`ValueId`] is an index into the dictionary of one field of one store, valid until [`Store::reset`].
//! - All rows of a [`Batch`] share the kind of log, the list of fields, channel, provider and event id.
//! - Nothing here reads files, clocks or the environment.
//!
//! # Not here
//! Parsing (`hinomi-ingest`), evaluation (`hinomi-detect`).

mod batch;
mod dictionary;
mod fields;
mod store;

pub use batch::{Batch, Row, Shape};
pub use dictionary::{Dictionary, TAG_DECODER, TAG_EVTX, ValueId, ValueKind};
pub use fields::{FieldId, FieldTable, Projection, well_known};
pub use store::{LayoutId, Store};
