//! Decompressors under the budget.

use std::io::{self, Read};
use std::sync::Arc;

use super::budget::{Budget, Counted, Guarded};
use super::source::Stream;

/// Largest window of a zstd frame, as a power of two: what `--long` and level 22 write, and no more.
const WINDOW_LOG: u32 = 27;

/// Unpacks gzip, also of several members.
pub(crate) fn gzip(packed: Stream, budget: &Arc<Budget>) -> Stream {
    let (packed, count) = counted(packed);
    let unpacked = flate2::read::MultiGzDecoder::new(packed);
    Box::new(Guarded::new(Box::new(unpacked), count, Arc::clone(budget)))
}

/// Unpacks a raw deflate stream.
pub(crate) fn deflate(packed: Stream, budget: &Arc<Budget>) -> Stream {
    let (packed, count) = counted(packed);
    let unpacked = flate2::read::DeflateDecoder::new(packed);
    Box::new(Guarded::new(Box::new(unpacked), count, Arc::clone(budget)))
}

/// Unpacks zstd frames.
pub(crate) fn zstd(packed: Stream, budget: &Arc<Budget>) -> io::Result<Stream> {
    let (packed, count) = counted(packed);
    let mut unpacked = ::zstd::stream::read::Decoder::new(packed)?;
    unpacked.window_log_max(WINDOW_LOG)?;
    Ok(Box::new(Guarded::new(Box::new(Unzstd(unpacked)), count, Arc::clone(budget))))
}

fn counted(packed: Stream) -> (Counted, Arc<std::sync::atomic::AtomicU64>) {
    let count: Arc<std::sync::atomic::AtomicU64> = Arc::default();
    (Counted { stream: packed, count: Arc::clone(&count) }, count)
}

/// Says in words of its own what the C library calls an unspecified error.
struct Unzstd<R: io::BufRead>(::zstd::stream::read::Decoder<'static, R>);

impl<R: io::BufRead> Read for Unzstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::Other => io::Error::new(io::ErrorKind::InvalidData, error.to_string()),
            _ => error,
        })
    }
}

/// The modification time in a gzip header, in seconds since the epoch (RFC 1952).
pub(crate) fn gzip_time(head: &[u8]) -> Option<i64> {
    let seconds = u32::from_le_bytes(head.get(4..8)?.try_into().ok()?);
    (seconds != 0).then_some(i64::from(seconds))
}
