//! Writes EVTX chunks: the format from the other side, for fixtures whose content is known.

use std::collections::HashMap;

pub const CHUNK: usize = 65_536;

/// Content of an element or attribute.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Part {
    Text(String),
    /// Substitution: number and whether a null leaves the element out.
    Value(u16, bool),
    Element(Element),
    /// Entity reference by name.
    Entity(String),
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Element {
    name: String,
    dependency: u16,
    attributes: Vec<(String, Vec<Part>)>,
    content: Vec<Part>,
}

pub fn element(name: &str) -> Element {
    Element { name: name.to_owned(), dependency: 0xffff, attributes: Vec::new(), content: Vec::new() }
}

impl Element {
    pub fn attribute(mut self, name: &str, value: Part) -> Self {
        self.attributes.push((name.to_owned(), vec![value]));
        self
    }

    pub fn with(mut self, part: Part) -> Self {
        self.content.push(part);
        self
    }

    pub fn child(self, child: Element) -> Self {
        self.with(Part::Element(child))
    }

    pub fn depends_on(mut self, value: u16) -> Self {
        self.dependency = value;
        self
    }
}

pub fn text(text: &str) -> Part {
    Part::Text(text.to_owned())
}

/// A value of a template instance.
#[derive(Clone)]
pub enum Value {
    /// Type and bytes.
    Raw(u8, Vec<u8>),
    /// A fragment with a template of its own (type 0x21).
    Fragment(Body),
}

/// BinXML of a record or fragment.
#[derive(Clone)]
pub enum Body {
    Template(Element, Vec<Value>),
    Plain(Element),
}

pub fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

pub fn string(text: &str) -> Value {
    Value::Raw(0x01, utf16(text))
}

pub struct Chunk {
    bytes: Vec<u8>,
    names: HashMap<String, u32>,
    templates: HashMap<Element, u32>,
    numbers: Vec<u64>,
    last: usize,
}

impl Chunk {
    pub fn new() -> Self {
        let bytes = vec![0; 512];
        Self { bytes, names: HashMap::new(), templates: HashMap::new(), numbers: Vec::new(), last: 0 }
    }

    /// Appends a record and returns where it starts.
    pub fn record(&mut self, number: u64, filetime: u64, body: &Body) -> usize {
        let start = self.bytes.len();
        self.numbers.push(number);
        self.last = start;
        self.put(b"**\0\0\0\0\0\0");
        self.put(&number.to_le_bytes());
        self.put(&filetime.to_le_bytes());
        self.body(body);
        let padded = self.bytes.len().next_multiple_of(4) + 4;
        self.bytes.resize(padded, 0);
        let length = ((padded - start) as u32).to_le_bytes();
        self.patch(start + 4, &length);
        self.patch(padded - 4, &length);
        start
    }

    /// The chunk with its header, 64 KiB long.
    pub fn finish(mut self) -> Vec<u8> {
        let free = self.bytes.len();
        assert!(free <= CHUNK, "the fixture is too large for a chunk");
        let records = crc32fast::hash(&self.bytes[512..]);
        self.bytes.resize(CHUNK, 0);
        self.patch(0, b"ElfChnk\0");
        let (first, last) = (self.numbers.first().copied(), self.numbers.last().copied());
        for (at, number) in [(8, first), (16, last), (24, first), (32, last)] {
            self.patch(at, &number.unwrap_or(0).to_le_bytes());
        }
        for (at, value) in [(40, 128), (44, self.last as u32), (48, free as u32), (52, records)] {
            self.patch(at, &value.to_le_bytes());
        }
        let mut header = crc32fast::Hasher::new();
        header.update(&self.bytes[..120]);
        header.update(&self.bytes[128..512]);
        self.patch(124, &header.finalize().to_le_bytes());
        self.bytes
    }

    fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn patch(&mut self, at: usize, bytes: &[u8]) {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn body(&mut self, body: &Body) {
        self.put(&[0x0f, 1, 1, 0]);
        match body {
            Body::Plain(element) => self.element(element, false),
            Body::Template(element, values) => self.instance(element, values),
        }
        self.put(&[0]);
    }

    fn instance(&mut self, template: &Element, values: &[Value]) {
        self.put(&[0x0c, 1, 0x11, 0x22, 0x33, 0x44]);
        if let Some(&offset) = self.templates.get(template) {
            self.put(&offset.to_le_bytes());
        } else {
            let offset = self.bytes.len() as u32 + 4;
            self.put(&offset.to_le_bytes());
            self.templates.insert(template.clone(), offset);
            self.put(&[0; 4]);
            self.put(&[0x11, 0x22, 0x33, 0x44, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
            self.put(&[0; 4]);
            let start = self.bytes.len();
            self.put(&[0x0f, 1, 1, 0]);
            self.element(template, true);
            self.put(&[0]);
            let size = (self.bytes.len() - start) as u32;
            self.patch(start - 4, &size.to_le_bytes());
        }
        self.put(&(values.len() as u32).to_le_bytes());
        let table = self.bytes.len();
        self.bytes.resize(table + values.len() * 4, 0);
        for (at, value) in values.iter().enumerate() {
            let start = self.bytes.len();
            let ty = match value {
                Value::Raw(ty, bytes) => {
                    self.put(bytes);
                    *ty
                }
                Value::Fragment(body) => {
                    self.body(body);
                    0x21
                }
            };
            let size = (self.bytes.len() - start) as u16;
            self.patch(table + at * 4, &size.to_le_bytes());
            self.patch(table + at * 4 + 2, &[ty, 0]);
        }
    }

    fn element(&mut self, element: &Element, definition: bool) {
        self.put(&[if element.attributes.is_empty() { 0x01 } else { 0x41 }]);
        if definition {
            self.put(&element.dependency.to_le_bytes());
        }
        let size_at = self.bytes.len();
        self.put(&[0; 4]);
        self.name(&element.name);
        if !element.attributes.is_empty() {
            let list_at = self.bytes.len();
            self.put(&[0; 4]);
            for (at, (name, parts)) in element.attributes.iter().enumerate() {
                self.put(&[if at + 1 < element.attributes.len() { 0x46 } else { 0x06 }]);
                self.name(name);
                parts.iter().for_each(|part| self.part(part, definition));
            }
            let size = (self.bytes.len() - list_at - 4) as u32;
            self.patch(list_at, &size.to_le_bytes());
        }
        if element.content.is_empty() {
            self.put(&[0x03]);
        } else {
            self.put(&[0x02]);
            element.content.iter().for_each(|part| self.part(part, definition));
            self.put(&[0x04]);
        }
        let size = (self.bytes.len() - size_at - 4) as u32;
        self.patch(size_at, &size.to_le_bytes());
    }

    fn part(&mut self, part: &Part, definition: bool) {
        match part {
            Part::Text(text) => {
                self.put(&[0x05, 0x01]);
                self.put(&(text.encode_utf16().count() as u16).to_le_bytes());
                self.put(&utf16(text));
            }
            Part::Value(index, optional) => {
                self.put(&[if *optional { 0x0e } else { 0x0d }]);
                self.put(&index.to_le_bytes());
                self.put(&[0x01]);
            }
            Part::Element(element) => self.element(element, definition),
            Part::Entity(name) => {
                self.put(&[0x09]);
                self.name(name);
            }
        }
    }

    /// A reference to a name; its structure follows the first one.
    fn name(&mut self, name: &str) {
        if let Some(&offset) = self.names.get(name) {
            self.put(&offset.to_le_bytes());
            return;
        }
        let offset = self.bytes.len() as u32 + 4;
        self.names.insert(name.to_owned(), offset);
        self.put(&offset.to_le_bytes());
        let hash = name.encode_utf16().fold(0_u32, |h, u| h.wrapping_mul(65_599).wrapping_add(u32::from(u)));
        self.put(&[0; 4]);
        self.put(&(hash as u16).to_le_bytes());
        self.put(&(name.encode_utf16().count() as u16).to_le_bytes());
        self.put(&utf16(name));
        self.put(&[0; 2]);
    }
}

/// A file of these chunks.
pub fn file(chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![0; 4096];
    bytes[..8].copy_from_slice(b"ElfFile\0");
    bytes[16..24].copy_from_slice(&(chunks.len() as u64 - 1).to_le_bytes());
    bytes[24..32].copy_from_slice(&1000_u64.to_le_bytes());
    for (at, value) in [(32, 128_u16), (36, 1), (38, 3), (40, 4096), (42, chunks.len() as u16)] {
        bytes[at..at + 2].copy_from_slice(&value.to_le_bytes());
    }
    let crc = crc32fast::hash(&bytes[..120]);
    bytes[124..128].copy_from_slice(&crc.to_le_bytes());
    chunks.iter().for_each(|chunk| bytes.extend_from_slice(chunk));
    bytes
}

/// `Event/System` as Windows writes it, with event id, record number and time in values 0 to 2, and `payload`
/// behind it.
pub fn event(payload: Element) -> Element {
    let system = element("System")
        .child(element("Provider").attribute("Name", text("Fixture-Provider")))
        .child(element("EventID").with(Part::Value(0, false)))
        .child(element("TimeCreated").attribute("SystemTime", Part::Value(2, false)))
        .child(element("EventRecordID").with(Part::Value(1, false)))
        .child(element("Channel").with(text("Fixture")))
        .child(element("Computer").with(text("host.example")));
    element("Event").attribute("xmlns", text("http://schemas.example/event")).child(system).child(payload)
}

/// Values 0 to 2 of [`event`], then `more`.
pub fn values(id: u16, number: u64, filetime: u64, more: impl IntoIterator<Item = Value>) -> Vec<Value> {
    let mut all = vec![
        Value::Raw(0x06, id.to_le_bytes().to_vec()),
        Value::Raw(0x0a, number.to_le_bytes().to_vec()),
        Value::Raw(0x11, filetime.to_le_bytes().to_vec()),
    ];
    all.extend(more);
    all
}
