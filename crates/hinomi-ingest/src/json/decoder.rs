//! The decoder: finds objects in a unit, reads them, and goes on after damage.

use std::borrow::Cow;
use std::ops::Range;

use hinomi_columns::{FieldId, Store, ValueId};
use hinomi_model::{DiagnosticKind, Diagnostics};
use memchr::memchr;

use super::catalogue::{CATALOGUE, Kind};
use super::envelope::{self, Opening};
use super::event::{Damage, Event, Fault, Reader};
use super::finish::{Finisher, Header, Shapes, Verdicts, row};
use super::resync;
use super::scan::{breaks_a_string, byte, part, skip_space, skip_value, string_end};
use super::trie::Trie;
use super::wide::Offsets;
use crate::text::Messages;
use crate::{Decode, Unit};

/// Reads JSON logs of any framing: lines, arrays, envelopes, objects over many lines.
///
/// # Invariants
/// One decoder serves one [`Store`]: it remembers field ids.
#[derive(Debug, Default)]
pub struct JsonDecoder {
    /// One per kind, filled on first use.
    tries: Vec<Option<Trie>>,
    derived: Vec<Vec<Option<FieldId>>>,
    current: usize,
    event: Event,
    common: Common,
    verdicts: Verdicts,
    shapes: Shapes,
    messages: Messages,
    /// Number of the unit at hand.
    number: u32,
    /// First key of the last object that was not an envelope.
    plain_key: Vec<u8>,
}

/// What the events of one split object share.
#[derive(Debug, Default)]
struct Common {
    cells: Vec<(FieldId, ValueId)>,
    kept: Vec<(u16, super::value::Raw)>,
}

impl JsonDecoder {
    /// A decoder that has seen nothing.
    pub fn new() -> Self {
        let kinds = CATALOGUE.kinds.len();
        Self {
            tries: (0..kinds).map(|_| None).collect(),
            derived: vec![Vec::new(); kinds],
            current: kinds.saturating_sub(1),
            ..Self::default()
        }
    }
}

impl Decode for JsonDecoder {
    fn decode(&mut self, unit: &Unit, store: &mut Store, diagnostics: &mut Diagnostics) {
        self.number = self.number.wrapping_add(1).max(1);
        let mut losses = Losses::new(unit, diagnostics);
        let mut wide = None;
        let text = match super::cut::wide_order(&unit.bytes) {
            Some(order) => {
                let (text, offsets) = Offsets::transcode(&unit.bytes, order);
                if offsets.replaced {
                    losses.push(0, DiagnosticKind::Encoding, "invalid UTF-16 was replaced");
                }
                wide = Some(offsets);
                Cow::Owned(text)
            }
            None => Cow::Borrowed(unit.bytes.as_slice()),
        };
        if let Some(offsets) = &wide {
            losses.written = Written::Wide(offsets, &text);
        }
        let mut walk = Walk { decoder: self, text: &text, store, losses };
        walk.run();
    }
}

impl JsonDecoder {
    /// Reads objects that say the same as the bytes of a unit, which its rows cite.
    pub(crate) fn decode_objects(
        &mut self,
        unit: &Unit,
        text: &[u8],
        places: &[Place],
        store: &mut Store,
        diagnostics: &mut Diagnostics,
    ) {
        self.number = self.number.wrapping_add(1).max(1);
        let losses = Losses { written: Written::Elsewhere(places), ..Losses::new(unit, diagnostics) };
        let mut walk = Walk { decoder: self, text, store, losses };
        for place in places {
            if walk.read(place.text.start).is_err() {
                walk.losses.push(place.text.start, DiagnosticKind::Malformed, "an entry could not be read");
            }
        }
    }
}

/// An object and the bytes of the unit that say the same.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) text: Range<usize>,
    pub(crate) own: Range<usize>,
}

/// How what is read stands in the unit.
enum Written<'a> {
    AsItIs,
    Wide(&'a Offsets, &'a [u8]),
    /// In order.
    Elsewhere(&'a [Place]),
}

/// Losses of one unit.
struct Losses<'a> {
    unit: &'a Unit,
    diagnostics: &'a mut Diagnostics,
    place: Option<String>,
    written: Written<'a>,
    assumed: bool,
}

impl<'a> Losses<'a> {
    fn new(unit: &'a Unit, diagnostics: &'a mut Diagnostics) -> Self {
        Self { unit, diagnostics, place: None, written: Written::AsItIs, assumed: false }
    }

    /// Offset in the unit's own bytes.
    fn original(&self, at: usize) -> usize {
        match self.written {
            Written::AsItIs => at,
            Written::Wide(offsets, text) => offsets.original(at, text),
            Written::Elsewhere(places) => {
                let before = places.partition_point(|place| place.text.start <= at).checked_sub(1);
                let place = before.and_then(|before| places.get(before));
                place.map_or(0, |place| if at < place.text.end { place.own.start } else { place.own.end })
            }
        }
    }

    fn push(&mut self, at: usize, kind: DiagnosticKind, message: impl Into<String>) {
        let unit = self.unit;
        let at = self.original(at);
        let place = self.place.get_or_insert_with(|| unit.member.place());
        self.diagnostics.push(place, unit.offset + at as u64, kind, message);
    }
}

struct Walk<'a> {
    decoder: &'a mut JsonDecoder,
    text: &'a [u8],
    store: &'a mut Store,
    losses: Losses<'a>,
}

impl Walk<'_> {
    fn run(&mut self) {
        let text = self.text;
        let mut at = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        // Offset behind which nothing has been read yet, for the column of a damaged object.
        let mut line = at;
        loop {
            at = skip_space(text, at);
            let Some(&next) = text.get(at) else { return };
            at = match next {
                b'{' => {
                    let end = self.object(at, line);
                    line = end;
                    end
                }
                b'"' => self.member(at),
                // Separators, brackets of arrays and envelopes, and the record separator of RFC 7464.
                b',' | b'[' | b']' | b'}' | 0x1e => at + 1,
                _ => self.stray(at),
            };
        }
    }

    /// An object: an envelope is entered, an event is read. Returns where to go on.
    fn object(&mut self, at: usize, line: usize) -> usize {
        if !self.starts_like_last(at) {
            if let Opening::Events { at, .. } = envelope::opening(self.text, at) {
                return at;
            }
            self.remember_first_key(at);
        }
        match self.read(at) {
            Ok(end) => end,
            Err(fault) => self.after_damage(at, line, fault),
        }
    }

    fn starts_like_last(&self, at: usize) -> bool {
        let key = &self.decoder.plain_key;
        !key.is_empty() && self.text.get(at + 1..).is_some_and(|rest| rest.starts_with(key))
    }

    fn remember_first_key(&mut self, at: usize) {
        let end = string_end(self.text, skip_space(self.text, at + 1) + 1).map_or(at, |(end, _)| end);
        self.decoder.plain_key.clear();
        self.decoder.plain_key.extend_from_slice(part(self.text, at + 1, (end + 1).min(at + 256)));
    }

    fn after_damage(&mut self, at: usize, line: usize, fault: Fault) -> usize {
        let (kind, expected) = match fault.what {
            Damage::Ends => (DiagnosticKind::Truncated, "the object does not end"),
            Damage::TooDeep => (DiagnosticKind::LimitExceeded, "more than 64 levels of nesting"),
            Damage::NoKey => (DiagnosticKind::Malformed, "a key was expected"),
            Damage::NoColon => (DiagnosticKind::Malformed, "a colon was expected"),
            Damage::NoValue => (DiagnosticKind::Malformed, "a value was expected"),
            Damage::NoComma => (DiagnosticKind::Malformed, "a comma or a closing bracket was expected"),
            Damage::BrokenString => (DiagnosticKind::Malformed, "a line ends inside a string"),
        };
        self.losses.push(at, kind, format!("{expected} at {} bytes into the object", fault.at - at));
        resync::next_object(self.text, line, at)
            .or_else(|| resync::next_element(self.text, fault.at))
            .unwrap_or(self.text.len())
    }

    /// A string outside any object: a key of an envelope that follows its events, or stray text.
    fn member(&mut self, at: usize) -> usize {
        let Some((end, _)) = string_end(self.text, at + 1) else { return self.stray(at) };
        let colon = skip_space(self.text, end + 1);
        if byte(self.text, colon) != b':' {
            return self.stray(at);
        }
        let value = skip_space(self.text, colon + 1);
        let key = part(self.text, at + 1, end);
        if envelope::is_path_key(key) && matches!(byte(self.text, value), b'[' | b'{') {
            return value;
        }
        match skip_value(self.text, value).filter(|&end| !self.swallows_lines(at, end)) {
            Some(end) => end,
            None => self.stray(at),
        }
    }

    /// True when damage makes a member look as if it contained the objects of the lines that follow it.
    fn swallows_lines(&self, start: usize, end: usize) -> bool {
        let member = part(self.text, start, end);
        memchr::memmem::find(member, b"\n{").is_some()
            || (memchr(b'\n', member).is_some() && breaks_a_string(self.text, start, end))
    }

    /// Bytes that are neither an object nor around one.
    fn stray(&mut self, at: usize) -> usize {
        let rest = part(self.text, at, self.text.len());
        if rest.first() == Some(&0) {
            let run = rest.iter().take_while(|&&b| b == 0).count();
            self.losses.push(at, DiagnosticKind::Malformed, format!("{run} NUL bytes between objects"));
            return at + run;
        }
        let line = part(rest, 0, memchr(b'\n', rest).unwrap_or(rest.len()));
        let element = skip_value(self.text, at).map(|end| skip_space(self.text, end));
        self.losses.push(at, DiagnosticKind::Malformed, "an object was expected");
        match element {
            // A scalar in an array does not hide the objects beside it.
            Some(end) if matches!(byte(self.text, end), b',' | b']') && end <= at + line.len() => end,
            _ => resync::next_line(self.text, at),
        }
    }

    /// Reads the event at `at` as the kind it turns out to be, and appends it.
    fn read(&mut self, at: usize) -> Result<usize, Fault> {
        let mut end = self.parse(at)?;
        let kind = CATALOGUE.recognise(self.decoder.event.global);
        if kind != self.decoder.current {
            self.decoder.current = kind;
            end = self.parse(at)?;
        }
        if memchr(b'\n', part(self.text, at, end)).is_some() && breaks_a_string(self.text, at, end) {
            return Err(Fault { at, what: Damage::BrokenString });
        }
        if self.decoder.event.overflowed {
            self.losses.push(
                at,
                DiagnosticKind::LimitExceeded,
                "more than 65,536 field names: the rest is left out",
            );
        }
        if let Some((node, array)) = self.decoder.event.split.take() {
            self.split(at, end, node, array);
        } else {
            let header = self.finish();
            self.append(&header, at, end, 0);
        }
        Ok(end)
    }

    fn parse(&mut self, at: usize) -> Result<usize, Fault> {
        let current = self.decoder.current;
        let decoder = &mut *self.decoder;
        let number = decoder.number;
        decoder.event.clear();
        let (Some(slot), Some(kind)) = (decoder.tries.get_mut(current), kind_at(current)) else {
            return Err(Fault { at, what: Damage::NoValue });
        };
        let trie = slot.get_or_insert_with(|| Trie::new(kind));
        trie.begin_event();
        let mut reader =
            Reader { text: self.text, at, trie, store: &mut *self.store, event: &mut decoder.event, number };
        reader.root()?;
        Ok(reader.at)
    }

    /// One event per element of the array that starts at `array`, each with all the rest of the object.
    fn split(&mut self, start: usize, end: usize, node: u32, array: usize) {
        let decoder = &mut *self.decoder;
        std::mem::swap(&mut decoder.common.cells, &mut decoder.event.cells);
        std::mem::swap(&mut decoder.common.kept, &mut decoder.event.kept);
        let (global, local) = (decoder.event.global, decoder.event.local);
        let mut at = skip_space(self.text, array + 1);
        let mut sub = 0;
        loop {
            let decoder = &mut *self.decoder;
            decoder.event.clear();
            decoder.event.cells.extend_from_slice(&decoder.common.cells);
            (decoder.event.global, decoder.event.local) = (global, local);
            let more =
                matches!(byte(self.text, at), b'{' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n' | b'[');
            if more {
                match self.element(node, at) {
                    Ok(next) => at = skip_space(self.text, next),
                    Err(fault) => {
                        self.losses.push(fault.at, DiagnosticKind::Malformed, "an element could not be read");
                        return;
                    }
                }
            } else if sub > 0 {
                return;
            }
            let decoder = &mut *self.decoder;
            decoder.event.kept.extend_from_slice(&decoder.common.kept);
            let header = self.finish();
            self.append(&header, start, end, sub);
            sub += 1;
            if byte(self.text, at) != b',' {
                return;
            }
            at = skip_space(self.text, at + 1);
        }
    }

    fn element(&mut self, node: u32, at: usize) -> Result<usize, Fault> {
        let current = self.decoder.current;
        let decoder = &mut *self.decoder;
        let number = decoder.number;
        let Some(Some(trie)) = decoder.tries.get_mut(current) else {
            return Err(Fault { at, what: Damage::NoValue });
        };
        let mut reader =
            Reader { text: self.text, at, trie, store: &mut *self.store, event: &mut decoder.event, number };
        reader.element(node)?;
        Ok(reader.at)
    }

    fn finish(&mut self) -> Header {
        let decoder = &mut *self.decoder;
        let current = decoder.current;
        let (Some(kind), Some(derived)) = (kind_at(current), decoder.derived.get_mut(current)) else {
            return Header { kind: hinomi_model::KindId(0), time: None, sequence: None };
        };
        let mut finisher = Finisher {
            text: self.text,
            at: current,
            kind,
            derived,
            verdicts: &mut decoder.verdicts,
            zone: &self.losses.unit.clocks.zone,
        };
        let mut header = finisher.header(&mut decoder.event, self.store);
        if let Some(sent) = finisher.sent(&decoder.event) {
            let known = decoder.messages.read(&sent, self.store, &mut decoder.event.cells);
            header.kind = known.unwrap_or(header.kind);
        }
        header
    }

    fn append(&mut self, header: &Header, start: usize, end: usize, sub: u32) {
        if self.decoder.event.repaired {
            self.losses.push(start, DiagnosticKind::Encoding, "characters that are not valid were replaced");
        }
        if header.time.is_some_and(|t| t.assumed) && !self.losses.assumed {
            self.losses.assumed = true;
            let zone = self.losses.unit.clocks.zone.iana_name().unwrap_or("the zone given").to_owned();
            self.losses.push(
                start,
                DiagnosticKind::AssumedTime,
                format!("times without zone are read as {zone}"),
            );
        }
        let (from, to) = (self.losses.original(start), self.losses.original(end));
        let row = row(header, from, to.saturating_sub(from), sub);
        let decoder = &mut *self.decoder;
        decoder.shapes.push(header.kind, row, &mut decoder.event.cells, self.store);
    }
}

fn kind_at(at: usize) -> Option<&'static Kind> {
    CATALOGUE.kinds.get(at)
}
