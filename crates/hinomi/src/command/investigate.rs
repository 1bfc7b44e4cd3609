//! `hinomi investigate`.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hinomi_detect::completeness::Window;
use hinomi_detect::sigma::Placeholders;
use hinomi_detect::{Engine, LogSources, RuleIndex};
use hinomi_ingest::intake::{Class, Format, Options, Root};
use hinomi_model::{DiagnosticKind, Timestamp};
use jiff::tz::TimeZone;

use super::extension;
use crate::args::{Cite, FormatName, Investigate, Lang, OutputFormat, RuleArgs};
use crate::clock;
use crate::document::{Budget, MOST_BYTES, Settings, build, csv, html, markdown, navigator};
use crate::exit::{Exit, Failure};
use crate::recorded::Recorded;
use crate::render;
use crate::report::{DiagnosticEntry, Material, Reading, RejectedRule, Report, assemble};
use crate::rulebook::{RuleSource, Rulebook, RulebookError, add_placeholders};
use crate::scan::{Digests, FEEDING, Limits, Request, ScanProgress, Subjects, is_host, scan};
use crate::suppress::Suppressions;

pub(super) fn run(args: Investigate) -> Result<Exit, Failure> {
    let lang = args.lang.unwrap_or_else(language);
    let now = clock::now();
    let (zone_name, zone) = zone(args.tz.as_deref(), lang)?;
    let window = window((&args.since, &args.until), &zone)?;
    let mut suppressions = match &args.suppress {
        Some(path) => load_suppressions(path, now)?,
        None => Suppressions::default(),
    };
    let subjects = Subjects::bundled().map_err(|e| Failure::new(Exit::Internal, e))?;
    let (engine, rejected) = engine(&args.pack, &subjects)?;
    let (ledgers, roots) = inputs(&args.paths)?;
    let recorded = ledgers.clone();
    let reading = Reading {
        zone: zone_name.clone(),
        format: args.format.map(|format| format_name(format).to_owned()),
        hosts: args.host.clone(),
        since: window.since.map(|time| time.to_string()),
        until: window.until.map(|time| time.to_string()),
        max_detections: args.max_detections,
        as_of: None,
    };
    let sought = Sought {
        inputs: (ledgers, roots),
        options: Options { zone: zone.clone(), forced: args.format.map(forced), ..Options::at(now) },
        reading,
        window,
        threads: threads(args.jobs),
        limits: limits(&args),
        digests: digests(&args),
        progress: (args.quiet, lang),
    };
    let mut report = sought.find((&engine, rejected), &subjects, &mut suppressions)?;
    known_hosts(&args, &mut report)?;
    write_reports(&args, (lang, &zone_name), &window, now, &report, &subjects)?;
    output(&args, lang, &zone, &report, subjects.details().to_vec())?;
    extension::run(&args, lang, &recorded, &report)?;
    let exit = exit(&args, &report);
    // The process ends here; taking tens of thousands of rules and detections apart first would only cost time.
    std::mem::forget((report, engine, subjects));
    Ok(exit)
}

/// What sources are read for, and how.
pub(super) struct Sought {
    pub(super) inputs: (Vec<Arc<Recorded>>, Vec<Root>),
    pub(super) options: Options,
    pub(super) reading: Reading,
    pub(super) window: Window,
    pub(super) threads: usize,
    pub(super) limits: Limits,
    pub(super) digests: Digests,
    /// Whether nothing is said meanwhile, and in which language.
    pub(super) progress: (bool, Lang),
}

impl Sought {
    /// Reads everything.
    pub(super) fn find(
        self,
        (engine, mut rejected): (&Engine, Vec<RejectedRule>),
        subjects: &Subjects,
        suppressions: &mut Suppressions,
    ) -> Result<Report, Failure> {
        let now = self.options.now;
        let request = Request {
            roots: self.inputs.1,
            reading: self.options,
            ledgers: self.inputs.0,
            engine,
            subjects,
            window: self.window,
            hosts: self.reading.hosts.clone(),
            threads: self.threads,
            sampled: BTreeMap::new(),
            limits: self.limits,
            digests: self.digests,
        };
        let mut findings =
            with_progress(self.progress.0, self.progress.1, |progress| scan(request, progress));
        if findings.lost_workers > 0 {
            return Err(Failure::new(
                Exit::Internal,
                "a part of the input made the program fail: a report would lack it",
            )
            .hint("run again with --jobs 1 and smaller folders to find the file, and please report it"));
        }
        let timeless = findings.members.iter().any(|done| {
            matches!(done.class, Class::Log(_)) && done.modified.is_none_or(|modified| modified > now)
        });
        let fed = |(rule, count): (&RuleIndex, &u64)| engine.feeds_correlations(*rule).then_some(*count);
        let left_out: u64 = findings.uncounted.iter().filter_map(fed).sum();
        if left_out > 0 {
            let beyond = |alerts: bool| -> u64 {
                let is = |rule: &RuleIndex| engine.rule(*rule).is_some_and(|rule| rule.alerts) == alerts;
                findings.uncounted.iter().filter(|(rule, _)| is(rule)).map(|(_, count)| count).sum()
            };
            let enough = [(self.limits.hits, beyond(true), 1), (self.limits.feeding, beyond(false), FEEDING)];
            let enough = enough.into_iter().filter(|(_, beyond, _)| *beyond > 0);
            let enough =
                enough.map(|(kept, beyond, share)| kept.saturating_add(beyond).div_ceil(share)).max();
            let enough = enough.unwrap_or(self.limits.hits);
            let message = format!(
                "{left_out} matches that correlations count were not kept: what needs them is not found; {enough} is enough"
            );
            findings.diagnostics.push(LEFT_OUT, 0, DiagnosticKind::LimitExceeded, message);
        }
        let (correlated, mut unusable) = crate::correlated::correlations(engine, &findings);
        rejected.append(&mut unusable);
        let report = assemble(Material { findings, engine, correlated, subjects, suppressions, rejected });
        let as_of = timeless.then(|| now.to_string());
        Ok(Report { reading: Some(Reading { as_of, ..self.reading }), ..report })
    }
}

/// Whoever asks for several threads gets them from the first byte on.
fn limits(args: &Investigate) -> Limits {
    let usual = Limits::of(args.max_detections);
    let many = args.jobs.is_some_and(|jobs| jobs.get() > 1);
    if many { Limits { alone_bytes: 0, ..usual } } else { usual }
}

/// Threads to work with: those that were asked for, or one for each core.
pub(super) fn threads(asked: Option<std::num::NonZeroUsize>) -> usize {
    asked.map_or_else(|| std::thread::available_parallelism().map_or(1, Into::into), Into::into)
}

fn format_name(format: FormatName) -> &'static str {
    match format {
        FormatName::Evtx => "evtx",
        FormatName::Flow => "flow",
        FormatName::Journal => "journal",
        FormatName::Json => "json",
        FormatName::Text => "text",
    }
}

/// A report is handed on, and whoever gets it compares whole files.
fn digests(args: &Investigate) -> Digests {
    if args.cite == Cite::Files || !args.report.is_empty() { Digests::Files } else { Digests::Pieces }
}

/// Writes what `--report` asks for.
fn write_reports(
    args: &Investigate,
    (lang, zone_name): (Lang, &str),
    window: &Window,
    now: Timestamp,
    report: &Report,
    subjects: &Subjects,
) -> Result<(), Failure> {
    let Some(table) = subjects.story().filter(|_| !args.report.is_empty()) else { return Ok(()) };
    let settings = Settings {
        lang: if lang == Lang::Ja { "ja" } else { "en" }.to_owned(),
        zone: zone_name.to_owned(),
        format: args.format.map(|format| format_name(format).to_owned()),
        hosts: args.host.clone(),
        since: window.since,
        until: window.until,
    };
    let internal = |e: &dyn std::fmt::Display| Failure::new(Exit::Internal, e);
    let mut budget = Budget::FULL;
    let (document, page) = loop {
        let document = build(report, settings.clone(), now, subjects.details(), table, budget);
        let page = html(&document, table).map_err(|e| internal(&e))?;
        if page.len() < MOST_BYTES || budget.citations <= 1 {
            break (document, page);
        }
        budget = budget.half();
    };
    for path in &args.report {
        let ending = path.extension().and_then(std::ffi::OsStr::to_str).unwrap_or_default().to_lowercase();
        let text = match ending.as_str() {
            "html" | "htm" => page.clone(),
            "md" => markdown(&document, table),
            "csv" => csv(&document, table),
            "json" => format!("{:#}\n", navigator(&document)),
            _ => {
                return Err(Failure::new(
                    Exit::Usage,
                    format!("--report {}: unknown ending", path.display()),
                )
                .hint("give a name that ends in .html, .md, .csv or .json (ATT&CK Navigator layer)"));
            }
        };
        let written = render::to_file(path, |out| out.write_all(text.as_bytes()));
        written.map_err(|e| Failure::new(Exit::Usage, format!("--report {}: {e}", path.display())))?;
    }
    Ok(())
}

/// Where it stands that correlations lack matches: the option that bounds them.
const LEFT_OUT: &str = "--max-detections";

/// No event at all is exit 3, whatever the reason, and so are a span of time without any and correlations that lack matches; single
/// losses are data.
fn exit(args: &Investigate, report: &Report) -> Exit {
    let found = report.incidents.iter().any(|i| i.level >= args.fail_on)
        || report.detections.iter().any(|d| d.level >= args.fail_on);
    let lacks = report.diagnostics.iter().any(|d| d.place == LEFT_OUT);
    let silent = report.diagnostics.iter().any(|d| d.message == NO_EVENT);
    let empty = report.summary.events == 0 || (is_narrowed(args) && report.summary.first.is_none());
    let read = if empty || silent || lacks { Exit::Unreadable } else { Exit::Clean };
    read.and(if found { Exit::Found } else { Exit::Clean })
}

/// Whether only a span of time is asked for.
fn is_narrowed(args: &Investigate) -> bool {
    args.since.is_some() || args.until.is_some()
}

/// What is said of a host that was asked for and is silent in the span.
const NO_EVENT: &str = "no event of this span names this host: nothing can be said of it";

/// A host that no event names is more likely a slip of the pen than a clean host; in a span of time it may just be silent.
fn known_hosts(args: &Investigate, report: &mut Report) -> Result<(), Failure> {
    for wanted in &args.host {
        let is_known = report.sources.iter().any(|s| is_host(&s.host, wanted));
        if !is_known && is_narrowed(args) {
            report.diagnostics.push(DiagnosticEntry {
                kind: DiagnosticKind::Unreadable.name(),
                place: format!("--host {wanted}"),
                offset: 0,
                message: NO_EVENT.to_owned(),
                repeated: 0,
            });
        } else if !is_known {
            let mut hosts: Vec<&str> =
                report.sources.iter().map(|s| s.host.as_str()).filter(|h| !h.is_empty()).collect();
            hosts.dedup();
            hosts.truncate(20);
            return Err(Failure::new(Exit::Usage, format!("--host {wanted}: no event names this host"))
                .hint(format!("hosts seen: {}", hosts.join(", "))));
        }
    }
    Ok(())
}

pub(super) fn forced(name: FormatName) -> Format {
    match name {
        FormatName::Evtx => Format::Evtx,
        FormatName::Flow => Format::Flow,
        FormatName::Journal => Format::Journal,
        FormatName::Json => Format::Json,
        FormatName::Text => Format::Text,
    }
}

/// Language from the environment, as programs with message catalogues take it.
pub(super) fn language() -> Lang {
    Lang::of_environment()
}

/// Zone of the output and its name: as given; otherwise JST for Japanese output, UTC for English.
pub(super) fn zone(given: Option<&str>, lang: Lang) -> Result<(String, TimeZone), Failure> {
    let usual = match lang {
        Lang::Ja => "Asia/Tokyo",
        Lang::En => "UTC",
    };
    let name = given.unwrap_or(usual);
    if name == "UTC" {
        return Ok((name.to_owned(), TimeZone::UTC));
    }
    let zone = TimeZone::get(name).map_err(|e| {
        Failure::new(Exit::Usage, format!("--tz {name}: {e}"))
            .hint("use a name of the IANA database, for instance Asia/Tokyo")
    })?;
    Ok((name.to_owned(), zone))
}

/// The span between two times, each of which may be open.
pub(super) fn window(
    (since, until): (&Option<String>, &Option<String>),
    zone: &TimeZone,
) -> Result<Window, Failure> {
    let at = |text: &Option<String>| text.as_deref().map(|t| time(t, zone)).transpose();
    let window = Window { since: at(since)?, until: at(until)? };
    if window.since.zip(window.until).is_some_and(|(since, until)| until <= since) {
        return Err(Failure::new(Exit::Usage, "--until is not after --since: no time lies between them")
            .hint("--since is the first moment that counts, --until the first that does not"));
    }
    Ok(window)
}

/// An RFC 3339 time, or a civil date or time in `zone`.
pub(super) fn time(text: &str, zone: &TimeZone) -> Result<Timestamp, Failure> {
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let civil = text.parse::<jiff::civil::DateTime>().or_else(|_| {
        text.parse::<jiff::civil::Date>().map(|date| date.to_datetime(jiff::civil::Time::midnight()))
    });
    let instant = civil.ok().and_then(|c| zone.to_timestamp(c).ok());
    instant.and_then(|t| i64::try_from(t.as_nanosecond()).ok()).map(Timestamp::from_nanos).ok_or_else(|| {
        Failure::new(Exit::Usage, format!("{text:?} is not a time"))
            .hint("write 2026-01-31, 2026-01-31T09:00 or 2026-01-31T09:00:00Z")
    })
}

/// Data directories of ledgers are read as such, everything else as files.
pub(super) fn inputs(paths: &[PathBuf]) -> Result<(Vec<Arc<Recorded>>, Vec<Root>), Failure> {
    let mut known = std::collections::BTreeSet::new();
    let once =
        |path: &&PathBuf| known.insert(std::fs::canonicalize(path).unwrap_or_else(|_| (*path).clone()));
    let (ledgers, others): (Vec<_>, Vec<_>) = paths.iter().partition(|p| Recorded::is_at(p));
    let ledgers = ledgers.into_iter().filter(once).map(|p| Recorded::open(p).map_err(super::ledger::failure));
    Ok((ledgers.collect::<Result<_, _>>()?, roots(&others)?))
}

fn roots(paths: &[&PathBuf]) -> Result<Vec<Root>, Failure> {
    let root = |path: &&PathBuf| {
        if path.as_os_str() == "-" {
            return Ok(Root::Stream { name: "-".to_owned(), reader: Box::new(std::io::stdin()) });
        }
        match std::fs::metadata(path) {
            Ok(_) => Ok(Root::Path((*path).clone())),
            Err(error) => Err(Failure::new(Exit::Unreadable, format!("{}: {error}", path.display()))
                .hint("give folders, files or archives with logs, or - for standard input")),
        }
    };
    paths.iter().map(root).collect()
}

pub(super) fn load_suppressions(path: &Path, now: Timestamp) -> Result<Suppressions, Failure> {
    let named =
        |e: &dyn std::fmt::Display| Failure::new(Exit::Usage, format!("--suppress {}: {e}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|e| named(&e))?;
    Suppressions::parse(&text, now).map_err(|e| named(&e))
}

/// Rule sources as given on the command line.
pub(super) fn sources(names: &[String]) -> Vec<RuleSource> {
    let source =
        |name: &String| if name == "bundled" { RuleSource::Bundled } else { RuleSource::Path(name.into()) };
    if names.is_empty() { vec![RuleSource::Bundled] } else { names.iter().map(source).collect() }
}

pub(super) fn load(names: &[String], placeholders: &[PathBuf]) -> Result<Rulebook, Failure> {
    let explain = |error: RulebookError| {
        let hint = "--rules takes a Sigma rule file, a folder of them, or the word bundled";
        Failure::new(Exit::Unreadable, error).hint(hint)
    };
    let mut values = Placeholders::default();
    for path in placeholders {
        add_placeholders(path, &mut values).map_err(explain)?;
    }
    Rulebook::load(&sources(names), &values).map_err(explain)
}

pub(super) fn engine(pack: &RuleArgs, subjects: &Subjects) -> Result<(Engine, Vec<RejectedRule>), Failure> {
    let mut book = load(&pack.rules, &pack.placeholders)?;
    for path in &pack.ioc {
        book.add_indicators(path).map_err(|e| Failure::new(Exit::Unreadable, e))?;
    }
    let log_sources = LogSources::bundled().map_err(|e| Failure::new(Exit::Internal, e))?;
    let (engine, errors) = Engine::compile(book.documents, &log_sources, &subjects.fields());
    let mut rejected = book.rejected;
    if engine.rules().is_empty() {
        let first = rejected.first().map_or_else(|| "no rule was given".to_owned(), |r| r.reason.clone());
        return Err(Failure::new(Exit::Unreadable, format!("no rule can be used: {first}"))
            .hint("hinomi rules check says what is wrong with each rule"));
    }
    rejected
        .extend(errors.iter().map(|e| RejectedRule { origin: e.origin().to_owned(), reason: e.to_string() }));
    Ok((engine, rejected))
}

/// Draws progress on standard error while `work` runs, when that is a terminal.
pub(super) fn with_progress<T>(quiet: bool, lang: Lang, work: impl FnOnce(&ScanProgress) -> T) -> T {
    let progress = Arc::new(ScanProgress::default());
    if quiet || !std::io::stderr().is_terminal() {
        return work(&progress);
    }
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (shared, finished) = (Arc::clone(&progress), &done);
        let painter = scope.spawn(move || {
            while !finished.load(Ordering::Relaxed) {
                render::progress(&shared, lang);
                std::thread::park_timeout(Duration::from_millis(200));
            }
            render::clear_progress();
        });
        let result = work(&progress);
        done.store(true, Ordering::Relaxed);
        painter.thread().unpark();
        result
    })
}

fn output(
    args: &Investigate,
    lang: Lang,
    zone: &TimeZone,
    report: &Report,
    details: Vec<String>,
) -> Result<(), Failure> {
    let to_terminal = args.output_file.is_none() && std::io::stdout().is_terminal();
    let color = args.color.on(to_terminal);
    let view = render::View {
        lang,
        zone: zone.clone(),
        color,
        width: None,
        min_level: args.min_level,
        all: args.all,
        details,
    };
    let shape = if args.json { OutputFormat::Json } else { args.output };
    let timeless = report.detections.iter().filter(|d| d.time.is_none()).count();
    if shape == OutputFormat::Timesketch && timeless > 0 {
        let said = match lang {
            Lang::En => {
                format!("{timeless} detections state no readable time and are left out; --json lists them")
            }
            Lang::Ja => format!("時刻を読めない検知 {timeless} 件は含みません(--json で表示)"),
        };
        // Whoever closed standard error does not want to know.
        let _ = writeln!(std::io::stderr(), "hinomi: {said}");
    }
    let write = |out: &mut dyn std::io::Write| match shape {
        OutputFormat::Terminal => render::terminal(report, &view, out),
        OutputFormat::Json => render::json(report, out),
        OutputFormat::Jsonl => render::json_lines(report, out),
        OutputFormat::Timesketch => render::timesketch(report, out),
    };
    let result = match &args.output_file {
        Some(path) => render::to_file(path, write),
        None => render::to_stdout(write),
    };
    result.map_err(|e| {
        let place = args.output_file.as_ref().map_or("standard output".into(), |p| p.display().to_string());
        let exit = if args.output_file.is_some() { Exit::Usage } else { Exit::Internal };
        Failure::new(exit, format!("{place}: {e}"))
    })
}
