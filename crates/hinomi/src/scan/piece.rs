//! What of a file is hashed to cite an event, when not all of it.
//!
//! A record of a Windows event log reads as its chunk says, which holds the templates and strings it refers to; a JSON
//! record or an entry of a journal says everything itself. Lines of text may lean on headers anywhere before them: their
//! files are hashed whole.
//!
//! # Invariants
//! - Only what is on disk byte for byte as it was decoded is cited by pieces; what was unpacked is not.
//! - The piece is hashed from the bytes that were decoded, not read again: a file that changes meanwhile is cited as it
//!   was read.
//! - The piece of an event does not depend on the rule that fired, nor on the number of threads.

use std::collections::BTreeMap;

use hinomi_ingest::Unit;
use hinomi_ingest::intake::Format;
use hinomi_model::{Digest, Piece};

use super::hit::Event;

/// Header of a Windows event log.
const EVTX_HEADER: u64 = 4096;
/// Size of a chunk of a Windows event log, within which a record's strings stand, and of the pieces of other logs.
const PIECE: u64 = 65_536;

/// Bytes that are evaluated.
#[derive(Clone, Copy)]
pub(super) struct Around<'u> {
    pub(super) format: Format,
    /// The unit as it was read.
    pub(super) whole: &'u Unit,
    /// What of it is evaluated.
    pub(super) part: &'u Unit,
}

/// Digests of the pieces of one unit.
#[derive(Default)]
pub(super) struct Pieces {
    ordinal: u64,
    known: BTreeMap<(usize, usize), Digest>,
}

impl Pieces {
    /// What of the file to cite with an event; `None` when all of it.
    pub(super) fn around(&mut self, around: &Around<'_>, event: &Event) -> Option<Piece> {
        let Around { format, whole, .. } = *around;
        if !whole.member.verbatim {
            return None;
        }
        let own = usize::try_from(event.offset.checked_sub(whole.offset)?).ok()?;
        let own = (own, own + event.length as usize);
        let (start, end) = match format {
            Format::Evtx => chunk_around(whole, own),
            Format::Json | Format::Journal => blocks_around(whole, own),
            Format::Text | Format::Flow => return None,
        };
        let bytes = whole.bytes.get(start..end)?;
        if self.ordinal != whole.ordinal {
            self.known.clear();
            self.ordinal = whole.ordinal;
        }
        let sha256 = *self.known.entry((start, end)).or_insert_with(|| Digest::of(bytes));
        Some(Piece { from: whole.offset + start as u64, length: u32::try_from(bytes.len()).ok()?, sha256 })
    }
}

/// The chunk that holds a record when chunks stand where a sound file has them; otherwise the whole unit.
pub(super) fn chunk_around(unit: &Unit, (from, to): (usize, usize)) -> (usize, usize) {
    let whole = (0, unit.bytes.len());
    let (header, chunk) = (EVTX_HEADER.saturating_sub(unit.offset) as usize, PIECE as usize);
    let Some(at) = from.checked_sub(header) else { return whole };
    let start = header + at / chunk * chunk;
    let end = (start + chunk).min(unit.bytes.len());
    let sound = unit.bytes.get(start..).is_some_and(|b| b.starts_with(b"ElfChnk\0"));
    let aligned = unit.offset <= EVTX_HEADER || (unit.offset - EVTX_HEADER).is_multiple_of(PIECE);
    if sound && aligned && to <= end { (start, end) } else { whole }
}

/// The blocks of the file in which a record stands, as far as they are in the unit.
fn blocks_around(unit: &Unit, (from, to): (usize, usize)) -> (usize, usize) {
    let start = (unit.offset + from as u64) / PIECE * PIECE;
    let end = (unit.offset + to as u64).div_ceil(PIECE).saturating_mul(PIECE);
    let within = |at: u64| usize::try_from(at.saturating_sub(unit.offset)).unwrap_or(usize::MAX);
    (within(start), within(end).min(unit.bytes.len()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hinomi_ingest::Member;

    use super::*;

    fn unit(offset: u64, bytes: Vec<u8>) -> Unit {
        let unit = Unit::whole("a", bytes);
        let member = Arc::new(Member { verbatim: true, ..(*unit.member).clone() });
        Unit { offset, member, ordinal: 3, ..unit }
    }

    fn around(format: Format, unit: &Unit, offset: u64, length: u32) -> Option<(u64, u32)> {
        let event = Event { offset, length, ..Event::unknown() };
        let piece = Pieces::default().around(&Around { format, whole: unit, part: unit }, &event)?;
        let from = (piece.from - unit.offset) as usize;
        assert_eq!(piece.sha256, Digest::of(&unit.bytes[from..from + piece.length as usize]));
        Some((piece.from, piece.length))
    }

    #[test]
    fn blocks_are_those_of_the_file_within_the_unit() {
        let unit = unit(100_000, (0..200_000_u32).map(|n| n as u8).collect());
        assert_eq!(around(Format::Json, &unit, 100_000, 10), Some((100_000, 31_072)));
        assert_eq!(around(Format::Json, &unit, 131_072, 65_536), Some((131_072, 65_536)));
        assert_eq!(around(Format::Json, &unit, 131_072, 65_537), Some((131_072, 131_072)));
        assert_eq!(around(Format::Json, &unit, 299_999, 1), Some((262_144, 37_856)));
        assert_eq!(around(Format::Json, &unit, 99_999, 1), None, "not in the unit");
    }

    #[test]
    fn a_record_is_cited_with_its_chunk_or_where_none_is_sound_with_all_that_was_read() {
        let mut bytes = vec![0; 4096 + 3 * 65_536];
        for chunk in [0, 1] {
            bytes[4096 + chunk * 65_536..][..8].copy_from_slice(b"ElfChnk\0");
        }
        let unit = unit(0, bytes);
        assert_eq!(around(Format::Evtx, &unit, 4096 + 512, 100), Some((4096, 65_536)));
        assert_eq!(around(Format::Evtx, &unit, 4096 + 65_536, 100), Some((4096 + 65_536, 65_536)));
        let whole = Some((0, unit.bytes.len() as u32));
        assert_eq!(around(Format::Evtx, &unit, 4096 + 65_500, 100), whole, "it lies in two chunks");
        assert_eq!(around(Format::Evtx, &unit, 4096 + 2 * 65_536, 100), whole, "no chunk begins there");
    }

    #[test]
    fn text_and_what_was_unpacked_have_no_pieces() {
        let sound = unit(0, vec![0; 70_000]);
        assert_eq!(around(Format::Text, &sound, 0, 1), None);
        let unpacked = Unit { member: Arc::default(), ..sound };
        assert_eq!(around(Format::Json, &unpacked, 0, 1), None);
    }
}
