//! Sessions: who is signed in. They are in memory only: a new start of the server ends all of them.
//!
//! # Invariants
//! - A session is opened with a [`Proof`], and a proof is made by `gate` only, from two verified factors.
//! - Of its id there is the digest only. Whatever changes rights gives a new id or ends it.
//! - A session counts while its account is active and of the same generation.

use std::collections::BTreeMap;

use hinomi_model::{Digest, Entropy};
use serde::{Deserialize, Serialize};

use crate::id::AccountId;
use crate::moment::Moment;
use crate::refusal::Refusal;
use crate::registry::Registry;
use crate::secret::Secret;

/// Seconds without a request after which a session ends.
pub const IDLE: i64 = 30 * 60;
/// Seconds after which a session ends in any case.
pub const ABSOLUTE: i64 = 12 * 3_600;
/// Seconds for which a proof is fresh.
pub const FRESH: i64 = 5 * 60;
/// Most sessions of an account; the oldest ends for a new one.
const MOST: usize = 16;

/// How somebody was verified.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// A passkey whose device verified its user.
    Passkey,
    /// A password and a code.
    PasswordTotp,
    /// A provider that said that it verified two factors.
    Provider,
    /// A provider that did not, and a code of the generator that was enrolled here.
    ProviderTotp,
}

/// Two factors of an account were verified, and when. Only `gate` makes one.
#[derive(Clone, Copy, Debug)]
pub struct Proof {
    pub(crate) account: AccountId,
    pub(crate) at: Moment,
}

/// Somebody is signed in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    /// As whom.
    pub account: AccountId,
    /// Since when.
    pub began: Moment,
    /// When it was used last.
    pub used: Moment,
    /// When two factors were verified last.
    pub proven: Moment,
    generation: u64,
}

impl Session {
    /// Whether two factors were verified a moment ago.
    pub fn is_fresh(&self, now: Moment) -> bool {
        (0..FRESH).contains(&now.since(self.proven))
    }

    /// A clock that was set back ends it, too.
    fn counts(&self, registry: &Registry, now: Moment) -> bool {
        let in_time = (-60..IDLE).contains(&now.since(self.used)) && now.since(self.began) < ABSOLUTE;
        let account = registry.account(self.account);
        in_time
            && account.is_some_and(|account| account.is_active(now) && account.generation == self.generation)
    }
}

/// Those that are open.
#[derive(Debug, Default)]
pub(crate) struct Sessions(BTreeMap<[u8; 32], Session>);

impl Sessions {
    /// Opens one.
    pub(crate) fn open(
        &mut self,
        proof: Proof,
        registry: &Registry,
        now: Moment,
        entropy: &dyn Entropy,
    ) -> Result<Secret, Refusal> {
        let account = registry.account(proof.account).ok_or(Refusal::SignInFailed)?;
        let session = Session {
            account: proof.account,
            began: now,
            used: now,
            proven: proof.at,
            generation: account.generation,
        };
        self.0.retain(|_, session| session.counts(registry, now));
        self.make_room(proof.account);
        self.insert(session, entropy)
    }

    fn insert(&mut self, session: Session, entropy: &dyn Entropy) -> Result<Secret, Refusal> {
        let secret = Secret::draw("", entropy)?;
        self.0.insert(*secret.digest().as_bytes(), session);
        Ok(secret)
    }

    fn make_room(&mut self, account: AccountId) {
        let of_account = |session: &Session| session.account == account;
        while self.0.values().filter(|session| of_account(session)).count() >= MOST {
            let oldest = self.0.iter().filter(|(_, session)| of_account(session));
            let oldest = oldest.min_by_key(|(_, session)| session.used).map(|(digest, _)| *digest);
            oldest.and_then(|digest| self.0.remove(&digest));
        }
    }

    /// The session of a secret, which is used now.
    pub(crate) fn find(&mut self, digest: &Digest, registry: &Registry, now: Moment) -> Option<Session> {
        let session = self.0.get_mut(digest.as_bytes())?;
        if !session.counts(registry, now) {
            self.0.remove(digest.as_bytes());
            return None;
        }
        session.used = session.used.max(now);
        Some(session.clone())
    }

    /// The session of a secret, which is not used by that.
    pub(crate) fn seen(&self, digest: &Digest, registry: &Registry, now: Moment) -> Option<&Session> {
        self.0.get(digest.as_bytes()).filter(|session| session.counts(registry, now))
    }

    /// The same session under a new id, with a new proof and the account as it is now.
    pub(crate) fn renew(
        &mut self,
        digest: &Digest,
        proven: Option<Moment>,
        registry: &Registry,
        entropy: &dyn Entropy,
    ) -> Result<Secret, Refusal> {
        let mut session = self.0.remove(digest.as_bytes()).ok_or(Refusal::SignInFailed)?;
        session.proven = proven.unwrap_or(session.proven);
        session.generation =
            registry.account(session.account).map_or(session.generation, |account| account.generation);
        self.insert(session, entropy)
    }

    pub(crate) fn end(&mut self, digest: &Digest) {
        self.0.remove(digest.as_bytes());
    }

    /// How many are open.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }
}
