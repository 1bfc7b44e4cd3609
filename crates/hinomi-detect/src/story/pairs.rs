//! Which pairs of signals are worth scoring: neighbours in time that share something.
//!
//! # Invariants
//! A signal is compared with at most [`NEIGHBOURS`] earlier ones per thing it names, and with the last one per pair of
//! a host, account or address with another; so the number of pairs grows with the number of signals alone.

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::entity::{Entity, EntityId, EntityKind, Role};
use super::signal::Signal;

/// Earlier signals that a signal is compared with, per thing it names.
const NEIGHBOURS: usize = 3;
/// Hosts, accounts and addresses per signal whose pairs are followed.
const MOST_PAIRED: usize = 6;

/// What signals may have in common.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    One(EntityId),
    Two(EntityId, EntityId),
    Rule(u32),
}

/// Pairs (earlier, later) among `order`, which is by time, each once; earlier ones are `neighbours_of` others, and only
/// those that `asks` hold for have any.
pub(super) fn candidates(
    signals: &[Signal],
    entities: &[Entity],
    order: &[usize],
    neighbours_of: impl Fn(usize) -> bool,
    asks: impl Fn(usize) -> bool,
) -> Vec<(usize, usize)> {
    const NOBODY: usize = usize::MAX;
    let mut last: HashMap<Key, [usize; NEIGHBOURS], RandomState> = HashMap::default();
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    let mut earlier: Vec<usize> = Vec::new();
    for &at in order {
        let (asks, is_neighbour) = (asks(at), neighbours_of(at));
        let Some(signal) = signals.get(at).filter(|_| asks || is_neighbour) else { continue };
        for key in keys(signal, entities) {
            let mut nobody = [NOBODY; NEIGHBOURS];
            let known = if is_neighbour {
                last.entry(key).or_insert(nobody)
            } else {
                last.get_mut(&key).unwrap_or(&mut nobody)
            };
            if asks {
                let most = if matches!(key, Key::One(_)) { NEIGHBOURS } else { 1 };
                earlier.extend(known.iter().take(most).filter(|k| **k != NOBODY && **k != at));
            }
            if is_neighbour {
                let [newest, second, _] = *known;
                *known = [at, newest, second];
            }
        }
        earlier.sort_unstable();
        earlier.dedup();
        pairs.extend(earlier.drain(..).map(|before| (before, at)));
    }
    pairs
}

fn keys(signal: &Signal, entities: &[Entity]) -> Vec<Key> {
    let kind = |id: EntityId| entities.get(id as usize).map(|e| e.kind);
    let mut named: Vec<EntityId> = signal.named.iter().map(|n| n.0).collect();
    named.dedup();
    let mut found: Vec<Key> = named.iter().map(|&id| Key::One(id)).collect();
    let actor = |n: &&(EntityId, Role)| {
        n.1 != Role::Observer
            && matches!(kind(n.0), Some(EntityKind::Host | EntityKind::Account | EntityKind::Address))
    };
    let mut paired: Vec<EntityId> = signal.named.iter().filter(actor).map(|n| n.0).collect();
    paired.dedup();
    paired.truncate(MOST_PAIRED);
    for (at, &a) in paired.iter().enumerate() {
        found.extend(paired.iter().skip(at + 1).map(|&b| Key::Two(a, b)));
    }
    found.push(Key::Rule(signal.rule));
    found
}
