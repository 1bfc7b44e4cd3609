//! Which names of exports, lists and logs mean one node.

use std::collections::BTreeMap;

use crate::graph::Builder;
use crate::inventory::{EntityKind, Inventory, Resolver, Sighted};

/// Kinds of nodes whose names logs and lists also write.
pub(super) const ACCOUNT: &str = "account";
pub(super) const HOST: &str = "host";

/// Which identifier of the graph a resolved name goes by.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) resolver: Resolver,
    accounts: BTreeMap<String, String>,
    hosts: BTreeMap<String, String>,
}

impl Names {
    /// Joins what the exports already read name, and prepares to name what is added to them.
    pub(super) fn join(builder: &mut Builder, inventory: &Inventory, mut sighted: Sighted) -> Self {
        let written: Vec<(String, String, bool, bool)> = builder
            .nodes()
            .filter(|n| matches!(n.kind, ACCOUNT | HOST))
            .map(|n| (n.id.to_owned(), n.name.to_owned(), n.kind == HOST, n.is_described))
            .collect();
        for (id, name, is_host, _) in &written {
            if *is_host {
                sighted.host(name);
            } else {
                sighted.account(name, (id != name).then_some(id.as_str()));
            }
        }
        let resolver = Resolver::new(inventory, sighted);
        let mut names = Self { resolver, accounts: BTreeMap::new(), hosts: BTreeMap::new() };
        // Resolved name → identifiers: the described one leads; where two are described nobody does.
        let mut groups: BTreeMap<(bool, String), (Vec<String>, Vec<String>)> = BTreeMap::new();
        for (id, name, is_host, is_described) in written {
            let Some(meant) = names.meant(&name, &id, is_host) else { continue };
            let group = groups.entry((is_host, meant)).or_default();
            if is_described { group.0.push(id) } else { group.1.push(id) }
        }
        for ((is_host, meant), (described, pointed)) in groups {
            let leading = match described.as_slice() {
                [only] => Some(only),
                [] => pointed.iter().min(),
                _ => None,
            };
            let Some(leading) = leading.cloned() else { continue };
            for id in &pointed {
                builder.same(id, &leading);
            }
            let known = if is_host { &mut names.hosts } else { &mut names.accounts };
            known.insert(meant, leading);
        }
        names
    }

    fn meant(&self, name: &str, id: &str, is_host: bool) -> Option<String> {
        let found = if is_host { self.resolver.host(name) } else { self.resolver.account(name, Some(id)) };
        found.ambiguous.is_empty().then(|| found.id.to_string())
    }

    /// The identifier of an account as logs and lists write it.
    pub(super) fn account(&self, name: &str, id: Option<&str>) -> String {
        let meant = self.resolver.account(name, id).id.to_string();
        self.accounts.get(&meant).cloned().unwrap_or(meant)
    }

    /// The identifier of a host, likewise.
    pub(super) fn host(&self, name: &str) -> String {
        let meant = self.resolver.host(name).id.to_string();
        self.hosts.get(&meant).cloned().unwrap_or(meant)
    }

    /// The host that had an address then.
    pub(super) fn host_at(&self, address: &str, time: hinomi_model::Timestamp) -> Option<String> {
        let meant = self.resolver.host_at(address, time)?.id.to_string();
        Some(self.hosts.get(&meant).cloned().unwrap_or(meant))
    }

    /// Identifiers of what a list has of a kind, with the list's own names.
    pub(super) fn listed(&self, kind: EntityKind, name: &str) -> String {
        if kind == EntityKind::Host { self.host(name) } else { self.account(name, None) }
    }
}
