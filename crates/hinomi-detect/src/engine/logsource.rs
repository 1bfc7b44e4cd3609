//! Which events a rule's `logsource` means: data, not code.
//!
//! A Windows event is routed by kind, channel and provider as well as event id, because an id alone is reused by
//! many providers. What an event does not state (a JSON export without provider) cannot contradict, but at least
//! one of channel and provider must be there and agree.

use std::collections::BTreeMap;

use hinomi_model::LogKind;
use serde::Deserialize;

use crate::sigma::LogSource;

/// The table of log sources known by name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSources {
    /// Version of the table, shown beside results.
    pub version: u32,
    #[serde(default)]
    bulky_fields: Vec<String>,
    services: Vec<Service>,
    categories: Vec<Category>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Service {
    product: String,
    service: String,
    channels: Vec<String>,
    #[serde(default)]
    rename: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Category {
    product: String,
    category: String,
    sources: Vec<Source>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Source {
    channels: Vec<String>,
    providers: Vec<String>,
    event_ids: Vec<u32>,
    rename: BTreeMap<String, String>,
    values: BTreeMap<String, BTreeMap<String, String>>,
}

/// Conditions on an event's origin, and how it names the fields of the rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Route {
    product: Option<String>,
    service: Option<String>,
    category: Option<String>,
    channels: Vec<String>,
    providers: Vec<String>,
    event_ids: Vec<String>,
    /// Field of the rule → field of the event.
    pub(crate) rename: BTreeMap<String, String>,
    /// Field of the rule → (value of the rule, lower case → value of the event).
    pub(crate) values: BTreeMap<String, BTreeMap<String, String>>,
}

/// The table does not parse.
#[derive(Debug, thiserror::Error)]
#[error("log source table: {0}")]
pub struct LogSourceError(#[from] serde_yaml_ng::Error);

impl LogSources {
    /// The table that ships with the program.
    ///
    /// # Errors
    /// When the table does not parse, which a test excludes.
    pub fn bundled() -> Result<Self, LogSourceError> {
        Self::parse(include_str!("../../../../mappings/logsources.yaml"))
    }

    /// Reads a table.
    ///
    /// # Errors
    /// When `text` is not a table.
    pub fn parse(text: &str) -> Result<Self, LogSourceError> {
        Ok(serde_yaml_ng::from_str(text)?)
    }

    /// Whether some log source has other words than rules for the values of a field.
    pub fn translates(&self, field: &str) -> bool {
        let sources = self.categories.iter().flat_map(|c| &c.sources);
        sources.into_iter().any(|s| s.values.contains_key(field))
    }

    /// Fields that hold long text, worth keeping only where a rule may match it.
    pub(crate) fn bulky_fields(&self) -> &[String] {
        &self.bulky_fields
    }

    /// The routes whose events a rule with this `logsource` reads.
    pub(crate) fn routes(&self, source: &LogSource) -> Vec<Route> {
        let same = |wanted: &Option<String>, have: &str| wanted.as_deref().is_none_or(|w| w == have);
        let channels = self.channels(source);
        let by_category: Vec<Route> = (self.categories.iter())
            .filter(|c| source.category.as_deref() == Some(&c.category) && same(&source.product, &c.product))
            .flat_map(|c| c.sources.iter().map(|s| Route::of_source(&c.product, s)))
            .filter_map(|route| route.within(channels.as_deref()))
            .collect();
        if !by_category.is_empty() {
            return with_generic(by_category, source);
        }
        match channels {
            Some(channels) => vec![Route {
                product: source.product.clone(),
                category: source.category.clone(),
                channels,
                rename: self.service(source).map(|s| s.rename.clone()).unwrap_or_default(),
                ..Route::default()
            }],
            None => vec![Route::generic(source)],
        }
    }

    /// Whether a rule with this `logsource` may read a log of this kind (`product/service`) and channel. What only events
    /// state, such as categories, providers and ids, is not asked: `false` is certain, `true` is not.
    pub fn may_read(&self, source: &LogSource, kind: &str, channel: &str) -> bool {
        let (product, service) = kind.split_once('/').unwrap_or((kind, ""));
        let is = |wanted: &Option<String>, have: &str| wanted.as_deref().is_none_or(|wanted| wanted == have);
        let named = |channels: &[String]| {
            channels.is_empty() || channels.iter().any(|c| c.eq_ignore_ascii_case(channel))
        };
        let reads = |route: &Route| {
            is(&route.product, product) && is(&route.service, service) && named(&route.channels)
        };
        self.routes(source).iter().any(reads)
    }

    fn service(&self, source: &LogSource) -> Option<&Service> {
        let name = source.service.as_deref()?;
        let product = |s: &Service| source.product.as_deref().is_none_or(|p| p == s.product);
        self.services.iter().find(|s| s.service == name && product(s))
    }

    fn channels(&self, source: &LogSource) -> Option<Vec<String>> {
        self.service(source).map(|s| s.channels.iter().map(|c| c.to_lowercase()).collect())
    }
}

/// A category without product also means events of other products that carry the category.
fn with_generic(mut routes: Vec<Route>, source: &LogSource) -> Vec<Route> {
    if source.product.is_none() {
        routes.push(Route::generic(source));
    }
    routes
}

impl Route {
    fn generic(source: &LogSource) -> Self {
        Self {
            product: source.product.clone(),
            service: source.service.clone(),
            category: source.category.clone(),
            ..Self::default()
        }
    }

    fn of_source(product: &str, source: &Source) -> Self {
        let lower = |names: &[String]| names.iter().map(|n| n.to_lowercase()).collect();
        Self {
            product: Some(product.to_owned()),
            channels: lower(&source.channels),
            providers: lower(&source.providers),
            event_ids: source.event_ids.iter().map(u32::to_string).collect(),
            rename: source.rename.clone(),
            values: source.values.clone(),
            ..Self::default()
        }
    }

    /// Narrows to `channels`, when a rule names both a category and a service.
    fn within(mut self, channels: Option<&[String]>) -> Option<Self> {
        if let Some(channels) = channels {
            self.channels.retain(|c| channels.contains(c));
            if self.channels.is_empty() {
                return None;
            }
        }
        Some(self)
    }

    /// Whether an event of this origin belongs to the route.
    pub(crate) fn matches(&self, kind: &LogKind, channel: &str, provider: &str, event_id: &str) -> bool {
        let is = |wanted: &Option<String>, have: &str| wanted.as_deref().is_none_or(|w| w == have);
        if !is(&self.product, &kind.product) || !is(&self.service, &kind.service) {
            return false;
        }
        if self.category.as_deref().is_some_and(|wanted| !kind.categories.iter().any(|c| c == wanted)) {
            return false;
        }
        if !self.event_ids.is_empty() && !self.event_ids.iter().any(|id| id == event_id) {
            return false;
        }
        let named = |wanted: &[String], have: &str| {
            if wanted.is_empty() || have.is_empty() {
                None
            } else {
                Some(wanted.iter().any(|w| w.eq_ignore_ascii_case(have)))
            }
        };
        match (named(&self.channels, channel), named(&self.providers, provider)) {
            (Some(false), _) | (_, Some(false)) => false,
            (None, None) => self.channels.is_empty() && self.providers.is_empty(),
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(category: &str, product: &str, service: &str) -> LogSource {
        let some = |s: &str| (!s.is_empty()).then(|| s.to_owned());
        LogSource { category: some(category), product: some(product), service: some(service) }
    }

    fn windows() -> LogKind {
        LogKind { product: "windows".into(), ..LogKind::default() }
    }

    fn routed(source: &LogSource, channel: &str, provider: &str, id: &str) -> bool {
        let table = LogSources::bundled().unwrap();
        table.routes(source).iter().any(|r| r.matches(&windows(), channel, provider, id))
    }

    #[test]
    fn an_event_id_alone_is_not_enough() {
        let process = source("process_creation", "windows", "");
        let sysmon = ("Microsoft-Windows-Sysmon/Operational", "Microsoft-Windows-Sysmon");
        assert!(routed(&process, sysmon.0, sysmon.1, "1"));
        assert!(routed(&process, "microsoft-windows-sysmon/operational", "", "1"));
        assert!(routed(&process, "Security", "Microsoft-Windows-Security-Auditing", "4688"));
        assert!(!routed(&process, "Security", "Other-Provider", "4688"));
        assert!(!routed(&process, "System", "Microsoft-Windows-Kernel-General", "1"));
        assert!(!routed(&process, "", "", "1"));
        assert!(!routed(&process, sysmon.0, sysmon.1, "3"));
    }

    #[test]
    fn a_log_that_no_rule_of_a_source_reads_is_known_by_kind_and_channel() {
        let table = LogSources::bundled().unwrap();
        let process = source("process_creation", "windows", "");
        assert!(table.may_read(&process, "windows", "Microsoft-Windows-Sysmon/Operational"));
        assert!(table.may_read(&process, "windows", "security"));
        assert!(!table.may_read(&process, "windows", "System"));
        assert!(!table.may_read(&process, "linux/sshd", "linux/sshd"));
        let sshd = source("", "linux", "sshd");
        assert!(table.may_read(&sshd, "linux/sshd", "linux/sshd"));
        assert!(!table.may_read(&sshd, "linux/auditd", "linux/auditd"));
        // A category is stated by events alone.
        assert!(table.may_read(&source("proxy", "", ""), "squid/access", "squid/access"));
    }

    #[test]
    fn services_are_channels_and_unknown_sources_compare_kinds() {
        assert!(routed(&source("", "windows", "security"), "Security", "Any", "1102"));
        assert!(!routed(&source("", "windows", "security"), "System", "Any", "1102"));
        let table = LogSources::bundled().unwrap();
        let cloud = LogKind { product: "aws".into(), service: "cloudtrail".into(), categories: vec![] };
        let route = |s: &LogSource| table.routes(s).iter().any(|r| r.matches(&cloud, "", "", ""));
        assert!(route(&source("", "aws", "cloudtrail")));
        assert!(route(&source("", "aws", "")));
        assert!(!route(&source("", "azure", "")));
        assert!(!route(&source("authentication", "", "")));
    }
}
