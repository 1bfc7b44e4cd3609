//! Correlations by their definition: every window is looked at anew, every chain is searched for.
//!
//! # Not here
//! Correlations of correlations, bounds of memory, events without a time.

use std::collections::{BTreeMap, BTreeSet};

use hinomi_detect::sigma::{
    Comparison, Correlation, CorrelationKind, CountCondition, RuleExpression, TemporalCondition,
};

/// An event that rules matched.
#[derive(Clone, Debug)]
pub struct NaiveHit {
    /// The rules, by name.
    pub rules: BTreeSet<String>,
    /// Nanoseconds since the epoch.
    pub time: i64,
    /// Its fields.
    pub fields: BTreeMap<String, String>,
}

/// A time at which a correlation fired.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NaiveOccurrence {
    /// When the condition first held.
    pub fired: i64,
    /// Values of the group.
    pub group: Vec<String>,
    /// Positions of the events, ascending.
    pub events: Vec<usize>,
}

/// The occurrences of `correlation`, by (time, group).
pub fn occurrences(correlation: &Correlation, hits: &[NaiveHit]) -> Vec<NaiveOccurrence> {
    let mut groups: BTreeMap<Vec<String>, Vec<usize>> = BTreeMap::new();
    for (at, hit) in hits.iter().enumerate() {
        let refers = hit.rules.iter().any(|rule| correlation.rules.contains(rule));
        let group: Option<Vec<String>> =
            correlation.group_by.iter().map(|field| value(correlation, hit, field)).collect();
        let group = group.filter(|_| refers && has_value(correlation, hit));
        group.into_iter().for_each(|group| groups.entry(group).or_default().push(at));
    }
    let mut found = Vec::new();
    for (group, members) in groups {
        let judge = Judge { correlation, hits };
        let each = if judge.is_rising() { judge.sliding(&members) } else { judge.consecutive(&members) };
        found.extend(each.into_iter().map(|(fired, mut events)| {
            events.sort_unstable();
            NaiveOccurrence { fired, group: group.clone(), events }
        }));
    }
    found.sort();
    found
}

fn value(correlation: &Correlation, hit: &NaiveHit, field: &str) -> Option<String> {
    let aliased = correlation.rules.iter().filter(|rule| hit.rules.contains(*rule)).find_map(|rule| {
        let name = correlation.aliases.get(field).and_then(|fields| fields.get(rule));
        hit.fields.get(name.map_or(field, String::as_str))
    });
    aliased.cloned()
}

fn has_value(correlation: &Correlation, hit: &NaiveHit) -> bool {
    match &correlation.kind {
        CorrelationKind::ValueCount { fields, .. } => fields.iter().all(|f| hit.fields.contains_key(f)),
        CorrelationKind::ValueSum(field, _)
        | CorrelationKind::ValueAverage(field, _)
        | CorrelationKind::ValuePercentile(field, _, _) => number(hit, field).is_some(),
        _ => true,
    }
}

/// Whole numbers only: tests of fractions are written by hand.
fn number(hit: &NaiveHit, field: &str) -> Option<i64> {
    hit.fields.get(field)?.parse().ok()
}

struct Judge<'a> {
    correlation: &'a Correlation,
    hits: &'a [NaiveHit],
}

impl Judge<'_> {
    fn time(&self, at: usize) -> i64 {
        self.hits.get(at).map_or(0, |hit| hit.time)
    }

    fn is_rising(&self) -> bool {
        let rising = |c: &CountCondition| {
            let up = |c: &Comparison| matches!(c, Comparison::Greater | Comparison::GreaterOrEqual);
            c.bounds.iter().all(|(c, _)| up(c)) && c.equals.is_none() && c.not_equals.is_none()
        };
        match &self.correlation.kind {
            CorrelationKind::EventCount(c)
            | CorrelationKind::ValueCount { condition: c, .. }
            | CorrelationKind::ValueSum(_, c) => rising(c),
            CorrelationKind::ValueAverage(..) | CorrelationKind::ValuePercentile(..) => false,
            CorrelationKind::Temporal(c) | CorrelationKind::TemporalOrdered(c) => match c {
                TemporalCondition::All => true,
                TemporalCondition::Count(c) => rising(c),
                TemporalCondition::Expression(e) => !mentions_not(e),
            },
        }
    }

    /// After every instant, over everything at most a time span old.
    fn sliding(&self, members: &[usize]) -> Vec<(i64, Vec<usize>)> {
        let instants: BTreeSet<i64> = members.iter().map(|at| self.time(*at)).collect();
        let mut done = Vec::new();
        let mut open: Option<(i64, Vec<usize>)> = None;
        for now in instants {
            let start = now - self.correlation.timespan_ns;
            let inside = |at: &usize| (start..=now).contains(&self.time(*at));
            let window: Vec<usize> = members.iter().copied().filter(inside).collect();
            let newest = |events: &[usize]| events.iter().map(|at| self.time(*at)).max();
            if open.as_ref().is_some_and(|(_, events)| newest(events) < Some(start)) {
                done.extend(open.take());
            }
            if !self.holds(&window) {
                done.extend(open.take());
                continue;
            }
            let new = window.iter().copied().filter(|at| self.time(*at) == now);
            match &mut open {
                Some((_, events)) => events.extend(new),
                None => open = Some((now, window)),
            }
        }
        done.extend(open);
        done
    }

    /// Windows one after the other.
    fn consecutive(&self, members: &[usize]) -> Vec<(i64, Vec<usize>)> {
        let mut left: Vec<usize> = members.to_vec();
        let mut done = Vec::new();
        while let Some(first) = left.iter().map(|at| self.time(*at)).min() {
            let end = first + self.correlation.timespan_ns;
            let (window, later): (Vec<usize>, Vec<usize>) =
                left.into_iter().partition(|at| self.time(*at) <= end);
            left = later;
            let last = window.iter().map(|at| self.time(*at)).max().unwrap_or(first);
            if self.holds(&window) {
                done.push((last, window));
            }
        }
        done
    }

    fn holds(&self, window: &[usize]) -> bool {
        let hits: Vec<&NaiveHit> = window.iter().filter_map(|at| self.hits.get(*at)).collect();
        let numbers = |field: &str| {
            hits.iter().filter_map(|hit| number(hit, field)).map(|n| n as f64).collect::<Vec<_>>()
        };
        match &self.correlation.kind {
            CorrelationKind::EventCount(c) => meets(c, hits.len() as f64),
            CorrelationKind::ValueCount { fields, condition } => {
                let tuple =
                    |hit: &NaiveHit| fields.iter().map(|f| hit.fields.get(f).cloned()).collect::<Vec<_>>();
                let distinct: BTreeSet<_> = hits.iter().map(|hit| tuple(hit)).collect();
                meets(condition, distinct.len() as f64)
            }
            CorrelationKind::ValueSum(field, c) => meets(c, numbers(field).iter().sum()),
            CorrelationKind::ValueAverage(field, c) => {
                let all = numbers(field);
                meets(c, all.iter().sum::<f64>() / all.len() as f64)
            }
            CorrelationKind::ValuePercentile(field, percentile, c) => {
                // Nearest rank: the smallest value that at least so many per cent do not exceed.
                let all = numbers(field);
                let share =
                    |v: f64| all.iter().filter(|n| **n <= v).count() as f64 * 100.0 / all.len() as f64;
                let candidates = all.iter().copied().filter(|v| share(*v) >= *percentile);
                candidates.min_by(f64::total_cmp).is_some_and(|value| meets(c, value))
            }
            CorrelationKind::Temporal(c) => {
                let rules = &self.correlation.rules;
                let occurred =
                    rules.iter().enumerate().filter(|(_, r)| hits.iter().any(|h| h.rules.contains(*r)));
                self.meets_rules(c, &occurred.map(|(at, _)| at).collect())
            }
            CorrelationKind::TemporalOrdered(c) => {
                let count = self.correlation.rules.len();
                (0..1usize << count).any(|mask| {
                    let chosen: BTreeSet<usize> = (0..count).filter(|at| mask >> at & 1 == 1).collect();
                    let steps: Vec<usize> = chosen.iter().copied().collect();
                    self.meets_rules(c, &chosen)
                        && chain(&self.correlation.rules, &hits, &steps, i64::MIN, &[])
                })
            }
        }
    }

    fn meets_rules(&self, condition: &TemporalCondition, occurred: &BTreeSet<usize>) -> bool {
        match condition {
            TemporalCondition::All => occurred.len() == self.correlation.rules.len(),
            TemporalCondition::Count(c) => meets(c, occurred.len() as f64),
            TemporalCondition::Expression(e) => self.expression(e, occurred),
        }
    }

    fn expression(&self, expression: &RuleExpression, occurred: &BTreeSet<usize>) -> bool {
        match expression {
            RuleExpression::Rule(name) => {
                let position = self.correlation.rules.iter().position(|rule| rule == name);
                position.is_some_and(|at| occurred.contains(&at))
            }
            RuleExpression::All(parts) => parts.iter().all(|part| self.expression(part, occurred)),
            RuleExpression::Any(parts) => parts.iter().any(|part| self.expression(part, occurred)),
            RuleExpression::Not(inner) => !self.expression(inner, occurred),
        }
    }
}

fn mentions_not(expression: &RuleExpression) -> bool {
    match expression {
        RuleExpression::Rule(_) => false,
        RuleExpression::All(parts) | RuleExpression::Any(parts) => parts.iter().any(mentions_not),
        RuleExpression::Not(_) => true,
    }
}

/// Whether the steps can be met by different hits whose times do not decrease.
fn chain(rules: &[String], hits: &[&NaiveHit], steps: &[usize], after: i64, used: &[usize]) -> bool {
    let Some((step, rest)) = steps.split_first() else { return true };
    let Some(rule) = rules.get(*step) else { return false };
    hits.iter().enumerate().any(|(at, hit)| {
        let fits = hit.time >= after && hit.rules.contains(rule) && !used.contains(&at);
        fits && chain(rules, hits, rest, hit.time, &[used, &[at]].concat())
    })
}

fn meets(condition: &CountCondition, value: f64) -> bool {
    let bounds = condition.bounds.iter().all(|(comparison, bound)| match comparison {
        Comparison::Less => value < *bound,
        Comparison::LessOrEqual => value <= *bound,
        Comparison::Greater => value > *bound,
        Comparison::GreaterOrEqual => value >= *bound,
    });
    let same = |n: f64| value.total_cmp(&n).is_eq();
    bounds && condition.equals.is_none_or(same) && !condition.not_equals.is_some_and(same)
}
