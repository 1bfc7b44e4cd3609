//! Tar archives (POSIX.1-2001 pax, GNU and older), read in order.
//!
//! # Trust
//! Long names and extended headers are bounded before they are read. A block whose checksum is wrong is skipped
//! until one is right, so that a damaged header costs one member.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hinomi_model::{DiagnosticKind, NANOS_PER_SECOND, Timestamp};

use super::entry::{Body, Entry};
use super::losses::Losses;
use super::name::{self, Encoding, Names};
use super::source::Stream;

const BLOCK: usize = 512;
/// Largest long name or extended header that is read.
const EXTENSION: u64 = 64 * 1024;

/// True when the block is a tar header: its checksum fits.
pub(crate) fn is_header(head: &[u8]) -> bool {
    head.get(..BLOCK).and_then(|b| <&[u8; BLOCK]>::try_from(b).ok()).is_some_and(checksum_fits)
}

fn checksum_fits(block: &[u8; BLOCK]) -> bool {
    let Some(stored) = number(field(block, 148, 8)) else { return false };
    let sum = |(at, byte): (usize, &u8)| if (148..156).contains(&at) { 32 } else { u64::from(*byte) };
    stored == block.iter().enumerate().map(sum).sum::<u64>() && stored > 256
}

fn field(block: &[u8; BLOCK], at: usize, length: usize) -> &[u8] {
    block.get(at..at + length).unwrap_or_default()
}

/// Octal digits, or a big-endian binary number marked by the top bit (GNU).
fn number(field: &[u8]) -> Option<u64> {
    if let [0x80, rest @ ..] = field {
        return rest
            .iter()
            .try_fold(0u64, |value, byte| value.checked_mul(256)?.checked_add(u64::from(*byte)));
    }
    let text = field.iter().copied().skip_while(|b| *b == b' ').take_while(|b| !matches!(b, 0 | b' '));
    let mut digits = 0;
    let value = text.inspect(|_| digits += 1).try_fold(0u64, |value, byte| match byte {
        b'0'..=b'7' => value.checked_mul(8)?.checked_add(u64::from(byte - b'0')),
        _ => None,
    })?;
    (digits > 0).then_some(value)
}

fn until_nul(field: &[u8]) -> &[u8] {
    field.split(|b| *b == 0).next().unwrap_or_default()
}

/// The archive's stream, shared between the layer and the member being read.
struct Tape {
    stream: Stream,
    /// Bytes of the current member not yet read, without and with padding.
    data: u64,
    padded: u64,
    offset: u64,
}

impl Tape {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.data).map_or(buffer.len(), |data| data.min(buffer.len()));
        let Some(buffer) = buffer.get_mut(..wanted).filter(|b| !b.is_empty()) else { return Ok(0) };
        let read = self.stream.read(buffer)?;
        if read == 0 {
            self.padded = 0;
            let missing = std::mem::take(&mut self.data);
            let message = format!("the archive ends {missing} bytes before the member does");
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
        }
        self.data -= read as u64;
        self.padded -= read as u64;
        self.offset += read as u64;
        Ok(read)
    }

    fn skip(&mut self) -> io::Result<()> {
        let skipped = io::copy(&mut self.stream.by_ref().take(self.padded), &mut io::sink())?;
        self.offset += skipped;
        let short = skipped < self.padded;
        (self.data, self.padded) = (0, 0);
        if short { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }

    /// The next block; `None` at the end, an error when the end cuts a block.
    fn block(&mut self) -> io::Result<Option<[u8; BLOCK]>> {
        let mut block = Vec::with_capacity(BLOCK);
        self.stream.by_ref().take(BLOCK as u64).read_to_end(&mut block)?;
        self.offset += block.len() as u64;
        match <[u8; BLOCK]>::try_from(block) {
            Ok(block) => Ok(Some(block)),
            Err(rest) if rest.is_empty() => Ok(None),
            Err(_) => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    fn start(&mut self, size: u64) {
        self.data = size;
        self.padded = size.checked_next_multiple_of(BLOCK as u64).unwrap_or(size);
    }
}

/// Reads the current member.
struct MemberReader(Arc<Mutex<Tape>>);

impl Read for MemberReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        lock(&self.0).read(buffer)
    }
}

fn lock(tape: &Mutex<Tape>) -> MutexGuard<'_, Tape> {
    tape.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What extended headers said about the next member.
#[derive(Default)]
struct Extended {
    name: Option<Vec<u8>>,
    size: Option<u64>,
    modified: Option<Timestamp>,
    sparse: bool,
}

/// The members of one tar archive.
pub(crate) struct Tar {
    tape: Arc<Mutex<Tape>>,
    names: Names,
    ended: bool,
    lost: bool,
}

impl Tar {
    pub(crate) fn new(stream: Stream) -> Self {
        let tape = Tape { stream, data: 0, padded: 0, offset: 0 };
        Self { tape: Arc::new(Mutex::new(tape)), names: Names::default(), ended: false, lost: false }
    }

    /// The next file in the archive, whose body must be dropped before the next call.
    pub(crate) fn next(&mut self, place: &str, losses: &mut Losses) -> Option<Entry> {
        match self.advance(place, losses) {
            Ok(Some(entry)) => Some(entry),
            Ok(None) => {
                if !self.ended {
                    let offset = lock(&self.tape).offset;
                    let message = "the archive ends without an end mark: members may be missing";
                    losses.push(place, offset, DiagnosticKind::Truncated, message);
                }
                None
            }
            Err(error) => {
                losses.failure(place, lock(&self.tape).offset, &error);
                None
            }
        }
    }

    fn advance(&mut self, place: &str, losses: &mut Losses) -> io::Result<Option<Entry>> {
        let tape = Arc::clone(&self.tape);
        let mut tape = lock(&tape);
        let mut extended = Extended::default();
        loop {
            tape.skip()?;
            let Some(block) = tape.block()? else { return Ok(None) };
            if block.iter().all(|b| *b == 0) {
                // Archives may follow each other: reading goes on behind the mark.
                self.ended = true;
                continue;
            }
            if !checksum_fits(&block) {
                self.report_damage(place, tape.offset, losses);
                continue;
            }
            (self.lost, self.ended) = (false, false);
            let kind = block.get(156).copied().unwrap_or_default();
            let stated = number(field(&block, 124, 12)).unwrap_or(0);
            if matches!(kind, b'L' | b'x' | b'K' | b'g') {
                extension(&mut tape, kind, stated, &mut extended, place, losses)?;
                continue;
            }
            let told = std::mem::take(&mut extended);
            let is_link = matches!(kind, b'1' | b'2' | b'5');
            tape.start(if is_link { 0 } else { told.size.unwrap_or(stated) });
            let raw = told.name.clone().unwrap_or_else(|| header_name(&block));
            if kind == b'S' {
                skip_sparse_map(&mut tape, &block)?;
            }
            if kind == b'S' || told.sparse || matches!(kind, b'3' | b'4' | b'6') {
                let what =
                    if matches!(kind, b'3' | b'4' | b'6') { "a device or pipe" } else { "a sparse file" };
                let message =
                    format!("{}: {what} in an archive is not read", name::shown(&raw, Encoding::Utf8));
                losses.push(place, tape.offset, DiagnosticKind::RefusedMember, message);
                continue;
            }
            if is_link || raw.ends_with(b"/") {
                continue;
            }
            let modified = told.modified.or_else(|| seconds(number(field(&block, 136, 12))?));
            let name = self.names.unique(name::shown(&raw, Encoding::Utf8));
            let stream = Box::new(MemberReader(Arc::clone(&self.tape)));
            let body = Body { stream, span: None };
            return Ok(Some(Entry { name, modified, body }));
        }
    }

    /// Once per damaged stretch.
    fn report_damage(&mut self, place: &str, offset: u64, losses: &mut Losses) {
        if !self.lost && !self.ended {
            let message = "a header with a wrong checksum: skipped to the next one";
            losses.push(place, offset - BLOCK as u64, DiagnosticKind::Malformed, message);
        }
        self.lost = true;
    }
}

fn header_name(block: &[u8; BLOCK]) -> Vec<u8> {
    let name = until_nul(field(block, 0, 100));
    let prefix = until_nul(field(block, 345, 155));
    if field(block, 257, 6) == b"ustar\0" && !prefix.is_empty() {
        [prefix, b"/", name].concat()
    } else {
        name.to_vec()
    }
}

/// Old GNU sparse maps continue in further blocks. The flag of the first is at 482, of the others at 504.
fn skip_sparse_map(tape: &mut Tape, first: &[u8; BLOCK]) -> io::Result<()> {
    let mut more = first.get(482).is_some_and(|flag| *flag != 0);
    while more {
        let Some(block) = tape.block()? else { break };
        more = block.get(504).is_some_and(|flag| *flag != 0);
    }
    Ok(())
}

fn extension(
    tape: &mut Tape,
    kind: u8,
    size: u64,
    extended: &mut Extended,
    place: &str,
    losses: &mut Losses,
) -> io::Result<()> {
    tape.start(size);
    if size > EXTENSION {
        let message = format!("an extended header of {size} bytes is not read");
        losses.push(place, tape.offset, DiagnosticKind::LimitExceeded, message);
        return Ok(());
    }
    if !matches!(kind, b'L' | b'x') {
        return Ok(());
    }
    let mut data = Vec::new();
    let mut chunk = [0u8; BLOCK];
    loop {
        let read = tape.read(&mut chunk)?;
        if read == 0 {
            break;
        }
        data.extend_from_slice(chunk.get(..read).unwrap_or_default());
    }
    if kind == b'L' {
        extended.name = Some(until_nul(&data).to_vec());
    } else {
        pax(&data, extended);
    }
    Ok(())
}

/// Records of the form `length key=value\n`.
fn pax(mut data: &[u8], extended: &mut Extended) {
    while let Some(space) = memchr::memchr(b' ', data) {
        let digits = data.get(..space).and_then(|d| std::str::from_utf8(d).ok());
        let Some(length) = digits.and_then(|d| d.parse::<usize>().ok()) else { return };
        let Some(record) = data.get(space + 1..length) else { return };
        data = data.get(length..).unwrap_or_default();
        let record = record.strip_suffix(b"\n").unwrap_or(record);
        let Some(equals) = memchr::memchr(b'=', record) else { continue };
        let (key, value) = record.split_at(equals);
        let value = value.get(1..).unwrap_or_default();
        let text = std::str::from_utf8(value).unwrap_or_default();
        match key {
            b"path" => extended.name = Some(value.to_vec()),
            b"size" => extended.size = text.parse().ok(),
            b"mtime" => extended.modified = text.split('.').next().and_then(|s| seconds(s.parse().ok()?)),
            key if key.starts_with(b"GNU.sparse.") => extended.sparse = true,
            _ => {}
        }
    }
}

fn seconds(seconds: u64) -> Option<Timestamp> {
    let nanos = i64::try_from(seconds).ok()?.checked_mul(NANOS_PER_SECOND)?;
    (nanos > 0).then(|| Timestamp::from_nanos(nanos))
}
