//! From cells to a row: kind, time, host, running number and the normalised fields.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hinomi_columns::{FieldId, LayoutId, Row, Store, ValueId, well_known};
use hinomi_model::{KindId, LogKind};
use jiff::tz::TimeZone;

use super::catalogue::{DeriveRule, Kind, Origin, TimeSlots};
use super::clock::{self, Reading};
use super::event::Event;
use super::mapping::{Scalar, TimeFormat};
use super::scan::{part, unescape};
use super::value::{Form, Raw, byte_array, intern};
use crate::text::Sent;

/// Services named by the logs themselves beyond this many fall back to the mapping's own.
const MAX_SERVICES: usize = 512;
/// Sequences of fields remembered.
const MAX_SHAPES: usize = 16_384;

/// Kinds by the name that the log itself states.
type Services = HashMap<Vec<u8>, KindId, RandomState>;

/// What the bits of an event decided, remembered.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    known: HashMap<(usize, u128), Verdict, RandomState>,
    services: HashMap<(usize, u128), Services, RandomState>,
    /// Services among all of `services`.
    named: usize,
}

#[derive(Debug, Clone)]
struct Verdict {
    id: KindId,
    kind: LogKind,
    rules: Arc<[usize]>,
}

/// What an event says about itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) kind: KindId,
    pub(super) time: Option<Reading>,
    pub(super) sequence: Option<u64>,
}

/// Turns one event's cells into a header and adds host and normalised fields to them.
pub(super) struct Finisher<'a> {
    pub(super) text: &'a [u8],
    pub(super) at: usize,
    pub(super) kind: &'static Kind,
    /// Ids of [`Kind::derived_names`], once asked for.
    pub(super) derived: &'a mut Vec<Option<FieldId>>,
    pub(super) verdicts: &'a mut Verdicts,
    pub(super) zone: &'a TimeZone,
}

impl Finisher<'_> {
    /// Reads what the event says about itself.
    pub(super) fn header(&mut self, event: &mut Event, store: &mut Store) -> Header {
        let key = (self.at, event.local);
        if !self.verdicts.known.contains_key(&key) {
            let verdict = decide(self.kind, event.local, store);
            if self.verdicts.known.len() >= MAX_SERVICES {
                self.verdicts.known.clear();
            }
            self.verdicts.known.insert(key, verdict);
        }
        let kind = self.service(event, store);
        self.host(event, store);
        let rules = self.verdicts.known.get(&key).map(|verdict| Arc::clone(&verdict.rules));
        if let Some(rules) = rules.filter(|rules| !rules.is_empty()) {
            self.derive(&rules, event, store);
        }
        Header { kind, time: self.time(event), sequence: self.sequence(event) }
    }

    fn raw(&self, raw: Raw) -> &[u8] {
        part(self.text, raw.start, raw.end)
    }

    fn first(&self, event: &Event, slot: u16) -> Option<Raw> {
        event.kept.iter().find(|(s, raw)| *s == slot && !is_null(self.raw(*raw), raw.form)).map(|(_, r)| *r)
    }

    /// The message that the event passes on, with who wrote it.
    pub(super) fn sent(&self, event: &Event) -> Option<Sent> {
        let text = |slots: &[u16]| {
            let raw = slots.iter().find_map(|&slot| self.first(event, slot))?;
            // Text that is not plain is an array of byte values; any other array is several texts.
            let bytes = match raw.form {
                Form::Nested => byte_array(self.raw(raw))?,
                form => decoded(self.raw(raw), form),
            };
            Some(String::from_utf8_lossy(&bytes).into_owned())
        };
        let [program, pid, message] = self.kind.message.as_ref()?;
        let message = text(message).filter(|message| !message.is_empty())?;
        Some(Sent { program: text(program).unwrap_or_default(), pid: text(pid).unwrap_or_default(), message })
    }

    fn service(&mut self, event: &Event, store: &mut Store) -> KindId {
        let Some(verdict) = self.verdicts.known.get(&(self.at, event.local)) else { return KindId(0) };
        let (base, from) = (verdict.id, self.kind.mapping.service_from.as_ref());
        let named = self.kind.service.and_then(|slot| self.first(event, slot));
        let (Some(from), Some(raw)) = (from, named) else { return base };
        let bytes = self.raw(raw);
        let key = (self.at, event.local);
        if let Some(&id) = self.verdicts.services.get(&key).and_then(|known| known.get(bytes)) {
            return id;
        }
        let plain = bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
        let text = String::from_utf8_lossy(bytes).into_owned();
        let name = match from.names.get(&text) {
            Some(name) => name.clone(),
            None if from.listed_only => return base,
            None => format!("{}{}", from.prefix, text.to_ascii_lowercase()),
        };
        if !plain || bytes.len() > 64 || self.verdicts.named >= MAX_SERVICES {
            return base;
        }
        let id = store.kind(&LogKind { service: name, ..verdict.kind.clone() });
        let bytes = bytes.to_vec();
        self.verdicts.named += 1;
        self.verdicts.services.entry(key).or_default().insert(bytes, id);
        id
    }

    fn host(&self, event: &mut Event, store: &mut Store) {
        let raw = self.kind.host.iter().find_map(|&slot| self.first(event, slot));
        let Some(raw) = raw else { return };
        if event.cells.iter().any(|(field, _)| *field == well_known::COMPUTER) {
            return;
        }
        let dictionary = store.dictionary_mut(well_known::COMPUTER);
        let value = intern(dictionary, part(self.text, raw.start, raw.end), raw.form, &mut event.repaired);
        event.cells.push((well_known::COMPUTER, value));
    }

    fn sequence(&self, event: &Event) -> Option<u64> {
        let raw = self.kind.sequence.iter().find_map(|&slot| self.first(event, slot))?;
        std::str::from_utf8(self.raw(raw)).ok()?.parse().ok()
    }

    fn time(&self, event: &Event) -> Option<Reading> {
        self.kind.times.iter().find_map(|time| self.time_of(time, event))
    }

    fn time_of(&self, time: &TimeSlots, event: &Event) -> Option<Reading> {
        let source = self.kind.mapping.time.get(time.source)?;
        let text = |slot: Option<u16>| self.first(event, slot?).map(|raw| self.raw(raw));
        let written = text(Some(time.slot))?;
        match source.format {
            TimeFormat::OffsetOf => clock::offset_of(written, text(time.local)?, text(time.utc)?),
            format => clock::read(written, format, self.zone),
        }
    }

    fn derive(&mut self, rules: &[usize], event: &mut Event, store: &mut Store) {
        if self.derived.len() != self.kind.derived_names.len() {
            *self.derived = self.kind.derived_names.iter().map(|name| store.field(name)).collect();
        }
        let rules = rules.iter().filter_map(|&at| self.kind.derives.get(at));
        let mut values: Vec<Value> = Vec::new();
        for (name, origins) in rules.flat_map(|rule| &rule.set) {
            let Some(field) = self.derived.get(*name).copied().flatten() else { continue };
            values.clear();
            origins.iter().find(|origin| {
                self.collect(origin, event, &mut values);
                !values.is_empty()
            });
            for value in &values {
                let id = self.intern(value, field, event, store);
                if !event.cells.contains(&(field, id)) {
                    event.cells.push((field, id));
                }
            }
        }
    }

    fn intern(&self, value: &Value, field: FieldId, event: &mut Event, store: &mut Store) -> ValueId {
        let dictionary = store.dictionary_mut(field);
        match value {
            Value::Bool(truth) => dictionary.bool(*truth),
            Value::Text(text) => dictionary.text(text),
            Value::Raw(raw) => intern(dictionary, self.raw(*raw), raw.form, &mut event.repaired),
        }
    }

    fn collect(&self, origin: &Origin, event: &Event, values: &mut Vec<Value>) {
        let of_slot = |slot: u16| {
            let filled = move |raw: &Raw| !is_null(self.raw(*raw), raw.form) && raw.start < raw.end;
            event.kept.iter().filter(move |(s, _)| *s == slot).map(|(_, raw)| *raw).filter(filled)
        };
        match origin {
            Origin::Constant(scalar) => push(values, scalar),
            Origin::Address(slot) => {
                let text = of_slot(*slot).map(|raw| decoded(self.raw(raw), raw.form));
                values.extend(text.filter_map(|text| address(&text)).map(Value::Text));
            }
            Origin::Copy(slot) => values.extend(of_slot(*slot).map(Value::Raw)),
            Origin::Table { slot, exact, patterns, otherwise } => {
                for raw in of_slot(*slot) {
                    let text = decoded(self.raw(raw), raw.form);
                    let found = exact.get(&text);
                    let found =
                        found.or_else(|| patterns.iter().find(|(p, _)| p.holds(&text)).map(|(_, to)| to));
                    if let Some(scalar) = found.or(otherwise.as_ref()) {
                        push(values, scalar);
                    }
                }
            }
        }
    }
}

/// A derived value before interning.
enum Value {
    Bool(bool),
    Text(String),
    Raw(Raw),
}

fn push(values: &mut Vec<Value>, scalar: &Scalar) {
    match scalar {
        Scalar::Bool(truth) => values.push(Value::Bool(*truth)),
        Scalar::Text(text) => values.push(Value::Text(text.clone())),
        Scalar::Several(texts) => values.extend(texts.iter().cloned().map(Value::Text)),
    }
}

/// The address of `ipv4:192.0.2.1:445`, `ipv6:2001:db8::1:445`, `192.0.2.1:22` or `[2001:db8::1]:22`.
fn address(text: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(text).ok()?;
    let (family, rest) = match text.split_once(':') {
        Some((family @ ("ipv4" | "ipv6"), rest)) => (family, rest),
        _ => ("", text),
    };
    let bare = match rest.strip_prefix('[') {
        Some(inner) => inner.split(']').next()?,
        None if family == "ipv6" || rest.matches(':').count() == 1 => rest.rsplit_once(':')?.0,
        None => rest,
    };
    bare.parse::<std::net::IpAddr>().ok().map(|a| a.to_string())
}

fn is_null(bytes: &[u8], form: Form) -> bool {
    form == Form::Word && bytes == b"null"
}

/// The text of a raw value.
pub(super) fn decoded(bytes: &[u8], form: Form) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    match form {
        Form::Escaped => _ = unescape(bytes, &mut out),
        Form::Nested => out = byte_array(bytes).unwrap_or_else(|| bytes.to_vec()),
        Form::Plain | Form::Word => out.extend_from_slice(bytes),
    }
    out
}

/// The kind that the bits say and the rules of normalisation that apply.
fn decide(kind: &Kind, bits: u128, store: &mut Store) -> Verdict {
    let mapping = &kind.mapping;
    let mut log = LogKind {
        product: mapping.product.clone(),
        service: mapping.service.clone(),
        categories: mapping.categories.clone(),
    };
    let holds = |wanted: &u128| bits & wanted == *wanted;
    let variant = kind.variants.iter().position(holds).and_then(|at| mapping.kinds.get(at));
    if let Some(variant) = variant {
        if let Some(product) = &variant.product {
            log.product.clone_from(product);
        }
        if let Some(service) = &variant.service {
            log.service.clone_from(service);
        }
        log.categories.extend(variant.categories.iter().cloned());
    }
    let applies = |rule: &DeriveRule| bits & rule.when == rule.when;
    let rules = kind.derives.iter().enumerate().filter(|(_, r)| applies(r)).map(|(at, _)| at).collect();
    Verdict { id: store.kind(&log), kind: log, rules }
}

/// Layouts by the order in which fields appeared.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    epoch: u32,
    shapes: Vec<KnownShape>,
    index: HashMap<u64, usize, RandomState>,
    values: Vec<ValueId>,
}

#[derive(Debug)]
struct KnownShape {
    fields: Vec<FieldId>,
    /// Positions of `fields` in ascending order; empty when one repeats.
    order: Vec<usize>,
    layout: Option<LayoutId>,
}

impl Shapes {
    /// Appends a row; the cells are left empty.
    pub(super) fn push(
        &mut self,
        kind: KindId,
        row: Row,
        cells: &mut Vec<(FieldId, ValueId)>,
        store: &mut Store,
    ) {
        if self.epoch != store.epoch() || self.shapes.len() >= MAX_SHAPES {
            self.epoch = store.epoch();
            self.shapes.clear();
            self.index.clear();
        }
        let hash = cells.iter().fold(cells.len() as u64, |hash, (field, _)| {
            (hash.rotate_left(5) ^ u64::from(field.0)).wrapping_mul(0x517c_c1b7_2722_0a95)
        });
        let found = self.index.get(&hash).copied().and_then(|at| self.shapes.get(at));
        let same = |shape: &&KnownShape| {
            shape.fields.len() == cells.len() && shape.fields.iter().zip(cells.iter()).all(|(a, b)| *a == b.0)
        };
        if !found.as_ref().is_some_and(same) {
            self.index.insert(hash, self.shapes.len());
            self.shapes.push(KnownShape::new(cells, store));
        }
        let shape = self.index.get(&hash).and_then(|&at| self.shapes.get(at));
        match shape.and_then(|s| s.layout.map(|layout| (s, layout))) {
            Some((shape, layout)) => {
                self.values.clear();
                self.values.extend(shape.order.iter().filter_map(|&at| cells.get(at)).map(|cell| cell.1));
                store.push_row(kind, layout, row, &self.values);
                cells.clear();
            }
            None => store.push(kind, row, cells),
        }
    }
}

impl KnownShape {
    fn new(cells: &[(FieldId, ValueId)], store: &mut Store) -> Self {
        let fields: Vec<FieldId> = cells.iter().map(|cell| cell.0).collect();
        let mut order: Vec<usize> = (0..fields.len()).collect();
        order.sort_by_key(|&at| fields.get(at).copied());
        let sorted: Vec<FieldId> = order.iter().filter_map(|&at| fields.get(at).copied()).collect();
        let distinct = sorted.is_sorted_by(|a, b| a < b);
        let layout = distinct.then(|| store.layout(&sorted));
        Self { fields, order, layout }
    }
}

/// The row of an event.
pub(super) fn row(header: &Header, offset: usize, length: usize, sub: u32) -> Row {
    Row {
        time: header.time.map(|r| r.time),
        sequence: header.sequence,
        offset: offset as u64,
        length: u32::try_from(length).unwrap_or(u32::MAX),
        sub,
    }
}
