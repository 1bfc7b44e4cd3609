//! What was asked: the operation, its parts, and what follows the question mark.

use hinomi_ledger::completeness::Day;
use hinomi_model::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::Refused;

/// Items of a page unless asked for, and at most.
const USUAL: usize = 50;
const MOST: usize = 500;
/// Longest query that is looked at, in bytes.
const LONGEST: usize = 64 * 1024;

/// The way of names of accounts into an answer.
pub trait Shown: std::fmt::Debug {
    /// What is shown of an account of a log, in an incident if it is one.
    fn account(&self, name: &str, incident: Option<&str>) -> String;
}

/// A question.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// `operationId` of the contract.
    pub operation: &'a str,
    /// Who asks, as it is written down.
    pub by: &'a str,
    /// What is shown of accounts.
    pub names: &'a dyn Shown,
    /// Parts of the path by their names in the contract, as they came.
    pub parts: &'a [(&'static str, &'a str)],
    /// What follows the question mark, as it came.
    pub query: &'a str,
    /// The body.
    pub body: &'a [u8],
    /// The version that a change is made to.
    pub version: Option<u64>,
    /// Texts of refusals are wanted in Japanese.
    pub japanese: bool,
}

/// Takes `%41` apart, and `+` where it means a space.
fn decoded(text: &str, plus: bool) -> Option<String> {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let (high, low) = (digit(bytes.next()?)?, digit(bytes.next()?)?);
                u8::try_from(high * 16 + low).ok()?
            }
            b'+' if plus => b' ',
            other => other,
        });
    }
    String::from_utf8(out).ok()
}

fn senseless(what: &str) -> Refused {
    Refused::Senseless(format!("{what} makes no sense"))
}

impl Asked<'_> {
    /// A part of the path.
    pub(super) fn part(&self, name: &str) -> Result<String, Refused> {
        let found = self.parts.iter().find(|(known, _)| *known == name);
        found.and_then(|(_, text)| decoded(text, false)).ok_or(Refused::NotFound)
    }

    /// A value of the query; the first, if there are several.
    pub(super) fn value(&self, name: &str) -> Result<Option<String>, Refused> {
        if self.query.len() > LONGEST {
            return Err(senseless("a query of this length"));
        }
        let pairs = self.query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let mut named = pairs.filter(|(known, _)| decoded(known, true).as_deref() == Some(name));
        let Some((_, text)) = named.next() else { return Ok(None) };
        decoded(text, true).map(Some).ok_or_else(|| senseless(name))
    }

    /// A value that has to be there.
    pub(super) fn needed(&self, name: &str) -> Result<String, Refused> {
        self.value(name)?.ok_or_else(|| Refused::Senseless(format!("{name} is missing")))
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<usize>, Refused> {
        self.value(name)?.map(|text| text.parse().map_err(|_| senseless(name))).transpose()
    }

    /// How many items came before this page.
    pub(super) fn place(&self) -> Result<usize, Refused> {
        Ok(self.number("after")?.unwrap_or(0))
    }

    /// Most items of a page.
    pub(super) fn limit(&self) -> Result<usize, Refused> {
        self.limit_of(USUAL, MOST)
    }

    pub(super) fn limit_of(&self, usual: usize, most: usize) -> Result<usize, Refused> {
        match self.number("limit")?.unwrap_or(usual) {
            limit if (1..=most).contains(&limit) => Ok(limit),
            _ => Err(senseless("limit")),
        }
    }

    /// A day such as `2026-11-02`.
    pub(super) fn day(&self, name: &str) -> Result<Option<Day>, Refused> {
        let Some(text) = self.value(name)? else { return Ok(None) };
        let date: Date = text.parse().map_err(|_| senseless(name))?;
        let start = date.to_zoned(TimeZone::UTC).map_err(|_| senseless(name))?;
        let days = start.timestamp().as_second().div_euclid(86_400);
        i32::try_from(days).map(|day| Some(Day(day))).map_err(|_| senseless(name))
    }

    /// An instant.
    pub(super) fn instant(&self, name: &str) -> Result<Option<Timestamp>, Refused> {
        self.value(name)?.map(|text| text.parse().map_err(|_| senseless(name))).transpose()
    }

    /// Name of the zone of times inside sentences.
    pub(super) fn zone(&self) -> Result<String, Refused> {
        let Some(name) = self.value("zone")? else { return Ok("UTC".to_owned()) };
        let known = name == "UTC" || name.len() <= 64 && TimeZone::get(&name).is_ok();
        if known { Ok(name) } else { Err(senseless("zone")) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Plain;
    use super::*;

    fn asked(query: &str) -> Asked<'_> {
        Asked {
            operation: "",
            by: "",
            names: &Plain,
            parts: &[],
            query,
            body: &[],
            version: None,
            japanese: false,
        }
    }

    #[test]
    fn values_come_decoded_or_not_at_all() {
        let one = |query: &str, name: &str| asked(query).value(name).ok().flatten();
        assert_eq!(one("a=1&b=%E7%81%AB+%2b", "b"), Some("火 +".to_owned()));
        assert_eq!(one("a=1&a=2", "a"), Some("1".to_owned()));
        assert_eq!(one("", "a"), None);
        assert_eq!(one("a", "a"), Some(String::new()));
        for bad in ["a=%", "a=%4", "a=%zz", "a=%ff"] {
            assert!(asked(bad).value("a").is_err(), "{bad}");
        }
        let long = format!("a={}", "x".repeat(LONGEST));
        assert!(asked(&long).value("a").is_err());
    }

    #[test]
    fn bounds_are_kept() {
        assert_eq!(asked("limit=500").limit().ok(), Some(500));
        assert_eq!(asked("").limit().ok(), Some(USUAL));
        for bad in ["limit=0", "limit=501", "limit=-1", "limit=x", "limit=99999999999999999999"] {
            assert!(asked(bad).limit().is_err(), "{bad}");
        }
        assert_eq!(asked("from=2026-11-22").day("from").ok().flatten(), Some(Day(20_779)));
        for bad in ["from=2026-13-01", "from=x", "from=-9999-01-01T"] {
            assert!(asked(bad).day("from").is_err(), "{bad}");
        }
        assert_eq!(asked("zone=Asia/Tokyo").zone().ok().as_deref(), Some("Asia/Tokyo"));
        assert!(asked("zone=Nowhere/Land").zone().is_err());
    }
}
