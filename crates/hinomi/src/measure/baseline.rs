//! Figures that are committed, and what is worse than they were.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::figures::Figures;
use super::outcome::{Trials, Verdict};

/// Committed figures of a run.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Baseline {
    /// Of the run.
    pub name: String,
    /// Digest of the rules then on trial.
    pub rules_sha256: String,
    /// Procedures executed.
    pub executed: u64,
    /// Procedures detected.
    pub detected: u64,
    /// Median delay; null when half of the procedures were missed.
    pub median_delay_seconds: Option<f64>,
    /// Noise per 10,000 events.
    pub alerts_per_10k_events: Option<f64>,
    /// Noise in incidents per day.
    pub incidents_per_day: Option<f64>,
    /// High incidents of background.
    pub background_incidents_high: u64,
    /// Twins with a detection.
    pub twins_alerted: u64,
    /// Incidents that hold a part of a case, over all cases; null in figures of before.
    #[serde(default)]
    pub case_incidents: Option<u64>,
    /// What came of each procedure.
    pub procedures: BTreeMap<String, Verdict>,
}

/// A figure that is worse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worse {
    /// Which.
    pub what: String,
    /// As committed.
    pub was: String,
    /// Now.
    pub is: String,
}

impl Baseline {
    /// From a run.
    pub fn of(name: &str, figures: &Figures, trials: &Trials) -> Self {
        Self {
            name: name.to_owned(),
            rules_sha256: figures.rules_sha256.clone(),
            executed: figures.total.executed,
            detected: figures.total.detected,
            median_delay_seconds: figures.delay_seconds.median,
            alerts_per_10k_events: figures.noise.alerts_per_10k_events,
            incidents_per_day: figures.noise.incidents_per_day,
            background_incidents_high: figures.noise.incidents_high,
            twins_alerted: figures.noise.twins_alerted,
            case_incidents: Some(trials.campaigns.iter().map(|c| c.incidents).sum()),
            procedures: trials.outcomes.iter().map(|o| (o.procedure.clone(), o.verdict)).collect(),
        }
    }
}

/// What is worse in `now` than in `then`. Fewer procedures are worse too: a trial that is not run detects nothing.
pub fn compare(then: &Baseline, now: &Baseline) -> Vec<Worse> {
    let mut found = Vec::new();
    let mut note = |what: &str, was: String, is: String| found.push(Worse { what: what.to_owned(), was, is });
    if now.executed < then.executed {
        note("procedures executed", then.executed.to_string(), now.executed.to_string());
    }
    if now.detected < then.detected {
        note("procedures detected", then.detected.to_string(), now.detected.to_string());
    }
    for (procedure, was) in &then.procedures {
        let is = now.procedures.get(procedure);
        if was.counts() && !is.is_some_and(|v| v.counts()) {
            note(procedure, was.name().to_owned(), is.map_or("not executed", |v| v.name()).to_owned());
        }
    }
    if let (Some(was), Some(is)) = (then.case_incidents, now.case_incidents)
        && is > was
    {
        note("incidents that the cases fall into", was.to_string(), is.to_string());
    }
    let shown = |value: Option<f64>| value.map_or("none".to_owned(), |v| format!("{v:.3}"));
    let delay = |value: Option<f64>| value.unwrap_or(f64::INFINITY);
    if delay(now.median_delay_seconds) > delay(then.median_delay_seconds) + 1e-6 {
        note("median delay in seconds", shown(then.median_delay_seconds), shown(now.median_delay_seconds));
    }
    let rates = [
        ("alerts per 10,000 events", then.alerts_per_10k_events, now.alerts_per_10k_events),
        ("incidents per day", then.incidents_per_day, now.incidents_per_day),
    ];
    for (what, was, is) in rates {
        // Background that had no noise figure is compared with none.
        if is.unwrap_or(0.0) > was.unwrap_or(f64::INFINITY) + 1e-6 {
            note(what, shown(was), shown(is));
        }
    }
    let counts = [
        ("high incidents of background", then.background_incidents_high, now.background_incidents_high),
        ("ordinary work with a detection", then.twins_alerted, now.twins_alerted),
    ];
    for (what, was, is) in counts.into_iter().filter(|(_, was, is)| is > was) {
        note(what, was.to_string(), is.to_string());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> Baseline {
        let verdicts = [("a", Verdict::Detected), ("b", Verdict::Missed), ("c", Verdict::Tactic)];
        Baseline {
            executed: 3,
            detected: 2,
            median_delay_seconds: Some(4.0),
            alerts_per_10k_events: Some(1.5),
            incidents_per_day: Some(0.2),
            twins_alerted: 3,
            case_incidents: Some(2),
            procedures: verdicts.into_iter().map(|(n, v)| (n.to_owned(), v)).collect(),
            ..Baseline::default()
        }
    }

    #[test]
    fn every_figure_that_gets_worse_is_named() {
        let check = |change: fn(&mut Baseline), expected: &[&str]| {
            let mut now = base();
            change(&mut now);
            let worse: Vec<String> = compare(&base(), &now).into_iter().map(|w| w.what).collect();
            assert_eq!(worse, expected);
        };
        check(|_| {}, &[]);
        check(|b| b.detected = 1, &["procedures detected"]);
        check(|b| b.executed = 2, &["procedures executed"]);
        check(
            |b| {
                b.procedures.insert("c".to_owned(), Verdict::Other);
            },
            &["c"],
        );
        check(
            |b| {
                b.procedures.remove("a");
            },
            &["a"],
        );
        // One gained does not pay for one lost.
        check(
            |b| {
                b.procedures.insert("a".to_owned(), Verdict::Missed);
                b.procedures.insert("b".to_owned(), Verdict::Detected);
            },
            &["a"],
        );
        check(|b| b.median_delay_seconds = Some(4.5), &["median delay in seconds"]);
        check(|b| b.median_delay_seconds = None, &["median delay in seconds"]);
        check(|b| b.alerts_per_10k_events = Some(1.6), &["alerts per 10,000 events"]);
        check(|b| b.incidents_per_day = Some(0.3), &["incidents per day"]);
        check(|b| b.background_incidents_high = 1, &["high incidents of background"]);
        check(|b| b.case_incidents = Some(3), &["incidents that the cases fall into"]);
        check(|b| b.twins_alerted = 4, &["ordinary work with a detection"]);
        check(
            |b| {
                b.detected = 3;
                b.twins_alerted = 0;
                b.median_delay_seconds = Some(1.0);
            },
            &[],
        );
    }
}
