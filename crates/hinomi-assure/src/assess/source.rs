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
    /// Days with an event, and the hours of each that have one.
    pub fn days(&self, local: &dyn Fn(Timestamp) -> Local) -> BTreeMap<Day, u64> {
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
    present: Truth,
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
                    present: arrived.on(day, (first, last)),
                });
            }
        }
    }
    rows
}

/// Days on which a log came.
#[derive(Default)]
struct Arrived {
    days: BTreeSet<Day>,
    /// Days on which such a log came that does not say of which host.
    nameless: BTreeSet<Day>,
}

impl Arrived {
    /// Whether it came on a day. A collection begins and ends in the middle of a day: for a log that came on others, its
    /// edges say nothing; nor does a day on which one came that names no host.
    fn on(&self, day: Day, (first, last): (Day, Day)) -> Truth {
        let edge = (day == first || day == last) && !self.days.is_empty();
        match self.days.contains(&day) {
            true => Truth::True,
            false if edge || self.nameless.contains(&day) => Truth::Unknown,
            false => Truth::False,
        }
    }
}

/// A registered log of each host that it is expected of, and the days on which it came.
fn expected(scene: &Scene<'_>, entity: &Entity) -> Vec<(String, Arrived)> {
    let of_kind = |log: &&SourceLog| {
        entity
            .names()
            .any(|name| name.eq_ignore_ascii_case(&log.channel) || name.eq_ignore_ascii_case(&log.kind))
    };
    let days = |host: Option<&str>| {
        let mut arrived = Arrived::default();
        for log in scene.material.logs.iter().filter(of_kind) {
            let days = log.days(scene.material.local).into_keys();
            match host {
                Some(_) if log.host.is_empty() => arrived.nameless.extend(days),
                Some(host) if *scene.names.host(&log.host).id != *host => {}
                _ => arrived.days.extend(days),
            }
        }
        arrived
    };
    let hosts = entity.values("hosts");
    if hosts.is_empty() {
        return vec![(entity.id.clone(), days(None))];
    }
    let hosts = hosts.iter().map(|h| scene.names.host(h).id);
    hosts.map(|host| (format!("{} @ {host}", entity.id), days(Some(&host)))).collect()
}

/// Registered logs with a role that did not come on some day, with these days.
pub(super) fn missing(scene: &Scene<'_>, role: &str) -> Vec<(String, Vec<Day>)> {
    let Some((first, last)) = scene.days else { return Vec::new() };
    let now = scene.material.now;
    let sources = scene.material.inventory.all(EntityKind::Source, now, now);
    let with_role = sources.filter(|s| s.values("role").iter().any(|r| r.eq_ignore_ascii_case(role)));
    let gaps = with_role.flat_map(|source| expected(scene, source)).map(|(name, arrived)| {
        (
            name,
            (first..=last)
                .filter(|day| arrived.on(*day, (first, last)) == Truth::False)
                .collect::<Vec<Day>>(),
        )
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
            "present" => Value::Truth(self.present),
            _ => Value::Absent,
        }
    }

    fn place(&self) -> Option<&Place> {
        Some(&self.entity.place)
    }
}
