//! Hosts, day by day: who saw them, whether they logged, and whether their sensor lived.
//!
//! A sensor that reports nothing may be stopped, frozen or cut off, and says so to nobody. That is found by others: while
//! another host, the directory, the network or the host's own other logs go on naming it, its sensor is silent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use hinomi_model::{NANOS_PER_SECOND, Timestamp};

use super::fact::{HostFact, Word};
use super::rows::{Scene, address_of};
use super::{Day, listed};
use crate::Truth;
use crate::claim::{Row, Value};
use crate::inventory::{Entity, EntityKind, Place};

/// A sensor that is silent for less is not missed, in nanoseconds.
const SHORTEST_SILENCE: i64 = 10 * 60 * NANOS_PER_SECOND;
/// Nor one that is silent for less than so many of its longest usual pauses.
const USUAL_PAUSES: i64 = 3;
/// Sightings just before a sensor comes back belong to a start of the host, in nanoseconds.
const START_UP: i64 = 5 * 60 * NANOS_PER_SECOND;

/// A host on a day.
pub(super) struct HostDay<'s> {
    scene: &'s Scene<'s>,
    host: Arc<str>,
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
    /// Times at which others, or its other logs, saw it, with the event, in order.
    sightings: Vec<(Timestamp, usize)>,
    /// Words of its sensor, likewise.
    sensor: Vec<(Timestamp, usize)>,
    /// Days with a word of a sensor that came from another host's address.
    elsewhere: BTreeSet<Day>,
    logs: BTreeSet<Day>,
}

/// Days on which hosts log, by host.
pub(super) type LogDays = BTreeMap<Arc<str>, BTreeSet<Day>>;

/// Days on which hosts log.
pub(super) fn log_days(scene: &Scene<'_>) -> LogDays {
    let mut all = LogDays::new();
    for log in scene.material.logs.iter().filter(|l| !l.host.is_empty()) {
        let days = all.entry(scene.names.host(&log.host).id).or_default();
        days.extend(log.days(scene.material.local).into_keys());
    }
    all
}

/// Of the hosts that facts, `listed` and `logs` speak of: every day on which anything speaks of one, and registered ones on
/// every day.
pub(super) fn days<'s>(
    scene: &'s Scene<'s>,
    has_sensor: bool,
    facts: &[HostFact],
    (listed, logs): (&[&'s Entity], &LogDays),
) -> Vec<HostDay<'s>> {
    let Some((first, last)) = scene.days else { return Vec::new() };
    let now = scene.material.now;
    let mut rows = Vec::new();
    for (name, host) in hosts(scene, facts, (listed, logs)) {
        let silences = host.silences(scene);
        let entity = scene.entity(EntityKind::Host, &name, now);
        let (mut seen, mut sensed) = (host.sightings.as_slice(), host.sensor.as_slice());
        for day in first..=last {
            let on_day = |time: &Timestamp| scene.day(*time) == day;
            let today = split_off(&mut seen, on_day);
            let words = split_off(&mut sensed, on_day);
            let logs = host.logged(day, (first, last));
            if entity.is_none() && today.is_empty() && words.is_empty() && logs != Truth::True {
                continue;
            }
            rows.push(HostDay {
                scene,
                host: Arc::clone(&name),
                day,
                entity,
                seen: today.len() as u64,
                first: today.first().map(|(t, _)| *t),
                events: today.iter().take(3).map(|(_, e)| *e).collect(),
                logs,
                sensor: if has_sensor { Truth::from(!words.is_empty()) } else { Truth::Unknown },
                silent: silences.iter().find(|s| on_day(&s.from) || on_day(&s.until)).cloned(),
                elsewhere: host.elsewhere.contains(&day),
            });
        }
    }
    rows
}

/// Takes those off the front that `is_now` holds for.
fn split_off<'a>(
    all: &mut &'a [(Timestamp, usize)],
    is_now: impl Fn(&Timestamp) -> bool,
) -> &'a [(Timestamp, usize)] {
    let count = all.iter().take_while(|(time, _)| is_now(time)).count();
    let (now, later) = all.split_at_checked(count).unwrap_or_default();
    *all = later;
    now
}

fn hosts(
    scene: &Scene<'_>,
    facts: &[HostFact],
    (listed, logs): (&[&Entity], &LogDays),
) -> BTreeMap<Arc<str>, Host> {
    let mut known: HashMap<Arc<str>, Host, RandomState> = HashMap::default();
    for entity in listed {
        known.entry(entity.id.as_str().into()).or_default();
    }
    for (host, days) in logs {
        known.entry(Arc::clone(host)).or_default().logs.clone_from(days);
    }
    for fact in facts {
        if matches!(fact.word, Word::Administrator(_) | Word::Flow(_)) {
            continue;
        }
        let said = (fact.time, fact.event);
        let host = known.entry_ref(&*fact.host).or_default();
        match fact.word {
            Word::Sensor => host.sensor.push(said),
            Word::Elsewhere => _ = host.elsewhere.insert(scene.day(fact.time)),
            _ => host.sightings.push(said),
        }
    }
    for host in known.values_mut() {
        for all in [&mut host.sightings, &mut host.sensor] {
            all.sort_unstable();
            all.dedup_by_key(|(time, _)| *time);
        }
    }
    known.into_iter().collect()
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
        let times = &self.sensor;
        let mut pauses: Vec<i64> =
            times.windows(2).filter_map(|w| Some(w.last()?.0.as_nanos() - w.first()?.0.as_nanos())).collect();
        pauses.sort_unstable();
        // The longest of all pauses may be the silence that is looked for; the upper quartile is its rhythm.
        let usual = pauses.get(pauses.len() * 3 / 4).copied().unwrap_or(0);
        let least = SHORTEST_SILENCE.max(usual.saturating_mul(USUAL_PAUSES));
        // Behind the last word of any log nothing is known.
        let end = scene.logs_end();
        let word = times.last().map(|l| l.0);
        let tail = end.zip(word).filter(|(end, word)| end > word).map(|(end, _)| (end, usize::MAX));
        let points: Vec<(Timestamp, usize)> = times.iter().copied().chain(tail).collect();
        let stretch = |pair: &[(Timestamp, usize)]| {
            let ((from, word), (until, next)) = (*pair.first()?, *pair.last()?);
            let back = if next == usize::MAX { 0 } else { START_UP };
            let missed = Timestamp::from_nanos(from.as_nanos().saturating_add(least));
            let before = Timestamp::from_nanos(until.as_nanos().saturating_sub(back));
            if before <= missed {
                return None;
            }
            let from_then = self.sightings.partition_point(|(time, _)| *time < missed);
            let seen = self.sightings.iter().skip(from_then).take_while(|(time, _)| *time <= before);
            let seen: Vec<(Timestamp, usize)> = seen.take(3).copied().collect();
            let noticed = seen.first()?.0;
            let events = std::iter::once(word).chain(seen.iter().map(|(_, e)| *e)).collect();
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

    fn behind(&self, prefix: &str) -> Option<usize> {
        matches!(prefix, "host" | "device").then(|| address_of(self.entity))
    }

    fn events(&self) -> Vec<usize> {
        self.silent.as_ref().map_or_else(|| self.events.clone(), |s| s.events.clone())
    }

    fn place(&self) -> Option<&Place> {
        self.entity.map(|e| &e.place)
    }
}
