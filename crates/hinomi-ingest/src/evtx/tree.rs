//! The element tree of a template definition or fragment.

use super::canonical::{MAX_DEPTH, token};
use super::cursor::Cursor;
use super::fault::Fault;
use super::utf16;

/// Content of an element or attribute.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Content {
    /// Constant text, UTF-16 as stored.
    Text(Vec<u8>),
    /// The value of this number in the record.
    Substitution(u16),
    /// A child element; never in an attribute.
    Element(Element),
}

/// An element with its attributes in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Element {
    pub(super) name: String,
    /// The element is left out when this substitution is null.
    pub(super) dependency: Option<u16>,
    pub(super) attributes: Vec<(String, Vec<Content>)>,
    pub(super) content: Vec<Content>,
}

/// Reads a canonical form.
pub(super) fn read(canonical: &[u8]) -> Result<Vec<Content>, Fault> {
    let mut cursor = Cursor::new(canonical, 0, canonical.len());
    let mut roots = Vec::new();
    contents(&mut cursor, &mut roots, 0)?;
    Ok(roots)
}

/// Reads contents up to the end of the enclosing element or of the input.
fn contents(cursor: &mut Cursor<'_>, out: &mut Vec<Content>, depth: usize) -> Result<(), Fault> {
    if depth > MAX_DEPTH {
        return Err(Fault::DEPTH);
    }
    while let Some(next) = cursor.peek() {
        match next {
            token::OPEN => {
                cursor.u8()?;
                out.push(Content::Element(element(cursor, depth)?));
            }
            token::END => {
                cursor.u8()?;
                return Ok(());
            }
            token::TEXT | token::SUBSTITUTION => piece(cursor, out)?,
            _ => return Err(Fault::malformed("attributes outside the start of an element")),
        }
    }
    Ok(())
}

fn element(cursor: &mut Cursor<'_>, depth: usize) -> Result<Element, Fault> {
    let name = name(cursor)?;
    let dependency = Some(cursor.u16()?).filter(|&d| d != u16::MAX);
    let mut attributes: Vec<(String, Vec<Content>)> = Vec::new();
    loop {
        match cursor.peek() {
            Some(token::CLOSE_START) => {
                cursor.u8()?;
                break;
            }
            Some(token::ATTRIBUTE) => {
                cursor.u8()?;
                attributes.push((self::name(cursor)?, Vec::new()));
            }
            Some(token::TEXT | token::SUBSTITUTION) => match attributes.last_mut() {
                Some((_, pieces)) => piece(cursor, pieces)?,
                None => return Err(Fault::malformed("text inside the start of an element")),
            },
            _ => return Err(Fault::malformed("the start of an element does not end")),
        }
    }
    let mut content = Vec::new();
    contents(cursor, &mut content, depth + 1)?;
    Ok(Element { name, dependency, attributes, content })
}

fn piece(cursor: &mut Cursor<'_>, out: &mut Vec<Content>) -> Result<(), Fault> {
    if cursor.u8()? == token::SUBSTITUTION {
        out.push(Content::Substitution(cursor.u16()?));
        return Ok(());
    }
    let length = cursor.u32()? as usize;
    let text = cursor.take(length)?;
    match out.last_mut() {
        Some(Content::Text(before)) => before.extend_from_slice(text),
        _ => out.push(Content::Text(text.to_vec())),
    }
    Ok(())
}

fn name(cursor: &mut Cursor<'_>) -> Result<String, Fault> {
    let units = usize::from(cursor.u16()?);
    Ok(utf16::text(cursor.take(units * 2)?))
}
