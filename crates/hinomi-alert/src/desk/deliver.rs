//! Messages: made or held back, tried again, given up.

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::{Desk, LISTED, MOST_PENDING, RATE_WINDOW};
use crate::delivery::{Address, Delivery, Held, Outcome, Purpose};
use crate::step::Fact;
use crate::{Alert, AlertId, Moment, Plan};

/// First pause after a failed attempt; it doubles from then on.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_mins(15);
/// Longest pause that the other side may ask for.
const LONGEST_ASKED: Duration = Duration::from_hours(1);
/// Attempts before a message may be given up, so that a clock that jumps ahead gives up nothing.
const FEWEST_ATTEMPTS: u32 = 16;
/// Longest reason that is kept.
const LONGEST_REASON: usize = 300;

impl Desk {
    /// Tells of an alert now, or holds it back for a summary.
    pub(super) fn hand(&mut self, plan: &Plan, now: Moment, alert: &Alert, to: Address, purpose: Purpose) {
        let person = to.person.as_ref().and_then(|name| plan.people.get(name));
        let quiet = person.and_then(|p| p.quiet.as_ref()).filter(|_| alert.can_wait());
        let until = quiet.and_then(|quiet| quiet.end(now)).or_else(|| self.too_many(plan, now, &to.sink));
        match until {
            Some(until) => self.record(now, Fact::Held { to, alert: alert.id, until }),
            None => self.queue_up(now, to, purpose, vec![alert.id]),
        }
    }

    /// Until when a sink has had enough messages.
    fn too_many(&self, plan: &Plan, now: Moment, sink: &str) -> Option<Moment> {
        if self.deliveries.values().filter(|d| d.to.sink == sink).count() >= MOST_PENDING {
            return Some(now.plus(RATE_WINDOW));
        }
        let most = plan.sinks.get(sink)?.per_ten_minutes;
        let recent = self.recent.get(sink)?;
        let within: Vec<Moment> =
            recent.iter().copied().filter(|made| now.since(*made) < RATE_WINDOW).collect();
        let oldest = *within.get(within.len().checked_sub(most)?)?;
        Some(oldest.plus(RATE_WINDOW))
    }

    pub(super) fn queue_up(&mut self, now: Moment, to: Address, purpose: Purpose, mut alerts: Vec<AlertId>) {
        let mut purpose = purpose;
        if let Purpose::Summary { more } | Purpose::HandOver { more, .. } = &mut purpose {
            *more += alerts.len().saturating_sub(LISTED) as u64;
        }
        alerts.truncate(LISTED);
        let delivery =
            Delivery { id: self.next_delivery, to, purpose, alerts, made: now, attempts: 0, next: now };
        self.record(now, Fact::Queued { delivery });
    }

    pub(super) fn test(&mut self, now: Moment, sink: String, by: String) {
        self.queue_up(now, Address { sink, person: None }, Purpose::Test { by }, Vec::new());
    }

    /// Summaries whose time has come.
    pub(super) fn release(&mut self, now: Moment) {
        let due: Vec<Held> = self.held.iter().filter(|held| held.until <= now).cloned().collect();
        for Held { to, mut alerts, more, until: _ } in due {
            alerts.sort_by_key(|id| (std::cmp::Reverse(self.alerts.get(id).map(|a| a.level)), *id));
            self.queue_up(now, to.clone(), Purpose::Summary { more }, alerts);
            self.record(now, Fact::Released { to });
        }
    }

    /// Messages to sinks that are no longer configured.
    pub(super) fn drop_unreachable(&mut self, plan: &Plan, now: Moment) {
        let gone = |d: &&Delivery| !plan.sinks.contains_key(&d.to.sink);
        let gone: Vec<u64> = self.deliveries.values().filter(gone).map(|d| d.id).collect();
        for delivery in gone {
            self.give_up(plan, now, delivery, "there is no such sink any more");
        }
    }

    pub(super) fn tried(&mut self, plan: &Plan, now: Moment, id: u64, outcome: Outcome) {
        // Acknowledged meanwhile.
        let Some(delivery) = self.deliveries.get(&id).cloned() else { return };
        match outcome {
            Outcome::Sent => {
                let (to, alerts) = (delivery.to, delivery.alerts);
                self.record(now, Fact::Sent { delivery: id, to, alerts });
            }
            Outcome::Refused { why } => self.give_up(plan, now, id, &why),
            Outcome::Again { why, after } => {
                let tried_enough = delivery.attempts + 1 >= FEWEST_ATTEMPTS;
                let test = matches!(delivery.purpose, Purpose::Test { .. });
                if test || tried_enough && now.since(delivery.made) >= plan.give_up {
                    return self.give_up(plan, now, id, &why);
                }
                let pause = pause(id, delivery.attempts).max(after.unwrap_or_default().min(LONGEST_ASKED));
                let (sink, next) = (delivery.to.sink, now.plus(pause));
                self.record(now, Fact::Failed { delivery: id, sink, why: reason(&why), next });
            }
        }
    }

    fn give_up(&mut self, plan: &Plan, now: Moment, id: u64, why: &str) {
        let Some(Delivery { to, purpose, alerts, .. }) = self.deliveries.get(&id).cloned() else { return };
        let why = reason(why);
        self.record(now, Fact::GivenUp { delivery: id, to, alerts: alerts.clone(), why });
        if let (Purpose::Alert { .. }, [alert]) = (purpose, alerts.as_slice()) {
            self.hasten(plan, now, *alert);
        }
    }

    /// When nothing of a step arrives or still may, nobody waits for the next.
    fn hasten(&mut self, plan: &Plan, now: Moment, id: AlertId) {
        let Some(alert) = self.alerts.get(&id).filter(|alert| alert.is_open()) else { return };
        let more =
            plan.policies.get(&alert.ladder.policy).is_some_and(|p| alert.ladder.taken < p.rungs.len());
        let hope = alert.ladder.arrived > 0
            || self.deliveries.values().any(|d| d.alerts.contains(&id))
            || self.held.iter().any(|held| held.alerts.contains(&id));
        if more && !hope && alert.ladder.next.is_some_and(|next| next > now) {
            self.record(now, Fact::Hastened { alert: id });
        }
    }

    /// Messages that may be tried now, the most severe first.
    pub fn ready(&self, now: Moment) -> Vec<&Delivery> {
        let mut ready: Vec<&Delivery> = self.deliveries.values().filter(|d| d.next <= now).collect();
        let level =
            |d: &Delivery| d.alerts.iter().filter_map(|id| self.alerts.get(id)).map(|a| a.level).max();
        ready.sort_by_key(|d| (std::cmp::Reverse(level(d)), d.id));
        ready
    }

    /// When something is due next, if nothing happens before.
    pub fn next_due(&self) -> Option<Moment> {
        let ladders = self.alerts.values().filter(|a| a.is_open()).filter_map(|a| a.ladder.next);
        let deliveries = self.deliveries.values().map(|d| d.next);
        ladders.chain(deliveries).chain(self.held.iter().map(|held| held.until)).min()
    }
}

/// Doubling pauses, each with up to a fifth more or less, so that not everybody comes back at once.
fn pause(delivery: u64, attempts: u32) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(attempts)).min(LONGEST_PAUSE);
    let digest = Sha256::digest([delivery.to_be_bytes(), u64::from(attempts).to_be_bytes()].concat());
    let drawn = digest.first().copied().map_or(0, u32::from);
    doubled.mul_f64(0.8 + 0.4 * f64::from(drawn) / 255.0)
}

fn reason(why: &str) -> String {
    why.chars().take(LONGEST_REASON).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_differ() {
        for attempts in 0..40 {
            let expected = (5_u64 << attempts.min(20)).min(900) as f64;
            let pauses: Vec<f64> = (0..100).map(|id| pause(id, attempts).as_secs_f64()).collect();
            assert!(pauses.iter().all(|p| (0.79..1.21).contains(&(p / expected))), "{attempts}: {pauses:?}");
            assert!(pauses.iter().any(|p| p / expected < 0.9) && pauses.iter().any(|p| p / expected > 1.1));
        }
    }
}
