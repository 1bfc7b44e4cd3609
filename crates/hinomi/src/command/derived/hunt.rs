//! `hinomi rules run`.

use std::collections::BTreeSet;

use hinomi_detect::completeness::Window;
use hinomi_detect::sigma::{Correlation, Document, Filter, Meta, Rule, Search, Test};
use hinomi_detect::{Engine, LogSources, RuleIndex};
use hinomi_model::Timestamp;
use hinomi_query::search::{Found, events_at};
use hinomi_query::{Needed, coverage};
use serde_json::json;

use super::opening::{Opened, open};
use super::search::View;
use super::{answer, failure};
use crate::args::{Lang, RowShape, RulesRun};
use crate::command::investigate::{language, load, time, zone};
use crate::command::print;
use crate::derived::{Hunt, Hunted, hunt, needed};
use crate::exit::{Exit, Failure};
use crate::scan::Subjects;

pub(crate) fn run(args: &RulesRun) -> Result<Exit, Failure> {
    let lang = args.at.lang.unwrap_or_else(language);
    let (_, zone) = zone(args.at.tz.as_deref(), lang)?;
    let (since, until) = range(args.over.as_deref(), &|text| time(text, &zone))?;
    let book = load(&args.rules, &args.placeholders)?;
    let (engine, needed, left_out) = compiled(book.documents, lang)?;
    let Opened { archive, mut notes } = open(&args.at)?;
    notes.extend(without_correlations(&engine, lang).into_iter().chain(left_out));
    let request = Hunt {
        archive: &archive,
        engine: &engine,
        needed,
        window: Window { since, until },
        limit: args.limit,
        threads: std::thread::available_parallelism().map_or(1, Into::into),
    };
    let hunted = hunt(&request).map_err(failure)?;
    let places: BTreeSet<(usize, u64)> = hunted.matches.iter().map(|m| (m.file, m.row)).collect();
    let events = events_at(&archive.files().iter().collect::<Vec<_>>(), &places)
        .map_err(|e| failure(archive.blame(e)))?;
    let view = View { archive: &archive, zone, lang };
    let found: Vec<(RuleIndex, &Found)> =
        hunted.matches.iter().filter_map(|m| Some((m.rule, events.get(&(m.file, m.row))?))).collect();
    let coverage = coverage(archive.manifest(), since, until);
    let footer = footer(&hunted, &engine, found.len(), lang) + &answer::coverage(&coverage, &notes, lang);
    let title =
        |rule| engine.rule(rule).map(|r| (r.meta.id.clone(), r.meta.title.clone())).unwrap_or_default();
    let row = |&(rule, event): &(RuleIndex, &Found)| {
        let (id, title) = title(rule);
        json!({"rule_id": id, "rule": title, "event": view.event(event)})
    };
    let text = match args.output {
        RowShape::Table => {
            let subjects = Subjects::bundled().map_err(|e| Failure::new(Exit::Internal, e))?;
            let mut text = String::new();
            for (rule, event) in &found {
                text.push_str(&format!("{}\n{}", title(*rule).1, view.lines(event, subjects.details())));
            }
            text + &footer
        }
        RowShape::Jsonl => found.iter().map(|f| format!("{}\n", row(f))).collect(),
        RowShape::Json => {
            let rows: Vec<_> = found.iter().map(row).collect();
            let counts: Vec<_> =
                hunted.counts.iter().map(|(r, n)| json!({"rule_id": title(*r).0, "matches": n})).collect();
            format!(
                "{:#}\n",
                json!({"schema_version": "1.0", "matches": rows, "counts": counts,
                "rows_read": hunted.rows_read, "rows_left_out": hunted.rows_left_out, "rows": archive.manifest().rows(), "coverage": coverage, "notes": notes})
            )
        }
        RowShape::Csv => {
            view.csv(&found.iter().map(|(rule, event)| named(event, title(*rule))).collect::<Vec<_>>())
        }
    };
    print(text.as_bytes())?;
    if matches!(args.output, RowShape::Jsonl | RowShape::Csv) {
        eprint!("{footer}");
    }
    Ok(if hunted.counts.is_empty() { Exit::Clean } else { Exit::Found })
}

fn without_correlations(engine: &Engine, lang: Lang) -> Option<String> {
    let note = match lang {
        Lang::En => "correlations are evaluated by hinomi investigate only",
        Lang::Ja => "相関ルールは hinomi investigate でのみ評価されます",
    };
    (!engine.correlations().is_empty()).then(|| note.to_owned())
}

/// The rules that can be evaluated, the words they need, and what is to be said of the others.
fn compiled(documents: Vec<Document>, lang: Lang) -> Result<(Engine, Needed, Option<String>), Failure> {
    let (documents, left_out) = without_exists(documents, lang)?;
    let log_sources = LogSources::bundled().map_err(|e| Failure::new(Exit::Internal, e))?;
    let needed = needed(&documents, &log_sources);
    let (engine, errors) = Engine::compile(documents, &log_sources, &[]);
    if let Some(error) = errors.first() {
        let hint = "hinomi rules check says what is wrong with each rule";
        return Err(Failure::new(Exit::Unreadable, error).hint(hint));
    }
    if engine.rules().is_empty() {
        return Err(Failure::new(Exit::Unreadable, "no rule was given")
            .hint("give a Sigma rule file or a folder of them; correlations and rules with exists need hinomi investigate"));
    }
    Ok((engine, needed, left_out))
}

/// `FROM..UNTIL`, either of which may be left out.
fn range(
    text: Option<&str>,
    time: &dyn Fn(&str) -> Result<Timestamp, Failure>,
) -> Result<(Option<Timestamp>, Option<Timestamp>), Failure> {
    let Some(text) = text else { return Ok((None, None)) };
    let Some((from, until)) = text.split_once("..") else {
        return Err(Failure::new(Exit::Usage, format!("--over {text}: is not a range"))
            .hint("write 2026-01-01..2026-04-01, or leave one side out"));
    };
    let side = |text: &str| (!text.is_empty()).then(|| time(text)).transpose();
    Ok((side(from)?, side(until)?))
}

/// An event with the rule that matched before its fields.
fn named(event: &Found, (id, title): (String, String)) -> Found {
    let mut named = event.clone();
    named.fields.splice(0..0, [("rule_id".to_owned(), id), ("rule".to_owned(), title)]);
    named
}

/// Takes out the rules that tell a field without value from a missing one, which columns do not, and names them.
fn without_exists(documents: Vec<Document>, lang: Lang) -> Result<(Vec<Document>, Option<String>), Failure> {
    let filter = documents.iter().find_map(|document| match document {
        Document::Filter(filter) if uses_exists(&filter.condition) => Some(&filter.meta),
        _ => None,
    });
    if let Some(filter) = filter {
        let text = format!("{}: a filter that uses exists, which derived data cannot answer", filter.origin);
        return Err(
            Failure::new(Exit::Usage, text).hint("hinomi investigate --rules RULE reads the evidence itself")
        );
    }
    let (mut left_out, mut usable): (Vec<Meta>, Vec<Document>) = (Vec::new(), documents);
    // What refers to a rule that is left out cannot be evaluated either.
    loop {
        let lacks = |name: &String| left_out.iter().any(|m| m.id == *name || m.name.as_ref() == Some(name));
        let unusable = |document: &Document| match document {
            Document::Rule(rule) => rule.conditions.iter().any(uses_exists),
            Document::Correlation(correlation) => correlation.rules.iter().any(lacks),
            Document::Filter(_) => false,
        };
        let (out, rest): (Vec<Document>, Vec<Document>) = usable.into_iter().partition(unusable);
        usable = rest;
        if out.is_empty() {
            break;
        }
        left_out.extend(out.into_iter().map(|document| match document {
            Document::Rule(Rule { meta, .. })
            | Document::Correlation(Correlation { meta, .. })
            | Document::Filter(Filter { meta, .. }) => meta,
        }));
    }
    let ids: Vec<&str> = left_out.iter().map(|m| m.id.as_str()).collect();
    let note = match lang {
        Lang::En => format!(
            "left out, because derived data cannot answer exists; hinomi investigate can: {}",
            ids.join(", ")
        ),
        Lang::Ja => format!(
            "exists は派生データでは判定できないため除外（hinomi investigate で評価できます）: {}",
            ids.join(", ")
        ),
    };
    Ok((usable, (!left_out.is_empty()).then_some(note)))
}

fn uses_exists(search: &Search) -> bool {
    match search {
        Search::All(parts) | Search::Any(parts) => parts.iter().any(uses_exists),
        Search::Not(inner) => uses_exists(inner),
        Search::Field(_, test) => matches!(test, Test::Exists(_)),
        Search::Keyword(_) | Search::KeywordRegex(_) => false,
    }
}

fn footer(hunted: &Hunted, engine: &Engine, shown: usize, lang: Lang) -> String {
    let matches: u64 = hunted.counts.values().sum();
    let rules = engine.rules().len();
    let Hunted { rows_read, files_left_out, rows_left_out, .. } = hunted;
    match lang {
        Lang::En => format!(
            "{matches} matches of {rules} rules, {shown} shown; {rows_read} events were evaluated, {files_left_out} files left out by time, {rows_left_out} \
             events because a word is not there that the rules need\n"
        ),
        Lang::Ja => format!(
            "ルール {rules} 件に {matches} 件一致、表示 {shown} 件（評価したイベント {rows_read} 件、期間外で除外したファイル {files_left_out}、ルールに必要な語がなく除外したイベント {rows_left_out}）\n"
        ),
    }
}
