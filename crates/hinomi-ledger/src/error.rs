//! The one error type of the ledger.

use std::path::PathBuf;

/// Why a ledger could not do what it was asked. Findings of a verification are data, not errors.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The storage refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was attempted, as a verb: "write", "sync", "rename".
        action: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Bytes that are not what the format says.
    #[error("{} is damaged at byte {offset}: {what}", path.display())]
    Damaged {
        /// In which file.
        path: PathBuf,
        /// Where in the file.
        offset: u64,
        /// Which rule of the format is broken.
        what: &'static str,
    },
    /// A value (leaf, note, key, proof …) that does not follow its format.
    #[error("malformed {kind}: {what}")]
    Malformed {
        /// What was being read.
        kind: &'static str,
        /// Which rule it breaks.
        what: &'static str,
    },
    /// The ledger was written by a newer program.
    #[error("{} has format {found}; this program reads up to {supported}", path.display())]
    Newer {
        /// The file that says so.
        path: PathBuf,
        /// Format found.
        found: u32,
        /// Newest format known.
        supported: u32,
    },
    /// Another process has the ledger open.
    #[error("{} is in use by another process", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// A write failed earlier; what is durable is decided by reopening.
    #[error("the ledger stopped after a failed write ({reason}); reopen it to recover")]
    Poisoned {
        /// The first failure.
        reason: String,
    },
    /// A signature or an authenticated encryption does not hold.
    #[error("{what} is not authentic")]
    NotAuthentic {
        /// What failed to authenticate.
        what: &'static str,
    },
    /// The bytes were erased by an approved order.
    #[error("these records were erased (leaf {tombstone})")]
    Erased {
        /// The leaf that records the erasure.
        tombstone: u64,
    },
    /// An order that may not be carried out.
    #[error("refused: {why}")]
    Refused {
        /// The rule that forbids it.
        why: &'static str,
    },
    /// A value above a bound of the format.
    #[error("{what} is {found}, the bound is {bound}")]
    TooLarge {
        /// What was measured.
        what: &'static str,
        /// Its size.
        found: u64,
        /// The bound.
        bound: u64,
    },
    /// Another machine did not answer, or not in time.
    #[error("no answer from {peer}: {what}")]
    Unreachable {
        /// Who was asked.
        peer: String,
        /// What happened instead.
        what: String,
    },
    /// Something that was asked for does not exist.
    #[error("no such {what}: {name}")]
    Missing {
        /// What kind of thing.
        what: &'static str,
        /// Which one.
        name: String,
    },
}
