//! What every verb that judges observed events does before and after: the setting, reading logs, and writing results.

use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use hinomi_detect::completeness::Window;
use hinomi_ingest::intake::Options;
use hinomi_model::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::investigate::{forced, inputs, language, window, with_progress, zone};
use crate::args::{Lang, Reading};
use crate::assure::{Content, ContentError, Gathered, View, gather};
use crate::clock;
use crate::exit::{Exit, Failure};
use crate::render;
use crate::scan::{Digests, Findings, Limits, Request, scan};

/// How logs are read and results are shown, with the environment asked.
pub(super) struct Setting<'a> {
    args: &'a Reading,
    pub(super) lang: Lang,
    pub(super) zone_name: String,
    pub(super) zone: TimeZone,
    pub(super) now: Timestamp,
    window: Window,
}

impl<'a> Setting<'a> {
    pub(super) fn of(args: &'a Reading) -> Result<Self, Failure> {
        let lang = args.lang.unwrap_or_else(language);
        let (zone_name, zone) = zone(args.tz.as_deref(), lang)?;
        let window = window((&args.since, &args.until), &zone)?;
        Ok(Self { args, lang, zone_name, zone, now: clock::now(), window })
    }

    /// What the logs show, and what was found on the way.
    pub(super) fn observe(
        &self,
        paths: &[PathBuf],
        content: &Content,
    ) -> Result<(Gathered, Findings), Failure> {
        let (ledgers, roots) = inputs(paths)?;
        let mut reading = Options::at(self.now);
        reading.zone = self.zone.clone();
        reading.forced = self.args.format.map(forced);
        let cores = || std::thread::available_parallelism().map_or(1, Into::into);
        let request = Request {
            roots,
            ledgers,
            reading,
            engine: &content.engine,
            subjects: &content.subjects,
            window: self.window,
            hosts: Vec::new(),
            threads: self.args.jobs.map_or_else(cores, Into::into),
            sampled: content.sampled.clone(),
            limits: Limits::of(self.args.max_observations),
            digests: Digests::Files,
        };
        let mut findings = with_progress(self.args.quiet, self.lang, |progress| scan(request, progress));
        if findings.lost_workers > 0 {
            let failure = Failure::new(
                Exit::Internal,
                "a part of the input made the program fail: verdicts would lack it",
            );
            return Err(failure
                .hint("run again with --jobs 1 and smaller folders to find the file, and please report it"));
        }
        Ok((gather(content, &mut findings), findings))
    }

    /// Prints a report as JSON, or as `terminal` shows it.
    pub(super) fn print<R: Serialize>(
        &self,
        report: &R,
        terminal: impl FnOnce(&R, &View, &mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let color = self.args.color.on(std::io::stdout().is_terminal());
        let view = View { lang: self.lang, zone: self.zone.clone(), color, width: None };
        let written = render::to_stdout(|out| {
            if self.args.json {
                serde_json::to_writer_pretty(&mut *out, report)?;
                return writeln!(out);
            }
            terminal(report, &view, out)
        });
        written.map_err(|e| Failure::new(Exit::Internal, format!("standard output: {e}")))
    }
}

/// What could not be read, a line each.
pub(super) fn unread(findings: &mut Findings) -> Vec<String> {
    let beyond =
        |count: &u64| format!("{count} observed events beyond --max-observations were left out: raise it");
    let mut lines: Vec<String> = findings.uncounted.values().map(beyond).collect();
    let sorted = std::mem::take(&mut findings.diagnostics).into_sorted();
    lines.extend(sorted.into_iter().map(|d| format!("{}: {}", d.place, d.message)));
    lines
}

/// A form of page that `--report` can write, by the ending of its name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum PageForm {
    Html,
    Csv,
    Xlsx,
}

/// What `--report` asks for, checked before any work is done.
pub(super) fn pages<'p>(
    paths: &'p [PathBuf],
    allowed: &[PageForm],
) -> Result<Vec<(&'p Path, PageForm)>, Failure> {
    let form = |path: &'p PathBuf| {
        let ending = path.extension().and_then(std::ffi::OsStr::to_str).unwrap_or_default().to_lowercase();
        let form = match ending.as_str() {
            "html" | "htm" => Some(PageForm::Html),
            "csv" => Some(PageForm::Csv),
            "xlsx" => Some(PageForm::Xlsx),
            _ => None,
        };
        if let Some(form) = form.filter(|f| allowed.contains(f)) {
            return Ok((path.as_path(), form));
        }
        let hint = match allowed {
            [PageForm::Html] => "give a name that ends in .html",
            _ => "give a name that ends in .html, .csv or .xlsx",
        };
        Err(Failure::new(Exit::Usage, format!("--report {}: unknown ending", path.display())).hint(hint))
    };
    paths.iter().map(form).collect()
}

/// Writes a page.
pub(super) fn write_page(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let written = render::to_file(path, |out| out.write_all(bytes));
    written.map_err(|e| Failure::new(Exit::Usage, format!("--report {}: {e}", path.display())))
}

/// Claims, observation rules or lists that cannot be used.
pub(super) fn unusable(error: ContentError) -> Failure {
    let exit = match &error {
        ContentError::Table(_) => Exit::Internal,
        ContentError::Unreadable { .. } => Exit::Unreadable,
        _ => Exit::Usage,
    };
    let hint = match &error {
        ContentError::List(_) => {
            Some("docs/assure.md names the columns of lists and the exports that are understood")
        }
        ContentError::NoClaims(_) => Some("--claims takes a YAML file with a claim, or a folder of them"),
        _ => None,
    };
    let failure = Failure::new(exit, error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
