//! Cited bytes, read again.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use hinomi_model::{Diagnostic, Timestamp};

use super::layers::{Layers, Step};
use super::options::{Limits, Options, Root};

/// Why cited bytes could not be read again.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The archive was read to its end without meeting the member.
    #[error("{path} holds no member {inner:?}{}", .loss.as_ref().map(|l| format!(": {l}")).unwrap_or_default())]
    NoSuchMember {
        /// Outer file.
        path: PathBuf,
        /// The wanted inner name.
        inner: String,
        /// What went wrong on the way, if anything did.
        loss: Option<Box<Diagnostic>>,
    },
    /// The member ends before the range does.
    #[error("the member ends after {found} of {length} bytes at offset {offset}")]
    TooShort {
        /// Start of the range.
        offset: u64,
        /// Its length.
        length: u32,
        /// Bytes there are.
        found: u64,
    },
    /// The file or its packing could not be read up to the range.
    #[error("cannot read up to the cited bytes")]
    Unreadable(#[from] io::Error),
}

/// Reads `length` bytes at `offset` of the unpacked member `inner` of the file at `path`, taking the same way through
/// archives, compression and transcoding as the reader did when the bytes were cited.
///
/// # Errors
/// When the file, the member or the range is not there, or a limit is exceeded on the way.
pub fn read_member_range(
    path: &Path,
    inner: &str,
    offset: u64,
    length: u32,
    limits: &Limits,
) -> Result<Vec<u8>, ReadError> {
    let options = Options { limits: limits.clone(), ..Options::at(Timestamp::from_nanos(0)) };
    let mut layers = Layers::new(vec![Root::Path(path.to_owned())], options).only(inner);
    while let Some(step) = layers.next() {
        let Step::Leaf(leaf) = step else { continue };
        if leaf.member.inner != inner {
            continue;
        }
        let Some(mut stream) = leaf.stream else { break };
        let skipped = io::copy(&mut stream.by_ref().take(offset), &mut io::sink())?;
        let mut bytes = Vec::new();
        stream.take(u64::from(length)).read_to_end(&mut bytes)?;
        if skipped < offset || bytes.len() as u64 != u64::from(length) {
            return Err(ReadError::TooShort { offset, length, found: bytes.len() as u64 });
        }
        return Ok(bytes);
    }
    let loss = layers.losses.take().into_sorted().into_iter().next().map(Box::new);
    Err(ReadError::NoSuchMember { path: path.to_owned(), inner: inner.to_owned(), loss })
}
