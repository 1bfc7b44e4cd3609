//! Retention that is extended because an incident touches sources of a ledger.
//!
//! # Invariants
//! - Nothing is written to a ledger unless the user named a case for it; otherwise a line says what could be kept.
//! - What a case keeps already is not recorded again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;

use hinomi_ledger::LedgerError;
use hinomi_ledger::completeness::Day;
use hinomi_ledger::policy::PolicyChange;
use hinomi_model::{EvidencePlace, EvidenceRef, Level};

use super::ledger;
use crate::args::{Investigate, Lang};
use crate::exit::Failure;
use crate::recorded::Recorded;
use crate::render::calendar::date;
use crate::render::harmless;
use crate::report::Report;

/// First and last day of receipt of what incidents cite, by source.
type Touched = BTreeMap<String, (Day, Day)>;

/// Keeps the sources that incidents touch, or says that this could be done.
pub(super) fn run(
    args: &Investigate,
    lang: Lang,
    ledgers: &[Arc<Recorded>],
    report: &Report,
) -> Result<(), Failure> {
    for recorded in ledgers {
        let touched = touched(report, recorded, args.fail_on).map_err(ledger::failure)?;
        if touched.is_empty() {
            continue;
        }
        let text = match &args.keep {
            Some(case) => keep(case, lang, recorded, &touched)?,
            None if args.quiet => continue,
            None => offer(lang, recorded, &touched),
        };
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
    Ok(())
}

/// What incidents at or above a level cite of a ledger.
fn touched(report: &Report, recorded: &Recorded, level: Level) -> Result<Touched, LedgerError> {
    let incidents = report.incidents.iter().filter(|incident| incident.level >= level);
    let members: BTreeSet<&str> = incidents.flat_map(|i| &i.detections).map(String::as_str).collect();
    let detections = report.detections.iter().filter(|d| members.contains(d.id.as_str()));
    let cited = detections.flat_map(|d| &d.evidence).filter_map(|event| event.reference.parse().ok());
    let leaves: BTreeSet<u64> = cited
        .filter_map(|reference: EvidenceRef| match reference.place {
            EvidencePlace::Log { origin, leaf, .. } if origin == recorded.origin() => Some(leaf),
            _ => None,
        })
        .collect();
    let mut touched = Touched::new();
    for leaf in leaves {
        let Some((source, day)) = recorded.received(leaf)? else { continue };
        let days = touched.entry(source).or_insert((day, day));
        *days = (days.0.min(day), days.1.max(day));
    }
    Ok(touched)
}

fn offer(lang: Lang, recorded: &Recorded, touched: &Touched) -> String {
    let (count, path) = (touched.len(), recorded.path().display());
    match lang {
        Lang::En => format!(
            "note: incidents touch {count} sources of {path}; --keep CASE has them kept as long as the case is open\n"
        ),
        Lang::Ja => {
            format!(
                "注記：事案が {path} の情報源 {count} 件に及んでいます。--keep 事案名 で、事案が終結するまで保存します\n"
            )
        }
    }
}

/// Records what the case does not keep yet.
fn keep(case: &str, lang: Lang, recorded: &Recorded, touched: &Touched) -> Result<String, Failure> {
    let ledger = ledger::open(recorded.path())
        .map_err(|failure| match failure.hint {
            None => failure.hint("the report is complete; give --keep again when nothing else writes to the ledger, or use hinomi ledger retention touch"),
            Some(_) => failure,
        })?;
    let force = ledger.in_force().map_err(ledger::failure)?;
    let known = force.retention.incidents.get(case).filter(|known| known.closed.is_none());
    let missing = |(source, days): &(&String, &(Day, Day))| {
        known.is_none_or(|k| !k.sources.contains(source) || k.first > days.0 || k.last < days.1)
    };
    let changes: Vec<_> = touched
        .iter()
        .filter(missing)
        .map(|(source, &(first, last))| PolicyChange::Incident {
            name: case.to_owned(),
            source: source.clone(),
            first,
            last,
        })
        .collect();
    let leaves =
        if changes.is_empty() { Vec::new() } else { ledger.record(&changes).map_err(ledger::failure)? };
    let before = force.retention.incident_days_before;
    ledger.close().map_err(ledger::failure)?;
    Ok(said(case, lang, touched, leaves.len(), before))
}

fn said(case: &str, lang: Lang, touched: &Touched, new: usize, before: u32) -> String {
    let (case, count) = (harmless(case), touched.len());
    let mut text = match lang {
        Lang::En => format!(
            "case {case} keeps {count} sources ({new} recorded now) from {before} days before until it is closed:\n"
        ),
        Lang::Ja => format!(
            "事案 {case} により情報源 {count} 件を保存します（今回の記録 {new} 件）。{before} 日前から終結までです：\n"
        ),
    };
    for (source, (first, last)) in touched {
        let _ = writeln!(text, "  {}  {} – {}", harmless(source), date(*first), date(*last));
    }
    text
}
