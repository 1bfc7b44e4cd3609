//! Which file is which: device and number, and what its bytes are.
//!
//! # Invariants
//! - A file is opened without waiting, through no link that leads out of the configured folder, and only if it is a
//!   regular one: what was opened is looked at, not what the name meant a moment before.
//! - Numbers of files are used again by the system; bytes decide whether a file is the one that was read before.
//! - What is remembered of bytes is their digest, never the bytes.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use hinomi_model::Digest;
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

/// Device and number of a file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(super) struct Identity {
    pub(super) device: u64,
    pub(super) number: u64,
}

impl Identity {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), number: metadata.ino() }
    }
}

/// Some bytes of a file, by their digest.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Mark {
    pub(super) at: u64,
    pub(super) length: u64,
    sha256: String,
}

impl Mark {
    pub(super) fn of(at: u64, bytes: &[u8]) -> Self {
        Self { at, length: bytes.len() as u64, sha256: Digest::of(bytes).to_string() }
    }

    /// Whether these bytes, which stand at its place, are the same.
    pub(super) fn holds(&self, bytes: &[u8]) -> bool {
        bytes.len() as u64 == self.length && Digest::of(bytes).to_string() == self.sha256
    }
}

/// Why a file is not read.
#[derive(Debug)]
pub(super) enum Unread {
    /// It is not there.
    Gone,
    /// This user may not.
    Denied,
    /// A pipe, a device, a folder.
    Special,
    /// A link out of the configured folder.
    Outside,
    /// What the system said.
    Failed(io::Error),
}

impl Unread {
    pub(super) fn why(&self) -> String {
        match self {
            Self::Gone => "it is not there".to_owned(),
            Self::Denied => "permission denied; let the server's user read it".to_owned(),
            Self::Special => "it is no regular file".to_owned(),
            Self::Outside => "it is a link that leads out of the configured folder".to_owned(),
            Self::Failed(error) => error.to_string(),
        }
    }
}

impl From<io::Error> for Unread {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => Self::Gone,
            ErrorKind::PermissionDenied => Self::Denied,
            // A link where none was a moment before.
            _ if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => Self::Outside,
            _ => Self::Failed(error),
        }
    }
}

/// What is at a path, through links: device, number, length and time of change.
pub(super) fn look(path: &Path) -> Result<Metadata, Unread> {
    Ok(std::fs::metadata(path)?)
}

/// Opens a regular file below `within`, which is a folder without links in its path.
pub(super) fn open(path: &Path, within: &Path) -> Result<(File, Metadata), Unread> {
    let link = std::fs::symlink_metadata(path)?.is_symlink();
    let target = if link { std::fs::canonicalize(path)? } else { path.to_owned() };
    // Opening a device can do something already.
    if !std::fs::symlink_metadata(&target)?.is_file() {
        return Err(Unread::Special);
    }
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(&target)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(Unread::Special);
    }
    if !whereabouts(&file, &target)?.starts_with(within) {
        return Err(Unread::Outside);
    }
    Ok((file, metadata))
}

/// Where an open file is.
fn whereabouts(file: &File, path: &Path) -> io::Result<PathBuf> {
    let of_descriptor = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    std::fs::read_link(of_descriptor).or_else(|_| std::fs::canonicalize(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_within_the_folder_are_opened() {
        let folder = tempfile::TempDir::new().unwrap();
        let (inside, outside) = (folder.path().join("in"), folder.path().join("out"));
        for (folder, file) in [(&inside, "a.log"), (&outside, "secret")] {
            std::fs::create_dir(folder).unwrap();
            OpenOptions::new().create(true).append(true).open(folder.join(file)).unwrap();
        }
        let link = |to: PathBuf, name: &str| std::os::unix::fs::symlink(to, inside.join(name)).unwrap();
        link(inside.join("a.log"), "same");
        link(outside.join("secret"), "away");
        link(outside.clone(), "folder");
        link("/dev/zero".into(), "device");
        let made = std::process::Command::new("mkfifo").arg(inside.join("pipe")).status().unwrap();
        assert!(made.success());
        let within = std::fs::canonicalize(&inside).unwrap();
        let opened = |name: &str| open(&inside.join(name), &within).map(|_| ());
        assert!(opened("a.log").is_ok() && opened("same").is_ok());
        assert!(matches!(opened("away"), Err(Unread::Outside)));
        assert!(matches!(opened("folder/secret"), Err(Unread::Outside)), "a folder on the way is a link");
        assert!(matches!(opened("device"), Err(Unread::Special)));
        assert!(matches!(opened("pipe"), Err(Unread::Special)), "and nobody waits for a writer");
        assert!(matches!(opened("folder"), Err(Unread::Special)));
        assert!(matches!(opened("none"), Err(Unread::Gone)));
    }

    #[test]
    fn marks_hold_for_their_bytes_only() {
        let mark = Mark::of(7, b"some bytes");
        assert!(mark.holds(b"some bytes") && !mark.holds(b"some bytez") && !mark.holds(b"some byte"));
    }
}
