//! What a step changes: nothing but the step decides.

use std::time::Duration;

use super::{CITED, Desk, LISTED, RATE_WINDOW};
use crate::delivery::{Address, Delivery, Held, Purpose};
use crate::step::{Fact, Step};
use crate::{AlertId, Ladder, Moment, State};

impl Desk {
    /// Takes a step over that was written down.
    pub fn apply(&mut self, step: &Step) {
        self.next_step = step.number + 1;
        self.last = step.at;
        match &step.fact {
            Fact::Made { alert } => {
                self.next_alert = self.next_alert.max(alert.id.0 + 1);
                self.keys.insert(alert.key(), alert.id);
                self.alerts.insert(alert.id, (**alert).clone());
            }
            Fact::Joined { alert, count, last, signals, evidence } => {
                self.join(*alert, *count, last.as_ref(), signals, evidence);
            }
            Fact::Climbed { alert, policy, taken, round, began, next, told: _ } => {
                let (policy, taken, round) = (policy.clone(), *taken, *round);
                let ladder = Ladder { policy, taken, round, began: *began, next: *next, arrived: 0 };
                self.with(*alert, |alert| alert.ladder = ladder);
            }
            Fact::Hastened { alert } => self.with(*alert, |alert| alert.ladder.next = Some(step.at)),
            Fact::Told { alert } => self.close(*alert, State::Told),
            Fact::Acknowledged { alert, who } => self.close(*alert, State::Acknowledged(who.clone())),
            Fact::Queued { delivery } => self.queue(delivery),
            Fact::Held { to, alert, until } => self.hold(to, *alert, *until),
            Fact::Released { to } => self.held.retain(|held| held.to != *to),
            Fact::Failed { delivery, sink, why: _, next } => {
                *self.failed.entry(sink.clone()).or_default() += 1;
                if let Some(delivery) = self.deliveries.get_mut(delivery) {
                    delivery.attempts += 1;
                    delivery.next = *next;
                }
            }
            Fact::Sent { delivery, to, alerts: _ } => {
                *self.sent.entry(to.sink.clone()).or_default() += 1;
                self.arrived(*delivery);
            }
            Fact::GivenUp { delivery, to, .. } => {
                *self.given_up.entry(to.sink.clone()).or_default() += 1;
                self.deliveries.remove(delivery);
            }
            Fact::Withdrawn { delivery } => drop(self.deliveries.remove(delivery)),
            Fact::OnShift { rota, people } => drop(self.on_shift.insert(rota.clone(), people.clone())),
            Fact::ClockBack { millis } => self.shift_timers(Duration::from_millis(*millis)),
            Fact::Forgotten { alerts } => alerts.iter().for_each(|id| self.remove(*id)),
        }
    }

    fn with(&mut self, id: AlertId, change: impl FnOnce(&mut crate::Alert)) {
        if let Some(alert) = self.alerts.get_mut(&id) {
            change(alert);
        }
    }

    fn join(
        &mut self,
        id: AlertId,
        count: u64,
        last: Option<&String>,
        signals: &[String],
        evidence: &[String],
    ) {
        self.with(id, |alert| {
            alert.count = alert.count.saturating_add(count);
            // Late events come later and are older.
            if last.is_some() && last > alert.last.as_ref() {
                alert.last = last.cloned();
            }
            let room = CITED.saturating_sub(alert.signals.len());
            alert.signals.extend(signals.iter().take(room).cloned());
            let room = CITED.saturating_sub(alert.evidence.len());
            alert.evidence.extend(evidence.iter().take(room).cloned());
        });
    }

    fn close(&mut self, id: AlertId, state: State) {
        self.with(id, |alert| {
            alert.state = state;
            alert.ladder.next = None;
        });
    }

    fn queue(&mut self, delivery: &Delivery) {
        self.next_delivery = self.next_delivery.max(delivery.id + 1);
        if !matches!(delivery.purpose, Purpose::Test { .. }) {
            let recent = self.recent.entry(delivery.to.sink.clone()).or_default();
            recent.push_back(delivery.made);
            while recent.front().is_some_and(|first| delivery.made.since(*first) >= RATE_WINDOW) {
                recent.pop_front();
            }
        }
        self.deliveries.insert(delivery.id, delivery.clone());
    }

    fn hold(&mut self, to: &Address, alert: AlertId, until: Moment) {
        let at = self.held.iter().position(|held| held.to == *to);
        if at.is_none() {
            self.held.push(Held { to: to.clone(), alerts: Vec::new(), more: 0, until });
        }
        let last = self.held.len().saturating_sub(1);
        let Some(held) = self.held.get_mut(at.unwrap_or(last)) else { return };
        held.until = held.until.min(until);
        if held.alerts.contains(&alert) {
        } else if held.alerts.len() < LISTED {
            held.alerts.push(alert);
        } else {
            held.more += 1;
        }
    }

    fn arrived(&mut self, delivery: u64) {
        let Some(delivery) = self.deliveries.remove(&delivery) else { return };
        for id in delivery.alerts {
            self.with(id, |alert| alert.ladder.arrived += 1);
        }
    }

    fn remove(&mut self, id: AlertId) {
        let Some(alert) = self.alerts.remove(&id) else { return };
        let key = alert.key();
        if self.keys.get(&key) == Some(&id) {
            self.keys.remove(&key);
        }
    }

    /// The clock went back: what was due in ten minutes is due in ten minutes.
    fn shift_timers(&mut self, by: Duration) {
        for alert in self.alerts.values_mut() {
            alert.made = alert.made.back_by(by);
            alert.ladder.began = alert.ladder.began.back_by(by);
            alert.ladder.next = alert.ladder.next.map(|next| next.back_by(by));
        }
        for delivery in self.deliveries.values_mut() {
            delivery.made = delivery.made.back_by(by);
            delivery.next = delivery.next.back_by(by);
        }
        self.held.iter_mut().for_each(|held| held.until = held.until.back_by(by));
        self.recent.values_mut().flatten().for_each(|made| *made = made.back_by(by));
    }
}
