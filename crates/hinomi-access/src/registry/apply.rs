//! What a step changes.

use super::{MOST_READINGS, MOST_REQUESTS, MOST_STEPS, Registry, SLACK};
use crate::account::{Account, Standing};
use crate::factor::{Factor, Factors};
use crate::id::{AccountId, FactorId};
use crate::link::{Link, Purpose};
use crate::moment::Moment;
use crate::provider::Identity;
use crate::role::{Role, Roles};
use crate::step::{Fact, Kept};
use crate::unmask::UnmaskState;

impl Registry {
    /// Takes a step over. One that is known already changes nothing.
    pub fn apply(&mut self, kept: &Kept) {
        let Kept { step, material } = kept;
        if step.number < self.next_step {
            return;
        }
        self.next_step = step.number + 1;
        if let Some(material) = material {
            self.material.insert(material.factor, material.clone());
        }
        self.take(&step.fact, step.at);
        self.steps.push_back(step.clone());
        if self.steps.len() >= MOST_STEPS + SLACK {
            self.shorten();
        }
    }

    /// Forgets the oldest steps: of those that only read first, so that searches push nothing out.
    fn shorten(&mut self) {
        let readings = self.steps.iter().filter(|step| step.fact.is_reading()).count();
        let mut over = readings.saturating_sub(MOST_READINGS);
        self.steps.retain(|step| {
            let forgotten = over > 0 && step.fact.is_reading();
            over -= usize::from(forgotten);
            !forgotten
        });
        self.steps.drain(..self.steps.len().saturating_sub(MOST_STEPS));
    }

    fn take(&mut self, fact: &Fact, at: Moment) {
        match fact {
            Fact::Invited { account, name, display, roles } => {
                let account = new_account(*account, name.clone(), display, roles.clone(), at);
                self.add(account);
            }
            Fact::LinkMade { link } => self.replace_link(link),
            Fact::Enrolled { account, made, link, factor, .. } => {
                if let Some((name, until)) = made {
                    let roles = Roles::from([Role::Administrator, Role::Responder]);
                    let mut temporary = new_account(*account, name.clone(), name.as_str(), roles, at);
                    temporary.until = Some(*until);
                    self.add(temporary);
                }
                self.links.retain(|known| known.digest != *link);
                self.enrol(*account, factor);
            }
            Fact::IdentityExpected { account, identity } => self.expect(*account, identity),
            Fact::EnrolledByProvider { account, factor, .. } => self.come(*account, factor),
            Fact::FactorAdded { account, factor } => {
                self.sees(factor.id().number());
                self.with_factors(*account, |factors| factors.add(factor.clone()), false);
            }
            Fact::FactorRemoved { account, factor } => {
                self.material.remove(factor);
                self.with_factors(*account, |factors| factors.remove(*factor), true);
            }
            Fact::Changed { account, roles, display } => {
                self.change_account(*account, roles.as_ref(), display.as_deref());
            }
            Fact::Disabled { account } => self.disable(*account),
            Fact::SignedIn { account, factor, count, backed_up, .. } => {
                self.signed_in(*account, *factor, (at, *count, *backed_up));
            }
            Fact::TokenMade { token } => {
                self.sees(token.id.number());
                self.tokens.insert(token.id, token.clone());
            }
            Fact::TokenUsed { token, .. } => {
                if let Some(token) = self.tokens.get_mut(token) {
                    token.first_used.get_or_insert(at);
                }
            }
            Fact::TokenRevoked { token } | Fact::TokenExpired { token } => {
                self.tokens.remove(token);
            }
            Fact::UnmaskAsked { request } => {
                self.sees(request.id.number());
                self.requests.insert(request.id, request.clone());
                self.forget_requests(at);
            }
            Fact::UnmaskDecided { request, decision } => {
                if let Some(request) = self.requests.get_mut(request) {
                    request.decision = Some(decision.clone());
                    request.version += 1;
                }
            }
            Fact::UnmaskUsed { requests } => {
                for id in requests {
                    if let Some(request) = self.requests.get_mut(id) {
                        request.uses += 1;
                    }
                }
            }
            Fact::SignInFailed { .. }
            | Fact::CounterWentBack { .. }
            | Fact::SignedOut { .. }
            | Fact::Sought { .. } => {}
        }
    }

    fn sees(&mut self, id: u64) {
        self.next_id = self.next_id.max(id + 1);
    }

    fn add(&mut self, account: Account) {
        self.sees(account.id.number());
        self.accounts.insert(account.id, account);
    }

    /// One link an account, and one sealed code.
    fn replace_link(&mut self, link: &Link) {
        let same = |known: &Link| match link.account {
            Some(account) => known.account == Some(account),
            None => known.purpose == Purpose::BreakGlass,
        };
        self.links.retain(|known| !same(known));
        self.links.push(link.clone());
    }

    /// Whoever was invited may come as this identity.
    fn expect(&mut self, id: AccountId, identity: &Identity) {
        let Some(account) = self.accounts.get_mut(&id) else { return };
        account.expected = Some(identity.clone());
        account.version += 1;
    }

    /// Whoever was expected came; the link is not needed any more.
    fn come(&mut self, id: AccountId, factor: &Factor) {
        self.links.retain(|link| link.account != Some(id));
        self.enrol(id, factor);
    }

    /// From now on this is the one factor; whatever the account had before is void.
    fn enrol(&mut self, id: AccountId, factor: &Factor) {
        self.sees(factor.id().number());
        let before: Vec<FactorId> = self
            .accounts
            .get(&id)
            .and_then(Account::factors)
            .map(|factors| factors.iter().map(Factor::id).collect())
            .unwrap_or_default();
        for old in before {
            self.material.remove(&old);
        }
        if let Some(account) = self.accounts.get_mut(&id) {
            account.standing = Standing::Active { factors: Factors::first(factor.clone()) };
            account.expected = None;
            account.generation += 1;
            account.version += 1;
        }
    }

    fn with_factors(&mut self, id: AccountId, change: impl FnOnce(&mut Factors), ends_sessions: bool) {
        let Some(account) = self.accounts.get_mut(&id) else { return };
        if let Standing::Active { factors } = &mut account.standing {
            change(factors);
            account.version += 1;
            account.generation += u64::from(ends_sessions);
        }
    }

    fn change_account(&mut self, id: AccountId, roles: Option<&Roles>, display: Option<&str>) {
        let Some(account) = self.accounts.get_mut(&id) else { return };
        if let Some(roles) = roles {
            account.roles.clone_from(roles);
            account.generation += 1;
        }
        if let Some(display) = display {
            display.clone_into(&mut account.display);
        }
        account.version += 1;
    }

    fn disable(&mut self, id: AccountId) {
        let Some(account) = self.accounts.get_mut(&id) else { return };
        let factors = account.factors().map(|factors| factors.iter().map(Factor::id).collect::<Vec<_>>());
        account.standing = Standing::Disabled;
        account.expected = None;
        account.generation += 1;
        account.version += 1;
        for factor in factors.unwrap_or_default() {
            self.material.remove(&factor);
        }
        self.links.retain(|link| link.account != Some(id));
        self.tokens.retain(|_, token| token.account != id);
    }

    fn signed_in(&mut self, id: AccountId, factor: FactorId, (at, count, backed): (Moment, i64, bool)) {
        let Some(account) = self.accounts.get_mut(&id) else { return };
        account.last_sign_in = Some(at);
        if let Standing::Active { factors } = &mut account.standing
            && let Some(factor) = factors.get_mut(factor)
        {
            factor.used(at, count, backed);
        }
    }

    fn forget_requests(&mut self, now: Moment) {
        while self.requests.len() > MOST_REQUESTS {
            let over = |state| matches!(state, UnmaskState::Refused | UnmaskState::Expired);
            let oldest = self.requests.values().find(|request| over(request.state(now)));
            let Some(id) = oldest.or(self.requests.values().next()).map(|request| request.id) else { return };
            self.requests.remove(&id);
        }
    }
}

fn new_account(
    id: AccountId,
    name: crate::account::Name,
    display: &str,
    roles: Roles,
    at: Moment,
) -> Account {
    Account {
        id,
        name,
        display: display.to_owned(),
        roles,
        standing: Standing::Invited,
        generation: 0,
        version: 1,
        created: at,
        last_sign_in: None,
        until: None,
        expected: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::factor::FactorKind;
    use crate::step::{Actor, Step};

    #[test]
    fn whoever_searches_pushes_no_other_step_out() {
        let mut registry = Registry::default();
        let failure = Fact::SignInFailed {
            account: None,
            method: FactorKind::Passkey,
            why: None,
            from: "192.0.2.0/24".to_owned(),
            more: 0,
        };
        let search = Fact::Sought { operation: "search".to_owned(), what: "rclone".to_owned() };
        let facts = std::iter::repeat_n(failure.clone(), 10)
            .chain(std::iter::repeat_n(search, 20_000))
            .chain(std::iter::repeat_n(failure, 6_000));
        for (number, fact) in (0..).zip(facts) {
            let step = Step { number, at: Moment::default(), actor: Actor::Nobody, fact };
            registry.apply(&Kept { step, material: None });
            if (10..20_010).contains(&number) && number % 101 == 0 {
                let others = registry.steps().filter(|step| !step.fact.is_reading()).count();
                assert_eq!(others, 10, "step {number}");
            }
        }
        assert!((MOST_STEPS..MOST_STEPS + SLACK).contains(&registry.steps().count()));
        let last: Vec<u64> = registry.steps().rev().take(2).map(|step| step.number).collect();
        assert_eq!(last, [26_009, 26_008]);
    }
}
