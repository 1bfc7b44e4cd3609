//! The document as data: what is embedded in the file, and all that its text is made from.
//!
//! # Invariants
//! No sentence is stored. Whatever a sentence says of an event stands in a [`Citation`], which verification compares
//! with the source; titles and explanations stand in a [`RuleDoc`], which it compares with the rules.

use std::collections::BTreeMap;

use hinomi_model::{Digest, EvidencePlace, EvidenceRef, Level, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Version of the document's shape.
pub const FORMAT: &str = "hinomi-report/2";

/// Times as text, null when unknown.
mod stamp {
    use super::{Deserialize, Deserializer, Serializer, Timestamp};

    #[expect(clippy::ref_option, reason = "the signature that serde asks for")]
    pub(super) fn serialize<S: Serializer>(
        time: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => serializer.collect_str(time),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        let text: Option<String> = Option::deserialize(deserializer)?;
        text.map(|t| t.parse().map_err(serde::de::Error::custom)).transpose()
    }
}

/// Digests and levels as text.
mod text {
    use super::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<T: std::fmt::Display, S: Serializer>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: std::str::FromStr<Err: std::fmt::Display>,
        D: Deserializer<'de>,
    {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// [`FORMAT`].
    pub format: String,
    /// Version of the program; another one renders other bytes.
    pub program: String,
    /// When the sources were read.
    #[serde(with = "stamp")]
    pub made: Option<Timestamp>,
    /// How they were read.
    pub settings: Settings,
    /// Totals.
    pub totals: Totals,
    /// Rules that are spoken of.
    pub rules: Vec<RuleDoc>,
    /// Files that are cited.
    pub files: Vec<FileDoc>,
    /// Events that are cited.
    pub citations: Vec<Citation>,
    /// Incidents, gravest first.
    pub incidents: Vec<IncidentDoc>,
    /// Incidents that are only counted.
    pub more_incidents: u64,
    /// Hosts and channels, those that lack something first.
    pub sources: Vec<SourceDoc>,
    /// Sources that are only counted.
    pub more_sources: u64,
    /// Channels that hosts of their kind have and that are absent.
    pub absent: Vec<AbsentChannel>,
    /// What could not be read, the first of it.
    pub unread: Vec<UnreadDoc>,
    /// Further losses.
    pub more_unread: u64,
    /// Suppressions and what each hid.
    pub suppressions: Vec<SuppressionDoc>,
}

/// How the sources were read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Language shown first: `en` or `ja`.
    pub lang: String,
    /// Zone of shown times and of logs that state none.
    pub zone: String,
    /// Format that logs were taken to have.
    pub format: Option<String>,
    /// Only these hosts; empty means all.
    pub hosts: Vec<String>,
    /// Start of the window.
    #[serde(with = "stamp")]
    pub since: Option<Timestamp>,
    /// End of the window.
    #[serde(with = "stamp")]
    pub until: Option<Timestamp>,
}

/// Totals.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Totals {
    /// Events read.
    pub events: u64,
    /// Files visited.
    pub files: u64,
    /// Logs read.
    pub logs: u64,
    /// Bytes of logs.
    pub bytes: u64,
    /// First stated time.
    #[serde(with = "stamp")]
    pub first: Option<Timestamp>,
    /// Last stated time.
    #[serde(with = "stamp")]
    pub last: Option<Timestamp>,
    /// Detections by level.
    pub detections: BTreeMap<String, u64>,
    /// Incidents by severity.
    pub incidents: BTreeMap<String, u64>,
    /// Rules used.
    pub rules: u64,
    /// Rules that could not be used.
    pub rejected_rules: u64,
    /// Matches that were counted but not kept.
    pub unlisted: u64,
}

/// A rule that is spoken of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleDoc {
    /// Its id.
    pub id: String,
    /// Its level.
    #[serde(with = "text")]
    pub level: Level,
    /// Title.
    pub title: String,
    /// Title in Japanese; empty when the rule has none.
    pub title_ja: String,
    /// Author.
    pub author: String,
    /// Licence.
    pub license: String,
    /// The other explanation that fits; empty when the rule names none.
    pub explain_en: String,
    /// The same in Japanese.
    pub explain_ja: String,
    /// Techniques of ATT&CK by id.
    pub techniques: Vec<String>,
    /// True when it counts a pattern over several events.
    pub pattern: bool,
}

/// A file that is cited.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileDoc {
    /// Path as it was given or found.
    pub path: String,
    /// What it held.
    pub content: Content,
}

/// What was read: by this it is found again, whatever it is called then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Content {
    /// A file.
    File {
        /// Size.
        bytes: u64,
        /// SHA-256.
        #[serde(with = "text")]
        sha256: Digest,
        /// When it had been modified: years that its logs leave out were guessed from it.
        #[serde(with = "stamp", default)]
        modified: Option<Timestamp>,
    },
    /// A ledger, which must have grown from what it was.
    Ledger {
        /// Origin of its checkpoints.
        origin: String,
        /// Verifier key that had signed the checkpoint.
        verifier_key: String,
        /// Leaves.
        size: u64,
        /// Root of their tree, base64.
        root: String,
    },
}

impl Content {
    /// Whether a reference points into it.
    pub fn keeps(&self, place: &EvidencePlace) -> bool {
        match (self, place) {
            (Self::File { sha256, .. }, EvidencePlace::File { file, .. }) => sha256 == file,
            (Self::Ledger { origin, .. }, EvidencePlace::Log { origin: cited, .. }) => origin == cited,
            _ => false,
        }
    }
}

/// An event that is cited, with what is said of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Citation {
    /// Number of the file.
    pub file: usize,
    /// The event.
    #[serde(with = "text")]
    pub reference: EvidenceRef,
    /// Rule that the event matched, or to whose pattern it contributes.
    pub rule: usize,
    /// Time it states.
    #[serde(with = "stamp")]
    pub time: Option<Timestamp>,
    /// What else is said of it; `None` for further events of a pattern.
    pub said: Option<Said>,
}

/// What is said of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// Host.
    pub host: String,
    /// Account.
    pub account: String,
    /// Channel or kind of log.
    pub channel: String,
    /// Fields, clipped.
    pub fields: BTreeMap<String, String>,
}

/// An incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IncidentDoc {
    /// Stable id.
    pub id: String,
    /// Severity.
    #[serde(with = "text")]
    pub severity: Level,
    /// Why.
    pub severity_reason: String,
    /// Steps by first time.
    pub steps: Vec<StepDoc>,
    /// Steps that are only counted.
    pub more_steps: u64,
    /// Why the steps belong together.
    pub links: Vec<LinkDoc>,
    /// Parts that decisive reasons hold together.
    pub parts: u64,
    /// Incidents that touch it and were kept apart.
    pub apart: Vec<ApartDoc>,
    /// Stages that no step shows.
    pub unseen: Vec<UnseenDoc>,
    /// Records that its steps say are missing.
    #[serde(default)]
    pub lost_records: Vec<LostDoc>,
}

/// A span of which a step says that records of a log are missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LostDoc {
    /// Host; empty when it is not named.
    pub host: String,
    /// Channel or kind of log; empty when it is not said which.
    pub channel: String,
    /// `emptied` or `stopped`.
    pub lost: String,
    /// Start; `None` when open.
    #[serde(with = "stamp")]
    pub from: Option<Timestamp>,
    /// End; `None` when open.
    #[serde(with = "stamp")]
    pub to: Option<Timestamp>,
}

/// A step: one rule on one host under one account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepDoc {
    /// Number of the rule.
    pub rule: usize,
    /// Citations: the first event, the last, and some between.
    pub cites: Vec<usize>,
    /// Events in all.
    pub events: u64,
    /// `confirmed` or `estimated`.
    pub certainty: String,
    /// Why not more certain.
    pub why: Vec<String>,
    /// True for signals below medium level.
    pub weak: bool,
    /// Stages.
    pub stages: Vec<String>,
}

/// Why two steps belong together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkDoc {
    /// Number of the one step.
    pub a: usize,
    /// Number of the other.
    pub b: usize,
    /// Seconds between.
    pub gap_seconds: Option<i64>,
    /// True when it joins parts that name different accounts.
    pub seam: bool,
    /// Reasons, strongest first.
    pub reasons: Vec<ReasonDoc>,
}

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReasonDoc {
    /// Its name.
    pub reason: String,
    /// What both share.
    pub entity: String,
    /// Points.
    pub points: u32,
    /// How many others meet there.
    pub shared_by: Option<u32>,
    /// One in how many such pairs would meet there by accident.
    #[serde(default)]
    pub one_in: Option<u32>,
}

/// An incident that was kept apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApartDoc {
    /// Its id.
    pub incident: String,
    /// What they have in common.
    pub reasons: Vec<ReasonDoc>,
}

/// A stage that no step shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnseenDoc {
    /// The stage.
    pub stage: String,
    /// `no-trace`, `holes`, `partly` or `no-log`.
    pub state: String,
    /// Hosts concerned.
    pub hosts: Vec<String>,
    /// The log that settles it.
    pub log_en: String,
    /// The same in Japanese.
    pub log_ja: String,
    /// What it shows.
    pub shows_en: String,
    /// The same in Japanese.
    pub shows_ja: String,
}

/// A host and channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceDoc {
    /// Host.
    pub host: String,
    /// Channel.
    pub channel: String,
    /// First event.
    #[serde(with = "stamp")]
    pub first: Option<Timestamp>,
    /// Last event.
    #[serde(with = "stamp")]
    pub last: Option<Timestamp>,
    /// Events read.
    pub seen: u64,
    /// Events that it must have written; `None` when it does not number them.
    pub expected: Option<u64>,
    /// Missing numbers.
    pub missing: u64,
    /// Gaps in all.
    pub gap_count: u64,
    /// Spans in which something is missing, the first of them.
    pub holes: Vec<Hole>,
}

/// A span in which something is missing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hole {
    /// `numbers`, `silent`, `clock`, `cleared` or `audit`.
    pub kind: String,
    /// Start; `None` when open.
    #[serde(with = "stamp")]
    pub from: Option<Timestamp>,
    /// End.
    #[serde(with = "stamp")]
    pub to: Option<Timestamp>,
    /// Missing numbers, or silent hours.
    pub count: u64,
    /// The event that says so.
    pub cite: Option<usize>,
}

/// A channel that is absent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AbsentChannel {
    /// Host.
    pub host: String,
    /// Channel.
    pub channel: String,
}

/// A loss.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnreadDoc {
    /// Class.
    pub kind: String,
    /// Where.
    pub place: String,
    /// What.
    pub message: String,
}

/// A suppression.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SuppressionDoc {
    /// Its name.
    pub name: String,
    /// Who answers for it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// Detections hidden.
    pub hidden: u64,
}
