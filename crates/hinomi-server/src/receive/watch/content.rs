//! The bytes of a file that is followed, from any place on: as they are, or unpacked.
//!
//! # Invariants
//! What is held of an unpacked file is one window of the bytes that were asked for; going back reads it again.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::FileExt as _;

use flate2::read::MultiGzDecoder;

/// Bytes that are unpacked at once.
const STEP: usize = 64 * 1024;

/// An open file.
#[derive(Debug)]
pub(super) enum Content {
    Plain(File),
    Packed(Box<Unpacking>),
}

/// A file that is unpacked.
#[derive(Debug)]
pub(super) struct Unpacking {
    decoder: MultiGzDecoder<File>,
    window: Vec<u8>,
    /// Place of the window.
    start: u64,
    /// Where it ends, once that is known.
    ended: bool,
}

impl Content {
    pub(super) fn packed(file: File) -> Self {
        let decoder = MultiGzDecoder::new(file);
        Self::Packed(Box::new(Unpacking { decoder, window: Vec::new(), start: 0, ended: false }))
    }

    pub(super) fn is_packed(&self) -> bool {
        matches!(self, Self::Packed(_))
    }

    /// Bytes from `at` on, `most` of them, fewer at the end only.
    pub(super) fn read(&mut self, at: u64, most: usize) -> io::Result<Vec<u8>> {
        match self {
            Self::Plain(file) => read_plain(file, at, most),
            Self::Packed(unpacking) => unpacking.read(at, most),
        }
    }

    /// The next place from `at` on where something was written; `None` when there is none.
    pub(super) fn data_from(&self, at: u64) -> Option<u64> {
        let Self::Plain(file) = self else { return Some(at) };
        match rustix::fs::seek(file, rustix::fs::SeekFrom::Data(at)) {
            Ok(next) => Some(next),
            Err(rustix::io::Errno::NXIO) => None,
            // A file system that does not know holes.
            Err(_) => Some(at),
        }
    }
}

fn read_plain(file: &File, at: u64, most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; most];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, at + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

impl Unpacking {
    fn read(&mut self, at: u64, most: usize) -> io::Result<Vec<u8>> {
        if most == 0 {
            return Ok(Vec::new());
        }
        if at < self.start {
            self.rewind()?;
        }
        loop {
            let skip = usize::try_from(at - self.start).unwrap_or(usize::MAX);
            let have = self.window.len();
            if skip < have {
                self.window.drain(..skip);
                self.start = at;
                if self.window.len() >= most || self.ended {
                    let end = self.window.len().min(most);
                    return Ok(self.window.get(..end).unwrap_or_default().to_vec());
                }
            } else if self.ended {
                return Ok(Vec::new());
            } else {
                self.start += have as u64;
                self.window.clear();
            }
            self.step()?;
        }
    }

    fn step(&mut self) -> io::Result<()> {
        let have = self.window.len();
        self.window.resize(have + STEP, 0);
        let into = self.window.get_mut(have..).unwrap_or_default();
        let read = self.decoder.read(into);
        self.window.truncate(have + read.as_ref().copied().unwrap_or(0));
        self.ended = read? == 0;
        Ok(())
    }

    fn rewind(&mut self) -> io::Result<()> {
        let mut file = self.decoder.get_ref().try_clone()?;
        file.seek(SeekFrom::Start(0))?;
        self.decoder = MultiGzDecoder::new(file);
        self.window.clear();
        (self.start, self.ended) = (0, false);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use hinomi_testkit::seeded::Seeded;

    use super::*;

    #[test]
    fn packed_and_plain_files_give_the_same_bytes_from_anywhere() {
        let mut random = Seeded::new(3);
        let mut bytes = vec![0; 300_000];
        random.fill(&mut bytes);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&bytes).unwrap();
        let file = |bytes: &[u8]| {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(bytes).unwrap();
            file.rewind().unwrap();
            file
        };
        let (plain, packed) = (file(&bytes), file(&gzip.finish().unwrap()));
        for mut content in [Content::Plain(plain), Content::packed(packed)] {
            for _ in 0..200 {
                let (at, most) = (random.index(310_000), random.index(90_000));
                let expected = bytes.get(at..).unwrap_or_default();
                let read = content.read(at as u64, most).unwrap();
                assert_eq!(read, expected[..most.min(expected.len())], "{at} {most}");
            }
            assert_eq!(content.read(299_999, 10).unwrap().len(), 1);
        }
    }

    #[test]
    fn what_is_no_gzip_or_broken_off_is_an_error() {
        for bytes in [&b"no gzip at all"[..], b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x4b"] {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(bytes).unwrap();
            file.rewind().unwrap();
            assert!(Content::packed(file).read(0, 10).is_err());
        }
    }
}
