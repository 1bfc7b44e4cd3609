//! Evidence references: a file is hashed, and the record of a ledger looked up, only when something in it is cited, and
//! the file only when no piece of it was cited instead.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use hinomi_model::{Digest, EvidencePlace, EvidenceRef};

use crate::recorded::Recorded;
use crate::scan::{Event, Findings};

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
    ledgers: Vec<Arc<Recorded>>,
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
    /// Prepares for the files and ledgers of a scan.
    pub fn new(findings: &Findings) -> Self {
        let mut citations = Self { ledgers: findings.ledgers.clone(), ..Self::default() };
        for file in &findings.files {
            let source = Source { shown: file.path.clone(), open: file.open.clone(), known: file.digest };
            citations.files.insert(file.file, source);
        }
        citations
    }

    /// The reference of an event; `None` when its file cannot be hashed, which is recorded once, or its block not be read
    /// again.
    pub fn cite(&mut self, event: &Event) -> Option<EvidenceRef> {
        let (place, offset) = self.place(event)?;
        Some(EvidenceRef { place, offset, sub: event.sub, event: event.digest })
    }

    /// Where an event stands, for citations.
    pub fn place(&mut self, event: &Event) -> Option<(EvidencePlace, u64)> {
        let name = event.member.path.as_str();
        if let Some(ledger) = self.ledgers.iter().find(|l| l.holds(name)) {
            return ledger.locate(name, event.offset);
        }
        if let Some(piece) = event.piece {
            return Some((EvidencePlace::Piece(piece), event.offset));
        }
        let file = self.digest(event.member.file)?;
        Some((EvidencePlace::File { file, member: event.member.inner.clone() }, event.offset))
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
