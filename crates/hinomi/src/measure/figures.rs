//! Figures of trials. Misses stay in every denominator.

use std::collections::{BTreeMap, BTreeSet};

use hinomi_model::Level;
use serde::Serialize;

use super::outcome::{Background, Campaign, Trials, Verdict};
use super::pack::Pack;

/// Executed and detected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Share {
    /// Procedures that ran.
    pub executed: u64,
    /// Of these, detected.
    pub detected: u64,
}

/// Delay in seconds over all executed procedures. A figure that falls on a miss is null: there is no such delay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Delays {
    /// Half of all procedures were detected within this.
    pub median: Option<f64>,
    /// 95 of 100.
    pub p95: Option<f64>,
    /// All of them.
    pub worst: Option<f64>,
    /// The longest of those that were detected at all.
    pub worst_detected: Option<f64>,
}

/// All figures of a run.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Figures {
    /// Digest of the rules on trial.
    pub rules_sha256: String,
    /// Rules and correlations that can raise something.
    pub rules: u64,
    /// Documents left out by `--without`.
    pub rules_left_out: u64,
    /// All procedures.
    pub total: Share,
    /// `total.detected / total.executed`; null when nothing was executed.
    pub coverage: Option<f64>,
    /// Detected by a rule of level high or critical.
    pub detected_high: u64,
    /// Procedures in which only rules of other techniques fired.
    pub other: u64,
    /// By technique.
    pub by_technique: BTreeMap<String, Share>,
    /// By part of the set, or stage of the case.
    pub by_group: BTreeMap<String, Share>,
    /// Techniques of rules that no procedure executed.
    pub untested: Vec<String>,
    /// Detection delay.
    pub delay_seconds: Delays,
    /// Background.
    pub noise: Noise,
    /// Cases.
    pub campaigns: Vec<Campaign>,
}

/// What background raised.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Noise {
    /// Events of background.
    pub events: u64,
    /// Days of background; zero when no span is known.
    pub days: f64,
    /// Detections per 10,000 events.
    pub alerts_per_10k_events: Option<f64>,
    /// Detections per day.
    pub alerts_per_day: Option<f64>,
    /// Incidents per day.
    pub incidents_per_day: Option<f64>,
    /// Incidents per day and 1,000 machines.
    pub incidents_per_day_per_1000_hosts: Option<f64>,
    /// Incidents of high or critical level.
    pub incidents_high: u64,
    /// Occurrences of ordinary work that resembles a step.
    pub twins: u64,
    /// Of these, with a detection.
    pub twins_alerted: u64,
}

/// Computes the figures of `trials`.
pub fn figures(pack: &Pack, trials: &Trials) -> Figures {
    let mut figures = Figures {
        rules_sha256: pack.digest.to_string(),
        rules: pack.rules(),
        rules_left_out: pack.removed,
        campaigns: trials.campaigns.clone(),
        noise: noise(&trials.background),
        ..Figures::default()
    };
    let mut executed: BTreeSet<String> = BTreeSet::new();
    let mut delays = Vec::new();
    for outcome in trials.outcomes.iter().filter(|o| o.verdict != Verdict::Unlabelled) {
        let hit = outcome.verdict.counts();
        let add = |share: &mut Share| {
            share.executed += 1;
            share.detected += u64::from(hit);
        };
        add(&mut figures.total);
        add(figures.by_group.entry(outcome.group.clone()).or_default());
        for technique in &outcome.techniques {
            add(figures.by_technique.entry(technique.clone()).or_default());
            executed.insert(technique.clone());
        }
        figures.detected_high += u64::from(hit && outcome.level >= Some(Level::High));
        figures.other += u64::from(outcome.verdict == Verdict::Other);
        delays.push(outcome.delay_seconds.filter(|_| hit));
    }
    let Share { executed: all, detected } = figures.total;
    figures.coverage = (all > 0).then(|| detected as f64 / all as f64);
    figures.delay_seconds = delays_of(delays);
    figures.untested = pack.techniques().difference(&executed).cloned().collect();
    figures
}

/// Quantiles with misses at the end.
fn delays_of(mut delays: Vec<Option<f64>>) -> Delays {
    let order = |a: &Option<f64>| a.unwrap_or(f64::INFINITY);
    delays.sort_by(|a, b| order(a).total_cmp(&order(b)));
    let quantile = |percent: usize| {
        let rank = (delays.len() * percent).div_ceil(100).max(1);
        delays.get(rank - 1).copied().flatten()
    };
    Delays {
        median: quantile(50),
        p95: quantile(95),
        worst: quantile(100),
        worst_detected: delays.iter().flatten().copied().reduce(f64::max),
    }
}

fn noise(background: &[Background]) -> Noise {
    let sum = |of: fn(&Background) -> u64| background.iter().map(of).sum::<u64>();
    // Recordings state no span in which they were complete; only renderings count for rates per day.
    let spans = || background.iter().filter(|b| b.hosts > 0);
    // The sum of nothing is minus zero, which nobody wants to read.
    let days = spans().map(|b| b.days).sum::<f64>() + 0.0;
    let host_days: f64 = spans().map(|b| b.days * b.hosts as f64).sum();
    let per = |count: u64, of: f64| (of > 0.0).then(|| count as f64 / of);
    let incidents: u64 = spans().map(|b| b.incidents).sum();
    Noise {
        events: sum(|b| b.events),
        days,
        alerts_per_10k_events: per(sum(|b| b.alerts), sum(|b| b.events) as f64 / 10_000.0),
        alerts_per_day: per(spans().map(|b| b.alerts).sum(), days),
        incidents_per_day: per(incidents, days),
        incidents_per_day_per_1000_hosts: per(incidents, host_days / 1000.0),
        incidents_high: sum(|b| b.incidents_high),
        twins: sum(|b| b.twins),
        twins_alerted: sum(|b| b.twins_alerted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misses_stay_in_the_denominator_of_delays() {
        let of = |delays: &[Option<f64>]| delays_of(delays.to_vec());
        let all = of(&[Some(3.0), Some(1.0), Some(2.0), Some(9.0)]);
        assert_eq!((all.median, all.p95, all.worst), (Some(2.0), Some(9.0), Some(9.0)));
        let some = of(&[Some(5.0), None, Some(1.0)]);
        assert_eq!((some.median, some.p95, some.worst), (Some(5.0), None, None));
        assert_eq!(some.worst_detected, Some(5.0));
        let few = of(&[Some(5.0), None, None]);
        assert_eq!(few.median, None, "half of the procedures were never detected");
        assert_eq!(of(&[]), Delays::default());
    }

    #[test]
    fn rates_count_only_spans_that_are_known() {
        let rendering = Background {
            events: 1000,
            days: 10.0,
            hosts: 200,
            incidents: 4,
            alerts: 20,
            ..Background::default()
        };
        let recording = Background {
            events: 9000,
            days: 400.0,
            alerts: 10,
            incidents: 7,
            incidents_high: 1,
            ..Background::default()
        };
        let noise = noise(&[rendering, recording]);
        assert_eq!(noise.alerts_per_10k_events, Some(30.0));
        assert_eq!(noise.incidents_per_day, Some(0.4));
        assert_eq!(noise.incidents_per_day_per_1000_hosts, Some(2.0));
        assert_eq!(noise.incidents_high, 1);
        assert!(super::noise(&[]).days.is_sign_positive());
    }
}
