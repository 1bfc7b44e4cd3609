//! Matches of single rules to occurrences of correlations.

use std::collections::HashMap;
use std::sync::Arc;

use hinomi_detect::Engine;
use hinomi_detect::correlate::{BaseMatch, Limits, MatchedEvent, Outcome, correlate};
use hinomi_model::{Digest, Timestamp};

use crate::report::{Correlated, RejectedRule};
use crate::scan::{Event, Findings};

impl MatchedEvent for Event {
    fn time(&self) -> Option<Timestamp> {
        self.time
    }

    fn digest(&self) -> Digest {
        self.digest
    }

    fn field(&self, name: &str) -> Option<&str> {
        Event::field(self, name)
    }
}

/// Evaluates the engine's correlations over the matches of a scan. Correlations that cannot be evaluated are
/// returned beside the occurrences.
pub fn correlations(engine: &Engine, findings: &Findings) -> (Vec<Correlated>, Vec<RejectedRule>) {
    if engine.correlations().is_empty() {
        return (Vec::new(), Vec::new());
    }
    let mut numbers: HashMap<*const Event, u64> = HashMap::new();
    let mut matches = Vec::new();
    let mut events = Vec::new();
    for hit in &findings.hits {
        let Some(rule) = engine.rule(hit.rule) else { continue };
        let next = numbers.len() as u64;
        let number = *numbers.entry(Arc::as_ptr(&hit.event)).or_insert(next);
        matches.push(BaseMatch { rule: &rule.meta, event: hit.event.as_ref(), number });
        events.push(&hit.event);
    }
    // Beyond the last event nothing was observed, so that nothing can be said to have been absent.
    let limits = Limits { observed_until: findings.sources.latest(), ..Limits::default() };
    let outcome = correlate(engine.correlations(), &matches, &limits);
    let rejected =
        outcome.errors.iter().map(|e| RejectedRule { origin: String::new(), reason: e.to_string() });
    (occurrences(engine, &outcome, &events), rejected.collect())
}

fn occurrences(engine: &Engine, outcome: &Outcome, events: &[&Arc<Event>]) -> Vec<Correlated> {
    let alerting = outcome.occurrences.iter().filter(|o| o.alerts);
    let described = alerting.filter_map(|o| {
        Some(Correlated {
            meta: engine.correlations().get(o.correlation)?.meta.clone(),
            group: o.group.iter().cloned().collect(),
            events: o.matches.iter().filter_map(|&at| events.get(at)).map(|e| Arc::clone(e)).collect(),
            more: o.more,
            occurrence: o.number,
        })
    });
    described.collect()
}
