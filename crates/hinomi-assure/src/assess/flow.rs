//! Who sent bytes where, day by day.

use std::collections::BTreeMap;
use std::net::IpAddr;

use hinomi_model::Timestamp;

use super::rows::{OUTSIDE, Scene, is_private};
use super::{Day, listed};
use crate::claim::{Row, Value};
use crate::inventory::{Entity, EntityKind};
use crate::{Observation, ObservationKind, Truth};

/// Events kept of a flow.
const MOST_EVENTS: usize = 3;

/// A source and a destination on a day.
pub(super) struct FlowRow<'s> {
    scene: &'s Scene<'s>,
    source: String,
    destination: Vec<String>,
    seen: Seen<'s>,
    host: Option<&'s Entity>,
    segment: Option<&'s Entity>,
    destination_host: Option<&'s Entity>,
    destination_segment: Option<&'s Entity>,
}

/// What stands for all events of a flow.
struct Seen<'s> {
    first: &'s Observation,
    day: Day,
    count: u64,
    events: Vec<usize>,
}

/// Sender, destination, port and day.
type Key<'s> = (String, Vec<String>, Option<&'s str>, Day);

/// Every flow of every day, in order of source, destination and day.
pub(super) fn all<'s>(scene: &'s Scene<'s>) -> Vec<FlowRow<'s>> {
    let material = scene.material;
    let mut flows: BTreeMap<Key<'s>, Seen<'s>> = BTreeMap::new();
    for seen in material.observations {
        if material.specs.get(seen.rule).is_none_or(|spec| spec.kind != ObservationKind::Flow) {
            continue;
        }
        let destination = destination(seen);
        let Some(source) = source(scene, seen).filter(|_| !destination.is_empty()) else { continue };
        let day = (material.local)(seen.time).day;
        let port = seen.attributes.get("port").map(String::as_str);
        let new = || Seen { first: seen, day, count: 0, events: Vec::new() };
        let flow = flows.entry((source, destination, port, day)).or_insert_with(new);
        flow.count += 1;
        if seen.time < flow.first.time {
            flow.first = seen;
        }
        if flow.events.len() < MOST_EVENTS {
            flow.events.push(seen.event);
        }
    }
    flows.into_iter().map(|((source, to, ..), seen)| FlowRow::new(scene, source, to, seen)).collect()
}

/// The host that sent, or else the address.
fn source(scene: &Scene<'_>, seen: &Observation) -> Option<String> {
    let named = seen.origin.as_deref().map(|o| scene.resolver.host(o).id);
    let by_address = || Some(scene.resolver.host_at(seen.address.as_deref()?, seen.time)?.id);
    named.or_else(by_address).or_else(|| seen.address.clone())
}

/// Name and address, as far as the event states them.
fn destination(seen: &Observation) -> Vec<String> {
    let address = seen.attributes.get("destination_address");
    let mut all: Vec<String> = seen.device.iter().chain(address).map(|d| d.to_lowercase()).collect();
    all.sort_unstable();
    all.dedup();
    all
}

impl<'s> FlowRow<'s> {
    fn new(scene: &'s Scene<'s>, source: String, destination: Vec<String>, seen: Seen<'s>) -> Self {
        let at = seen.first.time;
        let address = destination.iter().find(|d| d.parse::<IpAddr>().is_ok());
        let mut hosts = destination.iter().filter_map(|d| match d.parse::<IpAddr>() {
            Ok(_) => scene.resolver.host_at(d, at),
            Err(_) => Some(scene.resolver.host(d)),
        });
        Self {
            host: scene.entity(EntityKind::Host, &source, at),
            segment: seen.first.address.as_deref().and_then(|a| scene.segment(a, at)),
            destination_host: hosts.find_map(|h| scene.entity(EntityKind::Host, &h.id, at)),
            destination_segment: address.and_then(|a| scene.segment(a, at)),
            scene,
            source,
            destination,
            seen,
        }
    }

    pub(super) fn time(&self) -> Timestamp {
        self.seen.first.time
    }

    pub(super) fn day(&self) -> Day {
        self.seen.day
    }

    /// Whether it leaves the organisation's own networks; without a list of them, whether it goes to a public address.
    fn outbound(&self) -> Truth {
        if self.destination_host.is_some() {
            return Truth::False;
        }
        let mut addresses = self.destination.iter().filter_map(|d| d.parse::<IpAddr>().ok());
        let Some(address) = addresses.next() else {
            // A name that no list of hosts has.
            return Truth::from(self.scene.material.inventory.has_list(EntityKind::Host)).or(Truth::Unknown);
        };
        if stays_near(address) {
            return Truth::False;
        }
        if !self.scene.material.inventory.has_list(EntityKind::Segment) {
            return (!is_private(address)).into();
        }
        let own = |s: &Entity| !s.value("role").is_some_and(|r| OUTSIDE.contains(&r));
        (!self.destination_segment.is_some_and(own)).into()
    }
}

/// Addresses that no router passes on: the host itself, its link, everybody.
fn stays_near(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(ip) => {
            ip.is_loopback()
                || ip.is_link_local()
                || ip.is_multicast()
                || ip.is_broadcast()
                || ip.is_unspecified()
        }
        IpAddr::V6(ip) => {
            ip.is_loopback() || ip.is_unicast_link_local() || ip.is_multicast() || ip.is_unspecified()
        }
    }
}

impl Row for FlowRow<'_> {
    fn attribute(&self, name: &str) -> Value<'_> {
        let inventory = self.scene.material.inventory;
        match name.split_once('.') {
            Some(("host", rest)) => return listed(inventory, EntityKind::Host, self.host, rest),
            Some(("segment", rest)) => return listed(inventory, EntityKind::Segment, self.segment, rest),
            Some(("destination_host", rest)) => {
                return listed(inventory, EntityKind::Host, self.destination_host, rest);
            }
            Some(("destination_segment", rest)) => {
                return listed(inventory, EntityKind::Segment, self.destination_segment, rest);
            }
            _ => {}
        }
        match name {
            "sender" => Value::word(Some(&self.source)),
            "address" => Value::word(self.seen.first.address.as_deref()),
            "destination" => Value::words(&self.destination),
            "outbound" => Value::Truth(self.outbound()),
            "events" => Value::Number(self.seen.count as f64),
            other => Value::word(self.seen.first.attributes.get(other).map(String::as_str)),
        }
    }

    fn events(&self) -> Vec<usize> {
        self.seen.events.clone()
    }
}
