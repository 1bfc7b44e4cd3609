//! Diagnostics of the reader, bounded as a whole.

use std::collections::BTreeMap;
use std::io;

use hinomi_model::{DiagnosticKind, Diagnostics};

use super::budget::Bound;

/// How many diagnostics of one kind are handed out before the rest is only counted: an archive can hold a million
/// bad members.
const KEPT: u64 = 1024;

/// What went wrong, for the caller to collect.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    kept: Diagnostics,
    counts: BTreeMap<DiagnosticKind, u64>,
}

impl Losses {
    pub(crate) fn push(
        &mut self,
        place: &str,
        offset: u64,
        kind: DiagnosticKind,
        message: impl Into<String>,
    ) {
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        if *count <= KEPT {
            self.kept.push(place, offset, kind, message);
        }
    }

    /// Once all is read: says how many were not handed out.
    pub(crate) fn close(&mut self) {
        for (kind, count) in std::mem::take(&mut self.counts) {
            if count > KEPT {
                let message = format!("{} more losses of this kind are not listed", count - KEPT);
                self.kept.push("(all input)", 0, kind, message);
            }
        }
    }

    /// Records a failed read. Decompressors and archive readers state their losses as [`io::Error`]s.
    pub(crate) fn failure(&mut self, place: &str, offset: u64, error: &io::Error) {
        let kind = kind_of(error);
        let message = match kind {
            DiagnosticKind::Truncated => format!("the data ends early: {error}"),
            DiagnosticKind::Malformed => {
                format!("the packed data is damaged, the rest is not readable: {error}")
            }
            _ => error.to_string(),
        };
        self.push(place, offset, kind, message);
    }

    /// Everything since the last call.
    pub(crate) fn take(&mut self) -> Diagnostics {
        std::mem::take(&mut self.kept)
    }
}

/// A stored checksum or size that does not fit the data. Travels inside [`io::Error`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Mismatch {
    #[error("the stored checksum is {stored:08x}, that of the data {computed:08x}")]
    Checksum { stored: u32, computed: u32 },
    #[error("the archive states {stated} bytes, the member holds {found}")]
    Size { stated: u64, found: u64 },
}

fn kind_of(error: &io::Error) -> DiagnosticKind {
    let inner = error.get_ref();
    if inner.and_then(|e| e.downcast_ref::<Bound>()).is_some() {
        return DiagnosticKind::LimitExceeded;
    }
    match inner.and_then(|e| e.downcast_ref::<Mismatch>()) {
        Some(Mismatch::Checksum { .. }) => return DiagnosticKind::ChecksumMismatch,
        Some(Mismatch::Size { .. }) => return DiagnosticKind::Malformed,
        None => {}
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof => DiagnosticKind::Truncated,
        // The gzip and zstd decoders report a wrong checksum as invalid input with such a sentence.
        _ if error.to_string().contains("checksum") => DiagnosticKind::ChecksumMismatch,
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData | io::ErrorKind::Other => {
            DiagnosticKind::Malformed
        }
        _ => DiagnosticKind::Unreadable,
    }
}
