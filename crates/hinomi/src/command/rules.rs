//! `hinomi rules`.

use std::path::PathBuf;

use hinomi_detect::{Engine, LogSources};
use serde_json::json;

use super::investigate::load;
use super::print;
use crate::args::Rules;
use crate::exit::{Exit, Failure};

pub(super) fn run(verb: Rules) -> Result<Exit, Failure> {
    match verb {
        Rules::Check { rules, placeholders, json } => check(&rules, &placeholders, json),
        Rules::List { rules, json } => list(&rules, json),
        Rules::Explain { .. } | Rules::Test { .. } => Err(Failure::new(Exit::Usage, "not available yet")),
    }
}

fn check(names: &[String], placeholders: &[PathBuf], as_json: bool) -> Result<Exit, Failure> {
    let book = load(names, placeholders)?;
    let sources = LogSources::bundled().map_err(|e| Failure::new(Exit::Internal, e))?;
    let (files, documents) = (book.files, book.documents.len());
    let (_, errors) = Engine::compile(book.documents, &sources, &[]);
    let mut faults: Vec<(String, String)> = book.rejected.into_iter().map(|r| (r.origin, r.reason)).collect();
    faults.extend(errors.iter().map(|e| (e.origin().to_owned(), e.to_string())));
    let text = if as_json {
        let rejected: Vec<_> = faults.iter().map(|(o, r)| json!({"origin": o, "reason": r})).collect();
        let body = json!({"schema_version": "1.0", "files": files, "documents": documents, "rejected": rejected});
        format!("{body:#}\n")
    } else {
        let mut text: String = faults.iter().map(|(origin, reason)| shown(origin, reason)).collect();
        text.push_str(&format!("{documents} documents in {files} files can be used, {} cannot\n", faults.len()));
        text
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
