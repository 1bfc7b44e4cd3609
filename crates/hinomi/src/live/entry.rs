//! A detection as the decision ledger keeps it and as it is shown.

use std::collections::BTreeMap;

use hinomi_detect::Engine;
use hinomi_detect::live::{Cause, Detection, Event};
use hinomi_detect::sigma::Meta;
use hinomi_model::{Level, Timestamp};
use serde::{Deserialize, Serialize};

use crate::report::techniques;

/// Events that are cited; more are counted.
const MOST_EVIDENCE: usize = 100;

/// A detection that was made while records arrived.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LiveDetection {
    schema_version: u32,
    /// Hash of rule, group, events and occurrence: the same whenever and however often it is found.
    pub id: String,
    /// Where it was made.
    pub decided: Decided,
    /// Id of the rule.
    pub rule_id: String,
    /// Title of the rule, in its own language.
    pub title: String,
    /// Title in Japanese, if the rule has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title_ja: Option<String>,
    /// Author of the rule.
    pub author: String,
    /// Licence of the rule.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub license: String,
    /// Level of the rule.
    pub level: Level,
    /// Time of the event, or of that with which the correlation fired.
    pub time: Option<String>,
    /// Time of the first event, for correlations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_time: Option<String>,
    /// Whether its events came so late that they were not correlated with others of their time.
    pub late: bool,
    /// Host that the event names.
    pub host: String,
    /// Account whose credentials were used, as far as the event says. No person is meant.
    pub account: String,
    /// Channel, or kind of log.
    pub channel: String,
    /// ATT&CK techniques of the rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub techniques: Vec<String>,
    /// Values of the group, for correlations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub group: BTreeMap<String, String>,
    /// Fields of the event that the rule read or that tell the story; of correlations in the single detections.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
    /// Events it fired with.
    pub evidence: Vec<Cited>,
    /// Events it fired with beyond those.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_evidence: u64,
}

/// The place of a detection among those of a ledger.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Decided {
    /// Leaf of the evidence at which it was made.
    pub leaf: u64,
    /// Number among those made there.
    pub index: u64,
}

/// A cited event.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Cited {
    /// Evidence reference.
    pub reference: String,
    /// When it says that it happened.
    pub time: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

fn text(time: Option<Timestamp>) -> Option<String> {
    time.map(|time| time.to_string())
}

impl LiveDetection {
    /// Describes a detection by the rules that made it.
    pub(super) fn new(detection: &Detection, engine: &Engine, decided: Decided) -> Option<Self> {
        let meta: &Meta = match detection.cause {
            Cause::Rule(rule) => &engine.rule(rule)?.meta,
            Cause::Correlation(at) => &engine.correlations().get(at)?.meta,
        };
        let single = matches!(detection.cause, Cause::Rule(_));
        let events = &detection.events;
        let last = events.last()?;
        let fields = last.fields.iter().filter(|(name, _)| single && !name.starts_with('@'));
        let cited = |event: &Event| Cited { reference: event.reference.clone(), time: text(event.time) };
        let listed = events.iter().take(MOST_EVIDENCE);
        Some(Self {
            schema_version: 1,
            id: detection.id.clone(),
            decided,
            rule_id: meta.id.clone(),
            title: meta.title.clone(),
            title_ja: meta.extension.get("title_ja").cloned(),
            author: meta.author.clone(),
            license: meta.license.clone(),
            level: meta.level,
            time: text(last.time),
            first_time: text(events.first().and_then(|e| e.time)).filter(|_| !single),
            late: detection.late,
            host: last.host.clone(),
            account: last.account.clone(),
            channel: last.channel.clone(),
            techniques: techniques(&meta.tags).into_iter().map(|t| t.id).collect(),
            group: detection.group.iter().cloned().collect(),
            fields: fields.map(|(name, value)| (name.to_string(), value.to_string())).collect(),
            evidence: listed.map(cited).collect(),
            more_evidence: detection.more + events.len().saturating_sub(MOST_EVIDENCE) as u64,
        })
    }
}
