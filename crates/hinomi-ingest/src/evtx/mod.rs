//! Windows event logs: chunks of binary XML straight to columns.
//!
//! A template is compiled once into a list of slots, one per field that somebody reads; a record then costs one
//! pass over its value table and one dictionary look-up per slot. No XML and no text of the record is made.
//! Format: [MS-EVEN6] 2.2 (BinXML) and the frames of files, chunks and records as found on disk.
//!
//! # Invariants
//! - One decoder serves one store. Plans are void after [`Store::reset`] and are made anew.
//! - Every sound record yields a row, every other one a diagnostic; nothing stops the reading.
//!
//! # Trust
//! The bytes may be forged: sizes, counts, nesting and the expansion of templates are bounded, and a template is
//! recognised by its whole content, never by the GUID it claims.
//!
//! # Not here
//! Unpacking and reading files (`intake`).

mod canonical;
mod chunk;
mod cursor;
mod debris;
mod fault;
mod flatten;
mod layout;
mod locate;
mod plan;
mod record;
mod template;
mod tree;
mod utf16;
mod value;

use std::ops::RangeInclusive;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use hinomi_columns::{Row, Store, ValueId};
use hinomi_model::{DiagnosticKind, Diagnostics, KindId, LogKind, Timestamp};

pub use self::locate::evtx_cut;

use self::chunk::{Frame, HEADER, Header, next_frame};
use self::fault::Fault;
use self::locate::{CHUNK, FILE_HEADER, Found};
use self::plan::Plan;
use self::record::{Instance, Record};
use self::template::Templates;
use crate::{Decode, Unit};

/// Decoder of EVTX files and of chunks carved from elsewhere.
#[derive(Debug, Default)]
pub struct EvtxDecoder {
    templates: Templates,
    plans: HashMap<Box<[u32]>, u32, RandomState>,
    /// A shape whose plan could not be made keeps the reason.
    made: Vec<Result<Plan, Fault>>,
    /// Slots of all plans.
    slots: usize,
    last_plan: Option<u32>,
    last_key: Vec<u32>,
    record: Record,
    key: Vec<u32>,
    cells: Vec<ValueId>,
    epoch: u32,
    /// Where in the unit the chunk of the last record without chunk header began.
    chunk_start: Option<i64>,
    /// A chunk whose beginning is lost, with zeroes in its place.
    restored: Vec<u8>,
    /// In a damaged chunk, the numbers that its header states: a number that a flipped bit made enormous would be a gap of as many
    /// records.
    credible: Option<RangeInclusive<u64>>,
}

/// Most plans kept; real logs of a large network need some thousands.
const MAX_PLANS: usize = 16_384;
/// Most slots of all plans together; a hostile plan has far more than the thirty or so of a real one.
const MAX_SLOTS: usize = 1 << 19;

/// Where the bytes being decoded belong.
struct Place<'a> {
    unit: &'a Unit,
    store: &'a mut Store,
    diagnostics: &'a mut Diagnostics,
    kind: KindId,
}

impl Place<'_> {
    /// Reports a loss at an offset in the unit.
    #[cold]
    fn report(&mut self, at: usize, kind: DiagnosticKind, message: impl Into<String>) {
        self.diagnostics.push(&self.unit.member.place(), self.unit.offset + at as u64, kind, message);
    }
}

impl Decode for EvtxDecoder {
    fn decode(&mut self, unit: &Unit, store: &mut Store, diagnostics: &mut Diagnostics) {
        let kind = store.kind(&LogKind { product: "windows".to_owned(), ..LogKind::default() });
        if self.epoch != store.epoch() {
            self.epoch = store.epoch();
            self.forget_plans();
        }
        let mut place = Place { unit, store, diagnostics, kind };
        let bytes = unit.bytes.as_slice();
        self.chunk_start = None;
        self.record.narrow_text = false;
        let mut at = 0;
        while at < bytes.len() {
            at = match locate::at(bytes, at) {
                Found::FileHeader => {
                    let end = (at + FILE_HEADER).min(bytes.len());
                    locate::next_magic(bytes, at + 8, end).unwrap_or(end)
                }
                Found::Chunk => self.chunk(at, &mut place),
                Found::Other => self.debris(at, &mut place),
            };
        }
    }
}

impl EvtxDecoder {
    /// Whether the last unit held text of one byte per character; nearly all text is UTF-16.
    pub fn holds_narrow_text(&self) -> bool {
        self.record.narrow_text
    }

    fn forget_plans(&mut self) {
        self.plans.clear();
        self.made.clear();
        self.slots = 0;
        self.last_plan = None;
    }

    fn start_chunk(&mut self) {
        if self.templates.start_chunk() || self.made.len() > MAX_PLANS || self.slots > MAX_SLOTS {
            self.forget_plans();
        }
    }

    /// Decodes the chunk at `at`; returns where to go on.
    fn chunk(&mut self, at: usize, place: &mut Place<'_>) -> usize {
        let bytes = place.unit.bytes.as_slice();
        let end = (at + CHUNK).min(bytes.len());
        let chunk = bytes.get(at..end).unwrap_or_default();
        let Some(header) = Header::read(chunk) else {
            place.report(at, DiagnosticKind::Truncated, "a chunk ends within its header");
            return end;
        };
        self.chunk_start = None;
        let (sound, intact) = check(&header, chunk, at, place);
        let stated = if sound { header.records.0..=header.records.1 } else { RangeInclusive::new(1, 0) };
        self.credible = (!intact).then_some(stated);
        self.start_chunk();
        let live = if header.plausible() { header.free.min(chunk.len()) } else { chunk.len() };
        let mut position = HEADER;
        let mut last = None;
        // Looked for once, not at every gap.
        let mut magic = None;
        loop {
            let frame = Frame::read(chunk, position);
            let dirty = |f: &Frame| f.closed && last.is_some_and(|n: u64| n.wrapping_add(1) == f.number);
            match frame {
                Some(frame) if frame.closed && (position < live || dirty(&frame)) => {
                    self.row(chunk, at, frame, place);
                    last = Some(frame.number);
                    position = frame.end();
                    continue;
                }
                _ if position >= live => return end,
                _ => {}
            }
            let search = || locate::next_magic(bytes, at + position, end);
            let elsewhere = match magic {
                Some(None) => None,
                Some(Some(next)) if next >= at + position => Some(next),
                _ => *magic.insert(search()),
            };
            let until = elsewhere.map_or(chunk.len(), |next| next - at);
            let expected = |f: &Frame| !sound || (header.records.0..=header.records.1).contains(&f.number);
            let resume = next_frame(chunk, position + 1, until, expected);
            let gap_end = resume.map_or(until.min(live), |f| f.at);
            self.gap(chunk, at, frame, position, gap_end, place);
            match resume {
                Some(next) => position = next.at,
                None => return elsewhere.unwrap_or(end),
            }
        }
    }

    /// Bytes where records should be: an unclosed record is tried, everything else is reported.
    fn gap(
        &mut self,
        chunk: &[u8],
        base: usize,
        frame: Option<Frame>,
        from: usize,
        to: usize,
        place: &mut Place<'_>,
    ) {
        if let Some(frame) = frame {
            let open = Frame { length: to.saturating_sub(frame.at), ..frame };
            place.report(
                base + frame.at,
                DiagnosticKind::Malformed,
                format!("record {}: its two lengths differ", frame.number),
            );
            if open.length > chunk::RECORD_HEADER + 4 {
                self.row(chunk, base, open, place);
            }
            return;
        }
        let kind = if to >= chunk.len() { DiagnosticKind::Truncated } else { DiagnosticKind::Malformed };
        let message = format!("{} bytes of a chunk hold no readable record", to.saturating_sub(from));
        place.report(base + from, kind, message);
    }

    /// Decodes one record into a row, or reports why not. `base` is the offset of the chunk in the unit, modulo
    /// 2⁶⁴ because a chunk whose beginning is lost may begin before it.
    fn row(&mut self, chunk: &[u8], base: usize, frame: Frame, place: &mut Place<'_>) {
        if let Err(fault) = self.try_row(chunk, base, frame, place) {
            place.report(
                base.wrapping_add(frame.at),
                fault.kind,
                format!("record {}: {}", frame.number, fault.what),
            );
        }
    }

    /// An error after the row was appended tells of damage that cost a part of it.
    fn try_row(
        &mut self,
        chunk: &[u8],
        base: usize,
        frame: Frame,
        place: &mut Place<'_>,
    ) -> Result<(), Fault> {
        let (start, end) = frame.body();
        self.record.read(chunk, start, end, &mut self.templates)?;
        let number = self.plan_number(place.store);
        let plan = match self.made.get_mut(number as usize) {
            Some(Ok(plan)) => plan,
            Some(Err(fault)) => return Err(*fault),
            None => return Err(Fault::SIZE),
        };
        plan.run(chunk, &self.record, place.store, &mut self.cells);
        let own = plan.sequence(chunk, &self.record).unwrap_or(frame.number);
        let is_credible = |credible: &RangeInclusive<u64>| own == frame.number || credible.contains(&own);
        let time = plan.time(chunk, &self.record).or_else(|| Timestamp::from_filetime(frame.written));
        let row = Row {
            time,
            sequence: self.credible.as_ref().is_none_or(is_credible).then_some(own),
            offset: base.wrapping_add(frame.at) as u64,
            length: frame.length as u32,
            sub: 0,
        };
        place.store.push_row(place.kind, plan.layout, row, &self.cells);
        match self.record.note {
            Some(note) => Err(note),
            None => Ok(()),
        }
    }

    /// Number of the plan for the present record.
    fn plan_number(&mut self, store: &mut Store) -> u32 {
        self.key.clear();
        for Instance { template, parent, .. } in &self.record.instances {
            self.key.extend([template.0, u32::from(parent.0) << 16 | u32::from(parent.1)]);
        }
        if let Some(number) = self.last_plan.filter(|_| self.last_key == self.key) {
            return number;
        }
        let number = if let Some(&number) = self.plans.get(self.key.as_slice()) {
            number
        } else {
            let number = self.made.len() as u32;
            let plan = Plan::new(&self.templates, &self.record.instances, store);
            self.slots += plan.as_ref().map_or(0, Plan::len);
            self.made.push(plan);
            self.plans.insert(self.key.as_slice().into(), number);
            number
        };
        std::mem::swap(&mut self.last_key, &mut self.key);
        self.last_plan = Some(number);
        number
    }
}

/// Reports what is wrong with a chunk's frame: whether its header can be believed, and whether its records can.
fn check(header: &Header, chunk: &[u8], at: usize, place: &mut Place<'_>) -> (bool, bool) {
    let intact = header.header_intact(chunk);
    let mut records = true;
    if !intact && !header.unchecked() {
        place.report(at, DiagnosticKind::ChecksumMismatch, "the checksum of a chunk header does not match");
    }
    if chunk.len() < CHUNK && chunk.len() < header.free {
        let message = format!("a chunk ends after {} of {CHUNK} bytes", chunk.len());
        place.report(at + chunk.len(), DiagnosticKind::Truncated, message);
    } else if !header.unchecked() && !header.records_intact(chunk) {
        records = false;
        place.report(
            at,
            DiagnosticKind::ChecksumMismatch,
            "the checksum of a chunk's records does not match",
        );
    }
    ((intact || header.unchecked()) && header.records.0 <= header.records.1, records)
}
