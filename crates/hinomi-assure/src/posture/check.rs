//! Checks of one value of a document.

use std::fmt;

use hinomi_model::Timestamp;
use regex::Regex;
use serde_json::Value;

const NANOS_PER_DAY: i64 = 86_400_000_000_000;

/// A check of one value.
#[derive(Clone, Debug)]
pub(super) enum Check {
    Is(Value),
    IsNot(Value),
    In(Vec<Value>),
    NotIn(Vec<Value>),
    Has(Vec<Value>),
    HasAny(Vec<Value>),
    HasNone(Vec<Value>),
    Empty(bool),
    Exists(bool),
    Compare(Relation, f64),
    Matches(Regex),
    NotMatches(Regex),
    LastsAtMostDays(f64),
    OlderThanDays(i64),
    WithinDays(i64),
    Past(bool),
}

/// How a number relates to a bound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Relation {
    AtLeast,
    AtMost,
    Exactly,
}

impl Relation {
    pub(super) fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Self::AtLeast => value >= bound,
            Self::AtMost => value <= bound,
            Self::Exactly => (value - bound).abs() < f64::EPSILON,
        }
    }
}

impl Relation {
    /// Whether some number of the first range could stand so to some number of the second.
    pub(super) fn may_hold_between(self, value: (f64, f64), bound: (f64, f64)) -> bool {
        match self {
            Self::AtLeast => value.1 >= bound.0,
            Self::AtMost => value.0 <= bound.1,
            Self::Exactly => value.1 >= bound.0 && value.0 <= bound.1,
        }
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AtLeast => "at least",
            Self::AtMost => "at most",
            Self::Exactly => "exactly",
        })
    }
}

impl Check {
    /// Whether the value passes; `None` when it is not of a sort that could tell.
    pub(super) fn holds(&self, value: &Value, now: Timestamp) -> Option<bool> {
        match self {
            Self::Is(wanted) => Some(same(value, wanted)),
            Self::IsNot(wanted) => Some(!same(value, wanted)),
            Self::In(wanted) => Some(among(value, wanted)),
            Self::NotIn(wanted) => Some(!among(value, wanted)),
            Self::Has(wanted) => elements(value).map(|has| wanted.iter().all(|one| among(one, has))),
            Self::HasAny(wanted) => elements(value).map(|has| wanted.iter().any(|one| among(one, has))),
            Self::HasNone(wanted) => elements(value).map(|has| !wanted.iter().any(|one| among(one, has))),
            Self::Empty(wanted) => Some(is_empty(value) == *wanted),
            Self::Exists(wanted) => Some(*wanted),
            Self::Compare(relation, bound) => number(value).map(|value| relation.holds(value, *bound)),
            Self::Matches(pattern) => text(value).map(|text| pattern.is_match(&text)),
            Self::NotMatches(pattern) => text(value).map(|text| !pattern.is_match(&text)),
            Self::LastsAtMostDays(days) => days_of_duration(value.as_str()?).map(|lasts| lasts <= *days),
            Self::OlderThanDays(days) => age_days(value, now).map(|age| age > *days),
            Self::WithinDays(days) => age_days(value, now).map(|age| age <= *days),
            Self::Past(wanted) => time(value).map(|time| (time <= now) == *wanted),
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(wanted) => write!(f, "is {wanted}"),
            Self::IsNot(wanted) => write!(f, "is not {wanted}"),
            Self::In(wanted) => write!(f, "in {}", listed(wanted)),
            Self::NotIn(wanted) => write!(f, "not in {}", listed(wanted)),
            Self::Has(wanted) => write!(f, "has {}", listed(wanted)),
            Self::HasAny(wanted) => write!(f, "has any of {}", listed(wanted)),
            Self::HasNone(wanted) => write!(f, "has none of {}", listed(wanted)),
            Self::Empty(true) => f.write_str("empty"),
            Self::Empty(false) => f.write_str("not empty"),
            Self::Exists(true) => f.write_str("exists"),
            Self::Exists(false) => f.write_str("does not exist"),
            Self::Compare(relation, bound) => write!(f, "{relation} {bound}"),
            Self::Matches(pattern) => write!(f, "matches {pattern}"),
            Self::NotMatches(pattern) => write!(f, "does not match {pattern}"),
            Self::LastsAtMostDays(days) => write!(f, "lasts at most {days} days"),
            Self::OlderThanDays(days) => write!(f, "older than {days} days"),
            Self::WithinDays(days) => write!(f, "within the last {days} days"),
            Self::Past(true) => f.write_str("a time that has come"),
            Self::Past(false) => f.write_str("a time to come"),
        }
    }
}

fn listed(values: &[Value]) -> String {
    let shown: Vec<String> = values.iter().map(Value::to_string).collect();
    format!("[{}]", shown.join(", "))
}

/// Equality of JSON, in which 30 and 30.0 are one number.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        _ => a == b,
    }
}

fn among(value: &Value, list: &[Value]) -> bool {
    list.iter().any(|one| same(value, one))
}

/// The elements of a list: nothing has none, and a bare value is a list of one.
fn elements(value: &Value) -> Option<&[Value]> {
    match value {
        Value::Null => Some(&[]),
        Value::Array(items) => Some(items),
        Value::Object(_) => None,
        bare => Some(std::slice::from_ref(bare)),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.iter().all(Value::is_null),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null => Some(String::new()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// Days of an ISO 8601 duration (weeks, days, hours, minutes, seconds; years and months have no fixed length).
fn days_of_duration(text: &str) -> Option<f64> {
    let (date, time) = match text.strip_prefix('P')?.split_once('T') {
        Some((date, time)) if !time.is_empty() => (date, time),
        Some(_) => return None,
        None => (text.strip_prefix('P')?, ""),
    };
    if date.is_empty() && time.is_empty() {
        return None;
    }
    let days = designated(date, &[('W', 7.0), ('D', 1.0)])?;
    Some(days + designated(time, &[('H', 1.0 / 24.0), ('M', 1.0 / 1440.0), ('S', 1.0 / 86_400.0)])?)
}

fn designated(mut text: &str, units: &[(char, f64)]) -> Option<f64> {
    let mut sum = 0.0;
    for (unit, days) in units {
        if let Some((count, rest)) = text.split_once(*unit) {
            sum += count.parse::<f64>().ok().filter(|n| n.is_finite() && *n >= 0.0)? * days;
            text = rest;
        }
    }
    text.is_empty().then_some(sum)
}

/// Whole days from the value's time to `now`; `None` when the value is no time.
fn age_days(value: &Value, now: Timestamp) -> Option<i64> {
    Some((now.as_nanos() - time(value)?.as_nanos()).div_euclid(NANOS_PER_DAY))
}

/// RFC 3339, a plain day, or milliseconds since 1970 in the `/Date(…)/` form of older JSON writers.
fn time(value: &Value) -> Option<Timestamp> {
    let text = value.as_str()?;
    if let Some(millis) = text.strip_prefix("/Date(").and_then(|rest| rest.strip_suffix(")/")) {
        return millis.parse::<i64>().ok()?.checked_mul(1_000_000).map(Timestamp::from_nanos);
    }
    match text.len() {
        10 => Timestamp::parse_iso(format!("{text}T00:00:00Z").as_bytes(), true),
        _ => Timestamp::parse_iso(text.as_bytes(), true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn holds(check: Check, value: Value) -> Option<bool> {
        let now = Timestamp::parse_iso(b"2026-01-31T00:00:00Z", true).unwrap();
        check.holds(&value, now)
    }

    #[test]
    fn values_that_could_not_tell_do_not() {
        assert_eq!(holds(Check::Compare(Relation::AtMost, 30.0), json!(30)), Some(true));
        assert_eq!(holds(Check::Compare(Relation::AtMost, 30.0), json!("31")), Some(false));
        assert_eq!(holds(Check::Compare(Relation::AtMost, 30.0), json!(null)), None);
        assert_eq!(holds(Check::Compare(Relation::AtMost, 30.0), json!("soon")), None);
        assert_eq!(holds(Check::Has(vec![json!("All")]), json!({"All": 1})), None);
        assert_eq!(holds(Check::WithinDays(1), json!("yesterday")), None);
        assert_eq!(holds(Check::LastsAtMostDays(1.0), json!(3)), None);
    }

    #[test]
    fn lists_unwrapped_by_a_shell_are_lists() {
        assert_eq!(holds(Check::Has(vec![json!("All")]), json!("All")), Some(true));
        assert_eq!(holds(Check::Has(vec![json!("All")]), json!(null)), Some(false));
        assert_eq!(holds(Check::HasNone(vec![json!(1)]), json!([2, 1.0])), Some(false));
        assert_eq!(holds(Check::HasAny(vec![json!(1), json!(5)]), json!([5])), Some(true));
        assert_eq!(holds(Check::Empty(true), json!([null])), Some(true));
        assert_eq!(holds(Check::Empty(true), json!(false)), Some(false));
    }

    #[test]
    fn durations_and_days() {
        assert_eq!(days_of_duration("P15D"), Some(15.0));
        assert_eq!(days_of_duration("P1W"), Some(7.0));
        assert_eq!(days_of_duration("P1DT12H"), Some(1.5));
        assert_eq!(days_of_duration("PT30M").map(|d| (d * 1440.0).round()), Some(30.0));
        for bad in ["", "P", "PT", "P1Y", "P1M", "P-1D", "15D", "P1D2", "PT1D"] {
            assert_eq!(days_of_duration(bad), None, "{bad}");
        }
        for text in ["2026-01-01", "2026-01-01T00:00:00Z", "/Date(1767225600000)/"] {
            assert_eq!(holds(Check::WithinDays(30), json!(text)), Some(true), "{text}");
            assert_eq!(holds(Check::OlderThanDays(29), json!(text)), Some(true), "{text}");
            assert_eq!(holds(Check::WithinDays(29), json!(text)), Some(false), "{text}");
        }
    }
}
