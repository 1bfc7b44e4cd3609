//! An assessment for people at a terminal.

use std::io::{self, Write};

use hinomi_assure::{Bilingual, Outcome};
use jiff::tz::TimeZone;

use super::model::{AssureReport, ClaimEntry, ExceptionEntry, GroundEntry, ListEntry, VerdictEntry};
use super::sentence;
use crate::args::Lang;
use crate::render::style::{Paint, fit, group_digits, harmless, pad, width};

/// Entities shown per claim.
const MOST_ENTITIES: usize = 8;

/// How to show it.
pub struct View {
    /// Language.
    pub lang: Lang,
    /// Zone of times.
    pub zone: TimeZone,
    /// Colours.
    pub color: bool,
    /// Columns; measured when absent.
    pub width: Option<usize>,
}

/// Writes the assessment.
///
/// # Errors
/// Errors of `out`.
pub fn terminal(report: &AssureReport, view: &View, out: &mut dyn Write) -> io::Result<()> {
    let asked = || std::env::var("COLUMNS").ok()?.parse().ok();
    let measured = || terminal_size::terminal_size().map(|(w, _)| usize::from(w.0));
    let columns: usize = view.width.or_else(asked).or_else(measured).unwrap_or(110);
    let paint = Paint { on: view.color };
    let mut page = Page { report, view, paint, columns: columns.clamp(60, 200), out };
    page.head()?;
    page.disagreements()?;
    page.claims()?;
    page.open_claims()?;
    page.configuration()?;
    page.coverage()?;
    page.reach()?;
    page.exceptions()?;
    page.lists()
}

pub(super) struct Page<'p> {
    pub(super) report: &'p AssureReport,
    pub(super) view: &'p View,
    pub(super) paint: Paint,
    pub(super) columns: usize,
    pub(super) out: &'p mut dyn Write,
}

pub(super) const ORDER: [Outcome; 5] = [
    Outcome::Contradicted,
    Outcome::ExpiredException,
    Outcome::Unknown,
    Outcome::Excepted,
    Outcome::Supported,
];

impl Page<'_> {
    pub(super) fn say(&self, en: &'static str, ja: &'static str) -> &'static str {
        if self.view.lang == Lang::Ja { ja } else { en }
    }

    pub(super) fn text<'t>(&self, text: &'t Bilingual) -> &'t str {
        if self.view.lang == Lang::Ja { &text.ja } else { &text.en }
    }

    pub(super) fn heading(&mut self, text: &str) -> io::Result<()> {
        let rule = "─".repeat(self.columns.saturating_sub(width(text) + 4));
        writeln!(self.out, "\n{} {} {}", self.paint.dim("──"), self.paint.bold(text), self.paint.dim(&rule))
    }

    pub(super) fn painted(&self, outcome: Outcome, text: &str) -> String {
        let code = match outcome {
            Outcome::Contradicted => "1;31",
            Outcome::ExpiredException => "31",
            Outcome::Unknown => "33",
            Outcome::Excepted => "36",
            Outcome::Supported => "32",
        };
        self.paint.wrap(code, text)
    }

    fn head(&mut self) -> io::Result<()> {
        let report = self.report;
        let name = self.paint.bold("Hinomi 火の見");
        let counted = |n: u64, en: &str, ja: &str| match self.view.lang {
            Lang::En => format!("{} {en}", group_digits(n)),
            Lang::Ja => format!("{ja} {}", group_digits(n)),
        };
        let parts = [
            counted(report.events, "events", "イベント"),
            counted(report.observations, "facts observed", "観測"),
            counted(report.lists.len() as u64, "lists", "台帳"),
            counted(report.claims.len() as u64, "claims", "要件"),
        ];
        writeln!(self.out, "{name}  {}", parts.join(" · "))?;
        let days = match &report.days {
            Some((first, last)) if first == last => first.clone(),
            Some((first, last)) => format!("{first} → {last}"),
            None => self.say("nothing observed", "観測なし").to_owned(),
        };
        writeln!(self.out, "{days}  {}", self.paint.dim(&report.zone))?;
        for (access, counts) in &report.sessions {
            let all = counts.proven + counts.disproven + counts.unknown;
            let name = sentence::attribute(&format!("need.{access}"));
            let line = match self.view.lang {
                Lang::En => format!(
                    "{}: {}; second factor proven in {}, disproven in {}, unknown in {}",
                    name.en,
                    group_digits(all),
                    group_digits(counts.proven),
                    group_digits(counts.disproven),
                    group_digits(counts.unknown)
                ),
                Lang::Ja => format!(
                    "{} {} 件: 二要素目 確認済み {} ・ なし {} ・ 不明 {}",
                    name.ja,
                    group_digits(all),
                    group_digits(counts.proven),
                    group_digits(counts.disproven),
                    group_digits(counts.unknown)
                ),
            };
            writeln!(self.out, "{line}")?;
        }
        Ok(())
    }

    fn claims(&mut self) -> io::Result<()> {
        let heading = self.say("Claims", "要件");
        self.heading(heading)?;
        let mut claims: Vec<&ClaimEntry> = self.report.claims.iter().collect();
        claims.sort_by_key(|c| (c.outcome.is_none(), c.outcome, c.verdicts.is_empty()));
        let (lang, none) = (self.view.lang, self.say("not applicable", "対象なし"));
        let state = |c: &ClaimEntry| match c.outcome {
            Some(outcome) => sentence_name(outcome, lang),
            None => none.to_owned(),
        };
        let name = claims.iter().map(|c| width(&state(c))).max().unwrap_or(0);
        for claim in claims {
            let outcome = pad(&state(claim), name);
            let outcome = match claim.outcome {
                Some(known) => self.painted(known, &outcome),
                None => self.paint.dim(&outcome),
            };
            let counts: Vec<String> = ORDER
                .iter()
                .filter_map(|o| {
                    let count = claim.entities.get(o)?;
                    Some(self.painted(
                        *o,
                        &format!("{} {}", sentence_name(*o, self.view.lang), group_digits(*count)),
                    ))
                })
                .collect();
            let title = fit(self.text(&claim.title), self.columns.saturating_sub(name + 2));
            writeln!(self.out, "{outcome}  {title}")?;
            let detail =
                if counts.is_empty() { self.paint.dim(&self.nothing(claim)) } else { counts.join("  ") };
            writeln!(self.out, "{}  {}  {detail}", " ".repeat(name), self.paint.dim(&claim.id))?;
        }
        Ok(())
    }

    /// Why there was nothing to judge.
    fn nothing(&self, claim: &ClaimEntry) -> String {
        let unseen: Vec<&str> = claim.unseen.iter().map(|u| self.text(u)).collect();
        let lists: Vec<String> = claim.unlisted.iter().map(|kind| self.missing_list(kind)).collect();
        let reasons: Vec<&str> = unseen.into_iter().chain(lists.iter().map(String::as_str)).collect();
        if reasons.is_empty() {
            return self
                .say(
                    "the lists and logs have nothing that it is about",
                    "該当する対象が台帳とログにありません",
                )
                .to_owned();
        }
        reasons.join(self.say("; ", "、"))
    }

    fn missing_list(&self, kind: &str) -> String {
        let word = sentence::attribute(&format!("list.{kind}"));
        match self.view.lang {
            Lang::En => format!("no list of {} was given", word.en),
            Lang::Ja => format!("{}の台帳がありません", word.ja),
        }
    }

    fn open_claims(&mut self) -> io::Result<()> {
        let report = self.report;
        for claim in
            report.claims.iter().filter(|c| c.outcome.is_some_and(Outcome::is_open) && !c.verdicts.is_empty())
        {
            let title = self.text(&claim.title).to_owned();
            self.heading(&fit(&title, self.columns.saturating_sub(6)))?;
            writeln!(self.out, "{}", self.text(&claim.why))?;
            for unseen in &claim.unseen {
                writeln!(self.out, "  {}", self.painted(Outcome::Unknown, &harmless(self.text(unseen))))?;
            }
            let open: Vec<&VerdictEntry> = claim.verdicts.iter().filter(|v| v.outcome.is_open()).collect();
            for verdict in open.iter().take(MOST_ENTITIES) {
                self.verdict(verdict)?;
            }
            if open.len() > MOST_ENTITIES {
                let text = self.more(open.len() - MOST_ENTITIES);
                writeln!(self.out, "{text}")?;
            }
            if claim.outcome != Some(Outcome::Unknown) {
                let word = self.say("What to do", "対応");
                writeln!(self.out, "  {}: {}", self.paint.bold(word), self.text(&claim.remedy))?;
            }
        }
        Ok(())
    }

    /// That a list goes on.
    pub(super) fn more(&self, more: usize) -> String {
        self.paint.dim(&match self.view.lang {
            Lang::En => format!("  … and {more} more; --json lists all"),
            Lang::Ja => format!("  … ほか {more} 件(--json で全件)"),
        })
    }

    fn verdict(&mut self, verdict: &VerdictEntry) -> io::Result<()> {
        let nameless = self.say("(no name in the log)", "(ログに名前なし)");
        let entity = if verdict.entity.is_empty() { nameless.to_owned() } else { harmless(&verdict.entity) };
        let outcome = self.painted(verdict.outcome, &sentence_name(verdict.outcome, self.view.lang));
        let open = verdict.days.iter().filter(|d| d.outcome.is_open() && d.day.is_some()).count();
        let days = match (open, self.view.lang) {
            (0, _) => String::new(),
            (1, Lang::En) => " · 1 day".to_owned(),
            (n, Lang::En) => format!(" · {n} days"),
            (n, Lang::Ja) => format!(" · {n} 日"),
        };
        writeln!(self.out, "  {} {outcome}{}", self.paint.bold(&entity), self.paint.dim(&days))?;
        let of_outcome: Vec<&GroundEntry> =
            verdict.grounds.iter().filter(|g| g.outcome == verdict.outcome).collect();
        for ground in of_outcome.iter().take(2) {
            self.ground(ground)?;
        }
        Ok(())
    }

    fn ground(&mut self, ground: &GroundEntry) -> io::Result<()> {
        let when = ground.time.map(|t| self.moment(t)).unwrap_or_default();
        let reasons: Vec<String> = ground.reasons.iter().map(|r| harmless(self.text(&r.text))).collect();
        let joined = reasons.join(self.say("; ", "、"));
        writeln!(self.out, "    {}{joined}", if when.is_empty() { when } else { format!("{when}  ") })?;
        for evidence in ground.evidence.iter().take(3) {
            let place = harmless(&format!("{}:{}", evidence.place, evidence.offset));
            writeln!(self.out, "      {}", self.paint.dim(&place))?;
        }
        if let Some((document, line)) = &ground.list {
            writeln!(self.out, "      {}", self.paint.dim(&harmless(&format!("{document}:{line}"))))?;
        }
        Ok(())
    }

    pub(super) fn moment(&self, time: hinomi_model::Timestamp) -> String {
        let Ok(instant) = jiff::Timestamp::from_nanosecond(i128::from(time.as_nanos())) else {
            return time.to_string();
        };
        instant.to_zoned(self.view.zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    fn exceptions(&mut self) -> io::Result<()> {
        if self.report.exceptions.is_empty() {
            return Ok(());
        }
        let heading = self.say("Exceptions", "例外");
        self.heading(heading)?;
        for exception in &self.report.exceptions {
            let line = self.exception(exception);
            writeln!(self.out, "  {line}")?;
        }
        Ok(())
    }

    fn exception(&self, exception: &ExceptionEntry) -> String {
        let id = self.paint.bold(&harmless(&exception.id));
        if !exception.lacks.is_empty() {
            let lacks = sentence::lacks(&exception.lacks, self.view.lang);
            let parts = [&exception.claim, &exception.entity, &exception.owner, &exception.reason];
            let said: Vec<&str> =
                parts.into_iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
            let said = said.join(" · ");
            let text = match self.view.lang {
                Lang::En => format!("{said} · covers nothing: it lacks {lacks}"),
                Lang::Ja => format!("{said} · 無効(不足: {lacks})"),
            };
            return format!("{id}  {}", self.painted(Outcome::Contradicted, &harmless(&text)));
        }
        // Days of lists are days in UTC.
        let until: String =
            exception.until.map(|t| t.to_string().chars().take(10).collect()).unwrap_or_default();
        let state = if exception.ended { Outcome::ExpiredException } else { Outcome::Excepted };
        let text = match self.view.lang {
            Lang::En => format!(
                "{} · {} · owner {} · until {until} · covers {}, after its end {}",
                exception.claim, exception.entity, exception.owner, exception.covers, exception.after_end
            ),
            Lang::Ja => format!(
                "{} · {} · 責任者 {} · 期限 {until} · 該当 {} 件、期限後 {} 件",
                exception.claim, exception.entity, exception.owner, exception.covers, exception.after_end
            ),
        };
        format!("{id}  {}", self.painted(state, &harmless(&text)))
    }

    /// What was read of which file.
    fn lists(&mut self) -> io::Result<()> {
        if !self.report.lists.is_empty() {
            let heading = self.say("Lists", "台帳");
            self.heading(heading)?;
        }
        for list in &self.report.lists {
            let line = self.list(list);
            writeln!(self.out, "  {line}")?;
        }
        self.not_read()
    }

    fn list(&self, list: &ListEntry) -> String {
        let name = self.paint.bold(&harmless(&list.document));
        let Some(form) = list.form else {
            let text = self.say("no list: not used", "台帳ではないため不使用");
            return format!("{name}  {}", self.paint.dim(text));
        };
        let counted = |kind: &str, count: u64| {
            let word = sentence::attribute(&format!("list.{kind}"));
            match self.view.lang {
                Lang::En => format!("{} {}", group_digits(count), word.en),
                Lang::Ja => format!("{} {}", word.ja, group_digits(count)),
            }
        };
        let mut parts = vec![form.to_owned()];
        parts.extend(list.kinds.iter().map(|(kind, rows)| counted(kind, *rows)));
        parts.extend((list.groups > 0).then(|| counted("group", list.groups)));
        parts.extend((list.refused > 0).then(|| {
            let text = counted("refused", list.refused);
            self.painted(Outcome::Unknown, &text)
        }));
        if let Some(known) = list.known_from {
            let day: String = known.to_string().chars().take(10).collect();
            parts.push(match self.view.lang {
                Lang::En => format!("as of {day}"),
                Lang::Ja => format!("{day} 時点"),
            });
        }
        format!("{name}  {}", parts.join(" · "))
    }

    fn not_read(&mut self) -> io::Result<()> {
        let problems: Vec<String> = self
            .report
            .lists
            .iter()
            .flat_map(|l| {
                let more = (l.more_problems > 0).then(|| format!("… +{}", l.more_problems));
                let said = l.problems.iter().cloned().chain(more);
                said.map(move |p| harmless(&format!("{}:{p}", l.document)))
            })
            .chain(self.report.diagnostics.iter().map(|d| harmless(d)))
            .collect();
        if problems.is_empty() {
            return Ok(());
        }
        let heading = self.say("Not read", "読めなかったもの");
        self.heading(heading)?;
        for problem in problems.iter().take(20) {
            writeln!(self.out, "  {}", self.paint.warn(problem))?;
        }
        if problems.len() > 20 {
            writeln!(self.out, "  … +{}", problems.len() - 20)?;
        }
        Ok(())
    }
}

pub(super) fn sentence_name(outcome: Outcome, lang: Lang) -> String {
    let name = sentence::outcome(outcome);
    if lang == Lang::Ja { name.ja } else { name.en }
}
