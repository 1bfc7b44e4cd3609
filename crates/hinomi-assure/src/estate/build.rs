//! Adds lists, sign-ins and stored secrets to the graph of exports.

use std::collections::{BTreeMap, BTreeSet};

use hinomi_model::{Diagnostics, Timestamp};

use super::names::{ACCOUNT, HOST, Names};
use super::secrets::StoredSecret;
use crate::assess::{SourceLog, sighted};
use crate::graph::{Builder, DocumentId, Graph};
use crate::inventory::{Entity, EntityKind, Inventory};
use crate::{Access, Observation, ObservationKind, ObservationSpec};

/// What is known beside the exports.
pub struct Material<'m> {
    /// Observation rules.
    pub specs: &'m [ObservationSpec],
    /// What they observed.
    pub observations: &'m [Observation],
    /// Logs that were read.
    pub logs: &'m [SourceLog],
    /// Lists.
    pub inventory: &'m Inventory,
    /// Stored secrets.
    pub secrets: &'m [StoredSecret],
    /// The present.
    pub now: Timestamp,
    /// Where an event stands: document and byte offset.
    pub place: &'m dyn Fn(usize) -> Option<(String, u64)>,
}

/// The event that an edge rests on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Event {
    /// The caller's number of the first one.
    pub first: usize,
    /// When it was last seen.
    pub last: Timestamp,
    /// How many there were.
    pub count: u64,
}

/// Everything that is known, as a graph.
#[derive(Debug)]
pub struct Estate {
    /// The graph.
    pub graph: Graph,
    /// What could not be read or joined.
    pub diagnostics: Diagnostics,
    /// Events behind edges, by document and offset.
    pub events: BTreeMap<(String, u64), Event>,
    /// Decoys that were used: the secret, and the event of the use.
    pub decoys_used: Vec<(StoredSecret, usize)>,
    names: Option<Names>,
}

impl Estate {
    /// Puts everything together. `builder` has read the exports.
    pub fn build(mut builder: Builder, material: &Material<'_>) -> Self {
        let has_lists = !material.inventory.documents().is_empty();
        let is_alone = material.observations.is_empty() && !has_lists && material.secrets.is_empty();
        if is_alone {
            let (graph, diagnostics) = builder.finish();
            let (events, decoys_used) = (BTreeMap::new(), Vec::new());
            return Self { graph, diagnostics, events, decoys_used, names: None };
        }
        let mut sighted = sighted(material.observations, material.logs);
        for secret in material.secrets {
            sighted.host(&secret.host);
            if !secret.account.is_empty() && is_directory_account(secret) {
                sighted.account(&secret.account, None);
            }
        }
        let names = Names::join(&mut builder, material.inventory, sighted);
        let mut writer =
            Writer { builder, names, material, documents: BTreeMap::new(), events: BTreeMap::new() };
        writer.lists();
        writer.sign_ins();
        writer.secrets();
        let decoys_used = writer.decoys_used();
        let (graph, diagnostics) = writer.builder.finish();
        Self { graph, diagnostics, events: writer.events, decoys_used, names: Some(writer.names) }
    }

    /// The identifier by which the graph knows an account that logs or lists name.
    pub fn account(&self, name: &str) -> String {
        self.names.as_ref().map_or_else(|| name.to_owned(), |names| names.account(name, None))
    }

    /// The identifier by which the graph knows a host that logs or lists name.
    pub fn host(&self, name: &str) -> String {
        self.names.as_ref().map_or_else(|| name.to_owned(), |names| names.host(name))
    }
}

/// Whether the account of a secret is one that the directory or a host has, and not one of a cloud.
fn is_directory_account(secret: &StoredSecret) -> bool {
    secret.account_kind.is_empty() || secret.account_kind.eq_ignore_ascii_case(ACCOUNT)
}

/// Identifier of a supplier, a backup copy and a stored secret.
pub(super) fn supplier_id(name: &str) -> String {
    format!("supplier:{name}")
}

struct Writer<'m> {
    builder: Builder,
    names: Names,
    material: &'m Material<'m>,
    documents: BTreeMap<String, DocumentId>,
    events: BTreeMap<(String, u64), Event>,
}

impl Writer<'_> {
    fn edge(&mut self, from: &str, kind: &str, to: &str, is_observed: bool, at: (String, u64)) {
        if from.eq_ignore_ascii_case(to) {
            return;
        }
        let (document, offset) = at;
        let builder = &mut self.builder;
        let document = *self.documents.entry(document).or_insert_with_key(|name| builder.document(name));
        let place = self.builder.place(document, offset);
        self.builder.edge(from, kind, to, is_observed, place);
    }

    /// Describes what only logs and lists name; what an export describes keeps its name.
    fn describe(&mut self, id: &str, kind: &str, is_marked: bool) {
        self.builder.describe(id, kind, "", is_marked);
    }

    fn lists(&mut self) {
        let (inventory, now) = (self.material.inventory, self.material.now);
        for host in inventory.all(EntityKind::Host, now, now) {
            let id = self.names.host(&host.id);
            let is_controller = host.value("role") == Some("domain-controller");
            self.describe(&id, HOST, is_controller || is_tier_zero(host));
            for name in host.values("administrators") {
                let account = self.names.account(name, None);
                self.describe(&account, ACCOUNT, false);
                self.edge(&account, "admin-of", &id, false, stated(host));
            }
        }
        for account in inventory.all(EntityKind::Account, now, now) {
            self.account(account);
        }
        for copy in inventory.all(EntityKind::Copy, now, now) {
            let id = format!("backup:{}", copy.id);
            self.builder.describe(&id, "backup-copy", &copy.id, false);
            for (attribute, kind) in [("hosts", EntityKind::Host), ("accounts", EntityKind::Account)] {
                for name in copy.values(attribute) {
                    let holder = self.names.listed(kind, name);
                    self.describe(&holder, if kind == EntityKind::Host { HOST } else { ACCOUNT }, false);
                    self.edge(&holder, "operates", &id, false, stated(copy));
                }
            }
        }
    }

    fn account(&mut self, account: &Entity) {
        let (inventory, now) = (self.material.inventory, self.material.now);
        let id = self.names.account(&account.id, None);
        self.describe(&id, ACCOUNT, is_tier_zero(account));
        let mut targets = account.values("targets").to_vec();
        if let Some(name) = account.value("supplier") {
            let known = inventory.believed(EntityKind::Supplier, name, now, now);
            let name = known.map_or(name, |s| s.id.as_str());
            let supplier = supplier_id(name);
            self.builder.describe(&supplier, "supplier", name, false);
            self.edge(&supplier, "uses-account", &id, false, stated(account));
            if targets.is_empty() {
                targets = known.map(|s| s.values("targets").to_vec()).unwrap_or_default();
            }
        }
        for target in targets {
            // A target may be a network or a pattern; only a host that a list has is a node.
            let host = self.names.resolver.host(&target);
            if host.registered {
                let host = self.names.host(&target);
                self.edge(&id, "may-sign-in", &host, false, stated(account));
            }
        }
    }

    fn sign_ins(&mut self) {
        let mut seen: BTreeMap<(String, &'static str, String), Event> = BTreeMap::new();
        for observation in self.material.observations {
            let Some(spec) = self.material.specs.get(observation.rule) else { continue };
            let is_use = matches!(spec.kind, ObservationKind::SignIn | ObservationKind::Administrator);
            // Where somebody came from, only the beginning says.
            if !is_use || spec.ends {
                continue;
            }
            for edge in self.edges_of(spec, observation) {
                let event = Event { first: observation.event, last: observation.time, count: 0 };
                let known = seen.entry(edge).or_insert(event);
                known.count += 1;
                known.last = known.last.max(observation.time);
            }
        }
        for ((from, kind, to), event) in seen {
            let Some(at) = (self.material.place)(event.first) else { continue };
            let (from_kind, to_kind) =
                if matches!(kind, "left-secret" | "used-from") { (HOST, ACCOUNT) } else { (ACCOUNT, HOST) };
            self.describe(&from, from_kind, false);
            self.describe(&to, to_kind, false);
            // That a secret lies somewhere is no use of it.
            self.edge(&from, kind, &to, kind != "left-secret", at.clone());
            self.events.entry(at).or_insert(event);
        }
    }

    /// What one sign-in says: who entered what, whose secret it left there, and from where the account was used.
    fn edges_of(&self, spec: &ObservationSpec, seen: &Observation) -> Vec<(String, &'static str, String)> {
        let mut edges = Vec::new();
        let Some(account) = seen.account.as_deref() else { return edges };
        let account = self.names.account(account, seen.account_id.as_deref());
        let device = seen.device.as_deref().map(|d| self.names.host(d));
        if spec.kind == ObservationKind::Administrator {
            edges.extend(device.map(|device| (account, "admin-of", device)));
            return edges;
        }
        if let Some(device) = &device {
            let kind = match spec.access {
                Some(Access::Interactive) => Some("signed-in-at"),
                Some(Access::Network) => Some("used-service"),
                Some(Access::Remote) => Some("entered-by"),
                Some(Access::Service | Access::Cloud) | None => None,
            };
            edges.extend(kind.map(|kind| (account.clone(), kind, device.clone())));
            if spec.left_secret(seen) {
                edges.push((device.clone(), "left-secret", account.clone()));
            }
        }
        let named = seen.origin.as_deref().map(|o| self.names.host(o));
        let origin = named.or_else(|| self.names.host_at(seen.address.as_deref()?, seen.time));
        if let Some(origin) = origin.filter(|o| Some(o) != device.as_ref()) {
            edges.push((origin, "used-from", account));
        }
        edges
    }

    fn secrets(&mut self) {
        for secret in self.material.secrets {
            let host = self.names.host(&secret.host);
            self.describe(&host, HOST, false);
            // The same words on two hosts are two secrets until somebody says otherwise.
            let id = format!("secret:{}:{}", host.to_lowercase(), secret.secret);
            self.builder.describe(&id, "secret", &secret.secret, false);
            let at = (format!("{}:{}", secret.place.document, secret.place.line), 0);
            if secret.is_decoy {
                self.edge(&host, "holds-decoy", &id, false, at);
                continue;
            }
            let account = if is_directory_account(secret) {
                let account = self.names.account(&secret.account, None);
                self.describe(&account, ACCOUNT, false);
                account
            } else {
                self.builder.describe(&secret.account, &secret.account_kind, "", false);
                secret.account.clone()
            };
            self.edge(&host, "holds-secret", &id, false, at.clone());
            self.edge(&id, "secret-of", &account, false, at);
        }
    }

    /// Decoys whose account signed in anywhere: nobody has a reason to.
    fn decoys_used(&self) -> Vec<(StoredSecret, usize)> {
        let decoys = self.material.secrets.iter().filter(|s| s.is_decoy && !s.account.is_empty());
        let by_account: BTreeMap<String, &StoredSecret> =
            decoys.map(|s| (self.names.account(&s.account, None), s)).collect();
        if by_account.is_empty() {
            return Vec::new();
        }
        let mut told = BTreeSet::new();
        let used = self.material.observations.iter().filter_map(|seen| {
            let account = self.names.account(seen.account.as_deref()?, seen.account_id.as_deref());
            let decoy = by_account.get(&account)?;
            told.insert(account).then(|| ((*decoy).clone(), seen.event))
        });
        used.collect()
    }
}

fn is_tier_zero(entity: &Entity) -> bool {
    entity.value("tier").is_some_and(|tier| tier.trim_start_matches(|c: char| !c.is_ascii_digit()) == "0")
}

/// The line of a list, as the name of a document: lists have lines, not offsets.
fn stated(entity: &Entity) -> (String, u64) {
    (format!("{}:{}", entity.place.document, entity.place.line), 0)
}
