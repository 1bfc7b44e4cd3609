//! All tests that any rule makes on one field, applied to one value at once.

use std::net::IpAddr;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use hinomi_columns::ValueKind;
use hinomi_model::Timestamp;

use super::fold::fold_into;
use super::glob::{Glob, Simple};
use super::line_memory::LineMemory;
use super::literals::{LiteralId, LiteralIndex};
use super::predicate::PredicateId;
use crate::sigma::{Comparison, Network, Patterns, Place, Test, TimePart};

/// Tests of one field, by the predicate each decides.
#[derive(Debug, Default)]
pub(crate) struct FieldMatcher {
    /// Tells matchers of one engine apart.
    number: u32,
    whole: HashMap<Box<[u8]>, Vec<PredicateId>, RandomState>,
    longest_whole: usize,
    index: LiteralIndex,
    actions: Vec<Action>,
    unanchored: Vec<Verify>,
    scalars: Vec<(PredicateId, Scalar)>,
    any_value: Vec<PredicateId>,
    when_present: Vec<PredicateId>,
    when_null: Vec<PredicateId>,
    when_absent: Vec<PredicateId>,
}

/// What finding a literal means.
#[derive(Debug, Default)]
struct Action {
    holds: Vec<PredicateId>,
    verify: Vec<Verify>,
}

#[derive(Debug)]
struct Verify {
    glob: Glob,
    cased: bool,
    predicate: PredicateId,
}

#[derive(Debug)]
enum Scalar {
    Cidr(Vec<Network>),
    Compare(Comparison, f64),
    TimePart(TimePart, Option<Comparison>, i64),
}

/// Collects tests for a [`FieldMatcher`].
#[derive(Debug, Default)]
pub(crate) struct FieldMatcherBuilder {
    matcher: FieldMatcher,
    literal_ids: HashMap<(Box<[u8]>, Place), u32, RandomState>,
}

impl FieldMatcherBuilder {
    /// Adds an eagerly decided test. Regular expressions and field references are not; they are ignored here.
    pub(crate) fn add(&mut self, predicate: PredicateId, test: &Test) {
        match test {
            Test::Match(patterns) => self.add_patterns(predicate, patterns),
            Test::Cidr(networks) => self.scalar(predicate, Scalar::Cidr(networks.clone())),
            Test::Compare(comparison, operand) => {
                self.scalar(predicate, Scalar::Compare(*comparison, *operand));
            }
            Test::TimePart(part, comparison, number) => {
                self.scalar(predicate, Scalar::TimePart(*part, *comparison, *number));
            }
            Test::Exists(true) => self.matcher.when_present.push(predicate),
            Test::Exists(false) => self.matcher.when_absent.push(predicate),
            Test::Absent => {
                self.matcher.when_absent.push(predicate);
                self.matcher.when_null.push(predicate);
            }
            Test::Regex(_) | Test::FieldRef { .. } => {}
        }
    }

    fn scalar(&mut self, predicate: PredicateId, scalar: Scalar) {
        self.matcher.scalars.push((predicate, scalar));
    }

    /// Adds alternatives of text.
    pub(crate) fn add_patterns(&mut self, predicate: PredicateId, patterns: &Patterns) {
        // What is present without a value is also empty.
        if patterns.any.iter().any(|pattern| pattern.0.is_empty()) {
            self.matcher.when_null.push(predicate);
        }
        for pattern in &patterns.any {
            let folded = Glob::new(pattern, false);
            let (bytes, place) = match folded.simple() {
                Simple::Any => {
                    self.matcher.any_value.push(predicate);
                    continue;
                }
                _ if patterns.cased => {
                    self.add_verified(predicate, Glob::new(pattern, true), true, folded.anchor());
                    continue;
                }
                Simple::Whole(bytes) => {
                    self.matcher.whole.entry(bytes.into()).or_default().push(predicate);
                    continue;
                }
                Simple::Start(bytes) => (bytes, Place::Start),
                Simple::End(bytes) => (bytes, Place::End),
                Simple::Anywhere(bytes) => (bytes, Place::Anywhere),
                Simple::No => {
                    self.add_verified(predicate, folded.clone(), false, folded.anchor());
                    continue;
                }
            };
            self.action((bytes.into(), place)).holds.push(predicate);
        }
    }

    fn add_verified(&mut self, predicate: PredicateId, glob: Glob, cased: bool, anchor: Option<&[u8]>) {
        let verify = Verify { glob, cased, predicate };
        match anchor {
            Some(anchor) => self.action((anchor.into(), Place::Anywhere)).verify.push(verify),
            None => self.matcher.unanchored.push(verify),
        }
    }

    fn action(&mut self, literal: (Box<[u8]>, Place)) -> &mut Action {
        let actions = &mut self.matcher.actions;
        let id = *self.literal_ids.entry(literal).or_insert_with(|| {
            actions.push(Action::default());
            actions.len() as u32 - 1
        });
        #[expect(clippy::indexing_slicing, reason = "ids are indices of actions pushed above")]
        &mut actions[id as usize]
    }

    /// Builds the index over everything added; `number` is the matcher's own.
    pub(crate) fn build(self, number: u32) -> FieldMatcher {
        let Self { mut matcher, literal_ids } = self;
        matcher.number = number;
        matcher.longest_whole = matcher.whole.keys().map(|k| k.len()).max().unwrap_or_default();
        matcher.index =
            LiteralIndex::new(literal_ids.into_iter().map(|((bytes, place), id)| (bytes, place, id)));
        matcher
    }
}

/// Buffers reused from value to value, and what was found in lines of long values.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    folded: Vec<u8>,
    found: Vec<LiteralId>,
    lines: HashMap<u32, LineMemory, RandomState>,
}

/// Values from this length on are searched line by line: long texts of one source repeat most of their lines.
const LONG: usize = 512;

impl FieldMatcher {
    /// Appends the predicates that hold when the event lacks the field.
    pub(crate) fn when_absent(&self) -> &[PredicateId] {
        &self.when_absent
    }

    /// Appends the predicates that `value` satisfies, perhaps repeated.
    pub(crate) fn test(
        &self,
        value: &str,
        kind: ValueKind,
        scratch: &mut Scratch,
        out: &mut Vec<PredicateId>,
    ) {
        out.extend_from_slice(&self.when_present);
        if kind == ValueKind::Null {
            out.extend_from_slice(&self.when_null);
            return;
        }
        out.extend_from_slice(&self.any_value);
        let Scratch { folded, found, lines } = scratch;
        folded.clear();
        found.clear();
        if value.len() >= LONG && !self.index.spans_lines() {
            let memory = lines.entry(self.number).or_default();
            memory.find(&self.index, value, folded, found);
            folded.clear();
        } else {
            fold_into(value, folded);
            self.index.find(folded, |id| found.push(id));
        }
        let mut verified = |v: &Verify| {
            if folded.is_empty() {
                fold_into(value, folded);
            }
            v.glob.matches(if v.cased { value.as_bytes() } else { folded })
        };
        for action in found.iter().filter_map(|&id| self.actions.get(id as usize)) {
            out.extend_from_slice(&action.holds);
            out.extend(action.verify.iter().filter(|v| verified(v)).map(|v| v.predicate));
        }
        out.extend(self.unanchored.iter().filter(|v| verified(v)).map(|v| v.predicate));
        // Folding shortens a text to a third at most.
        if !self.whole.is_empty() && value.len() <= self.longest_whole.saturating_mul(3) {
            if folded.is_empty() {
                fold_into(value, folded);
            }
            out.extend(self.whole.get(folded.as_slice()).into_iter().flatten());
        }
        out.extend(self.scalars.iter().filter(|(_, s)| s.holds(value)).map(|(p, _)| *p));
    }
}

impl Scalar {
    fn holds(&self, value: &str) -> bool {
        match self {
            Self::Cidr(networks) => {
                let address = value.trim().trim_start_matches("::ffff:").parse::<IpAddr>();
                address.is_ok_and(|address| networks.iter().any(|n| n.contains(address)))
            }
            Self::Compare(comparison, operand) => {
                number(value).is_some_and(|n| comparison.holds(n, *operand))
            }
            Self::TimePart(part, comparison, operand) => time(value).is_some_and(|t| match comparison {
                None => part.of(t) == *operand,
                Some(comparison) => comparison.holds(part.of(t) as f64, *operand as f64),
            }),
        }
    }
}

impl Comparison {
    /// `left` compares so with `right`.
    pub fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
        }
    }
}

/// A decimal or `0x` number.
pub(crate) fn number(value: &str) -> Option<f64> {
    let value = value.trim();
    match value.strip_prefix("0x").or_else(|| value.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16).ok().map(|n| n as f64),
        None => value.parse().ok().filter(|n: &f64| n.is_finite()),
    }
}

fn time(value: &str) -> Option<Timestamp> {
    Timestamp::parse_iso(value.trim().as_bytes(), true)
}

impl TimePart {
    /// The part of `time`, in UTC.
    pub fn of(self, time: Timestamp) -> i64 {
        let ((year, month, day), (hour, minute, _), _) = time.to_civil();
        match self {
            Self::Minute => i64::from(minute),
            Self::Hour => i64::from(hour),
            Self::Day => i64::from(day),
            Self::Month => i64::from(month),
            Self::Year => i64::from(year),
            Self::Week => iso_week(time),
        }
    }
}

/// ISO 8601 week number: the week of the year that holds the Thursday of the same week.
fn iso_week(time: Timestamp) -> i64 {
    const DAY: i64 = 86_400 * hinomi_model::NANOS_PER_SECOND;
    let days = time.as_nanos().div_euclid(DAY);
    let thursday = days - (days + 3).rem_euclid(7) + 3;
    let ((year, _, _), _, _) = Timestamp::from_nanos(thursday * DAY).to_civil();
    let january = Timestamp::from_civil((year, 1, 1), (0, 0, 0), 0).map_or(thursday, |t| t.as_nanos() / DAY);
    (thursday - january) / 7 + 1
}

impl Network {
    /// Whether `address` lies inside. IPv4 and IPv6 never contain each other.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let shift = 32 - u32::from(self.prefix.min(32));
                let top = |a: std::net::Ipv4Addr| u32::from(a).checked_shr(shift).unwrap_or(0);
                top(network) == top(address)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let shift = 128 - u32::from(self.prefix.min(128));
                let top = |a: std::net::Ipv6Addr| u128::from(a).checked_shr(shift).unwrap_or(0);
                top(network) == top(address)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso_weeks() {
        // Examples of ISO 8601: 2005-01-01 is in week 53 of 2004; 2008-12-29 in week 1 of 2009.
        let week = |y, m, d| TimePart::Week.of(Timestamp::from_civil((y, m, d), (12, 0, 0), 0).unwrap());
        assert_eq!(
            [week(2005, 1, 1), week(2008, 12, 29), week(2026, 1, 1), week(2026, 11, 21)],
            [53, 1, 1, 47]
        );
    }

    #[test]
    fn networks() {
        let network = |address: &str, prefix| Network { address: address.parse().unwrap(), prefix };
        let check = |n: Network, address: &str, expected| {
            assert_eq!(n.contains(address.parse().unwrap()), expected, "{address}");
        };
        check(network("10.0.0.0", 8), "10.255.0.1", true);
        check(network("10.0.0.0", 8), "11.0.0.1", false);
        check(network("0.0.0.0", 0), "1.2.3.4", true);
        check(network("fe80::", 10), "fe80::1", true);
        check(network("::", 0), "1.2.3.4", false);
        check(network("127.0.0.1", 32), "127.0.0.1", true);
    }

    #[test]
    fn numbers_are_decimal_or_hexadecimal() {
        assert_eq!(
            [number("12"), number("0x10"), number("1e2"), number("x"), number("inf")],
            [Some(12.0), Some(16.0), Some(100.0), None, None]
        );
    }
}
