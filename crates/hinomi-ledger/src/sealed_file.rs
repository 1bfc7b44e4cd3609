//! A stream of bytes that only the holders of recovery keys can read: what backups are wrapped in.
//!
//! ```text
//! HnB1                                        4
//! number of recipients                        1 (1 to 8)
//! per recipient: its key 32, key of one use 32, sealed file key 60
//! pieces: length 4, sealed piece
//! ```
//!
//! A piece holds at most 1 MiB: a byte that says how (0 as it is, 1 zstd) and the bytes. Its context is the digest of
//! everything before the pieces, its number and whether it is the last one, so that pieces cannot be moved, left out or
//! taken from another file, and a file that is cut short is noticed. Nothing stands behind the last piece.
//!
//! # Trust
//! The file may come from anywhere. Nothing is returned that was not authenticated, and no length in it is believed
//! beyond the bound of a piece. Whoever knows the public half of a recovery key can make such a file: what is in it has to
//! prove itself.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use hinomi_model::{Digest, Entropy};
use zeroize::Zeroizing;

use crate::LedgerError;
use crate::aead::{SEAL_OVERHEAD, SealKey, Secret};
use crate::cursor::Cursor;
use crate::keys::{SealedKey, VaultKey, VaultRecipient, seal_to};

const MAGIC: [u8; 3] = *b"HnB";
/// The version, as a digit.
const VERSION: u8 = b'1';
const MOST_RECIPIENTS: usize = 8;
const STANZA: usize = 32 + 32 + 32 + SEAL_OVERHEAD;
/// Bytes of a piece before they are packed.
const PIECE: usize = 1 << 20;
/// Longest sealed piece: one that did not get shorter.
const MOST_SEALED: usize = PIECE + 1 + SEAL_OVERHEAD;
const AS_IT_IS: u8 = 0;
const PACKED: u8 = 1;
const LEVEL: i32 = 3;
const PURPOSE: &[u8] = b"hinomi sealed file v1";

/// Seals what is written to it. [`SealedWriter::finish`] has to be called, or the file counts as cut short.
pub struct SealedWriter<W: Write> {
    inner: W,
    key: SealKey,
    head: Digest,
    next: u64,
    waiting: Zeroizing<Vec<u8>>,
}

impl<W: Write> SealedWriter<W> {
    /// Begins a file that each of the recipients can open.
    ///
    /// # Errors
    /// [`LedgerError::TooLarge`] for none or more than eight recipients; [`LedgerError::Malformed`] for a key that is none;
    /// what writing and the source of randomness meet.
    pub fn new(
        mut inner: W,
        recipients: &[VaultRecipient],
        entropy: &dyn Entropy,
    ) -> Result<Self, LedgerError> {
        if recipients.is_empty() || recipients.len() > MOST_RECIPIENTS {
            let (found, bound) = (recipients.len() as u64, MOST_RECIPIENTS as u64);
            return Err(LedgerError::TooLarge { what: "number of recipients", found, bound });
        }
        let mut secret: Secret = Zeroizing::new([0; 32]);
        entropy.fill(secret.as_mut()).map_err(no_entropy)?;
        let mut head = [&MAGIC[..], &[VERSION, recipients.len() as u8]].concat();
        for recipient in recipients {
            let SealedKey { recipient, ephemeral, sealed } = seal_to(*recipient, PURPOSE, &secret, entropy)?;
            head.extend_from_slice(&recipient.0);
            head.extend_from_slice(&ephemeral);
            head.extend_from_slice(&sealed);
        }
        inner.write_all(&head).map_err(not_written)?;
        let waiting = Zeroizing::new(Vec::with_capacity(PIECE));
        Ok(Self { inner, key: SealKey::new(&secret, PURPOSE), head: Digest::of(&head), next: 0, waiting })
    }

    /// Writes the last piece and gives back what is written to.
    ///
    /// # Errors
    /// What writing meets.
    pub fn finish(mut self) -> io::Result<W> {
        self.piece(true)?;
        self.inner.flush()?;
        Ok(self.inner)
    }

    fn piece(&mut self, last: bool) -> io::Result<()> {
        let packed = Zeroizing::new(zstd::bulk::compress(&self.waiting, LEVEL)?);
        let (how, body) =
            if packed.len() < self.waiting.len() { (PACKED, &packed) } else { (AS_IT_IS, &self.waiting) };
        let plain = Zeroizing::new([&[how], body.as_slice()].concat());
        let sealed =
            self.key.seal(&context(&self.head, self.next, last), &plain).map_err(io::Error::other)?;
        self.inner.write_all(&(sealed.len() as u32).to_be_bytes())?;
        self.inner.write_all(&sealed)?;
        self.next += 1;
        self.waiting.clear();
        Ok(())
    }
}

impl<W: Write> Write for SealedWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.waiting.len() == PIECE {
            self.piece(false)?;
        }
        let taken = bytes.len().min(PIECE - self.waiting.len());
        self.waiting.extend_from_slice(bytes.get(..taken).unwrap_or_default());
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Reads what a [`SealedWriter`] wrote. An end that is reached is the true one.
pub struct SealedReader<R: Read> {
    inner: R,
    path: PathBuf,
    key: SealKey,
    head: Digest,
    next: u64,
    piece: Zeroizing<Vec<u8>>,
    at: usize,
    ended: bool,
}

impl<R: Read> SealedReader<R> {
    /// Begins to read with a recovery key. `path` is what errors name.
    ///
    /// # Errors
    /// [`LedgerError::Newer`]; [`LedgerError::Malformed`] for what is no such file; [`LedgerError::NotAuthentic`] when
    /// nothing in it is sealed to this key.
    pub fn new(mut inner: R, path: &Path, key: &VaultKey) -> Result<Self, LedgerError> {
        let malformed = |what| LedgerError::Malformed { kind: "sealed file", what };
        let mut head = vec![0; 5];
        inner.read_exact(&mut head).map_err(|_| malformed("it is too short"))?;
        let [a, b, c, version, count] = head.as_slice() else { return Err(malformed("it is too short")) };
        if [*a, *b, *c] != MAGIC || !version.is_ascii_digit() {
            return Err(malformed("it does not begin as one"));
        }
        if *version > VERSION {
            let (found, supported) = (u32::from(*version - b'0'), u32::from(VERSION - b'0'));
            return Err(LedgerError::Newer { path: path.to_owned(), found, supported });
        }
        let count = usize::from(*count);
        if count == 0 || count > MOST_RECIPIENTS || *version != VERSION {
            return Err(malformed("its number of recipients"));
        }
        let mut stanzas = vec![0; count * STANZA];
        inner.read_exact(&mut stanzas).map_err(|_| malformed("it is too short"))?;
        let secret = file_key(&stanzas, key)?;
        head.extend_from_slice(&stanzas);
        Ok(Self {
            inner,
            path: path.to_owned(),
            key: SealKey::new(&secret, PURPOSE),
            head: Digest::of(&head),
            next: 0,
            piece: Zeroizing::default(),
            at: 0,
            ended: false,
        })
    }

    /// Opens the next piece; an error says at which one.
    fn refill(&mut self) -> io::Result<()> {
        let number = self.next;
        let bad = |what: &str| {
            let text = format!("{}: piece {number} {what}", self.path.display());
            io::Error::new(io::ErrorKind::InvalidData, text)
        };
        let cut = |e: io::Error| match e.kind() {
            io::ErrorKind::UnexpectedEof => bad("is cut short: the file does not end where it should"),
            _ => e,
        };
        let mut length = [0; 4];
        self.inner.read_exact(&mut length).map_err(cut)?;
        let length = u32::from_be_bytes(length) as usize;
        if !(SEAL_OVERHEAD + 1..=MOST_SEALED).contains(&length) {
            return Err(bad("has an impossible length: the file is damaged"));
        }
        let mut sealed = vec![0; length];
        self.inner.read_exact(&mut sealed).map_err(cut)?;
        let open = |last| self.key.open("a piece", &context(&self.head, number, last), &sealed).ok();
        let (plain, last) = match open(false) {
            Some(plain) => (plain, false),
            None => (open(true).ok_or_else(|| bad("is damaged, or not of this file"))?, true),
        };
        let plain = Zeroizing::new(plain);
        let piece = match plain.split_first() {
            Some((&AS_IT_IS, body)) => body.to_vec(),
            Some((&PACKED, body)) => {
                zstd::bulk::decompress(body, PIECE).map_err(|_| bad("cannot be unpacked"))?
            }
            _ => return Err(bad("is of an unknown form")),
        };
        if last && self.inner.read(&mut [0])? != 0 {
            return Err(bad("is the last one, and bytes stand behind it"));
        }
        (self.piece, self.at, self.ended) = (Zeroizing::new(piece), 0, last);
        self.next += 1;
        Ok(())
    }
}

impl<R: Read> Read for SealedReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.piece.len() && !self.ended {
            self.refill()?;
        }
        let rest = self.piece.get(self.at..).unwrap_or_default();
        let taken = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..taken), rest.get(..taken)) {
            to.copy_from_slice(from);
        }
        self.at += taken;
        Ok(taken)
    }
}

impl<W: Write> std::fmt::Debug for SealedWriter<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealedWriter({} pieces)", self.next)
    }
}

impl<R: Read> std::fmt::Debug for SealedReader<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealedReader({}, {} pieces)", self.path.display(), self.next)
    }
}

fn no_entropy(source: io::Error) -> LedgerError {
    LedgerError::Io { action: "get random bytes for", path: PathBuf::from("a sealed file"), source }
}

fn not_written(source: io::Error) -> LedgerError {
    LedgerError::Io { action: "write", path: PathBuf::from("a sealed file"), source }
}

/// What a piece is bound to.
fn context(head: &Digest, number: u64, last: bool) -> Vec<u8> {
    [&head.as_bytes()[..], &number.to_be_bytes(), &[u8::from(last)]].concat()
}

/// The key of the file, from the stanza of the recipient whose key this is.
fn file_key(stanzas: &[u8], key: &VaultKey) -> Result<Secret, LedgerError> {
    for stanza in stanzas.chunks(STANZA) {
        let mut at = Cursor::new(stanza, "recipient of a sealed file");
        let (recipient, ephemeral) = (VaultRecipient(at.array()?), at.array()?);
        if recipient == key.recipient() {
            let sealed = SealedKey { recipient, ephemeral, sealed: at.rest().to_vec() };
            return key.open(PURPOSE, &sealed);
        }
    }
    Err(LedgerError::Refused { why: "the file is sealed to other keys than this one" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemEntropy;

    fn key(n: u8) -> VaultKey {
        VaultKey::from_seed([n; 32])
    }

    fn sealed(plain: &[u8], to: &[u8]) -> Vec<u8> {
        let recipients: Vec<_> = to.iter().map(|n| key(*n).recipient()).collect();
        let mut writer = SealedWriter::new(Vec::new(), &recipients, &SystemEntropy).unwrap();
        writer.write_all(plain).unwrap();
        writer.finish().unwrap()
    }

    fn opened(bytes: &[u8], with: u8) -> Result<Vec<u8>, String> {
        let path = Path::new("f");
        let mut reader = SealedReader::new(bytes, path, &key(with)).map_err(|e| e.to_string())?;
        let mut plain = Vec::new();
        reader.read_to_end(&mut plain).map_err(|e| e.to_string())?;
        Ok(plain)
    }

    /// Bytes that do not get shorter.
    fn noise(len: usize) -> Vec<u8> {
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u8
        };
        (0..len).map(|_| next()).collect()
    }

    #[test]
    fn whoever_has_one_of_the_keys_reads_it() {
        for len in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE] {
            let plain = noise(len);
            let bytes = sealed(&plain, &[1, 2]);
            assert_eq!(opened(&bytes, 1).unwrap(), plain);
            assert_eq!(opened(&bytes, 2).unwrap(), plain);
            assert!(opened(&bytes, 3).unwrap_err().contains("other keys"));
        }
        let zeros = vec![0; 5 * PIECE];
        let bytes = sealed(&zeros, &[1]);
        assert!(bytes.len() < 10_000, "{}", bytes.len());
        assert_eq!(opened(&bytes, 1).unwrap(), zeros);
        let none = SealedWriter::new(Vec::new(), &[], &SystemEntropy);
        assert!(none.is_err());
    }

    #[test]
    fn any_change_is_noticed() {
        let plain = noise(PIECE + 300);
        let bytes = sealed(&plain, &[1]);
        let tail = bytes.len() - 400..bytes.len();
        for at in (0..200).chain((200..bytes.len()).step_by(30_011)).chain(tail) {
            let mut bad = bytes.clone();
            bad[at] ^= 1 << (at % 8);
            assert!(opened(&bad, 1).is_err(), "bit {at}");
            assert!(opened(&bytes[..at], 1).is_err(), "cut at {at}");
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(opened(&longer, 1).unwrap_err().contains("behind it"));
        let mut newer = bytes;
        newer[3] = b'2';
        assert!(opened(&newer, 1).unwrap_err().contains("format 2; this program reads up to 1"));
    }

    #[test]
    fn pieces_cannot_be_left_out_moved_or_taken_from_another_file() {
        let (one, two) = (sealed(&noise(3 * PIECE), &[1]), sealed(&noise(3 * PIECE), &[1]));
        let head = 5 + STANZA;
        let piece = 4 + PIECE + 1 + SEAL_OVERHEAD;
        let part = |bytes: &[u8], n: usize| bytes[head + n * piece..head + (n + 1) * piece].to_vec();
        let rest = &one[head + 2 * piece..];
        let left_out = [&one[..head], &part(&one, 1), rest].concat();
        let moved = [&one[..head], &part(&one, 1), &part(&one, 0), rest].concat();
        let foreign = [&one[..head], &part(&two, 0), &part(&one, 1), rest].concat();
        for bad in [left_out, moved, foreign] {
            assert!(opened(&bad, 1).unwrap_err().contains("damaged"));
        }
        let other_head = [&two[..head], &one[head..]].concat();
        assert!(opened(&other_head, 1).is_err());
    }
}
