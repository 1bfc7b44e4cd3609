//! Cuts the objects out of a large JSON document, one at a time, with their places.
//!
//! The objects are the entries of a named list of one outermost object, of an outermost list, or follow each other. A
//! damaged object costs that object: brackets and quotes are followed, nothing else is parsed here.

use std::io::BufRead;

/// Where something begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Spot {
    /// Byte offset.
    pub(crate) offset: u64,
    /// Line, from 1.
    pub(crate) line: u64,
}

/// Where the cutter hands what it finds.
pub(crate) trait Take {
    /// An object.
    fn element(&mut self, bytes: &[u8], at: Spot);
    /// The object that describes the document.
    fn about(&mut self, bytes: &[u8], at: Spot);
    /// An object that was larger than allowed, or an entry that is no object.
    fn refused(&mut self, at: Spot, why: &'static str);
}

/// Where the objects stand.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Layout<'n> {
    /// In lists with one of these names, directly in the outermost object; beside them, one object of the second name
    /// describes the document.
    Named(&'n [&'n str], &'n str),
    /// In an outermost list.
    List,
    /// One after the other.
    Lines,
}

impl Layout<'_> {
    /// Brackets around an object.
    fn depth(self) -> u32 {
        match self {
            Self::Named(..) => 2,
            Self::List => 1,
            Self::Lines => 0,
        }
    }
}

/// How a document ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// Every bracket was closed.
    Whole,
    /// In the middle of something.
    Cut(u64),
    /// The bytes could not be read further.
    Unreadable(u64),
}

/// Reads the document to its end; memory is bounded by `largest`, the bytes that one object may have.
pub(crate) fn cut(mut reader: impl BufRead, layout: Layout<'_>, largest: usize, take: &mut impl Take) -> End {
    let mut cutter = Cutter::new(layout, largest);
    loop {
        let chunk = match reader.fill_buf() {
            Ok([]) => break,
            Ok(chunk) => chunk,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) => return End::Unreadable(cutter.at.offset),
        };
        for byte in chunk {
            cutter.byte(*byte, take);
        }
        let length = chunk.len();
        reader.consume(length);
    }
    let is_whole = cutter.depth == 0 && cutter.has_begun && cutter.text == Text::Outside;
    if is_whole { End::Whole } else { End::Cut(cutter.at.offset) }
}

/// Longest key of the outermost object that is compared.
const LONGEST_KEY: usize = 64;

/// What the value being read is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Other,
    List,
    About,
}

/// Whether a quote is open.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Text {
    Outside,
    Inside,
    Escaped,
}

struct Cutter<'n> {
    layout: Layout<'n>,
    largest: usize,
    at: Spot,
    depth: u32,
    text: Text,
    has_begun: bool,
    /// The last text of the outermost object, and what the value after it is.
    key: Vec<u8>,
    part: Part,
    /// The object being read, its place, and the depth outside of it.
    object: Vec<u8>,
    start: Option<(Spot, u32)>,
    is_too_large: bool,
}

impl<'n> Cutter<'n> {
    fn new(layout: Layout<'n>, largest: usize) -> Self {
        Self {
            layout,
            largest,
            at: Spot { offset: 0, line: 1 },
            depth: 0,
            text: Text::Outside,
            has_begun: false,
            key: Vec::new(),
            part: if matches!(layout, Layout::Named(..)) { Part::Other } else { Part::List },
            object: Vec::new(),
            start: None,
            is_too_large: false,
        }
    }

    #[inline]
    fn byte(&mut self, byte: u8, take: &mut impl Take) {
        if self.start.is_some() {
            self.keep(byte);
        }
        match self.text {
            Text::Outside => self.structure_byte(byte, take),
            Text::Inside => self.text_byte(byte),
            Text::Escaped => self.text = Text::Inside,
        }
        self.at.offset += 1;
        self.at.line += u64::from(byte == b'\n');
    }

    #[inline]
    fn keep(&mut self, byte: u8) {
        if self.object.len() < self.largest {
            self.object.push(byte);
        } else {
            self.is_too_large = true;
        }
    }

    #[inline]
    fn text_byte(&mut self, byte: u8) {
        match byte {
            b'\\' => self.text = Text::Escaped,
            b'"' => self.text = Text::Outside,
            _ if self.depth == 1 && self.key.len() < LONGEST_KEY => self.key.push(byte),
            _ => {}
        }
    }

    #[inline]
    fn structure_byte(&mut self, byte: u8, take: &mut impl Take) {
        match byte {
            b'"' => {
                self.text = Text::Inside;
                if self.depth == 1 {
                    self.key.clear();
                }
                self.no_object(take);
            }
            b'{' | b'[' => self.open(byte, take),
            b'}' | b']' => self.close(take),
            b':' if self.depth == 1 => self.name_part(),
            b'-' | b'0'..=b'9' => self.no_object(take),
            _ => {}
        }
    }

    /// The key before a colon says what its value is.
    fn name_part(&mut self) {
        let Layout::Named(lists, about) = self.layout else { return };
        self.part = match self.key.as_slice() {
            key if lists.iter().any(|list| list.as_bytes() == key) => Part::List,
            key if key == about.as_bytes() => Part::About,
            _ => Part::Other,
        };
    }

    /// A bare value where an object of the list is due.
    fn no_object(&mut self, take: &mut impl Take) {
        if self.depth == self.layout.depth() && self.part == Part::List && self.start.is_none() {
            take.refused(self.at, "an entry of the list is no object");
        }
    }

    fn open(&mut self, byte: u8, take: &mut impl Take) {
        self.has_begun = true;
        let is_wanted = match self.part {
            Part::List => self.depth == self.layout.depth() && (self.depth > 0 || byte == b'{'),
            Part::About => self.depth == 1,
            Part::Other => false,
        };
        if is_wanted && self.start.is_none() {
            if byte == b'{' {
                self.start = Some((self.at, self.depth));
                self.is_too_large = false;
                self.object.clear();
                self.object.push(byte);
            } else {
                take.refused(self.at, "an entry of the list is no object");
            }
        }
        self.depth += 1;
    }

    fn close(&mut self, take: &mut impl Take) {
        self.depth = self.depth.saturating_sub(1);
        let Some((at, outside)) = self.start else { return };
        if self.depth > outside {
            return;
        }
        self.start = None;
        if self.is_too_large {
            take.refused(at, "an object is larger than allowed");
        } else if self.part == Part::About {
            take.about(&self.object, at);
        } else {
            take.element(&self.object, at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Seen(Vec<String>);

    impl Take for Seen {
        fn element(&mut self, bytes: &[u8], at: Spot) {
            self.0.push(format!("{}:{}", at.offset, String::from_utf8_lossy(bytes)));
        }
        fn about(&mut self, bytes: &[u8], _: Spot) {
            self.0.push(format!("about:{}", String::from_utf8_lossy(bytes)));
        }
        fn refused(&mut self, at: Spot, _: &'static str) {
            self.0.push(format!("refused:{}", at.offset));
        }
    }

    fn check(text: &str, end: End, expected: &[&str]) {
        check_layout(Layout::Named(&["data", "value"], "meta"), text, end, expected);
    }

    fn check_layout(layout: Layout<'_>, text: &str, end: End, expected: &[&str]) {
        let mut seen = Seen::default();
        let found = cut(std::io::BufReader::with_capacity(3, text.as_bytes()), layout, 30, &mut seen);
        assert_eq!(
            (found, seen.0.iter().map(String::as_str).collect::<Vec<_>>()),
            (end, expected.to_vec()),
            "{text}"
        );
    }

    #[test]
    fn objects_come_with_their_offsets() {
        check(
            r#"{"meta":{"n":1},"data":[{"a":"}]\""}, {"b":[{}]}]}"#,
            End::Whole,
            &[r#"about:{"n":1}"#, r#"24:{"a":"}]\""}"#, r#"38:{"b":[{}]}"#],
        );
        check(r#"{"data":[{}],"meta":{}}"#, End::Whole, &["9:{}", "about:{}"]);
    }

    #[test]
    fn other_lists_are_left_alone() {
        check(r#"{"x":[{"a":1}],"y":{"data":[{"b":2}]},"z":"data"}"#, End::Whole, &[]);
    }

    #[test]
    fn what_ends_early_says_so() {
        check(r#"{"data":[{"a":1},{"b""#, End::Cut(21), &[r#"9:{"a":1}"#]);
        check("", End::Cut(0), &[]);
        check("]]]}}", End::Cut(5), &[]);
    }

    #[test]
    fn entries_that_are_no_objects_are_refused() {
        check(
            r#"{"data":[1,"x",[2],{"a":1}]}"#,
            End::Whole,
            &["refused:9", "refused:11", "refused:15", r#"19:{"a":1}"#],
        );
        check(
            r#"{"data":[{"a":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},{}]}"#,
            End::Whole,
            &["refused:9", "60:{}"],
        );
    }

    #[test]
    fn outermost_lists_and_lines_of_objects() {
        let list = |text, end, expected: &[&str]| check_layout(Layout::List, text, end, expected);
        list(r#"[{"data":[{}]}, {"b":2}]"#, End::Whole, &[r#"1:{"data":[{}]}"#, r#"16:{"b":2}"#]);
        list("[1,{}", End::Cut(5), &["refused:1", "3:{}"]);
        let lines = |text, end, expected: &[&str]| check_layout(Layout::Lines, text, end, expected);
        lines("{\"a\":1}\n{\"b\":[{}]}\n", End::Whole, &[r#"0:{"a":1}"#, r#"8:{"b":[{}]}"#]);
        lines("{}{\"a", End::Cut(5), &["0:{}"]);
    }
}
