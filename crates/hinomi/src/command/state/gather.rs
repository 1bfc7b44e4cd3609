//! What goes into a backup, and in which order.
//!
//! | what | how it is read while a server works |
//! |---|---|
//! | alerts, state of live detection and what was learnt of sources, positions of files that are followed | files that are replaced as a whole, before the ledgers: a ledger that is ahead of them is what a crash leaves, too |
//! | decisions, then evidence (or its keys only) | [`hinomi_ledger::snapshot`]: decisions follow evidence, so those that are kept are about leaves that are there |
//! | configuration, and the files that it names | as they are |
//! | everything else in the data directory | as it is |
//!
//! Left out: derived data, which is made again; the evidence, unless it was asked for; sockets, locks and unfinished files.

use std::fs;
use std::io::{self, Read as _, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use hinomi_ledger::{FileDisk, Places, Snapshot, snapshot};
use hinomi_server::serve::Configuration;
use zeroize::Zeroizing;

use super::archive::{ArchiveWriter, LedgerFacts, Manifest};
use super::marker;
use crate::exit::{Exit, Failure};
use crate::live::DECISIONS;
use crate::recorded::EVIDENCE;

/// Files that lie outside the data directory stand below this folder, under their whole path.
pub(super) const OUTSIDE: &str = "outside";
/// Read in this order before all others: steps that are joined into the state while it is read must not be missed.
const FIRST: [&str; 3] = ["derived/live/state", "alerts/steps", "alerts/state"];
/// Files up to this length are read at once, so that one that is replaced or cut meanwhile is whole.
const AT_ONCE: u64 = 64 << 20;
const MOST_FILES: usize = 200_000;

/// Where the backup is written to.
pub(super) struct Gathering<'a, W: Write> {
    pub(super) archive: ArchiveWriter<W>,
    pub(super) data: &'a Path,
    pub(super) left_out: Vec<String>,
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> Failure + '_ {
    move |e| Failure::new(Exit::Unreadable, format!("{}: {e}", path.display()))
}

impl<W: Write> Gathering<'_, W> {
    /// Takes everything and ends the archive.
    pub(super) fn run(
        mut self,
        config: Option<&Path>,
        with_evidence: bool,
    ) -> Result<(W, Manifest), Failure> {
        for path in self.own_files(with_evidence)? {
            let name = path.strip_prefix(self.data).unwrap_or(&path).to_owned();
            self.take(&path, &name)?;
        }
        let configuration = config.map(|file| self.configuration(file)).transpose()?;
        let decisions = self.data.join(DECISIONS).join("format").exists();
        let decisions = if decisions { Some(self.ledger(DECISIONS, true)?) } else { None };
        let evidence = self.ledger(EVIDENCE, with_evidence)?;
        let Self { archive, left_out, .. } = self;
        let (files, bytes) = (archive.files, archive.bytes);
        let manifest = Manifest { files, bytes, left_out, with_evidence, evidence, decisions, configuration };
        let out = archive.end(&manifest).map_err(not_written)?;
        Ok((out, manifest))
    }

    /// The files of the data directory that belong to no ledger, in the order in which they are read.
    fn own_files(&mut self, with_evidence: bool) -> Result<Vec<PathBuf>, Failure> {
        let mut files = Vec::new();
        let skip = |path: &Path| {
            let name = path.to_str().unwrap_or_default();
            let ledger = [EVIDENCE, DECISIONS]
                .iter()
                .any(|ledger| name == *ledger || name.strip_prefix("keys/") == Some(*ledger));
            let damaged = name.strip_suffix(".damaged").is_some_and(|n| n == EVIDENCE || n == DECISIONS);
            let derived = path.starts_with("derived") && !"derived/live/state".starts_with(name);
            let own = [marker::LAST_BACKUP, marker::RESTORING, OUTSIDE].contains(&name);
            let unfinished = path.extension().is_some_and(|ending| ending == "new");
            ledger || derived || own || unfinished || (damaged && !with_evidence)
        };
        let data = self.data.to_owned();
        self.walk(&data, &data, &skip, &mut files)?;
        let rank = |path: &PathBuf| {
            let place = FIRST.iter().position(|first| data.join(first) == *path);
            (place.unwrap_or(FIRST.len()), path.clone())
        };
        files.sort_by_cached_key(rank);
        Ok(files)
    }

    fn walk(
        &mut self,
        root: &Path,
        folder: &Path,
        skip: &dyn Fn(&Path) -> bool,
        files: &mut Vec<PathBuf>,
    ) -> Result<(), Failure> {
        for entry in fs::read_dir(folder).map_err(failed(folder))? {
            let entry = entry.map_err(failed(folder))?;
            let path = entry.path();
            let kind = entry.file_type().map_err(failed(&path))?;
            if skip(path.strip_prefix(root).unwrap_or(&path)) {
                continue;
            }
            if kind.is_dir() {
                self.walk(root, &path, skip, files)?;
            } else if kind.is_file() {
                files.push(path);
            } else if kind.is_symlink() {
                self.left_out.push(format!("{}: a link", path.display()));
            }
            if files.len() > MOST_FILES {
                let text = format!("{}: more than {MOST_FILES} files beside the ledgers", root.display());
                return Err(Failure::new(Exit::Usage, text));
            }
        }
        Ok(())
    }

    /// Takes a file under a name; one that went meanwhile is not missed.
    fn take(&mut self, path: &Path, name: &Path) -> Result<(), Failure> {
        let Some(name) = name.to_str() else {
            self.left_out.push(format!("{}: its name is no UTF-8", path.display()));
            return Ok(());
        };
        let mut file = match fs::File::open(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other.map_err(failed(path))?,
        };
        let found = file.metadata().map_err(failed(path))?;
        let mode = found.permissions().mode() & 0o777;
        if found.len() > AT_ONCE {
            let mut rest = file.take(found.len());
            let mut buffer = vec![0; 1 << 20];
            return self
                .archive
                .file((name, mode, found.len()), &mut |take| {
                    loop {
                        match rest.read(&mut buffer)? {
                            0 => return Ok(()),
                            n => take(buffer.get(..n).unwrap_or_default())?,
                        }
                    }
                })
                .map_err(not_written);
        }
        let mut bytes = Zeroizing::new(Vec::new());
        file.read_to_end(&mut bytes).map_err(failed(path))?;
        let length = bytes.len() as u64;
        self.archive.file((name, mode, length), &mut |take| take(&bytes)).map_err(not_written)
    }

    /// The configuration and what it names; gives its name in the archive.
    fn configuration(&mut self, file: &Path) -> Result<String, Failure> {
        let file = std::path::absolute(file).map_err(failed(file))?;
        let text = fs::read_to_string(&file).map_err(failed(&file))?;
        let folder = file.parent().unwrap_or(Path::new("/"));
        let parsed = Configuration::parse(&text, folder)
            .map_err(|e| Failure::new(Exit::Usage, format!("{}: {e}", file.display())))?;
        let below = |path: &Path| Path::new(OUTSIDE).join(path.strip_prefix("/").unwrap_or(path));
        let name = below(&file);
        self.take(&file, &name)?;
        for path in parsed.named_files() {
            let path = std::path::absolute(&path).map_err(failed(&path))?;
            let mut files = Vec::new();
            match fs::metadata(&path) {
                Ok(found) if found.is_dir() => self.walk(&path, &path, &|_| false, &mut files)?,
                Ok(_) => files.push(path),
                Err(e) => self.left_out.push(format!("{}: {e}", path.display())),
            }
            files.sort();
            for path in files {
                match fs::File::open(&path) {
                    Ok(_) => self.take(&path, &below(&path))?,
                    Err(e) => self.left_out.push(format!("{}: {e}", path.display())),
                }
            }
        }
        Ok(name.to_string_lossy().into_owned())
    }

    /// A ledger as it is now, or only its keys.
    fn ledger(&mut self, name: &str, whole: bool) -> Result<LedgerFacts, Failure> {
        let places = Places::in_data_dir(self.data, name);
        let Snapshot { identity, checkpoint, size, files } =
            snapshot(&FileDisk, &places, whole).map_err(super::super::ledger::failure)?;
        for file in &files {
            let name = file.path.strip_prefix(self.data).unwrap_or(&file.path);
            let name = name.to_string_lossy().into_owned();
            self.archive
                .file((&name, file.mode, file.len), &mut |take| file.copy(&FileDisk, take))
                .map_err(not_written)?;
        }
        let ledger = identity.ledger.iter().map(|b| format!("{b:02x}")).collect();
        Ok(LedgerFacts { ledger, origin: identity.origin.as_str().to_owned(), checkpoint, size })
    }
}

fn not_written(e: io::Error) -> Failure {
    Failure::new(Exit::Internal, format!("the backup cannot be written: {e}"))
}
