//! Coming through an identity provider: the way there, the way back, and what is asked here when the provider does not say
//! that it verified two factors.
//!
//! # Invariants
//! - Nothing is kept of somebody on their way: state, nonce and verifier follow from a ticket in a cookie, with the key of
//!   this installation. So they belong to one browser, one purpose, one provider, ten minutes, and count once.
//! - An account is linked by whoever has its invitation, by its owner with a fresh proof, or because an administrator named
//!   issuer and subject. Nothing else a provider says links anything.
//! - A session follows from two factors: the provider says so in the way that is configured, or one is asked here.

use hinomi_model::{Digest, Entropy};

use super::sign_in::Asking;
use super::{Attempt, Gate, Opened, Principal};
use crate::account::{Account, Standing};
use crate::factor::{Factor, FactorKind, ProviderFactor};
use crate::id::AccountId;
use crate::limits::{Attempting, Failed, Origin};
use crate::moment::Moment;
use crate::provider::{ProviderFault, Verified};
use crate::refusal::Refusal;
use crate::secret::{Secret, decode, encode};
use crate::session::{FRESH, Method, Proof};
use crate::step::Fact;
use crate::totp::Totp;
use crate::webauthn::Assertion;

/// Seconds for the way to the provider and back, and for the factor that is asked here.
const WAY: i64 = 600;
const SECOND: i64 = 300;

/// What somebody wants of the provider.
#[derive(Clone, Copy, Debug)]
pub enum ProviderWish<'a> {
    /// To sign in; asked anew, if it is to be a fresh proof.
    SignIn {
        /// Whether the provider has to ask the person now.
        anew: bool,
    },
    /// To enrol with a link.
    Enrol(&'a Secret),
    /// To link their own account.
    Add(&'a Principal),
}

/// The same, as it stands in a ticket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Wish {
    SignIn { anew: bool },
    Enrol(Digest),
    Add(AccountId),
}

/// What is sent along to the provider, and the cookie that brings it back.
#[derive(Clone, Debug)]
pub struct ProviderTrip {
    /// For the cookie.
    pub cookie: Secret,
    /// Comes back with the person.
    pub state: String,
    /// Comes back in the token.
    pub nonce: String,
    /// Proof that who asks for the token is who sent the person (RFC 7636).
    pub verifier: Secret,
    /// Whether the provider has to ask the person now.
    pub anew: bool,
}

/// Somebody came back, with the ticket of the same browser, for the first time.
#[derive(Clone, Debug)]
pub struct ProviderReturn {
    wish: Wish,
    from: Origin,
    state: String,
    /// What the token has to hold.
    pub nonce: String,
    /// See [`ProviderTrip::verifier`].
    pub verifier: Secret,
    /// Since when the provider had to ask the person, if it had to.
    pub anew: Option<Moment>,
}

/// What became of it.
#[derive(Clone, Debug)]
pub enum ProviderCame {
    /// They are signed in.
    Opened(Opened),
    /// A factor is asked here: this is the cookie for it.
    Second(Secret),
    /// Their account is linked.
    Added(Factor),
}

/// What can be asked here of somebody whom the provider let in with one factor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProviderSecond {
    /// For a passkey.
    pub challenge: String,
    /// Which passkeys may answer.
    pub allow: Vec<String>,
    /// Whether a code of a generator will do.
    pub code: bool,
}

impl Wish {
    fn text(self) -> String {
        match self {
            Self::SignIn { anew: false } => "s".to_owned(),
            Self::SignIn { anew: true } => "n".to_owned(),
            Self::Enrol(digest) => format!("e{digest}"),
            Self::Add(account) => account.to_string(),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        match text {
            "s" => Some(Self::SignIn { anew: false }),
            "n" => Some(Self::SignIn { anew: true }),
            _ => match text.strip_prefix('e') {
                Some(digest) => digest.parse().ok().map(Self::Enrol),
                None => text.parse().ok().map(Self::Add),
            },
        }
    }
}

fn purpose(issuer: &str, wish: &str) -> String {
    format!("provider {wish} {issuer}")
}

/// What a passkey is asked for with a ticket. Another purpose than that of the ticket, which this must not stand in for.
fn second_passkey(ticket: &[u8]) -> String {
    format!("provider-passkey {}", Digest::of(ticket))
}

fn second_purpose(account: AccountId) -> String {
    format!("provider-second {account}")
}

impl Gate {
    fn derived(&self, what: &str, ticket: &[u8]) -> String {
        encode(&self.key.code(what, ticket))
    }

    /// Somebody leaves for the provider.
    ///
    /// # Errors
    /// [`Refusal`]: an unknown link, a sealed code, no fresh proof.
    pub fn provider_trip(
        &self,
        wish: ProviderWish<'_>,
        issuer: &str,
        now: Moment,
        entropy: &dyn Entropy,
    ) -> Result<ProviderTrip, Refusal> {
        let wish = match wish {
            ProviderWish::SignIn { anew } => Wish::SignIn { anew },
            ProviderWish::Enrol(link) => {
                let target = self.target_of(&link.digest(), now)?;
                if target.made.is_some() {
                    return Err(Refusal::Conflict("a sealed code is used with a passkey"));
                }
                Wish::Enrol(target.link.digest)
            }
            ProviderWish::Add(principal) => {
                let account = principal.own()?;
                self.room_for_identity(account)?;
                Wish::Add(account)
            }
        };
        let text = wish.text();
        let ticket = self.key.challenge(&purpose(issuer, &text), now.plus(WAY), entropy)?;
        Ok(ProviderTrip {
            cookie: Secret::brought(&format!("{text}.{}", encode(&ticket))),
            state: self.derived("provider state", &ticket),
            nonce: self.derived("provider nonce", &ticket),
            verifier: Secret::brought(&self.derived("provider verifier", &ticket)),
            anew: wish == Wish::SignIn { anew: true },
        })
    }

    /// Somebody came back: the ticket is theirs, counts still, and is used up now. It counts as a failure until
    /// [`Gate::provider_came`].
    ///
    /// # Errors
    /// [`Refusal::SignInFailed`] for a ticket that is none, or [`Refusal::TooMany`].
    pub fn provider_return(
        &mut self,
        (cookie, state, issuer): (&str, &str, &str),
        attempt: &Attempt<'_>,
        now: Moment,
    ) -> Result<ProviderReturn, Refusal> {
        let (text, ticket) = cookie.split_once('.').ok_or(Refusal::SignInFailed)?;
        let wish = Wish::parse(text).ok_or(Refusal::SignInFailed)?;
        let ticket = decode(ticket).ok_or(Refusal::SignInFailed)?;
        let until = self.key.check_challenge(&purpose(issuer, text), &ticket, now);
        let until = until.filter(|_| !self.used.contains_key(&Digest::of(&ticket)));
        let until = until.ok_or(Refusal::SignInFailed)?;
        let expected = self.derived("provider state", &ticket);
        if !crate::key::same(state.as_bytes(), expected.as_bytes()) {
            return Err(Refusal::SignInFailed);
        }
        // The state is another one each time: a whole office may come at once, a stranger is slowed down.
        self.limits.begin(&Attempting { name: &expected, from: attempt.from, device: None }, now)?;
        self.used_until(&ticket, (until, now));
        Ok(ProviderReturn {
            wish,
            from: attempt.from.clone(),
            nonce: self.derived("provider nonce", &ticket),
            verifier: Secret::brought(&self.derived("provider verifier", &ticket)),
            anew: (wish == Wish::SignIn { anew: true }).then_some(until.plus(-WAY)),
            state: expected,
        })
    }

    /// What follows from what the provider said.
    ///
    /// # Errors
    /// [`Refusal::Provider`], [`Refusal::NotKept`] and what enrolling and adding refuse.
    pub fn provider_came(
        &mut self,
        returned: &ProviderReturn,
        said: Result<Verified, ProviderFault>,
        principal: Option<&Principal>,
        (now, entropy): (Moment, &dyn Entropy),
    ) -> Result<ProviderCame, Refusal> {
        let verified = match said {
            Ok(verified) => verified,
            Err(why) => return Err(self.provider_failed((returned, None, why), now)?),
        };
        let ProviderReturn { state, from, .. } = returned;
        self.limits.succeeded(&Attempting { name: state, from, device: None });
        match returned.wish {
            Wish::SignIn { .. } => self.provider_sign_in(returned, &verified, (now, entropy)),
            Wish::Enrol(link) => self.provider_enrol((returned, link), verified, (now, entropy)),
            Wish::Add(account) => self.provider_add((principal, account), &verified, now),
        }
    }

    /// Writes it down, and says so.
    fn provider_failed(
        &mut self,
        (returned, account, why): (&ProviderReturn, Option<AccountId>, ProviderFault),
        now: Moment,
    ) -> Result<Refusal, Refusal> {
        let from = returned.from.as_str().to_owned();
        self.write_down(Failed { account, method: FactorKind::Provider, from, why: Some(why) }, now)?;
        Ok(Refusal::Provider(why))
    }

    fn provider_sign_in(
        &mut self,
        returned: &ProviderReturn,
        verified: &Verified,
        (now, entropy): (Moment, &dyn Entropy),
    ) -> Result<ProviderCame, Refusal> {
        let known = self.registry.identified(&verified.identity).filter(|account| account.is_active(now));
        let Some(account) = known else {
            return self.provider_expected(returned, verified, (now, entropy));
        };
        let id = account.id;
        let factors = account.factors();
        let factor = factors.and_then(|factors| factors.provider(&verified.identity)).map(|factor| factor.id);
        let asks = factors.is_some_and(crate::factor::Factors::has_local);
        let (Some(factor), Some(evidence)) = (factor, &verified.evidence) else {
            if asks {
                return self.provider_second(id, now, entropy).map(ProviderCame::Second);
            }
            return Err(self.provider_failed((returned, Some(id), ProviderFault::SecondFactor), now)?);
        };
        let fact = Fact::SignedIn {
            account: id,
            method: Method::Provider,
            factor,
            count: 0,
            backed_up: false,
            from: returned.from.as_str().to_owned(),
            step_up: false,
            evidence: Some(evidence.clone()),
        };
        self.open(proof(id, verified, now), fact, now, entropy).map(ProviderCame::Opened)
    }

    /// Whoever was invited as this identity comes for the first time.
    fn provider_expected(
        &mut self,
        returned: &ProviderReturn,
        verified: &Verified,
        (now, entropy): (Moment, &dyn Entropy),
    ) -> Result<ProviderCame, Refusal> {
        let expected = self.registry.expected(&verified.identity).map(|account| account.id);
        let (Some(account), Some(evidence)) = (expected, &verified.evidence) else {
            let why = expected.map_or(ProviderFault::NotLinked, |_| ProviderFault::SecondFactor);
            return Err(self.provider_failed((returned, expected, why), now)?);
        };
        let factor = self.identity_factor(verified, now);
        let fact = Fact::EnrolledByProvider { account, factor, evidence: evidence.clone() };
        self.open(proof(account, verified, now), fact, now, entropy).map(ProviderCame::Opened)
    }

    fn identity_factor(&self, verified: &Verified, now: Moment) -> Factor {
        Factor::Provider(ProviderFactor {
            id: self.registry.factor_id(0),
            identity: verified.identity.clone(),
            created: now,
            last_used: Some(now),
            stands_alone: verified.evidence.is_some(),
        })
    }

    /// An identity belongs to one account.
    fn free_identity(&self, verified: &Verified, account: AccountId) -> Result<(), Refusal> {
        let known = self.registry.identified(&verified.identity);
        let known =
            known.or_else(|| self.registry.expected(&verified.identity).filter(|by| by.id != account));
        if known.is_some() {
            Err(Refusal::Conflict("this identity belongs to an account already"))
        } else {
            Ok(())
        }
    }

    fn provider_enrol(
        &mut self,
        (returned, link): (&ProviderReturn, Digest),
        verified: Verified,
        (now, entropy): (Moment, &dyn Entropy),
    ) -> Result<ProviderCame, Refusal> {
        let target = self.target_of(&link, now)?;
        if verified.evidence.is_none() {
            let why = ProviderFault::SecondFactor;
            return Err(self.provider_failed((returned, Some(target.account), why), now)?);
        }
        // Whoever enrols anew with what they had before keeps it.
        if self.registry.identified(&verified.identity).is_none_or(|known| known.id != target.account) {
            self.free_identity(&verified, target.account)?;
        }
        let factor = self.identity_factor(&verified, now);
        let purpose = target.link.purpose;
        let fact = Fact::Enrolled { account: target.account, made: None, purpose, link, factor };
        self.open(proof(target.account, &verified, now), fact, now, entropy).map(ProviderCame::Opened)
    }

    fn room_for_identity(&self, account: AccountId) -> Result<(), Refusal> {
        let known = self.registry.account(account).ok_or(Refusal::NotFound)?;
        if known.until.is_some() {
            return Err(Refusal::Conflict("an account of an hour has one passkey"));
        }
        let room = matches!(&known.standing, Standing::Active { factors } if factors.has_room());
        if room { Ok(()) } else { Err(Refusal::Full("factors of this account")) }
    }

    fn provider_add(
        &mut self,
        (principal, account): (Option<&Principal>, AccountId),
        verified: &Verified,
        now: Moment,
    ) -> Result<ProviderCame, Refusal> {
        let principal = principal.ok_or(Refusal::SignInFailed)?;
        if principal.own()? != account {
            return Err(Refusal::Forbidden);
        }
        self.room_for_identity(account)?;
        self.free_identity(verified, account)?;
        let factor = self.identity_factor(verified, now);
        let fact = Fact::FactorAdded { account, factor: factor.clone() };
        self.commit_one(&principal.actor, now, fact)?;
        Ok(ProviderCame::Added(factor))
    }

    fn provider_second(
        &self,
        account: AccountId,
        now: Moment,
        entropy: &dyn Entropy,
    ) -> Result<Secret, Refusal> {
        let ticket = self.key.challenge(&second_purpose(account), now.plus(SECOND), entropy)?;
        Ok(Secret::brought(&format!("{account}.{}", encode(&ticket))))
    }

    /// The account that a ticket was made for, if it counts still and was not used.
    fn second_of(&self, cookie: &str, now: Moment) -> Result<(Account, Vec<u8>, Moment), Refusal> {
        let (account, ticket) = cookie.split_once('.').ok_or(Refusal::SignInFailed)?;
        let account: AccountId = account.parse().map_err(|_| Refusal::SignInFailed)?;
        let ticket = decode(ticket).ok_or(Refusal::SignInFailed)?;
        let until = self.key.check_challenge(&second_purpose(account), &ticket, now);
        let until = until.filter(|_| !self.used.contains_key(&Digest::of(&ticket)));
        let account = self.registry.account(account).filter(|account| account.is_active(now));
        let (Some(until), Some(account)) = (until, account) else { return Err(Refusal::SignInFailed) };
        Ok((account.clone(), ticket, until))
    }

    /// What is asked here of somebody whom the provider let in with one factor.
    ///
    /// # Errors
    /// [`Refusal::SignInFailed`] for a ticket that is none.
    pub fn provider_second_options(
        &self,
        cookie: &str,
        now: Moment,
        entropy: &dyn Entropy,
    ) -> Result<ProviderSecond, Refusal> {
        let (account, ticket, _) = self.second_of(cookie, now)?;
        let code = account.factors().and_then(crate::factor::Factors::password).is_some();
        let challenge = self.challenge(&second_passkey(&ticket), now, entropy)?;
        Ok(ProviderSecond { challenge, allow: self.credentials(account.id), code })
    }

    /// Signs in somebody whom the provider let in with one factor, with a passkey of the same account.
    ///
    /// # Errors
    /// As [`Gate::sign_in_passkey`].
    pub fn provider_second_passkey(
        &mut self,
        cookie: &str,
        assertion: &Assertion,
        attempt: &Attempt<'_>,
        (now, entropy): (Moment, &dyn Entropy),
    ) -> Result<Opened, Refusal> {
        let (account, ticket, until) = self.second_of(cookie, now)?;
        let purpose = second_passkey(&ticket);
        let asking = Asking { purpose: &purpose, only: Some(account.id), step_up: false };
        let (proof, fact) = self.verify_passkey(assertion, &asking, attempt, now)?;
        self.used_until(&ticket, (until, now));
        self.open(proof, fact, now, entropy)
    }

    /// … or with a code of the generator of the same account. Guessing is bounded as with passwords.
    ///
    /// # Errors
    /// As [`Gate::password_end`].
    pub fn provider_second_code(
        &mut self,
        cookie: &str,
        code: &str,
        attempt: &Attempt<'_>,
        (now, entropy): (Moment, &dyn Entropy),
    ) -> Result<Opened, Refusal> {
        let (account, ticket, until) = self.second_of(cookie, now)?;
        let id = account.id;
        let device = attempt.device.and_then(|device| self.known_device(id, device, now));
        let attempting = Attempting { name: account.name.as_str(), from: attempt.from, device };
        self.limits.begin(&attempting, now)?;
        let from = attempt.from.as_str().to_owned();
        let step = self.code_step(&account, code, now);
        let Some((factor, step)) = step else {
            let why = None;
            self.write_down(Failed { account: Some(id), method: FactorKind::PasswordTotp, from, why }, now)?;
            return Err(Refusal::SignInFailed);
        };
        self.limits.succeeded(&attempting);
        self.used_until(&ticket, (until, now));
        let fact = Fact::SignedIn {
            account: id,
            method: Method::ProviderTotp,
            factor,
            count: step,
            backed_up: false,
            from,
            step_up: false,
            evidence: None,
        };
        self.open(Proof { account: id, at: now }, fact, now, entropy)
    }

    fn code_step(&self, account: &Account, code: &str, now: Moment) -> Option<(crate::id::FactorId, i64)> {
        let password = account.factors()?.password()?;
        let material = self.registry.material(password.id)?;
        let step = Totp::kept(decode(&material.generator)?).check(code, now, password.last_step)?;
        Some((password.id, step))
    }

    /// Names who may come as an identity of the provider, without a link.
    ///
    /// # Errors
    /// [`Refusal`]: only somebody who was invited and did not come yet.
    pub fn expect_identity(
        &mut self,
        principal: &Principal,
        (account, identity): (AccountId, &crate::provider::Identity),
        now: Moment,
    ) -> Result<(), Refusal> {
        principal.needs_fresh(crate::role::Permission::AccountsManage)?;
        let fact = self.registry.expect_identity(account, identity)?;
        self.commit_one(&principal.actor, now, fact)
    }
}

/// A proof is as old as the last time the provider asked the person; one that does not say when is never a fresh one.
fn proof(account: AccountId, verified: &Verified, now: Moment) -> Proof {
    let stale = now.plus(-FRESH);
    Proof { account, at: verified.asked.map_or(stale, |asked| asked.min(now)) }
}
