//! LDAP Data Interchange Format, RFC 2849: entries of a directory as text.
//!
//! # Not here
//! Records of changes (`changetype`): they say what happened to a directory, not what is in it, and are refused.

use std::collections::BTreeMap;
use std::io::{BufRead, Read as _};

use base64::Engine as _;
use serde_json::{Map, Value};

use super::{LARGEST_RECORD, Sink};
use crate::inventory::shape::Binary;

/// Whether a text begins as such a document does: with a version or an entry, after comments.
pub(super) fn begins(text: &[u8]) -> bool {
    let lines = text.split(|b| *b == b'\n').map(<[u8]>::trim_ascii_end);
    // Lines that begin with a space continue a comment.
    let mut said = lines.filter(|l| !l.is_empty() && !l.starts_with(b"#") && !l.starts_with(b" "));
    let starts = |line: &[u8], word: &str| {
        line.get(..word.len()).is_some_and(|l| l.eq_ignore_ascii_case(word.as_bytes()))
    };
    said.next().is_some_and(|line| starts(line, "version:") || starts(line, "dn:"))
}

/// Hands every entry to `sink`: names of attributes in lower case without options, values in order.
pub(super) fn read(binary: &BTreeMap<String, Binary>, reader: &mut dyn BufRead, sink: &mut dyn Sink) {
    let mut lines = Lines { reader, number: 0, held: None };
    let mut entry = Entry { binary, fields: Map::new(), line: 0, size: 0, refused: None };
    loop {
        match lines.next() {
            Next::Line(_, line) if line.is_empty() => entry.end(sink),
            Next::Line(number, line) => entry.line(number, &line, sink),
            Next::TooLong(number) => {
                entry.begin(number);
                entry.refuse("a line is longer than allowed");
            }
            Next::End => return entry.end(sink),
            Next::Broken(number) => {
                sink.refused(number, "cannot be read further".to_owned());
                return entry.end(sink);
            }
        }
    }
}

enum Next {
    Line(u64, Vec<u8>),
    TooLong(u64),
    End,
    Broken(u64),
}

/// Lines with their continuations.
struct Lines<'r> {
    reader: &'r mut dyn BufRead,
    number: u64,
    /// The first line of what comes next, read already to see whether it continues.
    held: Option<(u64, Vec<u8>)>,
}

impl Lines<'_> {
    fn next(&mut self) -> Next {
        let (number, mut line) = match self.held.take() {
            Some(held) => held,
            None => match self.physical() {
                Ok(Some(first)) => first,
                Ok(None) => return Next::End,
                Err(_) => return Next::Broken(self.number),
            },
        };
        let mut is_too_long = line.len() >= LARGEST_RECORD;
        // An empty line ends an entry, and nothing continues it.
        while !line.is_empty() {
            match self.physical() {
                Ok(Some((_, more))) if more.first() == Some(&b' ') => {
                    if line.len() + more.len() > LARGEST_RECORD {
                        is_too_long = true;
                    } else {
                        line.extend_from_slice(more.get(1..).unwrap_or_default());
                    }
                }
                Ok(held) => {
                    self.held = held;
                    break;
                }
                Err(_) => break,
            }
        }
        if is_too_long { Next::TooLong(number) } else { Next::Line(number, line) }
    }

    /// One line as it stands in the document, without its end.
    fn physical(&mut self) -> std::io::Result<Option<(u64, Vec<u8>)>> {
        let mut line = Vec::new();
        let read = (&mut *self.reader).take(LARGEST_RECORD as u64).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        while line.last().is_some_and(|b| matches!(b, b'\n' | b'\r')) {
            line.pop();
        }
        if self.number == 1 && line.starts_with(b"\xef\xbb\xbf") {
            line.drain(..3);
        }
        Ok(Some((self.number, line)))
    }
}

struct Entry<'b> {
    binary: &'b BTreeMap<String, Binary>,
    fields: Map<String, Value>,
    line: u64,
    size: usize,
    refused: Option<&'static str>,
}

impl Entry<'_> {
    fn begin(&mut self, number: u64) {
        if self.line == 0 {
            self.line = number;
        }
    }

    fn refuse(&mut self, why: &'static str) {
        self.refused.get_or_insert(why);
    }

    fn line(&mut self, number: u64, line: &[u8], sink: &mut dyn Sink) {
        if line.starts_with(b"#") {
            return comment(line, sink);
        }
        let Some(colon) = line.iter().position(|b| *b == b':') else {
            self.begin(number);
            // What other tools print after the entries stands alone.
            if self.fields.is_empty() && !line.starts_with(b"-") {
                return self.refuse("a line is no attribute");
            }
            return sink.noted(number, "a line is no attribute".to_owned());
        };
        let (name, value) = line.split_at(colon);
        let name = String::from_utf8_lossy(name).trim().to_lowercase();
        if self.fields.is_empty()
            && (name == "version" || name == "search" || name == "result" || name == "ref")
        {
            return;
        }
        self.begin(number);
        if self.fields.is_empty() && name != "dn" {
            return self.refuse("an entry does not begin with its name (dn)");
        }
        if name == "changetype" {
            return self.refuse("a record of a change says nothing of what is there");
        }
        self.size += line.len();
        if self.size > LARGEST_RECORD {
            return self.refuse("an entry is larger than allowed");
        }
        // `;range=0-1499`, `;binary` and languages are options of one attribute.
        let (name, options) = name.split_once(';').unwrap_or((name.as_str(), ""));
        if options.starts_with("range=") && !options.ends_with("-*") {
            sink.noted(number, format!("{name}: the export holds only a part of the values"));
        }
        match self.value(name, value.get(1..).unwrap_or_default()) {
            Ok(Some(value)) => self.add(name, value),
            Ok(None) => {}
            Err(why) => sink.noted(number, format!("{name}: {why}")),
        }
    }

    /// `: text`, `:: base64`, or `:< URL`, which is never followed.
    fn value(&self, name: &str, value: &[u8]) -> Result<Option<String>, &'static str> {
        let bytes = match value {
            [b':', encoded @ ..] => {
                let encoded: Vec<u8> = encoded.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
                let decoded = base64::engine::general_purpose::STANDARD.decode(&encoded);
                decoded.map_err(|_| "the value is not in base64")?
            }
            [b'<', ..] => return Err("a value in another file is not fetched"),
            text => text.trim_ascii_start().to_vec(),
        };
        let text = match self.binary.get(name) {
            // Some tools write these as text already.
            Some(Binary::Sid) if !bytes.starts_with(b"S-") => sid(&bytes).ok_or("no security identifier")?,
            Some(Binary::Guid) if bytes.len() == 16 => guid(&bytes).ok_or("no identifier")?,
            _ => match String::from_utf8(bytes) {
                Ok(text) => text,
                // Pictures, keys and descriptors: nothing that a list of entities reads.
                Err(_) => return Ok(None),
            },
        };
        Ok(Some(text))
    }

    fn add(&mut self, name: &str, value: String) {
        let value = Value::String(value);
        match self.fields.get_mut(name) {
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![std::mem::take(first), value]),
            None => {
                self.fields.insert(name.to_owned(), value);
            }
        }
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        let (fields, line) = (std::mem::take(&mut self.fields), std::mem::take(&mut self.line));
        self.size = 0;
        match self.refused.take() {
            Some(why) => sink.refused(line, why.to_owned()),
            None if fields.is_empty() => {}
            None => sink.record("", Value::Object(fields), line),
        }
    }
}

/// Comments say nothing, but for the moment of an export that this program wrote.
fn comment(line: &[u8], sink: &mut dyn Sink) {
    let time = line.strip_prefix(b"# exported: ").and_then(|time| std::str::from_utf8(time).ok());
    if let Some(time) = time {
        sink.document(serde_json::json!({ "exported": time }));
    }
}

/// `S-1-…` of the bytes of a security identifier.
fn sid(bytes: &[u8]) -> Option<String> {
    let [revision, count, authority @ ..] = bytes else { return None };
    let (authority, parts) = authority.split_at_checked(6)?;
    if *revision != 1 || parts.len() != usize::from(*count) * 4 {
        return None;
    }
    let authority = authority.iter().fold(0u64, |all, byte| all << 8 | u64::from(*byte));
    let parts = parts.chunks_exact(4).filter_map(|part| Some(u32::from_le_bytes(part.try_into().ok()?)));
    Some(parts.fold(format!("S-1-{authority}"), |sid, part| format!("{sid}-{part}")))
}

/// A GUID as products write it: the first three groups are numbers with the low byte first.
fn guid(bytes: &[u8]) -> Option<String> {
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let (first, rest) = bytes.split_first_chunk::<4>()?;
    let (second, rest) = rest.split_first_chunk::<2>()?;
    let (third, rest) = rest.split_first_chunk::<2>()?;
    let (fourth, fifth) = rest.split_first_chunk::<2>()?;
    Some(format!(
        "{:08x}-{:04x}-{:04x}-{}-{}",
        u32::from_le_bytes(*first),
        u16::from_le_bytes(*second),
        u16::from_le_bytes(*third),
        hex(fourth),
        hex(fifth)
    ))
}

#[cfg(test)]
mod tests {
    use super::super::tests::Seen;
    use super::*;

    fn check(text: &str, records: &[&str], problems: &[&str]) {
        let binary =
            BTreeMap::from([("objectsid".to_owned(), Binary::Sid), ("objectguid".to_owned(), Binary::Guid)]);
        let mut seen = Seen::default();
        read(&binary, &mut text.as_bytes(), &mut seen);
        assert_eq!(
            (seen.records.as_slice(), seen.problems.as_slice()),
            (
                records.iter().map(|r| (*r).to_owned()).collect::<Vec<_>>().as_slice(),
                problems.iter().map(|r| (*r).to_owned()).collect::<Vec<_>>().as_slice()
            ),
            "{text}"
        );
    }

    #[test]
    fn entries_with_folded_lines_comments_and_base64() {
        let text = "version: 1\n# a comment\n  of two lines\ndn: CN=mika,\n DC=corp\ncn:: bWlrYQ==\nmail: a\nMAIL;lang-ja: b\n\n\
            dn:: Q049eA==\r\nphoto:: /9j/\r\nempty:\r\n\r\nsearch: 2\nresult: 0 Success\n";
        check(
            text,
            &[
                r#"4: {"cn":"mika","dn":"CN=mika,DC=corp","mail":["a","b"]}"#,
                r#"10: {"dn":"CN=x","empty":""}"#,
            ],
            &[],
        );
    }

    #[test]
    fn identifiers_are_written_as_products_write_them() {
        // S-1-5-21-1-2-3-500, and the GUID of an example of RFC 4122's relatives.
        check(
            "dn: a\nobjectSid:: AQUAAAAAAAUVAAAAAQAAAAIAAAADAAAA9AEAAA==\nobjectGUID:: AAECAwQFBgcICQoLDA0ODw==\n",
            &[
                r#"1: {"dn":"a","objectguid":"03020100-0504-0706-0809-0a0b0c0d0e0f","objectsid":"S-1-5-21-1-2-3-500"}"#,
            ],
            &[],
        );
        check(
            "dn: a\nobjectSid:: AQUAAA==\n",
            &[r#"1: {"dn":"a"}"#],
            &["0? 2: objectsid: no security identifier"],
        );
    }

    #[test]
    fn changes_and_damage_are_refused_and_the_rest_is_read() {
        check(
            "dn: a\nchangetype: delete\n\ndn: b\n\ncn: c\n\ndn: d\ncn:: !\nurl:< file:///etc/passwd\nmember;range=0-1: x\n",
            &[r#"4: {"dn":"b"}"#, r#"8: {"dn":"d","member":"x"}"#],
            &[
                "0! 1: a record of a change says nothing of what is there",
                "1! 6: an entry does not begin with its name (dn)",
                "1? 9: cn: the value is not in base64",
                "1? 10: url: a value in another file is not fetched",
                "1? 11: member: the export holds only a part of the values",
            ],
        );
    }

    #[test]
    fn a_document_is_told_by_its_first_words() {
        for (text, is) in [
            ("# comment\n folded\n\nversion: 1\n", true),
            ("DN: cn=x", true),
            ("dn,cn\n", false),
            ("", false),
            ("versio", false),
        ] {
            assert_eq!(begins(text.as_bytes()), is, "{text}");
        }
    }
}
