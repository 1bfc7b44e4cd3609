//! The file system of this computer as a [`Disk`].
//!
//! # Invariants
//! - Links are not followed as the last part of a path: a ledger has none, so one that is there was put there.
//! - A created file or folder gets exactly the permissions asked for; the umask of the process cannot widen or narrow
//!   them.
//! - `sync_data` is `fdatasync`, `sync_dir` is `fsync` of the folder. Nothing else here flushes.
//! - Interrupted calls are repeated, short writes continued; every other error is returned as it is.

use std::ffi::OsStr;
use std::fs::{File, TryLockError};
use std::io::{self, IoSlice};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hinomi_model::{Access, DirEntry, Disk, DiskFile, DiskLock, DiskMetadata, EntryKind};
use rustix::fs::{FallocateFlags, FileType, Mode, OFlags, Stat};

/// Parts handed to one `pwritev`; Linux refuses more than 1,024.
const PARTS_PER_WRITE: usize = 1024;

/// A child of this process shares its locks for the moment between its birth and the start of its program, so a lock that
/// was just given up may still be taken.
const LOCK_ATTEMPTS: u32 = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// The file system of this computer.
#[derive(Clone, Copy, Default, Debug)]
pub struct FileDisk;

#[derive(Debug)]
struct OpenFile(File);

/// The lock lives as long as the open file that it was taken on.
#[derive(Debug)]
struct HeldLock(#[expect(dead_code, reason = "kept open")] File);

impl DiskLock for HeldLock {}

impl Disk for FileDisk {
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        // Opening a pipe that somebody put in the place of a file must not wait for its other end.
        let common = OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let (flags, mode) = match access {
            Access::Read => (OFlags::RDONLY, None),
            Access::ReadWrite => (OFlags::RDWR, None),
            Access::CreateNew { mode } => (OFlags::RDWR | OFlags::CREATE | OFlags::EXCL, Some(mode)),
        };
        let created = Mode::from_raw_mode(mode.unwrap_or(0) & 0o777);
        let file = File::from(repeat(|| rustix::fs::open(path, flags | common, created))?);
        if !file.metadata()?.is_file() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if mode.is_some() {
            repeat(|| rustix::fs::fchmod(&file, created))?;
        }
        Ok(Arc::new(OpenFile(file)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_dir(path)
    }

    fn create_dir(&self, path: &Path, mode: u32) -> io::Result<()> {
        let mode = Mode::from_raw_mode(mode & 0o777);
        repeat(|| rustix::fs::mkdir(path, mode))?;
        let folder = open_folder(path)?;
        Ok(repeat(|| rustix::fs::fchmod(&folder, mode))?)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<DirEntry>> {
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            let kind = match (kind.is_file(), kind.is_dir()) {
                (true, _) => EntryKind::File,
                (_, true) => EntryKind::Folder,
                _ => EntryKind::Other,
            };
            entries.push(DirEntry { name: entry.file_name(), kind });
        }
        entries.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
        Ok(entries)
    }

    fn metadata(&self, path: &Path) -> io::Result<DiskMetadata> {
        let stat = repeat(|| rustix::fs::lstat(path))?;
        Ok(DiskMetadata {
            kind: match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile => EntryKind::File,
                FileType::Directory => EntryKind::Folder,
                _ => EntryKind::Other,
            },
            len: length(&stat),
            mode: stat.st_mode & 0o7777,
            owner: stat.st_uid,
        })
    }

    fn sync_dir(&self, folder: &Path) -> io::Result<()> {
        open_folder(folder)?.sync_all()
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn DiskLock>> {
        let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = File::from(repeat(|| rustix::fs::open(path, flags, Mode::empty()))?);
        for attempt in 0..=LOCK_ATTEMPTS {
            match file.try_lock() {
                Ok(()) => return Ok(Box::new(HeldLock(file))),
                Err(TryLockError::Error(error)) => return Err(error),
                Err(TryLockError::WouldBlock) if attempt < LOCK_ATTEMPTS => std::thread::sleep(LOCK_PAUSE),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn free_bytes(&self, folder: &Path) -> io::Result<u64> {
        let stat = repeat(|| rustix::fs::statvfs(folder))?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

impl DiskFile for OpenFile {
    fn len(&self) -> io::Result<u64> {
        Ok(length(&repeat(|| rustix::fs::fstat(&self.0))?))
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }

    fn write_all_at(&self, parts: &[IoSlice<'_>], mut offset: u64) -> io::Result<()> {
        let mut parts: Vec<IoSlice<'_>> = parts.iter().filter(|p| !p.is_empty()).copied().collect();
        let mut rest = parts.as_mut_slice();
        while !rest.is_empty() {
            let now = rest.get(..PARTS_PER_WRITE).unwrap_or(rest);
            match repeat(|| rustix::io::pwritev(&self.0, now, offset))? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                written => {
                    offset += written as u64;
                    IoSlice::advance_slices(&mut rest, written);
                }
            }
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        match repeat(|| rustix::fs::fallocate(&self.0, FallocateFlags::empty(), 0, len)) {
            Err(rustix::io::Errno::OPNOTSUPP) => self.fill_with_zeros(len),
            other => Ok(other?),
        }
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

impl OpenFile {
    /// What `allocate` means on file systems that cannot: the space is taken by writing to it.
    fn fill_with_zeros(&self, len: u64) -> io::Result<()> {
        static ZEROS: [u8; 65_536] = [0; 65_536];
        let mut at = self.len()?;
        while at < len {
            let piece = usize::try_from(len - at).unwrap_or(usize::MAX).min(ZEROS.len());
            self.0.write_all_at(ZEROS.get(..piece).unwrap_or_default(), at)?;
            at += piece as u64;
        }
        Ok(())
    }
}

fn length(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}

/// The folder itself, for flushing and for permissions; the empty path is the current folder.
fn open_folder(path: &Path) -> io::Result<File> {
    let path = if path.as_os_str().is_empty() { Path::new(OsStr::new(".")) } else { path };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(File::from(repeat(|| rustix::fs::open(path, flags, Mode::empty()))?))
}

/// Repeats a call for as long as a signal interrupts it.
fn repeat<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> rustix::io::Result<T> {
    loop {
        match call() {
            Err(rustix::io::Errno::INTR) => {}
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(file: &dyn DiskFile) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(file.len().unwrap()).unwrap()];
        file.read_exact_at(&mut bytes, 0).unwrap();
        bytes
    }

    #[test]
    fn writes_more_parts_than_one_call_takes() {
        let folder = tempfile::tempdir().unwrap();
        let file = FileDisk.open(&folder.path().join("f"), Access::CreateNew { mode: 0o600 }).unwrap();
        let pieces: Vec<Vec<u8>> = (0..3000_u32).map(|n| n.to_string().into_bytes()).collect();
        let mut parts: Vec<IoSlice<'_>> = pieces.iter().map(|p| IoSlice::new(p)).collect();
        parts.insert(5, IoSlice::new(b""));
        file.write_all_at(&parts, 3).unwrap();
        assert_eq!(text(&*file), [b"\0\0\0".as_slice(), &pieces.concat()].concat());
        let missing = file.read_exact_at(&mut [0; 4], file.len().unwrap() - 3).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn permissions_are_those_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        for mode in [0o600, 0o644, 0o666, 0o700] {
            let path = folder.path().join(format!("{mode:o}"));
            FileDisk.open(&path, Access::CreateNew { mode }).unwrap();
            assert_eq!(FileDisk.metadata(&path).unwrap().mode, mode);
            let again = FileDisk.open(&path, Access::CreateNew { mode }).unwrap_err();
            assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
            let inner = folder.path().join(format!("d{mode:o}"));
            FileDisk.create_dir(&inner, mode | 0o100).unwrap();
            assert_eq!(FileDisk.metadata(&inner).unwrap().mode, mode | 0o100);
            FileDisk.sync_dir(folder.path()).unwrap();
        }
    }

    #[test]
    fn links_and_folders_are_no_files() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        FileDisk.open(&target, Access::CreateNew { mode: 0o600 }).unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        assert!(FileDisk.open(&link, Access::Read).is_err());
        assert!(FileDisk.open(folder.path(), Access::Read).is_err());
        assert_eq!(FileDisk.metadata(&link).unwrap().kind, EntryKind::Other);
        let names = FileDisk.list(folder.path()).unwrap();
        assert_eq!(names.iter().map(|e| e.kind).collect::<Vec<_>>(), [EntryKind::Other, EntryKind::File]);
        assert!(!FileDisk.exists(&folder.path().join("none")).unwrap());
    }

    #[test]
    fn a_lock_excludes_until_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        FileDisk.open(&path, Access::CreateNew { mode: 0o600 }).unwrap();
        let held = FileDisk.lock(&path).unwrap();
        assert_eq!(FileDisk.lock(&path).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(held);
        FileDisk.lock(&path).unwrap();
    }

    #[test]
    fn allocation_takes_space_and_cutting_gives_it_back() {
        let folder = tempfile::tempdir().unwrap();
        let file = FileDisk.open(&folder.path().join("f"), Access::CreateNew { mode: 0o600 }).unwrap();
        file.allocate(100_000).unwrap();
        assert_eq!(file.len().unwrap(), 100_000);
        file.allocate(10).unwrap();
        assert_eq!(file.len().unwrap(), 100_000);
        file.set_len(5).unwrap();
        file.write_all_at(&[IoSlice::new(b"ab")], 4).unwrap();
        file.sync_data().unwrap();
        assert_eq!(text(&*file), b"\0\0\0\0ab");
        assert!(FileDisk.free_bytes(folder.path()).unwrap() > 0);
        assert_eq!(
            FileDisk.read(&folder.path().join("f"), 5).unwrap_err().kind(),
            io::ErrorKind::FileTooLarge
        );
    }
}
