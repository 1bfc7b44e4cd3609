//! Hosts, day by day: who saw them, whether they logged, and whether their sensor lived.
//!
//! A sensor that reports nothing may be stopped, frozen or cut off, and says so to nobody. That is found by others: while
//! another host, the directory, the network or the host's own other logs go on naming it, its sensor is silent.

use std::collections::{BTreeMap, BTreeSet};

use hinomi_model::{NANOS_PER_SECOND, Timestamp};

use super::rows::Scene;
use super::{Day, listed};
use crate::claim::{Row, Value};
use crate::inventory::{Entity, EntityKind, Place};
use crate::{Observation, ObservationKind, Session, Truth};

/// A sensor that is silent for less is not missed, in nanoseconds.
const SHORTEST_SILENCE: i64 = 10 * 60 * NANOS_PER_SECOND;
/// Nor one that is silent for less than so many of its longest usual pauses.
const USUAL_PAUSES: i64 = 3;
/// Sightings just before a sensor comes back belong to a start of the host, in nanoseconds.
const START_UP: i64 = 5 * 60 * NANOS_PER_SECOND;

/// A host on a day.
pub(super) struct HostDay<'s> {
    scene: &'s Scene<'s>,
    host: String,
    day: Day,
    entity: Option<&'s Entity>,
    /// Sightings by others: how many, first, and events.
    seen: u64,
    first: Option<Timestamp>,
    events: Vec<usize>,
    logs: Truth,
    sensor: Truth,
    silent: Option<Silence>,
    elsewhere: bool,
}

/// A stretch in which a sensor said nothing while others saw its host.
#[derive(Clone, Debug)]
struct Silence {
    from: Timestamp,
    until: Timestamp,
    /// When somebody first saw the host although its sensor was overdue: from then on the silence shows.
    noticed: Timestamp,
    /// The last word of the sensor and sightings after it.
    events: Vec<usize>,
}

#[derive(Default)]
struct Host {
    /// Times at which others, or its other logs, saw it, with the event.
    sightings: BTreeMap<Timestamp, usize>,
    /// Words of its sensor.
    sensor: BTreeMap<Timestamp, usize>,
    /// Days with a word of a sensor that came from another host's address.
    elsewhere: BTreeSet<Day>,
    logs: BTreeSet<Day>,
}

/// Every host on every day on which anything speaks of it, and registered ones on every day.
pub(super) fn days<'s>(scene: &'s Scene<'s>, sessions: &[Session]) -> Vec<HostDay<'s>> {
    let hosts = hosts(scene, sessions);
    let any_sensor = hosts.values().any(|h| !h.sensor.is_empty());
    let Some((first, last)) = scene.days else { return Vec::new() };
    let now = scene.material.now;
    let mut rows = Vec::new();
    for (name, host) in &hosts {
        let silences = host.silences(scene);
        let entity = scene.entity(EntityKind::Host, name, now);
        for day in first..=last {
            let on_day = |time: &Timestamp| (scene.material.local)(*time).day == day;
            let seen: Vec<(&Timestamp, &usize)> = host.sightings.iter().filter(|(t, _)| on_day(t)).collect();
            let sensed = host.sensor.keys().any(on_day);
            let logs = host.logged(day, (first, last));
            if entity.is_none() && seen.is_empty() && !sensed && logs != Truth::True {
                continue;
            }
            rows.push(HostDay {
                scene,
                host: name.clone(),
                day,
                entity,
                seen: seen.len() as u64,
                first: seen.first().map(|(t, _)| **t),
                events: seen.iter().take(3).map(|(_, e)| **e).collect(),
                logs,
                sensor: if any_sensor { Truth::from(sensed) } else { Truth::Unknown },
                silent: silences.iter().find(|s| on_day(&s.from) || on_day(&s.until)).cloned(),
                elsewhere: host.elsewhere.contains(&day),
            });
        }
    }
    rows
}

fn hosts(scene: &Scene<'_>, sessions: &[Session]) -> BTreeMap<String, Host> {
    let material = scene.material;
    let mut hosts: BTreeMap<String, Host> = BTreeMap::new();
    for entity in material.inventory.all(EntityKind::Host, material.now, material.now) {
        hosts.entry(entity.id.clone()).or_default();
    }
    for log in material.logs.iter().filter(|l| !l.host.is_empty()) {
        let host = hosts.entry(scene.resolver.host(&log.host).id).or_default();
        host.logs.extend(log.days(material.local).into_keys());
    }
    for session in sessions {
        let event = session.events.first().copied().unwrap_or_default();
        for device in &session.devices {
            hosts.entry(device.id.clone()).or_default().sightings.insert(session.time, event);
        }
        let from = session.origin.as_deref().map(|o| scene.resolver.host(o));
        let from = from.or_else(|| scene.resolver.host_at(session.address.as_deref()?, session.time));
        if let Some(from) = from {
            hosts.entry(from.id).or_default().sightings.insert(session.time, event);
        }
    }
    for seen in material.observations {
        let Some(spec) = material.specs.get(seen.rule) else { continue };
        match spec.kind {
            ObservationKind::Sighting => {
                if let Some(name) = sighted_host(scene, seen) {
                    hosts.entry(name).or_default().sightings.insert(seen.time, seen.event);
                }
            }
            ObservationKind::Sensor => sense(&mut hosts, scene, seen),
            _ => {}
        }
    }
    hosts
}

/// The host that an event saw: by name, else by the address it had then.
fn sighted_host(scene: &Scene<'_>, seen: &Observation) -> Option<String> {
    let named = seen.device.as_deref().map(|d| scene.resolver.host(d));
    named.or_else(|| scene.resolver.host_at(seen.address.as_deref()?, seen.time)).map(|h| h.id)
}

/// A word of a sensor counts for its host unless it came from an address that is another's.
fn sense(hosts: &mut BTreeMap<String, Host>, scene: &Scene<'_>, seen: &Observation) {
    let Some(name) = seen.device.as_deref().map(|d| scene.resolver.host(d).id) else { return };
    let sender = seen.address.as_deref().and_then(|a| scene.resolver.host_at(a, seen.time));
    let foreign = sender.is_some_and(|s| s.id != name);
    let host = hosts.entry(name).or_default();
    if foreign {
        host.elsewhere.insert((scene.material.local)(seen.time).day);
    } else {
        host.sensor.insert(seen.time, seen.event);
    }
}

impl Host {
    /// Whether its own logs came on a day. A collection begins and ends in the middle of a day: for a host that has logs on
    /// others, its edges say nothing.
    fn logged(&self, day: Day, (first, last): (Day, Day)) -> Truth {
        let edge = day == first || day == last;
        match self.logs.contains(&day) {
            true => Truth::True,
            false if edge && !self.logs.is_empty() => Truth::Unknown,
            false => Truth::False,
        }
    }

    /// Stretches in which the sensor was silent for longer than it usually is, while others saw the host.
    fn silences(&self, scene: &Scene<'_>) -> Vec<Silence> {
        let times: Vec<(Timestamp, usize)> = self.sensor.iter().map(|(t, e)| (*t, *e)).collect();
        let mut pauses: Vec<i64> =
            times.windows(2).filter_map(|w| Some(w.last()?.0.as_nanos() - w.first()?.0.as_nanos())).collect();
        pauses.sort_unstable();
        // The longest of all pauses may be the silence that is looked for; the upper quartile is its rhythm.
        let usual = pauses.get(pauses.len() * 3 / 4).copied().unwrap_or(0);
        let least = SHORTEST_SILENCE.max(usual.saturating_mul(USUAL_PAUSES));
        // Behind the last word of any log nothing is known.
        let end = scene.material.logs.iter().filter_map(|l| l.last).max();
        let word = times.last().map(|l| l.0);
        let tail = end.zip(word).filter(|(end, word)| end > word).map(|(end, _)| (end, usize::MAX));
        let points: Vec<(Timestamp, usize)> = times.into_iter().chain(tail).collect();
        let stretch = |pair: &[(Timestamp, usize)]| {
            let ((from, word), (until, next)) = (*pair.first()?, *pair.last()?);
            let back = if next == usize::MAX { 0 } else { START_UP };
            let missed = Timestamp::from_nanos(from.as_nanos().saturating_add(least));
            let before = Timestamp::from_nanos(until.as_nanos().saturating_sub(back));
            if before <= missed {
                return None;
            }
            let mut seen = self.sightings.range(missed..=before).take(3).peekable();
            let noticed = *seen.peek()?.0;
            let events = std::iter::once(word).chain(seen.map(|(_, e)| *e)).collect();
            Some(Silence { from, until, noticed, events })
        };
        points.windows(2).filter_map(stretch).collect()
    }
}

impl HostDay<'_> {
    pub(super) fn day(&self) -> Day {
        self.day
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Whether others saw it, or its own logs came.
    pub(super) fn is_seen(&self) -> bool {
        self.seen > 0 || self.logs == Truth::True
    }

    pub(super) fn time(&self) -> Option<Timestamp> {
        self.silent.as_ref().map(|s| s.from).or(self.first)
    }
}

impl Row for HostDay<'_> {
    fn attribute(&self, name: &str) -> Value<'_> {
        if let Some(("host" | "device", rest)) = name.split_once('.') {
            return listed(self.scene.material.inventory, EntityKind::Host, self.entity, rest);
        }
        match name {
            "host" => Value::word(Some(&self.host)),
            "seen" => Value::Truth(Truth::from(self.is_seen())),
            "logs" => Value::Truth(self.logs),
            "sensor" => Value::Truth(self.sensor),
            "sensor_silent" if self.sensor == Truth::Unknown => Value::Unknown,
            "sensor_silent" => Value::Truth(Truth::from(self.silent.is_some())),
            "sensor_overdue_minutes" => self.silent.as_ref().map_or(Value::Absent, |s| {
                let late = s.noticed.as_nanos() - s.from.as_nanos();
                Value::Number((late / (60 * NANOS_PER_SECOND)) as f64)
            }),
            "sensor_elsewhere" => Value::Truth(Truth::from(self.elsewhere)),
            _ => Value::Absent,
        }
    }

    fn events(&self) -> Vec<usize> {
        self.silent.as_ref().map_or_else(|| self.events.clone(), |s| s.events.clone())
    }

    fn place(&self) -> Option<&Place> {
        self.entity.map(|e| &e.place)
    }
}
