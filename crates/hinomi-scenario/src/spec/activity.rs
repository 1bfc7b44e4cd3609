//! Activities: what happens again and again, and the steps of a case.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A sentence in both languages.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Words {
    pub(crate) en: String,
    pub(crate) ja: String,
}

/// Something that people or machines of the organisation do.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Activity {
    pub(crate) name: String,
    /// Who does it: cast name to role.
    pub(crate) per: BTreeMap<String, String>,
    /// Times a day for each of them.
    pub(crate) rate: f64,
    /// Over which hours the rate is spread; flat by default.
    pub(crate) shape: String,
    /// Or at these times of day.
    pub(crate) at: Vec<String>,
    /// Only on these days of the week.
    pub(crate) days: Vec<String>,
    /// Or again and again.
    pub(crate) every: String,
    /// Moves each beginning by up to this much.
    pub(crate) jitter: String,
    /// With `at` and `every`: each of them with this chance; 1 by default.
    pub(crate) chance: Option<f64>,
    /// Others involved: cast name to role.
    pub(crate) bind: BTreeMap<String, String>,
    /// Values drawn once per occurrence.
    pub(crate) draw: BTreeMap<String, String>,
    pub(crate) emit: Vec<Emission>,
    /// Steps of cases whose tools or traces this shares.
    pub(crate) twin_of: Vec<String>,
    /// What a twin is, in words.
    pub(crate) what: Words,
    /// Cast name of the host it is about; the first emission's by default.
    pub(crate) host: String,
    /// Cast name of the account.
    pub(crate) account: String,
}

/// One line, or several alike, in a log.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Emission {
    /// Cast name of the host whose log gets the line.
    pub(crate) on: String,
    /// `format/event`.
    pub(crate) event: String,
    /// After the line before.
    pub(crate) after: String,
    /// How many.
    pub(crate) repeat: String,
    /// Time between repetitions.
    pub(crate) every: String,
    /// Chance that it is written at all; 1 by default.
    pub(crate) chance: Option<f64>,
    /// Cast names bound anew for each repetition.
    pub(crate) bind: BTreeMap<String, String>,
    /// Values for the template.
    pub(crate) with: BTreeMap<String, String>,
}

/// A step of a case.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Step {
    pub(crate) id: String,
    pub(crate) stage: String,
    pub(crate) techniques: Vec<String>,
    /// Day of the span, from 0.
    pub(crate) day: u32,
    /// Local time of day.
    pub(crate) at: String,
    pub(crate) what: Words,
    /// Cast name of the host it is about.
    pub(crate) host: String,
    /// Cast name of the account whose credentials are used.
    pub(crate) account: String,
    /// Cast name of where it comes from.
    pub(crate) source: String,
    pub(crate) bind: BTreeMap<String, String>,
    pub(crate) draw: BTreeMap<String, String>,
    pub(crate) emit: Vec<Emission>,
    pub(crate) splice: Vec<Splice>,
}

/// A recording put into the logs of a host.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Splice {
    /// Name of the recording, as the caller knows it.
    pub(crate) recording: String,
    /// Cast names of the hosts that stand for those of the recording, in order of first appearance.
    pub(crate) hosts: Vec<String>,
    /// Cast names of the accounts that stand for those of the recording, in order of first appearance.
    pub(crate) accounts: Vec<String>,
    /// Format whose file gets the lines.
    pub(crate) format: String,
}
