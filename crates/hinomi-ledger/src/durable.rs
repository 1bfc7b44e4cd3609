//! Small files that are replaced as a whole: state, keys, checkpoints.
//!
//! # Invariants
//! After [`replace`] returned, the new bytes have the name, durably; after a crash before that, the old or the new
//! bytes have it, never a mixture.
//!
//! # Not here
//! Files that grow (the write-ahead log).

use std::io::{self, IoSlice};
use std::path::Path;

use hinomi_model::{Access, Disk};

use crate::error::LedgerError;

/// Turns an error of the disk into one of the ledger.
pub(crate) fn io_error<'a>(
    action: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> LedgerError + use<'a> {
    move |source| LedgerError::Io { action, path: path.to_owned(), source }
}

/// Gives `path` the content `bytes`, durably. `mode` are POSIX permission bits.
///
/// # Errors
/// [`LedgerError::Io`]; the old content is still there then.
pub fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8], mode: u32) -> Result<(), LedgerError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let fresh = path.with_file_name(name);
    // Left over from a crash: it never had the name, so nothing depends on it.
    match disk.remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(io_error("remove", &fresh)(error));
        }
        _ => {}
    }
    let file = disk.open(&fresh, Access::CreateNew { mode }).map_err(io_error("create", &fresh))?;
    file.write_all_at(&[IoSlice::new(bytes)], 0).map_err(io_error("write", &fresh))?;
    file.sync_data().map_err(io_error("sync", &fresh))?;
    disk.rename(&fresh, path).map_err(io_error("rename", path))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    disk.sync_dir(folder).map_err(io_error("sync", folder))
}

/// Creates `folder` and what is missing above it, durably.
///
/// # Errors
/// [`LedgerError::Io`].
pub fn create_folders(disk: &dyn Disk, folder: &Path, mode: u32) -> Result<(), LedgerError> {
    if folder.as_os_str().is_empty() || disk.exists(folder).map_err(io_error("look up", folder))? {
        return Ok(());
    }
    let parent = folder.parent().unwrap_or(Path::new("."));
    create_folders(disk, parent, mode)?;
    disk.create_dir(folder, mode).map_err(io_error("create", folder))?;
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    disk.sync_dir(parent).map_err(io_error("sync", parent))
}
