//! Enrolling: how an account comes to its first factor, and to more.

use hinomi_model::{Digest, Entropy};

use super::{Gate, Opened, Principal, Via};
use crate::account::{Account, Name, Standing};
use crate::factor::{Factor, FactorKind, Passkey, PasswordFactor};
use crate::id::{AccountId, FactorId};
use crate::link::{BREAK_GLASS, Link, Purpose};
use crate::moment::Moment;
use crate::password;
use crate::refusal::Refusal;
use crate::registry::line;
use crate::secret::{Secret, encode};
use crate::session::Proof;
use crate::step::{Actor, Fact, Material};
use crate::totp::Totp;
use crate::webauthn::{Attestation, Registered};

/// What a link is for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invitation {
    /// Whose; a sealed code makes an account.
    pub account: Option<AccountId>,
    /// Its name.
    pub name: Name,
    /// What is shown.
    pub display: String,
    /// What the link is for.
    pub purpose: Purpose,
    /// Until when it counts.
    pub expires: Moment,
    /// What can be enrolled with it.
    pub methods: Vec<FactorKind>,
}

/// What an authenticator is asked to make a passkey from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Offer {
    /// The challenge, in base64url.
    pub challenge: String,
    /// What the authenticator knows the account by, in base64url.
    pub handle: String,
    /// Name and shown name.
    pub name: String,
    /// Shown name.
    pub display: String,
    /// Passkeys that are there already.
    pub exclude: Vec<String>,
}

/// A link that counts, and whom it makes or is for.
pub(super) struct Target {
    pub(super) link: Link,
    pub(super) account: AccountId,
    name: Name,
    display: String,
    pub(super) made: Option<(Name, Moment)>,
}

impl Gate {
    fn target(&self, text: &Secret, now: Moment) -> Result<Target, Refusal> {
        self.target_of(&text.digest(), now)
    }

    pub(super) fn target_of(&self, digest: &Digest, now: Moment) -> Result<Target, Refusal> {
        let link = self.registry.link_of(digest, now).ok_or(Refusal::LinkUnknown)?.clone();
        if link.purpose == Purpose::BreakGlass {
            let account = AccountId::new(self.registry.fresh_id(0));
            let name: Name =
                format!("break-glass-{}", account.number()).parse().map_err(|_| Refusal::LinkUnknown)?;
            let (display, made) = (name.to_string(), Some((name.clone(), now.plus(BREAK_GLASS))));
            return Ok(Target { link, account, name, display, made });
        }
        let account = link.account.and_then(|id| self.registry.account(id));
        let account =
            account.filter(|account| account.standing != Standing::Disabled).ok_or(Refusal::LinkUnknown)?;
        let Account { id, name, display, .. } = account.clone();
        Ok(Target { link, account: id, name, display, made: None })
    }

    /// What a link is for. It stays as it is.
    ///
    /// # Errors
    /// [`Refusal::LinkUnknown`].
    pub fn invitation(&self, text: &Secret, now: Moment) -> Result<Invitation, Refusal> {
        let Target { link, account, name, display, made } = self.target(text, now)?;
        let both = vec![FactorKind::Passkey, FactorKind::PasswordTotp];
        let methods = if made.is_some() { vec![FactorKind::Passkey] } else { both };
        let account = made.is_none().then_some(account);
        Ok(Invitation { account, name, display, purpose: link.purpose, expires: link.expires, methods })
    }

    fn enrol_purpose(link: &Link) -> String {
        format!("enrol {}", link.digest)
    }

    /// What a passkey is to be made from, with a link.
    ///
    /// # Errors
    /// [`Refusal::LinkUnknown`].
    pub fn enrol_offer(&self, text: &Secret, now: Moment, entropy: &dyn Entropy) -> Result<Offer, Refusal> {
        let target = self.target(text, now)?;
        let challenge = self.challenge(&Self::enrol_purpose(&target.link), now, entropy)?;
        Ok(Offer {
            challenge,
            handle: encode(&self.handle(&target.account.to_string())),
            name: target.name.to_string(),
            display: target.display,
            exclude: Vec::new(),
        })
    }

    fn registered(
        &mut self,
        attestation: &Attestation,
        purpose: &str,
        now: Moment,
    ) -> Result<Registered, Refusal> {
        let mut seen = Vec::new();
        let site = self.site.clone();
        let registered = {
            let asked = |challenge: &[u8]| self.is_asked(purpose, challenge, now);
            let seen = std::cell::RefCell::new(&mut seen);
            attestation.check(site.ceremony(), |challenge| {
                seen.borrow_mut().extend_from_slice(challenge);
                asked(challenge)
            })?
        };
        if self.registry.holder(&registered.credential).is_some() {
            return Err(Refusal::Conflict("this passkey is enrolled already"));
        }
        self.answered(&seen, now);
        Ok(registered)
    }

    /// Enrols a passkey with a link, which is used up; whoever did it is signed in.
    ///
    /// # Errors
    /// [`Refusal`]; the link stays as it was then.
    pub fn enrol_passkey(
        &mut self,
        text: &Secret,
        (attestation, label): (&Attestation, &str),
        now: Moment,
        entropy: &dyn Entropy,
    ) -> Result<Opened, Refusal> {
        let target = self.target(text, now)?;
        let registered = self.registered(attestation, &Self::enrol_purpose(&target.link), now)?;
        let id = self.factor_id(&target);
        let handle = self.handle(&target.account.to_string());
        let passkey = Passkey::new(id, (&passkey_label(label)?, &handle), registered, now);
        self.enrolled(target, Factor::Passkey(passkey), None, (now, entropy))
    }

    /// A sealed code takes one number for the account.
    fn factor_id(&self, target: &Target) -> FactorId {
        self.registry.factor_id(u64::from(target.made.is_some()))
    }

    /// The secret for a generator. It is the same each time as long as the link counts and this server runs.
    ///
    /// # Errors
    /// [`Refusal::LinkUnknown`], or [`Refusal::Conflict`] for a sealed code, which takes passkeys only.
    pub fn totp_offer(&self, text: &Secret, now: Moment) -> Result<(Totp, Name), Refusal> {
        let target = self.target(text, now)?;
        if target.made.is_some() {
            return Err(Refusal::Conflict("a sealed code is used with a passkey"));
        }
        let code = self.key.code("generator", target.link.digest.as_bytes());
        Ok((Totp::new(&code), target.name))
    }

    /// Enrols a password and a generator with a link, which is used up; whoever did it is signed in.
    ///
    /// # Errors
    /// [`Refusal`]; the link stays as it was then.
    pub fn enrol_password(
        &mut self,
        text: &Secret,
        (password, code): (&str, &str),
        now: Moment,
        entropy: &dyn Entropy,
    ) -> Result<Opened, Refusal> {
        let (generator, _) = self.totp_offer(text, now)?;
        let target = self.target(text, now)?;
        password::acceptable(password, target.name.as_str())?;
        let last_step = generator.check(code, now, i64::MIN).ok_or(Refusal::Code)?;
        let id = self.factor_id(&target);
        let hash = password::keep(password, entropy)?;
        let material = Material { factor: id, hash, generator: encode(generator.bytes()) };
        let factor = PasswordFactor { id, created: now, last_used: None, last_step };
        self.enrolled(target, Factor::PasswordTotp(factor), Some(material), (now, entropy))
    }

    fn enrolled(
        &mut self,
        target: Target,
        factor: Factor,
        material: Option<Material>,
        (now, entropy): (Moment, &dyn Entropy),
    ) -> Result<Opened, Refusal> {
        let Target { link, account, made, .. } = target;
        let fact = Fact::Enrolled { account, made, purpose: link.purpose, link: link.digest, factor };
        self.commit(&Actor::Account(account), now, vec![(fact, material)])?;
        self.opened(Proof { account, at: now }, now, entropy)
    }

    /// What one more passkey is to be made from.
    ///
    /// # Errors
    /// [`Refusal::StepUpNeeded`] or [`Refusal::Forbidden`].
    pub fn add_offer(
        &self,
        principal: &Principal,
        now: Moment,
        entropy: &dyn Entropy,
    ) -> Result<Offer, Refusal> {
        let id = principal.own()?;
        let account = self.registry.account(id).ok_or(Refusal::NotFound)?;
        Ok(Offer {
            challenge: self.challenge(&format!("add {id}"), now, entropy)?,
            handle: encode(&self.handle(&id.to_string())),
            name: account.name.to_string(),
            display: account.display.clone(),
            exclude: self.credentials(id),
        })
    }

    /// Adds a passkey.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn add_passkey(
        &mut self,
        principal: &Principal,
        (attestation, label): (&Attestation, &str),
        now: Moment,
    ) -> Result<Factor, Refusal> {
        let account = principal.own()?;
        let known = self.registry.account(account).ok_or(Refusal::NotFound)?;
        if known.until.is_some() {
            return Err(Refusal::Conflict("an account of an hour has one passkey"));
        }
        if !known.factors().is_some_and(crate::factor::Factors::has_room) {
            return Err(Refusal::Full("factors of this account"));
        }
        let label = passkey_label(label)?;
        let registered = self.registered(attestation, &format!("add {account}"), now)?;
        let handle = self.handle(&account.to_string());
        let passkey = Passkey::new(self.registry.factor_id(0), (&label, &handle), registered, now);
        let factor = Factor::Passkey(passkey);
        let fact = Fact::FactorAdded { account, factor: factor.clone() };
        self.commit_one(&principal.actor, now, fact)?;
        Ok(factor)
    }

    /// Removes a factor, never the last one. Other sessions of the account end; this one gets a new id.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn remove_factor(
        &mut self,
        (principal, session): (&Principal, &Secret),
        factor: FactorId,
        (now, entropy): (Moment, &dyn Entropy),
    ) -> Result<Secret, Refusal> {
        let account = principal.own()?;
        let Via::Session(_) = &principal.via else { return Err(Refusal::Forbidden) };
        let known = self.registry.account(account).and_then(Account::factors).ok_or(Refusal::NotFound)?;
        known.can_remove(factor)?;
        self.commit_one(&principal.actor, now, Fact::FactorRemoved { account, factor })?;
        self.sessions.renew(&session.digest(), None, &self.registry, entropy)
    }
}

fn passkey_label(label: &str) -> Result<String, Refusal> {
    if label.trim().is_empty() {
        return Ok("passkey".to_owned());
    }
    line(label, 64, "label: a line of at most 64 characters")
}
