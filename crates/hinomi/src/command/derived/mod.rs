//! Derived data: `hinomi derive`, `hinomi query`, `hinomi search`, `hinomi ledger reindex`, `hinomi verify derived`.

mod answer;
mod hunt;
mod iceberg;
mod judging;
mod keeping;
mod opening;
mod query;
mod refresh;
mod search;
mod verify;

use std::num::NonZeroU32;
use std::sync::Arc;

use hinomi_model::Diagnostics;
use hinomi_query::derive::{LaneLimits, discard_leftovers, has_only_leftovers, register, total_sizes};
use hinomi_query::{Input, Manifest, Mapping, QueryError, Run};
use serde_json::json;

use super::investigate::{forced, inputs, language, with_progress, zone};
use super::print;
use crate::args::{Derive, Lang, LedgerReindex};
use crate::clock;
use crate::derived::{Job, derive as run};
use crate::exit::{Exit, Failure};
use refresh::{Extent, Wish, refresh};

pub(super) use hunt::run as run_rules;
pub(super) use iceberg::iceberg;
pub(super) use keeping::Keeper;
pub(crate) use query::{Apart, ask_apart};
pub(super) use query::{answer_query, query};
pub(super) use search::search;
pub(super) use verify::verify;

/// An error of derived data as the user sees it.
pub(super) fn failure(error: QueryError) -> Failure {
    let (exit, hint) = match &error {
        QueryError::Damaged { .. } => (
            Exit::Failed,
            Some("hinomi ledger reindex --all or hinomi derive makes it again from the evidence".to_owned()),
        ),
        QueryError::Nothing { .. } => (
            Exit::Unreadable,
            Some(
                "hinomi derive PATH --to DIR makes derived data; for a ledger give its data directory"
                    .to_owned(),
            ),
        ),
        QueryError::Newer { .. } => (Exit::Unreadable, Some("use the newer program".to_owned())),
        QueryError::Older { .. } => (
            Exit::Unreadable,
            Some("hinomi ledger reindex, or hinomi derive into a new folder, makes it again".to_owned()),
        ),
        QueryError::Refused { hint, .. } => (Exit::Usage, Some(hint.clone())),
        QueryError::Limit(_) | QueryError::Io { .. } | QueryError::Stopped => (Exit::Unreadable, None),
        _ => (Exit::Internal, None),
    };
    let mut failure = Failure::new(exit, error);
    failure.hint = hint;
    failure
}

/// Places that could not be read.
fn losses(diagnostics: &Diagnostics) -> u64 {
    diagnostics.entries().iter().map(|d| 1 + d.repeated).sum()
}

fn lanes(given: Option<NonZeroU32>) -> u32 {
    let cores = || std::thread::available_parallelism().map_or(1, |n| n.get() as u32);
    given.map_or_else(cores, NonZeroU32::get)
}

/// `hinomi derive`.
pub(super) fn derive(args: &Derive) -> Result<Exit, Failure> {
    let lang = args.lang.unwrap_or_else(language);
    let (zone_name, zone) = zone(args.tz.as_deref(), lang)?;
    let (ledgers, roots) = inputs(&args.paths)?;
    if let Some(ledger) = ledgers.first() {
        let text = format!("{}: is a ledger", ledger.path().display());
        return Err(Failure::new(Exit::Usage, text)
            .hint("hinomi ledger reindex --data DIR keeps its derived data beside it"));
    }
    let before = match Manifest::read(&args.to) {
        Ok((manifest, _)) => Some(manifest),
        Err(QueryError::Nothing { .. }) => None,
        Err(error) => return Err(failure(error)),
    };
    if before.is_none() && args.to.exists() && !has_only_leftovers(&args.to).map_err(failure)? {
        return Err(Failure::new(Exit::Usage, format!("--to {}: holds other files", args.to.display()))
            .hint("give a new folder or one that hinomi derive made"));
    }
    let mapping = Arc::new(Mapping::bundled().map_err(failure)?);
    let mut reading = hinomi_ingest::intake::Options::at(clock::now());
    reading.zone = zone;
    reading.forced = args.format.map(forced);
    // Another name than before, so that what is there stays whole until the new manifest takes its place.
    let generation = before.as_ref().and_then(|m| m.files.first()).and_then(|f| f.path.rsplit('/').next());
    let prefix = if generation.is_some_and(|name| name.starts_with('a')) { "b" } else { "a" };
    let job = Job {
        roots,
        ledger: None,
        reading,
        lanes: lanes(args.jobs),
        folder: args.to.clone(),
        prefix: prefix.to_owned(),
        mapping: Arc::clone(&mapping),
        limits: LaneLimits::default(),
        stop: Arc::default(),
    };
    discard_leftovers(&args.to, before.as_ref()).map_err(failure)?;
    let lanes = job.lanes;
    let derived = with_progress(args.quiet, lang, |progress| run(job, progress)).map_err(failure)?;
    let input = Input::Paths { paths: args.paths.clone(), zone: zone_name };
    let mut manifest = Manifest::new(lanes, input);
    let run = Run::new(0, &mapping, derived.coverage, losses(&derived.diagnostics));
    manifest.add(run, derived.files);
    register(&args.to, &manifest, before.as_ref()).map_err(failure)?;
    report(&manifest, derived.events, args.json, lang)
}

/// `hinomi ledger reindex`.
pub(super) fn reindex(args: &LedgerReindex) -> Result<Exit, Failure> {
    let LedgerReindex { at, all, watch, tz, jobs } = args;
    let lang = at.lang.unwrap_or_else(language);
    let extent = if *all { Extent::Everything } else { Extent::Due };
    let wish = Wish {
        extent,
        tz: tz.as_deref(),
        jobs: *jobs,
        quiet: at.json || watch.is_some(),
        lang,
        ledger: None,
        stop: Arc::default(),
    };
    let Some(seconds) = watch else {
        let refreshed = refresh(&at.data, &wish)?;
        return report(&refreshed.manifest, refreshed.added, at.json, lang);
    };
    // Without the right to it the work is done at the priority there is.
    let _ = rustix::process::nice(10);
    let mut first = true;
    loop {
        match refresh(&at.data, &wish) {
            Ok(refreshed) if refreshed.added > 0 => {
                report(&refreshed.manifest, refreshed.added, at.json, lang)?;
            }
            // Nothing to do, or another process writes: there is a next time.
            Ok(_) => {}
            Err(error) if opening::is_busy(&error) => {}
            Err(error) if first => return Err(error),
            Err(error) => eprintln!("hinomi: {}", error.message),
        }
        first = false;
        std::thread::sleep(std::time::Duration::from_secs(seconds.get().into()));
    }
}

fn report(manifest: &Manifest, added: u64, json: bool, lang: Lang) -> Result<Exit, Failure> {
    let sizes = total_sizes(&manifest.files);
    let rows = manifest.rows();
    let (latest, losses) = (manifest.runs.last(), manifest.losses());
    let exit = if rows == 0 { Exit::Unreadable } else { Exit::Clean };
    if json {
        let document = json!({"schema_version": "1.0", "events": rows, "added": added, "files": manifest.files.len(),
            "bytes": sizes, "mapping": latest.map(|r| &r.mapping), "ocsf": latest.map(|r| &r.ocsf), "losses": losses});
        print(format!("{document:#}\n").as_bytes())?;
        return Ok(exit);
    }
    let total: u64 = sizes.values().sum();
    let each = |bytes: u64| bytes as f64 / rows.max(1) as f64;
    let mut text = match lang {
        Lang::En => format!(
            "{rows} events in {} files, {added} of them derived now; {:.1} bytes per event\n",
            manifest.files.len(),
            each(total)
        ),
        Lang::Ja => format!(
            "{} ファイルにイベント {rows} 件（うち今回作成 {added} 件）、1 件あたり {:.1} バイト\n",
            manifest.files.len(),
            each(total)
        ),
    };
    for (family, bytes) in &sizes {
        text.push_str(&format!("  {family:<11} {:>7.2} B\n", each(*bytes)));
    }
    if losses > 0 {
        text.push_str(&match lang {
            Lang::En => {
                format!("{losses} places could not be read; hinomi investigate names them\n")
            }
            Lang::Ja => {
                format!("読めなかった箇所 {losses} 件（hinomi investigate で確認できます）\n")
            }
        });
    }
    print(text.as_bytes())?;
    Ok(exit)
}
