//! Where one message ends and the next begins on a stream (RFC 6587): by a count before it, or by a delimiter after it.
//!
//! # Invariants
//! - Which of the two is decided by the first byte of a connection, and holds for all of it.
//! - Every byte is part of exactly one frame, but for counts and delimiters. What is longer than a frame may be is cut,
//!   not lost.
//! - What is kept of an unfinished frame is bounded by the longest frame and one read.

use memchr::memchr2;

/// How a connection marks the ends of messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Framing {
    Unknown,
    /// Ends at a line feed or a NUL.
    Delimited,
    /// So many bytes of the present message are still to come; `None` before its count was read.
    Counted(Option<usize>),
}

/// The bytes cannot be what the connection began with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Broken;

/// Cuts the bytes of one connection into messages.
#[derive(Debug)]
pub(super) struct Frames {
    framing: Framing,
    longest: usize,
    waiting: Vec<u8>,
    /// Bytes of `waiting` in which no delimiter is.
    searched: usize,
    /// Messages that were cut.
    cut: u64,
}

/// Digits of the longest count that is read.
const MAX_DIGITS: usize = 9;

impl Frames {
    pub(super) fn new(longest: usize) -> Self {
        Self { framing: Framing::Unknown, longest, waiting: Vec::new(), searched: 0, cut: 0 }
    }

    /// Takes bytes and hands out the messages that they complete. After [`Broken`] nothing more can be told apart.
    pub(super) fn take(&mut self, bytes: &[u8], out: &mut Vec<Vec<u8>>) -> Result<(), Broken> {
        self.waiting.extend_from_slice(bytes);
        if self.framing == Framing::Unknown {
            let Some(first) = self.waiting.first() else { return Ok(()) };
            let counts = matches!(first, b'1'..=b'9');
            self.framing = if counts { Framing::Counted(None) } else { Framing::Delimited };
        }
        let used = match self.framing {
            Framing::Counted(left) => self.counted(left, out)?,
            _ => self.delimited(out),
        };
        self.waiting.drain(..used);
        Ok(())
    }

    /// What is left when the connection ends: a message without its end.
    pub(super) fn rest(&mut self) -> Option<Vec<u8>> {
        let rest = std::mem::take(&mut self.waiting);
        (!rest.is_empty()).then_some(rest)
    }

    /// How many messages were cut since this was last asked.
    pub(super) fn take_cut(&mut self) -> u64 {
        std::mem::take(&mut self.cut)
    }

    fn delimited(&mut self, out: &mut Vec<Vec<u8>>) -> usize {
        let mut from = 0;
        loop {
            let rest = self.waiting.get(from..).unwrap_or_default();
            let unsearched = rest.get(self.searched..).unwrap_or_default();
            let end = memchr2(b'\n', 0, unsearched).map(|at| at + self.searched);
            let (length, used) = match end {
                Some(end) if end <= self.longest => (end, end + 1),
                _ if rest.len() > self.longest => {
                    self.cut += 1;
                    (self.longest, self.longest)
                }
                _ => {
                    self.searched = rest.len();
                    return from;
                }
            };
            if let Some(message) = rest.get(..length).filter(|m| !m.is_empty()) {
                out.push(message.to_vec());
            }
            from += used;
            self.searched = 0;
        }
    }

    fn counted(&mut self, mut left: Option<usize>, out: &mut Vec<Vec<u8>>) -> Result<usize, Broken> {
        let mut from = 0;
        loop {
            let rest = self.waiting.get(from..).unwrap_or_default();
            let wanted = if let Some(wanted) = left {
                wanted
            } else {
                let Some((wanted, used)) = count(rest)? else { break };
                from += used;
                wanted
            };
            let rest = self.waiting.get(from..).unwrap_or_default();
            let length = wanted.min(self.longest);
            let Some(message) = rest.get(..length) else {
                left = Some(wanted);
                break;
            };
            if !message.is_empty() {
                out.push(message.to_vec());
            }
            from += length;
            self.cut += u64::from(length < wanted);
            left = Some(wanted - length).filter(|left| *left > 0);
        }
        self.framing = Framing::Counted(left);
        Ok(from)
    }
}

/// The count at the beginning and the bytes that it takes with its space; `None` when it is not whole yet.
fn count(bytes: &[u8]) -> Result<Option<(usize, usize)>, Broken> {
    // Some senders put a line feed behind counted messages.
    let feeds = bytes.iter().take_while(|b| matches!(b, b'\n' | b'\r')).count();
    let bytes = bytes.get(feeds..).unwrap_or_default();
    let digits = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
    match bytes.get(digits) {
        _ if digits > MAX_DIGITS || bytes.first() == Some(&b'0') => Err(Broken),
        None => Ok(None),
        Some(b' ') if digits > 0 => {
            let number = bytes.iter().take(digits).fold(0, |n, digit| n * 10 + usize::from(digit - b'0'));
            Ok(Some((number, feeds + digits + 1)))
        }
        Some(_) => Err(Broken),
    }
}

#[cfg(test)]
mod tests {
    use hinomi_testkit::seeded::Seeded;

    use super::*;

    /// What comes out whatever the pieces in which it goes in.
    fn frames(longest: usize, bytes: &[u8]) -> (Vec<String>, bool) {
        let run = |pieces: &[&[u8]]| {
            let mut frames = Frames::new(longest);
            let mut out = Vec::new();
            let broken = pieces.iter().any(|piece| frames.take(piece, &mut out).is_err());
            out.extend(frames.rest());
            let shown: Vec<String> = out.iter().map(|m| String::from_utf8_lossy(m).into_owned()).collect();
            (shown, broken)
        };
        let whole = run(&[bytes]);
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        if !whole.1 {
            assert_eq!(run(&single), whole);
        }
        whole
    }

    #[test]
    fn the_first_byte_decides() {
        let said = |bytes: &[u8]| frames(100, bytes).0;
        assert_eq!(said(b"<34>a\n<34>b\r\n\n<34>c"), ["<34>a", "<34>b\r", "<34>c"]);
        assert_eq!(said(b"5 <1>ab6 <1>\nbc7 <1>abcd"), ["<1>ab", "<1>\nbc", "<1>abcd"]);
        assert_eq!(said(b"5 <1>ab\n5 <1>cd\n"), ["<1>ab", "<1>cd", "\n"]);
        assert_eq!(said(b"<1>a\0<1>b\0"), ["<1>a", "<1>b"]);
        assert_eq!(said(b"Nov 22 10:00:00 h x\n5 <1>ab\n"), ["Nov 22 10:00:00 h x", "5 <1>ab"]);
        assert!(said(b"").is_empty());
    }

    #[test]
    fn what_is_too_long_is_cut_and_nothing_is_lost() {
        assert_eq!(frames(4, b"<aaaaaaaaa\nb\n").0, ["<aaa", "aaaa", "aa", "b"]);
        assert_eq!(frames(4, b"10 aaaaaaaaab2 cd").0, ["aaaa", "aaaa", "ab", "cd"]);
        assert_eq!(frames(4, b"<aaa\n<bbb\n").0, ["<aaa", "<bbb"]);
    }

    #[test]
    fn what_is_no_count_breaks_the_connection() {
        for bad in ["1234567890 a", "5 <1>abx", "5 <1>ab0 ", "5 <1>ab<1>", "12a"] {
            assert!(frames(100, bad.as_bytes()).1, "{bad}");
        }
    }

    #[test]
    fn no_byte_is_lost_however_it_is_cut() {
        let mut random = Seeded::new(7);
        for _ in 0..2_000 {
            let length = random.below(60) as usize;
            let mut bytes = vec![b'<'];
            bytes.extend((0..length).map(|_| b"ab\n\0 19<"[random.below(8) as usize]));
            let mut frames = Frames::new(1 + random.below(9) as usize);
            let (mut out, mut rest) = (Vec::new(), &bytes[..]);
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(1 + random.below(rest.len() as u64) as usize);
                frames.take(piece, &mut out).unwrap();
                rest = after;
            }
            out.extend(frames.rest());
            let kept: Vec<u8> = out.concat();
            let sent: Vec<u8> = bytes.iter().copied().filter(|b| !matches!(b, b'\n' | 0)).collect();
            assert_eq!(kept, sent);
        }
    }
}
