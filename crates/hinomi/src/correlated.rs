//! Matches of single rules to occurrences of correlations.

use std::collections::HashSet;
use std::sync::Arc;

use hinomi_detect::correlate::{Limits, MatchedEvent, Matches, Outcome, Seen, correlate};
use hinomi_detect::{Engine, RuleIndex};
use hinomi_model::{Digest, Timestamp};

use crate::report::{Correlated, RejectedRule};
use crate::scan::{Event, Findings, Hit};

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

/// What a scan found, as correlations read it: each match with the number of its event.
///
/// # Definitions
/// A log that was collected twice says nothing twice. Where several logs hold the same bytes, and these name their host, the first
/// such event of each log is one event, and so is the second of each: there are as many as the log with most of them holds. What a
/// rule matched in one log it did not match again in the others. Events that name no host may come from several hosts, and count
/// wherever they stand.
struct Hits<'a> {
    engine: &'a Engine,
    hits: &'a [Hit],
    /// Positions of hits that repeat no other, with the numbers of their events.
    kept: Vec<(u32, u32)>,
}

impl<'a> Hits<'a> {
    /// Hits are in order of time, digest and place.
    fn new(engine: &'a Engine, hits: &'a [Hit]) -> Self {
        let mut kept = Vec::with_capacity(hits.len());
        let (mut number, mut at) = (0, 0);
        for alike in hits.chunk_by(|a, b| (a.event.time, a.event.digest) == (b.event.time, b.event.digest)) {
            let mut copies = Copies::default();
            let ends = alike.first().zip(alike.last());
            let is_one_log = ends.is_none_or(|(a, b)| a.event.log() == b.event.log());
            for event in alike.chunk_by(|a, b| is_same(&a.event, &b.event)) {
                let Some(first) = event.first().map(|hit| hit.event.as_ref()) else { continue };
                let counts = is_one_log || first.host.is_empty();
                let own = if counts { None } else { copies.next(first.log(), number) };
                let is_new = own.is_none_or(|own| own == number);
                let positions = (at..).zip(event);
                let fresh = positions.filter(|(_, hit)| own.is_none() || copies.is_fresh(hit.rule));
                kept.extend(fresh.map(|(at, _)| (at, own.unwrap_or(number))));
                number += u32::from(is_new);
                at += event.len() as u32;
            }
        }
        Self { engine, hits, kept }
    }

    fn hit(&self, handle: usize) -> Option<(&'a Hit, u32)> {
        let (at, number) = self.kept.get(handle)?;
        Some((self.hits.get(*at as usize)?, *number))
    }
}

/// Events of the same bytes that name their host.
#[derive(Default)]
struct Copies<'a> {
    log: Option<(u32, &'a str)>,
    /// The event that the log is at, from 0.
    index: usize,
    /// Numbers of the first event of a log, the second, and so on.
    numbers: Vec<u32>,
    /// What matched them.
    rules: HashSet<(usize, RuleIndex)>,
}

impl<'a> Copies<'a> {
    /// The number of the next event, which is of this log: `fresh` when no log before had so many.
    fn next(&mut self, log: (u32, &'a str), fresh: u32) -> Option<u32> {
        self.index = if self.log == Some(log) { self.index + 1 } else { 0 };
        self.log = Some(log);
        if self.index == self.numbers.len() {
            self.numbers.push(fresh);
        }
        self.numbers.get(self.index).copied()
    }

    fn is_fresh(&mut self, rule: RuleIndex) -> bool {
        self.rules.insert((self.index, rule))
    }
}

/// Whether two events stand at one place; the events of one place follow one another.
fn is_same(a: &Event, b: &Event) -> bool {
    let place = |event: &Event| (event.offset, event.sub, event.length);
    std::ptr::eq(a, b) || (place(a) == place(b) && a.log() == b.log())
}

impl Matches for Hits<'_> {
    type Event = Event;

    fn at(&self, handle: usize) -> Option<Seen<'_, Event>> {
        let (hit, number) = self.hit(handle)?;
        let meta = &self.engine.rule(hit.rule)?.meta;
        Some(Seen { rule: &meta.id, name: meta.name.as_deref(), event: &hit.event, number: number.into() })
    }
}

/// Evaluates the engine's correlations over the matches of a scan. Correlations that cannot be evaluated are
/// returned beside the occurrences.
pub fn correlations(engine: &Engine, findings: &Findings) -> (Vec<Correlated>, Vec<RejectedRule>) {
    if engine.correlations().is_empty() {
        return (Vec::new(), Vec::new());
    }
    let matches = Hits::new(engine, &findings.hits);
    // Beyond the last event nothing was observed, so that nothing can be said to have been absent.
    let limits = Limits { observed_until: findings.sources.latest(), ..Limits::default() };
    let outcome = correlate(engine.correlations(), &matches, matches.kept.len(), &limits);
    let rejected =
        outcome.errors.iter().map(|e| RejectedRule { origin: String::new(), reason: e.to_string() });
    (occurrences(engine, &outcome, &matches), rejected.collect())
}

fn occurrences(engine: &Engine, outcome: &Outcome, hits: &Hits<'_>) -> Vec<Correlated> {
    let alerting = outcome.occurrences.iter().filter(|o| o.alerts);
    let described = alerting.filter_map(|o| {
        Some(Correlated {
            meta: engine.correlations().get(o.correlation)?.meta.clone(),
            group: o.group.clone(),
            fired_with: o.fired_with,
            events: o
                .matches
                .iter()
                .filter_map(|&at| hits.hit(at))
                .map(|(h, _)| Arc::clone(&h.event))
                .collect(),
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
