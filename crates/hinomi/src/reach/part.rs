//! Parts of pages about reach: blast radius, what to cut, secrets per host. Names come in as they are to be shown.

use hinomi_assure::Bilingual;
use hinomi_assure::estate::{AnswerEntry, Counted, CutEntry, RadiusEntry, SecretEntry};
use hinomi_assure::graph::Step;

use super::drawing::drawing;
use super::listing::{chain, numbered};
use super::model::SecretMap;
use crate::args::Lang;
use crate::document::escape;
use crate::render::style::group_digits;

/// Rows of a list before it is cut with a count.
const MOST_EDGES: usize = 40;
const MOST_SECRETS: usize = 60;

/// HTML about reach.
pub(crate) struct Part {
    lang: Lang,
    show_names: bool,
    out: String,
}

impl Part {
    pub(crate) fn new(lang: Lang, show_names: bool) -> Self {
        Self { lang, show_names, out: String::new() }
    }

    /// What was written.
    pub(crate) fn into_html(self) -> String {
        self.out
    }

    pub(crate) fn say(&self, en: &'static str, ja: &'static str) -> &'static str {
        if self.lang == Lang::Ja { ja } else { en }
    }

    pub(crate) fn text(&self, text: &Bilingual) -> String {
        escape(if self.lang == Lang::Ja { &text.ja } else { &text.en })
    }

    pub(crate) fn push(&mut self, html: &str) {
        self.out.push_str(html);
        self.out.push('\n');
    }

    pub(crate) fn heading(&mut self, text: &str) {
        self.push(&format!("<h2>{text}</h2>"));
    }

    /// What each source has reached and can reach.
    pub(crate) fn radius(&mut self, radius: &[RadiusEntry], all: u64) {
        if radius.is_empty() {
            return;
        }
        let head = [
            self.say("Source", "起点"),
            self.say("Reached in fact", "実際に到達"),
            self.say("Can be reached", "到達可能"),
            self.say("Protected: in fact / possible", "守る対象: 実際/可能"),
        ];
        let head: String = head.iter().map(|h| format!("<th>{h}</th>")).collect();
        self.push(&format!("<div class=\"scroll\"><table><tr>{head}</tr>"));
        for entry in radius {
            let class = if entry.targets_possible > 0 { " class=\"o-contradicted\"" } else { "" };
            let kind = kind_name(&entry.source.kind, self.lang);
            // «account 7» says what it is.
            let kind = if entry.source.name.starts_with(kind) { "" } else { kind };
            let row = format!(
                "<tr><td>{} <span class=\"small dim\">{}</span></td><td>{}</td><td>{}</td><td{class}>{} / {}</td></tr>",
                escape(&entry.source.name),
                kind,
                counted(&entry.in_fact, self.lang),
                counted(&entry.possible, self.lang),
                group_digits(entry.targets_in_fact),
                group_digits(entry.targets_possible)
            );
            self.push(&row);
        }
        self.push("</table></div>");
        self.more(all.saturating_sub(radius.len() as u64));
        let note = self.say(
            "In fact: only over what logs or collectors saw in use, by whomever, and what is in force by itself. Possible: over everything that was read; what was not read is not in it.",
            "「実際」はログや収集で使用が確認できたもの(誰の使用かは問わない)と、所属のようにそれだけで効力のあるもののみ。「可能」は読み込んだすべてによるもので、読み込んでいないものは含みません。",
        );
        self.push(&format!("<p class=\"small dim\">{note}</p>"));
    }

    fn more(&mut self, more: u64) {
        if more > 0 {
            self.push(&format!("<p class=\"small dim\">… +{}</p>", group_digits(more)));
        }
    }

    /// What to cut: a drawing, and the acts with the way that each closes.
    pub(crate) fn cut(&mut self, answer: &AnswerEntry) {
        if let Some(why) = &answer.cut_withheld {
            return self.push(&format!("<p class=\"o-unknown\">{}</p>", escape(why)));
        }
        let Some(cut) = &answer.cut else { return };
        let text = self.cut_words(answer, cut);
        self.push(&format!("<p>{text}</p>"));
        if cut.edges.is_empty() {
            return self.inseparable(cut);
        }
        let drawn = drawing(cut, self.lang);
        self.push(&drawn);
        let items: String = cut.edges.iter().take(MOST_EDGES).enumerate().map(|(number, edge)| {
            let open = if number == 0 { " open" } else { "" };
            let act = edge.edge.act.as_ref().map(|a| self.text(a)).unwrap_or_default();
            let steps: String = edge.way.iter().map(|s| self.step(s)).collect();
            let cost = self.say("effort", "手間");
            format!(
                "<li><details{open}><summary><b>{act}</b> <span class=\"small dim\">{cost} {}</span></summary><p class=\"small dim\">{}</p><ol class=\"small\">{steps}</ol></details></li>",
                edge.edge.cost.unwrap_or_default(),
                self.say("What stays open if this alone is left:", "これだけを残した場合に通れる経路:")
            )
        }).collect();
        self.push(&format!("<ol class=\"acts\">{items}</ol>"));
        self.more(cut.edges.len().saturating_sub(MOST_EDGES) as u64);
        self.inseparable(cut);
    }

    fn cut_words(&self, answer: &AnswerEntry, cut: &CutEntry) -> String {
        let (edges, cost, flow) = (cut.edges.len(), group_digits(cut.cost), cut.flow);
        let separated = group_digits(cut.separated);
        match (answer.targets, answer.exposure.reaching, self.lang) {
            (0, _, Lang::En) => "Nothing that is to be protected is in what was read: unknown.".to_owned(),
            (0, _, Lang::Ja) => "守る対象が読み込んだものに含まれておらず、不明です。".to_owned(),
            (_, 0, Lang::En) => "Over what was read nothing protected is reached.".to_owned(),
            (_, 0, Lang::Ja) => "読み込んだ範囲では、守る対象に到達できません。".to_owned(),
            (_, _, Lang::En) => format!(
                "Every way of {} to what is protected is closed by <b>{}</b> (effort {cost} in all). No cheaper set does it: the greatest flow is {flow}.",
                numbered(cut.separated, "source", "sources"),
                numbered(edges as u64, "cut", "cuts")
            ),
            (_, _, Lang::Ja) => format!(
                "<b>{edges} か所</b>を断つと(手間の合計 {cost})、{separated} の起点から守る対象への経路がすべて閉じます。これより安い組み合わせはありません(最大フロー {flow})。"
            ),
        }
    }

    fn step(&self, step: &Step) -> String {
        let seen = if step.is_observed { self.say(" (seen)", "(記録あり)") } else { "" };
        let place = place(step, self.lang);
        // The line of a list would name the account that is numbered here.
        let line = place.rsplit_once(':').filter(|(_, line)| line.chars().all(|c| c.is_ascii_digit()));
        let from = escape(line.filter(|_| !self.show_names).map_or(place.as_str(), |(document, _)| document));
        format!("<li>{}{seen}<br><code>{from}</code></li>", self.text(&step.sentence))
    }

    fn inseparable(&mut self, cut: &CutEntry) {
        if cut.inseparable.is_empty() {
            return;
        }
        let note = self.say(
            "No cut separates these: only memberships lead on. They are part of what is protected, and only a decision about people changes that.",
            "次の起点は分離できません(所属だけで到達)。守る対象の一部とみなすべきもので、変えるには人に関する判断が必要です。",
        );
        let items: String = cut
            .inseparable
            .iter()
            .take(MOST_EDGES)
            .map(|way| {
                let way = if way.steps.is_empty() { way.source.name.clone() } else { chain(&way.steps) };
                format!("<li>{}</li>", escape(&way))
            })
            .collect();
        self.push(&format!("<p class=\"small\">{note}</p><ul class=\"small\">{items}</ul>"));
        self.more(cut.inseparable.len().saturating_sub(MOST_EDGES) as u64);
    }

    /// Which hosts hold credentials of what.
    pub(crate) fn secrets(&mut self, secrets: &SecretMap) {
        if secrets.entries.is_empty() && secrets.decoys_used.is_empty() {
            return;
        }
        self.heading(self.say("Secrets on hosts", "ホスト上の秘密情報"));
        let note = self.say(
            "Whoever holds the host holds these. What leads to something protected stands first.",
            "ホストを奪われるとこれらも奪われます。守る対象につながるものから順に示します。",
        );
        self.push(&format!("<p class=\"small dim\">{note}</p>"));
        for (secret, account, reference) in &secrets.decoys_used {
            let word = self.say("A decoy was used", "おとりが使われました");
            let account = if self.show_names { format!(" ({})", escape(account)) } else { String::new() };
            let cited = reference.as_deref().unwrap_or("–");
            self.push(&format!(
                "<p class=\"o-contradicted\">{word}: {}{account}<br><code>{}</code></p>",
                escape(secret),
                escape(cited)
            ));
        }
        let head = [
            self.say("Host", "ホスト"),
            self.say("Secret", "秘密情報"),
            self.say("Opens", "開くもの"),
            self.say("How it comes there", "残る理由"),
            self.say("Steps to what is protected", "守る対象まで"),
        ];
        let head: String = head.iter().map(|h| format!("<th>{h}</th>")).collect();
        self.push(&format!("<div class=\"scroll\"><table><tr>{head}</tr>"));
        for entry in secrets.entries.iter().take(MOST_SECRETS) {
            let row = self.secret(entry);
            self.push(&row);
        }
        self.push("</table></div>");
        self.more(secrets.entries.len().saturating_sub(MOST_SECRETS) as u64 + secrets.beyond);
    }

    fn secret(&self, entry: &SecretEntry) -> String {
        let account = entry.account.as_ref().map_or_else(|| "–".to_owned(), |a| escape(&a.name));
        let secret = entry.secret.as_deref().map_or_else(|| "–".to_owned(), escape);
        let steps = match entry.leads_to {
            Some(0) => self.say("protected itself", "守る対象").to_owned(),
            Some(steps) => steps.to_string(),
            None => "–".to_owned(),
        };
        let class = if entry.leads_to.is_some() { " class=\"n o-contradicted\"" } else { " class=\"n\"" };
        format!(
            "<tr><td>{}</td><td>{secret}</td><td>{account}</td><td>{}</td><td{class}>{steps}</td></tr>",
            escape(&entry.host.name),
            how(&entry.kind, self.lang)
        )
    }
}

/// Numbers of nodes by kind, in words.
pub(super) fn counted(of: &Counted, lang: Lang) -> String {
    if of.is_empty() {
        return if lang == Lang::Ja { "なし" } else { "nothing" }.to_owned();
    }
    let one = |(kind, count): (&String, &u64)| match lang {
        Lang::En => format!("{} {}", group_digits(*count), plural(kind_name(kind, lang), *count)),
        Lang::Ja => format!("{} {}", kind_name(kind, lang), group_digits(*count)),
    };
    of.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn plural(word: &str, count: u64) -> String {
    match (count, word.strip_suffix('y')) {
        (1, _) => word.to_owned(),
        (_, Some(stem)) => format!("{stem}ies"),
        (_, None) => format!("{word}s"),
    }
}

/// What a kind of nodes is called.
pub(super) fn kind_name(kind: &str, lang: Lang) -> &str {
    let (en, ja) = match kind {
        "account" => ("account", "アカウント"),
        "group" => ("group", "グループ"),
        "host" => ("host", "ホスト"),
        "domain" => ("domain", "ドメイン"),
        "unit" => ("unit", "組織単位"),
        "container" => ("container", "コンテナー"),
        "policy" => ("policy", "ポリシー"),
        "backup-copy" => ("backup", "バックアップ"),
        "data-store" => ("data store", "データの置き場"),
        "cloud-account" => ("cloud account", "クラウドアカウント"),
        "secret" => ("stored secret", "保存された秘密情報"),
        "supplier" => ("supplier", "委託先"),
        "unknown" => ("entity of unknown kind", "種類不明"),
        other => (other, other),
    };
    if lang == Lang::Ja { ja } else { en }
}

/// How a secret comes to lie on a host.
pub(super) fn how(kind: &str, lang: Lang) -> &str {
    let (en, ja) = match kind {
        "left-secret" => ("left by a sign-in", "サインインで残留"),
        "used-from" => ("used from here", "ここから使用"),
        "has-session" => ("session", "セッション"),
        "holds-secret" | "stores-secret" => ("stored", "保存"),
        "holds-decoy" => ("decoy", "おとり"),
        "runs-as" => ("runs as it", "実行アカウント"),
        "coerce-to-tgt" => ("unconstrained delegation", "制約のない委任"),
        other => (other, other),
    };
    if lang == Lang::Ja { ja } else { en }
}

/// Where an edge is stated.
pub(super) fn place(step: &Step, lang: Lang) -> String {
    match (&step.document, step.offset) {
        (Some(document), Some(0) | None) => document.clone(),
        (Some(document), Some(offset)) => format!("{document}#{offset}"),
        (None, _) => match lang {
            Lang::En => "implied by the directory".to_owned(),
            Lang::Ja => "ディレクトリの仕様による".to_owned(),
        },
    }
}
