//! Lists of edges that people write or export: `from,kind,to`, and what else the heading names.
//!
//! The first line names the columns, in any order: `from`, `kind`, `to`, and optionally `observed` (yes, true, 1),
//! `from_kind`, `to_kind` (names of the catalogue). UTF-8, RFC 4180 quotes; a field may not span lines, so that lists of
//! millions of lines are read one by one and every edge has the offset of its line.
//!
//! # Not here
//! Tables of entities, in any encoding and with any separator ([`crate::inventory`]).

use std::io::{BufRead, Read};

use hinomi_model::DiagnosticKind;

use super::Import;
use crate::graph::build::{Builder, DocumentId, OBSERVED};

/// Bytes that one line may have.
const LARGEST_LINE: u64 = 64 << 10;

impl Builder {
    /// Reads a list of edges.
    pub fn read_edges(&mut self, name: &str, reader: impl BufRead) -> Import {
        let document = self.document(name);
        let mut list = List { builder: self, name, document, import: Import::default() };
        list.read(reader);
        list.import
    }
}

/// Which column holds what.
struct Columns {
    from: usize,
    kind: usize,
    to: usize,
    observed: Option<usize>,
    from_kind: Option<usize>,
    to_kind: Option<usize>,
}

impl Columns {
    fn of(heading: &[String]) -> Option<Self> {
        let column = |name: &str| heading.iter().position(|h| h.trim().eq_ignore_ascii_case(name));
        Some(Self {
            from: column("from")?,
            kind: column("kind")?,
            to: column("to")?,
            observed: column("observed"),
            from_kind: column("from_kind"),
            to_kind: column("to_kind"),
        })
    }
}

struct List<'b> {
    builder: &'b mut Builder,
    name: &'b str,
    document: DocumentId,
    import: Import,
}

impl List<'_> {
    fn read(&mut self, mut reader: impl BufRead) {
        let mut columns: Option<Columns> = None;
        let mut line = Vec::new();
        let mut offset = 0;
        loop {
            let start = offset;
            line.clear();
            match (&mut reader).take(LARGEST_LINE).read_until(b'\n', &mut line) {
                Ok(0) => return,
                Ok(length) => offset += length as u64,
                Err(_) => return self.diagnose(start, DiagnosticKind::Unreadable, "cannot be read further"),
            }
            let fields = match fields(&line) {
                Ok(fields) => fields,
                Err(why) => {
                    self.import.skipped += 1;
                    self.diagnose(start, DiagnosticKind::Malformed, why);
                    continue;
                }
            };
            match &columns {
                _ if fields.iter().all(|f| f.trim().is_empty()) => {}
                Some(columns) => self.line(&fields, columns, start),
                None => columns = Columns::of(&fields),
            }
            if columns.is_none() && start < offset {
                let why = "the first line does not name the columns from, kind and to";
                return self.diagnose(start, DiagnosticKind::Unrecognised, why);
            }
        }
    }

    fn diagnose(&mut self, offset: u64, kind: DiagnosticKind, message: &str) {
        self.builder.diagnostics.push(self.name, offset, kind, message);
    }

    fn line(&mut self, fields: &[String], columns: &Columns, offset: u64) {
        let field = |column: usize| fields.get(column).map_or("", |f| f.trim());
        let (from, kind, to) = (field(columns.from), field(columns.kind), field(columns.to));
        if from.is_empty() || kind.is_empty() || to.is_empty() {
            self.import.skipped += 1;
            return self.diagnose(offset, DiagnosticKind::Malformed, "a line lacks from, kind or to");
        }
        self.import.objects += 1;
        let node_kind = |column: Option<usize>| column.map_or("", field);
        let (from_kind, to_kind) = (node_kind(columns.from_kind), node_kind(columns.to_kind));
        for stated in [from_kind, to_kind] {
            if !stated.is_empty() && self.builder.catalogue.node(stated).is_none() {
                let message = format!("«{stated}» is no kind of nodes");
                self.diagnose(offset, DiagnosticKind::Unrecognised, &message);
            }
        }
        let observed = columns.observed.map_or("", field).to_ascii_lowercase();
        let flags = if matches!(observed.as_str(), "yes" | "true" | "1") { OBSERVED } else { 0 };
        let kinds = (self.builder.node_kind(from_kind), self.builder.node_kind(to_kind));
        let ends = (self.builder.node(from, kinds.0), self.builder.node(to, kinds.1));
        let (Some(from), Some(to)) = ends else { return self.builder.drop_edge() };
        let place = self.builder.place(self.document, offset);
        self.import.statements += 1;
        self.builder.link(from, to, kind, flags, place);
    }
}

/// The fields of one line.
fn fields(line: &[u8]) -> Result<Vec<String>, &'static str> {
    if line.len() as u64 >= LARGEST_LINE {
        return Err("a line is longer than allowed");
    }
    let text = std::str::from_utf8(line).map_err(|_| "a line is not UTF-8")?;
    let text = text.trim_start_matches('\u{feff}').trim_end_matches(['\n', '\r']);
    let mut fields = vec![String::new()];
    let mut in_quotes = false;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let Some(field) = fields.last_mut() else { break };
        match letter {
            '"' if in_quotes && letters.peek() == Some(&'"') => {
                letters.next();
                field.push('"');
            }
            '"' if in_quotes || field.is_empty() => in_quotes = !in_quotes,
            ',' if !in_quotes => fields.push(String::new()),
            _ => field.push(letter),
        }
    }
    if in_quotes { Err("a quote is not closed on its line") } else { Ok(fields) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_as_in_rfc_4180() {
        assert_eq!(fields(b"a,\"b,\"\"c\"\"\", d\r\n").unwrap(), ["a", "b,\"c\"", " d"]);
        assert_eq!(fields("\u{feff}from,to".as_bytes()).unwrap(), ["from", "to"]);
        assert_eq!(fields(b",").unwrap(), ["", ""]);
        assert!(fields(b"a,\"b").is_err() && fields(b"\xff").is_err());
        assert!(fields(&vec![b'a'; 64 << 10]).is_err());
    }
}
