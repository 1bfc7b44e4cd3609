//! Judging, part by part.
//!
//! A part holds everything about some accounts, or about some hosts. What parts have to know of each other is found in a
//! first pass ([`super::overview`]); the second judges each by itself, so memory holds one part for each thread.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hinomi_model::Timestamp;

use super::entity;
use super::entry::{self, Use};
use super::exception::Exceptions;
use super::fact::{self, HostFact, Word};
use super::host::{self, LogDays};
use super::kept::{FactorTally, Kept, Latest, Tally};
use super::overview::{First, Overview, Second};
use super::rows::{AccountRow, Index, Scene, SessionRow};
use super::stock::{Stock, part_of_account, part_of_host};
use super::verdict::{Bench, Entities, Finish, Verdict};
use super::{Assessment, Day, Material, Unseen, flow, source, unlisted, unseen};
use crate::claim::{Claim, Row, Subject};
use crate::inventory::{Entity, EntityKind, Resolver};
use crate::session::Rebuilt;
use crate::{Access, ObservationKind, Session};

/// How much is done at once, and kept.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Threads.
    pub threads: usize,
    /// Verdicts kept of a claim, those that need attention most; all are counted.
    pub verdicts: usize,
    /// Sign-ins kept, the latest; all are counted.
    pub sessions: usize,
}

/// Entities of lists by part.
struct Listed<'m> {
    accounts: Vec<Vec<&'m Entity>>,
    grants: Vec<Vec<&'m Entity>>,
    hosts: Vec<Vec<&'m Entity>>,
    administrators: Vec<Vec<&'m Entity>>,
    log_days: Vec<LogDays>,
}

impl<'m> Listed<'m> {
    fn of(scene: &Scene<'m>, parts: usize) -> Self {
        let (inventory, now) = (scene.material.inventory, scene.material.now);
        let split = |kind, part: &dyn Fn(&Entity) -> usize| {
            let mut all = vec![Vec::new(); parts];
            for entity in inventory.all(kind, now, now) {
                all.get_mut(part(entity)).into_iter().for_each(|of: &mut Vec<&'m Entity>| of.push(entity));
            }
            all
        };
        let account = |name: Option<&str>| {
            name.map_or(0, |name| part_of_account(&scene.names.account(name, None).id, parts))
        };
        let host =
            |name: Option<&str>| name.map_or(0, |name| part_of_host(&scene.names.host(name).id, parts));
        let mut log_days = vec![LogDays::new(); parts];
        for (name, days) in host::log_days(scene) {
            log_days.get_mut(part_of_host(&name, parts)).into_iter().for_each(|all| {
                all.insert(Arc::clone(&name), days.clone());
            });
        }
        Self {
            accounts: split(EntityKind::Account, &|e| part_of_account(&e.id, parts)),
            grants: split(EntityKind::Grant, &|e| account(e.value("account"))),
            hosts: split(EntityKind::Host, &|e| part_of_host(&e.id, parts)),
            administrators: split(EntityKind::Administrator, &|e| host(e.value("host"))),
            log_days,
        }
    }
}

/// What every part is judged with.
struct Court<'m> {
    material: &'m Material<'m>,
    overview: &'m Overview,
    listed: &'m Listed<'m>,
    unseen: &'m [Vec<Unseen>],
    exceptions: &'m Exceptions,
    most: usize,
    sessions: usize,
}

/// What the judging of a part comes to.
struct Judged {
    /// By number of the claim.
    verdicts: Vec<(usize, (Vec<Verdict>, Tally))>,
    /// Of claims about entities that other parts speak of as well.
    shared: Vec<(usize, Entities)>,
    exceptions: Exceptions,
    sign_ins: BTreeMap<Access, FactorTally>,
    by_account: BTreeMap<Arc<str>, FactorTally>,
    sessions: Latest,
}

impl Judged {
    /// Counts a sign-in.
    fn count(&mut self, scene: &Scene<'_>, session: &Session) {
        self.sign_ins.entry(session.access).or_default().add(session);
        if let Some(account) = session.account.as_ref().filter(|a| scene.is_of_supplier(&a.id)) {
            self.by_account.entry(Arc::clone(&account.id)).or_default().add(session);
        }
    }
}

/// What the judging of all parts comes to.
struct Sum<'m> {
    material: &'m Material<'m>,
    verdicts: Vec<Kept>,
    shared: BTreeMap<usize, Entities>,
    exceptions: Exceptions,
    most: usize,
    sessions: Latest,
    assessment: Assessment,
}

impl Sum<'_> {
    fn take(&mut self, judged: Judged) {
        for (claim, of_part) in judged.verdicts {
            if let Some(kept) = self.verdicts.get_mut(claim) {
                kept.add(of_part);
            }
        }
        for (claim, of_part) in judged.shared {
            let known = self.shared.entry(claim).or_default();
            for (entity, gathered) in of_part {
                known.entry(entity).or_default().merge(gathered);
            }
        }
        self.exceptions.merge(&judged.exceptions);
        let sum = &mut self.assessment;
        for (access, tally) in judged.sign_ins {
            let known = sum.sign_ins.entry(access.name()).or_default();
            *known = known.and(tally);
        }
        let of_accounts = judged.by_account.into_iter().map(|(account, tally)| (account.to_string(), tally));
        sum.sign_ins_of_suppliers.extend(of_accounts);
        self.sessions.append(judged.sessions);
    }

    fn finish(mut self, unseen: Vec<Vec<Unseen>>) -> Assessment {
        for (number, gathered) in self.shared {
            let (claim, unseen) = (self.material.claims.get(number), unseen.get(number));
            let (Some(claim), Some(kept)) = (claim, self.verdicts.get_mut(number)) else { continue };
            let unseen = unseen.map_or(&[][..], Vec::as_slice);
            kept.add(Finish { claim: &claim.id, unseen, most: self.most }.of(gathered));
        }
        let mut assessment = self.assessment;
        for (claim, kept) in self.material.claims.iter().zip(self.verdicts) {
            let (mut kept, tally) = kept.finish();
            assessment.verdicts.append(&mut kept);
            assessment.tallies.insert(claim.id.clone(), tally);
            assessment.unlisted.insert(claim.id.clone(), unlisted(claim, self.material.inventory));
        }
        assessment.sessions = self.sessions.finish();
        assessment.unseen = unseen.into_iter().flatten().collect();
        assessment.exceptions = self.exceptions.uses();
        assessment.exception_problems = self.exceptions.problems();
        assessment
    }
}

/// Judges everything.
pub(super) fn run<S: Stock>(
    material: &Material<'_>,
    (first, resolver): (First, &Resolver),
    stock: &S,
    bounds: Bounds,
) -> Result<Assessment, S::Error> {
    let parts = stock.parts();
    let days = first.days(material);
    let index = Index::of(material.inventory);
    let scene = || Scene::new(material, (resolver, &index), days);
    let whole = scene();
    let listed = Listed::of(&whole, parts);
    let mut second = Second::default();
    let has_checks = first.has(ObservationKind::Factor);
    let look = |part| look(&scene(), stock, part, has_checks);
    each_part(bounds.threads, parts, look, |seen| second.merge(seen))?;
    let overview = Overview::new(first, second);
    let unseen: Vec<Vec<Unseen>> = material.claims.iter().map(|c| unseen(&whole, c, &overview)).collect();
    let exceptions = Exceptions::of(material.inventory, material.claims, resolver);
    let court = Court {
        material,
        overview: &overview,
        listed: &listed,
        unseen: &unseen,
        exceptions: &exceptions,
        most: bounds.verdicts,
        sessions: bounds.sessions,
    };
    let mut sum = Sum {
        material,
        verdicts: material.claims.iter().map(|_| Kept::new(bounds.verdicts)).collect(),
        shared: BTreeMap::new(),
        exceptions: exceptions.clone(),
        most: bounds.verdicts,
        sessions: Latest::new(bounds.sessions),
        assessment: Assessment { days, observations: overview.count(), ..Assessment::default() },
    };
    let accounts = |part| court.accounts(&scene(), stock, part);
    each_part(bounds.threads, parts, accounts, |judged| sum.take(judged))?;
    let hosts = |part| Ok(court.hosts(&scene(), part, &stock.facts(part)?));
    each_part(bounds.threads, parts, hosts, |judged| sum.take(judged))?;
    let others = court.others(&whole, &sum.assessment.sign_ins_of_suppliers);
    sum.take(others);
    Ok(sum.finish(unseen))
}

/// Does the work of each part on several threads, and takes the results as they come.
fn each_part<T: Send, E: Send>(
    threads: usize,
    parts: usize,
    work: impl Fn(usize) -> Result<T, E> + Sync,
    take: impl FnMut(T) + Send,
) -> Result<(), E> {
    let next = AtomicUsize::new(0);
    let take = Mutex::new(take);
    let one = || -> Result<(), E> {
        loop {
            let part = next.fetch_add(1, Ordering::Relaxed);
            if part >= parts {
                return Ok(());
            }
            // Others stop at the next part.
            let done = work(part).inspect_err(|_| next.store(parts, Ordering::Relaxed))?;
            (take.lock().unwrap_or_else(PoisonError::into_inner))(done);
        }
    };
    let more = threads.min(parts).saturating_sub(1);
    std::thread::scope(|scope| {
        let others: Vec<_> = (0..more).map(|_| scope.spawn(one)).collect();
        let own = one();
        others.into_iter().fold(own, |result, other| match other.join() {
            Ok(done) => result.and(done),
            Err(panic) => std::panic::resume_unwind(panic),
        })
    })
}

/// The first look at a part: what others have to know of it, and what its observations say of hosts.
fn look<S: Stock>(scene: &Scene<'_>, stock: &S, part: usize, has_checks: bool) -> Result<Second, S::Error> {
    let specs = scene.material.specs;
    let mut second = Second::default();
    if has_checks {
        let near = stock.near_checks(part, specs, &scene.names)?;
        second.named.add(&Rebuilt::of(specs, near, &scene.names));
    }
    let mut facts = Facts::of(stock);
    for seen in stock.of_hosts(part)? {
        if let Some(fact) = fact::of_observation(scene, seen) {
            second.has_sensor |= fact.word == Word::Sensor;
            facts.say(fact)?;
        }
    }
    facts.finish()?;
    Ok(second)
}

/// Facts on their way to their parts.
struct Facts<'s, S> {
    stock: &'s S,
    by_part: Vec<Vec<HostFact>>,
    count: usize,
}

/// Facts in memory before they are put away; few in tests, so that they are put away more than once.
const MOST_FACTS: usize = if cfg!(test) { 16 } else { 1 << 17 };

impl<'s, S: Stock> Facts<'s, S> {
    fn of(stock: &'s S) -> Self {
        Self { stock, by_part: (0..stock.parts()).map(|_| Vec::new()).collect(), count: 0 }
    }

    fn say(&mut self, fact: HostFact) -> Result<(), S::Error> {
        let part = part_of_host(&fact.host, self.by_part.len());
        if let Some(of_part) = self.by_part.get_mut(part) {
            of_part.push(fact);
        }
        self.count += 1;
        if self.count < MOST_FACTS {
            return Ok(());
        }
        self.count = 0;
        self.stock.put(&mut self.by_part)
    }

    fn finish(mut self) -> Result<(), S::Error> {
        self.stock.put(&mut self.by_part)
    }
}

impl<'m> Court<'m> {
    fn judged(&self) -> Judged {
        Judged {
            verdicts: Vec::new(),
            shared: Vec::new(),
            exceptions: self.exceptions.clone(),
            sign_ins: BTreeMap::new(),
            by_account: BTreeMap::new(),
            sessions: Latest::new(self.sessions),
        }
    }

    /// Judges all claims about a subject. Each row meets all of them while it is at hand.
    fn judge<R: Row>(
        &self,
        judged: &mut Judged,
        subject: Subject,
        rows: &[R],
        moment: impl Fn(&R) -> (Option<Timestamp>, Option<Day>),
    ) {
        let exceptions = RefCell::new(&mut judged.exceptions);
        let of_subject = self.material.claims.iter().enumerate().filter(|(_, claim)| claim.of == subject);
        let (own, shared): (Vec<_>, Vec<_>) = of_subject.partition(|(_, claim)| is_of_one_part(claim));
        let benches = |claims: Vec<(usize, &'m Claim)>| -> Vec<(usize, Bench<'_, 'm>)> {
            let bench = |claim| Bench::new(claim, &exceptions, self.material.now);
            claims.into_iter().map(|(number, claim)| (number, bench(claim))).collect()
        };
        let put = |benches: &mut [(usize, Bench<'_, 'm>)], row: &R| {
            let (time, day) = moment(row);
            benches.iter_mut().for_each(|(_, bench)| bench.judge(row, time, day));
        };
        let (mut of_part, mut of_several) = (benches(own), benches(shared));
        rows.iter().for_each(|row| put(&mut of_part, row));
        if !of_several.is_empty() {
            // Grounds of an entity that several parts speak of are kept in the order of time, so its rows come in that
            // order in each part.
            let events =
                |row: &R| row.session().map_or_else(|| row.events(), |session| session.events.clone());
            let mut in_order: Vec<&R> = rows.iter().collect();
            in_order.sort_by_cached_key(|row| (moment(row).0, events(row)));
            in_order.into_iter().for_each(|row| put(&mut of_several, row));
        }
        for (number, bench) in of_part {
            let (claim, unseen) = (bench.claim(), self.unseen.get(number).map_or(&[][..], Vec::as_slice));
            let finish = Finish { claim: &claim.id, unseen, most: self.most };
            judged.verdicts.push((number, finish.of(bench.gathered())));
        }
        judged.shared.extend(of_several.into_iter().map(|(number, bench)| (number, bench.gathered())));
    }

    /// Judges the accounts of a part; what their sign-ins say of hosts is put into the hosts' parts.
    fn accounts<S: Stock>(&self, scene: &Scene<'m>, stock: &S, part: usize) -> Result<Judged, S::Error> {
        let mut judged = self.judged();
        let specs = self.material.specs;
        let observations = stock.of_accounts(part)?;
        let uses: Vec<Use> = observations.iter().filter_map(|o| Use::of(scene, o)).collect();
        let rebuilt = Rebuilt::of(specs, observations, &scene.names);
        let sessions = rebuilt.judged(specs, self.overview.named(), self.overview.logs());
        let mut facts = Facts::of(stock);
        let origins: Vec<_> = sessions.iter().map(|session| scene.origin(session)).collect();
        for (session, from) in sessions.iter().zip(&origins) {
            judged.count(scene, session);
            judged.sessions.add(session);
            fact::of_session(session, from.as_ref()).try_for_each(|fact| facts.say(fact))?;
        }
        facts.finish()?;
        let of_part = |all: &'m [Vec<&'m Entity>]| all.get(part).map_or(&[][..], Vec::as_slice);
        let accounts = AccountRow::all(scene, self.overview, &sessions, of_part(&self.listed.accounts));
        let grants = entry::grants(scene, self.overview, uses, of_part(&self.listed.grants));
        let from = sessions.iter().zip(&origins);
        let signed_in: Vec<SessionRow<'_>> =
            from.map(|(session, from)| SessionRow::new(scene, session, from.as_ref())).collect();
        self.judge(&mut judged, Subject::Session, &signed_in, |row| {
            let time = row.session().time;
            (Some(time), Some(scene.day(time)))
        });
        self.judge(&mut judged, Subject::Account, &accounts, |row| (row.last_seen(), None));
        self.judge(&mut judged, Subject::Grant, &grants, |row| (row.time(), None));
        Ok(judged)
    }

    fn hosts(&self, scene: &Scene<'m>, part: usize, facts: &[HostFact]) -> Judged {
        let mut judged = self.judged();
        let no_logs = LogDays::new();
        let of_part = |all: &'m [Vec<&'m Entity>]| all.get(part).map_or(&[][..], Vec::as_slice);
        let listed = of_part(&self.listed.hosts);
        let logs = self.listed.log_days.get(part).unwrap_or(&no_logs);
        let hosts = host::days(scene, self.overview.has_sensor(), facts, (listed, logs));
        let flows = flow::all(scene, facts);
        let administrators = entry::administrators(scene, facts, of_part(&self.listed.administrators));
        let entities = entity::all(scene, EntityKind::Host, listed, (&hosts, &BTreeMap::new()));
        self.judge(&mut judged, Subject::HostDay, &hosts, |row| (row.time(), Some(row.day())));
        self.judge(&mut judged, Subject::Flow, &flows, |row| (Some(row.time()), Some(row.day())));
        self.judge(&mut judged, Subject::Administrator, &administrators, |row| (row.time(), None));
        self.judge(&mut judged, Subject::Host, &entities, |_| (None, None));
        judged
    }

    /// What lists alone, or logs as a whole, say.
    fn others(&self, scene: &Scene<'m>, signed_in: &BTreeMap<String, FactorTally>) -> Judged {
        let mut judged = self.judged();
        let (inventory, now) = (self.material.inventory, self.material.now);
        for (subject, kind) in [
            (Subject::Exposure, EntityKind::Exposure),
            (Subject::Supplier, EntityKind::Supplier),
            (Subject::Copy, EntityKind::Copy),
        ] {
            let listed: Vec<&Entity> = inventory.all(kind, now, now).collect();
            let rows = entity::all(scene, kind, &listed, (&[], signed_in));
            self.judge(&mut judged, subject, &rows, |_| (None, None));
        }
        self.judge(&mut judged, Subject::Weakness, &entry::weaknesses(scene), |row| (row.time(), None));
        self.judge(&mut judged, Subject::SourceDay, &source::days(scene), |row| (None, Some(row.day())));
        judged
    }
}

/// Whether one part alone speaks of each entity of a claim.
fn is_of_one_part(claim: &Claim) -> bool {
    match claim.of {
        Subject::Session | Subject::Account | Subject::Grant => claim.about == "account",
        Subject::HostDay | Subject::Host | Subject::Administrator => claim.about == "host",
        Subject::Flow => claim.about == "sender",
        _ => true,
    }
}
