//! Where a vault pulls from, and the only names that it asks for.
//!
//! # Trust
//! A source may be in the hands of an intruder. It is asked for tiles, numbered files and sealed keys; no name from it
//! ever becomes a path, and every answer has a bound that the asker sets.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::error::LedgerError;
use crate::keys::VaultRecipient;
use crate::tlog::Tile;

use super::sealed::SealedEntry;

/// Most files that a source may list.
pub const MAX_FILES: usize = 1_000_000;
/// Most bytes asked for at once.
pub const CHUNK: u32 = 1 << 20;
/// Most keys in one answer.
pub const KEYS_AT_ONCE: usize = 256;

/// A file of evidence.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum FileName {
    /// What the ledger is.
    Format,
    /// A write-ahead file.
    Wal(u64),
    /// A segment.
    Segment(u64),
}

impl FileName {
    /// Where it lies below the folder of evidence.
    pub fn path(self) -> PathBuf {
        PathBuf::from(self.to_string())
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Format => f.write_str("format"),
            Self::Wal(number) => write!(f, "wal/{number:016}.wal"),
            Self::Segment(number) => write!(f, "segments/{number:016}.seg"),
        }
    }
}

impl FromStr for FileName {
    type Err = LedgerError;

    fn from_str(text: &str) -> Result<Self, LedgerError> {
        let number = |ending: &str| {
            let stem = text.split('/').nth(1)?.strip_suffix(ending)?;
            stem.parse().ok().filter(|_| stem.len() == 16)
        };
        let name = match text.split('/').next() {
            Some("wal") => number(".wal").map(Self::Wal),
            Some("segments") => number(".seg").map(Self::Segment),
            Some("format") => Some(Self::Format),
            _ => None,
        };
        name.filter(|name| name.to_string() == text)
            .ok_or(LedgerError::Malformed { kind: "name of a file of evidence", what: "its form" })
    }
}

/// A file that a source has.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Listed {
    /// Which.
    pub name: FileName,
    /// Its length, as the source says.
    pub len: u64,
}

/// A ledger as it shows itself to a vault.
pub trait Source {
    /// Who is asked, for messages.
    fn peer(&self) -> String;

    /// The last signed checkpoint.
    ///
    /// # Errors
    /// [`LedgerError::Unreachable`] and whatever else happens on the way.
    fn checkpoint(&mut self) -> Result<Vec<u8>, LedgerError>;

    /// Its files, at most [`MAX_FILES`].
    ///
    /// # Errors
    /// As [`Source::checkpoint`].
    fn files(&mut self) -> Result<Vec<Listed>, LedgerError>;

    /// At most `len` (never more than [`CHUNK`]) bytes of a file from `offset`; fewer only at its end.
    ///
    /// # Errors
    /// [`LedgerError::Missing`] when there is no such file; as [`Source::checkpoint`].
    fn read(&mut self, name: FileName, offset: u64, len: u32) -> Result<Vec<u8>, LedgerError>;

    /// A tile or bundle of the published log.
    ///
    /// # Errors
    /// [`LedgerError::Missing`] when there is no such tile; as [`Source::checkpoint`].
    fn tile(&mut self, tile: Tile) -> Result<Vec<u8>, LedgerError>;

    /// The data keys sealed to `recipient`, from the given ordinal on, in order, at most [`KEYS_AT_ONCE`].
    ///
    /// # Errors
    /// As [`Source::checkpoint`].
    fn keys(&mut self, recipient: VaultRecipient, from: u64) -> Result<Vec<SealedEntry>, LedgerError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_evidence_are_names() {
        for name in [FileName::Format, FileName::Wal(7), FileName::Segment(u64::from(u32::MAX))] {
            assert_eq!(name.to_string().parse::<FileName>().unwrap(), name);
        }
        let hostile = [
            "wal/../../etc/passwd",
            "wal/7.wal",
            "wal/0000000000000007.seg",
            "/wal/0000000000000007.wal",
            "",
            "format/",
            "wal/0000000000000007.wal/",
            "wal/+000000000000007.wal",
            "keys/0000000000000001.kek",
            "wal//0000000000000007.wal",
            "segments/0000000000000007.seg/../../../keys/signer",
            "wal\\0000000000000007.wal",
            "wal/000000000000000\u{663}.wal",
        ];
        for name in hostile {
            assert!(name.parse::<FileName>().is_err(), "{name}");
        }
    }
}
