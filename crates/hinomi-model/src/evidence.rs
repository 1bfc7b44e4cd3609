//! The one string form in which every statement cites its evidence.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use crate::Digest;

/// What keeps the event, then `#<offset>.<sub>@<event-sha256>`: `file:<sha256>/<member>`, `piece:<from>+<length>/<sha256>` or
/// `log:<origin>/<leaf>/<record>`.
///
/// `sub` numbers the events inside one record of a log; the last digest is that of the event's own bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EvidenceRef {
    /// Where the bytes are kept.
    pub place: EvidencePlace,
    /// Byte offset of the event in the unpacked member, or in the record of the ledger.
    pub offset: u64,
    /// Number of the event at that offset, from 0.
    pub sub: u32,
    /// Digest of the event's bytes.
    pub event: Digest,
}

/// What keeps cited bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum EvidencePlace {
    /// A file as found on disk.
    File {
        /// Digest of the outermost file.
        file: Digest,
        /// Path inside it, `/`-joined through nested archives; empty when the file itself is the log. In text it is
        /// percent-encoded.
        member: String,
    },
    /// A stretch of a log that was found on disk as it is.
    Piece(Piece),
    /// A ledger.
    Log {
        /// Its origin. In text it is percent-encoded, except for `/`.
        origin: String,
        /// The leaf of the block that the record is in.
        leaf: u64,
        /// Number of the record in its block, from 0. An event that goes on in the next records begins in this one.
        record: u32,
    },
}

/// Bytes of a file around a cited event: what else has to be the same for the event to be read as it was.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Piece {
    /// Where they begin in the file.
    pub from: u64,
    /// How many.
    pub length: u32,
    /// Their digest.
    pub sha256: Digest,
}

impl fmt::Display for EvidenceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            EvidencePlace::File { file, member } => {
                write!(f, "file:{file}/")?;
                escape(f, member)?;
            }
            EvidencePlace::Piece(Piece { from, length, sha256 }) => {
                write!(f, "piece:{from}+{length}/{sha256}")?;
            }
            EvidencePlace::Log { origin, leaf, record } => {
                f.write_str("log:")?;
                escape(f, origin)?;
                write!(f, "/{leaf}/{record}")?;
            }
        }
        write!(f, "#{}.{}@{}", self.offset, self.sub, self.event)
    }
}

/// Text that is not an evidence reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "an evidence reference is file:<sha256>/<member>, piece:<from>+<length>/<sha256> or \
     log:<origin>/<leaf>/<record>, and #<offset>.<sub>@<sha256>: {0}"
)]
pub struct EvidenceError(&'static str);

impl FromStr for EvidencePlace {
    type Err = EvidenceError;

    /// Reads what stands before the `#`.
    fn from_str(text: &str) -> Result<Self, EvidenceError> {
        if let Some(rest) = text.strip_prefix("file:") {
            let (file, member) = rest.split_once('/').ok_or(EvidenceError("no / after the file digest"))?;
            let file = file.parse().map_err(|_| EvidenceError("the file digest is malformed"))?;
            return Ok(Self::File { file, member: unescape(member)? });
        }
        if let Some(rest) = text.strip_prefix("piece:") {
            return rest.parse().map(Self::Piece);
        }
        let rest =
            text.strip_prefix("log:").ok_or(EvidenceError("it starts with none of file:, piece:, log:"))?;
        let mut parts = rest.rsplitn(3, '/');
        let (record, leaf, origin) = (parts.next(), parts.next(), parts.next());
        let record =
            record.and_then(|r| r.parse().ok()).ok_or(EvidenceError("the record is not a number"))?;
        let leaf = leaf.and_then(|l| l.parse().ok()).ok_or(EvidenceError("the leaf is not a number"))?;
        let origin = origin.filter(|o| !o.is_empty()).ok_or(EvidenceError("no origin before the leaf"))?;
        Ok(Self::Log { origin: unescape(origin)?, leaf, record })
    }
}

impl FromStr for Piece {
    type Err = EvidenceError;

    fn from_str(text: &str) -> Result<Self, EvidenceError> {
        let (range, sha256) = text.split_once('/').ok_or(EvidenceError("no / before the piece's digest"))?;
        let (from, length) = range.split_once('+').ok_or(EvidenceError("no + before the piece's length"))?;
        Ok(Self {
            from: from.parse().map_err(|_| EvidenceError("the piece begins at no number"))?,
            length: length.parse().map_err(|_| EvidenceError("the piece's length is not a number"))?,
            sha256: sha256.parse().map_err(|_| EvidenceError("the piece's digest is malformed"))?,
        })
    }
}

impl FromStr for EvidenceRef {
    type Err = EvidenceError;

    fn from_str(text: &str) -> Result<Self, EvidenceError> {
        let (place, rest) = text.split_once('#').ok_or(EvidenceError("no # before the offset"))?;
        let place = place.parse()?;
        let (offset, event) = rest.split_once('@').ok_or(EvidenceError("no @ before the event digest"))?;
        let (offset, sub) = offset.split_once('.').ok_or(EvidenceError("no . between offset and sub"))?;
        Ok(Self {
            place,
            offset: offset.parse().map_err(|_| EvidenceError("the offset is not a number"))?,
            sub: sub.parse().map_err(|_| EvidenceError("the sub-index is not a number"))?,
            event: event.parse().map_err(|_| EvidenceError("the event digest is malformed"))?,
        })
    }
}

fn escape(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    for byte in text.bytes() {
        match byte {
            b'%' | b'#' | b'@' | 0..=b' ' | 0x7f.. => write!(f, "%{byte:02X}")?,
            _ => f.write_char(char::from(byte))?,
        }
    }
    Ok(())
}

fn unescape(text: &str) -> Result<String, EvidenceError> {
    let bad = EvidenceError("a % escape is malformed");
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
    String::from_utf8(out).map_err(|_| EvidenceError("an escaped name is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(place: EvidencePlace) {
        let reference = EvidenceRef { place, offset: 4096, sub: 2, event: Digest::of(b"e") };
        let text = reference.to_string();
        assert!(text.is_ascii() && !text.contains(' '), "{text}");
        assert_eq!(text.parse(), Ok(reference));
    }

    #[test]
    fn names_of_any_kind_survive_the_round_trip() {
        for name in ["", "a/b.evtx", "日本 語#@%/x\n.log"] {
            round_trip(EvidencePlace::File { file: Digest::of(b"f"), member: name.to_owned() });
        }
        round_trip(EvidencePlace::Piece(Piece { from: u64::MAX, length: 1, sha256: Digest::of(b"p") }));
        for origin in ["o", "logs.example.jp/evidence", "日本 語#@%/7/x\n"] {
            round_trip(EvidencePlace::Log { origin: origin.to_owned(), leaf: 12, record: 3 });
        }
    }

    #[test]
    fn the_text_is_the_documented_one() {
        let place = EvidencePlace::Log { origin: "a/b".to_owned(), leaf: 12, record: 3 };
        let reference = EvidenceRef { place, offset: 5, sub: 6, event: Digest::of(b"") };
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(reference.to_string(), format!("log:a/b/12/3#5.6@{empty}"));
    }

    #[test]
    fn malformed_references_are_refused() {
        let digest = Digest::of(b"x");
        for text in [
            "",
            "file:",
            "log:x",
            "file:00/#1.0@00",
            "file:zz/#1@zz",
            &format!("log:/1/2#0.0@{digest}"),
            &format!("log:o/1#0.0@{digest}"),
            &format!("log:o/1/-2#0.0@{digest}"),
            &format!("log:%zz/1/2#0.0@{digest}"),
            "log:o/1/2#0.0@",
            &format!("piece:1/{digest}#0.0@{digest}"),
            &format!("piece:1+/{digest}#0.0@{digest}"),
            &format!("piece:1+4294967296/{digest}#0.0@{digest}"),
            &format!("piece:1+2#0.0@{digest}"),
        ] {
            assert!(text.parse::<EvidenceRef>().is_err(), "{text}");
        }
    }
}
