//! The export format of the systemd journal: entries of fields, each a line `NAME=value`, or, when the value is not plain
//! text, the name on a line, its length in eight bytes and the value. A blank line ends an entry
//! (<https://systemd.io/JOURNAL_EXPORT_FORMATS/>).
//!
//! # Invariants
//! - An entry reads as `journalctl -o json --all` would print it: the same kind of log, the same names, the same values.
//! - A damaged entry costs itself only: reading goes on at the next one that begins with a field of the journal's own.
//!
//! # Trust
//! Lengths are an intruder's: none is believed before so many bytes are there. Fields of an entry are bounded.
//!
//! # Not here
//! What an entry means: the mapping of the same entries in JSON (`mappings/json`).

mod entry;
mod render;
#[cfg(test)]
mod tests;

use hinomi_columns::Store;
use hinomi_model::{DiagnosticKind, Diagnostics};

use crate::json::{JsonDecoder, Place};
use crate::{Decode, Unit};
use entry::Met;

/// An entry longer than this is not waited for.
const MAX_ENTRY: usize = 16 << 20;
/// Fields of an entry that are read; as many as the journal itself takes.
const MAX_FIELDS: usize = 1024;

/// Decoder of journal entries.
#[derive(Debug, Default)]
pub struct JournalDecoder {
    json: JsonDecoder,
    text: Vec<u8>,
    places: Vec<Place>,
}

impl JournalDecoder {
    /// A decoder that has seen nothing.
    pub fn new() -> Self {
        Self { json: JsonDecoder::new(), text: Vec::new(), places: Vec::new() }
    }
}

/// Whether bytes begin like an export of the journal.
pub fn is_journal(head: &[u8]) -> bool {
    let blank = head.iter().take_while(|byte| **byte == b'\n').count();
    entry::begins(head.get(blank..).unwrap_or_default())
}

/// Whether an entry holds nothing but lines of printable text: then its bytes hold the text of every value.
pub fn is_plain_entry(entry: &[u8]) -> bool {
    render::is_printable(entry)
}

/// The length of the first entry, or of what is no entry before the next one; `None` when that is not known without what
/// follows.
pub fn journal_entry(bytes: &[u8], at_end: bool) -> Option<usize> {
    match entry::first(bytes, at_end, &mut |_| {}) {
        Met::Blank(length) | Met::Whole(length) | Met::Damaged { length, .. } => Some(length.max(1)),
        Met::Part => None,
    }
}

/// The end of the last whole entry; all that is there when nothing can follow.
pub fn journal_cut(bytes: &[u8], at_end: bool) -> usize {
    let mut at = 0;
    while at < bytes.len() {
        match entry::first(bytes.get(at..).unwrap_or_default(), at_end, &mut |_| {}) {
            Met::Blank(length) | Met::Whole(length) | Met::Damaged { length, .. } => at += length.max(1),
            Met::Part => break,
        }
    }
    // What has no end is handed out as it is, and is then found to be damaged.
    if at == 0 && bytes.len() > MAX_ENTRY { bytes.len() } else { at }
}

impl Decode for JournalDecoder {
    fn decode(&mut self, unit: &Unit, store: &mut Store, diagnostics: &mut Diagnostics) {
        self.text.clear();
        self.places.clear();
        self.render(unit, diagnostics);
        self.json.decode_objects(unit, &self.text, &self.places, store, diagnostics);
        self.text.shrink_to(MAX_ENTRY);
    }
}

impl JournalDecoder {
    /// Writes every entry of a unit as an object.
    fn render(&mut self, unit: &Unit, diagnostics: &mut Diagnostics) {
        let bytes = unit.bytes.as_slice();
        let place = unit.member.place();
        let mut fields = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let rest = bytes.get(at..).unwrap_or_default();
            fields.clear();
            let mut more = 0_usize;
            let met = entry::first(rest, true, &mut |field| {
                if fields.len() < MAX_FIELDS { fields.push(field) } else { more += 1 }
            });
            let mut report = |offset: usize, kind, message: String| {
                diagnostics.push(&place, unit.offset + (at + offset) as u64, kind, message);
            };
            let length = match met {
                Met::Blank(length) => length,
                Met::Damaged { length, offset, what } => {
                    report(offset, DiagnosticKind::Malformed, what.to_owned());
                    length
                }
                Met::Whole(length) => {
                    if more > 0 {
                        let message = format!("{more} fields of an entry beyond {MAX_FIELDS} are left out");
                        report(0, DiagnosticKind::LimitExceeded, message);
                    }
                    let start = self.text.len();
                    render::object(&mut fields, &mut self.text);
                    let end = self.text.len();
                    self.text.push(b'\n');
                    self.places.push(Place { text: start..end, own: at..at + length });
                    length
                }
                // Nothing can follow, so that nothing is waited for.
                Met::Part => rest.len(),
            };
            at += length.max(1);
        }
    }
}
