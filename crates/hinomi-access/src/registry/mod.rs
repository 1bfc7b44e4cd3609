//! Everything that is kept: accounts, links, tokens, requests to see names, and the last steps.

mod apply;
mod change;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use hinomi_model::Digest;
use serde::{Deserialize, Serialize};

use crate::account::{Account, Name, Standing};
use crate::factor::{Factor, Factors};
use crate::id::{AccountId, FactorId, TokenId, UnmaskId};
use crate::link::Link;
use crate::moment::Moment;
use crate::provider::Identity;
use crate::secret::Secret;
use crate::step::{Material, Step};
use crate::token::Token;
use crate::unmask::Unmask;

pub use change::AccountChange;
pub(crate) use change::{line, link_for};

/// Steps that can be asked for here, those among them that only read, and how many more there are before the oldest are
/// forgotten; all are in the decision ledger.
const MOST_STEPS: usize = 5_000;
const MOST_READINGS: usize = 1_000;
const SLACK: usize = 500;
/// Most accounts, disabled ones included.
const MOST_ACCOUNTS: usize = 10_000;
/// Most requests that are kept; the oldest that are over go first.
const MOST_REQUESTS: usize = 5_000;

/// The sum of all steps.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Registry {
    accounts: BTreeMap<AccountId, Account>,
    links: Vec<Link>,
    tokens: BTreeMap<TokenId, Token>,
    requests: BTreeMap<UnmaskId, Unmask>,
    material: BTreeMap<FactorId, Material>,
    /// Passkeys that nobody can sign in with any more: what their devices know accounts by followed from a key that is lost.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    lost: BTreeSet<FactorId>,
    steps: VecDeque<Step>,
    next_step: u64,
    /// Ids of all kinds share their numbers.
    next_id: u64,
}

impl Registry {
    /// An account.
    pub fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(&id)
    }

    /// The account of a name.
    pub fn named(&self, name: &str) -> Option<&Account> {
        self.accounts.values().find(|account| account.name.as_str() == name)
    }

    /// All accounts, by id.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.values()
    }

    /// All tokens, by id.
    pub fn tokens(&self) -> impl DoubleEndedIterator<Item = &Token> {
        self.tokens.values()
    }

    /// All requests to see names, by id.
    pub fn requests(&self) -> impl DoubleEndedIterator<Item = &Unmask> {
        self.requests.values()
    }

    /// A request to see names.
    pub fn request(&self, id: UnmaskId) -> Option<&Unmask> {
        self.requests.get(&id)
    }

    /// The last steps, in order.
    pub fn steps(&self) -> impl DoubleEndedIterator<Item = &Step> {
        self.steps.iter()
    }

    /// Number of the next step.
    pub fn next_step(&self) -> u64 {
        self.next_step
    }

    /// Whether the secrets of all factors of an active account are lost, so that it needs a new link.
    pub fn must_enrol(&self, account: &Account) -> bool {
        let usable = |factor: &Factor| match factor {
            Factor::Passkey(passkey) => !self.lost.contains(&passkey.id),
            Factor::PasswordTotp(password) => self.material.contains_key(&password.id),
            Factor::Provider(_) => true,
        };
        account.factors().is_some_and(|factors| !factors.iter().any(usable))
    }

    /// The key of this installation is lost, and a new one was made: devices know accounts by what followed from the old one.
    pub fn key_is_lost(&mut self) {
        let factors = self.accounts.values().filter_map(Account::factors).flat_map(Factors::iter);
        let lost = factors.filter_map(|factor| match factor {
            Factor::Passkey(passkey) if passkey.handle.is_none() => Some(passkey.id),
            _ => None,
        });
        self.lost = lost.collect();
    }

    /// Whether somebody looks after accounts.
    pub fn has_administrator(&self) -> bool {
        self.accounts.values().any(Account::is_lasting_administrator)
    }

    /// Links that were made and not used.
    pub fn links(&self) -> impl Iterator<Item = &Link> {
        self.links.iter()
    }

    /// The token of a text, if it counts now.
    pub(crate) fn token(&self, text: &Secret, now: Moment) -> Option<&Token> {
        let digest: Digest = text.digest();
        self.tokens.values().find(|token| token.digest == digest && now < token.expires)
    }

    /// Whose passkey a credential is.
    pub(crate) fn holder(&self, credential: &[u8]) -> Option<&Account> {
        let holds = |account: &&Account| {
            account.factors().is_some_and(|factors| factors.passkey(credential).is_some())
        };
        self.accounts.values().find(holds)
    }

    /// Whose an identity at a provider is.
    pub(crate) fn identified(&self, identity: &Identity) -> Option<&Account> {
        let is = |account: &&Account| {
            account.factors().is_some_and(|factors| factors.provider(identity).is_some())
        };
        self.accounts.values().find(is)
    }

    /// Who was invited as an identity at a provider.
    pub(crate) fn expected(&self, identity: &Identity) -> Option<&Account> {
        let is = |account: &&Account| {
            account.standing == Standing::Invited && account.expected.as_ref() == Some(identity)
        };
        self.accounts.values().find(is)
    }

    /// The link of a digest, if it counts now.
    pub(crate) fn link_of(&self, digest: &Digest, now: Moment) -> Option<&Link> {
        self.links.iter().find(|link| link.digest == *digest && now < link.expires)
    }

    pub(crate) fn material(&self, factor: FactorId) -> Option<&Material> {
        self.material.get(&factor)
    }

    pub(crate) fn is_free(&self, name: &Name) -> bool {
        self.named(name.as_str()).is_none()
    }
}
