//! Files as the ledgers see them: the few operations that evidence depends on, named so that a test can put a disk
//! under them that loses, tears and reorders whatever was not asked to be durable.
//!
//! # Invariants
//! - Nothing is durable because it was written. The bytes and the length of a file are durable after
//!   [`DiskFile::sync_data`] returned without an error; its name, a rename or a removal after [`Disk::sync_dir`] of the
//!   folder that holds the name did. Neither implies the other.
//! - After an error nobody knows: the operation may have happened wholly, partly or not at all, and a second
//!   `sync_data` that succeeds says nothing about the bytes that the first one failed on.
//! - A write past the end of a file makes it longer; what lies between reads as zeros.
//!
//! # Trust
//! What is read back is what the disk holds, not what was written: callers check it.
//!
//! # Not here
//! The file system itself (`hinomi_ledger::disk`) and the faulty disk in memory (`hinomi_testkit::disk`).

use std::ffi::OsString;
use std::fmt;
use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::Arc;

/// What a file is opened for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Reading only.
    Read,
    /// Reading and writing; the file must exist.
    ReadWrite,
    /// Reading and writing a file that must not exist yet; it gets the given permission bits, whatever the umask.
    CreateNew {
        /// POSIX permission bits, for example `0o600`.
        mode: u32,
    },
}

/// What a name in a folder stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link, a device, a socket: nothing that belongs into a ledger.
    Other,
}

/// One name in a folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DirEntry {
    /// The name, without its folder.
    pub name: OsString,
    /// What it stands for; links are not followed.
    pub kind: EntryKind,
}

/// What is known of a name without reading the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DiskMetadata {
    /// What it is; links are not followed.
    pub kind: EntryKind,
    /// Length in bytes.
    pub len: u64,
    /// POSIX permission bits (`0o7777`).
    pub mode: u32,
    /// User id of the owner.
    pub owner: u32,
}

/// A set of files and folders.
///
/// Every method may fail with any [`io::Error`]; a full disk is [`io::ErrorKind::StorageFull`], a missing name
/// [`io::ErrorKind::NotFound`], a name that is taken [`io::ErrorKind::AlreadyExists`].
pub trait Disk: fmt::Debug + Send + Sync {
    /// Opens or creates a file. A symbolic link as the last part of the path is an error.
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>>;

    /// Gives the file `from` the name `to`, replacing what had it. A reader sees the old or the new file, and so does
    /// the disk after a crash.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes the name of a file. Open handles keep the bytes.
    fn remove_file(&self, path: &Path) -> io::Result<()>;

    /// Removes an empty folder.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;

    /// Creates a folder with the given permission bits, whatever the umask; its parent must exist.
    fn create_dir(&self, path: &Path, mode: u32) -> io::Result<()>;

    /// The names in a folder, in order of their bytes.
    fn list(&self, folder: &Path) -> io::Result<Vec<DirEntry>>;

    /// Kind, length and permissions of what has this name.
    fn metadata(&self, path: &Path) -> io::Result<DiskMetadata>;

    /// Makes the names in a folder durable: creations, renames into and out of it, removals.
    fn sync_dir(&self, folder: &Path) -> io::Result<()>;

    /// Takes the exclusive lock that an existing file stands for, without waiting; [`io::ErrorKind::WouldBlock`] when
    /// somebody else has it. The lock ends with the returned value or with the process.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn DiskLock>>;

    /// Bytes that this process can still allocate on the file system of a folder.
    fn free_bytes(&self, folder: &Path) -> io::Result<u64>;

    /// Whether something has this name.
    fn exists(&self, path: &Path) -> io::Result<bool> {
        match self.metadata(path) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The whole file, if it is at most `limit` bytes long; [`io::ErrorKind::FileTooLarge`] otherwise.
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let file = self.open(path, Access::Read)?;
        let len = file.len()?;
        if len > limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let mut bytes = vec![0; usize::try_from(len).map_err(|_| io::ErrorKind::FileTooLarge)?];
        file.read_exact_at(&mut bytes, 0)?;
        Ok(bytes)
    }
}

/// An open file. Positions are explicit, so that readers and the writer can share it.
pub trait DiskFile: fmt::Debug + Send + Sync {
    /// Length in bytes, as written so far.
    fn len(&self) -> io::Result<u64>;

    /// Whether nothing is in it.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Reads at most `buffer.len()` bytes from `offset`; 0 at the end of the file.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Fills `buffer` from `offset`; [`io::ErrorKind::UnexpectedEof`] when the file ends before.
    fn read_exact_at(&self, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
        while !buffer.is_empty() {
            match self.read_at(buffer, offset) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => {
                    buffer = buffer.get_mut(n..).unwrap_or_default();
                    offset += n as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes all parts, one after the other, from `offset`. After an error any part of them may have been written.
    fn write_all_at(&self, parts: &[IoSlice<'_>], offset: u64) -> io::Result<()>;

    /// Cuts the file, or lengthens it with zeros that take no space.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Takes space for the bytes up to `len`, so that writing them cannot fail for want of it; the length becomes at
    /// least `len`.
    fn allocate(&self, len: u64) -> io::Result<()>;

    /// Makes everything written to this file so far durable, with the length that reaches it. Not its name.
    fn sync_data(&self) -> io::Result<()>;
}

/// An exclusive lock, held until it is dropped.
pub trait DiskLock: fmt::Debug + Send + Sync {}
