//! What came of trials, as data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Whether a procedure was detected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The recording states neither technique nor tactic: shown, but part of no figure.
    Unlabelled,
    /// Nothing fired.
    Missed,
    /// Nothing can be read from the recording.
    Unreadable,
    /// No collected line shows it.
    Invisible,
    /// Something fired in the recording, but nothing that names the labelled technique or tactic.
    Other,
    /// A rule of the labelled tactic fired; the label names no technique.
    Tactic,
    /// A rule of the labelled technique fired; in renderings: a detection cites a line of the step.
    Detected,
}

impl Verdict {
    /// Whether it counts as detected.
    pub fn counts(self) -> bool {
        matches!(self, Self::Detected | Self::Tactic)
    }

    /// Name, as in the JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unlabelled => "unlabelled",
            Self::Missed => "missed",
            Self::Unreadable => "unreadable",
            Self::Invisible => "invisible",
            Self::Other => "other",
            Self::Tactic => "tactic",
            Self::Detected => "detected",
        }
    }
}

/// One procedure that was executed, and what came of it.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// Recording, or step of a scenario, with its variant.
    pub procedure: String,
    /// Part of the set, or stage of the case.
    pub group: String,
    /// Labelled techniques.
    pub techniques: Vec<String>,
    /// Labelled tactics.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tactics: Vec<String>,
    /// What came of it.
    pub verdict: Verdict,
    /// Highest level of what counted.
    pub level: Option<hinomi_model::Level>,
    /// Seconds from the beginning to the first detection that counts. For recordings the beginning is their first
    /// event, for labels do not say when the attack begins.
    pub delay_seconds: Option<f64>,
    /// Titles of the rules that counted.
    pub rules: Vec<String>,
    /// Events read; for renderings: lines of the step that were collected.
    pub events: u64,
    /// Detections of any rule in the recording, or citing the step.
    pub detections: u64,
    /// Incidents in the recording.
    pub incidents: u64,
    /// Of these, high or critical.
    pub incidents_high: u64,
}

/// Noise: what fired where nothing was labelled as an attack.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Background {
    /// Recording, or rendering.
    pub name: String,
    /// Events.
    pub events: u64,
    /// Days between first and last event, at least a part of one; only renderings have a known span.
    pub days: f64,
    /// Machines, if known.
    pub hosts: u64,
    /// Detections at or above the level that counts.
    pub alerts: u64,
    /// Detections of high or critical level.
    pub alerts_high: u64,
    /// Incidents.
    pub incidents: u64,
    /// Incidents of high or critical level.
    pub incidents_high: u64,
    /// Matches beyond the bound on those kept: correlations never saw them.
    pub unlisted: u64,
    /// Occurrences of ordinary work that resembles a step.
    pub twins: u64,
    /// Of these, occurrences of which a line was cited.
    pub twins_alerted: u64,
    /// Rules that fired, with how often.
    pub rules: BTreeMap<String, u64>,
}

/// The case as a whole.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Campaign {
    /// Scenario, with its variant.
    pub name: String,
    /// Incidents that hold a detection of the case.
    pub incidents: u64,
    /// Of these, incidents that hold nothing else.
    pub incidents_pure: u64,
    /// Seconds from the first step to the first detection of any step.
    pub first_alert_seconds: Option<f64>,
    /// Seconds from the first step to the first detection of high level of any step.
    pub first_high_seconds: Option<f64>,
    /// Seconds from the first to the last step.
    pub dwell_seconds: f64,
}

/// Everything that was tried.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Trials {
    /// Procedures.
    pub outcomes: Vec<Outcome>,
    /// Noise.
    pub background: Vec<Background>,
    /// Cases.
    pub campaigns: Vec<Campaign>,
}

impl Trials {
    /// Adds those of another run.
    pub fn append(&mut self, mut other: Self) {
        self.outcomes.append(&mut other.outcomes);
        self.background.append(&mut other.background);
        self.campaigns.append(&mut other.campaigns);
    }
}
