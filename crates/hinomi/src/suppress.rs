//! Suppressions: detections that are not shown, by whose decision, until when, and how many.
//!
//! # Invariants
//! A suppression without owner, reason or expiry cannot be loaded; an expired one hides nothing; what is hidden is
//! counted and reported.

use std::collections::BTreeMap;

use hinomi_model::Timestamp;
use serde::Deserialize;

use crate::report::{DetectionEntry, SuppressionEntry};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    suppressions: Vec<Suppression>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Suppression {
    name: String,
    owner: String,
    reason: String,
    /// Date, or RFC 3339 time.
    expires: String,
    #[serde(default)]
    rule: Option<String>,
    #[serde(default)]
    host: Option<String>,
    #[serde(default)]
    account: Option<String>,
    #[serde(default)]
    fields: BTreeMap<String, String>,
}

/// A suppression file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SuppressError {
    /// Not YAML of the documented shape.
    #[error(
        "not a suppression file: {0}; each entry needs name, owner, reason, expires and at least one of rule, host, account, fields"
    )]
    Malformed(#[from] serde_yaml_ng::Error),
    /// An entry would hide everything.
    #[error("suppression {0:?} names no rule, host, account or field: it would hide every detection")]
    Unbounded(String),
    /// Owner or reason is blank.
    #[error("suppression {0:?} needs an owner and a reason")]
    Nameless(String),
    /// The expiry is not a date.
    #[error("suppression {name:?}: {text:?} is not a date such as 2026-12-31")]
    Expiry {
        /// Which entry.
        name: String,
        /// What it says.
        text: String,
    },
}

/// Loaded suppressions with their counts.
#[derive(Debug, Default)]
pub struct Suppressions {
    entries: Vec<(Suppression, Timestamp, bool, u64)>,
}

impl Suppressions {
    /// Reads a suppression file. `now` decides which have expired.
    ///
    /// # Errors
    /// See [`SuppressError`].
    pub fn parse(text: &str, now: Timestamp) -> Result<Self, SuppressError> {
        let document: Document = serde_yaml_ng::from_str(text)?;
        let mut entries = Vec::new();
        for entry in document.suppressions {
            if entry.owner.trim().is_empty() || entry.reason.trim().is_empty() {
                return Err(SuppressError::Nameless(entry.name));
            }
            if entry.rule.is_none()
                && entry.host.is_none()
                && entry.account.is_none()
                && entry.fields.is_empty()
            {
                return Err(SuppressError::Unbounded(entry.name));
            }
            let full = if entry.expires.len() == 10 {
                format!("{}T23:59:59Z", entry.expires)
            } else {
                entry.expires.clone()
            };
            let Ok(expires) = full.parse::<Timestamp>() else {
                return Err(SuppressError::Expiry { name: entry.name, text: entry.expires });
            };
            entries.push((entry, expires, expires < now, 0));
        }
        Ok(Self { entries })
    }

    /// Whether some unexpired suppression covers `detection`; counts it.
    pub fn hides(&mut self, detection: &DetectionEntry) -> bool {
        for (entry, _, expired, hidden) in &mut self.entries {
            if !*expired && entry.covers(detection) {
                *hidden += 1;
                return true;
            }
        }
        false
    }

    /// What applied.
    pub fn report(&self) -> Vec<SuppressionEntry> {
        let entry = |(s, expires, expired, hidden): &(Suppression, Timestamp, bool, u64)| SuppressionEntry {
            name: s.name.clone(),
            owner: s.owner.clone(),
            reason: s.reason.clone(),
            expires: Some(*expires),
            expired: *expired,
            hidden: *hidden,
        };
        self.entries.iter().map(entry).collect()
    }
}

/// Whether a value is what a suppression names, if it names any, in any case of letters.
pub(crate) fn same(wanted: Option<&String>, have: &str) -> bool {
    wanted.is_none_or(|wanted| wanted.eq_ignore_ascii_case(have))
}

impl Suppression {
    fn covers(&self, detection: &DetectionEntry) -> bool {
        same(self.rule.as_ref(), &detection.rule_id)
            && same(self.host.as_ref(), &detection.host)
            && same(self.account.as_ref(), &detection.account)
            && self
                .fields
                .iter()
                .all(|(k, v)| detection.fields.value(k).is_some_and(|have| have.eq_ignore_ascii_case(v)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(entry: &str) -> Result<Suppressions, SuppressError> {
        Suppressions::parse(&format!("suppressions:\n  - {entry}\n"), "2026-06-01T00:00:00Z".parse().unwrap())
    }

    #[test]
    fn an_entry_without_owner_expiry_or_bounds_is_refused() {
        assert!(matches!(parse("{name: a, owner: o, reason: r, rule: x}"), Err(SuppressError::Malformed(_))));
        assert!(matches!(
            parse("{name: a, owner: ' ', reason: r, expires: '2026-12-31', rule: x}"),
            Err(SuppressError::Nameless(_))
        ));
        assert!(matches!(
            parse("{name: a, owner: o, reason: r, expires: '2026-12-31'}"),
            Err(SuppressError::Unbounded(_))
        ));
        assert!(matches!(
            parse("{name: a, owner: o, reason: r, expires: never, rule: x}"),
            Err(SuppressError::Expiry { .. })
        ));
        assert!(parse("{name: a, owner: o, reason: r, expires: '2026-12-31', rule: x}").is_ok());
    }

    #[test]
    fn expiry_is_the_end_of_the_named_day() {
        let last = |day| {
            parse(&format!("{{name: a, owner: o, reason: r, expires: '{day}', rule: x}}")).unwrap().report()
        };
        assert!(last("2026-05-31").iter().all(|s| s.expired));
        assert!(last("2026-06-01").iter().all(|s| !s.expired));
    }
}
