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
    text: (u32, u32),
    own: (u32, u32),
    kind: ValueKind,
    tag: u8,
    key: Key,
    /// Of tag and raw bytes, in halves.
    hash: [u32; 2],
}

/// Where the raw bytes of a value are.
#[derive(Clone, Copy, Debug)]
enum Key {
    /// They are the text.
    Text,
    /// They are the text with a zero after every byte: ASCII in UTF-16LE, which is not kept twice.
    Wide,
    /// They are kept beside it.
    Own,
}

impl Entry {
    fn hash(&self) -> u64 {
        let [low, high] = self.hash;
        u64::from(high) << 32 | u64::from(low)
    }
}

/// Interned values of one field. A value is found by the raw bytes it had in its source and a tag that says how
/// these bytes are to be read, so that a decoder converts a value only when it is new.
#[derive(Debug, Default)]
pub struct Dictionary {
    texts: String,
    /// Raw bytes that texts do not say.
    keys: Vec<u8>,
    entries: Vec<Entry>,
    index: HashTable<u32>,
    hasher: RandomState,
    /// Room to build texts and the keys of lists in.
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
        self.plain(TAG_TEXT, text, ValueKind::Text)
    }

    /// Interns bytes as text if they are UTF-8; a value that is known already is not checked again.
    #[inline]
    pub fn utf8(&mut self, bytes: &[u8]) -> Option<ValueId> {
        let hash = hash_of(&self.hasher, TAG_TEXT, bytes);
        if let Some(id) = self.find(hash, TAG_TEXT, bytes) {
            return Some(id);
        }
        Some(self.insert_plain(hash, TAG_TEXT, std::str::from_utf8(bytes).ok()?, ValueKind::Text))
    }

    fn find(&self, hash: u64, tag: u8, raw: &[u8]) -> Option<ValueId> {
        let is = |id: &u32| self.entries.get(*id as usize).is_some_and(|entry| self.is(entry, tag, raw));
        self.index.find(hash, is).map(|&id| ValueId(id))
    }

    #[inline]
    fn is(&self, entry: &Entry, tag: u8, raw: &[u8]) -> bool {
        entry.tag == tag
            && match entry.key {
                Key::Text => slice(self.texts.as_bytes(), entry.text) == raw,
                Key::Wide => is_wide(raw, slice(self.texts.as_bytes(), entry.text)),
                Key::Own => slice(&self.keys, entry.own) == raw,
            }
    }

    /// Interns a number by its decimal text.
    pub fn number(&mut self, text: &str) -> ValueId {
        self.plain(TAG_NUMBER, text, ValueKind::Number)
    }

    /// Interns a truth value.
    pub fn bool(&mut self, value: bool) -> ValueId {
        self.plain(TAG_BOOL, if value { "true" } else { "false" }, ValueKind::Bool)
    }

    /// Interns null.
    pub fn null(&mut self) -> ValueId {
        if let Some(id) = self.null {
            return id;
        }
        let id = self.plain(TAG_NULL, "", ValueKind::Null);
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
        let hash = hash_of(&self.hasher, TAG_LIST, &key);
        let known = self.find(hash, TAG_LIST, &key);
        let id = known.unwrap_or_else(|| {
            self.keep(&key);
            self.push(hash, (TAG_LIST, Key::Own), ValueKind::List, (0, key.len()))
        });
        self.scratch = key;
        id
    }

    fn plain(&mut self, tag: u8, text: &str, kind: ValueKind) -> ValueId {
        let hash = hash_of(&self.hasher, tag, text.as_bytes());
        self.find(hash, tag, text.as_bytes()).unwrap_or_else(|| self.insert_plain(hash, tag, text, kind))
    }

    /// Interns `raw` under `tag`, which is [`TAG_DECODER`] or above. When it is new, `convert` writes the UTF-8 text of the value
    /// and says what kind it is.
    pub fn raw(
        &mut self,
        tag: u8,
        raw: &[u8],
        convert: impl FnOnce(&[u8], &mut Vec<u8>) -> ValueKind,
    ) -> ValueId {
        let hash = hash_of(&self.hasher, tag, raw);
        self.find(hash, tag, raw).unwrap_or_else(|| self.insert(hash, tag, raw, convert))
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
            Some(entry) if self.is(entry, tag, raw) => near,
            _ => self.raw(tag, raw, convert),
        }
    }

    #[cold]
    fn insert_plain(&mut self, hash: u64, tag: u8, text: &str, kind: ValueKind) -> ValueId {
        self.write(text);
        self.push(hash, (tag, Key::Text), kind, (text.len(), 0))
    }

    #[cold]
    fn insert(
        &mut self,
        hash: u64,
        tag: u8,
        raw: &[u8],
        convert: impl FnOnce(&[u8], &mut Vec<u8>) -> ValueKind,
    ) -> ValueId {
        let mut converted = std::mem::take(&mut self.scratch);
        converted.clear();
        let kind = convert(raw, &mut converted);
        let text = std::str::from_utf8(&converted).unwrap_or_default();
        self.write(text);
        let (key, own) = if is_wide(raw, text.as_bytes()) {
            (Key::Wide, 0)
        } else {
            self.keep(raw);
            (Key::Own, raw.len())
        };
        let id = self.push(hash, (tag, key), kind, (text.len(), own));
        self.scratch = converted;
        id
    }

    fn write(&mut self, text: &str) {
        self.texts.reserve(room(self.texts.len(), self.texts.capacity(), text.len()));
        self.texts.push_str(text);
    }

    fn keep(&mut self, raw: &[u8]) {
        self.keys.reserve(room(self.keys.len(), self.keys.capacity(), raw.len()));
        self.keys.extend_from_slice(raw);
    }

    /// Enters a value whose text and raw bytes, of these lengths, were added last.
    fn push(
        &mut self,
        hash: u64,
        (tag, key): (u8, Key),
        kind: ValueKind,
        lengths: (usize, usize),
    ) -> ValueId {
        let last = |held: usize, length: usize| ((held - length) as u32, held as u32);
        let text = last(self.texts.len(), lengths.0);
        let own = last(self.keys.len(), lengths.1);
        let id = self.entries.len() as u32;
        self.entries.push(Entry { text, own, kind, tag, key, hash: [hash as u32, (hash >> 32) as u32] });
        let entries = &self.entries;
        self.index.insert_unique(hash, id, |&other| entries.get(other as usize).map_or(0, Entry::hash));
        ValueId(id)
    }

    /// Text of a value: empty for null, absent and lists.
    pub fn str(&self, id: ValueId) -> &str {
        let text = self.entries.get(id.index()).map(|entry| entry.text);
        text.and_then(|(from, to)| self.texts.get(from as usize..to as usize)).unwrap_or_default()
    }

    /// Kind of a value; absent is null.
    pub fn kind(&self, id: ValueId) -> ValueKind {
        self.entries.get(id.index()).map_or(ValueKind::Null, |e| e.kind)
    }

    /// The members of a list; a single value is a list of itself, null and absent are empty.
    pub fn elements(&self, id: ValueId) -> impl Iterator<Item = ValueId> + use<> {
        let entry = self.entries.get(id.index());
        let single = entry.filter(|e| !matches!(e.kind, ValueKind::List | ValueKind::Null)).map(|_| id);
        let list = entry.filter(|e| e.kind == ValueKind::List).map(|e| slice(&self.keys, e.own));
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
        self.texts.len() + self.keys.len() + self.entries.len() * (size_of::<Entry>() + 8)
    }

    /// Forgets all values. Room is kept for as many as there were: fields that are large in turn do not all keep their
    /// largest size.
    pub(crate) fn clear(&mut self) {
        let (texts, keys, entries) = (self.texts.len(), self.keys.len(), self.entries.len());
        self.texts.clear();
        self.texts.shrink_to(texts);
        self.keys.clear();
        self.keys.shrink_to(keys);
        self.entries.clear();
        self.entries.shrink_to(entries);
        self.index.clear();
        // Nothing is left that would have to be hashed.
        self.index.shrink_to(entries, |_| 0);
        self.null = None;
    }
}

/// How much room to ask for where so many bytes are to be added. What is large grows fourfold: what is moved when it
/// grows then stays a third of what is held, and room that is not used is not touched.
fn room(held: usize, capacity: usize, bytes: usize) -> usize {
    match capacity - held {
        room if room >= bytes => bytes,
        _ if held < LARGE => bytes.max(SMALL),
        _ => bytes.max(3 * held),
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

/// Whether `raw` is `text` with a zero after every byte.
#[inline]
fn is_wide(raw: &[u8], text: &[u8]) -> bool {
    if raw.len() != 2 * text.len() {
        return false;
    }
    let differ = |unit: &[u8; 2], byte: &u8| u16::from_le_bytes(*unit) ^ u16::from(*byte);
    // Blocks are compared as a whole, so that their bytes are compared at once.
    let (units, last_units) = raw.as_chunks::<2>().0.as_chunks::<8>();
    let (texts, last_text) = text.as_chunks::<8>();
    let same = |(units, text): (&[[u8; 2]; 8], &[u8; 8])| {
        units.iter().zip(text).fold(0, |any, (unit, byte)| any | differ(unit, byte)) == 0
    };
    units.iter().zip(texts).all(same) && last_units.iter().zip(last_text).all(|(u, b)| differ(u, b) == 0)
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
    fn ascii_in_two_bytes_is_kept_once_and_found_again() {
        let wide = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
        let convert = |raw: &[u8], out: &mut Vec<u8>| {
            let units: Vec<u16> = raw.as_chunks().0.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
            out.extend_from_slice(String::from_utf16_lossy(&units).as_bytes());
            ValueKind::Text
        };
        let long = "x".repeat(21);
        let texts = ["", "a", "sixteen letters.", &long, "長い", "naïve", "a\0b", "b"];
        let mut dictionary = Dictionary::default();
        let ids: Vec<_> = texts.map(|text| dictionary.raw(TAG_DECODER, &wide(text), convert)).into();
        let held = texts.map(str::len).iter().sum::<usize>() + wide("長いnaïve").len();
        assert_eq!(dictionary.texts.len() + dictionary.keys.len(), held);
        for (text, id) in texts.iter().zip(&ids) {
            assert_eq!(dictionary.str(*id), *text);
            assert_eq!(dictionary.raw(TAG_DECODER, &wide(text), |_, _| unreachable!()), *id);
            assert_eq!(dictionary.raw_near(*id, TAG_DECODER, &wide(text), |_, _| unreachable!()), *id);
        }
        // The same bytes under another tag, half a unit more, and a byte that is no zero are other values.
        let others =
            [(TAG_DECODER + 1, wide("b")), (TAG_DECODER, b"b\0c".to_vec()), (TAG_DECODER, b"b\x01".to_vec())];
        for (tag, raw) in others {
            let id = dictionary.raw_near(ids[7], tag, &raw, convert);
            assert!(!ids.contains(&id));
        }
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
