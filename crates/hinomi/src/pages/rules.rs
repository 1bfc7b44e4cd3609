//! Rules in force: what fired, and what never did.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use hinomi_model::{Level, Timestamp};
use serde::Serialize;

use super::incidents::Story;
use super::rulebook::Known;
use super::{Asked, Refused, Text, page, time};
use crate::clock;
use crate::live::in_force;
use crate::report::{RejectedRule, Technique};

/// Days looked back unless asked for.
const DAYS: i64 = 30;
const DAY_NS: i64 = 86_400_000_000_000;
/// Rejected documents that are listed.
const MOST_REJECTED: usize = 1_000;
/// Longest text of a rule that is shown, in bytes.
const LONGEST_TEXT: usize = 1 << 20;

/// A page of rules.
#[derive(Debug, Serialize)]
pub(super) struct RuleList {
    as_of: String,
    from: String,
    to: String,
    items: Vec<RuleRow>,
    rejected: Vec<RejectedRule>,
    next: Option<String>,
}

/// A rule.
#[derive(Debug, Serialize)]
pub(super) struct RuleRow {
    id: String,
    title: Text,
    level: Level,
    tags: Vec<String>,
    techniques: Vec<Technique>,
    origin: String,
    author: String,
    license: String,
    fired: Option<Fired>,
    never_because: Option<&'static str>,
    reads: Option<Text>,
    suppressed: u64,
}

#[derive(Clone, Debug, Default, Serialize)]
struct Fired {
    count: u64,
    last: Option<String>,
    incidents: u64,
}

/// A rule with its text.
#[derive(Debug, Serialize)]
pub(super) struct RulePage {
    rule: RuleRow,
    text: String,
    sha256: String,
}

/// What fired in a span of time.
struct Counts<'s> {
    story: &'s Story,
    span: (Timestamp, Timestamp),
    /// Detections of incidents, also those of a low level.
    joined: BTreeSet<&'s str>,
}

impl<'s> Counts<'s> {
    fn new(story: &'s Story, span: (Timestamp, Timestamp)) -> Self {
        let of = |i: &'s crate::report::IncidentEntry| {
            i.detections.iter().chain(&i.weak_signals).chain(&i.context)
        };
        let joined = story.incidents.iter().flat_map(of).map(String::as_str).collect();
        Self { story, span, joined }
    }

    fn of_all(&self) -> BTreeMap<&'s str, Fired> {
        let mut fired: BTreeMap<&str, (Fired, Option<Timestamp>)> = BTreeMap::new();
        let inside = |at: Timestamp| self.span.0 <= at && at < self.span.1;
        for detection in self.story.detections.values().filter(|d| d.time.is_none_or(inside)) {
            let (count, last) = fired.entry(&detection.rule_id).or_default();
            count.count += 1;
            count.incidents += u64::from(self.joined.contains(detection.id.as_str()));
            *last = (*last).max(detection.time);
        }
        let whole = |(id, (fired, last)): (&'s str, (Fired, Option<Timestamp>))| {
            (id, Fired { last: last.map(time), ..fired })
        };
        fired.into_iter().map(whole).collect()
    }
}

fn span(asked: &Asked<'_>) -> Result<(Timestamp, Timestamp), Refused> {
    let until = asked.instant("until")?.unwrap_or_else(clock::now);
    let usual = Timestamp::from_nanos(until.as_nanos().saturating_sub(DAYS * DAY_NS));
    let from = asked.instant("from")?.unwrap_or(usual);
    if from < until {
        Ok((from, until))
    } else {
        Err(Refused::Senseless("from is not before until".to_owned()))
    }
}

/// Rules by id. Nothing is said of why one never fired beyond what is known.
pub(super) fn rules(story: &Story, asked: &Asked<'_>) -> Result<RuleList, Refused> {
    let (from, until) = span(asked)?;
    let mut fired = Counts::new(story, (from, until)).of_all();
    let (part, next) = page(story.rules.all.values().collect(), asked)?;
    let items = part.into_iter().map(|known| row(known, fired.remove(known.id.as_str()))).collect();
    let rejected = story.rules.rejected.iter().take(MOST_REJECTED).cloned().collect();
    Ok(RuleList { as_of: time(clock::now()), from: time(from), to: time(until), items, rejected, next })
}

fn row(known: &Known, fired: Option<Fired>) -> RuleRow {
    RuleRow {
        id: known.id.clone(),
        title: known.title.clone(),
        level: known.level,
        tags: known.tags.clone(),
        techniques: super::incidents::techniques_known(&known.techniques),
        origin: known.origin.clone(),
        author: known.author.clone(),
        license: known.license.clone(),
        never_because: fired.is_none().then_some("unknown"),
        fired,
        reads: known.reads.clone(),
        suppressed: 0,
    }
}

/// One rule, with the text that is in force.
pub(super) fn rule(story: &Story, data: &Path, asked: &Asked<'_>) -> Result<RulePage, Refused> {
    let known = story.rules.all.get(&asked.part("id")?).ok_or(Refused::NotFound)?;
    let sha256 = story.rules.file_of(known).ok_or(Refused::NotFound)?;
    let pack = in_force(data).map_err(|error| Refused::Failed(error.to_string()))?;
    let text = pack.as_ref().and_then(|pack| pack.text(sha256)).ok_or(Refused::NotFound)?;
    let shown = text.get(..text.floor_char_boundary(LONGEST_TEXT)).unwrap_or_default();
    let fired = Counts::new(story, span(asked)?).of_all().remove(known.id.as_str());
    Ok(RulePage { rule: row(known, fired), text: shown.to_owned(), sha256: sha256.to_owned() })
}
