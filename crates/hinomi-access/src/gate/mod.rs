//! The gate: who comes in, as whom, and what they may change. Time and chance are handed in.
//!
//! # Invariants
//! - What a change needs is checked here, too, whatever the caller has checked.
//! - A step is kept ([`Keep`]) before anybody is told of what follows from it. What cannot be kept is not done.

mod administer;
mod enrol;
mod grants;
mod principal;
mod provider;
mod sign_in;

use std::collections::BTreeMap;

use hinomi_model::{Digest, Entropy};

use crate::key::Key;
use crate::limits::{Failed, Limits};
use crate::moment::Moment;
use crate::refusal::Refusal;
use crate::registry::Registry;
use crate::secret::encode;
use crate::session::Sessions;
use crate::step::{Actor, Fact, Kept, Material, Step};
use crate::webauthn::{ALGORITHMS, Ceremony};

pub use administer::{MadeLink, MadeToken};
pub use enrol::{Invitation, Offer};
pub use principal::{Principal, Via};
pub use provider::{ProviderCame, ProviderReturn, ProviderSecond, ProviderTrip, ProviderWish};
pub use sign_in::{Attempt, Opened, PasswordCheck, PasswordTask};

/// Seconds for an authenticator to answer.
const CEREMONY: i64 = 5 * 60;
/// Most challenges whose answer was taken; they are remembered until they would end.
const MOST_USED: usize = 20_000;

/// Why steps are not kept.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotKept(pub String);

/// Keeps steps.
pub trait Keep: Send {
    /// All of them are durable when it returns, or none counts.
    ///
    /// # Errors
    /// [`NotKept`].
    fn keep(&mut self, registry: &Registry, steps: &[Kept]) -> Result<(), NotKept>;
}

/// What the place is called, and where it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Site {
    /// Name of the ledger.
    pub name: String,
    /// `https://host[:port]`, or `http://localhost[:port]`.
    pub origin: String,
    /// The host.
    pub relying_party: String,
}

impl Site {
    fn ceremony(&self) -> Ceremony<'_> {
        Ceremony { origin: &self.origin, relying_party: &self.relying_party }
    }
}

/// All of it.
pub struct Gate {
    registry: Registry,
    sessions: Sessions,
    limits: Limits,
    /// Challenges whose answer was taken: each counts once.
    used: BTreeMap<Digest, Moment>,
    key: Key,
    site: Site,
    pseudonyms: [u8; 32],
    keep: Box<dyn Keep>,
}

impl Gate {
    /// A gate over what was kept.
    pub fn new(registry: Registry, site: Site, key: Key, pseudonyms: [u8; 32], keep: Box<dyn Keep>) -> Self {
        let (sessions, limits, used) = (Sessions::default(), Limits::default(), BTreeMap::new());
        Self { registry, sessions, limits, used, key, site, pseudonyms, keep }
    }

    /// What is kept.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// What the place is called.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// Sessions that are open.
    pub fn sessions(&self) -> usize {
        self.sessions.count()
    }

    /// Kinds of keys that are taken, the preferred one first.
    pub fn algorithms() -> [i64; 3] {
        ALGORITHMS
    }

    /// Keeps facts and takes them over.
    fn commit(
        &mut self,
        actor: &Actor,
        now: Moment,
        facts: Vec<(Fact, Option<Material>)>,
    ) -> Result<(), Refusal> {
        let steps: Vec<Kept> = (self.registry.next_step()..)
            .zip(facts)
            .map(|(number, (fact, material))| {
                let step = Step { number, at: now, actor: actor.clone(), fact };
                Kept { step, material }
            })
            .collect();
        self.keep.keep(&self.registry, &steps).map_err(|_| Refusal::NotKept)?;
        for step in &steps {
            self.registry.apply(step);
        }
        Ok(())
    }

    fn commit_one(&mut self, actor: &Actor, now: Moment, fact: Fact) -> Result<(), Refusal> {
        self.commit(actor, now, vec![(fact, None)])
    }

    /// A challenge for a purpose.
    fn challenge(&self, purpose: &str, now: Moment, entropy: &dyn Entropy) -> Result<String, Refusal> {
        let bytes = self.key.challenge(purpose, now.plus(CEREMONY), entropy)?;
        Ok(encode(&bytes))
    }

    /// Whether a challenge was asked for this, counts still, and was not answered before.
    fn is_asked(&self, purpose: &str, challenge: &[u8], now: Moment) -> bool {
        self.key.check_challenge(purpose, challenge, now).is_some()
            && !self.used.contains_key(&Digest::of(challenge))
    }

    /// The challenge was answered.
    fn answered(&mut self, challenge: &[u8], now: Moment) {
        self.used_until(challenge, (now.plus(CEREMONY), now));
    }

    fn used_until(&mut self, challenge: &[u8], (until, now): (Moment, Moment)) {
        self.used.retain(|_, until| now < *until);
        if self.used.len() < MOST_USED {
            self.used.insert(Digest::of(challenge), until);
        }
    }

    /// What authenticators know an account by: says nothing about it.
    fn handle(&self, account: &str) -> Vec<u8> {
        self.key.code("handle", account.as_bytes()).into_iter().take(16).collect()
    }

    /// Time passes: tokens whose time is over are void, and that is written down.
    ///
    /// # Errors
    /// [`Refusal::NotKept`].
    pub fn tick(&mut self, now: Moment) -> Result<(), Refusal> {
        let over: Vec<_> = self.registry.tokens().filter(|token| now >= token.expires).collect();
        let facts: Vec<_> = over.iter().map(|token| (Fact::TokenExpired { token: token.id }, None)).collect();
        if !facts.is_empty() {
            self.commit(&Actor::Server, now, facts)?;
        }
        // The step stands for one of them itself.
        let step = |(Failed { account, method, from, why }, count): (Failed, u64)| {
            (Fact::SignInFailed { account, method, why, from, more: count.saturating_sub(1) }, None)
        };
        let failures: Vec<_> = self.limits.held_back(now).into_iter().map(step).collect();
        if failures.is_empty() { Ok(()) } else { self.commit(&Actor::Nobody, now, failures) }
    }
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate").field("site", &self.site).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
