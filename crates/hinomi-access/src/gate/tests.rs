//! The gate as strangers, owners and administrators meet it.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use hinomi_testkit::authenticator::{Authenticator, totp};
use hinomi_testkit::seeded::SeededEntropy;

use super::*;
use crate::account::Standing;
use crate::id::AccountId;
use crate::limits::Origin;
use crate::role::{Permission, Role, Roles};
use crate::secret::Secret;
use crate::session::{ABSOLUTE, FRESH, IDLE};
use crate::unmask::Scope;

const ORIGIN: &str = "https://hinomi.example.jp";
const HOST: &str = "hinomi.example.jp";
const START: i64 = 1_800_000_000;

/// Keeps steps in memory, or fails when it is told to.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<(Vec<Kept>, bool)>>);

impl Keep for Memory {
    fn keep(&mut self, _: &Registry, steps: &[Kept]) -> Result<(), NotKept> {
        let mut inner = self.0.lock().unwrap();
        if inner.1 {
            return Err(NotKept("the disk is full".to_owned()));
        }
        inner.0.extend_from_slice(steps);
        Ok(())
    }
}

struct World {
    gate: Gate,
    memory: Memory,
    now: Moment,
    entropy: SeededEntropy,
    from: Origin,
}

fn world() -> World {
    let memory = Memory::default();
    let site = Site { name: "test".to_owned(), origin: ORIGIN.to_owned(), relying_party: HOST.to_owned() };
    let gate = Gate::new(Registry::default(), site, Key::new([3; 32]), [9; 32], Box::new(memory.clone()));
    let from = Origin::of(IpAddr::from([192, 0, 2, 7]));
    World { gate, memory, now: Moment::from_seconds(START), entropy: SeededEntropy::new(4), from }
}

impl World {
    fn pass(&mut self, seconds: i64) {
        self.now = self.now.plus(seconds);
    }

    /// Uses a link with a new device.
    fn enrol(&mut self, link: &Secret) -> Result<(Opened, Authenticator), Refusal> {
        let device = Authenticator::ed25519(ORIGIN, HOST);
        let offer = self.gate.enrol_offer(link, self.now, &self.entropy)?;
        let made = serde_json::from_str(&device.make(&offer.challenge)).unwrap();
        let opened = self.gate.enrol_passkey(link, (&made, "device"), self.now, &self.entropy)?;
        Ok((opened, device))
    }

    fn administrator(&mut self) -> (Opened, Authenticator) {
        let link = self.gate.first_link(None, self.now, &self.entropy).unwrap().unwrap();
        self.enrol(&link.text).unwrap()
    }

    fn who(&mut self, session: &Secret) -> Option<Principal> {
        self.gate.by_session(session, self.now)
    }

    fn invite(&mut self, by: &Secret, name: &str, roles: &[Role]) -> MadeLink {
        let by = self.who(by).unwrap();
        let roles: Roles = roles.iter().copied().collect();
        let wanted = (&name.parse().unwrap(), name, &roles);
        self.gate.invite(&by, wanted, self.now, &self.entropy).unwrap()
    }

    fn sign_in(&mut self, device: &mut Authenticator) -> Result<Opened, Refusal> {
        let challenge = self.gate.sign_in_challenge(self.now, &self.entropy)?;
        let assertion = serde_json::from_str(&device.sign(&challenge)).unwrap();
        let attempt = Attempt { from: &self.from, device: None };
        self.gate.sign_in_passkey(&assertion, &attempt, self.now, &self.entropy)
    }

    fn with_password(&mut self, link: &Secret, password: &str) -> Result<(Opened, String), Refusal> {
        let (generator, _) = self.gate.totp_offer(link, self.now)?;
        let secret = generator.base32();
        let code = totp(&secret, self.now.as_seconds());
        let opened = self.gate.enrol_password(link, (password, &code), self.now, &self.entropy)?;
        Ok((opened, secret))
    }

    fn try_password(&mut self, name: &str, password: &str, code: &str) -> Result<Opened, Refusal> {
        let attempt = Attempt { from: &self.from, device: None };
        let task = self.gate.password_begin(name, &attempt, self.now)?;
        self.gate.password_end(task.check(password, code, self.now), self.now, &self.entropy)
    }

    fn actions(&self) -> Vec<String> {
        let inner = self.memory.0.lock().unwrap();
        let action =
            |kept: &Kept| serde_json::to_value(&kept.step).unwrap()["action"].as_str().unwrap().to_owned();
        inner.0.iter().map(action).collect()
    }
}

const PASSWORD: &str = "lighthouse on a hill";

#[test]
fn no_account_has_rights_before_two_factors_were_proven() {
    let mut world = world();
    let (admin, _) = world.administrator();
    let link = world.invite(&admin.session, "aoki", &[Role::Administrator]);
    let id = link.account.unwrap();
    let invited = world.gate.registry().account(id).unwrap();
    assert_eq!(invited.standing, Standing::Invited);
    assert!(invited.permissions(world.now).is_empty());
    assert_eq!(world.try_password("aoki", "", "").unwrap_err(), Refusal::SignInFailed);
    // A password without the code of the generator, and a weak one with it.
    let made = world.gate.enrol_password(&link.text, (PASSWORD, "000000"), world.now, &world.entropy);
    assert_eq!(made.unwrap_err(), Refusal::Code);
    assert!(matches!(world.with_password(&link.text, "password1234"), Err(Refusal::Password(_))));
    // A device that did not verify its user is one factor.
    let mut device = Authenticator::p256(ORIGIN, HOST);
    device.flags = 0x01;
    let offer = world.gate.enrol_offer(&link.text, world.now, &world.entropy).unwrap();
    let made = serde_json::from_str(&device.make(&offer.challenge)).unwrap();
    let made = world.gate.enrol_passkey(&link.text, (&made, ""), world.now, &world.entropy);
    assert!(matches!(made, Err(Refusal::Challenge(_))));
    assert_eq!(world.gate.registry().account(id).unwrap().standing, Standing::Invited);
    // What is kept cannot say otherwise, either.
    let emptied = r#"{"standing":"active","factors":[]}"#;
    assert!(serde_json::from_str::<Standing>(emptied).is_err());
    assert!(world.with_password(&link.text, PASSWORD).is_ok());
}

#[test]
fn a_link_counts_once_and_for_its_time() {
    let mut world = world();
    let first = world.gate.first_link(None, world.now, &world.entropy).unwrap().unwrap();
    // A new start makes a new one, and the one before is void.
    let second = world.gate.first_link(None, world.now, &world.entropy).unwrap().unwrap();
    assert_eq!(world.enrol(&first.text).err(), Some(Refusal::LinkUnknown));
    let (admin, _) = world.enrol(&second.text).unwrap();
    assert_eq!(world.enrol(&second.text).err(), Some(Refusal::LinkUnknown));
    assert!(world.gate.first_link(None, world.now, &world.entropy).unwrap().is_none());
    let late = world.invite(&admin.session, "mori", &[Role::Viewer]);
    world.pass(3 * 24 * 3_600);
    assert_eq!(world.enrol(&late.text).err(), Some(Refusal::LinkUnknown));
}

#[test]
fn a_challenge_is_answered_once() {
    let mut world = world();
    let (_, mut device) = world.administrator();
    device.counter = 0;
    let (opened, mut device) = {
        // A device that does not count: only the challenge shows that an answer was used.
        let by = world.gate.registry().accounts().next().unwrap().id;
        let link =
            world.gate.link(&Principal::command_line(None), (by, None), world.now, &world.entropy).unwrap();
        let offer = world.gate.enrol_offer(&link.text, world.now, &world.entropy).unwrap();
        let made = serde_json::from_str(&device.make(&offer.challenge)).unwrap();
        let again = world.gate.enrol_passkey(&link.text, (&made, ""), world.now, &world.entropy);
        assert_eq!(again.err(), Some(Refusal::Conflict("this passkey is enrolled already")));
        let mut silent = Authenticator::p256(ORIGIN, HOST);
        silent.counter = 0;
        let made = serde_json::from_str(&silent.make(&offer.challenge)).unwrap();
        (world.gate.enrol_passkey(&link.text, (&made, ""), world.now, &world.entropy).unwrap(), silent)
    };
    assert!(world.who(&opened.session).is_some());
    let challenge = world.gate.sign_in_challenge(world.now, &world.entropy).unwrap();
    let assertion = serde_json::from_str(&device.sign(&challenge)).unwrap();
    let attempt = Attempt { from: &world.from.clone(), device: None };
    assert!(world.gate.sign_in_passkey(&assertion, &attempt, world.now, &world.entropy).is_ok());
    let again = world.gate.sign_in_passkey(&assertion, &attempt, world.now, &world.entropy);
    assert_eq!(again.err(), Some(Refusal::SignInFailed));
}

#[test]
fn sessions_end_by_time_by_changes_and_by_clocks_that_jump() {
    let mut world = world();
    let (admin, mut device) = world.administrator();
    let link = world.invite(&admin.session, "aoki", &[Role::Analyst]);
    let (opened, mut theirs) = world.enrol(&link.text).unwrap();
    let id = opened.account;
    // Roles.
    let by = world.who(&admin.session).unwrap();
    let change = crate::AccountChange { roles: Some(Roles::from([Role::Viewer])), display: None };
    world.gate.change(&by, (id, None), &change, world.now).unwrap();
    assert!(world.who(&opened.session).is_none());
    // Enrolling anew.
    let opened = world.sign_in(&mut theirs).unwrap();
    let link = world.gate.link(&by, (id, None), world.now, &world.entropy).unwrap();
    assert!(world.who(&opened.session).is_some(), "a link alone ends nothing");
    let (_, mut newer) = world.enrol(&link.text).unwrap();
    assert!(world.who(&opened.session).is_none());
    assert_eq!(world.sign_in(&mut theirs).err(), Some(Refusal::SignInFailed), "the old device is void");
    // Disabling.
    let opened = world.sign_in(&mut newer).unwrap();
    world.gate.disable(&by, (id, None), world.now).unwrap();
    assert!(world.who(&opened.session).is_none());
    assert_eq!(world.sign_in(&mut newer).err(), Some(Refusal::SignInFailed));
    // Idling, and the end in any case.
    let opened = world.sign_in(&mut device).unwrap();
    world.pass(IDLE);
    assert!(world.who(&opened.session).is_none());
    let opened = world.sign_in(&mut device).unwrap();
    for _ in 0..(ABSOLUTE / 600 - 1) {
        world.pass(600);
        assert!(world.who(&opened.session).is_some());
    }
    world.pass(600);
    assert!(world.who(&opened.session).is_none());
    let opened = world.sign_in(&mut device).unwrap();
    world.pass(-3_600);
    assert!(world.who(&opened.session).is_none(), "a clock that was set back");
}

#[test]
fn what_is_grave_needs_a_fresh_proof_and_a_new_id() {
    let mut world = world();
    let (admin, mut device) = world.administrator();
    world.pass(FRESH);
    let stale = world.who(&admin.session).unwrap();
    let wanted = (&"aoki".parse().unwrap(), "A", &Roles::from([Role::Viewer]));
    let refused = world.gate.invite(&stale, wanted, world.now, &world.entropy);
    assert_eq!(refused.err(), Some(Refusal::StepUpNeeded));
    let (from, chance) = (world.from.clone(), SeededEntropy::new(77));
    let attempt = Attempt { from: &from, device: None };
    // The challenge of signing in is none for this.
    let wrong = world.gate.sign_in_challenge(world.now, &chance).unwrap();
    let wrong = serde_json::from_str(&device.sign(&wrong)).unwrap();
    let both = (&stale, &admin.session);
    assert!(world.gate.step_up_passkey(both, &wrong, &attempt, (world.now, &chance)).is_err());
    let challenge = world.gate.step_up_challenge(&stale, world.now, &chance).unwrap();
    let proof = serde_json::from_str(&device.sign(&challenge)).unwrap();
    let renewed = world.gate.step_up_passkey(both, &proof, &attempt, (world.now, &chance)).unwrap();
    assert!(world.who(&admin.session).is_none(), "the old id is void");
    let fresh = world.who(&renewed).unwrap();
    assert!(world.gate.invite(&fresh, wanted, world.now, &world.entropy).is_ok());
}

#[test]
fn a_password_with_its_code_is_two_factors_and_each_code_counts_once() {
    let mut world = world();
    let (admin, _) = world.administrator();
    let link = world.invite(&admin.session, "aoki", &[Role::Analyst]);
    let (_, secret) = world.with_password(&link.text, PASSWORD).unwrap();
    let code = |world: &World| totp(&secret, world.now.as_seconds());
    let used = code(&world);
    assert_eq!(world.try_password("aoki", PASSWORD, &used).err(), Some(Refusal::SignInFailed));
    world.pass(30);
    let now = code(&world);
    assert_eq!(world.try_password("aoki", "another password", &now).err(), Some(Refusal::SignInFailed));
    assert_eq!(world.try_password("aoki", PASSWORD, "123456").err(), Some(Refusal::SignInFailed));
    assert!(world.try_password("aoki", PASSWORD, &now).is_ok());
    assert_eq!(world.try_password("aoki", PASSWORD, &now).err(), Some(Refusal::SignInFailed));
    // Two looks at one code at a time: one counts.
    world.pass(60);
    let now = code(&world);
    let (from, at) = (world.from.clone(), world.now);
    let attempt = Attempt { from: &from, device: None };
    let one = world.gate.password_begin("aoki", &attempt, at).unwrap().check(PASSWORD, &now, at);
    let two = world.gate.password_begin("aoki", &attempt, at).unwrap().check(PASSWORD, &now, at);
    assert!(world.gate.password_end(one, at, &world.entropy).is_ok());
    assert_eq!(world.gate.password_end(two, at, &world.entropy).err(), Some(Refusal::SignInFailed));
}

#[test]
fn guessing_is_slowed_and_does_not_lock_out() {
    let mut world = world();
    let (admin, _) = world.administrator();
    let link = world.invite(&admin.session, "aoki", &[Role::Analyst]);
    let (opened, secret) = world.with_password(&link.text, PASSWORD).unwrap();
    world.pass(60);
    world.from = Origin::of(IpAddr::from([203, 0, 113, 5]));
    let guesses: Vec<Refusal> =
        (0..40).map(|_| world.try_password("aoki", "guess guess guess", "000000").unwrap_err()).collect();
    assert!(guesses.iter().any(|refusal| matches!(refusal, Refusal::TooMany(_))));
    let written = world.actions().iter().filter(|action| *action == "sign_in_failed").count();
    assert_eq!(written, 1, "failures of a kind are written down once a minute");
    // Its owner, from the same network, on the device that is known.
    let (from, at) = (world.from.clone(), world.now);
    let attempt = Attempt { from: &from, device: Some(&opened.device) };
    let code = totp(&secret, at.as_seconds());
    let check = world.gate.password_begin("aoki", &attempt, at).unwrap().check(PASSWORD, &code, at);
    assert!(world.gate.password_end(check, at, &world.entropy).is_ok());
}

#[test]
fn the_last_administrator_and_the_last_factor_stay() {
    let mut world = world();
    let (admin, _) = world.administrator();
    let by = world.who(&admin.session).unwrap();
    let id = admin.account;
    let change = crate::AccountChange { roles: Some(Roles::from([Role::Viewer])), display: None };
    assert_eq!(
        world.gate.change(&by, (id, None), &change, world.now).err(),
        Some(Refusal::LastAdministrator)
    );
    assert_eq!(world.gate.disable(&by, (id, None), world.now).err(), Some(Refusal::LastAdministrator));
    let only = world.gate.registry().account(id).unwrap().factors().unwrap().iter().next().unwrap().id();
    let both = (&by, &admin.session);
    let random = SeededEntropy::new(5);
    let removed = world.gate.remove_factor(both, only, (world.now, &random));
    assert_eq!(removed.err(), Some(Refusal::LastFactor));
    // With a second one the first can go: other sessions end, this one goes on under a new id.
    let device = Authenticator::p256(ORIGIN, HOST);
    let offer = world.gate.add_offer(&by, world.now, &random).unwrap();
    let made = serde_json::from_str(&device.make(&offer.challenge)).unwrap();
    world.gate.add_passkey(&by, (&made, "second"), world.now).unwrap();
    let renewed = world.gate.remove_factor(both, only, (world.now, &random)).unwrap();
    assert!(world.who(&admin.session).is_none() && world.who(&renewed).is_some());
}

#[test]
fn a_token_never_may_more_than_its_owner_and_ends() {
    let mut world = world();
    let (admin, _) = world.administrator();
    let link = world.invite(&admin.session, "aoki", &[Role::Analyst]);
    let (opened, _) = world.enrol(&link.text).unwrap();
    let by = world.who(&opened.session).unwrap();
    let scopes = |names: &[Permission]| names.iter().copied().collect();
    let make = |world: &mut World, wanted: &[Permission], days| {
        let form = ("t", &scopes(wanted), days);
        world.gate.make_token((&by, opened.account), form, world.now, &SeededEntropy::new(6))
    };
    assert_eq!(make(&mut world, &[Permission::AuditRead], 1).err(), Some(Refusal::Forbidden));
    assert!(matches!(make(&mut world, &[Permission::TokensOwn], 1), Err(Refusal::Senseless(_))));
    assert!(matches!(make(&mut world, &[Permission::Read], 367), Err(Refusal::Senseless(_))));
    let token_made = make(&mut world, &[Permission::Read, Permission::Search], 2).unwrap();
    let from = world.from.clone();
    let may = |world: &mut World| {
        let token = world.gate.by_token(&token_made.text, &from, world.now);
        token.map(|token| token.permissions().iter().map(|p| p.name()).collect::<Vec<_>>())
    };
    assert_eq!(may(&mut world).unwrap(), ["read", "search"]);
    // Its owner loses a right, and so does the token.
    let root = Principal::command_line(None);
    let change = crate::AccountChange { roles: Some(Roles::from([Role::Viewer])), display: None };
    world.gate.change(&root, (opened.account, None), &change, world.now).unwrap();
    assert_eq!(may(&mut world).unwrap(), ["read"]);
    world.pass(2 * 86_400);
    assert_eq!(may(&mut world).err(), Some(Refusal::SignInFailed));
    world.gate.tick(world.now).unwrap();
    let actions = world.actions();
    assert_eq!(actions.iter().filter(|action| *action == "token_used").count(), 1);
    assert_eq!(actions.last().map(String::as_str), Some("token_expired"));
}

#[test]
fn names_are_seen_when_somebody_else_approved_and_not_longer() {
    let mut world = world();
    let (admin, _) = world.administrator();
    let link = world.invite(&admin.session, "aoki", &[Role::Analyst, Role::PrivacyOfficer]);
    let (asker, _) = world.enrol(&link.text).unwrap();
    let (who, admin) = (world.who(&asker.session).unwrap(), world.who(&admin.session).unwrap());
    let masked = world.gate.names(&who, world.now).account("sato", None);
    let scope = Scope::Account { pseudonym: masked.clone() };
    let request = world.gate.ask(&who, (&scope, "case 12", 2), world.now).unwrap();
    let decision = |approved| (approved, "as agreed");
    // Not by oneself, whatever role one has; and not by whoever opened an envelope.
    let target = (request.id, request.version);
    assert_eq!(world.gate.decide(&who, target, decision(true), world.now).err(), Some(Refusal::SecondPerson));
    let sealed = world.gate.seal(&Principal::command_line(None), world.now, &world.entropy).unwrap();
    let (glass, _) = world.enrol(&sealed.text).unwrap();
    let glass = world.who(&glass.session).unwrap();
    assert_eq!(
        world.gate.decide(&glass, target, decision(true), world.now).err(),
        Some(Refusal::SecondPerson)
    );
    assert_eq!(world.gate.names(&who, world.now).account("sato", None), masked);
    world.gate.decide(&admin, target, decision(true), world.now).unwrap();
    let names = world.gate.names(&who, world.now);
    assert_eq!(names.account("sato", None), "sato");
    world.gate.shown(&who, &names, world.now).unwrap();
    assert_eq!(world.gate.registry().request(request.id).unwrap().uses, 1);
    assert_eq!(world.gate.names(&admin, world.now).account("sato", None), masked, "for whoever asked only");
    world.pass(2 * 3_600);
    assert_eq!(world.gate.names(&who, world.now).account("sato", None), masked);
}

#[test]
fn a_sealed_code_gives_one_hour_to_a_passkey_and_is_loud() {
    let mut world = world();
    let (admin, _) = world.administrator();
    let root = Principal::command_line(None);
    let old = world.gate.seal(&root, world.now, &world.entropy).unwrap();
    let sealed = world.gate.seal(&root, world.now, &world.entropy).unwrap();
    let by = world.who(&admin.session).unwrap();
    assert_eq!(world.gate.seal(&by, world.now, &world.entropy).err(), Some(Refusal::Forbidden));
    assert_eq!(world.enrol(&old.text).err(), Some(Refusal::LinkUnknown));
    assert!(matches!(world.gate.totp_offer(&sealed.text, world.now), Err(Refusal::Conflict(_))));
    let (opened, mut device) = world.enrol(&sealed.text).unwrap();
    let loud = world.memory.0.lock().unwrap().0.last().unwrap().step.fact.is_loud();
    assert!(loud);
    assert!(world.who(&opened.session).unwrap().may(Permission::AccountsManage));
    assert_eq!(world.enrol(&sealed.text).err(), Some(Refusal::LinkUnknown));
    world.pass(3_600);
    assert!(world.who(&opened.session).is_none());
    assert_eq!(world.sign_in(&mut device).err(), Some(Refusal::SignInFailed));
}

#[test]
fn what_cannot_be_kept_is_not_done() {
    let mut world = world();
    let (admin, mut device) = world.administrator();
    let link = world.invite(&admin.session, "aoki", &[Role::Viewer]);
    let before = world.gate.registry().clone();
    world.memory.0.lock().unwrap().1 = true;
    assert_eq!(world.sign_in(&mut device).err(), Some(Refusal::NotKept));
    assert_eq!(world.enrol(&link.text).err(), Some(Refusal::NotKept));
    let root = Principal::command_line(None);
    let id: AccountId = link.account.unwrap();
    assert_eq!(world.gate.disable(&root, (id, None), world.now).err(), Some(Refusal::NotKept));
    assert_eq!(*world.gate.registry(), before);
}

#[test]
fn steps_hold_no_secret_and_make_the_same_registry_again() {
    let mut world = world();
    let (admin, _) = world.administrator();
    let link = world.invite(&admin.session, "aoki", &[Role::Analyst]);
    let (opened, secret) = world.with_password(&link.text, PASSWORD).unwrap();
    let by = world.who(&opened.session).unwrap();
    let scopes = [Permission::Read].into();
    let token =
        world.gate.make_token((&by, opened.account), ("t", &scopes, 1), world.now, &world.entropy).unwrap();
    let kept = world.memory.0.lock().unwrap().0.clone();
    let steps: Vec<String> = kept.iter().map(|kept| serde_json::to_string(&kept.step).unwrap()).collect();
    let all = steps.join("\n");
    let generator = world.gate.totp_offer(&link.text, world.now).err();
    assert_eq!(generator, Some(Refusal::LinkUnknown));
    for hidden in
        [link.text.reveal(), token.text.reveal(), &secret, PASSWORD, "argon2", opened.session.reveal()]
    {
        assert!(!all.contains(hidden), "{hidden}");
    }
    let mut again = Registry::default();
    for kept in &kept {
        let through_text: Kept = serde_json::from_str(&serde_json::to_string(kept).unwrap()).unwrap();
        again.apply(&through_text);
        again.apply(&through_text);
    }
    assert_eq!(again, *world.gate.registry());
    let saved: Registry = serde_json::from_str(&serde_json::to_string(&again).unwrap()).unwrap();
    assert_eq!(saved, again);
}
