//! Signals become alerts.

use std::collections::BTreeMap;

use hinomi_model::Level;

use super::{CITED, Desk, MOST_OPEN};
use crate::signal::{Key, Kind, Signal};
use crate::step::Fact;
use crate::{Alert, AlertId, Ladder, Moment, Plan, State};

/// Rule of the alert that counts what has no room.
const BEYOND: &str = "hinomi:beyond";

/// What joins an alert at once.
#[derive(Default)]
struct Joining {
    count: u64,
    last: Option<String>,
    signals: Vec<String>,
    evidence: Vec<String>,
}

impl Joining {
    fn add(&mut self, signal: &Signal) {
        self.count += 1;
        self.last = self.last.take().max(signal.time.clone());
        if self.signals.len() < CITED {
            self.signals.push(signal.id.clone());
            self.evidence.extend(signal.evidence.clone());
        }
    }
}

impl Desk {
    /// Makes alerts of signals, or counts them in those that are there.
    pub(super) fn take(&mut self, plan: &Plan, now: Moment, signals: &[Signal]) {
        let mut joining: BTreeMap<AlertId, Joining> = BTreeMap::new();
        for signal in signals {
            let Some(policy) = plan.route(signal.level) else { continue };
            if let Some(alert) = self.counted_in(plan, now, &signal.key()) {
                joining.entry(alert).or_default().add(signal);
                continue;
            }
            if self.open() < MOST_OPEN {
                self.make(now, policy, signal);
                continue;
            }
            let beyond = beyond(signal);
            match self.keys.get(&beyond.key()).filter(|id| self.alerts.get(id).is_some_and(Alert::is_open)) {
                Some(alert) => joining.entry(*alert).or_default().add(&beyond),
                None => self.make(now, policy, &beyond),
            }
        }
        for (alert, Joining { count, last, signals, evidence }) in joining {
            self.record(now, Fact::Joined { alert, count, last, signals, evidence });
        }
    }

    fn open(&self) -> usize {
        self.alerts.values().filter(|alert| alert.is_open()).count()
    }

    /// The alert with a key that is open, or was made within the window.
    fn counted_in(&self, plan: &Plan, now: Moment, key: &Key) -> Option<AlertId> {
        let alert = self.alerts.get(self.keys.get(key)?)?;
        (alert.is_open() || now.since(alert.made) < plan.window).then_some(alert.id)
    }

    fn make(&mut self, now: Moment, policy: &str, signal: &Signal) {
        let ladder =
            Ladder { policy: policy.to_owned(), taken: 0, round: 0, began: now, next: Some(now), arrived: 0 };
        let alert = Alert {
            id: AlertId(self.next_alert),
            made: now,
            kind: signal.kind,
            rule: signal.rule.clone(),
            level: signal.level,
            title: signal.title.clone(),
            title_ja: signal.title_ja.clone(),
            host: signal.host.clone(),
            account: signal.account.clone(),
            count: 1,
            first: signal.time.clone(),
            last: signal.time.clone(),
            signals: vec![signal.id.clone()],
            evidence: signal.evidence.iter().cloned().collect(),
            state: State::Open,
            ladder,
        };
        self.record(now, Fact::Made { alert: Box::new(alert) });
    }
}

/// What has no room, as one alert of the highest level.
fn beyond(signal: &Signal) -> Signal {
    Signal {
        kind: Kind::Program,
        rule: BEYOND.to_owned(),
        level: Level::Critical.max(signal.level),
        title: format!("More than {MOST_OPEN} alerts are open; further ones are counted here"),
        title_ja: Some(format!("未確認の警報が{MOST_OPEN}件を超えました。以降の警報はここで数えます")),
        host: String::new(),
        account: String::new(),
        ..signal.clone()
    }
}
