//! XML elements as records, with a reader that pulls.
//!
//! # Trust
//! Nothing is resolved: no entities but the five of XML itself, no document type, nothing from outside. Depth and size of a
//! record are bounded.

use std::io::BufRead;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Map, Value};

use super::{LARGEST_RECORD, LARGEST_WHOLE, Sink};

/// Deepest nesting that is followed.
const DEEPEST: usize = 64;

/// Hands the elements with these paths (`root/record`) to `sink`: attributes are fields, and elements inside are lists by their name.
pub(super) fn read(elements: &[&str], reader: &mut dyn BufRead, sink: &mut dyn Sink) {
    // A document type or a comment is held as a whole before it can be passed over.
    let mut xml = Reader::from_reader(LineCount { inner: reader, line: 1, left: LARGEST_WHOLE });
    xml.config_mut().check_end_names = true;
    let mut state = State { elements, open: Vec::new(), records: Vec::new(), size: 0, line: 0 };
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        let event = xml.read_event_into(&mut buffer);
        let line = xml.get_ref().line;
        let size = match &event {
            Ok(event) => event.len(),
            Err(_) => 0,
        };
        match event {
            Ok(Event::Start(start)) => state.start(&start, line, sink),
            Ok(Event::Empty(start)) => {
                state.start(&start, line, sink);
                state.end(sink);
            }
            Ok(Event::End(_)) => state.end(sink),
            Ok(Event::DocType(kind)) if kind.contains(&b'[') => {
                sink.noted(line, "the document type is not read, nor what it defines".to_owned());
            }
            Ok(Event::Eof) => {
                if !state.open.is_empty() {
                    sink.refused(line, "the document ends in the middle of an element".to_owned());
                }
                return;
            }
            Ok(_) => {}
            Err(error) => return sink.refused(line, format!("cannot be read further: {error}")),
        }
        if !state.grown(size, sink) {
            return;
        }
    }
}

struct State<'e> {
    elements: &'e [&'e str],
    /// Names of open elements.
    open: Vec<String>,
    /// Objects from the record that is being read to the element inside of it.
    records: Vec<Map<String, Value>>,
    size: usize,
    line: u64,
}

impl State<'_> {
    fn start(&mut self, start: &BytesStart<'_>, line: u64, sink: &mut dyn Sink) {
        let name = String::from_utf8_lossy(start.local_name().as_ref()).into_owned();
        self.open.push(name);
        if self.open.len() > DEEPEST {
            return;
        }
        if !self.records.is_empty() {
            self.records.push(fields(start, line, sink));
        } else if self.open.len() == 1 {
            let fields = fields(start, line, sink);
            sink.document(Value::Object(fields));
        } else if self.elements.contains(&self.open.join("/").as_str()) {
            self.line = line;
            self.size = 0;
            self.records.push(fields(start, line, sink));
        }
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        let path = self.open.join("/");
        let (Some(name), is_followed) = (self.open.pop(), self.open.len() < DEEPEST) else { return };
        let Some(done) = self.records.pop_if(|_| is_followed) else { return };
        let done = Value::Object(done);
        let Some(outer) = self.records.last_mut() else {
            return sink.record(&path, done, self.line);
        };
        match outer.get_mut(&name) {
            Some(Value::Array(entries)) => entries.push(done),
            Some(_) => {}
            None => {
                outer.insert(name, Value::Array(vec![done]));
            }
        }
    }

    /// Counts what the record takes; false if it takes too much, behind which nothing is read.
    fn grown(&mut self, size: usize, sink: &mut dyn Sink) -> bool {
        if self.records.is_empty() {
            return true;
        }
        self.size += size;
        if self.size > LARGEST_RECORD {
            sink.refused(
                self.line,
                "an element is larger than allowed; nothing behind it is read".to_owned(),
            );
        }
        self.size <= LARGEST_RECORD
    }
}

fn fields(start: &BytesStart<'_>, line: u64, sink: &mut dyn Sink) -> Map<String, Value> {
    let mut fields = Map::new();
    for attribute in start.attributes() {
        let value = attribute.as_ref().ok().and_then(|a| Some((a.key, a.unescape_value().ok()?)));
        match value {
            Some((key, value)) => {
                let name = String::from_utf8_lossy(key.local_name().as_ref()).into_owned();
                fields.insert(name, Value::String(value.into_owned()));
            }
            None => sink.noted(line, "an attribute cannot be read".to_owned()),
        }
    }
    fields
}

/// Counts lines, and ends a document that goes on for ever.
struct LineCount<'r> {
    inner: &'r mut dyn BufRead,
    line: u64,
    left: u64,
}

impl std::io::Read for LineCount<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let chunk = self.fill_buf()?;
        let length = chunk.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..length), chunk.get(..length)) {
            to.copy_from_slice(from);
        }
        self.consume(length);
        Ok(length)
    }
}

impl BufRead for LineCount<'_> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        let chunk = self.inner.fill_buf()?;
        let most = usize::try_from(self.left).unwrap_or(usize::MAX);
        Ok(chunk.get(..chunk.len().min(most)).unwrap_or_default())
    }

    fn consume(&mut self, length: usize) {
        if let Ok(chunk) = self.inner.fill_buf() {
            let taken = chunk.get(..length).unwrap_or_default();
            self.line += taken.split(|byte| *byte == b'\n').count().saturating_sub(1) as u64;
        }
        self.left = self.left.saturating_sub(length as u64);
        self.inner.consume(length);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Seen;
    use super::*;

    fn seen(text: &str) -> Seen {
        let mut seen = Seen::default();
        read(&["scan/host"], &mut text.as_bytes(), &mut seen);
        seen
    }

    #[test]
    fn elements_are_records_and_attributes_fields() {
        let text = "<?xml version=\"1.0\"?>\n<!DOCTYPE scan>\n<scan start=\"5\">\n<host a='1'><p n=\"x &amp; y\"/><p n=\"2\"><q/></p>text</host>\n\
            <other><host/></other></scan>";
        let found = seen(text);
        assert_eq!(found.records, [r#"4:scan/host {"a":"1","p":[{"n":"x & y"},{"n":"2","q":[{}]}]}"#]);
        assert_eq!((found.document.as_str(), found.problems.len()), (r#"{"start":"5"}"#, 0));
    }

    #[test]
    fn nothing_is_expanded() {
        let text = "<!DOCTYPE scan [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><scan><host n=\"&b;\"/><host n=\"ok\"/></scan>";
        let found = seen(text);
        assert_eq!(found.records, ["1:scan/host {}", r#"1:scan/host {"n":"ok"}"#]);
        assert_eq!(
            found.problems,
            ["0? 1: the document type is not read, nor what it defines", "0? 1: an attribute cannot be read"]
        );
    }

    #[test]
    fn depth_is_bounded_and_damage_ends_the_reading() {
        let deep = format!("<scan><host>{}{}</host><host/></scan>", "<a>".repeat(5000), "</a>".repeat(5000));
        assert_eq!(seen(&deep).records.len(), 2);
        let cut = seen("<scan><host/><host><p");
        assert_eq!((cut.records.len(), cut.problems.len()), (1, 1));
        assert_eq!(seen("<scan><host></wrong></scan>").problems.len(), 1);
    }
}
