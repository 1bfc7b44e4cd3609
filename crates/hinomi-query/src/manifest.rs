//! What was derived: the files, what they hold, what they were made from and how.
//!
//! # Invariants
//! Only files that the manifest names are part of derived data. It is written last, under another name, and renamed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hinomi_model::Digest;
use serde::{Deserialize, Serialize};

use crate::QueryError;

/// Name of the manifest in the folder of derived data.
pub const MANIFEST: &str = "manifest.json";
const FORMAT: (&str, u32) = ("hinomi-derived/", 3);

/// What a folder of derived data holds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// Format of the folder.
    pub format: String,
    /// How many writers shared the work; the same number makes the same files again.
    pub lanes: u32,
    /// What was read.
    pub input: Input,
    /// What was derived at one time, in the order of the input.
    pub runs: Vec<Run>,
    /// The files of all runs.
    pub files: Vec<DerivedFile>,
}

/// What was derived at one time, with one mapping.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Run {
    /// The leaf behind the last that was read; 0 for files and folders.
    pub to: u64,
    /// Version of the mapping from events to columns.
    pub mapping: String,
    /// Release of OCSF that it names.
    pub ocsf: String,
    /// Events by kind, host and day of their own time (`unknown` where they state none).
    pub coverage: Vec<CoverageRow>,
    /// What could not be read, counted.
    pub losses: u64,
}

impl Run {
    /// A run of one mapping.
    pub fn new(to: u64, mapping: &crate::Mapping, coverage: Vec<CoverageRow>, losses: u64) -> Self {
        let (mapping, ocsf) = (mapping.version.clone(), mapping.ocsf.clone());
        Self { to, mapping, ocsf, coverage, losses }
    }
}

/// What was read to derive from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// Files and folders.
    Paths {
        /// As given.
        paths: Vec<PathBuf>,
        /// Zone of times that state none.
        zone: String,
    },
    /// Leaves of a ledger.
    Ledger {
        /// Origin of its checkpoints.
        origin: String,
        /// The leaf behind the last that was read.
        leaves: u64,
        /// Root of the tree of so many leaves, in base64.
        root: String,
        /// How many tombstones were among them.
        tombstones: u64,
        /// Zone of times that state none.
        zone: String,
    },
}

/// A Parquet file and its sidecar.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct DerivedFile {
    /// The run that made it ([`Run::to`]).
    pub run: u64,
    /// Path below the folder, with `/`; the sidecar stands beside it ([`sidecar_name`]).
    pub path: String,
    /// Family of kinds whose columns it has.
    pub family: String,
    /// Rows.
    pub rows: u64,
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Length of the sidecar.
    pub index_bytes: u64,
    /// SHA-256 of the sidecar.
    pub index_sha256: String,
    /// Length of the sidecar's head.
    pub head_bytes: u32,
    /// SHA-256 of the sidecar's head.
    pub head_sha256: String,
    /// Earliest and latest event time in microseconds since 1970, if any event states one.
    pub times: Option<(i64, i64)>,
    /// Rows without time.
    pub timeless: u64,
    /// Vendor columns and how many rows have a value.
    pub fields: BTreeMap<String, u64>,
    /// Vendor fields that are kept together in `other`, and in how many rows.
    pub other: BTreeMap<String, u64>,
    /// Bytes that the columns take, by family of columns.
    pub sizes: BTreeMap<String, u64>,
}

/// Name of the sidecar of a file. Engines that read a folder as a table pass over names that begin with `_`.
pub(crate) fn sidecar_name(name: &str) -> String {
    format!("_{}.hnx", name.strip_suffix(".parquet").unwrap_or(name))
}

impl DerivedFile {
    /// Path of the sidecar below the folder.
    pub fn index_path(&self) -> String {
        let (folder, name) = self.path.rsplit_once('/').unwrap_or(("", &self.path));
        let name = sidecar_name(name);
        if folder.is_empty() { name } else { format!("{folder}/{name}") }
    }
}

/// How many events of a kind a host has on a day.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct CoverageRow {
    /// Kind of log.
    pub kind: String,
    /// Host; empty where events name none.
    pub host: String,
    /// Day, `2026-01-31` in UTC, or `unknown`.
    pub day: String,
    /// Events.
    pub events: u64,
}

/// What every manifest states, whatever its format.
#[derive(Deserialize)]
struct Format {
    format: String,
}

impl Manifest {
    /// A manifest without files.
    pub fn new(lanes: u32, input: Input) -> Self {
        Self {
            format: format!("{}{}", FORMAT.0, FORMAT.1),
            lanes,
            input,
            runs: Vec::new(),
            files: Vec::new(),
        }
    }

    /// Adds a run with its files.
    pub fn add(&mut self, run: Run, files: Vec<DerivedFile>) {
        self.files.extend(files.into_iter().map(|file| DerivedFile { run: run.to, ..file }));
        self.runs.push(run);
        self.runs.sort_by_key(|r| r.to);
    }

    /// Takes out a run and its files.
    pub fn take_out(&mut self, to: u64) {
        self.runs.retain(|r| r.to != to);
        self.files.retain(|f| f.run != to);
    }

    /// Leaves from and to of each run.
    pub fn ranges(&self) -> impl Iterator<Item = (std::ops::Range<u64>, &Run)> {
        let starts = std::iter::once(0).chain(self.runs.iter().map(|r| r.to));
        starts.zip(&self.runs).map(|(from, run)| (from..run.to, run))
    }

    /// First part of the names of a run's files, if it has any.
    pub fn prefix(&self, run: u64) -> Option<&str> {
        let file = self.files.iter().find(|f| f.run == run)?;
        // Behind it stand the numbers of the writer and of the file.
        file.path.rsplit('/').next()?.rsplitn(3, '-').nth(2)
    }

    /// What could not be read.
    pub fn losses(&self) -> u64 {
        self.runs.iter().map(|r| r.losses).sum()
    }

    /// Reads the manifest of a folder.
    ///
    /// # Errors
    /// [`QueryError::Nothing`], [`QueryError::Newer`], [`QueryError::Damaged`], [`QueryError::Io`].
    pub fn read(folder: &Path) -> Result<(Self, Digest), QueryError> {
        let path = folder.join(MANIFEST);
        let bytes = std::fs::read(&path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => QueryError::Nothing { path: folder.to_owned() },
            _ => QueryError::Io { path: path.clone(), source },
        })?;
        Ok((Self::decode(&path, &bytes)?, Digest::of(&bytes)))
    }

    /// Reads the bytes of a manifest.
    ///
    /// # Errors
    /// As [`Manifest::read`].
    pub(crate) fn decode(path: &Path, bytes: &[u8]) -> Result<Self, QueryError> {
        let damaged = |e: serde_json::Error| QueryError::damaged(path, e.to_string());
        let Format { format: found } = serde_json::from_slice(bytes).map_err(damaged)?;
        match found.strip_prefix(FORMAT.0).and_then(|number| number.parse::<u32>().ok()) {
            Some(number) if number < FORMAT.1 => {
                return Err(QueryError::Older { path: path.to_owned(), found });
            }
            Some(number) if number == FORMAT.1 => {}
            _ => return Err(QueryError::Newer { path: path.to_owned(), found }),
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(damaged)?;
        let below = |file: &DerivedFile| {
            let parts = Path::new(&file.path).components();
            parts.into_iter().all(|c| matches!(c, std::path::Component::Normal(_)))
        };
        if let Some(file) = manifest.files.iter().find(|f| !below(f)) {
            return Err(QueryError::damaged(path, format!("{} is not below the folder", file.path)));
        }
        Ok(manifest)
    }

    /// Its bytes and their digest.
    ///
    /// # Errors
    /// None in practice: every value has a form in JSON.
    pub fn encode(&self) -> Result<(Vec<u8>, Digest), QueryError> {
        let mut bytes = serde_json::to_vec(self).map_err(|e| QueryError::Engine(e.to_string()))?;
        bytes.push(b'\n');
        let digest = Digest::of(&bytes);
        Ok((bytes, digest))
    }

    /// Rows in all files.
    pub fn rows(&self) -> u64 {
        self.files.iter().map(|f| f.rows).sum()
    }

    /// Events by kind, host and day, in all runs.
    pub fn coverage(&self) -> Vec<CoverageRow> {
        let mut counts: BTreeMap<(&str, &str, &str), u64> = BTreeMap::new();
        for row in self.runs.iter().flat_map(|r| &r.coverage) {
            *counts.entry((&row.kind, &row.host, &row.day)).or_default() += row.events;
        }
        let row = |((kind, host, day), events): ((&str, &str, &str), u64)| CoverageRow {
            kind: kind.to_owned(),
            host: host.to_owned(),
            day: day.to_owned(),
            events,
        };
        counts.into_iter().map(row).collect()
    }
}
