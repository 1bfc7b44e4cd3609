//! The truth about a rendering, as data.
//!
//! Written while rendering, from the plan and from where lines really went, never from the logs.

use serde::{Deserialize, Serialize};

/// Evidence listed per step; further lines are counted.
pub(crate) const MOST_EVIDENCE: usize = 512;
/// Occurrences of twins listed.
pub(crate) const MOST_STEPS: usize = 20_000;

/// Whether a step belongs to the case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepKind {
    /// Of the case.
    Attack,
    /// Ordinary work that resembles a step.
    Twin,
}

/// Everything that is true of a rendering.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Truth {
    /// `1.0`.
    pub schema_version: String,
    /// Scenario.
    pub scenario: String,
    /// Organisation.
    pub organisation: String,
    /// Seed of the background.
    pub seed: u64,
    /// Seed of the variant, if one was asked for.
    pub variant: Option<u64>,
    /// Row taken of each choice.
    pub choices: std::collections::BTreeMap<String, usize>,
    /// Local time, seconds east of UTC.
    pub utc_offset_seconds: i64,
    /// First instant, RFC 3339.
    pub from: String,
    /// Instant after the last.
    pub until: String,
    /// Days rendered.
    pub days: u32,
    /// Lines written.
    pub events: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Machines with logs.
    pub hosts: Vec<HostTruth>,
    /// Steps and twins, by beginning.
    pub steps: Vec<StepTruth>,
    /// Occurrences of twins beyond those listed.
    pub more_twins: u64,
    /// What was lost and why.
    pub losses: Vec<LossTruth>,
    /// Files written.
    pub files: Vec<FileTotal>,
}

/// A machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HostTruth {
    /// Name.
    pub name: String,
    /// Address.
    pub ip: String,
    /// Role.
    pub role: String,
}

/// A step, or an occurrence of a twin.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StepTruth {
    /// Id of the step, or name of the twin.
    pub id: String,
    /// Attack or twin.
    pub kind: StepKind,
    /// For twins: the steps they resemble.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub twin_of: Vec<String>,
    /// Stage of the case.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stage: String,
    /// ATT&CK techniques.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub techniques: Vec<String>,
    /// What is done, in English.
    pub what: String,
    /// What is done, in Japanese.
    pub what_ja: String,
    /// Machine it is about.
    pub host: String,
    /// Account whose credentials are used.
    pub account: String,
    /// Where from.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// First moment, RFC 3339.
    pub start: String,
    /// Last moment.
    pub end: String,
    /// Whether any collected line can show it.
    pub visible: bool,
    /// Lines of it that were lost or never collected.
    pub lost: u64,
    /// Where its lines stand.
    pub evidence: Vec<Evidence>,
    /// Lines beyond those listed.
    pub more_evidence: u64,
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Evidence {
    /// File, below the folder of the rendering.
    pub file: String,
    /// Offset of its first byte.
    pub offset: u64,
    /// Length without line break.
    pub length: u32,
}

/// Lines that are gone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LossTruth {
    /// File.
    pub file: String,
    /// Part of it; empty means all.
    pub counter: String,
    /// From, RFC 3339.
    pub from: String,
    /// Until.
    pub until: String,
    /// Whether the source had numbered them.
    pub numbered: bool,
    /// Why, in English.
    pub why: String,
    /// Why, in Japanese.
    pub why_ja: String,
    /// How many.
    pub lines: u64,
}

/// A file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FileTotal {
    /// Path below the folder of the rendering.
    pub path: String,
    /// Lines.
    pub events: u64,
    /// Bytes.
    pub bytes: u64,
}
