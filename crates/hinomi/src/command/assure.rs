//! `hinomi assure`.

use std::io::IsTerminal as _;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use hinomi_assure::assess::{Local, Material, assess};
use hinomi_assure::declared::declare;
use hinomi_assure::estate::Answer;
use hinomi_assure::graph::Naming;
use hinomi_detect::completeness::Window;
use hinomi_ingest::intake::Options;
use hinomi_model::Timestamp;
use jiff::tz::TimeZone;

use super::estate::{Known, Readers};
use super::investigate::{forced, inputs, language, time, with_progress, zone};
use crate::args::{Assure, ColorChoice, FormatName, Lang};
use crate::assure::{
    AssureReport, Content, ContentError, Standards, Surroundings, View, build, gather, lists, numbers, page,
    question, table, terminal, workbook,
};
use crate::clock;
use crate::exit::{Exit, Failure};
use crate::reach::{Names, ReachPart};
use crate::render;
use crate::report::Citations;
use crate::scan::{Limits, Request, scan};

pub(super) fn run(args: Assure) -> Result<Exit, Failure> {
    let lang = args.lang.unwrap_or_else(language);
    let (zone_name, zone) = zone(args.tz.as_deref(), lang)?;
    let now = clock::now();
    let content = Content::load(&args.claims, &args.observations).map_err(unusable)?;
    let standards = Standards::load(&args.claims).map_err(unusable)?;
    let readers = Readers::bundled()?;
    let mut exports = readers.find(&standards.pack, &args.paths, &args.exports)?;
    let documents = std::mem::take(&mut exports.documents);
    let connections = readers.connections(exports);
    let window = window(args.since.as_deref(), args.until.as_deref(), &zone)?;
    let known = args.known_at.as_deref().map(|t| time(t, &zone)).transpose()?.unwrap_or(now);
    let (inventory, read) = lists(&args.inventory, now, known).map_err(unusable)?;
    let logs = Logs {
        paths: &args.paths,
        format: args.format,
        jobs: args.jobs,
        most: args.max_observations,
        window,
    };
    let request = logs.request(&content, &zone, now)?;
    let mut findings = with_progress(args.quiet, lang, |progress| scan(request, progress));
    if findings.lost_workers > 0 {
        return Err(lost());
    }
    let mut diagnostics: Vec<String> = findings.uncounted.values().map(|n| beyond(*n)).collect();
    diagnostics.extend(connections.unread);
    let gathered = gather(&content, &mut findings);
    let local = |time: Timestamp| local(time, &zone);
    let assessment = assess(&Material {
        claims: &content.claims,
        specs: &content.specs,
        observations: &gathered.observations,
        inventory: &inventory,
        logs: &gathered.logs,
        now: known,
        local: &local,
    });
    let mut citations = Citations::new(&findings);
    let events = findings.events;
    let sorted = std::mem::take(&mut findings.diagnostics).into_sorted();
    diagnostics.extend(sorted.into_iter().map(|d| format!("{}: {}", d.place, d.message)));
    let around = Surroundings {
        content: &content,
        gathered: &gathered,
        lists: read,
        inventory: &inventory,
        now: known,
        events,
        zone: zone_name,
        standards: &standards,
        declaration: declare(&standards.pack, &documents, &inventory, known),
        diagnostics,
    };
    let mut report = build(&assessment, around, &mut citations);
    let known = Known { content: &content, gathered: &gathered, inventory: &inventory, now: known };
    let estate = known.estate(connections.builder, &connections.secrets);
    let answer = Answer::of(&estate.graph, question(&report, &estate));
    let mut part = |name: Naming<'_>| {
        ReachPart::of((&estate, &answer), &connections.imports, &gathered.events, name, &mut citations)
    };
    let of_graph = estate.diagnostics.entries().iter();
    report.diagnostics.extend(of_graph.map(|d| format!("{}: {}", d.place, d.message)));
    let names = Names::new(&estate.graph, lang, args.show_names, numbers(&report, &estate));
    let shown = (!args.report.is_empty()).then(|| part(&|node| names.of(node)));
    report.reach = Some(part(&|node| estate.graph.node(node).name.to_owned()));
    write_pages(&args, lang, &report, shown.as_ref())?;
    output(&args, lang, &zone, &report)?;
    Ok(exit(&report))
}

/// Logs, and how they are read.
pub(super) struct Logs<'a> {
    pub(super) paths: &'a [PathBuf],
    pub(super) format: Option<FormatName>,
    pub(super) jobs: Option<NonZeroUsize>,
    pub(super) most: u64,
    pub(super) window: Window,
}

impl Logs<'_> {
    /// Observations from the logs.
    pub(super) fn request<'c>(
        &self,
        content: &'c Content,
        zone: &TimeZone,
        now: Timestamp,
    ) -> Result<Request<'c>, Failure> {
        let (ledgers, roots) = inputs(self.paths)?;
        let mut reading = Options::at(now);
        reading.zone = zone.clone();
        reading.forced = self.format.map(forced);
        let cores = || std::thread::available_parallelism().map_or(1, Into::into);
        Ok(Request {
            roots,
            ledgers,
            reading,
            engine: &content.engine,
            subjects: &content.subjects,
            window: self.window,
            hosts: Vec::new(),
            threads: self.jobs.map_or_else(cores, Into::into),
            sampled: content.sampled.clone(),
            limits: Limits { hits: self.most, ..Limits::default() },
        })
    }
}

/// The span of time that is looked at.
pub(super) fn window(since: Option<&str>, until: Option<&str>, zone: &TimeZone) -> Result<Window, Failure> {
    Ok(Window {
        since: since.map(|t| time(t, zone)).transpose()?,
        until: until.map(|t| time(t, zone)).transpose()?,
    })
}

/// A part of the input made a worker fail.
pub(super) fn lost() -> Failure {
    Failure::new(Exit::Internal, "a part of the input made the program fail: verdicts would lack it")
        .hint("run again with --jobs 1 and smaller folders to find the file, and please report it")
}

pub(super) fn beyond(count: u64) -> String {
    format!("{count} observed events beyond --max-observations were left out: raise it")
}

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

/// Day and minute in a zone.
pub(super) fn local(time: Timestamp, zone: &TimeZone) -> Local {
    let instant = jiff::Timestamp::from_nanosecond(i128::from(time.as_nanos())).unwrap_or_default();
    let civil = instant.to_zoned(zone.clone()).datetime();
    let since = civil.date().since(jiff::civil::date(1970, 1, 1)).map_or(0, |span| span.get_days());
    let minute = u32::from(civil.hour().unsigned_abs()) * 60 + u32::from(civil.minute().unsigned_abs());
    Local { day: since, minute }
}

/// A contradiction that no valid exception covers is 1; neither an event nor an export is 3.
fn exit(report: &AssureReport) -> Exit {
    use hinomi_assure::Outcome::{Contradicted, ExpiredException};
    let outcomes = report.claims.iter().filter_map(|c| c.outcome);
    let mut outcomes = outcomes.chain(report.configuration.claims.iter().map(|c| c.outcome));
    let found = outcomes.any(|outcome| matches!(outcome, Contradicted | ExpiredException));
    let nothing = report.events == 0 && report.configuration.documents.is_empty();
    let read = if nothing { Exit::Unreadable } else { Exit::Clean };
    read.and(if found { Exit::Found } else { Exit::Clean })
}

/// Writes what `--report` asks for.
fn write_pages(
    args: &Assure,
    lang: Lang,
    report: &AssureReport,
    reach: Option<&ReachPart>,
) -> Result<(), Failure> {
    for path in &args.report {
        let ending = path.extension().and_then(std::ffi::OsStr::to_str).unwrap_or_default().to_lowercase();
        let bytes = match ending.as_str() {
            "html" | "htm" => page(report, reach, lang, args.show_names).into_bytes(),
            "csv" => table(report, lang, args.show_names).into_bytes(),
            "xlsx" => workbook(report, lang, args.show_names)
                .map_err(|e| Failure::new(Exit::Internal, format!("--report {}: {e}", path.display())))?,
            _ => {
                return Err(Failure::new(
                    Exit::Usage,
                    format!("--report {}: unknown ending", path.display()),
                )
                .hint("give a name that ends in .html, .csv or .xlsx"));
            }
        };
        let written = render::to_file(path, |out| out.write_all(&bytes));
        written.map_err(|e| Failure::new(Exit::Usage, format!("--report {}: {e}", path.display())))?;
    }
    Ok(())
}

fn output(args: &Assure, lang: Lang, zone: &TimeZone, report: &AssureReport) -> Result<(), Failure> {
    let color = match args.color {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
        }
    };
    let view = View { lang, zone: zone.clone(), color, width: None };
    let written = render::to_stdout(|out| {
        if args.json {
            serde_json::to_writer_pretty(&mut *out, report)?;
            return writeln!(out);
        }
        terminal(report, &view, out)
    });
    written.map_err(|e| Failure::new(Exit::Internal, format!("standard output: {e}")))
}
