//! Every word of the terminal output, in both languages.

use hinomi_model::Level;

use crate::args::Lang;

/// The words of one language. A missing one does not compile.
pub(super) struct Words {
    pub(super) events: &'static str,
    pub(super) matches: &'static str,
    pub(super) files: &'static str,
    pub(super) logs: &'static str,
    pub(super) rules: &'static str,
    pub(super) incidents: &'static str,
    pub(super) timeline: &'static str,
    pub(super) missing: &'static str,
    pub(super) unread: &'static str,
    pub(super) nothing_found: &'static str,
    pub(super) no_events: &'static str,
    pub(super) unknown_time: &'static str,
    pub(super) unknown_host: &'static str,
    pub(super) below_level: &'static str,
    pub(super) unlisted: &'static str,
    pub(super) gap: &'static str,
    pub(super) no_numbering: &'static str,
    pub(super) clock_back: &'static str,
    pub(super) silent: &'static str,
    pub(super) cleared: &'static str,
    pub(super) lost: &'static str,
    pub(super) nothing_missing: &'static str,
    pub(super) more: &'static str,
    pub(super) rejected: &'static str,
    pub(super) hidden: &'static str,
    pub(super) expired: &'static str,
    pub(super) rule_by: &'static str,
    pub(super) other: &'static str,
    pub(super) all_hint: &'static str,
    pub(super) hours: &'static str,
    pub(super) timeless: &'static str,
    pub(super) no_logs: &'static str,
    pub(super) credentials: &'static str,
}

const EN: Words = Words {
    events: "events",
    matches: "matches",
    files: "files",
    logs: "logs",
    rules: "rules",
    incidents: "Incidents",
    timeline: "Timeline",
    missing: "What is missing",
    unread: "What could not be read, and what was assumed",
    nothing_found: "No rule matched. This says nothing about what the missing logs would have shown.",
    no_events: "No event was read: nothing can be said.",
    unknown_time: "time unknown",
    unknown_host: "(host unknown)",
    below_level: "detections below the shown level (--min-level informational shows them)",
    unlisted: "further matches were counted but not kept (--max-detections)",
    gap: "record numbers missing",
    no_numbering: "sources do not number their events: whether any are missing cannot be known",
    clock_back: "clock set back",
    silent: "silent",
    cleared: "the log says it was cleared",
    lost: "missing",
    nothing_missing: "Nothing is known to be missing inside the sources read. Sources that were never collected are not judged here.",
    more: "more",
    rejected: "rules could not be used (hinomi rules check says why)",
    hidden: "hidden by suppression",
    expired: "suppression expired, hides nothing",
    rule_by: "rule",
    other: "Or",
    all_hint: "repeated detections are folded; --all shows each",
    hours: "h",
    timeless: "events state no readable time: they are in no window of time and may belong anywhere",
    no_logs: "files hold nothing that is read as a log",
    credentials: "Accounts are credentials that were used, not people.",
};

const JA: Words = Words {
    events: "件のイベント",
    matches: "件の一致",
    files: "ファイル",
    logs: "ログ",
    rules: "ルール",
    incidents: "インシデント",
    timeline: "時系列",
    missing: "欠けているもの",
    unread: "読めなかったもの・仮定したもの",
    nothing_found: "一致したルールはありません。欠けているログに何があったかは分かりません。",
    no_events: "イベントを一件も読めませんでした。何も判断できません。",
    unknown_time: "時刻不明",
    unknown_host: "(ホスト不明)",
    below_level: "件は表示レベル未満の検知です(--min-level informational で表示)",
    unlisted: "件の一致は数えましたが保持していません(--max-detections)",
    gap: "件の記録番号が欠落",
    no_numbering: "のログはイベントに番号を付けないため、欠落の有無は判断できません",
    clock_back: "時計の逆行",
    silent: "記録の途絶",
    cleared: "ログ消去の記録あり",
    lost: "欠落",
    nothing_missing: "読み込んだ提供元の中に欠落は見つかりません。収集されなかった提供元については判断していません。",
    more: "件を省略",
    rejected: "件のルールは使えません(理由は hinomi rules check)",
    hidden: "件を抑止により非表示",
    expired: "抑止は期限切れのため無効",
    rule_by: "ルール",
    other: "別の説明",
    all_hint: "繰り返す検知はまとめて表示しています(--all で全件)",
    hours: "時間",
    timeless: "件のイベントは時刻を読めません(どの時間帯にも属し得ます)",
    no_logs: "件のファイルはログとして読めるものを含みません",
    credentials: "アカウントは使われた資格情報を指し、人を指すものではありません。",
};

/// The words of `lang`.
pub(super) fn words(lang: Lang) -> &'static Words {
    match lang {
        Lang::En => &EN,
        Lang::Ja => &JA,
    }
}

/// Name of a level.
pub(super) fn level(level: Level, lang: Lang) -> &'static str {
    match (lang, level) {
        (Lang::En, level) => level.name(),
        (Lang::Ja, Level::Critical) => "緊急",
        (Lang::Ja, Level::High) => "高",
        (Lang::Ja, Level::Medium) => "中",
        (Lang::Ja, Level::Low) => "低",
        (Lang::Ja, Level::Informational) => "情報",
    }
}
