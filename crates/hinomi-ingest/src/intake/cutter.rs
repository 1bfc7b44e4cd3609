//! One log into units of whole records.

use std::sync::Arc;

use hinomi_model::DiagnosticKind;

use super::buffer::{Buffer, Pool};
use super::losses::Losses;
use super::options::{Format, Limits};
use super::source::Stream;
use crate::flow::flow_context;
use crate::{JsonCut, JsonCutState, evtx_cut, flow_cut, journal_cut, json_cut, recognise, text_cut};

/// Longest header that is carried along as preamble.
const PREAMBLE: usize = 64 * 1024;

/// Whole records and where they stand.
pub(crate) struct Piece {
    pub(crate) bytes: Vec<u8>,
    pub(crate) offset: u64,
    pub(crate) preamble: Arc<[u8]>,
}

/// Reads one member to its end.
pub(crate) struct Cutter {
    format: Format,
    stream: Option<Stream>,
    size: Option<usize>,
    /// Bytes read and not yet handed out, which begin at `offset`. They wait outside the buffers, so that one of these
    /// does for a caller who gives it back before asking for more.
    carry: Vec<u8>,
    offset: u64,
    preamble: Arc<[u8]>,
    started: bool,
    /// Inside a record that is too large, whose bytes are dropped up to the next line.
    skipping: bool,
    /// The record being skipped is already reported.
    told: bool,
    json: JsonCutState,
    /// Of a JSON array, the last byte that says something.
    array: Option<u8>,
}

impl Cutter {
    /// `size` is that of the member where it is known, so that small members take small buffers.
    pub(crate) fn new(format: Format, stream: Stream, size: Option<u64>) -> Self {
        Self {
            format,
            stream: Some(stream),
            size: size.and_then(|size| usize::try_from(size).ok()),
            carry: Vec::new(),
            offset: 0,
            preamble: Arc::default(),
            started: false,
            skipping: false,
            told: false,
            json: JsonCutState::default(),
            array: None,
        }
    }

    /// Bytes of the member that were read.
    pub(crate) fn position(&self) -> u64 {
        self.offset + self.carry.len() as u64
    }

    /// Whether what was read began as a JSON array that has not ended.
    pub(crate) fn is_inside_an_array(&self) -> bool {
        self.array.is_some_and(|last| last != b']')
    }

    /// The next run of whole records; `None` at the end of the member.
    pub(crate) fn next(
        &mut self,
        limits: &Limits,
        pool: &mut Pool,
        place: &str,
        losses: &mut Losses,
    ) -> Option<Piece> {
        let mut buffer = pool.take(&self.carry);
        self.carry.clear();
        let mut target = limits.unit_bytes;
        loop {
            self.fill(&mut buffer, target, place, losses);
            self.start(&mut buffer);
            let at_end = self.stream.is_none();
            if buffer.len() == 0 && at_end {
                pool.put_back(buffer, limits);
                return None;
            }
            match self.cut(buffer.filled(), at_end) {
                JsonCut::Records(end) if end > 0 => return Some(self.emit(buffer, end)),
                JsonCut::Skip(length) if length > 0 => {
                    self.skip(&mut buffer, length, limits, place, losses);
                    target = limits.unit_bytes;
                }
                _ if at_end => {
                    let end = buffer.len();
                    return Some(self.emit(buffer, end));
                }
                _ if target >= limits.record_bytes => {
                    self.skipping = true;
                    target = limits.unit_bytes;
                }
                _ => target = (target * 2).min(limits.record_bytes),
            }
        }
    }

    /// Where the buffer may be cut. Only JSON knows by itself how to skip a record that is too large; elsewhere,
    /// and under limits tighter than its own, a record ends with its line.
    fn cut(&mut self, buffer: &[u8], at_end: bool) -> JsonCut {
        if self.skipping {
            let newline = memchr::memchr(b'\n', buffer);
            self.skipping = newline.is_none();
            return JsonCut::Skip(newline.map_or(buffer.len(), |at| at + 1));
        }
        let end = match self.format {
            Format::Json => return json_cut(buffer, at_end, &mut self.json),
            Format::Evtx => evtx_cut(buffer, at_end),
            Format::Flow => flow_cut(buffer, at_end),
            Format::Journal => journal_cut(buffer, at_end),
            Format::Text => text_cut(buffer, at_end),
        };
        if end > 0 { JsonCut::Records(end) } else { JsonCut::NeedMore }
    }

    fn skip(
        &mut self,
        buffer: &mut Buffer,
        length: usize,
        limits: &Limits,
        place: &str,
        losses: &mut Losses,
    ) {
        if !std::mem::replace(&mut self.told, true) {
            let message = format!("a record longer than {} bytes is skipped", limits.record_bytes);
            losses.push(place, self.offset, DiagnosticKind::LimitExceeded, message);
        }
        let length = length.min(buffer.len());
        self.note_end(buffer.filled().get(..length).unwrap_or_default());
        self.offset += length as u64;
        buffer.drop_front(length);
    }

    fn fill(&mut self, buffer: &mut Buffer, target: usize, place: &str, losses: &mut Losses) {
        let Some(stream) = self.stream.as_mut() else { return };
        match buffer.fill(stream, target, self.size) {
            Ok(false) => {}
            Ok(true) => self.stream = None,
            Err(error) => {
                losses.failure(place, self.offset + buffer.len() as u64, &error);
                self.stream = None;
            }
        }
    }

    /// Once per member: a UTF-8 mark belongs to no JSON record, and header lines of text are kept.
    fn start(&mut self, buffer: &mut Buffer) {
        if self.started {
            return;
        }
        self.started = true;
        match self.format {
            Format::Evtx | Format::Flow | Format::Journal => {}
            Format::Json => {
                if buffer.filled().starts_with(b"\xef\xbb\xbf") {
                    buffer.drop_front(3);
                    self.offset = 3;
                }
                self.array = buffer
                    .filled()
                    .iter()
                    .copied()
                    .find(|byte| says_something(*byte))
                    .filter(|first| *first == b'[');
            }
            Format::Text => self.preamble = preamble_of(buffer.filled()).into(),
        }
    }

    /// Of an array, keeps the last byte of what is handed out or skipped.
    fn note_end(&mut self, bytes: &[u8]) {
        if let Some(last) = &mut self.array {
            *last = bytes.iter().rev().copied().find(|byte| says_something(*byte)).unwrap_or(*last);
        }
    }

    fn emit(&mut self, buffer: Buffer, end: usize) -> Piece {
        self.note_end(buffer.filled().get(..end).unwrap_or_default());
        self.carry.clear();
        self.carry.extend_from_slice(buffer.filled().get(end..).unwrap_or_default());
        let piece = Piece {
            offset: self.offset,
            preamble: Arc::clone(&self.preamble),
            bytes: buffer.into_bytes(end),
        };
        self.told = false;
        self.offset += piece.bytes.len() as u64;
        if self.format == Format::Flow {
            self.preamble = flow_context(&self.preamble, &piece.bytes).into();
        } else if let Some(preamble) = renewed_preamble(&self.preamble, &piece.bytes) {
            self.preamble = preamble.into();
        }
        piece
    }
}

/// Whether a byte of JSON is neither white space nor half of a character or of a mark in UTF-16.
fn says_something(byte: u8) -> bool {
    !matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0 | 0xfe | 0xff)
}

/// The header lines at the beginning of a log of text.
pub(crate) fn preamble_of(beginning: &[u8]) -> &[u8] {
    let head = beginning.get(..PREAMBLE.min(beginning.len())).unwrap_or_default();
    let length = recognise(head).map_or(0, |found| found.preamble);
    head.get(..length).unwrap_or_default()
}

/// The header lines that hold from behind `bytes` on, when others than before: some logs state their columns anew whenever
/// the service restarts.
pub(crate) fn renewed_preamble<'b>(preamble: &[u8], bytes: &'b [u8]) -> Option<&'b [u8]> {
    if !preamble.starts_with(b"#") {
        return None;
    }
    let begins = |line: &&[u8]| bytes.starts_with(line);
    let last = |line: &[u8]| memchr::memmem::rfind(bytes, &[b"\n", line].concat()).map(|at| at + 1);
    let lines = [&b"#Fields:"[..], b"#fields\t"];
    let first = lines.iter().any(begins).then_some(0);
    let header = header_around(bytes, lines.into_iter().filter_map(last).max().or(first)?);
    (header.len() <= PREAMBLE && header != preamble).then_some(header)
}

/// The run of lines starting with `#` of which the one at `at` is part.
fn header_around(bytes: &[u8], at: usize) -> &[u8] {
    let line_end = |from: usize| {
        let rest = bytes.get(from..).unwrap_or_default();
        from + memchr::memchr(b'\n', rest).map_or(rest.len(), |newline| newline + 1)
    };
    let mut end = line_end(at);
    while bytes.get(end) == Some(&b'#') {
        end = line_end(end);
    }
    let mut start = at;
    while let Some(before) = start.checked_sub(1) {
        let above = bytes.get(..before).unwrap_or_default();
        let from = memchr::memrchr(b'\n', above).map_or(0, |newline| newline + 1);
        if bytes.get(from) != Some(&b'#') || from == before {
            break;
        }
        start = from;
    }
    bytes.get(start..end).unwrap_or_default()
}
