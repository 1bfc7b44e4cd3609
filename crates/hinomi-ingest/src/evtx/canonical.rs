//! BinXML made independent of its chunk.
//!
//! A template definition refers to names by their offset in the chunk, so the same template has other bytes in
//! every chunk. Its canonical form has the names in place of the references and no sizes; equal canonical forms
//! are the same template, which is therefore compiled once for all chunks and files.
//!
//! Some records come without template, all text in place. Their text is taken out as if it were the values of a
//! template, so that records of the same structure have the same canonical form too.
//!
//! # Trust
//! The input is hostile. The canonical form is well nested up to [`MAX_DEPTH`] and at most [`MAX_BYTES`] long.
//!
//! # Not here
//! The tree made of a canonical form (`tree`).

use super::cursor::Cursor;
use super::fault::Fault;
use super::layout::{Hole, Layout};
use super::record::Value;
use super::value::kind;

/// Deepest nesting of elements in one definition or fragment.
pub(super) const MAX_DEPTH: usize = 32;
/// Longest canonical form. Real ones take a few KiB; a hostile one can name a long string thousands of times.
const MAX_BYTES: usize = 1 << 20;
/// Longest element or attribute name, in UTF-16 units.
const MAX_NAME: usize = 4096;

/// Tokens of the canonical form.
pub(super) mod token {
    /// Element start: name, then dependency.
    pub(in super::super) const OPEN: u8 = 1;
    /// End of the attributes.
    pub(in super::super) const CLOSE_START: u8 = 2;
    /// End of an element.
    pub(in super::super) const END: u8 = 4;
    /// Attribute: name; its pieces follow.
    pub(in super::super) const ATTRIBUTE: u8 = 6;
    /// Constant UTF-16 text.
    pub(in super::super) const TEXT: u8 = 5;
    /// Substitution: index.
    pub(in super::super) const SUBSTITUTION: u8 = 13;
}

/// Writes the canonical form of the tokens from the cursor up to the end-of-fragment token to `out`.
///
/// Without `values` the tokens are a template definition, whose elements carry a dependency. With `values` they
/// are a plain fragment, whose text goes there and whose layout is noted. False when a name was unreadable and
/// [`UNREADABLE`] stands for it.
pub(super) fn write<'a>(
    chunk: &'a [u8],
    cursor: &mut Cursor<'a>,
    values: Option<&mut Vec<Value>>,
    layout: &mut Layout,
    out: &mut Vec<u8>,
) -> Result<bool, Fault> {
    let base = values.as_ref().map_or(0, |v| v.len());
    let mut writer = Writer { chunk, values, layout, base, depth: 0, naming: false, sound: true, open: true };
    while !cursor.done() {
        if out.len() > MAX_BYTES {
            return Err(Fault::SIZE);
        }
        match cursor.u8()? {
            0x00 => {
                writer.open = false;
                break;
            }
            token @ (0x01..=0x04 | 0x41 | 0x06 | 0x46 | 0x0f) => writer.structure(token, cursor, out)?,
            token => writer.content(token, cursor, out)?,
        }
    }
    if writer.open || !writer.sound {
        writer.layout.bind();
    }
    if writer.depth == 0 { Ok(writer.sound) } else { Err(UNBALANCED) }
}

const UNBALANCED: Fault = Fault::malformed("elements of a template do not nest");

struct Writer<'a, 'v> {
    chunk: &'a [u8],
    values: Option<&'v mut Vec<Value>>,
    /// Of a plain fragment.
    layout: &'v mut Layout,
    /// How many values there were before.
    base: usize,
    depth: usize,
    /// Within the value of an attribute `Name`: what a `Data` element is called is structure, not a value.
    naming: bool,
    /// No name was unreadable.
    sound: bool,
    /// The end-of-fragment token has not come.
    open: bool,
}

impl<'a> Writer<'a, '_> {
    fn structure(&mut self, token: u8, cursor: &mut Cursor<'a>, out: &mut Vec<u8>) -> Result<(), Fault> {
        self.naming = false;
        match token {
            0x01 | 0x41 => {
                self.depth += 1;
                if self.depth > MAX_DEPTH {
                    return Err(Fault::DEPTH);
                }
                self.element(cursor, token == 0x41, out)?;
            }
            0x02 => out.push(token::CLOSE_START),
            0x03 => {
                self.depth = self.depth.checked_sub(1).ok_or(UNBALANCED)?;
                out.extend_from_slice(&[token::CLOSE_START, token::END]);
            }
            0x04 => {
                self.depth = self.depth.checked_sub(1).ok_or(UNBALANCED)?;
                out.push(token::END);
            }
            0x0f => {
                cursor.take(3)?;
            }
            _ => {
                out.push(token::ATTRIBUTE);
                let before = out.len();
                self.name(cursor, out)?;
                self.naming = out.get(before..).is_some_and(|n| n == b"\x04\0N\0a\0m\0e\0");
            }
        }
        Ok(())
    }

    fn content(&mut self, token: u8, cursor: &mut Cursor<'a>, out: &mut Vec<u8>) -> Result<(), Fault> {
        match token {
            0x05 | 0x45 => {
                if cursor.u8()? != kind::STRING {
                    return Err(Fault::malformed("a constant is not text"));
                }
                self.constant(cursor, out)?;
            }
            0x07 | 0x47 => self.constant(cursor, out)?,
            0x08 | 0x48 => text(&cursor.array::<2>()?, out),
            0x09 | 0x49 => {
                self.layout.bind();
                entity(self.chunk, cursor, out)?;
            }
            0x0a => {
                self.layout.bind();
                name(self.chunk, cursor, &mut Vec::new())?;
            }
            0x0b => {
                let units = cursor.u16()?;
                cursor.take(usize::from(units) * 2)?;
            }
            0x0d | 0x0e if self.values.is_none() => {
                out.push(token::SUBSTITUTION);
                out.extend_from_slice(&cursor.array::<2>()?);
                cursor.u8()?;
            }
            _ => return Err(Fault::malformed("an unknown BinXML token")),
        }
        Ok(())
    }

    /// Start of an element. Only in definitions it has a dependency.
    fn element(
        &mut self,
        cursor: &mut Cursor<'a>,
        has_attributes: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        let dependency = if self.values.is_none() { cursor.u16()? } else { u16::MAX };
        self.size(cursor)?;
        out.push(token::OPEN);
        self.name(cursor, out)?;
        out.extend_from_slice(&dependency.to_le_bytes());
        if has_attributes {
            self.size(cursor)?;
        }
        Ok(())
    }

    /// Passes over a size, which no form holds.
    fn size(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        if self.values.is_some() {
            self.layout.hole(Hole::Size(cursor.at()));
        }
        cursor.u32().map(|_| ())
    }

    fn name(&mut self, cursor: &mut Cursor<'a>, out: &mut Vec<u8>) -> Result<(), Fault> {
        let (offset, sound) = name(self.chunk, cursor, out)?;
        self.layout.name(offset);
        self.sound &= sound;
        Ok(())
    }

    /// Text with its length in front: a constant of a definition, a value of a plain fragment.
    fn constant(&mut self, cursor: &mut Cursor<'a>, out: &mut Vec<u8>) -> Result<(), Fault> {
        let length = usize::from(cursor.u16()?) * 2;
        let at = cursor.at() as u32;
        let found = cursor.take(length)?;
        let values = self.values.as_mut().filter(|_| !self.naming && !is_blank(found));
        // Text that is longer than a value can be stays in place.
        match (values, u16::try_from(length)) {
            (Some(values), Ok(length)) => {
                self.layout.hole(Hole::Text(at as usize - 2));
                out.push(token::SUBSTITUTION);
                out.extend_from_slice(&((values.len() - self.base) as u16).to_le_bytes());
                values.push(Value { at, length, ty: kind::STRING });
            }
            _ => text(found, out),
        }
        Ok(())
    }
}

/// Line breaks and indentation.
pub(super) fn is_blank(utf16: &[u8]) -> bool {
    utf16.as_chunks().0.iter().all(|unit| matches!(unit, [b' ' | b'\t' | b'\r' | b'\n', 0]))
}

/// Constant text.
fn text(utf16: &[u8], out: &mut Vec<u8>) {
    out.push(token::TEXT);
    out.extend_from_slice(&(utf16.len() as u32).to_le_bytes());
    out.extend_from_slice(utf16);
}

/// The five entities of XML; another one is kept by name.
fn entity<'a>(chunk: &'a [u8], cursor: &mut Cursor<'a>, out: &mut Vec<u8>) -> Result<(), Fault> {
    let mut found = Vec::new();
    name(chunk, cursor, &mut found)?;
    let units = found.get(2..).unwrap_or_default();
    let ascii: Vec<u8> = units.iter().copied().step_by(2).collect();
    match ascii.as_slice() {
        b"amp" => text(b"&\0", out),
        b"lt" => text(b"<\0", out),
        b"gt" => text(b">\0", out),
        b"quot" => text(b"\"\0", out),
        b"apos" => text(b"'\0", out),
        _ => text(units, out),
    }
    Ok(())
}

/// Stands for a name that cannot be read.
const UNREADABLE: &[u8] = b"\x0a\0U\0n\0r\0e\0a\0d\0a\0b\0l\0e\0";

/// Writes a referenced name: number of UTF-16 units, units. The name's structure may stand at the reference.
/// Its offset; with false when a reference is damaged: the rest of the definition can still be read.
fn name<'a>(chunk: &'a [u8], cursor: &mut Cursor<'a>, out: &mut Vec<u8>) -> Result<(usize, bool), Fault> {
    let offset = cursor.u32()? as usize;
    if offset == cursor.at() {
        let found = spelled(cursor.data(), offset)?;
        // The start of the structure and the zero behind the name.
        cursor.take(6 + found.len() + 2)?;
        out.extend_from_slice(found);
        return Ok((offset, true));
    }
    let found = spelled(chunk, offset);
    out.extend_from_slice(found.unwrap_or(UNREADABLE));
    Ok((offset, found.is_ok()))
}

/// Number of UTF-16 units and units of the name's structure at `offset`, in front of which stand the offset of the next
/// name and a hash.
#[inline]
fn spelled(data: &[u8], offset: usize) -> Result<&[u8], Fault> {
    let spelled = offset.checked_add(6).and_then(|at| data.get(at..)).ok_or(Fault::SHORT)?;
    let units = usize::from(u16::from_le_bytes(*spelled.first_chunk().ok_or(Fault::SHORT)?));
    if units > MAX_NAME {
        return Err(Fault::SIZE);
    }
    spelled.get(..2 + units * 2).ok_or(Fault::SHORT)
}
