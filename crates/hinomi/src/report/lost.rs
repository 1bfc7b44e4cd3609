//! Records that detections of an incident say are missing: a log that was emptied, a sensor that was stopped.
//!
//! # Invariants
//! - What such detections say is data (`mappings/story.yaml`, `lost_records`).
//! - A log of which records of before are held although it was emptied, as where copies went elsewhere, lost nothing; neither did one
//!   that went on, or began again within the minute. Moments are exact to the minute.
//!
//! # Not here
//! Missing numbers and silence, which sources show by themselves: `hinomi_detect::completeness`.

use hinomi_detect::completeness::WentOn;
use hinomi_detect::story::{Loss, Lost, Shown, StoryTable};
use hinomi_model::{NANOS_PER_SECOND, Timestamp};

use super::incident::Found;
use super::model::{DetectionEntry, LostEntry, SourceEntry};

/// Spans listed per incident.
const MOST_LOST: usize = 200;
/// How long a sensor writes while it ends, after it says so itself, and after a command that ends it.
const ENDING_NS: i64 = NANOS_PER_SECOND;
const ENDING_BY_COMMAND_NS: i64 = 5 * NANOS_PER_SECOND;

/// What is held of the logs around an incident.
#[derive(Clone, Copy)]
pub(super) struct Held<'a> {
    pub(super) sources: &'a [SourceEntry],
    /// All of it is known, not only the records near those that detections cite.
    pub(super) whole: bool,
    /// When the incident begins.
    pub(super) since: Option<Timestamp>,
}

/// What detections say is missing, by time; spans of one log and kind are one.
pub(super) fn lost<'f>(
    found: impl Iterator<Item = &'f Found>,
    table: &StoryTable,
    held: Held<'_>,
) -> Vec<LostEntry> {
    let mut all: Vec<LostEntry> = Vec::new();
    for one in found {
        let entry = &one.entry;
        let shown = Shown { rule: &entry.rule_id, level: entry.level, tags: &one.tags };
        let value = |field: &str| entry.fields.value(field);
        let Some((loss, time)) = table.lost(shown, value).zip(entry.time) else { continue };
        for span in spans(entry, loss, time, held) {
            add(&mut all, span);
        }
        if all.len() >= MOST_LOST {
            break;
        }
    }
    all.sort_by(|a, b| (a.from, a.to, &a.host, &a.channel).cmp(&(b.from, b.to, &b.host, &b.channel)));
    all
}

/// The spans that one detection tells of: one for each log that is meant and held.
fn spans(entry: &DetectionEntry, loss: Loss<'_>, time: Timestamp, held: Held<'_>) -> Vec<LostEntry> {
    let span = |channel: &str, from, to| LostEntry {
        host: entry.host.clone(),
        channel: channel.to_owned(),
        lost: loss.lost.name(),
        from,
        to,
        detections: vec![entry.id.clone()],
    };
    let of = |source: &&SourceEntry| {
        source.host.eq_ignore_ascii_case(&entry.host)
            && loss.is_of(&entry.channel, &source.channel, &source.kind)
    };
    let meant: Vec<&SourceEntry> = held.sources.iter().filter(of).collect();
    if meant.is_empty() {
        // Nothing is known of that log: it is open on the side that was lost.
        let channel = if loss.own_log { &entry.channel } else { loss.logs.first().map_or("", |log| log) };
        let (from, to) = match loss.lost {
            Lost::Emptied => (None, Some(time)),
            Lost::Stopped => (Some(time), None),
        };
        return vec![span(channel, from, to)];
    }
    let ends = |source: &&SourceEntry| match loss.lost {
        Lost::Emptied => emptied(source, time, held),
        Lost::Stopped => stopped(source, time, loss.own_log),
    };
    meant.iter().filter_map(|source| ends(source).map(|(from, to)| span(&source.channel, from, to))).collect()
}

type Ends = (Option<Timestamp>, Option<Timestamp>);

/// From ever until the first record that is held. Where records of before are held, a copy of them was kept elsewhere.
fn emptied(source: &SourceEntry, time: Timestamp, held: Held<'_>) -> Option<Ends> {
    let reaches_back = source.first.zip(held.since).is_some_and(|(first, since)| first <= since);
    let is_held = if held.whole { reaches_back } else { source.active.until(time).is_some() };
    (!is_held).then(|| (None, Some(source.first.map_or(time, |first| first.min(time)))))
}

/// From when it was stopped until the next record; open if none came.
fn stopped(source: &SourceEntry, time: Timestamp, own_log: bool) -> Option<Ends> {
    let ending = if own_log { ENDING_NS } else { ENDING_BY_COMMAND_NS };
    let wrote_on = |last: Timestamp| last.as_nanos().saturating_sub(time.as_nanos()) > ending;
    match source.active.again(time) {
        Err(WentOn) => None,
        // It was begun again within the minute.
        Ok(None) if source.last.is_some_and(wrote_on) => None,
        Ok(next) => Some((Some(time), next)),
    }
}

/// Adds a span; one of the same log and kind that it touches grows instead.
fn add(all: &mut Vec<LostEntry>, span: LostEntry) {
    let touches = |other: &&mut LostEntry| {
        let before_end = |at: Option<Timestamp>, end: Option<Timestamp>| {
            at.is_none_or(|at| end.is_none_or(|end| at <= end))
        };
        (&other.host, &other.channel, other.lost) == (&span.host, &span.channel, span.lost)
            && before_end(span.from, other.to)
            && before_end(other.from, span.to)
    };
    let Some(other) = all.iter_mut().find(touches) else { return all.push(span) };
    // Open on either side is the widest.
    other.from = other.from.zip(span.from).map(|(a, b)| a.min(b));
    other.to = other.to.zip(span.to).map(|(a, b)| a.max(b));
    other.detections.extend(span.detections);
    other.detections.sort();
    other.detections.dedup();
}
