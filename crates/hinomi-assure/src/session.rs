//! Sign-ins rebuilt from what several logs say of them, and whether a second factor is proven, disproven or unknown.
//!
//! A gateway says that an account came in, an authentication server says that it agreed, and a third log names the check
//! of a one-time code, or does not. None of them alone is the session.
//!
//! # Invariants
//! - One check of a factor proves one session.
//! - A factor is disproven only when an event says so, when an event lists all factors and there is one, or when the log that
//!   names the checks of other sessions of the same service on the same device goes on before and after and names none.
//!   Everything else is unknown.

use std::collections::{BTreeMap, BTreeSet};

use hinomi_model::{NANOS_PER_SECOND, Timestamp};

use crate::inventory::{Resolved, Resolver};
use crate::{Access, Bilingual, Observation, ObservationKind, ObservationSpec, Truth};

/// Events of one sign-in come within this, in nanoseconds.
const ONE_SIGN_IN: i64 = 30 * NANOS_PER_SECOND;
/// A factor is checked at most this long before the sign-in is logged, in nanoseconds: people type slowly.
const CHECKED_BEFORE: i64 = 180 * NANOS_PER_SECOND;
/// And at most this long after, in nanoseconds.
const CHECKED_AFTER: i64 = 30 * NANOS_PER_SECOND;

/// Words for a factor that is not named.
const UNNAMED: [&str; 5] = ["unknown", "radius", "saml", "federated", "other"];

/// One sign-in.
#[derive(Clone, Debug)]
pub struct Session {
    /// When.
    pub time: Timestamp,
    /// Whose credentials were used.
    pub account: Option<Resolved>,
    /// What it opens.
    pub access: Access,
    /// Product or protocol.
    pub service: String,
    /// Hosts that were entered or let in.
    pub devices: Vec<Resolved>,
    /// Where it came from.
    pub address: Option<String>,
    /// Computer it came from.
    pub origin: Option<String>,
    /// Further attributes.
    pub attributes: BTreeMap<String, String>,
    /// Events that state it.
    pub events: Vec<usize>,
    /// Rules that selected them.
    pub rules: BTreeSet<usize>,
    /// Whether more than one factor was used.
    pub second_factor: Truth,
    /// Why.
    pub because: FactorReason,
    key: Option<String>,
    logs: BTreeSet<usize>,
    factors: BTreeSet<String>,
    all_factors: bool,
    stated: Option<bool>,
    programs: BTreeSet<String>,
}

/// Why a second factor is proven, disproven or unknown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FactorReason {
    /// An event of the sign-in says it outright.
    Stated(bool),
    /// The events name these factors.
    Named(Vec<String>),
    /// This event states the check.
    Checked(usize),
    /// The events name this factor and say that there was no other.
    Only(String),
    /// The log that holds this event, the check of another session, goes on and names none for this one.
    NotInLog(usize),
    /// Nothing says it; these logs would.
    Unsaid(Vec<Bilingual>),
}

/// Rebuilds every sign-in. `observations` may come in any order.
pub fn sessions(
    specs: &[ObservationSpec],
    observations: &[Observation],
    resolver: &Resolver,
) -> Vec<Session> {
    let mut ordered: Vec<&Observation> = observations.iter().collect();
    ordered.sort_by_key(|o| (o.time, o.event));
    let of = |kind| {
        let specs = &specs;
        move |o: &&&Observation| specs.get(o.rule).is_some_and(|s| s.kind == kind)
    };
    let mut sessions = Vec::new();
    let mut open: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
    for seen in ordered.iter().filter(of(ObservationKind::SignIn)) {
        let Some(spec) = specs.get(seen.rule) else { continue };
        let session = Session::begin(spec, seen, resolver);
        let who = session.account.as_ref().map(|a| a.id.clone()).unwrap_or_default();
        let recent = open.entry((who, session.service.clone())).or_default();
        recent.retain(|at| {
            sessions
                .get(*at)
                .is_some_and(|s: &Session| session.time.as_nanos() - s.time.as_nanos() <= ONE_SIGN_IN)
        });
        let same = recent.iter().copied().find(|at| sessions.get(*at).is_some_and(|s| s.is_also(&session)));
        if let Some(known) = same.and_then(|at| sessions.get_mut(at)) {
            known.join(session);
        } else {
            recent.push(sessions.len());
            sessions.push(session);
        }
    }
    let checks: Vec<&Observation> = ordered.iter().filter(of(ObservationKind::Factor)).copied().collect();
    let spans = spans(&ordered);
    prove(&mut sessions, &checks, specs, resolver, &spans);
    sessions
}

/// First and last time of each log.
fn spans(ordered: &[&Observation]) -> BTreeMap<usize, (Timestamp, Timestamp)> {
    let mut spans = BTreeMap::new();
    for seen in ordered {
        let span = spans.entry(seen.log).or_insert((seen.time, seen.time));
        span.1 = span.1.max(seen.time);
    }
    spans
}

impl Session {
    fn begin(spec: &ObservationSpec, seen: &Observation, resolver: &Resolver) -> Self {
        let program = seen.attributes.get("program").map(|p| p.to_lowercase());
        let named = seen.factors.iter().filter(|f| !UNNAMED.contains(&f.to_lowercase().as_str()));
        Self {
            time: seen.time,
            account: seen.account.as_deref().map(|name| resolver.account(name, seen.account_id.as_deref())),
            access: spec.access.unwrap_or(Access::Network),
            service: spec.service.clone(),
            devices: seen.device.as_deref().map(|d| resolver.host(d)).into_iter().collect(),
            address: seen.address.clone(),
            origin: seen.origin.clone(),
            attributes: seen.attributes.clone(),
            events: vec![seen.event],
            rules: BTreeSet::from([seen.rule]),
            second_factor: Truth::Unknown,
            because: FactorReason::Unsaid(Vec::new()),
            key: seen.session.clone(),
            logs: BTreeSet::from([seen.log]),
            factors: named.map(|f| f.to_lowercase()).collect(),
            all_factors: spec.all_factors && !seen.factors.is_empty(),
            stated: seen.second_factor,
            programs: program.into_iter().collect(),
        }
    }

    /// Whether a later event of the same account and service speaks of the same sign-in: nothing contradicts it, and it is
    /// not one log saying the same thing twice.
    fn is_also(&self, later: &Self) -> bool {
        fn agree<T: PartialEq>(a: Option<&T>, b: Option<&T>) -> bool {
            a.is_none() || b.is_none() || a == b
        }
        let repeated = !self.logs.is_disjoint(&later.logs) && !self.rules.is_disjoint(&later.rules);
        let keyed = self.key.is_some() && self.key == later.key && self.address == later.address;
        agree(self.address.as_ref(), later.address.as_ref())
            && agree(self.key.as_ref(), later.key.as_ref())
            && (keyed || !repeated)
    }

    fn join(&mut self, later: Self) {
        for device in later.devices {
            if !self.devices.contains(&device) {
                self.devices.push(device);
            }
        }
        self.address = self.address.take().or(later.address);
        self.origin = self.origin.take().or(later.origin);
        self.key = self.key.take().or(later.key);
        self.account = self.account.take().or(later.account);
        for (name, value) in later.attributes {
            self.attributes.entry(name).or_insert(value);
        }
        self.events.extend(later.events);
        self.rules.extend(later.rules);
        self.logs.extend(later.logs);
        self.factors.extend(later.factors);
        self.programs.extend(later.programs);
        self.all_factors |= later.all_factors;
        self.stated = match (self.stated, later.stated) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (stated, None) | (None, stated) => stated,
            (Some(false), Some(false)) => Some(false),
        };
    }

    fn account_id(&self) -> Option<&str> {
        self.account.as_ref().map(|a| a.id.as_str())
    }

    /// Where peers are compared: services of devices.
    fn seats(&self) -> impl Iterator<Item = (String, String)> {
        self.devices.iter().map(|d| (d.id.clone(), self.service.clone()))
    }
}

/// A check of a factor, once, however many logs repeat it.
struct Check {
    account: String,
    device: Option<String>,
    program: Option<String>,
    time: Timestamp,
    event: usize,
    logs: BTreeSet<usize>,
}

fn checks_once(observations: &[&Observation], resolver: &Resolver) -> Vec<Check> {
    let mut checks: Vec<Check> = Vec::new();
    for seen in observations {
        let Some(name) = seen.account.as_deref() else { continue };
        let account = resolver.account(name, seen.account_id.as_deref()).id;
        let device = seen.device.as_deref().map(|d| resolver.host(d).id);
        let program = seen.attributes.get("program").map(|p| p.to_lowercase());
        let near = |c: &&mut Check| seen.time.as_nanos() - c.time.as_nanos() <= 2 * NANOS_PER_SECOND;
        let mut recent = checks.iter_mut().rev().take_while(near);
        let copy = recent.find(|c| {
            c.account == account && c.device == device && c.program == program && !c.logs.contains(&seen.log)
        });
        match copy {
            Some(known) => {
                known.logs.insert(seen.log);
            }
            None => checks.push(Check {
                account,
                device,
                program,
                time: seen.time,
                event: seen.event,
                logs: BTreeSet::from([seen.log]),
            }),
        }
    }
    checks
}

fn prove(
    sessions: &mut [Session],
    observations: &[&Observation],
    specs: &[ObservationSpec],
    resolver: &Resolver,
    spans: &BTreeMap<usize, (Timestamp, Timestamp)>,
) {
    let checks = checks_once(observations, resolver);
    let proofs = assign(sessions, &checks);
    // Device and service → logs that named the check of a session there, with one such event.
    let mut named: BTreeMap<(String, String), BTreeMap<usize, usize>> = BTreeMap::new();
    for (session, check) in &proofs {
        let (Some(session), Some(check)) = (sessions.get(*session), checks.get(*check)) else { continue };
        for seat in session.seats() {
            let logs = named.entry(seat).or_default();
            check.logs.iter().for_each(|log| _ = logs.entry(*log).or_insert(check.event));
        }
    }
    for (at, session) in sessions.iter_mut().enumerate() {
        let check = proofs.get(&at).and_then(|c| checks.get(*c));
        (session.second_factor, session.because) = match (session.stated, check) {
            (Some(true), _) => (Truth::True, FactorReason::Stated(true)),
            (_, Some(check)) => (Truth::True, FactorReason::Checked(check.event)),
            (Some(false), None) => (Truth::False, FactorReason::Stated(false)),
            (None, None) => unchecked(session, specs, &named, spans),
        };
    }
}

/// What follows for a session that says nothing outright and for which no check was found.
fn unchecked(
    session: &Session,
    specs: &[ObservationSpec],
    named: &BTreeMap<(String, String), BTreeMap<usize, usize>>,
    spans: &BTreeMap<usize, (Timestamp, Timestamp)>,
) -> (Truth, FactorReason) {
    let factors: Vec<String> = session.factors.iter().cloned().collect();
    match factors.as_slice() {
        [_, _, ..] => return (Truth::True, FactorReason::Named(factors)),
        [only] if session.all_factors => return (Truth::False, FactorReason::Only(only.clone())),
        _ => {}
    }
    let goes_on = |log: &usize| {
        spans.get(log).is_some_and(|(first, last)| *first <= session.time && session.time <= *last)
    };
    let logs = session.seats().filter_map(|seat| named.get(&seat)).flatten();
    if let Some((_, event)) = logs.into_iter().find(|(log, _)| goes_on(log)) {
        return (Truth::False, FactorReason::NotInLog(*event));
    }
    let mut settling: Vec<Bilingual> = Vec::new();
    for settled in session.rules.iter().filter_map(|r| specs.get(*r)?.settled_by.clone()) {
        if !settling.contains(&settled) {
            settling.push(settled);
        }
    }
    (Truth::Unknown, FactorReason::Unsaid(settling))
}

/// Gives each check to the session that it fits best: same program first, then nearest in time.
fn assign(sessions: &[Session], checks: &[Check]) -> BTreeMap<usize, usize> {
    let mut by_account: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, session) in sessions.iter().enumerate() {
        if let Some(account) = session.account_id() {
            by_account.entry(account).or_default().push(at);
        }
    }
    let mut fits: Vec<(bool, i64, usize, usize)> = Vec::new();
    for (number, check) in checks.iter().enumerate() {
        for at in by_account.get(check.account.as_str()).into_iter().flatten() {
            let Some(session) = sessions.get(*at) else { continue };
            let late = check.time.as_nanos() - session.time.as_nanos();
            let device = check.device.as_ref().is_none_or(|d| {
                session.devices.is_empty() || session.devices.iter().any(|known| known.id == *d)
            });
            if device && (-CHECKED_BEFORE..=CHECKED_AFTER).contains(&late) {
                let other_program = check.program.as_ref().is_none_or(|p| !session.programs.contains(p));
                fits.push((other_program, late.abs(), number, *at));
            }
        }
    }
    fits.sort_unstable();
    let mut used = BTreeSet::new();
    let mut proofs = BTreeMap::new();
    for (_, _, check, session) in fits {
        if !used.contains(&check) && !proofs.contains_key(&session) {
            used.insert(check);
            proofs.insert(session, check);
        }
    }
    proofs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{Inventory, Sighted};

    fn specs() -> Vec<ObservationSpec> {
        let settled = "settled_by: {en: the gateway's authentication log, ja: ゲートウェイの認証ログ}";
        [
            format!("{{kind: sign-in, access: remote, service: ssh, {settled}}}"),
            format!("{{kind: sign-in, access: remote, service: vpn, {settled}}}"),
            format!("{{kind: sign-in, access: remote, service: vpn, {settled}}}"),
            "{kind: factor}".to_owned(),
            "{kind: sign-in, access: cloud, service: idp, all_factors: true}".to_owned(),
        ]
        .iter()
        .map(|text| serde_yaml_ng::from_str(text).unwrap())
        .collect()
    }

    const SSH: usize = 0;
    const VPN: usize = 1;
    const RADIUS: usize = 2;
    const CHECK: usize = 3;
    const CLOUD: usize = 4;

    /// Seconds, rule, log, account, program.
    fn seen(list: &[(i64, usize, usize, &str, &str)]) -> Vec<Observation> {
        let observation =
            |(event, (second, rule, log, account, program)): (usize, &(i64, usize, usize, &str, &str))| {
                Observation {
                    rule: *rule,
                    event,
                    log: *log,
                    time: Timestamp::from_nanos(second * NANOS_PER_SECOND),
                    account: Some((*account).to_owned()),
                    account_id: None,
                    address: None,
                    origin: None,
                    device: Some("gw01".to_owned()),
                    session: None,
                    factors: Vec::new(),
                    second_factor: None,
                    attributes: BTreeMap::from([("program".to_owned(), (*program).to_owned())]),
                }
            };
        list.iter().enumerate().map(observation).collect()
    }

    fn judged(observations: &[Observation]) -> Vec<(i64, Truth, FactorReason)> {
        let resolver = Resolver::new(&Inventory::default(), Sighted::default());
        let sessions = sessions(&specs(), observations, &resolver);
        let second = |s: &Session| s.time.as_nanos() / NANOS_PER_SECOND;
        sessions.iter().map(|s| (second(s), s.second_factor, s.because.clone())).collect()
    }

    /// A gateway that names the code of everybody but one account, which the list of settings may well call protected.
    #[test]
    fn one_account_without_the_check_that_its_peers_have() {
        let observations = seen(&[
            (100, SSH, 0, "aoki", "sshd"),
            (99, CHECK, 0, "aoki", "sshd"),
            (200, VPN, 1, "mori", "openvpn"),
            (200, RADIUS, 2, "mori", "radiusd"),
            (199, CHECK, 0, "mori", "radiusd"),
            (300, VPN, 1, "contractor", "openvpn"),
            (300, RADIUS, 2, "contractor", "radiusd"),
            (310, SSH, 0, "contractor", "sshd"),
            (900, CHECK, 0, "aoki", "sshd"),
            (901, SSH, 0, "aoki", "sshd"),
        ]);
        let want = [
            (100, Truth::True, FactorReason::Checked(1)),
            (200, Truth::True, FactorReason::Checked(4)),
            (300, Truth::False, FactorReason::NotInLog(4)),
            (310, Truth::False, FactorReason::NotInLog(1)),
            (901, Truth::True, FactorReason::Checked(8)),
        ];
        assert_eq!(judged(&observations), want);
    }

    #[test]
    fn without_the_log_of_checks_nothing_is_disproven() {
        let observations = seen(&[(200, VPN, 1, "mori", "openvpn"), (300, VPN, 1, "contractor", "openvpn")]);
        for (_, truth, because) in judged(&observations) {
            assert_eq!(truth, Truth::Unknown);
            assert!(matches!(because, FactorReason::Unsaid(logs) if logs.len() == 1));
        }
    }

    /// The log of checks ends before the sign-in: what it would have said is not known.
    #[test]
    fn a_log_that_ended_disproves_nothing() {
        let observations = seen(&[
            (100, SSH, 0, "aoki", "sshd"),
            (99, CHECK, 7, "aoki", "sshd"),
            (300, SSH, 0, "contractor", "sshd"),
        ]);
        assert_eq!(judged(&observations)[1].1, Truth::Unknown);
    }

    /// One check must not cover a second sign-in with the stolen password a moment later.
    #[test]
    fn one_check_proves_one_session() {
        let observations = seen(&[
            (99, CHECK, 0, "aoki", "sshd"),
            (100, SSH, 0, "aoki", "sshd"),
            (130, SSH, 0, "aoki", "sshd"),
            (500, CHECK, 0, "mori", "sshd"),
        ]);
        let truths: Vec<Truth> = judged(&observations).into_iter().map(|j| j.1).collect();
        assert_eq!(truths, [Truth::True, Truth::False]);
    }

    /// A collector's copy of both lines neither doubles the session nor lends its check to another one.
    #[test]
    fn copies_of_lines_are_the_same_sign_in() {
        let observations = seen(&[
            (99, CHECK, 0, "aoki", "sshd"),
            (100, SSH, 0, "aoki", "sshd"),
            (99, CHECK, 5, "aoki", "sshd"),
            (100, SSH, 5, "aoki", "sshd"),
            (120, SSH, 0, "aoki", "sshd"),
            (120, SSH, 5, "aoki", "sshd"),
            (999, CHECK, 0, "mori", "sshd"),
        ]);
        let truths: Vec<Truth> = judged(&observations).into_iter().map(|j| j.1).collect();
        assert_eq!(truths, [Truth::True, Truth::False]);
    }

    #[test]
    fn what_an_event_states_outright_counts() {
        let mut observations =
            seen(&[(1, CLOUD, 0, "a", ""), (2, CLOUD, 0, "b", ""), (3, CLOUD, 0, "c", "")]);
        observations[0].second_factor = Some(false);
        observations[1].factors = vec!["Password".to_owned(), "Push".to_owned()];
        observations[2].factors = vec!["Password".to_owned()];
        let judged = judged(&observations);
        assert_eq!(judged[0].2, FactorReason::Stated(false));
        assert_eq!((judged[1].1, judged[2].1), (Truth::True, Truth::False));
        assert_eq!(judged[2].2, FactorReason::Only("password".to_owned()));
    }
}
