//! Where an uploaded file is until it was taken apart.

use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hinomi_model::{Access, Digest, Disk, DiskFile, EntryKind, Hashing};

/// Space that uploads leave on the disk, for the ledger and everybody else.
const LEFT: u64 = 512 << 20;

/// A file that is removed with this value.
#[derive(Debug)]
pub(super) struct Spool {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    file: Arc<dyn DiskFile>,
    length: u64,
    hashing: Hashing,
}

/// Removes what is in the folder, which is made if there is none.
pub(super) fn clear(disk: &dyn Disk, folder: &Path) -> io::Result<()> {
    if !disk.exists(folder)? {
        return disk.create_dir(folder, 0o700);
    }
    for entry in disk.list(folder)? {
        if entry.kind == EntryKind::File {
            disk.remove_file(&folder.join(entry.name))?;
        }
    }
    Ok(())
}

impl Spool {
    /// Makes a file if there is space for `stated` bytes.
    pub(super) fn new(
        disk: &Arc<dyn Disk>,
        folder: &Path,
        next: &AtomicU64,
        stated: Option<u64>,
    ) -> io::Result<Self> {
        is_space(&**disk, folder, stated.unwrap_or(0))?;
        let path = folder.join(format!("upload-{}", next.fetch_add(1, Ordering::Relaxed)));
        let file = disk.open(&path, Access::CreateNew { mode: 0o600 })?;
        Ok(Self { disk: disk.clone(), path, file, length: 0, hashing: Hashing::default() })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        is_space(&*self.disk, folder, bytes.len() as u64)?;
        self.file.write_all_at(&[IoSlice::new(bytes)], self.length)?;
        self.hashing.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// The digest of all that was written.
    pub(super) fn digest(&self) -> Digest {
        self.hashing.clone().finish()
    }
}

fn is_space(disk: &dyn Disk, folder: &Path, bytes: u64) -> io::Result<()> {
    let free = disk.free_bytes(folder)?;
    if free < bytes.saturating_add(LEFT) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
}

impl Drop for Spool {
    fn drop(&mut self) {
        // What stays is removed by the next server.
        let _ = self.disk.remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use hinomi_ledger::FileDisk;

    use super::*;

    #[test]
    fn files_go_with_their_value_and_with_the_next_start() {
        let folder = tempfile::TempDir::new().unwrap();
        let at = folder.path().join("uploads");
        let disk: Arc<dyn Disk> = Arc::new(FileDisk);
        clear(&*disk, &at).unwrap();
        let next = AtomicU64::new(0);
        let mut spool = Spool::new(&disk, &at, &next, Some(3)).unwrap();
        spool.write(b"ab").unwrap();
        spool.write(b"c").unwrap();
        assert_eq!((spool.length(), spool.digest()), (3, Digest::of(b"abc")));
        assert_eq!(std::fs::read(spool.path()).unwrap(), b"abc");
        assert_eq!(std::fs::read_dir(&at).unwrap().count(), 1);
        drop(spool);
        assert_eq!(std::fs::read_dir(&at).unwrap().count(), 0);
        std::mem::forget(Spool::new(&disk, &at, &next, None).unwrap());
        clear(&*disk, &at).unwrap();
        assert_eq!(std::fs::read_dir(&at).unwrap().count(), 0);
        let none = Spool::new(&disk, &at, &next, Some(u64::MAX)).unwrap_err();
        assert_eq!(none.kind(), io::ErrorKind::StorageFull);
    }
}
