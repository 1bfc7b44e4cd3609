//! What has to be known of all observations before any account or host is judged.

use std::collections::{BTreeMap, BTreeSet};

use hinomi_model::Timestamp;

use super::{Material, SourceLog};
use crate::inventory::{Answers, Sighted};
use crate::session::{Named, Spans};
use crate::{Access, Observation, ObservationKind, ObservationSpec};

/// Learnt from every observation, one after the other.
#[derive(Default)]
pub(super) struct First {
    span: Span,
    kinds: BTreeSet<ObservationKind>,
    logs: Spans,
    /// What sign-ins open.
    accesses: BTreeSet<&'static str>,
    /// When anybody signed in.
    signed_in: Span,
    /// Per service: when anybody's use of it was seen.
    uses: BTreeMap<String, Span>,
    names: Noted,
    count: u64,
}

/// From the first to the last.
#[derive(Clone, Copy, Default)]
pub(super) struct Span(Option<(Timestamp, Timestamp)>);

impl Span {
    pub(super) fn add(&mut self, time: Timestamp) {
        self.0 = Some(self.0.map_or((time, time), |(first, last)| (first.min(time), last.max(time))));
    }

    pub(super) fn merge(&mut self, other: Self) {
        for time in other.0.into_iter().flat_map(|(first, last)| [first, last]) {
            self.add(time);
        }
    }

    pub(super) fn ends(self) -> Option<(Timestamp, Timestamp)> {
        self.0
    }
}

/// Names that events state; a name that was noted is not looked at again.
#[derive(Default)]
struct Noted {
    sighted: Sighted,
    accounts: Answers<(Box<str>, Option<Box<str>>), ()>,
    hosts: Answers<Box<str>, ()>,
}

impl Noted {
    fn note(&mut self, seen: &Observation) {
        let sighted = &mut self.sighted;
        if let Some(account) = seen.account.as_deref() {
            let id = seen.account_id.as_deref();
            self.accounts.answer(
                &(account, id),
                |(known, known_id)| **known == *account && known_id.as_deref() == id,
                || (account.into(), id.map(Into::into)),
                || sighted.account(account, id),
            );
        }
        for host in [&seen.device, &seen.origin].into_iter().flatten() {
            let host = host.as_str();
            self.hosts.answer(&host, |known| **known == *host, || host.into(), || sighted.host(host));
        }
        // The computer that a sign-in names as its origin had the address then.
        if let (Some(origin), Some(address)) = (&seen.origin, &seen.address) {
            self.sighted.address(origin, address, seen.time);
        }
    }
}

/// Names that events state.
pub(crate) fn sighted(observations: &[Observation], logs: &[SourceLog]) -> Sighted {
    let mut noted = Noted::default();
    observations.iter().for_each(|seen| noted.note(seen));
    with_logs(noted.sighted, logs)
}

fn with_logs(mut sighted: Sighted, logs: &[SourceLog]) -> Sighted {
    logs.iter().filter(|l| !l.host.is_empty()).for_each(|l| sighted.host(&l.host));
    sighted
}

impl First {
    pub(super) fn add(&mut self, specs: &[ObservationSpec], seen: &Observation) {
        self.count += 1;
        self.span.add(seen.time);
        self.logs.add(seen.log, seen.time);
        self.names.note(seen);
        let Some(spec) = specs.get(seen.rule) else { return };
        let kind = spec.kind;
        self.kinds.insert(kind);
        if kind == ObservationKind::SignIn && !spec.ends {
            self.signed_in.add(seen.time);
            self.accesses.insert(spec.access.unwrap_or(Access::Network).name());
        }
        if kind == ObservationKind::Use && seen.account.is_some() {
            let service = seen.attributes.get("service").unwrap_or_default();
            match self.uses.get_mut(service) {
                Some(span) => span.add(seen.time),
                None => self.uses.entry(service.to_owned()).or_default().add(seen.time),
            }
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn has(&self, kind: ObservationKind) -> bool {
        self.kinds.contains(&kind)
    }

    /// Lasting ids under which an event names an account, as a name.
    pub(super) fn names_by_id(&self) -> Vec<String> {
        self.names.sighted.names_by_id()
    }

    /// The names, taken out.
    pub(super) fn sighted(&mut self, logs: &[SourceLog]) -> Sighted {
        with_logs(std::mem::take(&mut self.names).sighted, logs)
    }

    /// First and last day of everything that was seen or logged.
    pub(super) fn days(&self, material: &Material<'_>) -> Option<(super::Day, super::Day)> {
        let seen = self.span.ends().into_iter().flat_map(|(first, last)| [first, last]);
        let seen = seen.map(|time| (material.local)(time).day);
        let logged = material.logs.iter().flat_map(|l| l.days(material.local).into_keys());
        seen.chain(logged).map(|day| (day, day)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }
}

/// Learnt from checks of factors, and from what is said of hosts.
#[derive(Default)]
pub(super) struct Second {
    pub(super) named: Named,
    /// Whether any sensor has a word for its own host.
    pub(super) has_sensor: bool,
}

impl Second {
    pub(super) fn merge(&mut self, other: Self) {
        self.named.merge(other.named);
        self.has_sensor |= other.has_sensor;
    }
}

/// Everything that parts have to know of each other.
pub(super) struct Overview {
    first: First,
    second: Second,
}

impl Overview {
    pub(super) fn new(first: First, second: Second) -> Self {
        Self { first, second }
    }

    pub(super) fn has(&self, kind: ObservationKind) -> bool {
        self.first.has(kind)
    }

    pub(super) fn count(&self) -> u64 {
        self.first.count()
    }

    pub(super) fn logs(&self) -> &Spans {
        &self.first.logs
    }

    pub(super) fn uses(&self) -> impl Iterator<Item = (&str, Span)> {
        self.first.uses.iter().map(|(service, span)| (service.as_str(), *span))
    }

    /// When anybody signed in.
    pub(super) fn signed_in(&self) -> Span {
        self.first.signed_in
    }

    /// Whether any sign-in opens this.
    pub(super) fn opens(&self, access: &str) -> bool {
        self.first.accesses.contains(access)
    }

    pub(super) fn named(&self) -> &Named {
        &self.second.named
    }

    pub(super) fn has_sensor(&self) -> bool {
        self.second.has_sensor
    }
}
