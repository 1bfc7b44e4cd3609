//! Who sent bytes where, day by day.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use hinomi_model::Timestamp;

use super::fact::{HostFact, Word};
use super::few::Few;
use super::rows::{OUTSIDE, Scene, address_of, is_private};
use super::{Day, listed};
use crate::claim::{Row, Value};
use crate::inventory::{Entity, EntityKind};
use crate::{Observation, Truth};

/// A source and a destination on a day.
pub(super) struct FlowRow<'s> {
    scene: &'s Scene<'s>,
    source: Arc<str>,
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
    events: Few,
}

/// Sender, destination, port and day.
type Key<'s> = (Arc<str>, Vec<String>, Option<&'s str>, Day);

/// Every flow of every day, in order of source, destination and day.
pub(super) fn all<'s>(scene: &'s Scene<'s>, facts: &'s [HostFact]) -> Vec<FlowRow<'s>> {
    let mut flows: BTreeMap<Key<'s>, Seen<'s>> = BTreeMap::new();
    for fact in facts {
        let Word::Flow(seen) = &fact.word else { continue };
        let destination = destination(seen);
        if destination.is_empty() {
            continue;
        }
        let day = scene.day(seen.time);
        let port = seen.attributes.get("port");
        let new = || Seen { first: seen, day, count: 0, events: Few::default() };
        let flow = flows.entry((Arc::clone(&fact.host), destination, port, day)).or_insert_with(new);
        flow.count += 1;
        if (seen.time, seen.event) < (flow.first.time, flow.first.event) {
            flow.first = seen;
        }
        flow.events.add(seen.time, seen.event);
    }
    flows.into_iter().map(|((source, to, ..), seen)| FlowRow::new(scene, source, to, seen)).collect()
}

/// Name and address, as far as the event states them.
fn destination(seen: &Observation) -> Vec<String> {
    let address = seen.attributes.get("destination_address");
    let named = seen.device.as_deref().into_iter().chain(address);
    let mut all: Vec<String> = named.map(str::to_lowercase).collect();
    all.sort_unstable();
    all.dedup();
    all
}

impl<'s> FlowRow<'s> {
    fn new(scene: &'s Scene<'s>, source: Arc<str>, destination: Vec<String>, seen: Seen<'s>) -> Self {
        let at = seen.first.time;
        let address = destination.iter().find(|d| d.parse::<IpAddr>().is_ok());
        let mut hosts = destination.iter().filter_map(|d| match d.parse::<IpAddr>() {
            Ok(_) => scene.names.host_at(d, at),
            Err(_) => Some(scene.names.host(d)),
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
            other => Value::word(self.seen.first.attributes.get(other)),
        }
    }

    fn behind(&self, prefix: &str) -> Option<usize> {
        Some(address_of(match prefix {
            "host" => self.host,
            "segment" => self.segment,
            "destination_host" => self.destination_host,
            "destination_segment" => self.destination_segment,
            _ => return None,
        }))
    }

    fn events(&self) -> Vec<usize> {
        self.seen.events.events()
    }
}
