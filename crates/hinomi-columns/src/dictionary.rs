//! The distinct values of one field.

use std::hash::{BuildHasher, Hasher as _};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

/// Number of a value in its field's [`Dictionary`]; [`ValueId::ABSENT`] marks a cell without value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ValueId(pub u32);

impl ValueId {
    /// The event does not have the field.
    pub const ABSENT: Self = Self(u32::MAX);

    /// As an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }

    /// True for [`ValueId::ABSENT`].
    pub fn is_absent(self) -> bool {
        self == Self::ABSENT
    }
}

/// How the source typed a value. All values also have a text, which rules compare with.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ValueKind {
    /// Text.
    Text,
    /// A number, printed in decimal (or as the source printed it).
    Number,
    /// `true` or `false`.
    Bool,
    /// Present but null: a JSON null, an empty substitution of a binary template.
    Null,
    /// Several values under one name; see [`Dictionary::elements`].
    List,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    key: (u32, u32),
    text: (u32, u32),
    kind: ValueKind,
    tag: u8,
}

/// Interned values of one field. A value is found by the raw bytes it had in its source and a tag that says how
/// these bytes are to be read, so that a decoder converts a value only when it is new.
#[derive(Debug, Default)]
pub struct Dictionary {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    index: HashTable<u32>,
    hasher: RandomState,
    /// Room to build keys of lists in.
    scratch: Vec<u8>,
    null: Option<ValueId>,
}

/// Least room made at once, and from which size on more is made than is held.
const SMALL: usize = 128;
const LARGE: usize = 1 << 13;

/// Tag of values whose raw bytes are their UTF-8 text.
const TAG_TEXT: u8 = 0;
const TAG_NUMBER: u8 = 1;
const TAG_BOOL: u8 = 2;
const TAG_NULL: u8 = 3;
const TAG_LIST: u8 = 4;
/// First tag free for decoders' own encodings.
pub const TAG_DECODER: u8 = 16;
/// First of the 64 tags of the EVTX decoder: one store may hold several formats, whose encodings must not meet.
pub const TAG_EVTX: u8 = 64;

impl Dictionary {
    /// Interns UTF-8 text.
    pub fn text(&mut self, text: &str) -> ValueId {
        self.raw(TAG_TEXT, text.as_bytes(), |_, _| ValueKind::Text)
    }

    /// Interns bytes as text if they are UTF-8; a value that is known already is not checked again.
    #[inline]
    pub fn utf8(&mut self, bytes: &[u8]) -> Option<ValueId> {
        let hash = hash_of(&self.hasher, TAG_TEXT, bytes);
        if let Some(id) = self.find(hash, TAG_TEXT, bytes) {
            return Some(id);
        }
        std::str::from_utf8(bytes).ok()?;
        Some(self.insert(hash, TAG_TEXT, bytes, |_, _| ValueKind::Text))
    }

    fn find(&self, hash: u64, tag: u8, raw: &[u8]) -> Option<ValueId> {
        let (bytes, entries) = (&self.bytes, &self.entries);
        let found = self.index.find(hash, |&id| {
            entries.get(id as usize).is_some_and(|e| e.tag == tag && slice(bytes, e.key) == raw)
        });
        found.map(|&id| ValueId(id))
    }

    /// Interns a number by its decimal text.
    pub fn number(&mut self, text: &str) -> ValueId {
        self.raw(TAG_NUMBER, text.as_bytes(), |_, _| ValueKind::Number)
    }

    /// Interns a truth value.
    pub fn bool(&mut self, value: bool) -> ValueId {
        self.raw(TAG_BOOL, if value { b"true" } else { b"false" }, |_, _| ValueKind::Bool)
    }

    /// Interns null.
    pub fn null(&mut self) -> ValueId {
        if let Some(id) = self.null {
            return id;
        }
        let id = self.raw(TAG_NULL, b"", |_, _| ValueKind::Null);
        self.null = Some(id);
        id
    }

    /// Interns a list of values of this dictionary. Lists inside lists are flattened.
    pub fn list(&mut self, elements: &[ValueId]) -> ValueId {
        let mut key = std::mem::take(&mut self.scratch);
        key.clear();
        for &element in elements {
            if self.kind(element) == ValueKind::List {
                self.elements(element).for_each(|e| key.extend_from_slice(&e.0.to_le_bytes()));
            } else {
                key.extend_from_slice(&element.0.to_le_bytes());
            }
        }
        let id = self.raw(TAG_LIST, &key, |_, _| ValueKind::List);
        self.scratch = key;
        id
    }

    /// Interns `raw` under `tag`. When it is new, `convert` may write the UTF-8 text of the value (if it writes
    /// nothing, `raw` itself is the text unless the kind is `Null`) and says what kind it is.
    ///
    /// Tags below [`TAG_DECODER`] belong to this module.
    pub fn raw(
        &mut self,
        tag: u8,
        raw: &[u8],
        convert: impl FnOnce(&[u8], &mut Vec<u8>) -> ValueKind,
    ) -> ValueId {
        let hash = hash_of(&self.hasher, tag, raw);
        if let Some(id) = self.find(hash, tag, raw) {
            return id;
        }
        self.insert(hash, tag, raw, convert)
    }

    /// As [`Dictionary::raw`], for a value that is likely to be `near` (the one the same column had before).
    #[inline]
    pub fn raw_near(
        &mut self,
        near: ValueId,
        tag: u8,
        raw: &[u8],
        convert: impl FnOnce(&[u8], &mut Vec<u8>) -> ValueKind,
    ) -> ValueId {
        match self.entries.get(near.index()) {
            Some(e) if e.tag == tag && slice(&self.bytes, e.key) == raw => near,
            _ => self.raw(tag, raw, convert),
        }
    }

    #[cold]
    fn insert(
        &mut self,
        hash: u64,
        tag: u8,
        raw: &[u8],
        convert: impl FnOnce(&[u8], &mut Vec<u8>) -> ValueKind,
    ) -> ValueId {
        let key_start = self.bytes.len();
        self.make_room(2 * raw.len());
        self.bytes.extend_from_slice(raw);
        let text_start = self.bytes.len();
        let kind = convert(raw, &mut self.bytes);
        let key = (key_start as u32, text_start as u32);
        let converted = self.bytes.len() > text_start || tag >= TAG_DECODER;
        let text = if converted { (text_start as u32, self.bytes.len() as u32) } else { key };
        let id = self.entries.len() as u32;
        self.entries.push(Entry { key, text, kind, tag });
        let (bytes, entries, hasher) = (&self.bytes, &self.entries, &self.hasher);
        self.index.insert_unique(hash, id, |&other| {
            entries.get(other as usize).map_or(0, |e| hash_of(hasher, e.tag, slice(bytes, e.key)))
        });
        ValueId(id)
    }

    /// Grows fourfold once it is large: what is moved when it grows then stays a third of what is held, and room that is not
    /// used is not touched.
    fn make_room(&mut self, bytes: usize) {
        let (held, room) = (self.bytes.len(), self.bytes.capacity());
        if room - held < bytes {
            self.bytes.reserve(if held < LARGE { bytes.max(SMALL) } else { bytes.max(3 * held) });
        }
    }

    /// Text of a value: empty for null, absent and lists.
    pub fn str(&self, id: ValueId) -> &str {
        match self.entries.get(id.index()) {
            Some(entry) if entry.kind != ValueKind::List => {
                std::str::from_utf8(slice(&self.bytes, entry.text)).unwrap_or_default()
            }
            _ => "",
        }
    }

    /// Kind of a value; absent is null.
    pub fn kind(&self, id: ValueId) -> ValueKind {
        self.entries.get(id.index()).map_or(ValueKind::Null, |e| e.kind)
    }

    /// The members of a list; a single value is a list of itself, null and absent are empty.
    pub fn elements(&self, id: ValueId) -> impl Iterator<Item = ValueId> + use<> {
        let entry = self.entries.get(id.index());
        let single = entry.filter(|e| !matches!(e.kind, ValueKind::List | ValueKind::Null)).map(|_| id);
        let list = entry.filter(|e| e.kind == ValueKind::List).map(|e| slice(&self.bytes, e.key));
        let members = list.unwrap_or_default().as_chunks().0.iter();
        let members: Vec<ValueId> = members.map(|id| ValueId(u32::from_le_bytes(*id))).collect();
        single.into_iter().chain(members)
    }

    /// How many distinct values there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True when no value was interned.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes held, roughly.
    pub fn bytes(&self) -> usize {
        self.bytes.len() + self.entries.len() * (size_of::<Entry>() + 8)
    }

    /// Forgets all values. Room is kept for as many as there were: fields that are large in turn do not all keep their
    /// largest size.
    pub(crate) fn clear(&mut self) {
        let (bytes, entries) = (self.bytes.len(), self.entries.len());
        self.bytes.clear();
        self.bytes.shrink_to(bytes);
        self.entries.clear();
        self.entries.shrink_to(entries);
        self.index.clear();
        // Nothing is left that would have to be hashed.
        self.index.shrink_to(entries, |_| 0);
        self.null = None;
    }
}

/// No length goes in: equality is checked anyway.
#[inline]
fn hash_of(hasher: &RandomState, tag: u8, raw: &[u8]) -> u64 {
    let mut state = hasher.build_hasher();
    state.write(raw);
    state.write_u8(tag);
    state.finish()
}

#[inline]
fn slice(bytes: &[u8], (from, to): (u32, u32)) -> &[u8] {
    bytes.get(from as usize..to as usize).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_share_an_id_and_kinds_do_not_mix() {
        let mut dictionary = Dictionary::default();
        let text = dictionary.text("1");
        assert_eq!(dictionary.text("1"), text);
        assert_ne!(dictionary.number("1"), text);
        assert_eq!(dictionary.str(text), "1");
        let null = dictionary.null();
        assert_eq!((dictionary.kind(null), dictionary.str(null)), (ValueKind::Null, ""));
    }

    #[test]
    fn a_converted_value_keeps_raw_key_and_text_apart() {
        let mut dictionary = Dictionary::default();
        let convert = |raw: &[u8], out: &mut Vec<u8>| {
            out.extend(raw.iter().map(u8::to_ascii_uppercase));
            ValueKind::Text
        };
        let id = dictionary.raw(TAG_DECODER, b"ab", convert);
        assert_eq!(dictionary.str(id), "AB");
        assert_eq!(dictionary.raw(TAG_DECODER, b"ab", |_, _| unreachable!()), id);
        let empty = dictionary.raw(TAG_DECODER, b"\0\0", |_, _| ValueKind::Text);
        assert_eq!(dictionary.str(empty), "");
    }

    #[test]
    fn lists_flatten() {
        let mut dictionary = Dictionary::default();
        let (a, b) = (dictionary.text("a"), dictionary.text("b"));
        let inner = dictionary.list(&[a, b]);
        let outer = dictionary.list(&[inner, a]);
        assert_eq!(dictionary.elements(outer).collect::<Vec<_>>(), [a, b, a]);
        assert_eq!(dictionary.elements(b).collect::<Vec<_>>(), [b]);
    }

    #[test]
    fn many_values_stay_distinct() {
        let mut dictionary = Dictionary::default();
        let ids: Vec<_> = (0..10_000).map(|n| dictionary.text(&n.to_string())).collect();
        for (n, id) in ids.iter().enumerate() {
            assert_eq!(dictionary.str(*id), n.to_string());
            assert_eq!(dictionary.text(&n.to_string()), *id);
        }
    }
}
