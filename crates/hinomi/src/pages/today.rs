//! The first page: is anything burning, what is not known, what changed since yesterday.

use hinomi_model::{Level, Timestamp};
use serde::Serialize;

use super::evidence::Evidence;
use super::incidents::{IncidentRow, Kinds, Story, rows};
use super::judged::{Answer, Judged, Whole, of_whole};
use super::ledger::{Exposure, Following, exposed, following};
use super::{Asked, Refused, Text, alerts, sources, time};
use crate::casework::State;
use crate::clock;
use crate::judge::Known;
use crate::render::calendar::Cited;
use crate::report::IncidentEntry;

/// Incidents and changes that are listed.
const MOST_INCIDENTS: usize = 20;
const MOST_CHANGES: usize = 50;
/// Findings about sources that they are gathered from.
const MOST_FINDINGS: usize = 1_000;
/// How far changes go back.
const CHANGES_NS: i64 = 86_400_000_000_000;

/// The page.
#[derive(Debug, Serialize)]
pub(super) struct Today {
    as_of: String,
    headline: Headline,
    judged: Option<Judged>,
    answers: Vec<Answer>,
    incidents: Vec<IncidentRow>,
    sources: sources::Counts,
    following: Following,
    exposure: Exposure,
    alerts: alerts::Counts,
    changes: Vec<Change>,
    changes_since: String,
}

#[derive(Debug, Serialize)]
struct Headline {
    state: &'static str,
    text: Text,
    incidents: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Change {
    time: String,
    kind: &'static str,
    level: Option<Level>,
    text: Text,
    link: Option<&'static str>,
}

/// What the page is made of.
struct Facts<'a> {
    story: Option<&'a Story>,
    kinds: &'a Kinds,
    sources: &'a sources::Counts,
    following: &'a Following,
    alerts: &'a alerts::Counts,
}

/// As of now. Without a story everything about incidents is unknown.
pub(super) fn today(
    evidence: &Evidence,
    (story, kinds): (Option<&Story>, &Kinds),
    known: &Known,
    asked: &Asked<'_>,
) -> Result<Today, Refused> {
    let now = clock::now();
    let since = Timestamp::from_nanos(now.as_nanos().saturating_sub(CHANGES_NS));
    let (counts, following) = (sources::counts(evidence)?, following(evidence)?);
    let open = alerts::counts(evidence)?;
    let open_ones = |incident: &&IncidentEntry| kinds.work(&incident.id).state == State::Open;
    let listed = story.into_iter().flat_map(|story| story.incidents.iter().filter(open_ones));
    let listed = listed.take(MOST_INCIDENTS);
    let incidents = story.map(|story| rows(story, listed, kinds, asked)).transpose()?.unwrap_or_default();
    let facts = Facts { story, kinds, sources: &counts, following: &following, alerts: &open };
    let mut headline = facts.headline();
    if story.is_some_and(|story| story.is_cut) {
        headline.text.en.push_str(" Only the newest 50,000 detections were looked at.");
        headline.text.ja.push_str("対象は最新 50,000 件の検知のみです。");
    }
    let changes = changes(evidence, &incidents, since, now)?;
    let exposure = exposed(evidence)?;
    let whole = Whole { known, story, sources: &counts, following: &following, exposure: &exposure };
    let answers = of_whole(&whole);
    Ok(Today {
        as_of: time(now),
        headline,
        judged: Judged::of(known),
        answers,
        incidents,
        exposure,
        sources: counts,
        following,
        alerts: open,
        changes,
        changes_since: time(since),
    })
}

impl Facts<'_> {
    fn headline(&self) -> Headline {
        // What somebody contained or closed burns no more; what grew since is open again.
        let open = |incident: &&IncidentEntry| self.kinds.work(&incident.id).state == State::Open;
        let all = self.story.into_iter().flat_map(|story| &story.incidents).filter(open);
        let grave: Vec<&IncidentEntry> = all.clone().filter(|i| i.severity >= Level::High).collect();
        let lesser: Vec<&IncidentEntry> = all.filter(|i| i.severity < Level::High).collect();
        let ids = |of: &[&IncidentEntry]| of.iter().take(MOST_INCIDENTS).map(|i| i.id.clone()).collect();
        let unread = self.story.is_none_or(|story| story.is_behind);
        if !grave.is_empty() {
            return Headline { state: "burning", text: burning(grave.len()), incidents: ids(&grave) };
        }
        let deaf = self.sources.last_received.is_none();
        if self.following.state != "following" || self.story.is_none() || deaf {
            return Headline { state: "unknown", text: self.unknown(), incidents: ids(&lesser) };
        }
        if !lesser.is_empty() || self.alerts.unacknowledged > 0 {
            let text = watch(lesser.len(), self.alerts.unacknowledged);
            return Headline { state: "watch", text, incidents: ids(&lesser) };
        }
        if unread {
            let text = Text::new("Detections are still being read.", "検知結果を読み込み中です。");
            return Headline { state: "unknown", text, incidents: Vec::new() };
        }
        let text = Text::new(
            "No open incident, and no alert that nobody has acknowledged.",
            "終了していないインシデントも、未確認の警報もありません。",
        );
        Headline { state: "calm", text, incidents: Vec::new() }
    }

    fn unknown(&self) -> Text {
        if self.following.state != "following" {
            return Text::new(
                "Nobody knows: detection does not follow what arrives.",
                "不明です：検知が受信に追いついていません。",
            );
        }
        if self.story.is_none() {
            return Text::new("Detections are still being read.", "検知結果を読み込み中です。");
        }
        Text::new("Nobody knows: no source is heard.", "不明です：どの情報源からも受信がありません。")
    }
}

fn burning(count: usize) -> Text {
    let (noun, verb) = if count == 1 { ("incident", "needs") } else { ("incidents", "need") };
    Text::new(
        format!("{count} open {noun} of high or critical severity {verb} somebody now."),
        format!("重大度「高」以上で終了していないインシデントが {count} 件あります。"),
    )
}

fn watch(incidents: usize, alerts: u64) -> Text {
    let plural =
        |count: u64, noun: &str| if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") };
    let incidents = incidents as u64;
    Text::new(
        format!(
            "Nothing grave: {} of lower severity, {} that nobody has acknowledged.",
            plural(incidents, "incident"),
            plural(alerts, "alert")
        ),
        format!(
            "重大なものはありません：低い重大度のインシデント {incidents} 件、未確認の警報 {alerts} 件。"
        ),
    )
}

/// Incidents that began, alerts that were made, findings about sources: the newest first.
fn changes(
    evidence: &Evidence,
    incidents: &[IncidentRow],
    since: Timestamp,
    now: Timestamp,
) -> Result<Vec<Change>, Refused> {
    let begun = incidents.iter().filter_map(|row| {
        let first = row.first.clone().filter(|first| *first >= time(since))?;
        let (level, text) = (Some(row.severity), row.headline.clone());
        Some(Change { time: first, kind: "incident", level, text, link: Some("/incidents") })
    });
    let mut all: Vec<Change> = begun.collect();
    let made = alerts::made_since(evidence, since.as_nanos().div_euclid(1_000_000))?;
    all.extend(made.into_iter().take(MOST_CHANGES).map(|(time, level, text)| Change {
        time,
        kind: "alert",
        level: Some(level),
        text,
        link: Some("/alerts"),
    }));
    let found = evidence.with(|opened| sources::recent(opened, now, MOST_FINDINGS))?;
    let new: Vec<Cited> = found.into_iter().filter(|cited| cited.finding.found >= since).collect();
    all.extend(sources::gathered(&new).into_iter().map(|(found, text)| Change {
        time: time(found),
        kind: "source",
        level: None,
        text,
        link: Some("/sources"),
    }));
    all.sort_by(|a, b| b.time.cmp(&a.time));
    all.truncate(MOST_CHANGES);
    Ok(all)
}
