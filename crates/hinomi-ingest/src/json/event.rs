//! Reads one object into cells.
//!
//! # Invariants
//! - One pass, no tree: a value nobody reads is neither unescaped nor copied.
//! - Depth is bounded by [`MAX_DEPTH`].

use hinomi_columns::{FieldId, Store, ValueId};
use memchr::memchr;

use super::catalogue::Watch;
use super::mapping::Convert;
use super::scan::{byte, part, skip_space, skip_value, string_end, word_end};
use super::trie::{Action, Likely, Memo, NodeId, OVERFLOW, ROOT, Trie};
use super::value::{Form, Raw, intern, intern_converted};

/// Objects and arrays inside each other beyond this are damage or malice.
pub(super) const MAX_DEPTH: u32 = 64;

/// Why an object could not be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Fault {
    /// Offset of the first byte that does not fit.
    pub(super) at: usize,
    pub(super) what: Damage,
}

/// Kinds of [`Fault`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Damage {
    /// The bytes end inside the object.
    Ends,
    /// A key was expected.
    NoKey,
    /// A colon was expected.
    NoColon,
    /// A value was expected.
    NoValue,
    /// A comma or the closing bracket was expected.
    NoComma,
    /// Too many objects inside each other.
    TooDeep,
    /// A line ends inside a string.
    BrokenString,
}

/// What one object gave.
#[derive(Debug, Default)]
pub(super) struct Event {
    /// Fields in order of appearance, perhaps repeated.
    pub(super) cells: Vec<(FieldId, ValueId)>,
    /// Values that the end of the event needs.
    pub(super) kept: Vec<(u16, Raw)>,
    /// Bits of recognition.
    pub(super) global: u128,
    /// Bits of the kind.
    pub(super) local: u128,
    /// The array whose elements are events of their own.
    pub(super) split: Option<(NodeId, usize)>,
    /// A value was not valid text and was repaired.
    pub(super) repaired: bool,
    /// Keys were left out for lack of room.
    pub(super) overflowed: bool,
}

impl Event {
    pub(super) fn clear(&mut self) {
        self.cells.clear();
        self.kept.clear();
        (self.global, self.local) = (0, 0);
        self.split = None;
        (self.repaired, self.overflowed) = (false, false);
    }
}

/// Position in the text and where things go.
pub(super) struct Reader<'a> {
    pub(super) text: &'a [u8],
    pub(super) at: usize,
    pub(super) trie: &'a mut Trie,
    pub(super) store: &'a mut Store,
    pub(super) event: &'a mut Event,
    /// Number of the text, never 0; equal numbers mean the same bytes.
    pub(super) number: u32,
}

impl Reader<'_> {
    /// Reads the object whose brace is at the position; leaves the position after it.
    pub(super) fn root(&mut self) -> Result<(), Fault> {
        self.at += 1;
        self.members(ROOT, 1)
    }

    /// Reads one element of a split array as an object of `node`.
    pub(super) fn element(&mut self, node: NodeId) -> Result<(), Fault> {
        self.value(node, 2)
    }

    fn fault<T>(&self, what: Damage) -> Result<T, Fault> {
        let ends = self.text.get(self.at).is_none();
        Err(Fault { at: self.at, what: if ends { Damage::Ends } else { what } })
    }

    #[inline]
    fn space(&mut self) {
        if byte(self.text, self.at) <= b' ' {
            self.at = skip_space(self.text, self.at);
        }
    }

    fn members(&mut self, node: NodeId, depth: u32) -> Result<(), Fault> {
        if depth > MAX_DEPTH {
            return self.fault(Damage::TooDeep);
        }
        self.space();
        if byte(self.text, self.at) == b'}' {
            self.at += 1;
            return Ok(());
        }
        let mut previous = None;
        let mut likely = self.trie.first(node);
        loop {
            if byte(self.text, self.at) != b'"' {
                return self.fault(Damage::NoKey);
            }
            self.at += 1;
            let child = self.key(node, previous, likely)?;
            if byte(self.text, self.at) != b':' {
                self.space();
                if byte(self.text, self.at) != b':' {
                    return self.fault(Damage::NoColon);
                }
            }
            self.at += 1;
            self.space();
            self.value(child, depth)?;
            self.space();
            match byte(self.text, self.at) {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return self.fault(Damage::NoComma),
            }
            self.space();
            previous = Some(child);
            likely = self.trie.next(child);
        }
    }

    /// Reads a key up to and with its closing quote.
    #[inline]
    fn key(&mut self, node: NodeId, previous: Option<NodeId>, likely: Likely) -> Result<NodeId, Fault> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let found = |likely: NodeId| self.trie.matches(likely, rest).filter(|_| likely > OVERFLOW);
        let child = if let Some(length) = found(likely.0) {
            self.at += length;
            likely.0
        } else if let Some(length) = found(likely.1) {
            self.at += length;
            self.trie.follow(node, previous, likely.1);
            likely.1
        } else {
            self.other_key(node, previous)?
        };
        self.presence(child);
        Ok(child)
    }

    /// Notes that the key of `node` was met.
    #[inline]
    fn presence(&mut self, node: NodeId) {
        let Action::Special(at) = self.trie.action(node) else { return };
        if let Some(special) = self.trie.special(at) {
            self.event.global |= special.watch.global;
            self.event.local |= special.watch.local;
        }
    }

    fn other_key(&mut self, node: NodeId, previous: Option<NodeId>) -> Result<NodeId, Fault> {
        let Some((end, _)) = string_end(self.text, self.at) else {
            return Err(Fault { at: self.text.len(), what: Damage::Ends });
        };
        let child = self.trie.child(node, part(self.text, self.at, end + 1));
        self.event.overflowed |= child == OVERFLOW;
        if child != OVERFLOW {
            self.trie.follow(node, previous, child);
        }
        self.at = end + 1;
        Ok(child)
    }

    fn value(&mut self, node: NodeId, depth: u32) -> Result<(), Fault> {
        let start = self.at;
        match byte(self.text, start) {
            b'"' => {
                let Some((end, escaped)) = string_end(self.text, start + 1) else {
                    return Err(Fault { at: self.text.len(), what: Damage::Ends });
                };
                self.at = end + 1;
                let form = if escaped { Form::Escaped } else { Form::Plain };
                self.scalar(node, Raw { start: start + 1, end, form });
                Ok(())
            }
            b'{' => {
                self.at += 1;
                self.members(node, depth + 1)?;
                self.nested(node, start);
                Ok(())
            }
            b'[' => self.array(node, depth + 1),
            b'-' | b'0'..=b'9' | b't' | b'f' | b'n' | b'N' | b'I' => {
                let end = word_end(self.text, start);
                let first = byte(self.text, start);
                if first.is_ascii_alphabetic() && !is_literal(part(self.text, start, end)) {
                    return self.fault(Damage::NoValue);
                }
                self.at = end;
                self.scalar(node, Raw { start, end: self.at, form: Form::Word });
                Ok(())
            }
            _ => self.fault(Damage::NoValue),
        }
    }

    fn array(&mut self, node: NodeId, depth: u32) -> Result<(), Fault> {
        if depth > MAX_DEPTH {
            return self.fault(Damage::TooDeep);
        }
        let start = self.at;
        if self.takes_whole(node)? {
            return Ok(());
        }
        self.at += 1;
        self.space();
        if byte(self.text, self.at) == b']' {
            self.at += 1;
            return Ok(());
        }
        let mut objects = false;
        let indexed = self.watch(node).is_some_and(|watch| watch.indexed);
        let mut number = 0u32;
        let array = node;
        loop {
            let node = if indexed { self.trie.child(array, format!("{number}\"").as_bytes()) } else { array };
            number += 1;
            if byte(self.text, self.at) == b'{' {
                objects = true;
                self.at += 1;
                self.members(node, depth + 1)?;
            } else {
                self.value(node, depth)?;
            }
            self.space();
            match byte(self.text, self.at) {
                b',' => self.at += 1,
                b']' => break,
                _ => return self.fault(Damage::NoComma),
            }
            self.space();
        }
        self.at += 1;
        if objects {
            self.nested(node, start);
        }
        Ok(())
    }

    fn watch(&self, node: NodeId) -> Option<&'static Watch> {
        let Action::Special(at) = self.trie.action(node) else { return None };
        self.trie.special(at).map(|s| s.watch)
    }

    /// Arrays that mean something as a whole: split events, pairs of name and value, bytes.
    fn takes_whole(&mut self, node: NodeId) -> Result<bool, Fault> {
        let Some(watch) = self.watch(node) else { return Ok(false) };
        let start = self.at;
        if watch.split && self.event.split.is_none() {
            let Some(end) = skip_value(self.text, start) else { return Ok(false) };
            self.event.split = Some((node, start));
            self.at = end;
            return Ok(true);
        }
        if let Some(pairs) = watch.pairs {
            return self.pairs(node, pairs).map(|()| true);
        }
        if watch.convert == Some(Convert::Bytes) {
            let Some(end) = skip_value(self.text, start) else { return Ok(false) };
            if super::value::byte_array(part(self.text, start, end)).is_some() {
                self.at = end;
                self.scalar(node, Raw { start, end, form: Form::Nested });
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// An object or array of objects that somebody reads as text.
    #[inline]
    fn nested(&mut self, node: NodeId, start: usize) {
        if let Some(field) = self.trie.object_field(node, self.store) {
            let raw = part(self.text, start, self.at);
            let value = intern(self.store.dictionary_mut(field), raw, Form::Nested, &mut self.event.repaired);
            self.event.cells.push((field, value));
        }
    }

    #[inline]
    fn scalar(&mut self, node: NodeId, raw: Raw) {
        match self.trie.action(node) {
            Action::Skip => {}
            Action::Keep(field) => self.keep(node, field, raw, None),
            Action::Special(at) => self.special(node, at, raw),
            Action::Unresolved => {
                if let Action::Keep(field) = self.trie.resolve(node, self.store) {
                    self.keep(node, field, raw, None);
                }
            }
        }
    }

    #[inline]
    fn keep(&mut self, node: NodeId, field: FieldId, raw: Raw, convert: Option<Convert>) {
        let bytes = part(self.text, raw.start, raw.end);
        let memo = self.trie.memo(node);
        let same = memo.text == self.number
            && memo.raw.form == raw.form
            && part(self.text, memo.raw.start, memo.raw.end) == bytes;
        if same {
            self.event.cells.push((field, memo.value));
            return;
        }
        let dictionary = self.store.dictionary_mut(field);
        let mut repaired = false;
        let value = match convert {
            Some(convert) => intern_converted(dictionary, bytes, raw.form, convert, &mut repaired),
            None => intern(dictionary, bytes, raw.form, &mut repaired),
        };
        self.event.repaired |= repaired;
        self.event.cells.push((field, value));
        if !repaired {
            self.trie.remember(node, Memo { text: self.number, raw, value });
        }
    }

    fn special(&mut self, node: NodeId, at: u32, raw: Raw) {
        if self.trie.special(at).is_some_and(|s| s.fields.is_none()) {
            self.trie.resolve_special(node, at, self.store);
        }
        let Some(special) = self.trie.special(at) else { return };
        let bytes = part(self.text, raw.start, raw.end);
        for test in &special.watch.tests {
            if test.patterns.iter().any(|p| p.holds(bytes)) {
                self.event.global |= test.global;
                self.event.local |= test.local;
            }
        }
        if let Some(slot) = special.watch.slot {
            self.event.kept.push((slot, raw));
        }
        let convert = special.watch.convert;
        if let Some([field]) = special.fields.as_deref() {
            self.keep(node, *field, raw, convert);
            return;
        }
        for &field in special.fields.iter().flatten() {
            let dictionary = self.store.dictionary_mut(field);
            let repaired = &mut self.event.repaired;
            let value = match convert {
                Some(convert) => intern_converted(dictionary, bytes, raw.form, convert, repaired),
                None => intern(dictionary, bytes, raw.form, repaired),
            };
            self.event.cells.push((field, value));
        }
    }

    /// `[{"name":"a","value":1}, …]` as fields named by the values of `name`.
    fn pairs(&mut self, node: NodeId, at: usize) -> Result<(), Fault> {
        let Some(end) = skip_value(self.text, self.at) else {
            return Err(Fault { at: self.text.len(), what: Damage::Ends });
        };
        let start = self.at;
        let mapping = &self.trie.kind().mapping;
        let Some(pairs) = mapping.pairs.get(at) else { return Ok(()) };
        let mut element = skip_space(self.text, start + 1);
        while byte(self.text, element) == b'{' && element < end {
            let Some(close) = skip_value(self.text, element) else { break };
            if let Some(name) = find_member(self.text, element, pairs.name.as_bytes()) {
                self.pair(node, name, element, &pairs.value)?;
            } else {
                self.at = element;
                self.value(node, 2)?;
            }
            let comma = skip_space(self.text, close);
            if byte(self.text, comma) != b',' {
                break;
            }
            element = skip_space(self.text, comma + 1);
        }
        self.at = end;
        self.nested(node, start);
        Ok(())
    }

    fn pair(&mut self, node: NodeId, name: usize, element: usize, values: &[String]) -> Result<(), Fault> {
        let Some((name_end, _)) = string_end(self.text, name + 1).filter(|_| byte(self.text, name) == b'"')
        else {
            return Ok(());
        };
        let child = self.trie.child(node, part(self.text, name + 1, name_end + 1));
        self.presence(child);
        for key in values {
            if let Some(value) = find_member(self.text, element, key.as_bytes()) {
                self.at = value;
                self.value(child, 3)?;
            }
        }
        Ok(())
    }
}

/// The literals of RFC 8259 and the two that common serialisers write although it forbids them.
fn is_literal(word: &[u8]) -> bool {
    matches!(word, b"true" | b"false" | b"null" | b"NaN" | b"Infinity")
}

/// Offset of the value of `wanted` in the object at `at`, on its first level.
fn find_member(text: &[u8], at: usize, wanted: &[u8]) -> Option<usize> {
    let mut at = at + 1;
    loop {
        at = skip_space(text, at);
        let start = at + memchr(b'"', part(text, at, at + 1))? + 1;
        let (end, _) = string_end(text, start)?;
        let colon = skip_space(text, end + 1);
        if byte(text, colon) != b':' {
            return None;
        }
        let value = skip_space(text, colon + 1);
        if part(text, start, end) == wanted {
            return Some(value);
        }
        at = skip_space(text, skip_value(text, value)?);
        if byte(text, at) != b',' {
            return None;
        }
        at += 1;
    }
}
