//! What configuration says, on the board page.

use hinomi_assure::Outcome;
use hinomi_model::Timestamp;
use jiff::tz::TimeZone;

use super::model::{ConfigurationClaim, DisagreementEntry, JudgementEntry};
use super::terminal::supported_of;
use super::words::Mask;
use crate::args::Lang;
use crate::assure::page::{Page, class};
use crate::assure::sentence;
use crate::document::escape;

/// Rows before a list is cut with a count.
const MOST_ROWS: usize = 40;

impl Page<'_> {
    fn mask(&self) -> Mask {
        Mask { show_names: self.show_names }
    }

    /// Where what is declared and what is shown disagree.
    pub(in crate::assure) fn disagreements(&mut self) {
        let report = self.report;
        if report.disagreements.is_empty() {
            return;
        }
        self.heading(self.say("Declared one way, shown another", "設定・台帳と実際の食い違い"));
        let text = self.say(
            "Somebody believes that a control is on. The logs show that, here, it was not.",
            "有効だと信じられている対策が、ログでは働いていませんでした。",
        );
        self.push(&format!("<p class=\"small dim\">{text}</p>"));
        let head = [
            self.say("Of", "対象"),
            self.say("What is declared", "宣言"),
            self.say("What the logs show", "ログの示す事実"),
            self.say("Answers for it", "責任者"),
        ];
        self.row("th", &head.map(str::to_owned));
        for entry in report.disagreements.iter().take(MOST_ROWS) {
            let cells = self.disagreement(entry);
            self.row("td", &cells);
        }
        self.push("</table></div>");
        self.cut_note(report.disagreements.len());
    }

    /// A time to the minute, in the zone of the page.
    fn moment(&self, time: Timestamp) -> String {
        let zone = TimeZone::get(&self.report.zone).unwrap_or(TimeZone::UTC);
        let instant = jiff::Timestamp::from_nanosecond(i128::from(time.as_nanos())).unwrap_or_default();
        instant.to_zoned(zone).strftime("%Y-%m-%d %H:%M %Z").to_string()
    }

    fn disagreement(&self, entry: &DisagreementEntry) -> [String; 4] {
        let mask = self.mask();
        let place = |p: &super::model::SaysPlace| {
            let at = match (&p.pointer, p.line) {
                (Some(pointer), _) => format!("{}#{pointer}", p.document),
                // The line of a list would name the account that is numbered here.
                (None, Some(line)) if self.show_names => format!("{}:{line}", p.document),
                (None, _) => p.document.clone(),
            };
            format!("<br><code>{} = {}</code>", escape(&at), escape(&mask.text(&p.value)))
        };
        let places: String = entry.says.places.iter().take(2).map(place).collect();
        let when = entry.shows.time.map(|t| format!("{}: ", self.moment(t))).unwrap_or_default();
        let cited = entry.shows.evidence.iter().filter_map(|e| e.reference.as_deref()).take(2);
        let cited: String = cited.map(|r| format!("<br><code>{}</code>", escape(r))).collect();
        let reasons: Vec<String> = entry.shows.reasons.iter().map(|r| self.text(&r.text)).collect();
        [
            self.entity(&entry.shows.about, &entry.shows.entity),
            format!("{}{places}", self.text(&entry.says.text)),
            format!(
                "{} {when}{}<br><span class=\"small dim\">{}</span>{cited}",
                self.outcome(Some(entry.shows.outcome)),
                self.text(&entry.shows.text),
                reasons.join(self.say("; ", "、"))
            ),
            entry.owner.as_deref().map_or_else(|| self.say("nobody", "なし").to_owned(), escape),
        ]
    }

    fn cut_note(&mut self, all: usize) {
        let more = all.saturating_sub(MOST_ROWS);
        if more > 0 {
            self.push(&format!("<p class=\"small dim\">… +{more}</p>"));
        }
    }

    /// What configuration says, contradictions in full.
    pub(in crate::assure) fn configuration(&mut self) {
        let report = self.report;
        let configuration = &report.configuration;
        self.heading(self.say("What configuration says", "設定の記述"));
        let note = self.say(
            "Settings say what was meant. They prove nothing of what happened, and change no verdict above.",
            "設定は意図を示すもので、実際の動作の証明にはなりません。上の判定には影響しません。",
        );
        self.push(&format!("<p class=\"small dim\">{note}</p>"));
        if configuration.documents.is_empty() {
            let count = configuration.claims.len();
            let text = match self.lang {
                Lang::En => format!("No export of settings was given: {count} claims are unknown."),
                Lang::Ja => format!("設定のエクスポートがないため、要件 {count} 件は不明です。"),
            };
            return self.push(&format!("<p class=\"o-unknown\">{text}</p>"));
        }
        let documents = configuration.documents.iter().map(|d| {
            let label = d.label.as_deref().map(|l| format!(" · {}", escape(l))).unwrap_or_default();
            format!("<code>{}</code> {}{label}", escape(&d.document), self.text(&d.title))
        });
        let documents = documents.collect::<Vec<_>>().join("<br>");
        self.push(&format!("<p class=\"small\">{documents}</p>"));
        for outcome in [Outcome::Contradicted, Outcome::ExpiredException, Outcome::Excepted] {
            for claim in configuration.claims.iter().filter(|c| c.outcome == outcome) {
                self.declared_claim(claim);
            }
        }
        for outcome in [Outcome::Unknown, Outcome::Supported] {
            self.declared_rest(outcome);
        }
    }

    /// The name of an outcome of what configuration says.
    fn declared(&self, outcome: Outcome) -> String {
        let name = self.text(&sentence::declared_outcome(outcome));
        format!("<span class=\"o o-{}\">{name}</span>", class(Some(outcome)))
    }

    fn declared_claim(&mut self, claim: &ConfigurationClaim) {
        let (state, title, why) =
            (self.declared(claim.outcome), self.text(&claim.title), self.text(&claim.why));
        self.push(&format!("<h3>{state} {title}</h3><p class=\"small dim\">{why}</p>"));
        let attention: Vec<(usize, &JudgementEntry)> =
            claim.judgements.iter().enumerate().filter(|(_, j)| j.outcome == claim.outcome).collect();
        let items: String =
            attention.iter().take(MOST_ROWS).map(|(n, j)| self.declared_subject(claim, *n, j)).collect();
        self.push(&format!("<ul>{items}</ul>"));
        self.cut_note(attention.len());
    }

    fn declared_subject(
        &self,
        claim: &ConfigurationClaim,
        number: usize,
        judgement: &JudgementEntry,
    ) -> String {
        let mask = self.mask();
        let subject = escape(&mask.subject(claim, number, self.lang));
        let owner = judgement.owner.as_deref().map_or_else(|| self.say("nobody", "なし").to_owned(), escape);
        let by = if judgement.exceptions.is_empty() {
            String::new()
        } else {
            format!(" · {}", escape(&judgement.exceptions.join(", ")))
        };
        let pick = |b: &super::model::BecauseEntry| {
            escape(&mask.text(if self.lang == Lang::Ja { &b.text.ja } else { &b.text.en }))
        };
        let reasons: Vec<String> = if mask.shows_values(claim) {
            judgement.because.iter().take(4).map(|b| format!("<br><code>{}</code>", pick(b))).collect()
        } else {
            let place = format!("{}#{}", judgement.subject.document, judgement.subject.pointer);
            vec![format!("<br><code>{}</code>", escape(&place))]
        };
        let word = self.say("owner", "責任者");
        let document = match self.report.configuration.documents.as_slice() {
            [_] => String::new(),
            _ => format!(" · {}", escape(&judgement.subject.document)),
        };
        format!(
            "<li><b>{subject}</b> <span class=\"small dim\">{word} {owner}{by}{document}</span>{}</li>",
            reasons.concat()
        )
    }

    /// Claims of which only the title is worth a line.
    fn declared_rest(&mut self, outcome: Outcome) {
        let report = self.report;
        let claims = report.configuration.claims.iter().filter(|c| c.outcome == outcome);
        let titles: Vec<String> = claims.map(|c| format!("<li>{}</li>", self.text(&c.title))).collect();
        if titles.is_empty() {
            return;
        }
        let state = self.declared(outcome);
        self.push(&format!(
            "<details><summary>{state} {}</summary><ul class=\"small\">{}</ul></details>",
            titles.len(),
            titles.concat()
        ));
    }

    /// Coverage of frameworks.
    pub(in crate::assure) fn coverage(&mut self) {
        let report = self.report;
        self.heading(self.say("By category of the framework", "フレームワークのカテゴリー別"));
        let note = self.say(
            "Claims that are supported, of all that speak of the category. A dash: no claim does, so nothing is known.",
            "裏付けのある要件/そのカテゴリーの全要件。「–」は要件がなく、何も分からないことを示します。",
        );
        self.push(&format!("<p class=\"small dim\">{note}</p>"));
        let head = [
            self.say("Category", "カテゴリー").to_owned(),
            String::new(),
            self.say("shown by evidence", "証拠による").to_owned(),
            self.say("said by configuration", "設定による").to_owned(),
        ];
        self.row("th", &head);
        for entry in &report.coverage {
            let cells = [
                escape(&entry.category),
                self.text(&entry.title),
                supported_of(&entry.evidence),
                supported_of(&entry.configuration),
            ];
            self.row("td", &cells);
        }
        self.push("</table></div>");
    }
}
