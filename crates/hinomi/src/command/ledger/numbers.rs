//! Which number a source gave a record, where the record says so.
//!
//! Chunks of Windows event logs state theirs. Lines have them where the user says: in a field or behind a pattern. What is
//! not found is unknown, never guessed.

use hinomi_ledger::completeness::chunk_numbers;
use regex::bytes::Regex;

use crate::exit::{Exit, Failure};

/// Where the number of a line is.
#[derive(Clone, Debug, Default)]
pub(super) enum Place {
    /// Nowhere.
    #[default]
    None,
    /// In a field: of JSON, with dots between the levels, or `name=number` in text.
    Field(String),
    /// In the first group of a pattern, or all of it.
    Pattern(Regex),
}

impl Place {
    /// The place that was asked for.
    pub(super) fn new(field: Option<&str>, pattern: Option<&str>) -> Result<Self, Failure> {
        match (field, pattern) {
            (Some(_), Some(_)) => {
                Err(Failure::new(Exit::Usage, "a number is in a field or behind a pattern, not both"))
            }
            (Some(field), None) => Ok(Self::Field(field.to_owned())),
            (None, Some(pattern)) => match Regex::new(pattern) {
                Ok(regex) => Ok(Self::Pattern(regex)),
                Err(error) => Err(Failure::new(Exit::Usage, format!("{pattern}: {error}"))),
            },
            (None, None) => Ok(Self::None),
        }
    }

    fn number(&self, line: &[u8]) -> Option<u64> {
        match self {
            Self::None => None,
            Self::Field(field) if line.trim_ascii_start().starts_with(b"{") => in_json(line, field),
            Self::Field(field) => in_text(line, field),
            Self::Pattern(regex) => {
                let found = regex.captures(line)?;
                decimal(found.get(1).or_else(|| found.get(0))?.as_bytes())
            }
        }
    }
}

fn decimal(digits: &[u8]) -> Option<u64> {
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| plain)?.parse().ok()
}

fn in_json(line: &[u8], field: &str) -> Option<u64> {
    let value: serde_json::Value = serde_json::from_slice(line).ok()?;
    // A name may have dots in itself.
    let found =
        value.get(field).or_else(|| field.split('.').try_fold(&value, |value, part| value.get(part)))?;
    found.as_u64().or_else(|| decimal(found.as_str()?.as_bytes()))
}

fn in_text(line: &[u8], field: &str) -> Option<u64> {
    let name = field.as_bytes();
    let starts = |at: usize| {
        at.checked_sub(1)
            .and_then(|before| line.get(before))
            .is_none_or(|b| !b.is_ascii_alphanumeric() && *b != b'_')
    };
    for at in 0..line.len() {
        let Some(rest) = line.get(at..).and_then(|l| l.strip_prefix(name)).and_then(|l| l.strip_prefix(b"="))
        else {
            continue;
        };
        if starts(at) {
            let rest = rest.strip_prefix(b"\"").unwrap_or(rest);
            let end = rest.iter().position(|b| !b.is_ascii_digit()).unwrap_or(rest.len());
            return decimal(rest.get(..end)?);
        }
    }
    None
}

/// Numbers the records of one file.
#[derive(Debug)]
pub(super) struct Numbers<'a> {
    place: &'a Place,
    last_chunk: u64,
    /// A log that overwrites its oldest chunks is not in order: its chunks count as records without numbers from where it
    /// goes back.
    pub(super) wrapped: bool,
}

impl<'a> Numbers<'a> {
    pub(super) fn new(place: &'a Place) -> Self {
        Self { place, last_chunk: 0, wrapped: false }
    }

    pub(super) fn of(&mut self, record: &[u8]) -> Option<u64> {
        let Some((first, last)) = chunk_numbers(record) else { return self.place.number(record) };
        self.wrapped |= first <= self.last_chunk;
        self.last_chunk = last;
        (!self.wrapped).then_some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, line: &str) -> Option<u64> {
        Place::new(Some(name), None).unwrap().number(line.as_bytes())
    }

    #[test]
    fn fields_of_json_and_text() {
        assert_eq!(field("seq", r#"{"seq": 12, "text": "x"}"#), Some(12));
        assert_eq!(field("meta.seq", r#"{"meta": {"seq": "12"}}"#), Some(12));
        assert_eq!(field("meta.seq", r#"{"meta.seq": 18446744073709551615}"#), Some(u64::MAX));
        for none in [
            r#"{"seq": -1}"#,
            r#"{"seq": 1.5}"#,
            r#"{"seq": "0x1"}"#,
            r#"{"seq": 18446744073709551616}"#,
            r#"{"seq": null}"#,
            r#"{"seq": 1"#,
            "{}",
        ] {
            assert_eq!(field("seq", none), None, "{none}");
        }
        assert_eq!(field("seq", "noseq=4 seq=17, x"), Some(17));
        assert_eq!(field("seq", "<seq=\"9\">"), Some(9));
        for none in ["seq=", "seq=x", "myseq=4", "my_seq=4", "", "seq", "seq=99999999999999999999"] {
            assert_eq!(field("seq", none), None, "{none}");
        }
    }

    #[test]
    fn patterns() {
        let number = |pattern, line: &[u8]| Place::new(None, Some(pattern)).unwrap().number(line);
        assert_eq!(number(r"^<\d+>(\d+):", b"<34>101: text"), Some(101));
        assert_eq!(number(r"\d+", b"a 7 b 8"), Some(7));
        assert_eq!(number(r"#(\d+)", b"\xff\xfe #5"), Some(5));
        assert_eq!(number(r"(x)?\d+", b"7"), Some(7));
        assert_eq!(number(r"#(\w+)", b"#5x"), None);
        assert!(Place::new(None, Some("(")).is_err());
        assert!(Place::new(Some("a"), Some("b")).is_err());
    }

    #[test]
    fn chunks_number_themselves_until_a_log_wraps() {
        let chunk = |first: u64, last: u64| {
            let mut bytes = b"ElfChnk\0".to_vec();
            bytes.extend_from_slice(&[0; 16]);
            bytes.extend_from_slice(&first.to_le_bytes());
            bytes.extend_from_slice(&last.to_le_bytes());
            bytes
        };
        let place = Place::default();
        let mut numbers = Numbers::new(&place);
        assert_eq!(numbers.of(b"ElfFile\0"), None);
        assert_eq!([numbers.of(&chunk(9, 12)), numbers.of(&chunk(20, 22))], [Some(9), Some(20)]);
        assert!(!numbers.wrapped);
        assert_eq!([numbers.of(&chunk(1, 8)), numbers.of(&chunk(30, 31))], [None, None]);
        assert!(numbers.wrapped);
    }
}
