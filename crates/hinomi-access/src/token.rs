//! Tokens for programs: scoped, expiring, never more than their owner may.

use std::collections::BTreeSet;

use hinomi_model::Digest;
use serde::{Deserialize, Serialize};

use crate::id::{AccountId, TokenId};
use crate::moment::Moment;
use crate::role::Permission;

/// What a token can be for. Nothing that changes accounts or shows names to others is among it.
pub const SCOPES: [Permission; 4] =
    [Permission::Read, Permission::Search, Permission::AuditRead, Permission::AccountsRead];
/// Longest life, in days.
pub(crate) const MOST_DAYS: i64 = 366;
/// Most tokens of an account.
pub(crate) const MOST: usize = 50;

/// A token. Of its text there is the digest only.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Token {
    /// Its id.
    pub id: TokenId,
    /// What its owner calls it.
    pub name: String,
    /// Whose rights it has, as far as its scopes go.
    pub account: AccountId,
    /// What it is for.
    pub scopes: BTreeSet<Permission>,
    /// SHA-256 of its text.
    #[serde(with = "crate::step::digest_text")]
    pub digest: Digest,
    /// Since when.
    pub created: Moment,
    /// Until when.
    pub expires: Moment,
    /// When it was used first.
    pub first_used: Option<Moment>,
}
