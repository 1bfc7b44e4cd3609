//! Diagnostics of the reader, bounded as a whole.

use std::io;

use hinomi_model::{DiagnosticKind, Diagnostics};

use super::budget::Bound;

/// How many diagnostics are kept before the rest is only counted: an archive can hold a million bad members.
const KEPT: usize = 4096;

/// What went wrong, for the caller to collect.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    kept: Diagnostics,
    beyond: u64,
}

impl Losses {
    pub(crate) fn push(
        &mut self,
        place: &str,
        offset: u64,
        kind: DiagnosticKind,
        message: impl Into<String>,
    ) {
        if self.kept.entries().len() < KEPT {
            self.kept.push(place, offset, kind, message);
        } else {
            self.beyond += 1;
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

    /// Everything so far; the collector starts again empty.
    pub(crate) fn take(&mut self) -> Diagnostics {
        let mut taken = std::mem::take(&mut self.kept);
        let beyond = std::mem::take(&mut self.beyond);
        if beyond > 0 {
            let message = format!("{beyond} further losses are not listed one by one");
            taken.push("", 0, DiagnosticKind::LimitExceeded, message);
        }
        taken
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
