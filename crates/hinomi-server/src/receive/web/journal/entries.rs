//! Where one entry ends and the next begins in a stream of journal entries
//! (<https://systemd.io/JOURNAL_EXPORT_FORMATS/>): fields are lines `NAME=value`, or a name, a length in eight bytes and a
//! value; a blank line ends an entry.
//!
//! # Invariants
//! - Every byte is part of exactly one record, but for blank lines between entries. Records put together are the stream.
//! - What is kept of an unfinished entry is bounded by the longest entry and one read: one that is longer is handed out in
//!   blocks of 64 KiB and a rest, which are joined again when they are read.

use memchr::memchr;

/// The longest name of a field; as in the journal itself.
const MAX_NAME: usize = 64;
/// The longest value; the journal itself takes 768 MiB.
const MAX_VALUE: u64 = 1 << 30;
/// What an entry is cut into when it is too long for one record.
const BLOCK: usize = 65_536;

/// The bytes are no journal entries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Broken;

/// What is expected next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Expected {
    /// The rest of a line, of which so many bytes are there, with or without an equals sign.
    Line { length: usize, has_value: bool },
    /// So many bytes of a length, which add up to this.
    Length { read: u32, sum: u64 },
    /// So many bytes of a value.
    Value(u64),
    /// The line feed behind a value.
    End,
}

const LINE: Expected = Expected::Line { length: 0, has_value: false };

/// Cuts the bytes of one stream into entries.
#[derive(Debug)]
pub(super) struct Entries {
    longest: usize,
    expected: Expected,
    waiting: Vec<u8>,
    /// The beginning of the entry was handed out already.
    in_blocks: bool,
    /// Entries that were too long for one record.
    cut: u64,
}

impl Entries {
    pub(super) fn new(longest: usize) -> Self {
        let longest = longest.max(BLOCK);
        Self { longest, expected: LINE, waiting: Vec::new(), in_blocks: false, cut: 0 }
    }

    /// Takes bytes and hands out the records that they complete. After [`Broken`] nothing more can be told apart.
    pub(super) fn take(&mut self, mut bytes: &[u8], out: &mut Vec<Vec<u8>>) -> Result<(), Broken> {
        while !bytes.is_empty() {
            let used = match self.expected {
                Expected::Line { length, has_value } => self.line(bytes, length, has_value, out)?,
                Expected::Length { read, sum } => self.length(bytes, read, sum)?,
                Expected::Value(left) => self.value(bytes, left),
                Expected::End => self.end(bytes)?,
            };
            bytes = bytes.get(used..).unwrap_or_default();
            self.hand_out_blocks(out);
        }
        Ok(())
    }

    /// What is left when the stream ends: an entry whose blank line is missing, with that put behind it. [`Broken`] when it
    /// ends inside a field.
    pub(super) fn rest(&mut self, out: &mut Vec<Vec<u8>>) -> Result<(), Broken> {
        if self.expected != LINE {
            return Err(Broken);
        }
        if self.is_inside() {
            self.waiting.push(b'\n');
            self.finish_entry(out);
        }
        Ok(())
    }

    /// Whether an entry has begun and not ended.
    pub(super) fn is_inside(&self) -> bool {
        self.in_blocks || !self.waiting.is_empty()
    }

    /// How many entries were too long for one record since this was last asked.
    pub(super) fn take_cut(&mut self) -> u64 {
        std::mem::take(&mut self.cut)
    }

    fn line(
        &mut self,
        bytes: &[u8],
        length: usize,
        has_value: bool,
        out: &mut Vec<Vec<u8>>,
    ) -> Result<usize, Broken> {
        let end = memchr(b'\n', bytes);
        let part = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
        let name_left = (MAX_NAME + 1).saturating_sub(length);
        let name = part.get(..part.len().min(name_left)).unwrap_or_default();
        let equals = memchr(b'=', name);
        if !has_value && equals.is_none() && length + part.len() > MAX_NAME {
            return Err(Broken);
        }
        if !has_value
            && !name.get(..equals.unwrap_or(name.len())).unwrap_or_default().iter().copied().all(is_of_name)
        {
            return Err(Broken);
        }
        let has_value = has_value || equals.is_some();
        let length = length + part.len();
        let Some(end) = end else {
            self.waiting.extend_from_slice(part);
            self.expected = Expected::Line { length, has_value };
            return Ok(part.len());
        };
        self.expected = match (length, has_value) {
            (0, _) => {
                if self.is_inside() {
                    self.waiting.push(b'\n');
                    self.finish_entry(out);
                }
                return Ok(end + 1);
            }
            (_, true) => LINE,
            (_, false) => Expected::Length { read: 0, sum: 0 },
        };
        self.waiting.extend_from_slice(bytes.get(..=end).unwrap_or_default());
        Ok(end + 1)
    }

    fn length(&mut self, bytes: &[u8], read: u32, sum: u64) -> Result<usize, Broken> {
        let Some(&byte) = bytes.first() else { return Ok(0) };
        let sum = sum | u64::from(byte) << (8 * read);
        self.waiting.push(byte);
        self.expected = match read {
            7 if sum > MAX_VALUE => return Err(Broken),
            7 if sum == 0 => Expected::End,
            7 => Expected::Value(sum),
            _ => Expected::Length { read: read + 1, sum },
        };
        Ok(1)
    }

    fn value(&mut self, bytes: &[u8], left: u64) -> usize {
        // No more at once than a block, so that no more waits than is allowed.
        let used = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len()).min(BLOCK);
        self.waiting.extend_from_slice(bytes.get(..used).unwrap_or_default());
        let left = left - used as u64;
        self.expected = if left == 0 { Expected::End } else { Expected::Value(left) };
        used
    }

    fn end(&mut self, bytes: &[u8]) -> Result<usize, Broken> {
        if bytes.first() != Some(&b'\n') {
            return Err(Broken);
        }
        self.waiting.push(b'\n');
        self.expected = LINE;
        Ok(1)
    }

    fn finish_entry(&mut self, out: &mut Vec<Vec<u8>>) {
        self.hand_out_blocks(out);
        let rest = std::mem::take(&mut self.waiting);
        self.in_blocks = false;
        if !rest.is_empty() {
            out.push(rest);
        }
    }

    fn hand_out_blocks(&mut self, out: &mut Vec<Vec<u8>>) {
        if !self.in_blocks && self.waiting.len() > self.longest {
            self.in_blocks = true;
            self.cut += 1;
        }
        while self.in_blocks && self.waiting.len() >= BLOCK {
            let rest = self.waiting.split_off(BLOCK);
            out.push(std::mem::replace(&mut self.waiting, rest));
        }
    }
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use hinomi_testkit::seeded::Seeded;

    use super::*;

    fn cut(longest: usize, pieces: &[&[u8]]) -> (Vec<Vec<u8>>, Result<(), Broken>) {
        let (mut entries, mut out) = (Entries::new(longest), Vec::new());
        for piece in pieces {
            if entries.take(piece, &mut out).is_err() {
                return (out, Err(Broken));
            }
        }
        let rest = entries.rest(&mut out);
        (out, rest)
    }

    fn binary(value: &[u8]) -> Vec<u8> {
        [b"A=1\nM\n", &(value.len() as u64).to_le_bytes()[..], value, b"\nB=2\n\n"].concat()
    }

    #[test]
    fn entries_end_at_blank_lines_outside_values() {
        let entries = [b"A=1\nB=\n\n".to_vec(), binary(b"x\n\nA=2\n\n"), binary(b""), b"C==\n\n".to_vec()];
        let stream = entries.concat();
        assert_eq!(cut(0, &[&stream]), (entries.to_vec(), Ok(())));
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(cut(0, &bytes), (entries.to_vec(), Ok(())), "byte by byte");
        assert_eq!(
            cut(0, &[b"\n\nA=1\n\n\n\nB=1\n"]),
            (vec![b"A=1\n\n".to_vec(), b"B=1\n\n".to_vec()], Ok(()))
        );
    }

    #[test]
    fn what_is_no_entry_is_refused_at_once() {
        let long = [b'A'; 65];
        let mut enormous = binary(b"abc");
        enormous[12] = 0xff;
        let mut longer = binary(b"abc");
        longer[6] = 2;
        let cases: [&[u8]; 6] = [b"{\"a\":1}\n", b"no name\n", b"<34>x", &long, &enormous, &longer];
        for bytes in cases {
            let good = b"A=1\n\n";
            let (out, result) = cut(0, &[good, bytes]);
            assert_eq!(
                (out, result),
                (vec![good.to_vec()], Err(Broken)),
                "{}",
                String::from_utf8_lossy(bytes)
            );
        }
        for end in [1, 5, 6, 10, 14, 16, 17, 19] {
            assert_eq!(
                cut(0, &[&binary(b"abc")[..end]]),
                (vec![], Err(Broken)),
                "it ends inside a field: {end}"
            );
        }
    }

    #[test]
    fn an_entry_too_long_for_one_record_is_blocks_and_a_rest() {
        for length in [200_000, 3 * BLOCK - 20, 3 * BLOCK] {
            let long = binary(&vec![b'\n'; length]);
            let (out, result) = cut(100_000, &[b"A=1\n\n", &long, b"B=1\n\n"]);
            assert_eq!(result, Ok(()));
            assert_eq!(out.concat(), [b"A=1\n\n", &long[..], b"B=1\n\n"].concat(), "{length}");
            let lengths: Vec<usize> = out.iter().map(Vec::len).collect();
            assert_eq!(lengths[..4], [5, BLOCK, BLOCK, BLOCK]);
            assert_eq!(out.last().unwrap(), b"B=1\n\n", "what follows is a record of its own");
        }
    }

    #[test]
    fn no_bytes_make_it_fail_or_hold_more_than_it_may() {
        let rounds = hinomi_testkit::soak::rounds(2_000, 200_000);
        let mut random = Seeded::new(5);
        let sound = [b"A=1\n\n".to_vec(), binary(b"x\n\n"), binary(&[0; 300])].concat();
        for _ in 0..rounds {
            let mut bytes = sound.clone();
            for _ in 0..random.below(6) {
                let at = random.index(bytes.len());
                match random.below(3) {
                    0 => bytes[at] = random.next_u64() as u8,
                    1 => drop(bytes.drain(at..(at + random.index(9)).min(bytes.len()))),
                    _ => bytes.extend_from_slice(&bytes.clone()[at..]),
                }
                if bytes.is_empty() {
                    bytes.push(b'A');
                }
            }
            let pieces: Vec<&[u8]> = bytes.chunks(1 + random.index(90)).collect();
            let (out, result) = cut(0, &pieces);
            let (whole, same) = cut(0, &[&bytes]);
            assert_eq!((&out, result), (&whole, same), "pieces do not matter");
            assert!(out.concat().len() <= bytes.len() + 1);
        }
    }

    #[test]
    fn a_value_without_end_is_handed_out_as_it_comes() {
        let mut entries = Entries::new(0);
        let head = [b"M\n", &(1_u64 << 30).to_le_bytes()[..]].concat();
        let mut out = Vec::new();
        entries.take(&head, &mut out).unwrap();
        let piece = vec![7; 1 << 20];
        for _ in 0..64 {
            entries.take(&piece, &mut out).unwrap();
            assert!(entries.waiting.len() <= 2 * BLOCK, "{}", entries.waiting.len());
        }
        assert_eq!((out.len(), entries.take_cut()), (64 * 16, 1));
    }
}
