//! The one string form in which every statement cites its evidence.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use crate::Digest;

/// `file:<sha256>/<member>#<offset>.<sub>@<event-sha256>`.
///
/// `sha256` is that of the outermost file as found on disk; `member` is the path inside it (empty for a plain
/// file, `/`-joined through nested archives, percent-encoded); `offset` counts bytes in the unpacked member;
/// `sub` numbers the events inside one record; the last digest is that of the event's own bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EvidenceRef {
    /// Digest of the outermost file.
    pub file: Digest,
    /// Path inside the file, empty when the file itself is the log.
    pub member: String,
    /// Byte offset of the record in the unpacked member.
    pub offset: u64,
    /// Number of the event inside the record, from 0.
    pub sub: u32,
    /// Digest of the event's bytes.
    pub event: Digest,
}

impl fmt::Display for EvidenceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "file:{}/", self.file)?;
        for byte in self.member.bytes() {
            match byte {
                b'%' | b'#' | b'@' | 0..=b' ' | 0x7f.. => write!(f, "%{byte:02X}")?,
                _ => f.write_char(char::from(byte))?,
            }
        }
        write!(f, "#{}.{}@{}", self.offset, self.sub, self.event)
    }
}

/// Text that is not an evidence reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an evidence reference is file:<sha256>/<member>#<offset>.<sub>@<sha256>: {0}")]
pub struct EvidenceError(&'static str);

impl FromStr for EvidenceRef {
    type Err = EvidenceError;

    fn from_str(text: &str) -> Result<Self, EvidenceError> {
        let rest = text.strip_prefix("file:").ok_or(EvidenceError("it does not start with file:"))?;
        let (file, rest) = rest.split_once('/').ok_or(EvidenceError("no / after the file digest"))?;
        let (member, rest) = rest.split_once('#').ok_or(EvidenceError("no # before the offset"))?;
        let (place, event) = rest.split_once('@').ok_or(EvidenceError("no @ before the event digest"))?;
        let (offset, sub) = place.split_once('.').ok_or(EvidenceError("no . between offset and sub"))?;
        Ok(Self {
            file: file.parse().map_err(|_| EvidenceError("the file digest is malformed"))?,
            member: unescape(member)?,
            offset: offset.parse().map_err(|_| EvidenceError("the offset is not a number"))?,
            sub: sub.parse().map_err(|_| EvidenceError("the sub-index is not a number"))?,
            event: event.parse().map_err(|_| EvidenceError("the event digest is malformed"))?,
        })
    }
}

fn unescape(text: &str) -> Result<String, EvidenceError> {
    let bad = EvidenceError("a % escape in the member is malformed");
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut digit = || bytes.next().and_then(|b| (b as char).to_digit(16)).ok_or(bad.clone());
        let value = digit()? * 16 + digit()?;
        out.push(value as u8);
    }
    String::from_utf8(out).map_err(|_| EvidenceError("the member is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_any_name_survive_the_round_trip() {
        for member in ["", "a/b.evtx", "日本 語#@%/x\n.log"] {
            let reference = EvidenceRef {
                file: Digest::of(b"f"),
                member: member.to_owned(),
                offset: 4096,
                sub: 2,
                event: Digest::of(b"e"),
            };
            let text = reference.to_string();
            assert!(text.is_ascii() && !text.contains(' '), "{text}");
            assert_eq!(text.parse(), Ok(reference));
        }
    }

    #[test]
    fn malformed_references_are_refused() {
        for text in ["", "file:", "log:x", "file:00/#1.0@00", "file:zz/#1@zz"] {
            assert!(text.parse::<EvidenceRef>().is_err(), "{text}");
        }
    }
}
