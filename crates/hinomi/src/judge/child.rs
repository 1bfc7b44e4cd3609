//! One run: a process that judges, watched until it ends.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use hinomi_model::Timestamp;

use super::keep::{self, LARGEST, REPORT_NEW, Run};
use super::{Judgement, Order, Report, folder};
use crate::clock;
use crate::kept::{make_folder, private};

/// What the process says of itself.
const ERRORS: &str = "errors";
/// Bytes of it that are told, from its end.
const TOLD: u64 = 2_048;
/// Time between two looks at the process.
const LOOK: Duration = Duration::from_millis(200);

/// Judges once. `None` when it was stopped.
///
/// # Errors
/// In a sentence, why there is no result.
pub(super) fn judge(
    order: &Order,
    lists: &str,
    stop: &dyn Fn() -> bool,
) -> Result<Option<Judgement>, String> {
    let folder = folder(&order.data);
    make_folder(&folder).map_err(|error| error.to_string())?;
    let begun = clock::now();
    let mut child = command(order, &folder)?.spawn().map_err(|error| format!("no process: {error}"))?;
    let Some(status) = wait(&mut child, stop).map_err(|error| error.to_string())? else { return Ok(None) };
    taken(order, &folder, (begun, clock::now()), lists, status).map(Some)
}

fn command(order: &Order, folder: &Path) -> Result<Command, String> {
    let file = |name: &str| {
        let path = folder.join(name);
        let opened = private().write(true).create(true).truncate(true).open(&path);
        opened.map_err(|error| format!("{}: {error}", path.display()))
    };
    let section = &order.section;
    let mut command = Command::new(&order.program);
    command.args(["assure", "--json", "--quiet", "--jobs", "1", "--lang", "en", "--tz", &order.zone]);
    command.arg("--confined").arg(section.memory_mib.to_string());
    let lists = [
        ("--inventory", &section.inventory),
        ("--exports", &section.exports),
        ("--claims", &section.claims),
        ("--observations", &section.observations),
    ];
    for (option, paths) in lists {
        for path in paths {
            command.arg(option).arg(path);
        }
    }
    command.arg("--").arg(&order.data);
    // The allocator reserves address space ahead in pieces of this many KiB; the usual gigabyte would be much of the bound.
    command.env("MIMALLOC_ARENA_RESERVE", "65536");
    command.stdin(Stdio::null()).stdout(file(REPORT_NEW)?).stderr(file(ERRORS)?);
    Ok(command)
}

/// Waits until the process ends, or ends it.
fn wait(child: &mut Child, stop: &dyn Fn() -> bool) -> std::io::Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if stop() {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::park_timeout(LOOK);
    }
}

/// Reads what a process that ended has left, and keeps it.
fn taken(
    order: &Order,
    folder: &Path,
    (begun, ended): (Timestamp, Timestamp),
    lists: &str,
    status: ExitStatus,
) -> Result<Judgement, String> {
    // 1: something contradicts a claim; 3: nothing was read.
    if !matches!(status.code(), Some(0 | 1 | 3)) {
        return Err(said(folder, status, order.section.memory_mib));
    }
    let path = folder.join(REPORT_NEW);
    let unreadable = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let length = std::fs::metadata(&path).map_err(|error| unreadable(&error))?.len();
    if length == 0 {
        return Err(said(folder, status, order.section.memory_mib));
    }
    if length > LARGEST {
        return Err(format!("the result has {length} bytes, more than the {LARGEST} that are read"));
    }
    let bytes = std::fs::read(&path).map_err(|error| unreadable(&error))?;
    let report: Report = serde_json::from_slice(&bytes).map_err(|error| unreadable(&error))?;
    let run = Run::of(&bytes, (begun, ended), lists);
    keep::keep(folder, &run).map_err(|error| error.to_string())?;
    Ok(Judgement { report, run })
}

/// What the process said last, or how it ended.
fn said(folder: &Path, status: ExitStatus, memory_mib: u64) -> String {
    let said = tail(&folder.join(ERRORS)).unwrap_or_default();
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let said = crate::render::harmless(&lines.join("; "));
    match (status.code(), said.as_str()) {
        (Some(code), "") => format!("the process ended with {code}"),
        (Some(_), said) => said.to_owned(),
        (None, said) => {
            format!(
                "the process was ended ({status}); it may need more than {memory_mib} MiB: assure.memory_mib. {said}"
            )
        }
    }
}

fn tail(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TOLD)))?;
    let mut bytes = Vec::new();
    file.take(TOLD).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
