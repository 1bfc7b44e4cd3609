//! Which files there are, in byte order of their paths.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, FileType, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use hinomi_model::{DiagnosticKind, Timestamp};

use super::losses::Losses;
use super::name;
use super::options::Root;
use super::source::Stream;

/// An outer file.
pub(crate) enum Found {
    File { path: PathBuf, metadata: Metadata },
    Stream { name: String, reader: Stream },
    Records { name: String, reader: Stream, latest: Timestamp },
}

/// Walks the roots lazily: it holds the sorted names of the folders on the current path only.
pub(crate) struct Walk {
    roots: VecDeque<Root>,
    canonical: Vec<PathBuf>,
    open: Vec<Folder>,
    /// Counts only: a pipe must be opened once.
    counting: bool,
}

struct Folder {
    path: PathBuf,
    names: VecDeque<(OsString, FileType)>,
}

impl Walk {
    /// Roots that lie inside other roots are dropped: their files are met there.
    pub(crate) fn new(roots: Vec<Root>) -> Self {
        let canonical = |root: &Root| match root {
            Root::Path(path) => fs::canonicalize(path).ok(),
            Root::Stream { .. } | Root::Records { .. } => None,
        };
        let paths: Vec<Option<PathBuf>> = roots.iter().map(canonical).collect();
        let inside = |at: usize, path: &Path| {
            paths.iter().enumerate().any(|(other, root)| {
                let Some(root) = root else { return false };
                other != at && path.starts_with(root) && (path != root || other < at)
            })
        };
        let kept = roots.into_iter().enumerate();
        let kept = kept.filter(|(at, _)| {
            let path = paths.get(*at).and_then(Option::as_deref);
            !path.is_some_and(|p| inside(*at, p))
        });
        let roots: VecDeque<Root> = kept.map(|(_, root)| root).collect();
        Self { roots, canonical: paths.into_iter().flatten().collect(), open: Vec::new(), counting: false }
    }

    /// A second walk over the same folders and files, to count them.
    pub(crate) fn again(&self) -> Self {
        let path = |root: &Root| match root {
            Root::Path(path) => Some(Root::Path(path.clone())),
            Root::Stream { .. } | Root::Records { .. } => None,
        };
        let roots = self.roots.iter().filter_map(path).collect();
        Self { roots, canonical: self.canonical.clone(), open: Vec::new(), counting: true }
    }

    pub(crate) fn next(&mut self, losses: &mut Losses) -> Option<Found> {
        loop {
            let found = match self.open.last_mut() {
                Some(folder) => {
                    let next = folder.names.pop_front().map(|(name, kind)| (folder.path.join(name), kind));
                    if next.is_none() {
                        self.open.pop();
                    }
                    next.and_then(|(path, kind)| self.entry(path, kind, losses))
                }
                None => match self.roots.pop_front()? {
                    Root::Path(path) => self.root(path, losses),
                    Root::Stream { name, reader } => Some(Found::Stream { name, reader }),
                    Root::Records { name, reader, latest } => Some(Found::Records { name, reader, latest }),
                },
            };
            if found.is_some() {
                return found;
            }
        }
    }

    fn root(&mut self, path: PathBuf, losses: &mut Losses) -> Option<Found> {
        let metadata = match fs::metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) => return unreadable(&path, &error, losses),
        };
        if metadata.is_dir() {
            self.enter(path, losses);
            None
        } else if is_pipe(&metadata) && self.counting {
            None
        } else if is_pipe(&metadata) {
            match fs::File::open(&path) {
                Ok(file) => Some(Found::Stream { name: name::of_path(&path), reader: Box::new(file) }),
                Err(error) => unreadable(&path, &error, losses),
            }
        } else if metadata.is_file() {
            Some(Found::File { path, metadata })
        } else {
            refuse(&path, "a device or socket is not read", losses)
        }
    }

    fn entry(&mut self, path: PathBuf, kind: FileType, losses: &mut Losses) -> Option<Found> {
        if kind.is_dir() {
            self.enter(path, losses);
            return None;
        }
        if kind.is_symlink() {
            let target = fs::canonicalize(&path);
            let inside = target.is_ok_and(|t| self.canonical.iter().any(|root| t.starts_with(root)));
            // What a link inside the roots points to is read in its own place.
            return if inside {
                None
            } else {
                refuse(&path, "a symbolic link out of the given paths is not followed", losses)
            };
        }
        if !kind.is_file() {
            return refuse(&path, "a pipe, socket or device in a folder is not opened", losses);
        }
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_file() => Some(Found::File { path, metadata }),
            Ok(_) => refuse(&path, "it stopped being a file while the folder was read", losses),
            Err(error) => unreadable(&path, &error, losses),
        }
    }

    fn enter(&mut self, path: PathBuf, losses: &mut Losses) {
        match sorted_names(&path) {
            Ok(names) => self.open.push(Folder { path, names }),
            Err(error) => {
                unreadable(&path, &error, losses);
            }
        }
    }
}

/// Names of a folder so ordered that a depth-first walk yields full paths in byte order: a folder counts as if its
/// name ended in `/`.
fn sorted_names(path: &Path) -> io::Result<VecDeque<(OsString, FileType)>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        names.push((entry.file_name(), entry.file_type()?));
    }
    names.sort_by_cached_key(|(name, kind)| {
        let mut key = name.as_encoded_bytes().to_vec();
        if kind.is_dir() {
            key.push(b'/');
        }
        key
    });
    Ok(names.into())
}

fn refuse(path: &Path, why: &str, losses: &mut Losses) -> Option<Found> {
    losses.push(&name::of_path(path), 0, DiagnosticKind::RefusedMember, why);
    None
}

fn unreadable(path: &Path, error: &io::Error, losses: &mut Losses) -> Option<Found> {
    losses.push(&name::of_path(path), 0, DiagnosticKind::Unreadable, error.to_string());
    None
}

#[cfg(unix)]
fn is_pipe(metadata: &Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt;
    metadata.file_type().is_fifo()
}

#[cfg(not(unix))]
fn is_pipe(_: &Metadata) -> bool {
    false
}
