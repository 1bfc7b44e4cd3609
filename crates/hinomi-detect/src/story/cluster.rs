//! Joining signals along their links, strongest first.
//!
//! A forest of greatest weight explains an incident with the fewest and strongest reasons. Decisive links always
//! join. Circumstantial links (same host, same act) join only when the contexts of the two parts agree, one of them has
//! none, or the host is not one that many use; a refusal is remembered, an acceptance in spite of different
//! contexts is a seam.

use std::collections::BTreeSet;

use super::entity::{EntityId, EntityKind, Role};
use super::score::{Link, Reason, Scorer};
use super::signal::Signal;

/// What clustering decided.
pub(super) struct Clusters {
    /// Number of the part of each signal.
    pub(super) part: Vec<usize>,
    /// The same, along decisive links only.
    pub(super) firm: Vec<usize>,
    /// Links that joined.
    pub(super) forest: Vec<Link>,
    /// Links that were not followed because the contexts differ.
    pub(super) refused: Vec<Link>,
}

/// Context of a part: whose credentials and from where.
#[derive(Clone, Debug, Default)]
struct Context {
    who: BTreeSet<EntityId>,
    accounts: BTreeSet<EntityId>,
}

/// Accounts and addresses kept per part; a part with more is wide enough to be told apart by the first.
const MOST_CONTEXT: usize = 256;

impl Context {
    fn of(signal: &Signal, scorer: &Scorer<'_>) -> Self {
        let kind = |id: EntityId| scorer.entities.get(id as usize).map(|e| e.kind);
        let tells = |n: &&(EntityId, Role)| match kind(n.0) {
            // An account that was only aimed at says nothing of who aimed.
            Some(EntityKind::Account | EntityKind::Logon | EntityKind::LogonTicket) => n.1 != Role::Target,
            Some(EntityKind::Address) => n.1 == Role::Source,
            _ => false,
        };
        let who: BTreeSet<EntityId> = signal.named.iter().filter(tells).map(|n| n.0).collect();
        let is_account = |id: &EntityId| kind(*id) == Some(EntityKind::Account);
        Self { accounts: who.iter().copied().filter(is_account).collect(), who }
    }

    fn differs(&self, other: &Self) -> bool {
        !self.who.is_empty() && !other.who.is_empty() && self.who.is_disjoint(&other.who)
    }

    fn differs_in_account(&self, other: &Self) -> bool {
        !self.accounts.is_empty() && !other.accounts.is_empty() && self.accounts.is_disjoint(&other.accounts)
    }

    fn absorb(&mut self, other: Self) {
        for (ours, theirs) in [(&mut self.who, other.who), (&mut self.accounts, other.accounts)] {
            let room = MOST_CONTEXT.saturating_sub(ours.len());
            ours.extend(theirs.into_iter().take(room));
        }
    }
}

/// Joins `members` along `links`; every link has at least `join` points.
pub(super) fn cluster(signals: &[Signal], mut links: Vec<Link>, scorer: &Scorer<'_>) -> Clusters {
    let join = scorer.points.join;
    // Decisive links first, then by points, nearness and place, so that the order of arrival does not matter.
    links.sort_by_cached_key(|l| {
        (!l.is_decisive(join), std::cmp::Reverse(l.points), l.gap_ns.unwrap_or(i64::MAX), l.a, l.b)
    });
    let mut parts = Parts::new(signals.len());
    let mut firm = Parts::new(signals.len());
    let mut contexts: Vec<Context> = signals.iter().map(|s| Context::of(s, scorer)).collect();
    let (mut forest, mut refused) = (Vec::new(), Vec::new());
    for mut link in links {
        let decisive = link.is_decisive(join);
        if decisive {
            firm.join(link.a, link.b);
        }
        let (a, b) = (parts.find(link.a), parts.find(link.b));
        if a == b {
            continue;
        }
        let (Some(x), Some(y)) = (contexts.get(a), contexts.get(b)) else { continue };
        if !decisive && x.differs(y) && !on_own_host(&link, scorer) && !removes_the_record(&link, join) {
            refused.push(link);
            continue;
        }
        link.seam = x.differs_in_account(y) && !names_one_actor(&link);
        let kept = parts.join(a, b);
        let gone = if kept == a { b } else { a };
        let theirs = contexts.get_mut(gone).map(std::mem::take).unwrap_or_default();
        if let Some(ours) = contexts.get_mut(kept) {
            ours.absorb(theirs);
        }
        forest.push(link);
    }
    let part = (0..signals.len()).map(|n| parts.find(n)).collect();
    let firm = (0..signals.len()).map(|n| firm.find(n)).collect();
    Clusters { part, firm, forest, refused }
}

/// Whether a reason of the link says that one actor did both.
fn names_one_actor(link: &Link) -> bool {
    use Reason::{Account, File, Logon, ParentProcess, SameEvent, SameProcess};
    let telling = [SameEvent, SameProcess, ParentProcess, Logon, Account, File];
    link.because.iter().any(|b| telling.contains(&b.reason))
}

/// Whether a circumstantial link between a signal and a later one contradicts what both say of accounts and origin.
pub(super) fn contradicts(link: &Link, one: &Signal, other: &Signal, scorer: &Scorer<'_>) -> bool {
    let differs = Context::of(one, scorer).differs(&Context::of(other, scorer));
    differs && !link.is_decisive(scorer.points.join) && !on_own_host(link, scorer)
}

/// Whether the link rests on a record that was removed.
fn removes_the_record(link: &Link, join: u32) -> bool {
    link.because.iter().any(|b| b.reason == Reason::Erased && b.points >= join)
}

/// Whether the link rests on a host that few use.
fn on_own_host(link: &Link, scorer: &Scorer<'_>) -> bool {
    link.because.iter().any(|b| {
        let crowd = b.entity.and_then(|e| scorer.crowds.get(e as usize));
        matches!(b.reason, Reason::Host | Reason::Network)
            && crowd.is_some_and(|c| !c.is_crowded())
            && b.points >= scorer.points.join / 2
    })
}

/// Disjoint sets by smallest member.
pub(super) struct Parts(Vec<usize>);

impl Parts {
    pub(super) fn new(len: usize) -> Self {
        Self((0..len).collect())
    }

    pub(super) fn find(&mut self, mut at: usize) -> usize {
        while let Some(&parent) = self.0.get(at) {
            if parent == at {
                break;
            }
            let grandparent = self.0.get(parent).copied().unwrap_or(parent);
            if let Some(slot) = self.0.get_mut(at) {
                *slot = grandparent;
            }
            at = grandparent;
        }
        at
    }

    /// Joins and returns the root that remains.
    pub(super) fn join(&mut self, a: usize, b: usize) -> usize {
        let (a, b) = (self.find(a), self.find(b));
        let (low, high) = (a.min(b), a.max(b));
        if let Some(slot) = self.0.get_mut(high) {
            *slot = low;
        }
        low
    }
}
