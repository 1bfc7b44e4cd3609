//! Messages of LDAP (RFC 4511): a simple bind, searches in pages (RFC 2696), and their answers.

use crate::ber::{
    BOOLEAN, ENUMERATED, INTEGER, OCTETS, SEQUENCE, number, read, read_as, write, write_all, write_number,
};

/// The control that asks for pages.
const PAGED: &[u8] = b"1.2.840.113556.1.4.319";
/// Most attributes, or values of one, of an entry.
const MOST_PARTS: usize = 200_000;

/// How deep a search goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Scope {
    Entry = 0,
    Below = 2,
}

/// An answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Answer {
    Bound(Outcome),
    Entry(Entry),
    /// Another server would know more.
    Reference,
    /// The end of a page, and where the next one begins; empty after the last.
    Done(Outcome, Vec<u8>),
    Other,
}

/// What a request came to (RFC 4511, 4.1.9).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Outcome {
    pub(super) code: i64,
    pub(super) said: String,
}

/// An entry of a directory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    pub(super) name: Vec<u8>,
    /// Attributes and their values, in order.
    pub(super) attributes: Vec<(String, Vec<Vec<u8>>)>,
}

pub(super) fn bind(id: u32, name: &str, password: &[u8]) -> Vec<u8> {
    let parts = [write_number(INTEGER, 3), write(OCTETS, name.as_bytes()), write(0x80, password)];
    message(id, &write_all(0x60, &parts), &[])
}

pub(super) fn unbind(id: u32) -> Vec<u8> {
    message(id, &write(0x42, &[]), &[])
}

/// Asks for entries with an object class, which all have; of a page of `size`, if that is not zero.
pub(super) fn search(
    id: u32,
    (base, scope): (&str, Scope),
    attributes: &[String],
    (size, cookie): (u32, &[u8]),
) -> Vec<u8> {
    let names: Vec<Vec<u8>> = attributes.iter().map(|name| write(OCTETS, name.as_bytes())).collect();
    let parts = [
        write(OCTETS, base.as_bytes()),
        write_number(ENUMERATED, scope as u32),
        write_number(ENUMERATED, 0),
        write_number(INTEGER, 0),
        write_number(INTEGER, 0),
        write(BOOLEAN, &[0]),
        write(0x87, b"objectClass"),
        write_all(SEQUENCE, &names),
    ];
    let page = write_all(SEQUENCE, &[write_number(INTEGER, size), write(OCTETS, cookie)]);
    let paged = write_all(SEQUENCE, &[write(OCTETS, PAGED), write(BOOLEAN, &[0xff]), write(OCTETS, &page)]);
    message(id, &write_all(0x63, &parts), if size == 0 { &[] } else { &paged })
}

fn message(id: u32, operation: &[u8], control: &[u8]) -> Vec<u8> {
    let controls = if control.is_empty() { Vec::new() } else { write(0xa0, control) };
    write_all(SEQUENCE, &[write_number(INTEGER, id), operation.to_vec(), controls])
}

/// The number of a message and what it answers; `None` when it is not LDAP.
pub(super) fn answer(bytes: &[u8]) -> Option<(i64, Answer)> {
    let message = read_as(bytes, SEQUENCE)?;
    let id = read_as(message.content, INTEGER)?;
    let operation = read(id.rest)?;
    let answer = match operation.tag {
        0x61 => Answer::Bound(outcome(operation.content)?),
        0x64 => Answer::Entry(entry(operation.content)?),
        0x73 => Answer::Reference,
        0x65 => Answer::Done(outcome(operation.content)?, cookie(operation.rest).unwrap_or_default()),
        _ => Answer::Other,
    };
    Some((number(id.content)?, answer))
}

fn outcome(content: &[u8]) -> Option<Outcome> {
    let code = read_as(content, ENUMERATED)?;
    let matched = read_as(code.rest, OCTETS)?;
    let said = read_as(matched.rest, OCTETS)?;
    Some(Outcome { code: number(code.content)?, said: String::from_utf8_lossy(said.content).into_owned() })
}

fn entry(content: &[u8]) -> Option<Entry> {
    let name = read_as(content, OCTETS)?;
    let mut rest = read_as(name.rest, SEQUENCE)?.content;
    let mut attributes = Vec::new();
    while !rest.is_empty() && attributes.len() < MOST_PARTS {
        let attribute = read_as(rest, SEQUENCE)?;
        let kind = read_as(attribute.content, OCTETS)?;
        let mut inner = read_as(kind.rest, 0x31)?.content;
        let mut values = Vec::new();
        while !inner.is_empty() && values.len() < MOST_PARTS {
            let value = read_as(inner, OCTETS)?;
            values.push(value.content.to_vec());
            inner = value.rest;
        }
        attributes.push((String::from_utf8_lossy(kind.content).into_owned(), values));
        rest = attribute.rest;
    }
    Some(Entry { name: name.content.to_vec(), attributes })
}

/// Where the next page begins, from the controls of an answer.
fn cookie(controls: &[u8]) -> Option<Vec<u8>> {
    let mut rest = read_as(controls, 0xa0)?.content;
    while let Some(control) = read_as(rest, SEQUENCE) {
        rest = control.rest;
        let kind = read_as(control.content, OCTETS)?;
        if kind.content != PAGED {
            continue;
        }
        let after = read(kind.rest)?;
        let value = if after.tag == BOOLEAN { read_as(after.rest, OCTETS)? } else { after };
        let page = read_as(value.content, SEQUENCE)?;
        let size = read_as(page.content, INTEGER)?;
        return Some(read_as(size.rest, OCTETS)?.content.to_vec());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bind_is_what_the_specification_says() {
        // SEQUENCE { 1, [APPLICATION 0] { 3, "cn=a", [0] "pw" } }
        let expected =
            [0x30, 0x12, 2, 1, 1, 0x60, 13, 2, 1, 3, 4, 4, b'c', b'n', b'=', b'a', 0x80, 2, b'p', b'w'];
        assert_eq!(bind(1, "cn=a", b"pw"), expected);
    }

    fn done(cookie: &[u8]) -> Vec<u8> {
        let result = [write_number(ENUMERATED, 4), write(OCTETS, b""), write(OCTETS, b"too many")];
        let page = write_all(SEQUENCE, &[write_number(INTEGER, 0), write(OCTETS, cookie)]);
        let control = write_all(SEQUENCE, &[write(OCTETS, PAGED), write(OCTETS, &page)]);
        message(7, &write_all(0x65, &result), &control)
    }

    #[test]
    fn answers_are_read() {
        let value = write_all(0x31, &[write(OCTETS, b"a"), write(OCTETS, &[0, 255])]);
        let attribute = write_all(SEQUENCE, &[write(OCTETS, b"member"), value]);
        let entry = write_all(0x64, &[write(OCTETS, b"cn=x"), write_all(SEQUENCE, &[attribute])]);
        let (id, found) = answer(&message(5, &entry, &[])).unwrap();
        let Answer::Entry(found) = found else { unreachable!() };
        assert_eq!((id, found.name.as_slice()), (5, &b"cn=x"[..]));
        assert_eq!(found.attributes, [("member".to_owned(), vec![b"a".to_vec(), vec![0, 255]])]);
        let outcome = Outcome { code: 4, said: "too many".to_owned() };
        assert_eq!(answer(&done(b"next")), Some((7, Answer::Done(outcome, b"next".to_vec()))));
    }

    #[test]
    fn every_answer_that_is_cut_or_flipped_is_refused_or_read() {
        let whole = done(b"next");
        for at in 0..whole.len() {
            assert_eq!(answer(&whole[..at]), None, "{at}");
            for bit in 0..8 {
                let mut flipped = whole.clone();
                flipped[at] ^= 1 << bit;
                let _ = answer(&flipped);
            }
        }
    }
}
