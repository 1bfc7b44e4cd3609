//! The windows of one group.

use hinomi_model::Timestamp;

use super::aggregate::{self, Aggregate};
use super::gather::Item;
use super::plan::{Goal, Plan};
use super::{Diagnosis, Limits, Occurrence};

/// Appends the occurrences among `items`, which are in order.
pub(super) fn evaluate(
    plan: &Plan<'_>,
    key: &[String],
    items: &[Item],
    limits: &Limits,
    diagnosis: &mut Diagnosis,
    found: &mut Vec<Occurrence>,
) {
    let fields = plan.correlation.group_by.iter().cloned();
    let group: Vec<(String, String)> = fields.zip(key.iter().cloned()).collect();
    let report = Report { plan, group, limits, number: 0 };
    if matches!(plan.goal, Goal::Sum(_) | Goal::Average(_) | Goal::Percentile(..)) {
        let numbers: Vec<Item> =
            items.iter().filter(|item| aggregate::units(item).is_some()).cloned().collect();
        diagnosis.without_value += (items.len() - numbers.len()) as u64;
        windows(report, &numbers, diagnosis, found);
    } else {
        windows(report, items, diagnosis, found);
    }
}

fn windows(report: Report<'_>, items: &[Item], diagnosis: &mut Diagnosis, found: &mut Vec<Occurrence>) {
    if report.plan.rising {
        sliding(report, items, found);
    } else {
        consecutive(report, items, diagnosis, found);
    }
}

/// What all occurrences of a group share.
struct Report<'a> {
    plan: &'a Plan<'a>,
    group: Vec<(String, String)>,
    limits: &'a Limits,
    number: u64,
}

impl Report<'_> {
    /// An occurrence of these items; they are not empty.
    fn open(&mut self, items: &[Item]) -> Option<Occurrence> {
        let (first, last) = (items.first()?, items.last()?);
        let mut occurrence = Occurrence {
            correlation: self.plan.index,
            group: self.group.clone(),
            matches: Vec::new(),
            more: 0,
            number: self.number,
            first: first.time,
            fired: last.time,
            last: last.time,
            alerts: self.plan.alerts,
        };
        self.number += 1;
        self.extend(&mut occurrence, items);
        Some(occurrence)
    }

    fn extend(&self, occurrence: &mut Occurrence, items: &[Item]) {
        for item in items {
            occurrence.more += item.more;
            for &at in &item.matches {
                if occurrence.matches.len() < self.limits.kept {
                    occurrence.matches.push(at);
                } else {
                    occurrence.more += 1;
                }
            }
            occurrence.last = item.time;
        }
    }
}

/// One window that follows the items, for rising conditions.
fn sliding(mut report: Report<'_>, items: &[Item], found: &mut Vec<Occurrence>) {
    let span = report.plan.correlation.timespan_ns;
    let mut aggregate = Aggregate::new(report.plan);
    let mut open: Option<Occurrence> = None;
    let (mut from, mut to) = (0, 0);
    for instant in items.chunk_by(|a, b| a.time == b.time) {
        let Some(now) = instant.first().map(|item| item.time) else { continue };
        let start = Timestamp::from_nanos(now.as_nanos().saturating_sub(span));
        while let Some(item) = items.get(from).filter(|item| item.time < start) {
            aggregate.remove(item);
            from += 1;
        }
        if open.as_ref().is_some_and(|occurrence| occurrence.last < start) {
            found.extend(open.take());
        }
        aggregate.add(now, instant);
        to += instant.len();
        match (aggregate.holds(start), &mut open) {
            (true, Some(occurrence)) => report.extend(occurrence, instant),
            (true, None) => open = report.open(items.get(from..to).unwrap_or_default()),
            (false, _) => found.extend(open.take()),
        }
    }
    found.extend(open);
}

/// Windows that follow one another, for conditions that only a complete window can meet.
fn consecutive(
    mut report: Report<'_>,
    items: &[Item],
    diagnosis: &mut Diagnosis,
    found: &mut Vec<Occurrence>,
) {
    let span = report.plan.correlation.timespan_ns;
    let mut rest = items;
    while let Some(first) = rest.first() {
        let end = Timestamp::from_nanos(first.time.as_nanos().saturating_add(span));
        let (window, after) = rest.split_at(rest.partition_point(|item| item.time <= end));
        rest = after;
        if report.limits.observed_until.is_some_and(|until| until < end) {
            diagnosis.open_windows += 1;
        } else if aggregate::complete(report.plan, window) {
            found.extend(report.open(window));
        }
    }
}
