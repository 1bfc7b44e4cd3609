//! ZIP archives (APPNOTE 6.3.10): through the central directory where the archive can be read at any offset, else in
//! order of the local headers.
//!
//! An archive inside another is held in memory while the budget for that lasts. What is larger is read in order;
//! temporary files are not used. Read in order are also archives without a readable central directory, so that the
//! members of a truncated archive are not lost.
//!
//! # Trust
//! Sizes and checksums are compared with what the data turns out to be. A member that begins inside the one before
//! it is refused: overlapping members are how small archives unpack to petabytes.

use std::io::{self, Cursor, Read};
use std::sync::Arc;

use hinomi_model::{DiagnosticKind, NANOS_PER_SECOND, Timestamp};

use super::budget::{Budget, Held};
use super::entry::Entry;
use super::losses::{Losses, Mismatch};
use super::name::{self, Encoding, Names};
use super::source::{Backing, Source, Span, Stream};
use super::zip_directory::{Directory, DirectoryError};
use super::zip_stream::Sequence;

/// The members of one archive.
pub(crate) struct Zip {
    members: Members,
    context: Context,
    _held: Option<Held>,
}

enum Members {
    Directory(Directory),
    Sequence(Sequence),
}

/// What members need besides their own headers.
pub(crate) struct Context {
    pub(crate) budget: Arc<Budget>,
    pub(crate) zone: jiff::tz::TimeZone,
    pub(crate) names: Names,
}

impl Zip {
    pub(crate) fn open(
        source: Source,
        budget: &Arc<Budget>,
        zone: &jiff::tz::TimeZone,
        place: &str,
        losses: &mut Losses,
    ) -> Self {
        let context = Context { budget: Arc::clone(budget), zone: zone.clone(), names: Names::default() };
        if let Some(span) = source.span().cloned() {
            return Self { members: at_any_offset(&span, place, losses), context, _held: None };
        }
        let mut stream = source.into_stream();
        let free = budget.free();
        let mut bytes = Vec::new();
        if let Err(error) = stream.by_ref().take(free + 1).read_to_end(&mut bytes) {
            losses.failure(place, bytes.len() as u64, &error);
        } else if bytes.len() as u64 > free {
            let held = budget.hold(bytes.len() as u64);
            let stream = Box::new(Cursor::new(bytes).chain(stream));
            let members = Members::Sequence(Sequence::new(stream, false));
            return Self { members, context, _held: Some(held) };
        }
        bytes.shrink_to_fit();
        let length = bytes.len() as u64;
        let backing = Backing::memory(bytes, budget.hold(length));
        Self { members: at_any_offset(&Span::whole(backing, length), place, losses), context, _held: None }
    }

    /// The next readable member.
    pub(crate) fn next(&mut self, place: &str, losses: &mut Losses) -> Option<Entry> {
        match &mut self.members {
            Members::Directory(directory) => directory.next(&mut self.context, place, losses),
            Members::Sequence(sequence) => sequence.next(&mut self.context, place, losses),
        }
    }
}

fn at_any_offset(span: &Span, place: &str, losses: &mut Losses) -> Members {
    match Directory::read(span) {
        Ok(directory) => Members::Directory(directory),
        Err(error) => {
            let kind = match error {
                DirectoryError::TooLarge(_) => DiagnosticKind::LimitExceeded,
                DirectoryError::Read(_) => DiagnosticKind::Unreadable,
                DirectoryError::NoEnd | DirectoryError::Misplaced => DiagnosticKind::Truncated,
            };
            let message = format!("members are read in order of their own headers: {error}");
            losses.push(place, span.length(), kind, message);
            Members::Sequence(Sequence::new(Box::new(span.reader()), true))
        }
    }
}

/// The parts that local and central headers share.
#[derive(Clone, Default, Debug)]
pub(crate) struct Header {
    pub(crate) flags: u16,
    pub(crate) method: u16,
    pub(crate) time: u16,
    pub(crate) date: u16,
    pub(crate) crc: u32,
    pub(crate) packed: u64,
    pub(crate) unpacked: u64,
    pub(crate) name: Vec<u8>,
    pub(crate) extra: Vec<u8>,
}

/// Bit of [`Header::flags`]: encrypted.
const ENCRYPTED: u16 = 1;
/// Bit of [`Header::flags`]: sizes and checksum follow the data.
pub(crate) const DESCRIPTOR: u16 = 8;

impl Header {
    /// Parses the 22 bytes from `flags` to the unpacked size, which both kinds of header have.
    pub(crate) fn parse(fixed: &[u8]) -> Option<Self> {
        Some(Self {
            flags: u16_at(fixed, 0)?,
            method: u16_at(fixed, 2)?,
            time: u16_at(fixed, 4)?,
            date: u16_at(fixed, 6)?,
            crc: u32_at(fixed, 8)?,
            packed: u64::from(u32_at(fixed, 12)?),
            unpacked: u64::from(u32_at(fixed, 16)?),
            ..Self::default()
        })
    }

    /// Completes sizes of 0xffffffff from the ZIP64 extra field, and `offset` likewise.
    pub(crate) fn widen(&mut self, offset: Option<&mut u64>) {
        const FULL: u64 = 0xffff_ffff;
        let extra = std::mem::take(&mut self.extra);
        let mut values = field(&extra, 1).unwrap_or_default().chunks_exact(8).map(|c| u64_at(c, 0));
        let all = [Some(&mut self.unpacked), Some(&mut self.packed), offset];
        for value in all.into_iter().flatten().filter(|v| **v == FULL) {
            if let Some(Some(wide)) = values.next() {
                *value = wide;
            }
        }
        self.extra = extra;
    }

    pub(crate) fn shown_name(&self) -> String {
        name::shown(&self.name, Encoding::Cp932)
    }

    /// Why the member cannot be read, if so.
    pub(crate) fn refusal(&self) -> Option<String> {
        if self.flags & ENCRYPTED != 0 {
            return Some("it is encrypted".to_owned());
        }
        match self.method {
            0 | 8 | 93 => None,
            9 => Some("its compression (Deflate64) is not supported".to_owned()),
            12 => Some("its compression (bzip2) is not supported".to_owned()),
            14 | 95 => Some("its compression (LZMA) is not supported".to_owned()),
            other => Some(format!("its compression (method {other}) is not supported")),
        }
    }

    /// Unix time of the extended timestamp field, else the local time of the header.
    pub(crate) fn modified(&self, zone: &jiff::tz::TimeZone) -> Option<Timestamp> {
        if let Some([flags, seconds @ ..]) = field(&self.extra, 0x5455)
            && flags & 1 != 0
        {
            let seconds = i64::from(u32_at(seconds, 0)?.cast_signed());
            return seconds.checked_mul(NANOS_PER_SECOND).map(Timestamp::from_nanos);
        }
        let (year, month, day) = (1980 + (self.date >> 9), self.date >> 5 & 15, self.date & 31);
        let (hour, minute, second) = (self.time >> 11, self.time >> 5 & 63, (self.time & 31) * 2);
        let date = jiff::civil::Date::new(year.cast_signed(), month as i8, day as i8).ok()?;
        let time = jiff::civil::Time::new(hour as i8, minute as i8, second as i8, 0).ok()?;
        let zoned = date.to_datetime(time).to_zoned(zone.clone()).ok()?;
        i64::try_from(zoned.timestamp().as_nanosecond()).ok().map(Timestamp::from_nanos)
    }

    pub(crate) fn is_folder(&self) -> bool {
        self.name.ends_with(b"/") || self.name.ends_with(b"\\")
    }
}

/// An extra field by its tag.
fn field(mut extra: &[u8], tag: u16) -> Option<&[u8]> {
    loop {
        let (found, length) = (u16_at(extra, 0)?, usize::from(u16_at(extra, 2)?));
        let data = extra.get(4..4 + length)?;
        if found == tag {
            return Some(data);
        }
        extra = extra.get(4 + length..)?;
    }
}

pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

/// Compares size and checksum with what the archive states, once the data has ended.
pub(crate) struct Checked {
    stream: Stream,
    crc: flate2::Crc,
    stated: Option<(u32, u64)>,
    found: u64,
    /// The archive ends before the packed data does.
    pub(crate) cut: bool,
}

impl Checked {
    pub(crate) fn new(stream: Stream, header: &Header) -> Self {
        let stated =
            (header.flags & DESCRIPTOR == 0 || header.crc != 0).then_some((header.crc, header.unpacked));
        Self { stream, crc: flate2::Crc::new(), stated, found: 0, cut: false }
    }

    fn verdict(&mut self) -> io::Result<usize> {
        let Some((stored, stated)) = self.stated.take() else { return Ok(0) };
        if self.cut && self.found < stated {
            let message = format!("the archive ends {} bytes before the member does", stated - self.found);
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
        }
        if self.found != stated {
            return Err(io::Error::other(Mismatch::Size { stated, found: self.found }));
        }
        let computed = self.crc.sum();
        if computed == stored {
            Ok(0)
        } else {
            Err(io::Error::other(Mismatch::Checksum { stored, computed }))
        }
    }
}

impl Read for Checked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(buffer)?;
        if read == 0 && !buffer.is_empty() {
            return self.verdict();
        }
        self.crc.update(buffer.get(..read).unwrap_or_default());
        self.found += read as u64;
        Ok(read)
    }
}
