//! Leaves that are derived for pages, beside the derived data that the ledger names.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use hinomi_ingest::intake::Options;
use hinomi_query::derive::{LaneLimits, register};
use hinomi_query::{DerivedFile, Input, Manifest, Mapping, QueryError, Run};
use jiff::tz::TimeZone;

use super::super::Refused;
use super::standing::failed;
use crate::clock;
use crate::derived::{DERIVED, Job, derive};
use crate::recorded::Recorded;
use crate::scan::ScanProgress;

/// Folder of what is derived here, in that of derived data.
pub(super) const FRESH: &str = "fresh";

/// Leaves that were derived here.
#[derive(Debug)]
pub(super) struct Fresh {
    pub(super) number: u64,
    pub(super) folder: PathBuf,
    pub(super) leaves: BTreeSet<u64>,
    pub(super) bytes: u64,
    /// The first leaf of the group, when it was derived because a search may match in it.
    pub(super) group: Option<u64>,
    pub(super) run: Run,
    pub(super) files: Vec<DerivedFile>,
}

/// Derives leaves into a folder of their own.
pub(super) fn fresh(
    data: &Path,
    number: u64,
    (recorded, zone): (&Arc<Recorded>, TimeZone),
    leaves: BTreeSet<u64>,
) -> Result<Fresh, Refused> {
    let path = format!("{FRESH}/{number}");
    let folder = data.join(DERIVED).join(&path);
    std::fs::create_dir_all(&folder).map_err(|e| failed(&QueryError::io(&folder)(e)))?;
    let mapping = Arc::new(Mapping::bundled().map_err(|e| failed(&e))?);
    let mut reading = Options::at(clock::now());
    reading.zone = zone.clone();
    let job = Job {
        roots: Vec::new(),
        ledger: Some(Arc::clone(recorded)),
        reading,
        lanes: 1,
        folder: folder.clone(),
        prefix: "a".to_owned(),
        mapping: Arc::clone(&mapping),
        limits: LaneLimits::default(),
        stop: Arc::<AtomicBool>::default(),
    };
    let derived = derive(job, &ScanProgress::default()).map_err(|e| failed(&e))?;
    let losses = derived.diagnostics.entries().iter().map(|d| 1 + d.repeated).sum();
    let to = leaves.last().map_or(0, |last| last + 1);
    let run = Run::new(to, &mapping, derived.coverage, losses);
    let input = Input::Paths { paths: Vec::new(), zone: zone.iana_name().unwrap_or("UTC").to_owned() };
    let mut manifest = Manifest::new(1, input);
    manifest.add(run.clone(), derived.files);
    register(&folder, &manifest, None).map_err(|e| failed(&e))?;
    let below = |file: DerivedFile| DerivedFile { path: format!("{path}/{}", file.path), ..file };
    let files = manifest.files.into_iter().map(below).collect();
    Ok(Fresh { number, folder, leaves, bytes: 0, group: None, run, files })
}
