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

/// Hands out the pairs (earlier, later) among `order`, which is by time, each once; earlier ones are `neighbours_of`
/// others, and only those that `asks` hold for have any.
pub(super) fn candidates(
    signals: &[Signal],
    entities: &[Entity],
    order: &[usize],
    (neighbours_of, asks): (impl Fn(usize) -> bool, impl Fn(usize) -> bool),
    mut pair: impl FnMut(usize, usize),
) {
    const NOBODY: usize = usize::MAX;
    let mut last: HashMap<Key, [usize; NEIGHBOURS], RandomState> = HashMap::default();
    let (mut earlier, mut asked): (Vec<usize>, Vec<Key>) = (Vec::new(), Vec::new());
    for &at in order {
        let (asks, is_neighbour) = (asks(at), neighbours_of(at));
        let Some(signal) = signals.get(at).filter(|_| asks || is_neighbour) else { continue };
        keys(signal, entities, &mut asked);
        for key in asked.drain(..) {
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
        earlier.drain(..).for_each(|before| pair(before, at));
    }
}

/// Adds everything by which a signal may be found.
fn keys(signal: &Signal, entities: &[Entity], found: &mut Vec<Key>) {
    let kind = |id: EntityId| entities.get(id as usize).map(|e| e.kind);
    // What is named in several roles stands one after the other.
    let named = signal.named.chunk_by(|a, b| a.0 == b.0);
    found.extend(named.filter_map(|roles| roles.first()).map(|n| Key::One(n.0)));
    let mut paired = [None; MOST_PAIRED];
    let actor = |n: &&(EntityId, Role)| {
        n.1 != Role::Observer
            && matches!(kind(n.0), Some(EntityKind::Host | EntityKind::Account | EntityKind::Address))
    };
    let named = signal.named.chunk_by(|a, b| a.0 == b.0);
    let actors = named.filter_map(|roles| roles.iter().find(actor));
    paired.iter_mut().zip(actors).for_each(|(place, actor)| *place = Some(actor.0));
    for (at, a) in paired.iter().enumerate() {
        let others = paired.iter().skip(at + 1).flatten();
        found.extend(a.iter().flat_map(|&a| others.clone().map(move |&b| Key::Two(a, b))));
    }
    found.push(Key::Rule(signal.rule));
}
