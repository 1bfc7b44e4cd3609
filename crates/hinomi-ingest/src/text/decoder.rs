//! Units of text into rows.

use std::borrow::Cow;

use hinomi_columns::{Row, Store};
use hinomi_model::{DiagnosticKind, Diagnostics, LogKind, Timestamp};

use super::apply;
use super::audit::{self, Joiner};
use super::catalogue::{Catalogue, Mapping};
use super::clock::Resolver;
use super::csv;
use super::envelope::{self, Envelope, Framing};
use super::event::{Event, Key, Sink, Value};
use super::lines::{self, Line, MAX_LINE, Reading, lines};
use super::names::{Slot, fixed};
use super::pairs;
use super::recognise::recognise;
use super::stamp::{self, Stamp};
use super::table::Table;
use super::template::Captures;
use crate::{Decode, Unit};

/// Bytes from which a table is recognised.
const SAMPLE: usize = 64 * 1024;
/// Lines that one quoted CSV cell may span.
const MAX_CELL_LINES: usize = 64;

/// Decoder of every text format; stateless between units.
#[derive(Default, Debug)]
pub struct TextDecoder {
    scratch: (Captures, Vec<u16>),
}

impl Decode for TextDecoder {
    fn decode(&mut self, unit: &Unit, store: &mut Store, diagnostics: &mut Diagnostics) {
        let catalogue = Catalogue::bundled();
        // The first unit of a member holds its header lines itself (a byte order mark may precede it).
        let own = if unit.offset <= 3 && unit.preamble.is_empty() {
            let sample = unit.bytes.get(..SAMPLE.min(unit.bytes.len())).unwrap_or_default();
            sample.get(..recognise(sample).map_or(0, |found| found.preamble)).unwrap_or_default()
        } else {
            &[]
        };
        let (preamble, _) = lines::text(if own.is_empty() { &unit.preamble } else { own });
        let mut run = Run {
            catalogue,
            sink: Sink::new(store),
            table: Table::of_preamble(&preamble),
            resolver: Resolver::default(),
            joiner: Joiner::default(),
            joined: Vec::new(),
            diagnostics,
            unit,
            place: unit.member.place(),
            scratch: std::mem::take(&mut self.scratch),
            default_kinds: default_kinds(),
        };
        run.unit();
        self.scratch = run.scratch;
    }
}

/// Kinds of lines that no mapping claims.
pub(super) struct DefaultKinds {
    syslog: LogKind,
    text: LogKind,
    pairs: LogKind,
    pub(super) csv: LogKind,
    audit: LogKind,
}

impl DefaultKinds {
    fn new() -> Self {
        let kind = |product: &str, service: &str| LogKind {
            product: product.to_owned(),
            service: service.to_owned(),
            categories: Vec::new(),
        };
        Self {
            syslog: kind("linux", "syslog"),
            text: kind("text", ""),
            pairs: kind("text", "pairs"),
            csv: kind("csv", ""),
            audit: kind("linux", "auditd"),
        }
    }
}

fn default_kinds() -> &'static DefaultKinds {
    static KINDS: std::sync::OnceLock<DefaultKinds> = std::sync::OnceLock::new();
    KINDS.get_or_init(DefaultKinds::new)
}

pub(super) struct Run<'u, 's> {
    pub(super) catalogue: &'static Catalogue,
    sink: Sink<'s>,
    table: Table,
    pub(super) resolver: Resolver,
    joiner: Joiner,
    joined: Vec<audit::Joined>,
    diagnostics: &'u mut Diagnostics,
    pub(super) unit: &'u Unit,
    place: String,
    scratch: (Captures, Vec<u16>),
    pub(super) default_kinds: &'static DefaultKinds,
}

impl Run<'_, '_> {
    fn unit(&mut self) {
        let bytes = self.unit.bytes.as_slice();
        let mut rest = lines(bytes);
        while let Some(line) = rest.next() {
            let line = self.whole_record(bytes, line, &mut rest);
            self.line(line);
        }
        self.joiner.finish(&mut self.joined);
        self.flush_joined();
        self.report_assumptions();
    }

    /// A CSV record whose quoted cell goes on in the next lines.
    fn whole_record<'a>(
        &self,
        bytes: &'a [u8],
        line: Line<'a>,
        rest: &mut impl Iterator<Item = Line<'a>>,
    ) -> Line<'a> {
        if !matches!(self.table, Table::Csv(_)) || !csv::is_open(line.bytes) {
            return line;
        }
        let mut end = line.offset + line.bytes.len();
        for next in rest.take(MAX_CELL_LINES) {
            end = next.offset + next.bytes.len();
            if csv::is_open(next.bytes) {
                break;
            }
        }
        Line { offset: line.offset, bytes: bytes.get(line.offset..end).unwrap_or(line.bytes) }
    }

    fn report(&mut self, offset: usize, kind: DiagnosticKind, message: &str) {
        self.diagnostics.push(&self.place, self.unit.offset + offset as u64, kind, message);
    }

    fn report_assumptions(&mut self) {
        // Said once per member, by its first unit, whichever thread decodes the others.
        let assumed = self.resolver.assumed;
        if self.unit.offset > 3 || !(assumed.zone || assumed.year) {
            return;
        }
        let zone = self.unit.clocks.zone.iana_name().unwrap_or("a fixed offset").to_owned();
        let message = match (assumed.zone, assumed.year) {
            (true, true) => {
                format!("times state no zone and no year: read in {zone}, in the latest year possible")
            }
            (true, false) => format!("times state no zone: read in {zone}"),
            _ => "times state no year: read in the latest year possible".to_owned(),
        };
        self.report(0, DiagnosticKind::AssumedTime, &message);
    }

    fn line(&mut self, line: Line<'_>) {
        let mut bytes = line.bytes;
        if bytes.len() > MAX_LINE {
            self.report(
                line.offset,
                DiagnosticKind::Truncated,
                "a line longer than 1 MiB was cut for matching",
            );
            bytes = bytes.get(..MAX_LINE).unwrap_or_default();
        }
        while let [head @ .., 0] = bytes {
            bytes = head;
        }
        while let [0, tail @ ..] = bytes {
            bytes = tail;
        }
        let (text, reading) = lines::text(bytes);
        if reading == Reading::Lossy {
            self.report(
                line.offset,
                DiagnosticKind::Encoding,
                "bytes that are neither UTF-8 nor CP932 were replaced",
            );
        }
        if text.trim().is_empty() || (text.starts_with(['#', '\u{feff}']) && self.table.directive(&text)) {
            return;
        }
        let row = Row {
            time: None,
            sequence: None,
            offset: line.offset as u64,
            length: u32::try_from(line.bytes.len()).unwrap_or(u32::MAX),
            sub: 0,
        };
        let table = std::mem::take(&mut self.table);
        match &table {
            Table::Zeek(header) if !header.fields.is_empty() => self.zeek(header, &text, row),
            Table::W3c(header) if !header.fields.is_empty() => self.w3c(header, &text, row),
            Table::Csv(header) => self.csv(header, &text, row),
            _ => self.free_line(&text, row),
        }
        self.table = table;
    }

    pub(super) fn emit(&mut self, kind: &LogKind, row: Row, event: &mut Event<'_>) {
        set_host(event);
        self.sink.emit(&self.catalogue.names, kind, row, event);
    }

    fn emit_static(&mut self, kind: &'static LogKind, row: Row, event: &mut Event<'_>) {
        set_host(event);
        self.sink.emit_static(&self.catalogue.names, kind, row, event);
    }

    pub(super) fn free_line(&mut self, text: &str, mut row: Row) {
        let envelope = envelope::parse(text);
        row.time = envelope.stamp.and_then(|s| self.resolver.resolve(s, &self.unit.clocks));
        let mut event = Event::roomy();
        event.push(Key::Slot(fixed::RAW), Value::Text(Cow::Borrowed(text)));
        header_fields(&envelope, &mut event);
        if audit::is_record(envelope.message) {
            self.audit(&envelope, row, &mut event);
            return;
        }
        let found = meaning(self.catalogue, &envelope, &mut event, &mut self.scratch);
        let kind = found.map_or_else(|| self.default_kind(&envelope), |(kind, _)| kind);
        // A header that states its zone beats a message time that does not.
        let zoned = envelope.stamp.is_some_and(Stamp::is_zoned);
        let stated = self.event_time(found.map(|(_, mapping)| mapping), &event);
        row.time = match stated {
            Some((_, false)) if zoned => row.time,
            Some((time, _)) => Some(time),
            None => row.time,
        };
        self.emit_static(kind, row, &mut event);
    }

    fn audit(&mut self, envelope: &Envelope<'_>, mut row: Row, event: &mut Event<'_>) {
        let Some(head) = audit::head(envelope.message) else { return };
        row.time = head.time.or(row.time);
        row.sequence = Some(head.serial);
        let mut event = std::mem::take(event).shortened();
        audit::fields(&head, &self.catalogue.names, &mut event);
        let mapping = self.catalogue.of_program("audit").first().and_then(|&i| self.catalogue.mapping(i));
        let kind = mapping.map_or(&self.default_kinds.audit, |m| apply::meaning(m, &m.kind, &mut event));
        let span = (row.offset as usize, row.offset as usize + row.length as usize);
        self.joiner.add(&head, envelope.host, span, &mut self.joined);
        self.emit_static(kind, row, &mut event);
        self.flush_joined();
    }

    fn flush_joined(&mut self) {
        for (kind, row, fields, node) in std::mem::take(&mut self.joined) {
            let mut event = audit::joined_event(&self.catalogue.names, fields, &node);
            self.emit(&kind, row, &mut event);
        }
    }

    fn default_kind(&self, envelope: &Envelope<'_>) -> &'static LogKind {
        match envelope.framing {
            Framing::Syslog | Framing::Syslog5424 => &self.default_kinds.syslog,
            Framing::Stamped | Framing::Plain if pairs::looks_like_pairs(envelope.message, 3) => {
                &self.default_kinds.pairs
            }
            Framing::Stamped | Framing::Plain => &self.default_kinds.text,
        }
    }

    /// The time that the event's own fields state, and whether they state its zone.
    pub(super) fn event_time(
        &mut self,
        mapping: Option<&Mapping>,
        event: &Event<'_>,
    ) -> Option<(Timestamp, bool)> {
        if let Some(value) = event.get(fixed::TIME) {
            let stamp = stamp::whole(value.text())?;
            return self.resolver.resolve(stamp, &self.unit.clocks).map(|time| (time, stamp.is_zoned()));
        }
        let mapping = mapping?;
        mapping.time.iter().find_map(|slots| self.joined_time(slots, mapping.zone, event))
    }

    fn joined_time(
        &mut self,
        slots: &[Slot],
        zone: Option<Slot>,
        event: &Event<'_>,
    ) -> Option<(Timestamp, bool)> {
        let mut text = String::new();
        for &slot in slots {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(event.stated(slot)?.text());
        }
        let with_zone =
            zone.and_then(|slot| event.stated(slot)).map(|zone| format!("{text} {}", zone.text()));
        let stamp = with_zone.and_then(|text| stamp::whole(&text)).or_else(|| stamp::whole(&text))?;
        self.resolver.resolve(stamp, &self.unit.clocks).map(|time| (time, stamp.is_zoned()))
    }
}

/// A host that the message names is the host of the event.
fn set_host(event: &mut Event<'_>) {
    if let Some(host) = event.stated(fixed::HOST).cloned() {
        event.set(fixed::COMPUTER, host);
    }
}

/// The parts of the header that are stored.
pub(super) fn header_fields<'a>(envelope: &Envelope<'a>, event: &mut Event<'a>) {
    let parts = [
        (fixed::COMPUTER, envelope.host),
        (fixed::PROGRAM, envelope.program),
        (fixed::PID, envelope.pid),
        (fixed::MSGID, envelope.msgid),
    ];
    for (slot, text) in parts {
        if !text.is_empty() {
            event.push(Key::Slot(slot), Value::Text(Cow::Borrowed(text)));
        }
    }
    if envelope.framing != Framing::Plain {
        event.push(Key::Slot(fixed::MESSAGE), Value::Text(Cow::Borrowed(envelope.message)));
    }
    if let Some((facility, severity)) = envelope.priority {
        event.push(Key::Slot(fixed::FACILITY), Value::Number(facility.to_string().into()));
        event.push(Key::Slot(fixed::SEVERITY), Value::Number(severity.to_string().into()));
    }
}

/// What a message means: kind of the event and the mapping that said so.
pub(super) fn meaning<'a>(
    catalogue: &'static Catalogue,
    envelope: &Envelope<'a>,
    event: &mut Event<'a>,
    scratch: &mut (Captures, Vec<u16>),
) -> Option<(&'static LogKind, &'static Mapping)> {
    let names = &catalogue.names;
    if !envelope.structured.is_empty() {
        pairs::split(envelope.structured.trim_matches(['[', ']']), names, event);
    }
    if let Some(cef) = pairs::cef(envelope.message) {
        for (name, value) in pairs::CEF_HEADER.iter().zip(&cef.header) {
            event.push_named(names, *name, Value::of(value.clone()));
        }
        pairs::cef_extension(cef.extension, names, event);
        let mapping = catalogue.of_cef(&cef.header[0], &cef.header[1])?;
        return Some((apply::meaning(mapping, &mapping.kind, event), mapping));
    }
    if let Some((vendor, product)) = pairs::leef(envelope.message, names, event) {
        let mapping = catalogue.of_cef(vendor, product)?;
        return Some((apply::meaning(mapping, &mapping.kind, event), mapping));
    }
    // Some gear puts all it says into the structured data.
    let text = if envelope.message.is_empty() { envelope.structured } else { envelope.message };
    if let Some(found) = apply::choose(catalogue, envelope.program, text, event, scratch) {
        return Some(found);
    }
    if pairs::looks_like_pairs(envelope.message, 3) {
        pairs::split(envelope.message, names, event);
    }
    None
}
