//! Who asks for something, and what they may.

use std::collections::BTreeSet;

use hinomi_model::Digest;

use super::Gate;
use crate::account::Name;
use crate::id::{AccountId, TokenId};
use crate::limits::Origin;
use crate::moment::Moment;
use crate::names::Names;
use crate::refusal::Refusal;
use crate::role::{Permission, Roles, permissions};
use crate::secret::Secret;
use crate::session::Session;
use crate::step::{Actor, Fact};
use crate::unmask::UnmaskState;

/// Bytes of a question that are written down.
const MOST_SOUGHT: usize = 2_000;

/// How somebody shows who they are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Via {
    /// A session.
    Session(Session),
    /// A token.
    Token(TokenId),
    /// The command line of the server's machine: whoever may write the data directory.
    CommandLine,
}

/// Somebody who is known. Made by looking it up only.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Principal {
    pub(super) actor: Actor,
    pub(super) account: Option<AccountId>,
    pub(super) name: Option<Name>,
    pub(super) roles: Roles,
    pub(super) permissions: BTreeSet<Permission>,
    pub(super) fresh: bool,
    pub(super) via: Via,
}

impl Principal {
    /// The command line: it may look after accounts, and sees no names.
    pub fn command_line(uid: Option<u32>) -> Self {
        let all = [Permission::AccountsRead, Permission::AccountsManage, Permission::TokensManage];
        Self {
            actor: Actor::CommandLine(uid),
            account: None,
            name: None,
            roles: Roles::new(),
            permissions: BTreeSet::from(all),
            fresh: true,
            via: Via::CommandLine,
        }
    }

    /// Its account, if it has one.
    pub fn account(&self) -> Option<AccountId> {
        self.account
    }

    /// What it signs in with.
    pub fn name(&self) -> Option<&Name> {
        self.name.as_ref()
    }

    /// Its roles.
    pub fn roles(&self) -> &Roles {
        &self.roles
    }

    /// What it may.
    pub fn permissions(&self) -> &BTreeSet<Permission> {
        &self.permissions
    }

    /// How it is known.
    pub fn via(&self) -> &Via {
        &self.via
    }

    /// Whether two factors were verified a moment ago.
    pub fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// Whether it may.
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(&permission)
    }

    /// It has to have a right.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`].
    pub fn needs(&self, permission: Permission) -> Result<(), Refusal> {
        if self.may(permission) { Ok(()) } else { Err(Refusal::Forbidden) }
    }

    /// … and a fresh proof.
    pub(super) fn needs_fresh(&self, permission: Permission) -> Result<(), Refusal> {
        self.needs(permission)?;
        if self.fresh { Ok(()) } else { Err(Refusal::StepUpNeeded) }
    }

    /// Its own account, with a fresh proof: programs have none.
    pub(super) fn own(&self) -> Result<AccountId, Refusal> {
        match (&self.via, self.account) {
            (Via::Session(_), Some(_)) if !self.fresh => Err(Refusal::StepUpNeeded),
            (Via::Session(_), Some(account)) => Ok(account),
            _ => Err(Refusal::Forbidden),
        }
    }
}

impl Gate {
    /// Who a session belongs to. Using it keeps it open.
    pub fn by_session(&mut self, secret: &Secret, now: Moment) -> Option<Principal> {
        let session = self.sessions.find(&secret.digest(), &self.registry, now)?;
        self.of_session(session, now)
    }

    /// Who a session belongs to, for what a page does by itself: that keeps it not open.
    pub fn seen_session(&self, secret: &Secret, now: Moment) -> Option<Principal> {
        let session = self.sessions.seen(&secret.digest(), &self.registry, now)?.clone();
        self.of_session(session, now)
    }

    /// Whether somebody who came in is in still, with a right. `session` is the digest of theirs.
    pub fn is_in(&self, who: &Principal, session: Option<&Digest>, right: Permission, now: Moment) -> bool {
        let Some(account) = who.account.and_then(|id| self.registry.account(id)) else { return false };
        if !account.is_active(now) || !account.permissions(now).contains(&right) {
            return false;
        }
        match &who.via {
            Via::Session(_) => {
                session.is_some_and(|digest| self.sessions.seen(digest, &self.registry, now).is_some())
            }
            Via::Token(id) => {
                let mut tokens = self.registry.tokens();
                tokens.any(|token| token.id == *id && now < token.expires && token.scopes.contains(&right))
            }
            Via::CommandLine => false,
        }
    }

    fn of_session(&self, session: Session, now: Moment) -> Option<Principal> {
        let account = self.registry.account(session.account)?;
        Some(Principal {
            actor: Actor::Account(account.id),
            account: Some(account.id),
            name: Some(account.name.clone()),
            roles: account.roles.clone(),
            permissions: account.permissions(now),
            fresh: session.is_fresh(now),
            via: Via::Session(session),
        })
    }

    /// Who a token was given to: what it is for, as far as its owner may that now. Its first use is written down.
    ///
    /// # Errors
    /// [`Refusal::SignInFailed`], or [`Refusal::NotKept`].
    pub fn by_token(&mut self, secret: &Secret, from: &Origin, now: Moment) -> Result<Principal, Refusal> {
        let token = self.registry.token(secret, now).ok_or(Refusal::SignInFailed)?.clone();
        let owner = self.registry.account(token.account).ok_or(Refusal::SignInFailed)?;
        if !owner.is_active(now) {
            return Err(Refusal::SignInFailed);
        }
        let rights = permissions(&owner.roles);
        let (name, roles) = (Some(owner.name.clone()), owner.roles.clone());
        if token.first_used.is_none() {
            let from = from.as_str().to_owned();
            self.commit_one(&Actor::Token(token.id), now, Fact::TokenUsed { token: token.id, from })?;
        }
        Ok(Principal {
            actor: Actor::Token(token.id),
            account: Some(token.account),
            name,
            roles,
            permissions: token.scopes.intersection(&rights).copied().collect(),
            fresh: false,
            via: Via::Token(token.id),
        })
    }

    /// What somebody is shown of names. Programs see pseudonyms.
    pub fn names(&self, principal: &Principal, now: Moment) -> Names {
        let mut names = Names::masked(self.pseudonyms);
        let (Via::Session(_), Some(account)) = (&principal.via, principal.account) else { return names };
        let mine = self.registry.requests().filter(|request| request.asked_by == account);
        for request in mine.filter(|request| request.state(now) == UnmaskState::Approved) {
            names.open(&request.scope, request.id);
        }
        names
    }

    /// Writes down that names were shown, before the answer leaves.
    ///
    /// # Errors
    /// [`Refusal::NotKept`]: then the answer must not leave.
    pub fn shown(&mut self, principal: &Principal, names: &Names, now: Moment) -> Result<(), Refusal> {
        let requests = names.used();
        if requests.is_empty() {
            return Ok(());
        }
        self.commit_one(&principal.actor, now, Fact::UnmaskUsed { requests })
    }

    /// Writes down what of the evidence somebody looked for, before the answer leaves.
    ///
    /// # Errors
    /// [`Refusal::NotKept`]: then the answer must not leave.
    pub fn sought(
        &mut self,
        principal: &Principal,
        (operation, what): (&str, &str),
        now: Moment,
    ) -> Result<(), Refusal> {
        let what = what.get(..what.floor_char_boundary(MOST_SOUGHT)).unwrap_or_default().to_owned();
        self.commit_one(&principal.actor, now, Fact::Sought { operation: operation.to_owned(), what })
    }
}
