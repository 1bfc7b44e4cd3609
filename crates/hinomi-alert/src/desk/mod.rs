//! The desk that signals come to: a value that is saved and restored, and steps from one fact to the next.

mod apply;
mod climb;
mod deliver;
mod take;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::delivery::{Delivery, Held, Outcome};
use crate::signal::{Key, Signal};
use crate::step::{Fact, Step};
use crate::{Acknowledgement, Alert, AlertId, Moment, Plan};

/// Alerts that are open at a time; further signals share one alert.
pub const MOST_OPEN: usize = 10_000;
/// Messages of one sink on their way; what comes beyond waits for a summary.
pub const MOST_PENDING: usize = 1_000;
/// Closed alerts that are kept; older ones are in the decision ledger.
const KEPT: usize = 1_000;
/// Alerts that a summary lists.
const LISTED: usize = 100;
/// Signals of an alert whose id and evidence are kept.
const CITED: usize = 5;
/// Steps back of a clock that are none.
const TRIMMED: Duration = Duration::from_secs(2);
/// The time over which a sink's messages are bounded.
const RATE_WINDOW: Duration = Duration::from_mins(10);

/// What has been read of the two ledgers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Cursors {
    /// First leaf of the decision ledger that was not read.
    pub decisions: u64,
    /// First leaf of the evidence that was not read.
    pub evidence: u64,
}

/// Something that happens.
#[derive(Debug)]
pub enum Event<'a> {
    /// Time passed.
    Tick,
    /// Signals came.
    Signals(&'a [Signal]),
    /// Somebody takes care of an alert.
    Acknowledge {
        /// Which.
        alert: AlertId,
        /// Who; the time is set by the desk.
        who: Acknowledgement,
    },
    /// A message was tried.
    Tried {
        /// Which.
        delivery: u64,
        /// With which outcome.
        outcome: Outcome,
    },
    /// Somebody wants to try a sink.
    Test {
        /// Which.
        sink: String,
        /// Who.
        by: String,
    },
}

/// What an acknowledgement met.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Acknowledged {
    /// It counts now.
    Now,
    /// Somebody did before.
    Before(Acknowledgement),
    /// There is no such alert here.
    Unknown,
}

/// The state of all alerts.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Desk {
    next_step: u64,
    next_alert: u64,
    next_delivery: u64,
    last: Moment,
    alerts: BTreeMap<AlertId, Alert>,
    deliveries: BTreeMap<u64, Delivery>,
    held: Vec<Held>,
    /// When the last messages of each sink were made.
    recent: BTreeMap<String, VecDeque<Moment>>,
    on_shift: BTreeMap<String, Vec<String>>,
    sent: BTreeMap<String, u64>,
    failed: BTreeMap<String, u64>,
    given_up: BTreeMap<String, u64>,
    #[serde(skip)]
    keys: BTreeMap<Key, AlertId>,
    #[serde(skip)]
    out: Vec<Step>,
}

impl Desk {
    /// A desk without alerts. Numbers begin at 1.
    pub fn new() -> Self {
        Self { next_alert: 1, next_delivery: 1, ..Self::default() }
    }

    /// Makes whole what was read from a file.
    #[must_use]
    pub fn restored(mut self) -> Self {
        self.keys = self.alerts.values().map(|alert| (alert.key(), alert.id)).collect();
        self
    }

    /// What happens, and what follows from it.
    pub fn step(&mut self, plan: &Plan, now: Moment, event: Event<'_>) -> Vec<Step> {
        // Clocks are trimmed by milliseconds all the time.
        let now = if self.last.since(now) < TRIMMED { now.max(self.last) } else { now };
        if now < self.last {
            let millis = u64::try_from(self.last.since(now).as_millis()).unwrap_or(u64::MAX);
            self.record(now, Fact::ClockBack { millis });
        }
        match event {
            Event::Tick => {}
            Event::Signals(signals) => self.take(plan, now, signals),
            Event::Acknowledge { alert, who } => self.acknowledge(now, alert, who),
            Event::Tried { delivery, outcome } => self.tried(plan, now, delivery, outcome),
            Event::Test { sink, by } => self.test(now, sink, by),
        }
        self.change_shifts(plan, now);
        self.climb_all(plan, now);
        self.release(now);
        self.drop_unreachable(plan, now);
        self.forget(now);
        self.last = now;
        std::mem::take(&mut self.out)
    }

    fn record(&mut self, at: Moment, fact: Fact) {
        let step = Step { number: self.next_step, at, fact };
        self.apply(&step);
        self.out.push(step);
    }

    fn acknowledge(&mut self, now: Moment, alert: AlertId, mut who: Acknowledgement) {
        if self.acknowledgement(alert) != Acknowledged::Now {
            return;
        }
        who.at = now;
        self.record(now, Fact::Acknowledged { alert, who });
        // Nobody is woken for it any more; sinks that nobody sleeps beside get their copy all the same.
        let needless = |d: &&Delivery| d.wakes() && d.to.person.is_some() && d.alerts == [alert];
        let needless: Vec<u64> = self.deliveries.values().filter(needless).map(|d| d.id).collect();
        for delivery in needless {
            self.record(now, Fact::Withdrawn { delivery });
        }
    }

    /// Closed alerts beyond those that are kept.
    fn forget(&mut self, now: Moment) {
        let mut named: Vec<AlertId> = self.deliveries.values().flat_map(|d| &d.alerts).copied().collect();
        named.extend(self.held.iter().flat_map(|held| &held.alerts));
        let closed = |alert: &&Alert| !alert.is_open() && !named.contains(&alert.id);
        let closed: Vec<AlertId> = self.alerts.values().filter(closed).map(|alert| alert.id).collect();
        // In groups, so that this is no step of every alert.
        if closed.len() >= KEPT + KEPT / 10 {
            let alerts = closed.into_iter().take(KEPT / 10).collect();
            self.record(now, Fact::Forgotten { alerts });
        }
    }

    /// What an acknowledgement of an alert would meet now.
    pub fn acknowledgement(&self, alert: AlertId) -> Acknowledged {
        match self.alerts.get(&alert).map(|alert| &alert.state) {
            None => Acknowledged::Unknown,
            Some(crate::State::Acknowledged(who)) => Acknowledged::Before(who.clone()),
            Some(_) => Acknowledged::Now,
        }
    }

    /// Number of the next step.
    pub fn next_step(&self) -> u64 {
        self.next_step
    }

    /// All alerts that are kept, oldest first.
    pub fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.values()
    }

    /// An alert.
    pub fn alert(&self, id: AlertId) -> Option<&Alert> {
        self.alerts.get(&id)
    }

    /// A message on its way.
    pub fn delivery(&self, id: u64) -> Option<&Delivery> {
        self.deliveries.get(&id)
    }

    /// All messages on their way.
    pub fn deliveries(&self) -> impl Iterator<Item = &Delivery> {
        self.deliveries.values()
    }

    /// What is held back.
    pub fn held(&self) -> &[Held] {
        &self.held
    }

    /// How many messages of each sink arrived, failed and were given up.
    pub fn counts(&self) -> impl Iterator<Item = (&str, u64, u64, u64)> {
        let of = |counts: &BTreeMap<String, u64>, sink: &str| counts.get(sink).copied().unwrap_or(0);
        let names: std::collections::BTreeSet<&String> =
            self.sent.keys().chain(self.failed.keys()).chain(self.given_up.keys()).collect();
        names.into_iter().map(move |sink| {
            (sink.as_str(), of(&self.sent, sink), of(&self.failed, sink), of(&self.given_up, sink))
        })
    }
}
