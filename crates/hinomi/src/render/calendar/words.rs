//! The words of the calendar, in both languages.

use super::health::signed;
use super::{Basis, DayCell, DayState, Doubt, Row, What, time};
use crate::args::Lang;

/// The words of one language.
pub(super) struct Words {
    lang: Lang,
    pub(super) title: &'static str,
    pub(super) as_of: &'static str,
    pub(super) last_tick: &'static str,
    pub(super) source: &'static str,
    pub(super) owner: &'static str,
    pub(super) records: &'static str,
    pub(super) numbers_missing: &'static str,
    /// Between the parts of a line.
    pub(super) and: &'static str,
    pub(super) more: &'static str,
    pub(super) ledger: &'static str,
    pub(super) not_written: &'static str,
    pub(super) no_sources: &'static str,
    pub(super) untracked: &'static str,
    /// Present, partial, missing, unknown.
    pub(super) states: [(&'static str, &'static str); 4],
    pub(super) erased: (&'static str, &'static str),
    pub(super) state_columns: usize,
}

const EN: Words = Words {
    lang: Lang::En,
    title: "Completeness by day of receipt (UTC)",
    as_of: "as of",
    last_tick: "the ledger last ran",
    source: "source",
    owner: "owner:",
    records: "records",
    numbers_missing: "numbers missing",
    and: "; ",
    more: "more; --json lists them all",
    ledger: "The ledger itself",
    not_written: "(not in the log yet)",
    no_sources: "No source is known. This says nothing about what was sent.",
    untracked: "records came from sources beyond the bound; nothing can be said of those",
    states: [
        ("present", "all that the source sent was received, which may be nothing"),
        ("partial", "some was received, and some is known to be missing"),
        ("missing", "nothing was received, although something was sent or promised"),
        ("unknown", "nobody can say: never read this as «nothing happened»"),
    ],
    erased: ("erased", "its records were erased by an approved order and cannot be searched"),
    state_columns: 7,
};

const JA: Words = Words {
    lang: Lang::Ja,
    title: "受信日別の完全性（UTC）",
    as_of: "基準時刻",
    last_tick: "台帳の最終動作",
    source: "情報源",
    owner: "責任者：",
    records: "件",
    numbers_missing: "個の番号が欠落",
    and: "、",
    more: "件の指摘があります（--json で全件を表示）",
    ledger: "台帳自身について",
    not_written: "（まだ台帳に記録されていません）",
    no_sources: "既知の情報源がありません。何も送られなかったという意味ではありません。",
    untracked: "件は上限を超えた情報源からの受信で、その完全性は不明です",
    states: [
        ("完全", "情報源が送ったものをすべて受信（何も送られなかった日を含む）"),
        ("一部", "一部は受信したが、欠落があると分かっている"),
        ("欠落", "送信された、または約束されたのに、何も受信していない"),
        ("不明", "誰にも断定できない。「何も起きなかった」と読んではならない"),
    ],
    erased: ("消去済", "承認された命令により消去され、検索できない"),
    state_columns: 6,
};

pub(super) fn words(lang: Lang) -> &'static Words {
    match lang {
        Lang::En => &EN,
        Lang::Ja => &JA,
    }
}

impl Words {
    /// What a source owes.
    pub(super) fn promise(&self, row: &Row) -> String {
        let promise = row.declared.as_ref().map(|declared| declared.promise).unwrap_or_default();
        let numbered = promise.numbering.is_some() || row.summary.as_ref().is_some_and(|s| s.numbered);
        let every = promise.heard_every_ns.map(duration);
        match (self.lang, numbered, every) {
            (Lang::En, true, Some(every)) => {
                format!("numbers its records; promises to be heard every {every}")
            }
            (Lang::En, true, None) => "numbers its records".to_owned(),
            (Lang::En, false, Some(every)) => {
                format!("does not number its records; promises to be heard every {every}")
            }
            (Lang::En, false, None) => "neither numbers its records nor promises anything".to_owned(),
            (Lang::Ja, true, Some(every)) => format!("番号あり、{every}ごとの受信を約束"),
            (Lang::Ja, true, None) => "番号あり".to_owned(),
            (Lang::Ja, false, Some(every)) => format!("番号なし、{every}ごとの受信を約束"),
            (Lang::Ja, false, None) => "番号なし、約束なし".to_owned(),
        }
    }

    /// State and ground of a day.
    pub(super) fn reason(&self, cell: &DayCell) -> String {
        let at = match cell.state {
            DayState::Present => 0,
            DayState::Partial => 1,
            DayState::Missing => 2,
            DayState::Unknown => 3,
        };
        let name = self.states.get(at).map_or("", |(name, _)| *name);
        let why = match (self.lang, cell.basis, cell.doubt) {
            (Lang::En, Basis::Numbers, _) => "by its numbers",
            (Lang::En, Basis::Heartbeat, _) => "by its promise to be heard",
            (Lang::En, Basis::None, Some(Doubt::NeverSeen)) => "never heard of",
            (Lang::En, Basis::None, Some(Doubt::NotOver)) => "the day is not over",
            (Lang::En, Basis::None, Some(Doubt::NotCovered)) => {
                "numbers or promise do not reach over the whole day"
            }
            (Lang::En, Basis::None, Some(Doubt::Unsettled)) => {
                "it counted anew, sent records without numbers, or they cannot be read any more"
            }
            (Lang::En, Basis::None, _) => "no numbers and no promise to go by",
            (Lang::Ja, Basis::Numbers, _) => "番号による",
            (Lang::Ja, Basis::Heartbeat, _) => "受信の約束による",
            (Lang::Ja, Basis::None, Some(Doubt::NeverSeen)) => "一度も受信していない",
            (Lang::Ja, Basis::None, Some(Doubt::NotOver)) => "その日がまだ終わっていない",
            (Lang::Ja, Basis::None, Some(Doubt::NotCovered)) => "番号も約束もその日の全体には及ばない",
            (Lang::Ja, Basis::None, Some(Doubt::Unsettled)) => {
                "番号の付け直し、番号のない受信、または読めなくなった記録がある"
            }
            (Lang::Ja, Basis::None, _) => "番号も約束もなく、根拠がない",
        };
        match self.lang {
            Lang::En => format!("{name}: {why}"),
            Lang::Ja => format!("{name}：{why}"),
        }
    }
}

pub(super) fn duration(ns: i64) -> String {
    let seconds = ns / 1_000_000_000;
    match (seconds % 86_400, seconds % 3_600, seconds % 60) {
        _ if seconds == 0 => format!("{} ms", ns / 1_000_000),
        (0, ..) => format!("{} d", seconds / 86_400),
        (_, 0, _) => format!("{} h", seconds / 3_600),
        (_, _, 0) => format!("{} min", seconds / 60),
        _ => format!("{seconds} s"),
    }
}

/// A finding as a sentence.
pub(crate) fn sentence(what: &What, lang: Lang) -> String {
    match lang {
        Lang::En => english(what),
        Lang::Ja => japanese(what),
    }
}

fn english(what: &What) -> String {
    match what {
        What::Appeared => "heard for the first time".to_owned(),
        What::Gap { first, last, missing, after, before } => format!(
            "numbers {first} to {last} never came ({missing} missing), between {} and {}",
            time(*after),
            time(*before)
        ),
        What::GapFilled { first, last } => {
            format!("numbers {first} to {last}, which were missing, came after all")
        }
        What::Restarted { from, to, after, before } => format!(
            "counted anew from {from} to {to}, between {} and {}: set up again, cleared, or an older copy was handed in; \
             what was lost in between is unknown",
            time(*after),
            time(*before)
        ),
        What::Stray { number } => format!("one record with number {number}, far from where the source was"),
        What::Impossible { number } => format!("number {number}, which the source cannot have given out"),
        What::Silent { since, promised_ns } => {
            format!(
                "silent since {}, although it promised to be heard every {}",
                time(*since),
                duration(*promised_ns)
            )
        }
        What::Resumed { since } => format!("heard again; it had been silent since {}", time(*since)),
        What::ClockStep { from, to } => format!(
            "the ledger's clock went from {} to {}: it was set, or the ledger stood still",
            time(*from),
            time(*to)
        ),
        What::NotRunning { from, to } => format!(
            "the ledger was not running from {} to {}: nothing could be received",
            time(*from),
            time(*to)
        ),
        What::Abridged => "more was found on this day than is written down".to_owned(),
        _ => health_english(what),
    }
}

/// A finding about how a source usually is; each says what would settle it.
fn health_english(what: &What) -> String {
    match what {
        What::Quiet { since, longest_ns, expected, seen: Some(seen) } => format!(
            "silent since {}: {expected} records were to be expected; its longest pause of the last five weeks was {}. \
             {} still saw the host at {}: it runs. Look at its logging service and its rules for forwarding, and at \
             filters on the way here",
            time(*since),
            duration(*longest_ns),
            seen.source,
            time(seen.at)
        ),
        What::Quiet { since, longest_ns, expected, seen: None } => format!(
            "silent since {}: {expected} records were to be expected; its longest pause of the last five weeks was {}. \
             Nobody else here saw the host since: is it on, and reachable? Ask its console, then a switch or router near it",
            time(*since),
            duration(*longest_ns)
        ),
        What::SeenElsewhere { since, by } => format!(
            "silent since {}, and {} saw the host at {}: it runs. Look at its logging service and at filters on the way here",
            time(*since),
            by.source,
            time(by.at)
        ),
        What::Fell { since, expected, received } => format!(
            "{received} records came since {}, where {expected} were to be expected. Compare its log level and filters with \
             what they were, and count what its own disk holds",
            time(*since)
        ),
        What::KindsGone { since, kinds, new, records } => format!(
            "kinds that stay away since {}, while {records} other records came: {}{}. Compare its log level, audit rules and \
             format with what they were",
            time(*since),
            kinds.join(", "),
            if new.is_empty() { String::new() } else { format!("; new since then: {}", new.join(", ")) }
        ),
        What::TimesJumped { since, usual_ns, now_ns } => format!(
            "since {} its times are {} from their receipt, where {} was usual: its clock or zone was set, or the times are \
             read in another zone. Ask the host for its time and what set it",
            time(*since),
            signed(*now_ns),
            signed(*usual_ns)
        ),
        What::OtherHost { since, host, usual } => format!(
            "host {host} speaks under this name since {}; until then only {usual} did: renamed, replaced, or somebody uses \
             its name. Ask who changed it",
            time(*since)
        ),
        What::HostMoved { since, host, before } => format!(
            "host {host} speaks under this name since {}; until then it spoke as {before}: its address or certificate \
             changed, or another host uses its name. Ask who changed it",
            time(*since)
        ),
        _ => String::new(),
    }
}

fn japanese(what: &What) -> String {
    match what {
        What::Appeared => "初めて受信".to_owned(),
        What::Gap { first, last, missing, after, before } => format!(
            "番号 {first}～{last} が届いていない（欠落 {missing} 個、{} から {} の間）",
            time(*after),
            time(*before)
        ),
        What::GapFilled { first, last } => format!("欠落していた番号 {first}～{last} が後から届いた"),
        What::Restarted { from, to, after, before } => format!(
            "番号が {from} から {to} に戻った（{} から {} の間）。再設定、ログの消去、または古い写しの再投入であり、その間に失われたものは不明",
            time(*after),
            time(*before)
        ),
        What::Stray { number } => format!("前後とかけ離れた番号 {number} の記録が 1 件"),
        What::Impossible { number } => format!("情報源が付けるはずのない番号 {number}"),
        What::Silent { since, promised_ns } => {
            format!("{}ごとの受信を約束しながら、{} から途絶", duration(*promised_ns), time(*since))
        }
        What::Resumed { since } => format!("受信を再開（{} から途絶していた）", time(*since)),
        What::ClockStep { from, to } => format!(
            "台帳の時計が {} から {} に飛んだ。時計の変更、または台帳の停止による",
            time(*from),
            time(*to)
        ),
        What::NotRunning { from, to } => {
            format!("{} から {} まで台帳が動いておらず、何も受信できなかった", time(*from), time(*to))
        }
        What::Abridged => "この日の指摘は多すぎるため、以降は記録していない".to_owned(),
        _ => health_japanese(what),
    }
}

fn health_japanese(what: &What) -> String {
    match what {
        What::Quiet { since, longest_ns, expected, seen: Some(seen) } => format!(
            "{} から途絶。この間に {expected} 件の受信が見込まれ、直近 5 週間の最長の間隔は {}。{} が {} にこのホストを観測しており、\
             ホストは動いている。ログ送信サービス、転送設定、経路上のフィルターを確認のこと",
            time(*since),
            duration(*longest_ns),
            seen.source,
            time(seen.at)
        ),
        What::Quiet { since, longest_ns, expected, seen: None } => format!(
            "{} から途絶。この間に {expected} 件の受信が見込まれ、直近 5 週間の最長の間隔は {}。他のどの情報源もこのホストを観測していない。\
             電源と到達性を、コンソールと近くのスイッチまたはルーターで確認のこと",
            time(*since),
            duration(*longest_ns)
        ),
        What::SeenElsewhere { since, by } => format!(
            "{} から途絶しているが、{} が {} にこのホストを観測しており、ホストは動いている。ログ送信サービスと経路上のフィルターを確認のこと",
            time(*since),
            by.source,
            time(by.at)
        ),
        What::Fell { since, expected, received } => format!(
            "{} からの受信は {received} 件で、見込みは {expected} 件。ログレベルとフィルターを以前の設定と比べ、機器側に残る件数を数えること",
            time(*since)
        ),
        What::KindsGone { since, kinds, new, records } => format!(
            "{} から次の種類が届いていない（他の記録は {records} 件受信）：{}{}。ログレベル、監査規則、書式を以前の設定と比べること",
            time(*since),
            kinds.join("、"),
            if new.is_empty() {
                String::new()
            } else {
                format!("。以後の新しい種類：{}", new.join("、"))
            }
        ),
        What::TimesJumped { since, usual_ns, now_ns } => format!(
            "{} から記録の時刻と受信時刻の差が {}（普段は {}）。時計またはタイムゾーンの変更、もしくは読み取り時のタイムゾーンの違い。\
             ホストの時刻と、何がそれを設定したかを確認のこと",
            time(*since),
            signed(*now_ns),
            signed(*usual_ns)
        ),
        What::OtherHost { since, host, usual } => format!(
            "{} からホスト {host} がこの名前で送信している（それまでは {usual} のみ）。改名、交換、または名前の流用。変更した人に確認のこと",
            time(*since)
        ),
        What::HostMoved { since, host, before } => format!(
            "{} からホスト {host} がこの名前で送信している（それまでは {before}）。アドレスや証明書の変更、または別のホストによる名前の流用。\
             変更した人に確認のこと",
            time(*since)
        ),
        _ => String::new(),
    }
}
