//! JSON indented by two spaces, byte for byte as `serde_json` writes it, of what reports are made of.
//!
//! A report is megabytes of short texts: they go to one buffer without a call per piece, and what needs no escape is
//! found eight bytes at a time.
//!
//! # Not here
//! Floating-point numbers, bytes, and enumerations that hold something: a report has none, and they are refused.

use std::fmt::{self, Write as _};
use std::io::{self, Write};

use serde::ser::{self, Impossible, Serialize, Serializer};

/// Bytes gathered before they are handed on.
const GATHERED: usize = 1 << 16;

/// A line break and the indentation of the deepest level written at once.
const LINE: &[u8; 32] = b"\n                               ";

/// Writes `value` to `out`.
///
/// # Errors
/// Errors of `out`, and a value of a kind that reports do not hold.
pub(super) fn write(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let mut writer = Writer { out, text: Vec::with_capacity(2 * GATHERED), depth: 0 };
    value.serialize(&mut writer).map_err(|refused| match refused {
        Refused::Output(error) => error,
        Refused::Value(what) => io::Error::new(io::ErrorKind::InvalidData, what),
    })?;
    writer.out.write_all(&writer.text)
}

struct Writer<'o> {
    out: &'o mut dyn Write,
    text: Vec<u8>,
    depth: usize,
}

/// Why something was not written.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error(transparent)]
    Output(#[from] io::Error),
    #[error("{0}")]
    Value(String),
}

impl ser::Error for Refused {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Value(message.to_string())
    }
}

fn no<T>(what: &str) -> Result<T, Refused> {
    Err(Refused::Value(format!("a report holds no {what}")))
}

impl Writer<'_> {
    fn line(&mut self, first: bool) {
        if !first {
            self.text.push(b',');
        }
        let end = self.text.len() + 1 + 2 * self.depth;
        // A copy of fixed length, most of which is taken back, costs less than one of the right length.
        self.text.extend_from_slice(LINE);
        self.text.resize(end, b' ');
    }

    fn hand_on(&mut self) -> Result<(), Refused> {
        if self.text.len() >= GATHERED {
            self.out.write_all(&self.text)?;
            self.text.clear();
        }
        Ok(())
    }

    fn string(&mut self, text: &str) {
        self.text.push(b'"');
        escape(text, &mut self.text);
        self.text.push(b'"');
    }

    fn number(&mut self, number: impl itoa::Integer) {
        self.text.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    }
}

/// Appends `text` as it stands between quotes.
fn escape(text: &str, out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    loop {
        let Some((plain, after)) = rest.split_at_checked(plain_run(rest)) else { return };
        out.extend_from_slice(plain);
        let Some((&byte, after)) = after.split_first() else { return };
        escape_byte(byte, out);
        rest = after;
    }
}

/// How many bytes at the start stand for themselves.
fn plain_run(bytes: &[u8]) -> usize {
    let eights = bytes.as_chunks::<8>().0.iter();
    let plain = 8 * eights.take_while(|eight| !needs_escape(u64::from_le_bytes(**eight))).count();
    let rest = bytes.get(plain..).unwrap_or_default();
    plain + rest.iter().position(|&byte| !is_plain(byte)).unwrap_or(rest.len())
}

fn is_plain(byte: u8) -> bool {
    byte >= 0x20 && byte != b'"' && byte != b'\\'
}

/// Whether one of eight bytes does not stand for itself.
fn needs_escape(eight: u64) -> bool {
    const fn all(byte: u8) -> u64 {
        u64::from_le_bytes([byte; 8])
    }
    // The high bit of a byte appears where it is less than what is taken away; a borrow from a byte that is
    // may mark the one above too, which changes nothing.
    let below = |value: u64, bound: u8| value.wrapping_sub(all(bound)) & !value;
    let found = below(eight, 0x20) | below(eight ^ all(b'"'), 1) | below(eight ^ all(b'\\'), 1);
    found & all(0x80) != 0
}

fn escape_byte(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        _ => {
            let digit = |nibble: u8| b"0123456789abcdef".get(usize::from(nibble)).copied().unwrap_or(b'0');
            return out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 15)]);
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// Escapes what a value prints of itself.
struct Printed<'t>(&'t mut Vec<u8>);

impl fmt::Write for Printed<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape(text, self.0);
        Ok(())
    }
}

/// A list or object that is being written.
struct Members<'w, 'o> {
    writer: &'w mut Writer<'o>,
    empty: bool,
    bracket: u8,
}

impl<'w, 'o> Members<'w, 'o> {
    fn open(writer: &'w mut Writer<'o>, brackets: [u8; 2]) -> Self {
        let [open, bracket] = brackets;
        writer.depth += 1;
        writer.text.push(open);
        Self { writer, empty: true, bracket }
    }

    fn next(&mut self) {
        self.writer.line(self.empty);
        self.empty = false;
    }

    fn close(self) -> Result<(), Refused> {
        self.writer.depth = self.writer.depth.saturating_sub(1);
        if !self.empty {
            self.writer.line(true);
        }
        self.writer.text.push(self.bracket);
        self.writer.hand_on()
    }
}

impl ser::SerializeSeq for Members<'_, '_> {
    type Ok = ();
    type Error = Refused;

    fn serialize_element<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Refused> {
        self.next();
        value.serialize(&mut *self.writer)
    }

    fn end(self) -> Result<(), Refused> {
        self.close()
    }
}

impl ser::SerializeMap for Members<'_, '_> {
    type Ok = ();
    type Error = Refused;

    fn serialize_key<T: ?Sized + Serialize>(&mut self, key: &T) -> Result<(), Refused> {
        self.next();
        let from = self.writer.text.len();
        key.serialize(&mut *self.writer)?;
        if self.writer.text.get(from) == Some(&b'"') { Ok(()) } else { no("names that are no text") }
    }

    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Refused> {
        self.writer.text.extend_from_slice(b": ");
        value.serialize(&mut *self.writer)
    }

    fn end(self) -> Result<(), Refused> {
        self.close()
    }
}

impl ser::SerializeStruct for Members<'_, '_> {
    type Ok = ();
    type Error = Refused;

    fn serialize_field<T: ?Sized + Serialize>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Refused> {
        self.next();
        // Names of fields are identifiers.
        self.writer.text.push(b'"');
        self.writer.text.extend_from_slice(name.as_bytes());
        self.writer.text.extend_from_slice(b"\": ");
        value.serialize(&mut *self.writer)
    }

    fn end(self) -> Result<(), Refused> {
        self.close()
    }
}

impl<'w, 'o> Serializer for &'w mut Writer<'o> {
    type Ok = ();
    type Error = Refused;
    type SerializeSeq = Members<'w, 'o>;
    type SerializeTuple = Impossible<(), Refused>;
    type SerializeTupleStruct = Impossible<(), Refused>;
    type SerializeTupleVariant = Impossible<(), Refused>;
    type SerializeMap = Members<'w, 'o>;
    type SerializeStruct = Members<'w, 'o>;
    type SerializeStructVariant = Impossible<(), Refused>;

    fn serialize_bool(self, value: bool) -> Result<(), Refused> {
        self.text.extend_from_slice(if value { b"true" } else { b"false" });
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Result<(), Refused> {
        self.number(value);
        Ok(())
    }

    fn serialize_i16(self, value: i16) -> Result<(), Refused> {
        self.number(value);
        Ok(())
    }

    fn serialize_i32(self, value: i32) -> Result<(), Refused> {
        self.number(value);
        Ok(())
    }

    fn serialize_i64(self, value: i64) -> Result<(), Refused> {
        self.number(value);
        Ok(())
    }

    fn serialize_u8(self, value: u8) -> Result<(), Refused> {
        self.number(value);
        Ok(())
    }

    fn serialize_u16(self, value: u16) -> Result<(), Refused> {
        self.number(value);
        Ok(())
    }

    fn serialize_u32(self, value: u32) -> Result<(), Refused> {
        self.number(value);
        Ok(())
    }

    fn serialize_u64(self, value: u64) -> Result<(), Refused> {
        self.number(value);
        Ok(())
    }

    fn serialize_f32(self, _: f32) -> Result<(), Refused> {
        no("fractions")
    }

    fn serialize_f64(self, _: f64) -> Result<(), Refused> {
        no("fractions")
    }

    fn serialize_char(self, value: char) -> Result<(), Refused> {
        self.string(value.encode_utf8(&mut [0; 4]));
        Ok(())
    }

    fn serialize_str(self, value: &str) -> Result<(), Refused> {
        self.string(value);
        Ok(())
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), Refused> {
        no("bytes")
    }

    fn serialize_none(self) -> Result<(), Refused> {
        self.serialize_unit()
    }

    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<(), Refused> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Refused> {
        self.text.extend_from_slice(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Refused> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, name: &'static str) -> Result<(), Refused> {
        self.serialize_str(name)
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Refused> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Refused> {
        no("variants with content")
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Members<'w, 'o>, Refused> {
        Ok(Members::open(self, *b"[]"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Refused> {
        no("tuples")
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, Refused> {
        no("tuples")
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Refused> {
        no("variants with content")
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Members<'w, 'o>, Refused> {
        Ok(Members::open(self, *b"{}"))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Members<'w, 'o>, Refused> {
        Ok(Members::open(self, *b"{}"))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Refused> {
        no("variants with content")
    }

    fn collect_str<T: ?Sized + fmt::Display>(self, value: &T) -> Result<(), Refused> {
        self.text.push(b'"');
        write!(Printed(&mut self.text), "{value}").map_err(|failed| Refused::Value(failed.to_string()))?;
        self.text.push(b'"');
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn written(value: &impl Serialize) -> String {
        let mut out = Vec::new();
        write(value, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn it_writes_what_the_library_writes() {
        let deep = (0..40).fold(json!([1, {}]), |inner, _| json!({ "a": [], "b": [inner, "x\n"] }));
        let long: Vec<String> = (0..9000).map(|n| format!("text number {n}")).collect();
        let whole = json!([{ "a": { "b": [[], [1, -2, true, null, u64::MAX, i64::MIN]] } }, "é"]);
        for value in [json!([]), json!({}), json!(null), whole, deep, json!(long)] {
            assert_eq!(written(&value), serde_json::to_string_pretty(&value).unwrap());
        }
    }

    #[test]
    fn every_character_stands_as_the_library_writes_it_wherever_in_a_text() {
        for code in (0..=0x2ff).chain([0x2028, 0xffff, 0x1_f525]) {
            let Some(character) = char::from_u32(code) else { continue };
            for before in [0, 1, 14, 15, 16, 17, 31] {
                let text = format!(
                    "{}{character}{}",
                    "é".repeat(before / 2) + &"x".repeat(before % 2),
                    "y".repeat(9)
                );
                let value = json!({ text.clone(): [text] });
                assert_eq!(written(&value), serde_json::to_string_pretty(&value).unwrap());
            }
        }
    }

    #[test]
    fn what_reports_do_not_hold_is_refused() {
        assert!(write(&1.5, &mut Vec::new()).is_err());
        assert!(write(&std::collections::BTreeMap::from([(1, 2)]), &mut Vec::new()).is_err());
        assert!(write(&Some((1, Value::Null)), &mut Vec::new()).is_err());
    }
}
