//! One log into units of whole records.

use std::io::Read;
use std::sync::Arc;

use hinomi_model::DiagnosticKind;

use super::losses::Losses;
use super::options::{Format, Limits};
use super::source::Stream;

/// Longest header that is carried along as preamble.
const PREAMBLE: usize = 64 * 1024;

/// Whole records and where they stand.
pub(crate) struct Piece {
    pub(crate) bytes: Vec<u8>,
    pub(crate) offset: u64,
    pub(crate) lines_before: u64,
    pub(crate) preamble: Arc<[u8]>,
}

/// Buffers that come back from the caller.
#[derive(Default)]
pub(crate) struct Pool(Vec<Vec<u8>>);

impl Pool {
    const KEPT: usize = 8;

    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.0.pop().unwrap_or_default()
    }

    pub(crate) fn give(&mut self, mut buffer: Vec<u8>, limits: &Limits) {
        if self.0.len() < Self::KEPT && buffer.capacity() <= 2 * limits.unit_bytes {
            buffer.clear();
            self.0.push(buffer);
        }
    }
}

/// Reads one member to its end.
pub(crate) struct Cutter {
    format: Format,
    stream: Option<Stream>,
    /// Bytes read and not yet handed out, which begin at `offset`.
    carry: Vec<u8>,
    offset: u64,
    lines: u64,
    preamble: Arc<[u8]>,
    started: bool,
    /// Inside a record that is too large, whose bytes are dropped up to the next line.
    skipping: bool,
}

impl Cutter {
    pub(crate) fn new(format: Format, stream: Stream) -> Self {
        Self {
            format,
            stream: Some(stream),
            carry: Vec::new(),
            offset: 0,
            lines: 0,
            preamble: Arc::default(),
            started: false,
            skipping: false,
        }
    }

    /// Bytes of the member that were read.
    pub(crate) fn position(&self) -> u64 {
        self.offset + self.carry.len() as u64
    }

    /// The next run of whole records; `None` at the end of the member.
    pub(crate) fn next(
        &mut self,
        limits: &Limits,
        pool: &mut Pool,
        place: &str,
        losses: &mut Losses,
    ) -> Option<Piece> {
        let mut buffer = std::mem::take(&mut self.carry);
        let mut target = limits.unit_bytes;
        loop {
            self.fill(&mut buffer, target, place, losses);
            self.start(&mut buffer);
            if self.skipping {
                self.skip_line(&mut buffer);
                if self.stream.is_some() {
                    target = limits.unit_bytes;
                    continue;
                }
            }
            if buffer.is_empty() && self.stream.is_none() {
                return None;
            }
            let end = if self.stream.is_none() { buffer.len() } else { whole_records(self.format, &buffer) };
            if end > 0 {
                return Some(self.emit(buffer, end, limits, pool));
            }
            if target >= limits.record_bytes {
                self.give_up(&mut buffer, limits, place, losses);
            } else {
                target = (target * 2).min(limits.record_bytes);
            }
        }
    }

    fn fill(&mut self, buffer: &mut Vec<u8>, target: usize, place: &str, losses: &mut Losses) {
        let missing = target.saturating_sub(buffer.len());
        let Some(stream) = self.stream.as_mut().filter(|_| missing > 0) else { return };
        // A little more than needed, so that the last read does not grow the buffer to see the end.
        buffer.reserve(missing + 64);
        match stream.take(missing as u64).read_to_end(buffer) {
            Ok(read) if read == missing => {}
            Ok(_) => self.stream = None,
            Err(error) => {
                losses.failure(place, self.offset + buffer.len() as u64, &error);
                self.stream = None;
            }
        }
    }

    /// Once per member: a UTF-8 mark belongs to no record, and header lines are kept.
    fn start(&mut self, buffer: &mut Vec<u8>) {
        if self.started {
            return;
        }
        self.started = true;
        if self.format == Format::Evtx {
            return;
        }
        if buffer.starts_with(b"\xef\xbb\xbf") {
            buffer.drain(..3);
            self.offset = 3;
        }
        if self.format == Format::Text {
            self.preamble = preamble(buffer).into();
        }
    }

    fn emit(&mut self, mut buffer: Vec<u8>, end: usize, limits: &Limits, pool: &mut Pool) -> Piece {
        let mut carry = pool.take();
        let tail = buffer.get(end..).unwrap_or_default();
        if !tail.is_empty() || self.stream.is_some() {
            carry.reserve(limits.unit_bytes + 64);
        }
        carry.extend_from_slice(tail);
        buffer.truncate(end);
        let piece = Piece {
            offset: self.offset,
            lines_before: self.lines,
            preamble: if self.offset > 3 { Arc::clone(&self.preamble) } else { Arc::default() },
            bytes: buffer,
        };
        self.carry = carry;
        self.offset += end as u64;
        if self.format != Format::Evtx {
            self.lines += memchr::memchr_iter(b'\n', &piece.bytes).count() as u64;
        }
        piece
    }

    fn give_up(&mut self, buffer: &mut Vec<u8>, limits: &Limits, place: &str, losses: &mut Losses) {
        let message =
            format!("a record longer than {} bytes is skipped up to the next line", limits.record_bytes);
        losses.push(place, self.offset, DiagnosticKind::LimitExceeded, message);
        self.offset += buffer.len() as u64;
        buffer.clear();
        self.skipping = true;
    }

    fn skip_line(&mut self, buffer: &mut Vec<u8>) {
        let end = match memchr::memchr(b'\n', buffer) {
            Some(newline) => {
                self.skipping = false;
                self.lines += 1;
                newline + 1
            }
            None => buffer.len(),
        };
        self.offset += end as u64;
        buffer.drain(..end);
    }
}

/// Length of the whole records at the start of a buffer that is followed by more bytes; 0 when none is complete.
fn whole_records(format: Format, buffer: &[u8]) -> usize {
    match format {
        Format::Evtx => crate::evtx_cut(buffer, false),
        Format::Json => memchr::memrchr(b'\n', buffer).map_or(0, |newline| newline + 1),
        Format::Text => crate::text_cut(buffer, false),
    }
}

/// The header lines of a table.
fn preamble(buffer: &[u8]) -> &[u8] {
    let head = buffer.get(..PREAMBLE.min(buffer.len())).unwrap_or_default();
    let end = crate::recognise(head).map_or(0, |found| found.preamble);
    buffer.get(..end).unwrap_or_default()
}
