//! Sign-ins and accounts as claims see them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use hinomi_model::{NANOS_PER_SECOND, Timestamp};

use super::{Day, Material, counted, listed};
use crate::claim::{Row, Value};
use crate::inventory::{Entity, EntityKind, Resolved, Resolver};
use crate::{Session, Truth};

/// What rows lean on.
pub(super) struct Scene<'s> {
    pub(super) material: &'s Material<'s>,
    pub(super) resolver: &'s Resolver,
    pub(super) days: Option<(Day, Day)>,
}

impl<'s> Scene<'s> {
    /// The list's entry for an entity at a moment, as known now.
    pub(super) fn entity(&self, kind: EntityKind, id: &str, at: Timestamp) -> Option<&'s Entity> {
        self.material.inventory.believed(kind, id, at, self.material.now)
    }

    /// The supplier that an account belongs to.
    pub(super) fn supplier(&self, account: Option<&Entity>, at: Timestamp) -> Option<&'s Entity> {
        self.entity(EntityKind::Supplier, account?.value("supplier")?, at)
    }

    /// The narrowest segment with an address.
    pub(super) fn segment(&self, address: &str, at: Timestamp) -> Option<&'s Entity> {
        let address: IpAddr = address.parse().ok()?;
        let segments = self.material.inventory.all(EntityKind::Segment, at, self.material.now);
        let networks = segments.flat_map(|s| s.values("networks").iter().map(move |n| (s, n)));
        let inside = networks.filter_map(|(s, n)| Some((crate::claim::prefix_of(n, address)?, s)));
        inside.max_by_key(|(prefix, s)| (*prefix, std::cmp::Reverse(&s.id))).map(|(_, s)| s)
    }
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
    pub(super) fn new(scene: &'s Scene<'s>, session: &'s Session) -> Self {
        let at = session.time;
        let host = |host: &Resolved| scene.entity(EntityKind::Host, &host.id, at);
        let account = session.account.as_ref().and_then(|a| scene.entity(EntityKind::Account, &a.id, at));
        let named = session.origin.as_deref().map(|o| scene.resolver.host(o));
        let origin = named.or_else(|| scene.resolver.host_at(session.address.as_deref()?, at));
        Self {
            scene,
            session,
            account,
            supplier: scene.supplier(account, at),
            device: session.devices.iter().find_map(host),
            origin: origin.as_ref().and_then(host),
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
        let inventory = self.scene.material.inventory;
        match name.split_once('.') {
            Some(("account", rest)) => return listed(inventory, EntityKind::Account, self.account, rest),
            Some(("supplier", rest)) => return listed(inventory, EntityKind::Supplier, self.supplier, rest),
            Some(("device", rest)) => return listed(inventory, EntityKind::Host, self.device, rest),
            Some(("origin", rest)) => return listed(inventory, EntityKind::Host, self.origin, rest),
            Some(("segment", rest)) => return listed(inventory, EntityKind::Segment, self.segment, rest),
            _ => {}
        }
        match name {
            "account" => Value::word(session.account.as_ref().map(|a| a.id.as_str())),
            "access" => Value::word(Some(session.access.name())),
            "service" => Value::word(Some(&session.service)),
            "device" if session.devices.is_empty() => Value::Absent,
            "device" => Value::Words(session.devices.iter().map(|d| d.id.as_str().into()).collect()),
            "address" => Value::word(session.address.as_deref()),
            "origin" => Value::word(session.origin.as_deref()),
            "time" => Value::word(Some(&self.moment)),
            "second_factor" => Value::Truth(session.second_factor),
            "from_outside" => Value::Truth(self.comes_from_outside()),
            other => Value::word(session.attributes.get(other).map(String::as_str)),
        }
    }

    fn session(&self) -> Option<&Session> {
        Some(self.session())
    }
}

/// An account that was seen or is on a list.
pub(super) struct AccountRow<'s> {
    scene: &'s Scene<'s>,
    id: String,
    entity: Option<&'s Entity>,
    supplier: Option<&'s Entity>,
    sessions: Vec<&'s Session>,
    last: Option<Timestamp>,
}

impl<'s> AccountRow<'s> {
    pub(super) fn all(scene: &'s Scene<'s>, sessions: &'s [Session]) -> Vec<Self> {
        let now = scene.material.now;
        let mut used: BTreeMap<String, Vec<&Session>> = BTreeMap::new();
        for session in sessions {
            if let Some(account) = &session.account {
                used.entry(account.id.clone()).or_default().push(session);
            }
        }
        for entity in scene.material.inventory.all(EntityKind::Account, now, now) {
            used.entry(entity.id.clone()).or_default();
        }
        let row = |(id, sessions): (String, Vec<&'s Session>)| {
            let last = sessions.iter().map(|s| s.time).max();
            let entity = scene.entity(EntityKind::Account, &id, last.unwrap_or(now));
            let supplier = scene.supplier(entity, last.unwrap_or(now));
            Self { scene, id, entity, supplier, sessions, last }
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

    /// Days since the last use; if no use was seen, at least the days that were looked at.
    fn unused_days(&self) -> Value<'_> {
        let Some((first, last)) = self.scene.days else { return Value::Unknown };
        let day = |time| (self.scene.material.local)(time).day;
        match self.last {
            Some(time) => Value::Number(f64::from(last - day(time))),
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
            "services" => words(self.distinct(|s| vec![s.service.as_str()])),
            "origins" => number(self.distinct(|s| s.origin.as_deref().into_iter().collect())),
            "addresses" => number(addresses()),
            "devices" => number(self.distinct(|s| s.devices.iter().map(|d| d.id.as_str()).collect())),
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
        let entered = self.distinct(|s| s.devices.iter().map(|d| d.id.as_str()).collect());
        let is_hop = |s: &Session, address: &str| {
            let host = self.scene.resolver.host_at(address, s.time);
            host.is_some_and(|h| entered.contains(h.id.as_str()))
        };
        let used = self.sessions.iter().filter_map(|s| Some((s, s.address.as_deref()?)));
        let used = used.filter(|(s, address)| !is_hop(s, address)).map(|(s, address)| (hour(s), address));
        let pairs: BTreeSet<(i64, &str)> = used.collect();
        let by_hour = counted(pairs.into_iter().map(|(hour, _)| hour));
        by_hour.into_values().max().map_or(0, |n| usize::try_from(n).unwrap_or(usize::MAX))
    }
}
