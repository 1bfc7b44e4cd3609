//! What people did about incidents, as it is written down.

use hinomi_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::clocks::Words;
use super::quiet::Condition;

/// A fact, its number, its time, and whose it is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Step {
    /// Counted from 0 without gaps.
    pub number: u64,
    /// When.
    #[serde(with = "stamp")]
    pub at: Timestamp,
    /// Who; none where the program itself counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Actor>,
    /// What.
    #[serde(flatten)]
    pub fact: Fact,
}

/// Who did something.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Actor {
    /// Id of the account.
    pub account: String,
    /// What the account was called.
    pub name: String,
}

/// How far an incident is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Somebody has to look at it.
    Open,
    /// It does not go on.
    Contained,
    /// Nothing is left to do.
    Closed,
}

impl State {
    /// As in the contract.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Contained => "contained",
            Self::Closed => "closed",
        }
    }
}

/// What an incident consisted of when somebody judged it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Extent {
    /// How many detections it had.
    pub detections: u64,
    /// Where the newest of them was made: leaf of the evidence, and number there.
    pub newest: (u64, u64),
}

/// Something that was done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Fact {
    /// Somebody has an incident in hand, or nobody any more.
    Assigned {
        /// Which.
        incident: String,
        /// Name of an account.
        assignee: Option<String>,
        /// Why.
        reason: String,
    },
    /// An incident is this far.
    Settled {
        /// Which.
        incident: String,
        /// How far.
        state: State,
        /// Why.
        reason: String,
        /// What was judged.
        seen: Extent,
    },
    /// A note.
    Noted {
        /// On which incident.
        incident: String,
        /// It.
        text: String,
    },
    /// A decision.
    Decided {
        /// About which incident.
        incident: String,
        /// It.
        decision: String,
        /// Why.
        reason: String,
        /// Records that it rests on; they were there.
        evidence: Vec<String>,
    },
    /// A deadline began.
    Began {
        /// Of which incident.
        incident: String,
        /// Which kind of deadline.
        kind: String,
        /// What it was called.
        name: Words,
        /// From when it counts.
        #[serde(with = "stamp")]
        since: Timestamp,
        /// When somebody is reminded.
        #[serde(with = "stamp")]
        soon: Timestamp,
        /// When it is over.
        #[serde(with = "stamp")]
        due: Timestamp,
        /// Why it counts from then.
        reason: String,
        /// Records that it rests on; they were there.
        evidence: Vec<String>,
    },
    /// A deadline was met.
    Met {
        /// Which: the number of the step with which it began.
        clock: u64,
        /// Why.
        reason: String,
        /// Records that show it; they were there.
        evidence: Vec<String>,
    },
    /// Somebody was reminded of a deadline.
    Reminded {
        /// Which.
        clock: u64,
        /// It was over.
        over: bool,
    },
    /// An incident left this place as a file.
    Exported {
        /// Which.
        incident: String,
        /// Digest of the file.
        sha256: String,
        /// Its size.
        bytes: u64,
        /// Whether names of accounts were in it.
        names: bool,
    },
    /// Alerts of some detections are not wanted.
    Suppressed {
        /// What it is called.
        name: String,
        /// Of which.
        condition: Condition,
        /// Why.
        reason: String,
        /// Until when.
        #[serde(with = "stamp")]
        expires: Timestamp,
    },
    /// They are wanted again.
    Lifted {
        /// The number of the step with which they were not.
        suppression: u64,
        /// Why.
        reason: String,
    },
    /// What a suppression hid since this was written last.
    Hid {
        /// The number of its step.
        suppression: u64,
        /// How many detections.
        count: u64,
        /// How many of them were critical.
        critical: u64,
    },
}

/// Times as RFC 3339.
pub(super) mod stamp {
    use hinomi_model::Timestamp;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
    pub(in super::super) fn serialize<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(at)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}
