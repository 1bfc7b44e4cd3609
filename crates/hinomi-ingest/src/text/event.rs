//! An event while it is being put together, and its way into the store.

use std::borrow::Cow;

use hinomi_columns::{Dictionary, FieldId, Row, Store, ValueId};
use hinomi_model::{KindId, LogKind};

use super::names::{Names, Slot, fixed};

/// Fields of one event are bounded: hostile lines may hold any number of pairs.
const MAX_FIELDS: usize = 512;

/// Name of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Key<'a> {
    /// A name that mappings know.
    Slot(Slot),
    /// A name from the log.
    Name(Cow<'a, str>),
}

/// Value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Text(Cow<'a, str>),
    Number(Cow<'a, str>),
    Bool(bool),
    List(Cow<'a, [Box<str>]>),
}

impl<'a> Value<'a> {
    /// Text that may be a number.
    pub(crate) fn of(text: impl Into<Cow<'a, str>>) -> Self {
        let text = text.into();
        let number = !text.is_empty()
            && text.len() <= 20
            && text.bytes().all(|b| b.is_ascii_digit())
            && (text.len() == 1 || !text.starts_with('0'));
        if number { Self::Number(text) } else { Self::Text(text) }
    }

    /// The same value without a copy of its text.
    pub(crate) fn borrowed(&'a self) -> Value<'a> {
        match self {
            Self::Text(text) => Value::Text(Cow::Borrowed(text)),
            Self::Number(text) => Value::Number(Cow::Borrowed(text)),
            Self::Bool(value) => Value::Bool(*value),
            Self::List(list) => Value::List(Cow::Borrowed(list)),
        }
    }

    /// The text of a single value.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Number(text) => text,
            Self::Bool(true) => "true",
            Self::Bool(false) => "false",
            Self::List(_) => "",
        }
    }
}

/// Fields of an event in the making.
#[derive(Debug, Default)]
pub(crate) struct Event<'a> {
    fields: Vec<(Key<'a>, Value<'a>)>,
}

impl<'a> Event<'a> {
    /// Room for what most lines hold, so that it grows at once and not step by step.
    pub(crate) fn roomy() -> Self {
        Self { fields: Vec::with_capacity(24) }
    }

    /// Adds a field, beside others of the same name.
    pub(crate) fn push(&mut self, key: Key<'a>, value: Value<'a>) {
        if self.fields.len() < MAX_FIELDS {
            self.fields.push((key, value));
        }
    }

    /// Adds a field named by the log.
    pub(crate) fn push_named(&mut self, names: &Names, name: impl Into<Cow<'a, str>>, value: Value<'a>) {
        let name = name.into();
        let key = names.known(&name).map_or_else(|| Key::Name(name), Key::Slot);
        self.push(key, value);
    }

    /// Sets a field, replacing what it was.
    pub(crate) fn set(&mut self, slot: Slot, value: Value<'a>) {
        self.fields.retain(|(key, _)| *key != Key::Slot(slot));
        self.push(Key::Slot(slot), value);
    }

    /// Sets a field that has no value yet.
    pub(crate) fn set_default(&mut self, slot: Slot, value: Value<'a>) {
        if self.get(slot).is_none() {
            self.push(Key::Slot(slot), value);
        }
    }

    /// First value of a field.
    pub(crate) fn get(&self, slot: Slot) -> Option<&Value<'a>> {
        self.fields.iter().find(|(key, _)| *key == Key::Slot(slot)).map(|(_, value)| value)
    }

    /// First value of a field if it says something: not empty, `-`, `(null)`, `N/A`.
    pub(crate) fn stated(&self, slot: Slot) -> Option<&Value<'a>> {
        let mut values = self.fields.iter().filter(|(key, _)| *key == Key::Slot(slot)).map(|(_, v)| v);
        values.find(|value| says_something(value))
    }

    /// Takes a field away.
    pub(crate) fn remove(&mut self, slot: Slot) {
        self.fields.retain(|(key, _)| *key != Key::Slot(slot));
    }

    /// Adds every field of `other`.
    pub(crate) fn append(&mut self, other: Self) {
        if self.fields.is_empty() {
            self.fields = other.fields;
        } else {
            self.fields.extend(other.fields);
        }
    }

    /// The same event under a shorter lifetime.
    pub(crate) fn shortened<'b>(self) -> Event<'b>
    where
        'a: 'b,
    {
        Event { fields: self.fields }
    }

    /// The fields in order of arrival.
    pub(crate) fn fields(&self) -> &[(Key<'a>, Value<'a>)] {
        &self.fields
    }
}

fn says_something(value: &Value<'_>) -> bool {
    match value {
        Value::List(list) => !list.is_empty(),
        other => !matches!(
            other.text(),
            "" | "-" | "--" | "(null)" | "N/A" | "n/a" | "(empty)" | "?" | "null" | "none"
        ),
    }
}

/// What the store said about a name.
#[derive(Clone, Copy, Debug)]
enum SlotField {
    Unasked,
    /// Nobody reads the field.
    Unread,
    Kept(FieldId),
}

/// What a store said about names and kinds. One serves one store.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    slots: Vec<SlotField>,
    kinds: Vec<(LogKind, KindId)>,
    static_kinds: Vec<(&'static LogKind, KindId)>,
}

impl Ids {
    fn field(&mut self, names: &Names, slot: Slot, store: &mut Store) -> Option<FieldId> {
        match self.slots.get(usize::from(slot.0)) {
            Some(SlotField::Kept(id)) => return Some(*id),
            Some(SlotField::Unread) => return None,
            Some(SlotField::Unasked) | None => {}
        }
        let name = names.name(slot);
        let id = if name.starts_with('@') { None } else { store.field(name) };
        if self.slots.is_empty() {
            self.slots.resize(names.len(), SlotField::Unasked);
        }
        if let Some(place) = self.slots.get_mut(usize::from(slot.0)) {
            *place = id.map_or(SlotField::Unread, SlotField::Kept);
        }
        id
    }

    fn kind(&mut self, kind: &LogKind, store: &mut Store) -> KindId {
        if let Some((_, id)) = self.kinds.iter().find(|(known, _)| known == kind) {
            return *id;
        }
        let id = store.kind(kind);
        self.kinds.push((kind.clone(), id));
        id
    }

    /// The id of a kind that outlives the run, found by its address.
    pub(crate) fn static_kind(&mut self, kind: &'static LogKind, store: &mut Store) -> KindId {
        if let Some((_, id)) = self.static_kinds.iter().find(|(known, _)| std::ptr::eq(*known, kind)) {
            return *id;
        }
        let id = store.kind(kind);
        self.static_kinds.push((kind, id));
        id
    }

    /// Adds the fields of `event` that somebody reads.
    fn cells(&mut self, names: &Names, event: &Event<'_>, store: &mut Store, cells: &mut Cells) {
        for (key, value) in event.fields() {
            let Some(field) = self.of_key(names, key, store) else { continue };
            cells.push((field, intern(store.dictionary_mut(field), value)));
            if *key == Key::Slot(fixed::COMPUTER)
                && let Some(hostname) = self.field(names, fixed::HOSTNAME, store)
            {
                cells.push((hostname, intern(store.dictionary_mut(hostname), value)));
            }
        }
    }

    /// Adds those fields of `event` of which `cells` say nothing yet.
    pub(crate) fn further_cells(
        &mut self,
        names: &Names,
        event: &Event<'_>,
        store: &mut Store,
        cells: &mut Cells,
    ) {
        let said = cells.len();
        for (key, value) in event.fields() {
            let Some(field) = self.of_key(names, key, store) else { continue };
            if !cells.iter().take(said).any(|(known, _)| *known == field) {
                cells.push((field, intern(store.dictionary_mut(field), value)));
            }
        }
    }

    fn of_key(&mut self, names: &Names, key: &Key<'_>, store: &mut Store) -> Option<FieldId> {
        match key {
            Key::Slot(slot) => self.field(names, *slot, store),
            Key::Name(name) => store.field(name),
        }
    }
}

/// Fields and values of a row.
pub(crate) type Cells = Vec<(FieldId, ValueId)>;

/// Writes events into a store, remembering which names it keeps.
pub(crate) struct Sink<'s> {
    store: &'s mut Store,
    ids: Ids,
    cells: Cells,
}

impl<'s> Sink<'s> {
    pub(crate) fn new(store: &'s mut Store) -> Self {
        Self { store, ids: Ids::default(), cells: Vec::new() }
    }

    /// Appends `event` as a row of a kind that outlives the run.
    pub(crate) fn emit_static(&mut self, names: &Names, kind: &'static LogKind, row: Row, event: &Event<'_>) {
        let kind = self.ids.static_kind(kind, self.store);
        self.append(names, kind, row, event);
    }

    /// Appends `event` as a row.
    pub(crate) fn emit(&mut self, names: &Names, kind: &LogKind, row: Row, event: &Event<'_>) {
        let kind = self.ids.kind(kind, self.store);
        self.append(names, kind, row, event);
    }

    fn append(&mut self, names: &Names, kind: KindId, row: Row, event: &Event<'_>) {
        self.cells.clear();
        self.ids.cells(names, event, self.store, &mut self.cells);
        self.store.push(kind, row, &mut self.cells);
    }
}

fn intern(dictionary: &mut Dictionary, value: &Value<'_>) -> ValueId {
    match value {
        Value::Text(text) => dictionary.text(text),
        Value::Number(text) => dictionary.number(text),
        Value::Bool(value) => dictionary.bool(*value),
        Value::List(list) => {
            let ids: Vec<ValueId> = list.iter().map(|item| dictionary.text(item)).collect();
            dictionary.list(&ids)
        }
    }
}
