//! What was done with accounts, as it is written down.
//!
//! # Invariants
//! A [`Step`] may be shown to an auditor and goes to the decision ledger: passwords, secrets of generators and the texts of
//! links and tokens are not in it. What is secret is in [`Material`], which stays on this machine.

use std::collections::BTreeSet;

use hinomi_model::Digest;
use serde::{Deserialize, Serialize};

use crate::factor::{Factor, FactorKind};
use crate::id::{AccountId, FactorId, TokenId, UnmaskId};
use crate::link::{Link, Purpose};
use crate::moment::Moment;
use crate::provider::{Evidence, Identity, ProviderFault};
use crate::role::Roles;
use crate::session::Method;
use crate::token::Token;
use crate::unmask::{Decision, Unmask};

/// Who did it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// Somebody signed in.
    Account(AccountId),
    /// A program with a token.
    Token(TokenId),
    /// Somebody at the command line of the server's machine, with the user id if that is known.
    CommandLine(Option<u32>),
    /// Nobody who was signed in.
    Nobody,
    /// The server itself.
    Server,
}

/// A fact, its number and its time.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Step {
    /// Counted from 0 without gaps.
    pub number: u64,
    /// When.
    pub at: Moment,
    /// Who.
    pub actor: Actor,
    /// What.
    #[serde(flatten)]
    pub fact: Fact,
}

/// What is secret about a factor, and in no step.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Material {
    pub(crate) factor: FactorId,
    /// Hash of the password.
    pub(crate) hash: String,
    /// Secret of the generator, in base64url.
    pub(crate) generator: String,
}

impl std::fmt::Debug for Material {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Material").field("factor", &self.factor).finish_non_exhaustive()
    }
}

/// A step, and what is kept with it here.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Kept {
    /// What everybody who may can read.
    pub step: Step,
    /// What nobody can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub material: Option<Material>,
}

/// Something that happened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Fact {
    /// An account was made, without rights.
    Invited {
        /// It.
        account: AccountId,
        /// Its name.
        name: crate::account::Name,
        /// What is shown.
        display: String,
        /// Roles that will count.
        roles: Roles,
    },
    /// A link was made; earlier ones for the account, or earlier sealed codes, are void.
    LinkMade {
        /// It.
        link: Link,
    },
    /// Somebody used a link and proved two factors.
    Enrolled {
        /// Whose.
        account: AccountId,
        /// Made only now, with a sealed code: its name, and until when.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        made: Option<(crate::account::Name, Moment)>,
        /// What the link was for.
        purpose: Purpose,
        /// SHA-256 of the link, which is used up.
        #[serde(with = "digest_text")]
        link: Digest,
        /// The one factor that it has now.
        factor: Factor,
    },
    /// Somebody who was invited may come as this identity of the provider.
    IdentityExpected {
        /// Whose.
        account: AccountId,
        /// Who it is there.
        identity: Identity,
    },
    /// Whoever was expected came through the provider, which verified two factors.
    EnrolledByProvider {
        /// Whose.
        account: AccountId,
        /// The one factor that it has now.
        factor: Factor,
        /// What showed two factors.
        evidence: Evidence,
    },
    /// One more factor.
    FactorAdded {
        /// Whose.
        account: AccountId,
        /// It.
        factor: Factor,
    },
    /// One factor less.
    FactorRemoved {
        /// Whose.
        account: AccountId,
        /// Which.
        factor: FactorId,
    },
    /// Roles or the shown name changed.
    Changed {
        /// Whose.
        account: AccountId,
        /// Roles from now on.
        roles: Option<Roles>,
        /// What is shown from now on.
        display: Option<String>,
    },
    /// An account is over.
    Disabled {
        /// Which.
        account: AccountId,
    },
    /// Somebody signed in.
    SignedIn {
        /// As whom.
        account: AccountId,
        /// How.
        method: Method,
        /// With which factor.
        factor: FactorId,
        /// Counter of the device, or step of the generator.
        count: i64,
        /// Whether the passkey says that it is copied elsewhere.
        backed_up: bool,
        /// From which network.
        from: String,
        /// A fresh proof within a session.
        step_up: bool,
        /// What the provider said of two factors, if it was asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        evidence: Option<Evidence>,
    },
    /// Signing in failed.
    SignInFailed {
        /// As whom, if such an account is there. What was typed is not kept: people type passwords there.
        account: Option<AccountId>,
        /// How it was tried.
        method: FactorKind,
        /// Why the word of a provider did not count.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<ProviderFault>,
        /// From which network.
        from: String,
        /// Failures of the kind that were not written down since the last one.
        more: u64,
    },
    /// A device counted backwards: there may be a copy of it. It was not let in.
    CounterWentBack {
        /// Whose.
        account: AccountId,
        /// Which.
        factor: FactorId,
        /// From which network.
        from: String,
    },
    /// Somebody signed out.
    SignedOut {
        /// Who.
        account: AccountId,
    },
    /// A token was made.
    TokenMade {
        /// It, without its text.
        token: Token,
    },
    /// A token was used for the first time.
    TokenUsed {
        /// Which.
        token: TokenId,
        /// From which network.
        from: String,
    },
    /// A token is void.
    TokenRevoked {
        /// Which.
        token: TokenId,
    },
    /// The time of a token is over.
    TokenExpired {
        /// Which.
        token: TokenId,
    },
    /// Somebody asks to see names.
    UnmaskAsked {
        /// The request.
        request: Unmask,
    },
    /// Somebody else decided.
    UnmaskDecided {
        /// About which request.
        request: UnmaskId,
        /// What.
        decision: Decision,
    },
    /// Names were shown.
    UnmaskUsed {
        /// Because of which requests.
        requests: BTreeSet<UnmaskId>,
    },
    /// Evidence was searched, or a record of it read as it was received: names may stand in it.
    Sought {
        /// How: `search`, `query` or `readRecord`.
        operation: String,
        /// The question, or the reference; a long one is cut.
        what: String,
    },
}

impl Fact {
    /// The account that it is about.
    pub fn account(&self) -> Option<AccountId> {
        match self {
            Self::Invited { account, .. }
            | Self::Enrolled { account, .. }
            | Self::IdentityExpected { account, .. }
            | Self::EnrolledByProvider { account, .. }
            | Self::FactorAdded { account, .. }
            | Self::FactorRemoved { account, .. }
            | Self::Changed { account, .. }
            | Self::Disabled { account }
            | Self::SignedIn { account, .. }
            | Self::CounterWentBack { account, .. }
            | Self::SignedOut { account } => Some(*account),
            Self::LinkMade { link } => link.account,
            Self::SignInFailed { account, .. } => *account,
            Self::TokenMade { token } => Some(token.account),
            Self::UnmaskAsked { request } => Some(request.asked_by),
            Self::UnmaskDecided { decision, .. } => Some(decision.by),
            Self::TokenUsed { .. }
            | Self::TokenRevoked { .. }
            | Self::TokenExpired { .. }
            | Self::UnmaskUsed { .. }
            | Self::Sought { .. } => None,
        }
    }

    /// Whether somebody only read: such steps come with each search, others are few.
    pub fn is_reading(&self) -> bool {
        matches!(self, Self::UnmaskUsed { .. } | Self::Sought { .. })
    }

    /// Whether somebody has to hear of it at once: an envelope was opened, a device may have a copy.
    pub fn is_loud(&self) -> bool {
        match self {
            Self::Enrolled { purpose, .. } => *purpose != Purpose::Invitation,
            Self::LinkMade { link } => matches!(link.purpose, Purpose::ReEnrolment | Purpose::BreakGlass),
            Self::CounterWentBack { .. } => true,
            Self::SignInFailed { why: Some(why), .. } => why.is_suspicious(),
            _ => false,
        }
    }
}

/// Digests as text.
pub(crate) mod digest_text {
    use hinomi_model::Digest;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(crate) fn serialize<S: Serializer>(digest: &Digest, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(digest)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
