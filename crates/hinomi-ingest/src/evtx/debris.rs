//! Records outside a readable chunk.
//!
//! A record refers to names and templates by their offset in its chunk. When the chunk header is gone, where the
//! chunk began follows from any record that carries its template along: the definition stands right behind the
//! reference to it, so that the reference says how far from the chunk's start it is.
//!
//! # Not here
//! Chunks with a header (`chunk`).

use hinomi_model::DiagnosticKind;

use super::chunk::{Frame, HEADER, RECORD_HEADER, next_frame};
use super::cursor::u32_at;
use super::locate::{self, CHUNK};
use super::{EvtxDecoder, Place};

/// From the start of a record's BinXML to the definition that follows the reference to it.
const TO_DEFINITION: usize = 14;

impl EvtxDecoder {
    /// Decodes the records in bytes that are no chunk. Returns where to go on.
    pub(super) fn debris(&mut self, at: usize, place: &mut Place<'_>) -> usize {
        let bytes = place.unit.bytes.as_slice();
        let limit = (at + CHUNK).min(bytes.len());
        let magic = locate::next_magic(bytes, at + 1, limit);
        let end = magic.unwrap_or(limit);
        if bytes.get(at..end).unwrap_or_default().iter().all(|&b| b == 0) {
            return end;
        }
        // A record may continue in the next block of debris, but not in a chunk.
        let readable = bytes.get(..magic.unwrap_or(bytes.len())).unwrap_or_default();
        let mut frames = Vec::new();
        let mut position = at;
        while let Some(frame) = next_frame(readable, position, end, |_| true) {
            position = frame.end();
            frames.push((frame, chunk_start(readable, frame)));
        }
        for (number, (frame, known)) in frames.iter().enumerate() {
            let later = || frames.iter().skip(number).find_map(|(_, start)| *start);
            let start = known
                .or(self.chunk_start)
                .filter(|start| within(*frame, *start))
                .or_else(later)
                .filter(|start| within(*frame, *start))
                .unwrap_or(at as i64);
            if self.chunk_start != Some(start) {
                self.chunk_start = Some(start);
                self.start_chunk();
            }
            self.loose_record(readable, *frame, start, place);
        }
        let message =
            format!("{} bytes without a chunk header; {} records found in them", end - at, frames.len());
        place.report(at, DiagnosticKind::Malformed, message);
        position.max(end)
    }

    /// Decodes a record of a chunk that begins at `start`, which is negative when the beginning is lost.
    fn loose_record(&mut self, bytes: &[u8], frame: Frame, start: i64, place: &mut Place<'_>) {
        self.credible = None;
        if let Ok(start) = usize::try_from(start) {
            let chunk = bytes.get(start..bytes.len().min(start + CHUNK)).unwrap_or_default();
            self.row(chunk, start, Frame { at: frame.at - start, ..frame }, place);
            return;
        }
        let lost = start.unsigned_abs() as usize;
        let mut chunk = std::mem::take(&mut self.restored);
        chunk.clear();
        chunk.resize(lost, 0);
        chunk.extend_from_slice(bytes.get(..bytes.len().min(CHUNK - lost)).unwrap_or_default());
        self.row(&chunk, 0_usize.wrapping_sub(lost), Frame { at: frame.at + lost, ..frame }, place);
        self.restored = chunk;
    }
}

/// Where the chunk of a record begins, if the record tells.
fn chunk_start(bytes: &[u8], frame: Frame) -> Option<i64> {
    let body = frame.at + RECORD_HEADER;
    let [0x0f, _, _, _, 0x0c, _, id @ ..] = bytes.get(body..body + 10)? else { return None };
    let offset = u32_at(bytes, body + 10)?;
    let guid = bytes.get(body + TO_DEFINITION + 4..body + TO_DEFINITION + 8)?;
    let start = (body + TO_DEFINITION) as i64 - i64::from(offset);
    // The reference repeats the beginning of the GUID; a definition elsewhere would not stand here.
    (id == guid && within(frame, start)).then_some(start)
}

/// Whether a record can stand in the chunk that begins at `start`.
fn within(frame: Frame, start: i64) -> bool {
    let at = frame.at as i64 - start;
    at >= HEADER as i64 && at + frame.length as i64 <= CHUNK as i64
}
