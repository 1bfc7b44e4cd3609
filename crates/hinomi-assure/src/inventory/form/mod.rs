//! Documents as records: trees of fields, whatever the bytes look like.
//!
//! # Trust
//! Every byte may come from an intruder. Readers hold one record at a time, bounded by [`LARGEST_RECORD`]; what cannot be read
//! becomes a problem with its line, and the rest is read.

mod json;
mod ldif;
mod xml;

use std::io::{BufRead, Read as _};

use serde_json::Value;

use super::shape::{Form, Shapes};

/// Bytes of one record.
pub(super) const LARGEST_RECORD: usize = 16 << 20;
/// Bytes of a document that has to be held as a whole: rows with a header, and anything in UTF-16.
pub(super) const LARGEST_WHOLE: u64 = 256 << 20;
/// Bytes that are looked at to tell the form, and in which the names of lists are looked for.
const LOOKED_AT: usize = 64 << 10;

/// Where readers hand what they find.
pub(super) trait Sink {
    /// A record of a list or element.
    fn record(&mut self, list: &str, record: Value, line: u64);
    /// Fields of the document itself.
    fn document(&mut self, fields: Value);
    /// Something that is not read.
    fn refused(&mut self, line: u64, why: String);
    /// Something to know, which costs no record.
    fn noted(&mut self, line: u64, what: String);
}

/// The form of a document by its first bytes; rows with a header, if it is none of the others.
pub(super) fn sniff(bytes: &[u8]) -> Form {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    match text.first() {
        Some(b'{' | b'[') => Form::Json,
        Some(b'<') => Form::Xml,
        _ if ldif::begins(text) => Form::Ldif,
        _ => Form::Csv,
    }
}

/// Whether the bytes are UTF-16, and have to be decoded before anything else.
pub(super) fn is_wide(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff")
}

/// Reads records of every form but rows with a header.
pub(super) fn read(form: Form, shapes: &Shapes, reader: &mut dyn BufRead, sink: &mut dyn Sink) {
    match form {
        Form::Json => json::read(&shapes.lists(Form::Json), reader, sink),
        Form::Ldif => ldif::read(&shapes.binary, reader, sink),
        Form::Xml => xml::read(&shapes.lists(Form::Xml), reader, sink),
        Form::Csv => {}
    }
}

/// The first bytes of a reader, which stay in it.
pub(super) fn first_bytes(reader: &mut impl BufRead) -> std::io::Result<(Vec<u8>, impl BufRead)> {
    let mut first = Vec::new();
    reader.by_ref().take(LOOKED_AT as u64).read_to_end(&mut first)?;
    Ok((first.clone(), std::io::Cursor::new(first).chain(reader)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a reader found, as text. Problems begin with the number of records before them, and `!` where they cost one.
    #[derive(Default)]
    pub(super) struct Seen {
        pub(super) records: Vec<String>,
        pub(super) problems: Vec<String>,
        pub(super) document: String,
    }

    impl Sink for Seen {
        fn record(&mut self, list: &str, mut record: Value, line: u64) {
            // Other crates of a build may ask for objects in order of writing.
            record.sort_all_objects();
            self.records.push(format!("{line}:{list} {record}"));
        }

        fn document(&mut self, mut fields: Value) {
            fields.sort_all_objects();
            self.document = fields.to_string();
        }

        fn refused(&mut self, line: u64, why: String) {
            self.problems.push(format!("{}! {line}: {why}", self.records.len()));
        }

        fn noted(&mut self, line: u64, what: String) {
            self.problems.push(format!("{}? {line}: {what}", self.records.len()));
        }
    }

    #[test]
    fn forms_are_told_by_their_first_bytes() {
        for (text, form) in [
            ("\u{feff} \n{\"a\":1}", Form::Json),
            ("[", Form::Json),
            ("<?xml", Form::Xml),
            ("# AD\ndn: x", Form::Ldif),
            ("host,owner\n", Form::Csv),
            ("", Form::Csv),
        ] {
            assert_eq!(sniff(text.as_bytes()), form, "{text}");
        }
        assert!(is_wide(b"\xff\xfea\0") && !is_wide(b"\xffa"));
    }
}
