//! A rule's tree against one event, in the plainest way the specification can be read.

use std::collections::BTreeMap;
use std::net::IpAddr;

use hinomi_detect::sigma::{
    Comparison, Network, Pattern, Patterns, Place, Regex, Search, Test, TimePart, Token,
};

/// One value of a field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NaiveValue {
    /// Anything that has a text.
    Text(String),
    /// Present without a value.
    Null,
}

/// An event: field names to values, several when the field is a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NaiveEvent(pub BTreeMap<String, Vec<NaiveValue>>);

impl NaiveEvent {
    fn values(&self, field: &str) -> &[NaiveValue] {
        self.0.get(field).map_or(&[], Vec::as_slice)
    }

    fn texts(&self, field: &str) -> impl Iterator<Item = &str> {
        self.values(field).iter().filter_map(text_of)
    }

    /// Whether `search` holds.
    pub fn satisfies(&self, search: &Search) -> bool {
        match search {
            Search::All(parts) => parts.iter().all(|part| self.satisfies(part)),
            Search::Any(parts) => parts.iter().any(|part| self.satisfies(part)),
            Search::Not(inner) => !self.satisfies(inner),
            Search::Field(field, test) => self.passes(field, test),
            Search::Keyword(patterns) => self.every_text().any(|text| matches_any(patterns, text)),
            Search::KeywordRegex(regex) => self.every_text().any(|text| finds(regex, text)),
        }
    }

    fn every_text(&self) -> impl Iterator<Item = &str> {
        self.0.values().flatten().filter_map(text_of)
    }

    fn passes(&self, field: &str, test: &Test) -> bool {
        match test {
            Test::Match(patterns) => self.values(field).iter().any(|value| match value {
                NaiveValue::Text(found) => matches_any(patterns, found),
                // What is present without a value is also empty.
                NaiveValue::Null => patterns.any.iter().any(|pattern| pattern.0.is_empty()),
            }),
            Test::Regex(regex) => self.texts(field).any(|text| finds(regex, text)),
            Test::Cidr(networks) => self.texts(field).any(|text| networks.iter().any(|n| inside(n, text))),
            Test::Exists(expected) => self.0.contains_key(field) == *expected,
            Test::Absent => !self.0.contains_key(field) || self.values(field).contains(&NaiveValue::Null),
            Test::Compare(comparison, operand) => {
                self.texts(field).filter_map(number).any(|number| compares(*comparison, number, *operand))
            }
            Test::FieldRef { other, place, cased } => self
                .texts(field)
                .any(|text| self.texts(other).any(|reference| stands(text, reference, *place, *cased))),
            Test::TimePart(part, comparison, operand) => {
                self.texts(field).filter_map(|text| time_part(text, *part)).any(|number| match comparison {
                    None => number == *operand,
                    Some(comparison) => compares(*comparison, number as f64, *operand as f64),
                })
            }
        }
    }
}

fn text_of(value: &NaiveValue) -> Option<&str> {
    match value {
        NaiveValue::Text(text) => Some(text),
        NaiveValue::Null => None,
    }
}

fn matches_any(patterns: &Patterns, text: &str) -> bool {
    let text = characters(text, patterns.cased);
    patterns.any.iter().any(|pattern| matches(pattern, patterns.cased, &text))
}

/// The characters that are compared: in lower case unless case matters. The long s counts as an s.
fn characters(text: &str, cased: bool) -> Vec<char> {
    if cased {
        return text.chars().collect();
    }
    text.chars().flat_map(char::to_lowercase).map(|c| if c == 'ſ' { 's' } else { c }).collect()
}

/// One step of a pattern.
#[derive(Clone, Copy)]
enum Step {
    This(char),
    One,
    Many,
}

/// Column by column: which numbers of pattern steps can have consumed the text so far.
fn matches(pattern: &Pattern, cased: bool, text: &[char]) -> bool {
    let mut steps = Vec::new();
    for token in &pattern.0 {
        match token {
            Token::Literal(literal) => steps.extend(characters(literal, cased).into_iter().map(Step::This)),
            Token::One => steps.push(Step::One),
            Token::Many => steps.push(Step::Many),
        }
    }
    let skip_many = |reached: &mut Vec<bool>| {
        for (at, step) in steps.iter().enumerate() {
            if matches!(step, Step::Many) && reached.get(at) == Some(&true) {
                reached.splice(at + 1..at + 2, [true]);
            }
        }
    };
    let mut reached = vec![false; steps.len() + 1];
    reached.splice(0..1, [true]);
    skip_many(&mut reached);
    for c in text {
        let mut next = vec![false];
        for (step, before) in steps.iter().zip(&reached) {
            let stays = matches!(step, Step::Many) && *before;
            if stays {
                next.pop();
                next.push(true);
            }
            let moves = match step {
                Step::This(expected) => expected == c,
                Step::One => true,
                Step::Many => false,
            };
            next.push(moves && *before);
        }
        reached = next;
        skip_many(&mut reached);
    }
    reached.last() == Some(&true)
}

fn finds(regex: &Regex, text: &str) -> bool {
    let built = regex::RegexBuilder::new(&regex.pattern)
        .case_insensitive(regex.ignore_case)
        .multi_line(regex.multi_line)
        .dot_matches_new_line(regex.dot_all)
        .build();
    built.is_ok_and(|built| built.is_match(text))
}

fn bits(address: IpAddr) -> Vec<bool> {
    let bytes = match address {
        IpAddr::V4(a) => a.octets().to_vec(),
        IpAddr::V6(a) => a.octets().to_vec(),
    };
    bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1)).collect()
}

/// Whether the text is an address of the network; an IPv4 address may be written inside IPv6.
fn inside(network: &Network, text: &str) -> bool {
    let text = text.trim();
    let Ok(address) = text.strip_prefix("::ffff:").unwrap_or(text).parse::<IpAddr>() else { return false };
    let (network_bits, address_bits) = (bits(network.address), bits(address));
    let prefix = usize::from(network.prefix);
    network_bits.len() == address_bits.len()
        && network_bits.iter().take(prefix).eq(address_bits.iter().take(prefix))
}

fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    if let Some(digits) = lower.strip_prefix("0x") {
        return u64::from_str_radix(digits, 16).ok().map(|n| n as f64);
    }
    text.parse::<f64>().ok().filter(|n| n.is_finite())
}

fn compares(comparison: Comparison, left: f64, right: f64) -> bool {
    match comparison {
        Comparison::Less => left < right,
        Comparison::LessOrEqual => left <= right,
        Comparison::Greater => left > right,
        Comparison::GreaterOrEqual => left >= right,
    }
}

fn stands(text: &str, reference: &str, place: Place, cased: bool) -> bool {
    let (text, reference) = (characters(text, cased), characters(reference, cased));
    match place {
        Place::Whole => text == reference,
        Place::Start => text.starts_with(&reference),
        Place::End => text.ends_with(&reference),
        Place::Anywhere => {
            reference.is_empty() || text.windows(reference.len()).any(|window| window == reference)
        }
    }
}

/// A part of an ISO 8601 time in UTC (`2026-01-31T12:00:00Z`, no other offset), by counting days.
fn time_part(text: &str, part: TimePart) -> Option<i64> {
    let text = text.trim();
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute) = (number(11..13)?, number(14..16)?);
    number(17..19)?;
    if !(1..=12).contains(&month) || !(1..=month_days(year, month)).contains(&day) {
        return None;
    }
    Some(match part {
        TimePart::Minute => minute,
        TimePart::Hour => hour,
        TimePart::Day => day,
        TimePart::Month => month,
        TimePart::Year => year,
        TimePart::Week => week(year, month, day),
    })
}

fn leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn month_days(year: i64, month: i64) -> i64 {
    match month {
        2 if leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// ISO 8601: weeks begin on Monday; the first week of a year is the one with its first Thursday. Found by
/// walking day by day from Monday, 1 January 1900.
fn week(year: i64, month: i64, day: i64) -> i64 {
    let (mut y, mut m, mut d) = (1900, 1, 1);
    let mut weekday = 0;
    let mut thursdays = 0;
    let mut number = 0;
    let mut finished = false;
    loop {
        if weekday == 0 {
            if finished {
                return number;
            }
            // The Thursday of this week decides to which year the week belongs.
            let mut thursday = (y, m, d);
            for _ in 0..3 {
                thursday = next_day(thursday);
            }
            thursdays = if thursday.1 == 1 && thursday.2 <= 7 { 1 } else { thursdays + 1 };
            number = thursdays;
        }
        finished |= (y, m, d) == (year, month, day);
        if finished || y > year {
            return number;
        }
        (y, m, d) = next_day((y, m, d));
        weekday = (weekday + 1) % 7;
    }
}

fn next_day((year, month, day): (i64, i64, i64)) -> (i64, i64, i64) {
    if day < month_days(year, month) {
        (year, month, day + 1)
    } else if month < 12 {
        (year, month + 1, 1)
    } else {
        (year + 1, 1, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        let token = |c| match c {
            '*' => Token::Many,
            '?' => Token::One,
            c => Token::Literal(String::from(c)),
        };
        Pattern(text.chars().map(token).collect())
    }

    #[test]
    fn wildcards() {
        for (p, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("?", "", false),
            ("?", "é", true),
            ("a*", "ABC", true),
            ("*b*", "abc", true),
            ("*?*", "", false),
            ("a*b*c", "aXXbYc", true),
            ("a*b*c", "aXXbYcd", false),
            ("*ab", "aab", true),
            ("a?c", "abbc", false),
        ] {
            let patterns = Patterns { any: vec![pattern(p)], cased: false };
            assert_eq!(matches_any(&patterns, text), expected, "{p} on {text}");
        }
        let cased = Patterns { any: vec![pattern("a*")], cased: true };
        assert!(!matches_any(&cased, "Abc"));
    }

    #[test]
    fn weeks_of_known_days() {
        // ISO 8601-1:2019, and the calendars of 2005, 2010 and 2026.
        let week = |text: &str| time_part(&format!("{text}T00:00:00Z"), TimePart::Week);
        assert_eq!(week("2005-01-01"), Some(53));
        assert_eq!(week("2008-12-29"), Some(1));
        assert_eq!(week("2010-01-03"), Some(53));
        assert_eq!(week("2010-01-04"), Some(1));
        assert_eq!(week("2026-11-21"), Some(47));
    }
}
