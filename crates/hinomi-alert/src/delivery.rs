//! Messages on their way, and what is held back.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{AlertId, Moment};

/// What a message is for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "for", rename_all = "snake_case")]
pub enum Purpose {
    /// To tell of an alert.
    Alert {
        /// Step of the policy, counted from 1.
        rung: usize,
        /// How often the policy began anew before.
        round: u64,
        /// Rota that had nobody on shift, so that this goes elsewhere.
        instead_of: Option<String>,
    },
    /// To tell what was held back.
    Summary {
        /// Alerts beyond those that are listed.
        more: u64,
    },
    /// To tell whose shift begins what is open.
    HandOver {
        /// The rota.
        rota: String,
        /// Alerts beyond those that are listed.
        more: u64,
    },
    /// To try a sink.
    Test {
        /// Who asked for it.
        by: String,
    },
}

/// Where a message goes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Address {
    /// Sink.
    pub sink: String,
    /// Person, if one is meant.
    pub person: Option<String>,
}

/// A message on its way.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Delivery {
    /// Its number.
    pub id: u64,
    /// Where it goes.
    pub to: Address,
    /// What it is for.
    pub purpose: Purpose,
    /// What it tells of.
    pub alerts: Vec<AlertId>,
    /// When it was made.
    pub made: Moment,
    /// How often it was tried in vain.
    pub attempts: u32,
    /// When it is tried next.
    pub next: Moment,
}

impl Delivery {
    pub(crate) fn wakes(&self) -> bool {
        matches!(self.purpose, Purpose::Alert { .. })
    }
}

/// What is held back from an address.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Held {
    /// Where it will be told.
    pub to: Address,
    /// Alerts that will be listed.
    pub alerts: Vec<AlertId>,
    /// More that will be counted.
    pub more: u64,
    /// When it is told.
    pub until: Moment,
}

/// What became of an attempt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It was taken.
    Sent,
    /// Perhaps later.
    Again {
        /// Why not now; never holds secrets.
        why: String,
        /// Not before this has passed, if the other side said so.
        after: Option<Duration>,
    },
    /// Never.
    Refused {
        /// Why.
        why: String,
    },
}
