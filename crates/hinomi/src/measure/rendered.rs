//! Judging a rendering: a step is detected when a detection cites one of its lines.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use hinomi_model::{Level, NANOS_PER_SECOND, Timestamp};
use hinomi_scenario::{StepKind, StepTruth, Truth};

use super::capture::tally;
use super::outcome::{Background, Campaign, Outcome, Trials, Verdict};
use crate::report::{DetectionEntry, Report};

/// Judges what was reported on the rendering in `folder`.
pub fn judge_rendering(name: &str, folder: &Path, truth: &Truth, report: &Report, least: Level) -> Trials {
    let lines = Lines::new(folder, truth);
    let cited = lines.cited(report, least);
    let attack = |step: usize| truth.steps.get(step).is_some_and(|s| s.kind == StepKind::Attack);
    let mut by_step: BTreeMap<usize, Vec<&DetectionEntry>> = BTreeMap::new();
    for (detection, steps) in &cited {
        steps.iter().for_each(|s| by_step.entry(*s).or_default().push(detection));
    }
    let empty = Vec::new();
    let found = |at: usize| by_step.get(&at).unwrap_or(&empty);
    let steps = || truth.steps.iter().enumerate();
    let outcomes = steps().filter(|(at, _)| attack(*at)).map(|(at, s)| step_outcome(name, s, found(at)));
    let of_case: BTreeSet<&str> =
        cited.iter().filter(|(_, s)| s.iter().any(|s| attack(*s))).map(|(d, _)| d.id.as_str()).collect();
    let noise: Vec<&DetectionEntry> =
        cited.iter().map(|(d, _)| *d).filter(|d| !of_case.contains(d.id.as_str())).collect();
    let is_case = |ids: &[String]| ids.iter().any(|id| of_case.contains(id.as_str()));
    let quiet = || report.incidents.iter().filter(|i| !is_case(&i.detections));
    let twins = || steps().filter(|(_, s)| s.kind == StepKind::Twin);
    let background = Background {
        name: name.to_owned(),
        events: report.summary.events,
        days: f64::from(truth.days),
        hosts: truth.hosts.len() as u64,
        alerts: noise.len() as u64,
        alerts_high: noise.iter().filter(|d| d.level >= Level::High).count() as u64,
        incidents: quiet().count() as u64,
        incidents_high: quiet().filter(|i| i.level >= Level::High).count() as u64,
        unlisted: report.summary.unlisted,
        twins: twins().count() as u64,
        twins_alerted: twins().filter(|(at, _)| !found(*at).is_empty()).count() as u64,
        rules: tally(&noise),
    };
    let outcomes: Vec<Outcome> = outcomes.collect();
    let campaigns =
        if outcomes.is_empty() { Vec::new() } else { vec![campaign(name, truth, report, &cited, &of_case)] };
    Trials { outcomes, background: vec![background], campaigns }
}

/// Detections and the steps of which they cite lines.
type Cited<'r> = Vec<(&'r DetectionEntry, BTreeSet<usize>)>;

/// Steps by file and line.
struct Lines {
    prefix: String,
    steps: BTreeMap<(String, u64), usize>,
}

impl Lines {
    fn new(folder: &Path, truth: &Truth) -> Self {
        let mut steps = BTreeMap::new();
        for (at, step) in truth.steps.iter().enumerate() {
            for evidence in &step.evidence {
                steps.insert((evidence.file.clone(), evidence.offset), at);
            }
        }
        Self { prefix: format!("{}/", folder.display().to_string().trim_end_matches('/')), steps }
    }

    fn cited<'r>(&self, report: &'r Report, least: Level) -> Cited<'r> {
        let of = |detection: &'r DetectionEntry| {
            let steps = detection.evidence.iter().filter_map(|e| {
                let file = e.place.strip_prefix(&self.prefix).unwrap_or(&e.place);
                self.steps.get(&(file.to_owned(), e.offset)).copied()
            });
            (detection, steps.collect())
        };
        report.detections.iter().filter(|d| d.level >= least).map(of).collect()
    }
}

fn instant(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

/// Seconds from `start` to the earliest of `detections`.
fn delay<'d>(start: Option<Timestamp>, detections: impl Iterator<Item = &'d DetectionEntry>) -> Option<f64> {
    let first = detections.filter_map(|d| d.time).min()?;
    Some((first.as_nanos() - start?.as_nanos()) as f64 / NANOS_PER_SECOND as f64)
}

fn step_outcome(name: &str, step: &StepTruth, found: &[&DetectionEntry]) -> Outcome {
    let mut rules: Vec<String> = found.iter().map(|d| d.title.clone()).collect();
    rules.sort();
    rules.dedup();
    Outcome {
        procedure: format!("{name} {}", step.id),
        group: step.stage.clone(),
        techniques: step.techniques.clone(),
        tactics: Vec::new(),
        verdict: match (step.visible, found.is_empty()) {
            (_, false) => Verdict::Detected,
            (true, true) => Verdict::Missed,
            (false, true) => Verdict::Invisible,
        },
        level: found.iter().map(|d| d.level).max(),
        delay_seconds: delay(instant(&step.start), found.iter().copied()),
        rules,
        events: step.evidence.len() as u64 + step.more_evidence,
        detections: found.len() as u64,
        incidents: 0,
        incidents_high: 0,
    }
}

fn campaign(
    name: &str,
    truth: &Truth,
    report: &Report,
    cited: &Cited<'_>,
    of_case: &BTreeSet<&str>,
) -> Campaign {
    let attacks = || truth.steps.iter().filter(|s| s.kind == StepKind::Attack);
    let start = attacks().filter_map(|s| instant(&s.start)).min();
    let end = attacks().filter_map(|s| instant(&s.start)).max();
    let holding: Vec<_> = report
        .incidents
        .iter()
        .filter(|i| i.detections.iter().any(|id| of_case.contains(id.as_str())))
        .collect();
    let pure = |ids: &[String]| ids.iter().all(|id| of_case.contains(id.as_str()));
    let case = || cited.iter().map(|(d, _)| *d).filter(|d| of_case.contains(d.id.as_str()));
    Campaign {
        name: name.to_owned(),
        incidents: holding.len() as u64,
        incidents_pure: holding.iter().filter(|i| pure(&i.detections)).count() as u64,
        first_alert_seconds: delay(start, case()),
        first_high_seconds: delay(start, case().filter(|d| d.level >= Level::High)),
        dwell_seconds: match (start, end) {
            (Some(a), Some(b)) => (b.as_nanos() - a.as_nanos()) as f64 / NANOS_PER_SECOND as f64,
            _ => 0.0,
        },
    }
}
