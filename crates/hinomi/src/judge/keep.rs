//! The last good result on disk.
//!
//! | file | content |
//! |---|---|
//! | `report.json` | what `hinomi assure --json` printed |
//! | `run.json` | when, how long, over which lists, and the SHA-256 of the report |
//!
//! # Invariants
//! A report whose digest is another than its run says is not used: a crash between the two files, or a hand.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use hinomi_model::{Digest, NANOS_PER_SECOND, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Judgement, Report, folder};
use crate::kept::{KeptError, fault, replace};

/// The folder in a data directory.
pub const FOLDER: &str = "assure";
/// Most bytes of a report that are read.
pub(super) const LARGEST: u64 = 64 << 20;
/// A report that is being written.
pub(super) const REPORT_NEW: &str = "report.part";
const REPORT: &str = "report.json";
const RUN: &str = "run.json";
const VERSION: u32 = 1;

/// A run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Run {
    version: u32,
    sha256: String,
    begun_ns: i64,
    ended_ns: i64,
    /// Digest of names, lengths and times of the lists.
    pub lists: String,
}

impl Run {
    pub(super) fn of(report: &[u8], (begun, ended): (Timestamp, Timestamp), lists: &str) -> Self {
        Self {
            version: VERSION,
            sha256: Digest::of(report).to_string(),
            begun_ns: begun.as_nanos(),
            ended_ns: ended.as_nanos(),
            lists: lists.to_owned(),
        }
    }

    /// When it began: what came later is not in it.
    pub fn begun(&self) -> Timestamp {
        Timestamp::from_nanos(self.begun_ns)
    }

    /// When it ended.
    pub fn ended(&self) -> Timestamp {
        Timestamp::from_nanos(self.ended_ns)
    }

    /// How long it took, in seconds.
    pub fn seconds(&self) -> i64 {
        self.ended_ns.saturating_sub(self.begun_ns).max(0) / NANOS_PER_SECOND
    }
}

/// Puts a report that is whole, `report.part`, in the place of the last one.
pub(super) fn keep(folder: &Path, run: &Run) -> Result<(), KeptError> {
    let (from, to) = (folder.join(REPORT_NEW), folder.join(REPORT));
    File::open(&from).and_then(|file| file.sync_all()).map_err(fault(&from))?;
    std::fs::rename(&from, &to).map_err(fault(&to))?;
    let text = serde_json::to_vec(run).unwrap_or_default();
    replace(folder, RUN, &text)
}

/// The run that gave the last good result of a data directory; `None` when there never was one.
///
/// # Errors
/// In a sentence, why it cannot be read.
pub fn last_run(data: &Path) -> Result<Option<Run>, String> {
    let Some(run) = read(&folder(data).join(RUN))? else { return Ok(None) };
    serde_json::from_slice(&run).map(Some).map_err(|error| format!("{RUN} of the last result: {error}"))
}

/// The last good result of a data directory; `None` when there never was one.
///
/// # Errors
/// In a sentence, why it cannot be read or used.
pub fn last(data: &Path) -> Result<Option<Judgement>, String> {
    let Some(run) = last_run(data)? else { return Ok(None) };
    let Some(report) = read(&folder(data).join(REPORT))? else { return Ok(None) };
    if run.version != VERSION || Digest::of(&report).to_string() != run.sha256 {
        return Err("the last result on disk is not the one that its run made; it is not used".to_owned());
    }
    let report: Report =
        serde_json::from_slice(&report).map_err(|error| format!("{REPORT} of the last result: {error}"))?;
    Ok(Some(Judgement { report, run }))
}

/// A file as a whole, within its bound; `None` when there is none.
fn read(path: &Path) -> Result<Option<Vec<u8>>, String> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("{}: {error}", path.display())),
    };
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| format!("{}: {error}", path.display()))?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!("{}: more than {LARGEST} bytes", path.display()));
    }
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT_TEXT: &str = r#"{"zone":"UTC","days":null,"events":0,"observations":0,"lists":[],"sessions":{},
        "claims":[],"suppliers":[],"copies":[],"exceptions":[],"disagreements":[],"configuration":{"documents":[]},
        "coverage":[],"reach":null,"diagnostics":[],"ledgers":[],"logs":[]}"#;

    fn put(path: &Path, text: &str) {
        #[expect(clippy::disallowed_methods, reason = "a test makes its own files")]
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn a_result_is_kept_whole_or_not_used() {
        let data = std::env::temp_dir().join(format!("hinomi-judge-keep-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&data);
        let folder = folder(&data);
        std::fs::create_dir_all(&folder).unwrap();
        assert!(last(&data).unwrap().is_none());
        put(&folder.join(REPORT_NEW), REPORT_TEXT);
        let at = Timestamp::from_nanos;
        let run = Run::of(REPORT_TEXT.as_bytes(), (at(5), at(3_000_000_006)), "l");
        keep(&folder, &run).unwrap();
        let kept = last(&data).unwrap().unwrap();
        assert_eq!((kept.run.seconds(), kept.run.begun(), kept.report.zone.as_str()), (3, at(5), "UTC"));
        put(&folder.join(REPORT), &REPORT_TEXT.replace("UTC", "XXX"));
        assert!(last(&data).unwrap_err().contains("not the one"));
        put(&folder.join(RUN), "{\"version\":");
        assert!(last(&data).unwrap_err().contains(RUN));
        std::fs::remove_file(folder.join(RUN)).unwrap();
        assert!(last(&data).unwrap().is_none());
        std::fs::remove_dir_all(data).unwrap();
    }
}
