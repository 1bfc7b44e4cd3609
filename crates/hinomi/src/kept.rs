//! A state, and the steps since it was saved, in a folder: what alerts and accounts are kept in.
//!
//! | file | content |
//! |---|---|
//! | `state` | a line with version and SHA-256, then the state as JSON |
//! | `steps` | a line for each group of steps: the first 16 digits of the SHA-256 of what follows, and JSON |
//!
//! # Invariants
//! A group of steps is on disk when [`Files::keep`] returns, and whole or not there after a crash or a full disk. A crash while
//! the state is saved leaves the old state with all steps, or the new one, which knows the steps that it holds.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use hinomi_model::Digest;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Digits of a digest before a line of steps.
const DIGITS: usize = 16;

/// What is kept cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// A file.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is of a newer version, or damaged.
    #[error("{}: {what}", path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// How.
        what: &'static str,
    },
}

/// A file of this folder, and why.
pub(crate) fn fault(path: &Path) -> impl FnOnce(io::Error) -> KeptError {
    move |source| KeptError::File { path: path.to_owned(), source }
}

/// For files that only their owner may read.
pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// Makes a folder that only its owner may look into, unless it is there.
pub(crate) fn make_folder(folder: &Path) -> Result<(), KeptError> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(fault(folder))
}

/// Writes a file whole, or leaves it as it was.
pub(crate) fn replace(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), KeptError> {
    let path = folder.join(name);
    let next = path.with_extension("new");
    let mut file = private().write(true).create(true).truncate(true).open(&next).map_err(fault(&next))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(fault(&next))?;
    std::fs::rename(&next, &path).map_err(fault(&path))?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(fault(folder))
}

/// The files, open for writing.
#[derive(Debug)]
pub(crate) struct Files {
    folder: PathBuf,
    header: &'static str,
    steps: File,
    /// Bytes of whole groups.
    length: u64,
}

impl Files {
    /// Opens the steps of a folder. What they hold is forgotten with the first [`Files::save`].
    pub(crate) fn open(folder: &Path, header: &'static str) -> Result<Self, KeptError> {
        let path = folder.join("steps");
        let steps = private().create(true).append(true).open(&path).map_err(fault(&path))?;
        let length = steps.metadata().map_err(fault(&path))?.len();
        Ok(Self { folder: folder.to_owned(), header, steps, length })
    }

    /// Bytes of steps that are not joined into the state.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Keeps a group of steps.
    pub(crate) fn keep(&mut self, group: &impl Serialize) -> Result<(), KeptError> {
        let body = serde_json::to_string(group).unwrap_or_default();
        let line = format!("{} {body}\n", short_digest(body.as_bytes()));
        let written = self.steps.write_all(line.as_bytes()).and_then(|()| self.steps.sync_data());
        if let Err(error) = written {
            // Half a line would hide the lines behind it.
            let _ = self.steps.set_len(self.length);
            return Err(fault(&self.folder.join("steps"))(error));
        }
        self.length += line.len() as u64;
        Ok(())
    }

    /// Replaces the state and forgets the steps.
    pub(crate) fn save(&mut self, state: &impl Serialize) -> Result<(), KeptError> {
        let body = serde_json::to_vec(state).unwrap_or_default();
        let whole = [format!("{}{}\n", self.header, Digest::of(&body)).as_bytes(), &body].concat();
        replace(&self.folder, "state", &whole)?;
        self.steps.set_len(0).map_err(fault(&self.folder))?;
        self.length = 0;
        Ok(())
    }
}

fn short_digest(bytes: &[u8]) -> String {
    let digest = Digest::of(bytes).to_string();
    digest.get(..DIGITS).unwrap_or_default().to_owned()
}

/// The state of a folder; `None` when there is none.
pub(crate) fn state<T: DeserializeOwned>(folder: &Path, header: &str) -> Result<Option<T>, KeptError> {
    let path = folder.join("state");
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fault(&path)(error)),
    };
    let damaged = |what| KeptError::Damaged { path: path.clone(), what };
    let rest = bytes.strip_prefix(header.as_bytes()).ok_or_else(|| damaged("it is of another version"))?;
    let end = rest.iter().position(|byte| *byte == b'\n').ok_or_else(|| damaged("it is cut off"))?;
    let (digest, body) = (rest.get(..end).unwrap_or_default(), rest.get(end + 1..).unwrap_or_default());
    if digest != Digest::of(body).to_string().as_bytes() {
        return Err(damaged("it is damaged"));
    }
    serde_json::from_slice(body).map(Some).map_err(|_| damaged("it is of another form"))
}

/// Groups of steps behind the state, up to where a crash cut them off.
pub(crate) fn groups<T: DeserializeOwned>(folder: &Path) -> Vec<T> {
    let bytes = std::fs::read(folder.join("steps")).unwrap_or_default();
    let whole = |line: &[u8]| {
        let body = line.strip_suffix(b"\n")?.get(DIGITS + 1..)?;
        let is_sound = line.get(..DIGITS) == Some(short_digest(body).as_bytes());
        is_sound.then(|| serde_json::from_slice(body).ok())?
    };
    bytes.split_inclusive(|byte| *byte == b'\n').map_while(whole).collect()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    const FOLDER: &str = "HINOMI_TEST_KEPT";

    /// In a process whose files may have 512 bytes, as on a disk that is full in the middle of a line.
    #[test]
    fn a_group_that_did_not_fit_hides_none_behind_it() {
        let folder = tempfile::tempdir().unwrap();
        let script =
            "trap '' XFSZ; ulimit -f 1; exec \"$0\" --exact --ignored kept::tests::where_little_fits";
        let program = std::env::current_exe().unwrap();
        let run = Command::new("sh").arg("-c").arg(script).arg(program).env(FOLDER, folder.path()).output();
        let run = run.unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
        let whole = "x".repeat(200);
        assert_eq!(groups::<String>(folder.path()), [&*whole, &*whole, "small"]);
    }

    #[test]
    #[ignore = "started by the other test"]
    fn where_little_fits() {
        let Some(folder) = std::env::var_os(FOLDER) else { return };
        let mut files = Files::open(Path::new(&folder), "x 1 ").unwrap();
        let large = "x".repeat(200);
        assert!((0..2).all(|_| files.keep(&large).is_ok()));
        assert!(matches!(files.keep(&large), Err(KeptError::File { .. })));
        files.keep(&"small").unwrap();
    }

    #[test]
    fn a_state_that_was_altered_anywhere_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let read = || state::<Vec<u32>>(folder.path(), "x 1 ");
        assert!(matches!(read(), Ok(None)));
        Files::open(folder.path(), "x 1 ").unwrap().save(&[1, 2, 3]).unwrap();
        assert_eq!(read().unwrap(), Some(vec![1, 2, 3]));
        let path = folder.path().join("state");
        let sound = std::fs::read(&path).unwrap();
        for at in 0..sound.len() {
            let mut altered = sound.clone();
            altered[at] ^= 1;
            replace(folder.path(), "state", &altered).unwrap();
            assert!(matches!(read(), Err(KeptError::Damaged { .. })), "byte {at}");
        }
    }
}
