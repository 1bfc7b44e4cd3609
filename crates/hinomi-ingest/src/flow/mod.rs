//! Flows as routers and probes export them: `NetFlow` version 5 and 9 (RFC 3954) and IPFIX (RFC 7011), datagram by datagram.
//!
//! A log of them is the datagrams, one after the other, as a ledger joins its records: with a line feed behind each that
//! does not end in one. What a datagram needs of those before it, which is templates, sampling and the next sequence number,
//! travels with each run of datagrams ([`flow_context`]), so that any run can be decoded by itself.
//!
//! # Invariants
//! - Every flow whose template is known is a row. Data whose template has not come is a diagnostic with its length, and so
//!   are flows that the exporter counted and that did not come.
//! - A template holds for its version and observation domain, until another one takes its number.
//!
//! # Trust
//! Datagrams can be forged by anybody on the way. Lengths, fields and templates are bounded; a template whose records
//! have no length is refused.
//!
//! # Not here
//! Who sent a datagram: the source of the ledger says so.

mod context;
mod datagram;
mod event;
mod field;
mod template;

use hinomi_columns::Store;
use hinomi_model::{DiagnosticKind, Diagnostics, LogKind};

use crate::{Decode, Unit};
use context::Context;
use datagram::Met;
use event::Writer;

/// Decoder of flow datagrams.
#[derive(Debug, Default)]
pub struct FlowDecoder;

/// Whether bytes begin like a datagram of flows.
pub(crate) fn is_flow(head: &[u8]) -> bool {
    matches!(datagram::first(head, true), Met::Whole(_) | Met::Part(_))
}

/// The end of the last whole datagram; all that is there when nothing can follow.
pub fn flow_cut(bytes: &[u8], at_end: bool) -> usize {
    let mut at = 0;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let length = match datagram::first(rest, !at_end) {
            Met::Whole(datagram) => datagram.taken,
            Met::Other(length) if length < rest.len() => length,
            _ if at_end => rest.len(),
            _ => return at,
        };
        // What follows tells a whole datagram of version 9 from the beginning of one.
        if !at_end && at + length >= bytes.len() {
            return at;
        }
        at += length;
        if at >= bytes.len() {
            return at;
        }
    }
}

/// What the datagrams behind `bytes` need of those before.
pub(crate) fn flow_context(before: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut context = Context::read(before);
    let mut at = 0;
    while at < bytes.len() {
        let rest = bytes.get(at..).unwrap_or_default();
        at += match datagram::first(rest, false) {
            Met::Whole(datagram) => {
                context.take(&datagram, &mut |_| {}, &mut |_, _| {});
                datagram.taken
            }
            Met::Other(length) => length.max(1),
            Met::Part(_) => break,
        };
    }
    context.write()
}

impl Decode for FlowDecoder {
    fn decode(&mut self, unit: &Unit, store: &mut Store, diagnostics: &mut Diagnostics) {
        let kind = LogKind { product: "netflow".to_owned(), ..LogKind::default() };
        let kind = store.kind(&kind);
        let mut context = Context::read(&unit.preamble);
        let place = unit.member.place();
        let bytes = unit.bytes.as_slice();
        let mut at = 0;
        while at < bytes.len() {
            let rest = bytes.get(at..).unwrap_or_default();
            let mut report = |offset: usize, what: String| {
                diagnostics.push(&place, unit.offset + (at + offset) as u64, DiagnosticKind::Malformed, what);
            };
            at += match datagram::first(rest, false) {
                Met::Whole(datagram) => {
                    let mut writer = Writer { store: &mut *store, kind, base: at, datagram: &datagram };
                    context.take(&datagram, &mut |flow| writer.write(&flow), &mut report);
                    datagram.taken
                }
                Met::Other(length) => {
                    report(0, format!("{length} bytes are no datagram of flows"));
                    length.max(1)
                }
                Met::Part(length) => {
                    report(0, format!("a datagram of flows ends after {} of {length} bytes", rest.len()));
                    rest.len()
                }
            };
        }
    }
}

#[cfg(test)]
mod tests;
