//! Hosts, accounts and addresses: who and what there is.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use crate::error::ScenarioError;
use crate::seed::{below, mix, word};
use crate::spec::{Library, Role};
use crate::template::{Piece, pieces};

/// Most entities of a population.
const MOST: usize = 200_000;

/// Number of an entity.
pub(crate) type EntityId = u32;

/// A host, an account or an address.
#[derive(Debug)]
pub(crate) struct Entity {
    /// Values by number of attribute; empty where it has none.
    values: Vec<Box<str>>,
}

impl Entity {
    pub(crate) fn value(&self, attribute: u32) -> &str {
        self.values.get(attribute as usize).map_or("", AsRef::as_ref)
    }
}

/// All entities of one role.
#[derive(Debug)]
pub(crate) struct RoleMembers {
    pub(crate) name: String,
    pub(crate) members: Vec<EntityId>,
    pub(crate) logs: Vec<String>,
}

/// Everybody and everything.
#[derive(Debug)]
pub(crate) struct Population {
    pub(crate) roles: Vec<RoleMembers>,
    entities: Vec<Entity>,
    attributes: Vec<String>,
    by_role: BTreeMap<String, u32>,
}

/// Attribute of every entity: its name.
pub(crate) const NAME: u32 = 0;
/// Attribute of every entity with a network: its address.
pub(crate) const IP: u32 = 1;

impl Population {
    /// Makes the population of a library, with `hosts` hosts if that is asked for.
    pub(crate) fn new(library: &Library, hosts: Option<u32>) -> Result<Self, ScenarioError> {
        let roles: Vec<&Role> = library.organisation.roles.iter().chain(&library.scenario.roles).collect();
        let mut names: BTreeSet<&str> = BTreeSet::new();
        roles.iter().for_each(|r| names.extend(r.attributes.keys().map(String::as_str)));
        let mut attributes = vec!["name".to_owned(), "ip".to_owned()];
        attributes.extend(names.into_iter().map(str::to_owned));
        let mut population =
            Self { roles: Vec::new(), entities: Vec::new(), attributes, by_role: BTreeMap::new() };
        let scale = Scale::of(&roles, hosts);
        let mut maker = Maker { library, taken: BTreeSet::new() };
        for role in roles {
            let count = scale.apply(role);
            population.add(role, count, &mut maker)?;
        }
        Ok(population)
    }

    fn add(&mut self, role: &Role, count: u32, maker: &mut Maker<'_>) -> Result<(), ScenarioError> {
        let index = self.roles.len() as u32;
        let mut members = Vec::new();
        for number in 1..=count {
            if self.entities.len() >= MOST {
                let place = role.role.clone();
                return Err(ScenarioError::TooMany { place, kind: "entities", most: MOST });
            }
            let values = maker.values(role, number, &self.attributes)?;
            members.push(self.entities.len() as EntityId);
            self.entities.push(Entity { values });
        }
        self.by_role.insert(role.role.clone(), index);
        self.roles.push(RoleMembers { name: role.role.clone(), members, logs: role.logs.clone() });
        Ok(())
    }

    pub(crate) fn entity(&self, id: EntityId) -> Option<&Entity> {
        self.entities.get(id as usize)
    }

    pub(crate) fn value(&self, id: EntityId, attribute: u32) -> &str {
        self.entity(id).map_or("", |e| e.value(attribute))
    }

    /// Number of an attribute.
    pub(crate) fn attribute(&self, name: &str) -> Option<u32> {
        self.attributes.iter().position(|a| a == name).map(|at| at as u32)
    }

    pub(crate) fn role(&self, name: &str) -> Option<&RoleMembers> {
        self.by_role.get(name).and_then(|&at| self.roles.get(at as usize))
    }

    /// Entities with logs.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = (EntityId, &RoleMembers)> {
        let with_logs = self.roles.iter().filter(|r| !r.logs.is_empty());
        with_logs.flat_map(|r| r.members.iter().map(move |&id| (id, r)))
    }
}

/// How elastic roles grow, as a fraction.
struct Scale {
    wanted: u64,
    of: u64,
}

impl Scale {
    fn of(roles: &[&Role], hosts: Option<u32>) -> Self {
        let count = |elastic: bool| {
            let fitting = roles.iter().filter(|r| !r.logs.is_empty() && r.elastic == elastic);
            fitting.map(|r| u64::from(r.count)).sum::<u64>()
        };
        let (fixed, elastic) = (count(false), count(true).max(1));
        let wanted = hosts.map_or(elastic, |n| u64::from(n).saturating_sub(fixed).max(1));
        Self { wanted, of: elastic }
    }

    fn apply(&self, role: &Role) -> u32 {
        if !role.elastic {
            return role.count;
        }
        let scaled = (u64::from(role.count) * self.wanted).div_ceil(self.of);
        u32::try_from(scaled.max(1)).unwrap_or(u32::MAX)
    }
}

/// Makes the values of entities.
struct Maker<'a> {
    library: &'a Library,
    taken: BTreeSet<String>,
}

impl Maker<'_> {
    fn values(
        &mut self,
        role: &Role,
        number: u32,
        attributes: &[String],
    ) -> Result<Vec<Box<str>>, ScenarioError> {
        let place = &role.role;
        let mut own: BTreeMap<&str, String> = BTreeMap::new();
        if !role.network.is_empty() {
            own.insert("ip", address(place, &role.network, number)?);
        }
        let mut name = self.fill(place, &role.name, number, &own)?;
        if !self.taken.insert(name.clone()) {
            name.push_str(&number.to_string());
            self.taken.insert(name.clone());
        }
        own.insert("name", name);
        for (attribute, template) in &role.attributes {
            let value = self.fill(place, template, number, &own)?;
            own.insert(attribute, value);
        }
        Ok(attributes.iter().map(|a| own.remove(a.as_str()).unwrap_or_default().into()).collect())
    }

    fn fill(
        &self,
        place: &str,
        template: &str,
        number: u32,
        own: &BTreeMap<&str, String>,
    ) -> Result<String, ScenarioError> {
        let mut out = String::new();
        for piece in pieces(place, template)? {
            match piece {
                Piece::Text(text) => out.push_str(&text),
                Piece::Hole { name, filter } => {
                    let value = self.hole(place, &name, number, own).ok_or_else(|| {
                        ScenarioError::Unknown { place: place.to_owned(), kind: "value", name: name.clone() }
                    })?;
                    out.push_str(&filter.apply(&value));
                }
            }
        }
        Ok(out)
    }

    fn hole(&self, place: &str, name: &str, number: u32, own: &BTreeMap<&str, String>) -> Option<String> {
        if name == "n" {
            return Some(number.to_string());
        }
        if let Some(add) = name.strip_prefix("n:+") {
            return Some((u64::from(number) + add.parse::<u64>().ok()?).to_string());
        }
        if let Some(width) = name.strip_prefix("n:") {
            let width = width.parse::<usize>().ok()?;
            return Some(format!("{number:0width$}"));
        }
        if let Some(list) = name.strip_prefix("words.") {
            let words = self.library.organisation.words.get(list)?;
            let drawn = mix(word(&format!("{place}/{list}")), u64::from(number));
            return words.get(below(drawn, words.len() as u64) as usize).cloned();
        }
        let constant = || self.library.organisation.constants.get(name).cloned();
        own.get(name).cloned().or_else(constant)
    }
}

/// The `number`th address of a network, leaving out the ends of each /24.
fn address(place: &str, network: &str, number: u32) -> Result<String, ScenarioError> {
    let wrong = || ScenarioError::Notation {
        place: place.to_owned(),
        value: network.to_owned(),
        expected: "an IPv4 network with room for all",
    };
    let (base, prefix) = network.split_once('/').ok_or_else(wrong)?;
    let base = u32::from(base.parse::<Ipv4Addr>().map_err(|_| wrong())?);
    let prefix = prefix.parse::<u32>().ok().filter(|p| (8..=32).contains(p)).ok_or_else(wrong)?;
    if prefix == 32 {
        return Ok(Ipv4Addr::from(base).to_string());
    }
    let at = number - 1;
    let offset = (at / 240) * 256 + 10 + at % 240;
    if u64::from(offset) >= 1u64 << (32 - prefix) {
        return Err(wrong());
    }
    Ok(Ipv4Addr::from(base + offset).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert_eq!(address("x", "10.1.0.0/16", 1).unwrap(), "10.1.0.10");
        assert_eq!(address("x", "10.1.0.0/16", 241).unwrap(), "10.1.1.10");
        assert_eq!(address("x", "192.0.2.7/32", 3).unwrap(), "192.0.2.7");
        assert!(address("x", "192.0.2.0/24", 300).is_err());
        assert!(address("x", "192.0.2.0", 1).is_err());
    }
}
