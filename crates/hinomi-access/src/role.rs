//! Roles and what they may: one table. What stands in no row is denied.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Something that needs a right.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Read what is known: today, incidents, sources, rules, coverage, exceptions, the ledger.
    Read,
    /// Search records.
    Search,
    /// Write notes, assign, decide about incidents.
    Investigate,
    /// Acknowledge alerts, act.
    Respond,
    /// Ask to see names.
    UnmaskAsk,
    /// Approve that somebody else sees names.
    UnmaskApprove,
    /// Read who did what here.
    AuditRead,
    /// Read who has accounts.
    AccountsRead,
    /// Invite, change and disable accounts.
    AccountsManage,
    /// Make tokens for oneself.
    TokensOwn,
    /// See and revoke the tokens of others.
    TokensManage,
}

impl Permission {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Read,
        Self::Search,
        Self::Investigate,
        Self::Respond,
        Self::UnmaskAsk,
        Self::UnmaskApprove,
        Self::AuditRead,
        Self::AccountsRead,
        Self::AccountsManage,
        Self::TokensOwn,
        Self::TokensManage,
    ];

    /// As in the contract.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Search => "search",
            Self::Investigate => "investigate",
            Self::Respond => "respond",
            Self::UnmaskAsk => "unmask_ask",
            Self::UnmaskApprove => "unmask_approve",
            Self::AuditRead => "audit_read",
            Self::AccountsRead => "accounts_read",
            Self::AccountsManage => "accounts_manage",
            Self::TokensOwn => "tokens_own",
            Self::TokensManage => "tokens_manage",
        }
    }

    /// Reads a name of the contract.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| permission.name() == name)
    }
}

/// A set of permissions that people are given together.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sees what is known.
    Viewer,
    /// Investigates.
    Analyst,
    /// Investigates and acts.
    Responder,
    /// Sees what is known, and who did what.
    Auditor,
    /// Looks after accounts.
    Administrator,
    /// Decides who sees names.
    PrivacyOfficer,
}

/// Roles of an account.
pub type Roles = BTreeSet<Role>;

use Permission::{
    AccountsManage, AccountsRead, AuditRead, Investigate, Read, Respond, Search, TokensManage, TokensOwn,
    UnmaskApprove, UnmaskAsk,
};

/// The table.
const TABLE: [(Role, &str, &[Permission]); 6] = [
    (Role::Viewer, "viewer", &[Read]),
    (Role::Analyst, "analyst", &[Read, Search, Investigate, UnmaskAsk, TokensOwn]),
    (Role::Responder, "responder", &[Read, Search, Investigate, Respond, UnmaskAsk, TokensOwn]),
    (Role::Auditor, "auditor", &[Read, AuditRead, AccountsRead, TokensOwn]),
    (
        Role::Administrator,
        "administrator",
        &[Read, AuditRead, AccountsRead, AccountsManage, UnmaskApprove, TokensOwn, TokensManage],
    ),
    (Role::PrivacyOfficer, "privacy_officer", &[Read, AuditRead, UnmaskApprove]),
];

impl Role {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|(role, ..)| *role)
    }

    /// As in the contract.
    pub fn name(self) -> &'static str {
        TABLE.iter().find(|(role, ..)| *role == self).map_or("", |(_, name, _)| name)
    }

    /// Reads a name of the contract.
    pub fn named(name: &str) -> Option<Self> {
        TABLE.iter().find(|(_, known, _)| *known == name).map(|(role, ..)| *role)
    }

    /// What it may.
    pub fn permissions(self) -> &'static [Permission] {
        TABLE.iter().find(|(role, ..)| *role == self).map_or(&[], |(.., permissions)| permissions)
    }
}

/// What several roles may together.
pub(crate) fn permissions(roles: &Roles) -> BTreeSet<Permission> {
    roles.iter().flat_map(|role| role.permissions()).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written from docs/accounts.md, not from the table above.
    #[test]
    fn sensitive_rights_are_where_they_are_meant_to_be() {
        let with = |permission| -> Vec<&str> {
            Role::all().filter(|role| role.permissions().contains(&permission)).map(Role::name).collect()
        };
        assert_eq!(with(AccountsManage), ["administrator"]);
        assert_eq!(with(UnmaskApprove), ["administrator", "privacy_officer"]);
        assert_eq!(with(UnmaskAsk), ["analyst", "responder"]);
        assert_eq!(with(Respond), ["responder"]);
        assert_eq!(with(Search), ["analyst", "responder"]);
        assert_eq!(with(AuditRead), ["auditor", "administrator", "privacy_officer"]);
        assert_eq!(with(Read).len(), 6);
    }

    #[test]
    fn names_are_those_that_are_stored() {
        for role in Role::all() {
            assert_eq!(serde_json::to_string(&role).unwrap(), format!("{:?}", role.name()));
            assert_eq!(Role::named(role.name()), Some(role));
        }
        for permission in Permission::ALL {
            assert_eq!(serde_json::to_string(&permission).unwrap(), format!("{:?}", permission.name()));
            assert_eq!(Permission::named(permission.name()), Some(permission));
        }
    }
}
