//! Evidence references: files are hashed only when something in them is cited.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;

use hinomi_ingest::intake::FileDone;
use hinomi_model::{Digest, EvidenceRef};

use crate::scan::Event;

/// A cited file could not be hashed.
#[derive(Debug, thiserror::Error)]
#[error("{path}: cannot be hashed for citation: {source}")]
pub struct CiteError {
    /// The file.
    pub path: String,
    /// Why.
    pub source: std::io::Error,
}

/// Digests of outer files, computed at the first citation.
#[derive(Debug, Default)]
pub struct Citations {
    files: BTreeMap<u32, Source>,
    digests: BTreeMap<u32, Option<Digest>>,
    /// Files that could not be hashed.
    pub errors: Vec<CiteError>,
}

#[derive(Debug)]
struct Source {
    shown: String,
    open: Option<PathBuf>,
    known: Option<Digest>,
}

impl Citations {
    /// Prepares for the files of a scan.
    pub fn new(files: &[FileDone]) -> Self {
        let source = |f: &FileDone| Source { shown: f.path.clone(), open: f.open.clone(), known: f.digest };
        Self { files: files.iter().map(|f| (f.file, source(f))).collect(), ..Self::default() }
    }

    /// The reference of an event; `None` when its file cannot be hashed, which is recorded once.
    pub fn cite(&mut self, event: &Event) -> Option<EvidenceRef> {
        let file = self.digest(event.member.file)?;
        Some(EvidenceRef {
            file,
            member: event.member.inner.clone(),
            offset: event.offset,
            sub: event.sub,
            event: event.digest,
        })
    }

    /// Digest of a file, hashing it if it was not yet.
    pub fn digest(&mut self, file: u32) -> Option<Digest> {
        if let Some(known) = self.digests.get(&file) {
            return *known;
        }
        let source = self.files.get(&file)?;
        let digest = match (&source.open, source.known) {
            (_, Some(known)) => Some(known),
            (Some(path), None) => match File::open(path).and_then(|mut f| Digest::of_reader(&mut f)) {
                Ok(digest) => Some(digest),
                Err(error) => {
                    self.errors.push(CiteError { path: source.shown.clone(), source: error });
                    None
                }
            },
            (None, None) => None,
        };
        self.digests.insert(file, digest);
        digest
    }

    /// Digest of a file if something in it was cited.
    pub fn known(&self, file: u32) -> Option<Digest> {
        self.digests.get(&file).copied().flatten()
    }
}
