//! The board page: one self-contained HTML file, a part per supplier included.
//!
//! No script, nothing from outside, printable. Accounts that lack a protection are numbered, not named, unless asked for.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use hinomi_assure::{Bilingual, Outcome};

use super::model::{AssureReport, ClaimEntry, ReasonEntry, SupplierEntry, VerdictEntry};
use super::sentence;
use crate::args::Lang;
use crate::document::escape;
use crate::reach::ReachPart;

/// Claims whose entity is an account: their names are a shopping list.
pub(super) const ACCOUNT: &str = "account";
/// Rows of a table before it is cut with a count.
const MOST_ROWS: usize = 60;

/// Makes the page; `reach` is what the graph says, nodes called as they are to be shown.
pub fn page(report: &AssureReport, reach: Option<&ReachPart>, lang: Lang, show_names: bool) -> String {
    let mut page = Page { report, lang, show_names, numbers: numbers(report), out: String::new() };
    page.head();
    page.summary();
    page.disagreements();
    page.suppliers();
    if let Some(reach) = reach {
        page.reach(reach);
    }
    page.strips("host", page.say("Hosts", "ホスト"));
    page.strips("source", page.say("Logs", "ログ"));
    page.backups();
    page.claims();
    page.configuration();
    page.coverage();
    page.exceptions();
    page.supplier_parts();
    page.out.push_str("</body></html>\n");
    page.out
}

pub(super) struct Page<'p> {
    pub(super) report: &'p AssureReport,
    pub(super) lang: Lang,
    pub(super) show_names: bool,
    numbers: BTreeMap<String, usize>,
    out: String,
}

pub(super) fn class(outcome: Option<Outcome>) -> &'static str {
    match outcome {
        Some(Outcome::Contradicted) => "contradicted",
        Some(Outcome::ExpiredException) => "expired-exception",
        Some(Outcome::Unknown) => "unknown",
        Some(Outcome::Excepted) => "excepted",
        Some(Outcome::Supported) => "supported",
        None => "none",
    }
}

/// Accounts get numbers in order of first appearance, so that one page speaks of the same one by the same number.
pub(super) fn numbers(report: &AssureReport) -> BTreeMap<String, usize> {
    let claims = report.claims.iter().filter(|c| c.about == ACCOUNT);
    let judged = claims.flat_map(|c| &c.verdicts).map(|v| &v.entity);
    let mut numbers = BTreeMap::new();
    for account in judged.chain(report.suppliers.iter().flat_map(|s| &s.accounts)) {
        let next = numbers.len() + 1;
        numbers.entry(account.clone()).or_insert(next);
    }
    numbers
}

impl Page<'_> {
    pub(super) fn say(&self, en: &'static str, ja: &'static str) -> &'static str {
        if self.lang == Lang::Ja { ja } else { en }
    }

    pub(super) fn text(&self, text: &Bilingual) -> String {
        escape(if self.lang == Lang::Ja { &text.ja } else { &text.en })
    }

    pub(super) fn outcome(&self, outcome: Option<Outcome>) -> String {
        let name = outcome.map_or_else(
            || self.say("not applicable", "対象なし").to_owned(),
            |o| self.text(&sentence::outcome(o)),
        );
        format!("<span class=\"o o-{}\">{name}</span>", class(outcome))
    }

    pub(super) fn push(&mut self, html: &str) {
        self.out.push_str(html);
        self.out.push('\n');
    }

    pub(super) fn heading(&mut self, text: &str) {
        self.push(&format!("<h2>{text}</h2>"));
    }

    pub(super) fn entity(&self, about: &str, name: &str) -> String {
        match self.numbers.get(name) {
            Some(number) if about == ACCOUNT && !self.show_names => {
                format!("{} {number}", self.say("account", "アカウント"))
            }
            _ if name.is_empty() => self.say("(no name in the log)", "(ログに名前なし)").to_owned(),
            _ => escape(name),
        }
    }

    /// Why, without names of accounts.
    fn reason(&self, reason: &ReasonEntry) -> String {
        match (reason.names_accounts() && !self.show_names, &reason.value) {
            (true, Some(name)) if self.numbers.contains_key(name) => self.entity(ACCOUNT, name),
            (true, Some(_)) => {
                self.say("accounts that are not named here", "名前を伏せたアカウント").to_owned()
            }
            _ => self.text(&reason.text),
        }
    }

    fn head(&mut self) {
        let lang = self.say("en", "ja");
        let title = self.say("What the logs say of our claims", "要件に対するログの裏付け");
        let days = match &self.report.days {
            Some((first, last)) => format!("{first} – {last} ({})", escape(&self.report.zone)),
            None => self.say("nothing was observed", "観測なし").to_owned(),
        };
        let css = include_str!("page.css");
        self.push(&format!(
            "<!doctype html><html lang=\"{lang}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
             <title>{title} · Hinomi</title><style>{css}</style></head><body>\
             <svg width=\"0\" height=\"0\" aria-hidden=\"true\"><defs><pattern id=\"hatch\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\"><line class=\"hatch\" x1=\"0\" y1=\"0\" x2=\"0\" y2=\"5\"/></pattern></defs></svg>\
             <p class=\"dim small\">Hinomi 火の見</p><h1>{title}</h1><p class=\"dim\">{days}</p>"
        ));
        if !self.show_names {
            let note = self.say(
                "Accounts are numbered: a list of weak accounts helps an intruder. --show-names prints their names.",
                "アカウントは番号で示しています(弱いアカウントの一覧は侵入者を助けます)。--show-names で名前を表示します。",
            );
            self.push(&format!("<p class=\"small dim\">{note}</p>"));
        }
    }

    fn summary(&mut self) {
        let report = self.report;
        let claims = |wanted: &[Outcome]| {
            report.claims.iter().filter(|c| c.outcome.is_some_and(|o| wanted.contains(&o))).count()
        };
        let outside = |access: &str| report.sessions.get(access);
        let remote = [outside("remote"), outside("cloud")].into_iter().flatten();
        let (proven, all) = remote
            .fold((0, 0), |(proven, all), c| (proven + c.proven, all + c.proven + c.disproven + c.unknown));
        let open = self.say("claims contradicted", "反証のある要件");
        let unknown = self.say("claims unknown", "不明な要件");
        let held = self.say("claims supported", "裏付けのある要件");
        let factor = self.say(
            "remote and cloud sign-ins with a proven second factor",
            "二要素目を確認できたリモート・クラウドのサインイン",
        );
        let tiles = [
            (claims(&[Outcome::Contradicted, Outcome::ExpiredException]).to_string(), open),
            (claims(&[Outcome::Unknown]).to_string(), unknown),
            (claims(&[Outcome::Supported, Outcome::Excepted]).to_string(), held),
            (if all == 0 { "–".to_owned() } else { format!("{proven} / {all}") }, factor),
        ];
        let tiles: String =
            tiles.iter().map(|(n, text)| format!("<div class=\"tile\"><b>{n}</b>{text}</div>")).collect();
        self.push(&format!("<div class=\"tiles\">{tiles}</div>"));
    }

    fn suppliers(&mut self) {
        if self.report.suppliers.is_empty() {
            return;
        }
        self.heading(self.say("Suppliers", "委託先"));
        let head = [
            self.say("Supplier", "委託先"),
            self.say("Answers for it", "社内責任者"),
            self.say("Contract ends", "契約終了"),
            self.say("Sign-ins: factor proven / none / unknown", "サインイン: 二要素目 確認/なし/不明"),
            self.say("Open claims", "未解決の要件"),
            self.say("Reaches what is protected", "守る対象への到達"),
        ];
        self.row("th", &head.map(str::to_owned));
        let report = self.report;
        for supplier in &report.suppliers {
            let open = supplier.claims.iter().filter(|(_, o)| o.is_open()).count();
            let none = || self.say("nobody", "なし").to_owned();
            let cells = [
                escape(&supplier.name),
                supplier.owner.as_deref().map_or_else(none, escape),
                supplier.until.map_or_else(|| "–".to_owned(), |t| t.to_string().chars().take(10).collect()),
                format!(
                    "{} / {} / {}",
                    supplier.sessions.proven, supplier.sessions.disproven, supplier.sessions.unknown
                ),
                format!("{open} / {}", supplier.claims.len()),
                self.reach_of(supplier),
            ];
            self.row("td", &cells);
        }
        self.push("</table></div>");
        let rows: Vec<(String, BTreeMap<String, Outcome>)> =
            report.suppliers.iter().map(|s| (s.name.clone(), s.days.clone())).collect();
        self.strip(&rows);
    }

    /// A row of a table; a head opens it.
    pub(super) fn row(&mut self, tag: &str, cells: &[String]) {
        if tag == "th" {
            self.push("<div class=\"scroll\"><table>");
        }
        let cells: String = cells.iter().map(|c| format!("<{tag}>{c}</{tag}>")).collect();
        self.push(&format!("<tr>{cells}</tr>"));
    }

    /// Entities of claims about one kind of thing, a strip of days each.
    fn strips(&mut self, about: &str, title: &str) {
        let report = self.report;
        let mut rows: BTreeMap<&str, BTreeMap<String, Outcome>> = BTreeMap::new();
        for verdict in report.claims.iter().filter(|c| c.about == about).flat_map(|c| &c.verdicts) {
            let days = rows.entry(verdict.entity.as_str()).or_default();
            for day in &verdict.days {
                let Some(name) = &day.day else { continue };
                let known = days.entry(name.clone()).or_insert(day.outcome);
                *known = known.and(day.outcome);
            }
        }
        if rows.is_empty() {
            return;
        }
        self.heading(title);
        let rows: Vec<(String, BTreeMap<String, Outcome>)> =
            rows.into_iter().map(|(name, days)| (name.to_owned(), days)).take(MOST_ROWS).collect();
        self.strip(&rows);
    }

    fn strip(&mut self, rows: &[(String, BTreeMap<String, Outcome>)]) {
        let Some((first, last)) = self.report.days.clone() else { return };
        let days = days_between(&first, &last);
        let cell = (720 / days.len().max(1)).clamp(4, 28);
        let (left, height) = (200, 20);
        let width = left + (cell * days.len()).max(170) + 10;
        let mut svg = format!(
            "<div class=\"scroll\"><svg viewBox=\"0 0 {width} {}\" width=\"{width}\" role=\"img\"><title>{first} – {last}</title>",
            rows.len() * height + 22
        );
        let _ = write!(svg, "<text x=\"{left}\" y=\"13\">{first}</text>");
        if days.len() > 1 {
            let _ = write!(
                svg,
                "<text x=\"{}\" y=\"13\" text-anchor=\"end\">{last}</text>",
                left + (cell * days.len()).max(170)
            );
        }
        for (at, (name, outcomes)) in rows.iter().enumerate() {
            let y = at * height + 20;
            let shown: String = name.chars().take(26).collect();
            let _ = write!(svg, "<text x=\"0\" y=\"{}\">{}</text>", y + 13, escape(&shown));
            for (number, day) in days.iter().enumerate() {
                let outcome = outcomes.get(day).copied();
                let x = left + number * cell;
                let fill = match outcome {
                    Some(Outcome::Unknown) => "fill=\"url(#hatch)\"".to_owned(),
                    other => format!("class=\"f-{}\"", class(other)),
                };
                let name = outcome.map_or_else(|| "–".to_owned(), |o| self.text(&sentence::outcome(o)));
                let _ = write!(
                    svg,
                    "<rect x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{}\" {fill}><title>{day} {name}</title></rect>",
                    cell - 1,
                    height - 4
                );
            }
        }
        svg.push_str("</svg></div>");
        self.push(&svg);
        let key: String = [
            Outcome::Contradicted,
            Outcome::ExpiredException,
            Outcome::Unknown,
            Outcome::Excepted,
            Outcome::Supported,
        ]
        .iter()
        .map(|o| format!("{} ", self.outcome(Some(*o))))
        .collect();
        let hatched = self.say("(unknown is hatched)", "(不明は斜線)");
        self.push(&format!("<p class=\"small\">{key} <span class=\"dim\">{hatched}</span></p>"));
    }

    fn backups(&mut self) {
        if self.report.copies.is_empty() {
            return;
        }
        self.heading(self.say("Backups: last restore", "バックアップ: 最終復元"));
        let head = [
            self.say("Copy", "バックアップ"),
            self.say("Owner", "責任者"),
            self.say("Last restored from", "最終復元日"),
        ];
        self.row("th", &head.map(str::to_owned));
        let report = self.report;
        for copy in &report.copies {
            let unknown = || self.outcome(Some(Outcome::Unknown));
            let cells = [
                escape(&copy.name),
                copy.owner.as_deref().map_or_else(|| "–".to_owned(), escape),
                copy.last_restore.as_deref().map_or_else(unknown, escape),
            ];
            self.row("td", &cells);
        }
        self.push("</table></div>");
    }

    fn claims(&mut self) {
        self.heading(self.say("Claims", "要件"));
        let mut claims: Vec<&ClaimEntry> = self.report.claims.iter().collect();
        claims.sort_by_key(|c| (c.outcome.is_none(), c.outcome));
        for claim in claims {
            let counts: Vec<String> =
                claim.entities.iter().map(|(o, n)| format!("{} {n}", self.outcome(Some(*o)))).collect();
            let (state, title, why) =
                (self.outcome(claim.outcome), self.text(&claim.title), self.text(&claim.why));
            self.push(&format!("<h3>{state} {title}</h3><p class=\"small dim\">{why}</p>"));
            if !counts.is_empty() {
                self.push(&format!("<p class=\"small\">{}</p>", counts.join(" · ")));
            }
            for unseen in &claim.unseen {
                let text = self.text(unseen);
                self.push(&format!("<p class=\"small o-unknown\">{text}</p>"));
            }
            for kind in &claim.unlisted {
                let word = self.text(&sentence::attribute(&format!("list.{kind}")));
                let text = match self.lang {
                    Lang::En => format!("no list of {word} was given"),
                    Lang::Ja => format!("{word}の台帳がありません"),
                };
                self.push(&format!("<p class=\"small o-unknown\">{text}</p>"));
            }
            let open: Vec<&VerdictEntry> = claim.verdicts.iter().filter(|v| v.outcome.is_open()).collect();
            if open.is_empty() {
                continue;
            }
            let items: String = open.iter().take(MOST_ROWS).map(|v| self.verdict(claim, v)).collect();
            let more = open.len().saturating_sub(MOST_ROWS);
            let more =
                if more > 0 { format!("<p class=\"small dim\">… +{more}</p>") } else { String::new() };
            let (todo, remedy) = (self.say("What to do", "対応"), self.text(&claim.remedy));
            self.push(&format!("<ul>{items}</ul>{more}<p class=\"small\"><b>{todo}</b>: {remedy}</p>"));
        }
    }

    fn verdict(&self, claim: &ClaimEntry, verdict: &VerdictEntry) -> String {
        let name = self.entity(&claim.about, &verdict.entity);
        let ground = verdict.grounds.iter().find(|g| g.outcome == verdict.outcome);
        let reasons: Vec<String> = ground.iter().flat_map(|g| &g.reasons).map(|r| self.reason(r)).collect();
        let joined = reasons.join(self.say("; ", "、"));
        // A citation holds no name; the place of the line does not either.
        let cited = ground.iter().flat_map(|g| &g.evidence).take(2);
        let cited: String = cited
            .filter_map(|e| Some(format!("<br><code>{}</code>", escape(e.reference.as_deref()?))))
            .collect();
        format!(
            "<li><b>{name}</b> {} <span class=\"small\">{joined}</span>{cited}</li>",
            self.outcome(Some(verdict.outcome))
        )
    }

    fn exceptions(&mut self) {
        if self.report.exceptions.is_empty() {
            return;
        }
        self.heading(self.say("Register of exceptions", "例外の台帳"));
        let head = [
            self.say("Exception", "例外"),
            self.say("Claim", "要件"),
            self.say("Of", "対象"),
            self.say("Owner", "責任者"),
            self.say("Reason", "理由"),
            self.say("Until", "期限"),
            self.say("Hides / after its end", "該当/期限後"),
        ];
        self.row("th", &head.map(str::to_owned));
        let report = self.report;
        for exception in &report.exceptions {
            let until =
                exception.until.map_or_else(|| "–".to_owned(), |t| t.to_string().chars().take(10).collect());
            let state = if !exception.lacks.is_empty() {
                let text = self.say("covers nothing, it lacks", "無効。不足:");
                format!(
                    "<span class=\"o-contradicted\">{text} {}</span>",
                    escape(&sentence::lacks(&exception.lacks, self.lang))
                )
            } else if exception.ended {
                format!("{until} {}", self.outcome(Some(Outcome::ExpiredException)))
            } else {
                until
            };
            let cells = [
                escape(&exception.id),
                escape(&exception.claim),
                self.entity(ACCOUNT, &exception.entity),
                escape(&exception.owner),
                escape(&exception.reason),
                state,
                format!("{} / {}", exception.covers, exception.after_end),
            ];
            self.row("td", &cells);
        }
        self.push("</table></div>");
    }

    /// A page per supplier, in words that accuse nobody.
    fn supplier_parts(&mut self) {
        let report = self.report;
        for supplier in &report.suppliers {
            self.supplier_part(supplier);
        }
    }

    fn supplier_part(&mut self, supplier: &SupplierEntry) {
        let title = self.say("Supplier", "委託先");
        self.push(&format!("<section class=\"page\"><h2>{title}: {}</h2>", escape(&supplier.name)));
        let words = self.say(
            "What follows was seen of sign-ins with credentials that were given to this supplier. It says how these credentials were used, not by whom; work that was agreed by telephone or a device that was replaced explains some of it. Please compare it with your own records, and answer through a contact that is not reached with these accounts.",
            "以下は、この委託先に渡した資格情報によるサインインの記録です。資格情報がどう使われたかを示すもので、誰が使ったかを示すものではありません。口頭で合意した作業や端末の交換で説明できるものもあります。貴社の記録と照合のうえ、これらのアカウントを使わない連絡手段でご回答ください。",
        );
        self.push(&format!("<p>{words}</p>"));
        let contact =
            supplier.contact.as_deref().map_or_else(|| self.say("unknown", "不明").to_owned(), escape);
        let label = self.say("Other contact", "別の連絡先");
        let accounts: Vec<String> = supplier.accounts.iter().map(|a| self.entity(ACCOUNT, a)).collect();
        let of = self.say("Accounts", "アカウント");
        self.push(&format!("<p class=\"small\">{label}: {contact}<br>{of}: {}</p>", accounts.join(", ")));
        if supplier.claims.is_empty() {
            let nothing =
                self.say("Nothing of these accounts was seen.", "これらのアカウントの記録はありません。");
            self.push(&format!("<p>{nothing}</p></section>"));
            return;
        }
        let report = self.report;
        let rows: String = supplier
            .claims
            .iter()
            .filter_map(|(id, outcome)| {
                let claim = report.claims.iter().find(|c| c.id == *id)?;
                Some(format!(
                    "<tr><td>{}</td><td>{}</td></tr>",
                    self.outcome(Some(*outcome)),
                    self.text(&claim.title)
                ))
            })
            .collect();
        self.push(&format!("<div class=\"scroll\"><table>{rows}</table></div></section>"));
    }
}

/// Every day from one to another, as named; at most ten years.
fn days_between(first: &str, last: &str) -> Vec<String> {
    let parse = |text: &str| text.parse::<jiff::civil::Date>().ok();
    let (Some(first), Some(last)) = (parse(first), parse(last)) else { return Vec::new() };
    let following = |day: &jiff::civil::Date| day.tomorrow().ok();
    let days = std::iter::successors(Some(first), following).take_while(|d| *d <= last).take(3660);
    days.map(|d| d.to_string()).collect()
}
