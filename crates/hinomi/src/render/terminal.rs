//! The timeline and summary that people read.

use std::collections::BTreeMap;
use std::io::{self, Write};

use hinomi_model::{Level, Timestamp};

use super::View;
use super::style::{Paint, fit, group_digits, harmless, pad, width};
use super::words::{Words, level as level_name, words};
use crate::args::Lang;
use crate::document::{kind_ja, said_lost, sentence_ja};
use crate::report::{DetectionEntry, IncidentEntry, LostEntry, Report, SourceEntry};

/// Rows of each list before it is cut with a count.
const MOST_ROWS: usize = 40;
/// Incidents shown.
const MOST_INCIDENTS: usize = 12;
/// Spans of missing records shown for each.
const MOST_LOST: usize = 8;

/// Writes the report for people.
///
/// # Errors
/// Errors of `out`.
pub fn terminal(report: &Report, view: &View, out: &mut dyn Write) -> io::Result<()> {
    let asked = || std::env::var("COLUMNS").ok()?.parse().ok();
    let measured = || terminal_size::terminal_size().map(|(w, _)| usize::from(w.0));
    let columns: usize = view.width.or_else(asked).or_else(measured).unwrap_or(110);
    let mut page = Page {
        report,
        view,
        words: words(view.lang),
        paint: Paint { on: view.color },
        columns: columns.clamp(60, 200),
        out,
    };
    page.head()?;
    page.timeline()?;
    page.incidents()?;
    page.missing()?;
    page.unread()?;
    page.foot()
}

struct Page<'a> {
    report: &'a Report,
    view: &'a View,
    words: &'static Words,
    paint: Paint,
    columns: usize,
    out: &'a mut dyn Write,
}

/// Detections that differ only in time and event.
struct Fold<'a> {
    first: &'a DetectionEntry,
    last: &'a DetectionEntry,
    count: u64,
}

impl Page<'_> {
    fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")
    }

    fn heading(&mut self, text: &str) -> io::Result<()> {
        let rule = "─".repeat(self.columns.saturating_sub(width(text) + 4));
        let painted = self.paint.bold(text);
        let rule = self.paint.dim(&rule);
        writeln!(self.out, "\n{} {painted} {rule}", self.paint.dim("──"))
    }

    fn head(&mut self) -> io::Result<()> {
        let s = &self.report.summary;
        let w = self.words;
        let name = self.paint.bold("Hinomi 火の見");
        let counted = |n: u64, word: &str| match self.view.lang {
            Lang::En if n == 1 => format!("1 {}", word.strip_suffix('s').unwrap_or(word)),
            Lang::En => format!("{} {word}", group_digits(n)),
            Lang::Ja if word.starts_with('件') => format!("{}{word}", group_digits(n)),
            Lang::Ja => format!("{word} {}", group_digits(n)),
        };
        let parts = [
            counted(s.events, w.events),
            counted(s.logs, w.logs),
            counted(s.files, w.files),
            counted(s.rules.rules + s.rules.correlations, w.rules),
        ];
        let span = match (s.first, s.last) {
            (Some(first), Some(last)) => {
                format!("{} → {}", self.full_time(Some(first)), self.full_time(Some(last)))
            }
            _ => w.unknown_time.to_owned(),
        };
        self.line(&format!("{name}  {}", parts.join(" · ")))?;
        let zone = self.view.zone.iana_name().unwrap_or("UTC");
        self.line(&format!("{span}  {}", self.paint.dim(zone)))?;
        if let Some(narrowed) = self.narrowed() {
            self.line(&format!("{}: {narrowed}", self.words.only))?;
        }
        if s.events == 0 {
            let text = self.paint.warn(w.no_events);
            return self.line(&text);
        }
        self.level_line()
    }

    /// The span and the hosts that were asked for, if not all.
    fn narrowed(&self) -> Option<String> {
        let reading = self.report.reading.as_ref()?;
        let bound = |of: &Option<String>| {
            of.as_deref().map_or("…".to_owned(), |time| self.full_time(time.parse().ok()))
        };
        let mut parts = Vec::new();
        if self.has_window() {
            parts.push(format!("{} → {}", bound(&reading.since), bound(&reading.until)));
        }
        if !reading.hosts.is_empty() {
            parts.push(harmless(&reading.hosts.join(", ")));
        }
        (!parts.is_empty()).then(|| parts.join("  "))
    }

    fn has_window(&self) -> bool {
        self.report.reading.as_ref().is_some_and(|r| r.since.is_some() || r.until.is_some())
    }

    fn level_line(&mut self) -> io::Result<()> {
        let counts = &self.report.summary.detections;
        let part = |l: &Level| {
            let count = counts.get(l.name()).copied().unwrap_or(0);
            let text = format!(" {} {} ", level_name(*l, self.view.lang), group_digits(count));
            if count == 0 { self.paint.dim(&text) } else { self.paint.level(*l, &text) }
        };
        let parts: Vec<String> = Level::ALL.iter().rev().map(part).collect();
        self.line(&parts.join(" "))
    }

    fn timeline(&mut self) -> io::Result<()> {
        let report = self.report;
        let shown: Vec<&DetectionEntry> =
            report.detections.iter().filter(|d| d.level >= self.view.min_level).collect();
        if report.summary.events > 0 && report.detections.is_empty() {
            self.line("")?;
            if self.has_window() && report.summary.first.is_none() {
                let text = self.paint.warn(self.words.nothing_inside);
                return self.line(&text);
            }
            return self.line(self.words.nothing_found);
        }
        if shown.is_empty() {
            return Ok(());
        }
        self.heading(self.words.timeline)?;
        let folds = fold(&shown, self.view.all);
        let mut day = String::new();
        for item in &folds {
            let (date, clock) = self.date_and_clock(item.first.time);
            if date != day {
                let text = self.paint.bold(&date);
                self.line(&text)?;
                day = date;
            }
            self.detection(item, &clock)?;
        }
        if !self.view.all && folds.len() < shown.len() {
            let text = self.paint.dim(self.words.all_hint);
            self.line(&text)?;
        }
        let below = report.detections.len() - shown.len();
        if below > 0 {
            let text = format!("{}{}{}", group_digits(below as u64), self.space(), self.words.below_level);
            let text = self.paint.dim(&text);
            self.line(&text)?;
        }
        Ok(())
    }

    /// English counts are followed by a space, Japanese ones are not.
    fn space(&self) -> &'static str {
        if self.view.lang == Lang::Ja { "" } else { " " }
    }

    fn detection(&mut self, item: &Fold<'_>, clock: &str) -> io::Result<()> {
        let d = item.first;
        let title = match (self.view.lang, d.title_translations.get("ja")) {
            (Lang::Ja, Some(title)) => title,
            _ => &d.title,
        };
        let count = match item.count {
            1 => String::new(),
            n => {
                let (date, clock) = self.date_and_clock(item.last.time);
                let same_day = date == self.date_and_clock(d.time).0;
                let end = if same_day { clock } else { format!("{date} {clock}") };
                format!("  ×{} … {end}", group_digits(n))
            }
        };
        let level = pad(level_name(d.level, self.view.lang), 8);
        let host = if d.host.is_empty() { self.words.unknown_host } else { &d.host };
        let head = format!(
            "  {clock}  {}  {}",
            self.paint.level(d.level, &level),
            self.paint.bold(&harmless(title))
        );
        let used = 2 + width(clock) + 2 + 8 + 2 + width(title);
        let head = if used + width(&count) < self.columns { format!("{head}{count}") } else { head };
        self.line(&head)?;
        let indent = " ".repeat(4 + width(clock));
        let who = if d.account.is_empty() {
            harmless(host)
        } else {
            format!("{}  {}", harmless(host), harmless(&d.account))
        };
        let techniques: Vec<String> =
            d.techniques.iter().map(|t| format!("{} {}", t.id, t.name).trim_end().to_owned()).collect();
        self.line(&fit(&format!("{indent}{who}  {}", techniques.join(", ")), self.columns))?;
        if let Some(text) = self.story(d) {
            self.line(&fit(&format!("{indent}{text}"), self.columns))?;
        }
        let other = d.other_explanations.get(if self.view.lang == Lang::Ja { "ja" } else { "en" });
        if let Some(other) = other {
            let text = self.paint.dim(&fit(&format!("{indent}{}: {other}", self.words.other), self.columns));
            self.line(&text)?;
        }
        let text = self.paint.dim(&fit(&format!("{indent}{}", self.citation(d)), self.columns));
        self.line(&text)
    }

    fn citation(&self, d: &DetectionEntry) -> String {
        let place = d.evidence.first().map(|e| match e.sequence {
            Some(number) => format!("{} #{number}", e.place),
            None => format!("{} @{}", e.place, e.offset),
        });
        let place = harmless(&place.unwrap_or_default());
        format!("{place} · {} {} {}", self.words.rule_by, harmless(&d.rule_id), harmless(&d.author))
    }

    /// The most telling fields of the event.
    fn story(&self, d: &DetectionEntry) -> Option<String> {
        let told = self
            .view
            .details
            .iter()
            .filter_map(|name| Some((name, d.fields.value(name).filter(|v| !v.is_empty())?)));
        let parts: Vec<String> =
            told.take(3).map(|(name, value)| format!("{name}: {}", fit(&harmless(value), 160))).collect();
        (!parts.is_empty()).then(|| parts.join("  "))
    }

    fn incidents(&mut self) -> io::Result<()> {
        let incidents = &self.report.incidents;
        if incidents.is_empty() {
            return Ok(());
        }
        let title = format!("{} {}", self.words.incidents, group_digits(incidents.len() as u64));
        self.heading(&title)?;
        let mut ordered: Vec<&IncidentEntry> = incidents.iter().collect();
        ordered.sort_by_key(|i| (std::cmp::Reverse(i.severity), std::cmp::Reverse(i.rules)));
        for incident in ordered.iter().take(MOST_INCIDENTS) {
            self.incident(incident)?;
        }
        self.cut(incidents.len(), MOST_INCIDENTS)
    }

    fn incident(&mut self, incident: &IncidentEntry) -> io::Result<()> {
        let level =
            self.paint.level(incident.severity, &pad(level_name(incident.severity, self.view.lang), 8));
        let span = format!("{} → {}", self.full_time(incident.first), self.full_time(incident.last));
        let numbers = match self.view.lang {
            Lang::En => {
                let (rules, detections) = (incident.rules, incident.detections.len() as u64);
                let end = |n: u64| if n == 1 { "" } else { "s" };
                let found = group_digits(detections);
                format!("{rules} rule{}, {found} detection{}", end(rules), end(detections))
            }
            Lang::Ja => format!(
                "ルール {}、検知 {} 件",
                incident.rules,
                group_digits(incident.detections.len() as u64)
            ),
        };
        self.line(&format!("  {level}  {}  {span}  {numbers}", incident.id.get(..8).unwrap_or_default()))?;
        let names = |list: &[String]| harmless(&list.join(", "));
        let hosts = if incident.hosts.is_empty() {
            self.words.unknown_host.to_owned()
        } else {
            names(&incident.hosts)
        };
        let who = format!("            {hosts}  {}", self.paint.dim(&names(&incident.accounts)));
        self.line(&who)?;
        let techniques: Vec<&str> = incident.techniques.iter().map(|t| t.id.as_str()).collect();
        let text = self.paint.dim(&fit(&format!("            {}", techniques.join(" ")), self.columns));
        self.line(&text)?;
        incident.lost_records.iter().take(MOST_LOST).try_for_each(|lost| self.lost(lost))?;
        self.cut(incident.lost_records.len(), MOST_LOST)
    }

    /// Records that the incident says are missing.
    fn lost(&mut self, lost: &LostEntry) -> io::Result<()> {
        let at = |time: Option<Timestamp>| time.map(|time| self.full_time(Some(time)));
        let said = said_lost(&lost.channel, lost.lost, at(lost.from).as_deref(), at(lost.to).as_deref());
        let said = if self.view.lang == Lang::Ja { said.ja } else { said.en };
        let host = if lost.host.is_empty() { self.words.unknown_host } else { &lost.host };
        let text = harmless(&format!("            {}: {host}  {said}", self.words.lost));
        let text = self.paint.warn(&text);
        self.line(&text)
    }

    fn cut(&mut self, have: usize, most: usize) -> io::Result<()> {
        if have <= most {
            return Ok(());
        }
        let text = format!("  … {}{}{}", group_digits((have - most) as u64), self.space(), self.words.more);
        let text = self.paint.dim(&text);
        self.line(&text)
    }

    fn missing(&mut self) -> io::Result<()> {
        if self.report.summary.events == 0 {
            return Ok(());
        }
        self.heading(self.words.missing)?;
        let sources = &self.report.sources;
        let mut lines: Vec<String> = sources.iter().flat_map(|s| self.lacks(s)).collect();
        // Where no source numbers its events, nothing can be said to be complete.
        if lines.is_empty() && sources.iter().any(|s| s.gaps.is_some()) {
            lines.push(format!("  {}", self.words.nothing_missing));
        }
        let count = lines.len();
        for text in lines.iter().take(MOST_ROWS) {
            self.line(text)?;
        }
        self.cut(count, MOST_ROWS)?;
        let timeless: u64 = sources.iter().map(|s| s.without_time).sum();
        if timeless > 0 {
            let text = format!("  {}{}{}", group_digits(timeless), self.space(), self.words.timeless);
            let text = self.paint.warn(&text);
            self.line(&text)?;
        }
        let unnumbered = sources.iter().filter(|s| s.gaps.is_none()).count();
        if unnumbered > 0 {
            let text =
                format!("  {}{}{}", group_digits(unnumbered as u64), self.space(), self.words.no_numbering);
            let text = self.paint.dim(&text);
            self.line(&text)?;
        }
        Ok(())
    }

    /// What one source lacks, a line each.
    fn lacks(&self, source: &SourceEntry) -> Vec<String> {
        let host = if source.host.is_empty() { self.words.unknown_host } else { &source.host };
        let name = format!("  {}  {}", pad(&harmless(host), 18), pad(&harmless(&source.channel), 34));
        let mut lines = Vec::new();
        for cleared in &source.cleared {
            let text = format!("{}  {}", self.words.cleared, self.full_time(cleared.time));
            lines.push(format!("{name}{}", self.paint.level(Level::High, &text)));
        }
        if let Some(gap) =
            source.gaps.as_ref().and_then(|g| g.iter().max_by_key(|g| g.last_missing - g.first_missing))
        {
            let span = format!("{} … {}", self.full_time(gap.after), self.full_time(gap.before));
            let uncounted = if source.gaps_complete { "" } else { self.words.uncounted };
            let total = format!(
                "{}{}{} ({}){uncounted}",
                group_digits(source.missing),
                self.space(),
                self.words.gap,
                source.gap_count
            );
            lines.push(format!("{name}{}  {span}", self.paint.warn(&total)));
        }
        if let Some(jump) = source.clock_jumps.first() {
            let text = format!("{} ×{}", self.words.clock_back, source.clock_jump_count);
            lines.push(format!(
                "{name}{}  {} → {}",
                self.paint.warn(&text),
                self.full_time(jump.from),
                self.full_time(jump.to)
            ));
        }
        if let Some(silence) = source.silent.iter().max_by_key(|s| s.hours) {
            let times = match source.silent.len() {
                1 => String::new(),
                n => format!(" ×{n}"),
            };
            let text = format!("{}{times} {} {}", self.words.silent, silence.hours, self.words.hours);
            lines.push(format!(
                "{name}{text}  {} → {}",
                self.full_time(silence.from),
                self.full_time(silence.to)
            ));
        }
        lines
    }

    fn unread(&mut self) -> io::Result<()> {
        let diagnostics = &self.report.diagnostics;
        if diagnostics.is_empty() {
            return Ok(());
        }
        self.heading(self.words.unread)?;
        for d in diagnostics.iter().take(MOST_ROWS) {
            let again =
                if d.repeated > 0 { format!(" (+{})", group_digits(d.repeated)) } else { String::new() };
            let (kind, message) = match self.view.lang {
                Lang::En => (d.kind, d.message.as_str().into()),
                Lang::Ja => (kind_ja(d.kind), sentence_ja(&d.message)),
            };
            let place = harmless(&d.place);
            // An option is no place in a file.
            let at = if place.starts_with("--") { String::new() } else { format!("@{}", d.offset) };
            let text = format!("  {place}{at}  {kind}: {}{again}", harmless(&message));
            self.line(&text)?;
        }
        self.cut(diagnostics.len(), MOST_ROWS)
    }

    fn foot(&mut self) -> io::Result<()> {
        let mut notes: Vec<String> = Vec::new();
        let rejected = self.report.rejected_rules.len() as u64;
        let space = self.space();
        let others = self.report.files.iter().filter(|f| f.logs == 0).count() as u64;
        if others > 0 {
            notes.push(format!("{}{space}{}", group_digits(others), self.words.no_logs));
        }
        if rejected > 0 {
            notes.push(format!("{}{space}{}", group_digits(rejected), self.words.rejected));
        }
        if self.report.summary.unlisted > 0 {
            notes.push(format!(
                "{}{space}{}",
                group_digits(self.report.summary.unlisted),
                self.words.unlisted
            ));
        }
        for s in &self.report.suppressions {
            let what = if s.expired {
                self.words.expired.to_owned()
            } else {
                format!("{}{space}{}", group_digits(s.hidden), self.words.hidden)
            };
            notes.push(format!(
                "{}: {what} ({}, {} → {})",
                s.name,
                s.owner,
                s.reason,
                self.full_time(s.expires)
            ));
        }
        if !self.report.detections.is_empty() {
            notes.push(self.words.credentials.to_owned());
        }
        if notes.is_empty() {
            return Ok(());
        }
        self.line("")?;
        for note in notes {
            let text = self.paint.dim(&harmless(&note));
            self.line(&text)?;
        }
        Ok(())
    }

    fn full_time(&self, time: Option<Timestamp>) -> String {
        let (date, clock) = self.date_and_clock(time);
        if time.is_none() { date } else { format!("{date} {clock}") }
    }

    /// Date and clock in the view's zone.
    fn date_and_clock(&self, time: Option<Timestamp>) -> (String, String) {
        let instant = time.and_then(|t| jiff::Timestamp::from_nanosecond(i128::from(t.as_nanos())).ok());
        let Some(instant) = instant else {
            return (self.words.unknown_time.to_owned(), "--:--:--".to_owned());
        };
        let local = instant.to_zoned(self.view.zone.clone());
        (local.date().to_string(), local.strftime("%H:%M:%S").to_string())
    }
}

/// Folds detections of the same rule on the same host and account on one day into one row, at its first event.
fn fold<'a>(shown: &[&'a DetectionEntry], all: bool) -> Vec<Fold<'a>> {
    let mut folds: Vec<Fold<'a>> = Vec::new();
    let mut index: BTreeMap<(&str, &str, &str, Option<i64>), usize> = BTreeMap::new();
    for &detection in shown {
        const DAY: i64 = 86_400 * hinomi_model::NANOS_PER_SECOND;
        let day = detection.time.map(|t| t.as_nanos().div_euclid(DAY));
        let key = (detection.rule_id.as_str(), detection.host.as_str(), detection.account.as_str(), day);
        let known = index.get(&key).and_then(|&at| folds.get_mut(at));
        if let Some(fold) = known.filter(|_| !all) {
            fold.last = detection;
            fold.count += 1;
        } else {
            index.insert(key, folds.len());
            folds.push(Fold { first: detection, last: detection, count: 1 });
        }
    }
    folds
}
