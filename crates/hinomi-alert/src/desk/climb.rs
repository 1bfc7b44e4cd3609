//! Policies: who is told next when nobody acknowledges, and whose shift begins.

use super::Desk;
use crate::delivery::{Address, Purpose};
use crate::plan::{Policy, Rung};
use crate::step::Fact;
use crate::{Alert, AlertId, Moment, Plan, State};

/// Where an alert stands after a step.
struct Next {
    taken: usize,
    round: u64,
    began: Moment,
    due: Option<Moment>,
}

impl Desk {
    /// Takes every step that is due.
    pub(super) fn climb_all(&mut self, plan: &Plan, now: Moment) {
        let due = |alert: &&Alert| alert.is_open() && alert.ladder.next.is_some_and(|next| next <= now);
        let due: Vec<AlertId> = self.alerts.values().filter(due).map(|alert| alert.id).collect();
        for id in due {
            // Several are due after a time in which the program did not run. Repetition lies in the future.
            while self.alerts.get(&id).is_some_and(|alert| due_now(alert, now)) {
                self.climb(plan, now, id);
            }
        }
    }

    fn climb(&mut self, plan: &Plan, now: Moment, id: AlertId) {
        let Some(alert) = self.alerts.get(&id).cloned() else { return };
        let named = plan.policies.get_key_value(&alert.ladder.policy);
        // A policy that is no longer configured: the one that its level has now.
        let policy = named.or_else(|| plan.policies.get_key_value(plan.route(alert.level)?));
        let Some((name, policy)) = policy else { return self.stay(now, &alert) };
        let again = alert.ladder.taken >= policy.rungs.len();
        let at = if again { 0 } else { alert.ladder.taken };
        let Some(rung) = policy.rungs.get(at) else { return self.stay(now, &alert) };
        let next = next(policy, &alert, at, again, now);
        let recipients = plan.recipients(&rung.tell, now);
        let told =
            recipients.iter().map(|r| Address { sink: r.sink.clone(), person: r.person.clone() }).collect();
        let (policy_name, round) = (name.clone(), next.round);
        let Next { taken, began, due, .. } = next;
        self.record(
            now,
            Fact::Climbed { alert: id, policy: policy_name, taken, round, began, next: due, told },
        );
        for recipient in recipients {
            let purpose = Purpose::Alert { rung: at + 1, round, instead_of: recipient.instead_of };
            let to = Address { sink: recipient.sink, person: recipient.person };
            self.hand(plan, now, &alert, to, purpose);
        }
        if !policy.acknowledge {
            self.record(now, Fact::Told { alert: id });
        }
    }

    /// Nobody is left who could be told: the alert stays open and listed.
    fn stay(&mut self, now: Moment, alert: &Alert) {
        let ladder = &alert.ladder;
        let fact = Fact::Climbed {
            alert: alert.id,
            policy: ladder.policy.clone(),
            taken: ladder.taken,
            round: ladder.round,
            began: ladder.began,
            next: None,
            told: Vec::new(),
        };
        self.record(now, fact);
    }

    /// What is open is told to whose shift begins.
    pub(super) fn change_shifts(&mut self, plan: &Plan, now: Moment) {
        for (name, rota) in &plan.rotas {
            let people = rota.on_shift(now);
            let before = self.on_shift.get(name);
            if before == Some(&people) {
                continue;
            }
            let new: Vec<String> =
                people.iter().filter(|p| before.is_some_and(|b| !b.contains(p))).cloned().collect();
            self.record(now, Fact::OnShift { rota: name.clone(), people });
            for person in new {
                self.hand_over(plan, now, name, &person);
            }
        }
    }

    /// Alerts that nobody has acknowledged and that were told to a rota.
    fn hand_over(&mut self, plan: &Plan, now: Moment, rota: &str, person: &str) {
        let target = crate::Target::Rota(rota.to_owned());
        let of_rota = |alert: &&Alert| {
            let policy = plan.policies.get(&alert.ladder.policy);
            let taken = policy.map(|p| p.rungs.as_slice()).unwrap_or_default().iter();
            let mut taken = taken.take(alert.ladder.taken);
            alert.state == State::Open && taken.any(|rung: &Rung| rung.tell.contains(&target))
        };
        let mut open: Vec<&Alert> = self.alerts.values().filter(of_rota).collect();
        open.sort_by_key(|alert| (std::cmp::Reverse(alert.level), alert.id));
        let open: Vec<AlertId> = open.into_iter().map(|alert| alert.id).collect();
        if open.is_empty() {
            return;
        }
        let sinks = plan.people.get(person).map(|p| p.sinks.clone()).unwrap_or_default();
        for sink in sinks {
            let to = Address { sink, person: Some(person.to_owned()) };
            self.queue_up(now, to, Purpose::HandOver { rota: rota.to_owned(), more: 0 }, open.clone());
        }
    }
}

fn due_now(alert: &Alert, now: Moment) -> bool {
    alert.is_open() && alert.ladder.next.is_some_and(|next| next <= now)
}

fn next(policy: &Policy, alert: &Alert, at: usize, again: bool, now: Moment) -> Next {
    let ladder = &alert.ladder;
    let (round, began) = if again { (ladder.round + 1, now) } else { (ladder.round, ladder.began) };
    let due = match policy.rungs.get(at + 1) {
        _ if !policy.acknowledge => None,
        Some(following) => Some(began.plus(following.after)),
        None => policy.repeat.map(|every| now.plus(every)),
    };
    Next { taken: at + 1, round, began, due }
}
