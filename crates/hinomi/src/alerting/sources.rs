//! Findings and faults as signals, with what they say in two languages.

use hinomi_alert::{Kind, Signal};
use hinomi_ledger::completeness::{Finding, What};
use hinomi_model::{Digest, Level, Timestamp};
use hinomi_server::serve::FindingsSection;

use crate::args::Lang;
use crate::casework::Reminder;
use crate::live::LiveDetection;
use crate::render::calendar::sentence;

/// Longest value of a log that an alert holds, in characters.
const LONGEST: usize = 500;

fn cut(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

/// A detection.
pub(super) fn detection(detection: &LiveDetection) -> Signal {
    Signal {
        kind: Kind::Detection,
        id: detection.id.clone(),
        rule: detection.rule_id.clone(),
        level: detection.level,
        title: cut(&detection.title),
        title_ja: detection.title_ja.as_deref().map(cut),
        time: detection.time.clone(),
        host: cut(&detection.host),
        account: cut(&detection.account),
        evidence: detection.evidence.first().map(|cited| cited.reference.clone()),
    }
}

/// A finding, if it is one that somebody may have to be told.
pub(super) fn finding(finding: &Finding, levels: &FindingsSection) -> Option<Signal> {
    let (rule, level, english, japanese) = match &finding.what {
        What::Silent { promised_ns, .. } => (
            "source-silent",
            levels.silent,
            format!(
                "A source is silent; it promised to be heard every {}",
                length(*promised_ns, ["s", " min"])
            ),
            format!("記録元から届いていません({}ごとに届くはずのもの)", length(*promised_ns, ["秒", "分"])),
        ),
        What::Gap { missing, first, last, .. } => (
            "source-gap",
            levels.gap,
            format!("{missing} numbered records of a source never came ({first} to {last})"),
            format!("番号つきの記録が{missing}件届いていません({first}から{last})"),
        ),
        What::Restarted { .. } => (
            "source-restarted",
            levels.restarted,
            "A source counts anew: it was set up again, or its log was cleared".to_owned(),
            "記録元の番号が最初に戻りました(再設定、またはログの消去)".to_owned(),
        ),
        What::Impossible { number } => (
            "source-impossible",
            levels.impossible,
            format!("A source sent a number that it cannot have given out ({number})"),
            format!("記録元が出すはずのない番号が届きました({number})"),
        ),
        What::ClockStep { .. } => (
            "ledger-clock",
            levels.clock,
            "The clock of the ledger's server was changed, or nothing was received in between".to_owned(),
            "台帳のあるサーバーの時計が変わったか、その間に何も受信していません".to_owned(),
        ),
        What::NotRunning { .. } => (
            "ledger-not-running",
            levels.not_running,
            "The ledger was not running: nothing could be received".to_owned(),
            "台帳が動いていなかったため、受信できない時間がありました".to_owned(),
        ),
        What::Quiet { .. }
        | What::Fell { .. }
        | What::SeenElsewhere { .. }
        | What::KindsGone { .. }
        | What::TimesJumped { .. }
        | What::OtherHost { .. }
        | What::HostMoved { .. } => of_health(&finding.what, levels)?,
        What::Appeared
        | What::GapFilled { .. }
        | What::Stray { .. }
        | What::Resumed { .. }
        | What::Abridged => return None,
    };
    let (from, _) = finding.what.span(finding.found);
    let id = Digest::of(serde_json::to_string(finding).unwrap_or_default().as_bytes()).to_string();
    Some(Signal {
        kind: Kind::Source,
        id,
        rule: rule.to_owned(),
        level,
        title: english,
        title_ja: Some(japanese),
        time: Some(from.to_string()),
        host: finding.source.clone(),
        account: String::new(),
        evidence: None,
    })
}

/// What is said of a source whose habits changed.
fn of_health(what: &What, levels: &FindingsSection) -> Option<(&'static str, Level, String, String)> {
    let (rule, level) = match what {
        What::Quiet { .. } => ("source-quiet", levels.quiet),
        What::Fell { .. } => ("source-fell", levels.quiet),
        What::SeenElsewhere { .. } => ("source-silent-and-seen", levels.seen_elsewhere),
        What::KindsGone { .. } => ("source-kinds-gone", levels.changed),
        What::TimesJumped { .. } => ("source-times", levels.changed),
        What::OtherHost { .. } | What::HostMoved { .. } => ("source-identity", levels.changed),
        _ => return None,
    };
    Some((rule, level, sentence(what, Lang::En), sentence(what, Lang::Ja)))
}

/// A time in whole minutes, or seconds where it is none.
fn length(ns: i64, [seconds, minutes]: [&str; 2]) -> String {
    let whole = ns / 1_000_000_000;
    if whole >= 60 && whole % 60 == 0 {
        format!("{}{minutes}", whole / 60)
    } else {
        format!("{whole}{seconds}")
    }
}

/// A deadline of an incident that ends soon, or is over.
pub(super) fn deadline(reminder: &Reminder, now: Timestamp) -> Signal {
    let Reminder { name, due, over, .. } = reminder;
    let incident = reminder.incident.get(..8).unwrap_or_default();
    let due = due.to_string();
    let due = due.split_once('.').map_or(due.as_str(), |(seconds, _)| seconds);
    let (rule, level, english, japanese) = if *over {
        (
            "incident-deadline-over",
            Level::Critical,
            format!("A deadline of incident {incident} is over since {due} UTC: {}", name.en),
            format!("インシデント {incident} の期限を過ぎました({due} UTC):{}", name.ja),
        )
    } else {
        (
            "incident-deadline-soon",
            Level::High,
            format!("A deadline of incident {incident} ends at {due} UTC: {}", name.en),
            format!("インシデント {incident} の期限が近づいています({due} UTC):{}", name.ja),
        )
    };
    Signal {
        kind: Kind::Program,
        id: format!("{rule}@c{}", reminder.clock),
        rule: rule.to_owned(),
        level,
        title: cut(&english),
        title_ja: Some(cut(&japanese)),
        time: Some(now.to_string()),
        // Each deadline is an alert of its own.
        host: format!("{incident} c{}", reminder.clock),
        account: String::new(),
        evidence: None,
    }
}

/// A suppression hid critical detections.
pub(super) fn hidden(name: &str, count: u64, now: Timestamp) -> Signal {
    Signal {
        kind: Kind::Program,
        id: format!("suppression-hides-critical@{now}"),
        rule: "suppression-hides-critical".to_owned(),
        level: Level::Medium,
        title: cut(&format!("A suppression hid critical detections ({count}): {name}")),
        title_ja: Some(cut(&format!("抑止により重大な検知 {count} 件が通知されませんでした:{name}"))),
        time: Some(now.to_string()),
        host: cut(name),
        account: String::new(),
        evidence: None,
    }
}

/// Something about this program.
pub(super) fn program(
    rule: &str,
    level: Level,
    (english, japanese): (&str, &str),
    why: &str,
    now: Timestamp,
) -> Signal {
    Signal {
        kind: Kind::Program,
        id: format!("{rule}@{now}"),
        rule: rule.to_owned(),
        level,
        title: format!("{english}: {why}"),
        title_ja: Some(format!("{japanese}: {why}")),
        time: Some(now.to_string()),
        host: String::new(),
        account: String::new(),
        evidence: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(what: What) -> Option<Signal> {
        let found = Timestamp::from_nanos(2_000_000_000_000);
        let source = "n/tcp/fw01@192.0.2.1".to_owned();
        finding(&Finding { schema_version: 1, source, found, what }, &FindingsSection::default())
    }

    #[test]
    fn findings_that_matter_say_what_and_since_when() {
        let since = Timestamp::from_nanos(1_000_000_000_000);
        let silent = told(What::Silent { since, promised_ns: 300_000_000_000 }).unwrap();
        assert_eq!(
            (silent.level, silent.time.as_deref()),
            (Level::High, Some("1970-01-01T00:16:40.000000000Z"))
        );
        assert!(silent.title.contains("every 5 min") && silent.title_ja.unwrap().contains("5分ごと"));
        let often = told(What::Silent { since, promised_ns: 90_000_000_000 }).unwrap();
        assert!(often.title.contains("every 90s"), "{}", often.title);
        let gap = What::Gap { first: 7, last: 9, missing: 3, after: since, before: since };
        let gap = told(gap).unwrap();
        assert!(gap.title.starts_with("3 numbered records") && gap.level == Level::Medium);
        for quiet in [What::Appeared, What::Resumed { since }, What::Stray { number: 1 }, What::Abridged] {
            assert_eq!(told(quiet), None);
        }
    }
}
