//! Is it text, and of which sort? And where may it be cut?

use super::csv;
use super::envelope::{self, Framing};
use super::lines::{self, lines};
use super::pairs;
use super::table::{Table, csv_header};

/// Sorts of text that a member may be.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TextFormat {
    /// Zeek, tab-separated with `#fields`.
    Zeek,
    /// W3C extended log with `#Fields`.
    W3c,
    /// CSV with a header line.
    Csv,
    /// Linux audit records.
    Audit,
    /// Syslog of any kind.
    Syslog,
    /// CEF or LEEF.
    Cef,
    /// `key=value`.
    Pairs,
    /// Lines with a time in front, or any other text.
    Lines,
}

impl TextFormat {
    /// Name for messages and for `--format`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Zeek => "zeek",
            Self::W3c => "w3c",
            Self::Csv => "csv",
            Self::Audit => "audit",
            Self::Syslog => "syslog",
            Self::Cef => "cef",
            Self::Pairs => "pairs",
            Self::Lines => "lines",
        }
    }
}

/// What a member's beginning told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Recognition {
    /// Sort of text.
    pub format: TextFormat,
    /// Length of the header lines at the start, which every unit of the member needs as its preamble.
    pub preamble: usize,
}

/// Looks at the first bytes of a member (64 KiB is plenty). `None` when they are not text.
pub fn recognise(sample: &[u8]) -> Option<Recognition> {
    if !is_text(sample) {
        return None;
    }
    let mut table = Table::None;
    let mut preamble = 0;
    for line in lines(sample) {
        let (text, _) = lines::text(line.bytes);
        if text.trim().is_empty() {
            continue;
        }
        if !table.directive(&text) {
            break;
        }
        preamble = (line.offset + line.bytes.len() + 1).min(sample.len());
        preamble += usize::from(sample.get(preamble - 1) == Some(&b'\r'));
    }
    let headed = |format| Some(Recognition { format, preamble });
    match table {
        Table::Zeek(_) if table.is_ready() => return headed(TextFormat::Zeek),
        Table::W3c(_) if table.is_ready() => return headed(TextFormat::W3c),
        _ => {}
    }
    if let Some(length) = csv_preamble(sample) {
        return Some(Recognition { format: TextFormat::Csv, preamble: length });
    }
    Some(Recognition { format: vote(sample), preamble: 0 })
}

/// Few control characters: logs may hold a torn sector of zeros, but not be one.
fn is_text(sample: &[u8]) -> bool {
    let control = |b: &&u8| **b < 0x20 && !matches!(**b, b'\t' | b'\n' | b'\r' | 0x1b | 0x1d | 0x0c);
    let odd = sample.iter().filter(control).count();
    !sample.is_empty() && odd * 20 <= sample.len()
}

/// Length of the header line if the first lines are CSV with a header.
fn csv_preamble(sample: &[u8]) -> Option<usize> {
    let mut records = lines(sample).filter(|l| !l.bytes.is_empty());
    let first = records.next()?;
    let second = records.next()?;
    let (text, _) = lines::text(first.bytes);
    let header = csv_header(&text)?;
    let (text, _) = lines::text(second.bytes);
    let cells = csv::cells(&text, header.delimiter).len();
    // The sample may end inside the second line, and a cell of it may go on in the third.
    let fits = cells == header.columns.len() || (cells < header.columns.len() && csv::is_open(second.bytes));
    fits.then_some(second.offset)
}

fn vote(sample: &[u8]) -> TextFormat {
    let mut counts = [0usize; 5];
    for line in lines(sample).filter(|l| !l.bytes.is_empty()).take(200) {
        let (text, _) = lines::text(line.bytes);
        let sort = line_format(&text);
        if let Some(count) = counts.get_mut(sort) {
            *count += 1;
        }
    }
    let sorts =
        [TextFormat::Lines, TextFormat::Audit, TextFormat::Cef, TextFormat::Pairs, TextFormat::Syslog];
    let best = counts.iter().zip(sorts).max_by_key(|(count, _)| **count);
    best.map_or(TextFormat::Lines, |(_, format)| format)
}

fn line_format(text: &str) -> usize {
    if super::audit::is_record(text) {
        return 1;
    }
    let envelope = envelope::parse(text);
    if envelope.message.starts_with("CEF:") || envelope.message.starts_with("LEEF:") {
        return 2;
    }
    match envelope.framing {
        Framing::Syslog | Framing::Syslog5424 => 4,
        Framing::Stamped | Framing::Plain if pairs::looks_like_pairs(envelope.message, 3) => 3,
        Framing::Stamped | Framing::Plain => 0,
    }
}

/// A group has few records; a hostile run of one serial is cut anyway.
const MOST_OF_ONE_EVENT: usize = 64;

/// Where `bytes` may be cut so that whole records stand before: after the last line end, or at their end when
/// no more will come. Audit records of one event are kept together.
pub fn text_cut(bytes: &[u8], at_end: bool) -> usize {
    if at_end {
        return bytes.len();
    }
    let Some(last) = memchr::memrchr(b'\n', bytes) else { return 0 };
    let end = last + 1;
    let whole = bytes.get(..end).unwrap_or_default();
    let Some(serial) = last_line(whole).and_then(|(_, line)| super::audit::serial_of(line)) else {
        return end;
    };
    let mut cut = end;
    for _ in 0..MOST_OF_ONE_EVENT {
        let Some((from, line)) = last_line(bytes.get(..cut).unwrap_or_default()) else { return end };
        if super::audit::serial_of(line) != Some(serial) {
            return cut;
        }
        cut = from;
    }
    end
}

/// Whether `bytes` are whole lines of one audit event, to which the next record may belong.
pub(crate) fn is_open_audit_event(bytes: &[u8]) -> bool {
    let mut serials = lines(bytes).take(MOST_OF_ONE_EVENT).map(|line| super::audit::serial_of(line.bytes));
    let first = serials.next().flatten();
    first.is_some() && serials.all(|serial| serial == first) && lines(bytes).nth(MOST_OF_ONE_EVENT).is_none()
}

/// The last line of `bytes` (which end in `\n`) and where it starts.
fn last_line(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let body = bytes.strip_suffix(b"\n")?;
    let from = memchr::memrchr(b'\n', body).map_or(0, |at| at + 1);
    Some((from, body.get(from..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_of_text() {
        let check = |sample: &str, format: TextFormat, preamble: usize| {
            assert_eq!(recognise(sample.as_bytes()), Some(Recognition { format, preamble }), "{sample}");
        };
        check("#separator \\x09\n#fields\tts\tuid\n1\t2\n", TextFormat::Zeek, 31);
        check("#Fields: date time\r\n2026-01-31 1\r\n", TextFormat::W3c, 20);
        check("time,user,ip\r\n2026-01-31,bob,192.0.2.1\r\n", TextFormat::Csv, 14);
        check("Jan 31 12:00:00 gw sshd[1]: x\n", TextFormat::Syslog, 0);
        check("type=CWD msg=audit(1769860800.250:1): cwd=\"/\"\n", TextFormat::Audit, 0);
        check("a=1 b=2 c=3\n", TextFormat::Pairs, 0);
        check("Jan 31 12:00:00 gw CEF:0|a|b|c|d|e|f|g=h\n", TextFormat::Cef, 0);
        check("one, two, three\nfour\n", TextFormat::Lines, 0);
        assert_eq!(recognise(&[0; 100]), None);
        assert_eq!(recognise(b""), None);
    }

    #[test]
    fn cuts_at_line_ends_and_between_audit_events() {
        assert_eq!(text_cut(b"a\nb\nc", false), 4);
        assert_eq!(text_cut(b"a\nb\nc", true), 5);
        assert_eq!(text_cut(b"abc", false), 0);
        let audit = "type=A msg=audit(1.0:7): x\ntype=B msg=audit(1.0:8): y\ntype=C msg=audit(1.0:8): z\n";
        assert_eq!(text_cut(audit.as_bytes(), false), 27);
        let one = "type=A msg=audit(1.0:7): x\n";
        assert_eq!(text_cut(one.as_bytes(), false), 27);
        assert_eq!(text_cut(one.repeat(100).as_bytes(), false), 2700);
    }
}
