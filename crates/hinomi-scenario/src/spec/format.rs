//! `formats/*.yaml`: the lines of a kind of log, as templates.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A file of formats.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FormatFile {
    /// Always 1.
    #[expect(dead_code, reason = "read so that an unknown version can be refused one day")]
    pub(crate) version: u32,
    pub(crate) formats: BTreeMap<String, Format>,
}

/// One kind of log.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Format {
    /// Name of the file in the folder of its host.
    pub(crate) file: String,
    /// What is inserted into lines is escaped as inside a JSON string.
    #[serde(default)]
    pub(crate) json: bool,
    /// The line around `<@body>`.
    #[serde(default = "only_body")]
    pub(crate) frame: String,
    /// Values that events may override.
    #[serde(default)]
    pub(crate) set: BTreeMap<String, String>,
    /// Text whose distinct values number their lines separately.
    #[serde(default)]
    pub(crate) counter: String,
    pub(crate) events: BTreeMap<String, EventSpec>,
}

fn only_body() -> String {
    "<@body>".to_owned()
}

/// One sort of line.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum EventSpec {
    /// The body alone.
    Body(String),
    /// The body with values of its own.
    Full {
        /// Values.
        #[serde(default)]
        set: BTreeMap<String, String>,
        /// Template.
        body: String,
    },
}

impl EventSpec {
    pub(crate) fn body(&self) -> &str {
        match self {
            Self::Body(body) | Self::Full { body, .. } => body,
        }
    }

    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        match self {
            Self::Body(_) => None,
            Self::Full { set, .. } => set.get(name).map(String::as_str),
        }
    }
}
