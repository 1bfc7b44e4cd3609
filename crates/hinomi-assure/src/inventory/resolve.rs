//! Which names mean the same account or host.
//!
//! Logs call one account `CORP\mika`, `mika@corp.example.jp`, `mika` or `S-1-5-21-…`; one host `fs01`, `FS01.corp.example.jp` or
//! an address that was another host's last week. Names are joined only on a reason: a list says so, one event states both,
//! or the domain of one form is the first label of the other's. What stays ambiguous stays apart.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use foldhash::quality::RandomState;
use hashbrown::HashMap;
use hinomi_model::Timestamp;

use super::{EntityKind, Inventory};

/// An account as logs write it, taken apart.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct AccountName {
    /// The account in its domain, in lower case.
    pub user: String,
    /// Short or DNS domain, tenant or cloud account, in lower case; empty when none is written.
    pub domain: String,
}

impl AccountName {
    /// Takes `DOMAIN\user`, `user@domain`, `arn:…:user/name` or a bare name apart.
    pub fn parse(text: &str) -> Self {
        let text = text.trim().to_lowercase();
        let of = |user: &str, domain: &str| Self { user: user.to_owned(), domain: domain.to_owned() };
        if let Some((domain, user)) = text.split_once('\\') {
            // A dot stands for «this computer».
            return of(user, if domain == "." { "" } else { domain });
        }
        if text.starts_with("arn:") {
            let mut parts = text.splitn(6, ':').skip(4);
            let (account, path) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            return of(path.strip_prefix("user/").unwrap_or(path), account);
        }
        match text.rsplit_once('@') {
            Some((user, domain)) if !user.is_empty() => of(user, domain),
            _ => of(&text, ""),
        }
    }

    /// Whether both may be written for one account: same user, and domains of which one is missing, equal, or the first
    /// label of the other.
    pub(super) fn agrees_with(&self, other: &Self) -> bool {
        let label = |domain: &str| domain.split('.').next().unwrap_or_default().to_owned();
        let (a, b) = (self.domain.as_str(), other.domain.as_str());
        let same = a.is_empty() || b.is_empty() || a == b;
        // `corp` and `corp.example.jp` agree, `corp.example.jp` and `corp.example.com` do not.
        let short = (!a.contains('.') || !b.contains('.')) && label(a) == label(b);
        self.user == other.user && (same || short)
    }
}

/// Names as they were seen, before any is resolved.
#[derive(Clone, Debug, Default)]
pub struct Sighted {
    accounts: BTreeSet<AccountName>,
    ids: BTreeMap<String, BTreeSet<AccountName>>,
    addresses: BTreeMap<IpAddr, Vec<(Timestamp, String)>>,
    hosts: BTreeSet<String>,
}

/// Most sightings of one address that are remembered.
const MOST_SIGHTINGS: usize = 4096;

impl Sighted {
    /// An event names an account, perhaps together with its lasting id.
    pub fn account(&mut self, name: &str, id: Option<&str>) {
        let name = AccountName::parse(name);
        if let Some(id) = id {
            self.ids.entry(id.to_lowercase()).or_default().insert(name.clone());
        }
        self.accounts.insert(name);
    }

    /// Lasting ids under which an event names an account, as a name.
    pub(crate) fn names_by_id(&self) -> Vec<String> {
        let by_id = self.accounts.iter().filter(|name| self.ids.contains_key(&name.user));
        by_id.map(|name| name.user.clone()).collect()
    }

    /// An event names a host.
    pub fn host(&mut self, name: &str) {
        self.hosts.insert(name.trim_start_matches('\\').to_lowercase());
    }

    /// An event says that a host had an address.
    pub fn address(&mut self, host: &str, address: &str, time: Timestamp) {
        let Ok(address) = address.parse::<IpAddr>() else { return };
        let held = self.addresses.entry(address).or_default();
        if held.len() < MOST_SIGHTINGS && held.last().is_none_or(|(_, h)| !h.eq_ignore_ascii_case(host)) {
            held.push((time, host.to_lowercase()));
        }
    }
}

/// What a name means.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Resolved {
    /// The one name of the entity: the list's, or the fullest form seen.
    pub id: Arc<str>,
    /// Whether a list has it.
    pub registered: bool,
    /// Other entities that the name could mean just as well.
    pub ambiguous: Vec<String>,
}

/// Answers which entity a name means.
#[derive(Debug)]
pub struct Resolver {
    by_text: Table<Arc<str>>,
    by_user: Table<Vec<(AccountName, Arc<str>)>>,
    by_id: Table<String>,
    seen: Table<Vec<AccountName>>,
    hosts: Table<Arc<str>>,
    /// Those of `hosts` whose names have dots, in order.
    dotted: BTreeMap<String, Arc<str>>,
    seen_hosts: Table<BTreeSet<String>>,
    registered_addresses: HashMap<IpAddr, Arc<str>, RandomState>,
    addresses: BTreeMap<IpAddr, Vec<(Timestamp, String)>>,
}

/// What lower case texts mean. Intruders choose names: the hash is keyed.
type Table<V> = HashMap<Box<str>, V, RandomState>;

impl Resolver {
    /// Prepares for an inventory and the names that were seen.
    pub fn new(inventory: &Inventory, sighted: Sighted) -> Self {
        let mut resolver = Self {
            by_text: Table::default(),
            by_user: Table::default(),
            by_id: Table::default(),
            seen: Table::default(),
            hosts: Table::default(),
            dotted: BTreeMap::new(),
            seen_hosts: Table::default(),
            registered_addresses: HashMap::default(),
            addresses: sighted.addresses,
        };
        for entity in inventory.versions(EntityKind::Account) {
            let id = Arc::from(entity.id.as_str());
            for name in entity.names() {
                resolver.register_account(name, &id);
            }
        }
        for entity in inventory.versions(EntityKind::Host) {
            let id: Arc<str> = Arc::from(entity.id.as_str());
            for name in entity.names() {
                let name = name.to_lowercase();
                if name.contains('.') {
                    resolver.dotted.entry(name.clone()).or_insert_with(|| Arc::clone(&id));
                }
                resolver.hosts.entry(name.into()).or_insert_with(|| Arc::clone(&id));
            }
            for address in entity.values("addresses").iter().filter_map(|a| a.parse().ok()) {
                resolver.registered_addresses.entry(address).or_insert_with(|| Arc::clone(&id));
            }
        }
        for (id, names) in &sighted.ids {
            // An id that was seen under several names is a renamed account, or a lie: neither decides.
            if let (1, Some(name)) = (names.len(), names.first()) {
                resolver.by_id.entry(id.as_str().into()).or_insert_with(|| written(name));
            }
        }
        for name in sighted.accounts {
            resolver.seen.entry(name.user.as_str().into()).or_default().push(name);
        }
        for name in sighted.hosts {
            let short = name.split('.').next().unwrap_or_default().into();
            resolver.seen_hosts.entry(short).or_default().insert(name);
        }
        resolver
    }

    fn register_account(&mut self, name: &str, id: &Arc<str>) {
        self.by_text.entry(name.to_lowercase().into()).or_insert_with(|| Arc::clone(id));
        let parsed = AccountName::parse(name);
        let known = self.by_user.entry(parsed.user.as_str().into()).or_default();
        let pair = (parsed, Arc::clone(id));
        if !known.contains(&pair) {
            known.push(pair);
        }
    }

    /// The account that a name, and perhaps its lasting id, means.
    pub fn account(&self, name: &str, id: Option<&str>) -> Resolved {
        let exact =
            [Some(name), id].into_iter().flatten().find_map(|t| self.by_text.get(t.to_lowercase().as_str()));
        if let Some(exact) = exact {
            return Resolved { id: exact.clone(), registered: true, ambiguous: Vec::new() };
        }
        let mut parsed = AccountName::parse(name);
        if let Some(known) = self.by_id.get(name.to_lowercase().as_str()) {
            parsed = AccountName::parse(known);
        }
        let registered = self.by_user.get(parsed.user.as_str()).map_or(&[][..], Vec::as_slice);
        let mut ids: Vec<&Arc<str>> =
            registered.iter().filter(|(n, _)| n.agrees_with(&parsed)).map(|(_, id)| id).collect();
        ids.sort_unstable();
        ids.dedup();
        if let [only] = ids.as_slice() {
            return Resolved { id: Arc::clone(only), registered: true, ambiguous: Vec::new() };
        }
        let ambiguous = ids.into_iter().map(|id| (**id).to_owned()).collect();
        Resolved { id: written(&self.fullest(parsed)).into(), registered: false, ambiguous }
    }

    /// The fullest form that agrees with a name, if there is one such form only.
    fn fullest(&self, name: AccountName) -> AccountName {
        let seen = self.seen.get(name.user.as_str()).map_or(&[][..], Vec::as_slice);
        let agreeing = || seen.iter().filter(|n| n.agrees_with(&name) && !n.domain.is_empty());
        let agree = agreeing().all(|a| agreeing().all(|b| a.agrees_with(b)));
        let longest = agreeing().max_by_key(|n| (n.domain.len(), n.domain.as_str()));
        longest.filter(|_| agree).cloned().unwrap_or(name)
    }

    /// The host that a name means: the list's name for it, else the fullest form that was seen.
    pub fn host(&self, name: &str) -> Resolved {
        let name = name.trim().trim_start_matches('\\').trim_end_matches('.').to_lowercase();
        if let Some(address) = name.parse().ok().and_then(|ip: IpAddr| self.registered_addresses.get(&ip)) {
            return Resolved { id: address.clone(), registered: true, ambiguous: Vec::new() };
        }
        let short = name.split('.').next().unwrap_or_default();
        let listed = self.hosts.get(name.as_str()).or_else(|| self.hosts.get(short)).or_else(|| {
            // A list may have the full name where the log has the short one.
            let dotted = format!("{name}.");
            let mut full = self.dotted.range(dotted.clone()..).take_while(|(n, _)| n.starts_with(&dotted));
            full.next().filter(|_| full.next().is_none()).map(|(_, id)| id)
        });
        if let Some(id) = listed {
            return Resolved { id: id.clone(), registered: true, ambiguous: Vec::new() };
        }
        let full = self.seen_hosts.get(short).into_iter().flatten().filter(|n| n.contains('.'));
        let full: Vec<&String> = full.collect();
        match full.as_slice() {
            [only] if !name.contains('.') => {
                Resolved { id: only.as_str().into(), registered: false, ambiguous: Vec::new() }
            }
            _ => Resolved { id: name.into(), registered: false, ambiguous: Vec::new() },
        }
    }

    /// The host that a list gives an address to.
    pub(super) fn host_with(&self, address: &str) -> Option<Resolved> {
        let ip: IpAddr = address.parse().ok()?;
        let id = self.registered_addresses.get(&ip)?;
        Some(Resolved { id: Arc::clone(id), registered: true, ambiguous: Vec::new() })
    }

    /// The host that had an address then: by list, else the last one seen with it until then.
    pub fn host_at(&self, address: &str, time: Timestamp) -> Option<Resolved> {
        if let Some(listed) = self.host_with(address) {
            return Some(listed);
        }
        let held = self.addresses.get(&address.parse().ok()?)?;
        let last = held.iter().filter(|(from, _)| *from <= time).max_by_key(|(from, _)| *from)?;
        Some(self.host(&last.1))
    }
}

fn written(name: &AccountName) -> String {
    if name.domain.is_empty() { name.user.clone() } else { format!("{}@{}", name.user, name.domain) }
}

#[cfg(test)]
mod tests {
    use super::super::{Entity, ListKind, Place};
    use super::*;

    fn entity(kind: EntityKind, id: &str, aliases: &[&str], addresses: &[&str]) -> Entity {
        let owned = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        Entity {
            aliases: owned(aliases),
            attributes: BTreeMap::from([("addresses".to_owned(), owned(addresses))]),
            ..Entity::new(kind, id.to_owned(), Place::default(), ListKind::default())
        }
    }

    fn resolver(accounts: &[(&str, &[&str])], seen: &[(&str, Option<&str>)]) -> Resolver {
        let mut inventory = Inventory::default();
        for (id, aliases) in accounts {
            inventory.add(entity(EntityKind::Account, id, aliases, &[]));
        }
        let mut sighted = Sighted::default();
        seen.iter().for_each(|(name, id)| sighted.account(name, *id));
        Resolver::new(&inventory, sighted)
    }

    #[test]
    fn every_usual_form_means_the_registered_account() {
        let resolver = resolver(&[("mika@corp.example.jp", &["S-1-5-21-1-2-3-1104"])], &[]);
        for name in
            ["mika", "CORP\\Mika", "mika@corp.example.jp", "MIKA@corp", "s-1-5-21-1-2-3-1104", ".\\mika"]
        {
            let found = resolver.account(name, None);
            assert!(found.registered && &*found.id == "mika@corp.example.jp", "{name}: {found:?}");
        }
        let other = resolver.account("mika@partner.example.com", None);
        assert!(!other.registered, "{other:?}");
        assert!(resolver.account("renamed", Some("S-1-5-21-1-2-3-1104")).registered);
    }

    #[test]
    fn a_name_that_two_registered_accounts_share_is_neither() {
        let resolver = resolver(&[("mika@a.example", &[]), ("mika@b.example", &[])], &[]);
        let found = resolver.account("mika", None);
        assert!(!found.registered);
        assert_eq!(found.ambiguous, ["mika@a.example", "mika@b.example"]);
        assert!(resolver.account("A\\mika", None).registered);
    }

    #[test]
    fn forms_of_an_unregistered_account_fall_together_only_if_one_domain_fits() {
        let sid = Some("S-1-5-21-9-9-9-1");
        let one = resolver(&[], &[("CORP\\eve", None), ("eve", None), ("eve@corp.example.jp", sid)]);
        for name in ["eve", "corp\\eve", "EVE@corp.example.jp", "S-1-5-21-9-9-9-1"] {
            assert_eq!(&*one.account(name, None).id, "eve@corp.example.jp", "{name}");
        }
        let two = resolver(&[], &[("A\\eve", None), ("B\\eve", None)]);
        assert_eq!(&*two.account("eve", None).id, "eve");
        assert_eq!(&*two.account("A\\eve", None).id, "eve@a");
    }

    #[test]
    fn an_address_means_the_host_that_had_it_then() {
        let mut inventory = Inventory::default();
        inventory.add(entity(EntityKind::Host, "fs01.corp.example.jp", &[], &["192.0.2.20"]));
        let mut sighted = Sighted::default();
        let at = |s: i64| Timestamp::from_nanos(s);
        sighted.address("pc1", "192.0.2.50", at(10));
        sighted.address("pc2", "192.0.2.50", at(20));
        let resolver = Resolver::new(&inventory, sighted);
        let host = |ip: &str, s| resolver.host_at(ip, at(s)).map(|r| r.id);
        assert_eq!(host("192.0.2.20", 0).as_deref(), Some("fs01.corp.example.jp"));
        assert_eq!(host("192.0.2.50", 15).as_deref(), Some("pc1"));
        assert_eq!(host("192.0.2.50", 25).as_deref(), Some("pc2"));
        assert_eq!(host("192.0.2.50", 5), None);
        assert!(resolver.host("FS01").registered && resolver.host("\\\\FS01").registered);
    }

    #[test]
    fn names_are_taken_apart_as_written() {
        let parts = |text| {
            let name = AccountName::parse(text);
            (name.user, name.domain)
        };
        let own = |u: &str, d: &str| (u.to_owned(), d.to_owned());
        assert_eq!(parts("arn:aws:iam::123456789012:user/ops/mika"), own("ops/mika", "123456789012"));
        assert_eq!(parts("@odd"), own("@odd", ""));
        assert_eq!(parts("a@b@c.example"), own("a@b", "c.example"));
    }
}
