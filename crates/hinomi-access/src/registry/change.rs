//! Which changes may be: each gives the fact that makes it, or says why not.

use std::collections::BTreeSet;

use super::{MOST_ACCOUNTS, Registry};
use crate::account::{Account, Name, Standing};
use crate::id::{AccountId, FactorId, TokenId, UnmaskId};
use crate::link::{Link, Purpose};
use crate::moment::Moment;
use crate::provider::Identity;
use crate::refusal::Refusal;
use crate::role::{Permission, Role, Roles};
use crate::secret::Secret;
use crate::step::Fact;
use crate::token::{MOST, MOST_DAYS, SCOPES, Token};
use crate::unmask::{Decision, MOST_HOURS, MOST_WAITING, Scope, Unmask, UnmaskState};

/// Longest text of each kind, in characters.
const LABEL: usize = 100;
const REASON: usize = 1_000;

/// What is to be different about an account.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AccountChange {
    /// Roles from now on.
    pub roles: Option<Roles>,
    /// What is shown from now on.
    pub display: Option<String>,
}

/// A line of text for people, without control characters.
pub(crate) fn line(text: &str, most: usize, what: &'static str) -> Result<String, Refusal> {
    let text = text.trim();
    let good = !text.is_empty() && text.chars().count() <= most && !text.chars().any(char::is_control);
    if good { Ok(text.to_owned()) } else { Err(Refusal::Senseless(what)) }
}

/// A link for an account that is or will be there.
pub(crate) fn link_for(purpose: Purpose, account: Option<AccountId>, text: &Secret, now: Moment) -> Fact {
    let expires = now.plus(purpose.lasts());
    Fact::LinkMade { link: Link { digest: text.digest(), purpose, account, expires } }
}

impl Registry {
    /// A number that no thing has; `after` counts those that were taken in the same change.
    pub(crate) fn fresh_id(&self, after: u64) -> u64 {
        self.next_id.max(1) + after
    }

    pub(crate) fn factor_id(&self, after: u64) -> FactorId {
        FactorId::new(self.fresh_id(after))
    }

    fn of_version(&self, id: AccountId, version: Option<u64>) -> Result<&Account, Refusal> {
        let account = self.account(id).ok_or(Refusal::NotFound)?;
        let current = version.is_none_or(|version| version == account.version);
        if current { Ok(account) } else { Err(Refusal::Changed) }
    }

    /// Somebody is asked to come.
    pub(crate) fn invite(&self, name: &Name, display: &str, roles: &Roles) -> Result<Fact, Refusal> {
        if self.accounts.len() >= MOST_ACCOUNTS {
            return Err(Refusal::Full("accounts"));
        }
        if !self.is_free(name) {
            return Err(Refusal::Conflict("there is an account of this name"));
        }
        if roles.is_empty() {
            return Err(Refusal::Senseless("roles: at least one"));
        }
        let account = AccountId::new(self.fresh_id(0));
        let display = line(display, LABEL, "display: a line of at most 100 characters")?;
        Ok(Fact::Invited { account, name: name.clone(), display, roles: roles.clone() })
    }

    /// Somebody who was invited may come as an identity at a provider. Whoever is here already links it themselves.
    pub(crate) fn expect_identity(&self, id: AccountId, identity: &Identity) -> Result<Fact, Refusal> {
        let account = self.account(id).ok_or(Refusal::NotFound)?;
        if account.standing != Standing::Invited {
            return Err(Refusal::Conflict(
                "the account is no invitation any more: its owner links the identity, signed in",
            ));
        }
        let known = self.identified(identity).or_else(|| self.expected(identity));
        if known.is_some_and(|known| known.id != id) {
            return Err(Refusal::Conflict("this identity belongs to another account"));
        }
        Ok(Fact::IdentityExpected { account: id, identity: identity.clone() })
    }

    /// Which link an account may have.
    pub(crate) fn purpose_of_link(&self, id: AccountId, version: Option<u64>) -> Result<Purpose, Refusal> {
        let account = self.of_version(id, version)?;
        match &account.standing {
            _ if account.until.is_some() => Err(Refusal::Conflict("it was made with a sealed code")),
            Standing::Disabled => Err(Refusal::Conflict("the account is disabled")),
            Standing::Invited if !self.has_administrator() => Ok(Purpose::FirstAdministrator),
            Standing::Invited => Ok(Purpose::Invitation),
            Standing::Active { .. } => Ok(Purpose::ReEnrolment),
        }
    }

    pub(crate) fn change(
        &self,
        id: AccountId,
        version: Option<u64>,
        change: &AccountChange,
    ) -> Result<Fact, Refusal> {
        let account = self.of_version(id, version)?;
        if account.until.is_some() || account.standing == Standing::Disabled {
            return Err(Refusal::Conflict("the account is over, or will be soon"));
        }
        let display = change.display.as_deref();
        let display =
            display.map(|text| line(text, LABEL, "display: a line of at most 100 characters")).transpose()?;
        if let Some(roles) = &change.roles {
            if roles.is_empty() {
                return Err(Refusal::Senseless("roles: at least one"));
            }
            if !roles.contains(&Role::Administrator) {
                self.another_administrator(account)?;
            }
        }
        let roles = change.roles.clone().filter(|roles| *roles != account.roles);
        Ok(Fact::Changed { account: id, roles, display })
    }

    /// Somebody has to be left who looks after accounts.
    fn another_administrator(&self, without: &Account) -> Result<(), Refusal> {
        let another = |account: &Account| {
            account.id != without.id && account.is_lasting_administrator() && !self.must_enrol(account)
        };
        let needed = without.is_lasting_administrator();
        if needed && !self.accounts().any(another) { Err(Refusal::LastAdministrator) } else { Ok(()) }
    }

    pub(crate) fn disable_account(&self, id: AccountId, version: Option<u64>) -> Result<Fact, Refusal> {
        let account = self.of_version(id, version)?;
        if account.standing == Standing::Disabled {
            return Err(Refusal::Conflict("the account is disabled"));
        }
        self.another_administrator(account)?;
        Ok(Fact::Disabled { account: id })
    }

    pub(crate) fn make_token(
        &self,
        account: AccountId,
        (name, scopes, days): (&str, &BTreeSet<Permission>, i64),
        text: &Secret,
        now: Moment,
    ) -> Result<Token, Refusal> {
        let owner = self.account(account).filter(|owner| owner.is_active(now)).ok_or(Refusal::NotFound)?;
        if owner.until.is_some() {
            return Err(Refusal::Conflict("an account of an hour has no tokens"));
        }
        let allowed = owner.permissions(now);
        if scopes.is_empty() || !scopes.iter().all(|scope| SCOPES.contains(scope)) {
            return Err(Refusal::Senseless("scopes: at least one of those that tokens can have"));
        }
        if !scopes.is_subset(&allowed) {
            return Err(Refusal::Forbidden);
        }
        if !(1..=MOST_DAYS).contains(&days) {
            return Err(Refusal::Senseless("days: 1 to 366"));
        }
        if self.tokens.values().filter(|token| token.account == account).count() >= MOST {
            return Err(Refusal::Full("tokens of this account"));
        }
        Ok(Token {
            id: TokenId::new(self.fresh_id(0)),
            name: line(name, 64, "name: a line of at most 64 characters")?,
            account,
            scopes: scopes.clone(),
            digest: text.digest(),
            created: now,
            expires: now.plus(days * 86_400),
            first_used: None,
        })
    }

    pub(crate) fn ask_unmask(
        &self,
        asked_by: AccountId,
        (scope, reason, hours): (&Scope, &str, i64),
        now: Moment,
    ) -> Result<Unmask, Refusal> {
        line(scope.text(), LABEL, "scope: a line of at most 100 characters")?;
        if !(1..=MOST_HOURS).contains(&hours) {
            return Err(Refusal::Senseless("hours: 1 to 720"));
        }
        let waiting =
            |request: &&Unmask| request.asked_by == asked_by && request.state(now) == UnmaskState::Asked;
        let mut waiting: Vec<&Unmask> = self.requests.values().filter(waiting).collect();
        if waiting.len() >= MOST_WAITING {
            return Err(Refusal::Full("requests that wait"));
        }
        waiting.retain(|request| request.scope == *scope);
        if !waiting.is_empty() {
            return Err(Refusal::Conflict("this was asked already"));
        }
        Ok(Unmask {
            id: UnmaskId::new(self.fresh_id(0)),
            scope: scope.clone(),
            asked_by,
            asked: now,
            reason: line(reason, REASON, "reason: a line of at most 1000 characters")?,
            hours,
            decision: None,
            uses: 0,
            version: 1,
        })
    }

    /// A second person decides: an account of its own, that is not whoever asked.
    pub(crate) fn decide_unmask(
        &self,
        (id, version): (UnmaskId, u64),
        by: AccountId,
        (approved, reason): (bool, &str),
        now: Moment,
    ) -> Result<Fact, Refusal> {
        let request = self.request(id).ok_or(Refusal::NotFound)?;
        if request.asked_by == by {
            return Err(Refusal::SecondPerson);
        }
        if request.version != version {
            return Err(Refusal::Changed);
        }
        if request.state(now) != UnmaskState::Asked {
            return Err(Refusal::Conflict("it is decided, or too old"));
        }
        let reason = line(reason, REASON, "reason: a line of at most 1000 characters")?;
        Ok(Fact::UnmaskDecided { request: id, decision: Decision { by, at: now, approved, reason } })
    }
}
