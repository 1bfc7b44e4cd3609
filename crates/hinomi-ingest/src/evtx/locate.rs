//! Where the chunks of a file or of a carved run of bytes are.

use memchr::memmem;

/// Length of a chunk.
pub(super) const CHUNK: usize = 65_536;
/// Length of the file header block before the first chunk.
pub(super) const FILE_HEADER: usize = 4096;
/// First bytes of a chunk.
pub(super) const CHUNK_MAGIC: &[u8; 8] = b"ElfChnk\0";
/// First bytes of a file.
pub(super) const FILE_MAGIC: &[u8; 8] = b"ElfFile\0";

/// What stands at a position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Found {
    /// A file header block.
    FileHeader,
    /// A chunk with its header.
    Chunk,
    /// Something else: zeroes, a damaged chunk, foreign bytes.
    Other,
}

/// What stands at `at`.
pub(super) fn at(bytes: &[u8], at: usize) -> Found {
    let rest = bytes.get(at..).unwrap_or_default();
    if rest.starts_with(CHUNK_MAGIC) {
        Found::Chunk
    } else if rest.starts_with(FILE_MAGIC) {
        Found::FileHeader
    } else {
        Found::Other
    }
}

/// The next chunk or file magic in `from..to`.
pub(super) fn next_magic(bytes: &[u8], from: usize, to: usize) -> Option<usize> {
    let span = bytes.get(from..to.min(bytes.len()))?;
    let finder = memmem::find_iter(span, b"Elf");
    finder.map(|hit| from + hit).find(|&hit| at(bytes, hit) != Found::Other)
}

/// A unit longer than this is cut even where a damaged chunk might continue.
const MAX_UNIT: usize = 8 << 20;

/// How many leading bytes of `bytes` form whole chunks, so that a unit may end there: `bytes` starts at a file
/// header, at a chunk, or anywhere in a carved run. 0 means that more bytes are needed. With `at_end` nothing
/// follows and everything is taken.
///
/// A chunk whose successor is not where it should be may be cut short with the next one right behind it; the
/// cut is then placed so that the decoder sees both.
pub fn evtx_cut(bytes: &[u8], at_end: bool) -> usize {
    if at_end {
        return bytes.len();
    }
    let (mut safe, mut position) = (0, 0);
    loop {
        let found = at(bytes, position);
        let end = position + if found == Found::FileHeader { FILE_HEADER } else { CHUNK };
        // The eight bytes behind the end must be there to tell a regular chunk from a short one.
        if end + CHUNK_MAGIC.len() > bytes.len() {
            break;
        }
        let regular = at(bytes, end) != Found::Other;
        let inside = position + CHUNK_MAGIC.len();
        let embedded = match found {
            Found::Chunk if regular => None,
            _ => next_magic(bytes, inside, end + CHUNK_MAGIC.len() - 1),
        };
        match embedded {
            // What stands before a chunk that starts off the grid is no chunk itself.
            Some(next) if found == Found::Other => (safe, position) = (next, next),
            Some(next) => position = next,
            None => (safe, position) = (end, end),
        }
    }
    if safe == 0 && bytes.len() >= MAX_UNIT { bytes.len() / CHUNK * CHUNK } else { safe }
}
