//! What single events say about accounts, hosts and sessions.
//!
//! An observation rule is a detection rule with one more part, `observe`: the rule's own language selects the events, and
//! `observe` names the fields that say who, from where, on what, and which factors. The rules are data.

use std::collections::BTreeMap;
use std::net::IpAddr;

use hinomi_model::{NANOS_PER_SECOND, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Attributes, Bilingual};

/// What kind of fact an event states.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObservationKind {
    /// An account was let in.
    SignIn,
    /// A factor of an account was checked, with success.
    Factor,
    /// A sensor says that it is alive on a host.
    Sensor,
    /// Somebody other than a host's own sensor saw the host alive.
    Sighting,
    /// A host went down or came up as intended.
    Restart,
    /// Bytes went from one address to another.
    Flow,
    /// An account used a right.
    Use,
    /// An account became, or acted as, an administrator of a host.
    Administrator,
}

/// What a sign-in opens.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Into the network from outside it: VPN, gateway, remote desktop gateway.
    Remote,
    /// A cloud service or its identity provider.
    Cloud,
    /// A person at a screen or shell of a host, also over the network.
    Interactive,
    /// A share, a directory or another service over the network.
    Network,
    /// A service or a scheduled job.
    Service,
}

impl Access {
    /// As claims name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Remote => "remote",
            Self::Cloud => "cloud",
            Self::Interactive => "interactive",
            Self::Network => "network",
            Self::Service => "service",
        }
    }
}

/// The `observe` part of a rule.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObservationSpec {
    /// What the event states.
    pub kind: ObservationKind,
    /// For sign-ins: what is opened.
    #[serde(default)]
    pub access: Option<Access>,
    /// For sign-ins: the event says that the session is over. It counts where its beginning is not in what was read.
    #[serde(default)]
    pub ends: bool,
    /// Whether one event per span and host is enough.
    #[serde(default)]
    pub sample: Option<Sample>,
    /// Product or protocol that lets in; sign-ins of one service at one moment are one session.
    #[serde(default)]
    pub service: String,
    /// Fields with the account, first choice first.
    #[serde(default)]
    pub account: Vec<String>,
    /// Fields with its domain.
    #[serde(default)]
    pub domain: Vec<String>,
    /// Fields with its security id or another lasting id.
    #[serde(default)]
    pub account_id: Vec<String>,
    /// Fields with the address it came from.
    #[serde(default)]
    pub address: Vec<String>,
    /// Fields with the name of the computer it came from.
    #[serde(default)]
    pub origin: Vec<String>,
    /// Fields with the host that was entered or that is spoken of.
    #[serde(default)]
    pub device: Vec<String>,
    /// Fields that tell sessions apart (port, process, session number).
    #[serde(default)]
    pub session: Vec<String>,
    /// Fields that list the factors the event itself states.
    #[serde(default)]
    pub factors: Vec<String>,
    /// Whether the listed factors are all there were.
    #[serde(default)]
    pub all_factors: bool,
    /// Fields that say outright whether more than one factor was used, with their words for yes and no.
    #[serde(default)]
    pub second_factor: Vec<StatedFactor>,
    /// Further attributes of the observation, by the name that claims use.
    #[serde(default)]
    pub attributes: BTreeMap<String, Vec<String>>,
    /// Constant attributes.
    #[serde(default)]
    pub set: BTreeMap<String, String>,
    /// Which log would say what this one leaves open.
    #[serde(default)]
    pub settled_by: Option<Bilingual>,
    /// When such a sign-in leaves the account's secret on the host, where whoever holds the host can take it.
    #[serde(default)]
    pub leaves_secret: Option<LeavesSecret>,
}

/// When a sign-in leaves a secret: all attributes of `when` have one of these values, and none of `unless` has.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeavesSecret {
    #[serde(default)]
    when: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    unless: BTreeMap<String, Vec<String>>,
}

impl LeavesSecret {
    /// Whether a sign-in with these attributes leaves one.
    fn applies(&self, attributes: &Attributes) -> bool {
        let has = |(name, values): (&String, &Vec<String>)| {
            attributes.get(name).is_some_and(|value| values.iter().any(|v| v.eq_ignore_ascii_case(value)))
        };
        self.when.iter().all(has) && !self.unless.iter().any(has)
    }
}

/// How often a fact is worth stating.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sample {
    /// Once a minute, and host, account and address.
    Minute,
    /// Once an hour, and host, address and attributes.
    Hour,
}

impl Sample {
    /// Length of the span.
    pub fn span_ns(self) -> i64 {
        NANOS_PER_SECOND
            * match self {
                Self::Minute => 60,
                Self::Hour => 3600,
            }
    }
}

/// A field that says outright whether more than one factor was used.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatedFactor {
    /// Its name.
    pub field: String,
    /// Its words for yes.
    #[serde(default)]
    pub yes: Vec<String>,
    /// Its words for no.
    #[serde(default)]
    pub no: Vec<String>,
}

impl ObservationSpec {
    /// Every field that is read.
    pub fn fields(&self) -> Vec<&str> {
        let lists = [
            &self.account,
            &self.domain,
            &self.account_id,
            &self.address,
            &self.origin,
            &self.device,
            &self.session,
        ];
        let named =
            lists.into_iter().flatten().chain(&self.factors).chain(self.attributes.values().flatten());
        named.chain(self.second_factor.iter().map(|s| &s.field)).map(String::as_str).collect()
    }

    /// How often it is worth stating, and the fields whose values make it another fact.
    pub fn sampling(&self) -> Option<(Sample, Vec<String>)> {
        let common = self.device.iter().chain(&self.account).chain(&self.address);
        let attributes = self.attributes.values().flatten();
        Some((self.sample?, common.chain(attributes).cloned().collect()))
    }

    /// Whether an observation of this rule left the account's secret on the host.
    pub fn left_secret(&self, seen: &Observation) -> bool {
        self.leaves_secret.as_ref().is_some_and(|leaves| leaves.applies(&seen.attributes))
    }

    /// The observation that an event makes, its fields given by name. `None` without a time: what cannot be placed in
    /// time supports nothing.
    pub fn observe<'f>(
        &self,
        rule: usize,
        (event, log): (usize, usize),
        time: Option<Timestamp>,
        field: impl Fn(&str) -> Option<&'f str>,
    ) -> Option<Observation> {
        let said = |names: &[String]| {
            let mut values = names.iter().filter_map(|n| field(n));
            values.find(|v| !says_nothing(v)).map(str::to_owned)
        };
        let account = said(&self.account).map(|name| match said(&self.domain) {
            Some(domain) if !name.contains(['\\', '@']) => format!("{domain}\\{name}"),
            _ => name,
        });
        let stated = self.factors.iter().filter_map(|n| field(n));
        let factors = stated.flat_map(|list| list.split(',')).map(|f| f.trim().to_owned());
        let outright = self.second_factor.iter().find_map(|s| {
            let value = field(&s.field)?;
            let among = |words: &[String]| words.iter().any(|w| w.eq_ignore_ascii_case(value));
            if among(&s.yes) { Some(true) } else { among(&s.no).then_some(false) }
        });
        let attributes = self.attributes.iter().filter_map(|(name, from)| Some((name.as_str(), said(from)?)));
        let set = self.set.iter().map(|(name, text)| (name.as_str(), text.clone()));
        Some(Observation {
            rule,
            event,
            log,
            time: time?,
            account,
            account_id: said(&self.account_id),
            address: said(&self.address).map(|a| bare_address(&a)),
            origin: said(&self.origin).map(|o| o.trim_start_matches('\\').to_owned()),
            device: said(&self.device).map(|d| bare_address(&d)),
            session: said(&self.session),
            factors: factors.filter(|f| !f.is_empty()).collect(),
            second_factor: outright,
            attributes: attributes.chain(set).collect(),
        })
    }
}

/// Values with which logs say «none».
fn says_nothing(value: &str) -> bool {
    matches!(value.trim(), "" | "-" | "(null)" | "N/A" | "n/a" | "unset" | "::" | "0.0.0.0" | "S-1-0-0")
}

/// An address without the family and port that some logs write around it (`ipv4:192.0.2.1:445`, `::ffff:192.0.2.1`); other
/// text as it is.
fn bare_address(text: &str) -> String {
    let (family, rest) = match text.split_once(':') {
        Some((family @ ("ipv4" | "ipv6"), rest)) => (family, rest),
        _ => ("", text),
    };
    // A port follows the last colon, also behind an IPv6 address, where the family is written.
    let rest =
        if family.is_empty() { rest } else { rest.rsplit_once(':').map_or(rest, |(address, _)| address) };
    match rest.parse::<IpAddr>() {
        Ok(IpAddr::V6(ip)) => ip.to_ipv4_mapped().map_or_else(|| ip.to_string(), |ip| ip.to_string()),
        Ok(ip) => ip.to_string(),
        Err(_) => text.to_owned(),
    }
}

/// One fact that one event states.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Observation {
    /// Number of the rule that selected the event.
    pub rule: usize,
    /// The caller's number of the event, for citation.
    pub event: usize,
    /// The caller's number of the log it stands in.
    pub log: usize,
    /// When, as the event says.
    pub time: Timestamp,
    /// Account as written.
    pub account: Option<String>,
    /// Its lasting id.
    pub account_id: Option<String>,
    /// Address it came from.
    pub address: Option<String>,
    /// Computer it came from.
    pub origin: Option<String>,
    /// Host that was entered or is spoken of.
    pub device: Option<String>,
    /// What tells it from other sessions.
    pub session: Option<String>,
    /// Factors the event itself states.
    pub factors: Vec<String>,
    /// What the event itself says of a second factor.
    pub second_factor: Option<bool>,
    /// Everything else, by the name that claims use.
    pub attributes: Attributes,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(text: &str) -> ObservationSpec {
        serde_yaml_ng::from_str(text).unwrap()
    }

    #[test]
    fn addresses_are_bared_and_names_left_alone() {
        for (written, bare) in [
            ("ipv4:192.0.2.10:445", "192.0.2.10"),
            ("ipv6:2001:db8::1:445", "2001:db8::1"),
            ("::ffff:192.0.2.20", "192.0.2.20"),
            ("192.0.2.20", "192.0.2.20"),
            ("fs01.corp.example.jp", "fs01.corp.example.jp"),
            ("ipv4", "ipv4"),
            ("unix:/run/x", "unix:/run/x"),
        ] {
            assert_eq!(bare_address(written), bare);
        }
    }

    #[test]
    fn only_some_sign_ins_leave_a_secret() {
        let spec = spec(
            "{kind: sign-in, attributes: {mode: [m]}, leaves_secret: {unless: {mode: ['Yes', '%%1842']}}}",
        );
        let left = |mode: &str| {
            let field = |name: &str| (name == "m").then_some(mode);
            spec.left_secret(&spec.observe(0, (0, 0), Some(Timestamp::from_nanos(1)), field).unwrap())
        };
        assert!(left("No") && left("-") && !left("yes") && !left("%%1842"));
        let never = super::tests::spec("{kind: sign-in}");
        assert!(
            !never.left_secret(&never.observe(0, (0, 0), Some(Timestamp::from_nanos(1)), |_| None).unwrap())
        );
    }

    #[test]
    fn fields_become_facts_and_placeholders_become_nothing() {
        let spec = spec(
            "{kind: sign-in, access: remote, account: [u], domain: [d], address: [a, b], factors: [f], \
             second_factor: [{field: mfa, yes: ['Yes'], no: ['No']}], attributes: {protocol: [p]}, set: {zone: x}}",
        );
        let fields = [
            ("u", "mika"),
            ("d", "CORP"),
            ("a", "-"),
            ("b", "192.0.2.1"),
            ("f", "Password, TOTP"),
            ("mfa", "no"),
        ];
        let field = |name: &str| fields.iter().find(|(n, _)| *n == name).map(|(_, v)| *v);
        let seen = spec.observe(3, (7, 0), Some(Timestamp::from_nanos(1)), field).unwrap();
        assert_eq!(seen.account.as_deref(), Some("CORP\\mika"));
        assert_eq!(seen.address.as_deref(), Some("192.0.2.1"));
        assert_eq!(seen.factors, ["Password", "TOTP"]);
        assert_eq!(seen.second_factor, Some(false));
        assert_eq!(seen.attributes.get("zone"), Some("x"));
        assert!(seen.attributes.get("protocol").is_none());
        assert!(spec.observe(3, (7, 0), None, field).is_none());
        assert!(spec.fields().contains(&"mfa"));
    }
}
