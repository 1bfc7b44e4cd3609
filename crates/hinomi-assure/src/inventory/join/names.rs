//! Which rows are of one entity.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use crate::inventory::{AccountName, Entity, EntityKind, Inventory};

/// Names of computers in old protocols have fifteen letters at most: what is longer and has no dot is an identifier.
const LONGEST_SHORT_NAME: usize = 15;

/// Names and addresses of hosts, and the one name of each.
pub(super) type Hosts = HashMap<String, String>;

/// What the hosts of an inventory are called. A name that two of them have means neither.
pub(super) fn hosts(inventory: &Inventory) -> Hosts {
    let mut hosts: HashMap<String, Option<String>> = HashMap::new();
    for entity in inventory.versions(EntityKind::Host) {
        let names = entity
            .names()
            .map(str::to_lowercase)
            .chain(host_labels(entity).into_iter().map(|(label, _)| label));
        for name in names.chain(entity.values("addresses").iter().cloned()) {
            let known = hosts.entry(name).or_insert_with(|| Some(entity.id.to_lowercase()));
            if known.as_ref().is_some_and(|known| *known != entity.id.to_lowercase()) {
                *known = None;
            }
        }
    }
    hosts.into_iter().filter_map(|(name, host)| Some((name, host?))).collect()
}

/// Rows of one kind, by entity, in order of their first row.
pub(super) fn groups(kind: EntityKind, rows: &[&Entity], hosts: &Hosts) -> Vec<Vec<usize>> {
    let mut sets = Sets { parent: (0..rows.len()).collect() };
    let mut first: HashMap<String, usize> = HashMap::new();
    for (at, row) in rows.iter().enumerate() {
        for key in keys(kind, row, hosts) {
            let known = *first.entry(key).or_insert(at);
            sets.join(at, known);
        }
    }
    match kind {
        EntityKind::Account => sets.join_unique(rows, &account_names, &account_agrees),
        EntityKind::Host => {
            sets.join_unique(rows, &host_labels, &|_, _, _| true);
            sets.join_unique(rows, &host_addresses, &is_nameless);
        }
        _ => {}
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for at in 0..rows.len() {
        groups.entry(sets.root(at)).or_default().push(at);
    }
    groups.into_values().collect()
}

/// Names that mean one entity whoever writes them.
fn keys(kind: EntityKind, row: &Entity, hosts: &Hosts) -> Vec<String> {
    let lower = |name: &str| name.trim().to_lowercase();
    // Rows of one name are versions of one entity.
    let id = format!("id {}", lower(&row.id));
    let full = |name: &&str| match kind {
        EntityKind::Account => is_lasting(name) || name.contains(['@', '\\']),
        EntityKind::Host => {
            is_lasting(name)
                || (name.contains('.') && address(name).is_none())
                || name.len() > LONGEST_SHORT_NAME
        }
        EntityKind::Exposure => false,
        _ => true,
    };
    let names = row.names().filter(full).map(|name| format!("name {}", lower(name)));
    let ends = if kind == EntityKind::Exposure { endpoints(row, hosts) } else { Vec::new() };
    std::iter::once(id).chain(names).chain(ends).collect()
}

/// Identifiers of directories and places in them.
fn is_lasting(name: &str) -> bool {
    name.contains('=') || name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("s-1-"))
}

/// Where a service listens: host or address, port and protocol.
fn endpoints(row: &Entity, hosts: &Hosts) -> Vec<String> {
    let protocol = row.value("protocol").unwrap_or("tcp").to_lowercase();
    let stated = row.values("hosts").iter().chain(row.values("addresses"));
    let names: Vec<String> = stated
        .map(|name| name.trim().to_lowercase())
        .map(|name| hosts.get(&name).cloned().unwrap_or(name))
        .collect();
    let ports = row.values("port").iter().map(|p| p.split('/').next().unwrap_or_default());
    ports
        .flat_map(|port| names.iter().map(move |n| (n, port)))
        .map(|(n, p)| format!("at {n}:{p}/{protocol}"))
        .collect()
}

/// User parts of the names of an account, with whole names to compare.
fn account_names(row: &Entity) -> Vec<(String, String)> {
    let names = row.names().filter(|name| !is_lasting(name));
    names.map(|name| (AccountName::parse(name).user, name.to_owned())).collect()
}

fn account_agrees(a: &str, b: &str, rows: (&Entity, &Entity)) -> bool {
    let sids = |row: &Entity| -> BTreeSet<String> {
        let lasting = row.names().filter(|name| is_lasting(name) && !name.contains('='));
        lasting.map(str::to_lowercase).collect()
    };
    let (one, other) = (sids(rows.0), sids(rows.1));
    // Two identifiers are two accounts, whatever they are called.
    let apart = !one.is_empty() && !other.is_empty() && one.is_disjoint(&other);
    !apart && AccountName::parse(a).agrees_with(&AccountName::parse(b))
}

/// First labels of the names of a host; full names do not agree with other full ones.
fn host_labels(row: &Entity) -> Vec<(String, String)> {
    let named = row.names().filter(|name| !is_lasting(name) && address(name).is_none());
    let label = |name: &str| name.split('.').next().unwrap_or_default().to_lowercase();
    named.map(|name| (label(name), name.to_owned())).collect()
}

/// Addresses that tell hosts apart.
fn host_addresses(row: &Entity) -> Vec<(String, String)> {
    let stated = row.values("addresses").iter().chain([&row.id]);
    let own = stated.filter(|text| address(text).is_some_and(|ip| !ip.is_loopback() && !ip.is_unspecified()));
    own.map(|address| (address.clone(), row.id.clone())).collect()
}

/// One of two rows is known by its address alone: addresses of hosts with names pass from one to the next.
fn is_nameless(_: &str, _: &str, rows: (&Entity, &Entity)) -> bool {
    address(&rows.0.id).is_some() || address(&rows.1.id).is_some()
}

fn address(text: &str) -> Option<IpAddr> {
    text.parse().ok()
}

/// Whether two names, of two rows, may mean the same.
type Agree = dyn Fn(&str, &str, (&Entity, &Entity)) -> bool;

/// Disjoint sets of rows.
struct Sets {
    parent: Vec<usize>,
}

impl Sets {
    fn root(&self, mut at: usize) -> usize {
        while let Some(up) = self.parent.get(at).copied().filter(|up| *up != at) {
            at = up;
        }
        at
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        // The earlier row stands for both.
        if let Some(parent) = self.parent.get_mut(a.max(b)) {
            *parent = a.min(b);
        }
    }

    /// Joins sets of which names with the same key agree, where each has only the other to agree with.
    fn join_unique(
        &mut self,
        rows: &[&Entity],
        names: &dyn Fn(&Entity) -> Vec<(String, String)>,
        agree: &Agree,
    ) {
        let mut by_key: HashMap<String, Vec<(usize, String)>> = HashMap::new();
        for (at, row) in rows.iter().enumerate() {
            for (key, name) in names(row) {
                by_key.entry(key).or_default().push((at, name));
            }
        }
        let mut partners: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for named in by_key.values() {
            let sets: BTreeSet<usize> = named.iter().map(|(at, _)| self.root(*at)).collect();
            // A name that half of the organisation shares joins nobody.
            if sets.len() > MOST_SHARING {
                continue;
            }
            for (at, name) in named {
                for (other, other_name) in named.iter().filter(|(other, _)| other > at) {
                    let (a, b) = (self.root(*at), self.root(*other));
                    let (Some(row), Some(other_row)) = (rows.get(*at), rows.get(*other)) else { continue };
                    if a != b && may(name, other_name) && agree(name, other_name, (row, other_row)) {
                        partners.entry(a).or_default().insert(b);
                        partners.entry(b).or_default().insert(a);
                    }
                }
            }
        }
        let only = |of: usize| partners.get(&of).filter(|p| p.len() == 1).and_then(|p| p.first().copied());
        let pairs: Vec<(usize, usize)> = partners
            .keys()
            .filter_map(|a| Some((*a, only(*a)?)))
            .filter(|(a, b)| only(*b) == Some(*a))
            .collect();
        pairs.into_iter().for_each(|(a, b)| self.join(a, b));
    }
}

/// Sets that share a key, beyond which it tells nothing.
const MOST_SHARING: usize = 16;

/// Two full names that differ mean two things; for accounts, that is decided by their domains.
fn may(a: &str, b: &str) -> bool {
    let dotted = |name: &str| name.contains('.') && !name.contains(['@', '\\']) && address(name).is_none();
    !(dotted(a) && dotted(b)) || a.eq_ignore_ascii_case(b)
}
