//! Rows of lists that are judged themselves: weaknesses with a clock, administrators of hosts, rights that were granted.

use std::collections::{BTreeMap, BTreeSet};

use hinomi_model::{NANOS_PER_SECOND, Timestamp};

use super::rows::Scene;
use super::{Day, listed};
use crate::claim::{Row, Value, fits};
use crate::inventory::{Entity, EntityKind, Place, day};
use crate::{ObservationKind, Truth};

const DAY_NS: i64 = 86_400 * NANOS_PER_SECOND;
/// Events kept of a row.
const MOST_EVENTS: usize = 3;

/// What a row of a list, or an observation like one, says.
pub(super) struct EntryRow<'s> {
    scene: &'s Scene<'s>,
    kind: EntityKind,
    /// The list's row; none when only logs show it.
    entry: Option<&'s Entity>,
    /// The account that it speaks of, as one entity.
    account: Option<String>,
    /// The host that it speaks of.
    host: Option<String>,
    account_entity: Option<&'s Entity>,
    host_entity: Option<&'s Entity>,
    /// What logs show of it.
    seen: Seen,
}

/// What logs show of an entry.
#[derive(Clone, Debug, Default)]
struct Seen {
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    events: Vec<usize>,
}

impl Seen {
    fn add(&mut self, time: Timestamp, event: usize) {
        self.first = Some(self.first.map_or(time, |t| t.min(time)));
        self.last = Some(self.last.map_or(time, |t| t.max(time)));
        if self.events.len() < MOST_EVENTS {
            self.events.push(event);
        }
    }
}

/// Weaknesses, as a scanner or a register lists them.
pub(super) fn weaknesses<'s>(scene: &'s Scene<'s>) -> Vec<EntryRow<'s>> {
    let now = scene.material.now;
    let all = scene.material.inventory.all(EntityKind::Weakness, now, now);
    all.map(|entry| EntryRow::listed(scene, entry, Seen::default())).collect()
}

/// Administrators of hosts: those that lists name and those that logs show to become or act as one.
pub(super) fn administrators<'s>(scene: &'s Scene<'s>) -> Vec<EntryRow<'s>> {
    let material = scene.material;
    let mut seen: BTreeMap<(String, String), Seen> = BTreeMap::new();
    for observation in observed(scene, ObservationKind::Administrator) {
        let (Some(account), Some(device)) = (&observation.account, &observation.device) else { continue };
        let account = scene.resolver.account(account, observation.account_id.as_deref()).id;
        let host = scene.resolver.host(device).id;
        seen.entry((host, account)).or_default().add(observation.time, observation.event);
    }
    let now = material.now;
    let mut rows = Vec::new();
    for entry in material.inventory.all(EntityKind::Administrator, now, now) {
        let mut row = EntryRow::listed(scene, entry, Seen::default());
        if let (Some(host), Some(account)) = (&row.host, &row.account) {
            row.seen = seen.remove(&(host.clone(), account.clone())).unwrap_or_default();
        }
        rows.push(row);
    }
    let unlisted = seen.into_iter().map(|((host, account), seen)| EntryRow {
        account_entity: scene.entity(EntityKind::Account, &account, now),
        host_entity: scene.entity(EntityKind::Host, &host, now),
        scene,
        kind: EntityKind::Administrator,
        entry: None,
        account: Some(account),
        host: Some(host),
        seen,
    });
    rows.extend(unlisted);
    rows
}

/// Rights that lists say were granted, and their last use.
pub(super) fn grants<'s>(scene: &'s Scene<'s>) -> Vec<EntryRow<'s>> {
    let now = scene.material.now;
    let mut uses: BTreeMap<String, Vec<Use<'_>>> = BTreeMap::new();
    for observation in observed(scene, ObservationKind::Use) {
        let Some(account) = &observation.account else { continue };
        let account = scene.resolver.account(account, observation.account_id.as_deref()).id;
        let said = |name: &str| observation.attributes.get(name).map_or("", String::as_str);
        let (service, right) = (said("service"), said("right"));
        uses.entry(account).or_default().push(Use {
            service,
            right,
            time: observation.time,
            event: observation.event,
        });
    }
    let all = scene.material.inventory.all(EntityKind::Grant, now, now);
    let row = |entry| {
        let mut row = EntryRow::listed(scene, entry, Seen::default());
        let uses = row.account.as_ref().and_then(|account| uses.get(account));
        for one in uses.into_iter().flatten().filter(|one| one.needs(entry)) {
            row.seen.add(one.time, one.event);
        }
        row
    };
    all.map(row).collect()
}

/// A right that an account used.
struct Use<'u> {
    service: &'u str,
    right: &'u str,
    time: Timestamp,
    event: usize,
}

impl Use<'_> {
    /// Whether the grant allows it. Services are written with or without the provider's domain (`s3`, `s3.amazonaws.com`).
    fn needs(&self, grant: &Entity) -> bool {
        let label = |service: &str| service.split('.').next().unwrap_or_default().to_lowercase();
        let services = grant.values("service");
        let of_service = services.is_empty()
            || services.iter().any(|s| fits(s, self.service) || label(s) == label(self.service));
        // `s3:GetObject` and `GetObject` are one right of the service.
        let bare = |right: &str| right.rsplit_once(':').map_or(right, |(_, name)| name).to_owned();
        of_service && fits(&bare(&grant.id), &bare(self.right))
    }
}

fn observed<'s>(scene: &'s Scene<'s>, kind: ObservationKind) -> impl Iterator<Item = &'s crate::Observation> {
    let specs = scene.material.specs;
    let of_kind = move |o: &&crate::Observation| specs.get(o.rule).is_some_and(|s| s.kind == kind);
    scene.material.observations.iter().filter(of_kind)
}

impl<'s> EntryRow<'s> {
    fn listed(scene: &'s Scene<'s>, entry: &'s Entity, seen: Seen) -> Self {
        let now = scene.material.now;
        let account = match entry.kind {
            EntityKind::Administrator => Some(entry.id.as_str()),
            _ => entry.value("account"),
        };
        let account = account.map(|a| scene.resolver.account(a, None).id);
        let host = entry.value("host").map(|h| scene.resolver.host(h).id);
        Self {
            account_entity: account.as_deref().and_then(|a| scene.entity(EntityKind::Account, a, now)),
            host_entity: host.as_deref().and_then(|h| scene.entity(EntityKind::Host, h, now)),
            kind: entry.kind,
            entry: Some(entry),
            scene,
            account,
            host,
            seen,
        }
    }

    /// When logs last showed it.
    pub(super) fn time(&self) -> Option<Timestamp> {
        self.seen.last
    }

    fn stated_day(&self, attribute: &str) -> Option<Timestamp> {
        day(self.entry?.value(attribute)?, false)
    }

    /// Days from when it was found until it was closed, or until now.
    fn open_days(&self) -> Value<'_> {
        let Some(found) = self.stated_day("found") else { return Value::Unknown };
        let closed = match self.entry.map(|e| e.values("closed")) {
            Some([]) | None => self.scene.material.now,
            // Closed, on a day that cannot be read.
            Some(_) => match self.stated_day("closed") {
                Some(closed) => closed,
                None => return Value::Unknown,
            },
        };
        Value::Number(((closed.as_nanos() - found.as_nanos()) / DAY_NS) as f64)
    }

    /// Days since the last use; if none was seen, at least the days that were looked at.
    fn unused_days(&self) -> Value<'_> {
        let Some((first, last)) = self.scene.days else { return Value::Unknown };
        let day = |time| -> Day { (self.scene.material.local)(time).day };
        match self.seen.last {
            Some(time) => Value::Number(f64::from(last - day(time))),
            None => Value::AtLeast(f64::from(last - first + 1)),
        }
    }
}

impl Row for EntryRow<'_> {
    fn attribute(&self, name: &str) -> Value<'_> {
        let inventory = self.scene.material.inventory;
        match name.split_once('.') {
            Some(("account", rest)) => {
                return listed(inventory, EntityKind::Account, self.account_entity, rest);
            }
            Some(("host", rest)) => return listed(inventory, EntityKind::Host, self.host_entity, rest),
            Some(("entry", "registered")) => return Value::Truth(Truth::from(self.entry.is_some())),
            // What a row leaves open is not known.
            Some(("entry", rest)) => {
                return self.entry.map(|e| Value::words(e.values(rest))).map_or(
                    Value::Unknown,
                    |v| match v {
                        Value::Absent => Value::Unknown,
                        said => said,
                    },
                );
            }
            _ => {}
        }
        match name {
            "entry" => Value::word(self.entry.map(|e| e.id.as_str())),
            "account" => Value::word(self.account.as_deref()),
            "host" => Value::word(self.host.as_deref()),
            "seen" => Value::Truth(Truth::from(self.seen.last.is_some())),
            "open_days" if self.kind == EntityKind::Weakness => self.open_days(),
            "unused_days" => self.unused_days(),
            _ => Value::Absent,
        }
    }

    fn events(&self) -> Vec<usize> {
        let all: BTreeSet<usize> = self.seen.events.iter().copied().collect();
        all.into_iter().collect()
    }

    fn place(&self) -> Option<&Place> {
        self.entry.map(|e| &e.place)
    }
}
