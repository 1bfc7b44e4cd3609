//! `hinomi verify`.

use serde_json::json;

use super::investigate::engine;
use super::print;
use crate::args::{Verify, VerifyReport};
use crate::document::{Sources, Verification, VerifyError, verify};
use crate::exit::{Exit, Failure};
use crate::render::harmless;
use crate::scan::Subjects;

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
    let (engine, _) = engine(&args.pack, &subjects)?;
    let threads =
        args.jobs.map_or_else(|| std::thread::available_parallelism().map_or(1, Into::into), Into::into);
    let sources = Sources { paths: &args.paths, engine: &engine, subjects: &subjects, threads };
    let found = verify(&text, &sources).map_err(|e| match e {
        VerifyError::OtherVersion { .. } => {
            Failure::new(Exit::Unreadable, e).hint("verify with the version that made the report")
        }
        VerifyError::NotAReport => {
            Failure::new(Exit::Unreadable, e).hint("give an HTML file made by hinomi investigate --report")
        }
        VerifyError::Unreadable { .. } | VerifyError::Ledger { .. } => Failure::new(Exit::Unreadable, e),
        VerifyError::NoTable | VerifyError::Lost => Failure::new(Exit::Internal, e),
    })?;
    show(&found, args.json)?;
    Ok(if found.faults.is_empty() { Exit::Clean } else { Exit::Failed })
}

fn show(found: &Verification, as_json: bool) -> Result<Exit, Failure> {
    let text = if as_json {
        let faults: Vec<String> = found.faults.iter().map(ToString::to_string).collect();
        let body = json!({"schema_version": "1.0", "holds": faults.is_empty(), "citations": found.citations,
                          "files": found.files, "steps": found.steps, "faults": faults});
        format!("{body:#}\n")
    } else {
        let mut text: String =
            found.faults.iter().map(|f| format!("does not hold: {}\n", harmless(&f.to_string()))).collect();
        let (citations, files, steps) = (found.citations, found.files, found.steps);
        if found.faults.is_empty() {
            text.push_str(&format!(
                "holds: {citations} citations in {files} files read again, their rules put to them again, {steps} steps \
                 and every other sentence made again, byte for byte\n\
                 not checked: counts, grouping and the list of sources, which need the whole input \
                 (run investigate again)\n"
            ));
        } else {
            text.push_str(&format!("{} of what was checked does not hold\n", found.faults.len()));
        }
        text
    };
    print(text.as_bytes())
}
