//! Bounds on guessing that do not let a stranger lock anybody out.
//!
//! # Invariants
//! - Failures delay by (account, network) and by network, never by account alone: who guesses from elsewhere does not delay
//!   its owner at home.
//! - A device on which the account has been signed in has a budget of its own, which strangers cannot use up, and is exempt
//!   from the bound on all.
//! - Memory is bounded: who fails longest ago is forgotten first.

use std::collections::BTreeMap;
use std::net::IpAddr;

use hinomi_model::Digest;

use crate::factor::FactorKind;
use crate::id::AccountId;
use crate::moment::Moment;
use crate::provider::ProviderFault;
use crate::refusal::Refusal;

/// Failures that are forgotten.
const FORGET: i64 = 3_600;
/// Most keys that are remembered.
const MOST: usize = 8_192;
/// Failures without delay: of an account from a network, of a network, of a device.
const FREE: [u32; 3] = [5, 30, 10];
/// Longest delays, in seconds.
const LONGEST: [i64; 3] = [900, 300, 900];
/// Attempts of unknown devices in a minute, of all together.
const ALL: u32 = 600;
/// Seconds in which one failure of a kind is written down.
const MINUTE: i64 = 60;

/// The network that somebody comes from: /24 of IPv4, /56 of IPv6.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Origin(String);

impl Origin {
    /// The network of an address.
    pub fn of(address: IpAddr) -> Self {
        let address = address.to_canonical();
        Self(match address {
            IpAddr::V4(v4) => {
                let [a, b, c, _] = v4.octets();
                format!("{a}.{b}.{c}.0/24")
            }
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                format!("{a:x}:{b:x}:{c:x}:{:x}::/56", d & 0xff00)
            }
        })
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Kind {
    Pair = 0,
    Network = 1,
    Device = 2,
}

type Of = (Kind, [u8; 32]);

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Moment,
}

/// A kind of failed sign-ins.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Failed {
    /// As whom, if such an account is there.
    pub(crate) account: Option<AccountId>,
    /// How.
    pub(crate) method: FactorKind,
    /// From which network.
    pub(crate) from: String,
    /// Why the word of a provider did not count.
    pub(crate) why: Option<ProviderFault>,
}

/// What failed lately.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    failures: BTreeMap<Of, Failures>,
    minute: (i64, u32),
    /// Failures that were not written down, by what they are about, and when one was.
    written: BTreeMap<Failed, (Moment, u64)>,
}

/// Whose attempt it is.
#[derive(Clone, Debug)]
pub(crate) struct Attempting<'a> {
    /// Name that was typed.
    pub(crate) name: &'a str,
    pub(crate) from: &'a Origin,
    /// What the known device is remembered by, if it is one.
    pub(crate) device: Option<Digest>,
}

impl Attempting<'_> {
    fn keys(&self) -> Vec<Of> {
        let key = |kind, text: &str| (kind, *Digest::of(text.as_bytes()).as_bytes());
        match self.device {
            Some(device) => vec![(Kind::Device, *device.as_bytes())],
            None => vec![
                key(Kind::Pair, &format!("{}\n{}", self.name, self.from.as_str())),
                key(Kind::Network, self.from.as_str()),
            ],
        }
    }
}

impl Limits {
    /// Counts an attempt as a failure until [`Limits::succeeded`] says otherwise, so that many at once are no way around.
    pub(crate) fn begin(&mut self, attempt: &Attempting<'_>, now: Moment) -> Result<(), Refusal> {
        let mut attempt = attempt.clone();
        if attempt.device.is_some() && self.wait(&attempt, now) > 0 {
            // A device whose budget is used up is a stranger.
            attempt.device = None;
        }
        let wait = self.wait(&attempt, now);
        if wait > 0 {
            return Err(Refusal::TooMany(wait));
        }
        if attempt.device.is_none() {
            let minute = now.as_seconds().div_euclid(60);
            if self.minute.0 != minute {
                self.minute = (minute, 0);
            }
            if self.minute.1 >= ALL {
                return Err(Refusal::TooMany(60 - now.as_seconds().rem_euclid(60)));
            }
            self.minute.1 += 1;
        }
        for key in attempt.keys() {
            self.make_room();
            let known = self.failures.entry(key).or_insert(Failures { count: 0, last: now });
            known.count = if now.since(known.last) > FORGET { 1 } else { known.count.saturating_add(1) };
            known.last = now;
        }
        Ok(())
    }

    /// It was no failure.
    pub(crate) fn succeeded(&mut self, attempt: &Attempting<'_>) {
        for key in attempt.keys() {
            match (key.0, self.failures.get_mut(&key)) {
                // One success does not excuse guessing at others.
                (Kind::Network, Some(known)) => known.count = known.count.saturating_sub(1),
                _ => drop(self.failures.remove(&key)),
            }
        }
    }

    /// Seconds until the next attempt.
    fn wait(&self, attempt: &Attempting<'_>, now: Moment) -> i64 {
        let wait = |key: &Of| {
            let known = self.failures.get(key)?;
            let (free, longest) = (FREE.get(key.0 as usize)?, LONGEST.get(key.0 as usize)?);
            let beyond = known.count.checked_sub(*free)?;
            let delay = 1_i64.checked_shl(beyond.min(20)).unwrap_or(*longest).min(*longest);
            Some((delay - now.since(known.last).max(0)).max(0))
        };
        attempt.keys().iter().filter_map(wait).max().unwrap_or(0)
    }

    fn make_room(&mut self) {
        if self.failures.len() < MOST {
            return;
        }
        // A quarter at a time, so that it costs little for each.
        let mut times: Vec<Moment> = self.failures.values().map(|known| known.last).collect();
        times.sort_unstable();
        let cut = times.get(MOST / 4).copied().unwrap_or_default();
        self.failures.retain(|_, known| known.last > cut);
    }

    /// Whether a failure is written down: one a minute of each kind. How many were not since the last one.
    pub(crate) fn write_down(&mut self, failed: &Failed, now: Moment) -> Option<u64> {
        if let Some((_, more)) = self.written.get_mut(failed).filter(|(last, _)| now.since(*last) < MINUTE) {
            *more += 1;
            return None;
        }
        let more = self.written.get(failed).map_or(0, |(_, more)| *more);
        if self.written.len() >= MOST {
            self.written.retain(|_, (last, more)| now.since(*last) < MINUTE || *more > 0);
        }
        if self.written.len() >= MOST {
            return None;
        }
        self.written.insert(failed.clone(), (now, 0));
        Some(more)
    }

    /// Failures that were counted and not written down, once nothing of their kind came for a minute.
    pub(crate) fn held_back(&mut self, now: Moment) -> Vec<(Failed, u64)> {
        let due = |last: Moment| now.since(last) >= MINUTE;
        let held = self.written.iter().filter(|(_, (last, more))| due(*last) && *more > 0);
        let held: Vec<(Failed, u64)> = held.map(|(failed, (_, more))| (failed.clone(), *more)).collect();
        self.written.retain(|_, (last, _)| !due(*last));
        held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(last: u8) -> Origin {
        Origin::of(IpAddr::from([192, 0, last, 9]))
    }

    fn attempts(limits: &mut Limits, attempt: &Attempting<'_>, at: i64, count: u32) -> u32 {
        (0..count).filter(|_| limits.begin(attempt, Moment::from_seconds(at)).is_ok()).count() as u32
    }

    #[test]
    fn guessing_becomes_slow_and_its_victim_does_not_notice() {
        let mut limits = Limits::default();
        let (bad, home) = (origin(1), origin(2));
        let guess = Attempting { name: "aoki", from: &bad, device: None };
        // A day of guessing once a second.
        let passed: u32 = (0..86_400).map(|second| attempts(&mut limits, &guess, second, 1)).sum();
        assert!(passed < 150, "{passed} guesses in a day");
        let owner = Attempting { name: "aoki", from: &home, device: None };
        assert_eq!(attempts(&mut limits, &owner, 86_400, 1), 1);
    }

    #[test]
    fn a_known_device_has_its_own_budget_whatever_strangers_do() {
        let mut limits = Limits::default();
        let device = Some(Digest::of(b"device"));
        let here = origin(1);
        for n in 0..2_000_u32 {
            let from = Origin::of(IpAddr::from([10, (n >> 8) as u8, n as u8, 1]));
            let _ = limits
                .begin(&Attempting { name: "aoki", from: &from, device: None }, Moment::from_seconds(0));
        }
        let stranger = Attempting { name: "mori", from: &here, device: None };
        assert!(matches!(limits.begin(&stranger, Moment::from_seconds(1)), Err(Refusal::TooMany(59))));
        let owner = Attempting { name: "aoki", from: &here, device };
        assert_eq!(attempts(&mut limits, &owner, 1, 50), FREE[2]);
        limits.succeeded(&owner);
        assert_eq!(attempts(&mut limits, &owner, 2, 1), 1);
    }

    #[test]
    fn failures_that_were_only_counted_are_told_later() {
        let mut limits = Limits::default();
        let failed = Failed {
            account: None,
            method: FactorKind::PasswordTotp,
            from: "192.0.2.0/24".to_owned(),
            why: None,
        };
        let at = Moment::from_seconds;
        let told: Vec<_> = (0..8).map(|second| limits.write_down(&failed, at(second))).collect();
        assert_eq!(told, [Some(0), None, None, None, None, None, None, None]);
        assert_eq!(limits.held_back(at(30)), []);
        assert_eq!(limits.held_back(at(61)), [(failed.clone(), 7)]);
        assert_eq!(limits.held_back(at(200)), []);
        assert_eq!(limits.write_down(&failed, at(201)), Some(0));
    }

    #[test]
    fn memory_is_bounded() {
        let mut limits = Limits::default();
        for n in 0..(MOST as u32 * 4) {
            let from = Origin::of(IpAddr::from([10, (n >> 16) as u8, (n >> 8) as u8, 1]));
            let name = n.to_string();
            let at = Moment::from_seconds(i64::from(n));
            let _ = limits.begin(&Attempting { name: &name, from: &from, device: None }, at);
            let failed = Failed { account: None, method: FactorKind::Passkey, from: name.clone(), why: None };
            limits.write_down(&failed, at);
        }
        assert!(limits.failures.len() <= MOST && limits.written.len() <= MOST);
    }

    #[test]
    fn networks_are_those_that_one_customer_has() {
        let of = |text: &str| Origin::of(text.parse().unwrap()).0;
        assert_eq!(of("203.0.113.77"), "203.0.113.0/24");
        assert_eq!(of("::ffff:203.0.113.77"), "203.0.113.0/24");
        assert_eq!(of("2001:db8:1:ab12::1"), "2001:db8:1:ab00::/56");
    }
}
