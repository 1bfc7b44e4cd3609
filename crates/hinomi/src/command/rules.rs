//! `hinomi rules`.

use std::path::{Path, PathBuf};

use hinomi_detect::sigma::{Document, Rule};
use hinomi_detect::{Engine, LogSources};
use serde_json::json;

use super::investigate::{load, sources};
use super::print;
use crate::args::{Lang, Rules};
use crate::exit::{Exit, Failure};
use crate::rulebook::{RuleSource, Rulebook};
use crate::scan::Subjects;
use crate::trial::{self, Explanation, TrialResult};

pub(super) fn run(verb: Rules) -> Result<Exit, Failure> {
    match verb {
        Rules::Check { rules, placeholders, json, lang } => check(&rules, &placeholders, json, lang),
        #[cfg(feature = "query")]
        Rules::Run(args) => super::derived::run_rules(&args),
        Rules::List { rules, json } => list(&rules, json),
        Rules::Test { rules, json, lang } => test(&rules, json, lang),
        Rules::Explain { rule, event, lang } => {
            explain(&rule, &event, lang.unwrap_or_else(super::investigate::language))
        }
    }
}

fn check(
    names: &[String],
    placeholders: &[PathBuf],
    as_json: bool,
    lang: Option<Lang>,
) -> Result<Exit, Failure> {
    let book = load(names, placeholders)?;
    let sources = LogSources::bundled().map_err(|e| Failure::new(Exit::Internal, e))?;
    let (files, documents) = (book.files, book.documents.len());
    let (_, errors) = Engine::compile(book.documents, &sources, &[]);
    let mut faults: Vec<(String, String)> = book.rejected.into_iter().map(|r| (r.origin, r.reason)).collect();
    faults.extend(errors.iter().map(|e| (e.origin().to_owned(), e.to_string())));
    let text = if as_json {
        let rejected: Vec<_> = faults.iter().map(|(o, r)| json!({"origin": o, "reason": r})).collect();
        let body =
            json!({"schema_version": "1.0", "files": files, "documents": documents, "rejected": rejected});
        format!("{body:#}\n")
    } else {
        let mut text: String = faults.iter().map(|(origin, reason)| shown(origin, reason)).collect();
        text.push_str(&format!(
            "{documents} documents in {files} files can be used, {} cannot\n",
            faults.len()
        ));
        super::in_language(text, lang)
    };
    print(text.as_bytes())?;
    Ok(if faults.is_empty() { Exit::Clean } else { Exit::Unreadable })
}

/// The reason usually starts with the origin already.
fn shown(origin: &str, reason: &str) -> String {
    if reason.starts_with(origin) { format!("{reason}\n") } else { format!("{origin}: {reason}\n") }
}

fn list(names: &[String], as_json: bool) -> Result<Exit, Failure> {
    let book = load(names, &[])?;
    let sources = LogSources::bundled().map_err(|e| Failure::new(Exit::Internal, e))?;
    let (engine, _) = Engine::compile(book.documents, &sources, &[]);
    let metas = engine.rules().iter().map(|r| &r.meta).chain(engine.correlations().iter().map(|c| &c.meta));
    let mut metas: Vec<_> = metas.collect();
    metas.sort_by_key(|m| (std::cmp::Reverse(m.level), &m.title));
    let text: String = if as_json {
        let rows: Vec<_> = metas
            .iter()
            .map(|m| json!({"id": m.id, "title": m.title, "level": m.level, "author": m.author, "license": m.license,
                            "tags": m.tags, "origin": m.origin}))
            .collect();
        format!("{:#}\n", json!({"schema_version": "1.0", "rules": rows}))
    } else {
        metas.iter().map(|m| format!("{:<13}  {}  {}\n", m.level, m.id, m.title)).collect()
    };
    print(text.as_bytes())
}

fn test(names: &[String], as_json: bool, lang: Option<Lang>) -> Result<Exit, Failure> {
    let unreadable = |e| Failure::new(Exit::Unreadable, e);
    let log_sources = LogSources::bundled().map_err(|e| Failure::new(Exit::Internal, e))?;
    let subjects = Subjects::bundled().map_err(|e| Failure::new(Exit::Internal, e))?;
    let (mut passed, mut failed, mut without) = (0u64, Vec::new(), Vec::new());
    for (origin, text) in Rulebook::texts(&sources(names)).map_err(unreadable)? {
        let results = trial::run_examples(&text, &log_sources, &subjects);
        if results.is_empty() {
            without.push(origin.clone());
        }
        for result in results {
            if result.passed() {
                passed += 1;
            } else {
                failed.push((origin.clone(), result));
            }
        }
    }
    let text = if as_json {
        let rows: Vec<_> = failed.iter().map(|(origin, r)| failure_json(origin, r)).collect();
        let body =
            json!({"schema_version": "1.0", "passed": passed, "failed": rows, "without_examples": without});
        format!("{body:#}\n")
    } else {
        let mut text: String = failed.iter().map(|(origin, r)| failure_line(origin, r)).collect();
        let lacking = without.len();
        text.push_str(&format!(
            "{passed} examples passed, {} failed; {lacking} files have none\n",
            failed.len()
        ));
        super::in_language(text, lang)
    };
    print(text.as_bytes())?;
    Ok(if failed.is_empty() { Exit::Clean } else { Exit::Failed })
}

/// What went wrong with an example.
fn verdict(result: &TrialResult) -> &'static str {
    match (result.events, result.test.positive) {
        (0, _) => "no event could be read from the example",
        (_, true) => "did not fire",
        (_, false) => "fired on a benign example",
    }
}

fn failure_line(origin: &str, result: &TrialResult) -> String {
    format!("{origin}: {}: {}\n", result.test.name, verdict(result))
}

fn failure_json(origin: &str, result: &TrialResult) -> serde_json::Value {
    json!({"origin": origin, "rule_id": result.test.rule, "example": result.test.name, "reason": verdict(result)})
}

fn explain(name: &str, event: &Path, lang: Lang) -> Result<Exit, Failure> {
    let rule = find_rule(name)?;
    let input = std::fs::read(event)
        .map_err(|e| Failure::new(Exit::Unreadable, format!("{}: {e}", event.display())))?;
    let log_sources = LogSources::bundled().map_err(|e| Failure::new(Exit::Internal, e))?;
    let subjects = Subjects::bundled().map_err(|e| Failure::new(Exit::Internal, e))?;
    let explanations = trial::explain(&rule, input, &log_sources, &subjects);
    if explanations.is_empty() {
        return Err(Failure::new(Exit::Unreadable, format!("{}: no event could be read", event.display()))
            .hint("hinomi investigate on the same file says why"));
    }
    let title = rule.meta.extension.get("title_ja").filter(|_| lang == Lang::Ja).unwrap_or(&rule.meta.title);
    let mut text = format!("{title} ({})\n", rule.meta.id);
    explanations.iter().for_each(|e| text.push_str(&told(e, lang)));
    print(text.as_bytes())
}

/// A rule file's first rule, or a bundled rule by id, name or file name.
fn find_rule(name: &str) -> Result<Rule, Failure> {
    let given = if Path::new(name).exists() { RuleSource::Path(name.into()) } else { RuleSource::Bundled };
    let bundled = given == RuleSource::Bundled;
    let book = Rulebook::load(&[given], &hinomi_detect::sigma::Placeholders::default())
        .map_err(|e| Failure::new(Exit::Unreadable, e))?;
    let rules = book.documents.into_iter().filter_map(|d| match d {
        Document::Rule(rule) => Some(rule),
        Document::Correlation(_) | Document::Filter(_) => None,
    });
    let wanted = |r: &Rule| !bundled || r.meta.id == name || r.meta.name.as_deref() == Some(name);
    rules.into_iter().find(wanted).ok_or_else(|| {
        let reason =
            book.rejected.first().map_or_else(|| format!("{name}: no such rule"), |r| r.reason.clone());
        Failure::new(Exit::Unreadable, reason).hint("give a rule file, or an id that hinomi rules list shows")
    })
}

fn told(explanation: &Explanation, lang: Lang) -> String {
    let say = |en: &'static str, ja: &'static str| if lang == Lang::Ja { ja } else { en };
    let event = &explanation.event;
    let time = event.time.map_or_else(|| say("time unknown", "時刻不明").to_owned(), |t| t.to_string());
    let mut text = format!("\n@{}  {time}  {}  {}\n", event.offset, event.host, event.channel);
    let verdict = match (explanation.routed, explanation.matched) {
        (false, _) => say("not an event of the rule's log source", "ルールの対象ログではありません"),
        (true, true) => say("matches", "一致します"),
        (true, false) => say("does not match", "一致しません"),
    };
    text.push_str(&format!("  → {verdict}\n"));
    // What a rule asks of events it does not read has no answer.
    for part in explanation.parts.iter().filter(|_| explanation.routed) {
        let mark = if part.holds { "✓" } else { "✗" };
        let value = part.value.as_ref().map(|v| format!("   [{v}]")).unwrap_or_default();
        let asked = if lang == Lang::Ja { &part.text.ja } else { &part.text.en };
        text.push_str(&format!("  {}{mark} {asked}{value}\n", "  ".repeat(part.depth)));
    }
    text
}
