//! Sign-ins and accounts as claims see them.

use std::cell::{Cell, OnceCell, RefCell};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use hinomi_model::{NANOS_PER_SECOND, Timestamp};

use super::overview::Overview;
use super::{Day, Material, counted, listed};
use crate::claim::{Row, Value};
use crate::inventory::{
    Answers, Entity, EntityKind, Inventory, Memo, Resolved, Resolver, Validity, as_known,
};
use crate::{Session, Truth};

/// What rows lean on.
pub(super) struct Scene<'s> {
    pub(super) material: &'s Material<'s>,
    pub(super) names: Memo<'s>,
    pub(super) days: Option<(Day, Day)>,
    /// The quarter of an hour that was asked last, and its day: zones change days only between them.
    quarter: Cell<Option<(i64, Day)>>,
    logs_end: OnceCell<Option<Timestamp>>,
    index: &'s Index<'s>,
    segments: RefCell<Answers<Box<str>, Option<usize>>>,
}

/// Nanoseconds of a quarter of an hour.
const QUARTER: i64 = 900 * NANOS_PER_SECOND;

impl<'s> Scene<'s> {
    pub(super) fn new(
        material: &'s Material<'s>,
        (resolver, index): (&'s Resolver, &'s Index<'s>),
        days: Option<(Day, Day)>,
    ) -> Self {
        Self {
            material,
            names: Memo::of(resolver),
            days,
            quarter: Cell::default(),
            logs_end: OnceCell::new(),
            index,
            segments: Answers::new().into(),
        }
    }

    /// The last word of any log.
    pub(super) fn logs_end(&self) -> Option<Timestamp> {
        *self.logs_end.get_or_init(|| self.material.logs.iter().filter_map(|l| l.last).max())
    }

    /// The day of a moment.
    pub(super) fn day(&self, time: Timestamp) -> Day {
        let quarter = time.as_nanos().div_euclid(QUARTER);
        match self.quarter.get() {
            Some((known, day)) if known == quarter => day,
            _ => {
                let day = (self.material.local)(time).day;
                self.quarter.set(Some((quarter, day)));
                day
            }
        }
    }

    /// The list's entry for an entity at a moment, as known now.
    pub(super) fn entity(&self, kind: EntityKind, id: &str, at: Timestamp) -> Option<&'s Entity> {
        if INDEXED.contains(&kind) {
            return as_known(self.index.versions(kind, id), at, self.material.now);
        }
        self.material.inventory.believed(kind, id, at, self.material.now)
    }

    /// The supplier that an account belongs to.
    pub(super) fn supplier(&self, account: Option<&Entity>, at: Timestamp) -> Option<&'s Entity> {
        self.entity(EntityKind::Supplier, account?.value("supplier")?, at)
    }

    /// The host that a sign-in came from.
    pub(super) fn origin(&self, session: &Session) -> Option<Resolved> {
        let named = session.origin.as_deref().map(|origin| self.names.host(origin));
        named.or_else(|| self.names.host_at(session.address.as_deref()?, session.time))
    }

    /// Whether a list has an account as a supplier's.
    pub(super) fn is_of_supplier(&self, account: &str) -> bool {
        let listed = self.entity(EntityKind::Account, account, self.material.now);
        listed.is_some_and(|account| account.value("supplier").is_some())
    }

    /// The narrowest segment with an address.
    pub(super) fn segment(&self, address: &str, at: Timestamp) -> Option<&'s Entity> {
        let find = || self.index.segment(address, at, self.material.now);
        let number = if self.index.segments_change {
            find()
        } else {
            self.segments.borrow_mut().answer(&address, |known| **known == *address, || address.into(), find)
        };
        as_known(self.index.segments.get(number?)?, at, self.material.now)
    }
}

/// Kinds of entities that are looked for in every row.
const INDEXED: [EntityKind; 3] = [EntityKind::Account, EntityKind::Host, EntityKind::Supplier];

/// Entries of lists where they are looked for often.
pub(super) struct Index<'s> {
    by_name: HashMap<(EntityKind, &'s str), &'s [Entity], RandomState>,
    /// The versions of each segment.
    segments: Vec<&'s [Entity]>,
    /// Whether lists say of any segment from or until when it holds: then an address may be in another one later.
    segments_change: bool,
}

impl<'s> Index<'s> {
    pub(super) fn of(inventory: &'s Inventory) -> Self {
        let kinds = [EntityKind::Account, EntityKind::Host, EntityKind::Supplier];
        let named =
            kinds.into_iter().flat_map(|kind| inventory.by_name(kind).map(move |(n, v)| ((kind, n), v)));
        let segments: Vec<&[Entity]> = inventory.by_name(EntityKind::Segment).map(|(_, s)| s).collect();
        let changes = |s: &Entity| s.valid != Validity::default() || s.known_from.is_some();
        let segments_change = segments.iter().copied().flatten().any(changes);
        Self { by_name: named.collect(), segments, segments_change }
    }

    fn versions(&self, kind: EntityKind, id: &str) -> &'s [Entity] {
        let named = |name: &str| self.by_name.get(&(kind, name)).copied();
        named(id).or_else(|| named(&id.to_lowercase())).unwrap_or_default()
    }

    /// The number of the narrowest segment with an address.
    fn segment(&self, address: &str, at: Timestamp, now: Timestamp) -> Option<usize> {
        let address: IpAddr = address.parse().ok()?;
        let mut narrowest: Option<(u32, Reverse<&str>, usize)> = None;
        for (number, versions) in self.segments.iter().enumerate() {
            let Some(segment) = as_known(versions, at, now) else { continue };
            let networks = segment.values("networks").iter();
            let prefix = networks.filter_map(|n| crate::claim::prefix_of(n, address)).max();
            narrowest = narrowest.max(prefix.map(|prefix| (prefix, Reverse(segment.id.as_str()), number)));
        }
        narrowest.map(|(.., number)| number)
    }
}

/// Tells entries of lists apart, which stay where they are while claims are judged.
pub(super) fn address_of(entity: Option<&Entity>) -> usize {
    entity.map_or(0, |entity| std::ptr::from_ref(entity).addr())
}

/// A sign-in.
pub(super) struct SessionRow<'s> {
    scene: &'s Scene<'s>,
    session: &'s Session,
    account: Option<&'s Entity>,
    supplier: Option<&'s Entity>,
    device: Option<&'s Entity>,
    origin: Option<&'s Entity>,
    segment: Option<&'s Entity>,
    moment: String,
}

impl<'s> SessionRow<'s> {
    /// `from` is the host that it came from.
    pub(super) fn new(scene: &'s Scene<'s>, session: &'s Session, from: Option<&Resolved>) -> Self {
        let at = session.time;
        let host = |host: &Resolved| scene.entity(EntityKind::Host, &host.id, at);
        let account = session.account.as_ref().and_then(|a| scene.entity(EntityKind::Account, &a.id, at));
        Self {
            scene,
            session,
            account,
            supplier: scene.supplier(account, at),
            device: session.devices.iter().find_map(host),
            origin: from.and_then(host),
            segment: session.address.as_deref().and_then(|a| scene.segment(a, at)),
            moment: (scene.material.local)(at).written(),
        }
    }

    /// The sign-in itself.
    pub(super) fn session(&self) -> &'s Session {
        self.session
    }
}

/// Roles of segments that are not the organisation's own.
pub(super) const OUTSIDE: [&str; 4] = ["outside", "internet", "supplier", "partner"];

impl SessionRow<'_> {
    /// Whether the address is outside every segment of the organisation; without a list of segments, whether it is
    /// public.
    fn comes_from_outside(&self) -> Truth {
        let Some(address) = self.session.address.as_deref().and_then(|a| a.parse::<IpAddr>().ok()) else {
            return Truth::Unknown;
        };
        if address.is_loopback() {
            return Truth::False;
        }
        if !self.scene.material.inventory.has_list(EntityKind::Segment) {
            return (!is_private(address)).into();
        }
        let own = self.segment.is_some_and(|s| !s.value("role").is_some_and(|r| OUTSIDE.contains(&r)));
        (!own).into()
    }
}

impl SessionRow<'_> {
    /// Whether an attribute is one that only the beginning of a session would say.
    fn is_of_beginning(&self, name: &str) -> bool {
        match name.split_once('.').map_or(name, |(prefix, _)| prefix) {
            "account" | "supplier" | "device" | "access" | "service" => false,
            "address" | "segment" | "from_outside" => self.session.address.is_none(),
            "origin" => self.session.origin.is_none() && self.session.address.is_none(),
            "time" | "second_factor" => true,
            other => self.session.attributes.get(other).is_none(),
        }
    }

    /// What lists say.
    fn listed(&self, name: &str) -> Option<Value<'_>> {
        let (prefix, rest) = name.split_once('.')?;
        let (kind, entity) = match prefix {
            "account" => (EntityKind::Account, self.account),
            "supplier" => (EntityKind::Supplier, self.supplier),
            "device" => (EntityKind::Host, self.device),
            "origin" => (EntityKind::Host, self.origin),
            "segment" => (EntityKind::Segment, self.segment),
            _ => return None,
        };
        Some(listed(self.scene.material.inventory, kind, entity, rest))
    }
}

/// RFC 1918, RFC 6598, RFC 3927 and RFC 4193, RFC 4291 link-local.
pub(super) fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            ip.is_private() || ip.is_link_local() || (a == 100 && (64..128).contains(&b))
        }
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(ip) => is_private(ip.into()),
            None => ip.is_unique_local() || ip.is_unicast_link_local(),
        },
    }
}

impl Row for SessionRow<'_> {
    fn attribute(&self, name: &str) -> Value<'_> {
        let session = self.session;
        if !session.begins && self.is_of_beginning(name) {
            return Value::Unknown;
        }
        match name {
            "account" => Value::word(session.account.as_ref().map(|a| &*a.id)),
            "access" => Value::word(Some(session.access.name())),
            "service" => Value::word(Some(&session.service)),
            "device" if session.devices.is_empty() => Value::Absent,
            "device" => Value::Words(session.devices.iter().map(|d| (&*d.id).into()).collect()),
            "address" => Value::word(session.address.as_deref()),
            "origin" => Value::word(session.origin.as_deref()),
            "time" => Value::word(Some(&self.moment)),
            "second_factor" => Value::Truth(session.second_factor),
            "from_outside" => Value::Truth(self.comes_from_outside()),
            other => self.listed(other).unwrap_or_else(|| Value::word(session.attributes.get(other))),
        }
    }

    fn behind(&self, prefix: &str) -> Option<usize> {
        Some(address_of(match prefix {
            "account" => self.account,
            "supplier" => self.supplier,
            "device" => self.device,
            "origin" => self.origin,
            "segment" => self.segment,
            _ => return None,
        }))
    }

    fn session(&self) -> Option<&Session> {
        Some(self.session())
    }
}

/// An account that was seen or is on a list.
pub(super) struct AccountRow<'s> {
    scene: &'s Scene<'s>,
    id: Arc<str>,
    entity: Option<&'s Entity>,
    supplier: Option<&'s Entity>,
    sessions: Vec<&'s Session>,
    last: Option<Timestamp>,
    /// First and last day with a sign-in of anybody.
    watched: Option<(Day, Day)>,
}

impl<'s> AccountRow<'s> {
    /// Accounts that signed in, and those of `listed`.
    pub(super) fn all(
        scene: &'s Scene<'s>,
        overview: &Overview,
        sessions: &'s [Session],
        listed: &[&'s Entity],
    ) -> Vec<Self> {
        let now = scene.material.now;
        let mut used: BTreeMap<Arc<str>, Vec<&Session>> = BTreeMap::new();
        for of_one in sessions.chunk_by(|a, b| a.account == b.account) {
            if let Some(Some(account)) = of_one.first().map(|s| &s.account) {
                used.entry(Arc::clone(&account.id)).or_default().extend(of_one);
            }
        }
        for entity in listed {
            used.entry(entity.id.as_str().into()).or_default();
        }
        let day = |time| scene.day(time);
        let watched = overview.signed_in().ends().map(|(first, last)| (day(first), day(last)));
        let row = |(id, sessions): (Arc<str>, Vec<&'s Session>)| {
            let last = sessions.iter().map(|s| s.time).max();
            let entity = scene.entity(EntityKind::Account, &id, last.unwrap_or(now));
            let supplier = scene.supplier(entity, last.unwrap_or(now));
            Self { scene, id, entity, supplier, sessions, last, watched }
        };
        used.into_iter().map(row).collect()
    }

    /// When it was last used.
    pub(super) fn last_seen(&self) -> Option<Timestamp> {
        self.last
    }

    fn distinct(&self, of: impl Fn(&'s Session) -> Vec<&'s str>) -> BTreeSet<&'s str> {
        self.sessions.iter().flat_map(|s| of(s)).collect()
    }

    /// Days from the last use until the last sign-in of anybody; if no use was seen, at least the days between sign-ins of
    /// others: logs of other things show no use.
    fn unused_days(&self) -> Value<'_> {
        let Some((first, last)) = self.watched else { return Value::Unknown };
        match self.last {
            Some(time) => Value::Number(f64::from(last - self.scene.day(time))),
            None => Value::AtLeast(f64::from(last - first + 1)),
        }
    }

    fn password_age_days(&self) -> Value<'_> {
        let stated =
            listed(self.scene.material.inventory, EntityKind::Account, self.entity, "password_changed");
        // No list, or none that says it.
        let Value::Words(stated) = stated else { return Value::Unknown };
        let time = stated.first().and_then(|t| crate::inventory::day(t, false));
        let Some(time) = time else { return Value::Unknown };
        let age = self.scene.material.now.as_nanos() - time.as_nanos();
        Value::Number((age / (86_400 * NANOS_PER_SECOND)) as f64)
    }
}

impl Row for AccountRow<'_> {
    fn attribute(&self, name: &str) -> Value<'_> {
        let inventory = self.scene.material.inventory;
        match name.split_once('.') {
            Some(("account", rest)) => return listed(inventory, EntityKind::Account, self.entity, rest),
            Some(("supplier", rest)) => return listed(inventory, EntityKind::Supplier, self.supplier, rest),
            _ => {}
        }
        let words = |set: BTreeSet<&str>| match set.len() {
            0 => Value::Absent,
            _ => Value::Words(set.into_iter().map(|w| w.to_owned().into()).collect()),
        };
        let number = |set: BTreeSet<&str>| Value::Number(set.len() as f64);
        let addresses = || self.distinct(|s| s.address.as_deref().into_iter().collect());
        match name {
            "account" => Value::word(Some(&self.id)),
            "seen" => Value::Truth(Truth::from(!self.sessions.is_empty())),
            "sessions" => Value::Number(self.sessions.len() as f64),
            "unused_days" => self.unused_days(),
            "password_age_days" => self.password_age_days(),
            "accesses" => words(self.distinct(|s| vec![s.access.name()])),
            "services" => words(self.distinct(|s| vec![&*s.service])),
            "origins" => number(self.distinct(|s| s.origin.as_deref().into_iter().collect())),
            "addresses" => number(addresses()),
            "devices" => number(self.distinct(|s| s.devices.iter().map(|d| &*d.id).collect())),
            "at_once" => Value::Number(self.addresses_at_once() as f64),
            _ => Value::Absent,
        }
    }

    fn events(&self) -> Vec<usize> {
        let last = self.sessions.iter().filter(|s| Some(s.time) == self.last);
        last.flat_map(|s| s.events.iter().copied()).collect()
    }

    fn place(&self) -> Option<&crate::inventory::Place> {
        self.entity.map(|e| &e.place)
    }
}

impl AccountRow<'_> {
    /// Most different addresses from which it was used within one hour of the clock. A host that it signed in to itself is
    /// a hop on its way, not another place.
    fn addresses_at_once(&self) -> usize {
        let hour = |s: &Session| s.time.as_nanos().div_euclid(3600 * NANOS_PER_SECOND);
        let entered = self.distinct(|s| s.devices.iter().map(|d| &*d.id).collect());
        let is_hop = |s: &Session, address: &str| {
            let host = self.scene.names.host_at(address, s.time);
            host.is_some_and(|h| entered.contains(&*h.id))
        };
        let used = self.sessions.iter().filter_map(|s| Some((s, s.address.as_deref()?)));
        let used = used.filter(|(s, address)| !is_hop(s, address)).map(|(s, address)| (hour(s), address));
        let pairs: BTreeSet<(i64, &str)> = used.collect();
        let by_hour = counted(pairs.into_iter().map(|(hour, _)| hour));
        by_hour.into_values().max().map_or(0, |n| usize::try_from(n).unwrap_or(usize::MAX))
    }
}
