//! The register of exceptions.

use serde::Serialize;

use super::super::{Asked, Refused, Shown, Text};
use super::{ACCOUNT, Judged, needed, shown};
use crate::judge::{Exception, Known, Report};

/// The register, those first that somebody has to look at.
#[derive(Debug, Serialize)]
pub(in crate::pages) struct ExceptionList {
    judged: Judged,
    items: Vec<ExceptionRow>,
}

#[derive(Debug, Serialize)]
pub(super) struct ExceptionRow {
    id: String,
    claim: String,
    entity: String,
    owner: String,
    reason: String,
    compensation: String,
    until: Option<String>,
    state: &'static str,
    covers: u64,
    after_end: u64,
    lacks: Vec<Text>,
}

fn state(of: &Exception) -> &'static str {
    match (of.lacks.is_empty(), of.ended) {
        (false, _) => "void",
        (true, true) => "ended",
        (true, false) => "valid",
    }
}

/// What a claim is about that this program may not know: then it may be an account.
fn about<'r>(report: &'r Report, claim: &str) -> &'r str {
    report.claims.iter().find(|known| known.id == claim).map_or(ACCOUNT, |known| known.about.as_str())
}

fn words(code: &str) -> Text {
    let said = crate::assure::lack(code);
    Text::new(said.en, said.ja)
}

/// The register of a report.
pub(super) fn rows(report: &Report, names: &dyn Shown) -> Vec<ExceptionRow> {
    let entity = |of: &Exception| match of.entity.as_str() {
        all @ ("*" | "") => all.to_owned(),
        entity => shown(names, about(report, &of.claim), entity),
    };
    let row = |of: &Exception| ExceptionRow {
        id: of.id.clone(),
        claim: of.claim.clone(),
        entity: entity(of),
        owner: of.owner.clone(),
        reason: of.reason.clone(),
        compensation: of.compensation.clone(),
        until: of.until.clone(),
        state: state(of),
        covers: of.covers,
        after_end: of.after_end,
        lacks: of.lacks.iter().map(|code| words(code)).collect(),
    };
    let mut rows: Vec<ExceptionRow> = report.exceptions.iter().map(row).collect();
    // What has ended and is still needed first, then what covers nothing, then by its end.
    let urgency = |row: &ExceptionRow| match (row.state, row.after_end) {
        ("ended", 1..) => 0,
        ("void", _) => 1,
        ("ended", 0) => 2,
        _ => 3,
    };
    rows.sort_by(|a, b| (urgency(a), &a.until, &a.id).cmp(&(urgency(b), &b.until, &b.id)));
    rows
}

/// The register.
pub(in crate::pages) fn exceptions(known: &Known, asked: &Asked<'_>) -> Result<ExceptionList, Refused> {
    let (last, judged) = needed(known)?;
    Ok(ExceptionList { judged, items: rows(&last.report, asked.names) })
}
