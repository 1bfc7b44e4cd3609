//! Lists of an answer at a terminal: blast radius, ways, cuts, secrets.

use std::io::{self, Write};

use hinomi_assure::Bilingual;
use hinomi_assure::estate::{AnswerEntry, Counted, CutEntry, WayEntry};
use hinomi_assure::graph::Step;

use super::model::SecretMap;
use super::part::{counted, how, kind_name, place};
use crate::args::Lang;
use crate::render::style::{Paint, fit, group_digits, harmless, pad, width};

/// Rows of lists before they are cut with a count.
const MOST_WAYS: usize = 5;
const MOST_EDGES: usize = 30;
const MOST_SECRETS: usize = 20;

/// Writes the lists of an answer.
pub(crate) struct Lines<'p> {
    pub(crate) answer: &'p AnswerEntry,
    pub(crate) secrets: &'p SecretMap,
    pub(crate) lang: Lang,
    pub(crate) paint: Paint,
    pub(crate) columns: usize,
    pub(crate) out: &'p mut dyn Write,
}

impl Lines<'_> {
    pub(super) fn heading(&mut self, text: &str) -> io::Result<()> {
        let rule = "─".repeat(self.columns.saturating_sub(width(text) + 4));
        writeln!(self.out, "\n{} {} {}", self.paint.dim("──"), self.paint.bold(text), self.paint.dim(&rule))
    }

    pub(super) fn say(&self, en: &'static str, ja: &'static str) -> &'static str {
        if self.lang == Lang::Ja { ja } else { en }
    }

    fn text<'t>(&self, text: &'t Bilingual) -> &'t str {
        if self.lang == Lang::Ja { &text.ja } else { &text.en }
    }

    pub(super) fn more(&mut self, more: u64) -> io::Result<()> {
        if more == 0 {
            return Ok(());
        }
        let text = match self.lang {
            Lang::En => format!("  … and {} more", group_digits(more)),
            Lang::Ja => format!("  … ほか {} 件", group_digits(more)),
        };
        writeln!(self.out, "{}", self.paint.dim(&text))
    }

    pub(crate) fn exposure(&mut self) -> io::Result<()> {
        let heading = self.say("Can it be reached?", "到達できるか");
        self.heading(heading)?;
        let figures = self.answer.exposure;
        let [reaching, sources, ways] =
            [figures.reaching as u64, figures.sources as u64, figures.ways].map(group_digits);
        let text = match (self.answer.targets, figures.shortest, self.lang) {
            (0, _, Lang::En) => {
                "nothing that is to be protected is in the exports and lists: unknown".to_owned()
            }
            (0, _, Lang::Ja) => "守る対象がエクスポートにも台帳にもなく、不明です".to_owned(),
            (_, None, Lang::En) => format!("0 of {sources} reach it over what was read"),
            (_, None, Lang::Ja) => format!("読み込んだ範囲では、{sources} のうち到達できるものはありません"),
            (_, Some(steps), Lang::En) => {
                format!(
                    "{reaching} of {sources} can reach it; the nearest in {}; shortest ways in all: {ways}",
                    numbered(u64::from(steps), "step", "steps")
                )
            }
            (_, Some(steps), Lang::Ja) => {
                format!("{sources} のうち {reaching} が到達可能。最短 {steps} 手、最短経路は計 {ways} 本")
            }
        };
        let code = if figures.reaching > 0 { "1;31" } else { "33" };
        writeln!(self.out, "  {}", self.paint.wrap(code, &text))
    }

    pub(crate) fn radius(&mut self) -> io::Result<()> {
        let answer = self.answer;
        if answer.radius.is_empty() {
            return Ok(());
        }
        let heading = self.say("Blast radius: in fact, and possible", "影響範囲(実際/可能)");
        self.heading(heading)?;
        let (fact, possible) = (self.say("in fact", "実際"), self.say("possible", "可能"));
        let column = width(fact).max(width(possible));
        for radius in &answer.radius {
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
        let more = answer.sources.saturating_sub(answer.radius.len() as u64);
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

    pub(crate) fn ways(&mut self) -> io::Result<()> {
        let answer = self.answer;
        if answer.ways.is_empty() {
            return Ok(());
        }
        let heading = self.say("Shortest ways", "最短経路");
        self.heading(heading)?;
        for way in answer.ways.iter().take(MOST_WAYS) {
            self.way(way)?;
        }
        self.more(answer.ways.len().saturating_sub(MOST_WAYS) as u64)
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

    pub(crate) fn cut(&mut self) -> io::Result<()> {
        let answer = self.answer;
        if let Some(why) = &answer.cut_withheld {
            return writeln!(self.out, "\n  {}", self.paint.warn(why));
        }
        let Some(cut) = &answer.cut else { return Ok(()) };
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
                "{} of cost {cost} in all; sources separated: {separated}. Nothing cheaper does it (flow {})",
                numbered(edges as u64, "cut", "cuts"),
                cut.flow
            ),
            Lang::Ja => format!(
                "{edges} か所(コスト計 {cost})で {separated} の起点を分離。これより安い方法はありません(フロー {})",
                cut.flow
            ),
        };
        writeln!(self.out, "  {text}")
    }

    pub(crate) fn secrets(&mut self) -> io::Result<()> {
        let secrets = self.secrets;
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
