//! What the calendar shows, gathered from a ledger and from what a server at work saved.

use std::path::Path;

use hinomi_ledger::completeness::{Day, Finding, Watch};
use hinomi_ledger::health::Plans;
use hinomi_ledger::{LedgerError, Reader};
use hinomi_model::{Digest, EvidencePlace, EvidenceRef, Timestamp};

use super::{Calendar, Cited, Row, Saved};
use crate::live::saved_health;

/// Findings read at most, the newest.
const MOST_FINDINGS: usize = 200_000;

impl Calendar {
    /// Everything about some days.
    ///
    /// # Errors
    /// What reading findings meets.
    pub(crate) fn gather(
        (data, reader, watch): (&Path, &Reader, &Watch),
        (from, to): (Day, Day),
        now: Timestamp,
    ) -> Result<Self, LedgerError> {
        let tracker = watch.tracker();
        let row = |source: &str| Row {
            source: source.to_owned(),
            declared: watch.declared().get(source).cloned(),
            summary: tracker.summary(source),
            cells: tracker.calendar(source, from, to, now),
        };
        let saved = saved_health(data, reader.identity().origin.as_str());
        Ok(Self {
            origin: reader.identity().origin.to_string(),
            as_of: now,
            seen: tracker.last_tick(),
            from,
            to,
            rows: tracker.sources().map(row).collect(),
            findings: findings(reader, watch, (from, to))?,
            health: saved.map(|(health, leaves)| Saved::new(&health, leaves, now)),
            untracked: tracker.beyond_bound(),
        })
    }
}

/// Findings that touch some days, by the time at which they were found.
///
/// # Errors
/// What reading them meets.
pub(crate) fn findings(
    reader: &Reader,
    watch: &Watch,
    (from, to): (Day, Day),
) -> Result<Vec<Cited>, LedgerError> {
    let mut findings = written(reader, watch.written(), from)?;
    findings.extend(written(reader, watch.health(), from)?);
    findings.extend(watch.outstanding().map(|(number, finding)| Cited {
        number: Some(number),
        finding: finding.clone(),
        reference: None,
    }));
    let touches = |finding: &Finding| {
        let (first, last) = finding.what.span(finding.found);
        Day::of(first) <= to && Day::of(last) >= from
    };
    findings.retain(|cited| touches(&cited.finding));
    findings.sort_by_key(|cited| (cited.finding.found, cited.number));
    Ok(findings)
}

/// The findings in the log, from the newest back to those found before the first day.
fn written(reader: &Reader, mut at: Option<u64>, from: Day) -> Result<Vec<Cited>, LedgerError> {
    let mut found = Vec::new();
    while let Some(leaf) = at {
        let Some(block) = reader.block(leaf)? else { break };
        for (record, one) in (0..).zip(&block.records) {
            let finding = match Finding::from_record(&one.bytes) {
                Ok(finding) => finding,
                Err(_) if Plans::from_record(&one.bytes).is_some() => continue,
                Err(error) => return Err(error),
            };
            let place = EvidencePlace::Log { origin: reader.identity().origin.to_string(), leaf, record };
            let reference = EvidenceRef { place, offset: 0, sub: 0, event: Digest::of(&one.bytes) };
            let (number, reference) = (one.sequence, Some(reference.to_string()));
            found.push(Cited { number, finding, reference });
        }
        // A clock that was set back a little must not hide any.
        let enough = i64::from(block.block.scope.day) < i64::from(from.0) - 2;
        at = block.block.previous.filter(|_| !enough && found.len() < MOST_FINDINGS);
    }
    Ok(found)
}
