//! Looking after accounts and tokens.

use std::collections::BTreeSet;

use hinomi_model::Entropy;

use super::{Gate, Principal};
use crate::account::{Account, Name};
use crate::id::{AccountId, TokenId};
use crate::link::Purpose;
use crate::moment::Moment;
use crate::refusal::Refusal;
use crate::registry::{AccountChange, link_for};
use crate::role::{Permission, Role, Roles};
use crate::secret::Secret;
use crate::step::{Actor, Fact};
use crate::token::Token;

/// Name of the first administrator.
const FIRST: &str = "admin";

/// A link was made.
#[derive(Clone, Debug)]
pub struct MadeLink {
    /// Its text, shown once.
    pub text: Secret,
    /// For which account; none for a sealed code.
    pub account: Option<AccountId>,
    /// What it is for.
    pub purpose: Purpose,
    /// Until when it counts.
    pub expires: Moment,
}

/// A token was made.
#[derive(Clone, Debug)]
pub struct MadeToken {
    /// Its text, shown once.
    pub text: Secret,
    /// It.
    pub token: Token,
}

impl MadeLink {
    /// The whole address. The secret stands behind #, which browsers send nowhere.
    pub fn address(&self, origin: &str) -> String {
        format!("{origin}/#/enrol/{}", self.text.reveal())
    }
}

impl Gate {
    /// As long as nobody looks after accounts: the link for the first one, which replaces the one before.
    ///
    /// # Errors
    /// [`Refusal::NotKept`] or [`Refusal::NoEntropy`].
    pub fn first_link(
        &mut self,
        by: Option<&Principal>,
        now: Moment,
        entropy: &dyn Entropy,
    ) -> Result<Option<MadeLink>, Refusal> {
        if self.registry.has_administrator() {
            return Ok(None);
        }
        let invited = self.registry.named(FIRST).map(|account| account.id);
        let text = Secret::draw("hl_", entropy)?;
        let mut facts = Vec::new();
        let account = if let Some(account) = invited {
            account
        } else {
            let name: Name = FIRST.parse().map_err(|_| Refusal::Senseless("name"))?;
            let roles = Roles::from([Role::Administrator, Role::Responder]);
            facts.push((self.registry.invite(&name, "Administrator", &roles)?, None));
            AccountId::new(self.registry.fresh_id(0))
        };
        let purpose = Purpose::FirstAdministrator;
        let fact = link_for(purpose, Some(account), &text, now);
        let expires = now.plus(purpose.lasts());
        facts.push((fact, None));
        let by = by.map_or(Actor::Server, |principal| principal.actor.clone());
        self.commit(&by, now, facts)?;
        Ok(Some(MadeLink { text, account: Some(account), purpose, expires }))
    }

    /// Invites somebody.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn invite(
        &mut self,
        principal: &Principal,
        (name, display, roles): (&Name, &str, &Roles),
        now: Moment,
        entropy: &dyn Entropy,
    ) -> Result<MadeLink, Refusal> {
        principal.needs_fresh(Permission::AccountsManage)?;
        let invited = self.registry.invite(name, display, roles)?;
        let account = AccountId::new(self.registry.fresh_id(0));
        let text = Secret::draw("hl_", entropy)?;
        let purpose = Purpose::Invitation;
        let link = link_for(purpose, Some(account), &text, now);
        self.commit(&principal.actor, now, vec![(invited, None), (link, None)])?;
        Ok(MadeLink { text, account: Some(account), purpose, expires: now.plus(purpose.lasts()) })
    }

    /// A new link for an account: to come for the first time, or to enrol anew.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn link(
        &mut self,
        principal: &Principal,
        (account, version): (AccountId, Option<u64>),
        now: Moment,
        entropy: &dyn Entropy,
    ) -> Result<MadeLink, Refusal> {
        principal.needs_fresh(Permission::AccountsManage)?;
        let purpose = self.registry.purpose_of_link(account, version)?;
        let text = Secret::draw("hl_", entropy)?;
        let fact = link_for(purpose, Some(account), &text, now);
        self.commit_one(&principal.actor, now, fact)?;
        Ok(MadeLink { text, account: Some(account), purpose, expires: now.plus(purpose.lasts()) })
    }

    /// A code for the envelope; the one before is void. At the command line only.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn seal(
        &mut self,
        principal: &Principal,
        now: Moment,
        entropy: &dyn Entropy,
    ) -> Result<MadeLink, Refusal> {
        if principal.via != super::Via::CommandLine {
            return Err(Refusal::Forbidden);
        }
        let text = Secret::draw("bg_", entropy)?;
        let purpose = Purpose::BreakGlass;
        let fact = link_for(purpose, None, &text, now);
        self.commit_one(&principal.actor, now, fact)?;
        Ok(MadeLink { text, account: None, purpose, expires: now.plus(purpose.lasts()) })
    }

    /// Changes an account.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn change(
        &mut self,
        principal: &Principal,
        (account, version): (AccountId, Option<u64>),
        change: &AccountChange,
        now: Moment,
    ) -> Result<&Account, Refusal> {
        principal.needs_fresh(Permission::AccountsManage)?;
        let fact = self.registry.change(account, version, change)?;
        self.commit_one(&principal.actor, now, fact)?;
        self.registry.account(account).ok_or(Refusal::NotFound)
    }

    /// Ends an account.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn disable(
        &mut self,
        principal: &Principal,
        (account, version): (AccountId, Option<u64>),
        now: Moment,
    ) -> Result<&Account, Refusal> {
        principal.needs_fresh(Permission::AccountsManage)?;
        let fact = self.registry.disable_account(account, version)?;
        self.commit_one(&principal.actor, now, fact)?;
        self.registry.account(account).ok_or(Refusal::NotFound)
    }

    /// Makes a token, for oneself, or at the command line for somebody.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn make_token(
        &mut self,
        (principal, account): (&Principal, AccountId),
        wanted: (&str, &BTreeSet<Permission>, i64),
        now: Moment,
        entropy: &dyn Entropy,
    ) -> Result<MadeToken, Refusal> {
        if principal.via == super::Via::CommandLine {
            principal.needs_fresh(Permission::TokensManage)?;
        } else {
            principal.needs(Permission::TokensOwn)?;
            if principal.own()? != account {
                return Err(Refusal::Forbidden);
            }
        }
        let text = Secret::draw("ht_", entropy)?;
        let token = self.registry.make_token(account, wanted, &text, now)?;
        self.commit_one(&principal.actor, now, Fact::TokenMade { token: token.clone() })?;
        Ok(MadeToken { text, token })
    }

    /// Tokens that somebody may see: their own, or all.
    pub fn tokens<'g>(&'g self, principal: &Principal) -> impl DoubleEndedIterator<Item = &'g Token> {
        let (all, own) = (principal.may(Permission::TokensManage), principal.account);
        self.registry.tokens().filter(move |token| all || Some(token.account) == own)
    }

    /// Revokes a token: one's own, or anybody's.
    ///
    /// # Errors
    /// [`Refusal`]; those of others are not found.
    pub fn revoke_token(&mut self, principal: &Principal, id: TokenId, now: Moment) -> Result<(), Refusal> {
        if !principal.may(Permission::TokensManage) {
            principal.needs(Permission::TokensOwn)?;
        }
        if !principal.fresh {
            return Err(Refusal::StepUpNeeded);
        }
        if !self.tokens(principal).any(|token| token.id == id) {
            return Err(Refusal::NotFound);
        }
        self.commit_one(&principal.actor, now, Fact::TokenRevoked { token: id })
    }
}
