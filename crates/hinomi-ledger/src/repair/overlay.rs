//! A disk as it would be after a repair: some files are replaced, the rest shines through. Nothing can be written.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hinomi_model::{Access, DirEntry, Disk, DiskFile, DiskLock, DiskMetadata, EntryKind};

/// What should stand in a place.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// These bytes.
    Bytes(Arc<[u8]>),
    /// The bytes of a file of the copy.
    File(PathBuf),
    /// The bytes of a file of the copy, and behind them what the ledger's own file has there.
    Joined {
        /// In the copy.
        head: PathBuf,
        /// In the ledger.
        tail: PathBuf,
    },
    /// Nothing: the file goes.
    Nothing,
}

impl Content {
    pub(super) fn open(&self, disk: &dyn Disk) -> io::Result<Arc<dyn DiskFile>> {
        match self {
            Self::Bytes(bytes) => Ok(Arc::new(Memory(bytes.clone()))),
            Self::File(path) => disk.open(path, Access::Read),
            Self::Joined { head, tail } => {
                let (head, tail) = (disk.open(head, Access::Read)?, disk.open(tail, Access::Read)?);
                let from = head.len()?;
                Ok(Arc::new(Two { head, from, tail }))
            }
            Self::Nothing => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Overlay {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) planned: BTreeMap<PathBuf, Content>,
}

impl Overlay {
    /// Whether a planned file stands somewhere below a folder.
    fn has_below(&self, folder: &Path) -> bool {
        let below = |(path, content): (&PathBuf, &Content)| {
            path.starts_with(folder) && path != folder && !matches!(content, Content::Nothing)
        };
        self.planned.iter().any(below)
    }
}

impl Disk for Overlay {
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        if access != Access::Read {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        match self.planned.get(path) {
            Some(content) => content.open(&*self.disk),
            None => self.disk.open(path, access),
        }
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<DirEntry>> {
        let mut found: BTreeMap<OsString, EntryKind> = match self.disk.list(folder) {
            Ok(entries) => entries.into_iter().map(|e| (e.name, e.kind)).collect(),
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.has_below(folder) => {
                BTreeMap::new()
            }
            Err(error) => return Err(error),
        };
        for (path, content) in &self.planned {
            let Ok(rest) = path.strip_prefix(folder) else { continue };
            let mut parts = rest.components();
            let Some(first) = parts.next().map(|c| c.as_os_str().to_owned()) else { continue };
            match (content, parts.next()) {
                (Content::Nothing, None) => drop(found.remove(&first)),
                (Content::Nothing, Some(_)) => {}
                (_, None) => drop(found.insert(first, EntryKind::File)),
                (_, Some(_)) => drop(found.entry(first).or_insert(EntryKind::Folder)),
            }
        }
        Ok(found.into_iter().map(|(name, kind)| DirEntry { name, kind }).collect())
    }

    fn metadata(&self, path: &Path) -> io::Result<DiskMetadata> {
        let like = |kind, len| DiskMetadata { kind, len, mode: 0o600, owner: 0 };
        match self.planned.get(path) {
            Some(content) => Ok(like(EntryKind::File, content.open(&*self.disk)?.len()?)),
            None => match self.disk.metadata(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound && self.has_below(path) => {
                    Ok(like(EntryKind::Folder, 0))
                }
                other => other,
            },
        }
    }

    fn free_bytes(&self, folder: &Path) -> io::Result<u64> {
        self.disk.free_bytes(folder)
    }

    fn rename(&self, _: &Path, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn remove_file(&self, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn remove_dir(&self, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn create_dir(&self, _: &Path, _: u32) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn lock(&self, _: &Path) -> io::Result<Box<dyn DiskLock>> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }
}

/// Implements what a file that is only read refuses.
macro_rules! only_read {
    () => {
        fn write_all_at(&self, _: &[IoSlice<'_>], _: u64) -> io::Result<()> {
            Err(io::ErrorKind::ReadOnlyFilesystem.into())
        }

        fn set_len(&self, _: u64) -> io::Result<()> {
            Err(io::ErrorKind::ReadOnlyFilesystem.into())
        }

        fn allocate(&self, _: u64) -> io::Result<()> {
            Err(io::ErrorKind::ReadOnlyFilesystem.into())
        }

        fn sync_data(&self) -> io::Result<()> {
            Err(io::ErrorKind::ReadOnlyFilesystem.into())
        }
    };
}

#[derive(Debug)]
struct Memory(Arc<[u8]>);

impl DiskFile for Memory {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|at| self.0.get(at..)).unwrap_or_default();
        let n = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..n), rest.get(..n)) {
            to.copy_from_slice(from);
        }
        Ok(n)
    }

    only_read!();
}

#[derive(Debug)]
struct Two {
    head: Arc<dyn DiskFile>,
    from: u64,
    tail: Arc<dyn DiskFile>,
}

impl DiskFile for Two {
    fn len(&self) -> io::Result<u64> {
        Ok(self.tail.len()?.max(self.from))
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        if offset >= self.from {
            return self.tail.read_at(buffer, offset);
        }
        let n = usize::try_from(self.from - offset).unwrap_or(usize::MAX).min(buffer.len());
        self.head.read_at(buffer.get_mut(..n).unwrap_or_default(), offset)
    }

    only_read!();
}
