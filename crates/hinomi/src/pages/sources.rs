//! Sources: what they promised, how they usually are, what each day holds.

use std::collections::BTreeMap;

use hinomi_ledger::completeness::{CLOCK_SOURCE, Day, DayCell, Finding};
use hinomi_ledger::health::State;
use hinomi_model::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::evidence::{Evidence, Opened};
use super::{Asked, Refused, Text, page, received, time};
use crate::args::Lang;
use crate::clock;
use crate::render::calendar::{Calendar, Cited, Row, Saved, Vital, date, findings, sentence};

/// Days shown unless asked for, and at most.
const DAYS: i32 = 14;
const MOST_DAYS: i32 = 400;
/// Findings of an answer, the newest.
const MOST_FINDINGS: usize = 1_000;
/// What is said of more sources than this within [`NEAR_NS`] is said once.
const MOST_SINGLE: usize = 3;
const NEAR_NS: i64 = 3_600_000_000_000;

/// A page of sources.
#[derive(Debug, Serialize)]
pub(super) struct Sources {
    as_of: String,
    from: String,
    to: String,
    items: Vec<SourceRow>,
    findings: Vec<FindingRow>,
    next: Option<String>,
}

#[derive(Debug, Serialize)]
struct SourceRow {
    source: String,
    owner: Option<String>,
    class: Option<String>,
    promise: Option<PromiseRow>,
    records: Option<u64>,
    since: Option<String>,
    latest: Option<String>,
    silent: bool,
    numbered: bool,
    health: Option<HealthRow>,
    days: Vec<DayRow>,
}

#[derive(Debug, Serialize)]
struct PromiseRow {
    numbering: Option<Value>,
    redelivers: bool,
    heard_every_ns: Option<i64>,
}

#[derive(Debug, Serialize)]
struct HealthRow {
    state: &'static str,
    latest: Option<String>,
    longest_pause_ns: Option<i64>,
    expected_per_hour: Option<f64>,
    kinds_gone: Vec<String>,
    times_off_ns: Option<i64>,
    planned: Option<PlanRow>,
}

#[derive(Debug, Serialize)]
struct PlanRow {
    owner: String,
    reason: String,
    to: String,
}

#[derive(Debug, Serialize)]
struct DayRow {
    day: String,
    state: Value,
    doubt: Value,
    records: u64,
    missing_numbers: u64,
    findings: Vec<u64>,
}

/// A finding about a source.
#[derive(Debug, Serialize)]
pub(super) struct FindingRow {
    number: Option<u64>,
    source: String,
    found: String,
    from: String,
    to: String,
    finding: String,
    reference: Option<String>,
    text: Text,
}

/// How a source usually is.
#[derive(Debug, Serialize)]
pub(super) struct RhythmPage {
    source: String,
    watched_since: Option<String>,
    expected_per_hour: Vec<Option<f64>>,
    received: Vec<HourRow>,
    findings: Vec<FindingRow>,
}

#[derive(Debug, Serialize)]
struct HourRow {
    hour: String,
    records: u64,
}

/// How many sources are how.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub(super) struct Counts {
    pub(super) heard: u64,
    pub(super) silent: u64,
    pub(super) changed: u64,
    pub(super) planned: u64,
    pub(super) unjudged: u64,
    pub(super) last_received: Option<String>,
}

/// Its name in the contract.
fn state_name(state: State) -> &'static str {
    match state {
        State::Learning => "learning",
        State::Usual => "well",
        State::Planned => "planned",
        State::Silent => "silent",
        State::TimesOff | State::KindsGone => "changed",
        State::Fell => "fell",
    }
}

/// Sources with the days that were asked for.
pub(super) fn sources(evidence: &Evidence, asked: &Asked<'_>) -> Result<Sources, Refused> {
    let now = clock::now();
    let to = asked.day("to")?.unwrap_or(Day::of(now));
    let from = asked.day("from")?.unwrap_or(Day(to.0.saturating_sub(DAYS - 1)));
    if to < from || to.0.saturating_sub(from.0) >= MOST_DAYS {
        return Err(Refused::Senseless(format!("from and to are at most {MOST_DAYS} days apart, in order")));
    }
    let calendar = evidence.with(|opened| {
        let watch = opened.watch(now)?;
        Ok(Calendar::gather((evidence.data(), &opened.reader, &watch), (from, to), now)?)
    })?;
    let listed: Vec<&Row> = calendar.rows.iter().collect();
    let (rows, next) = page(listed, asked)?;
    let items: Vec<SourceRow> = rows.into_iter().map(|row| source_row(&calendar, row)).collect();
    let speaks = |cited: &&Cited| {
        let of = cited.finding.source.as_str();
        of == CLOCK_SOURCE || items.iter().any(|item| item.source == of)
    };
    let about: Vec<&Cited> = calendar.findings.iter().rev().filter(speaks).take(MOST_FINDINGS).collect();
    let findings = about.into_iter().rev().map(finding_row).collect();
    Ok(Sources { as_of: time(now), from: date(from), to: date(to), items, findings, next })
}

fn source_row(calendar: &Calendar, row: &Row) -> SourceRow {
    let (summary, declared) = (row.summary.as_ref(), row.declared.as_ref());
    let vitals = calendar.health.iter().flat_map(|saved| &saved.rows);
    SourceRow {
        source: row.source.clone(),
        owner: declared.map(|known| known.owner.clone()),
        class: declared.and_then(|known| known.class.clone()),
        promise: declared.map(|known| PromiseRow {
            numbering: known.promise.numbering.as_ref().and_then(numbering),
            redelivers: known.promise.redelivers,
            heard_every_ns: known.promise.heard_every_ns,
        }),
        records: summary.map(|known| known.records),
        since: summary.map(|known| time(known.since)),
        latest: summary.map(|known| time(known.latest)),
        silent: summary.is_some_and(|known| known.silent),
        numbered: summary.is_some_and(|known| known.numbered),
        health: vitals.filter(|vital| vital.source == row.source).map(health_row).next(),
        days: row.cells.iter().map(|cell| day_row(calendar, row, cell)).collect(),
    }
}

/// In the form of the contract: an object, whatever its form in records.
fn numbering(of: &impl Serialize) -> Option<Value> {
    match serde_json::to_value(of).ok()? {
        Value::Null => None,
        Value::Object(fields) => Some(Value::Object(fields)),
        other => Some(serde_json::json!({ "kind": other })),
    }
}

fn health_row(vital: &Vital) -> HealthRow {
    HealthRow {
        state: state_name(vital.state),
        latest: Some(time(vital.last)),
        longest_pause_ns: (vital.longest_ns > 0).then_some(vital.longest_ns),
        expected_per_hour: (vital.state != State::Learning).then_some(vital.per_hour),
        kinds_gone: vital.gone.clone(),
        times_off_ns: vital.off_ns,
        planned: vital.plan.as_ref().map(|(owner, reason, to)| PlanRow {
            owner: owner.clone(),
            reason: reason.clone(),
            to: time(*to),
        }),
    }
}

fn day_row(calendar: &Calendar, row: &Row, cell: &DayCell) -> DayRow {
    let name = |value: serde_json::Result<Value>| value.unwrap_or_default();
    DayRow {
        day: date(cell.day),
        state: if cell.erased { Value::from("erased") } else { name(serde_json::to_value(cell.state)) },
        doubt: name(serde_json::to_value(cell.doubt)),
        records: cell.records,
        missing_numbers: cell.missing,
        findings: calendar.behind(&row.source, cell.day).filter_map(|cited| cited.number).collect(),
    }
}

pub(super) fn finding_row(cited: &Cited) -> FindingRow {
    let Cited { number, finding, reference } = cited;
    let (from, to) = finding.what.span(finding.found);
    let what = serde_json::to_value(&finding.what).unwrap_or_default();
    FindingRow {
        number: *number,
        source: finding.source.clone(),
        found: time(finding.found),
        from: time(from),
        to: time(to),
        finding: what.get("finding").and_then(Value::as_str).unwrap_or_default().to_owned(),
        reference: reference.clone(),
        text: Text::new(sentence(&finding.what, Lang::En), sentence(&finding.what, Lang::Ja)),
    }
}

/// One source: what is usual in each hour of the week, and what came in the last 168.
pub(super) fn rhythm(evidence: &Evidence, asked: &Asked<'_>) -> Result<RhythmPage, Refused> {
    let source = asked.needed("source")?;
    let now = clock::now();
    evidence.with(|opened| {
        let watch = opened.watch(now)?;
        if watch.tracker().summary(&source).is_none() {
            return Err(Refused::NotFound);
        }
        let hours = opened.counted()?.hours(&source, now);
        let unknown = || Refused::Failed("the leaves are still being counted".to_owned());
        let saved = opened.saved(evidence.data(), now);
        let usual = saved.health.as_ref().and_then(|(health, _)| health.week(&source));
        let about = recent(opened, now, MOST_FINDINGS)?;
        Ok(RhythmPage {
            watched_since: usual.as_ref().map(|week| time(week.since)),
            expected_per_hour: usual.map_or_else(|| vec![None; 168], |week| week.per_hour),
            received: hours
                .ok_or_else(unknown)?
                .into_iter()
                .map(|(hour, records)| HourRow { hour: received(hour), records })
                .collect(),
            findings: about.iter().filter(|cited| cited.finding.source == source).map(finding_row).collect(),
            source,
        })
    })
}

/// Findings of the last two weeks, the newest, by time.
pub(super) fn recent(opened: &mut Opened, now: Timestamp, most: usize) -> Result<Vec<Cited>, Refused> {
    let watch = opened.watch(now)?;
    let days = (Day(Day::of(now).0.saturating_sub(DAYS)), Day::of(now));
    let mut found = findings(&opened.reader, &watch, days)?;
    let old = found.len().saturating_sub(most);
    Ok(found.split_off(old))
}

/// Findings with the names of their sources, and when the last of each was made. What is said of many sources within an hour, as when
/// a folder of logs is handed over, is said once.
pub(super) fn gathered(found: &[Cited]) -> Vec<(Timestamp, Text)> {
    let mut groups: Vec<Vec<&Finding>> = Vec::new();
    for Cited { finding, .. } in found {
        let alike = |group: &&mut Vec<&Finding>| {
            group.first().is_some_and(|first| {
                first.what == finding.what
                    && finding.found.as_nanos() - first.found.as_nanos() < NEAR_NS
                    && group.iter().all(|other| other.source != finding.source)
            })
        };
        match groups.iter_mut().find(alike) {
            Some(group) => group.push(finding),
            None => groups.push(vec![finding]),
        }
    }
    let single = |finding: &&Finding| (finding.found, about(&[finding]));
    let said = |group: Vec<&Finding>| match group.last() {
        Some(last) if group.len() > MOST_SINGLE => vec![(last.found, about(&group))],
        _ => group.iter().map(single).collect(),
    };
    groups.into_iter().flat_map(said).collect()
}

/// What is found of some sources, which are named as far as there is room.
fn about(found: &[&Finding]) -> Text {
    let Some(first) = found.first() else { return Text::default() };
    let named: Vec<&str> = found.iter().take(MOST_SINGLE).map(|finding| finding.source.as_str()).collect();
    let more = found.len() - named.len();
    let (mut en, mut ja) = (named.join(", "), named.join("、"));
    if more > 0 {
        en = format!("{} sources ({en} and {more} more)", found.len());
        ja = format!("{} 件の情報源（{ja} ほか {more} 件）", found.len());
    }
    Text::new(
        format!("{en}: {}", sentence(&first.what, Lang::En)),
        format!("{ja}：{}", sentence(&first.what, Lang::Ja)),
    )
}

/// How many sources are how.
pub(super) fn counts(evidence: &Evidence) -> Result<Counts, Refused> {
    let now = clock::now();
    evidence.with(|opened| {
        let watch = opened.watch(now)?;
        let tracker = watch.tracker();
        let saved = opened.saved(evidence.data(), now);
        let saved = saved.health.as_ref().map(|(health, leaves)| Saved::new(health, *leaves, now));
        let judged: BTreeMap<&str, State> = saved
            .iter()
            .flat_map(|saved| &saved.rows)
            .map(|vital| (vital.source.as_str(), vital.state))
            .collect();
        let mut counts = Counts::default();
        for source in tracker.sources() {
            let promised = watch.declared().get(source).is_some_and(|d| d.promise.heard_every_ns.is_some());
            let silent = tracker.summary(source).is_some_and(|summary| summary.silent);
            *counts.of(judged.get(source).copied(), silent, promised) += 1;
        }
        counts.last_received = opened.counted()?.last_received().map(time);
        Ok(counts)
    })
}

impl Counts {
    /// The count that a source goes into. Without a promise and without history nobody knows.
    fn of(&mut self, judged: Option<State>, silent: bool, promised: bool) -> &mut u64 {
        match judged {
            Some(State::Planned) => &mut self.planned,
            _ if silent => &mut self.silent,
            Some(State::Silent) => &mut self.silent,
            Some(State::TimesOff | State::KindsGone | State::Fell) => &mut self.changed,
            Some(State::Usual) => &mut self.heard,
            Some(State::Learning) | None if promised => &mut self.heard,
            Some(State::Learning) | None => &mut self.unjudged,
        }
    }
}

#[cfg(test)]
mod tests {
    use hinomi_ledger::completeness::{FINDING_VERSION, What};

    use super::*;

    fn found(source: &str, seconds: i64, what: What) -> Cited {
        let found = Timestamp::from_nanos(seconds * 1_000_000_000);
        let finding = Finding { schema_version: FINDING_VERSION, source: source.to_owned(), found, what };
        Cited { number: None, finding, reference: None }
    }

    #[test]
    fn what_is_said_of_many_sources_within_an_hour_is_said_once() {
        let names = ["a", "b", "c", "d", "e"];
        let mut all: Vec<Cited> =
            (0..).zip(names).map(|(at, name)| found(name, at, What::Appeared)).collect();
        all.push(found("late", 7_200, What::Appeared));
        let told = gathered(&all);
        assert_eq!(told.len(), 2);
        assert_eq!(told[0].0, Timestamp::from_nanos(4_000_000_000));
        assert_eq!(told[0].1.en, "5 sources (a, b, c and 2 more): heard for the first time");
        assert_eq!(told[0].1.ja, "5 件の情報源（a、b、c ほか 2 件）：初めて受信");
        assert_eq!(told[1].1.en, "late: heard for the first time");
        // Few stay single, and so does what one source did twice.
        assert_eq!(gathered(&all[..3]).len(), 3);
        let twice: Vec<Cited> = (0..5).map(|at| found("a", at, What::Appeared)).collect();
        assert_eq!(gathered(&twice).len(), 5);
    }
}
