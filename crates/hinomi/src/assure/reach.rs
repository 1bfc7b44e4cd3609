//! What the weak places of an assessment reach: suppliers, and accounts that evidence contradicts a claim about.

use std::collections::BTreeMap;
use std::io;

use hinomi_assure::Outcome;
use hinomi_assure::estate::{Estate, Question, RadiusEntry};
use hinomi_assure::graph::{NodeId, Passage};

use super::model::{AssureReport, SupplierEntry};
use super::page::{ACCOUNT, Page as Board};
use super::terminal::Page;
use crate::reach::{Lines, Part, ReachPart, unknown_targets};
use crate::render::style::harmless;

/// What is asked of the graph: whether suppliers and contradicted accounts reach tier 0 and the backups.
pub fn question(report: &AssureReport, estate: &Estate) -> Question {
    let graph = &estate.graph;
    let weak = |outcome| matches!(outcome, Outcome::Contradicted | Outcome::ExpiredException);
    let claims = report.claims.iter().filter(|c| c.about == ACCOUNT);
    let verdicts = claims.flat_map(|c| &c.verdicts).filter(|v| weak(v.outcome));
    let accounts = verdicts.filter_map(|v| graph.find(&estate.account(&v.entity)));
    let mut sources: Vec<NodeId> = graph.of_kind("supplier").into_iter().chain(accounts).collect();
    sources.sort_unstable();
    sources.dedup();
    Question { sources, targets: graph.crown_jewels(), passage: Passage::default() }
}

/// Numbers of accounts on the board page, by what the graph calls them, in lower case.
pub fn numbers(report: &AssureReport, estate: &Estate) -> BTreeMap<String, usize> {
    let given = super::page::numbers(report);
    given.into_iter().map(|(name, number)| (estate.account(&name).to_lowercase(), number)).collect()
}

/// What a supplier reaches.
fn of_supplier<'r>(reach: &'r ReachPart, supplier: &SupplierEntry) -> Option<&'r RadiusEntry> {
    let mut radius = reach.answer.radius.iter();
    radius.find(|r| r.source.kind == "supplier" && r.source.name == supplier.name)
}

impl Page<'_> {
    /// Blast radius, cut and secrets, in short.
    pub(super) fn reach(&mut self) -> io::Result<()> {
        let Some(reach) = &self.report.reach else { return Ok(()) };
        for line in unknown_targets(&reach.targets, self.view.lang) {
            writeln!(self.out, "\n{}", self.paint.warn(&harmless(&line)))?;
        }
        let (answer, secrets, lang) = (&reach.answer, &reach.secrets, self.view.lang);
        let (paint, columns) = (self.paint, self.columns);
        let mut lines = Lines { answer, secrets, lang, paint, columns, out: &mut *self.out };
        lines.radius()?;
        lines.cut()?;
        lines.secrets()
    }
}

impl Board<'_> {
    /// Blast radius of suppliers and weak accounts, the cut as acts, and secrets per host.
    pub(super) fn reach(&mut self, reach: &ReachPart) {
        let mut part = Part::new(self.lang, self.show_names);
        part.heading(part.say("What they reach, and what to cut", "到達できる範囲と、断つべきつながり"));
        let note = part.say(
            "Suppliers, and accounts that the logs contradict a claim about, against tier 0 and the backups.",
            "委託先と、ログで要件に反したアカウントから、特権の中枢とバックアップへの到達を調べました。",
        );
        part.push(&format!("<p class=\"small dim\">{note}</p>"));
        for line in unknown_targets(&reach.targets, self.lang) {
            part.push(&format!("<p class=\"o-unknown\">{}</p>", crate::document::escape(&line)));
        }
        part.radius(&reach.answer.radius, reach.answer.sources);
        part.cut(&reach.answer);
        part.secrets(&reach.secrets);
        let html = part.into_html();
        self.push(&html);
    }

    /// Whether one supplier reaches what is protected.
    pub(super) fn reach_of(&self, supplier: &SupplierEntry) -> String {
        let reach = self.report.reach.as_ref().filter(|r| r.answer.targets > 0);
        let radius = reach.and_then(|reach| of_supplier(reach, supplier));
        match radius.map(|r| (r.targets_in_fact, r.targets_possible)) {
            None => self.outcome(Some(Outcome::Unknown)),
            Some((0, 0)) => self.say("no way was found", "経路なし").to_owned(),
            Some((0, _)) => format!("<span class=\"o-contradicted\">{}</span>", self.say("possible", "可能")),
            Some(_) => {
                format!("<span class=\"o-contradicted\">{}</span>", self.say("seen in use", "使用の記録あり"))
            }
        }
    }
}
