//! ZIP members by the central directory.

use std::io;

use hinomi_model::DiagnosticKind;

use super::entry::{Body, Entry};
use super::losses::Losses;
use super::peel;
use super::source::{Span, Stream};
use super::zip::{Checked, Context, Header, u16_at, u32_at, u64_at};

/// Largest directory that is held in memory; an archive with a larger one is read in order.
const LARGEST: u64 = 32 << 20;
/// Length of the end record without its comment.
const END: usize = 22;
const END_MAGIC: &[u8] = b"PK\x05\x06";
const ENTRY_MAGIC: &[u8] = b"PK\x01\x02";
const ENTRY: usize = 46;
/// Bytes between members that data descriptors and extra fields explain.
const GAP: u64 = 1024;

/// Why there is no usable directory.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DirectoryError {
    #[error("no end record")]
    NoEnd,
    #[error("no directory where the end record says")]
    Misplaced,
    #[error("a directory of {0} bytes is not held in memory")]
    TooLarge(u64),
    #[error(transparent)]
    Read(#[from] io::Error),
}

/// The directory of an archive, in order of the members' offsets.
pub(crate) struct Directory {
    span: Span,
    base: u64,
    bytes: Vec<u8>,
    /// Offset of the member and position of its entry in `bytes`.
    order: std::vec::IntoIter<(u64, u32)>,
    /// End of the member before.
    end: u64,
    damaged: bool,
}

struct End {
    at: u64,
    size: u64,
    offset: u64,
}

impl Directory {
    pub(crate) fn read(span: &Span) -> Result<Self, DirectoryError> {
        let tail_length = (END + 0xffff).min(usize::try_from(span.length()).unwrap_or(usize::MAX));
        let tail_at = span.length() - tail_length as u64;
        let tail = span.bytes(tail_at, tail_length)?;
        let mut last = Err(DirectoryError::NoEnd);
        let mut search = tail.as_slice();
        // A few candidates: the comment may hold the magic number too.
        for _ in 0..8 {
            let Some(at) = memchr::memmem::rfind(search, END_MAGIC) else { break };
            search = tail.get(..at).unwrap_or_default();
            let Some(end) = end_record(span, tail.get(at..).unwrap_or_default(), tail_at + at as u64)? else {
                continue;
            };
            last = Self::at(span, &end);
            if last.is_ok() {
                break;
            }
        }
        last
    }

    fn at(span: &Span, end: &End) -> Result<Self, DirectoryError> {
        if end.size > LARGEST {
            return Err(DirectoryError::TooLarge(end.size));
        }
        // Bytes before the archive shift every offset; the directory ends where the end record begins.
        let shifted =
            end.at.checked_sub(end.size).and_then(|start| Some((start, start.checked_sub(end.offset)?)));
        for (start, base) in shifted.into_iter().chain([(end.offset, 0)]) {
            let bytes = span.bytes(start, end.size as usize)?;
            if end.size == 0 || bytes.starts_with(ENTRY_MAGIC) {
                return Ok(Self::over(span.clone(), base, bytes));
            }
        }
        Err(DirectoryError::Misplaced)
    }

    fn over(span: Span, base: u64, bytes: Vec<u8>) -> Self {
        let mut order = Vec::new();
        let mut at = 0;
        while let Some((_, offset, length)) = entry(&bytes, at) {
            order.push((offset, at as u32));
            at += length;
        }
        order.sort_unstable();
        let damaged = at != bytes.len();
        Self { span, base, bytes, order: order.into_iter(), end: 0, damaged }
    }

    pub(crate) fn next(&mut self, context: &mut Context, place: &str, losses: &mut Losses) -> Option<Entry> {
        loop {
            let Some((offset, at)) = self.order.next() else {
                if std::mem::take(&mut self.damaged) {
                    let message =
                        "the directory ends in something else than an entry: members may be missing";
                    losses.push(place, self.base, DiagnosticKind::Malformed, message);
                }
                return None;
            };
            let Some((header, ..)) = entry(&self.bytes, at as usize) else { continue };
            self.report_gap(offset, place, losses);
            // Corrected below for members that are read.
            let least = 30 + header.name.len() as u64 + header.packed;
            let end = self.end.max(offset.saturating_add(least));
            if header.is_folder() || is_link(&self.bytes, at as usize) {
                self.end = end;
                continue;
            }
            match self.open(&header, offset, context) {
                Ok(body) => {
                    let name = context.names.unique(header.shown_name());
                    return Some(Entry { name, modified: header.modified(&context.zone), body });
                }
                Err((kind, why)) => {
                    self.end = end;
                    let message = format!("{}: {why}", header.shown_name());
                    losses.push(place, self.base.saturating_add(offset), kind, message);
                }
            }
        }
    }

    /// What no entry covers is not read, and should not go unnoticed.
    fn report_gap(&self, offset: u64, place: &str, losses: &mut Losses) {
        let gap = offset.saturating_sub(self.end);
        let gap = if self.end == 0 { gap.saturating_add(self.base) } else { gap };
        if gap > GAP {
            let message =
                format!("{gap} bytes belong to no member that the directory lists, and are not read");
            losses.push(place, self.base.saturating_add(self.end), DiagnosticKind::Malformed, message);
        }
    }

    fn open(
        &mut self,
        header: &Header,
        offset: u64,
        context: &Context,
    ) -> Result<Body, (DiagnosticKind, String)> {
        if let Some(why) = header.refusal() {
            return Err((DiagnosticKind::RefusedMember, format!("not read, {why}")));
        }
        if offset < self.end {
            let why = "not read, it begins inside the member before it".to_owned();
            return Err((DiagnosticKind::RefusedMember, why));
        }
        let at = self.base.saturating_add(offset);
        let local = self.span.bytes(at, 30).map_err(|e| (DiagnosticKind::Unreadable, e.to_string()))?;
        let lengths = (u16_at(&local, 26), u16_at(&local, 28));
        let (true, (Some(name), Some(extra))) = (local.starts_with(b"PK\x03\x04"), lengths) else {
            return Err((
                DiagnosticKind::Malformed,
                "not read, the directory points to no member".to_owned(),
            ));
        };
        let start = at.saturating_add(30 + u64::from(name) + u64::from(extra));
        let data = self.span.part(start, header.packed);
        self.end = start.saturating_sub(self.base).saturating_add(header.packed);
        let raw: Stream = Box::new(data.reader());
        let unpacked = match header.method {
            8 => peel::deflate(raw, &context.budget),
            93 => peel::zstd(raw, &context.budget).map_err(|e| (DiagnosticKind::Malformed, e.to_string()))?,
            _ => raw,
        };
        // The directory knows what a local header with a descriptor does not.
        let header = Header { flags: 0, ..header.clone() };
        let mut checked = Checked::new(unpacked, &header);
        checked.cut = data.length() < header.packed;
        let is_whole = header.method == 0 && !checked.cut;
        Ok(Body { stream: Box::new(checked), span: is_whole.then_some(data) })
    }
}

/// Header, offset and length of the entry at a position of the directory.
fn entry(bytes: &[u8], at: usize) -> Option<(Header, u64, usize)> {
    let fixed = bytes.get(at..at.checked_add(ENTRY)?)?;
    if !fixed.starts_with(ENTRY_MAGIC) {
        return None;
    }
    let mut header = Header::parse(fixed.get(8..)?)?;
    let name = usize::from(u16_at(fixed, 28)?);
    let extra = usize::from(u16_at(fixed, 30)?);
    let comment = usize::from(u16_at(fixed, 32)?);
    let mut offset = u64::from(u32_at(fixed, 42)?);
    let rest = bytes.get(at + ENTRY..)?;
    header.name = rest.get(..name)?.to_vec();
    header.extra = rest.get(name..name + extra)?.to_vec();
    header.widen(Some(&mut offset));
    Some((header, offset, ENTRY + name + extra + comment))
}

/// Made on Unix with the mode of a symbolic link, whose data is a path.
fn is_link(bytes: &[u8], at: usize) -> bool {
    let unix = bytes.get(at + 5) == Some(&3);
    unix && u16_at(bytes, at + 40).is_some_and(|mode| mode & 0o170_000 == 0o120_000)
}

/// Reads the end record at the start of `record`, and the ZIP64 one before it if there is one.
fn end_record(span: &Span, record: &[u8], at: u64) -> io::Result<Option<End>> {
    let (Some(size), Some(offset)) = (u32_at(record, 12), u32_at(record, 16)) else { return Ok(None) };
    let end = End { at, size: u64::from(size), offset: u64::from(offset) };
    let Some(locator_at) = at.checked_sub(20) else { return Ok(Some(end)) };
    let locator = span.bytes(locator_at, 20)?;
    let Some(stated) = u64_at(&locator, 8).filter(|_| locator.starts_with(b"PK\x06\x07")) else {
        return Ok(Some(end));
    };
    for wide_at in [stated, locator_at.saturating_sub(56)] {
        let wide = span.bytes(wide_at, 56)?;
        if let (true, Some(size), Some(offset)) =
            (wide.starts_with(b"PK\x06\x06"), u64_at(&wide, 40), u64_at(&wide, 48))
        {
            return Ok(Some(End { at: wide_at, size, offset }));
        }
    }
    Ok(Some(end))
}
