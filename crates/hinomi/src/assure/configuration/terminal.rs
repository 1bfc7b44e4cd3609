//! What configuration says, at a terminal.

use std::io;

use hinomi_assure::Outcome;
use hinomi_assure::posture::Because;

use super::model::{ConfigurationClaim, CoverageEntry, DisagreementEntry, JudgementEntry};
use crate::args::Lang;
use crate::assure::sentence;
use crate::assure::terminal::{ORDER, Page, sentence_name};
use crate::render::style::{fit, harmless, pad, width};

/// Subjects shown per claim, and reasons per subject.
const MOST_SUBJECTS: usize = 4;
const MOST_REASONS: usize = 3;
/// Disagreements shown.
const MOST_DISAGREEMENTS: usize = 12;

impl Page<'_> {
    /// Where what is declared and what is shown disagree.
    pub(in crate::assure) fn disagreements(&mut self) -> io::Result<()> {
        let report = self.report;
        if report.disagreements.is_empty() {
            return Ok(());
        }
        let heading = self.say("Declared one way, shown another", "設定・台帳と実際の食い違い");
        self.heading(heading)?;
        for entry in report.disagreements.iter().take(MOST_DISAGREEMENTS) {
            self.disagreement(entry)?;
        }
        let more = report.disagreements.len().saturating_sub(MOST_DISAGREEMENTS);
        if more > 0 {
            let text = self.more(more);
            writeln!(self.out, "{text}")?;
        }
        Ok(())
    }

    fn disagreement(&mut self, entry: &DisagreementEntry) -> io::Result<()> {
        let entity = self.paint.bold(&harmless(&entry.shows.entity));
        let outcome = self.painted(entry.shows.outcome, &sentence_name(entry.shows.outcome, self.view.lang));
        writeln!(self.out, "  {entity} {outcome}")?;
        let (says, shows) = (self.say("declared", "宣言"), self.say("shown", "実際"));
        let column = width(says).max(width(shows));
        writeln!(self.out, "    {}  {}", pad(says, column), self.text(&entry.says.text))?;
        for place in entry.says.places.iter().take(2) {
            let at = match (&place.pointer, place.line) {
                (Some(pointer), _) => format!("{}#{pointer} = {}", place.document, place.value),
                (None, Some(line)) => format!("{}:{line} = {}", place.document, place.value),
                (None, None) => place.document.clone(),
            };
            writeln!(self.out, "      {}", self.paint.dim(&harmless(&at)))?;
        }
        let when = entry.shows.time.map(|t| format!("{}  ", self.moment(t))).unwrap_or_default();
        let reasons: Vec<String> = entry.shows.reasons.iter().map(|r| harmless(self.text(&r.text))).collect();
        let said = [vec![self.text(&entry.shows.text).to_owned()], reasons].concat();
        writeln!(self.out, "    {}  {when}{}", pad(shows, column), said.join(self.say("; ", "、")))?;
        for evidence in entry.shows.evidence.iter().take(3) {
            let place = harmless(&format!("{}:{}", evidence.place, evidence.offset));
            writeln!(self.out, "      {}", self.paint.dim(&place))?;
        }
        Ok(())
    }

    /// What configuration says, contradictions in full.
    pub(in crate::assure) fn configuration(&mut self) -> io::Result<()> {
        let report = self.report;
        let configuration = &report.configuration;
        let heading =
            self.say("What configuration says (not what happened)", "設定の記述(実際の動作ではありません)");
        self.heading(heading)?;
        if configuration.documents.is_empty() {
            let count = configuration.claims.len();
            let text = match self.view.lang {
                Lang::En => {
                    format!("no export of settings was given (--exports): {count} claims are unknown")
                }
                Lang::Ja => format!("設定のエクスポートがありません(--exports)。要件 {count} 件は不明です"),
            };
            return writeln!(self.out, "  {}", self.painted(Outcome::Unknown, &text));
        }
        for document in &configuration.documents {
            let label = document.label.as_deref().map(|l| format!(" · {l}")).unwrap_or_default();
            let line = format!("{}  {}{label}", document.document, self.text(&document.title));
            writeln!(self.out, "  {}", self.paint.dim(&harmless(&line)))?;
        }
        let counts = ORDER.iter().filter_map(|outcome| {
            let count = configuration.claims.iter().filter(|c| c.outcome == *outcome).count();
            let text = format!("{} {count}", declared_name(*outcome, self.view.lang));
            (count > 0).then(|| self.painted(*outcome, &text))
        });
        let counts = counts.collect::<Vec<_>>().join("  ");
        writeln!(self.out, "  {counts}")?;
        for outcome in [Outcome::Contradicted, Outcome::ExpiredException, Outcome::Excepted] {
            for claim in configuration.claims.iter().filter(|c| c.outcome == outcome) {
                self.declared_claim(claim)?;
            }
        }
        self.unanswered()
    }

    fn declared_claim(&mut self, claim: &ConfigurationClaim) -> io::Result<()> {
        let outcome = self.painted(claim.outcome, &declared_name(claim.outcome, self.view.lang));
        let room = self.columns.saturating_sub(width(&declared_name(claim.outcome, self.view.lang)) + 4);
        let title = fit(self.text(&claim.title), room);
        writeln!(self.out, "\n  {outcome}  {}  {}", self.paint.bold(&title), self.paint.dim(&claim.id))?;
        let attention: Vec<&JudgementEntry> =
            claim.judgements.iter().filter(|j| j.outcome == claim.outcome).collect();
        for judgement in attention.iter().take(MOST_SUBJECTS) {
            self.declared_subject(judgement)?;
        }
        let more = attention.len().saturating_sub(MOST_SUBJECTS);
        if more > 0 {
            let text = self.more(more);
            writeln!(self.out, "  {text}")?;
        }
        Ok(())
    }

    fn declared_subject(&mut self, judgement: &JudgementEntry) -> io::Result<()> {
        let nobody = self.say("nobody", "なし");
        let owner = judgement.owner.as_deref().unwrap_or(nobody);
        let (word, by) = (self.say("owner", "責任者"), judgement.exceptions.join(", "));
        let exceptions = if by.is_empty() { by } else { format!(" · {by}") };
        let subject = harmless(&judgement.subject.label);
        let document = match self.report.configuration.documents.as_slice() {
            [_] => String::new(),
            _ => format!(" · {}", judgement.subject.document),
        };
        let line = harmless(&format!("{word} {owner}{exceptions}{document}"));
        writeln!(self.out, "    {subject}  {}", self.paint.dim(&line))?;
        for because in judgement.because.iter().take(MOST_REASONS) {
            writeln!(self.out, "      {}", harmless(self.text(&because.text)))?;
        }
        Ok(())
    }

    /// Claims that the exports do not answer, by whether any of them holds the part at all.
    fn unanswered(&mut self) -> io::Result<()> {
        let configuration = &self.report.configuration;
        let unknown = configuration.claims.iter().filter(|c| c.outcome == Outcome::Unknown);
        let (absent, unsaid): (Vec<&ConfigurationClaim>, Vec<&ConfigurationClaim>) =
            unknown.partition(|claim| claim.judgements.iter().all(is_absent));
        if !unsaid.is_empty() {
            writeln!(self.out)?;
        }
        for claim in unsaid {
            let reason = claim.judgements.iter().flat_map(|j| &j.because).next();
            let why = reason.map(|r| harmless(self.text(&r.text))).unwrap_or_default();
            let state = self.painted(Outcome::Unknown, &declared_name(Outcome::Unknown, self.view.lang));
            writeln!(self.out, "  {state}  {}: {why}", self.text(&claim.title))?;
        }
        if !absent.is_empty() {
            let text = match self.view.lang {
                Lang::En => format!("{} claims read settings that no export holds", absent.len()),
                Lang::Ja => {
                    format!("要件 {} 件は、どのエクスポートにもない設定を読むため不明です", absent.len())
                }
            };
            writeln!(self.out, "\n  {}", self.painted(Outcome::Unknown, &text))?;
        }
        Ok(())
    }

    /// A line per category that any claim answers; the others are counted.
    pub(in crate::assure) fn coverage(&mut self) -> io::Result<()> {
        let report = self.report;
        let answered = |c: &&CoverageEntry| !c.evidence.is_empty() || !c.configuration.is_empty();
        let (shown, untouched): (Vec<_>, Vec<_>) = report.coverage.iter().partition(answered);
        if shown.is_empty() {
            return Ok(());
        }
        let heading = self.say("Framework (supported of all claims)", "フレームワーク(裏付けあり/全要件)");
        self.heading(heading)?;
        let lang = self.view.lang;
        let title =
            |c: &CoverageEntry| if lang == Lang::Ja { c.title.ja.clone() } else { c.title.en.clone() };
        let column = shown.iter().map(|c| width(&title(c))).max().unwrap_or(0);
        let (evidence, configuration) = (self.say("evidence", "証拠"), self.say("configuration", "設定"));
        for category in &shown {
            writeln!(
                self.out,
                "  {}  {}  {evidence} {:>5}  {configuration} {:>5}",
                self.paint.dim(&category.category),
                pad(&title(category), column),
                supported_of(&category.evidence),
                supported_of(&category.configuration)
            )?;
        }
        let text = match lang {
            Lang::En => format!("{} categories have no claim at all", untouched.len()),
            Lang::Ja => format!("要件のないカテゴリーが {} あります", untouched.len()),
        };
        writeln!(self.out, "  {}", self.paint.dim(&text))
    }
}

fn declared_name(outcome: Outcome, lang: Lang) -> String {
    let name = sentence::declared_outcome(outcome);
    if lang == Lang::Ja { name.ja } else { name.en }
}

fn is_absent(judgement: &JudgementEntry) -> bool {
    judgement.because.iter().all(|b| matches!(b.detail, Because::NoDocument { .. }))
}

/// `2/5`, or a dash without claims.
pub(super) fn supported_of(outcomes: &std::collections::BTreeMap<Outcome, u64>) -> String {
    let all: u64 = outcomes.values().sum();
    let supported = outcomes.get(&Outcome::Supported).copied().unwrap_or_default();
    if all == 0 { "–".to_owned() } else { format!("{supported}/{all}") }
}
