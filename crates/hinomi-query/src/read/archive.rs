//! A folder of derived data, opened.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use hinomi_model::Digest;

use super::CheckedFile;
use crate::manifest::{DerivedFile, Manifest};
use crate::{Mapping, Presence, QueryError};

/// Derived data, ready for questions.
#[derive(Debug)]
pub struct Archive {
    folder: PathBuf,
    manifest: Manifest,
    digest: Digest,
    files: Vec<CheckedFile>,
    mapping: Arc<Mapping>,
    /// Vendor columns by name without case, with their most frequent spelling.
    names: BTreeMap<String, String>,
    presence: OnceLock<Presence>,
}

impl Archive {
    /// Opens a folder. No file in it is read before a question needs it.
    ///
    /// # Errors
    /// As [`Manifest::read`].
    pub fn open(folder: &Path) -> Result<Self, QueryError> {
        let (manifest, digest) = Manifest::read(folder)?;
        Self::of(folder, manifest, digest, None)
    }

    /// What a manifest names below a folder. Files that another view has open are taken from it, with what was compared of them.
    ///
    /// # Errors
    /// [`QueryError::Mapping`].
    pub fn of(
        folder: &Path,
        manifest: Manifest,
        digest: Digest,
        known: Option<&Self>,
    ) -> Result<Self, QueryError> {
        let mapping = match known {
            Some(known) => Arc::clone(&known.mapping),
            None => Arc::new(Mapping::bundled()?),
        };
        let known: BTreeMap<&str, &CheckedFile> =
            known.iter().flat_map(|k| &k.files).map(|f| (f.entry().path.as_str(), f)).collect();
        let open = |entry: &DerivedFile| match known.get(entry.path.as_str()) {
            Some(file) if file.entry() == entry => (*file).clone(),
            _ => CheckedFile::new(folder, entry.clone()),
        };
        let files = manifest.files.iter().map(open).collect();
        let mut counts: BTreeMap<String, BTreeMap<&String, u64>> = BTreeMap::new();
        for (name, count) in manifest.files.iter().flat_map(|f| f.fields.iter().chain(&f.other)) {
            *counts.entry(name.to_lowercase()).or_default().entry(name).or_default() += count;
        }
        let most = |spellings: BTreeMap<&String, u64>| {
            let first = spellings.into_iter().max_by_key(|(name, n)| (*n, std::cmp::Reverse(*name)));
            first.map(|(name, _)| name.clone()).unwrap_or_default()
        };
        let names = counts.into_iter().map(|(lower, spellings)| (lower, most(spellings))).collect();
        Ok(Self {
            folder: folder.to_owned(),
            manifest,
            digest,
            files,
            mapping,
            names,
            presence: OnceLock::new(),
        })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What it holds.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Digest of the manifest.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// On which days there are events, found out once.
    pub fn presence(&self) -> &Presence {
        self.presence.get_or_init(|| Presence::new(&self.manifest))
    }

    /// How many events were derived with another mapping than this program's.
    pub fn rows_of_other_mappings(&self) -> u64 {
        let current =
            |to: u64| self.manifest.runs.iter().any(|r| r.to == to && r.mapping == self.mapping.version);
        self.manifest.files.iter().filter(|f| !current(f.run)).map(|f| f.rows).sum()
    }

    /// The files.
    pub fn files(&self) -> &[CheckedFile] {
        &self.files
    }

    /// The error of a question: if a file was found to be altered meanwhile, that is the reason.
    pub fn blame(&self, error: QueryError) -> QueryError {
        self.files.iter().find_map(CheckedFile::fault).unwrap_or(error)
    }

    /// The mapping of this program.
    pub fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// The column that a name means, whatever its case.
    pub fn column(&self, name: &str) -> Option<&str> {
        self.names.get(&name.to_lowercase()).map(String::as_str)
    }

    /// All vendor columns.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.names.values().map(String::as_str)
    }
}
