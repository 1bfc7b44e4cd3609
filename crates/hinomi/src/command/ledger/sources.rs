//! `hinomi ledger sources`: the calendar source × day.

use std::io::IsTerminal as _;
use std::path::Path;

use hinomi_ledger::completeness::{Day, DayCell};
use hinomi_ledger::policy::Declared;
use hinomi_model::Timestamp;
use serde_json::{Value, json};

use super::super::print;
use super::{date as day, failure, lang, reader};
use crate::args::LedgerSources;
use crate::clock;
use crate::exit::{Exit, Failure};
use crate::render::calendar::{Calendar, CalendarView, Row, date, picture, sentence};

/// Days shown unless asked for.
const DAYS: i32 = 14;
/// Days shown at most: ten years.
const MOST_DAYS: i32 = 3_660;

pub(super) fn run(args: &LedgerSources) -> Result<Exit, Failure> {
    let now = clock::now();
    let to = args.to.as_deref().map_or(Ok(Day::of(now)), day)?;
    let from = args.from.as_deref().map_or(Ok(Day(to.0.saturating_sub(DAYS - 1))), day)?;
    if to < from || to.0.saturating_sub(from.0) >= MOST_DAYS {
        return Err(Failure::new(Exit::Usage, "the last day is before the first, or ten years behind it"));
    }
    let calendar = calendar(&args.at.data, (from, to), now)?;
    let lang = lang(&args.at);
    if args.at.json {
        return print(format!("{:#}\n", as_json(&calendar)).as_bytes());
    }
    let color = args.color.on(std::io::stdout().is_terminal());
    let asked = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok());
    let measured = || terminal_size::terminal_size().map(|(w, _)| usize::from(w.0));
    let columns = asked.or_else(measured).unwrap_or(100);
    print(picture(&calendar, CalendarView { lang, color, columns }).as_bytes())
}

fn calendar(data: &Path, days: (Day, Day), now: Timestamp) -> Result<Calendar, Failure> {
    let reader = reader(data)?;
    let watch = reader.watch().map_err(failure)?;
    Calendar::gather((data, &reader, &watch), days, now).map_err(failure)
}

fn as_json(calendar: &Calendar) -> Value {
    let time = |t: Timestamp| t.to_string();
    let sources: Vec<Value> = calendar
        .rows
        .iter()
        .map(|row| {
            let summary = row.summary.as_ref();
            let cells: Vec<Value> = row.cells.iter().map(|cell| cell_json(calendar, row, cell)).collect();
            json!({"source": row.source,
                "owner": row.declared.as_ref().map(|d| &d.owner),
                "class": row.declared.as_ref().and_then(|d| d.class.as_ref()),
                "promise": row.declared.as_ref().map(promise_json),
                "records": summary.map(|s| s.records),
                "repeated_records": summary.map(|s| s.repeated),
                "numbered": summary.is_some_and(|s| s.numbered),
                "since": summary.map(|s| time(s.since)),
                "latest": summary.map(|s| time(s.latest)),
                "silent": summary.is_some_and(|s| s.silent),
                "health": health_json(calendar, &row.source),
                "days": cells})
        })
        .collect();
    let findings: Vec<Value> = calendar
        .findings
        .iter()
        .map(|cited| {
            let (from, to) = cited.finding.what.span(cited.finding.found);
            json!({"number": cited.number, "source": cited.finding.source, "found": time(cited.finding.found),
                "from": time(from), "to": time(to), "what": cited.finding.what, "reference": cited.reference,
                "text": sentence(&cited.finding.what, crate::args::Lang::En),
                "text_ja": sentence(&cited.finding.what, crate::args::Lang::Ja)})
        })
        .collect();
    json!({"schema_version": "1.0", "origin": calendar.origin, "as_of": time(calendar.as_of),
        "last_tick": calendar.seen.map(time), "from": date(calendar.from), "to": date(calendar.to),
        "sources": sources, "findings": findings, "records_of_untracked_sources": calendar.untracked})
}

/// What was learnt of a source, as the server at work saved it last; null when none did.
fn health_json(calendar: &Calendar, source: &str) -> Value {
    let Some(saved) = &calendar.health else { return Value::Null };
    let Some(vital) = saved.rows.iter().find(|vital| vital.source == source) else { return Value::Null };
    let plan = vital.plan.as_ref();
    json!({"state": vital.state, "leaves": saved.leaves, "latest": vital.last.to_string(),
        "longest_pause_ns": vital.longest_ns, "expected_per_hour": vital.per_hour,
        "usual_delay_ns": vital.delay_ns, "kinds": vital.kinds, "kinds_gone": vital.gone,
        "times_off_ns": vital.off_ns,
        "planned": plan.map(|(owner, reason, to)| json!({"owner": owner, "reason": reason, "to": to.to_string()}))})
}

fn promise_json(declared: &Declared) -> Value {
    let promise = &declared.promise;
    json!({"numbering": promise.numbering, "redelivers": promise.redelivers, "heard_every_ns": promise.heard_every_ns})
}

fn cell_json(calendar: &Calendar, row: &Row, cell: &DayCell) -> Value {
    let behind: Vec<u64> = calendar.behind(&row.source, cell.day).filter_map(|cited| cited.number).collect();
    json!({"day": date(cell.day), "state": cell.state, "basis": cell.basis, "doubt": cell.doubt,
        "records": cell.records, "missing_numbers": cell.missing, "erased": cell.erased, "findings": behind})
}
