//! Rows of lists that are judged themselves: weaknesses with a clock, administrators of hosts, rights that were granted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hinomi_model::{NANOS_PER_SECOND, Timestamp};

use super::fact::{HostFact, Word};
use super::few::Few;
use super::overview::{Overview, Span};
use super::rows::Scene;
use super::{Day, listed};
use crate::claim::{Row, Value, fits};
use crate::inventory::{Entity, EntityKind, Place, day};
use crate::{Observation, ObservationKind, Truth};

const DAY_NS: i64 = 86_400 * NANOS_PER_SECOND;

/// What a row of a list, or an observation like one, says.
pub(super) struct EntryRow<'s> {
    scene: &'s Scene<'s>,
    kind: EntityKind,
    /// The list's row; none when only logs show it.
    entry: Option<&'s Entity>,
    /// The account that it speaks of, as one entity.
    account: Option<Arc<str>>,
    /// The host that it speaks of.
    host: Option<Arc<str>>,
    account_entity: Option<&'s Entity>,
    host_entity: Option<&'s Entity>,
    /// What logs show of it.
    seen: Seen,
    /// First and last day on which logs showed a use of the service by anybody, for grants.
    watched: Option<(Day, Day)>,
    /// Whether the list names the administrators of the host at all, for administrators.
    host_listed: bool,
}

/// What logs show of an entry.
#[derive(Clone, Debug, Default)]
struct Seen {
    last: Option<Timestamp>,
    events: Few,
}

impl Seen {
    fn add(&mut self, time: Timestamp, event: usize) {
        self.last = Some(self.last.map_or(time, |t| t.max(time)));
        self.events.add(time, event);
    }
}

/// Weaknesses, as a scanner or a register lists them.
pub(super) fn weaknesses<'s>(scene: &'s Scene<'s>) -> Vec<EntryRow<'s>> {
    let now = scene.material.now;
    let all = scene.material.inventory.all(EntityKind::Weakness, now, now);
    all.map(|entry| EntryRow::listed(scene, entry, Seen::default())).collect()
}

/// Administrators of hosts: those of `listed` and those that logs show to become or act as one.
pub(super) fn administrators<'s>(
    scene: &'s Scene<'s>,
    facts: &[HostFact],
    listed: &[&'s Entity],
) -> Vec<EntryRow<'s>> {
    let mut seen: BTreeMap<(Arc<str>, Arc<str>), Seen> = BTreeMap::new();
    for fact in facts {
        let Word::Administrator(account) = &fact.word else { continue };
        let of = (Arc::clone(&fact.host), Arc::clone(account));
        seen.entry(of).or_default().add(fact.time, fact.event);
    }
    let now = scene.material.now;
    let mut rows = Vec::new();
    for entry in listed {
        let mut row = EntryRow::listed(scene, entry, Seen::default());
        row.host_listed = true;
        if let (Some(host), Some(account)) = (&row.host, &row.account) {
            row.seen = seen.remove(&(Arc::clone(host), Arc::clone(account))).unwrap_or_default();
        }
        rows.push(row);
    }
    let hosts: BTreeSet<Arc<str>> = rows.iter().filter_map(|row: &EntryRow<'_>| row.host.clone()).collect();
    let unlisted = seen.into_iter().map(|((host, account), seen)| EntryRow {
        watched: None,
        host_listed: hosts.contains(&host),
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

/// A use of a right, as far as a grant could be for it.
pub(super) struct Use {
    account: Arc<str>,
    service: String,
    right: String,
    time: Timestamp,
    event: usize,
}

impl Use {
    /// The use that an observation is.
    pub(super) fn of(scene: &Scene<'_>, seen: &Observation) -> Option<Self> {
        let kind = scene.material.specs.get(seen.rule)?.kind;
        let account = seen.account.as_deref().filter(|_| kind == ObservationKind::Use)?;
        let account = scene.names.account(account, seen.account_id.as_deref()).id;
        let said = |name: &str| seen.attributes.get(name).unwrap_or_default().to_owned();
        Some(Self {
            account,
            service: said("service"),
            right: said("right"),
            time: seen.time,
            event: seen.event,
        })
    }

    /// Whether the grant allows it.
    fn needs(&self, grant: &Entity) -> bool {
        // `s3:GetObject` and `GetObject` are one right of the service.
        let bare = |right: &str| right.rsplit_once(':').map_or(right, |(_, name)| name).to_owned();
        is_of(grant, &self.service) && fits(&bare(&grant.id), &bare(&self.right))
    }
}

/// Rights that lists say were granted, and their last use.
pub(super) fn grants<'s>(
    scene: &'s Scene<'s>,
    overview: &Overview,
    uses: Vec<Use>,
    listed: &[&'s Entity],
) -> Vec<EntryRow<'s>> {
    let mut by_account: BTreeMap<Arc<str>, Vec<Use>> = BTreeMap::new();
    for one in uses {
        by_account.entry(Arc::clone(&one.account)).or_default().push(one);
    }
    let row = |entry: &&'s Entity| {
        let entry = *entry;
        let mut row = EntryRow::listed(scene, entry, Seen::default());
        let uses = row.account.as_ref().and_then(|account| by_account.get(account));
        for one in uses.into_iter().flatten().filter(|one| one.needs(entry)) {
            row.seen.add(one.time, one.event);
        }
        let mut watched = Span::default();
        for (_, span) in overview.uses().filter(|(service, _)| is_of(entry, service)) {
            watched.merge(span);
        }
        row.watched = watched.ends().map(|(first, last)| (scene.day(first), scene.day(last)));
        row
    };
    listed.iter().map(row).collect()
}

/// Whether a grant is for a service; one that names none is for all. Services are written with or without the provider's
/// domain (`s3`, `s3.amazonaws.com`).
fn is_of(grant: &Entity, service: &str) -> bool {
    let label = |service: &str| service.split('.').next().unwrap_or_default().to_lowercase();
    let services = grant.values("service");
    services.is_empty() || services.iter().any(|s| fits(s, service) || label(s) == label(service))
}

impl<'s> EntryRow<'s> {
    fn listed(scene: &'s Scene<'s>, entry: &'s Entity, seen: Seen) -> Self {
        let now = scene.material.now;
        let account = match entry.kind {
            EntityKind::Administrator => Some(entry.id.as_str()),
            _ => entry.value("account"),
        };
        let account = account.map(|a| scene.names.account(a, None).id);
        let host = entry.value("host").map(|h| scene.names.host(h).id);
        Self {
            account_entity: account.as_deref().and_then(|a| scene.entity(EntityKind::Account, a, now)),
            host_entity: host.as_deref().and_then(|h| scene.entity(EntityKind::Host, h, now)),
            kind: entry.kind,
            entry: Some(entry),
            scene,
            account,
            host,
            seen,
            watched: None,
            host_listed: false,
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
        // Closed before it was found: one of the two is not so.
        if closed < found {
            return Value::Unknown;
        }
        Value::Number(((closed.as_nanos() - found.as_nanos()) / DAY_NS) as f64)
    }

    /// Days from the last use until the last that logs showed of the service; if no use was seen, at least the days in
    /// which they showed anything of it. Where no log shows the service, nothing is known.
    fn unused_days(&self) -> Value<'_> {
        let Some((first, last)) = self.watched else { return Value::Unknown };
        match self.seen.last {
            Some(time) => Value::Number(f64::from(last - self.scene.day(time))),
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
            // Those that logs show may not be all.
            "all_known" if self.host_listed => Value::Truth(Truth::True),
            "all_known" => Value::Truth(Truth::Unknown),
            _ => Value::Absent,
        }
    }

    fn events(&self) -> Vec<usize> {
        self.seen.events.events()
    }

    fn place(&self) -> Option<&Place> {
        self.entry.map(|e| &e.place)
    }
}
