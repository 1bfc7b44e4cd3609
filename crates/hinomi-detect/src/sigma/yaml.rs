//! YAML text to a small tree in which every scalar keeps its written form.
//!
//! A rule says `EventID: 4624`, `0x17`, `no`, `1e3` or `2019-10-23` and means the text a log holds, so scalars are
//! not converted: all that survives of their style is whether they were plain, which decides what `null` means.
//! Aliases and merge keys (`<<`) are resolved; a key written twice is an error.
//!
//! # Trust
//! Rule files come from anywhere. Size, depth and the number of nodes (aliases count for what they copy) are
//! bounded, and building a tree does not recurse.

use std::borrow::Cow;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError};

use super::error::{Fault, Problem};

/// Longest text.
pub(crate) const MAX_BYTES: usize = 4 << 20;
/// Most nodes of one text.
const MAX_NODES: usize = 200_000;
/// Deepest nesting.
const MAX_DEPTH: usize = 64;
/// Most keys of one map: every new key is compared with those before it.
const MAX_KEYS: usize = 2048;
/// Most documents of one text.
const MAX_DOCUMENTS: usize = 4096;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Node<'a> {
    pub line: u32,
    pub content: Content<'a>,
}

#[derive(Clone, Debug)]
pub(crate) enum Content<'a> {
    Scalar(Scalar<'a>),
    List(Vec<Node<'a>>),
    Map(Vec<Entry<'a>>),
}

/// A scalar as written, escapes and folding resolved.
#[derive(Clone, Debug)]
pub(crate) struct Scalar<'a> {
    pub text: Cow<'a, str>,
    /// Written without quotes, not as a block, not tagged.
    pub plain: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Entry<'a> {
    pub key: Cow<'a, str>,
    pub line: u32,
    pub value: Node<'a>,
}

impl Scalar<'_> {
    /// `null`, `~` or nothing, unquoted.
    pub(crate) fn is_null(&self) -> bool {
        self.plain && matches!(&*self.text, "" | "~" | "null" | "Null" | "NULL")
    }

    /// An unquoted truth value, in the words of YAML 1.1 and 1.2.
    pub(crate) fn truth(&self) -> Option<bool> {
        let text = self.plain.then(|| self.text.to_ascii_lowercase())?;
        match text.as_str() {
            "true" | "yes" | "on" => Some(true),
            "false" | "no" | "off" => Some(false),
            _ => None,
        }
    }
}

impl<'a> Node<'a> {
    pub(crate) fn scalar(&self) -> Option<&Scalar<'a>> {
        match &self.content {
            Content::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    pub(crate) fn map(&self) -> Option<&[Entry<'a>]> {
        match &self.content {
            Content::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// Value of a key of a map.
    pub(crate) fn get(&self, key: &str) -> Option<&Node<'a>> {
        self.map()?.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// Elements of a list; anything else is its own only element.
    pub(crate) fn elements(&self) -> &[Node<'a>] {
        match &self.content {
            Content::List(nodes) => nodes,
            _ => std::slice::from_ref(self),
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        self.scalar().is_some_and(Scalar::is_null)
    }

    /// Number of nodes, itself included.
    pub(crate) fn size(&self) -> usize {
        1 + match &self.content {
            Content::Scalar(_) => 0,
            Content::List(nodes) => nodes.iter().map(Node::size).sum(),
            Content::Map(entries) => entries.iter().map(|e| 1 + e.value.size()).sum(),
        }
    }

    /// Levels of nesting, itself included.
    fn depth(&self) -> usize {
        1 + match &self.content {
            Content::Scalar(_) => 0,
            Content::List(nodes) => nodes.iter().map(Node::depth).max().unwrap_or(0),
            Content::Map(entries) => entries.iter().map(|e| e.value.depth()).max().unwrap_or(0),
        }
    }
}

/// Every document of `text`. A syntax error costs the document it stands in; reading resumes at the next `---`.
/// Empty documents are left out.
pub(crate) fn documents(text: &str) -> Vec<Result<Node<'_>, Fault>> {
    let mut out = Vec::new();
    if text.len() > MAX_BYTES {
        out.push(Err(too_large(1, "bytes", MAX_BYTES)));
        return out;
    }
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines_before = 0u32;
    loop {
        let failed_at = read_stream(rest, lines_before, &mut out);
        let Some(line) = failed_at else { return out };
        match next_document(rest, line.saturating_sub(lines_before)) {
            Some((skipped, tail)) if out.len() < MAX_DOCUMENTS => {
                lines_before += skipped;
                rest = tail;
            }
            _ => return out,
        }
    }
}

/// Reads documents until the end (`None`) or the first error, whose line is returned after it was recorded.
fn read_stream<'a>(text: &'a str, lines_before: u32, out: &mut Vec<Result<Node<'a>, Fault>>) -> Option<u32> {
    let mut builder = Builder::default();
    let mut parser = Parser::new_from_str(text);
    while let Some(next) = parser.next_event() {
        let step = next.map_err(|e| scan_fault(&e, lines_before)).and_then(|(event, span)| {
            builder.line = lines_before + span.start.line() as u32;
            builder.take(event)
        });
        match step {
            Ok(Some(node)) if node.is_null() => {}
            Ok(Some(node)) => {
                out.push(Ok(node));
                if out.len() >= MAX_DOCUMENTS {
                    out.push(Err(too_large(builder.line, "documents", MAX_DOCUMENTS)));
                    return None;
                }
            }
            Ok(None) => {}
            Err(fault) => {
                let line = fault.line.unwrap_or(builder.line);
                out.push(Err(fault));
                return Some(line);
            }
        }
    }
    None
}

fn scan_fault(error: &ScanError, lines_before: u32) -> Fault {
    let line = lines_before + error.marker().line() as u32;
    Fault::at(line, Problem::Yaml { message: error.info().to_owned() })
}

fn too_large(line: u32, what: &'static str, limit: usize) -> Fault {
    Fault::at(line, Problem::TooLarge { what, limit })
}

/// The text from the first `---` after line `after` on, and how many lines precede it.
fn next_document(text: &str, after: u32) -> Option<(u32, &str)> {
    let mut offset = 0;
    for (number, line) in (0u32..).zip(text.split_inclusive('\n')) {
        let is_marker = line.trim_end() == "---" || line.starts_with("--- ");
        if number >= after.max(1) && is_marker {
            return text.get(offset..).map(|tail| (number, tail));
        }
        offset += line.len();
    }
    None
}

/// A collection under construction.
enum Frame<'a> {
    List { line: u32, anchor: usize, nodes: Vec<Node<'a>> },
    Map { line: u32, anchor: usize, entries: Vec<Entry<'a>>, key: Option<(Cow<'a, str>, u32)>, merges: bool },
}

#[derive(Default)]
struct Builder<'a> {
    stack: Vec<Frame<'a>>,
    anchors: Vec<(usize, Node<'a>)>,
    nodes: usize,
    line: u32,
}

impl<'a> Builder<'a> {
    /// Consumes an event; returns the root when it completes a document.
    fn take(&mut self, event: Event<'a>) -> Result<Option<Node<'a>>, Fault> {
        let line = self.line;
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain && tag.is_none();
                let node = Node { line, content: Content::Scalar(Scalar { text, plain }) };
                self.complete(node, anchor)
            }
            Event::SequenceStart(anchor, _) => self.open(Frame::List { line, anchor, nodes: Vec::new() }),
            Event::MappingStart(anchor, _) => {
                self.open(Frame::Map { line, anchor, entries: Vec::new(), key: None, merges: false })
            }
            Event::SequenceEnd | Event::MappingEnd => match self.stack.pop() {
                Some(Frame::List { line, anchor, nodes }) => {
                    self.complete(Node { line, content: Content::List(nodes) }, anchor)
                }
                Some(Frame::Map { line, anchor, entries, merges, .. }) => {
                    let entries = if merges { merged(entries)? } else { entries };
                    self.complete(Node { line, content: Content::Map(entries) }, anchor)
                }
                None => Ok(None),
            },
            Event::Alias(anchor) => {
                let found = self.anchors.iter().rev().find(|(id, _)| *id == anchor);
                let node = found.map(|(_, node)| node.clone());
                let unknown =
                    || Problem::Yaml { message: "an alias to an anchor that is not complete".into() };
                let node = node.ok_or_else(|| Fault::at(line, unknown()))?;
                self.nodes += node.size();
                if self.stack.len() + node.depth() > MAX_DEPTH {
                    return Err(too_large(line, "levels of nesting", MAX_DEPTH));
                }
                self.complete(node, 0)
            }
            Event::DocumentStart(_) => {
                self.anchors.clear();
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    fn open(&mut self, frame: Frame<'a>) -> Result<Option<Node<'a>>, Fault> {
        if self.stack.len() >= MAX_DEPTH {
            return Err(too_large(self.line, "levels of nesting", MAX_DEPTH));
        }
        self.stack.push(frame);
        Ok(None)
    }

    fn complete(&mut self, node: Node<'a>, anchor: usize) -> Result<Option<Node<'a>>, Fault> {
        self.nodes += 1;
        if anchor != 0 {
            self.nodes += node.size();
            self.anchors.push((anchor, node.clone()));
        }
        if self.nodes > MAX_NODES {
            return Err(too_large(node.line, "values", MAX_NODES));
        }
        match self.stack.last_mut() {
            None => return Ok(Some(node)),
            Some(Frame::List { nodes, .. }) => nodes.push(node),
            Some(Frame::Map { entries, key, merges, .. }) => match key.take() {
                Some((key, line)) => {
                    *merges |= key == "<<";
                    entries.push(Entry { key, line, value: node });
                }
                None => *key = Some(new_key(node, entries)?),
            },
        }
        Ok(None)
    }
}

fn new_key<'a>(node: Node<'a>, entries: &[Entry<'a>]) -> Result<(Cow<'a, str>, u32), Fault> {
    let line = node.line;
    let Content::Scalar(Scalar { text, .. }) = node.content else {
        return Err(Fault::at(line, Problem::Yaml { message: "a key is a list or a map".into() }));
    };
    if entries.len() >= MAX_KEYS {
        return Err(too_large(line, "keys in a map", MAX_KEYS));
    }
    if entries.iter().any(|entry| entry.key == text) {
        return Err(Fault::at(line, Problem::DuplicateKey { key: text.into_owned() }));
    }
    Ok((text, line))
}

/// Resolves `<<`: entries of the named maps that the map itself does not have are appended.
fn merged(entries: Vec<Entry<'_>>) -> Result<Vec<Entry<'_>>, Fault> {
    let (merges, mut own): (Vec<_>, Vec<_>) = entries.into_iter().partition(|entry| entry.key == "<<");
    for merge in merges {
        let line = merge.line;
        let sources = match merge.value.content {
            Content::List(nodes) => nodes,
            content => vec![Node { line, content }],
        };
        for source in sources {
            let Content::Map(found) = source.content else {
                return Err(Fault::at(line, Problem::Shape { key: "<<".into(), expected: "a map" }));
            };
            for entry in found {
                if own.iter().any(|mine| mine.key == entry.key) {
                    continue;
                }
                if own.len() >= MAX_KEYS {
                    return Err(too_large(line, "keys in a map", MAX_KEYS));
                }
                own.push(entry);
            }
        }
    }
    Ok(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(node: &Node<'_>) -> String {
        match &node.content {
            Content::Scalar(s) if s.plain => s.text.to_string(),
            Content::Scalar(s) => format!("{:?}", s.text),
            Content::List(nodes) => format!("[{}]", nodes.iter().map(shown).collect::<Vec<_>>().join(",")),
            Content::Map(entries) => {
                let inner: Vec<_> =
                    entries.iter().map(|e| format!("{}:{}", e.key, shown(&e.value))).collect();
                format!("{{{}}}", inner.join(","))
            }
        }
    }

    fn check(text: &str, expected: &[&str]) {
        let all: Vec<String> = documents(text)
            .into_iter()
            .map(|d| match d {
                Ok(node) => shown(&node),
                Err(fault) => format!("line {}: {}", fault.line.unwrap_or(0), fault.problem),
            })
            .collect();
        assert_eq!(all, expected, "{text}");
    }

    #[test]
    fn scalars_keep_their_written_form() {
        check(
            "a: 0x1410\nb: 1e3\nc: no\nd: 2019-10-23\ne: 'null'\nf:\ng: 010\nh: !!str 5",
            &["{a:0x1410,b:1e3,c:no,d:2019-10-23,e:\"null\",f:,g:010,h:\"5\"}"],
        );
    }

    #[test]
    fn documents_after_a_broken_one_are_read_and_lines_stay_true() {
        check(
            "a: 1\n---\nb: [1, 2\nc: }\n---\nd: 4\n---\n# nothing\n---\ne: 1\ne: 2\n---\nf: 6\n",
            &[
                "{a:1}",
                "line 4: not valid YAML: illegal placement of ':' indicator",
                "{d:4}",
                "line 11: key \"e\" is written twice",
                "{f:6}",
            ],
        );
    }

    #[test]
    fn anchors_and_merge_keys_are_resolved() {
        check("x: &l [1, 2]\ny: *l", &["{x:[1,2],y:[1,2]}"]);
        check("x: &m {a: 1, b: 2}\ny: {<<: *m, b: 3}", &["{x:{a:1,b:2},y:{b:3,a:1}}"]);
    }

    #[test]
    fn alias_bombs_and_deep_nesting_are_refused() {
        let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for level in 1..12 {
            let previous = format!("*a{},", level - 1).repeat(10);
            bomb.extend([format!("a{level}: &a{level} [{previous}]\n")]);
        }
        let is_large = |text: &str| {
            matches!(documents(text).as_slice(), [Err(Fault { problem: Problem::TooLarge { .. }, .. })])
        };
        assert!(is_large(&bomb));
        assert!(is_large(&(0..3000).map(|n| format!("k{n}: v\n")).collect::<Vec<_>>().concat()));
        assert!(is_large(&"- ".repeat(1000)));
        assert!(is_large(&format!("a: {}1{}", "[".repeat(100), "]".repeat(100))));
    }
}
