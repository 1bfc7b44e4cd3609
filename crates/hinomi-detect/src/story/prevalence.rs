//! How many different things meet at an entity, over all events: what many share joins little.
//!
//! # Invariants
//! - Censuses of different threads merge to the same result in any order: sets saturate at [`MANY`], and past
//!   [`MOST_KEYS`] the keys with the smallest hashes stay, whoever saw them first.
//! - Memory is bounded by these two numbers.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::fast::RandomState;
use hashbrown::HashSet;
use hinomi_columns::{Batch, FieldId, Store, ValueId, well_known};

use super::entity::{Entity, EntityKind};
use super::table::StoryTable;

/// Different neighbours counted per entity; more is «many».
pub const MANY: usize = 64;
/// Entities counted per kind.
const MOST_KEYS: usize = 200_000;
/// Pairs of cells remembered as seen before the memory is emptied.
const MOST_SEEN: usize = 1 << 20;

/// Who met whom, by the kind of the entity and of its neighbours.
type Meetings = BTreeMap<(EntityKind, EntityKind), Neighbours>;
/// Neighbours of entities, in order of a fixed hash.
type Neighbours = BTreeMap<(u64, Entity), BTreeSet<Box<str>>>;

/// Counts while reading; one per thread.
pub struct Census<'t> {
    table: &'t StoryTable,
    accounts: Vec<AccountField<'t>>,
    shared: &'t [String],
    met: Meetings,
    seen: HashSet<(FieldId, ValueId, FieldId, ValueId), RandomState>,
    epoch: Option<u32>,
}

/// A field that may hold an account, and the channels and event ids it counts in (all, when empty).
pub type AccountField<'t> = (&'t str, &'t BTreeMap<String, Vec<u32>>);

/// A column that names entities of one kind.
type Column = (EntityKind, FieldId, usize);

impl<'t> Census<'t> {
    /// A census that takes accounts from the first of `accounts` that an event has; many unrelated things run under
    /// those of `shared`.
    pub fn new(table: &'t StoryTable, accounts: Vec<AccountField<'t>>, shared: &'t [String]) -> Self {
        Self { table, accounts, shared, met: Meetings::new(), seen: HashSet::default(), epoch: None }
    }

    /// Counts every row of `batch`.
    pub fn add(&mut self, store: &Store, batch: &Batch) {
        if self.epoch != Some(store.epoch()) || self.seen.len() > MOST_SEEN {
            self.seen.clear();
            self.epoch = Some(store.epoch());
        }
        let columns = self.columns(store, batch);
        for (at, &a) in columns.iter().enumerate() {
            for &b in columns.iter().skip(at + 1) {
                self.pairs(store, batch, a, b);
            }
        }
        for own in &self.table.own_addresses {
            let column = |name: &str| batch.position(store.fields().known(name)?);
            let (Some(host), Some(address)) = (column(&own.host), column(&own.address)) else { continue };
            let when = own.when.as_ref().map(|w| (column(&w.field), w.is.as_str()));
            if matches!(when, Some((None, _))) {
                continue;
            }
            let (fields, when) = (batch.fields(), when.and_then(|(c, is)| Some((c?, is))));
            let id = |p: usize| fields.get(p).copied().unwrap_or(well_known::RAW);
            for row in 0..batch.rows().len() {
                let cell = |p: usize| batch.column(p).get(row).copied().unwrap_or(ValueId::ABSENT);
                if let Some((p, is)) = when
                    && !store.text(id(p), cell(p)).eq_ignore_ascii_case(is)
                {
                    continue;
                }
                self.own(store, (id(host), cell(host)), (id(address), cell(address)));
            }
        }
    }

    fn columns(&self, store: &Store, batch: &Batch) -> Vec<Column> {
        let column = |kind, name: &str| {
            let field = store.fields().known(name)?;
            Some((kind, field, batch.position(field)?))
        };
        let host = batch.position(well_known::COMPUTER).map(|p| (EntityKind::Host, well_known::COMPUTER, p));
        let channel = store.text(well_known::CHANNEL, batch.shape().channel);
        let event_id = store.text(well_known::EVENT_ID, batch.shape().event_id);
        let applies = |only: &BTreeMap<String, Vec<u32>>| {
            let named = |(c, ids): (&String, &Vec<u32>)| {
                c.eq_ignore_ascii_case(channel) && ids.iter().any(|id| event_id.parse() == Ok(*id))
            };
            only.is_empty() || only.iter().any(named)
        };
        let mut fields = self.accounts.iter().filter(|(_, only)| applies(only));
        let account = fields.find_map(|(name, _)| column(EntityKind::Account, name));
        let addresses = self.table.fields.iter().filter(|f| f.names == EntityKind::Address);
        let addresses = addresses.filter_map(|f| column(EntityKind::Address, &f.field));
        host.into_iter().chain(account).chain(addresses).collect()
    }

    fn pairs(&mut self, store: &Store, batch: &Batch, a: Column, b: Column) {
        let mut last = None;
        for (&x, &y) in batch.column(a.2).iter().zip(batch.column(b.2)) {
            if last == Some((x, y)) || x.is_absent() || y.is_absent() {
                continue;
            }
            last = Some((x, y));
            if self.seen.insert((a.1, x, b.1, y)) {
                let host = if a.0 == EntityKind::Host { store.text(a.1, x) } else { "" };
                let one = self.entity(a.0, store.text(a.1, x), host);
                let other = self.entity(b.0, store.text(b.1, y), host);
                if let (Some(one), Some(other)) = (one, other) {
                    meet(&mut self.met, &one, &other);
                    meet(&mut self.met, &other, &one);
                }
            }
        }
    }

    fn entity(&self, kind: EntityKind, value: &str, host: &str) -> Option<Entity> {
        // A security id stands for an account that other events call by its name.
        let is_id = value.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("S-1-"));
        if kind == EntityKind::Account && is_id {
            return None;
        }
        if kind == EntityKind::Account && self.shared.iter().any(|s| s.eq_ignore_ascii_case(value)) {
            return None;
        }
        Entity::of(kind, value, host, self.table)
    }

    /// Notes that an address is a host's own.
    fn own(&mut self, store: &Store, host: (FieldId, ValueId), address: (FieldId, ValueId)) {
        // The pair stands under the reversed order, which [`Self::pairs`] never uses.
        if host.1.is_absent()
            || address.1.is_absent()
            || !self.seen.insert((address.0, address.1, host.0, host.1))
        {
            return;
        }
        let entity = |kind, at: (FieldId, ValueId)| Entity::of(kind, store.text(at.0, at.1), "", self.table);
        let (Some(host), Some(address)) =
            (entity(EntityKind::Host, host), entity(EntityKind::Address, address))
        else {
            return;
        };
        // Filed under a kind of neighbour that addresses do not otherwise have.
        let key = (EntityKind::Address, EntityKind::Event);
        meet_as(&mut self.met, key, &address, &host.name);
    }

    /// What was counted, without the reading.
    pub fn finish(self) -> Prevalence {
        Prevalence { met: self.met }
    }
}

fn meet(met: &mut Meetings, one: &Entity, other: &Entity) {
    meet_as(met, (one.kind, other.kind), one, &other.name);
}

fn meet_as(met: &mut Meetings, kinds: (EntityKind, EntityKind), one: &Entity, other: &str) {
    let neighbours = met.entry(kinds).or_default();
    let key = (fixed_hash(one), one.clone());
    let set = neighbours.entry(key).or_default();
    if set.len() < MANY {
        set.insert(other.into());
    }
    if neighbours.len() > MOST_KEYS {
        neighbours.pop_last();
    }
}

/// FNV-1a: the same in every run, so that the same keys stay.
fn fixed_hash(entity: &Entity) -> u64 {
    let bytes = entity.name.bytes().chain([0]).chain(entity.scope.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

/// What the census found.
#[derive(Debug, Default)]
pub struct Prevalence {
    met: Meetings,
}

impl Prevalence {
    /// Adds what another census found.
    pub fn merge(&mut self, other: Self) {
        if self.met.is_empty() {
            *self = other;
            return;
        }
        for (kinds, theirs) in other.met {
            let ours = self.met.entry(kinds).or_default();
            for (key, mut set) in theirs {
                let mine = ours.entry(key).or_default();
                mine.append(&mut set);
                while mine.len() > MANY {
                    mine.pop_last();
                }
            }
            while ours.len() > MOST_KEYS {
                ours.pop_last();
            }
        }
    }

    fn count(&self, entity: &Entity, neighbours: EntityKind) -> usize {
        let key = (fixed_hash(entity), entity.clone());
        self.met.get(&(entity.kind, neighbours)).and_then(|n| n.get(&key)).map_or(0, BTreeSet::len)
    }

    /// Accounts seen on a host, at most [`MANY`].
    pub fn accounts_on(&self, host: &Entity) -> usize {
        self.count(host, EntityKind::Account)
    }

    /// Hosts an account was seen on, at most [`MANY`].
    pub fn hosts_of(&self, account: &Entity) -> usize {
        self.count(account, EntityKind::Host)
    }

    /// Accounts that came from an address, at most [`MANY`].
    pub fn accounts_at(&self, address: &Entity) -> usize {
        self.count(address, EntityKind::Account)
    }

    /// The most neighbours of one kind that met at an address: accounts, hosts or other addresses.
    pub fn peers_of(&self, address: &Entity) -> usize {
        let kinds = [EntityKind::Account, EntityKind::Host, EntityKind::Address];
        kinds.iter().map(|k| self.count(address, *k)).max().unwrap_or(0)
    }

    /// How many entities of a kind met anything.
    pub(super) fn population(&self, kind: EntityKind) -> usize {
        let of_kind = self.met.iter().filter(|((k, _), _)| *k == kind);
        of_kind.map(|(_, neighbours)| neighbours.len()).max().unwrap_or(0)
    }

    /// The host whose own address this is, when it is exactly one.
    pub(super) fn host_of(&self, address: &Entity) -> Option<&str> {
        let key = (fixed_hash(address), address.clone());
        let hosts = self.met.get(&(EntityKind::Address, EntityKind::Event))?.get(&key)?;
        hosts.first().filter(|_| hosts.len() == 1).map(AsRef::as_ref)
    }

    /// Every host that met anything.
    pub(super) fn hosts(&self) -> impl Iterator<Item = &str> {
        let of_kind = self.met.iter().filter(|((kind, _), _)| *kind == EntityKind::Host);
        of_kind.flat_map(|(_, neighbours)| neighbours.keys().map(|(_, e)| e.name.as_str()))
    }

    /// Notes a meeting, for tests and callers that have no columns.
    pub fn note(&mut self, one: &Entity, other: &Entity) {
        meet(&mut self.met, one, other);
        meet(&mut self.met, other, one);
    }

    /// Notes that an address is a host's own.
    pub fn note_own(&mut self, address: &Entity, host: &Entity) {
        meet_as(&mut self.met, (EntityKind::Address, EntityKind::Event), address, &host.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entity(kind: EntityKind, name: &str) -> Entity {
        Entity { kind, scope: String::new(), name: name.to_owned() }
    }

    #[test]
    fn merging_is_the_same_in_any_order_and_saturates() {
        let host = entity(EntityKind::Host, "fs01");
        let part = |from: usize, to: usize| {
            let mut p = Prevalence::default();
            (from..to).for_each(|n| p.note(&host, &entity(EntityKind::Account, &format!("u{n:03}"))));
            p
        };
        let count = |parts: Vec<Prevalence>| {
            let mut all = Prevalence::default();
            parts.into_iter().for_each(|p| all.merge(p));
            all.accounts_on(&host)
        };
        assert_eq!(count(vec![part(0, 3), part(2, 5)]), 5);
        assert_eq!(count(vec![part(2, 5), part(0, 3)]), 5);
        assert_eq!(count(vec![part(0, 60), part(50, 200)]), MANY);
    }

    #[test]
    fn an_address_of_two_hosts_is_no_hosts_own() {
        let address = entity(EntityKind::Address, "10.0.0.8");
        let mut p = Prevalence::default();
        p.note_own(&address, &entity(EntityKind::Host, "ws1"));
        assert_eq!(p.host_of(&address), Some("ws1"));
        p.note_own(&address, &entity(EntityKind::Host, "ws2"));
        assert_eq!(p.host_of(&address), None);
    }
}
