//! The content of a backup: a heading, files one after the other, and a manifest, within a sealed stream.
//!
//! Each part begins with a byte (1 heading, 2 file, 3 manifest), a length of 4 bytes, big-endian, and so many bytes of JSON.
//! Behind that of a file stand its bytes and their SHA-256. Nothing follows the manifest.
//!
//! # Trust
//! Anybody who knows a recipient can make such a file. Paths are relative and lead nowhere else, lengths are bounded, and
//! what the files say is checked afterwards ([`super::check`]).

use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};

use hinomi_ledger::{LedgerError, SealedReader, SealedWriter};
use hinomi_model::Hashing;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// What this program writes and reads.
pub(super) const FORMAT: u32 = 1;
const KIND: &str = "hinomi-state";
const HEADING: u8 = 1;
const FILE: u8 = 2;
const MANIFEST: u8 = 3;
const MAX_JSON: usize = 16 << 20;
const STEP: usize = 1 << 20;

/// Why a backup cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ArchiveError {
    /// It is not sealed to this key, or is no such file.
    #[error(transparent)]
    Sealed(#[from] LedgerError),
    /// It is damaged or cut short.
    #[error("{0}")]
    Read(#[source] io::Error),
    /// It was made by a newer program.
    #[error("the backup has format {found}; this program reads up to {FORMAT}")]
    Newer {
        /// Its format.
        found: u32,
    },
    /// It is sealed well, and says something impossible.
    #[error("the backup is malformed: {what}")]
    Malformed {
        /// What.
        what: &'static str,
    },
    /// A file would be put outside of the folder.
    #[error("the backup holds a file with the path {path:?}, which leads out of the folder")]
    Escapes {
        /// The path.
        path: String,
    },
    /// What is in it cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The heading.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Heading {
    kind: String,
    format: u32,
    /// Version of the program that made it.
    pub(super) program: String,
    /// When.
    pub(super) created: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct FileHead {
    path: String,
    mode: u32,
    bytes: u64,
}

/// What a backup says of a ledger.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct LedgerFacts {
    /// Its number, in hexadecimal.
    pub(super) ledger: String,
    /// Its origin.
    pub(super) origin: String,
    /// The signed checkpoint at the time of the backup.
    pub(super) checkpoint: String,
    /// Leaves that it covers.
    pub(super) size: u64,
}

/// The end of a backup.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// Number of files.
    pub(super) files: u64,
    /// Sum of their lengths.
    pub(super) bytes: u64,
    /// What was not taken, and why.
    pub(super) left_out: Vec<String>,
    /// Whether the evidence itself is in it.
    pub(super) with_evidence: bool,
    /// The ledger of evidence.
    pub(super) evidence: LedgerFacts,
    /// The ledger of decisions, if there is one.
    pub(super) decisions: Option<LedgerFacts>,
    /// Where the configuration is in the backup, if it was taken.
    pub(super) configuration: Option<String>,
}

/// Writes a backup.
pub(super) struct ArchiveWriter<W: Write> {
    out: SealedWriter<W>,
    pub(super) files: u64,
    pub(super) bytes: u64,
}

/// What hands over the bytes of a file.
pub(super) type Copy<'a> = dyn FnMut(&mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> + 'a;

impl<W: Write> ArchiveWriter<W> {
    pub(super) fn new(out: SealedWriter<W>, created: &str) -> io::Result<Self> {
        let mut made = Self { out, files: 0, bytes: 0 };
        let program = env!("CARGO_PKG_VERSION").to_owned();
        let heading = Heading { kind: KIND.to_owned(), format: FORMAT, program, created: created.to_owned() };
        made.json(HEADING, &heading)?;
        Ok(made)
    }

    fn json(&mut self, kind: u8, value: &impl Serialize) -> io::Result<()> {
        let body = serde_json::to_vec(value)?;
        self.out.write_all(&[kind])?;
        self.out.write_all(&(body.len() as u32).to_be_bytes())?;
        self.out.write_all(&body)
    }

    /// Adds a file of `bytes` bytes.
    pub(super) fn file(
        &mut self,
        (path, mode, bytes): (&str, u32, u64),
        copy: &mut Copy<'_>,
    ) -> io::Result<()> {
        self.json(FILE, &FileHead { path: path.to_owned(), mode, bytes })?;
        let (mut hash, mut written) = (Hashing::default(), 0);
        copy(&mut |part| {
            hash.update(part);
            written += part.len() as u64;
            self.out.write_all(part)
        })?;
        if written != bytes {
            return Err(io::Error::other(format!("{path} changed while it was read")));
        }
        self.out.write_all(hash.finish().as_bytes())?;
        self.files += 1;
        self.bytes += bytes;
        Ok(())
    }

    /// Ends it.
    pub(super) fn end(mut self, manifest: &Manifest) -> io::Result<W> {
        self.json(MANIFEST, manifest)?;
        self.out.finish()
    }
}

/// A file in a backup.
pub(super) struct Entry {
    pub(super) path: PathBuf,
    pub(super) mode: u32,
    bytes: u64,
}

/// Reads a backup.
pub(super) struct ArchiveReader<R: Read> {
    from: SealedReader<R>,
    pub(super) heading: Heading,
    files: u64,
    bytes: u64,
}

/// The next part.
pub(super) enum Next {
    /// A file, which [`ArchiveReader::body`] has to be called for.
    File(Entry),
    /// The end, after which nothing stands.
    End(Box<Manifest>),
}

impl<R: Read> ArchiveReader<R> {
    pub(super) fn new(mut from: SealedReader<R>) -> Result<Self, ArchiveError> {
        let heading: Heading = json(&mut from, HEADING)?.1.ok_or(malformed("it has no heading"))?;
        if heading.kind != KIND {
            return Err(malformed("it is a sealed file of another kind"));
        }
        if heading.format > FORMAT {
            return Err(ArchiveError::Newer { found: heading.format });
        }
        Ok(Self { from, heading, files: 0, bytes: 0 })
    }

    pub(super) fn next(&mut self) -> Result<Next, ArchiveError> {
        let (kind, body) = json_text(&mut self.from)?;
        match kind {
            FILE => {
                let head: FileHead = parsed(&body)?;
                Ok(Next::File(Entry { path: safe(&head.path)?, mode: head.mode & 0o700, bytes: head.bytes }))
            }
            MANIFEST => {
                let manifest: Manifest = parsed(&body)?;
                if self.from.read(&mut [0]).map_err(ArchiveError::Read)? != 0 {
                    return Err(malformed("something follows its manifest"));
                }
                if (manifest.files, manifest.bytes) != (self.files, self.bytes) {
                    return Err(malformed("its manifest counts other files"));
                }
                Ok(Next::End(Box::new(manifest)))
            }
            _ => Err(malformed("a part of an unknown kind")),
        }
    }

    /// Hands over the bytes of the file that [`ArchiveReader::next`] gave.
    pub(super) fn body(
        &mut self,
        entry: &Entry,
        take: &mut dyn FnMut(&[u8]) -> Result<(), ArchiveError>,
    ) -> Result<(), ArchiveError> {
        let mut hash = Hashing::default();
        let mut buffer = vec![0; STEP];
        let mut left = entry.bytes;
        while left > 0 {
            let n = left.min(STEP as u64) as usize;
            let part = buffer.get_mut(..n).unwrap_or_default();
            self.from.read_exact(part).map_err(ArchiveError::Read)?;
            hash.update(part);
            take(part)?;
            left -= n as u64;
        }
        let mut digest = [0; 32];
        self.from.read_exact(&mut digest).map_err(ArchiveError::Read)?;
        if hash.finish().as_bytes() != &digest {
            return Err(malformed("a file has another digest than its own"));
        }
        self.files += 1;
        self.bytes += entry.bytes;
        Ok(())
    }
}

fn malformed(what: &'static str) -> ArchiveError {
    ArchiveError::Malformed { what }
}

fn json_text(from: &mut impl Read) -> Result<(u8, Vec<u8>), ArchiveError> {
    let mut head = [0; 5];
    from.read_exact(&mut head).map_err(ArchiveError::Read)?;
    let [kind, a, b, c, d] = head;
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    if length > MAX_JSON {
        return Err(malformed("a part of an impossible length"));
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).map_err(ArchiveError::Read)?;
    Ok((kind, body))
}

fn json<T: DeserializeOwned>(from: &mut impl Read, wanted: u8) -> Result<(u8, Option<T>), ArchiveError> {
    let (kind, body) = json_text(from)?;
    let value = if kind == wanted { Some(parsed(&body)?) } else { None };
    Ok((kind, value))
}

fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, ArchiveError> {
    serde_json::from_slice(body).map_err(|_| malformed("a part that is no such JSON"))
}

/// A path that stays below the folder it is put in.
fn safe(text: &str) -> Result<PathBuf, ArchiveError> {
    let path = Path::new(text);
    let inside = path.components().all(|c| matches!(c, Component::Normal(_)));
    let spelt = path.components().map(|c| c.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/");
    if text.is_empty() || !inside || spelt != text || text.contains('\0') {
        return Err(ArchiveError::Escapes { path: text.to_owned() });
    }
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests {
    use hinomi_ledger::{SystemEntropy, VaultKey};

    use super::*;

    fn manifest(files: u64, bytes: u64) -> Manifest {
        let evidence =
            LedgerFacts { ledger: String::new(), origin: String::new(), checkpoint: String::new(), size: 0 };
        let (left_out, decisions, configuration) = (Vec::new(), None, None);
        Manifest { files, bytes, left_out, with_evidence: false, evidence, decisions, configuration }
    }

    fn with(paths: &[&str], end: &Manifest) -> Vec<u8> {
        let recipient = VaultKey::from_seed([1; 32]).recipient();
        let sealed = SealedWriter::new(Vec::new(), &[recipient], &SystemEntropy).unwrap();
        let mut writer = ArchiveWriter::new(sealed, "2026-11-22T00:00:00Z").unwrap();
        for path in paths {
            writer.file((path, 0o777, 3), &mut |take| take(b"abc")).unwrap();
        }
        writer.end(end).unwrap()
    }

    fn read(bytes: &[u8]) -> Result<(Vec<(PathBuf, u32)>, Manifest), ArchiveError> {
        let sealed = SealedReader::new(bytes, Path::new("f"), &VaultKey::from_seed([1; 32]))?;
        let mut reader = ArchiveReader::new(sealed)?;
        let mut files = Vec::new();
        loop {
            match reader.next()? {
                Next::End(manifest) => return Ok((files, *manifest)),
                Next::File(entry) => {
                    reader.body(&entry, &mut |part| {
                        assert_eq!(part, b"abc");
                        Ok(())
                    })?;
                    files.push((entry.path, entry.mode));
                }
            }
        }
    }

    #[test]
    fn what_was_put_in_comes_out_and_is_its_owners_alone() {
        let (files, end) = read(&with(&["a", "b/c"], &manifest(2, 6))).unwrap();
        assert_eq!(files, [(PathBuf::from("a"), 0o700), (PathBuf::from("b/c"), 0o700)]);
        assert_eq!(end, manifest(2, 6));
        assert!(read(&with(&["a"], &manifest(2, 6))).is_err());
    }

    #[test]
    fn no_path_leads_out_of_the_folder() {
        for path in ["/etc/passwd", "../x", "a/../../x", "", ".", "a//b", "./a", "a/", "a\0b", ".."] {
            let said = read(&with(&[path], &manifest(1, 3))).unwrap_err();
            assert!(matches!(said, ArchiveError::Escapes { .. }), "{path:?}: {said}");
        }
    }

    #[test]
    fn a_newer_form_and_another_kind_are_refused() {
        let heading = |text: &str| {
            let recipient = VaultKey::from_seed([1; 32]).recipient();
            let mut sealed = SealedWriter::new(Vec::new(), &[recipient], &SystemEntropy).unwrap();
            sealed.write_all(&[HEADING]).unwrap();
            sealed.write_all(&(text.len() as u32).to_be_bytes()).unwrap();
            sealed.write_all(text.as_bytes()).unwrap();
            read(&sealed.finish().unwrap()).unwrap_err()
        };
        let newer = r#"{"kind":"hinomi-state","format":2,"program":"9","created":"x"}"#;
        assert!(matches!(heading(newer), ArchiveError::Newer { found: 2 }));
        let other = r#"{"kind":"keys","format":1,"program":"9","created":"x"}"#;
        assert!(matches!(heading(other), ArchiveError::Malformed { .. }));
    }

    #[test]
    fn changed_while_read_is_no_backup() {
        let recipient = VaultKey::from_seed([1; 32]).recipient();
        let sealed = SealedWriter::new(Vec::new(), &[recipient], &SystemEntropy).unwrap();
        let mut writer = ArchiveWriter::new(sealed, "x").unwrap();
        assert!(writer.file(("a", 0o600, 4), &mut |take| take(b"abc")).is_err());
    }
}
