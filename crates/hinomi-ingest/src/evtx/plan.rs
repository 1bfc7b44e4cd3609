//! What to do with the values of a record of a known shape.

use hinomi_columns::{Dictionary, FieldId, LayoutId, Store, ValueId};
use hinomi_model::Timestamp;

use super::fault::Fault;
use super::flatten::{Assignment, Flattener, Piece};
use super::record::{Instance, Record, Value};
use super::template::Templates;
use super::utf16;
use super::value::{self, kind};

/// The program for all records with the same templates in the same places: one slot per column, in the order of
/// the layout.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) layout: LayoutId,
    slots: Vec<Slot>,
    time: Option<(u16, u16)>,
    sequence: Option<(u16, u16)>,
}

#[derive(Debug)]
struct Slot {
    field: FieldId,
    /// What this slot gave last time: most slots repeat themselves from record to record.
    last: ValueId,
    source: Source,
}

#[derive(Debug)]
enum Source {
    /// One substitution.
    Value(u16, u16),
    /// One substitution, unless another one is null.
    ValueIf((u16, u16), (u16, u16)),
    /// Always `Slot::last`.
    Fixed,
    /// Several pieces, several assignments to one field, or several conditions.
    Composed(Vec<Part>),
}

#[derive(Debug)]
struct Part {
    assignment: Assignment,
    /// As in [`Slot`].
    last: ValueId,
}

impl Plan {
    /// Plans records with these instances for what `store` keeps.
    pub(super) fn new(
        templates: &Templates,
        instances: &[Instance],
        store: &mut Store,
    ) -> Result<Self, Fault> {
        let assignments = Flattener::run(templates, instances)?;
        let single = |name: &str| {
            let found = assignments.iter().find(|a| a.name == name)?;
            match found.pieces.as_slice() {
                [Piece::Value(instance, index)] => Some((*instance, *index)),
                _ => None,
            }
        };
        let (time, sequence) = (single("TimeCreated"), single("EventRecordID"));
        let kept = assignments.into_iter().filter_map(|a| Some((store.field(&a.name)?, a)));
        let mut kept: Vec<(FieldId, Assignment)> = kept.collect();
        kept.sort_by_key(|(field, _)| *field);
        let mut slots: Vec<Slot> = Vec::with_capacity(kept.len());
        for group in kept.chunk_by(|a, b| a.0 == b.0) {
            let Some((field, _)) = group.first() else { continue };
            slots.push(Slot::new(*field, group.iter().map(|(_, a)| a.clone()).collect(), store));
        }
        let fields: Vec<FieldId> = slots.iter().map(|s| s.field).collect();
        Ok(Self { layout: store.layout(&fields), slots, time, sequence })
    }

    /// How many slots it has.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Interns the values of a record; `cells` then has one value per slot.
    pub(super) fn run(&mut self, chunk: &[u8], record: &Record, store: &mut Store, cells: &mut Vec<ValueId>) {
        cells.clear();
        for slot in &mut self.slots {
            let field = slot.field;
            let id = match &mut slot.source {
                Source::Value(instance, index) => {
                    let found = record.value(*instance, *index);
                    single(store.dictionary_mut(field), slot.last, found, chunk)
                }
                Source::ValueIf(value, need) => {
                    let found = record.value(value.0, value.1).filter(|_| present(record, *need));
                    single(store.dictionary_mut(field), slot.last, found, chunk)
                }
                Source::Fixed => slot.last,
                Source::Composed(parts) => compose(parts, field, chunk, record, store, cells),
            };
            slot.last = id;
            cells.push(id);
        }
    }

    /// The time stated in the system part.
    pub(super) fn time(&self, chunk: &[u8], record: &Record) -> Option<Timestamp> {
        let (instance, index) = self.time?;
        let value = record.value(instance, index)?;
        let bytes = value.bytes(chunk);
        match value.ty {
            kind::FILETIME => Timestamp::from_filetime(u64::from_le_bytes(*bytes.first_chunk()?)),
            kind::SYSTEMTIME => {
                let [year, month, day, hour, minute, second, millis] =
                    value::system_parts(bytes).map(|p| p as u32);
                Timestamp::from_civil(
                    (year as i32, month, day),
                    (hour, minute, second),
                    millis.saturating_mul(1_000_000),
                )
            }
            kind::STRING => Timestamp::parse_iso(utf16::text(bytes).as_bytes(), true),
            _ => None,
        }
    }

    /// The record number stated in the system part.
    pub(super) fn sequence(&self, chunk: &[u8], record: &Record) -> Option<u64> {
        let (instance, index) = self.sequence?;
        let value = record.value(instance, index)?;
        let bytes = value.bytes(chunk);
        match value.ty {
            kind::UINT64 => bytes.first_chunk().copied().map(u64::from_le_bytes),
            kind::STRING => utf16::text(bytes).parse().ok(),
            _ => None,
        }
    }
}

impl Slot {
    fn new(field: FieldId, parts: Vec<Assignment>, store: &mut Store) -> Self {
        if let [Assignment { pieces, needs, .. }] = parts.as_slice() {
            match (pieces.as_slice(), needs.is_empty()) {
                ([Piece::Value(instance, index)], true) => {
                    let source = Source::Value(*instance, *index);
                    return Self { field, last: ValueId::ABSENT, source };
                }
                ([Piece::Value(instance, index)], false) if needs.len() == 1 => {
                    let need = needs.first().copied().unwrap_or_default();
                    let source = Source::ValueIf((*instance, *index), need);
                    return Self { field, last: ValueId::ABSENT, source };
                }
                ([Piece::Text(text)], true) => {
                    let last = constant(text, field, store);
                    return Self { field, last, source: Source::Fixed };
                }
                ([], true) => {
                    return Self { field, last: store.dictionary_mut(field).null(), source: Source::Fixed };
                }
                _ => {}
            }
        }
        let parts = parts.into_iter().map(|assignment| Part { assignment, last: ValueId::ABSENT });
        Self { field, last: ValueId::ABSENT, source: Source::Composed(parts.collect()) }
    }
}

/// Constants share their ids with equal string values.
fn constant(text: &[u8], field: FieldId, store: &mut Store) -> ValueId {
    value::intern(store.dictionary_mut(field), ValueId::ABSENT, kind::STRING, text)
}

#[inline]
fn single(dictionary: &mut Dictionary, last: ValueId, found: Option<Value>, chunk: &[u8]) -> ValueId {
    match found {
        Some(value) => value::intern(dictionary, last, value.ty, value.bytes(chunk)),
        None => dictionary.null(),
    }
}

fn present(record: &Record, (instance, index): (u16, u16)) -> bool {
    record.value(instance, index).is_some_and(|v| v.ty != kind::NULL)
}

/// The end of `room` serves to collect the ids; it is left as it was.
fn compose(
    parts: &mut [Part],
    field: FieldId,
    chunk: &[u8],
    record: &Record,
    store: &mut Store,
    room: &mut Vec<ValueId>,
) -> ValueId {
    let start = room.len();
    for part in parts {
        let dictionary = store.dictionary_mut(field);
        part.last = assign(&part.assignment, part.last, dictionary, chunk, record);
        room.push(part.last);
    }
    let id = match room.get(start..).unwrap_or_default() {
        [single] => *single,
        many => store.dictionary_mut(field).list(many),
    };
    room.truncate(start);
    id
}

fn assign(
    part: &Assignment,
    last: ValueId,
    dictionary: &mut Dictionary,
    chunk: &[u8],
    record: &Record,
) -> ValueId {
    let missing = part.needs.iter().any(|need| !present(record, *need));
    let pieces = if missing { &[][..] } else { part.pieces.as_slice() };
    match pieces {
        [] => dictionary.null(),
        [Piece::Text(text)] => value::intern(dictionary, last, kind::STRING, text),
        [Piece::Value(instance, index)] => single(dictionary, last, record.value(*instance, *index), chunk),
        many => {
            let mut text = Vec::new();
            for piece in many {
                match piece {
                    Piece::Text(utf) => text.extend_from_slice(utf16::text(utf).as_bytes()),
                    Piece::Value(instance, index) => {
                        if let Some(found) = record.value(*instance, *index) {
                            value::append(found.ty, found.bytes(chunk), &mut text);
                        }
                    }
                }
            }
            dictionary.text(&String::from_utf8_lossy(&text))
        }
    }
}
