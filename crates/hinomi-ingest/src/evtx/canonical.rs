//! BinXML made independent of its chunk.
//!
//! A template definition refers to names by their offset in the chunk, so the same template has other bytes in
//! every chunk. Its canonical form has the names in place of the references and no sizes; equal canonical forms
//! are the same template, which is therefore compiled once for all chunks and files.
//!
//! # Trust
//! The input is hostile. The canonical form is well nested up to [`MAX_DEPTH`] and at most [`MAX_BYTES`] long.
//!
//! # Not here
//! The tree made of a canonical form (`tree`).

use super::cursor::Cursor;
use super::fault::Fault;

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
/// Elements of template definitions carry a dependency (`definition`), those of plain fragments do not.
pub(super) fn write<'a>(
    chunk: &'a [u8],
    cursor: &mut Cursor<'a>,
    definition: bool,
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    let mut depth = 0_usize;
    while !cursor.done() {
        if out.len() > MAX_BYTES {
            return Err(Fault::SIZE);
        }
        match cursor.u8()? {
            0x00 => break,
            0x0f => {
                cursor.take(3)?;
            }
            token @ (0x01 | 0x41) => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(Fault::DEPTH);
                }
                let dependency = if definition { cursor.u16()? } else { u16::MAX };
                cursor.u32()?;
                out.push(token::OPEN);
                name(chunk, cursor, out)?;
                out.extend_from_slice(&dependency.to_le_bytes());
                if token == 0x41 {
                    cursor.u32()?;
                }
            }
            0x02 => out.push(token::CLOSE_START),
            0x03 => {
                depth = depth.checked_sub(1).ok_or(UNBALANCED)?;
                out.extend_from_slice(&[token::CLOSE_START, token::END]);
            }
            0x04 => {
                depth = depth.checked_sub(1).ok_or(UNBALANCED)?;
                out.push(token::END);
            }
            0x05 | 0x45 => {
                if cursor.u8()? != 0x01 {
                    return Err(Fault::malformed("a constant of a template is not text"));
                }
                counted_text(cursor, out)?;
            }
            0x06 | 0x46 => {
                out.push(token::ATTRIBUTE);
                name(chunk, cursor, out)?;
            }
            0x07 | 0x47 => counted_text(cursor, out)?,
            0x08 | 0x48 => text(&cursor.array::<2>()?, out),
            0x09 | 0x49 => entity(chunk, cursor, out)?,
            0x0a => name(chunk, cursor, &mut Vec::new())?,
            0x0b => {
                let units = cursor.u16()?;
                cursor.take(usize::from(units) * 2)?;
            }
            0x0d | 0x0e => {
                out.push(token::SUBSTITUTION);
                out.extend_from_slice(&cursor.array::<2>()?);
                cursor.u8()?;
            }
            _ => return Err(Fault::malformed("an unknown BinXML token")),
        }
    }
    if depth == 0 { Ok(()) } else { Err(UNBALANCED) }
}

const UNBALANCED: Fault = Fault::malformed("elements of a template do not nest");

/// Constant text prefixed with its number of UTF-16 units.
fn counted_text(cursor: &mut Cursor<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    let units = cursor.u16()?;
    text(cursor.take(usize::from(units) * 2)?, out);
    Ok(())
}

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

/// Writes a referenced name: number of UTF-16 units, units. The name's structure may stand at the reference.
fn name<'a>(chunk: &'a [u8], cursor: &mut Cursor<'a>, out: &mut Vec<u8>) -> Result<(), Fault> {
    let offset = cursor.u32()? as usize;
    let inline = offset == cursor.at();
    let mut there = if inline { *cursor } else { Cursor::new(chunk, offset, chunk.len()) };
    there.take(6)?;
    let units = usize::from(there.u16()?);
    if units > MAX_NAME {
        return Err(Fault::SIZE);
    }
    let found = there.take(units * 2)?;
    if inline {
        there.take(2)?;
        *cursor = there;
    }
    out.extend_from_slice(&(units as u16).to_le_bytes());
    out.extend_from_slice(found);
    Ok(())
}
