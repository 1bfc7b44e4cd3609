//! Small files written whole, and the errors of storage.
//!
//! # Invariants
//! A file that [`replace`] or [`create`] returned from is durable, with its name; before that the old file is what a
//! crash leaves.

use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};

use hinomi_model::{Access, Disk};

use crate::LedgerError;

/// Turns an error of storage into one that says what was attempted where.
pub(crate) fn io_error<'a>(
    action: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> LedgerError + 'a {
    move |source| LedgerError::Io { action, path: path.to_owned(), source }
}

/// The folder that a path's name stands in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

/// Creates a folder unless it is there, and makes its name durable in both cases: whoever created it may have failed
/// to.
pub(crate) fn ensure_dir(disk: &dyn Disk, path: &Path, mode: u32) -> Result<(), LedgerError> {
    match disk.create_dir(path, mode) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        other => other.map_err(io_error("create", path))?,
    }
    sync_dir(disk, folder_of(path))
}

/// Creates a folder and what is missing above it, durably.
pub(crate) fn create_folders(disk: &dyn Disk, folder: &Path, mode: u32) -> Result<(), LedgerError> {
    if folder.as_os_str().is_empty() || disk.exists(folder).map_err(io_error("look for", folder))? {
        return Ok(());
    }
    create_folders(disk, folder_of(folder), mode)?;
    ensure_dir(disk, folder, mode)
}

pub(crate) fn sync_dir(disk: &dyn Disk, folder: &Path) -> Result<(), LedgerError> {
    disk.sync_dir(folder).map_err(io_error("sync", folder))
}

/// Removes a name, if it is there. Durable after [`sync_dir`].
pub(crate) fn remove(disk: &dyn Disk, path: &Path) -> Result<(), LedgerError> {
    match disk.remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.map_err(io_error("remove", path)),
    }
}

/// Writes a new file without making anything durable.
pub(crate) fn write_new(disk: &dyn Disk, path: &Path, mode: u32, bytes: &[u8]) -> Result<(), LedgerError> {
    let file = disk.open(path, Access::CreateNew { mode }).map_err(io_error("create", path))?;
    file.write_all_at(&[IoSlice::new(bytes)], 0).map_err(io_error("write", path))
}

/// Writes a file that must not exist, durably.
pub(crate) fn create(disk: &dyn Disk, path: &Path, mode: u32, bytes: &[u8]) -> Result<(), LedgerError> {
    let file = disk.open(path, Access::CreateNew { mode }).map_err(io_error("create", path))?;
    file.write_all_at(&[IoSlice::new(bytes)], 0).map_err(io_error("write", path))?;
    file.sync_data().map_err(io_error("sync", path))?;
    sync_dir(disk, folder_of(path))
}

/// The name under which a file is written before it takes the place of `path`.
pub(crate) fn temporary(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

/// Puts a file in the place of `path` at once; durable only if `durable`.
pub(crate) fn replace(
    disk: &dyn Disk,
    path: &Path,
    mode: u32,
    bytes: &[u8],
    durable: bool,
) -> Result<(), LedgerError> {
    let next = temporary(path);
    remove(disk, &next)?;
    let file = disk.open(&next, Access::CreateNew { mode }).map_err(io_error("create", &next))?;
    file.write_all_at(&[IoSlice::new(bytes)], 0).map_err(io_error("write", &next))?;
    if durable {
        file.sync_data().map_err(io_error("sync", &next))?;
    }
    disk.rename(&next, path).map_err(io_error("rename", path))?;
    if durable { sync_dir(disk, folder_of(path)) } else { Ok(()) }
}

/// Overwrites a file with zeros and removes it, durably. What this cannot promise: file systems that copy on write and
/// flash translation layers may keep the old blocks.
pub(crate) fn shred(disk: &dyn Disk, path: &Path) -> Result<(), LedgerError> {
    let file = match disk.open(path, Access::ReadWrite) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(io_error("open", path))?,
    };
    let len = file.len().map_err(io_error("measure", path))?;
    let zeros = vec![0; 64 * 1024];
    let mut at = 0;
    while at < len {
        let n = (len - at).min(zeros.len() as u64);
        let part = zeros.get(..n as usize).unwrap_or_default();
        file.write_all_at(&[IoSlice::new(part)], at).map_err(io_error("overwrite", path))?;
        at += n;
    }
    file.sync_data().map_err(io_error("sync", path))?;
    remove(disk, path)?;
    sync_dir(disk, folder_of(path))
}

/// Names of the form `<number><ending>` in a folder, by number.
pub(crate) fn numbered(disk: &dyn Disk, folder: &Path, ending: &str) -> Result<Vec<u64>, LedgerError> {
    let entries = disk.list(folder).map_err(io_error("list", folder))?;
    let number =
        |name: &str| name.strip_suffix(ending).filter(|n| n.len() == 16).and_then(|n| n.parse().ok());
    let mut found: Vec<u64> = entries.iter().filter_map(|e| number(e.name.to_str()?)).collect();
    found.sort_unstable();
    Ok(found)
}

/// The name of a numbered file.
pub(crate) fn numbered_path(folder: &Path, number: u64, ending: &str) -> PathBuf {
    folder.join(format!("{number:016}{ending}"))
}
