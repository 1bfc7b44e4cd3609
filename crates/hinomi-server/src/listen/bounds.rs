//! What a server lets strangers use, and how many of them at once.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Bounds of a server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// Connections at once.
    pub connections: usize,
    /// Connections at once from one address.
    pub connections_per_address: usize,
    /// Time for a TLS handshake, and for the head of a request.
    pub head: Duration,
    /// Time for the body of a request.
    pub body: Duration,
    /// Time that a connection lives at most.
    pub connection: Duration,
    /// Bytes of a head.
    pub head_bytes: usize,
    /// Bytes of a body.
    pub body_bytes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: 64,
            connections_per_address: 16,
            head: Duration::from_secs(10),
            body: Duration::from_secs(20),
            connection: Duration::from_mins(5),
            head_bytes: 16 * 1024,
            body_bytes: 128 * 1024,
        }
    }
}

/// The connections there are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guests(Arc<Mutex<BTreeMap<IpAddr, usize>>>);

/// A connection that counts until it is dropped.
#[derive(Debug)]
pub(crate) struct Guest {
    guests: Guests,
    address: IpAddr,
}

impl Guests {
    /// Lets a connection in, if there is room for it.
    pub(crate) fn admit(&self, address: IpAddr, bounds: &Bounds) -> Option<Guest> {
        let mut guests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let total: usize = guests.values().sum();
        let count = guests.get(&address).copied().unwrap_or(0);
        if total >= bounds.connections || count >= bounds.connections_per_address {
            return None;
        }
        guests.insert(address, count + 1);
        Some(Guest { guests: self.clone(), address })
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut guests = self.guests.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = guests.get(&self.address).copied().unwrap_or(0).saturating_sub(1);
        if left == 0 {
            guests.remove(&self.address);
        } else {
            guests.insert(self.address, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_cannot_take_every_place() {
        let bounds = Bounds { connections: 4, connections_per_address: 2, ..Bounds::default() };
        let guests = Guests::default();
        let (a, b, c) = ([127, 0, 0, 1].into(), [127, 0, 0, 2].into(), [127, 0, 0, 3].into());
        let first = guests.admit(a, &bounds).unwrap();
        let _second = guests.admit(a, &bounds).unwrap();
        assert!(guests.admit(a, &bounds).is_none());
        let _others = [guests.admit(b, &bounds).unwrap(), guests.admit(b, &bounds).unwrap()];
        assert!(guests.admit(c, &bounds).is_none(), "full");
        drop(first);
        assert!(guests.admit(c, &bounds).is_some());
        assert!(guests.admit(a, &bounds).is_some());
    }
}
