//! Walks one object of a directory export along the tree of field names, without building it in memory.
//!
//! # Invariants
//! - A field of another type than expected is passed over; only broken syntax costs the object.
//! - Memory grows with the edges that the object states, not with what else stands in it.

use std::collections::BTreeMap;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::format::{DirectoryFormat, Record, Role, Slot, Step};
use crate::graph::build::{Builder, INHERITED, OBSERVED};
use crate::graph::total::{at, set};

/// Names of unread fields that are told apart.
const UNREAD_NAMES: usize = 64;

/// What is read of one object, used again for the next.
pub(super) struct State<'b> {
    pub(super) format: &'b DirectoryFormat,
    pub(super) builder: &'b mut Builder,
    pub(super) object: Object,
    /// Per list: collected, not collected.
    pub(super) collected: Vec<(u64, u64)>,
    pub(super) unread: BTreeMap<String, u64>,
    frames: Vec<Frame>,
    chosen: Vec<String>,
    /// For every choice where the edges begin that wait for it.
    waiting: Vec<usize>,
}

/// What an object says of itself, and the edges that it states.
#[derive(Default)]
pub(super) struct Object {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) is_marked: bool,
    pub(super) is_deleted: bool,
    pub(super) flags: Vec<bool>,
    pub(super) statements: Vec<Statement>,
    /// Records that count only if a flag is set, which may stand further on.
    pub(super) conditional: Vec<(u16, String)>,
    pub(super) hosts: Vec<u32>,
    /// List and member.
    pub(super) members: Vec<(u16, u32)>,
}

/// An edge whose object is not known yet.
#[derive(Clone, Copy)]
pub(super) struct Statement {
    pub(super) record: u16,
    pub(super) other: u32,
    /// The object, where the record names another one than the enclosing.
    pub(super) object: Option<u32>,
    /// Kind and whether it is stated the other way round; `None` until a choice is made.
    pub(super) kind: Option<(u16, bool)>,
    pub(super) flags: u8,
}

/// The record that is being read.
#[derive(Default)]
struct Frame {
    other: String,
    other_kind: String,
    object: String,
    right: String,
    is_inherited: bool,
}

impl<'b> State<'b> {
    pub(super) fn new(format: &'b DirectoryFormat, builder: &'b mut Builder) -> Self {
        Self {
            format,
            builder,
            object: Object { flags: vec![false; format.flag_count], ..Object::default() },
            collected: vec![(0, 0); format.collected.len()],
            unread: BTreeMap::new(),
            frames: format.records.iter().map(|_| Frame::default()).collect(),
            chosen: vec![String::new(); format.choice_count],
            waiting: vec![0; format.choice_count],
        }
    }

    /// Reads one object; what it states stands in `self.object` afterwards.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<(), serde_json::Error> {
        let mut flags = std::mem::take(&mut self.object.flags);
        flags.fill(false);
        let mut statements = std::mem::take(&mut self.object.statements);
        statements.clear();
        self.object = Object { flags, statements, ..Object::default() };
        let mut deserializer = serde_json::Deserializer::from_slice(bytes);
        Walk { state: self, step: 0 }.deserialize(&mut deserializer)?;
        deserializer.end()
    }

    fn step(&self, step: u32) -> Option<&'b Step> {
        self.format.steps.get(step as usize)
    }

    fn enter(&mut self, step: &Step) {
        for record in &step.records {
            if let Some(frame) = self.frames.get_mut(usize::from(*record)) {
                frame.other.clear();
                frame.other_kind.clear();
                frame.object.clear();
                frame.right.clear();
                frame.is_inherited = false;
            }
        }
        for choice in &step.choices {
            if let Some(text) = self.chosen.get_mut(usize::from(*choice)) {
                text.clear();
            }
            set(&mut self.waiting, u32::from(*choice), self.object.statements.len());
        }
    }

    fn leave(&mut self, step: &Step) {
        for record in &step.records {
            self.state_record(*record);
        }
        for choice in &step.choices {
            self.choose(*choice);
        }
    }

    fn text(&mut self, step: &Step, text: &str) {
        for record in &step.records {
            if let Some(frame) = self.frames.get_mut(usize::from(*record)) {
                *frame = Frame { other: text.to_owned(), ..Frame::default() };
            }
            self.state_record(*record);
        }
        for slot in &step.slots {
            let target = match slot {
                Slot::Id => Some(&mut self.object.id),
                Slot::Name => Some(&mut self.object.name),
                Slot::Other(n) => self.frames.get_mut(usize::from(*n)).map(|f| &mut f.other),
                Slot::OtherKind(n) => self.frames.get_mut(usize::from(*n)).map(|f| &mut f.other_kind),
                Slot::Object(n) => self.frames.get_mut(usize::from(*n)).map(|f| &mut f.object),
                Slot::Right(n) => self.frames.get_mut(usize::from(*n)).map(|f| &mut f.right),
                Slot::Choice(n) => self.chosen.get_mut(usize::from(*n)),
                _ => None,
            };
            if let Some(target) = target {
                text.clone_into(target);
            }
        }
    }

    /// Numbers name choices, never nodes.
    fn number(&mut self, step: u32, value: impl ToString) {
        let Some(step) = self.step(step) else { return };
        for slot in &step.slots {
            if let Slot::Choice(n) = slot
                && let Some(chosen) = self.chosen.get_mut(usize::from(*n))
            {
                *chosen = value.to_string();
            }
        }
    }

    fn truth(&mut self, step: &Step, value: bool) {
        for slot in &step.slots {
            match slot {
                Slot::Marked => self.object.is_marked |= value,
                Slot::Deleted => self.object.is_deleted |= value,
                Slot::Flag(n) => set(&mut self.object.flags, u32::from(*n), value),
                Slot::Inherited(n) => {
                    if let Some(frame) = self.frames.get_mut(usize::from(*n)) {
                        frame.is_inherited = value;
                    }
                }
                Slot::Collected(n) => {
                    if let Some((yes, no)) = self.collected.get_mut(usize::from(*n)) {
                        *(if value { yes } else { no }) += 1;
                    }
                }
                _ => {}
            }
        }
    }

    /// Turns the finished record into an edge that waits for its object.
    fn state_record(&mut self, number: u16) {
        let index = usize::from(number);
        let (Some(record), Some(frame)) = (self.format.records.get(index), self.frames.get_mut(index)) else {
            return;
        };
        if frame.other.is_empty() {
            return;
        }
        frame.other.make_ascii_uppercase();
        frame.object.make_ascii_uppercase();
        if record.when.is_some() {
            self.object.conditional.push((number, frame.other.clone()));
            return;
        }
        let other_kind = self.format.principals.get(frame.other_kind.as_str()).copied();
        let Some(other) = self.builder.node(&frame.other, other_kind.unwrap_or(record.other_is)) else {
            return;
        };
        match &record.role {
            Role::GrantHost => self.object.hosts.push(other),
            Role::GrantMember(list) => self.object.members.push((*list, other)),
            role => {
                let kind = match role {
                    Role::Edge(kind) => Some(self.builder.kind(kind)),
                    Role::Named if frame.right.is_empty() => return,
                    Role::Named => Some(self.builder.kind(&frame.right)),
                    _ => None,
                };
                let unknown = self.builder.catalogue.unknown_node();
                let object = (!frame.object.is_empty()).then(|| self.builder.node(&frame.object, unknown));
                let flags = flags(record, frame);
                let object = object.flatten();
                self.object.statements.push(Statement { record: number, other, object, kind, flags });
            }
        }
    }

    /// Gives the edges that waited for a choice their kind.
    fn choose(&mut self, choice: u16) {
        let from = at(&self.waiting, u32::from(choice));
        let text = self.chosen.get(usize::from(choice)).map_or("", String::as_str);
        for statement in self.object.statements.get_mut(from..).unwrap_or_default() {
            let record = self.format.records.get(usize::from(statement.record));
            if let Some(Role::Chosen(number, kinds, otherwise)) = record.map(|r| &r.role)
                && *number == choice
                && statement.kind.is_none()
            {
                let hit = kinds.iter().find(|(ending, _)| text.ends_with(ending.as_str()));
                statement.kind = Some(self.builder.kind(hit.map_or(otherwise, |(_, kind)| kind)));
            }
        }
    }

    fn note_unread(&mut self, name: &str) {
        if let Some(count) = self.unread.get_mut(name) {
            *count += 1;
        } else if self.unread.len() < UNREAD_NAMES && name.len() <= UNREAD_NAMES {
            self.unread.insert(name.to_owned(), 1);
        }
    }
}

fn flags(record: &Record, frame: &Frame) -> u8 {
    let observed = if record.is_observed { OBSERVED } else { 0 };
    observed | if frame.is_inherited { INHERITED } else { 0 }
}

/// Reads the value at one step.
struct Walk<'s, 'b> {
    state: &'s mut State<'b>,
    step: u32,
}

impl<'de> DeserializeSeed<'de> for Walk<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some(step) = self.state.step(self.step) else { return Ok(()) };
        self.state.enter(step);
        while let Some(key) = map.next_key_seed(Key)? {
            match step.children.get(key.as_ref()) {
                Some(child) => map.next_value_seed(Walk { state: self.state, step: *child })?,
                None if self.step == 0 => {
                    if map.next_value_seed(HoldsSomething)? {
                        self.state.note_unread(key.as_ref());
                    }
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        self.state.leave(step);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Walk { state: self.state, step: self.step })?.is_some() {}
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        if let Some(step) = self.state.step(self.step) {
            self.state.text(step, text);
        }
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        if let Some(step) = self.state.step(self.step) {
            self.state.truth(step, value);
        }
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.state.number(self.step, value);
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.state.number(self.step, value);
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// A key, borrowed where it has no escapes.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = std::borrow::Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = std::borrow::Cow<'de, str>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(text.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(text.to_owned().into())
    }
}

/// Passes over a value; true for a list or an object that is not empty.
struct HoldsSomething;

impl<'de> DeserializeSeed<'de> for HoldsSomething {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for HoldsSomething {
    type Value = bool;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut holds = false;
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            holds = true;
        }
        Ok(holds)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<bool, A::Error> {
        let mut holds = false;
        while list.next_element::<IgnoredAny>()?.is_some() {
            holds = true;
        }
        Ok(holds)
    }

    fn visit_str<E>(self, _: &str) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }
}
