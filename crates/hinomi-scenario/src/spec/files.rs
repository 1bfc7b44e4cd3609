//! Organisations and scenarios, and how they are found.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::activity::{Activity, Step, Words};
use super::format::{Format, FormatFile};
use crate::error::ScenarioError;

/// A company, its people and machines, and what they do all day.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Organisation {
    #[expect(dead_code, reason = "read so that an unknown version can be refused one day")]
    pub(crate) version: u32,
    pub(crate) name: String,
    /// What it does, for people.
    #[expect(dead_code, reason = "documentation inside the file")]
    pub(crate) sector: Words,
    /// Local time, east of UTC: `+09:00`.
    pub(crate) utc_offset: String,
    /// Local dates.
    #[serde(default)]
    pub(crate) holidays: Vec<String>,
    /// Names that templates may use.
    #[serde(default)]
    pub(crate) constants: BTreeMap<String, String>,
    /// Lists of words from which names are made.
    #[serde(default)]
    pub(crate) words: BTreeMap<String, Vec<String>>,
    /// Files of formats.
    pub(crate) formats: Vec<String>,
    /// Files with ways of working that several organisations share.
    #[serde(default)]
    pub(crate) includes: Vec<String>,
    /// Hours of work.
    #[serde(default)]
    pub(crate) shapes: BTreeMap<String, Shape>,
    pub(crate) roles: Vec<Role>,
    /// Rows to draw from.
    #[serde(default)]
    pub(crate) lists: BTreeMap<String, Vec<BTreeMap<String, String>>>,
    pub(crate) noise: Vec<Activity>,
}

/// What several organisations share. What an organisation says itself wins.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Customs {
    #[expect(dead_code, reason = "read so that an unknown version can be refused one day")]
    version: u32,
    #[serde(default)]
    words: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    shapes: BTreeMap<String, Shape>,
    #[serde(default)]
    lists: BTreeMap<String, Vec<BTreeMap<String, String>>>,
    #[serde(default)]
    noise: Vec<Activity>,
}

impl Organisation {
    fn absorb(&mut self, customs: Customs) {
        for (name, words) in customs.words {
            self.words.entry(name).or_insert(words);
        }
        for (name, shape) in customs.shapes {
            self.shapes.entry(name).or_insert(shape);
        }
        for (name, list) in customs.lists {
            self.lists.entry(name).or_insert(list);
        }
        self.noise.extend(customs.noise);
    }
}

/// Weights of the 24 hours, and of days without work.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shape {
    /// 24 numbers.
    pub(crate) hours: String,
    #[serde(default = "one")]
    pub(crate) saturday: f64,
    #[serde(default = "one")]
    pub(crate) sunday: f64,
    #[serde(default = "one")]
    pub(crate) holiday: f64,
}

fn one() -> f64 {
    1.0
}

/// Hosts, accounts or addresses of one sort.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Role {
    pub(crate) role: String,
    /// Template of the name; `<n>` is the number, from 1.
    pub(crate) name: String,
    #[serde(default = "single")]
    pub(crate) count: u32,
    /// Grows and shrinks with the number of hosts that is asked for.
    #[serde(default)]
    pub(crate) elastic: bool,
    /// Addresses are given out from here.
    #[serde(default)]
    pub(crate) network: String,
    /// Formats of the logs that are collected from it; empty for what is no host.
    #[serde(default)]
    pub(crate) logs: Vec<String>,
    #[serde(default)]
    pub(crate) attributes: BTreeMap<String, String>,
}

fn single() -> u32 {
    1
}

/// A case in an organisation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    #[expect(dead_code, reason = "read so that an unknown version can be refused one day")]
    version: u32,
    /// Unique name.
    pub name: String,
    /// What happens, for people.
    pub(crate) title: Words,
    /// File of the organisation.
    pub(crate) organisation: String,
    /// First local day.
    pub(crate) start: String,
    /// Days rendered unless asked otherwise.
    pub(crate) days: u32,
    /// Roles that only this case has.
    #[serde(default)]
    pub(crate) roles: Vec<Role>,
    /// Who plays which part: cast name to role.
    #[serde(default)]
    pub(crate) cast: BTreeMap<String, String>,
    /// Named rows; the first is taken, or a drawn one in a variant.
    #[serde(default)]
    pub(crate) choices: BTreeMap<String, Vec<BTreeMap<String, String>>>,
    #[serde(default)]
    pub(crate) variant: Variant,
    pub(crate) steps: Vec<Step>,
    /// Ordinary work that looks like a step.
    #[serde(default)]
    pub(crate) twins: Vec<Activity>,
    #[serde(default)]
    pub(crate) losses: Vec<Loss>,
}

/// What a variant may change besides choices.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Variant {
    /// Hours by which all steps move together.
    pub(crate) shift_hours: Vec<i64>,
    /// Percentages by which the days between steps are stretched.
    pub(crate) pace_percent: Vec<u32>,
}

/// Lines that were written and are gone, or were never written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Loss {
    /// Cast names of hosts.
    pub(crate) hosts: Vec<String>,
    /// Format.
    pub(crate) format: String,
    /// Only lines with this value of the format's `counter`.
    #[serde(default)]
    pub(crate) counter: String,
    /// Id of the step at whose beginning it begins; empty: with the span.
    #[serde(default)]
    pub(crate) from: String,
    /// Id of the step at whose beginning it ends; empty: with the span.
    #[serde(default)]
    pub(crate) until: String,
    /// The lines had been numbered before they were lost.
    #[serde(default)]
    pub(crate) numbered: bool,
    pub(crate) why: Words,
}

/// A scenario with everything it names.
#[derive(Debug)]
pub struct Library {
    pub(crate) scenario: Scenario,
    pub(crate) organisation: Organisation,
    pub(crate) formats: BTreeMap<String, Format>,
}

/// Largest scenario file, in bytes.
const LONGEST_FILE: usize = 4 << 20;

impl Library {
    /// Reads the scenario `file` and all it names. `read` gives the text of a file by its path below the folder
    /// of scenarios.
    ///
    /// # Errors
    /// A file is missing or not as documented.
    pub fn load(file: &str, read: &dyn Fn(&str) -> Option<String>) -> Result<Self, ScenarioError> {
        let scenario: Scenario = parse(file, "the command line", read)?;
        let mut organisation: Organisation = parse(&scenario.organisation, file, read)?;
        for name in organisation.includes.clone() {
            organisation.absorb(parse(&name, &scenario.organisation, read)?);
        }
        let mut formats = BTreeMap::new();
        for name in &organisation.formats {
            let part: FormatFile = parse(name, &scenario.organisation, read)?;
            formats.extend(part.formats);
        }
        Ok(Self { scenario, organisation, formats })
    }

    /// Name of the scenario.
    pub fn name(&self) -> &str {
        &self.scenario.name
    }

    /// What happens: in English, in Japanese.
    pub fn title(&self) -> (&str, &str) {
        (&self.scenario.title.en, &self.scenario.title.ja)
    }
}

fn parse<T: DeserializeOwned>(
    file: &str,
    by: &str,
    read: &dyn Fn(&str) -> Option<String>,
) -> Result<T, ScenarioError> {
    let missing = || ScenarioError::Missing { wanted: file.to_owned(), by: by.to_owned() };
    let text = read(file).ok_or_else(missing)?;
    if text.len() > LONGEST_FILE {
        return Err(ScenarioError::TooMany { place: file.to_owned(), kind: "bytes", most: LONGEST_FILE });
    }
    serde_yaml_ng::from_str(&text).map_err(|source| ScenarioError::Yaml { file: file.to_owned(), source })
}
