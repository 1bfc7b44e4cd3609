//! Finding entries and their fields.

use memchr::{memchr, memmem};

/// The longest name of a field; as in the journal itself.
const MAX_NAME: usize = 64;

/// Fields that the journal writes before all others, one of which begins an entry.
const FIRST: [&[u8]; 4] = [b"__CURSOR=", b"__REALTIME_TIMESTAMP=", b"__MONOTONIC_TIMESTAMP=", b"__SEQNUM="];

/// A field of an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Field<'b> {
    pub(super) name: &'b [u8],
    pub(super) value: &'b [u8],
}

/// What bytes begin with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Met {
    /// So many blank lines.
    Blank(usize),
    /// An entry, with the blank line that ends it.
    Whole(usize),
    /// An entry that goes on behind what is there.
    Part,
    /// What cannot be read, up to where an entry begins; what is wrong, and where.
    Damaged { length: usize, offset: usize, what: &'static str },
}

/// Whether an entry begins here.
pub(super) fn begins(bytes: &[u8]) -> bool {
    FIRST.iter().any(|first| bytes.starts_with(first))
}

/// What a field turned out to be.
enum Read<'b> {
    Field(Field<'b>, usize),
    Part,
    Damaged(&'static str),
}

/// What `bytes` begin with; the fields are handed to `each` as they are met. `at_end` says that nothing follows.
pub(super) fn first<'b>(bytes: &'b [u8], at_end: bool, each: &mut impl FnMut(Field<'b>)) -> Met {
    let blank = bytes.iter().take_while(|byte| **byte == b'\n').count();
    if blank > 0 {
        return Met::Blank(blank);
    }
    let mut at = 0;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        match rest.first() {
            None if at_end => return Met::Whole(at),
            None => return Met::Part,
            Some(b'\n') => return Met::Whole(at + 1),
            Some(_) => {}
        }
        match field(rest, at_end) {
            Read::Field(field, length) => {
                each(field);
                at += length;
            }
            Read::Part => return Met::Part,
            Read::Damaged(what) => return damaged(bytes, at, at_end, what),
        }
    }
}

/// The field that `bytes` begin with, and its length.
fn field(bytes: &[u8], at_end: bool) -> Read<'_> {
    let line_end = match memchr(b'\n', bytes) {
        Some(end) => end,
        None if at_end => bytes.len(),
        None => return Read::Part,
    };
    let line = bytes.get(..line_end).unwrap_or_default();
    let name_end = memchr(b'=', line.get(..line.len().min(MAX_NAME + 1)).unwrap_or_default());
    let name = line.get(..name_end.unwrap_or(line.len())).unwrap_or_default();
    if !is_name(name) {
        return Read::Damaged("a field of a journal entry was expected");
    }
    let taken = (line_end + 1).min(bytes.len());
    if let Some(end) = name_end {
        let value = line.get(end + 1..).unwrap_or_default();
        return Read::Field(Field { name, value }, taken);
    }
    binary(bytes, name, taken, at_end)
}

/// A field whose length stands before it, at `at`.
fn binary<'b>(bytes: &'b [u8], name: &'b [u8], at: usize, at_end: bool) -> Read<'b> {
    let ended = || if at_end { Read::Damaged("a journal entry ends inside a field") } else { Read::Part };
    let Some(length) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) else { return ended() };
    let from = at + 8;
    let Some(to) = usize::try_from(u64::from_le_bytes(*length)).ok().and_then(|n| from.checked_add(n)) else {
        return Read::Damaged("a field of a journal entry states a length that cannot be");
    };
    match (bytes.get(from..to), bytes.get(to)) {
        (Some(value), Some(b'\n')) => Read::Field(Field { name, value }, to + 1),
        (Some(_), Some(_)) => Read::Damaged("a field of a journal entry is longer than it states"),
        _ => ended(),
    }
}

fn is_name(name: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_';
    (1..=MAX_NAME).contains(&name.len()) && name.iter().all(plain)
}

/// Damage at `at` reaches up to the next blank line before the beginning of an entry.
fn damaged(bytes: &[u8], at: usize, at_end: bool, what: &'static str) -> Met {
    // The damaged line itself may follow a blank one.
    let from = at.saturating_sub(2);
    let ends = memmem::find_iter(bytes.get(from..).unwrap_or_default(), b"\n\n__").map(|end| from + end + 2);
    let next = ends.filter(|end| *end > at).find(|end| begins(bytes.get(*end..).unwrap_or_default()));
    match next {
        Some(length) => Met::Damaged { length, offset: at, what },
        None if at_end => Met::Damaged { length: bytes.len(), offset: at, what },
        None => Met::Part,
    }
}
