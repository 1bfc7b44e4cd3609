//! Accounts.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::factor::Factors;
use crate::id::AccountId;
use crate::moment::Moment;
use crate::provider::Identity;
use crate::role::{Permission, Role, Roles, permissions};

/// What one signs in with: small letters, digits, dots, dashes, underscores.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

/// Text that is no name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "a name has 1 to 64 small letters, digits, dots, dashes and underscores, and begins with a letter or digit"
)]
pub struct NameError;

impl Name {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let good = text.len() <= 64
            && text.bytes().next().is_some_and(letter)
            && text.bytes().all(|b| letter(b) || b"._-".contains(&b));
        if good { Ok(Self(text.to_owned())) } else { Err(NameError) }
    }
}

impl TryFrom<String> for Name {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an account can do at all.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "standing", rename_all = "snake_case")]
pub enum Standing {
    /// Somebody was asked to come: no rights, no way to sign in.
    Invited,
    /// It was proven with two factors, and can be again.
    Active {
        /// With these, one at least.
        factors: Factors,
    },
    /// It is over.
    Disabled,
}

/// An account.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// What one signs in with.
    pub name: Name,
    /// What is shown.
    pub display: String,
    /// Roles that count while it is active.
    pub roles: Roles,
    /// What it can do at all.
    pub standing: Standing,
    /// Counts what ends sessions: roles, factors, standing.
    pub generation: u64,
    /// Counts every change, for `If-Match`.
    pub version: u64,
    /// Since when.
    pub created: Moment,
    /// When somebody signed in last.
    pub last_sign_in: Option<Moment>,
    /// Made with a sealed code; over then.
    pub until: Option<Moment>,
    /// Whoever is this at the provider may come without a link, as long as the account is invited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Identity>,
}

impl Account {
    /// What it may now. Whoever was invited, is disabled, or was let in for an hour that is over, may nothing.
    pub fn permissions(&self, now: Moment) -> BTreeSet<Permission> {
        if self.is_active(now) { permissions(&self.roles) } else { BTreeSet::new() }
    }

    /// Whether it has rights now.
    pub fn is_active(&self, now: Moment) -> bool {
        matches!(self.standing, Standing::Active { .. }) && self.until.is_none_or(|until| now < until)
    }

    /// Its factors.
    pub fn factors(&self) -> Option<&Factors> {
        match &self.standing {
            Standing::Active { factors } => Some(factors),
            _ => None,
        }
    }

    /// Whether it looks after accounts, now and later.
    pub(crate) fn is_lasting_administrator(&self) -> bool {
        self.until.is_none()
            && matches!(self.standing, Standing::Active { .. })
            && self.roles.contains(&Role::Administrator)
    }
}
