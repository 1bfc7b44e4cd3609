//! Judging recorded sets: a recording is one procedure, or background.

use std::collections::BTreeMap;

use hinomi_model::{Level, NANOS_PER_SECOND};

use super::labels::Label;
use super::outcome::{Background, Outcome, Verdict};
use super::pack::Pack;
use crate::report::{DetectionEntry, Report};

/// Whether `found` is `labelled`, its parent or one of its sub-techniques.
pub(super) fn related(found: &str, labelled: &str) -> bool {
    let parent = |id: &str| id.split('.').next().unwrap_or_default().to_uppercase();
    parent(found) == parent(labelled)
        && (found.eq_ignore_ascii_case(labelled) || !found.contains('.') || !labelled.contains('.'))
}

/// What came of a recording with an attack.
pub fn capture_outcome(pack: &Pack, label: &Label, report: &Report, least: Level) -> Outcome {
    let counted: Vec<&DetectionEntry> = report.detections.iter().filter(|d| d.level >= least).collect();
    let of_technique = |d: &&&DetectionEntry| {
        d.techniques.iter().any(|t| label.techniques.iter().any(|l| related(&t.id, l)))
    };
    let of_tactic = |d: &&&DetectionEntry| label.tactics.iter().any(|t| pack.has_tactic(&d.rule_id, t));
    let mut matching: Vec<&DetectionEntry> = counted.iter().filter(of_technique).copied().collect();
    let mut verdict = Verdict::Detected;
    if matching.is_empty() && label.techniques.is_empty() {
        matching = counted.iter().filter(of_tactic).copied().collect();
        verdict = Verdict::Tactic;
    }
    if label.techniques.is_empty() && label.tactics.is_empty() {
        verdict = Verdict::Unlabelled;
    } else if matching.is_empty() {
        verdict = match (report.summary.events, counted.len()) {
            (0, _) => Verdict::Unreadable,
            (_, 0) => Verdict::Missed,
            _ => Verdict::Other,
        };
    }
    let first = matching.iter().filter_map(|d| d.time).min();
    let delay = match (first, report.summary.first) {
        (Some(at), Some(start)) => Some((at.as_nanos() - start.as_nanos()) as f64 / NANOS_PER_SECOND as f64),
        _ => None,
    };
    let shown = if matching.is_empty() { &counted } else { &matching };
    let mut rules: Vec<String> = shown.iter().map(|d| d.title.clone()).collect();
    rules.sort();
    rules.dedup();
    Outcome {
        procedure: label.capture.clone(),
        group: label.group.clone(),
        techniques: label.techniques.clone(),
        tactics: label.tactics.clone(),
        verdict,
        level: shown.iter().map(|d| d.level).max(),
        delay_seconds: delay,
        rules,
        events: report.summary.events,
        detections: counted.len() as u64,
        incidents: report.incidents.len() as u64,
        incidents_high: report.incidents.iter().filter(|i| i.level >= Level::High).count() as u64,
    }
}

/// What came of a recording without an attack.
pub fn benign_outcome(label: &Label, report: &Report, least: Level) -> Background {
    let alerts: Vec<&DetectionEntry> = report.detections.iter().filter(|d| d.level >= least).collect();
    let days = match (report.summary.first, report.summary.last) {
        (Some(begin), Some(end)) => {
            (end.as_nanos() - begin.as_nanos()) as f64 / NANOS_PER_SECOND as f64 / 86_400.0
        }
        _ => 0.0,
    };
    Background {
        name: label.capture.clone(),
        events: report.summary.events,
        days,
        hosts: 0,
        alerts: alerts.len() as u64,
        alerts_high: alerts.iter().filter(|d| d.level >= Level::High).count() as u64,
        incidents: report.incidents.len() as u64,
        incidents_high: report.incidents.iter().filter(|i| i.level >= Level::High).count() as u64,
        unlisted: report.summary.unlisted,
        twins: 0,
        twins_alerted: 0,
        rules: tally(&alerts),
    }
}

/// How often each rule fired.
pub(super) fn tally(detections: &[&DetectionEntry]) -> BTreeMap<String, u64> {
    let mut rules = BTreeMap::new();
    for detection in detections {
        *rules.entry(detection.title.clone()).or_default() += 1;
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn techniques_are_related_up_and_down_but_not_sideways() {
        assert!(related("T1003.001", "T1003.001"));
        assert!(related("T1003", "T1003.001"));
        assert!(related("T1003.001", "t1003"));
        assert!(!related("T1003.001", "T1003.006"));
        assert!(!related("T1021", "T1003"));
    }
}
