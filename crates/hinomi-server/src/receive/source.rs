//! Who sends: a name for each listener, sender and way of sending, and what was counted of it.
//!
//! # Invariants
//! The number of names is bounded: strangers who invent addresses share one name from there on, `…/others`.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use super::again::Again;
use super::pace::{Pace, Rate};
use super::port::Port;

/// Longest name of a sender, as a certificate may state it.
const MAX_SENDER: usize = 120;

/// One source of the ledger.
#[derive(Debug)]
pub(crate) struct Source {
    /// Its name in the ledger.
    pub(crate) name: String,
    /// Retention class of what it sends.
    pub(crate) class: String,
    /// Bytes of it on their way.
    pub(crate) held: AtomicU64,
    /// Bytes of it that the ledger has accepted and not yet made durable.
    pub(crate) in_ledger: AtomicU64,
    pub(crate) events: AtomicU64,
    pub(crate) bytes: AtomicU64,
    /// Requests and datagrams that were turned away because of its bounds.
    pub(crate) refused: AtomicU64,
    /// When something of it was last received, in nanoseconds since 1970.
    pub(crate) last_ns: AtomicU64,
    /// Whether it is told what is durable.
    pub(crate) acknowledged: bool,
    pub(crate) pace: Pace,
    /// Its latest requests.
    pub(crate) again: Again,
    /// Records of requests that came again.
    pub(crate) repeated: AtomicU64,
}

impl Source {
    /// Counts what became durable.
    pub(crate) fn count(&self, events: u64, bytes: u64, received_ns: u64) {
        self.events.fetch_add(events, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.last_ns.fetch_max(received_ns, Ordering::Relaxed);
    }

    #[cfg(test)]
    pub(crate) fn named(name: &str) -> Self {
        Self::new(name.to_owned(), "c".to_owned(), true, Rate::default())
    }

    /// A part of what it sends, under a name of its own, which is not among the figures.
    pub(crate) fn part(&self, name: String) -> Self {
        Self::new(name, self.class.clone(), self.acknowledged, Rate::default())
    }

    fn new(name: String, class: String, acknowledged: bool, rate: Rate) -> Self {
        Self {
            name,
            class,
            held: AtomicU64::default(),
            in_ledger: AtomicU64::default(),
            events: AtomicU64::default(),
            bytes: AtomicU64::default(),
            refused: AtomicU64::default(),
            last_ns: AtomicU64::default(),
            acknowledged,
            pace: Pace::new(rate, Instant::now()),
            again: Again::default(),
            repeated: AtomicU64::default(),
        }
    }
}

/// What a source's name is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sender<'a> {
    /// The way of sending: `udp`, `bulk` …
    pub(crate) way: &'a str,
    /// The name of a token or certificate, if there is one.
    pub(crate) name: Option<&'a str>,
    pub(crate) address: IpAddr,
}

/// All sources that were met.
#[derive(Debug)]
pub(crate) struct Sources {
    met: Mutex<BTreeMap<String, Arc<Source>>>,
    bound: usize,
}

/// A name without what could make it two names, or another line of a log.
fn harmless(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-:*".contains(c) { c } else { '_' };
    name.chars().take(MAX_SENDER).map(plain).collect()
}

impl Sources {
    pub(crate) fn new(bound: usize) -> Self {
        Self { met: Mutex::default(), bound }
    }

    /// The source of what somebody sends through a port.
    pub(crate) fn of(&self, port: &Port, sender: Sender<'_>) -> Arc<Source> {
        let mut name = format!("{}/{}", port.name, sender.way);
        if let Some(who) = sender.name {
            name.push('/');
            name.push_str(&harmless(who));
        }
        if port.by_address || sender.name.is_none() {
            name.push('@');
            name.push_str(&sender.address.to_canonical().to_string());
        }
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(source) = met.get(&name) {
            return source.clone();
        }
        if met.len() >= self.bound {
            name = format!("{}/{}/others", port.name, sender.way);
        }
        let new = || Arc::new(Source::new(name.clone(), port.class.clone(), port.acknowledges, port.rate));
        met.entry(name.clone()).or_insert_with(new).clone()
    }

    /// The source of something on this machine; `None` when there are too many.
    pub(crate) fn local(&self, port: &Port, name: &str) -> Option<Arc<Source>> {
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        let full = met.len() >= self.bound;
        if let Some(source) = met.get(name) {
            return Some(source.clone());
        }
        let new = || Arc::new(Source::new(name.to_owned(), port.class.clone(), port.acknowledges, port.rate));
        (!full).then(|| met.entry(name.to_owned()).or_insert_with(new).clone())
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<Arc<Source>> {
        self.met.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded_and_cannot_be_forged() {
        let port = Port::test("net");
        let sources = Sources::new(2);
        let of = |name, last: u8| {
            let sender = Sender { way: "tls", name, address: [192, 0, 2, last].into() };
            sources.of(&port, sender).name.clone()
        };
        assert_eq!(of(Some("web01.example.jp"), 7), "net/tls/web01.example.jp@192.0.2.7");
        assert_eq!(of(Some("a/b\n@x"), 7), "net/tls/a_b__x@192.0.2.7");
        assert_eq!(of(None, 9), "net/tls/others");
        assert_eq!(of(None, 10), "net/tls/others");
        assert_eq!(of(Some("web01.example.jp"), 7), "net/tls/web01.example.jp@192.0.2.7", "known ones stay");
    }
}
