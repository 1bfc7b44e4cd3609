//! UTF-16 to UTF-8, streaming.

use std::io::{self, Read};

use super::sniff::Wide;
use super::source::Stream;

const BLOCK: usize = 64 * 1024;

/// Yields the UTF-8 form of a UTF-16 stream. Unpaired surrogates become U+FFFD.
pub(crate) struct Transcoded {
    stream: Stream,
    decoder: encoding_rs::Decoder,
    skip: usize,
    raw: Vec<u8>,
    out: Vec<u8>,
    at: usize,
    done: bool,
}

impl Transcoded {
    pub(crate) fn new(stream: Stream, wide: Wide) -> Self {
        let (encoding, skip) = match wide {
            Wide::Little { mark } => (encoding_rs::UTF_16LE, mark),
            Wide::Big { mark } => (encoding_rs::UTF_16BE, mark),
        };
        let decoder = encoding.new_decoder_without_bom_handling();
        Self { stream, decoder, skip, raw: Vec::new(), out: Vec::new(), at: 0, done: false }
    }

    fn refill(&mut self) -> io::Result<()> {
        self.raw.clear();
        self.out.clear();
        self.at = 0;
        let read = self.stream.by_ref().take(BLOCK as u64).read_to_end(&mut self.raw);
        self.done = self.raw.is_empty() || read.is_err();
        let raw = self.raw.get(self.skip.min(self.raw.len())..).unwrap_or_default();
        self.skip = self.skip.saturating_sub(self.raw.len());
        // Three bytes of UTF-8 per two of UTF-16, and a replacement for what an earlier block left open.
        self.out.resize(raw.len() * 3 / 2 + 16, 0);
        let (_, _, written, _) = self.decoder.decode_to_utf8(raw, &mut self.out, self.done);
        self.out.truncate(written);
        read.map(drop)
    }
}

/// The first block as UTF-8, to recognise what it holds.
pub(crate) fn head(head: &[u8], wide: Wide) -> Vec<u8> {
    let mut text = Vec::new();
    let head: Stream = Box::new(io::Cursor::new(head.to_vec()));
    // Reading from memory does not fail.
    let _ = Transcoded::new(head, wide).read_to_end(&mut text);
    text
}

impl Read for Transcoded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at >= self.out.len() && !self.done {
            self.refill()?;
        }
        let mut ready = self.out.get(self.at..).unwrap_or_default();
        let read = ready.read(buffer)?;
        self.at += read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_survives_across_blocks() {
        let text = "ログ a 😀\r\n".repeat(20_000);
        for (big, mark) in [(false, 2), (true, 2), (false, 0), (true, 0)] {
            let order = if big { u16::to_be_bytes } else { u16::to_le_bytes };
            let bom: &[u16] = if mark == 2 { &[0xfeff] } else { &[] };
            let raw: Vec<u8> = bom.iter().copied().chain(text.encode_utf16()).flat_map(order).collect();
            let wide = if big { Wide::Big { mark } } else { Wide::Little { mark } };
            let mut out = String::new();
            Transcoded::new(Box::new(io::Cursor::new(raw)), wide).read_to_string(&mut out).unwrap();
            assert!(out == text, "big {big} mark {mark}");
        }
    }
}
