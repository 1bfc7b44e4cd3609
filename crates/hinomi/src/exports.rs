//! Exports on disk, told apart by what they hold: settings of a service, collections of a directory, lists of edges.
//!
//! # Trust
//! Any file may be hostile: it is read within a bound, and what is not recognised is left alone.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hinomi_assure::estate::{CloudTable, SecretTable, StoredSecret};
use hinomi_assure::graph::{Bounds, Builder, Catalogue, DirectoryFormat, Import};
use hinomi_assure::inventory::decode_text;
use hinomi_assure::posture::{Document, Pack};
use serde_json::Value;

use crate::recorded::Recorded;

/// Largest document of settings that is looked for among logs; `--exports` reads what the library does.
const LARGEST_AMONG_LOGS: u64 = 16 << 20;
const LARGEST_GIVEN: u64 = 64 << 20;
/// Bytes looked at from either end of a file to tell what it is.
const LOOK: usize = 4096;
/// Deepest folders below a path.
const DEEPEST: usize = 32;

/// What was found.
#[derive(Debug, Default)]
pub struct Exports {
    /// Documents of settings, recognised by a kind.
    pub documents: Vec<Document>,
    /// Collections of a directory.
    pub directories: Vec<PathBuf>,
    /// Tables: edges, secrets.
    pub tables: Vec<PathBuf>,
    /// Answers of cloud interfaces that hold edges.
    pub clouds: Vec<(String, Value)>,
    /// What was given and could not be used, with the reason.
    pub unread: Vec<String>,
}

/// Tells exports apart.
pub struct Reader<'r> {
    /// Kinds of documents of settings.
    pub pack: &'r Pack,
    /// Form of collections of a directory.
    pub format: &'r DirectoryFormat,
    /// Form of answers of cloud interfaces.
    pub cloud: &'r CloudTable,
}

impl Reader<'_> {
    /// Exports among logs (`paths`) and those that were given as such. Among logs only recognised JSON counts; of what was
    /// given everything that is not used is said.
    ///
    /// # Errors
    /// When a given folder or file cannot be opened at all.
    pub fn read(&self, paths: &[PathBuf], given: &[PathBuf]) -> Result<Exports, (PathBuf, io::Error)> {
        let mut exports = Exports::default();
        for path in paths.iter().filter(|p| !Recorded::is_at(p)) {
            for file in files(path, 0).unwrap_or_default() {
                if ending(&file) == "json" {
                    self.look(&file, false, &mut exports);
                }
            }
        }
        for path in given {
            for file in files(path, 0).map_err(|e| (path.clone(), e))? {
                match ending(&file).as_str() {
                    "csv" => exports.tables.push(file),
                    _ => self.look(&file, true, &mut exports),
                }
            }
        }
        Ok(exports)
    }

    fn look(&self, file: &Path, is_given: bool, exports: &mut Exports) {
        let name = file.display().to_string();
        let ends = match ends(file) {
            Ok(ends) => ends,
            Err(error) if is_given => return exports.unread.push(format!("{name}: {error}")),
            Err(_) => return,
        };
        if self.format.recognises(&ends.head, &ends.tail) {
            return exports.directories.push(file.to_owned());
        }
        let largest = if is_given { LARGEST_GIVEN } else { LARGEST_AMONG_LOGS };
        let is_json = ends.head.starts_with(['{', '[']) && ends.length <= largest;
        let bytes = is_json.then(|| fs::read(file).ok()).flatten();
        let parsed = bytes.as_deref().map(|bytes| Document::parse(&name, bytes));
        match parsed {
            Some(Ok(document)) => {
                let kind = self.pack.recognise(std::slice::from_ref(&document)).pop().and_then(|r| r.kind);
                let value = bytes.and_then(|b| serde_json::from_slice::<Value>(&b).ok());
                let cloud = value.filter(|value| self.cloud.recognises(value));
                if kind.is_none() && cloud.is_none() && is_given {
                    exports.unread.push(format!("{name}: JSON of no known kind of export"));
                }
                exports.documents.extend(kind.map(|_| document));
                exports.clouds.extend(cloud.map(|value| (name, value)));
            }
            Some(Err(error)) if is_given => exports.unread.push(error.to_string()),
            None if is_given => exports.unread.push(format!("{name}: no known kind of export")),
            _ => {}
        }
    }
}

/// What exports say of who can reach what.
pub struct Connections {
    /// The graph so far.
    pub builder: Builder,
    /// Secrets that lists say are stored on hosts.
    pub secrets: Vec<StoredSecret>,
    /// Documents that were read, with what they hold.
    pub imports: Vec<(String, Import)>,
    /// What could not be used, with the reason.
    pub unread: Vec<String>,
}

impl Exports {
    /// Reads collections of a directory, lists of edges and lists of secrets.
    pub fn connections(
        &self,
        catalogue: Arc<Catalogue>,
        format: &DirectoryFormat,
        (table, cloud): (&SecretTable, &CloudTable),
    ) -> Connections {
        let builder = Builder::new(catalogue, Bounds::default());
        let mut read = Connections { builder, secrets: Vec::new(), imports: Vec::new(), unread: Vec::new() };
        for path in &self.directories {
            let name = path.display().to_string();
            match File::open(path) {
                Ok(file) => {
                    let import = read.builder.read_directory(format, &name, BufReader::new(file));
                    read.imports.push((name, import));
                }
                Err(error) => read.unread.push(format!("{name}: {error}")),
            }
        }
        for (name, value) in &self.clouds {
            let import = cloud.read(name, value, &mut read.builder);
            read.imports.push((name.clone(), import));
        }
        for path in &self.tables {
            let name = path.display().to_string();
            if let Err(error) = read.table(path, &name, table) {
                read.unread.push(format!("{name}: {error}"));
            }
        }
        read
    }
}

impl Connections {
    fn table(&mut self, path: &Path, name: &str, table: &SecretTable) -> io::Result<()> {
        let ends = ends(path)?;
        let heading = ends.head.lines().next().unwrap_or_default().to_lowercase();
        let names: Vec<&str> = heading.split(',').map(|n| n.trim().trim_matches('"')).collect();
        if ["from", "kind", "to"].iter().all(|column| names.contains(column)) {
            let import = self.builder.read_edges(name, BufReader::new(File::open(path)?));
            self.imports.push((name.to_owned(), import));
            return Ok(());
        }
        if ends.length > LARGEST_GIVEN {
            return Err(io::Error::other("too large for a list of secrets"));
        }
        let bytes = fs::read(path)?;
        match table.read(name, &decode_text(&bytes).0) {
            Some((secrets, lacking)) => {
                self.secrets.extend(secrets);
                let lacks = |line: &u64| format!("{name}:{line}: lacks a host, a secret or an account");
                self.unread.extend(lacking.iter().map(lacks));
            }
            None => self.unread.push(format!(
                "{name}: neither edges (from, kind, to) nor secrets (host, secret, account); lists of accounts and hosts go to --inventory"
            )),
        }
        Ok(())
    }
}

/// Beginning and end of a file as text, and its length.
struct Ends {
    head: String,
    tail: String,
    length: u64,
}

fn ends(path: &Path) -> io::Result<Ends> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut bytes = vec![0; LOOK];
    let read = fill(&mut file, &mut bytes)?;
    let head = text(bytes.get(..read).unwrap_or_default());
    file.seek(SeekFrom::Start(length.saturating_sub(LOOK as u64)))?;
    let read = fill(&mut file, &mut bytes)?;
    let tail = text(bytes.get(..read).unwrap_or_default());
    Ok(Ends { head, tail, length })
}

fn fill(file: &mut File, bytes: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest)? {
            0 => break,
            n => filled += n,
        }
    }
    Ok(filled)
}

/// Text without the mark, the zeros of UTF-16 and the space in front.
fn text(bytes: &[u8]) -> String {
    let bare: Vec<u8> = bytes.iter().copied().filter(|b| *b != 0 && *b != 0xfe && *b != 0xff).collect();
    String::from_utf8_lossy(&bare).trim_start_matches(['\u{feff}', ' ', '\n', '\r', '\t']).to_owned()
}

fn ending(path: &Path) -> String {
    path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase()
}

/// A file itself, or the files of a folder and those below it, in order of name.
fn files(path: &Path, depth: usize) -> io::Result<Vec<PathBuf>> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut entries: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(path)? {
        entries.push(entry?.path());
    }
    entries.sort();
    let mut found = Vec::new();
    for entry in entries {
        // A link may lead anywhere, also back.
        let is_link = fs::symlink_metadata(&entry)?.file_type().is_symlink();
        if !is_link && entry.is_dir() && depth < DEEPEST {
            found.extend(files(&entry, depth + 1)?);
        } else if entry.is_file() {
            found.push(entry);
        }
    }
    Ok(found)
}
