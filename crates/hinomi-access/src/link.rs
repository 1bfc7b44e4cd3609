//! Links that are handed to somebody once: invitations, enrolling anew, sealed codes.

use hinomi_model::Digest;
use serde::{Deserialize, Serialize};

use crate::id::AccountId;
use crate::moment::Moment;

/// Seconds the link of the first start counts.
pub(crate) const FIRST: i64 = 24 * 3_600;
/// Seconds an invitation counts.
pub(crate) const INVITATION: i64 = 3 * 24 * 3_600;
/// Seconds a link to enrol anew counts.
pub(crate) const ANEW: i64 = 24 * 3_600;
/// Seconds a sealed code counts: a year, then a new one is due.
pub(crate) const SEALED: i64 = 366 * 24 * 3_600;
/// Seconds that whoever opened the envelope has.
pub(crate) const BREAK_GLASS: i64 = 3_600;

/// What a link is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// The first administrator.
    FirstAdministrator,
    /// Somebody who was invited.
    Invitation,
    /// Somebody who lost all factors.
    ReEnrolment,
    /// The code in the envelope.
    BreakGlass,
}

impl Purpose {
    /// As in the contract.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FirstAdministrator => "first_administrator",
            Self::Invitation => "invitation",
            Self::ReEnrolment => "re_enrolment",
            Self::BreakGlass => "break_glass",
        }
    }

    /// Seconds that a new one counts.
    pub(crate) const fn lasts(self) -> i64 {
        match self {
            Self::FirstAdministrator => FIRST,
            Self::Invitation => INVITATION,
            Self::ReEnrolment => ANEW,
            Self::BreakGlass => SEALED,
        }
    }
}

/// A link that was not used yet. Of its text there is the digest only.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Link {
    /// SHA-256 of its text.
    #[serde(with = "crate::step::digest_text")]
    pub digest: Digest,
    /// What it is for.
    pub purpose: Purpose,
    /// For which account; a sealed code makes one.
    pub account: Option<AccountId>,
    /// Until when it counts.
    pub expires: Moment,
}
