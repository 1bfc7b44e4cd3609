//! Values on their way into dictionaries.

use hinomi_columns::{Dictionary, TAG_DECODER, ValueId, ValueKind};

use super::mapping::Convert;
use super::scan::{is_number, unescape};

/// Tag of JSON strings that have to be rewritten: the raw bytes between the quotes are the key.
const TAG_STRING: u8 = TAG_DECODER + 32;
/// Tag of numbers that become hexadecimal.
const TAG_HEX: u8 = TAG_DECODER + 33;
/// Tag of arrays of byte values.
const TAG_BYTES: u8 = TAG_DECODER + 34;

/// How a scalar is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// String without a backslash.
    Plain,
    /// String with escapes.
    Escaped,
    /// Number, `true`, `false`, `null` or another bare word.
    Word,
    /// A whole object or array, kept as text.
    Nested,
}

/// A scalar's raw bytes: between the quotes for strings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Raw {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) form: Form,
}

/// Escaped strings up to this length are found by their raw bytes, so that a known one is not unescaped again;
/// longer ones are rarely known, and keeping their raw bytes too would double the memory.
const SHORT: usize = 128;

/// Interns a scalar; sets `repaired` when the source was not valid text.
#[inline]
pub(super) fn intern(dictionary: &mut Dictionary, raw: &[u8], form: Form, repaired: &mut bool) -> ValueId {
    match form {
        Form::Word => intern_word(dictionary, raw),
        Form::Escaped if raw.len() > SHORT => {
            let mut text = Vec::with_capacity(raw.len());
            *repaired |= unescape(raw, &mut text).0;
            dictionary.utf8(&text).unwrap_or(ValueId::ABSENT)
        }
        Form::Escaped => dictionary.raw(TAG_STRING, raw, |raw, out| {
            *repaired |= unescape(raw, out).0;
            ValueKind::Text
        }),
        Form::Plain | Form::Nested => match dictionary.utf8(raw) {
            Some(value) => value,
            None => dictionary.raw(TAG_STRING, raw, |raw, out| {
                *repaired |= replace(raw, out);
                ValueKind::Text
            }),
        },
    }
}

fn replace(raw: &[u8], out: &mut Vec<u8>) -> bool {
    out.extend_from_slice(String::from_utf8_lossy(raw).as_bytes());
    true
}

fn intern_word(dictionary: &mut Dictionary, raw: &[u8]) -> ValueId {
    match raw {
        b"true" => dictionary.bool(true),
        b"false" => dictionary.bool(false),
        b"null" => dictionary.null(),
        _ => {
            let text = std::str::from_utf8(raw).unwrap_or_default();
            if is_number(raw) { dictionary.number(text) } else { dictionary.text(text) }
        }
    }
}

/// Interns a value under a conversion; one that does not fit stays as it is.
pub(super) fn intern_converted(
    dictionary: &mut Dictionary,
    raw: &[u8],
    form: Form,
    convert: Convert,
    repaired: &mut bool,
) -> ValueId {
    match convert {
        Convert::Hex64 => match signed(raw) {
            Some(number) => dictionary.raw(TAG_HEX, raw, |_, out| {
                out.extend_from_slice(format!("{number:#x}").as_bytes());
                ValueKind::Text
            }),
            None => intern(dictionary, raw, form, repaired),
        },
        Convert::Bytes if form == Form::Nested => match byte_array(raw) {
            Some(bytes) => dictionary.raw(TAG_BYTES, raw, |_, out| {
                out.extend_from_slice(String::from_utf8_lossy(&bytes).as_bytes());
                ValueKind::Text
            }),
            None => intern(dictionary, raw, form, repaired),
        },
        Convert::Bytes => intern(dictionary, raw, form, repaired),
    }
}

/// A 64-bit number, signed or not, as its bit pattern.
fn signed(raw: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(raw).ok()?;
    text.parse::<i64>().map(|n| n as u64).ok().or_else(|| text.parse().ok())
}

/// `[72, 105]` as bytes.
pub(super) fn byte_array(raw: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(raw).ok()?;
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    if inner.trim().is_empty() {
        return None;
    }
    inner.split(',').map(|n| n.trim().parse::<u8>().ok()).collect()
}
