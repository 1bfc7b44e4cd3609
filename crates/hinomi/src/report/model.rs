//! The JSON document of `hinomi investigate --json`. Its shape only ever gains fields.
//!
//! Times are RFC 3339 in UTC with nanoseconds, or null when unknown.

use std::collections::BTreeMap;

use hinomi_detect::Fields;
use hinomi_detect::completeness::Active;
use hinomi_model::{Level, Timestamp};
use serde::{Deserialize, Serialize, Serializer};

/// Version of the document's shape: the first number changes when a field is removed or changes its meaning.
pub const SCHEMA_VERSION: &str = "1.3";

#[expect(clippy::ref_option, reason = "the signature that serde asks for")]
fn time<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.collect_str(time),
        None => serializer.serialize_none(),
    }
}

/// Everything an investigation says.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// [`SCHEMA_VERSION`].
    pub schema_version: &'static str,
    /// What made the document.
    pub program: Program,
    /// How the sources were read; unknown where a report was not made of sources as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reading: Option<Reading>,
    /// Totals.
    pub summary: Summary,
    /// Detections that belong together, by first event.
    pub incidents: Vec<IncidentEntry>,
    /// Every match of every rule, by time; unknown times last.
    pub detections: Vec<DetectionEntry>,
    /// Hosts and channels: what they hold and what they miss.
    pub sources: Vec<SourceEntry>,
    /// Files read, in order of discovery; a digest is there when the file was hashed, because something in it is cited by it.
    pub files: Vec<FileEntry>,
    /// Ledgers read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ledgers: Vec<LedgerEntry>,
    /// What could not be read.
    pub diagnostics: Vec<DiagnosticEntry>,
    /// Rules that could not be loaded.
    pub rejected_rules: Vec<RejectedRule>,
    /// Suppressions that applied, and how much each hid.
    pub suppressions: Vec<SuppressionEntry>,
}

/// How sources were read: with the same settings and rules they give the same document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Zone of times that state none.
    pub zone: String,
    /// Format that logs were taken to have.
    pub format: Option<String>,
    /// Only these hosts; empty means all.
    pub hosts: Vec<String>,
    /// Start of the window.
    pub since: Option<String>,
    /// End of the window.
    pub until: Option<String>,
    /// Most matches kept of rules that raise something.
    pub max_detections: u64,
    /// When they were read, if a log does not say when it was modified: years that it leaves out are no later.
    pub as_of: Option<String>,
}

/// The program.
#[derive(Debug, Clone, Serialize)]
pub struct Program {
    /// `hinomi`.
    pub name: &'static str,
    /// Version.
    pub version: &'static str,
}

/// Totals of a report.
#[derive(Debug, Clone, Serialize, Default)]
pub struct Summary {
    /// Events decoded.
    pub events: u64,
    /// Outer files visited.
    pub files: u64,
    /// Logs read, counting each member of an archive.
    pub logs: u64,
    /// Bytes of logs, unpacked.
    pub bytes: u64,
    /// Earliest stated time of any event in the window.
    #[serde(serialize_with = "time")]
    pub first: Option<Timestamp>,
    /// Latest stated time.
    #[serde(serialize_with = "time")]
    pub last: Option<Timestamp>,
    /// Detections listed, by level.
    pub detections: BTreeMap<&'static str, u64>,
    /// Matches that were counted but not listed because the bound on listed detections was reached.
    pub unlisted: u64,
    /// Incidents.
    pub incidents: u64,
    /// Rules used.
    pub rules: RuleTotals,
}

/// How many rules took part.
#[derive(Debug, Clone, Serialize, Default)]
pub struct RuleTotals {
    /// Single-event rules.
    pub rules: u64,
    /// Correlations.
    pub correlations: u64,
    /// Documents that could not be used.
    pub rejected: u64,
}

/// One match.
#[derive(Debug, Clone, Serialize)]
pub struct DetectionEntry {
    /// Stable id: a digest of rule, group and events.
    pub id: String,
    /// Id of the rule.
    pub rule_id: String,
    /// Title of the rule, in its own language.
    pub title: String,
    /// Titles in other languages, by language code.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub title_translations: BTreeMap<&'static str, String>,
    /// Author of the rule.
    pub author: String,
    /// Licence of the rule, as it states; empty when it states none.
    pub license: String,
    /// Level of the rule.
    pub level: Level,
    /// Time of the (last) event.
    #[serde(serialize_with = "time")]
    pub time: Option<Timestamp>,
    /// Time of the first event, for correlations.
    #[serde(serialize_with = "time", skip_serializing_if = "Option::is_none")]
    pub first_time: Option<Timestamp>,
    /// Host that the event names.
    pub host: String,
    /// Account whose credentials were used, as far as the event says. No person is meant.
    pub account: String,
    /// Channel or kind of log.
    pub channel: String,
    /// ATT&CK techniques of the rule.
    pub techniques: Vec<Technique>,
    /// The other explanation that fits, where the rule names one, by language code.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub other_explanations: BTreeMap<&'static str, String>,
    /// Fields of the (last) event that the rule read or that tell the story.
    pub fields: Fields,
    /// Events of the detection, cited.
    pub evidence: Vec<EventEntry>,
    /// Events of the detection beyond those listed.
    pub more_evidence: u64,
    /// Values of the group, for correlations.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub group: BTreeMap<String, String>,
}

/// A technique of ATT&CK.
#[derive(Debug, Clone, Serialize, PartialEq, Eq, PartialOrd, Ord)]
pub struct Technique {
    /// For instance `T1021.002`.
    pub id: String,
    /// Official name; empty when the pinned version does not know the id.
    pub name: String,
}

/// A cited event.
#[derive(Debug, Clone, Serialize)]
pub struct EventEntry {
    /// Evidence reference; see the documentation of citations.
    pub reference: String,
    /// File and member, for people.
    pub place: String,
    /// Offset of the record in the unpacked member, in bytes.
    pub offset: u64,
    /// Length of the event, in bytes.
    pub length: u32,
    /// The source's own number of the event.
    pub sequence: Option<u64>,
    /// Time of the event.
    #[serde(serialize_with = "time")]
    pub time: Option<Timestamp>,
}

/// Detections that belong together.
#[derive(Debug, Clone, Serialize)]
pub struct IncidentEntry {
    /// Stable id: that of its first detection.
    pub id: String,
    /// Highest level of its detections.
    pub level: Level,
    /// Time of the first event.
    #[serde(serialize_with = "time")]
    pub first: Option<Timestamp>,
    /// Time of the last event.
    #[serde(serialize_with = "time")]
    pub last: Option<Timestamp>,
    /// Hosts involved.
    pub hosts: Vec<String>,
    /// Accounts whose credentials were used.
    pub accounts: Vec<String>,
    /// Techniques seen.
    pub techniques: Vec<Technique>,
    /// Detections, by id.
    pub detections: Vec<String>,
    /// Different rules that fired.
    pub rules: u64,
    /// How grave the incident is, judged from what ties it together; `level` is only the loudest rule.
    pub severity: Level,
    /// Why: `story`, `critical-rule`, `many-loud`, `circumstance` or `one-rule`.
    pub severity_reason: &'static str,
    /// Stages seen, in the order of ATT&CK.
    pub stages: Vec<StageEntry>,
    /// What happened, by first time.
    pub steps: Vec<StepEntry>,
    /// Lower detections before the first high one, by id.
    pub weak_signals: Vec<String>,
    /// Other lower detections that belong to it, by id.
    pub context: Vec<String>,
    /// What its detections name, most named first.
    pub entities: Vec<EntityEntry>,
    /// Why its detections belong together: a forest that spans them, then one link per lower detection.
    pub links: Vec<LinkEntry>,
    /// Parts that decisive reasons hold together; more than one means that circumstances join them.
    pub parts: u64,
    /// Incidents that touch this one and were kept apart.
    pub apart: Vec<ApartEntry>,
    /// Stages that no step shows, with the log that would settle them.
    pub unseen: Vec<UnseenEntry>,
    /// Records that its detections say are missing: nothing seen there means nothing.
    pub lost_records: Vec<LostEntry>,
}

/// A span of which a detection says that records of a log are missing.
#[derive(Debug, Clone, Serialize)]
pub struct LostEntry {
    /// Host; empty when the log does not name it.
    pub host: String,
    /// Channel or kind of log; empty when it is not said which of the host's.
    pub channel: String,
    /// `emptied` or `stopped`.
    pub lost: &'static str,
    /// Start; null when none of the time before is held.
    #[serde(serialize_with = "time")]
    pub from: Option<Timestamp>,
    /// End: when it was emptied, or the next record, exact to the minute; null when none came.
    #[serde(serialize_with = "time")]
    pub to: Option<Timestamp>,
    /// The detections that say so, by id.
    pub detections: Vec<String>,
}

/// A stage that some step shows.
#[derive(Debug, Clone, Serialize)]
pub struct StageEntry {
    /// Tactic of ATT&CK, for instance `initial-access`.
    pub stage: String,
    /// First time.
    #[serde(serialize_with = "time")]
    pub first: Option<Timestamp>,
    /// `confirmed` or `estimated`.
    pub certainty: &'static str,
}

/// Detections of one rule on one host under one account.
#[derive(Debug, Clone, Serialize)]
pub struct StepEntry {
    /// First time.
    #[serde(serialize_with = "time")]
    pub first: Option<Timestamp>,
    /// Last time.
    #[serde(serialize_with = "time")]
    pub last: Option<Timestamp>,
    /// Detections, by id.
    pub detections: Vec<String>,
    /// Stages of the rule.
    pub stages: Vec<String>,
    /// `confirmed` or `estimated`.
    pub certainty: &'static str,
    /// Why not more certain: `pattern`, `alone`, `no-time`, `nowhere`, `circumstance`.
    pub why: Vec<&'static str>,
    /// True for detections below medium level.
    pub weak: bool,
}

/// Something that detections name.
#[derive(Debug, Clone, Serialize)]
pub struct EntityEntry {
    /// `host`, `client` (a host that is named only as where something came from), `account`, `address` or `file`.
    pub kind: &'static str,
    /// Its name in lower case.
    pub name: String,
    /// Detections that name it.
    pub detections: u64,
}

/// Why two detections belong together.
#[derive(Debug, Clone, Serialize)]
pub struct LinkEntry {
    /// The one.
    pub a: String,
    /// The other.
    pub b: String,
    /// Sum of the reasons' points.
    pub points: u32,
    /// Whole seconds between the two; null when a time is unknown.
    pub gap_seconds: Option<i64>,
    /// True when it joins parts that name different accounts.
    pub seam: bool,
    /// Reasons, strongest first.
    pub reasons: Vec<ReasonEntry>,
}

/// One reason.
#[derive(Debug, Clone, Serialize)]
pub struct ReasonEntry {
    /// For instance `same-process`, `logon`, `account`.
    pub reason: &'static str,
    /// Kind of what both share.
    pub entity_kind: &'static str,
    /// What both share; empty for events and acts.
    pub entity: String,
    /// Points.
    pub points: u32,
    /// How many others meet there, when that lowered the points.
    pub shared_by: Option<u32>,
    /// One in how many such pairs would meet there by accident, when that raised the points.
    pub one_in: Option<u32>,
}

/// An incident that touches another.
#[derive(Debug, Clone, Serialize)]
pub struct ApartEntry {
    /// Its id.
    pub incident: String,
    /// The link that was not followed.
    pub link: LinkEntry,
}

/// A stage that no step shows.
#[derive(Debug, Clone, Serialize)]
pub struct UnseenEntry {
    /// Tactic of ATT&CK.
    pub stage: String,
    /// `no-trace` within a log that was there all the time; otherwise unknown: `holes`, `partly`, `no-log`.
    pub state: &'static str,
    /// Hosts concerned; empty when any host's log would do.
    pub hosts: Vec<String>,
    /// The log that settles it, by language code.
    pub log: BTreeMap<&'static str, String>,
    /// What it shows, by language code.
    pub shows: BTreeMap<&'static str, String>,
}

/// One host and channel.
#[derive(Debug, Clone, Serialize)]
pub struct SourceEntry {
    /// Host as the events state it; empty when they state none.
    pub host: String,
    /// Windows channel or kind of log.
    pub channel: String,
    /// Kind of log.
    pub kind: String,
    /// Earliest stated time.
    #[serde(serialize_with = "time")]
    pub first: Option<Timestamp>,
    /// Latest stated time.
    #[serde(serialize_with = "time")]
    pub last: Option<Timestamp>,
    /// Events read.
    pub seen: u64,
    /// Of these, events without readable time.
    pub without_time: u64,
    /// Gaps in the source's numbering, the largest; null when the source does not number its events and nothing
    /// is known about missing ones.
    pub gaps: Option<Vec<GapEntry>>,
    /// All gaps.
    pub gap_count: u64,
    /// All missing numbers.
    pub missing: u64,
    /// False when the counts are lower bounds.
    pub gaps_complete: bool,
    /// Clock set back.
    pub clock_jumps: Vec<ClockJumpEntry>,
    /// All clock jumps.
    pub clock_jump_count: u64,
    /// Unusually long stretches without events.
    pub silent: Vec<SilenceEntry>,
    /// Events that say the log was cleared.
    pub cleared: Vec<Cleared>,
    /// Events that say that less, or something else, is recorded from then on.
    pub audit_changed: Vec<Cleared>,
    /// Minutes with events.
    #[serde(skip)]
    pub active: Active,
    /// Events that the source must have written between its first and last: those seen and those missing; null when
    /// it does not number its events.
    pub expected: Option<u64>,
}

/// Missing numbers.
#[derive(Debug, Clone, Serialize)]
pub struct GapEntry {
    /// First missing number.
    pub first_missing: u64,
    /// Last missing number.
    pub last_missing: u64,
    /// Time of the event before.
    #[serde(serialize_with = "time")]
    pub after: Option<Timestamp>,
    /// Time of the event after.
    #[serde(serialize_with = "time")]
    pub before: Option<Timestamp>,
}

/// Clock set back.
#[derive(Debug, Clone, Serialize)]
pub struct ClockJumpEntry {
    /// Number of the later event.
    pub at_sequence: u64,
    /// Time of the event before.
    #[serde(serialize_with = "time")]
    pub from: Option<Timestamp>,
    /// Its own time.
    #[serde(serialize_with = "time")]
    pub to: Option<Timestamp>,
}

/// A silent stretch.
#[derive(Debug, Clone, Serialize)]
pub struct SilenceEntry {
    /// Start.
    #[serde(serialize_with = "time")]
    pub from: Option<Timestamp>,
    /// End.
    #[serde(serialize_with = "time")]
    pub to: Option<Timestamp>,
    /// Whole hours.
    pub hours: u64,
}

/// An event that says a log was cleared.
#[derive(Debug, Clone, Serialize)]
pub struct Cleared {
    /// When.
    #[serde(serialize_with = "time")]
    pub time: Option<Timestamp>,
    /// Account whose credentials were used.
    pub account: String,
    /// Evidence reference.
    pub reference: String,
}

/// An outer file.
#[derive(Debug, Clone, Serialize)]
pub struct FileEntry {
    /// Path as given or found.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256, when something in the file is cited by it.
    pub sha256: Option<String>,
    /// Logs found inside, counting the file itself.
    pub logs: u64,
    /// When it had been modified, if it said so: years that its logs leave out are guessed from it.
    #[serde(serialize_with = "time")]
    pub modified: Option<Timestamp>,
}

/// A ledger, whose records stand among the files by source and month.
#[derive(Debug, Clone, Serialize)]
pub struct LedgerEntry {
    /// Data directory.
    pub path: String,
    /// Origin of its checkpoints.
    pub origin: String,
    /// Verifier key whose signature on the checkpoint holds.
    pub verifier_key: String,
    /// Leaves that the checkpoint covers.
    pub size: u64,
    /// Root of their tree, base64.
    pub root: String,
    /// Records read.
    pub records: u64,
    /// Blocks that were erased by order.
    pub erased_blocks: u64,
    /// Blocks that could not be read.
    pub unreadable_blocks: u64,
}

/// What could not be read.
#[derive(Debug, Clone, Serialize)]
pub struct DiagnosticEntry {
    /// Class, kebab-case.
    pub kind: &'static str,
    /// File and member.
    pub place: String,
    /// Offset in the unpacked member, in bytes.
    pub offset: u64,
    /// What was expected and found.
    pub message: String,
    /// Further losses of the same kind at the same place.
    pub repeated: u64,
}

/// A rule document that could not be used.
#[derive(Debug, Clone, Serialize)]
pub struct RejectedRule {
    /// File and document.
    pub origin: String,
    /// Why.
    pub reason: String,
}

/// A suppression and what it hid.
#[derive(Debug, Clone, Serialize)]
pub struct SuppressionEntry {
    /// Its name.
    pub name: String,
    /// Who answers for it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// When it ends.
    #[serde(serialize_with = "time")]
    pub expires: Option<Timestamp>,
    /// True when it had ended and therefore hid nothing.
    pub expired: bool,
    /// Detections hidden.
    pub hidden: u64,
}
