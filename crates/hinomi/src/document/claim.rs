//! Sentences, made from the document's data alone: a typed claim and its slots, in both languages.
//!
//! Whatever a slot says of an event is read from a citation, so a changed citation changes the sentence.

use std::collections::BTreeSet;

use hinomi_detect::story::StoryTable;
use hinomi_model::{Level, Timestamp};
use jiff::tz::TimeZone;

use super::model::{Document, Hole, IncidentDoc, LinkDoc, LostDoc, ReasonDoc, StepDoc, UnseenDoc};

/// A sentence in both languages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said2 {
    /// English.
    pub en: String,
    /// Japanese.
    pub ja: String,
}

impl Said2 {
    /// A sentence from two.
    pub fn new(en: impl Into<String>, ja: impl Into<String>) -> Self {
        Self { en: en.into(), ja: ja.into() }
    }

    pub(super) fn same(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { en: text.clone(), ja: text }
    }
}

/// Makes sentences of one document.
pub struct Claims<'d> {
    pub(super) document: &'d Document,
    pub(super) table: &'d StoryTable,
    zone: TimeZone,
}

impl<'d> Claims<'d> {
    /// Claims of `document`; a zone that is not known is UTC.
    pub fn new(document: &'d Document, table: &'d StoryTable) -> Self {
        let zone = TimeZone::get(&document.settings.zone).unwrap_or(TimeZone::UTC);
        Self { document, table, zone }
    }

    /// Date and time in the document's zone.
    pub(super) fn time(&self, time: Option<Timestamp>) -> String {
        let instant = time.and_then(|t| jiff::Timestamp::from_nanosecond(i128::from(t.as_nanos())).ok());
        instant.map_or_else(
            || "—".to_owned(),
            |i| i.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
        )
    }

    fn clock(&self, time: Option<Timestamp>) -> String {
        let full = self.time(time);
        full.split_once(' ').map_or(full.clone(), |(_, clock)| clock.to_owned())
    }

    /// First and last time of a step, from its citations.
    pub(super) fn span(&self, step: &StepDoc) -> (Option<Timestamp>, Option<Timestamp>) {
        let times = || step.cites.iter().filter_map(|&c| self.document.citations.get(c)?.time);
        (times().min(), times().max())
    }

    /// Hosts or accounts of a step, from its citations.
    fn named(&self, step: &StepDoc, pick: impl Fn(&super::model::Said) -> &str) -> Vec<String> {
        let said = step.cites.iter().filter_map(|&c| self.document.citations.get(c)?.said.as_ref());
        let set: BTreeSet<String> = said.map(|s| pick(s).to_owned()).filter(|n| !n.is_empty()).collect();
        set.into_iter().collect()
    }

    pub(super) fn hosts(&self, step: &StepDoc) -> Vec<String> {
        self.named(step, |s| &s.host)
    }

    pub(super) fn accounts(&self, step: &StepDoc) -> Vec<String> {
        self.named(step, |s| &s.account)
    }

    /// Source addresses of a step, from its citations.
    pub(super) fn origins(&self, step: &StepDoc) -> Vec<String> {
        let field = |s: &super::model::Said| {
            let found = self.table.source_address_fields().find_map(|f| s.fields.get(f));
            found.cloned().filter(|v| v.parse::<std::net::IpAddr>().is_ok())
        };
        let said = step.cites.iter().filter_map(|&c| self.document.citations.get(c)?.said.as_ref());
        let set: BTreeSet<String> = said.filter_map(field).collect();
        set.into_iter().collect()
    }

    /// Title of the step's rule.
    pub(super) fn title(&self, step: &StepDoc) -> Said2 {
        let Some(rule) = self.document.rules.get(step.rule) else { return Said2::default() };
        let ja = if rule.title_ja.is_empty() { &rule.title } else { &rule.title_ja };
        Said2::new(&rule.title, ja)
    }

    /// What happened, where, with whose credentials, how often.
    pub fn step(&self, step: &StepDoc) -> Said2 {
        let title = self.title(step);
        let (first, last) = self.span(step);
        let (hosts, accounts, origins) = (self.hosts(step), self.accounts(step), self.origins(step));
        let mut en = title.en;
        let mut ja = String::new();
        if hosts.is_empty() {
            en.push_str(" (host not stated)");
            ja.push_str("ホスト不明。");
        } else {
            en.push_str(&format!(" on {}", list(&hosts, false)));
            ja.push_str(&format!("{}にて、", list(&hosts, true)));
        }
        if !accounts.is_empty() {
            en.push_str(&format!("; the credentials of {} were used", list(&accounts, false)));
            ja.push_str(&format!("{}の資格情報を使用。", list(&accounts, true)));
        }
        if !origins.is_empty() {
            en.push_str(&format!("; from {}", list(&origins, false)));
            ja.push_str(&format!("接続元 {}。", list(&origins, true)));
        }
        if step.events > 1 {
            en.push_str(&format!("; {} events", step.events));
            ja.push_str(&format!("{}件。", step.events));
            if first != last {
                en.push_str(&format!(" until {}", self.until(first, last)));
                ja.push_str(&format!("最後は{}。", self.until(first, last)));
            }
        }
        en.push('.');
        Said2 { en, ja: format!("{}: {ja}", title.ja) }
    }

    /// Why a step is not more certain.
    pub fn why(&self, step: &StepDoc, name: &str) -> Said2 {
        // The sentence names a host or an account, which joins nothing: many things run there or under it.
        if name == "nowhere" && !(self.hosts(step).is_empty() && self.accounts(step).is_empty()) {
            return Said2::new(
                "neither a host nor an account of its own is stated",
                "ホストの記載がなく、アカウントは共用のもののみ",
            );
        }
        why(name)
    }

    /// The later time, as a clock when it is the same day.
    fn until(&self, first: Option<Timestamp>, last: Option<Timestamp>) -> String {
        let (a, b) = (self.time(first), self.time(last));
        if a.get(..10) == b.get(..10) { self.clock(last) } else { b }
    }

    /// The sentence above an incident. Whoever shows it says which zone its times are in.
    pub fn headline(&self, incident: &IncidentDoc) -> Said2 {
        let core = || incident.steps.iter().filter(|s| !s.weak);
        let confirmed = core().filter(|s| s.certainty == "confirmed").count();
        self.headline_in(incident, "", (confirmed, core().count()))
    }

    /// The sentence above an incident, with the zone of its times in it, where steps are told one by one: so many are confirmed, of so many.
    pub fn zoned_headline(&self, incident: &IncidentDoc, confirmed_of: (usize, usize)) -> Said2 {
        self.headline_in(incident, &format!(" {}", self.zone.iana_name().unwrap_or("UTC")), confirmed_of)
    }

    fn headline_in(&self, incident: &IncidentDoc, zone: &str, (confirmed, n): (usize, usize)) -> Said2 {
        let core: Vec<&StepDoc> = incident.steps.iter().filter(|s| !s.weak).collect();
        let gather = |pick: &dyn Fn(&StepDoc) -> Vec<String>| -> Vec<String> {
            let mut found: Vec<String> = Vec::new();
            core.iter().flat_map(|s| pick(s)).for_each(|n| {
                if !found.iter().any(|f| f.eq_ignore_ascii_case(&n)) {
                    found.push(n);
                }
            });
            found
        };
        let hosts = gather(&|s| self.hosts(s));
        let accounts = self.actors(gather(&|s| self.accounts(s)));
        let first = core.iter().filter_map(|s| self.span(s).0).min();
        let last = core.iter().filter_map(|s| self.span(s).1).max();
        let stages: Vec<Said2> = self.stages(&core);
        let way = |ja: bool| {
            stages
                .iter()
                .map(|s| if ja { s.ja.clone() } else { s.en.to_lowercase() })
                .collect::<Vec<_>>()
                .join(" → ")
        };
        let who = self.who(&accounts);
        let place_en = match hosts.len() {
            0 => "the logs do not name the host".to_owned(),
            1 => format!("{} is concerned", list(&hosts, false)),
            _ => format!("{} are concerned", list(&hosts, false)),
        };
        let span_en = if first == last {
            format!("at {}{zone}", self.time(first))
        } else {
            format!("from {} until {}{zone}", self.time(first), self.until(first, last))
        };
        let en = format!(
            "{} and {place_en}, {span_en}: {}. {confirmed} of {n} steps {} confirmed by cited events.",
            who.en,
            way(false),
            if confirmed == 1 { "is" } else { "are" }
        );
        let span_ja = if first == last {
            format!("{}{zone} に", self.time(first))
        } else {
            format!("{} から {}{zone} にかけて、", self.time(first), self.until(first, last))
        };
        let place_ja = match hosts.len() {
            0 => "ホスト名は記録にありません".to_owned(),
            _ => format!("関係するホストは {} です", list(&hosts, true)),
        };
        let ja = format!(
            "{span_ja}{}。{place_ja}。{}。全 {n} 手順のうち {confirmed} 手順は引用した記録で確認済みです。",
            who.ja,
            way(true)
        );
        Said2 { en, ja }
    }

    /// Whose credentials were used. The system's own accounts are used by whoever makes it work for him: they name nobody.
    fn who(&self, accounts: &[String]) -> Said2 {
        let (en, ja) = (list(accounts, false), list(accounts, true));
        if accounts.is_empty() {
            return Said2 {
                en: "Activity without a named account was recorded".to_owned(),
                ja: "アカウント名の残らない操作が記録されました".to_owned(),
            };
        }
        if accounts.iter().all(|a| self.table.account_name(a).is_none()) {
            return Said2 {
                en: format!("Activity of the system's own account {en} was recorded"),
                ja: format!("システム自身のアカウント {ja} による操作が記録されました"),
            };
        }
        Said2 {
            en: format!("The credentials of {en} were used"),
            ja: format!("{ja} の資格情報が使われました"),
        }
    }

    /// One spelling per account, without those of machines and the system when there are others.
    fn actors(&self, accounts: Vec<String>) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        let mut found: Vec<String> = Vec::new();
        for account in &accounts {
            let Some(name) = self.table.account_name(account) else { continue };
            if !names.contains(&name) {
                names.push(name);
                found.push(account.clone());
            }
        }
        if found.is_empty() { accounts } else { found }
    }

    fn stages(&self, steps: &[&StepDoc]) -> Vec<Said2> {
        let seen = |id: &str| steps.iter().any(|s| s.stages.iter().any(|x| x == id));
        self.table
            .stages()
            .iter()
            .filter(|s| seen(&s.id))
            .map(|s| Said2::new(&s.name.en, &s.name.ja))
            .collect()
    }

    /// Name of a stage.
    pub(super) fn stage(&self, id: &str) -> Said2 {
        let found = self.table.stages().iter().find(|s| s.id == id);
        found.map_or_else(|| Said2::same(id), |s| Said2::new(&s.name.en, &s.name.ja))
    }

    /// Why two steps belong together.
    pub fn link(&self, link: &LinkDoc, incident: &IncidentDoc) -> Said2 {
        let title = |n: usize| incident.steps.get(n).map(|s| self.title(s)).unwrap_or_default();
        let (a, b, why) = (title(link.a), title(link.b), reasons(&link.reasons));
        let gap = link.gap_seconds.map_or_else(|| Said2::new("time unknown", "時刻不明"), gap);
        Said2::new(
            format!("{} ↔ {} ({}): {}", a.en, b.en, gap.en, why.en),
            format!("{} ↔ {}({}): {}", a.ja, b.ja, gap.ja, why.ja),
        )
    }

    /// What is missing between two times, or what cannot be known.
    pub fn hole(&self, hole: &Hole) -> Said2 {
        let (from, to) = (self.time(hole.from), self.time(hole.to));
        let n = hole.count;
        match hole.kind.as_str() {
            "numbers" => Said2::new(
                format!("{n} records missing between {from} and {to}"),
                format!("{from} から {to} の間に {n} 件の記録が欠落"),
            ),
            "silent" => Said2::new(
                format!("silent for {n} hours, {from} to {to}"),
                format!("{from} から {to} まで {n} 時間の途絶"),
            ),
            "clock" => Said2::new(
                format!("clock set back from {to} to {from}"),
                format!("時計が {to} から {from} に逆行"),
            ),
            "cleared" => Said2::new(
                format!("the log says it was cleared at {from}"),
                format!("{from} にログ消去の記録"),
            ),
            _ => Said2::new(
                format!("what is recorded was changed at {from}"),
                format!("{from} に記録対象の変更"),
            ),
        }
    }

    /// What a step says is missing.
    pub fn lost(&self, lost: &LostDoc) -> Said2 {
        let (from, to) = (lost.from.map(|at| self.time(Some(at))), lost.to.map(|at| self.time(Some(at))));
        said_lost(&lost.channel, &lost.lost, from.as_deref(), to.as_deref())
    }

    /// What can be said of a stage that no step shows.
    pub fn unseen(&self, u: &UnseenDoc) -> Said2 {
        let where_en =
            if u.hosts.is_empty() { String::new() } else { format!(" for {}", list(&u.hosts, false)) };
        let where_ja =
            if u.hosts.is_empty() { String::new() } else { format!("{}の", list(&u.hosts, true)) };
        let (log_en, log_ja) = (&u.log_en, &u.log_ja);
        match u.state.as_str() {
            "no-trace" => Said2::new(
                format!(
                    "No rule found a trace in the {log_en}{where_en}, which was there for the whole span."
                ),
                format!("{where_ja}{log_ja}は全期間そろっており、ルールに一致する痕跡はありません。"),
            ),
            "holes" => Said2::new(
                format!(
                    "Unknown: the {log_en}{where_en} has holes in this span. It would show {}.",
                    u.shows_en
                ),
                format!(
                    "不明: {where_ja}{log_ja}にこの期間の欠落があります。本来は「{}」が分かります。",
                    u.shows_ja
                ),
            ),
            "partly" => Said2::new(
                format!(
                    "Unknown: the {log_en}{where_en} covers only a part of this span. It would show {}.",
                    u.shows_en
                ),
                format!(
                    "不明: {where_ja}{log_ja}はこの期間の一部しかありません。本来は「{}」が分かります。",
                    u.shows_ja
                ),
            ),
            _ => Said2::new(
                format!("Unknown: no {log_en}{where_en} was collected. It would show {}.", u.shows_en),
                format!(
                    "不明: {where_ja}{log_ja}が収集されていません。あれば「{}」が分かります。",
                    u.shows_ja
                ),
            ),
        }
    }
}

/// Reasons in words.
pub(super) fn reasons(all: &[ReasonDoc]) -> Said2 {
    let parts: Vec<Said2> = all.iter().map(reason).collect();
    let join = |pick: fn(&Said2) -> &str, with: &str| parts.iter().map(pick).collect::<Vec<_>>().join(with);
    Said2::new(join(|s| &s.en, ", "), join(|s| &s.ja, "、"))
}

/// Smaller odds are not told apart: they rest on rates that were seen for months at most.
const MOST_ODDS: u32 = 1000;

fn reason(r: &ReasonDoc) -> Said2 {
    let (en, ja) = match r.reason.as_str() {
        "same-event" => ("the same event", "同じイベント"),
        "same-process" => ("the same process", "同じプロセス"),
        "parent-process" => ("one process started the other", "親子プロセス"),
        "sibling-process" => ("the same parent process", "同じ親プロセス"),
        "process-number" => ("the same process number", "同じプロセス番号"),
        "logon" => ("the same logon session", "同じログオン セッション"),
        "account" => ("the same account", "同じアカウント"),
        "address" => ("the same address", "同じアドレス"),
        "file" => ("the same file, service or task", "同じファイル・サービス・タスク"),
        "network" => ("a connection between the hosts", "ホスト間の接続"),
        "host" => ("the same host", "同じホスト"),
        "erased" => ("the record of it was removed there", "その記録が同じ場所で消去された"),
        _ => ("the same act at the same time", "同時刻の同じ操作"),
    };
    let entity = if r.entity.is_empty() { String::new() } else { format!(" {}", r.entity) };
    let (crowd_en, crowd_ja) =
        r.shared_by.map_or_else(Default::default, |n| (format!(", used by {n}"), format!("・{n}者が利用")));
    let (rare_en, rare_ja) = r.one_in.map_or_else(Default::default, |n| {
        let (n, en, ja) = if n > MOST_ODDS { (MOST_ODDS, "fewer than ", "未満") } else { (n, "", "") };
        (format!(", by chance {en}1 in {n}"), format!("・偶然なら {n} 回に 1 回{ja}"))
    });
    Said2::new(
        format!("{en}{entity} ({}{crowd_en}{rare_en})", r.points),
        format!("{ja}{entity}({}点{crowd_ja}{rare_ja})", r.points),
    )
}

fn gap(seconds: i64) -> Said2 {
    match seconds {
        0..=119 => Said2::new(format!("{seconds} s apart"), format!("{seconds} 秒差")),
        120..=7199 => Said2::new(format!("{} min apart", seconds / 60), format!("{} 分差", seconds / 60)),
        7200..=172_799 => {
            Said2::new(format!("{} h apart", seconds / 3600), format!("{} 時間差", seconds / 3600))
        }
        _ => Said2::new(format!("{} days apart", seconds / 86400), format!("{} 日差", seconds / 86400)),
    }
}

/// At most three names, then a count.
/// What is missing of a log; times as text, `None` where it is open.
pub(crate) fn said_lost(channel: &str, lost: &str, from: Option<&str>, to: Option<&str>) -> Said2 {
    let log = if channel.is_empty() {
        Said2::new("a log (which one is not stated)", "いずれかのログ(どれかは記載なし)")
    } else {
        Said2::same(channel)
    };
    let (en, ja) = (log.en, log.ja);
    match (lost, from, to) {
        ("emptied", _, to) => {
            let to = to.unwrap_or_default();
            Said2::new(
                format!("{en} was emptied: nothing that it held before {to} is known"),
                format!("{ja} は消去され、{to} より前の記録がありません"),
            )
        }
        (_, from, Some(to)) => {
            let from = from.unwrap_or_default();
            Said2::new(
                format!("{en} was stopped at {from}; its next known record is of {to}"),
                format!("{ja} は {from} に停止し、次の記録は {to} です"),
            )
        }
        (_, from, None) => {
            let from = from.unwrap_or_default();
            Said2::new(
                format!("{en} was stopped at {from}; no later record of it is known"),
                format!("{ja} は {from} に停止し、その後の記録がありません"),
            )
        }
    }
}

pub(super) fn list(names: &[String], ja: bool) -> String {
    let shown: Vec<&str> = names.iter().take(3).map(String::as_str).collect();
    let more = names.len().saturating_sub(3);
    match (more, ja) {
        (0, true) => shown.join("・"),
        (0, false) => match shown.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
            _ => shown.join(""),
        },
        (n, true) => format!("{} ほか{n}件", shown.join("・")),
        (n, false) => format!("{} and {n} more", shown.join(", ")),
    }
}

/// Name of a level.
pub(super) fn level(level: Level) -> Said2 {
    let ja = match level {
        Level::Critical => "緊急",
        Level::High => "高",
        Level::Medium => "中",
        Level::Low => "低",
        Level::Informational => "情報",
    };
    Said2::new(level.name(), ja)
}

/// Why an incident is as grave as it is said to be.
pub(super) fn severity_reason(reason: &str) -> Said2 {
    match reason {
        "story" => Said2::new(
            "Different events show several stages, and more than place and time ties them together.",
            "異なるイベントが複数の段階を示し、場所と時刻以外の要素で結び付いています。",
        ),
        "critical-rule" => Said2::new(
            "A critical rule fired; nothing corroborates it yet.",
            "緊急のルールが一致しましたが、まだ裏付けはありません。",
        ),
        "many-loud" => Said2::new(
            "Three or more high rules of different stages fired in one place; only place and time tie them together.",
            "三つ以上の「高」のルールが一か所で異なる段階を示しましたが、結び付きは場所と時刻だけです。",
        ),
        "circumstance" => Said2::new(
            "Several rules fired, but only place and time tie them together.",
            "複数のルールが一致しましたが、結び付きは場所と時刻だけです。",
        ),
        _ => Said2::new(
            "A single rule fired; nothing corroborates it.",
            "一つのルールだけが一致し、裏付けはありません。",
        ),
    }
}

/// How certain, in a word.
pub(super) fn certainty(name: &str) -> Said2 {
    match name {
        "confirmed" => Said2::new("confirmed", "確認"),
        "estimated" => Said2::new("estimated", "推定"),
        "no-trace" => Said2::new("no trace", "痕跡なし"),
        _ => Said2::new("unknown", "不明"),
    }
}

/// Why not more certain.
fn why(name: &str) -> Said2 {
    match name {
        "pattern" => Said2::new("a count over several events", "複数イベントの集計による"),
        "alone" => Said2::new("a single signal below high", "単独の弱い信号"),
        "no-time" => Said2::new("no time stated", "時刻の記載なし"),
        "nowhere" => Said2::new("neither host nor account stated", "ホスト・アカウントの記載なし"),
        _ => Said2::new("tied to the incident by place and time only", "結び付きが場所と時刻のみ"),
    }
}
