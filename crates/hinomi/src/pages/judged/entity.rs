//! One account, host, supplier or backup copy that is asked about, by the name under which it is shown.

use super::super::{Asked, Refused, Shown};
use super::ACCOUNT;
use crate::judge::{Claim, Log, Report};

/// What is asked about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Account,
    Host,
    Supplier,
    Backup,
}

/// A part of what was judged: a day, an entity, both, or all.
#[derive(Debug, Default)]
pub(super) struct Scope {
    pub(super) day: Option<String>,
    pub(super) entity: Option<Entity>,
}

/// An entity.
#[derive(Debug)]
pub(super) struct Entity {
    pub(super) kind: Kind,
    /// As it is shown; nothing of what was typed when nothing is known by it.
    pub(super) name: Option<String>,
    /// Its names in the report; of a supplier, those of its accounts.
    ids: Vec<String>,
}

impl Kind {
    fn parse(text: &str) -> Result<Self, Refused> {
        match text {
            "account" => Ok(Self::Account),
            "host" => Ok(Self::Host),
            "supplier" => Ok(Self::Supplier),
            "backup" => Ok(Self::Backup),
            _ => Err(Refused::Senseless("kind makes no sense".to_owned())),
        }
    }

    /// What claims call it.
    fn about(self) -> &'static str {
        match self {
            Self::Account => ACCOUNT,
            Self::Host => "host",
            Self::Supplier => "supplier",
            Self::Backup => "copy",
        }
    }
}

/// The same host: the same name, or the same first label where one of them has no domain.
fn same_host(a: &str, b: &str) -> bool {
    let label = |name: &str| name.split('.').next().unwrap_or_default().to_lowercase();
    let whole = !a.is_empty() && a.eq_ignore_ascii_case(b);
    whole || (a.contains('.') != b.contains('.') && !label(a).is_empty() && label(a) == label(b))
}

/// Entities of claims about this kind of thing.
fn entities<'r>(report: &'r Report, about: &str) -> impl Iterator<Item = &'r str> {
    let claims = report.claims.iter().filter(move |claim| claim.about == about);
    claims.flat_map(|claim| &claim.verdicts).map(|verdict| verdict.entity.as_str())
}

impl Entity {
    fn find(report: &Report, kind: Kind, name: &str, names: &dyn Shown) -> Self {
        let mut ids: Vec<String> = match kind {
            Kind::Account => {
                let of_suppliers = report.suppliers.iter().flat_map(|s| &s.accounts).map(String::as_str);
                let all = entities(report, ACCOUNT).chain(of_suppliers);
                all.filter(|id| !id.is_empty() && names.account(id, None) == name)
                    .map(str::to_owned)
                    .collect()
            }
            Kind::Host => {
                let logs = report.logs.iter().map(|log| log.host.as_str());
                let all = entities(report, kind.about()).chain(logs);
                all.filter(|id| same_host(id, name)).map(str::to_owned).collect()
            }
            Kind::Supplier => {
                let found = report.suppliers.iter().filter(|supplier| supplier.name == name);
                found.flat_map(|s| std::iter::once(&s.name).chain(&s.accounts)).cloned().collect()
            }
            Kind::Backup => {
                let copies = report.copies.iter().map(|copy| copy.name.as_str());
                let all = entities(report, kind.about()).chain(copies);
                all.filter(|id| *id == name).map(str::to_owned).collect()
            }
        };
        ids.sort_unstable();
        ids.dedup();
        Self { kind, name: (!ids.is_empty()).then(|| name.to_owned()), ids }
    }

    /// Whether a verdict of a claim is about it.
    fn concerns(&self, claim: &Claim, entity: &str) -> bool {
        let own = |id: &String| id == entity;
        match (self.kind, claim.about.as_str()) {
            (Kind::Host, "source") => entity
                .rsplit_once(" @ ")
                .is_some_and(|(_, host)| self.ids.iter().any(|id| same_host(id, host))),
            (Kind::Host, "host" | "sender" | "exposure") => self.ids.iter().any(|id| same_host(id, entity)),
            (Kind::Supplier, "supplier" | ACCOUNT) => self.ids.iter().any(own),
            (kind, about) => kind.about() == about && self.ids.iter().any(own),
        }
    }
}

impl Scope {
    /// What was asked about.
    pub(super) fn of(asked: &Asked<'_>, report: Option<&Report>) -> Result<Self, Refused> {
        // As it came, for the report names days so; it has to be one.
        let day = asked.day("day")?.map(|_| asked.value("day")).transpose()?.flatten();
        let entity = match (asked.value("kind")?, asked.value("name")?) {
            (None, None) => None,
            (Some(kind), Some(name)) if !name.is_empty() => {
                let kind = Kind::parse(&kind)?;
                let unknown = Entity { kind, name: None, ids: Vec::new() };
                Some(report.map_or(unknown, |report| Entity::find(report, kind, &name, asked.names)))
            }
            _ => return Err(Refused::Senseless("kind and name belong together".to_owned())),
        };
        Ok(Self { day, entity })
    }

    /// Whether it is everything.
    pub(super) fn is_whole(&self) -> bool {
        self.day.is_none() && self.entity.is_none()
    }

    /// Whether a verdict of a claim is about it.
    pub(super) fn concerns(&self, claim: &Claim, entity: &str) -> bool {
        self.entity.as_ref().is_none_or(|asked| asked.concerns(claim, entity))
    }

    /// Whether anything was logged of it.
    pub(super) fn is_seen(&self, report: &Report) -> bool {
        let day = self.day.as_deref();
        let Some(entity) = &self.entity else { return report.logs.iter().any(|log| log.has(day)) };
        match entity.kind {
            Kind::Host => {
                let own = |log: &&Log| entity.ids.iter().any(|id| same_host(id, &log.host));
                report.logs.iter().filter(own).any(|log| log.has(day))
            }
            Kind::Backup => false,
            Kind::Account | Kind::Supplier => report.claims.iter().any(|claim| {
                let own = claim.verdicts.iter().filter(|verdict| entity.concerns(claim, &verdict.entity));
                // A day of a claim about sign-ins is one on which there was one.
                let mut days = own.flat_map(|verdict| &verdict.days).filter_map(|of| of.day.as_deref());
                days.any(|of| day.is_none_or(|day| day == of))
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_the_same_by_name_or_first_label() {
        assert!(same_host("GW01", "gw01") && same_host("gw01.corp.example", "gw01"));
        assert!(!same_host("gw01.corp.example", "gw01.other.example"));
        assert!(!same_host("", "") && !same_host("gw01", "gw02") && !same_host("", ".x"));
    }
}
