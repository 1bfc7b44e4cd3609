//! Leaves to units: the records of each source and month joined as they come, cut where records end, with the way back
//! from an offset to the record.
//!
//! # Invariants
//! What is cut depends on leaves alone: bytes that wait for what follows (the records of one audit event, the second line
//! of a log that is new) are given up after [`HOLD_NS`] of receipt times, not of anybody's clock.

use std::collections::BTreeMap;
use std::sync::Arc;

use hinomi_ingest::intake::{Arriving, ArrivingState, Format};
use hinomi_ingest::{Clocks, Member, Unit};
use hinomi_ledger::{Block, Record};
use hinomi_model::{Digest, EvidencePlace, EvidenceRef, Timestamp};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::framing::Joining;
use crate::recorded::month_of;

/// How long text waits for what may belong to it.
const HOLD_NS: u64 = 2_000_000_000;
/// How long a month that is over is remembered.
const KEEP_NS: u64 = 2 * 86_400_000_000_000;

/// Whole records of one source.
pub(super) struct Assembled {
    pub(super) format: Format,
    pub(super) unit: Unit,
    marks: Vec<Mark>,
}

/// Where a record begins in what was joined.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Mark {
    offset: u64,
    leaf: u64,
    record: u32,
}

/// The sources of a ledger.
#[derive(Debug)]
pub(super) struct Assembly {
    origin: String,
    zone: TimeZone,
    streams: BTreeMap<(String, String), Stream>,
    /// Latest receipt.
    received_ns: u64,
    ordinal: u64,
}

#[derive(Debug, Default)]
struct Stream {
    arriving: Arriving,
    joining: Joining,
    /// Of records that are not handed out, in order.
    marks: Vec<Mark>,
    pushed: u64,
    last_ns: u64,
}

/// What has to be kept of a stream.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SavedStream {
    source: String,
    month: String,
    format: Option<String>,
    waiting: Vec<u8>,
    offset: u64,
    preamble: Vec<u8>,
    joining: Joining,
    marks: Vec<Mark>,
    pushed: u64,
    last_ns: u64,
}

fn timestamp(ns: u64) -> Timestamp {
    Timestamp::from_nanos(i64::try_from(ns).unwrap_or(i64::MAX))
}

impl Assembly {
    pub(super) fn new(origin: &str) -> Self {
        let (origin, zone) = (origin.to_owned(), TimeZone::UTC);
        Self { origin, zone, streams: BTreeMap::new(), received_ns: 0, ordinal: 0 }
    }

    /// Zone of times that state none, from the next leaf on.
    pub(super) fn set_zone(&mut self, zone: TimeZone) {
        self.zone = zone;
    }

    /// Time passes without records: what waited long enough is handed out.
    pub(super) fn pass(&mut self, received_ns: u64) -> Vec<Assembled> {
        self.received_ns = self.received_ns.max(received_ns);
        let now = self.received_ns;
        let (zone, ordinal) = (&self.zone, &mut self.ordinal);
        let mut out = Vec::new();
        for ((source, _), stream) in &mut self.streams {
            if stream.arriving.is_waiting() && stream.last_ns.saturating_add(HOLD_NS) <= now {
                let run = stream.arriving.settle();
                out.extend(run.map(|run| stream.assembled(source, run, zone, ordinal)));
            }
        }
        let month = month_of(u32::try_from(now / 86_400_000_000_000).unwrap_or(u32::MAX));
        self.streams.retain(|(_, of), stream| {
            *of >= month || stream.arriving.is_waiting() || stream.last_ns.saturating_add(KEEP_NS) > now
        });
        out
    }

    /// The records of a leaf.
    pub(super) fn push(&mut self, leaf: u64, block: &Block, records: &[Record]) -> Vec<Assembled> {
        let mut out = self.pass(block.last_ns);
        let key = (block.scope.source.clone(), month_of(block.scope.day));
        let stream = self.streams.entry(key).or_default();
        let mut bytes = Vec::with_capacity(usize::try_from(block.bytes).unwrap_or(0));
        for (number, record) in (0..).zip(records) {
            let offset = stream.pushed + bytes.len() as u64;
            stream.marks.push(Mark { offset, leaf, record: number });
            bytes.extend_from_slice(&record.bytes);
            if stream.joining.lacks_line_feed(&record.bytes) {
                bytes.push(b'\n');
            }
        }
        stream.pushed += bytes.len() as u64;
        stream.last_ns = block.last_ns;
        let run = stream.arriving.push(&bytes);
        out.extend(run.map(|run| stream.assembled(&block.scope.source, run, &self.zone, &mut self.ordinal)));
        out
    }

    pub(super) fn saved(&self) -> (u64, u64, Vec<SavedStream>) {
        let streams = self.streams.iter().map(|((source, month), stream)| {
            let ArrivingState { format, waiting, offset, preamble } = stream.arriving.state();
            SavedStream {
                source: source.clone(),
                month: month.clone(),
                format: format.map(|f| name_of(f).to_owned()),
                waiting,
                offset,
                preamble,
                joining: stream.joining,
                marks: stream.marks.clone(),
                pushed: stream.pushed,
                last_ns: stream.last_ns,
            }
        });
        (self.received_ns, self.ordinal, streams.collect())
    }

    pub(super) fn load(origin: &str, (received_ns, ordinal, saved): (u64, u64, Vec<SavedStream>)) -> Self {
        let streams = saved.into_iter().map(|s| {
            let format = s.format.as_deref().map(format_named);
            let state = ArrivingState { format, waiting: s.waiting, offset: s.offset, preamble: s.preamble };
            let stream = Stream {
                arriving: Arriving::resume(state),
                joining: s.joining,
                marks: s.marks,
                pushed: s.pushed,
                last_ns: s.last_ns,
            };
            ((s.source, s.month), stream)
        });
        Self { streams: streams.collect(), received_ns, ordinal, ..Self::new(origin) }
    }

    /// The reference of an event of a unit.
    pub(super) fn cite(&self, of: &Assembled, offset: u64, sub: u32, event: Digest) -> String {
        let at = of.marks.partition_point(|mark| mark.offset <= offset);
        let Some(mark) = at.checked_sub(1).and_then(|at| of.marks.get(at)) else { return String::new() };
        let place = EvidencePlace::Log { origin: self.origin.clone(), leaf: mark.leaf, record: mark.record };
        EvidenceRef { place, offset: offset - mark.offset, sub, event }.to_string()
    }
}

impl Stream {
    /// A run as a unit, with the marks of its records.
    fn assembled(
        &mut self,
        source: &str,
        run: hinomi_ingest::intake::Run,
        zone: &TimeZone,
        ordinal: &mut u64,
    ) -> Assembled {
        let end = run.offset + run.bytes.len() as u64;
        let within = self.marks.partition_point(|mark| mark.offset < end);
        let rest = self.marks.split_off(within);
        let marks = std::mem::replace(&mut self.marks, rest);
        // A record may go on behind the run.
        if self.marks.first().is_none_or(|mark| mark.offset > end) {
            self.marks.splice(0..0, marks.last().copied());
        }
        let member = Member { path: source.to_owned(), ..Member::default() };
        let clocks = Clocks { zone: zone.clone(), latest: timestamp(self.last_ns) };
        let unit = Unit {
            member: Arc::new(member),
            ordinal: *ordinal,
            offset: run.offset,
            bytes: run.bytes,
            preamble: run.preamble,
            clocks: Arc::new(clocks),
        };
        *ordinal += 1;
        Assembled { format: run.format, unit, marks }
    }
}

fn name_of(format: Format) -> &'static str {
    match format {
        Format::Evtx => "evtx",
        Format::Flow => "flow",
        Format::Journal => "journal",
        Format::Json => "json",
        Format::Text => "text",
    }
}

fn format_named(name: &str) -> Format {
    match name {
        "evtx" => Format::Evtx,
        "flow" => Format::Flow,
        "journal" => Format::Journal,
        "json" => Format::Json,
        _ => Format::Text,
    }
}
