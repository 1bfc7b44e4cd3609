//! `hinomi assure`.

use std::path::Path;
use std::sync::Arc;

use hinomi_assure::assess::{Local, Material, assess_listing};
use hinomi_assure::declared::declare;
use hinomi_assure::estate::Answer;
use hinomi_assure::graph::Naming;
use hinomi_model::Timestamp;
use jiff::tz::TimeZone;
use rustix::process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit};

use super::estate::{Known, Readers};
use super::investigate::time;
use super::observing::{PageForm, Setting, pages, unread, unusable, write_page};
use crate::args::{Assure, Lang};
use crate::assure::{
    AssureReport, Content, LedgerEntry, Standards, Surroundings, build, lists, numbers, page, question,
    table, terminal, workbook,
};
use crate::exit::{Exit, Failure};
use crate::reach::{Names, ReachPart};
use crate::recorded::Recorded;
use crate::report::Citations;
use crate::scan::Findings;

/// How far it steps back: a tenth of what others get. With 19 it would not end on a machine that is busy for hours.
const NICE: i32 = 10;
/// Bytes of a report beyond which a server would not read it.
const LARGEST_REPORT: u64 = 1 << 30;

pub(super) fn run(args: Assure) -> Result<Exit, Failure> {
    if let Some(mebibytes) = args.confined {
        confine(mebibytes).map_err(|e| Failure::new(Exit::Internal, e))?;
        // What is there already is not bounded: little would be judged with it, or nothing.
        if let Some(taken) = address_space().filter(|taken| *taken > mebibytes) {
            let why =
                format!("a bound of {mebibytes} MiB is less than the program takes to begin ({taken} MiB)");
            return Err(Failure::new(Exit::Internal, why).hint("raise assure.memory_mib"));
        }
    }
    let setting = Setting::of(&args.reading)?;
    let (lang, zone) = (setting.lang, &setting.zone);
    let wanted = pages(&args.report, &[PageForm::Html, PageForm::Csv, PageForm::Xlsx])?;
    let content = Content::load(&args.claims, &args.reading.observations).map_err(unusable)?;
    let standards = Standards::load(&args.claims).map_err(unusable)?;
    let readers = Readers::bundled()?;
    let mut exports = readers.find(&standards.pack, &args.paths, &args.exports)?;
    let documents = std::mem::take(&mut exports.documents);
    let connections = readers.connections(exports);
    let known = args.known_at.as_deref().map(|t| time(t, zone)).transpose()?.unwrap_or(setting.now);
    let (inventory, read) = lists(&args.inventory, setting.now, known).map_err(unusable)?;
    let (gathered, mut findings) = setting.observe(&args.paths, &content)?;
    let mut diagnostics = connections.unread;
    diagnostics.extend(unread(&mut findings));
    let local = |time: Timestamp| local(time, zone);
    let material = Material {
        claims: &content.claims,
        specs: &content.specs,
        inventory: &inventory,
        logs: &gathered.logs,
        now: known,
        local: &local,
    };
    let assessment = assess_listing(&material, &gathered.observations, args.sessions);
    let mut citations = Citations::new(&findings);
    let events = findings.events;
    let around = Surroundings {
        content: &content,
        gathered: &gathered,
        lists: read,
        inventory: &inventory,
        now: known,
        events,
        zone: setting.zone_name.clone(),
        local: &local,
        ledgers: ledgers(&findings),
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
    for (path, form) in wanted {
        write_page(path, &rendered((path, form), (&report, shown.as_ref()), (lang, args.show_names))?)?;
    }
    setting.print(&report, terminal)?;
    Ok(exit(&report))
}

/// Steps back behind what else the machine does, and ends with whoever started this.
fn confine(mebibytes: u64) -> Result<(), rustix::io::Errno> {
    let limit = |most: u64| Rlimit { current: Some(most), maximum: Some(most) };
    setrlimit(Resource::As, limit(mebibytes.saturating_mul(1 << 20)))?;
    setrlimit(Resource::Fsize, limit(LARGEST_REPORT))?;
    setrlimit(Resource::Core, limit(0))?;
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // Where this is not allowed, judging goes on as it is.
    let _ = rustix::process::nice(NICE);
    Ok(())
}

/// Address space of this process in mebibytes, as the kernel bounds it; `None` when it does not say.
fn address_space() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kibibytes| kibibytes / 1024)
}

fn ledgers(findings: &Findings) -> Vec<LedgerEntry> {
    let entry = |ledger: &Arc<Recorded>| LedgerEntry {
        origin: ledger.origin().to_owned(),
        leaves: ledger.checkpoint().0,
    };
    findings.ledgers.iter().map(entry).collect()
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

/// A page in its form.
fn rendered(
    (path, form): (&Path, PageForm),
    (report, reach): (&AssureReport, Option<&ReachPart>),
    (lang, show_names): (Lang, bool),
) -> Result<Vec<u8>, Failure> {
    Ok(match form {
        PageForm::Html => page(report, reach, lang, show_names).into_bytes(),
        PageForm::Csv => table(report, lang, show_names).into_bytes(),
        PageForm::Xlsx => workbook(report, lang, show_names)
            .map_err(|e| Failure::new(Exit::Internal, format!("--report {}: {e}", path.display())))?,
    })
}
