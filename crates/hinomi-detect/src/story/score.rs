//! Why two signals belong together, in points.

use hinomi_model::{NANOS_PER_SECOND, Timestamp};

use super::chance::Chance;
use super::entity::{Entity, EntityId, EntityKind, Role};
use super::prevalence::Prevalence;
use super::signal::Signal;
use super::table::Points;

const MINUTE: i64 = 60 * NANOS_PER_SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A kind of reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Both cite the same event.
    SameEvent,
    /// Both are of one process.
    SameProcess,
    /// One process started the other.
    ParentProcess,
    /// One process started both.
    SiblingProcess,
    /// Both name the same process number on one host, near in time.
    ProcessNumber,
    /// Both are of one logon session.
    Logon,
    /// The same account's credentials were used.
    Account,
    /// Both name the same address.
    Address,
    /// One wrote or registered what the other used.
    File,
    /// A connection from or to the other's host.
    Network,
    /// On the same host.
    Host,
    /// The same rule on several hosts at the same time.
    SameAct,
    /// The later one removed the record that the earlier one stands in.
    Erased,
}

impl Reason {
    /// Whether two unrelated activities hardly share this by chance.
    pub fn is_decisive(self) -> bool {
        use Reason::{Erased, Host, ProcessNumber, SameAct, SiblingProcess};
        !matches!(self, Host | SameAct | ProcessNumber | SiblingProcess | Erased)
    }

    /// Name in data, kebab-case.
    pub fn name(self) -> &'static str {
        match self {
            Self::SameEvent => "same-event",
            Self::SameProcess => "same-process",
            Self::ParentProcess => "parent-process",
            Self::SiblingProcess => "sibling-process",
            Self::ProcessNumber => "process-number",
            Self::Logon => "logon",
            Self::Account => "account",
            Self::Address => "address",
            Self::File => "file",
            Self::Network => "network",
            Self::Host => "host",
            Self::SameAct => "same-act",
            Self::Erased => "erased",
        }
    }
}

/// One reason of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Because {
    /// What kind.
    pub reason: Reason,
    /// What both share; `None` for [`Reason::SameAct`].
    pub entity: Option<EntityId>,
    /// Points.
    pub points: u32,
    /// How many others meet at the entity, when that lowered the points.
    pub shared_by: Option<u32>,
    /// One in how many such pairs would meet there by accident, when that raised the points.
    pub one_in: Option<u32>,
    /// Whether two unrelated activities hardly share this by chance.
    pub decisive: bool,
}

/// Two signals that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Number of the earlier signal.
    pub a: usize,
    /// Number of the later signal.
    pub b: usize,
    /// Sum of the reasons.
    pub points: u32,
    /// Between the two; `None` when a time is unknown.
    pub gap_ns: Option<i64>,
    /// Reasons, strongest first.
    pub because: Vec<Because>,
    /// True when it joined parts whose accounts and addresses differ.
    pub seam: bool,
}

impl Link {
    /// Whether its decisive reasons alone reach `join` points.
    pub fn is_decisive(&self, join: u32) -> bool {
        let decisive = self.because.iter().filter(|b| b.decisive);
        decisive.map(|b| b.points).sum::<u32>() >= join
    }
}

/// Accounts on a host from which on it counts as shared by many.
pub(super) const MANY_ACCOUNTS: usize = 4;
/// Hosts an account may be seen on, and peers an address may have, before they join less.
const FEW_HOSTS: usize = 5;
const FEW_PEERS: usize = 3;
/// Hosts on which detections may name a file, service or task, and such detections, before the name joins less.
const FEW_FILE_HOSTS: usize = 3;
const FEW_FILE_SIGNALS: usize = 40;

/// How many detections name an entity, and on how many hosts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Named {
    pub(super) signals: usize,
    pub(super) hosts: usize,
}

/// One in so many meetings by accident, and the percentage of the points that this gives.
const RARE: [(u32, u32); 2] = [(50, 100), (10, 60)];

/// Scores pairs of signals.
pub(super) struct Scorer<'a> {
    pub(super) points: Points,
    pub(super) entities: &'a [Entity],
    pub(super) crowds: &'a [Crowd],
    pub(super) chance: Chance,
}

/// How many others meet at an entity, looked up once.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Crowd {
    /// Others that meet there.
    pub(super) others: u32,
    /// Percent of the points that remain.
    pub(super) weight: u32,
    /// Whether accounts of several people came from the address.
    pub(super) lent: bool,
}

impl Crowd {
    const NONE: Self = Self { others: 0, weight: 100, lent: false };

    /// Looks the entity up.
    pub(super) fn of(entity: &Entity, named: Named, prevalence: &Prevalence) -> Self {
        let (others, few) = match entity.kind {
            EntityKind::Host => (prevalence.accounts_on(entity), MANY_ACCOUNTS - 1),
            EntityKind::Account => (prevalence.hosts_of(entity), FEW_HOSTS),
            EntityKind::Address => (prevalence.peers_of(entity), FEW_PEERS),
            // A name that dozens of detections name is a part of the system, and one on many hosts a part of the house.
            EntityKind::File if named.hosts > FEW_FILE_HOSTS => (named.hosts, FEW_FILE_HOSTS),
            EntityKind::File => (named.signals, FEW_FILE_SIGNALS),
            _ => (0, 0),
        };
        let mut weight = 100;
        let mut bound = few;
        // Each doubling beyond few takes a fifth.
        while others > bound && weight > 20 {
            weight = weight * 4 / 5;
            bound = bound.saturating_mul(2).max(1);
        }
        let lent = entity.kind == EntityKind::Address && prevalence.accounts_at(entity) > FEW_PEERS;
        Self { others: others as u32, weight: if others > few { weight.min(80) } else { 100 }, lent }
    }

    pub(super) fn is_crowded(self) -> bool {
        self.weight < 100
    }
}

impl Scorer<'_> {
    /// The link between two signals, whatever its points.
    pub(super) fn link(&self, (a, one): (usize, &Signal), (b, other): (usize, &Signal)) -> Link {
        let gap = gap_ns(one, other);
        let mut because: Vec<Because> = Vec::new();
        for (entity, roles_one, roles_other) in shared(one, other) {
            for &(_, x) in roles_one {
                for &(_, y) in roles_other {
                    let Some(mut found) = self.because(entity, (x, y), gap) else { continue };
                    let rare = self.rare(entity, (x, y), (one, other), gap);
                    if let Some((points, one_in)) = rare.filter(|(points, _)| *points > found.points) {
                        found = Because { points, one_in: Some(one_in), shared_by: None, ..found };
                    }
                    keep_best(&mut because, found);
                    if let Some(found) = self.erased(entity, (x, y), (one, other), rare) {
                        keep_best(&mut because, found);
                    }
                }
            }
        }
        if one.rule == other.rule {
            let points = percent(
                self.points.same_act,
                decay(gap, &[(2 * MINUTE, 100), (10 * MINUTE, 60), (HOUR, 20)]),
            );
            keep_best(
                &mut because,
                Because {
                    reason: Reason::SameAct,
                    entity: None,
                    points,
                    shared_by: None,
                    one_in: None,
                    decisive: false,
                },
            );
        }
        because.retain(|b| b.points > 0);
        // Whoever connected may be another than whoever acted on the other host.
        if self.accounts_differ(one, other) {
            because.iter_mut().filter(|b| b.reason == Reason::Network).for_each(|b| b.decisive = false);
            // A key or ticket is one account's: a text that two have in common is none.
            because.retain(|b| !self.is_ticket(b));
        }
        because.sort_by_key(|b| (std::cmp::Reverse(b.points), b.reason));
        let points = because.iter().map(|b| b.points).sum();
        Link { a, b, points, gap_ns: gap, because, seam: false }
    }

    fn because(&self, entity: EntityId, roles: (Role, Role), gap: Option<i64>) -> Option<Because> {
        use EntityKind as Kind;
        let kind = self.entities.get(entity as usize)?.kind;
        let crowd = self.crowds.get(entity as usize).copied().unwrap_or(Crowd::NONE);
        let p = &self.points;
        let both = |role: Role| roles == (role, role);
        let one_of = |a: Role, b: Role| roles == (a, b) || roles == (b, a);
        let (reason, points, days) = match kind {
            Kind::Event => (Reason::SameEvent, p.same_event, 100),
            Kind::Process if both(Role::Own) => (Reason::SameProcess, p.same_process, 100),
            Kind::Process if one_of(Role::Own, Role::Parent) => {
                (Reason::ParentProcess, p.parent_process, 100)
            }
            Kind::Process => {
                (Reason::SiblingProcess, p.sibling_process, decay(gap, &[(HOUR, 100), (DAY, 50)]))
            }
            Kind::ProcessNumber if both(Role::Parent) => return None,
            Kind::ProcessNumber => {
                (Reason::ProcessNumber, p.process_number, decay(gap, &[(10 * MINUTE, 100), (2 * HOUR, 50)]))
            }
            Kind::Logon | Kind::LogonTicket => {
                (Reason::Logon, p.logon, decay(gap, &[(3 * DAY, 100), (30 * DAY, 50)]))
            }
            Kind::Account => (
                Reason::Account,
                p.account,
                decay(gap, &[(DAY, 100), (7 * DAY, 80), (30 * DAY, 65), (365 * DAY, 50)]),
            ),
            // Many speak to the same server inside; speaking to the same place outside is telling.
            Kind::Address if both(Role::Target) && self.is_inside(entity) => (Reason::Address, p.address, 30),
            Kind::Address => (
                Reason::Address,
                p.address,
                decay(gap, &[(DAY, 100), (7 * DAY, 80), (30 * DAY, 60), (365 * DAY, 40)]),
            ),
            Kind::File if both(Role::Target) => return None,
            Kind::File => (Reason::File, p.file, decay(gap, &[(DAY, 100), (7 * DAY, 80), (30 * DAY, 50)])),
            Kind::Host => return Some(self.host(entity, roles, gap, crowd)),
        };
        let points = percent(percent(points, days), crowd.weight);
        let shared_by = crowd.is_crowded().then_some(crowd.others);
        let decisive = reason.is_decisive();
        Some(Because { reason, entity: Some(entity), points, shared_by, one_in: None, decisive })
    }

    /// Points, and one in how many, when such a pair hardly meets at the entity by accident.
    fn rare(
        &self,
        entity: EntityId,
        roles: (Role, Role),
        pair: (&Signal, &Signal),
        gap: Option<i64>,
    ) -> Option<(u32, u32)> {
        let kind = self.entities.get(entity as usize)?.kind;
        let far_end = roles == (Role::Target, Role::Target);
        let weight = match kind {
            EntityKind::Account if roles.0 != Role::Target && roles.1 != Role::Target => 100,
            EntityKind::Host if !far_end && roles.0 != Role::Observer && roles.1 != Role::Observer => 100,
            // Outside, many may stand behind one address; inside, it may be lent to another every day.
            EntityKind::Address => match self.crowds.get(entity as usize).copied().unwrap_or(Crowd::NONE) {
                crowd if !self.is_inside(entity) => crowd.weight,
                crowd if crowd.lent || far_end => return None,
                _ => 100,
            },
            _ => return None,
        };
        let one_in = self.chance.one_in((entity, kind), pair, gap)?;
        let grade = RARE.iter().find(|(least, _)| one_in >= *least)?.1;
        Some((percent(percent(self.points.rare, grade), weight), one_in))
    }

    /// Whoever removes a record has a reason in what was recorded there: even another account than the one it names.
    fn erased(
        &self,
        entity: EntityId,
        roles: (Role, Role),
        (one, other): (&Signal, &Signal),
        rare: Option<(u32, u32)>,
    ) -> Option<Because> {
        let is_host = self.entities.get(entity as usize).is_some_and(|e| e.kind == EntityKind::Host);
        if !is_host || !other.erases || one.erases || one.first > other.first || roles.1 != Role::Own {
            return None;
        }
        let (points, one_in) = rare?;
        Some(Because {
            reason: Reason::Erased,
            entity: Some(entity),
            points: percent(points, self.points.erased),
            shared_by: None,
            one_in: Some(one_in),
            decisive: false,
        })
    }

    fn is_ticket(&self, because: &Because) -> bool {
        let entity = because.entity.and_then(|e| self.entities.get(e as usize));
        entity.is_some_and(|e| e.kind == EntityKind::LogonTicket)
    }

    fn accounts_differ(&self, one: &Signal, other: &Signal) -> bool {
        let is_account =
            |id: EntityId| self.entities.get(id as usize).is_some_and(|e| e.kind == EntityKind::Account);
        let names = |s: &Signal, such: &dyn Fn(EntityId) -> bool| {
            s.named.iter().any(|n| is_account(n.0) && such(n.0))
        };
        let theirs = |id: EntityId| other.named.iter().any(|n| n.0 == id);
        names(one, &|_| true) && names(other, &|_| true) && !names(one, &theirs)
    }

    fn is_inside(&self, entity: EntityId) -> bool {
        use std::net::IpAddr;
        let name = self.entities.get(entity as usize).map_or("", |e| e.name.as_str());
        match name.parse() {
            Ok(IpAddr::V4(v4)) => v4.is_private() || v4.is_link_local(),
            Ok(IpAddr::V6(v6)) => v6.is_unique_local() || v6.is_unicast_link_local(),
            Err(_) => false,
        }
    }

    /// On the same host, or a connection to the other's host.
    fn host(&self, entity: EntityId, roles: (Role, Role), gap: Option<i64>, crowd: Crowd) -> Because {
        let p = &self.points;
        let shared_by = crowd.is_crowded().then_some(crowd.others);
        let (reason, points) = match roles {
            (Role::Own, Role::Own) => {
                let days = decay(gap, &[(12 * HOUR, 100), (DAY, 80), (3 * DAY, 50), (30 * DAY, 30)]);
                (Reason::Host, percent(percent(p.host, days), crowd.weight))
            }
            // A server that only saw both, or a common far end, says little.
            (Role::Observer, _) | (_, Role::Observer) | (Role::Target, Role::Target) => {
                (Reason::Host, percent(p.host, decay(gap, &[(HOUR, 20), (DAY, 10)])))
            }
            _ => {
                let days = decay(gap, &[(10 * MINUTE, 120), (2 * HOUR, 90), (DAY, 60), (7 * DAY, 30)]);
                (Reason::Network, percent(percent(p.network, days), crowd.weight))
            }
        };
        let decisive = reason.is_decisive();
        Because { reason, entity: Some(entity), points, shared_by, one_in: None, decisive }
    }
}

fn percent(points: u32, percent: u32) -> u32 {
    points * percent / 100
}

/// The percentage of the first step that is at least as long as the gap, zero beyond the last. An unknown time is
/// near nothing and far from nothing: the middle step.
fn decay(gap: Option<i64>, steps: &[(i64, u32)]) -> u32 {
    match gap {
        Some(gap) => steps.iter().find(|(longest, _)| gap <= *longest).map_or(0, |s| s.1),
        None => steps.get(steps.len() / 2).map_or(0, |s| s.1),
    }
}

/// Nanoseconds between two signals, zero when they overlap.
pub(super) fn gap_ns(one: &Signal, other: &Signal) -> Option<i64> {
    let from = |s: &Signal| s.first.map(Timestamp::as_nanos);
    let to = |s: &Signal| s.last.map(Timestamp::as_nanos);
    let forth = from(other)?.saturating_sub(to(one)?);
    let back = from(one)?.saturating_sub(to(other)?);
    Some(forth.max(back).max(0))
}

fn keep_best(because: &mut Vec<Because>, found: Because) {
    match because.iter_mut().find(|b| b.reason == found.reason) {
        Some(known) if found.points > known.points => *known = found,
        Some(_) => {}
        None => because.push(found),
    }
}

type Roles = [(EntityId, Role)];

/// Entities that both signals name, with their roles in each.
fn shared<'s>(
    one: &'s Signal,
    other: &'s Signal,
) -> impl Iterator<Item = (EntityId, &'s Roles, &'s Roles)> + use<'s> {
    let groups = |s: &'s Signal| s.named.chunk_by(|a, b| a.0 == b.0);
    let mut theirs = groups(other).peekable();
    groups(one).filter_map(move |ours| {
        let &(entity, _) = ours.first()?;
        while theirs.next_if(|t| t.first().is_some_and(|t| t.0 < entity)).is_some() {}
        let same = theirs.next_if(|t| t.first().is_some_and(|t| t.0 == entity))?;
        Some((entity, ours, same))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_fall_with_the_gap() {
        let steps = [(10, 100), (100, 50)];
        let at = |gap| decay(gap, &steps);
        assert_eq!([at(Some(0)), at(Some(10)), at(Some(11)), at(Some(101)), at(None)], [100, 100, 50, 0, 50]);
    }

    #[test]
    fn a_crowd_takes_a_fifth_per_doubling() {
        let host = Entity { kind: EntityKind::Host, scope: String::new(), name: "dc".into() };
        let with = |accounts: usize| {
            let mut p = Prevalence::default();
            for n in 0..accounts {
                let account = Entity { kind: EntityKind::Account, scope: String::new(), name: n.to_string() };
                p.note(&host, &account);
            }
            Crowd::of(&host, Named::default(), &p).weight
        };
        assert_eq!([with(0), with(3), with(4), with(7), with(13)], [100, 100, 80, 64, 51]);
    }
}
