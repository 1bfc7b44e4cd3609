//! Files into records, what a receiver would have got, and records into what decoders read.
//!
//! A record is the unit in which evidence arrives: a line of text with its line feed, an entry of a journal with its blank line, the
//! header or a 64 KiB chunk of a Windows event log, a 64 KiB block of anything else (also of an entry too long for a record). The records of a file are its bytes, in order. A receiver may
//! hand in lines without line feed; [`Joining`] puts it back, as it does behind the last line of a file that lacks it.

use std::io::{self, BufRead, BufReader, Read};

use hinomi_ingest::{is_journal, journal_entry};
use hinomi_ledger::MAX_RECORD;

const EVTX_MAGIC: &[u8] = b"ElfFile\0";
const EVTX_HEADER: usize = 4096;
const BLOCK: usize = 65_536;
/// The longest entry of a journal that is one record.
const ENTRY: usize = 1 << 20;

/// How a file is cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Cut {
    Lines,
    /// Entries of a journal.
    Entries,
    /// Blocks; the first may have another length.
    Blocks(usize),
}

/// Reads `input` to its end and hands out batches of records of a few megabytes.
pub fn frames(input: impl Read, mut hand_out: impl FnMut(Vec<Vec<u8>>) -> io::Result<()>) -> io::Result<()> {
    const BATCH: usize = 4 << 20;
    let mut input = BufReader::with_capacity(1 << 20, input);
    let head = input.fill_buf()?;
    let cut = if head.starts_with(EVTX_MAGIC) {
        Cut::Blocks(EVTX_HEADER)
    } else if is_journal(head) {
        Cut::Entries
    } else if head.iter().take(BLOCK).any(|&b| b == 0) {
        Cut::Blocks(BLOCK)
    } else {
        Cut::Lines
    };
    let (mut batch, mut gathered, mut first) = (Vec::new(), 0, true);
    let mut entries = Entries::default();
    loop {
        let mut record = Vec::new();
        let read = match cut {
            Cut::Lines => line(&mut input, &mut record),
            Cut::Entries => entries.next(&mut input, &mut record),
            Cut::Blocks(length) => block(&mut input, if first { length } else { BLOCK }, &mut record),
        };
        first = false;
        if let Err(error) = read {
            // What was read before is a part of the file all the same.
            batch.extend((!record.is_empty()).then_some(record));
            if !batch.is_empty() {
                hand_out(batch)?;
            }
            return Err(error);
        }
        if record.is_empty() {
            break;
        }
        gathered += record.len();
        batch.push(record);
        if gathered >= BATCH {
            hand_out(std::mem::take(&mut batch))?;
            gathered = 0;
        }
    }
    if batch.is_empty() { Ok(()) } else { hand_out(batch) }
}

/// The next line; one longer than a record may be is cut. Nothing at the end.
fn line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<usize> {
    input.take(MAX_RECORD as u64).read_until(b'\n', line)
}

/// Entries of a journal that is read.
#[derive(Default)]
struct Entries {
    waiting: Vec<u8>,
    /// Of `waiting`, bytes that were handed out.
    given: usize,
    /// Of the rest, bytes in which no entry ends.
    looked_at: usize,
    ended: bool,
}

impl Entries {
    /// The next entry; a block of one that is too long. Nothing at the end.
    fn next(&mut self, input: &mut impl BufRead, record: &mut Vec<u8>) -> io::Result<usize> {
        loop {
            let rest = self.waiting.get(self.given..).unwrap_or_default();
            // Looked at again only once there is twice as much, so that a long entry is not read many times.
            let looks = !rest.is_empty() && (self.ended || rest.len() >= self.looked_at * 2);
            let length = if looks { journal_entry(rest, self.ended) } else { None };
            let too_long = length.is_none_or(|length| length > ENTRY) && rest.len() > ENTRY;
            if let Some(length) = if too_long { Some(BLOCK) } else { length } {
                record.extend_from_slice(rest.get(..length).unwrap_or(rest));
                self.given += record.len();
                self.looked_at = 0;
                return Ok(record.len());
            }
            if self.ended {
                return Ok(0);
            }
            self.looked_at = if looks { rest.len() } else { self.looked_at };
            if let Err(error) = self.read(input) {
                std::mem::swap(record, &mut self.waiting);
                return Err(error);
            }
        }
    }

    fn read(&mut self, input: &mut impl BufRead) -> io::Result<()> {
        self.waiting.drain(..self.given);
        self.given = 0;
        let read = input.fill_buf()?;
        let length = read.len().min(BLOCK);
        self.waiting.extend_from_slice(read.get(..length).unwrap_or_default());
        self.ended = length == 0;
        input.consume(length);
        Ok(())
    }
}

fn block(input: &mut impl Read, length: usize, block: &mut Vec<u8>) -> io::Result<usize> {
    block.reserve_exact(length);
    input.take(length as u64).read_to_end(block)
}

/// Joins the records of one source.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Joining {
    /// The record before was a whole block of a binary file.
    in_blocks: bool,
}

impl Joining {
    /// Whether the next record may go on with a binary file.
    pub fn is_inside_a_file(self) -> bool {
        self.in_blocks
    }

    /// Takes the next record; true when a line feed belongs behind it that it does not have.
    pub fn lacks_line_feed(&mut self, record: &[u8]) -> bool {
        let is_block = record.len() == BLOCK || record.len() == EVTX_HEADER && record.starts_with(EVTX_MAGIC);
        let was_block = std::mem::replace(&mut self.in_blocks, is_block);
        !is_block && !was_block && record.last() != Some(&b'\n')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        frames(bytes, |batch| {
            all.extend(batch);
            Ok(())
        })
        .unwrap();
        all
    }

    #[test]
    fn text_is_cut_at_lines() {
        assert_eq!(cut(b"a\n\r\nb"), [&b"a\n"[..], b"\r\n", b"b"]);
        assert!(cut(b"").is_empty());
        let long = vec![b'x'; MAX_RECORD + 5];
        assert_eq!(cut(&long).iter().map(Vec::len).collect::<Vec<_>>(), [MAX_RECORD, 5]);
    }

    #[test]
    fn a_journal_is_cut_at_entries_and_joined_again() {
        let binary = |n: usize| [&b"M\n"[..], &(n as u64).to_le_bytes(), &vec![b'\n'; n], b"\n"].concat();
        let entry = |n: u32, more: &[u8]| [format!("__CURSOR=s={n}\n").as_bytes(), more, b"\n"].concat();
        let short = [entry(1, b"A=1\n"), entry(2, &binary(70_000)), entry(3, b"A=3\n")];
        assert_eq!(cut(&short.concat()), short);
        let long = [entry(1, b"A=1\n"), entry(2, &binary(3 << 20)), entry(3, b"A=3\n")].concat();
        let records = cut(&long);
        assert_eq!((records[0].len(), records[1].len()), (entry(1, b"A=1\n").len(), BLOCK));
        assert_eq!(records.last(), Some(&entry(3, b"A=3\n")));
        assert_eq!(joined(&records), long);
        for end in [long.len() - 3, long.len() / 2, 20, 3] {
            let mut part = long[..end].to_vec();
            assert_eq!(cut(&part).concat(), part, "{end}");
            part.extend_from_slice(&b"\xff nonsense "[..]);
            assert_eq!(cut(&part).concat(), part, "{end}");
        }
    }

    fn joined(records: &[Vec<u8>]) -> Vec<u8> {
        let mut joining = Joining::default();
        let mut out = Vec::new();
        for record in records {
            out.extend_from_slice(record);
            if joining.lacks_line_feed(record) {
                out.push(b'\n');
            }
        }
        out
    }

    #[test]
    fn joined_records_are_the_files_one_after_the_other() {
        let evtx = [EVTX_MAGIC, &vec![0; EVTX_HEADER - 8 + 2 * BLOCK]].concat();
        let odd = [&evtx[..], b"tail"].concat();
        let text = b"a\r\n\nb\n".to_vec();
        for files in [[&evtx, &text, &evtx], [&text, &odd, &text], [&odd, &evtx, &text]] {
            let records: Vec<_> = files.iter().flat_map(|f| cut(f)).collect();
            assert_eq!(joined(&records), files.map(|f| &f[..]).concat());
        }
        // A file whose last line does not end, and lines of a receiver.
        let records = [cut(b"a\nb"), vec![b"c".to_vec(), b"d".to_vec()]].concat();
        assert_eq!(joined(&records), b"a\nb\nc\nd\n");
    }

    #[test]
    fn binary_files_are_cut_in_blocks() {
        let evtx = [EVTX_MAGIC, &vec![0; EVTX_HEADER - 8 + 2 * BLOCK + 9]].concat();
        let lengths = cut(&evtx).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(lengths, [EVTX_HEADER, BLOCK, BLOCK, 9]);
        assert_eq!(cut(&evtx).concat(), evtx);
        assert_eq!(cut(&vec![0; BLOCK + 1]).len(), 2);
    }
}
