//! Asking to see names, and deciding.

use super::{Gate, Principal};
use crate::id::UnmaskId;
use crate::moment::Moment;
use crate::refusal::Refusal;
use crate::role::Permission;
use crate::step::Fact;
use crate::unmask::{Scope, Unmask};

impl Gate {
    /// Requests that somebody may see: their own, or all.
    pub fn requests<'g>(&'g self, principal: &Principal) -> impl DoubleEndedIterator<Item = &'g Unmask> {
        let all = principal.may(Permission::UnmaskApprove) || principal.may(Permission::AuditRead);
        let own = principal.account;
        self.registry.requests().filter(move |request| all || Some(request.asked_by) == own)
    }

    /// Asks to see names: whose, why, and for how many hours.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn ask(
        &mut self,
        principal: &Principal,
        wanted: (&Scope, &str, i64),
        now: Moment,
    ) -> Result<Unmask, Refusal> {
        principal.needs(Permission::UnmaskAsk)?;
        let account = principal.own()?;
        let request = self.registry.ask_unmask(account, wanted, now)?;
        self.commit_one(&principal.actor, now, Fact::UnmaskAsked { request: request.clone() })?;
        Ok(request)
    }

    /// Decides about the request of somebody else.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn decide(
        &mut self,
        principal: &Principal,
        request: (UnmaskId, u64),
        decision: (bool, &str),
        now: Moment,
    ) -> Result<&Unmask, Refusal> {
        principal.needs(Permission::UnmaskApprove)?;
        let account = principal.own()?;
        // Whoever opened an envelope is unknown: it may be whoever asked.
        if self.registry.account(account).is_none_or(|account| account.until.is_some()) {
            return Err(Refusal::SecondPerson);
        }
        let fact = self.registry.decide_unmask(request, account, decision, now)?;
        self.commit_one(&principal.actor, now, fact)?;
        self.registry.request(request.0).ok_or(Refusal::NotFound)
    }
}
