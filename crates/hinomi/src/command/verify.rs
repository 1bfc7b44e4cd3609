//! `hinomi verify`.

use serde_json::json;

use hinomi_detect::Engine;
use hinomi_detect::completeness::Window;
use hinomi_ingest::intake::Options;

use super::investigate::{Sought, engine, inputs, language, load_suppressions, threads, time, zone};
use super::print;
use crate::args::{Verify, VerifyReport};
use crate::clock;
use crate::document::{Comparing, Results, Sources, Verification, VerifyError, format_named, verify};
use crate::exit::{Exit, Failure};
use crate::render::harmless;
use crate::report::RejectedRule;
use crate::scan::{Digests, Limits, Subjects};
use crate::suppress::Suppressions;

/// What was checked of a report, and what of a document of `--json`.
const SENTENCES: &str = "steps and every other sentence made again, byte for byte\n\
    not checked: counts, grouping and the list of sources, which need the whole input (run investigate again)";
const WHOLE: &str = "detections, their incidents, totals, sources and losses made again\n\
    not checked: the list of files";
const PARTS: &str = "detections made again\n\
    not checked: incidents, since not all of their detections are listed, the list of files, and, where a ledger has grown, totals and sources";

pub(super) fn run(what: Verify) -> Result<Exit, Failure> {
    match what {
        Verify::Report(args) => report(&args),
        #[cfg(feature = "query")]
        Verify::Derived(args) => super::derived::verify(&args),
        Verify::Ledger(args) => super::ledger::verify_ledger(&args),
        Verify::Export(args) => super::ledger::verify_export(&args),
        Verify::Bundle(args) => super::ledger::verify_bundle(&args),
    }
}

fn report(args: &VerifyReport) -> Result<Exit, Failure> {
    let bytes = std::fs::read(&args.report)
        .map_err(|e| Failure::new(Exit::Unreadable, format!("{}: {e}", args.report.display())))?;
    let text = String::from_utf8(bytes).map_err(|_| {
        Failure::new(Exit::Failed, format!("{}: no UTF-8: it was altered", args.report.display()))
    })?;
    let subjects = Subjects::bundled().map_err(|e| Failure::new(Exit::Internal, e))?;
    let (engine, rejected) = engine(&args.pack, &subjects)?;
    if text.trim_start().starts_with('{') {
        let found = results(args, &text, (&engine, rejected), &subjects)?;
        show(&found, args, if found.is_whole { WHOLE } else { PARTS })?;
        let settled = if found.unsettled > 0 { Exit::Unreadable } else { Exit::Clean };
        return Ok(if found.faults.is_empty() { settled } else { Exit::Failed });
    }
    let sources =
        Sources { paths: &args.paths, engine: &engine, subjects: &subjects, threads: threads(args.jobs) };
    let found = verify(&text, &sources).map_err(unverifiable)?;
    show(&found, args, SENTENCES)?;
    Ok(if found.faults.is_empty() { Exit::Clean } else { Exit::Failed })
}

fn unverifiable(error: VerifyError) -> Failure {
    match error {
        VerifyError::OtherVersion { .. } => {
            Failure::new(Exit::Unreadable, error).hint("verify with the version that made the report")
        }
        VerifyError::NotAReport => Failure::new(Exit::Unreadable, error)
            .hint("give an HTML file made by hinomi investigate --report, or the output of hinomi investigate --json"),
        VerifyError::Unreadable { .. } | VerifyError::Ledger { .. } => Failure::new(Exit::Unreadable, error),
        VerifyError::NoTable | VerifyError::Lost => Failure::new(Exit::Internal, error),
    }
}

/// Investigates again what a document of `--json` speaks of, and compares.
fn results(
    args: &VerifyReport,
    text: &str,
    rules: (&Engine, Vec<RejectedRule>),
    subjects: &Subjects,
) -> Result<Verification, Failure> {
    let said = Results::parse(text).map_err(unverifiable)?;
    let Some(reading) = said.reading.clone() else { return Err(unverifiable(VerifyError::NotAReport)) };
    let (_, zone) = zone(Some(&reading.zone), language())?;
    let bound = |of: &Option<String>| of.as_deref().map(|text| time(text, &zone)).transpose();
    let window = Window { since: bound(&reading.since)?, until: bound(&reading.until)? };
    // Years that logs leave out are guessed as they were then.
    let as_of =
        reading.as_of.as_deref().map(|text| time(text, &zone)).transpose()?.unwrap_or_else(clock::now);
    let mut suppressions = match &args.suppress {
        Some(path) => load_suppressions(path, as_of)?,
        None => Suppressions::default(),
    };
    let inputs = inputs(&args.paths)?;
    let ledgers = inputs.0.clone();
    let sought = Sought {
        inputs,
        options: Options {
            zone,
            forced: reading.format.as_deref().and_then(format_named),
            modified: said.modified().map_err(unverifiable)?,
            ..Options::at(as_of)
        },
        window,
        threads: threads(args.jobs),
        limits: Limits::of(reading.max_detections),
        reading,
        digests: if said.cites_pieces() { Digests::Pieces } else { Digests::Files },
        progress: (args.json, language()),
    };
    let again = sought.find(rules, subjects, &mut suppressions)?;
    Ok(said.compare(&again, Comparing { ledgers: &ledgers, suppressed: args.suppress.is_some() }))
}

fn show(found: &Verification, args: &VerifyReport, how: &str) -> Result<Exit, Failure> {
    let text = if args.json {
        let faults: Vec<String> = found.faults.iter().map(ToString::to_string).collect();
        let body = json!({"schema_version": "1.0", "holds": faults.is_empty(), "citations": found.citations,
                          "files": found.files, "steps": found.steps, "left_out": found.left_out, "unlisted": found.unlisted, "whole": found.is_whole,
                          "unsettled": found.unsettled, "faults": faults});
        format!("{body:#}\n")
    } else {
        let mut text: String =
            found.faults.iter().map(|f| format!("does not hold: {}\n", harmless(&f.to_string()))).collect();
        let (citations, files, steps) = (found.citations, found.files, found.steps);
        if found.faults.is_empty() {
            text.push_str(&format!(
                "holds: {citations} citations in {files} files read again, their rules put to them again, {steps} {how}\n"
            ));
            if found.left_out > 0 {
                text.push_str(&format!(
                    "{} detections are made now and not listed: by its own account suppressed, or received since\n",
                    found.left_out
                ));
            }
            if found.unsettled > 0 {
                text.push_str(&format!(
                    "not settled: whether the {} that are said to be suppressed are those that were; give --suppress FILE\n",
                    found.unsettled
                ));
            }
            if found.unlisted > 0 {
                text.push_str(&format!(
                    "{} matches lie beyond the --max-detections that it states: nothing is said of them\n",
                    found.unlisted
                ));
            }
        } else {
            text.push_str(&format!("{} of what was checked does not hold\n", found.faults.len()));
        }
        super::in_language(text, args.lang)
    };
    print(text.as_bytes())
}
