//! `hinomi reach`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use hinomi_assure::estate::{Answer, Estate, Question, select};
use hinomi_assure::graph::{NodeId, Passage};

use super::estate::{Known, Readers};
use super::observing::{PageForm, Setting, pages, unread, unusable, write_page};
use crate::args::Reach;
use crate::assure::{Content, Standards, lists};
use crate::exit::{Exit, Failure};
use crate::exports::Connections;
use crate::reach::{Comparison, Names, ReachReport, Surroundings, build, page, terminal};
use crate::report::Citations;

pub(super) fn run(args: Reach) -> Result<Exit, Failure> {
    let setting = Setting::of(&args.reading)?;
    let (lang, now) = (setting.lang, setting.now);
    let wanted = pages(&args.report, &[PageForm::Html])?;
    let readers = Readers::bundled()?;
    let standards = Standards::load(&[]).map_err(unusable)?;
    let connections = |paths: &[PathBuf]| {
        let exports = readers.find(&standards.pack, &[], paths)?;
        Ok::<Connections, Failure>(readers.connections(exports))
    };
    let content = Content::load(&[], &args.reading.observations).map_err(unusable)?;
    let (inventory, _) = lists(&args.inventory, now, now).map_err(unusable)?;
    let (gathered, mut findings) = setting.observe(&args.paths, &content)?;
    let known = Known { content: &content, gathered: &gathered, inventory: &inventory, now };
    let read = connections(&args.exports)?;
    let mut diagnostics = read.unread;
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
    diagnostics.extend(unread(&mut findings));
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
    setting.print(&report, terminal)?;
    if !wanted.is_empty() && !args.show_names {
        report.hide(&Names::new(&estate.graph, lang, false, BTreeMap::default()), &estate, &answer);
    }
    for (path, _) in wanted {
        write_page(path, page(&report, lang, args.show_names).as_bytes())?;
    }
    Ok(exit(&report))
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

/// A way to what is protected is 1; where nothing of it, nobody asked about, or nothing at all was read, there is no answer,
/// which is 3.
fn exit(report: &ReachReport) -> Exit {
    let asked = report.answer.sources > 0 && report.targets.values().any(|count| *count > 0);
    let read = if report.graph.nodes == 0 || !asked { Exit::Unreadable } else { Exit::Clean };
    read.and(if report.answer.exposure.reaching > 0 { Exit::Found } else { Exit::Clean })
}
