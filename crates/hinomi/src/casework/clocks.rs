//! Deadlines that can be begun: data, in `mappings/clocks.yaml` or in the file of a house.
//!
//! # Invariants
//! Nothing here knows a law: how long, from when it counts, and where that is written stands in the file.

use std::path::Path;

use hinomi_model::{NANOS_PER_SECOND, Timestamp};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

const BUNDLED: &str = include_str!("../../../../mappings/clocks.yaml");
/// The file of a house, in its data directory.
const OWN: &str = "clocks.yaml";
/// Kinds of deadlines, and the longest one.
const MOST: usize = 50;
const LONGEST_HOURS: u32 = 24 * 366;
const HOUR_NS: i64 = 3_600 * NANOS_PER_SECOND;

/// Words in both languages.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// In English.
    pub en: String,
    /// In Japanese.
    pub ja: String,
}

/// How long something may take.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields, untagged)]
enum Span {
    /// Hours, exactly.
    Hours { hours: u32 },
    /// Days of a calendar, of which the one on which it became known is the first; it ends with the last one.
    Days { days: u32, zone: String },
}

/// A kind of deadline.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kind {
    /// What it is called in records.
    pub id: String,
    /// What it is called.
    pub name: Words,
    /// From when it counts, and what closes it.
    pub about: Words,
    /// Where that is written, in both languages; one text alone stands for both.
    #[serde(deserialize_with = "one_or_both")]
    pub source: Words,
    within: Span,
    /// When somebody is reminded.
    remind: Span,
}

/// Words of a house that writes one language only are shown as they are.
fn one_or_both<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Words, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        One(String),
        Both(Words),
    }
    Ok(match Given::deserialize(from)? {
        Given::One(text) => Words { en: text.clone(), ja: text },
        Given::Both(words) => words,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    clocks: Vec<Kind>,
}

/// Kinds of deadlines that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ClocksError {
    /// The file cannot be read.
    #[error("{0}")]
    File(#[from] std::io::Error),
    /// It is not of the documented form.
    #[error("{0}")]
    Form(#[from] serde_yaml_ng::Error),
    /// A value makes no sense.
    #[error("clock {id:?}: {what}")]
    Value {
        /// Which kind.
        id: String,
        /// Why not.
        what: &'static str,
    },
}

impl Span {
    fn check(&self) -> Result<(), &'static str> {
        match self {
            Self::Hours { hours } if (1..=LONGEST_HOURS).contains(hours) => Ok(()),
            Self::Days { days, zone } if (1..=366).contains(days) && TimeZone::get(zone).is_ok() => Ok(()),
            _ => Err("hours: 1 to 8784, or days: 1 to 366 and a zone of the IANA database"),
        }
    }

    /// Where it ends; `None` beyond the end of time.
    fn end(&self, since: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Hours { hours } => {
                let ns = i64::from(*hours).checked_mul(HOUR_NS)?;
                since.as_nanos().checked_add(ns).map(Timestamp::from_nanos)
            }
            Self::Days { days, zone } => {
                let zone = TimeZone::get(zone).ok()?;
                let since = jiff::Timestamp::from_nanosecond(i128::from(since.as_nanos())).ok()?;
                let first = since.to_zoned(zone.clone()).date();
                let behind = first.checked_add(jiff::Span::new().days(i64::from(*days))).ok()?;
                let end = behind.to_zoned(zone).ok()?.timestamp().as_nanosecond();
                i64::try_from(end).ok().map(Timestamp::from_nanos)
            }
        }
    }
}

impl Kind {
    /// When somebody is reminded, and when it is over.
    pub(super) fn ends(&self, since: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let due = self.within.end(since)?;
        Some((self.remind.end(since)?.min(due), due))
    }

    fn check(&self) -> Result<(), &'static str> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.id.is_empty() || self.id.len() > 64 || !self.id.chars().all(plain) {
            return Err("id: up to 64 small letters, digits and dashes");
        }
        let mut words =
            [&self.name, &self.about, &self.source].into_iter().flat_map(|words| [&words.en, &words.ja]);
        if words.any(|text| text.trim().is_empty() || text.chars().count() > 1_000) {
            return Err("name, about and source: in both languages, at most 1,000 characters");
        }
        self.within.check().and_then(|()| self.remind.check())
    }
}

fn parse(text: &str) -> Result<Vec<Kind>, ClocksError> {
    let File { clocks } = serde_yaml_ng::from_str(text)?;
    for (at, kind) in clocks.iter().enumerate() {
        let value = |what| ClocksError::Value { id: kind.id.clone(), what };
        kind.check().map_err(value)?;
        if at >= MOST || clocks.iter().take(at).any(|before| before.id == kind.id) {
            return Err(value("there are two of this id, or more than 50 in all"));
        }
    }
    Ok(clocks)
}

/// Those of this program.
pub(super) fn bundled() -> Vec<Kind> {
    parse(BUNDLED).unwrap_or_default()
}

/// Those of a house, if it has a file; they replace those of this program.
pub(super) fn own(data: &Path) -> Result<Option<Vec<Kind>>, ClocksError> {
    match std::fs::read_to_string(data.join(OWN)) {
        Ok(text) => parse(&text).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn ends(id: &str, since: &str) -> (String, String) {
        let kinds = parse(BUNDLED).unwrap();
        let (soon, due) = kinds.iter().find(|kind| kind.id == id).unwrap().ends(at(since)).unwrap();
        (soon.to_string(), due.to_string())
    }

    /// Worked out by hand with a calendar, not taken from the program.
    #[test]
    fn deadlines_end_where_the_calendar_says() {
        // 23:30 in Tokyo on Thursday is day one; the third day is Saturday, the fifth Monday.
        let (soon, due) = ends("appi-preliminary", "2026-10-22T14:30:00Z");
        assert_eq!((&soon[..19], &due[..19]), ("2026-10-24T15:00:00", "2026-10-26T15:00:00"));
        // Half an hour later it is Friday there.
        assert_eq!(&ends("appi-preliminary", "2026-10-22T15:00:00Z").1[..19], "2026-10-27T15:00:00");
        // October has 31 days: day 30 from the 22nd is the 20th of November, day 60 the 20th of December.
        assert_eq!(&ends("appi-final", "2026-10-22T03:00:00Z").1[..19], "2026-11-20T15:00:00");
        assert_eq!(&ends("appi-final-unlawful", "2026-10-22T03:00:00Z").1[..19], "2026-12-20T15:00:00");
        assert_eq!(&ends("first-72-hours", "2026-10-19T23:00:00Z").1[..19], "2026-10-22T23:00:00");
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_name() {
        let kind = |within: &str| {
            parse(&format!(
                "clocks:\n  - {{id: x, name: {{en: a, ja: b}}, about: {{en: a, ja: b}}, source: s, within: {within}, remind: {{hours: 1}}}}"
            ))
        };
        // One text stands for both.
        assert_eq!(kind("{hours: 5}").unwrap()[0].source, Words { en: "s".to_owned(), ja: "s".to_owned() });
        assert!(kind("{hours: 5}").is_ok() && kind("{days: 5, zone: Asia/Tokyo}").is_ok());
        for bad in [
            "{hours: 0}",
            "{hours: 99999}",
            "{days: 5}",
            "{days: 5, zone: Nowhere/Land}",
            "{}",
            "5",
            "{hours: -1}",
        ] {
            assert!(kind(bad).is_err(), "{bad}");
        }
        assert!(matches!(kind("{hours: 0}"), Err(ClocksError::Value { id, .. }) if id == "x"));
        assert!(parse("clocks: [{id: x}]").is_err() && parse("").is_err());
    }

    #[test]
    fn what_the_bundled_deadlines_rest_on_is_said_in_both_languages() {
        let is_japanese = |text: &str| text.chars().any(|c| ('\u{3040}'..='\u{9fff}').contains(&c));
        for kind in bundled() {
            for words in [&kind.name, &kind.about, &kind.source] {
                assert!(is_japanese(&words.ja) && !is_japanese(&words.en), "{}: {words:?}", kind.id);
            }
        }
    }

    #[test]
    fn no_time_overflows() {
        for kind in bundled() {
            for ns in [i64::MIN, -1, 0, i64::MAX - 1, i64::MAX] {
                let _ = kind.ends(Timestamp::from_nanos(ns));
            }
        }
    }
}
