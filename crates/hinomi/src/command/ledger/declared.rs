//! The file in which people write down what each source is and promises.

use std::collections::BTreeMap;
use std::path::Path;

use hinomi_ledger::completeness::{Numbering, Promise};
use hinomi_ledger::health::Plans;
use hinomi_ledger::policy::Declared;
use hinomi_model::NANOS_PER_SECOND;
use serde::Deserialize;

use super::numbers::Place;
use super::planned;
use crate::exit::{Exit, Failure};

/// The file's name in a data directory.
pub(in super::super) const FILE: &str = "sources.yaml";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema_version: u32,
    sources: BTreeMap<String, Entry>,
    #[serde(default)]
    planned: Vec<planned::Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    owner: String,
    #[serde(default)]
    class: Option<String>,
    #[serde(default)]
    numbering: Option<Counting>,
    #[serde(default)]
    redelivers: bool,
    #[serde(default)]
    heard_every: Option<String>,
    #[serde(default)]
    sequence_field: Option<String>,
    #[serde(default)]
    sequence_regex: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Counting {
    Named(Named),
    Spelled(Numbering),
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Named {
    Counter,
    EventRecordId,
    Syslog,
}

/// What is written down.
#[derive(Default)]
pub(in super::super) struct Sources {
    pub(super) declared: BTreeMap<String, Declared>,
    pub(super) numbers: BTreeMap<String, Place>,
    pub(super) plans: Plans,
}

impl Sources {
    /// What each source is and promises.
    pub(in super::super) fn declared(&self) -> &BTreeMap<String, Declared> {
        &self.declared
    }
}

/// Reads the file that was named, or the one in the data directory if there is one.
pub(super) fn load(named: Option<&Path>, data: &Path) -> Result<Option<Sources>, Failure> {
    let inside = data.join(FILE);
    let path = match named {
        Some(path) => path,
        None if inside.exists() => &inside,
        None => return Ok(None),
    };
    let text = std::fs::read_to_string(path)
        .map_err(|e| Failure::new(Exit::Unreadable, format!("{}: {e}", path.display())))?;
    parse(&text).map(Some).map_err(|mut failure| {
        failure.message = format!("{}: {}", path.display(), failure.message);
        failure
    })
}

/// The stops that the file in the data directory plans; none if there is no file.
pub(in super::super) fn plans(data: &Path) -> Result<Plans, Failure> {
    Ok(load(None, data)?.map(|sources| sources.plans).unwrap_or_default())
}

fn parse(text: &str) -> Result<Sources, Failure> {
    let usage = |text: String| Failure::new(Exit::Usage, text);
    let file: File = serde_yaml_ng::from_str(text).map_err(|e| usage(e.to_string()))?;
    if file.schema_version != 1 {
        return Err(usage(format!(
            "schema_version {} is unknown; this program knows 1",
            file.schema_version
        )));
    }
    let mut sources = Sources { plans: planned::plans(file.planned)?, ..Sources::default() };
    for (name, entry) in file.sources {
        let heard_every_ns = match entry.heard_every.as_deref() {
            Some(text) => Some(duration_ns(text).ok_or_else(|| {
                usage(format!("{name}: heard_every {text}")).hint("a number and s, m, h or d, for example 5m")
            })?),
            None => None,
        };
        let numbering = entry.numbering.map(|counting| match counting {
            Counting::Named(Named::Counter) => Numbering::COUNTER,
            Counting::Named(Named::EventRecordId) => Numbering::EVENT_RECORD_ID,
            Counting::Named(Named::Syslog) => Numbering::SYSLOG,
            Counting::Spelled(numbering) => numbering,
        });
        let promise = Promise { numbering, redelivers: entry.redelivers, heard_every_ns };
        let place = Place::new(entry.sequence_field.as_deref(), entry.sequence_regex.as_deref())?;
        sources.numbers.insert(name.clone(), place);
        let declared = Declared { promise, owner: entry.owner, class: entry.class };
        sources.declared.insert(name, declared);
    }
    Ok(sources)
}

fn duration_ns(text: &str) -> Option<i64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let seconds = match text.get(digits.len()..)? {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    let number: i64 = digits.parse().ok().filter(|n| *n > 0)?;
    number.checked_mul(seconds)?.checked_mul(NANOS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_read() {
        let text = "schema_version: 1\nsources:\n  fw01:\n    owner: network team\n    class: network\n    numbering: syslog\n    \
            redelivers: true\n    heard_every: 5m\n    sequence_regex: '^(\\d+)'\n  app:\n    owner: app team\n    \
            numbering: {first: 0, last: 65535, wraps: true}\n";
        let sources = parse(text).unwrap_or_else(|f| panic!("{f:?}"));
        let fw = &sources.declared["fw01"];
        assert_eq!((fw.owner.as_str(), fw.class.as_deref()), ("network team", Some("network")));
        let promise = Promise {
            numbering: Some(Numbering::SYSLOG),
            redelivers: true,
            heard_every_ns: Some(300 * NANOS_PER_SECOND),
        };
        assert_eq!(fw.promise, promise);
        let app = sources.declared["app"].promise.numbering;
        assert_eq!(app, Some(Numbering { first: 0, last: 65_535, wraps: true }));
        assert!(matches!(sources.numbers["fw01"], Place::Pattern(_)));
        assert!(matches!(sources.numbers["app"], Place::None));
    }

    #[test]
    fn mistakes_are_refused() {
        let with = |line: &str| format!("schema_version: 1\nsources:\n  fw:\n    owner: o\n    {line}\n");
        assert!(parse(&with("redelivers: true")).is_ok());
        for line in [
            "heard_every: 5",
            "heard_every: 0m",
            "heard_every: -3m",
            "heard_every: 9999999999999d",
            "heard_every: m",
            "numbering: odd",
            "numbering: {first: 0}",
            "sequence_regex: '('",
            "colour: red",
        ] {
            assert!(parse(&with(line)).is_err(), "{line}");
        }
        assert!(parse("schema_version: 2\nsources: {}\n").is_err());
        assert!(parse("schema_version: 1\nsources:\n  fw: {}\n").is_err(), "no owner");
    }
}
