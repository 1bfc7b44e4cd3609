//! Suppressions of alerts: of which detections nobody is told, by whose decision, and until when.
//!
//! # Invariants
//! - A suppression hides no detection: it is written, joined into incidents and shown as ever. Nobody is told of it, that is all.
//! - One that has ended hides nothing, whether anybody looked or not.
//! - A critical detection is hidden only by one that names its rule and its host or account, and then somebody is told that it
//!   was, in an alert of medium level.

use hinomi_model::{Level, Timestamp};
use serde::{Deserialize, Serialize};

use super::step::{Actor, stamp};
use crate::live::LiveDetection;
use crate::suppress::same;

/// Of which detections; at least one of it is there.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Condition {
    /// Id of their rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Their host, in any case of letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Their account, or its pseudonym.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

/// A suppression.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Quiet {
    /// What it is called.
    pub name: String,
    /// Of which detections.
    pub condition: Condition,
    /// Who wants it.
    pub owner: Option<Actor>,
    /// Why.
    pub reason: String,
    /// Until when.
    #[serde(with = "stamp")]
    pub expires: Timestamp,
    /// Somebody ended it before.
    pub lifted: bool,
    /// Detections that it hid.
    pub hidden: u64,
    /// Critical ones among them.
    pub critical: u64,
    /// When that was written last, in nanoseconds of Unix time.
    pub last_hidden_ns: Option<i64>,
}

impl Condition {
    /// Whether it is about one rule on one host or under one account.
    fn is_narrow(&self) -> bool {
        self.rule.is_some() && (self.host.is_some() || self.account.is_some())
    }

    fn covers(&self, detection: &LiveDetection, pseudonym: &dyn Fn(&str) -> String) -> bool {
        let account = self.account.as_ref();
        same(self.rule.as_ref(), &detection.rule_id)
            && same(self.host.as_ref(), &detection.host)
            && (same(account, &detection.account) || account == Some(&pseudonym(&detection.account)))
    }
}

impl Quiet {
    /// Whether it hides anything now.
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        !self.lifted && now < self.expires
    }

    /// Whether nobody is told of a detection.
    pub(super) fn hides(
        &self,
        detection: &LiveDetection,
        now: Timestamp,
        pseudonym: &dyn Fn(&str) -> String,
    ) -> bool {
        self.is_in_force(now)
            && (detection.level < Level::Critical || self.condition.is_narrow())
            && self.condition.covers(detection, pseudonym)
    }
}
