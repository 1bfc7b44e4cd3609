//! Makes written files part of derived data, all at once.

use std::collections::HashSet;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use hinomi_model::Digest;

use super::file::{PARTIAL, with_ending};
use crate::QueryError;
use crate::manifest::{MANIFEST, Manifest};

/// Writes the manifest beside the one in force, for [`register`] or, should this process end first, [`finish`].
///
/// # Errors
/// Errors of the file system; the manifest before stays in force.
pub fn prepare(folder: &Path, manifest: &Manifest) -> Result<Digest, QueryError> {
    let (bytes, digest) = manifest.encode()?;
    write(&with_ending(&folder.join(MANIFEST)), &bytes)?;
    sync(folder)?;
    Ok(digest)
}

/// Renames new files to their names and puts the manifest in place. Files of a manifest before that are not in the new one
/// are removed afterwards.
///
/// # Errors
/// Errors of the file system; the manifest before stays in force.
pub fn register(folder: &Path, manifest: &Manifest, before: Option<&Manifest>) -> Result<Digest, QueryError> {
    let digest = prepare(folder, manifest)?;
    put_in_place(folder, manifest)?;
    for file in before.iter().flat_map(|m| &m.files).filter(|f| !manifest.files.contains(f)) {
        let kept = manifest.files.iter().any(|f| f.path == file.path);
        for name in [file.path.clone(), file.index_path()].iter().filter(|_| !kept) {
            let path = folder.join(name);
            std::fs::remove_file(&path).map_err(QueryError::io(&path))?;
        }
    }
    Ok(digest)
}

/// Ends a registration that was interrupted after its manifest was written, if that is the one with this digest.
///
/// # Errors
/// Errors of the file system.
pub fn finish(folder: &Path, wanted: Digest) -> Result<bool, QueryError> {
    let partial = with_ending(&folder.join(MANIFEST));
    let bytes = match std::fs::read(&partial) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        other => other.map_err(QueryError::io(&partial))?,
    };
    if Digest::of(&bytes) != wanted {
        return Ok(false);
    }
    put_in_place(folder, &Manifest::decode(&partial, &bytes)?)?;
    Ok(true)
}

fn put_in_place(folder: &Path, manifest: &Manifest) -> Result<(), QueryError> {
    for file in &manifest.files {
        for name in [file.path.clone(), file.index_path()] {
            let path = folder.join(name);
            let partial = with_ending(&path);
            if partial.exists() {
                std::fs::rename(&partial, &path).map_err(QueryError::io(&path))?;
            }
        }
    }
    let path = folder.join(MANIFEST);
    std::fs::rename(with_ending(&path), &path).map_err(QueryError::io(&path))?;
    sync(folder)
}

fn sync(folder: &Path) -> Result<(), QueryError> {
    File::open(folder).and_then(|f| f.sync_all()).map_err(QueryError::io(folder))
}

#[expect(clippy::disallowed_methods, reason = "derived files are written by this crate")]
fn write(path: &Path, bytes: &[u8]) -> Result<(), QueryError> {
    let written = File::create(path).and_then(|mut f| f.write_all(bytes).and_then(|()| f.sync_all()));
    written.map_err(QueryError::io(path))
}

/// Removes what an interrupted derivation left behind: whatever stands below `events` and is not in the manifest.
///
/// # Errors
/// Errors of the file system.
pub fn discard_leftovers(folder: &Path, manifest: Option<&Manifest>) -> Result<(), QueryError> {
    let registered = manifest.iter().flat_map(|m| &m.files).flat_map(|f| [f.path.clone(), f.index_path()]);
    let registered: HashSet<PathBuf> = registered.map(|name| folder.join(name)).collect();
    let mut folders = vec![folder.join("events")];
    while let Some(folder) = folders.pop() {
        let entries = match std::fs::read_dir(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            other => other.map_err(QueryError::io(&folder))?,
        };
        for entry in entries {
            let entry = entry.map_err(QueryError::io(&folder))?;
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            let ours = [".parquet", ".hnx", PARTIAL].iter().any(|ending| name.ends_with(ending));
            if entry.file_type().map_err(QueryError::io(&folder))?.is_dir() {
                folders.push(path);
            } else if ours && !registered.contains(&path) {
                std::fs::remove_file(&path).map_err(QueryError::io(&path))?;
            }
        }
    }
    Ok(())
}

/// Whether a folder holds nothing but what a first derivation left that was interrupted.
///
/// # Errors
/// Errors of the file system.
pub fn has_only_leftovers(folder: &Path) -> Result<bool, QueryError> {
    let mut folders = vec![folder.to_owned()];
    while let Some(inner) = folders.pop() {
        for entry in std::fs::read_dir(&inner).map_err(QueryError::io(&inner))? {
            let entry = entry.map_err(QueryError::io(&inner))?;
            let ours = inner != folder || entry.file_name() == "events";
            if ours && entry.file_type().map_err(QueryError::io(&inner))?.is_dir() {
                folders.push(entry.path());
            } else if !entry.file_name().to_string_lossy().ends_with(PARTIAL) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}
