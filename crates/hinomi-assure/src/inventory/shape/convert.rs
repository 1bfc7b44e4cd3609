//! What exports write in forms of their own: times in ticks, names inside of names.

use hinomi_model::Timestamp;
use serde::Deserialize;

/// How a text is written, and so what becomes of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::inventory) enum As {
    /// 100 ns since 1601 in decimal; 0 and the greatest mean never (MS-ADTS 3.1.1.3, `Integer8` times).
    Filetime,
    /// `20260131120000.0Z` (RFC 4517 3.3.13).
    GeneralizedTime,
    /// Seconds since 1970; 0 and less mean never.
    Epoch,
    /// Milliseconds since 1970, likewise.
    EpochMs,
    /// RFC 3339, or a date.
    Time,
    /// The domain of a distinguished name: its `DC` parts, joined by dots.
    DnDomain,
    /// The first value of a distinguished name.
    DnName,
    /// A security identifier without its last part: that of the domain.
    SidDomain,
    /// What stands before the first dot.
    Label,
    /// Without the `$` that ends the name of a machine's account.
    WithoutDollar,
    /// What stands after the last slash.
    LastPart,
    /// In lower case.
    Lower,
}

/// What a text came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::inventory) enum Converted {
    /// A text.
    Text(String),
    /// A moment.
    Time(Timestamp),
    /// The form has a word for «nothing», and this is it.
    Nothing,
    /// Not written in this form.
    Not,
}

impl As {
    /// Whether it is a way to write moments.
    pub(in crate::inventory) fn is_time(self) -> bool {
        matches!(self, Self::Filetime | Self::GeneralizedTime | Self::Epoch | Self::EpochMs | Self::Time)
    }

    /// Takes a text for what it is.
    pub(in crate::inventory) fn convert(self, text: &str) -> Converted {
        let part = |part: Option<&str>| match part.filter(|p| !p.is_empty()) {
            Some(part) => Converted::Text(part.to_owned()),
            None => Converted::Not,
        };
        match self {
            Self::Filetime => match text.parse::<i64>() {
                Ok(0 | i64::MAX) => Converted::Nothing,
                Ok(ticks) => moment(u64::try_from(ticks).ok().and_then(Timestamp::from_filetime)),
                Err(_) => Converted::Not,
            },
            Self::Epoch => epoch(text, hinomi_model::NANOS_PER_SECOND),
            Self::EpochMs => epoch(text, hinomi_model::NANOS_PER_SECOND / 1000),
            Self::GeneralizedTime => moment(generalized(text)),
            Self::Time if year(text).is_some_and(|year| year < 1970) => Converted::Nothing,
            Self::Time => {
                moment(Timestamp::parse_iso(text.as_bytes(), true).or_else(|| super::super::day(text, false)))
            }
            Self::DnDomain => {
                let labels: Vec<String> = dn(text)
                    .into_iter()
                    .filter(|(n, _)| n.eq_ignore_ascii_case("dc"))
                    .map(|(_, v)| v)
                    .collect();
                part(Some(&labels.join(".").to_lowercase()))
            }
            Self::DnName => part(dn(text).first().map(|(_, value)| value.as_str())),
            Self::SidDomain => part(text.rsplit_once('-').map(|(domain, _)| domain)),
            Self::Label => part(text.split('.').next()),
            Self::WithoutDollar => part(Some(text.strip_suffix('$').unwrap_or(text))),
            Self::LastPart => part(text.rsplit('/').next()),
            Self::Lower => part(Some(&text.to_lowercase())),
        }
    }
}

fn year(text: &str) -> Option<u32> {
    text.get(..4)?.parse().ok()
}

/// Programs write the beginning of their calendar where there was nothing.
fn moment(time: Option<Timestamp>) -> Converted {
    match time {
        Some(time) if time.as_nanos() <= 0 => Converted::Nothing,
        Some(time) => Converted::Time(time),
        None => Converted::Not,
    }
}

fn epoch(text: &str, unit: i64) -> Converted {
    let whole = text.split('.').next().unwrap_or_default();
    match whole.parse::<i64>() {
        Ok(count) if count <= 0 => Converted::Nothing,
        Ok(count) => moment(count.checked_mul(unit).map(Timestamp::from_nanos)),
        Err(_) => Converted::Not,
    }
}

/// `YYYYMMDDHHMMSS`, a fraction that is left out, and `Z`.
fn generalized(text: &str) -> Option<Timestamp> {
    let digits = text.strip_suffix('Z')?.split('.').next()?;
    if digits.len() != 14 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let part = |from, to| digits.get(from..to)?.parse::<u32>().ok();
    let date = (i32::try_from(part(0, 4)?).ok()?, part(4, 6)?, part(6, 8)?);
    // The year 1601 stands for «nothing», and lies before what can be told.
    if date.0 < 1970 {
        return Some(Timestamp::from_nanos(0));
    }
    Timestamp::from_civil(date, (part(8, 10)?, part(10, 12)?, part(12, 14)?), 0)
}

/// Names and values of a distinguished name, with escapes taken out (RFC 4514 2.4).
fn dn(text: &str) -> Vec<(String, String)> {
    let mut parts = Vec::new();
    let (mut name, mut value, mut in_value) = (String::new(), String::new(), false);
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => value.extend(letters.next()),
            ',' | '+' if in_value => {
                parts.push((std::mem::take(&mut name).trim().to_owned(), std::mem::take(&mut value)));
                in_value = false;
            }
            '=' if !in_value => in_value = true,
            letter if in_value => value.push(letter),
            letter => name.push(letter),
        }
    }
    if in_value {
        parts.push((name.trim().to_owned(), value));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(form: As, text: &str, expected: &str) {
        let found = match form.convert(text) {
            Converted::Text(text) => text,
            Converted::Time(time) => time.to_string().replace(".000000000", ""),
            Converted::Nothing => "nothing".to_owned(),
            Converted::Not => "not".to_owned(),
        };
        assert_eq!(found, expected, "{form:?} {text}");
    }

    #[test]
    fn times_and_words_for_never() {
        // Known pairs: the epoch of Unix is 116444736000000000 in ticks.
        check(As::Filetime, "133484868000000000", "2023-12-31T09:00:00Z");
        check(As::Filetime, "0", "nothing");
        check(As::Filetime, "9223372036854775807", "nothing");
        check(As::Filetime, "-1", "not");
        check(As::Epoch, "1700000000", "2023-11-14T22:13:20Z");
        check(As::Epoch, "1700000000.0", "2023-11-14T22:13:20Z");
        check(As::Epoch, "-1", "nothing");
        check(As::EpochMs, "1700000000000", "2023-11-14T22:13:20Z");
        check(As::GeneralizedTime, "20231114221320.0Z", "2023-11-14T22:13:20Z");
        check(As::GeneralizedTime, "16010101000000.0Z", "nothing");
        check(As::GeneralizedTime, "2023111422132é.0Z", "not");
        check(As::Time, "0001-01-01T00:00:00Z", "nothing");
        check(As::Time, "2026-02-04T09:00:00+09:00", "2026-02-04T00:00:00Z");
        check(As::Time, "soon", "not");
    }

    #[test]
    fn names_inside_of_names() {
        let dn = "CN=Mori\\, Ken,OU=Sales,DC=Corp,DC=example,DC=jp";
        check(As::DnDomain, dn, "corp.example.jp");
        check(As::DnName, dn, "Mori, Ken");
        check(As::DnDomain, "no name", "not");
        check(As::SidDomain, "S-1-5-21-1-2-3-512", "S-1-5-21-1-2-3");
        check(As::Label, "fs01.corp.example.jp", "fs01");
        check(As::WithoutDollar, "PC01$", "PC01");
        check(As::LastPart, "zones/asia-northeast1-a", "asia-northeast1-a");
    }
}
