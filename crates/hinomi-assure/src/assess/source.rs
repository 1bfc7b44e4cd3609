//! Logs that should arrive, day by day.

use std::collections::{BTreeMap, BTreeSet};

use hinomi_model::{NANOS_PER_SECOND, Timestamp};

use super::rows::Scene;
use super::{Day, Local, listed};
use crate::Truth;
use crate::claim::{Row, Value};
use crate::inventory::{Entity, EntityKind, Place};

/// A log that was read, of one host.
#[derive(Clone, Debug)]
pub struct SourceLog {
    /// Host as its events state it; empty when they state none.
    pub host: String,
    /// Channel, or kind of log.
    pub channel: String,
    /// Kind of log.
    pub kind: String,
    /// Hours since 1970 in which it has an event, in order.
    pub hours: Vec<i64>,
    /// Time of its last event.
    pub last: Option<Timestamp>,
}

impl SourceLog {
    /// Days with an event.
    pub(super) fn days(&self, local: &dyn Fn(Timestamp) -> Local) -> BTreeMap<Day, u64> {
        let start = |hour: i64| Timestamp::from_nanos(hour.saturating_mul(3600 * NANOS_PER_SECOND));
        super::counted(self.hours.iter().map(|hour| local(start(*hour)).day))
    }
}

/// A registered log of a host on a day.
pub(super) struct SourceDay<'s> {
    scene: &'s Scene<'s>,
    entity: &'s Entity,
    name: String,
    day: Day,
    present: bool,
}

/// Every registered log of every host it is expected of, on every day that was looked at.
pub(super) fn days<'s>(scene: &'s Scene<'s>) -> Vec<SourceDay<'s>> {
    let Some((first, last)) = scene.days else { return Vec::new() };
    let now = scene.material.now;
    let mut rows = Vec::new();
    for entity in scene.material.inventory.all(EntityKind::Source, now, now) {
        for (name, arrived) in expected(scene, entity) {
            for day in first..=last {
                rows.push(SourceDay {
                    scene,
                    entity,
                    name: name.clone(),
                    day,
                    present: arrived.contains(&day),
                });
            }
        }
    }
    rows
}

/// A registered log of each host that it is expected of, and the days on which it came.
fn expected(scene: &Scene<'_>, entity: &Entity) -> Vec<(String, BTreeSet<Day>)> {
    let of_kind = |log: &&SourceLog| {
        entity
            .names()
            .any(|name| name.eq_ignore_ascii_case(&log.channel) || name.eq_ignore_ascii_case(&log.kind))
    };
    let days = |host: Option<&str>| {
        let logs = scene.material.logs.iter().filter(of_kind);
        let logs = logs.filter(|l| host.is_none_or(|h| scene.resolver.host(&l.host).id == h));
        logs.flat_map(|l| l.days(scene.material.local).into_keys()).collect()
    };
    let hosts = entity.values("hosts");
    if hosts.is_empty() {
        return vec![(entity.id.clone(), days(None))];
    }
    let hosts = hosts.iter().map(|h| scene.resolver.host(h).id);
    hosts.map(|host| (format!("{} @ {host}", entity.id), days(Some(&host)))).collect()
}

/// Registered logs with a role that did not come on some day, with these days.
pub(super) fn missing(scene: &Scene<'_>, role: &str) -> Vec<(String, Vec<Day>)> {
    let Some((first, last)) = scene.days else { return Vec::new() };
    let now = scene.material.now;
    let sources = scene.material.inventory.all(EntityKind::Source, now, now);
    let with_role = sources.filter(|s| s.values("role").iter().any(|r| r.eq_ignore_ascii_case(role)));
    let gaps = with_role.flat_map(|source| expected(scene, source)).map(|(name, arrived)| {
        (name, (first..=last).filter(|day| !arrived.contains(day)).collect::<Vec<Day>>())
    });
    gaps.filter(|(_, days)| !days.is_empty()).collect()
}

impl SourceDay<'_> {
    pub(super) fn day(&self) -> Day {
        self.day
    }
}

impl Row for SourceDay<'_> {
    fn attribute(&self, name: &str) -> Value<'_> {
        if let Some(("source", rest)) = name.split_once('.') {
            return listed(self.scene.material.inventory, EntityKind::Source, Some(self.entity), rest);
        }
        match name {
            "source" => Value::word(Some(&self.name)),
            "present" => Value::Truth(Truth::from(self.present)),
            _ => Value::Absent,
        }
    }

    fn place(&self) -> Option<&Place> {
        Some(&self.entity.place)
    }
}
