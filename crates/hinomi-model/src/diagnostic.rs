//! What went wrong while reading, without stopping.

use std::fmt;

/// Class of a diagnostic; the JSON output prints the kebab-case name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiagnosticKind {
    /// The file could not be opened or read.
    Unreadable,
    /// Bytes that do not follow the format were skipped.
    Malformed,
    /// Data ends in the middle of a record.
    Truncated,
    /// A checksum stored in the file does not match.
    ChecksumMismatch,
    /// A bound (size, depth, ratio, count) stopped the reading of one part.
    LimitExceeded,
    /// An archive member tried to leave its folder or is of a type that is not read.
    RefusedMember,
    /// No format was recognised; kept and searchable as text.
    Unrecognised,
    /// A time that has no zone or no year was completed by an assumption.
    AssumedTime,
    /// Characters that are invalid in the encoding were replaced.
    Encoding,
}

impl DiagnosticKind {
    /// Kebab-case name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Malformed => "malformed",
            Self::Truncated => "truncated",
            Self::ChecksumMismatch => "checksum-mismatch",
            Self::LimitExceeded => "limit-exceeded",
            Self::RefusedMember => "refused-member",
            Self::Unrecognised => "unrecognised",
            Self::AssumedTime => "assumed-time",
            Self::Encoding => "encoding",
        }
    }
}

/// One thing that could not be read, with where it stands.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Diagnostic {
    /// File and member, as shown to the user.
    pub place: String,
    /// Byte offset in the unpacked member.
    pub offset: u64,
    /// Class.
    pub kind: DiagnosticKind,
    /// What was expected and what was found, in one sentence.
    pub message: String,
    /// How many further losses of the same kind this entry stands for.
    pub repeated: u64,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}: {}: {}", self.place, self.offset, self.kind.name(), self.message)?;
        if self.repeated > 0 {
            write!(f, " (and {} more)", self.repeated)?;
        }
        Ok(())
    }
}

/// Bounded collector: per place and kind the first [`Diagnostics::PER_PLACE`] are kept, the rest counted.
#[derive(Debug, Default, Clone)]
pub struct Diagnostics {
    entries: Vec<Diagnostic>,
}

impl Diagnostics {
    /// How many diagnostics of one kind are kept verbatim for one place.
    pub const PER_PLACE: usize = 8;

    /// Records a loss.
    pub fn push(&mut self, place: &str, offset: u64, kind: DiagnosticKind, message: impl Into<String>) {
        let same = |d: &&mut Diagnostic| d.kind == kind && d.place == place;
        let mut of_kind = self.entries.iter_mut().rev().filter(same);
        let last = of_kind.next();
        let full = last.is_some() && of_kind.count() + 1 >= Self::PER_PLACE;
        if full {
            let last = self.entries.iter_mut().rev().find(|d| d.kind == kind && d.place == place);
            if let Some(last) = last {
                last.repeated += 1;
            }
            return;
        }
        self.entries.push(Diagnostic {
            place: place.to_owned(),
            offset,
            kind,
            message: message.into(),
            repeated: 0,
        });
    }

    /// Moves every entry of `other` here.
    pub fn append(&mut self, other: &mut Self) {
        self.entries.append(&mut other.entries);
    }

    /// Entries in order of place, offset and kind.
    pub fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.entries.sort();
        self.entries
    }

    /// True when nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries so far, in order of arrival.
    pub fn entries(&self) -> &[Diagnostic] {
        &self.entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_losses_are_counted_not_kept() {
        let mut diagnostics = Diagnostics::default();
        for offset in 0..100 {
            diagnostics.push("a.log", offset, DiagnosticKind::Malformed, "x");
        }
        diagnostics.push("b.log", 7, DiagnosticKind::Malformed, "y");
        let entries = diagnostics.into_sorted();
        assert_eq!(entries.len(), Diagnostics::PER_PLACE + 1);
        assert_eq!(entries.iter().map(|d| d.repeated + 1).sum::<u64>(), 101);
    }
}
