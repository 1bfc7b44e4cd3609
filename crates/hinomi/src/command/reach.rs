//! `hinomi reach`.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::PathBuf;

use hinomi_assure::estate::{Answer, Estate, Question, select};
use hinomi_assure::graph::{NodeId, Passage};
use hinomi_model::Timestamp;
use jiff::tz::TimeZone;

use super::assure::{Logs, beyond, lost, unusable, window};
use super::estate::{Known, Readers};
use super::investigate::{language, with_progress, zone};
use crate::args::{ColorChoice, Lang, Reach};
use crate::assure::{Content, Gathered, Standards, View, gather, lists};
use crate::clock;
use crate::exit::{Exit, Failure};
use crate::exports::Connections;
use crate::reach::{Comparison, Names, ReachReport, Surroundings, build, page, terminal};
use crate::render;
use crate::report::Citations;
use crate::scan::{Findings, scan};

pub(super) fn run(args: Reach) -> Result<Exit, Failure> {
    let lang = args.lang.unwrap_or_else(language);
    let (_, zone) = zone(args.tz.as_deref(), lang)?;
    let now = clock::now();
    let readers = Readers::bundled()?;
    let standards = Standards::load(&[]).map_err(unusable)?;
    let connections = |paths: &[PathBuf]| {
        let exports = readers.find(&standards.pack, &[], paths)?;
        Ok::<Connections, Failure>(readers.connections(exports))
    };
    let content = Content::load(&[], &args.observations).map_err(unusable)?;
    let (inventory, _) = lists(&args.inventory, now, now).map_err(unusable)?;
    let (gathered, mut findings) = observe(&args, &content, (&zone, now), lang)?;
    let known = Known { content: &content, gathered: &gathered, inventory: &inventory, now };
    let read = connections(&args.exports)?;
    let mut diagnostics: Vec<String> = findings.uncounted.values().map(|n| beyond(*n)).collect();
    diagnostics.extend(read.unread);
    let estate = known.estate(read.builder, &read.secrets);
    let (asked, answer) = answer(&args, &estate)?;
    let before = match args.before.as_slice() {
        [] => None,
        before => {
            let read = connections(before)?;
            diagnostics.extend(read.unread);
            let estate = known.estate(read.builder, &read.secrets);
            let answer = Answer::of(&estate.graph, earlier(&args, &estate));
            Some(Comparison { estate, answer })
        }
    };
    let mut citations = Citations::new(&findings);
    let sorted = std::mem::take(&mut findings.diagnostics).into_sorted();
    diagnostics.extend(sorted.into_iter().map(|d| format!("{}: {}", d.place, d.message)));
    let of_graph = estate.diagnostics.entries().iter();
    diagnostics.extend(of_graph.map(|d| format!("{}: {}", d.place, d.message)));
    let around = Surroundings {
        targets: by_word(&estate, &asked.1),
        asked,
        imports: read.imports,
        counts: (findings.events, gathered.observations.len() as u64),
        events: &gathered.events,
        before,
        diagnostics,
    };
    let by_name = |n: NodeId| estate.graph.node(n).name.to_owned();
    let mut report = build(&estate, &answer, around, &by_name, &mut citations);
    output(&args, lang, &zone, &report)?;
    if !args.report.is_empty() && !args.show_names {
        report.hide(&Names::new(&estate.graph, lang, false, BTreeMap::default()), &estate, &answer);
    }
    write_pages(&args, lang, &report)?;
    Ok(exit(&report))
}

fn observe(
    args: &Reach,
    content: &Content,
    (zone, now): (&TimeZone, Timestamp),
    lang: Lang,
) -> Result<(Gathered, Findings), Failure> {
    let logs = Logs {
        paths: &args.paths,
        format: args.format,
        jobs: args.jobs,
        most: args.max_observations,
        window: window(args.since.as_deref(), args.until.as_deref(), zone)?,
    };
    let request = logs.request(content, zone, now)?;
    let mut findings = with_progress(args.quiet, lang, |progress| scan(request, progress));
    if findings.lost_workers > 0 {
        return Err(lost());
    }
    Ok((gather(content, &mut findings), findings))
}

/// The words of the question and its answer.
type Answered = ((Vec<String>, Vec<String>), Answer);

fn answer(args: &Reach, estate: &Estate) -> Result<Answered, Failure> {
    let from = words(args, estate);
    let chosen = |option: &str, words: &[String]| {
        select(estate, words).map_err(|e| {
            Failure::new(Exit::Usage, format!("{option}: {e}"))
                .hint("name one node, or use supplier:NAME, suppliers, kind:account, tier0, backups")
        })
    };
    let question = Question {
        sources: chosen("--from", &from)?,
        targets: chosen("--to", &args.to)?,
        passage: passage(args),
    };
    let answer = Answer::of(&estate.graph, question);
    Ok(((from, args.to.clone()), answer))
}

/// How many nodes each word of what is protected names.
fn by_word(estate: &Estate, words: &[String]) -> BTreeMap<String, u64> {
    let count = |word: &str| select(estate, &[word.to_owned()]).map_or(0, |nodes| nodes.len() as u64);
    let words = words.iter().flat_map(|w| w.split(',')).map(str::trim).filter(|w| !w.is_empty());
    words.map(|word| (word.to_owned(), count(word))).collect()
}

fn passage(args: &Reach) -> Passage {
    Passage { network: args.network, ..Passage::default() }
}

/// Who is asked about: by default suppliers, or every account where no list names a supplier.
fn words(args: &Reach, estate: &Estate) -> Vec<String> {
    if !args.from.is_empty() {
        return args.from.clone();
    }
    let has_supplier = !estate.graph.of_kind("supplier").is_empty();
    vec![if has_supplier { "suppliers" } else { "kind:account" }.to_owned()]
}

/// The same question to earlier exports; a name that did not exist then asks about nothing.
fn earlier(args: &Reach, estate: &Estate) -> Question {
    let each = |words: &[String]| -> Vec<NodeId> {
        let parts = words.iter().flat_map(|w| w.split(','));
        parts.filter_map(|word| select(estate, &[word.to_owned()]).ok()).flatten().collect()
    };
    let from = words(args, estate);
    Question { sources: each(&from), targets: each(&args.to), passage: passage(args) }
}

/// A way to what is protected is 1; nothing read at all is 3.
fn exit(report: &ReachReport) -> Exit {
    let read = if report.graph.nodes == 0 { Exit::Unreadable } else { Exit::Clean };
    read.and(if report.answer.exposure.reaching > 0 { Exit::Found } else { Exit::Clean })
}

fn write_pages(args: &Reach, lang: Lang, report: &ReachReport) -> Result<(), Failure> {
    for path in &args.report {
        let ending = path.extension().and_then(std::ffi::OsStr::to_str).unwrap_or_default().to_lowercase();
        if !matches!(ending.as_str(), "html" | "htm") {
            let failure = Failure::new(Exit::Usage, format!("--report {}: unknown ending", path.display()));
            return Err(failure.hint("give a name that ends in .html"));
        }
        let text = page(report, lang, args.show_names);
        let written = render::to_file(path, |out| out.write_all(text.as_bytes()));
        written.map_err(|e| Failure::new(Exit::Usage, format!("--report {}: {e}", path.display())))?;
    }
    Ok(())
}

fn output(args: &Reach, lang: Lang, zone: &TimeZone, report: &ReachReport) -> Result<(), Failure> {
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
