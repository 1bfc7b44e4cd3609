//! The figures of trials that came with the program.
//!
//! # Invariants
//! Of each trial the last whole run counts: with all rules, and as it was recorded, not its variants.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use hinomi_model::{Digest, Timestamp};
use serde::Deserialize;

use crate::rulebook::{RuleSource, Rulebook};

/// A trial that was run.
#[derive(Clone, Debug)]
pub struct Committed {
    /// Its name.
    pub name: String,
    /// When it was run.
    pub at: Timestamp,
    /// Digest of the rules then on trial.
    pub rules_sha256: String,
    /// Procedures executed.
    pub executed: u64,
    /// Procedures detected.
    pub detected: u64,
    /// Median delay in seconds; nothing when half of the procedures were missed.
    pub median_delay_seconds: Option<f64>,
    /// Executed and detected, by technique.
    pub by_technique: BTreeMap<String, (u64, u64)>,
}

#[derive(Deserialize)]
struct Line {
    at: String,
    name: String,
    without: Vec<String>,
    figures: LineFigures,
}

#[derive(Deserialize)]
struct LineFigures {
    rules_sha256: String,
    total: LineShare,
    delay_seconds: LineDelays,
    by_technique: BTreeMap<String, LineShare>,
}

#[derive(Deserialize)]
struct LineShare {
    executed: u64,
    detected: u64,
}

#[derive(Deserialize)]
struct LineDelays {
    median: Option<f64>,
}

static COMMITTED: LazyLock<Vec<Committed>> =
    LazyLock::new(|| latest(include_str!("../../../../trials/history.jsonl")));

/// The rules of this program: digest of all, as trials state it, and each file with its own.
static BUNDLED: LazyLock<(String, Vec<(String, String)>)> = LazyLock::new(|| {
    let texts = Rulebook::texts(&[RuleSource::Bundled]).unwrap_or_default();
    let whole = digest_of(&texts).to_string();
    let each = texts.into_iter().map(|(origin, text)| (origin, Digest::of(text.as_bytes()).to_string()));
    (whole, each.collect())
});

/// The digest of the texts of rules by which trials know them.
pub(super) fn digest_of(texts: &[(String, String)]) -> Digest {
    let mut whole = Vec::new();
    for (_, text) in texts {
        whole.extend_from_slice(&(text.len() as u64).to_be_bytes());
        whole.extend_from_slice(text.as_bytes());
    }
    Digest::of(&whole)
}

/// What came of trials, in order of name; those alone that executed something.
pub fn committed() -> &'static [Committed] {
    &COMMITTED
}

/// The files of rules that all figures were measured with, origin and SHA-256; `None` when this program has others.
pub fn measured_with() -> Option<&'static [(String, String)]> {
    let (whole, each) = &*BUNDLED;
    COMMITTED.iter().all(|trial| trial.rules_sha256 == *whole).then_some(each)
}

fn latest(history: &str) -> Vec<Committed> {
    let mut by_name: BTreeMap<String, Committed> = BTreeMap::new();
    for line in history.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok()) {
        let Ok(at) = line.at.parse() else { continue };
        if !line.without.is_empty() || line.name.contains("variants") || line.figures.total.executed == 0 {
            continue;
        }
        let share = |(id, share): (String, LineShare)| (id, (share.executed, share.detected));
        let trial = Committed {
            name: line.name.clone(),
            at,
            rules_sha256: line.figures.rules_sha256,
            executed: line.figures.total.executed,
            detected: line.figures.total.detected,
            median_delay_seconds: line.figures.delay_seconds.median,
            by_technique: line.figures.by_technique.into_iter().map(share).collect(),
        };
        by_name.insert(line.name, trial);
    }
    by_name.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Baseline;

    fn line(name: &str, at: &str, without: &str, executed: u64, detected: u64) -> String {
        format!(
            r#"{{"at":"{at}","name":"{name}","without":[{without}],"figures":{{"rules_sha256":"x","total":{{"executed":{executed},"detected":{detected}}},"delay_seconds":{{"median":null}},"by_technique":{{"T1003":{{"executed":{executed},"detected":{detected}}}}}}}}}"#
        )
    }

    #[test]
    fn the_last_whole_run_of_each_trial_counts() {
        let history = [
            line("a", "2026-01-01T00:00:00Z", "", 4, 1),
            line("a", "2026-02-01T00:00:00Z", "", 4, 3),
            line("a", "2026-03-01T00:00:00Z", "\"rule\"", 4, 0),
            line("a, 20 variants", "2026-03-01T00:00:00Z", "", 80, 9),
            line("quiet", "2026-03-01T00:00:00Z", "", 0, 0),
            "half a li".to_owned(),
        ];
        let all = latest(&history.join("\n"));
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].executed, all[0].detected, all[0].by_technique["T1003"]), (4, 3, (4, 3)));
    }

    #[test]
    fn figures_are_those_of_the_committed_baselines() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../trials");
        assert!(committed().len() >= 5);
        for trial in committed() {
            let text = std::fs::read(folder.join(format!("{}.baseline.json", trial.name))).unwrap();
            let baseline: Baseline = serde_json::from_slice(&text).unwrap();
            assert_eq!(
                (baseline.executed, baseline.detected),
                (trial.executed, trial.detected),
                "{}",
                trial.name
            );
            assert_eq!(baseline.rules_sha256, trial.rules_sha256);
        }
    }
}
