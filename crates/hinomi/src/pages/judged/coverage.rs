//! The ATT&CK matrix: what trials proved, what rules name, and what nobody would see.
//!
//! # Invariants
//! Only a trial that was detected proves something, and only where a log comes that one of the rules reads. What the logs here
//! are is known once claims were judged; until then nothing is said of it. Without rules in force, nothing is said at all.

use std::collections::{BTreeMap, BTreeSet};

use hinomi_detect::LogSources;
use serde::Serialize;

use super::super::incidents::Story;
use super::super::rulebook::Rules;
use super::super::time;
use crate::attack;
use crate::judge::{Known, Log};
use crate::measure::{Committed, committed, measured_with};

/// Tactics in the order of the matrix.
const TACTICS: [&str; 14] = [
    "reconnaissance",
    "resource-development",
    "initial-access",
    "execution",
    "persistence",
    "privilege-escalation",
    "defense-evasion",
    "credential-access",
    "discovery",
    "lateral-movement",
    "collection",
    "command-and-control",
    "exfiltration",
    "impact",
];
/// Length of the id of a technique without its sub-technique.
const TECHNIQUE: usize = "T1021".len();

/// The matrix.
#[derive(Debug, Serialize)]
pub(in crate::pages) struct Matrix {
    attack_version: &'static str,
    measured: Option<String>,
    same_rules: Option<bool>,
    tactics: Vec<TacticRow>,
    trials: Vec<TrialRow>,
}

#[derive(Debug, Serialize)]
struct TacticRow {
    id: &'static str,
    techniques: Vec<TechniqueRow>,
}

#[derive(Clone, Debug, Serialize)]
struct TechniqueRow {
    id: String,
    name: String,
    state: State,
    executed: u64,
    detected: u64,
    rules: u64,
    unheard: Option<u64>,
    trials: Vec<&'static str>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Proven,
    Missed,
    Present,
    Blind,
    Unknown,
}

#[derive(Debug, Serialize)]
struct TrialRow {
    name: &'static str,
    at: String,
    executed: u64,
    detected: u64,
    median_delay_seconds: Option<f64>,
}

/// The matrix in numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Figures {
    pub(super) executed: u64,
    pub(super) detected: u64,
    pub(super) proven: u64,
    pub(super) present: u64,
    pub(super) blind: u64,
    pub(super) techniques: u64,
    pub(super) same_rules: bool,
}

/// What trials came to for a technique.
#[derive(Default)]
struct Tried {
    executed: u64,
    detected: u64,
    trials: BTreeSet<&'static str>,
}

/// Techniques without sub-techniques, as trials executed and detected them.
fn tried(trials: &'static [Committed]) -> BTreeMap<&'static str, Tried> {
    let mut by_technique: BTreeMap<&str, Tried> = BTreeMap::new();
    for trial in trials {
        for (id, (executed, detected)) in &trial.by_technique {
            let of = by_technique.entry(id.get(..TECHNIQUE).unwrap_or(id)).or_default();
            of.executed += executed;
            of.detected += detected;
            of.trials.insert(&trial.name);
        }
    }
    by_technique
}

/// Rules by the techniques that they name, without sub-techniques.
fn named(rules: &Rules) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut by_technique: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for rule in rules.all.values() {
        for technique in &rule.techniques {
            let id = technique.id.get(..TECHNIQUE).unwrap_or(&technique.id);
            by_technique.entry(id).or_default().insert(&rule.id);
        }
    }
    by_technique
}

/// Rules that may read a log that came; `None` while it is not known which did.
fn hearing<'r>(rules: &'r Rules, logs: Option<&[Log]>) -> Option<BTreeSet<&'r str>> {
    let table = LogSources::bundled().ok()?;
    let logs = logs?.iter().map(|log| (log.kind.as_str(), log.channel.as_str())).collect();
    Some(rules.hearing(&table, &logs))
}

fn state(tried: Option<&Tried>, rules: u64, unheard: Option<u64>) -> State {
    if rules == 0 || unheard == Some(rules) {
        return State::Blind;
    }
    match tried {
        Some(tried) if tried.detected > 0 => State::Proven,
        Some(tried) if tried.executed > 0 => State::Missed,
        _ => State::Present,
    }
}

/// Every technique of the pinned version.
fn techniques(rules: &Rules, logs: Option<&[Log]>) -> Vec<TechniqueRow> {
    let (tried, named) = (tried(committed()), named(rules));
    let (hearing, none) = (hearing(rules, logs), rules.all.is_empty());
    let row = |(id, name): (&str, &str)| {
        let of = named.get(id);
        let deaf = |hearing: &BTreeSet<&str>| {
            of.map_or(0, |of| of.iter().filter(|rule| !hearing.contains(*rule)).count() as u64)
        };
        let (rules, unheard) = (of.map_or(0, |of| of.len() as u64), hearing.as_ref().map(deaf));
        let tried = tried.get(id);
        TechniqueRow {
            id: id.to_owned(),
            name: name.to_owned(),
            state: if none { State::Unknown } else { state(tried, rules, unheard) },
            executed: tried.map_or(0, |tried| tried.executed),
            detected: tried.map_or(0, |tried| tried.detected),
            rules,
            unheard,
            trials: tried.map(|tried| tried.trials.iter().copied().collect()).unwrap_or_default(),
        }
    };
    attack::techniques().filter(|(id, _)| !id.contains('.')).map(row).collect()
}

fn logs(known: &Known) -> Option<&[Log]> {
    known.last.as_deref().map(|last| last.report.logs.as_slice())
}

/// Whether the rules of the trials are in force as they were; `None` while no rules are in force.
fn same_rules(rules: &Rules) -> Option<bool> {
    (!rules.all.is_empty()).then(|| measured_with().is_some_and(|files| rules.holds(files)))
}

/// The matrix in numbers; `None` while no rules are in force.
pub(super) fn figures(known: &Known, story: Option<&Story>) -> Option<Figures> {
    let rules = &story?.rules;
    let same_rules = same_rules(rules)?;
    let all = techniques(rules, logs(known));
    let count = |state: State| all.iter().filter(|one| one.state == state).count() as u64;
    let sum = |of: fn(&Committed) -> u64| committed().iter().map(of).sum();
    Some(Figures {
        executed: sum(|trial| trial.executed),
        detected: sum(|trial| trial.detected),
        proven: count(State::Proven),
        present: count(State::Present),
        blind: count(State::Blind),
        techniques: all.len() as u64,
        same_rules,
    })
}

/// The matrix.
pub(in crate::pages) fn coverage(known: &Known, story: &Story) -> Matrix {
    let all = techniques(&story.rules, logs(known));
    let of = |tactic: &'static str| TacticRow {
        id: tactic,
        techniques: all.iter().filter(|one| attack::tactics(&one.id).any(|t| t == tactic)).cloned().collect(),
    };
    let trial = |trial: &'static Committed| TrialRow {
        name: &trial.name,
        at: time(trial.at),
        executed: trial.executed,
        detected: trial.detected,
        median_delay_seconds: trial.median_delay_seconds,
    };
    Matrix {
        attack_version: attack::VERSION,
        measured: committed().iter().map(|trial| trial.at).max().map(time),
        same_rules: same_rules(&story.rules),
        tactics: TACTICS.into_iter().map(of).collect(),
        trials: committed().iter().map(trial).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_proven_where_no_log_comes_or_no_rule_is() {
        let tried = |executed, detected| Tried { executed, detected, ..Tried::default() };
        assert_eq!(state(Some(&tried(3, 1)), 2, Some(0)), State::Proven);
        assert_eq!(state(Some(&tried(3, 1)), 2, None), State::Proven);
        assert_eq!(state(Some(&tried(3, 1)), 2, Some(1)), State::Proven);
        assert_eq!(state(Some(&tried(3, 1)), 2, Some(2)), State::Blind);
        assert_eq!(state(Some(&tried(3, 1)), 0, Some(0)), State::Blind);
        assert_eq!(state(Some(&tried(3, 0)), 1, Some(0)), State::Missed);
        assert_eq!(state(None, 1, Some(0)), State::Present);
        assert_eq!(state(None, 0, None), State::Blind);
    }

    #[test]
    fn without_rules_in_force_nothing_is_said() {
        let rules = Rules::default();
        let rows = techniques(&rules, None);
        assert!(rows.len() > 150 && rows.iter().all(|one| one.state == State::Unknown));
        assert_eq!(same_rules(&rules), None);
    }

    #[test]
    fn every_tactic_of_the_pinned_version_has_a_column() {
        let known: BTreeSet<&str> = attack::techniques().flat_map(|(id, _)| attack::tactics(id)).collect();
        assert_eq!(known, TACTICS.into_iter().collect());
    }
}
