//! Signing in, proving anew, signing out.

use hinomi_model::{Digest, Entropy};

use super::{Gate, Principal, Via};
use crate::factor::FactorKind;
use crate::id::{AccountId, FactorId};
use crate::limits::{Attempting, Failed, Origin};
use crate::moment::Moment;
use crate::password;
use crate::refusal::Refusal;
use crate::secret::{Secret, decode};
use crate::session::{Method, Proof};
use crate::step::{Actor, Fact, Material};
use crate::totp::Totp;
use crate::webauthn::{Assertion, WebAuthnFault};

/// Seconds that a device is known after the last time its account was signed in on it.
const KNOWN: i64 = 180 * 86_400;
const SIGN_IN: &str = "sign-in";

/// Where an attempt comes from.
#[derive(Clone, Debug)]
pub struct Attempt<'a> {
    /// The network.
    pub from: &'a Origin,
    /// The cookie of a known device, if one came.
    pub device: Option<&'a str>,
}

/// A session was opened.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Its id, for the cookie.
    pub session: Secret,
    /// By which the device is known from now on, for its cookie.
    pub device: String,
    /// As whom.
    pub account: AccountId,
}

/// What a passkey is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asking<'a> {
    /// What its challenge was made for.
    pub(super) purpose: &'a str,
    /// Only for this account.
    pub(super) only: Option<AccountId>,
    /// A fresh proof within a session.
    pub(super) step_up: bool,
}

/// A password that is to be looked at; that takes long, so that it is done while nobody else waits.
#[derive(Debug)]
pub struct PasswordTask {
    name: String,
    device: Option<Digest>,
    from: Origin,
    found: Option<(AccountId, FactorId, i64)>,
    material: Option<Material>,
    step_up: bool,
}

/// What came out.
#[derive(Debug)]
pub struct PasswordCheck {
    task: PasswordTask,
    /// The step of the generator, if both were right.
    step: Option<i64>,
}

impl PasswordTask {
    /// Looks at password and code. It takes as long for a name that nobody has.
    #[must_use]
    pub fn check(self, password: &str, code: &str, now: Moment) -> PasswordCheck {
        let hash = self.material.as_ref().map(|material| material.hash.as_str());
        let right = password::is_right(password, hash);
        let generator = self.material.as_ref().and_then(|material| decode(&material.generator));
        let last = self.found.map_or(i64::MIN, |(.., last)| last);
        let step = generator.and_then(|bytes| Totp::kept(bytes).check(code, now, last));
        PasswordCheck { step: step.filter(|_| right), task: self }
    }
}

fn step_up_purpose(account: AccountId) -> String {
    format!("step-up {account}")
}

impl Gate {
    /// A challenge for whoever wants to sign in.
    ///
    /// # Errors
    /// [`Refusal::NoEntropy`].
    pub fn sign_in_challenge(&self, now: Moment, entropy: &dyn Entropy) -> Result<String, Refusal> {
        self.challenge(SIGN_IN, now, entropy)
    }

    /// A challenge for a fresh proof.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`] for programs.
    pub fn step_up_challenge(
        &self,
        principal: &Principal,
        now: Moment,
        entropy: &dyn Entropy,
    ) -> Result<String, Refusal> {
        let account = session_account(principal)?;
        self.challenge(&step_up_purpose(account), now, entropy)
    }

    /// Passkeys of an account, for whoever has to say which may answer.
    pub fn credentials(&self, account: AccountId) -> Vec<String> {
        let factors = self.registry.account(account).and_then(|account| account.factors());
        let passkeys = factors.into_iter().flat_map(crate::factor::Factors::iter);
        passkeys
            .filter_map(|factor| match factor {
                crate::factor::Factor::Passkey(passkey) => Some(crate::secret::encode(&passkey.credential)),
                _ => None,
            })
            .collect()
    }

    /// Signs in with a passkey.
    ///
    /// # Errors
    /// [`Refusal::SignInFailed`], which says no more, and [`Refusal::NotKept`].
    pub fn sign_in_passkey(
        &mut self,
        assertion: &Assertion,
        attempt: &Attempt<'_>,
        now: Moment,
        entropy: &dyn Entropy,
    ) -> Result<Opened, Refusal> {
        let asking = Asking { purpose: SIGN_IN, only: None, step_up: false };
        let (proof, facts) = self.verify_passkey(assertion, &asking, attempt, now)?;
        self.open(proof, facts, now, entropy)
    }

    /// A fresh proof with a passkey of the same account; the session gets a new id.
    ///
    /// # Errors
    /// As [`Gate::sign_in_passkey`].
    pub fn step_up_passkey(
        &mut self,
        (principal, session): (&Principal, &Secret),
        assertion: &Assertion,
        attempt: &Attempt<'_>,
        (now, entropy): (Moment, &dyn Entropy),
    ) -> Result<Secret, Refusal> {
        let account = session_account(principal)?;
        let purpose = step_up_purpose(account);
        let asking = Asking { purpose: &purpose, only: Some(account), step_up: true };
        let (proof, fact) = self.verify_passkey(assertion, &asking, attempt, now)?;
        self.commit_one(&principal.actor, now, fact)?;
        self.sessions.renew(&session.digest(), Some(proof.at), &self.registry, entropy)
    }

    pub(super) fn verify_passkey(
        &mut self,
        assertion: &Assertion,
        &Asking { purpose, only, step_up }: &Asking<'_>,
        attempt: &Attempt<'_>,
        now: Moment,
    ) -> Result<(Proof, Fact), Refusal> {
        let credential = assertion.credential().ok_or(Refusal::SignInFailed)?;
        let holder = self.registry.holder(&credential).filter(|account| account.is_active(now));
        let holder = holder.filter(|account| only.is_none_or(|only| account.id == only));
        let account = holder.map(|account| account.id);
        let passkey = holder.and_then(|account| account.factors()?.passkey(&credential)).cloned();
        let (Some(account), Some(passkey)) = (account, passkey) else {
            self.failed(None, FactorKind::Passkey, attempt.from, now)?;
            return Err(Refusal::SignInFailed);
        };
        let kept = passkey.handle.as_deref().and_then(decode);
        let handle = kept.unwrap_or_else(|| self.handle(&account.to_string()));
        let checked =
            assertion.check(self.site.ceremony(), (&passkey.key, passkey.counter), &handle, |challenge| {
                self.is_asked(purpose, challenge, now)
            });
        let from = attempt.from.as_str().to_owned();
        let asserted = match checked {
            Ok(asserted) => asserted,
            Err(WebAuthnFault::Counter) => {
                let fact = Fact::CounterWentBack { account, factor: passkey.id, from };
                self.commit_one(&Actor::Nobody, now, fact)?;
                return Err(Refusal::SignInFailed);
            }
            Err(_) => {
                self.failed(Some(account), FactorKind::Passkey, attempt.from, now)?;
                return Err(Refusal::SignInFailed);
            }
        };
        if let Some(challenge) = assertion.challenge() {
            self.answered(&challenge, now);
        }
        let fact = Fact::SignedIn {
            account,
            method: Method::Passkey,
            factor: passkey.id,
            count: i64::from(asserted.counter),
            backed_up: asserted.backed_up,
            from,
            step_up,
            evidence: None,
        };
        Ok((Proof { account, at: now }, fact))
    }

    /// Begins to look at a password. Until [`Gate::password_end`] it counts as a failure.
    ///
    /// # Errors
    /// [`Refusal::TooMany`].
    pub fn password_begin(
        &mut self,
        name: &str,
        attempt: &Attempt<'_>,
        now: Moment,
    ) -> Result<PasswordTask, Refusal> {
        let account = self.registry.named(name).filter(|account| account.is_active(now));
        let device = account.and_then(|account| self.known_device(account.id, attempt.device?, now));
        let attempting = Attempting { name, from: attempt.from, device };
        let factor = account.and_then(|account| {
            let password = account.factors()?.password()?;
            Some((account.id, password.id, password.last_step))
        });
        let material = factor.and_then(|(_, factor, _)| self.registry.material(factor)).cloned();
        self.limits.begin(&attempting, now)?;
        let (name, from) = (name.to_owned(), attempt.from.clone());
        Ok(PasswordTask { name, device, from, found: factor, material, step_up: false })
    }

    /// Begins to look at the password of somebody who is signed in.
    ///
    /// # Errors
    /// [`Refusal::TooMany`] or [`Refusal::Forbidden`].
    pub fn step_up_password_begin(
        &mut self,
        principal: &Principal,
        attempt: &Attempt<'_>,
        now: Moment,
    ) -> Result<PasswordTask, Refusal> {
        session_account(principal)?;
        let name = principal.name.as_ref().map_or("", |name| name.as_str());
        let task = self.password_begin(name, attempt, now)?;
        Ok(PasswordTask { step_up: true, ..task })
    }

    /// Signs in with what was looked at.
    ///
    /// # Errors
    /// [`Refusal::SignInFailed`], which does not say what was wrong, and [`Refusal::NotKept`].
    pub fn password_end(
        &mut self,
        check: PasswordCheck,
        now: Moment,
        entropy: &dyn Entropy,
    ) -> Result<Opened, Refusal> {
        if check.task.step_up {
            return Err(Refusal::SignInFailed);
        }
        let (proof, fact) = self.verify_password(&check, now)?;
        self.open(proof, fact, now, entropy)
    }

    /// A fresh proof with what was looked at; the session gets a new id.
    ///
    /// # Errors
    /// As [`Gate::password_end`].
    pub fn step_up_password_end(
        &mut self,
        (principal, session): (&Principal, &Secret),
        check: PasswordCheck,
        (now, entropy): (Moment, &dyn Entropy),
    ) -> Result<Secret, Refusal> {
        let (proof, fact) = self.verify_password(&check, now)?;
        if !check.task.step_up || principal.account != Some(proof.account) {
            return Err(Refusal::SignInFailed);
        }
        self.commit_one(&principal.actor, now, fact)?;
        self.sessions.renew(&session.digest(), Some(proof.at), &self.registry, entropy)
    }

    fn verify_password(&mut self, check: &PasswordCheck, now: Moment) -> Result<(Proof, Fact), Refusal> {
        let task = &check.task;
        // It may have been used, replaced or disabled while this was looked at.
        let current = task.found.and_then(|(account, factor, _)| {
            let account = self.registry.account(account).filter(|account| account.is_active(now))?;
            account.factors()?.password().filter(|password| password.id == factor)
        });
        let step = check.step.zip(current).filter(|(step, password)| *step > password.last_step);
        let (Some((account, factor, _)), Some((step, _))) = (task.found, step) else {
            self.failed(task.found.map(|(account, ..)| account), FactorKind::PasswordTotp, &task.from, now)?;
            return Err(Refusal::SignInFailed);
        };
        self.limits.succeeded(&Attempting { name: &task.name, from: &task.from, device: task.device });
        let fact = Fact::SignedIn {
            account,
            method: Method::PasswordTotp,
            factor,
            count: step,
            backed_up: false,
            from: task.from.as_str().to_owned(),
            step_up: task.step_up,
            evidence: None,
        };
        Ok((Proof { account, at: now }, fact))
    }

    /// Writes a failure down, one a minute of each account, kind and network.
    fn failed(
        &mut self,
        account: Option<AccountId>,
        method: FactorKind,
        from: &Origin,
        now: Moment,
    ) -> Result<(), Refusal> {
        let from = from.as_str().to_owned();
        self.write_down(Failed { account, method, from, why: None }, now)
    }

    pub(super) fn write_down(&mut self, failed: Failed, now: Moment) -> Result<(), Refusal> {
        match self.limits.write_down(&failed, now) {
            Some(more) => {
                let Failed { account, method, from, why } = failed;
                self.commit_one(&Actor::Nobody, now, Fact::SignInFailed { account, method, why, from, more })
            }
            None => Ok(()),
        }
    }

    pub(super) fn open(
        &mut self,
        proof: Proof,
        fact: Fact,
        now: Moment,
        entropy: &dyn Entropy,
    ) -> Result<Opened, Refusal> {
        self.commit_one(&Actor::Account(proof.account), now, fact)?;
        self.opened(proof, now, entropy)
    }

    pub(super) fn opened(
        &mut self,
        proof: Proof,
        now: Moment,
        entropy: &dyn Entropy,
    ) -> Result<Opened, Refusal> {
        let session = self.sessions.open(proof, &self.registry, now, entropy)?;
        let device = self.key.ticket(&device_purpose(proof.account), now, entropy)?;
        Ok(Opened { session, device, account: proof.account })
    }

    /// What a device is remembered by, if the account was signed in on it.
    pub(super) fn known_device(&self, account: AccountId, cookie: &str, now: Moment) -> Option<Digest> {
        let (since, digest) = self.key.check_ticket(&device_purpose(account), cookie)?;
        (-60..KNOWN).contains(&now.since(since)).then_some(digest)
    }

    /// Signs out.
    ///
    /// # Errors
    /// [`Refusal::NotKept`]; the session is over all the same.
    pub fn sign_out(&mut self, principal: &Principal, session: &Secret, now: Moment) -> Result<(), Refusal> {
        self.sessions.end(&session.digest());
        let account = session_account(principal)?;
        self.commit_one(&principal.actor, now, Fact::SignedOut { account })
    }
}

fn device_purpose(account: AccountId) -> String {
    format!("device {account}")
}

fn session_account(principal: &Principal) -> Result<AccountId, Refusal> {
    match (&principal.via, principal.account) {
        (Via::Session(_), Some(account)) => Ok(account),
        _ => Err(Refusal::Forbidden),
    }
}
