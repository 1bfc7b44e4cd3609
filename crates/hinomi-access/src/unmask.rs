//! Requests to see names instead of pseudonyms: asked with a reason by one, decided by another.

use serde::{Deserialize, Serialize};

use crate::id::{AccountId, UnmaskId};
use crate::moment::Moment;

/// Hours that a request may ask for at most.
pub(crate) const MOST_HOURS: i64 = 720;
/// Seconds that a request waits for a decision.
pub(crate) const WAITS: i64 = 7 * 24 * 3_600;
/// Requests of one account that wait at a time.
pub(crate) const MOST_WAITING: usize = 50;

/// Whose names.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Scope {
    /// The account behind one pseudonym.
    Account {
        /// As it is shown.
        pseudonym: String,
    },
    /// All accounts of one incident.
    Incident {
        /// Its id.
        incident: String,
    },
}

impl Scope {
    /// What is named, whatever it is.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Account { pseudonym } => pseudonym,
            Self::Incident { incident } => incident,
        }
    }
}

/// What was decided.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Decision {
    /// By whom: never whoever asked.
    pub by: AccountId,
    /// When.
    pub at: Moment,
    /// Whether names are shown.
    pub approved: bool,
    /// Why.
    pub reason: String,
}

/// How far a request is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UnmaskState {
    /// Nobody has decided.
    Asked,
    /// Names are shown.
    Approved,
    /// They are not.
    Refused,
    /// Its time is over.
    Expired,
}

impl UnmaskState {
    /// As in the contract.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Approved => "approved",
            Self::Refused => "refused",
            Self::Expired => "expired",
        }
    }
}

/// A request.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Unmask {
    /// Its id.
    pub id: UnmaskId,
    /// Whose names.
    pub scope: Scope,
    /// Who asks, and sees them.
    pub asked_by: AccountId,
    /// When.
    pub asked: Moment,
    /// Why.
    pub reason: String,
    /// Hours for which, once it is approved.
    pub hours: i64,
    /// What was decided, if it was.
    pub decision: Option<Decision>,
    /// How often names were shown because of it.
    pub uses: u64,
    /// For `If-Match`.
    pub version: u64,
}

impl Unmask {
    /// When it ends, or the waiting for a decision.
    pub fn expires(&self) -> Moment {
        match &self.decision {
            Some(decision) => decision.at.plus(self.hours.saturating_mul(3_600)),
            None => self.asked.plus(WAITS),
        }
    }

    /// How far it is.
    pub fn state(&self, now: Moment) -> UnmaskState {
        match &self.decision {
            Some(decision) if !decision.approved => UnmaskState::Refused,
            _ if now >= self.expires() => UnmaskState::Expired,
            Some(_) => UnmaskState::Approved,
            None => UnmaskState::Asked,
        }
    }
}
