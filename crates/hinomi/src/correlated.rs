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
        if name == ACCOUNT { bare_account(&self.account) } else { Event::field(self, name) }
    }
}

/// What a correlation calls the account that an event names in whatever field, without domain.
pub(crate) const ACCOUNT: &str = "@account";

/// `op1` of `EXAMPLE\op1`, `op1@example.jp` and `arn:aws:iam::111122223333:user/op1`; letters stay as they are written.
pub(crate) fn bare_account(account: &str) -> Option<&str> {
    let name = if let Some(arn) = account.strip_prefix("arn:") {
        arn.split_once(":user/").map_or(account, |(_, path)| path.rsplit('/').next().unwrap_or(path))
    } else {
        let name = account.rsplit('\\').next().unwrap_or(account);
        name.split('@').next().unwrap_or(name)
    };
    (!name.is_empty()).then_some(name)
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
            group: o.group.clone(),
            fired_with: o.fired_with,
            events: o.matches.iter().filter_map(|&at| events.get(at)).map(|e| Arc::clone(e)).collect(),
            more: o.more,
            occurrence: o.number,
        })
    });
    described.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_the_same_however_a_log_writes_it() {
        for written in ["op1", r"EXAMPLE\op1", "op1@example.jp", "arn:aws:iam::111122223333:user/team/op1"] {
            assert_eq!(bare_account(written), Some("op1"), "{written}");
        }
        let role = "arn:aws:sts::111122223333:assumed-role/Admin/op1";
        assert_eq!(bare_account(role), Some(role), "a session of a role is another account");
        assert_eq!(bare_account(""), None);
    }
}
