//! Severity levels of rules and detections.

use std::fmt;
use std::str::FromStr;

/// Level of a rule, as in the Sigma specification, in ascending order.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Worth knowing, never an alert.
    #[default]
    Informational,
    /// Notable, rarely an incident alone.
    Low,
    /// Relevant, to be reviewed.
    Medium,
    /// Relevant, to be reviewed promptly.
    High,
    /// Highly relevant, to be reviewed at once.
    Critical,
}

impl Level {
    /// All levels in ascending order.
    pub const ALL: [Self; 5] = [Self::Informational, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The name as written in rules.
    pub fn name(self) -> &'static str {
        match self {
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A level that the Sigma specification does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown level {0:?}: expected informational, low, medium, high or critical")]
pub struct LevelError(String);

impl FromStr for Level {
    type Err = LevelError;

    fn from_str(text: &str) -> Result<Self, LevelError> {
        Self::ALL
            .into_iter()
            .find(|level| level.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| LevelError(text.to_owned()))
    }
}
