//! Entities, as an organisation's lists describe them, in two times: when it holds, and since when it is known.

use std::collections::{BTreeMap, BTreeSet};

use hinomi_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::Validity;

/// What an entity is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntityKind {
    /// An account of a directory, a gateway, a host or a cloud service.
    Account,
    /// A computer or device.
    Host,
    /// A service that somebody answers for, such as a tenant of a cloud.
    Service,
    /// A port of a host that other computers reach.
    Exposure,
    /// A company or contractor with access.
    Supplier,
    /// A range of addresses with a purpose.
    Segment,
    /// A place where data of a class is kept.
    Store,
    /// A backup copy.
    Copy,
    /// A log that should arrive.
    Source,
    /// An exception from a claim.
    Exception,
    /// A weakness of a host that a scanner or a register lists.
    Weakness,
    /// An account as administrator of a host.
    Administrator,
    /// A right that an account was granted.
    Grant,
}

impl EntityKind {
    /// Name in conditions and output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Host => "host",
            Self::Service => "service",
            Self::Exposure => "exposure",
            Self::Supplier => "supplier",
            Self::Segment => "segment",
            Self::Store => "store",
            Self::Copy => "copy",
            Self::Source => "source",
            Self::Exception => "exception",
            Self::Weakness => "weakness",
            Self::Administrator => "administrator",
            Self::Grant => "grant",
        }
    }
}

/// Where a list says so.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize)]
pub struct Place {
    /// Name of the document.
    pub document: String,
    /// Line in it, from 1.
    pub line: u64,
}

/// One entity, as one row of one list describes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entity {
    /// What it is.
    pub kind: EntityKind,
    /// Its name.
    pub id: String,
    /// Other names of it.
    pub aliases: Vec<String>,
    /// What the list says of it; several values where it lists several.
    pub attributes: BTreeMap<String, Vec<String>>,
    /// When that holds.
    pub valid: Validity,
    /// Since when it is known; always, if the list does not say.
    pub known_from: Option<Timestamp>,
    /// Where it stands.
    pub place: Place,
    /// What kind of list says so: a list that people keep, or an export of a product.
    pub list: ListKind,
    /// Whether a list that people keep has it.
    pub is_registered: bool,
    /// Classes of exports that have it.
    pub seen_in: BTreeSet<String>,
}

/// What a list is to an organisation.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct ListKind {
    /// Its name: that of the shape of an export, or `register`.
    pub name: String,
    /// `directory`, `sensor`, `backup`, `scan` …; `register` for lists that people keep.
    pub class: String,
    /// Whether people keep it: what stands in it is registered, what stands in others is seen.
    pub is_register: bool,
}

impl Default for ListKind {
    fn default() -> Self {
        Self { name: "register".to_owned(), class: "register".to_owned(), is_register: true }
    }
}

impl Entity {
    /// A row of a list, of which nothing more is said.
    pub fn new(kind: EntityKind, id: String, place: Place, list: ListKind) -> Self {
        Self {
            kind,
            id,
            aliases: Vec::new(),
            attributes: BTreeMap::new(),
            valid: Validity::default(),
            known_from: None,
            place,
            is_registered: list.is_register,
            seen_in: if list.is_register { BTreeSet::new() } else { BTreeSet::from([list.class.clone()]) },
            list,
        }
    }

    /// What tells it from others of its kind. A weakness is one per host, a right one per account and service.
    fn key(&self) -> String {
        let parts: &[&str] = match self.kind {
            EntityKind::Weakness | EntityKind::Administrator => &["host"],
            EntityKind::Grant => &["account", "service"],
            _ => &[],
        };
        let said = parts.iter().flat_map(|part| self.values(part));
        said.fold(self.id.to_lowercase(), |key, part| format!("{key} @ {}", part.to_lowercase()))
    }

    /// The values of an attribute; empty when nothing is said.
    pub fn values(&self, attribute: &str) -> &[String] {
        self.attributes.get(attribute).map_or(&[], Vec::as_slice)
    }

    /// The first value of an attribute.
    pub fn value(&self, attribute: &str) -> Option<&str> {
        self.values(attribute).first().map(String::as_str)
    }

    /// All names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.id.as_str()).chain(self.aliases.iter().map(String::as_str))
    }
}

/// Every row of every list.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// Versions by kind and name.
    entities: BTreeMap<EntityKind, BTreeMap<String, Vec<Entity>>>,
    sources: BTreeMap<EntityKind, Sources>,
}

/// Which lists speak of a kind.
#[derive(Clone, Debug, Default)]
struct Sources {
    has_register: bool,
    exports: BTreeSet<String>,
}

impl Inventory {
    /// Adds a row. Rows about the same entity are versions of it.
    pub fn add(&mut self, entity: Entity) {
        let sources = self.sources.entry(entity.kind).or_default();
        sources.has_register |= entity.is_registered;
        let new = entity.seen_in.iter().filter(|class| !sources.exports.contains(*class)).cloned();
        let new: Vec<String> = new.collect();
        sources.exports.extend(new);
        let versions = self.entities.entry(entity.kind).or_default().entry(entity.key()).or_default();
        // Most entities have one version.
        versions.reserve_exact(1);
        versions.push(entity);
        versions.sort_by(|a, b| {
            (a.known_from, a.valid.from, &a.place).cmp(&(b.known_from, b.valid.from, &b.place))
        });
    }

    /// What was believed of an entity for a moment, knowing only what was known at `known`: the latest known version
    /// that holds then.
    pub fn believed(&self, kind: EntityKind, id: &str, at: Timestamp, known: Timestamp) -> Option<&Entity> {
        as_known(self.versions_of(kind, id), at, known)
    }

    /// The versions of each entity of a kind, by its name.
    pub(crate) fn by_name(&self, kind: EntityKind) -> impl Iterator<Item = (&str, &[Entity])> {
        let of_kind = self.entities.get(&kind).into_iter().flatten();
        of_kind.map(|(name, versions)| (name.as_str(), versions.as_slice()))
    }

    /// The versions of an entity.
    fn versions_of(&self, kind: EntityKind, id: &str) -> &[Entity] {
        let Some(of_kind) = self.entities.get(&kind) else { return &[] };
        of_kind.get(id).or_else(|| of_kind.get(&id.to_lowercase())).map_or(&[], Vec::as_slice)
    }

    /// The versions of each entity of a kind.
    fn of_kind(&self, kind: EntityKind) -> impl Iterator<Item = &Vec<Entity>> {
        self.entities.get(&kind).into_iter().flat_map(BTreeMap::values)
    }

    /// Every entity of a kind as known at `known`, for a moment.
    pub fn all(&self, kind: EntityKind, at: Timestamp, known: Timestamp) -> impl Iterator<Item = &Entity> {
        self.of_kind(kind).filter_map(move |versions| as_known(versions, at, known))
    }

    /// Every version of every entity of a kind, also those that no longer or not yet hold.
    pub fn versions(&self, kind: EntityKind) -> impl Iterator<Item = &Entity> {
        self.of_kind(kind).flatten()
    }

    /// Whether any list speaks of this kind.
    pub fn has_list(&self, kind: EntityKind) -> bool {
        self.entities.contains_key(&kind)
    }

    /// Every row of every kind.
    pub(super) fn rows(&self) -> impl Iterator<Item = &Entity> {
        self.entities.values().flat_map(BTreeMap::values).flatten()
    }

    /// Whether people keep a list of this kind: without one, nothing is unregistered.
    pub fn has_register(&self, kind: EntityKind) -> bool {
        self.sources.get(&kind).is_some_and(|sources| sources.has_register)
    }

    /// Classes of exports that speak of this kind.
    pub fn exports(&self, kind: EntityKind) -> &BTreeSet<String> {
        static NONE: BTreeSet<String> = BTreeSet::new();
        self.sources.get(&kind).map_or(&NONE, |sources| &sources.exports)
    }

    /// Names of the documents that were used.
    pub fn documents(&self) -> BTreeSet<&str> {
        self.entities
            .values()
            .flat_map(BTreeMap::values)
            .flatten()
            .map(|e| e.place.document.as_str())
            .collect()
    }
}

/// The latest version that is known by then and holds at that moment.
pub(crate) fn as_known(versions: &[Entity], at: Timestamp, known: Timestamp) -> Option<&Entity> {
    let usable = |e: &&Entity| e.known_from.is_none_or(|k| k <= known) && e.valid.holds_at(at);
    versions.iter().rev().find(usable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(owner: &str, from: i64, until: Option<i64>, known: i64) -> Entity {
        Entity {
            attributes: BTreeMap::from([("owner".to_owned(), vec![owner.to_owned()])]),
            valid: Validity {
                from: Some(Timestamp::from_nanos(from)),
                until: until.map(Timestamp::from_nanos),
            },
            known_from: Some(Timestamp::from_nanos(known)),
            ..Entity::new(EntityKind::Account, "Mika".to_owned(), Place::default(), ListKind::default())
        }
    }

    /// On day 20 a list corrects who was the owner on day 5: both answers stay available.
    #[test]
    fn what_was_believed_then_and_what_is_known_now_are_two_answers() {
        let mut inventory = Inventory::default();
        inventory.add(version("sales", 0, None, 0));
        inventory.add(version("nobody", 3, Some(10), 20));
        let owner = |at, known| {
            let at = Timestamp::from_nanos(at);
            let known = Timestamp::from_nanos(known);
            inventory.believed(EntityKind::Account, "MIKA", at, known).and_then(|e| e.value("owner"))
        };
        assert_eq!(owner(5, 5), Some("sales"));
        assert_eq!(owner(5, 20), Some("nobody"));
        assert_eq!(owner(12, 20), Some("sales"));
        assert_eq!(owner(-1, 20), None);
    }
}
