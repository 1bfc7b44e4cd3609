//! An answer for people at a terminal.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::listing::Lines;
use super::model::{ChangeEntry, ReachReport};
use crate::args::Lang;
use crate::assure::View;
use crate::render::style::{Paint, group_digits, harmless};

/// Writes the answer.
///
/// # Errors
/// Errors of `out`.
pub fn terminal(report: &ReachReport, view: &View, out: &mut dyn Write) -> io::Result<()> {
    let asked = || std::env::var("COLUMNS").ok()?.parse().ok();
    let measured = || terminal_size::terminal_size().map(|(w, _)| usize::from(w.0));
    let columns: usize = view.width.or_else(asked).or_else(measured).unwrap_or(110);
    let paint = Paint { on: view.color };
    let (answer, secrets, lang) = (&report.answer, &report.secrets, view.lang);
    let lines = Lines { answer, secrets, lang, paint, columns: columns.clamp(60, 200), out };
    let mut page = Page { report, lang, paint, lines };
    page.head()?;
    page.lines.exposure()?;
    page.lines.radius()?;
    page.lines.ways()?;
    page.lines.cut()?;
    page.lines.secrets()?;
    page.change()?;
    page.unread()
}

struct Page<'p> {
    report: &'p ReachReport,
    lang: Lang,
    paint: Paint,
    lines: Lines<'p>,
}

impl Page<'_> {
    fn head(&mut self) -> io::Result<()> {
        let report = self.report;
        let name = self.paint.bold("Hinomi 火の見");
        let numbers = [report.graph.nodes, report.graph.edges, report.events].map(group_digits);
        let [nodes, edges, events] = &numbers;
        let counts = match self.lang {
            Lang::En => format!("{nodes} nodes · {edges} edges · {events} events"),
            Lang::Ja => format!("対象 {nodes} · つながり {edges} · イベント {events}"),
        };
        writeln!(self.lines.out, "{name}  {counts}")?;
        let (from, to) = (self.lines.say("from", "起点"), self.lines.say("to", "守る対象"));
        let targets: Vec<String> =
            report.targets.iter().map(|(word, count)| format!("{word} ({})", group_digits(*count))).collect();
        let sources = group_digits(report.answer.sources);
        let line = format!("{from} {} ({sources})   {to} {}", report.from.join(", "), targets.join(", "));
        writeln!(self.lines.out, "{}", harmless(&line))?;
        for line in unknown_targets(&report.targets, self.lang) {
            writeln!(self.lines.out, "{}", self.paint.warn(&harmless(&line)))?;
        }
        for import in &report.imports {
            let lacking: Vec<&str> = import.not_collected.keys().map(String::as_str).collect();
            if !lacking.is_empty() {
                let text = match self.lang {
                    Lang::En => {
                        format!("{}: not collected, so unknown: {}", import.document, lacking.join(", "))
                    }
                    Lang::Ja => format!("{}: 収集されておらず不明: {}", import.document, lacking.join("、")),
                };
                writeln!(self.lines.out, "{}", self.paint.warn(&harmless(&text)))?;
            }
        }
        Ok(())
    }

    fn change(&mut self) -> io::Result<()> {
        let Some(change) = &self.report.change else { return Ok(()) };
        let heading = self.lines.say("Since the earlier exports", "以前のエクスポートとの比較");
        self.lines.heading(heading)?;
        for line in change_lines(change, self.lang) {
            writeln!(self.lines.out, "  {}", harmless(&line))?;
        }
        Ok(())
    }

    fn unread(&mut self) -> io::Result<()> {
        let report = self.report;
        if report.diagnostics.is_empty() {
            return Ok(());
        }
        let heading = self.lines.say("Not read", "読めなかったもの");
        self.lines.heading(heading)?;
        for problem in report.diagnostics.iter().take(20) {
            writeln!(self.lines.out, "  {}", self.paint.warn(&harmless(problem)))?;
        }
        self.lines.more(report.diagnostics.len().saturating_sub(20) as u64)
    }
}

/// What is protected and of which nothing was read.
pub(crate) fn unknown_targets(targets: &BTreeMap<String, u64>, lang: Lang) -> Vec<String> {
    let empty = targets.iter().filter(|(_, count)| **count == 0);
    let line = |(word, _): (&String, &u64)| match lang {
        Lang::En => format!("nothing of {word} is in what was read: whether it can be reached is unknown"),
        Lang::Ja => format!("{word} に当たるものを読み込んでおらず、到達できるかは不明です"),
    };
    empty.map(line).collect()
}

/// What changed, a line each.
pub(super) fn change_lines(change: &ChangeEntry, lang: Lang) -> Vec<String> {
    let names = |nodes: &[hinomi_assure::estate::NodeEntry]| {
        let shown: Vec<&str> = nodes.iter().take(8).map(|n| n.name.as_str()).collect();
        shown.join(", ")
    };
    let (before, after) = (change.before, change.after);
    let arrow = |a: u64, b: u64| format!("{} → {}", group_digits(a), group_digits(b));
    let reaching = arrow(before.reaching as u64, after.reaching as u64);
    let ways = arrow(before.ways, after.ways);
    let [newly, gone] = [change.newly_reaching_count, change.no_longer_reaching_count].map(group_digits);
    let [plus, minus] = [change.edges_added, change.edges_gone].map(group_digits);
    match lang {
        Lang::En => vec![
            format!("sources that reach it: {reaching}; shortest ways in all: {ways}"),
            format!("newly: {newly}  {}", names(&change.newly_reaching)),
            format!("no longer: {gone}  {}", names(&change.no_longer_reaching)),
            format!("edges: +{plus} −{minus}"),
        ],
        Lang::Ja => vec![
            format!("到達できる起点: {reaching}、最短経路の総数: {ways}"),
            format!("新たに到達可能: {newly}  {}", names(&change.newly_reaching)),
            format!("到達できなくなった: {gone}  {}", names(&change.no_longer_reaching)),
            format!("つながり: +{plus} −{minus}"),
        ],
    }
}
