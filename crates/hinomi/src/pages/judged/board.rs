//! The page for the board.

use std::collections::BTreeMap;

use hinomi_assure::Outcome;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::super::{Asked, Refused, Text, sources};
use super::claims::ClaimRow;
use super::exceptions::{self, ExceptionRow};
use super::questions::{Answer, Whole, of_whole};
use super::suppliers::{self, SupplierRow};
use super::{Judged, needed};
use crate::judge::Copy;

/// The page.
#[derive(Debug, Serialize)]
pub(in crate::pages) struct Board {
    as_of: String,
    judged: Judged,
    answers: Vec<Answer>,
    claims: Vec<ClaimRow>,
    exceptions: Vec<ExceptionRow>,
    suppliers: Vec<SupplierRow>,
    copies: Vec<CopyRow>,
    sources: sources::Counts,
    frameworks: Vec<Framework>,
}

#[derive(Debug, Serialize)]
struct CopyRow {
    name: String,
    owner: String,
    last_restore: Option<String>,
}

#[derive(Debug, Serialize)]
struct Framework {
    framework: String,
    category: String,
    title: Text,
    evidence: BTreeMap<Outcome, u64>,
    configuration: BTreeMap<Outcome, u64>,
}

/// A moment, or the beginning of a day as lists state days, in UTC. What is neither is not known.
fn moment(text: &str) -> Option<String> {
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Some(at.to_string());
    }
    let day: Date = text.parse().ok()?;
    day.to_zoned(TimeZone::UTC).ok().map(|begin| begin.timestamp().to_string())
}

/// Everything on one page.
pub(in crate::pages) fn board(whole: &Whole<'_>, asked: &Asked<'_>) -> Result<Board, Refused> {
    let (last, judged) = needed(whole.known)?;
    let report = &last.report;
    let copy = |copy: &Copy| CopyRow {
        name: copy.name.clone(),
        owner: copy.owner.clone().unwrap_or_default(),
        last_restore: copy.last_restore.as_deref().and_then(moment),
    };
    let frameworks = report.coverage.iter().map(|of| Framework {
        framework: of.framework.clone(),
        category: of.category.clone(),
        title: Text::from(&of.title),
        evidence: of.evidence.clone(),
        configuration: of.configuration.clone(),
    });
    Ok(Board {
        as_of: judged.as_of.clone(),
        judged,
        answers: of_whole(whole),
        claims: report.claims.iter().map(ClaimRow::of).collect(),
        exceptions: exceptions::rows(report, asked.names),
        suppliers: suppliers::rows(report),
        copies: report.copies.iter().map(copy).collect(),
        sources: whole.sources.clone(),
        frameworks: frameworks.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_of_a_list_is_a_moment_or_not_known() {
        assert_eq!(moment("2026-06-01").as_deref(), Some("2026-06-01T00:00:00Z"));
        assert_eq!(moment("2026-06-01T09:00:00+09:00").as_deref(), Some("2026-06-01T00:00:00Z"));
        assert_eq!(moment("last summer"), None);
    }
}
