//! Conditions over attributes, in three-valued logic.

use std::net::IpAddr;

use super::row::{Row, Value};
use crate::Truth;

/// What must hold.
#[derive(Clone, PartialEq, Debug)]
pub enum Condition {
    /// Every one.
    All(Vec<Condition>),
    /// At least one.
    Any(Vec<Condition>),
    /// Not this one.
    Not(Box<Condition>),
    /// A test of an attribute.
    Test(String, Test),
}

/// What an attribute must be.
#[derive(Clone, PartialEq, Debug)]
pub enum Test {
    /// One of these words; `*` stands for any text at either end. Several values: at least one of them.
    Is(Vec<String>),
    /// There is a value, or there is none.
    Exists(bool),
    /// An address inside one of the networks that these attributes list.
    InNetworks(Vec<String>),
    /// One of the words that these attributes list.
    AmongThoseOf(Vec<String>),
    /// A destination, by name and address as far as they are known, that these attributes list by network, address or
    /// name (`*` at either end).
    AllowedBy(Vec<String>),
    /// A time of day in the zone of the assessment, within the hours that these attributes list (`Mon-Fri 08:00-18:00`).
    WithinHours(Vec<String>),
    /// A number below this.
    LessThan(f64),
    /// A number above this.
    MoreThan(f64),
}

impl Condition {
    /// Whether it holds for a row.
    pub fn holds(&self, row: &dyn Row) -> Truth {
        match self {
            Self::All(parts) => all(parts.iter().map(|part| part.holds(row))),
            Self::Any(parts) => all(parts.iter().map(|part| part.holds(row).negated())).negated(),
            Self::Not(part) => part.holds(row).negated(),
            Self::Test(name, test) => test.holds(&row.attribute(name), row),
        }
    }

    /// Attributes that it reads, those that tests point to included.
    pub fn attributes(&self) -> Vec<&str> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::attributes).collect(),
            Self::Not(part) => part.attributes(),
            Self::Test(name, test) => {
                std::iter::once(name).chain(test.pointed()).map(String::as_str).collect()
            }
        }
    }

    /// Attributes whose tests are the reason that the condition is what it is for a row.
    pub fn decided_by(&self, row: &dyn Row) -> Vec<&str> {
        let outcome = self.holds(row);
        match self {
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().filter(|p| p.holds(row) == outcome).flat_map(|p| p.decided_by(row)).collect()
            }
            Self::Not(part) => part.decided_by(row),
            // What is not known may be the attribute, or what it is compared with.
            Self::Test(name, test) if outcome == Truth::Unknown => {
                std::iter::once(name).chain(test.pointed()).map(String::as_str).collect()
            }
            Self::Test(name, _) => vec![name],
        }
    }
}

/// Whether all hold; the first that does not decides.
pub(crate) fn all(truths: impl Iterator<Item = Truth>) -> Truth {
    let mut all = Truth::True;
    for truth in truths {
        all = all.and(truth);
        if all == Truth::False {
            break;
        }
    }
    all
}

impl Test {
    /// Attributes that the value is compared with.
    fn pointed(&self) -> &[String] {
        match self {
            Self::InNetworks(names)
            | Self::AmongThoseOf(names)
            | Self::AllowedBy(names)
            | Self::WithinHours(names) => names,
            _ => &[],
        }
    }

    fn holds(&self, value: &Value<'_>, row: &dyn Row) -> Truth {
        match self {
            Self::Exists(wanted) => match value {
                Value::Unknown | Value::Truth(Truth::Unknown) => Truth::Unknown,
                Value::Absent => (!wanted).into(),
                _ => (*wanted).into(),
            },
            Self::Is(words) => {
                let is_one = |text: &str| words.iter().any(|w| fits(w, text));
                match value {
                    Value::Words(texts) => texts.iter().any(|t| is_one(t)).into(),
                    other => match other.texts() {
                        Some(texts) => texts.iter().any(|t| is_one(t)).into(),
                        None => Truth::Unknown,
                    },
                }
            }
            Self::LessThan(bound) => match value {
                Value::AtLeast(n) if n >= bound => Truth::False,
                _ => number(value, |n| n < *bound),
            },
            Self::MoreThan(bound) => match value {
                Value::AtLeast(n) if n > bound => Truth::True,
                _ => number(value, |n| n > *bound),
            },
            Self::InNetworks(names) => among(value, names, row, |address, network| match address.parse() {
                Ok(ip) => contains(network, ip),
                Err(_) => None,
            }),
            Self::AmongThoseOf(names) => among(value, names, row, |text, listed| Some(fits(listed, text))),
            Self::AllowedBy(names) => allowed(value, names, row),
            Self::WithinHours(names) => among(value, names, row, |moment, hours| within(hours, moment)),
        }
    }
}

fn number(value: &Value<'_>, holds: impl Fn(f64) -> bool) -> Truth {
    match value {
        Value::Number(n) => holds(*n).into(),
        Value::Words(words) => {
            words.first().and_then(|w| w.parse().ok()).map_or(Truth::Unknown, |n| holds(n).into())
        }
        _ => Truth::Unknown,
    }
}

/// Whether a destination is on a list. A listed name says nothing of a destination known by address only, nor a listed
/// network of one known by name only: either may mean the other.
fn allowed(value: &Value<'_>, names: &[String], row: &dyn Row) -> Truth {
    let listed: Vec<Value<'_>> = names.iter().map(|n| row.attribute(n)).collect();
    let listed: Vec<_> = listed.iter().filter_map(Value::texts).flatten().collect();
    let Some(texts) = value.texts().filter(|t| !t.is_empty() && !listed.is_empty()) else {
        return Truth::Unknown;
    };
    let (addresses, words): (Vec<_>, Vec<_>) = texts.iter().partition(|t| t.parse::<IpAddr>().is_ok());
    let addresses: Vec<IpAddr> = addresses.iter().filter_map(|a| a.parse().ok()).collect();
    let one = |entry: &str| {
        let is_network = contains(entry, IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED)).is_some();
        match (is_network, addresses.is_empty(), words.is_empty()) {
            (true, false, _) => addresses.iter().any(|ip| contains(entry, *ip) == Some(true)).into(),
            (false, _, false) => words.iter().any(|word| fits(entry, word)).into(),
            _ => Truth::Unknown,
        }
    };
    listed.iter().fold(Truth::False, |any, entry| any.or(one(entry)))
}

/// Whether each value fits something that the named attributes list. Where nothing is listed, nothing says what is
/// allowed: unknown. `None` of a comparison is unknown as well.
fn among(
    value: &Value<'_>,
    names: &[String],
    row: &dyn Row,
    fits: impl Fn(&str, &str) -> Option<bool>,
) -> Truth {
    let listed: Vec<Value<'_>> = names.iter().map(|n| row.attribute(n)).collect();
    let listed: Vec<_> = listed.iter().filter_map(Value::texts).flatten().collect();
    let Some(texts) = value.texts().filter(|t| !t.is_empty() && !listed.is_empty()) else {
        return Truth::Unknown;
    };
    let one = |text: &str| {
        let answers = listed.iter().map(|entry| fits(text, entry));
        answers.fold(Truth::False, |any, answer| any.or(answer.map_or(Truth::Unknown, Truth::from)))
    };
    texts.iter().fold(Truth::True, |all, text| all.and(one(text)))
}

/// Words are compared without case; `*` at either end of the pattern stands for any text.
pub(crate) fn fits(pattern: &str, text: &str) -> bool {
    if !pattern.is_ascii() || !text.is_ascii() {
        return fits_exactly(&pattern.to_lowercase(), &text.to_lowercase());
    }
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    match pattern {
        [b'*'] => true,
        [b'*', middle @ .., b'*'] => {
            middle.is_empty() || text.windows(middle.len()).any(|part| part.eq_ignore_ascii_case(middle))
        }
        [b'*', end @ ..] => text
            .len()
            .checked_sub(end.len())
            .and_then(|at| text.get(at..))
            .is_some_and(|t| t.eq_ignore_ascii_case(end)),
        [start @ .., b'*'] => text.get(..start.len()).is_some_and(|t| t.eq_ignore_ascii_case(start)),
        _ => pattern.eq_ignore_ascii_case(text),
    }
}

/// The same of lower case.
fn fits_exactly(pattern: &str, text: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(""), _) => true,
        (Some(end), Some(_)) => text.contains(end.strip_suffix('*').unwrap_or(end)),
        (Some(end), None) => text.ends_with(end),
        (None, Some(start)) => text.starts_with(start),
        (None, None) => pattern == text,
    }
}

/// Whether a network in CIDR notation, or a single address, contains an address. `None` when it is no network.
fn contains(network: &str, address: IpAddr) -> Option<bool> {
    let (base, length) = network.split_once('/').unwrap_or((network, "128"));
    let base: IpAddr = base.trim().parse().ok()?;
    let length: u32 = length.trim().parse().ok()?;
    let bits = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => (u128::from(u32::from(ip)), 32),
        IpAddr::V6(ip) => (u128::from(ip), 128),
    };
    let ((base, width), (address, other)) = (bits(base), bits(address));
    if width != other {
        return Some(false);
    }
    let shift = width - length.min(width);
    Some(base.checked_shr(shift).unwrap_or(0) == address.checked_shr(shift).unwrap_or(0))
}

/// Length of the prefix of a network that contains an address; `None` when it does not.
pub(crate) fn prefix_of(network: &str, address: IpAddr) -> Option<u32> {
    let length = network.split_once('/').map_or(Some(128), |(_, length)| length.trim().parse().ok())?;
    contains(network, address)?.then_some(length)
}

const DAYS: [[&str; 3]; 7] = [
    ["mon", "monday", "月"],
    ["tue", "tuesday", "火"],
    ["wed", "wednesday", "水"],
    ["thu", "thursday", "木"],
    ["fri", "friday", "金"],
    ["sat", "saturday", "土"],
    ["sun", "sunday", "日"],
];

/// Whether a moment, written `3 09:30` (day of the week from 0 for Monday, time of day), lies within hours such as
/// `Mon-Fri 08:00-18:00`, `22:00-06:00` or `月-金 8:00-18:00`. The day is the one on which it is, also after midnight. `None` when
/// the hours cannot be read.
fn within(hours: &str, moment: &str) -> Option<bool> {
    let (day, time) = moment.split_once(' ')?;
    let (day, minute) = (day.parse::<usize>().ok()?, minutes(time)?);
    let hours = hours.to_lowercase();
    let (days, span) = hours.trim().rsplit_once(' ').unwrap_or(("", hours.trim()));
    let (from, until) = span.split_once('-')?;
    let (from, until) = (minutes(from)?, minutes(until)?);
    let time = if from <= until { (from..until).contains(&minute) } else { minute >= from || minute < until };
    if days.is_empty() {
        return Some(time);
    }
    let number = |name: &str| DAYS.iter().position(|names| names.contains(&name.trim()));
    let on_day = days.split(',').map(|part| match part.split_once('-') {
        Some((first, last)) => {
            let (first, last) = (number(first)?, number(last)?);
            Some(if first <= last { (first..=last).contains(&day) } else { day >= first || day <= last })
        }
        None => Some(number(part)? == day),
    });
    let on_day: Option<Vec<bool>> = on_day.collect();
    Some(time && on_day?.contains(&true))
}

fn minutes(time: &str) -> Option<u32> {
    let (hour, minute) = time.trim().split_once(':')?;
    let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
    (hour <= 24 && minute < 60).then_some(hour * 60 + minute)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    struct Fixed(BTreeMap<&'static str, Value<'static>>);

    impl Row for Fixed {
        fn attribute(&self, name: &str) -> Value<'_> {
            self.0.get(name).cloned().unwrap_or(Value::Absent)
        }
    }

    fn row(values: &[(&'static str, Value<'static>)]) -> Fixed {
        Fixed(values.iter().cloned().collect())
    }

    fn word(text: &'static str) -> Value<'static> {
        Value::word(Some(text))
    }

    /// Without and with letters beyond ASCII the same patterns fit.
    #[test]
    fn patterns_fit_the_same_in_every_script() {
        let texts = ["", "a", "Ab", "abc", "xAbc", "*", "**", "b"];
        for pattern in ["", "*", "**", "a*", "*b", "*B*", "abc", "ABC*", "*abc", "***", "*c"] {
            for text in texts {
                let written = fits_exactly(&pattern.to_lowercase(), &text.to_lowercase());
                assert_eq!(fits(pattern, text), written, "{pattern} {text}");
                let kana = |t: &str| t.replace(['b', 'B'], "ビ");
                assert_eq!(fits(&kana(pattern), &kana(text)), written, "{pattern} {text}");
            }
        }
    }

    #[test]
    fn an_allowed_network_that_nobody_stated_decides_nothing() {
        let test =
            Condition::Test("address".into(), Test::InNetworks(vec!["account.networks".into(), "x".into()]));
        let with =
            |networks| test.holds(&row(&[("address", word("192.0.2.9")), ("account.networks", networks)]));
        assert_eq!(with(word("192.0.2.0/24")), Truth::True);
        assert_eq!(with(word("198.51.100.0/24")), Truth::False);
        assert_eq!(with(Value::Absent), Truth::Unknown);
        assert_eq!(with(Value::Unknown), Truth::Unknown);
        assert_eq!(with(word("the office")), Truth::Unknown);
        assert_eq!(test.holds(&row(&[("account.networks", word("192.0.2.0/24"))])), Truth::Unknown);
    }

    #[test]
    fn destinations_are_allowed_by_network_or_name() {
        let allowed = |listed: &[&str], destination: &[&str]| {
            let words = |list: &[&str]| Value::Words(list.iter().map(|w| (*w).to_owned().into()).collect());
            let row = row(&[("segment.allowed", words(listed)), ("destination", words(destination))]);
            Condition::Test("destination".into(), Test::AllowedBy(vec!["segment.allowed".into()])).holds(&row)
        };
        let both = ["198.51.100.0/24", "*.example.jp"];
        for (listed, destination, holds) in [
            (&both[..], &["198.51.100.7"][..], Truth::True),
            (&both, &["updates.example.jp"], Truth::True),
            (&both, &["files.example.com", "203.0.113.9"], Truth::False),
            (&both, &["files.example.com", "198.51.100.9"], Truth::True),
            (&both, &["203.0.113.9"], Truth::Unknown),
            (&both, &["files.example.com"], Truth::Unknown),
            (&both[..1], &["203.0.113.9"], Truth::False),
            (&both[1..], &["files.example.com"], Truth::False),
        ] {
            assert_eq!(allowed(listed, destination), holds, "{listed:?} {destination:?}");
        }
    }

    #[test]
    fn networks_of_both_families_and_every_length() {
        let inside = |network, address: &str| contains(network, address.parse().unwrap());
        assert_eq!(inside("10.0.0.0/8", "10.255.0.1"), Some(true));
        assert_eq!(inside("10.0.0.0/8", "11.0.0.1"), Some(false));
        assert_eq!(inside("0.0.0.0/0", "203.0.113.7"), Some(true));
        assert_eq!(inside("192.0.2.7", "192.0.2.7"), Some(true));
        assert_eq!(inside("2001:db8::/32", "2001:db8:1::1"), Some(true));
        assert_eq!(inside("2001:db8::/32", "192.0.2.1"), Some(false));
        assert_eq!(inside("::/0", "::1"), Some(true));
        assert_eq!(inside("office", "192.0.2.1"), None);
    }

    #[test]
    fn hours_over_midnight_and_by_day() {
        assert_eq!(within("Mon-Fri 08:00-18:00", "0 08:00"), Some(true));
        assert_eq!(within("Mon-Fri 08:00-18:00", "4 18:00"), Some(false));
        assert_eq!(within("Mon-Fri 08:00-18:00", "5 12:00"), Some(false));
        assert_eq!(within("月-金 8:00-18:00", "2 9:30"), Some(true));
        assert_eq!(within("22:00-06:00", "6 23:30"), Some(true));
        assert_eq!(within("22:00-06:00", "6 06:00"), Some(false));
        assert_eq!(within("Sat-Mon 00:00-24:00", "6 12:00"), Some(true));
        assert_eq!(within("Sat,Wed 00:00-24:00", "3 12:00"), Some(false));
        assert_eq!(within("by arrangement", "3 12:00"), None);
    }

    /// An account that was not seen in thirty days of logs may have been unused for ninety, or not.
    #[test]
    fn a_lower_bound_decides_only_what_lies_below_it() {
        let of = |test| Condition::Test("n".into(), test).holds(&row(&[("n", Value::AtLeast(30.0))]));
        assert_eq!(of(Test::MoreThan(20.0)), Truth::True);
        assert_eq!(of(Test::MoreThan(90.0)), Truth::Unknown);
        assert_eq!(of(Test::LessThan(30.0)), Truth::False);
        assert_eq!(of(Test::LessThan(31.0)), Truth::Unknown);
    }

    #[test]
    fn words_with_and_without_ends() {
        for (pattern, text, fit) in [
            ("Admin", "admin", true),
            ("svc-*", "SVC-backup", true),
            ("*$", "pc1$", true),
            ("*adm*", "ctr-adm01", true),
            ("adm", "adm01", false),
            ("*", "", true),
        ] {
            assert_eq!(fits(pattern, text), fit, "{pattern} {text}");
        }
    }

    #[test]
    fn unknown_passes_through_and_the_deciding_attributes_are_named() {
        let test = |name: &str, word: &str| Condition::Test(name.into(), Test::Is(vec![word.into()]));
        let all = Condition::All(vec![test("a", "yes"), test("b", "yes"), test("c", "yes")]);
        let unknown = row(&[("a", word("yes")), ("b", Value::Truth(Truth::Unknown)), ("c", word("yes"))]);
        assert_eq!(all.holds(&unknown), Truth::Unknown);
        assert_eq!(all.decided_by(&unknown), ["b"]);
        let against = row(&[("a", word("no")), ("b", Value::Unknown), ("c", word("yes"))]);
        assert_eq!(all.holds(&against), Truth::False);
        assert_eq!(all.decided_by(&against), ["a"]);
        assert_eq!(Condition::Not(Box::new(test("b", "yes"))).holds(&unknown), Truth::Unknown);
        assert_eq!(Condition::Test("b".into(), Test::Exists(true)).holds(&unknown), Truth::Unknown);
        assert_eq!(Condition::Test("d".into(), Test::Exists(false)).holds(&unknown), Truth::True);
    }
}
