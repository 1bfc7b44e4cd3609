//! Where one line of a file ends and the next begins.
//!
//! # Invariants
//! - Cutting keeps no state: the same bytes give the same lines, wherever reading was interrupted.
//! - A record is the bytes of its line with the line feed. What is longer than a line may be is cut, not lost.
//! - A line without its end waits until the end comes or the file cannot grow any more.
//! - Records one after the other are the bytes that were read; only a hole, which nobody wrote, is left out.

use memchr::memchr;

/// So many NULs at the beginning of a line are a hole: what is left when a file is cut short under a writer that goes on
/// where it was.
const HOLE: usize = 16;
/// Lines that are cut at once.
const AT_ONCE: usize = 8_192;

/// What was cut.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Cut {
    pub(super) lines: Vec<Vec<u8>>,
    /// Bytes that the lines take.
    pub(super) used: usize,
    /// Lines that were longer than they may be.
    pub(super) oversized: u64,
}

/// NULs at the beginning, if they are a hole.
pub(super) fn hole(bytes: &[u8]) -> usize {
    let nulls = bytes.iter().take_while(|byte| **byte == 0).count();
    if nulls < HOLE { 0 } else { nulls }
}

/// Cuts lines up to the next hole. `last`: nothing more can follow the bytes.
pub(super) fn cut(bytes: &[u8], longest: usize, last: bool) -> Cut {
    let mut cut = Cut::default();
    while cut.lines.len() < AT_ONCE {
        let rest = bytes.get(cut.used..).unwrap_or_default();
        if rest.is_empty() || hole(rest) > 0 {
            break;
        }
        let end = memchr(b'\n', rest).map(|at| at + 1);
        let length = match end {
            Some(end) if end <= longest => end,
            _ if rest.len() >= longest => {
                cut.oversized += 1;
                longest
            }
            None if last => rest.len(),
            _ => break,
        };
        cut.lines.push(rest.get(..length).unwrap_or_default().to_vec());
        cut.used += length;
    }
    cut
}

#[cfg(test)]
mod tests {
    use hinomi_testkit::seeded::Seeded;

    use super::*;

    fn shown(bytes: &[u8], longest: usize, last: bool) -> (Vec<String>, usize) {
        let cut = cut(bytes, longest, last);
        (cut.lines.iter().map(|l| String::from_utf8_lossy(l).into_owned()).collect(), cut.used)
    }

    #[test]
    fn lines_keep_their_ends_and_partial_ones_wait() {
        let lines = |l: &[&str]| l.iter().map(|l| (*l).to_owned()).collect::<Vec<_>>();
        assert_eq!(shown(b"a\r\n\nb\npart", 100, false), (lines(&["a\r\n", "\n", "b\n"]), 6));
        assert_eq!(shown(b"a\npart", 100, true), (lines(&["a\n", "part"]), 6));
        assert_eq!(shown(b"", 100, true), (vec![], 0));
    }

    #[test]
    fn long_lines_are_cut() {
        assert_eq!(shown(b"aaaaaaaaaa\nb\n", 4, false).0, ["aaaa", "aaaa", "aa\n", "b\n"]);
        assert_eq!(shown(b"aaaaaa", 4, false), (vec!["aaaa".to_owned()], 4));
        assert_eq!(cut(b"aaaaaaaaaa\n", 4, false).oversized, 2);
        assert_eq!(shown(b"aaa\n", 4, false).0, ["aaa\n"], "as long as it may be");
    }

    #[test]
    fn holes_end_what_is_cut_and_some_nulls_are_none() {
        let bytes = [b"a\n", &[0; 40][..], b"b\n"].concat();
        assert_eq!(shown(&bytes, 100, false), (vec!["a\n".to_owned()], 2));
        assert_eq!(hole(&bytes[2..]), 40);
        assert_eq!(hole(b"\0\0a"), 0);
        assert_eq!(shown(b"a\0\0\n\0b\n", 100, false).0, ["a\0\0\n", "\0b\n"]);
    }

    #[test]
    fn no_byte_is_lost_wherever_reading_is_interrupted() {
        let mut random = Seeded::new(11);
        for _ in 0..2_000 {
            let bytes: Vec<u8> = (0..random.below(80)).map(|_| b"ab\n\r\0"[random.index(5)]).collect();
            let longest = 1 + random.index(9);
            let (mut at, mut end, mut out) = (0, 0, Vec::new());
            while at < bytes.len() {
                end = (end + 1 + random.index(9)).min(bytes.len());
                at += hole(&bytes[at..end]);
                let cut = cut(&bytes[at..end], longest, end == bytes.len());
                assert!(cut.lines.iter().all(|line| (1..=longest).contains(&line.len())));
                at += cut.used;
                out.extend(cut.lines);
            }
            let written: Vec<u8> = bytes.iter().copied().filter(|b| *b != 0).collect();
            let kept: Vec<u8> = out.concat().into_iter().filter(|b| *b != 0).collect();
            assert_eq!(kept, written);
        }
    }
}
