//! Hosts, exposed services, suppliers and backup copies as all lists together have them: registered, exported, seen.

use std::collections::BTreeMap;

use hinomi_model::{NANOS_PER_SECOND, Timestamp};

use super::host::HostDay;
use super::kept::FactorTally;
use super::listed;
use super::rows::Scene;
use crate::Truth;
use crate::claim::{Row, Value};
use crate::inventory::{Entity, EntityKind, Place, day};

/// Accounts of suppliers that signed in.
type SignedIn = BTreeMap<String, FactorTally>;

/// Something that a list, or a log, speaks of.
pub(super) struct EntityRow<'s> {
    scene: &'s Scene<'s>,
    kind: EntityKind,
    id: String,
    entity: Option<&'s Entity>,
    /// Whether logs show it.
    seen: Truth,
    /// Whether accounts name it.
    named: Truth,
}

/// The entities of `listed`, and those of the kind that logs show or that others name.
pub(super) fn all<'s>(
    scene: &'s Scene<'s>,
    kind: EntityKind,
    listed: &[&'s Entity],
    (hosts, signed_in): (&[HostDay<'_>], &SignedIn),
) -> Vec<EntityRow<'s>> {
    let now = scene.material.now;
    let mut names: BTreeMap<String, (Truth, Truth)> = BTreeMap::new();
    for entity in listed {
        names.insert(entity.id.clone(), (Truth::Unknown, Truth::Unknown));
    }
    match kind {
        EntityKind::Host => shown(hosts, &mut names),
        EntityKind::Supplier => named(scene, signed_in, &mut names),
        _ => {}
    }
    let row = |(id, (seen, named)): (String, (Truth, Truth))| {
        let entity = scene.entity(kind, &id, now);
        EntityRow { scene, kind, id, entity, seen, named }
    };
    names.into_iter().map(row).collect()
}

/// Hosts of which logs speak.
fn shown(hosts: &[HostDay<'_>], found: &mut BTreeMap<String, (Truth, Truth)>) {
    if hosts.is_empty() {
        return;
    }
    found.values_mut().for_each(|(seen, _)| *seen = Truth::False);
    for day in hosts.iter().filter(|day| day.is_seen()) {
        found.entry(day.host().to_owned()).or_insert((Truth::False, Truth::Unknown)).0 = Truth::True;
    }
}

/// Suppliers that accounts name, and whose accounts signed in.
fn named(scene: &Scene<'_>, signed_in: &SignedIn, found: &mut BTreeMap<String, (Truth, Truth)>) {
    let now = scene.material.now;
    if !scene.material.inventory.has_list(EntityKind::Account) {
        return;
    }
    found.values_mut().for_each(|said| *said = (Truth::False, Truth::False));
    for account in scene.material.inventory.all(EntityKind::Account, now, now) {
        let Some(name) = account.value("supplier") else { continue };
        let listed = scene.entity(EntityKind::Supplier, name, now);
        let id = listed.map_or_else(|| name.to_owned(), |supplier| supplier.id.clone());
        let (seen, named) = found.entry(id).or_insert((Truth::False, Truth::False));
        *named = Truth::True;
        *seen = seen.or(Truth::from(signed_in.contains_key(&account.id)));
    }
}

impl EntityRow<'_> {
    fn moment(&self, attribute: &str) -> Option<Timestamp> {
        day(self.entity?.value(attribute)?, false)
    }

    /// What lists say of a yes or no; unknown where none does.
    fn truth(&self, attribute: &str) -> Truth {
        match self.entity.and_then(|e| e.value(attribute)) {
            Some("yes") => Truth::True,
            Some("no") => Truth::False,
            _ => Truth::Unknown,
        }
    }

    /// Whole days from one moment to another.
    fn days(from: Option<Timestamp>, to: Option<Timestamp>) -> Value<'static> {
        let (Some(from), Some(to)) = (from, to) else { return Value::Unknown };
        Value::Number(((to.as_nanos() - from.as_nanos()) / (86_400 * NANOS_PER_SECOND)) as f64)
    }
}

impl Row for EntityRow<'_> {
    fn attribute(&self, name: &str) -> Value<'_> {
        let material = self.scene.material;
        if let Some((prefix, rest)) = name.split_once('.') {
            return if prefix == self.kind.name() {
                listed(material.inventory, self.kind, self.entity, rest)
            } else {
                Value::Absent
            };
        }
        match name {
            "seen" => Value::Truth(self.seen),
            "named" => Value::Truth(self.named),
            "locked" => Value::Truth(self.truth("locked")),
            "unseen_days" => Self::days(self.moment("last_seen"), Some(material.now)),
            "restore_age_days" => Self::days(self.moment("last_restore"), Some(material.now)),
            "copy_age_days" => Self::days(self.moment("last_copy"), Some(material.now)),
            // How long the sensor has been silent while another list still saw the host.
            "sensor_lag_days" => Self::days(self.moment("sensor_seen"), self.moment("last_seen")),
            name if name == self.kind.name() => Value::word(Some(&self.id)),
            _ => Value::Absent,
        }
    }

    fn place(&self) -> Option<&Place> {
        self.entity.map(|e| &e.place)
    }
}
