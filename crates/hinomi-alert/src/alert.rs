//! Something that somebody is told of, until somebody acknowledges it.

use std::fmt;
use std::str::FromStr;

use hinomi_model::Level;
use serde::{Deserialize, Serialize};

use crate::Moment;
use crate::signal::{Key, Kind};

/// Number of an alert, shown as `A17`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AlertId(pub u64);

impl fmt::Display for AlertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "A{}", self.0)
    }
}

/// Text that names no alert.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AlertIdError(String);

impl fmt::Display for AlertIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no alert: they are called A1, A2 and so on", self.0)
    }
}

impl std::error::Error for AlertIdError {}

impl FromStr for AlertId {
    type Err = AlertIdError;

    fn from_str(text: &str) -> Result<Self, AlertIdError> {
        let number = text.strip_prefix(['A', 'a']).unwrap_or(text);
        number.parse().map(Self).map_err(|_| AlertIdError(text.chars().take(40).collect()))
    }
}

/// Who acknowledged an alert.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// Who, as they said.
    pub by: String,
    /// User of the machine who said it, if that is known.
    pub uid: Option<u32>,
    /// When.
    pub at: Moment,
    /// What they wrote.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// Where an alert stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum State {
    /// Nobody has acknowledged it.
    Open,
    /// Somebody takes care of it.
    Acknowledged(Acknowledgement),
    /// It was told, and no acknowledgement is expected.
    Told,
}

/// Where an alert stands in its policy.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Ladder {
    /// Name of the policy.
    pub policy: String,
    /// Steps that were taken in this round.
    pub taken: usize,
    /// How often it began anew.
    pub round: u64,
    /// When this round began.
    pub began: Moment,
    /// When the next step is due; never, when all were taken and none repeats.
    pub next: Option<Moment>,
    /// Messages of the last step that arrived somewhere.
    pub arrived: u64,
}

/// An alert.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Alert {
    /// Its number.
    pub id: AlertId,
    /// When it was made.
    pub made: Moment,
    /// What it is made of.
    pub kind: Kind,
    /// Rule, or name of the finding.
    pub rule: String,
    /// How severe.
    pub level: Level,
    /// What happened.
    pub title: String,
    /// The same in Japanese.
    pub title_ja: Option<String>,
    /// Host, or source of records.
    pub host: String,
    /// Account whose credentials were used; no person is meant.
    pub account: String,
    /// Signals that it counts.
    pub count: u64,
    /// Time of the first, in RFC 3339.
    pub first: Option<String>,
    /// Time of the last.
    pub last: Option<String>,
    /// Ids of the first signals.
    pub signals: Vec<String>,
    /// Where their events stand.
    pub evidence: Vec<String>,
    /// Where it stands.
    pub state: State,
    /// Where it stands in its policy.
    pub ladder: Ladder,
}

impl Alert {
    pub(crate) fn key(&self) -> Key {
        Key::new(&self.rule, &self.host, &self.account)
    }

    /// Whether somebody still has to acknowledge it.
    pub fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// Whether it waits for quiet hours to end.
    pub(crate) fn can_wait(&self) -> bool {
        self.level < Level::High
    }
}
