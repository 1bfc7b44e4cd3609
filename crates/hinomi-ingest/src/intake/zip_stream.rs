//! ZIP members in order of their local headers, without the directory.
//!
//! A member of unknown size ends where its deflate data ends; a stored one of unknown size cannot be delimited and
//! is refused. Whatever comes between members is searched for the next local header.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flate2::{Decompress, FlushDecompress, Status};
use hinomi_model::DiagnosticKind;

use super::budget::Guarded;
use super::entry::{Body, Entry};
use super::losses::{Losses, Mismatch};
use super::peel;
use super::source::Stream;
use super::zip::{Checked, Context, DESCRIPTOR, Header, u16_at, u32_at};

/// Data descriptor of an empty member.
const EMPTY: &[u8; 16] = b"PK\x07\x08\0\0\0\0\0\0\0\0\0\0\0\0";

/// The archive's stream, shared with the member being read.
struct Flow {
    input: BufReader<Stream>,
    offset: u64,
    /// Packed bytes of the current member not yet read, where its size is known.
    left: u64,
}

impl Flow {
    /// Reads the next `N` bytes; `None` when there are not so many.
    fn array<const N: usize>(&mut self) -> io::Result<Option<[u8; N]>> {
        Ok(self.bytes(N)?.try_into().ok())
    }

    fn bytes(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.input.by_ref().take(length as u64).read_to_end(&mut bytes)?;
        self.offset += bytes.len() as u64;
        Ok(bytes)
    }

    fn skip(&mut self) -> io::Result<()> {
        let skipped = io::copy(&mut self.input.by_ref().take(self.left), &mut io::sink())?;
        self.offset += skipped;
        self.left = 0;
        Ok(())
    }

    /// Moves behind the next local header's magic number; false at the end. `directory` tells whether the archive's
    /// own directory was passed.
    fn find_header(&mut self, directory: &mut bool) -> io::Result<bool> {
        let mut window = 0u32;
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                return Ok(false);
            }
            let length = buffer.len();
            let mut used = 0;
            let mut found = false;
            for byte in buffer {
                window = window << 8 | u32::from(*byte);
                used += 1;
                match window {
                    0x504b_0304 => {
                        found = true;
                        break;
                    }
                    0x504b_0102 | 0x504b_0506 => *directory = true,
                    _ => {}
                }
            }
            let used = if found { used } else { length };
            self.input.consume(used);
            self.offset += used as u64;
            if found {
                return Ok(true);
            }
        }
    }
}

fn lock(flow: &Mutex<Flow>) -> MutexGuard<'_, Flow> {
    flow.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The members of an archive that is read once, from its start.
pub(crate) struct Sequence {
    flow: Arc<Mutex<Flow>>,
    /// The directory was passed, or its absence is already reported.
    complete: bool,
}

impl Sequence {
    pub(crate) fn new(stream: Stream, reported: bool) -> Self {
        let flow = Flow { input: BufReader::with_capacity(64 * 1024, stream), offset: 0, left: 0 };
        Self { flow: Arc::new(Mutex::new(flow)), complete: reported }
    }

    /// The next readable member; the body of the one before must have been dropped.
    pub(crate) fn next(&mut self, context: &mut Context, place: &str, losses: &mut Losses) -> Option<Entry> {
        match self.advance(context, place, losses) {
            Ok(Some(entry)) => Some(entry),
            Ok(None) => {
                if !self.complete {
                    let message = "the archive ends without its directory: members may be missing";
                    losses.push(place, lock(&self.flow).offset, DiagnosticKind::Truncated, message);
                }
                None
            }
            Err(error) => {
                losses.failure(place, lock(&self.flow).offset, &error);
                None
            }
        }
    }

    fn advance(
        &mut self,
        context: &mut Context,
        place: &str,
        losses: &mut Losses,
    ) -> io::Result<Option<Entry>> {
        let shared = Arc::clone(&self.flow);
        let mut flow = lock(&shared);
        loop {
            flow.skip()?;
            if !flow.find_header(&mut self.complete)? {
                return Ok(None);
            }
            let at = flow.offset - 4;
            let Some(header) = local_header(&mut flow)? else { return Ok(None) };
            let unknown = header.flags & DESCRIPTOR != 0 && header.packed == 0;
            flow.left = if unknown { 0 } else { header.packed };
            if header.is_folder() {
                continue;
            }
            // An archiver that writes to a pipe cannot know that a file will be empty.
            let empty = unknown && header.method == 0 && flow.bytes(EMPTY.len())? == EMPTY;
            let stored = (unknown && header.method != 8 && !empty).then(|| {
                "its size is stated only behind its data, and the archive is read in order".to_owned()
            });
            if let Some(why) = header.refusal().or(stored) {
                let message = format!("{}: not read, {why}", header.shown_name());
                losses.push(place, at, DiagnosticKind::RefusedMember, message);
                continue;
            }
            let stream = if empty { Box::new(io::empty()) } else { self.body(&header, unknown, context)? };
            let name = context.names.unique(header.shown_name());
            let body = Body { stream, span: None };
            return Ok(Some(Entry { name, modified: header.modified(&context.zone), body }));
        }
    }

    fn body(&self, header: &Header, unknown: bool, context: &Context) -> io::Result<Stream> {
        let flow = Arc::clone(&self.flow);
        if unknown {
            let count: Arc<AtomicU64> = Arc::default();
            let inflate = Inflate {
                flow,
                decoder: Decompress::new(false),
                crc: flate2::Crc::new(),
                count: Arc::clone(&count),
                ended: false,
                done: false,
            };
            return Ok(Box::new(Guarded::new(Box::new(inflate), count, Arc::clone(&context.budget))));
        }
        let raw: Stream = Box::new(Packed(flow));
        let unpacked = match header.method {
            8 => peel::deflate(raw, &context.budget),
            93 => peel::zstd(raw, &context.budget)?,
            _ => raw,
        };
        Ok(Box::new(Checked::new(unpacked, header)))
    }
}

fn local_header(flow: &mut Flow) -> io::Result<Option<Header>> {
    let Some(fixed) = flow.array::<26>()? else { return Ok(None) };
    let Some(mut header) = Header::parse(fixed.get(2..).unwrap_or_default()) else { return Ok(None) };
    let lengths = (u16_at(&fixed, 22), u16_at(&fixed, 24));
    let (Some(name), Some(extra)) = lengths else { return Ok(None) };
    header.name = flow.bytes(usize::from(name))?;
    header.extra = flow.bytes(usize::from(extra))?;
    header.widen(None);
    Ok(Some(header))
}

/// Packed bytes of a member whose size is known.
struct Packed(Arc<Mutex<Flow>>);

impl Read for Packed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut flow = lock(&self.0);
        let wanted = usize::try_from(flow.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let Some(buffer) = buffer.get_mut(..wanted).filter(|b| !b.is_empty()) else { return Ok(0) };
        let read = flow.input.read(buffer)?;
        if read == 0 {
            let message = format!("the archive ends {} packed bytes before the member does", flow.left);
            flow.left = 0;
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
        }
        flow.left -= read as u64;
        flow.offset += read as u64;
        Ok(read)
    }
}

/// Unpacks a deflate stream that alone knows where it ends, and compares the checksum that follows it.
struct Inflate {
    flow: Arc<Mutex<Flow>>,
    decoder: Decompress,
    crc: flate2::Crc,
    count: Arc<AtomicU64>,
    /// The deflate data has ended; what follows states its checksum.
    ended: bool,
    done: bool,
}

impl Inflate {
    fn check(&self, flow: &mut Flow) -> io::Result<usize> {
        let Some(mut word) = flow.array::<4>()? else { return Err(io::ErrorKind::UnexpectedEof.into()) };
        if &word == b"PK\x07\x08" {
            let Some(next) = flow.array::<4>()? else { return Err(io::ErrorKind::UnexpectedEof.into()) };
            word = next;
        }
        let (stored, computed) = (u32_at(&word, 0).unwrap_or_default(), self.crc.sum());
        if stored == computed {
            Ok(0)
        } else {
            Err(io::Error::other(Mismatch::Checksum { stored, computed }))
        }
    }
}

impl Read for Inflate {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let flow = Arc::clone(&self.flow);
        let mut flow = lock(&flow);
        while !self.done && !buffer.is_empty() {
            if self.ended {
                self.done = true;
                return self.check(&mut flow);
            }
            let input = flow.input.fill_buf()?;
            if input.is_empty() {
                self.done = true;
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let (in_before, out_before) = (self.decoder.total_in(), self.decoder.total_out());
            let status = self.decoder.decompress(input, buffer, FlushDecompress::None);
            let used = self.decoder.total_in() - in_before;
            flow.input.consume(used as usize);
            flow.offset += used;
            self.count.fetch_add(used, Relaxed);
            let written = (self.decoder.total_out() - out_before) as usize;
            self.crc.update(buffer.get(..written).unwrap_or_default());
            match status {
                Ok(Status::StreamEnd) => {
                    self.ended = true;
                    if written > 0 {
                        return Ok(written);
                    }
                }
                Ok(_) if written > 0 => return Ok(written),
                Ok(_) if used == 0 => {
                    self.done = true;
                    return Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        "the deflate data makes no progress",
                    ));
                }
                Ok(_) => {}
                Err(error) => {
                    self.done = true;
                    return Err(io::Error::new(io::ErrorKind::InvalidData, error));
                }
            }
        }
        Ok(0)
    }
}
