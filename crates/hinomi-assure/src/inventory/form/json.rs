//! JSON objects, cut out one by one.

use std::io::BufRead;

use serde_json::Value;

use super::{LARGEST_RECORD, Sink, first_bytes};
use crate::elements::{End, Layout, Spot, Take, cut};

/// Hands the objects of the lists with these names, of an outermost list, or the objects that follow each other to `sink`.
pub(super) fn read(lists: &[&str], mut reader: &mut dyn BufRead, sink: &mut dyn Sink) {
    let Ok((first, rest)) = first_bytes(&mut reader) else {
        sink.refused(1, "cannot be read".to_owned());
        return;
    };
    let (layout, list) = layout(&first, lists);
    let mut taker = Taker { list, sink, line: 1 };
    let lists = [list];
    let layout = layout.unwrap_or(Layout::Named(&lists, "meta"));
    let end = cut(rest, layout, LARGEST_RECORD, &mut taker);
    let line = taker.line;
    match end {
        End::Whole => {}
        End::Cut(at) => {
            sink.refused(line, format!("the document ends in the middle of something, at byte {at}"));
        }
        End::Unreadable(_) => sink.refused(line, "cannot be read further".to_owned()),
    }
}

struct Taker<'s> {
    list: &'s str,
    sink: &'s mut dyn Sink,
    line: u64,
}

impl Take for Taker<'_> {
    fn element(&mut self, bytes: &[u8], at: Spot) {
        self.line = at.line;
        match serde_json::from_slice(bytes) {
            Ok(record) => self.sink.record(self.list, record, at.line),
            Err(error) => self.sink.refused(at.line, format!("an object cannot be read: {error}")),
        }
    }

    fn about(&mut self, bytes: &[u8], _: Spot) {
        if let Ok(fields) = serde_json::from_slice::<Value>(bytes) {
            self.sink.document(fields);
        }
    }

    fn refused(&mut self, at: Spot, why: &'static str) {
        self.sink.refused(at.line, why.to_owned());
    }
}

/// Where the objects stand: no layout means in the named list.
fn layout<'l>(first: &[u8], lists: &[&'l str]) -> (Option<Layout<'l>>, &'l str) {
    let text = first.strip_prefix(b"\xef\xbb\xbf").unwrap_or(first).trim_ascii_start();
    if text.starts_with(b"[") {
        return (Some(Layout::List), "");
    }
    match outer_list(text, lists) {
        Some(list) => (None, list),
        None => (Some(Layout::Lines), ""),
    }
}

/// The first of some names that the outermost object gives to a list.
fn outer_list<'l>(text: &[u8], lists: &[&'l str]) -> Option<&'l str> {
    let (mut depth, mut quote, mut key, mut is_value) = (0u32, None, &b""[..], false);
    for (at, byte) in text.iter().enumerate() {
        quote = match (quote, byte) {
            (Some(Quote::Escaped(from)), _) => Some(Quote::Open(from)),
            (Some(Quote::Open(from)), b'\\') => Some(Quote::Escaped(from)),
            (Some(Quote::Open(from)), b'"') => {
                if depth == 1 && !is_value {
                    key = text.get(from..at).unwrap_or_default();
                }
                None
            }
            (open @ Some(_), _) => open,
            (None, b'"') => Some(Quote::Open(at + 1)),
            (None, _) => None,
        };
        if quote.is_some() {
            continue;
        }
        match byte {
            b':' | b',' if depth == 1 => is_value = *byte == b':',
            b'[' if depth == 1 && is_value && lists.iter().any(|l| l.as_bytes() == key) => {
                return lists.iter().find(|l| l.as_bytes() == key).copied();
            }
            b'{' | b'[' => depth += 1,
            // Behind the first object there is no outermost one.
            b'}' | b']' if depth <= 1 => return None,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[derive(Clone, Copy)]
enum Quote {
    /// From where.
    Open(usize),
    /// The next letter is taken as it is.
    Escaped(usize),
}

#[cfg(test)]
mod tests {
    use super::super::tests::Seen;
    use super::*;

    fn check(text: &str, records: &[&str], problems: usize) {
        let mut seen = Seen::default();
        read(&["value", "Reservations"], &mut text.as_bytes(), &mut seen);
        assert_eq!(
            (seen.records.as_slice(), seen.problems.len()),
            (records.iter().map(|r| (*r).to_owned()).collect::<Vec<_>>().as_slice(), problems),
            "{text} {:?}",
            seen.problems
        );
    }

    #[test]
    fn objects_in_lists_named_lists_and_lines() {
        check(
            r#"[{"a":1},
            {"a":2}]"#,
            &[r#"1: {"a":1}"#, r#"2: {"a":2}"#],
            0,
        );
        check(
            r#"{"@odata.context":"x[","other":[{"n":0}],"value":[{"a":1}],"next":null}"#,
            &[r#"1:value {"a":1}"#],
            0,
        );
        check(
            "\u{feff}{\"a\":{\"value\":[{}]}}\n{\"a\":2}\n",
            &[r#"1: {"a":{"value":[{}]}}"#, r#"2: {"a":2}"#],
            0,
        );
        check(r#"{"value":[]}"#, &[], 0);
    }

    #[test]
    fn a_damaged_object_costs_that_object() {
        check(r#"{"value":[{"a":},{"a":2},7,{"a":3"#, &[r#"1:value {"a":2}"#], 3);
        check(&format!("[{}{}]", "{\"a\":".repeat(200), "}".repeat(200)), &[], 1);
    }
}
