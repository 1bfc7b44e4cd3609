//! Mappings as written: YAML data that says what a product's messages mean.
//!
//! The format is described in `mappings/text/README.md`.

use std::collections::BTreeMap;

use serde::Deserialize;

/// One YAML file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MappingFile {
    /// Version of the content.
    #[expect(dead_code, reason = "for the reader of the file")]
    pub(crate) version: u32,
    pub(crate) mappings: Vec<MappingSource>,
}

/// One product's or program's messages.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MappingSource {
    pub(crate) name: String,
    /// Value of `product`.
    #[serde(default)]
    pub(crate) product: String,
    #[serde(rename = "match")]
    pub(crate) matcher: MatchSource,
    pub(crate) logsource: LogsourceSource,
    /// Template of what stands before the patterns; its `<@rest:rest>` is what they see.
    #[serde(default)]
    pub(crate) head: Option<String>,
    #[serde(default)]
    pub(crate) body: Body,
    /// Layouts of a body of values by position.
    #[serde(default)]
    pub(crate) columns: Vec<ColumnsSource>,
    /// Further templates tried after the first match, each adding what it captures.
    #[serde(default)]
    pub(crate) also: Vec<PatternSource>,
    #[serde(default)]
    pub(crate) patterns: Vec<PatternSource>,
    /// Target field: fields it is copied from, first that says something.
    #[serde(default)]
    pub(crate) fields: BTreeMap<String, OneOrMany>,
    #[serde(default)]
    pub(crate) values: BTreeMap<String, ValuesSource>,
    #[serde(default)]
    pub(crate) when: Vec<WhenSource>,
    #[serde(default)]
    pub(crate) set: BTreeMap<String, Constant>,
    /// Alternatives, each a list of fields whose texts make up the event's time.
    #[serde(default)]
    pub(crate) time: Vec<Vec<String>>,
    /// Field with the offset of the time's zone.
    #[serde(default)]
    pub(crate) zone: Option<String>,
    /// Lines of this program or with this text are of this kind even if no pattern matches.
    #[serde(default)]
    pub(crate) keep: Option<bool>,
    #[serde(default)]
    #[cfg_attr(not(test), expect(dead_code, reason = "run by the tests"))]
    pub(crate) examples: Vec<ExampleSource>,
}

/// What selects a mapping; any of the lists may.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MatchSource {
    /// Program of the syslog header, or the part before its first `/`.
    #[serde(default)]
    pub(crate) program: Vec<String>,
    /// Text inside the message.
    #[serde(default)]
    pub(crate) contains: Vec<String>,
    /// `vendor|product` of CEF or LEEF; the product may be left out.
    #[serde(default)]
    pub(crate) cef: Vec<String>,
    /// Columns a CSV header must have.
    #[serde(default)]
    pub(crate) header: Vec<String>,
    /// Keys that must be there once the body was split.
    #[serde(default)]
    pub(crate) keys: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogsourceSource {
    #[serde(default)]
    pub(crate) product: String,
    #[serde(default)]
    pub(crate) service: String,
    #[serde(default)]
    pub(crate) categories: Vec<String>,
}

/// How the message is taken apart before the patterns see it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Body {
    #[default]
    Text,
    /// `key=value`.
    Pairs,
    /// Comma-separated values by position.
    Values,
    /// `key:"value"; `.
    Labels,
}

/// Names of values by position, chosen by the value at some positions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ColumnsSource {
    #[serde(default)]
    pub(crate) when: BTreeMap<usize, OneOrMany>,
    /// `_` skips a position.
    pub(crate) names: Vec<String>,
    #[serde(default)]
    pub(crate) set: BTreeMap<String, Constant>,
    #[serde(default)]
    pub(crate) logsource: Option<LogsourceSource>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PatternSource {
    pub(crate) template: OneOrMany,
    #[serde(default)]
    pub(crate) set: BTreeMap<String, Constant>,
    #[serde(default)]
    pub(crate) logsource: Option<LogsourceSource>,
}

/// Constants that apply when every named field has one of the values; `*` at an end stands for anything.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhenSource {
    #[serde(rename = "if")]
    pub(crate) conditions: BTreeMap<String, OneOrMany>,
    #[serde(default)]
    pub(crate) set: BTreeMap<String, Constant>,
    #[serde(default)]
    pub(crate) logsource: Option<LogsourceSource>,
}

/// A field whose value is another field's value translated; keys are compared without case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ValuesSource {
    pub(crate) from: OneOrMany,
    pub(crate) map: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) default: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(not(test), expect(dead_code, reason = "run by the tests"))]
pub(crate) struct ExampleSource {
    pub(crate) log: String,
    #[serde(default)]
    pub(crate) expect: BTreeMap<String, Constant>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub(crate) fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}

/// A constant value.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Constant {
    Bool(bool),
    Number(i64),
    Text(String),
    List(Vec<String>),
}
