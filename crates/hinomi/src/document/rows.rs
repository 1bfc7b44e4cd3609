//! Steps of an incident as rows of the document.
//!
//! A step is one rule on one host under one account. What runs through fourteen hosts within minutes reads as one row; and
//! where there are more rows than fit, those go first that say nothing new: an incident of months must not lose its end.

use std::collections::BTreeSet;

use hinomi_model::{NANOS_PER_SECOND, Timestamp};

use crate::report::StepEntry;

/// Steps of one rule are one row when they follow each other within this.
const NEAR_NS: i64 = 3600 * NANOS_PER_SECOND;
/// Rows that a step may belong to, looked at backwards.
const NEAR_ROWS: usize = 8;
/// Steps of one row.
const MOST_FOLDED: usize = 16;

/// Rows in order of time, `most` at most, and the number of steps that are left out. The first row of each rule goes before
/// further ones, and these before weak signals.
pub(super) fn rows<'s, 'r>(
    steps: &'s [StepEntry],
    most: usize,
    rule: impl Fn(&StepEntry) -> &'r str,
) -> (Vec<Vec<&'s StepEntry>>, usize) {
    let mut rows: Vec<Vec<&StepEntry>> = Vec::new();
    for step in steps {
        let alike = |row: &&mut Vec<&StepEntry>| {
            let Some(other) = row.last() else { return false };
            let near = |(now, then): (Timestamp, Timestamp)| now.as_nanos() - then.as_nanos() <= NEAR_NS;
            row.len() < MOST_FOLDED
                && rule(other) == rule(step)
                && (other.weak, other.certainty, &other.why) == (step.weak, step.certainty, &step.why)
                && step.first.zip(other.last).is_some_and(near)
        };
        match rows.iter_mut().rev().take(NEAR_ROWS).find(alike) {
            Some(row) => row.push(step),
            None => rows.push(vec![step]),
        }
    }
    let mut seen = BTreeSet::new();
    let mut ranked: Vec<(u8, usize)> = Vec::new();
    for (place, step) in rows.iter().enumerate().filter_map(|(n, row)| Some((n, row.first()?))) {
        let new = seen.insert((rule(step), step.weak));
        ranked.push((if step.weak { 2 } else { u8::from(!new) }, place));
    }
    ranked.sort_unstable();
    let kept: BTreeSet<usize> = ranked.into_iter().take(most).map(|(_, place)| place).collect();
    let left_out = rows.iter().enumerate().filter(|(n, _)| !kept.contains(n)).map(|(_, row)| row.len()).sum();
    let shown = rows.into_iter().enumerate().filter(|(n, _)| kept.contains(n)).map(|(_, row)| row);
    (shown.collect(), left_out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(rule: &str, minute: i64, weak: bool) -> StepEntry {
        let time = Some(Timestamp::from_nanos(minute * 60 * NANOS_PER_SECOND));
        StepEntry {
            first: time,
            last: time,
            detections: vec![rule.to_owned()],
            stages: Vec::new(),
            certainty: "confirmed",
            why: Vec::new(),
            weak,
        }
    }

    /// Rules and sizes of the rows, and what is left out.
    fn shown(steps: &[StepEntry], most: usize) -> (Vec<(&str, usize)>, usize) {
        let (found, left_out) = rows(steps, most, |s| match s.detections[0].as_str() {
            "a" => "a",
            "b" => "b",
            _ => "c",
        });
        (found.iter().map(|row| (row[0].detections[0].as_str(), row.len())).collect(), left_out)
    }

    #[test]
    fn what_runs_through_many_hosts_is_one_row() {
        let steps = [step("a", 0, false), step("b", 1, false), step("a", 2, false), step("a", 50, false)];
        assert_eq!(shown(&steps, 9), (vec![("a", 3), ("b", 1)], 0));
        let late = [step("a", 0, false), step("a", 61, false)];
        assert_eq!(shown(&late, 9), (vec![("a", 1), ("a", 1)], 0));
        let weak = [step("a", 0, false), step("a", 1, true)];
        assert_eq!(shown(&weak, 9), (vec![("a", 1), ("a", 1)], 0));
    }

    #[test]
    fn the_end_of_a_long_incident_is_kept() {
        let mut steps: Vec<StepEntry> = (0..40).map(|n| step("a", n * 100, false)).collect();
        steps.push(step("b", 5000, true));
        steps.push(step("c", 6000, false));
        assert_eq!(shown(&steps, 3), (vec![("a", 1), ("a", 1), ("c", 1)], 39));
    }
}
