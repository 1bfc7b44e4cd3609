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
//! - A session of which only the end was read is a session, and what its beginning would say is unknown.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use hinomi_model::{NANOS_PER_SECOND, Timestamp};

use crate::inventory::{Memo, Resolved};
use crate::{Access, Attributes, Bilingual, Observation, ObservationKind, ObservationSpec, Truth};

/// Events of one sign-in come within this, in nanoseconds.
const ONE_SIGN_IN: i64 = 30 * NANOS_PER_SECOND;
/// A factor is checked at most this long before the sign-in is logged, in nanoseconds: people type slowly.
const CHECKED_BEFORE: i64 = 180 * NANOS_PER_SECOND;
/// And at most this long after, in nanoseconds.
const CHECKED_AFTER: i64 = 30 * NANOS_PER_SECOND;

/// Sign-ins and checks of one account further apart than this, in nanoseconds, decide nothing about each other.
const APART: i64 = CHECKED_BEFORE + ONE_SIGN_IN;

/// When an account signed in or a factor of it was checked, for [`near_checks`].
pub(crate) struct Moment {
    /// The account, however it is numbered.
    pub(crate) account: usize,
    pub(crate) time: Timestamp,
    pub(crate) is_check: bool,
}

/// Numbers of those moments that decide which sign-in a check proves: everything around checks, as far as one moment leads to
/// the next.
pub(crate) fn near_checks(moments: &[Moment]) -> Vec<usize> {
    let mut order: Vec<(usize, Timestamp, usize)> =
        moments.iter().enumerate().map(|(at, m)| (m.account, m.time, at)).collect();
    order.sort_unstable();
    let follows = |a: &(usize, Timestamp, usize), b: &(usize, Timestamp, usize)| {
        a.0 == b.0 && b.1.as_nanos() - a.1.as_nanos() <= APART
    };
    let has_check = |group: &&[(usize, Timestamp, usize)]| {
        group.iter().any(|(.., at)| moments.get(*at).is_some_and(|m| m.is_check))
    };
    let mut near: Vec<usize> =
        order.chunk_by(follows).filter(has_check).flatten().map(|(.., at)| *at).collect();
    near.sort_unstable();
    near
}

/// Words for a factor that is not named.
const UNNAMED: [&str; 5] = ["unknown", "radius", "saml", "federated", "other"];

/// One sign-in.
#[derive(Clone, Debug)]
pub struct Session {
    /// When; the end where its beginning was not read.
    pub time: Timestamp,
    /// Its beginning was read.
    pub begins: bool,
    /// Whose credentials were used.
    pub account: Option<Resolved>,
    /// What it opens.
    pub access: Access,
    /// Product or protocol.
    pub service: Arc<str>,
    /// Hosts that were entered or let in.
    pub devices: Vec<Resolved>,
    /// Where it came from.
    pub address: Option<String>,
    /// Computer it came from.
    pub origin: Option<String>,
    /// Further attributes.
    pub attributes: Attributes,
    /// Events that state it.
    pub events: Vec<usize>,
    /// Rules that selected them.
    pub rules: Vec<usize>,
    /// Whether more than one factor was used.
    pub second_factor: Truth,
    /// Why.
    pub because: FactorReason,
    key: Option<String>,
    logs: Vec<usize>,
    factors: Vec<String>,
    all_factors: bool,
    stated: Option<bool>,
    programs: Vec<String>,
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
    /// Only the end of the session was read.
    Unbegun,
}

/// Sign-ins of some accounts, and which of them a check of a factor proves.
///
/// A session and its checks are of one account: accounts may be rebuilt apart from each other. Only what a log would have
/// said ([`Named`]) is learnt from all.
pub(crate) struct Rebuilt {
    sessions: Vec<Session>,
    checks: Vec<Check>,
    proofs: BTreeMap<usize, usize>,
}

/// Device and service → logs that named the check of a session there, with one such event: that of the first session.
#[derive(Default, PartialEq, Debug)]
pub(crate) struct Named(BTreeMap<(Arc<str>, Arc<str>), BTreeMap<usize, Witness>>);

/// Time and first event of a session, and the event of its check.
type Witness = (Timestamp, usize, usize);

impl Named {
    /// Learns from some accounts.
    pub(crate) fn add(&mut self, rebuilt: &Rebuilt) {
        for (session, check) in &rebuilt.proofs {
            let (Some(session), Some(check)) = (rebuilt.sessions.get(*session), rebuilt.checks.get(*check))
            else {
                continue;
            };
            let witness = (session.time, session.events.first().copied().unwrap_or_default(), check.event);
            for seat in session.seats() {
                let logs = self.0.entry(seat).or_default();
                for log in &check.logs {
                    let known = logs.entry(*log).or_insert(witness);
                    *known = witness.min(*known);
                }
            }
        }
    }

    /// Learns what another has learnt.
    pub(crate) fn merge(&mut self, other: Self) {
        for (seat, logs) in other.0 {
            let known = self.0.entry(seat).or_default();
            for (log, witness) in logs {
                let first = known.entry(log).or_insert(witness);
                *first = witness.min(*first);
            }
        }
    }
}

/// First and last time of each log.
#[derive(Clone, Default)]
pub(crate) struct Spans(BTreeMap<usize, (Timestamp, Timestamp)>);

impl Spans {
    /// A log has an event at a time.
    pub(crate) fn add(&mut self, log: usize, time: Timestamp) {
        let span = self.0.entry(log).or_insert((time, time));
        *span = (span.0.min(time), span.1.max(time));
    }

    fn goes_on(&self, log: usize, time: Timestamp) -> bool {
        self.0.get(&log).is_some_and(|(first, last)| *first <= time && time <= *last)
    }
}

impl Rebuilt {
    /// Rebuilds sign-ins. `observations` may come in any order; other kinds than sign-ins and checks are passed over.
    pub(crate) fn of(specs: &[ObservationSpec], observations: Vec<Observation>, names: &Memo<'_>) -> Self {
        let kind = |o: &Observation| specs.get(o.rule).map(|s| s.kind);
        let mut checked = Vec::new();
        let mut signed_in = Vec::with_capacity(observations.len());
        for seen in observations {
            let all = match kind(&seen) {
                Some(ObservationKind::SignIn) => &mut signed_in,
                Some(ObservationKind::Factor) => &mut checked,
                _ => continue,
            };
            let name = seen.account.as_deref();
            let account = name.map(|name| names.account(name, seen.account_id.as_deref()));
            all.push(Owned { account, seen });
        }
        let (checked, signed_in) = (in_order(specs, checked), in_order(specs, signed_in));
        let sessions = joined(specs, signed_in, names);
        let checks = checks_once(checked, names);
        let proofs = assign(&sessions, &checks);
        Self { sessions, checks, proofs }
    }

    /// The sessions, each judged whether it had a second factor.
    pub(crate) fn judged(mut self, specs: &[ObservationSpec], named: &Named, spans: &Spans) -> Vec<Session> {
        for (at, session) in self.sessions.iter_mut().enumerate() {
            if !session.begins {
                continue;
            }
            let check = self.proofs.get(&at).and_then(|c| self.checks.get(*c));
            (session.second_factor, session.because) = match (session.stated, check) {
                (Some(true), _) => (Truth::True, FactorReason::Stated(true)),
                (_, Some(check)) => (Truth::True, FactorReason::Checked(check.event)),
                (Some(false), None) => (Truth::False, FactorReason::Stated(false)),
                (None, None) => unchecked(session, specs, named, spans),
            };
        }
        self.sessions
    }
}

/// An observation and whose it is.
struct Owned {
    account: Option<Resolved>,
    seen: Observation,
}

/// One account after the other, each in order of time: what is said of an account is judged while it is at hand.
/// Observations are large, so their times are sorted and not they.
/// An end comes behind what began in the same second: many logs tell no more.
fn in_order(specs: &[ObservationSpec], all: Vec<Owned>) -> impl Iterator<Item = Owned> {
    let mut accounts: HashMap<Option<Arc<str>>, usize, RandomState> = HashMap::default();
    let mut order: Vec<(usize, i64, usize, usize)> = Vec::with_capacity(all.len());
    for (at, Owned { account, seen }) in all.iter().enumerate() {
        let next = accounts.len();
        let account = *accounts.entry(account.as_ref().map(|a| Arc::clone(&a.id))).or_insert(next);
        let ends = specs.get(seen.rule).is_some_and(|spec| spec.ends);
        let placed = seen.time.as_nanos().saturating_add(if ends { NANOS_PER_SECOND } else { 0 });
        order.push((account, placed, seen.event, at));
    }
    order.sort_unstable();
    let mut all: Vec<Option<Owned>> = all.into_iter().map(Some).collect();
    order.into_iter().filter_map(move |(.., at)| all.get_mut(at)?.take())
}

/// Account and service.
type Who = (Option<Arc<str>>, Arc<str>);

/// Sign-ins in the order of their events; events that speak of one are joined.
fn joined(specs: &[ObservationSpec], ordered: impl Iterator<Item = Owned>, names: &Memo<'_>) -> Vec<Session> {
    let mut sessions: Vec<Session> = Vec::with_capacity(ordered.size_hint().0);
    let mut open: HashMap<Who, Vec<usize>, RandomState> = HashMap::default();
    let services: Vec<Arc<str>> = specs.iter().map(|s| s.service.as_str().into()).collect();
    let mut ends = Ends::default();
    for Owned { account, seen } in ordered {
        let (Some(spec), Some(service)) = (specs.get(seen.rule), services.get(seen.rule)) else { continue };
        let session = Session::begin((spec, service), account, seen, names);
        if spec.ends {
            sessions.extend(ends.end(session));
            continue;
        }
        let who = session.account.as_ref().map(|a| Arc::clone(&a.id));
        let recent = open.entry((who, Arc::clone(service))).or_default();
        let is_near = |s: &Session| session.time.as_nanos() - s.time.as_nanos() <= ONE_SIGN_IN;
        recent.retain(|at| sessions.get(*at).is_some_and(is_near));
        let same = recent.iter().copied().find(|at| sessions.get(*at).is_some_and(|s| s.is_also(&session)));
        if let Some(known) = same.and_then(|at| sessions.get_mut(at)) {
            known.join(session);
        } else {
            ends.begin(&session);
            recent.push(sessions.len());
            sessions.push(session);
        }
    }
    sessions
}

/// Account, service and host.
type Seat = (Option<Arc<str>>, Arc<str>, Option<Arc<str>>);

/// Ends of sessions, in order of time, put to their beginnings: as many as began may end.
#[derive(Default)]
struct Ends {
    begun: HashMap<Seat, u64, RandomState>,
    /// The last ends of each seat.
    recent: HashMap<Seat, Vec<End>, RandomState>,
}

/// The end of a session: when, its number if the log has one, and the log.
type End = (Timestamp, Option<String>, usize);

impl Ends {
    fn seat(session: &Session) -> Seat {
        let account = session.account.as_ref().map(|a| Arc::clone(&a.id));
        let device = session.devices.first().map(|d| Arc::clone(&d.id));
        (account, Arc::clone(&session.service), device)
    }

    fn begin(&mut self, session: &Session) {
        *self.begun.entry(Self::seat(session)).or_default() += 1;
    }

    /// The session that an end speaks of, if its beginning was not read and no copy of the line said so before.
    fn end(&mut self, mut session: Session) -> Option<Session> {
        let seat = Self::seat(&session);
        let log = session.logs.first().copied().unwrap_or_default();
        let recent = self.recent.entry(seat.clone()).or_default();
        recent.retain(|(time, ..)| session.time.as_nanos() - time.as_nanos() <= ONE_SIGN_IN);
        let copy = |(time, key, of): &End| match (key, &session.key) {
            (Some(known), Some(key)) => known == key,
            _ => *of != log && session.time.as_nanos() - time.as_nanos() <= 2 * NANOS_PER_SECOND,
        };
        if recent.iter().any(copy) {
            return None;
        }
        recent.push((session.time, session.key.clone(), log));
        match self.begun.get_mut(&seat) {
            Some(left) if *left > 0 => {
                *left -= 1;
                None
            }
            _ => {
                session.begins = false;
                session.because = FactorReason::Unbegun;
                Some(session)
            }
        }
    }
}

impl Session {
    fn begin(
        (spec, service): (&ObservationSpec, &Arc<str>),
        account: Option<Resolved>,
        seen: Observation,
        names: &Memo<'_>,
    ) -> Self {
        let program = seen.attributes.get("program").map(str::to_lowercase);
        let stated = seen.factors.iter().filter(|f| !UNNAMED.contains(&f.to_lowercase().as_str()));
        let mut factors: Vec<String> = stated.map(|f| f.to_lowercase()).collect();
        sort_once(&mut factors);
        Self {
            time: seen.time,
            begins: true,
            account,
            access: spec.access.unwrap_or(Access::Network),
            service: Arc::clone(service),
            devices: seen.device.as_deref().map(|d| names.host(d)).into_iter().collect(),
            address: seen.address,
            origin: seen.origin,
            attributes: seen.attributes,
            events: vec![seen.event],
            rules: vec![seen.rule],
            second_factor: Truth::Unknown,
            because: FactorReason::Unsaid(Vec::new()),
            key: seen.session,
            logs: vec![seen.log],
            all_factors: spec.all_factors && !seen.factors.is_empty(),
            factors,
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
        let meet = |a: &[usize], b: &[usize]| a.iter().any(|one| b.contains(one));
        let repeated = meet(&self.logs, &later.logs) && meet(&self.rules, &later.rules);
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
        self.attributes.complete(later.attributes);
        self.events.extend(later.events);
        self.rules.extend(later.rules);
        self.logs.extend(later.logs);
        self.factors.extend(later.factors);
        self.programs.extend(later.programs);
        sort_once(&mut self.rules);
        sort_once(&mut self.logs);
        sort_once(&mut self.factors);
        sort_once(&mut self.programs);
        self.all_factors |= later.all_factors;
        self.stated = match (self.stated, later.stated) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (stated, None) | (None, stated) => stated,
            (Some(false), Some(false)) => Some(false),
        };
    }

    fn account_id(&self) -> Option<&str> {
        self.account.as_ref().map(|a| &*a.id)
    }

    /// Where peers are compared: services of devices.
    fn seats(&self) -> impl Iterator<Item = (Arc<str>, Arc<str>)> {
        self.devices.iter().map(|d| (Arc::clone(&d.id), Arc::clone(&self.service)))
    }
}

/// In order, each once.
fn sort_once<T: Ord>(all: &mut Vec<T>) {
    all.sort_unstable();
    all.dedup();
}

/// A check of a factor, once, however many logs repeat it.
struct Check {
    account: Arc<str>,
    device: Option<Arc<str>>,
    program: Option<String>,
    time: Timestamp,
    event: usize,
    logs: BTreeSet<usize>,
}

fn checks_once(observations: impl Iterator<Item = Owned>, names: &Memo<'_>) -> Vec<Check> {
    let mut checks: Vec<Check> = Vec::new();
    for Owned { account, seen } in observations {
        let Some(account) = account.map(|a| a.id) else { continue };
        let device = seen.device.as_deref().map(|d| names.host(d).id);
        let program = seen.attributes.get("program").map(str::to_lowercase);
        let near = |c: &&mut Check| {
            c.account == account && seen.time.as_nanos() - c.time.as_nanos() <= 2 * NANOS_PER_SECOND
        };
        let mut recent = checks.iter_mut().rev().take_while(near);
        let copy = recent.find(|c| c.device == device && c.program == program && !c.logs.contains(&seen.log));
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

/// What follows for a session that says nothing outright and for which no check was found.
fn unchecked(
    session: &Session,
    specs: &[ObservationSpec],
    named: &Named,
    spans: &Spans,
) -> (Truth, FactorReason) {
    match session.factors.as_slice() {
        [_, _, ..] => return (Truth::True, FactorReason::Named(session.factors.clone())),
        [only] if session.all_factors => return (Truth::False, FactorReason::Only(only.clone())),
        _ => {}
    }
    let logs = session.seats().filter_map(|seat| named.0.get(&seat)).flatten();
    if let Some((_, (.., event))) = logs.into_iter().find(|(log, _)| spans.goes_on(**log, session.time)) {
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
        if let Some(account) = session.account_id().filter(|_| session.begins) {
            by_account.entry(account).or_default().push(at);
        }
    }
    let mut fits: Vec<(bool, i64, usize, usize)> = Vec::new();
    for (number, check) in checks.iter().enumerate() {
        let own = by_account.get(&*check.account).map_or(&[][..], Vec::as_slice);
        let time_of = |at: &usize| sessions.get(*at).map_or(i64::MAX, |s| s.time.as_nanos());
        let earliest = check.time.as_nanos().saturating_sub(CHECKED_AFTER);
        let latest = check.time.as_nanos().saturating_add(CHECKED_BEFORE);
        // Sessions are in order of time.
        let from = own.partition_point(|at| time_of(at) < earliest);
        for at in own.iter().skip(from).take_while(|at| time_of(at) <= latest) {
            let Some(session) = sessions.get(*at) else { continue };
            let is_there = check.device.as_ref().is_none_or(|d| {
                session.devices.is_empty() || session.devices.iter().any(|known| known.id == *d)
            });
            if is_there {
                let other_program = check.program.as_ref().is_none_or(|p| !session.programs.contains(p));
                let late = check.time.as_nanos() - session.time.as_nanos();
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
    use crate::inventory::{Inventory, Resolver, Sighted};

    fn specs() -> Vec<ObservationSpec> {
        let settled = "settled_by: {en: the gateway's authentication log, ja: ゲートウェイの認証ログ}";
        [
            format!("{{kind: sign-in, access: remote, service: ssh, {settled}}}"),
            format!("{{kind: sign-in, access: remote, service: vpn, {settled}}}"),
            format!("{{kind: sign-in, access: remote, service: vpn, {settled}}}"),
            "{kind: factor}".to_owned(),
            "{kind: sign-in, access: cloud, service: idp, all_factors: true}".to_owned(),
            "{kind: sign-in, ends: true, access: remote, service: ssh}".to_owned(),
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
    const SSH_END: usize = 5;

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
                    attributes: Attributes::from_iter([("program", (*program).to_owned())]),
                }
            };
        list.iter().enumerate().map(observation).collect()
    }

    fn judged(observations: &[Observation]) -> Vec<(i64, Truth, FactorReason)> {
        let resolver = Resolver::new(&Inventory::default(), Sighted::default());
        let memo = Memo::of(&resolver);
        let rebuilt = Rebuilt::of(&specs(), observations.to_vec(), &memo);
        let (mut named, mut spans) = (Named::default(), Spans::default());
        named.add(&rebuilt);
        observations.iter().for_each(|o| spans.add(o.log, o.time));
        let mut sessions = rebuilt.judged(&specs(), &named, &spans);
        sessions.sort_by_key(|s| s.time);
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

    /// The log that names the checks of others goes on: still nothing follows for a session whose beginning was erased.
    #[test]
    fn a_session_that_only_ends_is_unknown_and_one_that_began_ends_silently() {
        let observations = seen(&[
            (99, CHECK, 0, "aoki", "sshd"),
            (100, SSH, 0, "aoki", "sshd"),
            (200, SSH_END, 0, "contractor", "sshd"),
            (300, SSH_END, 0, "aoki", "sshd"),
            (900, CHECK, 0, "mori", "sshd"),
        ]);
        let want =
            [(100, Truth::True, FactorReason::Checked(0)), (200, Truth::Unknown, FactorReason::Unbegun)];
        assert_eq!(judged(&observations), want);
    }

    /// Logs that tell seconds only, and events that are numbered in any order.
    #[test]
    fn a_session_of_less_than_a_second_has_a_beginning() {
        let observations = seen(&[(200, SSH_END, 0, "aoki", "sshd"), (200, SSH, 0, "aoki", "sshd")]);
        let want = [(200, Truth::Unknown)];
        let found = judged(&observations);
        assert_eq!(found.iter().map(|j| (j.0, j.1)).collect::<Vec<_>>(), want);
        assert_ne!(found[0].2, FactorReason::Unbegun);
    }

    #[test]
    fn as_many_sessions_end_as_began_and_copies_of_an_end_are_one() {
        let mut observations = seen(&[
            (100, SSH, 0, "aoki", "sshd"),
            (200, SSH_END, 0, "aoki", "sshd"),
            (201, SSH_END, 5, "aoki", "sshd"),
            (400, SSH_END, 0, "aoki", "sshd"),
            (420, SSH_END, 5, "aoki", "sshd"),
        ]);
        observations[3].session = Some("77".to_owned());
        observations[4].session = Some("77".to_owned());
        let seconds: Vec<i64> = judged(&observations).into_iter().map(|j| j.0).collect();
        assert_eq!(seconds, [100, 400]);
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
