//! Which hosts speak under a source's name.
//!
//! # Invariants
//! A source under which several hosts speak from the beginning is a relay, and nothing is said of its hosts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{MAX_HOSTS, Settings};

/// Longest name that is kept; RFC 1035 knows none longer.
const LONGEST_NAME: usize = 255;

/// The hosts of one source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hosts {
    /// First and last time of each.
    hosts: BTreeMap<String, (i64, i64)>,
    /// More than fit.
    many: bool,
    first_ns: Option<i64>,
    named: Vec<String>,
}

impl Hosts {
    pub(super) fn note(&mut self, at_ns: i64, hosts: &[String]) {
        for host in hosts.iter().filter(|host| !host.is_empty() && host.len() <= LONGEST_NAME) {
            self.first_ns.get_or_insert(at_ns);
            let full = self.hosts.len() >= MAX_HOSTS;
            match self.hosts.get_mut(host.as_str()) {
                Some((_, last)) => *last = at_ns,
                None if !full => {
                    self.hosts.insert(host.clone(), (at_ns, at_ns));
                }
                None => self.many = true,
            }
        }
    }

    /// The one host that spoke for long, and one that began to speak after that and was not named.
    pub(super) fn stranger(&self, settings: &Settings) -> Option<(&str, &str, i64)> {
        let learnt = self.first_ns?.saturating_add(settings.learn_ns);
        let mut known = self.hosts.iter().filter(|(_, (first, _))| *first < learnt);
        let (host, (_, last)) = known.next()?;
        if known.next().is_some() || self.many || *last < learnt.min(self.first_ns?.saturating_add(1)) {
            return None;
        }
        let new = self.hosts.iter().find(|(name, (first, _))| *first >= learnt && !self.named.contains(name));
        new.map(|(name, (first, _))| (host.as_str(), name.as_str(), *first))
    }

    pub(super) fn named(&mut self, host: &str) {
        if self.named.len() < MAX_HOSTS {
            self.named.push(host.to_owned());
        }
    }

    /// Names by which others may speak of it: none of a relay.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let few = !self.many && self.hosts.len() <= 2;
        self.hosts.keys().filter(move |_| few).map(String::as_str)
    }

    /// The only host, if there is one, and since when.
    pub(super) fn only(&self) -> Option<(&str, i64)> {
        match (self.hosts.len(), self.many) {
            (1, false) => self.hosts.iter().next().map(|(name, (first, _))| (name.as_str(), *first)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: Settings = Settings { learn_ns: 100, least_ns: 10 };

    fn hosts(said: &[(i64, &str)]) -> Hosts {
        let mut hosts = Hosts::default();
        said.iter().for_each(|(at, host)| hosts.note(*at, &[(*host).to_owned()]));
        hosts
    }

    #[test]
    fn a_second_host_is_named_once_and_a_relay_never() {
        let mut two = hosts(&[(0, "web01"), (50, "web01"), (120, "web01"), (130, "web02")]);
        assert_eq!(two.stranger(&SETTINGS), Some(("web01", "web02", 130)));
        two.named("web02");
        two.note(140, &["web02".to_owned()]);
        assert_eq!(two.stranger(&SETTINGS), None);
        assert_eq!(hosts(&[(0, "a"), (9, "b"), (200, "c")]).stranger(&SETTINGS), None, "a relay");
        assert_eq!(hosts(&[(0, "a"), (90, "")]).stranger(&SETTINGS), None);
        let mut many = hosts(&[(0, "a")]);
        (0..1_000).for_each(|n| many.note(200 + n, &[format!("h{n}")]));
        assert_eq!((many.hosts.len(), many.stranger(&SETTINGS)), (MAX_HOSTS, None));
    }
}
