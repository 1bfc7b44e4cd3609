//! Kinds of JSON logs as data: the shape of the files in `mappings/json` and what they compile to.
//!
//! # Not here
//! The list of files ([`super::catalogue`]).

use std::collections::BTreeMap;

use serde::Deserialize;

/// One kind of log, as written in its YAML file.
#[derive(Deserialize, Debug, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Mapping {
    /// Version of the mapping; raised when fields change their meaning.
    pub(super) version: u32,
    /// Short name of the kind.
    pub(super) id: String,
    /// What an object must have to be of this kind.
    pub(super) recognise: Recognise,
    /// Sigma product.
    pub(super) product: String,
    /// Sigma service.
    pub(super) service: String,
    /// A field whose value names the service.
    pub(super) service_from: Option<ServiceFrom>,
    /// A text of another program, and who wrote it: it means what it means in a line of that program.
    pub(super) message: Option<MessageFrom>,
    /// Sigma categories.
    pub(super) categories: Vec<String>,
    /// Kinds that depend on values; the first that holds wins.
    pub(super) kinds: Vec<Variant>,
    /// Where the time stands; the first that can be read wins.
    pub(super) time: Vec<TimeSource>,
    /// Fields that name the host that wrote the event; the first present wins.
    pub(super) host: Vec<String>,
    /// Fields that hold the source's own running number.
    pub(super) sequence: Vec<String>,
    /// Full names and what they become.
    pub(super) rename: BTreeMap<String, String>,
    /// Beginnings of names and what they become; the longest wins.
    pub(super) prefixes: BTreeMap<String, String>,
    /// Prefixes of `prefixes` below which only the last key makes the name.
    pub(super) leaf_only: Vec<String>,
    /// Prefixes of `prefixes` whose fields come from whoever wrote the event, and must not pass for `reserved`.
    pub(super) payload: BTreeMap<String, String>,
    /// Names that payload fields may not take: theirs get what `payload` says in front.
    pub(super) reserved: Vec<String>,
    /// Further names under which a field is also stored.
    pub(super) also: BTreeMap<String, OneOrMany>,
    /// Conversions of values.
    pub(super) convert: BTreeMap<String, Convert>,
    /// Arrays of name and value.
    pub(super) pairs: Vec<Pairs>,
    /// Arrays whose elements are fields of their own: the path, a dot and the number of the element.
    pub(super) indexed: Vec<String>,
    /// An array of which every element is an event of its own.
    pub(super) split: Option<String>,
    /// Normalised fields, added beside the vendor's.
    pub(super) derive: Vec<Derive>,
    /// Events with the values they must give; read by tests.
    #[allow(dead_code, reason = "read by tests")]
    pub(super) examples: Vec<serde_yaml_ng::Value>,
}

/// Conditions of recognition: all of `all`, one of `any` (if there are any), none of `none`.
#[derive(Deserialize, Debug, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Recognise {
    pub(super) all: Vec<Condition>,
    pub(super) any: Vec<Condition>,
    pub(super) none: Vec<Condition>,
}

/// A field that exists, or fields with one of some values.
#[derive(Deserialize, Debug, Clone)]
#[serde(untagged)]
pub(super) enum Condition {
    /// The object has the field, whatever its value.
    Has(String),
    /// Each field has one of the values. `*` at an end of a value matches anything.
    Is(BTreeMap<String, OneOrMany>),
}

/// A string or several.
#[derive(Deserialize, Debug, Clone)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        match self {
            Self::One(one) => std::slice::from_ref(one).iter(),
            Self::Many(many) => many.iter(),
        }
        .map(String::as_str)
    }
}

/// The service is the value of a field.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct ServiceFrom {
    pub(super) field: String,
    #[serde(default)]
    pub(super) prefix: String,
    /// Values that name the service differently; others are taken as they are, in lower case.
    #[serde(default)]
    pub(super) names: BTreeMap<String, String>,
    /// Take listed values only.
    #[serde(default)]
    pub(super) listed_only: bool,
}

/// Fields with a message and who wrote it; of several the first that is there.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct MessageFrom {
    pub(super) program: Vec<String>,
    pub(super) pid: Vec<String>,
    pub(super) text: Vec<String>,
}

/// A kind that holds for some values only.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct Variant {
    pub(super) when: Vec<Condition>,
    #[serde(default)]
    pub(super) product: Option<String>,
    #[serde(default)]
    pub(super) service: Option<String>,
    #[serde(default)]
    pub(super) categories: Vec<String>,
}

/// A field that holds the event's time.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct TimeSource {
    pub(super) field: String,
    pub(super) format: TimeFormat,
    /// For `offset-of`: a local time written by the same clock as `field`.
    #[serde(default)]
    pub(super) local: Option<String>,
    /// For `offset-of`: the same instant in UTC, give or take minutes.
    #[serde(default)]
    pub(super) utc: Option<String>,
}

/// How a time is written.
#[derive(Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum TimeFormat {
    /// ISO 8601 with a zone.
    Iso,
    /// ISO 8601; without a zone it is UTC by the vendor's definition.
    IsoUtc,
    /// ISO 8601 without a zone, local to the writer.
    IsoLocal,
    /// ISO 8601 without a zone, whose offset from UTC follows from two other fields.
    OffsetOf,
    /// Seconds since 1970, perhaps with a fraction.
    EpochS,
    /// Milliseconds since 1970.
    EpochMs,
    /// Microseconds since 1970.
    EpochUs,
    /// Seconds, milli-, micro- or nanoseconds since 1970, told apart by magnitude.
    Epoch,
    /// `1600000000.123:456`, as the Linux audit system names events.
    Audit,
    /// Any of the above that can be told without an assumption, then local time.
    Auto,
}

/// Conversion of a value on first sight.
#[derive(Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Convert {
    /// A signed 64-bit number becomes `0x` and sixteen hexadecimal digits.
    Hex64,
    /// An array of byte values, or text, becomes text.
    Bytes,
}

/// An array of objects that each hold a name and a value: the field is the array's path, a dot and the name.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct Pairs {
    /// Path of the array.
    pub(super) array: String,
    /// Key of the name.
    pub(super) name: String,
    /// Keys that may hold the value.
    pub(super) value: Vec<String>,
}

/// Normalised fields of some events.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct Derive {
    #[serde(default)]
    pub(super) when: Vec<Condition>,
    /// Field and where its value comes from.
    pub(super) set: BTreeMap<String, Sources>,
}

/// Where a derived value comes from: the first source that gives one.
#[derive(Deserialize, Debug)]
#[serde(untagged)]
pub(super) enum Sources {
    /// Several alternatives.
    Many(Vec<Source>),
    /// One.
    One(Source),
}

impl Sources {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Source> {
        match self {
            Self::One(one) => std::slice::from_ref(one).iter(),
            Self::Many(many) => many.iter(),
        }
    }
}

/// One source of a derived value.
#[derive(Deserialize, Debug)]
#[serde(untagged)]
pub(super) enum Source {
    /// Copy of a field.
    Field(String),
    /// A constant.
    Constant(ConstantSource),
    /// A network address without family and port.
    Address(AddressSource),
    /// A field's value looked up in a table.
    Mapped(MappedSource),
}

/// A constant.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct ConstantSource {
    #[serde(rename = "is")]
    pub(super) value: Scalar,
}

/// The address of a text such as `ipv4:192.0.2.1:445` or `[2001:db8::1]:22`.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct AddressSource {
    #[serde(rename = "address")]
    pub(super) field: String,
}

/// A value looked up in a table.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct MappedSource {
    pub(super) from: String,
    /// Values (with `*` at either end) and what they become, in order of the file's text where they overlap:
    /// exact values first, then patterns.
    #[serde(default)]
    pub(super) map: BTreeMap<String, Scalar>,
    /// For values not in the table; nothing when absent.
    #[serde(default)]
    pub(super) otherwise: Option<Scalar>,
}

/// A derived value.
#[derive(Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(untagged)]
pub(super) enum Scalar {
    Bool(bool),
    Text(String),
    Several(Vec<String>),
}

impl Mapping {
    /// The name under which the field at `path` is stored.
    pub(super) fn field_name(&self, path: &str) -> String {
        if let Some(name) = self.rename.get(path) {
            return name.clone();
        }
        let longest = self.prefixes.iter().filter(|(from, _)| path.starts_with(from.as_str()));
        let Some((from, to)) = longest.max_by_key(|(from, _)| from.len()) else { return path.to_owned() };
        let mut rest = path.get(from.len()..).unwrap_or_default();
        if self.leaf_only.contains(from) {
            rest = rest.rsplit('.').next().unwrap_or(rest);
        }
        match self.payload.get(from) {
            Some(section) if self.reserved.iter().any(|name| name == rest) => format!("{section}{rest}"),
            _ => format!("{to}{rest}"),
        }
    }
}
