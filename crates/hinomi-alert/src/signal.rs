//! What an alert is made from: a detection, a finding about a source, or something about this program.

use hinomi_model::Level;
use serde::{Deserialize, Serialize};

/// What a signal is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A rule fired.
    Detection,
    /// The ledger found something out about a source: it is silent, or records are missing.
    Source,
    /// This program itself does not do what it should.
    Program,
}

/// Something that may have to be told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signal {
    /// What it is.
    pub kind: Kind,
    /// Its id, the same whenever it is found.
    pub id: String,
    /// Id of the rule, or the name of the finding.
    pub rule: String,
    /// How severe.
    pub level: Level,
    /// What happened, in the rule's own language.
    pub title: String,
    /// What happened, in Japanese, if that is known.
    pub title_ja: Option<String>,
    /// When it happened, in RFC 3339, if that is known.
    pub time: Option<String>,
    /// Host, or source of records.
    pub host: String,
    /// Account whose credentials were used, as far as the event says. No person is meant.
    pub account: String,
    /// Where the first of its events stands.
    pub evidence: Option<String>,
}

/// Signals with equal keys are one alert.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Key {
    rule: String,
    host: String,
    account: String,
}

impl Key {
    /// Case of hosts and accounts does not matter.
    pub fn new(rule: &str, host: &str, account: &str) -> Self {
        Self { rule: rule.to_owned(), host: host.to_lowercase(), account: account.to_lowercase() }
    }
}

impl Signal {
    /// What it is counted with.
    pub fn key(&self) -> Key {
        Key::new(&self.rule, &self.host, &self.account)
    }
}
