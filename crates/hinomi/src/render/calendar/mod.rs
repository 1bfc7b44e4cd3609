//! The calendar source × day as people see it: a row per source, a column per day, and why each day is not fine.
//!
//! # Invariants
//! - Every state has a sign of its own, of one column in every font, so the picture reads without colour.
//! - A day that nobody can vouch for has the sign of the unknown, never that of the present, and never none.

mod gather;
mod health;
mod words;

use hinomi_ledger::completeness::{
    Basis, CLOCK_SOURCE, Day, DayCell, DayState, Doubt, Finding, SourceSummary, What,
};
use hinomi_ledger::policy::Declared;
use hinomi_model::Timestamp;

use super::style::{Paint, group_digits, harmless, pad, width};
use crate::args::Lang;

pub(crate) use gather::findings;
pub(crate) use health::{Saved, Vital};
pub(crate) use words::sentence;
use words::{Words, words};

/// Findings listed below each source.
const MOST_FINDINGS: usize = 12;
const NAME_COLUMNS: std::ops::RangeInclusive<usize> = 8..=28;
const CELL_COLUMNS: usize = 3;

/// Everything that the picture shows.
#[derive(Debug)]
pub(crate) struct Calendar {
    pub(crate) origin: String,
    pub(crate) as_of: Timestamp,
    /// Last tick of the ledger's clock.
    pub(crate) seen: Option<Timestamp>,
    pub(crate) from: Day,
    pub(crate) to: Day,
    pub(crate) rows: Vec<Row>,
    pub(crate) findings: Vec<Cited>,
    /// How sources are, if a server at work has saved it.
    pub(crate) health: Option<Saved>,
    /// Records of sources beyond the bound.
    pub(crate) untracked: u64,
}

/// One source.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) source: String,
    pub(crate) declared: Option<Declared>,
    pub(crate) summary: Option<SourceSummary>,
    pub(crate) cells: Vec<DayCell>,
}

/// A finding and the record that holds it, once it is in the log.
#[derive(Clone, Debug)]
pub(crate) struct Cited {
    /// Its number among the findings about completeness; those about health have none.
    pub(crate) number: Option<u64>,
    pub(crate) finding: Finding,
    pub(crate) reference: Option<String>,
}

/// How it is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CalendarView {
    pub(crate) lang: Lang,
    pub(crate) color: bool,
    pub(crate) columns: usize,
}

impl Calendar {
    /// The findings that speak of a source on a day.
    pub(crate) fn behind<'a>(&'a self, source: &'a str, day: Day) -> impl Iterator<Item = &'a Cited> {
        self.findings.iter().filter(move |cited| {
            let (first, last) = cited.finding.what.span(cited.finding.found);
            cited.finding.source == source && Day::of(first) <= day && day <= Day::of(last)
        })
    }
}

/// A day as `2026-11-02`.
pub(crate) fn date(day: Day) -> String {
    day.start().to_string().get(..10).unwrap_or_default().to_owned()
}

/// A time to the second.
fn time(at: Timestamp) -> String {
    format!("{}Z", at.to_string().get(..19).unwrap_or_default())
}

/// The whole page.
pub(crate) fn picture(calendar: &Calendar, view: CalendarView) -> String {
    let page = Page { calendar, words: words(view.lang), view, paint: Paint { on: view.color } };
    let mut out = page.head();
    if calendar.rows.is_empty() {
        out.push_str(page.words.no_sources);
        out.push('\n');
    }
    out.push_str(&page.tables());
    out.push_str(&page.legend());
    out.push_str(&page.health());
    calendar.rows.iter().for_each(|row| out.push_str(&page.why(row)));
    out.push_str(&page.clock());
    out
}

struct Page<'a> {
    calendar: &'a Calendar,
    words: &'static Words,
    view: CalendarView,
    paint: Paint,
}

impl Page<'_> {
    fn head(&self) -> String {
        let Calendar { origin, as_of, seen, untracked, .. } = self.calendar;
        let title = format!("{}  {}", self.paint.bold(self.words.title), harmless(origin));
        let mut out = format!("{title}\n{} {}", self.words.as_of, time(*as_of));
        if let Some(seen) = seen {
            out.push_str(&format!("  {} {}", self.words.last_tick, time(*seen)));
        }
        out.push('\n');
        if *untracked > 0 {
            let text = format!("{} {}", group_digits(*untracked), self.words.untracked);
            out.push_str(&format!("{}\n", self.paint.warn(&text)));
        }
        out
    }

    fn health(&self) -> String {
        let Some(saved) = self.calendar.health.as_ref().filter(|saved| !saved.rows.is_empty()) else {
            return String::new();
        };
        let longest = saved.rows.iter().map(|row| width(&harmless(&row.source))).max().unwrap_or(0);
        health::table(saved, longest.clamp(*NAME_COLUMNS.start(), *NAME_COLUMNS.end()), self.view.lang)
    }

    /// As many tables, one below the other, as the days need.
    fn tables(&self) -> String {
        let longest = self.calendar.rows.iter().map(|row| width(&harmless(&row.source))).max().unwrap_or(0);
        let names = longest.clamp(*NAME_COLUMNS.start(), *NAME_COLUMNS.end());
        let days = (self.view.columns.saturating_sub(names + 1) / CELL_COLUMNS).max(1);
        let all: Vec<Day> = (self.calendar.from.0..=self.calendar.to.0).map(Day).collect();
        let mut out = String::new();
        for (at, part) in all.chunks(days).enumerate() {
            out.push('\n');
            out.push_str(&self.days(part, names));
            for row in &self.calendar.rows {
                let cells = row.cells.iter().skip(at * days).take(part.len());
                let signs: String = cells.map(|cell| format!("  {}", self.sign(cell))).collect();
                out.push_str(&format!("{} {signs}\n", pad(&harmless(&row.source), names)));
            }
        }
        out
    }

    /// Two lines: months where they begin, days of the month.
    fn days(&self, days: &[Day], names: usize) -> String {
        let (mut months, mut numbers) = (" ".repeat(names + 1), pad(self.words.source, names + 1));
        let mut shown = String::new();
        for (at, day) in days.iter().enumerate() {
            let text = date(*day);
            let (month, number) = (text.get(..7).unwrap_or_default(), text.get(8..).unwrap_or_default());
            if month != shown {
                let column = names + 1 + at * CELL_COLUMNS + 1;
                // A month that is only a day or two long has no room for its name beside the one before.
                if width(&months) < column || at == 0 {
                    months = pad(&months, column) + month;
                    month.clone_into(&mut shown);
                }
            }
            numbers.push_str(&format!(" {number}"));
        }
        format!("{}\n{}\n", self.paint.dim(&months), self.paint.dim(&numbers))
    }

    fn sign(&self, cell: &DayCell) -> String {
        let (sign, code) = sign_of(cell);
        self.paint.wrap(code, sign)
    }

    fn legend(&self) -> String {
        let mut out = String::from("\n");
        let states = [DayState::Present, DayState::Partial, DayState::Missing, DayState::Unknown];
        for (state, (name, meaning)) in states.into_iter().zip(self.words.states) {
            let (sign, code) = sign_of_state(state);
            out.push_str(&format!(
                "{} {}  {meaning}\n",
                self.paint.wrap(code, sign),
                pad(name, self.words.state_columns)
            ));
        }
        let (name, meaning) = self.words.erased;
        let sign = self.paint.wrap(ERASED.1, ERASED.0);
        out.push_str(&format!("{sign} {}  {meaning}\n", pad(name, self.words.state_columns)));
        out
    }

    /// Why the days of a source are what they are, equal ones together, and the findings behind them.
    fn why(&self, row: &Row) -> String {
        let mut out = format!("\n{}", self.paint.bold(&harmless(&row.source)));
        if let Some(declared) = &row.declared {
            out.push_str(&format!("  {} {}", self.words.owner, harmless(&declared.owner)));
        }
        out.push_str(&format!("  {}\n", self.words.promise(row)));
        let mut rest = row.cells.as_slice();
        while let Some(first) = rest.first() {
            let alike = rest.iter().take_while(|cell| same(first, cell)).count().max(1);
            let (group, after) = rest.split_at(alike);
            out.push_str(&self.group(group));
            rest = after;
        }
        let about: Vec<&Cited> =
            self.calendar.findings.iter().filter(|cited| cited.finding.source == row.source).collect();
        out.push_str(&self.list(&about));
        out
    }

    fn group(&self, group: &[DayCell]) -> String {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { return String::new() };
        let days = if first.day == last.day {
            date(first.day)
        } else {
            format!("{} – {}", date(first.day), date(last.day))
        };
        let records: u64 = group.iter().fold(0, |sum, cell| sum.saturating_add(cell.records));
        // A gap over several days counts in each of them.
        let missing = group.iter().map(|cell| cell.missing).max().unwrap_or(0);
        let mut text = format!("  {} {days}  {}", self.sign(first), self.words.reason(first));
        if records > 0 {
            text.push_str(&format!("{}{} {}", self.words.and, group_digits(records), self.words.records));
        }
        if missing > 0 {
            text.push_str(&format!(
                "{}{} {}",
                self.words.and,
                group_digits(missing),
                self.words.numbers_missing
            ));
        }
        if first.erased {
            text.push_str(&format!("{}{}", self.words.and, self.words.erased.0));
        }
        text + "\n"
    }

    fn list(&self, cited: &[&Cited]) -> String {
        let mut out = String::new();
        for one in cited.iter().take(MOST_FINDINGS) {
            let text = harmless(&sentence(&one.finding.what, self.view.lang));
            out.push_str(&format!("    - {text}\n"));
            match &one.reference {
                Some(reference) => out.push_str(&self.paint.dim(&format!("      {reference}"))),
                None => out.push_str(&format!("      {}", self.words.not_written)),
            }
            out.push('\n');
        }
        if let Some(more) = cited.len().checked_sub(MOST_FINDINGS).filter(|more| *more > 0) {
            out.push_str(&format!("    {} {}\n", group_digits(more as u64), self.words.more));
        }
        out
    }

    /// What concerns the ledger itself.
    fn clock(&self) -> String {
        let own: Vec<&Cited> =
            self.calendar.findings.iter().filter(|cited| cited.finding.source == CLOCK_SOURCE).collect();
        if own.is_empty() {
            return String::new();
        }
        format!("\n{}\n{}", self.paint.bold(self.words.ledger), self.list(&own))
    }
}

const ERASED: (&str, &str) = ("E", "35");

fn sign_of(cell: &DayCell) -> (&'static str, &'static str) {
    if cell.erased { ERASED } else { sign_of_state(cell.state) }
}

/// A sign and its colour. None of the signs is one that fonts for Japanese draw two columns wide.
fn sign_of_state(state: DayState) -> (&'static str, &'static str) {
    match state {
        DayState::Present => ("✓", "32"),
        DayState::Partial => ("~", "1;33"),
        DayState::Missing => ("✗", "1;31"),
        DayState::Unknown => ("?", "36"),
    }
}

fn same(a: &DayCell, b: &DayCell) -> bool {
    (a.state, a.basis, a.doubt, a.erased) == (b.state, b.basis, b.doubt, b.erased)
        && (a.missing > 0) == (b.missing > 0)
        && (a.records > 0) == (b.records > 0)
}

#[cfg(test)]
mod tests;
