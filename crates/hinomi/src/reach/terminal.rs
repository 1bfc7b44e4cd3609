//! An answer for people at a terminal.

use std::io::{self, Write};

use hinomi_assure::Bilingual;
use hinomi_assure::estate::{Counted, CutEntry, WayEntry};
use hinomi_assure::graph::Step;

use super::model::{ChangeEntry, ReachReport};
use super::part::{counted, how, kind_name, place};
use crate::args::Lang;
use crate::assure::View;
use crate::render::style::{Paint, fit, group_digits, harmless, pad, width};

/// Rows of lists before they are cut with a count.
const MOST_WAYS: usize = 5;
const MOST_EDGES: usize = 30;
const MOST_SECRETS: usize = 20;

/// Writes the answer.
///
/// # Errors
/// Errors of `out`.
pub fn terminal(report: &ReachReport, view: &View, out: &mut dyn Write) -> io::Result<()> {
    let asked = || std::env::var("COLUMNS").ok()?.parse().ok();
    let measured = || terminal_size::terminal_size().map(|(w, _)| usize::from(w.0));
    let columns: usize = view.width.or_else(asked).or_else(measured).unwrap_or(110);
    let paint = Paint { on: view.color };
    let mut page = Page { report, lang: view.lang, paint, columns: columns.clamp(60, 200), out };
    page.head()?;
    page.exposure()?;
    page.radius()?;
    page.ways()?;
    page.cut()?;
    page.secrets()?;
    page.change()?;
    page.unread()
}

struct Page<'p> {
    report: &'p ReachReport,
    lang: Lang,
    paint: Paint,
    columns: usize,
    out: &'p mut dyn Write,
}

impl Page<'_> {
    fn say(&self, en: &'static str, ja: &'static str) -> &'static str {
        if self.lang == Lang::Ja { ja } else { en }
    }

    fn text<'t>(&self, text: &'t Bilingual) -> &'t str {
        if self.lang == Lang::Ja { &text.ja } else { &text.en }
    }

    fn heading(&mut self, text: &str) -> io::Result<()> {
        let rule = "─".repeat(self.columns.saturating_sub(width(text) + 4));
        writeln!(self.out, "\n{} {} {}", self.paint.dim("──"), self.paint.bold(text), self.paint.dim(&rule))
    }

    fn head(&mut self) -> io::Result<()> {
        let report = self.report;
        let name = self.paint.bold("Hinomi 火の見");
        let numbers = [report.graph.nodes, report.graph.edges, report.events].map(group_digits);
        let [nodes, edges, events] = &numbers;
        let counts = match self.lang {
            Lang::En => format!("{nodes} nodes · {edges} edges · {events} events"),
            Lang::Ja => format!("対象 {nodes} · つながり {edges} · イベント {events}"),
        };
        writeln!(self.out, "{name}  {counts}")?;
        let (from, to) = (self.say("from", "起点"), self.say("to", "守る対象"));
        let targets: Vec<String> =
            report.targets.iter().map(|(word, count)| format!("{word} ({})", group_digits(*count))).collect();
        let sources = group_digits(report.answer.sources);
        let line = format!("{from} {} ({sources})   {to} {}", report.from.join(", "), targets.join(", "));
        writeln!(self.out, "{}", harmless(&line))?;
        for line in unknown_targets(report, self.lang) {
            writeln!(self.out, "{}", self.paint.warn(&harmless(&line)))?;
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
                writeln!(self.out, "{}", self.paint.warn(&harmless(&text)))?;
            }
        }
        Ok(())
    }

    fn exposure(&mut self) -> io::Result<()> {
        let heading = self.say("Can it be reached?", "到達できるか");
        self.heading(heading)?;
        let figures = self.report.answer.exposure;
        let [reaching, sources, ways] =
            [figures.reaching as u64, figures.sources as u64, figures.ways].map(group_digits);
        let text = match (self.report.answer.targets, figures.shortest, self.lang) {
            (0, _, Lang::En) => {
                "nothing that is to be protected is in the exports and lists: unknown".to_owned()
            }
            (0, _, Lang::Ja) => "守る対象がエクスポートにも台帳にもなく、不明です".to_owned(),
            (_, None, Lang::En) => format!("0 of {sources} reach it over what was read"),
            (_, None, Lang::Ja) => format!("読み込んだ範囲では、{sources} のうち到達できるものはありません"),
            (_, Some(steps), Lang::En) => {
                format!(
                    "{reaching} of {sources} reach it; the nearest in {steps} steps; {ways} shortest ways in all"
                )
            }
            (_, Some(steps), Lang::Ja) => {
                format!("{sources} のうち {reaching} が到達可能。最短 {steps} 手、最短経路は計 {ways} 本")
            }
        };
        let code = if figures.reaching > 0 { "1;31" } else { "33" };
        writeln!(self.out, "  {}", self.paint.wrap(code, &text))
    }

    fn radius(&mut self) -> io::Result<()> {
        let report = self.report;
        if report.answer.radius.is_empty() {
            return Ok(());
        }
        let heading = self.say("Blast radius: in fact, and possible", "影響範囲(実際/可能)");
        self.heading(heading)?;
        let (fact, possible) = (self.say("in fact", "実際"), self.say("possible", "可能"));
        let column = width(fact).max(width(possible));
        for radius in &report.answer.radius {
            let kind = kind_name(&radius.source.kind, self.lang);
            writeln!(
                self.out,
                "  {} {}",
                self.paint.bold(&harmless(&radius.source.name)),
                self.paint.dim(kind)
            )?;
            for (word, of, targets) in [
                (fact, &radius.in_fact, radius.targets_in_fact),
                (possible, &radius.possible, radius.targets_possible),
            ] {
                let line = self.reached(of, targets);
                writeln!(self.out, "    {}  {line}", pad(word, column))?;
            }
        }
        let more = report.answer.sources.saturating_sub(report.answer.radius.len() as u64);
        self.more(more)
    }

    fn reached(&self, of: &Counted, targets: u64) -> String {
        let text = counted(of, self.lang);
        if targets == 0 {
            return text;
        }
        let protected = match self.lang {
            Lang::En => format!("{} protected", group_digits(targets)),
            Lang::Ja => format!("守る対象 {}", group_digits(targets)),
        };
        format!("{text} · {}", self.paint.wrap("1;31", &protected))
    }

    fn more(&mut self, more: u64) -> io::Result<()> {
        if more == 0 {
            return Ok(());
        }
        let text = match self.lang {
            Lang::En => format!("  … and {} more", group_digits(more)),
            Lang::Ja => format!("  … ほか {} 件", group_digits(more)),
        };
        writeln!(self.out, "{}", self.paint.dim(&text))
    }

    fn ways(&mut self) -> io::Result<()> {
        let report = self.report;
        if report.answer.ways.is_empty() {
            return Ok(());
        }
        let heading = self.say("Shortest ways", "最短経路");
        self.heading(heading)?;
        for way in report.answer.ways.iter().take(MOST_WAYS) {
            self.way(way)?;
        }
        self.more(report.answer.ways.len().saturating_sub(MOST_WAYS) as u64)
    }

    fn way(&mut self, way: &WayEntry) -> io::Result<()> {
        let title = harmless(&format!("{} → {}", way.source.name, way.target.name));
        let ways = match self.lang {
            Lang::En => format!(
                "{}, {}",
                numbered(way.steps.len() as u64, "step", "steps"),
                numbered(way.ways, "such way", "such ways")
            ),
            Lang::Ja => format!("{} 手、同じ長さの経路 {} 本", way.steps.len(), group_digits(way.ways)),
        };
        writeln!(self.out, "  {}  {}", self.paint.bold(&title), self.paint.dim(&ways))?;
        for (number, step) in way.steps.iter().enumerate() {
            self.step(number + 1, step)?;
        }
        Ok(())
    }

    fn step(&mut self, number: usize, step: &Step) -> io::Result<()> {
        let seen = if step.is_observed { self.say(" (seen)", "(記録あり)") } else { "" };
        writeln!(
            self.out,
            "    {number:>2}  {}{}",
            harmless(self.text(&step.sentence)),
            self.paint.dim(seen)
        )?;
        let from = place(step, self.lang);
        writeln!(self.out, "        {}", self.paint.dim(&harmless(&from)))
    }

    fn cut(&mut self) -> io::Result<()> {
        let report = self.report;
        if let Some(why) = &report.answer.cut_withheld {
            return writeln!(self.out, "\n  {}", self.paint.warn(why));
        }
        let Some(cut) = &report.answer.cut else { return Ok(()) };
        if cut.edges.is_empty() && cut.inseparable.is_empty() {
            return Ok(());
        }
        let heading = self.say("What to cut", "断つべきつながり");
        self.heading(heading)?;
        self.cut_head(cut)?;
        for edge in cut.edges.iter().take(MOST_EDGES) {
            let act = edge.edge.act.as_ref().map_or("", |a| self.text(a));
            let cost = edge.edge.cost.unwrap_or_default();
            let cost = self.paint.dim(&format!("[{cost}]"));
            writeln!(self.out, "  ✂ {cost} {}", self.paint.bold(&harmless(act)))?;
            let room = self.columns.saturating_sub(8);
            let chain = fit(&harmless(&chain(&edge.way)), room);
            writeln!(self.out, "        {}", self.paint.dim(&chain))?;
        }
        self.more(cut.edges.len().saturating_sub(MOST_EDGES) as u64)?;
        for way in cut.inseparable.iter().take(MOST_WAYS) {
            let text = match self.lang {
                Lang::En => format!(
                    "{} cannot be separated: only memberships lead on; decide whether it is part of what is protected",
                    way.source.name
                ),
                Lang::Ja => format!(
                    "{} は分離できません(所属だけで到達)。守る側の一部とみなすか判断が必要です",
                    way.source.name
                ),
            };
            writeln!(self.out, "  {}", self.paint.warn(&harmless(&text)))?;
            let chain = fit(&harmless(&chain(&way.steps)), self.columns.saturating_sub(8));
            writeln!(self.out, "        {}", self.paint.dim(&chain))?;
        }
        self.more(cut.inseparable.len().saturating_sub(MOST_WAYS) as u64)
    }

    fn cut_head(&mut self, cut: &CutEntry) -> io::Result<()> {
        let (edges, cost) = (cut.edges.len(), group_digits(cut.cost));
        let separated = group_digits(cut.separated);
        let text = match self.lang {
            Lang::En => format!(
                "{edges} cuts of cost {cost} together separate {separated} sources; nothing cheaper does (flow {})",
                cut.flow
            ),
            Lang::Ja => format!(
                "{edges} か所(コスト計 {cost})で {separated} の起点を分離。これより安い方法はありません(フロー {})",
                cut.flow
            ),
        };
        writeln!(self.out, "  {text}")
    }

    fn secrets(&mut self) -> io::Result<()> {
        let secrets = &self.report.secrets;
        if secrets.entries.is_empty() && secrets.decoys_used.is_empty() {
            return Ok(());
        }
        let heading = self.say("Secrets on hosts", "ホスト上の秘密情報");
        self.heading(heading)?;
        for (secret, account, reference) in &secrets.decoys_used {
            let text = match self.lang {
                Lang::En => format!("decoy used: {secret} ({account}): somebody took it"),
                Lang::Ja => format!("おとりが使われました: {secret}({account})。何者かが持ち出しています"),
            };
            writeln!(self.out, "  {}", self.paint.wrap("1;31", &harmless(&text)))?;
            writeln!(self.out, "      {}", self.paint.dim(reference.as_deref().unwrap_or("–")))?;
        }
        for entry in secrets.entries.iter().take(MOST_SECRETS) {
            let secret = entry.secret.as_deref().map(|s| format!("{s} → ")).unwrap_or_default();
            let account = entry.account.as_ref().map_or("–", |a| a.name.as_str());
            let leads = match (entry.leads_to, self.lang) {
                (Some(0), Lang::En) => "is protected itself".to_owned(),
                (Some(0), Lang::Ja) => "守る対象そのもの".to_owned(),
                (Some(n), Lang::En) => {
                    format!("{} to what is protected", numbered(u64::from(n), "step", "steps"))
                }
                (Some(n), Lang::Ja) => format!("守る対象まで {n} 手"),
                (None, _) => String::new(),
            };
            let line = harmless(&format!("{}  {secret}{account}  ", entry.host.name));
            let word = how(&entry.kind, self.lang);
            writeln!(self.out, "  {line}{}  {}", self.paint.dim(word), self.paint.wrap("31", &leads))?;
        }
        let shown = secrets.entries.len().saturating_sub(MOST_SECRETS) as u64;
        self.more(shown + secrets.beyond)
    }

    fn change(&mut self) -> io::Result<()> {
        let Some(change) = &self.report.change else { return Ok(()) };
        let heading = self.say("Since the earlier exports", "以前のエクスポートとの比較");
        self.heading(heading)?;
        for line in change_lines(change, self.lang) {
            writeln!(self.out, "  {}", harmless(&line))?;
        }
        Ok(())
    }

    fn unread(&mut self) -> io::Result<()> {
        let report = self.report;
        if report.diagnostics.is_empty() {
            return Ok(());
        }
        let heading = self.say("Not read", "読めなかったもの");
        self.heading(heading)?;
        for problem in report.diagnostics.iter().take(20) {
            writeln!(self.out, "  {}", self.paint.warn(&harmless(problem)))?;
        }
        self.more(report.diagnostics.len().saturating_sub(20) as u64)
    }
}

/// What is protected and of which nothing was read.
pub(super) fn unknown_targets(report: &ReachReport, lang: Lang) -> Vec<String> {
    let empty = report.targets.iter().filter(|(_, count)| **count == 0);
    let line = |(word, _): (&String, &u64)| match lang {
        Lang::En => format!("nothing of {word} is in what was read: whether it can be reached is unknown"),
        Lang::Ja => format!("{word} に当たるものを読み込んでおらず、到達できるかは不明です"),
    };
    empty.map(line).collect()
}

/// A number with its word, in the form that English wants.
pub(super) fn numbered(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", group_digits(count), if count == 1 { one } else { many })
}

/// The names along a way.
pub(super) fn chain(steps: &[Step]) -> String {
    let first = steps.first().map(|s| s.from.as_str());
    first.into_iter().chain(steps.iter().map(|s| s.to.as_str())).collect::<Vec<_>>().join(" → ")
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
