//! Reports for questions that go beyond events: saved ones, or made of the evidence behind derived data.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use hinomi_query::sql::{Maker, Views, tables_of};
use hinomi_query::{Archive, Input};
use serde_json::Value;

use super::failure;
use crate::args::DerivedAt;
use crate::exit::{Exit, Failure};

/// Largest report that is read.
const LARGEST: u64 = 1 << 30;

/// Saved reports.
pub(super) fn read(paths: &[PathBuf]) -> Result<Vec<Value>, Failure> {
    paths.iter().map(|path| load(path)).collect()
}

fn load(path: &Path) -> Result<Value, Failure> {
    let unreadable = |e: &dyn std::fmt::Display| {
        Failure::new(Exit::Unreadable, format!("--report {}: {e}", path.display()))
            .hint("give what hinomi investigate --json or hinomi assure --json printed")
    };
    let length = std::fs::metadata(path).map_err(|e| unreadable(&e))?.len();
    if length > LARGEST {
        return Err(unreadable(&"is larger than 1 GiB"));
    }
    let bytes = std::fs::read(path).map_err(|e| unreadable(&e))?;
    serde_json::from_slice(&bytes).map_err(|e| unreadable(&e))
}

/// Judges the evidence that derived data was made of, as far as the question needs it.
pub(super) fn judge(archive: &Archive, at: &DerivedAt, sql: &str) -> Result<Vec<Value>, Failure> {
    let named = tables_of(archive, sql).map_err(failure)?;
    let views = Views::bundled().map_err(failure)?;
    let mut reports = Vec::new();
    for maker in [Maker::Investigate, Maker::Assure] {
        if views.tables.iter().any(|view| view.made_by == maker && named.contains(&view.name)) {
            reports.push(made(maker, archive, at)?);
        }
    }
    Ok(reports)
}

/// The verb that makes a report, run over the same input with the rules and claims of the program.
fn made(maker: Maker, archive: &Archive, at: &DerivedAt) -> Result<Value, Failure> {
    let failed = |what: &dyn std::fmt::Display| {
        Failure::new(Exit::Unreadable, format!("--judge: {what}"))
            .hint("run hinomi investigate --json or hinomi assure --json yourself and give the result with --report")
    };
    let (paths, zone) = match &archive.manifest().input {
        Input::Paths { paths, zone } => (paths.clone(), zone),
        Input::Ledger { zone, .. } => (vec![at.folder.clone()], zone),
    };
    let program = std::env::current_exe().map_err(|e| failed(&e))?;
    let mut command = Command::new(program);
    match maker {
        Maker::Investigate => command.args(["investigate", "--json"]),
        Maker::Assure => command.args(["assure", "--json", "--sessions"]),
    };
    if at.quiet {
        command.arg("--quiet");
    }
    command.args(["--tz", zone]).arg("--").args(&paths).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command.output().map_err(|e| failed(&e))?;
    match output.status.code() {
        Some(0 | 1 | 3) => serde_json::from_slice(&output.stdout).map_err(|e| failed(&e)),
        _ => Err(failed(&output.status)),
    }
}
