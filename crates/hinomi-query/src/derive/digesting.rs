//! Bytes on their way into a file, hashed.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use hinomi_model::{Digest, Hashing};

use crate::index::sidecar::PIECE;

/// Passes bytes on and hashes them, in pieces and as a whole.
pub(super) struct Digesting {
    out: BufWriter<File>,
    whole: Hashing,
    piece: Hashing,
    room: u64,
    pieces: Vec<Digest>,
    length: u64,
}

impl Digesting {
    pub(super) fn new(file: File) -> Self {
        Self {
            out: BufWriter::with_capacity(1 << 16, file),
            whole: Hashing::default(),
            piece: Hashing::default(),
            room: PIECE,
            pieces: Vec::new(),
            length: 0,
        }
    }

    /// Ends the file: its length, its digest and those of its pieces.
    pub(super) fn finish(&mut self) -> io::Result<(u64, Digest, Vec<Digest>)> {
        self.out.flush()?;
        self.out.get_ref().sync_all()?;
        self.pieces.push(std::mem::take(&mut self.piece).finish());
        Ok((self.length, std::mem::take(&mut self.whole).finish(), std::mem::take(&mut self.pieces)))
    }

    fn take(&mut self, mut bytes: &[u8]) {
        self.whole.update(bytes);
        self.length += bytes.len() as u64;
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(self.room as usize));
            self.piece.update(now);
            self.room -= now.len() as u64;
            bytes = later;
            if self.room == 0 {
                self.pieces.push(std::mem::take(&mut self.piece).finish());
                self.room = PIECE;
            }
        }
    }
}

impl Write for Digesting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.take(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
